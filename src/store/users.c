/*
 * trace_attach_users: the view that joins spans to the application's own table
 * of users.
 *
 * Spans name a user in a tag, as text; the table's key is compared as text
 * too, whatever its type.  The view is the caller's, not the extension's: it
 * depends on a table of the caller's, and pg_dump writes it as any other.  It
 * reads with the rights of whoever asks, so that it shows nobody a row that
 * privileges or row level security keep from them.
 *
 * A later call replaces the view's query, so that grants on it and views on
 * top of it stay.  Only a view that an earlier call made is replaced, which
 * its comment tells, and only where its columns stay at the front.
 */
#include "postgres.h"

#include "compat.h"
#include "server/query.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "commands/comment.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(dt_trace_attach_users);

#define VIEW_NAME "trace_user_activity"
#define VIEW_COMMENT                                                           \
	"Spans that name a user, with what the table of users says of them."
#define ID_ALIAS "user_id"

static bool
can_be_joined(char relkind)
{
	return relkind == RELKIND_RELATION ||
		   relkind == RELKIND_PARTITIONED_TABLE || relkind == RELKIND_VIEW ||
		   relkind == RELKIND_MATVIEW || relkind == RELKIND_FOREIGN_TABLE;
}

static Relation
open_users(Oid table)
{
	Relation users = try_relation_open(table, AccessShareLock);

	if (users == NULL)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("relation with OID %u does not exist", table));
	if (!can_be_joined(users->rd_rel->relkind))
		ereport(ERROR,
				errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("\"%s\" is not a table, view, materialized view, or "
					   "foreign table",
					   RelationGetRelationName(users)));
	return users;
}

static void
check_id_column(Relation users, const char *id_column)
{
	if (get_attnum(RelationGetRelid(users), id_column) <= 0)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_COLUMN),
				errmsg("column \"%s\" of relation \"%s\" does not exist",
					   id_column,
					   RelationGetRelationName(users)),
				errhint("Name the column that spans carry in the tag user.id, "
						"enduser.id or enduser.pseudo.id."));
}

/* Whether an earlier call made it. */
static bool
is_own_view(Oid relation)
{
	char *comment = GetComment(relation, RelationRelationId, 0);

	return get_rel_relkind(relation) == RELKIND_VIEW && comment != NULL &&
		   strcmp(comment, VIEW_COMMENT) == 0;
}

/* What bears the view's name already must be the view. */
static void
check_old_view(Oid schema, Oid users)
{
	Oid old = get_relname_relid(VIEW_NAME, schema);

	if (!OidIsValid(old))
		return;
	if (!is_own_view(old))
		ereport(ERROR,
				errcode(ERRCODE_DUPLICATE_OBJECT),
				errmsg("relation \"%s\" already exists and was not made by "
					   "trace_attach_users",
					   VIEW_NAME),
				errhint("Rename or drop it, then call the function again."));
	if (old == users)
		ereport(ERROR,
				errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("view \"%s\" cannot be joined to itself", VIEW_NAME));
}

/*
 * The columns
 */

static bool
is_listed(const char *name, char **names, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/* As much of a name as an identifier has room for, and this behind it. */
static char *
fit_identifier(const char *name, const char *suffix)
{
	int room = NAMEDATALEN - 1 - strlen(suffix);
	int length = pg_mbcliplen(name, strlen(name), room);

	return psprintf("%.*s%s", length, name, suffix);
}

/* "user_name", or "user_name_2" and so on where that is taken. */
static char *
choose_alias(const char *column, char **taken, int count)
{
	char *whole = psprintf("user_%s", column);
	char *alias = fit_identifier(whole, "");

	for (int n = 2; is_listed(alias, taken, count); n++)
		alias = fit_identifier(whole, psprintf("_%d", n));
	return alias;
}

/* ", u.name AS user_name" for every column but the key. */
static void
append_user_columns(StringInfo sql, Relation users, const char *id_column)
{
	TupleDesc desc = RelationGetDescr(users);
	char **taken = palloc((desc->natts + 1) * sizeof(char *));
	int count = 0;

	taken[count++] = ID_ALIAS;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		const char *name = NameStr(attribute->attname);

		if (attribute->attisdropped || strcmp(name, id_column) == 0)
			continue;
		taken[count] = choose_alias(name, taken, count);
		appendStringInfo(sql,
						 ", u.%s AS %s",
						 quote_identifier(name),
						 quote_identifier(taken[count]));
		count++;
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
					 "CREATE OR REPLACE VIEW %s "
					 "WITH (security_invoker = true) AS "
					 "SELECT l.trace_id, l.span_id, "
					 "l.service_name, l.operation, l.start_time, "
					 "l.duration_ms::pg_catalog.float8 AS duration_ms, "
					 "%s(l.tags) AS is_error, u.%s AS " ID_ALIAS,
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

/*
 * The view
 */

/* Says what to do where the server finds that the columns do not fit. */
static void
explain_misfit(void *argument pg_attribute_unused())
{
	if (geterrcode() == ERRCODE_INVALID_TABLE_DEFINITION)
	{
		errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE);
		errhint("Drop the view %s, then call the function again.", VIEW_NAME);
	}
}

static void
run_utility(const char *sql)
{
	int code = SPI_execute(sql, false, 0);

	if (code != SPI_OK_UTILITY)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(code));
}

static void
replace_view(Oid schema, const char *definition)
{
	ErrorContextCallback misfit = {.previous = error_context_stack,
								   .callback = explain_misfit};

	SPI_connect();
	error_context_stack = &misfit;
	run_utility(definition);
	error_context_stack = misfit.previous;
	run_utility(psprintf("COMMENT ON VIEW %s IS %s",
						 qualified_name(schema, VIEW_NAME),
						 quote_literal_cstr(VIEW_COMMENT)));
	SPI_finish();
}

/*
 * trace_attach_users(user_table regclass, id_column name) -> regclass
 */
Datum
dt_trace_attach_users(PG_FUNCTION_ARGS)
{
	Oid schema = calling_schema(fcinfo);
	const char *id_column = NameStr(*PG_GETARG_NAME(1));
	Relation users = open_users(PG_GETARG_OID(0));

	check_id_column(users, id_column);
	check_old_view(schema, RelationGetRelid(users));
	replace_view(schema, view_definition(schema, users, id_column));
	/* the lock stays, like that of any statement */
	relation_close(users, NoLock);
	PG_RETURN_OID(get_relname_relid(VIEW_NAME, schema));
}
