/*
 * Recording an OTLP request from C, in slices.
 */
#ifndef FORMATS_OTLP_INGEST_H
#define FORMATS_OTLP_INGEST_H

#include "postgres.h"

#include "core/wire/otlp.h"
#include "store/span_batch.h"

/* How far a request was gone through; numbers count what was met, so that
 * another resource or scope is known from the one before. */
typedef struct OtlpCursor
{
	OtlpItems resources; /* behind the one at hand, and so below */
	OtlpItems scopes;
	OtlpItems spans;
	OtlpResourceSpans resource;
	OtlpScopeSpans scope;
	uint32 resource_number;
	uint32 scope_number;
} OtlpCursor;

/* A request whose wire format was checked.  A copy of the struct is a place
 * in it to come back to. */
typedef struct OtlpRequest
{
	Slice bytes;		   /* protobuf */
	bool heeds_rejections; /* it comes from otlp_json.c */
	Size rows_size;		   /* of what was read so far, as rows of the log */
	const char *note;	   /* yet to be said of it; NULL: nothing */
	OtlpCursor cursor;
} OtlpRequest;

/* A request in protobuf, which must stay where it is, or in JSON in UTF-8, which
 * becomes protobuf in the current memory context.  One
 * that is malformed or too large is an error. */
extern OtlpRequest otlp_request_protobuf(Slice request);
extern OtlpRequest otlp_request_json(Slice request);

/* Back to its first span. */
extern void otlp_request_rewind(OtlpRequest *request);

/* How many spans are left, up to `limit`. */
extern int64 otlp_request_count(const OtlpRequest *request, int64 limit);

/*
 * Records the next spans, up to `count` and to 16 MB of rows, with the tables
 * of this schema.  The batch, in the current memory context, tells what was
 * rejected.
 */
extern SpanBatch *otlp_record_slice(OtlpRequest *request, int64 count,
									Oid schema, RecordResult *result);

/* Rejects the next `count` spans. */
extern SpanBatch *otlp_refuse_slice(OtlpRequest *request, int64 count,
									const char *reason);

#endif
