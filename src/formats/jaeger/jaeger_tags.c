/*
 * Typed key/value pairs of Jaeger as tags.
 *
 * Jaeger has no place of its own for what OpenTelemetry says of a span, so
 * exporters write it as tags with agreed names.  They are read back into the
 * members of "otel" here; what does not fit stays an ordinary tag.
 */
#include "postgres.h"

#include "compat.h"
#include "formats/jaeger/jaeger_tags.h"
#include "server/json_reader.h"
#include "store/otel_member.h"

#include "core/tree/span.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

/* What the tags of one span said that no member of "otel" holds alone. */
typedef struct SpanStatus
{
	const char *status; /* "ok", "error", or NULL if none was recorded */
	bool has_error_tag; /* error = true, the first that said so */
	bool has_error;		/* error = anything but false */
	bool is_unfinished;
	JsonbParseState *scope;
} SpanStatus;

void
jaeger_tags_start(JaegerTags *tags, JsonbContainer *owner)
{
	JsonbContainer *array = json_array_member(owner, "tags");
	JsonbContainer *object = json_object_member(owner, "tag");

	tags->array = array == NULL ? NULL : JsonbIteratorInit(array);
	tags->object = object == NULL ? NULL : JsonbIteratorInit(object);
}

static bool
next_member(JaegerTags *tags, JaegerTag *tag)
{
	char *name;

	if (!json_next_member(&tags->object, &tag->key, &tag->value))
		return false;
	name = pnstrdup(tag->key.val.string.val, tag->key.val.string.len);
	for (char *at = name; *at != '\0'; at++)
	{
		if (*at == '@')
			*at = '.';
	}
	tag->key.val.string.val = name;
	tag->type = json_string("", 0);
	return true;
}

bool
next_jaeger_tag(JaegerTags *tags, JaegerTag *tag)
{
	JsonbValue element;

	while (tags->array != NULL && json_next_element(&tags->array, &element))
	{
		JsonbContainer *object = json_as_object(&element);

		if (!json_member(object, "key", &tag->key) ||
			tag->key.type != jbvString)
			continue;
		if (!json_member(object, "type", &tag->type))
			tag->type = json_string("", 0);
		if (!json_member(object, "value", &tag->value))
			tag->value.type = jbvNull;
		return true;
	}
	return tags->object != NULL && next_member(tags, tag);
}

/* A number with at least one digit behind its point, so that it can be told
 * from an integer. */
static JsonbValue
as_double(const JsonbValue *value)
{
	JsonbValue number = *value;
	text *digits = json_value_text(value);

	if (memchr(VARDATA(digits), '.', VARSIZE(digits) - VARHDRSZ) == NULL)
		number.val.numeric = DatumGetNumeric(DirectFunctionCall3(
			numeric_in,
			CStringGetDatum(psprintf("%s.0", text_to_cstring(digits))),
			ObjectIdGetDatum(InvalidOid),
			Int32GetDatum(-1)));
	return number;
}

/* The name that OTLP has for a value that is no number; NULL for others. */
static const char *
special_double(const JsonbValue *value)
{
	static const char *const names[][2] = {
		{"NaN", "NaN"},
		{"Infinity", "Infinity"},
		{"-Infinity", "-Infinity"},
		{"+Inf", "Infinity"},
		{"Inf", "Infinity"},
		{"-Inf", "-Infinity"},
	};

	for (size_t i = 0; i < lengthof(names); i++)
	{
		if (json_is_string(value, names[i][0]))
			return names[i][1];
	}
	return NULL;
}

static bool
is_base64_digit(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		   (c >= '0' && c <= '9') || c == '+' || c == '/';
}

static bool
is_base64(const JsonbValue *value)
{
	int length = value->val.string.len;

	if (value->type != jbvString || length % 4 != 0)
		return false;
	for (int padding = 0;
		 padding < 2 && length > 0 && value->val.string.val[length - 1] == '=';
		 padding++)
		length--;
	for (int i = 0; i < length; i++)
	{
		if (!is_base64_digit(value->val.string.val[i]))
			return false;
	}
	return true;
}

static void
add_double(TagBuilder *builder, const JaegerTag *tag)
{
	const char *special = special_double(&tag->value);

	if (tag->value.type == jbvNumeric)
		add_tag(builder, tag->key, as_double(&tag->value));
	else if (special != NULL)
		add_exact_tag(builder, tag->key, json_key(special), "doubleValue");
	else
		add_tag(builder, tag->key, tag->value);
}

void
add_jaeger_tag(TagBuilder *builder, const JaegerTag *tag)
{
	int64 number;

	if (json_is_string(&tag->type, "float64"))
		add_double(builder, tag);
	else if (json_is_string(&tag->type, "int64") &&
			 json_as_int64(&tag->value, &number))
		add_tag(builder, tag->key, json_int64(number));
	else if (json_is_string(&tag->type, "binary") && is_base64(&tag->value))
		add_exact_tag(builder, tag->key, tag->value, "bytesValue");
	else if (json_is_string(&tag->type, "bool") &&
			 (json_is_string(&tag->value, "true") ||
			  json_is_string(&tag->value, "false")))
		add_tag(
			builder, tag->key, json_bool(json_is_string(&tag->value, "true")));
	else
		add_tag(builder, tag->key, tag->value);
}

