/*
 * What went wrong in the spans of a trace, for the waterfall.
 *
 * A tree has no attributes, so the log is read for them: of each failed span
 * what an exception or the status says, else the HTTP status or what a tag
 * calls the error, one line each.
 */
#include "postgres.h"

#include "compat.h"
#include "server/json_reader.h"
#include "server/query.h"
#include "store/events.h"
#include "store/open_tree.h"
#include "store/otel_member.h"
#include "store/tag_readers.h"
#include "trace/tree_argument.h"
#include "trace/waterfall_errors.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* a picture that is all errors shows nothing */
#define MAX_ERRORS 20

/* bytes of a message that may be shown; the widest picture needs no more */
#define MESSAGE_BYTES 8000

static SavedQuery errors_query = {
	.text = "SELECT l.span_id, l.tags, l.logs FROM %s.distributed_trace_log l "
			"WHERE l.trace_id OPERATOR(pg_catalog.=) $1 "
			"AND %s.trace_is_error(l.tags)",
	.arg_count = 1,
	.arg_types = {TEXTOID},
	.reads_in_bulk = true,
};

enum
{
	COLUMN_SPAN,
	COLUMN_TAGS,
	COLUMN_LOGS,
	COLUMN_COUNT,
};

typedef struct Message
{
	Slice span_id;
	Slice text;
} Message;

static text *
describe_exception(const SpanException *exception)
{
	if (exception->type == NULL)
		return exception->message;
	if (exception->message == NULL)
		return exception->type;
	return cstring_to_text(psprintf("%s: %s",
									text_to_cstring(exception->type),
									text_to_cstring(exception->message)));
}

/* The first exception that logs tell of; NULL if they do of none. */
static text *
find_exception(text *logs)
{
	EventReader reader;
	SpanEvent event;

	event_reader_start(&reader, logs);
	while (event_reader_next(&reader, &event))
	{
		Slice name = {NULL, 0};
		SpanException exception;

		CHECK_FOR_INTERRUPTS();
		if (!event.has_attributes)
			continue;
		if (event.has_name)
			name =
				(Slice){event.name.val.string.val, event.name.val.string.len};
		exception = event_exception(name, json_as_object(&event.attributes));
		if (exception.type != NULL || exception.message != NULL)
			return describe_exception(&exception);
	}
	return NULL;
}

/* A member that says anything; NULL if it is none. */
static text *
member_text(JsonbContainer *object, const char *key)
{
	JsonbValue value;

	return json_member(object, key, &value) && !json_is_string(&value, "")
			   ? json_value_text(&value)
			   : NULL;
}

/* What tags call the error; NULL if they only say that there is one. */
static text *
find_message(Jsonb *tags)
{
	static const char *const keys[] = {"error.message", "error.type", "error"};
	text *message = member_text(tags_find_otel(tags), OTEL_STATUS_MESSAGE);
	int code = tags_http_status_code(tags);
	JsonbValue value;

	if (message == NULL && code != 0)
		message = cstring_to_text(psprintf("HTTP %d", code));
	for (size_t i = 0; i < lengthof(keys) && message == NULL; i++)
	{
		/* "true" is no name */
		if (json_member(&tags->root, keys[i], &value) &&
			value.type != jbvBool && !json_is_string(&value, "true"))
			message = member_text(&tags->root, keys[i]);
	}
	return message;
}

static Slice
first_line(text *message)
{
	const char *line = VARDATA(message);
	int length = pg_mbcliplen(line, VARSIZE(message) - VARHDRSZ, MESSAGE_BYTES);
	const char *end = memchr(line, '\n', length);

	return (Slice){line, end == NULL ? length : end - line};
}

static Slice
copy_slice(Slice slice, MemoryContext context)
{
	char *copy = MemoryContextAlloc(context, slice.length + 1);

	memcpy(copy, slice.data, slice.length);
	return (Slice){copy, slice.length};
}

/* What a row says went wrong, in `context`; false if nothing. */
static bool
read_message(HeapTuple row, TupleDesc desc, MemoryContext context,
			 Message *message)
{
	Datum values[COLUMN_COUNT];
	bool nulls[COLUMN_COUNT];
	text *found = NULL;

	heap_deform_tuple(row, desc, values, nulls);
	require_value(nulls[COLUMN_SPAN], "span_id");
	if (!nulls[COLUMN_LOGS])
		found = find_exception(DatumGetTextP(values[COLUMN_LOGS]));
	if (found == NULL)
		found = find_message(DatumGetJsonbP(values[COLUMN_TAGS]));
	if (found == NULL)
		return false;
	message->text = copy_slice(first_line(found), context);
	message->span_id =
		copy_slice(datum_slice(values[COLUMN_SPAN], false), context);
	return true;
}

static int
compare_messages(const void *a, const void *b)
{
	return slice_compare(((const Message *) a)->span_id,
						 ((const Message *) b)->span_id);
}

/* The messages of a trace in the order of their spans' ids. */
static Message *
read_messages(Oid schema, Slice trace_id, uint32 *count)
{
	Datum args[1] = {PointerGetDatum(slice_to_text(trace_id))};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch;
	Message *messages;

	*count = 0;
	SPI_connect();
	query_run(&errors_query, schema, args, true, NULL);
	messages =
		MemoryContextAllocHuge(caller, (SPI_processed + 1) * sizeof(Message));
	scratch = AllocSetContextCreate(CurrentMemoryContext,
									"distributed_trace error",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(scratch);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (read_message(SPI_tuptable->vals[i],
						 SPI_tuptable->tupdesc,
						 caller,
						 &messages[*count]))
			(*count)++;
		MemoryContextReset(scratch);
	}
	SPI_finish();
	qsort(messages, *count, sizeof(Message), compare_messages);
	return messages;
}

static bool
has_errors(const SpanTree *tree)
{
	const SpanNode *nodes = span_tree_nodes(tree);

	for (uint32 i = 0; i < tree->span_count; i++)
	{
		if (nodes[i].flags & SPAN_IS_ERROR)
			return true;
	}
	return false;
}

void
set_up_errors(WaterfallPainter *painter, Oid schema, const SpanTree *tree)
{
	const SpanNode *nodes = span_tree_nodes(tree);
	WaterfallError *errors = palloc(MAX_ERRORS * sizeof(WaterfallError));
	uint32 count;
	Message *messages;

	painter->errors = errors;
	if (!has_errors(tree))
		return;
	messages = read_messages(schema, span_tree_trace_id(tree), &count);
	for (uint32 i = 0; i < tree->span_count && count > 0; i++)
	{
		Message wanted = {.span_id = span_tree_string(tree, nodes[i].span_id)};
		const Message *found;

		CHECK_FOR_INTERRUPTS();
		if (!(nodes[i].flags & SPAN_IS_ERROR) ||
			(nodes[i].flags & NODE_IS_COPY))
			continue;
		found = bsearch(
			&wanted, messages, count, sizeof(Message), compare_messages);
		if (found == NULL)
			continue;
		if (painter->error_count == MAX_ERRORS)
			painter->further_error_count++;
		else
			errors[painter->error_count++] = (WaterfallError){i, found->text};
	}
}
