/*
 * Growing a hash table: see hash_index.h.
 */
#include "hash_index.h"

#include <string.h>

#define FIRST_SLOTS 16

static void
put_slot(HashIndex *index, HashSlot slot)
{
	uint32_t at = slot.hash & index->mask;

	while (index->slots[at].number != HASH_INDEX_NONE)
		at = (at + 1) & index->mask;
	index->slots[at] = slot;
}

bool
hash_index_reserve(HashIndex *index, Host *host, size_t count)
{
	HashIndex old = *index;
	size_t old_size = old.slots == NULL ? 0 : (size_t) old.mask + 1;
	size_t size = FIRST_SLOTS;

	if (count > UINT32_MAX / 2)
		return false;
	while (size < count * 2)
		size *= 2;
	if (size <= old_size)
		return true;
	index->slots = host->allocate(host, size * sizeof(HashSlot));
	if (index->slots == NULL)
		return false;
	memset(index->slots, 0xff, size * sizeof(HashSlot));
	index->mask = (uint32_t) (size - 1);
	for (size_t i = 0; i < old_size; i++)
	{
		host_poll(host, i);
		if (old.slots[i].number != HASH_INDEX_NONE)
			put_slot(index, old.slots[i]);
	}
	return true;
}
