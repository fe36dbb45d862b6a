/*
 * Open sketches: filling, merging, taking out.  See sketch.h.
 *
 * A sparse sketch has its entries sorted, and a new bin moves those behind it.
 * In a dense one a value costs an increment.  Whenever a sketch has to grow it
 * becomes dense if that takes at most twice the space, else sparse.
 *
 * Sizes up to 8 kB are powers of two, header included, since the server's
 * allocator rounds up to those.
 */
#include "core/sketch/sketch.h"

#include <math.h>
#include <string.h>

#define SMALLEST_SIZE 128
#define LARGEST_ROUNDED_SIZE 8192

/* A dense sketch may take so many times the space of a sparse one. */
#define DENSE_FACTOR 2

static SketchBin *
sparse_entries(OpenSketch *sketch)
{
	return (SketchBin *) (sketch + 1);
}

static uint64_t *
dense_counters(OpenSketch *sketch)
{
	return (uint64_t *) (sketch + 1);
}

static size_t
item_size(uint8_t form)
{
	return form == SKETCH_SPARSE ? sizeof(SketchBin) : sizeof(uint64_t);
}

size_t
sketch_open_size(const OpenSketch *sketch)
{
	return sizeof(OpenSketch) + sketch->capacity * item_size(sketch->head.form);
}

/* An empty sketch that fills this size. */
static OpenSketch *
allocate(Host *host, uint32_t alpha, uint8_t form, size_t size)
{
	OpenSketch *sketch = host->allocate(host, size);

	if (sketch == NULL)
		return NULL;
	memset(sketch, 0, form == SKETCH_DENSE ? size : sizeof(OpenSketch));
	sketch->head.form = form;
	sketch->head.alpha = alpha;
	sketch->head.bins_per_octave = (uint16_t) sketch_bins_per_octave(alpha);
	sketch->capacity =
		(uint32_t) ((size - sizeof(OpenSketch)) / item_size(form));
	return sketch;
}

OpenSketch *
sketch_create(Host *host, uint32_t alpha)
{
	return allocate(host, alpha, SKETCH_SPARSE, SMALLEST_SIZE);
}

OpenSketch *
sketch_open(Host *host, const Sketch *sketch)
{
	OpenSketch *open = sketch_create(host, sketch->alpha);

	if (open == NULL || sketch_merge(host, &open, sketch) != SKETCH_OK)
		return NULL;
	return open;
}

/* The first and the last bin that is not empty; false if all are. */
static bool
find_ends(const OpenSketch *sketch, int32_t *low, int32_t *high)
{
	SketchCursor cursor;
	SketchBin bin;

	(void) sketch_read(&sketch->head, &cursor);
	if (!sketch_next(&cursor, &bin))
		return false;
	*low = bin.index;
	do
		*high = bin.index;
	while (sketch_next(&cursor, &bin));
	return true;
}

/* Bytes for counters from one bin to another, with room for more. */
static size_t
dense_size(int32_t low, int32_t high)
{
	size_t counters = (size_t) (high - low) + 1;
	size_t size = sizeof(OpenSketch) + counters * sizeof(uint64_t);
	size_t rounded = SMALLEST_SIZE;

	if (size > LARGEST_ROUNDED_SIZE)
		return size + counters / 4 * sizeof(uint64_t);
	while (rounded < size)
		rounded *= 2;
	return rounded;
}

static void
copy_totals(OpenSketch *to, const OpenSketch *from)
{
	to->head = from->head;
	to->count = from->count;
	to->sum = from->sum;
	to->min = from->min;
	to->max = from->max;
}

/* A dense copy with counters at least from `low` to `high`, which all bins of
 * the sketch lie between.  What there is to spare goes to both sides. */
static OpenSketch *
copy_dense(Host *host, const OpenSketch *sketch, int32_t low, int32_t high)
{
	OpenSketch *dense =
		allocate(host, sketch->head.alpha, SKETCH_DENSE, dense_size(low, high));
	SketchCursor cursor;
	SketchBin bin;

	if (dense == NULL)
		return NULL;
	copy_totals(dense, sketch);
	dense->head.form = SKETCH_DENSE;
	dense->first = low - (int32_t) (dense->capacity - 1) / 2 + (high - low) / 2;
	(void) sketch_read(&sketch->head, &cursor);
	while (sketch_next(&cursor, &bin))
		dense_counters(dense)[bin.index - dense->first] = bin.count;
	return dense;
}

