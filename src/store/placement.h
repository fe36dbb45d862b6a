/*
 * Spans whose start is no time of day.
 */
#ifndef STORE_PLACEMENT_H
#define STORE_PLACEMENT_H

#include "postgres.h"

#include "store/span_batch.h"
#include "store/span_times.h"

/*
 * Gives the rows, in the order of their ids, whose start lies before
 * CLOCKS_BEGIN or not before CLOCKS_END, a time that is known, and notes what was
 * reported in their tags.  `context` owns the rows' values; SPI is connected.
 */
extern void place_spans(SpanRow **rows, int count, Oid schema,
						MemoryContext context);

/* 2000-01-01 UTC, as the server counts: nobody's clock shows less but one that
 * counts from its own beginning, or in other units. */
#define CLOCKS_BEGIN ((TimestampTz) 0)

/* 2554-07-21 23:34:33.709551 UTC, the last microsecond that OTLP has: whose
 * clock shows more counts in finer units. */
#define CLOCKS_END                                                             \
	((TimestampTz) (PG_UINT64_MAX / 1000) + UNIX_EPOCH_IN_SERVER_TIME)

/* Whether a clock can have shown this. */
static inline bool
is_time_of_day(TimestampTz time)
{
	return time >= CLOCKS_BEGIN && time < CLOCKS_END;
}

#endif
