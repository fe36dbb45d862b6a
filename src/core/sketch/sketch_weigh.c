/*
 * Weighted sketches: spans that were sampled stand for others, each for so many
 * (its adjusted count), which need be no whole number and may be 2^56.
 *
 * A sketch counts in whole numbers, so what is weighted is scaled to about 2^52
 * values in all where it would not come out in them: a value of a share too
 * small for that still counts once.
 */
#include "core/sketch/sketch_weigh.h"

#include <math.h>

/* Counts up to here are doubles exactly. */
#define EXACT_COUNT 9007199254740992.0	/* 2^53 */
#define SCALED_COUNT 4503599627370496.0 /* 2^52 */

/* The factor for all weights. */
static double
find_scale(const WeightedPart *parts, size_t count)
{
	bool is_whole = true;
	double total = 0;

	for (size_t i = 0; i < count; i++)
	{
		total +=
			parts[i].weight * (double) sketch_read(parts[i].sketch, NULL).count;
		is_whole &= parts[i].weight == floor(parts[i].weight);
	}
	return is_whole && total <= EXACT_COUNT ? 1 : SCALED_COUNT / total;
}

SketchStatus
sketch_weigh(Host *host, uint32_t alpha, const WeightedPart *parts,
			 size_t count, OpenSketch **sketch)
{
	double scale = find_scale(parts, count);

	*sketch = sketch_create(host, alpha);
	if (*sketch == NULL)
		return SKETCH_NO_MEMORY;
	for (size_t i = 0; i < count; i++)
	{
		OpenSketch *part = sketch_open(host, parts[i].sketch);
		SketchStatus status;

		if (part == NULL)
			return SKETCH_NO_MEMORY;
		sketch_scale(part, parts[i].weight * scale);
		status = sketch_merge(host, sketch, &part->head);
		if (status != SKETCH_OK)
			return status;
	}
	return SKETCH_OK;
}
