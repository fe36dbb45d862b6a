/*
 * The stream to the worker: frames (core/frame.h) out and in.
 */
#include "receiver.h"

#include <stdlib.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "body.h"

/* A body on its way out; counted until it has left. */
typedef struct Outgoing
{
	Receiver *receiver;
	char *body;
	size_t length;
} Outgoing;

static void
body_has_left(const void *data, size_t length, void *context)
{
	Outgoing *outgoing = context;

	(void) data;
	(void) length;
	free(outgoing->body);
	release_bytes(outgoing->receiver, outgoing->length);
	free(outgoing);
}

static void
send_frame(Receiver *receiver, const Frame *frame, const void *payload)
{
	uint8_t header[FRAME_HEADER_SIZE];

	frame_write_header(frame, header);
	bufferevent_write(receiver->link, header, sizeof(header));
	if (frame->length > 0 && payload != NULL)
		bufferevent_write(receiver->link, payload, frame->length);
}

void
link_send(Receiver *receiver, FrameType type, const char *text)
{
	Frame frame = {.type = type, .length = (uint32_t) strlen(text)};

	send_frame(receiver, &frame, text);
}

static Request **
find_request(Receiver *receiver, uint64_t number)
{
	Request **at = &receiver->requests[number % REQUEST_BUCKETS];

	while (*at != NULL && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

Request *
link_submit(Receiver *receiver, FrameProtocol protocol, FrameEncoding encoding,
			uint64_t timeout_ms, char *body, size_t length,
			void (*answer)(Request *, FrameOutcome, uint64_t, Slice),
			void *owner)
{
	Request *request = calloc(1, sizeof(Request));
	Outgoing *outgoing = calloc(1, sizeof(Outgoing));
	Frame frame = {
		.type = FRAME_REQUEST,
		.detail = (uint8_t) protocol,
		.encoding = encoding,
		.number = ++receiver->next_number,
		.value = timeout_ms,
		.length = (uint32_t) length,
	};
	Request **place;

	if (request == NULL || outgoing == NULL)
	{
		free(request);
		free(outgoing);
		return NULL;
	}
	*request =
		(Request){.number = frame.number, .answer = answer, .owner = owner};
	place = find_request(receiver, frame.number);
	*place = request;
	receiver->counts[COUNT_PENDING]++;
	send_frame(receiver, &frame, NULL);
	*outgoing = (Outgoing){receiver, body, length};
	receiver->pending += length;
	if (length == 0)
		body_has_left(NULL, 0, outgoing);
	else
		evbuffer_add_reference(bufferevent_get_output(receiver->link),
							   body,
							   length,
							   body_has_left,
							   outgoing);
	return request;
}

static void
take_answer(Receiver *receiver, const Frame *frame, Slice message)
{
	Request **place = find_request(receiver, frame->number);
	Request *request = *place;

	if (request == NULL)
		return;
	*place = request->next;
	receiver->counts[COUNT_PENDING]--;
	if (request->owner != NULL)
		request->answer(
			request, (FrameOutcome) frame->detail, frame->value, message);
	free(request);
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
			grpc_stop_all(receiver);
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
		size_t whole;

		if (!frame_read_header(header, &frame))
		{
			event_base_loopbreak(receiver->base);
			return;
		}
		whole = sizeof(header) + frame.length;
		if (evbuffer_get_length(input) < whole)
			return;
		take_frame(
			receiver,
			&frame,
			(Slice){(const char *) evbuffer_pullup(input, (ev_ssize_t) whole) +
						sizeof(header),
					frame.length});
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
	return bufferevent_enable(receiver->link, EV_READ | EV_WRITE) == 0;
}
