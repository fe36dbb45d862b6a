/*
 * Rows of the log and of the archive: see archive_row.h.
 *
 * The members of tags become items, those of its member "otel" reserved ones;
 * what lies deeper stays JSON text.  A number is an integer where an int64 and
 * its text can hold it; any other is text, so that its digits stay.
 */
#include "postgres.h"

#include "compat.h"
#include "server/numeric_reader.h"
#include "server/query.h"
#include "store/archive_row.h"
#include "store/otel_member.h"
#include "store/reader.h"
#include "store/tag_readers.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#define RESERVED_KEY SLICE_LITERAL(OTEL)

/* digits that any int64 of so many has room for */
#define INTEGER_DIGITS 18

/* members of "otel" that follow from the code that made the span */
static const Slice constant_keys[] = {
	SLICE_LITERAL(OTEL_KIND),
	SLICE_LITERAL(OTEL_FLAGS),
	SLICE_LITERAL(OTEL_SCOPE),
	SLICE_LITERAL(OTEL_STATUS),
};

/*
 * From the log
 */

typedef struct ItemList
{
	ArchiveItem *items;
	uint32 count;
	uint16 start_ns;
	uint16 end_ns;
} ItemList;

/* A number whose text is that of its value and nothing more. */
static bool
is_plain_integer(const char *text, int64 *value)
{
	const char *digits = text + (*text == '-');
	size_t count = strspn(digits, "0123456789");

	if (count == 0 || count > INTEGER_DIGITS || digits[count] != '\0' ||
		(digits[0] == '0' && (count > 1 || digits != text)))
		return false;
	*value = strtoll(text, NULL, 10);
	return true;
}

static void
set_number(ArchiveItem *item, Numeric number)
{
	char *text = DatumGetCString(
		DirectFunctionCall1(numeric_out, NumericGetDatum(number)));

	if (is_plain_integer(text, &item->integer))
		item->type = ARCHIVE_INTEGER;
	else
	{
		item->type = ARCHIVE_NUMBER;
		item->text = (Slice){text, strlen(text)};
	}
}

static void
set_nested(ArchiveItem *item, JsonbContainer *container)
{
	StringInfoData json;

	initStringInfo(&json);
	JsonbToCString(&json, container, 0);
	item->type = ARCHIVE_NESTED;
	item->text = (Slice){json.data, json.len};
}

static void
set_value(ArchiveItem *item, const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			item->type = ARCHIVE_NULL;
			break;
		case jbvString:
			item->type = ARCHIVE_STRING;
			item->text = (Slice){value->val.string.val, value->val.string.len};
			break;
		case jbvNumeric:
			set_number(item, value->val.numeric);
			break;
		case jbvBool:
			item->type = ARCHIVE_BOOLEAN;
			item->integer = value->val.boolean;
			break;
		case jbvBinary:
			set_nested(item, value->val.binary.data);
			break;
		default:
			elog(ERROR, "unexpected type of jsonb value: %d", value->type);
	}
}

static bool
is_constant_key(Slice key)
{
	for (size_t i = 0; i < lengthof(constant_keys); i++)
	{
		if (slice_equal(key, constant_keys[i]))
			return true;
	}
	return false;
}

/* Nanoseconds that the times' own columns keep; false if the item stays. */
static bool
take_nanoseconds(ItemList *list, const ArchiveItem *item)
{
	bool is_start = slice_equal(item->key, SLICE_LITERAL(OTEL_START_NS));

	if ((!is_start && !slice_equal(item->key, SLICE_LITERAL(OTEL_END_NS))) ||
		item->type != ARCHIVE_INTEGER || item->integer < 1 ||
		item->integer > 999)
		return false;
	*(is_start ? &list->start_ns : &list->end_ns) = item->integer;
	return true;
}

