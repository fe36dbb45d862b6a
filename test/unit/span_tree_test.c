/*
 * Building trees: what real traces get wrong, hostile shapes, and that neither
 * the order of the spans nor a second building changes a byte.
 *
 * A tree is written as "r R, .a, ..b": in pre-order, a dot a level, then the
 * marks: R root, O orphan, C in a cycle, S names itself, + has copies, = copy.
 */
#include <time.h>

#include "core/tree/span_tree.h"
#include "span_list.h"

#define TREE_TEXT 4000

/* A tree and the memory it lies in. */
typedef struct Built
{
	UnitHost unit;
	SpanTree *tree;
	const SpanNode *nodes;
} Built;

static void
build_list(Built *built, const SpanList *list)
{
	unit_host_init(&built->unit);
	built->tree = span_list_build(&built->unit, list);
	built->nodes = span_tree_nodes(built->tree);
}

static void
build(Built *built, const char *spans)
{
	SpanList list;

	span_list_init(&list);
	span_list_parse(&list, spans);
	build_list(built, &list);
	span_list_free(&list);
}

static const SpanNode *
node_of(const Built *built, const char *id)
{
	uint32_t at =
		span_tree_find(built->tree, (Slice){id, (uint32_t) strlen(id)});

	if (at == SPAN_TREE_NONE)
		abort();
	return &built->nodes[at];
}

static void
print_tree(char *to, const Built *built)
{
	static const struct
	{
		uint16_t flag;
		char letter;
	} marks[] = {{NODE_IS_ROOT, 'R'},
				 {NODE_IS_ORPHAN, 'O'},
				 {NODE_IN_CYCLE, 'C'},
				 {NODE_IS_SELF_PARENT, 'S'},
				 {NODE_HAS_COPY, '+'},
				 {NODE_IS_COPY, '='}};
	char *at = to;

	*to = '\0';
	for (uint32_t i = 0; i < built->tree->span_count; i++)
	{
		const SpanNode *node = &built->nodes[i];
		Slice id = span_tree_string(built->tree, node->span_id);

		at += sprintf(at,
					  "%s%.*s%.*s",
					  i > 0 ? ", " : "",
					  (int) node->depth,
					  "..........",
					  (int) id.length,
					  id.data);
		for (size_t j = 0; j < sizeof(marks) / sizeof(*marks); j++)
		{
			if (node->flags & marks[j].flag)
				at += sprintf(at, " %c", marks[j].letter);
		}
	}
}

typedef struct TreeCase
{
	const char *name;
	const char *spans;
	const char *expected;
} TreeCase;

