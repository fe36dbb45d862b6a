/*
 * The critical path of one trace, in SQL: its sections, and what they add up to
 * by span, service, operation and trace.
 *
 * core/path/critical_path.h says what the path is.
 */
#include "postgres.h"

#include "server/argument.h"
#include "trace/path_argument.h"
#include "trace/tree_argument.h"
#include "trace/tree_rows.h"

#include "fmgr.h"

PG_FUNCTION_INFO_V1(dt_trace_critical_path);
PG_FUNCTION_INFO_V1(dt_trace_critical_path_duration);
PG_FUNCTION_INFO_V1(dt_trace_critical_path_spans);
PG_FUNCTION_INFO_V1(dt_trace_critical_path_slack);
PG_FUNCTION_INFO_V1(dt_trace_critical_path_summary);
PG_FUNCTION_INFO_V1(dt_trace_what_if);
PG_FUNCTION_INFO_V1(dt_trace_parallelism);

/* span_id, parent_span_id, service_name, operation; all NULL for the virtual
 * root. */
static void
put_span(Row *row, const SpanTree *tree, uint32 span)
{
	const SpanNode *node;

	if (span == SPAN_TREE_NONE)
	{
		row_put_nulls(row, 4);
		return;
	}
	node = &span_tree_nodes(tree)[span];
	tree_rows_put_string(row, tree, node->span_id);
	tree_rows_put_string(row, tree, node->parent_span_id);
	tree_rows_put_string(row, tree, node->service_name);
	tree_rows_put_string(row, tree, node->operation);
}

/* Part of the whole path; NULL for a path of no length. */
static void
put_share(Row *row, int64 us, int64 total)
{
	if (total > 0)
		row_put_float8(row, (double) us / total);
	else
		row_put_null(row);
}

/*
 * trace_critical_path(tree span_tree | trace_id text, options of the path) ->
 *     setof record
 *
 * A row a section, in the order of time, lengths in ms; none for NULL or an
 * unknown id.
 */
Datum
dt_trace_critical_path(PG_FUNCTION_ARGS)
{
	CriticalPath path;
	Row row;

	row_begin(&row, fcinfo, 0);
	if (!path_argument(fcinfo, 1, &path))
		return (Datum) 0;
	for (uint32 i = 0; i < path.section_count; i++)
	{
		const PathSection *section = &path.sections[i];
		int64 length = time_difference(section->end, section->start);

		row_put_int32(&row, i);
		put_span(&row, path.tree, section->span);
		row_put_int32(&row,
					  section->span == SPAN_TREE_NONE
						  ? 0
						  : span_tree_nodes(path.tree)[section->span].depth);
		row_put_time(&row, section->start);
		row_put_time(&row, section->end);
		row_put_ms(&row, length);
		put_share(&row, length, path.counts.total);
		tree_rows_put_span_id(&row, path.tree, section->root);
		row_emit(&row);
	}
	return (Datum) 0;
}

/*
 * trace_critical_path_duration(tree span_tree | trace_id text, options of the
 *     path) -> float8: ms.
 *
 * NULL for NULL or an unknown id.
 */
Datum
dt_trace_critical_path_duration(PG_FUNCTION_ARGS)
{
	CriticalPath path;

	if (!path_argument(fcinfo, 1, &path))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(path.counts.total / 1000.0);
}

/* span_duration_ms and self_ms of a span; NULL for the virtual root and where
 * a span has not ended. */
static void
put_own_times(Row *row, const SpanTree *tree, const int64_t *self, uint32 span)
{
	int64_t duration;

	if (span == SPAN_TREE_NONE ||
		!span_node_duration(&span_tree_nodes(tree)[span], &duration))
	{
		row_put_nulls(row, 2);
		return;
	}
	row_put_ms(row, duration);
	row_put_ms(row, self[span]);
}

static int64_t *
self_times(const SpanTree *tree)
{
	Size count = tree->span_count;
	int64_t *self = palloc_extended(count * sizeof(int64_t), MCXT_ALLOC_HUGE);
	uint32_t *child_count =
		palloc_extended(count * sizeof(uint32_t), MCXT_ALLOC_HUGE);

	check_core_status(
		span_tree_self_times(server_host(), tree, self, child_count));
	return self;
}

/*
 * trace_critical_path_spans(tree span_tree | trace_id text, options of the
 *     path) -> setof record
 *
 * A row for each span on the path, times in ms.
 */
Datum
dt_trace_critical_path_spans(PG_FUNCTION_ARGS)
{
	CriticalPath path;
	Row row;
	PathSpan *spans;
	uint32_t count;
	int64_t *self;

	row_begin(&row, fcinfo, 0);
	if (!path_argument(fcinfo, 1, &path))
		return (Datum) 0;
	check_core_status(
		critical_path_spans(server_host(), &path, &spans, &count));
	self = self_times(path.tree);
	for (uint32 i = 0; i < count; i++)
	{
		const PathSpan *span = &spans[i];

		if (span->sections == 0)
			continue;
		put_span(&row, path.tree, span->span);
		row_put_int32(&row, span->sections);
		row_put_time(&row, span->first_start);
		row_put_time(&row, span->last_end);
		row_put_ms(&row, span->exclusive);
		row_put_ms(&row, span->inclusive);
		put_own_times(&row, path.tree, self, span->span);
		put_share(&row, span->exclusive, path.counts.total);
		row_put_ms(&row, span->clipped);
		tree_rows_put_span_id(&row, path.tree, span->root);
		row_emit(&row);
	}
	return (Datum) 0;
}

static void
put_optional_ms(Row *row, int64 us)
{
	if (us < 0)
		row_put_null(row);
	else
		row_put_ms(row, us);
}

