/*
 * Reading the values of one key: see column.h for the forms.
 */
#include "column_numbers.h"

CoreStatus
column_get_integers(StreamReader *reader, uint32_t tag, uint32_t count,
					Column *column, ArchiveFault *fault)
{
	ByteReader head;
	uint64_t *values;
	CoreStatus status = stream_get(reader, tag + COLUMN_HEAD, &head, fault);

	if (status != CORE_OK)
		return status;
	*column = (Column){.count = count};
	if (reader_left(&head) > 0)
		column->smallest = reader_signed(&head);
	status = stream_done(reader, tag + COLUMN_HEAD, &head, fault);
	if (status == CORE_OK)
		status = stream_get_numbers(
			reader, tag + COLUMN_NUMBERS, count, &values, fault);
	if (status == CORE_OK)
		column->integers = values;
	return status;
}

/* Strings whose lengths come first; NULL if the reader failed, and without
 * memory. */
static Slice *
get_strings(Host *host, ByteReader *head, uint32_t count)
{
	Slice *strings;

	if (count > reader_left(head)) /* a length is a byte at least */
		head->failed = true;
	if (head->failed)
		return NULL;
	strings = archive_allocate(host, count, sizeof(Slice));
	if (strings == NULL)
		return NULL;
	for (uint32_t i = 0; i < count; i++)
		strings[i].length = reader_count(head, reader_left(head));
	for (uint32_t i = 0; i < count; i++)
	{
		host_poll(host, i);
		strings[i].data = (const char *) reader_bytes(head, strings[i].length);
	}
	return strings;
}

static CoreStatus
get_dictionary(StreamReader *reader, uint32_t tag, ByteReader *head,
			   Column *column, ArchiveFault *fault)
{
	uint64_t *numbers;
	CoreStatus status;

	column->is_dictionary = true;
	column->string_count = reader_count(head, reader_left(head));
	column->strings = get_strings(reader->host, head, column->string_count);
	if (column->strings == NULL && !head->failed)
		return CORE_NO_MEMORY;
	status = stream_done(reader, tag + COLUMN_HEAD, head, fault);
	if (status == CORE_OK)
		status = stream_get_numbers(
			reader, tag + COLUMN_NUMBERS, column->count, &numbers, fault);
	if (status != CORE_OK)
		return status;
	for (uint32_t i = 0; i < column->count; i++)
	{
		if (numbers[i] >= column->string_count)
			return stream_contradiction(reader, tag + COLUMN_HEAD, fault);
	}
	column->integers = numbers;
	return CORE_OK;
}

static CoreStatus
get_plain(StreamReader *reader, uint32_t tag, ByteReader *head, Column *column,
		  ArchiveFault *fault)
{
	uint64_t *lengths;
	CoreStatus status = stream_get_numbers(
		reader, tag + COLUMN_NUMBERS, column->count, &lengths, fault);

	if (status != CORE_OK)
		return status;
	column->string_count = column->count;
	column->strings =
		archive_allocate(reader->host, column->count, sizeof(Slice));
	if (column->strings == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < column->count; i++)
	{
		host_poll(reader->host, i);
		if (lengths[i] > reader_left(head))
			return stream_contradiction(reader, tag + COLUMN_HEAD, fault);
		column->strings[i].length = (uint32_t) lengths[i];
		column->strings[i].data =
			(const char *) reader_bytes(head, (size_t) lengths[i]);
	}
	return stream_done(reader, tag + COLUMN_HEAD, head, fault);
}

/* How many holes each skeleton has; false if one has too many. */
static bool
count_holes(const Column *column, uint8_t *holes, size_t *longest)
{
	*longest = 0;
	for (uint32_t i = 0; i < column->string_count; i++)
	{
		Slice skeleton = column->strings[i];
		uint32_t found = 0;

		for (uint32_t k = 0; k < skeleton.length; k++)
			found += skeleton.data[k] == COLUMN_HOLE;
		if (found > COLUMN_MAX_HOLES)
			return false;
		holes[i] = (uint8_t) found;
		*longest = skeleton.length > *longest ? skeleton.length : *longest;
	}
	return true;
}

/* Ranks the values that have a hole; how many those are is *count. */
static bool
rank_values(const Column *column, const uint8_t *holes, uint32_t hole,
			Host *host, uint32_t *count)
{
	uint32_t *ranks = NULL;

	*count = 0;
	for (uint32_t i = 0; i < column->count; i++)
		*count += holes[column->integers[i]] > hole;
	if (*count > 0 && *count < column->count)
	{
		uint32_t rank = 0;

		ranks = archive_allocate(host, column->count, sizeof(uint32_t));
		if (ranks == NULL)
			return false;
		for (uint32_t i = 0; i < column->count; i++)
		{
			ranks[i] = rank;
			rank += holes[column->integers[i]] > hole;
		}
	}
	column->numbers->ranks[hole] = ranks;
	return true;
}

static CoreStatus
get_holes(StreamReader *reader, uint32_t tag, Column *column,
		  ArchiveFault *fault)
{
	Host *host = reader->host;
	Numbers *numbers = column->numbers;
	uint8_t *holes = archive_allocate(host, column->string_count, 1);
	CoreStatus status = CORE_OK;
	size_t longest;

	if (holes == NULL)
		return CORE_NO_MEMORY;
	if (!count_holes(column, holes, &longest))
		return stream_contradiction(reader, tag + COLUMN_HEAD, fault);
	numbers->text =
		archive_allocate(host, longest + (size_t) COLUMN_MAX_HOLES * 20, 1);
	if (numbers->text == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < COLUMN_MAX_HOLES && status == CORE_OK; i++)
	{
		uint32_t count;

		if (!rank_values(column, holes, i, host, &count))
			return CORE_NO_MEMORY;
		status = column_get_integers(reader,
									 tag + COLUMN_HOLES + i * COLUMN_HOLE_TAGS,
									 count,
									 &numbers->holes[i],
									 fault);
	}
	return status;
}

static CoreStatus
get_numbered(StreamReader *reader, uint32_t tag, ByteReader *head,
			 Column *column, ArchiveFault *fault)
{
	Numbers *numbers = archive_allocate(reader->host, 1, sizeof(Numbers));
	CoreStatus status;

	if (numbers == NULL)
		return CORE_NO_MEMORY;
	*numbers = (Numbers){.wanted.skeleton.host = reader->host};
	for (int i = 0; i < COLUMN_MAX_HOLES; i++)
	{
		numbers->widths[i] = reader_byte(head);
		if (numbers->widths[i] > COLUMN_MAX_DIGITS)
			head->failed = true;
	}
	status = get_dictionary(reader, tag, head, column, fault);
	column->numbers = numbers;
	return status == CORE_OK ? get_holes(reader, tag, column, fault) : status;
}

CoreStatus
column_get_strings(StreamReader *reader, uint32_t tag, uint32_t count,
				   Column *column, ArchiveFault *fault)
{
	ByteReader head;
	CoreStatus status = stream_get(reader, tag + COLUMN_HEAD, &head, fault);

	if (status != CORE_OK)
		return status;
	*column = (Column){.count = count};
	if (count == 0)
		return stream_done(reader, tag + COLUMN_HEAD, &head, fault);
	switch (reader_byte(&head))
	{
		case COLUMN_DICTIONARY:
			return get_dictionary(reader, tag, &head, column, fault);
		case COLUMN_PLAIN:
			return get_plain(reader, tag, &head, column, fault);
		case COLUMN_NUMBERED:
			return get_numbered(reader, tag, &head, column, fault);
		default:
			return stream_contradiction(reader, tag + COLUMN_HEAD, fault);
	}
}
