/*
 * What holds for the critical path of any trace, on traces made at random.
 *
 *	critical_path_property_test [first seed [count]]
 *
 * A property that fails prints the seed of its trace.  "Exact" properties need
 * overlap_tolerance 0; the others hold with the default allowance too.
 */
#include "core/path/critical_path.h"
#include "span_list.h"

#define MAX_SPANS 48
#define MAX_SECTIONS (2 * MAX_SPANS + 2)

typedef struct TraceSpan
{
	int id;		/* unique, in no order */
	int parent; /* index, -1 for a root */
	int64_t start;
	int64_t end;
	bool is_removed;
} TraceSpan;

typedef struct Trace
{
	int count;
	TraceSpan spans[MAX_SPANS];
} Trace;

typedef struct Section
{
	int span; /* index */
	int64_t start;
	int64_t end;
} Section;

typedef struct Sections
{
	int count;
	Section list[MAX_SECTIONS];
} Sections;

/* A trace, its path, and what is known of each span, by index. */
typedef struct Found
{
	UnitHost unit;
	CriticalPath path;
	Sections sections;
	uint32_t position[MAX_SPANS];
	int index[MAX_SPANS];		/* of each position */
	PathSpan walked[MAX_SPANS]; /* inclusive 0: it was not */
} Found;

enum
{
	PROPERTY_COVERS,
	PROPERTY_SUMS,
	PROPERTY_BOUNDED,
	PROPERTY_PERMUTED,
	PROPERTY_SHIFTED,
	PROPERTY_SCALED,
	PROPERTY_REMOVED,
	PROPERTY_BARE,
	PROPERTY_ADDED,
	PROPERTY_INERT,
	PROPERTY_INCLUSIVE,
	PROPERTY_APART,
	PROPERTY_SELF,
	PROPERTY_COMPOSED,
	PROPERTY_IDENTITY,
	PROPERTY_MONOTONE,
	PROPERTY_SAVED,
	PROPERTY_OFF_PATH,
	PROPERTY_DRAG,
	PROPERTY_IDEMPOTENT,
	PROPERTY_COUNT,
};

static const char *const property_names[PROPERTY_COUNT] = {
	"sections are disjoint, ascending and cover the root",
	"exclusive times add up to the root, for spans and for ancestors",
	"at most 2n-1 sections",
	"the order of the rows changes nothing",
	"moving all times moves the sections",
	"exact: scaling all times scales the sections",
	"removing a subtree off the path changes nothing",
	"keeping only the path and what is above it changes nothing",
	"adding a span that is not on the path changes nothing",
	"a span of no length changes nothing",
	"inclusive times are the effective lengths; within the allowance, less",
	"exact: siblings on the path do not overlap",
	"exact: exclusive >= self time, equal if siblings on the path cover all",
	"exact: below a span, the path is that of its subtree",
	"what if: factor 1 changes nothing",
	"what if: more time never makes it faster",
	"exact: what if saves at most the bound",
	"exact: what if off the path saves nothing",
	"drag is what a span's what-if saves",
	"the sections as siblings give themselves",
};

static long checked[PROPERTY_COUNT];
static long failed[PROPERTY_COUNT];

static void
hold(int property, bool holds, uint64_t seed)
{
	checked[property]++;
	if (holds)
		return;
	if (failed[property]++ < 3)
		printf(
			"# seed %" PRIu64 " fails: %s\n", seed, property_names[property]);
}

/* Traces. */

static int64_t
random_between(uint64_t *random, int64_t low, int64_t high)
{
	return low + (int64_t) random_below(random, (uint64_t) (high - low) + 1);
}

