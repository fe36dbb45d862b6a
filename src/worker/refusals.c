/*
 * What the receiver program refused: see refusals.h.
 *
 * A kind is a protocol and a reason; there are few, since the reasons are the
 * program's own texts.  Should there be more than have room, the one that was
 * seen longest ago is forgotten.  The log has a line for each kind when it is
 * first seen and then at most every ten minutes, so that no client can fill it.
 */
#include "postgres.h"

#include "server/row.h"
#include "worker/refusals.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(dt_trace_receiver_refused);

#define SHARED_NAME "distributed_trace receiver refusals"

#define MAX_KINDS 64
#define PROTOCOL_LENGTH 16
#define REASON_LENGTH 160
#define PEER_LENGTH 64

#define LOG_INTERVAL_MS (10 * 60 * 1000)

typedef struct RefusalKind
{
	char protocol[PROTOCOL_LENGTH];
	char reason[REASON_LENGTH];
	char peer[PEER_LENGTH]; /* the last one's address */
	TimestampTz first;
	TimestampTz last;
	TimestampTz logged;
	uint64 count;
	uint64 unlogged; /* of it, since the last line in the log */
} RefusalKind;

typedef struct Refusals
{
	int count;
	RefusalKind kinds[MAX_KINDS];
} Refusals;

static Refusals *refusals; /* NULL where the module was not preloaded */
static LWLock *refusals_lock;
static shmem_request_hook_type next_request_hook;
static shmem_startup_hook_type next_startup_hook;

static void
request_memory(void)
{
	if (next_request_hook != NULL)
		next_request_hook();
	RequestAddinShmemSpace(sizeof(Refusals));
	RequestNamedLWLockTranche(SHARED_NAME, 1);
}

static void
attach_memory(void)
{
	bool found;

	if (next_startup_hook != NULL)
		next_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	refusals = ShmemInitStruct(SHARED_NAME, sizeof(Refusals), &found);
	if (!found)
		memset(refusals, 0, sizeof(Refusals));
	refusals_lock = &GetNamedLWLockTranche(SHARED_NAME)->lock;
	LWLockRelease(AddinShmemInitLock);
}

void
receiver_refusals_request(void)
{
	next_request_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
	next_startup_hook = shmem_startup_hook;
	shmem_startup_hook = attach_memory;
}

/* The next line of a payload, as printable ASCII, which is text in every
 * encoding. */
static void
take_line(Slice *payload, char *to, Size size)
{
	Size used = 0;
	uint32 at = 0;

	for (; at < payload->length && payload->data[at] != '\n'; at++)
	{
		char c = payload->data[at];

		if (used < size - 1)
			to[used++] = c < ' ' || c > '~' ? '?' : c;
	}
	to[used] = '\0';
	at += at < payload->length;
	*payload = (Slice){payload->data + at, payload->length - at};
}

/* The place of a kind, a new one if it was not seen yet. */
static RefusalKind *
find_kind(const RefusalKind *seen)
{
	RefusalKind *oldest = &refusals->kinds[0];

	for (int i = 0; i < refusals->count; i++)
	{
		RefusalKind *kind = &refusals->kinds[i];

		if (strcmp(kind->protocol, seen->protocol) == 0 &&
			strcmp(kind->reason, seen->reason) == 0)
			return kind;
		if (kind->last < oldest->last)
			oldest = kind;
	}
	if (refusals->count < MAX_KINDS)
		oldest = &refusals->kinds[refusals->count++];
	memset(oldest, 0, sizeof(RefusalKind));
	strlcpy(oldest->protocol, seen->protocol, PROTOCOL_LENGTH);
	strlcpy(oldest->reason, seen->reason, REASON_LENGTH);
	oldest->first = seen->last;
	return oldest;
}

void
receiver_refusals_add(const Frame *frame, Slice payload)
{
	RefusalKind seen = {.last = GetCurrentTimestamp()};
	RefusalKind *kind;
	uint64 unlogged = 0;

	take_line(&payload, seen.protocol, PROTOCOL_LENGTH);
	take_line(&payload, seen.reason, REASON_LENGTH);
	take_line(&payload, seen.peer, PEER_LENGTH);
	LWLockAcquire(refusals_lock, LW_EXCLUSIVE);
	kind = find_kind(&seen);
	strlcpy(kind->peer, seen.peer, PEER_LENGTH);
	kind->last = seen.last;
	kind->count += frame->value;
	kind->unlogged += frame->value;
	/* the clock may have been set back */
	if (kind->logged == 0 || seen.last < kind->logged ||
		TimestampDifferenceExceeds(kind->logged, seen.last, LOG_INTERVAL_MS))
	{
		unlogged = kind->unlogged;
		kind->logged = seen.last;
		kind->unlogged = 0;
	}
	LWLockRelease(refusals_lock);
	if (unlogged > 0)
		ereport(LOG,
				errmsg("distributed_trace receiver: refused %s from %s: %s",
					   seen.protocol,
					   seen.peer,
					   seen.reason),
				errdetail("This happened " UINT64_FORMAT
						  " times since it was last logged; the view "
						  "trace_receiver_refusals counts it.",
						  unlogged));
}

void
receiver_refusals_reset(void)
{
	LWLockAcquire(refusals_lock, LW_EXCLUSIVE);
	memset(refusals, 0, sizeof(Refusals));
	LWLockRelease(refusals_lock);
}

/*
 * trace_receiver_refused() -> setof record
 *
 * A row a kind; none where the module was not preloaded.
 */
Datum
dt_trace_receiver_refused(PG_FUNCTION_ARGS)
{
	Refusals *copy;
	Row row;

	row_begin(&row, fcinfo, 0);
	if (refusals == NULL)
		return (Datum) 0;
	copy = palloc(sizeof(Refusals));
	LWLockAcquire(refusals_lock, LW_SHARED);
	memcpy(copy, refusals, sizeof(Refusals));
	LWLockRelease(refusals_lock);
	for (int i = 0; i < copy->count; i++)
	{
		const RefusalKind *kind = &copy->kinds[i];
		row_put_time(&row, kind->last);
		row_put_time(&row, kind->first);
		row_put_text(&row, kind->protocol);
		row_put_text(&row, kind->reason);
		row_put_text(&row, kind->peer[0] == '\0' ? NULL : kind->peer);
		row_put_int64(&row, (int64) kind->count);
		row_emit(&row);
	}
	return (Datum) 0;
}
