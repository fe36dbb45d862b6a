/*
 * Input and output of the type latency_sketch.
 *
 * Text is JSON, binary a versioned list of fields.  Both hold the bins and the
 * totals, as core/sketch/sketch.h and core/sketch/sketch_bins.h explain them:
 *
 *	{"version": 1, "alpha": 0.01, "count": 3, "sum_ns": 6000, "min_ns": 1000,
 *	 "max_ns": 3000, "bins": [[498, 1], [548, 1], [573, 1]]}
 *
 * The members "min_is_bound" and "max_is_bound" are there where they are true.
 * On input the sketch is filled anew from its bins, and the totals must be such
 * as those bins can have, so that no value from outside is ever trusted.
 */
#include "postgres.h"

#include "compat.h"
#include "latency/sketch_value.h"
#include "server/server_host.h"

#include <errno.h>

#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonfuncs.h"

PG_FUNCTION_INFO_V1(dt_latency_sketch_in);
PG_FUNCTION_INFO_V1(dt_latency_sketch_out);
PG_FUNCTION_INFO_V1(dt_latency_sketch_recv);
PG_FUNCTION_INFO_V1(dt_latency_sketch_send);

/* of both forms */
#define SKETCH_VERSION 1

/* of a bin in binary: its index and count */
#define BIN_BYTES 12

/* more than there can be, of any accuracy */
#define MAX_BINS 1000000

/* What a sketch is made from, from outside. */
typedef struct SketchParts
{
	uint32 alpha;
	uint32 flags;
	SketchTotals totals;
	SketchBin *bins;
	uint32 bin_count;
	uint32 bin_capacity;
} SketchParts;

/*
 * Output
 */

static void
put_wide(StringInfo out, const char *key, Wide value)
{
	char text[WIDE_TEXT_SIZE];

	wide_to_text(value, text);
	appendStringInfo(out, ", \"%s\": %s", key, text);
}

/* 0.01, with as many decimals as it has */
static void
put_alpha(StringInfo out, uint32 alpha)
{
	appendStringInfo(out, ", \"alpha\": 0.%06u", alpha);
	while (out->data[out->len - 1] == '0')
		out->data[--out->len] = '\0';
}

static void
put_totals(StringInfo out, const Sketch *sketch, const SketchTotals *totals)
{
	appendStringInfo(
		out, ", \"count\": %llu", (unsigned long long) totals->count);
	put_wide(out, "sum_ns", totals->sum);
	if (totals->count == 0)
		return;
	put_wide(out, "min_ns", totals->min);
	put_wide(out, "max_ns", totals->max);
	if (sketch->flags & SKETCH_MIN_IS_BOUND)
		appendStringInfoString(out, ", \"min_is_bound\": true");
	if (sketch->flags & SKETCH_MAX_IS_BOUND)
		appendStringInfoString(out, ", \"max_is_bound\": true");
}

/*
 * latency_sketch_out(latency_sketch) -> cstring
 *
 * Its JSON.
 */
Datum
dt_latency_sketch_out(PG_FUNCTION_ARGS)
{
	const Sketch *sketch = sketch_argument(fcinfo, 0);
	SketchCursor cursor;
	SketchTotals totals = sketch_read(sketch, &cursor);
	const char *separator = "";
	StringInfoData out;
	SketchBin bin;

	initStringInfo(&out);
	appendStringInfo(&out, "{\"version\": %d", SKETCH_VERSION);
	put_alpha(&out, sketch->alpha);
	put_totals(&out, sketch, &totals);
	appendStringInfoString(&out, ", \"bins\": [");
	while (sketch_next(&cursor, &bin))
	{
		CHECK_FOR_INTERRUPTS();
		appendStringInfo(&out,
						 "%s[%d, %llu]",
						 separator,
						 bin.index,
						 (unsigned long long) bin.count);
		separator = ", ";
	}
	appendStringInfoString(&out, "]}");
	PG_RETURN_CSTRING(out.data);
}

