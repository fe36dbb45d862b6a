/*
 * generate: realistic spans for the benchmarks, the same for the same seed.
 *
 *	generate [--spans N] [--seed N] [--no-probes] [--copy FILE]
 *			 [--otlp-spans N] [--otlp FILE] [--otlp-json FILE]
 *			 [--otlp-mixed FILE]
 *
 * --copy writes COPY text of the ten columns trace_id .. logs, in order of
 * arrival.  The --otlp files hold the first --otlp-spans of these spans (all,
 * unless told) in requests of up to 512 spans: as an SDK's exporter sends
 * them, all of one resource, or with --otlp-mixed as a collector sends them,
 * of whatever resources the spans come from.  These files are COPY BINARY of
 * one column, bytea or text, a request a row: no escaping, and easy to read
 * for other programs too: after 19 bytes of header each request is preceded
 * by 6 bytes, of which the last 4 are its length, most significant first.
 */
#include "output.h"

#include <stdio.h>
#include <stdlib.h>

#define REQUEST_SPANS 512
#define FLUSH_BYTES (1 << 20)

typedef void (*RequestWriter)(Buffer *buffer, const Request *request);

typedef struct Options
{
	size_t spans;
	size_t otlp_spans;
	uint64_t seed;
	int probes;
	const char *copy;
	const char *otlp;
	const char *otlp_json;
	const char *otlp_mixed;
} Options;

static void
fail(const char *what)
{
	fprintf(stderr, "generate: %s\n", what);
	exit(1);
}

static FILE *
open_file(const char *path)
{
	FILE *file = fopen(path, "wb");

	if (file == NULL)
		fail("cannot create an output file");
	return file;
}

static void
write_out(FILE *file, Buffer *buffer)
{
	if (fwrite(buffer->data, 1, buffer->used, file) != buffer->used)
		fail("cannot write an output file");
	buffer->used = 0;
}

static void
close_file(FILE *file)
{
	if (fclose(file) != 0)
		fail("cannot write an output file");
}

static void
write_copy(const Traffic *traffic, const char *path)
{
	FILE *file = open_file(path);
	Buffer buffer = {NULL, 0, 0};
	Detail detail;

	for (size_t i = 0; i < traffic->span_count; i++)
	{
		detail_describe(traffic, &traffic->spans[i], &detail);
		output_copy_row(&buffer, &detail);
		if (buffer.used >= FLUSH_BYTES)
			write_out(file, &buffer);
	}
	write_out(file, &buffer);
	close_file(file);
	free(buffer.data);
}

static void
put_big_endian(Buffer *buffer, uint32_t value, int size)
{
	while (size-- > 0)
		buffer_byte(buffer, (uint8_t) (value >> (8 * size)));
}

/* One row of COPY BINARY. */
static void
write_request(FILE *file, Request *request, RequestWriter writer)
{
	static Buffer body;
	static Buffer header;

	if (request->count == 0)
		return;
	output_group(request);
	writer(&body, request);
	put_big_endian(&header, 1, 2);
	put_big_endian(&header, (uint32_t) body.used, 4);
	write_out(file, &header);
	write_out(file, &body);
	request->count = 0;
}

/* Spans wait in the queue of their instance, or in the only one, until a
 * request is full. */
static void
write_requests(const Traffic *traffic, size_t span_count, const char *path,
			   int queue_count, RequestWriter writer)
{
	FILE *file = open_file(path);
	Request *queues = allocate((size_t) queue_count, sizeof(Request));
	Buffer frame = {NULL, 0, 0};

	buffer_add(&frame, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
	write_out(file, &frame);
	for (int q = 0; q < queue_count; q++)
	{
		queues[q].traffic = traffic;
		queues[q].spans = allocate(REQUEST_SPANS, sizeof(TraceSpan *));
	}
	for (size_t i = 0; i < span_count; i++)
	{
		const TraceSpan *span = &traffic->spans[i];
		Request *queue =
			&queues[queue_count > 1 ? traffic_instance(traffic, span) : 0];

		queue->spans[queue->count++] = span;
		if (queue->count == REQUEST_SPANS)
			write_request(file, queue, writer);
	}
	for (int q = 0; q < queue_count; q++)
	{
		write_request(file, &queues[q], writer);
		free(queues[q].spans);
	}
	put_big_endian(&frame, 0xffff, 2);
	write_out(file, &frame);
	close_file(file);
	free(frame.data);
	free(queues);
}

/* Returns what follows the option's name. */
static const char *
option_value(int argc, char **argv, int *i)
{
	if (*i + 1 >= argc)
		fail("an option lacks its value");
	return argv[++*i];
}

static Options
read_options(int argc, char **argv)
{
	Options options = {.spans = 1000000, .seed = 42, .probes = 1};

	for (int i = 1; i < argc; i++)
	{
		if (strcmp(argv[i], "--spans") == 0)
			options.spans = strtoull(option_value(argc, argv, &i), NULL, 10);
		else if (strcmp(argv[i], "--otlp-spans") == 0)
			options.otlp_spans =
				strtoull(option_value(argc, argv, &i), NULL, 10);
		else if (strcmp(argv[i], "--seed") == 0)
			options.seed = strtoull(option_value(argc, argv, &i), NULL, 10);
		else if (strcmp(argv[i], "--no-probes") == 0)
			options.probes = 0;
		else if (strcmp(argv[i], "--copy") == 0)
			options.copy = option_value(argc, argv, &i);
		else if (strcmp(argv[i], "--otlp") == 0)
			options.otlp = option_value(argc, argv, &i);
		else if (strcmp(argv[i], "--otlp-json") == 0)
			options.otlp_json = option_value(argc, argv, &i);
		else if (strcmp(argv[i], "--otlp-mixed") == 0)
			options.otlp_mixed = option_value(argc, argv, &i);
		else
			fail("unknown option; see the head of generate.c");
	}
	if (options.probes && options.spans < traffic_probe_spans())
		fail("too few spans for the probe traces; see --no-probes");
	if (options.otlp_spans == 0 || options.otlp_spans > options.spans)
		options.otlp_spans = options.spans;
	return options;
}

int
main(int argc, char **argv)
{
	Options options = read_options(argc, argv);
	Traffic traffic;
	size_t otlp_spans = options.otlp_spans;

	catalogue_build();
	traffic = traffic_generate(options.seed, options.spans, options.probes);
	if (options.copy != NULL)
		write_copy(&traffic, options.copy);
	if (options.otlp != NULL)
		write_requests(&traffic,
					   otlp_spans,
					   options.otlp,
					   INSTANCE_COUNT,
					   output_protobuf);
	if (options.otlp_json != NULL)
		write_requests(&traffic,
					   otlp_spans,
					   options.otlp_json,
					   INSTANCE_COUNT,
					   output_json);
	if (options.otlp_mixed != NULL)
		write_requests(
			&traffic, otlp_spans, options.otlp_mixed, 1, output_protobuf);
	free(traffic.spans);
	free(traffic.trace_sizes);
	return 0;
}
