/*
 * Writing batches of spans into distributed_trace_log.
 *
 * A batch is handed to SQL as a relation, and everything else is an ordinary
 * statement that privileges, row level security and triggers apply to.  (Rules
 * do not: the server refuses ON CONFLICT on a table with rules for INSERT.)
 *
 * 1. Rows of the batch that share ids are merged in memory, and the batch is
 *    put in the order of its ids: two sessions that record the same spans
 *    take them in the same order and cannot deadlock.
 * 2. INSERT ... ON CONFLICT DO NOTHING.  Mostly that is all.
 * 3. If some spans were there, all rows of the batch are read back, without a
 *    lock, and compared: an identical resend ends here and has written no
 *    row.  What cannot be read back was not stored, and is rejected.
 * 4. What differs is read again, locked, merged (another session may have
 *    merged its half in between) and updated; here, too, what is missing
 *    afterwards is rejected.
 *
 * 5. What shares its id with another span (see shared_ids.c) is recorded once
 *    more, under an id of its own.
 *
 * The INSERT draws a number from the identity sequence for every row, also for
 * those that turn out to be there: to look for them first would cost every new
 * span another probe of the index.
 */
#include "postgres.h"

#include "compat.h"
#include "server/batch_relation.h"
#include "server/numeric_reader.h"
#include "server/row.h"
#include "server/values.h"
#include "store/own_keys.h"
#include "store/placement.h"
#include "store/reported.h"
#include "store/shared_ids.h"
#include "store/span_batch.h"
#include "store/span_merge.h"
#include "store/span_times.h"
#include "store/trace_ids.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/resowner.h"
#include "utils/rls.h"
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
	COLUMN_TAKES_OVER,
	COLUMN_COUNT,
};

#define ID_TYPMOD (100 + VARHDRSZ)					  /* varchar(100) */
#define DURATION_TYPMOD (((16 << 16) | 3) + VARHDRSZ) /* numeric(16,3) */

static const BatchColumn batch_columns[COLUMN_COUNT] = {
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
	[COLUMN_TAKES_OVER] = {"takes_over", BOOLOID, -1},
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
			"duration_ms = CASE WHEN b.takes_over THEN b.duration_ms "
			"ELSE coalesce(b.duration_ms, l.duration_ms) END, "
			"tags = b.tags, logs = b.logs, "
			"updated_at = pg_catalog.now() "
			"FROM trace_batch b "
			"WHERE l.trace_id OPERATOR(pg_catalog.=) b.trace_id "
			"AND l.span_id OPERATOR(pg_catalog.=) b.span_id "
			"RETURNING b.position",
};

/* why a row of the batch is not in the log */
static const char NOT_STORED[] =
	"a row level security policy, a trigger or a concurrent DELETE kept it "
	"out of the log";
static const char STORED_NULL[] =
	"the row of its ids in the log holds a null where none may be";
static const char REFUSED[] = "a row level security policy refuses it";
static const char TOO_MANY_SHARE[] = "too many spans share its id";
static const char NOT_UPDATED[] =
	"a row level security policy, a trigger or a concurrent DELETE kept it "
	"from being merged into the log";

/* rounds of finding ids for spans whose id another one has */
#define SEPARATIONS 3
#define SHARED_ROUNDS 3

/* Some rows of a batch, in the order of their ids. */
typedef struct RowList
{
	SpanRow **rows;
	int count;
} RowList;

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

/* A row that was displaced from the log must not be lost. */
static void
reject_row(SpanBatch *batch, const SpanRow *row, const char *reason)
{
	if (row->reports == 0)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("a recorded span cannot be moved to an id of its own"),
				errdetail("Its id is that of its caller; of the new one: %s.",
						  reason));
	for (int i = 0; i < row->reports; i++)
		span_batch_reject_id(batch, row->span_id, reason);
}

static bool
is_too_long_for_id(const text *id)
{
	return id != NULL && VARSIZE(id) - VARHDRSZ > ID_MAX_LENGTH &&
		   pg_mbstrlen_with_len(VARDATA(id), VARSIZE(id) - VARHDRSZ) >
			   ID_MAX_LENGTH;
}

/* Why the columns of the log cannot hold a row; NULL if they can. */
static const char *
row_fault(const SpanRow *row)
{
	if (is_too_long_for_id(row->trace_id) || is_too_long_for_id(row->span_id) ||
		is_too_long_for_id(row->parent_span_id))
		return "id is longer than 100 characters";
	return service_name_fault(row->service_name);
}