/*
 * trace_critical_path_slack(tree span_tree | trace_id text, options of the
 *     path) -> setof record
 *
 * A row for each span: slack and drag in ms, NULL where there is none.
 */
Datum
dt_trace_critical_path_slack(PG_FUNCTION_ARGS)
{
	CriticalPath path;
	Row row;
	Size size;
	int64_t *slack;
	int64_t *drag;
	bool *on_path;

	row_begin(&row, fcinfo, 0);
	if (!path_argument(fcinfo, 1, &path))
		return (Datum) 0;
	size = path.tree->span_count * sizeof(int64_t);
	slack = palloc_extended(size, MCXT_ALLOC_HUGE);
	drag = palloc_extended(size, MCXT_ALLOC_HUGE);
	check_core_status(critical_path_slack(server_host(), &path, slack, drag));
	on_path = spans_on_path(&path);
	for (uint32 i = 0; i < path.tree->span_count; i++)
	{

		put_span(&row, path.tree, i);
		row_put_bool(&row, on_path[i]);
		put_optional_ms(&row, slack[i]);
		put_optional_ms(&row, drag[i]);
		row_emit(&row);
	}
	return (Datum) 0;
}

/* Which definition was used: without allowance, the default one, or another. */
static const char *
mode_name(const CriticalPathOptions *options)
{
	if (options->root != SPAN_TREE_NONE || options->overflow != 0 ||
		options->roots != 0 || options->skew != 0 || options->messaging != 0)
		return "custom";
	if (options->overlap_tolerance == 0 || options->max_overlap == 0)
		return "exact";
	if (options->overlap_tolerance ==
			CRITICAL_PATH_DEFAULTS.overlap_tolerance &&
		options->max_overlap == CRITICAL_PATH_DEFAULTS.max_overlap)
		return "default";
	return "custom";
}

/*
 * trace_critical_path_summary(tree span_tree | trace_id text, options of the
 *     path) -> setof record
 *
 * One row, total in ms; none for NULL or an unknown id.
 */
Datum
dt_trace_critical_path_summary(PG_FUNCTION_ARGS)
{
	CriticalPath path;
	Row row;
	const CriticalPathCounts *counts = &path.counts;

	row_begin(&row, fcinfo, 0);
	if (!path_argument(fcinfo, 1, &path))
		return (Datum) 0;
	if (path.root_count == 1)
		tree_rows_put_span_id(&row, path.tree, path.roots[0]);
	else
		row_put_null(&row);
	row_put_ms(&row, counts->total);
	row_put_int64(&row, counts->spans);
	row_put_int64(&row, counts->on_path_spans);
	row_put_int64(&row, path.section_count);
	row_put_int64(&row, counts->roots);
	row_put_int64(&row, counts->orphans);
	row_put_int64(&row, counts->unreachable);
	row_put_int64(&row, counts->duplicates);
	row_put_int64(&row, counts->clipped);
	row_put_int64(&row, counts->dropped);
	row_put_int64(&row, counts->overflow_children);
	row_put_int64(&row, counts->bad_times);
	row_put_text(&row, mode_name(&path.options));
	row_emit(&row);
	return (Datum) 0;
}

static double
factor_argument(FunctionCallInfo fcinfo, int argno)
{
	double factor = PG_ARGISNULL(argno) ? -1 : PG_GETARG_FLOAT8(argno);

	if (!(factor >= 0 && factor <= 1000000))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("factor must be between 0 and 1000000"),
				errhint("It scales the spans' own time: 0.5 is twice as "
						"fast."));
	return factor;
}

/*
 * trace_what_if(tree span_tree | trace_id text, service_name text, operation
 *     text, factor float8, options of the path) -> setof record
 *
 * One row, durations in ms; an error unless the factor is from 0 to 1000000.
 */
Datum
dt_trace_what_if(PG_FUNCTION_ARGS)
{
	WhatIf what_if = {
		.service_name = slice_argument(fcinfo, 1),
		.operation = slice_argument(fcinfo, 2),
		.span = SPAN_TREE_NONE,
		.factor = factor_argument(fcinfo, 3),
	};
	CriticalPath path;
	Row row;
	WhatIfResult result;

	row_begin(&row, fcinfo, 0);
	if (!path_argument(fcinfo, 4, &path))
		return (Datum) 0;
	check_core_status(
		critical_path_what_if(server_host(), &path, &what_if, &result));
	/* of many trees not each has them */
	if (result.matched == 0 && takes_trace_id(fcinfo))
		say_no_such_name(path.tree, what_if.service_name, what_if.operation);
	row_put_float8(&row, result.old_total / 1000);
	row_put_float8(&row, result.new_total / 1000);
	row_put_float8(&row, result.saved / 1000);
	row_put_float8(&row, result.upper_bound / 1000);
	row_put_bool(&row, result.path_switched);
	row_put_int64(&row, result.matched);
	row_emit(&row);
	return (Datum) 0;
}

/*
 * trace_parallelism(tree span_tree | trace_id text, options of the path) ->
 *     setof record
 *
 * One row, work and wall time in ms; none for NULL or an unknown id.
 */
Datum
dt_trace_parallelism(PG_FUNCTION_ARGS)
{
	CriticalPath path;
	Row row;
	Parallelism parallelism;

	row_begin(&row, fcinfo, 0);
	if (!path_argument(fcinfo, 1, &path))
		return (Datum) 0;
	check_core_status(
		critical_path_parallelism(server_host(), &path, &parallelism));
	row_put_ms(&row, parallelism.work);
	row_put_ms(&row, parallelism.wall);
	row_put_float8(&row, parallelism.average);
	row_put_int64(&row, parallelism.max);
	row_emit(&row);
	return (Datum) 0;
}
