/*
 * What may be wrong with a block, in words.
 */
#include "archive.h"

const char *
archive_column_name(ArchiveColumn column)
{
	static const char *const names[] = {"shape", "ids", "tags"};

	return names[column];
}

const char *
archive_reason_text(ArchiveReason reason)
{
	static const char *const texts[] = {
		[ARCHIVE_SOUND] = "is sound",
		[ARCHIVE_NO_COLUMN] = "does not begin as such a column does",
		[ARCHIVE_OTHER_VERSION] = "was written by another version",
		[ARCHIVE_WRONG_LENGTH] = "is not as long as it says",
		[ARCHIVE_DAMAGED] = "is damaged: a checksum does not fit",
		[ARCHIVE_OTHER_BLOCK] = "belongs to another block",
		[ARCHIVE_CONTRADICTION] = "contradicts itself",
		[ARCHIVE_TOO_MANY] = "says that it holds more than a block may",
	};

	return texts[reason];
}
