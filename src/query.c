/*
 * Planning the extension's own queries: see query.h.
 */
#include "postgres.h"

#include "query.h"

#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

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
fill_in_schema(const char *text, Oid schema)
{
	const char *name = quote_identifier(schema_name(schema));
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

static void
forget_planning(SavedQuery *query)
{
	if (query->search_path != NULL)
		pfree(query->search_path);
	query->search_path = NULL;
}

/* Whether this execution will make a plan: there is none, or what the server
 * keeps has become invalid, as it also does when the search_path changes. */
static bool
will_plan(const SavedQuery *query)
{
	return query->search_path == NULL || !SPI_plan_is_valid(query->plan) ||
		   strcmp(query->search_path, namespace_search_path) != 0;
}

SPIPlanPtr
query_plan(SavedQuery *query, Oid schema)
{
	if (query->plan != NULL && query->schema == schema)
		return query->plan;
	if (query->plan != NULL)
		SPI_freeplan(query->plan);
	query->plan = SPI_prepare_cursor(fill_in_schema(query->text, schema),
									 query->arg_count,
									 query->arg_types,
									 CURSOR_OPT_GENERIC_PLAN);
	if (query->plan == NULL)
		elog(ERROR,
			 "SPI_prepare_cursor failed: %s",
			 SPI_result_code_string(SPI_result));
	if (SPI_keepplan(query->plan) != 0)
		elog(ERROR, "SPI_keepplan failed");
	query->schema = schema;
	forget_planning(query);
	return query->plan;
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

/* How to plan, whatever the tables hold at that moment: see query.h. */
static void
steer_planner(const SavedQuery *query)
{
	set_for_now("enable_seqscan", false);
	set_for_now("enable_hashjoin", false);
	set_for_now("enable_mergejoin", false);
	set_for_now("enable_indexscan", !query->reads_in_bulk);
	set_for_now("enable_bitmapscan", query->reads_in_bulk);
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
	SPIPlanPtr plan = query_plan(query, schema);
	bool planning = will_plan(query);
	int nest_level = 0;
	int code;

	if (planning)
	{
		nest_level = NewGUCNestLevel();
		steer_planner(query);
	}
	code = SPI_execute_plan_extended(plan, &options);
	if (code < 0)
		elog(ERROR,
			 "SPI_execute_plan_extended failed: %s",
			 SPI_result_code_string(code));
	if (planning)
	{
		AtEOXact_GUC(true, nest_level);
		forget_planning(query);
		query->search_path =
			MemoryContextStrdup(TopMemoryContext, namespace_search_path);
	}
	return SPI_processed;
}
