/*
 * The picture of a trace: core/waterfall and core/line.
 *
 * The width of characters is the server's knowledge; here stands a small
 * stand-in for it that knows the characters of these tests.
 */
#include "core/draw/waterfall.h"

#include "small_tree.h"

#define MAX_LINES 200

typedef struct Canvas
{
	WaterfallPainter painter;
	char *lines[MAX_LINES];
	int count;
	int total; /* of lines, kept or not */
	int widest;
	int narrowest; /* of the lines that end in the border */
} Canvas;

static uint32_t
decode(const char *at, uint32_t left, uint32_t *bytes)
{
	const unsigned char *c = (const unsigned char *) at;

	*bytes = c[0] < 0x80 ? 1 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
	if (*bytes > left || (c[0] >= 0x80 && c[0] < 0xc2))
	{
		*bytes = 1;
		return 0xfffd;
	}
	switch (*bytes)
	{
		case 1:
			return c[0];
		case 2:
			return (c[0] & 0x1fu) << 6 | (c[1] & 0x3fu);
		case 3:
			return (c[0] & 0xfu) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu);
		default:
			return (c[0] & 7u) << 18 | (c[1] & 0x3fu) << 12 |
				   (c[2] & 0x3fu) << 6 | (c[3] & 0x3fu);
	}
}

static int
measure(Screen *screen, const char *at, uint32_t left, uint32_t *bytes)
{
	uint32_t point = decode(at, left, bytes);

	(void) screen;
	if (point < 0x20 || point == 0x7f || point == 0xfffd)
		return -1;
	if ((point >= 0x300 && point < 0x370) || point == 0xfe0f ||
		(point >= 0x200b && point <= 0x200f) ||
		(point >= 0x202a && point <= 0x202e) ||
		(point >= 0x2060 && point <= 0x206f))
		return 0;
	return (point >= 0x1100 && point < 0x1160) ||
				   (point >= 0x3000 && point < 0xa000) || point >= 0x1f300
			   ? 2
			   : 1;
}

static int
width_of(const char *text)
{
	int width = 0;
	uint32_t bytes;

	for (; *text != '\0'; text += bytes)
		width += measure(NULL, text, (uint32_t) strlen(text), &bytes);
	return width;
}

static void
format_time(WaterfallPainter *painter, int64_t time,
			char text[WATERFALL_TIME_SIZE])
{
	(void) painter;
	snprintf(text, WATERFALL_TIME_SIZE, "T%" PRId64, time);
}

static void
take_line(WaterfallPainter *painter, Slice line)
{
	Canvas *canvas = (Canvas *) painter;
	char *copy = malloc((size_t) line.length + 1);
	int width;

	memcpy(copy, line.data, line.length);
	copy[line.length] = '\0';
	width = width_of(copy);
	if (width > canvas->widest)
		canvas->widest = width;
	if (line.length > 0 && copy[line.length - 1] == '|' &&
		(canvas->narrowest == 0 || width < canvas->narrowest))
		canvas->narrowest = width;
	canvas->total++;
	if (canvas->count < MAX_LINES)
		canvas->lines[canvas->count++] = copy;
	else
		free(copy);
}

static void
clear_canvas(Canvas *canvas)
{
	for (int i = 0; i < canvas->count; i++)
		free(canvas->lines[i]);
	memset(canvas, 0, sizeof(*canvas));
}

static void
draw_path(UnitHost *unit, Canvas *canvas, const SpanTree *tree, int width,
		  bool ascii, const PathSection *sections, size_t section_count)
{
	clear_canvas(canvas);
	canvas->painter = (WaterfallPainter){
		.screen = {ascii, true, measure},
		.width = width,
		.format_time = format_time,
		.put_line = take_line,
		.sections = sections,
		.section_count = section_count,
	};
	if (waterfall_draw(&unit->host, tree, &canvas->painter) != CORE_OK)
		abort();
}

static void
draw(UnitHost *unit, Canvas *canvas, const SpanTree *tree, int width,
	 bool ascii)
{
	draw_path(unit, canvas, tree, width, ascii, NULL, 0);
}

static void
print_lines(const Canvas *canvas)
{
	for (int i = 0; i < canvas->count; i++)
		printf("# %s\n", canvas->lines[i]);
}

