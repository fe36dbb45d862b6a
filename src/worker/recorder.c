/*
 * Recording a slice of a request: see recorder.h.
 *
 * Every slice is a transaction of its own.  So a request that fails, and be it
 * at COMMIT, takes nobody with it; and a transaction writes one batch, whose
 * rows are in the order of their ids, so that it cannot wait for another
 * session that waits for it.  They are committed asynchronously, and those that
 * came together are made durable together: that is what a commit costs.
 *
 * A transaction has two parts.  First it takes the locks that all recording
 * needs: the extension itself, which whoever drops it takes first, too, and
 * its tables, always in the same order.  Whoever is in the way there is in
 * everybody's way, so that waiting harms nobody.  Then it records; there it
 * waits for nobody for long, since others' requests may pass.
 *
 * What is refused because of its content is halved until the spans are found
 * that are to blame, which alone are rejected.
 */
#include "postgres.h"

#include "compat.h"
#include "store/own_keys.h"
#include "worker/fault.h"
#include "worker/monotonic.h"
#include "worker/recorder.h"
#include "worker/settings.h"
#include "worker/stats.h"

#include <signal.h>

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "replication/syncrep.h"
#include "storage/lmgr.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

/* How long to wait for locks: those that all need; those of others' rows, for a
 * request that small ones wait behind, and for one that they do not. */
#define TABLE_LOCK_TIMEOUT "1s"
#define ROW_LOCK_TIMEOUT "5ms"
#define ROW_LOCK_TIMEOUT_BULK "20ms"

/* Milliseconds that one transaction may take at least. */
#define SHORTEST_TRY 100

/* Spans of one request, beyond which it is refused: 24 times what
 * Collectors are advised to send. */
#define SPANS_LIMIT 200000

/* A small request with more spans is bulk all the same. */
#define SMALL_SPANS 2048

/* Tries that may fail before what is left of a request is refused. */
#define TRIES_LIMIT 10000

/* The transaction at hand; what is here survives its failure. */
typedef struct Attempt
{
	bool is_begun;	   /* the first part is over */
	int64 count;	   /* spans that it records, at most */
	OtlpRequest after; /* where the request stands if it succeeds */
	RecordResult result;
	uint64 rejected;
	char *message;
} Attempt;

static MemoryContext turn_context;
static Attempt attempt;

/*
 * Signals
 */

/* A flush may wait for a standby that is away. */
static volatile sig_atomic_t is_flushing = false;
static volatile sig_atomic_t was_cancelled = false;

/* Ends the worker in order, but in the midst of a flush at once: then nobody
 * is told that it was done, and clients send again. */
static void
handle_shutdown_request(SIGNAL_ARGS)
{
	int saved_errno = errno;

	if (is_flushing)
	{
		ProcDiePending = true;
		InterruptPending = true;
	}
	SignalHandlerForShutdownRequest(postgres_signal_arg);
	errno = saved_errno;
}

static void
handle_cancel(SIGNAL_ARGS)
{
	was_cancelled = true;
	StatementCancelHandler(postgres_signal_arg);
}

void
recorder_init(MemoryContext turn)
{
	turn_context = turn;
	pqsignal(SIGTERM, handle_shutdown_request);
	pqsignal(SIGINT, handle_cancel);
}

void
recorder_take_interrupts(void)
{
	HOLD_CANCEL_INTERRUPTS();
	CHECK_FOR_INTERRUPTS();
	RESUME_CANCEL_INTERRUPTS();
	QueryCancelPending = false;
}

/*
 * Transactions
 */

/* Until the transaction ends. */
static void
set_locally(const char *name, const char *value)
{
	(void) set_config_option(name,
							 value,
							 PGC_SUSET,
							 PGC_S_SESSION,
							 GUC_ACTION_LOCAL,
							 true,
							 0,
							 false);
}

/* The extension in this database, and its schema; InvalidOid if it is not there. */
static Oid
find_extension(Oid *schema)
{
	Relation extensions = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	Oid extension = InvalidOid;

	ScanKeyInit(&key,
				Anum_pg_extension_extname,
				BTEqualStrategyNumber,
				F_NAMEEQ,
				CStringGetDatum("distributed_trace"));
	scan = systable_beginscan(
		extensions, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		extension = ((Form_pg_extension) GETSTRUCT(tuple))->oid;
		*schema = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	}
	systable_endscan(scan);
	table_close(extensions, AccessShareLock);
	return extension;
}

