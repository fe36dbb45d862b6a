/*
 * Reading a numeric: see numeric_reader.h.
 *
 * The server offers no function for this that is cheap enough to run for every
 * span (numeric_int8 and a multiplication cost twenty times as much), but the
 * layout of a stored numeric is fixed, since it is on disk everywhere: a header
 * word with the sign, then digits to the base 10000, the first of which has
 * the weight given in the header.
 */
#include "postgres.h"

#include "compat.h"
#include "server/numeric_reader.h"

#include "common/int.h"

#define NBASE 10000

/* the digit of 10^12, the highest of a duration that is below 10^13 ms */
#define MAX_WEIGHT 3

#define MAX_MS UINT64CONST(10000000000000)
#define NS_PER_MS 1000000

#define HEADER_SIGN_MASK 0xC000
#define HEADER_NEGATIVE 0x4000
#define HEADER_SHORT 0x8000
#define HEADER_SPECIAL 0xC000
#define SHORT_NEGATIVE 0x2000
#define SHORT_WEIGHT_SIGN 0x0040
#define SHORT_WEIGHT_MASK 0x003F

typedef struct NumericDigits
{
	bool is_negative;
	int weight; /* of the first digit, as a power of NBASE */
	int count;
	const char *digits; /* at no particular alignment */
} NumericDigits;

static uint16
read_word(const char *words, int index)
{
	uint16 word;

	memcpy(&word, words + index * sizeof(word), sizeof(word));
	return word;
}

static bool
read_header(Numeric number, NumericDigits *digits)
{
	const char *words = VARDATA_ANY(number);
	int word_count = VARSIZE_ANY_EXHDR(number) / sizeof(uint16);
	uint16 header = read_word(words, 0);
	int header_words = 1;

	if ((header & HEADER_SIGN_MASK) == HEADER_SPECIAL)
		return false;
	if (header & HEADER_SHORT)
	{
		digits->is_negative = (header & SHORT_NEGATIVE) != 0;
		digits->weight = header & SHORT_WEIGHT_MASK;
		if (header & SHORT_WEIGHT_SIGN)
			digits->weight |= ~SHORT_WEIGHT_MASK;
	}
	else
	{
		digits->is_negative = (header & HEADER_SIGN_MASK) == HEADER_NEGATIVE;
		digits->weight = (int16) read_word(words, 1);
		header_words = 2;
	}
	digits->count = word_count - header_words;
	digits->digits = words + header_words * sizeof(uint16);
	return true;
}

/* The digit of this weight; 0 where none is stored. */
static int
digit_at(const NumericDigits *number, int weight)
{
	int index = number->weight - weight;

	return index >= 0 && index < number->count
			   ? (int16) read_word(number->digits, index)
			   : 0;
}

bool
numeric_ms_to_us(Numeric ms, int64 *us)
{
	NumericDigits number;
	int64 whole = 0;
	int64 result;
	int thousandths;

	if (!read_header(ms, &number))
		return false;
	for (int weight = number.weight; weight >= 0; weight--)
	{
		if (pg_mul_s64_overflow(whole, NBASE, &whole) ||
			pg_add_s64_overflow(whole, digit_at(&number, weight), &whole))
			return false;
	}
	/* four decimals, of which the last only rounds */
	thousandths = (digit_at(&number, -1) + 5) / 10;
	if (pg_mul_s64_overflow(whole, 1000, &result) ||
		pg_add_s64_overflow(result, thousandths, &result))
		return false;
	*us = number.is_negative ? -result : result;
	return true;
}

bool
numeric_ms_to_ns(Numeric ms, Wide *ns)
{
	NumericDigits number;
	uint64 whole = 0;
	uint64 result;

	if (!read_header(ms, &number) ||
		(number.count > 0 && number.weight > MAX_WEIGHT))
		return false;
	for (int weight = number.weight; weight >= 0; weight--)
		whole = whole * NBASE + digit_at(&number, weight);
	if (whole >= MAX_MS)
		return false;
	/* of the second digit after the point the last two places only round */
	result = whole * NS_PER_MS + digit_at(&number, -1) * 100 +
			 (digit_at(&number, -2) + 50) / 100;
	if (result > MAX_MS * NS_PER_MS - 1)
		return false;
	*ns = wide_from_magnitude(result, number.is_negative);
	return true;
}
