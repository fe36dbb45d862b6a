/*
 * What the functions over the rollup need beside SQL: totals of rows that are
 * added and taken out, the words and windows of their arguments, and comparing
 * two sketches.
 */
#include "postgres.h"

#include "compat.h"
#include "core/sketch_compare.h"
#include "latency/sketch_value.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(dt_trace_latency_total);
PG_FUNCTION_INFO_V1(dt_trace_latency_contains);
PG_FUNCTION_INFO_V1(dt_trace_latency_is_same);
PG_FUNCTION_INFO_V1(dt_trace_latency_spans);
PG_FUNCTION_INFO_V1(dt_trace_latency_group);
PG_FUNCTION_INFO_V1(dt_trace_grafana_measure);
PG_FUNCTION_INFO_V1(dt_trace_latency_cover);
PG_FUNCTION_INFO_V1(dt_trace_latency_buckets);
PG_FUNCTION_INFO_V1(dt_latency_compare);

/* A warning alone: one such span must not keep others from being read. */
static void
warn_of_uncounted_spans(void)
{
	ereport(WARNING,
			errcode(ERRCODE_DATA_CORRUPTED),
			errmsg("distributed_trace_latency takes out spans that it does not "
				   "count"),
			errdetail("They are not taken out."),
			errhint("Spans may have been recorded while "
					"distributed_trace.rollup was off: count them with "
					"trace_rollup_rebuild()."));
}

/*
 * trace_latency_total(added latency_sketch, removed latency_sketch)
 *
 * NULL is a sketch of no values.
 */
Datum
dt_trace_latency_total(PG_FUNCTION_ARGS)
{
	OpenSketch *total;
	SketchStatus status = SKETCH_NOT_CONTAINED;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	if (!PG_ARGISNULL(0))
	{
		total = open_sketch(sketch_argument(fcinfo, 0));
		status = sketch_subtract(total, sketch_argument(fcinfo, 1));
	}
	if (status == SKETCH_NOT_CONTAINED)
	{
		warn_of_uncounted_spans();
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	check_sketch_status(status);
	return packed_datum(&total->head);
}

/*
 * trace_latency_contains(added latency_sketch, removed latency_sketch)
 */
Datum
dt_trace_latency_contains(PG_FUNCTION_ARGS)
{
	SketchStatus status;

	if (PG_ARGISNULL(1))
		PG_RETURN_BOOL(true);
	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	status = sketch_subtract(open_sketch(sketch_argument(fcinfo, 0)),
							 sketch_argument(fcinfo, 1));
	if (status != SKETCH_NOT_CONTAINED)
		check_sketch_status(status);
	PG_RETURN_BOOL(status == SKETCH_OK);
}

/* The sketch of an argument; NULL if it has no values. */
static const Sketch *
values_argument(FunctionCallInfo fcinfo, int argno)
{
	const Sketch *sketch;

	if (PG_ARGISNULL(argno))
		return NULL;
	sketch = sketch_argument(fcinfo, argno);
	return sketch_read(sketch, NULL).count == 0 ? NULL : sketch;
}

/*
 * trace_latency_is_same(a latency_sketch, b latency_sketch)
 */
Datum
dt_trace_latency_is_same(PG_FUNCTION_ARGS)
{
	const Sketch *a = values_argument(fcinfo, 0);
	const Sketch *b = values_argument(fcinfo, 1);

	PG_RETURN_BOOL(a == NULL || b == NULL ? a == b : sketch_counts_same(a, b));
}

/* An argument that must be one of some words: itself, or the first for NULL. */
static Datum
word_argument(FunctionCallInfo fcinfo, const char *name,
			  const char *const *words, int word_count, const char *hint)
{
	char *word;

	if (PG_ARGISNULL(0))
		return CStringGetTextDatum(words[0]);
	word = text_to_cstring(PG_GETARG_TEXT_PP(0));
	for (int i = 0; i < word_count; i++)
	{
		if (strcmp(word, words[i]) == 0)
			return PG_GETARG_DATUM(0);
	}
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("invalid value for \"%s\": \"%s\"", name, word),
			errhint("%s", hint));
}

/*
 * trace_latency_spans(spans text) -> text
 */
Datum
dt_trace_latency_spans(PG_FUNCTION_ARGS)
{
	static const char *const words[] = {"entry", "root", "client", "all"};

	return word_argument(fcinfo,
						 "spans",
						 words,
						 lengthof(words),
						 "Use \"entry\", \"root\", \"client\" or \"all\".");
}

/*
 * trace_latency_group(group_by text) -> text
 */
Datum
dt_trace_latency_group(PG_FUNCTION_ARGS)
{
	static const char *const words[] = {"operation", "service"};

	return word_argument(fcinfo,
						 "group_by",
						 words,
						 lengthof(words),
						 "Use \"operation\" or \"service\".");
}

/*
 * trace_grafana_measure(measure text) -> text
 */
Datum
dt_trace_grafana_measure(PG_FUNCTION_ARGS)
{
	static const char *const words[] = {"p95_ms",
										"p50_ms",
										"p99_ms",
										"mean_ms",
										"max_ms",
										"error_ratio",
										"spans_per_second"};

	return word_argument(fcinfo,
						 "measure",
						 words,
						 lengthof(words),
						 "Use \"p50_ms\", \"p95_ms\", \"p99_ms\", \"mean_ms\", "
						 "\"max_ms\", \"error_ratio\" or "
						 "\"spans_per_second\".");
}

/* The last whole minute, hour or day (UTC) that begins no later. */
static TimestampTz
floor_time(TimestampTz time, int64 width)
{
	int64 offset = time % width;

	if (TIMESTAMP_NOT_FINITE(time))
		return time;
	return time - offset - (offset < 0 ? width : 0);
}