static bool
is_true(const JsonbValue *value)
{
	return (value->type == jbvBool && value->val.boolean) ||
		   json_is_string(value, "true");
}

static bool
is_false(const JsonbValue *value)
{
	return value->type == jbvNull ||
		   (value->type == jbvBool && !value->val.boolean) ||
		   json_is_string(value, "false");
}

static bool
read_kind(TagBuilder *builder, const JsonbValue *value)
{
	SpanKind kind;

	if (value->type != jbvString)
		return false;
	kind = span_kind_from_name(
		(Slice){value->val.string.val, value->val.string.len});
	if (kind != SPAN_KIND_ABSENT)
		add_otel(builder, OTEL_KIND, json_key(span_kind_name(kind)));
	return kind != SPAN_KIND_ABSENT;
}

static const char *const status_names[] = {"unset", "ok", "error"};

/* The number of a status: by its name in any case, with or without OTLP's
 * prefix, or by the number itself; -1 if it is none. */
static int
status_code(const JsonbValue *value)
{
	static const char prefix[] = "STATUS_CODE_";
	int64 number;
	char *name;

	if (json_as_int64(value, &number))
		return number >= 0 && number < (int64) lengthof(status_names)
				   ? (int) number
				   : -1;
	if (value->type != jbvString)
		return -1;
	name = pnstrdup(value->val.string.val, value->val.string.len);
	if (pg_strncasecmp(name, prefix, strlen(prefix)) == 0)
		name += strlen(prefix);
	for (size_t i = 0; i < lengthof(status_names); i++)
	{
		if (pg_strcasecmp(name, status_names[i]) == 0)
			return i;
	}
	return -1;
}

/* Reads kind, status and end; false if the tag is none of them. */
static bool
read_state(TagBuilder *builder, const JaegerTag *tag, SpanStatus *status)
{
	const JsonbValue *value = &tag->value;

	if (json_is_string(&tag->key, "span.kind"))
		return read_kind(builder, value);
	if (json_is_string(&tag->key, "otel.status_code"))
	{
		int code = status_code(value);

		if (code > 0)
			status->status = status_names[code];
		return code >= 0;
	}
	if (json_is_string(&tag->key, "error") && !is_false(value))
	{
		bool is_first = is_true(value) && !status->has_error_tag;

		status->has_error = true;
		status->has_error_tag |= is_first;
		return is_first;
	}
	if (json_is_string(&tag->key, UNFINISHED_TAG) && is_true(value))
		return status->is_unfinished = true;
	return false;
}

/* Reads what goes to a member of "otel" as it is; false if it does not. */
static bool
read_member(TagBuilder *builder, const JaegerTag *tag, SpanStatus *status)
{
	static const struct
	{
		const char *key;
		const char *member;
		bool of_scope;
		enum jbvType type;
	} members[] = {
		{"otel.status_description", OTEL_STATUS_MESSAGE, false, jbvString},
		{"otel.scope.name", OTEL_NAME, true, jbvString},
		{"otel.scope.version", OTEL_VERSION, true, jbvString},
		{"otel.library.name", OTEL_NAME, true, jbvString},
		{"otel.library.version", OTEL_VERSION, true, jbvString},
		{"w3c.tracestate", OTEL_TRACE_STATE, false, jbvString},
		{"otel.dropped_attributes_count",
		 OTEL_DROPPED_ATTRIBUTES,
		 false,
		 jbvNumeric},
		{"otel.dropped_events_count", OTEL_DROPPED_EVENTS, false, jbvNumeric},
		{"otel.dropped_links_count", OTEL_DROPPED_LINKS, false, jbvNumeric},
	};

	for (size_t i = 0; i < lengthof(members); i++)
	{
		if (!json_is_string(&tag->key, members[i].key) ||
			tag->value.type != members[i].type)
			continue;
		if (members[i].of_scope)
			add_member(&status->scope, json_key(members[i].member), tag->value);
		else
			add_otel(builder, members[i].member, tag->value);
		return true;
	}
	return false;
}

static void
add_status(TagBuilder *builder, SpanStatus *status)
{
	if (status->status == NULL && status->has_error)
		status->status = "error";
	else if (status->has_error_tag && strcmp(status->status, "error") != 0)
		add_tag(builder, json_key("error"), json_bool(true));
	if (status->status != NULL)
		add_otel(builder, OTEL_STATUS, json_key(status->status));
	if (status->scope != NULL)
		add_otel(
			builder, OTEL_SCOPE, json_nested(finish_object(&status->scope)));
}

bool
add_jaeger_span_tags(TagBuilder *builder, JsonbContainer *span)
{
	SpanStatus status = {0};
	JaegerTags tags;
	JaegerTag tag;

	jaeger_tags_start(&tags, span);
	while (next_jaeger_tag(&tags, &tag))
	{
		if (!read_state(builder, &tag, &status) &&
			!read_member(builder, &tag, &status))
			add_jaeger_tag(builder, &tag);
	}
	add_status(builder, &status);
	return !status.is_unfinished;
}
