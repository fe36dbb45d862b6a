/*
 * What OTLP says of spans, resources and scopes in the form in which the log
 * holds it: see tag_writer.h.
 *
 * Members that hold their default are left out; the objects' own members are
 * added in jsonb's order, by length and then by byte.
 */
#include "postgres.h"

#include "formats/otlp/tag_writer.h"
#include "store/otel_member.h"

#include "compat.h"
#include "formats/otlp/otlp_value.h"
#include "server/jsonb_tree.h"
#include "store/span_batch.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/memutils.h"

/* most members of the objects that are written here */
#define OTEL_MEMBERS 14
#define SCOPE_MEMBERS 6
#define LINK_MEMBERS 7
#define EVENT_MEMBERS 5
#define RESOURCE_MEMBERS 4
#define ENTITY_MEMBERS 4

/* A scope is repeated in the tags of each of its spans. */
#define SCOPE_MAX_SIZE (64 * 1024)

/* jsonb ends at 256 MB, and awkward values take up to twenty times as many
 * bytes there as in a request */
#define SPAN_MAX_SIZE (8 * 1024 * 1024)

#define NANOSECONDS UINT64CONST(1000000000)

static void
add_text_unless_empty(JsonbValue *object, const char *key, Slice string)
{
	if (string.length > 0)
		set_text(add_named(object, key), string);
}

static void
add_integer_unless_zero(JsonbValue *object, const char *key, int64 number)
{
	if (number != 0)
		set_integer(add_named(object, key), number);
}

static void
add_unless_empty(JsonbValue *object, const char *key, const JsonbValue *value)
{
	if (value->type == jbvNull ||
		(value->type == jbvObject && value->val.object.nPairs == 0) ||
		(value->type == jbvArray && value->val.array.nElems == 0))
		return;
	*add_named(object, key) = *value;
}

/*
 * Resources
 */

static JsonbValue
strings_of(OtlpItems items)
{
	JsonbValue array;
	Slice string;

	start_array(&array, otlp_count(items));
	while (otlp_next(&items, &string))
		set_text(add_element(&array), string);
	return array;
}

static JsonbValue
entity_refs_of(OtlpItems items)
{
	JsonbValue array;
	Slice item;

	start_array(&array, otlp_count(items));
	while (otlp_next(&items, &item))
	{
		JsonbValue *object = add_element(&array);
		OtlpEntityRef ref;
		JsonbValue id_keys;
		JsonbValue description_keys;

		CHECK_FOR_INTERRUPTS();
		otlp_read_entity_ref(item, &ref);
		id_keys = strings_of(ref.id_keys);
		description_keys = strings_of(ref.description_keys);
		start_object(object, ENTITY_MEMBERS);
		add_text_unless_empty(object, OTEL_ENTITY_TYPE, ref.type);
		add_unless_empty(object, OTEL_ENTITY_ID_KEYS, &id_keys);
		add_text_unless_empty(object, OTEL_SCHEMA_URL, ref.schema_url);
		add_unless_empty(
			object, OTEL_ENTITY_DESCRIPTION_KEYS, &description_keys);
	}
	return array;
}

static const JsonbValue *
find_member(const JsonbValue *object, const char *key)
{
	for (int i = 0; i < object->val.object.nPairs; i++)
	{
		const JsonbPair *pair = &object->val.object.pairs[i];

		if ((Size) pair->key.val.string.len == strlen(key) &&
			memcmp(pair->key.val.string.val, key, strlen(key)) == 0)
			return &pair->value;
	}
	return NULL;
}

/* The name of the service among a resource's attributes. */
static text *
service_name_of(const JsonbValue *attributes)
{
	const JsonbValue *name = find_member(attributes, "service.name");
	Jsonb *json;

	if (name == NULL || name->type == jbvNull)
		return cstring_to_text("unknown_service");
	if (name->type == jbvString)
		return cstring_to_text_with_len(name->val.string.val,
										name->val.string.len);
	json = JsonbValueToJsonb(unconstify(JsonbValue *, name));
	return cstring_to_text(JsonbToCString(NULL, &json->root, VARSIZE(json)));
}

