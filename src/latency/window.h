/*
 * The latencies of a window: what the rollup and the log have for its buckets,
 * added up by service, operation or kind.
 */
#ifndef LATENCY_WINDOW_H
#define LATENCY_WINDOW_H

#include "postgres.h"

#include "core/sketch/sketch.h"
#include "latency/buckets.h"
#include "store/service_scope.h"

/* Which spans count. */
typedef enum WindowSpans
{
	WINDOW_ENTRY,
	WINDOW_ROOT,
	WINDOW_CLIENT,
	WINDOW_ALL,
} WindowSpans;

/* What they are told apart by, each with all before it. */
typedef enum WindowGroup
{
	GROUP_NOTHING,
	GROUP_SERVICE, /* with its namespace and environment */
	GROUP_OPERATION,
	GROUP_KIND,
} WindowGroup;

/* What is asked.  Slices without data: any. */
typedef struct WindowQuestion
{
	Oid schema;
	Buckets buckets;
	WindowSpans spans;
	WindowGroup group;
	Slice service_name;
	Slice operation;
	ServiceScope scope;
} WindowQuestion;

/* Spans of one group that failed or did not, and weigh about the same. */
typedef struct WindowPart
{
	bool is_error;
	int16 weight_class;
	int64 negative_count;
	double adjusted_count;
	OpenSketch *added; /* NULL: none */
	OpenSketch *removed;
} WindowPart;

/* The names of a group; slices without data: none, or not asked for. */
typedef struct WindowNames
{
	Slice service_name;
	ServiceScope scope;
	Slice operation;
	Slice kind;
} WindowNames;

typedef struct WindowEntry
{
	int bucket;
	WindowNames names;
	uint32 hash; /* of both */
	int part_count;
	WindowPart *parts;
} WindowEntry;

/*
 * All entries that have parts, by names, then by bucket, in the current memory
 * context.  SPI must be connected.  Of no part is more taken out than was
 * added: what is too much is left in, with a warning.
 */
extern WindowEntry **window_read(const WindowQuestion *question, int *count);

/* Whether two entries have the same names. */
extern bool window_same_names(const WindowEntry *a, const WindowEntry *b);

#endif
