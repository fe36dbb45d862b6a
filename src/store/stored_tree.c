/*
 * The tree of a stored trace: the rows of the log stream straight into an open
 * tree; that of a sealed trace lies built in its block.
 */
#include "postgres.h"

#include "compat.h"
#include "server/query.h"
#include "store/archive.h"
#include "store/open_tree.h"
#include "store/reader.h"
#include "store/stored_tree.h"
#include "store/trace_lookup.h"

#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(dt_trace_get);

typedef struct TreeReader
{
	SpanReader reader;
	MemoryContext context; /* of the tree */
	SpanTree *tree;		   /* NULL before the first row */
} TreeReader;

static void
take_span(SpanReader *self, const SpanRow *row)
{
	TreeReader *reader = (TreeReader *) self;
	Slice trace_id = text_slice(row->trace_id);
	Span span = span_of_row(row);
	SpanTree *grown;
	MemoryContext caller = MemoryContextSwitchTo(reader->context);

	grown = open_tree_add(reader->tree, trace_id, &span);
	if (reader->tree != NULL && grown != reader->tree)
		pfree(reader->tree);
	reader->tree = grown;
	MemoryContextSwitchTo(caller);
}

/* The tree of what the log has of a trace, and, if some of that may have come
 * after the rest was sealed, of that rest; NULL if the log has nothing. */
static SpanTree *
read_rows(Oid schema, text *trace_id)
{
	TreeReader reader = {
		.reader = {.schema = schema, .columns = READ_TAGS, .take = take_span},
		.context = CurrentMemoryContext,
	};
	SpanTree *built;

	if (read_unsealed_trace(&reader.reader, trace_id) == 0)
		return NULL;
	built = build_tree(reader.tree);
	pfree(reader.tree);
	return built;
}

static SpanTree *
read_tree(Oid schema, text *trace_id)
{
	SpanTree *tree = read_rows(schema, trace_id);

	if (tree == NULL && archive_is_readable(schema))
		tree = archive_read_tree(schema, text_slice(trace_id));
	return tree;
}

SpanTree *
fetch_trace(Oid schema, text *trace_id)
{
	SpanTree *tree = read_tree(schema, trace_id);
	text *found;

	if (tree != NULL)
		return tree;
	found = find_trace_id(schema, trace_id);
	return found == NULL ? NULL : read_tree(schema, found);
}

/*
 * trace_get(trace_id text) -> span_tree
 *
 * NULL for a trace without spans.
 */
Datum
dt_trace_get(PG_FUNCTION_ARGS)
{
	SpanTree *tree = fetch_trace(calling_schema(fcinfo), PG_GETARG_TEXT_PP(0));

	if (tree == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(tree);
}
