/*
 * The content codings that bodies may come in: gzip, deflate, zstd.
 *
 * Bytes in, pieces out: no sockets, no limits of its own.  One layer is taken
 * off and no more.
 */
#ifndef NETWORK_CODING_H
#define NETWORK_CODING_H

#include <stddef.h>

#include "core/tree/span.h"

typedef enum Coding
{
	CODING_IDENTITY,
	CODING_GZIP,
	CODING_DEFLATE, /* with zlib's header or, as some clients send it, bare */
	CODING_ZSTD,
	CODING_UNKNOWN,
} Coding;

typedef enum CodingResult
{
	CODING_DONE,
	CODING_DAMAGED,
	CODING_STOPPED, /* by the sink */
	CODING_NO_MEMORY,
} CodingResult;

/* Takes a piece of what a body holds; false stops. */
typedef bool (*CodingSink)(void *context, const char *data, size_t length);

/* The coding of this name, in any case. */
extern Coding coding_from_name(Slice name);

/* The codings that are taken, for a header that says so. */
#define CODING_NAMES "gzip, deflate, zstd"

/* Hands what the body holds to the sink, piece by piece.  Anything behind its
 * end is damage, except further members of gzip and frames of zstd. */
extern CodingResult decode_body(Coding coding, Slice body, CodingSink sink,
								void *context);

#endif
