/*
 * Making text that PostgreSQL can hold out of what clients send.
 *
 * PostgreSQL's text and jsonb hold valid UTF-8 without the character NUL.
 * Whatever is neither becomes U+FFFD, the replacement character: one for each
 * NUL and for each longest beginning of a character that goes no further, as
 * the Unicode standard recommends.  Surrogates, overlong forms and what lies
 * beyond U+10FFFF are invalid.
 */
#ifndef CORE_UTF8_H
#define CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many bytes at the start are valid and no NUL: `length` if all are. */
extern size_t utf8_valid_length(const char *data, size_t length);

/* The bytes that utf8_clean may need for so many. */
#define UTF8_CLEAN_SIZE(length) ((length) *3)

/* Writes the text, cleaned, to `to`; returns how many bytes it wrote. */
extern size_t utf8_clean(const char *from, size_t length, char *to);

/*
 * Overwrites the escapes in a JSON document that stand for no character
 * (\u0000 and surrogates that are not a pair) by \ufffd, which is as long, so
 * that positions in the document stay what they are.  Returns how many.
 */
extern size_t json_escapes_clean(char *json, size_t length);

/*
 * Likewise, by another escape of that length, and also those of characters
 * that is_kept denies; a pair of surrogates is one character and both its
 * escapes are overwritten.
 */
extern size_t json_escapes_filter(char *json, size_t length,
								  bool (*is_kept)(uint32_t code),
								  const char *replacement);

/*
 * Replaces the escapes \u0080 and above of a JSON document that is in UTF-8
 * and has gone through json_escapes_clean by the characters themselves.
 * Returns the new length.  For databases of other encodings, where the
 * server's JSON lexer fails at an escape that the encoding does not have.
 */
extern size_t json_escapes_expand(char *json, size_t length);

#endif
