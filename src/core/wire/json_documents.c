/*
 * Several JSON documents in one text: see json_documents.h.
 *
 * Only strings and brackets are looked at: whether they match, and all else, is
 * the parser's to say.
 */
#include "core/wire/json_documents.h"

#include <string.h>

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Behind blanks and byte order marks, which files of Windows begin with: RFC
 * 8259 lets a reader ignore them. */
static const char *
skip_blanks(const char *at, const char *end)
{
	static const char mark[] = "\xef\xbb\xbf";
	const size_t length = sizeof(mark) - 1;

	for (;;)
	{
		if (at < end && is_blank(*at))
			at++;
		else if ((size_t) (end - at) >= length && memcmp(at, mark, length) == 0)
			at += length;
		else
			return at;
	}
}

/* Behind the string that starts at `at`, or the end. */
static const char *
skip_string(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++)
	{
		if (*at == '\\')
			at++;
	}
	return at < end ? at + 1 : end;
}

/* Behind the object or array that starts at `at`, or the end. */
static const char *
skip_container(const char *at, const char *end)
{
	size_t depth = 0;

	while (at < end)
	{
		if (*at == '"')
		{
			at = skip_string(at, end);
			continue;
		}
		if (*at == '{' || *at == '[')
			depth++;
		else if ((*at == '}' || *at == ']') && --depth == 0)
			return at + 1;
		at++;
	}
	return end;
}

bool
json_next_document(const char *json, size_t length, size_t *start, size_t *end)
{
	const char *stop = json + length;
	const char *at = json;

	at = skip_blanks(at, stop);
	*start = (size_t) (at - json);
	if (at == stop)
		return false;
	if (*at == '{' || *at == '[')
		at = skip_container(at, stop);
	else if (*at == '"')
		at = skip_string(at, stop);
	else
	{
		while (at < stop && !is_blank(*at))
			at++;
	}
	*end = (size_t) (at - json);
	return true;
}
