/*
 * The slower half of the protobuf reader: see protobuf.h.
 */
#include "core/wire/protobuf.h"

/* 64 bits, seven in a byte */
#define VARINT_MAX_BYTES 10

bool
protobuf_long_varint(ProtobufReader *reader, uint64_t *value)
{
	const uint8_t *start = reader->at;
	size_t rest = (size_t) (reader->end - start);
	size_t limit = rest < VARINT_MAX_BYTES ? rest : VARINT_MAX_BYTES;
	uint64_t sum = 0;

	for (size_t i = 0; i < limit; i++)
	{
		uint8_t byte = start[i];

		/* of the tenth byte only one bit is left */
		if (i == VARINT_MAX_BYTES - 1 && byte > 1)
			break;
		sum |= (uint64_t) (byte & 0x7f) << (7 * i);
		if (byte < 0x80)
		{
			reader->at = start + i + 1;
			*value = sum;
			return true;
		}
	}
	if (limit < VARINT_MAX_BYTES)
		return protobuf_stop(reader, start, "number cut off at end of message");
	return protobuf_stop(reader, start, "number of more than 64 bits");
}

/* Little-endian, whatever the machine is; compilers make one load of it. */
static uint32_t
load_fixed32(const uint8_t *at)
{
	return (uint32_t) at[0] | (uint32_t) at[1] << 8 | (uint32_t) at[2] << 16 |
		   (uint32_t) at[3] << 24;
}

static bool
read_fixed32(ProtobufReader *reader, uint64_t *value)
{
	if (reader->end - reader->at < 4)
		return protobuf_stop(
			reader, reader->at, "number cut off at end of message");
	*value = load_fixed32(reader->at);
	reader->at += 4;
	return true;
}

static bool
read_fixed64(ProtobufReader *reader, uint64_t *value)
{
	if (reader->end - reader->at < 8)
		return protobuf_stop(
			reader, reader->at, "number cut off at end of message");
	*value = load_fixed32(reader->at) | (uint64_t) load_fixed32(reader->at + 4)
											<< 32;
	reader->at += 8;
	return true;
}

bool
protobuf_number(ProtobufReader *reader, ProtobufField *field)
{
	field->data = NULL;
	switch (field->key & 7)
	{
		case PROTOBUF_VARINT:
			return protobuf_varint(reader, &field->value);
		case PROTOBUF_FIXED64:
			return read_fixed64(reader, &field->value);
		case PROTOBUF_FIXED32:
			return read_fixed32(reader, &field->value);
		case PROTOBUF_GROUP_START:
		case PROTOBUF_GROUP_END:
			return protobuf_stop(
				reader, field->start, "groups are not supported");
		default:
			return protobuf_stop(reader, field->start, "invalid wire type");
	}
}
