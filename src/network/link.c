/*
 * The stream to the worker: frames (core/wire/frame.h) out and in.
 *
 * The worker is given little at a time, so that the order in which it gets
 * requests is still open while others come: it is that of a fair queue
 * (queue.h).  A request waits in the form in which it came and is decoded when
 * its turn comes, so what is decoded is never more than one body and what the
 * worker is about to read.
 *
 * A body belongs to its Request until it is sent, then to the output, whose
 * reference frees it; all of that is counted (body.h).
 */
#include "network/receiver.h"

#include <stdlib.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

/* told to the client this long before it would give up */
#define GIVE_UP_MARGIN 1000

/* how much more than its length a body holds, as a rule; how much is decoded
 * before others are looked at again, and how much more the next time */
#define USUAL_RATIO 8
#define FIRST_LIMIT ((size_t) 1024 * 1024)
#define LIMIT_STEP 8

/* Requests that are larger have the share of one connection together.  One that
 * is so far ahead of its turn waits until the worker has been idle for so many
 * milliseconds, if smaller ones came not long ago. */
#define EARLY_SIZE (512 * 1024)
#define IDLE_MS 20
#define CONTENDED_MS 5000

static const Slice no_message = {"", 0};
static const Slice late_message = {"too much is waiting", 19};
static const Slice memory_message = {"out of memory", 13};

/* A body on its way out; counted until it has left. */
typedef struct Outgoing
{
	Receiver *receiver;
	Body body;
} Outgoing;

static void
body_has_left(const void *data, size_t length, void *context)
{
	Outgoing *outgoing = context;

	(void) data;
	(void) length;
	body_free(outgoing->receiver, &outgoing->body);
	free(outgoing);
}

/* Whole, or not at all. */
static bool
put_frame(Receiver *receiver, const Frame *frame, struct evbuffer *payload)
{
	uint8_t header[FRAME_HEADER_SIZE];

	frame_write_header(frame, header);
	return evbuffer_prepend(payload, header, sizeof(header)) == 0 &&
		   bufferevent_write_buffer(receiver->link, payload) == 0;
}

void
link_send(Receiver *receiver, const Frame *frame, const void *payload)
{
	struct evbuffer *buffer = evbuffer_new();

	if (buffer == NULL || evbuffer_add(buffer, payload, frame->length) != 0 ||
		!put_frame(receiver, frame, buffer))
		event_base_loopbreak(receiver->base);
	if (buffer != NULL)
		evbuffer_free(buffer);
}

void
link_send_text(Receiver *receiver, FrameType type, const char *text)
{
	Frame frame = {.type = type, .length = (uint32_t) strlen(text)};

	link_send(receiver, &frame, text);
}

/* Moves the body into the output; it stays the request's if that fails. */
static bool
send_body(Receiver *receiver, const Frame *frame, Body *body)
{
	Outgoing *outgoing = malloc(sizeof(Outgoing));
	struct evbuffer *payload = evbuffer_new();
	bool is_sent = false;

	if (outgoing != NULL && payload != NULL &&
		(body->length == 0 ||
		 evbuffer_add_reference(
			 payload, body->data, body->length, body_has_left, outgoing) == 0))
	{
		*outgoing = (Outgoing){receiver, *body};
		*body = (Body){0};
		is_sent = put_frame(receiver, frame, payload);
		if (outgoing->body.length == 0)
			body_has_left(NULL, 0, outgoing);
	}
	else
		free(outgoing);
	if (payload != NULL)
		evbuffer_free(payload);
	return is_sent;
}

