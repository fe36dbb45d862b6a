/*
 * The figures of a trace: core/summary.
 */
#include "core/tree/summary.h"

#include "small_tree.h"

static TraceSummary
summarize(UnitHost *unit, const SpanTree *tree)
{
	TraceSummary summary;

	if (summarize_trace(&unit->host, tree, &summary) != CORE_OK)
		abort();
	return summary;
}

static const char *
root_id(const SpanTree *tree, const TraceSummary *summary)
{
	static char text[32];
	Slice id =
		span_tree_string(tree, span_tree_nodes(tree)[summary->root].span_id);

	snprintf(text, sizeof(text), "%.*s", (int) id.length, id.data);
	return text;
}

static void
test_plain(UnitHost *unit)
{
	const SpanTree *tree =
		SMALL_TREE(unit,
				   {"a", NULL, "web", "GET /", 1000, 5000, 4000, 0, false},
				   {"b", "a", "cart", "read", 1000, 2000, 0, 0, true},
				   {"c", "a", "cart", "write", 2000, 4000, 0, 0, false},
				   {"d", "c", "db", "INSERT", 2500, 3500, 0, 0, true});
	TraceSummary s = summarize(unit, tree);

	CHECK(strcmp(root_id(tree, &s), "a") == 0, "the root");
	CHECK(s.has_times && s.start_time == 1000 && s.end_time == 5000,
		  "the times");
	CHECK(s.span_count == 4 && s.error_count == 2, "spans and errors");
	CHECK(s.service_count == 3, "services are counted once each");
	CHECK(s.root_count == 1 && s.orphan_count == 0, "one root");
	CHECK(s.max_depth == 2, "the depth of the deepest span");
	CHECK(s.max_concurrency == 3, "a, c and d run together, b has ended");
	CHECK(s.is_complete, "complete");
}

static void
test_concurrency(UnitHost *unit)
{
	const SpanTree *touching =
		SMALL_TREE(unit,
				   {"a", NULL, "s", "o", 0, 10, 0, 0, false},
				   {"b", NULL, "s", "o", 10, 20, 0, 0, false});
	const SpanTree *empty = SMALL_TREE(unit,
									   {"a", NULL, "s", "o", 5, 5, 0, 0, false},
									   {"b", "a", "s", "o", 5, 5, 0, 0, false});
	const SpanTree *copies =
		SMALL_TREE(unit,
				   {"a", NULL, "s", "o", 0, 10, 0, 0, false},
				   {"a", NULL, "s", "o", 0, 10, 0, 0, false});
	const SpanTree *backward =
		SMALL_TREE(unit,
				   {"a", NULL, "s", "o", 0, 10, 0, 0, false},
				   {"b", "a", "s", "o", 5, 3, 0, 0, false});

	CHECK(summarize(unit, touching).max_concurrency == 1,
		  "spans that touch do not run together");
	CHECK(summarize(unit, empty).max_concurrency == 0,
		  "a span of no length never runs");
	CHECK(summarize(unit, copies).max_concurrency == 1, "a copy never runs");
	CHECK(summarize(unit, backward).max_concurrency == 1,
		  "a span that ends before it starts never runs");
}

static void
test_roots(UnitHost *unit)
{
	const SpanTree *tree =
		SMALL_TREE(unit,
				   {"o", "lost", "s", "o", 0, 99, 0, 0, false},
				   {"z", NULL, "s", "late", 7, 50, 0, 0, false},
				   {"y", NULL, "s", "short", 5, 10, 0, 0, false},
				   {"x", NULL, "s", "long", 5, 20, 0, 0, false},
				   {"w", NULL, "s", "same", 5, 20, 0, 0, false});
	const SpanTree *orphans =
		SMALL_TREE(unit,
				   {"b", "lost", "s", "o", 5, 9, 0, 0, false},
				   {"a", "gone", "s", "o", 2, 3, 0, 0, false});
	TraceSummary s = summarize(unit, tree);

	CHECK(strcmp(root_id(tree, &s), "w") == 0,
		  "a true root; of those the earliest, longest, smallest");
	CHECK(s.root_count == 4 && s.orphan_count == 1, "roots and orphans");
	CHECK(!s.is_complete, "not complete");
	s = summarize(unit, orphans);
	CHECK(strcmp(root_id(orphans, &s), "a") == 0, "without one, the earliest");
	CHECK(s.root_count == 0 && s.orphan_count == 2, "orphans are no roots");
}

static void
test_doubled(UnitHost *unit)
{
	const SpanTree *tree = SMALL_TREE(unit,
									  {"a", NULL, "s", "o", 0, 10, 0, 0, true},
									  {"a", NULL, "s", "o", 0, 10, 0, 0, true},
									  {"b", "a", "s", "o", 1, 2, 0, 0, false},
									  {"b", "a", "s", "o", 1, 2, 0, 0, false});
	TraceSummary s = summarize(unit, tree);

	CHECK(s.span_count == 4 && s.error_count == 2, "copies are spans");
	CHECK(s.root_count == 1 && s.is_complete,
		  "a trace stored twice is complete");
	CHECK(s.max_concurrency == 2, "a and b, not their copies");
}

