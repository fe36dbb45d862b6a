/*
 * Input and output of the type span_tree.
 *
 * Text is JSON, binary a versioned list of fields.  Both hold the spans as
 * they were recorded, in pre-order, and nothing of the tree's structure: on
 * input the tree is built anew, so that no value from outside is ever trusted.
 *
 *	{"version": 1, "trace_id": "...", "spans": [
 *	  {"span_id": "...", "parent_span_id": "...", "service_name": "...",
 *	   "operation": "...", "start_time": "2023-10-01T11:00:00+00:00",
 *	   "end_time": "...", "duration_ms": 1.234, "kind": "server",
 *	   "is_error": true, "is_async": true}, ...]}
 *
 * What a span lacks is left out.  Times are written in UTC and read as
 * timestamptz.
 */
#include "postgres.h"

#include "compat.h"
#include "store/open_tree.h"
#include "trace/tree_argument.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/jsonfuncs.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(dt_span_tree_in);
PG_FUNCTION_INFO_V1(dt_span_tree_out);
PG_FUNCTION_INFO_V1(dt_span_tree_recv);
PG_FUNCTION_INFO_V1(dt_span_tree_send);

/*
 * Output
 */

static void
put_string(StringInfo out, const char *key, Slice value)
{
	if (value.data == NULL)
		return;
	appendStringInfo(out, "\"%s\": ", key);
	escape_json(out, pnstrdup(value.data, value.length));
	appendStringInfoString(out, ", ");
}

static void
put_time(StringInfo out, const char *key, TimestampTz time)
{
	char buffer[MAXDATELEN + 1];
	int utc = 0;

	JsonEncodeDateTime(buffer, TimestampTzGetDatum(time), TIMESTAMPTZOID, &utc);
	appendStringInfo(out, "\"%s\": \"%s\", ", key, buffer);
}

static void
put_span(StringInfo out, const Span *span)
{
	const char *kind = span_kind_name(span->kind);

	appendStringInfoChar(out, '{');
	put_string(out, "span_id", span->span_id);
	put_string(out, "parent_span_id", span->parent_span_id);
	put_string(out, "service_name", span->service_name);
	put_string(out, "operation", span->operation);
	if (span->flags & SPAN_HAS_START)
		put_time(out, "start_time", span->start_time);
	if (span->flags & SPAN_HAS_END)
		put_time(out, "end_time", span->end_time);
	if (span->flags & SPAN_HAS_DURATION)
		appendStringInfo(out,
						 "\"duration_ms\": %s, ",
						 DatumGetCString(DirectFunctionCall1(
							 numeric_out,
							 NumericGetDatum(int64_div_fast_to_numeric(
								 span->duration, 3)))));
	if (kind != NULL)
		appendStringInfo(out, "\"kind\": \"%s\", ", kind);
	if (span->flags & SPAN_IS_ERROR)
		appendStringInfoString(out, "\"is_error\": true, ");
	if (span->flags & SPAN_IS_ASYNC)
		appendStringInfoString(out, "\"is_async\": true, ");
	out->len -= 2; /* the last comma; every span has an id */
	appendStringInfoChar(out, '}');
}

/*
 * span_tree_out(span_tree) -> cstring
 *
 * Its JSON.
 */
Datum
dt_span_tree_out(PG_FUNCTION_ARGS)
{
	SpanTree *tree = (SpanTree *) PG_DETOAST_DATUM(PG_GETARG_DATUM(0));
	SpanCursor cursor = span_tree_spans(tree);
	MemoryContext scratch = AllocSetContextCreate(
		CurrentMemoryContext, "distributed_trace output", ALLOCSET_SMALL_SIZES);
	const char *separator = "";
	StringInfoData out;
	Span span;

	initStringInfo(&out);
	appendStringInfo(&out, "{\"version\": %d, ", SPAN_TREE_VERSION);
	put_string(&out, "trace_id", span_tree_trace_id(tree));
	appendStringInfoString(&out, "\"spans\": [");
	while (span_cursor_next(&cursor, &span))
	{
		MemoryContext caller = MemoryContextSwitchTo(scratch);

		CHECK_FOR_INTERRUPTS();
		appendStringInfoString(&out, separator);
		separator = ", ";
		put_span(&out, &span);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(scratch);
	}
	appendStringInfoString(&out, "]}");
	PG_RETURN_CSTRING(out.data);
}

