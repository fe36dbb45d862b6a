/*
 * Arguments that must be one of some words.
 */
#ifndef LATENCY_WORD_ARGUMENT_H
#define LATENCY_WORD_ARGUMENT_H

#include "postgres.h"

#include "fmgr.h"
#include "latency/window.h"

/* Which of the words an argument is, the first for NULL; an error with this
 * hint if it is none. */
extern int word_argument(FunctionCallInfo fcinfo, int argno, const char *name,
						 const char *const *words, int word_count,
						 const char *hint);

/* An argument "spans": entry, root, client or all. */
extern WindowSpans spans_argument(FunctionCallInfo fcinfo, int argno);

#endif
