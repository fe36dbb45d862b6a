/*
 * Slack and drag of every span, in O(n log n) for all of them together.
 *
 * Drag.  When a child c gets shorter by d, its parent's end is the longest way
 * through the family, either the old longest way through c, less d, or the
 * longest one that avoids c.  So the parent gets shorter by min(d, room of c),
 * where the room of c is the old end minus the longest way around c, and
 * nothing above can be gained beyond the least room on the way up.  The first
 * d is what the span loses when its own time is taken out of its own family.
 *
 * The ways through a family, its children numbered by end: the longest way to
 * child i ends where it ended, ends[i].  after(i) is how far the longest way
 * goes on behind i, 0 if nothing waits for it.  A way around c ends before c,
 * or goes straight from a child below c, in the order of ends, to one above.
 * If the gate of that one, v, is below c, its whole way counts, ends[v] +
 * after(v); else the next best is the child below c, which v waits for too.
 */
#include "core/path/critical_path_window.h"

typedef struct Slacking
{
	Host *host;
	const CriticalPath *path;
	PathFamily family;
	int64_t *after;	 /* by child */
	int64_t *around; /* by child: the longest way around it */
	int64_t *beyond; /* by count of predecessors */
	int64_t *new_ends;
	int64_t *rooms; /* by span, the virtual root last */
} Slacking;

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t
window_start(const Slacking *s, uint32_t child)
{
	return s->path->windows[s->family.keys[child].value].start;
}

/* How far the longest way goes on behind each child. */
static void
find_after(Slacking *s, uint32_t span)
{
	PathFamily *family = &s->family;
	int64_t waiting = 0;

	for (uint32_t i = 0; i <= family->count; i++)
		s->beyond[i] = 0;
	for (uint32_t i = family->count; i-- > 0;)
	{
		int64_t gate = path_family_gate(s->path, family, span, i);
		int64_t *beyond = &s->beyond[family->gates[i]];

		waiting = later(waiting, s->beyond[i + 1]);
		s->after[i] = waiting;
		*beyond = later(
			*beyond,
			time_sum(time_difference(family->keys[i].key, gate), waiting));
	}
}

/*
 * The longest way around each child by a step over it: of the ways through
 * each child v, the longest first, every one counts for those between its gate
 * and v that none counted for yet.
 */
static void
find_steps_over(Slacking *s)
{
	PathFamily *family = &s->family;
	PathKey *ways = family->starts;

	for (uint32_t i = 0; i < family->count; i++)
	{
		s->around[i] = INT64_MIN;
		family->links[i + 1] = i + 1;
		ways[i] = (PathKey){~time_sum(family->keys[i].key, s->after[i]), i};
	}
	family->links[0] = 0;
	path_sort(s->host, ways, family->scratch, family->count);
	for (uint32_t i = 0; i < family->count; i++)
	{
		uint32_t v = ways[i].value;
		uint32_t c = path_find_link(family->links, v);

		host_poll(s->host, i + 1);
		for (; c > family->gates[v]; c = path_find_link(family->links, c))
		{
			s->around[c - 1] = ~ways[i].key;
			family->links[c] = c - 1;
		}
	}
}

/* How much the parent can gain, at most, from each of its children. */
static void
find_rooms(Slacking *s, uint32_t span)
{
	PathFamily *family = &s->family;
	int64_t room =
		s->rooms[span == SPAN_TREE_NONE ? s->path->tree->span_count : span];
	int64_t end;

	if (family->count == 0)
		return;
	end = family->keys[family->count - 1].key;
	find_after(s, span);
	find_steps_over(s);
	for (uint32_t i = 0; i < family->count; i++)
	{
		int64_t around = s->around[i];
		int64_t gain;

		if (i > 0)
			around =
				later(around, time_sum(family->keys[i - 1].key, s->after[i]));
		gain = around == INT64_MIN ? INT64_MAX : time_difference(end, around);
		s->rooms[family->keys[i].value] = gain < room ? gain : room;
	}
}

/* What a span loses when its own time is taken out of it. */
static int64_t
own_loss(Slacking *s, uint32_t span)
{
	PathFamily *family = &s->family;
	int64_t length = path_window_length(s->path, span);
	int64_t latest = 0;

	for (uint32_t i = 0; i < family->count; i++)
	{
		int64_t gate = path_family_gate(s->path, family, span, i);
		int64_t lead = time_difference(window_start(s, i), gate);
		int64_t end =
			family->gates[i] > 0 ? s->new_ends[family->gates[i] - 1] : 0;

		end = time_sum(end, lead < 0 ? lead : 0);
		end = time_sum(
			end, time_difference(family->keys[i].key, window_start(s, i)));
		latest = i == 0 ? end : later(latest, end);
		s->new_ends[i] = latest;
	}
	return time_difference(length, latest);
}

