/*
 * Adding up a critical path by group: see path_groups.h.
 *
 * The spans of a path come in the order of the tree, so a stack of the spans
 * above the present one is all that call paths need, and a group's span is
 * within another of the same group exactly if it lies before the end of the
 * outermost one's subtree.
 */
#include "core/path/path_groups.h"

#include "core/base/hash_index.h"
#include "core/base/slice_hash.h"

typedef struct Open
{
	uint32_t end;	/* position of the last span below */
	uint32_t group; /* of the span, where the groups are call paths */
} Open;

typedef struct Grouper
{
	Host *host;
	const SpanTree *tree;
	PathGrouping grouping;
	uint32_t max_depth;
	PathGroup *groups;
	uint32_t *ends; /* of a group: where its outermost span's subtree ends */
	uint32_t count;
	HashIndex index; /* of groups */
	Open *stack;
	uint32_t depth; /* of the stack */
} Grouper;

static bool
allocate_grouper(Grouper *g, uint32_t spans)
{
	g->groups = g->host->allocate(g->host, (spans + 1) * sizeof(PathGroup));
	g->ends = g->host->allocate(g->host, (spans + 1) * sizeof(uint32_t));
	g->stack = g->host->allocate(g->host, (spans + 1) * sizeof(Open));
	return g->groups != NULL && g->ends != NULL && g->stack != NULL &&
		   hash_index_reserve(&g->index, g->host, spans);
}

static uint64_t
hash_group(const Grouper *g, const PathGroup *group)
{
	uint64_t names = (uint64_t) group->service_name << 32 | group->operation;

	return hash_mix(names ^ g->host->hash_seed,
					group->parent ^ UINT64_C(0x9e3779b97f4a7c15));
}

static bool
is_group(const void *groups, uint32_t number, const void *key)
{
	const PathGroup *group = (const PathGroup *) groups + number;
	const PathGroup *wanted = key;

	return group->parent == wanted->parent &&
		   group->service_name == wanted->service_name &&
		   group->operation == wanted->operation;
}

/* The group with these names below this parent, made if it is new. */
static uint32_t
find_group(Grouper *g, const PathGroup *wanted)
{
	uint64_t hash = hash_group(g, wanted);
	HashSlot *slot =
		hash_index_find(&g->index, hash, is_group, g->groups, wanted);

	if (slot->number != HASH_INDEX_NONE)
		return slot->number;
	hash_index_set(slot, hash, g->count);
	g->groups[g->count] = *wanted;
	g->ends[g->count] = 0;
	return g->count++;
}

/* Leaves the spans that this position is not below. */
static void
close_stack(Grouper *g, uint32_t position)
{
	while (g->depth > 0 && g->stack[g->depth - 1].end < position)
		g->depth--;
}

static uint32_t
group_of(Grouper *g, uint32_t span)
{
	PathGroup wanted = {
		.parent = SPAN_TREE_NONE,
		.service_name = SPAN_TREE_NONE,
		.operation = SPAN_TREE_NONE,
		.depth = 1,
		.top_span = SPAN_TREE_NONE,
	};

	if (g->grouping == PATH_GROUP_CALL_PATH && g->depth > 0)
	{
		uint32_t parent = g->stack[g->depth - 1].group;

		if (g->groups[parent].depth == g->max_depth)
			return parent;
		wanted.parent = parent;
		wanted.depth = g->groups[parent].depth + 1;
	}
	if (span != SPAN_TREE_NONE)
	{
		const SpanNode *node = &span_tree_nodes(g->tree)[span];

		wanted.service_name = node->service_name;
		if (g->grouping != PATH_GROUP_SERVICE)
			wanted.operation = node->operation;
	}
	return find_group(g, &wanted);
}

static void
add_to_group(Grouper *g, uint32_t number, const PathSpan *span, uint32_t end)
{
	PathGroup *group = &g->groups[number];

	group->sections += span->sections;
	group->exclusive = time_sum(group->exclusive, span->exclusive);
	if (group->top_span == SPAN_TREE_NONE ||
		span->exclusive > group->top_exclusive)
	{
		group->top_span = span->span;
		group->top_exclusive = span->exclusive;
	}
	/* ends are one more than the position, so that 0 is "none yet" */
	if (span->span != SPAN_TREE_NONE && span->span < g->ends[number])
		return;
	group->inclusive = time_sum(group->inclusive, span->inclusive);
	g->ends[number] = end + 1;
}

static void
add_span(Grouper *g, const PathSpan *span)
{
	uint32_t end = g->tree->span_count - 1; /* of the virtual root */
	uint32_t group;

	if (span->span != SPAN_TREE_NONE)
	{
		end = span->span + span_tree_nodes(g->tree)[span->span].descendants;
		close_stack(g, span->span);
	}
	group = group_of(g, span->span);
	add_to_group(g, group, span, end);
	g->stack[g->depth++] = (Open){end, group};
}

CoreStatus
critical_path_groups(Host *host, const CriticalPath *path,
					 PathGrouping grouping, uint32_t max_depth,
					 PathGroup **groups, uint32_t *count)
{
	Grouper g = {
		.host = host,
		.tree = path->tree,
		.grouping = grouping,
		.max_depth = max_depth,
	};
	PathSpan *spans;
	uint32_t span_count;
	CoreStatus status = critical_path_spans(host, path, &spans, &span_count);

	if (status != CORE_OK)
		return status;
	if (!allocate_grouper(&g, span_count))
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < span_count; i++)
	{
		host_poll(host, i);
		add_span(&g, &spans[i]);
	}
	*groups = g.groups;
	*count = g.count;
	return CORE_OK;
}
