/*
 * Recording what the receiver's worker has in its queue: one slice of one
 * request, one transaction.
 */
#ifndef WORKER_RECORDER_H
#define WORKER_RECORDER_H

#include "postgres.h"

#include "worker/queue.h"

typedef enum RecordOutcome
{
	RECORD_DONE,	/* all of it is committed, or rejected with a reason */
	RECORD_MORE,	/* something is left to be recorded */
	RECORD_REFUSED, /* it will never be recorded; its fault says why */
	RECORD_LATER,	/* it is to be tried again, after a while */
	RECORD_FAILING, /* likewise, and so are others, it seems */
	RECORD_BLOCKED, /* nothing can be recorded now, and this was not tried */
} RecordOutcome;

/* Why something was not recorded; in the memory context of the turn. */
typedef struct RecordFault
{
	int sqlstate;
	const char *message;
	const char *hint;
} RecordFault;

/* Once, when the worker begins: signals, and the context that is reset after
 * every turn. */
extern void recorder_init(MemoryContext turn);

/* Records the next slice of a request.  It is durable after recorder_flush(),
 * and not before.  `fault` is set for all outcomes but the first two. */
extern RecordOutcome recorder_record(QueuedRequest *request,
									 RecordFault *fault);

/* Whether anything could be recorded at all. */
extern bool recorder_probe(RecordFault *fault);

/* Makes what was recorded as durable as synchronous_commit asks for; false if
 * somebody cancelled waiting for that.  Then nobody may be told. */
extern bool recorder_flush(void);

/* What was recorded of the request counts for nothing: from its start. */
extern void recorder_rewind(QueuedRequest *request);

/* Heeds what other processes ask for while nothing is being recorded; a cancel
 * has nothing to cancel then. */
extern void recorder_take_interrupts(void);

#endif
