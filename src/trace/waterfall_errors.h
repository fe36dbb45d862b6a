/*
 * What went wrong in the spans of a trace, for the waterfall.
 */
#ifndef TRACE_WATERFALL_ERRORS_H
#define TRACE_WATERFALL_ERRORS_H

#include "postgres.h"

#include "core/draw/waterfall.h"

/* Gives the painter the messages of the failed spans of a trace of the log, in
 * the order of its tree; with the rights of the caller. */
extern void set_up_errors(WaterfallPainter *painter, Oid schema,
						  const SpanTree *tree);

#endif
