/*
 * Traces of every odd sort for the archive, drawn by dice, and whether a block
 * gives them back.
 *
 * The dice are random numbers from a seed, or the bytes of a fuzzer's input.
 */
#ifndef ARCHIVE_ROWS_H
#define ARCHIVE_ROWS_H

#include "core/archive/archive.h"
#include "core/tree/summary.h"
#include "span_list.h"

typedef struct Dice
{
	const uint8_t *bytes; /* thrown first */
	size_t left;
	uint64_t state; /* then, if it is not 0 */
} Dice;

static inline uint64_t
dice_below(Dice *dice, uint64_t bound)
{
	uint64_t value = 0;

	if (bound <= 1)
		return 0;
	if (dice->left == 0)
		return dice->state == 0 ? 0 : random_below(&dice->state, bound);
	for (uint64_t most = bound - 1; most > 0 && dice->left > 0; most >>= 8)
	{
		value = value << 8 | *dice->bytes++;
		dice->left--;
	}
	return value % bound;
}

static inline bool
dice_one_in(Dice *dice, uint64_t n)
{
	return dice_below(dice, n) == n - 1;
}

/* What a block is made of, in the memory of `unit`. */
typedef struct ArchiveCase
{
	UnitHost unit;
	Dice dice;
	bool is_plain; /* nothing odd */
	uint32_t trace_count;
	Slice trace_ids[16];
	SpanTree *trees[16];
	ArchiveRow *rows[16];
	uint32_t counts[16];
} ArchiveCase;

__attribute__((format(printf, 2, 3))) static inline Slice
case_text(ArchiveCase *given, const char *format, ...)
{
	char text[512];
	va_list arguments;
	int length;
	char *copy;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	copy = unit_allocate(&given->unit.host, (size_t) length + 1);
	memcpy(copy, text, (size_t) length + 1);
	return (Slice){copy, (uint32_t) length};
}

static inline unsigned
case_number(ArchiveCase *given, unsigned bound)
{
	return (unsigned) dice_below(&given->dice, bound);
}

static inline Slice
case_span_id(ArchiveCase *given, uint32_t i)
{
	if (given->is_plain)
		return case_text(given, "%016x", 0x1000000u + i);
	switch (case_number(given, 12))
	{
		case 0:
			return case_text(given, "span-%u", i);
		case 1:
			return case_text(given, "%016X", 0xabcd00u + i);
		case 2:
			return case_text(given, "%032x", i);
		case 3:
			return case_text(given, "%0100u", i);
		case 4: /* shared by several */
			return case_text(given, "%016x", 0xffu + case_number(given, 3));
		case 5:
			return SLICE_LITERAL("");
		default:
			return case_text(given, "%016x", 0x1000000u + i);
	}
}

static inline Slice
case_parent_id(ArchiveCase *given, const ArchiveRow *rows, uint32_t count,
			   uint32_t i)
{
	switch (given->is_plain ? 9 : case_number(given, 14))
	{
		case 0:
			return (Slice){NULL, 0};
		case 1:
			return SLICE_LITERAL("");
		case 2:
			return SLICE_LITERAL("0000000000000000");
		case 3:
			return rows[i].span_id;
		case 4:
			return SLICE_LITERAL("00000000deadbeef");
		case 5:
			return SLICE_LITERAL("never recorded");
		case 6: /* whoever: also below the span itself */
			return rows[case_number(given, count)].span_id;
		default:
			return i == 0 ? (Slice){NULL, 0}
						  : rows[case_number(given, i)].span_id;
	}
}

static inline int64_t
case_time(ArchiveCase *given, int64_t base)
{
	switch (given->is_plain ? 9 : case_number(given, 40))
	{
		case 0:
			return ARCHIVE_INFINITY;
		case 1:
			return ARCHIVE_MINUS_INFINITY;
		case 2:
			return INT64_MAX - 1;
		case 3:
			return INT64_MIN + 1;
		case 4:
			return -base;
		case 5:
			return 0;
		default:
			return base + case_number(given, 1 << 20);
	}
}

