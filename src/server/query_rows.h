/*
 * The rows of a query as those of a set-returning function.
 */
#ifndef SERVER_QUERY_ROWS_H
#define SERVER_QUERY_ROWS_H

#include "postgres.h"

#include "fmgr.h"
#include "server/query.h"

/*
 * Runs a query on the snapshot of the calling query, with the rights of the
 * caller, and returns its rows from the function being called.  Its columns
 * must have the types that the function declares.
 */
extern Datum query_return_rows(FunctionCallInfo fcinfo, SavedQuery *query,
							   const Datum *args);

#endif