static void
check_lines(const Canvas *canvas, const char *const *expected, int count,
			const char *name)
{
	bool equal = canvas->count == count;

	for (int i = 0; equal && i < count; i++)
		equal = strcmp(canvas->lines[i], expected[i]) == 0;
	if (!CHECK(equal, "%s", name))
		print_lines(canvas);
}

#define CHECK_LINES(canvas, expected, name)                                    \
	check_lines((canvas), (expected), sizeof(expected) / sizeof(char *), (name))

static const SpanTree *
shop(UnitHost *unit)
{
	return SMALL_TREE(
		unit,
		{"a", NULL, "frontend", "GET /checkout", 0, 412000, 0, 0, true},
		{"b", "a", "checkout", "POST /cart", 5000, 385000, 0, 0, false},
		{"c", "b", "postgres", "SELECT cart_items", 7000, 49000, 0, 0, false},
		{"d", "b", "payment", "Charge", 60000, 361000, 0, 0, true},
		{"e", "d", "postgres", "INSERT payment", 85000, 325000, 0, 0, false},
		{"f", "a", "frontend", "render", 397000, 412000, 0, 0, false});
}

static void
test_picture(UnitHost *unit, Canvas *canvas)
{
	static const char *const wide[] = {
		"Trace 0af7651916cd43dd8448eb211c80319c   frontend: GET /checkout",
		"Start T0   Duration 412 ms   6 spans   4 services   4 levels   2 "
		"errors",
		"Service: operation                Duration |0            |103ms       "
		" |206ms        |309ms        |",
		"! frontend: GET /checkout           412 ms "
		"█░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░██░░|",
		"├─ checkout: POST /cart             380 ms  "
		"░░░░░░█░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░███    |",
		"│  ├─ postgres: SELECT cart_items  42.0 ms  ██████                    "
		"                             |",
		"│  └─ ! payment: Charge             301 ms         "
		"████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░█████       |",
		"│     └─ postgres: INSERT payment   240 ms             "
		"████████████████████████████████            |",
		"└─ frontend: render                15.0 ms                            "
		"                           ██|",
		"█ working itself   ░ waiting on children   ! error   each column = "
		"7.36 ms",
	};
	static const char *const narrow[] = {
		"Trace 0af7651916cd43dd8448eb211c80319c",
		"frontend: GET /checkout",
		"Start T0   Duration 412 ms   6 spans   4 services   4 levels",
		"2 errors",
		"Service: operation       Duration |0    |103ms|206ms|309ms |",
		"! frontend: GET /chec...   412 ms -----------------------#-|",
		"|- checkout: POST /cart    380 ms ---#------------------#  |",
		"|  |- postgres: SELEC...  42.0 ms ###                      |",
		"|  `- ! payment: Charge    301 ms     #---------------##   |",
		"|     `- postgres: IN...   240 ms      ###############     |",
		"`- frontend: render       15.0 ms                         ||",
		"# working itself   - waiting on children",
		"| shorter than a column   ! error   each column = 16.5 ms",
	};

	draw(unit, canvas, shop(unit), 100, false);
	CHECK_LINES(canvas, wide, "the whole picture");
	draw(unit, canvas, shop(unit), 60, true);
	CHECK_LINES(canvas, narrow, "the whole picture, narrow and in ASCII");
}

