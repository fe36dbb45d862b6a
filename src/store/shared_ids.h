/*
 * Spans that share an id.
 */
#ifndef STORE_SHARED_IDS_H
#define STORE_SHARED_IDS_H

#include "postgres.h"

#include "store/span_batch.h"

/* Whether two records of one id are of one span. */
extern bool is_same_span(const SpanRow *a, const SpanRow *b);

/* Whether the span that came now is the caller of the one that has their id,
 * so that it must have the id. */
extern bool takes_over_id(const SpanRow *row, const SpanRow *owner);

/* Gives a row, which is of `span` (itself, or what other records add to it), an
 * id of its own beside the owner of its id; what is made lies in `context`. */
extern void give_own_id(SpanRow *row, const SpanRow *span, const SpanRow *owner,
						MemoryContext context);

/* Whether this is the server's half of an id. */
extern bool is_server_half(const SpanRow *row);

/*
 * Gives rows of one id, in the order they came, ids of their own where they
 * are of several spans; returns whether any got one.
 */
extern bool separate_spans(SpanRow **rows, int count, MemoryContext context);

/*
 * Puts children of shared ids below the half that they belong to: in these
 * rows, which are in the order of their ids, by what they and the log know.
 * SPI is connected.
 */
extern void attach_children(SpanRow **rows, int count, Oid schema,
							MemoryContext context);

/* Likewise in the log, below these halves, which are new there. */
extern void attach_stored_children(SpanRow **halves, int count, Oid schema);

#endif