static void
test_cases(void)
{
	static const TreeCase cases[] = {
		{"no spans", "", ""},
		{"one span", "r - 0 10", "r R"},
		{"siblings by start, then id",
		 "c r 5 6; b r 5 9; r - 0 10; a r 7 8; d b 5 6",
		 "r R, .b, ..d, .c, .a"},
		{"several roots by start, then id",
		 "b - 5 6; a - 5 9; c - 1 2; d a 6 7",
		 "c R, a R, .d, b R"},
		{"orphans keep what is below them",
		 "r - 0 10; o gone 2 9; x o 3 4; y x 3 4; p gone 1 2",
		 "r R, p O, o O, .x, ..y"},
		{"no parent: zeros", "r 0000000000000000 0 10; a r 1 2", "r R, .a"},
		{"no parent: its own id", "r r 0 10; a r 1 2", "r R S, .a"},
		{"an id of zeros is nobody's parent",
		 "000 - 0 9; a 000 1 2",
		 "000 R, a R"},
		{"a cycle of two is cut above its earliest",
		 "b a 1 9; a b 2 8; c b 3 4",
		 "b C, .a C, .c"},
		{"a cycle of three beside a root",
		 "r - 0 10; a c 5 6; b a 4 6; c b 6 7",
		 "r R, b C, .c C, ..a C"},
		{"of one start: above the smallest id",
		 "c b 5 6; b a 5 6; a c 5 6",
		 "a C, .b C, ..c C"},
		{"what hangs on a cycle is not of it",
		 "x a 0 9; a b 1 2; b a 2 3; y x 1 2; z b 5 6",
		 "a C, .x, ..y, .b C, ..z"},
		{"two cycles",
		 "a b 1 2; b a 2 3; c d 3 4; d c 4 5",
		 "a C, .b C, c C, .d C"},
		{"copies: the longest owns the children",
		 "r - 0 99; x r 5 5; x r 10 70; d x 30 50",
		 "r R, .x =, .x +, ..d"},
		{"copies: of equal length the earlier",
		 "r - 0 99; x r 20 30; x r 10 20; d x 15 16",
		 "r R, .x +, ..d, .x ="},
		{"copies: of equal times the first by service",
		 "r - 0 99; x r 20 30 b; x r 20 30 a; d x 25 26",
		 "r R, .x +, ..d, .x ="},
		{"copies: one with a start before one without",
		 "r - 0 99; x r 20 20; x r - 90; d x 25 26",
		 "r R, .x =, .x +, ..d"},
		{"three of one id",
		 "x - 0 5; x - 0 9; x - 0 7; a x 1 2",
		 "x R +, .a, x R =, x R ="},
		{"copies below different parents",
		 "r - 0 99; a r 1 9; x a 2 8; x r 20 40; d x 30 35",
		 "r R, .a, ..x =, .x +, ..d"},
		{"a copy on its owner is a child of it",
		 "r - 0 99; x r 10 90; x d 30 40; d x 20 50",
		 "r R, .x +, ..d, ...x ="},
		{"an id that is its own parent, twice",
		 "x x 0 9; x x 0 5; a x 1 2",
		 "x R S +, .a, x R S ="},
		{"a span without a start comes first",
		 "r - 0 99; b r 1 2; a r - 5; c a 3 4",
		 "r R, .a, ..c, .b"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		char text[TREE_TEXT];
		Built built;

		build(&built, cases[i].spans);
		print_tree(text, &built);
		if (!CHECK(strcmp(text, cases[i].expected) == 0, "%s", cases[i].name))
			printf("# got      %s\n# expected %s\n", text, cases[i].expected);
		unit_host_release(&built.unit);
	}
}

static void
test_reach(void)
{
	Built built;

	build(&built,
		  "r - 0; a r 10; b a 20 60; c a 70; d r 80 75; e d 76 90; z r 5 5; n "
		  "r - 500; m n 1 2");
	CHECK(node_of(&built, "b")->reach == 60, "a finished span ends at its end");
	CHECK(node_of(&built, "c")->reach == 70, "an unfinished leaf at its start");
	CHECK(node_of(&built, "a")->reach == 70,
		  "an unfinished span at the latest time below it, starts included");
	CHECK(node_of(&built, "d")->reach == 80 &&
			  node_of(&built, "d")->end_time == 75,
		  "one that ends before it starts at its start; its end is kept");
	CHECK(node_of(&built, "z")->reach == 5, "a span of no length");
	CHECK(node_of(&built, "r")->reach == 500,
		  "the end of a span without a start is a time seen");
	CHECK(node_of(&built, "n")->reach == INT64_MIN &&
			  !(node_of(&built, "n")->flags & SPAN_HAS_START),
		  "a span without a start covers nothing");
	unit_host_release(&built.unit);
}

static void
test_durations(void)
{
	SpanList list;
	Built built;
	int64_t duration;
	Span span = {.span_id = SLICE_LITERAL("a"),
				 .service_name = SLICE_LITERAL("s"),
				 .operation = SLICE_LITERAL("o"),
				 .start_time = 100,
				 .duration = 7,
				 .kind = SPAN_KIND_SERVER,
				 .flags = SPAN_HAS_START | SPAN_HAS_DURATION | SPAN_IS_ERROR};

	span_list_init(&list);
	span_list_add(&list, &span);
	span.span_id = SLICE_LITERAL("b");
	span.duration = INT64_MAX;
	span_list_add(&list, &span);
	span.span_id = SLICE_LITERAL("c");
	span.duration = -5;
	span_list_add(&list, &span);
	span.span_id = SLICE_LITERAL("d");
	span.end_time = 90;
	span.flags = SPAN_HAS_START | SPAN_HAS_END;
	span_list_add(&list, &span);
	build_list(&built, &list);
	CHECK(built.nodes[0].reach == 107 &&
			  built.nodes[0].kind == SPAN_KIND_SERVER &&
			  (built.nodes[0].flags & SPAN_IS_ERROR),
		  "without an end, the start plus the duration; kind and error");
	CHECK(built.nodes[1].reach == INT64_MAX, "a duration beyond all times");
	CHECK(built.nodes[2].reach == 100 &&
			  span_node_duration(&built.nodes[2], &duration) && duration == -5,
		  "a negative duration is kept, but covers nothing");
	CHECK(span_node_duration(&built.nodes[3], &duration) && duration == -10,
		  "a duration from the times");
	span_list_free(&list);
	unit_host_release(&built.unit);
}

static void
test_strings(void)
{
	Built built;
	const SpanNode *a;
	const SpanNode *b;

	build(&built, "r - 0 99 web; a r 1 2 db; b r 3 4 db; o gone 5 6 db");
	a = node_of(&built, "a");
	b = node_of(&built, "b");
	CHECK(a->service_name == b->service_name &&
			  a->service_name != built.nodes[0].service_name,
		  "equal names have equal offsets");
	CHECK(a->parent_span_id == built.nodes[0].span_id &&
			  built.nodes[0].parent_span_id == SPAN_TREE_NONE,
		  "a parent's id is the parent's string, or none");
	CHECK(slice_equal(span_tree_string(built.tree,
									   node_of(&built, "o")->parent_span_id),
					  SLICE_LITERAL("gone")),
		  "an orphan keeps its parent's id");
	CHECK(span_tree_find(built.tree, SLICE_LITERAL("nobody")) == SPAN_TREE_NONE,
		  "an id that is not there");
	CHECK(slice_equal(span_tree_trace_id(built.tree),
					  SLICE_LITERAL("0af7651916cd43dd8448eb211c80319c")),
		  "the trace id");
	unit_host_release(&built.unit);
}

/* What holds for any tree. */

/* Positions, depths, counts of descendants and orders agree. */
static bool
is_sound(const SpanTree *tree)
{
	const SpanNode *nodes = span_tree_nodes(tree);
	uint32_t roots = 0;
	uint32_t below = 0;

	for (uint32_t i = 0; i < tree->span_count; i++)
	{
		uint32_t parent = nodes[i].parent;
		uint32_t next = i + nodes[i].descendants + 1;

		if (next > tree->span_count)
			return false;
		if (next < tree->span_count && nodes[next].parent == parent &&
			nodes[next].start_time < nodes[i].start_time)
			return false;
		roots += parent == SPAN_TREE_NONE;
		below += nodes[i].descendants;
		if (parent == SPAN_TREE_NONE
				? nodes[i].depth != 0
				: parent >= i || i > parent + nodes[parent].descendants ||
					  nodes[i].depth != nodes[parent].depth + 1)
			return false;
		below -= nodes[i].depth;
	}
	return roots == tree->root_count && below == 0;
}

static bool
same_tree(const SpanTree *a, const SpanTree *b)
{
	return a->used == b->used && memcmp(a, b, a->used) == 0;
}

/* The tree of the spans of a built tree. */
static bool
rebuilds(Built *built)
{
	SpanCursor cursor = span_tree_spans(built->tree);
	SpanList list;
	Built again;
	Span span;
	bool same;

	span_list_init(&list);
	while (span_cursor_next(&cursor, &span))
		span_list_add(&list, &span);
	build_list(&again, &list);
	same = same_tree(built->tree, again.tree);
	unit_host_release(&again.unit);
	span_list_free(&list);
	return same;
}

/* An open tree gives back the spans put into it. */
static bool
reads_back(const SpanList *list)
{
	SpanCursor cursor;
	UnitHost unit;
	Span span;
	bool same = true;
	size_t i = 0;

	unit_host_init(&unit);
	cursor = span_tree_spans(span_list_open(&unit, list));
	for (; span_cursor_next(&cursor, &span); i++)
	{
		const Span *from = &list->spans[i];

		same &=
			slice_equal(span.span_id, from->span_id) &&
			slice_equal(span.parent_span_id, from->parent_span_id) &&
			(span.parent_span_id.data == NULL) ==
				(from->parent_span_id.data == NULL) &&
			slice_equal(span.service_name, from->service_name) &&
			slice_equal(span.operation, from->operation) &&
			span.kind == from->kind && span.flags == from->flags &&
			(!(span.flags & SPAN_HAS_START) ||
			 span.start_time == from->start_time) &&
			(!(span.flags & SPAN_HAS_END) || span.end_time == from->end_time);
	}
	unit_host_release(&unit);
	return same && i == list->count;
}

/* A span with everything that can be wrong, ids from a small set. */
static void
add_random_span(SpanList *list, uint64_t *random, uint64_t ids)
{
	static const uint8_t times[] = {SPAN_HAS_START | SPAN_HAS_END,
									SPAN_HAS_START | SPAN_HAS_END,
									SPAN_HAS_START | SPAN_HAS_END,
									SPAN_HAS_START | SPAN_HAS_DURATION,
									SPAN_HAS_START,
									SPAN_HAS_END,
									SPAN_HAS_DURATION,
									SPAN_HAS_START | SPAN_HAS_END |
										SPAN_HAS_DURATION};
	Span span = {
		.span_id = span_list_text(list, "%d", (int) random_below(random, ids)),
		.service_name =
			span_list_text(list, "%c", (int) ('a' + random_below(random, 2))),
		.operation = SLICE_LITERAL("o"),
		.kind = (uint8_t) random_below(random, SPAN_KIND_COUNT),
		.flags = times[random_below(random, sizeof(times))],
	};

	if (random_below(random, 8) > 0)
		span.parent_span_id =
			span_list_text(list, "%d", (int) random_below(random, ids + 1));
	if (span.flags & SPAN_HAS_START)
		span.start_time = (int64_t) random_below(random, 50);
	if (span.flags & SPAN_HAS_END)
		span.end_time =
			span.start_time + (int64_t) random_below(random, 50) - 5;
	if (span.flags & SPAN_HAS_DURATION)
		span.duration = (int64_t) random_below(random, 50) - 5;
	span_list_add(list, &span);
}

static void
test_random(void)
{
	bool sound = true;
	bool deterministic = true;
	bool rebuilt = true;
	bool read_back = true;
	SpanList list;

	span_list_init(&list);
	for (uint64_t seed = 1; seed <= 2000; seed++)
	{
		uint64_t random = random_seeded(seed);
		uint64_t count = 1 + random_below(&random, 25);
		uint64_t ids = 1 + random_below(&random, 40);
		bool passed = sound && deterministic && rebuilt && read_back;
		Built built;
		Built shuffled;

		span_list_clear(&list);
		for (uint64_t i = 0; i < count; i++)
			add_random_span(&list, &random, ids);
		read_back &= reads_back(&list);
		build_list(&built, &list);
		span_list_shuffle(&list, &random);
		build_list(&shuffled, &list);
		sound &= is_sound(built.tree) && built.tree->span_count == count;
		deterministic &= same_tree(built.tree, shuffled.tree);
		rebuilt &= rebuilds(&built);
		if (passed && !(sound && deterministic && rebuilt && read_back))
			printf("# seed %" PRIu64 " fails first\n", seed);
		unit_host_release(&built.unit);
		unit_host_release(&shuffled.unit);
	}
	CHECK(sound, "2000 random trees are sound");
	CHECK(deterministic, "the order of the spans changes no byte of them");
	CHECK(rebuilt, "built anew from their own spans they are the same");
	CHECK(read_back, "an open tree gives back its spans");
	span_list_free(&list);
}

/* Self times, instant by instant. */
static int64_t
slow_self_time(const Built *built, uint32_t span)
{
	const SpanNode *nodes = built->nodes;
	int64_t self = 0;

	if (!(nodes[span].flags & SPAN_HAS_START))
		return 0;
	for (int64_t at = nodes[span].start_time; at < nodes[span].reach; at++)
	{
		bool is_covered = false;

		for (uint32_t i = span + 1; i <= span + nodes[span].descendants; i++)
			is_covered |= nodes[i].parent == span &&
						  nodes[i].start_time <= at && at < nodes[i].reach;
		self += !is_covered;
	}
	return self;
}

static void
test_self_times(void)
{
	bool right = true;
	SpanList list;

	span_list_init(&list);
	for (uint64_t seed = 1; seed <= 1000; seed++)
	{
		uint64_t random = random_seeded(seed);
		uint32_t children[30] = {0};
		int64_t self[30];
		uint32_t child_count[30];
		Built built;

		span_list_clear(&list);
		for (int i = 0; i < 20; i++)
			add_random_span(&list, &random, 12);
		build_list(&built, &list);
		if (span_tree_self_times(
				&built.unit.host, built.tree, self, child_count) != CORE_OK)
			abort();
		for (uint32_t i = 0; i < 20; i++)
		{
			right &= self[i] == slow_self_time(&built, i);
			if (built.nodes[i].parent != SPAN_TREE_NONE)
				children[built.nodes[i].parent]++;
		}
		right &= memcmp(children, child_count, 20 * sizeof(uint32_t)) == 0;
		if (!right)
		{
			printf("# seed %" PRIu64 " fails\n", seed);
			unit_host_release(&built.unit);
			break;
		}
		unit_host_release(&built.unit);
	}
	CHECK(right, "self times and child counts of 1000 random trees");
	span_list_free(&list);
}

/* Hostile shapes. */

typedef enum Shape
{
	SHAPE_CHAIN,
	SHAPE_SIBLINGS,
	SHAPE_CYCLE,
	SHAPE_COPIES,
	SHAPE_ORPHANS,
	SHAPE_RANDOM,
} Shape;

static const char *const shape_names[] = {
	"chain",
	"siblings",
	"cycle",
	"copies",
	"orphans",
	"random",
};

static Slice
shape_parent(Shape shape, int i, int count, SpanList *list, uint64_t *random)
{
	switch (shape)
	{
		case SHAPE_CHAIN:
			return list->spans[i - 1].span_id;
		case SHAPE_CYCLE:
			return i == 0 ? span_list_text(list, "%d", count - 1)
						  : list->spans[i - 1].span_id;
		case SHAPE_ORPHANS:
			return SLICE_LITERAL("gone");
		case SHAPE_RANDOM:
			return list->spans[random_below(random, (uint64_t) i)].span_id;
		default:
			return list->spans[0].span_id;
	}
}

static void
fill_shape(SpanList *list, Shape shape, int count)
{
	uint64_t random = random_seeded(1);

	for (int i = 0; i < count; i++)
	{
		Span span = {.service_name = SLICE_LITERAL("s"),
					 .operation = SLICE_LITERAL("o"),
					 .start_time = i,
					 .end_time = i + 10,
					 .flags = SPAN_HAS_START | SPAN_HAS_END};

		span.span_id = shape == SHAPE_COPIES
						   ? SLICE_LITERAL("x")
						   : span_list_text(list, "%d", i + 1);
		if (shape == SHAPE_CYCLE)
			span.span_id = span_list_text(list, "%d", i);
		if (i > 0 || shape == SHAPE_CYCLE || shape == SHAPE_ORPHANS)
			span.parent_span_id = shape_parent(shape, i, count, list, &random);
		span_list_add(list, &span);
	}
	span_list_shuffle(list, &random);
}

static void
test_shape(Shape shape, int count, uint32_t roots, uint32_t depth)
{
	SpanList list;
	Built built;
	clock_t before;
	double seconds;
	uint32_t deepest = 0;

	span_list_init(&list);
	fill_shape(&list, shape, count);
	before = clock();
	build_list(&built, &list);
	seconds = (double) (clock() - before) / CLOCKS_PER_SEC;
	for (uint32_t i = 0; i < built.tree->span_count; i++)
		deepest =
			built.nodes[i].depth > deepest ? built.nodes[i].depth : deepest;
	CHECK(is_sound(built.tree) && built.tree->root_count == roots &&
			  (depth == 0 || deepest == depth),
		  "%s of %d spans: %u roots, %u deep",
		  shape_names[shape],
		  count,
		  built.tree->root_count,
		  deepest);
	CHECK(seconds < count / 1e6 * 10 + 1, "fast");
	CHECK(built.unit.polls > count / 4096 * 4, "it can be cancelled");
	unit_host_release(&built.unit);
	span_list_free(&list);
}

static void
test_shapes(void)
{
	test_shape(SHAPE_CHAIN, 100000, 1, 99999);
	test_shape(SHAPE_SIBLINGS, 100000, 1, 1);
	test_shape(SHAPE_CYCLE, 100000, 1, 99999);
	test_shape(SHAPE_COPIES, 100000, 100000, 0);
	test_shape(SHAPE_ORPHANS, 100000, 100000, 0);
	test_shape(SHAPE_RANDOM, 1000000, 1, 0);
	for (int length = 2; length < 10; length++)
		test_shape(SHAPE_CYCLE, length, 1, (uint32_t) length - 1);
}

static void
test_memory(void)
{
	bool reported = true;
	UnitHost unit;
	SpanList list;
	SpanTree *open;
	SpanTree *built;
	CoreStatus status;
	long left = 0;

	span_list_init(&list);
	unit_host_init(&unit);
	span_list_parse(&list, "r - 0 9; a r 1 2; b r 3 4");
	open = span_list_open(&unit, &list);
	for (;; left++)
	{
		unit.allocations_left = left;
		status = span_tree_build(&unit.host, open, &built);
		if (status == CORE_OK)
			break;
		reported &= status == CORE_NO_MEMORY;
	}
	CHECK(reported && left > 8, "every allocation that fails is reported");
	unit_host_release(&unit);
	span_list_free(&list);
}

int
main(void)
{
	test_cases();
	test_reach();
	test_durations();
	test_strings();
	test_random();
	test_self_times();
	test_shapes();
	test_memory();
	return unit_done();
}
