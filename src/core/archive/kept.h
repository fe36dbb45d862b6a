/*
 * What is known of the sealed traces of a block without reading the block: a
 * few bytes a trace, for lists of traces.
 *
 * Names once, then a trace after the other, each number in as few bytes as it
 * needs; a checksum over all of it.
 */
#ifndef CORE_ARCHIVE_KEPT_H
#define CORE_ARCHIVE_KEPT_H

#include "archive.h"

/* As summarize_trace() and the critical path say of its tree. */
typedef struct KeptTrace
{
	Slice root_service; /* of the span that stands for the trace */
	Slice root_operation;
	bool has_times;
	bool is_complete;
	int64_t start_time;
	int64_t end_time;
	int64_t critical; /* us on the critical path */
	uint32_t span_count;
	uint32_t error_count;
	uint32_t service_count;
	uint32_t orphan_count;
} KeptTrace;

/* CORE_TOO_LARGE beyond 4 GB of names. */
extern CoreStatus kept_write(Host *host, const KeptTrace *traces,
							 uint32_t count, ArchiveBytes *bytes);

/* The traces in the order of the block; CORE_MALFORMED if the bytes are not
 * what kept_write wrote.  Names point into the bytes. */
extern CoreStatus kept_read(Host *host, ArchiveBytes bytes, KeptTrace **traces,
							uint32_t *count);

#endif
