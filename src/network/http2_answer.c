/*
 * Answers over HTTP/2: see http2.h.
 *
 * Errors of gRPC are answered without a body ("Trailers-Only"): some clients
 * look for the status nowhere else.  OTLP/HTTP is answered as it is over
 * HTTP/1.1.
 */
#include "network/http2.h"

#include <stdio.h>

#include <event2/buffer.h>

#include "network/answer.h"

#define GRPC_CODINGS "identity,gzip,deflate,zstd"

#define MAX_HEADERS 8

typedef struct Headers
{
	nghttp2_nv list[MAX_HEADERS];
	size_t count;
} Headers;

static void
put_header(Headers *headers, const char *name, const char *value)
{
	headers->list[headers->count++] = (nghttp2_nv){
		(uint8_t *) name,
		(uint8_t *) value,
		strlen(name),
		strlen(value),
		NGHTTP2_NV_FLAG_NONE,
	};
}

/* nghttp2 asks for the body, and, of gRPC, the trailers behind it. */
static ssize_t
read_answer(nghttp2_session *session, int32_t id, uint8_t *buffer,
			size_t length, uint32_t *flags, nghttp2_data_source *source,
			void *context)
{
	Http2Stream *stream = source->ptr;
	int count = evbuffer_remove(stream->answer, buffer, length);
	Headers trailers = {0};

	(void) context;
	if (count < 0)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (evbuffer_get_length(stream->answer) > 0)
		return count;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (stream->is_grpc)
	{
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		put_header(&trailers, "grpc-status", "0");
		if (nghttp2_submit_trailer(
				session, id, trailers.list, trailers.count) != 0)
			return NGHTTP2_ERR_CALLBACK_FAILURE;
	}
	return count;
}

/* Submits headers, and what stream->answer holds. */
static void
submit(Http2Stream *stream, const Headers *headers)
{
	nghttp2_data_provider provider = {.source.ptr = stream,
									  .read_callback = read_answer};

	if (nghttp2_submit_response(stream->connection->session,
								stream->id,
								headers->list,
								headers->count,
								stream->answer == NULL ? NULL : &provider) != 0)
		stream->connection->is_broken = true;
	stream->is_answered = true;
	body_free(stream->connection->receiver, &stream->body);
}

/* An error of gRPC, in one frame of headers. */
static void
send_grpc_error(Http2Stream *stream, int status, Slice message)
{
	struct evbuffer *encoded = evbuffer_new();
	Headers headers = {0};
	const char *text = NULL;
	char code[4];

	if (encoded != NULL)
	{
		put_percent_encoded(encoded, message);
		evbuffer_add(encoded, "", 1);
		text = (const char *) evbuffer_pullup(encoded, -1);
	}
	snprintf(code, sizeof(code), "%d", status);
	put_header(&headers, ":status", "200");
	put_header(&headers, "content-type", "application/grpc");
	put_header(&headers, "grpc-status", code);
	if (text != NULL)
		put_header(&headers, "grpc-message", text);
	put_header(&headers, "grpc-accept-encoding", GRPC_CODINGS);
	submit(stream, &headers);
	if (encoded != NULL)
		evbuffer_free(encoded);
}

/* An answer by HTTP, with the body that stream->answer holds. */
static void
send_http(Http2Stream *stream, int status, AnswerForm form)
{
	Headers headers = {0};
	char code[4];
	char length[24];

	snprintf(code, sizeof(code), "%d", status);
	snprintf(
		length, sizeof(length), "%zu", evbuffer_get_length(stream->answer));
	put_header(&headers, ":status", code);
	put_header(&headers, "content-type", answer_media_type(form));
	put_header(&headers, "content-length", length);
	if (status == 401)
		put_header(&headers, "www-authenticate", "Bearer");
	if (status == 405)
		put_header(&headers, "allow", allowed_methods(stream->head.path));
	if (status == 415)
		put_header(&headers, "accept-encoding", CODING_NAMES);
	if (status == 503)
		put_header(&headers, "retry-after", "1");
	if (stream->head.method == METHOD_HEAD ||
		evbuffer_get_length(stream->answer) == 0)
	{
		evbuffer_free(stream->answer);
		stream->answer = NULL;
	}
	submit(stream, &headers);
}

