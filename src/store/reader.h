/*
 * Reading stored spans: the one way by which anything above learns what was
 * recorded.
 *
 * Rows come one at a time, in no order, as they stream from where they lie;
 * who takes them cannot tell where that was.  Reading goes by the snapshot of
 * the calling query and with the caller's rights.
 *
 * SPI need not be connected.
 */
#ifndef STORE_READER_H
#define STORE_READER_H

#include "postgres.h"

#include "store/span_row.h"

/* What is read besides ids, names and times: each costs time. */
#define READ_TAGS 1
#define READ_LOGS 2

/* Begin a struct of your own with it to find your state again in take(). */
typedef struct SpanReader
{
	Oid schema;	 /* of the extension */
	int columns; /* READ_*, or 0 */
	/* Takes a row.  What it points to, and what is allocated meanwhile, is
	 * gone when the call returns. */
	void (*take)(struct SpanReader *self, const SpanRow *row);
} SpanReader;

/* The spans stored under just this id; returns how many. */
extern uint64 read_trace(SpanReader *reader, text *trace_id);

/* The same, but nothing of a trace that is sealed as a whole. */
extern uint64 read_unsealed_trace(SpanReader *reader, text *trace_id);

/* As read_trace, but if there are none those of the trace that is meant by the id:
 * see store/trace_lookup.h. */
extern uint64 read_meant_trace(SpanReader *reader, text *trace_id);

/* The spans that start in [from_time, to_time). */
extern uint64 read_window(SpanReader *reader, TimestampTz from_time,
						  TimestampTz to_time);

/* Pairs of ids, for the functions below. */
typedef struct SpanIds SpanIds;

extern SpanIds *span_ids_create(void);
extern void span_ids_add(SpanIds *ids, Slice trace_id, Slice span_id);

/* The spans with these ids.  Ends the list, as the next function does. */
extern uint64 read_spans_by_id(SpanReader *reader, SpanIds *ids);

/* Of the traces in the list, each named once and with any span, the spans that
 * do not start in the window. */
extern uint64 read_outside_window(SpanReader *reader, SpanIds *ids,
								  TimestampTz from_time, TimestampTz to_time);

#endif
