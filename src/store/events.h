/*
 * Reading the events of a span from its logs.
 */
#ifndef STORE_EVENTS_H
#define STORE_EVENTS_H

#include "postgres.h"

#include "core/tree/span.h"
#include "datatype/timestamp.h"
#include "utils/jsonb.h"

typedef struct SpanEvent
{
	bool has_time;
	TimestampTz time;
	int nanoseconds; /* below the microsecond */
	bool has_name;	 /* else name is empty */
	JsonbValue name; /* a string */
	bool has_attributes;
	JsonbValue attributes; /* an object */
	JsonbContainer *whole; /* the event itself; NULL if it was plain text */
} SpanEvent;

typedef struct EventReader
{
	JsonbIterator *array; /* NULL for plain text */
	const char *line;
	const char *end;
} EventReader;

/*
 * Reads logs as a JSON array, in the form the recording functions write it,
 * and any other text line by line, of which each that is not blank is an event
 * with that name.  Never fails.  The reader points into `logs`.
 */
extern void event_reader_start(EventReader *reader, text *logs);

/* The next event; false at the end. */
extern bool event_reader_next(EventReader *reader, SpanEvent *event);

/* What an event says of an exception; NULL for what it does not say. */
typedef struct SpanException
{
	text *type;
	text *message;
	text *stacktrace;
} SpanException;

/* By OpenTelemetry's attributes, and OpenTracing's of a log of an error.  Both
 * arguments may be empty. */
extern SpanException event_exception(Slice name, JsonbContainer *attributes);

#endif
