/*
 * Reading JSON documents that others wrote: see json_reader.h.
 *
 * The server's own parser does the work.  What it refuses though it is valid
 * JSON and sent by real libraries, escapes of NUL and of half a surrogate
 * pair, is overwritten beforehand by an escape of the same length, so that
 * the positions in error messages stay true.
 */
#include "postgres.h"

#include "compat.h"
#include "core/utf8.h"
#include "record/json_reader.h"

#include "catalog/namespace.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

/* What json_parse_or_null still takes for a document; a jsonb of text within
 * these bounds stays below the limits at which jsonb_in raises an error. */
#define HARMLESS_LENGTH (32 * 1024 * 1024)
#define HARMLESS_DEPTH 64

/* A number of no more characters, with no more in its exponent, is one that
 * numeric can hold whatever its value. */
#define HARMLESS_DIGITS 4096
#define HARMLESS_EXPONENT_DIGITS 4

/* Whether the encoding of the database, which is not UTF8, has a character. */
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

/* See json_parse for what becomes of which escapes. */
static void
clean_escapes(char *json)
{
	if (GetDatabaseEncoding() == PG_UTF8)
		json_escapes_clean(json, strlen(json));
	else
		json_escapes_filter(json, strlen(json), encoding_has, "\\u003f");
}

static const char *
skip_digits(const char *at)
{
	while (*at >= '0' && *at <= '9')
		at++;
	return at;
}

/* The end of a number of JSON that starts here, or here if there is none;
 * `is_harmless` says whether numeric can hold it. */
static const char *
skip_number(const char *start, bool *is_harmless)
{
	const char *digits = *start == '-' ? start + 1 : start;
	const char *at = skip_digits(digits);

	*is_harmless = true;
	if (at == digits)
		return start;
	if (*at == '.')
		at = skip_digits(at + 1);
	if (*at == 'e' || *at == 'E')
	{
		const char *exponent = at + (at[1] == '+' || at[1] == '-' ? 2 : 1);

		at = skip_digits(exponent);
		*is_harmless = at - exponent <= HARMLESS_EXPONENT_DIGITS;
	}
	if (at - start > HARMLESS_DIGITS)
		*is_harmless = false;
	return at;
}

static const char *
skip_string(const char *at)
{
	for (at++; *at != '\0' && *at != '"'; at++)
	{
		if (*at == '\\' && at[1] != '\0')
			at++;
	}
	return *at == '"' ? at + 1 : at;
}

/* The document with quotes around numbers that numeric cannot hold: one of
 * them would spoil all of it.  It is returned itself if there are none. */
static char *
quote_huge_numbers(char *json)
{
	StringInfoData quoted = {0};
	const char *copied = json;
	const char *at = json;

	while (*at != '\0')
	{
		const char *start = at;
		bool is_harmless = true;

		if (*at == '"')
			at = skip_string(at);
		else
			at = skip_number(at, &is_harmless);
		if (at == start)
			at++;
		if (is_harmless)
			continue;
		if (quoted.data == NULL)
			initStringInfo(&quoted);
		appendBinaryStringInfo(&quoted, copied, start - copied);
		appendStringInfoChar(&quoted, '"');
		appendBinaryStringInfo(&quoted, start, at - start);
		appendStringInfoChar(&quoted, '"');
		copied = at;
	}
	if (quoted.data == NULL)
		return json;
	appendStringInfoString(&quoted, copied);
	return quoted.data;
}

Jsonb *
json_parse(text *document)
{
	char *json = text_to_cstring(document);
	Jsonb *parsed;

	clean_escapes(json);
	json = quote_huge_numbers(json);
	parsed =
		DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
	pfree(json);
	return parsed;
}

/* Whether brackets nest no deeper than the server's parser, which recurses,
 * can follow them without fail. */
static bool
is_shallow(const char *json)
{
	int depth = 0;
	bool in_string = false;

	for (const char *at = json; *at != '\0'; at++)
	{
		if (*at == '"')
			in_string = !in_string;
		else if (in_string && *at == '\\' && at[1] != '\0')
			at++;
		else if (in_string)
			continue;
		else if ((*at == '[' || *at == '{') && ++depth > HARMLESS_DEPTH)
			return false;
		else if (*at == ']' || *at == '}')
			depth--;
	}
	return true;
}

/* Whether jsonb_in will take this. */
static bool
is_harmless_json(char *json)
{
	JsonLexContext *lexer;

	if (!is_shallow(json))
		return false;
	lexer = compat_json_lexer(json, strlen(json), GetDatabaseEncoding());
	return pg_parse_json(lexer, &nullSemAction) == JSON_SUCCESS;
}

Jsonb *
json_parse_or_null(text *document)
{
	char *json;

	if (VARSIZE_ANY_EXHDR(document) > HARMLESS_LENGTH)
		return NULL;
	json = text_to_cstring(document);
	clean_escapes(json);
	json = quote_huge_numbers(json);
	if (!is_harmless_json(json))
		return NULL;
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
}

