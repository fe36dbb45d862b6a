/*
 * Numbers that the extension draws for its own rows.
 */
#ifndef STORE_OWN_KEYS_H
#define STORE_OWN_KEYS_H

#include "postgres.h"

/*
 * Sees to it that the sequence behind the first column of a table of the
 * extension is not behind the numbers that the table has.  Call before rows
 * are inserted; with whatever rights.
 */
extern void own_keys_catch_up(Oid schema, const char *table);

/* What the last call that found a sequence behind said about it, once; NULL if
 * there is nothing new. */
extern const char *own_keys_take_notice(void);

#endif
