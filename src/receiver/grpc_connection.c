/*
 * OTLP/gRPC: connections of HTTP/2 clients, with nghttp2 for HTTP/2.
 *
 * A connection has many streams, each a call: headers, one message, the
 * answer.  Calls are answered in any order.  Errors are answered without a body
 * ("Trailers-Only"): some clients look for the status nowhere else.  What a
 * call's body may take is bounded as for HTTP; while too much memory is in use
 * windows stay closed, which makes clients wait.
 */
#include "receiver.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <nghttp2/nghttp2.h>

#include "answer.h"
#include "body.h"
#include "grpc_message.h"

#define EXPORT_PATH                                                            \
	"/opentelemetry.proto.collector.trace.v1.TraceService/Export"

#define MAX_STREAMS 64
#define MAX_HEADER_LIST 16384
#define STREAM_WINDOW (256 * 1024)
#define CONNECTION_WINDOW (1024 * 1024)

/* frames that are no part of a call, in one second */
#define MAX_IDLE_FRAMES 500

/* bytes, and frames within nghttp2, that may wait to be sent to a client that
 * does not read */
#define MAX_OUTPUT (256 * 1024)
#define MAX_OUTPUT_FRAMES 1000

/* bytes that are read before looking at those */
#define READ_SIZE 8192

/* Seconds. */
#define PREFACE_TIME 10
#define BODY_TIME 30 /* from a call's beginning to its end */
#define CALL_TIME 90 /* longer than a call may be kept waiting */
#define IDLE_TIME 600

#define DEFAULT_TIMEOUT_MS 10000
#define MAX_TIMEOUT_MS (24 * 3600 * 1000)

struct GrpcConnection;

typedef struct GrpcStream
{
	struct GrpcConnection *connection;
	struct GrpcStream *previous;
	struct GrpcStream *next;
	int32_t id;
	bool is_post;
	bool is_export;
	bool is_grpc;
	bool is_authorized;
	bool is_browser;
	bool is_gzip;
	bool is_other_encoding;
	bool is_answered;
	bool is_complete; /* all of the call has come */
	time_t begun;
	uint64_t timeout_ms;
	Body body;
	size_t unread; /* bytes whose window is still to be given back */
	Request *request;
	struct evbuffer *answer; /* what is left of the answer's message */
} GrpcStream;

typedef struct GrpcConnection
{
	Receiver *receiver;
	struct bufferevent *stream;
	nghttp2_session *session;
	struct event *deadline;
	Waiter waiter;
	GrpcStream *streams;
	struct GrpcConnection *previous;
	struct GrpcConnection *next;
	time_t second; /* of idle_frames */
	int idle_frames;
	bool is_broken; /* to be closed as soon as may be */
} GrpcConnection;

static GrpcConnection *connections;

static time_t
monotonic_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Seconds until the rest of this call has to be there; BODY_TIME if it is. */
static time_t
time_left(const GrpcStream *stream, time_t now)
{
	if (stream->is_complete || stream->is_answered)
		return BODY_TIME;
	return stream->begun + BODY_TIME - now;
}

/* Whatever else the client sends, a call has its time. */
static void
set_deadline(GrpcConnection *connection)
{
	time_t now = monotonic_seconds();
	struct timeval time = {connection->streams == NULL ? IDLE_TIME : CALL_TIME,
						   0};

	for (GrpcStream *stream = connection->streams; stream != NULL;
		 stream = stream->next)
	{
		if (!stream->is_complete && !stream->is_answered &&
			time_left(stream, now) < time.tv_sec)
			time.tv_sec = time_left(stream, now);
	}
	if (time.tv_sec < 0)
		time.tv_sec = 0;
	evtimer_add(connection->deadline, &time);
}

static void
free_stream(GrpcStream *stream)
{
	GrpcConnection *connection = stream->connection;

	if (stream->request != NULL)
		stream->request->owner = NULL;
	if (stream->previous != NULL)
		stream->previous->next = stream->next;
	else
		connection->streams = stream->next;
	if (stream->next != NULL)
		stream->next->previous = stream->previous;
	body_free(connection->receiver, &stream->body);
	if (stream->answer != NULL)
		evbuffer_free(stream->answer);
	free(stream);
}

