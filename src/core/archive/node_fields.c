/*
 * From a row to the fields of its node: see node_fields.h.
 */
#include "node_fields.h"

/* By the bit each is written as: the order must never change, and what is new
 * comes last. */
static const uint16_t packed_flags[] = {
	SPAN_HAS_START,
	SPAN_HAS_END,
	SPAN_HAS_DURATION,
	NODE_IS_ROOT,
	NODE_IS_ORPHAN,
	NODE_IN_CYCLE,
	NODE_IS_COPY,
	NODE_IS_SELF_PARENT,
	NODE_HAS_COPY,
};

#define PACKED_COUNT (sizeof(packed_flags) / sizeof(packed_flags[0]))

uint16_t
node_flags_pack(uint16_t flags)
{
	unsigned packed = 0;

	for (size_t i = 0; i < PACKED_COUNT; i++)
	{
		if (flags & packed_flags[i])
			packed |= 1u << i;
	}
	return (uint16_t) packed;
}

uint16_t
node_flags_unpack(uint16_t packed)
{
	unsigned flags = 0;

	for (size_t i = 0; i < PACKED_COUNT; i++)
	{
		if (packed & 1u << i)
			flags |= packed_flags[i];
	}
	return (uint16_t) flags;
}

static bool
is_finite_time(int64_t time)
{
	return time != ARCHIVE_INFINITY && time != ARCHIVE_MINUS_INFINITY;
}

/* As the builder sees it: an empty id, and one of zeros alone, is none. */
static uint16_t
root_flags(Slice parent, Slice own)
{
	bool names_a_span = false;

	for (uint32_t i = 0; i < parent.length && !names_a_span; i++)
		names_a_span = parent.data[i] != '0';
	if (!names_a_span)
		return NODE_IS_ROOT;
	if (slice_equal(parent, own))
		return NODE_IS_ROOT | NODE_IS_SELF_PARENT;
	return NODE_IS_ORPHAN;
}

NodeFields
node_fields_expected(const ArchiveRow *row, bool is_root)
{
	NodeFields fields = {0};

	if (is_finite_time(row->start_time))
		fields.flags |= SPAN_HAS_START;
	if (row->has_end && is_finite_time(row->end_time))
	{
		fields.flags |= SPAN_HAS_END;
		fields.end_time = row->end_time;
	}
	if (row->duration_form == ARCHIVE_DURATION_US)
	{
		fields.flags |= SPAN_HAS_DURATION;
		fields.duration = row->duration;
	}
	if (row->is_error)
		fields.flags |= SPAN_IS_ERROR;
	if (row->is_async)
		fields.flags |= SPAN_IS_ASYNC;
	if (is_root)
		fields.flags |= root_flags(row->parent_span_id, row->span_id);
	return fields;
}
