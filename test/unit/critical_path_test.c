/*
 * The critical path: known cases, every option, every figure, hostile shapes.
 *
 * Sections are compared whole: span, start and end of each.  A path is written
 * as "a 1000-1040, b 1040-1070", the virtual root as "*".
 */
#include <time.h>

#include "core/path/critical_path.h"
#include "span_list.h"

#define DATA "../data/critical_path/"
#define MAX_FIELDS 12
#define PATH_TEXT 4000

/* Tables of data/critical_path. */

typedef struct Table
{
	char *data;
	size_t rows;
	size_t room;
	char *(*fields)[MAX_FIELDS];
} Table;

static void
add_row(Table *table, char *line)
{
	if (table->rows == table->room)
	{
		table->room = table->room * 2 + 1000;
		table->fields =
			realloc(table->fields, table->room * sizeof(*table->fields));
	}
	for (int i = 0; i < MAX_FIELDS; i++)
	{
		char *field = line == NULL ? NULL : strsep(&line, "\t");

		table->fields[table->rows][i] = field;
	}
	table->rows++;
}

static Table
read_table(const char *path)
{
	Table table = {0};
	size_t length;
	char *rest;

	table.data = unit_read_file(path, &length);
	if (!CHECK(table.data != NULL, "%s is there", path))
		exit(1);
	rest = table.data;
	strsep(&rest, "\n"); /* names of columns */
	while (rest != NULL && *rest != '\0')
		add_row(&table, strsep(&rest, "\n"));
	return table;
}

static void
free_table(Table *table)
{
	free(table->data);
	free(table->fields);
}

static Slice
slice_of(const char *text)
{
	return (Slice){text, (uint32_t) strlen(text)};
}

/* case span_id parent_id ref_type service operation start duration kind */
static void
add_case_span(SpanList *list, char **row)
{
	Span span = {
		.span_id = slice_of(row[1]),
		.parent_span_id = slice_of(row[2]),
		.service_name = slice_of(row[4]),
		.operation = slice_of(row[5]),
		.start_time = strtoll(row[6], NULL, 10),
		.duration = strtoll(row[7], NULL, 10),
		.kind = (uint8_t) span_kind_from_name(slice_of(row[8])),
		.flags = SPAN_HAS_START | SPAN_HAS_DURATION,
	};

	span_list_add(list, &span);
}

/* Which columns of a table of expectations hold what; -1: not there. */
typedef struct Columns
{
	int root;
	int seq;
	int span;
	int service;
	int start;
} Columns;

static bool
same_text(const SpanTree *tree, uint32_t offset, const char *text)
{
	return slice_equal(span_tree_string(tree, offset), slice_of(text));
}

static bool
same_span(const SpanTree *tree, uint32_t span, const char *id)
{
	if (span == SPAN_TREE_NONE)
		return *id == '\0';
	return same_text(tree, span_tree_nodes(tree)[span].span_id, id);
}

static bool
same_section(const SpanTree *tree, const PathSection *section, char **row,
			 const Columns *columns)
{
	const SpanNode *node = &span_tree_nodes(tree)[section->span];

	if (!same_span(tree, section->span, row[columns->span]) ||
		section->start != strtoll(row[columns->start], NULL, 10) ||
		section->end != strtoll(row[columns->start + 1], NULL, 10))
		return false;
	if (columns->root >= 0 &&
		!same_span(tree, section->root, row[columns->root]))
		return false;
	return columns->service < 0 || section->span == SPAN_TREE_NONE ||
		   (same_text(tree, node->service_name, row[columns->service]) &&
			same_text(tree, node->operation, row[columns->service + 1]));
}

static CriticalPathOptions
options_of_mode(const char *mode)
{
	CriticalPathOptions options = CRITICAL_PATH_DEFAULTS;

	if (strcmp(mode, "exact") == 0)
		options.overlap_tolerance = 0;
	else if (strcmp(mode, "overflow_drop") == 0)
		options.overflow = PATH_OVERFLOW_DROP;
	else if (strcmp(mode, "default") != 0)
		abort();
	return options;
}

/* One case in one mode: rows first .. end - 1 of the expectations. */
static void
check_case(const SpanList *list, const Table *expected, size_t first,
		   size_t end, const Columns *columns)
{
	char **row = expected->fields[first];
	CriticalPathOptions options = options_of_mode(row[1]);
	bool is_empty = row[columns->seq][0] == '-';
	CriticalPath path;
	UnitHost unit;
	bool same;

	unit_host_init(&unit);
	if (critical_path_find(
			&unit.host, span_list_build(&unit, list), &options, &path) !=
		CORE_OK)
		abort();
	same = path.section_count == (is_empty ? 0 : end - first);
	for (size_t i = first; same && !is_empty && i < end; i++)
		same = same_section(
			path.tree, &path.sections[i - first], expected->fields[i], columns);
	CHECK(same, "%s, %s: %zu sections", row[0], row[1], end - first);
	unit_host_release(&unit);
}

