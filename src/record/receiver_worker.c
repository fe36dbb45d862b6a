/*
 * The background worker that records what the receiver program takes.
 *
 * It starts the program, keeps it running, and commits the requests that come
 * in groups: whatever has come while one group was recorded makes the next.
 * A request is answered when its group is committed, and not before, so
 * nothing that a client was told is stored can be lost.
 *
 * If something fails, the group's transaction is rolled back.  A request that
 * can never be recorded is answered as malformed, and the others are tried
 * again without it.  Where the failure may pass (a lock, a full disk, a missing
 * extension) all of them stay in the queue and are tried again, until the
 * client is about to give up or distributed_trace.receiver_max_wait has passed:
 * then it is told to come back.  Meanwhile nothing more is read once the queue
 * is full, which makes the program, and then clients, wait.
 *
 * Memory: the queue and all that outlives a turn in one context, what a turn
 * needs in another, which is reset.
 */
#include "postgres.h"

#include "compat.h"
#include "core/frame.h"
#include "query.h"
#include "record/otlp_ingest.h"
#include "record/receiver_program.h"
#include "record/receiver_settings.h"
#include "record/receiver_stats.h"
#include "record/receiver_worker.h"
#include "server_host.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/ilist.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/ps_status.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* Bytes of requests in the queue beyond which nothing more is read; and what may
 * be unread and is still read, so that the largest frame comes to its end. */
#define QUEUE_LIMIT (64 * 1024 * 1024)
#define LARGEST_FRAME ((int) FRAME_MAX_PAYLOAD + FRAME_HEADER_SIZE)

/* Milliseconds. */
#define LONGEST_NAP 1000
#define RETRY_NAP 200
#define PROBE_NAP 3000
#define RESTART_NAP_MIN 1000
#define RESTART_NAP_MAX 30000
#define ANSWER_MARGIN 1500
#define SHORTEST_WAIT 50
#define STOP_TIME 10000

#define WORKER_RESTART_SECONDS 5
#define LOCK_TIMEOUT "1s"

/* A request in the queue. */
typedef struct QueuedRequest
{
	dlist_node node;
	uint64 number;
	FrameEncoding encoding;
	TimestampTz deadline; /* to be answered by then */
	uint32 length;
	RecordResult result; /* of the present attempt, with the next two */
	uint64 rejected;
	char *message; /* why, or NULL */
	char body[FLEXIBLE_ARRAY_MEMBER];
} QueuedRequest;

typedef struct Worker
{
	ReceiverProgram program;
	MemoryContext context; /* of the queue */
	MemoryContext turn;	   /* of what one turn needs */
	dlist_head queue;
	int queued;
	int group_limit; /* the next group is no larger; 0: no such limit */
	Size queued_bytes;
	TimestampTz first_queued; /* when the queue was last empty */
	TimestampTz retry_at;	  /* not before; 0: at once */
	TimestampTz probe_at;	  /* if nothing is recorded before */
	TimestampTz start_at;	  /* of the program, after it ended */
	int restart_nap;
	bool is_listening;
	bool is_blocked;					   /* as it was told to the program */
	uint64 program_counts[FRAME_COUNTERS]; /* as it last told */
	ReceiverCounts counts;				   /* not yet in shared memory */
	OpenSketch *latency;
	char last_fault[RECEIVER_ERROR_LENGTH]; /* that was logged */
	Oid schema;
} Worker;

/*
 * Outcomes
 */

static void
say(const char *activity)
{
	set_ps_display(activity);
	pgstat_report_activity(STATE_IDLE, activity);
}

/* Logs a failure, but the same one only once in a row. */
static void
log_fault(Worker *worker, const char *fault)
{
	receiver_stats_set_error(fault);
	if (strcmp(worker->last_fault, fault) == 0)
		return;
	strlcpy(worker->last_fault, fault, sizeof(worker->last_fault));
	ereport(LOG, errmsg("distributed_trace receiver: %s", fault));
}

static void
answer(Worker *worker, QueuedRequest *request, FrameOutcome outcome,
	   uint64 rejected, const char *message)
{
	program_put(&worker->program,
				FRAME_ANSWER,
				outcome,
				request->number,
				rejected,
				message == NULL ? "" : message);
	dlist_delete(&request->node);
	worker->queued--;
	worker->queued_bytes -= request->length;
	pfree(request);
}