/* Merges a row of the batch into one before it, or rejects it.  The rows own
 * their tags; `scratch` is left empty. */
static void
absorb(SpanBatch *batch, SpanRow *earlier, SpanRow *later,
	   MemoryContext scratch)
{
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	Jsonb *before = earlier->tags;
	bool changed;
	const char *fault = merge_span(earlier, later, &changed);

	MemoryContextSwitchTo(caller);
	if (fault != NULL)
		reject_row(batch, later, fault);
	else
	{
		earlier->reports += later->reports;
		if (earlier->tags != before)
		{
			earlier->tags = copy_value(earlier->tags);
			if (before != NULL)
				pfree(before);
		}
		if (later->tags != NULL)
			pfree(later->tags);
	}
	MemoryContextReset(scratch);
}

/*
 * Merges rows that share ids, in the order they came, into the first of them:
 * neighbours first, then what came of these, and so on.  So a tag is copied as
 * many times as the count can be halved, and not once for every row.
 */
static void
merge_run(SpanBatch *batch, SpanRow **rows, int count, MemoryContext scratch)
{
	for (int64 step = 1; step < count; step *= 2)
	{
		for (int64 i = 0; i + step < count; i += 2 * step)
		{
			CHECK_FOR_INTERRUPTS();
			absorb(batch, rows[i], rows[i + step], scratch);
		}
	}
}

/* Those of these rows that the log can hold, in order. */
static void
sort_rows(SpanBatch *batch, RowList *list)
{
	int kept = 0;

	for (int i = 0; i < list->count; i++)
	{
		const char *fault = row_fault(list->rows[i]);

		if (fault != NULL)
			reject_row(batch, list->rows[i], fault);
		else
			list->rows[kept++] = list->rows[i];
	}
	list->count = kept;
	qsort(list->rows, list->count, sizeof(SpanRow *), compare_rows);
}

/* Where the rows end that share the id of this one. */
static int
end_of_run(const RowList *list, int first)
{
	int next = first + 1;

	while (next < list->count &&
		   compare_ids(list->rows[first], list->rows[next]) == 0)
		next++;
	return next;
}

/* In order, each span under an id of its own: those that came of separating
 * an id may meet others under their new one, but not for ever. */
static void
sort_spans(SpanBatch *batch, RowList *list)
{
	bool is_settled = false;

	sort_rows(batch, list);
	for (int round = 0; round < SEPARATIONS && !is_settled; round++)
	{
		int next;

		is_settled = true;
		for (int first = 0; first < list->count; first = next)
		{
			CHECK_FOR_INTERRUPTS();
			next = end_of_run(list, first);
			if (next > first + 1 && separate_spans(&list->rows[first],
												   next - first,
												   batch->context))
				is_settled = false;
		}
		if (!is_settled)
			sort_rows(batch, list);
	}
}

/* The rows in order, those of one span merged into one. */
static void
sort_and_merge(SpanBatch *batch, RowList *list, Oid schema)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "distributed_trace merging",
												  ALLOCSET_DEFAULT_SIZES);
	int kept = 0;
	int next;

	sort_spans(batch, list);
	place_spans(list->rows, list->count, schema, batch->context);
	for (int first = 0; first < list->count; first = next)
	{
		SpanRow *row = list->rows[first];

		CHECK_FOR_INTERRUPTS();
		next = end_of_run(list, first);
		merge_run(batch, &list->rows[first], next - first, scratch);
		list->rows[kept++] = row;
	}
	list->count = kept;
	MemoryContextDelete(scratch);
	attach_children(list->rows, list->count, schema, batch->context);
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
	nulls[COLUMN_DURATION] = !row->has_duration;
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
	values[COLUMN_TAKES_OVER] = BoolGetDatum(row->takes_over);
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
	TupleDesc desc = batch_descriptor(batch_columns, COLUMN_COUNT);

	return query_run_on_batch(
		query, schema, desc, store_rows(list, desc), list->count);
}

/* Columns of READ_COLUMNS as a row, in the current memory context; the ids are
 * not among them.  False if a column is empty that no span lacks. */
