/*
 * Resources, each stored once.
 *
 * An id is looked up for every batch anew: it costs one index probe for
 * hundreds of spans, and nothing has to be taken back when a transaction is.
 * Two sessions that meet the same new resource: the second waits for the
 * first to end, and then finds its row or inserts its own.
 */
#include "postgres.h"

#include "query.h"
#include "record/span_batch.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

static SavedQuery find_query = {
	.text = "SELECT resource_id FROM %s.distributed_trace_resource "
			"WHERE digest OPERATOR(pg_catalog.=) $1",
	.arg_count = 1,
	.arg_types = {BYTEAOID},
};

static SavedQuery store_query = {
	.text = "INSERT INTO %s.distributed_trace_resource (digest, attributes) "
			"VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING "
			"RETURNING resource_id",
	.arg_count = 2,
	.arg_types = {BYTEAOID, JSONBOID},
};

/* SHA-256 of the text form, which no server's byte order changes. */
static Datum
digest_of(Jsonb *attributes)
{
	char *as_text =
		JsonbToCString(NULL, &attributes->root, VARSIZE(attributes));

	return DirectFunctionCall1(sha256_bytea, CStringGetTextDatum(as_text));
}

/* Runs a query that gives at most one resource_id. */
static bool
run_for_id(SavedQuery *query, Oid schema, Datum *args, int64 *id)
{
	bool isnull;
	int code =
		SPI_execute_plan(query_plan(query, schema), args, NULL, false, 1);

	if (code < 0)
		elog(
			ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(code));
	if (SPI_processed == 0)
		return false;
	*id = DatumGetInt64(SPI_getbinval(
		SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	return true;
}

int64
resource_id_of(Oid schema, Jsonb *attributes)
{
	Datum args[2] = {digest_of(attributes), JsonbPGetDatum(attributes)};
	int64 id;

	SPI_connect();
	/* a concurrent insert that we waited for may have been rolled back, or
	 * its row deleted since: ask again until one of the two finds it */
	while (!run_for_id(&find_query, schema, args, &id) &&
		   !run_for_id(&store_query, schema, args, &id))
		CHECK_FOR_INTERRUPTS();
	SPI_finish();
	return id;
}
