/*
 * The compressors: zstd and LZ4, in the host's memory.
 */
#ifndef CORE_ARCHIVE_CODECS_H
#define CORE_ARCHIVE_CODECS_H

#include "archive.h"

/* how a stream lies in its column; written, so never renumbered */
enum
{
	CODEC_RAW,
	CODEC_ZSTD,
	CODEC_LZ4,
	CODEC_IN_TEXT, /* in the shared stream of that kind */
	CODEC_IN_BITS,
};

/* The most that compressing so many bytes may write. */
extern size_t codec_bound(ArchiveCodec codec, size_t length);

/* Compresses into `to`, which has codec_bound of room; the length, or 0 if it
 * failed. */
extern size_t codec_compress(ArchiveCodecs *codecs, ArchiveCodec codec,
							 const uint8_t *from, size_t length, uint8_t *to);

/* Fills `length` bytes, by CODEC_ZSTD or CODEC_LZ4; CORE_MALFORMED if that is
 * not what `from` holds. */
extern CoreStatus codec_decompress(ArchiveCodecs *codecs, uint8_t codec,
								   const uint8_t *from, size_t stored,
								   uint8_t *to, size_t length);

#endif
