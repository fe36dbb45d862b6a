/*
 * decode_bench FILE RUNS: how fast src/core decodes OTLP requests, alone.
 *
 * FILE holds requests as the generator writes them.  Each run decodes all of
 * them, in two ways, and prints a line "what <tab> spans <tab> spans/s":
 *
 * decoder  what the decoder is for: the request is checked as a whole, then
 *			every resource, scope, span, attribute, event and link is read, and
 *			every text checked for being UTF-8
 * check	the first part of that
 *
 * Numbers read are summed up and printed to stderr, so that nothing of the
 * work is optimized away.  One thread; the time is that of the process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/wire/otlp.h"
#include "core/wire/utf8.h"

typedef struct Totals
{
	size_t spans;
	size_t attributes;
	size_t events;
	uint64_t sum; /* of whatever was read */
} Totals;

static Slice
load_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	long size;
	char *data;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0)
		return (Slice){NULL, 0};
	size = ftell(file);
	rewind(file);
	data = size > 0 && size < UINT32_MAX ? malloc((size_t) size) : NULL;
	if (data == NULL || fread(data, 1, (size_t) size, file) != (size_t) size)
		return (Slice){NULL, 0};
	fclose(file);
	return (Slice){data, (uint32_t) size};
}

/* The request after `offset`, which begins at the header's end; false after
 * the last. */
static bool
next_request(Slice file, size_t *offset, Slice *request)
{
	const uint8_t *row = (const uint8_t *) file.data + *offset;

	if (file.length - *offset < 6)
		return false;
	request->data = (const char *) row + 6;
	request->length = (uint32_t) row[2] << 24 | (uint32_t) row[3] << 16 |
					  (uint32_t) row[4] << 8 | row[5];
	*offset += 6 + request->length;
	return *offset <= file.length;
}

static void
no_poll(Host *host)
{
	(void) host;
}

static void *
no_memory(Host *host, size_t size)
{
	(void) host;
	(void) size;
	return NULL;
}

static void
read_text(Totals *totals, Slice text)
{
	totals->sum += utf8_valid_length(text.data, text.length);
}

static void
read_value(Totals *totals, const OtlpValue *value)
{
	if (value->type == OTLP_VALUE_STRING)
		read_text(totals, value->bytes);
	else if (value->type == OTLP_VALUE_INT)
		totals->sum += (uint64_t) value->integer;
	else if (value->type == OTLP_VALUE_DOUBLE)
		totals->sum += (uint64_t) value->number;
	else if (value->type == OTLP_VALUE_BOOL)
		totals->sum += value->boolean;
}

static void
read_attributes(Totals *totals, OtlpItems items)
{
	OtlpAttribute attribute;
	Slice item;

	while (otlp_next(&items, &item))
	{
		otlp_read_attribute(item, &attribute);
		read_text(totals, attribute.key);
		read_value(totals, &attribute.value);
		totals->attributes++;
	}
}

static void
read_span(Totals *totals, Slice message)
{
	OtlpSpan span;
	OtlpEvent event;
	OtlpLink link;
	Slice item;

	otlp_read_span(message, &span);
	totals->spans++;
	totals->sum += otlp_span_fault(&span) != NULL;
	totals->sum += span.end_time - span.start_time + span.trace_id.length;
	read_text(totals, span.name);
	read_text(totals, span.status_message);
	read_attributes(totals, span.attributes);
	while (otlp_next(&span.events, &item))
	{
		otlp_read_event(item, &event);
		read_text(totals, event.name);
		read_attributes(totals, event.attributes);
		totals->events++;
	}
	while (otlp_next(&span.links, &item))
	{
		otlp_read_link(item, &link);
		read_attributes(totals, link.attributes);
	}
}

static void
read_request(Totals *totals, Slice request)
{
	OtlpItems resources = otlp_resource_spans(request);
	OtlpResourceSpans resource;
	OtlpScopeSpans scope;
	Slice item;

	while (otlp_next(&resources, &item))
	{
		otlp_read_resource_spans(item, &resource);
		read_attributes(totals, resource.attributes);
		while (otlp_next(&resource.scope_spans, &item))
		{
			otlp_read_scope_spans(item, &scope);
			read_text(totals, scope.name);
			read_attributes(totals, scope.attributes);
			while (otlp_next(&scope.spans, &item))
				read_span(totals, item);
		}
	}
}

/* Returns the seconds it took; exits if a request is malformed. */
static double
run_once(Slice file, bool is_check_alone, Totals *totals)
{
	Host host = {no_memory, no_poll};
	size_t offset = 19;
	clock_t started = clock();
	Slice request;

	while (next_request(file, &offset, &request))
	{
		size_t position;
		const char *fault;

		if (otlp_validate(&host, request, &position, &fault) != CORE_OK)
		{
			fprintf(stderr, "decode_bench: %s at byte %zu\n", fault, position);
			exit(1);
		}
		if (!is_check_alone)
			read_request(totals, request);
	}
	return (double) (clock() - started) / CLOCKS_PER_SEC;
}

int
main(int argc, char **argv)
{
	Slice file = argc == 3 ? load_file(argv[1]) : (Slice){NULL, 0};
	Totals totals = {0, 0, 0, 0};

	if (file.data == NULL)
	{
		fputs("usage: decode_bench FILE RUNS\n", stderr);
		return 1;
	}
	/* the first run only warms up */
	for (int run = 0; run <= atoi(argv[2]); run++)
	{
		double seconds;
		double check_seconds;

		totals = (Totals){0, 0, 0, 0};
		seconds = run_once(file, false, &totals);
		check_seconds = run_once(file, true, &totals);
		if (run == 0)
			continue;
		printf("decoder\t%zu\t%.0f\n",
			   totals.spans,
			   (double) totals.spans / seconds);
		printf("check\t%zu\t%.0f\n",
			   totals.spans,
			   (double) totals.spans / check_seconds);
	}
	fprintf(stderr,
			"decode_bench: %zu spans, %zu attributes, %zu events, sum %llx\n",
			totals.spans,
			totals.attributes,
			totals.events,
			(unsigned long long) totals.sum);
	return 0;
}
