/*
 * OTLP's attributes as jsonb: see otlp_value.h.
 */
#include "postgres.h"

#include "formats/otlp/otlp_value.h"
#include "store/otel_member.h"

#include "server/jsonb_tree.h"

#include "miscadmin.h"

#include <math.h>

static const char TOO_DEEP[] = "attributes are nested too deeply";

static bool
is_container(const OtlpValue *value)
{
	return value->type == OTLP_VALUE_ARRAY || value->type == OTLP_VALUE_KVLIST;
}

/* Whether JSON has this number, and jsonb keeps it. */
static bool
is_plain_double(double number)
{
	return isfinite(number) && !(number == 0 && signbit(number));
}

static const char *
special_double_name(double number)
{
	if (isnan(number))
		return "NaN";
	return number > 0 ? "Infinity" : "-Infinity";
}

/* A value that holds no others; false if it is not exact. */
static bool
set_plain_scalar(JsonbValue *slot, const OtlpValue *value)
{
	switch (value->type)
	{
		case OTLP_VALUE_STRING:
			set_text(slot, value->bytes);
			return true;
		case OTLP_VALUE_BOOL:
			set_bool(slot, value->boolean);
			return true;
		case OTLP_VALUE_INT:
			set_integer(slot, value->integer);
			return true;
		case OTLP_VALUE_DOUBLE:
			if (isfinite(value->number))
				set_double(slot, value->number);
			else
				set_literal(slot, special_double_name(value->number));
			return is_plain_double(value->number);
		case OTLP_VALUE_BYTES:
			set_base64(slot, value->bytes);
			return false;
		default:
			slot->type = jbvNull;
			return true;
	}
}

/* Makes the slot an object with one member and returns that member. */
static JsonbValue *
wrap(JsonbValue *slot, const char *key)
{
	start_object(slot, 1);
	return add_named(slot, key);
}

static void
set_exact_double(JsonbValue *slot, double number)
{
	if (is_plain_double(number))
		set_double(slot, number);
	else if (isfinite(number))
		set_literal(slot, "-0");
	else
		set_literal(slot, special_double_name(number));
}

/* The same as an AnyValue; 64-bit integers are strings in OTLP's JSON. */
static void
set_exact_scalar(JsonbValue *slot, const OtlpValue *value)
{
	switch (value->type)
	{
		case OTLP_VALUE_STRING:
			set_text(wrap(slot, "stringValue"), value->bytes);
			break;
		case OTLP_VALUE_BOOL:
			set_bool(wrap(slot, "boolValue"), value->boolean);
			break;
		case OTLP_VALUE_INT:
			set_literal(wrap(slot, "intValue"),
						psprintf(INT64_FORMAT, value->integer));
			break;
		case OTLP_VALUE_DOUBLE:
			set_exact_double(wrap(slot, "doubleValue"), value->number);
			break;
		case OTLP_VALUE_BYTES:
			set_base64(wrap(slot, "bytesValue"), value->bytes);
			break;
		default:
			start_object(slot, 1);
			break;
	}
}

/* Starts a container in the slot; returns what takes its members. */
static JsonbValue *
open_container(JsonbValue *slot, const OtlpValue *value, bool exact)
{
	bool is_list = value->type == OTLP_VALUE_KVLIST;
	uint32 count = otlp_count(value->items);

	if (exact)
		slot =
			wrap(wrap(slot, is_list ? "kvlistValue" : "arrayValue"), "values");
	if (is_list && !exact)
		start_object(slot, count);
	else
		start_array(slot, count);
	return slot;
}

/* The slot for one more member of a container. */
static JsonbValue *
open_member(JsonbValue *container, const OtlpAttribute *member, bool exact)
{
	JsonbValue *slot;
	JsonbValue key;

	if (member->key.data == NULL)
		return add_element(container);
	set_text(&key, member->key);
	if (!exact)
		return add_slot(container, key);
	slot = add_element(container);
	start_object(slot, 2);
	*add_named(slot, "key") = key;
	return add_named(slot, "value");
}

/* How values are to be written, and what came out. */
typedef struct ValueForm
{
	bool exact; /* as an AnyValue, not as plain JSON */
	bool lossy; /* set when the plain form is not exact */
	ValueBudget *budget;
} ValueForm;

static void
set_scalar(JsonbValue *slot, const OtlpValue *value, ValueForm *form)
{
	if (form->exact)
		set_exact_scalar(slot, value);
	else if (!set_plain_scalar(slot, value))
		form->lossy = true;
}

