/*
 * COPY text of distributed_trace_log, with tags and logs laid out as the
 * recording functions lay them out.
 */
#include "output.h"

#include <stdio.h>
#include <time.h>

static void
put_attributes(Buffer *buffer, const AttributeList *list)
{
	for (int i = 0; i < list->count; i++)
	{
		const Attribute *item = &list->items[i];

		if (i > 0)
			buffer_byte(buffer, ',');
		buffer_json_string(buffer, item->key);
		buffer_byte(buffer, ':');
		if (item->type == VALUE_TEXT)
			buffer_json_string(buffer, item->text);
		else if (item->type == VALUE_INTEGER)
			buffer_format(buffer, "%lld", (long long) item->integer);
		else if (item->type == VALUE_REAL)
			buffer_format(buffer, "%.2f", item->real);
		else
			buffer_text(buffer, item->integer ? "true" : "false");
	}
}

static void
put_tags(Buffer *buffer, const Detail *detail)
{
	static const char *const kinds[] = {
		"unspecified", "internal", "server", "client", "producer", "consumer"};
	int start_ns = (int) (detail->span->start % 1000);
	int end_ns = (int) (detail->span->end % 1000);

	buffer_byte(buffer, '{');
	put_attributes(buffer, &detail->attributes);
	buffer_format(buffer,
				  ",\"otel\":{\"kind\":\"%s\",\"resource\":%d,"
				  "\"scope\":{\"name\":\"%s\",\"version\":\"%s\"},\"flags\":%u",
				  kinds[detail->kind],
				  detail->instance + 1,
				  detail->scope_name,
				  detail->scope_version,
				  detail->flags);
	if (detail->error != NULL)
		buffer_format(buffer,
					  ",\"status\":\"error\",\"status_message\":\"%s\"",
					  detail->error);
	if (start_ns != 0)
		buffer_format(buffer, ",\"start_ns\":%d", start_ns);
	if (end_ns != 0)
		buffer_format(buffer, ",\"end_ns\":%d", end_ns);
	buffer_text(buffer, "}}");
}

/* Without its time zone, which is UTC. */
static void
put_time(Buffer *buffer, int64_t ns, char separator, int digits)
{
	time_t seconds = (time_t) (ns / 1000000000);
	long fraction = (long) (ns % 1000000000);
	struct tm parts;

	gmtime_r(&seconds, &parts);
	if (digits == 6)
		fraction /= 1000;
	buffer_format(buffer,
				  "%04d-%02d-%02d%c%02d:%02d:%02d.%0*ld",
				  parts.tm_year + 1900,
				  parts.tm_mon + 1,
				  parts.tm_mday,
				  separator,
				  parts.tm_hour,
				  parts.tm_min,
				  parts.tm_sec,
				  digits,
				  fraction);
}

static void
put_logs(Buffer *buffer, const Detail *detail)
{
	buffer_text(buffer, "[{\"time\":\"");
	put_time(buffer, detail->event_time, 'T', 9);
	buffer_format(
		buffer, "Z\",\"name\":\"%s\",\"attributes\":{", detail->event_name);
	put_attributes(buffer, &detail->event);
	buffer_text(buffer, "}}]");
}

/* JSON has no raw control characters, so backslashes are all that COPY would
 * read otherwise. */
static void
put_escaped(Buffer *buffer, const Buffer *text)
{
	for (size_t i = 0; i < text->used; i++)
	{
		if (text->data[i] == '\\')
			buffer_byte(buffer, '\\');
		buffer_byte(buffer, (uint8_t) text->data[i]);
	}
}

static void
put_identity(Buffer *buffer, const Detail *detail)
{
	buffer_hex(buffer, detail->trace_id, 16);
	buffer_byte(buffer, '\t');
	buffer_hex(buffer, detail->span_id, 8);
	buffer_byte(buffer, '\t');
	if (detail->has_parent)
		buffer_hex(buffer, detail->parent_span_id, 8);
	else
		buffer_text(buffer, "\\N");
	buffer_format(buffer, "\t%s\t%s\t", detail->service_name, detail->name);
}

void
output_copy_row(Buffer *buffer, const Detail *detail)
{
	static Buffer json;
	int64_t us = detail->span->end / 1000 - detail->span->start / 1000;

	put_identity(buffer, detail);
	put_time(buffer, detail->span->start, ' ', 6);
	buffer_text(buffer, "+00\t");
	put_time(buffer, detail->span->end, ' ', 6);
	buffer_format(buffer,
				  "+00\t%lld.%03lld\t",
				  (long long) (us / 1000),
				  (long long) (us % 1000));
	json.used = 0;
	put_tags(&json, detail);
	put_escaped(buffer, &json);
	buffer_byte(buffer, '\t');
	json.used = 0;
	if (detail->event_name != NULL)
	{
		put_logs(&json, detail);
		put_escaped(buffer, &json);
	}
	else
		buffer_text(buffer, "\\N");
	buffer_byte(buffer, '\n');
}
