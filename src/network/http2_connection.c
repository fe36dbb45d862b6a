/*
 * Connections of HTTP/2 clients, with nghttp2 for HTTP/2.
 *
 * A connection has many streams, each a request: headers, a body, the answer.
 * Requests are answered in any order.  By its content type a request is a call
 * of gRPC, whose body is one message, or else one by OTLP/HTTP, which is judged
 * and answered as over HTTP/1.1 (request.h).  What a body may take is bounded
 * as there; while there is no room windows stay closed, which makes clients
 * wait.
 *
 * A request that is answered before all of it has come is then reset with
 * NO_ERROR, as RFC 9113 (8.1) wants it: some clients wait for that.
 *
 * A stream is taken once its head was found good, complete once its body has
 * come, and then asked (it has a Request) until it is answered.  The connection
 * owns its streams, and a stream its body, until that belongs to the Request of
 * link.c; the Request is forgotten if the stream ends first.  The program has
 * one thread, and no locks.
 */
#include "network/http2.h"

#include <stdlib.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "network/answer.h"
#include "network/grpc_message.h"

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
#define FIRST_TIME 60 /* until a first request; others reset nothing */
#define BODY_TIME 30  /* from a request's beginning to its end */
#define CALL_TIME 90  /* longer than a request may be kept waiting */
#define IDLE_TIME 600 /* without a request, whatever else comes */

#define DEFAULT_TIMEOUT_MS 10000
#define MAX_TIMEOUT_MS (24 * 3600 * 1000)

static Http2Connection *connections;

/* Seconds until the rest of this request has to be there; BODY_TIME if it is. */
static long
time_left(const Http2Stream *stream, long now)
{
	if (stream->is_complete || stream->is_answered)
		return BODY_TIME;
	return stream->begun + BODY_TIME - now;
}

/* Whatever else the client sends, a request has its time, and so has a
 * connection without one. */
