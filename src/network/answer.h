/*
 * Bodies of answers: what OTLP puts into them.
 */
#ifndef NETWORK_ANSWER_H
#define NETWORK_ANSWER_H

#include <event2/buffer.h>

#include "core/wire/frame.h"
#include "network/request.h"

/* Codes of google.rpc.Status, which are those of gRPC. */
enum
{
	STATUS_OK = 0,
	STATUS_INVALID_ARGUMENT = 3,
	STATUS_DEADLINE_EXCEEDED = 4,
	STATUS_PERMISSION_DENIED = 7,
	STATUS_RESOURCE_EXHAUSTED = 8,
	STATUS_UNIMPLEMENTED = 12,
	STATUS_INTERNAL = 13,
	STATUS_UNAVAILABLE = 14,
	STATUS_UNAUTHENTICATED = 16,
};

/* What the body of an answer by HTTP is. */
typedef enum AnswerForm
{
	ANSWER_TEXT, /* to whoever did not speak OTLP */
	ANSWER_PROTOBUF,
	ANSWER_JSON,
} AnswerForm;

/* That of the request. */
extern AnswerForm answer_form(RequestType type);

extern const char *answer_media_type(AnswerForm form);

/* The status of HTTP for what became of a request. */
extern int http_status(FrameOutcome outcome);

/* The body of an answer with that status that is not 200. */
extern void put_error(struct evbuffer *out, AnswerForm form, int status,
					  Slice message);

/* An ExportTraceServiceResponse: empty, or with its partial_success. */
extern void put_response(struct evbuffer *out, FrameEncoding encoding,
						 uint64_t rejected, Slice message);

/* A google.rpc.Status. */
extern void put_status(struct evbuffer *out, FrameEncoding encoding, int code,
					   Slice message);

/* The text as gRPC wants a message: percent-encoded. */
extern void put_percent_encoded(struct evbuffer *out, Slice text);

#endif
