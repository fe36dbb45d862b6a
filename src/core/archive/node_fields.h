/*
 * What the node of a row in its tree is like, if nothing is odd about it: what
 * the shape then need not say.
 */
#ifndef CORE_ARCHIVE_NODE_FIELDS_H
#define CORE_ARCHIVE_NODE_FIELDS_H

#include "archive.h"

typedef struct NodeFields
{
	uint16_t flags; /* SPAN_* and NODE_* */
	int64_t end_time;
	int64_t duration;
} NodeFields;

/* The flags as they are written, and back; those that the template tells are
 * left out. */
extern uint16_t node_flags_pack(uint16_t flags);
extern uint16_t node_flags_unpack(uint16_t packed);

/* is_root: no node is above it, for whatever reason. */
extern NodeFields node_fields_expected(const ArchiveRow *row, bool is_root);

#endif
