/*
 * Text between UTF-8 and the encoding of the database: see text_encoding.h.
 */
#include "postgres.h"

#include "server/json_output.h"
#include "server/text_encoding.h"

#include "core/wire/encoding.h"
#include "core/wire/utf8.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

/* \uXXXX, and two of them */
#define ESCAPE_LENGTH 6
#define PAIR_LENGTH (2 * ESCAPE_LENGTH)

#define BACKSLASH_ESCAPE "\\u005c"

/* Whether characters may be lacking. */
static bool
is_partial_encoding(void)
{
	int encoding = GetDatabaseEncoding();

	return encoding != PG_UTF8 && encoding != PG_SQL_ASCII;
}

/* Whether the encoding of the database has a character. */
static bool
encoding_has(uint32_t code)
{
	int encoding = GetDatabaseEncoding();
	unsigned char utf8[MAX_MULTIBYTE_CHAR_LEN + 1];
	unsigned char converted[MAX_CONVERSION_GROWTH * MAX_MULTIBYTE_CHAR_LEN + 1];
	Oid conversion;
	int length;

	if (code < 0x80)
		return true;
	conversion = FindDefaultConversionProc(PG_UTF8, encoding);
	if (!OidIsValid(conversion))
		return false;
	unicode_to_utf8(code, utf8);
	length = pg_utf_mblen(utf8);
	return pg_do_encoding_conversion_buf(conversion,
										 PG_UTF8,
										 encoding,
										 utf8,
										 length,
										 converted,
										 sizeof(converted),
										 true) == length;
}

/* Whether "uXXXX" stands here. */
static bool
is_escape_tail(const char *at, const char *end)
{
	if (end - at < ESCAPE_LENGTH - 1 || *at != 'u')
		return false;
	for (int i = 1; i < ESCAPE_LENGTH - 1; i++)
	{
		if (hex_digit_value(at[i]) < 0)
			return false;
	}
	return true;
}

static void
append_escape(StringInfo text, uint32_t code)
{
	if (code < 0x10000)
		appendStringInfo(text, "\\u%04x", code);
	else
		appendStringInfo(text,
						 "\\u%04x\\u%04x",
						 0xd800 + ((code - 0x10000) >> 10),
						 0xdc00 + ((code - 0x10000) & 0x3ff));
}

/* Valid UTF-8 without a backslash that needs one, converted. */
static void
append_converted(StringInfo text, const char *utf8, size_t length)
{
	int encoding = GetDatabaseEncoding();
	Oid procedure = FindDefaultConversionProc(PG_UTF8, encoding);
	size_t done = 0;

	while (done < length)
	{
		Size room = (length - done) * MAX_CONVERSION_GROWTH + 1;

		CHECK_FOR_INTERRUPTS();
		enlargeStringInfo(text, room);
		if (OidIsValid(procedure))
		{
			char *to = text->data + text->len;

			done += pg_do_encoding_conversion_buf(procedure,
												  PG_UTF8,
												  encoding,
												  (unsigned char *) utf8 + done,
												  length - done,
												  (unsigned char *) to,
												  room,
												  true);
			text->len += strlen(to);
		}
		if (done == length)
			break;
		if ((unsigned char) utf8[done] < 0x80)
			appendStringInfoChar(text, utf8[done]);
		else
			append_escape(text,
						  utf8_to_unicode((const unsigned char *) utf8 + done));
		done += pg_encoding_mblen(PG_UTF8, utf8 + done);
	}
}

static Slice
convert_from_utf8(Slice utf8)
{
	const char *at = utf8.data;
	const char *end = at + utf8.length;
	StringInfoData text;

	initStringInfo(&text);
	while (at < end)
	{
		const char *backslash = memchr(at, '\\', end - at);
		const char *stop = backslash == NULL ? end : backslash;

		append_converted(&text, at, stop - at);
		at = stop;
		if (backslash == NULL)
			break;
		appendStringInfoString(
			&text, is_escape_tail(at + 1, end) ? BACKSLASH_ESCAPE : "\\");
		at++;
	}
	return (Slice){text.data, text.len};
}

/* Bytes of no known encoding: only NUL cannot stay. */
static Slice
without_nul(Slice string)
{
	StringInfoData copy;

	if (memchr(string.data, '\0', string.length) == NULL)
		return string;
	initStringInfo(&copy);
	for (uint32 i = 0; i < string.length; i++)
	{
		if (string.data[i] == '\0')
			appendStringInfoString(&copy, "\xef\xbf\xbd");
		else
			appendStringInfoChar(&copy, string.data[i]);
	}
	return (Slice){copy.data, copy.len};
}

Slice
text_from_utf8(Slice utf8)
{
	int encoding = GetDatabaseEncoding();

	if (utf8.length == 0)
		return utf8;
	if (encoding == PG_SQL_ASCII)
		return without_nul(utf8);
	if (utf8_valid_length(utf8.data, utf8.length) < utf8.length)
	{
		char *cleaned = palloc(UTF8_CLEAN_SIZE((Size) utf8.length));

		utf8.length = utf8_clean(utf8.data, utf8.length, cleaned);
		utf8.data = cleaned;
	}
	return encoding == PG_UTF8 ? utf8 : convert_from_utf8(utf8);
}

Slice
text_to_utf8(Slice string)
{
	char *converted;

	if (!is_partial_encoding() || string.length == 0)
		return string;
	converted = pg_server_to_any(string.data, string.length, PG_UTF8);
	if (converted == string.data)
		return string;
	return (Slice){converted, strlen(converted)};
}

