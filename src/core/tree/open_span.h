/*
 * An entry of an open SpanTree: this struct, then the bytes of its four
 * strings, padded to 8.  For span_tree.c and the builder alone.
 */
#ifndef CORE_OPEN_SPAN_H
#define CORE_OPEN_SPAN_H

#include "core/tree/span_tree.h"

typedef struct OpenSpan
{
	int64_t start_time; /* INT64_MIN if it is unknown */
	int64_t end_time;
	int64_t duration;
	uint32_t span_id_length;
	uint32_t parent_length; /* SPAN_TREE_NONE if there is no parent id */
	uint32_t service_length;
	uint32_t operation_length;
	uint8_t kind;
	uint8_t flags;
	uint8_t reserved[6];
} OpenSpan;

static inline size_t
align8(size_t size)
{
	return (size + 7) & ~(size_t) 7;
}

static inline const OpenSpan *
open_span_at(const SpanTree *tree, size_t offset)
{
	return (const OpenSpan *) ((const char *) tree + offset);
}

static inline Slice
open_span_id(const OpenSpan *entry)
{
	return (Slice){(const char *) (entry + 1), entry->span_id_length};
}

static inline Slice
open_span_parent(const OpenSpan *entry)
{
	Slice id = open_span_id(entry);

	if (entry->parent_length == SPAN_TREE_NONE)
		return (Slice){NULL, 0};
	return (Slice){id.data + id.length, entry->parent_length};
}

static inline Slice
open_span_service(const OpenSpan *entry)
{
	Slice id = open_span_id(entry);
	Slice parent = open_span_parent(entry);

	return (Slice){id.data + id.length + parent.length, entry->service_length};
}

static inline Slice
open_span_operation(const OpenSpan *entry)
{
	Slice service = open_span_service(entry);

	return (Slice){service.data + service.length, entry->operation_length};
}

/* Bytes to the next entry. */
static inline size_t
open_span_size(const OpenSpan *entry)
{
	Slice operation = open_span_operation(entry);

	return align8(
		(size_t) (operation.data + operation.length - (const char *) entry));
}

#endif
