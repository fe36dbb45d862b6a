/*
 * trace_seal: moves traces from the log into the archive.
 *
 * One scan of the log finds the traces that are done.  They are then taken
 * block by block, in the order of their starts, each block in a transaction of
 * its own where the caller allows that: its rows are deleted and written into
 * the archive at once, so every snapshot sees them in one of the two.  The
 * rollup counts nothing, for it has no trigger on DELETE.
 *
 * A trace that has sealed spans already, because some came late, is taken out
 * of its old block and written whole into a new one, of the same day.
 *
 * One session seals at a time: it holds the row of the archive's state.
 */
#include "postgres.h"

#include "compat.h"
#include "server/query.h"
#include "store/archive_write.h"
#include "store/open_tree.h"
#include "store/trace_ids.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(dt_trace_seal);

/* spans of a block: fewer cost bytes, more make one trace dearer to read */
#define BLOCK_SPANS 2000

/* A trace that may be sealed. */
typedef struct Candidate
{
	text *trace_id;
	TimestampTz start;
	int64 spans;
} Candidate;

typedef struct Candidates
{
	Candidate *list;
	uint64 count;
} Candidates;

typedef struct Sealer
{
	Oid schema;
	bool may_commit;
	MemoryContext block;  /* reset after each block */
	SPITupleTable *taken; /* its rows, as the log had them */
	uint64 traces;
	uint64 spans;
	uint64 blocks;
} Sealer;

/* The spans of one trace as they are gathered. */
typedef struct Gathered
{
	Slice trace_id;
	TimestampTz start; /* the earliest in the log */
	DateADT sealed_day;
	bool was_sealed;
	SpanTree *open;
	ArchiveRow *rows;
	int count;
	int room;
} Gathered;

/*
 * Finding
 */

static const char candidates_text[] =
	"SELECT l.trace_id::text, pg_catalog.min(l.start_time), "
	"pg_catalog.count(*) "
	"FROM %s l GROUP BY l.trace_id "
	"HAVING pg_catalog.max(GREATEST(l.created_at, l.updated_at)) "
	"OPERATOR(pg_catalog.<) $1 "
	"AND (pg_catalog.bool_and(l.end_time IS NOT NULL) "
	"AND pg_catalog.bool_or(l.parent_span_id IS NULL) "
	"OR pg_catalog.max(GREATEST(l.created_at, l.updated_at)) "
	"OPERATOR(pg_catalog.<) $2) "
	"ORDER BY 2, 1 LIMIT $3";

static Candidate
read_candidate(HeapTuple tuple, TupleDesc desc)
{
	bool is_null;
	Candidate candidate;

	candidate.trace_id =
		DatumGetTextPCopy(SPI_getbinval(tuple, desc, 1, &is_null));
	candidate.start =
		DatumGetTimestampTz(SPI_getbinval(tuple, desc, 2, &is_null));
	candidate.spans = DatumGetInt64(SPI_getbinval(tuple, desc, 3, &is_null));
	return candidate;
}

/* Planned as any query of a user's: it reads the whole log. */
static Candidates
find_candidates(Oid schema, const Datum *args, bool has_limit)
{
	Oid types[3] = {TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID};
	char nulls[4] = {' ', ' ', has_limit ? ' ' : 'n', '\0'};
	Candidates found = {0};
	int code = SPI_execute_with_args(
		psprintf(candidates_text,
				 qualified_name(schema, "distributed_trace_log")),
		3,
		types,
		unconstify(Datum *, args),
		nulls,
		false,
		0);

	if (code != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(code));
	found.list = palloc_extended((SPI_processed + 1) * sizeof(Candidate),
								 MCXT_ALLOC_HUGE);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		CHECK_FOR_INTERRUPTS();
		found.list[found.count++] =
			read_candidate(SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	}
	SPI_freetuptable(SPI_tuptable);
	return found;
}

/*
 * Gathering
 */

