/*
 * Merging two records of one span.
 */
#ifndef STORE_SPAN_MERGE_H
#define STORE_SPAN_MERGE_H

#include "postgres.h"

#include "store/span_batch.h"

/* What stands for a name that was not reported. */
#define UNKNOWN_SERVICE "unknown_service"

/* Whether a name was reported. */
extern bool is_known_name(text *name);

/*
 * `later` merged into `earlier`: a later value wins where it is not NULL (for
 * names also: not empty, not UNKNOWN_SERVICE), the earliest start wins, and
 * the members of tags and of tags->'otel' are united.  The duration stays
 * while the times do, and is their difference otherwise.
 *
 * Returns NULL, or why that cannot be stored, and then `earlier` is what it
 * was.  `changed` says whether it is another now.
 */
extern const char *merge_span(SpanRow *earlier, const SpanRow *later,
							  bool *changed);

#endif
