/*
 * trace_latency_figures: what all questions about the latency of a window are
 * answered from.
 */
#include "postgres.h"

#include "compat.h"
#include "latency/sketch_value.h"
#include "latency/window.h"
#include "latency/word_argument.h"
#include "server/query.h"
#include "server/server_host.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

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

enum
{
	OUT_BUCKET,
	OUT_SERVICE,
	OUT_NAMESPACE,
	OUT_ENVIRONMENT,
	OUT_OPERATION,
	OUT_KIND,
	OUT_COUNT,
	OUT_ERRORS,
	OUT_NEGATIVE,
	OUT_ADJUSTED,
	OUT_ADJUSTED_ERRORS,
	OUT_SKETCH,
	OUT_GOOD,
	OUT_WEIGHTED,
	OUT_WEIGHTED_GOOD,
	OUT_COLUMNS,
};

typedef struct FigureRow
{
	Datum values[OUT_COLUMNS];
	bool nulls[OUT_COLUMNS];
} FigureRow;

static Slice
slice_argument(FunctionCallInfo fcinfo, int argno)
{
	text *string;

	if (PG_ARGISNULL(argno))
		return (Slice){NULL, 0};
	string = PG_GETARG_TEXT_PP(argno);
	return (Slice){VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string)};
}

static WindowGroup
group_argument(FunctionCallInfo fcinfo)
{
	static const char *const words[] = {"service", "operation", "kind", "all"};
	static const WindowGroup groups[] = {
		GROUP_SERVICE, GROUP_OPERATION, GROUP_KIND, GROUP_NOTHING};

	return groups[word_argument(fcinfo,
								ARG_GROUP,
								"group_by",
								words,
								lengthof(words),
								"Use \"service\", \"operation\", \"kind\" or "
								"\"all\".")];
}

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

static void
put_text(FigureRow *row, int column, Slice slice)
{
	row->nulls[column] = slice.data == NULL;
	if (slice.data != NULL)
		row->values[column] =
			PointerGetDatum(cstring_to_text_with_len(slice.data, slice.length));
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

static void
put_sketches(FigureRow *row, int column, int weighted_column,
			 const PartList *list)
{
	row->nulls[column] = list->count == 0;
	row->nulls[weighted_column] = list->count == 0;
	if (list->count == 0)
		return;
	row->values[column] = total_of(list);
	row->values[weighted_column] =
		list->is_weighted ? weighted_datum(list->parts, list->count)
						  : row->values[column];
}

static void
put_counts(FigureRow *row, const WindowEntry *entry)
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
	row->values[OUT_COUNT] = Int64GetDatum(count);
	row->values[OUT_ERRORS] = Int64GetDatum(errors);
	row->values[OUT_NEGATIVE] = Int64GetDatum(negative);
	row->values[OUT_ADJUSTED] = Float8GetDatum(adjusted);
	row->values[OUT_ADJUSTED_ERRORS] = Float8GetDatum(adjusted_errors);
}

static void
put_names(FigureRow *row, const WindowNames *names)
{
	put_text(row, OUT_SERVICE, names->service_name);
	put_text(row, OUT_NAMESPACE, names->scope.service_namespace);
	put_text(row, OUT_ENVIRONMENT, names->scope.environment);
	put_text(row, OUT_OPERATION, names->operation);
	put_text(row, OUT_KIND, names->kind);
}

static void
put_entry(ReturnSetInfo *result, const Buckets *buckets,
		  const WindowEntry *entry)
{
	FigureRow row = {0};
	PartList all = list_parts(entry, false);
	PartList good = list_parts(entry, true);

	row.values[OUT_BUCKET] =
		TimestampTzGetDatum(buckets->starts[entry->bucket]);
	put_names(&row, &entry->names);
	put_counts(&row, entry);
	put_sketches(&row, OUT_SKETCH, OUT_WEIGHTED, &all);
	if (good.count < all.count)
		put_sketches(&row, OUT_GOOD, OUT_WEIGHTED_GOOD, &good);
	else
	{
		row.values[OUT_GOOD] = row.values[OUT_SKETCH];
		row.values[OUT_WEIGHTED_GOOD] = row.values[OUT_WEIGHTED];
		row.nulls[OUT_GOOD] = row.nulls[OUT_SKETCH];
		row.nulls[OUT_WEIGHTED_GOOD] = row.nulls[OUT_WEIGHTED];
	}
	tuplestore_putvalues(
		result->setResult, result->setDesc, row.values, row.nulls);
}

/* Puts the rows of one group: of a series, of each of its buckets. */
static void
put_group(ReturnSetInfo *result, const Buckets *buckets, bool is_series,
		  WindowEntry **entries, int count)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "distributed_trace figures",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	int at = 0;

	for (int bucket = 0; bucket < buckets->count; bucket++)
	{
		WindowEntry empty = {.bucket = bucket};

		CHECK_FOR_INTERRUPTS();
		if (count > 0)
			empty.names = entries[0]->names;
		if (at < count && entries[at]->bucket == bucket)
			put_entry(result, buckets, entries[at++]);
		else if (is_series)
			put_entry(result, buckets, &empty);
		MemoryContextReset(scratch);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
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
put_figures(ReturnSetInfo *result, const WindowQuestion *question,
			bool is_series)
{
	int count;
	WindowEntry **entries = window_read(question, &count);

	if (is_series)
		check_row_count(entries, count, question->buckets.count);
	/* all spans together are one group even if there are none */
	if (is_series && count == 0 && question->group == GROUP_NOTHING)
		put_group(result, &question->buckets, true, NULL, 0);
	for (int at = 0; at < count;)
	{
		int end = group_end(entries, count, at);

		put_group(
			result, &question->buckets, is_series, entries + at, end - at);
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
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	WindowQuestion question = {
		.schema = calling_schema(fcinfo),
		.spans = spans_argument(fcinfo, ARG_SPANS),
		.group = group_argument(fcinfo),
		.service_name = slice_argument(fcinfo, ARG_SERVICE),
		.operation = slice_argument(fcinfo, ARG_OPERATION),
		.scope = {slice_argument(fcinfo, ARG_NAMESPACE),
				  slice_argument(fcinfo, ARG_ENVIRONMENT)},
	};

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(ARG_FROM) || PG_ARGISNULL(ARG_TO))
		return (Datum) 0;
	question.buckets = buckets_argument(fcinfo);
	SPI_connect();
	put_figures(result, &question, !PG_ARGISNULL(ARG_BUCKET));
	SPI_finish();
	return (Datum) 0;
}
