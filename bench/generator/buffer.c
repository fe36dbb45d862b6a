/*
 * Growable bytes and seeded random numbers for the generator.
 */
#include "buffer.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void *
allocate(size_t count, size_t size)
{
	void *memory = calloc(count > 0 ? count : 1, size);

	if (memory == NULL)
	{
		fputs("generate: out of memory\n", stderr);
		exit(1);
	}
	return memory;
}

void
buffer_reserve(Buffer *buffer, size_t size)
{
	size_t room = buffer->room < 4096 ? 4096 : buffer->room;

	while (room - buffer->used < size)
		room *= 2;
	if (room == buffer->room)
		return;
	buffer->data = realloc(buffer->data, room);
	if (buffer->data == NULL)
	{
		fputs("generate: out of memory\n", stderr);
		exit(1);
	}
	buffer->room = room;
}

/* No single piece of text is longer than 1 kB. */
void
buffer_format(Buffer *buffer, const char *format, ...)
{
	va_list arguments;

	buffer_reserve(buffer, 1024);
	va_start(arguments, format);
	buffer->used += (size_t) vsnprintf(
		buffer->data + buffer->used, 1024, format, arguments);
	va_end(arguments);
}

void
buffer_json_string(Buffer *buffer, const char *text)
{
	buffer_byte(buffer, '"');
	for (; *text != '\0'; text++)
	{
		if (*text == '\n')
			buffer_add(buffer, "\\n", 2);
		else if (*text == '\t')
			buffer_add(buffer, "\\t", 2);
		else
		{
			if (*text == '"' || *text == '\\')
				buffer_byte(buffer, '\\');
			buffer_byte(buffer, (uint8_t) *text);
		}
	}
	buffer_byte(buffer, '"');
}

void
buffer_hex(Buffer *buffer, const uint8_t *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++)
	{
		buffer_byte(buffer, (uint8_t) digits[bytes[i] >> 4]);
		buffer_byte(buffer, (uint8_t) digits[bytes[i] & 15]);
	}
}

static uint64_t
scramble(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

uint64_t
random_next(Random *random)
{
	random->state += 0x9e3779b97f4a7c15ULL;
	return scramble(random->state);
}

uint32_t
random_below(Random *random, uint32_t limit)
{
	return (uint32_t) (((random_next(random) >> 32) * limit) >> 32);
}

double
random_share(Random *random)
{
	return (double) (random_next(random) >> 11) / 9007199254740992.0;
}

/* Box and Muller's method; 1 - x keeps the logarithm away from 0. */
double
random_normal(Random *random)
{
	double radius = sqrt(-2.0 * log(1.0 - random_share(random)));

	return radius * cos(6.283185307179586 * random_share(random));
}

uint64_t
mix(uint64_t a, uint64_t b)
{
	return scramble(scramble(a + 0x9e3779b97f4a7c15ULL) ^ b);
}
