/*
 * Recording spans that come as the JSON of Jaeger's UI and API.
 *
 * A document is one trace, an array of traces, {"data": [traces]}, or a single
 * span; a request has one or, as in a file of JSON Lines, several.  Spans
 * name their process, which becomes the resource.  The parent is the first
 * CHILD_OF reference to the same trace, else parentSpanID, else the first
 * FOLLOWS_FROM to the same trace.  Other references become links with their
 * type in the attribute opentracing.ref_type, and so does a FOLLOWS_FROM that
 * is the parent: by that link everybody knows that nobody waited for the span.
 * Of a log's fields the first "event" is the name of the event, the others its
 * attributes.
 */
#include "postgres.h"

#include "compat.h"
#include "formats/import_rows.h"
#include "formats/jaeger/jaeger_tags.h"
#include "server/json_reader.h"
#include "server/query.h"
#include "server/values.h"
#include "store/otel_member.h"
#include "store/resource.h"
#include "store/span_merge.h"
#include "store/span_times.h"
#include "store/tag_readers.h"
#include "store/trace_ids.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(dt_trace_ingest_jaeger);

/* A process of the document, by its place there. */
typedef struct Process
{
	JsonbContainer *object;
	text *service;
	const Resource *resource;
} Process;

typedef struct Import
{
	SpanBatch *batch;
	HTAB *processes;
	ResourceSet *resources;
	MemoryContext scratch; /* reset after every span */
} Import;

/* The trace that is being read. */
typedef struct Trace
{
	text *id; /* for spans that do not name theirs; NULL if it is missing */
	JsonbContainer *processes;
} Trace;

/* In the order of Jaeger's numbers for them. */
typedef enum ReferenceType
{
	REFERENCE_CHILD_OF,
	REFERENCE_FOLLOWS_FROM,
	REFERENCE_OTHER,
} ReferenceType;

/* The parts of a span that references decide. */
typedef struct References
{
	text *parent_id;
	JsonbParseState *links; /* NULL if there are none */
} References;

/* An id that the log can hold: a string that is neither empty nor all zeros
 * nor too long.  NULL for anything else. */
static text *
read_id(JsonbContainer *object, const char *member)
{
	text *id = json_text_member(object, member);
	const char *characters;
	int length;

	if (id == NULL)
		return NULL;
	characters = VARDATA(id);
	length = VARSIZE(id) - VARHDRSZ;
	if (is_all_zero(characters, length) ||
		pg_mbstrlen_with_len(characters, length) > ID_MAX_LENGTH)
		return NULL;
	return id;
}

static text *
read_span_id(JsonbContainer *object, const char *member)
{
	text *id = read_id(object, member);

	return id == NULL ? NULL : normalize_span_id(id);
}

static text *
read_trace_id(JsonbContainer *object)
{
	text *id = read_id(object, "traceID");

	return id == NULL ? NULL : normalize_trace_id(id);
}

static Jsonb *
process_attributes(const Process *process)
{
	TagBuilder attributes;
	JaegerTags tags;
	JaegerTag tag;

	tag_builder_start(&attributes);
	jaeger_tags_start(&tags, process->object);
	while (next_jaeger_tag(&tags, &tag))
		add_jaeger_tag(&attributes, &tag);
	if (process->service != NULL)
		add_tag(
			&attributes, json_key("service.name"), json_text(process->service));
	return tag_builder_finish(&attributes);
}

/* Looks a process up; when it is met first, its resource is put with those to
 * be stored. */
static const Process *
find_process(Import *import, JsonbContainer *object)
{
	bool found;
	Process *process =
		hash_search(import->processes, &object, HASH_ENTER, &found);
	MemoryContext caller;

	if (found)
		return process;
	caller = MemoryContextSwitchTo(import->batch->context);
	process->service = json_text_member(object, "serviceName");
	if (process->service != NULL && VARSIZE(process->service) == VARHDRSZ)
		process->service = NULL;
	MemoryContextSwitchTo(caller);
	process->resource =
		resource_set_add(import->resources, process_attributes(process));
	return process;
}

/* The process of a span, which names it or, in some stores, contains it;
 * NULL if there is none. */
