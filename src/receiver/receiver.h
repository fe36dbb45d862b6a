/*
 * The receiver program: takes OTLP requests from the network and hands them to
 * the server's worker, which alone touches the database.
 *
 * One thread, one event loop.  main.c sets it up, listen.c opens the ports,
 * http_connection.c and grpc_connection.c speak to clients, link.c to the
 * worker.  Whatever a client sends can at worst end this process.
 */
#ifndef RECEIVER_RECEIVER_H
#define RECEIVER_RECEIVER_H

#include <stddef.h>

#include <event2/event.h>
#include <openssl/ssl.h>

#include "core/frame.h"

struct bufferevent;
struct Receiver;

/* A request that the worker has, or is about to get. */
typedef struct Request
{
	uint64_t number;
	/* what became of it; the request is freed after that */
	void (*answer)(struct Request *request, FrameOutcome outcome,
				   uint64_t rejected, Slice message);
	void *owner; /* NULL: the client is gone, nobody wants the answer */
	struct Request *next;
} Request;

/* Somebody who stopped reading because too much memory was in use. */
typedef struct Waiter
{
	void (*resume)(struct Waiter *waiter);
	struct Waiter *next;
	bool is_waiting;
} Waiter;

#define REQUEST_BUCKETS 1024

typedef struct Settings
{
	Slice token;		  /* data NULL: none is asked for */
	uint64_t max_request; /* bytes of a body, before and after inflating */
	uint64_t max_pending; /* bytes of all bodies together */
	uint64_t max_connections;
} Settings;

typedef struct Receiver
{
	struct event_base *base;
	struct event *timer;
	Slice config;
	Settings settings;
	SSL_CTX *http_tls; /* NULL: plain */
	SSL_CTX *grpc_tls;
	struct bufferevent *link;
	bool is_ready;	  /* the worker can commit */
	bool is_stopping; /* nothing more is taken */
	uint64_t pending; /* bytes of bodies */
	uint64_t next_number;
	Request *requests[REQUEST_BUCKETS];
	Waiter *waiters;
	uint64_t counts[FRAME_COUNTERS];
} Receiver;

/* link.c: opens the stream to the worker. */
extern bool link_open(Receiver *receiver, int fd);
extern void link_send(Receiver *receiver, FrameType type, const char *text);

/*
 * Hands a body, which was allocated by malloc and is the link's from here on,
 * to the worker.  `answer` is called later; NULL without memory.
 */
extern Request *
link_submit(Receiver *receiver, FrameProtocol protocol, FrameEncoding encoding,
			uint64_t timeout_ms, char *body, size_t length,
			void (*answer)(Request *, FrameOutcome, uint64_t, Slice),
			void *owner);

/* listen.c: opens the ports that the configuration names.  Says what is wrong
 * in `fault`. */
extern bool listen_on_ports(Receiver *receiver, Slice config, char *fault,
							size_t fault_size);
extern void stop_listening(void);

/* http_connection.c, grpc_connection.c: take over an accepted socket. */
extern void http_accept(Receiver *receiver, evutil_socket_t fd);
extern void grpc_accept(Receiver *receiver, evutil_socket_t fd);
extern void grpc_stop_all(Receiver *receiver);

/* The socket as a buffered stream, with TLS if there is a context; NULL
 * without memory (the socket is closed then). */
extern struct bufferevent *open_stream(Receiver *receiver, evutil_socket_t fd,
									   SSL_CTX *tls);

/* A connection is over. */
extern void connection_closed(Receiver *receiver);

/* Whether "Bearer TOKEN" is the right one, in a time that does not tell. */
extern bool is_authorized(const Receiver *receiver, Slice authorization);

/* confine.c: gives up what the program does not need. */
extern void confine_process(void);

#endif
