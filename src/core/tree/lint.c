/*
 * Finding what is wrong with a trace: see lint.h.
 *
 * What is told once for several spans (duplicate ids, clock skew) is counted
 * first, and noted with the span at which to tell it; then one scan over the
 * spans reports everything in order.  Nothing is held but these notes.
 */
#include "core/tree/lint.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/base/sort.h"
#include "core/tree/summary.h"

#define US_PER_MS 1000
#define MISMATCH_US US_PER_MS /* and */
#define MISMATCH_PARTS 100	  /* one part of so many */

static const char *const problem_names[LINT_PROBLEM_COUNT] = {
	"child_before_parent",
	"child_outlives_parent",
	"clock_skew",
	"cycle",
	"duplicate_id",
	"duration_mismatch",
	"empty_operation",
	"empty_service",
	"missing_start",
	"multiple_roots",
	"negative_duration",
	"no_root",
	"orphan",
	"self_parent",
	"unfinished",
};

/* The owner or a copy of an id. */
typedef struct SharedId
{
	Slice span_id;
	uint32_t position;
	bool is_copy;
} SharedId;

/* One span that its clock seems to have misplaced. */
typedef struct Skew
{
	uint32_t parent_service; /* names, as offsets */
	uint32_t service;
	int64_t offset; /* what would put it into its parent's middle */
	uint32_t position;
} Skew;

/* What is told of a span about others as well. */
typedef struct Note
{
	uint32_t position;
	uint32_t count;
	int64_t offset;
} Note;

typedef struct Notes
{
	Note *list;
	uint32_t count;
	uint32_t told;
} Notes;

typedef struct Linter
{
	Host *host;
	const SpanTree *tree;
	const SpanNode *nodes;
	LintReport *report;
	TraceSummary summary;
	Notes duplicates;
	Notes skews;
	char *detail;
	size_t length;
	size_t capacity;
	CoreStatus status;
} Linter;

const char *
lint_problem_name(LintProblem problem)
{
	return problem_names[problem];
}

static Slice
string_of(const Linter *l, uint32_t offset)
{
	return span_tree_string(l->tree, offset);
}

/*
 * The detail of the problem at hand is put together piece by piece, then
 * report_problem hands it over.
 */

static bool
make_room(Linter *l, size_t length)
{
	char *bigger;

	if (l->capacity - l->length >= length)
		return true;
	bigger = l->host->allocate(l->host, (l->length + length) * 2);
	if (bigger == NULL)
	{
		l->status = CORE_NO_MEMORY;
		return false;
	}
	if (l->length > 0)
		memcpy(bigger, l->detail, l->length);
	l->detail = bigger;
	l->capacity = (l->length + length) * 2;
	return true;
}

static void
add_slice(Linter *l, Slice slice)
{
	if (slice.length == 0 || !make_room(l, slice.length))
		return;
	memcpy(l->detail + l->length, slice.data, slice.length);
	l->length += slice.length;
}

static void
add_text(Linter *l, const char *text)
{
	add_slice(l, (Slice){text, (uint32_t) strlen(text)});
}

static void
add_count(Linter *l, uint32_t count)
{
	char text[16];

	snprintf(text, sizeof(text), "%" PRIu32, count);
	add_text(l, text);
}

/* A time as "1234.567 ms": exact, unlike what the waterfall prints. */
static void
add_time(Linter *l, int64_t us)
{
	uint64_t length = us < 0 ? -(uint64_t) us : (uint64_t) us;
	char text[40];

	snprintf(text,
			 sizeof(text),
			 "%s%" PRIu64 ".%03d ms",
			 us < 0 ? "-" : "",
			 length / US_PER_MS,
			 (int) (length % US_PER_MS));
	add_text(l, text);
}

static void
report_problem(Linter *l, LintProblem problem, uint32_t position)
{
	if (l->status == CORE_OK)
		l->report->put_problem(l->report,
							   problem,
							   position,
							   (Slice){l->detail, (uint32_t) l->length});
	l->length = 0;
}

