/*
 * A fair queue: see queue.h.  A binary heap, the first to finish on top.
 */
#include "network/queue.h"

#include <stdlib.h>

/* what a request costs however small it is */
#define LEAST_COST 4096

/* what a source may have been given before its turn that still counts */
#define MOST_LEAD (4 * 1024 * 1024)

#define FIRST_CAPACITY 256

static bool
is_before(const QueueEntry *a, const QueueEntry *b)
{
	return a->finish < b->finish ||
		   (a->finish == b->finish && a->order < b->order);
}

static void
set_place(Queue *queue, size_t place, QueueEntry *entry)
{
	queue->heap[place] = entry;
	entry->place = place;
}

static void
move_up(Queue *queue, QueueEntry *entry)
{
	size_t place = entry->place;

	while (place > 0 && is_before(entry, queue->heap[(place - 1) / 2]))
	{
		set_place(queue, place, queue->heap[(place - 1) / 2]);
		place = (place - 1) / 2;
	}
	set_place(queue, place, entry);
}

static void
move_down(Queue *queue, QueueEntry *entry)
{
	size_t place = entry->place;

	for (;;)
	{
		size_t child = place * 2 + 1;

		if (child + 1 < queue->count &&
			is_before(queue->heap[child + 1], queue->heap[child]))
			child++;
		if (child >= queue->count || !is_before(queue->heap[child], entry))
			break;
		set_place(queue, place, queue->heap[child]);
		place = child;
	}
	set_place(queue, place, entry);
}

bool
queue_put(Queue *queue, QueueEntry *entry, QueueSource *source, size_t size)
{
	uint64_t start = source->finish > queue->now ? source->finish : queue->now;

	if (source->waiting == 0 && start > queue->now + MOST_LEAD)
		start = queue->now + MOST_LEAD;
	if (queue->count == queue->capacity)
	{
		size_t capacity =
			queue->capacity == 0 ? FIRST_CAPACITY : queue->capacity * 2;
		QueueEntry **heap =
			realloc(queue->heap, capacity * sizeof(QueueEntry *));

		if (heap == NULL)
			return false;
		queue->heap = heap;
		queue->capacity = capacity;
	}
	source->finish = start + LEAST_COST + size;
	source->waiting++;
	*entry = (QueueEntry){.finish = source->finish,
						  .source = source,
						  .order = queue->order++,
						  .place = queue->count++,
						  .is_queued = true};
	queue->heap[entry->place] = entry;
	move_up(queue, entry);
	return true;
}

void
queue_remove(Queue *queue, QueueEntry *entry)
{
	QueueEntry *last = queue->heap[--queue->count];

	entry->is_queued = false;
	entry->source->waiting--;
	if (last == entry)
		return;
	last->place = entry->place;
	move_up(queue, last);
	move_down(queue, last);
}

uint64_t
queue_lead(const Queue *queue)
{
	return queue->count == 0 || queue->heap[0]->finish < queue->now
			   ? 0
			   : queue->heap[0]->finish - queue->now;
}

QueueEntry *
queue_take(Queue *queue, bool is_turn)
{
	QueueEntry *first;

	if (queue->count == 0)
		return NULL;
	first = queue->heap[0];
	queue_remove(queue, first);
	if (is_turn && first->finish > queue->now)
		queue->now = first->finish;
	return first;
}