static void
add_row(Gathered *trace, const Datum *values, const bool *nulls)
{
	Span span = {0};
	SpanTree *grown;

	if (trace->count == trace->room)
	{
		trace->room = trace->room == 0 ? 32 : trace->room * 2;
		trace->rows =
			trace->rows == NULL
				? palloc(trace->room * sizeof(ArchiveRow))
				: repalloc_huge(trace->rows, trace->room * sizeof(ArchiveRow));
	}
	trace->rows[trace->count++] = archive_row_from_log(values, nulls);
	span.span_id = datum_slice(values[LOG_SPAN], false);
	span.parent_span_id = datum_slice(values[LOG_PARENT], nulls[LOG_PARENT]);
	span.service_name = datum_slice(values[LOG_SERVICE], false);
	span.operation = datum_slice(values[LOG_OPERATION], false);
	span_set_start(&span, values[LOG_START], false);
	span_set_end(&span, values[LOG_END], nulls[LOG_END]);
	span_set_duration(&span, values[LOG_DURATION], nulls[LOG_DURATION]);
	span_set_tags(&span, trace->trace_id, values[LOG_TAGS], nulls[LOG_TAGS]);
	grown = open_tree_add(trace->open, trace->trace_id, &span);
	if (trace->open != NULL && grown != trace->open)
		pfree(trace->open);
	trace->open = grown;
}

static int
compare_gathered(const void *a, const void *b)
{
	return slice_compare(((const Gathered *) a)->trace_id,
						 ((const Gathered *) b)->trace_id);
}

static SavedQuery delete_query = {
	.text = "DELETE FROM %s.distributed_trace_log l "
			"WHERE l.trace_id OPERATOR(pg_catalog.=) ANY ($1) "
			"RETURNING " LOG_COLUMN_LIST,
	.arg_count = 1,
	.arg_types = {TEXTARRAYOID},
	.reads_in_bulk = true,
};

/* Takes the traces' rows out of the log.  `traces` are in the order of their
 * ids. */
static void
take_rows(Sealer *sealer, Gathered *traces, int count)
{
	Datum *ids = palloc(count * sizeof(Datum));
	Datum args[1];

	for (int i = 0; i < count; i++)
		ids[i] = PointerGetDatum(cstring_to_text_with_len(
			traces[i].trace_id.data, traces[i].trace_id.length));
	args[0] =
		PointerGetDatum(construct_array(ids, count, TEXTOID, -1, false, 'i'));
	query_run(&delete_query, sealer->schema, args, false, NULL);
	sealer->taken = SPI_tuptable;
	for (uint64 i = 0; i < sealer->taken->numvals; i++)
	{
		Datum values[LOG_COLUMNS];
		bool nulls[LOG_COLUMNS];
		Gathered wanted;
		Gathered *trace;

		CHECK_FOR_INTERRUPTS();
		heap_deform_tuple(
			sealer->taken->vals[i], sealer->taken->tupdesc, values, nulls);
		require_value(nulls[LOG_TRACE], "trace_id");
		wanted.trace_id = datum_slice(values[LOG_TRACE], false);
		trace =
			bsearch(&wanted, traces, count, sizeof(Gathered), compare_gathered);
		if (trace != NULL)
			add_row(trace, values, nulls);
	}
}

typedef struct LateTrace
{
	Sealer *sealer;
	Gathered *trace;
} LateTrace;

/* Adds the rows that are sealed already, copied into the memory of the block
 * to come, and takes them out of theirs. */
static void
take_sealed_rows(OpenBlock *block, uint32 number, void *state)
{
	LateTrace *late = state;
	MemoryContext caller = MemoryContextSwitchTo(late->sealer->block);
	Datum values[LOG_COLUMNS];
	bool nulls[LOG_COLUMNS];
	ArchiveRows *rows;
	ArchiveRow row;
	ArchiveFault fault;
	uint32 trace;
	bool more;

	block_open_tags(block);
	block_check(block,
				archive_rows_open(
					block->tags, block->ids, number, number + 1, &rows, &fault),
				&fault);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		block_check(block,
					archive_rows_next(rows, &trace, &row, &more, &fault),
					&fault);
		if (!more)
			break;
		archive_row_to_log(&row, late->trace->trace_id, values, nulls);
		add_row(late->trace, values, nulls);
	}
	late->trace->was_sealed = true;
	late->trace->sealed_day = block->day;
	archive_mark_gone(late->sealer->schema, block, number);
	MemoryContextSwitchTo(caller);
}

