/*
 * Whose turn it is to be recorded: see queue.h.
 *
 * One worker records for everybody, so the order decides what one client can
 * do to the others.
 *
 * - Small requests, as SDKs send them, in the order they came.
 * - Bulk: large requests, and those that failed and are tried again.  They are
 *   recorded in slices; the one that had the least of the worker's time is
 *   next, so that whoever asks for much waits for those who ask for little.
 * - While small requests come, bulk gets a third of the time: after a slice,
 *   twice as long as it took belongs to the others, and so does twice the time
 *   that a large body took on its way here.  Small requests count as coming for
 *   GRACE after the last one: clients that wait for their answer before they
 *   send more leave the queue empty for that moment.
 *
 * Each of both may hold QUEUE_LIMIT bytes, beyond which nothing more is read.
 * But bulk never keeps small requests out: if they come, the largest of bulk is
 * told to come back.
 */
#include "postgres.h"

#include "worker/monotonic.h"
#include "worker/queue.h"
#include "worker/settings.h"

#include "utils/memutils.h"

#define QUEUE_LIMIT ((Size) 64 * 1024 * 1024)

/* Bulk beyond this makes room for small requests. */
#define SURPLUS_LIMIT (2 * QUEUE_LIMIT)

/* Bodies up to this size are small. */
#define SMALL_LENGTH ((Size) 512 * 1024)

#define BULK_WAIT_FACTOR 2

/* What the way to here cost, in the program and in the worker: bytes of a body
 * that are inflated, handed over and copied in a microsecond. */
#define BYTES_PER_US 125

#define GRACE (10 * US_PER_MS)

/* How long small requests count as being about when room is short. */
#define ROOM_GRACE (1000 * US_PER_MS)

/* An answer has to arrive before the client gives up; and nothing is given up
 * before it was tried. */
#define ANSWER_MARGIN 1500
#define SHORTEST_WAIT 50
#define LONGEST_WAIT UINT64CONST(86400000)

void
queue_init(RequestQueue *queue, MemoryContext context)
{
	memset(queue, 0, sizeof(RequestQueue));
	queue->context = context;
	dlist_init(&queue->small);
	dlist_init(&queue->bulk);
}

void
queue_put_back(RequestQueue *queue, QueuedRequest *request)
{
	if (request->is_bulk)
	{
		dlist_push_tail(&queue->bulk, &request->node);
		queue->bulk_bytes += request->length;
	}
	else
	{
		dlist_push_tail(&queue->small, &request->node);
		queue->small_bytes += request->length;
	}
	queue->count++;
}

void
queue_take_out(RequestQueue *queue, QueuedRequest *request)
{
	dlist_delete(&request->node);
	if (request->is_bulk)
		queue->bulk_bytes -= request->length;
	else
		queue->small_bytes -= request->length;
	queue->count--;
}

/* When the client has to be told something. */
static int64
deadline_of(const Frame *frame, int64 now)
{
	int64 wait = Min((int64) receiver_max_wait,
					 (int64) Min(frame->value, LONGEST_WAIT) - ANSWER_MARGIN);

	return now + Max(wait, receiver_commit_delay + SHORTEST_WAIT) * US_PER_MS;
}

QueuedRequest *
queue_add(RequestQueue *queue, const Frame *frame, Slice body, int64 now)
{
	QueuedRequest *request =
		MemoryContextAllocZero(queue->context, sizeof(QueuedRequest));

	request->number = frame->number;
	request->encoding = frame->encoding;
	request->arrived = now;
	request->deadline = deadline_of(frame, now);
	request->slice = SLICE_SPANS;
	request->length = body.length;
	request->body = MemoryContextAllocExtended(
		queue->context, (Size) body.length + 1, MCXT_ALLOC_HUGE);
	memcpy(request->body, body.data, body.length);
	request->body[body.length] = '\0';
	request->is_bulk = request->length > SMALL_LENGTH;
	queue_put_back(queue, request);
	if (request->is_bulk)
		queue->bulk_after =
			Max(queue->bulk_after, now) +
			(int64) (request->length / BYTES_PER_US) * BULK_WAIT_FACTOR;
	else
		queue->small_until = now + GRACE;
	return request;
}

void
queue_free(QueuedRequest *request)
{
	pfree(request->body);
	if (request->message != NULL)
		pfree(request->message);
	if (request->fault != NULL)
		pfree(request->fault);
	pfree(request);
}

