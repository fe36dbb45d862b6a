/*
 * The walk that finds the critical path, and what it says about each span.
 *
 * See the header for the rules.  The walk runs backwards in time and fills the
 * array of sections from its end, so that they lie in ascending order.  Each
 * span being walked has a frame on an explicit stack and the children it has
 * still to look at on top of one shared array; a child that is passed over is
 * never looked at again, since the cursor only falls.
 */
#include "core/path/critical_path_window.h"

typedef struct PathFrame
{
	uint32_t span;
	uint32_t first; /* where its children begin in Walk.keys */
	int64_t limit;	/* it counts up to here */
	int64_t cursor;
	int64_t allowance;
} PathFrame;

typedef struct Walk
{
	Host *host;
	const CriticalPath *path;
	const SpanNode *nodes;
	uint32_t root;
	PathFrame *frames;
	uint32_t frame_count;
	PathKey *keys;
	PathKey *scratch;
	uint32_t key_count;
	PathSection *sections;
	uint32_t first_section; /* the one filled last */
	size_t steps;
} Walk;

static void
emit_section(Walk *w, uint32_t span, int64_t start, int64_t end)
{
	if (start < end)
		w->sections[--w->first_section] =
			(PathSection){span, w->root, start, end};
}

static void
enter_span(Walk *w, uint32_t span, int64_t limit)
{
	PathFrame *frame = &w->frames[w->frame_count++];
	PathKey *keys = w->keys + w->key_count;

	*frame = (PathFrame){.span = span,
						 .first = w->key_count,
						 .limit = limit,
						 .cursor = limit,
						 .allowance = path_allowance(w->path, span)};
	w->key_count += path_family(w->host, w->path, span, keys, w->scratch);
}

/* Looks at the children of a frame until one is taken or none is left. */
static bool
take_child(Walk *w, PathFrame *frame, uint32_t *child, int64_t *limit)
{
	while (w->key_count > frame->first)
	{
		PathKey key = w->keys[--w->key_count];
		int64_t end = key.key < frame->limit ? key.key : frame->limit;
		int64_t start = w->path->windows[key.value].start;

		host_poll(w->host, w->steps++);
		if (start >= frame->cursor ||
			(end > frame->cursor &&
			 time_difference(end, frame->cursor) > frame->allowance))
			continue;
		*child = key.value;
		*limit = end < frame->cursor ? end : frame->cursor;
		emit_section(w, frame->span, *limit, frame->cursor);
		frame->cursor = start;
		return true;
	}
	return false;
}

static void
walk_root(Walk *w, uint32_t root)
{
	uint32_t child;
	int64_t limit;

	w->root = root;
	enter_span(w, root, path_window(w->path, root).end);
	while (w->frame_count > 0)
	{
		PathFrame *frame = &w->frames[w->frame_count - 1];

		if (!take_child(w, frame, &child, &limit))
		{
			emit_section(w,
						 frame->span,
						 path_window(w->path, frame->span).start,
						 frame->cursor);
			w->frame_count--;
		}
		else if (w->nodes[child].descendants > 0)
			enter_span(w, child, limit);
		else
			emit_section(w, child, w->path->windows[child].start, limit);
	}
}

/* Counts each span at the section that it has first. */
static CoreStatus
count_spans_on_path(Host *host, CriticalPath *path)
{
	size_t size = path->tree->span_count / 8 + 1;
	uint8_t *seen = host->allocate(host, size);

	if (seen == NULL)
		return CORE_NO_MEMORY;
	memset(seen, 0, size);
	for (uint32_t i = 0; i < path->section_count; i++)
	{
		uint32_t span = path->sections[i].span;
		uint8_t bit = (uint8_t) (1 << (span & 7));

		host_poll(host, i);
		if (span == SPAN_TREE_NONE || (seen[span >> 3] & bit))
			continue;
		seen[span >> 3] |= bit;
		path->counts.on_path_spans++;
	}
	return CORE_OK;
}

