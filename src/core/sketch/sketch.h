/*
 * A latency sketch: how many values lie in each of many narrow bins, from which
 * any quantile is known to within a relative error alpha (DDSketch: Masson,
 * Rim, Lee, VLDB 2019; see sketch_bins.h for the bins and the proof).
 *
 * Values are whole nanoseconds, negative ones and zero among them, up to 317
 * years.  No bin is ever given up for another (nothing "collapses"), so the
 * guarantee holds for every quantile.  Count, sum, least and greatest value are
 * kept beside the bins, exactly; the sum is an integer, so that values and
 * sketches may be put together in any order and grouping and give the same.
 * A sketch can be taken out of one that it was merged into.  What is left has
 * the bins, the count and the sum that it would have had; its extremes, where
 * they may have been taken out, become the bounds of their bins and are marked.
 *
 * A value has no pointers: it may be copied, stored and moved.  It must lie at
 * an address divisible by 8.  There are three forms, told apart by `form`:
 *
 * packed	at rest.  Integers of variable length, about 25 bytes for one value
 *			and 2 or 3 for each further bin.  Equal sketches are equal bytes.
 *			Another layout takes another number.
 * sparse	open, with the bins that are there, in order.
 * dense	open, with a counter for each bin between two.
 *
 * An open sketch is the state of an aggregate: sparse while it has few bins,
 * so that a hundred thousand may be open at once, then dense.  It grows by a
 * constant factor each time.
 */
#ifndef CORE_SKETCH_H
#define CORE_SKETCH_H

#include <stddef.h>

#include "core/base/host.h"
#include "core/sketch/sketch_bins.h"

#define SKETCH_MAX_COUNT ((uint64_t) INT64_MAX)

enum SketchForm
{
	SKETCH_PACKED = 1,
	SKETCH_SPARSE = 2,
	SKETCH_DENSE = 3,
};

/* The least or the greatest value is not known, but not beyond this. */
enum SketchFlag
{
	SKETCH_MIN_IS_BOUND = 1 << 0,
	SKETCH_MAX_IS_BOUND = 1 << 1,
};

#define SKETCH_FLAGS (SKETCH_MIN_IS_BOUND | SKETCH_MAX_IS_BOUND)

/* What begins a sketch of any form. */
typedef struct Sketch
{
	int32_t length_word; /* the server's; the core never touches it */
	uint8_t form;
	uint8_t flags;
	uint16_t bins_per_octave;
	uint32_t alpha;
} Sketch;

typedef struct OpenSketch
{
	Sketch head;
	uint32_t capacity; /* entries of a sparse, counters of a dense one */
	uint32_t used;	   /* entries of a sparse one */
	int32_t first;	   /* bin of the first counter of a dense one */
	uint64_t count;
	Wide sum;
	Wide min; /* of no values: 0, and so is max */
	Wide max;
} OpenSketch;

typedef struct SketchBin
{
	uint64_t count;
	int32_t index;
	int32_t reserved;
} SketchBin;

typedef enum SketchStatus
{
	SKETCH_OK,
	SKETCH_NO_MEMORY,	  /* Host.allocate returned NULL */
	SKETCH_TOO_MANY,	  /* more than SKETCH_MAX_COUNT values */
	SKETCH_ALPHA_DIFFERS, /* sketches of two accuracies */
	SKETCH_NOT_CONTAINED, /* taken out of what it is not part of */
	SKETCH_INCONSISTENT,  /* bins, count, sum, extremes contradict */
} SketchStatus;

/* Everything but the bins, of a sketch of any form. */
typedef struct SketchTotals
{
	uint64_t count;
	Wide sum;
	Wide min;
	Wide max;
} SketchTotals;

/* Goes through the bins that are not empty, by ascending index. */
typedef struct SketchCursor
{
	const Sketch *sketch;
	const uint8_t *at; /* packed: the next bin */
	uint32_t position; /* open: the next entry or counter */
	uint32_t end;	   /* entries, counters, or packed bins in all */
	int32_t index;	   /* packed: of the bin before */
} SketchCursor;

/*
 * Opening.  A failure of what follows may leave the open sketch half done; the
 * sketch that was there before growing is left to the host.
 */

/* An empty open sketch; NULL without memory.  alpha must be valid. */
extern OpenSketch *sketch_create(Host *host, uint32_t alpha);

/* The same values as an open sketch; NULL without memory. */
extern OpenSketch *sketch_open(Host *host, const Sketch *sketch);

/* Bytes of an open sketch, with its room to grow. */
extern size_t sketch_open_size(const OpenSketch *sketch);

/* Adds a value so many times.  *sketch moves when it has to grow. */
extern SketchStatus sketch_add(Host *host, OpenSketch **sketch, Wide value,
							   uint64_t times);

/* Adds all values of another sketch. */
extern SketchStatus sketch_merge(Host *host, OpenSketch **sketch,
								 const Sketch *other);

/* Takes out the values of another sketch that was added before. */
extern SketchStatus sketch_subtract(OpenSketch *sketch, const Sketch *other);

/* Counts every value so many times (above 0), rounded for all values of a bin
 * together, but once at least.  What results must not be more than
 * SKETCH_MAX_COUNT. */
extern void sketch_scale(OpenSketch *sketch, double times);

/*
 * An open sketch of these bins, by ascending index, and of
 * totals->sum, min and max; SKETCH_INCONSISTENT unless some values have such
 * bins and totals.  Believes nothing.
 */
extern SketchStatus sketch_from_parts(Host *host, uint32_t alpha,
									  uint32_t flags,
									  const SketchTotals *totals,
									  const SketchBin *bins, uint32_t count,
									  OpenSketch **sketch);

/*
 * Reading
 */

/* The packed form and its size in bytes; NULL without memory. */
extern Sketch *sketch_pack(Host *host, const Sketch *sketch, size_t *size);

/* The totals; *cursor, if not NULL, then stands before the first bin. */
extern SketchTotals sketch_read(const Sketch *sketch, SketchCursor *cursor);

extern bool sketch_next(SketchCursor *cursor, SketchBin *bin);

/* How many bins sketch_next will give. */
extern uint32_t sketch_bin_count(const Sketch *sketch);

/*
 * A value within alpha of the quantile q (0 to 1), in ns: of the smallest
 * value that at least the share q of all values does not exceed
 * (percentile_disc in SQL).  There must be values.
 */
extern double sketch_quantile(const Sketch *sketch, double q);

/*
 * The share of the values that do not exceed this one; there must be values.
 * All values of its own bin count as such, so it is the true share at the last
 * value of the bin, at most (1 + alpha) / (1 - alpha) times this one: values
 * that are equal are never taken apart.  (Of a bin with no more than the known
 * extremes it is the true share here.)
 */
extern double sketch_rank(const Sketch *sketch, Wide value);

#endif
