/*
 * Writing the tags column: see tags.h.
 */
#include "tags.h"

#include "bitpack.h"
#include "dictionary.h"

typedef struct TagsWriter
{
	const Source *source;
	Host *host;
	StreamWriter streams;
	const ArchiveRow **rows; /* in template order */
	uint32_t *templates;	 /* of those */
} TagsWriter;

/*
 * Keys and templates
 */

static void
put_texts(Bytes *bytes, const Numbering *numbering, uint32_t skip)
{
	const Slice *strings = numbering->strings.strings;

	for (uint32_t i = 0; i < numbering->count; i++)
		bytes_put_varint(bytes, strings[numbering->order[i]].length - skip);
	for (uint32_t i = 0; i < numbering->count; i++)
	{
		Slice string = strings[numbering->order[i]];

		bytes_put(bytes, string.data + skip, string.length - skip);
	}
}

static void
put_keysets(Bytes *bytes, const Templates *templates)
{
	bytes_put_varint(bytes, templates->keysets.count);
	for (uint32_t i = 0; i < templates->keysets.count; i++)
	{
		uint32_t count;
		const uint32_t *keys =
			template_keyset(templates, templates->keysets.order[i], &count);
		int64_t last = -1;

		bytes_put_varint(bytes, count);
		for (uint32_t k = 0; k < count; k++)
		{
			int64_t key = templates->keys.written[keys[k]];

			/* one more than the last is what comes most often */
			bytes_put_varint(bytes, zigzag(key - last - 1));
			last = key;
		}
	}
}

static void
put_template_fields(Bytes *bytes, const Templates *templates)
{
	int64_t last = 0;

	for (uint32_t i = 0; i < templates->count; i++)
	{
		uint32_t keyset = template_record(templates, i)[RECORD_KEYSET];
		int64_t number = templates->keysets.written[keyset];

		bytes_put_varint(bytes, zigzag(number - last));
		last = number;
	}
	for (uint32_t i = 0; i < templates->count; i++)
	{
		uint32_t record = templates->order[i];
		const uint32_t *numbers = template_record(templates, i);
		uint32_t end = templates->records.strings[record].length /
					   (uint32_t) sizeof(uint32_t);

		for (uint32_t k = RECORD_CONSTANTS; k < end; k++)
			bytes_put_varint(bytes, templates->constants.written[numbers[k]]);
	}
}

static void
put_templates(TagsWriter *writer)
{
	const Templates *templates = &writer->source->templates;
	const Numbering *keys = &templates->keys;
	Bytes bytes = {.host = writer->host};

	bytes_put_varint(&bytes, keys->count);
	for (uint32_t i = 0; i < keys->count; i++)
		bytes_put(&bytes, keys->strings.strings[keys->order[i]].data, 1);
	put_texts(&bytes, keys, 1);
	put_keysets(&bytes, templates);
	put_template_fields(&bytes, templates);
	bytes_put_varint(&bytes, templates->constants.count);
	put_texts(&bytes, &templates->constants, 0);
	stream_put_text(&writer->streams, TAGS_TEMPLATES, &bytes);
}

/*
 * The rows' own numbers
 */

static void
put_row_ids(TagsWriter *writer, int64_t *numbers)
{
	const Source *source = writer->source;
	Bytes ids = {.host = writer->host};
	Bytes updated = {.host = writer->host};
	int64_t last = 0;

	for (uint32_t i = 0; i < source->span_count; i++)
	{
		numbers[i] = wrapped_difference(source->rows[i]->id, last);
		last = source->rows[i]->id;
	}
	bitpack_put_signed(&ids, numbers, source->span_count);
	stream_put_bits(&writer->streams, TAGS_ROW_IDS, &ids);
	for (uint32_t i = 0; i < source->span_count; i++)
		numbers[i] = wrapped_difference(source->rows[i]->updated_at,
										source->rows[i]->created_at);
	bitpack_put_signed(&updated, numbers, source->span_count);
	stream_put_bits(&writer->streams, TAGS_UPDATED, &updated);
}

/* A transaction gives all its rows one time, so there are few. */
static void
put_created(TagsWriter *writer, uint64_t *numbers)
{
	const Source *source = writer->source;
	Bytes times = {.host = writer->host};
	Dictionary different;
	int64_t last = 0;

	dictionary_init(&different, writer->host, source->span_count);
	for (uint32_t i = 0; i < source->span_count; i++)
	{
		const int64_t *time = &source->rows[i]->created_at;
		uint32_t before = different.count;

		numbers[i] = dictionary_add(
			&different, (Slice){(const char *) time, sizeof(*time)});
		if (different.count == before)
			continue;
		bytes_put_varint(&times, zigzag(wrapped_difference(*time, last)));
		last = *time;
	}
	if (different.no_memory)
		writer->streams.status = CORE_NO_MEMORY;
	stream_put_text(&writer->streams, TAGS_CREATED_TIMES, &times);
	stream_put_numbers(
		&writer->streams, TAGS_CREATED, numbers, source->span_count);
}

/*
 * Values
 */

