/*
 * Whole numbers of 128 bits: sums of nanoseconds that no order of adding can
 * change.
 *
 * Written out in halves, since not every compiler has such a type and none
 * lets it lie at an address divisible by 8 alone.
 */
#ifndef CORE_WIDE_H
#define CORE_WIDE_H

#include <stdbool.h>
#include <stdint.h>

/* high * 2^64 + low, two's complement */
typedef struct Wide
{
	int64_t high;
	uint64_t low;
} Wide;

#define WIDE_ZERO ((Wide){0, 0})

static inline Wide
wide_negate(Wide a)
{
	uint64_t high = ~(uint64_t) a.high + (a.low == 0);

	return (Wide){(int64_t) high, -a.low};
}

/* `magnitude`, or minus that. */
static inline Wide
wide_from_magnitude(uint64_t magnitude, bool is_negative)
{
	Wide value = {0, magnitude};

	return is_negative ? wide_negate(value) : value;
}

static inline Wide
wide_from_int64(int64_t a)
{
	return (Wide){a < 0 ? -1 : 0, (uint64_t) a};
}

/* Wraps around where the sum does not fit. */
static inline Wide
wide_add(Wide a, Wide b)
{
	uint64_t low = a.low + b.low;
	uint64_t high = (uint64_t) a.high + (uint64_t) b.high + (low < a.low);

	return (Wide){(int64_t) high, low};
}

static inline Wide
wide_subtract(Wide a, Wide b)
{
	return wide_add(a, wide_negate(b));
}

/* Less than, equal to, or greater than 0, as a is less than, ... b. */
static inline int
wide_compare(Wide a, Wide b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	return (a.low > b.low) - (a.low < b.low);
}

/* The absolute value of a number between -2^64 and 2^64. */
static inline uint64_t
wide_magnitude(Wide a)
{
	return a.high < 0 ? -a.low : a.low;
}

/* value * factor, for a value between -2^64 and 2^64 and a product that fits. */
extern Wide wide_multiply(Wide value, uint64_t factor);

/* The nearest double, give or take one in its last place. */
extern double wide_to_double(Wide a);

/* The whole number nearest to a double between -2^126 and 2^126. */
extern Wide wide_from_double(double a);

/* room for any as decimal text, with its sign and a NUL */
#define WIDE_TEXT_SIZE 41

extern void wide_to_text(Wide a, char text[WIDE_TEXT_SIZE]);

/* Reads an optional minus sign and decimal digits, nothing else; false if the
 * text is not that or the number does not fit. */
extern bool wide_from_text(const char *text, Wide *a);

#endif
