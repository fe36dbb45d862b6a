/*
 * Strings, each once, by number: 0, 1, 2, ... in the order they came.
 */
#ifndef CORE_STRING_TABLE_H
#define CORE_STRING_TABLE_H

#include "core/base/array.h"
#include "core/base/hash_index.h"

#define STRING_NONE HASH_INDEX_NONE

typedef struct StringTable
{
	Host *host;
	Slice *strings; /* copies */
	uint32_t count;
	uint32_t capacity; /* of strings */
	HashIndex index;
	SliceBlock block;
} StringTable;

extern void string_table_init(StringTable *table, Host *host);

/* The number of a string, which is copied if it is new; STRING_NONE without
 * memory. */
extern uint32_t string_table_add(StringTable *table, Slice string);

/* The number of a string; STRING_NONE if it is not there. */
extern uint32_t string_table_find(const StringTable *table, Slice string);

#endif
