/*
 * Which siblings came before which: the order in which a trace is timed anew.
 *
 * The gate of a child is the latest end of a sibling that started and ended
 * before the child did, and ended by the child's start plus the allowance.
 * Every sibling that ended no later than the gate is a predecessor.  So, with
 * the children sorted by end, the predecessors of each are the first so many,
 * and always end before it: one pass in that order times a family anew.
 */
#include "core/path/critical_path_window.h"

CoreStatus
path_family_allocate(Host *host, const CriticalPath *path, PathFamily *family)
{
	size_t count = (size_t) path->tree->span_count + 1;

	*family = (PathFamily){0};
	family->keys = host->allocate(host, count * sizeof(PathKey));
	family->scratch = host->allocate(host, count * sizeof(PathKey));
	family->starts = host->allocate(host, count * sizeof(PathKey));
	family->gates = host->allocate(host, count * sizeof(uint32_t));
	family->links = host->allocate(host, count * sizeof(uint32_t));
	if (family->keys == NULL || family->scratch == NULL ||
		family->starts == NULL || family->gates == NULL ||
		family->links == NULL)
		return CORE_NO_MEMORY;
	return CORE_OK;
}

/* How many of the sorted keys are not above the bound. */
static uint32_t
count_up_to(const PathKey *keys, uint32_t count, int64_t bound)
{
	uint32_t low = 0;

	while (low < count)
	{
		uint32_t middle = low + (count - low) / 2;

		if (keys[middle].key <= bound)
			low = middle + 1;
		else
			count = middle;
	}
	return low;
}

uint32_t
path_find_link(uint32_t *links, uint32_t i)
{
	while (links[i] != i)
	{
		links[i] = links[links[i]];
		i = links[i];
	}
	return i;
}

/* Without allowance whoever ended by the start also started before it. */
static void
find_exact_gates(const CriticalPath *path, PathFamily *family)
{
	for (uint32_t i = 0; i < family->count; i++)
		family->gates[i] = count_up_to(
			family->keys, i, path->windows[family->keys[i].value].start);
}

static void
sort_by_start(Host *host, const CriticalPath *path, PathFamily *family)
{
	for (uint32_t i = 0; i < family->count; i++)
		family->starts[i] =
			(PathKey){path->windows[family->keys[i].value].start, i};
	path_sort(host, family->starts, family->scratch, family->count);
}

/* The predecessors of child i, when all that did not start before it are
 * removed.  Of equal ends the later start has the smaller number: whoever is
 * below i and not removed ended before it. */
static uint32_t
find_gate(PathFamily *family, uint32_t i, int64_t start, int64_t allowance)
{
	int64_t bound = time_sum(start, allowance);

	return path_find_link(family->links, count_up_to(family->keys, i, bound));
}

/* From the last start to the first; link i + 1 stands for child i. */
static void
find_gates(Host *host, const CriticalPath *path, PathFamily *family,
		   int64_t allowance)
{
	const PathKey *starts = family->starts;

	sort_by_start(host, path, family);
	for (uint32_t i = 0; i <= family->count; i++)
		family->links[i] = i;
	for (uint32_t end = family->count, first; end > 0; end = first)
	{
		for (first = end;
			 first > 0 && starts[first - 1].key == starts[end - 1].key;)
		{
			uint32_t link = starts[--first].value + 1;

			family->links[link] = link - 1;
		}
		host_poll(host, first);
		for (uint32_t i = first; i < end; i++)
			family->gates[starts[i].value] =
				find_gate(family, starts[i].value, starts[i].key, allowance);
	}
}

void
path_family_load(Host *host, const CriticalPath *path, uint32_t span,
				 PathFamily *family)
{
	int64_t allowance = path_allowance(path, span);

	family->count =
		path_family(host, path, span, family->keys, family->scratch);
	if (family->count < 2 || allowance == 0)
		find_exact_gates(path, family);
	else
		find_gates(host, path, family, allowance);
}
