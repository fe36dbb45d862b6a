/*
 * Whole rows out of a block's three columns.
 *
 * A span's values lie in template order, so its number among the spans of its
 * template is counted up from the block's first span on; from there on every
 * read is a look into an array.
 */
#include "bitpack.h"
#include "tags_reader.h"

struct ArchiveRows
{
	ArchiveTagsReader *tags;
	const ArchiveShape *shape;
	const ArchiveIds *ids;
	ArchiveSpans spans;
	uint32_t trace;	   /* of the next row */
	uint32_t position; /* of it, in spans */
	uint32_t odd;	   /* twice: for its times, and for its parent */
	uint32_t parent_odd;
	const uint64_t *start_ns;
	const uint64_t *end_ns;
	const int64_t *row_ids;
	const int64_t *created;
	const int64_t *updated;
	uint32_t *ranks;		/* spans of each template that came before */
	uint32_t *first_value;	/* of each template, in first_values */
	uint32_t *first_values; /* by template and key: its first value */
	LogsReader logs;
	Bytes log_text;
	ArchiveItem *items;
	char id[ARCHIVE_ID_ROOM];
	char parent_id[ARCHIVE_ID_ROOM];
};

/* Where the values of each template begin in the columns of its keys. */
static bool
place_values(ArchiveRows *rows)
{
	ArchiveTagsReader *tags = rows->tags;
	uint32_t templates = rows->shape->template_count;
	uint32_t *next =
		archive_allocate(tags->host, tags->key_count, sizeof(uint32_t));
	size_t items = 0;
	uint32_t at = 0;

	for (uint32_t i = 0; i < templates; i++)
		items += tags->keyset_first[tags->keysets[i] + 1] -
				 tags->keyset_first[tags->keysets[i]];
	rows->first_value =
		archive_allocate(tags->host, templates, sizeof(uint32_t));
	rows->first_values = archive_allocate(tags->host, items, sizeof(uint32_t));
	if (next == NULL || rows->first_value == NULL || rows->first_values == NULL)
		return false;
	memset(next, 0, tags->key_count * sizeof(uint32_t));
	for (uint32_t i = 0; i < templates; i++)
	{
		uint32_t keyset = tags->keysets[i];
		uint32_t spans = tags->first_place[i + 1] - tags->first_place[i];

		host_poll(tags->host, i);
		rows->first_value[i] = at;
		for (uint32_t k = tags->keyset_first[keyset];
			 k < tags->keyset_first[keyset + 1];
			 k++)
		{
			rows->first_values[at++] = next[tags->keyset_keys[k]];
			next[tags->keyset_keys[k]] += spans;
		}
	}
	return true;
}

static bool
count_ranks(ArchiveRows *rows)
{
	const ArchiveTagsReader *tags = rows->tags;
	uint32_t templates = rows->shape->template_count;
	uint32_t longest = 0;

	rows->ranks = archive_allocate(tags->host, templates, sizeof(uint32_t));
	for (uint32_t i = 0; i < tags->keyset_count; i++)
	{
		uint32_t length = tags->keyset_first[i + 1] - tags->keyset_first[i];

		longest = length > longest ? length : longest;
	}
	rows->items = archive_allocate(tags->host, longest, sizeof(ArchiveItem));
	if (rows->ranks == NULL || rows->items == NULL)
		return false;
	memset(rows->ranks, 0, templates * sizeof(uint32_t));
	for (uint32_t i = 0; i < rows->spans.first; i++)
		rows->ranks[tags->of_span[i]]++;
	return true;
}

/* Nanoseconds of the spans that are read. */
static CoreStatus
get_nanoseconds(ArchiveRows *rows, uint32_t tag, const uint64_t **result,
				ArchiveFault *fault)
{
	uint32_t first = rows->spans.first;
	uint32_t count = rows->spans.count;
	uint64_t *values =
		archive_allocate(rows->tags->host, count, sizeof(uint64_t));
	CoreStatus status;

	if (values == NULL)
		return CORE_NO_MEMORY;
	status =
		shape_numbers(rows->shape, tag, first, first + count, values, fault);
	if (status != CORE_OK)
		return status;
	for (uint32_t i = 0; i < count; i++)
	{
		if (values[i] > UINT16_MAX)
			return stream_contradiction(
				&shape_reader(rows->shape)->streams, tag, fault);
	}
	*result = values;
	return CORE_OK;
}

