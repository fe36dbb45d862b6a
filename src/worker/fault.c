/*
 * Whose fault an error is: see fault.h.
 *
 * Clients drop what is refused, so only that is refused which cannot be
 * recorded because of what is in it: a value that no column takes, a rule of
 * the database (a constraint, a policy, a trigger's own exception) that is
 * against it.  All else is the state of the server, even where the server's
 * code for it sounds like data: a sequence at its end, or one that lags behind
 * its table.
 */
#include "postgres.h"

#include "worker/fault.h"
#include "worker/monotonic.h"
#include "worker/stats.h"

#include "utils/elog.h"

#define LOG_INTERVAL (60 * 1000 * US_PER_MS)
#define LOG_CODES 8

static bool
starts_with(const char *text, const char *start)
{
	return text != NULL && strncmp(text, start, strlen(start)) == 0;
}

/* A number that the extension drew itself. */
static bool
is_own_key(const ErrorData *error)
{
	const char *name = error->constraint_name;

	return starts_with(error->table_name, "distributed_trace_") &&
		   name != NULL && strlen(name) > strlen("_pkey") &&
		   strcmp(name + strlen(name) - strlen("_pkey"), "_pkey") == 0;
}

/* A row level security policy, or somebody's trigger, says no with the same
 * code that a missing GRANT has; their words are told apart untranslated. */
static bool
is_missing_grant(const ErrorData *error)
{
	return starts_with(error->message_id, "permission denied") ||
		   starts_with(error->message_id, "must be ");
}

static FaultKind
kind_of_category(int category)
{
	switch (category)
	{
		case ERRCODE_DATA_EXCEPTION:
		case ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION:
		case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
		case ERRCODE_PLPGSQL_ERROR:
			return FAULT_OF_CONTENT;
		case ERRCODE_TRANSACTION_ROLLBACK:
			return FAULT_OF_OTHERS;
		default:
			return FAULT_OF_SERVER;
	}
}

FaultKind
fault_kind(const ErrorData *error)
{
	switch (error->sqlerrcode)
	{
		case ERRCODE_UNTRANSLATABLE_CHARACTER:
			return FAULT_OF_CONTENT;
		case ERRCODE_INSUFFICIENT_PRIVILEGE:
			return is_missing_grant(error) ? FAULT_OF_SERVER : FAULT_OF_CONTENT;
		case ERRCODE_UNIQUE_VIOLATION:
			return is_own_key(error) ? FAULT_OF_OTHERS : FAULT_OF_CONTENT;
		case ERRCODE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED:
			return FAULT_OF_SERVER;
		case ERRCODE_LOCK_NOT_AVAILABLE:
		case ERRCODE_QUERY_CANCELED:
			return FAULT_OF_OTHERS;
		default:
			return kind_of_category(ERRCODE_TO_CATEGORY(error->sqlerrcode));
	}
}

/* A code that was logged. */
typedef struct LoggedCode
{
	bool is_used;
	int sqlstate;
	int64 time;
	uint64 not_logged; /* since then */
} LoggedCode;

static LoggedCode logged[LOG_CODES];

/* The entry of a code, or of the one that was logged longest ago. */
static LoggedCode *
find_logged(int sqlstate)
{
	LoggedCode *oldest = &logged[0];

	for (int i = 0; i < LOG_CODES; i++)
	{
		if (logged[i].is_used && logged[i].sqlstate == sqlstate)
			return &logged[i];
		if (!logged[i].is_used || logged[i].time < oldest->time)
			oldest = &logged[i];
	}
	oldest->is_used = false;
	return oldest;
}

void
fault_log(int sqlstate, const char *message, const char *hint)
{
	LoggedCode *code = find_logged(sqlstate);
	int64 now = monotonic_us();
	uint64 not_logged = code->is_used ? code->not_logged : 0;

	receiver_stats_set_error(message);
	if (code->is_used && now - code->time < LOG_INTERVAL)
	{
		code->not_logged++;
		return;
	}
	*code = (LoggedCode){.is_used = true, .sqlstate = sqlstate, .time = now};
	ereport(LOG,
			errcode(sqlstate),
			errmsg("distributed_trace receiver: %s", message),
			not_logged == 0
				? 0
				: errdetail("There were " UINT64_FORMAT
							" more like it since the last that was logged.",
							not_logged),
			hint == NULL ? 0 : errhint("%s", hint));
}

void
fault_log_forget(void)
{
	memset(logged, 0, sizeof(logged));
}
