/*
 * Merging two records of one span: see span_merge.h.
 *
 * The nanoseconds below a time's microsecond lie in tags->'otel' and must
 * follow that time, whichever record it is taken from.
 */
#include "postgres.h"

#include "compat.h"
#include "record/span_merge.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

static bool
same_varlena(const void *a, const void *b)
{
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

/* Takes the later text if it says anything; returns whether that is new. */
static bool
merge_text(text **earlier, text *later)
{
	if (later == NULL || (*earlier != NULL && same_varlena(*earlier, later)))
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

static Jsonb *
concatenate(Jsonb *a, Jsonb *b)
{
	return DatumGetJsonbP(DirectFunctionCall2(
		jsonb_concat, JsonbPGetDatum(a), JsonbPGetDatum(b)));
}

static Jsonb *
without(Jsonb *object, const char *key)
{
	return DatumGetJsonbP(DirectFunctionCall2(
		jsonb_delete, JsonbPGetDatum(object), CStringGetTextDatum(key)));
}

/* The member "otel" of tags as a value of its own; NULL if it is no object. */
static Jsonb *
otel_member(Jsonb *tags)
{
	JsonbValue value;

	if (!JB_ROOT_IS_OBJECT(tags) ||
		getKeyJsonValueFromContainer(&tags->root, "otel", 4, &value) == NULL ||
		value.type != jbvBinary ||
		!JsonContainerIsObject(value.val.binary.data))
		return NULL;
	return JsonbValueToJsonb(&value);
}

static Jsonb *
wrap_otel(Jsonb *otel)
{
	JsonbParseState *state = NULL;
	JsonbValue key = {.type = jbvString};
	JsonbValue value;

	key.val.string.val = "otel";
	key.val.string.len = 4;
	JsonbToJsonbValue(otel, &value);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	pushJsonbValue(&state, WJB_KEY, &key);
	pushJsonbValue(&state, WJB_VALUE, &value);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static int
nanoseconds(Jsonb *otel, const char *key)
{
	JsonbValue value;

	if (getKeyJsonValueFromContainer(&otel->root, key, strlen(key), &value) ==
			NULL ||
		value.type != jbvNumeric)
		return 0;
	return DatumGetInt32(
		DirectFunctionCall1(numeric_int4, NumericGetDatum(value.val.numeric)));
}

static bool
starts_earlier(const SpanRow *a, Jsonb *a_otel, const SpanRow *b, Jsonb *b_otel)
{
	if (a->start_time != b->start_time)
		return a->start_time < b->start_time;
	return nanoseconds(a_otel, "start_ns") <= nanoseconds(b_otel, "start_ns");
}

/* United members of two "otel", each time's nanoseconds from its owner. */
static Jsonb *
merge_otel(const SpanRow *earlier, Jsonb *old, const SpanRow *later, Jsonb *new)
{
	if (starts_earlier(earlier, old, later, new))
		new = without(new, "start_ns");
	else
		old = without(old, "start_ns");
	if (later->is_finished)
		old = without(old, "end_ns");
	return concatenate(old, new);
}

static Jsonb *
merge_tags(const SpanRow *earlier, const SpanRow *later)
{
	Jsonb *old_otel;
	Jsonb *new_otel;
	Jsonb *tags;

	if (later->tags == NULL)
		return earlier->tags;
	if (earlier->tags == NULL || same_varlena(earlier->tags, later->tags) ||
		!JB_ROOT_IS_OBJECT(earlier->tags) || !JB_ROOT_IS_OBJECT(later->tags))
		return later->tags;
	tags = concatenate(earlier->tags, later->tags);
	old_otel = otel_member(earlier->tags);
	new_otel = otel_member(later->tags);
	if (old_otel != NULL && new_otel != NULL)
		tags = concatenate(
			tags, wrap_otel(merge_otel(earlier, old_otel, later, new_otel)));
	return tags;
}

static bool
merge_times(SpanRow *earlier, const SpanRow *later)
{
	TimestampTz start = Min(earlier->start_time, later->start_time);
	bool is_finished = earlier->is_finished || later->is_finished;
	TimestampTz end = later->is_finished ? later->end_time : earlier->end_time;

	if (start == earlier->start_time && is_finished == earlier->is_finished &&
		(!is_finished || end == earlier->end_time))
		return false;
	earlier->start_time = start;
	earlier->is_finished = is_finished;
	earlier->end_time = end;
	earlier->duration = is_finished ? end - start : 0;
	return true;
}

bool
merge_span(SpanRow *earlier, const SpanRow *later)
{
	Jsonb *tags = merge_tags(earlier, later);
	bool changed = merge_times(earlier, later);

	changed |= merge_text(&earlier->parent_span_id, later->parent_span_id);
	changed |= merge_name(&earlier->service_name, later->service_name);
	changed |= merge_name(&earlier->operation, later->operation);
	changed |= merge_text(&earlier->logs, later->logs);
	if (tags != NULL &&
		(earlier->tags == NULL || !same_varlena(earlier->tags, tags)))
	{
		earlier->tags = tags;
		changed = true;
	}
	return changed;
}
