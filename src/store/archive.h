/*
 * The archive's tables: partitions, blocks, and how far traces are sealed.
 *
 * A block is written once.  What changes afterwards is its list of traces that
 * are gone, and whether it is there: readers need no more than the snapshot
 * they read by, and a trace is whole in the log, or whole in one block, plus
 * such spans of it as came later, which are in the log until they are sealed.
 *
 * Rights: reading needs SELECT on distributed_trace_archive; the partitions
 * are then read as the tables' owner.  Policies of row level security on the
 * log cannot look into blocks, so whoever they apply to sees no sealed trace.
 */
#ifndef STORE_ARCHIVE_H
#define STORE_ARCHIVE_H

#include "postgres.h"

#include "core/archive/archive.h"
#include "core/archive/kept.h"
#include "store/reader.h"
#include "utils/array.h"
#include "utils/date.h"

/* A block whose columns are read as far as they are needed.  It lies in the
 * memory context in which it was opened. */
typedef struct OpenBlock
{
	const char *partition; /* for messages */
	int64 number;
	DateADT day;
	const int32 *gone; /* places from 1 */
	int gone_count;
	ArchiveBytes columns[3]; /* by ArchiveColumn; no data: not fetched */
	const ArchiveShape *shape;
	const ArchiveIds *ids;
	ArchiveTagsReader *tags;
} OpenBlock;

/* Whether a trace, by its number in the block, was taken out. */
extern bool block_is_gone(const OpenBlock *block, uint32 trace);

/* Read and check a column, if that has not been done.  An error that names the
 * block if it is damaged. */
extern void block_open_shape(OpenBlock *block);
extern void block_open_ids(OpenBlock *block);
extern void block_open_tags(OpenBlock *block);

/* The error for what the core said of a block. */
extern void block_check(const OpenBlock *block, CoreStatus status,
						const ArchiveFault *fault);

/* The compressors' states, which are large and serve any number of blocks. */
extern ArchiveCodecs *archive_shared_codecs(void);

/* Whether there may be sealed traces that the caller may see at all; checks
 * the right to read them. */
extern bool archive_is_readable(Oid schema);

/* Starts of spans up to which something was sealed. */
extern TimestampTz archive_sealed_until(Oid schema);

/* Calls this for each block in which a trace of this id lies and is not gone:
 * one at most, but for what a crash or a hand left. */
typedef void (*BlockTaker)(OpenBlock *block, uint32 trace, void *state);
extern void archive_find_trace(Oid schema, Slice trace_id, bool with_tags,
							   BlockTaker take, void *state);

/* The sealed spans of a trace; returns how many. */
extern uint64 archive_read_trace(SpanReader *reader, Slice trace_id);

/* The sealed spans that start in [from_time, to_time). */
extern uint64 archive_read_window(SpanReader *reader, TimestampTz from_time,
								  TimestampTz to_time);

/* A built tree of a sealed trace, in the current memory context; NULL if it is
 * not there. */
extern SpanTree *archive_read_tree(Oid schema, Slice trace_id);

#endif
