/*
 * Ids as bytes, where they are lower-case hex digits.
 */
#ifndef CORE_ARCHIVE_HEX_ID_H
#define CORE_ARCHIVE_HEX_ID_H

#include "core/tree/span.h"
#include "core/wire/encoding.h"

/* Reads `length` bytes out of an id; false if it is not 2 * length lower-case
 * hex digits, and so would not come back as it was. */
static inline bool
hex_id_read(Slice id, uint8_t *bytes, uint32_t length)
{
	if (id.length != 2 * length)
		return false;
	for (uint32_t i = 0; i < id.length; i++)
	{
		if (id.data[i] >= 'A' && id.data[i] <= 'F')
			return false;
	}
	return hex_to_bytes(id.data, id.length, (char *) bytes);
}

#endif
