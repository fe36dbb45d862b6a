/*
 * Recording spans that come as OTLP: trace_ingest_otlp(bytea) and (text).
 *
 * A request in JSON is first turned into protobuf; then there is one way for
 * both.  The wire format of the whole request is checked before anything is
 * stored, so that a malformed one is an error that leaves no trace; after that
 * a span that cannot be stored is rejected alone.  It is gone through twice,
 * because all its resources are stored, in one order, before the first span:
 * two sessions with the same new resources must not wait for one another.
 *
 * The SQL functions record a request in one piece, the receiver in slices, each
 * in a transaction of its own, so that neither its memory nor the time that
 * others have to wait grows with the request.
 *
 * Memory: the batch keeps rows alone.  What a span needs on the way is in a
 * context that is reset for each, what its scope needs in one for each scope.
 */
#include "postgres.h"

#include "compat.h"
#include "core/wire/encoding.h"
#include "core/wire/otlp.h"
#include "formats/otlp/otlp_ingest.h"
#include "formats/otlp/otlp_json.h"
#include "formats/otlp/tag_writer.h"
#include "server/gzip.h"
#include "server/query.h"
#include "server/text_encoding.h"
#include "server/values.h"
#include "store/resource.h"
#include "store/span_batch.h"
#include "store/span_times.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(dt_trace_ingest_otlp_protobuf);
PG_FUNCTION_INFO_V1(dt_trace_ingest_otlp_json);

/* The largest request, after inflating: what OTLP's specification recommends. */
#define REQUEST_LIMIT ((Size) 64 * 1024 * 1024)

/* Rows of one request, in bytes.  A scope and a service name are repeated in
 * each of their spans, so that a small request may grow beyond measure. */
#define ROWS_LIMIT ((Size) 1024 * 1024 * 1024)
#define ROWS_FAULT "spans of one request take more than 1024 MB"

/* Rows of a slice, likewise. */
#define SLICE_ROWS_SIZE ((Size) 16 * 1024 * 1024)

/* digits of a rejected span's id that are shown */
#define SHOWN_ID_BYTES 16

#define SOURCES_START_CAPACITY 8

/* Where spans come from: one for each resource of the request, in its order,
 * that has any. */
typedef struct Source
{
	const char *fault; /* why none of its spans can be stored */
	const Resource *resource;
	text *service_name;
} Source;

