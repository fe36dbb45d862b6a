/*
 * trace_service_dependencies: who calls whom in a window of time.
 *
 * A call belongs to the window in which the called span started.  The spans of
 * the window are gathered in memory in one pass; parents and linked spans that
 * lie outside are then fetched by their ids, and the rest of the traces with
 * calls of uninstrumented peers that reach beyond the window, which may have
 * been answered there.  That is all that a self-join would find, without
 * joining; only what lies below such a call more than SKEW away from it, in
 * another window, goes unseen (see may_reach_out).
 *
 * Memory does not grow with the window: one whose spans do not fit into
 * maintenance_work_mem is cut into slices of time, which are windows like any
 * other.
 */
#include "postgres.h"

#include "compat.h"
#include "core/map/service_graph.h"
#include "core/sketch/sketch_weigh.h"
#include "map/call_peer.h"
#include "server/argument.h"
#include "server/batch_relation.h"
#include "server/numeric_reader.h"
#include "server/query.h"
#include "server/row.h"
#include "server/server_host.h"
#include "store/open_tree.h"
#include "store/otel_member.h"
#include "store/service_scope.h"
#include "store/tag_readers.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(dt_trace_service_dependencies);

/* What a gathered span takes, with its ids and its place in the table. */
#define SPAN_BYTES 250

/* How much earlier than its parent, or later than that ended, a child is looked
 * for in another window: clocks differ. */
#define SKEW (10 * USECS_PER_SEC)

#define US_PER_MS 1000.0

/* The columns of all queries, in their order. */
enum
{
	COLUMN_TRACE,
	COLUMN_SPAN,
	COLUMN_PARENT,
	COLUMN_SERVICE,
	COLUMN_OPERATION,
	COLUMN_START,
	COLUMN_END,
	COLUMN_DURATION,
	COLUMN_TAGS,
};

#define READ_COLUMNS                                                           \
	"SELECT l.trace_id, l.span_id, l.parent_span_id, l.service_name, "         \
	"l.operation, l.start_time, l.end_time, l.duration_ms, l.tags "

static SavedQuery window_query = {
	.text = READ_COLUMNS "FROM %s.distributed_trace_log l "
						 "WHERE l.start_time OPERATOR(pg_catalog.>=) $1 "
						 "AND l.start_time OPERATOR(pg_catalog.<) $2",
	.arg_count = 2,
	.arg_types = {TIMESTAMPTZOID, TIMESTAMPTZOID},
	.reads_in_bulk = true,
};

static SavedQuery outside_query = {
	.text = READ_COLUMNS "FROM trace_batch b JOIN %s.distributed_trace_log l "
						 "ON l.trace_id OPERATOR(pg_catalog.=) b.trace_id "
						 "AND l.span_id OPERATOR(pg_catalog.=) b.span_id",
};

/* by trace, since there is no index on parents: each is read once */
static SavedQuery below_query = {
	.text = READ_COLUMNS "FROM trace_batch b JOIN %s.distributed_trace_log l "
						 "ON l.trace_id OPERATOR(pg_catalog.=) b.trace_id "
						 "WHERE l.start_time OPERATOR(pg_catalog.<) $1 "
						 "OR l.start_time OPERATOR(pg_catalog.>=) $2",
	.arg_count = 2,
	.arg_types = {TIMESTAMPTZOID, TIMESTAMPTZOID},
};

static const BatchColumn id_columns[] = {
	{"trace_id", VARCHAROID, 100 + VARHDRSZ},
	{"span_id", VARCHAROID, 100 + VARHDRSZ},
};

typedef struct Window
{
	TimestampTz from;
	TimestampTz to;
} Window;

/* What all steps share; also what receives rows. */
typedef struct Gatherer
{
	DestReceiver receiver;
	Oid schema;
	Window window;
	bool with_links;
	bool is_counting;	  /* rows are of the window */
	uint64 seen;		  /* rows of the window, of which only so many are */
	uint64 limit;		  /* gathered */
	TimestampTz earliest; /* finite starts of all that were seen */
	TimestampTz latest;
	CallSpans spans;
	MemoryContext context; /* of the spans */
	MemoryContext row;	   /* of what one row alone needs */
	ContextHost spans_host;
	ContextHost graph_host;
	StringInfoData peer;
	StringInfoData service;
} Gatherer;

