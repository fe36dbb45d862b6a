/*
 * The tree that a function of a trace is about.
 *
 * Every function of this folder has two SQL overloads on one C function: its
 * first argument is a span_tree, or a trace id whose spans are then read from
 * the log.
 */
#ifndef TRACE_TREE_ARGUMENT_H
#define TRACE_TREE_ARGUMENT_H

#include "postgres.h"

#include "core/tree/span_tree.h"
#include "fmgr.h"
#include "server/server_host.h"
#include "store/open_tree.h"
#include "store/stored_tree.h"

/* Which overload this is: whether argument 0 is a trace id. */
extern bool takes_trace_id(FunctionCallInfo fcinfo);

/* Argument 0 as a built tree, in the current memory context; NULL if it is
 * NULL or the id of a trace that has no spans. */
extern const SpanTree *tree_argument(FunctionCallInfo fcinfo);

/* Argument `argno`, the id of a span, as a position: of the span that has it,
 * else of the only one that it may mean (see store/spelled_ids.h); an error if
 * the trace has no such span. */
extern uint32 span_argument(FunctionCallInfo fcinfo, int argno,
							const SpanTree *tree);

/* Says in a notice that no span has the service and operation given (data NULL
 * for any), with the names that come nearest. */
extern void say_no_such_name(const SpanTree *tree, Slice service_name,
							 Slice operation);

/* A string of a tree as text. */
extern text *slice_to_text(Slice slice);

#endif
