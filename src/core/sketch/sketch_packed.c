/*
 * Packed sketches, and reading sketches of any form.  See sketch.h.
 *
 * Behind the header of a packed sketch come integers of variable length, 7
 * bits a byte, the lowest first:
 *
 *	count
 *	and unless that is 0:
 *	the number of bins, minimum, maximum, sum (all three signed, of 128 bits)
 *	for each bin: its index (signed for the first, else what it is greater
 *	than the one before) and count
 *
 * A signed number n goes as 2 * n, or as -2 * n - 1 if it is negative.
 */
#include "core/sketch/sketch.h"

#include <string.h>

/* Writes at `at`, or only counts bytes where that is NULL. */
typedef struct Writer
{
	uint8_t *at;
	size_t size;
} Writer;

static void
put_byte(Writer *writer, uint8_t byte)
{
	if (writer->at != NULL)
		writer->at[writer->size] = byte;
	writer->size++;
}

static void
put_unsigned(Writer *writer, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		put_byte(writer, (uint8_t) (value | 0x80));
	put_byte(writer, (uint8_t) value);
}

static void
put_wide(Writer *writer, Wide value)
{
	uint64_t sign = value.high < 0 ? UINT64_MAX : 0;
	uint64_t high = ((uint64_t) value.high << 1 | value.low >> 63) ^ sign;
	uint64_t low = value.low << 1 ^ sign;

	while (high > 0 || low >= 0x80)
	{
		put_byte(writer, (uint8_t) (low | 0x80));
		low = low >> 7 | high << 57;
		high >>= 7;
	}
	put_byte(writer, (uint8_t) low);
}

static uint64_t
get_unsigned(const uint8_t **at)
{
	uint64_t value = 0;
	uint32_t shift = 0;

	while (**at & 0x80)
	{
		value |= (uint64_t) (*(*at)++ & 0x7f) << shift;
		shift += 7;
	}
	return value | (uint64_t) * (*at)++ << shift;
}

static Wide
get_wide(const uint8_t **at)
{
	uint64_t high = 0;
	uint64_t low = 0;
	uint64_t sign;

	for (uint32_t shift = 0;; shift += 7)
	{
		uint64_t bits = **at & 0x7f;

		if (shift < 64)
			low |= bits << shift;
		if (shift >= 64)
			high |= bits << (shift - 64);
		else if (shift > 57)
			high |= bits >> (64 - shift);
		if (!(*(*at)++ & 0x80))
			break;
	}
	sign = low & 1 ? UINT64_MAX : 0;
	low = (low >> 1 | high << 63) ^ sign;
	return (Wide){(int64_t) (high >> 1 ^ sign), low};
}

static void
put_bins(Writer *writer, const Sketch *sketch)
{
	SketchCursor cursor;
	SketchBin bin;
	int32_t before = 0;
	bool is_first = true;

	(void) sketch_read(sketch, &cursor);
	while (sketch_next(&cursor, &bin))
	{
		if (is_first)
			put_wide(writer, wide_from_int64(bin.index));
		else
			put_unsigned(writer, (uint64_t) (bin.index - before));
		put_unsigned(writer, bin.count);
		before = bin.index;
		is_first = false;
	}
}

static void
put_body(Writer *writer, const Sketch *sketch, uint32_t bins)
{
	SketchTotals totals = sketch_read(sketch, NULL);

	put_unsigned(writer, totals.count);
	if (totals.count == 0)
		return;
	put_unsigned(writer, bins);
	put_wide(writer, totals.min);
	put_wide(writer, totals.max);
	put_wide(writer, totals.sum);
	put_bins(writer, sketch);
}

uint32_t
sketch_bin_count(const Sketch *sketch)
{
	SketchCursor cursor;
	SketchBin bin;
	uint32_t count = 0;

	(void) sketch_read(sketch, &cursor);
	while (sketch_next(&cursor, &bin))
		count++;
	return count;
}

Sketch *
sketch_pack(Host *host, const Sketch *sketch, size_t *size)
{
	uint32_t bins = sketch_bin_count(sketch);
	Writer writer = {0};
	Sketch *packed;

	put_body(&writer, sketch, bins);
	*size = sizeof(Sketch) + writer.size;
	packed = host->allocate(host, *size);
	if (packed == NULL)
		return NULL;
	*packed = *sketch;
	packed->form = SKETCH_PACKED;
	writer = (Writer){(uint8_t *) (packed + 1), 0};
	put_body(&writer, sketch, bins);
	return packed;
}

static SketchTotals
read_packed(const Sketch *sketch, SketchCursor *cursor)
{
	const uint8_t *at = (const uint8_t *) (sketch + 1);
	SketchTotals totals = {.count = get_unsigned(&at)};
	uint32_t bins = 0;

	if (totals.count > 0)
	{
		bins = (uint32_t) get_unsigned(&at);
		totals.min = get_wide(&at);
		totals.max = get_wide(&at);
		totals.sum = get_wide(&at);
	}
	if (cursor != NULL)
		*cursor = (SketchCursor){.sketch = sketch, .at = at, .end = bins};
	return totals;
}

SketchTotals
sketch_read(const Sketch *sketch, SketchCursor *cursor)
{
	const OpenSketch *open = (const OpenSketch *) sketch;

	if (sketch->form == SKETCH_PACKED)
		return read_packed(sketch, cursor);
	if (cursor != NULL)
		*cursor = (SketchCursor){
			.sketch = sketch,
			.end = sketch->form == SKETCH_SPARSE ? open->used : open->capacity,
		};
	return (SketchTotals){
		.count = open->count,
		.sum = open->sum,
		.min = open->min,
		.max = open->max,
	};
}

static bool
next_packed(SketchCursor *cursor, SketchBin *bin)
{
	if (cursor->position == cursor->end)
		return false;
	if (cursor->position++ == 0)
		cursor->index = (int32_t) get_wide(&cursor->at).low;
	else
		cursor->index += (int32_t) get_unsigned(&cursor->at);
	*bin = (SketchBin){get_unsigned(&cursor->at), cursor->index, 0};
	return true;
}

static bool
next_sparse(SketchCursor *cursor, SketchBin *bin)
{
	const OpenSketch *open = (const OpenSketch *) cursor->sketch;
	const SketchBin *entries = (const SketchBin *) (open + 1);

	while (cursor->position < cursor->end)
	{
		*bin = entries[cursor->position++];
		if (bin->count > 0)
			return true;
	}
	return false;
}

static bool
next_dense(SketchCursor *cursor, SketchBin *bin)
{
	const OpenSketch *open = (const OpenSketch *) cursor->sketch;
	const uint64_t *counters = (const uint64_t *) (open + 1);

	while (cursor->position < cursor->end)
	{
		uint32_t at = cursor->position++;

		if (counters[at] > 0)
		{
			*bin = (SketchBin){counters[at], open->first + (int32_t) at, 0};
			return true;
		}
	}
	return false;
}

bool
sketch_next(SketchCursor *cursor, SketchBin *bin)
{
	switch (cursor->sketch->form)
	{
		case SKETCH_PACKED:
			return next_packed(cursor, bin);
		case SKETCH_SPARSE:
			return next_sparse(cursor, bin);
		default:
			return next_dense(cursor, bin);
	}
}
