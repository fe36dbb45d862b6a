/*
 * What went wrong in the spans of a trace, for the waterfall.
 *
 * A tree has no attributes, so the log is read for them: of each failed span
 * what the status or an exception says, else the HTTP status or what a tag
 * calls the error, one line each.
 */
#include "postgres.h"

#include "compat.h"
#include "server/query.h"
#include "trace/tree_argument.h"
#include "trace/waterfall_errors.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

/* a picture that is all errors shows nothing */
#define MAX_ERRORS 20

/* 2000 characters of a message: the widest picture needs no more */
static SavedQuery errors_query = {
	.text =
		"SELECT f.span_id, pg_catalog.split_part(pg_catalog.left(COALESCE("
		"f.exception, f.status_message, "
		"'HTTP ' OPERATOR(pg_catalog.||) COALESCE(f.http, f.old_http), "
		"f.message, f.type, "
		"CASE WHEN f.error OPERATOR(pg_catalog.<>) 'true' THEN f.error END), "
		"2000), E'\\n', 1) "
		"FROM (SELECT l.span_id, x.exception, "
		"l.tags OPERATOR(pg_catalog.#>>) '{otel,status_message}' "
		"AS status_message, "
		"l.tags OPERATOR(pg_catalog.->>) 'http.response.status_code' AS http, "
		"l.tags OPERATOR(pg_catalog.->>) 'http.status_code' AS old_http, "
		"l.tags OPERATOR(pg_catalog.->>) 'error.message' AS message, "
		"l.tags OPERATOR(pg_catalog.->>) 'error.type' AS type, "
		"l.tags OPERATOR(pg_catalog.->>) 'error' AS error "
		"FROM %s.distributed_trace_log l LEFT JOIN LATERAL ("
		"SELECT COALESCE(y.exception_type OPERATOR(pg_catalog.||) ': ' "
		"OPERATOR(pg_catalog.||) y.exception_message, "
		"y.exception_type, y.exception_message) AS exception "
		"FROM %s.trace_events(l.logs) e, "
		"%s.trace_exception(e.event_name, e.attributes) y "
		"WHERE y.exception_type IS NOT NULL OR y.exception_message IS NOT NULL "
		"LIMIT 1) x ON true "
		"WHERE l.trace_id OPERATOR(pg_catalog.=) $1 "
		"AND %s.trace_is_error(l.tags)) f",
	.arg_count = 1,
	.arg_types = {TEXTOID},
	.reads_in_bulk = true,
};

typedef struct Message
{
	Slice span_id;
	Slice text;
} Message;

static Slice
copy_slice(Datum value)
{
	text *copy = DatumGetTextPCopy(value);

	return (Slice){VARDATA(copy), VARSIZE(copy) - VARHDRSZ};
}

static int
compare_messages(const void *a, const void *b)
{
	return slice_compare(((const Message *) a)->span_id,
						 ((const Message *) b)->span_id);
}

/* The messages of a trace in the order of their spans' ids. */
static Message *
read_messages(Oid schema, Slice trace_id, uint32 *count)
{
	Datum args[1] = {PointerGetDatum(slice_to_text(trace_id))};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext own;
	Message *messages;

	*count = 0;
	SPI_connect();
	query_run(&errors_query, schema, args, true, NULL);
	own = MemoryContextSwitchTo(caller);
	messages =
		palloc_extended((SPI_processed + 1) * sizeof(Message), MCXT_ALLOC_HUGE);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Datum values[2];
		bool nulls[2];

		CHECK_FOR_INTERRUPTS();
		heap_deform_tuple(
			SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		if (!nulls[0] && !nulls[1])
			messages[(*count)++] =
				(Message){copy_slice(values[0]), copy_slice(values[1])};
	}
	MemoryContextSwitchTo(own);
	SPI_finish();
	qsort(messages, *count, sizeof(Message), compare_messages);
	return messages;
}

static bool
has_errors(const SpanTree *tree)
{
	const SpanNode *nodes = span_tree_nodes(tree);

	for (uint32 i = 0; i < tree->span_count; i++)
	{
		if (nodes[i].flags & SPAN_IS_ERROR)
			return true;
	}
	return false;
}

void
set_up_errors(WaterfallPainter *painter, Oid schema, const SpanTree *tree)
{
	const SpanNode *nodes = span_tree_nodes(tree);
	WaterfallError *errors = palloc(MAX_ERRORS * sizeof(WaterfallError));
	uint32 count;
	Message *messages;

	painter->errors = errors;
	if (!has_errors(tree))
		return;
	messages = read_messages(schema, span_tree_trace_id(tree), &count);
	for (uint32 i = 0; i < tree->span_count && count > 0; i++)
	{
		Message wanted = {.span_id = span_tree_string(tree, nodes[i].span_id)};
		const Message *found;

		CHECK_FOR_INTERRUPTS();
		if (!(nodes[i].flags & SPAN_IS_ERROR) ||
			(nodes[i].flags & NODE_IS_COPY))
			continue;
		found = bsearch(
			&wanted, messages, count, sizeof(Message), compare_messages);
		if (found == NULL)
			continue;
		if (painter->error_count == MAX_ERRORS)
			painter->further_error_count++;
		else
			errors[painter->error_count++] = (WaterfallError){i, found->text};
	}
}
