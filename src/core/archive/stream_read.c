/*
 * Reading the streams of a column, none of whose numbers is believed: see
 * stream.h for the form.
 */
#include "bitpack.h"
#include "codecs.h"
#include "crc32c.h"
#include "stream.h"

#define HEADER_SIZE 28

/* the fewest bytes an entry of a directory takes */
#define ENTRY_MIN_SIZE 3

static CoreStatus
fail(const StreamReader *reader, ArchiveReason reason, size_t position,
	 ArchiveFault *fault)
{
	*fault = (ArchiveFault){(uint8_t) reader->column, reason, position};
	return CORE_MALFORMED;
}

static CoreStatus
check_header(StreamReader *reader, ArchiveFault *fault)
{
	static const char letters[] = "SIT";
	const uint8_t *data = reader->data;

	if (reader->length < HEADER_SIZE)
		return fail(reader, ARCHIVE_WRONG_LENGTH, reader->length, fault);
	if (data[0] != 'D' || data[1] != 'T' ||
		data[2] != (uint8_t) letters[reader->column])
		return fail(reader, ARCHIVE_NO_COLUMN, 0, fault);
	if (data[3] != ARCHIVE_VERSION)
		return fail(reader, ARCHIVE_OTHER_VERSION, 3, fault);
	if (load_u32(data + 4) != reader->length)
		return fail(reader, ARCHIVE_WRONG_LENGTH, 4, fault);
	if (load_u32(data + 20) > reader->length - HEADER_SIZE)
		return fail(reader, ARCHIVE_WRONG_LENGTH, 20, fault);
	reader->checksum = load_u32(data + 24);
	if (crc32c(crc32c(0, data, 24), data + HEADER_SIZE, load_u32(data + 20)) !=
		reader->checksum)
		return fail(reader, ARCHIVE_DAMAGED, 24, fault);
	reader->spans = load_u32(data + 8);
	reader->traces = load_u32(data + 12);
	reader->link = load_u32(data + 16);
	/* also so that no product of theirs overflows */
	if (reader->spans > ARCHIVE_MAX_SPANS || reader->traces > reader->spans)
		return fail(reader, ARCHIVE_TOO_MANY, 8, fault);
	return CORE_OK;
}

static void
read_entry(ByteReader *directory, StreamEntry *entry, uint32_t last)
{
	uint32_t step = reader_count(directory, UINT32_MAX - last);
	const uint8_t *checksum;

	*entry = (StreamEntry){.tag = last + step};
	entry->codec = reader_byte(directory);
	entry->length = reader_count(directory, ARCHIVE_MAX_SIZE);
	entry->stored = entry->length;
	if (entry->codec == CODEC_ZSTD || entry->codec == CODEC_LZ4)
		entry->stored = reader_count(directory, ARCHIVE_MAX_SIZE);
	if (entry->codec > CODEC_LZ4)
		return;
	checksum = reader_bytes(directory, 4);
	if (checksum != NULL)
		entry->checksum = load_u32(checksum);
}

/* Where each stream lies; false if they do not fill the column. */
static bool
place_streams(StreamReader *reader, size_t offset)
{
	size_t in_shared[2] = {0, 0};
	size_t lengths[2] = {0, 0};

	for (int shared = 0; shared < 2; shared++)
	{
		for (uint32_t i = 0; i < reader->count; i++)
		{
			StreamEntry *entry = &reader->entries[i];

			if ((entry->tag < STREAM_FIRST) != shared ||
				entry->codec > CODEC_LZ4)
				continue;
			entry->offset = offset;
			offset += entry->stored;
			if (shared)
				lengths[entry->tag] = entry->length;
		}
	}
	for (uint32_t i = 0; i < reader->count; i++)
	{
		StreamEntry *entry = &reader->entries[i];
		int kind = entry->codec - CODEC_IN_TEXT;

		if (entry->codec <= CODEC_LZ4)
			continue;
		entry->offset = in_shared[kind];
		in_shared[kind] += entry->length;
	}
	return offset == reader->length && in_shared[0] == lengths[0] &&
		   in_shared[1] == lengths[1];
}

static CoreStatus
read_directory(StreamReader *reader, ArchiveFault *fault)
{
	size_t length = load_u32(reader->data + 20);
	const uint8_t *start = reader->data + HEADER_SIZE;
	ByteReader directory = {start, start + length, false};
	uint32_t last = 0;
	size_t total = 0;

	reader->count = reader_count(&directory, length / ENTRY_MIN_SIZE);
	reader->entries =
		archive_allocate(reader->host, reader->count, sizeof(StreamEntry));
	if (reader->entries == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < reader->count && !directory.failed; i++)
	{
		StreamEntry *entry = &reader->entries[i];

		host_poll(reader->host, i);
		read_entry(&directory, entry, last);
		if ((i > 0 && entry->tag == last) || entry->codec > CODEC_IN_BITS ||
			(entry->tag < STREAM_FIRST && entry->codec > CODEC_LZ4))
			directory.failed = true;
		last = entry->tag;
		total += entry->length;
	}
	/* the shared streams are counted twice, so a little above the limit */
	if (directory.failed || directory.at != directory.end ||
		total > 2 * ARCHIVE_MAX_SIZE)
		return fail(reader,
					ARCHIVE_CONTRADICTION,
					(size_t) (directory.at - reader->data),
					fault);
	if (!place_streams(reader, HEADER_SIZE + length))
		return fail(reader, ARCHIVE_WRONG_LENGTH, HEADER_SIZE, fault);
	return CORE_OK;
}