static void
send_wide(StringInfo out, Wide value)
{
	pq_sendint64(out, value.high);
	pq_sendint64(out, value.low);
}

/*
 * latency_sketch_send(latency_sketch) -> bytea
 *
 * Its binary form; equal sketches give equal bytes.
 */
Datum
dt_latency_sketch_send(PG_FUNCTION_ARGS)
{
	const Sketch *sketch = sketch_argument(fcinfo, 0);
	SketchCursor cursor;
	SketchTotals totals = sketch_read(sketch, &cursor);
	StringInfoData out;
	SketchBin bin;

	pq_begintypsend(&out);
	pq_sendint8(&out, SKETCH_VERSION);
	pq_sendint8(&out, sketch->flags);
	pq_sendint32(&out, sketch->alpha);
	send_wide(&out, totals.sum);
	send_wide(&out, totals.min);
	send_wide(&out, totals.max);
	pq_sendint32(&out, sketch_bin_count(sketch));
	while (sketch_next(&cursor, &bin))
	{
		CHECK_FOR_INTERRUPTS();
		pq_sendint32(&out, bin.index);
		pq_sendint64(&out, bin.count);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&out));
}

/*
 * Binary input
 */

pg_noreturn static void
refuse_binary(const char *detail)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			errmsg("invalid binary representation of a latency_sketch"),
			errdetail("%s", detail));
}

static Wide
receive_wide(StringInfo in)
{
	Wide value;

	value.high = pq_getmsgint64(in);
	value.low = pq_getmsgint64(in);
	return value;
}

/* No more memory than there is message. */
static void
receive_bins(StringInfo in, SketchParts *parts)
{
	uint32 count = pq_getmsgint(in, 4);

	if (count > (uint32) (in->len - in->cursor) / BIN_BYTES || count > MAX_BINS)
		refuse_binary("It announces more bins than it holds.");
	parts->bins = palloc(count * sizeof(SketchBin));
	parts->bin_count = count;
	for (uint32 i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		parts->bins[i].index = pq_getmsgint(in, 4);
		parts->bins[i].count = pq_getmsgint64(in);
	}
}

static SketchStatus
sketch_of_parts(const SketchParts *parts, OpenSketch **sketch)
{
	SketchStatus status = sketch_from_parts(server_host(),
											parts->alpha,
											parts->flags,
											&parts->totals,
											parts->bins,
											parts->bin_count,
											sketch);

	if (status != SKETCH_INCONSISTENT)
		check_sketch_status(status);
	return status;
}

/*
 * latency_sketch_recv(internal) -> latency_sketch
 *
 * Its binary form; an error if that is none.
 */
Datum
dt_latency_sketch_recv(PG_FUNCTION_ARGS)
{
	StringInfo in = (StringInfo) PG_GETARG_POINTER(0);
	SketchParts parts = {0};
	OpenSketch *sketch;

	if (pq_getmsgbyte(in) != SKETCH_VERSION)
		refuse_binary("Its version is not known here.");
	parts.flags = pq_getmsgbyte(in);
	parts.alpha = pq_getmsgint(in, 4);
	parts.totals.sum = receive_wide(in);
	parts.totals.min = receive_wide(in);
	parts.totals.max = receive_wide(in);
	receive_bins(in, &parts);
	if (sketch_of_parts(&parts, &sketch) != SKETCH_OK)
		refuse_binary("No values have such bins and totals.");
	return packed_datum(&sketch->head);
}

/*
 * Text input
 *
 * The parser's state counts nesting: 1 inside the whole, 2 inside "bins", 3
 * inside a bin.  Members that are not ours are passed over.
 */

#define DEPTH_DOCUMENT 1
#define DEPTH_BINS 2
#define DEPTH_BIN 3

