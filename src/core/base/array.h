/*
 * Growing arrays, and copies of strings in blocks: what is gathered one by one
 * where nothing is ever freed.
 */
#ifndef CORE_ARRAY_H
#define CORE_ARRAY_H

#include <stdbool.h>

#include "core/base/host.h"
#include "core/tree/span.h"

#define ARRAY_FIRST_CAPACITY 64
#define SLICE_BLOCK_SIZE 8192

/* An array with room for one more than `count`, which is the same one as long
 * as its capacity allows; NULL without memory. */
static inline void *
array_grow(Host *host, void *array, uint32_t count, uint32_t *capacity,
		   size_t size)
{
	void *grown;

	if (count < *capacity)
		return array;
	*capacity = count == 0 ? ARRAY_FIRST_CAPACITY : count * 2;
	grown = host->allocate(host, *capacity * size);
	if (grown != NULL && count > 0)
		memcpy(grown, array, count * size);
	return grown;
}

/* What is left of the newest block; begins as zeros. */
typedef struct SliceBlock
{
	char *at;
	size_t left;
} SliceBlock;

/* false without memory */
static inline bool
slice_block_copy(SliceBlock *block, Host *host, Slice slice, Slice *copy)
{
	if (slice.length > block->left)
	{
		block->left =
			slice.length > SLICE_BLOCK_SIZE ? slice.length : SLICE_BLOCK_SIZE;
		block->at = host->allocate(host, block->left);
		if (block->at == NULL)
			return false;
	}
	if (slice.length > 0)
		memcpy(block->at, slice.data, slice.length);
	*copy = (Slice){block->at, slice.length};
	block->at += slice.length;
	block->left -= slice.length;
	return true;
}

#endif
