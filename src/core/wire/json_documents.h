/*
 * Several JSON documents in one text, as in a file of JSON Lines.
 */
#ifndef CORE_JSON_DOCUMENTS_H
#define CORE_JSON_DOCUMENTS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Finds the first document of a text, which begins where the blanks do not and
 * ends with the bracket that closes it, or the last byte of a scalar.  What is
 * malformed is part of some document.  False if there are only blanks.
 */
extern bool json_next_document(const char *json, size_t length, size_t *start,
							   size_t *end);

#endif
