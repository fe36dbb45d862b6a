/*
 * trace_service_paths: the ways a request took from service to service, for
 * adding up over many.
 */
#include "postgres.h"

#include "compat.h"
#include "core/path/service_paths.h"
#include "trace/tree_argument.h"
#include "trace/tree_rows.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(dt_trace_service_paths);

#define MAX_HOPS 64

typedef struct PathRows
{
	Row row;
	const SpanTree *tree;
	const ServicePath *paths;
	uint32 max_hops;
	const text *service; /* that a path must go through; NULL: any */
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

/* The services from `first` to `last`, joined; NULL if none of them is
 * wanted. */
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
	Row *row = &rows->row;
	text *name;

	row_start(row);
	name = path_text(rows, first, last);
	if (name == NULL)
	{
		row_drop(row);
		return;
	}
	row_put_slice(row, span_tree_trace_id(rows->tree));
	row_put_pointer(row, name);
	row_put_int32(row, path->depth - rows->paths[first].depth);
	row_put_bool(row, is_cycle);
	row_put_int64(row, path->calls);
	row_put_int64(row, path->errors);
	tree_rows_put_span_id(row, rows->tree, path->span);
	row_emit(row);
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

/*
 * trace_service_paths(tree span_tree | trace_id text, service_name text,
 *					   max_hops integer) -> setof record
 *
 * A row a path; none for NULL or an unknown id.
 */
Datum
dt_trace_service_paths(PG_FUNCTION_ARGS)
{
	PathRows rows = {.max_hops = max_hops_argument(fcinfo, 2)};
	ServicePath *paths;
	uint32_t count;

	row_begin(&rows.row, fcinfo, 0);
	rows.tree = tree_argument(fcinfo);
	if (rows.tree == NULL)
		return (Datum) 0;
	rows.service = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
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