typedef struct Ingest
{
	SpanBatch *batch;
	OtlpRequest *request;
	Size rows_size; /* beyond it nothing more is read; SIZE_MAX: one piece */

	ResourceSet *resources;
	Source *sources;
	int source_count;
	int source_capacity;
	Slice resource_bytes; /* to know the next one by, if it is equal */
	Slice resource_schema_url;

	const Source *source; /* of the spans being read */
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
 * The way through a request
 */

/* The next span; false after the last. */
static bool
next_span(OtlpCursor *cursor, Slice *span)
{
	Slice item;

	CHECK_FOR_INTERRUPTS();
	while (!otlp_next(&cursor->spans, span))
	{
		CHECK_FOR_INTERRUPTS();
		while (!otlp_next(&cursor->scopes, &item))
		{
			CHECK_FOR_INTERRUPTS();
			if (!otlp_next(&cursor->resources, &item))
				return false;
			otlp_read_resource_spans(item, &cursor->resource);
			cursor->scopes = cursor->resource.scope_spans;
			cursor->resource_number++;
		}
		otlp_read_scope_spans(item, &cursor->scope);
		cursor->spans = cursor->scope.spans;
		cursor->scope_number++;
	}
	return true;
}

/*
 * Resources and scopes
 */

static const char *
own_rejection(const Ingest *ingest, Slice rejection)
{
	if (!ingest->request->heeds_rejections || rejection.data == NULL)
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

static Source *
add_source(Ingest *ingest)
{
	if (ingest->source_count == ingest->source_capacity)
	{
		ingest->source_capacity *= 2;
		ingest->sources = repalloc_huge(
			ingest->sources, ingest->source_capacity * sizeof(Source));
	}
	memset(&ingest->sources[ingest->source_count], 0, sizeof(Source));
	return &ingest->sources[ingest->source_count++];
}

/* In one piece, a request that grows too much is refused as a whole; in slices,
 * the rest of it is: see ingest_span. */
static void
add_rows_size(Ingest *ingest, Size added)
{
	ingest->request->rows_size += added;
	if (ingest->rows_size == SIZE_MAX &&
		ingest->request->rows_size > ROWS_LIMIT)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg(ROWS_FAULT),
				errhint("Send smaller batches."));
}

/* Reads a resource; `context` is reset at the end. */
static void
read_source(Ingest *ingest, const OtlpResourceSpans *resource, Source *source,
			MemoryContext context)
{
	MemoryContext caller;
	Size size_before = ingest->resources->size;
	text *service_name;
	Jsonb *attributes;

	ingest->resource_bytes = resource->resource;
	ingest->resource_schema_url = resource->schema_url;
	source->fault = own_rejection(ingest, resource->rejection);
	if (source->fault != NULL)
	{
		ingest->resource_bytes.data = NULL;
		return;
	}
	caller = MemoryContextSwitchTo(context);
	source->fault = write_resource(resource, &attributes, &service_name);
	if (source->fault == NULL)
		source->resource = resource_set_add(ingest->resources, attributes);
	MemoryContextSwitchTo(caller);
	if (source->fault == NULL)
		source->service_name = copy_value(service_name);
	MemoryContextReset(context);
	add_rows_size(ingest, ingest->resources->size - size_before);
}

/* The first way through up to so many spans: what they come from.  Returns how
 * many they are: one at least, and no more once their resources take a slice's
 * size. */
static int64
collect_sources(Ingest *ingest, int64 limit)
{
	OtlpCursor cursor = ingest->request->cursor;
	uint32 resource = 0;
	int64 count = 0;
	Slice item;

	while (count < limit && ingest->resources->size < ingest->rows_size &&
		   next_span(&cursor, &item))
	{
		Source *source;

		count++;
		if (ingest->source_count > 0 && resource == cursor.resource_number)
			continue;
		resource = cursor.resource_number;
		source = add_source(ingest);
		if (cursor.resource.rejection.data == NULL &&
			is_same_resource(ingest, &cursor.resource))
			*source = source[-1];
		else
			read_source(ingest, &cursor.resource, source, ingest->span_context);
	}
	return count;
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

/* The microsecond a time lies in. */
static TimestampTz
timestamp_of(uint64 nanoseconds)
{
	return (TimestampTz) (nanoseconds / 1000) + UNIX_EPOCH_IN_SERVER_TIME;
}

/* Fills in the times of a row; returns why it cannot, or NULL. */
static const char *
set_times(SpanRow *row, const OtlpSpan *span)
{
	row->start_time = timestamp_of(span->start_time);
	row->is_finished = span->end_time != 0;
	if (!row->is_finished)
		return NULL;
	row->end_time = timestamp_of(span->end_time);
	row->has_duration =
		span_duration(row->start_time, row->end_time, &row->duration);
	return row->has_duration ? NULL : DURATION_FAULT;
}

static Size
row_size(const SpanRow *row)
{
	return VARSIZE(row->tags) + VARSIZE(row->service_name) +
		   VARSIZE(row->operation) + sizeof(SpanRow) +
		   (row->logs == NULL ? 0 : VARSIZE(row->logs));
}

/* Copies what is in the span's context into the batch. */
static void
add_row(Ingest *ingest, const OtlpSpan *span, const SpanRow *times,
		const Jsonb *tags, const text *logs)
{
	MemoryContext caller = MemoryContextSwitchTo(ingest->batch->context);
	SpanRow *row = span_batch_add(ingest->batch);

	*row = *times;
	row->reports = 1;
	row->trace_id = hex_text(span->trace_id);
	row->span_id = hex_text(span->span_id);
	if (otlp_has_parent(span->parent_span_id))
		row->parent_span_id = hex_text(span->parent_span_id);
	row->service_name = copy_value(ingest->source->service_name);
	row->operation = write_text(span->name);
	row->tags = copy_value(tags);
	row->logs = copy_value(logs);
	MemoryContextSwitchTo(caller);
	add_rows_size(ingest, row_size(row));
}

static void
reject_span(SpanBatch *batch, const OtlpSpan *span, const char *fault)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->context);
	Slice id = span->span_id;
	char *which = NULL;

	if (id.length > SHOWN_ID_BYTES)
		id.length = SHOWN_ID_BYTES;
	if (id.length > 0)
		which = text_to_cstring(hex_text(id));
	span_batch_reject(batch, which, fault);
	MemoryContextSwitchTo(caller);
}