static void
send_slice(StringInfo out, Slice slice)
{
	if (slice.data == NULL)
		pq_sendint32(out, -1);
	else
		compat_send_counted_text(out, slice.data, slice.length);
}

/*
 * span_tree_send(span_tree) -> bytea
 *
 * Its binary form.
 */
Datum
dt_span_tree_send(PG_FUNCTION_ARGS)
{
	SpanTree *tree = (SpanTree *) PG_DETOAST_DATUM(PG_GETARG_DATUM(0));
	SpanCursor cursor = span_tree_spans(tree);
	StringInfoData out;
	Span span;

	pq_begintypsend(&out);
	pq_sendint8(&out, SPAN_TREE_VERSION);
	send_slice(&out, span_tree_trace_id(tree));
	pq_sendint32(&out, tree->span_count);
	while (span_cursor_next(&cursor, &span))
	{
		CHECK_FOR_INTERRUPTS();
		pq_sendint8(&out, span.flags);
		pq_sendint8(&out, span.kind);
		if (span.flags & SPAN_HAS_START)
			pq_sendint64(&out, span.start_time);
		if (span.flags & SPAN_HAS_END)
			pq_sendint64(&out, span.end_time);
		if (span.flags & SPAN_HAS_DURATION)
			pq_sendint64(&out, span.duration);
		send_slice(&out, span.span_id);
		send_slice(&out, span.parent_span_id);
		send_slice(&out, span.service_name);
		send_slice(&out, span.operation);
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
			errmsg("invalid binary representation of a span_tree"),
			errdetail("%s", detail));
}

static Slice
receive_slice(StringInfo in, bool may_be_null)
{
	int32 length = pq_getmsgint(in, 4);
	int converted;
	char *string;

	if (length == -1 && may_be_null)
		return (Slice){NULL, 0};
	if (length < 0)
		refuse_binary("A string has a negative length.");
	string = pq_getmsgtext(in, length, &converted);
	return (Slice){string, converted};
}

static int64
receive_time(StringInfo in)
{
	TimestampTz time = pq_getmsgint64(in);

	if (!IS_VALID_TIMESTAMP(time))
		refuse_binary("A time is out of range.");
	return time;
}

static void
receive_span(StringInfo in, Span *span)
{
	span->flags = pq_getmsgbyte(in);
	span->kind = pq_getmsgbyte(in);
	if ((span->flags & ~SPAN_FLAGS) != 0 || span->kind >= SPAN_KIND_COUNT)
		refuse_binary("A span has an unknown flag or kind.");
	if (span->flags & SPAN_HAS_START)
		span->start_time = receive_time(in);
	if (span->flags & SPAN_HAS_END)
		span->end_time = receive_time(in);
	if (span->flags & SPAN_HAS_DURATION)
		span->duration = pq_getmsgint64(in);
	if (span->duration > MAX_DURATION_US || span->duration < -MAX_DURATION_US)
		refuse_binary("A duration is out of range.");
	span->span_id = receive_slice(in, false);
	span->parent_span_id = receive_slice(in, true);
	span->service_name = receive_slice(in, false);
	span->operation = receive_slice(in, false);
}

/* The tree of an open one, or of no spans at all. */
static Datum
finish_input(SpanTree *open, Slice trace_id)
{
	if (open == NULL)
	{
		Span none = {0};

		open = palloc0(span_tree_open_size(trace_id, &none));
		span_tree_open(open, trace_id);
	}
	return PointerGetDatum(build_tree(open));
}

static SpanTree *
grow(SpanTree *open, Slice trace_id, const Span *span)
{
	SpanTree *grown = open_tree_add(open, trace_id, span);

	if (open != NULL && grown != open)
		pfree(open);
	return grown;
}

/*
 * span_tree_recv(internal) -> span_tree
 *
 * Its binary form; an error if that is none.
 */