/* Finds the extension and keeps it from being dropped.  Returns its schema. */
static Oid
lock_extension(void)
{
	Oid schema;
	Oid extension = find_extension(&schema);

	if (OidIsValid(extension))
	{
		LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
		AcceptInvalidationMessages();
		if (find_extension(&schema) == extension)
			return schema;
	}
	ereport(ERROR,
			errcode(ERRCODE_UNDEFINED_OBJECT),
			errmsg("there is no extension distributed_trace in database "
				   "\"%s\"",
				   receiver_database),
			errhint("Run CREATE EXTENSION distributed_trace there, or name "
					"its database in distributed_trace.receiver_database."));
}

/* As recording does, and without asking for a privilege. */
static void
lock_tables(Oid schema)
{
	static const char *const names[] = {"distributed_trace_log",
										"distributed_trace_resource",
										"distributed_trace_latency"};

	for (size_t i = 0; i < lengthof(names); i++)
	{
		Oid table = get_relname_relid(names[i], schema);

		if (OidIsValid(table))
			LockRelationOid(table, RowExclusiveLock);
	}
}

/* Begins a transaction that may take so many milliseconds; returns the schema
 * of the extension. */
static Oid
begin(int64 timeout)
{
	Oid schema;

	QueryCancelPending = false;
	/* the time of now() */
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	enable_timeout_after(STATEMENT_TIMEOUT,
						 (int) Min(Max(timeout, SHORTEST_TRY), INT_MAX));
	PushActiveSnapshot(GetTransactionSnapshot());
	set_locally("lock_timeout", TABLE_LOCK_TIMEOUT);
	schema = lock_extension();
	lock_tables(schema);
	if (synchronous_commit > SYNCHRONOUS_COMMIT_OFF)
		set_locally("synchronous_commit", "off");
	return schema;
}

static void
commit(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	disable_timeout(STATEMENT_TIMEOUT, false);
	MemoryContextSwitchTo(turn_context);
}

/* After an error, in the block that caught it: what it was. */
static ErrorData *
roll_back(void)
{
	ErrorData *error;

	MemoryContextSwitchTo(turn_context);
	error = CopyErrorData();
	FlushErrorState();
	disable_timeout(STATEMENT_TIMEOUT, false);
	AbortCurrentTransaction();
	MemoryContextSwitchTo(turn_context);
	QueryCancelPending = false;
	return error;
}

static RecordFault
describe(const ErrorData *error)
{
	return (RecordFault){
		.sqlstate = error->sqlerrcode,
		.message = error->message,
		.hint = error->hint,
	};
}

bool
recorder_probe(RecordFault *fault)
{
	volatile bool succeeded = false;

	PG_TRY();
	{
		(void) begin(0);
		commit();
		succeeded = true;
	}
	PG_CATCH();
	{
		*fault = describe(roll_back());
	}
	PG_END_TRY();
	return succeeded;
}

bool
recorder_flush(void)
{
	bool is_confirmed;

	if (synchronous_commit <= SYNCHRONOUS_COMMIT_OFF ||
		XLogRecPtrIsInvalid(XactLastCommitEnd))
		return true;
	was_cancelled = false;
	is_flushing = true;
	HOLD_INTERRUPTS();
	XLogFlush(XactLastCommitEnd);
	SyncRepWaitForLSN(XactLastCommitEnd, true);
	RESUME_INTERRUPTS();
	is_flushing = false;
	is_confirmed = !was_cancelled;
	/* what is here without a standby's word is not acknowledged */
	recorder_take_interrupts();
	return is_confirmed;
}

/*
 * A slice
 */

/* A copy of the text that lives as long as the queue. */
static char *
keep_text(const QueuedRequest *request, const char *text)
{
	return MemoryContextStrdup(GetMemoryChunkContext((void *) request), text);
}

/* The request in protobuf; from JSON that takes the place of its body. */
static void
open_json(QueuedRequest *request)
{
	OtlpRequest otlp =
		otlp_request_json((Slice){request->body, request->length});
	char *bytes = MemoryContextAllocExtended(GetMemoryChunkContext(request),
											 (Size) otlp.bytes.length + 1,
											 MCXT_ALLOC_HUGE);

	memcpy(bytes, otlp.bytes.data, otlp.bytes.length);
	pfree(request->body);
	request->body = bytes;
	request->otlp = otlp;
	request->otlp.bytes.data = bytes;
	if (otlp.note != NULL)
		request->otlp.note = keep_text(request, otlp.note);
	otlp_request_rewind(&request->otlp);
}

static void
open_request(QueuedRequest *request)
{
	if (request->encoding == ENCODING_JSON)
		open_json(request);
	else
		request->otlp =
			otlp_request_protobuf((Slice){request->body, request->length});
	if (otlp_request_count(&request->otlp, SPANS_LIMIT + 1) > SPANS_LIMIT)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("a request may hold %d spans and has more", SPANS_LIMIT),
				errhint("Send smaller batches."));
	request->is_open = true;
}

