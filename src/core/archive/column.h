/*
 * The values of one key, in the streams of a tags column.
 *
 * Integers are the smallest and what each is above that.  Strings take one of
 * three forms, said by the first byte of the column's head:
 *
 * dictionary	different ones once, and their numbers
 * plain		one behind another, and their lengths
 * numbered		strings that differ in numbers alone ("10.3.0.17",
 *				"/orders/81723"): the strings with holes instead of runs of
 *				digits as a dictionary, and each hole as a column of integers
 */
#ifndef CORE_ARCHIVE_COLUMN_H
#define CORE_ARCHIVE_COLUMN_H

#include "stream.h"

/* A column has the tags from its own on, so many. */
#define COLUMN_TAGS 64

extern void column_put_integers(StreamWriter *writer, uint32_t tag,
								const int64_t *values, uint32_t count);

extern void column_put_strings(StreamWriter *writer, uint32_t tag,
							   const Slice *values, uint32_t count);

typedef struct Numbers Numbers;

typedef struct Column
{
	uint32_t count;
	const uint64_t
		*integers; /* each minus the smallest; or numbers of strings */
	int64_t smallest;
	Slice *strings; /* NULL for integers */
	uint32_t string_count;
	bool is_dictionary; /* else value i is string i */
	Numbers *numbers;	/* of numbered strings, which are a dictionary too */
} Column;

extern CoreStatus column_get_integers(StreamReader *reader, uint32_t tag,
									  uint32_t count, Column *column,
									  ArchiveFault *fault);

extern CoreStatus column_get_strings(StreamReader *reader, uint32_t tag,
									 uint32_t count, Column *column,
									 ArchiveFault *fault);

static inline int64_t
column_integer(const Column *column, uint32_t i)
{
	return wrapped_sum(column->smallest, (int64_t) column->integers[i]);
}

/* Puts a numbered string together. */
extern Slice column_numbered(const Column *column, uint32_t i);

/* A string, which stays until the next of this column is asked for. */
static inline Slice
column_string(const Column *column, uint32_t i)
{
	if (column->numbers != NULL)
		return column_numbered(column, i);
	return column->strings[column->is_dictionary ? column->integers[i] : i];
}

/* Writes the numbers of the values that are this string to `found`, which has
 * room for all; returns how many. */
extern uint32_t column_find(const Column *column, Slice wanted,
							uint32_t *found);

/*
 * For column_write.c and column_read.c alone.
 */

enum
{
	COLUMN_DICTIONARY = 1, /* written, so never renumbered */
	COLUMN_PLAIN = 2,
	COLUMN_NUMBERED = 3,
};

enum
{
	COLUMN_HEAD = 0,	/* the tag of the form, and the different strings */
	COLUMN_NUMBERS = 1, /* of strings in the dictionary, or lengths */
	COLUMN_HOLES = 10,	/* the first hole's integers, of COLUMN_HOLE_TAGS */
	COLUMN_HOLE_TAGS = 10,
	COLUMN_MAX_HOLES = 5,
};

/* stands for a number in a string with holes */
#define COLUMN_HOLE '\001'

/* the longest run of digits that is taken as a number */
#define COLUMN_MAX_DIGITS 18

/* A string taken apart. */
typedef struct NumberedString
{
	Bytes skeleton;
	uint32_t count;
	int64_t values[COLUMN_MAX_HOLES];
	uint32_t digits[COLUMN_MAX_HOLES];
	bool has_leading_zero[COLUMN_MAX_HOLES];
} NumberedString;

/* False if it could not be told from another. */
extern bool column_take_numbers(NumberedString *numbered, Slice string);

#endif
