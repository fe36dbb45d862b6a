/*
 * Namespace and environment of services: see service_scope.h.
 *
 * They are attributes of a resource, which a span only names by its number, so
 * each resource is read once and kept for the session, by number, schema and
 * reader.  A row that is there never changes, but one that is not may come: all is
 * forgotten after a command that missed one, when a transaction is rolled back,
 * which may have inserted some of it, and when the table is emptied.
 */
#include "postgres.h"

#include "compat.h"
#include "server/json_reader.h"
#include "server/query.h"
#include "store/otel_member.h"
#include "store/service_scope.h"
#include "store/tag_readers.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(dt_trace_service_namespace);
PG_FUNCTION_INFO_V1(dt_trace_deployment_environment);

/* Resources that are kept; with more of them all are forgotten. */
#define MAX_RESOURCES 20000

typedef enum Dimensions
{
	DIMENSIONS_NONE = 0,
	DIMENSION_NAMESPACE = 1 << 0,
	DIMENSION_ENVIRONMENT = 1 << 1,
	DIMENSIONS_ALL = DIMENSION_NAMESPACE | DIMENSION_ENVIRONMENT,
} Dimensions;

static const struct config_enum_entry dimension_words[] = {
	{"all", DIMENSIONS_ALL, false},
	{"namespace", DIMENSION_NAMESPACE, false},
	{"environment", DIMENSION_ENVIRONMENT, false},
	{"none", DIMENSIONS_NONE, false},
	{NULL, 0, false},
};

static int dimensions = DIMENSIONS_ALL;

/* No padding: the bytes are hashed. */
typedef struct ScopeKey
{
	int64 resource_id;
	Oid schema;
	Oid role; /* InvalidOid: the owner */
} ScopeKey;

typedef struct KnownScope
{
	ScopeKey key;
	ServiceScope scope;
} KnownScope;

static HTAB *known_scopes = NULL;
static MemoryContext known_context = NULL;
static Oid known_table = InvalidOid; /* of the last one that was read */
static bool is_any_missing = false;
static CommandId missing_command; /* which did not find it */

static SavedQuery scope_query = {
	.text = "SELECT attributes OPERATOR(pg_catalog.->>) 'service.namespace', "
			"attributes OPERATOR(pg_catalog.->>) 'deployment.environment.name',"
			" attributes OPERATOR(pg_catalog.->>) 'deployment.environment' "
			"FROM %s.distributed_trace_resource "
			"WHERE resource_id OPERATOR(pg_catalog.=) $1",
	.arg_count = 1,
	.arg_types = {INT8OID},
};

static void
forget_scopes(void)
{
	known_scopes = NULL;
	is_any_missing = false;
	if (known_context != NULL)
		MemoryContextReset(known_context);
}

static void
end_transaction(XactEvent event, void *arg)
{
	(void) arg;
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PARALLEL_ABORT ||
		is_any_missing)
		forget_scopes();
}

static void
end_subtransaction(SubXactEvent event, SubTransactionId mine,
				   SubTransactionId parent, void *arg)
{
	(void) mine;
	(void) parent;
	(void) arg;
	if (event == SUBXACT_EVENT_ABORT_SUB)
		forget_scopes();
}

static void
change_relation(Datum arg, Oid relation)
{
	(void) arg;
	if (relation == known_table || !OidIsValid(relation))
		forget_scopes();
}

