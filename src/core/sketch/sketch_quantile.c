/*
 * What a sketch is asked: quantiles and ranks.  See sketch.h.
 */
#include "core/sketch/sketch.h"

#include <math.h>

/* Which value, from 1, is the quantile: the first that makes up the share. */
static uint64_t
quantile_position(uint64_t count, double q)
{
	double position = ceil(q * (double) count);

	if (position < 1)
		return 1;
	/* a count above 2^53 may round up */
	return position < (double) count ? (uint64_t) position : count;
}

/* Narrows the bounds of an outer bin to where there are values. */
static void
clip(Wide *lowest, Wide *highest, const SketchTotals *totals)
{
	if (wide_compare(*lowest, totals->min) < 0)
		*lowest = totals->min;
	if (wide_compare(*highest, totals->max) > 0)
		*highest = totals->max;
}

double
sketch_quantile(const Sketch *sketch, double q)
{
	SketchCursor cursor;
	SketchTotals totals = sketch_read(sketch, &cursor);
	uint64_t position = quantile_position(totals.count, q);
	uint64_t passed = 0;
	Wide lowest = totals.min;
	Wide highest = totals.max;
	SketchBin bin = {0};

	if (position == 1 && !(sketch->flags & SKETCH_MIN_IS_BOUND))
		return wide_to_double(totals.min);
	if (position == totals.count && !(sketch->flags & SKETCH_MAX_IS_BOUND))
		return wide_to_double(totals.max);
	while (passed < position && sketch_next(&cursor, &bin))
		passed += bin.count;
	(void) sketch_bin_bounds(
		bin.index, sketch->bins_per_octave, &lowest, &highest);
	clip(&lowest, &highest, &totals);
	return sketch_bin_middle(lowest, highest);
}

/* Whether all values of a bin but the greatest are known not to exceed `value`,
 * which lies in it below the greatest: it has no other, or the least alone. */
static bool
is_known_below(const Sketch *sketch, const SketchTotals *totals,
			   const SketchBin *bin)
{
	uint32_t bins_per_octave = sketch->bins_per_octave;
	uint64_t known = 1;

	if ((sketch->flags & SKETCH_MAX_IS_BOUND) ||
		bin->index != sketch_bin_of(totals->max, bins_per_octave))
		return false;
	if (!(sketch->flags & SKETCH_MIN_IS_BOUND) &&
		bin->index == sketch_bin_of(totals->min, bins_per_octave))
		known = 2;
	return bin->count <= known;
}

double
sketch_rank(const Sketch *sketch, Wide value)
{
	SketchCursor cursor;
	SketchTotals totals = sketch_read(sketch, &cursor);
	int32_t index = sketch_bin_of(value, sketch->bins_per_octave);
	uint64_t passed = 0;
	SketchBin bin;

	if (wide_compare(value, totals.min) < 0)
		return 0;
	if (wide_compare(value, totals.max) >= 0)
		return 1;
	while (sketch_next(&cursor, &bin) && bin.index <= index)
	{
		passed += bin.count;
		if (bin.index == index && is_known_below(sketch, &totals, &bin))
			passed--;
	}
	return (double) passed / (double) totals.count;
}
