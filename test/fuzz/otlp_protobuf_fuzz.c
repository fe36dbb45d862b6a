/*
 * Any bytes as an OTLP request in protobuf: whatever they are, validating and
 * reading them must stay within them.
 *
 * Besides the sanitizers' faults it looks for broken promises: a fault has a
 * position within the request, a request that is read twice gives the same,
 * and no more comes out of it than its size allows.
 */
#include <stdlib.h>

#include "otlp_totals.h"

static void
poll_nothing(Host *host)
{
	(void) host;
}

static void
require(bool holds)
{
	if (!holds)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Host host = {.poll = poll_nothing};
	Slice request = {(const char *) data, (uint32_t) size};
	size_t position = 0;
	const char *fault = NULL;
	CoreStatus status = otlp_validate(&host, request, &position, &fault);
	OtlpTotals totals = otlp_totals(request);
	OtlpTotals again = otlp_totals(request);

	require(status == CORE_OK || status == CORE_MALFORMED);
	require(status == CORE_OK || (position <= size && fault != NULL));
	require(memcmp(&totals, &again, sizeof(totals)) == 0);
	/* two bytes at least for each message */
	require(2 * (size_t) totals.values <= size);
	require(2 * (size_t) totals.spans <= size);
	return 0;
}

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
