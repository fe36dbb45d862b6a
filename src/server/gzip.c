/*
 * Inflating gzip with zlib, into a buffer that grows as it fills.
 *
 * Nothing is taken from what a header announces: a bomb is stopped at the
 * limit.  zlib's memory comes from a memory context of its own and so goes
 * whatever happens; its allocator returns NULL when there is none, because an
 * error must not jump through zlib's frames.
 */
#include "postgres.h"

#include "server/gzip.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#define ZLIB_CONST /* input is const */
#include <zlib.h>

/* 32 kB, the largest window, and a gzip header around the stream */
#define GZIP_WINDOW_BITS (15 + 16)

/* inflated between two looks for interrupts */
#define GZIP_STEP (256 * 1024)

#define MEGABYTE (1024 * 1024)

typedef struct Inflation
{
	z_stream stream;
	Slice input;
	char *data;
	Size used;
	Size capacity;
	Size limit;
} Inflation;

bool
is_gzip(Slice data)
{
	return data.length >= 2 && memcmp(data.data, "\x1f\x8b", 2) == 0;
}

static voidpf
allocate(voidpf context, uInt items, uInt size)
{
	return MemoryContextAllocExtended(
		context, (Size) items * size, MCXT_ALLOC_NO_OOM);
}

static void
release(voidpf context pg_attribute_unused(), voidpf address)
{
	pfree(address);
}

static void
report_damage(const Inflation *inflation, const char *what)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			errmsg("invalid gzip data at byte %zu: %s",
				   (Size) (inflation->stream.next_in -
						   (const Bytef *) inflation->input.data),
				   what));
}

/* Any status of zlib's but Z_OK and Z_STREAM_END. */
static void
report_status(const Inflation *inflation, int status)
{
	if (status == Z_MEM_ERROR)
		ereport(ERROR,
				errcode(ERRCODE_OUT_OF_MEMORY),
				errmsg("out of memory"),
				errdetail("Failed to inflate gzip data."));
	if (status == Z_BUF_ERROR && inflation->stream.avail_in == 0)
		report_damage(inflation, "data ends too early");
	report_damage(inflation,
				  inflation->stream.msg != NULL ? inflation->stream.msg
												: "damaged data");
}

/* Room for at least one more byte: of more than the limit just one. */
static void
make_room(Inflation *inflation)
{
	if (inflation->used > inflation->limit)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("gzip data holds more than %zu MB",
					   inflation->limit / MEGABYTE),
				errhint("Send smaller batches, or send them uncompressed."));
	if (inflation->used < inflation->capacity)
		return;
	inflation->capacity = Min(2 * inflation->capacity, inflation->limit + 1);
	inflation->data = repalloc(inflation->data, inflation->capacity);
}

/* Goes on inflating a little; true when the member has ended. */
static bool
inflate_some(Inflation *inflation)
{
	z_stream *stream = &inflation->stream;
	uInt room;
	int status;

	CHECK_FOR_INTERRUPTS();
	room = Min(inflation->capacity - inflation->used, GZIP_STEP);
	stream->next_out = (Bytef *) inflation->data + inflation->used;
	stream->avail_out = room;
	status = inflate(stream, Z_NO_FLUSH);
	inflation->used += room - stream->avail_out;
	make_room(inflation);
	if (status == Z_STREAM_END)
		return true;
	/* no progress because the output is full is none of the data's faults */
	if (status == Z_BUF_ERROR && stream->avail_out == 0)
		status = Z_OK;
	if (status != Z_OK)
		report_status(inflation, status);
	return false;
}

static void
inflate_members(Inflation *inflation)
{
	z_stream *stream = &inflation->stream;

	for (;;)
	{
		Slice rest;

		while (!inflate_some(inflation))
			;
		rest = (Slice){(const char *) stream->next_in, stream->avail_in};
		if (rest.length == 0)
			return;
		if (!is_gzip(rest))
			report_damage(inflation, "unknown data behind the end");
		if (inflateReset(stream) != Z_OK)
			elog(ERROR, "inflateReset failed");
	}
}

Slice
gunzip(Slice data, Size limit)
{
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "distributed_trace gzip", ALLOCSET_DEFAULT_SIZES);
	Inflation inflation = {.input = data, .limit = limit};
	z_stream *stream = &inflation.stream;

	inflation.capacity = Min(4 * (Size) data.length + 1024, limit);
	inflation.data = palloc(inflation.capacity);
	stream->zalloc = allocate;
	stream->zfree = release;
	stream->opaque = context;
	stream->next_in = (const Bytef *) data.data;
	stream->avail_in = data.length;
	if (inflateInit2(stream, GZIP_WINDOW_BITS) != Z_OK)
		ereport(ERROR,
				errcode(ERRCODE_OUT_OF_MEMORY),
				errmsg("out of memory"),
				errdetail("Failed to initialize zlib."));
	inflate_members(&inflation);
	MemoryContextDelete(context);
	return (Slice){inflation.data, inflation.used};
}
