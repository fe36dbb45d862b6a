/*
 * trace_latency_span: one span of the log as the rollup counts it.
 */
#include "postgres.h"

#include "compat.h"
#include "latency/duration.h"
#include "server/numeric_reader.h"
#include "server/query.h"
#include "store/service_scope.h"
#include "store/tag_readers.h"
#include "store/trace_lookup.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(dt_trace_latency_span);

enum
{
	SPAN_SERVICE = 1,
	SPAN_OPERATION,
	SPAN_START,
	SPAN_TAGS,
	SPAN_DURATION,
};

enum
{
	OUT_SERVICE,
	OUT_NAMESPACE,
	OUT_ENVIRONMENT,
	OUT_OPERATION,
	OUT_KIND,
	OUT_START,
	OUT_DURATION,
	OUT_COLUMNS,
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

static void
put_slice(Datum *values, bool *nulls, int column, Slice slice)
{
	nulls[column] = slice.data == NULL;
	if (slice.data != NULL)
		values[column] =
			PointerGetDatum(cstring_to_text_with_len(slice.data, slice.length));
}

/* Puts the row that was found, if it counts. */
static void
put_span(ReturnSetInfo *result, Oid schema)
{
	Datum values[OUT_COLUMNS];
	bool nulls[OUT_COLUMNS] = {false};
	bool isnull;
	Datum tags_value = read_column(SPAN_TAGS, &isnull);
	Jsonb *tags = isnull ? NULL : DatumGetJsonbP(tags_value);
	TimestampTz start = DatumGetTimestampTz(required_column(SPAN_START));
	bool is_error;
	const char *kind;
	ServiceScope scope;
	Wide duration;

	values[OUT_SERVICE] = required_column(SPAN_SERVICE);
	values[OUT_OPERATION] = required_column(SPAN_OPERATION);
	values[OUT_START] = TimestampTzGetDatum(start);
	if (TIMESTAMP_NOT_FINITE(start) ||
		!numeric_ms_to_ns(DatumGetNumeric(required_column(SPAN_DURATION)),
						  &duration))
		return;
	values[OUT_DURATION] =
		Float8GetDatum(duration_ms(duration.high < 0 ? WIDE_ZERO : duration));
	kind = tags == NULL ? NULL : span_kind_name(tags_read(tags, &is_error));
	nulls[OUT_KIND] = kind == NULL;
	if (kind != NULL)
		values[OUT_KIND] = CStringGetTextDatum(kind);
	scope = tags_service_scope(tags, schema, SCOPE_OF_CALLER);
	put_slice(values, nulls, OUT_NAMESPACE, scope.service_namespace);
	put_slice(values, nulls, OUT_ENVIRONMENT, scope.environment);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
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

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	if (query_run(&trace_query, schema, args, true, NULL) == 0)
		trace_id = find_trace_id(schema, trace_id);
	args[0] = PointerGetDatum(trace_id);
	if (trace_id != NULL &&
		query_run(&span_query, schema, args, true, NULL) > 0)
		put_span((ReturnSetInfo *) fcinfo->resultinfo, schema);
	SPI_finish();
	return (Datum) 0;
}
