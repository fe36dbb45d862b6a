/*
 * What a statement changes about the latencies that distributed_trace_latency
 * keeps: sketches of the durations that it adds and takes out.
 */
#ifndef LATENCY_LATENCY_DELTA_H
#define LATENCY_LATENCY_DELTA_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

/* The columns of a span that a rollup counts it by. */
typedef struct CountedSpan
{
	text *service_name;
	text *operation;
	TimestampTz start_time;
	bool is_root;
	Jsonb *tags;		 /* NULL if there are none */
	Numeric duration_ms; /* NULL while it is not known */
} CountedSpan;

typedef struct LatencyDeltas LatencyDeltas;

/* Whether statements shall keep the rollup (distributed_trace.rollup), and are
 * not those of a restore, which brings it. */
extern bool latency_rollup_is_kept(Oid log_owner);

/* The setting; call once, when the module is loaded. */
extern void define_latency_settings(void);

/* No deltas yet, of the tables in this schema, in the current memory context. */
extern LatencyDeltas *latency_deltas_create(Oid schema);

/*
 * Takes one span out and adds another.  A span without a duration, or whose
 * duration or start is not a finite number, counts as nothing; a negative
 * duration as 0.
 */
extern void latency_deltas_change(LatencyDeltas *deltas,
								  const CountedSpan *before,
								  const CountedSpan *after);

/* Whether there are so many that they should be written. */
extern bool latency_deltas_are_many(const LatencyDeltas *deltas);

/* Appends the deltas to distributed_trace_latency, with the rights of its
 * owner, and forgets them. */
extern void latency_deltas_write(LatencyDeltas *deltas);

#endif
