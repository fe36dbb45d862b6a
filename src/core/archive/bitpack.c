/*
 * Packing whole numbers into bits: see bitpack.h for the form.
 */
#include "bitpack.h"

#define PLACE_BITS 6
#define ZIGZAG_BIT 0x80
#define LARGER_FROM 65		/* added to the width if some are larger */
#define MAX_LARGER_WIDTH 62 /* the largest width that leaves room for that */

/* the longest group, and what a word read at its last bit reaches beyond */
#define GROUP_MAX_BYTES                                                        \
	(3 + BITPACK_GROUP * 8 + (BITPACK_GROUP * (PLACE_BITS + 64) + 7) / 8 + 16)

typedef struct Plan
{
	unsigned width;
	unsigned extra; /* bits beyond the width; 0: no number is larger */
	unsigned larger;
	size_t bits;
} Plan;

static unsigned
bit_length(uint64_t value)
{
	return value == 0 ? 0 : 64 - (unsigned) __builtin_clzll(value);
}

/* The width that takes the fewest bits. */
static Plan
plan_group(const uint64_t *values, uint32_t count)
{
	uint32_t of_length[65] = {0};
	unsigned longest = 0;
	unsigned larger = 0;
	Plan best;

	for (uint32_t i = 0; i < count; i++)
	{
		unsigned length = bit_length(values[i]);

		of_length[length]++;
		longest = length > longest ? length : longest;
	}
	best = (Plan){longest, 0, 0, 8 + (size_t) count * longest};
	for (unsigned width = longest; width-- > 0;)
	{
		unsigned extra = longest - width;
		size_t bits;

		larger += of_length[width + 1];
		bits = 24 + (size_t) count * width +
			   (size_t) larger * (PLACE_BITS + extra);
		if (width <= MAX_LARGER_WIDTH && bits < best.bits)
			best = (Plan){width, extra, larger, bits};
	}
	return best;
}

/* Bits on their way into bytes, 64 at a time. */
typedef struct BitWriter
{
	uint8_t *at;
	uint64_t word;
	unsigned filled; /* bits of it */
} BitWriter;

static void
put_bits(BitWriter *bits, uint64_t value, unsigned width)
{
	unsigned room = 64 - bits->filled;

	bits->word |= value << bits->filled;
	if (width < room)
	{
		bits->filled += width;
		return;
	}
	store_u64(bits->at, bits->word);
	bits->at += 8;
	bits->filled = width - room;
	bits->word = room < 64 ? value >> room : 0;
}

/* The end of the bytes. */
static uint8_t *
finish_bits(BitWriter *bits)
{
	store_u64(bits->at, bits->word);
	return bits->at + (bits->filled + 7) / 8;
}

static uint64_t
low_bits(unsigned width)
{
	return width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
}

static void
put_group(Bytes *to, const uint64_t *values, uint32_t count, const Plan *plan,
		  uint8_t sign)
{
	uint8_t *head = bytes_reserve(to, GROUP_MAX_BYTES);
	uint64_t low = low_bits(plan->width);
	BitWriter bits = {.at = head};

	if (head == NULL)
		return;
	*bits.at++ =
		(uint8_t) ((plan->extra > 0 ? LARGER_FROM : 0) + plan->width) | sign;
	if (plan->extra > 0)
	{
		*bits.at++ = (uint8_t) plan->larger;
		*bits.at++ = (uint8_t) plan->extra;
	}
	for (uint32_t i = 0; i < count; i++)
		put_bits(&bits, values[i] & low, plan->width);
	for (uint32_t i = 0; i < count && plan->extra > 0; i++)
	{
		if ((values[i] & ~low) == 0)
			continue;
		put_bits(&bits, i, PLACE_BITS);
		put_bits(&bits, values[i] >> plan->width, plan->extra);
	}
	to->used += (size_t) (finish_bits(&bits) - head);
}

void
bitpack_put(Bytes *to, const uint64_t *values, uint32_t count)
{
	for (uint32_t i = 0; i < count; i += BITPACK_GROUP)
	{
		uint32_t here = count - i < BITPACK_GROUP ? count - i : BITPACK_GROUP;
		Plan plan = plan_group(values + i, here);

		host_poll(to->host, i);
		put_group(to, values + i, here, &plan, 0);
	}
}

