/*
 * Sketches as SQL values: varlenas in the current memory context.
 */
#ifndef LATENCY_SKETCH_VALUE_H
#define LATENCY_SKETCH_VALUE_H

#include "postgres.h"

#include "core/sketch/sketch.h"
#include "core/sketch/sketch_weigh.h"
#include "fmgr.h"

/* Turns a failure of the core into an error. */
extern void check_sketch_status(SketchStatus status);

/* An accuracy of SQL (0.01) in the core's millionths; an error if no sketch can
 * have it. */
extern uint32 alpha_from_float8(float8 alpha);

/* A sketch of any form, as it was stored. */
extern const Sketch *sketch_argument(FunctionCallInfo fcinfo, int argno);

/* The same values as an open sketch that may be changed. */
extern OpenSketch *open_sketch(const Sketch *sketch);

/* The packed form of a sketch as a value. */
extern Datum packed_datum(const Sketch *sketch);

/* The packed sketch of weighted ones, of which there is one at least. */
extern Datum weighted_datum(const WeightedPart *parts, size_t count);

#endif