static void
check_memory(CoreStatus status)
{
	if (status != CORE_OK)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
}

/* Links are few: each is a member of an array in the tags. */
static void
add_links(Gatherer *gatherer, JsonbContainer *otel)
{
	JsonbValue links;
	Slice trace_id;
	Slice span_id;

	if (!tags_find_member(otel, SLICE_LITERAL(OTEL_LINKS), &links) ||
		links.type != jbvBinary || !JsonContainerIsArray(links.val.binary.data))
		return;
	for (uint32 i = 0; i < JsonContainerSize(links.val.binary.data); i++)
	{
		JsonbValue *link;

		CHECK_FOR_INTERRUPTS();
		link = getIthJsonbValueFromContainer(links.val.binary.data, i);

		if (link == NULL || link->type != jbvBinary ||
			!tags_find_text(link->val.binary.data,
							SLICE_LITERAL(OTEL_TRACE_ID),
							&trace_id) ||
			!tags_find_text(
				link->val.binary.data, SLICE_LITERAL(OTEL_SPAN_ID), &span_id))
			continue;
		/* as much memory as a span */
		gatherer->seen++;
		check_memory(call_spans_add_link(&gatherer->spans, trace_id, span_id));
	}
}

static void
read_tags(Gatherer *gatherer, Jsonb *tags, CallSpan *span)
{
	span->kind = tags_read(tags, &span->is_error);
	span->is_async =
		tags_follow_parent(tags, span->trace_id, span->parent_span_id);
	span->weight = tags_adjusted_count(tags);
	if (span->kind == SPAN_KIND_CLIENT || span->kind == SPAN_KIND_PRODUCER)
		span->peer = call_peer(
			tags, &gatherer->peer, &span->peer_type, &span->peer_rank);
}

static void
add_span(Gatherer *gatherer, const CallSpan *span, Jsonb *tags)
{
	uint32 count = gatherer->spans.count;

	check_memory(call_spans_add(&gatherer->spans, span));
	if (tags != NULL && gatherer->with_links && gatherer->is_counting &&
		gatherer->spans.count > count)
		add_links(gatherer, tags_find_otel(tags));
}

/* Whether something may lie below a span that does not start in the window. */
static bool
may_reach_out(const Gatherer *gatherer, TimestampTz start, bool has_end,
			  TimestampTz end, uint8 kind)
{
	return kind == SPAN_KIND_PRODUCER || !has_end ||
		   time_difference(gatherer->window.to, end) <= SKEW ||
		   time_difference(start, gatherer->window.from) <= SKEW;
}

/* Counts a row of the window; false if it is one too many to be gathered. */
static bool
count_row(Gatherer *gatherer, TimestampTz start)
{
	if (!TIMESTAMP_NOT_FINITE(start))
	{
		gatherer->earliest = Min(gatherer->earliest, start);
		gatherer->latest = Max(gatherer->latest, start);
	}
	return ++gatherer->seen <= gatherer->limit;
}

/*
 * A service by its name, namespace and environment: what the graph tells
 * services apart by.  No text has a byte 0, so those of a service that has both
 * or one are put between its parts; a service without is its name alone.
 */
static Slice
service_key(Gatherer *gatherer, Slice name, Jsonb *tags)
{
	ServiceScope scope =
		tags_service_scope(tags, gatherer->schema, SCOPE_OF_CALLER);
	StringInfo key = &gatherer->service;

	if (scope.service_namespace.length == 0 && scope.environment.length == 0)
		return name;
	resetStringInfo(key);
	appendBinaryStringInfo(key, name.data, name.length);
	appendStringInfoChar(key, '\0');
	if (scope.service_namespace.length > 0)
		appendBinaryStringInfo(
			key, scope.service_namespace.data, scope.service_namespace.length);
	appendStringInfoChar(key, '\0');
	if (scope.environment.length > 0)
		appendBinaryStringInfo(
			key, scope.environment.data, scope.environment.length);
	return (Slice){key->data, key->len};
}

