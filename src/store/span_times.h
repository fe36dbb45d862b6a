/*
 * The times of a span as the log's columns can hold them.
 */
#ifndef STORE_SPAN_TIMES_H
#define STORE_SPAN_TIMES_H

#include "postgres.h"

#include "common/int.h"
#include "datatype/timestamp.h"
#include "utils/timestamp.h"

/* what numeric(16,3) milliseconds can hold: 316 years */
#define DURATION_MAX_US (INT64CONST(10000000000000000) - 1)

/* why a span cannot be stored that is longer */
#define DURATION_FAULT "start and end are more than 316 years apart"

/* 1970 as the server counts its microseconds, from 2000 on */
#define UNIX_EPOCH_IN_SERVER_TIME                                              \
	(-(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

static inline bool
is_storable_duration(int64 us)
{
	return us <= DURATION_MAX_US && us >= -DURATION_MAX_US;
}

/* end - start in us; false if one is infinite or duration_ms cannot hold it. */
static inline bool
span_duration(TimestampTz start, TimestampTz end, int64 *us)
{
	return !TIMESTAMP_NOT_FINITE(start) && !TIMESTAMP_NOT_FINITE(end) &&
		   !pg_sub_s64_overflow(end, start, us) && is_storable_duration(*us);
}

/* Microseconds since 1970 as the server counts them; false for what a
 * timestamptz cannot hold. */
static inline bool
unix_to_timestamp(int64 microseconds, TimestampTz *time)
{
	return !pg_add_s64_overflow(
			   microseconds, UNIX_EPOCH_IN_SERVER_TIME, time) &&
		   IS_VALID_TIMESTAMP(*time);
}

#endif