static Request **
find_request(Receiver *receiver, uint64_t number)
{
	Request **at = &receiver->requests[number % REQUEST_BUCKETS];

	while (*at != NULL && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

/* The end of a request that is in no list any more. */
static void
end_request(Receiver *receiver, Request *request, FrameOutcome outcome,
			uint64_t rejected, Slice message)
{
	receiver->counts[COUNT_PENDING]--;
	body_free(receiver, &request->body);
	if (request->owner != NULL)
		request->answer(request, outcome, rejected, message);
	free(request);
}

static uint64_t
time_left(const Request *request)
{
	uint64_t waited = monotonic_ms() - request->begun_ms;

	return waited < request->timeout_ms ? request->timeout_ms - waited : 1;
}

/* Sends a decoded request.  False without memory. */
static bool
send_request(Receiver *receiver, Request *request)
{
	Frame frame = {
		.type = FRAME_REQUEST,
		.detail = (uint8_t) request->protocol,
		.encoding = request->encoding,
		.number = request->number,
		.value = time_left(request),
		.length = (uint32_t) request->body.length,
	};

	request->length = request->body.length;
	if (!send_body(receiver, &frame, &request->body))
		return false;
	*find_request(receiver, request->number) = request;
	receiver->sent_bytes += request->length;
	return true;
}

static Request *
request_of(QueueEntry *entry)
{
	return (Request *) ((char *) entry - offsetof(Request, entry));
}

/*
 * Decodes a body whose turn it is.  One that holds more than was thought goes
 * back into the queue, at the cost of what it may hold, so that others need not
 * wait while it is decoded.
 */
static bool
decode_request(Receiver *receiver, Request *request)
{
	uint64_t max_request = receiver->settings.max_request;
	if (request->coding == CODING_IDENTITY)
		return true;
	request->fault =
		body_decode(receiver, &request->body, request->coding, request->limit);
	if (request->fault == BODY_OK)
		return true;
	if (request->fault == BODY_TOO_LARGE && request->limit < max_request)
	{
		request->limit *= LIMIT_STEP;
		if (request->limit > max_request)
			request->limit = max_request;
		request->fault = BODY_OK;
		/* there is room in the queue: it was just taken from it */
		(void) queue_put(&receiver->queue,
						 &request->entry,
						 &receiver->large_source,
						 request->limit);
		return false;
	}
	end_request(receiver, request, OUTCOME_MALFORMED, 0, no_message);
	return false;
}

/* Soon, but not from within what the caller is doing. */
static void
wake_sender(Receiver *receiver)
{
	event_active(receiver->sender, EV_TIMEOUT, 1);
}

/* Whether the next request is far ahead of its turn, while smaller ones come. */
static bool
is_ahead(const Receiver *receiver)
{
	return queue_lead(&receiver->queue) > EARLY_SIZE &&
		   monotonic_ms() - receiver->small_ms <= CONTENDED_MS;
}

/*
 * Whether the next request should wait although the worker has little to do.  A
 * large one would hold up those that come while it is recorded, and clients send
 * the next as soon as the last was answered: it waits for its turn, or until the
 * worker has been idle for a moment.
 */
static bool
must_stay(Receiver *receiver)
{
	static const struct timeval moment = {0, IDLE_MS * 1000};

	if (!is_ahead(receiver))
		return false;
	if (receiver->sent_bytes > 0)
		return true; /* looked at again with the next answer */
	if (monotonic_ms() - receiver->answered_ms >= IDLE_MS)
		return false;
	evtimer_add(receiver->sender, &moment);
	return true;
}

/* Sends as much as the worker should have. */
static void
send_queued(evutil_socket_t fd, short what, void *context)
{
	Receiver *receiver = context;
	QueueEntry *entry;

	(void) fd;
	(void) what;
	while (receiver->sent_bytes < receiver->settings.max_sent &&
		   !must_stay(receiver) &&
		   (entry = queue_take(&receiver->queue, !is_ahead(receiver))) != NULL)
	{
		Request *request = request_of(entry);

		if (!decode_request(receiver, request))
		{
			/* clients are looked at before more is spent on decoding */
			wake_sender(receiver);
			return;
		}
		if (!send_request(receiver, request))
			end_request(receiver, request, OUTCOME_BUSY, 0, memory_message);
	}
}

Request *
link_submit(Receiver *receiver, const Submission *submission, Body *body)
{
	Request *request = calloc(1, sizeof(Request));
	Body taken = body_take(body);
	QueueSource *source = submission->source;
	size_t cost = taken.length;

	if (submission->coding != CODING_IDENTITY)
		cost *= USUAL_RATIO;
	if (cost > EARLY_SIZE)
		source = &receiver->large_source;
	if (request != NULL)
		*request = (Request){
			.number = ++receiver->next_number,
			.answer = submission->answer,
			.owner = submission->owner,
			.protocol = submission->protocol,
			.encoding = submission->encoding,
			.coding = submission->coding,
			.body = taken,
			.limit = cost > FIRST_LIMIT ? cost : FIRST_LIMIT,
			.timeout_ms = submission->timeout_ms,
			.begun_ms = monotonic_ms(),
		};
	if (request == NULL ||
		!queue_put(&receiver->queue, &request->entry, source, cost))
	{
		body_free(receiver, &taken);
		free(request);
		return NULL;
	}
	if (cost <= EARLY_SIZE)
		receiver->small_ms = request->begun_ms;
	receiver->counts[COUNT_PENDING]++;
	wake_sender(receiver);
	return request;
}

void
link_forget(Receiver *receiver, Request *request)
{
	request->owner = NULL;
	if (!request->entry.is_queued)
		return;
	queue_remove(&receiver->queue, &request->entry);
	end_request(receiver, request, OUTCOME_BUSY, 0, late_message);
}

static bool
is_late(const Receiver *receiver, const Request *request)
{
	uint64_t limit = receiver->settings.max_wait;

	if (request->timeout_ms < limit)
		limit = request->timeout_ms;
	return monotonic_ms() - request->begun_ms + GIVE_UP_MARGIN >= limit;
}

void
link_give_up_late(Receiver *receiver)
{
	Queue *queue = &receiver->queue;
	size_t at = 0;

	while (at < queue->count)
	{
		Request *request = request_of(queue->heap[at]);

		if (is_late(receiver, request))
		{
			/* puts another one here */
			queue_remove(queue, &request->entry);
			end_request(receiver, request, OUTCOME_BUSY, 0, late_message);
		}
		else
			at++;
	}
}

static void
take_answer(Receiver *receiver, const Frame *frame, Slice message)
{
	Request **place = find_request(receiver, frame->number);
	Request *request = *place;

	if (request == NULL)
		return;
	*place = request->next;
	receiver->sent_bytes -= request->length;
	receiver->answered_ms = monotonic_ms();
	end_request(
		receiver, request, (FrameOutcome) frame->detail, frame->value, message);
	wake_sender(receiver);
}

static void
take_frame(Receiver *receiver, const Frame *frame, Slice payload)
{
	switch (frame->type)
	{
		case FRAME_ANSWER:
			take_answer(receiver, frame, payload);
			break;
		case FRAME_STATE:
			receiver->is_ready = frame->detail != 0;
			break;
		case FRAME_STOP:
			receiver->is_stopping = true;
			stop_listening();
			http2_stop_all();
			break;
		default:
			/* the worker sends nothing else once it is running */
			event_base_loopbreak(receiver->base);
			break;
	}
}

static void
read_link(struct bufferevent *link, void *context)
{
	Receiver *receiver = context;
	struct evbuffer *input = bufferevent_get_input(link);
	uint8_t header[FRAME_HEADER_SIZE];
	Frame frame;

	while (evbuffer_copyout(input, header, sizeof(header)) ==
		   (ev_ssize_t) sizeof(header))
	{
		const char *data;
		size_t whole;

		if (!frame_read_header(header, &frame))
		{
			event_base_loopbreak(receiver->base);
			return;
		}
		whole = sizeof(header) + frame.length;
		if (evbuffer_get_length(input) < whole)
			return;
		data = (const char *) evbuffer_pullup(input, (ev_ssize_t) whole);
		if (data == NULL)
		{
			event_base_loopbreak(receiver->base);
			return;
		}
		take_frame(
			receiver, &frame, (Slice){data + sizeof(header), frame.length});
		evbuffer_drain(input, whole);
	}
}

/* Without the worker there is nothing to do. */
static void
end_with_link(struct bufferevent *link, short what, void *context)
{
	(void) link;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		event_base_loopbreak(((Receiver *) context)->base);
}

bool
link_open(Receiver *receiver, int fd)
{
	evutil_make_socket_nonblocking(fd);
	receiver->link =
		bufferevent_socket_new(receiver->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (receiver->link == NULL)
		return false;
	bufferevent_setcb(receiver->link, read_link, NULL, end_with_link, receiver);
	receiver->sender = event_new(receiver->base, -1, 0, send_queued, receiver);
	return receiver->sender != NULL &&
		   bufferevent_enable(receiver->link, EV_READ | EV_WRITE) == 0;
}
