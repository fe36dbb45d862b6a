/*
 * The part of a trace that the critical path is looked for in: which roots,
 * and how much of each span counts.
 *
 * Parents lie before their children, so that one pass over a root's subtree is
 * enough; what takes no part is left out by jumping over its descendants.
 * In path->windows, a span that was never reached has {0, 0}, one that was
 * dropped {1, 0}: cut to that, nothing below it has any length either.
 */
#include "core/path/critical_path_window.h"

#include "core/base/sort.h"

/* Classes of roots: the better, the higher. */
typedef enum RootClass
{
	ROOT_NONE,
	ROOT_CUT, /* of a cycle */
	ROOT_ORPHAN,
	ROOT_TRUE,
} RootClass;

typedef struct Filling
{
	Host *host;
	CriticalPath *path;
	const SpanNode *nodes;
	RootClass best; /* class that is there */
	uint32_t best_count;
	uint32_t first; /* of that class, by start, end and id */
	uint32_t depth;
	uint32_t reached;
} Filling;

static RootClass
class_of(const SpanNode *nodes, uint32_t span)
{
	if (!(nodes[span].flags & SPAN_HAS_START) || !path_is_top(nodes, span))
		return ROOT_NONE;
	if (nodes[span].flags & NODE_IS_ROOT)
		return ROOT_TRUE;
	if ((nodes[span].flags & NODE_IS_ORPHAN) ||
		nodes[span].parent != SPAN_TREE_NONE)
		return ROOT_ORPHAN;
	return ROOT_CUT;
}

static bool
has_bad_times(const SpanNode *node)
{
	if (!(node->flags & SPAN_HAS_START))
		return true;
	if (node->flags & SPAN_HAS_END)
		return node->end_time < node->start_time;
	return (node->flags & SPAN_HAS_DURATION) && node->duration < 0;
}

/* By start, latest end, id. */
static bool
comes_first(const Filling *f, uint32_t a, uint32_t b)
{
	const SpanNode *x = &f->nodes[a];
	const SpanNode *y = &f->nodes[b];
	const SpanTree *tree = f->path->tree;

	if (x->start_time != y->start_time)
		return x->start_time < y->start_time;
	if (x->reach != y->reach)
		return x->reach > y->reach;
	return slice_compare(span_tree_string(tree, x->span_id),
						 span_tree_string(tree, y->span_id)) < 0;
}

static void
consider_root(Filling *f, uint32_t span, RootClass class)
{
	if (class > f->best)
	{
		f->best = class;
		f->best_count = 0;
		f->first = span;
	}
	f->best_count++;
	if (comes_first(f, span, f->first))
		f->first = span;
}

static void
survey(Filling *f)
{
	CriticalPathCounts *counts = &f->path->counts;

	counts->spans = f->path->tree->span_count;
	for (uint32_t i = 0; i < counts->spans; i++)
	{
		RootClass class = class_of(f->nodes, i);

		host_poll(f->host, i);
		counts->bad_times += has_bad_times(&f->nodes[i]);
		if (f->nodes[i].flags & SPAN_HAS_START)
			counts->unreachable++; /* until it is reached */
		counts->roots += class == ROOT_TRUE;
		counts->orphans += class == ROOT_ORPHAN;
		if (f->nodes[i].flags & NODE_IS_COPY)
		{
			counts->duplicates++;
			continue;
		}
		if (class != ROOT_NONE && class >= f->best)
			consider_root(f, i, class);
	}
}

/* As siblings are ordered: by start, then id; those of one id never by the
 * order in which they came. */
