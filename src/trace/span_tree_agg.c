/*
 * The aggregate span_tree_agg: the tree of the spans of one trace.
 *
 * Its state is an open SpanTree, a plain varlena that grows in place with room
 * to spare, so that the server copies it only when it is full.  It is never
 * "internal": a distributed server can then compute it in parts.  A state that
 * has travelled as text comes back as a built tree; combining takes both.
 */
#include "postgres.h"

#include "compat.h"
#include "server/argument.h"
#include "store/open_tree.h"
#include "trace/tree_argument.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(dt_span_tree_agg_add);
PG_FUNCTION_INFO_V1(dt_span_tree_agg_add_row);
PG_FUNCTION_INFO_V1(dt_span_tree_agg_combine);
PG_FUNCTION_INFO_V1(dt_span_tree_agg_final);

static SpanTree *
state_argument(FunctionCallInfo fcinfo)
{
	if (!AggCheckCallContext(fcinfo, NULL))
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("function was called in a non-aggregate context"));
	return PG_ARGISNULL(0) ? NULL
						   : (SpanTree *) PG_DETOAST_DATUM(PG_GETARG_DATUM(0));
}

/* A state that is a built tree (it travelled as text) opened for more. */
static SpanTree *
reopen(const SpanTree *built)
{
	SpanTree *tree = NULL;
	SpanCursor cursor = span_tree_spans(built);
	Span span;

	while (span_cursor_next(&cursor, &span))
	{
		CHECK_FOR_INTERRUPTS();
		tree = open_tree_add(tree, span_tree_trace_id(built), &span);
	}
	return tree;
}

static SpanTree *
add_span(SpanTree *state, Slice trace_id, const Span *span)
{
	if (state != NULL && state->form == SPAN_TREE_BUILT)
		state = reopen(state);
	return open_tree_add(state, trace_id, span);
}

static void
require_id(bool is_null, const char *name)
{
	if (is_null)
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("%s of a span must not be null", name));
}

/* A name that is NULL is one that nobody gave: the empty one. */
static Slice
name_argument(FunctionCallInfo fcinfo, int argno)
{
	return PG_ARGISNULL(argno) ? SLICE_LITERAL("")
							   : slice_argument(fcinfo, argno);
}

/*
 * span_tree_agg_add(state span_tree, trace_id, span_id, parent_span_id,
 *     service_name, operation text, start_time, end_time timestamptz,
 *     duration_ms numeric, kind text, is_error boolean [, is_async boolean])
 *     -> span_tree
 *
 * An error if the trace id or span id is NULL, or the trace another.
 */
Datum
dt_span_tree_agg_add(PG_FUNCTION_ARGS)
{
	SpanTree *state = state_argument(fcinfo);
	Span span = {0};

	require_id(PG_ARGISNULL(1), "trace_id");
	require_id(PG_ARGISNULL(2), "span_id");
	span.span_id = slice_argument(fcinfo, 2);
	span.parent_span_id = slice_argument(fcinfo, 3);
	span.service_name = name_argument(fcinfo, 4);
	span.operation = name_argument(fcinfo, 5);
	span_set_start(&span, PG_GETARG_DATUM(6), PG_ARGISNULL(6));
	span_set_end(&span, PG_GETARG_DATUM(7), PG_ARGISNULL(7));
	span_set_duration(&span, PG_GETARG_DATUM(8), PG_ARGISNULL(8));
	if (!PG_ARGISNULL(9))
		span.kind = span_kind_from_name(slice_argument(fcinfo, 9));
	if (!PG_ARGISNULL(10) && PG_GETARG_BOOL(10))
		span.flags |= SPAN_IS_ERROR;
	if (PG_NARGS() > 11 && !PG_ARGISNULL(11) && PG_GETARG_BOOL(11))
		span.flags |= SPAN_IS_ASYNC;
	PG_RETURN_POINTER(add_span(state, slice_argument(fcinfo, 1), &span));
}

/* The columns that a row form needs, found once for a query. */
enum
{
	ROW_TRACE,
	ROW_SPAN,
	ROW_PARENT,
	ROW_SERVICE,
	ROW_OPERATION,
	ROW_START,
	ROW_END,
	ROW_DURATION,
	ROW_TAGS,
	ROW_COLUMN_COUNT,
};

static const char *const row_columns[ROW_COLUMN_COUNT] = {
	"trace_id",
	"span_id",
	"parent_span_id",
	"service_name",
	"operation",
	"start_time",
	"end_time",
	"duration_ms",
	"tags",
};

typedef struct RowReader
{
	TupleDesc desc;
	int columns[ROW_COLUMN_COUNT];
	Datum *values;
	bool *nulls;
} RowReader;

