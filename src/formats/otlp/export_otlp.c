/*
 * Writing a trace as one OTLP request in JSON.
 *
 * Spans are grouped by resource and scope, as they were when they came in.
 * The groups are put in order by their text, and spans by their start, so that
 * equal traces give equal text, whatever numbers their resources have here.
 * Members that hold a default are left out.
 *
 * A row that did not come by OTLP is written as the span it describes: its
 * service as resource, lines of plain text as events at its start, and ids
 * that OTLP cannot hold as the beginning of their MD5 in hex.  What an id was
 * that is not written as it is stored is in the attributes
 * distributed_trace.trace_id and distributed_trace.span_id.  Times that OTLP
 * cannot hold are held at the ends of its range.
 *
 * What "otel" holds in another form than the recording functions write it is
 * left out, so that whatever is written can be recorded again.
 */
#include "postgres.h"

#include "compat.h"
#include "formats/otlp/any_value.h"
#include "formats/stored_trace.h"
#include "server/json_output.h"
#include "server/json_reader.h"
#include "server/query.h"
#include "store/events.h"
#include "store/otel_member.h"
#include "store/tag_builder.h"
#include "store/tag_readers.h"
#include "store/trace_ids.h"

#include "common/md5.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/formatting.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(dt_trace_export_otlp);

