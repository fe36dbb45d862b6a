/*
 * Recording an OTLP request from C.
 */
#ifndef RECORD_OTLP_INGEST_H
#define RECORD_OTLP_INGEST_H

#include "postgres.h"

#include "record/span_batch.h"

/*
 * Decodes and records a request in protobuf, or in JSON in the encoding of the
 * database, as trace_ingest_otlp() does, with the tables of this schema.  The
 * batch, in the current memory context, tells what was rejected.  Errors are
 * those of the SQL functions.
 */
extern SpanBatch *ingest_otlp_protobuf(Slice request, Oid schema,
									   RecordResult *result);
extern SpanBatch *ingest_otlp_json(text *document, Oid schema,
								   RecordResult *result);

#endif
