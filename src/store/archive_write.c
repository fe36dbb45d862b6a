/*
 * Writing blocks of the archive: see archive_write.h.
 */
#include "postgres.h"

#include "compat.h"
#include "core/archive/crc32c.h"
#include "core/path/critical_path.h"
#include "core/tree/summary.h"
#include "server/query.h"
#include "server/server_host.h"
#include "store/archive_write.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/*
 * Partitions
 */

static char *
date_text(DateADT day)
{
	return DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(day)));
}

static void
execute(const char *statement)
{
	int code = SPI_execute(statement, false, 0);

	if (code < 0)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(code));
}

/* Made apart and then attached, which readers of the others do not wait for. */
void
archive_make_partition(Oid schema, DateADT day)
{
	int year;
	int month;
	int mday;
	char *name;
	char *table;
	const char *parent = qualified_name(schema, "distributed_trace_archive");

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	name =
		psprintf("distributed_trace_archive_%04d%02d%02d", year, month, mday);
	if (OidIsValid(get_relname_relid(name, schema)))
		return;
	table = qualified_name(schema, name);
	execute(psprintf("CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING "
					 "STORAGE INCLUDING COMMENTS, CHECK (day >= '%s' AND day < "
					 "'%s')) WITH (fillfactor = 80)",
					 table,
					 parent,
					 date_text(day),
					 date_text(day + 1)));
	execute(psprintf("CREATE UNIQUE INDEX ON %s (block)", table));
	execute(psprintf("CREATE INDEX ON %s USING gin (trace_hashes) WITH "
					 "(fastupdate = off)",
					 table));
	execute(psprintf(
		"ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM ('%s') TO ('%s')",
		parent,
		table,
		date_text(day),
		date_text(day + 1)));
}

/*
 * Blocks
 */

enum
{
	ARG_DAY,
	ARG_MIN_START,
	ARG_MAX_START,
	ARG_MAX_END,
	ARG_TRACES,
	ARG_SPANS,
	ARG_ERRORS,
	ARG_MAX_DURATION,
	ARG_MAX_TRACE,
	ARG_HASHES,
	ARG_KEPT,
	ARG_SHAPE,
	ARG_IDS,
	ARG_TAGS,
	ARG_COUNT,
};

static SavedQuery insert_query = {
	.text = "INSERT INTO %s.distributed_trace_archive (day, min_start, "
			"max_start, max_end, trace_count, span_count, error_count, "
			"max_duration_us, max_trace_us, trace_hashes, kept, shape, ids, "
			"tags) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
			"$13, $14)",
	.arg_count = ARG_COUNT,
	.arg_types = {DATEOID,
				  TIMESTAMPTZOID,
				  TIMESTAMPTZOID,
				  TIMESTAMPTZOID,
				  INT4OID,
				  INT4OID,
				  INT4OID,
				  INT8OID,
				  INT8OID,
				  INT4ARRAYOID,
				  BYTEAOID,
				  BYTEAOID,
				  BYTEAOID,
				  BYTEAOID},
};

static void
check_status(CoreStatus status)
{
	if (status == CORE_TOO_LARGE)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("trace is too large for the archive"));
	if (status == CORE_NO_MEMORY)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
	if (status != CORE_OK)
		elog(ERROR, "the archive refused a trace: status %d", status);
}

static Datum
bytes_datum(ArchiveBytes bytes)
{
	bytea *value = palloc(bytes.length + VARHDRSZ);

	SET_VARSIZE(value, bytes.length + VARHDRSZ);
	memcpy(VARDATA(value), bytes.data, bytes.length);
	return PointerGetDatum(value);
}

static KeptTrace
summarize(const SpanTree *tree)
{
	CriticalPathOptions options = CRITICAL_PATH_DEFAULTS;
	TraceSummary summary;
	CriticalPath path;
	KeptTrace kept;

	check_status(summarize_trace(server_host(), tree, &summary));
	check_status(critical_path_find(server_host(), tree, &options, &path));
	kept = (KeptTrace){
		.has_times = summary.has_times,
		.is_complete = summary.is_complete,
		.start_time = summary.start_time,
		.end_time = summary.end_time,
		.critical = path.counts.total,
		.span_count = summary.span_count,
		.error_count = summary.error_count,
		.service_count = summary.service_count,
		.orphan_count = summary.orphan_count,
	};
	if (summary.root != SPAN_TREE_NONE)
	{
		const SpanNode *root = &span_tree_nodes(tree)[summary.root];

		kept.root_service = span_tree_string(tree, root->service_name);
		kept.root_operation = span_tree_string(tree, root->operation);
	}
	return kept;
}

