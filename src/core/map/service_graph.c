/*
 * Which service calls which: see service_graph.h.
 */
#include "core/map/service_graph.h"

#include "core/base/slice_hash.h"
#include "core/map/call_chains.h"
#include "core/wire/sampling.h"

#define NS_PER_US 1000

/*
 * Gathering
 */

void
service_graph_init(ServiceGraph *graph, Host *host, bool by_operation)
{
	*graph = (ServiceGraph){.host = host, .by_operation = by_operation};
	string_table_init(&graph->names, host);
}

void
call_spans_init(CallSpans *spans, Host *host, ServiceGraph *graph)
{
	*spans = (CallSpans){.host = host, .graph = graph};
	string_table_init(&spans->traces, host);
}

typedef struct SpanKey
{
	uint32_t trace;
	Slice span_id;
} SpanKey;

static bool
has_key(const void *spans, uint32_t number, const void *key)
{
	const GatheredSpan *span = (const GatheredSpan *) spans + number;
	const SpanKey *wanted = key;

	return span->trace == wanted->trace &&
		   slice_equal(span->span_id, wanted->span_id);
}

static uint64_t
hash_span(const CallSpans *spans, uint32_t trace, Slice span_id)
{
	return slice_hash(span_id, spans->host->hash_seed ^ hash_mix(trace, 1));
}

/* The place of a span, by the number of its trace and its id. */
static HashSlot *
find_slot(const CallSpans *spans, uint64_t hash, uint32_t trace, Slice span_id)
{
	SpanKey key = {trace, span_id};

	return hash_index_find(&spans->index, hash, has_key, spans->spans, &key);
}

static uint32_t
find_span(const CallSpans *spans, uint32_t trace, Slice span_id)
{
	return find_slot(spans, hash_span(spans, trace, span_id), trace, span_id)
		->number;
}

/* Room for one more span. */
static bool
reserve_span(CallSpans *spans)
{
	spans->spans = array_grow(spans->host,
							  spans->spans,
							  spans->count,
							  &spans->capacity,
							  sizeof(GatheredSpan));
	return spans->spans != NULL &&
		   hash_index_reserve(&spans->index, spans->host, spans->capacity);
}

static bool
copy_id(CallSpans *spans, Slice id, Slice *copy)
{
	return slice_block_copy(&spans->block, spans->host, id, copy);
}

/* Numbers of its names; false without memory. */
static bool
add_names(CallSpans *spans, const CallSpan *span, GatheredSpan *gathered)
{
	StringTable *names = &spans->graph->names;

	gathered->service = string_table_add(names, span->service_name);
	gathered->operation = STRING_NONE;
	gathered->peer = STRING_NONE;
	if (gathered->service == STRING_NONE)
		return false;
	if (spans->graph->by_operation)
	{
		gathered->operation = string_table_add(names, span->operation);
		if (gathered->operation == STRING_NONE)
			return false;
	}
	if (span->peer.data != NULL)
	{
		gathered->peer = string_table_add(names, span->peer);
		if (gathered->peer == STRING_NONE)
			return false;
	}
	return true;
}

CoreStatus
call_spans_add(CallSpans *spans, const CallSpan *span)
{
	GatheredSpan gathered = {
		.duration = span->duration,
		.weight = span->weight,
		.parent = UINT32_MAX,
		.kind = span->kind,
		.peer_type = (uint8_t) span->peer_type,
		.peer_rank = (uint8_t) span->peer_rank,
		.is_error = span->is_error,
		.is_async = span->is_async,
		.is_counted = span->is_counted,
		.may_have_other_children = span->may_have_other_children,
	};
	uint64_t hash;
	HashSlot *slot;

	gathered.trace = string_table_add(&spans->traces, span->trace_id);
	if (gathered.trace == STRING_NONE || !reserve_span(spans))
		return CORE_NO_MEMORY;
	hash = hash_span(spans, gathered.trace, span->span_id);
	slot = find_slot(spans, hash, gathered.trace, span->span_id);
	if (slot->number != HASH_INDEX_NONE)
		return CORE_OK;
	if (!copy_id(spans, span->span_id, &gathered.span_id) ||
		!copy_id(spans, span->parent_span_id, &gathered.parent_span_id) ||
		!add_names(spans, span, &gathered))
		return CORE_NO_MEMORY;
	hash_index_set(slot, hash, spans->count);
	spans->spans[spans->count++] = gathered;
	return CORE_OK;
}

