/*
 * Reading HTTP/1.1 requests: RFC 9112, strictly.
 *
 * Bytes in, decisions out: no sockets, no memory of its own.  What two readers
 * could understand differently is refused: bare line feeds, folded headers,
 * space before a colon, two lengths, a length and chunks, odd chunk sizes.
 */
#ifndef NETWORK_HTTP1_H
#define NETWORK_HTTP1_H

#include "core/tree/span.h"

#define HTTP1_MAX_HEAD 16384
#define HTTP1_MAX_REQUEST_LINE 4096
#define HTTP1_MAX_FIELDS 64

/* The head of a request.  Slices point into it. */
typedef struct Http1Head
{
	Slice method;
	Slice path; /* with its query; empty: that of a URL without one */
	Slice
		authority; /* of a target that is a whole URL; data NULL: it is none */
	Slice host;	   /* that of the target, if it names one */
	Slice content_type;
	Slice content_encoding;
	Slice authorization;
	bool has_origin;
	bool has_length;
	uint64_t length; /* of the body */
	bool is_chunked;
	bool is_version_10;
	bool is_kept_alive;
	bool expects_continue;
} Http1Head;

typedef enum Http1Result
{
	HTTP1_DONE,
	HTTP1_MORE, /* more bytes are needed */
	HTTP1_BAD,	/* answer *status and close */
} Http1Result;

/*
 * Reads the head at the beginning of what has come.  *used is its length.  An
 * empty line before it is passed over, as RFC 9112 asks for.
 */
extern Http1Result http1_read_head(const char *data, size_t length,
								   Http1Head *head, size_t *used, int *status);

/* Where in a chunked body a reader is. */
typedef struct Http1Chunks
{
	uint64_t left; /* bytes of the chunk that are still to come */
	int state;
	uint32_t trailer; /* bytes of trailers so far */
} Http1Chunks;

/*
 * Goes on reading a chunked body: *part is content that may be taken at once,
 * *used how many bytes were gone through.  HTTP1_MORE after each part and when
 * nothing is left to read.
 */
extern Http1Result http1_read_chunks(Http1Chunks *chunks, const char *data,
									 size_t length, Slice *part, size_t *used,
									 int *status);

#endif
