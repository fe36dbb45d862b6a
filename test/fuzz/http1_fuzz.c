/*
 * Any bytes as a request's head and as a chunked body.
 *
 * Besides the sanitizers' faults it looks for broken promises: what a head
 * names lies within it, its length is the least that is enough, and a body is
 * the same however the network cuts it.
 */
#include <stdlib.h>

#include "network/http1.h"

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static void
require_within(Slice part, const char *data, size_t length)
{
	require(part.data == NULL ||
			(part.data >= data && part.data + part.length <= data + length));
}

static void
fuzz_head(const char *data, size_t size)
{
	Http1Head head;
	Http1Head again;
	size_t used = 0;
	size_t least = 0;
	int status = 0;
	Http1Result result = http1_read_head(data, size, &head, &used, &status);

	require(result != HTTP1_BAD || (status >= 400 && status < 600));
	if (result != HTTP1_DONE)
		return;
	require(used > 0 && used <= size && used <= HTTP1_MAX_HEAD);
	require_within(head.method, data, used);
	require_within(head.path, data, used);
	require_within(head.authority, data, used);
	require_within(head.host, data, used);
	require_within(head.content_type, data, used);
	require_within(head.content_encoding, data, used);
	require_within(head.authorization, data, used);
	require(http1_read_head(data, used, &again, &least, &status) ==
				HTTP1_DONE &&
			least == used && memcmp(&head, &again, sizeof(head)) == 0);
	require(http1_read_head(data, used - 1, &again, &least, &status) ==
			HTTP1_MORE);
}

typedef struct Body
{
	Http1Result result;
	int status;
	size_t used; /* if it is done */
	size_t length;
	uint64_t hash;
} Body;

/* Reads a chunked body that comes in steps. */
static Body
read_body(const char *data, size_t size, size_t step)
{
	Http1Chunks chunks = {0};
	Body body = {HTTP1_MORE, 0, 0, 0, UINT64_C(0xcbf29ce484222325)};
	size_t come = 0;

	while (come < size)
	{
		size_t used;

		come = step < size - come ? come + step : size;
		do
		{
			Slice part;

			body.result = http1_read_chunks(&chunks,
											data + body.used,
											come - body.used,
											&part,
											&used,
											&body.status);
			require(used <= come - body.used);
			require_within(part, data + body.used, used);
			for (uint32_t i = 0; i < part.length; i++)
				body.hash = (body.hash ^ (uint8_t) part.data[i]) *
							UINT64_C(0x100000001b3);
			body.length += part.length;
			body.used += used;
			if (body.result != HTTP1_MORE)
				return body;
		} while (used > 0);
	}
	return body;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Body whole;
	Body cut;

	fuzz_head((const char *) data, size);
	whole = read_body((const char *) data, size, size);
	cut = read_body((const char *) data, size, 1 + size % 3);
	require(whole.result == cut.result && whole.status == cut.status);
	require(whole.length == cut.length && whole.hash == cut.hash);
	require(whole.result != HTTP1_DONE || whole.used == cut.used);
	return 0;
}

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
