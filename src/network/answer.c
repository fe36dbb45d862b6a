/*
 * Bodies of answers: see answer.h.
 */
#include "network/answer.h"

/* An integer of variable length. */
static void
put_varint(struct evbuffer *out, uint64_t value)
{
	uint8_t bytes[10];
	size_t count = 0;

	for (; value >= 0x80; value >>= 7)
		bytes[count++] = (uint8_t) (value | 0x80);
	bytes[count++] = (uint8_t) value;
	evbuffer_add(out, bytes, count);
}

/* A field with an integer, or with bytes. */
static void
put_integer_field(struct evbuffer *out, unsigned field, uint64_t value)
{
	put_varint(out, field << 3);
	put_varint(out, value);
}

static void
put_bytes_field(struct evbuffer *out, unsigned field, Slice bytes)
{
	put_varint(out, field << 3 | 2);
	put_varint(out, bytes.length);
	evbuffer_add(out, bytes.data, bytes.length);
}

static void
put_json_string(struct evbuffer *out, Slice text)
{
	evbuffer_add(out, "\"", 1);
	for (uint32_t i = 0; i < text.length; i++)
	{
		unsigned char c = (unsigned char) text.data[i];

		if (c == '"' || c == '\\')
			evbuffer_add_printf(out, "\\%c", c);
		else if (c < ' ')
			evbuffer_add_printf(out, "\\u%04x", c);
		else
			evbuffer_add(out, &text.data[i], 1);
	}
	evbuffer_add(out, "\"", 1);
}

static void
put_json_response(struct evbuffer *out, uint64_t rejected, Slice message)
{
	evbuffer_add_printf(out,
						"{\"partialSuccess\":{\"rejectedSpans\":\"%llu\"",
						(unsigned long long) rejected);
	if (message.length > 0)
	{
		evbuffer_add_printf(out, ",\"errorMessage\":");
		put_json_string(out, message);
	}
	evbuffer_add_printf(out, "}}");
}

void
put_response(struct evbuffer *out, FrameEncoding encoding, uint64_t rejected,
			 Slice message)
{
	struct evbuffer *partial;

	if (rejected == 0 && message.length == 0)
	{
		if (encoding == ENCODING_JSON)
			evbuffer_add(out, "{}", 2);
		return;
	}
	if (encoding == ENCODING_JSON)
	{
		put_json_response(out, rejected, message);
		return;
	}
	partial = evbuffer_new();
	if (partial == NULL)
		return;
	put_integer_field(partial, 1, rejected);
	if (message.length > 0)
		put_bytes_field(partial, 2, message);
	put_varint(out, 1 << 3 | 2);
	put_varint(out, evbuffer_get_length(partial));
	evbuffer_add_buffer(out, partial);
	evbuffer_free(partial);
}

void
put_status(struct evbuffer *out, FrameEncoding encoding, int code,
		   Slice message)
{
	if (encoding == ENCODING_JSON)
	{
		evbuffer_add_printf(out, "{\"code\":%d,\"message\":", code);
		put_json_string(out, message);
		evbuffer_add(out, "}", 1);
		return;
	}
	put_integer_field(out, 1, (uint64_t) code);
	put_bytes_field(out, 2, message);
}

void
put_percent_encoded(struct evbuffer *out, Slice text)
{
	for (uint32_t i = 0; i < text.length; i++)
	{
		unsigned char c = (unsigned char) text.data[i];

		if (c < ' ' || c > '~' || c == '%')
			evbuffer_add_printf(out, "%%%02X", c);
		else
			evbuffer_add(out, &text.data[i], 1);
	}
}

AnswerForm
answer_form(RequestType type)
{
	if (type == TYPE_PROTOBUF)
		return ANSWER_PROTOBUF;
	return type == TYPE_JSON ? ANSWER_JSON : ANSWER_TEXT;
}

const char *
answer_media_type(AnswerForm form)
{
	if (form == ANSWER_PROTOBUF)
		return "application/x-protobuf";
	return form == ANSWER_JSON ? "application/json" : "text/plain";
}

int
http_status(FrameOutcome outcome)
{
	if (outcome == OUTCOME_RECORDED)
		return 200;
	return outcome == OUTCOME_MALFORMED ? 400 : 503;
}

static int
status_code(int status)
{
	switch (status)
	{
		case 401:
			return STATUS_UNAUTHENTICATED;
		case 403:
			return STATUS_PERMISSION_DENIED;
		case 404:
		case 405:
		case 501:
			return STATUS_UNIMPLEMENTED;
		case 413:
			return STATUS_RESOURCE_EXHAUSTED;
		case 408:
		case 503:
			return STATUS_UNAVAILABLE;
		default:
			return STATUS_INVALID_ARGUMENT;
	}
}

void
put_error(struct evbuffer *out, AnswerForm form, int status, Slice message)
{
	if (form == ANSWER_TEXT)
		evbuffer_add_printf(out, "%.*s\n", (int) message.length, message.data);
	else
		put_status(out,
				   form == ANSWER_JSON ? ENCODING_JSON : ENCODING_PROTOBUF,
				   status_code(status),
				   message);
}