/* The note of a list for this position, or NULL; asked for in order. */
static const Note *
next_note(Notes *notes, uint32_t position)
{
	if (notes->told < notes->count &&
		notes->list[notes->told].position == position)
		return &notes->list[notes->told++];
	return NULL;
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static bool
note_after(const void *a, const void *b, const void *context)
{
	(void) context;
	return ((const Note *) a)->position > ((const Note *) b)->position;
}

static bool
create_notes(Linter *l, Notes *notes, uint32_t most)
{
	notes->list =
		l->host->allocate(l->host, ((size_t) most + 1) * sizeof(Note));
	return notes->list != NULL;
}

static CoreStatus
sort_notes(Linter *l, Notes *notes)
{
	return sort_array(l->host,
					  notes->list,
					  notes->count,
					  sizeof(Note),
					  note_after,
					  NULL)
			   ? CORE_OK
			   : CORE_NO_MEMORY;
}

/*
 * Duplicate ids.
 */

/* By id, its owner first. */
static bool
shared_id_after(const void *a, const void *b, const void *context)
{
	const SharedId *x = a;
	const SharedId *y = b;
	int order = slice_compare(x->span_id, y->span_id);

	(void) context;
	return order != 0 ? order > 0 : x->is_copy > y->is_copy;
}

static CoreStatus
count_duplicates(Linter *l)
{
	const uint16_t shares = NODE_IS_COPY | NODE_HAS_COPY;
	uint32_t count = 0;
	SharedId *ids;
	Note *note = NULL;

	for (uint32_t i = 0; i < l->tree->span_count; i++)
		count += (l->nodes[i].flags & shares) != 0;
	ids = l->host->allocate(l->host, ((size_t) count + 1) * sizeof(SharedId));
	if (ids == NULL || !create_notes(l, &l->duplicates, count))
		return CORE_NO_MEMORY;
	count = 0;
	for (uint32_t i = 0; i < l->tree->span_count; i++)
	{
		const SpanNode *node = &l->nodes[i];

		host_poll(l->host, i);
		if (node->flags & shares)
			ids[count++] = (SharedId){string_of(l, node->span_id),
									  i,
									  (node->flags & NODE_IS_COPY) != 0};
	}
	if (!sort_array(
			l->host, ids, count, sizeof(SharedId), shared_id_after, NULL))
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < count; i++)
	{
		if (!ids[i].is_copy)
		{
			note = &l->duplicates.list[l->duplicates.count++];
			*note = (Note){.position = ids[i].position};
		}
		if (note != NULL)
			note->count++;
	}
	return sort_notes(l, &l->duplicates);
}

/*
 * Clock skew.
 */

static bool
is_unfinished(const SpanNode *node)
{
	return !(node->flags & (SPAN_HAS_END | SPAN_HAS_DURATION));
}

static bool
has_interval(const SpanNode *node)
{
	return (node->flags & SPAN_HAS_START) && !is_unfinished(node);
}

/* A message is not waited for: its consumer may come at any later time. */
static bool
is_message(const SpanNode *parent, const SpanNode *child)
{
	return parent->kind == SPAN_KIND_PRODUCER &&
		   child->kind == SPAN_KIND_CONSUMER;
}

/* Whether a child lies where only a wrong clock puts it, and how far off. */
static bool
measure_skew(const SpanNode *parent, const SpanNode *child, int64_t *offset)
{
	int64_t parent_length = time_difference(parent->reach, parent->start_time);
	int64_t length = time_difference(child->reach, child->start_time);

	if (parent->service_name == child->service_name || !has_interval(parent) ||
		!has_interval(child) || length > parent_length)
		return false;
	if (child->start_time >= parent->start_time &&
		(child->reach <= parent->reach || is_message(parent, child)))
		return false;
	*offset = time_sum(time_difference(parent->start_time, child->start_time),
					   (parent_length - length) / 2);
	return true;
}

/* By pair of services, then by offset, for the median. */
static bool
skew_after(const void *a, const void *b, const void *context)
{
	const Skew *x = a;
	const Skew *y = b;
	int order = COMPARE(x->parent_service, y->parent_service);

	(void) context;
	if (order == 0)
		order = COMPARE(x->service, y->service);
	if (order == 0)
		order = COMPARE(x->offset, y->offset);
	return order > 0;
}

static void
note_skews(Linter *l, const Skew *skews, uint32_t count)
{
	uint32_t end;

	for (uint32_t first = 0; first < count; first = end)
	{
		Note *note = &l->skews.list[l->skews.count++];

		*note = (Note){.position = skews[first].position};
		for (end = first;
			 end < count &&
			 skews[end].parent_service == skews[first].parent_service &&
			 skews[end].service == skews[first].service;
			 end++)
		{
			if (skews[end].position < note->position)
				note->position = skews[end].position;
		}
		note->count = end - first;
		/* of an even number the lower one: a span's own offset, no mean */
		note->offset = skews[first + (note->count - 1) / 2].offset;
	}
}

