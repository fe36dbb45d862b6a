/*
 * trace_latency_figures: what all questions about the latency of a window are
 * answered from.
 */
#include "postgres.h"

#include "compat.h"
#include "latency/sketch_value.h"
#include "latency/window.h"
#include "server/argument.h"
#include "server/query.h"
#include "server/row.h"
#include "server/server_host.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(dt_trace_latency_figures);

/* Rows of a series, those of empty buckets among them. */
#define MAX_ROWS 10000000

enum
{
	ARG_FROM,
	ARG_TO,
	ARG_BUCKET,
	ARG_TIME_ZONE,
	ARG_SPANS,
	ARG_GROUP,
	ARG_SERVICE,
	ARG_OPERATION,
	ARG_NAMESPACE,
	ARG_ENVIRONMENT,
};

static const WordArgument spans_words = {
	.name = "spans",
	.words = {[WINDOW_ENTRY] = "entry",
			  [WINDOW_ROOT] = "root",
			  [WINDOW_CLIENT] = "client",
			  [WINDOW_ALL] = "all"},
};

static const WordArgument group_words = {
	.name = "group_by",
	.words = {"service", "operation", "kind", "all"},
};

static Buckets
buckets_argument(FunctionCallInfo fcinfo)
{
	TimestampTz from = PG_GETARG_TIMESTAMPTZ(ARG_FROM);
	TimestampTz to = PG_GETARG_TIMESTAMPTZ(ARG_TO);

	if (PG_ARGISNULL(ARG_BUCKET))
		return buckets_whole(from, to);
	return buckets_cut(from,
					   to,
					   PG_GETARG_INTERVAL_P(ARG_BUCKET),
					   PG_ARGISNULL(ARG_TIME_ZONE)
						   ? cstring_to_text("UTC")
						   : PG_GETARG_TEXT_PP(ARG_TIME_ZONE));
}

/* The parts of an entry that a sketch is made of. */
typedef struct PartList
{
	WeightedPart *parts;
	int count;
	bool is_weighted; /* whether any span stands for more than itself */
} PartList;

static PartList
list_parts(const WindowEntry *entry, bool only_good)
{
	PartList list = {
		.parts = palloc(sizeof(WeightedPart) * (entry->part_count + 1))};

	for (int i = 0; i < entry->part_count; i++)
	{
		const WindowPart *part = &entry->parts[i];

		if (only_good && part->is_error)
			continue;
		list.parts[list.count++] =
			(WeightedPart){&part->added->head,
						   part->adjusted_count / (double) part->added->count};
		list.is_weighted |= part->adjusted_count != (double) part->added->count;
	}
	return list;
}

/* The sketch of all parts, weighted or not; the first is opened. */
static Datum
total_of(const PartList *list)
{
	OpenSketch *total;

	if (list->count == 1)
		return packed_datum(list->parts[0].sketch);
	total = open_sketch(list->parts[0].sketch);
	for (int i = 1; i < list->count; i++)
		check_sketch_status(
			sketch_merge(server_host(), &total, list->parts[i].sketch));
	return packed_datum(&total->head);
}

/* Sketches of an entry, each with its weighted twin; 0 stands for NULL. */
typedef struct SketchPair
{
	Datum sketch;
	Datum weighted;
} SketchPair;

static SketchPair
sketches_of(const PartList *list)
{
	SketchPair pair = {0, 0};

	if (list->count == 0)
		return pair;
	pair.sketch = total_of(list);
	pair.weighted = list->is_weighted ? weighted_datum(list->parts, list->count)
									  : pair.sketch;
	return pair;
}

static void
put_counts(Row *row, const WindowEntry *entry)
{
	int64 count = 0;
	int64 errors = 0;
	int64 negative = 0;
	double adjusted = 0;
	double adjusted_errors = 0;

	for (int i = 0; i < entry->part_count; i++)
	{
		const WindowPart *part = &entry->parts[i];

		count += (int64) part->added->count;
		negative += part->negative_count;
		adjusted += part->adjusted_count;
		if (!part->is_error)
			continue;
		errors += (int64) part->added->count;
		adjusted_errors += part->adjusted_count;
	}
	row_put_int64(row, count);
	row_put_int64(row, errors);
	row_put_int64(row, negative);
	row_put_float8(row, adjusted);
	row_put_float8(row, adjusted_errors);
}

static void
put_names(Row *row, const WindowNames *names)
{
	row_put_slice(row, names->service_name);
	row_put_slice(row, names->scope.service_namespace);
	row_put_slice(row, names->scope.environment);
	row_put_slice(row, names->operation);
	row_put_slice(row, names->kind);
}

