/*
 * A request body as it comes in: bounded, and counted.
 */
#ifndef RECEIVER_BODY_H
#define RECEIVER_BODY_H

#include "receiver.h"

typedef struct Body
{
	char *data; /* malloc */
	size_t length;
	size_t capacity;
} Body;

typedef enum BodyResult
{
	BODY_OK,
	BODY_TOO_LARGE,
	BODY_DAMAGED,
	BODY_NO_MEMORY,
} BodyResult;

/* Appends; never allocates more than twice what has come. */
extern BodyResult body_add(Receiver *receiver, Body *body, const char *data,
						   size_t length);

/* Replaces a gzip body by what it holds. */
extern BodyResult body_inflate(Receiver *receiver, Body *body);

extern void body_free(Receiver *receiver, Body *body);

/* Bytes of bodies that are no longer held. */
extern void release_bytes(Receiver *receiver, size_t bytes);

/* Whether so much is held that nobody should read on; then the waiter is
 * called when that is over. */
extern bool must_wait(Receiver *receiver, Waiter *waiter);

/* Forgets a waiter. */
extern void stop_waiting(Receiver *receiver, Waiter *waiter);

#endif