CoreStatus
call_spans_add_link(CallSpans *spans, Slice trace_id, Slice span_id)
{
	GatheredLink link = {.span = spans->count - 1};

	spans->links = array_grow(spans->host,
							  spans->links,
							  spans->link_count,
							  &spans->link_capacity,
							  sizeof(GatheredLink));
	if (spans->links == NULL)
		return CORE_NO_MEMORY;
	if (!copy_id(spans, trace_id, &link.trace_id) ||
		!copy_id(spans, span_id, &link.span_id))
		return CORE_NO_MEMORY;
	spans->links[spans->link_count++] = link;
	return CORE_OK;
}

uint32_t
call_spans_find(const CallSpans *spans, Slice trace_id, Slice span_id)
{
	uint32_t trace = string_table_find(&spans->traces, trace_id);

	if (trace == STRING_NONE || spans->capacity == 0)
		return UINT32_MAX;
	return find_span(spans, trace, span_id);
}

static uint32_t
find_parent(const CallSpans *spans, const GatheredSpan *span)
{
	/* none, or itself */
	if (span->parent_span_id.length == 0 ||
		slice_equal(span->parent_span_id, span->span_id))
		return UINT32_MAX;
	return find_span(spans, span->trace, span->parent_span_id);
}

void
call_spans_connect(CallSpans *spans)
{
	for (uint32_t i = 0; i < spans->count; i++)
	{
		GatheredSpan *span = &spans->spans[i];

		host_poll(spans->host, i);
		if (span->parent != UINT32_MAX)
			continue;
		span->parent = find_parent(spans, span);
	}
	call_chains_mark_answered(spans);
}

bool
call_spans_missing_parent(const CallSpans *spans, uint32_t number,
						  Slice *trace_id, Slice *span_id)
{
	const GatheredSpan *span = &spans->spans[number];

	*trace_id = spans->traces.strings[span->trace];
	*span_id = span->parent_span_id;
	return span->is_counted && span->parent == UINT32_MAX &&
		   span->parent_span_id.length > 0 &&
		   !slice_equal(span->parent_span_id, span->span_id);
}

bool
call_spans_is_open_end(const CallSpans *spans, uint32_t number)
{
	const GatheredSpan *span = &spans->spans[number];

	return span->is_counted && !span->is_answered &&
		   span->peer != STRING_NONE && span->may_have_other_children;
}

/*
 * Adding up
 */

static uint64_t
hash_edge(const ServiceGraph *graph, const ServiceEdge *edge)
{
	uint64_t ends = (uint64_t) edge->caller << 32 | edge->callee;
	uint64_t operations =
		(uint64_t) edge->caller_operation << 32 | edge->callee_operation;

	return hash_mix(
		hash_mix(ends ^ graph->host->hash_seed, UINT64_C(0x9e3779b97f4a7c15)) ^
			edge->type ^ operations,
		UINT64_C(0xa0761d6478bd642f));
}

static bool
has_ends(const void *edges, uint32_t number, const void *key)
{
	const ServiceEdge *edge = (const ServiceEdge *) edges + number;
	const ServiceEdge *wanted = key;

	return edge->caller == wanted->caller && edge->callee == wanted->callee &&
		   edge->caller_operation == wanted->caller_operation &&
		   edge->callee_operation == wanted->callee_operation &&
		   edge->type == wanted->type;
}

/* Room for one more edge. */
static bool
reserve_edge(ServiceGraph *graph)
{
	graph->edges = array_grow(graph->host,
							  graph->edges,
							  graph->count,
							  &graph->capacity,
							  sizeof(ServiceEdge));
	return graph->edges != NULL &&
		   hash_index_reserve(&graph->index, graph->host, graph->capacity);
}

/* The edge with these ends, made if it is new; NULL without memory. */
static ServiceEdge *
find_edge(ServiceGraph *graph, const ServiceEdge *wanted)
{
	uint64_t hash = hash_edge(graph, wanted);
	HashSlot *slot;

	if (!reserve_edge(graph))
		return NULL;
	slot = hash_index_find(&graph->index, hash, has_ends, graph->edges, wanted);
	if (slot->number == HASH_INDEX_NONE)
	{
		hash_index_set(slot, hash, graph->count);
		graph->edges[graph->count] = *wanted;
		graph->edges[graph->count].longest = -1;
		graph->edges[graph->count++].exemplar = UINT32_MAX;
	}
	return &graph->edges[slot->number];
}

