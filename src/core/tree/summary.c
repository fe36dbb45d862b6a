/*
 * Summing up a trace: see summary.h.
 */
#include "core/tree/summary.h"

#include "core/base/sort.h"

/* Whether a, rather than b, stands for the trace; both are roots. */
static bool
leads_before(const SpanTree *tree, const SpanNode *a, const SpanNode *b)
{
	/* the classes of the critical path: true roots, orphans, cut cycles */
	if ((a->flags ^ b->flags) & NODE_IS_ROOT)
		return (a->flags & NODE_IS_ROOT) != 0;
	if ((a->flags ^ b->flags) & NODE_IS_ORPHAN)
		return (a->flags & NODE_IS_ORPHAN) != 0;
	/* a root that nobody knows the start of comes last */
	if ((a->flags ^ b->flags) & SPAN_HAS_START)
		return (a->flags & SPAN_HAS_START) != 0;
	if (a->start_time != b->start_time)
		return a->start_time < b->start_time;
	if (a->reach != b->reach)
		return a->reach > b->reach;
	return slice_compare(span_tree_string(tree, a->span_id),
						 span_tree_string(tree, b->span_id)) < 0;
}

uint32_t
summary_root(Host *host, const SpanTree *tree)
{
	const SpanNode *nodes = span_tree_nodes(tree);
	uint32_t best = SPAN_TREE_NONE;
	uint32_t step = 0;

	for (uint32_t i = 0; i < tree->span_count; i += nodes[i].descendants + 1)
	{
		host_poll(host, step++);
		if (nodes[i].flags & NODE_IS_COPY)
			continue;
		if (best == SPAN_TREE_NONE ||
			leads_before(tree, &nodes[i], &nodes[best]))
			best = i;
	}
	return best;
}

static void
count_node(TraceSummary *summary, const SpanNode *node)
{
	bool is_copy = (node->flags & NODE_IS_COPY) != 0;

	summary->error_count += (node->flags & SPAN_IS_ERROR) != 0;
	summary->root_count += !is_copy && (node->flags & NODE_IS_ROOT);
	summary->orphan_count += !is_copy && (node->flags & NODE_IS_ORPHAN);
	if (node->depth > summary->max_depth)
		summary->max_depth = node->depth;
	if (!(node->flags & (SPAN_HAS_END | SPAN_HAS_DURATION)) ||
		(node->flags & NODE_IN_CYCLE))
		summary->is_complete = false;
	if (!(node->flags & SPAN_HAS_START))
	{
		summary->is_complete = false;
		return;
	}
	if (!summary->has_times || node->start_time < summary->start_time)
		summary->start_time = node->start_time;
	if (!summary->has_times || node->reach > summary->end_time)
		summary->end_time = node->reach;
	summary->has_times = true;
}

/* Equal names have equal offsets: one bit for each byte a name can begin at. */
static CoreStatus
count_services(Host *host, const SpanTree *tree, TraceSummary *summary)
{
	const SpanNode *nodes = span_tree_nodes(tree);
	size_t size = tree->used / 8 + 1;
	unsigned char *seen = host->allocate(host, size);

	if (seen == NULL)
		return CORE_NO_MEMORY;
	memset(seen, 0, size);
	for (uint32_t i = 0; i < tree->span_count; i++)
	{
		uint32_t name = nodes[i].service_name;
		unsigned char bit = (unsigned char) (1 << (name & 7));

		host_poll(host, i);
		summary->service_count += (seen[name >> 3] & bit) == 0;
		seen[name >> 3] |= bit;
	}
	return CORE_OK;
}

static bool
time_after(const void *a, const void *b, const void *context)
{
	(void) context;
	return *(const int64_t *) a > *(const int64_t *) b;
}

/* Starts and ends, sorted apart from each other, are all that is needed to
 * know how many spans run. */
static CoreStatus
count_concurrency(Host *host, const SpanTree *tree, TraceSummary *summary)
{
	const SpanNode *nodes = span_tree_nodes(tree);
	size_t size = ((size_t) tree->span_count + 1) * sizeof(int64_t);
	int64_t *starts = host->allocate(host, size);
	int64_t *ends = host->allocate(host, size);
	uint32_t count = 0;
	uint32_t ended = 0;

	if (starts == NULL || ends == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < tree->span_count; i++)
	{
		host_poll(host, i);
		if (!(nodes[i].flags & SPAN_HAS_START) ||
			(nodes[i].flags & NODE_IS_COPY) ||
			nodes[i].reach == nodes[i].start_time)
			continue;
		starts[count] = nodes[i].start_time;
		ends[count++] = nodes[i].reach;
	}
	if (!sort_array(host, starts, count, sizeof(int64_t), time_after, NULL) ||
		!sort_array(host, ends, count, sizeof(int64_t), time_after, NULL))
		return CORE_NO_MEMORY;
	for (uint32_t started = 0; started < count; started++)
	{
		while (ends[ended] <= starts[started])
			ended++;
		if (started + 1 - ended > summary->max_concurrency)
			summary->max_concurrency = started + 1 - ended;
	}
	return CORE_OK;
}

CoreStatus
summarize_trace(Host *host, const SpanTree *tree, TraceSummary *summary)
{
	const SpanNode *nodes = span_tree_nodes(tree);
	CoreStatus status;

	*summary = (TraceSummary){
		.root = summary_root(host, tree),
		.span_count = tree->span_count,
		.is_complete = true,
	};
	for (uint32_t i = 0; i < tree->span_count; i++)
	{
		host_poll(host, i);
		count_node(summary, &nodes[i]);
	}
	if (summary->root_count != 1 || summary->orphan_count != 0)
		summary->is_complete = false;
	status = count_services(host, tree, summary);
	if (status == CORE_OK)
		status = count_concurrency(host, tree, summary);
	return status;
}