#define UNIX_EPOCH_OFFSET                                                      \
	((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

#define TRACE_ID_ATTRIBUTE "distributed_trace.trace_id"
#define SPAN_ID_ATTRIBUTE "distributed_trace.span_id"
#define KEY(literal) (literal), sizeof(literal) - 1

enum
{
	CODE_UNSET,
	CODE_OK,
	CODE_ERROR,
};

/* An id as OTLP can hold it, in lower case. */
static char *
hex_id(const text *id, int wanted)
{
	const char *string = VARDATA(id);
	int length = VARSIZE(id) - VARHDRSZ;
	const char *error = NULL;
	char digits[TRACE_ID_DIGITS + 1]; /* MD5 has as many */

	if (length == wanted && is_hex(string, length) &&
		!is_all_zero(string, length))
		return asc_tolower(string, length);
	if (!pg_md5_hash(string, length, digits, &error))
		ereport(ERROR,
				errcode(ERRCODE_INTERNAL_ERROR),
				errmsg("could not compute %s hash: %s", "MD5", error));
	return pnstrdup(digits, wanted);
}

static char *
hex_trace_id(text *id)
{
	return hex_id(normalize_trace_id(id), TRACE_ID_DIGITS);
}

static char *
hex_span_id(text *id)
{
	return hex_id(id, SPAN_ID_DIGITS);
}

/* A time as OTLP can hold it, from 1970 to 2554. */
static uint64
unix_nanoseconds(TimestampTz time, int nanoseconds)
{
	uint64 microseconds;

	if (time < -UNIX_EPOCH_OFFSET)
		return 0;
	/* as unsigned, since the last times are beyond what an int64 can add */
	microseconds = (uint64) time + UNIX_EPOCH_OFFSET;
	if (microseconds >= PG_UINT64_MAX / 1000)
		return PG_UINT64_MAX;
	return microseconds * 1000 + nanoseconds;
}

static void
put_time(StringInfo json, const char *name, uint64 nanoseconds)
{
	json_name(json, name);
	appendStringInfo(json, "\"" UINT64_FORMAT "\"", nanoseconds);
}

static void
put_attribute(void *state, const JsonbValue *key, const JsonbValue *value,
			  const JsonbValue *exact)
{
	StringInfo json = state;

	json_separate(json);
	appendStringInfoString(json, "{\"key\":");
	json_put_string(json, key);
	appendStringInfoString(json, ",\"value\":");
	if (exact != NULL)
		json_put_value(json, exact);
	else
		append_any_value(json, value);
	appendStringInfoChar(json, '}');
}

/* The end of a list, or nothing of it if it is empty. */
static void
end_list(StringInfo json, int start, int content)
{
	if (json->len > content)
		appendStringInfoChar(json, ']');
	else
	{
		json->len = start;
		json->data[start] = '\0';
	}
}

static int
begin_list(StringInfo json, const char *name)
{
	json_name(json, name);
	appendStringInfoChar(json, '[');
	return json->len;
}

static void
put_attributes(StringInfo json, JsonbContainer *attributes,
			   JsonbContainer *exact, bool has_otel)
{
	int start = json->len;
	int content = begin_list(json, "attributes");

	each_attribute(attributes, exact, has_otel, put_attribute, json);
	end_list(json, start, content);
}

/* Adds an id to the object if it is not written as it is stored. */
static void
keep_id(JsonbParseState **ids, JsonbValue name, const text *stored,
		const char *written)
{
	JsonbValue id = json_text(stored);

	if (!json_is_string(&id, written))
		add_member(ids, name, id);
}

/* Adds such ids to the tags, where the attributes have their order. */
static void
keep_original_ids(StoredSpan *span)
{
	JsonbParseState *ids = NULL;
	Jsonb *object;

	keep_id(&ids,
			json_string(KEY(TRACE_ID_ATTRIBUTE)),
			span->trace_id,
			hex_trace_id(span->trace_id));
	keep_id(&ids,
			json_string(KEY(SPAN_ID_ATTRIBUTE)),
			span->span_id,
			span->written_id);
	if (ids == NULL)
		return;
	object = finish_object(&ids);
	if (span->tags == NULL || !JB_ROOT_IS_OBJECT(span->tags))
		span->tags = object;
	else
		span->tags = DatumGetJsonbP(DirectFunctionCall2(
			jsonb_concat, JsonbPGetDatum(span->tags), JsonbPGetDatum(object)));
}

static void
put_event(StringInfo json, const StoredSpan *span, const SpanEvent *event)
{
	json_separate(json);
	appendStringInfoChar(json, '{');
	if (event->has_time)
		put_time(json,
				 "timeUnixNano",
				 unix_nanoseconds(event->time, event->nanoseconds));
	else if (event->whole == NULL && span->written_start != 0)
		put_time(json, "timeUnixNano", span->written_start);
	json_name(json, "name");
	json_put_string(json, &event->name);
	if (event->has_attributes || event->whole != NULL)
		put_attributes(
			json,
			event->has_attributes ? json_as_object(&event->attributes) : NULL,
			json_object_member(event->whole, OTEL_EXACT),
			false);
	json_copy_count(
		json, "droppedAttributesCount", event->whole, OTEL_DROPPED_ATTRIBUTES);
	appendStringInfoChar(json, '}');
}

static void
put_events(StringInfo json, const StoredSpan *span)
{
	EventReader reader;
	SpanEvent event;
	int start = json->len;
	int content;

	if (span->logs == NULL)
		return;
	content = begin_list(json, "events");
	event_reader_start(&reader, span->logs);
	while (event_reader_next(&reader, &event))
		put_event(json, span, &event);
	end_list(json, start, content);
}

/* Links may hold bytes of any number, if that is how they came.  What is not
 * the hex of bytes is written as the trace or span of that id is. */
static char *
link_id(text *id, char *(*hex_of_other)(text *) )
{
	const char *string = VARDATA(id);
	int length = VARSIZE(id) - VARHDRSZ;

	if (length % 2 == 0 && is_hex(string, length))
		return asc_tolower(string, length);
	return hex_of_other(id);
}

static void
put_link_id(StringInfo json, const char *name, text *id,
			char *(*hex_of_other)(text *) )
{
	if (id != NULL && VARSIZE(id) > VARHDRSZ)
		json_put_literal(json, name, link_id(id, hex_of_other));
}

static void
put_link(StringInfo json, JsonbContainer *link)
{
	text *trace_id = json_text_member(link, OTEL_TRACE_ID);
	text *span_id = json_text_member(link, OTEL_SPAN_ID);

	json_separate(json);
	appendStringInfoChar(json, '{');
	put_link_id(json, "traceId", trace_id, hex_trace_id);
	put_link_id(json, "spanId", span_id, hex_span_id);
	json_copy_string(json, "traceState", link, OTEL_TRACE_STATE);
	put_attributes(json,
				   json_object_member(link, OTEL_ATTRIBUTES),
				   json_object_member(link, OTEL_EXACT),
				   false);
	json_copy_count(
		json, "droppedAttributesCount", link, OTEL_DROPPED_ATTRIBUTES);
	json_copy_count(json, "flags", link, OTEL_FLAGS);
	appendStringInfoChar(json, '}');
}

static void
put_links(StringInfo json, const StoredSpan *span)
{
	JsonbContainer *links = json_array_member(span->otel, OTEL_LINKS);
	JsonbIterator *array;
	JsonbValue element;
	int start = json->len;
	int content;

	if (links == NULL)
		return;
	content = begin_list(json, "links");
	array = JsonbIteratorInit(links);
	while (json_next_element(&array, &element))
	{
		if (json_as_object(&element) != NULL)
			put_link(json, json_as_object(&element));
	}
	end_list(json, start, content);
}

/* The number of an enum that OTLP has no name for. */
static bool
unnamed_number(JsonbContainer *otel, const char *member, int64 *number)
{
	JsonbValue value;

	return json_member(otel, member, &value) && value.type == jbvNumeric &&
		   json_as_int64(&value, number) && *number >= -PG_INT32_MAX &&
		   *number <= PG_INT32_MAX;
}

static void
put_kind(StringInfo json, const StoredSpan *span)
{
	int64 number = 0;

	if (!unnamed_number(span->otel, OTEL_KIND, &number) && span->tags != NULL)
	{
		bool is_error;
		SpanKind known = tags_read(span->tags, &is_error);

		number = known == SPAN_KIND_ABSENT ? 0 : known - SPAN_KIND_UNSPECIFIED;
	}
	if (number != 0)
		json_put_number(json, "kind", number);
}

static int64
status_code(const StoredSpan *span)
{
	JsonbValue status;
	int64 code;
	bool is_error = false;

	if (unnamed_number(span->otel, OTEL_STATUS, &code))
		return code;
	if (json_member(span->otel, OTEL_STATUS, &status))
	{
		if (json_is_string(&status, "error"))
			return CODE_ERROR;
		if (json_is_string(&status, "ok"))
			return CODE_OK;
	}
	/* tags alone say it in rows that no recording function wrote */
	if (span->otel == NULL && span->tags != NULL)
		(void) tags_read(span->tags, &is_error);
	return is_error ? CODE_ERROR : CODE_UNSET;
}

static void
put_status(StringInfo json, const StoredSpan *span)
{
	int64 code = status_code(span);
	int start = json->len;
	int content;

	json_name(json, "status");
	appendStringInfoChar(json, '{');
	content = json->len;
	json_copy_string(json, "message", span->otel, OTEL_STATUS_MESSAGE);
	if (code != CODE_UNSET)
		json_put_number(json, "code", code);
	if (json->len == content)
	{
		json->len = start;
		json->data[start] = '\0';
		return;
	}
	appendStringInfoChar(json, '}');
}

static void
put_span(StringInfo json, const StoredSpan *span)
{
	json_separate(json);
	appendStringInfoChar(json, '{');
	json_put_literal(json, "traceId", hex_trace_id(span->trace_id));
	json_put_literal(json, "spanId", span->written_id);
	json_copy_string(json, "traceState", span->otel, OTEL_TRACE_STATE);
	if (span->parent_span_id != NULL)
		json_put_literal(
			json, "parentSpanId", hex_span_id(span->parent_span_id));
	json_copy_count(json, "flags", span->otel, OTEL_FLAGS);
	json_put_text(json, "name", span->operation);
	put_kind(json, span);
	put_time(json, "startTimeUnixNano", span->written_start);
	/* 0 is an end that has not come */
	put_time(json,
			 "endTimeUnixNano",
			 span->has_end
				 ? Max(1,
					   unix_nanoseconds(span->end_time,
										stored_nanoseconds(span, OTEL_END_NS)))
				 : 0);
	if (span->tags != NULL)
		put_attributes(json, &span->tags->root, span->exact, true);
	json_copy_count(
		json, "droppedAttributesCount", span->otel, OTEL_DROPPED_ATTRIBUTES);
	put_events(json, span);
	json_copy_count(
		json, "droppedEventsCount", span->otel, OTEL_DROPPED_EVENTS);
	put_links(json, span);
	json_copy_count(json, "droppedLinksCount", span->otel, OTEL_DROPPED_LINKS);
	put_status(json, span);
	appendStringInfoChar(json, '}');
}

/* A list of strings, with the entity that has it. */
static void
copy_strings(StringInfo json, const char *name, JsonbContainer *object,
			 const char *member)
{
	JsonbContainer *strings = json_array_member(object, member);
	JsonbIterator *array;
	JsonbValue element;

	if (strings == NULL)
		return;
	begin_list(json, name);
	array = JsonbIteratorInit(strings);
	while (json_next_element(&array, &element))
	{
		if (element.type != jbvString)
			continue;
		json_separate(json);
		json_put_string(json, &element);
	}
	appendStringInfoChar(json, ']');
}

static void
put_entity_refs(StringInfo json, JsonbContainer *otel)
{
	JsonbContainer *refs = json_array_member(otel, OTEL_ENTITY_REFS);
	JsonbIterator *array;
	JsonbValue element;

	if (refs == NULL)
		return;
	begin_list(json, "entityRefs");
	array = JsonbIteratorInit(refs);
	while (json_next_element(&array, &element))
	{
		JsonbContainer *ref = json_as_object(&element);

		if (ref == NULL)
			continue;
		json_separate(json);
		appendStringInfoChar(json, '{');
		json_copy_string(json, "schemaUrl", ref, OTEL_SCHEMA_URL);
		json_copy_string(json, "type", ref, OTEL_ENTITY_TYPE);
		copy_strings(json, "idKeys", ref, OTEL_ENTITY_ID_KEYS);
		copy_strings(
			json, "descriptionKeys", ref, OTEL_ENTITY_DESCRIPTION_KEYS);
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, ']');
}

/* The members of a ResourceSpans but its list of spans. */
static char *
render_resource(Jsonb *attributes)
{
	JsonbContainer *otel = json_object_member(&attributes->root, OTEL);
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"resource\":{");
	put_attributes(
		&json, &attributes->root, json_object_member(otel, OTEL_EXACT), true);
	json_copy_count(
		&json, "droppedAttributesCount", otel, OTEL_DROPPED_ATTRIBUTES);
	put_entity_refs(&json, otel);
	appendStringInfoChar(&json, '}');
	json_copy_string(&json, "schemaUrl", otel, OTEL_SCHEMA_URL);
	return json.data;
}

static char *
render_service(const text *service_name)
{
	JsonbValue key = json_string(KEY("service.name"));
	JsonbValue value = json_text(service_name);
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"resource\":{\"attributes\":[");
	put_attribute(&json, &key, &value, NULL);
	appendStringInfoString(&json, "]}");
	return json.data;
}

