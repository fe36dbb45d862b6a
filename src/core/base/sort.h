/*
 * Sorting: the one sort of the core.
 *
 * A merge sort from the bottom up: it keeps the order of equals, does not
 * recurse, can be cancelled on the way, and what is in
 * order already costs one comparison a pair and level.  Inlined where it is
 * called, so that the comparison and the size are known to the compiler.
 */
#ifndef CORE_SORT_H
#define CORE_SORT_H

#include <stdbool.h>
#include <string.h>

#include "host.h"

/* Whether a must come after b; false if they are equal. */
typedef bool (*SortAfter)(const void *a, const void *b, const void *context);

/* Merges two sorted neighbours; only the left one needs the scratch. */
static inline void
sort_merge(char *items, size_t left, size_t right, size_t size, char *scratch,
		   SortAfter comes_after, const void *context)
{
	char *to = items;
	char *from = items + left * size;
	char *end = from + right * size;
	char *left_end = scratch + left * size;

	memcpy(scratch, items, left * size);
	while (scratch < left_end && from < end)
	{
		char **next = comes_after(scratch, from, context) ? &from : &scratch;

		memcpy(to, *next, size);
		*next += size;
		to += size;
	}
	memcpy(to, scratch, (size_t) (left_end - scratch));
}

/* Sorts `count` items of `size` bytes; the scratch has room for as many. */
static inline void
sort_items(Host *host, void *items, void *scratch, uint32_t count, size_t size,
		   SortAfter comes_after, const void *context)
{
	for (size_t width = 1; width < count; width *= 2)
	{
		for (size_t left = 0; left + width < count; left += 2 * width)
		{
			size_t right = left + width;
			size_t rest = count - right < width ? count - right : width;
			char *at = (char *) items + right * size;

			if (left > 0) /* a few items are not worth it */
				host_poll(host, left);
			if (comes_after(at - size, at, context))
				sort_merge((char *) items + left * size,
						   width,
						   rest,
						   size,
						   scratch,
						   comes_after,
						   context);
		}
	}
}

/* The same with scratch of its own; false without memory. */
static inline bool
sort_array(Host *host, void *items, uint32_t count, size_t size,
		   SortAfter comes_after, const void *context)
{
	void *scratch = host->allocate(host, ((size_t) count + 1) * size);

	if (scratch != NULL)
		sort_items(host, items, scratch, count, size, comes_after, context);
	return scratch != NULL;
}

#endif
