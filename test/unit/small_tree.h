/*
 * Built trees of a few spans, written down as arrays.
 */
#ifndef SMALL_TREE_H
#define SMALL_TREE_H

#include "core/tree/span_tree.h"
#include "unit.h"

/* a time that was not recorded */
#define UNKNOWN INT64_MIN

typedef struct SmallSpan
{
	const char *id;
	const char *parent; /* NULL: none */
	const char *service;
	const char *operation;
	int64_t start;
	int64_t end;
	int64_t duration; /* 0: not recorded */
	int kind;
	bool is_error;
} SmallSpan;

static inline Slice
text_slice(const char *text)
{
	return (Slice){text, text == NULL ? 0 : (uint32_t) strlen(text)};
}

static inline Span
small_span(const SmallSpan *from)
{
	Span span = {
		.span_id = text_slice(from->id),
		.parent_span_id = text_slice(from->parent),
		.service_name = text_slice(from->service),
		.operation = text_slice(from->operation),
		.start_time = from->start,
		.end_time = from->end,
		.duration = from->duration,
		.kind = (uint8_t) from->kind,
	};

	if (from->start != UNKNOWN)
		span.flags |= SPAN_HAS_START;
	if (from->end != UNKNOWN)
		span.flags |= SPAN_HAS_END;
	if (from->duration != 0)
		span.flags |= SPAN_HAS_DURATION;
	if (from->is_error)
		span.flags |= SPAN_IS_ERROR;
	return span;
}

/* The tree of these spans, in the unit host's memory. */
static inline const SpanTree *
small_tree(UnitHost *unit, const SmallSpan *spans, size_t count)
{
	Slice trace_id = text_slice("0af7651916cd43dd8448eb211c80319c");
	size_t size = sizeof(SpanTree) + 64;
	SpanTree *open;
	SpanTree *built = NULL;

	for (size_t i = 0; i < count; i++)
	{
		Span span = small_span(&spans[i]);

		size += span_tree_span_size(&span);
	}
	open = unit_allocate(&unit->host, size);
	memset(open, 0, size);
	span_tree_open(open, trace_id);
	for (size_t i = 0; i < count; i++)
	{
		Span span = small_span(&spans[i]);

		span_tree_add(open, &span);
	}
	if (span_tree_build(&unit->host, open, &built) != CORE_OK)
		abort();
	return built;
}

#define SMALL_TREE(unit, ...)                                                  \
	small_tree((unit),                                                         \
			   (const SmallSpan[]){__VA_ARGS__},                               \
			   sizeof((const SmallSpan[]){__VA_ARGS__}) / sizeof(SmallSpan))

#endif
