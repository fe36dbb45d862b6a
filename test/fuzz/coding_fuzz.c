/*
 * Any bytes as a body in each coding: it ends, with no more than the sink takes;
 * and what is decoded as one coding is not decoded again.
 */
#include <stdlib.h>

#include "network/coding.h"

#define LIMIT ((size_t) 1024 * 1024)

static void
require(bool holds)
{
	if (!holds)
		abort();
}

typedef struct Sum
{
	size_t length;
	unsigned char sum;
	bool is_stopped;
} Sum;

static bool
take(void *context, const char *data, size_t length)
{
	Sum *sum = context;

	require(!sum->is_stopped);
	for (size_t i = 0; i < length; i++)
		sum->sum ^= (unsigned char) data[i];
	sum->length += length;
	sum->is_stopped = sum->length > LIMIT;
	return !sum->is_stopped;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int coding = CODING_IDENTITY; coding <= CODING_UNKNOWN; coding++)
	{
		Slice body = {(const char *) data, (uint32_t) size};
		Sum sum = {0};
		CodingResult result = decode_body((Coding) coding, body, take, &sum);

		require(sum.is_stopped == (result == CODING_STOPPED));
		require(coding != CODING_UNKNOWN || result == CODING_DAMAGED);
	}
	return 0;
}

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