static void
close_connection(GrpcConnection *connection)
{
	Receiver *receiver = connection->receiver;

	stop_waiting(receiver, &connection->waiter);
	while (connection->streams != NULL)
		free_stream(connection->streams);
	if (connection->previous != NULL)
		connection->previous->next = connection->next;
	else
		connections = connection->next;
	if (connection->next != NULL)
		connection->next->previous = connection->previous;
	if (connection->session != NULL)
		nghttp2_session_del(connection->session);
	if (connection->deadline != NULL)
		event_free(connection->deadline);
	if (connection->stream != NULL)
		bufferevent_free(connection->stream);
	free(connection);
	connection_closed(receiver);
}

/* Sends what nghttp2 has to send; closes a connection that is over.  False if
 * the connection is gone. */
static bool
flush(GrpcConnection *connection)
{
	struct evbuffer *out = bufferevent_get_output(connection->stream);

	while (!connection->is_broken && evbuffer_get_length(out) < MAX_OUTPUT)
	{
		const uint8_t *data;
		ssize_t length;

		length = nghttp2_session_mem_send(connection->session, &data);
		if (length < 0)
			connection->is_broken = true;
		if (length <= 0)
			break;
		evbuffer_add(out, data, (size_t) length);
	}
	if (connection->receiver->is_stopping && connection->streams == NULL &&
		evbuffer_get_length(out) == 0)
		connection->is_broken = true;
	if (connection->is_broken ||
		(!nghttp2_session_want_read(connection->session) &&
		 !nghttp2_session_want_write(connection->session) &&
		 evbuffer_get_length(out) == 0))
	{
		close_connection(connection);
		return false;
	}
	return true;
}

/*
 * Answers
 */

#define HEADER(name, value)                                                    \
	{                                                                          \
		(uint8_t *) (name), (uint8_t *) (value), sizeof(name) - 1,             \
			strlen(value), NGHTTP2_NV_FLAG_NONE                                \
	}

static void
count_refusal(Receiver *receiver, int status)
{
	FrameCounter counter = COUNT_OTHER_REFUSED;

	if (status == STATUS_UNAUTHENTICATED)
		counter = COUNT_UNAUTHORIZED;
	else if (status == STATUS_INVALID_ARGUMENT || status == STATUS_INTERNAL)
		counter = COUNT_MALFORMED;
	else if (status == STATUS_RESOURCE_EXHAUSTED)
		counter = COUNT_TOO_LARGE;
	receiver->counts[counter]++;
}

/* An error, in one frame of headers. */
static void
send_error(GrpcStream *stream, int status, Slice message)
{
	GrpcConnection *connection = stream->connection;
	struct evbuffer *encoded = evbuffer_new();
	char code[4];

	if (encoded == NULL)
		connection->is_broken = true;
	if (stream->is_answered || encoded == NULL)
	{
		if (encoded != NULL)
			evbuffer_free(encoded);
		return;
	}
	snprintf(code, sizeof(code), "%d", status);
	put_percent_encoded(encoded, message);
	evbuffer_add(encoded, "", 1);
	{
		nghttp2_nv headers[] = {
			HEADER(":status", "200"),
			HEADER("content-type", "application/grpc"),
			HEADER("grpc-status", code),
			HEADER("grpc-message", (char *) evbuffer_pullup(encoded, -1)),
			HEADER("grpc-accept-encoding", "identity,gzip"),
		};

		nghttp2_submit_response(connection->session,
								stream->id,
								headers,
								sizeof(headers) / sizeof(headers[0]),
								NULL);
	}
	evbuffer_free(encoded);
	stream->is_answered = true;
	body_free(connection->receiver, &stream->body);
}

