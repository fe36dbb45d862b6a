/*
 * Inflating gzip.
 */
#ifndef RECORD_GZIP_H
#define RECORD_GZIP_H

#include "postgres.h"

#include "core/span.h"

/* Whether the bytes start as gzip does. */
extern bool is_gzip(Slice data);

/* What gzip members, one after another, hold; an error if they are damaged or
 * hold more than `limit` bytes.  In the current memory context. */
extern Slice gunzip(Slice data, Size limit);

#endif
