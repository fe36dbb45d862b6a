/*
 * Lists of values for tests of sketches, in the distributions that latencies
 * have and in those that break sketches, and what is exactly true of them.
 */
#ifndef SKETCH_VALUES_H
#define SKETCH_VALUES_H

#include <math.h>

#include "core/sketch/sketch.h"
#include "unit.h"

typedef struct Values
{
	Wide *list;
	size_t count;
} Values;

/* splitmix64 (Steele, Lea, Flood, OOPSLA 2014) */
static inline uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* between 0 and 1, neither of them */
static inline double
next_share(uint64_t *state)
{
	return ((double) (next_random(state) >> 12) + 0.5) / 4503599627370496.0;
}

static inline double
next_normal(uint64_t *state)
{
	double radius = sqrt(-2 * log(next_share(state)));

	return radius * cos(6.283185307179586 * next_share(state));
}

enum
{
	SHAPE_LOG_NORMAL,
	SHAPE_HEAVY_TAIL,
	SHAPE_BIMODAL,
	SHAPE_CONSTANT,
	SHAPE_SMALL,	/* a few ns, 0 among them */
	SHAPE_ANY_SIZE, /* each octave as likely, from 1 ns to 317 years */
	SHAPE_BIN_ENDS, /* the first and last values of bins */
	SHAPE_SIGNED,	/* each octave, and both signs */
	SHAPE_ONE_FAR,	/* all alike but one, a billion times as large */
	SHAPE_COUNT,
};

static const char *const shape_names[SHAPE_COUNT] = {
	"log-normal",
	"heavy-tailed",
	"bimodal",
	"constant",
	"nanoseconds",
	"any size",
	"at the ends of bins",
	"of both signs",
	"with one far away",
};

static inline Wide
value_from_double(double value)
{
	double most = 9.9e18;

	return wide_from_magnitude((uint64_t) fmin(fabs(value), most), value < 0);
}

static inline Wide
next_any_size(uint64_t *state, bool is_negative)
{
	uint64_t value = next_random(state) >> next_random(state) % 64;

	return wide_from_magnitude(value % SKETCH_MAX_VALUE + 1, is_negative);
}

static inline Wide
next_bin_end(uint64_t *state, uint32_t bins_per_octave)
{
	uint32_t bins = 63 * bins_per_octave;
	Wide lowest;
	Wide highest;

	while (!sketch_bin_bounds((int32_t) (next_random(state) % bins),
							  bins_per_octave,
							  &lowest,
							  &highest))
		;
	return next_random(state) & 1 ? lowest : highest;
}

static inline Wide
next_value(uint64_t *state, int shape, uint32_t alpha)
{
	switch (shape)
	{
		case SHAPE_LOG_NORMAL:
			return value_from_double(exp(16 + 1.5 * next_normal(state)));
		case SHAPE_HEAVY_TAIL:
			return value_from_double(1e3 / pow(next_share(state), 2.5));
		case SHAPE_BIMODAL:
			return value_from_double((next_random(state) & 1 ? 2e6 : 7e9) *
									 (1 + 0.1 * next_normal(state)));
		case SHAPE_CONSTANT:
			return wide_from_int64(123457);
		case SHAPE_SMALL:
			return wide_from_int64((int64_t) (next_random(state) % 90) - 3);
		case SHAPE_ANY_SIZE:
			return next_any_size(state, false);
		case SHAPE_BIN_ENDS:
			return next_bin_end(state, sketch_bins_per_octave(alpha));
		case SHAPE_SIGNED:
			return next_any_size(state, next_random(state) & 1);
		default:
			return wide_from_int64(next_random(state) % 1000 ? 3000
															 : 3000000000000);
	}
}

static inline int
compare_values(const void *a, const void *b)
{
	return wide_compare(*(const Wide *) a, *(const Wide *) b);
}

static inline void
values_sort(Values *values)
{
	qsort(values->list, values->count, sizeof(Wide), compare_values);
}

static inline void
values_shuffle(Values *values, uint64_t *state)
{
	for (size_t i = values->count; i > 1; i--)
	{
		size_t other = next_random(state) % i;
		Wide swapped = values->list[i - 1];

		values->list[i - 1] = values->list[other];
		values->list[other] = swapped;
	}
}

/* Values of one shape, in the host's memory. */
static inline Values
make_values(UnitHost *unit, uint64_t *state, int shape, uint32_t alpha,
			size_t count)
{
	Values values = {unit_allocate(&unit->host, count * sizeof(Wide)), count};

	for (size_t i = 0; i < count; i++)
		values.list[i] = next_value(state, shape, alpha);
	return values;
}

#endif
