/*
 * The service map without a server: calls, peers, links, spans of other
 * windows, and running out of memory at every point.
 */
#include "unit.h"

#include "core/map/service_graph.h"
#include "core/wire/sampling.h"

#define S(text) ((Slice){(text), (uint32_t) strlen(text)})

static CallSpan
make_span(const char *id, const char *parent, const char *service, uint8_t kind,
		  int64_t duration)
{
	return (CallSpan){
		.trace_id = S("trace"),
		.span_id = S(id),
		.parent_span_id = S(parent),
		.service_name = S(service),
		.operation = S(id),
		.duration = duration,
		.weight = 1,
		.kind = kind,
		.is_counted = true,
	};
}

/* web calls cart over a client span, cart a database; a batch is linked. */
static CoreStatus
gather(CallSpans *spans)
{
	CallSpan all[] = {
		make_span("1", "", "web", SPAN_KIND_SERVER, 100),
		make_span("2", "1", "web", SPAN_KIND_CLIENT, 80),
		make_span("3", "2", "cart", SPAN_KIND_SERVER, 50),
		make_span("4", "3", "cart", SPAN_KIND_CLIENT, 20),
		make_span("5", "gone", "mail", SPAN_KIND_CONSUMER, CALL_NO_DURATION),
		make_span("6", "6", "self", SPAN_KIND_SERVER, 1),
	};
	CoreStatus status = CORE_OK;

	all[2].is_error = true;
	all[3].peer = S("db");
	all[3].peer_type = CALL_DATABASE;
	all[3].may_have_other_children = true;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && status == CORE_OK;
		 i++)
	{
		status = call_spans_add(spans, &all[i]);
		if (i == 4 && status == CORE_OK)
			status = call_spans_add_link(spans, S("trace"), S("3"));
	}
	return status;
}

static const ServiceEdge *
find(const ServiceGraph *graph, const char *caller, const char *callee)
{
	for (uint32_t i = 0; i < graph->count; i++)
	{
		const ServiceEdge *edge = &graph->edges[i];

		if (slice_equal(graph->names.strings[edge->caller], S(caller)) &&
			slice_equal(graph->names.strings[edge->callee], S(callee)))
			return edge;
	}
	return NULL;
}

static void
test_calls(void)
{
	UnitHost unit;
	ServiceGraph graph;
	CallSpans spans;
	const ServiceEdge *edge;
	Slice trace_id;
	Slice span_id;

	unit_host_init(&unit);
	service_graph_init(&graph, &unit.host, false);
	call_spans_init(&spans, &unit.host, &graph);
	CHECK(gather(&spans) == CORE_OK, "gathers");
	call_spans_connect(&spans);
	CHECK(call_spans_missing_parent(&spans, 4, &trace_id, &span_id) &&
			  slice_equal(span_id, S("gone")),
		  "tells which parent is missing");
	CHECK(!call_spans_missing_parent(&spans, 5, &trace_id, &span_id),
		  "a span that is its own parent needs none");
	CHECK(call_spans_is_open_end(&spans, 3), "an open end");
	CHECK(!call_spans_is_open_end(&spans, 1), "one with something below");
	CHECK(service_graph_add(&spans, true, true) == CORE_OK, "adds up");
	CHECK(graph.count == 3, "three edges, not %u", graph.count);
	edge = find(&graph, "web", "cart");
	if (CHECK(edge != NULL, "web calls cart"))
	{
		CHECK(edge->calls == 1 && edge->errors == 1 &&
				  edge->network_calls == 1 && edge->network == 30,
			  "once, failing, with time between");
		CHECK(slice_equal(edge->exemplar_span_id, S("3")), "an exemplar");
	}
	edge = find(&graph, "cart", "db");
	CHECK(edge != NULL && edge->type == CALL_DATABASE &&
			  edge->parts[0].server.sketch == NULL,
		  "cart calls a database");
	edge = find(&graph, "cart", "mail");
	CHECK(edge != NULL && edge->type == CALL_LINK, "mail is linked to cart");
	unit_host_release(&unit);
}

/* Something below the open end was found elsewhere; the graph outlives what is
 * gathered. */
