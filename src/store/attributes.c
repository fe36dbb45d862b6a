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
#include "store/tag_readers.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
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

/* The columns, in their order. */
enum
{
	COLUMN_SCOPE,
	COLUMN_KEY,
	COLUMN_TEXT,
	COLUMN_NUMBER,
	COLUMN_TYPE,
	COLUMN_COUNT,
};

typedef struct AttributeRow
{
	Datum values[COLUMN_COUNT];
	bool nulls[COLUMN_COUNT];
	const char *type;
} AttributeRow;

static void
put_text(AttributeRow *row, int column, const char *text, int length)
{
	row->values[column] =
		PointerGetDatum(cstring_to_text_with_len(text, length));
	row->nulls[column] = false;
}

static void
put_number(AttributeRow *row, Numeric value)
{
	char *text = DatumGetCString(
		DirectFunctionCall1(numeric_out, NumericGetDatum(value)));
	double number = strtod(text, NULL);

	put_text(row, COLUMN_TEXT, text, (int) strlen(text));
	row->nulls[COLUMN_NUMBER] = !(fabs(number) < LARGEST_NUMBER);
	row->values[COLUMN_NUMBER] =
		Float8GetDatum(fabs(number) < SMALLEST_NUMBER ? 0 : number);
}

static void
put_container(AttributeRow *row, JsonbValue *value)
{
	StringInfoData text;

	initStringInfo(&text);
	(void) JsonbToCString(&text, value->val.binary.data, value->val.binary.len);
	put_text(row, COLUMN_TEXT, text.data, text.len);
	row->type =
		JsonContainerIsArray(value->val.binary.data) ? "array" : "object";
}

static void
put_value(AttributeRow *row, JsonbValue *value)
{
	row->nulls[COLUMN_TEXT] = true;
	row->nulls[COLUMN_NUMBER] = true;
	switch (value->type)
	{
		case jbvString:
			row->type = "string";
			put_text(
				row, COLUMN_TEXT, value->val.string.val, value->val.string.len);
			break;
		case jbvNumeric:
			row->type = "number";
			put_number(row, value->val.numeric);
			break;
		case jbvBool:
			row->type = "boolean";
			put_text(row,
					 COLUMN_TEXT,
					 value->val.boolean ? "true" : "false",
					 value->val.boolean ? 4 : 5);
			break;
		case jbvBinary:
			put_container(row, value);
			break;
		default:
			row->type = "null";
			break;
	}
}

static void
put_row(ReturnSetInfo *result, const char *scope, JsonbValue *key,
		JsonbValue *value)
{
	AttributeRow row = {0};

	put_text(&row, COLUMN_SCOPE, scope, (int) strlen(scope));
	put_text(&row, COLUMN_KEY, key->val.string.val, key->val.string.len);
	put_value(&row, value);
	put_text(&row, COLUMN_TYPE, row.type, (int) strlen(row.type));
	tuplestore_putvalues(
		result->setResult, result->setDesc, row.values, row.nulls);
}

static bool
is_reserved(const JsonbValue *key)
{
	return key->val.string.len == 4 &&
		   memcmp(key->val.string.val, "otel", 4) == 0;
}

/* The members of an object but the reserved one; nothing of anything else. */
static void
put_attributes(ReturnSetInfo *result, Jsonb *attributes, const char *scope,
			   MemoryContext scratch)
{
	MemoryContext caller = CurrentMemoryContext;
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
		if (token != WJB_VALUE || is_reserved(&key))
			continue;
		MemoryContextSwitchTo(scratch);
		put_row(result, scope, &key, &item);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(scratch);
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
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext scratch;

	/* called for each span: its row type is not looked up each time */
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	scratch = AllocSetContextCreate(CurrentMemoryContext,
									"distributed_trace attribute",
									ALLOCSET_SMALL_SIZES);
	for (int i = 0; i < 2; i++)
	{
		if (!PG_ARGISNULL(i))
			put_attributes(result, PG_GETARG_JSONB_P(i), scopes[i], scratch);
	}
	MemoryContextDelete(scratch);
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
			tags_find_otel(tags), SLICE_LITERAL("resource"), &id) ||
		!json_as_int64(&id, &number))
		PG_RETURN_NULL();
	PG_RETURN_INT64(number);
}