static void
refuse(GrpcStream *stream, int status, const char *message)
{
	count_refusal(stream->connection->receiver, status);
	send_error(stream, status, (Slice){message, (uint32_t) strlen(message)});
}

/* nghttp2 asks for the message, and the trailers behind it. */
static ssize_t
read_answer(nghttp2_session *session, int32_t id, uint8_t *buffer,
			size_t length, uint32_t *flags, nghttp2_data_source *source,
			void *context)
{
	GrpcStream *stream = source->ptr;
	int count = evbuffer_remove(stream->answer, buffer, length);
	nghttp2_nv trailers[] = {HEADER("grpc-status", "0")};

	(void) context;
	if (evbuffer_get_length(stream->answer) == 0)
	{
		*flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
		if (nghttp2_submit_trailer(session, id, trailers, 1) != 0)
			return NGHTTP2_ERR_CALLBACK_FAILURE;
	}
	return count < 0 ? NGHTTP2_ERR_CALLBACK_FAILURE : count;
}

static void
send_response(GrpcStream *stream, uint64_t rejected, Slice message)
{
	nghttp2_nv headers[] = {
		HEADER(":status", "200"),
		HEADER("content-type", "application/grpc"),
	};
	nghttp2_data_provider provider = {.source.ptr = stream,
									  .read_callback = read_answer};
	struct evbuffer *response = evbuffer_new();
	size_t length;
	uint8_t prefix[5] = {0};

	stream->answer = evbuffer_new();
	if (response == NULL || stream->answer == NULL)
	{
		if (response != NULL)
			evbuffer_free(response);
		stream->connection->is_broken = true;
		return;
	}
	put_response(response, ENCODING_PROTOBUF, rejected, message);
	length = evbuffer_get_length(response);
	for (int i = 0; i < 4; i++)
		prefix[1 + i] = (uint8_t) (length >> (24 - 8 * i));
	evbuffer_add(stream->answer, prefix, sizeof(prefix));
	evbuffer_add_buffer(stream->answer, response);
	evbuffer_free(response);
	nghttp2_submit_response(
		stream->connection->session, stream->id, headers, 2, &provider);
	stream->is_answered = true;
}

/* What the worker says. */
static void
take_answer(Request *request, FrameOutcome outcome, uint64_t rejected,
			Slice message)
{
	GrpcStream *stream = request->owner;
	GrpcConnection *connection = stream->connection;

	stream->request = NULL;
	if (outcome == OUTCOME_RECORDED)
		send_response(stream, rejected, message);
	else
		send_error(stream,
				   outcome == OUTCOME_MALFORMED ? STATUS_INVALID_ARGUMENT
												: STATUS_UNAVAILABLE,
				   message);
	(void) flush(connection);
}

/*
 * Calls
 */

/* Makes the body the message that it holds. */
static bool
unwrap_message(GrpcStream *stream)
{
	Receiver *receiver = stream->connection->receiver;
	Slice body = {stream->body.data, (uint32_t) stream->body.length};
	bool is_compressed;
	Slice message;

	if (!grpc_read_message(body, &message, &is_compressed))
	{
		refuse(stream, STATUS_INTERNAL, "body is not one gRPC message");
		return false;
	}
	if (is_compressed && !stream->is_gzip)
	{
		refuse(stream, STATUS_INTERNAL, "compressed without grpc-encoding");
		return false;
	}
	if (message.length > 0)
		memmove(stream->body.data, message.data, message.length);
	stream->body.length = message.length;
	if (!is_compressed)
		return true;
	/* a window full of small bodies may hold a gigabyte */
	if (receiver->pending >= receiver->settings.max_pending)
	{
		refuse(stream, STATUS_UNAVAILABLE, "too much is waiting");
		return false;
	}
	switch (body_inflate(receiver, &stream->body))
	{
		case BODY_OK:
			return true;
		case BODY_TOO_LARGE:
			refuse(stream,
				   STATUS_RESOURCE_EXHAUSTED,
				   "request is too large once inflated");
			return false;
		case BODY_NO_MEMORY:
			refuse(stream, STATUS_UNAVAILABLE, "out of memory");
			return false;
		default:
			refuse(stream, STATUS_INTERNAL, "message is no gzip");
			return false;
	}
}