/* A sparse copy that has room for one more bin at least. */
static OpenSketch *
copy_sparse(Host *host, const OpenSketch *sketch, size_t size)
{
	OpenSketch *sparse =
		allocate(host, sketch->head.alpha, SKETCH_SPARSE, size);
	SketchCursor cursor;

	if (sparse == NULL)
		return NULL;
	copy_totals(sparse, sketch);
	sparse->head.form = SKETCH_SPARSE;
	(void) sketch_read(&sketch->head, &cursor);
	while (sketch_next(&cursor, &sparse_entries(sparse)[sparse->used]))
		sparse->used++;
	return sparse;
}

/* Bytes for so many entries. */
static size_t
sparse_size(uint32_t entries)
{
	size_t size = SMALLEST_SIZE;

	while (size < sizeof(OpenSketch) + entries * sizeof(SketchBin))
		size *= 2;
	return size;
}

/* A copy, in the form that suits it, with room for one more bin, which has this
 * index; NULL without memory. */
static OpenSketch *
grow(Host *host, const OpenSketch *sketch, int32_t index)
{
	size_t size = sparse_size(sketch_bin_count(&sketch->head) + 1);
	int32_t low = index;
	int32_t high = index;

	if (find_ends(sketch, &low, &high))
	{
		low = index < low ? index : low;
		high = index > high ? index : high;
	}
	if (dense_size(low, high) > DENSE_FACTOR * size)
		return copy_sparse(host, sketch, size);
	return copy_dense(host, sketch, low, high);
}

