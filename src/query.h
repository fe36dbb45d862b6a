/*
 * Queries of the extension on its own tables, by SPI.
 *
 * Every access goes through SPI, so that privileges, row level security,
 * partitions and distributed tables work.  Queries are planned once a session
 * for each schema the extension has lived in, and parsed with a search_path
 * of pg_catalog alone, so that nobody's operators or functions can get in.
 */
#ifndef QUERY_H
#define QUERY_H

#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"

#define QUERY_MAX_ARGS 10

/* One query text; declare it static, with `plan` and `schema` left out. */
typedef struct SavedQuery
{
	const char *text; /* %s stands for the quoted schema, wherever it occurs */
	int arg_count;
	Oid arg_types[QUERY_MAX_ARGS];
	SPIPlanPtr plan;
	Oid schema;
} SavedQuery;

/* The schema in which the SQL function now being called lives: that of the
 * extension, wherever the user put it. */
extern Oid calling_schema(FunctionCallInfo fcinfo);

/* "schema"."name", quoted where needed, in the current memory context. */
extern char *qualified_name(Oid schema, const char *name);

/* The plan of a query; SPI must be connected. */
extern SPIPlanPtr query_plan(SavedQuery *query, Oid schema);

#endif
