/*
 * Reading the events of a span from its logs: see events.h.
 *
 * Times are read here and not by timestamptz_in, which raises errors, depends
 * on the session's settings, and rounds where nanoseconds must be cut off.
 */
#include "postgres.h"

#include "compat.h"
#include "server/argument.h"
#include "server/json_reader.h"
#include "server/row.h"
#include "store/events.h"
#include "store/otel_member.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(dt_trace_events);
PG_FUNCTION_INFO_V1(dt_trace_exception);

#define NANOSECOND_DIGITS 9

/* A place in a time that is being read. */
typedef struct Cursor
{
	const char *at;
	const char *end;
} Cursor;

static bool
next_is_digit(const Cursor *cursor)
{
	return cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9';
}

static bool
read_digits(Cursor *cursor, int count, int *number)
{
	*number = 0;
	for (int i = 0; i < count; i++)
	{
		if (!next_is_digit(cursor))
			return false;
		*number = *number * 10 + (*cursor->at++ - '0');
	}
	return true;
}

static bool
read_any_of(Cursor *cursor, const char *characters)
{
	if (cursor->at == cursor->end || *cursor->at == '\0' ||
		strchr(characters, *cursor->at) == NULL)
		return false;
	cursor->at++;
	return true;
}

/* Digits after a decimal point; those beyond nanoseconds are cut off. */
static int
read_fraction(Cursor *cursor)
{
	int nanoseconds = 0;
	int count = 0;

	for (; next_is_digit(cursor); cursor->at++)
	{
		if (count++ < NANOSECOND_DIGITS)
			nanoseconds = nanoseconds * 10 + (*cursor->at - '0');
	}
	for (; count < NANOSECOND_DIGITS; count++)
		nanoseconds *= 10;
	return nanoseconds;
}

/* Z, +hh, +hhmm or +hh:mm, in seconds east; nothing at all is UTC too. */
static bool
read_zone(Cursor *cursor, int *seconds)
{
	int sign;
	int hours;
	int minutes = 0;

	*seconds = 0;
	if (cursor->at == cursor->end || read_any_of(cursor, "Zz"))
		return true;
	sign = *cursor->at == '-' ? -1 : 1;
	if (!read_any_of(cursor, "+-") || !read_digits(cursor, 2, &hours))
		return false;
	if (cursor->at < cursor->end)
	{
		(void) read_any_of(cursor, ":");
		if (!read_digits(cursor, 2, &minutes))
			return false;
	}
	*seconds = sign * (hours * SECS_PER_HOUR + minutes * SECS_PER_MINUTE);
	return hours < 24 && minutes < 60;
}

static bool
read_date(Cursor *cursor, struct pg_tm *tm)
{
	return read_digits(cursor, 4, &tm->tm_year) && read_any_of(cursor, "-") &&
		   read_digits(cursor, 2, &tm->tm_mon) && read_any_of(cursor, "-") &&
		   read_digits(cursor, 2, &tm->tm_mday) && tm->tm_mon >= 1 &&
		   tm->tm_mon <= MONTHS_PER_YEAR && tm->tm_mday >= 1 &&
		   tm->tm_mday <= day_tab[isleap(tm->tm_year)][tm->tm_mon - 1];
}

static bool
read_clock(Cursor *cursor, struct pg_tm *tm)
{
	return read_digits(cursor, 2, &tm->tm_hour) && read_any_of(cursor, ":") &&
		   read_digits(cursor, 2, &tm->tm_min) && read_any_of(cursor, ":") &&
		   read_digits(cursor, 2, &tm->tm_sec) && tm->tm_hour < 24 &&
		   tm->tm_min < 60 && tm->tm_sec <= 60;
}

/* An RFC 3339 time, with a blank for its T if need be. */
static bool
read_time(const JsonbValue *value, SpanEvent *event)
{
	Cursor cursor;
	struct pg_tm tm = {0};
	int nanoseconds = 0;
	int zone;

	if (value->type != jbvString)
		return false;
	cursor.at = value->val.string.val;
	cursor.end = cursor.at + value->val.string.len;
	if (!read_date(&cursor, &tm) || !read_any_of(&cursor, "Tt ") ||
		!read_clock(&cursor, &tm))
		return false;
	if (read_any_of(&cursor, ".,"))
		nanoseconds = read_fraction(&cursor);
	if (!read_zone(&cursor, &zone) || cursor.at != cursor.end ||
		tm2timestamp(&tm, nanoseconds / 1000, NULL, &event->time) != 0)
		return false;
	event->time -= zone * USECS_PER_SEC;
	event->nanoseconds = nanoseconds % 1000;
	return true;
}

static void
set_attributes(SpanEvent *event, const JsonbValue *object)
{
	event->has_attributes = true;
	event->attributes = *object;
}

/* Whether an object has any of the members that events have here.  If not it
 * was written by somebody else, and all of it is taken for attributes. */
static bool
is_own_form(JsonbContainer *object)
{
	static const char *const members[] = {OTEL_TIME,
										  OTEL_NAME,
										  OTEL_ATTRIBUTES,
										  OTEL_EXACT,
										  OTEL_DROPPED_ATTRIBUTES};
	JsonbValue value;

	for (size_t i = 0; i < lengthof(members); i++)
	{
		if (json_member(object, members[i], &value))
			return true;
	}
	return JsonContainerSize(object) == 0;
}

static void
read_object(const JsonbValue *element, SpanEvent *event)
{
	JsonbContainer *object = element->val.binary.data;
	JsonbValue value;

	event->whole = object;
	if (!is_own_form(object))
		set_attributes(event, element);
	if (json_member(object, OTEL_TIME, &value))
		event->has_time = read_time(&value, event);
	if (json_member(object, OTEL_NAME, &value) && value.type == jbvString)
	{
		event->has_name = true;
		event->name = value;
	}
	if (json_member(object, OTEL_ATTRIBUTES, &value) &&
		json_as_object(&value) != NULL)
		set_attributes(event, &value);
}

