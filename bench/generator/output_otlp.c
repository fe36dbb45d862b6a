/*
 * OTLP requests, as protobuf and as JSON.
 *
 * The protobuf writer knows four wire types.  A nested message is written in
 * place and moved aside for its length when that is known: requests are small.
 */
#include "output.h"

#include <stdio.h>
#include <stdlib.h>

static const Traffic *grouped; /* what compare_group orders spans of */

static int
scope_of(const TraceSpan *span)
{
	return catalogue_scope(operations[span->operation].shape);
}

/* By resource, then scope, then arrival. */
static int
compare_group(const void *a, const void *b)
{
	const TraceSpan *x = *(const TraceSpan *const *) a;
	const TraceSpan *y = *(const TraceSpan *const *) b;
	int order = traffic_instance(grouped, x) - traffic_instance(grouped, y);

	if (order == 0)
		order = scope_of(x) - scope_of(y);
	if (order == 0)
		order = (x > y) - (x < y);
	return order;
}

void
output_group(Request *request)
{
	grouped = request->traffic;
	qsort(request->spans, request->count, sizeof(TraceSpan *), compare_group);
}

static void
put_varint(Buffer *buffer, uint64_t value)
{
	while (value >= 0x80)
	{
		buffer_byte(buffer, (uint8_t) (value | 0x80));
		value >>= 7;
	}
	buffer_byte(buffer, (uint8_t) value);
}

static void
put_number(Buffer *buffer, int field, uint64_t value)
{
	put_varint(buffer, (uint64_t) field << 3);
	put_varint(buffer, value);
}

static void
put_bytes(Buffer *buffer, int field, const void *data, size_t size)
{
	put_varint(buffer, (uint64_t) field << 3 | 2);
	put_varint(buffer, size);
	buffer_add(buffer, data, size);
}

static void
put_string(Buffer *buffer, int field, const char *text)
{
	put_bytes(buffer, field, text, strlen(text));
}

static void
put_fixed(Buffer *buffer, int field, uint64_t value, int size)
{
	put_varint(buffer, (uint64_t) field << 3 | (size == 8 ? 1 : 5));
	for (int i = 0; i < size; i++)
		buffer_byte(buffer, (uint8_t) (value >> (8 * i)));
}

/* Returns where the message begins, for end_message. */
static size_t
begin_message(Buffer *buffer, int field)
{
	put_varint(buffer, (uint64_t) field << 3 | 2);
	return buffer->used;
}

static void
end_message(Buffer *buffer, size_t begin)
{
	uint8_t bytes[10];
	Buffer length = {(char *) bytes, 0, sizeof(bytes)};
	size_t size = buffer->used - begin;

	put_varint(&length, size);
	buffer_reserve(buffer, length.used);
	memmove(buffer->data + begin + length.used, buffer->data + begin, size);
	memcpy(buffer->data + begin, bytes, length.used);
	buffer->used += length.used;
}

static void
put_attributes(Buffer *buffer, int field, const AttributeList *list)
{
	for (int i = 0; i < list->count; i++)
	{
		const Attribute *item = &list->items[i];
		size_t pair = begin_message(buffer, field);
		size_t value;
		uint64_t bits;

		put_string(buffer, 1, item->key);
		value = begin_message(buffer, 2);
		if (item->type == VALUE_TEXT)
			put_string(buffer, 1, item->text);
		else if (item->type == VALUE_BOOLEAN)
			put_number(buffer, 2, (uint64_t) item->integer);
		else if (item->type == VALUE_INTEGER)
			put_number(buffer, 3, (uint64_t) item->integer);
		else
		{
			memcpy(&bits, &item->real, sizeof(bits));
			put_fixed(buffer, 4, bits, 8);
		}
		end_message(buffer, value);
		end_message(buffer, pair);
	}
}

static void
put_span(Buffer *buffer, const Detail *detail)
{
	size_t span = begin_message(buffer, 2);
	size_t part;

	put_bytes(buffer, 1, detail->trace_id, 16);
	put_bytes(buffer, 2, detail->span_id, 8);
	if (detail->has_parent)
		put_bytes(buffer, 4, detail->parent_span_id, 8);
	put_string(buffer, 5, detail->name);
	put_number(buffer, 6, (uint64_t) detail->kind);
	put_fixed(buffer, 7, (uint64_t) detail->span->start, 8);
	put_fixed(buffer, 8, (uint64_t) detail->span->end, 8);
	put_attributes(buffer, 9, &detail->attributes);
	if (detail->event_name != NULL)
	{
		part = begin_message(buffer, 11);
		put_fixed(buffer, 1, (uint64_t) detail->event_time, 8);
		put_string(buffer, 2, detail->event_name);
		put_attributes(buffer, 3, &detail->event);
		end_message(buffer, part);
	}
	part = begin_message(buffer, 15);
	if (detail->error != NULL)
	{
		put_string(buffer, 2, detail->error);
		put_number(buffer, 3, 2);
	}
	end_message(buffer, part);
	put_fixed(buffer, 16, detail->flags, 4);
	end_message(buffer, span);
}

static void
put_resource(Buffer *buffer, int instance)
{
	size_t resource = begin_message(buffer, 1);
	AttributeList attributes;

	detail_resource(instance, &attributes);
	put_attributes(buffer, 1, &attributes);
	end_message(buffer, resource);
}

