/*
 * What imports of other formats than OTLP have in common.
 */
#ifndef RECORD_IMPORT_ROWS_H
#define RECORD_IMPORT_ROWS_H

#include "postgres.h"

#include "record/span_batch.h"

/*
 * Microseconds since 1970 as the server counts them; false for what a
 * timestamptz cannot hold.
 */
extern bool unix_to_timestamp(int64 microseconds, TimestampTz *time);

/* Fills in the times of a row that started at `start`; false if the end lies
 * beyond what a timestamptz can hold. */
extern bool finish_row(SpanRow *row, TimestampTz start, int64 duration);

/* Adds a row to the batch, with copies of all it points to; or rejects it, if
 * the log cannot hold its names. */
extern void add_row_copy(SpanBatch *batch, const SpanRow *row);

/* Rejects a span by its id, which may be NULL. */
extern void reject_span(SpanBatch *batch, const text *span_id,
						const char *reason);

#endif