/* The members of an object, but for one that stands apart. */
static void
add_members(ItemList *list, JsonbContainer *object, bool is_reserved,
			JsonbContainer *apart)
{
	JsonbIterator *members = JsonbIteratorInit(object);
	JsonbValue name;
	JsonbValue value;

	(void) JsonbIteratorNext(&members, &name, true);
	while (JsonbIteratorNext(&members, &name, true) == WJB_KEY)
	{
		ArchiveItem item = {
			.key = {name.val.string.val, name.val.string.len},
			.is_reserved = is_reserved,
		};

		(void) JsonbIteratorNext(&members, &value, true);
		if (value.type == jbvBinary && value.val.binary.data == apart)
			continue;
		set_value(&item, &value);
		item.is_constant = is_reserved && is_constant_key(item.key);
		if (!is_reserved || !take_nanoseconds(list, &item))
			list->items[list->count++] = item;
	}
}

/* The member "otel", if it is an object; an empty one, which would leave no
 * items to tell of it, is a member as any other. */
static JsonbContainer *
find_reserved(Jsonb *tags)
{
	JsonbContainer *otel = tags_find_otel(tags);

	return otel != NULL && JsonContainerSize(otel) > 0 ? otel : NULL;
}

static ItemList
list_items(Jsonb *tags)
{
	JsonbContainer *reserved = find_reserved(tags);
	ItemList list = {0};
	uint32 room = JB_ROOT_COUNT(tags);

	if (reserved != NULL)
		room += JsonContainerSize(reserved);
	list.items = palloc((room + 1) * sizeof(ArchiveItem));
	add_members(&list, &tags->root, false, reserved);
	if (reserved != NULL)
		add_members(&list, reserved, true, NULL);
	return list;
}

/* Tags that are no object: one item that is their text. */
static ItemList
list_whole(Jsonb *tags)
{
	ItemList list = {.items = palloc0(sizeof(ArchiveItem)), .count = 1};

	list.items[0].key = SLICE_LITERAL("");
	set_nested(&list.items[0], &tags->root);
	return list;
}

static void
set_tags(ArchiveRow *row, Jsonb *tags)
{
	bool is_object = JB_ROOT_IS_OBJECT(tags);
	ItemList list = is_object ? list_items(tags) : list_whole(tags);
	bool is_error;

	row->kind = tags_read(tags, &is_error);
	row->is_error = is_error;
	row->tags_form = is_object ? ARCHIVE_TAGS_OBJECT : ARCHIVE_TAGS_OTHER;
	row->items = list.items;
	row->item_count = list.count;
	row->start_ns = list.start_ns;
	row->end_ns = list.end_ns;
}

static Numeric
numeric_from_us(int64 us)
{
	return int64_div_fast_to_numeric(us, 3);
}

static void
set_duration(ArchiveRow *row, Numeric duration)
{
	Datum given = NumericGetDatum(duration);
	int64 us;

	if (numeric_ms_to_us(duration, &us) &&
		DatumGetBool(DirectFunctionCall2(
			numeric_eq, given, NumericGetDatum(numeric_from_us(us)))))
	{
		row->duration_form = ARCHIVE_DURATION_US;
		row->duration = us;
	}
	else
	{
		char *text = DatumGetCString(DirectFunctionCall1(numeric_out, given));

		row->duration_form = ARCHIVE_DURATION_TEXT;
		row->duration_text = (Slice){text, strlen(text)};
	}
}

static Slice
required_slice(const Datum *values, const bool *nulls, int column,
			   const char *name)
{
	require_value(nulls[column], name);
	return text_slice(DatumGetTextPP(values[column]));
}

