/*
 * What was reported of a span where the log holds something else: see
 * reported.h.
 */
#include "postgres.h"

#include "server/json_reader.h"
#include "server/values.h"
#include "store/otel_member.h"
#include "store/reported.h"
#include "store/tag_builder.h"
#include "store/tag_readers.h"

static JsonbContainer *
find_reported(Jsonb *tags)
{
	JsonbValue value;

	if (tags == NULL ||
		!tags_find_member(
			tags_find_otel(tags), SLICE_LITERAL(OTEL_REPORTED), &value) ||
		value.type != jbvBinary ||
		!JsonContainerIsObject(value.val.binary.data))
		return NULL;
	return value.val.binary.data;
}

static bool
read_number(JsonbContainer *object, const char *key, int64 *number)
{
	JsonbValue value;

	return json_member(object, key, &value) && json_as_int64(&value, number);
}

Reported
read_reported(Jsonb *tags)
{
	JsonbContainer *object = find_reported(tags);
	Reported reported = {0};

	if (object == NULL)
		return reported;
	reported.has_start = read_number(object, OTEL_START_US, &reported.start_us);
	reported.has_end = read_number(object, OTEL_END_US, &reported.end_us);
	reported.span_id = json_text_member(object, OTEL_SPAN_ID);
	reported.parent_span_id = json_text_member(object, OTEL_PARENT_SPAN_ID);
	return reported;
}

bool
reports_times(Jsonb *tags, bool *end_too)
{
	JsonbContainer *object = find_reported(tags);
	JsonbValue value;

	*end_too = tags_find_member(object, SLICE_LITERAL(OTEL_END_US), &value);
	return tags_find_member(object, SLICE_LITERAL(OTEL_START_US), &value);
}

/* NULL if there is nothing in it. */
static Jsonb *
build_reported(const Reported *reported)
{
	JsonbParseState *object = NULL;

	if (reported->has_start)
		add_member(
			&object, json_key(OTEL_START_US), json_int64(reported->start_us));
	if (reported->has_end)
		add_member(
			&object, json_key(OTEL_END_US), json_int64(reported->end_us));
	if (reported->span_id != NULL)
		add_member(
			&object, json_key(OTEL_SPAN_ID), json_text(reported->span_id));
	if (reported->parent_span_id != NULL)
		add_member(&object,
				   json_key(OTEL_PARENT_SPAN_ID),
				   json_text(reported->parent_span_id));
	return object == NULL ? NULL : finish_object(&object);
}

/* The members of an object, which may be NULL, but this one. */
static void
copy_but(JsonbParseState **state, JsonbContainer *object, const char *name)
{
	JsonbIterator *members = object == NULL ? NULL : JsonbIteratorInit(object);
	JsonbValue member;
	JsonbValue value;

	while (members != NULL && json_next_member(&members, &member, &value))
	{
		if (!json_is_string(&member, name))
			add_member(state, member, value);
	}
}

Jsonb *
write_reported(Jsonb *tags, const Reported *reported)
{
	Jsonb *member = build_reported(reported);
	JsonbParseState *otel = NULL;
	JsonbParseState *all = NULL;

	if (tags != NULL && !JB_ROOT_IS_OBJECT(tags))
		return tags;
	copy_but(&otel, tags == NULL ? NULL : tags_find_otel(tags), OTEL_REPORTED);
	if (member != NULL)
		add_member(&otel, json_key(OTEL_REPORTED), json_nested(member));
	copy_but(&all, tags == NULL ? NULL : &tags->root, OTEL);
	if (otel != NULL)
		add_member(&all, json_key(OTEL), json_nested(finish_object(&otel)));
	if (all == NULL)
		pushJsonbValue(&all, WJB_BEGIN_OBJECT, NULL);
	return finish_object(&all);
}

bool
same_reported(const Reported *a, const Reported *b)
{
	return a->has_start == b->has_start && a->has_end == b->has_end &&
		   (!a->has_start || a->start_us == b->start_us) &&
		   (!a->has_end || a->end_us == b->end_us) &&
		   compare_texts(a->span_id, b->span_id) == 0 &&
		   compare_texts(a->parent_span_id, b->parent_span_id) == 0;
}
