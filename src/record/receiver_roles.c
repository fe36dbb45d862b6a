/*
 * trace_create_roles: the roles that suit recording and reading, in one call.
 */
#include "postgres.h"

#include "compat.h"
#include "query.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(dt_trace_create_roles);

/* Runs a statement in which %1$s is the role and %2$s the schema, quoted. */
static void
run_for_role(const char *statement, const char *role, const char *schema)
{
	char *text = psprintf(statement, role, schema);

	if (SPI_execute(text, false, 0) < 0)
		elog(ERROR, "could not run \"%s\"", text);
	pfree(text);
}

static void
create_role(const char *name, const char *statement, const char *schema)
{
	if (!OidIsValid(get_role_oid(name, true)))
		run_for_role(statement, quote_identifier(name), schema);
	run_for_role(
		"GRANT USAGE ON SCHEMA %2$s TO %1$s", quote_identifier(name), schema);
}

/* SELECT on all tables and views of the extension. */
static void
grant_reading(const char *reader, const char *schema)
{
	static const char query[] =
		"SELECT pg_catalog.quote_ident(c.relname) "
		"FROM pg_catalog.pg_depend d "
		"JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) d.objid "
		"JOIN pg_catalog.pg_extension e "
		"ON e.oid OPERATOR(pg_catalog.=) d.refobjid "
		"WHERE d.classid OPERATOR(pg_catalog.=) "
		"'pg_catalog.pg_class'::pg_catalog.regclass "
		"AND d.refclassid OPERATOR(pg_catalog.=) "
		"'pg_catalog.pg_extension'::pg_catalog.regclass "
		"AND d.deptype OPERATOR(pg_catalog.=) 'e' "
		"AND e.extname OPERATOR(pg_catalog.=) 'distributed_trace' "
		"AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,v}'::\"char\"[]) "
		"AND c.relname OPERATOR(pg_catalog.<>) 'trace_receiver_stats'";
	StringInfoData list;

	initStringInfo(&list);
	if (SPI_execute(query, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list the extension's tables");
	for (uint64 i = 0; i < SPI_processed; i++)
		appendStringInfo(
			&list,
			"%s%s.%s",
			i == 0 ? "" : ", ",
			schema,
			SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
	if (SPI_processed > 0)
		run_for_role("GRANT SELECT ON %2$s TO %1$s",
					 quote_identifier(reader),
					 list.data);
}

/*
 * trace_create_roles(recorder name, reader name)
 *
 * With the rights of the caller, who must be able to create roles and to grant
 * on the tables.
 */
Datum
dt_trace_create_roles(PG_FUNCTION_ARGS)
{
	const char *schema =
		quote_identifier(get_namespace_name(calling_schema(fcinfo)));
	const char *recorder;
	const char *reader;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("both roles must be named"));
	recorder = NameStr(*PG_GETARG_NAME(0));
	reader = NameStr(*PG_GETARG_NAME(1));
	SPI_connect();
	create_role(recorder, "CREATE ROLE %1$s LOGIN", schema);
	create_role(reader, "CREATE ROLE %1$s", schema);
	run_for_role("GRANT SELECT, INSERT, UPDATE ON "
				 "%2$s.distributed_trace_log TO %1$s",
				 quote_identifier(recorder),
				 schema);
	run_for_role("GRANT SELECT, INSERT ON "
				 "%2$s.distributed_trace_resource TO %1$s",
				 quote_identifier(recorder),
				 schema);
	grant_reading(reader, schema);
	SPI_finish();
	PG_RETURN_VOID();
}