static int
compare_roots(const Filling *f, uint32_t a, uint32_t b)
{
	const SpanNode *x = &f->nodes[a];
	const SpanNode *y = &f->nodes[b];
	const uint32_t texts[][2] = {
		{x->span_id, y->span_id},
		{x->service_name, y->service_name},
		{x->operation, y->operation},
		{x->parent_span_id, y->parent_span_id},
	};
	int order =
		(x->start_time > y->start_time) - (x->start_time < y->start_time);

	for (size_t i = 0; order == 0 && i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		order = slice_compare(span_tree_string(f->path->tree, texts[i][0]),
							  span_tree_string(f->path->tree, texts[i][1]));
		if (order == 0 && i == 0)
			order = (x->flags & NODE_IS_COPY) - (y->flags & NODE_IS_COPY);
	}
	return order != 0 ? order : (a > b) - (a < b);
}

static bool
root_after(const void *a, const void *b, const void *filling)
{
	return compare_roots(
			   filling, *(const uint32_t *) a, *(const uint32_t *) b) > 0;
}

/* The tree has them in order, but for those below a span without a start. */
static void
sort_roots(Filling *f, uint32_t *list, uint32_t count, uint32_t *scratch)
{
	sort_items(f->host, list, scratch, count, sizeof(uint32_t), root_after, f);
}

/* The spans of at least this class, in order; NULL when memory is short. */
static uint32_t *
collect_roots(Filling *f, RootClass least, bool with_copies, uint32_t *count)
{
	uint32_t spans = f->path->tree->span_count;
	uint32_t *list = NULL;

	for (;;)
	{
		*count = 0;
		for (uint32_t i = 0; i < spans; i++)
		{
			host_poll(f->host, i);
			if (class_of(f->nodes, i) < least ||
				((f->nodes[i].flags & NODE_IS_COPY) && !with_copies))
				continue;
			if (list != NULL)
				list[*count] = i;
			++*count;
		}
		if (list != NULL)
			break;
		/* twice, for the sort */
		list = f->host->allocate(f->host,
								 (2 * (size_t) *count + 1) * sizeof(uint32_t));
		if (list == NULL)
			return NULL;
	}
	sort_roots(f, list, *count, list + *count);
	return list;
}

static CoreStatus
set_single_root(Filling *f, uint32_t root)
{
	f->path->roots = f->host->allocate(f->host, sizeof(uint32_t));
	if (f->path->roots == NULL)
		return CORE_NO_MEMORY;
	f->path->roots[0] = root;
	f->path->root_count = 1;
	return CORE_OK;
}

static CoreStatus
set_virtual_root(Filling *f)
{
	CriticalPath *path = f->path;
	RootClass least = f->best < ROOT_ORPHAN ? f->best : ROOT_ORPHAN;
	PathWindow hull = {INT64_MAX, INT64_MIN};

	path->tops = collect_roots(f, least, true, &path->top_count);
	if (path->tops == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < path->top_count; i++)
	{
		const SpanNode *top = &f->nodes[path->tops[i]];

		if (top->start_time < hull.start)
			hull.start = top->start_time;
		if (top->reach > hull.end)
			hull.end = top->reach;
	}
	path->windows[path->tree->span_count] = hull;
	return set_single_root(f, SPAN_TREE_NONE);
}

static CoreStatus
choose_roots(Filling *f)
{
	CriticalPath *path = f->path;
	const CriticalPathOptions *options = &path->options;

	if (options->root != SPAN_TREE_NONE)
	{
		if (!(f->nodes[options->root].flags & SPAN_HAS_START))
			return CORE_OK;
		return set_single_root(f, options->root);
	}
	if (f->best == ROOT_NONE)
		return CORE_OK;
	if (options->roots == PATH_ROOTS_ALL)
	{
		path->roots = collect_roots(f, f->best, false, &path->root_count);
		return path->roots == NULL ? CORE_NO_MEMORY : CORE_OK;
	}
	if (options->roots == PATH_ROOTS_VIRTUAL ||
		(f->best == ROOT_ORPHAN && f->best_count > 1))
		return set_virtual_root(f);
	return set_single_root(f, f->first);
}

