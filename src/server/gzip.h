/*
 * Inflating gzip.
 */
#ifndef SERVER_GZIP_H
#define SERVER_GZIP_H

#include "postgres.h"

#include "core/tree/span.h"

/* Whether the bytes start as gzip does. */
extern bool is_gzip(Slice data);

/* What gzip members, one after another, hold; an error if they are damaged or
 * hold more than `limit` bytes.  In the current memory context. */
extern Slice gunzip(Slice data, Size limit);

#endif
