/*
 * trace_summary: the figures of core/tree/summary, as one row.
 */
#include "postgres.h"

#include "core/path/critical_path.h"
#include "core/tree/summary.h"
#include "trace/tree_argument.h"
#include "trace/tree_rows.h"

#include "fmgr.h"

PG_FUNCTION_INFO_V1(dt_trace_summary);

static void
put_times(Row *row, const TraceSummary *s, const CriticalPath *path)
{
	if (!s->has_times)
	{
		row_put_nulls(row, 4);
		return;
	}
	row_put_time(row, s->start_time);
	row_put_time(row, s->end_time);
	row_put_ms(row, time_difference(s->end_time, s->start_time));
	row_put_ms(row, path->counts.total);
}

static void
put_summary(Row *row, const SpanTree *tree, const TraceSummary *s,
			const CriticalPath *path)
{
	const SpanNode *root = &span_tree_nodes(tree)[s->root];

	row_put_slice(row, span_tree_trace_id(tree));
	tree_rows_put_string(row, tree, root->service_name);
	tree_rows_put_string(row, tree, root->operation);
	put_times(row, s, path);
	row_put_int64(row, s->span_count);
	row_put_int64(row, s->error_count);
	row_put_int64(row, s->service_count);
	row_put_int64(row, s->orphan_count);
	row_put_int64(row, s->root_count);
	row_put_int32(row, s->max_depth);
	row_put_int32(row, s->max_concurrency);
	row_put_bool(row, s->is_complete);
	row_emit(row);
}

/*
 * trace_summary(tree span_tree | trace_id text) -> setof record
 *
 * One row, durations in ms; none for NULL, an unknown id or a tree without
 * spans.
 */
Datum
dt_trace_summary(PG_FUNCTION_ARGS)
{
	const SpanTree *tree = tree_argument(fcinfo);
	TraceSummary summary;
	CriticalPath path;
	Row row;

	row_begin(&row, fcinfo, 0);
	if (tree == NULL || tree->span_count == 0)
		return (Datum) 0;
	check_core_status(summarize_trace(server_host(), tree, &summary));
	check_core_status(critical_path_find(
		server_host(), tree, &CRITICAL_PATH_DEFAULTS, &path));
	put_summary(&row, tree, &summary, &path);
	return (Datum) 0;
}
