/*
 * Rows of distributed_trace_log as the archive keeps them, and back.
 *
 * Everything is allocated in the current memory context, and may point into
 * what was given.
 */
#ifndef STORE_ARCHIVE_ROW_H
#define STORE_ARCHIVE_ROW_H

#include "postgres.h"

#include "core/archive/archive.h"
#include "store/span_row.h"

/* The columns of the log, in its order. */
enum
{
	LOG_ID,
	LOG_TRACE,
	LOG_SPAN,
	LOG_PARENT,
	LOG_SERVICE,
	LOG_OPERATION,
	LOG_START,
	LOG_END,
	LOG_DURATION,
	LOG_TAGS,
	LOG_LOGS,
	LOG_CREATED,
	LOG_UPDATED,
	LOG_COLUMNS,
};

#define LOG_COLUMN_LIST                                                        \
	"id, trace_id, span_id, parent_span_id, service_name, operation, "         \
	"start_time, end_time, duration_ms, tags, logs, created_at, updated_at"

/* A row of the log for the archive; an error if a column that must hold
 * something is NULL. */
extern ArchiveRow archive_row_from_log(const Datum *values, const bool *nulls);

/* The row again, equal in every column. */
extern void archive_row_to_log(const ArchiveRow *row, Slice trace_id,
							   Datum *values, bool *nulls);

/* What a reader takes of it; tags and logs only if asked for: READ_*. */
extern SpanRow archive_row_to_span(const ArchiveRow *row, Slice trace_id,
								   int columns);

/* The tags of a row; NULL if there are none. */
extern Jsonb *archive_row_tags(const ArchiveRow *row);

#endif