/* A span's own interval, where skew has moved it to. */
static PathWindow
own_interval(const CriticalPath *path, const SpanNode *nodes, uint32_t span)
{
	PathWindow own = {nodes[span].start_time, nodes[span].reach};

	if (path->shifts != NULL)
	{
		own.start = time_sum(own.start, path->shifts[span]);
		own.end = time_sum(own.end, path->shifts[span]);
	}
	return own;
}

/* Moves a child, whose parent has its place already. */
static void
shift_child(CriticalPath *path, const SpanNode *nodes, uint32_t span)
{
	uint32_t parent = nodes[span].parent;
	PathWindow around = own_interval(path, nodes, parent);
	int64_t room = time_difference(around.end, around.start);
	PathWindow own;
	int64_t length;

	path->shifts[span] = path->shifts[parent];
	own = own_interval(path, nodes, span);
	length = time_difference(own.end, own.start);
	if (nodes[span].service_name == nodes[parent].service_name ||
		(own.start >= around.start && own.end <= around.end) || length > room)
		return;
	own.start =
		time_difference(time_sum(around.start, (room - length) / 2), own.start);
	path->shifts[span] = time_sum(path->shifts[span], own.start);
}

/* Whether a child takes no part, with all below it. */
static bool
is_left_out(Filling *f, uint32_t span)
{
	const SpanNode *node = &f->nodes[span];

	if (!(node->flags & SPAN_HAS_START))
		return true;
	if ((node->flags & SPAN_IS_ASYNC) ||
		(f->path->options.messaging == PATH_MESSAGING_PRUNE &&
		 node->kind == SPAN_KIND_CONSUMER &&
		 f->nodes[node->parent].kind == SPAN_KIND_PRODUCER))
	{
		f->path->counts.pruned += node->descendants + 1;
		return true;
	}
	return false;
}

static void
cut_to_parent(Filling *f, uint32_t span)
{
	CriticalPath *path = f->path;
	uint32_t parent = f->nodes[span].parent;
	PathWindow own = own_interval(path, f->nodes, span);
	PathWindow cut = path->windows[parent];
	bool overflows = own.end > own_interval(path, f->nodes, parent).end;

	path->counts.overflow_children += overflows;
	if (own.start > cut.start)
		cut.start = own.start;
	if (own.end < cut.end)
		cut.end = own.end;
	if (cut.end <= cut.start ||
		(overflows && path->options.overflow == PATH_OVERFLOW_DROP))
	{
		cut = (PathWindow){1, 0};
		path->counts.dropped++;
	}
	else if (cut.start != own.start || cut.end != own.end)
		path->counts.clipped++;
	path->windows[span] = cut;
}

static void
fill_subtree(Filling *f, uint32_t top)
{
	CriticalPath *path = f->path;
	uint32_t end = top + f->nodes[top].descendants;

	path->windows[top] = own_interval(path, f->nodes, top);
	f->reached++;
	for (uint32_t i = top + 1; i <= end; i++)
	{
		host_poll(f->host, i);
		if (is_left_out(f, i))
		{
			i += f->nodes[i].descendants;
			continue;
		}
		if (path->shifts != NULL)
			shift_child(path, f->nodes, i);
		cut_to_parent(f, i);
		f->reached++;
		if (f->nodes[i].depth > f->depth)
			f->depth = f->nodes[i].depth;
	}
}

/* The roots, or the children of the virtual one. */
static void
fill_roots(Filling *f)
{
	CriticalPath *path = f->path;
	bool is_virtual = path->root_count == 1 && path->roots[0] == SPAN_TREE_NONE;
	const uint32_t *tops = is_virtual ? path->tops : path->roots;
	uint32_t count = is_virtual ? path->top_count : path->root_count;

	for (uint32_t i = 0; i < count; i++)
	{
		fill_subtree(f, tops[i]);
		if (is_virtual && !path_has_window(path, tops[i]))
			path->counts.dropped++;
	}
	for (uint32_t i = 0; i < path->root_count; i++)
		path->counts.total = time_sum(path->counts.total,
									  path_window_length(path, path->roots[i]));
	path->counts.unreachable -= f->reached;
}

