/*
 * A column of a block: streams of bytes by number, each compressed, checked
 * and read alone.
 *
 *	0	4	"DT", a letter for the column, the version
 *	4	4	length of the whole column
 *	8	4	spans of the block
 *	12	4	traces of the block
 *	16	4	the link: 0 in the shape, else the shape's checksum at 24
 *	20	4	length of the directory
 *	24	4	CRC-32C of the bytes 0-23 and of the directory
 *	28		the directory: the number of streams, and for each of them, by
 *			ascending tag: tag minus the last tag; codec; length;
 *			if compressed: the length it has here;
 *			if it lies here by itself: 4 bytes, the CRC-32C of it as it lies
 *			then the streams that lie here by themselves
 *
 * Numbers are little-endian, those in the directory varints.  Short streams lie
 * one behind another in one of two shared streams, one compressed and one not:
 * a stream of its own costs some 10 bytes, and short texts compress better
 * together.
 */
#ifndef CORE_ARCHIVE_STREAM_H
#define CORE_ARCHIVE_STREAM_H

#include "archive.h"
#include "bytes.h"

/* tags of the shared streams; those of others are larger */
enum
{
	STREAM_SHARED_TEXT,
	STREAM_SHARED_BITS,
	STREAM_FIRST,
};

typedef struct StreamEntry
{
	uint32_t tag;
	uint8_t codec;
	bool is_ready;
	uint32_t length;	  /* of the bytes that were put */
	uint32_t stored;	  /* as they lie here */
	uint32_t checksum;	  /* of those */
	size_t offset;		  /* in the column or the shared stream */
	const uint8_t *bytes; /* reading: as they were put */
} StreamEntry;

typedef struct StreamWriter
{
	Host *host;
	ArchiveCodecs *codecs;
	ArchiveCodec codec;
	StreamEntry *entries;
	uint32_t count;
	uint32_t room;
	Bytes data;
	Bytes shared[2]; /* by tag */
	size_t total;	 /* bytes put */
	CoreStatus status;
} StreamWriter;

extern void stream_writer_init(StreamWriter *writer, Host *host,
							   ArchiveCodecs *codecs, ArchiveCodec codec);

/* Text and the like, which is worth compressing; tags must ascend.  What is
 * empty is left out. */
extern void stream_put_text(StreamWriter *writer, uint32_t tag,
							const Bytes *bytes);

/* What is packed already. */
extern void stream_put_bits(StreamWriter *writer, uint32_t tag,
							const Bytes *bytes);

/*
 * Whole numbers that are read as a whole, bit-packed or as compressed planes of
 * bytes, whichever is smaller, below up to STREAM_NUMBER_TAGS tags; zeros
 * alone take nothing.
 */
#define STREAM_NUMBER_TAGS 9

extern void stream_put_numbers(StreamWriter *writer, uint32_t tag,
							   const uint64_t *values, uint32_t count);

/* The whole column, and its checksum, which others link to. */
extern CoreStatus stream_finish(StreamWriter *writer, ArchiveColumn column,
								uint32_t spans, uint32_t traces, uint32_t link,
								Bytes *out, uint32_t *checksum);

typedef struct StreamReader
{
	Host *host;
	ArchiveCodecs *codecs;
	ArchiveColumn column;
	const uint8_t *data;
	size_t length;
	uint32_t spans;
	uint32_t traces;
	uint32_t link;
	uint32_t checksum;
	StreamEntry *entries;
	uint32_t count;
} StreamReader;

extern CoreStatus stream_open(StreamReader *reader, Host *host,
							  ArchiveCodecs *codecs, ArchiveColumn column,
							  ArchiveBytes bytes, ArchiveFault *fault);

/* The bytes of a stream, checked and unpacked; none if it is not there. */
extern CoreStatus stream_get(StreamReader *reader, uint32_t tag,
							 ByteReader *bytes, ArchiveFault *fault);

/* Numbers as stream_put_numbers wrote them. */
extern CoreStatus stream_get_numbers(StreamReader *reader, uint32_t tag,
									 uint32_t count, uint64_t **values,
									 ArchiveFault *fault);

/* CORE_MALFORMED, for what the stream of this tag says. */
extern CoreStatus stream_contradiction(const StreamReader *reader, uint32_t tag,
									   ArchiveFault *fault);

/* CORE_OK if the whole stream was read without a failure. */
extern CoreStatus stream_done(const StreamReader *reader, uint32_t tag,
							  const ByteReader *bytes, ArchiveFault *fault);

/* host->allocate of an array, of at least one member. */
extern void *archive_allocate(Host *host, size_t count, size_t size);

#endif
