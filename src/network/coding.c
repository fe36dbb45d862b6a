/*
 * Content codings: see coding.h.
 */
#include "network/coding.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define PIECE_SIZE 16384

/* windows of 32 kB, by what stands around the stream */
#define GZIP_WINDOW (15 + 16)
#define ZLIB_WINDOW 15
#define BARE_WINDOW (-15)

/* 8 MB: what RFC 9659 lets senders use, and no more memory than that */
#define ZSTD_WINDOW_LOG 23

static bool
is_name(Slice text, const char *name)
{
	size_t length = strlen(name);

	if (text.length != length)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		char c = text.data[i];

		if ((c >= 'A' && c <= 'Z' ? (char) (c + 32) : c) != name[i])
			return false;
	}
	return true;
}

Coding
coding_from_name(Slice name)
{
	if (name.data == NULL || is_name(name, "identity"))
		return CODING_IDENTITY;
	if (is_name(name, "gzip") || is_name(name, "x-gzip"))
		return CODING_GZIP;
	if (is_name(name, "deflate"))
		return CODING_DEFLATE;
	if (is_name(name, "zstd"))
		return CODING_ZSTD;
	return CODING_UNKNOWN;
}

/* Inflates to the end of a stream. */
static CodingResult
inflate_stream(z_stream *stream, CodingSink sink, void *context)
{
	char piece[PIECE_SIZE];
	int status;

	do
	{
		stream->next_out = (Bytef *) piece;
		stream->avail_out = sizeof(piece);
		status = inflate(stream, Z_NO_FLUSH);
		if (status == Z_MEM_ERROR)
			return CODING_NO_MEMORY;
		if (status != Z_OK && status != Z_STREAM_END)
			return CODING_DAMAGED;
		if (!sink(context, piece, sizeof(piece) - stream->avail_out))
			return CODING_STOPPED;
	} while (status != Z_STREAM_END);
	return CODING_DONE;
}

static CodingResult
decode_zlib(int window, bool has_members, Slice body, CodingSink sink,
			void *context)
{
	z_stream stream = {0};
	CodingResult result;

	if (inflateInit2(&stream, window) != Z_OK)
		return CODING_NO_MEMORY;
	stream.next_in = (Bytef *) body.data;
	stream.avail_in = body.length;
	result = inflate_stream(&stream, sink, context);
	while (result == CODING_DONE && stream.avail_in > 0)
		result = has_members && inflateReset(&stream) == Z_OK
					 ? inflate_stream(&stream, sink, context)
					 : CODING_DAMAGED;
	inflateEnd(&stream);
	return result;
}

/* RFC 1950: a method, a window, and a check of both. */
static bool
has_zlib_header(Slice body)
{
	const unsigned char *bytes = (const unsigned char *) body.data;

	return body.length >= 2 && (bytes[0] & 0x0f) == Z_DEFLATED &&
		   bytes[0] >> 4 <= 7 && (bytes[0] << 8 | bytes[1]) % 31 == 0;
}

static CodingResult
decode_zstd_frames(ZSTD_DStream *stream, Slice body, CodingSink sink,
				   void *context)
{
	char piece[PIECE_SIZE];
	ZSTD_inBuffer in = {body.data, body.length, 0};
	size_t left;

	do
	{
		ZSTD_outBuffer out = {piece, sizeof(piece), 0};
		size_t before = in.pos;

		left = ZSTD_decompressStream(stream, &out, &in);
		if (ZSTD_isError(left))
			return ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation
					   ? CODING_NO_MEMORY
					   : CODING_DAMAGED;
		if (out.pos > 0 && !sink(context, piece, out.pos))
			return CODING_STOPPED;
		/* an end that does not come */
		if (left > 0 && in.pos == before && out.pos == 0)
			return CODING_DAMAGED;
	} while (left > 0 || in.pos < in.size);
	return CODING_DONE;
}

static CodingResult
decode_zstd(Slice body, CodingSink sink, void *context)
{
	ZSTD_DStream *stream = ZSTD_createDStream();
	CodingResult result;

	if (stream == NULL)
		return CODING_NO_MEMORY;
	(void) ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
	result = decode_zstd_frames(stream, body, sink, context);
	ZSTD_freeDStream(stream);
	return result;
}

CodingResult
decode_body(Coding coding, Slice body, CodingSink sink, void *context)
{
	switch (coding)
	{
		case CODING_IDENTITY:
			return sink(context, body.data, body.length) ? CODING_DONE
														 : CODING_STOPPED;
		case CODING_GZIP:
			return decode_zlib(GZIP_WINDOW, true, body, sink, context);
		case CODING_DEFLATE:
			return decode_zlib(has_zlib_header(body) ? ZLIB_WINDOW
													 : BARE_WINDOW,
							   false,
							   body,
							   sink,
							   context);
		case CODING_ZSTD:
			return decode_zstd(body, sink, context);
		default:
			return CODING_DAMAGED;
	}
}