static inline void
case_set_times(ArchiveCase *given, ArchiveRow *row)
{
	row->start_time = case_time(given, INT64_C(820000000000000));
	row->has_end = given->is_plain || !dice_one_in(&given->dice, 6);
	if (row->has_end)
		row->end_time = dice_one_in(&given->dice, 8)
							? case_time(given, INT64_C(820000000000000))
							: (int64_t) ((uint64_t) row->start_time +
										 case_number(given, 100000));
	row->duration_form =
		row->has_end ? ARCHIVE_DURATION_US : ARCHIVE_DURATION_NONE;
	if (row->has_end)
		row->duration =
			(int64_t) ((uint64_t) row->end_time - (uint64_t) row->start_time);
	if (!given->is_plain && dice_one_in(&given->dice, 10))
	{
		row->duration_form = (uint8_t) case_number(given, 3);
		row->duration = row->duration_form == ARCHIVE_DURATION_US
							? (int64_t) case_number(given, 1 << 30) - (1 << 29)
							: 0;
		if (row->duration_form == ARCHIVE_DURATION_TEXT)
			row->duration_text = SLICE_LITERAL("NaN");
	}
	row->start_ns = (uint16_t) case_number(given, 1000);
	row->end_ns = (uint16_t) case_number(given, 1000);
}

static inline Slice
case_string(ArchiveCase *given, unsigned key)
{
	unsigned a = case_number(given, 256);
	unsigned b = case_number(given, 100000);

	switch (key % 10)
	{
		case 0:
			return case_text(given, "GET");
		case 1:
			return case_text(given, "value %u", a % 7);
		case 2:
			return case_text(given, "10.%u.%u.%u", a, b % 256, a / 2);
		case 3:
			return case_text(given, "/orders/%05u/items/%u?x=%u", b, a, b);
		case 4: /* leading zeros, of several lengths */
			return case_text(given, "%0*u", (int) (a % 5), b);
		case 5: /* too long for a number, or too many of them */
			return case_text(
				given, "%u00000000000000000000 1 2 3 4 5 6 %u", a, b);
		case 6:
			return case_text(given, "\001\002%u", b);
		case 7:
			return dice_one_in(&given->dice, 3) ? SLICE_LITERAL("")
												: case_text(given, "%u", b);
		case 8:
			return case_text(given, "-%u.%02u", a, b % 100);
		default:
			return case_text(given,
							 "\xc3\xa9\\u00e9 %x %x %x text that is longer",
							 b * 7919,
							 b,
							 a);
	}
}

static inline void
case_set_value(ArchiveCase *given, ArchiveItem *item, unsigned key)
{
	item->type = (uint8_t) (key % ARCHIVE_TYPE_COUNT);
	if (!given->is_plain && dice_one_in(&given->dice, 12))
		item->type = (uint8_t) case_number(given, ARCHIVE_TYPE_COUNT);
	switch (item->type)
	{
		case ARCHIVE_INTEGER:
			item->integer = (int64_t) case_number(given, 1000) - 10;
			if (!given->is_plain && dice_one_in(&given->dice, 20))
				item->integer =
					dice_one_in(&given->dice, 2) ? INT64_MIN : INT64_MAX;
			break;
		case ARCHIVE_BOOLEAN:
			item->integer = case_number(given, 2);
			break;
		case ARCHIVE_NULL:
			break;
		case ARCHIVE_NESTED:
			item->text = case_text(
				given, "{\"name\": \"scope %u\"}", case_number(given, 3));
			break;
		default:
			item->text = case_string(given, key / ARCHIVE_TYPE_COUNT);
			break;
	}
}

static inline void
case_set_items(ArchiveCase *given, ArchiveRow *row, uint32_t i)
{
	ArchiveItem *items =
		unit_allocate(&given->unit.host, 64 * sizeof(ArchiveItem));
	unsigned set = case_number(given, 4);

	row->items = items;
	row->tags_form = ARCHIVE_TAGS_OBJECT;
	if (!given->is_plain && dice_one_in(&given->dice, 12))
		row->tags_form = (uint8_t) case_number(given, 3);
	if (row->tags_form == ARCHIVE_TAGS_NULL)
		return;
	if (row->tags_form == ARCHIVE_TAGS_OTHER)
	{
		items[row->item_count++] = (ArchiveItem){
			.key = SLICE_LITERAL(""),
			.type = ARCHIVE_NESTED,
			.text = SLICE_LITERAL("[1, \"two\"]"),
		};
		return;
	}
	for (unsigned key = set * 16; key < set * 16 + 12; key++)
	{
		ArchiveItem *item = &items[row->item_count];

		if (dice_one_in(&given->dice, given->is_plain ? 1000 : 10))
			continue;
		*item = (ArchiveItem){.key = case_text(given, "key.%u", key)};
		item->is_reserved = key % 5 == 0;
		item->is_constant = key % 7 == 0;
		case_set_value(given, item, key);
		row->item_count++;
	}
	if (!given->is_plain && dice_one_in(&given->dice, 20))
	{
		items[row->item_count] =
			(ArchiveItem){.key = case_text(given, "once.%u", i)};
		case_set_value(given, &items[row->item_count++], i);
	}
}

