/*
 * Growing bytes, and numbers of any length: see bytes.h.
 */
#include "bytes.h"

#define FIRST_ROOM 256

uint8_t *
bytes_reserve(Bytes *bytes, size_t length)
{
	size_t room = bytes->room > 0 ? bytes->room : FIRST_ROOM;
	uint8_t *larger;

	if (bytes->status != CORE_OK)
		return NULL;
	if (length <= bytes->room - bytes->used)
		return bytes->data + bytes->used;
	while (room < bytes->used + length)
		room *= 2;
	larger = bytes->host->allocate(bytes->host, room);
	if (larger == NULL)
	{
		bytes->status = CORE_NO_MEMORY;
		return NULL;
	}
	if (bytes->used > 0)
		memcpy(larger, bytes->data, bytes->used);
	bytes->data = larger;
	bytes->room = room;
	return larger + bytes->used;
}

void
bytes_put(Bytes *bytes, const void *data, size_t length)
{
	uint8_t *at;

	if (length == 0)
		return;
	at = bytes_reserve(bytes, length);
	if (at == NULL)
		return;
	memcpy(at, data, length);
	bytes->used += length;
}

void
bytes_put_byte(Bytes *bytes, uint8_t value)
{
	bytes_put(bytes, &value, 1);
}

void
bytes_put_varint(Bytes *bytes, uint64_t value)
{
	uint8_t *start = bytes_reserve(bytes, 10);
	uint8_t *at = start;

	if (start == NULL)
		return;
	for (; value >= 0x80; value >>= 7)
		*at++ = (uint8_t) (value | 0x80);
	*at++ = (uint8_t) value;
	bytes->used += (size_t) (at - start);
}

void
bytes_put_slice(Bytes *bytes, Slice slice)
{
	bytes_put_varint(bytes, slice.length);
	bytes_put(bytes, slice.data, slice.length);
}

uint64_t
reader_long_varint(ByteReader *reader)
{
	uint64_t value = 0;

	for (int shift = 0; shift < 64; shift += 7)
	{
		uint8_t byte = reader_byte(reader);

		value |= (uint64_t) (byte & 0x7f) << shift;
		/* the tenth byte has one bit to give */
		if (shift == 63 && byte > 1)
			reader->failed = true;
		if (byte < 0x80)
			return reader->failed ? 0 : value;
	}
	return 0;
}
