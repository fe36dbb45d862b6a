/*
 * The tree of a stored trace.
 */
#ifndef STORE_STORED_TREE_H
#define STORE_STORED_TREE_H

#include "postgres.h"

#include "core/tree/span_tree.h"

/* The spans of a trace as a built tree; NULL if it has none.  Looks for the
 * id as it is given and only then for what may be meant: see
 * record/trace_lookup.h. */
extern SpanTree *fetch_trace(Oid schema, text *trace_id);

#endif
