/*
 * What the receiver has done: see stats.h.
 *
 * One writer, the worker; readers are whoever asks.  A lightweight lock guards
 * all of it.  It is gone when the server restarts.
 */
#include "postgres.h"

#include "compat.h"
#include "server/row.h"
#include "worker/refusals.h"
#include "worker/stats.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(dt_trace_receiver_status);
PG_FUNCTION_INFO_V1(dt_trace_receiver_reset_stats);

#define SHARED_NAME "distributed_trace receiver"

/* A text that sessions of other databases read, whose encoding may be another. */
typedef struct SharedText
{
	int encoding;
	char text[RECEIVER_ERROR_LENGTH];
} SharedText;

typedef struct ReceiverStats
{
	ReceiverState state;
	int pid;
	TimestampTz started;
	TimestampTz reset;
	bool was_reset;
	ReceiverCounts counts;
	TimestampTz error_time;
	SharedText error;
	SharedText rejection;
	int failed_connects; /* of the worker to its database, in a row */
	Size sketch_size;	 /* 0: none */
	char sketch[RECEIVER_SKETCH_SIZE] pg_attribute_aligned(8);
} ReceiverStats;

static ReceiverStats *stats; /* NULL where the module was not preloaded */
static LWLock *stats_lock;
static shmem_request_hook_type next_request_hook;
static shmem_startup_hook_type next_startup_hook;

static void
request_memory(void)
{
	if (next_request_hook != NULL)
		next_request_hook();
	RequestAddinShmemSpace(sizeof(ReceiverStats));
	RequestNamedLWLockTranche(SHARED_NAME, 1);
}

static void
attach_memory(void)
{
	bool found;

	if (next_startup_hook != NULL)
		next_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	stats = ShmemInitStruct(SHARED_NAME, sizeof(ReceiverStats), &found);
	if (!found)
	{
		memset(stats, 0, sizeof(ReceiverStats));
		stats->reset = GetCurrentTimestamp();
	}
	stats_lock = &GetNamedLWLockTranche(SHARED_NAME)->lock;
	LWLockRelease(AddinShmemInitLock);
}

void
receiver_stats_request(void)
{
	next_request_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
	next_startup_hook = shmem_startup_hook;
	shmem_startup_hook = attach_memory;
}

void
receiver_stats_set_state(ReceiverState state)
{
	LWLockAcquire(stats_lock, LW_EXCLUSIVE);
	if (stats->pid != MyProcPid)
	{
		stats->pid = MyProcPid;
		stats->started = GetCurrentTimestamp();
	}
	stats->state = state;
	LWLockRelease(stats_lock);
}

/* Keeps as many whole characters as there is room for. */
static void
share_text(SharedText *shared, const char *text)
{
	int length = pg_mbcliplen(text, strlen(text), RECEIVER_ERROR_LENGTH - 1);

	memcpy(shared->text, text, length);
	shared->text[length] = '\0';
	shared->encoding = GetDatabaseEncoding();
}

/* In the encoding of this database, whatever is in it. */
static char *
shared_text(const SharedText *shared)
{
	char *text = pstrdup(shared->text);

	if (shared->encoding != GetDatabaseEncoding() ||
		!pg_verify_mbstr(GetDatabaseEncoding(), text, strlen(text), true))
		for (char *at = text; *at != '\0'; at++)
			if (IS_HIGHBIT_SET(*at))
				*at = '?';
	return text;
}

void
receiver_stats_set_error(const char *message)
{
	LWLockAcquire(stats_lock, LW_EXCLUSIVE);
	share_text(&stats->error, message);
	stats->error_time = GetCurrentTimestamp();
	LWLockRelease(stats_lock);
}

void
receiver_stats_set_rejection(const char *message)
{
	LWLockAcquire(stats_lock, LW_EXCLUSIVE);
	share_text(&stats->rejection, message);
	LWLockRelease(stats_lock);
}

int
receiver_stats_failed_connects(void)
{
	int count;

	LWLockAcquire(stats_lock, LW_SHARED);
	count = stats->failed_connects;
	LWLockRelease(stats_lock);
	return count;
}

void
receiver_stats_set_failed_connects(int count)
{
	LWLockAcquire(stats_lock, LW_EXCLUSIVE);
	stats->failed_connects = count;
	LWLockRelease(stats_lock);
}

void
receiver_stats_add(const ReceiverCounts *counts)
{
	LWLockAcquire(stats_lock, LW_EXCLUSIVE);
	stats->counts.recorded += counts->recorded;
	stats->counts.malformed += counts->malformed;
	stats->counts.busy += counts->busy;
	stats->counts.accepted += counts->accepted;
	stats->counts.duplicates += counts->duplicates;
	stats->counts.rejected += counts->rejected;
	stats->counts.commits += counts->commits;
	stats->counts.restarts += counts->restarts;
	LWLockRelease(stats_lock);
}

void
receiver_stats_add_program(const uint64 counts[FRAME_COUNTERS],
						   const uint64 before[FRAME_COUNTERS])
{
	LWLockAcquire(stats_lock, LW_EXCLUSIVE);
	for (int i = 0; i < FRAME_COUNTERS; i++)
		if (i == COUNT_OPEN || i == COUNT_PENDING)
			stats->counts.program[i] = counts[i];
		else
			stats->counts.program[i] += counts[i] - before[i];
	LWLockRelease(stats_lock);
}