static void
test_windows(void)
{
	UnitHost result;
	UnitHost unit;
	ServiceGraph graph;
	CallSpans spans;
	CallSpan below = make_span("7", "4", "db", SPAN_KIND_SERVER, 5);

	below.is_counted = false;
	unit_host_init(&result);
	service_graph_init(&graph, &result.host, true);
	for (int i = 0; i < 3; i++)
	{
		unit_host_init(&unit);
		call_spans_init(&spans, &unit.host, &graph);
		CHECK(gather(&spans) == CORE_OK, "gathers again");
		call_spans_connect(&spans);
		CHECK(call_spans_add(&spans, &below) == CORE_OK, "what is below");
		call_spans_connect(&spans);
		CHECK(service_graph_add(&spans, true, true) == CORE_OK, "adds");
		unit_host_release(&unit);
	}
	CHECK(graph.count == 2, "no virtual service");
	CHECK(graph.edges[0].calls == 3 && graph.edges[0].weight == 3,
		  "three windows are added up");
	CHECK(slice_equal(graph.edges[0].exemplar_trace_id, S("trace")),
		  "exemplars stay");
	unit_host_release(&result);
}

static void
test_many(void)
{
	UnitHost unit;
	ServiceGraph graph;
	CallSpans spans;
	bool is_fine = true;

	unit_host_init(&unit);
	service_graph_init(&graph, &unit.host, false);
	call_spans_init(&spans, &unit.host, &graph);
	for (int i = 0; i < 20000; i++)
	{
		char id[16];
		char parent[16];
		char service[16];
		CallSpan span;

		snprintf(id, sizeof(id), "%d", i);
		snprintf(parent, sizeof(parent), "%d", i - 1);
		snprintf(service, sizeof(service), "s%d", i % 200);
		span = make_span(id, parent, service, SPAN_KIND_SERVER, i);
		is_fine &= call_spans_add(&spans, &span) == CORE_OK;
		is_fine &= call_spans_add(&spans, &span) == CORE_OK;
	}
	call_spans_connect(&spans);
	is_fine &= service_graph_add(&spans, true, true) == CORE_OK;
	CHECK(is_fine, "many spans");
	CHECK(spans.count == 20000, "each once");
	CHECK(graph.count == 200, "200 edges, not %u", graph.count);
	CHECK(graph.edges[0].calls == 100, "100 calls each");
	unit_host_release(&unit);
}

static void
test_no_memory(void)
{
	bool is_fine = true;
	CoreStatus status = CORE_NO_MEMORY;

	for (long left = 0; status != CORE_OK && left < 1000; left++)
	{
		UnitHost unit;
		ServiceGraph graph;
		CallSpans spans;

		unit_host_init(&unit);
		unit.allocations_left = left;
		service_graph_init(&graph, &unit.host, true);
		call_spans_init(&spans, &unit.host, &graph);
		status = gather(&spans);
		if (status == CORE_OK)
		{
			call_spans_connect(&spans);
			status = service_graph_add(&spans, true, true);
		}
		is_fine &= status == CORE_OK || status == CORE_NO_MEMORY;
		unit_host_release(&unit);
	}
	CHECK(is_fine && status == CORE_OK, "no memory is told, wherever it ends");
}

static void
test_adjusted_count(void)
{
	static const struct
	{
		const char *state;
		double count;
	} cases[] = {
		{"", 1},
		{"ot=th:8", 2},
		{"ot=th:c", 4},
		{"ot=th:fd70a3d70a3d71", 100.0},
		{"ot=th:ffffffffffffff", 72057594037927936.0},
		{"ot=th:0", 1},
		{"ot=rv:1;th:8;x:y", 2},
		{"vendor=1 ,\tot=th:8\t", 2},
		{"ot=;;th:8", 2},
		{"ot=th:8;th:c", 2},
		{"ot=th:", 1},
		{"ot=th:g", 1},
		{"ot=th:8000000000000000", 1},
		{"ot=TH:8", 1},
		{"oot=th:8", 1},
		{"ot", 1},
		{",,,=;:", 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		double count = sampling_adjusted_count(S(cases[i].state));

		CHECK(count > cases[i].count * 0.999999 &&
				  count < cases[i].count * 1.000001,
			  "\"%s\" counts %g",
			  cases[i].state,
			  cases[i].count);
	}
}

int
main(void)
{
	test_calls();
	test_windows();
	test_many();
	test_no_memory();
	test_adjusted_count();
	return unit_done();
}
