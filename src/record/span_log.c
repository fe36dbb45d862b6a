/*
 * Writing batches of spans into distributed_trace_log.
 *
 * A batch is handed to SQL as a named tuplestore, the way transition tables
 * are, so that no array of it is ever made, and everything else is an ordinary
 * statement that privileges, row level security and rules apply to:
 *
 * 1. Rows of the batch that share ids are merged in memory, and the batch is
 *    put in the order of its ids: two sessions that record the same spans
 *    take them in the same order and cannot deadlock.
 * 2. INSERT ... ON CONFLICT DO NOTHING.  Mostly that is all.
 * 3. If some spans were there, all rows of the batch are read back, without a
 *    lock, and compared: an identical resend ends here and has written
 *    nothing.
 * 4. What differs is read again, locked, merged (another session may have
 *    merged its half in between) and updated.
 */
#include "postgres.h"

#include "compat.h"
#include "numeric_reader.h"
#include "query.h"
#include "record/span_batch.h"
#include "record/span_merge.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

/* Columns of the named tuplestore; the numbers are also those of READ_COLUMNS. */
enum
{
	COLUMN_POSITION,
	COLUMN_PARENT,
	COLUMN_SERVICE,
	COLUMN_OPERATION,
	COLUMN_START,
	COLUMN_END,
	COLUMN_DURATION,
	COLUMN_TAGS,
	COLUMN_LOGS,
	COLUMN_TRACE,
	COLUMN_SPAN,
	COLUMN_COUNT,
};

#define ID_TYPMOD (100 + VARHDRSZ)					  /* varchar(100) */
#define DURATION_TYPMOD (((16 << 16) | 3) + VARHDRSZ) /* numeric(16,3) */

static const struct
{
	const char *name;
	Oid type;
	int32 typmod;
} batch_columns[COLUMN_COUNT] = {
	[COLUMN_POSITION] = {"position", INT4OID, -1},
	[COLUMN_PARENT] = {"parent_span_id", VARCHAROID, ID_TYPMOD},
	[COLUMN_SERVICE] = {"service_name", TEXTOID, -1},
	[COLUMN_OPERATION] = {"operation", TEXTOID, -1},
	[COLUMN_START] = {"start_time", TIMESTAMPTZOID, -1},
	[COLUMN_END] = {"end_time", TIMESTAMPTZOID, -1},
	[COLUMN_DURATION] = {"duration_ms", NUMERICOID, DURATION_TYPMOD},
	[COLUMN_TAGS] = {"tags", JSONBOID, -1},
	[COLUMN_LOGS] = {"logs", TEXTOID, -1},
	[COLUMN_TRACE] = {"trace_id", VARCHAROID, ID_TYPMOD},
	[COLUMN_SPAN] = {"span_id", VARCHAROID, ID_TYPMOD},
};

#define READ_COLUMNS                                                           \
	"SELECT b.position, l.parent_span_id, l.service_name, l.operation, "       \
	"l.start_time, l.end_time, l.duration_ms, l.tags, l.logs "                 \
	"FROM trace_batch b JOIN %s.distributed_trace_log l "                      \
	"ON l.trace_id OPERATOR(pg_catalog.=) b.trace_id "                         \
	"AND l.span_id OPERATOR(pg_catalog.=) b.span_id "

static SavedQuery insert_query = {
	.text =
		"INSERT INTO %s.distributed_trace_log (trace_id, span_id, "
		"parent_span_id, service_name, operation, start_time, end_time, "
		"duration_ms, tags, logs) "
		"SELECT trace_id, span_id, parent_span_id, service_name, operation, "
		"start_time, end_time, duration_ms, tags, logs FROM trace_batch "
		"ON CONFLICT (trace_id, span_id) DO NOTHING",
};

static SavedQuery read_query = {.text = READ_COLUMNS};

static SavedQuery lock_query = {
	.text = READ_COLUMNS "ORDER BY b.position FOR UPDATE OF l",
};

static SavedQuery update_query = {
	.text = "UPDATE %s.distributed_trace_log l SET "
			"parent_span_id = b.parent_span_id, "
			"service_name = b.service_name, operation = b.operation, "
			"start_time = b.start_time, end_time = b.end_time, "
			"duration_ms = coalesce(b.duration_ms, l.duration_ms), tags = "
			"b.tags, logs = b.logs, "
			"updated_at = pg_catalog.now() "
			"FROM trace_batch b "
			"WHERE l.trace_id OPERATOR(pg_catalog.=) b.trace_id "
			"AND l.span_id OPERATOR(pg_catalog.=) b.span_id",
};

/* Some rows of a batch, in the order of their ids. */
typedef struct RowList
{
	SpanRow **rows;
	int count;
} RowList;

