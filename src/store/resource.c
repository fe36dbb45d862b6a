/*
 * Resources, each stored once: see resource.h.
 *
 * Ids are looked up for every batch anew: that costs one index probe for
 * hundreds of spans, and nothing has to be taken back when a transaction is.
 * Two sessions that meet the same new resource: the second waits for the
 * first to end, and then finds its row or inserts its own.  New resources are
 * inserted in the order of their digests, whatever their order in the request,
 * so that two sessions that meet the same ones cannot deadlock.
 */
#include "postgres.h"

#include "compat.h"
#include "server/batch_relation.h"
#include "server/values.h"
#include "store/own_keys.h"
#include "store/resource.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

/* rounds of finding and storing; a row that we find neither after two was not
 * deleted by somebody at that moment, but is hidden from us */
#define STORE_ROUNDS 2

enum
{
	COLUMN_POSITION,
	COLUMN_DIGEST,
	COLUMN_ATTRIBUTES,
	COLUMN_COUNT,
};

static const BatchColumn batch_columns[COLUMN_COUNT] = {
	[COLUMN_POSITION] = {"position", INT4OID, -1},
	[COLUMN_DIGEST] = {"digest", BYTEAOID, -1},
	[COLUMN_ATTRIBUTES] = {"attributes", JSONBOID, -1},
};

static SavedQuery find_query = {
	.text = "SELECT b.position, r.resource_id FROM trace_batch b "
			"JOIN %s.distributed_trace_resource r "
			"ON r.digest OPERATOR(pg_catalog.=) b.digest",
};

static SavedQuery store_query = {
	.text = "INSERT INTO %s.distributed_trace_resource (digest, attributes) "
			"SELECT b.digest, b.attributes FROM trace_batch b "
			"ORDER BY b.position ON CONFLICT (digest) DO NOTHING",
};

/* Some resources, in the order of their digests. */
typedef struct ResourceList
{
	Resource **resources;
	int count;
} ResourceList;

ResourceSet *
resource_set_create(void)
{
	HASHCTL control = {.keysize = PG_SHA256_DIGEST_LENGTH,
					   .entrysize = sizeof(Resource),
					   .hcxt = CurrentMemoryContext};
	ResourceSet *set = palloc0(sizeof(ResourceSet));

	set->context = CurrentMemoryContext;
	set->resources = hash_create("distributed_trace resources",
								 64,
								 &control,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return set;
}

Resource *
resource_set_add(ResourceSet *set, Jsonb *attributes)
{
	/* SHA-256 of the text form, which no server's byte order changes */
	char *as_text =
		JsonbToCString(NULL, &attributes->root, VARSIZE(attributes));
	bytea *digest = DatumGetByteaPP(
		DirectFunctionCall1(sha256_bytea, CStringGetTextDatum(as_text)));
	MemoryContext caller;
	Resource *resource;
	bool found;

	resource =
		hash_search(set->resources, VARDATA_ANY(digest), HASH_ENTER, &found);
	if (found)
		return resource;
	resource->id = 0;
	resource->attributes = NULL;
	caller = MemoryContextSwitchTo(set->context);
	resource->attributes = copy_value(attributes);
	set->size += VARSIZE(attributes);
	MemoryContextSwitchTo(caller);
	return resource;
}

static int
compare_digests(const void *a, const void *b)
{
	const Resource *x = *(Resource *const *) a;
	const Resource *y = *(Resource *const *) b;

	return memcmp(x->digest, y->digest, PG_SHA256_DIGEST_LENGTH);
}

/* The resources without an id. */
static ResourceList
list_unknown(const ResourceSet *set)
{
	ResourceList list = {0};
	HASH_SEQ_STATUS scan;
	Resource *resource;

	list.resources = MemoryContextAllocHuge(
		CurrentMemoryContext,
		(hash_get_num_entries(set->resources) + 1) * sizeof(Resource *));
	hash_seq_init(&scan, set->resources);
	while ((resource = hash_seq_search(&scan)) != NULL)
	{
		if (resource->id == 0)
			list.resources[list.count++] = resource;
	}
	qsort(list.resources, list.count, sizeof(Resource *), compare_digests);
	return list;
}

static uint64
run_on_list(SavedQuery *query, Oid schema, const ResourceList *list)
{
	TupleDesc desc = batch_descriptor(batch_columns, COLUMN_COUNT);
	Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);
	bytea *digest = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);

	SET_VARSIZE(digest, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	for (int i = 0; i < list->count; i++)
	{
		const Resource *resource = list->resources[i];
		Datum values[COLUMN_COUNT] = {Int32GetDatum(i),
									  PointerGetDatum(digest),
									  JsonbPGetDatum(resource->attributes)};
		bool nulls[COLUMN_COUNT] = {false};

		CHECK_FOR_INTERRUPTS();
		memcpy(VARDATA(digest), resource->digest, PG_SHA256_DIGEST_LENGTH);
		tuplestore_putvalues(store, desc, values, nulls);
	}
	return query_run_on_batch(query, schema, desc, store, list->count);
}

/* Takes ids from the table; whether all of the list are known now. */
static bool
find_ids(Oid schema, const ResourceList *list)
{
	uint64 found = run_on_list(&find_query, schema, list);

	for (uint64 i = 0; i < found; i++)
	{
		HeapTuple row = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;
		bool isnull;
		int position = DatumGetInt32(SPI_getbinval(row, desc, 1, &isnull));

		int64 id = DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull));

		require_value(isnull, "resource_id");
		list->resources[position]->id = id;
	}
	SPI_freetuptable(SPI_tuptable);
	return found == (uint64) list->count;
}

void
resource_set_store(ResourceSet *set, Oid schema)
{
	ResourceList list;
	bool is_complete;

	SPI_connect();
	list = list_unknown(set);
	is_complete = list.count == 0 || find_ids(schema, &list);
	/* a row that was in the way may have been deleted since: ask again */
	for (int i = 0; !is_complete && i < STORE_ROUNDS; i++)
	{
		list = list_unknown(set);
		own_keys_catch_up(schema, "distributed_trace_resource");
		(void) run_on_list(&store_query, schema, &list);
		is_complete = find_ids(schema, &list);
	}
	SPI_finish();
	if (!is_complete)
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("resource is neither found in nor accepted by table "
					   "\"distributed_trace_resource\""),
				errhint("Row level security policies and triggers of this "
						"table must let those who record spans read and "
						"insert every resource."));
}
