/*
 * Which spans are one call: see call_chains.c.
 */
#ifndef CORE_CALL_CHAINS_H
#define CORE_CALL_CHAINS_H

#include "core/map/service_graph.h"

extern bool span_is_outgoing(const GatheredSpan *span);
extern bool span_is_incoming(const GatheredSpan *span);

/* Whether a span that another one caused, or that links to it, is a call. */
extern bool spans_are_call(const GatheredSpan *caller,
						   const GatheredSpan *callee);

/* Marks which outgoing spans were answered; their parents are connected. */
extern void call_chains_mark_answered(CallSpans *spans);

/*
 * Chooses the links that are calls of their own, and finds which outgoing
 * spans are details of other calls; CORE_OK or CORE_NO_MEMORY.
 */
extern CoreStatus call_chains_settle(CallSpans *spans, bool with_links);

#endif
