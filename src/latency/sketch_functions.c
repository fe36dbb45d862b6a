/*
 * What SQL asks of a latency_sketch, and merging and subtracting two.  All
 * functions here are STRICT.
 */
#include "postgres.h"

#include "compat.h"
#include "core/sketch/sketch_weigh.h"
#include "latency/duration.h"
#include "latency/sketch_value.h"
#include "server/row.h"
#include "server/server_host.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"

PG_FUNCTION_INFO_V1(dt_latency_merge);
PG_FUNCTION_INFO_V1(dt_latency_subtract);
PG_FUNCTION_INFO_V1(dt_latency_weighted);
PG_FUNCTION_INFO_V1(dt_latency_quantile);
PG_FUNCTION_INFO_V1(dt_latency_quantile_array);
PG_FUNCTION_INFO_V1(dt_latency_rank);
PG_FUNCTION_INFO_V1(dt_latency_alpha);
PG_FUNCTION_INFO_V1(dt_latency_count);
PG_FUNCTION_INFO_V1(dt_latency_sum);
PG_FUNCTION_INFO_V1(dt_latency_mean);
PG_FUNCTION_INFO_V1(dt_latency_min);
PG_FUNCTION_INFO_V1(dt_latency_max);
PG_FUNCTION_INFO_V1(dt_latency_min_is_exact);
PG_FUNCTION_INFO_V1(dt_latency_max_is_exact);
PG_FUNCTION_INFO_V1(dt_latency_histogram);

/* a span stands for 1 to 2^56 */
#define MIN_WEIGHT 1e-6
#define MAX_WEIGHT 1e18

static SketchTotals
totals_argument(FunctionCallInfo fcinfo)
{
	return sketch_read(sketch_argument(fcinfo, 0), NULL);
}


/*
 * latency_merge(a, b latency_sketch) -> latency_sketch
 *
 * The values of both; an error if they differ in alpha.
 */
Datum
dt_latency_merge(PG_FUNCTION_ARGS)
{
	OpenSketch *merged = open_sketch(sketch_argument(fcinfo, 0));

	check_sketch_status(
		sketch_merge(server_host(), &merged, sketch_argument(fcinfo, 1)));
	return packed_datum(&merged->head);
}

/*
 * latency_subtract(a, b latency_sketch) -> latency_sketch
 *
 * The values of a without those of b; an error if b is no part of a.
 */
Datum
dt_latency_subtract(PG_FUNCTION_ARGS)
{
	OpenSketch *left = open_sketch(sketch_argument(fcinfo, 0));

	check_sketch_status(sketch_subtract(left, sketch_argument(fcinfo, 1)));
	return packed_datum(&left->head);
}

/* The elements of an array argument, which has `count` of them. */
static Datum *
array_argument(FunctionCallInfo fcinfo, int argno, int16 size, bool by_value,
			   char align, bool **nulls, int *count)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(argno);
	Datum *values;

	deconstruct_array(array,
					  ARR_ELEMTYPE(array),
					  size,
					  by_value,
					  align,
					  &values,
					  nulls,
					  count);
	return values;
}

static void
refuse_weights(void)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("every sketch needs a weight between 0.000001 and 10^18"),
			errhint("Give as many weights as sketches; see "
					"trace_adjusted_count()."));
}

/*
 * latency_weighted(sketches latency_sketch[], weights float8[])
 *		-> latency_sketch
 *
 * NULL among the sketches is passed over; NULL if there is nothing else.
 */
Datum
dt_latency_weighted(PG_FUNCTION_ARGS)
{
	bool *is_missing;
	bool *is_unknown;
	int count;
	int weight_count;
	Datum *sketches = array_argument(
		fcinfo, 0, -1, false, TYPALIGN_DOUBLE, &is_missing, &count);
	Datum *weights = array_argument(fcinfo,
									1,
									sizeof(float8),
									FLOAT8PASSBYVAL,
									TYPALIGN_DOUBLE,
									&is_unknown,
									&weight_count);
	WeightedPart *parts = palloc(sizeof(WeightedPart) * (count + 1));
	size_t used = 0;

	if (count != weight_count)
		refuse_weights();
	for (int i = 0; i < count; i++)
	{
		float8 weight = DatumGetFloat8(weights[i]);

		CHECK_FOR_INTERRUPTS();
		if (is_missing[i])
			continue;
		/* false for NaN too */
		if (is_unknown[i] || !(weight >= MIN_WEIGHT && weight <= MAX_WEIGHT))
			refuse_weights();
		parts[used++] = (WeightedPart){
			(const Sketch *) PG_DETOAST_DATUM(sketches[i]), weight};
	}
	if (used == 0)
		PG_RETURN_NULL();
	return weighted_datum(parts, used);
}

static float8
quantile_ms(const Sketch *sketch, float8 q)
{
	/* false for NaN too */
	if (!(q >= 0 && q <= 1))
		ereport(ERROR,
				errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				errmsg("quantile %g is not between 0 and 1", q));
	/* where a double has no room for nanoseconds, dividing may round up */
	return Min(sketch_quantile(sketch, q) / NS_PER_MS,
			   duration_ms(sketch_read(sketch, NULL).max));
}

static bool
is_empty(const Sketch *sketch)
{
	return sketch_read(sketch, NULL).count == 0;
}

/*
 * latency_quantile(sketch latency_sketch, q float8) -> float8: ms.
 *
 * NULL without values; an error unless q is from 0 to 1.
 */
