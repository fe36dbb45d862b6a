/*
 * What a gRPC call is made of: timeouts, and the message within a body.
 */
#include "network/grpc_message.h"
#include "unit.h"

#define NONE UINT64_MAX

static uint64_t
timeout_of(const char *text)
{
	uint64_t timeout = 0;

	return grpc_read_timeout((Slice){text, (uint32_t) strlen(text)}, &timeout)
			   ? timeout
			   : NONE;
}

static void
test_timeouts(void)
{
	static const struct
	{
		const char *text;
		uint64_t ms;
	} cases[] = {
		{"10S", 10000},
		{"0m", 0},
		{"250m", 250},
		{"1M", 60000},
		{"99999999H", UINT64_C(99999999) * 3600000},
		{"1500u", 1},
		{"99999999n", 99},
		{"100000000n", NONE},
		{"S", NONE},
		{"", NONE},
		{"10", NONE},
		{"10s", NONE},
		{"-1S", NONE},
		{" 1S", NONE},
		{"1.5S", NONE},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK(timeout_of(cases[i].text) == cases[i].ms,
			  "timeout \"%s\"",
			  cases[i].text);
}

static bool
is_message(const char *bytes, uint32_t length, uint32_t expected,
		   bool is_compressed)
{
	Slice message = {NULL, 0};
	bool compressed = !is_compressed;

	return grpc_read_message((Slice){bytes, length}, &message, &compressed) &&
		   message.length == expected && message.data == bytes + 5 &&
		   compressed == is_compressed;
}

static void
test_messages(void)
{
	CHECK(is_message("\0\0\0\0\3abc", 8, 3, false), "a message");
	CHECK(is_message("\1\0\0\0\3abc", 8, 3, true), "a compressed one");
	CHECK(is_message("\0\0\0\0\0", 5, 0, false), "an empty one");
	CHECK(!is_message("\0\0\0\0", 4, 0, false), "a part of the prefix");
	CHECK(!is_message("\0\0\0\0\3ab", 7, 3, false), "a byte too few");
	CHECK(!is_message("\0\0\0\0\3abcd", 9, 3, false), "a byte too many");
	CHECK(!is_message("\2\0\0\0\3abc", 8, 3, false), "an unknown flag");
	CHECK(!is_message("\0\xff\xff\xff\xff"
					  "abc",
					  8,
					  3,
					  false),
		  "a length of 4 GB");
}

int
main(void)
{
	test_timeouts();
	test_messages();
	return unit_done();
}
