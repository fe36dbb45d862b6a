/*
 * The trigger of distributed_trace_log, before each row that needs it (the
 * WHEN clauses see to that).
 *
 * - duration_ms is filled in when the span is finished and the writer gave
 *   none.  A duration that was merely end_time minus start_time follows when
 *   either is corrected, back to NULL where the end is taken away; any other
 *   one was measured by the writer and stays.
 *   A span whose tags say that its start is not its own has none.
 * - updated_at becomes the transaction's time when an UPDATE changes the row
 *   and does not set it itself.
 * - NULL for id, created_at or updated_at means the default, as it does for
 *   the AUTO_INCREMENT and TIMESTAMP columns that the table's design came from.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "compat.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "store/log_columns.h"
#include "store/reported.h"
#include "store/span_times.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(dt_trace_log_before_write);

/* The columns the trigger touches, by their numbers in the table at hand. */
typedef struct LogColumns
{
	int id;
	int start_time;
	int end_time;
	int duration_ms;
	int tags;
	int created_at;
	int updated_at;
} LogColumns;

static LogColumns
find_columns(TupleDesc desc)
{
	return (LogColumns){
		.id = log_column(desc, "id", INT8OID, INT8OID),
		.start_time =
			log_column(desc, "start_time", TIMESTAMPTZOID, TIMESTAMPTZOID),
		.end_time =
			log_column(desc, "end_time", TIMESTAMPTZOID, TIMESTAMPTZOID),
		.duration_ms = log_column(desc, "duration_ms", NUMERICOID, NUMERICOID),
		.tags = log_column(desc, "tags", JSONBOID, JSONBOID),
		.created_at =
			log_column(desc, "created_at", TIMESTAMPTZOID, TIMESTAMPTZOID),
		.updated_at =
			log_column(desc, "updated_at", TIMESTAMPTZOID, TIMESTAMPTZOID),
	};
}

/* end - start in us; false unless both are there and finite */
static bool
times_difference(HeapTuple tuple, TupleDesc desc, const LogColumns *columns,
				 int64 *us)
{
	bool no_start;
	bool no_end;
	Datum start = heap_getattr(tuple, columns->start_time, desc, &no_start);
	Datum end = heap_getattr(tuple, columns->end_time, desc, &no_end);

	if (no_start || no_end ||
		TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(start)) ||
		TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(end)))
		return false;
	if (!span_duration(
			DatumGetTimestampTz(start), DatumGetTimestampTz(end), us))
		ereport(ERROR,
				errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				errmsg("duration of the span is out of range"),
				errdetail("end_time minus start_time must be less than 10^13 "
						  "milliseconds."));
	return true;
}

static bool
same_value(HeapTuple a, HeapTuple b, TupleDesc desc, int column)
{
	Form_pg_attribute attribute = TupleDescAttr(desc, column - 1);
	bool a_null;
	bool b_null;
	Datum x = heap_getattr(a, column, desc, &a_null);
	Datum y = heap_getattr(b, column, desc, &b_null);

	if (a_null || b_null)
		return a_null == b_null;
	return datumIsEqual(x, y, attribute->attbyval, attribute->attlen);
}

/* Whether the old row's duration was just the difference of its times, which
 * the new row changes while leaving the duration alone. */
static bool
duration_should_follow(HeapTuple old, HeapTuple new, TupleDesc desc,
					   const LogColumns *columns)
{
	int64 us;
	bool isnull;
	Datum duration;

	if ((same_value(old, new, desc, columns->start_time) &&
		 same_value(old, new, desc, columns->end_time)) ||
		!same_value(old, new, desc, columns->duration_ms) ||
		!times_difference(old, desc, columns, &us))
		return false;
	duration = heap_getattr(old, columns->duration_ms, desc, &isnull);
	return !isnull && DatumGetBool(DirectFunctionCall2(
						  numeric_eq,
						  duration,
						  NumericGetDatum(int64_div_fast_to_numeric(us, 3))));
}

