/*
 * A sketch of values that stand for several each: see sketch_weigh.c.
 */
#ifndef CORE_SKETCH_WEIGH_H
#define CORE_SKETCH_WEIGH_H

#include "core/sketch/sketch.h"

/* A sketch, each of whose values counts so many times: above 0, finite. */
typedef struct WeightedPart
{
	const Sketch *sketch;
	double weight;
} WeightedPart;

/*
 * The open sketch of the values of all parts, each as often as it counts.
 * Where weights are whole and few enough, counts and sum are exactly those;
 * else they are all scaled by one factor, so that shares, quantiles, ranks and
 * the mean are those of the weighted values to 15 digits.  All parts have the
 * accuracy `alpha`.
 */
extern SketchStatus sketch_weigh(Host *host, uint32_t alpha,
								 const WeightedPart *parts, size_t count,
								 OpenSketch **sketch);

#endif
