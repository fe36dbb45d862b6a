/*
 * trace_service_paths: the ways a request took from service to service, for
 * adding up over many.
 */
#include "postgres.h"

#include "compat.h"
#include "core/path/service_paths.h"
#include "trace/tree_argument.h"

#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(dt_trace_service_paths);

#define MAX_HOPS 64

enum
{
	COLUMN_TRACE,
	COLUMN_PATH,
	COLUMN_HOPS,
	COLUMN_IS_CYCLE,
	COLUMN_CALLS,
	COLUMN_ERRORS,
	COLUMN_SPAN,
	COLUMN_COUNT,
};

typedef struct PathRows
{
	ReturnSetInfo *result;
	const SpanTree *tree;
	const ServicePath *paths;
	uint32 max_hops;
	const text *service;   /* that a path must go through; NULL: any */
	MemoryContext context; /* of what one row alone needs */
} PathRows;

static uint32
max_hops_argument(FunctionCallInfo fcinfo, int argno)
{
	int32 max_hops = PG_ARGISNULL(argno) ? 8 : PG_GETARG_INT32(argno);

	if (max_hops < 1 || max_hops > MAX_HOPS)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("max_hops must be between 1 and %d", MAX_HOPS));
	return max_hops;
}

static bool
is_wanted(const PathRows *rows, uint32 path)
{
	Slice name = span_tree_string(rows->tree, rows->paths[path].service);

	return rows->service == NULL ||
		   (VARSIZE_ANY_EXHDR(rows->service) == name.length &&
			memcmp(VARDATA_ANY(rows->service), name.data, name.length) == 0);
}

/* The services from `first` to `last`, joined, unless none of them is wanted. */
static text *
path_text(const PathRows *rows, uint32 first, uint32 last)
{
	uint32 steps[MAX_HOPS + 1];
	uint32 count = 0;
	bool wanted = false;
	StringInfoData text;

	for (uint32 path = last;; path = rows->paths[path].parent)
	{
		steps[count++] = path;
		wanted |= is_wanted(rows, path);
		if (path == first)
			break;
	}
	if (!wanted)
		return NULL;
	initStringInfo(&text);
	while (count-- > 0)
	{
		Slice name =
			span_tree_string(rows->tree, rows->paths[steps[count]].service);

		appendBinaryStringInfo(&text, name.data, name.length);
		if (count > 0)
			appendStringInfoString(&text, " > ");
	}
	return cstring_to_text_with_len(text.data, text.len);
}

static void
put_path(PathRows *rows, uint32 first, uint32 last, bool is_cycle)
{
	const ServicePath *path = &rows->paths[last];
	MemoryContext caller = MemoryContextSwitchTo(rows->context);
	text *name = path_text(rows, first, last);
	Datum values[COLUMN_COUNT];
	bool nulls[COLUMN_COUNT] = {false};

	CHECK_FOR_INTERRUPTS();
	if (name != NULL)
	{
		values[COLUMN_TRACE] =
			PointerGetDatum(slice_to_text(span_tree_trace_id(rows->tree)));
		values[COLUMN_PATH] = PointerGetDatum(name);
		values[COLUMN_HOPS] =
			Int32GetDatum(path->depth - rows->paths[first].depth);
		values[COLUMN_IS_CYCLE] = BoolGetDatum(is_cycle);
		values[COLUMN_CALLS] = Int64GetDatum(path->calls);
		values[COLUMN_ERRORS] = Int64GetDatum(path->errors);
		values[COLUMN_SPAN] = PointerGetDatum(slice_to_text(span_tree_string(
			rows->tree, span_tree_nodes(rows->tree)[path->span].span_id)));
		tuplestore_putvalues(
			rows->result->setResult, rows->result->setDesc, values, nulls);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(rows->context);
}

/* The path max_hops above, or the root's. */
static uint32
first_step(const PathRows *rows, uint32 last)
{
	uint32 first = last;

	for (uint32 hops = 0;
		 hops < rows->max_hops && rows->paths[first].parent != SPAN_TREE_NONE;
		 hops++)
		first = rows->paths[first].parent;
	return first;
}

/* tree or id, service_name, max_hops */
Datum
dt_trace_service_paths(PG_FUNCTION_ARGS)
{
	PathRows rows = {.max_hops = max_hops_argument(fcinfo, 2)};
	ServicePath *paths;
	uint32_t count;

	InitMaterializedSRF(fcinfo, 0);
	rows.result = (ReturnSetInfo *) fcinfo->resultinfo;
	rows.tree = tree_argument(fcinfo);
	if (rows.tree == NULL)
		return (Datum) 0;
	rows.service = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
	rows.context = AllocSetContextCreate(CurrentMemoryContext,
										 "distributed_trace service path",
										 ALLOCSET_SMALL_SIZES);
	check_core_status(
		service_paths(server_host(), rows.tree, rows.max_hops, &paths, &count));
	rows.paths = paths;
	for (uint32 i = 0; i < count; i++)
	{
		put_path(&rows, first_step(&rows, i), i, false);
		if (paths[i].again != SPAN_TREE_NONE)
			put_path(&rows, paths[i].again, i, true);
	}
	return (Datum) 0;
}
