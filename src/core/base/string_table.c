/*
 * Strings by number: see string_table.h.  A hash table with linear probing,
 * never more than half full, over copies in blocks.
 */
#include "core/base/string_table.h"

#include "core/base/slice_hash.h"

#define FIRST_CAPACITY 32
#define BLOCK_SIZE 8192

void
string_table_init(StringTable *table, Host *host)
{
	*table = (StringTable){.host = host};
}

/* The place of a string: of its number, or a free one. */
static uint32_t *
find_place(const StringTable *table, Slice string)
{
	uint32_t mask = table->capacity * 2 - 1;
	uint32_t at = (uint32_t) slice_hash(string, table->host->hash_seed) & mask;

	while (table->places[at] != STRING_NONE &&
		   !slice_equal(table->strings[table->places[at]], string))
		at = (at + 1) & mask;
	return &table->places[at];
}

static bool
grow(StringTable *table)
{
	uint32_t capacity =
		table->capacity == 0 ? FIRST_CAPACITY : table->capacity * 2;
	size_t place_bytes = (size_t) capacity * 2 * sizeof(uint32_t);
	Slice *strings =
		table->host->allocate(table->host, capacity * sizeof(Slice));
	uint32_t *places = table->host->allocate(table->host, place_bytes);

	if (strings == NULL || places == NULL)
		return false;
	if (table->count > 0)
		memcpy(strings, table->strings, table->count * sizeof(Slice));
	memset(places, 0xff, place_bytes);
	table->strings = strings;
	table->places = places;
	table->capacity = capacity;
	for (uint32_t i = 0; i < table->count; i++)
		*find_place(table, strings[i]) = i;
	return true;
}

static bool
copy_string(StringTable *table, Slice string, Slice *copy)
{
	if (string.length > table->block_left)
	{
		size_t size = string.length > BLOCK_SIZE ? string.length : BLOCK_SIZE;

		table->block = table->host->allocate(table->host, size);
		if (table->block == NULL)
			return false;
		table->block_left = size;
	}
	if (string.length > 0)
		memcpy(table->block, string.data, string.length);
	*copy = (Slice){table->block, string.length};
	table->block += string.length;
	table->block_left -= string.length;
	return true;
}

uint32_t
string_table_add(StringTable *table, Slice string)
{
	uint32_t *place;

	if (table->count == table->capacity && !grow(table))
		return STRING_NONE;
	place = find_place(table, string);
	if (*place != STRING_NONE)
		return *place;
	if (!copy_string(table, string, &table->strings[table->count]))
		return STRING_NONE;
	*place = table->count;
	return table->count++;
}

uint32_t
string_table_find(const StringTable *table, Slice string)
{
	return table->capacity == 0 ? STRING_NONE : *find_place(table, string);
}
