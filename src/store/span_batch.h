/*
 * Decoded spans on their way into distributed_trace_log: what every format of
 * input is turned into, and what span_log.c writes.
 */
#ifndef STORE_SPAN_BATCH_H
#define STORE_SPAN_BATCH_H

#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "store/span_row.h"

typedef struct SpanBatch
{
	MemoryContext context; /* owns the batch and all its rows hold */
	SpanRow *rows;
	int count;
	int capacity;
	int64 rejected;
	StringInfoData message; /* why spans were rejected; first few of them */
	const char *note;		/* what else is to be said; NULL if nothing */
} SpanBatch;

/* An empty batch in the current memory context. */
extern SpanBatch *span_batch_create(void);

/* A new row at the end, zeroed but for `reports`; valid until the next call. */
extern SpanRow *span_batch_add(SpanBatch *batch);

/* Counts a span that cannot be stored.  `which` names it (an id, or NULL for
 * one that has none), `reason` is a lower-case phrase. */
extern void span_batch_reject(SpanBatch *batch, const char *which,
							  const char *reason);

/* Likewise by its id, which may be NULL, empty or of any length. */
extern void span_batch_reject_id(SpanBatch *batch, const text *span_id,
								 const char *reason);

/* Says something of the whole request that nobody would notice else; the
 * first time counts. */
extern void span_batch_note(SpanBatch *batch, const char *note);

/* The words for what was rejected and noted; NULL if nothing was. */
extern char *span_batch_message(SpanBatch *batch);

/* What became of a batch: accepted + duplicates + batch->rejected is the
 * number of spans that were in the request. */
typedef struct RecordResult
{
	int64 accepted;	  /* rows of the log that are new or were changed */
	int64 duplicates; /* all others: already there word for word, or merged
					   * with another span of the same request */
} RecordResult;

/*
 * Writes the batch into distributed_trace_log of schema `schema`, merging
 * each span with what is already there under its ids: a later non-null value
 * wins, the earliest start wins, members of tags are united.  Rows of one
 * batch that share ids are merged first.  What the log cannot hold, or does
 * not take, is rejected.  Runs with the caller's rights.
 */
extern RecordResult record_spans(SpanBatch *batch, Oid schema);

/* Why a service name cannot be stored; NULL if it can. */
extern const char *service_name_fault(const text *name);

/* Packs (accepted, duplicates, rejected, message), the result of every
 * trace_ingest_ function. */
extern Datum report_recorded(FunctionCallInfo fcinfo, SpanBatch *batch,
							 const RecordResult *result);

/* Records the batch and packs that.  The schema is that of the calling SQL
 * function. */
extern Datum record_and_report(FunctionCallInfo fcinfo, SpanBatch *batch);

#endif