static void
test_data(const char *cases_path, const char *expected_path, Columns columns)
{
	Table cases = read_table(cases_path);
	Table expected = read_table(expected_path);
	uint64_t random = random_seeded(1);
	SpanList list;

	span_list_init(&list);
	for (size_t first = 0, end; first < expected.rows; first = end)
	{
		char **row = expected.fields[first];

		for (end = first + 1; end < expected.rows; end++)
		{
			if (strcmp(expected.fields[end][0], row[0]) != 0 ||
				strcmp(expected.fields[end][1], row[1]) != 0)
				break;
		}
		list.count = 0;
		for (size_t i = 0; i < cases.rows; i++)
		{
			if (strcmp(cases.fields[i][0], row[0]) == 0)
				add_case_span(&list, cases.fields[i]);
		}
		span_list_shuffle(&list, &random);
		check_case(&list, &expected, first, end, &columns);
	}
	span_list_free(&list);
	free_table(&cases);
	free_table(&expected);
}

/* Small traces written as text. */

static void
print_id(char *to, const SpanTree *tree, uint32_t span)
{
	Slice id = SLICE_LITERAL("*");

	if (span != SPAN_TREE_NONE)
		id = span_tree_string(tree, span_tree_nodes(tree)[span].span_id);
	snprintf(to, 40, "%.*s", (int) id.length, id.data);
}

static void
print_path(char *to, const CriticalPath *path)
{
	char *at = to;
	uint32_t root = SPAN_TREE_NONE;

	*to = '\0';
	for (uint32_t i = 0; i < path->section_count; i++)
	{
		const PathSection *section = &path->sections[i];
		char id[40];

		print_id(id, path->tree, section->span);
		if (i > 0)
			at += sprintf(at, section->root == root ? ", " : " | ");
		at += sprintf(
			at, "%s %" PRId64 "-%" PRId64, id, section->start, section->end);
		root = section->root;
		if (at - to > PATH_TEXT - 200)
			break;
	}
}

/* A tree, its path and the memory of both. */
typedef struct Found
{
	UnitHost unit;
	SpanTree *tree;
	CriticalPath path;
} Found;

static void
find_path(Found *found, const char *spans, CriticalPathOptions options)
{
	SpanList list;

	span_list_init(&list);
	span_list_parse(&list, spans);
	unit_host_init(&found->unit);
	found->tree = span_list_build(&found->unit, &list);
	if (critical_path_find(
			&found->unit.host, found->tree, &options, &found->path) != CORE_OK)
		abort();
	span_list_free(&list);
}

static uint32_t
span_of(const Found *found, const char *id)
{
	return span_tree_find(found->tree, slice_of(id));
}

static void
check_path(const char *name, const char *spans, CriticalPathOptions options,
		   const char *expected)
{
	Found found;
	char text[PATH_TEXT];

	find_path(&found, spans, options);
	print_path(text, &found.path);
	if (!CHECK(strcmp(text, expected) == 0, "%s", name))
		printf("# got      %s\n# expected %s\n", text, expected);
	unit_host_release(&found.unit);
}

typedef struct PathCase
{
	const char *name;
	const char *spans;
	const char *expected;
} PathCase;

static void
check_paths(const PathCase *cases, size_t count, CriticalPathOptions options)
{
	for (size_t i = 0; i < count; i++)
		check_path(cases[i].name, cases[i].spans, options, cases[i].expected);
}

#define CHECK_PATHS(cases, ...)                                                \
	check_paths((cases),                                                       \
				sizeof(cases) / sizeof(*(cases)),                              \
				with_options((CriticalPathOptions){__VA_ARGS__}))

/* The defaults, but for what is not zero. */
static CriticalPathOptions
with_options(CriticalPathOptions changes)
{
	CriticalPathOptions options = CRITICAL_PATH_DEFAULTS;

	options.overflow = changes.overflow;
	options.roots = changes.roots;
	options.skew = changes.skew;
	options.messaging = changes.messaging;
	if (changes.overlap_tolerance != 0)
		options.overlap_tolerance = changes.overlap_tolerance;
	if (changes.max_overlap != 0)
		options.max_overlap = changes.max_overlap;
	return options;
}

