/*
 * Building tags and logs of a span that did not come as OTLP: see
 * tag_builder.h.
 */
#include "postgres.h"

#include "compat.h"
#include "server/json_reader.h"
#include "store/otel_member.h"
#include "store/tag_builder.h"

#include "pgtime.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

void
tag_builder_start(TagBuilder *builder)
{
	memset(builder, 0, sizeof(TagBuilder));
	pushJsonbValue(&builder->tags, WJB_BEGIN_OBJECT, NULL);
}

void
add_member(JsonbParseState **state, JsonbValue key, JsonbValue value)
{
	if (*state == NULL)
		pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	pushJsonbValue(state, WJB_KEY, &key);
	pushJsonbValue(state, WJB_VALUE, &value);
}

Jsonb *
finish_object(JsonbParseState **state)
{
	if (*state == NULL)
		pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	return JsonbValueToJsonb(pushJsonbValue(state, WJB_END_OBJECT, NULL));
}

JsonbValue
json_nested(Jsonb *jsonb)
{
	JsonbValue value;

	JsonbToJsonbValue(jsonb, &value);
	return value;
}

static void
add_exact(TagBuilder *builder, JsonbValue key, const char *kind,
		  JsonbValue value)
{
	JsonbParseState *any_value = NULL;

	add_member(&any_value, json_string(kind, strlen(kind)), value);
	add_member(&builder->exact, key, json_nested(finish_object(&any_value)));
}

/* What OTLP calls a value of JSON; integers are strings there. */
static void
add_reserved(TagBuilder *builder, JsonbValue key, JsonbValue value)
{
	if (value.type == jbvBool)
		add_exact(builder, key, "boolValue", value);
	else if (value.type == jbvNumeric)
	{
		text *digits = json_value_text(&value);
		int64 number;

		if (json_as_int64(&value, &number))
			add_exact(builder, key, "intValue", json_text(digits));
		else
			add_exact(builder, key, "doubleValue", value);
	}
	else
		add_exact(
			builder, key, "stringValue", json_text(json_value_text(&value)));
}

void
add_tag(TagBuilder *builder, JsonbValue key, JsonbValue value)
{
	if (json_is_string(&key, OTEL))
		add_reserved(builder, key, value);
	else
		add_member(&builder->tags, key, value);
}

void
add_exact_tag(TagBuilder *builder, JsonbValue key, JsonbValue value,
			  const char *kind)
{
	if (!json_is_string(&key, OTEL))
		add_member(&builder->tags, key, value);
	add_exact(builder, key, kind, value);
}

void
add_otel(TagBuilder *builder, const char *key, JsonbValue value)
{
	add_member(&builder->otel, json_string(key, strlen(key)), value);
}


Jsonb *
tag_builder_finish(TagBuilder *builder)
{
	if (builder->exact != NULL)
		add_otel(
			builder, OTEL_EXACT, json_nested(finish_object(&builder->exact)));
	if (builder->otel != NULL)
		add_member(&builder->tags,
				   json_key(OTEL),
				   json_nested(finish_object(&builder->otel)));
	return finish_object(&builder->tags);
}

void
append_event_time(StringInfo json, TimestampTz time, int nanoseconds)
{
	struct pg_tm tm;
	fsec_t fsec;

	if (timestamp2tm(time, NULL, &tm, &fsec, NULL, NULL) != 0)
		return;
	appendStringInfo(json,
					 "%04d-%02d-%02dT%02d:%02d:%02d.%06d%03dZ",
					 tm.tm_year,
					 tm.tm_mon,
					 tm.tm_mday,
					 tm.tm_hour,
					 tm.tm_min,
					 tm.tm_sec,
					 (int) fsec,
					 nanoseconds);
}
