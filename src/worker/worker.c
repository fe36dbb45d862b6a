/*
 * The background worker that records what the receiver program takes.
 *
 * It starts the program, keeps it running, and turn by turn takes the requests
 * that came, records some (recorder.c) in the order of
 * queue.c, makes them durable together, and has them answered: not
 * before, so nothing that a client was told is stored can be lost.
 *
 *	                 starts               opens its ports
 *	    failed ───────────────▶ starting ────────────────▶ listening ◀─▶ blocked
 *	       ▲                        │                          │
 *	       └────────────────────────┴── cannot, or ends ───────┘
 *
 * Retrying belongs to the request: one that cannot be recorded now is put
 * behind the others, waits longer after each try, and is told to come back
 * before its client gives up or distributed_trace.receiver_max_wait has passed.
 * Only where nothing can be recorded at all (a table is locked, the extension is
 * missing) everybody waits, and the state is "blocked".  Nothing more is read
 * once the queue is full, which makes the program, and then clients, wait.
 *
 * New settings that the program cannot work with do not end what works: it is
 * started again with those that it had.
 *
 * Memory: the queue and all that outlives a turn in one context, what a turn
 * needs in another, which is reset.  All intervals are those of a monotonic
 * clock.
 *
 * Locks: two lightweight ones guard what other sessions read in shared memory,
 * that of stats.c and that of refusals.c.  Each is taken by its own file alone,
 * for as long as copying takes, and never while the other is held.
 */
#include "postgres.h"

#include "compat.h"
#include "core/wire/frame.h"
#include "server/server_host.h"
#include "server/text_encoding.h"
#include "worker/fault.h"
#include "worker/monotonic.h"
#include "worker/program.h"
#include "worker/queue.h"
#include "worker/recorder.h"
#include "worker/refusals.h"
#include "worker/settings.h"
#include "worker/stats.h"
#include "worker/worker.h"

#include "access/xact.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/ps_status.h"

/* What may be unread and is still read, so that the largest frame comes to its
 * end. */
#define LARGEST_FRAME ((int) FRAME_MAX_PAYLOAD + FRAME_HEADER_SIZE)

/* What is recorded before those whose requests are done are answered. */
#define GROUP_MAX 1000
#define GROUP_BYTES ((Size) 8 * 1024 * 1024)
#define GROUP_TIME (200 * US_PER_MS)

/* Milliseconds. */
#define LONGEST_NAP 1000
#define QUEUE_NAP 200
#define BLOCKED_NAP 200
#define RETRY_NAP_MIN 50
#define RETRY_NAP_MAX 1000
#define FAILING_TIME 300
#define PROBE_NAP 3000
#define RESTART_NAP_MIN 1000
#define RESTART_NAP_MAX 30000
#define STOP_TIME 10000

#define WORKER_RESTART_SECONDS 5
#define CONNECT_RETRY_SECONDS 60