/* Section 6 of the definition, and what it names. */
static void
test_pathological(void)
{
	static const PathCase cases[] = {
		{"back to back",
		 "r - 1000 1100; a r 1000 1040; b r 1040 1070; c r 1070 1100",
		 "a 1000-1040, b 1040-1070, c 1070-1100"},
		{"a fan-out barrier",
		 "r - 1000 1100; a r 1000 1040; b r 1040 1070; c r 1040 1100",
		 "a 1000-1040, c 1040-1100"},
		{"two siblings, same end",
		 "r - 1000 1100; a r 1040 1090; b r 1010 1090",
		 "r 1000-1010, b 1010-1090, r 1090-1100"},
		{"identical siblings",
		 "r - 1000 1100; y r 1010 1090; x r 1010 1090",
		 "r 1000-1010, x 1010-1090, r 1090-1100"},
		{"nested, same interval",
		 "r - 1000 1100; a r 1000 1100; b a 1000 1100",
		 "b 1000-1100"},
		{"an instantaneous child",
		 "r - 1000 1100; z r 1050 1050",
		 "r 1000-1100"},
		{"an instantaneous child beside another's end",
		 "r - 1000 1100; a r 1000 1050; z r 1050 1050",
		 "a 1000-1050, r 1050-1100"},
		{"an instantaneous child at the end",
		 "r - 1000 1100; a r 1000 1100; z r 1100 1100",
		 "a 1000-1100"},
		{"a root of no length", "r - 1000 1000; a r 1000 1000", ""},
		{"a child outlives the root",
		 "r - 1000 1100; a r 1010 1500",
		 "r 1000-1010, a 1010-1100"},
		{"children beside the root",
		 "r - 1000 1100; a r 900 1000; b r 1100 1200; c r 1200 1300",
		 "r 1000-1100"},
		{"a grandchild outside its parent",
		 "r - 1000 1100; a r 1010 1030; g a 1060 1090",
		 "r 1000-1010, a 1010-1030, r 1030-1100"},
		{"a child encloses its parent",
		 "r - 1000 1100; a r 990 1190; b a 1020 1050",
		 "a 1000-1020, b 1020-1050, a 1050-1100"},
		{"a server whose clock is off",
		 "r - 1000 1100; c r 1000 1090 c client; s c 5000 5080 s server",
		 "c 1000-1090, r 1090-1100"},
		{"a lost middle span",
		 "r - 1000 1100; g gone 1020 1080",
		 "r 1000-1100"},
		{"end before start",
		 "r - 1000 1100; a r 1050 1030; b a 1030 1050",
		 "r 1000-1100"},
		{"times from 0",
		 "r - 0 100; a r 0 40; b r 40 90",
		 "a 0-40, b 40-90, r 90-100"},
		{"negative times",
		 "r - -100 100; a r -50 0; b r 0 50",
		 "r -100--50, a -50-0, b 0-50, r 50-100"},
	};

	CHECK_PATHS(cases, 0);
}

static void
test_overlap(void)
{
	static const char spans[] =
		"r - 0 10000; a r 0 4050; b r 4000 6001; c r 6000 10000";
	static const PathCase by_default[] = {
		{"overlaps up to 1 % are clipped",
		 spans,
		 "a 0-4000, b 4000-6000, c 6000-10000"},
		{"just the allowance",
		 "r - 0 1000; a r 0 510; b r 500 1000",
		 "a 0-500, b 500-1000"},
		{"one more than the allowance",
		 "r - 0 1000; a r 0 511; b r 500 1000",
		 "r 0-500, b 500-1000"},
		{"the allowance is of the parent's length",
		 "r - 0 10000; p r 0 200; a p 0 103; b p 100 200",
		 "p 0-100, b 100-200, r 200-10000"},
		{"never more than 1 ms",
		 "r - 0 1000000; a r 0 501000; b r 500000 800000; c r 799000 "
		 "1000000",
		 "a 0-500000, b 500000-799000, c 799000-1000000"},
		{"1 us above 1 ms",
		 "r - 0 1000000; a r 0 501001; b r 500000 1000000",
		 "r 0-500000, b 500000-1000000"},
		{"who starts with the next one is not before it",
		 "r - 0 1000; a r 500 505; b r 500 1000",
		 "r 0-500, b 500-1000"},
		{"a child is walked only up to where the next one starts",
		 "r - 0 1000; a r 0 505; x a 100 503; y a 503 505; b r 500 1000",
		 "a 0-100, x 100-500, b 500-1000"},
		{"inside an overlap, who ends after the limit counts up to it",
		 "r - 0 10000; a r 0 5090; x a 0 5080; y a 5010 5090; b r 5000 "
		 "10000",
		 "x 0-5000, b 5000-10000"},
	};
	static const PathCase exact[] = {
		{"exact: an overlap hides",
		 spans,
		 "a 0-4050, r 4050-6000, c 6000-10000"},
		{"exact: 1 us hides",
		 "r - 1000 2000; a r 1000 1501; b r 1500 2000",
		 "r 1000-1500, b 1500-2000"},
		{"exact: touching is before",
		 "r - 1000 2000; a r 1000 1500; b r 1500 2000",
		 "a 1000-1500, b 1500-2000"},
	};

	CHECK_PATHS(by_default, 0);
	CHECK_PATHS(exact, .overlap_tolerance = 1e-300);
	check_path("max_overlap 0 is exact",
			   spans,
			   (CriticalPathOptions){.root = SPAN_TREE_NONE,
									 .overlap_tolerance = 0.01},
			   "a 0-4050, r 4050-6000, c 6000-10000");
	check_path("a wide allowance",
			   spans,
			   with_options((CriticalPathOptions){.overlap_tolerance = 0.5,
												  .max_overlap = 10}),
			   "r 0-4000, b 4000-6000, c 6000-10000");
}