void
receiver_stats_set_latency(const Sketch *sketch, Size size)
{
	if (size > RECEIVER_SKETCH_SIZE)
		return;
	LWLockAcquire(stats_lock, LW_EXCLUSIVE);
	if (size > 0)
		memcpy(stats->sketch, sketch, size);
	stats->sketch_size = size;
	LWLockRelease(stats_lock);
}

bool
receiver_stats_was_reset(void)
{
	bool was_reset;

	LWLockAcquire(stats_lock, LW_EXCLUSIVE);
	was_reset = stats->was_reset;
	stats->was_reset = false;
	LWLockRelease(stats_lock);
	return was_reset;
}

static const char *const state_names[] = {
	[RECEIVER_OFF] = "off",
	[RECEIVER_STARTING] = "starting",
	[RECEIVER_LISTENING] = "listening",
	[RECEIVER_BLOCKED] = "blocked",
	[RECEIVER_FAILED] = "failed",
};

/* NULL for none. */
static void
put_text(Row *row, const char *text)
{
	row_put_text(row, *text == '\0' ? NULL : text);
}

static void
put_count(Row *row, uint64 count)
{
	row_put_int64(row, (int64) count);
}

static void
put_time(Row *row, TimestampTz time)
{
	row_put_time_if(row, time != 0, time);
}

static void
put_latency(Row *row, const ReceiverStats *copy)
{
	static const double quantiles[] = {0.5, 0.95, 0.99};

	for (size_t i = 0; i < lengthof(quantiles); i++)
	{
		if (copy->sketch_size == 0)
			row_put_null(row);
		else
			row_put_float8(
				row,
				sketch_quantile((const Sketch *) copy->sketch, quantiles[i]) /
					1e6);
	}
}

static void
put_stats(Row *row, const ReceiverStats *copy, bool is_running)
{
	const uint64 *program = copy->counts.program;

	if (is_running)
		put_text(row, state_names[copy->state]);
	else
		put_text(row,
				 state_names[copy->failed_connects > 0 ? RECEIVER_FAILED
													   : RECEIVER_OFF]);
	if (is_running)
		row_put_int32(row, copy->pid);
	else
		row_put_null(row);
	put_time(row, is_running ? copy->started : 0);
	put_count(row, program[COUNT_HTTP_REQUESTS]);
	put_count(row, program[COUNT_GRPC_REQUESTS]);
	put_count(row, copy->counts.recorded);
	put_count(row, copy->counts.malformed + program[COUNT_MALFORMED]);
	put_count(row, copy->counts.busy);
	put_count(row, program[COUNT_UNAUTHORIZED]);
	put_count(row, program[COUNT_TOO_LARGE]);
	put_count(row, program[COUNT_TOO_SLOW]);
	put_count(row, program[COUNT_OTHER_REFUSED]);
	put_count(row, copy->counts.accepted);
	put_count(row, copy->counts.duplicates);
	put_count(row, copy->counts.rejected);
	put_text(row, shared_text(&copy->rejection));
	put_count(row, program[COUNT_BYTES]);
	put_count(row, program[COUNT_CONNECTIONS]);
	put_count(row, is_running ? program[COUNT_OPEN] : 0);
	put_count(row, program[COUNT_TURNED_AWAY]);
	put_count(row, is_running ? program[COUNT_PENDING] : 0);
	put_count(row, copy->counts.commits);
	put_latency(row, copy);
	put_count(row, copy->counts.restarts);
	put_text(row, shared_text(&copy->error));
	put_time(row, copy->error_time);
	put_time(row, copy->reset);
}

/*
 * trace_receiver_status() -> setof record
 *
 * One row; none where the module was not preloaded.
 */
Datum
dt_trace_receiver_status(PG_FUNCTION_ARGS)
{
	ReceiverStats *copy;
	Row row;

	row_begin(&row, fcinfo, 0);
	if (stats == NULL)
		return (Datum) 0;
	copy = palloc(sizeof(ReceiverStats));
	LWLockAcquire(stats_lock, LW_SHARED);
	memcpy(copy, stats, sizeof(ReceiverStats));
	LWLockRelease(stats_lock);
	put_stats(
		&row, copy, copy->pid != 0 && BackendPidGetProc(copy->pid) != NULL);
	row_emit(&row);
	return (Datum) 0;
}

/*
 * trace_receiver_reset_stats()
 */
Datum
dt_trace_receiver_reset_stats(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	if (stats == NULL)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("distributed_trace is not preloaded"),
				errhint("Add it to shared_preload_libraries and restart the "
						"server."));
	LWLockAcquire(stats_lock, LW_EXCLUSIVE);
	memset(&stats->counts, 0, sizeof(stats->counts));
	stats->error.text[0] = '\0';
	stats->error_time = 0;
	stats->rejection.text[0] = '\0';
	stats->sketch_size = 0;
	stats->reset = GetCurrentTimestamp();
	stats->was_reset = true;
	LWLockRelease(stats_lock);
	receiver_refusals_reset();
	PG_RETURN_VOID();
}
