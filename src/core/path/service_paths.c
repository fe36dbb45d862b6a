/*
 * The ways a request took from service to service: see service_paths.h.
 *
 * The nodes of a tree come in pre-order, so a stack of the spans above the
 * present one tells the path it is on.
 */
#include "core/path/service_paths.h"

#include "core/base/hash_index.h"
#include "core/base/slice_hash.h"

typedef struct Open
{
	uint32_t end; /* position of the last span below */
	uint32_t path;
} Open;

typedef struct Walker
{
	Host *host;
	const SpanTree *tree;
	uint32_t max_hops;
	ServicePath *paths;
	uint32_t count;
	HashIndex index; /* of paths */
	Open *stack;
	uint32_t depth; /* of the stack */
} Walker;

static bool
allocate_walker(Walker *w)
{
	uint32_t spans = w->tree->span_count;

	w->paths = w->host->allocate(w->host, (spans + 1) * sizeof(ServicePath));
	w->stack = w->host->allocate(w->host, (spans + 1) * sizeof(Open));
	return w->paths != NULL && w->stack != NULL &&
		   hash_index_reserve(&w->index, w->host, spans);
}

/* The nearest path above, within max_hops, that is of the same service. */
static uint32_t
find_again(const Walker *w, const ServicePath *path)
{
	uint32_t above = path->parent;

	for (uint32_t hops = 0; hops < w->max_hops && above != SPAN_TREE_NONE;
		 hops++)
	{
		if (w->paths[above].service == path->service)
			return above;
		above = w->paths[above].parent;
	}
	return SPAN_TREE_NONE;
}

static bool
is_path(const void *paths, uint32_t number, const void *key)
{
	const ServicePath *path = (const ServicePath *) paths + number;
	const ServicePath *wanted = key;

	return path->parent == wanted->parent && path->service == wanted->service;
}

/* The path that goes on from `parent` to a service, made if it is new. */
static uint32_t
find_path(Walker *w, uint32_t parent, uint32_t service, uint32_t span)
{
	ServicePath path = {.parent = parent, .service = service, .span = span};
	uint64_t hash =
		hash_mix(((uint64_t) parent << 32 | service) ^ w->host->hash_seed,
				 UINT64_C(0x9e3779b97f4a7c15));
	HashSlot *slot = hash_index_find(&w->index, hash, is_path, w->paths, &path);

	if (slot->number != HASH_INDEX_NONE)
		return slot->number;
	if (parent != SPAN_TREE_NONE)
		path.depth = w->paths[parent].depth + 1;
	path.again = find_again(w, &path);
	w->paths[w->count] = path;
	hash_index_set(slot, hash, w->count);
	return w->count++;
}

static void
walk_span(Walker *w, uint32_t position)
{
	const SpanNode *node = &span_tree_nodes(w->tree)[position];
	uint32_t above = SPAN_TREE_NONE;
	uint32_t path;

	while (w->depth > 0 && w->stack[w->depth - 1].end < position)
		w->depth--;
	if (w->depth > 0)
		above = w->stack[w->depth - 1].path;
	path = above;
	if (above == SPAN_TREE_NONE ||
		w->paths[above].service != node->service_name)
	{
		path = find_path(w, above, node->service_name, position);
		w->paths[path].calls++;
		w->paths[path].errors += (node->flags & SPAN_IS_ERROR) != 0;
	}
	w->stack[w->depth++] = (Open){position + node->descendants, path};
}

CoreStatus
service_paths(Host *host, const SpanTree *tree, uint32_t max_hops,
			  ServicePath **paths, uint32_t *count)
{
	Walker w = {.host = host, .tree = tree, .max_hops = max_hops};

	if (!allocate_walker(&w))
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < tree->span_count; i++)
	{
		host_poll(host, i);
		walk_span(&w, i);
	}
	*paths = w.paths;
	*count = w.count;
	return CORE_OK;
}
