/*
 * Spans of code that runs in the database: trace_span_start and
 * trace_span_finish.
 *
 * A span is handed on as a W3C traceparent, so that a caller outside can be
 * its parent and a callee outside its child.  A trace that its beginner chose
 * not to sample is passed on but not recorded.  Both functions write in the
 * caller's transaction: a span of a transaction that is rolled back is gone.
 */
#include "postgres.h"

#include "compat.h"
#include "server/json_reader.h"
#include "server/query.h"
#include "store/otel_member.h"
#include "store/span_batch.h"
#include "store/span_times.h"
#include "store/tag_builder.h"
#include "store/trace_ids.h"

#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "core/tree/span.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(dt_trace_span_start);
PG_FUNCTION_INFO_V1(dt_trace_span_finish);

#define FLAG_SAMPLED 0x01
#define KNOWN_FLAGS 0x03 /* sampled, random trace id */

/* Where the parts of a traceparent lie: vv-tttt...-ssss...-ff */
#define TRACE_AT 3
#define SPAN_AT (TRACE_AT + TRACE_ID_DIGITS + 1)
#define FLAGS_AT (SPAN_AT + SPAN_ID_DIGITS + 1)
#define TRACEPARENT_LENGTH (FLAGS_AT + 2)

typedef struct SpanContext
{
	char trace_id[TRACE_ID_DIGITS + 1];
	char span_id[SPAN_ID_DIGITS + 1];
	int flags;
} SpanContext;

/* The row of a started span, as far as finishing it needs it. */
typedef struct StartedSpan
{
	text *service_name;
	text *operation;
	TimestampTz start_time;
} StartedSpan;

static SavedQuery find_query = {
	.text = "SELECT service_name, operation, start_time "
			"FROM %s.distributed_trace_log "
			"WHERE trace_id OPERATOR(pg_catalog.=) $1 "
			"AND span_id OPERATOR(pg_catalog.=) $2",
	.arg_count = 2,
	.arg_types = {TEXTOID, TEXTOID},
};

static bool
is_lower_hex(const char *digits, int length)
{
	for (int i = 0; i < length; i++)
	{
		if (!(digits[i] >= '0' && digits[i] <= '9') &&
			!(digits[i] >= 'a' && digits[i] <= 'f'))
			return false;
	}
	return true;
}

/* The form of version 00, which later versions may only continue. */
static bool
is_traceparent(const char *string, int length)
{
	bool is_version_00 = length >= 2 && memcmp(string, "00", 2) == 0;

	return length >= TRACEPARENT_LENGTH && is_lower_hex(string, 2) &&
		   memcmp(string, "ff", 2) != 0 && string[TRACE_AT - 1] == '-' &&
		   is_lower_hex(string + TRACE_AT, TRACE_ID_DIGITS) &&
		   !is_all_zero(string + TRACE_AT, TRACE_ID_DIGITS) &&
		   string[SPAN_AT - 1] == '-' &&
		   is_lower_hex(string + SPAN_AT, SPAN_ID_DIGITS) &&
		   !is_all_zero(string + SPAN_AT, SPAN_ID_DIGITS) &&
		   string[FLAGS_AT - 1] == '-' && is_lower_hex(string + FLAGS_AT, 2) &&
		   (length == TRACEPARENT_LENGTH ||
			(!is_version_00 && string[TRACEPARENT_LENGTH] == '-'));
}

/* False for what is no traceparent. */
static bool
parse_traceparent(text *traceparent, SpanContext *context)
{
	const char *string = VARDATA_ANY(traceparent);

	if (!is_traceparent(string, VARSIZE_ANY_EXHDR(traceparent)))
		return false;
	strlcpy(context->trace_id, string + TRACE_AT, sizeof(context->trace_id));
	strlcpy(context->span_id, string + SPAN_AT, sizeof(context->span_id));
	context->flags =
		strtol(pnstrdup(string + FLAGS_AT, 2), NULL, 16) & KNOWN_FLAGS;
	return true;
}

/* The context of a span that was started here. */
static SpanContext
own_context(text *traceparent)
{
	SpanContext context;

	if (!parse_traceparent(traceparent, &context))
		ereport(
			ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("invalid traceparent: \"%s\"", text_to_cstring(traceparent)),
			errhint("Finish a span with the traceparent that "
					"trace_span_start returned: \"00-<32 hex digits>-<16 hex "
					"digits>-<2 hex digits>\" in lower case, with ids "
					"that are not all zeros."));
	return context;
}

