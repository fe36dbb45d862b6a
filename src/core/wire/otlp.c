/*
 * Reading OTLP trace requests: see otlp.h.
 *
 * Every reader is one pass over the fields of its message and jumps over what
 * they hold, so that going through a request costs the same for each byte,
 * however it is nested and in however many parts its messages come.
 */
#include "core/wire/otlp.h"

#define VARINT(number) PROTOBUF_KEY(number, PROTOBUF_VARINT)
#define FIXED64(number) PROTOBUF_KEY(number, PROTOBUF_FIXED64)
#define FIXED32(number) PROTOBUF_KEY(number, PROTOBUF_FIXED32)
#define BYTES(number) PROTOBUF_KEY(number, PROTOBUF_BYTES)

/* Frames of otlp_validate: a value within OTLP_MAX_DEPTH has at most three for
 * each level, below some six of its span.  What lies deeper is never read. */
#define VALIDATE_MAX_DEPTH (3 * OTLP_MAX_DEPTH + 16)

/* clang-format off */
const OtlpFieldInfo otlp_fields[OTLP_MESSAGE_COUNT][OTLP_FIELD_LIMIT] = {
	[OTLP_REQUEST] = {
		[1] = {"resourceSpans", OTLP_SUBMESSAGE, OTLP_RESOURCE_SPANS, true},
	},
	[OTLP_RESOURCE_SPANS] = {
		[1] = {"resource", OTLP_SUBMESSAGE, OTLP_RESOURCE, false},
		[2] = {"scopeSpans", OTLP_SUBMESSAGE, OTLP_SCOPE_SPANS, true},
		[3] = {"schemaUrl", OTLP_STRING, 0, false},
	},
	[OTLP_RESOURCE] = {
		[1] = {"attributes", OTLP_SUBMESSAGE, OTLP_KEY_VALUE, true},
		[2] = {"droppedAttributesCount", OTLP_UINT32, 0, false},
		[3] = {"entityRefs", OTLP_SUBMESSAGE, OTLP_ENTITY_REF, true},
	},
	[OTLP_ENTITY_REF] = {
		[1] = {"schemaUrl", OTLP_STRING, 0, false},
		[2] = {"type", OTLP_STRING, 0, false},
		[3] = {"idKeys", OTLP_STRING, 0, true},
		[4] = {"descriptionKeys", OTLP_STRING, 0, true},
	},
	[OTLP_SCOPE_SPANS] = {
		[1] = {"scope", OTLP_SUBMESSAGE, OTLP_SCOPE, false},
		[2] = {"spans", OTLP_SUBMESSAGE, OTLP_SPAN, true},
		[3] = {"schemaUrl", OTLP_STRING, 0, false},
	},
	[OTLP_SCOPE] = {
		[1] = {"name", OTLP_STRING, 0, false},
		[2] = {"version", OTLP_STRING, 0, false},
		[3] = {"attributes", OTLP_SUBMESSAGE, OTLP_KEY_VALUE, true},
		[4] = {"droppedAttributesCount", OTLP_UINT32, 0, false},
	},
	[OTLP_SPAN] = {
		[1] = {"traceId", OTLP_ID, 0, false},
		[2] = {"spanId", OTLP_ID, 0, false},
		[3] = {"traceState", OTLP_STRING, 0, false},
		[4] = {"parentSpanId", OTLP_ID, 0, false},
		[5] = {"name", OTLP_STRING, 0, false},
		[6] = {"kind", OTLP_KIND, 0, false},
		[7] = {"startTimeUnixNano", OTLP_FIXED64, 0, false},
		[8] = {"endTimeUnixNano", OTLP_FIXED64, 0, false},
		[9] = {"attributes", OTLP_SUBMESSAGE, OTLP_KEY_VALUE, true},
		[10] = {"droppedAttributesCount", OTLP_UINT32, 0, false},
		[11] = {"events", OTLP_SUBMESSAGE, OTLP_EVENT, true},
		[12] = {"droppedEventsCount", OTLP_UINT32, 0, false},
		[13] = {"links", OTLP_SUBMESSAGE, OTLP_LINK, true},
		[14] = {"droppedLinksCount", OTLP_UINT32, 0, false},
		[15] = {"status", OTLP_SUBMESSAGE, OTLP_STATUS, false},
		[16] = {"flags", OTLP_FIXED32, 0, false},
	},
	[OTLP_EVENT] = {
		[1] = {"timeUnixNano", OTLP_FIXED64, 0, false},
		[2] = {"name", OTLP_STRING, 0, false},
		[3] = {"attributes", OTLP_SUBMESSAGE, OTLP_KEY_VALUE, true},
		[4] = {"droppedAttributesCount", OTLP_UINT32, 0, false},
	},
	[OTLP_LINK] = {
		[1] = {"traceId", OTLP_ID, 0, false},
		[2] = {"spanId", OTLP_ID, 0, false},
		[3] = {"traceState", OTLP_STRING, 0, false},
		[4] = {"attributes", OTLP_SUBMESSAGE, OTLP_KEY_VALUE, true},
		[5] = {"droppedAttributesCount", OTLP_UINT32, 0, false},
		[6] = {"flags", OTLP_FIXED32, 0, false},
	},
	[OTLP_STATUS] = {
		[2] = {"message", OTLP_STRING, 0, false},
		[3] = {"code", OTLP_STATUS_CODE, 0, false},
	},
	[OTLP_KEY_VALUE] = {
		[1] = {"key", OTLP_STRING, 0, false},
		[2] = {"value", OTLP_SUBMESSAGE, OTLP_ANY_VALUE, false},
	},
	[OTLP_ANY_VALUE] = {
		[1] = {"stringValue", OTLP_STRING, 0, false},
		[2] = {"boolValue", OTLP_BOOL, 0, false},
		[3] = {"intValue", OTLP_INT64, 0, false},
		[4] = {"doubleValue", OTLP_DOUBLE, 0, false},
		[5] = {"arrayValue", OTLP_SUBMESSAGE, OTLP_ARRAY_VALUE, false},
		[6] = {"kvlistValue", OTLP_SUBMESSAGE, OTLP_KVLIST_VALUE, false},
		[7] = {"bytesValue", OTLP_BYTES, 0, false},
	},
	[OTLP_ARRAY_VALUE] = {
		[1] = {"values", OTLP_SUBMESSAGE, OTLP_ANY_VALUE, true},
	},
	[OTLP_KVLIST_VALUE] = {
		[1] = {"values", OTLP_SUBMESSAGE, OTLP_KEY_VALUE, true},
	},
};
/* clang-format on */

