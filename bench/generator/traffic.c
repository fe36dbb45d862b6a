/*
 * Traces as a shop of 40 services would make them.
 *
 * Sizes are log-normal with a median of 25 spans, a 90th percentile of 130 and
 * a 99th of 500, cut off at 20 000.  A trace grows from a server span of the
 * front end: a server, internal or consumer span calls databases, functions of
 * its own, other services and queues; a client span has the called service's
 * server span below it, a producer span its consumer, which runs later and may
 * outlive everybody.  No span is deeper than MAX_DEPTH.  The children of a
 * span run one after another in seven cases of ten, else side by side, always
 * within their parent; a trace's length grows with its size.
 *
 * Traces begin at random moments, at SPANS_PER_SECOND on average, so that at
 * any moment many are under way; spans arrive when they end, as an SDK sends
 * them.  Probe traces of exact sizes are spread evenly among them: the id of a
 * probe is 'aaaa', its size in 8 digits, its number from 1 in 20 digits.
 */
#include "traffic.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_TRACE_SIZE 20000
#define MAX_DEPTH 12
#define SPANS_PER_SECOND 4200.0
#define EPOCH_NS (1767614400LL * 1000000000LL) /* 2026-01-05 12:00 UTC */

const ProbeSize probe_sizes[PROBE_SIZE_COUNT] = {
	{10, 20}, {100, 20}, {1000, 20}, {10000, 4}, {20000, 4}};

/* A trace while it grows. */
typedef struct Growth
{
	Random random;
	TraceSpan *spans;
	uint32_t count;
	uint32_t wanted;
	uint8_t depth[MAX_TRACE_SIZE];
	uint32_t hosts[MAX_TRACE_SIZE]; /* spans that may have more children */
	uint32_t host_count;
	uint32_t children[MAX_TRACE_SIZE];
	uint32_t placed[MAX_TRACE_SIZE]; /* children that have their times */
	uint8_t is_parallel[MAX_TRACE_SIZE];
} Growth;

size_t
traffic_probe_spans(void)
{
	size_t spans = 0;

	for (int i = 0; i < PROBE_SIZE_COUNT; i++)
		spans += (size_t) probe_sizes[i].spans * probe_sizes[i].traces;
	return spans;
}

static uint32_t
draw_trace_size(Random *random)
{
	double size = exp(3.2189 + 1.2876 * random_normal(random));

	if (size < 1)
		return 1;
	return size > MAX_TRACE_SIZE ? MAX_TRACE_SIZE : (uint32_t) size;
}

static uint32_t
add_span(Growth *growth, uint32_t parent, uint16_t operation)
{
	uint32_t ordinal = growth->count++;
	TraceSpan *span = &growth->spans[ordinal];
	Shape shape = operations[operation].shape;

	span->ordinal = ordinal;
	span->parent = parent;
	span->operation = operation;
	growth->depth[ordinal] = 0;
	growth->children[ordinal] = 0;
	growth->placed[ordinal] = 0;
	growth->is_parallel[ordinal] = random_below(&growth->random, 10) >= 7;
	if (parent != NO_PARENT)
	{
		growth->children[parent]++;
		growth->depth[ordinal] = growth->depth[parent] + 1;
		span->is_remote_child =
			shape == SHAPE_SERVER || shape == SHAPE_CONSUMER;
	}
	/* room for a client and its server below */
	if (growth->depth[ordinal] <= MAX_DEPTH - 2 && shape != SHAPE_CLIENT &&
		shape != SHAPE_DATABASE && shape != SHAPE_PRODUCER)
		growth->hosts[growth->host_count++] = ordinal;
	return ordinal;
}

/* Work goes on mostly where it went on last. */
static uint32_t
pick_host(Growth *growth)
{
	uint32_t among = growth->host_count;
	uint32_t first = 0;

	if (among > 6 && random_below(&growth->random, 10) < 4)
	{
		first = among - 6;
		among = 6;
	}
	return growth->hosts[first + random_below(&growth->random, among)];
}

