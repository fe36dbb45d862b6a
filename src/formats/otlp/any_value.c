/*
 * Values of jsonb as AnyValue, in OTLP's JSON encoding.
 *
 * Nested values are walked with the server's iterator, which needs no
 * recursion; what has yet to be closed is kept as a string of brackets.  The
 * check of what claims to be an AnyValue does recurse, and stops where OTLP's
 * limit of depth does.
 */
#include "postgres.h"

#include "compat.h"
#include "core/wire/encoding.h"
#include "core/wire/otlp.h"
#include "formats/otlp/any_value.h"
#include "server/json_output.h"
#include "server/json_reader.h"

#include "miscadmin.h"

#include <math.h>

static void
append_number(StringInfo json, const JsonbValue *value)
{
	JsonNumber number = json_number(value);

	if (number.is_integer)
		appendStringInfo(
			json, "{\"intValue\":\"" INT64_FORMAT "\"}", number.integer);
	else if (isinf(number.real))
		appendStringInfo(json,
						 "{\"doubleValue\":\"%s\"}",
						 number.real > 0 ? "Infinity" : "-Infinity");
	else
	{
		appendStringInfoString(json, "{\"doubleValue\":");
		json_put_double(json, number.real);
		appendStringInfoChar(json, '}');
	}
}

/* What is nested more deeply than OTLP allows is a string that holds its JSON. */
static void
append_as_text(StringInfo json, const JsonbValue *value)
{
	appendStringInfoString(json, "{\"stringValue\":");
	json_put_as_text(json, value);
	appendStringInfoChar(json, '}');
}

static void
append_scalar(StringInfo json, const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			appendStringInfoString(json, "{\"stringValue\":");
			json_put_string(json, value);
			appendStringInfoChar(json, '}');
			break;
		case jbvBool:
			appendStringInfo(json,
							 "{\"boolValue\":%s}",
							 value->val.boolean ? "true" : "false");
			break;
		case jbvNumeric:
			append_number(json, value);
			break;
		case jbvBinary:
			append_as_text(json, value);
			break;
		default:
			appendStringInfoString(json, "{}");
			break;
	}
}

/* Opens a list; `open` gets the bracket by which it will be closed. */
static void
begin_list(StringInfo json, StringInfo open, bool is_object)
{
	json_separate(json);
	appendStringInfo(json,
					 "{\"%s\":{\"values\":[",
					 is_object ? "kvlistValue" : "arrayValue");
	appendStringInfoChar(open, is_object ? '}' : ']');
}

/* Closes what came below a key, if this is an object. */
static void
end_member(StringInfo json, const StringInfo open)
{
	if (open->len > 0 && open->data[open->len - 1] == '}')
		appendStringInfoChar(json, '}');
}

static void
end_list(StringInfo json, StringInfo open)
{
	open->data[--open->len] = '\0';
	appendStringInfoString(json, "]}}");
	end_member(json, open);
}

static void
append_container(StringInfo json, JsonbContainer *container)
{
	JsonbIterator *values = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue value;
	StringInfoData open;

	initStringInfo(&open);
	while ((token = JsonbIteratorNext(
				&values, &value, open.len >= OTLP_MAX_DEPTH - 1)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		switch (token)
		{
			case WJB_BEGIN_ARRAY:
			case WJB_BEGIN_OBJECT:
				begin_list(json, &open, token == WJB_BEGIN_OBJECT);
				break;
			case WJB_KEY:
				json_separate(json);
				appendStringInfoString(json, "{\"key\":");
				json_put_string(json, &value);
				appendStringInfoString(json, ",\"value\":");
				break;
			case WJB_ELEM:
				json_separate(json);
				append_scalar(json, &value);
				break;
			case WJB_VALUE:
				append_scalar(json, &value);
				end_member(json, &open);
				break;
			default:
				end_list(json, &open);
				break;
		}
	}
	pfree(open.data);
}

void
append_any_value(StringInfo json, const JsonbValue *value)
{
	if (value->type == jbvBinary)
		append_container(json, value->val.binary.data);
	else
		append_scalar(json, value);
}

static bool
is_double(const JsonbValue *value)
{
	JsonNumber number;

	if (value->type == jbvString)
		return json_is_string(value, "NaN") || json_is_string(value, "-0") ||
			   json_is_string(value, "Infinity") ||
			   json_is_string(value, "-Infinity");
	if (value->type != jbvNumeric)
		return false;
	number = json_number(value);
	return number.is_integer || isfinite(number.real);
}

static bool
is_base64(const JsonbValue *value)
{
	char *bytes;
	size_t decoded;
	bool is_valid;

	if (value->type != jbvString)
		return false;
	bytes = palloc(value->val.string.len / 4 * 3 + 3);
	is_valid = base64_to_bytes(
		value->val.string.val, value->val.string.len, bytes, &decoded);
	pfree(bytes);
	return is_valid;
}

static bool
is_scalar(const JsonbValue *key, const JsonbValue *value)
{
	int64 integer;

	if (json_is_string(key, "stringValue"))
		return value->type == jbvString;
	if (json_is_string(key, "boolValue"))
		return value->type == jbvBool;
	if (json_is_string(key, "intValue"))
		return json_as_int64(value, &integer);
	if (json_is_string(key, "doubleValue"))
		return is_double(value);
	return json_is_string(key, "bytesValue") && is_base64(value);
}

static bool is_value_at(const JsonbValue *value, int depth);

/* {"key": ..., "value": AnyValue} */
static bool
is_pair(const JsonbValue *pair, int depth)
{
	JsonbContainer *object = json_as_object(pair);
	JsonbValue value;

	return object != NULL && JsonContainerSize(object) == 2 &&
		   json_member(object, "key", &value) && value.type == jbvString &&
		   json_member(object, "value", &value) && is_value_at(&value, depth);
}

/* {"values": [...]} of AnyValues, or of pairs */
static bool
is_list(const JsonbValue *list, bool of_pairs, int depth)
{
	JsonbContainer *object = json_as_object(list);
	JsonbContainer *values = json_array_member(object, "values");
	JsonbIterator *array;
	JsonbValue value;

	if (values == NULL || JsonContainerSize(object) != 1)
		return false;
	array = JsonbIteratorInit(values);
	while (json_next_element(&array, &value))
	{
		CHECK_FOR_INTERRUPTS();
		if (!(of_pairs ? is_pair(&value, depth) : is_value_at(&value, depth)))
			return false;
	}
	return true;
}

static bool
is_value_at(const JsonbValue *value, int depth)
{
	JsonbContainer *object = json_as_object(value);
	JsonbIterator *members;
	JsonbValue key;
	JsonbValue member;

	if (object == NULL || depth > OTLP_MAX_DEPTH)
		return false;
	if (JsonContainerSize(object) != 1)
		return JsonContainerSize(object) == 0;
	members = JsonbIteratorInit(object);
	if (!json_next_member(&members, &key, &member))
		return false;
	if (json_is_string(&key, "arrayValue"))
		return is_list(&member, false, depth + 1);
	if (json_is_string(&key, "kvlistValue"))
		return is_list(&member, true, depth + 1);
	return is_scalar(&key, &member);
}

bool
is_any_value(const JsonbValue *value)
{
	return is_value_at(value, 1);
}
