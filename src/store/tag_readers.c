/*
 * Reading kind, outcome and user of a span from its tags.
 *
 * Spans come from OTLP, Zipkin, Jaeger and hand-written INSERTs, and each has
 * its own way of saying the same thing.  What the recording functions wrote
 * into the member "otel" is asked first, then the tags by which the others
 * say it: span.kind and error.  These functions run for every span of every
 * report, so they look keys up in place and allocate nothing.
 */
#include "postgres.h"

#include "compat.h"
#include "core/wire/sampling.h"
#include "store/otel_member.h"
#include "store/tag_readers.h"
#include "store/trace_ids.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include <ctype.h>
#include <math.h>

PG_FUNCTION_INFO_V1(dt_trace_span_kind);
PG_FUNCTION_INFO_V1(dt_trace_is_error);
PG_FUNCTION_INFO_V1(dt_trace_http_status_code);
PG_FUNCTION_INFO_V1(dt_trace_is_async);
PG_FUNCTION_INFO_V1(dt_trace_user_id);
PG_FUNCTION_INFO_V1(dt_trace_adjusted_count);

#define KEY(literal) SLICE_LITERAL(literal)

/*
 * The index of a key, or -1.  The keys of an object lie in front, ordered by
 * length and then by bytes: the short ones looked for here are passed in a few
 * steps, for a third of what the server's binary search costs.
 */
static int
find_key(const JsonbContainer *object, const char *key, uint32 length)
{
	int count = JsonContainerSize(object);
	const char *names = (const char *) &object->children[count * 2];
	uint32 offset = 0;

	for (int i = 0; i < count; i++)
	{
		uint32 end = JBE_OFFLENFLD(object->children[i]);

		if (!JBE_HAS_OFF(object->children[i]))
			end += offset;
		if (end - offset > length)
			return -1;
		if (end - offset == length && memcmp(names + offset, key, length) == 0)
			return i;
		offset = end;
	}
	return -1;
}

bool
tags_find_member(JsonbContainer *object, Slice key, JsonbValue *value)
{
	int count;
	int index;
	JEntry entry;
	char *data;

	if (object == NULL || !JsonContainerIsObject(object))
		return false;
	index = find_key(object, key.data, key.length);
	if (index < 0)
		return false;
	count = JsonContainerSize(object);
	index += count; /* the values follow the keys */
	entry = object->children[index];
	data =
		(char *) &object->children[count * 2] + getJsonbOffset(object, index);
	if (JBE_ISSTRING(entry))
	{
		value->type = jbvString;
		value->val.string.val = data;
		value->val.string.len = getJsonbLength(object, index);
	}
	else if (JBE_ISNUMERIC(entry))
	{
		value->type = jbvNumeric;
		value->val.numeric = (Numeric) INTALIGN(data);
	}
	else if (JBE_ISCONTAINER(entry))
	{
		value->type = jbvBinary;
		value->val.binary.data = (JsonbContainer *) INTALIGN(data);
	}
	else
	{
		value->type = JBE_ISNULL(entry) ? jbvNull : jbvBool;
		value->val.boolean = JBE_ISBOOL_TRUE(entry);
	}
	return true;
}

JsonbContainer *
tags_find_otel(Jsonb *tags)
{
	JsonbValue otel;

	if (!tags_find_member(&tags->root, KEY(OTEL), &otel) ||
		otel.type != jbvBinary)
		return NULL;
	return otel.val.binary.data;
}

static bool
is_filled_string(const JsonbValue *value)
{
	return value->type == jbvString && value->val.string.len > 0;
}

static bool
string_equals(const JsonbValue *value, Slice lower)
{
	return value->type == jbvString &&
		   (uint32) value->val.string.len == lower.length &&
		   pg_strncasecmp(value->val.string.val, lower.data, lower.length) == 0;
}

/* Kinds that are recorded as a number are those OTLP had no name for. */
static bool
find_kind(Jsonb *tags, JsonbContainer *otel, JsonbValue *kind)
{
	if (tags_find_member(otel, KEY(OTEL_KIND), kind) &&
		(is_filled_string(kind) || kind->type == jbvNumeric))
		return true;
	return tags_find_member(&tags->root, KEY("span.kind"), kind) &&
		   is_filled_string(kind);
}

static SpanKind
read_kind(Jsonb *tags, JsonbContainer *otel)
{
	JsonbValue value;
	SpanKind kind;

	if (!find_kind(tags, otel, &value))
		return SPAN_KIND_ABSENT;
	if (value.type != jbvString)
		return SPAN_KIND_UNSPECIFIED;
	kind = span_kind_from_name(
		(Slice){value.val.string.val, value.val.string.len});
	return kind == SPAN_KIND_ABSENT ? SPAN_KIND_UNSPECIFIED : kind;
}

