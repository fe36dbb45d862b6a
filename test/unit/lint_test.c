/*
 * The problems of a trace: core/lint.
 */
#include "core/tree/lint.h"

#include "small_tree.h"

typedef struct Collector
{
	LintReport report;
	const SpanTree *tree;
	char text[4000];
	size_t count;
} Collector;

/* One line a problem: "name span: detail". */
static void
collect(LintReport *report, LintProblem problem, uint32_t position,
		Slice detail)
{
	Collector *c = (Collector *) report;
	size_t used = strlen(c->text);
	Slice id =
		span_tree_string(c->tree, span_tree_nodes(c->tree)[position].span_id);

	c->count++;
	snprintf(c->text + used,
			 sizeof(c->text) - used,
			 "%s %.*s: %.*s\n",
			 lint_problem_name(problem),
			 (int) id.length,
			 id.data,
			 (int) detail.length,
			 detail.data);
}

static void
check_lint(UnitHost *unit, const SpanTree *tree, const char *expected,
		   const char *name)
{
	Collector c = {.report = {collect}, .tree = tree};
	CoreStatus status = lint_trace(&unit->host, tree, &c.report);

	if (!CHECK(status == CORE_OK && strcmp(c.text, expected) == 0, "%s", name))
		printf("# got:\n%s# expected:\n%s", c.text, expected);
}

static void
test_clean(UnitHost *unit)
{
	check_lint(unit,
			   SMALL_TREE(unit,
						  {"a", NULL, "web", "o", 0, 90, 90, 0, false},
						  {"b", "a", "db", "o", 0, 40, 0, 0, true},
						  {"c", "a", "db", "o", 50, 90, 0, 0, false},
						  {"d", "c", "db", "o", 60, 60, 0, 0, false}),
			   "",
			   "a sound trace");
	check_lint(unit, small_tree(unit, NULL, 0), "", "no spans");
}

static void
test_shape(UnitHost *unit)
{
	check_lint(unit,
			   SMALL_TREE(unit,
						  {"o", "lost", "s", "o", 1, 2, 0, 0, false},
						  {"r", NULL, "s", "o", 0, 9, 0, 0, false}),
			   "orphan o: parent lost was not recorded\n",
			   "an orphan");
	check_lint(unit,
			   SMALL_TREE(unit,
						  {"o", "lost", "s", "o", 1, 2, 0, 0, false},
						  {"p", "lost", "s", "o", 3, 4, 0, 0, false}),
			   "no_root o: every span has a parent; this one stands for the "
			   "trace\n"
			   "orphan o: parent lost was not recorded\n"
			   "orphan p: parent lost was not recorded\n",
			   "only orphans");
	check_lint(unit,
			   SMALL_TREE(unit,
						  {"r", NULL, "s", "o", 3, 9, 0, 0, false},
						  {"q", NULL, "s", "o", 0, 9, 0, 0, false},
						  {"p", NULL, "s", "o", 0, 8, 0, 0, false}),
			   "multiple_roots q: 3 spans have no parent; this one stands for "
			   "the trace\n",
			   "several roots");
	check_lint(unit,
			   SMALL_TREE(unit,
						  {"r", NULL, "s", "o", 0, 9, 0, 0, false},
						  {"q", NULL, "s", "o", 0, 8, 0, 0, false}),
			   "multiple_roots r: 2 spans have no parent; this one stands for "
			   "the trace\n",
			   "two roots");
	check_lint(unit,
			   SMALL_TREE(unit,
						  {"r", NULL, "s", "o", 0, 9, 0, 0, false},
						  {"a", "c", "s", "o", 1, 8, 0, 0, false},
						  {"b", "a", "s", "o", 2, 7, 0, 0, false},
						  {"c", "b", "s", "o", 3, 6, 0, 0, false},
						  {"d", "c", "s", "o", 4, 5, 0, 0, false}),
			   "cycle a: 3 spans are each other's ancestors; cut above this "
			   "one, whose parent is c\n",
			   "a cycle");
	check_lint(unit,
			   SMALL_TREE(unit, {"r", "r", "s", "o", 0, 9, 0, 0, false}),
			   "self_parent r: names itself as its parent\n",
			   "self parent");
}

