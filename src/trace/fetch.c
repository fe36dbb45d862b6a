/*
 * Reading the spans of one trace from the log.
 *
 * The rows stream from the executor straight into an open tree, through a
 * receiver of our own: no table of tuples is built in between.
 */
#include "postgres.h"

#include "compat.h"
#include "server/query.h"
#include "store/open_tree.h"
#include "store/trace_lookup.h"
#include "trace/tree_argument.h"

#include "catalog/pg_type.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(dt_trace_get);

/* The columns of the query, in its order. */
enum
{
	COLUMN_SPAN,
	COLUMN_PARENT,
	COLUMN_SERVICE,
	COLUMN_OPERATION,
	COLUMN_START,
	COLUMN_END,
	COLUMN_DURATION,
	COLUMN_TAGS,
};

static SavedQuery spans_query = {
	.text = "SELECT span_id, parent_span_id, service_name, operation, "
			"start_time, end_time, duration_ms, tags "
			"FROM %s.distributed_trace_log "
			"WHERE trace_id OPERATOR(pg_catalog.=) $1",
	.arg_count = 1,
	.arg_types = {TEXTOID},
	.reads_in_bulk = true,
};

typedef struct TreeReceiver
{
	DestReceiver receiver;
	MemoryContext context; /* of the tree */
	Slice trace_id;
	SpanTree *tree; /* NULL before the first row */
} TreeReceiver;

/* Fills in what the columns hold; an error if one that must is empty. */
static void
read_span(Slice trace_id, const Datum *values, const bool *nulls, Span *span)
{
	require_value(nulls[COLUMN_SPAN], "span_id");
	require_value(nulls[COLUMN_SERVICE], "service_name");
	require_value(nulls[COLUMN_OPERATION], "operation");
	require_value(nulls[COLUMN_START], "start_time");
	span->span_id = datum_slice(values[COLUMN_SPAN], false);
	span->parent_span_id =
		datum_slice(values[COLUMN_PARENT], nulls[COLUMN_PARENT]);
	span->service_name = datum_slice(values[COLUMN_SERVICE], false);
	span->operation = datum_slice(values[COLUMN_OPERATION], false);
	span_set_start(span, values[COLUMN_START], false);
	span_set_end(span, values[COLUMN_END], nulls[COLUMN_END]);
	span_set_duration(span, values[COLUMN_DURATION], nulls[COLUMN_DURATION]);
	span_set_tags(span, trace_id, values[COLUMN_TAGS], nulls[COLUMN_TAGS]);
}

static bool
receive_span(TupleTableSlot *slot, DestReceiver *self)
{
	TreeReceiver *receiver = (TreeReceiver *) self;
	Span span = {0};
	SpanTree *grown;
	MemoryContext caller;

	slot_getallattrs(slot);
	read_span(receiver->trace_id, slot->tts_values, slot->tts_isnull, &span);
	caller = MemoryContextSwitchTo(receiver->context);
	grown = open_tree_add(receiver->tree, receiver->trace_id, &span);
	if (receiver->tree != NULL && grown != receiver->tree)
		pfree(receiver->tree);
	receiver->tree = grown;
	MemoryContextSwitchTo(caller);
	return true;
}

/* The spans stored under just this id, as an open tree. */
static SpanTree *
read_spans(Oid schema, text *trace_id)
{
	Datum args[1] = {PointerGetDatum(trace_id)};
	TreeReceiver receiver = {
		.receiver = query_receiver(receive_span),
		.context = CurrentMemoryContext,
		.trace_id = {VARDATA_ANY(trace_id), VARSIZE_ANY_EXHDR(trace_id)},
	};

	SPI_connect();
	query_run(&spans_query, schema, args, true, &receiver.receiver);
	SPI_finish();
	return receiver.tree;
}

SpanTree *
fetch_trace(Oid schema, text *trace_id)
{
	SpanTree *open = read_spans(schema, trace_id);
	SpanTree *built;

	if (open == NULL)
	{
		text *found = find_trace_id(schema, trace_id);

		if (found != NULL)
			open = read_spans(schema, found);
	}
	if (open == NULL)
		return NULL;
	built = build_tree(open);
	pfree(open);
	return built;
}

Datum
dt_trace_get(PG_FUNCTION_ARGS)
{
	SpanTree *tree = fetch_trace(calling_schema(fcinfo), PG_GETARG_TEXT_PP(0));

	if (tree == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(tree);
}