static void
record_slice(QueuedRequest *request, Oid schema)
{
	SpanBatch *batch;
	char *message;

	set_locally("lock_timeout",
				request->is_bulk ? ROW_LOCK_TIMEOUT_BULK : ROW_LOCK_TIMEOUT);
	attempt.after = request->otlp;
	batch = otlp_record_slice(
		&attempt.after, attempt.count, schema, &attempt.result);
	message = span_batch_message(batch);
	attempt.rejected = batch->rejected;
	if (message != NULL)
		attempt.message = MemoryContextStrdup(turn_context, message);
}

/* Adds up what became of the spans; the first words for those that were rejected
 * are the ones that are told. */
static void
count_rejected(QueuedRequest *request, uint64 count, const char *message)
{
	request->rejected += count;
	if (request->message == NULL && message != NULL)
		request->message = keep_text(request, message);
}

static RecordOutcome
take_success(QueuedRequest *request)
{
	request->otlp = attempt.after;
	request->result.accepted += attempt.result.accepted;
	request->result.duplicates += attempt.result.duplicates;
	count_rejected(request, attempt.rejected, attempt.message);
	request->slice = Min(request->slice * 2, SLICE_SPANS);
	request->retry_nap = 0;
	return otlp_request_count(&request->otlp, 1) == 0 ? RECORD_DONE
													  : RECORD_MORE;
}

/* The slice cannot be recorded because of what is in it. */
static RecordOutcome
narrow_down(QueuedRequest *request, const char *reason)
{
	SpanBatch *batch;

	if (attempt.count > 1 && request->tries < TRIES_LIMIT)
	{
		request->slice = (attempt.count + 1) / 2;
		return RECORD_MORE;
	}
	batch = otlp_refuse_slice(&request->otlp,
							  request->tries < TRIES_LIMIT ? 1 : PG_INT64_MAX,
							  reason);
	count_rejected(request, batch->rejected, span_batch_message(batch));
	return otlp_request_count(&request->otlp, 1) == 0 ? RECORD_DONE
													  : RECORD_MORE;
}

static RecordOutcome
take_failure(QueuedRequest *request, const ErrorData *error)
{
	FaultKind kind = fault_kind(error);

	if (!attempt.is_begun)
		return RECORD_BLOCKED;
	request->tries++;
	if (kind == FAULT_OF_CONTENT)
		return request->is_open ? narrow_down(request, error->message)
								: RECORD_REFUSED;
	if (request->fault != NULL)
		pfree(request->fault);
	request->fault = NULL;
	/* else it is just the time that it may take */
	if (monotonic_us() < request->deadline)
		request->fault = keep_text(request, error->message);
	return kind == FAULT_OF_OTHERS ? RECORD_LATER : RECORD_FAILING;
}

/* The server's state was mended on the way: whoever looks at it should know. */
static void
tell_notice(void)
{
	const char *notice = own_keys_take_notice();

	if (notice != NULL)
		receiver_stats_set_error(notice);
}

static void
record(QueuedRequest *request, MemoryContext scratch)
{
	Oid schema = begin((request->deadline - monotonic_us()) / US_PER_MS);

	attempt.is_begun = true;
	MemoryContextSwitchTo(scratch);
	if (!request->is_open)
		open_request(request);
	attempt.count = otlp_request_count(&request->otlp, request->slice);
	/* one that turns out to be large waits for those that are not */
	if (request->is_bulk || attempt.count <= SMALL_SPANS)
		record_slice(request, schema);
	else
		attempt.after = request->otlp;
	commit();
	tell_notice();
}

RecordOutcome
recorder_record(QueuedRequest *request, RecordFault *fault)
{
	MemoryContext scratch = AllocSetContextCreate(
		turn_context, "distributed_trace request", ALLOCSET_DEFAULT_SIZES);
	ErrorData *volatile error = NULL;
	RecordOutcome outcome;

	memset(&attempt, 0, sizeof(attempt));
	PG_TRY();
	{
		record(request, scratch);
	}
	PG_CATCH();
	{
		error = roll_back();
	}
	PG_END_TRY();
	/* a cancel has come too late */
	HOLD_CANCEL_INTERRUPTS();
	if (error == NULL)
		outcome = take_success(request);
	else
	{
		*fault = describe(error);
		outcome = take_failure(request, error);
	}
	RESUME_CANCEL_INTERRUPTS();
	MemoryContextDelete(scratch);
	return outcome;
}

void
recorder_rewind(QueuedRequest *request)
{
	otlp_request_rewind(&request->otlp);
	request->rejected = 0;
	request->result = (RecordResult){0, 0};
}
