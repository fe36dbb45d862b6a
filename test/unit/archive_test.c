/*
 * The block codec of the archive.
 */
#include "archive_rows.h"

#include "core/archive/bitpack.h"
#include "core/archive/crc32c.h"

static const char *
or_nothing(const char *fault)
{
	return fault == NULL ? "no fault" : fault;
}

static void
test_crc32c(void)
{
	const uint8_t *digits = (const uint8_t *) "123456789";
	uint8_t zeros[32] = {0};
	uint8_t counting[32];

	for (int i = 0; i < 32; i++)
		counting[i] = (uint8_t) i;
	CHECK(crc32c(0, digits, 9) == 0xe3069283, "CRC-32C of nine digits");
	CHECK(crc32c(0, zeros, 32) == 0x8a9136aa, "CRC-32C of zeros");
	CHECK(crc32c(0, counting, 32) == 0x46dd794e, "CRC-32C of 0 to 31");
	CHECK(crc32c(crc32c(0, digits, 4), digits + 4, 5) == 0xe3069283,
		  "CRC-32C in two parts");
}

/*
 * Bits
 */

static bool
packs(UnitHost *unit, const int64_t *values, uint32_t count, uint32_t first,
	  uint32_t end)
{
	Bytes bytes = {.host = &unit->host};
	uint64_t *again =
		unit_allocate(&unit->host, (count + 1) * sizeof(uint64_t));
	uint8_t *exact;
	ByteReader reader;
	bool same;

	bitpack_put_signed(&bytes, values, count);
	exact = malloc(bytes.used); /* so that a sanitizer sees a step beyond */
	memcpy(exact, bytes.data, bytes.used);
	reader = (ByteReader){exact, exact + bytes.used, false};
	same = bitpack_get(&reader, count, first, end, again);
	for (uint32_t i = first; i < end && same; i++)
		same = (int64_t) again[i - first] == values[i];
	free(exact);
	return same;
}

static void
test_bitpack(void)
{
	static const uint8_t expected[] = {0x03, 0xd1, 0x58, 0x1f};
	static const int64_t small[] = {1, 2, 3, 4, 5, 6, 7, 0};
	uint64_t state = random_seeded(1);
	int64_t values[300];
	bool same = true;
	UnitHost unit;
	Bytes bytes;

	unit_host_init(&unit);
	for (int width = 0; width <= 64; width++)
	{
		for (int odd = 0; odd < 3; odd++)
		{
			uint32_t count = 1 + (uint32_t) random_below(&state, 300);
			uint32_t first = (uint32_t) random_below(&state, count);

			for (uint32_t i = 0; i < count; i++)
			{
				uint64_t bits = random_below(&state, UINT64_MAX) << 11 ^
								random_below(&state, UINT64_MAX);

				values[i] = (int64_t) (width == 0 ? 0 : bits >> (64 - width));
				if (odd > 0 && random_below(&state, 20) == 0)
					values[i] = odd == 1 ? -values[i] : (int64_t) bits;
			}
			same &= packs(&unit, values, count, 0, count) &&
					packs(&unit, values, count, first, count) &&
					packs(&unit, values, count, first, first + 1) &&
					packs(&unit, values, count, 0, first);
		}
	}
	CHECK(same, "numbers of all widths come back, whole and in parts");
	bytes = (Bytes){.host = &unit.host};
	bitpack_put_signed(&bytes, small, 8);
	CHECK(bytes.used == 4 && memcmp(bytes.data, expected, 4) == 0,
		  "packed numbers are the same bytes on every machine");
	unit_host_release(&unit);
}

/*
 * Blocks
 */

static void
test_plain_block(ArchiveCodec codec, const char *name)
{
	ArchiveCase given;
	ArchiveBlock block;
	UnitHost unit;
	OpenBlock open;
	const char *fault;

	case_init(&given, (Dice){.state = random_seeded(5)}, true);
	unit_host_init(&unit);
	for (int i = 0; i < 8; i++)
		case_add_trace(&given, 250);
	CHECK(case_write(&given, &unit.host, codec, &block) == CORE_OK,
		  "%s: a block is written",
		  name);
	fault = block_fault(&given, &unit.host, &block);
	CHECK(fault == NULL, "%s: it comes back (%s)", name, or_nothing(fault));
	CHECK(block.trace_count == 8 && block.span_count == 2000 &&
			  block.error_count > 0 && block.min_start < block.max_start &&
			  block.max_start < block.max_end && block.max_duration > 0,
		  "%s: it is summed up",
		  name);
	CHECK(block_open(&open, &unit.host, &block) == CORE_OK &&
			  same_attributes(&open, &unit.host),
		  "%s: attributes are those of the rows",
		  name);
	unit_host_release(&unit);
	unit_host_release(&given.unit);
}