/* The part of a weight class, made if it is new; NULL without memory. */
static CallPart *
find_part(Host *host, ServiceEdge *edge, int16_t weight_class)
{
	uint32_t count = edge->part_count;

	for (uint32_t i = 0; i < count; i++)
	{
		if (edge->parts[i].weight_class == weight_class)
			return &edge->parts[i];
	}
	/* room for a power of two of them: nearly all edges have one */
	if ((count & (count - 1)) == 0)
	{
		CallPart *grown = host->allocate(
			host, sizeof(CallPart) * (count == 0 ? 1 : count * 2));

		if (grown == NULL)
			return NULL;
		if (count > 0)
			memcpy(grown, edge->parts, sizeof(CallPart) * count);
		edge->parts = grown;
	}
	edge->parts[count] = (CallPart){.weight_class = weight_class};
	edge->part_count++;
	return &edge->parts[count];
}

static CoreStatus
add_duration(Host *host, CallDurations *durations, int64_t duration,
			 double weight)
{
	OpenSketch **sketch = &durations->sketch;
	Wide ns = wide_multiply(wide_from_int64(duration), NS_PER_US);

	if (wide_magnitude(ns) > SKETCH_MAX_VALUE ||
		wide_compare(ns, wide_from_magnitude(SKETCH_MAX_VALUE, true)) < 0)
		return CORE_OK;
	if (*sketch == NULL)
		*sketch = sketch_create(host, SKETCH_DEFAULT_ALPHA);
	if (*sketch == NULL || sketch_add(host, sketch, ns, 1) == SKETCH_NO_MEMORY)
		return CORE_NO_MEMORY;
	durations->weight += weight;
	return CORE_OK;
}

/* How a call looks from both sides; either may be missing. */
typedef struct Call
{
	const GatheredSpan *client;
	const GatheredSpan *server;
	uint32_t number; /* of the span that is counted */
} Call;

static void
choose_exemplar(ServiceEdge *edge, const GatheredSpan *counted, uint32_t number)
{
	int64_t duration =
		counted->duration == CALL_NO_DURATION ? 0 : counted->duration;

	if (duration <= edge->longest)
		return;
	edge->longest = duration;
	edge->exemplar = number;
}

/* What a call took on either side, and between them. */
static CoreStatus
add_durations(Host *host, ServiceEdge *edge, const Call *call, double weight)
{
	bool has_client =
		call->client != NULL && call->client->duration != CALL_NO_DURATION;
	bool has_server =
		call->server != NULL && call->server->duration != CALL_NO_DURATION;
	CoreStatus status = CORE_OK;
	CallPart *part;

	if (!has_client && !has_server)
		return CORE_OK;
	part = find_part(host, edge, sampling_weight_class(weight));
	if (part == NULL)
		return CORE_NO_MEMORY;
	if (has_client)
		status =
			add_duration(host, &part->client, call->client->duration, weight);
	if (has_server && status == CORE_OK)
		status =
			add_duration(host, &part->server, call->server->duration, weight);
	if (has_client && has_server)
	{
		double between =
			(double) call->client->duration - (double) call->server->duration;

		edge->network += between;
		edge->weighted_network += between * weight;
		edge->network_calls++;
		edge->network_weight += weight;
	}
	return status;
}

static CoreStatus
add_call(CallSpans *spans, const ServiceEdge *wanted, const Call *call)
{
	Host *host = spans->graph->host;
	ServiceEdge *edge = find_edge(spans->graph, wanted);
	const GatheredSpan *counted = &spans->spans[call->number];

	if (edge == NULL)
		return CORE_NO_MEMORY;
	edge->calls++;
	edge->weight += counted->weight;
	if ((call->client != NULL && call->client->is_error) ||
		(call->server != NULL && call->server->is_error))
	{
		edge->errors++;
		edge->error_weight += counted->weight;
	}
	choose_exemplar(edge, counted, call->number);
	return add_durations(host, edge, call, counted->weight);
}