const char *
write_resource(const OtlpResourceSpans *resource, Jsonb **attributes,
			   text **service_name)
{
	AttributeObjects objects;
	JsonbValue otel;
	JsonbValue entity_refs;
	ValueBudget budget = {VALUES_MAX};
	const char *fault;

	if (resource->size > SPAN_MAX_SIZE)
		return "resource is larger than 8 MB";
	fault = read_attributes(resource->attributes,
							otlp_count(resource->attributes),
							true,
							&budget,
							&objects);
	if (fault != NULL)
		return fault;
	*service_name = service_name_of(&objects.plain);
	fault = service_name_fault(*service_name);
	if (fault != NULL)
		return fault;

	entity_refs = entity_refs_of(resource->entity_refs);
	start_object(&otel, RESOURCE_MEMBERS);
	add_unless_empty(&otel, OTEL_EXACT, &objects.exact);
	add_text_unless_empty(&otel, OTEL_SCHEMA_URL, resource->schema_url);
	add_unless_empty(&otel, OTEL_ENTITY_REFS, &entity_refs);
	add_integer_unless_zero(
		&otel, OTEL_DROPPED_ATTRIBUTES, resource->dropped_attributes_count);
	if (otel.val.object.nPairs > 0)
		*insert_named(&objects.plain, OTEL) = otel;
	*attributes = JsonbValueToJsonb(&objects.plain);
	return NULL;
}

const char *
write_scope(const OtlpScopeSpans *scope, JsonbValue *value)
{
	AttributeObjects objects;
	ValueBudget budget = {VALUES_MAX};
	const char *fault;

	if (scope->scope_size > SCOPE_MAX_SIZE)
		return "scope is larger than 64 kB";
	fault = read_attributes(scope->attributes,
							otlp_count(scope->attributes),
							false,
							&budget,
							&objects);
	if (fault != NULL)
		return fault;
	start_object(value, SCOPE_MEMBERS);
	add_text_unless_empty(value, OTEL_NAME, scope->name);
	add_unless_empty(value, OTEL_EXACT, &objects.exact);
	add_text_unless_empty(value, OTEL_VERSION, scope->version);
	add_unless_empty(value, OTEL_ATTRIBUTES, &objects.plain);
	add_text_unless_empty(value, OTEL_SCHEMA_URL, scope->schema_url);
	add_integer_unless_zero(
		value, OTEL_DROPPED_ATTRIBUTES, scope->dropped_attributes_count);
	return NULL;
}

/*
 * Spans
 */

/* One link; an id of whatever length is kept. */
static const char *
set_link(JsonbValue *object, Slice item, ValueBudget *budget)
{
	JsonbPair members[LINK_MEMBERS];
	AttributeObjects objects;
	OtlpLink link;
	const char *fault;

	otlp_read_link(item, &link);
	fault = read_attributes(
		link.attributes, link.attributes.count, false, budget, &objects);
	if (fault != NULL)
		return fault;
	start_small_object(object, members);
	add_unless_empty(object, OTEL_EXACT, &objects.exact);
	add_integer_unless_zero(object, OTEL_FLAGS, link.flags);
	if (link.span_id.length > 0)
		set_hex(add_named(object, OTEL_SPAN_ID), link.span_id);
	if (link.trace_id.length > 0)
		set_hex(add_named(object, OTEL_TRACE_ID), link.trace_id);
	add_unless_empty(object, OTEL_ATTRIBUTES, &objects.plain);
	add_text_unless_empty(object, OTEL_TRACE_STATE, link.trace_state);
	add_integer_unless_zero(
		object, OTEL_DROPPED_ATTRIBUTES, link.dropped_attributes_count);
	keep_object(object);
	return NULL;
}

static const char *
read_links(const OtlpSpan *span, ValueBudget *budget, JsonbValue *links)
{
	OtlpItems items = span->links;
	Slice item;
	const char *fault = spend_values(budget, items.count);

	links->type = jbvNull;
	if (items.count == 0 || fault != NULL)
		return fault;
	start_array(links, items.count);
	while (fault == NULL && otlp_next(&items, &item))
	{
		CHECK_FOR_INTERRUPTS();
		fault = set_link(add_element(links), item, budget);
	}
	return fault;
}

static void
add_kind(JsonbValue *otel, int32 kind)
{
	JsonbValue *value = add_named(otel, OTEL_KIND);

	/* OTLP counts from "unspecified" */
	if (kind < 0 || kind >= SPAN_KIND_COUNT - SPAN_KIND_UNSPECIFIED)
		set_integer(value, kind);
	else
		set_literal(value, span_kind_name(kind + SPAN_KIND_UNSPECIFIED));
}

static void
add_status(JsonbValue *otel, int32 code)
{
	if (code == 1)
		set_literal(add_named(otel, OTEL_STATUS), "ok");
	else if (code == 2)
		set_literal(add_named(otel, OTEL_STATUS), "error");
	else
		add_integer_unless_zero(otel, OTEL_STATUS, code);
}