static void
test_choice(void)
{
	static const PathCase cases[] = {
		{"equal ends: the earlier start, though both are cut to the parent",
		 "r - 0 100; b r -20 150; a r -10 150",
		 "b 0-100"},
		{"equal ends by being cut: the earlier start",
		 "r - 0 100; a r 20 150; b r 10 120",
		 "r 0-10, b 10-100"},
		{"two true roots: the earlier", "b - 10 90; a - 20 200", "b 10-90"},
		{"two roots of one start: the later end",
		 "a - 10 90; b - 10 95",
		 "b 10-95"},
		{"two equal roots: the smaller id", "b - 10 90; a - 10 90", "a 10-90"},
		{"an orphan is no root beside a true one",
		 "o gone 0 900; r - 100 200",
		 "r 100-200"},
		{"one orphan alone",
		 "o gone 0 90; x o 10 20",
		 "o 0-10, x 10-20, o 20-90"},
		{"several orphans: a virtual root",
		 "a gone 1000 1050; b gone 1080 1120; c b 1090 1100",
		 "a 1000-1050, * 1050-1080, b 1080-1090, c 1090-1100, b 1100-1120"},
		{"a copy of an orphan lies below the virtual root",
		 "a gone 0 10; b gone 20 60; b gone 55 70",
		 "a 0-10, * 10-55, b 55-70"},
		{"its own parent is a root",
		 "a a 0 100; b a 10 20",
		 "a 0-10, b 10-20, a 20-100"},
		{"a parent of zeros is none",
		 "a 0000 0 100; b a 10 20",
		 "a 0-10, b 10-20, a 20-100"},
		{"a cycle alone is cut above its earliest",
		 "b a 10 100; a b 20 90; c a 30 40",
		 "b 10-20, a 20-30, c 30-40, a 40-90, b 90-100"},
		{"two cycles alone: the earlier one",
		 "b a 10 100; a b 20 90; d c 5 60; c d 5 50",
		 "d 5-50"},
		{"a cycle beside a root",
		 "b a 10 100; a b 20 90; r - 50 60",
		 "r 50-60"},
		{"a cycle beside an orphan",
		 "b a 10 100; a b 20 90; o gone 50 60",
		 "o 50-60"},
	};

	CHECK_PATHS(cases, 0);
}

static void
test_copies_and_gaps(void)
{
	static const PathCase cases[] = {
		{"a doubled root counts once",
		 "r - 0 100; r - 0 100; a r 10 20; a r 10 20",
		 "r 0-10, a 10-20, r 20-100"},
		{"a doubled orphan is one orphan",
		 "o gone 0 100; o gone 0 100",
		 "o 0-100"},
		{"a copy is no root, be it earlier",
		 "r - 0 100; r - -5 20; a r 10 20",
		 "r 0-10, a 10-20, r 20-100"},
		{"the longest copy owns the children",
		 "r - 0 100; x r 5 5; x r 10 70; d x 30 50",
		 "r 0-10, x 10-30, d 30-50, x 50-70, r 70-100"},
		{"of equal spans the owner is walked",
		 "r - 0 100; x r 10 90; x r 10 90; d x 30 50",
		 "r 0-10, x 10-30, d 30-50, x 50-90, r 90-100"},
		{"a span without a start is not there",
		 "r - 0 100; m r - 90; a m 10 20; b r 30 40",
		 "r 0-30, b 30-40, r 40-100"},
		{"a root without a start: its children are orphans",
		 "r - - 90; a r 10 20; b r 20 40",
		 "a 10-20, b 20-40"},
		{"its children stand among the other orphans by start",
		 "r - - 90; z r 10 40; a gone 5 40",
		 "a 5-40"},
		{"and by id", "r - - 90; z r 10 40; a gone 10 40", "a 10-40"},
		{"those of two such, too",
		 "p - - 90; q - - 90; x p 10 40; b q 10 40; y p 20 40; a gone 20 40; c "
		 "q 40 60",
		 "b 10-40, c 40-60"},
		{"no start at all", "r - - 90", ""},
		{"no spans", "", ""},
		{"an unfinished span reaches to the latest time below it",
		 "r - 0; a r 10; b a 20 60; c r 30 50",
		 "r 0-10, a 10-20, b 20-60"},
		{"an unfinished leaf has no length", "r - 0 100; a r 10", "r 0-100"},
	};

	CHECK_PATHS(cases, 0);
}

static void
test_options(void)
{
	static const char orphans[] =
		"r - 100 200; s - 150 260; o gone 50 120; x s 155 250";
	static const PathCase drop[] = {
		{"drop: who outlives the parent",
		 "r - 1000 1100; a r 1010 1500; b a 1020 1030; c r 1040 1050",
		 "r 1000-1040, c 1040-1050, r 1050-1100"},
		{"drop: the parent's own end decides, not its effective one",
		 "r - 0 100; a r 50 100; p a 60 100; q p 70 100",
		 "r 0-50, a 50-60, "
		 "p 60-70, q 70-100"},
	};
	static const PathCase virtual_root[] = {
		{"a virtual root over all",
		 orphans,
		 "o 50-120, * 120-150, s 150-155, x 155-250, s 250-260"},
		{"a virtual root over one",
		 "r - 0 100; a r 10 20",
		 "r 0-10, a 10-20, r 20-100"},
		{"a virtual root over a cycle",
		 "a b 0 50; b a 10 60",
		 "a 0-10, b 10-50"},
	};
	static const PathCase all[] = {
		{"all: each true root",
		 orphans,
		 "r 100-200 | s 150-155, x 155-250, s 250-260"},
		{"all: else each orphan",
		 "a gone 0 10; b gone 5 20; c b 7 9",
		 "a 0-10 | b 5-7, c 7-9, b 9-20"},
		{"all: no copies", "a - 0 10; a - 0 10", "a 0-10"},
	};

	CHECK_PATHS(drop, .overflow = PATH_OVERFLOW_DROP);
	CHECK_PATHS(virtual_root, .roots = PATH_ROOTS_VIRTUAL);
	CHECK_PATHS(all, .roots = PATH_ROOTS_ALL);
}

