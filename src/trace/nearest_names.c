/*
 * The names of a tree that come nearest to one that it does not have.
 *
 * Near is what contains it or is contained, then what few letters changed, the
 * distance of Levenshtein; all that whatever the case of letters.
 */
#include "postgres.h"

#include "compat.h"
#include "record/trace_lookup.h"
#include "trace/tree_argument.h"

#include "catalog/pg_collation.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/varlena.h"

#define MAX_NAMES 3

/* longer names are compared by their beginnings; the distance takes time and
 * memory by the square */
#define MAX_COMPARED 100

/* A scan of more spans than this would take longer than the hint is worth. */
#define MAX_SCANNED 100000

typedef struct NearNames
{
	char *wanted;
	uint32 names[MAX_NAMES]; /* offsets */
	int distances[MAX_NAMES];
	int count;
} NearNames;

static char *
fold_name(Slice name)
{
	int length = pg_mbcliplen(name.data, name.length, MAX_COMPARED);

	return str_tolower(name.data, length, C_COLLATION_OID);
}

static bool
is_known(const NearNames *near, uint32 name)
{
	for (int i = 0; i < near->count; i++)
	{
		if (near->names[i] == name)
			return true;
	}
	return false;
}

static int
name_distance(const char *a, const char *b)
{
	if (strstr(a, b) != NULL || strstr(b, a) != NULL)
		return 0;
	return varstr_levenshtein(a, strlen(a), b, strlen(b), 1, 1, 1, true);
}

/* Keeps a name if it is among the nearest, these in the order of distance. */
static void
consider_name(NearNames *near, const SpanTree *tree, uint32 name)
{
	char *folded = fold_name(span_tree_string(tree, name));
	int distance = name_distance(near->wanted, folded);
	int place = near->count;

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
	near->names[place] = name;
	near->distances[place] = distance;
}

/* "a", "b", "c": the nearest names of services or, below, of operations of the
 * service (of any, where data is NULL). */
static char *
list_nearest(const SpanTree *tree, Slice wanted, bool of_services,
			 Slice service_name)
{
	const SpanNode *nodes = span_tree_nodes(tree);
	NearNames near = {.wanted = fold_name(wanted)};
	uint32 before = SPAN_TREE_NONE;
	StringInfoData list;

	for (uint32 i = 0; i < tree->span_count && i < MAX_SCANNED; i++)
	{
		uint32 name = of_services ? nodes[i].service_name : nodes[i].operation;

		CHECK_FOR_INTERRUPTS();
		if (!of_services && service_name.data != NULL &&
			!slice_equal(span_tree_string(tree, nodes[i].service_name),
						 service_name))
			continue;
		if (name != before && name != SPAN_TREE_NONE && !is_known(&near, name))
			consider_name(&near, tree, name);
		before = name;
	}
	initStringInfo(&list);
	for (int i = 0; i < near.count; i++)
	{
		Slice name = span_tree_string(tree, near.names[i]);

		appendStringInfo(&list,
						 "%s\"%.*s\"",
						 i > 0 ? ", " : "",
						 (int) name.length,
						 name.data);
	}
	return list.data;
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
				errhint("The nearest: %s.",
						list_nearest(tree, wanted, true, service_name)));
	else
		ereport(NOTICE,
				errmsg("no span of the trace is operation \"%.*s\"%s",
					   (int) wanted.length,
					   wanted.data,
					   service_name.data != NULL ? " of that service" : ""),
				errhint("The nearest: %s.",
						list_nearest(tree, wanted, false, service_name)));
}
