/*
 * One key of a block: all its values, and which spans have them.
 */
#include "tags_reader.h"

struct ArchiveAttribute
{
	const ArchiveTagsReader *tags;
	const ArchiveKey *key;
	const Column *column; /* NULL: its values are constants, or nulls */
	uint32_t *spans;	  /* of each value */
	uint32_t *constants;  /* the number of each value's constant */
};

/* Where the key is in each key set: SPAN_TREE_NONE if it is not. */
static uint32_t *
find_in_keysets(const ArchiveTagsReader *tags, uint32_t key)
{
	uint32_t *found =
		archive_allocate(tags->host, tags->keyset_count, sizeof(uint32_t));

	if (found == NULL)
		return NULL;
	for (uint32_t i = 0; i < tags->keyset_count; i++)
	{
		host_poll(tags->host, i);
		found[i] = SPAN_TREE_NONE;
		for (uint32_t k = tags->keyset_first[i]; k < tags->keyset_first[i + 1];
			 k++)
		{
			if (tags->keyset_keys[k] == key)
				found[i] = k;
		}
	}
	return found;
}

/* Where in the values those of each template begin; SPAN_TREE_NONE for one
 * that does not have the key. */
static uint32_t *
place_values(const ArchiveTagsReader *tags, const uint32_t *found)
{
	uint32_t templates = tags->shape->template_count;
	uint32_t *next = archive_allocate(tags->host, templates, sizeof(uint32_t));
	uint32_t at = 0;

	if (next == NULL)
		return NULL;
	for (uint32_t i = 0; i < templates; i++)
	{
		next[i] = SPAN_TREE_NONE;
		if (found[tags->keysets[i]] == SPAN_TREE_NONE)
			continue;
		next[i] = at;
		at += tags->first_place[i + 1] - tags->first_place[i];
	}
	return next;
}

static void
fill_spans(ArchiveAttribute *attribute, uint32_t *next)
{
	const ArchiveTagsReader *tags = attribute->tags;

	for (uint32_t i = 0; i < tags->shape->span_count; i++)
	{
		uint32_t *place = &next[tags->of_span[i]];

		if (*place != SPAN_TREE_NONE)
			attribute->spans[(*place)++] = i;
	}
}

/* How many of the constants of a key set come before its key number k. */
static uint32_t
constants_before(const ArchiveTagsReader *tags, uint32_t keyset, uint32_t k)
{
	uint32_t count = 0;

	for (uint32_t i = tags->keyset_first[keyset]; i < k; i++)
		count += tags->keys[tags->keyset_keys[i]].is_constant;
	return count;
}

static bool
fill_constants(ArchiveAttribute *attribute, const uint32_t *found)
{
	const ArchiveTagsReader *tags = attribute->tags;
	uint32_t at = 0;

	attribute->constants =
		archive_allocate(tags->host, attribute->key->count, sizeof(uint32_t));
	if (attribute->constants == NULL)
		return false;
	for (uint32_t i = 0; i < tags->shape->template_count; i++)
	{
		uint32_t keyset = tags->keysets[i];
		uint32_t number;

		if (found[keyset] == SPAN_TREE_NONE)
			continue;
		number = tags->constant_numbers[tags->first_constant[i] +
										constants_before(
											tags, keyset, found[keyset])];
		for (uint32_t k = tags->first_place[i]; k < tags->first_place[i + 1];
			 k++)
			attribute->constants[at++] = number;
	}
	return true;
}

CoreStatus
archive_attribute_open(ArchiveTagsReader *tags, uint32_t key,
					   ArchiveAttribute **result, ArchiveFault *fault)
{
	ArchiveAttribute *attribute =
		tags->host->allocate(tags->host, sizeof(ArchiveAttribute));
	uint32_t *found = find_in_keysets(tags, key);
	uint32_t *next = found == NULL ? NULL : place_values(tags, found);

	if (attribute == NULL || next == NULL)
		return CORE_NO_MEMORY;
	*attribute = (ArchiveAttribute){.tags = tags, .key = &tags->keys[key]};
	attribute->spans =
		archive_allocate(tags->host, attribute->key->count, sizeof(uint32_t));
	if (attribute->spans == NULL)
		return CORE_NO_MEMORY;
	fill_spans(attribute, next);
	*result = attribute;
	if (attribute->key->is_constant)
		return fill_constants(attribute, found) ? CORE_OK : CORE_NO_MEMORY;
	if (!key_has_column(attribute->key->type, false))
		return CORE_OK;
	return tags_column_open(tags, key, &attribute->column, fault);
}

ArchiveItem
archive_attribute_value(const ArchiveAttribute *attribute, uint32_t i,
						uint32_t *span)
{
	ArchiveItem item = tags_item(attribute->key);

	*span = attribute->spans[i];
	if (attribute->column != NULL)
		tags_value(attribute->column, i, &item);
	else if (attribute->constants != NULL)
		tags_constant(attribute->tags, attribute->constants[i], &item);
	return item;
}

static bool
same_value(const ArchiveItem *a, const ArchiveItem *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == ARCHIVE_NULL)
		return true;
	return type_is_integer(a->type) ? a->integer == b->integer
									: slice_equal(a->text, b->text);
}

uint32_t
archive_attribute_find(const ArchiveAttribute *attribute,
					   const ArchiveItem *wanted, uint32_t *spans)
{
	const Column *column = attribute->column;
	uint32_t count = 0;

	if (column != NULL && column->strings != NULL &&
		wanted->type == attribute->key->type)
	{
		count = column_find(column, wanted->text, spans);
		for (uint32_t i = 0; i < count; i++)
			spans[i] = attribute->spans[spans[i]];
		return count;
	}
	for (uint32_t i = 0; i < attribute->key->count; i++)
	{
		uint32_t span;
		ArchiveItem item = archive_attribute_value(attribute, i, &span);

		if (same_value(&item, wanted))
			spans[count++] = span;
	}
	return count;
}