static bool
read_row(HeapTuple tuple, TupleDesc desc, SpanRow *row)
{
	Datum values[COLUMN_TRACE];
	bool nulls[COLUMN_TRACE];

	heap_deform_tuple(tuple, desc, values, nulls);
	if (nulls[COLUMN_SERVICE] || nulls[COLUMN_OPERATION] || nulls[COLUMN_START])
		return false;
	memset(row, 0, sizeof(SpanRow));
	if (!nulls[COLUMN_PARENT])
		row->parent_span_id = DatumGetTextPCopy(values[COLUMN_PARENT]);
	row->service_name = DatumGetTextPCopy(values[COLUMN_SERVICE]);
	row->operation = DatumGetTextPCopy(values[COLUMN_OPERATION]);
	row->start_time = DatumGetTimestampTz(values[COLUMN_START]);
	row->is_finished = !nulls[COLUMN_END];
	if (row->is_finished)
		row->end_time = DatumGetTimestampTz(values[COLUMN_END]);
	if (!nulls[COLUMN_TAGS])
	{
		row->tags = DatumGetJsonbPCopy(values[COLUMN_TAGS]);
		row->start_is_placed = reports_times(row->tags, &row->end_is_placed);
	}
	if (row->is_finished && !row->start_is_placed)
		row->has_duration =
			(!nulls[COLUMN_DURATION] &&
			 numeric_ms_to_us(DatumGetNumeric(values[COLUMN_DURATION]),
							  &row->duration)) ||
			span_duration(row->start_time, row->end_time, &row->duration);
	if (!nulls[COLUMN_LOGS])
		row->logs = DatumGetTextPCopy(values[COLUMN_LOGS]);
	return true;
}

static int
position_of(HeapTuple tuple, TupleDesc desc)
{
	bool isnull;

	return DatumGetInt32(
		SPI_getbinval(tuple, desc, COLUMN_POSITION + 1, &isnull));
}

/* Rejects the rows of a list that a query did not give back. */
static void
reject_missing(SpanBatch *batch, const RowList *list, const SPITupleTable *rows,
			   uint64 count, const char *reason)
{
	bool *is_there;

	if (count == (uint64) list->count)
		return;
	is_there = MemoryContextAllocExtended(
		CurrentMemoryContext, list->count, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint64 i = 0; i < count; i++)
		is_there[position_of(rows->vals[i], rows->tupdesc)] = true;
	for (int i = 0; i < list->count; i++)
	{
		if (!is_there[i])
			reject_row(batch, list->rows[i], reason);
	}
	pfree(is_there);
}

/* What one call of record_spans is at. */
typedef struct Recording
{
	SpanBatch *batch;
	Oid schema;
	RowList moved; /* of the batch, to be recorded under an id of their own */
	RowList
		displaced;	/* likewise of the log, whose id a row of the batch has */
	RowList halves; /* servers' halves that were recorded */
	int64 accepted;
} Recording;

static RowList
make_list(int capacity)
{
	RowList list = {0};

	list.rows = MemoryContextAllocHuge(CurrentMemoryContext,
									   (capacity + 1) * sizeof(SpanRow *));
	return list;
}

static void
add_to_list(RowList *list, SpanRow *row)
{
	list->rows[list->count++] = row;
}

/* The span that the log has under the id of its caller, which is in the batch,
 * as a row of its own. */
static SpanRow *
displace(Recording *recording, const SpanRow *stored, const SpanRow *caller)
{
	MemoryContext context = MemoryContextSwitchTo(recording->batch->context);
	SpanRow *row = palloc(sizeof(SpanRow));

	*row = *stored;
	row->reports = 0;
	row->parent_span_id = copy_value(stored->parent_span_id);
	row->service_name = copy_value(stored->service_name);
	row->operation = copy_value(stored->operation);
	row->tags = copy_value(stored->tags);
	row->logs = copy_value(stored->logs);
	MemoryContextSwitchTo(context);
	give_own_id(row, row, caller, recording->batch->context);
	return row;
}

/*
 * Settles a row whose id another span has in the log: either the row or, if it
 * is the caller's, the other one gets an id of its own.  Returns the row if it
 * is to be written under the id.
 */
static SpanRow *
settle_shared_id(Recording *recording, const SpanRow *stored, SpanRow *row,
				 bool is_locked)
{
	if (!takes_over_id(row, stored) ||
		read_reported(stored->tags).span_id != NULL)
	{
		give_own_id(row, row, stored, recording->batch->context);
		add_to_list(&recording->moved, row);
		return NULL;
	}
	if (is_locked)
	{
		add_to_list(&recording->displaced, displace(recording, stored, row));
		row->takes_over = true;
	}
	return row;
}