CoreStatus
stream_open(StreamReader *reader, Host *host, ArchiveCodecs *codecs,
			ArchiveColumn column, ArchiveBytes bytes, ArchiveFault *fault)
{
	CoreStatus status;

	*reader = (StreamReader){
		.host = host,
		.codecs = codecs,
		.column = column,
		.data = bytes.data,
		.length = bytes.length,
	};
	status = check_header(reader, fault);
	return status == CORE_OK ? read_directory(reader, fault) : status;
}

static StreamEntry *
find_entry(const StreamReader *reader, uint32_t tag)
{
	uint32_t low = 0;
	uint32_t high = reader->count;

	while (low < high)
	{
		uint32_t middle = low + (high - low) / 2;

		if (reader->entries[middle].tag < tag)
			low = middle + 1;
		else
			high = middle;
	}
	return low < reader->count && reader->entries[low].tag == tag
			   ? &reader->entries[low]
			   : NULL;
}

/* Makes the bytes of a stream that lies by itself ready. */
static CoreStatus
unpack(StreamReader *reader, StreamEntry *entry, ArchiveFault *fault)
{
	const uint8_t *at = reader->data + entry->offset;
	uint8_t *bytes;
	CoreStatus status;

	if (crc32c(0, at, entry->stored) != entry->checksum)
		return fail(reader, ARCHIVE_DAMAGED, entry->offset, fault);
	entry->bytes = at;
	entry->is_ready = true;
	if (entry->codec == CODEC_RAW)
		return CORE_OK;
	entry->is_ready = false;
	bytes = archive_allocate(reader->host, entry->length, 1);
	if (bytes == NULL)
		return CORE_NO_MEMORY;
	status = codec_decompress(
		reader->codecs, entry->codec, at, entry->stored, bytes, entry->length);
	if (status == CORE_MALFORMED)
		return fail(reader, ARCHIVE_CONTRADICTION, entry->offset, fault);
	entry->bytes = bytes;
	entry->is_ready = status == CORE_OK;
	return status;
}

static CoreStatus
make_ready(StreamReader *reader, StreamEntry *entry, ArchiveFault *fault)
{
	StreamEntry *shared;
	CoreStatus status;

	if (entry->codec <= CODEC_LZ4)
		return unpack(reader, entry, fault);
	shared = find_entry(reader, (uint32_t) entry->codec - CODEC_IN_TEXT);
	if (shared == NULL) /* of streams that are all empty */
		return fail(reader, ARCHIVE_CONTRADICTION, HEADER_SIZE, fault);
	status = shared->is_ready ? CORE_OK : unpack(reader, shared, fault);
	if (status != CORE_OK)
		return status;
	entry->bytes = shared->bytes + entry->offset;
	entry->is_ready = true;
	return CORE_OK;
}

CoreStatus
stream_get(StreamReader *reader, uint32_t tag, ByteReader *bytes,
		   ArchiveFault *fault)
{
	StreamEntry *entry = find_entry(reader, tag);
	CoreStatus status = CORE_OK;

	*bytes = (ByteReader){reader->data, reader->data, false};
	if (entry == NULL)
		return CORE_OK;
	if (!entry->is_ready)
		status = make_ready(reader, entry, fault);
	if (status == CORE_OK)
		*bytes =
			(ByteReader){entry->bytes, entry->bytes + entry->length, false};
	return status;
}

static CoreStatus
add_planes(StreamReader *reader, uint32_t tag, uint32_t count, uint64_t *values,
		   ArchiveFault *fault)
{
	memset(values, 0, (size_t) count * sizeof(uint64_t));
	for (unsigned plane = 0; plane < 8; plane++)
	{
		ByteReader bytes;
		CoreStatus status = stream_get(reader, tag + 1 + plane, &bytes, fault);

		if (status != CORE_OK)
			return status;
		if (reader_left(&bytes) == 0)
			continue;
		if (reader_left(&bytes) != count)
			return stream_contradiction(reader, tag + 1 + plane, fault);
		for (uint32_t i = 0; i < count; i++)
			values[i] |= (uint64_t) bytes.at[i] << (8 * plane);
	}
	return CORE_OK;
}

CoreStatus
stream_get_numbers(StreamReader *reader, uint32_t tag, uint32_t count,
				   uint64_t **values, ArchiveFault *fault)
{
	ByteReader bytes;
	CoreStatus status = stream_get(reader, tag, &bytes, fault);

	if (status != CORE_OK)
		return status;
	*values = archive_allocate(reader->host, count, sizeof(uint64_t));
	if (*values == NULL)
		return CORE_NO_MEMORY;
	if (reader_left(&bytes) == 0)
		return add_planes(reader, tag, count, *values, fault);
	if (!bitpack_get(&bytes, count, 0, count, *values))
		return stream_contradiction(reader, tag, fault);
	return stream_done(reader, tag, &bytes, fault);
}

CoreStatus
stream_contradiction(const StreamReader *reader, uint32_t tag,
					 ArchiveFault *fault)
{
	StreamEntry *entry = find_entry(reader, tag);
	StreamEntry *place = entry;

	if (entry != NULL && entry->codec > CODEC_LZ4)
		place = find_entry(reader, (uint32_t) entry->codec - CODEC_IN_TEXT);
	return fail(reader,
				ARCHIVE_CONTRADICTION,
				place == NULL ? HEADER_SIZE : place->offset,
				fault);
}

CoreStatus
stream_done(const StreamReader *reader, uint32_t tag, const ByteReader *bytes,
			ArchiveFault *fault)
{
	if (bytes->failed || bytes->at != bytes->end)
		return stream_contradiction(reader, tag, fault);
	return CORE_OK;
}
