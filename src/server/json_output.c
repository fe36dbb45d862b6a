/*
 * Writing the JSON of other formats: see json_output.h.
 */
#include "postgres.h"

#include "compat.h"
#include "server/json_output.h"
#include "server/json_reader.h"
#include "server/text_encoding.h"

#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/builtins.h"

void
json_separate(StringInfo json)
{
	char last = json->len > 0 ? json->data[json->len - 1] : '[';

	if (last != '{' && last != '[' && last != ':')
		appendStringInfoChar(json, ',');
}

void
json_name(StringInfo json, const char *name)
{
	json_separate(json);
	appendStringInfo(json, "\"%s\":", name);
}

void
json_put_text(StringInfo json, const char *name, const text *value)
{
	json_name(json, name);
	append_foreign_json_string(
		json, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

void
json_put_literal(StringInfo json, const char *name, const char *value)
{
	json_name(json, name);
	append_foreign_json_string(json, value, strlen(value));
}

void
json_put_number(StringInfo json, const char *name, int64 value)
{
	json_name(json, name);
	appendStringInfo(json, INT64_FORMAT, value);
}

void
json_copy_string(StringInfo json, const char *name, JsonbContainer *object,
				 const char *member)
{
	JsonbValue value;

	if (!json_member(object, member, &value) || value.type != jbvString ||
		value.val.string.len == 0)
		return;
	json_name(json, name);
	json_put_string(json, &value);
}

void
json_copy_count(StringInfo json, const char *name, JsonbContainer *object,
				const char *member)
{
	JsonbValue value;
	int64 number;

	if (json_member(object, member, &value) && value.type == jbvNumeric &&
		json_as_int64(&value, &number) && number > 0 && number <= PG_UINT32_MAX)
		json_put_number(json, name, number);
}

void
json_put_string(StringInfo json, const JsonbValue *string)
{
	append_foreign_json_string(
		json, string->val.string.val, string->val.string.len);
}

JsonNumber
json_number(const JsonbValue *value)
{
	char *digits = text_to_cstring(json_value_text(value));
	JsonNumber number = {0};

	number.is_integer =
		strchr(digits, '.') == NULL && json_as_int64(value, &number.integer);
	if (!number.is_integer)
		number.real = strtod(digits, NULL);
	return number;
}

void
json_put_double(StringInfo json, double number)
{
	char digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(number, digits);
	appendStringInfoString(json, digits);
}

/* With blanks where jsonb's own text has them, or without any. */
static void
put_container(StringInfo json, JsonbContainer *container, bool spaced)
{
	JsonbIterator *values = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue value;

	while ((token = JsonbIteratorNext(&values, &value, false)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_END_ARRAY)
			appendStringInfoChar(json, ']');
		else if (token == WJB_END_OBJECT)
			appendStringInfoChar(json, '}');
		else
		{
			json_separate(json);
			if (spaced && json->len > 0 &&
				strchr(",:", json->data[json->len - 1]) != NULL)
				appendStringInfoChar(json, ' ');
		}
		if (token == WJB_BEGIN_ARRAY)
			appendStringInfoChar(json, '[');
		else if (token == WJB_BEGIN_OBJECT)
			appendStringInfoChar(json, '{');
		else if (token == WJB_KEY || token == WJB_ELEM || token == WJB_VALUE)
			json_put_value(json, &value);
		if (token == WJB_KEY)
			appendStringInfoChar(json, ':');
	}
}

void
json_put_value(StringInfo json, const JsonbValue *value)
{
	text *as_text;

	if (value->type == jbvString)
		json_put_string(json, value);
	else if (value->type == jbvBinary)
		put_container(json, value->val.binary.data, false);
	else
	{
		as_text = json_value_text(value);
		appendBinaryStringInfo(
			json, VARDATA(as_text), VARSIZE(as_text) - VARHDRSZ);
	}
}

void
json_put_as_text(StringInfo json, const JsonbValue *value)
{
	StringInfoData text;

	initStringInfo(&text);
	if (value->type == jbvBinary)
		put_container(&text, value->val.binary.data, true);
	else
		json_put_value(&text, value);
	append_foreign_json_as_string(json, text.data, text.len);
	pfree(text.data);
}

void
append_json_character(StringInfo json, char character)
{
	unsigned char c = character;

	if (c == '"' || c == '\\')
		appendStringInfoChar(json, '\\');
	if (c == '\n')
		appendStringInfoString(json, "\\n");
	else if (c < ' ')
		appendStringInfo(json, "\\u%04x", c);
	else
		appendStringInfoCharMacro(json, c);
}

void
append_json_string(StringInfo json, const char *string, int length)
{
	appendStringInfoChar(json, '"');
	for (int i = 0; i < length; i++)
		append_json_character(json, string[i]);
	appendStringInfoChar(json, '"');
}