Datum
dt_latency_quantile(PG_FUNCTION_ARGS)
{
	const Sketch *sketch = sketch_argument(fcinfo, 0);

	if (is_empty(sketch))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(quantile_ms(sketch, PG_GETARG_FLOAT8(1)));
}

/*
 * latency_quantile(sketch latency_sketch, q float8[]) -> float8[]: ms.
 *
 * An array of the same shape; NULL without values; an error unless each q is
 * from 0 to 1.
 */
Datum
dt_latency_quantile_array(PG_FUNCTION_ARGS)
{
	const Sketch *sketch = sketch_argument(fcinfo, 0);
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(1);
	Datum *values;
	bool *nulls;
	int count;

	if (is_empty(sketch))
		PG_RETURN_NULL();
	deconstruct_array(array,
					  FLOAT8OID,
					  sizeof(float8),
					  FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE,
					  &values,
					  &nulls,
					  &count);
	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!nulls[i])
			values[i] =
				Float8GetDatum(quantile_ms(sketch, DatumGetFloat8(values[i])));
	}
	PG_RETURN_POINTER(construct_md_array(values,
										 nulls,
										 ARR_NDIM(array),
										 ARR_DIMS(array),
										 ARR_LBOUND(array),
										 FLOAT8OID,
										 sizeof(float8),
										 FLOAT8PASSBYVAL,
										 TYPALIGN_DOUBLE));
}

/*
 * latency_rank(sketch latency_sketch, ms float8) -> float8
 *
 * The share, from 0 to 1, of the values up to ms; NULL without values.
 */
Datum
dt_latency_rank(PG_FUNCTION_ARGS)
{
	const Sketch *sketch = sketch_argument(fcinfo, 0);

	if (is_empty(sketch))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(
		sketch_rank(sketch, duration_clamped(PG_GETARG_FLOAT8(1))));
}

/*
 * latency_alpha(sketch latency_sketch) -> float8
 *
 * The relative error that quantiles have at most.
 */
Datum
dt_latency_alpha(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8((float8) sketch_argument(fcinfo, 0)->alpha /
					 SKETCH_ALPHA_UNIT);
}

/*
 * latency_count(sketch latency_sketch) -> bigint
 *
 * How many values there are.
 */
Datum
dt_latency_count(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) totals_argument(fcinfo).count);
}

/* latency_sum(sketch latency_sketch) -> float8: ms, 0 without values. */
Datum
dt_latency_sum(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(duration_ms(totals_argument(fcinfo).sum));
}

/*
 * latency_mean(sketch latency_sketch) -> float8: ms, NULL without values.
 */
Datum
dt_latency_mean(PG_FUNCTION_ARGS)
{
	SketchTotals totals = totals_argument(fcinfo);

	if (totals.count == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(duration_ms(totals.sum) / (float8) totals.count);
}

/* latency_min(sketch latency_sketch) -> float8: ms, NULL without values. */
Datum
dt_latency_min(PG_FUNCTION_ARGS)
{
	SketchTotals totals = totals_argument(fcinfo);

	if (totals.count == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(duration_ms(totals.min));
}

/* latency_max(sketch latency_sketch) -> float8: ms, NULL without values. */
Datum
dt_latency_max(PG_FUNCTION_ARGS)
{
	SketchTotals totals = totals_argument(fcinfo);

	if (totals.count == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(duration_ms(totals.max));
}

/*
 * latency_min_is_exact(sketch latency_sketch) -> boolean
 *
 * False where latency_min is but a lower bound; NULL without values.
 */
Datum
dt_latency_min_is_exact(PG_FUNCTION_ARGS)
{
	const Sketch *sketch = sketch_argument(fcinfo, 0);

	if (is_empty(sketch))
		PG_RETURN_NULL();
	PG_RETURN_BOOL((sketch->flags & SKETCH_MIN_IS_BOUND) == 0);
}

/*
 * latency_max_is_exact(sketch latency_sketch) -> boolean
 *
 * False where latency_max is but an upper bound; NULL without values.
 */
Datum
dt_latency_max_is_exact(PG_FUNCTION_ARGS)
{
	const Sketch *sketch = sketch_argument(fcinfo, 0);

	if (is_empty(sketch))
		PG_RETURN_NULL();
	PG_RETURN_BOOL((sketch->flags & SKETCH_MAX_IS_BOUND) == 0);
}

/* Half open, so that neighbours share their bound. */
static void
put_bin(Row *row, const SketchBin *bin, uint32 bins_per_octave)
{
	Wide lowest = WIDE_ZERO;
	Wide highest = WIDE_ZERO;

	(void) sketch_bin_bounds(bin->index, bins_per_octave, &lowest, &highest);
	row_put_float8(row, duration_ms(lowest));
	row_put_float8(row, duration_ms(wide_add(highest, wide_from_int64(1))));
	row_put_int64(row, (int64) bin->count);
	row_emit(row);
}

/*
 * latency_histogram(sketch latency_sketch)
 *     -> setof (lower_ms float8, upper_ms float8, count bigint)
 */
Datum
dt_latency_histogram(PG_FUNCTION_ARGS)
{
	const Sketch *sketch = sketch_argument(fcinfo, 0);
	SketchCursor cursor;
	SketchBin bin;
	Row row;

	row_begin(&row, fcinfo, 0);
	(void) sketch_read(sketch, &cursor);
	while (sketch_next(&cursor, &bin))
		put_bin(&row, &bin, sketch->bins_per_octave);
	return (Datum) 0;
}
