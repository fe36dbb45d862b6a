/*
 * The protobuf reader: src/core/wire/protobuf.c.
 */
#include "unit.h"
#include "wire.h"

#include "core/wire/protobuf.h"

/* Reads the first field from a block of just this size. */
static bool
read_first(const char *data, size_t length, ProtobufField *field,
		   const char **fault)
{
	char *exact = malloc(length);
	ProtobufReader reader;
	bool found;

	if (length > 0)
		memcpy(exact, data, length);
	reader = protobuf_reader((Slice){exact, (uint32_t) length});
	found = protobuf_next(&reader, field);
	*fault = reader.fault;
	free(exact);
	return found;
}

static void
check_number(const char *data, size_t length, uint32_t key, uint64_t value,
			 const char *name)
{
	ProtobufField field;
	const char *fault;

	CHECK(read_first(data, length, &field, &fault) && field.key == key &&
			  field.value == value && fault == NULL,
		  "%s",
		  name);
}

#define NUMBER(literal, key, value, name)                                      \
	check_number(literal, sizeof(literal) - 1, key, value, name)

static void
check_fault(const char *data, size_t length, const char *expected,
			const char *name)
{
	ProtobufField field;
	const char *fault;

	CHECK(!read_first(data, length, &field, &fault) && fault != NULL &&
			  strcmp(fault, expected) == 0,
		  "%s: %s",
		  name,
		  expected);
}

#define FAULT(literal, expected, name)                                         \
	check_fault(literal, sizeof(literal) - 1, expected, name)

static void
test_numbers(void)
{
	NUMBER("\x08\x00", PROTOBUF_KEY(1, 0), 0, "zero");
	NUMBER("\x08\x7f", PROTOBUF_KEY(1, 0), 127, "one byte");
	NUMBER("\x08\x80\x01", PROTOBUF_KEY(1, 0), 128, "two bytes");
	NUMBER(
		"\x08\xff\xff\xff\xff\x0f", PROTOBUF_KEY(1, 0), UINT32_MAX, "32 bits");
	NUMBER("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
		   PROTOBUF_KEY(1, 0),
		   UINT64_MAX,
		   "64 bits");
	NUMBER("\x08\x81\x80\x80\x00", PROTOBUF_KEY(1, 0), 1, "padded");
	NUMBER("\x88\x80\x00\x05", PROTOBUF_KEY(1, 0), 5, "a padded key");
	NUMBER("\xf8\xff\xff\xff\x0f\x05",
		   PROTOBUF_KEY(536870911, 0),
		   5,
		   "the largest field number");
	NUMBER("\x09\x01\x02\x03\x04\x05\x06\x07\x08",
		   PROTOBUF_KEY(1, 1),
		   UINT64_C(0x0807060504030201),
		   "fixed 64");
	NUMBER("\x0d\x01\x02\x03\x04", PROTOBUF_KEY(1, 5), 0x04030201, "fixed 32");
}

static void
test_faults(void)
{
	static const char cut[] = "number cut off at end of message";
	static const char large[] = "number of more than 64 bits";
	static const char length[] = "length beyond the end of message";
	static const char groups[] = "groups are not supported";
	static const char wire[] = "invalid wire type";
	static const char number[] = "invalid field number";

	FAULT("\x08", cut, "no value");
	FAULT("\x08\x80", cut, "half a varint");
	FAULT("\x80", cut, "half a key");
	FAULT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff", cut, "nine bytes");
	FAULT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", large, "65 bits");
	FAULT("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
		  large,
		  "eleven bytes");
	FAULT("\x09\x01\x02\x03\x04\x05\x06\x07", cut, "seven of eight bytes");
	FAULT("\x0d\x01\x02\x03", cut, "three of four bytes");
	FAULT("\x0a\x01", length, "one byte missing");
	FAULT("\x0a\x80\x80\x80\x80\x10x", length, "an announced 4 GB");
	FAULT("\x0a\xff\xff\xff\xff\x0fx", length, "4 GB less one");
	FAULT("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x", length, "2^64 - 1");
	FAULT("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7fx", length, "2^63 - 1");
	FAULT("\x0b\x0c", groups, "a group");
	FAULT("\x0c", groups, "an end of a group");
	FAULT("\x0ex", wire, "wire type 6");
	FAULT("\x0fx", wire, "wire type 7");
	FAULT("\x00\x01", number, "field number 0");
	FAULT("\x02\x01x", number, "field number 0 with bytes");
	FAULT("\xf8\xff\xff\xff\x1f\x05", number, "field number 2^29 and more");
}

static void
test_sequence(void)
{
	Wire wire = {NULL, 0, 0};
	ProtobufReader reader;
	ProtobufField field;

	wire_string(&wire, 1, "abc");
	wire_number(&wire, 2, 7);
	wire_string(&wire, 3, "");
	wire_fixed32(&wire, 4, 9);
	reader = protobuf_reader(wire_slice(&wire));
	CHECK(protobuf_next(&reader, &field) && field.key == PROTOBUF_KEY(1, 2) &&
			  slice_equal(protobuf_slice(&field), SLICE_LITERAL("abc")) &&
			  field.start == (const uint8_t *) wire.data,
		  "bytes are where they lie");
	CHECK(protobuf_next(&reader, &field) && field.value == 7, "then a number");
	CHECK(protobuf_next(&reader, &field) && field.value == 0 &&
			  protobuf_slice(&field).data != NULL,
		  "empty bytes are there");
	CHECK(protobuf_next(&reader, &field) && field.value == 9, "the last field");
	CHECK(!protobuf_next(&reader, &field) && reader.fault == NULL,
		  "the end is no fault");
	CHECK(!protobuf_next(&reader, &field) && reader.fault == NULL,
		  "and stays the end");
	wire_free(&wire);
}

static void
test_position(void)
{
	static const char data[] = "\x08\x01\x12\x09"
							   "abc";
	ProtobufReader reader = protobuf_reader((Slice){data, sizeof(data) - 1});
	ProtobufField field;

	(void) protobuf_next(&reader, &field);
	CHECK(!protobuf_next(&reader, &field) &&
			  reader.at == (const uint8_t *) data + 3,
		  "a fault has its position");
	CHECK(!protobuf_next(&reader, &field), "nothing is read behind it");
	CHECK(protobuf_double(UINT64_C(0x3ff8000000000000)) == 1.5, "a double");
}

int
main(void)
{
	test_numbers();
	test_faults();
	test_sequence();
	test_position();
	return unit_done();
}
