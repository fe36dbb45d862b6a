/*
 * Durations of SQL as the whole nanoseconds that a sketch counts.
 *
 * A numeric or double precision is in milliseconds.  It is rounded to the
 * nearest nanosecond, a numeric halfway between two away from zero; an interval
 * counts its months as 30 days, as comparing intervals does.  NaN, infinities,
 * and what is 10^13 ms (317 years) or longer is an error.
 */
#ifndef LATENCY_DURATION_H
#define LATENCY_DURATION_H

#include "postgres.h"

#include "core/base/wide.h"

#define NS_PER_MS 1000000.0

extern Wide duration_from_numeric(Datum ms);
extern Wide duration_from_float8(float8 ms);
extern Wide duration_from_interval(Datum duration);

/* The same, with the nearest possible duration in place of one that is too
 * long; NaN is an error. */
extern Wide duration_clamped(float8 ms);

/* The nearest double of milliseconds. */
extern double duration_ms(Wide ns);

#endif