static void
test_skew_and_messaging(void)
{
	static const PathCase shift[] = {
		{"shift: a server is moved to the middle, with its subtree",
		 "r - 0 100; c r 0 90 c; s c 5000 5080 s; x s 5010 5020 s",
		 "c 0-5, s 5-15, x 15-25, s 25-85, c 85-90, r 90-100"},
		{"shift: not in the same service",
		 "r - 0 100; s r 5000 5080 s",
		 "r 0-100"},
		{"shift: not if it is longer",
		 "r - 0 100 a; s r -50 80 b",
		 "s 0-80, r 80-100"},
		{"shift: as long as its parent",
		 "r - 0 100 a; s r 50 150 b",
		 "s 0-100"},
		{"shift: not if it fits",
		 "r - 0 100 a; s r 0 20 b",
		 "s 0-20, r 20-100"},
		{"shift: halves round down",
		 "r - 0 10 a; s r 90 95 b",
		 "r 0-2, s 2-7, r 7-10"},
		{"shift: of equal ends the earlier new start",
		 "r - 0 100 a; y r 30 80 a; x r 200 260 b",
		 "r 0-20, x 20-80, r 80-100"},
	};
	static const char messages[] =
		"r - 0 100; p r 10 20 s producer; c p 12 18 t consumer; x c 13 15; "
		"i p 11 12 s internal; d r 30 90 s consumer";
	static const PathCase prune[] = {
		{"prune: consumers below producers only",
		 messages,
		 "r 0-10, p 10-11, i 11-12, p 12-20, r 20-30, d 30-90, r 90-100"},
	};
	static const PathCase keep[] = {
		{"keep: nothing is guessed",
		 messages,
		 "r 0-10, p 10-11, i 11-12, c 12-13, x 13-15, c 15-18, p 18-20, "
		 "r 20-30, d 30-90, r 90-100"},
	};

	CHECK_PATHS(shift, .skew = PATH_SKEW_SHIFT);
	CHECK_PATHS(prune, .messaging = PATH_MESSAGING_PRUNE);
	CHECK_PATHS(keep, 0);
}

static void
test_given_root(void)
{
	static const char spans[] =
		"r - 0 100; a r 10 90; b a 20 30; b a 22 25; n r; x n 1 2";
	CriticalPathOptions options = CRITICAL_PATH_DEFAULTS;
	char text[PATH_TEXT];
	Found found;
	Found again;

	find_path(&found, spans, options);
	options.root = span_of(&found, "a");
	find_path(&again, spans, options);
	print_path(text, &again.path);
	CHECK(strcmp(text, "a 10-20, b 20-30, a 30-90") == 0,
		  "the path below a given span");
	CHECK(again.path.sections[0].root == options.root &&
			  again.path.counts.unreachable == 2,
		  "what is above or beside it is unreachable");
	unit_host_release(&again.unit);
	CHECK(found.path.root_count == 1 &&
			  found.path.roots[0] == span_of(&found, "r"),
		  "the root that was chosen");
	options.root = span_of(&found, "n");
	find_path(&again, spans, options);
	CHECK(again.path.root_count == 0 && again.path.section_count == 0,
		  "a given span without a start has no path");
	unit_host_release(&again.unit);
	unit_host_release(&found.unit);
	find_path(&found, "o gone 0 90; x o 10 20", CRITICAL_PATH_DEFAULTS);
	CHECK(found.path.root_count == 1 &&
			  found.path.sections[0].root == span_of(&found, "o"),
		  "an orphan alone is the root itself");
	unit_host_release(&found.unit);
}

static void
test_counts(void)
{
	Found found;
	CriticalPathCounts *c = &found.path.counts;

	find_path(
		&found,
		"r - 0 100; r - 0 90; s - 5 6; o gone 0 5; a r 10 120; b a 20 "
		"200; d a 130 140; e d 130 135; n r - 50; m n 1 2; k r 60 50; "
		"y z 0 1; z y 0 1; p r 30 40 s producer; q p 31 32 s consumer; "
		"w q 31 32",
		with_options((CriticalPathOptions){.messaging = PATH_MESSAGING_PRUNE}));
	CHECK(c->total == 100 && c->spans == 16, "total, spans");
	CHECK(c->on_path_spans == 3 && found.path.section_count == 3,
		  "spans on the path, sections");
	CHECK(c->roots == 3, "true roots, with a copy");
	CHECK(c->orphans == 2, "orphans, and children of spans without a start");
	CHECK(c->unreachable == 8, "unreachable: copy, s, o, m, y, z, q, w");
	CHECK(c->pruned == 2, "pruned");
	CHECK(c->duplicates == 1, "duplicates");
	CHECK(c->clipped == 2, "clipped: a, b");
	CHECK(c->dropped == 3, "dropped: d, e, k");
	CHECK(c->overflow_children == 3, "overflow: a, b, d");
	CHECK(c->bad_times == 2, "bad times: no start, end before start");
	unit_host_release(&found.unit);
}