/* The whole call is there. */
static void
submit(GrpcStream *stream)
{
	Receiver *receiver = stream->connection->receiver;
	Body body;

	receiver->counts[COUNT_GRPC_REQUESTS]++;
	receiver->counts[COUNT_BYTES] += stream->body.length;
	if (!unwrap_message(stream))
		return;
	body = stream->body;
	stream->body = (Body){0};
	stream->request = link_submit(receiver,
								  PROTOCOL_GRPC,
								  ENCODING_PROTOBUF,
								  stream->timeout_ms,
								  body.data,
								  body.length,
								  take_answer,
								  stream);
	release_bytes(receiver, body.capacity);
	if (stream->request == NULL)
	{
		free(body.data);
		refuse(stream, STATUS_UNAVAILABLE, "out of memory");
	}
}

/* Refuses what is not an export of traces that may be sent here. */
static void
check_headers(GrpcStream *stream)
{
	if (stream->is_browser)
		refuse(stream,
			   STATUS_PERMISSION_DENIED,
			   "requests of browsers are not taken");
	else if (!stream->is_grpc || !stream->is_post)
		refuse(stream, STATUS_UNIMPLEMENTED, "this is a gRPC service");
	else if (!stream->is_export)
		refuse(
			stream, STATUS_UNIMPLEMENTED, "only TraceService/Export is there");
	else if (!stream->is_authorized)
		refuse(stream,
			   STATUS_UNAUTHENTICATED,
			   "the bearer token is missing or wrong");
	else if (stream->is_other_encoding)
		refuse(stream,
			   STATUS_UNIMPLEMENTED,
			   "grpc-encoding must be identity or gzip");
}

static Slice
make_slice(const uint8_t *data, size_t length)
{
	return (Slice){(const char *) data, (uint32_t) length};
}

static bool
is_text(Slice text, const char *word)
{
	return slice_equal(text, (Slice){word, (uint32_t) strlen(word)});
}

static bool
starts_with(Slice text, const char *word)
{
	size_t length = strlen(word);

	return text.length >= length && memcmp(text.data, word, length) == 0;
}

