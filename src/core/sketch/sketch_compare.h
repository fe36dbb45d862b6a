/*
 * How far the values of two sketches differ, found from their bins.
 */
#ifndef CORE_SKETCH_COMPARE_H
#define CORE_SKETCH_COMPARE_H

#include "core/sketch/sketch.h"

typedef struct SketchDifference
{
	/* the greatest distance between the two distribution functions (the
	 * statistic of Kolmogorov and Smirnov), 0 to 1 */
	double distance;
	/* how probable so great a distance is if both are samples of one
	 * distribution */
	double p_value;
	/* Cliff's delta: the probability that a value of the second is greater than
	 * one of the first, minus that it is less; values of one bin are ties */
	double effect;
} SketchDifference;

/* Both must have values and one accuracy. */
extern SketchDifference sketch_compare(const Sketch *first,
									   const Sketch *second);

/* Whether accuracy, bins, count and sum are the same; the extremes, which
 * subtracting may have made bounds, need not be. */
extern bool sketch_counts_same(const Sketch *a, const Sketch *b);

#endif