typedef struct SketchParser
{
	SketchParts parts;
	int depth;
	bool in_bins; /* the array at DEPTH_BINS is "bins" */
	bool has_bins;
	bool has_alpha;
	bool has_count;
	int bin_members; /* read of the bin */
	char *field;	 /* the name the next value goes under */
} SketchParser;

pg_noreturn static void
refuse_text(const char *detail)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			errmsg("invalid input syntax for type %s", "latency_sketch"),
			errdetail("%s", detail));
}

static void
require_place(SketchParser *parser, bool is_array)
{
	if (parser->depth == 0 && is_array)
		refuse_text("A latency_sketch is written as a JSON object.");
	if (parser->in_bins && (parser->depth != DEPTH_BINS || !is_array))
		refuse_text("A member of \"bins\" is not a pair of numbers.");
}

static JsonActionResult
start_object(void *state)
{
	SketchParser *parser = state;

	require_place(parser, false);
	parser->depth++;
	CHECK_FOR_INTERRUPTS();
	JSON_ACTION_DONE;
}

static JsonActionResult
end_object(void *state)
{
	SketchParser *parser = state;

	parser->depth--;
	JSON_ACTION_DONE;
}

static void
start_bin(SketchParts *parts)
{
	if (parts->bin_count == MAX_BINS)
		refuse_text("It has more bins than any accuracy gives.");
	if (parts->bin_count == parts->bin_capacity)
	{
		parts->bin_capacity = Max(2 * parts->bin_capacity, 16);
		parts->bins = parts->bins == NULL
						  ? palloc(parts->bin_capacity * sizeof(SketchBin))
						  : repalloc(parts->bins,
									 parts->bin_capacity * sizeof(SketchBin));
	}
	parts->bin_count++;
}

static JsonActionResult
start_array(void *state)
{
	SketchParser *parser = state;

	require_place(parser, true);
	if (parser->depth == DEPTH_DOCUMENT)
	{
		parser->in_bins = strcmp(parser->field, "bins") == 0;
		parser->has_bins |= parser->in_bins;
	}
	else if (parser->in_bins)
	{
		start_bin(&parser->parts);
		parser->bin_members = 0;
	}
	parser->depth++;
	JSON_ACTION_DONE;
}

static JsonActionResult
end_array(void *state)
{
	SketchParser *parser = state;

	if (parser->in_bins && parser->depth == DEPTH_BIN &&
		parser->bin_members != 2)
		refuse_text("A member of \"bins\" is not a pair of numbers.");
	parser->depth--;
	if (parser->depth == DEPTH_DOCUMENT)
		parser->in_bins = false;
	JSON_ACTION_DONE;
}

static JsonActionResult
start_field(void *state, char *name, bool isnull)
{
	SketchParser *parser = state;

	(void) isnull;
	parser->field = name;
	JSON_ACTION_DONE;
}

static int64
read_integer(const char *token, int64 low, int64 high)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(token, &end, 10);
	if (errno != 0 || *end != '\0' || value < low || value > high)
		refuse_text("A number is not whole, or out of range.");
	return value;
}

static Wide
read_wide(const char *token)
{
	Wide value;

	if (!wide_from_text(token, &value))
		refuse_text("A number is not whole, or out of range.");
	return value;
}

static uint32
read_alpha(char *token)
{
	return alpha_from_float8(
		DatumGetFloat8(DirectFunctionCall1(float8in, CStringGetDatum(token))));
}

static void
read_bin_member(SketchParser *parser, const char *token)
{
	SketchBin *bin = &parser->parts.bins[parser->parts.bin_count - 1];

	if (parser->bin_members == 0)
		bin->index = read_integer(token, PG_INT32_MIN, PG_INT32_MAX);
	else
		bin->count = read_integer(token, 1, PG_INT64_MAX);
	parser->bin_members++;
}