static void
test_incomplete(UnitHost *unit)
{
	const SpanTree *unfinished =
		SMALL_TREE(unit,
				   {"a", NULL, "s", "o", 0, UNKNOWN, 0, 0, false},
				   {"b", "a", "s", "o", 1, 20, 0, 0, false});
	const SpanTree *late = SMALL_TREE(unit,
									  {"a", NULL, "s", "o", 0, 9, 0, 0, false},
									  {"b", "a", "s", "o", 1, 25, 0, 0, false},
									  {"c", "a", "s", "o", 2, 3, 0, 0, false});
	const SpanTree *by_duration =
		SMALL_TREE(unit, {"a", NULL, "s", "o", 0, UNKNOWN, 30, 0, false});
	const SpanTree *orphan =
		SMALL_TREE(unit,
				   {"a", NULL, "s", "o", 0, 9, 0, 0, false},
				   {"b", "lost", "s", "o", 1, 2, 0, 0, false});
	const SpanTree *cycle = SMALL_TREE(unit,
									   {"r", NULL, "s", "o", 0, 9, 0, 0, false},
									   {"a", "b", "s", "o", 1, 2, 0, 0, false},
									   {"b", "a", "s", "o", 2, 3, 0, 0, false});
	const SpanTree *no_start =
		SMALL_TREE(unit, {"a", NULL, "s", "o", UNKNOWN, 9, 0, 0, false});
	TraceSummary s = summarize(unit, unfinished);

	CHECK(!s.is_complete && s.end_time == 20,
		  "an unfinished span reaches as far as its subtree");
	s = summarize(unit, by_duration);
	CHECK(s.is_complete && s.end_time == 30, "a duration is an end");
	CHECK(summarize(unit, late).end_time == 25 &&
			  summarize(unit, late).is_complete,
		  "the latest end, whoever ends then");
	CHECK(!summarize(unit, orphan).is_complete, "an orphan");
	s = summarize(unit, cycle);
	CHECK(!s.is_complete && s.root_count == 1, "a cycle has no true root");
	s = summarize(unit, no_start);
	CHECK(!s.is_complete && !s.has_times && s.max_concurrency == 0,
		  "a span without a start has no time");
	CHECK(strcmp(root_id(no_start, &s), "a") == 0, "but may be the root");
}

static void
test_limits(UnitHost *unit)
{
	const SpanTree *none = small_tree(unit, NULL, 0);
	const SpanTree *far = SMALL_TREE(
		unit, {"a", NULL, "s", "o", INT64_MIN + 1, INT64_MAX, 0, 0, false});
	TraceSummary s = summarize(unit, none);

	CHECK(s.span_count == 0 && s.root == SPAN_TREE_NONE && !s.has_times &&
			  !s.is_complete,
		  "no spans");
	s = summarize(unit, far);
	CHECK(s.start_time == INT64_MIN + 1 && s.end_time == INT64_MAX,
		  "the whole range of times");
	unit->allocations_left = 1;
	CHECK(summarize_trace(&unit->host, far, &s) == CORE_NO_MEMORY,
		  "no memory is an error");
	unit->allocations_left = -1;
}

/* Against a count over every instant, for random spans. */
static void
test_concurrency_by_force(UnitHost *unit)
{
	bool agrees = true;
	unsigned seed = 1;

	for (; agrees && seed <= 300; seed++)
	{
		SmallSpan spans[12];
		char ids[12][4];
		uint32_t most = 0;
		const SpanTree *tree;

		srand(seed);
		for (int i = 0; i < 12; i++)
		{
			snprintf(ids[i], sizeof(ids[i]), "%d", i + 1);
			spans[i] = (SmallSpan){.id = ids[i],
								   .service = "s",
								   .operation = "o",
								   .start = rand() % 20};
			spans[i].end = spans[i].start + rand() % 8;
		}
		tree = small_tree(unit, spans, 12);
		for (int t = 0; t < 30; t++)
		{
			uint32_t running = 0;

			for (int i = 0; i < 12; i++)
				running += spans[i].start <= t && t < spans[i].end;
			if (running > most)
				most = running;
		}
		agrees = summarize(unit, tree).max_concurrency == most;
		unit_host_release(unit);
	}
	CHECK(agrees, "concurrency of random spans (seed %u)", seed - 1);
}

int
main(void)
{
	UnitHost unit;

	unit_host_init(&unit);
	test_plain(&unit);
	test_concurrency(&unit);
	test_roots(&unit);
	test_doubled(&unit);
	test_incomplete(&unit);
	test_limits(&unit);
	test_concurrency_by_force(&unit);
	unit_host_release(&unit);
	return unit_done();
}
