/*
 * Which service calls which, added up over many spans.
 *
 * A call is a span whose parent belongs to another service, or a SERVER or
 * CONSUMER span right below a CLIENT or PRODUCER span of its own service.  A
 * CLIENT or PRODUCER span below which no call was recorded, and which names
 * whom it called, is a call of a virtual service: one that records no spans.
 * One call is one call, however many spans its own side made of it: see
 * call_chains.c.
 * A link to a span of another service is an asynchronous call from there, and
 * so is a span whose parent is known not to have waited for it.
 *
 * Spans are gathered first (CallSpans), until all parents of those to be
 * counted are there and connected; then what they amount to is added to a ServiceGraph,
 * which may outlive them and take in more.
 */
#ifndef CORE_SERVICE_GRAPH_H
#define CORE_SERVICE_GRAPH_H

#include "core/base/string_table.h"
#include "core/sketch/sketch.h"

/* How a call is made; also the order in which edges of two services lie. */
typedef enum CallType
{
	CALL_REQUEST,
	CALL_MESSAGING, /* from a producer or to a consumer */
	CALL_LINK,
	CALL_DATABASE, /* of a virtual service, and so is what follows */
	CALL_QUEUE,
	CALL_VIRTUAL,
} CallType;

#define CALL_NO_DURATION INT64_MIN

/* How well an attribute tells whom a span calls, the best first. */
typedef enum PeerRank
{
	PEER_SERVICE,
	PEER_SYSTEM, /* a database, a queue */
	PEER_HOST,
	PEER_ADDRESS, /* of a host, as a number */
} PeerRank;

/* A span as its calls are found. */
typedef struct CallSpan
{
	Slice trace_id;
	Slice span_id;
	Slice parent_span_id; /* of length 0 for a root */
	Slice service_name;
	Slice operation;
	Slice peer;			/* whom a CLIENT or PRODUCER span calls, or data NULL */
	CallType peer_type; /* CALL_DATABASE, ..., if there is a peer */
	PeerRank peer_rank;
	int64_t duration; /* us, or CALL_NO_DURATION */
	double weight;	  /* how many spans it stands for, if it was sampled */
	uint8_t kind;	  /* SpanKind */
	bool is_error;
	bool is_async;	 /* its parent did not wait for it */
	bool is_counted; /* else it is only somebody's parent */
	/* may have children among spans that are not gathered */
	bool may_have_other_children;
} CallSpan;

/* A span that was gathered. */
typedef struct GatheredSpan
{
	int64_t duration;
	double weight;
	Slice span_id;
	Slice parent_span_id;
	uint32_t trace;	  /* string of CallSpans.traces */
	uint32_t service; /* strings of the graph's names */
	uint32_t operation;
	uint32_t peer;	 /* STRING_NONE: none */
	uint32_t parent; /* number; UINT32_MAX: not (yet) found */
	uint32_t outer;	 /* see call_chains.c */
	uint8_t kind;
	uint8_t peer_type;
	uint8_t peer_rank;
	bool is_error;
	bool is_async;
	bool is_counted;
	bool may_have_other_children;
	/* set by call_chains.c: */
	bool is_passed;	  /* a call below was looked for above it */
	bool is_answered; /* a call that was recorded lies below */
	bool is_linked;	  /* a link leads to it */
	bool is_detail;	  /* of another call */
} GatheredSpan;

/* A link of a gathered span. */
typedef struct GatheredLink
{
	uint32_t span; /* number of the one that has the link */
	Slice trace_id;
	Slice span_id;
	/* set by call_chains.c: */
	uint32_t target; /* number of the linked span; UINT32_MAX: no call */
	bool is_call;	 /* and none that is counted otherwise */
} GatheredLink;

struct ServiceGraph;

typedef struct CallSpans
{
	Host *host;
	struct ServiceGraph *graph;
	StringTable traces;
	GatheredSpan *spans;
	HashIndex index; /* of spans, by trace and id */
	uint32_t count;
	uint32_t capacity;
	GatheredLink *links;
	uint32_t link_count;
	uint32_t link_capacity;
	SliceBlock block; /* of ids */
} CallSpans;

/* Of one side of calls that stand for about as many each. */
typedef struct CallDurations
{
	OpenSketch *sketch; /* ns; NULL: none was measured */
	double weight;		/* of those measured, together */
} CallDurations;

/* What the calls of an edge that are of one weight class took. */
typedef struct CallPart
{
	CallDurations client;
	CallDurations server;
	int16_t weight_class; /* see sampling.h */
} CallPart;

/* One caller and one callee. */
typedef struct ServiceEdge
{
	uint32_t caller;		   /* strings of the graph's names */
	uint32_t caller_operation; /* STRING_NONE unless by operation, as below */
	uint32_t callee;
	uint32_t callee_operation; /* STRING_NONE also for a virtual service */
	uint8_t type;			   /* CallType */
	uint64_t calls;
	uint64_t errors;
	double weight;
	double error_weight;
	CallPart *parts;
	uint32_t part_count;
	double network; /* us: client minus server, of pairs that have both */
	double weighted_network; /* each as often as it stands for others */
	uint64_t network_calls;
	double network_weight;
	int64_t longest;		 /* us: of the exemplar, -1 before one was found */
	uint32_t exemplar;		 /* number among the spans gathered last */
	Slice exemplar_trace_id; /* once the edges were added up */
	Slice exemplar_span_id;
} ServiceEdge;

typedef struct ServiceGraph
{
	Host *host;
	bool by_operation;
	StringTable names;
	ServiceEdge *edges;
	HashIndex index; /* of edges */
	uint32_t count;
	uint32_t capacity;
} ServiceGraph;

extern void service_graph_init(ServiceGraph *graph, Host *host,
							   bool by_operation);

/* What is gathered belongs to `host`, names to the graph's host, which must be
 * another one if the graph shall outlive what is gathered. */
extern void call_spans_init(CallSpans *spans, Host *host, ServiceGraph *graph);

/* A span that is there already is passed over. */
extern CoreStatus call_spans_add(CallSpans *spans, const CallSpan *span);

/* A link of the span added last. */
extern CoreStatus call_spans_add_link(CallSpans *spans, Slice trace_id,
									  Slice span_id);

/* The number of a gathered span, or UINT32_MAX. */
extern uint32_t call_spans_find(const CallSpans *spans, Slice trace_id,
								Slice span_id);

/* Finds the parents of all spans that have been gathered, and with them which
 * calls were answered. */
extern void call_spans_connect(CallSpans *spans);

/* Whether a span that is to be counted has a parent that was not found, and
 * which. */
extern bool call_spans_missing_parent(const CallSpans *spans, uint32_t number,
									  Slice *trace_id, Slice *span_id);

/* Whether a call of a virtual service, unless a call below it is found among
 * spans that are not gathered. */
extern bool call_spans_is_open_end(const CallSpans *spans, uint32_t number);

/* Adds the calls of all counted spans, which are connected, to the graph;
 * CORE_OK or CORE_NO_MEMORY. */
extern CoreStatus service_graph_add(CallSpans *spans, bool with_virtual,
									bool with_links);

#endif
