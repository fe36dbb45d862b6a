/*
 * What imports of other formats than OTLP have in common.
 */
#ifndef FORMATS_IMPORT_ROWS_H
#define FORMATS_IMPORT_ROWS_H

#include "postgres.h"

#include "store/span_batch.h"

/* Fills in the times of a row that started at `start`; false if the end lies
 * beyond what a timestamptz can hold. */
extern bool finish_row(SpanRow *row, TimestampTz start, int64 duration);

/* Adds a row to the batch, with copies of all it points to. */
extern void add_row_copy(SpanBatch *batch, const SpanRow *row);

#endif