static bool
same_row(HeapTuple a, HeapTuple b)
{
	return a->t_len == b->t_len && a->t_data->t_hoff == b->t_data->t_hoff &&
		   memcmp(a->t_data->t_bits,
				  b->t_data->t_bits,
				  a->t_len - offsetof(HeapTupleHeaderData, t_bits)) == 0;
}

/* What the trigger will set. */
typedef struct Changes
{
	int count;
	int columns[4];
	Datum values[4];
	bool nulls[4];
} Changes;

static void
change(Changes *changes, int column, Datum value)
{
	changes->columns[changes->count] = column;
	changes->values[changes->count] = value;
	changes->count++;
}

static void
change_to_null(Changes *changes, int column)
{
	changes->nulls[changes->count] = true;
	change(changes, column, (Datum) 0);
}

static bool
is_null(HeapTuple tuple, TupleDesc desc, int column)
{
	bool isnull;

	(void) heap_getattr(tuple, column, desc, &isnull);
	return isnull;
}

/* Whether the start is not the span's own, so that it has no duration. */
static bool
start_is_placed(HeapTuple row, TupleDesc desc, const LogColumns *columns)
{
	bool isnull;
	Datum tags = heap_getattr(row, columns->tags, desc, &isnull);
	bool end_too;

	return !isnull && reports_times(DatumGetJsonbP(tags), &end_too);
}

static void
fill_in_duration(Changes *changes, HeapTuple row, HeapTuple old, TupleDesc desc,
				 const LogColumns *columns)
{
	int64 us;

	if (!is_null(row, desc, columns->duration_ms) &&
		(old == NULL || !duration_should_follow(old, row, desc, columns)))
		return;
	if (!start_is_placed(row, desc, columns) &&
		times_difference(row, desc, columns, &us))
		change(changes,
			   columns->duration_ms,
			   NumericGetDatum(int64_div_fast_to_numeric(us, 3)));
	else
		change_to_null(changes, columns->duration_ms);
}

static void
fill_in_defaults(Changes *changes, HeapTuple row, Relation log,
				 const LogColumns *columns)
{
	TupleDesc desc = RelationGetDescr(log);
	Datum now = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());

	if (is_null(row, desc, columns->id))
		change(changes,
			   columns->id,
			   Int64GetDatum(nextval_internal(
				   compat_identity_sequence(log, columns->id), false)));
	if (is_null(row, desc, columns->created_at))
		change(changes, columns->created_at, now);
	if (is_null(row, desc, columns->updated_at))
		change(changes, columns->updated_at, now);
}

/*
 * trace_log_before_write() -> trigger
 *
 * Of distributed_trace_log, before each row: fills in duration_ms (in ms) and
 * keeps updated_at.
 */
Datum
dt_trace_log_before_write(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	bool is_update;
	HeapTuple old;
	HeapTuple row;
	TupleDesc desc;
	LogColumns columns;
	Changes changes = {0};

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("function must be called by a BEFORE INSERT OR UPDATE "
					   "row trigger"));
	is_update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
	old = is_update ? trigger->tg_trigtuple : NULL;
	row = is_update ? trigger->tg_newtuple : trigger->tg_trigtuple;
	desc = RelationGetDescr(trigger->tg_relation);
	if (is_update && same_row(old, row))
		return PointerGetDatum(row);

	columns = find_columns(desc);
	fill_in_duration(&changes, row, old, desc, &columns);
	if (!is_update)
		fill_in_defaults(&changes, row, trigger->tg_relation, &columns);
	else if (is_null(row, desc, columns.updated_at) ||
			 same_value(old, row, desc, columns.updated_at))
		change(&changes,
			   columns.updated_at,
			   TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()));
	if (changes.count > 0)
		row = heap_modify_tuple_by_cols(row,
										desc,
										changes.count,
										changes.columns,
										changes.values,
										changes.nulls);
	return PointerGetDatum(row);
}
