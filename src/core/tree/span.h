/*
 * A span as it was recorded.
 */
#ifndef CORE_SPAN_H
#define CORE_SPAN_H

#include "core/base/slice.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The kinds of OTLP, with room before them for "no kind was recorded". */
typedef enum SpanKind
{
	SPAN_KIND_ABSENT,
	SPAN_KIND_UNSPECIFIED,
	SPAN_KIND_INTERNAL,
	SPAN_KIND_SERVER,
	SPAN_KIND_CLIENT,
	SPAN_KIND_PRODUCER,
	SPAN_KIND_CONSUMER,
} SpanKind;

#define SPAN_KIND_COUNT (SPAN_KIND_CONSUMER + 1)

/* Which of a span's times were recorded and finite, whether it failed, and
 * whether its parent is known not to have waited for it. */
enum
{
	SPAN_HAS_START = 1 << 0,
	SPAN_HAS_END = 1 << 1,
	SPAN_HAS_DURATION = 1 << 2,
	SPAN_IS_ERROR = 1 << 3,
	SPAN_IS_ASYNC = 1 << 4,
};

#define SPAN_FLAGS                                                             \
	(SPAN_HAS_START | SPAN_HAS_END | SPAN_HAS_DURATION | SPAN_IS_ERROR |       \
	 SPAN_IS_ASYNC)

/* Times are microseconds since an epoch that only the caller knows. */
typedef struct Span
{
	Slice span_id;
	Slice parent_span_id;
	Slice service_name;
	Slice operation;
	int64_t start_time;
	int64_t end_time;
	int64_t duration;
	uint8_t kind; /* SpanKind */
	uint8_t flags;
} Span;

/* The name of a kind as OpenTelemetry writes it, in lower case; NULL for
 * SPAN_KIND_ABSENT. */
extern const char *span_kind_name(SpanKind kind);

/* The kind of a name, in any case; SPAN_KIND_ABSENT if it is none. */
extern SpanKind span_kind_from_name(Slice name);

/* a - b, held at the ends of the range: times may lie that far apart. */
static inline int64_t
time_difference(int64_t a, int64_t b)
{
	int64_t difference;

	if (__builtin_sub_overflow(a, b, &difference))
		return a > b ? INT64_MAX : INT64_MIN;
	return difference;
}

/* a + b, likewise. */
static inline int64_t
time_sum(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b > 0 ? INT64_MAX : INT64_MIN;
	return sum;
}

#endif
