/*
 * The fair queue: who asks for little does not wait for who asks for much, and
 * what is put in comes out once.
 */
#include <stdlib.h>

#include "network/queue.h"
#include "unit.h"

#define KILOBYTE 1024

static void
test_order(void)
{
	Queue queue = {0};
	QueueSource one = {0};
	QueueSource other = {0};
	QueueEntry entries[6];

	CHECK(queue_take(&queue, true) == NULL, "nothing in it");
	for (int i = 0; i < 5; i++)
		queue_put(&queue, &entries[i], &one, 100 * KILOBYTE);
	queue_put(&queue, &entries[5], &other, 100 * KILOBYTE);
	CHECK(queue_take(&queue, true) == &entries[0], "the first");
	CHECK(queue_take(&queue, true) == &entries[5], "then the other's only one");
	for (int i = 1; i < 5; i++)
		CHECK(queue_take(&queue, true) == &entries[i],
			  "then the rest, in order");
	CHECK(queue_take(&queue, true) == NULL, "and nothing more");
	free(queue.heap);
}

static void
test_large_and_small(void)
{
	Queue queue = {0};
	QueueSource large = {0};
	QueueSource small = {0};
	QueueEntry bombs[4];
	QueueEntry entries[100];
	int before = 0;

	for (int i = 0; i < 4; i++)
		queue_put(&queue, &bombs[i], &large, 64 * KILOBYTE * KILOBYTE);
	for (int i = 0; i < 100; i++)
		queue_put(&queue, &entries[i], &small, 10 * KILOBYTE);
	while (queue_take(&queue, true) != &bombs[0])
		before++;
	CHECK(before == 100, "small ones pass a large one: %d", before);
	/* as long as they come, but not for ever */
	for (before = 0; before < 100000; before++)
	{
		queue_put(&queue, &entries[0], &small, 10 * KILOBYTE);
		if (queue_take(&queue, true) == &bombs[1])
			break;
	}
	CHECK(before > 1000 && before < 6000,
		  "a large one has its turn after as many bytes: %d",
		  before);
	free(queue.heap);
}

/* Something large that was given out because there was nothing else. */
static void
test_before_its_turn(void)
{
	Queue queue = {0};
	QueueSource large = {0};
	QueueSource other = {0};
	QueueEntry bombs[2];
	QueueEntry entry;

	queue_put(&queue, &bombs[0], &large, 64 * KILOBYTE * KILOBYTE);
	CHECK(queue_lead(&queue) > 64 * KILOBYTE * KILOBYTE, "it is far ahead");
	CHECK(queue_take(&queue, false) == &bombs[0] && queue.now == 0,
		  "it is no turn");
	queue_put(&queue, &bombs[1], &large, 10 * KILOBYTE);
	queue_put(&queue, &entry, &other, 10 * KILOBYTE);
	CHECK(queue_take(&queue, true) == &entry, "so another one comes before");
	CHECK(queue_lead(&queue) > KILOBYTE * KILOBYTE &&
			  queue_lead(&queue) < 8 * KILOBYTE * KILOBYTE,
		  "what it had counts, up to a limit");
	CHECK(queue_take(&queue, true) == &bombs[1] && queue_lead(&queue) == 0,
		  "and it is next");
	free(queue.heap);
}

static void
test_removal(void)
{
	enum
	{
		ENTRIES = 2000
	};
	static QueueEntry entries[ENTRIES];
	QueueSource sources[7] = {{0}};
	Queue queue = {0};
	uint64_t last = 0;
	bool is_sorted = true;
	int left = 0;
	QueueEntry *entry;

	srand(1);
	for (int i = 0; i < ENTRIES; i++)
		queue_put(&queue, &entries[i], &sources[rand() % 7], rand() % 100000);
	for (int i = 0; i < ENTRIES; i++)
	{
		if (rand() % 2 == 0)
			queue_remove(&queue, &entries[i]);
		else
			left++;
	}
	for (; (entry = queue_take(&queue, true)) != NULL; left--)
	{
		is_sorted = is_sorted && entry->finish >= last && !entry->is_queued;
		last = entry->finish;
	}
	CHECK(left == 0 && is_sorted, "what was not removed comes out in order");
	free(queue.heap);
}

int
main(void)
{
	test_order();
	test_large_and_small();
	test_before_its_turn();
	test_removal();
	return unit_done();
}
