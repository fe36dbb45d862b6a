/*
 * How many spans of a trace were at work at the same time.
 *
 * A span is busy while it runs and none of its children does.  The starts and
 * the ends of the effective intervals are sorted; between two instants the
 * number of busy spans is the same.
 */
#include "core/path/critical_path_window.h"

typedef struct Sweep
{
	const CriticalPath *path;
	const SpanNode *nodes;
	PathKey *starts;
	PathKey *ends;
	uint32_t count;
	uint32_t *running_children; /* by span */
	uint8_t *running;			/* by span */
	uint32_t busy;
} Sweep;

/* The parent that a span can be waited for by; SPAN_TREE_NONE without one. */
static uint32_t
parent_in_path(const Sweep *s, uint32_t span)
{
	uint32_t parent = s->nodes[span].parent;

	return parent != SPAN_TREE_NONE && path_has_window(s->path, parent)
			   ? parent
			   : SPAN_TREE_NONE;
}

/* Of one instant, parents start before their children. */
static void
start_span(Sweep *s, uint32_t span)
{
	uint32_t parent = parent_in_path(s, span);

	s->running[span] = 1;
	s->busy++;
	if (parent != SPAN_TREE_NONE && s->running_children[parent]++ == 0)
		s->busy--;
}

/* Parents end before them as well. */
static void
end_span(Sweep *s, uint32_t span)
{
	uint32_t parent = parent_in_path(s, span);

	s->running[span] = 0;
	s->busy -= s->running_children[span] == 0;
	if (parent != SPAN_TREE_NONE && --s->running_children[parent] == 0)
		s->busy += s->running[parent];
}

static CoreStatus
sort_events(Host *host, Sweep *s)
{
	uint32_t spans = s->path->tree->span_count;
	size_t size = ((size_t) spans + 1) * sizeof(PathKey);
	PathKey *scratch = host->allocate(host, size);

	s->starts = host->allocate(host, size);
	s->ends = host->allocate(host, size);
	s->running_children = host->allocate(host, (size_t) spans * 4 + 4);
	s->running = host->allocate(host, (size_t) spans + 1);
	if (scratch == NULL || s->starts == NULL || s->ends == NULL ||
		s->running_children == NULL || s->running == NULL)
		return CORE_NO_MEMORY;
	memset(s->running_children, 0, (size_t) spans * 4);
	memset(s->running, 0, spans);
	for (uint32_t i = 0; i < spans; i++)
	{
		host_poll(host, i);
		if (!path_has_window(s->path, i))
			continue;
		s->starts[s->count] = (PathKey){s->path->windows[i].start, i};
		s->ends[s->count++] = (PathKey){s->path->windows[i].end, i};
	}
	path_sort(host, s->starts, scratch, s->count);
	path_sort(host, s->ends, scratch, s->count);
	return CORE_OK;
}

/* The next instant at which anything starts or ends; a span is still running. */
static int64_t
next_event(const Sweep *s, uint32_t started, uint32_t ended)
{
	int64_t end = s->ends[ended].key;

	if (started < s->count && s->starts[started].key < end)
		return s->starts[started].key;
	return end;
}

static int64_t
busy_time(const Sweep *s, int64_t from, int64_t to)
{
	int64_t work;

	if (__builtin_mul_overflow(
			time_difference(to, from), (int64_t) s->busy, &work))
		return INT64_MAX;
	return work;
}

static void
sweep(Host *host, Sweep *s, Parallelism *result)
{
	uint32_t started = 0;
	uint32_t ended = 0;
	int64_t now = 0;

	while (ended < s->count)
	{
		int64_t next = next_event(s, started, ended);

		host_poll(host, started);
		if (s->busy > 0)
			result->work = time_sum(result->work, busy_time(s, now, next));
		now = next;
		for (; ended < s->count && s->ends[ended].key == now; ended++)
			end_span(s, s->ends[ended].value);
		for (; started < s->count && s->starts[started].key == now; started++)
			start_span(s, s->starts[started].value);
		if (s->busy > result->max)
			result->max = s->busy;
	}
}

CoreStatus
critical_path_parallelism(Host *host, const CriticalPath *path,
						  Parallelism *result)
{
	Sweep s = {.path = path, .nodes = span_tree_nodes(path->tree)};
	CoreStatus status = sort_events(host, &s);

	*result = (Parallelism){.wall = path->counts.total};
	if (status != CORE_OK)
		return status;
	sweep(host, &s, result);
	if (result->wall > 0)
		result->average = (double) result->work / (double) result->wall;
	return CORE_OK;
}