/* The far side of a call or of a message. */
static void
add_remote(Growth *growth, uint32_t parent, Shape shape)
{
	int service = catalogue_target(&growth->random);

	/* the odd services are those that consume */
	if (shape == SHAPE_CONSUMER)
		service |= 1;
	add_span(
		growth, parent, catalogue_operation(&growth->random, service, shape));
}

static void
add_work(Growth *growth)
{
	uint32_t host = pick_host(growth);
	int service = operations[growth->spans[host].operation].service;
	uint32_t dice = random_below(&growth->random, 100);
	Shape shape = dice < 35	  ? SHAPE_DATABASE
				  : dice < 62 ? SHAPE_INTERNAL
				  : dice < 95 ? SHAPE_CLIENT
							  : SHAPE_PRODUCER;
	uint32_t span;

	if (shape == SHAPE_PRODUCER && service % 2 == 1)
		shape = SHAPE_CLIENT;
	span = add_span(
		growth, host, catalogue_operation(&growth->random, service, shape));
	if (growth->count == growth->wanted)
		return;
	if (shape == SHAPE_CLIENT)
		add_remote(growth, span, SHAPE_SERVER);
	else if (shape == SHAPE_PRODUCER)
		add_remote(growth, span, SHAPE_CONSUMER);
}

/* Shares of the parent's time: where child number k of n begins, how long. */
static void
draw_interval(Growth *growth, const TraceSpan *parent, uint32_t k, uint32_t n,
			  double *begin, double *length)
{
	Random *random = &growth->random;

	if (n == 1)
	{
		*begin = 0.02 + 0.1 * random_share(random);
		*length = 0.7 + 0.15 * random_share(random);
	}
	else if (growth->is_parallel[parent->ordinal])
	{
		*begin = 0.2 * random_share(random);
		*length = 0.1 + 0.65 * random_share(random);
	}
	else
	{
		*begin = (k + 0.2 * random_share(random)) / n;
		*length = (0.2 + 0.6 * random_share(random)) / n;
	}
}

/* A message is taken up when it was sent, by somebody who has his own time. */
static void
delay_consumer(Random *random, TraceSpan *span, const TraceSpan *parent)
{
	span->start = parent->end + (int64_t) (1e6 * random_share(random));
	span->end =
		span->start + (int64_t) (2e6 * exp(1.5 * random_normal(random)));
}

/* A parent's times are there before its children's: it has the smaller
 * ordinal. */
static void
place_span(Growth *growth, TraceSpan *span)
{
	uint32_t step =
		services[operations[span->operation].service].language->clock_step;

	if (span->parent != NO_PARENT)
	{
		TraceSpan *parent = &growth->spans[span->parent];
		double room = (double) (parent->end - parent->start);
		double begin;
		double length;

		draw_interval(growth,
					  parent,
					  growth->placed[span->parent]++,
					  growth->children[span->parent],
					  &begin,
					  &length);
		span->start = parent->start + (int64_t) (begin * room);
		span->end = span->start + (int64_t) (length * room);
		if (operations[span->operation].shape == SHAPE_CONSUMER)
			delay_consumer(&growth->random, span, parent);
	}
	span->start -= span->start % step;
	span->end -= span->end % step;
}

static void
grow_trace(Growth *growth, TraceSpan *spans, uint32_t size, int64_t start)
{
	growth->spans = spans;
	growth->count = 0;
	growth->wanted = size;
	growth->host_count = 0;
	add_span(growth,
			 NO_PARENT,
			 catalogue_operation(&growth->random, 0, SHAPE_SERVER));
	while (growth->count < size)
		add_work(growth);

	spans[0].start = start;
	spans[0].end = start + 1000 +
				   (int64_t) (120e6 * pow(size / 25.0, 0.75) *
							  exp(random_normal(&growth->random)));
	for (uint32_t i = 0; i < size; i++)
		place_span(growth, &spans[i]);
}

