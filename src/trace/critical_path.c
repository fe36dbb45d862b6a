/*
 * The critical path of one trace, in SQL: its sections, and what they add up to
 * by span, service, operation and trace.
 *
 * core/critical_path.h says what the path is.
 */
#include "postgres.h"

#include "compat.h"
#include "trace/path_argument.h"
#include "trace/tree_argument.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(dt_trace_critical_path);
PG_FUNCTION_INFO_V1(dt_trace_critical_path_duration);
PG_FUNCTION_INFO_V1(dt_trace_critical_path_spans);
PG_FUNCTION_INFO_V1(dt_trace_critical_path_slack);
PG_FUNCTION_INFO_V1(dt_trace_critical_path_summary);
PG_FUNCTION_INFO_V1(dt_trace_what_if);
PG_FUNCTION_INFO_V1(dt_trace_parallelism);

#define MAX_COLUMNS 16

/* One row being filled, column by column. */
typedef struct Row
{
	Datum values[MAX_COLUMNS];
	bool nulls[MAX_COLUMNS];
	int count;
} Row;

static void
put(Row *row, Datum value)
{
	row->nulls[row->count] = false;
	row->values[row->count++] = value;
}

static void
put_null(Row *row)
{
	row->nulls[row->count++] = true;
}

static void
put_ms(Row *row, int64 us)
{
	put(row, Float8GetDatum(us / 1000.0));
}

static void
put_string(Row *row, const SpanTree *tree, uint32 offset)
{
	if (offset == SPAN_TREE_NONE)
		put_null(row);
	else
		put(row,
			PointerGetDatum(slice_to_text(span_tree_string(tree, offset))));
}

/* span_id, parent_span_id, service_name, operation; all NULL for the virtual
 * root. */
static void
put_span(Row *row, const SpanTree *tree, uint32 span)
{
	const SpanNode *node;

	if (span == SPAN_TREE_NONE)
	{
		for (int i = 0; i < 4; i++)
			put_null(row);
		return;
	}
	node = &span_tree_nodes(tree)[span];
	put_string(row, tree, node->span_id);
	put_string(row, tree, node->parent_span_id);
	put_string(row, tree, node->service_name);
	put_string(row, tree, node->operation);
}

static void
put_span_id(Row *row, const SpanTree *tree, uint32 span)
{
	put_string(row,
			   tree,
			   span == SPAN_TREE_NONE ? SPAN_TREE_NONE
									  : span_tree_nodes(tree)[span].span_id);
}

/* Part of the whole path; NULL for a path of no length. */
static void
put_share(Row *row, int64 us, int64 total)
{
	if (total > 0)
		put(row, Float8GetDatum((double) us / total));
	else
		put_null(row);
}

static void
emit(FunctionCallInfo fcinfo, Row *row)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	CHECK_FOR_INTERRUPTS();
	tuplestore_putvalues(
		result->setResult, result->setDesc, row->values, row->nulls);
}

Datum
dt_trace_critical_path(PG_FUNCTION_ARGS)
{
	CriticalPath path;

	InitMaterializedSRF(fcinfo, 0);
	if (!path_argument(fcinfo, 1, &path))
		return (Datum) 0;
	for (uint32 i = 0; i < path.section_count; i++)
	{
		const PathSection *section = &path.sections[i];
		int64 length = time_difference(section->end, section->start);
		Row row = {.count = 0};

		put(&row, Int32GetDatum(i));
		put_span(&row, path.tree, section->span);
		put(&row,
			Int32GetDatum(
				section->span == SPAN_TREE_NONE
					? 0
					: span_tree_nodes(path.tree)[section->span].depth));
		put(&row, TimestampTzGetDatum(section->start));
		put(&row, TimestampTzGetDatum(section->end));
		put_ms(&row, length);
		put_share(&row, length, path.counts.total);
		put_span_id(&row, path.tree, section->root);
		emit(fcinfo, &row);
	}
	return (Datum) 0;
}

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
		put_null(row);
		put_null(row);
		return;
	}
	put_ms(row, duration);
	put_ms(row, self[span]);
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

Datum
dt_trace_critical_path_spans(PG_FUNCTION_ARGS)
{
	CriticalPath path;
	PathSpan *spans;
	uint32_t count;
	int64_t *self;

	InitMaterializedSRF(fcinfo, 0);
	if (!path_argument(fcinfo, 1, &path))
		return (Datum) 0;
	check_core_status(
		critical_path_spans(server_host(), &path, &spans, &count));
	self = self_times(path.tree);
	for (uint32 i = 0; i < count; i++)
	{
		const PathSpan *span = &spans[i];
		Row row = {.count = 0};

		if (span->sections == 0)
			continue;
		put_span(&row, path.tree, span->span);
		put(&row, Int32GetDatum(span->sections));
		put(&row, TimestampTzGetDatum(span->first_start));
		put(&row, TimestampTzGetDatum(span->last_end));
		put_ms(&row, span->exclusive);
		put_ms(&row, span->inclusive);
		put_own_times(&row, path.tree, self, span->span);
		put_share(&row, span->exclusive, path.counts.total);
		put_ms(&row, span->clipped);
		put_span_id(&row, path.tree, span->root);
		emit(fcinfo, &row);
	}
	return (Datum) 0;
}

