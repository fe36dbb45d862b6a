/*
 * Strings by number: see string_table.h.  An index over copies in
 * blocks.
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

static bool
is_string(const void *owner, uint32_t number, const void *string)
{
	const StringTable *table = owner;

	return slice_equal(table->strings[number], *(const Slice *) string);
}

static bool
grow(StringTable *table)
{
	uint32_t capacity =
		table->capacity == 0 ? FIRST_CAPACITY : table->capacity * 2;
	Slice *strings =
		table->host->allocate(table->host, capacity * sizeof(Slice));

	if (strings == NULL ||
		!hash_index_reserve(&table->index, table->host, capacity))
		return false;
	if (table->count > 0)
		memcpy(strings, table->strings, table->count * sizeof(Slice));
	table->strings = strings;
	table->capacity = capacity;
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
	uint64_t hash = slice_hash(string, table->host->hash_seed);
	HashSlot *slot;

	if (table->count == table->capacity && !grow(table))
		return STRING_NONE;
	slot = hash_index_find(&table->index, hash, is_string, table, &string);
	if (slot->number != STRING_NONE)
		return slot->number;
	if (!copy_string(table, string, &table->strings[table->count]))
		return STRING_NONE;
	hash_index_set(slot, hash, table->count);
	return table->count++;
}

uint32_t
string_table_find(const StringTable *table, Slice string)
{
	uint64_t hash = slice_hash(string, table->host->hash_seed);

	if (table->capacity == 0)
		return STRING_NONE;
	return hash_index_find(&table->index, hash, is_string, table, &string)
		->number;
}
