/*
 * Whole numbers of 128 bits: see wide.h.
 */
#include "core/base/wide.h"

#include <math.h>
#include <stddef.h>

#define LOW_HALF UINT64_C(0xffffffff)

/* The product of two 64-bit numbers, by four of 32 bits. */
static Wide
multiply_magnitudes(uint64_t a, uint64_t b)
{
	uint64_t low = (a & LOW_HALF) * (b & LOW_HALF);
	uint64_t middle = (a >> 32) * (b & LOW_HALF) + (low >> 32);
	uint64_t other = (a & LOW_HALF) * (b >> 32) + (middle & LOW_HALF);
	uint64_t high = (a >> 32) * (b >> 32) + (middle >> 32) + (other >> 32);

	return (Wide){(int64_t) high, other << 32 | (low & LOW_HALF)};
}

Wide
wide_multiply(Wide value, uint64_t factor)
{
	Wide product = multiply_magnitudes(wide_magnitude(value), factor);

	return value.high < 0 ? wide_negate(product) : product;
}

double
wide_to_double(Wide a)
{
	Wide magnitude = a.high < 0 ? wide_negate(a) : a;
	/* 2^64; the smallest number of all is its own negative */
	double value = (double) (uint64_t) magnitude.high * 18446744073709551616.0 +
				   (double) magnitude.low;

	return a.high < 0 ? -value : value;
}

Wide
wide_from_double(double a)
{
	double magnitude = rint(fabs(a));
	double high = floor(magnitude / 18446744073709551616.0);
	Wide value = {(int64_t) high,
				  (uint64_t) (magnitude - high * 18446744073709551616.0)};

	return a < 0 ? wide_negate(value) : value;
}

/* Divides a number of four digits to the base 2^32, the highest first, by 10
 * and returns the remainder. */
static uint32_t
divide_by_ten(uint32_t digits[4])
{
	uint64_t rest = 0;

	for (int i = 0; i < 4; i++)
	{
		rest = rest << 32 | digits[i];
		digits[i] = (uint32_t) (rest / 10);
		rest %= 10;
	}
	return (uint32_t) rest;
}

void
wide_to_text(Wide a, char text[WIDE_TEXT_SIZE])
{
	Wide magnitude = a.high < 0 ? wide_negate(a) : a;
	uint32_t digits[4] = {(uint32_t) ((uint64_t) magnitude.high >> 32),
						  (uint32_t) magnitude.high,
						  (uint32_t) (magnitude.low >> 32),
						  (uint32_t) magnitude.low};
	char reversed[WIDE_TEXT_SIZE];
	size_t count = 0;

	do
		reversed[count++] = (char) ('0' + divide_by_ten(digits));
	while ((digits[0] | digits[1] | digits[2] | digits[3]) != 0);
	if (a.high < 0)
		reversed[count++] = '-';
	while (count > 0)
		*text++ = reversed[--count];
	*text = '\0';
}

/* a * 10 + digit; false if that exceeds 2^127 - 1. */
static bool
append_digit(Wide *a, unsigned digit)
{
	Wide low = multiply_magnitudes(a->low, 10);

	if (a->high > INT64_MAX / 10)
		return false;
	low = wide_add(low, (Wide){0, digit});
	if (low.high > INT64_MAX - a->high * 10)
		return false;
	*a = (Wide){a->high * 10 + low.high, low.low};
	return true;
}

bool
wide_from_text(const char *text, Wide *a)
{
	bool is_negative = *text == '-';
	Wide value = WIDE_ZERO;

	text += is_negative;
	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++)
	{
		if (*text < '0' || *text > '9' ||
			!append_digit(&value, (unsigned) (*text - '0')))
			return false;
	}
	*a = is_negative ? wide_negate(value) : value;
	return true;
}
