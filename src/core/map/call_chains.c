/*
 * Which spans are one call.
 *
 * An outgoing span (CLIENT or PRODUCER) seldom stands alone: its own service
 * records how it was made (an INTERNAL "tcp.connect", a look-up of the host, a
 * client of the protocol below), and a message has two ends that may be tied
 * together by a parent, by links, or by both.
 *
 * The chain of a span are its ancestors, as long as they are of its service
 * and up to the first incoming one (SERVER or CONSUMER), by which the service
 * was called itself.
 *
 * - An outgoing span is answered if a call that was recorded lies below it,
 *   with itself in the chain of the caller, or a link to it is such a call.
 * - An outgoing span is a detail of the next one above it in its chain that
 *   tells whom it calls, if both call the same, or if it knows no more than a
 *   host and the one above knows as much; and also if it knows no more than a
 *   host and one above was answered.  The other way round, one that knows no
 *   more than a host, or than the system, is a detail of one below it that
 *   knows a name.
 * - What a service does in one trace with one linked span is one call, and
 *   none if a span of the service has the linked one for its parent.
 */
#include "core/map/call_chains.h"

#include "core/base/slice_hash.h"

/* A span's `outer` before it was looked for, and while it is. */
#define OUTER_UNKNOWN (UINT32_MAX - 1)
#define OUTER_SOUGHT (UINT32_MAX - 2)

/* How many outgoing spans that tell nothing are looked through. */
#define MAX_UNNAMED 16

bool
span_is_outgoing(const GatheredSpan *span)
{
	return span->kind == SPAN_KIND_CLIENT || span->kind == SPAN_KIND_PRODUCER;
}

bool
span_is_incoming(const GatheredSpan *span)
{
	return span->kind == SPAN_KIND_SERVER || span->kind == SPAN_KIND_CONSUMER;
}

bool
spans_are_call(const GatheredSpan *caller, const GatheredSpan *callee)
{
	return caller->service != callee->service ||
		   (span_is_outgoing(caller) && span_is_incoming(callee));
}

/*
 * Answers
 */

/* A call was made by span `number`.  What was passed before needs no second
 * look: so all of this takes as many steps as there are spans. */
static void
mark_chain(CallSpans *spans, uint32_t number)
{
	uint32_t service = spans->spans[number].service;

	for (size_t step = 1; number != UINT32_MAX; step++)
	{
		GatheredSpan *span = &spans->spans[number];

		host_poll(spans->host, step);
		if (span->service != service || span->is_passed)
			break;
		span->is_passed = true;
		span->is_answered = span_is_outgoing(span);
		if (span_is_incoming(span))
			break;
		number = span->parent;
	}
}

void
call_chains_mark_answered(CallSpans *spans)
{
	for (uint32_t i = 0; i < spans->count; i++)
	{
		uint32_t parent = spans->spans[i].parent;

		host_poll(spans->host, i);
		if (parent != UINT32_MAX &&
			spans_are_call(&spans->spans[parent], &spans->spans[i]))
			mark_chain(spans, parent);
	}
}

/*
 * Links
 */

/* What a service did with a linked span: in a trace, or in all of them. */
typedef struct LinkedCall
{
	uint32_t target;
	uint32_t trace; /* STRING_NONE: all of them */
	uint32_t service;
	uint32_t link; /* the one that counts; of all traces, whether a parent
					* makes the call: LINK_NONE if none does */
} LinkedCall;

#define LINK_NONE UINT32_MAX

typedef struct LinkedCalls
{
	LinkedCall *calls;
	uint32_t count;
	HashIndex index;
	uint64_t seed;
} LinkedCalls;

/* Each link makes two at the most. */
static bool
begin_linked_calls(LinkedCalls *calls, const CallSpans *spans)
{
	size_t room = (size_t) spans->link_count * 2;

	*calls = (LinkedCalls){.seed = spans->host->hash_seed};
	calls->calls =
		spans->host->allocate(spans->host, room * sizeof(LinkedCall));
	return calls->calls != NULL &&
		   hash_index_reserve(&calls->index, spans->host, room);
}

static uint64_t
hash_call(const LinkedCalls *calls, const LinkedCall *call)
{
	return hash_mix(((uint64_t) call->trace << 32 | call->service) ^
						calls->seed,
					hash_mix(call->target, UINT64_C(0x9e3779b97f4a7c15)));
}

static bool
is_call(const void *calls, uint32_t number, const void *key)
{
	const LinkedCall *call = (const LinkedCall *) calls + number;
	const LinkedCall *wanted = key;

	return call->target == wanted->target && call->trace == wanted->trace &&
		   call->service == wanted->service;
}

