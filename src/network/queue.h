/*
 * Requests that wait for their turn to be sent to the worker: a fair queue.
 *
 * Each connection is a source.  A source's requests follow one another in
 * virtual time, at a cost that is their size; the queue gives out the one that
 * would be finished first (self-clocked fair queueing, S. J. Golestani, 1994).
 * So sources that ask for little are not held up by one that asks for much, and
 * none has to wait for ever: what a source was given before counts up to a
 * limit.
 */
#ifndef NETWORK_QUEUE_H
#define NETWORK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct QueueSource
{
	uint64_t finish; /* of its last request, in virtual time */
	size_t waiting;	 /* its requests in the queue */
} QueueSource;

/* Lies within what is queued. */
typedef struct QueueEntry
{
	uint64_t finish;
	uint64_t order; /* that came first goes first */
	QueueSource *source;
	size_t place; /* in the heap */
	bool is_queued;
} QueueEntry;

typedef struct Queue
{
	QueueEntry **heap;
	size_t count;
	size_t capacity;
	uint64_t now; /* virtual: the finish of the last whose turn it was */
	uint64_t order;
} Queue;

/* The source must stay as long as the entry is queued.  False without memory. */
extern bool queue_put(Queue *queue, QueueEntry *entry, QueueSource *source,
					  size_t size);

/* How far the next one is ahead of its turn: what others may still take before
 * its source has had more than they.  0 if there is none. */
extern uint64_t queue_lead(const Queue *queue);

/* The next one; NULL if there is none.  If that is not its turn, but there is
 * nothing else to do, those of others stay what they are. */
extern QueueEntry *queue_take(Queue *queue, bool is_turn);

extern void queue_remove(Queue *queue, QueueEntry *entry);

#endif