static int
compare_texts(const text *a, const text *b)
{
	int a_length = VARSIZE(a) - VARHDRSZ;
	int b_length = VARSIZE(b) - VARHDRSZ;
	int order = memcmp(VARDATA(a), VARDATA(b), Min(a_length, b_length));

	return order != 0 ? order : a_length - b_length;
}

static int
compare_ids(const SpanRow *a, const SpanRow *b)
{
	int order = compare_texts(a->trace_id, b->trace_id);

	return order != 0 ? order : compare_texts(a->span_id, b->span_id);
}

/* By ids, then in the order they came. */
static int
compare_rows(const void *a, const void *b)
{
	const SpanRow *x = *(SpanRow *const *) a;
	const SpanRow *y = *(SpanRow *const *) b;
	int order = compare_ids(x, y);

	return order != 0 ? order : (x > y) - (x < y);
}

/* The batch in order, what shares ids merged into one row. */
static RowList
sort_and_merge(SpanBatch *batch)
{
	RowList list = {0};

	list.rows = MemoryContextAllocHuge(CurrentMemoryContext,
									   batch->count * sizeof(SpanRow *));
	for (int i = 0; i < batch->count; i++)
		list.rows[i] = &batch->rows[i];
	qsort(list.rows, batch->count, sizeof(SpanRow *), compare_rows);
	for (int i = 0; i < batch->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (list.count > 0 &&
			compare_ids(list.rows[list.count - 1], list.rows[i]) == 0)
			merge_span(list.rows[list.count - 1], list.rows[i]);
		else
			list.rows[list.count++] = list.rows[i];
	}
	return list;
}

static TupleDesc
batch_descriptor(void)
{
	TupleDesc desc = CreateTemplateTupleDesc(COLUMN_COUNT);

	for (int i = 0; i < COLUMN_COUNT; i++)
		TupleDescInitEntry(desc,
						   i + 1,
						   batch_columns[i].name,
						   batch_columns[i].type,
						   batch_columns[i].typmod,
						   0);
	return desc;
}

static void
put_row(Tuplestorestate *store, TupleDesc desc, int position,
		const SpanRow *row)
{
	Datum values[COLUMN_COUNT];
	bool nulls[COLUMN_COUNT] = {false};

	values[COLUMN_POSITION] = Int32GetDatum(position);
	values[COLUMN_PARENT] = PointerGetDatum(row->parent_span_id);
	nulls[COLUMN_PARENT] = row->parent_span_id == NULL;
	values[COLUMN_SERVICE] = PointerGetDatum(row->service_name);
	values[COLUMN_OPERATION] = PointerGetDatum(row->operation);
	values[COLUMN_START] = TimestampTzGetDatum(row->start_time);
	values[COLUMN_END] = TimestampTzGetDatum(row->end_time);
	nulls[COLUMN_END] = !row->is_finished;
	nulls[COLUMN_DURATION] = !row->is_finished;
	values[COLUMN_DURATION] =
		nulls[COLUMN_DURATION]
			? (Datum) 0
			: NumericGetDatum(int64_div_fast_to_numeric(row->duration, 3));
	values[COLUMN_TAGS] = PointerGetDatum(row->tags);
	nulls[COLUMN_TAGS] = row->tags == NULL;
	values[COLUMN_LOGS] = PointerGetDatum(row->logs);
	nulls[COLUMN_LOGS] = row->logs == NULL;
	values[COLUMN_TRACE] = PointerGetDatum(row->trace_id);
	values[COLUMN_SPAN] = PointerGetDatum(row->span_id);
	tuplestore_putvalues(store, desc, values, nulls);
}

/* The rows as a tuplestore; the durations made on the way are freed. */
static Tuplestorestate *
store_rows(const RowList *list, TupleDesc desc)
{
	Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "distributed_trace span row",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);

	for (int i = 0; i < list->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		put_row(store, desc, i, list->rows[i]);
		MemoryContextReset(scratch);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	return store;
}

/* Runs a query in which trace_batch stands for these rows; returns how many
 * rows it processed.  SPI is connected. */
static uint64
run_on_rows(SavedQuery *query, Oid schema, const RowList *list)
{
	EphemeralNamedRelationData relation = {0};
	TupleDesc desc = batch_descriptor();
	uint64 processed;
	int code;

	relation.md.name = "trace_batch";
	relation.md.reliddesc = InvalidOid;
	relation.md.tupdesc = desc;
	relation.md.enrtype = ENR_NAMED_TUPLESTORE;
	relation.md.enrtuples = list->count;
	relation.reldata = store_rows(list, desc);

	code = SPI_register_relation(&relation);
	if (code != SPI_OK_REL_REGISTER)
		elog(ERROR,
			 "SPI_register_relation failed: %s",
			 SPI_result_code_string(code));
	processed = query_run(query, schema, NULL, false, NULL);
	SPI_unregister_relation("trace_batch");
	tuplestore_end(relation.reldata);
	return processed;
}

