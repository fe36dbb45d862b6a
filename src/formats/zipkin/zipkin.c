/*
 * Recording spans that come as Zipkin JSON.
 *
 * The document is an array of spans, or an array of such arrays, as Zipkin's
 * own API returns traces, or one span; or there are several of them, as in a
 * file of JSON Lines.  Spans of the first format become spans of the second
 * before anything else.  Each span may be reported by both sides of a call
 * and in several parts: zipkin_halves.c finds out which reports belong
 * together, and recording merges them.
 *
 * What has no place in the log's columns goes to tags: the addresses of both
 * ends under OpenTelemetry's names (network.local.address, network.peer.port
 * and so on, peer.service), and debug and shared as zipkin.debug and
 * zipkin.shared.  A tag "error" makes the span a failed one whatever it says.
 *
 * Limits: of an endpoint with both an IPv4 and an IPv6 address the first is
 * kept.  Times have microseconds; a fraction below is cut off.
 */
#include "postgres.h"

#include "compat.h"
#include "formats/import_rows.h"
#include "formats/zipkin/zipkin_halves.h"
#include "formats/zipkin/zipkin_v1.h"
#include "server/json_output.h"
#include "server/json_reader.h"
#include "store/otel_member.h"
#include "store/reported.h"
#include "store/span_merge.h"
#include "store/span_times.h"
#include "store/tag_builder.h"
#include "store/trace_ids.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(dt_trace_ingest_zipkin);

#define REPORTS_START_CAPACITY 64

/* Hex digits of at most this number, in lower case; NULL if it is anything
 * else or nothing but zeros. */
static text *
read_id(JsonbContainer *object, const char *member, int most_digits)
{
	text *id = json_text_member(object, member);
	char *digits;
	int length;

	if (id == NULL)
		return NULL;
	digits = VARDATA(id);
	length = VARSIZE(id) - VARHDRSZ;
	if (length > most_digits || !is_hex(digits, length) ||
		is_all_zero(digits, length))
		return NULL;
	for (int i = 0; i < length; i++)
		digits[i] = pg_ascii_tolower((unsigned char) digits[i]);
	return id;
}

/* A parent that is missing, empty or nothing but zeros is none; false if it
 * is something else but no id. */
static bool
read_parent(JsonbContainer *object, text **parent_id)
{
	JsonbValue value;

	*parent_id = NULL;
	if (!json_member(object, "parentId", &value))
		return true;
	if (value.type != jbvString)
		return false;
	if (is_all_zero(value.val.string.val, value.val.string.len))
		return true;
	*parent_id = read_id(object, "parentId", SPAN_ID_DIGITS);
	return *parent_id != NULL;
}

static bool
is_true(JsonbContainer *object, const char *member)
{
	JsonbValue value;

	return json_member(object, member, &value) && value.type == jbvBool &&
		   value.val.boolean;
}

static void
read_endpoint(JsonbContainer *object, const char *member, Endpoint *endpoint)
{
	JsonbContainer *found = json_object_member(object, member);
	JsonbValue port;

	memset(endpoint, 0, sizeof(Endpoint));
	if (found == NULL)
		return;
	endpoint->service = json_text_member(found, "serviceName");
	if (endpoint->service != NULL && VARSIZE(endpoint->service) == VARHDRSZ)
		endpoint->service = NULL;
	endpoint->address = json_text_member(found, "ipv4");
	if (endpoint->address == NULL)
		endpoint->address = json_text_member(found, "ipv6");
	if (!json_member(found, "port", &port) ||
		!json_as_int64(&port, &endpoint->port))
		endpoint->port = 0;
}

static SpanKind
read_kind(JsonbContainer *object)
{
	JsonbValue kind;

	if (!json_member(object, "kind", &kind) || kind.type != jbvString)
		return SPAN_KIND_ABSENT;
	return span_kind_from_name(
		(Slice){kind.val.string.val, kind.val.string.len});
}

/* Reads a member in microseconds since 1970; 0 counts as missing.  False if it
 * is there but is no time. */
static bool
read_timestamp(JsonbContainer *object, bool *found, TimestampTz *time)
{
	JsonbValue value;
	int64 microseconds;

	*found = false;
	if (!json_member(object, "timestamp", &value))
		return true;
	if (!json_as_truncated_int64(&value, &microseconds) ||
		!unix_to_timestamp(microseconds, time))
		return false;
	*found = microseconds != 0;
	return true;
}

/* The earliest annotation stands in for a start that was not reported. */
static void
start_at_annotation(Report *report)
{
	JsonbContainer *annotations =
		json_array_member(report->object, "annotations");
	JsonbIterator *array;
	JsonbValue element;

	if (annotations == NULL)
		return;
	array = JsonbIteratorInit(annotations);
	while (json_next_element(&array, &element))
	{
		bool found;
		TimestampTz time;

		if (!read_timestamp(json_as_object(&element), &found, &time) || !found)
			continue;
		if (!report->has_start || time < report->start)
			report->start = time;
		report->has_start = true;
	}
}

/* Reads all that concerns the identity of a span; returns why it cannot be
 * stored, or NULL. */