/* The code of the escape of a character at `at`, and what it takes; of what
 * remains after json_escapes_clean surrogates are pairs. */
static uint32_t
read_escape(const char *at, int *length)
{
	uint32_t code = strtoul(pnstrdup(at + 2, 4), NULL, 16);

	*length = ESCAPE_LENGTH;
	if (code >= 0xd800 && code < 0xdc00)
	{
		uint32_t low = strtoul(pnstrdup(at + ESCAPE_LENGTH + 2, 4), NULL, 16);

		*length = PAIR_LENGTH;
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	return code;
}

/* One escape of a document; returns behind it. */
static const char *
copy_escape(StringInfo copy, const char *at, const char *end, bool is_foreign)
{
	int length = Min(2, end - at);
	uint32_t code = 0;

	if (is_escape_tail(at + 1, end))
		code = read_escape(at, &length);
	else if (length == 2 && at[1] == '\\')
		code = '\\';
	if (code == '\\' && is_foreign && is_escape_tail(at + length, end))
		appendStringInfoString(copy, "\\" BACKSLASH_ESCAPE);
	else
	{
		bool is_lacking = !encoding_has(code);

		for (int i = 0; i < length; i++)
		{
			/* a backslash that is text, and what it stands before */
			if (is_lacking && at[i] == '\\')
				appendStringInfoChar(copy, '\\');
			appendStringInfoChar(copy, at[i]);
		}
	}
	return at + length;
}

static char *
copy_escapes(const char *json, bool is_foreign)
{
	const char *end = json + strlen(json);
	StringInfoData copy;

	initStringInfo(&copy);
	for (;;)
	{
		const char *backslash = memchr(json, '\\', end - json);
		const char *stop = backslash == NULL ? end : backslash;

		CHECK_FOR_INTERRUPTS();
		appendBinaryStringInfo(&copy, json, stop - json);
		if (backslash == NULL)
			return copy.data;
		json = copy_escape(&copy, backslash, end, is_foreign);
	}
}

char *
json_for_server(char *json, bool is_foreign)
{
	size_t length = strlen(json);

	json_escapes_clean(json, length);
	if (GetDatabaseEncoding() == PG_SQL_ASCII)
		json[json_escapes_expand(json, length)] = '\0';
	else if (is_partial_encoding() && memchr(json, '\\', length) != NULL)
		return copy_escapes(json, is_foreign);
	return json;
}

/* What of a string stands for a character that is lacking: its length, 0 if
 * there is nothing of that kind here. */
static int
stored_escape_length(const char *at, const char *end)
{
	int length = ESCAPE_LENGTH;
	uint32_t code;

	if (*at != '\\' || !is_escape_tail(at + 1, end))
		return 0;
	code = strtoul(pnstrdup(at + 2, 4), NULL, 16);
	if (code >= 0xdc00 && code < 0xe000)
		return 0;
	if (code >= 0xd800 && code < 0xdc00)
	{
		uint32_t low = 0;

		if (end - at >= PAIR_LENGTH && at[ESCAPE_LENGTH] == '\\' &&
			is_escape_tail(at + ESCAPE_LENGTH + 1, end))
			low = strtoul(pnstrdup(at + ESCAPE_LENGTH + 2, 4), NULL, 16);
		if (low < 0xdc00 || low >= 0xe000)
			return 0;
		code = read_escape(at, &length);
	}
	return encoding_has(code) ? 0 : length;
}

/* Whether a backslash stands here that was no escape from the beginning. */
static bool
is_stored_backslash(const char *at, const char *end)
{
	return end - at > ESCAPE_LENGTH &&
		   pg_strncasecmp(at, BACKSLASH_ESCAPE, ESCAPE_LENGTH) == 0 &&
		   is_escape_tail(at + ESCAPE_LENGTH, end);
}

void
append_foreign_json_string(StringInfo json, const char *string, int length)
{
	const char *end = string + length;

	if (!is_partial_encoding() || memchr(string, '\\', length) == NULL)
	{
		append_json_string(json, string, length);
		return;
	}
	appendStringInfoChar(json, '"');
	while (string < end)
	{
		int escaped = stored_escape_length(string, end);

		appendBinaryStringInfo(json, string, escaped);
		string += escaped;
		if (escaped > 0)
			continue;
		append_json_character(json, *string);
		string += is_stored_backslash(string, end) ? ESCAPE_LENGTH : 1;
	}
	appendStringInfoChar(json, '"');
}

void
append_foreign_json_as_string(StringInfo json, const char *inner, int length)
{
	const char *end = inner + length;

	appendStringInfoChar(json, '"');
	while (inner < end)
	{
		int escaped =
			is_partial_encoding() ? stored_escape_length(inner, end) : 0;

		appendBinaryStringInfo(json, inner, escaped);
		inner += escaped;
		if (escaped > 0)
			continue;
		append_json_character(json, *inner);
		/* what an escape of the inner JSON stands before begins no other */
		if (*inner == '\\')
			append_json_character(json, *++inner);
		inner++;
	}
	appendStringInfoChar(json, '"');
}

const char *
message_to_utf8(const char *message)
{
	Slice utf8 = text_to_utf8((Slice){message, strlen(message)});

	/* of SQL_ASCII nobody knows */
	if (utf8_valid_length(utf8.data, utf8.length) < utf8.length)
	{
		char *cleaned = palloc(UTF8_CLEAN_SIZE((Size) utf8.length));

		utf8.length = utf8_clean(utf8.data, utf8.length, cleaned);
		utf8.data = cleaned;
	}
	return utf8.data == message ? message : pnstrdup(utf8.data, utf8.length);
}
