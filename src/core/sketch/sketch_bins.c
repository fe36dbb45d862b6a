/*
 * The ends of a sketch's bins: see sketch_bins.h.
 */
#include "core/sketch/sketch_bins.h"

/* of the fraction that decides about a value's bin */
#define FRACTION_BITS 48

/* The smallest value of a bin, or of the next one that has any. */
static uint64_t
first_value(uint32_t index, uint32_t bins_per_octave)
{
	uint32_t octave = (index - 1) / bins_per_octave;
	uint64_t part = (index - 1) % bins_per_octave;
	uint32_t bits = octave < FRACTION_BITS ? octave : FRACTION_BITS;
	uint64_t offset = ((part << bits) + bins_per_octave - 1) / bins_per_octave;

	return ((UINT64_C(1) << bits) + offset) << (octave - bits);
}

bool
sketch_bin_bounds(int32_t index, uint32_t bins_per_octave, Wide *lowest,
				  Wide *highest)
{
	int32_t largest = sketch_max_index(bins_per_octave);
	uint64_t first = 0;
	uint64_t last = 0;

	if (index < -largest || index > largest)
		return false;
	if (index != 0)
	{
		uint32_t positive = (uint32_t) (index < 0 ? -index : index);

		first = first_value(positive, bins_per_octave);
		last = SKETCH_MAX_VALUE;
		if (positive < (uint32_t) largest)
			last = first_value(positive + 1, bins_per_octave) - 1;
		if (last > SKETCH_MAX_VALUE)
			last = SKETCH_MAX_VALUE;
	}
	*lowest = wide_from_magnitude(index < 0 ? last : first, index < 0);
	*highest = wide_from_magnitude(index < 0 ? first : last, index < 0);
	return first <= last;
}

double
sketch_bin_middle(Wide lowest, Wide highest)
{
	double low = wide_to_double(lowest);
	double high = wide_to_double(highest);
	double middle;

	/* either both are 0, or neither is */
	if (low == high)
		return low;
	middle = 2 * low * (high / (low + high));
	/* of doubles next to each other, rounding may give the next but one */
	return middle < low ? low : middle > high ? high : middle;
}