static int
compare_arrival(const void *a, const void *b)
{
	const TraceSpan *x = a;
	const TraceSpan *y = b;

	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	if (x->trace != y->trace)
		return x->trace < y->trace ? -1 : 1;
	return (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

/* The sizes of all traces: the probes first, then drawn ones up to the count
 * of spans. */
static void
draw_sizes(Traffic *traffic, Random *random, int probes)
{
	size_t spans = 0;

	traffic->trace_sizes = allocate(traffic->span_count + 1, sizeof(uint32_t));
	for (int i = 0; probes && i < PROBE_SIZE_COUNT; i++)
		for (uint32_t k = 0; k < probe_sizes[i].traces; k++)
		{
			traffic->trace_sizes[traffic->trace_count++] = probe_sizes[i].spans;
			spans += probe_sizes[i].spans;
		}
	traffic->probe_count = traffic->trace_count;
	while (spans < traffic->span_count)
	{
		uint32_t size = draw_trace_size(random);

		if (size > traffic->span_count - spans)
			size = (uint32_t) (traffic->span_count - spans);
		traffic->trace_sizes[traffic->trace_count++] = size;
		spans += size;
	}
}

Traffic
traffic_generate(uint64_t seed, size_t span_count, int probes)
{
	Traffic traffic = {.seed = seed, .span_count = span_count};
	Random random = {seed};
	Growth *growth = allocate(1, sizeof(Growth));
	double period = (double) span_count / SPANS_PER_SECOND * 1e9;
	TraceSpan *next;

	draw_sizes(&traffic, &random, probes);
	next = traffic.spans = allocate(span_count, sizeof(TraceSpan));
	for (uint32_t i = 0; i < traffic.trace_count; i++)
	{
		double when = i < traffic.probe_count ? (i + 0.5) / traffic.probe_count
											  : random_share(&random);
		uint32_t size = traffic.trace_sizes[i];

		for (uint32_t k = 0; k < size; k++)
			next[k].trace = i;
		growth->random.state = mix(seed, i);
		grow_trace(growth, next, size, EPOCH_NS + (int64_t) (when * period));
		next += size;
	}
	free(growth);
	qsort(traffic.spans, span_count, sizeof(TraceSpan), compare_arrival);
	return traffic;
}

static void
put_bytes(uint8_t *to, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		to[i] = (uint8_t) (value >> (56 - 8 * i));
}

/* Digits as they would be read in hexadecimal: 1000 becomes 0x1000. */
static uint64_t
digits_as_hex(uint32_t number)
{
	uint64_t value = 0;

	for (int shift = 0; number > 0; shift += 4, number /= 10)
		value |= (uint64_t) (number % 10) << shift;
	return value;
}

void
traffic_trace_id(const Traffic *traffic, uint32_t trace, uint8_t id[16])
{
	uint32_t before = 0;

	if (trace >= traffic->probe_count)
	{
		put_bytes(id, mix(traffic->seed ^ 0x7472, trace) | 1);
		put_bytes(id + 8, mix(traffic->seed ^ 0x6163, trace) | 1);
		/* no other trace looks like a probe */
		if (id[0] == 0xaa)
			id[0] = 0xab;
		return;
	}
	for (int i = 0; trace >= before + probe_sizes[i].traces; i++)
		before += probe_sizes[i].traces;
	put_bytes(id,
			  0xaaaa000000000000ULL | digits_as_hex(traffic->trace_sizes[trace])
										  << 16);
	put_bytes(id + 8, digits_as_hex(trace - before + 1));
}

void
traffic_span_id(const Traffic *traffic, uint32_t trace, uint32_t ordinal,
				uint8_t id[8])
{
	put_bytes(id, mix(traffic->seed ^ (uint64_t) trace << 32, ordinal) | 1);
}

int
traffic_instance(const Traffic *traffic, const TraceSpan *span)
{
	int service = operations[span->operation].service;
	uint64_t which = mix(traffic->seed + span->trace, (uint64_t) service);

	return service * INSTANCES_PER_SERVICE +
		   (int) (which % INSTANCES_PER_SERVICE);
}