static void
test_path(UnitHost *unit, Canvas *canvas)
{
	/* a 0-100 with b 0-60 and c 40-100 below, d a moment on the path; what
	 * reaches beyond a span, or is of no span, is passed over */
	static const PathSection sections[] = {
		{2, 0, 40, 100},
		{0, 0, 0, 40},
		{3, 0, 60, 61},
		{SPAN_TREE_NONE, 0, 0, 50},
		{1, 0, 90, 95},
		{1, 0, -500, -400},
		{2, 0, 100, 99999999},
		{5, 0, 0, 50},
	};
	static const char *const expected[] = {
		"Service: operation   Duration |0       |25µs    |50µs    |75µs     |",
		"s: a                   100 µs ███████████████░░░░░░░░░░░░░░░░░░░░░░|",
		"├─ s: b                 60 µs ░░░░░░░░░░░░░░░░░░░░░░               |",
		"├─ s: c                 60 µs                ██████████████████████|",
		"├─ s: d                  1 µs                       █              |",
		"└─ s: e                  1 µs                       ▏              |",
		"█ on the critical path   ░ not on it   ▏ shorter than a column",
		"each column = 2.70 µs",
	};
	const SpanTree *tree =
		SMALL_TREE(unit,
				   {"a", NULL, "s", "a", 0, 100, 0, 0, false},
				   {"b", "a", "s", "b", 0, 60, 0, 0, false},
				   {"c", "a", "s", "c", 40, 100, 0, 0, false},
				   {"d", "a", "s", "d", 60, 61, 0, 0, false},
				   {"e", "a", "s", "e", 60, 61, 0, 0, false});

	draw_path(unit, canvas, tree, 68, false, sections, 8);
	for (int i = 0; i < 8 && canvas->count == 10; i++)
		CHECK(strcmp(canvas->lines[i + 2], expected[i]) == 0,
			  "the critical path, line %d",
			  i);
	if (!CHECK(canvas->count == 10, "the critical path"))
		print_lines(canvas);
	draw_path(unit, canvas, tree, 68, false, sections, 0);
	CHECK(canvas->count == 9 && strstr(canvas->lines[3], "█") == NULL,
		  "an empty path fills nothing");
}

static void
test_broken(UnitHost *unit, Canvas *canvas)
{
	static const char *const expected[] = {
		"Trace 0af7651916cd43dd8448eb211c80319c   s: root",
		"Start T0   Duration 80 µs   11 spans   1 service   3 levels   1 "
		"orphan   3 roots",
		"Service: operation   Duration |0          |20µs       |40µs       "
		"|60µs        |",
		"s: unknown                  - (no start)                              "
		"         |",
		"? s: orphan             25 µs ███████████████                         "
		"         |",
		"s: root                 40 µs                ░░░░░░░░░░░░█████░░░░░░░ "
		"         |",
		"├─ s: early             22 µs             ‹█████████████              "
		"         |",
		"├─ s: open              ~8 µs                       ███░~             "
		"         |",
		"│  └─ s: inner           4 µs                          ██             "
		"         |",
		"├─ s: late              27 µs                                 "
		"████████████████›|",
		"└─ = s: late             0 µs                                  ▏      "
		"         |",
		"s: back                 -5 µs                               ▏         "
		"         |",
		"@ s: cycle              10 µs                                         "
		"   █░░░░█|",
		"└─ @ s: cycle            6 µs                                         "
		"    ████ |",
		"█ working itself   ░ waiting on children   ▏ shorter than a column",
		"‹ starts before its parent   › ends after its parent   ~ unfinished",
		"? its parent was not recorded   @ its parents form a cycle",
		"= repeats the id of another span   each column = 1.63 µs",
	};
	const SpanTree *tree =
		SMALL_TREE(unit,
				   {"a", NULL, "s", "root", 24, 64, 0, 0, false},
				   {"b", "a", "s", "early", 20, 42, 0, 0, false},
				   {"c", "a", "s", "late", 53, 80, 0, 0, false},
				   {"c", "a", "s", "late", 55, 55, 0, 0, false},
				   {"d", "a", "s", "open", 36, UNKNOWN, 0, 0, false},
				   {"e", "d", "s", "inner", 40, 44, 0, 0, false},
				   {"f", "lost", "s", "orphan", 0, 25, 0, 0, false},
				   {"g", "h", "s", "cycle", 70, 80, 0, 0, false},
				   {"h", "g", "s", "cycle", 72, 78, 0, 0, false},
				   {"i", NULL, "s", "unknown", UNKNOWN, UNKNOWN, 0, 0, false},
				   {"j", NULL, "s", "back", 50, 45, 0, 0, false});

	draw(unit, canvas, tree, 80, false);
	CHECK_LINES(canvas, expected, "a broken trace");
}

/* The label of the row of the only span with this name. */
static const char *
label_of(UnitHost *unit, Canvas *canvas, const char *name, bool ascii)
{
	static char label[400];
	const SpanTree *tree =
		SMALL_TREE(unit, {"a", NULL, "s", name, 0, 1, 0, 0, false});
	const char *row;
	const char *end;

	draw(unit, canvas, tree, 60, ascii);
	row = canvas->lines[canvas->count - 2];
	end = strstr(row, "   1 ");
	snprintf(label,
			 sizeof(label),
			 "%.*s",
			 end == NULL ? 0 : (int) (end - row - 2),
			 row);
	for (size_t i = strlen(label); i > 0 && label[i - 1] == ' '; i--)
		label[i - 1] = '\0';
	return label;
}

