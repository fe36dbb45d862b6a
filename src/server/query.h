/*
 * Queries of the extension on its own tables, by SPI.
 *
 * Every access goes through SPI, so that privileges, row level security,
 * partitions and distributed tables work.  Queries are planned once a session
 * for each schema the extension has lived in.  The server parses a saved query
 * anew under whatever search_path it meets, so every name in a text, operators
 * and functions included, is qualified: nobody else's can get in.
 *
 * The plans are generic, made once for whatever the arguments and the tables'
 * sizes will be, so they must not follow what the tables hold at that moment
 * (nothing, right after CREATE EXTENSION): they always go by an index.  Joins
 * are nested loops, in the order of the outer rows.  A query that reads in
 * bulk gets a bitmap scan, which visits the pages of the heap in their order:
 * for thousands of rows a third of the cost of following the index from row
 * to row, for a few rows hardly more.
 */
#ifndef SERVER_QUERY_H
#define SERVER_QUERY_H

#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "tcop/dest.h"

#define QUERY_MAX_ARGS 16

typedef struct SavedPlan SavedPlan;

/* One query text; declare it static, with `plan` left out. */
typedef struct SavedQuery
{
	const char *text; /* %s stands for the quoted schema, wherever it occurs */
	int arg_count;
	Oid arg_types[QUERY_MAX_ARGS];
	/* finds any number of rows of a big table by one value of an index */
	bool reads_in_bulk;
	SavedPlan *plan;
} SavedQuery;

/* A receiver that hands every row to a function, which returns true to go on.
 * Begin a struct of your own with it to find your state again. */
extern DestReceiver query_receiver(bool (*receive)(TupleTableSlot *slot,
												   DestReceiver *self));

/* The schema in which the SQL function now being called lives: that of the
 * extension, wherever the user put it. */
extern Oid calling_schema(FunctionCallInfo fcinfo);

/* "schema"."name", quoted where needed, in the current memory context. */
extern char *qualified_name(Oid schema, const char *name);

/*
 * Runs a query; SPI must be connected.  `read_only` runs it on the snapshot of
 * the calling query, as a STABLE function must.  Rows go to `receiver`, or to
 * SPI_tuptable where that is NULL.  Returns SPI_processed.
 */
extern uint64 query_run(SavedQuery *query, Oid schema, const Datum *args,
						bool read_only, DestReceiver *receiver);

/*
 * An error if a value that was read is NULL, of a column that is declared NOT
 * NULL: the owner of a table may have dropped that constraint, so that none
 * may be trusted where a row is read.
 */
extern void require_value(bool is_null, const char *column);

#endif