CoreStatus
path_windows_fill(Host *host, CriticalPath *path, uint32_t *depth,
				  uint32_t *reached)
{
	Filling f = {
		.host = host, .path = path, .nodes = span_tree_nodes(path->tree)};
	size_t spans = path->tree->span_count;
	CoreStatus status;

	path->windows = host->allocate(host, (spans + 1) * sizeof(PathWindow));
	if (path->windows == NULL)
		return CORE_NO_MEMORY;
	memset(path->windows, 0, (spans + 1) * sizeof(PathWindow));
	if (path->options.skew == PATH_SKEW_SHIFT)
	{
		path->shifts = host->allocate(host, (spans + 1) * sizeof(int64_t));
		if (path->shifts == NULL)
			return CORE_NO_MEMORY;
		memset(path->shifts, 0, spans * sizeof(int64_t));
	}
	survey(&f);
	status = choose_roots(&f);
	if (status == CORE_OK)
		fill_roots(&f);
	*depth = f.depth;
	*reached = f.reached;
	return status;
}

/* Reverses each run of equal keys. */
static void
reverse_ties(PathKey *keys, uint32_t count)
{
	for (uint32_t first = 0, end; first < count; first = end)
	{
		for (end = first + 1; end < count && keys[end].key == keys[first].key;)
			end++;
		for (uint32_t i = first, j = end - 1; i < j; i++, j--)
		{
			PathKey kept = keys[i];

			keys[i] = keys[j];
			keys[j] = kept;
		}
	}
}

static bool
ends_after(const void *a, const void *b, const void *context)
{
	(void) context;
	return ((const PathKey *) a)->key > ((const PathKey *) b)->key;
}

void
path_sort(Host *host, PathKey *keys, PathKey *scratch, uint32_t count)
{
	sort_items(host, keys, scratch, count, sizeof(PathKey), ends_after, NULL);
}

static uint32_t
gather_child(const CriticalPath *path, uint32_t child, PathKey *keys,
			 uint32_t count)
{
	if (path_has_window(path, child))
		keys[count++] = (PathKey){path->windows[child].end, child};
	return count;
}

uint32_t
path_family(Host *host, const CriticalPath *path, uint32_t span, PathKey *keys,
			PathKey *scratch)
{
	const SpanNode *nodes = span_tree_nodes(path->tree);
	uint32_t count = 0;

	if (span == SPAN_TREE_NONE)
	{
		for (uint32_t i = 0; i < path->top_count; i++)
			count = gather_child(path, path->tops[i], keys, count);
	}
	else
	{
		uint32_t end = span + nodes[span].descendants;

		for (uint32_t i = span + 1; i <= end; i += nodes[i].descendants + 1)
		{
			host_poll(host, i);
			count = gather_child(path, i, keys, count);
		}
	}
	if (count < 2)
		return count;
	if (path->shifts != NULL)
	{
		/* the tree's order is no longer that of the starts */
		for (uint32_t i = 0; i < count; i++)
			keys[i].key = own_interval(path, nodes, keys[i].value).start;
		path_sort(host, keys, scratch, count);
		for (uint32_t i = 0; i < count; i++)
			keys[i].key = path->windows[keys[i].value].end;
	}
	path_sort(host, keys, scratch, count);
	reverse_ties(keys, count);
	return count;
}

int64_t
path_allowance(const CriticalPath *path, uint32_t span)
{
	double share = (double) path_window_length(path, span) *
				   path->options.overlap_tolerance;

	if (!(share >= 1))
		return 0;
	if (share >= (double) path->options.max_overlap)
		return path->options.max_overlap > 0 ? path->options.max_overlap : 0;
	return (int64_t) share;
}
