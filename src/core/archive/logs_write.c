/*
 * Writing the logs: see log_text.h for how each is taken apart.
 */
#include "dictionary.h"
#include "log_text.h"
#include "tags.h"

/* A log taken apart. */
typedef struct Log
{
	uint32_t skeleton;
	LogHole *holes;
} Log;

struct Logs
{
	Host *host;
	StreamWriter *writer;
	Log *logs;
	uint32_t count;
	Dictionary skeletons;
	LogText text;
};

static bool
fail(Logs *logs)
{
	logs->writer->status = CORE_NO_MEMORY;
	return false;
}

/* When there are too many skeletons already, a log is one hole. */
static bool
take_apart(Logs *logs, const ArchiveRow *row)
{
	Log *log = &logs->logs[logs->count];
	size_t size;

	log_text_split(&logs->text, row->logs);
	log->skeleton = dictionary_add_copy(&logs->skeletons,
										bytes_slice(&logs->text.skeleton));
	if (log->skeleton == DICTIONARY_FULL)
	{
		log_text_whole(&logs->text, row->logs);
		log->skeleton = 0;
	}
	size = logs->text.hole_count * sizeof(LogHole);
	log->holes = archive_allocate(logs->host, size, 1);
	if (log->holes == NULL || logs->skeletons.no_memory ||
		logs->text.skeleton.status != CORE_OK)
		return fail(logs);
	if (size > 0)
		memcpy(log->holes, logs->text.holes, size);
	for (uint32_t i = 0, hole = 0; i < logs->text.skeleton.used; i++)
	{
		uint8_t byte = logs->text.skeleton.data[i];

		if (byte == LOG_TIME)
			log->holes[hole].number =
				wrapped_difference(log->holes[hole].number,
								   logs_start(row->start_time, row->start_ns));
		hole += byte <= LOG_LAST_HOLE;
	}
	logs->count++;
	return logs->writer->status == CORE_OK;
}

/* Skeleton 0 is that of a log that is one hole. */
static bool
start(Logs *logs, uint32_t count)
{
	logs->logs = archive_allocate(logs->host, count, sizeof(Log));
	logs->text.skeleton.host = logs->host;
	dictionary_init(&logs->skeletons, logs->host, count / 4 + 16);
	log_text_whole(&logs->text, (Slice){NULL, 0});
	dictionary_add_copy(&logs->skeletons, bytes_slice(&logs->text.skeleton));
	return (logs->logs != NULL && !logs->skeletons.no_memory &&
			logs->text.skeleton.status == CORE_OK) ||
		   fail(logs);
}

static void
put_skeletons(const Logs *logs)
{
	Bytes bytes = {.host = logs->host};

	bytes_put_varint(&bytes, logs->skeletons.count);
	for (uint32_t i = 0; i < logs->skeletons.count; i++)
		bytes_put_slice(&bytes, logs->skeletons.strings[i]);
	stream_put_text(logs->writer, TAGS_SKELETONS, &bytes);
}

/* The values of one hole over the logs of one skeleton. */
static void
put_hole(const Logs *logs, Log *const *chosen, uint32_t count, uint32_t hole,
		 uint8_t kind, uint32_t tag)
{
	Slice *texts = archive_allocate(logs->host, count, sizeof(Slice));
	int64_t *numbers = archive_allocate(logs->host, count, sizeof(int64_t));

	if (texts == NULL || numbers == NULL)
	{
		logs->writer->status = CORE_NO_MEMORY;
		return;
	}
	for (uint32_t i = 0; i < count; i++)
	{
		texts[i] = chosen[i]->holes[hole].text;
		numbers[i] = chosen[i]->holes[hole].number;
	}
	if (kind == LOG_STRING)
		column_put_strings(logs->writer, tag, texts, count);
	else
		column_put_integers(logs->writer, tag, numbers, count);
}

/* Sorts the logs by skeleton, each in its order; ends[s] is where s ends. */
static Log **
by_skeleton(const Logs *logs, uint32_t *ends)
{
	Log **sorted = archive_allocate(logs->host, logs->count, sizeof(Log *));
	uint32_t at = 0;

	if (sorted == NULL)
		return NULL;
	memset(ends, 0, logs->skeletons.count * sizeof(uint32_t));
	for (uint32_t i = 0; i < logs->count; i++)
		ends[logs->logs[i].skeleton]++;
	for (uint32_t i = 0; i < logs->skeletons.count; i++)
	{
		uint32_t here = ends[i];

		ends[i] = at;
		at += here;
	}
	for (uint32_t i = 0; i < logs->count; i++)
		sorted[ends[logs->logs[i].skeleton]++] = &logs->logs[i];
	return sorted;
}

void
logs_write_holes(const Logs *logs, uint32_t column)
{
	uint32_t *ends =
		archive_allocate(logs->host, logs->skeletons.count, sizeof(uint32_t));
	Log **sorted = ends == NULL ? NULL : by_skeleton(logs, ends);

	if (logs->count == 0)
		return;
	if (sorted == NULL)
	{
		logs->writer->status = CORE_NO_MEMORY;
		return;
	}
	for (uint32_t s = 0; s < logs->skeletons.count; s++)
	{
		Slice skeleton = logs->skeletons.strings[s];
		uint32_t from = s == 0 ? 0 : ends[s - 1];
		uint32_t hole = 0;

		for (uint32_t i = 0; i < skeleton.length; i++)
		{
			uint8_t kind = (uint8_t) skeleton.data[i];

			if (kind > LOG_LAST_HOLE)
				continue;
			host_poll(logs->host, column);
			put_hole(logs,
					 sorted + from,
					 ends[s] - from,
					 hole++,
					 kind,
					 tags_column(column++));
		}
	}
}

Logs *
logs_write(StreamWriter *writer, const ArchiveRow **rows, uint32_t count)
{
	Host *host = writer->host;
	uint64_t *forms = archive_allocate(host, count, sizeof(uint64_t));
	Logs *logs = host->allocate(host, sizeof(Logs));
	uint32_t present = 0;

	for (uint32_t i = 0; i < count; i++)
		present += rows[i]->logs.data != NULL;
	if (forms == NULL || logs == NULL)
	{
		writer->status = CORE_NO_MEMORY;
		return NULL;
	}
	*logs = (Logs){.host = host, .writer = writer};
	if (present == 0 || !start(logs, present))
		return logs;
	for (uint32_t i = 0; i < count; i++)
	{
		host_poll(host, i);
		forms[i] = 0;
		if (rows[i]->logs.data == NULL)
			continue;
		if (!take_apart(logs, rows[i]))
			return logs;
		forms[i] = 1 + logs->logs[logs->count - 1].skeleton;
	}
	stream_put_numbers(writer, TAGS_LOGS, forms, count);
	put_skeletons(logs);
	return logs;
}
