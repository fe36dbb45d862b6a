/*
 * What a column of numbered strings has beside its skeletons.
 */
#ifndef CORE_ARCHIVE_COLUMN_NUMBERS_H
#define CORE_ARCHIVE_COLUMN_NUMBERS_H

#include "column.h"

struct Numbers
{
	Column holes[COLUMN_MAX_HOLES];
	uint8_t widths[COLUMN_MAX_HOLES]; /* 0: as many digits as it takes */
	/* the place of each value among those of a hole; NULL: its own */
	uint32_t *ranks[COLUMN_MAX_HOLES];
	char *text; /* room for the longest string */
	NumberedString wanted;
};

#endif
