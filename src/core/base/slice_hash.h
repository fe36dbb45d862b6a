/*
 * Hashing what comes from outside.
 */
#ifndef CORE_SLICE_HASH_H
#define CORE_SLICE_HASH_H

#include "core/base/slice.h"

/* Both halves of the product: every bit of a and b reaches every bit. */
static inline uint64_t
hash_mix(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	unsigned __int128 product = (unsigned __int128) a * b;

	return (uint64_t) product ^ (uint64_t) (product >> 64);
#else
	uint64_t low = (a & UINT32_MAX) * (b & UINT32_MAX);
	uint64_t left = (a >> 32) * (b & UINT32_MAX) + (low >> 32);
	uint64_t right = (a & UINT32_MAX) * (b >> 32) + (left & UINT32_MAX);
	uint64_t high = (a >> 32) * (b >> 32) + (left >> 32) + (right >> 32);

	return (right << 32 | (low & UINT32_MAX)) ^ high;
#endif
}

/* 8 bytes at a time, each multiplied with what came before after both were
 * changed by the seed, as wyhash does: without knowing that, nobody can say
 * which ids and names will meet. */
static inline uint64_t
slice_hash(Slice s, uint64_t seed)
{
	uint64_t hash = seed ^ s.length;
	uint32_t i = 0;
	uint64_t word;

	for (; i + 8 <= s.length; i += 8)
	{
		memcpy(&word, s.data + i, 8);
		hash = hash_mix(word ^ seed ^ UINT64_C(0xa0761d6478bd642f),
						hash ^ UINT64_C(0xe7037ed1a0b428db));
	}
	word = 0;
	if (i < s.length)
		memcpy(&word, s.data + i, s.length - i);
	return hash_mix(word ^ seed ^ UINT64_C(0x8ebc6af09c88c6e3),
					hash ^ UINT64_C(0x589965cc75374cc3));
}

#endif
