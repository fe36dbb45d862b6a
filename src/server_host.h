/*
 * The server as the core's host.
 */
#ifndef SERVER_HOST_H
#define SERVER_HOST_H

#include "core/host.h"

/* Allocates in the current memory context, polls for interrupts. */
extern Host *server_host(void);

#endif
