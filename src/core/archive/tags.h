/*
 * The tags column: attributes and logs, and the rows' own numbers and times.
 *
 * Values lie in the order of templates, and spans of one template in their own
 * order; that is what "template order" means below.
 */
#ifndef CORE_ARCHIVE_TAGS_H
#define CORE_ARCHIVE_TAGS_H

#include "column.h"
#include "shape.h"

enum
{
	/* the keys, each a byte of form, then lengths, then texts; key sets, each
	 * a length and keys as differences; for each template its key set as a
	 * difference; for each template the numbers of its constants; constants */
	TAGS_TEMPLATES = STREAM_FIRST,
	TAGS_ROW_IDS,		/* bit-packed: each minus the last, signed */
	TAGS_UPDATED,		/* bit-packed: minus created_at, signed */
	TAGS_CREATED_TIMES, /* the different ones, each minus the last */
	TAGS_CREATED = 16,	/* numbers of those */
	TAGS_LOGS = 32,		/* template order: 0, or one plus a skeleton's number */
	TAGS_SKELETONS = 48,
	TAGS_COLUMNS = 64, /* columns of keys, then of holes, in their order */
};

/* A key's first byte where keys are listed. */
enum
{
	KEY_TYPE = 7,
	KEY_RESERVED = 8,
	KEY_CONSTANT = 16,
};

static inline uint32_t
tags_column(uint32_t number)
{
	return TAGS_COLUMNS + number * COLUMN_TAGS;
}

/* Whether a key has a column: not if its values are in the templates. */
static inline bool
key_has_column(uint8_t type, bool is_constant)
{
	return type != ARCHIVE_NULL && !is_constant;
}

extern CoreStatus tags_write(const Source *source, uint32_t link, Bytes *out);

/* Puts which logs the spans in this order have; the holes, whose columns come
 * from number `column` on, follow in a second step.  NULL without memory. */
typedef struct Logs Logs;

extern Logs *logs_write(StreamWriter *writer, const ArchiveRow **rows,
						uint32_t count);
extern void logs_write_holes(const Logs *logs, uint32_t column);

/* The logs of a block, while they are read. */
typedef struct LogsReader
{
	StreamReader *streams;
	uint32_t first_column;
	const uint64_t *forms; /* by template order; NULL: no logs at all */
	uint32_t *ranks;	   /* by template order: among those of its skeleton */
	Slice *skeletons;
	uint32_t skeleton_count;
	uint32_t *counts;	  /* logs of each skeleton */
	uint32_t *first_hole; /* of each skeleton; then all */
	Column *columns;	  /* of each hole */
	bool *is_open;
} LogsReader;

extern CoreStatus logs_open(LogsReader *logs, StreamReader *streams,
							uint32_t span_count, uint32_t first_column,
							ArchiveFault *fault);

/* The logs of the span at this place of the template order, which starts at
 * start_ns; they are written into `text`, which is emptied. */
extern CoreStatus logs_get(LogsReader *logs, uint32_t place, int64_t start_ns,
						   Bytes *text, Slice *result, ArchiveFault *fault);

/* Where a span starts, as events are counted from it; it wraps around. */
static inline int64_t
logs_start(int64_t start_time, uint16_t start_ns)
{
	return (int64_t) ((uint64_t) start_time * 1000 + start_ns);
}

#endif
