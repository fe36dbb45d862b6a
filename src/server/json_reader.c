/*
 * Reading JSON documents that others wrote: see json_reader.h.
 *
 * The server's own parser does the work.  What it refuses though it is valid
 * JSON and sent by real libraries, escapes of NUL, of half a surrogate pair
 * and of characters that the database's encoding lacks, is replaced
 * beforehand: see text_encoding.h.
 */
#include "postgres.h"

#include "compat.h"
#include "core/wire/json_documents.h"
#include "server/json_reader.h"
#include "server/text_encoding.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonfuncs.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

/* What json_parse_or_null still takes for a document; a jsonb of text within
 * these bounds stays below the limits at which jsonb_in raises an error. */
#define HARMLESS_LENGTH (32 * 1024 * 1024)
#define HARMLESS_DEPTH 64

/* A number of no more characters, with no more in its exponent, is one that
 * numeric can hold whatever its value. */
#define HARMLESS_DIGITS 4096
#define HARMLESS_EXPONENT_DIGITS 4

/* Whether numeric can hold a number, whatever its value. */
static bool
is_harmless_number(const char *token)
{
	const char *exponent = strpbrk(token, "eE");

	if (exponent != NULL)
		exponent += strspn(exponent + 1, "+-") + 1;
	return strlen(token) <= HARMLESS_DIGITS &&
		   (exponent == NULL || strlen(exponent) <= HARMLESS_EXPONENT_DIGITS);
}

/*
 * The document as jsonb.  The server's jsonb_in does the same, but cannot be
 * interrupted, and one number that numeric cannot hold spoils all of it.
 */
typedef struct Builder
{
	JsonbParseState *state;
	JsonbValue *result;
} Builder;

static void
put_value(Builder *builder, JsonbValue *value)
{
	JsonbIteratorToken token;

	CHECK_FOR_INTERRUPTS();
	if (builder->state == NULL)
	{
		/* a document that is no object and no array */
		JsonbValue array = {.type = jbvArray};

		array.val.array.rawScalar = true;
		array.val.array.nElems = 1;
		pushJsonbValue(&builder->state, WJB_BEGIN_ARRAY, &array);
		pushJsonbValue(&builder->state, WJB_ELEM, value);
		builder->result = pushJsonbValue(&builder->state, WJB_END_ARRAY, NULL);
		return;
	}
	token = builder->state->contVal.type == jbvArray ? WJB_ELEM : WJB_VALUE;
	builder->result = pushJsonbValue(&builder->state, token, value);
}

static JsonbValue
string_value(char *token)
{
	Size length = strlen(token);

	if (length > JENTRY_OFFLENMASK)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("string too long to represent as jsonb string"));
	return json_string(token, length);
}

static JsonActionResult
build_object_start(void *state)
{
	Builder *builder = state;

	CHECK_FOR_INTERRUPTS();
	builder->result = pushJsonbValue(&builder->state, WJB_BEGIN_OBJECT, NULL);
	JSON_ACTION_DONE;
}

static JsonActionResult
build_object_end(void *state)
{
	Builder *builder = state;

	builder->result = pushJsonbValue(&builder->state, WJB_END_OBJECT, NULL);
	JSON_ACTION_DONE;
}

static JsonActionResult
build_array_start(void *state)
{
	Builder *builder = state;

	CHECK_FOR_INTERRUPTS();
	builder->result = pushJsonbValue(&builder->state, WJB_BEGIN_ARRAY, NULL);
	JSON_ACTION_DONE;
}

static JsonActionResult
build_array_end(void *state)
{
	Builder *builder = state;

	builder->result = pushJsonbValue(&builder->state, WJB_END_ARRAY, NULL);
	JSON_ACTION_DONE;
}

static JsonActionResult
build_field_start(void *state, char *name, bool isnull pg_attribute_unused())
{
	Builder *builder = state;
	JsonbValue key = string_value(name);

	builder->result = pushJsonbValue(&builder->state, WJB_KEY, &key);
	JSON_ACTION_DONE;
}

static JsonActionResult
build_scalar(void *state, char *token, JsonTokenType type)
{
	JsonbValue value = {.type = jbvNull};

	if (type == JSON_TOKEN_TRUE || type == JSON_TOKEN_FALSE)
		value = json_bool(type == JSON_TOKEN_TRUE);
	else if (type == JSON_TOKEN_NUMBER && is_harmless_number(token))
	{
		value.type = jbvNumeric;
		value.val.numeric =
			DatumGetNumeric(DirectFunctionCall3(numeric_in,
												CStringGetDatum(token),
												ObjectIdGetDatum(InvalidOid),
												Int32GetDatum(-1)));
	}
	else if (type != JSON_TOKEN_NULL)
		value = string_value(token);
	put_value(state, &value);
	JSON_ACTION_DONE;
}

static Jsonb *
build_jsonb(char *json, Size length)
{
	Builder builder = {0};
	JsonSemAction actions = {
		.semstate = &builder,
		.object_start = build_object_start,
		.object_end = build_object_end,
		.array_start = build_array_start,
		.array_end = build_array_end,
		.object_field_start = build_field_start,
		.scalar = build_scalar,
	};

	pg_parse_json_or_ereport(
		compat_json_lexer(json, length, GetDatabaseEncoding()), &actions);
	return JsonbValueToJsonb(builder.result);
}

void
json_documents_start(JsonDocuments *documents, text *text)
{
	documents->json = json_for_server(text_to_cstring(text), true);
	documents->length = strlen(documents->json);
	documents->position = 0;
	documents->count = 0;
}

static void
name_document(void *state)
{
	errcontext("document %d of several", ((JsonDocuments *) state)->count);
}

Jsonb *
json_documents_next(JsonDocuments *documents)
{
	char *json = documents->json + documents->position;
	Size left = documents->length - documents->position;
	ErrorContextCallback context = {.previous = error_context_stack,
									.callback = name_document,
									.arg = documents};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch;
	Jsonb *parsed;
	Size start;
	Size end = left;

	/* what has no document at all is for the parser to refuse */
	if (!json_next_document(json, left, &start, &end) && documents->count > 0)
		return NULL;
	documents->position += end;
	if (documents->count++ > 0)
		error_context_stack = &context;
	scratch = AllocSetContextCreate(
		caller, "distributed_trace JSON", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(scratch);
	parsed = build_jsonb(json + start, end - start);
	MemoryContextSwitchTo(caller);
	parsed = memcpy(MemoryContextAllocHuge(caller, VARSIZE(parsed)),
					parsed,
					VARSIZE(parsed));
	MemoryContextDelete(scratch);
	error_context_stack = context.previous;
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

/* Whether build_jsonb will take this. */
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
	json = json_for_server(text_to_cstring(document), false);
	return is_harmless_json(json) ? build_jsonb(json, strlen(json)) : NULL;
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