/*
 * The whole request
 */

/* Whether a field is a message to look into; gives which. */
static bool
is_submessage(uint8_t message, const ProtobufField *field, uint8_t *child)
{
	uint32_t number = field->key >> 3;
	const OtlpFieldInfo *info;

	if ((field->key & 7) != PROTOBUF_BYTES || number >= OTLP_FIELD_LIMIT)
		return false;
	info = &otlp_fields[message][number];
	*child = info->message;
	return info->type == OTLP_SUBMESSAGE && field->value > 0;
}

CoreStatus
otlp_validate(Host *host, Slice request, size_t *position, const char **fault)
{
	/* the ends of the messages around the one being read */
	const uint8_t *ends[VALIDATE_MAX_DEPTH];
	uint8_t messages[VALIDATE_MAX_DEPTH];
	ProtobufReader reader = protobuf_reader(request);
	uint8_t message = OTLP_REQUEST;
	int depth = 0;
	ProtobufField field;

	for (size_t step = 0;; step++)
	{
		uint8_t child;

		host_poll(host, step);
		if (!protobuf_next(&reader, &field))
		{
			if (reader.fault != NULL)
				break;
			if (depth == 0)
				return CORE_OK;
			message = messages[--depth];
			reader.end = ends[depth];
		}
		else if (is_submessage(message, &field, &child) &&
				 depth < VALIDATE_MAX_DEPTH)
		{
			ends[depth] = reader.end;
			messages[depth++] = message;
			message = child;
			reader.end = reader.at;
			reader.at = field.data;
		}
	}
	*position = (size_t) (reader.at - (const uint8_t *) request.data);
	*fault = reader.fault;
	return CORE_MALFORMED;
}

