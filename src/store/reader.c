/*
 * Reading stored spans: see reader.h.
 *
 * The rows stream from the executor to whoever takes them, through a receiver
 * of our own: no table of tuples is built in between.  A query is planned once
 * for each set of columns, and asks for no others, since what is not asked for
 * need not be found in its tuple nor fetched from where large values lie.
 */
#include "postgres.h"

#include "compat.h"
#include "server/batch_relation.h"
#include "server/numeric_reader.h"
#include "server/query.h"
#include "store/archive.h"
#include "store/reader.h"
#include "store/trace_lookup.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

/* The columns of every query, in its order. */
enum
{
	COLUMN_TRACE,
	COLUMN_SPAN,
	COLUMN_PARENT,
	COLUMN_SERVICE,
	COLUMN_OPERATION,
	COLUMN_START,
	COLUMN_END,
	COLUMN_DURATION,
	COLUMN_TAGS,
	COLUMN_LOGS,
};

#define COLUMN_SETS 4 /* by the bits READ_* */

#define SHAPE                                                                  \
	"SELECT l.trace_id, l.span_id, l.parent_span_id, l.service_name, "         \
	"l.operation, l.start_time, l.end_time, l.duration_ms, "
#define THE_LOG "%s.distributed_trace_log l "

/* A query for each set of columns: what follows their list, and the rest of
 * its SavedQuery. */
#define FOR_EACH_SET(rest, ...)                                                \
	{                                                                          \
		[0] = {.text = SHAPE "NULL, NULL " rest, __VA_ARGS__},                 \
		[READ_TAGS] = {.text = SHAPE "l.tags, NULL " rest, __VA_ARGS__},       \
		[READ_LOGS] = {.text = SHAPE "NULL, l.logs " rest, __VA_ARGS__},       \
		[READ_TAGS |                                                           \
			READ_LOGS] = {.text = SHAPE "l.tags, l.logs " rest, __VA_ARGS__},  \
	}

static SavedQuery trace_queries[COLUMN_SETS] =
	FOR_EACH_SET("FROM " THE_LOG "WHERE l.trace_id OPERATOR(pg_catalog.=) $1",
				 .arg_count = 1, .arg_types = {TEXTOID}, .reads_in_bulk = true);

static SavedQuery window_queries[COLUMN_SETS] = FOR_EACH_SET(
	"FROM " THE_LOG "WHERE l.start_time OPERATOR(pg_catalog.>=) $1 "
	"AND l.start_time OPERATOR(pg_catalog.<) $2",
	.arg_count = 2, .arg_types = {TIMESTAMPTZOID, TIMESTAMPTZOID},
	.reads_in_bulk = true);

static SavedQuery ids_queries[COLUMN_SETS] =
	FOR_EACH_SET("FROM trace_batch b JOIN " THE_LOG
				 "ON l.trace_id OPERATOR(pg_catalog.=) b.trace_id "
				 "AND l.span_id OPERATOR(pg_catalog.=) b.span_id",
				 .arg_count = 0);

/* whole traces, since there is no index on parents */
static SavedQuery outside_queries[COLUMN_SETS] =
	FOR_EACH_SET("FROM trace_batch b JOIN " THE_LOG
				 "ON l.trace_id OPERATOR(pg_catalog.=) b.trace_id "
				 "WHERE l.start_time OPERATOR(pg_catalog.<) $1 "
				 "OR l.start_time OPERATOR(pg_catalog.>=) $2",
				 .arg_count = 2, .arg_types = {TIMESTAMPTZOID, TIMESTAMPTZOID});

typedef struct RowReceiver
{
	DestReceiver receiver;
	SpanReader *reader;
	MemoryContext context; /* of one row */
	TimestampTz earliest;  /* start that was seen */
} RowReceiver;

static text *
get_text(TupleTableSlot *slot, int column, const char *required)
{
	if (required != NULL)
		require_value(slot->tts_isnull[column], required);
	return slot->tts_isnull[column] ? NULL
									: DatumGetTextPP(slot->tts_values[column]);
}

static void
get_times(TupleTableSlot *slot, SpanRow *row)
{
	const Datum *values = slot->tts_values;
	const bool *nulls = slot->tts_isnull;

	require_value(nulls[COLUMN_START], "start_time");
	row->start_time = DatumGetTimestampTz(values[COLUMN_START]);
	row->is_finished = !nulls[COLUMN_END];
	if (row->is_finished)
		row->end_time = DatumGetTimestampTz(values[COLUMN_END]);
	row->has_duration = !nulls[COLUMN_DURATION] &&
						numeric_ms_to_us((Numeric) PG_DETOAST_DATUM_PACKED(
											 values[COLUMN_DURATION]),
										 &row->duration);
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	RowReceiver *receiver = (RowReceiver *) self;
	MemoryContext caller = MemoryContextSwitchTo(receiver->context);
	SpanRow row = {.reports = 1};

	slot_getallattrs(slot);
	row.trace_id = get_text(slot, COLUMN_TRACE, "trace_id");
	row.span_id = get_text(slot, COLUMN_SPAN, "span_id");
	row.parent_span_id = get_text(slot, COLUMN_PARENT, NULL);
	row.service_name = get_text(slot, COLUMN_SERVICE, "service_name");
	row.operation = get_text(slot, COLUMN_OPERATION, "operation");
	get_times(slot, &row);
	if (!slot->tts_isnull[COLUMN_TAGS])
		row.tags = DatumGetJsonbP(slot->tts_values[COLUMN_TAGS]);
	row.logs = get_text(slot, COLUMN_LOGS, NULL);
	receiver->earliest = Min(receiver->earliest, row.start_time);
	receiver->reader->take(receiver->reader, &row);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(receiver->context);
	return true;
}

