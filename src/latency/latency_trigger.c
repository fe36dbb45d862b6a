/*
 * The trigger of distributed_trace_log that keeps the rollup of latencies,
 * after each statement that inserts or updates spans: old rows are taken out,
 * new ones added.  What a statement wrote is read from its transition tables
 * where they lie, without a query.
 *
 * Deleting spans is left alone on purpose: the rollup outlives them.
 */
#include "postgres.h"

#include "compat.h"
#include "latency/latency_delta.h"
#include "server/query.h"
#include "store/log_columns.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

/* Rows between two times that the memory for reading them is given back. */
#define ROWS_IN_MEMORY 64

PG_FUNCTION_INFO_V1(dt_trace_log_after_write);

/* The columns by which spans are counted, by their numbers in the table. */
typedef struct CountedColumns
{
	int service_name;
	int operation;
	int start_time;
	int parent_span_id;
	int tags;
	int duration_ms;
} CountedColumns;

static CountedColumns
find_columns(TupleDesc desc)
{
	return (CountedColumns){
		.service_name = log_column(desc, "service_name", TEXTOID, VARCHAROID),
		.operation = log_column(desc, "operation", TEXTOID, VARCHAROID),
		.start_time =
			log_column(desc, "start_time", TIMESTAMPTZOID, TIMESTAMPTZOID),
		.parent_span_id =
			log_column(desc, "parent_span_id", VARCHAROID, TEXTOID),
		.tags = log_column(desc, "tags", JSONBOID, JSONBOID),
		.duration_ms = log_column(desc, "duration_ms", NUMERICOID, NUMERICOID),
	};
}

/* A value of a column that must not be NULL.  An old row that has one is not
 * counted, so that it can be repaired; a new one is refused. */
static bool
read_value(TupleTableSlot *slot, int column, bool is_old, Datum *value)
{
	bool isnull;

	*value = slot_getattr(slot, column, &isnull);
	if (isnull && !is_old)
		require_value(
			isnull,
			NameStr(
				TupleDescAttr(slot->tts_tupleDescriptor, column - 1)->attname));
	return !isnull;
}

static CountedSpan
read_span(TupleTableSlot *slot, const CountedColumns *columns, bool is_old)
{
	CountedSpan span = {0};
	bool isnull;
	Datum service_name;
	Datum operation;
	Datum start_time;
	Datum value;

	if (!read_value(slot, columns->service_name, is_old, &service_name) ||
		!read_value(slot, columns->operation, is_old, &operation) ||
		!read_value(slot, columns->start_time, is_old, &start_time))
		return span;
	value = slot_getattr(slot, columns->duration_ms, &isnull);
	if (isnull)
		return span;
	span.duration_ms = DatumGetNumeric(value);
	span.service_name = DatumGetTextPP(service_name);
	span.operation = DatumGetTextPP(operation);
	span.start_time = DatumGetTimestampTz(start_time);
	(void) slot_getattr(slot, columns->parent_span_id, &span.is_root);
	value = slot_getattr(slot, columns->tags, &isnull);
	if (!isnull)
		span.tags = DatumGetJsonbP(value);
	return span;
}

/* A transition table being read; it may have other readers. */
typedef struct RowReader
{
	Tuplestorestate *rows; /* NULL: no rows */
	bool is_old;
	int pointer;
	TupleTableSlot *slot;
} RowReader;

static RowReader
open_rows(Tuplestorestate *rows, bool is_old, TupleDesc desc)
{
	RowReader reader = {.rows = rows, .is_old = is_old};

	if (rows == NULL)
		return reader;
	reader.slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	reader.pointer = tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND);
	tuplestore_select_read_pointer(rows, reader.pointer);
	tuplestore_rescan(rows);
	return reader;
}

/*
 * The next row; nothing to be counted if there is no more.  The row itself
 * lies in the current memory context until the next one is read, what is made
 * of it in `scratch`.
 */
static bool
read_row(RowReader *reader, const CountedColumns *columns,
		 MemoryContext scratch, CountedSpan *span)
{
	MemoryContext caller;

	*span = (CountedSpan){0};
	if (reader->rows == NULL)
		return false;
	tuplestore_select_read_pointer(reader->rows, reader->pointer);
	if (!tuplestore_gettupleslot(reader->rows, true, false, reader->slot))
		return false;
	caller = MemoryContextSwitchTo(scratch);
	*span = read_span(reader->slot, columns, reader->is_old);
	MemoryContextSwitchTo(caller);
	return true;
}

static void
close_rows(RowReader *reader)
{
	if (reader->slot != NULL)
		ExecDropSingleTupleTableSlot(reader->slot);
}

/*
 * Counts what a statement wrote.  An update's old and new rows come in the same
 * order, so one that changes nothing that is counted is seen as such; if they
 * did not, both would be counted, which comes to the same.
 */
static void
count_rows(LatencyDeltas *deltas, TriggerData *trigger)
{
	TupleDesc desc = RelationGetDescr(trigger->tg_relation);
	CountedColumns columns = find_columns(desc);
	RowReader old = open_rows(trigger->tg_oldtable, true, desc);
	RowReader new = open_rows(trigger->tg_newtable, false, desc);
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "distributed_trace counted "
												  "rows",
												  ALLOCSET_DEFAULT_SIZES);
	CountedSpan before;
	CountedSpan after;
	int64 count = 0;
	bool more;

	do
	{
		CHECK_FOR_INTERRUPTS();
		if (count++ % ROWS_IN_MEMORY == 0)
			MemoryContextReset(scratch);
		more = read_row(&old, &columns, scratch, &before);
		more |= read_row(&new, &columns, scratch, &after);
		latency_deltas_change(deltas, &before, &after);
		if (latency_deltas_are_many(deltas))
			latency_deltas_write(deltas);
	} while (more);
	close_rows(&old);
	close_rows(&new);
	MemoryContextDelete(scratch);
	latency_deltas_write(deltas);
}

static void
check_call(FunctionCallInfo fcinfo)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event) ||
		!(TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ||
		  TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)) ||
		trigger->tg_newtable == NULL ||
		(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) &&
		 trigger->tg_oldtable == NULL))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("function must be called by an AFTER INSERT OR UPDATE "
					   "statement trigger with transition tables"));
}

/*
 * trace_log_after_write() -> trigger
 *
 * Of distributed_trace_log, after each statement: counts what it wrote.
 */
Datum
dt_trace_log_after_write(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	check_call(fcinfo);
	check_log_trigger(fcinfo);
	if (latency_rollup_is_kept(trigger->tg_relation->rd_rel->relowner))
		count_rows(latency_deltas_create(calling_schema(fcinfo)), trigger);
	return PointerGetDatum(NULL);
}
