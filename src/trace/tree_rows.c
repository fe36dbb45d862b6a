/*
 * Rows of a tree: see tree_rows.h.
 */
#include "postgres.h"

#include "trace/path_argument.h"
#include "trace/tree_argument.h"
#include "trace/tree_rows.h"

struct TreeRows
{
	Row row;
	const SpanTree *tree;
	const SpanNode *nodes;
	int64_t *self;
	uint32_t *child_count;
	bool *on_path; /* the critical path, by its default definition */
};

TreeRows *
tree_rows_begin(FunctionCallInfo fcinfo, const SpanTree *tree)
{
	TreeRows *rows = palloc(sizeof(TreeRows));
	Size count = tree->span_count;
	CriticalPath path;

	row_begin(&rows->row, fcinfo, 0);
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

void
tree_rows_add(TreeRows *rows, uint32 position)
{
	Row *row = &rows->row;
	const SpanTree *tree = rows->tree;
	const SpanNode *node = &rows->nodes[position];
	int64 duration;

	row_put_int32(row, position + 1);
	row_put_int32(row, node->depth);
	tree_rows_put_string(row, tree, node->span_id);
	tree_rows_put_string(row, tree, node->parent_span_id);
	tree_rows_put_string(row, tree, node->service_name);
	tree_rows_put_string(row, tree, node->operation);
	row_put_time_if(row, node->flags & SPAN_HAS_START, node->start_time);
	row_put_time_if(row, node->flags & SPAN_HAS_END, node->end_time);
	if (span_node_duration(node, &duration))
	{
		row_put_ms(row, duration);
		row_put_ms(row, rows->self[position]);
	}
	else
		row_put_nulls(row, 2);
	row_put_int32(row, rows->child_count[position]);
	row_put_int32(row, node->descendants);
	row_put_bool(row, node->flags & NODE_IS_ROOT);
	row_put_bool(row, node->flags & NODE_IS_ORPHAN);
	row_put_bool(row, node->flags & SPAN_IS_ERROR);
	row_put_bool(row, rows->on_path[position]);
	row_emit(row);
}
