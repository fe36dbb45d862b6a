/*
 * Covering buckets: see cover.h.
 */
#include "postgres.h"

#include "compat.h"
#include "latency/cover.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

/* The last whole minute, hour or day (UTC) that begins no later. */
static TimestampTz
floor_time(TimestampTz time, int64 width)
{
	int64 offset = time % width;

	if (TIMESTAMP_NOT_FINITE(time))
		return time;
	return time - offset - (offset < 0 ? width : 0);
}

/* The first that begins no earlier; a timestamp leaves room for that. */
static TimestampTz
ceil_time(TimestampTz time, int64 width)
{
	TimestampTz floor = floor_time(time, width);

	return floor == time ? time : floor + width;
}

static void
add_range(Cover *cover, CoverLevel level, TimestampTz from, TimestampTz to)
{
	CoverRanges *ranges = &cover->levels[level];

	if (from >= to)
		return;
	if (ranges->count > 0 && ranges->list[ranges->count - 1].to == from)
	{
		ranges->list[ranges->count - 1].to = to;
		return;
	}
	if (ranges->count == ranges->capacity)
	{
		ranges->capacity = Max(16, ranges->capacity * 2);
		ranges->list =
			ranges->list == NULL
				? palloc(sizeof(CoverRange) * ranges->capacity)
				: repalloc(ranges->list, sizeof(CoverRange) * ranges->capacity);
	}
	ranges->list[ranges->count++] = (CoverRange){from, to};
}

/* from and to of the whole units between two times; `to` is not the earlier */
static void
whole_units(TimestampTz from, TimestampTz to, int64 width, TimestampTz units[2])
{
	units[0] = Min(ceil_time(from, width), to);
	units[1] = Max(floor_time(to, width), units[0]);
}

/* Ranges of a level are added in their order. */
static void
cover_bucket(Cover *cover, TimestampTz from, TimestampTz to)
{
	TimestampTz minutes[2];
	TimestampTz hours[2];
	TimestampTz days[2];

	whole_units(from, to, USECS_PER_MINUTE, minutes);
	whole_units(minutes[0], minutes[1], USECS_PER_HOUR, hours);
	whole_units(hours[0], hours[1], USECS_PER_DAY, days);
	add_range(cover, COVER_SPANS, from, minutes[0]);
	add_range(cover, COVER_NEW, minutes[0], minutes[1]);
	add_range(cover, COVER_MINUTE, minutes[0], hours[0]);
	add_range(cover, COVER_HOUR, hours[0], days[0]);
	add_range(cover, COVER_DAY, days[0], days[1]);
	add_range(cover, COVER_HOUR, days[1], hours[1]);
	add_range(cover, COVER_MINUTE, hours[1], minutes[1]);
	add_range(cover, COVER_SPANS, minutes[1], to);
}

Cover
cover_buckets(const Buckets *buckets)
{
	Cover cover = {0};

	for (int i = 0; i < buckets->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		cover_bucket(&cover, bucket_from(buckets, i), bucket_to(buckets, i));
	}
	return cover;
}

bool
cover_includes(const CoverRanges *ranges, TimestampTz time)
{
	int low = 0;
	int high = ranges->count;

	while (low < high)
	{
		int middle = low + (high - low) / 2;

		if (ranges->list[middle].to <= time)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ranges->count && ranges->list[low].from <= time;
}