/* Makes the buffer of an answer; without memory the connection ends. */
static bool
begin_answer(Http2Stream *stream)
{
	if (stream->is_answered || stream->answer != NULL)
		return false;
	stream->answer = evbuffer_new();
	if (stream->answer == NULL)
		stream->connection->is_broken = true;
	return stream->answer != NULL;
}

static void
send_error(Http2Stream *stream, int status, int grpc_status, Slice message)
{
	AnswerForm form = answer_form(stream->head.type);

	if (stream->is_answered)
		return;
	if (stream->is_grpc)
		send_grpc_error(stream, grpc_status, message);
	else if (begin_answer(stream))
	{
		put_error(stream->answer, form, status, message);
		send_http(stream, status, form);
	}
}

void
http2_refuse(Http2Stream *stream, int status, int grpc_status,
			 const char *message)
{
	connection_refuse(stream->connection->base,
					  stream->is_grpc ? "gRPC" : "HTTP/2",
					  status,
					  message);
	send_error(stream,
			   status,
			   grpc_status,
			   (Slice){message, (uint32_t) strlen(message)});
}

/* An ExportTraceServiceResponse as gRPC wraps a message. */
static bool
put_grpc_response(struct evbuffer *out, uint64_t rejected, Slice message)
{
	struct evbuffer *response = evbuffer_new();
	uint8_t prefix[5] = {0};
	size_t length;
	bool is_put;

	if (response == NULL)
		return false;
	put_response(response, ENCODING_PROTOBUF, rejected, message);
	length = evbuffer_get_length(response);
	for (int i = 0; i < 4; i++)
		prefix[1 + i] = (uint8_t) (length >> (24 - 8 * i));
	is_put = evbuffer_add(out, prefix, sizeof(prefix)) == 0 &&
			 evbuffer_add_buffer(out, response) == 0;
	evbuffer_free(response);
	return is_put;
}

static void
send_grpc_response(Http2Stream *stream, uint64_t rejected, Slice message)
{
	Headers headers = {0};

	if (!put_grpc_response(stream->answer, rejected, message))
	{
		stream->connection->is_broken = true;
		return;
	}
	put_header(&headers, ":status", "200");
	put_header(&headers, "content-type", "application/grpc");
	submit(stream, &headers);
}

void
http2_answer(Http2Stream *stream, const Request *request, FrameOutcome outcome,
			 uint64_t rejected, Slice message)
{
	if (request->fault == BODY_TOO_LARGE)
		http2_refuse(stream,
					 413,
					 STATUS_RESOURCE_EXHAUSTED,
					 "request is too large once decoded");
	else if (request->fault == BODY_DAMAGED)
		http2_refuse(
			stream, 400, STATUS_INTERNAL, "body is not of its encoding");
	else if (request->fault == BODY_NO_ROOM)
		http2_refuse(stream, 503, STATUS_UNAVAILABLE, "out of memory");
	else if (outcome != OUTCOME_RECORDED)
		send_error(stream,
				   http_status(outcome),
				   outcome == OUTCOME_MALFORMED ? STATUS_INVALID_ARGUMENT
												: STATUS_UNAVAILABLE,
				   message);
	else if (begin_answer(stream))
	{
		if (stream->is_grpc)
			send_grpc_response(stream, rejected, message);
		else
		{
			put_response(stream->answer, request->encoding, rejected, message);
			send_http(stream, 200, answer_form(stream->head.type));
		}
	}
}

void
http2_answer_health(Http2Stream *stream)
{
	const Receiver *receiver = stream->connection->receiver;
	bool is_good = stream->head.path == PATH_LIVE ||
				   (receiver->is_ready && !receiver->is_stopping);

	if (!begin_answer(stream))
		return;
	evbuffer_add_printf(stream->answer, is_good ? "ok\n" : "cannot commit\n");
	send_http(stream, is_good ? 200 : 503, ANSWER_TEXT);
}
