/*
 * Building JsonbValue trees by hand.
 *
 * An object or array is one allocation of the right size, because the number
 * of its members is known beforehand, and members that come in order are not
 * sorted again: both are what the server's pushJsonbValue cannot do.
 * Everything lies in the current memory context, and strings point to where
 * they came from.
 */
#ifndef SERVER_JSONB_TREE_H
#define SERVER_JSONB_TREE_H

#include "postgres.h"

#include "core/tree/span.h"
#include "utils/jsonb.h"

/* An object with room for so many members. */
extern void start_object(JsonbValue *object, uint32 room);

/* An object of few members in room of the caller's, until keep_object copies
 * what there is of it. */
extern void start_small_object(JsonbValue *object, JsonbPair *room);
extern void keep_object(JsonbValue *object);

/*
 * Adds a member and returns its value, yet to be set.  The members must be
 * added in jsonb's order, by the length and then the bytes of their keys, or
 * else be put in order by sort_members.
 */
extern JsonbValue *add_slot(JsonbValue *object, JsonbValue key);
extern JsonbValue *add_named(JsonbValue *object, const char *key);

/* Puts the members in order; of those with equal keys the last one stays. */
extern void sort_members(JsonbValue *object);

/* Adds a member to an object whose members are in order. */
extern JsonbValue *insert_named(JsonbValue *object, const char *key);

extern void start_array(JsonbValue *array, uint32 room);

/* Adds an element, yet to be set. */
extern JsonbValue *add_element(JsonbValue *array);

/*
 * Scalars.  Text, which is UTF-8, becomes text of the database: see
 * text_encoding.h.
 */
extern void set_text(JsonbValue *value, Slice string);
extern void set_literal(JsonbValue *value, const char *string);
extern void set_hex(JsonbValue *value, Slice bytes);
extern void set_base64(JsonbValue *value, Slice bytes);
extern void set_bool(JsonbValue *value, bool boolean);
extern void set_integer(JsonbValue *value, int64 number);

/* With at least one digit behind the point: no integer looks like that.  The
 * number must be finite. */
extern void set_double(JsonbValue *value, double number);

#endif