/* Within its parent mostly, behind a sibling often. */
static void
place_span(Trace *trace, TraceSpan *span, uint64_t *random)
{
	const TraceSpan *parent = &trace->spans[span->parent];
	int64_t length = parent->end - parent->start;
	int64_t spill = random_below(random, 8) == 0 ? length / 3 : 0;

	span->start =
		random_between(random, parent->start - spill, parent->end + spill);
	if (random_below(random, 2) == 0)
	{
		const TraceSpan *other =
			&trace->spans[random_below(random, (uint64_t) trace->count)];

		if (other->parent == span->parent)
			span->start = other->end - (int64_t) random_below(random, 4) *
										   (length / 300 *
											(int64_t) random_below(random, 2));
	}
	span->end =
		span->start +
		random_between(random, 0, length / random_between(random, 1, 4));
	if (span->end > parent->end && random_below(random, 3) > 0)
		span->end = parent->end;
	if (span->end < span->start)
		span->end = span->start;
}

static void
make_trace(Trace *trace, uint64_t *random)
{
	static const int64_t lengths[] = {30, 1000, 200000, 3000000};
	int count = (int) random_between(random, 1, 30);
	int first = (int) random_below(random, 9973);

	trace->count = 0;
	for (int i = 0; i < count; i++)
	{
		TraceSpan *span = &trace->spans[i];

		*span = (TraceSpan){.id = (first + i * 7919) % 9973, .parent = -1};
		if (i > 0)
		{
			span->parent = (int) random_below(random,
											  random_below(random, 2)
												  ? (uint64_t) i
												  : (uint64_t) (i + 2) / 3);
			place_span(trace, span, random);
		}
		else
			span->end = lengths[random_below(random, 4)];
		trace->count++;
	}
}

static void
remove_subtree(Trace *trace, int top)
{
	for (int i = top; i < trace->count; i++)
	{
		TraceSpan *span = &trace->spans[i];

		if (i == top ||
			(span->parent >= 0 && trace->spans[span->parent].is_removed &&
			 span->parent >= top))
			span->is_removed = true;
	}
}

/* The path of a trace. */

static void
list_spans(const Trace *trace, SpanList *list)
{
	for (int i = 0; i < trace->count; i++)
	{
		const TraceSpan *from = &trace->spans[i];
		Span span = {.service_name = SLICE_LITERAL("s"),
					 .operation = SLICE_LITERAL("o"),
					 .start_time = from->start,
					 .end_time = from->end,
					 .flags = SPAN_HAS_START | SPAN_HAS_END};

		if (from->is_removed)
			continue;
		span.span_id = span_list_text(list, "%05d", from->id);
		if (from->parent >= 0)
			span.parent_span_id =
				span_list_text(list, "%05d", trace->spans[from->parent].id);
		span_list_add(list, &span);
	}
}

static void
find_positions(const Trace *trace, Found *found)
{
	for (int i = 0; i < trace->count; i++)
	{
		char id[16];
		uint32_t position;

		sprintf(id, "%05d", trace->spans[i].id);
		position = span_tree_find(found->path.tree, (Slice){id, 5});
		found->position[i] = position;
		if (position != SPAN_TREE_NONE)
			found->index[position] = i;
	}
}

static void
find_walked(Found *found)
{
	PathSpan *spans;
	uint32_t count;

	if (critical_path_spans(&found->unit.host, &found->path, &spans, &count) !=
		CORE_OK)
		abort();
	memset(found->walked, 0, sizeof(found->walked));
	for (uint32_t i = 0; i < count; i++)
		found->walked[found->index[spans[i].span]] = spans[i];
}

static void
find_path(const Trace *trace, const CriticalPathOptions *options,
		  uint64_t shuffle, Found *found)
{
	SpanList list;

	span_list_init(&list);
	list_spans(trace, &list);
	if (shuffle != 0)
		span_list_shuffle(&list, &shuffle);
	unit_host_init(&found->unit);
	if (critical_path_find(&found->unit.host,
						   span_list_build(&found->unit, &list),
						   options,
						   &found->path) != CORE_OK)
		abort();
	span_list_free(&list);
	find_positions(trace, found);
	find_walked(found);
	found->sections.count = (int) found->path.section_count;
	for (int i = 0; i < found->sections.count; i++)
	{
		const PathSection *section = &found->path.sections[i];

		found->sections.list[i] = (Section){
			found->index[section->span], section->start, section->end};
	}
}

