/*
 * trace_latency_span: one span of the log as the rollup counts it.
 */
#include "postgres.h"

#include "compat.h"
#include "latency/duration.h"
#include "server/numeric_reader.h"
#include "server/query.h"
#include "server/row.h"
#include "store/service_scope.h"
#include "store/tag_readers.h"
#include "store/trace_lookup.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(dt_trace_latency_span);

enum
{
	SPAN_SERVICE = 1,
	SPAN_OPERATION,
	SPAN_START,
	SPAN_TAGS,
	SPAN_DURATION,
};

static SavedQuery span_query = {
	.text = "SELECT service_name, operation, start_time, tags, duration_ms "
			"FROM %s.distributed_trace_log "
			"WHERE trace_id OPERATOR(pg_catalog.=) $1 "
			"AND span_id OPERATOR(pg_catalog.=) $2 "
			"AND duration_ms IS NOT NULL",
	.arg_count = 2,
	.arg_types = {TEXTOID, TEXTOID},
};

static SavedQuery trace_query = {
	.text = "SELECT 1 FROM %s.distributed_trace_log "
			"WHERE trace_id OPERATOR(pg_catalog.=) $1 LIMIT 1",
	.arg_count = 1,
	.arg_types = {TEXTOID},
};

static Datum
read_column(int column, bool *isnull)
{
	return SPI_getbinval(
		SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, isnull);
}

static Datum
required_column(int column)
{
	bool isnull;
	Datum value = read_column(column, &isnull);

	require_value(isnull, SPI_fname(SPI_tuptable->tupdesc, column));
	return value;
}

/* Puts the row that was found, if it counts. */
static void
put_span(Row *row, Oid schema)
{
	bool isnull;
	Datum tags_value = read_column(SPAN_TAGS, &isnull);
	Jsonb *tags = isnull ? NULL : DatumGetJsonbP(tags_value);
	Datum service = required_column(SPAN_SERVICE);
	Datum operation = required_column(SPAN_OPERATION);
	TimestampTz start = DatumGetTimestampTz(required_column(SPAN_START));
	bool is_error;
	ServiceScope scope;
	Wide duration;

	if (TIMESTAMP_NOT_FINITE(start) ||
		!numeric_ms_to_ns(DatumGetNumeric(required_column(SPAN_DURATION)),
						  &duration))
		return;
	scope = tags_service_scope(tags, schema, SCOPE_OF_CALLER);
	row_put(row, service);
	row_put_slice(row, scope.service_namespace);
	row_put_slice(row, scope.environment);
	row_put(row, operation);
	row_put_text(
		row, tags == NULL ? NULL : span_kind_name(tags_read(tags, &is_error)));
	row_put_time(row, start);
	row_put_float8(row, duration_ms(duration.high < 0 ? WIDE_ZERO : duration));
	row_emit(row);
}

/*
 * trace_latency_span(trace_id text, span_id text)
 *
 * A trace is looked for by the id as it is given, and only if it is unknown by
 * what else that may mean.
 */
Datum
dt_trace_latency_span(PG_FUNCTION_ARGS)
{
	Oid schema = calling_schema(fcinfo);
	text *trace_id = PG_GETARG_TEXT_PP(0);
	Datum args[2] = {PointerGetDatum(trace_id), PG_GETARG_DATUM(1)};
	Row row;

	row_begin(&row, fcinfo, 0);
	SPI_connect();
	if (query_run(&trace_query, schema, args, true, NULL) == 0)
		trace_id = find_trace_id(schema, trace_id);
	args[0] = PointerGetDatum(trace_id);
	if (trace_id != NULL &&
		query_run(&span_query, schema, args, true, NULL) > 0)
		put_span(&row, schema);
	SPI_finish();
	return (Datum) 0;
}
