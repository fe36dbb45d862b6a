/*
 * The server as the core's host.
 */
#ifndef SERVER_SERVER_HOST_H
#define SERVER_SERVER_HOST_H

#include "core/base/host.h"
#include "utils/palloc.h"

/* Allocates in the current memory context, polls for interrupts. */
extern Host *server_host(void);

/* Allocates in a memory context of its own: for what outlives the current one. */
typedef struct ContextHost
{
	Host host;
	MemoryContext context;
} ContextHost;

extern ContextHost context_host(MemoryContext context);

#endif