static void
gather_span(Gatherer *gatherer, TupleTableSlot *slot)
{
	Datum *values = slot->tts_values;
	bool *nulls = slot->tts_isnull;
	Jsonb *tags = NULL;
	CallSpan span = {.weight = 1, .duration = CALL_NO_DURATION};
	int64 us;

	span.trace_id = datum_slice(values[COLUMN_TRACE], nulls[COLUMN_TRACE]);
	span.span_id = datum_slice(values[COLUMN_SPAN], nulls[COLUMN_SPAN]);
	span.parent_span_id =
		datum_slice(values[COLUMN_PARENT], nulls[COLUMN_PARENT]);
	span.service_name =
		datum_slice(values[COLUMN_SERVICE], nulls[COLUMN_SERVICE]);
	span.operation =
		datum_slice(values[COLUMN_OPERATION], nulls[COLUMN_OPERATION]);
	span.is_counted = gatherer->is_counting;
	if (!nulls[COLUMN_DURATION] &&
		numeric_ms_to_us(
			(Numeric) PG_DETOAST_DATUM_PACKED(values[COLUMN_DURATION]), &us))
		span.duration = us;
	if (!nulls[COLUMN_TAGS])
	{
		tags = DatumGetJsonbP(values[COLUMN_TAGS]);
		read_tags(gatherer, tags, &span);
		span.service_name = service_key(gatherer, span.service_name, tags);
	}
	span.may_have_other_children =
		may_reach_out(gatherer,
					  DatumGetTimestampTz(values[COLUMN_START]),
					  !nulls[COLUMN_END],
					  DatumGetTimestampTz(values[COLUMN_END]),
					  span.kind);
	add_span(gatherer, &span, tags);
}

static void
require_values(const bool *nulls)
{
	require_value(nulls[COLUMN_TRACE], "trace_id");
	require_value(nulls[COLUMN_SPAN], "span_id");
	require_value(nulls[COLUMN_SERVICE], "service_name");
	require_value(nulls[COLUMN_OPERATION], "operation");
	require_value(nulls[COLUMN_START], "start_time");
}

static bool
receive_span(TupleTableSlot *slot, DestReceiver *self)
{
	Gatherer *gatherer = (Gatherer *) self;
	MemoryContext caller;

	slot_getallattrs(slot);
	require_values(slot->tts_isnull);
	if (gatherer->is_counting &&
		!count_row(gatherer,
				   DatumGetTimestampTz(slot->tts_values[COLUMN_START])))
		return true;
	caller = MemoryContextSwitchTo(gatherer->row);
	gather_span(gatherer, slot);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(gatherer->row);
	return true;
}

/* Ids as a relation that a query can name. */
typedef struct IdList
{
	TupleDesc desc;
	Tuplestorestate *store;
	MemoryContext scratch;
	uint64 count;
} IdList;

static IdList
begin_ids(void)
{
	return (IdList){
		.desc = batch_descriptor(id_columns, lengthof(id_columns)),
		.store = tuplestore_begin_heap(false, false, work_mem),
		.scratch = AllocSetContextCreate(CurrentMemoryContext,
										 "distributed_trace ids",
										 ALLOCSET_SMALL_SIZES),
	};
}

static void
put_id(IdList *ids, Slice trace_id, Slice span_id)
{
	MemoryContext caller = MemoryContextSwitchTo(ids->scratch);
	Datum values[2];
	bool nulls[2] = {false, false};

	CHECK_FOR_INTERRUPTS();
	values[0] = PointerGetDatum(
		cstring_to_text_with_len(trace_id.data, trace_id.length));
	values[1] =
		PointerGetDatum(cstring_to_text_with_len(span_id.data, span_id.length));
	tuplestore_putvalues(ids->store, ids->desc, values, nulls);
	ids->count++;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(ids->scratch);
}