/* A row of the log with a row of the batch merged into it; NULL if that
 * changes nothing, or cannot be stored and is rejected, or is to be stored
 * elsewhere. */
static SpanRow *
merge_stored_row(Recording *recording, HeapTuple tuple, TupleDesc desc,
				 SpanRow *row, bool is_locked)
{
	SpanRow *stored = palloc(sizeof(SpanRow));
	const char *fault;
	bool changed;

	if (!read_row(tuple, desc, stored))
	{
		reject_row(recording->batch, row, STORED_NULL);
		return NULL;
	}
	stored->trace_id = row->trace_id;
	stored->span_id = row->span_id;
	stored->reports = row->reports;
	if (!is_same_span(stored, row))
		return settle_shared_id(recording, stored, row, is_locked);
	fault = merge_span(stored, row, &changed);
	if (fault != NULL)
		reject_row(recording->batch, row, fault);
	return fault == NULL && changed ? stored : NULL;
}

/*
 * Merges every row of `list` into what the query reads of the log, and returns
 * those that the log does not already say word for word: merged, if the log's
 * rows are locked, as they came otherwise.  Rows that the query does not find
 * are rejected.
 */
static RowList
compare_with_log(Recording *recording, SavedQuery *query, const RowList *list,
				 bool is_locked)
{
	uint64 found_count = run_on_rows(query, recording->schema, list);
	SPITupleTable *found = SPI_tuptable;
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "distributed_trace comparing",
												  ALLOCSET_DEFAULT_SIZES);
	RowList differing = make_list(list->count);

	reject_missing(recording->batch,
				   list,
				   found,
				   found_count,
				   is_locked ? NOT_UPDATED : NOT_STORED);
	for (uint64 i = 0; i < found_count; i++)
	{
		HeapTuple tuple = found->vals[i];
		SpanRow *row = list->rows[position_of(tuple, found->tupdesc)];
		MemoryContext caller = CurrentMemoryContext;
		SpanRow *stored;

		CHECK_FOR_INTERRUPTS();
		if (!is_locked)
			MemoryContextSwitchTo(scratch);
		stored =
			merge_stored_row(recording, tuple, found->tupdesc, row, is_locked);
		if (stored != NULL)
			add_to_list(&differing, is_locked ? stored : row);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(scratch);
	}
	MemoryContextDelete(scratch);
	SPI_freetuptable(found);
	return differing;
}

/*
 * Writing
 *
 * Where row level security is in force a policy may refuse some of the rows
 * with an error, which must not take the others with it.
 */

/* Runs a statement that writes these rows; returns how many it wrote. */
static uint64
write_rows(Recording *recording, SavedQuery *query, const RowList *list)
{
	uint64 written = run_on_rows(query, recording->schema, list);

	if (query == &update_query)
		reject_missing(
			recording->batch, list, SPI_tuptable, written, NOT_UPDATED);
	return written;
}

/* Likewise, in a subtransaction; false, and nothing written, if that is
 * refused. */
static bool
try_rows(Recording *recording, SavedQuery *query, const RowList *list,
		 uint64 *written)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool is_refused = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		/* what is left of it after an error goes with the subtransaction */
		SPI_connect();
		*written += write_rows(recording, query, list);
		SPI_finish();
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if (error->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE)
			ReThrowError(error);
		FreeErrorData(error);
		is_refused = true;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return !is_refused;
}

/* Writes what is not refused, and rejects the rest, which leaves the list: a
 * part that fails is tried by its halves. */
static uint64
write_by_parts(Recording *recording, SavedQuery *query, RowList *list)
{
	int count = list->count;
	int size = count;
	int kept = 0;
	uint64 written = 0;

	for (int first = 0; first < count;)
	{
		RowList part = {&list->rows[first], Min(size, count - first)};

		CHECK_FOR_INTERRUPTS();
		if (!try_rows(recording, query, &part, &written))
		{
			if (part.count > 1)
			{
				size = part.count / 2;
				continue;
			}
			reject_row(recording->batch, part.rows[0], REFUSED);
		}
		else
		{
			memmove(
				&list->rows[kept], part.rows, part.count * sizeof(SpanRow *));
			kept += part.count;
		}
		first += part.count;
		size = Min(2 * size, count);
	}
	list->count = kept;
	return written;
}

