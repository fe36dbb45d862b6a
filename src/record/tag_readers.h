/*
 * What the tags of a span say about it, whatever it was recorded from.
 */
#ifndef RECORD_TAG_READERS_H
#define RECORD_TAG_READERS_H

#include "postgres.h"

#include "core/span.h"
#include "utils/jsonb.h"

/* The kind that was recorded; a name that OpenTelemetry does not know counts
 * as SPAN_KIND_UNSPECIFIED. */
extern SpanKind tags_span_kind(Jsonb *tags);

/* Whether the span failed. */
extern bool tags_is_error(Jsonb *tags);

#endif
