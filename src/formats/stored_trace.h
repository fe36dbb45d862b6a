/*
 * A trace read back from the log, with all that was recorded of it.
 */
#ifndef FORMATS_STORED_TRACE_H
#define FORMATS_STORED_TRACE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

/* A resource, shared by the spans that came from it. */
typedef struct StoredResource
{
	int64 id;
	Jsonb *attributes; /* NULL if it is not (or no longer) there */
	/* for the caller, NULL at first */
	char *rendered;
	const struct StoredSpan *rendered_for;
} StoredResource;

typedef struct StoredSpan
{
	text *trace_id;
	text *span_id;
	text *parent_span_id; /* NULL for a root; never empty */
	text *service_name;
	text *operation;
	bool has_start; /* start_time is finite */
	bool has_end;	/* so is end_time */
	TimestampTz start_time;
	TimestampTz end_time;
	Jsonb *tags;			  /* NULL if there are none */
	JsonbContainer *otel;	  /* the member "otel"; NULL if it is no object */
	JsonbContainer *exact;	  /* the member "exact" of that */
	StoredResource *resource; /* NULL if it was not recorded */
	text *logs;				  /* NULL if there are none */
	const char *process;	  /* for the caller */
	const char *scope;		  /* likewise */
	uint64 written_start;	  /* likewise */
	const char *written_id;	  /* likewise */
} StoredSpan;

typedef struct StoredTrace
{
	StoredSpan *spans;
	int count;
} StoredTrace;

/*
 * The spans stored under this id or, if there are none, under the one that is
 * meant (see store/trace_lookup.h), in the order of their starts and then of
 * their ids.
 */
extern StoredTrace *read_stored_trace(Oid schema, text *trace_id);

/* Nanoseconds of a member of "otel"; 0 to 999. */
extern int stored_nanoseconds(const StoredSpan *span, const char *member);

/*
 * Calls this for every attribute, in the order of jsonb and then those that
 * only "exact" has (their value is null then).  `exact` is the AnyValue, or
 * NULL if there is none or it is not well formed.  With `has_otel` the key
 * "otel" is the reserved one, no attribute, unless it is no object: then it
 * comes last.
 */
typedef void (*AttributeWriter)(void *state, const JsonbValue *key,
								const JsonbValue *value,
								const JsonbValue *exact);
extern void each_attribute(JsonbContainer *attributes, JsonbContainer *exact,
						   bool has_otel, AttributeWriter writer, void *state);

#endif
