/*
 * OTLP/HTTP: connections of HTTP/1.1 clients.
 *
 * A connection reads a head, then a body, hands the request to the worker and
 * reads nothing more until it has answered.  Each of these steps has to be over
 * within a time.  A request that is refused before its body has come is
 * answered at once and the connection closed, after reading for a moment what
 * is still on its way, or the client would never see the answer.
 */
#include "receiver.h"

#include <stdlib.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "answer.h"
#include "body.h"
#include "http1.h"

#define TRACES_PATH "/v1/traces"
#define HEALTH_PATH "/healthz"
#define LIVE_PATH "/healthz/live"

/* bytes of answers that may wait for a client that does not read */
#define MAX_OUTPUT (64 * 1024)

/* Seconds. */
#define IDLE_TIME 120
#define HEAD_TIME 10
#define BODY_TIME 30
#define ANSWER_TIME 90 /* longer than a request may be kept waiting */
#define CLOSE_TIME 2

/* the longest that a client of HTTP waits, of which it does not tell us */
#define CLIENT_TIMEOUT_MS 10000

typedef enum ConnectionState
{
	STATE_IDLE, /* nothing of a request has come */
	STATE_HEAD,
	STATE_BODY,
	STATE_ASKED,   /* the worker has it */
	STATE_CLOSING, /* answered for the last time */
} ConnectionState;

typedef struct HttpConnection
{
	Receiver *receiver;
	struct bufferevent *stream;
	struct event *deadline;
	struct event *hang_up; /* the client sends nothing more */
	Waiter waiter;		   /* for memory */
	ConnectionState state;
	Http1Chunks chunks;
	Body body;
	Request *request;
	FrameEncoding encoding;
	uint64_t left; /* of a body whose length is known */
	bool is_chunked;
	bool is_gzip;
	bool is_kept_alive;
	bool is_hung_up; /* what is unread is all that comes */
	bool is_at_end;	 /* and it has been read */
} HttpConnection;

static void read_requests(HttpConnection *connection);

static void
set_deadline(HttpConnection *connection, int seconds)
{
	struct timeval time = {seconds, 0};

	evtimer_add(connection->deadline, &time);
}

static void
close_connection(HttpConnection *connection)
{
	Receiver *receiver = connection->receiver;

	if (connection->request != NULL)
		connection->request->owner = NULL;
	stop_waiting(receiver, &connection->waiter);
	body_free(receiver, &connection->body);
	if (connection->deadline != NULL)
		event_free(connection->deadline);
	if (connection->hang_up != NULL)
		event_free(connection->hang_up);
	if (connection->stream != NULL)
		bufferevent_free(connection->stream);
	free(connection);
	connection_closed(receiver);
}

static const char *
reason_phrase(int status)
{
	switch (status)
	{
		case 200:
			return "OK";
		case 400:
			return "Bad Request";
		case 401:
			return "Unauthorized";
		case 403:
			return "Forbidden";
		case 404:
			return "Not Found";
		case 405:
			return "Method Not Allowed";
		case 408:
			return "Request Timeout";
		case 411:
			return "Length Required";
		case 413:
			return "Content Too Large";
		case 414:
			return "URI Too Long";
		case 415:
			return "Unsupported Media Type";
		case 417:
			return "Expectation Failed";
		case 431:
			return "Request Header Fields Too Large";
		case 501:
			return "Not Implemented";
		case 503:
			return "Service Unavailable";
		default:
			return "HTTP Version Not Supported";
	}
}

/* Sends an answer, whose body is emptied. */
static void
send_answer(HttpConnection *connection, int status, const char *type,
			struct evbuffer *body)
{
	struct evbuffer *out = bufferevent_get_output(connection->stream);

	evbuffer_add_printf(out,
						"HTTP/1.1 %d %s\r\n"
						"Content-Type: %s\r\n"
						"Content-Length: %zu\r\n",
						status,
						reason_phrase(status),
						type,
						evbuffer_get_length(body));
	if (status == 401)
		evbuffer_add_printf(out, "WWW-Authenticate: Bearer\r\n");
	if (status == 405)
		evbuffer_add_printf(out, "Allow: POST\r\n");
	if (status == 503)
		evbuffer_add_printf(out, "Retry-After: 1\r\n");
	if (!connection->is_kept_alive)
		evbuffer_add_printf(out, "Connection: close\r\n");
	evbuffer_add_printf(out, "\r\n");
	evbuffer_add_buffer(out, body);
}