/*
 * Repeated fields
 */

static bool
next_with_key(ProtobufReader *reader, uint32_t key, Slice *item)
{
	ProtobufField field;

	while (protobuf_next(reader, &field))
	{
		if (field.key == key)
		{
			*item = protobuf_slice(&field);
			return true;
		}
	}
	return false;
}

bool
otlp_next(OtlpItems *items, Slice *item)
{
	uint32_t level = 0;

	while (level < items->length)
	{
		if (!next_with_key(&items->reader[level], items->key[level], item))
			level++;
		else if (level == 0)
			return true;
		else
			items->reader[--level] = protobuf_reader(*item);
	}
	return false;
}

uint32_t
otlp_count(OtlpItems items)
{
	uint32_t count = 0;
	Slice item;

	while (otlp_next(&items, &item))
		count++;
	return count;
}

static const ProtobufReader NOTHING = {NULL, NULL, NULL};

/* The items of one key right in a message. */
static OtlpItems
items_in(Slice message, uint32_t key)
{
	return (OtlpItems){
		.reader = {protobuf_reader(message)},
		.key = {key},
		.length = 1,
	};
}

/* The items of key `inner` in the sub-messages of key `outer`. */
static OtlpItems
items_below(Slice message, uint32_t outer, uint32_t inner)
{
	return (OtlpItems){
		.reader = {NOTHING, protobuf_reader(message)},
		.key = {inner, outer},
		.length = 2,
	};
}

/* Takes an item into account that was met while reading its message. */
static inline void
note_item(OtlpItems *items, const ProtobufField *field, const uint8_t *end)
{
	if (items->count++ == 0)
	{
		items->reader[0].at = field->start;
		items->reader[0].fault = NULL;
		items->key[0] = field->key;
		items->length = 1;
	}
	items->reader[0].end = end;
}

/* No items yet; the rest of it is only looked at when there are some. */
static inline void
clear_items(OtlpItems *items)
{
	items->length = 0;
	items->count = 0;
}

/*
 * Resources and scopes
 */

OtlpItems
otlp_resource_spans(Slice request)
{
	return items_in(request, BYTES(1));
}

static void
read_resource(Slice resource, OtlpResourceSpans *result)
{
	ProtobufReader reader = protobuf_reader(resource);
	ProtobufField field;

	result->size += resource.length;
	while (protobuf_next(&reader, &field))
	{
		if (field.key == VARINT(2))
			result->dropped_attributes_count = (uint32_t) field.value;
		else if (field.key == BYTES(OTLP_REJECTION_FIELD))
			result->rejection = protobuf_slice(&field);
	}
}

void
otlp_read_resource_spans(Slice item, OtlpResourceSpans *result)
{
	ProtobufReader reader = protobuf_reader(item);
	ProtobufField field;
	int resources = 0;

	*result = (OtlpResourceSpans){
		.attributes = items_below(item, BYTES(1), BYTES(1)),
		.entity_refs = items_below(item, BYTES(1), BYTES(3)),
		.scope_spans = items_in(item, BYTES(2)),
	};
	while (protobuf_next(&reader, &field))
	{
		Slice bytes = protobuf_slice(&field);

		switch (field.key)
		{
			case BYTES(1):
				result->resource = resources++ == 0 ? bytes : (Slice){NULL, 0};
				read_resource(bytes, result);
				break;
			case BYTES(3):
				result->schema_url = bytes;
				break;
			case BYTES(OTLP_REJECTION_FIELD):
				result->rejection = bytes;
				break;
			default:
				break;
		}
	}
	result->size += result->schema_url.length;
}