/* Where a trace of these spans may have been sealed before. */
static void
take_sealed(Sealer *sealer, Gathered *traces, int count)
{
	TimestampTz until = archive_sealed_until(sealer->schema);

	for (int i = 0; i < count; i++)
	{
		LateTrace late = {sealer, &traces[i]};

		if (traces[i].start <= until)
			archive_find_trace(sealer->schema,
							   traces[i].trace_id,
							   true,
							   take_sealed_rows,
							   &late);
	}
}

/*
 * Sealing
 */

static DateADT
day_of_time(TimestampTz time)
{
	return DatumGetDateADT(
		DirectFunctionCall1(timestamp_date, TimestampGetDatum(time)));
}

/* The day on which a trace started; one whose start nobody knows counts as of
 * the day on which its first row was written. */
static DateADT
day_of_trace(const Gathered *trace)
{
	TimestampTz first = DT_NOEND;
	TimestampTz written = DT_NOEND;

	if (trace->was_sealed)
		return trace->sealed_day;
	for (int i = 0; i < trace->count; i++)
	{
		if (!TIMESTAMP_NOT_FINITE(trace->rows[i].start_time))
			first = Min(first, trace->rows[i].start_time);
		written = Min(written, trace->rows[i].created_at);
	}
	return day_of_time(TIMESTAMP_NOT_FINITE(first) ? written : first);
}

static int
compare_days(const void *a, const void *b)
{
	const SealedTrace *x = a;
	const SealedTrace *y = b;

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return slice_compare(x->trace_id, y->trace_id);
}

/* Notes how far traces are sealed now. */
static void
advance(Sealer *sealer, const SealedTrace *traces, int count)
{
	TimestampTz until = DT_NOBEGIN;
	int64 longest = 0;

	for (int i = 0; i < count; i++)
	{
		TimestampTz first = DT_NOEND;
		TimestampTz last = DT_NOBEGIN;

		for (int k = 0; k < traces[i].count; k++)
		{
			TimestampTz start = traces[i].rows[k].start_time;

			if (TIMESTAMP_NOT_FINITE(start))
				continue;
			first = Min(first, start);
			last = Max(last, start);
		}
		until = Max(until, last);
		if (first <= last)
			longest = Max(longest, time_difference(last, first));
	}
	archive_advance(sealer->schema, until, longest);
}

static void
write_blocks(Sealer *sealer, SealedTrace *traces, int count)
{
	int first = 0;

	qsort(traces, count, sizeof(SealedTrace), compare_days);
	for (int i = 1; i <= count; i++)
	{
		if (i < count && traces[i].day == traces[first].day)
			continue;
		archive_make_partition(sealer->schema, traces[first].day);
		archive_write_block(sealer->schema, &traces[first], i - first);
		sealer->blocks++;
		first = i;
	}
}

static void
seal_traces(Sealer *sealer, const Candidate *candidates, int count)
{
	Gathered *gathered = palloc0(count * sizeof(Gathered));
	SealedTrace *traces = palloc0(count * sizeof(SealedTrace));
	int sealed = 0;

	for (int i = 0; i < count; i++)
		gathered[i] = (Gathered){.trace_id = text_slice(candidates[i].trace_id),
								 .start = candidates[i].start};
	qsort(gathered, count, sizeof(Gathered), compare_gathered);
	take_rows(sealer, gathered, count);
	/* newer than that of the DELETE: what came back from the archive in
	 * between is then missing in both, and stays in the log */
	PushActiveSnapshot(GetTransactionSnapshot());
	take_sealed(sealer, gathered, count);
	PopActiveSnapshot();
	for (int i = 0; i < count; i++)
	{
		/* somebody else took it away */
		if (gathered[i].count == 0)
			continue;
		traces[sealed++] = (SealedTrace){
			.trace_id = gathered[i].trace_id,
			.day = day_of_trace(&gathered[i]),
			.count = gathered[i].count,
			.rows = gathered[i].rows,
			.tree = build_tree(gathered[i].open),
		};
		sealer->spans += gathered[i].count;
	}
	sealer->traces += sealed;
	write_blocks(sealer, traces, sealed);
	advance(sealer, traces, sealed);
}

