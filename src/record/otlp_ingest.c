/*
 * Recording spans that come as OTLP: trace_ingest_otlp(bytea) and (text).
 *
 * A request in JSON is first turned into protobuf; then there is one way for
 * both.  The wire format of the whole request is checked before anything is
 * stored, so that a malformed one is an error that leaves no trace; after that
 * a span that cannot be stored is rejected alone.
 *
 * Memory: the batch keeps rows alone.  What a span needs on the way is in a
 * context that is reset for each, what its scope needs in one for each scope.
 */
#include "postgres.h"

#include "compat.h"
#include "core/encoding.h"
#include "core/otlp.h"
#include "query.h"
#include "record/gzip.h"
#include "record/otlp_json.h"
#include "record/span_batch.h"
#include "record/tag_writer.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(dt_trace_ingest_otlp_protobuf);
PG_FUNCTION_INFO_V1(dt_trace_ingest_otlp_json);

/* The largest request after inflating: what OTLP's specification recommends. */
#define INFLATED_LIMIT ((Size) 64 * 1024 * 1024)

/* Rows of one request, in bytes.  A scope and a service name are repeated in
 * each of their spans, so that a small request may grow beyond measure. */
#define ROWS_LIMIT ((Size) 1024 * 1024 * 1024)

/* The longest duration that duration_ms, a numeric(16,3), can hold. */
#define DURATION_LIMIT INT64CONST(9999999999999999)

/* digits of a rejected span's id that are shown */
#define SHOWN_ID_BYTES 16

