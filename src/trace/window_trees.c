/*
 * trace_trees: the tree of each trace that has a span in a window of time.
 *
 * The ids of the traces are read first, then each trace whole by its id, one
 * after the other: no more than one tree is in memory at a time, and the spans
 * of a trace that lie outside the window cost no second look at the log.
 */
#include "postgres.h"

#include "compat.h"
#include "server/batch_relation.h"
#include "server/query.h"
#include "store/open_tree.h"
#include "trace/tree_argument.h"
#include "trace/tree_rows.h"

#include "catalog/pg_type.h"
#include "executor/tstoreReceiver.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(dt_trace_trees);

static SavedQuery ids_query = {
	.text = "SELECT DISTINCT l.trace_id FROM %s.distributed_trace_log l "
			"WHERE l.start_time OPERATOR(pg_catalog.>=) $1 "
			"AND l.start_time OPERATOR(pg_catalog.<) $2",
	.arg_count = 2,
	.arg_types = {TIMESTAMPTZOID, TIMESTAMPTZOID},
	.reads_in_bulk = true,
};

static SavedQuery spans_query = {
	.text = "SELECT l.trace_id, l.span_id, l.parent_span_id, l.service_name, "
			"l.operation, l.start_time, l.end_time, l.duration_ms, l.tags "
			"FROM trace_batch b JOIN %s.distributed_trace_log l "
			"ON l.trace_id OPERATOR(pg_catalog.=) b.trace_id",
	.reads_in_bulk = true,
};

/* The columns of it, in their order. */
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
};

static const BatchColumn id_columns[] = {
	{"trace_id", VARCHAROID, 100 + VARHDRSZ},
};

typedef struct TreesReceiver
{
	DestReceiver receiver;
	Row row;
	MemoryContext context; /* of one tree */
	bool with_tags;		   /* kinds and errors are wanted */
	SpanTree *open;		   /* NULL before the first span */
} TreesReceiver;

/* Writes out the tree of the trace whose spans have all come. */
static void
put_tree(TreesReceiver *receiver)
{
	if (receiver->open == NULL)
		return;
	row_put_slice(&receiver->row, span_tree_trace_id(receiver->open));
	row_put_pointer(&receiver->row, build_tree(receiver->open));
	row_emit(&receiver->row);
	receiver->open = NULL;
	MemoryContextReset(receiver->context);
}

/* A name that is NULL is one that nobody gave, as in span_tree_agg. */
static Slice
name_slice(Datum value, bool is_null)
{
	return is_null ? SLICE_LITERAL("") : datum_slice(value, false);
}

static void
read_span(const TreesReceiver *receiver, Slice trace_id, const Datum *values,
		  const bool *nulls, Span *span)
{
	require_value(nulls[COLUMN_SPAN], "span_id");
	span->span_id = datum_slice(values[COLUMN_SPAN], false);
	span->parent_span_id =
		datum_slice(values[COLUMN_PARENT], nulls[COLUMN_PARENT]);
	span->service_name =
		name_slice(values[COLUMN_SERVICE], nulls[COLUMN_SERVICE]);
	span->operation =
		name_slice(values[COLUMN_OPERATION], nulls[COLUMN_OPERATION]);
	span_set_start(span, values[COLUMN_START], nulls[COLUMN_START]);
	span_set_end(span, values[COLUMN_END], nulls[COLUMN_END]);
	span_set_duration(span, values[COLUMN_DURATION], nulls[COLUMN_DURATION]);
	span_set_tags(span, trace_id, values[COLUMN_TAGS], nulls[COLUMN_TAGS]);
	if (receiver->with_tags)
		return;
	span->kind = SPAN_KIND_ABSENT;
	span->flags &= ~SPAN_IS_ERROR;
}

static bool
receive_span(TupleTableSlot *slot, DestReceiver *self)
{
	TreesReceiver *receiver = (TreesReceiver *) self;
	MemoryContext caller = MemoryContextSwitchTo(receiver->context);
	Span span = {0};
	SpanTree *grown;
	Slice trace_id;

	CHECK_FOR_INTERRUPTS();
	slot_getallattrs(slot);
	trace_id = datum_slice(slot->tts_values[COLUMN_TRACE], false);
	if (receiver->open != NULL &&
		!slice_equal(span_tree_trace_id(receiver->open), trace_id))
		put_tree(receiver);
	read_span(receiver, trace_id, slot->tts_values, slot->tts_isnull, &span);
	grown = open_tree_add(receiver->open, trace_id, &span);
	if (receiver->open != NULL && grown != receiver->open)
		pfree(receiver->open);
	receiver->open = grown;
	MemoryContextSwitchTo(caller);
	return true;
}

/* The ids of the window's traces, and how many they are. */
static Tuplestorestate *
read_ids(Oid schema, const Datum *window, uint64 *count)
{
	Tuplestorestate *ids = tuplestore_begin_heap(false, false, work_mem);
	DestReceiver *receiver = CreateTuplestoreDestReceiver();

	SetTuplestoreDestReceiverParams(
		receiver, ids, CurrentMemoryContext, false, NULL, NULL);
	*count = query_run(&ids_query, schema, window, true, receiver);
	return ids;
}

static void
read_trees(TreesReceiver *receiver, Oid schema, const Datum *window)
{
	uint64 count;
	Tuplestorestate *ids = read_ids(schema, window, &count);

	if (count == 0)
	{
		tuplestore_end(ids);
		return;
	}
	query_read_on_batch(&spans_query,
						schema,
						NULL,
						batch_descriptor(id_columns, lengthof(id_columns)),
						ids,
						(double) count,
						&receiver->receiver);
	put_tree(receiver);
}

/*
 * trace_trees(from_time timestamptz, to_time timestamptz, with_tags boolean)
 *
 * One row (trace_id, tree) a trace, in no order; none if a time is NULL.
 */
Datum
dt_trace_trees(PG_FUNCTION_ARGS)
{
	Datum window[2] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};
	TreesReceiver receiver = {
		.receiver = query_receiver(receive_span),
		.with_tags = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2),
	};

	row_begin(&receiver.row, fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	receiver.context = AllocSetContextCreate(CurrentMemoryContext,
											 "distributed_trace window tree",
											 ALLOCSET_DEFAULT_SIZES);
	SPI_connect();
	read_trees(&receiver, calling_schema(fcinfo), window);
	SPI_finish();
	MemoryContextDelete(receiver.context);
	return (Datum) 0;
}