static void
test_spans(void)
{
	Found found;
	PathSpan *spans;
	uint32_t count;

	find_path(&found,
			  "a gone 0 10; b gone 20 60; c b 20 60; d c 30 80; e b "
			  "21 22; f c 35 40",
			  with_options((CriticalPathOptions){0}));
	/* a 0-10, * 10-20, c 20-30, d 30-60: f is hidden by d, e by c */
	critical_path_spans(&found.unit.host, &found.path, &spans, &count);
	CHECK(count == 5, "the virtual root, a, b, c, d");
	CHECK(spans[0].span == SPAN_TREE_NONE && spans[0].exclusive == 10 &&
			  spans[0].inclusive == 60 && spans[0].sections == 1 &&
			  spans[0].clipped == 0,
		  "the virtual root");
	CHECK(spans[1].span == span_of(&found, "a") && spans[1].exclusive == 10 &&
			  spans[1].inclusive == 10,
		  "a root below it");
	CHECK(spans[2].span == span_of(&found, "b") && spans[2].exclusive == 0 &&
			  spans[2].sections == 0 && spans[2].inclusive == 40,
		  "a span wholly covered by those below it");
	CHECK(spans[3].exclusive == 10 && spans[3].inclusive == 40 &&
			  spans[3].first_start == 20 && spans[3].last_end == 30,
		  "a span with a section of its own");
	CHECK(spans[4].exclusive == 30 && spans[4].clipped == 20 &&
			  spans[4].root == SPAN_TREE_NONE,
		  "a clipped span");
	unit_host_release(&found.unit);
}

/* Slack and drag as "id slack/drag, ...", in the order of the tree. */
static void
check_slack(const char *name, const char *spans, CriticalPathOptions options,
			const char *expected)
{
	int64_t slack[32];
	int64_t drag[32];
	char text[PATH_TEXT];
	char *at = text;
	Found found;

	find_path(&found, spans, options);
	critical_path_slack(&found.unit.host, &found.path, slack, drag);
	*text = '\0';
	for (uint32_t i = 0; i < found.tree->span_count; i++)
	{
		char id[40];

		print_id(id, found.tree, i);
		at += sprintf(at,
					  "%s%s %" PRId64 "/%" PRId64,
					  i > 0 ? ", " : "",
					  id,
					  slack[i],
					  drag[i]);
	}
	if (!CHECK(strcmp(text, expected) == 0, "%s", name))
		printf("# got      %s\n# expected %s\n", text, expected);
	unit_host_release(&found.unit);
}

static void
test_slack(void)
{
	CriticalPathOptions usual = CRITICAL_PATH_DEFAULTS;
	CriticalPathOptions exact =
		with_options((CriticalPathOptions){.overlap_tolerance = 1e-300});

	check_slack("a span alone", "r - 0 100", usual, "r 0/100");
	check_slack("siblings in series",
				"r - 0 100; a r 10 30; b r 40 90",
				usual,
				"r 0/30, a 0/20, b 0/50");
	check_slack("parallel siblings: the drag ends at the next path",
				"r - 0 100; a r 10 60; b r 10 90; c r 90 100",
				usual,
				"r 0/10, a 30/0, b 0/30, c 0/10");
	check_slack("slack is inherited",
				"r - 0 100; a r 0 60; x a 10 20; y a 30 60; b r 0 80",
				usual,
				"r 0/20, a 40/0, x 50/0, y 40/0, b 0/20");
	check_slack("drag is capped by every ancestor's",
				"r - 0 100; a r 0 95; x a 0 95; b r 0 90",
				usual,
				"r 0/5, a 0/0, x 0/5, b 10/0");
	check_slack("who is dropped or unreachable has neither",
				"r - 0 100; a r 200 300; x gone 0 50",
				usual,
				"r 0/100, a -1/-1, x -1/-1");
	check_slack("an overlap within the allowance is a series",
				"r - 0 1000; a r 0 405; b r 400 1000",
				usual,
				"r 0/0, a 0/405, b 0/595");
	check_slack("an overlap without one is not",
				"r - 0 1000; a r 0 405; b r 400 1000",
				exact,
				"r 0/400, a 595/0, b 0/595");
	check_slack("a virtual root's children",
				"a gone 0 10; b gone 5 20; c gone 20 40",
				usual,
				"a 10/0, b 0/10, c 0/20");
}

static void
check_what_if(const char *name, const char *spans, const char *service,
			  double factor, const char *expected)
{
	CriticalPathOptions options = CRITICAL_PATH_DEFAULTS;
	WhatIf what_if = {.span = SPAN_TREE_NONE, .factor = factor};
	WhatIfResult r;
	char text[PATH_TEXT];
	Found found;

	options.overlap_tolerance = 0;
	if (service != NULL)
		what_if.service_name = slice_of(service);
	find_path(&found, spans, options);
	critical_path_what_if(&found.unit.host, &found.path, &what_if, &r);
	snprintf(text,
			 sizeof(text),
			 "%g - %g = %g <= %g, %s, %u",
			 r.old_total,
			 r.saved,
			 r.new_total,
			 r.upper_bound,
			 r.path_switched ? "switched" : "same",
			 r.matched);
	if (!CHECK(strcmp(text, expected) == 0, "%s", name))
		printf("# got      %s\n# expected %s\n", text, expected);
	unit_host_release(&found.unit);
}