static CoreStatus
walk_roots(Host *host, CriticalPath *path, uint32_t depth, uint32_t reached)
{
	size_t room = 2 * (size_t) reached + 1;
	size_t spans = (size_t) path->tree->span_count + 1;
	Walk w = {.host = host,
			  .path = path,
			  .nodes = span_tree_nodes(path->tree),
			  .first_section = (uint32_t) room};

	w.frames = host->allocate(host, ((size_t) depth + 2) * sizeof(PathFrame));
	w.keys = host->allocate(host, spans * sizeof(PathKey));
	w.scratch = host->allocate(host, spans * sizeof(PathKey));
	w.sections = host->allocate(host, room * sizeof(PathSection));
	if (w.frames == NULL || w.keys == NULL || w.scratch == NULL ||
		w.sections == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = path->root_count; i-- > 0;)
		walk_root(&w, path->roots[i]);
	path->sections = w.sections + w.first_section;
	path->section_count = (uint32_t) room - w.first_section;
	return count_spans_on_path(host, path);
}

CoreStatus
critical_path_find(Host *host, const SpanTree *tree,
				   const CriticalPathOptions *options, CriticalPath *path)
{
	uint32_t depth;
	uint32_t reached;
	CoreStatus status;

	*path = (CriticalPath){.tree = tree, .options = *options};
	status = path_windows_fill(host, path, &depth, &reached);
	if (status != CORE_OK)
		return status;
	return walk_roots(host, path, depth, reached);
}

static void
add_sections(Host *host, const CriticalPath *path, PathSpan *spans)
{
	for (uint32_t i = 0; i < path->section_count; i++)
	{
		const PathSection *section = &path->sections[i];
		PathSpan *span = &spans[section->span + 1]; /* NONE + 1 is 0 */

		host_poll(host, i);
		if (span->sections++ == 0)
			span->first_start = section->start;
		span->span = section->span;
		span->root = section->root;
		span->last_end = section->end;
		span->exclusive = time_sum(
			span->exclusive, time_difference(section->end, section->start));
	}
}

/* Lets every span that was walked add to the one above, which thereby is known
 * to have been walked as well. */
static void
add_inclusive(Host *host, const CriticalPath *path, PathSpan *spans)
{
	const SpanNode *nodes = span_tree_nodes(path->tree);

	for (uint32_t i = path->tree->span_count; i > 0; i--)
	{
		PathSpan *span = &spans[i];
		PathSpan *above = &spans[0];

		host_poll(host, i);
		span->inclusive = time_sum(span->inclusive, span->exclusive);
		if (span->inclusive == 0 || span->root == span->span)
			continue;
		if (!path_is_top(nodes, span->span))
			above = &spans[nodes[span->span].parent + 1];
		above->inclusive = time_sum(above->inclusive, span->inclusive);
		above->root = span->root;
		above->span =
			above == spans ? SPAN_TREE_NONE : nodes[span->span].parent;
	}
	spans[0].inclusive = time_sum(spans[0].inclusive, spans[0].exclusive);
}

static int64_t
clipped_length(const CriticalPath *path, uint32_t span)
{
	const SpanNode *node = &span_tree_nodes(path->tree)[span];

	return time_difference(node->reach, node->start_time) -
		   path_window_length(path, span);
}

CoreStatus
critical_path_spans(Host *host, const CriticalPath *path, PathSpan **result,
					uint32_t *count)
{
	size_t size = ((size_t) path->tree->span_count + 1) * sizeof(PathSpan);
	PathSpan *spans = host->allocate(host, size);

	if (spans == NULL)
		return CORE_NO_MEMORY;
	memset(spans, 0, size);
	add_sections(host, path, spans);
	add_inclusive(host, path, spans);
	*count = 0;
	for (uint32_t i = 0; i <= path->tree->span_count; i++)
	{
		host_poll(host, i);
		if (spans[i].inclusive == 0)
			continue;
		if (i > 0)
			spans[i].clipped = clipped_length(path, i - 1);
		spans[(*count)++] = spans[i];
	}
	*result = spans;
	return CORE_OK;
}
