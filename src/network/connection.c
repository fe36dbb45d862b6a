/*
 * Connections of clients: see connection.h.
 */
#include "network/connection.h"

#include <stdlib.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>

#include "network/refusals.h"

/* connections beyond the limit, so that health is always answered */
#define SPARE_CONNECTIONS 16

/* Strangers that may be there before they have to give way to each other, as a
 * part of all, and milliseconds after which they do in any case. */
#define STRANGERS_PART 8
#define STRANGER_TIME 1000

/* milliseconds of silence after which a request under way may be ended */
#define SILENT_TIME 1000

/* seconds until the first bytes have to be there */
#define GREETING_TIME 10

/* how every HTTP/2 client begins, and no HTTP/1.1 request */
#define HTTP2_BEGINNING "PRI "
#define HTTP2_BEGINNING_SIZE 4

/* The longest in each standing first. */
static Connection *first_of[STANDINGS];
static Connection *last_of[STANDINGS];
static uint64_t count_of[STANDINGS];

static void
leave_standing(Connection *connection)
{
	Standing standing = connection->standing;

	if (connection->previous != NULL)
		connection->previous->next = connection->next;
	else
		first_of[standing] = connection->next;
	if (connection->next != NULL)
		connection->next->previous = connection->previous;
	else
		last_of[standing] = connection->previous;
	count_of[standing]--;
}

static void
join_standing(Connection *connection, Standing standing)
{
	connection->standing = standing;
	connection->since = monotonic_ms();
	connection->next = NULL;
	connection->previous = last_of[standing];
	if (connection->previous != NULL)
		connection->previous->next = connection;
	else
		first_of[standing] = connection;
	last_of[standing] = connection;
	count_of[standing]++;
}

void
connection_stand(Connection *connection, Standing standing)
{
	leave_standing(connection);
	join_standing(connection, standing);
}

/* The one that gives way to another; NULL if none does. */
static Connection *
find_victim(const Receiver *receiver)
{
	uint64_t now = monotonic_ms();
	Connection *stranger = first_of[STANDING_STRANGER];
	Connection *reading = first_of[STANDING_READING];
	Connection *idle = first_of[STANDING_IDLE];

	if (stranger != NULL && (now - stranger->since >= STRANGER_TIME ||
							 count_of[STANDING_STRANGER] * STRANGERS_PART >
								 receiver->settings.max_connections))
		return stranger;
	if (reading != NULL && now - reading->since >= SILENT_TIME &&
		(idle == NULL || reading->since < idle->since))
		return reading;
	if (idle != NULL)
		return idle;
	return receiver->counts[COUNT_OPEN] >=
				   receiver->settings.max_connections + SPARE_CONNECTIONS
			   ? stranger
			   : NULL;
}

static void
close_at_once(Connection *connection)
{
	if (connection->close != NULL)
		connection->close(connection->protocol);
	else
		connection_free(connection);
}

/* A place for one connection more; false if there is none. */
static bool
make_place(Receiver *receiver)
{
	uint64_t most = receiver->settings.max_connections;
	Connection *victim;

	if (receiver->counts[COUNT_OPEN] < most)
		return true;
	victim = find_victim(receiver);
	if (victim != NULL)
	{
		receiver->counts[COUNT_TURNED_AWAY]++;
		connection_refused(
			victim, "any", "too many connections: one that was idle gave way");
		close_at_once(victim);
		return true;
	}
	return receiver->counts[COUNT_OPEN] < most + SPARE_CONNECTIONS;
}

bool
connection_is_spare(const Connection *connection)
{
	const Receiver *receiver = connection->receiver;

	return connection->standing == STANDING_STRANGER &&
		   receiver->counts[COUNT_OPEN] > receiver->settings.max_connections;
}

void
connection_free(Connection *connection)
{
	leave_standing(connection);
	if (connection->deadline != NULL)
		event_free(connection->deadline);
	if (connection->stream != NULL)
		bufferevent_free(connection->stream);
	connection->receiver->counts[COUNT_OPEN]--;
	free(connection);
}

void
connection_refused(const Connection *connection, const char *protocol,
				   const char *reason)
{
	note_refusal(protocol, reason, (const struct sockaddr *) &connection->peer);
}

void
connection_refuse(const Connection *connection, const char *protocol,
				  int status, const char *reason)
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
	connection->receiver->counts[counter]++;
	connection_refused(connection, protocol, reason);
}