static inline Slice
case_logs(ArchiveCase *given)
{
	unsigned a = case_number(given, 60);
	unsigned b = case_number(given, 1000000);

	switch (case_number(given, given->is_plain ? 6 : 14))
	{
		case 0:
			return case_text(
				given,
				"[{\"name\": \"retry\", \"time\": "
				"\"2026-01-%02uT12:00:%02u.%09uZ\", \"attributes\": "
				"{\"n\": %u, \"why\": \"a \\\"quoted\\\" %u\"}}]",
				a % 28 + 1,
				a,
				b,
				b,
				a);
		case 1:
			return case_text(
				given,
				"[{\"time\":\"2026-02-28T23:59:59.%09uZ\",\"name\":"
				"\"x\",\"attributes\":{\"a\":-%u,\"b\":%u.5,\"c\":true}}]",
				b,
				b,
				a);
		case 6:
			return case_text(given, "plain text %u\nof two lines", a);
		case 7: /* dates that there are not, and that do not fit */
			return case_text(given,
							 "[\"2026-%02u-%02uT%02u:00:00.000000000Z\", "
							 "\"%04u-01-01T00:00:00.000000000Z\"]",
							 a % 15,
							 a,
							 a,
							 b % 10000);
		case 8:
			return SLICE_LITERAL("");
		case 9: /* never closed */
			return case_text(given, "[{\"name\": \"x%u", a);
		case 10:
			return case_text(given, "[\"\\\\\", -0, 007, 1e5, - , \"%u\\", a);
		case 11:
			return case_text(given, "[\"\001\", %u]", a);
		case 12:
			return case_text(given, "[%u%u0000000000000000, -%u]", b, b, b);
		default:
			return (Slice){NULL, 0};
	}
}

static inline void
case_set_row(ArchiveCase *given, ArchiveRow *row, uint32_t i)
{
	row->id = (INT64_C(1) << 31) + i * 3;
	if (!given->is_plain && dice_one_in(&given->dice, 30))
		row->id = dice_one_in(&given->dice, 2) ? INT64_MIN : INT64_MAX;
	row->service_name = case_text(given, "service %u", case_number(given, 5));
	row->operation = case_text(given, "operation %u", case_number(given, 7));
	if (!given->is_plain && dice_one_in(&given->dice, 20))
		row->operation = row->service_name; /* one string in the tree */
	row->kind = (uint8_t) case_number(given, SPAN_KIND_COUNT);
	row->is_error = dice_one_in(&given->dice, 10);
	row->is_async = dice_one_in(&given->dice, 10);
	case_set_times(given, row);
	case_set_items(given, row, i);
	row->logs = case_logs(given);
	row->created_at = INT64_C(820000000000000) + case_number(given, 3);
	row->updated_at =
		row->created_at + (dice_one_in(&given->dice, 9) ? 777 : 0);
}

/* The span as the server hands it to the tree; it may leave a duration out. */
static inline Span
case_span(ArchiveCase *given, const ArchiveRow *row)
{
	Span span = {
		.span_id = row->span_id,
		.parent_span_id = row->parent_span_id,
		.service_name = row->service_name,
		.operation = row->operation,
		.kind = row->kind,
	};

	if (row->start_time != ARCHIVE_INFINITY &&
		row->start_time != ARCHIVE_MINUS_INFINITY)
	{
		span.start_time = row->start_time;
		span.flags |= SPAN_HAS_START;
	}
	if (row->has_end && row->end_time != ARCHIVE_INFINITY &&
		row->end_time != ARCHIVE_MINUS_INFINITY)
	{
		span.end_time = row->end_time;
		span.flags |= SPAN_HAS_END;
	}
	if (row->duration_form == ARCHIVE_DURATION_US)
	{
		span.duration = row->duration;
		if (given->is_plain || !dice_one_in(&given->dice, 30))
			span.flags |= SPAN_HAS_DURATION;
	}
	if (row->is_error)
		span.flags |= SPAN_IS_ERROR;
	if (row->is_async)
		span.flags |= SPAN_IS_ASYNC;
	return span;
}

