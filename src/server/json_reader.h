/*
 * Reading JSON documents that others wrote.
 */
#ifndef SERVER_JSON_READER_H
#define SERVER_JSON_READER_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * The documents of a text: one, or several one after another, as in a file of
 * JSON Lines.  Nothing is lost but what PostgreSQL cannot hold: text follows
 * the rule of text_encoding.h, and a number that numeric may not be able to
 * hold (of more than 4096 characters, or of more than 4 digits in its
 * exponent) becomes a string of its characters.  Malformed text is an error.
 */
typedef struct JsonDocuments
{
	char *json;
	Size length;
	Size position;
	int count; /* of those that were begun */
} JsonDocuments;

extern void json_documents_start(JsonDocuments *documents, text *text);

/* The next one; NULL at the end.  The first is always there. */
extern Jsonb *json_documents_next(JsonDocuments *documents);

/* A single document that was stored, but NULL instead of an error if the text
 * is none, or one that is nested or long beyond all reason. */
extern Jsonb *json_parse_or_null(text *document);

/* A member of an object: false if it is not there or is null, or if this is no
 * object. */
extern bool json_member(JsonbContainer *object, const char *key,
						JsonbValue *value);

static inline bool
json_has_member(JsonbContainer *object, const char *key)
{
	JsonbValue value;

	return json_member(object, key, &value);
}

/* The object or array that a member is; NULL if it is none. */
extern JsonbContainer *json_object_member(JsonbContainer *object,
										  const char *key);
extern JsonbContainer *json_array_member(JsonbContainer *object,
										 const char *key);

/* The object or array that a value is; NULL if it is none. */
extern JsonbContainer *json_as_object(const JsonbValue *value);
extern JsonbContainer *json_as_array(const JsonbValue *value);

/* A member that is a string; NULL if it is none. */
extern text *json_text_member(JsonbContainer *object, const char *key);

/* A string as it is, anything else as JSON. */
extern text *json_value_text(const JsonbValue *value);

/* A number without a fraction, or a string of its digits. */
extern bool json_as_int64(const JsonbValue *value, int64 *number);

/* Likewise, with what is behind the decimal point cut off. */
extern bool json_as_truncated_int64(const JsonbValue *value, int64 *number);

/* Elements or members one after the other; start with JsonbIteratorInit. */
extern bool json_next_element(JsonbIterator **array, JsonbValue *value);
extern bool json_next_member(JsonbIterator **object, JsonbValue *key,
							 JsonbValue *value);

/* Values to be put into a jsonb; strings are not copied. */
extern JsonbValue json_string(const char *string, int length);
extern JsonbValue json_text(const text *string);
extern JsonbValue json_int64(int64 number);
extern JsonbValue json_bool(bool value);

static inline JsonbValue
json_key(const char *name)
{
	return json_string(name, strlen(name));
}

static inline bool
json_is_string(const JsonbValue *value, const char *string)
{
	return value->type == jbvString &&
		   (size_t) value->val.string.len == strlen(string) &&
		   memcmp(value->val.string.val, string, strlen(string)) == 0;
}

#endif
