/*
 * Collecting decoded spans, and the words for those that were refused.
 */
#include "postgres.h"

#include "record/span_batch.h"

#include "utils/memutils.h"

/* rejections that are named in the message; the rest is counted */
#define REJECTIONS_NAMED 5

#define BATCH_START_CAPACITY 64

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
	return row;
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

char *
span_batch_message(SpanBatch *batch)
{
	if (batch->rejected == 0)
		return NULL;
	if (batch->rejected > REJECTIONS_NAMED)
		return psprintf("%s; and " INT64_FORMAT " more",
						batch->message.data,
						batch->rejected - REJECTIONS_NAMED);
	return batch->message.data;
}
