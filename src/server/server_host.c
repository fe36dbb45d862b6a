/*
 * The server as the core's host: see server_host.h.
 */
#include "postgres.h"

#include "server/server_host.h"

#include "miscadmin.h"
#include "utils/memutils.h"

static void *
host_allocate(Host *host, size_t size)
{
	(void) host;
	return MemoryContextAllocHuge(CurrentMemoryContext, size);
}

static void
poll_interrupts(Host *host)
{
	(void) host;
	CHECK_FOR_INTERRUPTS();
}

Host *
server_host(void)
{
	static Host host = {.allocate = host_allocate, .poll = poll_interrupts};

	if (host.hash_seed == 0 &&
		!pg_strong_random(&host.hash_seed, sizeof(host.hash_seed)))
		ereport(ERROR,
				errcode(ERRCODE_INTERNAL_ERROR),
				errmsg("could not generate a random number"));
	return &host;
}

static void *
allocate_in_context(Host *host, size_t size)
{
	return MemoryContextAllocHuge(((ContextHost *) host)->context, size);
}

ContextHost
context_host(MemoryContext context)
{
	return (ContextHost){
		.host = {.allocate = allocate_in_context,
				 .poll = poll_interrupts,
				 .hash_seed = server_host()->hash_seed},
		.context = context,
	};
}