static text *
format_traceparent(const SpanContext *context)
{
	return cstring_to_text(psprintf(
		"00-%s-%s-%02x", context->trace_id, context->span_id, context->flags));
}

/* Random hex digits that are not all zeros, and a NUL. */
static void
random_id(char *id, int digits)
{
	uint8 bytes[TRACE_ID_DIGITS / 2];

	do
	{
		if (!pg_strong_random(bytes, digits / 2))
			ereport(ERROR,
					errcode(ERRCODE_INTERNAL_ERROR),
					errmsg("could not generate random values"));
		hex_encode((const char *) bytes, digits / 2, id);
		id[digits] = '\0';
	} while (is_all_zero(id, digits));
}

/* What traces should call this session. */
static text *
default_service(void)
{
	if (application_name != NULL && application_name[0] != '\0')
		return cstring_to_text(application_name);
	return cstring_to_text(get_database_name(MyDatabaseId));
}

static SpanKind
parse_kind(text *name)
{
	SpanKind kind = span_kind_from_name(
		(Slice){VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)});

	if (kind == SPAN_KIND_ABSENT)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("unrecognized span kind: \"%s\"", text_to_cstring(name)),
				errhint("Kinds are \"internal\", \"server\", \"client\", "
						"\"producer\", \"consumer\" and \"unspecified\"."));
	return kind;
}

/* Takes over the caller's tags, what they say in "otel" included. */
static void
start_tags(TagBuilder *builder, Jsonb *tags)
{
	JsonbIterator *members;
	JsonbValue name;
	JsonbValue value;

	tag_builder_start(builder);
	if (!JB_ROOT_IS_OBJECT(tags))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("tags must be a JSON object"));
	members = JsonbIteratorInit(&tags->root);
	while (json_next_member(&members, &name, &value))
	{
		JsonbContainer *object = json_as_object(&value);
		JsonbIterator *nested;

		if (object == NULL || !json_is_string(&name, OTEL))
		{
			add_tag(builder, name, value);
			continue;
		}
		nested = JsonbIteratorInit(object);
		while (json_next_member(&nested, &name, &value))
			add_member(&builder->otel, name, value);
	}
}

static void
record_span(FunctionCallInfo fcinfo, const SpanContext *context,
			SpanBatch *batch)
{
	SpanRow *row = &batch->rows[0];

	row->trace_id = cstring_to_text(context->trace_id);
	row->span_id = cstring_to_text(context->span_id);
	(void) record_spans(batch, calling_schema(fcinfo));
	if (batch->rejected > 0)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("could not record %s", span_batch_message(batch)));
}

/* The context of a new span below `parent`, or of a new trace. */
static SpanContext
new_context(const SpanContext *parent)
{
	SpanContext context;

	if (parent != NULL)
		context = *parent;
	else
	{
		random_id(context.trace_id, TRACE_ID_DIGITS);
		context.flags = FLAG_SAMPLED;
	}
	random_id(context.span_id, SPAN_ID_DIGITS);
	return context;
}

static text *
text_argument(FunctionCallInfo fcinfo, int argno)
{
	return PG_ARGISNULL(argno) ? NULL : PG_GETARG_TEXT_P(argno);
}

/*
 * trace_span_start(operation text, service_name text, traceparent text,
 *                  kind text, tags jsonb) -> text
 *
 * Records a span that starts now; returns its traceparent.  What is given as
 * one and is none is ignored, as W3C asks: the caller's work must not fail for
 * a header that somebody else sent.
 */
