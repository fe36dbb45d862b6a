/*
 * OTLP's JSON encoding, transcoded to protobuf.
 *
 * The server's JSON parser calls back at every token; the table of messages
 * in core/wire/otlp.c says what each name stands for.  A message's length is not
 * known until it ends, so room is left for it.
 *
 * Names may be written as in JSON (traceId) or as in protobuf (trace_id), and
 * those that OTLP once had, or that Tempo has for them, are understood.  Names
 * that are none are skipped, null is the same as nothing, and of a name that
 * an object has twice the last one counts: what the first one left in the
 * output is blanked out.  Lists with spans below them are not, for senders on
 * their way from an older name to a newer one write both.
 *
 * Several documents one after another, as the Collector writes them into
 * files, are one request: so are their encodings in protobuf, put together.
 *
 * A value of the wrong type spoils the innermost span, scope or resource that
 * it is in, no more; only what makes it impossible to tell how many spans the
 * request has is an error of the whole document.
 */
#include "postgres.h"

#include "formats/otlp/otlp_json.h"

#include "compat.h"
#include "core/wire/json_documents.h"
#include "core/wire/otlp.h"
#include "core/wire/utf8.h"
#include "formats/otlp/otlp_json_value.h"
#include "server/text_encoding.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include <ctype.h>

/* An attribute at OTLP_MAX_DEPTH takes some 270; what lies between makes a
 * span be rejected, what is deeper still an error. */
#define JSON_MAX_DEPTH 512

/* The part of the output that a field of an object takes. */
typedef struct WrittenField
{
	int start;
	int end;
} WrittenField;

/* An object that is a message, or the array of a repeated field. */
typedef struct Frame
{
	bool is_array;
	const OtlpFieldInfo *field; /* being read; NULL if it is unknown */
	int number;					/* of that field */
	struct Frame *spoiled;		/* the message that a wrong value spoils */

	/* of a message */
	uint8 message;
	int opened;	 /* see open_message */
	char *fault; /* what is wrong with it */
	uint32 seen; /* fields, by number */
	WrittenField written[OTLP_FIELD_LIMIT];
} Frame;

typedef struct Transcoder
{
	JsonLexContext *lex; /* of the document being read */
	Size position;		 /* where that begins */
	StringInfoData output;
	Frame *frames;
	int depth;	 /* frames in use */
	int skipped; /* open objects and arrays below that are skipped */
	bool has_spans;
	char *unknown; /* a name that is none, where spans could be below */
} Transcoder;

static Size
position_of(const Transcoder *coder, const char *at)
{
	return coder->position + (at == NULL ? (Size) coder->lex->input_length
										 : (Size) (at - coder->lex->input));
}

/* The document is no request, because of what lies before `at`. */
static void
report_document(const Transcoder *coder, const char *at, const char *what)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			errmsg("invalid OTLP request: %s at byte %zu",
				   what,
				   position_of(coder, at)));
}

static Frame *
top(Transcoder *coder)
{
	return &coder->frames[coder->depth - 1];
}

static bool
can_be_spoiled(uint8 message)
{
	return message == OTLP_RESOURCE_SPANS || message == OTLP_RESOURCE ||
		   message == OTLP_SCOPE_SPANS || message == OTLP_SCOPE ||
		   message == OTLP_SPAN;
}

/* Whether a field holds spans at some depth: one cannot do without it. */
static bool
holds_spans(const OtlpFieldInfo *field)
{
	return field->type == OTLP_SUBMESSAGE &&
		   (field->message == OTLP_RESOURCE_SPANS ||
			field->message == OTLP_SCOPE_SPANS || field->message == OTLP_SPAN);
}

static char *
describe_wrong_value(const Frame *frame, const char *expected)
{
	return psprintf(
		"value of \"%s\" is not %s", frame->field->json_name, expected);
}