void
bitpack_put_signed(Bytes *to, const int64_t *values, uint32_t count)
{
	for (uint32_t i = 0; i < count; i += BITPACK_GROUP)
	{
		uint32_t here = count - i < BITPACK_GROUP ? count - i : BITPACK_GROUP;
		uint64_t plain[BITPACK_GROUP];
		uint64_t folded[BITPACK_GROUP];
		Plan plan;
		Plan plan_folded;

		host_poll(to->host, i);
		for (uint32_t k = 0; k < here; k++)
		{
			plain[k] = (uint64_t) values[i + k];
			folded[k] = zigzag(values[i + k]);
		}
		plan = plan_group(plain, here);
		plan_folded = plan_group(folded, here);
		if (plan_folded.bits < plan.bits)
			put_group(to, folded, here, &plan_folded, ZIGZAG_BIT);
		else
			put_group(to, plain, here, &plan, 0);
	}
}

/* Reads up to 9 bytes from the bit's own on. */
static inline uint64_t
get_bits(const uint8_t *from, size_t at, unsigned width)
{
	const uint8_t *byte = from + at / 8;
	unsigned shift = at % 8;
	uint64_t value = load_u64(byte) >> shift;

	if (shift > 0 && width + shift > 64)
		value |= (uint64_t) byte[8] << (64 - shift);
	return value & low_bits(width);
}

/* Most numbers are so narrow that one word holds any of them. */
static void
unpack(const uint8_t *bits, unsigned width, uint32_t from, uint32_t to,
	   uint64_t *values)
{
	uint64_t mask = low_bits(width);
	size_t at = (size_t) from * width;

	if (width > 56)
	{
		for (uint32_t i = from; i < to; i++, at += width)
			values[i - from] = get_bits(bits, at, width);
		return;
	}
	for (uint32_t i = from; i < to; i++, at += width)
		values[i - from] = load_u64(bits + at / 8) >> at % 8 & mask;
}

typedef struct Group
{
	unsigned width;
	unsigned extra;
	unsigned larger;
	bool is_zigzag;
	const uint8_t *bits;
	size_t bytes;
} Group;

static bool
read_group(ByteReader *from, uint32_t count, Group *group)
{
	uint8_t head = reader_byte(from);
	unsigned width = head & ~ZIGZAG_BIT;

	*group = (Group){.width = width, .is_zigzag = (head & ZIGZAG_BIT) != 0};
	if (width >= LARGER_FROM)
	{
		group->width = width - LARGER_FROM;
		group->larger = reader_byte(from);
		group->extra = reader_byte(from);
		if (group->larger > count || group->extra == 0 ||
			group->width + group->extra > 64)
			return false;
	}
	group->bytes = ((size_t) count * group->width +
					(size_t) group->larger * (PLACE_BITS + group->extra) + 7) /
				   8;
	group->bits = reader_bytes(from, group->bytes);
	return group->bits != NULL;
}

/* The numbers [from, to) of a group of count. */
static bool
unpack_group(const Group *group, const uint8_t *bits, uint32_t count,
			 uint32_t from, uint32_t to, uint64_t *values)
{
	size_t at = (size_t) count * group->width;

	unpack(bits, group->width, from, to, values);
	for (unsigned i = 0; i < group->larger; i++)
	{
		uint32_t place = (uint32_t) get_bits(bits, at, PLACE_BITS);
		uint64_t above = get_bits(bits, at + PLACE_BITS, group->extra);

		at += PLACE_BITS + group->extra;
		if (place >= count)
			return false;
		if (place >= from && place < to)
			values[place - from] |= above << group->width;
	}
	for (uint32_t i = 0; group->is_zigzag && i < to - from; i++)
		values[i] = (uint64_t) unzigzag(values[i]);
	return true;
}

bool
bitpack_get(ByteReader *from, uint32_t count, uint32_t first, uint32_t end,
			uint64_t *values)
{
	uint8_t padded[GROUP_MAX_BYTES];

	for (uint32_t i = 0; i < end; i += BITPACK_GROUP)
	{
		uint32_t here = count - i < BITPACK_GROUP ? count - i : BITPACK_GROUP;
		uint32_t low = first > i ? first - i : 0;
		uint32_t high = end - i < here ? end - i : here;
		const uint8_t *bits;
		Group group;

		if (!read_group(from, here, &group))
			return false;
		if (low >= here)
			continue;
		bits = group.bits;
		if (reader_left(from) < 9)
		{
			memcpy(padded, bits, group.bytes);
			memset(padded + group.bytes, 0, 16);
			bits = padded;
		}
		if (!unpack_group(&group, bits, here, low, high, values))
			return false;
		values += high - low;
	}
	return true;
}