/* The first that begins no earlier; a timestamp leaves room for that. */
static TimestampTz
ceil_time(TimestampTz time, int64 width)
{
	TimestampTz floor = floor_time(time, width);

	return floor == time ? time : floor + width;
}

/* from and to of the whole units between two times; `to` is not the earlier */
static void
whole_units(TimestampTz from, TimestampTz to, int64 width, TimestampTz units[2])
{
	units[0] = ceil_time(from, width);
	units[1] = Max(floor_time(to, width), units[0]);
}

/*
 * trace_latency_cover(from_time timestamptz, to_time timestamptz)
 *		-> timestamptz[]
 */
Datum
dt_trace_latency_cover(PG_FUNCTION_ARGS)
{
	TimestampTz from = PG_GETARG_TIMESTAMPTZ(0);
	TimestampTz to = Max(PG_GETARG_TIMESTAMPTZ(1), from);
	TimestampTz minutes[2];
	TimestampTz hours[2];
	TimestampTz days[2];
	Datum edges[16];

	whole_units(from, to, USECS_PER_MINUTE, minutes);
	whole_units(minutes[0], minutes[1], USECS_PER_HOUR, hours);
	whole_units(hours[0], hours[1], USECS_PER_DAY, days);
	/* where there is no whole unit, units[0] may lie beyond the end */
	edges[0] = TimestampTzGetDatum(from);
	edges[1] = TimestampTzGetDatum(Min(minutes[0], to));
	edges[2] = TimestampTzGetDatum(minutes[0]);
	edges[3] = TimestampTzGetDatum(minutes[1]);
	edges[4] = TimestampTzGetDatum(minutes[0]);
	edges[5] = TimestampTzGetDatum(Min(hours[0], minutes[1]));
	edges[6] = TimestampTzGetDatum(hours[0]);
	edges[7] = TimestampTzGetDatum(Min(days[0], hours[1]));
	edges[8] = TimestampTzGetDatum(days[0]);
	edges[9] = TimestampTzGetDatum(days[1]);
	edges[10] = TimestampTzGetDatum(days[1]);
	edges[11] = TimestampTzGetDatum(hours[1]);
	edges[12] = TimestampTzGetDatum(hours[1]);
	edges[13] = TimestampTzGetDatum(minutes[1]);
	edges[14] = TimestampTzGetDatum(minutes[1]);
	edges[15] = TimestampTzGetDatum(to);
	PG_RETURN_ARRAYTYPE_P(construct_array(edges,
										  lengthof(edges),
										  TIMESTAMPTZOID,
										  sizeof(TimestampTz),
										  FLOAT8PASSBYVAL,
										  TYPALIGN_DOUBLE));
}

/* The buckets that cover a window. */
typedef struct Buckets
{
	TimestampTz from;
	TimestampTz to;
	int64 width; /* us */
} Buckets;

static Buckets
buckets_argument(FunctionCallInfo fcinfo)
{
	Interval *interval = PG_GETARG_INTERVAL_P(2);
	Buckets buckets = {PG_GETARG_TIMESTAMPTZ(0), PG_GETARG_TIMESTAMPTZ(1), 0};

	if (TIMESTAMP_NOT_FINITE(buckets.from) || TIMESTAMP_NOT_FINITE(buckets.to))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("from_time and to_time must be finite"),
				errhint("A series has a row for each bucket between them."));
	if (interval->month != 0 ||
		pg_mul_s64_overflow(interval->day, USECS_PER_DAY, &buckets.width) ||
		pg_add_s64_overflow(buckets.width, interval->time, &buckets.width) ||
		buckets.width <= 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("bucket must be a length of time above 0, without "
					   "months or years"),
				errhint("A month has no fixed length; use '30 days'."));
	return buckets;
}

/*
 * trace_latency_buckets(from_time timestamptz, to_time timestamptz,
 *						 bucket interval)
 *
 * Buckets begin at whole multiples of their width since 2000-01-01 (UTC); the
 * first and the last are cut off at the window.
 */
Datum
dt_trace_latency_buckets(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Buckets buckets = buckets_argument(fcinfo);
	int64 offset = buckets.from % buckets.width;
	TimestampTz start;

	InitMaterializedSRF(fcinfo, 0);
	start = buckets.from - offset - (offset < 0 ? buckets.width : 0);
	while (start < buckets.to)
	{
		TimestampTz end = buckets.to;
		Datum values[3];
		bool nulls[3] = {false};

		CHECK_FOR_INTERRUPTS();
		if (buckets.to - start > buckets.width)
			end = start + buckets.width;
		values[0] = TimestampTzGetDatum(start);
		values[1] = TimestampTzGetDatum(Max(start, buckets.from));
		values[2] = TimestampTzGetDatum(end);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		start = end;
	}
	return (Datum) 0;
}

/*
 * latency_compare(base latency_sketch, other latency_sketch)
 *
 * NULLs if one of them has no values.
 */
Datum
dt_latency_compare(PG_FUNCTION_ARGS)
{
	const Sketch *base = values_argument(fcinfo, 0);
	const Sketch *other = values_argument(fcinfo, 1);
	SketchDifference difference;
	TupleDesc desc;
	Datum values[3] = {0};
	bool nulls[3] = {true, true, true};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (base != NULL && other != NULL)
	{
		if (base->alpha != other->alpha)
			check_sketch_status(SKETCH_ALPHA_DIFFERS);
		difference = sketch_compare(base, other);
		values[0] = Float8GetDatum(difference.distance);
		values[1] = Float8GetDatum(difference.effect);
		values[2] = Float8GetDatum(difference.p_value);
		memset(nulls, 0, sizeof(nulls));
	}
	return HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}
