/*
 * Spans of Zipkin's first format as spans of its second.
 */
#ifndef FORMATS_ZIPKIN_V1_H
#define FORMATS_ZIPKIN_V1_H

#include "postgres.h"

#include "utils/jsonb.h"

/* Whether an object is a span of the first format: it has binaryAnnotations, or
 * annotations that only that has, and nothing that only the second has. */
extern bool is_zipkin_v1(JsonbContainer *span);

/* The same as an array of spans of the second format: one, or one for each
 * side of the call that it tells of. */
extern Jsonb *zipkin_v1_as_v2(JsonbContainer *span);

#endif
