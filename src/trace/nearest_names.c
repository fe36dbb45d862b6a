/*
 * Saying that nothing has the name of a service or operation that was given,
 * and which names come nearest.
 *
 * Near is what contains it or is contained, then what few letters changed, the
 * distance of Levenshtein; all that whatever the case of letters.
 */
#include "postgres.h"

#include "compat.h"
#include "server/query.h"
#include "store/trace_lookup.h"
#include "trace/tree_argument.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/varlena.h"

PG_FUNCTION_INFO_V1(dt_trace_say_unknown);

#define MAX_NAMES 3

/* longer names are compared by their beginnings; the distance takes time and
 * memory by the square */
#define MAX_COMPARED 100

/* A scan of more spans, or services, than this would take longer than the hint
 * is worth. */
#define MAX_SPANS 100000
#define MAX_SERVICES 1000

/* the next service in the order of names: a look-up in the log's index */
static SavedQuery next_service_query = {
	.text = "SELECT service_name FROM %s.distributed_trace_log "
			"WHERE service_name OPERATOR(pg_catalog.>) $1 "
			"ORDER BY service_name LIMIT 1",
	.arg_count = 1,
	.arg_types = {TEXTOID},
};

typedef struct NearNames
{
	char *wanted;
	char *names[MAX_NAMES]; /* the nearest first */
	int distances[MAX_NAMES];
	int count;
} NearNames;

static char *
fold_name(Slice name)
{
	int length = pg_mbcliplen(name.data, name.length, MAX_COMPARED);

	return str_tolower(name.data, length, C_COLLATION_OID);
}

static int
name_distance(const char *a, const char *b)
{
	if (strstr(a, b) != NULL || strstr(b, a) != NULL)
		return 0;
	return varstr_levenshtein(a, strlen(a), b, strlen(b), 1, 1, 1, true);
}

static bool
is_known(const NearNames *near, Slice name)
{
	for (int i = 0; i < near->count; i++)
	{
		if (strlen(near->names[i]) == name.length &&
			memcmp(near->names[i], name.data, name.length) == 0)
			return true;
	}
	return false;
}

/* Keeps a name if it is among the nearest. */
static void
consider_name(NearNames *near, Slice name)
{
	char *folded;
	int distance;
	int place = near->count;

	if (name.length == 0 || is_known(near, name))
		return;
	folded = fold_name(name);
	distance = name_distance(near->wanted, folded);
	pfree(folded);
	while (place > 0 && near->distances[place - 1] > distance)
		place--;
	if (place == MAX_NAMES)
		return;
	if (near->count < MAX_NAMES)
		near->count++;
	for (int i = near->count - 1; i > place; i--)
	{
		near->names[i] = near->names[i - 1];
		near->distances[i] = near->distances[i - 1];
	}
	near->names[place] = pnstrdup(name.data, name.length);
	near->distances[place] = distance;
}

/* "a", "b", "c" */
static char *
list_names(const NearNames *near)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < near->count; i++)
		appendStringInfo(&list, "%s\"%s\"", i > 0 ? ", " : "", near->names[i]);
	return list.data;
}

/* The nearest services of a tree or, if a service is given or its data is NULL,
 * operations: of that service, of any. */
static char *
list_nearest(const SpanTree *tree, Slice wanted, const Slice *service_name)
{
	const SpanNode *nodes = span_tree_nodes(tree);
	NearNames near = {.wanted = fold_name(wanted)};
	uint32 before = SPAN_TREE_NONE;

	for (uint32 i = 0; i < tree->span_count && i < MAX_SPANS; i++)
	{
		uint32 name =
			service_name == NULL ? nodes[i].service_name : nodes[i].operation;

		CHECK_FOR_INTERRUPTS();
		if (service_name != NULL && service_name->data != NULL &&
			!slice_equal(span_tree_string(tree, nodes[i].service_name),
						 *service_name))
			continue;
		if (name != before)
			consider_name(&near, span_tree_string(tree, name));
		before = name;
	}
	return list_names(&near);
}

static bool
has_service(const SpanTree *tree, Slice service_name)
{
	const SpanNode *nodes = span_tree_nodes(tree);

	for (uint32 i = 0; i < tree->span_count; i++)
	{
		if (slice_equal(span_tree_string(tree, nodes[i].service_name),
						service_name))
			return true;
	}
	return false;
}

void
say_no_such_name(const SpanTree *tree, Slice service_name, Slice operation)
{
	bool is_service =
		service_name.data != NULL &&
		(operation.data == NULL || !has_service(tree, service_name));
	Slice wanted = is_service ? service_name : operation;

	if (wanted.data == NULL || !may_give_notice())
		return;
	if (is_service)
		ereport(NOTICE,
				errmsg("no span of the trace is of service \"%.*s\"",
					   (int) wanted.length,
					   wanted.data),
				errhint("The nearest: %s.", list_nearest(tree, wanted, NULL)));
	else
		ereport(NOTICE,
				errmsg("no span of the trace is operation \"%.*s\"%s",
					   (int) wanted.length,
					   wanted.data,
					   service_name.data != NULL ? " of that service" : ""),
				errhint("The nearest: %s.",
						list_nearest(tree, wanted, &service_name)));
}

/* The next service of the log; NULL after the last. */
static text *
next_service(Oid schema, text *after)
{
	Datum args[1] = {PointerGetDatum(after)};
	MemoryContext caller = CurrentMemoryContext;
	text *name = NULL;

	SPI_connect();
	if (query_run(&next_service_query, schema, args, true, NULL) > 0)
	{
		bool is_null;
		Datum value = SPI_getbinval(
			SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
		MemoryContext own = MemoryContextSwitchTo(caller);

		if (!is_null)
			name = DatumGetTextPCopy(value);
		MemoryContextSwitchTo(own);
	}
	SPI_finish();
	return name;
}

/* The services of the log nearest to this one, which is not among them; NULL
 * if it is, or if there are too many to tell. */
static char *
list_nearest_stored(Oid schema, Slice wanted)
{
	NearNames near = {.wanted = fold_name(wanted)};
	text *name = cstring_to_text("");

	for (int i = 0; (name = next_service(schema, name)) != NULL; i++)
	{
		Slice slice = {VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)};

		CHECK_FOR_INTERRUPTS();
		if (i == MAX_SERVICES || slice_equal(slice, wanted))
			return NULL;
		consider_name(&near, slice);
	}
	return list_names(&near);
}

/*
 * trace_say_unknown(service_name text) -> boolean: true, and a notice if the log
 * has no service of that name.
 */
Datum
dt_trace_say_unknown(PG_FUNCTION_ARGS)
{
	text *service_name;
	Slice wanted;
	char *nearest;

	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(true);
	service_name = PG_GETARG_TEXT_PP(0);
	wanted =
		(Slice){VARDATA_ANY(service_name), VARSIZE_ANY_EXHDR(service_name)};
	nearest = list_nearest_stored(calling_schema(fcinfo), wanted);
	if (nearest != NULL && may_give_notice())
		ereport(NOTICE,
				errmsg("no span is of service \"%.*s\"",
					   (int) wanted.length,
					   wanted.data),
				*nearest != '\0' ? errhint("The nearest: %s.", nearest) : 0);
	PG_RETURN_BOOL(true);
}