/* Packed numbers of all spans of the block up to the last that is read. */
static CoreStatus
get_packed(ArchiveRows *rows, uint32_t tag, int64_t **result,
		   ArchiveFault *fault)
{
	ArchiveTagsReader *tags = rows->tags;
	uint32_t end = rows->spans.first + rows->spans.count;
	ByteReader bytes;
	CoreStatus status = stream_get(&tags->streams, tag, &bytes, fault);

	if (status != CORE_OK)
		return status;
	*result = archive_allocate(tags->host, end, sizeof(int64_t));
	if (*result == NULL)
		return CORE_NO_MEMORY;
	if (!bitpack_get(
			&bytes, rows->shape->span_count, 0, end, (uint64_t *) *result))
		return stream_contradiction(&tags->streams, tag, fault);
	return CORE_OK;
}

static CoreStatus
get_row_ids(ArchiveRows *rows, ArchiveFault *fault)
{
	uint32_t end = rows->spans.first + rows->spans.count;
	int64_t *ids;
	CoreStatus status = get_packed(rows, TAGS_ROW_IDS, &ids, fault);

	if (status != CORE_OK)
		return status;
	for (uint32_t i = 1; i < end; i++)
		ids[i] = wrapped_sum(ids[i - 1], ids[i]);
	rows->row_ids = ids + rows->spans.first;
	return CORE_OK;
}

/* The different times of creation. */
static CoreStatus
get_created_times(ArchiveRows *rows, int64_t **times, uint32_t *count,
				  ArchiveFault *fault)
{
	ArchiveTagsReader *tags = rows->tags;
	ByteReader bytes;
	int64_t last = 0;
	CoreStatus status =
		stream_get(&tags->streams, TAGS_CREATED_TIMES, &bytes, fault);

	if (status != CORE_OK)
		return status;
	*count = 0;
	*times = archive_allocate(tags->host, reader_left(&bytes), sizeof(int64_t));
	if (*times == NULL)
		return CORE_NO_MEMORY;
	while (reader_left(&bytes) > 0 && !bytes.failed)
	{
		last = wrapped_sum(last, reader_signed(&bytes));
		(*times)[(*count)++] = last;
	}
	return stream_done(&tags->streams, TAGS_CREATED_TIMES, &bytes, fault);
}

static CoreStatus
get_created(ArchiveRows *rows, ArchiveFault *fault)
{
	ArchiveTagsReader *tags = rows->tags;
	uint64_t *numbers;
	int64_t *created;
	int64_t *times;
	uint32_t count;
	CoreStatus status = get_created_times(rows, &times, &count, fault);

	if (status == CORE_OK)
		status = stream_get_numbers(&tags->streams,
									TAGS_CREATED,
									rows->shape->span_count,
									&numbers,
									fault);
	if (status != CORE_OK)
		return status;
	created = archive_allocate(tags->host, rows->spans.count, sizeof(int64_t));
	if (created == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < rows->spans.count; i++)
	{
		uint64_t number = numbers[rows->spans.first + i];

		if (number >= count)
			return stream_contradiction(
				&tags->streams, TAGS_CREATED_TIMES, fault);
		created[i] = times[number];
	}
	rows->created = created;
	return CORE_OK;
}

static CoreStatus
get_numbers(ArchiveRows *rows, ArchiveFault *fault)
{
	int64_t *updated;
	CoreStatus status =
		get_nanoseconds(rows, SHAPE_START_NS, &rows->start_ns, fault);

	if (status == CORE_OK)
		status = get_nanoseconds(rows, SHAPE_END_NS, &rows->end_ns, fault);
	if (status == CORE_OK)
		status = get_row_ids(rows, fault);
	if (status == CORE_OK)
		status = get_created(rows, fault);
	if (status == CORE_OK)
		status = get_packed(rows, TAGS_UPDATED, &updated, fault);
	if (status == CORE_OK)
		rows->updated = updated + rows->spans.first;
	return status;
}

CoreStatus
archive_rows_open(ArchiveTagsReader *tags, const ArchiveIds *ids, uint32_t from,
				  uint32_t to, ArchiveRows **result, ArchiveFault *fault)
{
	ArchiveRows *rows = tags->host->allocate(tags->host, sizeof(ArchiveRows));
	CoreStatus status;

	if (rows == NULL)
		return CORE_NO_MEMORY;
	*rows = (ArchiveRows){
		.tags = tags,
		.shape = tags->shape,
		.ids = ids,
		.trace = from,
		.log_text.host = tags->host,
	};
	*result = rows;
	status = archive_shape_spans(tags->shape, from, to, &rows->spans, fault);
	if (status != CORE_OK)
		return status;
	if (!place_values(rows) || !count_ranks(rows))
		return CORE_NO_MEMORY;
	status = get_numbers(rows, fault);
	if (status != CORE_OK)
		return status;
	return logs_open(&rows->logs,
					 &tags->streams,
					 tags->shape->span_count,
					 tags->key_count,
					 fault);
}