/* However strings are hashed. */
static void
test_same_bytes(void)
{
	ArchiveCase given;
	ArchiveBlock blocks[2];
	UnitHost unit;
	bool same = true;

	case_init(&given, (Dice){.state = random_seeded(21)}, false);
	unit_host_init(&unit);
	case_add_trace(&given, 100);
	case_add_trace(&given, 50);
	for (int i = 0; i < 2; i++)
	{
		unit.host.hash_seed = (uint64_t) i * 987654321;
		if (case_write(&given, &unit.host, ARCHIVE_ZSTD, &blocks[i]) != CORE_OK)
			abort();
	}
	for (int column = 0; column < 3; column++)
		same &= blocks[0].lengths[column] == blocks[1].lengths[column] &&
				memcmp(blocks[0].columns[column],
					   blocks[1].columns[column],
					   blocks[0].lengths[column]) == 0;
	CHECK(same, "the same traces are the same bytes");
	unit_host_release(&unit);
	unit_host_release(&given.unit);
}

static void
test_random_blocks(void)
{
	const char *first = NULL;
	uint64_t seed = 0;

	for (; seed < 300 && first == NULL; seed++)
	{
		ArchiveCase given;
		ArchiveBlock block;
		UnitHost unit;
		const char *fault = "it is not written";

		case_init(&given, (Dice){.state = random_seeded(seed)}, false);
		unit_host_init(&unit);
		for (unsigned traces = 1 + case_number(&given, 5); traces > 0; traces--)
			case_add_trace(&given, 1 + case_number(&given, 80));
		if (case_write(&given,
					   &unit.host,
					   seed % 2 ? ARCHIVE_LZ4 : ARCHIVE_ZSTD,
					   &block) == CORE_OK)
			fault = block_fault(&given, &unit.host, &block);
		if (fault == NULL && seed % 10 == 0)
		{
			OpenBlock open;

			block_open(&open, &unit.host, &block);
			if (!same_attributes(&open, &unit.host))
				fault = "attributes are different";
		}
		first = fault;
		unit_host_release(&unit);
		unit_host_release(&given.unit);
	}
	CHECK(first == NULL,
		  "hostile traces come back (up to seed %" PRIu64 ": %s)",
		  seed - 1,
		  or_nothing(first));
}

/*
 * Damage
 */

static void
make_small(ArchiveCase *given, UnitHost *unit, ArchiveBlock *block)
{
	case_init(given, (Dice){.state = random_seeded(77)}, false);
	unit_host_init(unit);
	case_add_trace(given, 12);
	case_add_trace(given, 9);
	if (case_write(given, &unit->host, ARCHIVE_ZSTD, block) != CORE_OK)
		abort();
}

/* Whether reading names this column, and a place in it. */
static bool
is_refused(const ArchiveBlock *block, int column)
{
	UnitHost unit;
	OpenBlock open;
	CoreStatus status;

	unit_host_init(&unit);
	unit.host.hash_seed = 12345;
	status = block_read_all(&open, &unit.host, block);
	unit_host_release(&unit);
	return status == CORE_MALFORMED && open.fault.column == column &&
		   open.fault.reason != ARCHIVE_SOUND &&
		   open.fault.position <= block->lengths[column] &&
		   archive_reason_text(open.fault.reason) != NULL;
}

static void
test_flipped_bytes(void)
{
	ArchiveCase given;
	ArchiveBlock block;
	UnitHost unit;

	make_small(&given, &unit, &block);
	for (int column = 0; column < 3; column++)
	{
		uint8_t *bytes = malloc(block.lengths[column]);
		ArchiveBlock damaged = block;
		size_t refused = 0;

		memcpy(bytes, block.columns[column], block.lengths[column]);
		damaged.columns[column] = bytes;
		for (size_t i = 0; i < block.lengths[column]; i++)
		{
			uint8_t mask = (uint8_t) (i % 3 == 0 ? 0xff : 1 << i % 8);

			bytes[i] ^= mask;
			refused += is_refused(&damaged, column);
			bytes[i] ^= mask;
		}
		CHECK(refused == block.lengths[column],
			  "a flipped byte is an error of the %s column (%zu of %zu)",
			  archive_column_name((ArchiveColumn) column),
			  refused,
			  block.lengths[column]);
		free(bytes);
	}
	unit_host_release(&unit);
	unit_host_release(&given.unit);
}

