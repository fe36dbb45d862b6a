/*
 * A critical path added up by what its spans have in common: the form in which
 * the paths of many traces can be compared.
 */
#ifndef CORE_PATH_GROUPS_H
#define CORE_PATH_GROUPS_H

#include "core/path/critical_path.h"

typedef enum PathGrouping
{
	PATH_GROUP_SERVICE,
	PATH_GROUP_OPERATION, /* service and operation */
	/* the services and operations from the root down to the span */
	PATH_GROUP_CALL_PATH,
} PathGrouping;

typedef struct PathGroup
{
	uint32_t parent; /* group of the call path above; SPAN_TREE_NONE else */
	uint32_t service_name; /* strings of the tree; SPAN_TREE_NONE for the */
	uint32_t operation;	   /* virtual root, operation also by service */
	uint32_t depth;		   /* steps of the call path, 1 for a root's */
	uint32_t sections;
	int64_t exclusive; /* us */
	int64_t inclusive; /* us: spans within another one of the group once */
	uint32_t top_span; /* the one with the most exclusive time */
	int64_t top_exclusive;
} PathGroup;

/*
 * The groups of a path, in the order in which the tree first comes to them;
 * their exclusive times add up to the length of the path.  Call paths of more
 * than max_depth (> 0) steps count as their first max_depth ones.  O(n).
 */
extern CoreStatus critical_path_groups(Host *host, const CriticalPath *path,
									   PathGrouping grouping,
									   uint32_t max_depth, PathGroup **groups,
									   uint32_t *count);

#endif