static int
on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame,
				 void *context)
{
	GrpcConnection *connection = context;
	GrpcStream *stream;

	if (frame->hd.type != NGHTTP2_HEADERS ||
		frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	stream = calloc(1, sizeof(GrpcStream));
	if (stream == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	*stream = (GrpcStream){
		.connection = connection,
		.next = connection->streams,
		.id = frame->hd.stream_id,
		.begun = monotonic_seconds(),
		.is_authorized = connection->receiver->settings.token.data == NULL,
		.timeout_ms = DEFAULT_TIMEOUT_MS,
	};
	if (stream->next != NULL)
		stream->next->previous = stream;
	connection->streams = stream;
	nghttp2_session_set_stream_user_data(session, stream->id, stream);
	return 0;
}

static void
read_header(GrpcStream *stream, Slice name, Slice value)
{
	uint64_t timeout_ms;

	if (is_text(name, ":method"))
		stream->is_post = is_text(value, "POST");
	else if (is_text(name, ":path"))
		stream->is_export = is_text(value, EXPORT_PATH);
	else if (is_text(name, "content-type"))
		stream->is_grpc = is_text(value, "application/grpc") ||
						  is_text(value, "application/grpc+proto") ||
						  starts_with(value, "application/grpc;");
	else if (is_text(name, "authorization"))
		stream->is_authorized =
			is_authorized(stream->connection->receiver, value);
	else if (is_text(name, "origin"))
		stream->is_browser = true;
	else if (is_text(name, "grpc-encoding"))
	{
		stream->is_gzip = is_text(value, "gzip");
		stream->is_other_encoding =
			!stream->is_gzip && !is_text(value, "identity");
	}
	else if (is_text(name, "grpc-timeout") &&
			 grpc_read_timeout(value, &timeout_ms))
		stream->timeout_ms =
			timeout_ms < MAX_TIMEOUT_MS ? timeout_ms : MAX_TIMEOUT_MS;
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame,
		  const uint8_t *name, size_t name_length, const uint8_t *value,
		  size_t value_length, uint8_t flags, void *context)
{
	GrpcStream *stream =
		nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	(void) flags;
	(void) context;
	if (stream != NULL && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		read_header(stream,
					make_slice(name, name_length),
					make_slice(value, value_length));
	return 0;
}

/* Gives back the window of what was read, unless clients have to wait. */
static void
open_windows(GrpcConnection *connection)
{
	if (must_wait(connection->receiver, &connection->waiter))
		return;
	for (GrpcStream *stream = connection->streams; stream != NULL;
		 stream = stream->next)
	{
		if (stream->unread > 0)
			nghttp2_session_consume(
				connection->session, stream->id, stream->unread);
		stream->unread = 0;
	}
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t id,
		const uint8_t *data, size_t length, void *context)
{
	GrpcConnection *connection = context;
	GrpcStream *stream = nghttp2_session_get_stream_user_data(session, id);

	(void) flags;
	if (stream == NULL)
	{
		nghttp2_session_consume(session, id, length);
		return 0;
	}
	stream->unread += length;
	if (!stream->is_answered)
	{
		switch (body_add(
			connection->receiver, &stream->body, (const char *) data, length))
		{
			case BODY_OK:
				break;
			case BODY_TOO_LARGE:
				refuse(
					stream, STATUS_RESOURCE_EXHAUSTED, "request is too large");
				break;
			default:
				refuse(stream, STATUS_UNAVAILABLE, "out of memory");
				break;
		}
	}
	return 0;
}

/* Frames that cost us something and bring no call. */
static bool
is_flood(GrpcConnection *connection, const nghttp2_frame *frame)
{
	struct timeval now;

	if (frame->hd.type == NGHTTP2_HEADERS ||
		(frame->hd.type == NGHTTP2_DATA && frame->hd.length > 0))
		return false;
	event_base_gettimeofday_cached(connection->receiver->base, &now);
	if (now.tv_sec != connection->second)
	{
		connection->second = now.tv_sec;
		connection->idle_frames = 0;
	}
	return ++connection->idle_frames > MAX_IDLE_FRAMES;
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	GrpcConnection *connection = context;
	GrpcStream *stream = NULL;

	if (is_flood(connection, frame))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (stream == NULL)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS &&
		frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		check_headers(stream);
	if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	stream->is_complete = true;
	if (!stream->is_answered && stream->request == NULL)
		submit(stream);
	return 0;
}

static int
on_stream_close(nghttp2_session *session, int32_t id, uint32_t error,
				void *context)
{
	GrpcStream *stream = nghttp2_session_get_stream_user_data(session, id);

	(void) error;
	(void) context;
	if (stream == NULL)
		return 0;
	nghttp2_session_set_stream_user_data(session, id, NULL);
	/* or the connection's window would never open again */
	if (stream->unread > 0)
		nghttp2_session_consume_connection(session, stream->unread);
	free_stream(stream);
	return 0;
}

/*
 * Connections
 */

static void
on_read(struct bufferevent *stream, void *context)
{
	GrpcConnection *connection = context;
	struct evbuffer *input = bufferevent_get_input(stream);
	size_t here;

	while ((here = evbuffer_get_contiguous_space(input)) > 0)
	{
		ssize_t used;

		if (here > READ_SIZE)
			here = READ_SIZE;
		used =
			nghttp2_session_mem_recv(connection->session,
									 evbuffer_pullup(input, (ev_ssize_t) here),
									 here);
		if (used < 0 || nghttp2_session_get_outbound_queue_size(
							connection->session) > MAX_OUTPUT_FRAMES)
		{
			close_connection(connection);
			return;
		}
		evbuffer_drain(input, (size_t) used);
	}
	open_windows(connection);
	set_deadline(connection);
	(void) flush(connection);
}

static void
on_written(struct bufferevent *stream, void *context)
{
	(void) stream;
	(void) flush(context);
}

static void
on_event(struct bufferevent *stream, short what, void *context)
{
	(void) stream;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		close_connection(context);
}

static void
on_deadline(evutil_socket_t fd, short what, void *context)
{
	GrpcConnection *connection = context;
	time_t now = monotonic_seconds();
	bool was_late = false;

	(void) fd;
	(void) what;
	for (GrpcStream *stream = connection->streams; stream != NULL;
		 stream = stream->next)
	{
		if (time_left(stream, now) > 0)
			continue;
		refuse(stream, STATUS_UNAVAILABLE, "the request did not come in time");
		was_late = true;
	}
	if (!was_late)
	{
		close_connection(connection);
		return;
	}
	set_deadline(connection);
	(void) flush(connection);
}

static void
on_memory(Waiter *waiter)
{
	GrpcConnection *connection =
		(GrpcConnection *) ((char *) waiter - offsetof(GrpcConnection, waiter));

	/* not at once: the caller may be in the midst of nghttp2 */
	bufferevent_trigger(connection->stream, EV_READ, BEV_OPT_DEFER_CALLBACKS);
}

static bool
open_session(GrpcConnection *connection)
{
	nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, MAX_STREAMS},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, MAX_HEADER_LIST},
	};
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
	bool is_open;

	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		return false;
	if (nghttp2_option_new(&option) != 0)
	{
		nghttp2_session_callbacks_del(callbacks);
		return false;
	}
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks,
															on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks,
															  on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
														   on_stream_close);
	nghttp2_option_set_no_auto_window_update(option, 1);
	nghttp2_option_set_max_outbound_ack(option, MAX_IDLE_FRAMES);
	is_open = nghttp2_session_server_new2(
				  &connection->session, callbacks, connection, option) == 0;
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
	return is_open &&
		   nghttp2_submit_settings(connection->session,
								   NGHTTP2_FLAG_NONE,
								   settings,
								   sizeof(settings) / sizeof(settings[0])) ==
			   0 &&
		   nghttp2_session_set_local_window_size(
			   connection->session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW) ==
			   0;
}