static inline SpanTree *
case_build(ArchiveCase *given, Slice trace_id, const ArchiveRow *rows,
		   uint32_t count)
{
	Host *host = &given->unit.host;
	Span *spans = host->allocate(host, count * sizeof(Span));
	size_t size = span_tree_open_size(trace_id, &(Span){0});
	SpanTree *open;
	SpanTree *built;

	for (uint32_t i = 0; i < count; i++)
	{
		spans[i] = case_span(given, &rows[i]);
		size += span_tree_span_size(&spans[i]);
	}
	open = host->allocate(host, size);
	memset(open, 0, size);
	span_tree_open(open, trace_id);
	for (uint32_t i = 0; i < count; i++)
		span_tree_add(open, &spans[i]);
	if (span_tree_build(host, open, &built) != CORE_OK)
		abort();
	return built;
}

static inline void
case_add_rows(ArchiveCase *given, Slice trace_id, ArchiveRow *rows,
			  uint32_t count)
{
	uint32_t i = given->trace_count++;

	given->trace_ids[i] = trace_id;
	given->rows[i] = rows;
	given->counts[i] = count;
	given->trees[i] = case_build(given, trace_id, rows, count);
}

static inline ArchiveRow *
case_new_rows(ArchiveCase *given, uint32_t count)
{
	ArchiveRow *rows =
		unit_allocate(&given->unit.host, count * sizeof(ArchiveRow));

	memset(rows, 0, count * sizeof(ArchiveRow));
	return rows;
}

static inline Slice
case_trace_id(ArchiveCase *given)
{
	unsigned number = given->trace_count + 1;

	switch (given->is_plain ? 9 : case_number(given, 10))
	{
		case 0:
			return case_text(given, "trace %u", number);
		case 1:
			return case_text(given, "%016x", number);
		case 2:
			return case_text(given, "%0100u", number);
		default:
			return case_text(given, "%032x", number);
	}
}

static inline void
case_add_trace(ArchiveCase *given, uint32_t count)
{
	ArchiveRow *rows = case_new_rows(given, count);

	for (uint32_t i = 0; i < count; i++)
		rows[i].span_id = case_span_id(given, i);
	for (uint32_t i = 0; i < count; i++)
	{
		rows[i].parent_span_id = case_parent_id(given, rows, count, i);
		case_set_row(given, &rows[i], i);
	}
	case_add_rows(given, case_trace_id(given), rows, count);
}

static inline void
case_init(ArchiveCase *given, Dice dice, bool is_plain)
{
	memset(given, 0, sizeof(*given));
	unit_host_init(&given->unit);
	given->unit.host.hash_seed = 12345;
	given->dice = dice;
	given->is_plain = is_plain;
}

/* Writes the traces into a block, in this host's memory. */
static inline CoreStatus
case_write(const ArchiveCase *given, Host *host, ArchiveCodec codec,
		   ArchiveBlock *block)
{
	ArchiveCodecs *codecs = archive_codecs_create(host);
	ArchiveWriter *writer;
	CoreStatus status = CORE_OK;

	if (codecs == NULL)
		return CORE_NO_MEMORY;
	writer = archive_writer_create(host, codecs, codec);
	if (writer == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < given->trace_count && status == CORE_OK; i++)
		status = archive_writer_add(writer, given->trees[i], given->rows[i]);
	return status == CORE_OK ? archive_writer_finish(writer, block) : status;
}

/*
 * Reading
 */

static inline ArchiveBytes
block_column(const ArchiveBlock *block, ArchiveColumn column)
{
	return (ArchiveBytes){block->columns[column], block->lengths[column]};
}

/* A block that is open in all its columns. */
typedef struct OpenBlock
{
	const ArchiveShape *shape;
	const ArchiveIds *ids;
	ArchiveTagsReader *tags;
	ArchiveFault fault;
} OpenBlock;

static inline CoreStatus
block_open(OpenBlock *open, Host *host, const ArchiveBlock *block)
{
	ArchiveCodecs *codecs = archive_codecs_create(host);
	CoreStatus status;

	memset(open, 0, sizeof(*open));
	if (codecs == NULL)
		return CORE_NO_MEMORY;
	status = archive_shape_open(host,
								codecs,
								block_column(block, ARCHIVE_SHAPE),
								&open->shape,
								&open->fault);
	if (status == CORE_OK)
		status = archive_ids_open(open->shape,
								  block_column(block, ARCHIVE_IDS),
								  &open->ids,
								  &open->fault);
	if (status == CORE_OK)
		status = archive_tags_open(open->shape,
								   block_column(block, ARCHIVE_TAGS),
								   &open->tags,
								   &open->fault);
	return status;
}