Datum
dt_span_tree_recv(PG_FUNCTION_ARGS)
{
	StringInfo in = (StringInfo) PG_GETARG_POINTER(0);
	MemoryContext scratch = AllocSetContextCreate(
		CurrentMemoryContext, "distributed_trace input", ALLOCSET_SMALL_SIZES);
	SpanTree *open = NULL;
	Slice trace_id;
	uint32 count;

	if (pq_getmsgbyte(in) != SPAN_TREE_VERSION)
		refuse_binary("Its version is not known here.");
	trace_id = receive_slice(in, false);
	count = pq_getmsgint(in, 4);
	for (uint32 i = 0; i < count; i++)
	{
		MemoryContext caller = MemoryContextSwitchTo(scratch);
		Span span = {0};

		CHECK_FOR_INTERRUPTS();
		receive_span(in, &span);
		MemoryContextSwitchTo(caller);
		open = grow(open, trace_id, &span);
		MemoryContextReset(scratch);
	}
	PG_RETURN_DATUM(finish_input(open, trace_id));
}

/*
 * Text input
 *
 * The parser's state counts nesting: 1 inside the whole, 2 inside "spans", 3
 * inside a span.  What lies deeper, or under a name that is not ours, is
 * passed over, so that a row of the log as JSON is a span too.
 */

#define DEPTH_DOCUMENT 1
#define DEPTH_SPANS 2
#define DEPTH_SPAN 3

typedef struct TreeParser
{
	int depth;
	bool in_spans; /* the array at DEPTH_SPANS is "spans" */
	char *field;   /* the name the next value goes under */
	bool has_spans;
	Slice trace_id; /* applied at the end: it may come after the spans */
	Span span;
	SpanTree *open;
	MemoryContext result;  /* of the tree and the trace id */
	MemoryContext scratch; /* of the span being read */
} TreeParser;

pg_noreturn static void
refuse_text(const char *detail)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			errmsg("invalid input syntax for type %s", "span_tree"),
			errdetail("%s", detail));
}

static JsonActionResult
start_object(void *state)
{
	TreeParser *parser = state;

	if (parser->depth == 0 ||
		(parser->depth == DEPTH_SPANS && parser->in_spans))
	{
		memset(&parser->span, 0, sizeof(Span));
		MemoryContextReset(parser->scratch);
	}
	parser->depth++;
	CHECK_FOR_INTERRUPTS();
	JSON_ACTION_DONE;
}

static void
finish_span(TreeParser *parser)
{
	Span *span = &parser->span;
	MemoryContext caller;

	if (span->span_id.data == NULL)
		refuse_text("A span has no \"span_id\".");
	if (span->service_name.data == NULL)
		span->service_name = SLICE_LITERAL("");
	if (span->operation.data == NULL)
		span->operation = SLICE_LITERAL("");
	caller = MemoryContextSwitchTo(parser->result);
	parser->open = grow(parser->open, SLICE_LITERAL(""), span);
	MemoryContextSwitchTo(caller);
}

static JsonActionResult
end_object(void *state)
{
	TreeParser *parser = state;

	if (parser->depth == DEPTH_SPAN && parser->in_spans)
		finish_span(parser);
	parser->depth--;
	JSON_ACTION_DONE;
}

static JsonActionResult
start_array(void *state)
{
	TreeParser *parser = state;

	if (parser->depth == 0)
		refuse_text("A span_tree is written as a JSON object.");
	if (parser->depth == DEPTH_SPANS && parser->in_spans)
		refuse_text("A member of \"spans\" is not an object.");
	if (parser->depth == DEPTH_DOCUMENT)
	{
		parser->in_spans = strcmp(parser->field, "spans") == 0;
		parser->has_spans |= parser->in_spans;
	}
	parser->depth++;
	JSON_ACTION_DONE;
}

static JsonActionResult
end_array(void *state)
{
	TreeParser *parser = state;

	parser->depth--;
	if (parser->depth == DEPTH_DOCUMENT)
		parser->in_spans = false;
	JSON_ACTION_DONE;
}

static JsonActionResult
start_field(void *state, char *name, bool isnull)
{
	TreeParser *parser = state;

	(void) isnull;
	parser->field = name;
	JSON_ACTION_DONE;
}

/* A string that will outlive the lexer's. */
static Slice
keep_string(MemoryContext context, const char *token)
{
	return (Slice){MemoryContextStrdup(context, token), strlen(token)};
}

