/*
 * One trace in a few figures.
 */
#ifndef CORE_SUMMARY_H
#define CORE_SUMMARY_H

#include "core/tree/span_tree.h"

typedef struct TraceSummary
{
	uint32_t root; /* position, see summary_root; SPAN_TREE_NONE: no spans */
	bool has_times;
	int64_t start_time; /* the earliest start */
	int64_t end_time; /* the latest end, an unfinished span's reach included */
	uint32_t span_count;
	uint32_t error_count;
	uint32_t service_count;	  /* different service names */
	uint32_t orphan_count;	  /* copies left out */
	uint32_t root_count;	  /* true roots, copies left out */
	uint32_t max_depth;		  /* 0 if there are only roots */
	uint32_t max_concurrency; /* most spans running at one instant */
	bool is_complete;
} TraceSummary;

/*
 * The span that stands for the trace: of the true roots (spans without a
 * parent) the one that starts first, of those the one that ends last, of
 * those the smallest id; without a true root likewise of the orphans, without
 * those of the spans at which cycles were cut; SPAN_TREE_NONE for a tree of no
 * spans.  The copies of a span that was recorded several times never are.
 */
extern uint32_t summary_root(Host *host, const SpanTree *tree);

/*
 * Sums up a built tree, in O(n log n).
 *
 * A span runs from its start up to, and not at, its end, so spans that touch
 * do not run together and one of no length never runs; copies are left out.
 * A trace is complete if it has exactly one true root, no orphan and no cycle,
 * and every span of it has a start and an end or a duration.
 */
extern CoreStatus summarize_trace(Host *host, const SpanTree *tree,
								  TraceSummary *summary);

#endif
