/*
 * OTLP/HTTP: connections of HTTP/1.1 clients.
 *
 * A connection reads a head, then a body, hands the request to the worker and
 * reads nothing more until it has answered.  Each of these steps has to be over
 * within a time.  A request that is refused before its body has come is
 * answered at once and the connection closed, after reading for a moment what
 * is still on its way, or the client would never see the answer.
 *
 * A client that has sent all it will ("half-closed") is treated like any other:
 * it waits for room as others do.  Only if what is still unread cannot be the
 * rest of its request is it known to be gone, and its memory is freed.
 *
 *	    idle ──▶ head ──▶ body ──▶ asked ──▶ idle
 *	               │        │        │
 *	               └────────┴────────┴─────▶ closing
 *
 * The body is the connection's until the worker is asked; then it belongs to
 * the Request of link.c, which is forgotten if the connection ends first.  The
 * program has one thread, and no locks.
 */
#include "network/connection.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "network/answer.h"
#include "network/http1.h"

#define PROTOCOL "HTTP"

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

#define TLS_GREETING 0x16

typedef enum ConnectionState
{
	STATE_IDLE, /* nothing of a request has come */
	STATE_HEAD,
	STATE_BODY,
	STATE_ASKED,   /* the worker has it */
	STATE_CLOSING, /* answered for the last time */
} ConnectionState;

typedef struct Http1Connection
{
	Connection *base;
	Receiver *receiver;
	struct bufferevent *stream;
	struct event *deadline;
	struct event *hang_up; /* the client sends nothing more */
	Waiter waiter;		   /* for memory */
	ConnectionState state;
	Http1Chunks chunks;
	Body body;
	Request *request;
	RequestHead head;
	uint64_t left; /* of a body whose length is known */
	bool is_chunked;
	bool is_kept_alive;
	bool is_at_end; /* the client sends nothing more, and all was read */
} Http1Connection;

static void read_requests(Http1Connection *connection);

static void
set_deadline(Http1Connection *connection, int seconds)
{
	struct timeval time = {seconds, 0};

	evtimer_add(connection->deadline, &time);
}

static void
close_connection(Http1Connection *connection)
{
	Receiver *receiver = connection->receiver;

	if (connection->request != NULL)
		link_forget(receiver, connection->request);
	stop_waiting(receiver, &connection->waiter);
	body_free(receiver, &connection->body);
	if (connection->deadline != NULL)
		event_free(connection->deadline);
	if (connection->hang_up != NULL)
		event_free(connection->hang_up);
	connection_free(connection->base);
	free(connection);
}

static void
close_at_once(void *connection)
{
	close_connection(connection);
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
send_answer(Http1Connection *connection, int status, AnswerForm form,
			struct evbuffer *body)
{
	struct evbuffer *out = bufferevent_get_output(connection->stream);

	evbuffer_add_printf(out,
						"HTTP/1.1 %d %s\r\n"
						"Content-Type: %s\r\n"
						"Content-Length: %zu\r\n",
						status,
						reason_phrase(status),
						answer_media_type(form),
						evbuffer_get_length(body));
	if (status == 401)
		evbuffer_add_printf(out, "WWW-Authenticate: Bearer\r\n");
	if (status == 405)
		evbuffer_add_printf(
			out, "Allow: %s\r\n", allowed_methods(connection->head.path));
	if (status == 415)
		evbuffer_add_printf(out, "Accept-Encoding: " CODING_NAMES "\r\n");
	if (status == 503)
		evbuffer_add_printf(out, "Retry-After: 1\r\n");
	if (!connection->is_kept_alive)
		evbuffer_add_printf(out, "Connection: close\r\n");
	evbuffer_add_printf(out, "\r\n");
	if (connection->head.method != METHOD_HEAD)
		evbuffer_add_buffer(out, body);
}

/* After the last answer: no more is taken, but read for a moment. */
static void
begin_closing(Http1Connection *connection)
{
	connection->state = STATE_CLOSING;
	stop_waiting(connection->receiver, &connection->waiter);
	body_free(connection->receiver, &connection->body);
	set_deadline(connection, CLOSE_TIME);
	bufferevent_enable(connection->stream, EV_READ);
}

/* Answers a request that goes no further, and closes. */
static void
refuse(Http1Connection *connection, int status, const char *message)
{
	AnswerForm form = answer_form(connection->head.type);
	struct evbuffer *body = evbuffer_new();

	connection_refuse(connection->base, PROTOCOL, status, message);
	connection->is_kept_alive = false;
	if (body != NULL)
	{
		put_error(
			body, form, status, (Slice){message, (uint32_t) strlen(message)});
		send_answer(connection, status, form, body);
		evbuffer_free(body);
	}
	begin_closing(connection);
}

/* Others need the room that the body takes. */
static void
give_way(Body *body)
{
	Http1Connection *connection =
		(Http1Connection *) ((char *) body - offsetof(Http1Connection, body));

	refuse(connection, 503, "too much is waiting");
}

/* The next request, or the end. */
static void
finish_request(Http1Connection *connection)
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
	connection->head = (RequestHead){0};
	connection_stand(connection->base, STANDING_IDLE);
	set_deadline(connection, IDLE_TIME);
	bufferevent_enable(connection->stream, EV_READ);
	read_requests(connection);
}

