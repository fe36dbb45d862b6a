/*
 * The row type trace_tree_row, which every function that lists spans of a tree
 * returns.
 */
#ifndef TRACE_TREE_ROWS_H
#define TRACE_TREE_ROWS_H

#include "postgres.h"

#include "core/tree/span_tree.h"
#include "fmgr.h"

typedef struct TreeRows TreeRows;

/* Makes the calling function materialize trace_tree_rows of this tree. */
extern TreeRows *tree_rows_begin(FunctionCallInfo fcinfo, const SpanTree *tree);

/* Appends the row of the span at this position. */
extern void tree_rows_add(TreeRows *rows, uint32 position);

#endif
