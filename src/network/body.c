/*
 * Request bodies: see body.h.
 */
#include "network/body.h"

#include <stdlib.h>

#include "network/receiver.h"

#define FIRST_CAPACITY 4096

/* doubled up to here, then enlarged by a quarter */
#define DOUBLED_CAPACITY (1024 * 1024)

/* bytes that are read at once from a client */
#define READ_SIZE 16384

/* seconds without a byte after which a body gives way to any other */
#define SILENT_TIME 2

/* Bodies that are coming, the oldest of each size first. */
static Body *first_of_size[BODY_SIZES];
static Body *last_of_size[BODY_SIZES];
static uint64_t coming; /* bytes of them all */

/* What all bodies may take as they came: the rest is for those that have just
 * been decoded, the last of which may be of the largest size. */
static uint64_t
room_of_all(const Receiver *receiver)
{
	const Settings *settings = &receiver->settings;

	return settings->max_pending - settings->max_request - settings->max_sent;
}

static int
size_of(size_t capacity)
{
	int size = 0;

	while (capacity > 1 && size < BODY_SIZES - 1)
	{
		capacity >>= 1;
		size++;
	}
	return size;
}

static void
leave_size(Body *body)
{
	int size = size_of(body->capacity);

	if (!body->is_coming)
		return;
	if (body->previous != NULL)
		body->previous->next = body->next;
	else
		first_of_size[size] = body->next;
	if (body->next != NULL)
		body->next->previous = body->previous;
	else
		last_of_size[size] = body->previous;
	body->previous = NULL;
	body->next = NULL;
	body->is_coming = false;
	coming -= body->capacity;
}

static void
join_size(Body *body, long now)
{
	int size = size_of(body->capacity);

	body->previous = last_of_size[size];
	if (body->previous != NULL)
		body->previous->next = body;
	else
		first_of_size[size] = body;
	last_of_size[size] = body;
	body->is_coming = true;
	body->grown = now;
	coming += body->capacity;
}

/* The one that gives way to a body of this size; NULL if none does. */
static Body *
find_victim(int size, long now)
{
	for (int i = BODY_SIZES - 1; i >= 0; i--)
	{
		Body *oldest = first_of_size[i];

		if (oldest != NULL && (i >= size || now - oldest->grown >= SILENT_TIME))
			return oldest;
	}
	return NULL;
}

/* Makes room for a body that is coming and not in a list at the moment. */
static bool
make_room(Receiver *receiver, size_t capacity, long now)
{
	uint64_t room = room_of_all(receiver);

	while (coming > 0 && coming + capacity > room / 2)
	{
		Body *victim = find_victim(size_of(capacity), now);

		if (victim == NULL)
			return false;
		victim->give_way(victim);
	}
	return receiver->pending + capacity <= room;
}

static size_t
next_capacity(size_t capacity, size_t needed, uint64_t max_request)
{
	if (capacity == 0)
		capacity = FIRST_CAPACITY;
	while (capacity < needed)
		capacity += capacity < DOUBLED_CAPACITY ? capacity : capacity / 4;
	/* needed is no more than that */
	return capacity > max_request && needed <= max_request
			   ? (size_t) max_request
			   : capacity;
}

static BodyResult
grow(Receiver *receiver, Body *body, size_t needed)
{
	size_t old = body->capacity;
	size_t capacity =
		next_capacity(old, needed, receiver->settings.max_request);
	long now = monotonic_seconds();
	bool gives_way = body->give_way != NULL;
	char *data = NULL;

	/* what it has does not count twice */
	leave_size(body);
	receiver->pending -= old;
	if (!gives_way || make_room(receiver, capacity, now))
		data = realloc(body->data, capacity);
	if (data != NULL)
	{
		body->data = data;
		body->capacity = capacity;
	}
	receiver->pending += body->capacity;
	if (gives_way && body->capacity > 0)
		join_size(body, now);
	return data == NULL ? BODY_NO_ROOM : BODY_OK;
}

BodyResult
body_add(Receiver *receiver, Body *body, const char *data, size_t length)
{
	if (length > receiver->settings.max_request - body->length)
		return BODY_TOO_LARGE;
	if (body->length + length > body->capacity)
	{
		BodyResult grown = grow(receiver, body, body->length + length);

		if (grown != BODY_OK)
			return grown;
	}
	if (length > 0)
		memcpy(body->data + body->length, data, length);
	body->length += length;
	return BODY_OK;
}

Body
body_take(Body *body)
{
	Body taken;

	leave_size(body);
	taken = *body;
	taken.give_way = NULL;
	*body = (Body){.give_way = body->give_way};
	return taken;
}

/* Where decoded pieces go. */
typedef struct Target
{
	Receiver *receiver;
	Body body;
	size_t limit;
	BodyResult result;
} Target;

static bool
keep_piece(void *context, const char *data, size_t length)
{
	Target *target = context;

	target->result =
		length > target->limit - target->body.length
			? BODY_TOO_LARGE
			: body_add(target->receiver, &target->body, data, length);
	return target->result == BODY_OK;
}

BodyResult
body_decode(Receiver *receiver, Body *body, Coding coding, size_t limit)
{
	Target target = {.receiver = receiver, .limit = limit};
	Slice coded = {body->data, (uint32_t) body->length};
	BodyResult result = BODY_DAMAGED;

	switch (decode_body(coding, coded, keep_piece, &target))
	{
		case CODING_DONE:
			body_free(receiver, body);
			*body = target.body;
			return BODY_OK;
		case CODING_STOPPED:
			result = target.result;
			break;
		case CODING_NO_MEMORY:
			result = BODY_NO_ROOM;
			break;
		case CODING_DAMAGED:
			break;
	}
	body_free(receiver, &target.body);
	return result;
}

/* Wakes those that wait, the longest waiting first. */
static void
wake_waiters(Receiver *receiver)
{
	while (receiver->waiters != NULL &&
		   receiver->pending < room_of_all(receiver) / 4 * 3)
	{
		Waiter *waiter = receiver->waiters;

		receiver->waiters = waiter->next;
		if (receiver->waiters == NULL)
			receiver->last_waiter = NULL;
		waiter->is_waiting = false;
		waiter->resume(waiter);
	}
}

void
body_free(Receiver *receiver, Body *body)
{
	leave_size(body);
	free(body->data);
	receiver->pending -= body->capacity;
	*body = (Body){.give_way = body->give_way};
	wake_waiters(receiver);
}

bool
must_wait(Receiver *receiver, const Body *body, Waiter *waiter)
{
	uint64_t more = READ_SIZE;

	if (body != NULL)
		more = next_capacity(body->capacity,
							 body->length + READ_SIZE,
							 receiver->settings.max_request) -
			   body->capacity;
	if (receiver->pending + more <= room_of_all(receiver))
		return false;
	if (!waiter->is_waiting)
	{
		waiter->next = NULL;
		if (receiver->last_waiter != NULL)
			receiver->last_waiter->next = waiter;
		else
			receiver->waiters = waiter;
		receiver->last_waiter = waiter;
		waiter->is_waiting = true;
	}
	return true;
}

void
stop_waiting(Receiver *receiver, Waiter *waiter)
{
	Waiter *before = NULL;

	if (!waiter->is_waiting)
		return;
	for (Waiter *at = receiver->waiters; at != waiter; at = at->next)
		before = at;
	if (before != NULL)
		before->next = waiter->next;
	else
		receiver->waiters = waiter->next;
	if (receiver->last_waiter == waiter)
		receiver->last_waiter = before;
	waiter->is_waiting = false;
}