Datum
dt_trace_span_start(PG_FUNCTION_ARGS)
{
	text *operation = text_argument(fcinfo, 0);
	text *service_name = text_argument(fcinfo, 1);
	text *traceparent = text_argument(fcinfo, 2);
	text *kind = text_argument(fcinfo, 3);
	SpanKind span_kind = kind == NULL ? SPAN_KIND_INTERNAL : parse_kind(kind);
	SpanContext parent = {0};
	bool has_parent;
	SpanContext context;
	TagBuilder tags;

	if (operation == NULL)
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("operation must not be null"));
	has_parent = traceparent != NULL && parse_traceparent(traceparent, &parent);
	context = new_context(has_parent ? &parent : NULL);
	tag_builder_start(&tags);
	if (!PG_ARGISNULL(4))
		start_tags(&tags, PG_GETARG_JSONB_P(4));
	if ((context.flags & FLAG_SAMPLED) != 0)
	{
		SpanBatch *batch = span_batch_create();
		SpanRow *row = span_batch_add(batch);

		row->operation = operation;
		row->service_name =
			service_name == NULL ? default_service() : service_name;
		row->parent_span_id =
			has_parent ? cstring_to_text(parent.span_id) : NULL;
		row->start_time = GetCurrentTimestamp();
		add_otel(&tags, OTEL_KIND, json_key(span_kind_name(span_kind)));
		add_otel(&tags, OTEL_FLAGS, json_int64(context.flags));
		row->tags = tag_builder_finish(&tags);
		record_span(fcinfo, &context, batch);
	}
	PG_RETURN_TEXT_P(format_traceparent(&context));
}

static Datum
started_value(int column, const char *name)
{
	bool isnull;
	Datum value = SPI_getbinval(
		SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);

	require_value(isnull, name);
	return value;
}

/* Reads the span of a context; an error if it was never recorded. */
static StartedSpan
find_span(Oid schema, const SpanContext *context)
{
	Datum args[2] = {CStringGetTextDatum(context->trace_id),
					 CStringGetTextDatum(context->span_id)};
	MemoryContext caller = CurrentMemoryContext;
	StartedSpan span;

	SPI_connect();
	if (query_run(&find_query, schema, args, false, NULL) == 0)
		ereport(ERROR,
				errcode(ERRCODE_NO_DATA_FOUND),
				errmsg("span \"%s\" of trace \"%s\" was never recorded",
					   context->span_id,
					   context->trace_id),
				errhint("Finish a span with the traceparent that "
						"trace_span_start returned."));
	MemoryContextSwitchTo(caller);
	span.service_name = DatumGetTextPCopy(started_value(1, "service_name"));
	span.operation = DatumGetTextPCopy(started_value(2, "operation"));
	span.start_time = DatumGetTimestampTz(started_value(3, "start_time"));
	SPI_finish();
	if (TIMESTAMP_NOT_FINITE(span.start_time))
		span.start_time = GetCurrentTimestamp();
	return span;
}

/* "ok" or "error" from the caller's status. */
static const char *
parse_status(text *status)
{
	char *name = text_to_cstring(status);

	if (pg_strcasecmp(name, "ok") == 0)
		return "ok";
	if (pg_strcasecmp(name, "error") == 0)
		return "error";
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("unrecognized span status: \"%s\"", name),
			errhint("A status is \"ok\", \"error\" or null."));
}

/*
 * trace_span_finish(traceparent text, status text, status_message text,
 *                   tags jsonb) -> float8
 *
 * Records that a span ends now; returns its duration in ms, NULL if it is not
 * sampled.
 */
Datum
dt_trace_span_finish(PG_FUNCTION_ARGS)
{
	text *traceparent = text_argument(fcinfo, 0);
	text *status = text_argument(fcinfo, 1);
	text *message = text_argument(fcinfo, 2);
	const char *status_name = status == NULL ? NULL : parse_status(status);
	TimestampTz now = GetCurrentTimestamp();
	SpanBatch *batch = span_batch_create();
	SpanRow *row = span_batch_add(batch);
	SpanContext context;
	StartedSpan span;
	TagBuilder tags;

	if (traceparent == NULL)
		PG_RETURN_NULL();
	context = own_context(traceparent);
	if ((context.flags & FLAG_SAMPLED) == 0)
		PG_RETURN_NULL();
	span = find_span(calling_schema(fcinfo), &context);
	tag_builder_start(&tags);
	if (!PG_ARGISNULL(3))
		start_tags(&tags, PG_GETARG_JSONB_P(3));
	if (status_name != NULL)
		add_otel(&tags, OTEL_STATUS, json_key(status_name));
	if (message != NULL)
		add_otel(&tags, OTEL_STATUS_MESSAGE, json_text(message));

	row->service_name = span.service_name;
	row->operation = span.operation;
	row->start_time = span.start_time;
	row->end_time = Max(now, span.start_time);
	row->is_finished = true;
	row->has_duration =
		span_duration(row->start_time, row->end_time, &row->duration);
	row->tags = tag_builder_finish(&tags);
	record_span(fcinfo, &context, batch);
	PG_RETURN_FLOAT8(row->duration / 1000.0);
}