typedef struct Worker
{
	ReceiverProgram program;
	char *config;		   /* that the program was started with, or NULL */
	char *good_config;	   /* with which it last opened its ports, or NULL */
	MemoryContext context; /* of the queue */
	MemoryContext turn;	   /* of what one turn needs */
	RequestQueue queue;
	QueuedRequest *done[GROUP_MAX]; /* recorded, and not yet answered */
	int done_count;
	/* monotonic_us() */
	int64 blocked_until; /* nothing is tried before */
	int64 failing_since; /* tries fail that others would, too; 0: they do not */
	int64 probe_at;		 /* if nothing is recorded before */
	int64 start_at;		 /* of the program, after it ended */
	int restart_nap;
	bool is_listening;
	bool is_stopping;
	bool is_blocked;					   /* as it was told to the program */
	uint64 program_counts[FRAME_COUNTERS]; /* as it last told */
	ReceiverCounts counts;				   /* not yet in shared memory */
	OpenSketch *latency;
	char *fault;	  /* while blocked: why */
	char *last_state; /* that was logged */
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

/* Replaces a string that outlives the turn; NULL for none. */
static void
keep(Worker *worker, char **kept, const char *text)
{
	char *copy =
		text == NULL ? NULL : MemoryContextStrdup(worker->context, text);

	if (*kept != NULL)
	{
		/* it may be a configuration, with a token */
		explicit_bzero(*kept, strlen(*kept));
		pfree(*kept);
	}
	*kept = copy;
}

/* Logs what became of the program, but the same only once in a row. */
static void
log_state(Worker *worker, const char *state)
{
	receiver_stats_set_error(state);
	if (worker->last_state != NULL && strcmp(worker->last_state, state) == 0)
		return;
	keep(worker, &worker->last_state, state);
	ereport(LOG, errmsg("distributed_trace receiver: %s", state));
}

/* Of a request that was taken out of the queue; frees it. */
static void
answer(Worker *worker, QueuedRequest *request, FrameOutcome outcome,
	   const char *message)
{
	program_put(&worker->program,
				FRAME_ANSWER,
				outcome,
				request->number,
				outcome == OUTCOME_RECORDED ? request->rejected : 0,
				message == NULL ? "" : message_to_utf8(message));
	queue_free(request);
}

static void
answer_busy(Worker *worker, QueuedRequest *request)
{
	const char *reason = request->fault;

	if (reason == NULL)
		reason = worker->fault != NULL ? worker->fault : "the server is busy";
	worker->counts.busy++;
	queue_take_out(&worker->queue, request);
	answer(worker, request, OUTCOME_BUSY, reason);
}

static void
answer_refused(Worker *worker, QueuedRequest *request, const char *reason)
{
	worker->counts.malformed++;
	receiver_stats_set_error(reason);
	queue_take_out(&worker->queue, request);
	answer(worker, request, OUTCOME_MALFORMED, reason);
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
	answer(worker, request, OUTCOME_RECORDED, request->message);
}

/*
 * Recording
 */

static void
add_latency(Worker *worker, int64 us)
{
	MemoryContext caller = MemoryContextSwitchTo(worker->context);
	OpenSketch *before = worker->latency;

	worker->counts.commits++;
	(void) sketch_add(
		server_host(), &worker->latency, wide_from_int64(Max(us, 0) * 1000), 1);
	if (worker->latency != before)
		pfree(before);
	MemoryContextSwitchTo(caller);
}

/* Something can be recorded. */
static void
note_success(Worker *worker)
{
	if (worker->is_blocked)
		fault_log_forget();
	worker->is_blocked = false;
	worker->blocked_until = 0;
	worker->failing_since = 0;
	keep(worker, &worker->fault, NULL);
}

/* Nothing can. */
static void
note_blocked(Worker *worker, const RecordFault *fault)
{
	worker->is_blocked = true;
	worker->blocked_until = monotonic_us() + BLOCKED_NAP * US_PER_MS;
	fault_log(fault->sqlstate, fault->message, fault->hint);
	keep(worker, &worker->fault, fault->message);
}

static void
try_later(Worker *worker, QueuedRequest *request, const RecordFault *fault)
{
	int nap = Min(Max(request->retry_nap * 2, RETRY_NAP_MIN), RETRY_NAP_MAX);

	queue_defer(&worker->queue, request, nap, monotonic_us());
	if (request->fault != NULL)
		fault_log(fault->sqlstate, fault->message, fault->hint);
}

/* What meets one request meets others, as long as none succeeds. */
static void
note_failing(Worker *worker, const RecordFault *fault)
{
	int64 now = monotonic_us();

	if (worker->failing_since == 0)
		worker->failing_since = now;
	if (now - worker->failing_since < FAILING_TIME * US_PER_MS)
		return;
	worker->is_blocked = true;
	keep(worker, &worker->fault, fault->message);
}

/* Records a slice of a request; false if nothing can be recorded now. */
static bool
record_request(Worker *worker, QueuedRequest *request)
{
	int64 began = monotonic_us();
	RecordFault fault = {0};
	RecordOutcome outcome = recorder_record(request, &fault);
	int64 now = monotonic_us();

	if (outcome != RECORD_BLOCKED)
		queue_charge(&worker->queue, request, now - began, now);
	switch (outcome)
	{
		case RECORD_DONE:
			note_success(worker);
			queue_take_out(&worker->queue, request);
			worker->done[worker->done_count++] = request;
			break;
		case RECORD_MORE:
			note_success(worker);
			queue_make_bulk(&worker->queue, request);
			break;
		case RECORD_REFUSED:
			note_success(worker);
			answer_refused(worker, request, fault.message);
			break;
		case RECORD_LATER:
			try_later(worker, request, &fault);
			break;
		case RECORD_FAILING:
			note_failing(worker, &fault);
			try_later(worker, request, &fault);
			break;
		case RECORD_BLOCKED:
			note_blocked(worker, &fault);
			return false;
	}
	return true;
}

/* Makes the group durable and answers it; where somebody cancelled that, it is
 * recorded again, which finds it there. */
static void
finish_group(Worker *worker, int64 began)
{
	bool is_durable = recorder_flush();
	int64 now = monotonic_us();

	if (is_durable)
		add_latency(worker, now - began);
	for (int i = 0; i < worker->done_count; i++)
	{
		QueuedRequest *request = worker->done[i];

		if (is_durable)
			answer_recorded(worker, request);
		else
		{
			recorder_rewind(request);
			queue_put_back(&worker->queue, request);
			queue_defer(&worker->queue, request, RETRY_NAP_MIN, now);
		}
	}
	worker->done_count = 0;
}

/* Records requests of the queue, up to the limits of a group, and answers those
 * that are done.  Bulk makes a group of its own: nobody waits for it. */
static void
record_group(Worker *worker)
{
	int64 began = monotonic_us();
	int64 now = began;
	int count = 0;
	Size bytes = 0;

	pgstat_report_activity(STATE_RUNNING, "recording spans");
	while (count++ < receiver_commit_requests && bytes < GROUP_BYTES &&
		   now - began < GROUP_TIME)
	{
		QueuedRequest *request = queue_next(&worker->queue, now);
		bool is_bulk;

		if (request == NULL || (request->is_bulk && worker->done_count > 0))
			break;
		is_bulk = request->is_bulk;
		bytes += request->length;
		if (!record_request(worker, request))
			break;
		recorder_take_interrupts();
		now = monotonic_us();
		if (is_bulk)
			break;
	}
	if (worker->done_count > 0)
		finish_group(worker, began);
	worker->probe_at = monotonic_us() + PROBE_NAP * US_PER_MS;
	pgstat_report_activity(STATE_IDLE, "receiving");
	pgstat_report_stat(false);
}

/* While nothing is queued: whether something could be recorded, now and then,
 * so that clients and balancers are told before they try. */
static void
probe(Worker *worker)
{
	int64 now = monotonic_us();
	RecordFault fault;

	if (worker->queue.count > 0 ||
		now < (worker->is_blocked ? worker->blocked_until : worker->probe_at))
		return;
	if (recorder_probe(&fault))
		note_success(worker);
	else
		note_blocked(worker, &fault);
	worker->probe_at = monotonic_us() + PROBE_NAP * US_PER_MS;
	pgstat_report_stat(false);
}

/* Tells the clients that cannot wait any longer to come back, and those whose
 * requests keep others out. */
static void
give_up_requests(Worker *worker)
{
	int64 now = monotonic_us();
	QueuedRequest *request;

	while ((request = queue_find_late(&worker->queue, now)) != NULL)
		answer_busy(worker, request);
	while ((request = queue_find_surplus(&worker->queue, now)) != NULL)
		answer_busy(worker, request);
}

/*
 * The program's frames
 */

static void
take_counts(Worker *worker, Slice payload)
{
	uint64 counts[FRAME_COUNTERS];

	if (!frame_read_counts(payload, counts))
		return;
	receiver_stats_add_program(counts, worker->program_counts);
	memcpy(worker->program_counts, counts, sizeof(counts));
}

/* Forgets what a program left behind that is gone: its clients are, too. */
static void
end_program(Worker *worker)
{
	static const uint64 nothing[FRAME_COUNTERS];

	program_end(&worker->program);
	receiver_stats_add_program(nothing, nothing);
	memset(worker->program_counts, 0, sizeof(worker->program_counts));
	queue_clear(&worker->queue);
	worker->is_listening = false;
	worker->counts.restarts++;
}

/* It ended by itself: starts it again, after a while. */
static void
program_is_gone(Worker *worker)
{
	if (worker->is_listening && !worker->is_stopping)
		log_state(worker,
				  "the receiver program has ended; it is started again");
	end_program(worker);
	receiver_stats_set_state(RECEIVER_FAILED);
	worker->start_at = monotonic_us() + worker->restart_nap * US_PER_MS;
	worker->restart_nap = Min(worker->restart_nap * 2, RESTART_NAP_MAX);
	/* with the settings of then, unless they were good */
	if (worker->config != NULL && worker->good_config != NULL &&
		strcmp(worker->config, worker->good_config) == 0)
		return;
	keep(worker, &worker->config, NULL);
}

static void
goes_on_as_before(Worker *worker, const char *fault)
{
	char *message = psprintf("%s; the receiver goes on with the settings that "
							 "it had",
							 fault);

	log_state(worker, message);
	pfree(message);
	keep(worker, &worker->config, worker->good_config);
}

/* It says that it cannot open its ports, and why. */
static void
program_cannot_start(Worker *worker, const char *fault)
{
	bool was_good = worker->good_config == NULL ||
					strcmp(worker->config, worker->good_config) == 0;

	end_program(worker);
	if (was_good)
	{
		log_state(worker, fault);
		keep(worker, &worker->config, NULL);
		program_is_gone(worker);
		return;
	}
	goes_on_as_before(worker, fault);
	worker->start_at = 0;
}

/* The settings that the program is to be started with; false if there are none
 * that are fit. */
static bool
choose_config(Worker *worker)
{
	StringInfoData config;
	StringInfoData fault;

	if (worker->config != NULL)
		return true;
	initStringInfo(&config);
	initStringInfo(&fault);
	if (program_config(&config, &fault))
		keep(worker, &worker->config, config.data);
	else if (worker->good_config != NULL)
		goes_on_as_before(worker, fault.data);
	else
		log_state(worker, fault.data);
	explicit_bzero(config.data, config.maxlen);
	return worker->config != NULL;
}

static void
start_program(Worker *worker)
{
	StringInfoData fault;

	initStringInfo(&fault);
	receiver_stats_set_state(RECEIVER_STARTING);
	if (!choose_config(worker))
		program_is_gone(worker);
	else if (!program_start(&worker->program, worker->config, &fault))
	{
		log_state(worker, fault.data);
		program_is_gone(worker);
	}
	pfree(fault.data);
}

static void
take_frame(Worker *worker, const Frame *frame, Slice payload)
{
	char *text = pnstrdup(payload.data, Min(payload.length, 1000));

	switch (frame->type)
	{
		case FRAME_REQUEST:
			(void) queue_add(&worker->queue, frame, payload, monotonic_us());
			break;
		case FRAME_COUNTS:
			take_counts(worker, payload);
			break;
		case FRAME_REFUSED:
			receiver_refusals_add(frame, payload);
			break;
		case FRAME_LISTENING:
			worker->is_listening = true;
			worker->restart_nap = RESTART_NAP_MIN;
			keep(worker, &worker->good_config, worker->config);
			keep(worker, &worker->last_state, NULL);
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
			program_cannot_start(worker, text);
			break;
	}
	pfree(text);
}

/* Reads frames, as long as there is room for what they bring. */
static void
read_program(Worker *worker)
{
	Frame frame;
	Slice payload;

	if (queue_is_full(&worker->queue, monotonic_us()))
		return;
	/* the largest frame has to fit, or the rest of it would never be read */
	if (!program_read(&worker->program, LARGEST_FRAME))
	{
		program_is_gone(worker);
		return;
	}
	while (worker->program.socket != PGINVALID_SOCKET &&
		   !queue_is_full(&worker->queue, monotonic_us()) &&
		   program_next_frame(&worker->program, &frame, &payload))
		take_frame(worker, &frame, payload);
}

/*
 * Turns
 */

static bool
is_due(Worker *worker, int64 now)
{
	return worker->queue.count > 0 && now >= worker->blocked_until &&
		   now >= queue_wake_time(&worker->queue, now);
}

/* Milliseconds until something has to be done. */
static long
nap_length(Worker *worker, int64 now)
{
	int64 next = now + LONGEST_NAP * US_PER_MS;

	if (worker->program.socket == PGINVALID_SOCKET)
		next = Min(next, worker->start_at);
	if (worker->queue.count > 0)
	{
		/* requests come to their deadlines */
		next = Min(next, now + QUEUE_NAP * US_PER_MS);
		next = Min(
			next,
			Max(worker->blocked_until, queue_wake_time(&worker->queue, now)));
	}
	return Max((long) ((next - now + US_PER_MS - 1) / US_PER_MS), 0);
}

static void
take_nap(Worker *worker)
{
	int events = WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH;
	int64 now = monotonic_us();
	long nap = nap_length(worker, now);

	if (worker->program.socket != PGINVALID_SOCKET &&
		!queue_is_full(&worker->queue, now))
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

/* Takes new settings.  The program is started anew if what it knows of them has
 * changed, the files that they name included. */
static void
reload(Worker *worker)
{
	StringInfoData config;
	StringInfoData fault;

	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	initStringInfo(&config);
	initStringInfo(&fault);
	keep(worker, &worker->last_state, NULL);
	if (!program_config(&config, &fault))
	{
		/* one that does not run tells so itself when it is to be started */
		if (worker->is_listening)
			goes_on_as_before(worker, fault.data);
	}
	else if (worker->config == NULL || strcmp(config.data, worker->config) != 0)
	{
		ereport(LOG,
				errmsg("distributed_trace receiver: starting again with new "
					   "settings"));
		end_program(worker);
		keep(worker, &worker->config, config.data);
		worker->start_at = 0;
		worker->restart_nap = RESTART_NAP_MIN;
	}
	explicit_bzero(config.data, config.maxlen);
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

static void
run_turn(Worker *worker)
{
	bool was_blocked = worker->is_blocked;

	if (ConfigReloadPending && !ShutdownRequestPending)
		reload(worker);
	if (worker->program.socket == PGINVALID_SOCKET &&
		monotonic_us() >= worker->start_at)
		start_program(worker);
	if (worker->program.socket != PGINVALID_SOCKET)
		read_program(worker);
	if (is_due(worker, monotonic_us()))
		record_group(worker);
	else
		probe(worker);
	give_up_requests(worker);
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
	int64 end = monotonic_us() + STOP_TIME * US_PER_MS;

	say("stopping");
	worker->is_stopping = true;
	if (worker->program.socket != PGINVALID_SOCKET)
		program_put(&worker->program, FRAME_STOP, 0, 0, 0, "");
	while (worker->program.socket != PGINVALID_SOCKET && monotonic_us() < end)
	{
		worker->start_at = PG_INT64_MAX;
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
	queue_init(&worker->queue, worker->context);
	recorder_init(worker->turn);
	worker->restart_nap = RESTART_NAP_MIN;
	worker->latency = sketch_create(server_host(), SKETCH_DEFAULT_ALPHA);
	/* until a first transaction has shown that it is not */
	worker->is_blocked = true;
}

/*
 * Connecting
 */

static emit_log_hook_type next_log_hook;

/* A worker that cannot connect ends; whoever looks has to find out why. */
static void
note_failed_connect(ErrorData *error)
{
	if (error->elevel == FATAL && error->sqlerrcode != ERRCODE_ADMIN_SHUTDOWN)
	{
		char *message =
			psprintf("could not connect to database \"%s\" as role \"%s\": %s",
					 receiver_database,
					 *receiver_role == '\0' ? "(the cluster's superuser)"
											: receiver_role,
					 error->message);

		receiver_stats_set_error(message);
		receiver_stats_set_failed_connects(receiver_stats_failed_connects() +
										   1);
		if (error->hint == NULL)
			error->hint = MemoryContextStrdup(
				ErrorContext,
				"distributed_trace.receiver_database and "
				"distributed_trace.receiver_role say where the receiver "
				"records, and as whom.");
	}
	if (next_log_hook != NULL)
		next_log_hook(error);
}

/* The postmaster starts the worker anew after the same time always; the rest of
 * a longer and longer wait is made here. */
static void
wait_to_connect(int failures)
{
	int64 seconds = Min((int64) WORKER_RESTART_SECONDS << Min(failures - 1, 8),
						CONNECT_RETRY_SECONDS);
	int64 end =
		monotonic_us() + (seconds - WORKER_RESTART_SECONDS) * 1000 * US_PER_MS;
	int64 left;

	while ((left = end - monotonic_us()) > 0)
	{
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 (long) (left / US_PER_MS + 1),
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		if (ShutdownRequestPending)
			proc_exit(1);
	}
}

static void
connect_to_database(void)
{
	int failures = receiver_stats_failed_connects();

	if (failures > 0)
		wait_to_connect(failures);
	next_log_hook = emit_log_hook;
	emit_log_hook = note_failed_connect;
	BackgroundWorkerInitializeConnection(
		receiver_database, *receiver_role == '\0' ? NULL : receiver_role, 0);
	emit_log_hook = next_log_hook;
	receiver_stats_set_failed_connects(0);
}

/* Clients are told in UTF-8, also when no transaction is open any more. */
static void
speak_utf8(void)
{
	StartTransactionCommand();
	(void) set_config_option("client_encoding",
							 "UTF8",
							 PGC_SUSET,
							 PGC_S_OVERRIDE,
							 GUC_ACTION_SET,
							 true,
							 LOG,
							 false);
	CommitTransactionCommand();
}

void
dt_receiver_main(Datum argument)
{
	Worker *worker = MemoryContextAlloc(TopMemoryContext, sizeof(Worker));

	(void) argument;
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	/* the program's end is seen at its socket */
	pqsignal(SIGCHLD, SIG_DFL);
	init_worker(worker);
	BackgroundWorkerUnblockSignals();
	connect_to_database();
	speak_utf8();
	say("receiving");
	while (!ShutdownRequestPending)
	{
		MemoryContextSwitchTo(worker->turn);
		recorder_take_interrupts();
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
