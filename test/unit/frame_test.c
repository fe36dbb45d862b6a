/*
 * Frames between the receiver program and the worker: what is written is read
 * again, byte by byte as frame.h says, and what is no frame is refused.
 */
#include "core/wire/frame.h"
#include "unit.h"

static void
test_header(void)
{
	static const uint8_t expected[FRAME_HEADER_SIZE] = {
		4,
		3,
		2,
		1,
		FRAME_ANSWER,
		OUTCOME_BUSY,
		ENCODING_JSON,
		0,
		8,
		7,
		6,
		5,
		4,
		3,
		2,
		1,
		0xff,
		0,
		0,
		0,
		0,
		0,
		0,
		0x80,
	};
	Frame frame = {
		.type = FRAME_ANSWER,
		.detail = OUTCOME_BUSY,
		.encoding = ENCODING_JSON,
		.number = UINT64_C(0x0102030405060708),
		.value = UINT64_C(0x80000000000000ff),
		.length = 0x01020304,
	};
	Frame again = {0};
	uint8_t header[FRAME_HEADER_SIZE];

	frame_write_header(&frame, header);
	CHECK(memcmp(header, expected, sizeof(header)) == 0, "a header's bytes");
	CHECK(frame_read_header(header, &again), "it is read");
	CHECK(again.type == frame.type && again.detail == frame.detail &&
			  again.encoding == frame.encoding &&
			  again.number == frame.number && again.value == frame.value &&
			  again.length == frame.length,
		  "and is the same");
}

/* Whether a header with this byte in this place is read. */
static bool
is_read_with(int place, uint8_t byte)
{
	Frame frame = {.type = FRAME_STOP};
	uint8_t header[FRAME_HEADER_SIZE];

	frame_write_header(&frame, header);
	header[place] = byte;
	return frame_read_header(header, &frame);
}

static void
test_refusals(void)
{
	CHECK(is_read_with(4, FRAME_LISTENING), "the first type");
	CHECK(!is_read_with(4, 0), "no type");
	CHECK(!is_read_with(4, FRAME_STOP + 1), "a type beyond the last");
	CHECK(is_read_with(5, OUTCOME_BUSY), "the last outcome");
	CHECK(!is_read_with(5, OUTCOME_BUSY + 1), "an outcome beyond the last");
	CHECK(!is_read_with(6, ENCODING_JSON + 1), "an encoding beyond the last");
	CHECK(!is_read_with(7, 1), "the byte that is 0");
	CHECK(is_read_with(3, 0x04), "a payload of 64 MB");
	CHECK(!is_read_with(3, 0x05), "a larger one");
}

static void
test_counts(void)
{
	uint64_t counts[FRAME_COUNTERS];
	uint64_t again[FRAME_COUNTERS];
	uint8_t bytes[FRAME_COUNTERS * 8];

	for (int i = 0; i < FRAME_COUNTERS; i++)
		counts[i] = UINT64_MAX - (uint64_t) i * 1000;
	frame_write_counts(counts, bytes);
	CHECK(frame_read_counts((Slice){(char *) bytes, sizeof(bytes)}, again) &&
			  memcmp(counts, again, sizeof(counts)) == 0,
		  "counts come back");
	CHECK(!frame_read_counts((Slice){(char *) bytes, sizeof(bytes) - 1}, again),
		  "a byte less is no counts");
}

static bool
has_value(const char *config, const char *name, const char *expected)
{
	Slice value =
		frame_config_value((Slice){config, (uint32_t) strlen(config)}, name);

	if (expected == NULL)
		return value.data == NULL;
	return value.data != NULL && value.length == strlen(expected) &&
		   memcmp(value.data, expected, value.length) == 0;
}

static void
test_config(void)
{
	const char *config = "http_port=1\nport=2\ntoken=a=b\nempty=\nlast=z";

	CHECK(has_value(config, "port", "2"), "a name that ends another");
	CHECK(has_value(config, "http", NULL), "a name that begins another");
	CHECK(has_value(config, "token", "a=b"), "a value with an equals sign");
	CHECK(has_value(config, "empty", ""), "an empty value");
	CHECK(has_value(config, "last", "z"), "a line without end");
	CHECK(has_value("", "port", NULL), "an empty config");
}

int
main(void)
{
	test_header();
	test_refusals();
	test_counts();
	test_config();
	return unit_done();
}
