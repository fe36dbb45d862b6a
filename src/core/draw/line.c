/*
 * Laying out one line of text: see line.h.
 *
 * A field that overflows is taken back to the latest state that left room for
 * the ellipsis, so that text is written once, without being measured before.
 */
#include "core/draw/line.h"

#include <inttypes.h>
#include <stdio.h>

/* More marks than this on one character are noise made to fill memory. */
#define MAX_MARKS 16

#define MAX_CHARACTER_BYTES 4

bool
line_create(Line *line, Host *host, Screen *screen, int columns)
{
	size_t room = (size_t) columns + 2;

	*line = (Line){.screen = screen, .limit = columns};
	line->capacity = room * MAX_CHARACTER_BYTES * (MAX_MARKS + 1);
	line->bytes = host->allocate(host, line->capacity);
	return line->bytes != NULL;
}

void
line_clear(Line *line)
{
	line->used = 0;
	line->columns = 0;
	line_open_field(line, 0);
}

void
line_open_field(Line *line, int column)
{
	line->limit = column;
	line->room_used = line->used;
	line->room_columns = line->columns;
	line->marks = 0;
	line->is_cut = false;
}

static void
append(Line *line, const char *bytes, size_t length, int columns)
{
	if (line->used + length > line->capacity)
		return;
	memcpy(line->bytes + line->used, bytes, length);
	line->used += length;
	line->columns += columns;
}

/* Of an ellipsis in ASCII as many dots as there is room for. */
static void
cut(Line *line)
{
	line->is_cut = true;
	line->used = line->room_used;
	line->columns = line->room_columns;
	for (int dots = 0; dots < 3 && line->columns < line->limit; dots++)
	{
		if (!line->screen->ascii)
		{
			append(line, "…", sizeof("…") - 1, 1);
			return;
		}
		append(line, ".", 1, 1);
	}
}

static void
put_character(Line *line, const char *bytes, size_t length, int columns)
{
	int ellipsis = line->screen->ascii ? 3 : 1;

	if (line->is_cut)
		return;
	line->marks = columns == 0 ? line->marks + 1 : 0;
	if (line->columns + columns > line->limit || line->marks > MAX_MARKS)
	{
		cut(line);
		return;
	}
	append(line, bytes, length, columns);
	if (line->columns <= line->limit - ellipsis)
	{
		line->room_used = line->used;
		line->room_columns = line->columns;
	}
}

void
line_pad(Line *line)
{
	while (line->columns < line->limit)
		append(line, " ", 1, 1);
}

/*
 * Whether a UTF-8 character of `length` bytes breaks lines or steers text
 * direction: U+0080-9F, U+061C, U+200E-F, U+2028-E, U+2066-F.
 */
static bool
is_unsafe_utf8(const char *at, uint32_t length)
{
	const unsigned char *c = (const unsigned char *) at;

	if (length == 2)
		return (c[0] == 0xc2 && c[1] < 0xa0) || (c[0] == 0xd8 && c[1] == 0x9c);
	if (length != 3 || c[0] != 0xe2)
		return false;
	if (c[1] == 0x80)
		return c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xa8 && c[2] <= 0xae);
	return c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xaf;
}

void
line_put_name(Line *line, Slice name)
{
	uint32_t i = 0;

	while (i < name.length && !line->is_cut)
	{
		const char *at = name.data + i;
		uint32_t length = 1;
		int columns;

		if (*at >= ' ' && *at <= '~')
			columns = 1;
		else
			columns = line->screen->measure(
				line->screen, at, name.length - i, &length);
		i += length;
		if (columns < 0 || (line->screen->utf8 && is_unsafe_utf8(at, length)))
			put_character(line, "?", 1, 1);
		else
			put_character(line, at, length, columns);
	}
}

static bool
continues_character(char c)
{
	return (c & 0xc0) == 0x80;
}

void
line_put(Line *line, const char *text)
{
	while (*text != '\0')
	{
		size_t length = 1;

		while (continues_character(text[length]))
			length++;
		put_character(line, text, length, 1);
		text += length;
	}
}

void
line_append(Line *line, const Line *other)
{
	append(line, other->bytes, other->used, other->columns);
}

int
text_columns(const char *text)
{
	int columns = 0;

	for (; *text != '\0'; text++)
		columns += !continues_character(*text);
	return columns;
}