#define MICROSECONDS_TO_2000                                                   \
	((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

typedef struct Ingest
{
	Oid schema;
	SpanBatch *batch;
	bool heeds_rejections; /* the request comes from otlp_json.c */
	Size rows_size;

	MemoryContext resource_context;
	Slice resource_bytes; /* to know the next one by, if it is equal */
	Slice resource_schema_url;
	const char *resource_fault; /* why none of its spans can be stored */
	Jsonb *resource;
	text *service_name;
	int64 resource_id; /* valid if has_resource_id */
	bool has_resource_id;

	MemoryContext scope_context;
	const char *scope_fault;
	JsonbValue scope;

	MemoryContext span_context;
} Ingest;

static void *
host_allocate(Host *host pg_attribute_unused(), size_t size)
{
	return palloc(size);
}

static void
host_poll_interrupts(Host *host pg_attribute_unused())
{
	CHECK_FOR_INTERRUPTS();
}

static void
check_wire_format(Slice request)
{
	Host host = {.allocate = host_allocate, .poll = host_poll_interrupts};
	size_t position;
	const char *fault;

	if (otlp_validate(&host, request, &position, &fault) != CORE_OK)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				errmsg("invalid OTLP request: %s at byte %zu", fault, position),
				errhint("The request must be an ExportTraceServiceRequest in "
						"protobuf, with or without gzip."));
}

/*
 * Resources and scopes
 */

static const char *
own_rejection(const Ingest *ingest, Slice rejection)
{
	if (!ingest->heeds_rejections || rejection.data == NULL)
		return NULL;
	return pnstrdup(rejection.data, rejection.length);
}

/* Exporters send a batch's resources one by one, but some repeat the same one
 * for each scope. */
static bool
is_same_resource(const Ingest *ingest, const OtlpResourceSpans *resource)
{
	return resource->resource.data != NULL &&
		   ingest->resource_bytes.data != NULL &&
		   slice_equal(resource->resource, ingest->resource_bytes) &&
		   slice_equal(resource->schema_url, ingest->resource_schema_url);
}

static void
begin_resource(Ingest *ingest, const OtlpResourceSpans *resource)
{
	MemoryContext caller;

	if (resource->rejection.data == NULL && is_same_resource(ingest, resource))
		return;
	MemoryContextReset(ingest->resource_context);
	caller = MemoryContextSwitchTo(ingest->resource_context);
	ingest->resource_bytes = resource->resource;
	ingest->resource_schema_url = resource->schema_url;
	ingest->has_resource_id = false;
	ingest->resource_fault = own_rejection(ingest, resource->rejection);
	if (ingest->resource_fault != NULL)
		ingest->resource_bytes.data = NULL;
	else
		ingest->resource_fault =
			write_resource(resource, &ingest->resource, &ingest->service_name);
	MemoryContextSwitchTo(caller);
}

/* Stores the resource when its first span needs it. */
static int64
current_resource_id(Ingest *ingest)
{
	if (!ingest->has_resource_id)
		ingest->resource_id = resource_id_of(ingest->schema, ingest->resource);
	ingest->has_resource_id = true;
	return ingest->resource_id;
}

static void
begin_scope(Ingest *ingest, const OtlpScopeSpans *scope)
{
	MemoryContext caller;

	MemoryContextReset(ingest->scope_context);
	caller = MemoryContextSwitchTo(ingest->scope_context);
	ingest->scope_fault = own_rejection(ingest, scope->rejection);
	if (ingest->scope_fault == NULL)
		ingest->scope_fault = write_scope(scope, &ingest->scope);
	MemoryContextSwitchTo(caller);
}

/*
 * Spans
 */

static text *
hex_text(Slice id)
{
	Size size = VARHDRSZ + 2 * (Size) id.length;
	text *result = palloc(size);

	SET_VARSIZE(result, size);
	bytes_to_hex(id.data, id.length, VARDATA(result));
	return result;
}

static void *
copy_varlena(const void *value)
{
	Size size = VARSIZE(value);

	return memcpy(palloc(size), value, size);
}

/* The microsecond a time lies in. */
static TimestampTz
timestamp_of(uint64 nanoseconds)
{
	return (TimestampTz) (nanoseconds / 1000) - MICROSECONDS_TO_2000;
}

static int64
duration_of(const OtlpSpan *span)
{
	return timestamp_of(span->end_time) - timestamp_of(span->start_time);
}

static void
set_times(SpanRow *row, const OtlpSpan *span)
{
	row->start_time = timestamp_of(span->start_time);
	row->is_finished = span->end_time != 0;
	if (!row->is_finished)
		return;
	row->end_time = timestamp_of(span->end_time);
	row->duration = duration_of(span);
}

/* What the core does not know about: the log's columns. */
static const char *
column_fault(const OtlpSpan *span)
{
	if (span->end_time != 0 && (duration_of(span) > DURATION_LIMIT ||
								duration_of(span) < -DURATION_LIMIT))
		return "start and end are more than 316 years apart";
	return NULL;
}

static void
limit_rows_size(Ingest *ingest, const SpanRow *row)
{
	ingest->rows_size += VARSIZE(row->tags) + VARSIZE(row->service_name) +
						 VARSIZE(row->operation) + sizeof(SpanRow);
	if (row->logs != NULL)
		ingest->rows_size += VARSIZE(row->logs);
	if (ingest->rows_size > ROWS_LIMIT)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("spans of one OTLP request take more than %zu MB",
					   ROWS_LIMIT / (1024 * 1024)),
				errhint("Send smaller batches."));
}

/* Copies what is in the span's context into the batch. */
static void
add_row(Ingest *ingest, const OtlpSpan *span, const Jsonb *tags,
		const text *logs)
{
	MemoryContext caller = MemoryContextSwitchTo(ingest->batch->context);
	SpanRow *row = span_batch_add(ingest->batch);

	row->trace_id = hex_text(span->trace_id);
	row->span_id = hex_text(span->span_id);
	if (otlp_has_parent(span->parent_span_id))
		row->parent_span_id = hex_text(span->parent_span_id);
	row->service_name = copy_varlena(ingest->service_name);
	row->operation = write_text(span->name);
	set_times(row, span);
	row->tags = copy_varlena(tags);
	if (logs != NULL)
		row->logs = copy_varlena(logs);
	MemoryContextSwitchTo(caller);
	limit_rows_size(ingest, row);
}

