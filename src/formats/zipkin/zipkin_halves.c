/*
 * Which span a Zipkin report is about, when client and server share an id.
 *
 * Zipkin lets the two sides of a call report under one id.  Here the client's
 * side keeps the id and the server's side becomes "<id>:server", its child.
 * A report is of the server's side if it says so ("shared"), or if it is a
 * SERVER's or CONSUMER's and a CLIENT or PRODUCER reported the same id in the
 * same document.  Reports that do not say what they are belong to the side
 * whose service they name.
 *
 * If several servers answered under one id (a message that was delivered to
 * several instances), the first to start is "<id>:server" and the others are
 * "<id>:server@<address>".
 *
 * A child of a shared id is taken for the server's if its service is the
 * server's and not the client's; if both are of one service its address
 * decides, and without that it stays the client's.
 *
 * This is what Zipkin's documents say beyond the rule for all formats
 * (shared_ids.c), which holds for halves and children that come in separate
 * calls.
 */
#include "postgres.h"

#include "compat.h"
#include "formats/zipkin/zipkin_halves.h"
#include "server/values.h"
#include "store/trace_ids.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* An IPv6 address has no more characters, one that holds an IPv4 address. */
#define ADDRESS_MAX 45

/* All reports of one id, and the halves they belong to. */
typedef struct Group
{
	Report **reports;
	int count;
	Half *local;   /* NULL if no report was of the client's side */
	Half *first;   /* the server's half that is "<id>:server"; NULL if none */
	Half *remotes; /* all of them, in the order of their endpoints */
	int remote_count;
} Group;

typedef struct GroupList
{
	Group *groups;
	int count;
} GroupList;

static int
compare_addresses(const Endpoint *a, const Endpoint *b)
{
	int order = compare_texts(a->address, b->address);

	return order != 0 ? order : (a->port > b->port) - (a->port < b->port);
}

static int
compare_endpoints(const Endpoint *a, const Endpoint *b)
{
	int order = compare_texts(a->service, b->service);

	return order != 0 ? order : compare_addresses(a, b);
}

static bool
same_service(const Endpoint *a, const Endpoint *b)
{
	return a->service != NULL && compare_texts(a->service, b->service) == 0;
}

/* By ids, then in the order of the document. */
static int
compare_reports(const void *a, const void *b)
{
	const Report *x = *(Report *const *) a;
	const Report *y = *(Report *const *) b;
	int order = compare_texts(x->trace_id, y->trace_id);

	CHECK_FOR_INTERRUPTS();
	if (order == 0)
		order = compare_texts(x->id, y->id);
	return order != 0 ? order : (x > y) - (x < y);
}

static int
compare_remote_reports(const void *a, const void *b)
{
	const Report *x = *(Report *const *) a;
	const Report *y = *(Report *const *) b;
	int order = compare_endpoints(&x->local, &y->local);

	return order != 0 ? order : (x > y) - (x < y);
}

static bool
is_server_kind(SpanKind kind)
{
	return kind == SPAN_KIND_SERVER || kind == SPAN_KIND_CONSUMER;
}

static bool
is_client_kind(SpanKind kind)
{
	return kind == SPAN_KIND_CLIENT || kind == SPAN_KIND_PRODUCER;
}

static bool
is_shared_report(const Report *report)
{
	return report->is_shared;
}

static bool
is_server_report(const Report *report)
{
	return is_server_kind(report->kind);
}

static bool
is_client_report(const Report *report)
{
	return is_client_kind(report->kind) && !report->is_shared;
}

/* The first report of a group that is one of these; NULL if none is. */
static const Report *
find_report(const Group *group, bool (*is_wanted)(const Report *))
{
	for (int i = 0; i < group->count; i++)
	{
		if (is_wanted(group->reports[i]))
			return group->reports[i];
	}
	return NULL;
}

/* Decides of every report of a group which side's it is; returns how many are
 * the server's. */
static int
tell_sides(Group *group)
{
	const Report *client = find_report(group, is_client_report);
	const Report *server = find_report(group, is_shared_report);
	int remote_count = 0;

	if (server == NULL && client != NULL)
		server = find_report(group, is_server_report);
	if (server == NULL)
		return 0;
	for (int i = 0; i < group->count; i++)
	{
		Report *report = group->reports[i];

		if (report->is_shared || is_server_kind(report->kind))
			report->is_remote = true;
		else if (report->kind == SPAN_KIND_ABSENT)
			report->is_remote = same_service(&report->local, &server->local) &&
								(client == NULL ||
								 !same_service(&report->local, &client->local));
		remote_count += report->is_remote;
	}
	return remote_count;
}

static void
put_in_half(Report *report, Half *half)
{
	if (half->endpoint == NULL || half->endpoint->service == NULL)
		half->endpoint = &report->local;
	report->half = half;
	if (report->has_start && (!half->has_start || report->start < half->start))
	{
		half->has_start = true;
		half->start = report->start;
	}
}

/* Whether a half began before another; one that never says is last. */
static bool
starts_before(const Half *a, const Half *b)
{
	if (!a->has_start || !b->has_start)
		return a->has_start;
	return a->start < b->start;
}

static text *
server_id(const Report *report, bool is_first)
{
	const Endpoint *endpoint = &report->local;
	StringInfoData id;

	initStringInfo(&id);
	appendBinaryStringInfo(
		&id, VARDATA(report->id), VARSIZE(report->id) - VARHDRSZ);
	appendStringInfoString(&id, SERVER_SUFFIX);
	if (!is_first && endpoint->address != NULL &&
		VARSIZE(endpoint->address) - VARHDRSZ <= ADDRESS_MAX)
		appendStringInfo(&id, "@%s", text_to_cstring(endpoint->address));
	if (!is_first && endpoint->port != 0)
		appendStringInfo(&id, ":" INT64_FORMAT, endpoint->port);
	return cstring_to_text_with_len(id.data, id.len);
}