static CoreStatus
add_request(CallSpans *spans, const GatheredSpan *caller, uint32_t number)
{
	const GatheredSpan *callee = &spans->spans[number];
	ServiceEdge edge = {
		.caller = caller->service,
		.caller_operation = caller->operation,
		.callee = callee->service,
		.callee_operation = callee->operation,
		.type = caller->kind == SPAN_KIND_PRODUCER ||
						callee->kind == SPAN_KIND_CONSUMER
					? CALL_MESSAGING
				: callee->is_async ? CALL_LINK
								   : CALL_REQUEST,
	};
	/* the caller's span is the call itself only if it says so */
	Call call = {span_is_outgoing(caller) ? caller : NULL, callee, number};

	return add_call(spans, &edge, &call);
}

static CoreStatus
add_linked(CallSpans *spans, const GatheredLink *link)
{
	const GatheredSpan *callee = &spans->spans[link->span];
	const GatheredSpan *caller = &spans->spans[link->target];
	ServiceEdge edge = {
		.caller = caller->service,
		.caller_operation = caller->operation,
		.callee = callee->service,
		.callee_operation = callee->operation,
		.type = CALL_LINK,
	};
	Call call = {NULL, callee, link->span};

	return add_call(spans, &edge, &call);
}

static CoreStatus
add_virtual(CallSpans *spans, uint32_t number)
{
	const GatheredSpan *client = &spans->spans[number];
	ServiceEdge edge = {
		.caller = client->service,
		.caller_operation = client->operation,
		.callee = client->peer,
		.callee_operation = STRING_NONE,
		.type = client->peer_type,
	};
	Call call = {client, NULL, number};

	return add_call(spans, &edge, &call);
}

static bool
copy_slice(Host *host, Slice from, Slice *to)
{
	char *copy = host->allocate(host, from.length + 1);

	if (copy == NULL)
		return false;
	memcpy(copy, from.data, from.length);
	*to = (Slice){copy, from.length};
	return true;
}

/* Copies the ids of exemplars, which the gathered spans own. */
static CoreStatus
keep_exemplars(CallSpans *spans)
{
	ServiceGraph *graph = spans->graph;

	for (uint32_t i = 0; i < graph->count; i++)
	{
		ServiceEdge *edge = &graph->edges[i];
		const GatheredSpan *span;

		host_poll(spans->host, i);
		if (edge->exemplar == UINT32_MAX)
			continue;
		span = &spans->spans[edge->exemplar];
		if (!copy_slice(graph->host,
						spans->traces.strings[span->trace],
						&edge->exemplar_trace_id) ||
			!copy_slice(graph->host, span->span_id, &edge->exemplar_span_id))
			return CORE_NO_MEMORY;
		edge->exemplar = UINT32_MAX;
	}
	return CORE_OK;
}

static CoreStatus
add_requests(CallSpans *spans)
{
	for (uint32_t i = 0; i < spans->count; i++)
	{
		uint32_t parent = spans->spans[i].parent;

		host_poll(spans->host, i);
		if (!spans->spans[i].is_counted || parent == UINT32_MAX ||
			!spans_are_call(&spans->spans[parent], &spans->spans[i]))
			continue;
		if (add_request(spans, &spans->spans[parent], i) != CORE_OK)
			return CORE_NO_MEMORY;
	}
	return CORE_OK;
}

static CoreStatus
add_links(CallSpans *spans)
{
	for (uint32_t i = 0; i < spans->link_count; i++)
	{
		host_poll(spans->host, i);
		if (spans->links[i].is_call &&
			add_linked(spans, &spans->links[i]) != CORE_OK)
			return CORE_NO_MEMORY;
	}
	return CORE_OK;
}

static CoreStatus
add_virtuals(CallSpans *spans)
{
	for (uint32_t i = 0; i < spans->count; i++)
	{
		const GatheredSpan *span = &spans->spans[i];

		host_poll(spans->host, i);
		if (span->is_counted && span_is_outgoing(span) &&
			span->peer != STRING_NONE && !span->is_answered &&
			!span->is_detail && add_virtual(spans, i) != CORE_OK)
			return CORE_NO_MEMORY;
	}
	return CORE_OK;
}

CoreStatus
service_graph_add(CallSpans *spans, bool with_virtual, bool with_links)
{
	CoreStatus status = call_chains_settle(spans, with_links);

	if (status == CORE_OK)
		status = add_requests(spans);
	if (status == CORE_OK && with_links)
		status = add_links(spans);
	if (status == CORE_OK && with_virtual)
		status = add_virtuals(spans);
	return status == CORE_OK ? keep_exemplars(spans) : status;
}