void
connection_failed(const Connection *connection)
{
	unsigned long code;
	const char *reason;

	if (!connection->is_tls)
		return;
	code = bufferevent_get_openssl_error(connection->stream);
	reason = code == 0 ? NULL : ERR_reason_error_string(code);
	if (reason == NULL)
		return;
	if (ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST ||
		ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER)
		reason = "no TLS on a port with TLS";
	connection_refused(connection, "TLS", reason);
}

bool
is_foreign_host(const Receiver *receiver, Slice host)
{
	return receiver->settings.token.data == NULL &&
		   !is_local_host(host, receiver->settings.listen_addresses);
}

/* Whether the client speaks HTTP/2; *is_known false: more bytes are needed. */
static bool
speaks_http2(struct evbuffer *input, bool *is_known)
{
	char begin[HTTP2_BEGINNING_SIZE];
	ev_ssize_t come = evbuffer_copyout(input, begin, sizeof(begin));
	bool is_same =
		come > 0 && memcmp(begin, HTTP2_BEGINNING, (size_t) come) == 0;

	*is_known = come > 0 && (!is_same || come == (ev_ssize_t) sizeof(begin));
	return is_same;
}

static void
on_greeting(struct bufferevent *stream, void *context)
{
	Connection *connection = context;
	bool is_known;
	bool is_http2 = speaks_http2(bufferevent_get_input(stream), &is_known);

	if (!is_known)
		return;
	event_free(connection->deadline);
	connection->deadline = NULL;
	if (is_http2)
		http2_open(connection);
	else
		http1_open(connection);
}

static void
on_event(struct bufferevent *stream, short what, void *context)
{
	(void) stream;
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	connection_failed(context);
	connection_free(context);
}

static void
on_deadline(evutil_socket_t fd, short what, void *context)
{
	(void) fd;
	(void) what;
	connection_free(context);
}

/* The socket as a buffered stream, with TLS if there is a context; NULL without
 * memory (the socket is closed then). */
static struct bufferevent *
open_stream(Receiver *receiver, evutil_socket_t fd, SSL_CTX *tls)
{
	struct bufferevent *stream = NULL;
	SSL *ssl;

	evutil_make_socket_nonblocking(fd);
	if (tls == NULL)
		stream =
			bufferevent_socket_new(receiver->base, fd, BEV_OPT_CLOSE_ON_FREE);
	else
	{
		ssl = SSL_new(tls);
		if (ssl != NULL)
			stream = bufferevent_openssl_socket_new(receiver->base,
													fd,
													ssl,
													BUFFEREVENT_SSL_ACCEPTING,
													BEV_OPT_CLOSE_ON_FREE);
		if (stream != NULL)
			bufferevent_openssl_set_allow_dirty_shutdown(stream, 1);
	}
	if (stream == NULL)
		evutil_closesocket(fd);
	return stream;
}

void
connection_accept(Receiver *receiver, evutil_socket_t fd,
				  const struct sockaddr *peer, int peer_length,
				  bool is_grpc_port)
{
	SSL_CTX *tls = is_grpc_port ? receiver->grpc_tls : receiver->http_tls;
	struct timeval time = {GREETING_TIME, 0};
	Connection *connection = NULL;

	if (make_place(receiver))
		connection = calloc(1, sizeof(Connection));
	if (connection == NULL)
	{
		receiver->counts[COUNT_TURNED_AWAY]++;
		note_refusal("any", "too many connections", peer);
		evutil_closesocket(fd);
		return;
	}
	receiver->counts[COUNT_CONNECTIONS]++;
	receiver->counts[COUNT_OPEN]++;
	connection->receiver = receiver;
	connection->is_grpc_port = is_grpc_port;
	connection->is_tls = tls != NULL;
	if (peer_length > 0 && (size_t) peer_length <= sizeof(connection->peer))
		memcpy(&connection->peer, peer, (size_t) peer_length);
	join_standing(connection, STANDING_STRANGER);
	connection->stream = open_stream(receiver, fd, tls);
	connection->deadline = evtimer_new(receiver->base, on_deadline, connection);
	if (connection->stream == NULL || connection->deadline == NULL)
	{
		connection_free(connection);
		return;
	}
	bufferevent_setcb(
		connection->stream, on_greeting, NULL, on_event, connection);
	evtimer_add(connection->deadline, &time);
	bufferevent_enable(connection->stream, EV_READ | EV_WRITE);
}