/* Puts the server's reports of a group into halves, one for each endpoint. */
static void
make_remote_halves(Group *group, int remote_count)
{
	Report **remotes = palloc(remote_count * sizeof(Report *));
	int count = 0;

	group->remotes = palloc0(remote_count * sizeof(Half));
	for (int i = 0; i < group->count; i++)
	{
		if (group->reports[i]->is_remote)
			remotes[count++] = group->reports[i];
	}
	qsort(remotes, count, sizeof(Report *), compare_remote_reports);
	for (int i = 0; i < count; i++)
	{
		if (i == 0 ||
			compare_endpoints(&remotes[i - 1]->local, &remotes[i]->local) != 0)
			group->remote_count++;
		put_in_half(remotes[i], &group->remotes[group->remote_count - 1]);
	}
	group->first = group->remotes;
	for (int i = 1; i < group->remote_count; i++)
	{
		if (starts_before(&group->remotes[i], group->first))
			group->first = &group->remotes[i];
	}
	for (int i = 0; i < count; i++)
	{
		Half *half = remotes[i]->half;

		if (half->span_id == NULL)
			half->span_id = server_id(remotes[i], half == group->first);
	}
	pfree(remotes);
}

static void
make_local_half(Group *group)
{
	for (int i = 0; i < group->count; i++)
	{
		Report *report = group->reports[i];

		if (report->is_remote)
			continue;
		if (group->local == NULL)
			group->local = palloc0(sizeof(Half));
		group->local->span_id = report->id;
		put_in_half(report, group->local);
	}
}

/* A half that does not know when it started takes it from the other one. */
static void
borrow_starts(Group *group)
{
	Half *local = group->local;

	if (local == NULL || group->first == NULL)
		return;
	if (!local->has_start && group->first->has_start)
	{
		local->has_start = true;
		local->start = group->first->start;
	}
	for (int i = 0; i < group->remote_count; i++)
	{
		Half *half = &group->remotes[i];

		if (!half->has_start && local->has_start)
		{
			half->has_start = true;
			half->start = local->start;
		}
	}
}

static void
settle_group(Group *group)
{
	int remote_count = tell_sides(group);

	if (remote_count > 0)
		make_remote_halves(group, remote_count);
	make_local_half(group);
	borrow_starts(group);
}

/* The reports, which stay where they are, by their ids. */
static GroupList
group_by_id(ReportList *list)
{
	Report **sorted = MemoryContextAllocHuge(CurrentMemoryContext,
											 list->count * sizeof(Report *));
	GroupList groups = {0};

	for (int i = 0; i < list->count; i++)
		sorted[i] = &list->reports[i];
	qsort(sorted, list->count, sizeof(Report *), compare_reports);
	groups.groups = MemoryContextAllocHuge(CurrentMemoryContext,
										   list->count * sizeof(Group));
	for (int i = 0; i < list->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (i == 0 ||
			compare_texts(sorted[i - 1]->trace_id, sorted[i]->trace_id) != 0 ||
			compare_texts(sorted[i - 1]->id, sorted[i]->id) != 0)
		{
			Group *group = &groups.groups[groups.count++];

			memset(group, 0, sizeof(Group));
			group->reports = &sorted[i];
		}
		groups.groups[groups.count - 1].count++;
	}
	return groups;
}

/* The group whose id is the parent of this report; NULL if there is none. */
static Group *
find_parent(const GroupList *list, const Report *child)
{
	int low = 0;
	int high = list->count;

	while (low < high)
	{
		int middle = low + (high - low) / 2;
		const Report *candidate = list->groups[middle].reports[0];
		int order = compare_texts(child->trace_id, candidate->trace_id);

		if (order == 0)
			order = compare_texts(child->parent_id, candidate->id);
		if (order == 0)
			return &list->groups[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* The server's half at exactly this endpoint; NULL if there is none. */
static Half *
find_remote(const Group *group, const Endpoint *endpoint)
{
	int low = 0;
	int high = group->remote_count;

	while (low < high)
	{
		int middle = low + (high - low) / 2;
		Half *half = &group->remotes[middle];
		int order = compare_endpoints(endpoint, half->endpoint);

		if (order == 0)
			return half;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* Which side of a shared id this child belongs to. */
static text *
choose_parent(const Group *parent, const Report *child)
{
	Half *exact = find_remote(parent, &child->local);
	bool is_clients = parent->local != NULL &&
					  same_service(&child->local, parent->local->endpoint);

	if (!is_clients && exact != NULL && child->local.service != NULL)
		return exact->span_id;
	if (!is_clients && same_service(&child->local, parent->first->endpoint))
		return parent->first->span_id;
	if (is_clients && exact != NULL && child->local.address != NULL &&
		compare_addresses(&child->local, parent->local->endpoint) != 0)
		return exact->span_id;
	return child->parent_id;
}

void
settle_halves(ReportList *list)
{
	GroupList groups;

	if (list->count == 0)
		return;
	groups = group_by_id(list);
	for (int i = 0; i < groups.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		settle_group(&groups.groups[i]);
	}
	for (int i = 0; i < list->count; i++)
	{
		Report *report = &list->reports[i];
		Group *parent;

		CHECK_FOR_INTERRUPTS();
		report->reported_parent_id = report->parent_id;
		if (report->is_remote)
			report->parent_id = report->id;
		else if (report->parent_id != NULL &&
				 (parent = find_parent(&groups, report)) != NULL &&
				 parent->remote_count > 0)
			report->parent_id = choose_parent(parent, report);
	}
}
