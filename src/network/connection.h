/*
 * Connections of clients: taking them, telling their protocol by their first
 * bytes, and who gives way when there are too many.
 */
#ifndef NETWORK_CONNECTION_H
#define NETWORK_CONNECTION_H

#include <sys/socket.h>

#include "network/receiver.h"
#include "network/request.h"

/*
 * How a connection stands.  When there are as many as may be, the one that has
 * stood longest gives way: a stranger before one that was served; among those
 * also one that has stopped in the midst of a request.  One that is sending, or
 * whose request the worker has, does not.
 */
typedef enum Standing
{
	STANDING_STRANGER, /* no request of it was taken yet */
	STANDING_IDLE,	   /* between requests */
	STANDING_READING,  /* a request that may be sent is coming */
	STANDING_ASKED,	   /* the worker has it */
	STANDINGS,
} Standing;

typedef struct Connection
{
	Receiver *receiver;
	struct bufferevent *stream;
	struct event *deadline; /* until it is known what the client speaks */
	QueueSource source;
	Standing standing;
	uint64_t since; /* milliseconds, of the standing or the last byte in it */
	struct Connection *previous; /* in this standing */
	struct Connection *next;
	void (*close)(void *protocol); /* ends it at once */
	void *protocol;				   /* whatever speaks to the client */
	bool is_grpc_port;
	bool is_tls;
	struct sockaddr_storage peer;
} Connection;

/* Takes over an accepted socket. */
extern void connection_accept(Receiver *receiver, evutil_socket_t fd,
							  const struct sockaddr *peer, int peer_length,
							  bool is_grpc_port);

/* It stands like this from now on. */
extern void connection_stand(Connection *connection, Standing standing);

/* Whether it is one too many, and nothing but health is answered to it. */
extern bool connection_is_spare(const Connection *connection);

/* It is over: closes the socket. */
extern void connection_free(Connection *connection);

/* Notes that something of this client was refused. */
extern void connection_refused(const Connection *connection,
							   const char *protocol, const char *reason);

/* The same of a request, which is counted by the status of its answer. */
extern void connection_refuse(const Connection *connection,
							  const char *protocol, int status,
							  const char *reason);

/* Notes what went wrong with TLS, if that is why a connection ended. */
extern void connection_failed(const Connection *connection);

/* http1_connection.c, http2_connection.c: speak to the client from here on,
 * beginning with what has come. */
extern void http1_open(Connection *connection);
extern void http2_open(Connection *connection);

/* Whether a request must not be read because of the host it names: without a
 * token a web page could have made its own name point here. */
extern bool is_foreign_host(const Receiver *receiver, Slice host);

#endif