void
otlp_read_entity_ref(Slice item, OtlpEntityRef *result)
{
	ProtobufReader reader = protobuf_reader(item);
	ProtobufField field;

	*result = (OtlpEntityRef){
		.id_keys = items_in(item, BYTES(3)),
		.description_keys = items_in(item, BYTES(4)),
	};
	while (protobuf_next(&reader, &field))
	{
		if (field.key == BYTES(1))
			result->schema_url = protobuf_slice(&field);
		else if (field.key == BYTES(2))
			result->type = protobuf_slice(&field);
	}
}

static void
read_scope(Slice scope, OtlpScopeSpans *result)
{
	ProtobufReader reader = protobuf_reader(scope);
	ProtobufField field;

	result->scope_size += scope.length;
	while (protobuf_next(&reader, &field))
	{
		switch (field.key)
		{
			case BYTES(1):
				result->name = protobuf_slice(&field);
				break;
			case BYTES(2):
				result->version = protobuf_slice(&field);
				break;
			case VARINT(4):
				result->dropped_attributes_count = (uint32_t) field.value;
				break;
			case BYTES(OTLP_REJECTION_FIELD):
				result->rejection = protobuf_slice(&field);
				break;
			default:
				break;
		}
	}
}

void
otlp_read_scope_spans(Slice item, OtlpScopeSpans *result)
{
	ProtobufReader reader = protobuf_reader(item);
	ProtobufField field;

	*result = (OtlpScopeSpans){
		.attributes = items_below(item, BYTES(1), BYTES(3)),
		.spans = items_in(item, BYTES(2)),
	};
	while (protobuf_next(&reader, &field))
	{
		switch (field.key)
		{
			case BYTES(1):
				read_scope(protobuf_slice(&field), result);
				break;
			case BYTES(3):
				result->schema_url = protobuf_slice(&field);
				break;
			case BYTES(OTLP_REJECTION_FIELD):
				result->rejection = protobuf_slice(&field);
				break;
			default:
				break;
		}
	}
	result->scope_size += result->schema_url.length;
}

/*
 * Spans
 */

static void
read_status(Slice status, OtlpSpan *span)
{
	ProtobufReader reader = protobuf_reader(status);
	ProtobufField field;

	while (protobuf_next(&reader, &field))
	{
		if (field.key == BYTES(2))
			span->status_message = protobuf_slice(&field);
		else if (field.key == VARINT(3))
			span->status_code = (int32_t) field.value;
	}
}

/* A field that holds a number. */
static void
read_span_number(const ProtobufField *field, OtlpSpan *span)
{
	switch (field->key)
	{
		case VARINT(6):
			span->kind = (int32_t) field->value;
			break;
		case FIXED64(7):
			span->start_time = field->value;
			break;
		case FIXED64(8):
			span->end_time = field->value;
			break;
		case VARINT(10):
			span->dropped_attributes_count = (uint32_t) field->value;
			break;
		case VARINT(12):
			span->dropped_events_count = (uint32_t) field->value;
			break;
		case VARINT(14):
			span->dropped_links_count = (uint32_t) field->value;
			break;
		case FIXED32(16):
			span->flags = (uint32_t) field->value;
			break;
		default:
			break;
	}
}

/* A field of PROTOBUF_BYTES, which ends at `end`. */
static void
read_span_bytes(const ProtobufField *field, const uint8_t *end, OtlpSpan *span)
{
	switch (field->key)
	{
		case BYTES(1):
			span->trace_id = protobuf_slice(field);
			break;
		case BYTES(2):
			span->span_id = protobuf_slice(field);
			break;
		case BYTES(3):
			span->trace_state = protobuf_slice(field);
			break;
		case BYTES(4):
			span->parent_span_id = protobuf_slice(field);
			break;
		case BYTES(5):
			span->name = protobuf_slice(field);
			break;
		case BYTES(9):
			note_item(&span->attributes, field, end);
			break;
		case BYTES(11):
			note_item(&span->events, field, end);
			break;
		case BYTES(13):
			note_item(&span->links, field, end);
			break;
		case BYTES(15):
			read_status(protobuf_slice(field), span);
			break;
		case BYTES(OTLP_REJECTION_FIELD):
			span->rejection = protobuf_slice(field);
			break;
		default:
			break;
	}
}