static const Process *
process_of(Import *import, const Trace *trace, JsonbContainer *span)
{
	JsonbContainer *object = json_object_member(span, "process");

	if (object == NULL)
	{
		text *name = json_text_member(span, "processID");

		if (name == NULL)
			return NULL;
		object = json_object_member(trace->processes, text_to_cstring(name));
	}
	return object == NULL ? NULL : find_process(import, object);
}

static const char *const reference_names[] = {
	[REFERENCE_CHILD_OF] = CHILD_OF,
	[REFERENCE_FOLLOWS_FROM] = FOLLOWS_FROM,
};

/* Jaeger's protobuf leaves out CHILD_OF, which is 0 there. */
static ReferenceType
reference_type(JsonbContainer *reference)
{
	JsonbValue type;
	int64 number;

	if (!json_member(reference, "refType", &type))
		return REFERENCE_CHILD_OF;
	for (int i = 0; i < REFERENCE_OTHER; i++)
	{
		const char *name = reference_names[i];

		if (json_as_int64(&type, &number) && number == i)
			return i;
		if (type.type == jbvString &&
			(size_t) type.val.string.len == strlen(name) &&
			pg_strncasecmp(type.val.string.val, name, strlen(name)) == 0)
			return i;
	}
	return REFERENCE_OTHER;
}

static void
add_link(References *references, text *trace_id, text *span_id,
		 ReferenceType type)
{
	JsonbParseState *link = NULL;
	JsonbValue element;

	add_member(&link, json_key(OTEL_TRACE_ID), json_text(trace_id));
	add_member(&link, json_key(OTEL_SPAN_ID), json_text(span_id));
	if (type != REFERENCE_OTHER)
	{
		JsonbParseState *attributes = NULL;

		add_member(&attributes,
				   json_key(REFERENCE_TYPE),
				   json_key(reference_names[type]));
		add_member(&link,
				   json_key(OTEL_ATTRIBUTES),
				   json_nested(finish_object(&attributes)));
	}
	element = json_nested(finish_object(&link));
	if (references->links == NULL)
		pushJsonbValue(&references->links, WJB_BEGIN_ARRAY, NULL);
	pushJsonbValue(&references->links, WJB_ELEM, &element);
}

/* Whether a reference is to the same trace. */
static bool
is_within(JsonbContainer *reference, const text *trace_id)
{
	text *trace = read_trace_id(reference);

	return (trace == NULL || same_value_bytes(trace, trace_id)) &&
		   read_span_id(reference, "spanID") != NULL;
}

/* The first reference to the same trace that is to this span or, where that is
 * NULL, of this type; NULL if there is none. */
static JsonbContainer *
find_reference(JsonbContainer *array, const text *trace_id, const text *span_id,
			   ReferenceType type)
{
	JsonbIterator *references;
	JsonbValue element;

	if (array == NULL)
		return NULL;
	references = JsonbIteratorInit(array);
	while (json_next_element(&references, &element))
	{
		JsonbContainer *reference = json_as_object(&element);

		if (is_within(reference, trace_id) &&
			(span_id == NULL ? reference_type(reference) == type
							 : same_value_bytes(
								   read_span_id(reference, "spanID"), span_id)))
			return reference;
	}
	return NULL;
}

/*
 * The reference that is the parent; NULL if none is.  `parent_id` is
 * parentSpanID, which means CHILD_OF unless a reference to that span says
 * otherwise, or NULL.
 */
static JsonbContainer *
find_parent(JsonbContainer *array, const text *trace_id, const text *parent_id)
{
	JsonbContainer *parent =
		find_reference(array, trace_id, NULL, REFERENCE_CHILD_OF);

	if (parent == NULL && parent_id != NULL)
		return find_reference(array, trace_id, parent_id, REFERENCE_OTHER);
	if (parent == NULL)
		parent = find_reference(array, trace_id, NULL, REFERENCE_FOLLOWS_FROM);
	return parent;
}

/* Makes all references links but the parent's, of which one that the span
 * follows from is both; false if one leads nowhere. */
