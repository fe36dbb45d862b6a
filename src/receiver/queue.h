/*
 * Requests that wait for their turn to be sent to the worker: a fair queue.
 *
 * Each connection is a source.  A source's requests follow one another in
 * virtual time, at a cost that is their size; the queue gives out the one that
 * would be finished first (self-clocked fair queueing, S. J. Golestani, 1994).
 * So sources that ask for little are not held up by one that asks for much, and
 * none has to wait for ever.
 */
#ifndef RECEIVER_QUEUE_H
#define RECEIVER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct QueueSource
{
	uint64_t finish; /* of its last request, in virtual time */
} QueueSource;

/* Lies within what is queued. */
typedef struct QueueEntry
{
	uint64_t finish;
	uint64_t order; /* that came first goes first */
	size_t place;	/* in the heap */
	bool is_queued;
} QueueEntry;

typedef struct Queue
{
	QueueEntry **heap;
	size_t count;
	size_t capacity;
	uint64_t now; /* virtual: the finish of the last that was given out */
	uint64_t order;
} Queue;

/* False without memory. */
extern bool queue_put(Queue *queue, QueueEntry *entry, QueueSource *source,
					  size_t size);

/* The next one; NULL if there is none. */
extern QueueEntry *queue_take(Queue *queue);

extern void queue_remove(Queue *queue, QueueEntry *entry);

#endif
