/*
 * Finding the trace that somebody means who does not give its id as stored.
 */
#ifndef STORE_TRACE_LOOKUP_H
#define STORE_TRACE_LOOKUP_H

#include "postgres.h"

/*
 * The stored id of the trace meant by an id under which nothing is stored: its
 * normal form, the id within what was pasted, or the only id that begins with
 * the digits given, in this order.  An error if several begin so.  NULL, and a
 * notice that says what comes near, if there is none.
 */
extern text *find_trace_id(Oid schema, text *typed);

/* Whether the statement has not said so much already that one more notice
 * would help nobody. */
extern bool may_give_notice(void);

#endif
