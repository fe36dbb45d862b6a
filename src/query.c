/*
 * Planning the extension's own queries: see query.h.
 */
#include "postgres.h"

#include "query.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

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

SPIPlanPtr
query_plan(SavedQuery *query, Oid schema)
{
	int nest_level;

	if (query->plan != NULL && query->schema == schema)
		return query->plan;
	if (query->plan != NULL)
		SPI_freeplan(query->plan);
	query->plan = NULL;

	nest_level = NewGUCNestLevel();
	(void) set_config_option("search_path",
							 "pg_catalog, pg_temp",
							 PGC_USERSET,
							 PGC_S_SESSION,
							 GUC_ACTION_SAVE,
							 true,
							 0,
							 false);
	query->plan = SPI_prepare(fill_in_schema(query->text, schema),
							  query->arg_count,
							  query->arg_types);
	AtEOXact_GUC(true, nest_level);
	if (query->plan == NULL)
		elog(ERROR,
			 "SPI_prepare failed: %s",
			 SPI_result_code_string(SPI_result));
	if (SPI_keepplan(query->plan) != 0)
		elog(ERROR, "SPI_keepplan failed");
	query->schema = schema;
	return query->plan;
}
