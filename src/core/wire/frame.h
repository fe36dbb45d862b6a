/*
 * What the receiver program and the server's worker say to each other, over a
 * stream that nobody else can reach.
 *
 * A frame is a header of 24 bytes and a payload.  Integers are little-endian:
 *
 *	0	4 bytes	length of the payload
 *	4	1 byte	type
 *	5	1 byte	protocol (requests), outcome (answers), 0 or 1 (state)
 *	6	1 byte	encoding (requests)
 *	7	1 byte	0
 *	8	8 bytes	number of the request, chosen by the program
 *	16	8 bytes	requests: milliseconds until the client gives up
 *				answers: spans that were rejected; refusals: how many
 *
 * From the program:
 *	LISTENING	it has opened its ports; text, one a line
 *	FAILED		it cannot; text says why.  It ends.
 *	REQUEST		an OTLP request, inflated
 *	COUNTS		what it has counted so far: FRAME_COUNTERS integers of 8 bytes
 *	REFUSED		clients were turned away, so many (the integer at 16), for one
 *				reason; text, a line each: protocol, reason, the last one's
 *				address
 *
 * From the worker:
 *	CONFIG		settings, "name=value" lines; the first frame of all
 *	ANSWER		what became of a request; text for the client
 *	STATE		1 while requests can be committed
 *	STOP		take nothing more, finish, end
 *
 * Each side ends when the stream does.
 */
#ifndef CORE_FRAME_H
#define CORE_FRAME_H

#include "core/tree/span.h"

#define FRAME_HEADER_SIZE 24

/* The largest payload of all: a request of the largest size that can be set. */
#define FRAME_MAX_PAYLOAD (UINT32_C(64) * 1024 * 1024)

typedef enum FrameType
{
	FRAME_LISTENING = 1,
	FRAME_FAILED,
	FRAME_REQUEST,
	FRAME_COUNTS,
	FRAME_REFUSED,
	FRAME_CONFIG,
	FRAME_ANSWER,
	FRAME_STATE,
	FRAME_STOP,
} FrameType;

typedef enum FrameProtocol
{
	PROTOCOL_HTTP,
	PROTOCOL_GRPC,
} FrameProtocol;

typedef enum FrameEncoding
{
	ENCODING_PROTOBUF,
	ENCODING_JSON,
} FrameEncoding;

typedef enum FrameOutcome
{
	OUTCOME_RECORDED,  /* and committed; some spans may have been rejected */
	OUTCOME_MALFORMED, /* will never be recorded */
	OUTCOME_BUSY,	   /* not now; may be sent again */
} FrameOutcome;

/* What the program counts. */
typedef enum FrameCounter
{
	COUNT_CONNECTIONS, /* accepted */
	COUNT_OPEN,		   /* connections now */
	COUNT_TURNED_AWAY, /* connections closed because there were too many */
	COUNT_HTTP_REQUESTS,
	COUNT_GRPC_REQUESTS,
	COUNT_BYTES,		/* of bodies, as they came */
	COUNT_PENDING,		/* requests that wait for an answer now */
	COUNT_UNAUTHORIZED, /* requests it refused itself, by reason */
	COUNT_MALFORMED,
	COUNT_TOO_LARGE,
	COUNT_TOO_SLOW,
	COUNT_OTHER_REFUSED,
	FRAME_COUNTERS,
} FrameCounter;

typedef struct Frame
{
	FrameType type;
	uint8_t detail; /* FrameProtocol, FrameOutcome, or the state */
	FrameEncoding encoding;
	uint64_t number;
	uint64_t value;
	uint32_t length; /* of the payload */
} Frame;

extern void frame_write_header(const Frame *frame,
							   uint8_t header[FRAME_HEADER_SIZE]);

/* Believes nothing: false for what is no header. */
extern bool frame_read_header(const uint8_t header[FRAME_HEADER_SIZE],
							  Frame *frame);

extern void frame_write_counts(const uint64_t counts[FRAME_COUNTERS],
							   uint8_t bytes[FRAME_COUNTERS * 8]);
extern bool frame_read_counts(Slice payload, uint64_t counts[FRAME_COUNTERS]);

/* The value of a line "name=value" of a CONFIG; data NULL if there is none. */
extern Slice frame_config_value(Slice config, const char *name);

#endif
