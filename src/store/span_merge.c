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
#include "server/json_reader.h"
#include "server/values.h"
#include "store/otel_member.h"
#include "store/reported.h"
#include "store/span_merge.h"
#include "store/span_times.h"
#include "store/tag_builder.h"

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

bool
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

/* Of a start that is known and one that is not the former is the span's. */
static bool
starts_earlier(const SpanRow *a, JsonbContainer *a_otel, const SpanRow *b,
			   JsonbContainer *b_otel)
{
	if (a->start_is_placed != b->start_is_placed)
		return b->start_is_placed;
	if (a->start_is_placed)
		return false;
	if (a->start_time != b->start_time)
		return a->start_time < b->start_time;
	return nanoseconds(a_otel, OTEL_START_NS) <=
		   nanoseconds(b_otel, OTEL_START_NS);
}

/* Whether the end of both is the later one's. */
static bool
later_end_counts(const SpanRow *earlier, const SpanRow *later)
{
	if (!later->is_finished)
		return false;
	return !earlier->is_finished || !later->end_is_placed ||
		   earlier->end_is_placed;
}

#define DROPPED_MAX 5

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
		if (json_is_string(&key, OTEL) ||
			findJsonbValueFromContainer(new_tags, JB_FOBJECT, &key) == NULL)
			add_member(&exact, key, value);
	}
	copy_members(&exact, new, &none);
	if (exact != NULL)
		add_member(
			otel, json_key(OTEL_EXACT), json_nested(finish_object(&exact)));
}

/* The members of "otel" of two records, each of which may have none; NULL if
 * nothing is left. */
static Jsonb *
merge_otel(const SpanRow *earlier, const SpanRow *later)
{
	JsonbContainer *new_tags = root_object(later->tags);
	JsonbContainer *old = json_object_member(root_object(earlier->tags), OTEL);
	JsonbContainer *new = json_object_member(new_tags, OTEL);
	JsonbParseState *otel = NULL;
	JsonbValue kind;
	Dropped from_old = {{OTEL_EXACT}};
	Dropped from_new = {{OTEL_EXACT}};

	if (starts_earlier(earlier, old, later, new))
		from_new.keys[1] = OTEL_START_NS;
	else
		from_old.keys[1] = OTEL_START_NS;
	if (later_end_counts(earlier, later))
		from_old.keys[2] = OTEL_END_NS;
	else if (later->is_finished)
		from_new.keys[DROPPED_MAX - 1] = OTEL_END_NS;
	if (json_has_member(new, OTEL_STATUS))
		from_old.keys[3] = OTEL_STATUS_MESSAGE;
	/* not to know takes nothing away that was known */
	if (json_has_member(old, OTEL_KIND) && json_member(new, OTEL_KIND, &kind) &&
		json_is_string(&kind, "unspecified"))
		from_new.keys[2] = OTEL_KIND;
	if (json_has_member(old, OTEL_RESOURCE) &&
		is_known_name(earlier->service_name) &&
		!is_known_name(later->service_name))
		from_new.keys[3] = OTEL_RESOURCE;
	copy_members(&otel, old, &from_old);
	copy_members(&otel, new, &from_new);
	merge_exact(&otel,
				json_object_member(old, OTEL_EXACT),
				json_object_member(new, OTEL_EXACT),
				new_tags);
	return otel == NULL ? NULL : finish_object(&otel);
}