static void
drag_of(Slacking *s, uint32_t span, int64_t *drag)
{
	int64_t loss;

	path_family_load(s->host, s->path, span, &s->family);
	find_rooms(s, span);
	if (span == SPAN_TREE_NONE)
		return;
	loss = own_loss(s, span);
	drag[span] = loss < s->rooms[span] ? loss : s->rooms[span];
}

static CoreStatus
find_drag(Slacking *s, int64_t *drag)
{
	const CriticalPath *path = s->path;
	uint32_t count = path->tree->span_count;
	size_t size = ((size_t) count + 1) * sizeof(int64_t);

	s->after = s->host->allocate(s->host, size);
	s->around = s->host->allocate(s->host, size);
	s->beyond = s->host->allocate(s->host, size);
	s->new_ends = s->host->allocate(s->host, size);
	s->rooms = s->host->allocate(s->host, size);
	if (s->after == NULL || s->around == NULL || s->beyond == NULL ||
		s->new_ends == NULL || s->rooms == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i <= count; i++)
		s->rooms[i] = INT64_MAX; /* the roots' */
	if (path->top_count > 0)
		drag_of(s, SPAN_TREE_NONE, drag);
	for (uint32_t i = 0; i < count; i++)
	{
		host_poll(s->host, i);
		drag[i] = -1;
		if (path_has_window(path, i))
			drag_of(s, i, drag);
	}
	return CORE_OK;
}

/* The start of the first of the sorted starts that is not before `time`. */
static int64_t
next_start(const PathKey *starts, uint32_t count, int64_t time, int64_t none)
{
	uint32_t low = 0;
	uint32_t high = count;

	while (low < high)
	{
		uint32_t middle = low + (high - low) / 2;

		if (starts[middle].key < time)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count ? starts[low].key : none;
}

/* Those of the children of a span, whose own slack is known. */
static void
slack_of_children(Slacking *s, uint32_t span, int64_t *slack)
{
	const CriticalPath *path = s->path;
	PathFamily *family = &s->family;
	PathKey *starts = family->starts;
	int64_t end = path_window(path, span).end;
	int64_t above = span == SPAN_TREE_NONE ? 0 : slack[span];
	uint32_t count =
		path_family(s->host, path, span, family->keys, family->scratch);

	for (uint32_t i = 0; i < count; i++)
		starts[i] = (PathKey){window_start(s, i), 0};
	path_sort(s->host, starts, family->scratch, count);
	for (uint32_t i = 0; i < count; i++)
	{
		uint32_t child = family->keys[i].value;
		int64_t child_end = family->keys[i].key;

		host_poll(s->host, i + 1);
		if (slack[child] == 0) /* on the path, or above it */
			continue;
		slack[child] =
			time_sum(time_difference(next_start(starts, count, child_end, end),
									 child_end),
					 above);
	}
}

static CoreStatus
find_slack(Slacking *s, int64_t *slack)
{
	const CriticalPath *path = s->path;
	PathSpan *walked;
	uint32_t walked_count;
	CoreStatus status =
		critical_path_spans(s->host, path, &walked, &walked_count);

	if (status != CORE_OK)
		return status;
	for (uint32_t i = 0; i < path->tree->span_count; i++)
		slack[i] = -1;
	for (uint32_t i = 0; i < walked_count; i++)
	{
		if (walked[i].span != SPAN_TREE_NONE)
			slack[walked[i].span] = 0;
	}
	if (path->top_count > 0)
		slack_of_children(s, SPAN_TREE_NONE, slack);
	for (uint32_t i = 0; i < path->tree->span_count; i++)
	{
		host_poll(s->host, i);
		if (path_has_window(path, i))
			slack_of_children(s, i, slack);
	}
	return CORE_OK;
}

CoreStatus
critical_path_slack(Host *host, const CriticalPath *path, int64_t *slack,
					int64_t *drag)
{
	Slacking s = {.host = host, .path = path};
	CoreStatus status = path_family_allocate(host, path, &s.family);

	if (status == CORE_OK && slack != NULL)
		status = find_slack(&s, slack);
	if (status == CORE_OK && drag != NULL)
		status = find_drag(&s, drag);
	return status;
}
