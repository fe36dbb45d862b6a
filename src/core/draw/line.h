/*
 * One line of text, laid out in display columns.
 *
 * A terminal shows characters, and a character takes 0, 1 or 2 columns; how
 * many is the caller's to say, who knows the encoding.  A line never becomes
 * wider than its fields allow: what does not fit is cut at a character's
 * boundary and ends in an ellipsis.
 *
 * Names come from remote callers.  What could steer a terminal or reorder
 * what stands beside it (control characters, newlines, marks of text
 * direction) is shown as '?'.  Letters that are themselves written from right
 * to left are kept, so a terminal that reorders them may still shift the rest
 * of their line.
 */
#ifndef CORE_LINE_H
#define CORE_LINE_H

#include "core/base/host.h"
#include "core/tree/span.h"

/* How names are measured and which glyphs may be drawn. */
typedef struct Screen
{
	bool ascii; /* draw with ASCII alone */
	bool utf8;	/* names are UTF-8; else measure knows all about them */
	/*
	 * The columns of the character at `at`, of which `left` bytes follow at
	 * most, and in *bytes its length, 1 to left; -1 if it must not be shown.
	 * Never asked about printable ASCII.
	 */
	int (*measure)(struct Screen *screen, const char *at, uint32_t left,
				   uint32_t *bytes);
} Screen;

typedef struct Line
{
	Screen *screen;
	char *bytes;
	size_t capacity;
	size_t used;
	int columns;
	/* the open field: its last column, and the latest state in which the
	 * ellipsis still had room */
	int limit;
	size_t room_used;
	int room_columns;
	int marks; /* characters of no width in a row */
	bool is_cut;
} Line;

/* A line of at most this many columns; false without memory. */
extern bool line_create(Line *line, Host *host, Screen *screen, int columns);

extern void line_clear(Line *line);

/* From here to `column` lies one field; what is put next is cut to fit. */
extern void line_open_field(Line *line, int column);

/* Fills the open field with spaces. */
extern void line_pad(Line *line);

/* Puts a name from outside. */
extern void line_put_name(Line *line, Slice name);

/* Puts our own text: UTF-8, each character one column wide. */
extern void line_put(Line *line, const char *text);

/* Puts all of another line, whatever the open field. */
extern void line_append(Line *line, const Line *other);

/* The columns line_put would take. */
extern int text_columns(const char *text);

static inline Slice
line_slice(const Line *line)
{
	return (Slice){line->bytes, (uint32_t) line->used};
}

/* Room for any duration as text. */
#define DURATION_SIZE 32

/*
 * A time as a person reads it, three significant digits and a unit: "7 us",
 * "42.0 ms", "1.23 s", "2 m 5 s", "3 h 20 m", "12 d 4 h".  Without ascii the
 * unit is written with a Greek mu.
 */
extern void duration_text(char text[DURATION_SIZE], int64_t microseconds,
						  bool ascii);

/* `part` of `parts` (both > 0) of a time >= 0, which may come to less than a
 * microsecond. */
extern void duration_part_text(char text[DURATION_SIZE], int64_t microseconds,
							   int part, int parts, bool ascii);

#endif
