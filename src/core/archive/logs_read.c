/*
 * Reading the logs: see log_text.h for how each was taken apart.
 */
#include "log_text.h"
#include "tags.h"

static uint32_t
holes_of(Slice skeleton)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < skeleton.length; i++)
		count += (uint8_t) skeleton.data[i] <= LOG_LAST_HOLE;
	return count;
}

static CoreStatus
get_skeletons(LogsReader *logs, ArchiveFault *fault)
{
	Host *host = logs->streams->host;
	ByteReader bytes;
	uint32_t holes = 0;
	CoreStatus status =
		stream_get(logs->streams, TAGS_SKELETONS, &bytes, fault);

	if (status != CORE_OK)
		return status;
	logs->skeleton_count = reader_count(&bytes, reader_left(&bytes));
	logs->skeletons =
		archive_allocate(host, logs->skeleton_count, sizeof(Slice));
	logs->first_hole = archive_allocate(
		host, (size_t) logs->skeleton_count + 1, sizeof(uint32_t));
	if (logs->skeletons == NULL || logs->first_hole == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < logs->skeleton_count; i++)
	{
		host_poll(host, i);
		logs->skeletons[i] = reader_slice(&bytes);
		logs->first_hole[i] = holes;
		if (!bytes.failed)
			holes += holes_of(logs->skeletons[i]);
		/* also so that columns can be numbered */
		if (holes > ARCHIVE_MAX_ITEMS)
			bytes.failed = true;
	}
	logs->first_hole[logs->skeleton_count] = holes;
	return stream_done(logs->streams, TAGS_SKELETONS, &bytes, fault);
}

static CoreStatus
rank_logs(LogsReader *logs, uint32_t span_count, ArchiveFault *fault)
{
	Host *host = logs->streams->host;
	uint32_t holes = logs->first_hole[logs->skeleton_count];

	logs->ranks = archive_allocate(host, span_count, sizeof(uint32_t));
	logs->counts =
		archive_allocate(host, logs->skeleton_count, sizeof(uint32_t));
	logs->columns = archive_allocate(host, holes, sizeof(Column));
	logs->is_open = archive_allocate(host, holes, sizeof(bool));
	if (logs->ranks == NULL || logs->counts == NULL || logs->columns == NULL ||
		logs->is_open == NULL)
		return CORE_NO_MEMORY;
	memset(logs->is_open, 0, holes);
	memset(logs->counts, 0, logs->skeleton_count * sizeof(uint32_t));
	for (uint32_t i = 0; i < span_count; i++)
	{
		uint64_t form = logs->forms[i];

		if (form > logs->skeleton_count)
			return stream_contradiction(logs->streams, TAGS_SKELETONS, fault);
		if (form > 0)
			logs->ranks[i] = logs->counts[form - 1]++;
	}
	return CORE_OK;
}

CoreStatus
logs_open(LogsReader *logs, StreamReader *streams, uint32_t span_count,
		  uint32_t first_column, ArchiveFault *fault)
{
	uint64_t *forms;
	ByteReader skeletons;
	CoreStatus status = stream_get(streams, TAGS_SKELETONS, &skeletons, fault);

	*logs = (LogsReader){.streams = streams, .first_column = first_column};
	if (status != CORE_OK || reader_left(&skeletons) == 0)
		return status;
	status = stream_get_numbers(streams, TAGS_LOGS, span_count, &forms, fault);
	if (status != CORE_OK)
		return status;
	logs->forms = forms;
	status = get_skeletons(logs, fault);
	return status == CORE_OK ? rank_logs(logs, span_count, fault) : status;
}

static CoreStatus
open_hole(LogsReader *logs, uint32_t number, uint8_t kind, uint32_t count,
		  ArchiveFault *fault)
{
	uint32_t tag = tags_column(logs->first_column + number);
	Column *column = &logs->columns[number];
	CoreStatus status;

	if (logs->is_open[number])
		return CORE_OK;
	if (kind == LOG_STRING)
		status = column_get_strings(logs->streams, tag, count, column, fault);
	else
		status = column_get_integers(logs->streams, tag, count, column, fault);
	logs->is_open[number] = status == CORE_OK;
	return status;
}

static CoreStatus
put_hole(LogsReader *logs, uint32_t skeleton, uint32_t hole, uint8_t kind,
		 uint32_t rank, int64_t start_ns, Bytes *text, ArchiveFault *fault)
{
	uint32_t number = logs->first_hole[skeleton] + hole;
	CoreStatus status =
		open_hole(logs, number, kind, logs->counts[skeleton], fault);
	const Column *column = &logs->columns[number];
	LogHole value = {0};

	if (status != CORE_OK)
		return status;
	if (kind == LOG_STRING)
		value.text = column_string(column, rank);
	else
		value.number = column_integer(column, rank);
	if (kind == LOG_TIME)
		value.number = wrapped_sum(value.number, start_ns);
	log_text_put(text, kind, &value);
	return text->status;
}

CoreStatus
logs_get(LogsReader *logs, uint32_t place, int64_t start_ns, Bytes *text,
		 Slice *result, ArchiveFault *fault)
{
	uint32_t skeleton;
	uint32_t hole = 0;
	Slice form;
	CoreStatus status = CORE_OK;

	*result = (Slice){NULL, 0};
	if (logs->forms == NULL || logs->forms[place] == 0)
		return CORE_OK;
	skeleton = (uint32_t) logs->forms[place] - 1;
	form = logs->skeletons[skeleton];
	text->used = 0;
	for (uint32_t i = 0; i < form.length && status == CORE_OK; i++)
	{
		uint8_t byte = (uint8_t) form.data[i];

		if (byte > LOG_LAST_HOLE)
			bytes_put_byte(text, byte);
		else
			status = put_hole(logs,
							  skeleton,
							  hole++,
							  byte,
							  logs->ranks[place],
							  start_ns,
							  text,
							  fault);
	}
	if (status != CORE_OK)
		return status;
	*result = text->used > 0 ? bytes_slice(text) : SLICE_LITERAL("");
	return text->status;
}
