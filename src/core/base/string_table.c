/*
 * Strings by number: see string_table.h.  An index over copies in
 * blocks.
 */
#include "core/base/string_table.h"

#include "core/base/slice_hash.h"

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

/* Room for one more. */
static bool
reserve(StringTable *table)
{
	table->strings = array_grow(table->host,
								table->strings,
								table->count,
								&table->capacity,
								sizeof(Slice));
	return table->strings != NULL &&
		   hash_index_reserve(&table->index, table->host, table->capacity);
}

uint32_t
string_table_add(StringTable *table, Slice string)
{
	uint64_t hash = slice_hash(string, table->host->hash_seed);
	HashSlot *slot;

	if (!reserve(table))
		return STRING_NONE;
	slot = hash_index_find(&table->index, hash, is_string, table, &string);
	if (slot->number != STRING_NONE)
		return slot->number;
	if (!slice_block_copy(
			&table->block, table->host, string, &table->strings[table->count]))
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
