/*
 * The critical path of a trace: at every instant, the span that the end of the
 * trace was waiting for.
 *
 * From the end of the root, walk backwards: whoever finished last was being
 * waited for; go down into it; when its start is reached, ask again who had
 * finished before that.  A sibling that ended after the one just walked had
 * started cannot have held it up and is off the path.  Clocks are not exact,
 * so an overlap up to an allowance still counts as "before".
 *
 * The walk of span S up to T.  The cursor starts at T.  S's children come by
 * effective end, latest first, then in the order of the tree (start, span id,
 * owner before copies, service, operation).  With e = min(effective end, T), a
 * child C is taken if C.start < cursor and e - cursor <= allowance(S): then
 * S has the section from min(e, cursor) to the cursor, C is walked up to
 * min(e, cursor), and the cursor falls to C.start.  In the end S has what is
 * left, from its start to the cursor.
 *
 * allowance(S) = min(floor(length of S * overlap_tolerance), max_overlap)
 *
 * The effective interval of a root is its own, [start_time, reach]; that of
 * any other span its own, cut to its parent's effective one.  Where nothing is
 * left the span is dropped with all below it, so spans of no length never act.
 * The sections of one root are therefore disjoint, ascending and without gap,
 * from the root's start to its end.
 *
 * All times and lengths are microseconds, in the epoch of the tree; all spans
 * are positions in the tree; SPAN_TREE_NONE as a span or a root is the virtual
 * root.  Nothing recurses; the time is O(n log n), the memory O(n), both of
 * the tree that the path is looked for in.  Results lie in the host's memory
 * and refer to the tree.
 */
#ifndef CORE_CRITICAL_PATH_H
#define CORE_CRITICAL_PATH_H

#include "core/tree/span_tree.h"

/* What becomes of a child that ends after its parent's own end. */
typedef enum PathOverflow
{
	PATH_OVERFLOW_CLIP, /* counts up to its parent's end */
	PATH_OVERFLOW_DROP, /* is dropped, with all below it */
} PathOverflow;

/*
 * Which spans have a path of their own.  A span whose start is unknown is as
 * if it had not been recorded: its children are orphans.  The roots are of
 * three classes; only the best one that is there counts: true roots, orphans,
 * spans above which a cycle was cut.  Copies are no roots.
 */
typedef enum PathRoots
{
	/* one: the true root with the earliest start, latest end, smallest id;
	 * else the only orphan, else the virtual root over all orphans; else the
	 * first of the cut cycles, by the same order */
	PATH_ROOTS_AUTO,
	/* the virtual root, from the first start to the last end of all true roots
	 * and orphans (else cut cycles), their copies included, which are its
	 * children */
	PATH_ROOTS_VIRTUAL,
	/* every root of the best class, in the order of the tree */
	PATH_ROOTS_ALL,
} PathRoots;

typedef enum PathSkew
{
	PATH_SKEW_NONE,
	/* A child of another service that is not longer than its parent but does
	 * not lie within it is moved to its middle, with all below it.  Of spans
	 * that thereby end and start together, the tree's first one comes first. */
	PATH_SKEW_SHIFT,
} PathSkew;

typedef enum PathMessaging
{
	PATH_MESSAGING_KEEP,
	PATH_MESSAGING_PRUNE, /* leaves out a consumer span below a producer span,
						   * with all below it */
} PathMessaging;

typedef struct CriticalPathOptions
{
	uint32_t root;			  /* or SPAN_TREE_NONE: as `roots` says */
	double overlap_tolerance; /* share of the parent; 0 means "exact" */
	int64_t max_overlap;	  /* us */
	PathOverflow overflow;
	PathRoots roots;
	PathSkew skew;
	PathMessaging messaging;
} CriticalPathOptions;

#define CRITICAL_PATH_DEFAULTS                                                 \
	((CriticalPathOptions){.root = SPAN_TREE_NONE,                             \
						   .overlap_tolerance = 0.01,                          \
						   .max_overlap = 1000})

/* Time that the path spends in one span and in none below it. */
typedef struct PathSection
{
	uint32_t span;
	uint32_t root;
	int64_t start;
	int64_t end; /* > start */
} PathSection;

/* An effective interval.  A span that is dropped, or is below none of the
 * roots, has none: its end is not after its start. */
typedef struct PathWindow
{
	int64_t start;
	int64_t end;
} PathWindow;

