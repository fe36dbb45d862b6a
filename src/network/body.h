/*
 * Request bodies as they come in, and the memory that they may take together.
 *
 * All bodies are counted in Receiver.pending, by what is allocated for them,
 * until they have been sent to the worker.  Settings.max_pending bounds that,
 * whatever clients say or do:
 *
 *	- nobody is read from while there is no room (must_wait); a part of it is
 *	  kept for what is decoded, one body after another;
 *	- bodies that have not come to their end may take half of what is left.
 *	  Beyond that the largest of them gives way, the oldest of those of its
 *	  size, or one to which nothing was added for a while: it is refused, and
 *	  its client may send it again.  So whoever holds many unfinished bodies
 *	  harms himself alone.
 */
#ifndef NETWORK_BODY_H
#define NETWORK_BODY_H

#include "core/tree/span.h"
#include "network/coding.h"

struct Receiver;

typedef struct Body
{
	char *data; /* malloc */
	size_t length;
	size_t capacity;
	/* while it is coming: refuses the request that it belongs to, and frees the
	 * body; NULL: it never gives way */
	void (*give_way)(struct Body *body);
	struct Body *previous; /* among those of its size */
	struct Body *next;
	long grown; /* seconds, when it last became larger */
	bool is_coming;
} Body;

/* Sizes of bodies that are coming, by powers of two. */
#define BODY_SIZES 28

typedef enum BodyResult
{
	BODY_OK,
	BODY_TOO_LARGE,
	BODY_DAMAGED,
	BODY_NO_ROOM,
} BodyResult;

/* Appends; never allocates more than twice what has come. */
extern BodyResult body_add(struct Receiver *receiver, Body *body,
						   const char *data, size_t length);

/* It is there as a whole, and does not give way any more: moves it away. */
extern Body body_take(Body *body);

/* Replaces a coded body by what it holds; left as it is if that is more than the
 * limit, or damaged. */
extern BodyResult body_decode(struct Receiver *receiver, Body *body,
							  Coding coding, size_t limit);

extern void body_free(struct Receiver *receiver, Body *body);

/* Somebody who stopped reading because there was no room. */
typedef struct Waiter
{
	void (*resume)(struct Waiter *waiter);
	struct Waiter *next;
	bool is_waiting;
} Waiter;

/* Whether there is no room to read on into this body; then the waiter is called
 * when there is. */
extern bool must_wait(struct Receiver *receiver, const Body *body,
					  Waiter *waiter);

/* Forgets a waiter. */
extern void stop_waiting(struct Receiver *receiver, Waiter *waiter);

#endif