/* Returns why the span cannot be stored; NULL if it is in the batch now. */
static const char *
ingest_span(Ingest *ingest, const OtlpSpan *span)
{
	const char *fault = otlp_span_fault(span);
	const char *rejection = own_rejection(ingest, span->rejection);
	SpanRow times = {0};
	Jsonb *tags;
	text *logs;

	/* what was wrong in the JSON explains more than what it left behind */
	if (rejection != NULL)
		return rejection;
	if (ingest->request->rows_size > ROWS_LIMIT)
		return ROWS_FAULT;
	if (fault == NULL)
		fault = set_times(&times, span);
	if (fault == NULL)
		fault = ingest->source->fault;
	if (fault == NULL)
		fault = ingest->scope_fault;
	if (fault == NULL)
		fault = write_logs(span, &logs);
	if (fault == NULL)
		fault = write_tags(
			span, ingest->source->resource->id, &ingest->scope, &tags);
	if (fault == NULL)
		add_row(ingest, span, &times, tags, logs);
	return fault;
}

static void
read_span(Ingest *ingest, Slice item)
{
	MemoryContext caller = MemoryContextSwitchTo(ingest->span_context);
	OtlpSpan span;
	const char *fault;

	otlp_read_span(item, &span);
	fault = ingest_span(ingest, &span);
	if (fault != NULL)
		reject_span(ingest->batch, &span, fault);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(ingest->span_context);
}

/* The second way through the same spans, past the same sources. */
static void
collect_spans(Ingest *ingest, int64 count)
{
	OtlpCursor *cursor = &ingest->request->cursor;
	Size size_before = ingest->request->rows_size;
	uint32 resource = 0;
	uint32 scope = 0;
	Slice item;

	ingest->source = NULL;
	while (count-- > 0 &&
		   ingest->request->rows_size - size_before < ingest->rows_size &&
		   next_span(cursor, &item))
	{
		if (ingest->source == NULL)
			ingest->source = ingest->sources;
		else if (resource != cursor->resource_number)
			ingest->source++;
		/* numbers begin at 1 */
		if (scope != cursor->scope_number)
			begin_scope(ingest, &cursor->scope);
		resource = cursor->resource_number;
		scope = cursor->scope_number;
		read_span(ingest, item);
	}
}

/* A context below the current one. */
#define CREATE_CONTEXT(name)                                                   \
	AllocSetContextCreate(CurrentMemoryContext, name, ALLOCSET_DEFAULT_SIZES)

static SpanBatch *
record_spans_of(OtlpRequest *request, int64 limit, Size rows_size, Oid schema,
				RecordResult *result)
{
	Ingest ingest = {
		.batch = span_batch_create(),
		.request = request,
		.rows_size = rows_size,
		.resources = resource_set_create(),
		.sources = palloc(SOURCES_START_CAPACITY * sizeof(Source)),
		.source_capacity = SOURCES_START_CAPACITY,
		.scope_context = CREATE_CONTEXT("distributed_trace OTLP scope"),
		.span_context = CREATE_CONTEXT("distributed_trace OTLP span"),
	};
	int64 count;

	count = collect_sources(&ingest, limit);
	resource_set_store(ingest.resources, schema);
	collect_spans(&ingest, count);
	MemoryContextDelete(ingest.scope_context);
	MemoryContextDelete(ingest.span_context);
	*result = record_spans(ingest.batch, schema);
	if (request->note != NULL)
		span_batch_note(ingest.batch, request->note);
	request->note = NULL;
	return ingest.batch;
}

