/*
 * A growable run of bytes, and numbers that come out the same for the same
 * seed on every machine.  Out of memory ends the program: it is a tool.
 */
#ifndef GENERATOR_BUFFER_H
#define GENERATOR_BUFFER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct Buffer
{
	char *data;
	size_t used;
	size_t room;
} Buffer;

/* Makes room for size more bytes. */
extern void buffer_reserve(Buffer *buffer, size_t size);

static inline void
buffer_add(Buffer *buffer, const void *data, size_t size)
{
	if (buffer->room - buffer->used < size)
		buffer_reserve(buffer, size);
	memcpy(buffer->data + buffer->used, data, size);
	buffer->used += size;
}

static inline void
buffer_byte(Buffer *buffer, uint8_t byte)
{
	buffer_add(buffer, &byte, 1);
}

static inline void
buffer_text(Buffer *buffer, const char *text)
{
	buffer_add(buffer, text, strlen(text));
}

extern void buffer_format(Buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The text as a JSON string, quotes included. */
extern void buffer_json_string(Buffer *buffer, const char *text);

/* The bytes as lower-case hexadecimal digits. */
extern void buffer_hex(Buffer *buffer, const uint8_t *bytes, size_t size);

/* Splitmix64: the state is the seed. */
typedef struct Random
{
	uint64_t state;
} Random;

extern uint64_t random_next(Random *random);

/* 0 .. limit - 1 */
extern uint32_t random_below(Random *random, uint32_t limit);

/* 0 <= x < 1 */
extern double random_share(Random *random);

/* mean 0, deviation 1 */
extern double random_normal(Random *random);

/* A number that depends on a and b alone. */
extern uint64_t mix(uint64_t a, uint64_t b);

extern void *allocate(size_t count, size_t size);

#endif