static uint64
write_list(Recording *recording, SavedQuery *query, RowList *list)
{
	Oid log = get_relname_relid("distributed_trace_log", recording->schema);
	RowList none = {list->rows, 0};

	if (!OidIsValid(log) ||
		check_enable_rls(log, InvalidOid, true) != RLS_ENABLED)
		return write_rows(recording, query, list);
	/* who has no right at all is told so, once */
	(void) run_on_rows(query, recording->schema, &none);
	return write_by_parts(recording, query, list);
}

/* Step 3 and 4 of the head of this file. */
static void
merge_into_log(Recording *recording, const RowList *list)
{
	RowList differing = compare_with_log(recording, &read_query, list, false);

	if (differing.count > 0)
		differing = compare_with_log(recording, &lock_query, &differing, true);
	if (differing.count > 0)
		recording->accepted += write_list(recording, &update_query, &differing);
}

/* All steps for these rows; what turns out to need an id of its own is left in
 * the lists of the recording. */
static void
record_rows(Recording *recording, RowList *list)
{
	uint64 inserted;

	sort_and_merge(recording->batch, list, recording->schema);
	recording->moved = make_list(list->count);
	recording->displaced = make_list(list->count);
	if (list->count == 0)
		return;
	for (int i = 0; i < list->count; i++)
	{
		if (is_server_half(list->rows[i]))
			add_to_list(&recording->halves, list->rows[i]);
	}
	inserted = write_list(recording, &insert_query, list);
	recording->accepted += inserted;
	if (inserted < (uint64) list->count)
		merge_into_log(recording, list);
}

/* Step 5: rounds, for what has an id of its own now may meet another span. */
static void
record_shared(Recording *recording, int rounds)
{
	RowList moved = recording->moved;
	RowList displaced = recording->displaced;

	if (displaced.count > 0)
	{
		int64 accepted = recording->accepted;

		/* it is no row of the request, and was accepted once */
		record_rows(recording, &displaced);
		recording->accepted = accepted;
		for (int i = 0; i < recording->moved.count; i++)
			add_to_list(&moved, recording->moved.rows[i]);
	}
	if (moved.count == 0)
		return;
	if (rounds == 0)
	{
		for (int i = 0; i < moved.count; i++)
			reject_row(recording->batch, moved.rows[i], TOO_MANY_SHARE);
		return;
	}
	record_rows(recording, &moved);
	record_shared(recording, rounds - 1);
}

static void
record_batch(Recording *recording)
{
	SpanBatch *batch = recording->batch;
	RowList all = make_list(batch->count);

	for (int i = 0; i < batch->count; i++)
		add_to_list(&all, &batch->rows[i]);
	/* each row may be a half in each round, and displace one */
	recording->halves = make_list(2 * (SHARED_ROUNDS + 2) * batch->count);
	record_rows(recording, &all);
	record_shared(recording, SHARED_ROUNDS);
	if (recording->accepted > 0)
		attach_stored_children(
			recording->halves.rows, recording->halves.count, recording->schema);
}

RecordResult
record_spans(SpanBatch *batch, Oid schema)
{
	Recording recording = {.batch = batch, .schema = schema};
	RecordResult result = {0, 0};
	int64 rejected_before = batch->rejected;
	MemoryContext work;
	MemoryContext caller;

	if (batch->count == 0)
		return result;
	SPI_connect();
	/* SPI's own context goes with SPI_finish; so does this one, its child */
	work = AllocSetContextCreate(CurrentMemoryContext,
								 "distributed_trace recording",
								 ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(work);
	own_keys_catch_up(schema, "distributed_trace_log");
	record_batch(&recording);
	result.accepted = recording.accepted;
	result.duplicates =
		batch->count - (batch->rejected - rejected_before) - result.accepted;
	MemoryContextSwitchTo(caller);
	SPI_finish();
	return result;
}

Datum
record_and_report(FunctionCallInfo fcinfo, SpanBatch *batch)
{
	RecordResult result = record_spans(batch, calling_schema(fcinfo));

	return report_recorded(fcinfo, batch, &result);
}

Datum
report_recorded(FunctionCallInfo fcinfo, SpanBatch *batch,
				const RecordResult *result)
{
	Row row = {0};

	row_put_int64(&row, result->accepted);
	row_put_int64(&row, result->duplicates);
	row_put_int64(&row, batch->rejected);
	row_put_text(&row, span_batch_message(batch));
	return row_composite(&row, fcinfo);
}