static const char *
read_report(Report *report)
{
	JsonbContainer *object = report->object;

	report->id = read_id(object, "id", SPAN_ID_DIGITS);
	if (report->id == NULL)
		return "id is not hex of up to 16 digits";
	report->trace_id = read_id(object, "traceId", TRACE_ID_DIGITS);
	if (report->trace_id == NULL)
		return "traceId is not hex of up to 32 digits";
	report->trace_id = normalize_trace_id(report->trace_id);
	if (!read_parent(object, &report->parent_id))
		return "parentId is not hex of up to 16 digits";
	if (!read_timestamp(object, &report->has_start, &report->start))
		return "timestamp is not a time in microseconds";
	if (!report->has_start)
		start_at_annotation(report);
	report->kind = read_kind(object);
	report->is_shared = is_true(object, "shared");
	read_endpoint(object, "localEndpoint", &report->local);
	return NULL;
}

static Report *
add_report(ReportList *list)
{
	if (list->count == list->capacity)
	{
		list->capacity *= 2;
		list->reports =
			repalloc_huge(list->reports, list->capacity * sizeof(Report));
	}
	memset(&list->reports[list->count], 0, sizeof(Report));
	return &list->reports[list->count++];
}

static void
read_object(JsonbContainer *object, ReportList *list, SpanBatch *batch)
{
	Report *report = add_report(list);
	const char *reason = "not a JSON object";
	JsonbValue kind;

	report->object = object;
	if (object != NULL)
		reason = read_report(report);
	if (report->kind == SPAN_KIND_ABSENT && json_member(object, "kind", &kind))
		span_batch_note(batch, "a kind that is not known is left out");
	if (json_member(object, "binaryAnnotations", &kind))
		span_batch_note(batch,
						"binaryAnnotations of spans that are otherwise of "
						"Zipkin's second format are left out");
	if (reason == NULL)
		return;
	span_batch_reject_id(
		batch,
		report->object == NULL ? NULL : json_text_member(report->object, "id"),
		reason);
	list->count--;
}

/* A span of either format; anything else is rejected. */
static void
read_element(const JsonbValue *element, ReportList *list, SpanBatch *batch)
{
	JsonbContainer *object = json_as_object(element);
	JsonbIterator *sides;
	JsonbValue side;

	if (object == NULL || !is_zipkin_v1(object))
	{
		read_object(object, list, batch);
		return;
	}
	sides = JsonbIteratorInit(&zipkin_v1_as_v2(object)->root);
	while (json_next_element(&sides, &side))
		read_object(json_as_object(&side), list, batch);
}

static void
read_array(JsonbContainer *array, ReportList *list, SpanBatch *batch)
{
	JsonbIterator *outer = JsonbIteratorInit(array);
	JsonbValue element;

	while (json_next_element(&outer, &element))
	{
		JsonbContainer *nested = json_as_array(&element);
		JsonbIterator *inner;

		if (nested == NULL)
		{
			read_element(&element, list, batch);
			continue;
		}
		inner = JsonbIteratorInit(nested);
		while (json_next_element(&inner, &element))
			read_element(&element, list, batch);
	}
}

/* Adds the annotations of a report to the events of its half. */
static void
collect_events(Report *report)
{
	JsonbContainer *annotations =
		json_array_member(report->object, "annotations");
	Half *half = report->half;
	JsonbIterator *array;
	JsonbValue element;

	if (annotations == NULL)
		return;
	array = JsonbIteratorInit(annotations);
	while (json_next_element(&array, &element))
	{
		JsonbContainer *annotation = json_as_object(&element);
		JsonbValue value;
		text *name;
		TimestampTz time;
		bool has_time;

		if (!json_member(annotation, "value", &value))
			continue;
		if (half->events == NULL)
			half->events = makeStringInfo();
		appendStringInfoString(half->events,
							   half->events->len == 0 ? "[{" : ", {");
		if (read_timestamp(annotation, &has_time, &time) && has_time)
		{
			appendStringInfoString(half->events, "\"time\": \"");
			append_event_time(half->events, time, 0);
			appendStringInfoString(half->events, "\", ");
		}
		name = json_value_text(&value);
		appendStringInfoString(half->events, "\"name\": ");
		append_json_string(
			half->events, VARDATA(name), VARSIZE(name) - VARHDRSZ);
		appendStringInfoChar(half->events, '}');
	}
}

static void
add_text_tag(TagBuilder *tags, const char *name, const text *value)
{
	if (value != NULL)
		add_tag(tags, json_key(name), json_text(value));
}

/* What the members of the span say goes before its tags, which may say it
 * better. */
static void
add_endpoints(const Report *report, TagBuilder *tags)
{
	Endpoint remote;

	read_endpoint(report->object, "remoteEndpoint", &remote);
	add_text_tag(tags, "network.local.address", report->local.address);
	if (report->local.port != 0)
		add_tag(tags,
				json_key("network.local.port"),
				json_int64(report->local.port));
	add_text_tag(tags, "peer.service", remote.service);
	add_text_tag(tags, "network.peer.address", remote.address);
	if (remote.port != 0)
		add_tag(tags, json_key("network.peer.port"), json_int64(remote.port));
	if (is_true(report->object, "debug"))
		add_tag(tags, json_key("zipkin.debug"), json_bool(true));
	if (report->is_shared)
		add_tag(tags, json_key("zipkin.shared"), json_bool(true));
}

