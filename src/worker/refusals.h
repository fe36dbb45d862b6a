/*
 * What the receiver program refused, by kind, in shared memory and in the log.
 */
#ifndef WORKER_REFUSALS_H
#define WORKER_REFUSALS_H

#include "postgres.h"

#include "core/wire/frame.h"

/* Asks for the memory; call while the server loads the module. */
extern void receiver_refusals_request(void);

/* Adds what a frame of the program tells. */
extern void receiver_refusals_add(const Frame *frame, Slice payload);

/* Forgets all. */
extern void receiver_refusals_reset(void);

#endif
