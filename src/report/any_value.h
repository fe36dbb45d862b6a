/*
 * Values of jsonb as AnyValue, in OTLP's JSON encoding.
 */
#ifndef REPORT_ANY_VALUE_H
#define REPORT_ANY_VALUE_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

extern void append_any_value(StringInfo json, const JsonbValue *value);

#endif