static void
test_what_if(void)
{
	static const char series[] =
		"r - 0 100 web; a r 10 30 db; b r 40 90 db; x b 50 60 disk";
	static const char parallel[] =
		"r - 0 100 web; a r 0 90 db; b r 0 60 auth; c r 95 100 web";

	check_what_if("factor 1 changes nothing",
				  series,
				  "db",
				  1,
				  "100 - 0 = 100 <= 0, same, 2");
	check_what_if(
		"twice as fast", series, "db", 0.5, "100 - 30 = 70 <= 30, same, 2");
	check_what_if("gone", series, "db", 0, "100 - 60 = 40 <= 60, same, 2");
	check_what_if("the parent's own gaps",
				  series,
				  "web",
				  0.5,
				  "100 - 15 = 85 <= 15, same, 1");
	check_what_if(
		"twice as slow", series, "disk", 2, "100 - -10 = 110 <= -10, same, 1");
	check_what_if(
		"everything", series, NULL, 0.5, "100 - 50 = 50 <= 50, same, 4");
	check_what_if("a service that is not there",
				  series,
				  "gone",
				  0,
				  "100 - 0 = 100 <= 0, same, 0");
	check_what_if("a parallel sibling takes over",
				  parallel,
				  "db",
				  0,
				  "100 - 30 = 70 <= 90, switched, 1");
	check_what_if("who is off the path saves nothing",
				  parallel,
				  "auth",
				  0,
				  "100 - 0 = 100 <= 0, same, 1");
	check_what_if("but may cost",
				  parallel,
				  "auth",
				  2,
				  "100 - -30 = 130 <= 0, switched, 1");
}

static void
test_parallelism(void)
{
	Parallelism p;
	Found found;

	find_path(&found,
			  "r - 0 100; a r 10 60; b r 10 60; x b 20 30; y b 20 "
			  "30; z r 60 200",
			  with_options((CriticalPathOptions){0}));
	critical_path_parallelism(&found.unit.host, &found.path, &p);
	/* r 0-10, a 50, b 40, x 10, y 10, z 40 */
	CHECK(p.work == 160 && p.wall == 100 && p.max == 3 && p.average == 1.6,
		  "work, wall, average and most");
	unit_host_release(&found.unit);
	find_path(&found, "r - 0 0", with_options((CriticalPathOptions){0}));
	critical_path_parallelism(&found.unit.host, &found.path, &p);
	CHECK(p.work == 0 && p.wall == 0 && p.max == 0 && p.average == 0,
		  "of no length");
	unit_host_release(&found.unit);
}

/* Hostile shapes, large enough that anything quadratic would show. */

typedef enum Shape
{
	SHAPE_CHAIN,
	SHAPE_SERIES,
	SHAPE_PARALLEL,
	SHAPE_CROWD, /* all within the allowance of one another */
	SHAPE_EQUAL,
	SHAPE_COPIES,
	SHAPE_ORPHANS,
	SHAPE_CYCLE,
	SHAPE_BACKWARD,
	SHAPE_COUNT,
} Shape;

static const char *const shape_names[SHAPE_COUNT] = {
	"a chain",
	"siblings in series",
	"parallel siblings",
	"a crowd",
	"equal siblings",
	"copies of one span",
	"orphans",
	"a cycle",
	"ends before starts",
};

static void
shape_span(Shape shape, int64_t i, int64_t n, SpanList *list, Span *span)
{
	span->span_id = span_list_text(list, "s%06d", (int) i);
	span->start_time = i == 0 ? 0 : 2 * i;
	span->end_time = i == 0 ? 10 * n : 2 * i + 2;
	if (i > 0)
		span->parent_span_id = list->spans[0].span_id;
	if (shape == SHAPE_CHAIN && i > 0)
		span->parent_span_id = list->spans[i - 1].span_id;
	if (shape == SHAPE_CHAIN)
		span->end_time = 10 * n - 2 * i;
	else if (shape == SHAPE_PARALLEL && i > 0)
		span->end_time = 10 * n - 2 * i;
	else if (shape == SHAPE_CROWD && i > 0)
	{
		span->start_time = (i * 7919) % 900;
		span->end_time = span->start_time + 1 + (i * 104729) % 1000;
	}
	else if (shape == SHAPE_EQUAL && i > 0)
	{
		span->start_time = 10;
		span->end_time = 20;
	}
	else if (shape == SHAPE_COPIES)
		span->span_id = span->parent_span_id = SLICE_LITERAL("x");
	else if (shape == SHAPE_ORPHANS)
		span->parent_span_id = SLICE_LITERAL("gone");
	else if (shape == SHAPE_CYCLE && i == 0)
		span->parent_span_id = span_list_text(list, "s%06d", (int) n - 1);
	else if (shape == SHAPE_CYCLE)
		span->parent_span_id = list->spans[i - 1].span_id;
	else if (shape == SHAPE_BACKWARD && i > 0)
		span->end_time = span->start_time - i;
}

