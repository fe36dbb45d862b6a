/*
 * The one rule for text between formats, which are UTF-8, and the encoding of
 * the database.
 *
 * Into the database: NUL and what is no UTF-8 become U+FFFD.  A character that
 * the database's encoding lacks, U+FFFD too, becomes the escape that JSON has
 * for it: \u20ac, or two of them for a pair of surrogates.  So that this can
 * be told from text that looked so from the beginning, a backslash before "u"
 * and four hex digits becomes \u005c.  Nothing is lost, and JSON that is
 * written again has the character itself.
 *
 * In a database of UTF8 no character is lacking and nothing is escaped.  In
 * one of SQL_ASCII, whose text is bytes, UTF-8 stays as it is, and bytes that
 * are none stay too; only NUL cannot.
 */
#ifndef SERVER_TEXT_ENCODING_H
#define SERVER_TEXT_ENCODING_H

#include "postgres.h"

#include "core/tree/span.h"
#include "lib/stringinfo.h"

/* UTF-8 as text of the database; itself if that is the same. */
extern Slice text_from_utf8(Slice utf8);

/* Text of the database in UTF-8, with escapes as they are: for documents that
 * came as text, and for messages.  Outside a transaction the session must have
 * UTF8 for its client's encoding. */
extern Slice text_to_utf8(Slice string);

/* A message for clients: the same with a NUL at the end, and valid. */
extern const char *message_to_utf8(const char *message);

/*
 * JSON of the database's encoding with its escapes as the server's parser can
 * read them.  With `is_foreign` it comes from outside, and what it says is to
 * be stored by the rule above; else it is what was stored.  The argument,
 * which is overwritten, or a copy.
 */
extern char *json_for_server(char *json, bool is_foreign);

/* A string of the database as JSON with quotes, an escape of the rule above as
 * its character. */
extern void append_foreign_json_string(StringInfo json, const char *string,
									   int length);

/* JSON that the function above wrote as a string that holds it. */
extern void append_foreign_json_as_string(StringInfo json, const char *inner,
										  int length);

#endif