/* After the last answer: no more is taken, but read for a moment. */
static void
begin_closing(HttpConnection *connection)
{
	connection->state = STATE_CLOSING;
	body_free(connection->receiver, &connection->body);
	set_deadline(connection, CLOSE_TIME);
	bufferevent_enable(connection->stream, EV_READ);
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

static const char *
media_type(FrameEncoding encoding)
{
	return encoding == ENCODING_JSON ? "application/json"
									 : "application/x-protobuf";
}

static void
count_refusal(Receiver *receiver, int status)
{
	FrameCounter counter = COUNT_OTHER_REFUSED;

	if (status == 401)
		counter = COUNT_UNAUTHORIZED;
	else if (status == 400)
		counter = COUNT_MALFORMED;
	else if (status == 413 || status == 431 || status == 414)
		counter = COUNT_TOO_LARGE;
	else if (status == 408)
		counter = COUNT_TOO_SLOW;
	receiver->counts[counter]++;
}

/* Answers a request that goes no further, and closes. */
static void
refuse(HttpConnection *connection, int status, const char *message)
{
	struct evbuffer *body = evbuffer_new();

	count_refusal(connection->receiver, status);
	connection->is_kept_alive = false;
	if (body != NULL)
	{
		put_status(body,
				   connection->encoding,
				   status_code(status),
				   (Slice){message, (uint32_t) strlen(message)});
		send_answer(connection, status, media_type(connection->encoding), body);
		evbuffer_free(body);
	}
	begin_closing(connection);
}

/* The next request, or the end. */
static void
finish_request(HttpConnection *connection)
{
	struct evbuffer *out = bufferevent_get_output(connection->stream);

	if (evbuffer_get_length(out) > MAX_OUTPUT)
	{
		close_connection(connection);
		return;
	}
	if (!connection->is_kept_alive || connection->receiver->is_stopping)
	{
		begin_closing(connection);
		return;
	}
	connection->state = STATE_IDLE;
	connection->encoding = ENCODING_PROTOBUF;
	set_deadline(connection, IDLE_TIME);
	bufferevent_enable(connection->stream, EV_READ);
	read_requests(connection);
}

/* What the worker says. */
static void
take_answer(Request *request, FrameOutcome outcome, uint64_t rejected,
			Slice message)
{
	HttpConnection *connection = request->owner;
	struct evbuffer *body = evbuffer_new();
	int status = outcome == OUTCOME_RECORDED	? 200
				 : outcome == OUTCOME_MALFORMED ? 400
												: 503;

	connection->request = NULL;
	if (connection->receiver->is_stopping)
		connection->is_kept_alive = false;
	if (body == NULL)
	{
		close_connection(connection);
		return;
	}
	if (status == 200)
		put_response(body, connection->encoding, rejected, message);
	else
		put_status(body, connection->encoding, status_code(status), message);
	send_answer(connection, status, media_type(connection->encoding), body);
	evbuffer_free(body);
	finish_request(connection);
}

/* The body is there. */
static void
submit(HttpConnection *connection)
{
	Receiver *receiver = connection->receiver;
	BodyResult result = BODY_OK;
	Body body;

	receiver->counts[COUNT_HTTP_REQUESTS]++;
	receiver->counts[COUNT_BYTES] += connection->body.length;
	if (connection->is_gzip)
		result = body_inflate(receiver, &connection->body);
	if (result == BODY_TOO_LARGE)
		refuse(connection, 413, "request is too large once inflated");
	else if (result == BODY_DAMAGED)
		refuse(connection, 400, "body is no gzip");
	if (result == BODY_TOO_LARGE || result == BODY_DAMAGED)
		return;
	body = connection->body;
	connection->body = (Body){0};
	if (result == BODY_OK)
		connection->request = link_submit(receiver,
										  PROTOCOL_HTTP,
										  connection->encoding,
										  CLIENT_TIMEOUT_MS,
										  body.data,
										  body.length,
										  take_answer,
										  connection);
	release_bytes(receiver, body.capacity);
	if (connection->request == NULL)
	{
		free(body.data);
		refuse(connection, 503, "out of memory");
		return;
	}
	connection->state = STATE_ASKED;
	set_deadline(connection, ANSWER_TIME);
	bufferevent_disable(connection->stream, EV_READ);
}

static bool
path_is(const Http1Head *head, const char *path)
{
	return slice_equal(head->path, (Slice){path, (uint32_t) strlen(path)});
}

static bool
method_is(const Http1Head *head, const char *method)
{
	return slice_equal(head->method,
					   (Slice){method, (uint32_t) strlen(method)});
}

/* Whether the program lives, or can record. */
static void
answer_health(HttpConnection *connection, const Http1Head *head)
{
	bool is_good =
		path_is(head, LIVE_PATH) ||
		(connection->receiver->is_ready && !connection->receiver->is_stopping);
	struct evbuffer *body = evbuffer_new();

	connection->is_kept_alive = false;
	if (body != NULL)
	{
		evbuffer_add_printf(body, is_good ? "ok\n" : "cannot commit\n");
		send_answer(connection, is_good ? 200 : 503, "text/plain", body);
		evbuffer_free(body);
	}
	begin_closing(connection);
}

/* Refuses what is not an OTLP request that may be sent here. */
static bool
is_refused(HttpConnection *connection, const Http1Head *head)
{
	const Settings *settings = &connection->receiver->settings;

	if (head->has_origin)
		refuse(connection, 403, "requests of browsers are not taken");
	else if (!path_is(head, TRACES_PATH))
		refuse(connection,
			   404,
			   "only /v1/traces is there: traces, no metrics, no logs");
	else if (!method_is(head, "POST"))
		refuse(connection, 405, "requests are POSTed");
	else if (!is_authorized(connection->receiver, head->authorization))
		refuse(connection, 401, "the bearer token is missing or wrong");
	else if (!http1_is_value(head->content_type, "application/x-protobuf") &&
			 !http1_is_value(head->content_type, "application/json"))
		refuse(
			connection,
			415,
			"Content-Type must be application/x-protobuf or application/json");
	else if (head->content_encoding.data != NULL &&
			 !http1_is_value(head->content_encoding, "identity") &&
			 !http1_is_value(head->content_encoding, "gzip"))
		refuse(connection, 415, "Content-Encoding must be gzip or identity");
	else if (!head->has_length && !head->is_chunked)
		refuse(connection, 411, "Content-Length is missing");
	else if (head->length > settings->max_request)
		refuse(connection, 413, "request is too large");
	else
		return false;
	return true;
}

static void
begin_body(HttpConnection *connection, const Http1Head *head)
{
	connection->encoding =
		http1_is_value(head->content_type, "application/json")
			? ENCODING_JSON
			: ENCODING_PROTOBUF;
	connection->is_kept_alive = head->is_kept_alive;
	if (method_is(head, "GET") &&
		(path_is(head, HEALTH_PATH) || path_is(head, LIVE_PATH)))
	{
		answer_health(connection, head);
		return;
	}
	if (is_refused(connection, head))
		return;
	connection->is_gzip = http1_is_value(head->content_encoding, "gzip");
	connection->is_chunked = head->is_chunked;
	connection->left = head->length;
	connection->chunks = (Http1Chunks){0};
	connection->state = STATE_BODY;
	set_deadline(connection, BODY_TIME);
	if (head->expects_continue)
		bufferevent_write(
			connection->stream, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

/* Reads a head; false if there is no whole one. */
static bool
read_head(HttpConnection *connection, struct evbuffer *input)
{
	size_t length = evbuffer_get_length(input);
	Http1Head head;
	size_t used = 0;
	int status = 400;

	if (length == 0)
		return false;
	if (connection->state == STATE_IDLE)
	{
		connection->state = STATE_HEAD;
		set_deadline(connection, HEAD_TIME);
	}
	if (length > HTTP1_MAX_HEAD)
		length = HTTP1_MAX_HEAD;
	switch (http1_read_head(
		(const char *) evbuffer_pullup(input, (ev_ssize_t) length),
		length,
		&head,
		&used,
		&status))
	{
		case HTTP1_MORE:
			return false;
		case HTTP1_BAD:
			refuse(connection, status, "malformed HTTP request");
			return false;
		default:
			break;
	}
	begin_body(connection, &head);
	evbuffer_drain(input, used);
	return true;
}

/* Takes a part of the body; false if that ends the request. */
static bool
take_part(HttpConnection *connection, const char *data, size_t length)
{
	switch (body_add(connection->receiver, &connection->body, data, length))
	{
		case BODY_OK:
			return true;
		case BODY_TOO_LARGE:
			refuse(connection, 413, "request is too large");
			return false;
		default:
			refuse(connection, 503, "out of memory");
			return false;
	}
}

/* Reads on in a body of known length; false if nothing more is to be done now. */
static bool
read_sized(HttpConnection *connection, struct evbuffer *input)
{
	size_t here = evbuffer_get_contiguous_space(input);

	if (here > connection->left)
		here = (size_t) connection->left;
	if (here > 0)
	{
		if (!take_part(connection,
					   (const char *) evbuffer_pullup(input, (ev_ssize_t) here),
					   here))
			return false;
		evbuffer_drain(input, here);
		connection->left -= here;
	}
	if (connection->left > 0)
		return here > 0;
	submit(connection);
	return false;
}

static bool
read_chunked(HttpConnection *connection, struct evbuffer *input)
{
	size_t here = evbuffer_get_contiguous_space(input);
	const char *data;
	Http1Result result;
	Slice part;
	size_t used;
	int status = 400;

	/* a line may lie across two pieces */
	if (here < 4096 && here < evbuffer_get_length(input))
		here = evbuffer_get_length(input) < 4096 ? evbuffer_get_length(input)
												 : 4096;
	if (here == 0)
		return false;
	data = (const char *) evbuffer_pullup(input, (ev_ssize_t) here);
	result = http1_read_chunks(
		&connection->chunks, data, here, &part, &used, &status);
	if (result == HTTP1_BAD)
	{
		refuse(connection, status, "malformed chunk");
		return false;
	}
	if (part.length > 0 && !take_part(connection, part.data, part.length))
		return false;
	evbuffer_drain(input, used);
	if (result == HTTP1_DONE)
	{
		submit(connection);
		return false;
	}
	return used > 0;
}

static bool
read_body(HttpConnection *connection, struct evbuffer *input)
{
	if (!connection->is_hung_up &&
		must_wait(connection->receiver, &connection->waiter))
	{
		bufferevent_disable(connection->stream, EV_READ);
		event_add(connection->hang_up, NULL);
		return false;
	}
	return connection->is_chunked ? read_chunked(connection, input)
								  : read_sized(connection, input);
}

/* As far as what has come goes. */
static void
read_requests(HttpConnection *connection)
{
	struct evbuffer *input = bufferevent_get_input(connection->stream);
	bool goes_on = true;

	while (goes_on)
	{
		switch (connection->state)
		{
			case STATE_IDLE:
			case STATE_HEAD:
				goes_on = read_head(connection, input);
				break;
			case STATE_BODY:
				goes_on = read_body(connection, input);
				break;
			case STATE_CLOSING:
				evbuffer_drain(input, evbuffer_get_length(input));
				goes_on = false;
				break;
			default:
				goes_on = false;
				break;
		}
	}
}

static void
on_read(struct bufferevent *stream, void *context)
{
	(void) stream;
	read_requests(context);
}

/* All that was to be said has been. */
static void
on_written(struct bufferevent *stream, void *context)
{
	HttpConnection *connection = context;

	if (connection->state != STATE_CLOSING)
		return;
	if (connection->is_at_end)
		close_connection(connection);
	else
		(void) shutdown(bufferevent_getfd(stream), SHUT_WR);
}

static void
on_event(struct bufferevent *stream, short what, void *context)
{
	HttpConnection *connection = context;

	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	connection->is_at_end = true;
	/* the last answer may still be on its way */
	if (!(what & BEV_EVENT_EOF) ||
		evbuffer_get_length(bufferevent_get_output(stream)) == 0)
		close_connection(connection);
	else if (connection->state != STATE_CLOSING)
		begin_closing(connection);
}

static void
on_deadline(evutil_socket_t fd, short what, void *context)
{
	HttpConnection *connection = context;

	(void) fd;
	(void) what;
	if (connection->waiter.is_waiting)
		refuse(connection, 503, "too much is waiting");
	else if (connection->state == STATE_HEAD || connection->state == STATE_BODY)
		refuse(connection, 408, "the request did not come in time");
	else
		close_connection(connection);
}

/* A client that went away must not hold its memory until the deadline. */
static void
on_hang_up(evutil_socket_t fd, short what, void *context)
{
	HttpConnection *connection = context;

	(void) fd;
	(void) what;
	connection->is_hung_up = true;
	stop_waiting(connection->receiver, &connection->waiter);
	if (connection->state == STATE_BODY)
		bufferevent_enable(connection->stream, EV_READ);
}

static void
on_memory(Waiter *waiter)
{
	HttpConnection *connection =
		(HttpConnection *) ((char *) waiter - offsetof(HttpConnection, waiter));

	bufferevent_enable(connection->stream, EV_READ);
	/* not at once: the caller is in the midst of another one */
	bufferevent_trigger(connection->stream, EV_READ, BEV_OPT_DEFER_CALLBACKS);
}

void
http_accept(Receiver *receiver, evutil_socket_t fd)
{
	HttpConnection *connection = calloc(1, sizeof(HttpConnection));

	if (connection == NULL)
	{
		evutil_closesocket(fd);
		connection_closed(receiver);
		return;
	}
	connection->receiver = receiver;
	connection->waiter.resume = on_memory;
	connection->stream = open_stream(receiver, fd, receiver->http_tls);
	connection->deadline = evtimer_new(receiver->base, on_deadline, connection);
	connection->hang_up =
		event_new(receiver->base, fd, EV_CLOSED, on_hang_up, connection);
	if (connection->stream == NULL || connection->deadline == NULL ||
		connection->hang_up == NULL)
	{
		close_connection(connection);
		return;
	}
	bufferevent_setcb(
		connection->stream, on_read, on_written, on_event, connection);
	set_deadline(connection, HEAD_TIME);
	bufferevent_enable(connection->stream, EV_READ | EV_WRITE);
}
