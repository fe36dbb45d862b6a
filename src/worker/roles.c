/*
 * trace_create_roles: the roles that suit recording and reading, in one call.
 */
#include "postgres.h"

#include "compat.h"
#include "server/query.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
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

/* Runs the statements that a query gives, with $1 the reader or recorder and $2
 * the schema. */
static void
run_statements(const char *query, const char *role, const char *schema)
{
	Oid types[2] = {TEXTOID, TEXTOID};
	Datum args[2] = {CStringGetTextDatum(role), CStringGetTextDatum(schema)};
	SPITupleTable *statements;
	uint64 count;

	if (SPI_execute_with_args(query, 2, types, args, NULL, true, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not list what to grant");
	statements = SPI_tuptable;
	count = SPI_processed;
	for (uint64 i = 0; i < count; i++)
	{
		char *text = SPI_getvalue(statements->vals[i], statements->tupdesc, 1);

		if (SPI_execute(text, false, 0) < 0)
			elog(ERROR, "could not run \"%s\"", text);
	}
}

/* The objects of the extension, as m (classid, objid). */
#define MEMBERS                                                                \
	"(SELECT d.classid, d.objid FROM pg_catalog.pg_depend d "                  \
	"JOIN pg_catalog.pg_extension e "                                          \
	"ON e.oid OPERATOR(pg_catalog.=) d.refobjid "                              \
	"WHERE d.refclassid OPERATOR(pg_catalog.=) "                               \
	"'pg_catalog.pg_extension'::pg_catalog.regclass "                          \
	"AND d.deptype OPERATOR(pg_catalog.=) 'e' "                                \
	"AND e.extname OPERATOR(pg_catalog.=) 'distributed_trace') m "

/*
 * SELECT on all tables and views of the extension, and EXECUTE on what is not
 * everybody's but those may run who watch the server.
 */
static void
grant_reading(const char *reader, const char *schema)
{
	run_statements(
		"SELECT pg_catalog.format('GRANT SELECT ON %I.%I TO %I', "
		"$2, c.relname, $1) FROM " MEMBERS
		"JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) m.objid "
		"WHERE m.classid OPERATOR(pg_catalog.=) "
		"'pg_catalog.pg_class'::pg_catalog.regclass "
		"AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,f}'::\"char\"[])",
		reader,
		schema);
	run_statements(
		"SELECT pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO %I', "
		"p.oid::pg_catalog.regprocedure, $1) FROM " MEMBERS
		"JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) m.objid "
		"WHERE m.classid OPERATOR(pg_catalog.=) "
		"'pg_catalog.pg_proc'::pg_catalog.regclass "
		"AND p.proacl IS NOT NULL AND $2 IS NOT NULL "
		"AND pg_catalog.has_function_privilege('pg_monitor', p.oid, 'EXECUTE')",
		reader,
		schema);
}

/*
 * Who logs in as the recorder finds the functions, unless the extension is
 * where everybody looks or the role has been told where to look.
 */
static void
set_search_path(const char *recorder, const char *schema)
{
	run_statements(
		"SELECT pg_catalog.format('ALTER ROLE %I IN DATABASE %I "
		"SET search_path = \"$user\", public, %I', "
		"$1, pg_catalog.current_database(), $2) "
		"WHERE $2 OPERATOR(pg_catalog.<>) 'public' AND NOT EXISTS ("
		"SELECT FROM pg_catalog.pg_db_role_setting s, "
		"pg_catalog.unnest(s.setconfig) c, pg_catalog.pg_database b "
		"WHERE s.setrole OPERATOR(pg_catalog.=) ("
		"SELECT r.oid FROM pg_catalog.pg_roles r "
		"WHERE r.rolname OPERATOR(pg_catalog.=) $1) "
		"AND b.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() "
		"AND (s.setdatabase OPERATOR(pg_catalog.=) 0 "
		"OR s.setdatabase OPERATOR(pg_catalog.=) b.oid) "
		"AND pg_catalog.starts_with(c, 'search_path='))",
		recorder,
		schema);
}

/* What recording takes, column by column: a span that is there is read and
 * written to be merged, but neither its ids nor when it came. */
static void
grant_recording(const char *recorder, const char *schema)
{
#define SPAN                                                                   \
	"parent_span_id, service_name, operation, start_time, end_time, "          \
	"duration_ms, tags, logs"
	run_for_role("GRANT SELECT (trace_id, span_id, " SPAN "), "
				 "INSERT (trace_id, span_id, " SPAN "), "
				 "UPDATE (" SPAN ", updated_at) "
				 "ON %2$s.distributed_trace_log TO %1$s",
				 recorder,
				 schema);
#undef SPAN
	run_for_role("GRANT SELECT (resource_id, digest), "
				 "INSERT (digest, attributes) "
				 "ON %2$s.distributed_trace_resource TO %1$s",
				 recorder,
				 schema);
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
	const char *schema_name = get_namespace_name(calling_schema(fcinfo));
	const char *schema = quote_identifier(schema_name);
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
	grant_recording(quote_identifier(recorder), schema);
	grant_reading(reader, schema_name);
	set_search_path(recorder, schema_name);
	/* its members may read what the receiver does, once they get there */
	run_for_role("GRANT USAGE ON SCHEMA %2$s TO %1$s", "pg_monitor", schema);
	SPI_finish();
	PG_RETURN_VOID();
}
