/*
 * The different strings among some, by number in the order they came.
 */
#ifndef CORE_ARCHIVE_DICTIONARY_H
#define CORE_ARCHIVE_DICTIONARY_H

#include "core/base/host.h"
#include "core/tree/span.h"

#define DICTIONARY_FULL UINT32_MAX

typedef struct Dictionary
{
	Host *host;
	Slice *strings;
	uint32_t *hashes;
	uint32_t count;
	uint32_t room;
	uint32_t limit;
	uint32_t *places; /* twice as many as there is room */
	bool no_memory;
} Dictionary;

/* For up to `limit` strings. */
extern void dictionary_init(Dictionary *dictionary, Host *host, uint32_t limit);

/* The number of a string, which is not copied; DICTIONARY_FULL if it would be
 * one too many, and without memory, which no_memory then says. */
extern uint32_t dictionary_add(Dictionary *dictionary, Slice string);

/* Likewise, but a new one is copied, to where numbers may lie. */
extern uint32_t dictionary_add_copy(Dictionary *dictionary, Slice string);

#endif
