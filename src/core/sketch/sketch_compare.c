/*
 * Comparing two sketches: see sketch_compare.h.
 *
 * The p-value is that of the two-sample test of Kolmogorov and Smirnov, with
 * the asymptotic distribution and Stephens' correction for few values
 * (M. A. Stephens, Use of the Kolmogorov-Smirnov, Cramer-von Mises and related
 * statistics without extensive tables, 1970).  Values of one bin are not told
 * apart, which can only lessen the distance: the test errs towards seeing no
 * difference.
 */
#include "core/sketch/sketch_compare.h"

#include <math.h>

/* Terms of the series below; they fall faster than any power. */
#define SERIES_TERMS 100

/* Below this the probability is 1 to more than 15 digits, and the series does
 * not converge. */
#define LEAST_ARGUMENT 0.2

/* Kolmogorov's distribution: the probability of more than this. */
static double
kolmogorov_tail(double x)
{
	double sum = 0;
	double sign = 2;

	if (x < LEAST_ARGUMENT)
		return 1;
	for (int i = 1; i <= SERIES_TERMS; i++)
	{
		double term = exp(-2.0 * i * i * x * x);

		sum += sign * term;
		sign = -sign;
		if (term == 0)
			break;
	}
	return sum < 0 ? 0 : sum > 1 ? 1 : sum;
}

static double
probability(double distance, double first_count, double second_count)
{
	double size =
		sqrt(first_count * second_count / (first_count + second_count));

	return kolmogorov_tail((size + 0.12 + 0.11 / size) * distance);
}

/* One of the two, bin by bin.  Counts are at most SKETCH_MAX_COUNT, so that
 * differences of products of two fit a Wide. */
typedef struct Side
{
	SketchCursor cursor;
	SketchBin bin;
	bool has_bin;
	uint64_t count;
	uint64_t below; /* values of the bins that were passed */
} Side;

static Side
begin_side(const Sketch *sketch)
{
	Side side = {0};

	side.count = sketch_read(sketch, &side.cursor).count;
	side.has_bin = sketch_next(&side.cursor, &side.bin);
	return side;
}

/* Passes the bin if it is this one; how many values it has. */
static uint64_t
pass_bin(Side *side, int32_t index)
{
	uint64_t count;

	if (!side->has_bin || side->bin.index != index)
		return 0;
	count = side->bin.count;
	side->below += count;
	side->has_bin = sketch_next(&side->cursor, &side->bin);
	return count;
}

/* The difference of two shares, times both counts. */
static Wide
share_difference(const Side *a, const Side *b)
{
	return wide_subtract(
		wide_multiply(wide_from_magnitude(a->below, false), b->count),
		wide_multiply(wide_from_magnitude(b->below, false), a->count));
}

static int32_t
next_index(const Side *a, const Side *b)
{
	if (!b->has_bin || (a->has_bin && a->bin.index < b->bin.index))
		return a->bin.index;
	return b->bin.index;
}

/* Whole numbers until the end: what is alike differs by 0, not by what
 * rounding leaves. */
SketchDifference
sketch_compare(const Sketch *first, const Sketch *second)
{
	SketchDifference difference = {0, 1, 0};
	Side a = begin_side(first);
	Side b = begin_side(second);
	double pairs = (double) a.count * (double) b.count;
	Wide effect = WIDE_ZERO;

	while (a.has_bin || b.has_bin)
	{
		int32_t index = next_index(&a, &b);
		uint64_t a_below = a.below;
		uint64_t b_here;
		double distance;

		(void) pass_bin(&a, index);
		b_here = pass_bin(&b, index);
		/* of the first: less, minus greater */
		effect = wide_add(
			effect,
			wide_multiply(
				wide_subtract(wide_from_magnitude(a_below, false),
							  wide_from_magnitude(a.count - a.below, false)),
				b_here));
		distance = fabs(wide_to_double(share_difference(&a, &b))) / pairs;
		if (distance > difference.distance)
			difference.distance = distance;
	}
	difference.effect = wide_to_double(effect) / pairs;
	difference.p_value =
		probability(difference.distance, (double) a.count, (double) b.count);
	return difference;
}

bool
sketch_counts_same(const Sketch *a, const Sketch *b)
{
	SketchCursor a_cursor;
	SketchCursor b_cursor;
	SketchTotals a_totals = sketch_read(a, &a_cursor);
	SketchTotals b_totals = sketch_read(b, &b_cursor);
	SketchBin a_bin;
	SketchBin b_bin;

	if (a->alpha != b->alpha || a_totals.count != b_totals.count ||
		wide_compare(a_totals.sum, b_totals.sum) != 0)
		return false;
	while (sketch_next(&a_cursor, &a_bin))
	{
		if (!sketch_next(&b_cursor, &b_bin) || a_bin.index != b_bin.index ||
			a_bin.count != b_bin.count)
			return false;
	}
	return true;
}
