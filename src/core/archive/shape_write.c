/*
 * Writing the shape column.
 *
 * What most spans do not have is in the list of odds: for each such span its
 * position minus the last one's, a byte of ODD_* flags, and for each flag
 *
 * ODD_DURATION	the form; a number minus (end - start), signed, or the text
 * ODD_PARENT	1 and 8 bytes for 16 hex digits, else 0 and the text
 * ODD_NODE		the node's flags; its end and duration, signed
 */
#include "shape.h"

#include "bitpack.h"
#include "hex_id.h"
#include "node_fields.h"

static void
put_traces(const Source *source, StreamWriter *writer)
{
	Bytes bytes = {.host = source->host};
	int64_t last = 0;

	for (uint32_t i = 0; i < source->trace_count; i++)
		bytes_put_varint(&bytes, source->first[i + 1] - source->first[i]);
	for (uint32_t i = 0; i < source->trace_count; i++)
	{
		int64_t start = source->rows[source->first[i]]->start_time;

		bytes_put_varint(&bytes, zigzag(wrapped_difference(start, last)));
		last = start;
	}
	stream_put_bits(writer, SHAPE_TRACES, &bytes);
}

static void
put_names(const Numbering *names, Bytes *bytes)
{
	bytes_put_varint(bytes, names->count);
	for (uint32_t i = 0; i < names->count; i++)
		bytes_put_varint(bytes, names->strings.strings[names->order[i]].length);
	for (uint32_t i = 0; i < names->count; i++)
	{
		Slice name = names->strings.strings[names->order[i]];

		bytes_put(bytes, name.data, name.length);
	}
}

/* Of names as differences: they were numbered as the templates name them. */
static void
put_templates(const Templates *templates, StreamWriter *writer)
{
	Bytes bytes = {.host = writer->host};

	put_names(&templates->names, &bytes);
	bytes_put_varint(&bytes, templates->count);
	for (int field = RECORD_SERVICE; field <= RECORD_OPERATION; field++)
	{
		int64_t last = 0;

		for (uint32_t i = 0; i < templates->count; i++)
		{
			uint32_t name = template_record(templates, i)[field];
			int64_t number = templates->names.written[name];

			bytes_put_varint(&bytes, zigzag(number - last));
			last = number;
		}
	}
	for (uint32_t i = 0; i < templates->count; i++)
		bytes_put_byte(&bytes,
					   (uint8_t) template_record(templates, i)[RECORD_FORM]);
	stream_put_text(writer, SHAPE_TEMPLATES, &bytes);
}

/* The arrays of numbers, one at a time in the same memory. */
typedef struct Packing
{
	const Source *source;
	StreamWriter *writer;
	int64_t *numbers;
} Packing;

static void
pack(const Packing *packing, uint32_t tag)
{
	Bytes bytes = {.host = packing->source->host};

	bitpack_put_signed(&bytes, packing->numbers, packing->source->span_count);
	stream_put_bits(packing->writer, tag, &bytes);
}

static void
pack_tree_numbers(const Packing *packing, bool starts)
{
	const Source *source = packing->source;

	for (uint32_t t = 0; t < source->trace_count; t++)
	{
		const SpanNode *nodes = span_tree_nodes(source->trees[t]);
		uint32_t first = source->first[t];

		for (uint32_t i = first; i < source->first[t + 1]; i++)
		{
			const SpanNode *node = &nodes[i - first];
			uint32_t base = first;

			if (node->parent != SPAN_TREE_NONE)
				base = first + node->parent;
			packing->numbers[i] =
				starts ? wrapped_difference(source->rows[i]->start_time,
											source->rows[base]->start_time)
					   : node->depth;
		}
	}
	pack(packing, starts ? SHAPE_STARTS : SHAPE_DEPTHS);
}

static void
pack_row_numbers(const Packing *packing)
{
	const Source *source = packing->source;

	for (uint32_t i = 0; i < source->span_count; i++)
	{
		const ArchiveRow *row = source->rows[i];

		packing->numbers[i] =
			row->has_end ? wrapped_difference(row->end_time, row->start_time)
						 : 0;
	}
	pack(packing, SHAPE_LENGTHS);
	for (uint32_t i = 0; i < source->span_count; i++)
		packing->numbers[i] = source->rows[i]->start_ns;
	pack(packing, SHAPE_START_NS);
	for (uint32_t i = 0; i < source->span_count; i++)
		packing->numbers[i] = source->rows[i]->end_ns;
	pack(packing, SHAPE_END_NS);
}

