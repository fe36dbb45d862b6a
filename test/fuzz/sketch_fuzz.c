/*
 * Any bytes as a sketch from outside, or as a programme of what to do with
 * three sketches.
 *
 * Parts that are taken make a sketch that is consistent: its own parts make it
 * again, byte for byte, and its quantiles lie between its extremes.  Sketches
 * that are filled, merged, taken apart, packed and opened hold the count and
 * sum of what was put in, and any way there gives the same bytes.
 */
#include "sketch_values.h"

#define SKETCHES 3

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* The input, read from the front; 0 behind its end. */
typedef struct Input
{
	const uint8_t *at;
	size_t left;
} Input;

static uint64_t
read_bytes(Input *input, size_t count)
{
	uint64_t value = 0;

	for (; count > 0 && input->left > 0; count--)
	{
		value = value << 8 | *input->at++;
		input->left--;
	}
	return value;
}

/* Small numbers and large ones. */
static Wide
read_value(Input *input)
{
	uint64_t head = read_bytes(input, 1);
	uint64_t value = read_bytes(input, (head & 7) + 1);

	return wide_from_magnitude(value % (SKETCH_MAX_VALUE + 1), head & 8);
}

static uint32_t
read_parts(Input *input, SketchBin **bins, UnitHost *unit)
{
	uint32_t count = (uint32_t) (input->left / 3);
	int32_t index = (int32_t) read_bytes(input, 2) - (1 << 15);

	*bins = unit_allocate(&unit->host, (count + 1) * sizeof(SketchBin));
	for (uint32_t i = 0; i < count; i++)
	{
		uint64_t word = read_bytes(input, 1);

		(*bins)[i] = (SketchBin){.index = index};
		(*bins)[i].count = word & 1 ? read_bytes(input, 8) : word >> 1;
		index += (int32_t) read_bytes(input, 1);
	}
	return count;
}

static uint32_t
parts_of(const Sketch *sketch, SketchTotals *totals, SketchBin *bins)
{
	SketchCursor cursor;
	uint32_t count = 0;

	*totals = sketch_read(sketch, &cursor);
	while (sketch_next(&cursor, &bins[count]))
		count++;
	return count;
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

static void
require_consistent(UnitHost *unit, const Sketch *sketch)
{
	SketchBin *bins = unit_allocate(
		&unit->host, (sketch_bin_count(sketch) + 1) * sizeof(SketchBin));
	SketchTotals totals;
	uint32_t count = parts_of(sketch, &totals, bins);
	OpenSketch *again;
	double quantile;

	require(sketch_from_parts(&unit->host,
							  sketch->alpha,
							  sketch->flags,
							  &totals,
							  bins,
							  count,
							  &again) == SKETCH_OK);
	require(is_same(unit, sketch, &again->head));
	if (totals.count == 0)
		return;
	for (double q = 0; q <= 1; q += 0.125)
	{
		quantile = sketch_quantile(sketch, q);
		require(quantile >= wide_to_double(totals.min) &&
				quantile <= wide_to_double(totals.max));
	}
	require(sketch_rank(sketch, totals.max) == 1);
}

static void
run_parts(UnitHost *unit, Input *input)
{
	uint32_t alpha = (uint32_t) read_bytes(input, 3);
	uint32_t flags = (uint32_t) read_bytes(input, 1);
	SketchTotals totals = {
		.sum.high = (int8_t) read_bytes(input, 1),
		.sum.low = read_bytes(input, 8),
		.min = read_value(input),
		.max = read_value(input),
	};
	OpenSketch *sketch;
	SketchBin *bins;
	uint32_t count = read_parts(input, &bins, unit);

	if (sketch_from_parts(
			&unit->host, alpha, flags, &totals, bins, count, &sketch) ==
		SKETCH_OK)
		require_consistent(unit, &sketch->head);
}

/* A sketch and what it must amount to. */
typedef struct Model
{
	OpenSketch *sketch;
	uint64_t count;
	Wide sum;
} Model;

static void
require_model(const Model *model)
{
	SketchTotals totals = sketch_read(&model->sketch->head, NULL);

	require(totals.count == model->count &&
			wide_compare(totals.sum, model->sum) == 0);
}

static void
add(UnitHost *unit, Model *model, Input *input)
{
	Wide value = read_value(input);
	uint64_t times = read_bytes(input, 1);

	require(sketch_add(&unit->host, &model->sketch, value, times) == SKETCH_OK);
	model->count += times;
	model->sum = wide_add(model->sum, wide_multiply(value, times));
}

/* Merges and takes out again, then merges for good. */
static void
merge(UnitHost *unit, Model *into, const Model *other)
{
	Host *host = &unit->host;
	OpenSketch *copy = sketch_open(host, &into->sketch->head);

	require(sketch_merge(host, &copy, &other->sketch->head) == SKETCH_OK);
	require(sketch_subtract(copy, &other->sketch->head) == SKETCH_OK);
	require(copy->count == into->count &&
			wide_compare(copy->sum, into->sum) == 0);
	require_consistent(unit, &copy->head);
	into->count += other->count;
	into->sum = wide_add(into->sum, other->sum);
	require(sketch_merge(host, &into->sketch, &other->sketch->head) ==
			SKETCH_OK);
}

/* Takes out what may never have been put in. */
static void
subtract_any(UnitHost *unit, const Model *from, const Model *other)
{
	OpenSketch *copy = sketch_open(&unit->host, &from->sketch->head);

	if (sketch_subtract(copy, &other->sketch->head) == SKETCH_OK)
		require_consistent(unit, &copy->head);
}

static void
run_step(UnitHost *unit, Model *models, Input *input)
{
	uint64_t step = read_bytes(input, 1);
	Model *model = &models[step % SKETCHES];
	Model *other = &models[step / SKETCHES % SKETCHES];
	size_t size;

	switch (step / (SKETCHES * SKETCHES) % 8)
	{
		case 0:
			/* doubling over and over would count beyond the limit */
			if (model != other && model->count < 1u << 20 &&
				other->count < 1u << 20)
				merge(unit, model, other);
			break;
		case 1:
			model->sketch = sketch_open(
				&unit->host,
				sketch_pack(&unit->host, &model->sketch->head, &size));
			break;
		case 2:
			subtract_any(unit, model, other);
			break;
		default:
			add(unit, model, input);
			break;
	}
}

static void
run_programme(UnitHost *unit, Input *input)
{
	static const uint32_t alphas[] = {
		SKETCH_DEFAULT_ALPHA, 1000, SKETCH_MAX_ALPHA, 50000};
	uint32_t alpha = alphas[read_bytes(input, 1) % 4];
	Model models[SKETCHES] = {0};

	for (int i = 0; i < SKETCHES; i++)
		models[i].sketch = sketch_create(&unit->host, alpha);
	for (int steps = 0; input->left > 0 && steps < 1000; steps++)
		run_step(unit, models, input);
	for (int i = 0; i < SKETCHES; i++)
	{
		require_model(&models[i]);
		require_consistent(unit, &models[i].sketch->head);
	}
}

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Input input = {data, size};
	UnitHost unit;

	unit_host_init(&unit);
	if (read_bytes(&input, 1) & 1)
		run_parts(&unit, &input);
	else
		run_programme(&unit, &input);
	unit_host_release(&unit);
	return 0;
}