/* Refuses a request whose body cannot be decoded. */
static void
refuse_body(Http1Connection *connection, BodyResult fault)
{
	if (fault == BODY_TOO_LARGE)
		refuse(connection, 413, "request is too large once decoded");
	else if (fault == BODY_DAMAGED)
		refuse(connection, 400, "body is not of its Content-Encoding");
	else
		refuse(connection, 503, "out of memory");
}

/* What the worker says. */
static void
take_answer(Request *request, FrameOutcome outcome, uint64_t rejected,
			Slice message)
{
	Http1Connection *connection = request->owner;
	AnswerForm form = answer_form(connection->head.type);
	struct evbuffer *body = evbuffer_new();
	int status = http_status(outcome);

	connection->request = NULL;
	if (connection->receiver->is_stopping)
		connection->is_kept_alive = false;
	if (request->fault != BODY_OK)
	{
		refuse_body(connection, request->fault);
		if (body != NULL)
			evbuffer_free(body);
		return;
	}
	if (body == NULL)
	{
		close_connection(connection);
		return;
	}
	if (status == 200)
		put_response(body, request->encoding, rejected, message);
	else
		put_error(body, form, status, message);
	send_answer(connection, status, form, body);
	evbuffer_free(body);
	finish_request(connection);
}

/* The body is there. */
static void
submit(Http1Connection *connection)
{
	Receiver *receiver = connection->receiver;
	Submission submission = {
		.source = &connection->base->source,
		.protocol = PROTOCOL_HTTP,
		.encoding = connection->head.type == TYPE_JSON ? ENCODING_JSON
													   : ENCODING_PROTOBUF,
		.coding = connection->head.coding,
		.timeout_ms = CLIENT_TIMEOUT_MS,
		.answer = take_answer,
		.owner = connection,
	};

	receiver->counts[COUNT_HTTP_REQUESTS]++;
	receiver->counts[COUNT_BYTES] += connection->body.length;
	connection->request = link_submit(receiver, &submission, &connection->body);
	if (connection->request == NULL)
	{
		refuse(connection, 503, "out of memory");
		return;
	}
	connection->state = STATE_ASKED;
	connection_stand(connection->base, STANDING_ASKED);
	set_deadline(connection, ANSWER_TIME);
	bufferevent_disable(connection->stream, EV_READ);
}

/* Whether the program lives, or can record. */
static void
answer_health(Http1Connection *connection)
{
	bool is_good =
		connection->head.path == PATH_LIVE ||
		(connection->receiver->is_ready && !connection->receiver->is_stopping);
	struct evbuffer *body = evbuffer_new();

	connection->is_kept_alive = false;
	if (body != NULL)
	{
		evbuffer_add_printf(body, is_good ? "ok\n" : "cannot commit\n");
		send_answer(connection, is_good ? 200 : 503, ANSWER_TEXT, body);
		evbuffer_free(body);
	}
	begin_closing(connection);
}

static RequestHead
judged_head(const Receiver *receiver, const Http1Head *head)
{
	return (RequestHead){
		.method = request_method(head->method),
		.path = request_path(head->path),
		.type = request_type(head->content_type),
		.coding = coding_from_name(head->content_encoding),
		.has_origin = head->has_origin,
		.is_authorized = is_authorized(receiver, head->authorization),
		.is_foreign = is_foreign_host(receiver, head->host),
	};
}

/* Refuses what is not an OTLP request that may be sent here. */
static bool
is_refused(Http1Connection *connection, const Http1Head *head)
{
	const Refusal *refusal = judge_request(&connection->head);

	if (connection->base->is_grpc_port)
		refuse(connection,
			   400,
			   "HTTP/1.1 on the port of gRPC; OTLP/HTTP has another one");
	else if (refusal != NULL)
		refuse(connection, refusal->status, refusal->message);
	else if (!asks_for_health(&connection->head) &&
			 connection_is_spare(connection->base))
		refuse(connection, 503, "too many connections");
	else if (asks_for_health(&connection->head))
		return false;
	else if (!head->has_length && !head->is_chunked)
		refuse(connection, 411, "Content-Length is missing");
	else if (head->length > connection->receiver->settings.max_request)
		refuse(connection, 413, "request is too large");
	else
		return false;
	return true;
}

static void
begin_body(Http1Connection *connection, const Http1Head *head)
{
	connection->head = judged_head(connection->receiver, head);
	connection->is_kept_alive = head->is_kept_alive;
	if (is_refused(connection, head))
		return;
	if (asks_for_health(&connection->head))
	{
		answer_health(connection);
		return;
	}
	connection->is_chunked = head->is_chunked;
	connection->left = head->length;
	connection->chunks = (Http1Chunks){0};
	connection->state = STATE_BODY;
	connection_stand(connection->base, STANDING_READING);
	set_deadline(connection, BODY_TIME);
	if (head->expects_continue &&
		bufferevent_write(
			connection->stream, "HTTP/1.1 100 Continue\r\n\r\n", 25) != 0)
		refuse(connection, 503, "out of memory");
}

