/*
 * Numbers for different strings: see dictionary.h.  A hash table with linear
 * probing, never more than half full.
 */
#include "dictionary.h"

#include "core/base/slice_hash.h"

#define FREE UINT32_MAX
#define FIRST_ROOM 32

void
dictionary_init(Dictionary *dictionary, Host *host, uint32_t limit)
{
	*dictionary = (Dictionary){.host = host, .limit = limit};
}

/* The place of a string: of its number, or a free one. */
static uint32_t *
find_place(const Dictionary *dictionary, Slice string, uint32_t hash)
{
	uint32_t mask = dictionary->room * 2 - 1;
	uint32_t at = hash & mask;

	for (; dictionary->places[at] != FREE; at = (at + 1) & mask)
	{
		uint32_t number = dictionary->places[at];

		if (dictionary->hashes[number] == hash &&
			slice_equal(dictionary->strings[number], string))
			break;
	}
	return &dictionary->places[at];
}

static void
place_again(Dictionary *dictionary)
{
	uint32_t mask = dictionary->room * 2 - 1;

	memset(dictionary->places, 0xff, ((size_t) mask + 1) * sizeof(uint32_t));
	for (uint32_t i = 0; i < dictionary->count; i++)
	{
		uint32_t at = dictionary->hashes[i] & mask;

		while (dictionary->places[at] != FREE)
			at = (at + 1) & mask;
		dictionary->places[at] = i;
	}
}

static bool
grow(Dictionary *dictionary)
{
	Host *host = dictionary->host;
	uint32_t room = dictionary->room == 0 ? FIRST_ROOM : dictionary->room * 4;
	Slice *strings = host->allocate(host, room * sizeof(Slice));
	uint32_t *hashes = host->allocate(host, room * sizeof(uint32_t));

	dictionary->places = host->allocate(host, 2 * room * sizeof(uint32_t));
	if (strings == NULL || hashes == NULL || dictionary->places == NULL)
		return false;
	if (dictionary->count > 0)
	{
		memcpy(strings, dictionary->strings, dictionary->count * sizeof(Slice));
		memcpy(
			hashes, dictionary->hashes, dictionary->count * sizeof(uint32_t));
	}
	dictionary->strings = strings;
	dictionary->hashes = hashes;
	dictionary->room = room;
	place_again(dictionary);
	return true;
}

uint32_t
dictionary_add(Dictionary *dictionary, Slice string)
{
	uint32_t hash = (uint32_t) slice_hash(string, dictionary->host->hash_seed);
	uint32_t *place;

	if (dictionary->count == dictionary->room && !grow(dictionary))
	{
		dictionary->no_memory = true;
		return DICTIONARY_FULL;
	}
	place = find_place(dictionary, string, hash);
	if (*place != FREE)
		return *place;
	if (dictionary->count == dictionary->limit)
		return DICTIONARY_FULL;
	dictionary->strings[dictionary->count] = string;
	dictionary->hashes[dictionary->count] = hash;
	*place = dictionary->count;
	return dictionary->count++;
}

uint32_t
dictionary_add_copy(Dictionary *dictionary, Slice string)
{
	uint32_t before = dictionary->count;
	uint32_t number = dictionary_add(dictionary, string);
	char *copy;

	if (dictionary->count == before || string.length == 0)
		return number;
	copy = dictionary->host->allocate(dictionary->host, string.length);
	if (copy == NULL)
	{
		dictionary->no_memory = true;
		return DICTIONARY_FULL;
	}
	memcpy(copy, string.data, string.length);
	dictionary->strings[number].data = copy;
	return number;
}
