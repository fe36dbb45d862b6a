/*
 * Taking logs apart and putting them together: see log_text.h.
 */
#include "log_text.h"

#include <stdio.h>

#define TIME_LENGTH 30
#define TIME_FORM "dddd-dd-ddTdd:dd:dd.dddddddddZ"
#define MAX_DIGITS 18
#define NS_PER_SECOND INT64_C(1000000000)
#define SECONDS_PER_DAY INT64_C(86400)

/* years whose nanoseconds surely fit */
#define FIRST_YEAR 1970
#define LAST_YEAR 2260

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int
number_at(const char *digits, int count)
{
	int number = 0;

	for (int i = 0; i < count; i++)
		number = number * 10 + (digits[i] - '0');
	return number;
}

/* Days since 1970 of a date of the Gregorian calendar.  Years are counted from
 * March, so that a leap day is the last of its year. */
static int64_t
days_of_date(int year, int month, int day)
{
	int from_march = (month + 9) % 12;
	int64_t y = month <= 2 ? year - 1 : year;

	return y * 365 + y / 4 - y / 100 + y / 400 + (from_march * 153 + 2) / 5 +
		   day - 1 - 719468;
}

static void
date_of_days(int64_t days, int *year, int *month, int *day)
{
	int64_t since = days + 719468; /* 1 March of the year 0 */
	int64_t era = since / 146097;
	int64_t in_era = since % 146097;
	int64_t year_of_era =
		(in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int64_t in_year =
		in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int from_march = (int) ((5 * in_year + 2) / 153);

	*day = (int) (in_year - (153 * from_march + 2) / 5 + 1);
	*month = from_march < 10 ? from_march + 3 : from_march - 9;
	*year = (int) (year_of_era + era * 400) + (*month <= 2);
}

static bool
has_time_form(Slice text)
{
	if (text.length != TIME_LENGTH)
		return false;
	for (int i = 0; i < TIME_LENGTH; i++)
	{
		if (TIME_FORM[i] == 'd' ? !is_digit(text.data[i])
								: text.data[i] != TIME_FORM[i])
			return false;
	}
	return true;
}

static void
write_time(int64_t ns, char text[TIME_LENGTH + 1])
{
	uint64_t days =
		(uint64_t) ns / (uint64_t) (SECONDS_PER_DAY * NS_PER_SECOND);
	uint64_t in_day =
		(uint64_t) ns % (uint64_t) (SECONDS_PER_DAY * NS_PER_SECOND);
	unsigned seconds = (unsigned) (in_day / NS_PER_SECOND);
	int year;
	int month;
	int day;

	date_of_days((int64_t) days, &year, &month, &day);
	snprintf(text,
			 TIME_LENGTH + 1,
			 "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ",
			 (unsigned) year % 10000,
			 (unsigned) month % 100,
			 (unsigned) day % 100,
			 seconds / 3600 % 100,
			 seconds / 60 % 60,
			 seconds % 60,
			 (unsigned) (in_day % NS_PER_SECOND));
}

/* A time that is written back as it was, which a 30th of February is not. */
static bool
read_time(Slice text, int64_t *ns)
{
	const char *at = text.data;
	char again[TIME_LENGTH + 1];
	int year;
	int month;
	int64_t seconds;

	if (!has_time_form(text))
		return false;
	year = number_at(at, 4);
	month = number_at(at + 5, 2);
	if (year < FIRST_YEAR || year > LAST_YEAR || month < 1 || month > 12)
		return false;
	seconds =
		days_of_date(year, month, number_at(at + 8, 2)) * SECONDS_PER_DAY +
		number_at(at + 11, 2) * 3600 + number_at(at + 14, 2) * 60 +
		number_at(at + 17, 2);
	if (seconds < 0)
		return false;
	*ns = seconds * NS_PER_SECOND + number_at(at + 20, 9);
	write_time(*ns, again);
	return memcmp(again, at, TIME_LENGTH) == 0;
}

static bool
read_integer(Slice text, int64_t *number)
{
	uint32_t first = text.length > 0 && text.data[0] == '-';
	uint32_t digits = text.length - first;
	int64_t value = 0;

	if (digits == 0 || digits > MAX_DIGITS ||
		(text.data[first] == '0' && text.length > 1))
		return false;
	for (uint32_t i = first; i < text.length; i++)
	{
		if (!is_digit(text.data[i]))
			return false;
		value = value * 10 + (text.data[i] - '0');
	}
	*number = first ? -value : value;
	return true;
}

void
log_text_whole(LogText *log, Slice text)
{
	log->skeleton.used = 0;
	bytes_put_byte(&log->skeleton, LOG_STRING);
	log->holes[0] = (LogHole){.text = text};
	log->hole_count = 1;
}

static bool
add_hole(LogText *log, uint8_t kind, LogHole hole)
{
	if (log->hole_count == LOG_MAX_HOLES)
		return false;
	bytes_put_byte(&log->skeleton, kind);
	log->holes[log->hole_count++] = hole;
	return true;
}

/* Where a string that begins before `at` ends: at its closing quote, or at the
 * end of the text. */
static uint32_t
string_end(Slice text, uint32_t at)
{
	while (at < text.length && text.data[at] != '"')
		at += text.data[at] == '\\' ? 2 : 1;
	return at < text.length ? at : text.length;
}

static bool
is_key(Slice text, uint32_t after)
{
	while (after < text.length && text.data[after] == ' ')
		after++;
	return after < text.length && text.data[after] == ':';
}

/* The string whose opening quote is at *at. */
static bool
split_string(LogText *log, Slice text, uint32_t *at)
{
	uint32_t from = *at + 1;
	uint32_t end = string_end(text, from);
	LogHole hole = {.text = {text.data + from, end - from}};
	bool is_time;

	if (end == text.length)
		return false;
	*at = end + 1;
	if (is_key(text, end + 1))
	{
		bytes_put(&log->skeleton, text.data + from - 1, end - from + 2);
		return true;
	}
	is_time = read_time(hole.text, &hole.number);
	bytes_put_byte(&log->skeleton, '"');
	if (!add_hole(log, is_time ? LOG_TIME : LOG_STRING, hole))
		return false;
	bytes_put_byte(&log->skeleton, '"');
	return true;
}

static bool
split_number(LogText *log, Slice text, uint32_t *at)
{
	static const char others[] = "+-.eE";
	uint32_t end = *at;
	LogHole hole = {0};
	bool is_integer;

	while (end < text.length &&
		   (is_digit(text.data[end]) ||
			memchr(others, text.data[end], sizeof(others) - 1) != NULL))
		end++;
	hole.text = (Slice){text.data + *at, end - *at};
	*at = end;
	is_integer = read_integer(hole.text, &hole.number);
	return add_hole(log, is_integer ? LOG_INTEGER : LOG_STRING, hole);
}

static bool
split_json(LogText *log, Slice text)
{
	for (uint32_t at = 0; at < text.length;)
	{
		char c = text.data[at];
		bool fits = true;

		if ((uint8_t) c <= LOG_LAST_HOLE)
			return false;
		if (c == '"')
			fits = split_string(log, text, &at);
		else if (c == '-' || is_digit(c))
			fits = split_number(log, text, &at);
		else
		{
			bytes_put_byte(&log->skeleton, (uint8_t) c);
			at++;
		}
		if (!fits)
			return false;
	}
	return true;
}

/* Keys are copied as they are, so none may look like a hole. */
static bool
has_hole_bytes(Slice text)
{
	for (uint32_t i = 0; i < text.length; i++)
	{
		if ((uint8_t) text.data[i] <= LOG_LAST_HOLE)
			return true;
	}
	return false;
}

void
log_text_split(LogText *log, Slice text)
{
	log->skeleton.used = 0;
	log->hole_count = 0;
	if (text.length == 0 || text.data[0] != '[' || has_hole_bytes(text) ||
		!split_json(log, text))
		log_text_whole(log, text);
}

void
log_text_put(Bytes *text, uint8_t hole, const LogHole *value)
{
	char written[TIME_LENGTH + 1];

	switch (hole)
	{
		case LOG_TIME:
			write_time(value->number, written);
			bytes_put(text, written, TIME_LENGTH);
			break;
		case LOG_INTEGER:
			bytes_put(text,
					  written,
					  (size_t) snprintf(written,
										sizeof(written),
										"%lld",
										(long long) value->number));
			break;
		default:
			bytes_put(text, value->text.data, value->text.length);
			break;
	}
}
