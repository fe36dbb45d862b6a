/*
 * Building tags and logs of a span that did not come as OTLP.
 */
#ifndef STORE_TAG_BUILDER_H
#define STORE_TAG_BUILDER_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "utils/jsonb.h"

/* Three objects in the making: the tags, and of their member "otel" the
 * members and the exact values.  An object that was not started is NULL. */
typedef struct TagBuilder
{
	JsonbParseState *tags;
	JsonbParseState *otel;
	JsonbParseState *exact;
} TagBuilder;

extern void tag_builder_start(TagBuilder *builder);

/* A tag; of those with the same key the last one counts.  The key "otel" is
 * reserved: a string, number or boolean of that name goes to otel.exact. */
extern void add_tag(TagBuilder *builder, JsonbValue key, JsonbValue value);

/* A tag whose plain value does not tell what it was: `kind` is the member of
 * an OTLP AnyValue ("bytesValue", "doubleValue"). */
extern void add_exact_tag(TagBuilder *builder, JsonbValue key, JsonbValue value,
						  const char *kind);

/* A member of "otel". */
extern void add_otel(TagBuilder *builder, const char *key, JsonbValue value);

extern Jsonb *tag_builder_finish(TagBuilder *builder);

/* One object, member by member; *state is NULL before the first. */
extern void add_member(JsonbParseState **state, JsonbValue key,
					   JsonbValue value);
extern Jsonb *finish_object(JsonbParseState **state);

/* A jsonb as a value of another. */
extern JsonbValue json_nested(Jsonb *jsonb);


/* A time as events hold it, 2026-11-22T10:00:00.123456000Z: microseconds of
 * the server's and nanoseconds below them.  Infinite times are not written. */
extern void append_event_time(StringInfo json, TimestampTz time,
							  int nanoseconds);

#endif
