/*
 * The ways a request took from service to service.
 */
#ifndef CORE_SERVICE_PATHS_H
#define CORE_SERVICE_PATHS_H

#include "core/tree/span_tree.h"

/* A service, reached over those of the paths above it.  Spans of one service
 * below one another are one step. */
typedef struct ServicePath
{
	uint32_t parent; /* the path it goes on from; SPAN_TREE_NONE for a root's */
	uint32_t service; /* string of the tree */
	uint32_t depth;	  /* services before this one */
	uint32_t calls;	  /* spans that entered the service this way */
	uint32_t errors;  /* of these, failed ones */
	uint32_t span;	  /* the first of them */
	/* the nearest path above of the same service; SPAN_TREE_NONE if there is
	 * none within max_hops */
	uint32_t again;
} ServicePath;

/*
 * The paths of a tree, each behind its parent.  O(n * max_hops) at most, in
 * fact O(n) but for chains of ever new paths.
 */
extern CoreStatus service_paths(Host *host, const SpanTree *tree,
								uint32_t max_hops, ServicePath **paths,
								uint32_t *count);

#endif
