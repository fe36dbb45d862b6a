/*
 * Collecting decoded spans, and the words for those that were refused.
 */
#include "postgres.h"

#include "compat.h"
#include "store/span_batch.h"
#include "store/trace_ids.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

/* rejections that are named in the message; the rest is counted */
#define REJECTIONS_NAMED 5

#define BATCH_START_CAPACITY 64

/* an index on (service_name, ...) takes up to 2700 bytes */
#define SERVICE_NAME_MAX 2048

SpanBatch *
span_batch_create(void)
{
	SpanBatch *batch = palloc0(sizeof(SpanBatch));

	batch->context = CurrentMemoryContext;
	batch->capacity = BATCH_START_CAPACITY;
	batch->rows = palloc(batch->capacity * sizeof(SpanRow));
	initStringInfo(&batch->message);
	return batch;
}

SpanRow *
span_batch_add(SpanBatch *batch)
{
	SpanRow *row;

	if (batch->count == batch->capacity)
	{
		batch->capacity *= 2;
		batch->rows =
			repalloc_huge(batch->rows, batch->capacity * sizeof(SpanRow));
	}
	row = &batch->rows[batch->count++];
	memset(row, 0, sizeof(SpanRow));
	row->reports = 1;
	return row;
}

const char *
service_name_fault(const text *name)
{
	return VARSIZE(name) - VARHDRSZ > SERVICE_NAME_MAX
			   ? "service name is longer than 2048 bytes"
			   : NULL;
}

void
span_batch_reject(SpanBatch *batch, const char *which, const char *reason)
{
	if (batch->rejected++ >= REJECTIONS_NAMED)
		return;
	if (batch->message.len > 0)
		appendStringInfoString(&batch->message, "; ");
	if (which != NULL)
		appendStringInfo(&batch->message, "span %s: %s", which, reason);
	else
		appendStringInfo(&batch->message, "span without id: %s", reason);
}

void
span_batch_reject_id(SpanBatch *batch, const text *span_id, const char *reason)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->context);
	int length = span_id == NULL ? 0 : VARSIZE(span_id) - VARHDRSZ;
	char *which = NULL;

	if (length > 0)
	{
		/* no longer than ids may be */
		length = pg_mbcliplen(VARDATA(span_id), length, ID_MAX_LENGTH);
		which = pnstrdup(VARDATA(span_id), length);
	}
	span_batch_reject(batch, which, reason);
	MemoryContextSwitchTo(caller);
}

void
span_batch_note(SpanBatch *batch, const char *note)
{
	if (batch->note == NULL)
		batch->note = MemoryContextStrdup(batch->context, note);
}

char *
span_batch_message(SpanBatch *batch)
{
	StringInfoData message;

	if (batch->rejected == 0 && batch->note == NULL)
		return NULL;
	initStringInfo(&message);
	appendStringInfoString(&message, batch->message.data);
	if (batch->rejected > REJECTIONS_NAMED)
		appendStringInfo(&message,
						 "; and " INT64_FORMAT " more",
						 batch->rejected - REJECTIONS_NAMED);
	if (batch->note != NULL)
		appendStringInfo(
			&message, "%s%s", message.len > 0 ? "; " : "", batch->note);
	return message.data;
}
