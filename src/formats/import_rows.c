/*
 * What imports of other formats than OTLP have in common: see import_rows.h.
 */
#include "postgres.h"

#include "formats/import_rows.h"
#include "server/values.h"
#include "store/span_times.h"

bool
finish_row(SpanRow *row, TimestampTz start, int64 duration)
{
	if (!is_storable_duration(duration) ||
		pg_add_s64_overflow(start, duration, &row->end_time) ||
		!IS_VALID_TIMESTAMP(row->end_time))
		return false;
	row->start_time = start;
	row->duration = duration;
	row->is_finished = true;
	row->has_duration = true;
	return true;
}

void
add_row_copy(SpanBatch *batch, const SpanRow *row)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->context);
	SpanRow *copy;

	copy = span_batch_add(batch);
	*copy = *row;
	copy->reports = 1;
	copy->trace_id = copy_value(row->trace_id);
	copy->span_id = copy_value(row->span_id);
	copy->parent_span_id = copy_value(row->parent_span_id);
	copy->service_name = copy_value(row->service_name);
	copy->operation = copy_value(row->operation);
	copy->tags = copy_value(row->tags);
	copy->logs = copy_value(row->logs);
	MemoryContextSwitchTo(caller);
}
