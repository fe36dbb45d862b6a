/*
 * The functions that walk a tree: each picks positions and lists their rows.
 *
 * All are scans of the pre-order: the spans below position p are the next
 * nodes[p].descendants ones.  Depth and ordinal are those of the whole trace,
 * whichever part of it is listed, so that rows of different calls can be
 * compared.
 */
#include "postgres.h"

#include "compat.h"
#include "trace/tree_argument.h"
#include "trace/tree_rows.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(dt_trace_tree);
PG_FUNCTION_INFO_V1(dt_trace_ancestors);
PG_FUNCTION_INFO_V1(dt_trace_descendants);
PG_FUNCTION_INFO_V1(dt_trace_siblings);
PG_FUNCTION_INFO_V1(dt_trace_leaves);
PG_FUNCTION_INFO_V1(dt_trace_roots);
PG_FUNCTION_INFO_V1(dt_trace_common_ancestor);
PG_FUNCTION_INFO_V1(dt_trace_path);

/* A distance or depth argument; the largest there is where it is NULL. */
static uint32
distance_argument(FunctionCallInfo fcinfo, int argno, const char *name)
{
	int32 distance;

	if (PG_ARGISNULL(argno))
		return PG_UINT32_MAX;
	distance = PG_GETARG_INT32(argno);
	if (distance < 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must not be negative", name));
	return distance;
}

/* Lists the positions from first to before end whose depth is at most max_depth. */
static void
list_range(TreeRows *rows, const SpanNode *nodes, uint32 first, uint32 end,
		   uint64 max_depth)
{
	for (uint32 i = first; i < end; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (nodes[i].depth <= max_depth)
			tree_rows_add(rows, i);
	}
}

/*
 * The tree for a function that lists rows, or NULL if there is nothing to
 * list; the result set is ready either way.
 */
static const SpanTree *
listed_tree(FunctionCallInfo fcinfo, TreeRows **rows)
{
	const SpanTree *tree = tree_argument(fcinfo);

	if (tree == NULL)
	{
		InitMaterializedSRF(fcinfo, 0);
		return NULL;
	}
	*rows = tree_rows_begin(fcinfo, tree);
	return tree;
}

/*
 * trace_tree(tree span_tree | trace_id text, root_span_id text, max_depth
 *     integer) -> setof trace_tree_row
 *
 * Depth first; an error if the trace has no such span or the depth is
 * negative.
 */
Datum
dt_trace_tree(PG_FUNCTION_ARGS)
{
	uint64 max_depth = distance_argument(fcinfo, 2, "max_depth");
	TreeRows *rows;
	const SpanTree *tree = listed_tree(fcinfo, &rows);
	const SpanNode *nodes;
	uint32 root;

	if (tree == NULL)
		return (Datum) 0;
	nodes = span_tree_nodes(tree);
	if (PG_ARGISNULL(1))
	{
		list_range(rows, nodes, 0, tree->span_count, max_depth);
		return (Datum) 0;
	}
	root = span_argument(fcinfo, 1, tree);
	list_range(rows,
			   nodes,
			   root,
			   root + nodes[root].descendants + 1,
			   nodes[root].depth + max_depth);
	return (Datum) 0;
}

/*
 * trace_descendants(tree span_tree | trace_id text, span_id text,
 *     max_distance integer) -> setof trace_tree_row
 *
 * Without the span itself; errors as trace_tree.
 */
Datum
dt_trace_descendants(PG_FUNCTION_ARGS)
{
	uint64 max_distance = distance_argument(fcinfo, 2, "max_distance");
	TreeRows *rows;
	const SpanTree *tree = listed_tree(fcinfo, &rows);
	const SpanNode *nodes;
	uint32 top;

	if (tree == NULL || PG_ARGISNULL(1))
		return (Datum) 0;
	nodes = span_tree_nodes(tree);
	top = span_argument(fcinfo, 1, tree);
	list_range(rows,
			   nodes,
			   top + 1,
			   top + nodes[top].descendants + 1,
			   nodes[top].depth + max_distance);
	return (Datum) 0;
}

/* Positions of the spans from `bottom` up to `top`, both included, or up to a
 * root where top is SPAN_TREE_NONE; lowest first. */
static uint32 *
climb(const SpanNode *nodes, uint32 bottom, uint32 top, uint32 *count)
{
	uint32 *positions = palloc_extended(
		((Size) nodes[bottom].depth + 1) * sizeof(uint32), MCXT_ALLOC_HUGE);

	*count = 0;
	for (uint32 i = bottom; i != SPAN_TREE_NONE; i = nodes[i].parent)
	{
		positions[(*count)++] = i;
		if (i == top)
			break;
	}
	return positions;
}

/*
 * trace_ancestors(tree span_tree | trace_id text, span_id text, max_distance
 *     integer) -> setof trace_tree_row
 *
 * From the root down; errors as trace_tree.
 */
Datum
dt_trace_ancestors(PG_FUNCTION_ARGS)
{
	uint32 max_distance = distance_argument(fcinfo, 2, "max_distance");
	TreeRows *rows;
	const SpanTree *tree = listed_tree(fcinfo, &rows);
	uint32 *positions;
	uint32 count;

	if (tree == NULL || PG_ARGISNULL(1))
		return (Datum) 0;
	positions = climb(span_tree_nodes(tree),
					  span_argument(fcinfo, 1, tree),
					  SPAN_TREE_NONE,
					  &count);
	for (uint32 distance = count - 1; distance > 0; distance--)
	{
		CHECK_FOR_INTERRUPTS();
		if (distance <= max_distance)
			tree_rows_add(rows, positions[distance]);
	}
	return (Datum) 0;
}

/*
 * trace_siblings(tree span_tree | trace_id text, span_id text) -> setof
 *     trace_tree_row
 *
 * Without the span itself; those of a root are the other roots.
 */
Datum
dt_trace_siblings(PG_FUNCTION_ARGS)
{
	TreeRows *rows;
	const SpanTree *tree = listed_tree(fcinfo, &rows);
	const SpanNode *nodes;
	uint32 self;
	uint32 parent;
	uint32 next = 0;
	uint32 end;

	if (tree == NULL || PG_ARGISNULL(1))
		return (Datum) 0;
	nodes = span_tree_nodes(tree);
	self = span_argument(fcinfo, 1, tree);
	parent = nodes[self].parent;
	end = tree->span_count;
	if (parent != SPAN_TREE_NONE)
	{
		next = parent + 1;
		end = next + nodes[parent].descendants;
	}
	for (; next < end; next += nodes[next].descendants + 1)
	{
		CHECK_FOR_INTERRUPTS();
		if (next != self)
			tree_rows_add(rows, next);
	}
	return (Datum) 0;
}

/*
 * trace_leaves(tree span_tree | trace_id text) -> setof trace_tree_row
 *
 * The spans without children.
 */
Datum
dt_trace_leaves(PG_FUNCTION_ARGS)
{
	TreeRows *rows;
	const SpanTree *tree = listed_tree(fcinfo, &rows);

	if (tree == NULL)
		return (Datum) 0;
	for (uint32 i = 0; i < tree->span_count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (span_tree_nodes(tree)[i].descendants == 0)
			tree_rows_add(rows, i);
	}
	return (Datum) 0;
}

/*
 * trace_roots(tree span_tree | trace_id text) -> setof trace_tree_row
 *
 * The spans that nothing lies above, orphans among them.
 */
Datum
dt_trace_roots(PG_FUNCTION_ARGS)
{
	TreeRows *rows;
	const SpanTree *tree = listed_tree(fcinfo, &rows);
	const SpanNode *nodes;

	if (tree == NULL)
		return (Datum) 0;
	nodes = span_tree_nodes(tree);
	for (uint32 i = 0; i < tree->span_count; i += nodes[i].descendants + 1)
	{
		CHECK_FOR_INTERRUPTS();
		tree_rows_add(rows, i);
	}
	return (Datum) 0;
}

/* The lowest span that both lie at or below; SPAN_TREE_NONE if none does. */
static uint32
common_ancestor(const SpanNode *nodes, uint32 a, uint32 b)
{
	uint32 first = Min(a, b);
	uint32 second = Max(a, b);

	/* the earlier one, or its nearest ancestor whose subtree holds the other */
	while (first != SPAN_TREE_NONE && second > first + nodes[first].descendants)
		first = nodes[first].parent;
	return first;
}

/*
 * trace_common_ancestor(tree span_tree | trace_id text, span_id text,
 *     other_span_id text) -> text
 *
 * The id of the lowest span that both lie below, or are; NULL if there is
 * none.
 */
Datum
dt_trace_common_ancestor(PG_FUNCTION_ARGS)
{
	const SpanTree *tree = tree_argument(fcinfo);
	const SpanNode *nodes;
	uint32 ancestor;

	if (tree == NULL || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	nodes = span_tree_nodes(tree);
	ancestor = common_ancestor(
		nodes, span_argument(fcinfo, 1, tree), span_argument(fcinfo, 2, tree));
	if (ancestor == SPAN_TREE_NONE)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(
		slice_to_text(span_tree_string(tree, nodes[ancestor].span_id)));
}

/*
 * trace_path(tree span_tree | trace_id text, from_span_id text, to_span_id
 *     text) -> setof trace_tree_row
 *
 * Over their common ancestor, both ends among them; none if there is no way.
 */
Datum
dt_trace_path(PG_FUNCTION_ARGS)
{
	TreeRows *rows;
	const SpanTree *tree = listed_tree(fcinfo, &rows);
	const SpanNode *nodes;
	uint32 a;
	uint32 b;
	uint32 top;
	uint32 *positions;
	uint32 count;

	if (tree == NULL || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return (Datum) 0;
	nodes = span_tree_nodes(tree);
	a = span_argument(fcinfo, 1, tree);
	b = span_argument(fcinfo, 2, tree);
	top = common_ancestor(nodes, a, b);
	if (top == SPAN_TREE_NONE)
		return (Datum) 0;
	positions = climb(nodes, a, top, &count);
	for (uint32 i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		tree_rows_add(rows, positions[i]);
	}
	positions = climb(nodes, b, top, &count);
	for (uint32 i = count - 1; i-- > 0;)
	{
		CHECK_FOR_INTERRUPTS();
		tree_rows_add(rows, positions[i]);
	}
	return (Datum) 0;
}
