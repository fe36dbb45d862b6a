/*
 * Merging two records of one span: see span_merge.h.
 *
 * What lies in tags->'otel' and belongs to something else must follow that,
 * whichever record it is taken from: the nanoseconds below a time's
 * microsecond that time, the message of a status that status, and the exact
 * form of an attribute the attribute.
 */
#include "postgres.h"

#include "compat.h"
#include "record/json_reader.h"
#include "record/span_merge.h"
#include "record/span_times.h"
#include "record/tag_builder.h"
#include "record/values.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* Tags of two records together: what comes of them must stay far below the
 * 256 MB at which jsonb ends. */
#define MERGED_TAGS_MAX (16 * 1024 * 1024)

/* Takes the later text if it says anything; returns whether that is new. */
static bool
merge_text(text **earlier, text *later)
{
	if (later == NULL ||
		(*earlier != NULL && same_value_bytes(*earlier, later)))
		return false;
	*earlier = later;
	return true;
}

static bool
is_known_name(text *name)
{
	return VARSIZE(name) > VARHDRSZ &&
		   !(VARSIZE(name) - VARHDRSZ == strlen(UNKNOWN_SERVICE) &&
			 memcmp(VARDATA(name), UNKNOWN_SERVICE, strlen(UNKNOWN_SERVICE)) ==
				 0);
}

static bool
merge_name(text **earlier, text *later)
{
	return is_known_name(later) && merge_text(earlier, later);
}

/*
 * Tags
 */

static JsonbContainer *
root_object(Jsonb *tags)
{
	return tags != NULL && JB_ROOT_IS_OBJECT(tags) ? &tags->root : NULL;
}

static bool
has_member(JsonbContainer *object, const char *key)
{
	JsonbValue value;

	return json_member(object, key, &value);
}

/* 0 for what are no nanoseconds: people write tags, too. */
static int
nanoseconds(JsonbContainer *otel, const char *key)
{
	JsonbValue value;
	int64 number;

	if (!json_member(otel, key, &value) || value.type != jbvNumeric ||
		!json_as_int64(&value, &number) || number < 0 || number > 999)
		return 0;
	return (int) number;
}

static bool
starts_earlier(const SpanRow *a, JsonbContainer *a_otel, const SpanRow *b,
			   JsonbContainer *b_otel)
{
	if (a->start_time != b->start_time)
		return a->start_time < b->start_time;
	return nanoseconds(a_otel, "start_ns") <= nanoseconds(b_otel, "start_ns");
}

#define DROPPED_MAX 4

/* Members that are not to be copied; those not in use are NULL. */
typedef struct Dropped
{
	const char *keys[DROPPED_MAX];
} Dropped;

static bool
is_dropped(const Dropped *dropped, const JsonbValue *key)
{
	for (int i = 0; i < DROPPED_MAX; i++)
	{
		if (dropped->keys[i] != NULL && json_is_string(key, dropped->keys[i]))
			return true;
	}
	return false;
}

static void
copy_members(JsonbParseState **state, JsonbContainer *object,
			 const Dropped *dropped)
{
	JsonbIterator *members;
	JsonbValue key;
	JsonbValue value;

	if (object == NULL)
		return;
	members = JsonbIteratorInit(object);
	while (json_next_member(&members, &key, &value))
	{
		if (!is_dropped(dropped, &key))
			add_member(state, key, value);
	}
}

/* Exact forms of attributes: those of the earlier record's that the later one
 * does not bring anew, and the later one's. */
static void
merge_exact(JsonbParseState **otel, JsonbContainer *old, JsonbContainer *new,
			JsonbContainer *new_tags)
{
	JsonbParseState *exact = NULL;
	Dropped none = {{NULL}};
	JsonbIterator *members = old == NULL ? NULL : JsonbIteratorInit(old);
	JsonbValue key;
	JsonbValue value;

	while (members != NULL && json_next_member(&members, &key, &value))
	{
		/* an attribute named "otel" is in no other place than here */
		if (json_is_string(&key, "otel") ||
			findJsonbValueFromContainer(new_tags, JB_FOBJECT, &key) == NULL)
			add_member(&exact, key, value);
	}
	copy_members(&exact, new, &none);
	if (exact != NULL)
		add_member(otel,
				   json_string("exact", strlen("exact")),
				   json_nested(finish_object(&exact)));
}

/* The members of "otel" of two records, each of which may have none; NULL if
 * nothing is left. */
