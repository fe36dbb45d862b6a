/*
 * The buckets that a window of time is cut into.
 */
#ifndef LATENCY_BUCKETS_H
#define LATENCY_BUCKETS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "fmgr.h"

/* Buckets are in order and leave no gap; the first and the last are cut off at
 * the window. */
typedef struct Buckets
{
	TimestampTz from;
	TimestampTz to;
	TimestampTz *starts; /* of each bucket; the first may be before `from` */
	int count;
} Buckets;

/* A window as one bucket; its ends need not be finite. */
extern Buckets buckets_whole(TimestampTz from, TimestampTz to);

/*
 * A window cut into buckets of this width.  One in days begins at a midnight
 * of the time zone and ends at another; one of another length of time at a
 * multiple of it since 2000-01-01 there.  An error for more than 100 000.
 */
extern Buckets buckets_cut(TimestampTz from, TimestampTz to,
						   const Interval *width, text *time_zone);

/* From where to where a bucket lies in the window. */
extern TimestampTz bucket_from(const Buckets *buckets, int index);
extern TimestampTz bucket_to(const Buckets *buckets, int index);

/* The bucket of a time within the window. */
extern int bucket_of(const Buckets *buckets, TimestampTz time);

#endif
