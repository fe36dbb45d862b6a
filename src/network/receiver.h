/*
 * The receiver program: takes OTLP requests from the network and hands them to
 * the server's worker, which alone touches the database.
 *
 * One thread, one event loop.  main.c sets it up, listen.c opens the ports,
 * connection.c takes clients and finds out what they speak, http1_connection.c
 * and http2_connection.c speak to them, link.c to the worker.  Whatever a
 * client sends can at worst end this process.
 */
#ifndef NETWORK_RECEIVER_H
#define NETWORK_RECEIVER_H

#include <stddef.h>

#include <event2/event.h>
#include <openssl/ssl.h>

#include "core/wire/frame.h"
#include "network/body.h"
#include "network/queue.h"

struct bufferevent;
struct Receiver;

/* A request that waits for its turn, or that the worker has. */
typedef struct Request
{
	uint64_t number;
	/* what became of it, unless its fault is another than BODY_OK; the request
	 * is freed after that */
	void (*answer)(struct Request *request, FrameOutcome outcome,
				   uint64_t rejected, Slice message);
	void *owner; /* NULL: the client is gone, nobody wants the answer */
	struct Request *next;
	QueueEntry entry; /* of one that is not yet sent */
	FrameProtocol protocol;
	FrameEncoding encoding;
	Coding coding;
	Body body;
	BodyResult fault;	 /* of a body that cannot be sent */
	size_t length;		 /* of what is sent */
	size_t limit;		 /* of the next attempt to decode it */
	uint64_t timeout_ms; /* of the client */
	uint64_t begun_ms;
} Request;

#define REQUEST_BUCKETS 1024

typedef struct Settings
{
	Slice token;			/* data NULL: none is asked for */
	Slice listen_addresses; /* names by which clients may call us, too */
	uint64_t max_request;	/* bytes of a body, before and after decoding */
	uint64_t max_pending;	/* bytes of all bodies together */
	uint64_t max_sent;		/* bytes that the worker has, before another one */
	uint64_t max_connections;
	uint64_t max_wait; /* milliseconds */
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
	Queue queue;			  /* of requests that are not yet sent */
	QueueSource large_source; /* of all large ones together */
	struct event *sender;	  /* of these */
	uint64_t sent_bytes;	  /* of those that are sent and not yet answered */
	uint64_t answered_ms;	  /* when the worker last answered one */
	uint64_t small_ms;		  /* when the last one came that is not large */
	Request *requests[REQUEST_BUCKETS];
	Waiter *waiters; /* the longest waiting first */
	Waiter *last_waiter;
	uint64_t counts[FRAME_COUNTERS];
} Receiver;

/* link.c: opens the stream to the worker. */
extern bool link_open(Receiver *receiver, int fd);

/* A frame with a payload; without memory for it the program ends, since a
 * stream that lacks a part of it makes no sense. */
extern void link_send(Receiver *receiver, const Frame *frame,
					  const void *payload);
extern void link_send_text(Receiver *receiver, FrameType type,
						   const char *text);

/* A whole request, and who gets the answer. */
typedef struct Submission
{
	QueueSource *source;
	FrameProtocol protocol;
	FrameEncoding encoding;
	Coding coding;
	uint64_t timeout_ms;
	void (*answer)(Request *, FrameOutcome, uint64_t, Slice);
	void *owner;
} Submission;

/*
 * Hands a request to the worker when its turn comes.  The body is moved away
 * from its owner in any case; `answer` is called later.  NULL without memory.
 */
extern Request *link_submit(Receiver *receiver, const Submission *submission,
							Body *body);

/* The client is gone: nobody wants the answer. */
extern void link_forget(Receiver *receiver, Request *request);

/* Answers what has waited too long for its turn; once a second. */
extern void link_give_up_late(Receiver *receiver);

/* listen.c: opens the ports that the configuration names.  Says what is wrong
 * in `fault`. */
extern bool listen_on_ports(Receiver *receiver, Slice config, char *fault,
							size_t fault_size);
extern void stop_listening(void);

/* http2_connection.c: tells all clients to open no more calls. */
extern void http2_stop_all(void);

/* Whether "Bearer TOKEN" is the right one, in a time that does not tell. */
extern bool is_authorized(const Receiver *receiver, Slice authorization);

/* By a clock that is never set. */
extern long monotonic_seconds(void);
extern uint64_t monotonic_ms(void);

/* confine.c: gives up what the program does not need. */
extern void confine_process(void);

#endif
