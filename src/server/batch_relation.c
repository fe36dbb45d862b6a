/*
 * Rows in memory as a relation that a query can name: see batch_relation.h.
 *
 * They are handed to SQL as a named tuplestore, the way transition tables are,
 * so that no array of them is ever made.
 */
#include "postgres.h"

#include "server/batch_relation.h"

TupleDesc
batch_descriptor(const BatchColumn *columns, int count)
{
	TupleDesc desc = CreateTemplateTupleDesc(count);

	for (int i = 0; i < count; i++)
		TupleDescInitEntry(desc,
						   i + 1,
						   columns[i].name,
						   columns[i].type,
						   columns[i].typmod,
						   0);
	return desc;
}

static void
register_batch(EphemeralNamedRelation relation, TupleDesc desc,
			   Tuplestorestate *store, double count)
{
	int code;

	relation->md.name = "trace_batch";
	relation->md.reliddesc = InvalidOid;
	relation->md.tupdesc = desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = count;
	relation->reldata = store;

	code = SPI_register_relation(relation);
	if (code != SPI_OK_REL_REGISTER)
		elog(ERROR,
			 "SPI_register_relation failed: %s",
			 SPI_result_code_string(code));
}

static void
end_batch(Tuplestorestate *store)
{
	SPI_unregister_relation("trace_batch");
	tuplestore_end(store);
}

uint64
query_run_on_batch(SavedQuery *query, Oid schema, TupleDesc desc,
				   Tuplestorestate *store, double count)
{
	EphemeralNamedRelationData relation = {0};
	uint64 processed;

	register_batch(&relation, desc, store, count);
	processed = query_run(query, schema, NULL, false, NULL);
	end_batch(store);
	return processed;
}

uint64
query_read_on_batch(SavedQuery *query, Oid schema, const Datum *args,
					TupleDesc desc, Tuplestorestate *store, double count,
					DestReceiver *receiver)
{
	EphemeralNamedRelationData relation = {0};
	uint64 processed;

	register_batch(&relation, desc, store, count);
	processed = query_run(query, schema, args, true, receiver);
	end_batch(store);
	return processed;
}
