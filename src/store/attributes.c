/*
 * trace_attributes: the attributes of a span and of its resource as rows;
 * trace_resource_id: which resource that is.
 *
 * They are read where they lie in the jsonb values, each once, and only what a
 * row shows is made anew.
 */
#include "postgres.h"

#include "compat.h"
#include "server/json_reader.h"
#include "server/row.h"
#include "store/otel_member.h"
#include "store/tag_readers.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include <math.h>

PG_FUNCTION_INFO_V1(dt_trace_attributes);
PG_FUNCTION_INFO_V1(dt_trace_resource_id);

/* Beyond these a driver may read a double as infinite or as another number. */
#define LARGEST_NUMBER 1e300
#define SMALLEST_NUMBER 1e-300

/* The columns attribute_text, attribute_number and attribute_type. */
static void
put_columns(Row *row, Slice text, const double *number, const char *type)
{
	row_put_slice(row, text);
	if (number == NULL)
		row_put_null(row);
	else
		row_put_float8(row, *number);
	row_put_text(row, type);
}

static void
put_number(Row *row, Numeric value)
{
	char *text = DatumGetCString(
		DirectFunctionCall1(numeric_out, NumericGetDatum(value)));
	double number = strtod(text, NULL);
	bool is_read = fabs(number) < LARGEST_NUMBER;

	if (fabs(number) < SMALLEST_NUMBER)
		number = 0;
	put_columns(
		row, (Slice){text, strlen(text)}, is_read ? &number : NULL, "number");
}

static void
put_container(Row *row, JsonbValue *value)
{
	StringInfoData text;

	initStringInfo(&text);
	(void) JsonbToCString(&text, value->val.binary.data, value->val.binary.len);
	put_columns(row,
				(Slice){text.data, text.len},
				NULL,
				JsonContainerIsArray(value->val.binary.data) ? "array"
															 : "object");
}

static void
put_value(Row *row, JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			put_columns(row,
						(Slice){value->val.string.val, value->val.string.len},
						NULL,
						"string");
			break;
		case jbvNumeric:
			put_number(row, value->val.numeric);
			break;
		case jbvBool:
			put_columns(row,
						value->val.boolean ? SLICE_LITERAL("true")
										   : SLICE_LITERAL("false"),
						NULL,
						"boolean");
			break;
		case jbvBinary:
			put_container(row, value);
			break;
		default:
			put_columns(row, (Slice){NULL, 0}, NULL, "null");
			break;
	}
}

/* The members of an object but the reserved one; nothing of anything else. */
static void
put_attributes(Row *row, Jsonb *attributes, const char *scope)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue item;
	JsonbValue key = {0};

	if (!JB_ROOT_IS_OBJECT(attributes))
		return;
	iterator = JsonbIteratorInit(&attributes->root);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_KEY)
			key = item;
		if (token != WJB_VALUE || json_is_string(&key, OTEL))
			continue;
		row_start(row);
		row_put_text(row, scope);
		row_put_slice(row, (Slice){key.val.string.val, key.val.string.len});
		put_value(row, &item);
		row_emit(row);
	}
}

/*
 * trace_attributes(tags jsonb, resource_attributes jsonb)
 *
 * One row an attribute, those of the span first; none of what is NULL.
 */
Datum
dt_trace_attributes(PG_FUNCTION_ARGS)
{
	static const char *const scopes[] = {"span", "resource"};
	Row row;

	/* called for each span: its row type is not looked up each time */
	row_begin(&row, fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (int i = 0; i < 2; i++)
	{
		if (!PG_ARGISNULL(i))
			put_attributes(&row, PG_GETARG_JSONB_P(i), scopes[i]);
	}
	return (Datum) 0;
}

/*
 * trace_resource_id(tags jsonb) -> bigint
 *
 * The number of the span's resource; NULL if it names none.
 */
Datum
dt_trace_resource_id(PG_FUNCTION_ARGS)
{
	Jsonb *tags = PG_GETARG_JSONB_P(0);
	JsonbValue id;
	int64 number;

	if (!tags_find_member(
			tags_find_otel(tags), SLICE_LITERAL(OTEL_RESOURCE), &id) ||
		!json_as_int64(&id, &number))
		PG_RETURN_NULL();
	PG_RETURN_INT64(number);
}
