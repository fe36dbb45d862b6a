/*
 * Writing the values of one key: see column.h for the forms.
 */
#include "column.h"

#include "dictionary.h"

/* fewer strings are not worth a form of their own */
#define FEWEST_NUMBERED 16

/* the strings after which it shows whether a dictionary is worth the while */
#define SAMPLE 128

void
column_put_integers(StreamWriter *writer, uint32_t tag, const int64_t *values,
					uint32_t count)
{
	uint64_t *above = archive_allocate(writer->host, count, sizeof(uint64_t));
	Bytes head = {.host = writer->host};
	int64_t smallest = count > 0 ? values[0] : 0;

	if (above == NULL)
	{
		writer->status = CORE_NO_MEMORY;
		return;
	}
	for (uint32_t i = 1; i < count; i++)
		smallest = values[i] < smallest ? values[i] : smallest;
	for (uint32_t i = 0; i < count; i++)
		above[i] = (uint64_t) wrapped_difference(values[i], smallest);
	if (smallest != 0)
		bytes_put_varint(&head, zigzag(smallest));
	stream_put_text(writer, tag + COLUMN_HEAD, &head);
	stream_put_numbers(writer, tag + COLUMN_NUMBERS, above, count);
}

static void
put_strings(Bytes *head, const Slice *strings, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		bytes_put_varint(head, strings[i].length);
	for (uint32_t i = 0; i < count; i++)
	{
		host_poll(head->host, i);
		bytes_put(head, strings[i].data, strings[i].length);
	}
}

/* False, with nothing written, if more than half the strings are different, or
 * nearly all of the first. */
static bool
put_dictionary(StreamWriter *writer, uint32_t tag, const Slice *values,
			   uint32_t count, uint64_t *numbers)
{
	Bytes head = {.host = writer->host};
	Dictionary dictionary;

	dictionary_init(&dictionary, writer->host, count / 2 + 1);
	for (uint32_t i = 0; i < count; i++)
	{
		host_poll(writer->host, i);
		numbers[i] = dictionary_add(&dictionary, values[i]);
		if (numbers[i] == DICTIONARY_FULL ||
			(i == SAMPLE && dictionary.count > SAMPLE - SAMPLE / 8))
			return false;
	}
	bytes_put_byte(&head, COLUMN_DICTIONARY);
	bytes_put_varint(&head, dictionary.count);
	put_strings(&head, dictionary.strings, dictionary.count);
	stream_put_text(writer, tag + COLUMN_HEAD, &head);
	stream_put_numbers(writer, tag + COLUMN_NUMBERS, numbers, count);
	return true;
}

static void
put_plain(StreamWriter *writer, uint32_t tag, const Slice *values,
		  uint32_t count, uint64_t *lengths)
{
	Bytes head = {.host = writer->host};

	bytes_put_byte(&head, COLUMN_PLAIN);
	for (uint32_t i = 0; i < count; i++)
	{
		host_poll(writer->host, i);
		lengths[i] = values[i].length;
		bytes_put(&head, values[i].data, values[i].length);
	}
	stream_put_text(writer, tag + COLUMN_HEAD, &head);
	stream_put_numbers(writer, tag + COLUMN_NUMBERS, lengths, count);
}

/* The numbers of one hole, over the strings that have it. */
typedef struct Hole
{
	int64_t *values;
	uint32_t count;
	uint32_t width; /* digits of all so far; 0 if they differ */
	bool has_leading_zero;
} Hole;

typedef struct Numbered
{
	Hole holes[COLUMN_MAX_HOLES];
	Dictionary skeletons;
	NumberedString string;
} Numbered;

/* The numbers of a string to their holes. */
static void
add_to_holes(Numbered *numbered)
{
	const NumberedString *string = &numbered->string;

	for (uint32_t i = 0; i < string->count; i++)
	{
		Hole *hole = &numbered->holes[i];

		if (hole->count == 0)
			hole->width = string->digits[i];
		else if (hole->width != string->digits[i])
			hole->width = 0;
		hole->has_leading_zero |= string->has_leading_zero[i];
		hole->values[hole->count++] = string->values[i];
	}
}

static void
put_numbered(StreamWriter *writer, uint32_t tag, const Numbered *numbered,
			 const uint64_t *numbers, uint32_t count)
{
	Bytes head = {.host = writer->host};

	bytes_put_byte(&head, COLUMN_NUMBERED);
	for (int i = 0; i < COLUMN_MAX_HOLES; i++)
		bytes_put_byte(&head, (uint8_t) numbered->holes[i].width);
	bytes_put_varint(&head, numbered->skeletons.count);
	put_strings(&head, numbered->skeletons.strings, numbered->skeletons.count);
	stream_put_text(writer, tag + COLUMN_HEAD, &head);
	stream_put_numbers(writer, tag + COLUMN_NUMBERS, numbers, count);
	for (int i = 0; i < COLUMN_MAX_HOLES; i++)
		column_put_integers(writer,
							tag + COLUMN_HOLES +
								(uint32_t) i * COLUMN_HOLE_TAGS,
							numbered->holes[i].values,
							numbered->holes[i].count);
}

/* False, with nothing written, if the strings differ in more than numbers, or
 * in how those are written. */
static bool
try_numbered(StreamWriter *writer, uint32_t tag, const Slice *values,
			 uint32_t count, uint64_t *numbers)
{
	Numbered numbered = {.string.skeleton.host = writer->host};

	if (count < FEWEST_NUMBERED)
		return false;
	for (int i = 0; i < COLUMN_MAX_HOLES; i++)
	{
		numbered.holes[i].values =
			archive_allocate(writer->host, count, sizeof(int64_t));
		if (numbered.holes[i].values == NULL)
			return false;
	}
	dictionary_init(&numbered.skeletons, writer->host, count / 8 + 1);
	for (uint32_t i = 0; i < count; i++)
	{
		host_poll(writer->host, i);
		if (!column_take_numbers(&numbered.string, values[i]))
			return false;
		numbers[i] = dictionary_add_copy(
			&numbered.skeletons, bytes_slice(&numbered.string.skeleton));
		if (numbers[i] == DICTIONARY_FULL)
			return false;
		add_to_holes(&numbered);
	}
	for (int i = 0; i < COLUMN_MAX_HOLES; i++)
	{
		if (numbered.holes[i].has_leading_zero && numbered.holes[i].width == 0)
			return false;
	}
	put_numbered(writer, tag, &numbered, numbers, count);
	return true;
}

void
column_put_strings(StreamWriter *writer, uint32_t tag, const Slice *values,
				   uint32_t count)
{
	uint64_t *numbers = archive_allocate(writer->host, count, sizeof(uint64_t));

	if (numbers == NULL)
		writer->status = CORE_NO_MEMORY;
	if (writer->status != CORE_OK || count == 0)
		return;
	if (!put_dictionary(writer, tag, values, count, numbers) &&
		!try_numbered(writer, tag, values, count, numbers))
		put_plain(writer, tag, values, count, numbers);
}