static void
test_names(UnitHost *unit, Canvas *canvas)
{
	static const struct
	{
		const char *name;
		const char *unicode;
		const char *ascii;
	} cases[] = {
		{"short", "s: short", "s: short"},
		{"exactly twenty-one...",
		 "s: exactly twenty-one...",
		 "s: exactly twenty-one..."},
		{"one more than it, cut x",
		 "s: one more than it, cu…",
		 "s: one more than it, ..."},
		/* two columns each: the cut never splits one */
		{"注文を確認する処理の実行",
		 "s: 注文を確認する処理の…",
		 "s: 注文を確認する処理..."},
		{"a注文を確認する処理の実行",
		 "s: a注文を確認する処理…",
		 "s: a注文を確認する処..."},
		{"خدمة الدفع", "s: خدمة الدفع", "s: خدمة الدفع"},
		{"🚀 launch 👩‍🚀",
		 "s: 🚀 launch 👩‍🚀",
		 "s: 🚀 launch 👩‍🚀"},
		{"e\u0301te\u0301", "s: e\u0301te\u0301", "s: e\u0301te\u0301"},
		{"a\nb\tc\rd\x1b[31me\x7f", "s: a?b?c?d?[31me?", "s: a?b?c?d?[31me?"},
		{"\xc2\x80\xc2\x85\xc2\x9f\u00a0.", "s: ???\u00a0.", "s: ???\u00a0."},
		{"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
		 "s: ?????????",
		 "s: ?????????"},
		{"\u200e\u200f\u061c\u2028\u2029\u200d.",
		 "s: ?????\u200d.",
		 "s: ?????\u200d."},
		{"bad\xff\xc3", "s: bad??", "s: bad??"},
		{"", "s:", "s:"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const char *label = label_of(unit, canvas, cases[i].name, false);

		if (!CHECK(strcmp(label, cases[i].unicode) == 0, "name %zu", i))
			printf("# %s|\n", label);
		label = label_of(unit, canvas, cases[i].name, true);
		if (!CHECK(strcmp(label, cases[i].ascii) == 0, "name %zu in ASCII", i))
			printf("# %s|\n", label);
		CHECK(canvas->widest <= 60 && canvas->narrowest == 60,
			  "name %zu keeps the width",
			  i);
	}
}

/* Marks without end on one letter must not make a line without end. */
static void
test_marks(UnitHost *unit, Canvas *canvas)
{
	char name[20002];

	name[0] = 'x';
	for (int i = 0; i < 10000; i++)
		memcpy(name + 1 + 2 * i, "\u0301", 2);
	name[20001] = '\0';
	draw(unit,
		 canvas,
		 SMALL_TREE(unit, {"a", NULL, name, name, 0, 1, 0, 0, false}),
		 60,
		 false);
	CHECK(canvas->narrowest == 60 && strlen(canvas->lines[3]) < 400,
		  "ten thousand marks on a letter");
}

static bool
is_ascii(const Canvas *canvas)
{
	for (int i = 0; i < canvas->count; i++)
	{
		for (const char *c = canvas->lines[i]; *c != '\0'; c++)
		{
			if (*c < ' ' || *c > '~')
				return false;
		}
	}
	return true;
}

static void
test_widths(UnitHost *unit, Canvas *canvas)
{
	const SpanTree *tree = SMALL_TREE(
		unit,
		{"a", NULL, "受注サービス", "注文を確認する", 0, 5000000, 0, 0, true},
		{"b",
		 "a",
		 "checkout",
		 "a name that is longer than most names",
		 0,
		 UNKNOWN,
		 0,
		 0,
		 false},
		{"c", "b", "🚀", "", 100000, 90 * INT64_C(86400000000), 0, 0, false},
		{"d", "lost", "s", "", UNKNOWN, UNKNOWN, 0, 0, true});
	bool fits = true;

	for (int width = WATERFALL_MIN_WIDTH; width <= 300 && fits; width++)
	{
		draw(unit, canvas, tree, width, width % 2 == 0);
		fits = canvas->widest <= width && canvas->narrowest == width;
	}
	CHECK(fits, "no line is wider than it may be, no row narrower");
	draw(unit, canvas, tree, WATERFALL_MAX_WIDTH, false);
	CHECK(canvas->widest == WATERFALL_MAX_WIDTH &&
			  canvas->narrowest == WATERFALL_MAX_WIDTH,
		  "the largest width");
	draw(unit, canvas, shop(unit), 60, true);
	CHECK(is_ascii(canvas), "ASCII is ASCII");
}

/* A chain, each span the child of the one before. */
static const SpanTree *
chain(UnitHost *unit, int length, bool siblings)
{
	SmallSpan *spans = calloc((size_t) length, sizeof(SmallSpan));
	char(*ids)[12] = calloc((size_t) length, sizeof(*ids));
	const SpanTree *tree;

	for (int i = 0; i < length; i++)
	{
		snprintf(ids[i], sizeof(ids[i]), "%d", i + 1);
		spans[i] = (SmallSpan){.id = ids[i],
							   .parent = i == 0		? NULL
										 : siblings ? ids[0]
													: ids[i - 1],
							   .service = "s",
							   .operation = ids[i],
							   .start = i,
							   .end = 3 * length - i};
	}
	tree = small_tree(unit, spans, (size_t) length);
	free(ids);
	free(spans);
	return tree;
}

static void
test_depth(UnitHost *unit, Canvas *canvas)
{
	static const char *const expected[] = {
		"Trace 0af7651916cd43dd8448eb211c80319c   s: 0",
		"Start T0   Duration 100 µs   9 spans   1 service   6 levels",
		"Service: operation   Duration |0     |25µs  |50µs  |75µs   |",
		"s: 0                   100 µs ░░░░░░░░░░░░░░░░░░░░░░░░░░███|",
		"├─ s: 1                 89 µs ░░░░░░░░░░░░░░░░░░░░░░░░░░   |",
		"│  ├─ s: 2              78 µs  ░░░░░░░░░░░░░░░░░░░███      |",
		"│  │  └─ s: 3           67 µs  ░░░░░░░░░░░░░░░░███         |",
		"│  │     └─ s: 4        56 µs  ░░░░░░░░░░░░░░░░            |",
		"…5 ├─ s: 5              45 µs  ██████████████              |",
		"…5 └─ s: 5b             10 µs                ██            |",
		"│  └─ s: 2b             10 µs                        ███   |",
		"└─ s: 1b                 1 µs                           ▏  |",
		"█ working itself   ░ waiting on children",
		"▏ shorter than a column   …N at depth N, guides left out",
		"each column = 3.45 µs",
	};
	const SpanTree *tree =
		SMALL_TREE(unit,
				   {"a", NULL, "s", "0", 0, 100, 0, 0, false},
				   {"b", "a", "s", "1", 1, 90, 0, 0, false},
				   {"c", "b", "s", "2", 2, 80, 0, 0, false},
				   {"d", "c", "s", "3", 3, 70, 0, 0, false},
				   {"e", "d", "s", "4", 4, 60, 0, 0, false},
				   {"f", "e", "s", "5", 5, 50, 0, 0, false},
				   {"g", "e", "s", "5b", 50, 60, 0, 0, false},
				   {"h", "b", "s", "2b", 80, 90, 0, 0, false},
				   {"i", "a", "s", "1b", 90, 91, 0, 0, false});

	draw(unit, canvas, tree, 60, false);
	CHECK_LINES(canvas, expected, "deeper than guides can show");
	draw(unit, canvas, chain(unit, 100000, false), 60, false);
	CHECK(canvas->total > 100000 && canvas->narrowest == 60 &&
			  canvas->widest == 60,
		  "a chain of 100000");
	CHECK(strstr(canvas->lines[150], "…146 └─ s: 147 ") == canvas->lines[150],
		  "a deep span says how deep it is: %s",
		  canvas->lines[150]);
	draw(unit, canvas, chain(unit, 100000, true), 60, true);
	CHECK(canvas->total > 100000 && canvas->narrowest == 60, "100000 siblings");
	CHECK(unit->polls > 100, "asks whether to go on");
}

static void
test_axis(UnitHost *unit, Canvas *canvas)
{
	static const char *const at_once[] = {
		"Trace 0af7651916cd43dd8448eb211c80319c   s: o",
		"Start T7   Duration 0 µs   2 spans   1 service   2 levels",
		"Service: operation   Duration |0                           |",
		"s: o                     0 µs ▏                            |",
		"└─ s: o                  0 µs ▏                            |",
		"▏ shorter than a column",
	};
	static const char *const for_ever[] = {
		"Trace 0af7651916cd43dd8448eb211c80319c   s: o",
		"Start T-9223372036854775807   Duration 106751991 d   2 spans",
		"1 service   2 levels",
		"Service: operation      Duration |0           |53375996d   |",
		"s: o                 106751991 d █████████████░░░░░░░░░░░░░|",
		"└─ s: o              106751991 d              █████████████|",
		"█ working itself   ░ waiting on children",
		"each column = 4105846 d",
	};
	static const char *const ends[] = {
		"Trace 0af7651916cd43dd8448eb211c80319c   s: a",
		"Start T0   Duration 1.01 ms   5 spans   1 service   3 levels",
		"Service: operation   Duration |0     |253µs |505µs |758µs  |",
		"s: a                   990 µs █████████████████████████████|",
		"├─ s: b                 15 µs ‹                            |",
		"├─ s: c                ~10 µs ~                            |",
		"│  └─ s: e              10 µs ▏                            |",
		"└─ s: d                 20 µs                             ›|",
		"█ working itself   ▏ shorter than a column",
		"‹ starts before its parent   › ends after its parent",
		"~ unfinished   each column = 34.8 µs",
	};
	const SpanTree *instant =
		SMALL_TREE(unit,
				   {"a", NULL, "s", "o", 7, 7, 0, 0, false},
				   {"b", "a", "s", "o", 7, 7, 0, 0, false});
	const SpanTree *one_cell =
		SMALL_TREE(unit,
				   {"a", NULL, "s", "a", 10, 1000, 0, 0, false},
				   {"b", "a", "s", "b", 0, 15, 0, 0, false},
				   {"c", "a", "s", "c", 5, UNKNOWN, 0, 0, false},
				   {"e", "c", "s", "e", 5, 15, 0, 0, false},
				   {"d", "a", "s", "d", 990, 1010, 0, 0, false});
	const SpanTree *ever =
		SMALL_TREE(unit,
				   {"a", NULL, "s", "o", INT64_MIN + 1, INT64_MAX, 0, 0, false},
				   {"b", "a", "s", "o", 0, INT64_MAX, 0, 0, false});

	draw(unit, canvas, instant, 60, false);
	CHECK_LINES(canvas, at_once, "a trace of no length");
	draw(unit, canvas, ever, 60, false);
	CHECK_LINES(canvas, for_ever, "a trace of all time");
	draw(unit, canvas, one_cell, 60, false);
	CHECK_LINES(canvas, ends, "bars of one cell, leaving their parents");
	draw(unit, canvas, small_tree(unit, NULL, 0), 60, false);
	CHECK(canvas->total == 0, "no spans, no lines");
}

/* Children within one another's time, at the very end, without a time. */
static void
test_children(UnitHost *unit, Canvas *canvas)
{
	static const char *const expected[] = {
		"Trace 0af7651916cd43dd8448eb211c80319c   s: a",
		"Start T0   Duration 290 µs   7 spans   1 service   3 levels",
		"Service: operation   Duration |0     |72.5µs|145µs |218µs  |",
		"s: a                   290 µs ░░░░░░░░░░░░░░░░░░░░█████████|",
		"├─ s: f                     - (no start)                   |",
		"│  └─ s: g              10 µs  █                           |",
		"├─ s: b                200 µs ████████████████████         |",
		"├─ s: c                 20 µs     ██                       |",
		"├─ s: d                  9 µs           ▏                  |",
		"└─ s: e                  0 µs                             ▏|",
		"█ working itself   ░ waiting on children",
		"▏ shorter than a column   each column = 10 µs",
	};
	const SpanTree *tree =
		SMALL_TREE(unit,
				   {"a", NULL, "s", "a", 0, 290, 0, 0, false},
				   {"b", "a", "s", "b", 0, 200, 0, 0, false},
				   {"c", "a", "s", "c", 40, 60, 0, 0, false},
				   {"d", "a", "s", "d", 100, 109, 0, 0, false},
				   {"e", "a", "s", "e", 290, 290, 0, 0, false},
				   {"f", "a", "s", "f", UNKNOWN, UNKNOWN, 0, 0, false},
				   {"g", "f", "s", "g", 10, 20, 0, 0, false});

	draw(unit, canvas, tree, 60, false);
	CHECK_LINES(canvas, expected, "children in all places");
}

static void
test_line(UnitHost *unit)
{
	Screen screen = {true, true, measure};
	Line line;
	bool keeps = true;

	for (int columns = 0; columns < 6; columns++)
	{
		line_create(&line, &unit->host, &screen, 10);
		line_clear(&line);
		line_open_field(&line, columns);
		line_put_name(&line, text_slice("long name"));
		keeps = keeps && line.columns == columns;
	}
	CHECK(keeps, "a field too narrow for the dots has fewer of them");
}

static void
test_durations(void)
{
	static const struct
	{
		int64_t us;
		const char *text;
	} cases[] = {
		{0, "0 us"},
		{7, "7 us"},
		{999, "999 us"},
		{1000, "1.00 ms"},
		{1004, "1.00 ms"},
		{1005, "1.01 ms"},
		{9994, "9.99 ms"},
		{9995, "10.0 ms"},
		{42000, "42.0 ms"},
		{99949, "99.9 ms"},
		{99950, "100 ms"},
		{412000, "412 ms"},
		{999499, "999 ms"},
		{999500, "1.00 s"},
		{1804000, "1.80 s"},
		{59949999, "59.9 s"},
		{59950000, "1 m 0 s"},
		{125400000, "2 m 5 s"},
		{3599499999, "59 m 59 s"},
		{3599500000, "1 h 0 m"},
		{12000000000, "3 h 20 m"},
		{86369999999, "23 h 59 m"},
		{86370000000, "1 d 0 h"},
		{INT64_C(1051200000000), "12 d 4 h"},
		{INT64_C(86400000000) * 1000, "1000 d"},
		{INT64_MAX, "106751991 d"},
		{-1500, "-1.50 ms"},
		{INT64_MIN, "-106751991 d"},
	};
	char text[DURATION_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		duration_text(text, cases[i].us, true);
		CHECK(strcmp(text, cases[i].text) == 0,
			  "%" PRId64 " us is %s: %s",
			  cases[i].us,
			  cases[i].text,
			  text);
	}
	duration_text(text, 5, false);
	CHECK(strcmp(text, "5 µs") == 0, "with a mu");
	duration_part_text(text, 10, 1, 4, true);
	CHECK(strcmp(text, "2.50 us") == 0, "a quarter of 10 us: %s", text);
	duration_part_text(text, 1, 3, 4, true);
	CHECK(strcmp(text, "750 ns") == 0, "three quarters of 1 us: %s", text);
	duration_part_text(text, 1999999, 1, 2000, true);
	CHECK(strcmp(text, "1.00 ms") == 0, "almost 1000 us: %s", text);
	duration_part_text(text, INT64_MAX, 3, 4, true);
	CHECK(strcmp(text, "80063993 d") == 0, "parts of the longest: %s", text);
}

static void
test_memory(UnitHost *unit, Canvas *canvas)
{
	const SpanTree *tree = shop(unit);
	static const PathSection section = {0, 0, 0, 1};
	bool fails = true;

	draw(unit, canvas, tree, 60, false);
	canvas->painter.sections = &section;
	for (int left = 0; left < 10 && fails; left++)
	{
		unit->allocations_left = left;
		fails = waterfall_draw(&unit->host, tree, &canvas->painter) ==
				CORE_NO_MEMORY;
	}
	unit->allocations_left = -1;
	CHECK(fails, "no memory is an error wherever it happens");
}

int
main(void)
{
	UnitHost unit;
	Canvas canvas = {0};

	unit_host_init(&unit);
	test_picture(&unit, &canvas);
	test_path(&unit, &canvas);
	test_broken(&unit, &canvas);
	test_names(&unit, &canvas);
	test_marks(&unit, &canvas);
	test_widths(&unit, &canvas);
	test_depth(&unit, &canvas);
	test_axis(&unit, &canvas);
	test_children(&unit, &canvas);
	test_line(&unit);
	test_durations();
	test_memory(&unit, &canvas);
	clear_canvas(&canvas);
	unit_host_release(&unit);
	return unit_done();
}
