/*
 * Timing a trace anew with some spans faster or slower.
 *
 * Only lengths are kept: new_lengths[i] is how long span i takes now.  A span's
 * children lie behind it, so that from the last span to the first every
 * family's members are known when their parent is reached.  Lengths are
 * doubles: factor 1 gives back the old ones exactly up to 2^53 us, 285 years.
 */
#include "core/path/critical_path_window.h"

typedef struct Retiming
{
	const CriticalPath *path;
	const SpanNode *nodes;
	PathFamily family;
	double *new_ends;	 /* of a family, from the parent's new start */
	double *new_lengths; /* by span */
	const WhatIf *what_if;
	uint32_t service_name; /* offsets of the names, SPAN_TREE_NONE for any */
	uint32_t operation;
	bool nothing_matches; /* a name does not occur in the trace */
} Retiming;

/* Names are stored once, so that one node that has a name gives its offset. */
static bool
find_name(const SpanTree *tree, Slice name, bool is_service, uint32_t *offset)
{
	const SpanNode *nodes = span_tree_nodes(tree);
	uint32_t before = SPAN_TREE_NONE;

	*offset = SPAN_TREE_NONE;
	if (name.data == NULL)
		return true;
	for (uint32_t i = 0; i < tree->span_count; i++)
	{
		uint32_t at = is_service ? nodes[i].service_name : nodes[i].operation;

		if (at != before && slice_equal(span_tree_string(tree, at), name))
		{
			*offset = at;
			return true;
		}
		before = at;
	}
	return false;
}

static bool
matches(const Retiming *r, uint32_t span)
{
	const SpanNode *node;

	if (span == SPAN_TREE_NONE || r->nothing_matches)
		return false;
	if (r->what_if->span != SPAN_TREE_NONE)
		return span == r->what_if->span;
	node = &r->nodes[span];
	return (r->service_name == SPAN_TREE_NONE ||
			node->service_name == r->service_name) &&
		   (r->operation == SPAN_TREE_NONE || node->operation == r->operation);
}

static double
scaled(double own_time, double factor)
{
	return own_time > 0 ? own_time * factor : own_time;
}

/* How long a span, or the virtual root, takes now. */
static double
time_span(Host *host, Retiming *r, uint32_t span)
{
	const CriticalPath *path = r->path;
	PathFamily *family = &r->family;
	double factor = matches(r, span) ? r->what_if->factor : 1;
	double latest = 0;
	int64_t tail;

	path_family_load(host, path, span, family);
	if (family->count == 0)
		return scaled((double) path_window_length(path, span), factor);
	for (uint32_t i = 0; i < family->count; i++)
	{
		uint32_t child = family->keys[i].value;
		int64_t lead = time_difference(path->windows[child].start,
									   path_family_gate(path, family, span, i));
		double start =
			family->gates[i] > 0 ? r->new_ends[family->gates[i] - 1] : 0;

		host_poll(host, i + 1);
		start += scaled((double) lead, factor) + r->new_lengths[child];
		latest = i == 0 || start > latest ? start : latest;
		r->new_ends[i] = latest; /* of all up to here */
	}
	tail = time_difference(path_window(path, span).end,
						   family->keys[family->count - 1].key);
	return latest + scaled((double) tail, factor);
}

static void
time_spans(Host *host, Retiming *r, WhatIfResult *result)
{
	for (uint32_t i = r->path->tree->span_count; i-- > 0;)
	{
		host_poll(host, i);
		if (!path_has_window(r->path, i))
			continue;
		result->matched += matches(r, i);
		r->new_lengths[i] =
			r->nodes[i].descendants > 0
				? time_span(host, r, i)
				: scaled((double) path_window_length(r->path, i),
						 matches(r, i) ? r->what_if->factor : 1);
	}
}

static void
add_up(Host *host, Retiming *r, WhatIfResult *result)
{
	const CriticalPath *path = r->path;

	for (uint32_t i = 0; i < path->root_count; i++)
	{
		uint32_t root = path->roots[i];

		result->old_total += (double) path_window_length(path, root);
		if (root == SPAN_TREE_NONE)
			result->new_total += time_span(host, r, root);
		else if (path_has_window(path, root))
			result->new_total += r->new_lengths[root];
	}
	for (uint32_t i = 0; i < path->section_count; i++)
	{
		const PathSection *section = &path->sections[i];

		host_poll(host, i);
		if (matches(r, section->span))
			result->upper_bound +=
				(1 - r->what_if->factor) *
				(double) time_difference(section->end, section->start);
	}
	result->saved = result->old_total - result->new_total;
	/* a saving short of the bound means another path is in the way now; a
	 * thousandth of a microsecond is only rounding */
	result->path_switched =
		result->saved <
		result->upper_bound - (1e-3 + 1e-12 * result->old_total);
}

CoreStatus
critical_path_what_if(Host *host, const CriticalPath *path,
					  const WhatIf *what_if, WhatIfResult *result)
{
	Retiming r = {
		.path = path, .nodes = span_tree_nodes(path->tree), .what_if = what_if};
	size_t size = ((size_t) path->tree->span_count + 1) * sizeof(double);
	CoreStatus status = path_family_allocate(host, path, &r.family);

	*result = (WhatIfResult){0};
	if (status != CORE_OK)
		return status;
	r.new_ends = host->allocate(host, size);
	r.new_lengths = host->allocate(host, size);
	if (r.new_ends == NULL || r.new_lengths == NULL)
		return CORE_NO_MEMORY;
	r.nothing_matches =
		what_if->span == SPAN_TREE_NONE &&
		(!find_name(path->tree, what_if->service_name, true, &r.service_name) ||
		 !find_name(path->tree, what_if->operation, false, &r.operation));
	time_spans(host, &r, result);
	add_up(host, &r, result);
	return CORE_OK;
}
