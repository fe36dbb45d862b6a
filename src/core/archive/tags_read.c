/*
 * Opening the tags column: its keys, key sets and templates.
 */
#include "tags_reader.h"

static CoreStatus
get_keys(ArchiveTagsReader *tags, ByteReader *bytes)
{
	/* a key takes two bytes at least */
	uint32_t count = reader_count(bytes, reader_left(bytes) / 2);

	tags->key_count = count;
	tags->keys = archive_allocate(tags->host, count, sizeof(ArchiveKey));
	tags->columns = archive_allocate(tags->host, count, sizeof(OpenColumn));
	if (tags->keys == NULL || tags->columns == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < count; i++)
	{
		uint8_t form = reader_byte(bytes);

		tags->columns[i].is_open = false;
		tags->keys[i] = (ArchiveKey){
			.type = form & KEY_TYPE,
			.is_reserved = (form & KEY_RESERVED) != 0,
			.is_constant = (form & KEY_CONSTANT) != 0,
		};
		if (tags->keys[i].type >= ARCHIVE_TYPE_COUNT || form > 31 ||
			(tags->keys[i].type == ARCHIVE_NULL && (form & KEY_CONSTANT)))
			bytes->failed = true;
	}
	for (uint32_t i = 0; i < count; i++)
		tags->keys[i].key.length = reader_count(bytes, reader_left(bytes));
	for (uint32_t i = 0; i < count; i++)
		tags->keys[i].key.data =
			(const char *) reader_bytes(bytes, tags->keys[i].key.length);
	return CORE_OK;
}

/* One key set, into keyset_keys from `at` on; `seen` tells which set had a key
 * last, plus one. */
static void
get_keyset(ArchiveTagsReader *tags, ByteReader *bytes, uint32_t number,
		   uint32_t at, uint32_t *seen)
{
	int64_t last = -1;

	for (uint32_t i = tags->keyset_first[number]; i < at && !bytes->failed; i++)
	{
		int64_t key = wrapped_sum(last + 1, reader_signed(bytes));

		if (key < 0 || key >= tags->key_count || seen[key] == number + 1)
		{
			bytes->failed = true;
			return;
		}
		seen[key] = number + 1;
		tags->keyset_keys[i] = (uint32_t) key;
		last = key;
	}
}

static CoreStatus
get_keysets(ArchiveTagsReader *tags, ByteReader *bytes)
{
	uint32_t count = reader_count(bytes, reader_left(bytes));
	size_t most = reader_left(bytes); /* a key in a set takes a byte at least */
	uint32_t *seen =
		archive_allocate(tags->host, tags->key_count, sizeof(uint32_t));
	uint32_t at = 0;

	tags->keyset_count = count;
	tags->keyset_first =
		archive_allocate(tags->host, (size_t) count + 1, sizeof(uint32_t));
	tags->keyset_keys = archive_allocate(tags->host, most, sizeof(uint32_t));
	if (seen == NULL || tags->keyset_first == NULL || tags->keyset_keys == NULL)
		return CORE_NO_MEMORY;
	memset(seen, 0, tags->key_count * sizeof(uint32_t));
	for (uint32_t i = 0; i < count; i++)
	{
		host_poll(tags->host, i);
		tags->keyset_first[i] = at;
		at += reader_count(bytes, reader_left(bytes));
		get_keyset(tags, bytes, i, at, seen);
	}
	tags->keyset_first[count] = at;
	return CORE_OK;
}

/* How many constants each key set has. */
static uint32_t *
count_constants(ArchiveTagsReader *tags)
{
	uint32_t *counts =
		archive_allocate(tags->host, tags->keyset_count, sizeof(uint32_t));

	if (counts == NULL)
		return NULL;
	for (uint32_t i = 0; i < tags->keyset_count; i++)
	{
		counts[i] = 0;
		for (uint32_t k = tags->keyset_first[i]; k < tags->keyset_first[i + 1];
			 k++)
			counts[i] += tags->keys[tags->keyset_keys[k]].is_constant;
	}
	return counts;
}