void
grpc_accept(Receiver *receiver, evutil_socket_t fd)
{
	GrpcConnection *connection = calloc(1, sizeof(GrpcConnection));
	struct timeval time = {PREFACE_TIME, 0};

	if (connection == NULL)
	{
		evutil_closesocket(fd);
		connection_closed(receiver);
		return;
	}
	connection->receiver = receiver;
	connection->waiter.resume = on_memory;
	connection->next = connections;
	if (connections != NULL)
		connections->previous = connection;
	connections = connection;
	connection->stream = open_stream(receiver, fd, receiver->grpc_tls);
	connection->deadline = evtimer_new(receiver->base, on_deadline, connection);
	if (connection->stream == NULL || connection->deadline == NULL ||
		!open_session(connection))
	{
		close_connection(connection);
		return;
	}
	bufferevent_setcb(
		connection->stream, on_read, on_written, on_event, connection);
	evtimer_add(connection->deadline, &time);
	bufferevent_enable(connection->stream, EV_READ | EV_WRITE);
	(void) flush(connection);
}

/* Tells all clients to open no more calls here. */
void
grpc_stop_all(Receiver *receiver)
{
	GrpcConnection *next;

	(void) receiver;
	for (GrpcConnection *connection = connections; connection != NULL;
		 connection = next)
	{
		next = connection->next;
		/* calls that are here already are still answered */
		nghttp2_submit_goaway(
			connection->session,
			NGHTTP2_FLAG_NONE,
			nghttp2_session_get_last_proc_stream_id(connection->session),
			NGHTTP2_NO_ERROR,
			NULL,
			0);
		(void) flush(connection);
	}
}