/* What a service did with span `target`; NULL if nothing is known of it. */
static LinkedCall *
find_linked_call(const LinkedCalls *calls, uint32_t target, uint32_t trace,
				 uint32_t service)
{
	LinkedCall wanted = {.target = target, .trace = trace, .service = service};
	uint32_t number = hash_index_find(&calls->index,
									  hash_call(calls, &wanted),
									  is_call,
									  calls->calls,
									  &wanted)
						  ->number;

	return number == HASH_INDEX_NONE ? NULL : &calls->calls[number];
}

/* The same; if nothing is known of it, this is. */
static LinkedCall *
add_linked_call(LinkedCalls *calls, LinkedCall call)
{
	uint64_t hash = hash_call(calls, &call);
	HashSlot *slot =
		hash_index_find(&calls->index, hash, is_call, calls->calls, &call);

	if (slot->number == HASH_INDEX_NONE)
	{
		hash_index_set(slot, hash, calls->count);
		calls->calls[calls->count++] = call;
	}
	return &calls->calls[slot->number];
}

/* Of several links of one call the one with the least span id counts, so that
 * the order of the rows does not. */
static void
enter_link(CallSpans *spans, LinkedCalls *calls, uint32_t number)
{
	GatheredLink *link = &spans->links[number];
	const GatheredSpan *callee = &spans->spans[link->span];
	LinkedCall *call;

	link->target = call_spans_find(spans, link->trace_id, link->span_id);
	if (link->target == UINT32_MAX || !callee->is_counted ||
		!spans_are_call(&spans->spans[link->target], callee))
	{
		link->target = UINT32_MAX;
		return;
	}
	spans->spans[link->target].is_linked = true;
	add_linked_call(
		calls,
		(LinkedCall){link->target, STRING_NONE, callee->service, LINK_NONE});
	call = add_linked_call(
		calls,
		(LinkedCall){link->target, callee->trace, callee->service, number});
	if (slice_compare(callee->span_id,
					  spans->spans[spans->links[call->link].span].span_id) < 0)
		call->link = number;
}

/* A call that is made by a parent is none by a link. */
static void
leave_to_parents(CallSpans *spans, const LinkedCalls *calls)
{
	for (uint32_t i = 0; i < spans->count; i++)
	{
		const GatheredSpan *span = &spans->spans[i];
		LinkedCall *call;

		host_poll(spans->host, i);
		if (span->parent == UINT32_MAX ||
			!spans->spans[span->parent].is_linked ||
			!spans_are_call(&spans->spans[span->parent], span))
			continue;
		call =
			find_linked_call(calls, span->parent, STRING_NONE, span->service);
		if (call != NULL)
			call->link = 0;
	}
}

/* Whether a link is the one that counts, and no parent makes its call. */
static bool
is_own_call(const LinkedCalls *calls, const GatheredLink *link, uint32_t number,
			const GatheredSpan *callee)
{
	return find_linked_call(calls, link->target, callee->trace, callee->service)
				   ->link == number &&
		   find_linked_call(calls, link->target, STRING_NONE, callee->service)
				   ->link == LINK_NONE;
}

static CoreStatus
settle_links(CallSpans *spans)
{
	LinkedCalls calls;

	if (!begin_linked_calls(&calls, spans))
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < spans->link_count; i++)
	{
		host_poll(spans->host, i);
		enter_link(spans, &calls, i);
	}
	leave_to_parents(spans, &calls);
	for (uint32_t i = 0; i < spans->link_count; i++)
	{
		GatheredLink *link = &spans->links[i];
		GatheredSpan *callee = &spans->spans[link->span];

		host_poll(spans->host, i);
		if (link->target == UINT32_MAX)
			continue;
		link->is_call = is_own_call(&calls, link, i, callee);
		/* both ends of a message: neither is one for a queue as well */
		if (span_is_outgoing(&spans->spans[link->target]))
			mark_chain(spans, link->target);
		if (span_is_outgoing(callee))
			callee->is_answered = true;
	}
	return CORE_OK;
}

/*
 * Details
 */

/* The next span up the chain, or UINT32_MAX. */
static uint32_t
next_in_chain(const CallSpans *spans, uint32_t number)
{
	const GatheredSpan *span = &spans->spans[number];

	if (span_is_incoming(span) || span->parent == UINT32_MAX ||
		spans->spans[span->parent].service != span->service)
		return UINT32_MAX;
	return span->parent;
}

static bool
tells_something(const GatheredSpan *span)
{
	return span_is_outgoing(span) &&
		   (span->peer != STRING_NONE || span->is_answered);
}

/*
 * The nearest outgoing span above in the chain that tells something.  What is
 * found is kept for all spans on the way, which are remembered in `path`: it
 * has room for every span.
 */