static void
put_optional_ms(Row *row, int64 us)
{
	if (us < 0)
		put_null(row);
	else
		put_ms(row, us);
}

Datum
dt_trace_critical_path_slack(PG_FUNCTION_ARGS)
{
	CriticalPath path;
	Size size;
	int64_t *slack;
	int64_t *drag;
	bool *on_path;

	InitMaterializedSRF(fcinfo, 0);
	if (!path_argument(fcinfo, 1, &path))
		return (Datum) 0;
	size = path.tree->span_count * sizeof(int64_t);
	slack = palloc_extended(size, MCXT_ALLOC_HUGE);
	drag = palloc_extended(size, MCXT_ALLOC_HUGE);
	check_core_status(critical_path_slack(server_host(), &path, slack, drag));
	on_path = spans_on_path(&path);
	for (uint32 i = 0; i < path.tree->span_count; i++)
	{
		Row row = {.count = 0};

		put_span(&row, path.tree, i);
		put(&row, BoolGetDatum(on_path[i]));
		put_optional_ms(&row, slack[i]);
		put_optional_ms(&row, drag[i]);
		emit(fcinfo, &row);
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

Datum
dt_trace_critical_path_summary(PG_FUNCTION_ARGS)
{
	CriticalPath path;
	const CriticalPathCounts *counts = &path.counts;
	Row row = {.count = 0};

	InitMaterializedSRF(fcinfo, 0);
	if (!path_argument(fcinfo, 1, &path))
		return (Datum) 0;
	if (path.root_count == 1)
		put_span_id(&row, path.tree, path.roots[0]);
	else
		put_null(&row);
	put_ms(&row, counts->total);
	put(&row, Int64GetDatum(counts->spans));
	put(&row, Int64GetDatum(counts->on_path_spans));
	put(&row, Int64GetDatum(path.section_count));
	put(&row, Int64GetDatum(counts->roots));
	put(&row, Int64GetDatum(counts->orphans));
	put(&row, Int64GetDatum(counts->unreachable));
	put(&row, Int64GetDatum(counts->duplicates));
	put(&row, Int64GetDatum(counts->clipped));
	put(&row, Int64GetDatum(counts->dropped));
	put(&row, Int64GetDatum(counts->overflow_children));
	put(&row, Int64GetDatum(counts->bad_times));
	put(&row, CStringGetTextDatum(mode_name(&path.options)));
	emit(fcinfo, &row);
	return (Datum) 0;
}

static Slice
optional_slice_argument(FunctionCallInfo fcinfo, int argno)
{
	text *value;

	if (PG_ARGISNULL(argno))
		return (Slice){NULL, 0};
	value = PG_GETARG_TEXT_PP(argno);
	return (Slice){VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};
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

/* tree or id, service_name, operation, factor, options */
Datum
dt_trace_what_if(PG_FUNCTION_ARGS)
{
	WhatIf what_if = {
		.service_name = optional_slice_argument(fcinfo, 1),
		.operation = optional_slice_argument(fcinfo, 2),
		.span = SPAN_TREE_NONE,
		.factor = factor_argument(fcinfo, 3),
	};
	CriticalPath path;
	WhatIfResult result;
	Row row = {.count = 0};

	InitMaterializedSRF(fcinfo, 0);
	if (!path_argument(fcinfo, 4, &path))
		return (Datum) 0;
	check_core_status(
		critical_path_what_if(server_host(), &path, &what_if, &result));
	/* of many trees not each has them */
	if (result.matched == 0 && takes_trace_id(fcinfo))
		say_no_such_name(path.tree, what_if.service_name, what_if.operation);
	put(&row, Float8GetDatum(result.old_total / 1000));
	put(&row, Float8GetDatum(result.new_total / 1000));
	put(&row, Float8GetDatum(result.saved / 1000));
	put(&row, Float8GetDatum(result.upper_bound / 1000));
	put(&row, BoolGetDatum(result.path_switched));
	put(&row, Int64GetDatum(result.matched));
	emit(fcinfo, &row);
	return (Datum) 0;
}

Datum
dt_trace_parallelism(PG_FUNCTION_ARGS)
{
	CriticalPath path;
	Parallelism parallelism;
	Row row = {.count = 0};

	InitMaterializedSRF(fcinfo, 0);
	if (!path_argument(fcinfo, 1, &path))
		return (Datum) 0;
	check_core_status(
		critical_path_parallelism(server_host(), &path, &parallelism));
	put_ms(&row, parallelism.work);
	put_ms(&row, parallelism.wall);
	put(&row, Float8GetDatum(parallelism.average));
	put(&row, Int64GetDatum(parallelism.max));
	emit(fcinfo, &row);
	return (Datum) 0;
}
