/*
 * Reading a numeric without going through text or floating point.
 */
#ifndef SERVER_NUMERIC_READER_H
#define SERVER_NUMERIC_READER_H

#include "postgres.h"

#include "core/base/wide.h"
#include "utils/numeric.h"

/*
 * A numeric of milliseconds in microseconds, rounded half away from zero.
 * The numeric may be packed (have a short header), as it lies in a tuple.
 * Returns false for NaN, infinities and what an int64 cannot hold.
 */
extern bool numeric_ms_to_us(Numeric ms, int64 *us);

/* The same in nanoseconds; false, too, for 10^13 ms (317 years) and more. */
extern bool numeric_ms_to_ns(Numeric ms, Wide *ns);

#endif