static inline CoreStatus
block_read_trees(OpenBlock *open, Host *host)
{
	for (uint32_t t = 0; t < open->shape->trace_count; t++)
	{
		SpanTree *tree;
		TraceSummary summary;
		CoreStatus status =
			archive_shape_tree(open->shape, open->ids, t, &tree, &open->fault);

		if (status == CORE_OK)
			status = summarize_trace(host, tree, &summary);
		if (status != CORE_OK)
			return status;
	}
	return CORE_OK;
}

static inline CoreStatus
block_read_attributes(OpenBlock *open, Host *host)
{
	uint32_t count;
	const ArchiveKey *keys = archive_tags_keys(open->tags, &count);

	for (uint32_t i = 0; i < count; i++)
	{
		ArchiveAttribute *attribute;
		CoreStatus status =
			archive_attribute_open(open->tags, i, &attribute, &open->fault);
		uint32_t *spans;

		if (status != CORE_OK)
			return status;
		spans = host->allocate(host, (keys[i].count + 1) * sizeof(uint32_t));
		if (spans == NULL)
			return CORE_NO_MEMORY;
		for (uint32_t k = 0; k < keys[i].count; k++)
		{
			uint32_t span;
			ArchiveItem item = archive_attribute_value(attribute, k, &span);

			if (span >= open->shape->span_count)
				abort();
			if (k == 0)
				archive_attribute_find(attribute, &item, spans);
		}
	}
	return CORE_OK;
}

static inline CoreStatus
block_read_rows(OpenBlock *open)
{
	ArchiveRows *rows;
	uint32_t trace;
	bool more = true;
	ArchiveRow row;
	size_t bytes = 0;
	CoreStatus status = archive_rows_open(open->tags,
										  open->ids,
										  0,
										  open->shape->trace_count,
										  &rows,
										  &open->fault);

	while (status == CORE_OK && more)
	{
		status = archive_rows_next(rows, &trace, &row, &more, &open->fault);
		if (status != CORE_OK || !more)
			continue;
		/* a byte of each text, so that a sanitizer sees where it lies */
		for (uint32_t i = 0; i < row.item_count; i++)
			bytes += row.items[i].text.length > 0
						 ? (uint8_t) row.items[i]
							   .text.data[row.items[i].text.length - 1]
						 : 0;
		bytes += row.logs.length > 0
					 ? (uint8_t) row.logs.data[row.logs.length - 1]
					 : 0;
	}
	return bytes == SIZE_MAX ? CORE_MALFORMED : status;
}

/* Reads all there is in every way. */
static inline CoreStatus
block_read_all(OpenBlock *open, Host *host, const ArchiveBlock *block)
{
	CoreStatus status = block_open(open, host, block);

	if (status == CORE_OK)
		status = block_read_trees(open, host);
	if (status == CORE_OK)
		status = block_read_attributes(open, host);
	return status == CORE_OK ? block_read_rows(open) : status;
}

/*
 * Comparing
 */

static inline bool
same_text(Slice a, Slice b)
{
	return (a.data == NULL) == (b.data == NULL) && slice_equal(a, b);
}

static inline bool
same_item(const ArchiveItem *a, const ArchiveItem *b)
{
	if (a->type != b->type || a->is_reserved != b->is_reserved ||
		!slice_equal(a->key, b->key))
		return false;
	if (a->type == ARCHIVE_INTEGER || a->type == ARCHIVE_BOOLEAN)
		return a->integer == b->integer;
	return a->type == ARCHIVE_NULL || slice_equal(a->text, b->text);
}