static void
test_duplicates(UnitHost *unit)
{
	check_lint(unit,
			   SMALL_TREE(unit,
						  {"r", NULL, "s", "o", 0, 9, 0, 0, false},
						  {"r", NULL, "s", "o", 0, 9, 0, 0, false},
						  {"b", "r", "s", "o", 1, 2, 0, 0, false},
						  {"b", "r", "s", "o", 3, 4, 0, 0, false},
						  {"b", "r", "s", "o", 5, 8, 0, 0, false},
						  {"c", "r", "s", "o", 5, 8, 0, 0, false}),
			   "duplicate_id r: 2 spans share this id\n"
			   "duplicate_id b: 3 spans share this id\n",
			   "each duplicated id once, at its owner");
	check_lint(unit,
			   SMALL_TREE(unit,
						  {"r", NULL, "s", "o", 0, 9, 0, 0, false},
						  {"b", "x", "s", "o", 1, 2, 0, 0, false},
						  {"b", "x", "s", "o", 1, 2, 0, 0, false}),
			   "duplicate_id b: 2 spans share this id\n"
			   "orphan b: parent x was not recorded\n",
			   "a copy is no further orphan");
}

static void
test_durations(UnitHost *unit)
{
	check_lint(unit,
			   SMALL_TREE(unit,
						  {"r", NULL, "s", "o", 0, 9, 0, 0, false},
						  {"b", "r", "s", "o", 5, 3, 0, 0, false}),
			   "negative_duration b: ends 0.002 ms before it starts\n",
			   "end before start");
	check_lint(
		unit,
		SMALL_TREE(unit, {"r", NULL, "s", "o", 0, UNKNOWN, -5, 0, false}),
		"negative_duration r: duration -0.005 ms\n",
		"a negative duration");
	check_lint(
		unit,
		SMALL_TREE(unit, {"r", NULL, "s", "o", 0, 50000, 51000, 0, false}),
		"",
		"1 ms more is no mismatch");
	check_lint(
		unit,
		SMALL_TREE(unit, {"r", NULL, "s", "o", 0, 50000, 51001, 0, false}),
		"duration_mismatch r: duration 51.001 ms, end - start 50.000 "
		"ms\n",
		"1.001 ms and 2 % more is");
	check_lint(
		unit,
		SMALL_TREE(unit, {"r", NULL, "s", "o", 0, 990000, 1000000, 0, false}),
		"",
		"1 % is no mismatch");
	check_lint(
		unit,
		SMALL_TREE(unit, {"r", NULL, "s", "o", 0, 1000000, 989999, 0, false}),
		"duration_mismatch r: duration 989.999 ms, end - start "
		"1000.000 ms\n",
		"more than 1 % less is");
	check_lint(unit,
			   SMALL_TREE(unit, {"r", NULL, "s", "o", 0, UNKNOWN, 0, 0, false}),
			   "unfinished r: neither an end nor a duration was recorded\n",
			   "unfinished");
	check_lint(unit,
			   SMALL_TREE(unit, {"r", NULL, "s", "o", UNKNOWN, 9, 0, 0, false}),
			   "missing_start r: the start was not recorded\n",
			   "missing start");
}

static void
test_order(UnitHost *unit)
{
	check_lint(unit,
			   SMALL_TREE(unit,
						  {"r", NULL, "s", "o", 1000, 3000, 0, 0, false},
						  {"a", "r", "s", "o", 500, 2000, 0, 0, false},
						  {"b", "r", "s", "o", 999, 4234, 0, 0, false}),
			   "child_before_parent a: starts 0.500 ms before its parent\n"
			   "child_before_parent b: starts 0.001 ms before its parent\n"
			   "child_outlives_parent b: ends 1.234 ms after its parent\n",
			   "children outside their parent");
	check_lint(
		unit,
		SMALL_TREE(unit,
				   {"r", NULL, "s", "o", 0, 9, 0, SPAN_KIND_PRODUCER, false},
				   {"c", "r", "t", "o", 7, 14, 0, SPAN_KIND_CONSUMER, false}),
		"",
		"a message may be consumed later");
	check_lint(
		unit,
		SMALL_TREE(unit,
				   {"r", NULL, "s", "o", 5, 14, 0, SPAN_KIND_PRODUCER, false},
				   {"c", "r", "t", "o", 4, 10, 0, SPAN_KIND_CONSUMER, false}),
		"child_before_parent c: starts 0.001 ms before its parent\n"
		"clock_skew c: the clock of t seems to be 0.002 ms behind that "
		"of s, the median of 1 span\n",
		"but not before it is sent");
}