static void
begin_scopes(void)
{
	HASHCTL control = {.keysize = sizeof(ScopeKey),
					   .entrysize = sizeof(KnownScope)};

	if (known_context == NULL)
	{
		known_context = AllocSetContextCreate(TopMemoryContext,
											  "distributed_trace known "
											  "resources",
											  ALLOCSET_SMALL_SIZES);
		RegisterXactCallback(end_transaction, NULL);
		RegisterSubXactCallback(end_subtransaction, NULL);
		CacheRegisterRelcacheCallback(change_relation, (Datum) 0);
	}
	control.hcxt = known_context;
	known_scopes = hash_create("distributed_trace known resources",
							   64,
							   &control,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* A column of the row that was found, kept; an empty string is none. */
static Slice
keep_column(int column)
{
	bool isnull;
	Datum value = SPI_getbinval(
		SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);
	Slice kept = {NULL, 0};
	text *string;
	char *copy;

	if (isnull)
		return kept;
	string = DatumGetTextPP(value);
	if (VARSIZE_ANY_EXHDR(string) == 0)
		return kept;
	kept.length = VARSIZE_ANY_EXHDR(string);
	copy = MemoryContextAlloc(known_context, kept.length);
	memcpy(copy, VARDATA_ANY(string), kept.length);
	kept.data = copy;
	return kept;
}

static Oid
table_owner(Oid table)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", table);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* A failure leaves both user and security context to the end of the
 * (sub)transaction, which sets them back. */
static uint64
find_resource(const ScopeKey *key, ScopeReader reader)
{
	Datum args[1] = {Int64GetDatum(key->resource_id)};
	Oid user;
	int security;
	uint64 found;

	if (reader == SCOPE_OF_CALLER)
		return query_run(&scope_query, key->schema, args, true, NULL);
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(table_owner(known_table),
						   security | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_NOFORCE_RLS);
	found = query_run(&scope_query, key->schema, args, false, NULL);
	SetUserIdAndSecContext(user, security);
	return found;
}

static void
read_scope(KnownScope *known, ScopeReader reader)
{
	known_table =
		get_relname_relid("distributed_trace_resource", known->key.schema);
	if (!OidIsValid(known_table))
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("relation \"%s\" does not exist",
					   qualified_name(known->key.schema,
									  "distributed_trace_resource")));
	SPI_connect();
	if (find_resource(&known->key, reader) == 0)
	{
		is_any_missing = true;
		missing_command = GetCurrentCommandId(false);
	}
	else
	{
		known->scope.service_namespace = keep_column(1);
		known->scope.environment = keep_column(2);
		/* the name of the attribute until 1.27 of the conventions */
		if (known->scope.environment.data == NULL)
			known->scope.environment = keep_column(3);
	}
	SPI_finish();
}

static ServiceScope
resource_scope(int64 resource_id, Oid schema, ScopeReader reader)
{
	KnownScope fresh = {
		.key = {.resource_id = resource_id,
				.schema = schema,
				.role = reader == SCOPE_OF_OWNER ? InvalidOid : GetUserId()}};
	KnownScope *known;

	if (known_scopes != NULL &&
		(hash_get_num_entries(known_scopes) >= MAX_RESOURCES ||
		 (is_any_missing && missing_command != GetCurrentCommandId(false))))
		forget_scopes();
	if (known_scopes == NULL)
		begin_scopes();
	known = hash_search(known_scopes, &fresh.key, HASH_FIND, NULL);
	if (known != NULL)
		return known->scope;
	/* reading may fail, and may have everything forgotten */
	read_scope(&fresh, reader);
	if (known_scopes == NULL)
		begin_scopes();
	known = hash_search(known_scopes, &fresh.key, HASH_ENTER, NULL);
	known->scope = fresh.scope;
	return known->scope;
}

ServiceScope
service_scope_shown(ServiceScope scope)
{
	if ((dimensions & DIMENSION_NAMESPACE) == 0)
		scope.service_namespace = (Slice){NULL, 0};
	if ((dimensions & DIMENSION_ENVIRONMENT) == 0)
		scope.environment = (Slice){NULL, 0};
	return scope;
}

static bool
find_resource_id(Jsonb *tags, int64 *id)
{
	JsonbValue value;

	return tags != NULL &&
		   tags_find_member(
			   tags_find_otel(tags), SLICE_LITERAL(OTEL_RESOURCE), &value) &&
		   json_as_int64(&value, id);
}

ServiceScope
tags_service_scope(Jsonb *tags, Oid schema, ScopeReader reader)
{
	int64 id;

	if (dimensions == DIMENSIONS_NONE || !find_resource_id(tags, &id))
		return (ServiceScope){0};
	return service_scope_shown(resource_scope(id, schema, reader));
}

bool
tags_same_scope(Jsonb *a, Jsonb *b)
{
	int64 a_id = 0;
	int64 b_id = 0;

	return dimensions == DIMENSIONS_NONE ||
		   (find_resource_id(a, &a_id) == find_resource_id(b, &b_id) &&
			a_id == b_id);
}

void
define_service_scope_settings(void)
{
	DefineCustomEnumVariable(
		"distributed_trace.service_dimensions",
		"What tells services of one name apart: namespace, environment, all "
		"(both) or none.",
		"Figures of services that share a name are added up where it leaves "
		"the difference out; trace_rollup_rebuild() counts anew after a "
		"change.",
		&dimensions,
		DIMENSIONS_ALL,
		dimension_words,
		PGC_SUSET,
		0,
		NULL,
		NULL,
		NULL);
}

/*
 * trace_service_namespace(tags jsonb) -> text
 *
 * service.namespace of the span's resource; NULL if there is none.
 */
Datum
dt_trace_service_namespace(PG_FUNCTION_ARGS)
{
	Slice name = tags_service_scope(PG_GETARG_JSONB_P(0),
									calling_schema(fcinfo),
									SCOPE_OF_CALLER)
					 .service_namespace;

	if (name.data == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(name.data, name.length));
}

/*
 * trace_deployment_environment(tags jsonb) -> text
 *
 * deployment.environment.name of the span's resource, else
 * deployment.environment; NULL if there is neither.
 */
Datum
dt_trace_deployment_environment(PG_FUNCTION_ARGS)
{
	Slice name = tags_service_scope(PG_GETARG_JSONB_P(0),
									calling_schema(fcinfo),
									SCOPE_OF_CALLER)
					 .environment;

	if (name.data == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(name.data, name.length));
}
