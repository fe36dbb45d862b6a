/*
 * Typed key/value pairs of Jaeger as tags.
 */
#ifndef FORMATS_JAEGER_TAGS_H
#define FORMATS_JAEGER_TAGS_H

#include "postgres.h"

#include "store/tag_builder.h"

/* By this tag an export says of a span that it has not ended; Jaeger itself
 * knows no such spans. */
#define UNFINISHED_TAG "distributed_trace.unfinished"

/* One pair; type is empty and value null where they are missing. */
typedef struct JaegerTag
{
	JsonbValue key;
	JsonbValue type;
	JsonbValue value;
} JaegerTag;

/* Pairs that are being read; either may be NULL. */
typedef struct JaegerTags
{
	JsonbIterator *array;
	JsonbIterator *object;
} JaegerTags;

/* The pairs of a span or process: of its array "tags" and of its object "tag",
 * where Jaeger's storage in Elasticsearch puts them, with @ for the points in
 * their names. */
extern void jaeger_tags_start(JaegerTags *tags, JsonbContainer *owner);

/* The next usable pair; elements without a key are passed over. */
extern bool next_jaeger_tag(JaegerTags *tags, JaegerTag *tag);

/* Adds a pair in the type that it claims to be of, if it is. */
extern void add_jaeger_tag(TagBuilder *builder, const JaegerTag *tag);

/* Adds all pairs of a span: those by which Jaeger writes kind, status, scope
 * and the like as members of "otel"; returns whether the span has ended. */
extern bool add_jaeger_span_tags(TagBuilder *builder, JsonbContainer *span);

#endif
