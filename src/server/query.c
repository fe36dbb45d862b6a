/*
 * Planning the extension's own queries: see query.h.
 */
#include "postgres.h"

#include "server/query.h"

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

/* What one text became, for one name of the schema. */
struct SavedPlan
{
	SPIPlanPtr plan;
	char *schema; /* the name in the plan's text */
	/* what was in force when it was planned; search_path is NULL before */
	char *search_path;
	Oid role;
	bool row_security;
	int uses;		   /* calls of query_run that run it now */
	bool is_forgotten; /* its query has another; the last user frees it */
};

static void
free_plan(SavedPlan *plan)
{
	(void) SPI_freeplan(plan->plan);
	pfree(plan->schema);
	if (plan->search_path != NULL)
		pfree(plan->search_path);
	pfree(plan);
}

/*
 * Takes a query's plan away from it.  A plan that is being run, by a call
 * further out (a trigger of somebody's on our tables may come back here), is
 * freed when that ends.
 */
static void
forget_plan(SavedQuery *query)
{
	SavedPlan *plan = query->plan;

	query->plan = NULL;
	if (plan == NULL)
		return;
	if (plan->uses == 0)
		free_plan(plan);
	else
		plan->is_forgotten = true;
}

static void
end_use(SavedPlan *plan)
{
	plan->uses--;
	if (plan->uses == 0 && plan->is_forgotten)
		free_plan(plan);
}

/* The text holds the name of the schema, so the plan is good for that name. */
static SavedPlan *
prepare_query(SavedQuery *query, Oid schema)
{
	const char *name = schema_name(schema);
	SPIPlanPtr prepared;
	SavedPlan *plan;

	if (query->plan != NULL && strcmp(query->plan->schema, name) == 0)
		return query->plan;
	prepared = SPI_prepare_cursor(fill_in_schema(query->text, name),
								  query->arg_count,
								  query->arg_types,
								  CURSOR_OPT_GENERIC_PLAN);
	if (prepared == NULL)
		elog(ERROR,
			 "SPI_prepare_cursor failed: %s",
			 SPI_result_code_string(SPI_result));
	plan = MemoryContextAllocZero(TopMemoryContext, sizeof(SavedPlan));
	plan->schema = MemoryContextStrdup(TopMemoryContext, name);
	if (SPI_keepplan(prepared) != 0)
		elog(ERROR, "SPI_keepplan failed");
	plan->plan = prepared;
	forget_plan(query);
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
make_plan(const SavedQuery *query, SavedPlan *plan)
{
	int nest_level;
	CachedPlan *cached;

	if (plan->search_path != NULL && SPI_plan_is_valid(plan->plan) &&
		strcmp(plan->search_path, namespace_search_path) == 0 &&
		plan->role == GetUserId() && plan->row_security == row_security)
		return;
	nest_level = NewGUCNestLevel();
	/* estimates of a generic plan are no reason to compile it */
	set_for_now("jit", false);
	set_for_now("enable_seqscan", false);
	set_for_now("enable_hashjoin", false);
	set_for_now("enable_mergejoin", false);
	set_for_now("enable_indexscan", !query->reads_in_bulk);
	set_for_now("enable_bitmapscan", query->reads_in_bulk);
	/* of a generic plan the server compiles anew whatever it costs to run */
	set_for_now("jit", false);
	cached = SPI_plan_get_cached_plan(plan->plan);
	if (cached != NULL)
		ReleaseCachedPlan(cached, CurrentResourceOwner);
	AtEOXact_GUC(true, nest_level);

	if (plan->search_path != NULL)
		pfree(plan->search_path);
	plan->search_path = NULL;
	plan->search_path =
		MemoryContextStrdup(TopMemoryContext, namespace_search_path);
	plan->role = GetUserId();
	plan->row_security = row_security;
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
	SavedPlan *volatile plan = prepare_query(query, schema);

	plan->uses++;
	PG_TRY();
	{
		int code;

		make_plan(query, plan);
		code = SPI_execute_plan_extended(plan->plan, &options);
		if (code < 0)
			elog(ERROR,
				 "SPI_execute_plan_extended failed: %s",
				 SPI_result_code_string(code));
	}
	PG_FINALLY();
	{
		end_use(plan);
	}
	PG_END_TRY();
	return SPI_processed;
}

void
require_value(bool is_null, const char *column)
{
	if (is_null)
		ereport(ERROR,
				errcode(ERRCODE_NOT_NULL_VIOLATION),
				errmsg("column \"%s\" holds a null value", column),
				errdetail("Every row must have a value there, whether or not "
						  "the table still says NOT NULL."));
}
