/*
 * Writing and reading what is kept of sealed traces: see kept.h.
 */
#include "kept.h"

#include "bytes.h"
#include "core/base/string_table.h"
#include "crc32c.h"

#define KEPT_VERSION 1
#define CHECKSUM_SIZE 4

enum
{
	KEPT_HAS_TIMES = 1 << 0,
	KEPT_IS_COMPLETE = 1 << 1,
	KEPT_FLAGS = KEPT_HAS_TIMES | KEPT_IS_COMPLETE,
};

static void
put_trace(Bytes *bytes, StringTable *names, const KeptTrace *trace,
		  int64_t *last_start)
{
	bytes_put_byte(bytes,
				   (uint8_t) ((trace->has_times ? KEPT_HAS_TIMES : 0) |
							  (trace->is_complete ? KEPT_IS_COMPLETE : 0)));
	bytes_put_varint(bytes, string_table_add(names, trace->root_service));
	bytes_put_varint(bytes, string_table_add(names, trace->root_operation));
	bytes_put_varint(bytes, trace->span_count);
	bytes_put_varint(bytes, trace->error_count);
	bytes_put_varint(bytes, trace->service_count);
	bytes_put_varint(bytes, trace->orphan_count);
	if (!trace->has_times)
		return;
	bytes_put_varint(
		bytes, zigzag(wrapped_difference(trace->start_time, *last_start)));
	bytes_put_varint(
		bytes, zigzag(wrapped_difference(trace->end_time, trace->start_time)));
	bytes_put_varint(bytes, zigzag(trace->critical));
	*last_start = trace->start_time;
}

static bool
add_names(StringTable *names, const KeptTrace *traces, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
	{
		host_poll(names->host, i);
		if (string_table_add(names, traces[i].root_service) == STRING_NONE ||
			string_table_add(names, traces[i].root_operation) == STRING_NONE)
			return false;
	}
	return true;
}

CoreStatus
kept_write(Host *host, const KeptTrace *traces, uint32_t count,
		   ArchiveBytes *result)
{
	Bytes bytes = {.host = host};
	StringTable names;
	int64_t last_start = 0;
	uint8_t checksum[CHECKSUM_SIZE];

	string_table_init(&names, host);
	if (!add_names(&names, traces, count))
		return CORE_NO_MEMORY;
	bytes_put_byte(&bytes, KEPT_VERSION);
	bytes_put_varint(&bytes, names.count);
	for (uint32_t i = 0; i < names.count; i++)
		bytes_put_slice(&bytes, names.strings[i]);
	bytes_put_varint(&bytes, count);
	for (uint32_t i = 0; i < count; i++)
	{
		host_poll(host, i);
		put_trace(&bytes, &names, &traces[i], &last_start);
	}
	if (bytes.status != CORE_OK)
		return bytes.status;
	store_u32(checksum, crc32c(0, bytes.data, bytes.used));
	bytes_put(&bytes, checksum, CHECKSUM_SIZE);
	*result = (ArchiveBytes){bytes.data, bytes.used};
	return bytes.status;
}

static CoreStatus
read_names(Host *host, ByteReader *reader, Slice **names, uint32_t *count)
{
	/* each takes a byte at least */
	*count = reader_count(reader, reader_left(reader));
	*names = host->allocate(host, ((size_t) *count + 1) * sizeof(Slice));
	if (*names == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < *count; i++)
	{
		host_poll(host, i);
		(*names)[i] = reader_slice(reader);
	}
	return reader->failed ? CORE_MALFORMED : CORE_OK;
}

static Slice
read_name(ByteReader *reader, const Slice *names, uint32_t count)
{
	uint64_t number = reader_varint(reader);

	if (number >= count)
	{
		reader->failed = true;
		return (Slice){NULL, 0};
	}
	return names[number];
}

static KeptTrace
read_trace(ByteReader *reader, const Slice *names, uint32_t count,
		   int64_t *last_start)
{
	KeptTrace trace = {0};
	uint8_t flags = reader_byte(reader);

	if (flags & ~KEPT_FLAGS)
		reader->failed = true;
	trace.has_times = flags & KEPT_HAS_TIMES;
	trace.is_complete = (flags & KEPT_IS_COMPLETE) != 0;
	trace.root_service = read_name(reader, names, count);
	trace.root_operation = read_name(reader, names, count);
	trace.span_count = reader_count(reader, UINT32_MAX);
	trace.error_count = reader_count(reader, UINT32_MAX);
	trace.service_count = reader_count(reader, UINT32_MAX);
	trace.orphan_count = reader_count(reader, UINT32_MAX);
	if (!trace.has_times)
		return trace;
	trace.start_time = wrapped_sum(*last_start, reader_signed(reader));
	trace.end_time = wrapped_sum(trace.start_time, reader_signed(reader));
	trace.critical = reader_signed(reader);
	*last_start = trace.start_time;
	return trace;
}

CoreStatus
kept_read(Host *host, ArchiveBytes bytes, KeptTrace **traces, uint32_t *count)
{
	ByteReader reader = {.at = bytes.data};
	Slice *names;
	uint32_t name_count;
	int64_t last_start = 0;
	CoreStatus status;

	if (bytes.length < 1 + CHECKSUM_SIZE)
		return CORE_MALFORMED;
	reader.end = bytes.data + bytes.length - CHECKSUM_SIZE;
	if (load_u32(reader.end) !=
			crc32c(0, bytes.data, bytes.length - CHECKSUM_SIZE) ||
		reader_byte(&reader) != KEPT_VERSION)
		return CORE_MALFORMED;
	status = read_names(host, &reader, &names, &name_count);
	if (status != CORE_OK)
		return status;
	*count = reader_count(&reader, reader_left(&reader));
	*traces = host->allocate(host, ((size_t) *count + 1) * sizeof(KeptTrace));
	if (*traces == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < *count; i++)
	{
		host_poll(host, i);
		(*traces)[i] = read_trace(&reader, names, name_count, &last_start);
	}
	return reader.failed || reader.at != reader.end ? CORE_MALFORMED : CORE_OK;
}
