/*
 * The form in which ids are stored.
 */
#ifndef STORE_TRACE_IDS_H
#define STORE_TRACE_IDS_H

#include "postgres.h"

/* the longest id that fits the columns of the log */
#define ID_MAX_LENGTH 100

#define TRACE_ID_DIGITS 32
#define SPAN_ID_DIGITS 16

/* what the server's half of an id that client and server share has behind it */
#define SERVER_SUFFIX ":server"

/* Whether these are hex digits, in any case, and nothing else; no digits at
 * all are none. */
extern bool is_hex(const char *digits, int length);

/* Whether nothing but the character 0 is there. */
extern bool is_all_zero(const char *digits, int length);

/*
 * Hex of 32 digits in lower case, hex of 16 digits also padded with zeros to
 * 32.  Anything else, and what is in that form already, is returned itself.
 */
extern text *normalize_trace_id(text *id);

/* Hex digits, at most 32 of them, in lower case and padded with zeros to 32. */
extern text *pad_trace_id(text *digits);

/* Hex of 16 digits in lower case; anything else is returned itself. */
extern text *normalize_span_id(text *id);

#endif
