/*
 * The ids in what a person typed or pasted.
 */
#ifndef STORE_SPELLED_IDS_H
#define STORE_SPELLED_IDS_H

#include "postgres.h"

/* Fewer digits of an id than this say too little to go by. */
#define SPELLED_MIN_DIGITS 8

typedef struct SpelledIds
{
	text *trace_id; /* SPELLED_MIN_DIGITS or more hex digits in lower case, at
					 * most as many as an id has; NULL: none were found */
	text *span_id;	/* the same of a span that stands beside it */
} SpelledIds;

/*
 * Reads an id, whole or its beginning, out of a traceparent or b3 header, a
 * trace header of Jaeger or X-Ray, a dashed UUID, a URL, or hex digits in
 * quotes, with blanks, 0x or capitals.
 */
extern SpelledIds read_spelled_ids(text *typed);

#endif