static bool
is_zero(Numeric number)
{
	Datum zero = NumericGetDatum(int64_to_numeric(0));

	return DatumGetBool(
		DirectFunctionCall2(numeric_eq, NumericGetDatum(number), zero));
}

/* The tag "error": Jaeger's boolean, or Zipkin's text, which is a failure
 * even if it is empty. */
static bool
error_tag_is_set(const JsonbValue *error)
{
	switch (error->type)
	{
		case jbvNull:
			return false;
		case jbvBool:
			return error->val.boolean;
		case jbvNumeric:
			return !is_zero(error->val.numeric);
		case jbvString:
			return !string_equals(error, KEY("false"));
		default:
			return true;
	}
}

static bool
read_is_error(Jsonb *tags, JsonbContainer *otel)
{
	JsonbValue value;

	if (tags_find_member(otel, KEY(OTEL_STATUS), &value))
	{
		if (string_equals(&value, KEY("error")))
			return true;
		if (string_equals(&value, KEY("ok")))
			return false;
	}
	return tags_find_member(&tags->root, KEY("error"), &value) &&
		   error_tag_is_set(&value);
}

SpanKind
tags_read(Jsonb *tags, bool *is_error)
{
	JsonbContainer *otel = tags_find_otel(tags);

	*is_error = read_is_error(tags, otel);
	return read_kind(tags, otel);
}

bool
tags_find_text(JsonbContainer *object, Slice key, Slice *text)
{
	JsonbValue value;

	if (!tags_find_member(object, key, &value) || !is_filled_string(&value))
		return false;
	*text = (Slice){value.val.string.val, value.val.string.len};
	return true;
}

static bool
has_text(JsonbContainer *object, Slice key, Slice wanted)
{
	Slice found;

	return tags_find_text(object, key, &found) && slice_equal(found, wanted);
}

/* Whether the id that a link names is the parent's, which may be the server's
 * half of that id. */
static bool
is_id_of_parent(Slice linked_id, Slice parent_span_id)
{
	const Slice suffix = SLICE_LITERAL(SERVER_SUFFIX);
	Slice rest;

	if (linked_id.length > parent_span_id.length ||
		memcmp(linked_id.data, parent_span_id.data, linked_id.length) != 0)
		return false;
	rest = (Slice){parent_span_id.data + linked_id.length,
				   parent_span_id.length - linked_id.length};
	return rest.length == 0 || slice_equal(rest, suffix);
}

static bool
follows_from(JsonbContainer *link)
{
	JsonbValue attributes;
	JsonbValue type;

	return tags_find_member(link, KEY(OTEL_ATTRIBUTES), &attributes) &&
		   attributes.type == jbvBinary &&
		   tags_find_member(
			   attributes.val.binary.data, KEY(REFERENCE_TYPE), &type) &&
		   string_equals(&type, KEY(FOLLOWS_FROM));
}

bool
tags_follow_parent(Jsonb *tags, Slice trace_id, Slice parent_span_id)
{
	JsonbValue links;

	if (parent_span_id.length == 0 ||
		!tags_find_member(tags_find_otel(tags), KEY(OTEL_LINKS), &links) ||
		links.type != jbvBinary || !JsonContainerIsArray(links.val.binary.data))
		return false;
	for (uint32 i = 0; i < JsonContainerSize(links.val.binary.data); i++)
	{
		JsonbValue *link =
			getIthJsonbValueFromContainer(links.val.binary.data, i);
		JsonbContainer *object =
			link->type == jbvBinary ? link->val.binary.data : NULL;

		Slice span_id;

		CHECK_FOR_INTERRUPTS();
		if (tags_find_text(object, KEY(OTEL_SPAN_ID), &span_id) &&
			is_id_of_parent(span_id, parent_span_id) &&
			has_text(object, KEY(OTEL_TRACE_ID), trace_id) &&
			follows_from(object))
			return true;
	}
	return false;
}

/* longest text that is read as a number */
#define NUMBER_LENGTH 64

/* A number in a string, as JSON or numeric would write it. */
static bool
string_as_number(const char *string, int length, double *number)
{
	char digits[NUMBER_LENGTH + 1];
	char *end;

	while (length > 0 && isspace((unsigned char) *string))
	{
		string++;
		length--;
	}
	while (length > 0 && isspace((unsigned char) string[length - 1]))
		length--;
	if (length == 0 || length > NUMBER_LENGTH)
		return false;
	memcpy(digits, string, length);
	digits[length] = '\0';
	/* strtod knows hexadecimal digits, infinities and NaN as well */
	if (strspn(digits, "0123456789+-.eE") != (size_t) length)
		return false;
	*number = strtod(digits, &end);
	return end == digits + length && isfinite(*number);
}