/* The members of a ScopeSpans but its spans. */
static char *
render_scope(const StoredSpan *span)
{
	JsonbContainer *scope = json_object_member(span->otel, OTEL_SCOPE);
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"scope\":{");
	json_copy_string(&json, "name", scope, OTEL_NAME);
	json_copy_string(&json, "version", scope, OTEL_VERSION);
	put_attributes(&json,
				   json_object_member(scope, OTEL_ATTRIBUTES),
				   json_object_member(scope, OTEL_EXACT),
				   false);
	json_copy_count(
		&json, "droppedAttributesCount", scope, OTEL_DROPPED_ATTRIBUTES);
	appendStringInfoChar(&json, '}');
	json_copy_string(&json, "schemaUrl", scope, OTEL_SCHEMA_URL);
	return json.data;
}

/* What a span will be ordered by: its start and id as they are written, or
 * a copy of the trace could come out in another order. */
static void
set_order(StoredSpan *span)
{
	if (span->has_start)
		span->written_start = unix_nanoseconds(
			span->start_time, stored_nanoseconds(span, OTEL_START_NS));
	span->written_id = hex_span_id(span->span_id);
}

static void
render_groups(StoredTrace *trace)
{
	for (int i = 0; i < trace->count; i++)
	{
		StoredSpan *span = &trace->spans[i];

		CHECK_FOR_INTERRUPTS();
		if (span->resource == NULL)
			span->process = render_service(span->service_name);
		else if (span->resource->rendered == NULL)
			span->resource->rendered =
				render_resource(span->resource->attributes);
		if (span->resource != NULL)
			span->process = span->resource->rendered;
		span->scope = render_scope(span);
		set_order(span);
		keep_original_ids(span);
	}
}

