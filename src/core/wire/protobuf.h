/*
 * A bounded reader of the protobuf wire format, without copies.
 *
 * A message is read field by field, in the order they lie there; what a field
 * means is the caller's business.  Nothing is allocated and nothing recurses:
 * a sub-message is a slice, to be read by a reader of its own.
 *
 * Refused: a varint of more than ten bytes or 64 bits, a length beyond the
 * rest of the message, field number 0, numbers above 2^29 - 1, wire types that
 * do not exist, and groups, which no message of proto3 has.
 */
#ifndef CORE_PROTOBUF_H
#define CORE_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/tree/span.h"

typedef enum ProtobufWire
{
	PROTOBUF_VARINT = 0,
	PROTOBUF_FIXED64 = 1,
	PROTOBUF_BYTES = 2,
	PROTOBUF_GROUP_START = 3,
	PROTOBUF_GROUP_END = 4,
	PROTOBUF_FIXED32 = 5,
} ProtobufWire;

/* What tells fields apart: the number and how the value is written.  A known
 * number with another wire type is thereby an unknown field. */
#define PROTOBUF_KEY(number, wire) ((uint32_t) (number) << 3 | (wire))

typedef struct ProtobufReader
{
	const uint8_t *at;
	const uint8_t *end;
	const char *fault; /* why reading stopped before the end, or NULL; `at` is
						  where the fault lies then */
} ProtobufReader;

typedef struct ProtobufField
{
	uint32_t key;		  /* PROTOBUF_KEY */
	uint64_t value;		  /* of a number; of PROTOBUF_BYTES the length */
	const uint8_t *data;  /* of PROTOBUF_BYTES */
	const uint8_t *start; /* where the field began */
} ProtobufField;

static inline ProtobufReader
protobuf_reader(Slice message)
{
	const uint8_t *data = (const uint8_t *) message.data;

	return (ProtobufReader){data, data + message.length, NULL};
}

/* Reads a varint that is longer than a byte; false at a fault. */
extern bool protobuf_long_varint(ProtobufReader *reader, uint64_t *value);

/* Reads what follows the key of a field that is not PROTOBUF_BYTES. */
extern bool protobuf_number(ProtobufReader *reader, ProtobufField *field);

static inline bool
protobuf_varint(ProtobufReader *reader, uint64_t *value)
{
	if (reader->at < reader->end && *reader->at < 0x80)
	{
		*value = *reader->at++;
		return true;
	}
	return protobuf_long_varint(reader, value);
}

/* Stops reading, for this reason. */
static inline bool
protobuf_stop(ProtobufReader *reader, const uint8_t *at, const char *fault)
{
	reader->at = at;
	reader->fault = fault;
	return false;
}

/* The next field; false at the end of the message or at a fault. */
static inline bool
protobuf_next(ProtobufReader *reader, ProtobufField *field)
{
	const uint8_t *start = reader->at;
	uint64_t key;

	if (start >= reader->end)
		return false;
	field->start = start;
	if (!protobuf_varint(reader, &key))
		return false;
	if (key > UINT32_MAX || key < PROTOBUF_KEY(1, 0))
		return protobuf_stop(reader, start, "invalid field number");
	field->key = (uint32_t) key;
	if ((key & 7) != PROTOBUF_BYTES)
		return protobuf_number(reader, field);
	start = reader->at;
	if (!protobuf_varint(reader, &field->value))
		return false;
	/* compared before anything is added to a pointer */
	if (field->value > (uint64_t) (reader->end - reader->at))
		return protobuf_stop(reader, start, "length beyond the end of message");
	field->data = reader->at;
	reader->at += field->value;
	return true;
}

/* The bytes of a PROTOBUF_BYTES field. */
static inline Slice
protobuf_slice(const ProtobufField *field)
{
	return (Slice){(const char *) field->data, (uint32_t) field->value};
}

static inline double
protobuf_double(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

#endif
