/*
 * Writing blocks of the archive.
 */
#ifndef STORE_ARCHIVE_WRITE_H
#define STORE_ARCHIVE_WRITE_H

#include "postgres.h"

#include "store/archive.h"
#include "store/archive_row.h"

/* A trace to be sealed, in the memory of the caller. */
typedef struct SealedTrace
{
	Slice trace_id;
	DateADT day; /* of its start; the partition it goes into */
	int count;
	ArchiveRow *rows;
	SpanTree *tree; /* built from them */
} SealedTrace;

/* Sees to the partitions of these days.  Needs the rights of the owner. */
extern void archive_make_partition(Oid schema, DateADT day);

/* Writes traces of one day as one block.  SPI is connected. */
extern void archive_write_block(Oid schema, const SealedTrace *traces,
								int count);

/* Says that spans up to this start, of traces this long, are sealed. */
extern void archive_advance(Oid schema, TimestampTz sealed_until,
							int64 longest_trace);

/* Takes a trace out of its block. */
extern void archive_mark_gone(Oid schema, const OpenBlock *block, uint32 trace);

#endif