static void
test_cut_columns(void)
{
	ArchiveCase given;
	ArchiveBlock block;
	UnitHost unit;

	make_small(&given, &unit, &block);
	for (int column = 0; column < 3; column++)
	{
		bool all = true;

		for (size_t length = 0; length < block.lengths[column]; length++)
		{
			uint8_t *bytes = malloc(length + 1);
			ArchiveBlock cut = block;

			memcpy(bytes, block.columns[column], length);
			cut.columns[column] = bytes;
			cut.lengths[column] = length;
			all &= is_refused(&cut, column);
			free(bytes);
		}
		CHECK(all,
			  "a %s column that is cut short is an error",
			  archive_column_name((ArchiveColumn) column));
	}
	unit_host_release(&unit);
	unit_host_release(&given.unit);
}

static void
test_other_block(void)
{
	ArchiveCase given[2];
	ArchiveBlock blocks[2];
	UnitHost unit;

	unit_host_init(&unit);
	for (int i = 0; i < 2; i++)
	{
		case_init(&given[i], (Dice){.state = random_seeded(40 + i)}, true);
		case_add_trace(&given[i], 20);
		if (case_write(&given[i], &unit.host, ARCHIVE_ZSTD, &blocks[i]) !=
			CORE_OK)
			abort();
	}
	for (int column = ARCHIVE_IDS; column <= ARCHIVE_TAGS; column++)
	{
		ArchiveBlock mixed = blocks[0];
		OpenBlock open;

		mixed.columns[column] = blocks[1].columns[column];
		mixed.lengths[column] = blocks[1].lengths[column];
		CHECK(block_read_all(&open, &unit.host, &mixed) == CORE_MALFORMED &&
				  open.fault.reason == ARCHIVE_OTHER_BLOCK &&
				  open.fault.column == column,
			  "a column of another block is told");
	}
	unit_host_release(&unit);
	unit_host_release(&given[0].unit);
	unit_host_release(&given[1].unit);
}

static void
test_no_memory(void)
{
	ArchiveCase given;
	ArchiveBlock block;
	UnitHost kept;
	long failures = 0;
	bool all = true;

	make_small(&given, &kept, &block);
	for (int reads = 0; reads < 2; reads++)
	{
		for (long allowed = 0;; allowed++)
		{
			UnitHost unit;
			OpenBlock open;
			ArchiveBlock written;
			CoreStatus status;

			unit_host_init(&unit);
			unit.allocations_left = allowed;
			if (reads)
				status = block_read_all(&open, &unit.host, &block);
			else
				status = case_write(&given, &unit.host, ARCHIVE_ZSTD, &written);
			unit_host_release(&unit);
			if (status == CORE_OK)
				break;
			failures++;
			all &= status == CORE_NO_MEMORY;
		}
	}
	CHECK(all && failures > 100,
		  "without memory, wherever: told (%ld)",
		  failures);
	unit_host_release(&kept);
	unit_host_release(&given.unit);
}

/*
 * What the writer refuses
 */

static void
test_refused_rows(void)
{
	ArchiveCase given;
	ArchiveCodecs *codecs;
	ArchiveWriter *writer;
	ArchiveBlock block;
	ArchiveItem twice[2];
	UnitHost unit;

	case_init(&given, (Dice){.state = random_seeded(9)}, true);
	unit_host_init(&unit);
	case_add_trace(&given, 10);
	case_add_trace(&given, 10);
	codecs = archive_codecs_create(&unit.host);
	writer = archive_writer_create(&unit.host, codecs, ARCHIVE_ZSTD);
	CHECK(archive_writer_finish(writer, &block) == CORE_MALFORMED,
		  "a block of nothing is refused");
	given.rows[1][3].operation = SLICE_LITERAL("another");
	CHECK(archive_writer_add(writer, given.trees[1], given.rows[1]) ==
			  CORE_MALFORMED,
		  "rows that are not the tree's are refused");
	given.rows[0][2].duration_form = 9;
	CHECK(archive_writer_add(writer, given.trees[0], given.rows[0]) ==
			  CORE_MALFORMED,
		  "a row that says what there is not is refused");
	given.rows[0][2].duration_form = ARCHIVE_DURATION_US;
	twice[0] = twice[1] = given.rows[0][2].items[0];
	given.rows[0][2].items = twice;
	given.rows[0][2].item_count = 2;
	CHECK(archive_writer_add(writer, given.trees[0], given.rows[0]) ==
				  CORE_OK &&
			  archive_writer_finish(writer, &block) == CORE_MALFORMED,
		  "a key that is there twice is refused");
	unit_host_release(&unit);
	unit_host_release(&given.unit);
}

