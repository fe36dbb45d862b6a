/*
 * OTLP's attributes as jsonb.
 *
 *	string   string
 *	bool     boolean
 *	int      number
 *	double   number with a digit behind the point, so that 1.0 is no int
 *	bytes    base64 in a string
 *	array    array
 *	kvlist   object
 *	empty    null
 *
 * Where that does not tell what it was (bytes, NaN, infinities and -0.0, at
 * any depth) the attribute is also in "exact": as an AnyValue in OTLP's JSON
 * encoding.
 */
#ifndef FORMATS_OTLP_VALUE_H
#define FORMATS_OTLP_VALUE_H

#include "postgres.h"

#include "core/wire/otlp.h"
#include "utils/jsonb.h"

/* Two objects, their members in order. */
typedef struct AttributeObjects
{
	JsonbValue plain;
	JsonbValue exact; /* jbvNull where there is nothing to add */
} AttributeObjects;

/* How many values a span, a resource or a scope may still have: one takes a
 * byte or two in a request, and a hundred here while they are read. */
typedef struct ValueBudget
{
	uint32 left;
} ValueBudget;

#define VALUES_MAX 500000

/* Takes so many; NULL, or why that cannot be stored. */
extern const char *spend_values(ValueBudget *budget, uint32 count);

/*
 * Reads attributes; of those with the same key the last one counts.  `count`
 * is how many there are.  With `reserves_otel` the key "otel" goes to `exact`
 * alone, and `plain` has room for a member of that name.  Every value, at any
 * depth, is taken from `budget`.  Returns NULL, or why the values cannot be
 * stored.
 */
extern const char *read_attributes(OtlpItems items, uint32 count,
								   bool reserves_otel, ValueBudget *budget,
								   AttributeObjects *result);

#endif
