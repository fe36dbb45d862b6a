/*
 * A slice of memory, mostly a string that lies in something larger.
 */
#ifndef CORE_SLICE_H
#define CORE_SLICE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* length bytes at data; data NULL means "not there", unlike a length of 0 */
typedef struct Slice
{
	const char *data;
	uint32_t length;
} Slice;

#define SLICE_LITERAL(s) ((Slice){(s), sizeof(s) - 1})

static inline int
slice_compare(Slice a, Slice b)
{
	uint32_t shorter = a.length < b.length ? a.length : b.length;
	int order = shorter > 0 ? memcmp(a.data, b.data, shorter) : 0;

	if (order != 0)
		return order;
	return (a.length > b.length) - (a.length < b.length);
}

static inline bool
slice_equal(Slice a, Slice b)
{
	return a.length == b.length &&
		   (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

#endif
