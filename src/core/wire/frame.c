/*
 * Frames between the receiver program and the worker: see frame.h.
 */
#include "core/wire/frame.h"

static void
write_integer(uint8_t *at, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = (uint8_t) (value >> (8 * i));
}

static uint64_t
read_integer(const uint8_t *at, int bytes)
{
	uint64_t value = 0;

	for (int i = bytes - 1; i >= 0; i--)
		value = value << 8 | at[i];
	return value;
}

void
frame_write_header(const Frame *frame, uint8_t header[FRAME_HEADER_SIZE])
{
	write_integer(header, frame->length, 4);
	header[4] = (uint8_t) frame->type;
	header[5] = frame->detail;
	header[6] = (uint8_t) frame->encoding;
	header[7] = 0;
	write_integer(header + 8, frame->number, 8);
	write_integer(header + 16, frame->value, 8);
}

bool
frame_read_header(const uint8_t header[FRAME_HEADER_SIZE], Frame *frame)
{
	uint32_t length = (uint32_t) read_integer(header, 4);

	if (header[4] < FRAME_LISTENING || header[4] > FRAME_STOP ||
		header[5] > OUTCOME_BUSY || header[6] > ENCODING_JSON ||
		header[7] != 0 || length > FRAME_MAX_PAYLOAD)
		return false;
	*frame = (Frame){
		.type = (FrameType) header[4],
		.detail = header[5],
		.encoding = (FrameEncoding) header[6],
		.number = read_integer(header + 8, 8),
		.value = read_integer(header + 16, 8),
		.length = length,
	};
	return true;
}

void
frame_write_counts(const uint64_t counts[FRAME_COUNTERS],
				   uint8_t bytes[FRAME_COUNTERS * 8])
{
	for (int i = 0; i < FRAME_COUNTERS; i++)
		write_integer(bytes + i * 8, counts[i], 8);
}

bool
frame_read_counts(Slice payload, uint64_t counts[FRAME_COUNTERS])
{
	if (payload.length != FRAME_COUNTERS * 8)
		return false;
	for (int i = 0; i < FRAME_COUNTERS; i++)
		counts[i] = read_integer((const uint8_t *) payload.data + i * 8, 8);
	return true;
}

Slice
frame_config_value(Slice config, const char *name)
{
	size_t length = strlen(name);
	const char *at = config.data;
	const char *end = config.data + config.length;

	while (at < end)
	{
		const char *line_end = memchr(at, '\n', (size_t) (end - at));

		if (line_end == NULL)
			line_end = end;
		if ((size_t) (line_end - at) > length &&
			memcmp(at, name, length) == 0 && at[length] == '=')
			return (Slice){at + length + 1,
						   (uint32_t) (line_end - at - length - 1)};
		at = line_end + 1;
	}
	return (Slice){NULL, 0};
}
