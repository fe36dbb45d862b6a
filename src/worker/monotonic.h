/*
 * Time for intervals: it only goes forward, whatever becomes of the clock on
 * the wall.
 */
#ifndef WORKER_MONOTONIC_H
#define WORKER_MONOTONIC_H

#include "postgres.h"

#include "portability/instr_time.h"

#define US_PER_MS INT64CONST(1000)

/* Microseconds since some moment. */
static inline int64
monotonic_us(void)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MICROSEC(now);
}

#endif