bool
json_member(JsonbContainer *object, const char *key, JsonbValue *value)
{
	return object != NULL && JsonContainerIsObject(object) &&
		   getKeyJsonValueFromContainer(object, key, strlen(key), value) !=
			   NULL &&
		   value->type != jbvNull;
}

JsonbContainer *
json_as_object(const JsonbValue *value)
{
	if (value->type != jbvBinary ||
		!JsonContainerIsObject(value->val.binary.data))
		return NULL;
	return value->val.binary.data;
}

JsonbContainer *
json_as_array(const JsonbValue *value)
{
	if (value->type != jbvBinary ||
		!JsonContainerIsArray(value->val.binary.data))
		return NULL;
	return value->val.binary.data;
}

JsonbContainer *
json_object_member(JsonbContainer *object, const char *key)
{
	JsonbValue value;

	return json_member(object, key, &value) ? json_as_object(&value) : NULL;
}

JsonbContainer *
json_array_member(JsonbContainer *object, const char *key)
{
	JsonbValue value;

	return json_member(object, key, &value) ? json_as_array(&value) : NULL;
}

text *
json_text_member(JsonbContainer *object, const char *key)
{
	JsonbValue value;

	if (!json_member(object, key, &value) || value.type != jbvString)
		return NULL;
	return json_value_text(&value);
}

text *
json_value_text(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return cstring_to_text_with_len(value->val.string.val,
											value->val.string.len);
		case jbvNumeric:
			return cstring_to_text(DatumGetCString(DirectFunctionCall1(
				numeric_out, NumericGetDatum(value->val.numeric))));
		case jbvBool:
			return cstring_to_text(value->val.boolean ? "true" : "false");
		case jbvBinary:
			return cstring_to_text(JsonbToCString(
				NULL, value->val.binary.data, value->val.binary.len));
		default:
			return cstring_to_text("null");
	}
}

static Datum
cut_off_fraction(Numeric number)
{
	return DirectFunctionCall2(
		numeric_trunc, NumericGetDatum(number), Int32GetDatum(0));
}

/* A number without a fraction as int64. */
static bool
whole_as_int64(Datum whole, int64 *result)
{
	Datum least = NumericGetDatum(int64_to_numeric(PG_INT64_MIN));
	Datum most = NumericGetDatum(int64_to_numeric(PG_INT64_MAX));

	if (DatumGetBool(DirectFunctionCall2(numeric_lt, whole, least)) ||
		DatumGetBool(DirectFunctionCall2(numeric_gt, whole, most)))
		return false;
	*result = DatumGetInt64(DirectFunctionCall1(numeric_int8, whole));
	return true;
}

/* An optional sign and digits, no more. */
static bool
string_as_int64(const char *string, int length, int64 *result)
{
	char digits[MAXINT8LEN + 1];
	char *end;

	if (length == 0 || length > MAXINT8LEN || isspace((unsigned char) *string))
		return false;
	memcpy(digits, string, length);
	digits[length] = '\0';
	errno = 0;
	*result = strtoi64(digits, &end, 10);
	return errno == 0 && end == digits + length;
}

bool
json_as_int64(const JsonbValue *value, int64 *number)
{
	if (value->type == jbvNumeric)
	{
		Datum whole = cut_off_fraction(value->val.numeric);

		return DatumGetBool(DirectFunctionCall2(
				   numeric_eq, NumericGetDatum(value->val.numeric), whole)) &&
			   whole_as_int64(whole, number);
	}
	return value->type == jbvString && string_as_int64(value->val.string.val,
													   value->val.string.len,
													   number);
}

bool
json_as_truncated_int64(const JsonbValue *value, int64 *number)
{
	if (value->type == jbvNumeric)
		return whole_as_int64(cut_off_fraction(value->val.numeric), number);
	return json_as_int64(value, number);
}

bool
json_next_element(JsonbIterator **array, JsonbValue *value)
{
	JsonbIteratorToken token;

	CHECK_FOR_INTERRUPTS();
	do
		token = JsonbIteratorNext(array, value, true);
	while (token != WJB_ELEM && token != WJB_DONE);
	return token == WJB_ELEM;
}

bool
json_next_member(JsonbIterator **object, JsonbValue *key, JsonbValue *value)
{
	JsonbIteratorToken token;

	CHECK_FOR_INTERRUPTS();
	do
		token = JsonbIteratorNext(object, key, true);
	while (token != WJB_KEY && token != WJB_DONE);
	if (token == WJB_DONE)
		return false;
	(void) JsonbIteratorNext(object, value, true);
	return true;
}

JsonbValue
json_string(const char *string, int length)
{
	JsonbValue value = {.type = jbvString};

	value.val.string.val = (char *) string;
	value.val.string.len = length;
	return value;
}

JsonbValue
json_text(const text *string)
{
	return json_string(VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string));
}

JsonbValue
json_int64(int64 number)
{
	JsonbValue value = {.type = jbvNumeric};

	value.val.numeric = int64_to_numeric(number);
	return value;
}

JsonbValue
json_bool(bool boolean)
{
	JsonbValue value = {.type = jbvBool};

	value.val.boolean = boolean;
	return value;
}
