/*
 * Request bodies: see body.h.
 */
#include "body.h"

#include <stdlib.h>
#include <zlib.h>

#define FIRST_CAPACITY 4096

/* window of 32 kB, gzip alone */
#define GZIP_WINDOW (15 + 16)

static bool
grow(Receiver *receiver, Body *body, size_t needed)
{
	size_t capacity = body->capacity == 0 ? FIRST_CAPACITY : body->capacity;
	char *data;

	while (capacity < needed)
		capacity *= 2;
	data = realloc(body->data, capacity);
	if (data == NULL)
		return false;
	receiver->pending += capacity - body->capacity;
	body->data = data;
	body->capacity = capacity;
	return true;
}

BodyResult
body_add(Receiver *receiver, Body *body, const char *data, size_t length)
{
	if (length > receiver->settings.max_request - body->length)
		return BODY_TOO_LARGE;
	if (body->length + length > body->capacity &&
		!grow(receiver, body, body->length + length))
		return BODY_NO_MEMORY;
	if (length > 0)
		memcpy(body->data + body->length, data, length);
	body->length += length;
	return BODY_OK;
}

/* Inflates member after member; what follows the last must be nothing. */
static BodyResult
inflate_members(Receiver *receiver, z_stream *stream, Body *inflated)
{
	char buffer[16384];

	for (;;)
	{
		BodyResult added;
		int status;

		stream->next_out = (Bytef *) buffer;
		stream->avail_out = sizeof(buffer);
		status = inflate(stream, Z_NO_FLUSH);
		if (status != Z_OK && status != Z_STREAM_END)
			return BODY_DAMAGED;
		added = body_add(
			receiver, inflated, buffer, sizeof(buffer) - stream->avail_out);
		if (added != BODY_OK)
			return added;
		if (status == Z_STREAM_END)
		{
			if (stream->avail_in == 0)
				return BODY_OK;
			if (inflateReset(stream) != Z_OK)
				return BODY_DAMAGED;
		}
	}
}

BodyResult
body_inflate(Receiver *receiver, Body *body)
{
	Body inflated = {0};
	z_stream stream = {0};
	BodyResult result;

	if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK)
		return BODY_NO_MEMORY;
	stream.next_in = (Bytef *) body->data;
	stream.avail_in = (uInt) body->length;
	result = inflate_members(receiver, &stream, &inflated);
	inflateEnd(&stream);
	body_free(receiver, body);
	*body = inflated;
	return result;
}

void
body_free(Receiver *receiver, Body *body)
{
	free(body->data);
	release_bytes(receiver, body->capacity);
	*body = (Body){0};
}

void
release_bytes(Receiver *receiver, size_t bytes)
{
	receiver->pending -= bytes;
	while (receiver->waiters != NULL &&
		   receiver->pending < receiver->settings.max_pending / 4 * 3)
	{
		Waiter *waiter = receiver->waiters;

		receiver->waiters = waiter->next;
		waiter->is_waiting = false;
		waiter->resume(waiter);
	}
}

bool
must_wait(Receiver *receiver, Waiter *waiter)
{
	if (receiver->pending < receiver->settings.max_pending)
		return false;
	if (!waiter->is_waiting)
	{
		waiter->next = receiver->waiters;
		receiver->waiters = waiter;
		waiter->is_waiting = true;
	}
	return true;
}

void
stop_waiting(Receiver *receiver, Waiter *waiter)
{
	Waiter **at = &receiver->waiters;

	if (!waiter->is_waiting)
		return;
	while (*at != waiter)
		at = &(*at)->next;
	*at = waiter->next;
	waiter->is_waiting = false;
}