/*
 * Requests
 */

static void
limit_request(Size size)
{
	if (size > REQUEST_LIMIT)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("OTLP request is larger than %zu MB",
					   REQUEST_LIMIT / (1024 * 1024)),
				errhint("Send smaller batches."));
}

static OtlpRequest
open_request(Slice bytes, bool heeds_rejections, const char *note)
{
	check_wire_format(bytes);
	return (OtlpRequest){
		.bytes = bytes,
		.heeds_rejections = heeds_rejections,
		.note = note,
		.cursor = {.resources = otlp_resource_spans(bytes)},
	};
}

void
otlp_request_rewind(OtlpRequest *request)
{
	request->rows_size = 0;
	request->cursor =
		(OtlpCursor){.resources = otlp_resource_spans(request->bytes)};
}

OtlpRequest
otlp_request_protobuf(Slice request)
{
	OtlpItems resources = otlp_resource_spans(request);
	Slice item;

	limit_request(request.length);
	if (request.length == 0 || otlp_next(&resources, &item))
		return open_request(request, false, NULL);
	return open_request(request, false, "nothing in the request is known");
}

OtlpRequest
otlp_request_json(Slice request)
{
	const char *note;

	limit_request(request.length);
	request = otlp_json_to_protobuf(request, &note);
	return open_request(request, true, note);
}

int64
otlp_request_count(const OtlpRequest *request, int64 limit)
{
	OtlpCursor cursor = request->cursor;
	int64 count = 0;
	Slice item;

	while (count < limit && next_span(&cursor, &item))
		count++;
	return count;
}

SpanBatch *
otlp_record_slice(OtlpRequest *request, int64 count, Oid schema,
				  RecordResult *result)
{
	return record_spans_of(request, count, SLICE_ROWS_SIZE, schema, result);
}

SpanBatch *
otlp_refuse_slice(OtlpRequest *request, int64 count, const char *reason)
{
	SpanBatch *batch = span_batch_create();
	Slice item;

	while (count-- > 0 && next_span(&request->cursor, &item))
	{
		OtlpSpan span;

		otlp_read_span(item, &span);
		reject_span(batch, &span, reason);
	}
	return batch;
}

/*
 * SQL
 */

static Datum
record_in_one_piece(FunctionCallInfo fcinfo, OtlpRequest request)
{
	RecordResult result;
	SpanBatch *batch = record_spans_of(
		&request, PG_INT64_MAX, SIZE_MAX, calling_schema(fcinfo), &result);

	return report_recorded(fcinfo, batch, &result);
}

/*
 * trace_ingest_otlp(request bytea) -> (accepted, duplicates, rejected bigint,
 *     message text)
 *
 * Records an ExportTraceServiceRequest in protobuf, gzip recognised; an error
 * if it is none.
 */
Datum
dt_trace_ingest_otlp_protobuf(PG_FUNCTION_ARGS)
{
	bytea *argument = PG_GETARG_BYTEA_PP(0);
	Slice request = {VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument)};

	limit_request(request.length);
	if (is_gzip(request))
		request = gunzip(request, REQUEST_LIMIT);
	return record_in_one_piece(fcinfo, otlp_request_protobuf(request));
}

/*
 * trace_ingest_otlp(request text) -> (accepted, duplicates, rejected bigint,
 *     message text)
 *
 * Records a request in JSON, or several one after another; an error if one is
 * malformed.
 */
Datum
dt_trace_ingest_otlp_json(PG_FUNCTION_ARGS)
{
	text *argument = PG_GETARG_TEXT_PP(0);
	Slice request = text_to_utf8(
		(Slice){VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument)});

	return record_in_one_piece(fcinfo, otlp_request_json(request));
}
