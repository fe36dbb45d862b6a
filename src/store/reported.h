/*
 * What was reported of a span where the log holds something else.
 *
 * tags->'otel'->'reported' keeps it, so that it can be told and exported:
 *
 * start_us, end_us         a start, or end, that no clock can have shown, in
 *                          microseconds since 1970; the row has another
 * span_id, parent_span_id  of a span whose id another one has as well; the row
 *                          has an id of its own
 */
#ifndef STORE_REPORTED_H
#define STORE_REPORTED_H

#include "postgres.h"

#include "store/span_batch.h"
#include "utils/jsonb.h"

/* Members that are not there are NULL, or not said to be there. */
typedef struct Reported
{
	bool has_start;
	bool has_end;
	int64 start_us;
	int64 end_us;
	text *span_id;
	text *parent_span_id;
} Reported;

/* Of these tags, which may be NULL; texts are copies. */
extern Reported read_reported(Jsonb *tags);

/* Whether there is a time, which is cheap to ask; in `end_too` whether of the
 * end. */
extern bool reports_times(Jsonb *tags, bool *end_too);

/* The tags with this and nothing else in "reported"; what is no object stays
 * as it is. */
extern Jsonb *write_reported(Jsonb *tags, const Reported *reported);

extern bool same_reported(const Reported *a, const Reported *b);

#endif
