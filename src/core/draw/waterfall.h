/*
 * The picture of one trace as lines of text: every span a row, its label to
 * the left, its duration, and a bar on the trace's time axis.
 */
#ifndef CORE_WATERFALL_H
#define CORE_WATERFALL_H

#include "core/draw/line.h"
#include "core/path/path_groups.h"
#include "core/tree/span_tree.h"

#define WATERFALL_MIN_WIDTH 60
#define WATERFALL_MAX_WIDTH 10000

/* the longest text of a time */
#define WATERFALL_TIME_SIZE 80

/* What went wrong in a span, in one line. */
typedef struct WaterfallError
{
	uint32_t span; /* its position */
	Slice message;
} WaterfallError;

typedef struct WaterfallPainter
{
	Screen screen;
	int width; /* columns, WATERFALL_MIN_WIDTH to WATERFALL_MAX_WIDTH */
	/* the trace's start, in ASCII */
	void (*format_time)(struct WaterfallPainter *painter, int64_t time,
						char text[WATERFALL_TIME_SIZE]);
	/* takes the next line, which is gone when it returns */
	void (*put_line)(struct WaterfallPainter *painter, Slice line);
	/*
	 * The critical path in any order, its sections disjoint within each span:
	 * then the full cells of a bar are those on the path; sections of no span
	 * are passed over.  With sections NULL they are those in which the span
	 * works itself, none of its children running.
	 */
	const PathSection *sections;
	size_t section_count;
	/* the path by service, the longest part first, for a line of the head */
	const PathGroup *services;
	uint32_t service_count;
	/* listed below the rows, in this order, and how many there are beside */
	const WaterfallError *errors;
	uint32_t error_count;
	uint32_t further_error_count;
	/* whether each row tells its span's id */
	bool shows_ids;
} WaterfallPainter;

/*
 * Hands every line of the picture of a built tree to the painter, in order; a
 * tree of no spans has none.  Takes O(spans * width) time.
 */
extern CoreStatus waterfall_draw(Host *host, const SpanTree *tree,
								 WaterfallPainter *painter);

#endif
