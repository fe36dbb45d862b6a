/*
 * What imports of other formats than OTLP have in common: see import_rows.h.
 */
#include "postgres.h"

#include "compat.h"
#include "record/import_rows.h"
#include "record/trace_ids.h"

#include "common/int.h"
#include "mb/pg_wchar.h"
#include "utils/timestamp.h"

#define UNIX_EPOCH_IN_SERVER_TIME                                              \
	(-(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

/* what numeric(16,3) milliseconds can hold: 317 years */
#define MAX_DURATION (INT64CONST(10000000000000000) - 1)

/* an index on (service_name, ...) takes up to 2700 bytes */
#define SERVICE_NAME_MAX 2048

bool
unix_to_timestamp(int64 microseconds, TimestampTz *time)
{
	return !pg_add_s64_overflow(
			   microseconds, UNIX_EPOCH_IN_SERVER_TIME, time) &&
		   IS_VALID_TIMESTAMP(*time);
}

bool
finish_row(SpanRow *row, TimestampTz start, int64 duration)
{
	if (duration > MAX_DURATION || duration < -MAX_DURATION ||
		pg_add_s64_overflow(start, duration, &row->end_time) ||
		!IS_VALID_TIMESTAMP(row->end_time))
		return false;
	row->start_time = start;
	row->duration = duration;
	row->is_finished = true;
	return true;
}

static void *
copy_varlena(const void *value)
{
	void *copy;

	if (value == NULL)
		return NULL;
	copy = palloc(VARSIZE(value));
	memcpy(copy, value, VARSIZE(value));
	return copy;
}

/* An id as words of a message, cut to a length that ids may have; NULL if
 * there is none. */
static char *
id_for_message(const text *id)
{
	int length = id == NULL ? 0 : VARSIZE(id) - VARHDRSZ;

	if (length == 0)
		return NULL;
	length = pg_mbcliplen(VARDATA(id), length, ID_MAX_LENGTH);
	return pnstrdup(VARDATA(id), length);
}

void
reject_span(SpanBatch *batch, const text *span_id, const char *reason)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->context);

	span_batch_reject(
		batch, span_id == NULL ? NULL : id_for_message(span_id), reason);
	MemoryContextSwitchTo(caller);
}

void
add_row_copy(SpanBatch *batch, const SpanRow *row)
{
	MemoryContext caller;
	SpanRow *copy;

	if (VARSIZE(row->service_name) - VARHDRSZ > SERVICE_NAME_MAX)
	{
		reject_span(
			batch, row->span_id, "service name is longer than 2048 bytes");
		return;
	}
	caller = MemoryContextSwitchTo(batch->context);
	copy = span_batch_add(batch);
	*copy = *row;
	copy->trace_id = copy_varlena(row->trace_id);
	copy->span_id = copy_varlena(row->span_id);
	copy->parent_span_id = copy_varlena(row->parent_span_id);
	copy->service_name = copy_varlena(row->service_name);
	copy->operation = copy_varlena(row->operation);
	copy->tags = copy_varlena(row->tags);
	copy->logs = copy_varlena(row->logs);
	MemoryContextSwitchTo(caller);
}
