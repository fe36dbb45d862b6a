/*
 * What the functions over the rollup need beside SQL: totals of rows that are
 * added and taken out, the words of their arguments, comparing two sketches,
 * and the lock of those who fold.
 */
#include "postgres.h"

#include "compat.h"
#include "core/sketch/sketch_compare.h"
#include "core/wire/sampling.h"
#include "latency/sketch_value.h"
#include "server/argument.h"
#include "server/query.h"
#include "server/row.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(dt_trace_latency_total);
PG_FUNCTION_INFO_V1(dt_trace_latency_contains);
PG_FUNCTION_INFO_V1(dt_trace_latency_is_same);
PG_FUNCTION_INFO_V1(dt_trace_latency_group);
PG_FUNCTION_INFO_V1(dt_trace_grafana_measure);
PG_FUNCTION_INFO_V1(dt_trace_weight_class);
PG_FUNCTION_INFO_V1(dt_trace_latency_threshold);
PG_FUNCTION_INFO_V1(dt_trace_rollup_lock);
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

/* A checked word as a value. */
static Datum
word_datum(FunctionCallInfo fcinfo, const WordArgument *argument)
{
	return CStringGetTextDatum(
		argument->words[word_argument(fcinfo, 0, argument)]);
}

/*
 * trace_latency_group(group_by text) -> text: the word, "operation" for NULL.
 */
Datum
dt_trace_latency_group(PG_FUNCTION_ARGS)
{
	static const WordArgument words = {.name = "group_by",
									   .words = {"operation", "service"}};

	return word_datum(fcinfo, &words);
}

/*
 * trace_grafana_measure(measure text) -> text: the word, "p95_ms" for NULL.
 */
Datum
dt_trace_grafana_measure(PG_FUNCTION_ARGS)
{
	static const WordArgument words = {
		.name = "measure",
		.words = {"p95_ms",
				  "p50_ms",
				  "p99_ms",
				  "mean_ms",
				  "max_ms",
				  "error_ratio",
				  "spans_per_second",
				  "weighted_p50_ms",
				  "weighted_p95_ms",
				  "weighted_p99_ms",
				  "weighted_mean_ms",
				  "weighted_error_ratio"},
		.hint = "Use \"p50_ms\", \"p95_ms\", \"p99_ms\", \"mean_ms\", "
				"\"max_ms\", \"error_ratio\" or \"spans_per_second\", or one "
				"with \"weighted_\" before it.",
	};

	return word_datum(fcinfo, &words);
}

/*
 * latency_compare(base latency_sketch, other latency_sketch)
 *     -> (distance, effect, p_value float8)
 *
 * NULLs if one of them has no values; an error if their precisions differ.
 */
Datum
dt_latency_compare(PG_FUNCTION_ARGS)
{
	const Sketch *base = values_argument(fcinfo, 0);
	const Sketch *other = values_argument(fcinfo, 1);
	SketchDifference difference;
	Row row = {0};

	if (base == NULL || other == NULL)
	{
		row_put_nulls(&row, 3);
		return row_composite(&row, fcinfo);
	}
	if (base->alpha != other->alpha)
		check_sketch_status(SKETCH_ALPHA_DIFFERS);
	difference = sketch_compare(base, other);
	row_put_float8(&row, difference.distance);
	row_put_float8(&row, difference.effect);
	row_put_float8(&row, difference.p_value);
	return row_composite(&row, fcinfo);
}

/*
 * trace_weight_class(adjusted_count float8) -> integer
 */
Datum
dt_trace_weight_class(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(sampling_weight_class(PG_GETARG_FLOAT8(0)));
}

/*
 * trace_latency_threshold(threshold_ms float8) -> float8
 */
Datum
dt_trace_latency_threshold(PG_FUNCTION_ARGS)
{
	float8 threshold = PG_ARGISNULL(0) ? 500 : PG_GETARG_FLOAT8(0);

	/* false for NaN too */
	if (!(threshold >= 0))
		ereport(
			ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("invalid value for \"%s\": %g", "threshold_ms", threshold),
			errhint("Use milliseconds, 0 or more."));
	PG_RETURN_FLOAT8(threshold);
}

/*
 * trace_rollup_lock() -> void
 *
 * The lock lies on an index of the table, in a mode that neither writers nor
 * vacuum take there: folding every minute would else cancel each autovacuum
 * that takes longer.  SQL has no command for it, so that nobody without the
 * right that is checked here can hold it.
 */
Datum
dt_trace_rollup_lock(PG_FUNCTION_ARGS)
{
	Oid schema = calling_schema(fcinfo);
	Oid table = get_relname_relid("distributed_trace_latency", schema);
	Oid index =
		get_relname_relid("distributed_trace_latency_bucket_idx", schema);

	if (!OidIsValid(table) || !OidIsValid(index))
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("index \"%s\" does not exist",
					   qualified_name(schema,
									  "distributed_trace_latency_bucket_idx")));
	if (pg_class_aclcheck(table, GetUserId(), ACL_DELETE) != ACLCHECK_OK)
		aclcheck_error(
			ACLCHECK_NO_PRIV, OBJECT_TABLE, "distributed_trace_latency");
	LockRelationOid(table, RowExclusiveLock);
	LockRelationOid(index, ShareUpdateExclusiveLock);
	PG_RETURN_VOID();
}