/* Fills in what is known of the traces without the block. */
static void
keep_traces(const SealedTrace *traces, int count, Datum *args)
{
	KeptTrace *kept = palloc(count * sizeof(KeptTrace));
	Datum *hashes = palloc(count * sizeof(Datum));
	int64 longest = 0;
	ArchiveBytes bytes;

	for (int i = 0; i < count; i++)
	{
		Slice id = traces[i].trace_id;

		CHECK_FOR_INTERRUPTS();
		kept[i] = summarize(traces[i].tree);
		longest =
			Max(longest, time_difference(kept[i].end_time, kept[i].start_time));
		hashes[i] = Int32GetDatum(
			(int32) crc32c(0, (const uint8 *) id.data, id.length));
	}
	check_status(kept_write(server_host(), kept, count, &bytes));
	args[ARG_KEPT] = bytes_datum(bytes);
	args[ARG_MAX_TRACE] = Int64GetDatum(longest);
	args[ARG_HASHES] = PointerGetDatum(
		construct_array(hashes, count, INT4OID, sizeof(int32), true, 'i'));
}

static ArchiveBlock
encode(const SealedTrace *traces, int count)
{
	ArchiveWriter *writer = archive_writer_create(
		server_host(), archive_shared_codecs(), ARCHIVE_ZSTD);
	ArchiveBlock block;

	if (writer == NULL)
		check_status(CORE_NO_MEMORY);
	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		check_status(
			archive_writer_add(writer, traces[i].tree, traces[i].rows));
	}
	check_status(archive_writer_finish(writer, &block));
	return block;
}

void
archive_write_block(Oid schema, const SealedTrace *traces, int count)
{
	ArchiveBlock block = encode(traces, count);
	Datum args[ARG_COUNT];

	keep_traces(traces, count, args);
	args[ARG_DAY] = DateADTGetDatum(traces[0].day);
	args[ARG_MIN_START] = TimestampTzGetDatum(block.min_start);
	args[ARG_MAX_START] = TimestampTzGetDatum(block.max_start);
	args[ARG_MAX_END] = TimestampTzGetDatum(block.max_end);
	args[ARG_TRACES] = Int32GetDatum(block.trace_count);
	args[ARG_SPANS] = Int32GetDatum(block.span_count);
	args[ARG_ERRORS] = Int32GetDatum(block.error_count);
	args[ARG_MAX_DURATION] = Int64GetDatum(block.max_duration);
	for (int i = 0; i < 3; i++)
		args[ARG_SHAPE + i] =
			bytes_datum((ArchiveBytes){block.columns[i], block.lengths[i]});
	query_run(&insert_query, schema, args, false, NULL);
}

/*
 * State
 */

static SavedQuery advance_query = {
	.text = "UPDATE %s.distributed_trace_archive_state s SET "
			"sealed_until = GREATEST(s.sealed_until, $1), "
			"longest_trace = GREATEST(s.longest_trace, "
			"pg_catalog.make_interval(secs => $2)) "
			"WHERE s.sealed_until OPERATOR(pg_catalog.<) $1 "
			"OR s.longest_trace OPERATOR(pg_catalog.<) "
			"pg_catalog.make_interval(secs => $2)",
	.arg_count = 2,
	.arg_types = {TIMESTAMPTZOID, FLOAT8OID},
};

void
archive_advance(Oid schema, TimestampTz sealed_until, int64 longest_trace)
{
	/* a second more than it is: no fraction is lost */
	Datum args[2] = {
		TimestampTzGetDatum(sealed_until),
		Float8GetDatum((double) (longest_trace / USECS_PER_SEC) + 1)};

	if (query_run(&advance_query, schema, args, false, NULL) > 0)
		CacheInvalidateRelcacheByRelid(
			get_relname_relid("distributed_trace_archive", schema));
}

static SavedQuery gone_query = {
	.text = "UPDATE %s.distributed_trace_archive a SET "
			"gone = pg_catalog.array_append(a.gone, $3) "
			"WHERE a.day OPERATOR(pg_catalog.=) $1 "
			"AND a.block OPERATOR(pg_catalog.=) $2",
	.arg_count = 3,
	.arg_types = {DATEOID, INT8OID, INT4OID},
};

void
archive_mark_gone(Oid schema, const OpenBlock *block, uint32 trace)
{
	Datum args[3] = {DateADTGetDatum(block->day),
					 Int64GetDatum(block->number),
					 Int32GetDatum((int32) trace + 1)};

	/* a level of its own: that of a query which gives blocks may be running */
	SPI_connect();
	query_run(&gone_query, schema, args, false, NULL);
	SPI_finish();
}