/* An array or a list and all it holds; returns NULL, or why not. */
static const char *
set_container(JsonbValue *slot, const OtlpValue *value, ValueForm *form)
{
	JsonbValue *open[OTLP_MAX_DEPTH];
	OtlpWalk walk;
	OtlpAttribute member;
	OtlpStep step;
	const char *fault = spend_values(form->budget, otlp_count(value->items));

	if (fault != NULL)
		return fault;
	open[0] = open_container(slot, value, form->exact);
	otlp_walk_start(&walk, value);
	while ((step = otlp_walk_next(&walk, &member)) != OTLP_WALK_TOO_DEEP)
	{
		CHECK_FOR_INTERRUPTS();
		if (step == OTLP_WALK_SCALAR)
		{
			slot = open_member(open[walk.depth], &member, form->exact);
			set_scalar(slot, &member.value, form);
		}
		else if (step == OTLP_WALK_OPEN)
		{
			fault = spend_values(form->budget, otlp_count(member.value.items));
			if (fault != NULL)
				return fault;
			slot = open_member(open[walk.depth - 1], &member, form->exact);
			open[walk.depth] = open_container(slot, &member.value, form->exact);
		}
		else
		{
			/* the walk has just left it */
			if (open[walk.depth + 1]->type == jbvObject)
				sort_members(open[walk.depth + 1]);
			if (step == OTLP_WALK_DONE)
				return NULL;
		}
	}
	return TOO_DEEP;
}

static const char *
set_value(JsonbValue *slot, const OtlpValue *value, ValueForm *form)
{
	if (is_container(value))
		return set_container(slot, value, form);
	set_scalar(slot, value, form);
	return NULL;
}

/* Which of the attributes, by their place, are not exact; made when the first
 * one turns up. */
typedef struct LossyItems
{
	Slice *items;
	Slice otel; /* the attribute of the reserved key */
} LossyItems;

static void
note_lossy(LossyItems *lossy, uint32 place, uint32 count, Slice item)
{
	if (lossy->items == NULL)
		lossy->items = palloc0(count * sizeof(Slice));
	lossy->items[place] = item;
}

static const char *
add_exact(JsonbValue *exact, Slice item, ValueBudget *budget)
{
	ValueForm form = {.exact = true, .budget = budget};
	OtlpAttribute attribute;
	JsonbValue key;

	otlp_read_attribute(item, &attribute);
	set_text(&key, attribute.key);
	return set_value(add_slot(exact, key), &attribute.value, &form);
}

/* The exact form of what is lossy among the attributes that are left; returns
 * NULL, or why not. */
static const char *
write_exact(const LossyItems *lossy, ValueBudget *budget,
			AttributeObjects *result)
{
	JsonbPair *pairs = result->plain.val.object.pairs;
	int count = result->plain.val.object.nPairs;
	JsonbValue *exact = &result->exact;
	const char *fault = NULL;

	exact->type = jbvNull;
	if (lossy->items == NULL && lossy->otel.data == NULL)
		return NULL;
	start_object(exact, count + 1);
	for (int i = 0; lossy->items != NULL && i < count && fault == NULL; i++)
	{
		Slice item = lossy->items[pairs[i].order];

		if (item.data != NULL)
			fault = add_exact(exact, item, budget);
	}
	if (fault == NULL && lossy->otel.data != NULL)
		fault = add_exact(exact, lossy->otel, budget);
	if (fault != NULL)
		return fault;
	sort_members(exact);
	if (exact->val.object.nPairs == 0)
		exact->type = jbvNull;
	return NULL;
}

const char *
spend_values(ValueBudget *budget, uint32 count)
{
	if (count > budget->left)
		return "more than 500000 attributes, values, events and links";
	budget->left -= count;
	return NULL;
}

const char *
read_attributes(OtlpItems items, uint32 count, bool reserves_otel,
				ValueBudget *budget, AttributeObjects *result)
{
	JsonbValue *plain = &result->plain;
	LossyItems lossy = {0};
	OtlpAttribute attribute;
	Slice item;
	const char *fault = spend_values(budget, count);

	if (fault != NULL)
		return fault;
	start_object(plain, count + (reserves_otel ? 1 : 0));
	while (otlp_next(&items, &item))
	{
		ValueForm form = {.exact = false, .budget = budget};
		uint32 place = plain->val.object.nPairs;
		JsonbValue key;

		CHECK_FOR_INTERRUPTS();
		otlp_read_attribute(item, &attribute);
		if (reserves_otel && slice_equal(attribute.key, SLICE_LITERAL(OTEL)))
		{
			lossy.otel = item;
			continue;
		}
		set_text(&key, attribute.key);
		fault = set_value(add_slot(plain, key), &attribute.value, &form);
		if (fault != NULL)
			return fault;
		if (form.lossy)
			note_lossy(&lossy, place, count, item);
	}
	sort_members(plain);
	return write_exact(&lossy, budget, result);
}
