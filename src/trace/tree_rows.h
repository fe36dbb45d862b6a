/*
 * The row type trace_tree_row, which every function that lists spans of a tree
 * returns.
 */
#ifndef TRACE_TREE_ROWS_H
#define TRACE_TREE_ROWS_H

#include "postgres.h"

#include "core/tree/span_tree.h"
#include "server/row.h"

typedef struct TreeRows TreeRows;

/* Makes the calling function materialize trace_tree_rows of this tree. */
extern TreeRows *tree_rows_begin(FunctionCallInfo fcinfo, const SpanTree *tree);

/* Appends the row of the span at this position. */
extern void tree_rows_add(TreeRows *rows, uint32 position);

/* A string of the tree as a column of any row; NULL for SPAN_TREE_NONE. */
static inline void
tree_rows_put_string(Row *row, const SpanTree *tree, uint32 offset)
{
	row_put_slice(row,
				  offset == SPAN_TREE_NONE ? (Slice){NULL, 0}
										   : span_tree_string(tree, offset));
}

/* The id of the span at a position; NULL for SPAN_TREE_NONE. */
static inline void
tree_rows_put_span_id(Row *row, const SpanTree *tree, uint32 span)
{
	tree_rows_put_string(row,
						 tree,
						 span == SPAN_TREE_NONE
							 ? SPAN_TREE_NONE
							 : span_tree_nodes(tree)[span].span_id);
}

#endif