static uint32_t
find_outer(CallSpans *spans, uint32_t number, uint32_t *path)
{
	uint32_t length = 0;
	uint32_t outer = UINT32_MAX;
	uint32_t at = number;

	while (at != UINT32_MAX && spans->spans[at].outer == OUTER_UNKNOWN)
	{
		host_poll(spans->host, length + 1);
		spans->spans[at].outer = OUTER_SOUGHT;
		path[length++] = at;
		at = next_in_chain(spans, at);
	}
	/* a cycle ends where it meets itself */
	if (at != UINT32_MAX && spans->spans[at].outer != OUTER_SOUGHT)
		outer =
			tells_something(&spans->spans[at]) ? at : spans->spans[at].outer;
	while (length > 0)
	{
		GatheredSpan *span = &spans->spans[path[--length]];

		span->outer = outer;
		if (tells_something(span))
			outer = path[length];
	}
	return spans->spans[number].outer;
}

static bool
knows_host_alone(const GatheredSpan *span)
{
	return span->peer_rank >= PEER_HOST;
}

/* The nearest above that tells whom it calls; whether one on the way was
 * answered. */
static uint32_t
find_named(const CallSpans *spans, uint32_t outer, bool *is_answered)
{
	for (int i = 0; i < MAX_UNNAMED && outer != UINT32_MAX; i++)
	{
		*is_answered |= spans->spans[outer].is_answered;
		if (spans->spans[outer].peer != STRING_NONE)
			return outer;
		outer = spans->spans[outer].outer;
	}
	return UINT32_MAX;
}

/* Spans above that know a host alone, of a call whose name is known below. */
static void
mark_wrappers(CallSpans *spans, uint32_t outer)
{
	while (outer != UINT32_MAX)
	{
		GatheredSpan *span = &spans->spans[outer];

		if (span->is_detail || span->peer == STRING_NONE ||
			!knows_host_alone(span))
			break;
		span->is_detail = true;
		outer = span->outer;
	}
}

static bool
is_of_system(const GatheredSpan *span)
{
	return span->peer_type == CALL_DATABASE || span->peer_type == CALL_QUEUE;
}

/* Whether one names the system alone ("kafka") of what the other one names
 * ("kafka/orders"). */
static bool
names_system_of(const CallSpans *spans, const GatheredSpan *a,
				const GatheredSpan *b)
{
	Slice system = spans->graph->names.strings[a->peer];
	Slice whole = spans->graph->names.strings[b->peer];

	return a->peer_rank == PEER_SYSTEM && b->peer_rank == PEER_SYSTEM &&
		   a->peer_type == b->peer_type && system.length < whole.length &&
		   memcmp(system.data, whole.data, system.length) == 0 &&
		   whole.data[system.length] == '/';
}

/* Whether a span is how the named one above it was made. */
static bool
is_detail_of(const CallSpans *spans, const GatheredSpan *span,
			 const GatheredSpan *above)
{
	if (above->peer == span->peer)
		return true;
	if (knows_host_alone(span))
		return above->peer_rank <= span->peer_rank;
	return (above->peer_rank == PEER_SERVICE && is_of_system(span) &&
			above->peer_type == span->peer_type) ||
		   names_system_of(spans, span, above);
}

static void
settle_span(CallSpans *spans, uint32_t number, uint32_t *path)
{
	GatheredSpan *span = &spans->spans[number];
	uint32_t outer = find_outer(spans, number, path);
	bool is_answered = false;
	uint32_t named = find_named(spans, outer, &is_answered);

	if (!knows_host_alone(span))
		mark_wrappers(spans, named);
	if (named != UINT32_MAX)
	{
		GatheredSpan *above = &spans->spans[named];

		if (is_detail_of(spans, span, above))
			span->is_detail = true;
		else if (names_system_of(spans, above, span))
			above->is_detail = true;
	}
	if (is_answered && knows_host_alone(span))
		span->is_detail = true;
}

static CoreStatus
settle_details(CallSpans *spans)
{
	uint32_t *path = spans->host->allocate(
		spans->host, ((size_t) spans->count + 1) * sizeof(uint32_t));

	if (path == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < spans->count; i++)
		spans->spans[i].outer = OUTER_UNKNOWN;
	for (uint32_t i = 0; i < spans->count; i++)
	{
		const GatheredSpan *span = &spans->spans[i];

		host_poll(spans->host, i);
		if (span_is_outgoing(span) && span->peer != STRING_NONE)
			settle_span(spans, i, path);
	}
	return CORE_OK;
}

CoreStatus
call_chains_settle(CallSpans *spans, bool with_links)
{
	if (with_links && spans->link_count > 0 && settle_links(spans) != CORE_OK)
		return CORE_NO_MEMORY;
	return settle_details(spans);
}
