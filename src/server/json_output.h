/*
 * Writing the JSON of other formats from what the log holds as jsonb.
 */
#ifndef SERVER_JSON_OUTPUT_H
#define SERVER_JSON_OUTPUT_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

/* A byte of a string as JSON. */
extern void append_json_character(StringInfo json, char character);

/* A string as JSON, with quotes. */
extern void append_json_string(StringInfo json, const char *string, int length);

/* A comma, unless this is the first of its object or array, or the value of a
 * member. */
extern void json_separate(StringInfo json);

/* The name of a member, after a comma if need be. */
extern void json_name(StringInfo json, const char *name);

/* Members. */
extern void json_put_text(StringInfo json, const char *name, const text *value);
extern void json_put_literal(StringInfo json, const char *name,
							 const char *value);
extern void json_put_number(StringInfo json, const char *name, int64 value);

/* A member that is written only if the object has one of this name, of the
 * type string or an integer of 32 bits without a sign that is not 0. */
extern void json_copy_string(StringInfo json, const char *name,
							 JsonbContainer *object, const char *member);
extern void json_copy_count(StringInfo json, const char *name,
							JsonbContainer *object, const char *member);

/* A string, with quotes. */
extern void json_put_string(StringInfo json, const JsonbValue *string);

/*
 * A number as an integer, if it has no digits behind its point and an int64
 * holds it, or else as a double.
 */
typedef struct JsonNumber
{
	bool is_integer;
	int64 integer;
	double real;
} JsonNumber;

extern JsonNumber json_number(const JsonbValue *value);

/* A finite double in the fewest digits that give it back. */
extern void json_put_double(StringInfo json, double number);

/* Any value as it is in jsonb, without blanks. */
extern void json_put_value(StringInfo json, const JsonbValue *value);

/* Any value as a string that holds its JSON. */
extern void json_put_as_text(StringInfo json, const JsonbValue *value);

#endif
