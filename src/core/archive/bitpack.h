/*
 * Whole numbers, 64 at a time, in as few bits each as most of them need.
 *
 * A group is a byte that says how wide its numbers are, their low bits one
 * behind another, and what the few larger ones have above that, each with its
 * place in the group.  A group begins at a whole byte and tells its own
 * length, so any range is read without the numbers before it.
 *
 *	byte 0	bit 7: the numbers are zigzag, so as to be signed
 *			bits 0-6: 0-64 the width, and no number is larger;
 *			65-127 the width plus 65, and byte 1 and 2 follow:
 *	byte 1	how many are larger
 *	byte 2	how many bits each of them has beyond the width
 *	bits	count * width, then for each larger one 6 of its place and those
 */
#ifndef CORE_ARCHIVE_BITPACK_H
#define CORE_ARCHIVE_BITPACK_H

#include "bytes.h"

#define BITPACK_GROUP 64

extern void bitpack_put(Bytes *to, const uint64_t *values, uint32_t count);

/* Numbers of which few are negative. */
extern void bitpack_put_signed(Bytes *to, const int64_t *values,
							   uint32_t count);

/* Reads the numbers [first, end) of `count`, signed ones as what they are cast
 * to unsigned; false if that is not what the bytes hold. */
extern bool bitpack_get(ByteReader *from, uint32_t count, uint32_t first,
						uint32_t end, uint64_t *values);

#endif