/* The field being read holds something else than it should. */
static void
note_wrong_value(Transcoder *coder, const char *at, const char *expected)
{
	const Frame *frame = top(coder);

	if (frame->is_array && frame->field->message == OTLP_SPAN)
	{
		static const char fault[] = "span is not an object";
		int opened = open_message(&coder->output, frame->number);

		coder->has_spans = true;
		put_bytes(
			&coder->output, OTLP_REJECTION_FIELD, fault, sizeof(fault) - 1);
		close_message(&coder->output, opened);
	}
	else if (holds_spans(frame->field))
		report_document(coder, at, describe_wrong_value(frame, expected));
	else if (frame->spoiled->fault == NULL)
		frame->spoiled->fault = describe_wrong_value(frame, expected);
}

static Frame *
push_frame(Transcoder *coder, const Frame *around)
{
	Frame *frame = &coder->frames[coder->depth++];

	frame->field = NULL;
	frame->spoiled = around == NULL ? NULL : around->spoiled;
	return frame;
}

static void
push_message(Transcoder *coder, uint8 message, int opened)
{
	Frame *frame = push_frame(coder, coder->depth == 0 ? NULL : top(coder));

	coder->has_spans |= message == OTLP_SPAN;
	frame->is_array = false;
	frame->message = message;
	frame->opened = opened;
	frame->fault = NULL;
	frame->seen = 0;
	if (can_be_spoiled(message))
		frame->spoiled = frame;
}

/* The array of the field being read in the frame around it. */
static void
push_array(Transcoder *coder)
{
	Frame *around = top(coder);
	Frame *frame = push_frame(coder, around);

	frame->is_array = true;
	frame->field = around->field;
	frame->number = around->number;
}

static void
limit_depth(const Transcoder *coder)
{
	if (coder->depth + coder->skipped >= JSON_MAX_DEPTH)
		ereport(ERROR,
				errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				errmsg("invalid OTLP request: nested more than %d levels deep "
					   "at byte %zu",
					   JSON_MAX_DEPTH,
					   position_of(coder, coder->lex->token_start)));
}

/*
 * What the parser calls
 */

static JsonActionResult
start_object_token(void *state)
{
	Transcoder *coder = state;
	const char *at = coder->lex->token_start;
	Frame *frame;

	limit_depth(coder);
	if (coder->depth == 0)
	{
		push_message(coder, OTLP_REQUEST, 0);
		JSON_ACTION_DONE;
	}
	frame = top(coder);
	if (coder->skipped > 0 || frame->field == NULL)
		coder->skipped++;
	else if (frame->field->type != OTLP_SUBMESSAGE ||
			 frame->field->repeated != frame->is_array)
	{
		note_wrong_value(
			coder, at, expected_value(frame->field, frame->is_array));
		coder->skipped++;
	}
	else
		push_message(coder,
					 frame->field->message,
					 open_message(&coder->output, frame->number));
	JSON_ACTION_DONE;
}

static JsonActionResult
end_object_token(void *state)
{
	Transcoder *coder = state;
	Frame *frame = top(coder);

	CHECK_FOR_INTERRUPTS();
	if (coder->skipped > 0)
	{
		coder->skipped--;
		JSON_ACTION_DONE;
	}
	if (frame->fault != NULL)
		put_bytes(&coder->output,
				  OTLP_REJECTION_FIELD,
				  frame->fault,
				  strlen(frame->fault));
	if (frame->opened > 0)
		close_message(&coder->output, frame->opened);
	coder->depth--;
	JSON_ACTION_DONE;
}

static JsonActionResult
start_array_token(void *state)
{
	Transcoder *coder = state;
	const char *at = coder->lex->token_start;
	Frame *frame;

	limit_depth(coder);
	if (coder->depth == 0)
		report_document(coder, at, "document is not an object");
	frame = top(coder);
	if (coder->skipped > 0 || frame->field == NULL)
		coder->skipped++;
	else if (!frame->field->repeated || frame->is_array)
	{
		note_wrong_value(
			coder, at, expected_value(frame->field, frame->is_array));
		coder->skipped++;
	}
	else
		push_array(coder);
	JSON_ACTION_DONE;
}