static void
find_sections(const Trace *trace, const CriticalPathOptions *options,
			  uint64_t shuffle, Sections *sections)
{
	Found found;

	find_path(trace, options, shuffle, &found);
	*sections = found.sections;
	unit_host_release(&found.unit);
}

static bool
same_sections(const Sections *a, const Sections *b)
{
	if (a->count != b->count)
		return false;
	for (int i = 0; i < a->count; i++)
	{
		if (a->list[i].span != b->list[i].span ||
			a->list[i].start != b->list[i].start ||
			a->list[i].end != b->list[i].end)
			return false;
	}
	return true;
}

/* Whether a changed trace has these sections. */
static bool
gives(const Trace *trace, const CriticalPathOptions *options,
	  const Sections *expected)
{
	Sections sections;

	find_sections(trace, options, 0, &sections);
	return same_sections(&sections, expected);
}

static PathWindow
window_of(const Found *found, int span)
{
	return found->path.windows[found->position[span]];
}

/* The properties. */

static void
check_sections(const Trace *trace, const Found *found, uint64_t seed)
{
	const Sections *s = &found->sections;
	int64_t at = trace->spans[0].start;
	int64_t sum = 0;
	bool covers = true;

	for (int i = 0; i < s->count; i++)
	{
		covers &= s->list[i].start == at && s->list[i].end > at;
		at = s->list[i].end;
	}
	hold(PROPERTY_COVERS, covers && at == trace->spans[0].end, seed);
	for (int i = 0; i < trace->count; i++)
		sum += found->walked[i].exclusive;
	hold(PROPERTY_SUMS,
		 sum == trace->spans[0].end - trace->spans[0].start &&
			 found->walked[0].inclusive == sum,
		 seed);
	hold(PROPERTY_BOUNDED, s->count <= 2 * trace->count - 1, seed);
}

static void
check_moved(const Trace *trace, const CriticalPathOptions *options,
			const Sections *expected, uint64_t seed)
{
	Trace moved = *trace;
	Sections shifted = *expected;
	Sections scaled = *expected;
	Sections shuffled;

	find_sections(trace, options, seed + 12345, &shuffled);
	hold(PROPERTY_PERMUTED, same_sections(&shuffled, expected), seed);
	for (int i = 0; i < trace->count; i++)
	{
		moved.spans[i].start -= 777777;
		moved.spans[i].end -= 777777;
	}
	for (int i = 0; i < shifted.count; i++)
	{
		shifted.list[i].start -= 777777;
		shifted.list[i].end -= 777777;
	}
	hold(PROPERTY_SHIFTED, gives(&moved, options, &shifted), seed);
	if (options->overlap_tolerance > 0)
		return;
	for (int i = 0; i < trace->count; i++)
	{
		moved.spans[i].start = trace->spans[i].start * 7;
		moved.spans[i].end = trace->spans[i].end * 7;
	}
	for (int i = 0; i < scaled.count; i++)
	{
		scaled.list[i].start *= 7;
		scaled.list[i].end *= 7;
	}
	hold(PROPERTY_SCALED, gives(&moved, options, &scaled), seed);
}

static void
check_removed(const Trace *trace, const CriticalPathOptions *options,
			  const Found *found, uint64_t seed)
{
	Trace bare = *trace;

	for (int i = 1; i < trace->count; i++)
	{
		Trace pruned = *trace;

		if (found->walked[i].inclusive > 0)
			continue;
		remove_subtree(&pruned, i);
		bare.spans[i].is_removed = true;
		hold(PROPERTY_REMOVED, gives(&pruned, options, &found->sections), seed);
	}
	hold(PROPERTY_BARE, gives(&bare, options, &found->sections), seed);
}

