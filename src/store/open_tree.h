/*
 * A growing open SpanTree as a varlena: VARSIZE is its capacity, `used` what
 * it holds.
 */
#ifndef STORE_OPEN_TREE_H
#define STORE_OPEN_TREE_H

#include "postgres.h"

#include "compat.h"
#include "core/tree/span_tree.h"
#include "server/values.h"

#include "datatype/timestamp.h"
#include "store/span_row.h"

/*
 * `tree` with the span added: the same one where there was room, else a copy
 * of twice the size in the current memory context.  NULL starts a new tree.
 * An error if the trace id is not that of the spans already there.
 */
extern SpanTree *open_tree_add(SpanTree *tree, Slice trace_id,
							   const Span *span);

/* durations as large as numeric(16,3) holds */
#define MAX_DURATION_US INT64CONST(9999999999999999)

/* Values of SQL as parts of a Span; NULL where is_null. */
extern void span_set_start(Span *span, Datum start_time, bool is_null);
extern void span_set_end(Span *span, Datum end_time, bool is_null);
extern void span_set_duration(Span *span, Datum duration_ms, bool is_null);

/* Kind, error and async, once the span has its parent. */
extern void span_set_tags(Span *span, Slice trace_id, Datum tags, bool is_null);

/* A stored span as the tree takes it; its names lie where those of the row
 * do. */
extern Span span_of_row(const SpanRow *row);

/* Turns a failure of the core into an error. */
extern void check_core_status(CoreStatus status);

/* The built tree of an open one, as a varlena in the current memory context. */
extern SpanTree *build_tree(const SpanTree *open);

#endif
