/*
 * Whose fault an error is that recording a request ran into.
 */
#ifndef WORKER_FAULT_H
#define WORKER_FAULT_H

#include "postgres.h"

typedef enum FaultKind
{
	FAULT_OF_CONTENT, /* the same spans meet it every time: refuse them */
	FAULT_OF_OTHERS,  /* somebody is in the way of this request: try it again */
	FAULT_OF_SERVER,  /* likely to meet every request: try them again */
} FaultKind;

extern FaultKind fault_kind(const ErrorData *error);

/*
 * Logs an error, or a state without one (sqlstate 0).  One of the same code is
 * logged once a minute at most, whatever its text, and then with how many were
 * not.  All are kept for trace_receiver_stats.
 */
extern void fault_log(int sqlstate, const char *message, const char *hint);

/* The next fault of any code is logged again: what went wrong has passed. */
extern void fault_log_forget(void);

#endif
