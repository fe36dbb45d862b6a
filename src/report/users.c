/*
 * trace_attach_users: the view that joins spans to the application's own table
 * of users.
 *
 * Spans name a user in a tag, as text; the table's key is compared as text
 * too, whatever its type.  The view is the caller's, not the extension's: it
 * depends on a table of the caller's, and pg_dump writes it as any other.  It
 * reads with the rights of whoever asks, so that it shows nobody a row that
 * privileges or row level security keep from them.
 */
#include "postgres.h"

#include "compat.h"
#include "query.h"

#include "access/relation.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(dt_trace_attach_users);

#define VIEW_NAME "trace_user_activity"

/* ", u.name AS user_name" for every column but the key. */
static void
append_user_columns(StringInfo sql, Relation users, const char *id_column)
{
	TupleDesc desc = RelationGetDescr(users);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		const char *name = NameStr(attribute->attname);
		const char *alias;

		if (attribute->attisdropped || strcmp(name, id_column) == 0)
			continue;
		alias = quote_identifier(psprintf("user_%s", name));
		appendStringInfo(sql, ", u.%s AS %s", quote_identifier(name), alias);
	}
}

static char *
view_definition(Oid schema, Relation users, const char *id_column)
{
	char *users_name = quote_qualified_identifier(
		get_namespace_name(RelationGetNamespace(users)),
		RelationGetRelationName(users));
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "CREATE VIEW %s WITH (security_invoker = true) AS "
					 "SELECT l.trace_id, l.span_id, "
					 "l.service_name, l.operation, l.start_time, "
					 "l.duration_ms::pg_catalog.float8 AS duration_ms, "
					 "%s(l.tags) AS is_error, u.%s AS user_id",
					 qualified_name(schema, VIEW_NAME),
					 qualified_name(schema, "trace_is_error"),
					 quote_identifier(id_column));
	append_user_columns(&sql, users, id_column);
	appendStringInfo(&sql,
					 " FROM %s l JOIN %s u ON u.%s::pg_catalog.text "
					 "OPERATOR(pg_catalog.=) %s(l.tags)",
					 qualified_name(schema, "distributed_trace_log"),
					 users_name,
					 quote_identifier(id_column),
					 qualified_name(schema, "trace_user_id"));
	return sql.data;
}

static void
run_utility(const char *sql)
{
	int code = SPI_execute(sql, false, 0);

	if (code != SPI_OK_UTILITY)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(code));
}

Datum
dt_trace_attach_users(PG_FUNCTION_ARGS)
{
	Oid schema = calling_schema(fcinfo);
	Oid table = PG_GETARG_OID(0);
	const char *id_column = NameStr(*PG_GETARG_NAME(1));
	Relation users = relation_open(table, AccessShareLock);
	char *definition;

	if (get_attnum(table, id_column) <= 0)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_COLUMN),
				errmsg("column \"%s\" of relation \"%s\" does not exist",
					   id_column,
					   RelationGetRelationName(users)),
				errhint("Name the column that spans carry in the tag user.id, "
						"enduser.id or enduser.pseudo.id."));
	definition = view_definition(schema, users, id_column);
	relation_close(users, AccessShareLock);

	SPI_connect();
	run_utility(
		psprintf("DROP VIEW IF EXISTS %s", qualified_name(schema, VIEW_NAME)));
	run_utility(definition);
	run_utility(psprintf("COMMENT ON VIEW %s IS 'Spans that name a user, "
						 "with what the table of users says of them.'",
						 qualified_name(schema, VIEW_NAME)));
	SPI_finish();
	PG_RETURN_OID(get_relname_relid(VIEW_NAME, schema));
}