static void
get_template_keysets(ArchiveTagsReader *tags, ByteReader *bytes)
{
	int64_t last = 0;

	for (uint32_t i = 0; i < tags->shape->template_count; i++)
	{
		last = wrapped_sum(last, reader_signed(bytes));
		if (last < 0 || last >= tags->keyset_count)
			bytes->failed = true;
		if (bytes->failed)
			return;
		tags->keysets[i] = (uint32_t) last;
	}
}

static CoreStatus
get_template_constants(ArchiveTagsReader *tags, ByteReader *bytes)
{
	uint32_t templates = tags->shape->template_count;
	size_t most = reader_left(bytes);
	const uint32_t *counts = count_constants(tags);
	uint32_t at = 0;

	tags->first_constant =
		archive_allocate(tags->host, templates, sizeof(uint32_t));
	tags->constant_numbers =
		archive_allocate(tags->host, most, sizeof(uint32_t));
	if (counts == NULL || tags->first_constant == NULL ||
		tags->constant_numbers == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < templates && !bytes->failed; i++)
	{
		uint32_t count = counts[tags->keysets[i]];

		host_poll(tags->host, i);
		tags->first_constant[i] = at;
		for (uint32_t k = 0; k < count && !bytes->failed; k++)
			tags->constant_numbers[at++] = reader_count(bytes, UINT32_MAX);
	}
	/* read behind them, so checked here */
	tags->constant_count = reader_count(bytes, reader_left(bytes));
	for (uint32_t i = 0; i < at; i++)
		bytes->failed |= tags->constant_numbers[i] >= tags->constant_count;
	return CORE_OK;
}

static CoreStatus
get_constants(ArchiveTagsReader *tags, ByteReader *bytes)
{
	tags->constants =
		archive_allocate(tags->host, tags->constant_count, sizeof(Slice));
	if (tags->constants == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < tags->constant_count; i++)
		tags->constants[i].length = reader_count(bytes, reader_left(bytes));
	for (uint32_t i = 0; i < tags->constant_count; i++)
		tags->constants[i].data =
			(const char *) reader_bytes(bytes, tags->constants[i].length);
	return CORE_OK;
}

static CoreStatus
get_templates(ArchiveTagsReader *tags, ArchiveFault *fault)
{
	ByteReader bytes;
	CoreStatus status =
		stream_get(&tags->streams, TAGS_TEMPLATES, &bytes, fault);

	if (status == CORE_OK)
		status = get_keys(tags, &bytes);
	if (status == CORE_OK && !bytes.failed)
		status = get_keysets(tags, &bytes);
	tags->keysets = archive_allocate(
		tags->host, tags->shape->template_count, sizeof(uint32_t));
	if (tags->keysets == NULL)
		return CORE_NO_MEMORY;
	if (status == CORE_OK && !bytes.failed)
		get_template_keysets(tags, &bytes);
	if (status == CORE_OK && !bytes.failed)
		status = get_template_constants(tags, &bytes);
	if (status == CORE_OK && !bytes.failed)
		status = get_constants(tags, &bytes);
	if (status != CORE_OK)
		return status;
	return stream_done(&tags->streams, TAGS_TEMPLATES, &bytes, fault);
}