static void
answer_recorded(Worker *worker, QueuedRequest *request)
{
	worker->counts.recorded++;
	worker->counts.accepted += request->result.accepted;
	worker->counts.duplicates += request->result.duplicates;
	worker->counts.rejected += request->rejected;
	if (request->message != NULL)
		receiver_stats_set_rejection(request->message);
	answer(
		worker, request, OUTCOME_RECORDED, request->rejected, request->message);
}

/* Whether trying again could help. */
static bool
may_pass(int sqlstate)
{
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_DATA_EXCEPTION:
		case ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION:
		case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
		case ERRCODE_PLPGSQL_ERROR:
			return false;
		default:
			return sqlstate != ERRCODE_UNTRANSLATABLE_CHARACTER;
	}
}

/*
 * Recording
 */

/* A commit may wait for a standby that is away. */
static volatile sig_atomic_t is_committing = false;

/* Ends the worker in order, but in the midst of a commit at once: then nobody
 * is told that it was done, and clients send again. */
static void
handle_shutdown_request(SIGNAL_ARGS)
{
	int saved_errno = errno;

	if (is_committing)
	{
		ProcDiePending = true;
		InterruptPending = true;
	}
	SignalHandlerForShutdownRequest(postgres_signal_arg);
	errno = saved_errno;
}

/* The schema of the extension in this database; InvalidOid if it is not there. */
static Oid
find_extension(void)
{
	bool isnull = true;
	Oid schema = InvalidOid;

	SPI_connect();
	if (SPI_execute("SELECT extnamespace FROM pg_catalog.pg_extension "
					"WHERE extname OPERATOR(pg_catalog.=) "
					"'distributed_trace'",
					true,
					1) == SPI_OK_SELECT &&
		SPI_processed == 1)
		schema = DatumGetObjectId(SPI_getbinval(
			SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return isnull ? InvalidOid : schema;
}

static void
require_extension(Worker *worker)
{
	worker->schema = find_extension();
	if (!OidIsValid(worker->schema))
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("there is no extension distributed_trace in database "
					   "\"%s\"",
					   receiver_database),
				errhint("Run CREATE EXTENSION distributed_trace there."));
}

static SpanBatch *
ingest(const Worker *worker, QueuedRequest *request)
{
	if (request->encoding == ENCODING_JSON)
	{
		/* verified: nothing else has looked at it so far */
		char *json = pg_any_to_server(request->body, request->length, PG_UTF8);
		Size length = json == request->body ? request->length : strlen(json);

		return ingest_otlp_json(cstring_to_text_with_len(json, length),
								worker->schema,
								&request->result);
	}
	return ingest_otlp_protobuf((Slice){request->body, request->length},
								worker->schema,
								&request->result);
}

/* Keeps nothing of what it decoded but what is to be answered. */
static void
record_request(Worker *worker, QueuedRequest *request)
{
	MemoryContext scratch = AllocSetContextCreate(
		worker->turn, "distributed_trace request", ALLOCSET_DEFAULT_SIZES);
	SpanBatch *batch;
	char *message;

	MemoryContextSwitchTo(scratch);
	batch = ingest(worker, request);
	message = span_batch_message(batch);
	MemoryContextSwitchTo(worker->turn);
	request->rejected = batch->rejected;
	request->message = message == NULL ? NULL : pstrdup(message);
	MemoryContextDelete(scratch);
}

/* As recording does, and without asking for a privilege. */
static void
lock_log(Worker *worker)
{
	Oid log = get_relname_relid("distributed_trace_log", worker->schema);

	if (OidIsValid(log))
		LockRelationOid(log, RowExclusiveLock);
}

/* Records the first so many requests in one transaction; *current is the one
 * at hand, for whoever has to know what failed.  With none, it shows whether
 * something could be recorded. */
static void
record_group(Worker *worker, int count, QueuedRequest **current)
{
	dlist_iter at;

	/* the time of now() */
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	require_extension(worker);
	lock_log(worker);
	dlist_foreach(at, &worker->queue)
	{
		if (count-- == 0)
			break;
		*current = dlist_container(QueuedRequest, node, at.cur);
		record_request(worker, *current);
		CHECK_FOR_INTERRUPTS();
	}
	*current = NULL;
	PopActiveSnapshot();
	is_committing = true;
	CommitTransactionCommand();
	is_committing = false;
}

static void
add_latency(Worker *worker, TimestampTz began)
{
	MemoryContext caller = MemoryContextSwitchTo(worker->context);
	OpenSketch *before = worker->latency;
	int64 us = GetCurrentTimestamp() - began;

	worker->counts.commits++;
	(void) sketch_add(
		server_host(), &worker->latency, wide_from_int64(Max(us, 0) * 1000), 1);
	if (worker->latency != before)
		pfree(before);
	MemoryContextSwitchTo(caller);
}

/* After a failure at one request: those before it make the next group, so that
 * they are recorded whatever is behind them.  If it was the first, it goes to
 * the end. */
static void
isolate(Worker *worker, QueuedRequest *current)
{
	dlist_iter at;

	worker->group_limit = 0;
	dlist_foreach(at, &worker->queue)
	{
		if (at.cur == &current->node)
			break;
		worker->group_limit++;
	}
	if (worker->group_limit == 0)
	{
		dlist_delete(&current->node);
		dlist_push_tail(&worker->queue, &current->node);
	}
}

/* After a failure: what becomes of the request that was at hand, and when the
 * others are tried again. */
static void
handle_failure(Worker *worker, QueuedRequest *current, ErrorData *error)
{
	if (current != NULL)
		isolate(worker, current);
	if (current != NULL && !may_pass(error->sqlerrcode))
	{
		worker->counts.malformed++;
		receiver_stats_set_error(error->message);
		answer(worker, current, OUTCOME_MALFORMED, 0, error->message);
		return;
	}
	log_fault(worker, error->message);
	worker->is_blocked = true;
	worker->retry_at =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), RETRY_NAP);
}