static inline bool
same_row(const ArchiveRow *a, const ArchiveRow *b)
{
	if (a->id != b->id || !same_text(a->span_id, b->span_id) ||
		!same_text(a->parent_span_id, b->parent_span_id) ||
		!slice_equal(a->service_name, b->service_name) ||
		!slice_equal(a->operation, b->operation) ||
		a->start_time != b->start_time || a->has_end != b->has_end ||
		a->end_time != b->end_time || a->kind != b->kind ||
		a->is_error != b->is_error || a->is_async != b->is_async ||
		a->start_ns != b->start_ns || a->duration_form != b->duration_form ||
		a->duration != b->duration || a->end_ns != b->end_ns ||
		a->tags_form != b->tags_form ||
		!slice_equal(a->duration_text, b->duration_text) ||
		!same_text(a->logs, b->logs) || a->created_at != b->created_at ||
		a->updated_at != b->updated_at || a->item_count != b->item_count)
		return false;
	for (uint32_t i = 0; i < a->item_count; i++)
	{
		if (!same_item(&a->items[i], &b->items[i]))
			return false;
	}
	return true;
}

/* Whether the rows of a trace are those that come next, in any order. */
static inline bool
same_rows(const ArchiveCase *given, ArchiveRows *reader, uint32_t t,
		  OpenBlock *open)
{
	uint32_t count = given->counts[t];
	bool *found = calloc(count, sizeof(bool));
	bool same = true;

	for (uint32_t i = 0; i < count && same; i++)
	{
		ArchiveRow row;
		uint32_t trace;
		uint32_t k = 0;
		bool more;

		if (archive_rows_next(reader, &trace, &row, &more, &open->fault) !=
				CORE_OK ||
			!more)
		{
			same = false;
			break;
		}
		while (k < count && (found[k] || !same_row(&given->rows[t][k], &row)))
			k++;
		same = k < count;
		if (same)
			found[k] = true;
	}
	free(found);
	return same;
}

static inline bool
same_traces(const ArchiveCase *given, OpenBlock *open, uint32_t from,
			uint32_t to)
{
	ArchiveRows *reader;
	ArchiveRow row;
	uint32_t trace;
	bool more;

	if (archive_rows_open(
			open->tags, open->ids, from, to, &reader, &open->fault) != CORE_OK)
		return false;
	for (uint32_t t = from; t < to; t++)
	{
		if (!same_rows(given, reader, t, open))
			return false;
	}
	return archive_rows_next(reader, &trace, &row, &more, &open->fault) ==
			   CORE_OK &&
		   !more;
}

/* Read alone, and out of all spans. */
static inline bool
same_tree(const ArchiveCase *given, OpenBlock *open, uint32_t t)
{
	const SpanTree *ours = given->trees[t];
	uint32_t traces = open->shape->trace_count;
	SpanTree *tree;
	SpanTree *again;
	ArchiveSpans all;

	return archive_shape_find(open->shape, open->ids, given->trace_ids[t]) ==
			   t &&
		   archive_shape_tree(open->shape, open->ids, t, &tree, &open->fault) ==
			   CORE_OK &&
		   archive_shape_spans(open->shape, 0, traces, &all, &open->fault) ==
			   CORE_OK &&
		   archive_spans_tree(open->shape, open->ids, &all, t, &again) ==
			   CORE_OK &&
		   tree->used == ours->used && again->used == ours->used &&
		   memcmp(tree, ours, tree->used) == 0 &&
		   memcmp(again, ours, tree->used) == 0;
}

static inline Slice
copy_text(Host *host, Slice text)
{
	char *copy = host->allocate(host, text.length + 1);

	if (text.length > 0)
		memcpy(copy, text.data, text.length);
	return (Slice){copy, text.length};
}

/* All rows, which have only their items; NULL if they cannot be read. */
static inline ArchiveRow *
copy_items(OpenBlock *open, Host *host)
{
	uint32_t spans = open->shape->span_count;
	ArchiveRow *rows = host->allocate(host, spans * sizeof(ArchiveRow));
	ArchiveRows *reader;
	uint32_t trace;
	bool more;

	if (archive_rows_open(open->tags,
						  open->ids,
						  0,
						  open->shape->trace_count,
						  &reader,
						  &open->fault) != CORE_OK)
		return NULL;
	for (uint32_t i = 0; i < spans; i++)
	{
		ArchiveItem *items;

		if (archive_rows_next(reader, &trace, &rows[i], &more, &open->fault) !=
				CORE_OK ||
			!more)
			return NULL;
		items =
			host->allocate(host, rows[i].item_count * sizeof(ArchiveItem) + 1);
		for (uint32_t k = 0; k < rows[i].item_count; k++)
		{
			items[k] = rows[i].items[k];
			items[k].text = copy_text(host, items[k].text);
		}
		rows[i].items = items;
	}
	return rows;
}