static int
compare_groups(const StoredSpan *a, const StoredSpan *b)
{
	int order = a->process == b->process ? 0 : strcmp(a->process, b->process);

	return order != 0 ? order : strcmp(a->scope, b->scope);
}

static int
compare_spans(const void *a, const void *b)
{
	const StoredSpan *x = a;
	const StoredSpan *y = b;
	int order = compare_groups(x, y);

	CHECK_FOR_INTERRUPTS();
	if (order == 0)
		order = (x->written_start > y->written_start) -
				(x->written_start < y->written_start);
	return order != 0 ? order : strcmp(x->written_id, y->written_id);
}

/* Closes the groups that end before this span and opens those that begin with
 * it; `before` is NULL for the first. */
static void
change_groups(StringInfo json, const StoredSpan *before, const StoredSpan *span)
{
	bool same_process =
		before != NULL && strcmp(before->process, span->process) == 0;

	if (same_process && strcmp(before->scope, span->scope) == 0)
		return;
	if (before != NULL)
		appendStringInfoString(json, "]}");
	if (!same_process)
	{
		if (before != NULL)
			appendStringInfoString(json, "]}");
		json_separate(json);
		appendStringInfoString(json, span->process);
		appendStringInfoString(json, ",\"scopeSpans\":[");
	}
	json_separate(json);
	appendStringInfoString(json, span->scope);
	appendStringInfoString(json, ",\"spans\":[");
}

static text *
export_trace(StoredTrace *trace)
{
	MemoryContext scratch;
	MemoryContext caller;
	StringInfoData json;

	render_groups(trace);
	qsort(trace->spans, trace->count, sizeof(StoredSpan), compare_spans);
	initStringInfo(&json);
	scratch = AllocSetContextCreate(CurrentMemoryContext,
									"distributed_trace export",
									ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(scratch);
	appendStringInfoString(&json, "{\"resourceSpans\":[");
	for (int i = 0; i < trace->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		change_groups(
			&json, i == 0 ? NULL : &trace->spans[i - 1], &trace->spans[i]);
		put_span(&json, &trace->spans[i]);
		MemoryContextReset(scratch);
	}
	appendStringInfoString(&json, "]}]}]}");
	MemoryContextSwitchTo(caller);
	return cstring_to_text_with_len(json.data, json.len);
}

/*
 * trace_export_otlp(trace_id text) -> text
 */
Datum
dt_trace_export_otlp(PG_FUNCTION_ARGS)
{
	StoredTrace *trace =
		read_stored_trace(calling_schema(fcinfo), PG_GETARG_TEXT_P(0));

	if (trace == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(export_trace(trace));
}
