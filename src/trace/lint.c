/*
 * trace_lint: the problems that core/lint finds, as rows.
 */
#include "postgres.h"

#include "compat.h"
#include "core/tree/lint.h"
#include "trace/tree_argument.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(dt_trace_lint);

enum
{
	COLUMN_PROBLEM,
	COLUMN_SPAN,
	COLUMN_SERVICE,
	COLUMN_OPERATION,
	COLUMN_DETAIL,
	COLUMN_COUNT,
};

typedef struct ServerReport
{
	LintReport report;
	ReturnSetInfo *result;
	const SpanTree *tree;
	MemoryContext row_context; /* emptied with each row */
} ServerReport;

static Datum
string_datum(const SpanTree *tree, uint32 offset)
{
	return PointerGetDatum(slice_to_text(span_tree_string(tree, offset)));
}

static void
put_row(LintReport *report, LintProblem problem, uint32_t position,
		Slice detail)
{
	ServerReport *r = (ServerReport *) report;
	const SpanNode *node = &span_tree_nodes(r->tree)[position];
	MemoryContext caller = MemoryContextSwitchTo(r->row_context);
	Datum values[COLUMN_COUNT];
	bool nulls[COLUMN_COUNT] = {false};

	values[COLUMN_PROBLEM] = CStringGetTextDatum(lint_problem_name(problem));
	values[COLUMN_SPAN] = string_datum(r->tree, node->span_id);
	values[COLUMN_SERVICE] = string_datum(r->tree, node->service_name);
	values[COLUMN_OPERATION] = string_datum(r->tree, node->operation);
	values[COLUMN_DETAIL] = PointerGetDatum(slice_to_text(detail));
	MemoryContextSwitchTo(caller);
	tuplestore_putvalues(
		r->result->setResult, r->result->setDesc, values, nulls);
	MemoryContextReset(r->row_context);
}

Datum
dt_trace_lint(PG_FUNCTION_ARGS)
{
	ServerReport r = {.report = {put_row}, .tree = tree_argument(fcinfo)};

	InitMaterializedSRF(fcinfo, 0);
	if (r.tree == NULL)
		return (Datum) 0;
	r.result = (ReturnSetInfo *) fcinfo->resultinfo;
	r.row_context = AllocSetContextCreate(CurrentMemoryContext,
										  "distributed_trace lint row",
										  ALLOCSET_SMALL_SIZES);
	check_core_status(lint_trace(server_host(), r.tree, &r.report));
	MemoryContextDelete(r.row_context);
	return (Datum) 0;
}
