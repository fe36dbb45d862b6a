/*
 * The ids column: the trace ids, then the span ids.
 *
 * A list of ids is up to three streams: the form of each, left out where all
 * have the usual one (16 bytes of a trace, 8 of a span); the bytes of those
 * that are hex; and the others as text.
 */
#ifndef CORE_ARCHIVE_IDS_H
#define CORE_ARCHIVE_IDS_H

#include "shape.h"

enum
{
	ID_USUAL,	/* lower-case hex of as many bytes as the list's ids have */
	ID_UNUSUAL, /* of 24 minus that: a span id for a trace, ... */
	ID_TEXT,
};

enum
{
	IDS_TRACES = STREAM_FIRST,
	IDS_SPANS = 16,

	/* within a list */
	IDS_FORMS = 0,
	IDS_BYTES = STREAM_NUMBER_TAGS,
	IDS_TEXTS,

	IDS_TRACE_BYTES = 16,
	IDS_SPAN_BYTES = 8,
};

extern CoreStatus ids_write(const Source *source, uint32_t link, Bytes *out);

#endif