/* The member "otel" of a span's tags. */
static void
set_otel(JsonbValue *otel, const OtlpSpan *span, int64 resource_id,
		 const JsonbValue *scope, const JsonbValue *exact,
		 const JsonbValue *links)
{
	start_object(otel, OTEL_MEMBERS);
	add_kind(otel, span->kind);
	add_unless_empty(otel, OTEL_EXACT, exact);
	add_integer_unless_zero(otel, OTEL_FLAGS, span->flags);
	add_unless_empty(otel, OTEL_LINKS, links);
	add_unless_empty(otel, OTEL_SCOPE, scope);
	add_integer_unless_zero(otel, OTEL_END_NS, span->end_time % 1000);
	add_status(otel, span->status_code);
	set_integer(add_named(otel, OTEL_RESOURCE), resource_id);
	add_integer_unless_zero(otel, OTEL_START_NS, span->start_time % 1000);
	add_text_unless_empty(otel, OTEL_TRACE_STATE, span->trace_state);
	add_text_unless_empty(otel, OTEL_STATUS_MESSAGE, span->status_message);
	add_integer_unless_zero(
		otel, OTEL_DROPPED_LINKS, span->dropped_links_count);
	add_integer_unless_zero(
		otel, OTEL_DROPPED_EVENTS, span->dropped_events_count);
	add_integer_unless_zero(
		otel, OTEL_DROPPED_ATTRIBUTES, span->dropped_attributes_count);
}

const char *
write_tags(const OtlpSpan *span, int64 resource_id, const JsonbValue *scope,
		   Jsonb **tags)
{
	AttributeObjects objects;
	JsonbValue links;
	JsonbValue *otel;
	ValueBudget budget = {VALUES_MAX};
	const char *fault;

	if (span->size > SPAN_MAX_SIZE)
		return "span is larger than 8 MB";
	fault = read_attributes(
		span->attributes, span->attributes.count, true, &budget, &objects);
	if (fault == NULL)
		fault = read_links(span, &budget, &links);
	if (fault != NULL)
		return fault;
	otel = insert_named(&objects.plain, OTEL);
	set_otel(otel, span, resource_id, scope, &objects.exact, &links);
	*tags = JsonbValueToJsonb(&objects.plain);
	return NULL;
}

/*
 * Events
 */

/* 2026-11-22T10:00:00.123456789Z */
static char *
format_time(uint64 nanoseconds)
{
	uint64 seconds = nanoseconds / NANOSECONDS;
	uint32 in_day = seconds % SECS_PER_DAY;
	int year;
	int month;
	int day;

	j2date(
		UNIX_EPOCH_JDATE + (int) (seconds / SECS_PER_DAY), &year, &month, &day);
	return psprintf("%04d-%02d-%02dT%02u:%02u:%02u.%09uZ",
					year,
					month,
					day,
					in_day / 3600,
					in_day / 60 % 60,
					in_day % 60,
					(uint32) (nanoseconds % NANOSECONDS));
}

static const char *
append_event(StringInfo logs, Slice item, ValueBudget *budget)
{
	JsonbPair members[EVENT_MEMBERS];
	AttributeObjects objects;
	JsonbValue object;
	OtlpEvent event;
	Jsonb *json;
	const char *fault;

	otlp_read_event(item, &event);
	fault = read_attributes(
		event.attributes, event.attributes.count, false, budget, &objects);
	if (fault != NULL)
		return fault;
	start_small_object(&object, members);
	add_text_unless_empty(&object, OTEL_NAME, event.name);
	if (event.time != 0)
		set_literal(add_named(&object, OTEL_TIME), format_time(event.time));
	add_unless_empty(&object, OTEL_EXACT, &objects.exact);
	add_unless_empty(&object, OTEL_ATTRIBUTES, &objects.plain);
	add_integer_unless_zero(
		&object, OTEL_DROPPED_ATTRIBUTES, event.dropped_attributes_count);
	json = JsonbValueToJsonb(&object);
	(void) JsonbToCString(logs, &json->root, VARSIZE(json));
	return NULL;
}

/* Each event in memory of its own: there may be millions of small ones. */
static const char *
append_events(StringInfo logs, OtlpItems events, ValueBudget *budget)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext,
							  "distributed_trace OTLP event",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	const char *fault = NULL;
	Slice item;

	while (fault == NULL && otlp_next(&events, &item))
	{
		CHECK_FOR_INTERRUPTS();
		appendStringInfoString(logs, logs->len == 0 ? "[" : ", ");
		fault = append_event(logs, item, budget);
		MemoryContextReset(context);
	}
	appendStringInfoChar(logs, ']');
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return fault;
}

const char *
write_logs(const OtlpSpan *span, text **logs)
{
	StringInfoData json;
	ValueBudget budget = {VALUES_MAX};
	const char *fault = spend_values(&budget, span->events.count);

	*logs = NULL;
	if (fault != NULL || span->events.count == 0)
		return fault;
	initStringInfo(&json);
	fault = append_events(&json, span->events, &budget);
	if (fault == NULL)
		*logs = cstring_to_text_with_len(json.data, json.len);
	return fault;
}

text *
write_text(Slice string)
{
	JsonbValue value;

	set_text(&value, string);
	return cstring_to_text_with_len(value.val.string.val, value.val.string.len);
}