static bool
add_links(References *result, JsonbContainer *array, text *trace_id,
		  JsonbContainer *parent)
{
	JsonbIterator *references = JsonbIteratorInit(array);
	JsonbValue element;

	while (json_next_element(&references, &element))
	{
		JsonbContainer *reference = json_as_object(&element);
		ReferenceType type = reference_type(reference);
		text *span_id = read_span_id(reference, "spanID");
		text *other_trace = read_trace_id(reference);

		if (span_id == NULL)
			return false;
		if (reference != parent || type != REFERENCE_CHILD_OF)
			add_link(result,
					 other_trace == NULL ? trace_id : other_trace,
					 span_id,
					 type);
	}
	return true;
}

/* Reads parent and links of a span; false if a reference leads nowhere. */
static bool
read_references(JsonbContainer *span, text *trace_id, References *result)
{
	JsonbContainer *array = json_array_member(span, "references");
	text *named = read_span_id(span, "parentSpanID");
	JsonbContainer *parent = find_parent(array, trace_id, named);

	result->parent_id = named;
	if (parent != NULL)
		result->parent_id = read_span_id(parent, "spanID");
	if (named != NULL && !same_value_bytes(named, result->parent_id) &&
		find_reference(array, trace_id, named, REFERENCE_OTHER) == NULL)
		add_link(result, trace_id, named, REFERENCE_CHILD_OF);
	return array == NULL || add_links(result, array, trace_id, parent);
}

/* Fields of a log as an event: its name, and in `builder` the others. */
static JsonbValue
read_fields(JsonbContainer *array, TagBuilder *builder)
{
	JsonbValue name = json_string("", 0);
	bool has_name = false;
	JaegerTags fields = {.array = JsonbIteratorInit(array)};
	JaegerTag field;

	while (next_jaeger_tag(&fields, &field))
	{
		if (!has_name && field.value.type == jbvString &&
			json_is_string(&field.key, "event"))
		{
			name = field.value;
			has_name = true;
		}
		else
			add_jaeger_tag(builder, &field);
	}
	return name;
}

static JsonbValue
read_event(JsonbContainer *log)
{
	JsonbContainer *fields = json_array_member(log, "fields");
	JsonbParseState *event = NULL;
	TagBuilder attributes = {0};
	JsonbValue value;
	int64 microseconds;
	TimestampTz time;

	if (json_member(log, "timestamp", &value) &&
		json_as_truncated_int64(&value, &microseconds) &&
		unix_to_timestamp(microseconds, &time))
	{
		StringInfoData as_text;

		initStringInfo(&as_text);
		append_event_time(&as_text, time, 0);
		add_member(&event,
				   json_key(OTEL_TIME),
				   json_string(as_text.data, as_text.len));
	}
	value = json_string("", 0);
	if (fields != NULL)
		value = read_fields(fields, &attributes);
	if (value.val.string.len > 0)
		add_member(&event, json_key(OTEL_NAME), value);
	if (attributes.tags != NULL)
		add_member(&event,
				   json_key(OTEL_ATTRIBUTES),
				   json_nested(finish_object(&attributes.tags)));
	if (attributes.exact != NULL)
		add_member(&event,
				   json_key(OTEL_EXACT),
				   json_nested(finish_object(&attributes.exact)));
	return json_nested(finish_object(&event));
}

/* The logs of a span as events; NULL if there are none. */
static text *
read_logs(JsonbContainer *span)
{
	JsonbContainer *array = json_array_member(span, "logs");
	JsonbParseState *events = NULL;
	JsonbIterator *logs;
	JsonbValue element;
	Jsonb *finished;

	if (array == NULL || JsonContainerSize(array) == 0)
		return NULL;
	pushJsonbValue(&events, WJB_BEGIN_ARRAY, NULL);
	logs = JsonbIteratorInit(array);
	while (json_next_element(&logs, &element))
	{
		JsonbContainer *log = json_as_object(&element);
		JsonbValue event;

		if (log == NULL)
			continue;
		event = read_event(log);
		pushJsonbValue(&events, WJB_ELEM, &event);
	}
	finished = JsonbValueToJsonb(pushJsonbValue(&events, WJB_END_ARRAY, NULL));
	return cstring_to_text(
		JsonbToCString(NULL, &finished->root, VARSIZE(finished)));
}

