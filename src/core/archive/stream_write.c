/*
 * Writing the streams of a column: see stream.h for the form.
 */
#include "bitpack.h"
#include "codecs.h"
#include "crc32c.h"
#include "stream.h"

/* below that a stream goes to a shared one */
#define SHORT_STREAM 512

/* a stream is compressed if that takes a sixteenth off */
#define WORTH_COMPRESSING 16

#define HEADER_SIZE 28

void *
archive_allocate(Host *host, size_t count, size_t size)
{
	return host->allocate(host, (count > 0 ? count : 1) * size);
}

void
stream_writer_init(StreamWriter *writer, Host *host, ArchiveCodecs *codecs,
				   ArchiveCodec codec)
{
	*writer = (StreamWriter){
		.host = host,
		.codecs = codecs,
		.codec = codec,
		.data.host = host,
		.shared = {{.host = host}, {.host = host}},
	};
}

static StreamEntry *
add_entry(StreamWriter *writer, uint32_t tag, size_t length)
{
	if (writer->count == writer->room)
	{
		uint32_t room = writer->room * 2 + 64;
		StreamEntry *larger =
			archive_allocate(writer->host, room, sizeof(StreamEntry));

		if (larger == NULL)
		{
			writer->status = CORE_NO_MEMORY;
			return NULL;
		}
		if (writer->count > 0)
			memcpy(
				larger, writer->entries, writer->count * sizeof(StreamEntry));
		writer->entries = larger;
		writer->room = room;
	}
	writer->entries[writer->count] =
		(StreamEntry){.tag = tag, .length = (uint32_t) length};
	return &writer->entries[writer->count++];
}

/* What goes wrong with some bytes goes wrong with the column. */
static bool
is_writable(StreamWriter *writer, const Bytes *bytes)
{
	if (writer->status == CORE_OK)
		writer->status = bytes->status;
	if (writer->status == CORE_OK &&
		bytes->used > ARCHIVE_MAX_SIZE - writer->total)
		writer->status = CORE_TOO_LARGE;
	writer->total += bytes->used;
	return writer->status == CORE_OK;
}

/* The length it takes; the bytes themselves are at the end of the data. */
static size_t
compress_at_end(StreamWriter *writer, const Bytes *bytes)
{
	uint8_t *to =
		bytes_reserve(&writer->data, codec_bound(writer->codec, bytes->used));
	size_t stored;

	if (to == NULL)
	{
		writer->status = writer->data.status;
		return 0;
	}
	stored = codec_compress(
		writer->codecs, writer->codec, bytes->data, bytes->used, to);
	if (stored == 0)
		writer->status = CORE_NO_MEMORY;
	return stored;
}

static void
keep_raw(StreamWriter *writer, StreamEntry *entry, const Bytes *bytes)
{
	entry->codec = CODEC_RAW;
	entry->stored = (uint32_t) bytes->used;
	entry->checksum = crc32c(0, bytes->data, bytes->used);
	bytes_put(&writer->data, bytes->data, bytes->used);
}

static void
keep_compressed(StreamWriter *writer, StreamEntry *entry, const Bytes *bytes)
{
	size_t stored = compress_at_end(writer, bytes);

	if (writer->status != CORE_OK)
		return;
	if (stored + bytes->used / WORTH_COMPRESSING >= bytes->used)
	{
		keep_raw(writer, entry, bytes);
		return;
	}
	entry->codec = writer->codec == ARCHIVE_LZ4 ? CODEC_LZ4 : CODEC_ZSTD;
	entry->stored = (uint32_t) stored;
	entry->checksum = crc32c(0, writer->data.data + writer->data.used, stored);
	writer->data.used += stored;
}

static void
put_shared(StreamWriter *writer, uint32_t tag, int kind, const Bytes *bytes)
{
	StreamEntry *entry = add_entry(writer, tag, bytes->used);

	if (entry == NULL)
		return;
	entry->codec = kind == STREAM_SHARED_TEXT ? CODEC_IN_TEXT : CODEC_IN_BITS;
	bytes_put(&writer->shared[kind], bytes->data, bytes->used);
}

void
stream_put_text(StreamWriter *writer, uint32_t tag, const Bytes *bytes)
{
	StreamEntry *entry;

	if (bytes->used == 0 || !is_writable(writer, bytes))
		return;
	if (bytes->used < SHORT_STREAM)
	{
		put_shared(writer, tag, STREAM_SHARED_TEXT, bytes);
		return;
	}
	entry = add_entry(writer, tag, bytes->used);
	if (entry != NULL)
		keep_compressed(writer, entry, bytes);
}

void
stream_put_bits(StreamWriter *writer, uint32_t tag, const Bytes *bytes)
{
	StreamEntry *entry;

	if (bytes->used == 0 || !is_writable(writer, bytes))
		return;
	if (bytes->used < SHORT_STREAM)
	{
		put_shared(writer, tag, STREAM_SHARED_BITS, bytes);
		return;
	}
	entry = add_entry(writer, tag, bytes->used);
	if (entry != NULL)
		keep_raw(writer, entry, bytes);
}

