/*
 * A tags column that is open, for what reads attributes and rows.
 */
#ifndef CORE_ARCHIVE_TAGS_READER_H
#define CORE_ARCHIVE_TAGS_READER_H

#include "tags.h"

/* A key whose column has been read. */
typedef struct OpenColumn
{
	bool is_open;
	Column column;
} OpenColumn;

struct ArchiveTagsReader
{
	Host *host;
	const ArchiveShape *shape;
	StreamReader streams;
	ArchiveKey *keys;
	uint32_t key_count;
	OpenColumn *columns; /* by key */
	uint32_t keyset_count;
	uint32_t *keyset_first; /* in keyset_keys; then all */
	uint32_t *keyset_keys;
	uint32_t *keysets;		  /* of each template */
	uint32_t *first_constant; /* of each template, in constant_numbers */
	uint32_t *constant_numbers;
	Slice *constants;
	uint32_t constant_count;
	uint32_t *of_span;	   /* template of each span */
	uint32_t *first_place; /* of each template, in template order; then all */
};

/* The values of a key that has a column. */
extern CoreStatus tags_column_open(ArchiveTagsReader *tags, uint32_t key,
								   const Column **column, ArchiveFault *fault);

/* A constant as an item. */
extern void tags_constant(const ArchiveTagsReader *tags, uint32_t number,
						  ArchiveItem *item);

/* Value number `i` of an open column. */
extern void tags_value(const Column *column, uint32_t i, ArchiveItem *item);

static inline ArchiveItem
tags_item(const ArchiveKey *key)
{
	return (ArchiveItem){
		.key = key->key,
		.type = key->type,
		.is_reserved = key->is_reserved,
		.is_constant = key->is_constant,
	};
}

#endif