/* What a head is that cannot be read. */
static const char *
name_of_malformed(const Http1Connection *connection, struct evbuffer *input)
{
	unsigned char first = 0;

	(void) evbuffer_copyout(input, &first, 1);
	if (first == TLS_GREETING)
		return "TLS on a port without TLS";
	return connection->base->is_grpc_port
			   ? "neither HTTP/2 nor HTTP/1.1 on the port of gRPC"
			   : "malformed HTTP request";
}

/* So many bytes in one piece; refuses the request without memory. */
static const char *
pull_up(Http1Connection *connection, struct evbuffer *input, size_t length)
{
	const char *data =
		(const char *) evbuffer_pullup(input, (ev_ssize_t) length);

	if (data == NULL)
		refuse(connection, 503, "out of memory");
	return data;
}

/* Reads a head; false if there is no whole one. */
static bool
read_head(Http1Connection *connection, struct evbuffer *input)
{
	size_t length = evbuffer_get_length(input);
	const char *data;
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
	data = pull_up(connection, input, length);
	if (data == NULL)
		return false;
	switch (http1_read_head(data, length, &head, &used, &status))
	{
		case HTTP1_MORE:
			return false;
		case HTTP1_BAD:
			refuse(connection, status, name_of_malformed(connection, input));
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
take_part(Http1Connection *connection, const char *data, size_t length)
{
	switch (body_add(connection->receiver, &connection->body, data, length))
	{
		case BODY_OK:
			return true;
		case BODY_TOO_LARGE:
			refuse(connection, 413, "request is too large");
			return false;
		default:
			refuse(connection, 503, "too much is waiting");
			return false;
	}
}

/* Reads on in a body of known length; false if nothing more is to be done now. */
static bool
read_sized(Http1Connection *connection, struct evbuffer *input)
{
	size_t here = evbuffer_get_contiguous_space(input);

	if (here > connection->left)
		here = (size_t) connection->left;
	if (here > 0)
	{
		const char *data = pull_up(connection, input, here);

		if (data == NULL || !take_part(connection, data, here))
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
read_chunked(Http1Connection *connection, struct evbuffer *input)
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
	data = pull_up(connection, input, here);
	if (data == NULL)
		return false;
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

/* Whether a client that sends nothing more has sent too little. */
static bool
is_incomplete(Http1Connection *connection)
{
	int unread = 0;
	size_t here =
		evbuffer_get_length(bufferevent_get_input(connection->stream));

	if (ioctl(bufferevent_getfd(connection->stream), FIONREAD, &unread) != 0)
		return true;
	/* with TLS these are more bytes than they hold */
	here += unread > 0 ? (size_t) unread : 0;
	return connection->is_chunked ? here == 0 : here < connection->left;
}

static bool
read_body(Http1Connection *connection, struct evbuffer *input)
{
	if (must_wait(connection->receiver, &connection->body, &connection->waiter))
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
read_requests(Http1Connection *connection)
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
	Http1Connection *connection = context;

	(void) stream;
	/* it is not silent */
	if (connection->state == STATE_BODY)
		connection_stand(connection->base, STANDING_READING);
	read_requests(connection);
}

/* All that was to be said has been. */
static void
on_written(struct bufferevent *stream, void *context)
{
	Http1Connection *connection = context;

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
	Http1Connection *connection = context;

	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	connection_failed(connection->base);
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
	Http1Connection *connection = context;

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
	Http1Connection *connection = context;

	(void) fd;
	(void) what;
	if (connection->waiter.is_waiting && is_incomplete(connection))
		close_connection(connection);
}

static void
on_memory(Waiter *waiter)
{
	Http1Connection *connection =
		(Http1Connection *) ((char *) waiter -
							 offsetof(Http1Connection, waiter));

	bufferevent_enable(connection->stream, EV_READ);
	/* not at once: the caller is in the midst of another one */
	bufferevent_trigger(connection->stream, EV_READ, BEV_OPT_DEFER_CALLBACKS);
}

void
http1_open(Connection *base)
{
	Http1Connection *connection = calloc(1, sizeof(Http1Connection));

	if (connection == NULL)
	{
		connection_free(base);
		return;
	}
	connection->base = base;
	connection->receiver = base->receiver;
	connection->stream = base->stream;
	connection->waiter.resume = on_memory;
	connection->body.give_way = give_way;
	base->close = close_at_once;
	base->protocol = connection;
	connection->deadline =
		evtimer_new(base->receiver->base, on_deadline, connection);
	connection->hang_up = event_new(base->receiver->base,
									bufferevent_getfd(base->stream),
									EV_CLOSED,
									on_hang_up,
									connection);
	if (connection->deadline == NULL || connection->hang_up == NULL)
	{
		close_connection(connection);
		return;
	}
	bufferevent_setcb(
		connection->stream, on_read, on_written, on_event, connection);
	set_deadline(connection, HEAD_TIME);
	read_requests(connection);
}
