/*
 * The background worker that records what the receiver program takes.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "postgres.h"

/* Registers it; call while the server loads the module, if it is wanted. */
extern void register_receiver_worker(void);

extern PGDLLEXPORT void dt_receiver_main(Datum argument);

#endif