static void
read_number(SketchParser *parser, char *token)
{
	SketchTotals *totals = &parser->parts.totals;
	const char *field = parser->field;

	if (strcmp(field, "alpha") == 0)
	{
		parser->parts.alpha = read_alpha(token);
		parser->has_alpha = true;
	}
	else if (strcmp(field, "count") == 0)
	{
		totals->count = read_integer(token, 0, PG_INT64_MAX);
		parser->has_count = true;
	}
	else if (strcmp(field, "sum_ns") == 0)
		totals->sum = read_wide(token);
	else if (strcmp(field, "min_ns") == 0)
		totals->min = read_wide(token);
	else if (strcmp(field, "max_ns") == 0)
		totals->max = read_wide(token);
	else if (strcmp(field, "version") == 0 &&
			 strcmp(token, CppAsString2(SKETCH_VERSION)) != 0)
		refuse_text("Its version is not known here.");
}

static bool
is_ours(const char *field)
{
	static const char *const fields[] = {"version",
										 "alpha",
										 "count",
										 "sum_ns",
										 "min_ns",
										 "max_ns",
										 "min_is_bound",
										 "max_is_bound",
										 "bins"};

	for (size_t i = 0; i < lengthof(fields); i++)
	{
		if (strcmp(field, fields[i]) == 0)
			return true;
	}
	return false;
}

static void
read_document_field(SketchParser *parser, char *token, JsonTokenType type)
{
	bool is_flag = type == JSON_TOKEN_TRUE || type == JSON_TOKEN_FALSE;
	uint32 flag = 0;

	if (strcmp(parser->field, "min_is_bound") == 0)
		flag = SKETCH_MIN_IS_BOUND;
	if (strcmp(parser->field, "max_is_bound") == 0)
		flag = SKETCH_MAX_IS_BOUND;
	if (is_ours(parser->field) &&
		(flag != 0 ? !is_flag : type != JSON_TOKEN_NUMBER))
		refuse_text("A member has a value of the wrong type.");
	if (type == JSON_TOKEN_NUMBER)
		read_number(parser, token);
	else if (type == JSON_TOKEN_TRUE)
		parser->parts.flags |= flag;
	else
		parser->parts.flags &= ~flag;
}

static JsonActionResult
read_scalar(void *state, char *token, JsonTokenType type)
{
	SketchParser *parser = state;

	if (parser->depth == 0)
		refuse_text("A latency_sketch is written as a JSON object.");
	if (parser->in_bins)
	{
		if (parser->depth != DEPTH_BIN || type != JSON_TOKEN_NUMBER)
			refuse_text("A member of \"bins\" is not a pair of numbers.");
		read_bin_member(parser, token);
	}
	else if (parser->depth == DEPTH_DOCUMENT)
		read_document_field(parser, token, type);
	JSON_ACTION_DONE;
}

static Datum
finish_text(const SketchParser *parser)
{
	OpenSketch *sketch;

	if (!parser->has_alpha || !parser->has_bins)
		refuse_text("There is no \"alpha\", or no array \"bins\".");
	if (sketch_of_parts(&parser->parts, &sketch) != SKETCH_OK ||
		(parser->has_count && sketch->count != parser->parts.totals.count))
		refuse_text("No values have such bins and totals.");
	return packed_datum(&sketch->head);
}

/*
 * latency_sketch_in(cstring) -> latency_sketch
 *
 * Its JSON; an error if that is none.
 */
Datum
dt_latency_sketch_in(PG_FUNCTION_ARGS)
{
	char *text = PG_GETARG_CSTRING(0);
	SketchParser parser = {0};
	JsonSemAction actions = {
		.semstate = &parser,
		.object_start = start_object,
		.object_end = end_object,
		.array_start = start_array,
		.array_end = end_array,
		.object_field_start = start_field,
		.scalar = read_scalar,
	};

	pg_parse_json_or_ereport(
		compat_json_lexer(text, strlen(text), GetDatabaseEncoding()), &actions);
	return finish_text(&parser);
}
