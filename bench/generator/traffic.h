/*
 * The spans themselves: which traces there are, how their spans hang together
 * and when they ran.  See traffic.c.
 */
#ifndef GENERATOR_TRAFFIC_H
#define GENERATOR_TRAFFIC_H

#include "catalogue.h"

#define NO_PARENT UINT32_MAX

/* One span, in few bytes: five million of them have to fit.  Everything else
 * about it follows from its numbers; see detail.h. */
typedef struct TraceSpan
{
	int64_t start; /* ns since 1970 */
	int64_t end;
	uint32_t trace;
	uint32_t ordinal; /* within its trace, the root's is 0 */
	uint32_t parent;  /* the parent's ordinal, or NO_PARENT */
	uint16_t operation;
	uint8_t is_remote_child; /* its parent ran in another process */
} TraceSpan;

typedef struct Traffic
{
	uint64_t seed;
	TraceSpan *spans; /* in order of arrival: by end, then trace, ordinal */
	size_t span_count;
	uint32_t *trace_sizes;
	uint32_t trace_count;
	uint32_t probe_count; /* the first so many traces are probes */
} Traffic;

/* How many probes there are of which size. */
typedef struct ProbeSize
{
	uint32_t spans;
	uint32_t traces;
} ProbeSize;

#define PROBE_SIZE_COUNT 5
extern const ProbeSize probe_sizes[PROBE_SIZE_COUNT];

/* Spans of all probes together. */
extern size_t traffic_probe_spans(void);

/* span_count spans in all, the probes among them if they are wanted. */
extern Traffic traffic_generate(uint64_t seed, size_t span_count, int probes);

extern void traffic_trace_id(const Traffic *traffic, uint32_t trace,
							 uint8_t id[16]);
extern void traffic_span_id(const Traffic *traffic, uint32_t trace,
							uint32_t ordinal, uint8_t id[8]);

/* Number of the instance that recorded the span, 0 .. INSTANCE_COUNT - 1. */
extern int traffic_instance(const Traffic *traffic, const TraceSpan *span);

#endif
