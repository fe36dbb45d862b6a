/*
 * Writing protobuf by hand, for tests that read it.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/tree/span.h"

/* Grows as needed; never freed but by wire_free. */
typedef struct Wire
{
	char *data;
	size_t length;
	size_t capacity;
} Wire;

static inline void
wire_raw(Wire *wire, const void *data, size_t length)
{
	if (wire->length + length > wire->capacity)
	{
		wire->capacity = 2 * (wire->length + length) + 64;
		wire->data = realloc(wire->data, wire->capacity);
	}
	if (length > 0)
		memcpy(wire->data + wire->length, data, length);
	wire->length += length;
}

static inline void
wire_varint(Wire *wire, uint64_t value)
{
	do
	{
		uint8_t byte = (uint8_t) (value & 0x7f);

		value >>= 7;
		if (value != 0)
			byte |= 0x80;
		wire_raw(wire, &byte, 1);
	} while (value != 0);
}

static inline void
wire_key(Wire *wire, uint32_t number, int type)
{
	wire_varint(wire, (uint64_t) number << 3 | (unsigned) type);
}

static inline void
wire_number(Wire *wire, uint32_t number, uint64_t value)
{
	wire_key(wire, number, 0);
	wire_varint(wire, value);
}

static inline void
wire_fixed64(Wire *wire, uint32_t number, uint64_t value)
{
	wire_key(wire, number, 1);
	wire_raw(wire, &value, 8); /* the tests run on little-endian machines */
}

static inline void
wire_fixed32(Wire *wire, uint32_t number, uint32_t value)
{
	wire_key(wire, number, 5);
	wire_raw(wire, &value, 4);
}

static inline void
wire_bytes(Wire *wire, uint32_t number, const void *data, size_t length)
{
	wire_key(wire, number, 2);
	wire_varint(wire, length);
	wire_raw(wire, data, length);
}

static inline void
wire_string(Wire *wire, uint32_t number, const char *string)
{
	wire_bytes(wire, number, string, strlen(string));
}

/* Puts what another one holds in as a sub-message, and frees it. */
static inline void
wire_message(Wire *wire, uint32_t number, Wire *message)
{
	wire_bytes(wire, number, message->data, message->length);
	free(message->data);
	*message = (Wire){NULL, 0, 0};
}

static inline Slice
wire_slice(const Wire *wire)
{
	return (Slice){wire->data, (uint32_t) wire->length};
}

static inline void
wire_free(Wire *wire)
{
	free(wire->data);
	*wire = (Wire){NULL, 0, 0};
}

#endif