static inline bool
has_item(const ArchiveRow *row, const ArchiveItem *wanted)
{
	for (uint32_t i = 0; i < row->item_count; i++)
	{
		if (same_item(&row->items[i], wanted))
			return true;
	}
	return false;
}

/* Whether all spans that have this value, and no others, are found. */
static inline bool
finds_item(const ArchiveAttribute *attribute, const ArchiveItem *wanted,
		   const ArchiveRow *rows, uint32_t spans, uint32_t *hits)
{
	uint32_t found = archive_attribute_find(attribute, wanted, hits);
	uint32_t expected = 0;

	for (uint32_t i = 0; i < spans; i++)
	{
		for (uint32_t k = 0; k < rows[i].item_count; k++)
			expected += same_item(&rows[i].items[k], wanted) &&
						rows[i].items[k].is_constant == wanted->is_constant;
	}
	for (uint32_t i = 0; i < found; i++)
	{
		if (!has_item(&rows[hits[i]], wanted))
			return false;
	}
	return found == expected;
}

/* Whether each value of each key is that of its row, and is found again. */
static inline bool
same_attributes(OpenBlock *open, Host *host)
{
	uint32_t spans = open->shape->span_count;
	uint32_t *hits = host->allocate(host, spans * sizeof(uint32_t));
	const ArchiveRow *rows = copy_items(open, host);
	uint32_t count;
	const ArchiveKey *keys = archive_tags_keys(open->tags, &count);
	uint64_t missing = 0;

	if (rows == NULL)
		return false;
	for (uint32_t i = 0; i < spans; i++)
		missing += rows[i].item_count;
	for (uint32_t i = 0; i < count; i++)
	{
		ArchiveAttribute *attribute;

		if (archive_attribute_open(open->tags, i, &attribute, &open->fault) !=
			CORE_OK)
			return false;
		for (uint32_t k = 0; k < keys[i].count; k++, missing--)
		{
			uint32_t span;
			ArchiveItem item = archive_attribute_value(attribute, k, &span);

			if (!has_item(&rows[span], &item))
				return false;
			item.text = copy_text(host, item.text);
			if (k % (1 + keys[i].count / 4) == 0 &&
				!finds_item(attribute, &item, rows, spans, hits))
				return false;
		}
	}
	return missing == 0;
}

/* Whether going through the shape alone tells what the rows do. */
static inline bool
same_scan(OpenBlock *open)
{
	uint32_t traces = open->shape->trace_count;
	ArchiveRows *reader;
	ArchiveSpans spans;
	ArchiveSpan span;
	ArchiveRow row;
	uint32_t position = 0;
	uint32_t odd = 0;
	uint32_t trace;
	bool more;

	if (archive_shape_spans(open->shape, 0, traces, &spans, &open->fault) !=
			CORE_OK ||
		archive_rows_open(
			open->tags, open->ids, 0, traces, &reader, &open->fault) != CORE_OK)
		return false;
	while (archive_spans_next(open->shape, &spans, &position, &odd, &span))
	{
		const ArchiveTemplate *template = span.template;

		if (archive_rows_next(reader, &trace, &row, &more, &open->fault) !=
				CORE_OK ||
			!more || span.start_time != row.start_time ||
			span.has_end != row.has_end || span.end_time != row.end_time ||
			span.duration_form != row.duration_form ||
			span.duration != row.duration ||
			span.has_parent_id != (row.parent_span_id.data != NULL) ||
			!slice_equal(template->service_name, row.service_name) ||
			!slice_equal(template->operation, row.operation) ||
			template->kind != row.kind || template->is_error != row.is_error)
			return false;
	}
	return position == open->shape->span_count;
}

/* NULL if the block gives back what it was made of, else what it does not. */
static inline const char *
block_fault(const ArchiveCase *given, Host *host, const ArchiveBlock *block)
{
	OpenBlock open;

	if (block_open(&open, host, block) != CORE_OK)
		return "it does not open";
	if (open.shape->trace_count != given->trace_count)
		return "traces are missing";
	for (uint32_t t = 0; t < given->trace_count; t++)
	{
		if (!same_tree(given, &open, t))
			return "a tree is different";
		if (!same_traces(given, &open, t, t + 1))
			return "the rows of a trace are different";
	}
	if (!same_traces(given, &open, 0, given->trace_count))
		return "the rows are different";
	if (!same_scan(&open))
		return "the scan of the shape is different";
	return NULL;
}

#endif