/* The attributes of a span with this template, the rank-th of those. */
static CoreStatus
fill_items(ArchiveRows *rows, uint32_t template, uint32_t rank, ArchiveRow *row,
		   ArchiveFault *fault)
{
	ArchiveTagsReader *tags = rows->tags;
	uint32_t keyset = tags->keysets[template];
	uint32_t from = tags->keyset_first[keyset];
	uint32_t constant = tags->first_constant[template];
	const uint32_t *firsts = rows->first_values + rows->first_value[template];

	row->item_count = tags->keyset_first[keyset + 1] - from;
	row->items = rows->items;
	for (uint32_t i = 0; i < row->item_count; i++)
	{
		uint32_t key = tags->keyset_keys[from + i];
		ArchiveItem *item = &rows->items[i];
		const Column *column;
		CoreStatus status;

		*item = tags_item(&tags->keys[key]);
		if (item->is_constant)
			tags_constant(tags, tags->constant_numbers[constant++], item);
		if (!key_has_column(item->type, item->is_constant))
			continue;
		status = tags_column_open(tags, key, &column, fault);
		if (status != CORE_OK)
			return status;
		tags_value(column, firsts[i] + rank, item);
	}
	return CORE_OK;
}

static void
fill_parent(ArchiveRows *rows, uint32_t parent, ArchiveRow *row)
{
	const ArchiveSpans *spans = &rows->spans;
	const ArchiveOdd *odd = shape_odd(spans->odds,
									  spans->odd_count,
									  &rows->parent_odd,
									  spans->first + rows->position - 1);

	if (parent != SPAN_TREE_NONE)
		row->parent_span_id =
			archive_span_id(rows->ids, parent, rows->parent_id);
	else if (odd != NULL && (odd->has & ODD_PARENT))
		row->parent_span_id = odd->parent_span_id;
	if (odd != NULL && (odd->has & ODD_DURATION))
		row->duration_text = odd->text;
}

static void
fill_span(ArchiveRows *rows, uint32_t i, const ArchiveSpan *span,
		  ArchiveRow *row)
{
	const ArchiveTemplate *template = span->template;

	*row = (ArchiveRow){
		.id = rows->row_ids[i],
		.span_id = archive_span_id(rows->ids, rows->spans.first + i, rows->id),
		.service_name = template->service_name,
		.operation = template->operation,
		.start_time = span->start_time,
		.end_time = span->end_time,
		.has_end = span->has_end,
		.is_error = template->is_error,
		.is_async = template->is_async,
		.kind = template->kind,
		.duration_form = span->duration_form,
		.duration = span->duration,
		.start_ns = (uint16_t) rows->start_ns[i],
		.end_ns = (uint16_t) rows->end_ns[i],
		.tags_form = template->tags_form,
		.created_at = rows->created[i],
		.updated_at = wrapped_sum(rows->created[i], rows->updated[i]),
	};
	fill_parent(rows, span->parent, row);
}

CoreStatus
archive_rows_next(ArchiveRows *rows, uint32_t *trace, ArchiveRow *row,
				  bool *more, ArchiveFault *fault)
{
	const ArchiveShape *shape = rows->shape;
	uint32_t i = rows->position;
	uint32_t template;
	uint32_t rank;
	ArchiveSpan span;
	CoreStatus status;

	*more = archive_spans_next(
		shape, &rows->spans, &rows->position, &rows->odd, &span);
	if (!*more)
		return CORE_OK;
	host_poll(rows->tags->host, i);
	while (rows->spans.first + i >= shape->first[rows->trace + 1])
		rows->trace++;
	*trace = rows->trace;
	template = rows->spans.templates[i];
	rank = rows->ranks[template]++;
	fill_span(rows, i, &span, row);
	status = fill_items(rows, template, rank, row, fault);
	if (status != CORE_OK)
		return status;
	return logs_get(&rows->logs,
					rows->tags->first_place[template] + rank,
					logs_start(row->start_time, row->start_ns),
					&rows->log_text,
					&row->logs,
					fault);
}
