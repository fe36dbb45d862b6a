/*
 * trace_lint: the problems that core/tree/lint finds, as rows.
 */
#include "postgres.h"

#include "core/tree/lint.h"
#include "trace/tree_argument.h"
#include "trace/tree_rows.h"

#include "fmgr.h"

PG_FUNCTION_INFO_V1(dt_trace_lint);

typedef struct ServerReport
{
	LintReport report;
	const SpanTree *tree;
	Row row;
} ServerReport;

static void
put_row(LintReport *report, LintProblem problem, uint32_t position,
		Slice detail)
{
	ServerReport *r = (ServerReport *) report;
	const SpanNode *node = &span_tree_nodes(r->tree)[position];

	row_put_text(&r->row, lint_problem_name(problem));
	tree_rows_put_string(&r->row, r->tree, node->span_id);
	tree_rows_put_string(&r->row, r->tree, node->service_name);
	tree_rows_put_string(&r->row, r->tree, node->operation);
	row_put_slice(&r->row, detail);
	row_emit(&r->row);
}

/*
 * trace_lint(tree span_tree | trace_id text)
 *     -> setof (problem, span_id, service_name, operation, detail text)
 *
 * A row for each problem of each span; none for NULL or an unknown id.
 */
Datum
dt_trace_lint(PG_FUNCTION_ARGS)
{
	ServerReport r = {.report = {put_row}, .tree = tree_argument(fcinfo)};

	row_begin(&r.row, fcinfo, 0);
	if (r.tree != NULL)
		check_core_status(lint_trace(server_host(), r.tree, &r.report));
	return (Datum) 0;
}