static void
answer_group(Worker *worker, int count)
{
	while (count-- > 0)
		answer_recorded(
			worker,
			dlist_container(QueuedRequest, node, worker->queue.head.next));
	worker->is_blocked = false;
	worker->group_limit = 0;
	worker->retry_at = 0;
	worker->last_fault[0] = '\0';
}

static int
group_size(const Worker *worker)
{
	int size = Min(worker->queued, receiver_commit_requests);

	return worker->group_limit > 0 ? Min(size, worker->group_limit) : size;
}

/* Records the first so many requests of the queue, and answers them. */
static void
commit_group(Worker *worker, int count)
{
	TimestampTz began = GetCurrentTimestamp();
	QueuedRequest *volatile current = NULL;
	volatile bool is_committed = false;

	pgstat_report_activity(STATE_RUNNING, "recording spans");
	PG_TRY();
	{
		record_group(worker, count, (QueuedRequest **) &current);
		is_committed = true;
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(worker->turn);
		error = CopyErrorData();
		FlushErrorState();
		is_committing = false;
		AbortCurrentTransaction();
		MemoryContextSwitchTo(worker->turn);
		handle_failure(worker, current, error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(worker->turn);
	/* what was committed without waiting for a standby is not acknowledged */
	CHECK_FOR_INTERRUPTS();
	if (is_committed && count > 0)
		add_latency(worker, began);
	if (is_committed)
		answer_group(worker, count);
	worker->probe_at =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), PROBE_NAP);
	pgstat_report_activity(STATE_IDLE, "receiving");
	pgstat_report_stat(false);
}

/* Tells the clients that cannot wait any longer to come back. */
static void
give_up_late_requests(Worker *worker, TimestampTz now)
{
	dlist_mutable_iter at;

	dlist_foreach_modify(at, &worker->queue)
	{
		QueuedRequest *request = dlist_container(QueuedRequest, node, at.cur);

		if (request->deadline > now)
			continue;
		worker->counts.busy++;
		answer(worker,
			   request,
			   OUTCOME_BUSY,
			   0,
			   worker->last_fault[0] != '\0' ? worker->last_fault
											 : "the server is busy");
	}
}

