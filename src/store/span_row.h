/*
 * A stored span: one row of distributed_trace_log, on its way in or out.
 */
#ifndef STORE_SPAN_ROW_H
#define STORE_SPAN_ROW_H

#include "postgres.h"

#include "compat.h"
#include "core/tree/span.h"
#include "datatype/timestamp.h"
#include "utils/jsonb.h"

/* Texts that were read may lie in the row, with a short header: use
 * VARDATA_ANY, or text_slice. */
typedef struct SpanRow
{
	text *trace_id;
	text *span_id;
	text *parent_span_id; /* NULL for a root */
	text *service_name;
	text *operation;
	TimestampTz start_time;
	TimestampTz end_time; /* meaningful only if is_finished */
	int64 duration;		  /* us; meaningful only if has_duration */
	bool is_finished;
	bool has_duration;	  /* finished, and duration_ms can hold it */
	bool start_is_placed; /* what was reported is in the tags: placement.h */
	bool end_is_placed;	  /* likewise */
	Jsonb *tags;	 /* attributes and the member "otel"; see docs/storage.md */
	text *logs;		 /* events as a JSON array; NULL if there are none */
	bool takes_over; /* what the log has under its id is another span's */
	int reports;	 /* spans of the request that were merged into this row */
} SpanRow;

/* Where a text lies; no data for NULL. */
static inline Slice
text_slice(const text *value)
{
	if (value == NULL)
		return (Slice){NULL, 0};
	return (Slice){VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};
}

#endif