static void
put_entry(Row *row, const Buckets *buckets, const WindowEntry *entry)
{
	PartList all;
	PartList good;
	SketchPair sketches;
	SketchPair good_sketches;

	row_start(row);
	all = list_parts(entry, false);
	good = list_parts(entry, true);
	sketches = sketches_of(&all);
	good_sketches = good.count < all.count ? sketches_of(&good) : sketches;
	row_put_time(row, buckets->starts[entry->bucket]);
	put_names(row, &entry->names);
	put_counts(row, entry);
	row_put_pointer(row, DatumGetPointer(sketches.sketch));
	row_put_pointer(row, DatumGetPointer(good_sketches.sketch));
	row_put_pointer(row, DatumGetPointer(sketches.weighted));
	row_put_pointer(row, DatumGetPointer(good_sketches.weighted));
	row_emit(row);
}

/* Puts the rows of one group: of a series, of each of its buckets. */
static void
put_group(Row *row, const Buckets *buckets, bool is_series,
		  WindowEntry **entries, int count)
{
	int at = 0;

	for (int bucket = 0; bucket < buckets->count; bucket++)
	{
		WindowEntry empty = {.bucket = bucket};

		CHECK_FOR_INTERRUPTS();
		if (count > 0)
			empty.names = entries[0]->names;
		if (at < count && entries[at]->bucket == bucket)
			put_entry(row, buckets, entries[at++]);
		else if (is_series)
			put_entry(row, buckets, &empty);
	}
}

static int
group_end(WindowEntry **entries, int count, int start)
{
	int end = start + 1;

	while (end < count && window_same_names(entries[start], entries[end]))
		end++;
	return end;
}

static void
check_row_count(WindowEntry **entries, int count, int bucket_count)
{
	int64 groups = 0;

	for (int at = 0; at < count; at = group_end(entries, count, at))
		groups++;
	if (groups * bucket_count <= MAX_ROWS)
		return;
	ereport(ERROR,
			errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			errmsg("too many rows in a series"),
			errdetail("It would have %lld, of %d buckets; at most %d are made.",
					  (long long) (groups * bucket_count),
					  bucket_count,
					  MAX_ROWS),
			errhint("Use a wider bucket, a shorter window, or one service."));
}

static void
put_figures(Row *row, const WindowQuestion *question, bool is_series)
{
	int count;
	WindowEntry **entries = window_read(question, &count);

	if (is_series)
		check_row_count(entries, count, question->buckets.count);
	/* all spans together are one group even if there are none */
	if (is_series && count == 0 && question->group == GROUP_NOTHING)
		put_group(row, &question->buckets, true, NULL, 0);
	for (int at = 0; at < count;)
	{
		int end = group_end(entries, count, at);

		put_group(row, &question->buckets, is_series, entries + at, end - at);
		at = end;
	}
}

/*
 * trace_latency_figures(from_time timestamptz, to_time timestamptz,
 *						 bucket interval, time_zone text, spans text,
 *						 group_by text, service_name text, operation text,
 *						 service_namespace text, deployment_environment text)
 *
 * A row for each group that has spans; with a bucket, one for each bucket of
 * it.  No rows if a time is NULL.
 */
Datum
dt_trace_latency_figures(PG_FUNCTION_ARGS)
{
	static const WindowGroup groups[] = {
		GROUP_SERVICE, GROUP_OPERATION, GROUP_KIND, GROUP_NOTHING};
	Row row;
	WindowQuestion question = {
		.schema = calling_schema(fcinfo),
		.spans = word_argument(fcinfo, ARG_SPANS, &spans_words),
		.group = groups[word_argument(fcinfo, ARG_GROUP, &group_words)],
		.service_name = slice_argument(fcinfo, ARG_SERVICE),
		.operation = slice_argument(fcinfo, ARG_OPERATION),
		.scope = {slice_argument(fcinfo, ARG_NAMESPACE),
				  slice_argument(fcinfo, ARG_ENVIRONMENT)},
	};

	row_begin(&row, fcinfo, 0);
	if (PG_ARGISNULL(ARG_FROM) || PG_ARGISNULL(ARG_TO))
		return (Datum) 0;
	question.buckets = buckets_argument(fcinfo);
	SPI_connect();
	put_figures(&row, &question, !PG_ARGISNULL(ARG_BUCKET));
	SPI_finish();
	return (Datum) 0;
}
