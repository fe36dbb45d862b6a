/*
 * Values of jsonb as AnyValue, in OTLP's JSON encoding.
 */
#ifndef FORMATS_ANY_VALUE_H
#define FORMATS_ANY_VALUE_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

extern void append_any_value(StringInfo json, const JsonbValue *value);

/* Whether this is an AnyValue itself, of the form in which the recording
 * functions write it: an object of one member that AnyValue has, or none. */
extern bool is_any_value(const JsonbValue *value);

#endif