/* Byte number `plane` of each. */
static void
put_plane(Bytes *to, const uint64_t *values, uint32_t count, unsigned plane)
{
	uint8_t *at = bytes_reserve(to, count);

	if (at == NULL)
		return;
	for (uint32_t i = 0; i < count; i++)
		at[i] = (uint8_t) (values[i] >> (8 * plane));
	to->used += count;
}

/* Puts the planes; what they take beside the directory. */
static size_t
put_planes(StreamWriter *writer, uint32_t tag, const uint64_t *values,
		   uint32_t count, uint64_t all)
{
	size_t before = writer->data.used;
	Bytes bytes = {.host = writer->host};

	for (unsigned plane = 0; plane < 8 && writer->status == CORE_OK; plane++)
	{
		if ((all >> (8 * plane) & 0xff) == 0)
			continue;
		bytes.used = 0;
		put_plane(&bytes, values, count, plane);
		stream_put_text(writer, tag + 1 + plane, &bytes);
	}
	return writer->data.used - before;
}

/*
 * Short ones are packed: a plane of them would spoil the shared text.  Of long
 * ones planes are tried, and taken back if packing was smaller.
 */
void
stream_put_numbers(StreamWriter *writer, uint32_t tag, const uint64_t *values,
				   uint32_t count)
{
	Bytes packed = {.host = writer->host};
	StreamWriter before = *writer;
	uint64_t all = 0;

	for (uint32_t i = 0; i < count; i++)
		all |= values[i];
	if (all == 0)
		return;
	bitpack_put(&packed, values, count);
	if (count >= SHORT_STREAM && packed.status == CORE_OK)
	{
		if (put_planes(writer, tag, values, count, all) + 6 < packed.used)
			return;
		if (writer->status != CORE_OK)
			return;
		writer->count = before.count;
		writer->data.used = before.data.used;
		writer->total = before.total;
	}
	stream_put_bits(writer, tag, &packed);
}

static void
put_entry(Bytes *directory, const StreamEntry *entry, uint32_t last)
{
	bytes_put_varint(directory, entry->tag - last);
	bytes_put_byte(directory, entry->codec);
	bytes_put_varint(directory, entry->length);
	if (entry->codec == CODEC_ZSTD || entry->codec == CODEC_LZ4)
		bytes_put_varint(directory, entry->stored);
	if (entry->codec <= CODEC_LZ4)
	{
		uint8_t checksum[4];

		store_u32(checksum, entry->checksum);
		bytes_put(directory, checksum, sizeof(checksum));
	}
}

/* The shared streams come first in the directory and last in the data. */
static void
put_directory(StreamWriter *writer, Bytes *directory, Bytes *data)
{
	StreamEntry shared[2];
	uint32_t count = 0;
	uint32_t last = 0;

	for (uint32_t kind = 0; kind < STREAM_FIRST; kind++)
	{
		Bytes *bytes = &writer->shared[kind];

		if (bytes->used == 0)
			continue;
		shared[count] = (StreamEntry){.tag = kind};
		shared[count].length = (uint32_t) bytes->used;
		if (kind == STREAM_SHARED_TEXT)
			keep_compressed(writer, &shared[count], bytes);
		else
			keep_raw(writer, &shared[count], bytes);
		count++;
	}
	bytes_put_varint(directory, (uint64_t) count + writer->count);
	for (uint32_t i = 0; i < count + writer->count; i++)
	{
		const StreamEntry *entry =
			i < count ? &shared[i] : &writer->entries[i - count];

		put_entry(directory, entry, last);
		last = entry->tag;
	}
	*data = writer->data;
}

static void
put_header(uint8_t *header, ArchiveColumn column, uint32_t spans,
		   uint32_t traces, uint32_t link)
{
	static const char letters[] = "SIT";

	header[0] = 'D';
	header[1] = 'T';
	header[2] = (uint8_t) letters[column];
	header[3] = ARCHIVE_VERSION;
	store_u32(header + 8, spans);
	store_u32(header + 12, traces);
	store_u32(header + 16, link);
}

CoreStatus
stream_finish(StreamWriter *writer, ArchiveColumn column, uint32_t spans,
			  uint32_t traces, uint32_t link, Bytes *out, uint32_t *checksum)
{
	Bytes directory = {.host = writer->host};
	uint8_t header[HEADER_SIZE];
	Bytes data;
	size_t length;

	put_directory(writer, &directory, &data);
	length = HEADER_SIZE + directory.used + data.used;
	if (writer->status == CORE_OK)
		writer->status = directory.status;
	if (writer->status == CORE_OK)
		writer->status = data.status;
	if (writer->status == CORE_OK && length > ARCHIVE_MAX_SIZE)
		writer->status = CORE_TOO_LARGE;
	if (writer->status != CORE_OK)
		return writer->status;
	put_header(header, column, spans, traces, link);
	store_u32(header + 4, (uint32_t) length);
	store_u32(header + 20, (uint32_t) directory.used);
	*checksum = crc32c(crc32c(0, header, 24), directory.data, directory.used);
	store_u32(header + 24, *checksum);
	*out = (Bytes){.host = writer->host};
	bytes_reserve(out, length);
	bytes_put(out, header, HEADER_SIZE);
	bytes_put(out, directory.data, directory.used);
	bytes_put(out, data.data, data.used);
	return out->status;
}