/*
 * The program's frames
 */

static void
queue_request(Worker *worker, const Frame *frame, Slice body)
{
	TimestampTz now = GetCurrentTimestamp();
	/* an answer has to arrive before the client gives up */
	int64 wait = Min((int64) receiver_max_wait,
					 (int64) Min(frame->value, 86400000) - ANSWER_MARGIN);
	QueuedRequest *request = MemoryContextAllocExtended(
		worker->context,
		offsetof(QueuedRequest, body) + body.length + 1,
		MCXT_ALLOC_HUGE);

	request->number = frame->number;
	request->encoding = frame->encoding;
	/* nor before it was tried once */
	request->deadline = TimestampTzPlusMilliseconds(
		now, Max(wait, receiver_commit_delay + SHORTEST_WAIT));
	request->length = body.length;
	memcpy(request->body, body.data, body.length);
	request->body[body.length] = '\0';
	dlist_push_tail(&worker->queue, &request->node);
	if (worker->queued++ == 0)
		worker->first_queued = now;
	worker->queued_bytes += body.length;
}

static void
take_counts(Worker *worker, Slice payload)
{
	uint64 counts[FRAME_COUNTERS];

	if (!frame_read_counts(payload, counts))
		return;
	receiver_stats_add_program(counts, worker->program_counts);
	memcpy(worker->program_counts, counts, sizeof(counts));
}

static void
take_frame(Worker *worker, const Frame *frame, Slice payload)
{
	char *text = pnstrdup(payload.data, Min(payload.length, 1000));

	switch (frame->type)
	{
		case FRAME_REQUEST:
			queue_request(worker, frame, payload);
			break;
		case FRAME_COUNTS:
			take_counts(worker, payload);
			break;
		case FRAME_LISTENING:
			worker->is_listening = true;
			worker->restart_nap = RESTART_NAP_MIN;
			worker->last_fault[0] = '\0';
			program_put(&worker->program,
						FRAME_STATE,
						worker->is_blocked ? 0 : 1,
						0,
						0,
						"");
			ereport(LOG,
					errmsg("distributed_trace receiver: listening %s", text));
			break;
		default:
			log_fault(worker, text);
			break;
	}
	pfree(text);
}

/* Forgets what a program left behind that is gone: its clients are, too. */
static void
program_is_gone(Worker *worker)
{
	static const uint64 nothing[FRAME_COUNTERS];
	dlist_mutable_iter at;

	program_end(&worker->program);
	receiver_stats_add_program(nothing, nothing);
	memset(worker->program_counts, 0, sizeof(worker->program_counts));
	dlist_foreach_modify(at, &worker->queue)
	{
		pfree(dlist_container(QueuedRequest, node, at.cur));
	}
	dlist_init(&worker->queue);
	worker->queued = 0;
	worker->queued_bytes = 0;
	if (worker->is_listening)
		log_fault(worker,
				  "the receiver program has ended; it is started again");
	worker->is_listening = false;
	worker->counts.restarts++;
	receiver_stats_set_state(RECEIVER_FAILED);
	worker->start_at =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), worker->restart_nap);
	worker->restart_nap = Min(worker->restart_nap * 2, RESTART_NAP_MAX);
}

static void
start_program(Worker *worker)
{
	StringInfoData fault;

	initStringInfo(&fault);
	receiver_stats_set_state(RECEIVER_STARTING);
	if (!program_start(&worker->program, &fault))
	{
		log_fault(worker, fault.data);
		program_is_gone(worker);
	}
	pfree(fault.data);
}

/* Reads frames, as long as there is room for what they bring. */
static void
read_program(Worker *worker)
{
	Frame frame;
	Slice payload;

	if (worker->queued_bytes >= QUEUE_LIMIT)
		return;
	/* the largest frame has to fit, or the rest of it would never be read */
	if (!program_read(&worker->program, LARGEST_FRAME))
	{
		program_is_gone(worker);
		return;
	}
	while (worker->queued_bytes < QUEUE_LIMIT &&
		   program_next_frame(&worker->program, &frame, &payload))
		take_frame(worker, &frame, payload);
}

/*
 * Turns
 */