/*
 * Odds
 */

static bool
duration_is_odd(const ArchiveRow *row)
{
	if (!row->has_end)
		return row->duration_form != ARCHIVE_DURATION_NONE;
	return row->duration_form != ARCHIVE_DURATION_US ||
		   row->duration != wrapped_difference(row->end_time, row->start_time);
}

static uint8_t
odds_of(const ArchiveRow *row, const SpanNode *node)
{
	NodeFields fields =
		node_fields_expected(row, node->parent == SPAN_TREE_NONE);
	uint8_t has = 0;

	if (!row->has_end)
		has |= ODD_NO_END;
	if (duration_is_odd(row))
		has |= ODD_DURATION;
	if (node->parent == SPAN_TREE_NONE && row->parent_span_id.data != NULL)
		has |= ODD_PARENT;
	if (node->flags != fields.flags || node->end_time != fields.end_time ||
		node->duration != fields.duration)
		has |= ODD_NODE;
	return has;
}

static void
put_duration(Bytes *bytes, const ArchiveRow *row)
{
	int64_t length =
		row->has_end ? wrapped_difference(row->end_time, row->start_time) : 0;

	bytes_put_byte(bytes, row->duration_form);
	if (row->duration_form == ARCHIVE_DURATION_US)
		bytes_put_varint(bytes,
						 zigzag(wrapped_difference(row->duration, length)));
	else if (row->duration_form == ARCHIVE_DURATION_TEXT)
		bytes_put_slice(bytes, row->duration_text);
}

static void
put_parent(Bytes *bytes, Slice parent)
{
	uint8_t id[8];
	bool is_hex = hex_id_read(parent, id, sizeof(id));

	bytes_put_byte(bytes, is_hex);
	if (is_hex)
		bytes_put(bytes, id, sizeof(id));
	else
		bytes_put_slice(bytes, parent);
}

static void
put_odd(Bytes *bytes, uint8_t has, const ArchiveRow *row, const SpanNode *node)
{
	bytes_put_byte(bytes, has);
	if (has & ODD_DURATION)
		put_duration(bytes, row);
	if (has & ODD_PARENT)
		put_parent(bytes, row->parent_span_id);
	if (has & ODD_NODE)
	{
		bytes_put_varint(bytes, node_flags_pack(node->flags));
		bytes_put_varint(bytes, zigzag(node->end_time));
		bytes_put_varint(bytes, zigzag(node->duration));
	}
}

static void
put_odds(const Source *source, StreamWriter *writer)
{
	Bytes bytes = {.host = source->host};
	uint32_t last = 0;

	for (uint32_t t = 0; t < source->trace_count; t++)
	{
		const SpanNode *nodes = span_tree_nodes(source->trees[t]);
		uint32_t first = source->first[t];

		for (uint32_t i = first; i < source->first[t + 1]; i++)
		{
			uint8_t has = odds_of(source->rows[i], &nodes[i - first]);

			host_poll(source->host, i);
			if (has == 0)
				continue;
			bytes_put_varint(&bytes, i - last);
			put_odd(&bytes, has, source->rows[i], &nodes[i - first]);
			last = i;
		}
	}
	stream_put_text(writer, SHAPE_ODDS, &bytes);
}

CoreStatus
shape_write(const Source *source, Bytes *out, uint32_t *checksum)
{
	StreamWriter writer;
	Packing packing = {source, &writer, NULL};

	stream_writer_init(&writer, source->host, source->codecs, source->codec);
	packing.numbers =
		archive_allocate(source->host, source->span_count, sizeof(int64_t));
	if (packing.numbers == NULL)
		return CORE_NO_MEMORY;
	put_traces(source, &writer);
	put_templates(&source->templates, &writer);
	for (uint32_t i = 0; i < source->span_count; i++)
		packing.numbers[i] = source->templates.of_span[i];
	pack(&packing, SHAPE_SPAN_TEMPLATES);
	pack_tree_numbers(&packing, false);
	pack_tree_numbers(&packing, true);
	pack_row_numbers(&packing);
	put_odds(source, &writer);
	return stream_finish(&writer,
						 ARCHIVE_SHAPE,
						 source->span_count,
						 source->trace_count,
						 0,
						 out,
						 checksum);
}
