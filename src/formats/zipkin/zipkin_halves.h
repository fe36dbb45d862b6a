/*
 * Which span a Zipkin report is about, when client and server share an id.
 */
#ifndef FORMATS_ZIPKIN_HALVES_H
#define FORMATS_ZIPKIN_HALVES_H

#include "postgres.h"

#include "core/tree/span.h"
#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "utils/jsonb.h"

/* Where one side of a call was; members that were not reported are NULL, 0. */
typedef struct Endpoint
{
	text *service;
	text *address;
	int64 port;
} Endpoint;

/* One side of a call, a span of ours: what its reports have in common. */
typedef struct Half
{
	const Endpoint *endpoint;
	text *span_id;
	bool has_start;
	TimestampTz start; /* the earliest of its reports */
	StringInfo events; /* of all its reports; NULL if there are none */
	bool is_recorded;  /* one of its rows has those events */
} Half;

/* One element of the document. */
typedef struct Report
{
	JsonbContainer *object;
	text *trace_id;
	text *id;
	text *parent_id;		  /* NULL for a root */
	text *reported_parent_id; /* before the halves were settled */
	SpanKind kind;			  /* SPAN_KIND_ABSENT if it was not reported */
	bool is_shared;
	bool is_remote; /* the server's half of a shared id */
	Endpoint local;
	bool has_start;
	TimestampTz start;
	Half *half;
} Report;

typedef struct ReportList
{
	Report *reports;
	int count;
	int capacity;
} ReportList;

/*
 * Gives every report its half, and the half its span id and start, and turns
 * parent_id of every report into the span id of its parent.
 */
extern void settle_halves(ReportList *list);

#endif