static JsonActionResult
end_array_token(void *state)
{
	Transcoder *coder = state;

	if (coder->skipped > 0)
		coder->skipped--;
	else
		coder->depth--;
	JSON_ACTION_DONE;
}

/* Whether a name is that of a field, as JSON or as protobuf writes it. */
static bool
is_name_of(const char *json_name, const char *name)
{
	for (; *json_name != '\0'; json_name++, name++)
	{
		if (*json_name == *name)
			continue;
		if (*name != '_' || !isupper((unsigned char) *json_name))
			return false;
		name++;
		if (*name != tolower((unsigned char) *json_name))
			return false;
	}
	return *name == '\0';
}

/* Names of before OTLP 0.15, and Tempo's. */
static const struct
{
	const char *json_name;
	uint8 message;
	int number;
} other_names[] = {
	{"batches", OTLP_REQUEST, 1},
	{"instrumentationLibrarySpans", OTLP_RESOURCE_SPANS, 2},
	{"instrumentationLibrary", OTLP_SCOPE_SPANS, 1},
};

/* The number of a field by its name; 0 if there is none. */
static int
find_field(uint8 message, const char *name)
{
	for (int number = 1; number < OTLP_FIELD_LIMIT; number++)
	{
		const OtlpFieldInfo *field = &otlp_fields[message][number];

		if (field->type != OTLP_NO_FIELD && is_name_of(field->json_name, name))
			return number;
	}
	for (size_t i = 0; i < lengthof(other_names); i++)
	{
		if (other_names[i].message == message &&
			is_name_of(other_names[i].json_name, name))
			return other_names[i].number;
	}
	return 0;
}

/* A name that is none is only worth a word where spans may have been lost. */
static void
note_unknown(Transcoder *coder, uint8 message, const char *name)
{
	if (coder->unknown == NULL &&
		(message == OTLP_REQUEST || message == OTLP_RESOURCE_SPANS ||
		 message == OTLP_SCOPE_SPANS))
		coder->unknown = pstrdup(name);
}

static JsonActionResult
start_field(void *state, char *name, bool isnull pg_attribute_unused())
{
	Transcoder *coder = state;
	Frame *frame = top(coder);
	WrittenField *written;

	if (coder->skipped > 0)
		JSON_ACTION_DONE;
	frame->number = find_field(frame->message, name);
	frame->field = NULL;
	if (frame->number == 0)
	{
		note_unknown(coder, frame->message, name);
		JSON_ACTION_DONE;
	}
	frame->field = &otlp_fields[frame->message][frame->number];
	written = &frame->written[frame->number];
	if ((frame->seen & (1u << frame->number)) != 0 &&
		written->end > written->start && !holds_spans(frame->field))
		blank_fields(coder->output.data + written->start,
					 written->end - written->start);
	frame->seen |= 1u << frame->number;
	written->start = coder->output.len;
	JSON_ACTION_DONE;
}

static JsonActionResult
end_field(void *state, char *name, bool isnull pg_attribute_unused())
{
	Transcoder *coder = state;
	Frame *frame = top(coder);

	if (coder->skipped == 0 && frame->number != 0)
		frame->written[frame->number].end = coder->output.len;
	pfree(name);
	JSON_ACTION_DONE;
}

/* Null is the default: of a field that is nothing at all, and in an array of
 * attribute values an empty one. */
static void
take_null(Transcoder *coder, const char *at)
{
	Frame *frame = top(coder);

	if (!frame->is_array)
		return;
	if (frame->field->message == OTLP_ANY_VALUE)
		put_bytes(&coder->output, frame->number, "", 0);
	else
		note_wrong_value(coder, at, expected_value(frame->field, true));
}