static RowReader *
row_reader(FunctionCallInfo fcinfo, HeapTupleHeader row)
{
	RowReader *reader = fcinfo->flinfo->fn_extra;
	MemoryContext caller;

	if (reader != NULL)
		return reader;
	caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	reader = palloc0(sizeof(RowReader));
	reader->desc = lookup_rowtype_tupdesc_copy(HeapTupleHeaderGetTypeId(row),
											   HeapTupleHeaderGetTypMod(row));
	for (int i = 0; i < ROW_COLUMN_COUNT; i++)
	{
		for (int a = 0; a < reader->desc->natts; a++)
		{
			Form_pg_attribute attribute = TupleDescAttr(reader->desc, a);

			if (!attribute->attisdropped &&
				namestrcmp(&attribute->attname, row_columns[i]) == 0)
				reader->columns[i] = a + 1;
		}
		if (reader->columns[i] == 0)
			ereport(ERROR,
					errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("column \"%s\" does not exist", row_columns[i]));
	}
	reader->values = palloc(reader->desc->natts * sizeof(Datum));
	reader->nulls = palloc(reader->desc->natts * sizeof(bool));
	fcinfo->flinfo->fn_extra = reader;
	MemoryContextSwitchTo(caller);
	return reader;
}

static Datum
row_value(const RowReader *reader, int column, bool *is_null)
{
	int index = reader->columns[column] - 1;

	*is_null = reader->nulls[index];
	return reader->values[index];
}

static Slice
row_slice(const RowReader *reader, int column)
{
	bool is_null;
	Datum value = row_value(reader, column, &is_null);

	return datum_slice(value, is_null);
}

/* As in name_argument. */
static Slice
row_name(const RowReader *reader, int column)
{
	Slice name = row_slice(reader, column);

	return name.data == NULL ? SLICE_LITERAL("") : name;
}

static void
read_row(const RowReader *reader, Span *span)
{
	Datum value;
	bool is_null;

	span->span_id = row_slice(reader, ROW_SPAN);
	span->parent_span_id = row_slice(reader, ROW_PARENT);
	span->service_name = row_name(reader, ROW_SERVICE);
	span->operation = row_name(reader, ROW_OPERATION);
	value = row_value(reader, ROW_START, &is_null);
	span_set_start(span, value, is_null);
	value = row_value(reader, ROW_END, &is_null);
	span_set_end(span, value, is_null);
	value = row_value(reader, ROW_DURATION, &is_null);
	span_set_duration(span, value, is_null);
	value = row_value(reader, ROW_TAGS, &is_null);
	span_set_tags(span, row_slice(reader, ROW_TRACE), value, is_null);
}

/*
 * span_tree_agg_add_row(state span_tree, span distributed_trace_log) ->
 *     span_tree
 *
 * Likewise, of a row.
 */
Datum
dt_span_tree_agg_add_row(PG_FUNCTION_ARGS)
{
	SpanTree *state = state_argument(fcinfo);
	HeapTupleHeader row;
	HeapTupleData tuple = {0};
	RowReader *reader;
	Slice trace_id;
	Span span = {0};

	if (PG_ARGISNULL(1))
	{
		/* an outer join's missing row */
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	row = PG_GETARG_HEAPTUPLEHEADER(1);
	reader = row_reader(fcinfo, row);
	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	tuple.t_data = row;
	heap_deform_tuple(&tuple, reader->desc, reader->values, reader->nulls);
	read_row(reader, &span);
	trace_id = row_slice(reader, ROW_TRACE);
	require_id(trace_id.data == NULL, "trace_id");
	require_id(span.span_id.data == NULL, "span_id");
	PG_RETURN_POINTER(add_span(state, trace_id, &span));
}

/*
 * span_tree_agg_combine(state, other span_tree) -> span_tree
 *
 * STRICT: the server takes the first state as it is.  An error if they are of
 * two traces.
 */
Datum
dt_span_tree_agg_combine(PG_FUNCTION_ARGS)
{
	SpanTree *state = state_argument(fcinfo);
	SpanTree *other = (SpanTree *) PG_DETOAST_DATUM(PG_GETARG_DATUM(1));
	SpanCursor cursor = span_tree_spans(other);
	Span span;

	while (span_cursor_next(&cursor, &span))
	{
		CHECK_FOR_INTERRUPTS();
		state = add_span(state, span_tree_trace_id(other), &span);
	}
	PG_RETURN_POINTER(state);
}

/*
 * span_tree_agg_final(state span_tree) -> span_tree
 *
 * Builds the tree; the state stays as it is, other rows may follow.  A state
 * that travelled as text, and nothing was added since, is the tree.
 */
Datum
dt_span_tree_agg_final(PG_FUNCTION_ARGS)
{
	SpanTree *state = state_argument(fcinfo);

	if (state == NULL)
		PG_RETURN_NULL();
	if (state->form == SPAN_TREE_BUILT)
		PG_RETURN_POINTER(state);
	PG_RETURN_POINTER(build_tree(state));
}
