/*
 * trace_critical_path_groups: the critical path of one trace by group, for
 * adding up over many.
 *
 * Its first row is the trace itself, with no group: counting those counts
 * traces, whatever lies on their paths.
 */
#include "postgres.h"

#include "compat.h"
#include "core/path/path_groups.h"
#include "trace/path_argument.h"
#include "trace/tree_argument.h"

#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(dt_trace_critical_path_groups);

#define VIRTUAL_ROOT "(virtual root)"

enum
{
	COLUMN_TRACE,
	COLUMN_ROOT_SERVICE,
	COLUMN_ROOT_OPERATION,
	COLUMN_TRACE_START,
	COLUMN_TRACE_MS,
	COLUMN_KEY,
	COLUMN_SERVICE,
	COLUMN_OPERATION,
	COLUMN_DEPTH,
	COLUMN_SECTIONS,
	COLUMN_EXCLUSIVE,
	COLUMN_INCLUSIVE,
	COLUMN_SPAN,
	COLUMN_COUNT,
};

typedef struct GroupRows
{
	ReturnSetInfo *result;
	const SpanTree *tree;
	Datum values[COLUMN_COUNT];
	bool nulls[COLUMN_COUNT];
	MemoryContext context; /* of what one row alone needs */
} GroupRows;

static PathGrouping
grouping_argument(FunctionCallInfo fcinfo, int argno)
{
	char *word = PG_ARGISNULL(argno)
					 ? pstrdup("operation")
					 : text_to_cstring(PG_GETARG_TEXT_PP(argno));

	if (strcmp(word, "operation") == 0)
		return PATH_GROUP_OPERATION;
	if (strcmp(word, "service") == 0)
		return PATH_GROUP_SERVICE;
	if (strcmp(word, "call_path") == 0)
		return PATH_GROUP_CALL_PATH;
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("invalid value for \"%s\": \"%s\"", "group_by", word),
			errhint("Use \"service\", \"operation\" or \"call_path\"."));
}

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

static void
set_string(GroupRows *rows, int column, uint32 offset)
{
	rows->nulls[column] = offset == SPAN_TREE_NONE;
	if (!rows->nulls[column])
		rows->values[column] = PointerGetDatum(
			slice_to_text(span_tree_string(rows->tree, offset)));
}

static void
set_span(GroupRows *rows, uint32 span)
{
	set_string(rows,
			   COLUMN_SPAN,
			   span == SPAN_TREE_NONE
				   ? SPAN_TREE_NONE
				   : span_tree_nodes(rows->tree)[span].span_id);
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

/* The columns that are the same in every row.  The root of several paths is
 * that of the first. */
static void
set_trace(GroupRows *rows, const CriticalPath *path)
{
	uint32 root = path->root_count > 0 ? path->roots[0] : SPAN_TREE_NONE;
	TimestampTz start = 0;

	rows->values[COLUMN_TRACE] =
		PointerGetDatum(slice_to_text(span_tree_trace_id(rows->tree)));
	set_string(rows, COLUMN_ROOT_SERVICE, SPAN_TREE_NONE);
	set_string(rows, COLUMN_ROOT_OPERATION, SPAN_TREE_NONE);
	if (root != SPAN_TREE_NONE)
	{
		const SpanNode *node = &span_tree_nodes(rows->tree)[root];

		set_string(rows, COLUMN_ROOT_SERVICE, node->service_name);
		set_string(rows, COLUMN_ROOT_OPERATION, node->operation);
		start = node->start_time;
	}
	else if (path->section_count > 0)
		start = path->sections[0].start;
	rows->nulls[COLUMN_TRACE_START] =
		root == SPAN_TREE_NONE && path->section_count == 0;
	rows->values[COLUMN_TRACE_START] = TimestampTzGetDatum(start);
	rows->values[COLUMN_TRACE_MS] = Float8GetDatum(path->counts.total / 1000.0);
}

static void
emit(GroupRows *rows, int32 depth, int32 sections, int64 exclusive,
	 int64 inclusive)
{
	CHECK_FOR_INTERRUPTS();
	rows->values[COLUMN_DEPTH] = Int32GetDatum(depth);
	rows->values[COLUMN_SECTIONS] = Int32GetDatum(sections);
	rows->values[COLUMN_EXCLUSIVE] = Float8GetDatum(exclusive / 1000.0);
	rows->values[COLUMN_INCLUSIVE] = Float8GetDatum(inclusive / 1000.0);
	tuplestore_putvalues(rows->result->setResult,
						 rows->result->setDesc,
						 rows->values,
						 rows->nulls);
}

static void
emit_trace(GroupRows *rows, const CriticalPath *path)
{
	rows->nulls[COLUMN_KEY] = true;
	set_string(rows, COLUMN_SERVICE, SPAN_TREE_NONE);
	set_string(rows, COLUMN_OPERATION, SPAN_TREE_NONE);
	set_span(rows, path->root_count > 0 ? path->roots[0] : SPAN_TREE_NONE);
	emit(rows, 0, path->section_count, 0, path->counts.total);
}

static void
emit_group(GroupRows *rows, const PathGroup *groups, uint32 number)
{
	const PathGroup *group = &groups[number];
	MemoryContext caller = MemoryContextSwitchTo(rows->context);

	rows->nulls[COLUMN_KEY] = false;
	rows->values[COLUMN_KEY] =
		PointerGetDatum(group_key(rows->tree, groups, number));
	set_string(rows, COLUMN_SERVICE, group->service_name);
	set_string(rows, COLUMN_OPERATION, group->operation);
	set_span(rows, group->top_span);
	emit(rows,
		 group->depth,
		 group->sections,
		 group->exclusive,
		 group->inclusive);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(rows->context);
}

/* tree or id, group_by, max_depth, options */
Datum
dt_trace_critical_path_groups(PG_FUNCTION_ARGS)
{
	PathGrouping grouping = grouping_argument(fcinfo, 1);
	uint32 max_depth = max_depth_argument(fcinfo, 2);
	GroupRows rows = {0};
	CriticalPath path;
	PathGroup *groups;
	uint32_t count;

	InitMaterializedSRF(fcinfo, 0);
	if (!path_argument(fcinfo, 3, &path))
		return (Datum) 0;
	rows.result = (ReturnSetInfo *) fcinfo->resultinfo;
	rows.tree = path.tree;
	rows.context = AllocSetContextCreate(CurrentMemoryContext,
										 "distributed_trace path group",
										 ALLOCSET_SMALL_SIZES);
	check_core_status(critical_path_groups(
		server_host(), &path, grouping, max_depth, &groups, &count));
	set_trace(&rows, &path);
	emit_trace(&rows, &path);
	for (uint32 i = 0; i < count; i++)
	{
		if (groups[i].sections > 0)
			emit_group(&rows, groups, i);
	}
	return (Datum) 0;
}