/* Fills in when the row began and, if it has, ended; returns why it cannot,
 * or NULL. */
static const char *
set_times(JsonbContainer *span, bool is_finished, SpanRow *row)
{
	JsonbValue value;
	int64 microseconds;
	int64 duration;
	TimestampTz start;

	if (!json_member(span, "startTime", &value))
		value = json_int64(0);
	if (!json_as_truncated_int64(&value, &microseconds) ||
		!unix_to_timestamp(microseconds, &start))
		return "startTime is not a time in microseconds";
	row->start_time = start;
	if (!is_finished || !json_member(span, "duration", &value))
		return NULL;
	if (!json_as_truncated_int64(&value, &duration))
		return "duration is not a number of microseconds";
	return finish_row(row, start, duration) ? NULL : "duration is out of range";
}

/* Reads ids, parent and links; returns why the span cannot be stored, or
 * NULL. */
static const char *
set_ids(const Trace *trace, JsonbContainer *span, SpanRow *row,
		TagBuilder *tags)
{
	References references = {0};

	row->span_id = read_span_id(span, "spanID");
	if (row->span_id == NULL)
		return "spanID is missing or no id";
	row->trace_id = read_trace_id(span);
	if (row->trace_id == NULL)
		row->trace_id = trace->id;
	if (row->trace_id == NULL)
		return "traceID is missing or no id";
	if (!read_references(span, row->trace_id, &references))
		return "a reference names no span";
	row->parent_span_id = references.parent_id;
	if (references.links != NULL)
	{
		JsonbValue *links =
			pushJsonbValue(&references.links, WJB_END_ARRAY, NULL);

		add_otel(tags, OTEL_LINKS, json_nested(JsonbValueToJsonb(links)));
	}
	return NULL;
}

static void
set_names(Import *import, const Trace *trace, JsonbContainer *span,
		  SpanRow *row, TagBuilder *tags)
{
	const Process *process = process_of(import, trace, span);
	JsonbValue flags;
	int64 number;

	row->operation = json_text_member(span, "operationName");
	if (row->operation == NULL)
		row->operation = cstring_to_text("");
	if (process != NULL && process->service != NULL)
		row->service_name = process->service;
	else
		row->service_name = cstring_to_text(UNKNOWN_SERVICE);
	if (process != NULL)
		add_otel(tags, OTEL_RESOURCE, json_int64(process->resource->id));
	if (json_member(span, "flags", &flags) && json_as_int64(&flags, &number) &&
		number > 0 && number <= PG_UINT32_MAX)
		add_otel(tags, OTEL_FLAGS, json_int64(number));
}

/* Reads one span into a row; returns why it cannot be stored, or NULL. */
static const char *
read_span(Import *import, const Trace *trace, JsonbContainer *span,
		  SpanRow *row)
{
	TagBuilder tags;
	const char *reason;
	bool is_finished;

	tag_builder_start(&tags);
	reason = set_ids(trace, span, row, &tags);
	if (reason != NULL)
		return reason;
	is_finished = add_jaeger_span_tags(&tags, span);
	reason = set_times(span, is_finished, row);
	if (reason != NULL)
		return reason;
	set_names(import, trace, span, row, &tags);
	row->tags = tag_builder_finish(&tags);
	row->logs = read_logs(span);
	return NULL;
}

/* What is done with a span, or the element that should be one. */
typedef void (*SpanVisitor)(Import *import, const Trace *trace,
							const JsonbValue *element);

/* The first time: all resources must be known before the first row. */
static void
collect_resource(Import *import, const Trace *trace, const JsonbValue *element)
{
	JsonbContainer *span = json_as_object(element);

	if (span != NULL)
		(void) process_of(import, trace, span);
}