static CoreStatus
estimate_skews(Linter *l)
{
	Skew *skews = NULL;
	uint32_t count = 0;

	for (int pass = 0; pass < 2; pass++)
	{
		uint32_t found = 0;

		for (uint32_t i = 0; i < l->tree->span_count; i++)
		{
			const SpanNode *child = &l->nodes[i];
			const SpanNode *parent;
			int64_t offset;

			host_poll(l->host, i);
			if (child->parent == SPAN_TREE_NONE)
				continue;
			parent = &l->nodes[child->parent];
			if (!measure_skew(parent, child, &offset))
				continue;
			if (pass == 1)
				skews[found] = (Skew){
					parent->service_name, child->service_name, offset, i};
			found++;
		}
		count = found;
		if (pass == 0)
		{
			skews =
				l->host->allocate(l->host, ((size_t) count + 1) * sizeof(Skew));
			if (skews == NULL || !create_notes(l, &l->skews, count))
				return CORE_NO_MEMORY;
		}
	}
	if (!sort_array(l->host, skews, count, sizeof(Skew), skew_after, NULL))
		return CORE_NO_MEMORY;
	note_skews(l, skews, count);
	return sort_notes(l, &l->skews);
}

/*
 * One span.
 */

static void
check_order(Linter *l, uint32_t i)
{
	const SpanNode *node = &l->nodes[i];
	const SpanNode *parent;

	if (node->parent == SPAN_TREE_NONE)
		return;
	parent = &l->nodes[node->parent];
	if (!(node->flags & parent->flags & SPAN_HAS_START))
		return;
	if (node->start_time < parent->start_time)
	{
		add_text(l, "starts ");
		add_time(l, time_difference(parent->start_time, node->start_time));
		add_text(l, " before its parent");
		report_problem(l, LINT_CHILD_BEFORE_PARENT, i);
	}
	if (node->reach > parent->reach && !(node->flags & SPAN_IS_ASYNC) &&
		!is_message(parent, node))
	{
		add_text(l, "ends ");
		add_time(l, time_difference(node->reach, parent->reach));
		add_text(l, " after its parent");
		report_problem(l, LINT_CHILD_OUTLIVES_PARENT, i);
	}
}

static void
report_skew(Linter *l, uint32_t i, const Note *note)
{
	const SpanNode *node = &l->nodes[i];
	const SpanNode *parent = &l->nodes[node->parent];

	add_text(l, "the clock of ");
	add_slice(l, string_of(l, node->service_name));
	add_text(l, " seems to be ");
	/* what has to be moved later was stamped by a clock that is slow */
	add_time(
		l, note->offset < 0 ? time_difference(0, note->offset) : note->offset);
	add_text(l, note->offset < 0 ? " ahead of that of " : " behind that of ");
	add_slice(l, string_of(l, parent->service_name));
	add_text(l, ", the median of ");
	add_count(l, note->count);
	add_text(l, note->count == 1 ? " span" : " spans");
	report_problem(l, LINT_CLOCK_SKEW, i);
}

/* Below the cut there is the whole cycle, and no other. */
static void
report_cycle(Linter *l, uint32_t i)
{
	const SpanNode *node = &l->nodes[i];
	uint32_t members = 0;

	for (uint32_t m = i; m <= i + node->descendants; m++)
		members += (l->nodes[m].flags & NODE_IN_CYCLE) != 0;
	add_count(l, members);
	add_text(l,
			 " spans are each other's ancestors; cut above this one, "
			 "whose parent is ");
	add_slice(l, string_of(l, node->parent_span_id));
	report_problem(l, LINT_CYCLE, i);
}

static void
check_durations(Linter *l, uint32_t i)
{
	const SpanNode *node = &l->nodes[i];
	const uint16_t all = SPAN_HAS_START | SPAN_HAS_END | SPAN_HAS_DURATION;
	int64_t between = time_difference(node->end_time, node->start_time);
	int64_t difference = time_difference(node->duration, between);
	int64_t longer = node->duration > between ? node->duration : between;

	if (difference < 0)
		difference = time_difference(0, difference);
	if ((node->flags & all) != all || difference <= MISMATCH_US ||
		difference <= longer / MISMATCH_PARTS)
		return;
	add_text(l, "duration ");
	add_time(l, node->duration);
	add_text(l, ", end - start ");
	add_time(l, between);
	report_problem(l, LINT_DURATION_MISMATCH, i);
}