static void
set_deadline(Http2Connection *connection)
{
	long now = monotonic_seconds();
	struct timeval time = {CALL_TIME, 0};

	if (connection->streams == NULL)
		time.tv_sec =
			connection->last_request - now +
			(connection->base->standing == STANDING_STRANGER ? FIRST_TIME
															 : IDLE_TIME);
	for (Http2Stream *stream = connection->streams; stream != NULL;
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

/* How the connection stands, by the requests that it has. */
static void
update_standing(Http2Connection *connection)
{
	Standing standing = connection->base->standing;
	bool is_reading = false;
	bool is_asked = false;

	for (Http2Stream *stream = connection->streams; stream != NULL;
		 stream = stream->next)
	{
		is_asked = is_asked || stream->request != NULL;
		is_reading = is_reading || (stream->is_taken && !stream->is_answered);
	}
	if (is_asked)
		standing = STANDING_ASKED;
	else if (is_reading)
		standing = STANDING_READING;
	else if (standing != STANDING_STRANGER)
		standing = STANDING_IDLE;
	if (standing != connection->base->standing)
		connection_stand(connection->base, standing);
}

static void
free_stream(Http2Stream *stream)
{
	Http2Connection *connection = stream->connection;

	if (stream->request != NULL)
		link_forget(connection->receiver, stream->request);
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
close_connection(Http2Connection *connection)
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
	connection_free(connection->base);
	free(connection);
}

static void
close_at_once(void *connection)
{
	close_connection(connection);
}

/* Sends what nghttp2 has to send; closes a connection that is over.  False if
 * the connection is gone. */
static bool
flush(Http2Connection *connection)
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
		if (evbuffer_add(out, data, (size_t) length) != 0)
			connection->is_broken = true;
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
	update_standing(connection);
	return true;
}

/*
 * Requests
 */

/* What became of a request. */
static void
take_answer(Request *request, FrameOutcome outcome, uint64_t rejected,
			Slice message)
{
	Http2Stream *stream = request->owner;
	Http2Connection *connection = stream->connection;

	stream->request = NULL;
	connection->last_request = monotonic_seconds();
	http2_answer(stream, request, outcome, rejected, message);
	set_deadline(connection);
	(void) flush(connection);
}

/* Others need the room that the body takes. */
static void
give_way(Body *body)
{
	Http2Stream *stream =
		(Http2Stream *) ((char *) body - offsetof(Http2Stream, body));

	http2_refuse(stream, 503, STATUS_UNAVAILABLE, "too much is waiting");
	/* though there may be no memory to say so */
	body_free(stream->connection->receiver, body);
	/* not at once: nghttp2 may be in the midst of something */
	bufferevent_trigger(
		stream->connection->stream, EV_WRITE, BEV_OPT_DEFER_CALLBACKS);
}

/* Makes the body the message that it holds. */
static bool
unwrap_message(Http2Stream *stream)
{
	Slice body = {stream->body.data, (uint32_t) stream->body.length};
	bool is_compressed;
	Slice message;

	if (!grpc_read_message(body, &message, &is_compressed))
	{
		http2_refuse(
			stream, 400, STATUS_INTERNAL, "body is not one gRPC message");
		return false;
	}
	if (is_compressed && !stream->has_grpc_encoding)
	{
		http2_refuse(
			stream, 400, STATUS_INTERNAL, "compressed without grpc-encoding");
		return false;
	}
	if (message.length > 0)
		memmove(stream->body.data, message.data, message.length);
	stream->body.length = message.length;
	stream->head.coding = is_compressed ? stream->grpc_coding : CODING_IDENTITY;
	return true;
}

/* The whole request is there. */
static void
submit(Http2Stream *stream)
{
	Receiver *receiver = stream->connection->receiver;
	Submission submission = {
		.source = &stream->connection->base->source,
		.protocol = stream->is_grpc ? PROTOCOL_GRPC : PROTOCOL_HTTP,
		.encoding =
			stream->head.type == TYPE_JSON ? ENCODING_JSON : ENCODING_PROTOBUF,
		.timeout_ms = stream->timeout_ms,
		.answer = take_answer,
		.owner = stream,
	};

	receiver
		->counts[stream->is_grpc ? COUNT_GRPC_REQUESTS : COUNT_HTTP_REQUESTS]++;
	receiver->counts[COUNT_BYTES] += stream->body.length;
	if (stream->is_grpc && !unwrap_message(stream))
		return;
	submission.coding = stream->head.coding;
	stream->request = link_submit(receiver, &submission, &stream->body);
	if (stream->request == NULL)
		http2_refuse(stream, 503, STATUS_UNAVAILABLE, "out of memory");
}

/* Refuses what is not an export of traces that may be sent here. */
static void
check_call(Http2Stream *stream)
{
	const RequestHead *head = &stream->head;

	if (head->is_foreign || head->has_origin)
		http2_refuse(stream,
					 403,
					 STATUS_PERMISSION_DENIED,
					 judge_request(head)->message);
	else if (!stream->connection->base->is_grpc_port)
		http2_refuse(stream,
					 400,
					 STATUS_UNIMPLEMENTED,
					 "gRPC on the port of OTLP/HTTP; gRPC has another one");
	else if (head->method != METHOD_POST)
		http2_refuse(
			stream, 405, STATUS_UNIMPLEMENTED, "calls of gRPC are POSTed");
	else if (head->type == TYPE_OTHER_GRPC)
		http2_refuse(stream,
					 415,
					 STATUS_UNIMPLEMENTED,
					 "messages of gRPC are taken in protobuf");
	else if (head->path != PATH_EXPORT)
		http2_refuse(stream,
					 404,
					 STATUS_UNIMPLEMENTED,
					 "only TraceService/Export is there: traces, no metrics, "
					 "no logs");
	else if (!head->is_authorized)
		http2_refuse(stream,
					 401,
					 STATUS_UNAUTHENTICATED,
					 "the bearer token is missing or wrong");
	else if (stream->grpc_coding == CODING_UNKNOWN)
		http2_refuse(stream,
					 415,
					 STATUS_UNIMPLEMENTED,
					 "grpc-encoding must be identity, gzip, deflate or zstd");
}

/* The head of a request is there. */
static void
check_head(Http2Stream *stream)
{
	const Refusal *refusal = NULL;
	bool is_health;

	stream->is_grpc =
		stream->head.type == TYPE_GRPC || stream->head.type == TYPE_OTHER_GRPC;
	is_health = !stream->is_grpc && asks_for_health(&stream->head);
	if (stream->is_grpc)
		check_call(stream);
	else
		refusal = judge_request(&stream->head);
	if (refusal != NULL)
		http2_refuse(stream, refusal->status, 0, refusal->message);
	else if (is_health)
		http2_answer_health(stream);
	else if (!stream->is_answered &&
			 connection_is_spare(stream->connection->base))
		http2_refuse(stream, 503, STATUS_UNAVAILABLE, "too many connections");
	stream->is_taken = !stream->is_answered;
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

static int
on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame,
				 void *context)
{
	Http2Connection *connection = context;
	Http2Stream *stream;

	if (frame->hd.type != NGHTTP2_HEADERS ||
		frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	stream = calloc(1, sizeof(Http2Stream));
	if (stream == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	*stream = (Http2Stream){
		.connection = connection,
		.next = connection->streams,
		.id = frame->hd.stream_id,
		.begun = monotonic_seconds(),
		.head.is_authorized = connection->receiver->settings.token.data == NULL,
		.timeout_ms = DEFAULT_TIMEOUT_MS,
		.body.give_way = give_way,
	};
	connection->last_request = stream->begun;
	if (stream->next != NULL)
		stream->next->previous = stream;
	connection->streams = stream;
	nghttp2_session_set_stream_user_data(session, stream->id, stream);
	return 0;
}

static void
read_header(Http2Stream *stream, Slice name, Slice value)
{
	const Receiver *receiver = stream->connection->receiver;
	RequestHead *head = &stream->head;
	uint64_t timeout_ms;

	if (is_text(name, ":method"))
		head->method = request_method(value);
	else if (is_text(name, ":path"))
		head->path = request_path(value);
	else if (is_text(name, ":authority") || is_text(name, "host"))
		head->is_foreign = head->is_foreign || is_foreign_host(receiver, value);
	else if (is_text(name, "content-type"))
		head->type = request_type(value);
	else if (is_text(name, "content-encoding"))
		head->coding = head->coding == CODING_IDENTITY ? coding_from_name(value)
													   : CODING_UNKNOWN;
	else if (is_text(name, "authorization"))
		head->is_authorized = is_authorized(receiver, value);
	else if (is_text(name, "origin"))
		head->has_origin = true;
	else if (is_text(name, "grpc-encoding"))
	{
		stream->has_grpc_encoding = true;
		stream->grpc_coding = coding_from_name(value);
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
	Http2Stream *stream =
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
open_windows(Http2Connection *connection)
{
	if (must_wait(connection->receiver, NULL, &connection->waiter))
		return;
	for (Http2Stream *stream = connection->streams; stream != NULL;
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
	Http2Connection *connection = context;
	Http2Stream *stream = nghttp2_session_get_stream_user_data(session, id);

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
				http2_refuse(stream,
							 413,
							 STATUS_RESOURCE_EXHAUSTED,
							 "request is too large");
				break;
			default:
				http2_refuse(
					stream, 503, STATUS_UNAVAILABLE, "too much is waiting");
				break;
		}
	}
	return 0;
}

/* Frames that cost us something and bring no call. */
static bool
is_flood(Http2Connection *connection, const nghttp2_frame *frame)
{
	long now = monotonic_seconds();

	if (frame->hd.type == NGHTTP2_HEADERS ||
		(frame->hd.type == NGHTTP2_DATA && frame->hd.length > 0))
		return false;
	if (now != connection->second)
	{
		connection->second = now;
		connection->idle_frames = 0;
	}
	return ++connection->idle_frames > MAX_IDLE_FRAMES;
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	Http2Connection *connection = context;
	Http2Stream *stream = NULL;

	if (is_flood(connection, frame))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (stream == NULL)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS &&
		frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		check_head(stream);
	if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	stream->is_complete = true;
	if (!stream->is_answered && stream->request == NULL)
		submit(stream);
	return 0;
}

/* An answer has gone out: if that was before all of the request had come, the
 * client need not send the rest. */
static int
on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame,
			  void *context)
{
	Http2Stream *stream = NULL;

	(void) context;
	if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
		(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		stream =
			nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (stream == NULL || stream->is_complete)
		return 0;
	return nghttp2_submit_rst_stream(session,
									 NGHTTP2_FLAG_NONE,
									 frame->hd.stream_id,
									 NGHTTP2_NO_ERROR) == 0
			   ? 0
			   : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int
on_stream_close(nghttp2_session *session, int32_t id, uint32_t error,
				void *context)
{
	Http2Connection *connection = context;
	Http2Stream *stream = nghttp2_session_get_stream_user_data(session, id);

	(void) error;
	if (stream == NULL)
		return 0;
	connection->last_request = monotonic_seconds();
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

/* Feeds what has come to nghttp2; false if the connection is gone. */
static bool
read_input(Http2Connection *connection)
{
	struct evbuffer *input = bufferevent_get_input(connection->stream);
	size_t here;

	while ((here = evbuffer_get_contiguous_space(input)) > 0)
	{
		const uint8_t *data;
		ssize_t used = -1;

		if (here > READ_SIZE)
			here = READ_SIZE;
		data = evbuffer_pullup(input, (ev_ssize_t) here);
		if (data != NULL)
			used = nghttp2_session_mem_recv(connection->session, data, here);
		if (used < 0 || nghttp2_session_get_outbound_queue_size(
							connection->session) > MAX_OUTPUT_FRAMES)
		{
			connection_refuse(connection->base,
							  "HTTP/2",
							  400,
							  "malformed or too many frames");
			close_connection(connection);
			return false;
		}
		evbuffer_drain(input, (size_t) used);
	}
	return true;
}

static void
on_read(struct bufferevent *stream, void *context)
{
	Http2Connection *connection = context;

	(void) stream;
	if (!read_input(connection))
		return;
	open_windows(connection);
	set_deadline(connection);
	if (!flush(connection))
		return;
	/* it is not silent */
	if (connection->base->standing == STANDING_READING)
		connection_stand(connection->base, STANDING_READING);
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
	Http2Connection *connection = context;

	(void) stream;
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	connection_failed(connection->base);
	close_connection(connection);
}

static void
on_deadline(evutil_socket_t fd, short what, void *context)
{
	Http2Connection *connection = context;
	long now = monotonic_seconds();
	bool was_late = false;

	(void) fd;
	(void) what;
	for (Http2Stream *stream = connection->streams; stream != NULL;
		 stream = stream->next)
	{
		if (time_left(stream, now) > 0)
			continue;
		http2_refuse(stream,
					 408,
					 STATUS_UNAVAILABLE,
					 "the request did not come in time");
		was_late = true;
	}
	/* in order, so that the client sends again what is on its way */
	if (!was_late && nghttp2_session_terminate_session(connection->session,
													   NGHTTP2_NO_ERROR) != 0)
		connection->is_broken = true;
	if (!flush(connection))
		return;
	if (was_late)
		set_deadline(connection);
	else
		close_connection(connection);
}

static void
on_memory(Waiter *waiter)
{
	Http2Connection *connection =
		(Http2Connection *) ((char *) waiter -
							 offsetof(Http2Connection, waiter));

	/* not at once: the caller may be in the midst of nghttp2 */
	bufferevent_trigger(connection->stream, EV_READ, BEV_OPT_DEFER_CALLBACKS);
}

static bool
open_session(Http2Connection *connection)
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
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks,
														 on_frame_sent);
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
http2_open(Connection *base)
{
	Http2Connection *connection = calloc(1, sizeof(Http2Connection));

	if (connection == NULL)
	{
		connection_free(base);
		return;
	}
	connection->base = base;
	connection->receiver = base->receiver;
	connection->stream = base->stream;
	connection->waiter.resume = on_memory;
	connection->last_request = monotonic_seconds();
	connection->next = connections;
	if (connections != NULL)
		connections->previous = connection;
	connections = connection;
	base->close = close_at_once;
	base->protocol = connection;
	connection->deadline =
		evtimer_new(base->receiver->base, on_deadline, connection);
	if (connection->deadline == NULL || !open_session(connection))
	{
		close_connection(connection);
		return;
	}
	bufferevent_setcb(
		connection->stream, on_read, on_written, on_event, connection);
	on_read(connection->stream, connection);
}

void
http2_stop_all(void)
{
	Http2Connection *next;

	for (Http2Connection *connection = connections; connection != NULL;
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