static Datum
read_time(char *token)
{
	return DirectFunctionCall3(timestamptz_in,
							   CStringGetDatum(token),
							   ObjectIdGetDatum(InvalidOid),
							   Int32GetDatum(-1));
}

static Datum
read_duration(char *token)
{
	int32 typmod = ((16 << 16) | 3) + VARHDRSZ;

	return DirectFunctionCall3(numeric_in,
							   CStringGetDatum(token),
							   ObjectIdGetDatum(InvalidOid),
							   Int32GetDatum(typmod));
}

static void
read_span_field(TreeParser *parser, char *token)
{
	Span *span = &parser->span;
	const char *field = parser->field;

	if (strcmp(field, "span_id") == 0)
		span->span_id = keep_string(parser->scratch, token);
	else if (strcmp(field, "parent_span_id") == 0)
		span->parent_span_id = keep_string(parser->scratch, token);
	else if (strcmp(field, "service_name") == 0)
		span->service_name = keep_string(parser->scratch, token);
	else if (strcmp(field, "operation") == 0)
		span->operation = keep_string(parser->scratch, token);
	else if (strcmp(field, "start_time") == 0)
		span_set_start(span, read_time(token), false);
	else if (strcmp(field, "end_time") == 0)
		span_set_end(span, read_time(token), false);
	else if (strcmp(field, "duration_ms") == 0)
		span_set_duration(span, read_duration(token), false);
	else if (strcmp(field, "kind") == 0)
		span->kind = span_kind_from_name((Slice){token, strlen(token)});
	else if (strcmp(field, "is_error") == 0 && strcmp(token, "true") == 0)
		span->flags |= SPAN_IS_ERROR;
	else if (strcmp(field, "is_async") == 0 && strcmp(token, "true") == 0)
		span->flags |= SPAN_IS_ASYNC;
}

static void
read_document_field(TreeParser *parser, char *token)
{
	if (strcmp(parser->field, "trace_id") == 0)
		parser->trace_id = keep_string(parser->result, token);
	else if (strcmp(parser->field, "version") == 0 &&
			 strcmp(token, CppAsString2(SPAN_TREE_VERSION)) != 0)
		refuse_text("Its version is not known here.");
	else if (strcmp(parser->field, "spans") == 0)
		refuse_text("\"spans\" is not an array.");
}

static JsonActionResult
read_scalar(void *state, char *token, JsonTokenType type)
{
	TreeParser *parser = state;
	MemoryContext caller = MemoryContextSwitchTo(parser->scratch);

	if (parser->depth == 0)
		refuse_text("A span_tree is written as a JSON object.");
	if (parser->depth == DEPTH_SPANS && parser->in_spans)
		refuse_text("A member of \"spans\" is not an object.");
	if (type != JSON_TOKEN_NULL)
	{
		if (parser->depth == DEPTH_SPAN && parser->in_spans)
			read_span_field(parser, token);
		else if (parser->depth == DEPTH_DOCUMENT)
			read_document_field(parser, token);
	}
	MemoryContextSwitchTo(caller);
	JSON_ACTION_DONE;
}

/* The spans again, under the trace id that is known only now. */
static SpanTree *
with_trace_id(SpanTree *open, Slice trace_id)
{
	SpanTree *named = NULL;
	SpanCursor cursor;
	Span span;

	if (open == NULL || trace_id.length == 0)
		return open;
	cursor = span_tree_spans(open);
	while (span_cursor_next(&cursor, &span))
	{
		CHECK_FOR_INTERRUPTS();
		named = grow(named, trace_id, &span);
	}
	return named;
}

/*
 * span_tree_in(cstring) -> span_tree
 *
 * Its JSON; an error if that is none.
 */
Datum
dt_span_tree_in(PG_FUNCTION_ARGS)
{
	char *text = PG_GETARG_CSTRING(0);
	TreeParser parser = {
		.trace_id = SLICE_LITERAL(""),
		.result = CurrentMemoryContext,
		.scratch = AllocSetContextCreate(CurrentMemoryContext,
										 "distributed_trace input",
										 ALLOCSET_SMALL_SIZES),
	};
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
	if (!parser.has_spans)
		refuse_text("There is no array \"spans\".");
	PG_RETURN_DATUM(finish_input(with_trace_id(parser.open, parser.trace_id),
								 parser.trace_id));
}