/* a sign may stand before the figures */
#define UNSIGNED_SIZE (DURATION_SIZE - 1)

#define NS_PER_US 1000
#define NS_PER_S INT64_C(1000000000)
#define US_PER_S INT64_C(1000000)
#define US_PER_MINUTE (60 * US_PER_S)
#define US_PER_HOUR (60 * US_PER_MINUTE)
#define US_PER_DAY (24 * US_PER_HOUR)

/* value / unit, half up. */
static uint64_t
divide_rounded(uint64_t value, uint64_t unit)
{
	return value / unit + (value % unit >= (unit + 1) / 2);
}

/* Three significant digits of ns / unit; false if that would need a fourth. */
static bool
format_digits(char *text, uint64_t ns, uint64_t unit, const char *name)
{
	uint64_t hundredths = divide_rounded(ns * 100, unit);
	uint64_t tenths = divide_rounded(ns * 10, unit);
	uint64_t whole = divide_rounded(ns, unit);

	/* nothing is known below the microsecond */
	if (whole < 1000 && ns == whole * unit && unit <= NS_PER_US)
		snprintf(text, UNSIGNED_SIZE, "%" PRIu64 " %s", whole, name);
	else if (hundredths < 1000)
		snprintf(text,
				 UNSIGNED_SIZE,
				 "%" PRIu64 ".%02" PRIu64 " %s",
				 hundredths / 100,
				 hundredths % 100,
				 name);
	else if (tenths < 1000)
		snprintf(text,
				 UNSIGNED_SIZE,
				 "%" PRIu64 ".%" PRIu64 " %s",
				 tenths / 10,
				 tenths % 10,
				 name);
	else if (whole < 1000)
		snprintf(text, UNSIGNED_SIZE, "%" PRIu64 " %s", whole, name);
	else
		return false;
	return true;
}

/* Below what rounds to a minute. */
static void
format_short(char *text, uint64_t ns, bool ascii)
{
	if (ns != 0 && ns < NS_PER_US && format_digits(text, ns, 1, "ns"))
		return;
	if (format_digits(text, ns, NS_PER_US, ascii ? "us" : "µs") ||
		format_digits(text, ns, NS_PER_US * NS_PER_US, "ms"))
		return;
	(void) format_digits(text, ns, NS_PER_S, "s");
}

/* Two units, the smaller one rounded. */
static void
format_pair(char *text, uint64_t small, uint64_t per_big, const char *big_name,
			const char *small_name)
{
	snprintf(text,
			 UNSIGNED_SIZE,
			 "%" PRIu64 " %s %" PRIu64 " %s",
			 small / per_big,
			 big_name,
			 small % per_big,
			 small_name);
}

static void
format_long(char *text, uint64_t us)
{
	uint64_t seconds = divide_rounded(us, US_PER_S);
	uint64_t minutes = divide_rounded(us, US_PER_MINUTE);
	uint64_t hours = divide_rounded(us, US_PER_HOUR);

	if (seconds < 3600)
		format_pair(text, seconds, 60, "m", "s");
	else if (minutes < 24 * 60)
		format_pair(text, minutes, 60, "h", "m");
	else if (hours < 1000 * 24)
		format_pair(text, hours, 24, "d", "h");
	else
		snprintf(text,
				 UNSIGNED_SIZE,
				 "%" PRIu64 " d",
				 divide_rounded(us, US_PER_DAY));
}

/* 59.95 s already reads as a minute */
#define LONG_FROM_US (US_PER_MINUTE - US_PER_S / 20)

void
duration_text(char text[DURATION_SIZE], int64_t microseconds, bool ascii)
{
	uint64_t us =
		microseconds < 0 ? -(uint64_t) microseconds : (uint64_t) microseconds;

	if (microseconds < 0)
		*text++ = '-';
	if (us >= LONG_FROM_US)
		format_long(text, us);
	else
		format_short(text, us * NS_PER_US, ascii);
}

void
duration_part_text(char text[DURATION_SIZE], int64_t microseconds, int part,
				   int parts, bool ascii)
{
	int64_t us = microseconds / parts * part;

	if (us < LONG_FROM_US && microseconds < INT64_MAX / NS_PER_US / part)
		format_short(text,
					 divide_rounded((uint64_t) microseconds * NS_PER_US *
										(uint64_t) part,
									(uint64_t) parts),
					 ascii);
	else
		duration_text(text, us, ascii);
}