static void
add_error(TagBuilder *tags, const text *what)
{
	add_otel(tags, OTEL_STATUS, json_key("error"));
	if (VARSIZE(what) > VARHDRSZ)
		add_otel(tags, OTEL_STATUS_MESSAGE, json_text(what));
}

static Jsonb *
build_tags(const Report *report)
{
	JsonbContainer *object = json_object_member(report->object, "tags");
	TagBuilder tags;

	tag_builder_start(&tags);
	add_endpoints(report, &tags);
	if (report->kind != SPAN_KIND_ABSENT)
		add_otel(&tags, OTEL_KIND, json_key(span_kind_name(report->kind)));
	if (object != NULL)
	{
		JsonbIterator *members = JsonbIteratorInit(object);
		JsonbValue name;
		JsonbValue value;

		while (json_next_member(&members, &name, &value))
		{
			text *as_text;

			if (value.type == jbvNull)
				continue;
			as_text = json_value_text(&value);
			add_tag(&tags, name, json_text(as_text));
			if (json_is_string(&name, "error"))
				add_error(&tags, as_text);
		}
	}
	return tag_builder_finish(&tags);
}

/* The times of a row; returns why they are none, or NULL. */
static const char *
set_times(const Report *report, SpanRow *row)
{
	TimestampTz start = report->has_start ? report->start : report->half->start;
	JsonbValue value;
	int64 duration;

	if (!report->has_start && !report->half->has_start)
		start = UNIX_EPOCH_IN_SERVER_TIME;
	row->start_time = start;
	if (!json_member(report->object, "duration", &value))
		return NULL;
	if (!json_as_truncated_int64(&value, &duration) || duration < 0)
		return "duration is not a number of microseconds";
	if (!finish_row(row, start, duration))
		return "duration is out of range";
	return NULL;
}

/* Events of a half lie on the first of its rows: later rows that had none
 * would not take them away, and each with all of them would cost a square. */
static text *
take_events(Half *half)
{
	if (half->is_recorded || half->events == NULL)
		return NULL;
	half->is_recorded = true;
	appendStringInfoChar(half->events, ']');
	return cstring_to_text_with_len(half->events->data, half->events->len);
}

static void
record_report(const Report *report, SpanBatch *batch)
{
	SpanRow row = {0};
	const char *reason = set_times(report, &row);

	if (reason != NULL)
	{
		span_batch_reject_id(batch, report->id, reason);
		return;
	}
	row.trace_id = report->trace_id;
	row.span_id = report->half->span_id;
	row.parent_span_id = report->parent_id;
	row.service_name = report->local.service;
	if (row.service_name == NULL)
		row.service_name = cstring_to_text(UNKNOWN_SERVICE);
	row.operation = json_text_member(report->object, "name");
	if (row.operation == NULL)
		row.operation = cstring_to_text("");
	row.tags = build_tags(report);
	if (report->is_remote)
	{
		Reported reported = {.span_id = report->id,
							 .parent_span_id = report->reported_parent_id};

		row.tags = write_reported(row.tags, &reported);
	}
	row.logs = take_events(report->half);
	add_row_copy(batch, &row);
}

static void
record_reports(ReportList *list, SpanBatch *batch)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "distributed_trace zipkin",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);

	for (int i = 0; i < list->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		record_report(&list->reports[i], batch);
		MemoryContextReset(scratch);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}

/* An array of spans or of arrays of them, or one span. */
static void
read_document(Jsonb *json, ReportList *list, SpanBatch *batch)
{
	JsonbValue root = {.type = jbvBinary};
	JsonbValue id;

	if (JB_ROOT_IS_ARRAY(json) && !JB_ROOT_IS_SCALAR(json))
		read_array(&json->root, list, batch);
	else if (json_member(&json->root, "traceId", &id))
	{
		root.val.binary.data = &json->root;
		read_element(&root, list, batch);
	}
	else
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("a Zipkin document must be a JSON array of spans"));
}

static void
read_request(text *request, SpanBatch *batch)
{
	ReportList list = {.capacity = REPORTS_START_CAPACITY};
	JsonDocuments documents;
	Jsonb *json;

	list.reports = palloc(list.capacity * sizeof(Report));
	json_documents_start(&documents, request);
	while ((json = json_documents_next(&documents)) != NULL)
		read_document(json, &list, batch);
	settle_halves(&list);
	for (int i = 0; i < list.count; i++)
		collect_events(&list.reports[i]);
	record_reports(&list, batch);
}

/*
 * trace_ingest_zipkin(request text)
 *     -> (accepted bigint, duplicates bigint, rejected bigint, message text)
 */
Datum
dt_trace_ingest_zipkin(PG_FUNCTION_ARGS)
{
	SpanBatch *batch = span_batch_create();

	read_request(PG_GETARG_TEXT_PP(0), batch);
	return record_and_report(fcinfo, batch);
}
