/*
 * What is wrong with a trace, or unlikely to be true of it.
 */
#ifndef CORE_LINT_H
#define CORE_LINT_H

#include "core/tree/span_tree.h"

/* In the order of their names, which is also the order they are told in. */
typedef enum LintProblem
{
	LINT_CHILD_BEFORE_PARENT,
	LINT_CHILD_OUTLIVES_PARENT,
	LINT_CLOCK_SKEW,
	LINT_CYCLE,
	LINT_DUPLICATE_ID,
	LINT_DURATION_MISMATCH,
	LINT_EMPTY_OPERATION,
	LINT_EMPTY_SERVICE,
	LINT_MISSING_START,
	LINT_MULTIPLE_ROOTS,
	LINT_NEGATIVE_DURATION,
	LINT_NO_ROOT,
	LINT_ORPHAN,
	LINT_SELF_PARENT,
	LINT_UNFINISHED,
} LintProblem;

#define LINT_PROBLEM_COUNT (LINT_UNFINISHED + 1)

/* "child_before_parent", and so on. */
extern const char *lint_problem_name(LintProblem problem);

typedef struct LintReport
{
	/* takes a problem of the span at a position; detail is gone when it
	 * returns */
	void (*put_problem)(struct LintReport *report, LintProblem problem,
						uint32_t position, Slice detail);
} LintReport;

/*
 * Reports the problems of a built tree by position, then by name.
 *
 * child_before_parent    starts before its parent
 * child_outlives_parent  ends after its parent; a consumer below a producer
 *                        may, for messages are not waited for
 * clock_skew             the spans of a service lie outside their parents of
 *                        another service although they are no longer: the
 *                        median of the offsets that would centre each in its
 *                        parent; told once for each pair of services, at the
 *                        first such span.  A consumer that starts after its
 *                        producer started is no such span
 * cycle                  parents that lead back to the span, told once for
 *                        each cycle, where it was cut
 * duplicate_id           told once for each id, at its owner
 * duration_mismatch      the recorded duration and end - start differ by more
 *                        than 1 ms and more than 1 % of the longer one
 * multiple_roots         told once, at the root that stands for the trace
 * negative_duration      ends before it starts, or says it lasted less than 0
 * no_root                every span has a parent id; told once, at the span
 *                        that stands for the trace
 * orphan                 the parent was not recorded
 * self_parent            its parent is itself
 * missing_start, unfinished, empty_service, empty_operation: as they say
 *
 * Copies of a duplicated id are not reported as orphans or roots.  Takes
 * O(n log n).
 */
extern CoreStatus lint_trace(Host *host, const SpanTree *tree,
							 LintReport *report);

#endif