ArchiveRow
archive_row_from_log(const Datum *values, const bool *nulls)
{
	ArchiveRow row = {
		.span_id = required_slice(values, nulls, LOG_SPAN, "span_id"),
		.service_name =
			required_slice(values, nulls, LOG_SERVICE, "service_name"),
		.operation = required_slice(values, nulls, LOG_OPERATION, "operation"),
		.has_end = !nulls[LOG_END],
	};

	require_value(nulls[LOG_ID], "id");
	require_value(nulls[LOG_START], "start_time");
	require_value(nulls[LOG_CREATED], "created_at");
	require_value(nulls[LOG_UPDATED], "updated_at");
	row.id = DatumGetInt64(values[LOG_ID]);
	row.start_time = DatumGetTimestampTz(values[LOG_START]);
	row.created_at = DatumGetTimestampTz(values[LOG_CREATED]);
	row.updated_at = DatumGetTimestampTz(values[LOG_UPDATED]);
	if (row.has_end)
		row.end_time = DatumGetTimestampTz(values[LOG_END]);
	if (!nulls[LOG_PARENT])
		row.parent_span_id = text_slice(DatumGetTextPP(values[LOG_PARENT]));
	if (!nulls[LOG_DURATION])
		set_duration(&row, DatumGetNumeric(values[LOG_DURATION]));
	if (!nulls[LOG_TAGS])
		set_tags(&row, DatumGetJsonbP(values[LOG_TAGS]));
	if (!nulls[LOG_LOGS])
		row.logs = text_slice(DatumGetTextPP(values[LOG_LOGS]));
	return row;
}

/*
 * To the log
 */

static text *
make_text(Slice slice)
{
	return slice.data == NULL
			   ? NULL
			   : cstring_to_text_with_len(slice.data, slice.length);
}

static char *
make_string(Slice slice)
{
	return pnstrdup(slice.data, slice.length);
}

static Jsonb *
parse_json(Slice json)
{
	return DatumGetJsonbP(
		DirectFunctionCall1(jsonb_in, CStringGetDatum(make_string(json))));
}

static JsonbValue
item_value(const ArchiveItem *item)
{
	JsonbValue value = {.type = jbvNull};

	switch ((ArchiveType) item->type)
	{
		case ARCHIVE_NULL:
			break;
		case ARCHIVE_STRING:
			value.type = jbvString;
			value.val.string.val = unconstify(char *, item->text.data);
			value.val.string.len = item->text.length;
			break;
		case ARCHIVE_INTEGER:
			value.type = jbvNumeric;
			value.val.numeric = int64_to_numeric(item->integer);
			break;
		case ARCHIVE_NUMBER:
			value.type = jbvNumeric;
			value.val.numeric = DatumGetNumeric(
				DirectFunctionCall3(numeric_in,
									CStringGetDatum(make_string(item->text)),
									ObjectIdGetDatum(InvalidOid),
									Int32GetDatum(-1)));
			break;
		case ARCHIVE_BOOLEAN:
			value.type = jbvBool;
			value.val.boolean = item->integer != 0;
			break;
		case ARCHIVE_NESTED:
			JsonbToJsonbValue(parse_json(item->text), &value);
			break;
	}
	return value;
}

static void
push_member(JsonbParseState **state, Slice key, JsonbValue value)
{
	JsonbValue name = {.type = jbvString};

	name.val.string.val = unconstify(char *, key.data);
	name.val.string.len = key.length;
	pushJsonbValue(state, WJB_KEY, &name);
	pushJsonbValue(state, WJB_VALUE, &value);
}

static void
push_nanoseconds(JsonbParseState **state, const char *key, int nanoseconds)
{
	JsonbValue value = {.type = jbvNumeric};

	if (nanoseconds == 0)
		return;
	value.val.numeric = int64_to_numeric(nanoseconds);
	push_member(state, (Slice){key, strlen(key)}, value);
}

static bool
has_reserved(const ArchiveRow *row)
{
	if (row->start_ns != 0 || row->end_ns != 0)
		return true;
	for (uint32 i = 0; i < row->item_count; i++)
	{
		if (row->items[i].is_reserved)
			return true;
	}
	return false;
}

static void
push_items(JsonbParseState **state, const ArchiveRow *row, bool is_reserved)
{
	for (uint32 i = 0; i < row->item_count; i++)
	{
		if (row->items[i].is_reserved == is_reserved)
			push_member(state, row->items[i].key, item_value(&row->items[i]));
	}
}

