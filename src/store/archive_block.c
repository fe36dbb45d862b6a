/*
 * One block of the archive, opened as far as it is needed: see archive.h.
 */
#include "postgres.h"

#include "compat.h"
#include "server/server_host.h"
#include "store/archive.h"

#include "utils/memutils.h"

bool
block_is_gone(const OpenBlock *block, uint32 trace)
{
	for (int i = 0; i < block->gone_count; i++)
	{
		if (block->gone[i] == (int32) trace + 1)
			return true;
	}
	return false;
}

void
block_check(const OpenBlock *block, CoreStatus status,
			const ArchiveFault *fault)
{
	if (status == CORE_OK)
		return;
	if (status == CORE_NO_MEMORY)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
	ereport(ERROR,
			errcode(ERRCODE_DATA_CORRUPTED),
			errmsg("block " INT64_FORMAT " of \"%s\" cannot be read",
				   block->number,
				   block->partition),
			errdetail("Its column %s: %s, at byte %zu.",
					  archive_column_name(fault->column),
					  archive_reason_text(fault->reason),
					  fault->position),
			errhint("The other blocks can be read. Restore this row from a "
					"backup, or delete it, which gives up its traces."));
}

ArchiveCodecs *
archive_shared_codecs(void)
{
	static ArchiveCodecs *codecs;
	static ContextHost host;

	if (codecs == NULL)
	{
		host = context_host(AllocSetContextCreate(TopMemoryContext,
												  "distributed_trace codecs",
												  ALLOCSET_DEFAULT_SIZES));
		codecs = archive_codecs_create(&host.host);
	}
	if (codecs == NULL)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
	return codecs;
}

void
block_open_shape(OpenBlock *block)
{
	ArchiveFault fault;

	if (block->shape == NULL)
		block_check(block,
					archive_shape_open(server_host(),
									   archive_shared_codecs(),
									   block->columns[ARCHIVE_SHAPE],
									   &block->shape,
									   &fault),
					&fault);
}

void
block_open_ids(OpenBlock *block)
{
	ArchiveFault fault;

	block_open_shape(block);
	if (block->ids == NULL)
		block_check(
			block,
			archive_ids_open(
				block->shape, block->columns[ARCHIVE_IDS], &block->ids, &fault),
			&fault);
}

void
block_open_tags(OpenBlock *block)
{
	ArchiveFault fault;

	block_open_ids(block);
	if (block->tags == NULL)
		block_check(block,
					archive_tags_open(block->shape,
									  block->columns[ARCHIVE_TAGS],
									  &block->tags,
									  &fault),
					&fault);
}