static void
record_span(Import *import, const Trace *trace, const JsonbValue *element)
{
	JsonbContainer *span = json_as_object(element);
	SpanRow row = {0};
	const char *reason = "not a JSON object";

	if (span != NULL)
		reason = read_span(import, trace, span, &row);
	if (reason == NULL)
		add_row_copy(import->batch, &row);
	else
		span_batch_reject_id(import->batch,
							 span == NULL ? NULL
										  : json_text_member(span, "spanID"),
							 reason);
}

static void
visit_span(Import *import, const Trace *trace, const JsonbValue *element,
		   SpanVisitor visit)
{
	MemoryContext caller = MemoryContextSwitchTo(import->scratch);

	visit(import, trace, element);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(import->scratch);
}

/* Whether an object is a span by itself, as Jaeger's storage in Elasticsearch
 * holds it, with its process in it. */
static bool
is_single_span(JsonbContainer *object)
{
	JsonbValue id;

	return json_array_member(object, "spans") == NULL &&
		   json_member(object, "spanID", &id);
}

static void
visit_trace(Import *import, JsonbContainer *object, SpanVisitor visit)
{
	Trace trace = {read_trace_id(object),
				   json_object_member(object, "processes")};
	JsonbContainer *array = json_array_member(object, "spans");
	JsonbIterator *spans;
	JsonbValue element;

	if (is_single_span(object))
	{
		element.type = jbvBinary;
		element.val.binary.data = object;
		visit_span(import, &trace, &element, visit);
		return;
	}
	if (array == NULL)
	{
		if (JsonContainerSize(object) > 0)
			span_batch_note(import->batch,
							"a trace without an array \"spans\" is left out");
		return;
	}
	spans = JsonbIteratorInit(array);
	while (json_next_element(&spans, &element))
		visit_span(import, &trace, &element, visit);
}

static void
visit_traces(Import *import, JsonbContainer *array, SpanVisitor visit)
{
	JsonbIterator *traces = JsonbIteratorInit(array);
	JsonbValue element;

	while (json_next_element(&traces, &element))
	{
		JsonbContainer *object = json_as_object(&element);

		if (object != NULL)
			visit_trace(import, object, visit);
		else if (visit == record_span)
			span_batch_reject_id(
				import->batch, NULL, "its trace is not a JSON object");
	}
}

static void
visit_document(Import *import, Jsonb *json, SpanVisitor visit)
{
	JsonbContainer *traces = json_array_member(&json->root, "data");

	if (traces != NULL)
		visit_traces(import, traces, visit);
	else if (json_array_member(&json->root, "spans") != NULL ||
			 is_single_span(&json->root))
		visit_trace(import, &json->root, visit);
	else if (JB_ROOT_IS_ARRAY(json) && !JB_ROOT_IS_SCALAR(json))
		visit_traces(import, &json->root, visit);
	else
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("a Jaeger document must be a trace, an array of "
					   "traces, or an object with traces in \"data\""));
}

static List *
read_documents(text *request)
{
	List *list = NIL;
	JsonDocuments documents;
	Jsonb *json;

	json_documents_start(&documents, request);
	while ((json = json_documents_next(&documents)) != NULL)
		list = lappend(list, json);
	return list;
}

/*
 * trace_ingest_jaeger(request text)
 *     -> (accepted bigint, duplicates bigint, rejected bigint, message text)
 */
Datum
dt_trace_ingest_jaeger(PG_FUNCTION_ARGS)
{
	HASHCTL control = {.keysize = sizeof(JsonbContainer *),
					   .entrysize = sizeof(Process),
					   .hcxt = CurrentMemoryContext};
	Import import = {.batch = span_batch_create(),
					 .resources = resource_set_create()};
	List *documents = read_documents(PG_GETARG_TEXT_PP(0));
	ListCell *document;

	import.processes = hash_create("distributed_trace processes",
								   64,
								   &control,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	import.scratch = AllocSetContextCreate(CurrentMemoryContext,
										   "distributed_trace jaeger",
										   ALLOCSET_DEFAULT_SIZES);
	foreach (document, documents)
		visit_document(&import, lfirst(document), collect_resource);
	resource_set_store(import.resources, calling_schema(fcinfo));
	foreach (document, documents)
		visit_document(&import, lfirst(document), record_span);
	return record_and_report(fcinfo, import.batch);
}
