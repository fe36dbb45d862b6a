/*
 * What the core asks of whoever runs it: memory and a chance to be cancelled.
 *
 * The core knows the C library alone.  It never frees: everything it
 * allocates belongs to the caller's arena (in the server a memory context, in
 * the unit tests a list of blocks) and goes when that arena goes.  That is
 * also what makes poll() safe: it may leave the core by a longjmp, because no
 * function of the core ever holds anything but memory of that arena.
 */
#ifndef CORE_HOST_H
#define CORE_HOST_H

#include <stddef.h>
#include <stdint.h>

typedef struct Host
{
	/* size bytes aligned for any type; NULL, or no return, when there are none */
	void *(*allocate)(struct Host *host, size_t size);
	/* called at least every few thousand steps of a loop over data */
	void (*poll)(struct Host *host);
	/* where hashing starts: a number that whoever sends spans cannot know, or
	 * they could choose ids that all meet in one place of a table */
	uint64_t hash_seed;
} Host;

typedef enum CoreStatus
{
	CORE_OK,
	CORE_NO_MEMORY, /* Host.allocate returned NULL */
	CORE_TOO_LARGE, /* a result would exceed its format's limit */
	CORE_MALFORMED, /* the input breaks its format's rules */
} CoreStatus;

/* Call in loops over data with a running number: polls every 4096th time, and
 * on the first. */
static inline void
host_poll(Host *host, size_t step)
{
	if ((step & 4095) == 0)
		host->poll(host);
}

#endif
