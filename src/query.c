/*
 * Planning the extension's own queries: see query.h.
 */
#include "postgres.h"

#include "query.h"

#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
#include "utils/rls.h"

static void
start_receiving(DestReceiver *self, int operation, TupleDesc desc)
{
	(void) self;
	(void) operation;
	(void) desc;
}

static void
do_nothing(DestReceiver *self)
{
	(void) self;
}

DestReceiver
query_receiver(bool (*receive)(TupleTableSlot *slot, DestReceiver *self))
{
	return (DestReceiver){
		.receiveSlot = receive,
		.rStartup = start_receiving,
		.rShutdown = do_nothing,
		.rDestroy = do_nothing,
		.mydest = DestNone,
	};
}

Oid
calling_schema(FunctionCallInfo fcinfo)
{
	return get_func_namespace(fcinfo->flinfo->fn_oid);
}

static const char *
schema_name(Oid schema)
{
	char *name = get_namespace_name(schema);

	if (name == NULL)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_SCHEMA),
				errmsg("schema with OID %u does not exist", schema));
	return name;
}

char *
qualified_name(Oid schema, const char *name)
{
	return quote_qualified_identifier(schema_name(schema), name);
}

static char *
fill_in_schema(const char *text, const char *schema)
{
	const char *name = quote_identifier(schema);
	StringInfoData filled;
	const char *place;

	initStringInfo(&filled);
	while ((place = strstr(text, "%s")) != NULL)
	{
		appendBinaryStringInfo(&filled, text, place - text);
		appendStringInfoString(&filled, name);
		text = place + 2;
	}
	appendStringInfoString(&filled, text);
	return filled.data;
}

/* A failure on the way of making a new plan must find none, not a freed one. */
static void
forget_plan(SavedQuery *query)
{
	SPIPlanPtr plan = query->plan;

	query->plan = NULL;
	if (plan != NULL)
		SPI_freeplan(plan);
	if (query->schema != NULL)
		pfree(query->schema);
	query->schema = NULL;
	if (query->search_path != NULL)
		pfree(query->search_path);
	query->search_path = NULL;
}

/* The text holds the name of the schema, so the plan is good for that name. */
static SPIPlanPtr
prepare_query(SavedQuery *query, Oid schema)
{
	const char *name = schema_name(schema);
	SPIPlanPtr plan;

	if (query->plan != NULL && strcmp(query->schema, name) == 0)
		return query->plan;
	forget_plan(query);
	plan = SPI_prepare_cursor(fill_in_schema(query->text, name),
							  query->arg_count,
							  query->arg_types,
							  CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR,
			 "SPI_prepare_cursor failed: %s",
			 SPI_result_code_string(SPI_result));
	query->schema = MemoryContextStrdup(TopMemoryContext, name);
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "SPI_keepplan failed");
	query->plan = plan;
	return plan;
}

static ParamListInfo
make_parameters(const SavedQuery *query, const Datum *args)
{
	ParamListInfo params;

	if (query->arg_count == 0)
		return NULL;
	params = makeParamList(query->arg_count);
	for (int i = 0; i < query->arg_count; i++)
		params->params[i] =
			(ParamExternData){.value = args[i], .ptype = query->arg_types[i]};
	return params;
}

/* Sets a parameter until the nest level of NewGUCNestLevel ends. */
static void
set_for_now(const char *name, bool value)
{
	(void) set_config_option(name,
							 value ? "on" : "off",
							 PGC_USERSET,
							 PGC_S_SESSION,
							 GUC_ACTION_SAVE,
							 true,
							 0,
							 false);
}

/*
 * Makes the generic plan, if there is none or what the server keeps has become
 * invalid, as it also does when the search_path changes or, with row level
 * security, the role.  How it is made does
 * not depend on what the tables hold at that moment: see query.h.
 */
static void
plan_query(SavedQuery *query)
{
	int nest_level;
	CachedPlan *plan;

	if (query->search_path != NULL && SPI_plan_is_valid(query->plan) &&
		strcmp(query->search_path, namespace_search_path) == 0 &&
		query->role == GetUserId() && query->row_security == row_security)
		return;
	nest_level = NewGUCNestLevel();
	set_for_now("enable_seqscan", false);
	set_for_now("enable_hashjoin", false);
	set_for_now("enable_mergejoin", false);
	set_for_now("enable_indexscan", !query->reads_in_bulk);
	set_for_now("enable_bitmapscan", query->reads_in_bulk);
	plan = SPI_plan_get_cached_plan(query->plan);
	if (plan != NULL)
		ReleaseCachedPlan(plan, CurrentResourceOwner);
	AtEOXact_GUC(true, nest_level);

	if (query->search_path != NULL)
		pfree(query->search_path);
	query->search_path = NULL;
	query->search_path =
		MemoryContextStrdup(TopMemoryContext, namespace_search_path);
	query->role = GetUserId();
	query->row_security = row_security;
}

uint64
query_run(SavedQuery *query, Oid schema, const Datum *args, bool read_only,
		  DestReceiver *receiver)
{
	SPIExecuteOptions options = {
		.params = make_parameters(query, args),
		.read_only = read_only,
		.dest = receiver,
	};
	SPIPlanPtr plan = prepare_query(query, schema);
	int code;

	plan_query(query);
	code = SPI_execute_plan_extended(plan, &options);
	if (code < 0)
		elog(ERROR,
			 "SPI_execute_plan_extended failed: %s",
			 SPI_result_code_string(code));
	return SPI_processed;
}