/* Columns of READ_COLUMNS as a row, in the current memory context; the ids are
 * not among them. */
static void
read_row(HeapTuple tuple, TupleDesc desc, SpanRow *row)
{
	Datum values[COLUMN_TRACE];
	bool nulls[COLUMN_TRACE];

	heap_deform_tuple(tuple, desc, values, nulls);
	memset(row, 0, sizeof(SpanRow));
	if (!nulls[COLUMN_PARENT])
		row->parent_span_id = DatumGetTextPCopy(values[COLUMN_PARENT]);
	row->service_name = DatumGetTextPCopy(values[COLUMN_SERVICE]);
	row->operation = DatumGetTextPCopy(values[COLUMN_OPERATION]);
	row->start_time = DatumGetTimestampTz(values[COLUMN_START]);
	row->is_finished = !nulls[COLUMN_END];
	if (row->is_finished)
		row->end_time = DatumGetTimestampTz(values[COLUMN_END]);
	if (nulls[COLUMN_DURATION] ||
		!numeric_ms_to_us(DatumGetNumeric(values[COLUMN_DURATION]),
						  &row->duration))
		row->duration = row->end_time - row->start_time;
	if (!nulls[COLUMN_TAGS])
		row->tags = DatumGetJsonbPCopy(values[COLUMN_TAGS]);
	if (!nulls[COLUMN_LOGS])
		row->logs = DatumGetTextPCopy(values[COLUMN_LOGS]);
}

/*
 * Merges every row of `list` into what the query reads of the log, and returns
 * those that the log does not already say word for word: merged, if `merged`
 * is wanted (the log's rows are then locked), as they came otherwise.
 */
static RowList
compare_with_log(SavedQuery *query, Oid schema, const RowList *list,
				 bool merged)
{
	MemoryContext caller = CurrentMemoryContext;
	RowList differing = {0};
	SPITupleTable *found;
	uint64 found_count = run_on_rows(query, schema, list);

	found = SPI_tuptable;
	differing.rows =
		MemoryContextAllocHuge(caller, (list->count + 1) * sizeof(SpanRow *));
	for (uint64 i = 0; i < found_count; i++)
	{
		HeapTuple tuple = found->vals[i];
		bool isnull;
		int position = DatumGetInt32(
			SPI_getbinval(tuple, found->tupdesc, COLUMN_POSITION + 1, &isnull));
		SpanRow *row = list->rows[position];
		SpanRow *stored = palloc(sizeof(SpanRow));

		CHECK_FOR_INTERRUPTS();
		read_row(tuple, found->tupdesc, stored);
		stored->trace_id = row->trace_id;
		stored->span_id = row->span_id;
		if (merge_span(stored, row))
			differing.rows[differing.count++] = merged ? stored : row;
	}
	SPI_freetuptable(found);
	return differing;
}

/* Step 3 and 4 of the head of this file; returns how many rows changed. */
static uint64
merge_into_log(Oid schema, const RowList *list)
{
	RowList differing = compare_with_log(&read_query, schema, list, false);

	if (differing.count == 0)
		return 0;
	differing = compare_with_log(&lock_query, schema, &differing, true);
	if (differing.count == 0)
		return 0;
	return run_on_rows(&update_query, schema, &differing);
}

RecordResult
record_spans(SpanBatch *batch, Oid schema)
{
	RecordResult result = {0, 0};
	MemoryContext work;
	MemoryContext caller;
	RowList list;

	if (batch->count == 0)
		return result;
	SPI_connect();
	/* SPI's own context goes with SPI_finish; so does this one, its child */
	work = AllocSetContextCreate(CurrentMemoryContext,
								 "distributed_trace recording",
								 ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(work);
	list = sort_and_merge(batch);
	result.accepted = run_on_rows(&insert_query, schema, &list);
	if (result.accepted < list.count)
		result.accepted += merge_into_log(schema, &list);
	result.duplicates = batch->count - result.accepted;
	MemoryContextSwitchTo(caller);
	SPI_finish();
	return result;
}

Datum
record_and_report(FunctionCallInfo fcinfo, SpanBatch *batch)
{
	RecordResult result = record_spans(batch, calling_schema(fcinfo));
	char *message = span_batch_message(batch);
	TupleDesc desc;
	Datum values[4];
	bool nulls[4] = {false, false, false, message == NULL};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int64GetDatum(result.accepted);
	values[1] = Int64GetDatum(result.duplicates);
	values[2] = Int64GetDatum(batch->rejected);
	values[3] = message == NULL ? (Datum) 0 : CStringGetTextDatum(message);
	return HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}
