/*
 * What the tags of a span say about it, whatever it was recorded from.
 */
#ifndef RECORD_TAG_READERS_H
#define RECORD_TAG_READERS_H

#include "postgres.h"

#include "core/span.h"
#include "utils/jsonb.h"

/* The kind that was recorded, a name that OpenTelemetry does not know counting
 * as SPAN_KIND_UNSPECIFIED, and whether the span failed. */
extern SpanKind tags_read(Jsonb *tags, bool *is_error);

#endif
