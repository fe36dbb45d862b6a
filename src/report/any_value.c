/*
 * Values of jsonb as AnyValue, in OTLP's JSON encoding.
 *
 * Nested values are walked with the server's iterator, which needs no
 * recursion; what has yet to be closed is kept as a string of brackets.
 */
#include "postgres.h"

#include "compat.h"
#include "record/json_reader.h"
#include "report/any_value.h"
#include "report/json_output.h"

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
	while ((token = JsonbIteratorNext(&values, &value, false)) != WJB_DONE)
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
