/*
 * Validation and repair of UTF-8 and of JSON's escapes: see utf8.h.
 */
#include "core/wire/utf8.h"

#include "core/wire/encoding.h"

#include <stdint.h>
#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)
#define LOW_BITS UINT64_C(0x0101010101010101)

/* "\uXXXX" */
#define ESCAPE_LENGTH 6

/* Bytes of ASCII other than NUL at the start, looked at eight at a time. */
static size_t
skip_ascii(const char *data, size_t length)
{
	size_t i = 0;

	for (; i + 8 <= length; i += 8)
	{
		uint64_t word;

		memcpy(&word, data + i, sizeof(word));
		/* a byte that is 0 borrows from its high bit; one of 0x80 or more has
		 * it set: either way the exact place is found byte by byte below */
		if (((word | (word - LOW_BITS)) & HIGH_BITS) != 0)
			break;
	}
	while (i < length && (signed char) data[i] > 0)
		i++;
	return i;
}

static size_t
expected_length(uint8_t first)
{
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	if (first >= 0xf0 && first <= 0xf4)
		return 4;
	return 0;
}

/* The second byte decides on overlong forms, surrogates and the upper end. */
static bool
second_fits(uint8_t first, uint8_t second)
{
	uint8_t lowest = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	uint8_t highest = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

	return second >= lowest && second <= highest;
}

/*
 * The character that starts at `data`, which is no ASCII: its length if it is
 * valid; else `valid` is false and the result the bytes to be replaced.
 */
static size_t
read_character(const uint8_t *data, size_t length, bool *valid)
{
	size_t expected = expected_length(data[0]);
	size_t have = 1;

	*valid = false;
	if (expected == 0)
		return 1;
	while (have < expected && have < length)
	{
		if (have == 1 ? !second_fits(data[0], data[1])
					  : (data[have] & 0xc0) != 0x80)
			return have;
		have++;
	}
	*valid = have == expected;
	return have;
}

size_t
utf8_valid_length(const char *data, size_t length)
{
	size_t i = 0;

	if (length == 0) /* there may be no data then */
		return 0;
	for (;;)
	{
		bool valid;
		size_t size;

		i += skip_ascii(data + i, length - i);
		if (i == length)
			return i;
		size = read_character((const uint8_t *) data + i, length - i, &valid);
		if (!valid)
			return i;
		i += size;
	}
}

size_t
utf8_clean(const char *from, size_t length, char *to)
{
	size_t i = 0;
	char *at = to;

	while (i < length)
	{
		size_t good = utf8_valid_length(from + i, length - i);
		bool valid;

		if (good > 0)
			memcpy(at, from + i, good);
		at += good;
		i += good;
		if (i == length)
			break;
		i += read_character((const uint8_t *) from + i, length - i, &valid);
		memcpy(at, "\xef\xbf\xbd", 3);
		at += 3;
	}
	return (size_t) (at - to);
}

/* The code of the escape \uXXXX at `at`; -1 if there is none. */
static int32_t
read_escape(const char *at, const char *end)
{
	int32_t code = 0;

	if (end - at < ESCAPE_LENGTH || at[0] != '\\' || at[1] != 'u')
		return -1;
	for (int i = 2; i < ESCAPE_LENGTH; i++)
	{
		int digit = hex_digit_value(at[i]);

		if (digit < 0)
			return -1;
		code = code << 4 | digit;
	}
	return code;
}

static bool
is_high_surrogate(int32_t code)
{
	return code >= 0xd800 && code <= 0xdbff;
}

static bool
is_low_surrogate(int32_t code)
{
	return code >= 0xdc00 && code <= 0xdfff;
}

/* The next backslash that starts an escape; `end` if there is none. */
static char *
find_backslash(char *at, char *end)
{
	char *found = at < end ? memchr(at, '\\', (size_t) (end - at)) : NULL;

	return found == NULL ? end : found;
}

/* Behind an escape that is not \uXXXX, such as \\ or \n. */
static char *
skip_escape(char *at, char *end)
{
	return end - at < 2 ? end : at + 2;
}

size_t
json_escapes_filter(char *json, size_t length, bool (*is_kept)(uint32_t code),
					const char *replacement)
{
	char *end = json + length;
	size_t replaced = 0;

	for (char *at = find_backslash(json, end); at < end;
		 at = find_backslash(at, end))
	{
		int32_t code = read_escape(at, end);
		int32_t low = code < 0 ? -1 : read_escape(at + ESCAPE_LENGTH, end);
		bool is_pair = is_high_surrogate(code) && is_low_surrogate(low);

		if (code < 0)
		{
			at = skip_escape(at, end);
			continue;
		}
		if (is_pair)
			code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
		else if (is_high_surrogate(code) || is_low_surrogate(code))
			code = 0;
		for (int escapes = is_pair ? 2 : 1; escapes > 0; escapes--)
		{
			if (code == 0 || (is_kept != NULL && !is_kept((uint32_t) code)))
			{
				memcpy(at, replacement, ESCAPE_LENGTH);
				replaced++;
			}
			at += ESCAPE_LENGTH;
		}
	}
	return replaced;
}

size_t
json_escapes_clean(char *json, size_t length)
{
	return json_escapes_filter(json, length, NULL, "\\ufffd");
}

static char *
put_character(char *to, int32_t code)
{
	if (code < 0x800)
		*to++ = (char) (0xc0 | code >> 6);
	else if (code < 0x10000)
	{
		*to++ = (char) (0xe0 | code >> 12);
		*to++ = (char) (0x80 | (code >> 6 & 0x3f));
	}
	else
	{
		*to++ = (char) (0xf0 | code >> 18);
		*to++ = (char) (0x80 | (code >> 12 & 0x3f));
		*to++ = (char) (0x80 | (code >> 6 & 0x3f));
	}
	*to++ = (char) (0x80 | (code & 0x3f));
	return to;
}

size_t
json_escapes_expand(char *json, size_t length)
{
	char *end = json + length;
	char *from = json;
	char *to = json;

	while (from < end)
	{
		char *next = find_backslash(from, end);
		int32_t code = read_escape(next, end);

		if (code < 0x80) /* another escape, or one that stays as it is */
			next = skip_escape(next, end);
		memmove(to, from, (size_t) (next - from));
		to += next - from;
		from = next;
		if (code < 0x80)
			continue;
		from += ESCAPE_LENGTH;
		if (is_high_surrogate(code))
		{
			code = 0x10000 + ((code - 0xd800) << 10) +
				   (read_escape(from, end) - 0xdc00);
			from += ESCAPE_LENGTH;
		}
		to = put_character(to, code);
	}
	return (size_t) (to - json);
}
