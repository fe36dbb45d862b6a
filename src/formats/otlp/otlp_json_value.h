/*
 * Scalars of OTLP's JSON encoding in protobuf.
 */
#ifndef FORMATS_OTLP_JSON_VALUE_H
#define FORMATS_OTLP_JSON_VALUE_H

#include "postgres.h"

#include "common/jsonapi.h"
#include "core/wire/otlp.h"
#include "lib/stringinfo.h"

/* Every field that is written takes at least so many bytes, for blank_fields;
 * numbers and lengths are padded where need be. */
#define MIN_FIELD_SIZE 4

extern void put_bytes(StringInfo output, int number, const char *data,
					  int length);

/* A message of a length yet unknown: returns what close_message wants. */
extern int open_message(StringInfo output, int number);
extern void close_message(StringInfo output, int opened);

/* Turns the fields that lie from `start` to the end of the output into one
 * that is unknown to everybody. */
extern void blank_fields(char *start, int size);

/*
 * Writes a scalar that is not null.  Returns NULL, or what it should have been
 * ("a string") if it is something else.
 */
extern const char *put_scalar(StringInfo output, const OtlpFieldInfo *field,
							  int number, const char *token,
							  JsonTokenType type);

/* What the value of a field has to be; `element` tells one of its elements
 * from the whole, where it is an array. */
extern const char *expected_value(const OtlpFieldInfo *field, bool element);

#endif
