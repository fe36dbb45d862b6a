/*
 * What the files of the critical path share: the effective intervals, the
 * children of a span in the order of the walk, who of them came before whom,
 * and a sort.
 */
#ifndef CORE_CRITICAL_PATH_WINDOW_H
#define CORE_CRITICAL_PATH_WINDOW_H

#include "core/path/critical_path.h"

/* Something to be sorted by a time. */
typedef struct PathKey
{
	int64_t key;
	uint32_t value;
} PathKey;

/* Chooses the roots and fills path->windows, with all counts that do not need
 * the sections.  path->tree and path->options are set.  `depth` is the depth of
 * the deepest span below a root, `reached` how many there are. */
extern CoreStatus path_windows_fill(Host *host, CriticalPath *path,
									uint32_t *depth, uint32_t *reached);

/* Ascending, keeping the order of equal keys; scratch has count members. */
extern void path_sort(Host *host, PathKey *keys, PathKey *scratch,
					  uint32_t count);

/*
 * The children of a span (of the virtual root, SPAN_TREE_NONE) that have an
 * effective interval: key is its end, value the child.  They come in the order
 * of the walk, read from the last to the first.  Returns how many; keys and
 * scratch have room for that many.
 */
extern uint32_t path_family(Host *host, const CriticalPath *path, uint32_t span,
							PathKey *keys, PathKey *scratch);

/* The most overlap of siblings that still counts as none, below this span. */
extern int64_t path_allowance(const CriticalPath *path, uint32_t span);

/*
 * A family with its order: the children 0 .. count - 1 by end, and of each one
 * gates[i] <= i, how many of the first children are its predecessors.
 */
typedef struct PathFamily
{
	uint32_t count;
	PathKey *keys; /* as path_family gives them */
	uint32_t *gates;
	PathKey *scratch;
	PathKey *starts;
	uint32_t *links; /* of path_find_link; one more than children */
} PathFamily;

/* Takes memory for the families of a path. */
extern CoreStatus path_family_allocate(Host *host, const CriticalPath *path,
									   PathFamily *family);

extern void path_family_load(Host *host, const CriticalPath *path,
							 uint32_t span, PathFamily *family);

/* When the predecessors of child i had ended; without any, when `span`, whose
 * children these are, had started. */
static inline int64_t
path_family_gate(const CriticalPath *path, const PathFamily *family,
				 uint32_t span, uint32_t i)
{
	uint32_t gate = family->gates[i];

	return gate > 0
			   ? family->keys[gate - 1].key
			   : path->windows[span == SPAN_TREE_NONE ? path->tree->span_count
													  : span]
					 .start;
}

/* The largest number <= i that was not removed by links[number] = number - 1;
 * 0 never is. */
extern uint32_t path_find_link(uint32_t *links, uint32_t i);

static inline PathWindow
path_window(const CriticalPath *path, uint32_t span)
{
	return path
		->windows[span == SPAN_TREE_NONE ? path->tree->span_count : span];
}

static inline int64_t
path_window_length(const CriticalPath *path, uint32_t span)
{
	PathWindow window = path_window(path, span);

	return time_difference(window.end, window.start);
}

static inline bool
path_has_window(const CriticalPath *path, uint32_t span)
{
	return path->windows[span].end > path->windows[span].start;
}

/* Whether no parent of the span is recorded, or one without a start. */
static inline bool
path_is_top(const SpanNode *nodes, uint32_t span)
{
	uint32_t parent = nodes[span].parent;

	return parent == SPAN_TREE_NONE || !(nodes[parent].flags & SPAN_HAS_START);
}

#endif