bool
tags_find_number(JsonbContainer *object, Slice key, double *number)
{
	JsonbValue value;

	if (!tags_find_member(object, key, &value))
		return false;
	if (value.type == jbvString)
		return string_as_number(
			value.val.string.val, value.val.string.len, number);
	if (value.type != jbvNumeric)
		return false;
	*number = DatumGetFloat8(DirectFunctionCall1(
		numeric_float8_no_overflow, NumericGetDatum(value.val.numeric)));
	return isfinite(*number);
}

double
tags_adjusted_count(Jsonb *tags)
{
	Slice state;

	if (!tags_find_text(tags_find_otel(tags), KEY(OTEL_TRACE_STATE), &state))
		return 1;
	return sampling_adjusted_count(state);
}

/*
 * trace_adjusted_count(tags jsonb) -> double precision
 */
Datum
dt_trace_adjusted_count(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(tags_adjusted_count(PG_GETARG_JSONB_P(0)));
}

/*
 * trace_span_kind(tags jsonb) -> text
 *
 * server, client, internal, producer, consumer or unspecified; another name
 * as it was recorded, in lower case; NULL if no kind was recorded.
 */
Datum
dt_trace_span_kind(PG_FUNCTION_ARGS)
{
	Jsonb *tags = PG_GETARG_JSONB_P(0);
	JsonbValue kind;
	text *name;

	if (!find_kind(tags, tags_find_otel(tags), &kind))
		PG_RETURN_NULL();
	if (kind.type != jbvString)
		PG_RETURN_TEXT_P(
			cstring_to_text(span_kind_name(SPAN_KIND_UNSPECIFIED)));
	name = cstring_to_text_with_len(kind.val.string.val, kind.val.string.len);
	for (int i = 0; i < kind.val.string.len; i++)
		VARDATA(name)[i] = pg_ascii_tolower((unsigned char) VARDATA(name)[i]);
	PG_RETURN_TEXT_P(name);
}

/*
 * trace_is_error(tags jsonb) -> boolean
 */
Datum
dt_trace_is_error(PG_FUNCTION_ARGS)
{
	Jsonb *tags = PG_GETARG_JSONB_P(0);

	PG_RETURN_BOOL(read_is_error(tags, tags_find_otel(tags)));
}

/*
 * trace_is_async(trace_id text, parent_span_id text, tags jsonb) -> boolean
 */
Datum
dt_trace_is_async(PG_FUNCTION_ARGS)
{
	text *trace_id = PG_GETARG_TEXT_PP(0);
	text *parent = PG_GETARG_TEXT_PP(1);

	PG_RETURN_BOOL(tags_follow_parent(
		PG_GETARG_JSONB_P(2),
		(Slice){VARDATA_ANY(trace_id), VARSIZE_ANY_EXHDR(trace_id)},
		(Slice){VARDATA_ANY(parent), VARSIZE_ANY_EXHDR(parent)}));
}

int
tags_http_status_code(Jsonb *tags)
{
	static const Slice keys[] = {SLICE_LITERAL("http.response.status_code"),
								 SLICE_LITERAL("http.status_code")};

	for (size_t i = 0; i < lengthof(keys); i++)
	{
		double number;

		if (tags_find_number(&tags->root, keys[i], &number) && number >= 100 &&
			number <= 999 && number == floor(number))
			return (int) number;
	}
	return 0;
}

/*
 * trace_http_status_code(tags jsonb) -> integer
 *
 * 100 to 999, from http.response.status_code or else http.status_code, however
 * the number is written: 503, 503.0 or "503"; NULL if there is none.
 */
Datum
dt_trace_http_status_code(PG_FUNCTION_ARGS)
{
	int code = tags_http_status_code(PG_GETARG_JSONB_P(0));

	if (code == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(code);
}

/*
 * trace_user_id(tags jsonb) -> text
 *
 * The first of user.id, enduser.id and enduser.pseudo.id that is a string, as
 * it is, or a number, in digits; NULL if there is none.  An empty string
 * names nobody.
 */
Datum
dt_trace_user_id(PG_FUNCTION_ARGS)
{
	static const Slice keys[] = {SLICE_LITERAL("user.id"),
								 SLICE_LITERAL("enduser.id"),
								 SLICE_LITERAL("enduser.pseudo.id")};
	Jsonb *tags = PG_GETARG_JSONB_P(0);
	JsonbValue id;

	for (size_t i = 0; i < lengthof(keys); i++)
	{
		if (!tags_find_member(&tags->root, keys[i], &id))
			continue;
		if (is_filled_string(&id))
			PG_RETURN_TEXT_P(
				cstring_to_text_with_len(id.val.string.val, id.val.string.len));
		if (id.type == jbvNumeric)
			PG_RETURN_TEXT_P(
				cstring_to_text(DatumGetCString(DirectFunctionCall1(
					numeric_out, NumericGetDatum(id.val.numeric)))));
	}
	PG_RETURN_NULL();
}