static void
clear_list(RequestQueue *queue, dlist_head *list)
{
	dlist_mutable_iter at;

	dlist_foreach_modify(at, list)
	{
		QueuedRequest *request = dlist_container(QueuedRequest, node, at.cur);

		queue_take_out(queue, request);
		queue_free(request);
	}
}

void
queue_clear(RequestQueue *queue)
{
	clear_list(queue, &queue->small);
	clear_list(queue, &queue->bulk);
}

void
queue_make_bulk(RequestQueue *queue, QueuedRequest *request)
{
	queue_take_out(queue, request);
	request->is_bulk = true;
	queue_put_back(queue, request);
}

void
queue_defer(RequestQueue *queue, QueuedRequest *request, int nap, int64 now)
{
	queue_make_bulk(queue, request);
	request->retry_nap = nap;
	request->retry_at = now + nap * US_PER_MS;
}

void
queue_charge(RequestQueue *queue, QueuedRequest *request, int64 us, int64 now)
{
	request->served += us;
	if (request->is_bulk)
		queue->bulk_after = Max(queue->bulk_after, now) + us * BULK_WAIT_FACTOR;
	else
		queue->small_until = now + GRACE;
}

/* The one of bulk that had the least time, of those that may be tried. */
static QueuedRequest *
next_bulk(RequestQueue *queue, int64 now)
{
	QueuedRequest *next = NULL;
	dlist_iter at;

	if (now < queue->bulk_after && now < queue->small_until)
		return NULL;
	dlist_foreach(at, &queue->bulk)
	{
		QueuedRequest *request = dlist_container(QueuedRequest, node, at.cur);

		if (request->retry_at <= now &&
			(next == NULL || request->served < next->served))
			next = request;
	}
	return next;
}

QueuedRequest *
queue_next(RequestQueue *queue, int64 now)
{
	QueuedRequest *bulk =
		dlist_is_empty(&queue->bulk) ? NULL : next_bulk(queue, now);

	if (dlist_is_empty(&queue->small))
		return bulk;
	/* bulk's third, once the others had theirs */
	if (bulk != NULL && now >= queue->bulk_after)
		return bulk;
	return dlist_head_element(QueuedRequest, node, &queue->small);
}

int64
queue_wake_time(RequestQueue *queue, int64 now)
{
	int64 bulk = PG_INT64_MAX;
	int64 allowed = Min(queue->bulk_after, queue->small_until);
	dlist_iter at;

	if (!dlist_is_empty(&queue->small))
	{
		const QueuedRequest *first =
			dlist_container(QueuedRequest, node, queue->small.head.next);

		return queue->count >= receiver_commit_requests
				   ? now
				   : first->arrived + receiver_commit_delay * US_PER_MS;
	}
	dlist_foreach(at, &queue->bulk)
	{
		bulk =
			Min(bulk, dlist_container(QueuedRequest, node, at.cur)->retry_at);
	}
	return bulk == PG_INT64_MAX ? bulk : Max(bulk, allowed);
}

static bool
small_is_about(const RequestQueue *queue, int64 now)
{
	return now < queue->small_until + ROOM_GRACE;
}

bool
queue_is_full(const RequestQueue *queue, int64 now)
{
	return queue->small_bytes >= QUEUE_LIMIT ||
		   (queue->bulk_bytes >= QUEUE_LIMIT && !small_is_about(queue, now));
}

QueuedRequest *
queue_find_surplus(RequestQueue *queue, int64 now)
{
	QueuedRequest *largest = NULL;
	dlist_iter at;

	if (queue->bulk_bytes <= SURPLUS_LIMIT || !small_is_about(queue, now))
		return NULL;
	dlist_foreach(at, &queue->bulk)
	{
		QueuedRequest *request = dlist_container(QueuedRequest, node, at.cur);

		if (largest == NULL || request->length >= largest->length)
			largest = request;
	}
	return largest;
}

static QueuedRequest *
find_late(dlist_head *list, int64 now)
{
	dlist_iter at;

	dlist_foreach(at, list)
	{
		QueuedRequest *request = dlist_container(QueuedRequest, node, at.cur);

		if (request->deadline <= now)
			return request;
	}
	return NULL;
}

QueuedRequest *
queue_find_late(RequestQueue *queue, int64 now)
{
	QueuedRequest *late = find_late(&queue->small, now);

	return late != NULL ? late : find_late(&queue->bulk, now);
}