static SavedQuery lock_query = {
	.text = "SELECT true FROM %s.distributed_trace_archive_state "
			"FOR UPDATE SKIP LOCKED",
};

static bool
lock_state(Oid schema)
{
	return query_run(&lock_query, schema, NULL, false, NULL) > 0;
}

/* How many of the candidates make a block: of one day, with enough spans. */
static int
next_block(const Candidates *found, uint64 first)
{
	int64 spans = 0;
	uint64 i = first;

	do
		spans += found->list[i++].spans;
	while (i < found->count && spans + found->list[i].spans / 2 < BLOCK_SPANS &&
		   i - first < INT_MAX / 2);
	return (int) (i - first);
}

static void
seal_all(Sealer *sealer, const Candidates *found)
{
	int count;

	for (uint64 first = 0; first < found->count; first += count)
	{
		MemoryContext caller;

		CHECK_FOR_INTERRUPTS();
		count = next_block(found, first);
		caller = MemoryContextSwitchTo(sealer->block);
		if (!lock_state(sealer->schema))
			ereport(ERROR,
					errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					errmsg("another session seals traces"),
					errhint("One session at a time is enough; try again when "
							"it is done."));
		seal_traces(sealer, &found->list[first], count);
		MemoryContextSwitchTo(caller);
		SPI_freetuptable(sealer->taken);
		MemoryContextReset(sealer->block);
		if (sealer->may_commit)
			SPI_commit();
	}
}

static void
check_rights(Oid schema)
{
	Oid log = get_relname_relid("distributed_trace_log", schema);

	if (check_enable_rls(log, InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("traces cannot be sealed under row level security"),
				errhint("Call trace_seal() as the owner of "
						"distributed_trace_log, or with BYPASSRLS."));
}

static Datum
before_now(const Interval *age)
{
	return DirectFunctionCall2(timestamptz_mi_interval,
							   TimestampTzGetDatum(GetCurrentTimestamp()),
							   IntervalPGetDatum(age));
}

/*
 * trace_seal(older_than interval, max_traces bigint,
 *			  incomplete_after interval)
 */
Datum
dt_trace_seal(PG_FUNCTION_ARGS)
{
	CallContext *call = (CallContext *) fcinfo->context;
	Sealer sealer = {
		.schema = calling_schema(fcinfo),
		.may_commit = call != NULL && IsA(call, CallContext) && !call->atomic,
	};
	Datum args[3];
	Candidates found;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("older_than and incomplete_after must not be null"));
	check_rights(sealer.schema);
	args[0] = before_now(PG_GETARG_INTERVAL_P(0));
	args[1] = before_now(PG_GETARG_INTERVAL_P(2));
	args[2] = PG_ARGISNULL(1) ? (Datum) 0 : PG_GETARG_DATUM(1);

	SPI_connect_ext(sealer.may_commit ? SPI_OPT_NONATOMIC : 0);
	sealer.block = AllocSetContextCreate(CurrentMemoryContext,
										 "distributed_trace sealing",
										 ALLOCSET_DEFAULT_SIZES);
	found = find_candidates(sealer.schema, args, !PG_ARGISNULL(1));
	if (sealer.may_commit)
		SPI_commit();
	seal_all(&sealer, &found);
	ereport(NOTICE,
			errmsg("sealed " UINT64_FORMAT " spans of " UINT64_FORMAT
				   " traces in " UINT64_FORMAT " blocks",
				   sealer.spans,
				   sealer.traces,
				   sealer.blocks));
	SPI_finish();
	return (Datum) 0;
}
