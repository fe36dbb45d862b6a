/*
 * Filling an open SpanTree from SQL's values: see open_tree.h.
 *
 * Infinite times count as unknown: nothing can be drawn or measured with them.
 */
#include "postgres.h"

#include "compat.h"
#include "server/numeric_reader.h"
#include "server/server_host.h"
#include "store/open_tree.h"
#include "store/reported.h"
#include "store/tag_readers.h"

#include "common/int.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#define OPEN_TREE_START_SIZE 512

static SpanTree *
resize(SpanTree *tree, size_t size)
{
	SpanTree *larger = palloc(size);
	size_t used = tree == NULL ? sizeof(SpanTree) : tree->used;

	if (tree != NULL)
		memcpy(larger, tree, tree->used);
	else
		memset(larger, 0, sizeof(SpanTree));
	/* a state may be stored and sent, its room to grow included */
	memset((char *) larger + used, 0, size - used);
	SET_VARSIZE(larger, size);
	return larger;
}

static size_t
next_capacity(size_t capacity, size_t needed)
{
	while (capacity < needed)
		capacity *= 2;
	return Min(capacity, SPAN_TREE_MAX_SIZE);
}

static void
check_same_trace(const SpanTree *tree, Slice trace_id)
{
	Slice ours = span_tree_trace_id(tree);

	if (!slice_equal(ours, trace_id))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("spans of more than one trace cannot form one tree"),
				errdetail("There are spans of trace \"%.*s\" and of trace "
						  "\"%.*s\".",
						  (int) ours.length,
						  ours.data,
						  (int) trace_id.length,
						  trace_id.length > 0 ? trace_id.data : ""),
				errhint("Add GROUP BY trace_id, or a filter on one trace."));
}

/* An end that only the duration tells must be a time that SQL can show. */
static Span
with_valid_reach(const Span *span)
{
	Span valid = *span;

	if ((span->flags & (SPAN_HAS_START | SPAN_HAS_DURATION)) ==
			(SPAN_HAS_START | SPAN_HAS_DURATION) &&
		!IS_VALID_TIMESTAMP(time_sum(span->start_time, span->duration)))
		valid.flags &= ~SPAN_HAS_DURATION;
	return valid;
}

SpanTree *
open_tree_add(SpanTree *tree, Slice trace_id, const Span *given)
{
	Span valid = with_valid_reach(given);
	const Span *span = &valid;
	size_t needed;

	if (tree == NULL)
	{
		needed = span_tree_open_size(trace_id, span);
		if (needed <= SPAN_TREE_MAX_SIZE)
		{
			tree = resize(NULL, next_capacity(OPEN_TREE_START_SIZE, needed));
			span_tree_open(tree, trace_id);
		}
	}
	else
	{
		check_same_trace(tree, trace_id);
		needed = tree->used + span_tree_span_size(span);
		if (needed > VARSIZE(tree) && needed <= SPAN_TREE_MAX_SIZE)
			tree = resize(tree, next_capacity(VARSIZE(tree), needed));
	}
	if (needed > SPAN_TREE_MAX_SIZE)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("trace \"%.*s\" is too large",
					   (int) trace_id.length,
					   trace_id.data),
				errdetail("A span_tree is limited to 1 GB."));
	span_tree_add(tree, span);
	return tree;
}

void
span_set_start(Span *span, Datum start_time, bool is_null)
{
	TimestampTz time = DatumGetTimestampTz(start_time);

	if (is_null || TIMESTAMP_NOT_FINITE(time))
		return;
	span->start_time = time;
	span->flags |= SPAN_HAS_START;
}

void
span_set_end(Span *span, Datum end_time, bool is_null)
{
	TimestampTz time = DatumGetTimestampTz(end_time);

	if (is_null || TIMESTAMP_NOT_FINITE(time))
		return;
	span->end_time = time;
	span->flags |= SPAN_HAS_END;
}

void
span_set_duration(Span *span, Datum duration_ms, bool is_null)
{
	int64 us;

	/* beyond that distributed_trace_log could not hold it either */
	if (is_null ||
		!numeric_ms_to_us((Numeric) PG_DETOAST_DATUM_PACKED(duration_ms),
						  &us) ||
		us > MAX_DURATION_US || us < -MAX_DURATION_US)
		return;
	span->duration = us;
	span->flags |= SPAN_HAS_DURATION;
}

/* Times that recording made up are none here; what was reported of them still
 * tells how long the span took. */
static void
forget_placed_times(Span *span, Jsonb *tags)
{
	bool end_too;
	Reported reported;
	int64 us;

	if (!reports_times(tags, &end_too))
		return;
	span->flags &= ~SPAN_HAS_START;
	if (!end_too)
		return;
	span->flags &= ~SPAN_HAS_END;
	reported = read_reported(tags);
	if (!pg_sub_s64_overflow(reported.end_us, reported.start_us, &us) &&
		us <= MAX_DURATION_US && us >= -MAX_DURATION_US)
	{
		span->duration = us;
		span->flags |= SPAN_HAS_DURATION;
	}
}

static void
set_tags(Span *span, Slice trace_id, Jsonb *tags)
{
	bool is_error;

	span->kind = tags_read(tags, &is_error);
	if (is_error)
		span->flags |= SPAN_IS_ERROR;
	if (tags_follow_parent(tags, trace_id, span->parent_span_id))
		span->flags |= SPAN_IS_ASYNC;
	forget_placed_times(span, tags);
}

void
span_set_tags(Span *span, Slice trace_id, Datum tags, bool is_null)
{
	Jsonb *value;

	if (is_null)
		return;
	value = DatumGetJsonbP(tags);
	set_tags(span, trace_id, value);
	if ((Pointer) value != DatumGetPointer(tags))
		pfree(value);
}

Span
span_of_row(const SpanRow *row)
{
	Span span = {
		.span_id = text_slice(row->span_id),
		.parent_span_id = text_slice(row->parent_span_id),
		.service_name = text_slice(row->service_name),
		.operation = text_slice(row->operation),
		.start_time = row->start_time,
		.end_time = row->end_time,
		.duration = row->duration,
	};

	if (!TIMESTAMP_NOT_FINITE(row->start_time))
		span.flags |= SPAN_HAS_START;
	if (row->is_finished && !TIMESTAMP_NOT_FINITE(row->end_time))
		span.flags |= SPAN_HAS_END;
	/* beyond that distributed_trace_log could not hold it either */
	if (row->has_duration && row->duration <= MAX_DURATION_US &&
		row->duration >= -MAX_DURATION_US)
		span.flags |= SPAN_HAS_DURATION;
	if (row->tags != NULL)
		set_tags(&span, text_slice(row->trace_id), row->tags);
	return span;
}

void
check_core_status(CoreStatus status)
{
	switch (status)
	{
		case CORE_OK:
			return;
		case CORE_NO_MEMORY:
			ereport(
				ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
			break;
		case CORE_TOO_LARGE:
			ereport(ERROR,
					errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					errmsg("trace is too large"),
					errdetail("A span_tree is limited to 1 GB."));
			break;
		case CORE_MALFORMED:
			ereport(ERROR,
					errcode(ERRCODE_DATA_CORRUPTED),
					errmsg("span_tree is malformed"));
			break;
	}
}

/* The work space is left to the current context: freeing and getting it again
 * costs more than all of the building. */
SpanTree *
build_tree(const SpanTree *open)
{
	SpanTree *built;

	check_core_status(span_tree_build(server_host(), open, &built));
	SET_VARSIZE(built, built->used);
	return built;
}
