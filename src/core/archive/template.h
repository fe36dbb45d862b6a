/*
 * Finding out what the spans of a block have in common, while it is written.
 *
 * Templates are numbered in the order of service, operation and the rest, so
 * that values of like spans come to lie side by side; names, key sets, keys
 * and constants in the order in which the templates name them.
 */
#ifndef CORE_ARCHIVE_TEMPLATE_H
#define CORE_ARCHIVE_TEMPLATE_H

#include "archive.h"
#include "dictionary.h"

/* Different things by number, and the number each is written under. */
typedef struct Numbering
{
	Dictionary strings;
	uint32_t *written; /* DICTIONARY_FULL: not yet */
	uint32_t *order;   /* the other way round */
	uint32_t count;	   /* written so far */
} Numbering;

#define TEMPLATE_CACHE 2048

/* The row that was seen last with a fingerprint, and its keyset or record. */
typedef struct CachedRow
{
	const ArchiveRow *row;
	uint32_t number;
} CachedRow;

typedef struct Templates
{
	Host *host;
	Numbering names;	 /* of services and operations */
	Numbering keys;		 /* type, flags, key */
	Numbering keysets;	 /* arrays of numbers of keys */
	Numbering constants; /* as bytes */
	Dictionary records;	 /* arrays of numbers: RECORD_*, then constants */
	uint32_t count;
	uint32_t *order;   /* template -> record */
	uint32_t *of_span; /* template of each span */
	CachedRow *keyset_cache;
	CachedRow *record_cache;
	uint32_t *scratch;
	uint32_t scratch_room;
	uint32_t *seen; /* by key: the last keyset that had it, plus one */
	uint32_t seen_room;
	size_t items;
	CoreStatus status;
} Templates;

enum
{
	RECORD_SERVICE,
	RECORD_OPERATION,
	RECORD_FORM, /* see template_form */
	RECORD_KEYSET,
	RECORD_CONSTANTS,
};

/* A template's byte: the kind, which is written as it is here, and more. */
enum
{
	FORM_KIND = 7,
	FORM_ERROR = 1 << 3,
	FORM_ASYNC = 1 << 4,
	FORM_TAGS_SHIFT = 5,
};

_Static_assert(SPAN_KIND_ABSENT == 0 && SPAN_KIND_UNSPECIFIED == 1 &&
				   SPAN_KIND_INTERNAL == 2 && SPAN_KIND_SERVER == 3 &&
				   SPAN_KIND_CLIENT == 4 && SPAN_KIND_PRODUCER == 5 &&
				   SPAN_KIND_CONSUMER == 6,
			   "kinds lie in blocks by these numbers");

static inline uint8_t
template_form(const ArchiveRow *row)
{
	return (uint8_t) (row->kind | (row->is_error ? FORM_ERROR : 0) |
					  (row->is_async ? FORM_ASYNC : 0) |
					  row->tags_form << FORM_TAGS_SHIFT);
}

/* Whether an item's value lies in the template. */
static inline bool
item_is_constant(const ArchiveItem *item)
{
	return item->is_constant && item->type != ARCHIVE_NULL;
}

static inline bool
type_is_integer(uint8_t type)
{
	return type == ARCHIVE_INTEGER || type == ARCHIVE_BOOLEAN;
}

/* CORE_MALFORMED if a row has a key twice. */
extern CoreStatus templates_find(Templates *templates, Host *host,
								 const ArchiveRow **rows, uint32_t count);

/* The record of a template. */
extern const uint32_t *template_record(const Templates *templates,
									   uint32_t number);

/* The keys of a row's keyset. */
extern const uint32_t *template_keyset(const Templates *templates,
									   uint32_t keyset, uint32_t *count);

#endif
