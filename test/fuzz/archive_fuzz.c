/*
 * Any bytes as a programme for traces that are archived and must come back, or
 * as damage to a block, whose checksums are then made to fit: reading may fail
 * but never goes astray.
 */
#include "archive_rows.h"

#include "core/archive/bytes.h"
#include "core/archive/crc32c.h"

#define HEADER_SIZE 28

/* what a damaged block may make a reader ask for */
#define MOST_MEMORY ((size_t) 256 << 20)

/* A host that has no more memory than that. */
static void *
allocate_little(Host *host, size_t size)
{
	UnitHost *unit = (UnitHost *) host;

	if (size > MOST_MEMORY || unit->allocated > MOST_MEMORY - size)
		return NULL;
	return unit_allocate(host, size);
}

static void
run_round_trip(Dice dice)
{
	ArchiveCase given;
	ArchiveBlock block;
	UnitHost unit;
	OpenBlock open;

	case_init(&given, dice, false);
	unit_host_init(&unit);
	for (unsigned traces = 1 + case_number(&given, 4); traces > 0; traces--)
		case_add_trace(&given, 1 + case_number(&given, 40));
	if (case_write(&given,
				   &unit.host,
				   case_number(&given, 2) ? ARCHIVE_LZ4 : ARCHIVE_ZSTD,
				   &block) != CORE_OK ||
		block_fault(&given, &unit.host, &block) != NULL ||
		block_open(&open, &unit.host, &block) != CORE_OK ||
		(case_number(&given, 8) == 7 && !same_attributes(&open, &unit.host)))
		abort();
	unit_host_release(&unit);
	unit_host_release(&given.unit);
}

/* One entry of the directory; where its checksum is, NULL if it has none. */
static uint8_t *
skip_entry(ByteReader *directory, uint64_t *stored, uint64_t *tag)
{
	uint8_t codec;

	*tag += reader_varint(directory);
	codec = reader_byte(directory);
	*stored = reader_varint(directory);
	if (codec == 1 || codec == 2)
		*stored = reader_varint(directory);
	if (codec > 2)
		return NULL;
	return (uint8_t *) (uintptr_t) reader_bytes(directory, 4);
}

/* Makes the checksums of streams fit: those that are shared lie last. */
static void
seal_streams(uint8_t *column, size_t length, size_t offset)
{
	size_t at = HEADER_SIZE + offset;

	for (int shared = 0; shared < 2; shared++)
	{
		ByteReader directory = {
			column + HEADER_SIZE, column + HEADER_SIZE + offset, false};
		uint64_t count = reader_varint(&directory);
		uint64_t tag = 0;

		for (uint64_t i = 0; i < count && !directory.failed; i++)
		{
			uint64_t stored;
			uint8_t *checksum = skip_entry(&directory, &stored, &tag);

			if (checksum == NULL || (tag < 2) != shared || stored > length - at)
				continue;
			store_u32(checksum, crc32c(0, column + at, (size_t) stored));
			at += (size_t) stored;
		}
	}
}

static void
seal(uint8_t *column, size_t length, uint32_t link)
{
	size_t directory;

	if (length < HEADER_SIZE)
		return;
	store_u32(column + 4, (uint32_t) length);
	store_u32(column + 16, link);
	directory = load_u32(column + 20);
	if (directory > length - HEADER_SIZE)
		return;
	seal_streams(column, length, directory);
	store_u32(column + 24,
			  crc32c(crc32c(0, column, 24), column + HEADER_SIZE, directory));
}

/* Changes bytes, doubles a part or cuts it out. */
static size_t
damage(Dice *dice, uint8_t *column, size_t length)
{
	size_t at = dice_below(dice, length);
	size_t end = at + dice_below(dice, length - at);

	switch (dice_below(dice, 4))
	{
		case 0:
			column[at] = (uint8_t) dice_below(dice, 256);
			return length;
		case 1:
			column[at] ^= (uint8_t) (1 << dice_below(dice, 8));
			return length;
		case 2: /* there is twice the room */
			memmove(column + end + (end - at), column + end, length - end);
			memmove(column + end, column + at, end - at);
			return length + (end - at);
		default:
			memmove(column + at, column + end, length - end);
			return length - (end - at);
	}
}

#define BLOCKS 24

/* One of some sound blocks, which are written once. */
static ArchiveBlock
sound_block(uint64_t number)
{
	static ArchiveBlock blocks[BLOCKS];
	static UnitHost kept;
	ArchiveBlock *block = &blocks[number];
	unsigned size = 1 + (unsigned) (number * number / 8);
	ArchiveCase given;

	if (block->span_count > 0)
		return *block;
	if (kept.blocks == NULL)
		unit_host_init(&kept);
	case_init(&given, (Dice){.state = random_seeded(number)}, number % 4 == 0);
	case_add_trace(&given, size);
	case_add_trace(&given, 1 + size / 3);
	if (case_write(&given,
				   &kept.host,
				   number % 2 ? ARCHIVE_LZ4 : ARCHIVE_ZSTD,
				   block) != CORE_OK)
		abort();
	unit_host_release(&given.unit);
	return *block;
}

static void
run_damage(Dice dice)
{
	ArchiveBlock block = sound_block(dice_below(&dice, BLOCKS));
	uint64_t steps = 1 + dice_below(&dice, 6);
	uint8_t *columns[3];
	UnitHost unit;
	OpenBlock open;

	unit_host_init(&unit);
	for (int i = 0; i < 3; i++)
	{
		columns[i] = malloc(block.lengths[i] * 130);
		memcpy(columns[i], block.columns[i], block.lengths[i]);
	}
	for (; steps > 0 && dice.left > 0; steps--)
	{
		uint64_t column = dice_below(&dice, 3);

		if (block.lengths[column] > 0)
			block.lengths[column] =
				damage(&dice, columns[column], block.lengths[column]);
	}
	for (int i = 0; i < 3; i++)
	{
		/* of the right length, so that a sanitizer sees a step beyond */
		uint8_t *exact = malloc(block.lengths[i]);

		memcpy(exact, columns[i], block.lengths[i]);
		seal(exact,
			 block.lengths[i],
			 i == 0 || block.lengths[0] < HEADER_SIZE
				 ? 0
				 : load_u32(block.columns[0] + 24));
		free(columns[i]);
		columns[i] = exact;
		block.columns[i] = exact;
	}
	unit.host.allocate = allocate_little;
	if (block_read_all(&open, &unit.host, &block) == CORE_MALFORMED &&
		(open.fault.reason == ARCHIVE_SOUND || open.fault.column > 2 ||
		 open.fault.position > block.lengths[open.fault.column]))
		abort();
	unit_host_release(&unit);
	for (int i = 0; i < 3; i++)
		free(columns[i]);
}

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Dice dice = {data, size, 0};

	if (dice_below(&dice, 4) == 0)
		run_round_trip(dice);
	else
		run_damage(dice);
	return 0;
}