static void
test_skew(UnitHost *unit)
{
	check_lint(
		unit,
		SMALL_TREE(unit,
				   {"r", NULL, "web", "o", 10000, 90000, 0, 0, false},
				   {"a", "r", "db", "o", 8000, 18000, 0, 0, false},
				   {"b", "r", "db", "o", 5000, 85000, 0, 0, false},
				   {"c", "r", "db", "o", 9000, 20000, 0, 0, false},
				   {"d", "r", "mq", "o", 80000, 100000, 0, 0, false},
				   {"e", "r", "web", "o", 85000, 91000, 0, 0, false},
				   {"f", "r", "big", "o", 0, 90000, 0, 0, false}),
		"child_before_parent f: starts 10.000 ms before its parent\n"
		"child_before_parent b: starts 5.000 ms before its parent\n"
		"clock_skew b: the clock of db seems to be 35.500 ms behind that of "
		"web, the median of 3 spans\n"
		"child_before_parent a: starts 2.000 ms before its parent\n"
		"child_before_parent c: starts 1.000 ms before its parent\n"
		"child_outlives_parent d: ends 10.000 ms after its parent\n"
		"clock_skew d: the clock of mq seems to be 40.000 ms ahead of that of "
		"web, the median of 1 span\n"
		"child_outlives_parent e: ends 1.000 ms after its parent\n",
		"skew by pair of services, longer and own children apart");
	check_lint(
		unit,
		SMALL_TREE(unit,
				   {"r", NULL, "web", "o", 10, 20, 0, 0, false},
				   {"a", "r", "db", "o", 4, 8, 0, 0, false},
				   {"b", "r", "db", "o", 5, 8, 0, 0, false}),
		"child_before_parent a: starts 0.006 ms before its parent\n"
		"clock_skew a: the clock of db seems to be 0.008 ms behind that of "
		"web, the median of 2 spans\n"
		"child_before_parent b: starts 0.005 ms before its parent\n",
		"of two spans the lower offset");
	check_lint(
		unit,
		SMALL_TREE(unit,
				   {"r", NULL, "web", "o", 10, 20, 0, 0, false},
				   {"a", "r", "mq", "o", 11, 14, 0, 0, false},
				   {"b", "a", "x", "o", 10, 11, 0, 0, false},
				   {"c", "r", "db", "o", 18, 21, 0, 0, false}),
		"child_before_parent b: starts 0.001 ms before its parent\n"
		"clock_skew b: the clock of x seems to be 0.002 ms behind that of mq, "
		"the median of 1 span\n"
		"child_outlives_parent c: ends 0.001 ms after its parent\n"
		"clock_skew c: the clock of db seems to be 0.005 ms ahead of that of "
		"web, the median of 1 span\n",
		"pairs of services where they occur");
}

static void
test_names(UnitHost *unit)
{
	check_lint(unit,
			   SMALL_TREE(unit, {"r", NULL, "", "", 0, 9, 0, 0, false}),
			   "empty_operation r: the operation is empty\n"
			   "empty_service r: the service name is empty\n",
			   "empty names");
}

static void
test_names_are_sorted(void)
{
	bool sorted = true;

	for (int i = 1; i < LINT_PROBLEM_COUNT; i++)
	{
		if (strcmp(lint_problem_name(i - 1), lint_problem_name(i)) >= 0)
			sorted = false;
	}
	CHECK(sorted, "the problems are in the order of their names");
}

/* A detail of any length, and every lack of memory. */
static void
test_memory(UnitHost *unit)
{
	static char name[100001];
	const SpanTree *tree;
	bool fails = true;
	Collector c = {.report = {collect}};

	memset(name, 'x', sizeof(name) - 1);
	tree = SMALL_TREE(unit, {"r", name, "s", "o", 0, UNKNOWN, 0, 0, false});
	c.tree = tree;
	CHECK(lint_trace(&unit->host, tree, &c.report) == CORE_OK && c.count == 3,
		  "a long name");
	for (int left = 0; left < 7 && fails; left++)
	{
		unit->allocations_left = left;
		fails = lint_trace(&unit->host, tree, &c.report) == CORE_NO_MEMORY;
		unit->allocations_left = -1;
	}
	CHECK(fails, "no memory is an error wherever it happens");
}

int
main(void)
{
	UnitHost unit;

	unit_host_init(&unit);
	test_clean(&unit);
	test_shape(&unit);
	test_duplicates(&unit);
	test_durations(&unit);
	test_order(&unit);
	test_skew(&unit);
	test_names(&unit);
	test_names_are_sorted();
	test_memory(&unit);
	unit_host_release(&unit);
	return unit_done();
}
