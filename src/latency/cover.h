/*
 * Where the spans of buckets are counted: in which parts of the rollup's
 * levels, and in the log itself.
 */
#ifndef LATENCY_COVER_H
#define LATENCY_COVER_H

#include "postgres.h"

#include "latency/buckets.h"

typedef enum CoverLevel
{
	COVER_DAY,
	COVER_HOUR,
	COVER_MINUTE,
	COVER_NEW, /* minutes that are not folded yet */
	COVER_SPANS,
	COVER_LEVELS,
} CoverLevel;

typedef struct CoverRange
{
	TimestampTz from;
	TimestampTz to;
} CoverRange;

/* Ranges of one level, in order, none empty, none touching the next. */
typedef struct CoverRanges
{
	CoverRange *list;
	int count;
	int capacity;
} CoverRanges;

typedef struct Cover
{
	CoverRanges levels[COVER_LEVELS];
} Cover;

/* Whole days, hours and minutes (UTC) of each bucket, and what is left of a
 * minute at both its ends. */
extern Cover cover_buckets(const Buckets *buckets);

/* Whether a time lies in one of these ranges. */
extern bool cover_includes(const CoverRanges *ranges, TimestampTz time);

#endif
