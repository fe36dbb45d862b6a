/*
 * Sketches: the guarantee, against exact sorting; that neither order nor
 * grouping changes a byte; taking out; sizes; and parts that contradict.
 *
 *	sketch_test [seed]
 */
#include "core/sketch/sketch_weigh.h"
#include "sketch_values.h"

#define NS_PER_YEAR UINT64_C(31557600000000000)

static const uint32_t alphas[] = {
	SKETCH_DEFAULT_ALPHA,
	SKETCH_MIN_ALPHA,
	1000,
	8000, /* 1 / (2 * 62 + 1): where S without the "greater" would just do */
	50000,
	SKETCH_MAX_ALPHA,
};

#define ALPHAS (sizeof(alphas) / sizeof(alphas[0]))

static const Sketch *
head(const OpenSketch *sketch)
{
	return &sketch->head;
}

/* The sketch of some values; the test ends where that fails. */
static OpenSketch *
sketch_values(UnitHost *unit, uint32_t alpha, const Values *values)
{
	OpenSketch *sketch = sketch_create(&unit->host, alpha);

	for (size_t i = 0; i < values->count; i++)
	{
		if (sketch_add(&unit->host, &sketch, values->list[i], 1) != SKETCH_OK)
			abort();
	}
	return sketch;
}

static bool
is_same(UnitHost *unit, const Sketch *a, const Sketch *b)
{
	size_t size_a;
	size_t size_b;
	Sketch *packed_a = sketch_pack(&unit->host, a, &size_a);
	Sketch *packed_b = sketch_pack(&unit->host, b, &size_b);

	packed_a->length_word = packed_b->length_word = 0;
	return size_a == size_b && memcmp(packed_a, packed_b, size_a) == 0;
}

/*
 * The bins themselves
 */

/* How far the middle of two values is from them, relative to each. */
static double
largest_error(Wide lowest, Wide highest)
{
	double low = fabs(wide_to_double(lowest));
	double high = fabs(wide_to_double(highest));
	double middle = fabs(sketch_bin_middle(lowest, highest));

	return fmax(fabs(middle - low) / low, fabs(high - middle) / high);
}

/* Every bin there is: each value is in one, and none is too wide. */
static void
test_bins(uint32_t alpha)
{
	uint32_t s = sketch_bins_per_octave(alpha);
	uint64_t expected = 1;
	double error = 0;
	bool joined = true;
	bool found = true;
	bool mirrored = true;
	Wide low;
	Wide high;
	Wide mirror_low;
	Wide mirror_high;

	for (int32_t i = 1; i <= sketch_max_index(s); i++)
	{
		if (!sketch_bin_bounds(i, s, &low, &high))
			continue;
		joined &= low.high == 0 && low.low == expected;
		expected = high.low + 1;
		found &= sketch_bin_of(low, s) == i && sketch_bin_of(high, s) == i;
		error = fmax(error, largest_error(low, high));
		mirrored &= sketch_bin_bounds(-i, s, &mirror_low, &mirror_high) &&
					wide_compare(mirror_low, wide_negate(high)) == 0 &&
					wide_compare(mirror_high, wide_negate(low)) == 0 &&
					sketch_bin_of(mirror_low, s) == -i;
	}
	CHECK(joined, "alpha %u: bins follow one another without a gap", alpha);
	CHECK(
		expected == SKETCH_MAX_VALUE + 1, "alpha %u: and reach the end", alpha);
	CHECK(found, "alpha %u: the ends of a bin lie in it", alpha);
	CHECK(mirrored, "alpha %u: negative bins mirror the others", alpha);
	CHECK(error <= alpha / 1e6,
		  "alpha %u: no bin is wider than that allows (%.9f)",
		  alpha,
		  error);
	CHECK(!sketch_bin_bounds(sketch_max_index(s) + 1, s, &low, &high) &&
			  !sketch_bin_bounds(INT32_MAX, s, &low, &high) &&
			  !sketch_bin_bounds(INT32_MIN, s, &low, &high),
		  "alpha %u: there is no bin beyond",
		  alpha);
}

/* Values at random, between the ends too. */
static void
test_bins_at_random(uint32_t alpha, uint64_t *state)
{
	uint32_t s = sketch_bins_per_octave(alpha);
	bool between = true;
	Wide low;
	Wide high;

	for (int i = 0; i < 100000; i++)
	{
		Wide value = next_any_size(state, i & 1);

		between &= sketch_bin_bounds(sketch_bin_of(value, s), s, &low, &high) &&
				   wide_compare(low, value) <= 0 &&
				   wide_compare(value, high) <= 0;
	}
	CHECK(between, "alpha %u: a value lies between its bin's ends", alpha);
}

/*
 * Quantiles and ranks
 */

/* The largest error, in parts of alpha, of 1001 quantiles; of fewer where each
 * has to pass very many bins. */
static double
quantile_error(const Sketch *sketch, const Values *sorted)
{
	int steps = sketch->alpha < SKETCH_DEFAULT_ALPHA ? 100 : 1000;
	double worst = 0;
	size_t n = sorted->count;

	for (int i = 0; i <= steps; i++)
	{
		double q = (double) i / steps;
		double position = ceil(q * (double) n);
		size_t at = position < 1 ? 0 : (size_t) position - 1;
		double exact = wide_to_double(sorted->list[at < n ? at : n - 1]);
		double off = fabs(sketch_quantile(sketch, q) - exact);

		if (off > 0)
			worst = fmax(worst, off / fabs(exact));
	}
	return worst / (sketch->alpha / 1e6);
}