/* Where the entry of a bin is, or would have to be. */
static uint32_t
search_entries(OpenSketch *sketch, int32_t index)
{
	const SketchBin *entries = sparse_entries(sketch);
	uint32_t low = 0;
	uint32_t high = sketch->used;

	while (low < high)
	{
		uint32_t middle = (low + high) / 2;

		if (entries[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A bin's counter; NULL if there is none. */
static inline uint64_t *
find_counter(OpenSketch *sketch, int32_t index)
{
	SketchBin *entry;
	uint32_t at;

	if (sketch->head.form == SKETCH_DENSE)
	{
		at = (uint32_t) (index - sketch->first);
		return at < sketch->capacity ? &dense_counters(sketch)[at] : NULL;
	}
	at = search_entries(sketch, index);
	entry = &sparse_entries(sketch)[at];
	return at < sketch->used && entry->index == index ? &entry->count : NULL;
}

/* A counter for a bin that has none, which is 0; NULL without memory. */
static uint64_t *
make_counter(Host *host, OpenSketch **sketch, int32_t index)
{
	OpenSketch *s = *sketch;
	SketchBin *entry;

	if (s->head.form == SKETCH_DENSE || s->used == s->capacity)
	{
		s = grow(host, s, index);
		if (s == NULL)
			return NULL;
		*sketch = s;
	}
	if (s->head.form == SKETCH_DENSE)
		return find_counter(s, index);
	entry = sparse_entries(s) + search_entries(s, index);
	memmove(entry + 1,
			entry,
			(size_t) ((char *) (sparse_entries(s) + s->used) - (char *) entry));
	*entry = (SketchBin){.index = index};
	s->used++;
	return &entry->count;
}

static inline SketchStatus
add_to_bin(Host *host, OpenSketch **sketch, int32_t index, uint64_t times)
{
	uint64_t *counter = find_counter(*sketch, index);

	if (counter == NULL)
		counter = make_counter(host, sketch, index);
	if (counter == NULL)
		return SKETCH_NO_MEMORY;
	*counter += times;
	return SKETCH_OK;
}

/* A known extreme counts before a bound that is equal to it: some value is. */
static inline void
include_min(OpenSketch *sketch, Wide min, uint8_t is_bound)
{
	int order = sketch->count == 0 ? -1 : wide_compare(min, sketch->min);

	if (order > 0 || (order == 0 && is_bound))
		return;
	sketch->min = min;
	sketch->head.flags &= (uint8_t) ~SKETCH_MIN_IS_BOUND;
	sketch->head.flags |= is_bound;
}

static inline void
include_max(OpenSketch *sketch, Wide max, uint8_t is_bound)
{
	int order = sketch->count == 0 ? 1 : wide_compare(max, sketch->max);

	if (order < 0 || (order == 0 && is_bound))
		return;
	sketch->max = max;
	sketch->head.flags &= (uint8_t) ~SKETCH_MAX_IS_BOUND;
	sketch->head.flags |= is_bound;
}

SketchStatus
sketch_add(Host *host, OpenSketch **sketch, Wide value, uint64_t times)
{
	OpenSketch *s = *sketch;
	int32_t index = sketch_bin_of(value, s->head.bins_per_octave);

	if (times > SKETCH_MAX_COUNT - s->count)
		return SKETCH_TOO_MANY;
	if (times == 0)
		return SKETCH_OK;
	if (add_to_bin(host, sketch, index, times) != SKETCH_OK)
		return SKETCH_NO_MEMORY;
	s = *sketch;
	s->sum = wide_add(s->sum, times == 1 ? value : wide_multiply(value, times));
	include_min(s, value, 0);
	include_max(s, value, 0);
	s->count += times;
	return SKETCH_OK;
}

SketchStatus
sketch_merge(Host *host, OpenSketch **sketch, const Sketch *other)
{
	SketchCursor cursor;
	SketchTotals totals = sketch_read(other, &cursor);
	SketchBin bin;

	if (other->alpha != (*sketch)->head.alpha)
		return SKETCH_ALPHA_DIFFERS;
	if (totals.count > SKETCH_MAX_COUNT - (*sketch)->count)
		return SKETCH_TOO_MANY;
	if (totals.count == 0)
		return SKETCH_OK;
	while (sketch_next(&cursor, &bin))
	{
		if (add_to_bin(host, sketch, bin.index, bin.count) != SKETCH_OK)
			return SKETCH_NO_MEMORY;
	}
	(*sketch)->sum = wide_add((*sketch)->sum, totals.sum);
	include_min(*sketch, totals.min, other->flags & SKETCH_MIN_IS_BOUND);
	include_max(*sketch, totals.max, other->flags & SKETCH_MAX_IS_BOUND);
	(*sketch)->count += totals.count;
	return SKETCH_OK;
}

/* The bounds of the first and the last bin that is not empty. */
typedef struct Ends
{
	Wide first_min;
	Wide first_max;
	Wide last_min;
	Wide last_max;
} Ends;

static bool
find_outer_bounds(const OpenSketch *sketch, Ends *ends)
{
	uint32_t bins_per_octave = sketch->head.bins_per_octave;
	int32_t low;
	int32_t high;

	if (!find_ends(sketch, &low, &high))
		return false;
	(void) sketch_bin_bounds(
		low, bins_per_octave, &ends->first_min, &ends->first_max);
	(void) sketch_bin_bounds(
		high, bins_per_octave, &ends->last_min, &ends->last_max);
	return true;
}

static bool
is_between(Wide a, Wide low, Wide high)
{
	return wide_compare(low, a) <= 0 && wide_compare(a, high) <= 0;
}

/* Whether any values at all could have such bins and totals.  (Were the
 * minimum above the maximum, no sum would do.) */
static bool
is_consistent(const OpenSketch *sketch)
{
	bool is_min_bound = (sketch->head.flags & SKETCH_MIN_IS_BOUND) != 0;
	bool is_max_bound = (sketch->head.flags & SKETCH_MAX_IS_BOUND) != 0;
	Ends ends;

	if (!find_outer_bounds(sketch, &ends))
		return sketch->count == 0 && sketch->head.flags == 0 &&
			   wide_compare(sketch->sum, WIDE_ZERO) == 0 &&
			   wide_compare(sketch->min, WIDE_ZERO) == 0 &&
			   wide_compare(sketch->max, WIDE_ZERO) == 0;
	return is_between(sketch->min,
					  ends.first_min,
					  is_min_bound ? ends.first_min : ends.first_max) &&
		   is_between(sketch->max,
					  is_max_bound ? ends.last_max : ends.last_min,
					  ends.last_max) &&
		   is_between(sketch->sum,
					  wide_multiply(sketch->min, sketch->count),
					  wide_multiply(sketch->max, sketch->count));
}

static bool
subtract_bins(OpenSketch *sketch, SketchCursor *cursor)
{
	SketchBin bin;

	while (sketch_next(cursor, &bin))
	{
		uint64_t *counter = find_counter(sketch, bin.index);

		if (counter == NULL || *counter < bin.count)
			return false;
		*counter -= bin.count;
	}
	return true;
}

/*
 * An extreme that is known stays so if nothing that far out was taken away;
 * else it becomes the bound of the outermost bin that is left.
 */
static void
settle_extremes(OpenSketch *sketch, const SketchTotals *taken)
{
	uint8_t *flags = &sketch->head.flags;
	Ends ends;

	if (!find_outer_bounds(sketch, &ends))
		return;
	if (wide_compare(taken->min, sketch->min) <= 0)
		*flags |= SKETCH_MIN_IS_BOUND;
	if (wide_compare(taken->max, sketch->max) >= 0)
		*flags |= SKETCH_MAX_IS_BOUND;
	if (*flags & SKETCH_MIN_IS_BOUND)
		sketch->min = ends.first_min;
	if (*flags & SKETCH_MAX_IS_BOUND)
		sketch->max = ends.last_max;
}

/* Whether the other one reaches beyond what it is said to be part of. */
static bool
reaches_beyond(const OpenSketch *sketch, const SketchTotals *totals,
			   uint8_t flags)
{
	return (!(flags & SKETCH_MIN_IS_BOUND) &&
			wide_compare(totals->min, sketch->min) < 0) ||
		   (!(flags & SKETCH_MAX_IS_BOUND) &&
			wide_compare(totals->max, sketch->max) > 0);
}

SketchStatus
sketch_subtract(OpenSketch *sketch, const Sketch *other)
{
	SketchCursor cursor;
	SketchTotals totals = sketch_read(other, &cursor);

	if (other->alpha != sketch->head.alpha)
		return SKETCH_ALPHA_DIFFERS;
	if (totals.count == 0)
		return SKETCH_OK;
	if (reaches_beyond(sketch, &totals, other->flags) ||
		!subtract_bins(sketch, &cursor))
		return SKETCH_NOT_CONTAINED;
	sketch->count -= totals.count;
	sketch->sum = wide_subtract(sketch->sum, totals.sum);
	if (sketch->count > 0)
		settle_extremes(sketch, &totals);
	else
	{
		sketch->min = WIDE_ZERO;
		sketch->max = WIDE_ZERO;
		sketch->head.flags = 0;
	}
	return is_consistent(sketch) ? SKETCH_OK : SKETCH_NOT_CONTAINED;
}

static uint64_t
scale_count(uint64_t count, double times)
{
	double scaled = rint((double) count * times);

	return scaled < 1 ? 1 : (uint64_t) scaled;
}

/* The sum of as many values, were each there so many times; exact if that is a
 * whole number and the sum below 2^64 ns. */
static Wide
scale_sum(const OpenSketch *sketch, uint64_t count, double times)
{
	Wide least = wide_multiply(sketch->min, count);
	Wide most = wide_multiply(sketch->max, count);
	Wide sum;

	if (times == floor(times) &&
		(sketch->sum.high == 0 || sketch->sum.high == -1))
		return wide_multiply(sketch->sum, (uint64_t) times);
	sum = wide_from_double(wide_to_double(sketch->sum) /
						   (double) sketch->count * (double) count);
	if (wide_compare(sum, least) < 0)
		return least;
	return wide_compare(sum, most) > 0 ? most : sum;
}

void
sketch_scale(OpenSketch *sketch, double times)
{
	bool is_dense = sketch->head.form == SKETCH_DENSE;
	uint32_t end = is_dense ? sketch->capacity : sketch->used;
	uint64_t count = 0;

	if (times == 1 || sketch->count == 0)
		return;
	for (uint32_t i = 0; i < end; i++)
	{
		uint64_t *counter = is_dense ? &dense_counters(sketch)[i]
									 : &sparse_entries(sketch)[i].count;

		if (*counter != 0)
			*counter = scale_count(*counter, times);
		count += *counter;
	}
	sketch->sum = scale_sum(sketch, count, times);
	sketch->count = count;
}

static SketchStatus
add_part(Host *host, OpenSketch **sketch, const SketchBin *bin)
{
	SketchStatus status;
	Wide lowest;
	Wide highest;

	if (!sketch_bin_bounds(
			bin->index, (*sketch)->head.bins_per_octave, &lowest, &highest) ||
		bin->count == 0 || bin->count > SKETCH_MAX_COUNT - (*sketch)->count)
		return SKETCH_INCONSISTENT;
	status = add_to_bin(host, sketch, bin->index, bin->count);
	(*sketch)->count += bin->count;
	return status;
}

SketchStatus
sketch_from_parts(Host *host, uint32_t alpha, uint32_t flags,
				  const SketchTotals *totals, const SketchBin *bins,
				  uint32_t count, OpenSketch **sketch)
{
	SketchStatus status = SKETCH_OK;

	if (alpha < SKETCH_MIN_ALPHA || alpha > SKETCH_MAX_ALPHA ||
		(flags & ~(uint32_t) SKETCH_FLAGS) != 0)
		return SKETCH_INCONSISTENT;
	*sketch = sketch_create(host, alpha);
	if (*sketch == NULL)
		return SKETCH_NO_MEMORY;
	for (uint32_t i = 0; i < count && status == SKETCH_OK; i++)
	{
		if (i > 0 && bins[i].index <= bins[i - 1].index)
			return SKETCH_INCONSISTENT;
		status = add_part(host, sketch, &bins[i]);
	}
	if (status != SKETCH_OK)
		return status;
	(*sketch)->sum = totals->sum;
	(*sketch)->min = totals->min;
	(*sketch)->max = totals->max;
	(*sketch)->head.flags = (uint8_t) flags;
	return is_consistent(*sketch) ? SKETCH_OK : SKETCH_INCONSISTENT;
}
