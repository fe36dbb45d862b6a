/*
 * trace_summary: the figures of core/summary, as one row.
 */
#include "postgres.h"

#include "compat.h"
#include "core/path/critical_path.h"
#include "core/tree/summary.h"
#include "trace/tree_argument.h"

#include "funcapi.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(dt_trace_summary);

enum
{
	COLUMN_TRACE,
	COLUMN_ROOT_SERVICE,
	COLUMN_ROOT_OPERATION,
	COLUMN_START,
	COLUMN_END,
	COLUMN_WALL,
	COLUMN_CRITICAL,
	COLUMN_SPANS,
	COLUMN_ERRORS,
	COLUMN_SERVICES,
	COLUMN_ORPHANS,
	COLUMN_ROOTS,
	COLUMN_MAX_DEPTH,
	COLUMN_MAX_CONCURRENCY,
	COLUMN_IS_COMPLETE,
	COLUMN_COUNT,
};

static void
fill_row(const SpanTree *tree, const TraceSummary *s, const CriticalPath *path,
		 Datum *values, bool *nulls)
{
	const SpanNode *root = &span_tree_nodes(tree)[s->root];

	values[COLUMN_TRACE] =
		PointerGetDatum(slice_to_text(span_tree_trace_id(tree)));
	values[COLUMN_ROOT_SERVICE] = PointerGetDatum(
		slice_to_text(span_tree_string(tree, root->service_name)));
	values[COLUMN_ROOT_OPERATION] =
		PointerGetDatum(slice_to_text(span_tree_string(tree, root->operation)));
	nulls[COLUMN_START] = !s->has_times;
	nulls[COLUMN_END] = !s->has_times;
	nulls[COLUMN_WALL] = !s->has_times;
	nulls[COLUMN_CRITICAL] = !s->has_times;
	values[COLUMN_START] = TimestampTzGetDatum(s->start_time);
	values[COLUMN_END] = TimestampTzGetDatum(s->end_time);
	values[COLUMN_WALL] =
		Float8GetDatum(time_difference(s->end_time, s->start_time) / 1000.0);
	values[COLUMN_CRITICAL] = Float8GetDatum(path->counts.total / 1000.0);
	values[COLUMN_SPANS] = Int64GetDatum(s->span_count);
	values[COLUMN_ERRORS] = Int64GetDatum(s->error_count);
	values[COLUMN_SERVICES] = Int64GetDatum(s->service_count);
	values[COLUMN_ORPHANS] = Int64GetDatum(s->orphan_count);
	values[COLUMN_ROOTS] = Int64GetDatum(s->root_count);
	values[COLUMN_MAX_DEPTH] = Int32GetDatum(s->max_depth);
	values[COLUMN_MAX_CONCURRENCY] = Int32GetDatum(s->max_concurrency);
	values[COLUMN_IS_COMPLETE] = BoolGetDatum(s->is_complete);
}

Datum
dt_trace_summary(PG_FUNCTION_ARGS)
{
	const SpanTree *tree = tree_argument(fcinfo);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	TraceSummary summary;
	CriticalPath path;
	Datum values[COLUMN_COUNT];
	bool nulls[COLUMN_COUNT] = {false};

	InitMaterializedSRF(fcinfo, 0);
	if (tree == NULL || tree->span_count == 0)
		return (Datum) 0;
	check_core_status(summarize_trace(server_host(), tree, &summary));
	check_core_status(critical_path_find(
		server_host(), tree, &CRITICAL_PATH_DEFAULTS, &path));
	fill_row(tree, &summary, &path, values, nulls);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	return (Datum) 0;
}