typedef struct CriticalPathCounts
{
	int64_t total;			/* us: the lengths of the roots */
	uint32_t spans;			/* in the tree */
	uint32_t on_path_spans; /* with a section; without the virtual root */
	uint32_t roots;			/* true ones, copies among them */
	uint32_t orphans;		/* likewise; with children of spans left out */
	uint32_t unreachable;	/* have a start, but are below no root of a path,
							 * or were pruned */
	uint32_t pruned; /* asynchronous spans, and consumers below producers, and
					  * all below them */
	uint32_t duplicates; /* copies */
	uint32_t clipped;	 /* an effective interval shorter than its own */
	uint32_t dropped;	 /* below a root, but without effective interval */
	uint32_t overflow_children; /* end after their parent's own end */
	uint32_t bad_times; /* no start: left out; or an end before the start:
							 * has no length */
} CriticalPathCounts;

typedef struct CriticalPath
{
	const SpanTree *tree;
	CriticalPathOptions options;
	uint32_t root_count; /* paths; 0 in a trace of no spans with a start */
	uint32_t *roots;
	uint32_t section_count; /* at most 2 n + 1 */
	PathSection *sections;	/* by root, as in `roots`, then ascending */
	PathWindow *windows;	/* span_count members, and the virtual root's */
	int64_t *shifts; /* by which each span was moved; NULL unless asked for */
	uint32_t top_count; /* the virtual root's children */
	uint32_t *tops;
	CriticalPathCounts counts;
} CriticalPath;

/* Finds the path.  A root that is asked for and has no start has none. */
extern CoreStatus critical_path_find(Host *host, const SpanTree *tree,
									 const CriticalPathOptions *options,
									 CriticalPath *path);

/* A span that the walk came through.  It is on the path if it has sections;
 * one without is wholly covered by spans below it. */
typedef struct PathSpan
{
	uint32_t span;
	uint32_t root;
	uint32_t sections;
	int64_t first_start; /* of its sections; both 0 without one */
	int64_t last_end;
	int64_t exclusive; /* us: the sum of its sections */
	int64_t inclusive; /* us: likewise with all spans below it */
	int64_t clipped;   /* us: its own length minus the effective one */
} PathSpan;

/* The spans that the walk came through, in the order of the tree, the virtual
 * root first. */
extern CoreStatus critical_path_spans(Host *host, const CriticalPath *path,
									  PathSpan **spans, uint32_t *count);

/*
 * For every span of the tree, in us; -1 for one without effective interval.
 *
 * slack  how much longer an off-path span may take before, by the order of the
 *        siblings, anything waits for it: from its end to the start of the
 *        first sibling that begins there or later (else to the parent's end),
 *        plus the parent's slack.  0 on the path, and above it.
 * drag   what critical_path_what_if saves with factor 0 for this span alone.
 *
 * Both arrays have span_count members; either may be NULL.
 */
extern CoreStatus critical_path_slack(Host *host, const CriticalPath *path,
									  int64_t *slack, int64_t *drag);

/* The spans whose self time changes: those of a service and operation, either
 * of which may be left open (data NULL), or, if `span` is not SPAN_TREE_NONE,
 * this one alone. */
typedef struct WhatIf
{
	Slice service_name;
	Slice operation;
	uint32_t span;
	double factor; /* of the self time: 0.5 is twice as fast; >= 0 */
} WhatIf;

typedef struct WhatIfResult
{
	double old_total; /* us; the lengths of the roots */
	double new_total;
	double saved;		/* old_total - new_total; negative when slower */
	double upper_bound; /* (1 - factor) * exclusive time of the spans */
	bool path_switched; /* another path is now longer than the old one */
	uint32_t matched;	/* spans with an effective interval */
} WhatIfResult;

/*
 * Times the trace anew.
 *
 * A child starts its old lead after the latest of its predecessors has ended,
 * the siblings that had ended before it started; without any, after the start
 * of its parent.  The parent ends its old tail after its last child.  Leads and
 * tails are the parent's own time and scaled if it matches, unless they are
 * negative; a span without children is all own time.
 *
 * "Before" is what it is for the walk: a sibling that started and ended before
 * this one, and whose end is not later than this one's start plus the
 * allowance.  Of those the last one rules; whoever ended no later than that is
 * a predecessor as well.
 *
 * Factor 1 gives the old times.  Without allowance, a span off the path changes
 * nothing when it gets faster, and `saved` never exceeds the upper bound.
 */
extern CoreStatus critical_path_what_if(Host *host, const CriticalPath *path,
										const WhatIf *what_if,
										WhatIfResult *result);

/* A span is busy while it runs and none of its children does. */
typedef struct Parallelism
{
	int64_t work;	/* us: busy times added up */
	int64_t wall;	/* us: the lengths of the roots */
	double average; /* work / wall; 0 if wall is 0 */
	uint32_t max;	/* the most spans busy at the same time */
} Parallelism;

/* How much went on at the same time, within the effective intervals. */
extern CoreStatus critical_path_parallelism(Host *host,
											const CriticalPath *path,
											Parallelism *result);

#endif
