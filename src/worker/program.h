/*
 * The receiver program as the worker sees it: a child process at the other end
 * of a stream of frames (core/wire/frame.h).
 */
#ifndef WORKER_PROGRAM_H
#define WORKER_PROGRAM_H

#include "postgres.h"

#include "core/wire/frame.h"
#include "lib/stringinfo.h"

typedef struct ReceiverProgram
{
	pid_t pid;
	pgsocket socket; /* PGINVALID_SOCKET: not running */
	StringInfoData input;
	int input_read; /* bytes of input that were taken */
	StringInfoData output;
	int output_sent;
} ReceiverProgram;

extern void program_init(ReceiverProgram *program);

/* The present settings as the program takes them, the token among them, and the
 * state of the files that they name: equal ones need no new program.  False, and
 * why, if they are unfit. */
extern bool program_config(StringInfo config, StringInfo fault);

/* Starts the program with them.  False, and why, if it cannot. */
extern bool program_start(ReceiverProgram *program, const char *config,
						  StringInfo fault);

/* Ends it, if it runs. */
extern void program_end(ReceiverProgram *program);

/* Reads what has come, up to `limit` bytes that wait to be taken.  False if
 * the program is gone. */
extern bool program_read(ReceiverProgram *program, int limit);

/* The next whole frame, whose payload lies in the input until the next read;
 * false if there is none.  A stream that makes no sense is an error. */
extern bool program_next_frame(ReceiverProgram *program, Frame *frame,
							   Slice *payload);

/* Puts a frame into the output. */
extern void program_put(ReceiverProgram *program, FrameType type, uint8 detail,
						uint64 number, uint64 value, const char *text);

/* Sends as much output as goes; false if the program is gone. */
extern bool program_flush(ReceiverProgram *program);

/* Whether output is left. */
extern bool program_has_output(const ReceiverProgram *program);

#endif
