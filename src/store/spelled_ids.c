/*
 * Reading ids as people paste them.
 *
 * An id is looked for as a word: hex digits in groups that dashes or colons
 * divide, with no other letter or digit beside it.  How long the groups are
 * tells what they are:
 *
 *     00-<32>-<16>-01        traceparent (W3C); the trace may be cut short
 *     1-<8>-<24>             X-Ray's Root
 *     <8>-<4>-<4>-<4>-<12>   a UUID, which may be cut short
 *     <digits>-<16>...       b3, and with colons Jaeger's uber-trace-id
 *     <digits>               an id, or its beginning
 *
 * The first word with enough digits counts.  Ids that are not hex are nobody's
 * to guess: for these nothing is found.
 */
#include "postgres.h"

#include "compat.h"
#include "store/spelled_ids.h"
#include "store/trace_ids.h"

#define MAX_GROUPS 8

typedef struct Group
{
	const char *at;
	int length;
} Group;

/* A word and what it is made of. */
typedef struct Word
{
	Group groups[MAX_GROUPS];
	int count;
	int digits; /* of all groups */
} Word;

static bool
belongs_to_word(char c)
{
	return isalnum((unsigned char) c) || c == '_' || c == '-' || c == ':' ||
		   (c & 0x80);
}

/* The groups from `at` to before `end`; false if it is not hex, or too much. */
static bool
split_word(const char *at, const char *end, Word *word)
{
	memset(word, 0, sizeof(*word));
	if (end - at > 2 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X'))
		at += 2;
	while (at < end)
	{
		const char *start = at;

		while (at < end && isxdigit((unsigned char) *at))
			at++;
		if (at > start)
		{
			if (word->count == MAX_GROUPS)
				return false;
			word->groups[word->count++] = (Group){start, (int) (at - start)};
			word->digits += at - start;
		}
		if (at < end && *at++ != '-' && at[-1] != ':')
			return false;
	}
	return word->digits >= SPELLED_MIN_DIGITS;
}

static text *
join_groups(const Group *groups, int count, int most)
{
	text *joined = palloc(VARHDRSZ + most);
	char *to = VARDATA(joined);
	int length = 0;

	for (int i = 0; i < count; i++)
	{
		for (int j = 0; j < groups[i].length; j++)
		{
			if (length == most)
				return NULL;
			to[length++] = pg_ascii_tolower((unsigned char) groups[i].at[j]);
		}
	}
	if (length < SPELLED_MIN_DIGITS)
		return NULL;
	SET_VARSIZE(joined, VARHDRSZ + length);
	return joined;
}

static bool
is_uuid(const Word *word)
{
	static const int lengths[] = {8, 4, 4, 4, 12};

	if (word->count < 2 || word->count > (int) lengthof(lengths))
		return false;
	for (int i = 0; i < word->count; i++)
	{
		if (word->groups[i].length > lengths[i] ||
			(word->groups[i].length < lengths[i] && i < word->count - 1))
			return false;
	}
	return true;
}

static SpelledIds
read_word(const Word *word)
{
	const Group *groups = word->groups;
	int first = 0;
	SpelledIds ids = {0};

	if (is_uuid(word))
		ids.trace_id = join_groups(groups, word->count, TRACE_ID_DIGITS);
	else if (word->count == 3 && groups[0].length == 1 && groups[1].length == 8)
		ids.trace_id = join_groups(groups + 1, 2, TRACE_ID_DIGITS);
	else
	{
		/* the version of a traceparent */
		if (word->count > 1 && groups[0].length == 2)
			first = 1;
		ids.trace_id = join_groups(groups + first, 1, TRACE_ID_DIGITS);
		if (word->count > first + 1)
			ids.span_id = join_groups(groups + first + 1, 1, SPAN_ID_DIGITS);
	}
	return ids;
}

SpelledIds
read_spelled_ids(text *typed)
{
	const char *at = VARDATA_ANY(typed);
	const char *end = at + VARSIZE_ANY_EXHDR(typed);

	while (at < end)
	{
		const char *start = at;
		Word word;
		SpelledIds ids = {0};

		while (at < end && belongs_to_word(*at))
			at++;
		/* a header's name, as in "b3: " */
		if (split_word(start, at, &word))
			ids = read_word(&word);
		if (ids.trace_id != NULL)
			return ids;
		at++;
	}
	return (SpelledIds){0};
}
