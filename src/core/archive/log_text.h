/*
 * Logs taken apart into what they have in common and what differs.
 *
 * Logs that a recording function wrote are a JSON array of events.  Of such a
 * text the strings that are values, the times among them, and the whole
 * numbers are taken out; what is left is its skeleton, in which a byte stands
 * for each of them.  Filling the holes gives the text back to the byte,
 * whatever its spaces and the order of its members.  Any other text is one
 * hole.
 */
#ifndef CORE_ARCHIVE_LOG_TEXT_H
#define CORE_ARCHIVE_LOG_TEXT_H

#include "bytes.h"

/* the bytes of a skeleton that are holes; written, so never renumbered */
enum
{
	LOG_TIME = 1,	 /* 2026-11-22T10:00:00.123456789Z */
	LOG_STRING = 2,	 /* what is between the quotes, escaped as it is */
	LOG_INTEGER = 3, /* as SQL would write it */
	LOG_LAST_HOLE = LOG_INTEGER,
};

/* a text with more is one hole */
#define LOG_MAX_HOLES 128

typedef struct LogHole
{
	Slice text;		/* LOG_STRING; points into the logs */
	int64_t number; /* LOG_TIME: ns since 1970; LOG_INTEGER */
} LogHole;

typedef struct LogText
{
	Bytes skeleton;
	LogHole holes[LOG_MAX_HOLES];
	uint32_t hole_count;
} LogText;

/* Takes a text apart; the skeleton is replaced. */
extern void log_text_split(LogText *log, Slice text);

/* One hole whatever the text is. */
extern void log_text_whole(LogText *log, Slice text);

/* Writes a hole's value, as it was in the text. */
extern void log_text_put(Bytes *text, uint8_t hole, const LogHole *value);

#endif
