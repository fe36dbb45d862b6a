/*
 * What the tags of a span say about it, whatever it was recorded from.
 */
#ifndef STORE_TAG_READERS_H
#define STORE_TAG_READERS_H

#include "postgres.h"

#include "core/tree/span.h"
#include "utils/jsonb.h"

/* OpenTelemetry's attribute of a link that was a reference of OpenTracing, and
 * its values. */
#define REFERENCE_TYPE "opentracing.ref_type"
#define CHILD_OF "child_of"
#define FOLLOWS_FROM "follows_from"

/* The kind that was recorded, a name that OpenTelemetry does not know counting
 * as SPAN_KIND_UNSPECIFIED, and whether the span failed. */
extern SpanKind tags_read(Jsonb *tags, bool *is_error);

/* A member of an object, where it lies; false if it is not there, or that is
 * no object (or NULL). */
extern bool tags_find_member(JsonbContainer *object, Slice key,
							 JsonbValue *value);

/* A member that is a string, not an empty one. */
extern bool tags_find_text(JsonbContainer *object, Slice key, Slice *text);

/* A member that is a finite number, or a string that holds one. */
extern bool tags_find_number(JsonbContainer *object, Slice key, double *number);

/* The HTTP status code of the response, from 100 to 999, however the number is
 * written; 0 if there is none. */
extern int tags_http_status_code(Jsonb *tags);

/* What the recording functions wrote; NULL if they did not. */
extern JsonbContainer *tags_find_otel(Jsonb *tags);

/* Whether the span says of its parent, by a link to it with OpenTelemetry's
 * attribute "opentracing.ref_type", that it follows from it: the parent did
 * not wait for it. */
extern bool tags_follow_parent(Jsonb *tags, Slice trace_id,
							   Slice parent_span_id);

/* How many spans this one stands for, if it was sampled; 1 else. */
extern double tags_adjusted_count(Jsonb *tags);

#endif