void
otlp_read_span(Slice item, OtlpSpan *result)
{
	ProtobufReader reader = protobuf_reader(item);
	ProtobufField field;

	memset(result, 0, offsetof(OtlpSpan, attributes));
	result->size = item.length;
	result->rejection = (Slice){NULL, 0};
	clear_items(&result->attributes);
	clear_items(&result->events);
	clear_items(&result->links);
	while (protobuf_next(&reader, &field))
	{
		if ((field.key & 7) == PROTOBUF_BYTES)
			read_span_bytes(&field, reader.at, result);
		else
			read_span_number(&field, result);
	}
}

void
otlp_read_event(Slice item, OtlpEvent *result)
{
	ProtobufReader reader = protobuf_reader(item);
	ProtobufField field;

	*result = (OtlpEvent){.time = 0};
	while (protobuf_next(&reader, &field))
	{
		switch (field.key)
		{
			case FIXED64(1):
				result->time = field.value;
				break;
			case BYTES(2):
				result->name = protobuf_slice(&field);
				break;
			case BYTES(3):
				note_item(&result->attributes, &field, reader.at);
				break;
			case VARINT(4):
				result->dropped_attributes_count = (uint32_t) field.value;
				break;
			default:
				break;
		}
	}
}

void
otlp_read_link(Slice item, OtlpLink *result)
{
	ProtobufReader reader = protobuf_reader(item);
	ProtobufField field;

	*result = (OtlpLink){.flags = 0};
	while (protobuf_next(&reader, &field))
	{
		switch (field.key)
		{
			case BYTES(1):
				result->trace_id = protobuf_slice(&field);
				break;
			case BYTES(2):
				result->span_id = protobuf_slice(&field);
				break;
			case BYTES(3):
				result->trace_state = protobuf_slice(&field);
				break;
			case BYTES(4):
				note_item(&result->attributes, &field, reader.at);
				break;
			case VARINT(5):
				result->dropped_attributes_count = (uint32_t) field.value;
				break;
			case FIXED32(6):
				result->flags = (uint32_t) field.value;
				break;
			default:
				break;
		}
	}
}

static bool
is_all_zero(Slice id)
{
	for (uint32_t i = 0; i < id.length; i++)
	{
		if (id.data[i] != 0)
			return false;
	}
	return true;
}

bool
otlp_has_parent(Slice parent_span_id)
{
	return !is_all_zero(parent_span_id);
}

const char *
otlp_span_fault(const OtlpSpan *span)
{
	if (span->trace_id.length == 0)
		return "trace id is missing";
	if (span->trace_id.length != OTLP_TRACE_ID_LENGTH)
		return "trace id is not 16 bytes long";
	if (is_all_zero(span->trace_id))
		return "trace id is all zeros";
	if (span->span_id.length == 0)
		return "span id is missing";
	if (span->span_id.length != OTLP_SPAN_ID_LENGTH)
		return "span id is not 8 bytes long";
	if (is_all_zero(span->span_id))
		return "span id is all zeros";
	if (span->parent_span_id.length != 0 &&
		span->parent_span_id.length != OTLP_SPAN_ID_LENGTH)
		return "parent span id is not 8 bytes long";
	return NULL;
}

/*
 * Values
 */

/*
 * The value is a container whose first part is `field`, in the AnyValue that
 * `segment` has been reading; `rest` is what comes behind that AnyValue in a
 * KeyValue that may have more of it.  All later parts belong to the same
 * container: another member of the oneof would replace it.
 */