/* Where the spans of each template are, in template order. */
static CoreStatus
place_spans(ArchiveTagsReader *tags, ArchiveFault *fault)
{
	const ArchiveShape *shape = tags->shape;
	uint64_t *numbers =
		archive_allocate(tags->host, shape->span_count, sizeof(uint64_t));
	uint32_t *first = archive_allocate(
		tags->host, (size_t) shape->template_count + 1, sizeof(uint32_t));
	CoreStatus status;

	tags->of_span =
		archive_allocate(tags->host, shape->span_count, sizeof(uint32_t));
	if (numbers == NULL || first == NULL || tags->of_span == NULL)
		return CORE_NO_MEMORY;
	status = shape_numbers(
		shape, SHAPE_SPAN_TEMPLATES, 0, shape->span_count, numbers, fault);
	if (status != CORE_OK)
		return status;
	memset(first, 0, ((size_t) shape->template_count + 1) * sizeof(uint32_t));
	for (uint32_t i = 0; i < shape->span_count; i++)
	{
		if (numbers[i] >= shape->template_count)
			return stream_contradiction(
				&shape_reader(shape)->streams, SHAPE_SPAN_TEMPLATES, fault);
		tags->of_span[i] = (uint32_t) numbers[i];
		first[numbers[i] + 1]++;
	}
	for (uint32_t i = 0; i < shape->template_count; i++)
		first[i + 1] += first[i];
	tags->first_place = first;
	return CORE_OK;
}

/* How many spans have each key; false if all in all there are too many. */
static bool
count_values(ArchiveTagsReader *tags)
{
	uint64_t items = 0;

	for (uint32_t i = 0; i < tags->shape->template_count; i++)
	{
		uint32_t keyset = tags->keysets[i];
		uint32_t spans = tags->first_place[i + 1] - tags->first_place[i];
		uint32_t from = tags->keyset_first[keyset];
		uint32_t end = tags->keyset_first[keyset + 1];

		host_poll(tags->host, i);
		/* one more: a template that no span has does not come for nothing */
		items += (uint64_t) (end - from) * (spans > 0 ? spans : 1);
		if (items > ARCHIVE_MAX_ITEMS)
			return false;
		for (uint32_t k = from; k < end; k++)
			tags->keys[tags->keyset_keys[k]].count += spans;
	}
	return true;
}

CoreStatus
archive_tags_open(const ArchiveShape *shape, ArchiveBytes bytes,
				  ArchiveTagsReader **result, ArchiveFault *fault)
{
	Host *host = shape_reader(shape)->streams.host;
	ArchiveTagsReader *tags = host->allocate(host, sizeof(ArchiveTagsReader));
	CoreStatus status;

	if (tags == NULL)
		return CORE_NO_MEMORY;
	*tags = (ArchiveTagsReader){.host = host, .shape = shape};
	status =
		shape_open_beside(shape, &tags->streams, ARCHIVE_TAGS, bytes, fault);
	if (status == CORE_OK)
		status = get_templates(tags, fault);
	if (status == CORE_OK)
		status = place_spans(tags, fault);
	if (status == CORE_OK && !count_values(tags))
		status = stream_contradiction(&tags->streams, TAGS_TEMPLATES, fault);
	*result = tags;
	return status;
}

const ArchiveKey *
archive_tags_keys(const ArchiveTagsReader *tags, uint32_t *count)
{
	*count = tags->key_count;
	return tags->keys;
}

CoreStatus
tags_column_open(ArchiveTagsReader *tags, uint32_t key, const Column **column,
				 ArchiveFault *fault)
{
	OpenColumn *open = &tags->columns[key];
	uint32_t count = tags->keys[key].count;
	CoreStatus status;

	*column = &open->column;
	if (open->is_open)
		return CORE_OK;
	if (type_is_integer(tags->keys[key].type))
		status = column_get_integers(
			&tags->streams, tags_column(key), count, &open->column, fault);
	else
		status = column_get_strings(
			&tags->streams, tags_column(key), count, &open->column, fault);
	open->is_open = status == CORE_OK;
	return status;
}

void
tags_constant(const ArchiveTagsReader *tags, uint32_t number, ArchiveItem *item)
{
	Slice bytes = tags->constants[number];

	if (!type_is_integer(item->type))
		item->text = bytes;
	else if (bytes.length == 8)
		item->integer = unzigzag(load_u64((const uint8_t *) bytes.data));
}

void
tags_value(const Column *column, uint32_t i, ArchiveItem *item)
{
	if (type_is_integer(item->type))
		item->integer = column_integer(column, i);
	else
		item->text = column_string(column, i);
}
