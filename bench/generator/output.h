/*
 * The formats that spans are written in.
 */
#ifndef GENERATOR_OUTPUT_H
#define GENERATOR_OUTPUT_H

#include "detail.h"

/* One line of COPY text: the ten columns trace_id .. logs.  The resource of
 * instance n is number n + 1. */
extern void output_copy_row(Buffer *buffer, const Detail *detail);

/* The spans of one request: of one resource if they come from an SDK, of many
 * if a collector has mixed them.  They are reordered by resource and scope. */
typedef struct Request
{
	const Traffic *traffic;
	const TraceSpan **spans;
	size_t count;
} Request;

extern void output_group(Request *request);

/* A grouped request as ExportTraceServiceRequest. */
extern void output_protobuf(Buffer *buffer, const Request *request);
extern void output_json(Buffer *buffer, const Request *request);

#endif
