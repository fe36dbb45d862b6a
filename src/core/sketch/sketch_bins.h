/*
 * Which bin of a sketch a value lies in, and which values lie in a bin.
 *
 * A value is a whole number of nanoseconds between plus and minus
 * SKETCH_MAX_VALUE.  Bins follow the linearly interpolated mapping of DDSketch
 * (Masson, Rim, Lee: DDSketch, VLDB 2019, and its published implementations):
 * each octave, from 2^e up to 2^(e+1), is cut into S bins of equal width.  All
 * of it is integer arithmetic, so that a value has the same bin on every
 * machine, and there is no logarithm.
 *
 *	index 0				the value 0
 *	index 1 + e * S + j		2^e * (1 + j / S) up to 2^e * (1 + (j + 1) / S)
 *	index -i			the negatives of what lies in bin i
 *
 * The guarantee: a bin from l up to u is represented by the harmonic mean of
 * its ends, which is off by at most (u - l) / (u + l) of any value in between,
 * and that is 1 / (2 * S + 2 * j + 1).  So an accuracy alpha needs
 * S >= (1 / alpha - 1) / 2; it is taken greater than that, which leaves room
 * for the one thing that is not exact: where a bin's end, from 2^48 ns
 * onwards, is found from the value's first 48 bits below the highest.
 *
 * With alpha 1 % there are 50 bins an octave (a logarithm would need 35) and
 * 2405 between 1 us and 10 years.
 */
#ifndef CORE_SKETCH_BINS_H
#define CORE_SKETCH_BINS_H

#include "core/base/wide.h"

/* 10^19 - 1 ns: what a numeric(16,3) of milliseconds can hold, 317 years */
#define SKETCH_MAX_VALUE UINT64_C(9999999999999999999)

/* Accuracies are counted in millionths. */
#define SKETCH_ALPHA_UNIT 1000000
#define SKETCH_MIN_ALPHA 100
#define SKETCH_MAX_ALPHA 250000
#define SKETCH_DEFAULT_ALPHA 10000

static inline uint32_t
sketch_bins_per_octave(uint32_t alpha)
{
	return (SKETCH_ALPHA_UNIT - alpha) / (2 * alpha) + 1;
}

/* No bin's index, positive or negative, is larger. */
static inline int32_t
sketch_max_index(uint32_t bins_per_octave)
{
	return (int32_t) (64 * bins_per_octave);
}

/* The bin of a value greater than 0. */
static inline int32_t
sketch_bin_of_magnitude(uint64_t magnitude, uint32_t bins_per_octave)
{
	uint32_t zeros = (uint32_t) __builtin_clzll(magnitude);
	/* what follows the highest bit, as a fraction of 2^48 */
	uint64_t fraction = magnitude << zeros << 1 >> 16;

	return (int32_t) (1 + (63 - zeros) * bins_per_octave +
					  (uint32_t) (fraction * bins_per_octave >> 48));
}

static inline int32_t
sketch_bin_of(Wide value, uint32_t bins_per_octave)
{
	uint64_t magnitude = wide_magnitude(value);
	int32_t index;

	if (magnitude == 0)
		return 0;
	index = sketch_bin_of_magnitude(magnitude, bins_per_octave);
	return value.high < 0 ? -index : index;
}

/* The smallest and the largest value of a bin; false if no value lies in it:
 * among the first nanoseconds there are more bins than values. */
extern bool sketch_bin_bounds(int32_t index, uint32_t bins_per_octave,
							  Wide *lowest, Wide *highest);

/* The value that stands for all between these two of one bin. */
extern double sketch_bin_middle(Wide lowest, Wide highest);

#endif
