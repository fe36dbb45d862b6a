/*
 * Any bytes as a text of JSON documents: what is done to it before the server's
 * parser sees it.
 *
 * Besides the sanitizers' faults it looks for broken promises: documents lie in
 * the text one after another with nothing but blanks and byte order marks
 * between them, cleaning escapes keeps the length and leaves nothing to clean,
 * and the characters that take the place of escapes are UTF-8 where the rest
 * was.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/wire/json_documents.h"
#include "core/wire/utf8.h"

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* Whether there is nothing but blanks and byte order marks. */
static bool
is_blank(const char *json, size_t length)
{
	size_t i = 0;

	while (i < length)
	{
		if (length - i >= 3 && memcmp(json + i, "\xef\xbb\xbf", 3) == 0)
			i += 3;
		else if (json[i] != '\0' && strchr(" \t\r\n", json[i]) != NULL)
			i++;
		else
			return false;
	}
	return true;
}

static void
check_documents(const char *json, size_t length)
{
	size_t position = 0;
	size_t start;
	size_t end;

	while (json_next_document(json + position, length - position, &start, &end))
	{
		require(start < end && end <= length - position);
		require(is_blank(json + position, start));
		position += end;
	}
	require(is_blank(json + position, length - position));
}

static void
check_escapes(char *json, size_t length)
{
	bool valid = utf8_valid_length(json, length) == length;
	size_t expanded;

	(void) json_escapes_clean(json, length);
	require(json_escapes_clean(json, length) == 0);
	expanded = json_escapes_expand(json, length);
	require(expanded <= length);
	require(!valid || utf8_valid_length(json, expanded) == expanded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);

	if (copy == NULL)
		return 0;
	memcpy(copy, data, size);
	check_documents(copy, size);
	check_escapes(copy, size);
	free(copy);
	return 0;
}