static Jsonb *
merge_otel(const SpanRow *earlier, const SpanRow *later)
{
	JsonbContainer *new_tags = root_object(later->tags);
	JsonbContainer *old =
		json_object_member(root_object(earlier->tags), "otel");
	JsonbContainer *new = json_object_member(new_tags, "otel");
	JsonbParseState *otel = NULL;
	JsonbValue kind;
	Dropped from_old = {{"exact"}};
	Dropped from_new = {{"exact"}};

	if (starts_earlier(earlier, old, later, new))
		from_new.keys[1] = "start_ns";
	else
		from_old.keys[1] = "start_ns";
	if (later->is_finished)
		from_old.keys[2] = "end_ns";
	if (has_member(new, "status"))
		from_old.keys[3] = "status_message";
	/* not to know takes nothing away that was known */
	if (has_member(old, "kind") && json_member(new, "kind", &kind) &&
		json_is_string(&kind, "unspecified"))
		from_new.keys[2] = "kind";
	if (has_member(old, "resource") && is_known_name(earlier->service_name) &&
		!is_known_name(later->service_name))
		from_new.keys[3] = "resource";
	copy_members(&otel, old, &from_old);
	copy_members(&otel, new, &from_new);
	merge_exact(&otel,
				json_object_member(old, "exact"),
				json_object_member(new, "exact"),
				new_tags);
	return otel == NULL ? NULL : finish_object(&otel);
}

/* The members of both records' tags, and `otel` if there is any. */
static Jsonb *
unite_tags(const SpanRow *earlier, const SpanRow *later, Jsonb *otel)
{
	Dropped no_otel = {{"otel"}};
	JsonbParseState *tags = NULL;

	copy_members(&tags, root_object(earlier->tags), &no_otel);
	copy_members(&tags, root_object(later->tags), &no_otel);
	if (otel != NULL)
		add_member(
			&tags, json_string("otel", strlen("otel")), json_nested(otel));
	return finish_object(&tags);
}

static Jsonb *
merge_tags(const SpanRow *earlier, const SpanRow *later)
{
	if (later->tags == NULL)
		return earlier->tags;
	if (earlier->tags == NULL || same_value_bytes(earlier->tags, later->tags) ||
		!JB_ROOT_IS_OBJECT(earlier->tags) || !JB_ROOT_IS_OBJECT(later->tags))
		return later->tags;
	return unite_tags(earlier, later, merge_otel(earlier, later));
}

static bool
is_too_much(const Jsonb *earlier, const Jsonb *later)
{
	return earlier != NULL && later != NULL &&
		   !same_value_bytes(earlier, later) &&
		   (Size) VARSIZE(earlier) + VARSIZE(later) > MERGED_TAGS_MAX;
}

/*
 * Records
 */

/* The times of both in `row`; returns whether it changed. */
static bool
merge_times(SpanRow *row, const SpanRow *later)
{
	TimestampTz start = Min(row->start_time, later->start_time);
	bool is_finished = row->is_finished || later->is_finished;
	TimestampTz end = later->is_finished ? later->end_time : row->end_time;

	if (start == row->start_time && is_finished == row->is_finished &&
		(!is_finished || end == row->end_time))
		return false;
	row->start_time = start;
	row->is_finished = is_finished;
	row->end_time = end;
	row->has_duration =
		is_finished && span_duration(start, end, &row->duration);
	return true;
}

/* Times that are infinite have no duration, and need none. */
static bool
is_out_of_range(const SpanRow *row)
{
	return row->is_finished && !row->has_duration &&
		   !TIMESTAMP_NOT_FINITE(row->start_time) &&
		   !TIMESTAMP_NOT_FINITE(row->end_time);
}

const char *
merge_span(SpanRow *earlier, const SpanRow *later, bool *changed)
{
	SpanRow merged = *earlier;

	*changed = merge_times(&merged, later);
	if (*changed && is_out_of_range(&merged))
		return DURATION_FAULT;
	if (is_too_much(earlier->tags, later->tags))
		return "tags of its records take more than 16 MB";
	*changed |= merge_text(&merged.parent_span_id, later->parent_span_id);
	*changed |= merge_name(&merged.service_name, later->service_name);
	*changed |= merge_name(&merged.operation, later->operation);
	*changed |= merge_text(&merged.logs, later->logs);
	merged.tags = merge_tags(earlier, later);
	if (earlier->tags != NULL && same_value_bytes(earlier->tags, merged.tags))
		merged.tags = earlier->tags;
	*changed |= merged.tags != earlier->tags;
	*earlier = merged;
	return NULL;
}
