/*
 * How many spans a sampled one stands for.
 */
#ifndef CORE_SAMPLING_H
#define CORE_SAMPLING_H

#include "core/tree/span.h"

/*
 * The adjusted count that a W3C tracestate tells: 2^56 / (2^56 - T), where T
 * is the rejection threshold in the subkey th of the member ot, up to 14 hex
 * digits (OpenTelemetry specification, "TraceState: Probability Sampling").
 * 1 if there is none, or none that is well formed: a span counts as itself.
 */
extern double sampling_adjusted_count(Slice trace_state);

/*
 * Which of 16 parts of its octave an adjusted count lies in, from 0 for one of
 * 1 up to 896 for 2^56: what a rollup tells weights apart by.  Up to 32 every
 * whole number has a class of its own, and a client that makes up as many
 * weights as it likes makes up no more classes than there are.
 */
extern int16_t sampling_weight_class(double adjusted_count);

#endif
