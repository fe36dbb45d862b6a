/*
 * Columns of distributed_trace_log, as its triggers find them.
 */
#ifndef STORE_LOG_COLUMNS_H
#define STORE_LOG_COLUMNS_H

#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"

/*
 * An error unless the trigger fires for the log beside which its function
 * lives, or a table that inherits from that: the functions may be called by
 * anybody, with any table.
 */
extern void check_log_trigger(FunctionCallInfo fcinfo);

/* The number of a column, which must be of this type, or of that one. */
extern int log_column(TupleDesc desc, const char *name, Oid type,
					  Oid other_type);

#endif