static void
put_scope(Buffer *buffer, const Detail *detail)
{
	size_t scope = begin_message(buffer, 1);

	put_string(buffer, 1, detail->scope_name);
	put_string(buffer, 2, detail->scope_version);
	end_message(buffer, scope);
}

/* Whether span number i is the first of its resource. */
static int
begins_resource(const Request *request, size_t i)
{
	return i == 0 ||
		   traffic_instance(request->traffic, request->spans[i]) !=
			   traffic_instance(request->traffic, request->spans[i - 1]);
}

static int
begins_scope(const Request *request, size_t i)
{
	return begins_resource(request, i) ||
		   scope_of(request->spans[i]) != scope_of(request->spans[i - 1]);
}

void
output_protobuf(Buffer *buffer, const Request *request)
{
	size_t resource_spans = 0;
	size_t scope_spans = 0;
	Detail detail;

	for (size_t i = 0; i < request->count; i++)
	{
		detail_describe(request->traffic, request->spans[i], &detail);
		if (i > 0 && begins_scope(request, i))
			end_message(buffer, scope_spans);
		if (i > 0 && begins_resource(request, i))
			end_message(buffer, resource_spans);
		if (begins_resource(request, i))
		{
			resource_spans = begin_message(buffer, 1);
			put_resource(buffer, detail.instance);
		}
		if (begins_scope(request, i))
		{
			scope_spans = begin_message(buffer, 2);
			put_scope(buffer, &detail);
		}
		put_span(buffer, &detail);
	}
	end_message(buffer, scope_spans);
	end_message(buffer, resource_spans);
}

static void
put_json_attributes(Buffer *buffer, const AttributeList *list)
{
	buffer_text(buffer, "\"attributes\":[");
	for (int i = 0; i < list->count; i++)
	{
		const Attribute *item = &list->items[i];

		buffer_format(buffer,
					  "%s{\"key\":\"%s\",\"value\":{",
					  i > 0 ? "," : "",
					  item->key);
		if (item->type == VALUE_TEXT)
		{
			buffer_text(buffer, "\"stringValue\":");
			buffer_json_string(buffer, item->text);
		}
		else if (item->type == VALUE_INTEGER)
			buffer_format(
				buffer, "\"intValue\":\"%lld\"", (long long) item->integer);
		else if (item->type == VALUE_REAL)
			buffer_format(buffer, "\"doubleValue\":%.2f", item->real);
		else
			buffer_format(
				buffer, "\"boolValue\":%s", item->integer ? "true" : "false");
		buffer_text(buffer, "}}");
	}
	buffer_byte(buffer, ']');
}

static void
put_json_event(Buffer *buffer, const Detail *detail)
{
	buffer_format(buffer,
				  ",\"events\":[{\"timeUnixNano\":\"%lld\",\"name\":\"%s\",",
				  (long long) detail->event_time,
				  detail->event_name);
	put_json_attributes(buffer, &detail->event);
	buffer_text(buffer, "}]");
}

static void
put_json_span(Buffer *buffer, const Detail *detail)
{
	buffer_text(buffer, "{\"traceId\":\"");
	buffer_hex(buffer, detail->trace_id, 16);
	buffer_text(buffer, "\",\"spanId\":\"");
	buffer_hex(buffer, detail->span_id, 8);
	if (detail->has_parent)
	{
		buffer_text(buffer, "\",\"parentSpanId\":\"");
		buffer_hex(buffer, detail->parent_span_id, 8);
	}
	buffer_format(
		buffer,
		"\",\"name\":\"%s\",\"kind\":%d,"
		"\"startTimeUnixNano\":\"%lld\",\"endTimeUnixNano\":\"%lld\",",
		detail->name,
		detail->kind,
		(long long) detail->span->start,
		(long long) detail->span->end);
	put_json_attributes(buffer, &detail->attributes);
	if (detail->event_name != NULL)
		put_json_event(buffer, detail);
	if (detail->error != NULL)
		buffer_format(buffer,
					  ",\"status\":{\"code\":2,\"message\":\"%s\"}",
					  detail->error);
	buffer_format(buffer, ",\"flags\":%u}", detail->flags);
}

static void
begin_json_group(Buffer *buffer, const Request *request, size_t i,
				 const Detail *detail)
{
	AttributeList attributes;

	if (i > 0)
		buffer_text(buffer, begins_resource(request, i) ? "]}]}," : "]},");
	if (begins_resource(request, i))
	{
		buffer_text(buffer, "{\"resource\":{");
		detail_resource(detail->instance, &attributes);
		put_json_attributes(buffer, &attributes);
		buffer_text(buffer, "},\"scopeSpans\":[");
	}
	buffer_format(buffer,
				  "{\"scope\":{\"name\":\"%s\",\"version\":\"%s\"},\"spans\":[",
				  detail->scope_name,
				  detail->scope_version);
}

void
output_json(Buffer *buffer, const Request *request)
{
	Detail detail;

	buffer_text(buffer, "{\"resourceSpans\":[");
	for (size_t i = 0; i < request->count; i++)
	{
		detail_describe(request->traffic, request->spans[i], &detail);
		if (begins_scope(request, i))
			begin_json_group(buffer, request, i, &detail);
		else
			buffer_byte(buffer, ',');
		put_json_span(buffer, &detail);
	}
	buffer_text(buffer, "]}]}]}");
}
