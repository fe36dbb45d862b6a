/*
 * Writing a trace in the JSON of Jaeger's UI and API.
 *
 * Jaeger has no members for much of what OpenTelemetry records, and agreed
 * names of tags instead: span.kind, otel.status_code, error, otel.scope.name
 * and so on.  trace_ingest_jaeger reads them back, and also the tag
 * distributed_trace.unfinished, by which a span is marked that has not ended.
 *
 * Limits: times have microseconds, and attributes of links, resources' schema
 * URLs and scopes' attributes have no place.  Integers that JavaScript would
 * round are strings.
 */
#include "postgres.h"

#include "compat.h"
#include "formats/jaeger/jaeger_tags.h"
#include "formats/stored_trace.h"
#include "server/json_output.h"
#include "server/json_reader.h"
#include "server/query.h"
#include "server/values.h"
#include "store/events.h"
#include "store/otel_member.h"
#include "store/tag_readers.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include <math.h>

PG_FUNCTION_INFO_V1(dt_trace_export_jaeger);

#define UNIX_EPOCH_OFFSET                                                      \
	((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

/* beyond this JavaScript's numbers skip integers */
#define MAX_SAFE_INTEGER ((INT64CONST(1) << 53) - 1)

static int64
unix_microseconds(TimestampTz time)
{
	return Min(time, PG_INT64_MAX - UNIX_EPOCH_OFFSET) + UNIX_EPOCH_OFFSET;
}

/* A pair up to its value. */
static void
begin_tag(StringInfo json, const JsonbValue *key, const char *type)
{
	json_separate(json);
	appendStringInfoString(json, "{\"key\":");
	json_put_string(json, key);
	appendStringInfo(json, ",\"type\":\"%s\",\"value\":", type);
}

static void
put_number_tag(StringInfo json, const JsonbValue *key, const JsonbValue *value)
{
	JsonNumber number = json_number(value);

	begin_tag(json, key, number.is_integer ? "int64" : "float64");
	if (!number.is_integer && isinf(number.real))
		appendStringInfo(
			json, "\"%s\"", number.real > 0 ? "Infinity" : "-Infinity");
	else if (!number.is_integer)
		json_put_double(json, number.real);
	else if (number.integer > MAX_SAFE_INTEGER ||
			 number.integer < -MAX_SAFE_INTEGER)
		appendStringInfo(json, "\"" INT64_FORMAT "\"", number.integer);
	else
		appendStringInfo(json, INT64_FORMAT, number.integer);
}

/* What Jaeger has no type for is a string that holds its JSON. */
static void
put_string_tag(StringInfo json, const JsonbValue *key, const JsonbValue *value)
{
	begin_tag(json, key, "string");
	if (value->type == jbvNull)
		appendStringInfoString(json, "\"\"");
	else if (value->type == jbvString)
		json_put_string(json, value);
	else
		json_put_as_text(json, value);
}

static void
put_plain_tag(StringInfo json, const JsonbValue *key, const JsonbValue *value)
{
	if (value->type == jbvNumeric)
		put_number_tag(json, key, value);
	else if (value->type == jbvBool)
	{
		begin_tag(json, key, "bool");
		json_put_value(json, value);
	}
	else
		put_string_tag(json, key, value);
	appendStringInfoChar(json, '}');
}

/* Writes a pair by its exact value, an AnyValue; false if Jaeger has no type
 * for that. */
static bool
put_exact_tag(StringInfo json, const JsonbValue *key, JsonbContainer *exact)
{
	JsonbValue value;
	int64 integer;

	if (json_member(exact, "bytesValue", &value))
		begin_tag(json, key, "binary");
	else if (json_member(exact, "doubleValue", &value) &&
			 !json_is_string(&value, "-0"))
		begin_tag(json, key, "float64");
	else if (json_member(exact, "stringValue", &value) ||
			 json_member(exact, "boolValue", &value))
	{
		put_plain_tag(json, key, &value);
		return true;
	}
	else if (json_member(exact, "intValue", &value) &&
			 json_as_int64(&value, &integer))
	{
		value = json_int64(integer);
		put_plain_tag(json, key, &value);
		return true;
	}
	else
		return false;
	json_put_value(json, &value);
	appendStringInfoChar(json, '}');
	return true;
}

static void
put_attribute(void *state, const JsonbValue *key, const JsonbValue *value,
			  const JsonbValue *exact)
{
	if (exact != NULL && put_exact_tag(state, key, json_as_object(exact)))
		return;
	/* an array or the like that is in "exact" alone */
	if (exact != NULL && value->type == jbvNull)
		value = exact;
	put_plain_tag(state, key, value);
}

static void
put_named_tag(StringInfo json, const char *name, JsonbValue value)
{
	JsonbValue key = json_string(name, strlen(name));

	put_plain_tag(json, &key, &value);
}

static void
put_literal_tag(StringInfo json, const char *name, const char *value)
{
	put_named_tag(json, name, json_string(value, strlen(value)));
}

/* A tag for a member of an object, if that is there. */
static void
copy_member(StringInfo json, const char *name, JsonbContainer *object,
			const char *member)
{
	JsonbValue value;

	if (json_member(object, member, &value))
		put_named_tag(json, name, value);
}

static void
put_status(StringInfo json, const StoredSpan *span)
{
	JsonbValue status;

	if (json_member(span->otel, OTEL_STATUS, &status))
	{
		if (json_is_string(&status, "error"))
		{
			put_literal_tag(json, "otel.status_code", "ERROR");
			put_named_tag(json, "error", json_bool(true));
		}
		else if (json_is_string(&status, "ok"))
			put_literal_tag(json, "otel.status_code", "OK");
	}
	copy_member(
		json, "otel.status_description", span->otel, OTEL_STATUS_MESSAGE);
}

/* What OpenTelemetry recorded besides attributes. */
static void
put_otel(StringInfo json, const StoredSpan *span)
{
	JsonbContainer *scope = json_object_member(span->otel, OTEL_SCOPE);

	copy_member(json, "span.kind", span->otel, OTEL_KIND);
	put_status(json, span);
	copy_member(json, "otel.scope.name", scope, OTEL_NAME);
	copy_member(json, "otel.scope.version", scope, OTEL_VERSION);
	copy_member(json, "w3c.tracestate", span->otel, OTEL_TRACE_STATE);
	copy_member(json,
				"otel.dropped_attributes_count",
				span->otel,
				OTEL_DROPPED_ATTRIBUTES);
	copy_member(
		json, "otel.dropped_events_count", span->otel, OTEL_DROPPED_EVENTS);
	copy_member(
		json, "otel.dropped_links_count", span->otel, OTEL_DROPPED_LINKS);
	if (!span->has_end)
		put_named_tag(json, UNFINISHED_TAG, json_bool(true));
}

static void
put_tags(StringInfo json, const StoredSpan *span)
{
	json_name(json, "tags");
	appendStringInfoChar(json, '[');
	put_otel(json, span);
	if (span->tags != NULL)
		each_attribute(
			&span->tags->root, span->exact, true, put_attribute, json);
	appendStringInfoChar(json, ']');
}

static void
put_reference(StringInfo json, const char *type, const text *trace_id,
			  const text *span_id)
{
	json_separate(json);
	appendStringInfo(json, "{\"refType\":\"%s\"", type);
	json_put_text(json, "traceID", trace_id);
	json_put_text(json, "spanID", span_id);
	appendStringInfoChar(json, '}');
}

/* Whether a link leads to the span's own parent. */
static bool
leads_to_parent(const StoredSpan *span, const text *trace_id,
				const text *span_id)
{
	return span->parent_span_id != NULL &&
		   compare_texts(trace_id, span->trace_id) == 0 &&
		   compare_texts(span_id, span->parent_span_id) == 0;
}

/* A link; what it says of the parent has been said by the parent's own. */
static void
put_link(StringInfo json, const StoredSpan *span, bool follows_parent,
		 JsonbContainer *link)
{
	text *trace_id = json_text_member(link, OTEL_TRACE_ID);
	text *span_id = json_text_member(link, OTEL_SPAN_ID);
	JsonbValue type;
	bool is_child;

	if (trace_id == NULL || span_id == NULL)
		return;
	if (follows_parent && leads_to_parent(span, trace_id, span_id))
		return;
	is_child = json_member(json_object_member(link, OTEL_ATTRIBUTES),
						   REFERENCE_TYPE,
						   &type) &&
			   json_is_string(&type, CHILD_OF);
	put_reference(
		json, is_child ? "CHILD_OF" : "FOLLOWS_FROM", trace_id, span_id);
}

static bool
follows_parent(const StoredSpan *span)
{
	JsonbValue trace_id = json_text(span->trace_id);
	JsonbValue parent;

	if (span->parent_span_id == NULL || span->tags == NULL)
		return false;
	parent = json_text(span->parent_span_id);
	return tags_follow_parent(
		span->tags,
		(Slice){trace_id.val.string.val, trace_id.val.string.len},
		(Slice){parent.val.string.val, parent.val.string.len});
}

static void
put_references(StringInfo json, const StoredSpan *span)
{
	JsonbContainer *links = json_array_member(span->otel, OTEL_LINKS);
	bool follows = follows_parent(span);

	json_name(json, "references");
	appendStringInfoChar(json, '[');
	if (span->parent_span_id != NULL)
		put_reference(json,
					  follows ? "FOLLOWS_FROM" : "CHILD_OF",
					  span->trace_id,
					  span->parent_span_id);
	if (links != NULL)
	{
		JsonbIterator *array = JsonbIteratorInit(links);
		JsonbValue element;

		while (json_next_element(&array, &element))
			put_link(json, span, follows, json_as_object(&element));
	}
	appendStringInfoChar(json, ']');
}

static void
put_log(StringInfo json, const StoredSpan *span, const SpanEvent *event)
{
	int64 time = 0;

	if (event->has_time)
		time = unix_microseconds(event->time);
	else if (span->has_start)
		time = unix_microseconds(span->start_time);
	json_separate(json);
	appendStringInfoChar(json, '{');
	json_put_number(json, "timestamp", time);
	json_name(json, "fields");
	appendStringInfoChar(json, '[');
	if (event->has_name)
		put_named_tag(json, "event", event->name);
	if (event->has_attributes || event->whole != NULL)
		each_attribute(
			event->has_attributes ? json_as_object(&event->attributes) : NULL,
			json_object_member(event->whole, OTEL_EXACT),
			false,
			put_attribute,
			json);
	appendStringInfoString(json, "]}");
}

static void
put_logs(StringInfo json, const StoredSpan *span)
{
	EventReader reader;
	SpanEvent event;

	json_name(json, "logs");
	appendStringInfoChar(json, '[');
	if (span->logs != NULL)
	{
		event_reader_start(&reader, span->logs);
		while (event_reader_next(&reader, &event))
			put_log(json, span, &event);
	}
	appendStringInfoChar(json, ']');
}

/* A span that ended before it began has no duration in Jaeger. */
static int64
duration_of(const StoredSpan *span)
{
	if (!span->has_start || !span->has_end ||
		span->end_time <= span->start_time)
		return 0;
	return span->end_time - span->start_time;
}

static void
put_span(StringInfo json, const StoredSpan *span, int process_number)
{
	json_separate(json);
	appendStringInfoChar(json, '{');
	json_put_text(json, "traceID", span->trace_id);
	json_put_text(json, "spanID", span->span_id);
	json_copy_count(json, "flags", span->otel, OTEL_FLAGS);
	json_put_text(json, "operationName", span->operation);
	put_references(json, span);
	json_put_number(json,
					"startTime",
					span->has_start ? unix_microseconds(span->start_time) : 0);
	json_put_number(json, "duration", duration_of(span));
	put_tags(json, span);
	put_logs(json, span);
	json_name(json, "processID");
	appendStringInfo(json, "\"p%d\",\"warnings\":null}", process_number);
}

/* Adds an attribute of a resource to a process, which has the service's name
 * in another place. */
static void
put_process_tag(void *state, const JsonbValue *key, const JsonbValue *value,
				const JsonbValue *exact)
{
	if (!json_is_string(key, "service.name") || value->type != jbvString)
		put_attribute(state, key, value, exact);
}

static char *
render_process(const StoredSpan *span)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	json_put_text(&json, "serviceName", span->service_name);
	json_name(&json, "tags");
	appendStringInfoChar(&json, '[');
	if (span->resource != NULL)
	{
		JsonbContainer *attributes = &span->resource->attributes->root;

		each_attribute(attributes,
					   json_object_member(json_object_member(attributes, OTEL),
										  OTEL_EXACT),
					   true,
					   put_process_tag,
					   &json);
	}
	appendStringInfoString(&json, "]}");
	return json.data;
}

static int
compare_processes(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static bool
same_service(const StoredSpan *a, const StoredSpan *b)
{
	return VARSIZE(a->service_name) == VARSIZE(b->service_name) &&
		   memcmp(a->service_name, b->service_name, VARSIZE(a->service_name)) ==
			   0;
}

/* Renders the process of a span, or takes it from the span of the same
 * resource before. */
static void
set_process(StoredSpan *span)
{
	StoredResource *resource = span->resource;

	if (resource == NULL)
		span->process = render_process(span);
	else
	{
		if (resource->rendered_for == NULL ||
			!same_service(resource->rendered_for, span))
			resource->rendered = render_process(span);
		resource->rendered_for = span;
		span->process = resource->rendered;
	}
}

/* The processes of a trace as text, each once, in order; returns how many. */
static int
list_processes(StoredTrace *trace, const char **processes)
{
	int count = 0;

	for (int i = 0; i < trace->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		set_process(&trace->spans[i]);
		processes[i] = trace->spans[i].process;
	}
	qsort(processes, trace->count, sizeof(char *), compare_processes);
	for (int i = 0; i < trace->count; i++)
	{
		if (count == 0 || strcmp(processes[count - 1], processes[i]) != 0)
			processes[count++] = processes[i];
	}
	return count;
}

static void
put_processes(StringInfo json, const char **processes, int count)
{
	json_name(json, "processes");
	appendStringInfoChar(json, '{');
	for (int i = 0; i < count; i++)
	{
		json_separate(json);
		appendStringInfo(json, "\"p%d\":", i + 1);
		appendStringInfoString(json, processes[i]);
	}
	appendStringInfoChar(json, '}');
}

static text *
export_trace(StoredTrace *trace)
{
	const char **processes = MemoryContextAllocHuge(
		CurrentMemoryContext, trace->count * sizeof(char *));
	int count = list_processes(trace, processes);
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "distributed_trace export",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller;
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"data\":[{");
	json_put_text(&json, "traceID", trace->spans[0].trace_id);
	json_name(&json, "spans");
	appendStringInfoChar(&json, '[');
	caller = MemoryContextSwitchTo(scratch);
	for (int i = 0; i < trace->count; i++)
	{
		StoredSpan *span = &trace->spans[i];
		const char **process = bsearch(&span->process,
									   processes,
									   count,
									   sizeof(char *),
									   compare_processes);

		CHECK_FOR_INTERRUPTS();
		put_span(&json, span, process - processes + 1);
		MemoryContextReset(scratch);
	}
	MemoryContextSwitchTo(caller);
	appendStringInfoChar(&json, ']');
	put_processes(&json, processes, count);
	appendStringInfoString(&json, ",\"warnings\":null}]}");
	return cstring_to_text_with_len(json.data, json.len);
}

/*
 * trace_export_jaeger(trace_id text) -> text
 */
Datum
dt_trace_export_jaeger(PG_FUNCTION_ARGS)
{
	StoredTrace *trace =
		read_stored_trace(calling_schema(fcinfo), PG_GETARG_TEXT_P(0));

	if (trace == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(export_trace(trace));
}