static void
check_added(const Trace *trace, const CriticalPathOptions *options,
			const Found *found, uint64_t seed)
{
	uint64_t random = random_seeded(seed);
	Trace added = *trace;
	TraceSpan *span = &added.spans[added.count];
	Sections sections;
	bool is_on_path = false;

	*span = (TraceSpan){
		.id = 9999,
		.parent = (int) random_below(&random, (uint64_t) trace->count)};
	place_span(&added, span, &random);
	added.count++;
	find_sections(&added, options, 0, &sections);
	for (int i = 0; i < sections.count; i++)
		is_on_path |= sections.list[i].span == trace->count;
	if (!is_on_path)
		hold(PROPERTY_ADDED, same_sections(&sections, &found->sections), seed);
	span->end = span->start;
	hold(PROPERTY_INERT, gives(&added, options, &found->sections), seed);
}

static bool
overlap(PathWindow a, PathWindow b)
{
	return a.start < b.end && b.start < a.end;
}

static void
check_inclusive(const Trace *trace, const CriticalPathOptions *options,
				const Found *found, uint64_t seed)
{
	for (int i = 0; i < trace->count; i++)
	{
		PathWindow window = window_of(found, i);
		int64_t length = window.end - window.start;

		if (found->walked[i].inclusive == 0)
			continue;
		hold(PROPERTY_INCLUSIVE,
			 options->overlap_tolerance > 0
				 ? found->walked[i].inclusive <= length
				 : found->walked[i].inclusive == length,
			 seed);
		for (int j = 0; options->overlap_tolerance == 0 && j < i; j++)
		{
			if (found->walked[j].inclusive > 0 &&
				trace->spans[j].parent == trace->spans[i].parent)
				hold(PROPERTY_APART,
					 !overlap(window, window_of(found, j)),
					 seed);
		}
	}
}

/* How much of a span no child covers; only the walked ones, if asked for. */
static int64_t
uncovered(const Trace *trace, const Found *found, int span, bool walked_only)
{
	PathWindow window = window_of(found, span);
	int64_t free_time = 0;
	int64_t next;

	for (int64_t at = window.start; at < window.end; at = next)
	{
		bool is_covered = false;

		next = window.end;
		for (int i = span + 1; i < trace->count; i++)
		{
			PathWindow child = window_of(found, i);

			if (trace->spans[i].parent != span || child.end <= child.start ||
				(walked_only && found->walked[i].inclusive == 0))
				continue;
			is_covered |= child.start <= at && at < child.end;
			if (child.start > at && child.start < next)
				next = child.start;
			if (child.end > at && child.end < next)
				next = child.end;
		}
		free_time += is_covered ? 0 : next - at;
	}
	return free_time;
}

static void
check_self(const Trace *trace, const Found *found, uint64_t seed)
{
	for (int i = 0; i < trace->count; i++)
	{
		int64_t self = uncovered(trace, found, i, false);
		bool cover_all = self == uncovered(trace, found, i, true);
		int64_t exclusive = found->walked[i].exclusive;

		if (found->walked[i].inclusive > 0)
			hold(PROPERTY_SELF,
				 exclusive >= self && (exclusive == self) == cover_all,
				 seed);
	}
}

static bool
is_below(const Trace *trace, int span, int top)
{
	while (span > top)
		span = trace->spans[span].parent;
	return span == top;
}

static void
check_composed(const Trace *trace, const CriticalPathOptions *options,
			   const Found *found, uint64_t seed)
{
	for (int top = 1; top < trace->count; top++)
	{
		Trace part = *trace;
		Sections expected = {0};
		PathWindow window = window_of(found, top);

		if (found->walked[top].inclusive == 0)
			continue;
		for (int i = 0; i < trace->count; i++)
			part.spans[i].is_removed = !is_below(trace, i, top);
		part.spans[top].parent = -1;
		part.spans[top].start = window.start;
		part.spans[top].end = window.end;
		for (int i = 0; i < found->sections.count; i++)
		{
			if (is_below(trace, found->sections.list[i].span, top))
				expected.list[expected.count++] = found->sections.list[i];
		}
		hold(PROPERTY_COMPOSED, gives(&part, options, &expected), seed);
	}
}

