/*
 * The compressors: see codecs.h.
 *
 * Their states are made in memory that the host gave (zstd calls that a static
 * context), so that nothing is left behind when the host's poll leaves the
 * core, or when its arena goes.
 */
#define ZSTD_STATIC_LINKING_ONLY
#include <lz4.h>
#include <zstd.h>

#include "codecs.h"

/* higher levels gain 4 % for seven times the time */
#define ZSTD_LEVEL 1

struct ArchiveCodecs
{
	Host *host;
	ZSTD_CCtx *compressor;
	ZSTD_DCtx *decompressor;
	void *lz4;
};

ArchiveCodecs *
archive_codecs_create(Host *host)
{
	ArchiveCodecs *codecs = host->allocate(host, sizeof(ArchiveCodecs));

	if (codecs != NULL)
		*codecs = (ArchiveCodecs){.host = host};
	return codecs;
}

size_t
codec_bound(ArchiveCodec codec, size_t length)
{
	if (codec == ARCHIVE_LZ4)
		return (size_t) LZ4_compressBound((int) length);
	return ZSTD_compressBound(length);
}

static size_t
compress_zstd(ArchiveCodecs *codecs, const uint8_t *from, size_t length,
			  uint8_t *to)
{
	size_t written;

	if (codecs->compressor == NULL)
	{
		size_t size = ZSTD_estimateCCtxSize(ZSTD_LEVEL);
		void *memory = codecs->host->allocate(codecs->host, size);

		if (memory == NULL)
			return 0;
		codecs->compressor = ZSTD_initStaticCCtx(memory, size);
		if (codecs->compressor == NULL)
			return 0;
	}
	written = ZSTD_compressCCtx(codecs->compressor,
								to,
								ZSTD_compressBound(length),
								from,
								length,
								ZSTD_LEVEL);
	return ZSTD_isError(written) ? 0 : written;
}

static size_t
compress_lz4(ArchiveCodecs *codecs, const uint8_t *from, size_t length,
			 uint8_t *to)
{
	if (codecs->lz4 == NULL)
		codecs->lz4 =
			codecs->host->allocate(codecs->host, (size_t) LZ4_sizeofState());
	if (codecs->lz4 == NULL)
		return 0;
	return (size_t) LZ4_compress_fast_extState(codecs->lz4,
											   (const char *) from,
											   (char *) to,
											   (int) length,
											   LZ4_compressBound((int) length),
											   1);
}

size_t
codec_compress(ArchiveCodecs *codecs, ArchiveCodec codec, const uint8_t *from,
			   size_t length, uint8_t *to)
{
	if (codec == ARCHIVE_LZ4)
		return compress_lz4(codecs, from, length, to);
	return compress_zstd(codecs, from, length, to);
}

static CoreStatus
decompress_zstd(ArchiveCodecs *codecs, const uint8_t *from, size_t stored,
				uint8_t *to, size_t length)
{
	if (codecs->decompressor == NULL)
	{
		size_t size = ZSTD_estimateDCtxSize();
		void *memory = codecs->host->allocate(codecs->host, size);

		if (memory == NULL)
			return CORE_NO_MEMORY;
		codecs->decompressor = ZSTD_initStaticDCtx(memory, size);
		if (codecs->decompressor == NULL)
			return CORE_NO_MEMORY;
	}
	return ZSTD_decompressDCtx(
			   codecs->decompressor, to, length, from, stored) == length
			   ? CORE_OK
			   : CORE_MALFORMED;
}

CoreStatus
codec_decompress(ArchiveCodecs *codecs, uint8_t codec, const uint8_t *from,
				 size_t stored, uint8_t *to, size_t length)
{
	if (codec == CODEC_ZSTD)
		return decompress_zstd(codecs, from, stored, to, length);
	return LZ4_decompress_safe(
			   (const char *) from, (char *) to, (int) stored, (int) length) ==
				   (int) length
			   ? CORE_OK
			   : CORE_MALFORMED;
}