/* The members of both records' tags, and `otel` if there is any. */
static Jsonb *
unite_tags(const SpanRow *earlier, const SpanRow *later, Jsonb *otel)
{
	Dropped no_otel = {{OTEL}};
	JsonbParseState *tags = NULL;

	copy_members(&tags, root_object(earlier->tags), &no_otel);
	copy_members(&tags, root_object(later->tags), &no_otel);
	if (otel != NULL)
		add_member(&tags, json_key(OTEL), json_nested(otel));
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

/* Times of which one knows the start and the other does not, in `row`. */
static void
merge_known_times(SpanRow *row, const SpanRow *later)
{
	const SpanRow known = row->start_is_placed ? *later : *row;
	const SpanRow placed = row->start_is_placed ? *row : *later;

	row->start_time = known.start_time;
	row->start_is_placed = false;
	row->end_is_placed = false;
	row->is_finished =
		known.is_finished || (placed.is_finished && !placed.end_is_placed);
	row->end_time = known.is_finished ? known.end_time : placed.end_time;
}

/* Times of which neither knows the start: the place stays, unless an end tells
 * a better one. */
static void
merge_placed_times(SpanRow *row, const SpanRow *later)
{
	if (!later_end_counts(row, later))
		return;
	row->is_finished = true;
	row->end_is_placed = later->end_is_placed;
	if (!later->end_is_placed)
		row->start_time = later->end_time;
	row->end_time = row->start_time;
}

static void
merge_plain_times(SpanRow *row, const SpanRow *later)
{
	row->start_time = Min(row->start_time, later->start_time);
	if (later->is_finished)
		row->end_time = later->end_time;
	row->is_finished |= later->is_finished;
}

static bool
same_times(const SpanRow *a, const SpanRow *b)
{
	return a->start_time == b->start_time &&
		   a->start_is_placed == b->start_is_placed &&
		   a->is_finished == b->is_finished &&
		   (!a->is_finished || (a->end_time == b->end_time &&
								a->end_is_placed == b->end_is_placed));
}

/* The times of both in `row`; returns whether it changed. */
static bool
merge_times(SpanRow *row, const SpanRow *later)
{
	const SpanRow before = *row;

	if (row->start_is_placed != later->start_is_placed)
		merge_known_times(row, later);
	else if (row->start_is_placed)
		merge_placed_times(row, later);
	else
		merge_plain_times(row, later);
	if (same_times(row, &before))
		return false;
	row->has_duration =
		row->is_finished && !row->start_is_placed &&
		span_duration(row->start_time, row->end_time, &row->duration);
	return true;
}

/* What both reported, as far as it is not what the merged row says. */
static Jsonb *
merge_reported(Jsonb *tags, const SpanRow *merged, const SpanRow *earlier,
			   const SpanRow *later)
{
	Reported old = read_reported(earlier->tags);
	Reported new = read_reported(later->tags);
	Reported now = read_reported(tags);
	Reported wanted = new.has_start ? new : old;

	wanted.has_start = merged->start_is_placed;
	if (!new.has_end)
		wanted.end_us = old.end_us;
	wanted.has_end = merged->end_is_placed;
	wanted.span_id = new.span_id != NULL ? new.span_id : old.span_id;
	wanted.parent_span_id =
		new.span_id != NULL ? new.parent_span_id : old.parent_span_id;
	return same_reported(&now, &wanted) ? tags : write_reported(tags, &wanted);
}

/* Times that are infinite have no duration, and need none. */
static bool
is_out_of_range(const SpanRow *row)
{
	return row->is_finished && !row->has_duration && !row->start_is_placed &&
		   !TIMESTAMP_NOT_FINITE(row->start_time) &&
		   !TIMESTAMP_NOT_FINITE(row->end_time);
}

/* `later` merged into `earlier`, in the order of what they say. */
static const char *
merge_in_order(SpanRow *earlier, const SpanRow *later)
{
	SpanRow merged = *earlier;

	if (merge_times(&merged, later) && is_out_of_range(&merged))
		return DURATION_FAULT;
	merge_text(&merged.parent_span_id, later->parent_span_id);
	merge_name(&merged.service_name, later->service_name);
	merge_name(&merged.operation, later->operation);
	merge_text(&merged.logs, later->logs);
	merged.tags =
		merge_reported(merge_tags(earlier, later), &merged, earlier, later);
	*earlier = merged;
	return NULL;
}

static bool
same_value(const void *a, const void *b)
{
	return a == b || (a != NULL && b != NULL && same_value_bytes(a, b));
}

static bool
same_record(const SpanRow *a, const SpanRow *b)
{
	return same_times(a, b) &&
		   same_value(a->parent_span_id, b->parent_span_id) &&
		   same_value(a->service_name, b->service_name) &&
		   same_value(a->operation, b->operation) &&
		   same_value(a->logs, b->logs) && same_value(a->tags, b->tags);
}

const char *
merge_span(SpanRow *earlier, const SpanRow *later, bool *changed)
{
	bool comes_late = earlier->is_finished && !later->is_finished;
	SpanRow merged = comes_late ? *later : *earlier;
	const char *fault;

	if (is_too_much(earlier->tags, later->tags))
		return "tags of its records take more than 16 MB";
	fault = merge_in_order(&merged, comes_late ? earlier : later);
	if (fault != NULL)
		return fault;
	if (same_times(earlier, &merged))
	{
		/* a duration that was measured stays while the times do */
		merged.has_duration = earlier->has_duration;
		merged.duration = earlier->duration;
	}
	merged.trace_id = earlier->trace_id;
	merged.span_id = earlier->span_id;
	merged.reports = earlier->reports;
	*changed = !same_record(earlier, &merged);
	if (same_value(earlier->tags, merged.tags))
		merged.tags = earlier->tags;
	*earlier = merged;
	return NULL;
}