/* Rows of one span, whose text is as large as the log allows. */
static void
test_large_attributes(void)
{
	size_t size = (size_t) 8 << 20;
	uint64_t state = random_seeded(3);
	char *text = malloc(size);
	ArchiveCodecs *codecs;
	ArchiveWriter *writer;
	ArchiveCase given;
	ArchiveBlock block;
	ArchiveItem item = {.key = SLICE_LITERAL("large"),
						.text = {text, (uint32_t) size}};
	UnitHost unit;
	CoreStatus status;
	uint32_t taken = 0;
	const char *fault;

	for (size_t i = 0; i < size; i++)
		text[i] = (char) ('a' + random_below(&state, i < size / 2 ? 26 : 2));
	case_init(&given, (Dice){.state = random_seeded(4)}, true);
	unit_host_init(&unit);
	for (int i = 0; i < 2; i++)
	{
		case_add_trace(&given, 1);
		given.rows[i]->items = &item;
		given.rows[i]->item_count = 1;
	}
	status = case_write(&given, &unit.host, ARCHIVE_ZSTD, &block);
	fault = status == CORE_OK ? block_fault(&given, &unit.host, &block) : "";
	CHECK(
		fault == NULL, "attributes of 8 MB come back (%s)", or_nothing(fault));
	unit_host_release(&unit);

	codecs = archive_codecs_create(&unit.host);
	writer = archive_writer_create(&unit.host, codecs, ARCHIVE_ZSTD);
	while ((status = archive_writer_add(
				writer, given.trees[0], given.rows[0])) == CORE_OK)
		taken++;
	CHECK(status == CORE_TOO_LARGE && taken > 50 && taken < 64 &&
			  archive_writer_spans(writer) == taken &&
			  archive_writer_size(writer) > taken * size,
		  "what would not fit into a block is refused (after %u)",
		  taken);
	unit_host_release(&unit);
	unit_host_release(&given.unit);
	free(text);
}

/* A chain, or all below one. */
static void
test_large_trace(uint32_t count, bool is_chain, const char *name)
{
	ArchiveCase given;
	ArchiveBlock block;
	UnitHost unit;
	OpenBlock open;
	ArchiveRow *rows;
	CoreStatus status;

	case_init(&given, (Dice){.state = random_seeded(11)}, true);
	unit_host_init(&unit);
	rows = case_new_rows(&given, count);
	for (uint32_t i = 0; i < count; i++)
	{
		uint32_t at = (uint32_t) ((uint64_t) i * 7919 % count);

		rows[at].span_id = case_text(&given, "%016x", i + 1);
		if (i > 0)
			rows[at].parent_span_id =
				case_text(&given, "%016x", is_chain ? i : 1);
		rows[at].service_name = SLICE_LITERAL("service");
		rows[at].operation = SLICE_LITERAL("operation");
		case_set_times(&given, &rows[at]);
	}
	case_add_rows(&given, SLICE_LITERAL("large"), rows, count);
	status = case_write(&given, &unit.host, ARCHIVE_ZSTD, &block);
	CHECK(status == CORE_OK &&
			  block_open(&open, &unit.host, &block) == CORE_OK &&
			  same_tree(&given, &open, 0) && block_read_rows(&open) == CORE_OK,
		  "%s",
		  name);
	unit_host_release(&unit);
	unit_host_release(&given.unit);
}

/* Many spans of one id, in another order than the tree's. */
static void
test_many_copies(void)
{
	ArchiveCase given;
	ArchiveBlock block;
	UnitHost unit;
	OpenBlock open;
	uint32_t count = 50000;
	ArchiveRow *rows;

	case_init(&given, (Dice){.state = random_seeded(13)}, true);
	unit_host_init(&unit);
	rows = case_new_rows(&given, count);
	for (uint32_t i = 0; i < count; i++)
	{
		rows[i].span_id = SLICE_LITERAL("00000000000000aa");
		rows[i].service_name = SLICE_LITERAL("service");
		rows[i].operation = SLICE_LITERAL("operation");
		case_set_times(&given, &rows[i]);
		rows[i].start_time = (int64_t) ((uint64_t) i * 7919 % count);
		rows[i].end_time = rows[i].start_time + rows[i].duration;
	}
	case_add_rows(&given, SLICE_LITERAL("copies"), rows, count);
	CHECK(case_write(&given, &unit.host, ARCHIVE_ZSTD, &block) == CORE_OK &&
			  block_open(&open, &unit.host, &block) == CORE_OK &&
			  same_tree(&given, &open, 0),
		  "50 000 spans of one id come back");
	unit_host_release(&unit);
	unit_host_release(&given.unit);
}