static void
reject_span(Ingest *ingest, const OtlpSpan *span, const char *fault)
{
	MemoryContext caller = MemoryContextSwitchTo(ingest->batch->context);
	Slice id = span->span_id;
	char *which = NULL;

	if (id.length > SHOWN_ID_BYTES)
		id.length = SHOWN_ID_BYTES;
	if (id.length > 0)
		which = text_to_cstring(hex_text(id));
	span_batch_reject(ingest->batch, which, fault);
	MemoryContextSwitchTo(caller);
}

/* Returns why the span cannot be stored; NULL if it is in the batch now. */
static const char *
ingest_span(Ingest *ingest, const OtlpSpan *span)
{
	const char *fault = otlp_span_fault(span);
	const char *rejection = own_rejection(ingest, span->rejection);
	Jsonb *tags;
	text *logs;

	/* what was wrong in the JSON explains more than what it left behind */
	if (rejection != NULL)
		return rejection;
	if (fault == NULL)
		fault = column_fault(span);
	if (fault == NULL)
		fault = ingest->resource_fault;
	if (fault == NULL)
		fault = ingest->scope_fault;
	if (fault == NULL)
		fault = write_logs(span, &logs);
	if (fault == NULL)
		fault = write_tags(
			span, current_resource_id(ingest), &ingest->scope, &tags);
	if (fault == NULL)
		add_row(ingest, span, tags, logs);
	return fault;
}

static void
ingest_spans(Ingest *ingest, OtlpItems spans)
{
	MemoryContext caller = MemoryContextSwitchTo(ingest->span_context);
	Slice item;

	while (otlp_next(&spans, &item))
	{
		OtlpSpan span;
		const char *fault;

		CHECK_FOR_INTERRUPTS();
		otlp_read_span(item, &span);
		fault = ingest_span(ingest, &span);
		if (fault != NULL)
			reject_span(ingest, &span, fault);
		MemoryContextReset(ingest->span_context);
	}
	MemoryContextSwitchTo(caller);
}

static void
ingest_request(Ingest *ingest, Slice request)
{
	OtlpItems resources = otlp_resource_spans(request);
	Slice item;

	while (otlp_next(&resources, &item))
	{
		OtlpResourceSpans resource;

		CHECK_FOR_INTERRUPTS();
		otlp_read_resource_spans(item, &resource);
		begin_resource(ingest, &resource);
		while (otlp_next(&resource.scope_spans, &item))
		{
			OtlpScopeSpans scope;

			CHECK_FOR_INTERRUPTS();
			otlp_read_scope_spans(item, &scope);
			begin_scope(ingest, &scope);
			ingest_spans(ingest, scope.spans);
		}
	}
}

/* A context below the current one. */
#define CREATE_CONTEXT(name)                                                   \
	AllocSetContextCreate(CurrentMemoryContext, name, ALLOCSET_DEFAULT_SIZES)

static Datum
ingest_and_report(FunctionCallInfo fcinfo, Slice request, bool heeds_rejections)
{
	Ingest ingest = {
		.schema = calling_schema(fcinfo),
		.batch = span_batch_create(),
		.heeds_rejections = heeds_rejections,
		.resource_context = CREATE_CONTEXT("distributed_trace OTLP resource"),
		.scope_context = CREATE_CONTEXT("distributed_trace OTLP scope"),
		.span_context = CREATE_CONTEXT("distributed_trace OTLP span"),
	};

	check_wire_format(request);
	ingest_request(&ingest, request);
	MemoryContextDelete(ingest.resource_context);
	MemoryContextDelete(ingest.scope_context);
	MemoryContextDelete(ingest.span_context);
	return record_and_report(fcinfo, ingest.batch);
}

Datum
dt_trace_ingest_otlp_protobuf(PG_FUNCTION_ARGS)
{
	bytea *argument = PG_GETARG_BYTEA_PP(0);
	Slice request = {VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument)};

	if (is_gzip(request))
		request = gunzip(request, INFLATED_LIMIT);
	return ingest_and_report(fcinfo, request, false);
}

Datum
dt_trace_ingest_otlp_json(PG_FUNCTION_ARGS)
{
	Slice request = otlp_json_to_protobuf(PG_GETARG_TEXT_PP(0));

	return ingest_and_report(fcinfo, request, true);
}
