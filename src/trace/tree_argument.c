/*
 * Getting hold of a tree: see tree_argument.h.
 */
#include "postgres.h"

#include "compat.h"
#include "server/query.h"
#include "store/spelled_ids.h"
#include "trace/tree_argument.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Which overload this is, by its declaration: how it was called says nothing
 * where there is no expression, as in a fast-path call. */
bool
takes_trace_id(FunctionCallInfo fcinfo)
{
	Oid *types;
	int count;

	(void) get_func_signature(fcinfo->flinfo->fn_oid, &types, &count);
	return types[0] == TEXTOID;
}

const SpanTree *
tree_argument(FunctionCallInfo fcinfo)
{
	SpanTree *tree;

	if (PG_ARGISNULL(0))
		return NULL;
	if (takes_trace_id(fcinfo))
		return fetch_trace(calling_schema(fcinfo), PG_GETARG_TEXT_PP(0));
	tree = (SpanTree *) PG_DETOAST_DATUM(PG_GETARG_DATUM(0));
	return tree->form == SPAN_TREE_BUILT ? tree : build_tree(tree);
}

text *
slice_to_text(Slice slice)
{
	return cstring_to_text_with_len(slice.data, slice.length);
}

/* The only span whose id begins with these digits, or SPAN_TREE_NONE; an error
 * if there are several. */
static uint32
find_span_by_beginning(const SpanTree *tree, Slice digits)
{
	const SpanNode *nodes = span_tree_nodes(tree);
	uint32 found = SPAN_TREE_NONE;

	for (uint32 i = 0; i < tree->span_count; i++)
	{
		Slice id = span_tree_string(tree, nodes[i].span_id);

		CHECK_FOR_INTERRUPTS();
		if ((nodes[i].flags & NODE_IS_COPY) || id.length < digits.length ||
			memcmp(id.data, digits.data, digits.length) != 0)
			continue;
		if (found != SPAN_TREE_NONE)
			ereport(ERROR,
					errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("several spans begin with \"%.*s\"",
						   (int) digits.length,
						   digits.data),
					errhint("trace_tree() lists the spans of a trace."));
		found = i;
	}
	return found;
}

/* The span that is meant by an id that no span has: see spelled_ids.h. */
static uint32
find_meant_span(const SpanTree *tree, text *typed)
{
	SpelledIds spelled = read_spelled_ids(typed);
	text *meant = spelled.span_id != NULL ? spelled.span_id : spelled.trace_id;
	Slice digits;
	uint32 position;

	if (meant == NULL)
		return SPAN_TREE_NONE;
	digits = (Slice){VARDATA_ANY(meant), VARSIZE_ANY_EXHDR(meant)};
	position = span_tree_find(tree, digits);
	if (position == SPAN_TREE_NONE)
		position = find_span_by_beginning(tree, digits);
	return position;
}

uint32
span_argument(FunctionCallInfo fcinfo, int argno, const SpanTree *tree)
{
	text *span_id = PG_GETARG_TEXT_PP(argno);
	Slice id = {VARDATA_ANY(span_id), VARSIZE_ANY_EXHDR(span_id)};
	Slice trace_id = span_tree_trace_id(tree);
	uint32 position = span_tree_find(tree, id);

	if (position == SPAN_TREE_NONE)
		position = find_meant_span(tree, span_id);
	if (position == SPAN_TREE_NONE)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("span \"%.*s\" is not in trace \"%.*s\"",
					   (int) id.length,
					   id.data,
					   (int) trace_id.length,
					   trace_id.data),
				errhint("trace_tree() lists the spans of a trace."));
	return position;
}
