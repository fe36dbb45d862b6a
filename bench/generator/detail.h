/*
 * What a span says of itself: attributes, status, event; and what its
 * resource says.  Derived from the span's numbers, so that every output
 * format tells the same.
 */
#ifndef GENERATOR_DETAIL_H
#define GENERATOR_DETAIL_H

#include "traffic.h"

typedef enum ValueType
{
	VALUE_TEXT,
	VALUE_INTEGER,
	VALUE_REAL,
	VALUE_BOOLEAN,
} ValueType;

typedef struct Attribute
{
	const char *key;
	ValueType type;
	const char *text;
	int64_t integer; /* booleans too */
	double real;
} Attribute;

#define MAX_ATTRIBUTES 16

typedef struct AttributeList
{
	Attribute items[MAX_ATTRIBUTES];
	int count;
	char text[1024]; /* what the items' texts point into */
	size_t text_used;
} AttributeList;

typedef struct Detail
{
	const TraceSpan *span;
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint8_t parent_span_id[8];
	int has_parent;
	const char *name;
	const char *service_name;
	int kind;	  /* OTLP's number */
	int instance; /* its resource */
	const char *scope_name;
	const char *scope_version;
	uint32_t flags;
	const char *error; /* the status message of a failed span, else NULL */
	AttributeList attributes;
	const char *event_name; /* NULL if it has none; it has at most one */
	int64_t event_time;		/* ns since 1970 */
	AttributeList event;
} Detail;

extern void detail_describe(const Traffic *traffic, const TraceSpan *span,
							Detail *detail);

extern void detail_resource(int instance, AttributeList *attributes);

#endif
