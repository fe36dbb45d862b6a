/*
 * What the head of a request says, whatever protocol it came by, and whether
 * such a request is taken.
 *
 * Bytes in, decisions out: no sockets, no memory.
 */
#ifndef NETWORK_REQUEST_H
#define NETWORK_REQUEST_H

#include "core/tree/span.h"
#include "network/coding.h"

typedef enum RequestMethod
{
	METHOD_OTHER,
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
} RequestMethod;

typedef enum RequestPath
{
	PATH_OTHER,
	PATH_TRACES,
	PATH_TRACES_TWICE, /* of who put the path into the endpoint */
	PATH_EXPORT,	   /* gRPC's */
	PATH_HEALTH,
	PATH_LIVE,
} RequestPath;

typedef enum RequestType
{
	TYPE_NONE,
	TYPE_PROTOBUF,
	TYPE_JSON,
	TYPE_GRPC,
	TYPE_OTHER_GRPC, /* gRPC of another message format */
	TYPE_OTHER,
} RequestType;

typedef struct RequestHead
{
	RequestMethod method;
	RequestPath path;
	RequestType type;
	Coding coding; /* Content-Encoding */
	bool has_origin;
	bool is_authorized;
	bool is_foreign; /* a host that is not this machine by any name */
} RequestHead;

/* Why a request goes no further. */
typedef struct Refusal
{
	int status; /* of HTTP */
	const char *message;
} Refusal;

extern RequestMethod request_method(Slice method);

/* Of a path without, or with, its query. */
extern RequestPath request_path(Slice path);

/* Of a Content-Type; data NULL is none. */
extern RequestType request_type(Slice content_type);

/*
 * Whether a host, with or without its port, is the local machine by name, any
 * machine by address or by a name without a dot, or one of the names in this
 * list.  A web page whose name was made to point here is none of these (DNS
 * rebinding).  No host is local.
 */
extern bool is_local_host(Slice host, Slice names);

/* Whether it asks for health, by a method that may. */
extern bool asks_for_health(const RequestHead *head);

/* What keeps a request by HTTP from being read; NULL if nothing does. */
extern const Refusal *judge_request(const RequestHead *head);

/* The methods that a path takes, for the header Allow. */
extern const char *allowed_methods(RequestPath path);

#endif