static void
run_on_ids(Gatherer *gatherer, SavedQuery *query, const Datum *args,
		   IdList *ids)
{
	if (ids->count == 0)
		tuplestore_end(ids->store);
	else
		query_read_on_batch(query,
							gatherer->schema,
							args,
							ids->desc,
							ids->store,
							ids->count,
							&gatherer->receiver);
	MemoryContextDelete(ids->scratch);
}

/* Fetches the parents, and what links lead to, that are not in the window. */
static void
gather_outside(Gatherer *gatherer)
{
	CallSpans *spans = &gatherer->spans;
	IdList ids = begin_ids();
	Slice trace_id;
	Slice span_id;

	for (uint32 i = 0; i < spans->count; i++)
	{
		if (call_spans_missing_parent(spans, i, &trace_id, &span_id))
			put_id(&ids, trace_id, span_id);
	}
	for (uint32 i = 0; i < spans->link_count; i++)
	{
		const GatheredLink *link = &spans->links[i];

		if (call_spans_find(spans, link->trace_id, link->span_id) == UINT32_MAX)
			put_id(&ids, link->trace_id, link->span_id);
	}
	gatherer->is_counting = false;
	run_on_ids(gatherer, &outside_query, NULL, &ids);
}

/* Fetches what lies outside the window of traces with open ends. */
static void
gather_below(Gatherer *gatherer, const Datum *window)
{
	CallSpans *spans = &gatherer->spans;
	bool *is_listed =
		MemoryContextAllocExtended(gatherer->context,
								   Max(spans->traces.count, 1),
								   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	IdList ids = begin_ids();

	for (uint32 i = 0; i < spans->count; i++)
	{
		uint32 trace = spans->spans[i].trace;

		if (is_listed[trace] || !call_spans_is_open_end(spans, i))
			continue;
		is_listed[trace] = true;
		put_id(&ids, spans->traces.strings[trace], spans->spans[i].span_id);
	}
	run_on_ids(gatherer, &below_query, window, &ids);
}

/* Adds a window to the graph; false if it has too many spans. */
static bool
add_window(Gatherer *gatherer, ServiceGraph *graph, bool with_virtual)
{
	Datum window[2] = {TimestampTzGetDatum(gatherer->window.from),
					   TimestampTzGetDatum(gatherer->window.to)};

	MemoryContextReset(gatherer->context);
	call_spans_init(&gatherer->spans, &gatherer->spans_host.host, graph);
	gatherer->receiver = query_receiver(receive_span);
	gatherer->is_counting = true;
	gatherer->seen = 0;
	gatherer->earliest = DT_NOEND;
	gatherer->latest = DT_NOBEGIN;
	query_run(
		&window_query, gatherer->schema, window, true, &gatherer->receiver);
	if (gatherer->seen > gatherer->limit)
		return false;
	call_spans_connect(&gatherer->spans);
	gather_outside(gatherer);
	call_spans_connect(&gatherer->spans);
	if (with_virtual)
	{
		gather_below(gatherer, window);
		call_spans_connect(&gatherer->spans);
	}
	check_memory(service_graph_add(
		&gatherer->spans, with_virtual, gatherer->with_links));
	return true;
}

static Window *
make_window(TimestampTz from, TimestampTz to)
{
	Window *window = palloc(sizeof(Window));

	*window = (Window){from, to};
	return window;
}

/* The window that was too large, in slices, which are put where it was. */
static List *
slice_window(const Gatherer *gatherer, List *windows)
{
	Window rest = gatherer->window;
	/* some slices have more than others */
	uint64 count = gatherer->seen / (gatherer->limit / 5 * 4) + 1;
	/* times may lie further apart than an int64 can tell */
	uint64 width =
		((uint64) gatherer->latest - (uint64) gatherer->earliest) / count + 1;

	for (uint64 i = 1; i < count; i++)
	{
		TimestampTz to =
			(TimestampTz) ((uint64) gatherer->earliest + i * width);

		CHECK_FOR_INTERRUPTS();
		if (to > gatherer->latest)
			break;
		windows = lappend(windows, make_window(rest.from, to));
		rest.from = to;
	}
	return lappend(windows, make_window(rest.from, rest.to));
}

/* The whole window, in as many slices as it takes.  One that is a single
 * instant cannot be cut. */
static void
build_graph(Gatherer *gatherer, ServiceGraph *graph, bool with_virtual)
{
	List *windows =
		list_make1(make_window(gatherer->window.from, gatherer->window.to));

	while (windows != NIL)
	{
		gatherer->window = *(Window *) llast(windows);
		windows = list_delete_last(windows);
		gatherer->limit = (uint64) maintenance_work_mem * 1024 / SPAN_BYTES;
		if (add_window(gatherer, graph, with_virtual))
			continue;
		if (gatherer->earliest < gatherer->latest)
			windows = slice_window(gatherer, windows);
		else
		{
			gatherer->limit = PG_UINT64_MAX;
			(void) add_window(gatherer, graph, with_virtual);
		}
	}
}

/*
 * Output
 */

static const char *const type_names[] = {
	[CALL_REQUEST] = "request",
	[CALL_MESSAGING] = "messaging",
	[CALL_LINK] = "link",
	[CALL_DATABASE] = "database",
	[CALL_QUEUE] = "messaging",
	[CALL_VIRTUAL] = "request",
};

static void
put_name(Row *row, const ServiceGraph *graph, uint32 name)
{
	row_put_slice(row,
				  name == STRING_NONE ? (Slice){NULL, 0}
									  : graph->names.strings[name]);
}

/* What is before a byte 0, which is cut off with it; all of it without one. */
static Slice
next_part(Slice *rest)
{
	const char *end = memchr(rest->data, '\0', rest->length);
	Slice part = *rest;

	if (end == NULL)
	{
		*rest = (Slice){NULL, 0};
		return part;
	}
	part.length = end - rest->data;
	*rest = (Slice){end + 1, rest->length - part.length - 1};
	return part;
}

/* The name in a service_key. */
static void
put_service(Row *row, const ServiceGraph *graph, uint32 service)
{
	Slice rest = graph->names.strings[service];

	row_put_slice(row, next_part(&rest));
}

/* The namespace and the environment in a service_key. */
static void
put_scope(Row *row, const ServiceGraph *graph, uint32 service)
{
	Slice rest = graph->names.strings[service];

	(void) next_part(&rest);
	for (int i = 0; i < 2; i++)
	{
		Slice part = rest.data == NULL ? rest : next_part(&rest);

		row_put_slice(row, part.length == 0 ? (Slice){NULL, 0} : part);
	}
}

static void
put_quantiles(Row *row, const Sketch *sketch)
{
	static const double quantiles[] = {0.5, 0.95, 0.99};

	for (size_t i = 0; i < lengthof(quantiles); i++)
	{
		if (sketch == NULL)
			row_put_null(row);
		else
			row_put_float8(row, sketch_quantile(sketch, quantiles[i]) / 1e6);
	}
}

/* The quantiles of all parts together. */
static void
put_together(Row *row, const WeightedPart *parts, size_t count)
{
	OpenSketch *together;

	if (count == 0)
		put_quantiles(row, NULL);
	else if (count == 1)
		put_quantiles(row, parts[0].sketch);
	else
	{
		/* of one accuracy, and no more than counts can hold */
		if (sketch_weigh(
				server_host(), SKETCH_DEFAULT_ALPHA, parts, count, &together) !=
			SKETCH_OK)
			elog(ERROR, "could not weigh the durations of calls");
		put_quantiles(row, &together->head);
	}
}

/* What one side of the calls took, each counted once or weighted. */
static void
put_side(Row *row, const ServiceEdge *edge, bool is_client, bool is_weighted)
{
	WeightedPart *parts = palloc(sizeof(WeightedPart) * (edge->part_count + 1));
	size_t count = 0;

	for (uint32 i = 0; i < edge->part_count; i++)
	{
		const CallDurations *durations =
			is_client ? &edge->parts[i].client : &edge->parts[i].server;

		if (durations->sketch == NULL)
			continue;
		parts[count].sketch = &durations->sketch->head;
		parts[count++].weight =
			is_weighted ? durations->weight / (double) durations->sketch->count
						: 1;
	}
	put_together(row, parts, count);
	pfree(parts);
}

/* What lay between the two sides. */
static void
put_network(Row *row, double sum, double weight)
{
	if (weight > 0)
		row_put_float8(row, sum / US_PER_MS / weight);
	else
		row_put_null(row);
}

static void
put_counts(Row *row, const ServiceEdge *edge)
{
	row_put_int64(row, (int64) edge->calls);
	row_put_float8(row, edge->weight);
	row_put_int64(row, (int64) edge->errors);
	row_put_float8(row, (double) edge->errors / (double) edge->calls);
	row_put_float8(row, edge->error_weight);
	row_put_float8(row, edge->error_weight / edge->weight);
}

static void
put_weighted(Row *row, const ServiceEdge *edge)
{
	put_side(row, edge, true, true);
	put_side(row, edge, false, true);
	put_network(row, edge->weighted_network, edge->network_weight);
}

static void
put_edge(Row *row, const ServiceGraph *graph, const ServiceEdge *edge)
{
	put_service(row, graph, edge->caller);
	put_name(row, graph, edge->caller_operation);
	put_service(row, graph, edge->callee);
	put_name(row, graph, edge->callee_operation);
	row_put_text(row, type_names[edge->type]);
	row_put_bool(row,
				 edge->type == CALL_MESSAGING || edge->type == CALL_LINK ||
					 edge->type == CALL_QUEUE);
	row_put_bool(row, edge->type >= CALL_DATABASE);
	put_counts(row, edge);
	put_side(row, edge, true, false);
	put_side(row, edge, false, false);
	put_network(row, edge->network, (double) edge->network_calls);
	row_put_slice(row, edge->exemplar_trace_id);
	row_put_slice(row, edge->exemplar_span_id);
	put_scope(row, graph, edge->caller);
	put_scope(row, graph, edge->callee);
	/* 0.1.0 has no more columns */
	if (row->count < row->result->setDesc->natts)
		put_weighted(row, edge);
	row_emit(row);
}

static const WordArgument level_words = {.name = "level",
										 .words = {"service", "operation"}};

/*
 * trace_dependency_edges(from_time timestamptz, to_time timestamptz,
 *     level text, include_virtual boolean, include_links boolean)
 *     -> setof record
 *
 * One row an edge, in no order, durations in ms; an error if the level is
 * neither "service" nor "operation".
 */
Datum
dt_trace_service_dependencies(PG_FUNCTION_ARGS)
{
	bool by_operation = word_argument(fcinfo, 2, &level_words) == 1;
	bool with_virtual = PG_GETARG_BOOL(3);
	Gatherer gatherer = {
		.schema = calling_schema(fcinfo),
		.window = {PG_GETARG_TIMESTAMPTZ(0), PG_GETARG_TIMESTAMPTZ(1)},
		.with_links = PG_GETARG_BOOL(4),
	};
	ServiceGraph graph;
	Row row;

	row_begin(&row, fcinfo, 0);
	SPI_connect();
	initStringInfo(&gatherer.peer);
	initStringInfo(&gatherer.service);
	gatherer.context = AllocSetContextCreate(CurrentMemoryContext,
											 "distributed_trace call spans",
											 ALLOCSET_DEFAULT_SIZES);
	gatherer.row = AllocSetContextCreate(CurrentMemoryContext,
										 "distributed_trace call span",
										 ALLOCSET_DEFAULT_SIZES);
	gatherer.spans_host = context_host(gatherer.context);
	gatherer.graph_host = context_host(CurrentMemoryContext);
	service_graph_init(&graph, &gatherer.graph_host.host, by_operation);
	build_graph(&gatherer, &graph, with_virtual);
	for (uint32 i = 0; i < graph.count; i++)
		put_edge(&row, &graph, &graph.edges[i]);
	SPI_finish();
	return (Datum) 0;
}