static void
take_scalar(Transcoder *coder, const char *token, JsonTokenType type)
{
	/* the parser is a token ahead */
	const char *at = coder->lex->prev_token_terminator;
	const char *expected;
	Frame *frame;

	if (coder->depth == 0)
		report_document(coder, at, "document is not an object");
	frame = top(coder);
	if (frame->field == NULL)
		return;
	if (type == JSON_TOKEN_NULL)
		take_null(coder, at);
	else if (frame->field->repeated != frame->is_array)
		note_wrong_value(coder, at, expected_value(frame->field, false));
	else if ((expected = put_scalar(
				  &coder->output, frame->field, frame->number, token, type)) !=
			 NULL)
		note_wrong_value(coder, at, expected);
}

static JsonActionResult
scalar_token(void *state, char *token, JsonTokenType type)
{
	Transcoder *coder = state;

	CHECK_FOR_INTERRUPTS();
	if (coder->skipped == 0)
		take_scalar(coder, token, type);
	pfree(token);
	JSON_ACTION_DONE;
}

/*
 * The document
 */

/* A copy that the server's parser can read whatever escapes are in it. */
static char *
prepare_request(Slice request, int *length)
{
	bool is_valid =
		GetDatabaseEncoding() == PG_SQL_ASCII ||
		utf8_valid_length(request.data, request.length) == request.length;
	Size size =
		is_valid ? request.length : UTF8_CLEAN_SIZE((Size) request.length);
	char *json = palloc(size + 1);

	*length = request.length;
	if (is_valid)
		memcpy(json, request.data, request.length);
	else
		*length = utf8_clean(request.data, request.length, json);
	json_escapes_clean(json, *length);
	if (GetDatabaseEncoding() != PG_UTF8)
		*length = json_escapes_expand(json, *length);
	return json;
}

static void
report_parse_error(const Transcoder *coder, JsonParseErrorType error)
{
	char *detail = json_errdetail(error, coder->lex);
	Slice text = text_from_utf8((Slice){detail, strlen(detail)});

	ereport(ERROR,
			errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			errmsg("invalid OTLP request: malformed JSON at byte %zu",
				   position_of(coder, coder->lex->token_start)),
			errdetail_internal("%s", pnstrdup(text.data, text.length)));
}

static void
transcode_document(Transcoder *coder, char *json, int length)
{
	JsonSemAction actions = {
		.semstate = coder,
		.object_start = start_object_token,
		.object_end = end_object_token,
		.array_start = start_array_token,
		.array_end = end_array_token,
		.object_field_start = start_field,
		.object_field_end = end_field,
		.scalar = scalar_token,
	};
	int encoding =
		GetDatabaseEncoding() == PG_SQL_ASCII ? PG_SQL_ASCII : PG_UTF8;
	JsonParseErrorType error;

	coder->lex = compat_json_lexer(json, length, encoding);
	error = pg_parse_json(coder->lex, &actions);
	if (error != JSON_SUCCESS)
		report_parse_error(coder, error);
}

/* What became of a request in which nobody would find a span. */
static const char *
describe_unknown(const Transcoder *coder)
{
	Slice name;

	if (coder->unknown == NULL || coder->has_spans)
		return NULL;
	name = text_from_utf8((Slice){coder->unknown, strlen(coder->unknown)});
	return psprintf("no spans were found, and \"%s\" is not known",
					pnstrdup(name.data, name.length));
}

Slice
otlp_json_to_protobuf(Slice request, const char **note)
{
	Transcoder coder = {0};
	int length;
	char *json = prepare_request(request, &length);
	size_t start;
	size_t end;
	bool is_there;

	initStringInfo(&coder.output);
	coder.frames = palloc(JSON_MAX_DEPTH * sizeof(Frame));
	is_there = json_next_document(json, length, &start, &end);
	do
	{
		/* where there is no document at all the parser says so */
		if (!is_there)
		{
			start = 0;
			end = length;
		}
		coder.position += start;
		transcode_document(&coder, json + coder.position, end - start);
		coder.position += end - start;
		is_there = json_next_document(
			json + coder.position, length - coder.position, &start, &end);
	} while (is_there);
	pfree(coder.frames);
	*note = describe_unknown(&coder);
	return (Slice){coder.output.data, coder.output.len};
}
