/*
 * Rows of a tree: see tree_rows.h.
 *
 * Most strings are shorter than a short varlena allows; those are laid out in
 * a buffer of the row and cost no allocation.
 */
#include "postgres.h"

#include "compat.h"
#include "trace/path_argument.h"
#include "trace/tree_argument.h"
#include "trace/tree_rows.h"

#include "funcapi.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

enum
{
	COLUMN_ORDINAL,
	COLUMN_DEPTH,
	COLUMN_SPAN,
	COLUMN_PARENT,
	COLUMN_SERVICE,
	COLUMN_OPERATION,
	COLUMN_START,
	COLUMN_END,
	COLUMN_DURATION,
	COLUMN_SELF,
	COLUMN_CHILDREN,
	COLUMN_DESCENDANTS,
	COLUMN_IS_ROOT,
	COLUMN_IS_ORPHAN,
	COLUMN_IS_ERROR,
	COLUMN_ON_PATH,
	COLUMN_COUNT,
};

/* one of the four strings of a row */
typedef struct ShortText
{
	char bytes[VARATT_SHORT_MAX];
} ShortText;

struct TreeRows
{
	ReturnSetInfo *result;
	const SpanTree *tree;
	const SpanNode *nodes;
	int64_t *self;
	uint32_t *child_count;
	bool *on_path; /* the critical path, by its default definition */
	ShortText texts[4];
};

TreeRows *
tree_rows_begin(FunctionCallInfo fcinfo, const SpanTree *tree)
{
	TreeRows *rows = palloc(sizeof(TreeRows));
	Size count = tree->span_count;
	CriticalPath path;

	InitMaterializedSRF(fcinfo, 0);
	rows->result = (ReturnSetInfo *) fcinfo->resultinfo;
	rows->tree = tree;
	rows->nodes = span_tree_nodes(tree);
	rows->self = palloc_extended(count * sizeof(int64_t), MCXT_ALLOC_HUGE);
	rows->child_count =
		palloc_extended(count * sizeof(uint32_t), MCXT_ALLOC_HUGE);
	check_core_status(critical_path_find(
		server_host(), tree, &CRITICAL_PATH_DEFAULTS, &path));
	rows->on_path = spans_on_path(&path);
	check_core_status(span_tree_self_times(
		server_host(), tree, rows->self, rows->child_count));
	return rows;
}

static Datum
string_datum(const TreeRows *rows, uint32_t offset, ShortText *buffer)
{
	Slice string = span_tree_string(rows->tree, offset);

	if (string.length + VARHDRSZ_SHORT > VARATT_SHORT_MAX)
		return PointerGetDatum(slice_to_text(string));
	SET_VARSIZE_SHORT(buffer->bytes, string.length + VARHDRSZ_SHORT);
	memcpy(VARDATA_SHORT(buffer->bytes), string.data, string.length);
	return PointerGetDatum(buffer->bytes);
}

static Datum
milliseconds(int64 us)
{
	return Float8GetDatum(us / 1000.0);
}

void
tree_rows_add(TreeRows *rows, uint32 position)
{
	const SpanNode *node = &rows->nodes[position];
	Datum values[COLUMN_COUNT];
	bool nulls[COLUMN_COUNT] = {false};
	int64 duration = 0;

	nulls[COLUMN_PARENT] = node->parent_span_id == SPAN_TREE_NONE;
	nulls[COLUMN_START] = !(node->flags & SPAN_HAS_START);
	nulls[COLUMN_END] = !(node->flags & SPAN_HAS_END);
	nulls[COLUMN_DURATION] = !span_node_duration(node, &duration);
	nulls[COLUMN_SELF] = nulls[COLUMN_DURATION];

	values[COLUMN_ORDINAL] = Int32GetDatum(position + 1);
	values[COLUMN_DEPTH] = Int32GetDatum(node->depth);
	values[COLUMN_SPAN] = string_datum(rows, node->span_id, &rows->texts[0]);
	if (!nulls[COLUMN_PARENT])
		values[COLUMN_PARENT] =
			string_datum(rows, node->parent_span_id, &rows->texts[1]);
	values[COLUMN_SERVICE] =
		string_datum(rows, node->service_name, &rows->texts[2]);
	values[COLUMN_OPERATION] =
		string_datum(rows, node->operation, &rows->texts[3]);
	values[COLUMN_START] = TimestampTzGetDatum(node->start_time);
	values[COLUMN_END] = TimestampTzGetDatum(node->end_time);
	values[COLUMN_DURATION] = milliseconds(duration);
	values[COLUMN_SELF] = milliseconds(rows->self[position]);
	values[COLUMN_CHILDREN] = Int32GetDatum(rows->child_count[position]);
	values[COLUMN_DESCENDANTS] = Int32GetDatum(node->descendants);
	values[COLUMN_IS_ROOT] = BoolGetDatum(node->flags & NODE_IS_ROOT);
	values[COLUMN_IS_ORPHAN] = BoolGetDatum(node->flags & NODE_IS_ORPHAN);
	values[COLUMN_IS_ERROR] = BoolGetDatum(node->flags & SPAN_IS_ERROR);
	values[COLUMN_ON_PATH] = BoolGetDatum(rows->on_path[position]);
	tuplestore_putvalues(
		rows->result->setResult, rows->result->setDesc, values, nulls);
}
