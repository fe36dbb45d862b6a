/*
 * What the files of HTTP/2 share: a connection, and its streams.
 */
#ifndef NETWORK_HTTP2_H
#define NETWORK_HTTP2_H

#include <nghttp2/nghttp2.h>

#include "network/connection.h"

struct Http2Connection;

/* A request, by gRPC or by OTLP/HTTP. */
typedef struct Http2Stream
{
	struct Http2Connection *connection;
	struct Http2Stream *previous;
	struct Http2Stream *next;
	int32_t id;
	RequestHead head;
	bool is_grpc;
	bool has_grpc_encoding;
	Coding grpc_coding;
	bool is_taken; /* its head was found good */
	bool is_answered;
	bool is_complete; /* all of the request has come */
	long begun;
	uint64_t timeout_ms;
	Body body;
	size_t unread; /* bytes whose window is still to be given back */
	Request *request;
	struct evbuffer *answer; /* what is left of the answer's body */
} Http2Stream;

typedef struct Http2Connection
{
	Connection *base;
	Receiver *receiver;
	struct bufferevent *stream;
	nghttp2_session *session;
	struct event *deadline;
	Waiter waiter;
	Http2Stream *streams;
	struct Http2Connection *previous;
	struct Http2Connection *next;
	long last_request; /* seconds, when the last one began or ended */
	long second;	   /* of idle_frames */
	int idle_frames;
	bool is_broken; /* to be closed as soon as may be */
} Http2Connection;

/*
 * http2_answer.c: answers, which go out with the next flush.  None of these
 * ends the connection; one that cannot be answered is marked as broken.
 */

/* A request that goes no further: the status of HTTP, by which it is counted,
 * and that of gRPC. */
extern void http2_refuse(Http2Stream *stream, int status, int grpc_status,
						 const char *message);

/* What the worker says. */
extern void http2_answer(Http2Stream *stream, const Request *request,
						 FrameOutcome outcome, uint64_t rejected,
						 Slice message);

extern void http2_answer_health(Http2Stream *stream);

#endif
