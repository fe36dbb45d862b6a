/*
 * Reading the events of a span from its logs.
 */
#ifndef STORE_EVENTS_H
#define STORE_EVENTS_H

#include "postgres.h"

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

#endif
