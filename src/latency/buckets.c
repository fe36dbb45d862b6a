/*
 * Buckets of time: see buckets.h.
 */
#include "postgres.h"

#include "compat.h"
#include "latency/buckets.h"
#include "server/row.h"

#include "common/int.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(dt_trace_latency_buckets);

#define MAX_BUCKETS 100000

/* How a window is cut. */
typedef struct Cut
{
	pg_tz *zone;
	int64 days;			/* 0: by `width` */
	int64 width;		/* us */
	TimestampTz origin; /* of buckets that are not in days */
} Cut;

Buckets
buckets_whole(TimestampTz from, TimestampTz to)
{
	Buckets buckets = {.from = from, .to = to};

	buckets.starts = palloc(sizeof(TimestampTz));
	buckets.starts[0] = from;
	buckets.count = from < to ? 1 : 0;
	return buckets;
}

static pg_tz *
find_zone(text *time_zone)
{
	char *name = text_to_cstring(time_zone);
	pg_tz *zone = strlen(name) > TZ_STRLEN_MAX ? NULL : pg_tzset(name);

	if (zone == NULL)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("time zone \"%s\" not recognized", name),
				errhint("Names of time zones are in pg_timezone_names."));
	return zone;
}

/* Midnight of a day, by its number since 2000-01-01; where clocks skip that
 * hour, when the day begins. */
static TimestampTz
midnight(int64 day, pg_tz *zone)
{
	struct pg_tm tm = {0};
	int offset;

	if (day < MIN_TIMESTAMP / USECS_PER_DAY ||
		day > (END_TIMESTAMP / USECS_PER_DAY) - 1)
		ereport(ERROR,
				errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				errmsg("bucket out of range"));
	j2date(
		(int) day + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	offset = DetermineTimeZoneOffset(&tm, zone);
	return day * USECS_PER_DAY + (int64) offset * USECS_PER_SEC;
}

/* The number of the day that a time lies in. */
static int64
day_of(TimestampTz time, pg_tz *zone)
{
	struct pg_tm tm;
	fsec_t fraction;
	int offset;

	if (timestamp2tm(time, &offset, &tm, &fraction, NULL, zone) != 0)
		ereport(ERROR,
				errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				errmsg("timestamp out of range"));
	return date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
}

static int64
floor_to(int64 value, int64 width)
{
	int64 rest = value % width;

	return value - rest - (rest < 0 ? width : 0);
}

static Cut
read_cut(const Interval *width, text *time_zone)
{
	Cut cut = {.zone = find_zone(time_zone)};

	if (width->month != 0 ||
		pg_mul_s64_overflow(width->day, USECS_PER_DAY, &cut.width) ||
		pg_add_s64_overflow(cut.width, width->time, &cut.width) ||
		cut.width <= 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("bucket must be a length of time above 0, without "
					   "months or years"),
				errhint("A month has no fixed length; use '30 days'."));
	if (width->time == 0)
		cut.days = width->day;
	cut.origin = midnight(0, cut.zone);
	return cut;
}

static void
check_count(TimestampTz from, TimestampTz to, int64 width)
{
	/* finite times are less than 2^64 apart */
	uint64 length = (uint64) to - (uint64) from;

	if (length / (uint64) width <= MAX_BUCKETS)
		return;
	ereport(ERROR,
			errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			errmsg("too many buckets"),
			errdetail("The window has %llu of this width; at most %d are made.",
					  (unsigned long long) (length / (uint64) width),
					  MAX_BUCKETS),
			errhint("Use a wider bucket or a shorter window."));
}

/* Where bucket `index` of a window that starts at `from` begins; false if that
 * is beyond the times there are. */
static bool
find_start(const Cut *cut, TimestampTz from, int index, TimestampTz *start)
{
	int64 offset;
	int64 first;

	if (cut->days > 0)
	{
		first = floor_to(day_of(from, cut->zone), cut->days);
		if (first + index * cut->days > (END_TIMESTAMP / USECS_PER_DAY) - 1)
			return false;
		*start = midnight(first + index * cut->days, cut->zone);
		return true;
	}
	/* of times, neither lies at the ends of int64 */
	first = floor_to(from - cut->origin, cut->width) + cut->origin;
	return !pg_mul_s64_overflow(index, cut->width, &offset) &&
		   !pg_add_s64_overflow(first, offset, start);
}

Buckets
buckets_cut(TimestampTz from, TimestampTz to, const Interval *width,
			text *time_zone)
{
	Cut cut = read_cut(width, time_zone);
	Buckets buckets = {.from = from, .to = to};
	TimestampTz start;

	if (TIMESTAMP_NOT_FINITE(from) || TIMESTAMP_NOT_FINITE(to))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("from_time and to_time must be finite"),
				errhint("A series has a row for each bucket between them."));
	if (from >= to)
		return buckets;
	check_count(from, to, cut.width);
	/* a day may have an hour less, and both ends may cut one off */
	buckets.starts = palloc(sizeof(TimestampTz) * (MAX_BUCKETS + 8));
	while (buckets.count < MAX_BUCKETS + 8 &&
		   find_start(&cut, from, buckets.count, &start) && start < to)
	{
		CHECK_FOR_INTERRUPTS();
		if (!IS_VALID_TIMESTAMP(start))
			ereport(ERROR,
					errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
					errmsg("bucket out of range"));
		buckets.starts[buckets.count++] = start;
	}
	return buckets;
}

TimestampTz
bucket_from(const Buckets *buckets, int index)
{
	return Max(buckets->starts[index], buckets->from);
}

TimestampTz
bucket_to(const Buckets *buckets, int index)
{
	return index + 1 < buckets->count ? buckets->starts[index + 1]
									  : buckets->to;
}

int
bucket_of(const Buckets *buckets, TimestampTz time)
{
	int low = 0;
	int high = buckets->count - 1;

	while (low < high)
	{
		int middle = low + (high - low + 1) / 2;

		if (buckets->starts[middle] <= time)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/*
 * trace_latency_buckets(from_time timestamptz, to_time timestamptz,
 *						 bucket interval, time_zone text)
 *		-> (bucket_start, from_time, to_time timestamptz)
 */
Datum
dt_trace_latency_buckets(PG_FUNCTION_ARGS)
{
	Row row;
	Buckets buckets = buckets_cut(PG_GETARG_TIMESTAMPTZ(0),
								  PG_GETARG_TIMESTAMPTZ(1),
								  PG_GETARG_INTERVAL_P(2),
								  PG_GETARG_TEXT_PP(3));

	row_begin(&row, fcinfo, 0);
	for (int i = 0; i < buckets.count; i++)
	{
		row_put_time(&row, buckets.starts[i]);
		row_put_time(&row, bucket_from(&buckets, i));
		row_put_time(&row, bucket_to(&buckets, i));
		row_emit(&row);
	}
	return (Datum) 0;
}
