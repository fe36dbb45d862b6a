/*
 * Any bytes as what the receiver program and the worker say to each other: a
 * header that is read is written again as it was, and settings lie within the
 * text.
 */
#include <stdlib.h>

#include "core/wire/frame.h"

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static void
fuzz_header(const uint8_t *data)
{
	uint8_t again[FRAME_HEADER_SIZE];
	Frame frame;

	if (!frame_read_header(data, &frame))
		return;
	require(frame.length <= FRAME_MAX_PAYLOAD);
	frame_write_header(&frame, again);
	require(memcmp(data, again, FRAME_HEADER_SIZE) == 0);
}

static void
fuzz_payload(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"", "a", "http_port", "token"};
	Slice payload = {(const char *) data, (uint32_t) size};
	uint64_t counts[FRAME_COUNTERS];
	uint8_t again[FRAME_COUNTERS * 8];

	if (frame_read_counts(payload, counts))
	{
		frame_write_counts(counts, again);
		require(size == sizeof(again) && memcmp(data, again, size) == 0);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		Slice value = frame_config_value(payload, names[i]);

		require(value.data == NULL ||
				(value.data >= payload.data &&
				 value.data + value.length <= payload.data + payload.length &&
				 memchr(value.data, '\n', value.length) == NULL));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size >= FRAME_HEADER_SIZE)
		fuzz_header(data);
	fuzz_payload(data, size);
	return 0;
}

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