static void
check_names(Linter *l, uint32_t i)
{
	const SpanNode *node = &l->nodes[i];

	if (string_of(l, node->operation).length == 0)
	{
		add_text(l, "the operation is empty");
		report_problem(l, LINT_EMPTY_OPERATION, i);
	}
	if (string_of(l, node->service_name).length == 0)
	{
		add_text(l, "the service name is empty");
		report_problem(l, LINT_EMPTY_SERVICE, i);
	}
}

static void
check_negative(Linter *l, uint32_t i)
{
	const SpanNode *node = &l->nodes[i];
	const uint16_t both = SPAN_HAS_START | SPAN_HAS_END;

	if ((node->flags & both) == both && node->end_time < node->start_time)
	{
		add_text(l, "ends ");
		add_time(l, time_difference(node->start_time, node->end_time));
		add_text(l, " before it starts");
	}
	else if ((node->flags & SPAN_HAS_DURATION) && node->duration < 0)
	{
		add_text(l, "duration ");
		add_time(l, node->duration);
	}
	else
		return;
	report_problem(l, LINT_NEGATIVE_DURATION, i);
}

static void
check_root(Linter *l, uint32_t i)
{
	if (l->summary.root_count > 1)
	{
		add_count(l, l->summary.root_count);
		add_text(l, " spans have no parent; this one stands for the trace");
		report_problem(l, LINT_MULTIPLE_ROOTS, i);
	}
}

static void
check_no_root(Linter *l, uint32_t i)
{
	if (l->summary.root_count == 0)
	{
		add_text(l, "every span has a parent; this one stands for the trace");
		report_problem(l, LINT_NO_ROOT, i);
	}
}

static void
check_parent(Linter *l, uint32_t i)
{
	const SpanNode *node = &l->nodes[i];

	if ((node->flags & NODE_IS_ORPHAN) && !(node->flags & NODE_IS_COPY))
	{
		add_text(l, "parent ");
		add_slice(l, string_of(l, node->parent_span_id));
		add_text(l, " was not recorded");
		report_problem(l, LINT_ORPHAN, i);
	}
	if (node->flags & NODE_IS_SELF_PARENT)
	{
		add_text(l, "names itself as its parent");
		report_problem(l, LINT_SELF_PARENT, i);
	}
}

/* In the order of LintProblem. */
static void
check_span(Linter *l, uint32_t i)
{
	const SpanNode *node = &l->nodes[i];
	const Note *skew = next_note(&l->skews, i);
	const Note *duplicate = next_note(&l->duplicates, i);

	check_order(l, i);
	if (skew != NULL)
		report_skew(l, i, skew);
	if ((node->flags & NODE_IN_CYCLE) && node->parent == SPAN_TREE_NONE)
		report_cycle(l, i);
	if (duplicate != NULL)
	{
		add_count(l, duplicate->count);
		add_text(l, " spans share this id");
		report_problem(l, LINT_DUPLICATE_ID, i);
	}
	check_durations(l, i);
	check_names(l, i);
	if (!(node->flags & SPAN_HAS_START))
	{
		add_text(l, "the start was not recorded");
		report_problem(l, LINT_MISSING_START, i);
	}
	if (i == l->summary.root)
		check_root(l, i);
	check_negative(l, i);
	if (i == l->summary.root)
		check_no_root(l, i);
	check_parent(l, i);
	if (is_unfinished(node))
	{
		add_text(l, "neither an end nor a duration was recorded");
		report_problem(l, LINT_UNFINISHED, i);
	}
}

CoreStatus
lint_trace(Host *host, const SpanTree *tree, LintReport *report)
{
	Linter l = {
		.host = host,
		.tree = tree,
		.nodes = span_tree_nodes(tree),
		.report = report,
	};
	CoreStatus status = summarize_trace(host, tree, &l.summary);

	if (status == CORE_OK)
		status = count_duplicates(&l);
	if (status == CORE_OK)
		status = estimate_skews(&l);
	if (status != CORE_OK)
		return status;
	for (uint32_t i = 0; i < tree->span_count && l.status == CORE_OK; i++)
	{
		host_poll(host, i);
		check_span(&l, i);
	}
	return l.status;
}