Jsonb *
archive_row_tags(const ArchiveRow *row)
{
	JsonbParseState *state = NULL;
	JsonbValue name = {.type = jbvString};

	if (row->tags_form == ARCHIVE_TAGS_NULL)
		return NULL;
	if (row->tags_form == ARCHIVE_TAGS_OTHER)
		return parse_json(row->items[0].text);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_items(&state, row, false);
	if (has_reserved(row))
	{
		name.val.string.val = unconstify(char *, RESERVED_KEY.data);
		name.val.string.len = RESERVED_KEY.length;
		pushJsonbValue(&state, WJB_KEY, &name);
		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		push_items(&state, row, true);
		push_nanoseconds(&state, OTEL_START_NS, row->start_ns);
		push_nanoseconds(&state, OTEL_END_NS, row->end_ns);
		pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static Numeric
row_duration(const ArchiveRow *row)
{
	if (row->duration_form == ARCHIVE_DURATION_US)
		return numeric_from_us(row->duration);
	return DatumGetNumeric(
		DirectFunctionCall3(numeric_in,
							CStringGetDatum(make_string(row->duration_text)),
							ObjectIdGetDatum(InvalidOid),
							Int32GetDatum(-1)));
}

static void
put_text(Datum *values, bool *nulls, int column, Slice slice)
{
	nulls[column] = slice.data == NULL;
	values[column] = PointerGetDatum(make_text(slice));
}

void
archive_row_to_log(const ArchiveRow *row, Slice trace_id, Datum *values,
				   bool *nulls)
{
	Jsonb *tags = archive_row_tags(row);

	memset(nulls, 0, LOG_COLUMNS * sizeof(bool));
	values[LOG_ID] = Int64GetDatum(row->id);
	put_text(values, nulls, LOG_TRACE, trace_id);
	put_text(values, nulls, LOG_SPAN, row->span_id);
	put_text(values, nulls, LOG_PARENT, row->parent_span_id);
	put_text(values, nulls, LOG_SERVICE, row->service_name);
	put_text(values, nulls, LOG_OPERATION, row->operation);
	put_text(values, nulls, LOG_LOGS, row->logs);
	values[LOG_START] = TimestampTzGetDatum(row->start_time);
	nulls[LOG_END] = !row->has_end;
	values[LOG_END] = TimestampTzGetDatum(row->end_time);
	nulls[LOG_DURATION] = row->duration_form == ARCHIVE_DURATION_NONE;
	values[LOG_DURATION] =
		nulls[LOG_DURATION] ? (Datum) 0 : NumericGetDatum(row_duration(row));
	nulls[LOG_TAGS] = tags == NULL;
	values[LOG_TAGS] = PointerGetDatum(tags);
	values[LOG_CREATED] = TimestampTzGetDatum(row->created_at);
	values[LOG_UPDATED] = TimestampTzGetDatum(row->updated_at);
}

SpanRow
archive_row_to_span(const ArchiveRow *row, Slice trace_id, int columns)
{
	SpanRow span = {
		.trace_id = make_text(trace_id),
		.span_id = make_text(row->span_id),
		.parent_span_id = make_text(row->parent_span_id),
		.service_name = make_text(row->service_name),
		.operation = make_text(row->operation),
		.start_time = row->start_time,
		.end_time = row->end_time,
		.is_finished = row->has_end,
		.has_duration = row->duration_form == ARCHIVE_DURATION_US,
		.duration = row->duration,
		.reports = 1,
	};

	if (row->duration_form == ARCHIVE_DURATION_TEXT)
		span.has_duration = numeric_ms_to_us(row_duration(row), &span.duration);
	if (columns & READ_TAGS)
		span.tags = archive_row_tags(row);
	if (columns & READ_LOGS)
		span.logs = make_text(row->logs);
	return span;
}
