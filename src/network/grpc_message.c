/*
 * gRPC over HTTP/2: see grpc_message.h, and doc/PROTOCOL-HTTP2.md of grpc.
 */
#include "network/grpc_message.h"

#define MAX_TIMEOUT_DIGITS 8
#define PREFIX_SIZE 5

bool
grpc_read_timeout(Slice value, uint64_t *timeout_ms)
{
	static const struct
	{
		char unit;
		uint64_t nanoseconds;
	} units[] = {
		{'H', UINT64_C(3600000000000)},
		{'M', UINT64_C(60000000000)},
		{'S', UINT64_C(1000000000)},
		{'m', 1000000},
		{'u', 1000},
		{'n', 1},
	};
	uint64_t count = 0;

	if (value.length < 2 || value.length > MAX_TIMEOUT_DIGITS + 1)
		return false;
	for (uint32_t i = 0; i < value.length - 1; i++)
	{
		if (value.data[i] < '0' || value.data[i] > '9')
			return false;
		count = count * 10 + (uint64_t) (value.data[i] - '0');
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
	{
		if (units[i].unit == value.data[value.length - 1])
		{
			*timeout_ms = units[i].nanoseconds >= 1000000
							  ? count * (units[i].nanoseconds / 1000000)
							  : count * units[i].nanoseconds / 1000000;
			return true;
		}
	}
	return false;
}

bool
grpc_read_message(Slice body, Slice *message, bool *is_compressed)
{
	const uint8_t *prefix = (const uint8_t *) body.data;
	uint32_t length;

	if (body.length < PREFIX_SIZE || prefix[0] > 1)
		return false;
	length = (uint32_t) prefix[1] << 24 | (uint32_t) prefix[2] << 16 |
			 (uint32_t) prefix[3] << 8 | prefix[4];
	if (length != body.length - PREFIX_SIZE)
		return false;
	*is_compressed = prefix[0] == 1;
	*message = (Slice){body.data + PREFIX_SIZE, length};
	return true;
}
