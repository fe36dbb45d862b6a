/*
 * The critical path that a function's arguments ask for.
 *
 * Every function of the family takes a tree or a trace id as argument 0, and
 * the same seven options in the same order from some argument on:
 * root_span_id, overlap_tolerance, max_overlap, overflow, roots, skew,
 * messaging.
 */
#ifndef TRACE_PATH_ARGUMENT_H
#define TRACE_PATH_ARGUMENT_H

#include "postgres.h"

#include "core/path/critical_path.h"
#include "fmgr.h"

/* The path of the tree in argument 0, with the options from `first_option` on;
 * false if there is no such trace. */
extern bool path_argument(FunctionCallInfo fcinfo, int first_option,
						  CriticalPath *path);

/* Which spans have a section of the path, by position. */
extern bool *spans_on_path(const CriticalPath *path);

#endif