static RowReceiver
begin_reading(SpanReader *reader)
{
	SPI_connect();
	return (RowReceiver){
		.receiver = query_receiver(receive_row),
		.reader = reader,
		.earliest = DT_NOEND,
		/* goes with SPI's */
		.context = AllocSetContextCreate(CurrentMemoryContext,
										 "distributed_trace row",
										 ALLOCSET_DEFAULT_SIZES),
	};
}

static uint64
read_log(SpanReader *reader, SavedQuery *queries, const Datum *args,
		 TimestampTz *earliest)
{
	RowReceiver receiver = begin_reading(reader);
	uint64 count = query_run(&queries[reader->columns],
							 reader->schema,
							 args,
							 true,
							 &receiver.receiver);

	SPI_finish();
	*earliest = receiver.earliest;
	return count;
}

uint64
read_unsealed_trace(SpanReader *reader, text *trace_id)
{
	Datum args[1] = {PointerGetDatum(trace_id)};
	TimestampTz earliest;
	uint64 count = read_log(reader, trace_queries, args, &earliest);

	if (count > 0 && earliest <= archive_sealed_until(reader->schema) &&
		archive_is_readable(reader->schema))
		count += archive_read_trace(reader, text_slice(trace_id));
	return count;
}

uint64
read_trace(SpanReader *reader, text *trace_id)
{
	uint64 count = read_unsealed_trace(reader, trace_id);

	if (count == 0 && archive_is_readable(reader->schema))
		count = archive_read_trace(reader, text_slice(trace_id));
	return count;
}

uint64
read_meant_trace(SpanReader *reader, text *trace_id)
{
	uint64 count = read_trace(reader, trace_id);
	text *found;

	if (count > 0)
		return count;
	found = find_trace_id(reader->schema, trace_id);
	return found == NULL ? 0 : read_trace(reader, found);
}

uint64
read_window(SpanReader *reader, TimestampTz from_time, TimestampTz to_time)
{
	Datum args[2] = {TimestampTzGetDatum(from_time),
					 TimestampTzGetDatum(to_time)};

	TimestampTz earliest;
	uint64 count = read_log(reader, window_queries, args, &earliest);

	if (archive_is_readable(reader->schema))
		count += archive_read_window(reader, from_time, to_time);
	return count;
}

/* A relation that a query can name. */
struct SpanIds
{
	TupleDesc desc;
	Tuplestorestate *store;
	MemoryContext scratch;
	uint64 count;
};

SpanIds *
span_ids_create(void)
{
	static const BatchColumn columns[] = {
		{"trace_id", VARCHAROID, 100 + VARHDRSZ},
		{"span_id", VARCHAROID, 100 + VARHDRSZ},
	};
	SpanIds *ids = palloc(sizeof(SpanIds));

	*ids = (SpanIds){
		.desc = batch_descriptor(columns, lengthof(columns)),
		.store = tuplestore_begin_heap(false, false, work_mem),
		.scratch = AllocSetContextCreate(CurrentMemoryContext,
										 "distributed_trace ids",
										 ALLOCSET_SMALL_SIZES),
	};
	return ids;
}

void
span_ids_add(SpanIds *ids, Slice trace_id, Slice span_id)
{
	MemoryContext caller = MemoryContextSwitchTo(ids->scratch);
	Datum values[2];
	bool nulls[2] = {false, false};

	CHECK_FOR_INTERRUPTS();
	values[0] = PointerGetDatum(
		cstring_to_text_with_len(trace_id.data, trace_id.length));
	values[1] =
		PointerGetDatum(cstring_to_text_with_len(span_id.data, span_id.length));
	tuplestore_putvalues(ids->store, ids->desc, values, nulls);
	ids->count++;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(ids->scratch);
}

static uint64
read_rows_of_ids(SpanReader *reader, SavedQuery *queries, const Datum *args,
				 SpanIds *ids)
{
	uint64 count = 0;

	if (ids->count == 0)
		tuplestore_end(ids->store);
	else
	{
		RowReceiver receiver = begin_reading(reader);

		count = query_read_on_batch(&queries[reader->columns],
									reader->schema,
									args,
									ids->desc,
									ids->store,
									ids->count,
									&receiver.receiver);
		SPI_finish();
	}
	MemoryContextDelete(ids->scratch);
	return count;
}

uint64
read_spans_by_id(SpanReader *reader, SpanIds *ids)
{
	return read_rows_of_ids(reader, ids_queries, NULL, ids);
}

uint64
read_outside_window(SpanReader *reader, SpanIds *ids, TimestampTz from_time,
					TimestampTz to_time)
{
	Datum args[2] = {TimestampTzGetDatum(from_time),
					 TimestampTzGetDatum(to_time)};

	return read_rows_of_ids(reader, outside_queries, args, ids);
}
