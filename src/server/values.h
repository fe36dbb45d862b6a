/*
 * What all who hold text and jsonb values in hand need: values with a 4-byte
 * header, not toasted.
 */
#ifndef SERVER_VALUES_H
#define SERVER_VALUES_H

#include "postgres.h"

#include "compat.h"
#include "core/base/slice.h"
#include "fmgr.h"

/* By bytes; NULL comes first. */
static inline int
compare_texts(const text *a, const text *b)
{
	int a_length;
	int b_length;
	int order;

	if (a == NULL || b == NULL)
		return (a != NULL) - (b != NULL);
	a_length = VARSIZE(a) - VARHDRSZ;
	b_length = VARSIZE(b) - VARHDRSZ;
	order = memcmp(VARDATA(a), VARDATA(b), Min(a_length, b_length));
	return order != 0 ? order : a_length - b_length;
}

/* Neither is NULL. */
static inline bool
same_value_bytes(const void *a, const void *b)
{
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

/* A text, detoasted; no data if it is NULL. */
static inline Slice
datum_slice(Datum text_datum, bool is_null)
{
	text *value;

	if (is_null)
		return (Slice){NULL, 0};
	value = DatumGetTextPP(text_datum);
	return (Slice){VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};
}

/* In the current memory context; NULL of NULL. */
static inline void *
copy_value(const void *value)
{
	if (value == NULL)
		return NULL;
	return memcpy(palloc(VARSIZE(value)), value, VARSIZE(value));
}

#endif