static void
open_container(OtlpValue *value, OtlpValueType type, const ProtobufField *field,
			   const ProtobufReader *segment, const ProtobufReader *rest)
{
	OtlpItems *items = &value->items;

	if (value->type == type)
		return;
	value->type = type;
	items->reader[0] = NOTHING;
	items->key[0] = BYTES(1); /* values, in both kinds of container */
	items->reader[1] = (ProtobufReader){field->start, segment->end, NULL};
	items->key[1] = field->key;
	items->length = 2;
	items->count = 0;
	if (rest != NULL)
	{
		items->reader[2] = *rest;
		items->key[2] = BYTES(2); /* KeyValue.value */
		items->length = 3;
	}
}

static inline void
set_bytes(OtlpValue *value, OtlpValueType type, const ProtobufField *field)
{
	value->type = type;
	value->bytes = protobuf_slice(field);
}

/* Reads an AnyValue, or a further part of it, into `value`. */
static void
read_value(Slice item, const ProtobufReader *rest, OtlpValue *value)
{
	ProtobufReader reader = protobuf_reader(item);
	ProtobufField field;

	while (protobuf_next(&reader, &field))
	{
		switch (field.key)
		{
			case BYTES(1):
				set_bytes(value, OTLP_VALUE_STRING, &field);
				break;
			case VARINT(2):
				value->type = OTLP_VALUE_BOOL;
				value->boolean = field.value != 0;
				break;
			case VARINT(3):
				value->type = OTLP_VALUE_INT;
				value->integer = (int64_t) field.value;
				break;
			case FIXED64(4):
				value->type = OTLP_VALUE_DOUBLE;
				value->number = protobuf_double(field.value);
				break;
			case BYTES(5):
				open_container(value, OTLP_VALUE_ARRAY, &field, &reader, rest);
				break;
			case BYTES(6):
				open_container(value, OTLP_VALUE_KVLIST, &field, &reader, rest);
				break;
			case BYTES(7):
				set_bytes(value, OTLP_VALUE_BYTES, &field);
				break;
			default:
				break;
		}
	}
}

void
otlp_read_attribute(Slice item, OtlpAttribute *result)
{
	ProtobufReader reader = protobuf_reader(item);
	ProtobufField field;

	result->key = (Slice){"", 0};
	result->value.type = OTLP_VALUE_EMPTY;
	while (protobuf_next(&reader, &field))
	{
		if (field.key == BYTES(1))
			result->key = protobuf_slice(&field);
		else if (field.key == BYTES(2))
			read_value(protobuf_slice(&field), &reader, &result->value);
	}
}

void
otlp_walk_start(OtlpWalk *walk, const OtlpValue *value)
{
	walk->depth = 0;
	walk->is_list[0] = value->type == OTLP_VALUE_KVLIST;
	walk->items[0] = value->items;
}

OtlpStep
otlp_walk_next(OtlpWalk *walk, OtlpAttribute *member)
{
	OtlpValue *value = &member->value;
	Slice item;

	if (!otlp_next(&walk->items[walk->depth], &item))
		return walk->depth-- == 0 ? OTLP_WALK_DONE : OTLP_WALK_CLOSE;
	/* what is open at walk depth 0 is at depth 1 */
	if (walk->depth + 2 > OTLP_MAX_DEPTH)
		return OTLP_WALK_TOO_DEEP;
	if (walk->is_list[walk->depth])
		otlp_read_attribute(item, member);
	else
	{
		member->key = (Slice){NULL, 0};
		value->type = OTLP_VALUE_EMPTY;
		read_value(item, NULL, value);
	}
	if (value->type != OTLP_VALUE_ARRAY && value->type != OTLP_VALUE_KVLIST)
		return OTLP_WALK_SCALAR;
	walk->depth++;
	walk->is_list[walk->depth] = value->type == OTLP_VALUE_KVLIST;
	walk->items[walk->depth] = value->items;
	return OTLP_WALK_OPEN;
}
