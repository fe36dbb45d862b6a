/*
 * Forgetting spans: they leave the log, and the rollup with it.
 *
 * A span that is not finished counts as nothing, so the spans are first made
 * unfinished, by which the log's trigger takes them out of the rollup, and then
 * deleted.  Spans that come in between are still counted, and stay.
 */
#include "postgres.h"

#include "server/query.h"
#include "store/trace_ids.h"

#include "catalog/pg_type.h"
#include "fmgr.h"

PG_FUNCTION_INFO_V1(dt_trace_forget_trace);
PG_FUNCTION_INFO_V1(dt_trace_forget_span);

#define TAKE_OUT                                                               \
	"UPDATE %s.distributed_trace_log SET end_time = NULL, duration_ms = NULL " \
	"WHERE trace_id OPERATOR(pg_catalog.=) $1"
#define REMOVE                                                                 \
	"DELETE FROM %s.distributed_trace_log "                                    \
	"WHERE trace_id OPERATOR(pg_catalog.=) $1 AND duration_ms IS NULL"
#define OF_SPAN " AND span_id OPERATOR(pg_catalog.=) $2"

/* What is done to a trace, or to a span of one, in these two steps. */
typedef struct Steps
{
	SavedQuery take_out;
	SavedQuery remove;
} Steps;

static Steps trace_steps = {
	.take_out = {.text = TAKE_OUT, .arg_count = 1, .arg_types = {TEXTOID}},
	.remove = {.text = REMOVE, .arg_count = 1, .arg_types = {TEXTOID}},
};

static Steps span_steps = {
	.take_out = {.text = TAKE_OUT OF_SPAN,
				 .arg_count = 2,
				 .arg_types = {TEXTOID, TEXTOID}},
	.remove = {.text = REMOVE OF_SPAN,
			   .arg_count = 2,
			   .arg_types = {TEXTOID, TEXTOID}},
};

/* The trace under the id as given, else under its normal form; returns how
 * many spans there were. */
static uint64
forget(Steps *steps, Oid schema, text *trace_id, Datum span_id)
{
	Datum args[2] = {PointerGetDatum(trace_id), span_id};
	text *normal = normalize_trace_id(trace_id);
	uint64 count;

	SPI_connect();
	count = query_run(&steps->take_out, schema, args, false, NULL);
	if (count == 0 && normal != trace_id)
	{
		args[0] = PointerGetDatum(normal);
		count = query_run(&steps->take_out, schema, args, false, NULL);
	}
	if (count > 0)
		count = query_run(&steps->remove, schema, args, false, NULL);
	SPI_finish();
	return count;
}

/*
 * trace_forget_spans(trace_id text) -> bigint
 *
 * How many spans were deleted, and taken out of the rollup.
 */
Datum
dt_trace_forget_trace(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(forget(
		&trace_steps, calling_schema(fcinfo), PG_GETARG_TEXT_PP(0), (Datum) 0));
}

/*
 * trace_forget_spans(trace_id text, span_id text) -> bigint
 *
 * How many spans were deleted, and taken out of the rollup: 0 or 1.
 */
Datum
dt_trace_forget_span(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(forget(&span_steps,
						   calling_schema(fcinfo),
						   PG_GETARG_TEXT_PP(0),
						   PG_GETARG_DATUM(1)));
}
