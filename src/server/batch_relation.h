/*
 * Rows in memory as a relation that a query can name.
 */
#ifndef SERVER_BATCH_RELATION_H
#define SERVER_BATCH_RELATION_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "server/query.h"
#include "utils/tuplestore.h"

/* A column of such rows. */
typedef struct BatchColumn
{
	const char *name;
	Oid type;
	int32 typmod;
} BatchColumn;

extern TupleDesc batch_descriptor(const BatchColumn *columns, int count);

/*
 * Runs a query in which trace_batch stands for these `count` rows, and ends
 * the store; returns how many rows it processed.  SPI is connected; what the
 * query gives is in SPI_tuptable.
 */
extern uint64 query_run_on_batch(SavedQuery *query, Oid schema, TupleDesc desc,
								 Tuplestorestate *store, double count);

/* The same for a query that only reads, on the snapshot of the calling query;
 * its rows go to the receiver. */
extern uint64 query_read_on_batch(SavedQuery *query, Oid schema,
								  const Datum *args, TupleDesc desc,
								  Tuplestorestate *store, double count,
								  DestReceiver *receiver);

#endif
