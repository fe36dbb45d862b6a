/*
 * The rows of a function's result, filled from the left.
 *
 * A set-returning function calls row_begin once, and for each row puts its
 * columns and calls row_emit.  One that makes values of its own for a row calls
 * row_start first: what is allocated from there on is freed by row_emit.  One
 * that returns a composite puts the columns of a row that is all zero, and
 * returns row_composite.
 *
 * Short strings, which most are, lie in the row and cost no allocation.
 */
#ifndef SERVER_ROW_H
#define SERVER_ROW_H

#include "postgres.h"

#include "compat.h"
#include "core/base/slice.h"

#include "funcapi.h"
#include "utils/timestamp.h"

#define ROW_MAX_COLUMNS 40
#define ROW_SHORT_BYTES 1024

typedef struct Row
{
	int count;			   /* of columns that are filled */
	uint32 used;		   /* of the short strings */
	ReturnSetInfo *result; /* NULL for a composite */
	MemoryContext context; /* of what one row needs */
	MemoryContext caller;  /* NULL outside of row_start and row_emit */
	Datum values[ROW_MAX_COLUMNS];
	bool nulls[ROW_MAX_COLUMNS];
	char shorts[ROW_SHORT_BYTES];
} Row;

/* Makes the result of a set-returning function ready; MAT_SRF_USE_EXPECTED_DESC
 * among the flags saves looking its row type up. */
extern void row_begin(Row *row, FunctionCallInfo fcinfo, int flags);

extern void row_start(Row *row);
extern void row_emit(Row *row);

/* Instead of row_emit: the row is none. */
extern void row_drop(Row *row);

extern Datum row_composite(Row *row, FunctionCallInfo fcinfo);

/* NULL for a slice without data. */
extern void row_put_slice(Row *row, Slice slice);

/* NULL for NULL. */
extern void row_put_text(Row *row, const char *text);

static inline void
row_put(Row *row, Datum value)
{
	row->nulls[row->count] = false;
	row->values[row->count++] = value;
}

static inline void
row_put_null(Row *row)
{
	row->nulls[row->count] = true;
	row->values[row->count++] = (Datum) 0;
}

static inline void
row_put_nulls(Row *row, int count)
{
	while (count-- > 0)
		row_put_null(row);
}

/* A value that is passed by reference; NULL for NULL. */
static inline void
row_put_pointer(Row *row, const void *value)
{
	if (value == NULL)
		row_put_null(row);
	else
		row_put(row, PointerGetDatum(value));
}

static inline void
row_put_bool(Row *row, bool value)
{
	row_put(row, BoolGetDatum(value));
}

static inline void
row_put_int32(Row *row, int32 value)
{
	row_put(row, Int32GetDatum(value));
}

static inline void
row_put_int64(Row *row, int64 value)
{
	row_put(row, Int64GetDatum(value));
}

static inline void
row_put_float8(Row *row, double value)
{
	row_put(row, Float8GetDatum(value));
}

static inline void
row_put_time(Row *row, TimestampTz time)
{
	row_put(row, TimestampTzGetDatum(time));
}

static inline void
row_put_time_if(Row *row, bool has_time, TimestampTz time)
{
	if (has_time)
		row_put_time(row, time);
	else
		row_put_null(row);
}

/* Microseconds as milliseconds. */
static inline void
row_put_ms(Row *row, int64 us)
{
	row_put_float8(row, us / 1000.0);
}

#endif
