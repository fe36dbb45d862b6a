/*
 * Spans whose start is no time of day: it is missing, or 0, or comes from a
 * clock that counts from its own beginning, or in milliseconds where
 * microseconds are meant.  All of these lie before the year 2000; nanoseconds
 * for microseconds lie behind the year 2554, where OTLP's times end.
 *
 * Such a span is recorded at the first of these that is known: its end, the
 * start of its parent, the earliest start of its trace in the batch, the time
 * it came.  Its tags keep what was reported, and so mark it: it has no
 * duration, is counted nowhere, and a tree takes its start for unknown.  So it
 * is found in a window of time, and moves no figure.
 *
 * Each step takes a time that is linear in the batch, or an index probe for
 * each such span, so that many of them harm nobody.
 */
#include "postgres.h"

#include "server/batch_relation.h"
#include "server/query.h"
#include "server/values.h"
#include "store/otel_member.h"
#include "store/placement.h"
#include "store/reported.h"
#include "store/span_times.h"
#include "store/trace_ids.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/memutils.h"

enum
{
	COLUMN_POSITION,
	COLUMN_TRACE,
	COLUMN_SPAN,
	COLUMN_COUNT,
};

static const BatchColumn batch_columns[COLUMN_COUNT] = {
	[COLUMN_POSITION] = {"position", INT4OID, -1},
	[COLUMN_TRACE] = {"trace_id", VARCHAROID, 100 + VARHDRSZ},
	[COLUMN_SPAN] = {"span_id", VARCHAROID, 100 + VARHDRSZ},
};

/* starts that are themselves known */
static SavedQuery parents_query = {
	.text = "SELECT b.position, l.start_time FROM trace_batch b "
			"JOIN %s.distributed_trace_log l "
			"ON l.trace_id OPERATOR(pg_catalog.=) b.trace_id "
			"AND l.span_id OPERATOR(pg_catalog.=) b.span_id "
			"WHERE (l.tags OPERATOR(pg_catalog.#>) " OTEL_PATH(
				OTEL_REPORTED "," OTEL_START_US) ") IS NULL",
};

static bool
needs_place(const SpanRow *row)
{
	return !is_time_of_day(row->start_time) && !row->start_is_placed;
}

/* Microseconds since 1970, or the most there can be. */
static int64
to_unix(TimestampTz time)
{
	int64 microseconds;

	if (pg_sub_s64_overflow(time, UNIX_EPOCH_IN_SERVER_TIME, &microseconds))
		return PG_INT64_MAX;
	return microseconds;
}

/* Puts a row at a time and notes what was reported. */
static void
place(SpanRow *row, TimestampTz time, MemoryContext context)
{
	Reported reported = read_reported(row->tags);
	MemoryContext caller = MemoryContextSwitchTo(context);

	reported.has_start = true;
	reported.start_us = to_unix(row->start_time);
	row->start_is_placed = true;
	row->start_time = time;
	if (row->is_finished && row->end_time != time)
	{
		reported.has_end = true;
		reported.end_us = to_unix(row->end_time);
		row->end_is_placed = true;
		row->end_time = time;
	}
	row->has_duration = false;
	row->tags = write_reported(row->tags, &reported);
	MemoryContextSwitchTo(caller);
}

/* The start of a row of these ids; false if there is none that knows it. */
static bool
find_start(SpanRow **rows, int count, const text *trace_id, const text *span_id,
		   TimestampTz *start)
{
	int low = 0;
	int high = count;

	while (low < high)
	{
		int middle = low + (high - low) / 2;
		const SpanRow *row = rows[middle];
		int order = compare_texts(trace_id, row->trace_id);

		if (order == 0)
			order = compare_texts(span_id, row->span_id);
		if (order == 0 && is_time_of_day(row->start_time) &&
			!row->start_is_placed)
		{
			*start = row->start_time;
			return true;
		}
		if (order <= 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

/* By what the batch knows: ends, and parents. */
static int
place_by_batch(SpanRow **rows, int count, MemoryContext context)
{
	int left = 0;

	for (int i = 0; i < count; i++)
	{
		SpanRow *row = rows[i];
		TimestampTz start;

		CHECK_FOR_INTERRUPTS();
		if (!needs_place(row))
			continue;
		if (row->is_finished && is_time_of_day(row->end_time))
			place(row, row->end_time, context);
		else if (row->parent_span_id != NULL &&
				 find_start(
					 rows, count, row->trace_id, row->parent_span_id, &start))
			place(row, start, context);
		else
			left++;
	}
	return left;
}

/* By parents that the log has. */
static void
place_by_log(SpanRow **rows, int count, Oid schema, MemoryContext context)
{
	TupleDesc desc = batch_descriptor(batch_columns, COLUMN_COUNT);
	Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);
	int asked = 0;
	uint64 found;

	for (int i = 0; i < count; i++)
	{
		Datum values[COLUMN_COUNT] = {
			Int32GetDatum(i),
			PointerGetDatum(rows[i]->trace_id),
			PointerGetDatum(rows[i]->parent_span_id),
		};
		bool nulls[COLUMN_COUNT] = {false};

		CHECK_FOR_INTERRUPTS();
		if (!needs_place(rows[i]) || rows[i]->parent_span_id == NULL)
			continue;
		tuplestore_putvalues(store, desc, values, nulls);
		asked++;
	}
	found = query_run_on_batch(&parents_query, schema, desc, store, asked);
	for (uint64 i = 0; i < found; i++)
	{
		bool isnull;
		Datum position = SPI_getbinval(
			SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
		Datum start = SPI_getbinval(
			SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull);

		if (!isnull && is_time_of_day(DatumGetTimestampTz(start)))
			place(rows[DatumGetInt32(position)],
				  DatumGetTimestampTz(start),
				  context);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* By the earliest start of the trace in the batch, else by the clock. */
static void
place_by_trace(SpanRow **rows, int count, MemoryContext context)
{
	TimestampTz now = GetCurrentTimestamp();
	int next;

	for (int first = 0; first < count; first = next)
	{
		TimestampTz earliest = DT_NOEND;

		CHECK_FOR_INTERRUPTS();
		for (next = first;
			 next < count &&
			 compare_texts(rows[first]->trace_id, rows[next]->trace_id) == 0;
			 next++)
		{
			if (is_time_of_day(rows[next]->start_time) &&
				!rows[next]->start_is_placed)
				earliest = Min(earliest, rows[next]->start_time);
		}
		for (int i = first; i < next; i++)
		{
			if (needs_place(rows[i]))
				place(rows[i], earliest == DT_NOEND ? now : earliest, context);
		}
	}
}

void
place_spans(SpanRow **rows, int count, Oid schema, MemoryContext context)
{
	bool is_needed = false;

	for (int i = 0; i < count && !is_needed; i++)
		is_needed = needs_place(rows[i]);
	if (!is_needed || place_by_batch(rows, count, context) == 0)
		return;
	place_by_log(rows, count, schema, context);
	place_by_trace(rows, count, context);
}
