/*
 * trace_critical_path_groups: the critical path of one trace by group, for
 * adding up over many.
 *
 * Its first row is the trace itself, with no group: counting those counts
 * traces, whatever lies on their paths.
 */
#include "postgres.h"

#include "core/path/path_groups.h"
#include "server/argument.h"
#include "trace/path_argument.h"
#include "trace/tree_argument.h"
#include "trace/tree_rows.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(dt_trace_critical_path_groups);

#define VIRTUAL_ROOT "(virtual root)"

static const WordArgument grouping_words = {
	.name = "group_by",
	.words = {[PATH_GROUP_SERVICE] = "service",
			  [PATH_GROUP_OPERATION] = "operation",
			  [PATH_GROUP_CALL_PATH] = "call_path"},
	.absent = PATH_GROUP_OPERATION,
};

typedef struct GroupRows
{
	Row row;
	const CriticalPath *path;
	const PathGroup *groups;
} GroupRows;

static uint32
max_depth_argument(FunctionCallInfo fcinfo, int argno)
{
	int32 max_depth = PG_ARGISNULL(argno) ? 64 : PG_GETARG_INT32(argno);

	if (max_depth < 1 || max_depth > 1000)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("max_depth must be between 1 and 1000"));
	return max_depth;
}

/*
 * The bytes of a control character or end of a line at `at`, U+2028 and U+2029
 * among them; 0 if there is none.
 */
static uint32
control_length(const char *at, uint32 left)
{
	const unsigned char *c = (const unsigned char *) at;
	int encoding = GetDatabaseEncoding();

	if (c[0] < ' ' || c[0] == 0x7f)
		return 1;
	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
	{
		if (left >= 2 && c[0] == 0xc2 && c[1] < 0xa0)
			return 2;
		if (left >= 3 && c[0] == 0xe2 && c[1] == 0x80 &&
			(c[2] == 0xa8 || c[2] == 0xa9))
			return 3;
		return 0;
	}
	return pg_encoding_max_length(encoding) == 1 && c[0] >= 0x80 && c[0] < 0xa0;
}

/*
 * A name whose characters among `special`, and those that control or end a
 * line, are written as in a URL, so that different names never make one key
 * and a key is always one line.
 */
static void
append_escaped(StringInfo key, Slice name, const char *special)
{
	for (uint32 i = 0; i < name.length;)
	{
		const char *at = name.data + i;
		uint32 escaped = control_length(at, name.length - i);

		if (escaped == 0 && strchr(special, *at) != NULL)
			escaped = 1;
		for (uint32 j = 0; j < escaped; j++)
			appendStringInfo(key, "%%%02X", (unsigned char) at[j]);
		if (escaped == 0)
			appendStringInfoCharMacro(key, *at);
		i += Max(escaped, 1);
	}
}

/* "service: operation", or what there is of it; steps of a call path are
 * separated by semicolons. */
static void
append_step(StringInfo key, const SpanTree *tree, const PathGroup *group)
{
	Slice service = span_tree_string(tree, group->service_name);
	Slice operation = span_tree_string(tree, group->operation);

	if (service.data == NULL)
		appendStringInfoString(key, VIRTUAL_ROOT);
	else
		append_escaped(key, service, ";:%");
	if (operation.data != NULL)
	{
		appendStringInfoString(key, ": ");
		append_escaped(key, operation, ";%");
	}
}

static text *
group_key(const SpanTree *tree, const PathGroup *groups, uint32 number)
{
	uint32 *steps = palloc(groups[number].depth * sizeof(uint32));
	uint32 count = 0;
	StringInfoData key;

	for (uint32 i = number; i != SPAN_TREE_NONE; i = groups[i].parent)
		steps[count++] = i;
	initStringInfo(&key);
	while (count-- > 0)
	{
		append_step(&key, tree, &groups[steps[count]]);
		if (count > 0)
			appendStringInfoChar(&key, ';');
	}
	return cstring_to_text_with_len(key.data, key.len);
}

/* That of the first path; SPAN_TREE_NONE if it is virtual. */
static uint32
first_root(const CriticalPath *path)
{
	return path->root_count > 0 ? path->roots[0] : SPAN_TREE_NONE;
}

/* The columns that are the same in every row. */
static void
put_trace(Row *row, const CriticalPath *path)
{
	uint32 root = first_root(path);

	row_put_slice(row, span_tree_trace_id(path->tree));
	if (root != SPAN_TREE_NONE)
	{
		const SpanNode *node = &span_tree_nodes(path->tree)[root];

		tree_rows_put_string(row, path->tree, node->service_name);
		tree_rows_put_string(row, path->tree, node->operation);
		row_put_time(row, node->start_time);
	}
	else
	{
		row_put_nulls(row, 2);
		row_put_time_if(row,
						path->section_count > 0,
						path->section_count > 0 ? path->sections[0].start : 0);
	}
	row_put_ms(row, path->counts.total);
}

/* The row of the trace, which is of no group. */
static void
emit_trace(GroupRows *rows)
{
	const CriticalPath *path = rows->path;
	Row *row = &rows->row;

	put_trace(row, path);
	row_put_nulls(row, 3);
	row_put_int32(row, 0);
	row_put_int32(row, path->section_count);
	row_put_ms(row, 0);
	row_put_ms(row, path->counts.total);
	tree_rows_put_span_id(row, path->tree, first_root(path));
	row_emit(row);
}

static void
emit_group(GroupRows *rows, uint32 number)
{
	const SpanTree *tree = rows->path->tree;
	const PathGroup *group = &rows->groups[number];
	Row *row = &rows->row;

	row_start(row);
	put_trace(row, rows->path);
	row_put_pointer(row, group_key(tree, rows->groups, number));
	tree_rows_put_string(row, tree, group->service_name);
	tree_rows_put_string(row, tree, group->operation);
	row_put_int32(row, group->depth);
	row_put_int32(row, group->sections);
	row_put_ms(row, group->exclusive);
	row_put_ms(row, group->inclusive);
	tree_rows_put_span_id(row, tree, group->top_span);
	row_emit(row);
}

/*
 * trace_critical_path_groups(tree span_tree | trace_id text, group_by text,
 *							  max_depth integer, options of the path)
 *     -> setof record
 *
 * The row of the trace and one of each group, times in ms; none for NULL or an
 * unknown id.
 */
Datum
dt_trace_critical_path_groups(PG_FUNCTION_ARGS)
{
	PathGrouping grouping = word_argument(fcinfo, 1, &grouping_words);
	uint32 max_depth = max_depth_argument(fcinfo, 2);
	GroupRows rows;
	CriticalPath path;
	PathGroup *groups;
	uint32_t count;

	row_begin(&rows.row, fcinfo, 0);
	if (!path_argument(fcinfo, 3, &path))
		return (Datum) 0;
	check_core_status(critical_path_groups(
		server_host(), &path, grouping, max_depth, &groups, &count));
	rows.path = &path;
	rows.groups = groups;
	emit_trace(&rows);
	for (uint32 i = 0; i < count; i++)
	{
		if (groups[i].sections > 0)
			emit_group(&rows, i);
	}
	return (Datum) 0;
}
