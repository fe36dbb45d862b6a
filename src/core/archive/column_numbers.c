/*
 * Strings that differ in numbers alone: taking the numbers out, and putting
 * them in again.
 */
#include "column_numbers.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static uint32_t
digits_at(Slice string, uint32_t from)
{
	uint32_t end = from;

	while (end < string.length && is_digit(string.data[end]))
		end++;
	return end - from;
}

static void
add_number(NumberedString *numbered, const char *digits, uint32_t length)
{
	uint32_t i = numbered->count++;
	int64_t value = 0;

	for (uint32_t k = 0; k < length; k++)
		value = value * 10 + (digits[k] - '0');
	numbered->values[i] = value;
	numbered->digits[i] = length;
	numbered->has_leading_zero[i] = length > 1 && digits[0] == '0';
	bytes_put_byte(&numbered->skeleton, COLUMN_HOLE);
}

bool
column_take_numbers(NumberedString *numbered, Slice string)
{
	uint32_t kept = 0; /* up to where it is in the skeleton */

	numbered->skeleton.used = 0;
	numbered->count = 0;
	if (string.length > 0 &&
		memchr(string.data, COLUMN_HOLE, string.length) != NULL)
		return false;
	for (uint32_t i = 0;
		 i < string.length && numbered->count < COLUMN_MAX_HOLES;)
	{
		uint32_t run = digits_at(string, i);

		if (run > 0 && run <= COLUMN_MAX_DIGITS)
		{
			bytes_put(&numbered->skeleton, string.data + kept, i - kept);
			add_number(numbered, string.data + i, run);
			kept = i + run;
		}
		i += run > 0 ? run : 1;
	}
	bytes_put(&numbered->skeleton, string.data + kept, string.length - kept);
	return numbered->skeleton.status == CORE_OK;
}

static char *
put_number(char *to, int64_t value, uint32_t width)
{
	char digits[20];
	uint32_t at = sizeof(digits);
	uint64_t rest = (uint64_t) value;

	do
	{
		digits[--at] = (char) ('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	while (sizeof(digits) - at < width)
		digits[--at] = '0';
	memcpy(to, digits + at, sizeof(digits) - at);
	return to + (sizeof(digits) - at);
}

/* The place of a value among those of a hole. */
static uint32_t
rank_in(const Numbers *numbers, uint32_t hole, uint32_t i)
{
	return numbers->ranks[hole] == NULL ? i : numbers->ranks[hole][i];
}

Slice
column_numbered(const Column *column, uint32_t i)
{
	const Numbers *numbers = column->numbers;
	Slice skeleton = column->strings[column->integers[i]];
	const char *at = skeleton.data;
	const char *end = at + skeleton.length;
	char *to = numbers->text;

	for (uint32_t hole = 0; at < end; at++)
	{
		const Column *values = &numbers->holes[hole];

		if (*at != COLUMN_HOLE)
		{
			*to++ = *at;
			continue;
		}
		to = put_number(to,
						column_integer(values, rank_in(numbers, hole, i)),
						numbers->widths[hole]);
		hole++;
	}
	return (Slice){numbers->text, (uint32_t) (to - numbers->text)};
}

static bool
has_numbers(const Column *column, uint32_t i, const NumberedString *wanted)
{
	const Numbers *numbers = column->numbers;

	for (uint32_t hole = 0; hole < wanted->count; hole++)
	{
		if (column_integer(&numbers->holes[hole], rank_in(numbers, hole, i)) !=
			wanted->values[hole])
			return false;
	}
	return true;
}

/* The number of a string in the dictionary; string_count if it is not there. */
static uint32_t
find_string(const Column *column, Slice wanted)
{
	uint32_t number = 0;

	while (number < column->string_count &&
		   !slice_equal(column->strings[number], wanted))
		number++;
	return number;
}

/* Where numbers agree, the digits that they were written with may not. */
static uint32_t
find_numbered(const Column *column, Slice wanted, uint32_t *found)
{
	const NumberedString *numbered = &column->numbers->wanted;
	uint32_t skeleton = find_string(column, bytes_slice(&numbered->skeleton));
	uint32_t count = 0;

	for (uint32_t i = 0; i < column->count; i++)
	{
		if (column->integers[i] == skeleton &&
			has_numbers(column, i, numbered) &&
			slice_equal(column_numbered(column, i), wanted))
			found[count++] = i;
	}
	return count;
}

static uint32_t
find_number(const Column *column, uint32_t number, uint32_t *found)
{
	uint32_t count = 0;

	if (number == column->string_count)
		return 0;
	for (uint32_t i = 0; i < column->count; i++)
	{
		found[count] = i;
		count += column->integers[i] == number;
	}
	return count;
}

uint32_t
column_find(const Column *column, Slice wanted, uint32_t *found)
{
	uint32_t count = 0;

	if (column->numbers != NULL &&
		column_take_numbers(&column->numbers->wanted, wanted))
		return find_numbered(column, wanted, found);
	if (column->numbers == NULL && column->is_dictionary)
		return find_number(column, find_string(column, wanted), found);
	for (uint32_t i = 0; i < column->count; i++)
	{
		if (slice_equal(column_string(column, i), wanted))
			found[count++] = i;
	}
	return count;
}