/* All functions on such a trace; gives the path, in the unit's memory. */
static void
run_everything(UnitHost *unit, const SpanTree *tree, CriticalPath *path)
{
	CriticalPathOptions options = CRITICAL_PATH_DEFAULTS;
	int64_t *slack = unit_allocate(&unit->host, tree->span_count * 8);
	int64_t *drag = unit_allocate(&unit->host, tree->span_count * 8);
	WhatIf what_if = {.span = SPAN_TREE_NONE, .factor = 0.5};
	WhatIfResult result;
	Parallelism parallelism;
	PathSpan *spans;
	uint32_t count;

	if (critical_path_find(&unit->host, tree, &options, path) != CORE_OK ||
		critical_path_spans(&unit->host, path, &spans, &count) != CORE_OK ||
		critical_path_slack(&unit->host, path, slack, drag) != CORE_OK ||
		critical_path_what_if(&unit->host, path, &what_if, &result) !=
			CORE_OK ||
		critical_path_parallelism(&unit->host, path, &parallelism) != CORE_OK)
		abort();
}

static int64_t
sections_length(const CriticalPath *path)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < path->section_count; i++)
		sum += path->sections[i].end - path->sections[i].start;
	return sum;
}

static void
test_shape(Shape shape, int64_t n, uint32_t sections)
{
	clock_t before;
	uint64_t random = random_seeded((uint64_t) shape);
	CriticalPath path;
	double seconds;
	SpanList list;
	UnitHost unit;

	span_list_init(&list);
	unit_host_init(&unit);
	for (int64_t i = 0; i < n; i++)
	{
		Span span = {.service_name = SLICE_LITERAL("s"),
					 .operation = SLICE_LITERAL("o"),
					 .flags = SPAN_HAS_START | SPAN_HAS_END};

		shape_span(shape, i, n, &list, &span);
		span_list_add(&list, &span);
	}
	span_list_shuffle(&list, &random);
	before = clock();
	run_everything(&unit, span_list_build(&unit, &list), &path);
	seconds = (double) (clock() - before) / CLOCKS_PER_SEC;
	CHECK(path.section_count == sections &&
			  sections_length(&path) == path.counts.total,
		  "%" PRId64 " spans, %s: %u sections",
		  n,
		  shape_names[shape],
		  path.section_count);
	CHECK(seconds < 5, "fast: all functions within 5 s, instrumented");
	CHECK(unit.polls > n / 4096, "it can be cancelled");
	unit_host_release(&unit);
	span_list_free(&list);
}

static void
test_shapes(void)
{
	const int64_t n = 100000;

	test_shape(SHAPE_CHAIN, n, (uint32_t) (2 * n - 1));
	test_shape(SHAPE_SERIES, n, (uint32_t) (n + 1));
	test_shape(SHAPE_PARALLEL, n, 3);
	test_shape(SHAPE_CROWD, n, 83);
	test_shape(SHAPE_EQUAL, n, 3);
	test_shape(SHAPE_COPIES, n, 1);
	test_shape(SHAPE_ORPHANS, n, 1);
	test_shape(SHAPE_CYCLE, n, 3);
	test_shape(SHAPE_BACKWARD, n, 1);
}

/* Every allocation may fail; what is found until then is the caller's. */
static void
test_memory(void)
{
	static const char spans[] = "r - 0 100 a; a r 10 30 b; b a 12 20; o gone 1 "
								"2";
	CriticalPathOptions options = with_options((CriticalPathOptions){
		.roots = PATH_ROOTS_VIRTUAL, .skew = PATH_SKEW_SHIFT});
	bool reported = true;
	long failures = 0;
	Found found;

	find_path(&found, spans, options);
	for (long left = 0;; left++)
	{
		int64_t slack[4];
		int64_t drag[4];
		WhatIf what_if = {.span = SPAN_TREE_NONE, .factor = 0.5};
		WhatIfResult result;
		Parallelism parallelism;
		PathSpan *list;
		CriticalPath path;
		uint32_t count;
		Host *host = &found.unit.host;
		CoreStatus status;

		found.unit.allocations_left = left;
		status = critical_path_find(host, found.tree, &options, &path);
		if (status == CORE_OK)
			status = critical_path_spans(host, &path, &list, &count);
		if (status == CORE_OK)
			status = critical_path_slack(host, &path, slack, drag);
		if (status == CORE_OK)
			status = critical_path_what_if(host, &path, &what_if, &result);
		if (status == CORE_OK)
			status = critical_path_parallelism(host, &path, &parallelism);
		if (status == CORE_OK)
			break;
		reported &= status == CORE_NO_MEMORY;
		failures++;
	}
	CHECK(reported && failures > 25, "every allocation that fails is reported");
	unit_host_release(&found.unit);
}

int
main(void)
{
	test_data(
		DATA "cases.tsv",
		DATA "expected.tsv",
		(Columns){.root = 2, .seq = 3, .span = 4, .service = 5, .start = 7});
	test_data(
		DATA "random_cases.tsv",
		DATA "random_expected.tsv",
		(Columns){.root = -1, .seq = 2, .span = 3, .service = -1, .start = 4});
	test_pathological();
	test_overlap();
	test_choice();
	test_copies_and_gaps();
	test_options();
	test_skew_and_messaging();
	test_given_root();
	test_counts();
	test_spans();
	test_slack();
	test_what_if();
	test_parallelism();
	test_shapes();
	test_memory();
	return unit_done();
}