static bool
is_due(const Worker *worker, TimestampTz now)
{
	if (worker->queued == 0 || worker->retry_at > now)
		return false;
	return worker->queued >= receiver_commit_requests ||
		   now >= TimestampTzPlusMilliseconds(worker->first_queued,
											  receiver_commit_delay);
}

/* Milliseconds until something has to be done. */
static long
nap_length(const Worker *worker, TimestampTz now)
{
	TimestampTz next = TimestampTzPlusMilliseconds(now, LONGEST_NAP);

	if (worker->program.socket == PGINVALID_SOCKET)
		next = Min(next, worker->start_at);
	if (worker->queued > 0)
		next = Min(next,
				   worker->retry_at > now
					   ? worker->retry_at
					   : TimestampTzPlusMilliseconds(worker->first_queued,
													 receiver_commit_delay));
	return Max((long) ((next - now + 999) / 1000), 0);
}

static void
take_nap(Worker *worker)
{
	int events = WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH;
	long nap = nap_length(worker, GetCurrentTimestamp());

	if (worker->program.socket != PGINVALID_SOCKET &&
		worker->queued_bytes < QUEUE_LIMIT)
		events |= WL_SOCKET_READABLE;
	if (worker->program.socket != PGINVALID_SOCKET &&
		program_has_output(&worker->program))
		events |= WL_SOCKET_WRITEABLE;
	if (events & WL_SOCKET_MASK)
		(void) WaitLatchOrSocket(
			MyLatch, events, worker->program.socket, nap, PG_WAIT_EXTENSION);
	else
		(void) WaitLatch(MyLatch, events, nap, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
}

/* Everything that the program was started with, to see whether it changed. */
static char *
program_settings(void)
{
	return psprintf("%s %d %d %s %s %s %s %d %d %d",
					receiver_listen_addresses,
					receiver_http_port,
					receiver_grpc_port,
					receiver_token_file,
					receiver_tls_cert_file,
					receiver_tls_key_file,
					receiver_tls_client_ca_file,
					receiver_max_connections,
					receiver_max_request_size,
					receiver_max_pending_size);
}

/* Takes new settings; the program is started anew on every reload, since
 * certificates and tokens change within their files. */
static void
reload(Worker *worker)
{
	char *before = program_settings();
	bool has_files =
		*receiver_token_file != '\0' || *receiver_tls_cert_file != '\0';

	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	if (!has_files && strcmp(before, program_settings()) == 0)
		return;
	ereport(LOG,
			errmsg("distributed_trace receiver: starting again with new "
				   "settings"));
	worker->is_listening = false;
	program_is_gone(worker);
	worker->start_at = 0;
	worker->restart_nap = RESTART_NAP_MIN;
}

static void
report(Worker *worker)
{
	static const ReceiverCounts nothing;
	Size size = 0;
	Sketch *packed;

	if (receiver_stats_was_reset())
	{
		MemoryContextSwitchTo(worker->context);
		pfree(worker->latency);
		worker->latency = sketch_create(server_host(), SKETCH_DEFAULT_ALPHA);
		MemoryContextSwitchTo(worker->turn);
	}
	if (worker->counts.commits > 0)
	{
		packed = sketch_pack(server_host(), &worker->latency->head, &size);
		receiver_stats_set_latency(packed, size);
	}
	receiver_stats_add(&worker->counts);
	worker->counts = nothing;
	if (worker->program.socket == PGINVALID_SOCKET)
		receiver_stats_set_state(RECEIVER_FAILED);
	else if (!worker->is_listening)
		receiver_stats_set_state(RECEIVER_STARTING);
	else
		receiver_stats_set_state(worker->is_blocked ? RECEIVER_BLOCKED
													: RECEIVER_LISTENING);
}

/* What changed about being able to record. */
static void
tell_state(Worker *worker, bool was_blocked)
{
	if (worker->is_blocked == was_blocked ||
		worker->program.socket == PGINVALID_SOCKET)
		return;
	program_put(
		&worker->program, FRAME_STATE, worker->is_blocked ? 0 : 1, 0, 0, "");
}

/* While nothing is queued: whether something could be recorded, now and then,
 * so that clients and balancers are told before they try. */
static void
probe(Worker *worker)
{
	TimestampTz due = worker->is_blocked ? worker->retry_at : worker->probe_at;

	if (worker->queued == 0 && GetCurrentTimestamp() >= due)
		commit_group(worker, group_size(worker));
}

static void
run_turn(Worker *worker)
{
	bool was_blocked = worker->is_blocked;

	if (ConfigReloadPending && !ShutdownRequestPending)
		reload(worker);
	if (worker->program.socket == PGINVALID_SOCKET &&
		GetCurrentTimestamp() >= worker->start_at)
		start_program(worker);
	if (worker->program.socket != PGINVALID_SOCKET)
		read_program(worker);
	if (is_due(worker, GetCurrentTimestamp()))
		commit_group(worker, group_size(worker));
	else
		probe(worker);
	give_up_late_requests(worker, GetCurrentTimestamp());
	tell_state(worker, was_blocked);
	if (worker->program.socket != PGINVALID_SOCKET &&
		!program_flush(&worker->program))
		program_is_gone(worker);
	report(worker);
}

/* Takes nothing more, records what is there, lets the clients know. */
static void
shut_down(Worker *worker)
{
	TimestampTz end =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), STOP_TIME);

	say("stopping");
	if (worker->program.socket != PGINVALID_SOCKET)
		program_put(&worker->program, FRAME_STOP, 0, 0, 0, "");
	while (worker->program.socket != PGINVALID_SOCKET &&
		   GetCurrentTimestamp() < end)
	{
		worker->start_at = DT_NOEND;
		run_turn(worker);
		MemoryContextReset(worker->turn);
		if (worker->program.socket == PGINVALID_SOCKET)
			break;
		(void) WaitLatchOrSocket(MyLatch,
								 WL_SOCKET_READABLE | WL_TIMEOUT |
									 WL_EXIT_ON_PM_DEATH,
								 worker->program.socket,
								 20,
								 PG_WAIT_EXTENSION);
	}
	program_end(&worker->program);
	receiver_stats_set_state(RECEIVER_OFF);
}

