/*
 * Bytes that grow at their end, and bytes that are read from the front with
 * nothing believed.
 *
 * Both remember their first failure, so that a run of steps is checked once:
 * a writer that ran out of memory writes nothing more, a reader that came to
 * its end gives zeros.  Numbers are least significant byte first, put together
 * from bytes, so that no machine's own order shows.
 */
#ifndef CORE_ARCHIVE_BYTES_H
#define CORE_ARCHIVE_BYTES_H

#include "core/base/host.h"
#include "core/tree/span.h"

typedef struct Bytes
{
	Host *host;
	uint8_t *data;
	size_t used;
	size_t room;
	CoreStatus status;
} Bytes;

/* Sees to room for so many bytes more; NULL, and the status, if it fails. */
extern uint8_t *bytes_reserve(Bytes *bytes, size_t length);

extern void bytes_put(Bytes *bytes, const void *data, size_t length);
extern void bytes_put_byte(Bytes *bytes, uint8_t value);

/* 7 bits a byte, the least significant first, the top bit for "goes on". */
extern void bytes_put_varint(Bytes *bytes, uint64_t value);

/* Its length, then the string. */
extern void bytes_put_slice(Bytes *bytes, Slice slice);

static inline Slice
bytes_slice(const Bytes *bytes)
{
	return (Slice){(const char *) bytes->data, (uint32_t) bytes->used};
}

/* 0, -1, 1, -2, ... as 0, 1, 2, 3, ... */
static inline uint64_t
zigzag(int64_t value)
{
	return ((uint64_t) value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t
unzigzag(uint64_t value)
{
	return (int64_t) ((value >> 1) ^ (0 - (value & 1)));
}

/* Differences that wrap around, so that any two times have one. */
static inline int64_t
wrapped_difference(int64_t a, int64_t b)
{
	return (int64_t) ((uint64_t) a - (uint64_t) b);
}

static inline int64_t
wrapped_sum(int64_t a, int64_t b)
{
	return (int64_t) ((uint64_t) a + (uint64_t) b);
}

static inline uint32_t
load_u32(const uint8_t *at)
{
	return (uint32_t) at[0] | (uint32_t) at[1] << 8 | (uint32_t) at[2] << 16 |
		   (uint32_t) at[3] << 24;
}

static inline uint64_t
load_u64(const uint8_t *at)
{
	return (uint64_t) at[0] | (uint64_t) at[1] << 8 | (uint64_t) at[2] << 16 |
		   (uint64_t) at[3] << 24 | (uint64_t) at[4] << 32 |
		   (uint64_t) at[5] << 40 | (uint64_t) at[6] << 48 |
		   (uint64_t) at[7] << 56;
}

static inline void
store_u32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t) (value >> (8 * i));
}

static inline void
store_u64(uint8_t *at, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t) (value >> (8 * i));
}

typedef struct ByteReader
{
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
} ByteReader;

static inline size_t
reader_left(const ByteReader *reader)
{
	return (size_t) (reader->end - reader->at);
}

/* The next so many bytes; NULL if there are fewer. */
static inline const uint8_t *
reader_bytes(ByteReader *reader, size_t length)
{
	const uint8_t *at = reader->at;

	if (reader->failed || length > reader_left(reader))
	{
		reader->failed = true;
		return NULL;
	}
	reader->at += length;
	return at;
}

static inline uint8_t
reader_byte(ByteReader *reader)
{
	const uint8_t *at = reader_bytes(reader, 1);

	return at == NULL ? 0 : *at;
}

extern uint64_t reader_long_varint(ByteReader *reader);

static inline uint64_t
reader_varint(ByteReader *reader)
{
	if (!reader->failed && reader->at < reader->end && *reader->at < 0x80)
		return *reader->at++;
	return reader_long_varint(reader);
}

/* A number that must not be greater than `most`. */
static inline uint32_t
reader_count(ByteReader *reader, uint64_t most)
{
	uint64_t value = reader_varint(reader);

	if (value > most || value > UINT32_MAX)
		reader->failed = true;
	return reader->failed ? 0 : (uint32_t) value;
}

static inline int64_t
reader_signed(ByteReader *reader)
{
	return unzigzag(reader_varint(reader));
}

/* As bytes_put_slice wrote it; it points into what is read. */
static inline Slice
reader_slice(ByteReader *reader)
{
	uint32_t length = reader_count(reader, reader_left(reader));

	return (Slice){(const char *) reader_bytes(reader, length), length};
}

#endif