/* How many values do not exceed this one. */
static size_t
exact_rank(const Values *sorted, Wide value)
{
	size_t low = 0;
	size_t high = sorted->count;

	while (low < high)
	{
		size_t middle = (low + high) / 2;

		if (wide_compare(sorted->list[middle], value) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The rank is the true one at the last value of its bin, or beyond an extreme
 * that is known; and that is near. */
static bool
rank_is_bounded(const Sketch *sketch, const Values *sorted, Wide value)
{
	double alpha = sketch->alpha / 1e6;
	double factor = (1 + alpha) / (1 - alpha) * (1 + 1e-15);
	double x = wide_to_double(value);
	double rank = sketch_rank(sketch, value) * (double) sorted->count;
	Wide lowest;
	Wide highest;

	if (wide_compare(value, sorted->list[0]) < 0)
		return rank == 0;
	(void) sketch_bin_bounds(sketch_bin_of(value, sketch->bins_per_octave),
							 sketch->bins_per_octave,
							 &lowest,
							 &highest);
	return (fabs(rank - (double) exact_rank(sorted, highest)) < 1e-6 ||
			fabs(rank - (double) exact_rank(sorted, value)) < 1e-6) &&
		   wide_to_double(highest) <= fmax(x * factor, x / factor) + 1e-6;
}

static bool
ranks_are_bounded(const Sketch *sketch, const Values *sorted, uint64_t *state)
{
	bool all = true;

	for (int i = 0; i < 200; i++)
	{
		all &= rank_is_bounded(
			sketch, sorted, sorted->list[next_random(state) % sorted->count]);
		all &= rank_is_bounded(sketch, sorted, next_any_size(state, i & 1));
	}
	return all && sketch_rank(sketch, sorted->list[sorted->count - 1]) == 1;
}

static bool
totals_are_exact(const Sketch *sketch, const Values *sorted)
{
	SketchTotals totals = sketch_read(sketch, NULL);
	__int128 sum = 0;

	for (size_t i = 0; i < sorted->count; i++)
		sum += (__int128) ((unsigned __int128) sorted->list[i].high << 64 |
						   sorted->list[i].low);
	return totals.count == sorted->count &&
		   totals.sum.high == (int64_t) (sum >> 64) &&
		   totals.sum.low == (uint64_t) sum &&
		   wide_compare(totals.min, sorted->list[0]) == 0 &&
		   wide_compare(totals.max, sorted->list[sorted->count - 1]) == 0 &&
		   sketch->flags == 0;
}

/* Any number of values of a shape, few and many. */
static void
test_guarantee(int shape, uint32_t alpha, uint64_t seed)
{
	static const size_t counts[] = {1, 2, 3, 4, 7, 60, 1000, 20000};
	double worst = 0;
	bool exact = true;
	bool ranked = true;
	UnitHost unit;
	uint64_t state = seed + (uint64_t) shape;

	unit_host_init(&unit);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
	{
		Values values = make_values(&unit, &state, shape, alpha, counts[i]);
		OpenSketch *sketch = sketch_values(&unit, alpha, &values);
		size_t size;
		Sketch *packed = sketch_pack(&unit.host, head(sketch), &size);

		values_sort(&values);
		worst = fmax(worst, quantile_error(head(sketch), &values));
		worst = fmax(worst, quantile_error(packed, &values));
		exact &= totals_are_exact(packed, &values);
		ranked &= ranks_are_bounded(packed, &values, &state);
		unit_host_release(&unit);
	}
	CHECK(worst <= 1,
		  "alpha %u, values %s: no quantile is off by more (%.4f of it; seed "
		  "%" PRIu64 ")",
		  alpha,
		  shape_names[shape],
		  worst,
		  seed);
	CHECK(exact,
		  "alpha %u, values %s: totals are exact",
		  alpha,
		  shape_names[shape]);
	CHECK(ranked,
		  "alpha %u, values %s: ranks lie within",
		  alpha,
		  shape_names[shape]);
}

/*
 * Order, grouping, weight
 */

/* Random groups, put together in a random tree, packed or open. */
static OpenSketch *
sketch_in_groups(UnitHost *unit, uint32_t alpha, const Values *values,
				 uint64_t *state)
{
	OpenSketch *parts[16];
	size_t left = 16;

	for (size_t i = 0; i < left; i++)
		parts[i] = sketch_create(&unit->host, alpha);
	for (size_t i = 0; i < values->count; i++)
		(void) sketch_add(
			&unit->host, &parts[next_random(state) % left], values->list[i], 1);
	while (left > 1)
	{
		size_t from = next_random(state) % left;
		const Sketch *other = head(parts[from]);
		size_t size;

		if (next_random(state) & 1)
			other = sketch_pack(&unit->host, other, &size);
		parts[from] = parts[--left];
		if (sketch_merge(&unit->host,
						 &parts[next_random(state) % left],
						 other) != SKETCH_OK)
			abort();
	}
	return parts[0];
}

static void
test_order(int shape, uint32_t alpha, uint64_t seed)
{
	uint64_t state = seed + (uint64_t) shape;
	bool shuffled = true;
	bool grouped = true;
	bool reopened = true;
	UnitHost unit;

	unit_host_init(&unit);
	for (int round = 0; round < 20; round++)
	{
		size_t count = next_random(&state) % (round < 15 ? 200 : 3000) + 1;
		Values values = make_values(&unit, &state, shape, alpha, count);
		OpenSketch *sketch = sketch_values(&unit, alpha, &values);
		OpenSketch *other = sketch_in_groups(&unit, alpha, &values, &state);
		size_t size;

		grouped &= is_same(&unit, head(sketch), head(other));
		values_shuffle(&values, &state);
		other = sketch_values(&unit, alpha, &values);
		shuffled &= is_same(&unit, head(sketch), head(other));
		other = sketch_open(&unit.host,
							sketch_pack(&unit.host, head(sketch), &size));
		reopened &= is_same(&unit, head(sketch), head(other));
		unit_host_release(&unit);
	}
	CHECK(shuffled,
		  "values %s: any order gives the same bytes (seed %" PRIu64 ")",
		  shape_names[shape],
		  seed);
	CHECK(grouped, "values %s: and any grouping", shape_names[shape]);
	CHECK(reopened, "values %s: and packing and opening", shape_names[shape]);
}

static void
test_weight(uint64_t seed)
{
	uint64_t state = seed;
	UnitHost unit;
	OpenSketch *once;
	OpenSketch *often;

	unit_host_init(&unit);
	once = sketch_create(&unit.host, SKETCH_DEFAULT_ALPHA);
	often = sketch_create(&unit.host, SKETCH_DEFAULT_ALPHA);
	for (int i = 0; i < 300; i++)
	{
		Wide value = next_any_size(&state, i & 1);
		uint64_t times = next_random(&state) % 50;

		(void) sketch_add(&unit.host, &once, value, times);
		while (times-- > 0)
			(void) sketch_add(&unit.host, &often, value, 1);
	}
	CHECK(is_same(&unit, head(once), head(often)),
		  "a weight is as many values (seed %" PRIu64 ")",
		  seed);
	unit_host_release(&unit);
}

/*
 * Taking out
 */

/* An extreme is what it was, or a bound that is marked and holds. */
static bool
extremes_hold(const Sketch *left, const Values *sorted)
{
	uint32_t s = left->bins_per_octave;
	SketchTotals totals = sketch_read(left, NULL);
	Wide min = sorted->list[0];
	Wide max = sorted->list[sorted->count - 1];
	Wide low;
	Wide high;
	Wide ignored;

	(void) sketch_bin_bounds(sketch_bin_of(min, s), s, &low, &ignored);
	(void) sketch_bin_bounds(sketch_bin_of(max, s), s, &ignored, &high);
	return wide_compare(totals.min,
						left->flags & SKETCH_MIN_IS_BOUND ? low : min) == 0 &&
		   wide_compare(totals.max,
						left->flags & SKETCH_MAX_IS_BOUND ? high : max) == 0;
}

/* The bins, the count and the sum alone. */
static bool
is_same_but_extremes(const Sketch *a, const Sketch *b)
{
	SketchCursor cursor_a;
	SketchCursor cursor_b;
	SketchTotals totals_a = sketch_read(a, &cursor_a);
	SketchTotals totals_b = sketch_read(b, &cursor_b);
	SketchBin bin_a;
	SketchBin bin_b;

	while (sketch_next(&cursor_a, &bin_a))
	{
		if (!sketch_next(&cursor_b, &bin_b) || bin_a.index != bin_b.index ||
			bin_a.count != bin_b.count)
			return false;
	}
	return !sketch_next(&cursor_b, &bin_b) &&
		   totals_a.count == totals_b.count &&
		   wide_compare(totals_a.sum, totals_b.sum) == 0;
}

static void
test_subtract(int shape, uint64_t seed)
{
	uint64_t state = seed + (uint64_t) shape;
	uint32_t alpha = SKETCH_DEFAULT_ALPHA;
	double worst = 0;
	bool same = true;
	bool held = true;
	UnitHost unit;

	unit_host_init(&unit);
	for (int round = 0; round < 30; round++)
	{
		Values kept = make_values(
			&unit, &state, shape, alpha, next_random(&state) % 300 + 1);
		Values taken = make_values(
			&unit, &state, shape, alpha, next_random(&state) % 300 + 1);
		OpenSketch *a = sketch_values(&unit, alpha, &kept);
		OpenSketch *b = sketch_values(&unit, alpha, &taken);
		OpenSketch *both = sketch_open(&unit.host, head(a));

		same &= sketch_merge(&unit.host, &both, head(b)) == SKETCH_OK &&
				sketch_subtract(both, head(b)) == SKETCH_OK;
		same &= is_same_but_extremes(head(a), head(both));
		values_sort(&kept);
		held &= extremes_hold(head(both), &kept);
		worst = fmax(worst, quantile_error(head(both), &kept));
		/* what is left is as good as any other */
		same &= sketch_merge(&unit.host, &both, head(b)) == SKETCH_OK &&
				sketch_subtract(both, head(a)) == SKETCH_OK;
		same &= is_same_but_extremes(head(b), head(both));
		same &= sketch_subtract(both, head(b)) == SKETCH_OK;
		same &=
			is_same(&unit, head(both), head(sketch_create(&unit.host, alpha)));
		unit_host_release(&unit);
	}
	CHECK(same,
		  "values %s: taken out again, nothing is left of them (seed %" PRIu64
		  ")",
		  shape_names[shape],
		  seed);
	CHECK(held, "values %s: and the extremes hold", shape_names[shape]);
	CHECK(worst <= 1, "values %s: and the quantiles", shape_names[shape]);
}

static OpenSketch *
sketch_of(UnitHost *unit, int count, const int64_t *values)
{
	OpenSketch *sketch = sketch_create(&unit->host, SKETCH_DEFAULT_ALPHA);

	for (int i = 0; i < count; i++)
		(void) sketch_add(&unit->host, &sketch, wide_from_int64(values[i]), 1);
	return sketch;
}

#define SKETCH_OF(...)                                                         \
	sketch_of(&unit,                                                           \
			  sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t),              \
			  (int64_t[]){__VA_ARGS__})

/* What subtracting b from a leaves of the flags; or -1 if it is refused. */
static int
flags_left(OpenSketch *a, const OpenSketch *b)
{
	return sketch_subtract(a, &b->head) == SKETCH_OK ? a->head.flags : -1;
}

static void
test_subtract_cases(void)
{
	int min = SKETCH_MIN_IS_BOUND;
	int max = SKETCH_MAX_IS_BOUND;
	UnitHost unit;
	OpenSketch *left;

	unit_host_init(&unit);
	CHECK(flags_left(SKETCH_OF(1000, 2000, 3000), SKETCH_OF(2000)) == 0,
		  "a value between the extremes leaves them known");
	CHECK(flags_left(SKETCH_OF(1000, 2000, 3000), SKETCH_OF(1000)) == min,
		  "the least one does not");
	CHECK(flags_left(SKETCH_OF(1000, 2000, 3000), SKETCH_OF(3000)) == max,
		  "nor does the greatest");
	CHECK(flags_left(SKETCH_OF(1000, 2000, 3000), SKETCH_OF(1000, 3000)) ==
			  (min | max),
		  "nor do both");
	CHECK(flags_left(SKETCH_OF(7), SKETCH_OF(7)) == 0, "nothing is left");
	left = SKETCH_OF(100000, 200000, 200001);
	CHECK(flags_left(left, SKETCH_OF(200001)) == max &&
			  left->max.low == 201850 &&
			  sketch_quantile(&left->head, 1) < 201000,
		  "a greatest value that is only a bound is no quantile");
	(void) sketch_merge(&unit.host, &left, head(SKETCH_OF(201850)));
	CHECK(left->head.flags == 0, "a value at the bound makes it known");
	CHECK(flags_left(SKETCH_OF(10, 20, 30), SKETCH_OF(20, 20)) == -1,
		  "a bin cannot give more than it has");
	CHECK(flags_left(SKETCH_OF(1000), SKETCH_OF(2000)) == -1,
		  "what is not there cannot be taken out");
	CHECK(flags_left(SKETCH_OF(1000, 1000), SKETCH_OF(1000, 1000, 1000)) == -1,
		  "nor what is not there so often");
	CHECK(flags_left(SKETCH_OF(100000, 150000, 200000), SKETCH_OF(200001)) ==
			  -1,
		  "nor another value of the same bin, beyond the greatest");
	CHECK(flags_left(SKETCH_OF(100001, 150000, 200000), SKETCH_OF(100000)) ==
			  -1,
		  "or below the least");
	CHECK(flags_left(SKETCH_OF(100000, 200001), SKETCH_OF(200000)) == -1,
		  "or one whose bin then holds no greatest value");
	CHECK(flags_left(SKETCH_OF(100001), SKETCH_OF(100000)) == -1,
		  "or one that leaves a sum of no values");
	CHECK(flags_left(SKETCH_OF(5), SKETCH_OF(5)) == 0 &&
			  flags_left(sketch_create(&unit.host, SKETCH_DEFAULT_ALPHA),
						 SKETCH_OF(5)) == -1,
		  "nothing can be taken out of nothing");
	unit_host_release(&unit);
}

/* Bounds stay marked in what they are merged into, unless they are within it
 * or one of its values. */
static void
test_merge_bounds(void)
{
	int both = SKETCH_FLAGS;
	UnitHost unit;
	OpenSketch *bounds;
	OpenSketch *into;

	unit_host_init(&unit);
	/* of 100000 its bin is left: 99615 to 100925 */
	bounds = SKETCH_OF(100000, 100000);
	CHECK(flags_left(bounds, SKETCH_OF(100000)) == both, "bounds are marked");
	into = SKETCH_OF(99615, 100925);
	(void) sketch_merge(&unit.host, &into, head(bounds));
	CHECK(into->head.flags == 0, "bounds beside values equal to them are none");
	into = SKETCH_OF(5, 500000);
	(void) sketch_merge(&unit.host, &into, head(bounds));
	CHECK(into->head.flags == 0, "nor are bounds within");
	into = SKETCH_OF(99616, 100924);
	(void) sketch_merge(&unit.host, &into, head(bounds));
	CHECK(into->head.flags == both && into->min.low == 99615 &&
			  into->max.low == 100925,
		  "bounds beyond the values stay bounds");
	into = sketch_create(&unit.host, SKETCH_DEFAULT_ALPHA);
	(void) sketch_merge(&unit.host, &into, head(bounds));
	CHECK(is_same(&unit, head(into), head(bounds)), "and so with no values");
	unit_host_release(&unit);
}

static double
rank_of(const OpenSketch *sketch, int64_t value)
{
	return sketch_rank(&sketch->head, wide_from_int64(value));
}

static OpenSketch *
weigh(UnitHost *unit, const OpenSketch *a, double a_weight, const OpenSketch *b,
	  double b_weight)
{
	WeightedPart parts[2] = {{&a->head, a_weight}, {&b->head, b_weight}};
	OpenSketch *weighted = NULL;

	(void) sketch_weigh(&unit->host, SKETCH_DEFAULT_ALPHA, parts, 2, &weighted);
	return weighted;
}

static void
test_weights(void)
{
	UnitHost unit;
	OpenSketch *one;
	OpenSketch *other;
	OpenSketch *weighted;
	OpenSketch *read_back;
	SketchTotals totals;
	SketchCursor cursor;
	SketchBin bins[16];
	uint32_t count = 0;

	unit_host_init(&unit);
	one = SKETCH_OF(1000, 1000, 3000);
	other = SKETCH_OF(10, 20);
	weighted = weigh(&unit, one, 1, other, 16);
	CHECK(weighted->count == 35 && wide_to_double(weighted->sum) == 5480 &&
			  wide_to_double(weighted->min) == 10 &&
			  wide_to_double(weighted->max) == 3000,
		  "whole weights are counted");
	CHECK(sketch_quantile(head(weighted), 0.5) < 21 &&
			  sketch_quantile(head(weighted), 0.95) > 980,
		  "and decide about quantiles");
	weighted = weigh(&unit, one, 1.5, other, 0.1);
	CHECK(fabs(wide_to_double(weighted->sum) / (double) weighted->count -
			   7503.0 / 4.7) < 1e-6,
		  "others keep their proportions");
	weighted = weigh(&unit, one, 1, other, 72057594037927936.0);
	CHECK(rank_of(weighted, 20) < 1 && rank_of(weighted, 20) > 1 - 1e-12,
		  "a value of no weight is still there");
	totals = sketch_read(&weighted->head, &cursor);
	while (sketch_next(&cursor, &bins[count]))
		count++;
	CHECK(sketch_from_parts(&unit.host,
							SKETCH_DEFAULT_ALPHA,
							0,
							&totals,
							bins,
							count,
							&read_back) == SKETCH_OK,
		  "a weighted sketch can be stored");
	unit_host_release(&unit);
}

static void
test_rank_cases(void)
{
	UnitHost unit;
	OpenSketch *sketch;

	unit_host_init(&unit);
	sketch = SKETCH_OF(99700, 99900, 100100, 100900);
	CHECK(rank_of(sketch, 99699) == 0, "below the least value is none");
	CHECK(rank_of(sketch, 99700) == 1, "what shares its bin counts too");
	CHECK(rank_of(sketch, 99000) == 0, "though not below the least");
	CHECK(rank_of(sketch, 100900) == 1 && rank_of(sketch, 200000) == 1,
		  "the greatest is the last");
	sketch = SKETCH_OF(10000000, 20000000, 20000000, 20000000, 30000000);
	CHECK(rank_of(sketch, 20000000) == 0.8, "ties are not taken apart");
	CHECK(rank_of(sketch, 19000000) == 0.2 && rank_of(sketch, 21000000) == 0.8,
		  "nor counted where they are not near");
	unit_host_release(&unit);
}

static void
test_weight_of_none(void)
{
	UnitHost unit;
	OpenSketch *sketch;

	unit_host_init(&unit);
	sketch = SKETCH_OF(5);
	(void) sketch_add(&unit.host, &sketch, wide_from_int64(1), 0);
	(void) sketch_add(&unit.host, &sketch, wide_from_int64(9), 0);
	CHECK(is_same(&unit, head(sketch), head(SKETCH_OF(5))),
		  "a weight of 0 is no value");
	unit_host_release(&unit);
}

/*
 * Limits
 */

static void
test_limits(void)
{
	UnitHost unit;
	OpenSketch *sketch;
	OpenSketch *other;
	Wide most = wide_from_magnitude(SKETCH_MAX_VALUE, false);
	char text[WIDE_TEXT_SIZE];

	unit_host_init(&unit);
	sketch = sketch_create(&unit.host, SKETCH_DEFAULT_ALPHA);
	CHECK(sketch_add(&unit.host, &sketch, most, SKETCH_MAX_COUNT) == SKETCH_OK,
		  "the greatest value as often as can be");
	wide_to_text(sketch->sum, text);
	CHECK(strcmp(text, "92233720368547758060776627963145224193") == 0,
		  "its sum is exact: %s",
		  text);
	CHECK(sketch_quantile(head(sketch), 0.5) == 1e19, "and so its median");
	CHECK(sketch_add(&unit.host, &sketch, most, 1) == SKETCH_TOO_MANY,
		  "and not once more");
	CHECK(sketch_merge(&unit.host, &sketch, head(SKETCH_OF(1))) ==
			  SKETCH_TOO_MANY,
		  "nor another sketch");
	other = sketch_create(&unit.host, SKETCH_DEFAULT_ALPHA);
	(void) sketch_add(&unit.host, &other, wide_negate(most), SKETCH_MAX_COUNT);
	wide_to_text(other->sum, text);
	CHECK(strcmp(text, "-92233720368547758060776627963145224193") == 0,
		  "nor is the sum of the least rounded: %s",
		  text);
	other = sketch_create(&unit.host, SKETCH_DEFAULT_ALPHA + 1);
	CHECK(sketch_merge(&unit.host, &other, head(sketch)) ==
				  SKETCH_ALPHA_DIFFERS &&
			  sketch_subtract(other, head(sketch)) == SKETCH_ALPHA_DIFFERS,
		  "two accuracies do not mix");
	unit_host_release(&unit);
}

static size_t
packed_size(UnitHost *unit, const OpenSketch *sketch)
{
	size_t size;

	(void) sketch_pack(&unit->host, &sketch->head, &size);
	return size;
}

static void
test_sizes(uint64_t seed)
{
	uint32_t s = sketch_bins_per_octave(SKETCH_DEFAULT_ALPHA);
	uint64_t state = seed;
	UnitHost unit;
	OpenSketch *sketch;
	Values values;

	unit_host_init(&unit);
	CHECK(packed_size(&unit, SKETCH_OF(12345000)) <= 32,
		  "one value takes %zu bytes",
		  packed_size(&unit, SKETCH_OF(12345000)));
	values =
		make_values(&unit, &state, SHAPE_LOG_NORMAL, SKETCH_DEFAULT_ALPHA, 10);
	sketch = sketch_values(&unit, SKETCH_DEFAULT_ALPHA, &values);
	CHECK(packed_size(&unit, sketch) <= 80 && sketch_open_size(sketch) <= 512,
		  "ten take %zu, open %zu",
		  packed_size(&unit, sketch),
		  sketch_open_size(sketch));
	values = make_values(
		&unit, &state, SHAPE_LOG_NORMAL, SKETCH_DEFAULT_ALPHA, 100000);
	sketch = sketch_values(&unit, SKETCH_DEFAULT_ALPHA, &values);
	CHECK(packed_size(&unit, sketch) <= 2048 &&
			  sketch_open_size(sketch) <= 8192,
		  "100 000 of log-normal ones %zu, open %zu",
		  packed_size(&unit, sketch),
		  sketch_open_size(sketch));
	sketch = sketch_create(&unit.host, SKETCH_DEFAULT_ALPHA);
	for (uint64_t v = 1000; v < 10 * NS_PER_YEAR; v += v / s + 1)
		(void) sketch_add(
			&unit.host, &sketch, wide_from_magnitude(v, false), 1000000);
	CHECK(sketch_open_size(sketch) < 32768,
		  "all bins from 1 us to 10 years %zu, open %zu",
		  packed_size(&unit, sketch),
		  sketch_open_size(sketch));
	for (int32_t i = -sketch_max_index(s); i <= sketch_max_index(s); i++)
	{
		Wide low;
		Wide high;

		if (sketch_bin_bounds(i, s, &low, &high))
			(void) sketch_add(&unit.host, &sketch, low, 1);
	}
	CHECK(sketch_open_size(sketch) < 65536,
		  "all bins there are %zu, open %zu",
		  packed_size(&unit, sketch),
		  sketch_open_size(sketch));
	unit_host_release(&unit);
}

/* A sketch grows by a factor, not by a step. */
static void
test_growth(uint64_t seed)
{
	uint64_t state = seed;
	UnitHost unit;
	OpenSketch *sketch;

	unit_host_init(&unit);
	sketch = sketch_create(&unit.host, SKETCH_MIN_ALPHA);
	for (uint64_t v = 1000000; v < 2000000; v += 50)
		(void) sketch_add(
			&unit.host, &sketch, wide_from_magnitude(v, false), 1);
	CHECK(
		unit.allocations < 60, "upwards it grows %ld times", unit.allocations);
	for (uint64_t v = 1000000; v > 500000; v -= 25)
		(void) sketch_add(
			&unit.host, &sketch, wide_from_magnitude(v, false), 1);
	CHECK(unit.allocations < 90, "and downwards, %ld in all", unit.allocations);
	unit_host_release(&unit);
	sketch = sketch_create(&unit.host, SKETCH_MIN_ALPHA);
	for (int i = 0; i < 3000; i++)
		(void) sketch_add(&unit.host, &sketch, next_any_size(&state, i & 1), 1);
	CHECK(sketch->head.form == SKETCH_SPARSE,
		  "few values far apart stay sparse");
	unit_host_release(&unit);
}

static void
test_no_memory(void)
{
	bool refused = true;
	UnitHost unit;

	unit_host_init(&unit);
	for (long left = 0; left < 7; left++)
	{
		SketchStatus status = SKETCH_OK;
		OpenSketch *sketch;

		unit.allocations_left = left;
		sketch = sketch_create(&unit.host, SKETCH_DEFAULT_ALPHA);
		for (int64_t v = 1; sketch != NULL && status == SKETCH_OK; v *= 2)
		{
			if (v > INT64_C(1) << 60)
				break;
			for (int64_t i = 1; i < 50 && status == SKETCH_OK; i++)
				status = sketch_add(
					&unit.host, &sketch, wide_from_int64(v + v / 50 * i), 1);
		}
		refused &= sketch == NULL || status == SKETCH_NO_MEMORY;
		unit_host_release(&unit);
	}
	CHECK(refused, "without memory it says so");
}

/*
 * Parts from outside
 */

typedef struct Parts
{
	const char *name;
	SketchStatus expected;
	uint32_t alpha;
	uint32_t flags;
	int64_t sum;
	int64_t min;
	int64_t max;
	uint32_t count;
	SketchBin bins[3];
} Parts;

#define NO SKETCH_INCONSISTENT
#define BIN_100000 (1 + 16 * 50 + 26) /* 65536 * 1.52: 99615 to 100925 */
#define BIN_200000 (BIN_100000 + 50)
#define BOTH SKETCH_FLAGS

/* clang-format off */
static const Parts cases[] = {
	{"no values", SKETCH_OK, 10000, 0, 0, 0, 0, 0, {{0}}},
	{"a sum of no values", NO, 10000, 0, 1, 0, 0, 0, {{0}}},
	{"extremes of no values", NO, 10000, 0, 0, 1, 1, 0, {{0}}},
	{"flags of no values", NO, 10000, 1, 0, 0, 0, 0, {{0}}},
	{"an accuracy of 0", NO, 0, 0, 0, 0, 0, 0, {{0}}},
	{"too high an accuracy", NO, 99, 0, 0, 0, 0, 0, {{0}}},
	{"too low an accuracy", NO, 250001, 0, 0, 0, 0, 0, {{0}}},
	{"an unknown flag", NO, 10000, 4, 0, 0, 0, 1, {{1, 0, 0}}},
	{"zero", SKETCH_OK, 10000, 0, 0, 0, 0, 1, {{1, 0, 0}}},
	{"two bins", SKETCH_OK, 10000, 0, 300000, 100000, 200000, 2, {{1, BIN_100000, 0}, {1, BIN_200000, 0}}},
	{"two bins in the wrong order", NO, 10000, 0, 300000, 100000, 200000, 2, {{1, BIN_200000, 0}, {1, BIN_100000, 0}}},
	{"a bin twice", NO, 10000, 0, 200000, 100000, 100000, 2, {{1, BIN_100000, 0}, {1, BIN_100000, 0}}},
	{"an empty bin", NO, 10000, 0, 100000, 100000, 100000, 2, {{1, BIN_100000, 0}, {0, BIN_200000, 0}}},
	{"a negative count", NO, 10000, 0, 100000, 100000, 100000, 1, {{UINT64_MAX, BIN_100000, 0}}},
	{"counts that overflow", NO, 10000, 0, 300000, 100000, 200000, 2, {{INT64_MAX, BIN_100000, 0}, {1, BIN_200000, 0}}},
	{"a bin beyond the last", NO, 10000, 0, 0, 0, 0, 1, {{1, 3201, 0}}},
	{"the greatest index", NO, 10000, 0, 0, 0, 0, 1, {{1, INT32_MAX, 0}}},
	{"the least index", NO, 10000, 0, 0, 0, 0, 1, {{1, INT32_MIN, 0}}},
	{"a bin beyond the greatest value", NO, 10000, 0, 0, 0, 0, 1, {{1, 3200, 0}}},
	{"a bin between two nanoseconds", NO, 10000, 0, 1, 1, 1, 1, {{1, 2, 0}}},
	{"a minimum in no bin", NO, 10000, 0, 100000, 99000, 100000, 1, {{1, BIN_100000, 0}}},
	{"a maximum in no bin", NO, 10000, 0, 100000, 100000, 101000, 1, {{1, BIN_100000, 0}}},
	{"a minimum above the maximum", NO, 10000, 0, 100000, 100001, 100000, 1, {{1, BIN_100000, 0}}},
	{"a sum below what the minimum allows", NO, 10000, 0, 199999, 100000, 100001, 1, {{2, BIN_100000, 0}}},
	{"a sum above what the maximum allows", NO, 10000, 0, 200003, 100000, 100001, 1, {{2, BIN_100000, 0}}},
	{"a sum of the other sign", NO, 10000, 0, -200000, 100000, 100001, 1, {{2, BIN_100000, 0}}},
	{"bounds", SKETCH_OK, 10000, BOTH, 100000, 99615, 100925, 1, {{1, BIN_100000, 0}}},
	{"a lower bound inside of the bin", NO, 10000, BOTH, 100000, 99616, 100925, 1, {{1, BIN_100000, 0}}},
	{"an upper bound inside of the bin", NO, 10000, BOTH, 100000, 99615, 100924, 1, {{1, BIN_100000, 0}}},
};
/* clang-format on */

static void
test_parts(void)
{
	UnitHost unit;

	unit_host_init(&unit);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const Parts *p = &cases[i];
		SketchTotals totals = {
			.sum = wide_from_int64(p->sum),
			.min = wide_from_int64(p->min),
			.max = wide_from_int64(p->max),
		};
		OpenSketch *sketch;
		SketchStatus status = sketch_from_parts(&unit.host,
												p->alpha,
												p->flags,
												&totals,
												p->bins,
												p->count,
												&sketch);

		CHECK(status == p->expected, "parts: %s", p->name);
	}
	unit_host_release(&unit);
}

/* The parts of a sketch are those of no other. */
static void
test_parts_of_sketches(int shape, uint64_t seed)
{
	uint64_t state = seed + (uint64_t) shape;
	bool same = true;
	UnitHost unit;

	unit_host_init(&unit);
	for (size_t count = 1; count < 1000; count = count * 3 + 1)
	{
		Values values =
			make_values(&unit, &state, shape, SKETCH_DEFAULT_ALPHA, count);
		OpenSketch *sketch =
			sketch_values(&unit, SKETCH_DEFAULT_ALPHA, &values);
		SketchBin *bins = unit_allocate(&unit.host, count * sizeof(SketchBin));
		SketchCursor cursor;
		SketchTotals totals = sketch_read(head(sketch), &cursor);
		OpenSketch *again;
		uint32_t n = 0;

		while (sketch_next(&cursor, &bins[n]))
			n++;
		same &= n == sketch_bin_count(head(sketch)) &&
				sketch_from_parts(&unit.host,
								  SKETCH_DEFAULT_ALPHA,
								  0,
								  &totals,
								  bins,
								  n,
								  &again) == SKETCH_OK &&
				is_same(&unit, head(sketch), head(again));
		unit_host_release(&unit);
	}
	CHECK(same, "values %s: parts make the same sketch", shape_names[shape]);
}

/*
 * The numbers of 128 bits
 */

static __int128
to_int128(Wide a)
{
	return (__int128) ((unsigned __int128) a.high << 64 | a.low);
}

static bool
text_is_right(Wide a)
{
	char text[WIDE_TEXT_SIZE];
	__int128 value = to_int128(a);
	__int128 read = 0;
	Wide again = WIDE_ZERO;
	const char *at = text;

	wide_to_text(a, text);
	for (at += *at == '-'; *at != '\0'; at++)
		read = read * 10 + (*text == '-' ? '0' - *at : *at - '0');
	return read == value && (text[0] == '0') == (value == 0) &&
		   wide_from_text(text, &again) && wide_compare(a, again) == 0;
}

static void
test_wide(uint64_t seed)
{
	uint64_t state = seed;
	bool added = true;
	bool compared = true;
	bool multiplied = true;
	bool written = true;
	bool converted = true;

	for (int i = 0; i < 20000; i++)
	{
		uint32_t shift = (uint32_t) (next_random(&state) % 64);
		Wide a = {(int64_t) next_random(&state) >> (1 + shift % 63),
				  next_random(&state) >> shift};
		Wide b = {(int64_t) next_random(&state) >> 1, next_random(&state)};
		Wide value = wide_from_magnitude(next_random(&state) >> shift, i & 1);
		uint64_t factor = next_random(&state) >> 1;
		double difference = fabs(wide_to_double(a) - (double) to_int128(a));

		b.high >>= next_random(&state) % 63;
		added &= to_int128(wide_add(a, b)) ==
					 (__int128) ((unsigned __int128) to_int128(a) +
								 (unsigned __int128) to_int128(b)) &&
				 to_int128(wide_subtract(a, b)) ==
					 (__int128) ((unsigned __int128) to_int128(a) -
								 (unsigned __int128) to_int128(b));
		compared &= wide_compare(a, b) == (to_int128(a) > to_int128(b)) -
											  (to_int128(a) < to_int128(b));
		multiplied &= to_int128(wide_multiply(value, factor)) ==
					  to_int128(value) * (__int128) factor;
		written &= text_is_right(a) && text_is_right(wide_negate(a));
		converted &= difference <= 3e-16 * fabs((double) to_int128(a));
	}
	CHECK(added, "wide: adds and subtracts (seed %" PRIu64 ")", seed);
	CHECK(compared, "wide: compares");
	CHECK(multiplied, "wide: multiplies");
	CHECK(written, "wide: writes and reads");
	CHECK(converted, "wide: converts");
}

static void
test_wide_text(void)
{
	static const char *const refused[] = {
		"",
		"-",
		"+1",
		" 1",
		"1 ",
		"1.0",
		"1e3",
		"--1",
		"0x1",
		"170141183460469231731687303715884105728",
		"1701411834604692317316873037158841057270",
		"99999999999999999999999999999999999999999999",
	};
	bool none = true;
	Wide value;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		none &= !wide_from_text(refused[i], &value);
	CHECK(none, "wide: refuses what is no number, or too large");
	CHECK(wide_from_text("170141183460469231731687303715884105727", &value) &&
			  value.high == INT64_MAX && value.low == UINT64_MAX,
		  "wide: reads the largest");
}

int
main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 42;

	test_wide(seed);
	test_wide_text();
	for (size_t i = 0; i < ALPHAS; i++)
	{
		test_bins(alphas[i]);
		test_bins_at_random(alphas[i], &(uint64_t){seed});
	}
	for (int shape = 0; shape < SHAPE_COUNT; shape++)
	{
		for (size_t i = 0; i < ALPHAS; i++)
			test_guarantee(shape, alphas[i], seed);
		test_order(shape, SKETCH_DEFAULT_ALPHA, seed);
		test_subtract(shape, seed);
		test_parts_of_sketches(shape, seed);
	}
	test_weight(seed);
	test_weight_of_none();
	test_subtract_cases();
	test_merge_bounds();
	test_rank_cases();
	test_weights();
	test_limits();
	test_sizes(seed);
	test_growth(seed);
	test_no_memory();
	test_parts();
	return unit_done();
}