static WhatIfResult
what_if(Found *found, uint32_t span, double factor)
{
	WhatIf question = {.span = span, .factor = factor};
	WhatIfResult result;

	if (critical_path_what_if(
			&found->unit.host, &found->path, &question, &result) != CORE_OK)
		abort();
	return result;
}

static void
check_what_if(const Trace *trace, const CriticalPathOptions *options,
			  Found *found, uint64_t seed)
{
	static const double factors[] = {0, 0.25, 0.5, 1, 2};
	int target = (int) (seed % (uint64_t) trace->count);
	uint32_t span = found->position[target];
	double before = -1;

	for (int i = 0; i < 5; i++)
	{
		WhatIfResult r = what_if(found, span, factors[i]);

		hold(PROPERTY_MONOTONE, r.new_total >= before, seed);
		before = r.new_total;
		if (factors[i] == 1)
			hold(PROPERTY_IDENTITY, r.saved == 0 && !r.path_switched, seed);
		if (options->overlap_tolerance > 0 || factors[i] > 1)
			continue;
		hold(PROPERTY_SAVED, r.saved <= r.upper_bound, seed);
		if (found->walked[target].exclusive == 0)
			hold(PROPERTY_OFF_PATH, r.saved == 0 && r.upper_bound == 0, seed);
	}
}

static void
check_drag(const Trace *trace, Found *found, uint64_t seed)
{
	int64_t drag[MAX_SPANS];

	if (critical_path_slack(&found->unit.host, &found->path, NULL, drag) !=
		CORE_OK)
		abort();
	for (int i = 0; i < trace->count; i++)
	{
		uint32_t position = found->position[i];
		PathWindow window = window_of(found, i);

		hold(PROPERTY_DRAG,
			 window.end <= window.start
				 ? drag[position] == -1
				 : (double) drag[position] == what_if(found, position, 0).saved,
			 seed);
	}
}

static void
check_idempotent(const Trace *trace, const CriticalPathOptions *options,
				 const Sections *sections, uint64_t seed)
{
	Trace flat = {.count = 1, .spans = {trace->spans[0]}};
	Sections expected = *sections;

	if (sections->count >= MAX_SPANS)
		return;
	for (int i = 0; i < sections->count; i++)
	{
		flat.spans[flat.count++] = (TraceSpan){.id = i + 1,
											   .parent = 0,
											   .start = sections->list[i].start,
											   .end = sections->list[i].end};
		expected.list[i].span = i + 1;
	}
	flat.spans[0].id = 5000;
	hold(PROPERTY_IDEMPOTENT, gives(&flat, options, &expected), seed);
}

static void
check_trace(uint64_t seed, double tolerance)
{
	CriticalPathOptions options = CRITICAL_PATH_DEFAULTS;
	uint64_t random = random_seeded(seed);
	Trace trace = {0};
	Found found;

	options.overlap_tolerance = tolerance;
	make_trace(&trace, &random);
	find_path(&trace, &options, 0, &found);
	check_sections(&trace, &found, seed);
	check_moved(&trace, &options, &found.sections, seed);
	check_removed(&trace, &options, &found, seed);
	check_added(&trace, &options, &found, seed);
	check_inclusive(&trace, &options, &found, seed);
	check_what_if(&trace, &options, &found, seed);
	check_drag(&trace, &found, seed);
	check_idempotent(&trace, &options, &found.sections, seed);
	if (tolerance == 0)
	{
		check_self(&trace, &found, seed);
		check_composed(&trace, &options, &found, seed);
	}
	unit_host_release(&found.unit);
}

int
main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1500;

	for (uint64_t seed = first; seed < first + count; seed++)
	{
		check_trace(seed, 0);
		check_trace(seed, 0.01);
	}
	for (int i = 0; i < PROPERTY_COUNT; i++)
		CHECK(failed[i] == 0 && checked[i] > 0,
			  "%s (%ld times)",
			  property_names[i],
			  checked[i]);
	return unit_done();
}
