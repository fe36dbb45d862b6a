/*
 * Finding things by a key: the one hash table of the core.
 *
 * It holds numbers and knows no keys: what a number stands for lies with the
 * caller, who gives the hash of a key and a function that says whether a number
 * has that key.  Linear probing, never more than half full; the hashes are
 * kept, so growing asks nobody and a probe seldom touches what it does not
 * find.  Keys from outside are hashed with Host.hash_seed (slice_hash.h).
 *
 * Start with a HashIndex of zeros, and reserve room before adding.
 */
#ifndef CORE_HASH_INDEX_H
#define CORE_HASH_INDEX_H

#include <stdbool.h>

#include "host.h"

#define HASH_INDEX_NONE UINT32_MAX

typedef struct HashSlot
{
	uint32_t hash;
	uint32_t number; /* HASH_INDEX_NONE while free */
} HashSlot;

typedef struct HashIndex
{
	HashSlot *slots;
	uint32_t mask; /* one less than there are slots */
} HashIndex;

/* Whether what has this number has that key. */
typedef bool (*HashMatch)(const void *owner, uint32_t number, const void *key);

/* Room for so many numbers in all, those that are there included; false
 * without memory. */
extern bool hash_index_reserve(HashIndex *index, Host *host, size_t count);

/* The slot of a key: the one with its number, or the free one where that would
 * be set by hash_index_set. */
static inline HashSlot *
hash_index_find(const HashIndex *index, uint64_t hash, HashMatch matches,
				const void *owner, const void *key)
{
	uint32_t at = (uint32_t) hash & index->mask;

	while (index->slots[at].number != HASH_INDEX_NONE &&
		   (index->slots[at].hash != (uint32_t) hash ||
			!matches(owner, index->slots[at].number, key)))
		at = (at + 1) & index->mask;
	return &index->slots[at];
}

static inline void
hash_index_set(HashSlot *slot, uint64_t hash, uint32_t number)
{
	*slot = (HashSlot){(uint32_t) hash, number};
}

#endif