static void
init_worker(Worker *worker)
{
	memset(worker, 0, sizeof(Worker));
	worker->context = AllocSetContextCreate(
		TopMemoryContext, "distributed_trace receiver", ALLOCSET_DEFAULT_SIZES);
	worker->turn = AllocSetContextCreate(TopMemoryContext,
										 "distributed_trace receiver turn",
										 ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(worker->context);
	program_init(&worker->program);
	dlist_init(&worker->queue);
	worker->restart_nap = RESTART_NAP_MIN;
	worker->latency = sketch_create(server_host(), SKETCH_DEFAULT_ALPHA);
	/* until a first transaction has shown that it is not */
	worker->is_blocked = true;
}

void
dt_receiver_main(Datum argument)
{
	Worker *worker = MemoryContextAlloc(TopMemoryContext, sizeof(Worker));

	(void) argument;
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, handle_shutdown_request);
	/* the program's end is seen at its socket */
	pqsignal(SIGCHLD, SIG_DFL);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(
		receiver_database, *receiver_role == '\0' ? NULL : receiver_role, 0);
	SetConfigOption("lock_timeout", LOCK_TIMEOUT, PGC_SUSET, PGC_S_OVERRIDE);
	init_worker(worker);
	say("receiving");
	while (!ShutdownRequestPending)
	{
		MemoryContextSwitchTo(worker->turn);
		CHECK_FOR_INTERRUPTS();
		run_turn(worker);
		MemoryContextReset(worker->turn);
		take_nap(worker);
	}
	shut_down(worker);
	/* not 0: a worker that was terminated alone is started again */
	proc_exit(1);
}

void
register_receiver_worker(void)
{
	BackgroundWorker worker = {
		.bgw_flags =
			BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		/* a standby takes nothing until it is promoted */
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = WORKER_RESTART_SECONDS,
	};

	strlcpy(worker.bgw_name, "distributed_trace receiver", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "distributed_trace receiver", BGW_MAXLEN);
	strlcpy(worker.bgw_library_name, "distributed_trace", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "dt_receiver_main", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}