/* A tree in which the duration of one of two copies was left out: the other
 * row, which comes first, must not take its node. */
static void
test_left_out_duration(void)
{
	ArchiveCase given;
	ArchiveBlock block;
	UnitHost unit;
	SpanList list;
	ArchiveRow rows[2] = {{0}};

	case_init(&given, (Dice){.state = random_seeded(14)}, true);
	unit_host_init(&unit);
	span_list_init(&list);
	for (int i = 0; i < 2; i++)
	{
		Span span;

		rows[i] = (ArchiveRow){
			.span_id = SLICE_LITERAL("00000000000000aa"),
			.service_name = SLICE_LITERAL("service"),
			.operation = SLICE_LITERAL("operation"),
			.start_time = 1,
			.end_time = 100,
			.has_end = true,
			.duration_form = ARCHIVE_DURATION_US,
			.duration = i == 0 ? 7 : 5,
		};
		span = case_span(&given, &rows[i]);
		if (i == 1)
			span.flags &= (uint8_t) ~SPAN_HAS_DURATION;
		span_list_add(&list, &span);
	}
	given.trace_count = 1;
	given.trees[0] = span_list_build(&unit, &list);
	given.trace_ids[0] = span_tree_trace_id(given.trees[0]);
	given.rows[0] = rows;
	given.counts[0] = 2;
	CHECK(case_write(&given, &unit.host, ARCHIVE_ZSTD, &block) == CORE_OK &&
			  block_fault(&given, &unit.host, &block) == NULL,
		  "copies of which the tree left a duration out come back");
	span_list_free(&list);
	unit_host_release(&unit);
	unit_host_release(&given.unit);
}

/* Keys that never come again: what a span takes beside its own texts. */
static void
test_unique_keys(void)
{
	ArchiveCase given;
	ArchiveBlock block;
	UnitHost unit;
	ArchiveRow *rows;
	uint32_t count = 2000;
	size_t texts = 0;
	size_t taken;
	const char *fault = "it is not written";

	case_init(&given, (Dice){.state = random_seeded(12)}, true);
	unit_host_init(&unit);
	rows = case_new_rows(&given, count);
	for (uint32_t i = 0; i < count; i++)
	{
		ArchiveItem *items =
			unit_allocate(&given.unit.host, 4 * sizeof(ArchiveItem));

		rows[i].span_id = case_text(&given, "%016x", i + 1);
		case_set_row(&given, &rows[i], i);
		for (unsigned k = 0; k < 4; k++)
		{
			items[k] = (ArchiveItem){
				.key = case_text(&given, "k%u.%u", i, k),
				.text = case_text(
					&given,
					"%x",
					(unsigned) random_below(&given.dice.state, 1u << 31)),
			};
			texts += items[k].key.length + items[k].text.length;
		}
		rows[i].items = items;
		rows[i].item_count = 4;
	}
	case_add_rows(&given, SLICE_LITERAL("unique"), rows, count);
	if (case_write(&given, &unit.host, ARCHIVE_ZSTD, &block) == CORE_OK)
		fault = block_fault(&given, &unit.host, &block);
	CHECK(fault == NULL,
		  "keys that never come again come back (%s)",
		  or_nothing(fault));
	taken = block.lengths[0] + block.lengths[1] + block.lengths[2];
	CHECK(taken < texts + count * 60,
		  "... in %zu bytes a span, of %zu that their texts have",
		  taken / count,
		  texts / count);
	unit_host_release(&unit);
	unit_host_release(&given.unit);
}

int
main(void)
{
	test_crc32c();
	test_bitpack();
	test_plain_block(ARCHIVE_ZSTD, "zstd");
	test_plain_block(ARCHIVE_LZ4, "lz4");
	test_same_bytes();
	test_random_blocks();
	test_flipped_bytes();
	test_cut_columns();
	test_other_block();
	test_no_memory();
	test_refused_rows();
	test_large_attributes();
	test_large_trace(100000, true, "a chain of 100 000 spans comes back");
	test_large_trace(20000, false, "20 000 spans below one come back");
	test_many_copies();
	test_left_out_duration();
	test_unique_keys();
	return unit_done();
}
