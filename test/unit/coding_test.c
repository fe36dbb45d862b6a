/*
 * Content codings: what zlib and zstd write is read again, once, and nothing
 * else is.
 */
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "network/coding.h"
#include "unit.h"

#define CONTENT_SIZE 200000

static char content[CONTENT_SIZE];

typedef struct Decoded
{
	char data[2 * CONTENT_SIZE];
	size_t length;
	size_t limit;
} Decoded;

static bool
keep(void *context, const char *data, size_t length)
{
	Decoded *decoded = context;

	if (length > decoded->limit - decoded->length)
		return false;
	memcpy(decoded->data + decoded->length, data, length);
	decoded->length += length;
	return true;
}

static CodingResult
decode(Coding coding, Slice body, Decoded *decoded, size_t limit)
{
	decoded->length = 0;
	decoded->limit = limit;
	return decode_body(coding, body, keep, decoded);
}

/* With windows as deflateInit2 wants them; the bits of zstd are 0. */
static Slice
encode(int window)
{
	static char coded[4][CONTENT_SIZE + 1000];
	static int next;
	char *to = coded[next++ % 4];
	z_stream stream = {0};

	if (window == 0)
		return (Slice){to,
					   (uint32_t) ZSTD_compress(
						   to, sizeof(coded[0]), content, sizeof(content), 3)};
	deflateInit2(&stream, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
	stream.next_in = (Bytef *) content;
	stream.avail_in = sizeof(content);
	stream.next_out = (Bytef *) to;
	stream.avail_out = sizeof(coded[0]);
	deflate(&stream, Z_FINISH);
	deflateEnd(&stream);
	return (Slice){to, (uint32_t) stream.total_out};
}

static void
test_coding(Coding coding, int window, const char *name)
{
	static Decoded decoded;
	Slice body = encode(window);
	char *twice = malloc(2 * (size_t) body.length);
	bool has_parts = coding == CODING_GZIP || coding == CODING_ZSTD;

	CHECK(decode(coding, body, &decoded, CONTENT_SIZE) == CODING_DONE &&
			  decoded.length == CONTENT_SIZE &&
			  memcmp(decoded.data, content, CONTENT_SIZE) == 0,
		  "%s: comes back",
		  name);
	CHECK(decode(coding, body, &decoded, CONTENT_SIZE - 1) == CODING_STOPPED,
		  "%s: stops at a limit",
		  name);
	for (uint32_t cut = 0; cut < 20; cut++)
	{
		Slice part = {body.data, cut < 10 ? cut : body.length - cut + 9};

		CHECK(decode(coding, part, &decoded, CONTENT_SIZE) == CODING_DAMAGED,
			  "%s: %u bytes of it are damage",
			  name,
			  part.length);
	}
	memcpy(twice, body.data, body.length);
	memcpy(twice + body.length, body.data, body.length);
	CHECK(decode(coding,
				 (Slice){twice, body.length + 3},
				 &decoded,
				 2 * CONTENT_SIZE) == CODING_DAMAGED,
		  "%s: something behind it is damage",
		  name);
	CHECK(decode(coding,
				 (Slice){twice, 2 * body.length},
				 &decoded,
				 2 * CONTENT_SIZE) ==
				  (has_parts ? CODING_DONE : CODING_DAMAGED) &&
			  (!has_parts || decoded.length == 2 * CONTENT_SIZE),
		  "%s: a second one behind it",
		  name);
	free(twice);
}

static void
test_names(void)
{
	static const struct
	{
		const char *name;
		Coding coding;
	} cases[] = {
		{"identity", CODING_IDENTITY},
		{"gzip", CODING_GZIP},
		{"X-GZip", CODING_GZIP},
		{"deflate", CODING_DEFLATE},
		{"zstd", CODING_ZSTD},
		{"", CODING_UNKNOWN},
		{"br", CODING_UNKNOWN},
		{"gzip, gzip", CODING_UNKNOWN},
		{"gzip;q=1", CODING_UNKNOWN},
	};

	CHECK(coding_from_name((Slice){NULL, 0}) == CODING_IDENTITY, "none");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK(coding_from_name(
				  (Slice){cases[i].name, (uint32_t) strlen(cases[i].name)}) ==
				  cases[i].coding,
			  "'%s'",
			  cases[i].name);
}

int
main(void)
{
	for (size_t i = 0; i < CONTENT_SIZE; i++)
		content[i] = (char) (i * i / 1000 + i % 7);
	test_names();
	test_coding(CODING_GZIP, 15 + 16, "gzip");
	test_coding(CODING_DEFLATE, 15, "deflate");
	test_coding(CODING_DEFLATE, -15, "bare deflate");
	test_coding(CODING_ZSTD, 0, "zstd");
	return unit_done();
}
