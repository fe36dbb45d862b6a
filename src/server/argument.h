/*
 * Arguments of SQL functions.
 */
#ifndef SERVER_ARGUMENT_H
#define SERVER_ARGUMENT_H

#include "postgres.h"

#include "core/base/slice.h"
#include "fmgr.h"

#define ARGUMENT_MAX_WORDS 12

/* An argument that must be one of some words. */
typedef struct WordArgument
{
	const char *name;
	const char *words[ARGUMENT_MAX_WORDS]; /* NULL behind the last */
	int absent;							   /* which one NULL stands for */
	const char *hint;					   /* NULL: the words are listed */
} WordArgument;

/* Which of the words it is; an error if it is none. */
extern int word_argument(FunctionCallInfo fcinfo, int argno,
						 const WordArgument *argument);

/* A text argument; no data if it is NULL. */
extern Slice slice_argument(FunctionCallInfo fcinfo, int argno);

#endif
