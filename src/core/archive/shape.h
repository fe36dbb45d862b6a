/*
 * The shape column: what the traces of a block look like.
 */
#ifndef CORE_ARCHIVE_SHAPE_H
#define CORE_ARCHIVE_SHAPE_H

#include "stream.h"
#include "template.h"

enum
{
	SHAPE_TRACES = STREAM_FIRST, /* spans of each; start minus the last's */
	SHAPE_TEMPLATES,			 /* names; service, operation, form of each */
	SHAPE_SPAN_TEMPLATES,		 /* bit-packed from here on, a number a span */
	SHAPE_DEPTHS,
	SHAPE_STARTS,  /* minus the parent's, or the trace's; signed */
	SHAPE_LENGTHS, /* end minus start; signed */
	SHAPE_START_NS,
	SHAPE_END_NS,
	SHAPE_ODDS, /* see shape_write.c */
};

/* The traces of a block that is written. */
typedef struct Source
{
	Host *host;
	ArchiveCodecs *codecs;
	ArchiveCodec codec;
	uint32_t trace_count;
	uint32_t span_count;
	const SpanTree **trees;
	uint32_t *first;		 /* of each trace; then span_count */
	const ArchiveRow **rows; /* in the order of the trees */
	Templates templates;
} Source;

extern CoreStatus shape_write(const Source *source, Bytes *out,
							  uint32_t *checksum);

/* What an ArchiveShape that was opened begins. */
typedef struct ShapeReader
{
	ArchiveShape shape;
	StreamReader streams;
	const int64_t *trace_starts;
	const ArchiveOdd *odds; /* of the whole block */
	uint32_t odd_count;
	uint32_t *names; /* for tree.c: one a name, all 0 between trees */
} ShapeReader;

static inline ShapeReader *
shape_reader(const ArchiveShape *shape)
{
	return (ShapeReader *) (uintptr_t) shape;
}

/* Numbers of the spans [first, end), from one of the packed streams. */
extern CoreStatus shape_numbers(const ArchiveShape *shape, uint32_t tag,
								uint32_t first, uint32_t end, uint64_t *values,
								ArchiveFault *fault);

/* Opens another column of the block. */
extern CoreStatus shape_open_beside(const ArchiveShape *shape,
									StreamReader *reader, ArchiveColumn column,
									ArchiveBytes bytes, ArchiveFault *fault);

/* The number of the first odd of this span or one behind it. */
extern uint32_t shape_first_odd(const ArchiveOdd *odds, uint32_t count,
								uint32_t span);

/* What the odds of a span say, NULL if it has none; *odd is where to look from
 * on, and moves forward. */
extern const ArchiveOdd *shape_odd(const ArchiveOdd *odds, uint32_t count,
								   uint32_t *odd, uint32_t span);

#endif
