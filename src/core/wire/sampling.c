/*
 * Adjusted counts of sampled spans: see sampling.h.
 */
#include "core/wire/sampling.h"

#include <math.h>

#define THRESHOLD_DIGITS 14

/* 2^56, the number of random values */
#define RANDOM_VALUES (UINT64_C(1) << 56)

/* What is before the next separator; *rest goes on behind it. */
static Slice
next_part(Slice *rest, char separator)
{
	const char *end = memchr(rest->data, separator, rest->length);
	Slice part = *rest;

	if (end == NULL)
		*rest = (Slice){rest->data + rest->length, 0};
	else
	{
		part.length = (uint32_t) (end - rest->data);
		*rest = (Slice){end + 1, rest->length - part.length - 1};
	}
	return part;
}

static Slice
trim(Slice text)
{
	while (text.length > 0 && (*text.data == ' ' || *text.data == '\t'))
		text = (Slice){text.data + 1, text.length - 1};
	while (text.length > 0 && (text.data[text.length - 1] == ' ' ||
							   text.data[text.length - 1] == '\t'))
		text.length--;
	return text;
}

static bool
starts_with(Slice text, Slice prefix)
{
	return text.length >= prefix.length &&
		   memcmp(text.data, prefix.data, prefix.length) == 0;
}

/* The value of a hex digit in lower case; -1 for anything else. */
static int
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A threshold, whose missing digits at the end are zeros. */
static bool
read_threshold(Slice text, uint64_t *threshold)
{
	uint64_t value = 0;

	if (text.length == 0 || text.length > THRESHOLD_DIGITS)
		return false;
	for (uint32_t i = 0; i < THRESHOLD_DIGITS; i++)
	{
		int digit = i < text.length ? digit_value(text.data[i]) : 0;

		if (digit < 0)
			return false;
		value = value << 4 | (uint64_t) digit;
	}
	*threshold = value;
	return true;
}

/* The classes of an octave. */
#define CLASSES 16

int16_t
sampling_weight_class(double adjusted_count)
{
	int exponent;
	double mantissa = frexp(adjusted_count, &exponent);

	/* the mantissa is 0.5 or more, and below 1 */
	if (!(adjusted_count > 1))
		return 0;
	return (int16_t) ((exponent - 1) * CLASSES +
					  (int) floor((mantissa * 2 - 1) * CLASSES));
}

double
sampling_adjusted_count(Slice trace_state)
{
	while (trace_state.length > 0)
	{
		Slice member = trim(next_part(&trace_state, ','));

		if (!starts_with(member, SLICE_LITERAL("ot=")))
			continue;
		next_part(&member, '=');
		while (member.length > 0)
		{
			Slice subkey = next_part(&member, ';');
			uint64_t threshold;

			if (starts_with(subkey, SLICE_LITERAL("th:")) &&
				read_threshold((Slice){subkey.data + 3, subkey.length - 3},
							   &threshold))
				return (double) RANDOM_VALUES /
					   (double) (RANDOM_VALUES - threshold);
		}
	}
	return 1;
}