static void
set_name(SpanEvent *event, const char *name, int length)
{
	event->has_name = true;
	event->name = json_string(name, length);
}

static void
read_element(const JsonbValue *element, SpanEvent *event)
{
	if (json_as_object(element) != NULL)
		read_object(element, event);
	else
	{
		text *name = json_value_text(element);

		set_name(event, VARDATA(name), VARSIZE(name) - VARHDRSZ);
	}
}

static bool
is_blank(const char *line, const char *end)
{
	while (line < end && isspace((unsigned char) *line))
		line++;
	return line == end;
}

static bool
next_line(EventReader *reader, SpanEvent *event)
{
	while (reader->line < reader->end)
	{
		const char *line = reader->line;
		const char *end = memchr(line, '\n', reader->end - line);

		CHECK_FOR_INTERRUPTS();
		if (end == NULL)
			end = reader->end;
		reader->line = end + 1;
		if (is_blank(line, end))
			continue;
		if (end[-1] == '\r')
			end--;
		set_name(event, line, end - line);
		return true;
	}
	return false;
}

void
event_reader_start(EventReader *reader, text *logs)
{
	Jsonb *json = NULL;

	reader->line = VARDATA_ANY(logs);
	reader->end = reader->line + VARSIZE_ANY_EXHDR(logs);
	reader->array = NULL;
	while (reader->line < reader->end && isspace((unsigned char) *reader->line))
		reader->line++;
	if (reader->line < reader->end && *reader->line == '[')
		json = json_parse_or_null(logs);
	if (json != NULL)
		reader->array = JsonbIteratorInit(&json->root);
}

bool
event_reader_next(EventReader *reader, SpanEvent *event)
{
	JsonbValue element;

	memset(event, 0, sizeof(SpanEvent));
	event->name = json_string("", 0);
	if (reader->array == NULL)
		return next_line(reader, event);
	if (!json_next_element(&reader->array, &element))
		return false;
	read_element(&element, event);
	return true;
}

/*
 * trace_events(logs text)
 *     -> SETOF (event_time timestamptz, event_name text, attributes jsonb)
 */
Datum
dt_trace_events(PG_FUNCTION_ARGS)
{
	Row row;
	EventReader reader;
	SpanEvent event;

	row_begin(&row, fcinfo, 0);
	event_reader_start(&reader, PG_GETARG_TEXT_PP(0));
	while (event_reader_next(&reader, &event))
	{
		row_start(&row);
		row_put_time_if(&row, event.has_time, event.time);
		row_put_pointer(&row,
						event.has_name ? json_value_text(&event.name) : NULL);
		row_put_pointer(
			&row,
			event.has_attributes ? JsonbValueToJsonb(&event.attributes) : NULL);
		row_emit(&row);
	}
	return (Datum) 0;
}

/*
 * Exceptions
 */

/* The first of these attributes that is there and no empty string; NULL if
 * none is.  The list ends with NULL. */
static text *
first_attribute(JsonbContainer *attributes, const char *const *keys)
{
	for (; *keys != NULL; keys++)
	{
		JsonbValue value;

		if (json_member(attributes, *keys, &value) &&
			!json_is_string(&value, ""))
			return json_value_text(&value);
	}
	return NULL;
}

static bool
is_word_error(const char *string, int length)
{
	return length == strlen("error") &&
		   pg_strncasecmp(string, "error", length) == 0;
}

/* Whether OpenTracing's conventions make this a log of an error. */
static bool
is_error_log(Slice name, JsonbContainer *attributes)
{
	JsonbValue value;

	if (is_word_error(name.data, name.length))
		return true;
	if (json_member(attributes, "event", &value) && value.type == jbvString &&
		is_word_error(value.val.string.val, value.val.string.len))
		return true;
	return json_member(attributes, "error.object", &value) ||
		   json_member(attributes, "error.kind", &value);
}

SpanException
event_exception(Slice name, JsonbContainer *attributes)
{
	static const char *const type[] = {"exception.type", NULL};
	static const char *const message[] = {"exception.message", NULL};
	static const char *const stacktrace[] = {"exception.stacktrace", NULL};
	static const char *const log_type[] = {"error.kind", NULL};
	static const char *const log_message[] = {
		"message", "error.object", "error", NULL};
	static const char *const log_stacktrace[] = {"stack", NULL};
	SpanException exception = {
		first_attribute(attributes, type),
		first_attribute(attributes, message),
		first_attribute(attributes, stacktrace),
	};

	if (!is_error_log(name, attributes))
		return exception;
	if (exception.type == NULL)
		exception.type = first_attribute(attributes, log_type);
	if (exception.message == NULL)
		exception.message = first_attribute(attributes, log_message);
	if (exception.stacktrace == NULL)
		exception.stacktrace = first_attribute(attributes, log_stacktrace);
	return exception;
}

/*
 * trace_exception(event_name text, attributes jsonb)
 *     -> (exception_type text, exception_message text,
 *         exception_stacktrace text)
 *
 * All NULL for an event that is no exception.
 */
Datum
dt_trace_exception(PG_FUNCTION_ARGS)
{
	Jsonb *attributes = PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1);
	SpanException exception =
		event_exception(slice_argument(fcinfo, 0),
						attributes == NULL ? NULL : &attributes->root);
	Row row = {0};

	row_put_pointer(&row, exception.type);
	row_put_pointer(&row, exception.message);
	row_put_pointer(&row, exception.stacktrace);
	return row_composite(&row, fcinfo);
}