static bool
sort_by_template(TagsWriter *writer)
{
	const Source *source = writer->source;
	const Templates *templates = &source->templates;
	uint32_t *next = archive_allocate(
		writer->host, (size_t) templates->count + 1, sizeof(uint32_t));

	writer->rows = archive_allocate(
		writer->host, source->span_count, sizeof(ArchiveRow *));
	writer->templates =
		archive_allocate(writer->host, source->span_count, sizeof(uint32_t));
	if (next == NULL || writer->rows == NULL || writer->templates == NULL)
		return false;
	memset(next, 0, ((size_t) templates->count + 1) * sizeof(uint32_t));
	for (uint32_t i = 0; i < source->span_count; i++)
		next[templates->of_span[i] + 1]++;
	for (uint32_t i = 0; i < templates->count; i++)
		next[i + 1] += next[i];
	for (uint32_t i = 0; i < source->span_count; i++)
	{
		uint32_t place = next[templates->of_span[i]]++;

		writer->rows[place] = source->rows[i];
		writer->templates[place] = templates->of_span[i];
	}
	return true;
}

/* The values of each key, one key after another. */
typedef struct Values
{
	const ArchiveItem **items;
	uint32_t *ends; /* by the number a key is written under */
	Slice *strings;
	int64_t *integers;
} Values;

/* The keys of the row at this place, and how they are numbered. */
static const uint32_t *
keys_at(const TagsWriter *writer, uint32_t place)
{
	const Templates *templates = &writer->source->templates;
	uint32_t count;

	return template_keyset(
		templates,
		template_record(templates, writer->templates[place])[RECORD_KEYSET],
		&count);
}

static bool
allocate_values(TagsWriter *writer, Values *values)
{
	size_t items = writer->source->templates.items;
	size_t keys = writer->source->templates.keys.count;

	values->items =
		archive_allocate(writer->host, items, sizeof(ArchiveItem *));
	values->ends = archive_allocate(writer->host, keys + 1, sizeof(uint32_t));
	values->strings = archive_allocate(writer->host, items, sizeof(Slice));
	values->integers = archive_allocate(writer->host, items, sizeof(int64_t));
	return values->items != NULL && values->ends != NULL &&
		   values->strings != NULL && values->integers != NULL;
}

/* A counting sort of all items by key. */
static bool
gather_values(TagsWriter *writer, Values *values)
{
	const Numbering *keys = &writer->source->templates.keys;
	uint32_t *ends;

	if (!allocate_values(writer, values))
		return false;
	ends = values->ends;
	memset(ends, 0, (keys->count + 1) * sizeof(uint32_t));
	for (uint32_t i = 0; i < writer->source->span_count; i++)
	{
		const uint32_t *of_row = keys_at(writer, i);

		host_poll(writer->host, i);
		for (uint32_t k = 0; k < writer->rows[i]->item_count; k++)
			ends[keys->written[of_row[k]] + 1]++;
	}
	for (uint32_t i = 0; i < keys->count; i++)
		ends[i + 1] += ends[i];
	for (uint32_t i = 0; i < writer->source->span_count; i++)
	{
		const uint32_t *of_row = keys_at(writer, i);

		host_poll(writer->host, i);
		for (uint32_t k = 0; k < writer->rows[i]->item_count; k++)
			values->items[ends[keys->written[of_row[k]]]++] =
				&writer->rows[i]->items[k];
	}
	return true;
}

static void
put_key(TagsWriter *writer, const Values *values, uint32_t number)
{
	uint32_t from = number == 0 ? 0 : values->ends[number - 1];
	uint32_t count = values->ends[number] - from;
	const ArchiveItem *first = values->items[from];
	uint32_t tag = tags_column(number);

	if (!key_has_column(first->type, item_is_constant(first)))
		return;
	for (uint32_t i = 0; i < count; i++)
	{
		values->strings[i] = values->items[from + i]->text;
		values->integers[i] = values->items[from + i]->integer;
	}
	if (type_is_integer(first->type))
		column_put_integers(&writer->streams, tag, values->integers, count);
	else
		column_put_strings(&writer->streams, tag, values->strings, count);
}

static CoreStatus
put_values(TagsWriter *writer)
{
	uint32_t keys = writer->source->templates.keys.count;
	Values values;

	if (!gather_values(writer, &values))
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < keys; i++)
	{
		host_poll(writer->host, i);
		put_key(writer, &values, i);
	}
	return writer->streams.status;
}

CoreStatus
tags_write(const Source *source, uint32_t link, Bytes *out)
{
	TagsWriter writer = {.source = source, .host = source->host};
	void *numbers =
		archive_allocate(source->host, source->span_count, sizeof(uint64_t));
	Logs *logs;
	uint32_t checksum;
	CoreStatus status;

	stream_writer_init(
		&writer.streams, source->host, source->codecs, source->codec);
	if (numbers == NULL || !sort_by_template(&writer))
		return CORE_NO_MEMORY;
	put_templates(&writer);
	put_row_ids(&writer, numbers);
	put_created(&writer, numbers);
	logs = logs_write(&writer.streams, writer.rows, source->span_count);
	status = put_values(&writer);
	if (status != CORE_OK)
		return status;
	logs_write_holes(logs, source->templates.keys.count);
	return stream_finish(&writer.streams,
						 ARCHIVE_TAGS,
						 source->span_count,
						 source->trace_count,
						 link,
						 out,
						 &checksum);
}
