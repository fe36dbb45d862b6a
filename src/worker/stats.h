/*
 * What the receiver has done, in shared memory.
 */
#ifndef WORKER_STATS_H
#define WORKER_STATS_H

#include "postgres.h"

#include "core/sketch/sketch.h"
#include "core/wire/frame.h"
#include "datatype/timestamp.h"

/* How the worker stands. */
typedef enum ReceiverState
{
	RECEIVER_OFF,
	RECEIVER_STARTING,	/* the program has not opened its ports */
	RECEIVER_LISTENING, /* and requests are recorded */
	RECEIVER_BLOCKED,	/* requests cannot be recorded at the moment */
	RECEIVER_FAILED,	/* the program could not open its ports, or ended; or
						 * the worker cannot connect to its database */
} ReceiverState;

#define RECEIVER_ERROR_LENGTH 512
#define RECEIVER_SKETCH_SIZE 16384

typedef struct ReceiverCounts
{
	uint64 recorded; /* requests, by outcome */
	uint64 malformed;
	uint64 busy;
	uint64 accepted; /* spans */
	uint64 duplicates;
	uint64 rejected;
	uint64 commits;
	uint64 restarts; /* of the program */
	uint64 program[FRAME_COUNTERS];
} ReceiverCounts;

/* Asks for the memory; call while the server loads the module. */
extern void receiver_stats_request(void);

extern void receiver_stats_set_state(ReceiverState state);
extern void receiver_stats_set_error(const char *message);
extern void receiver_stats_set_rejection(const char *message);

/* How often in a row the worker could not connect to its database: it ends each
 * time, and begins anew.  While that is so the state is "failed". */
extern int receiver_stats_failed_connects(void);
extern void receiver_stats_set_failed_connects(int count);

/* Adds to all counts but the program's. */
extern void receiver_stats_add(const ReceiverCounts *counts);

/* What the program has counted, and what it had counted when this was last
 * called; both begin anew with each start of it. */
extern void receiver_stats_add_program(const uint64 counts[FRAME_COUNTERS],
									   const uint64 before[FRAME_COUNTERS]);

/* How long commits took, as a packed sketch of at most RECEIVER_SKETCH_SIZE. */
extern void receiver_stats_set_latency(const Sketch *sketch, Size size);

/* Whether somebody asked to begin counting anew since the last call. */
extern bool receiver_stats_was_reset(void);

#endif
