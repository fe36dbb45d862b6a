/*
 * Reading the ids column: see ids.h.
 */
#include "ids.h"

#include "hex_id.h"

typedef struct IdList
{
	uint32_t count;
	uint32_t width;		  /* bytes an id, if all are usual */
	const uint8_t *bytes; /* then */
	Slice *ids;			  /* else */
} IdList;

struct ArchiveIds
{
	StreamReader streams;
	IdList traces;
	IdList spans;
};

static void
get_id(ByteReader *bytes, ByteReader *texts, uint64_t form, uint32_t usual,
	   char *digits, Slice *id)
{
	uint32_t length = form == ID_USUAL ? usual : 24 - usual;
	const uint8_t *from;

	if (form >= ID_TEXT)
	{
		*id = reader_slice(texts);
		texts->failed |= form > ID_TEXT;
		return;
	}
	from = reader_bytes(bytes, length);
	if (from != NULL)
		bytes_to_hex((const char *) from, length, digits);
	*id = (Slice){digits, length * 2};
}

/* A list of which some ids are not usual: all are made text now. */
static CoreStatus
get_mixed(StreamReader *streams, uint32_t tag, IdList *list,
		  const uint64_t *forms, ByteReader *bytes, ArchiveFault *fault)
{
	ByteReader texts;
	char *digits;
	CoreStatus status = stream_get(streams, tag + IDS_TEXTS, &texts, fault);

	if (status != CORE_OK)
		return status;
	list->ids = archive_allocate(streams->host, list->count, sizeof(Slice));
	digits = archive_allocate(streams->host, reader_left(bytes), 2);
	if (list->ids == NULL || digits == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < list->count; i++)
	{
		const uint8_t *before = bytes->at;

		host_poll(streams->host, i);
		get_id(bytes, &texts, forms[i], list->width, digits, &list->ids[i]);
		digits += 2 * (bytes->at - before);
	}
	return stream_done(streams, tag + IDS_TEXTS, &texts, fault);
}

static bool
all_zero(const uint64_t *values, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
	{
		if (values[i] != 0)
			return false;
	}
	return true;
}

static CoreStatus
get_list(StreamReader *streams, uint32_t tag, IdList *list, uint32_t count,
		 uint32_t usual, ArchiveFault *fault)
{
	uint64_t *forms;
	ByteReader bytes;
	CoreStatus status =
		stream_get_numbers(streams, tag + IDS_FORMS, count, &forms, fault);

	*list = (IdList){.count = count, .width = usual};
	if (status == CORE_OK)
		status = stream_get(streams, tag + IDS_BYTES, &bytes, fault);
	if (status != CORE_OK)
		return status;
	if (all_zero(forms, count))
		list->bytes = reader_bytes(&bytes, (size_t) count * usual);
	else
		status = get_mixed(streams, tag, list, forms, &bytes, fault);
	if (status != CORE_OK)
		return status;
	return stream_done(streams, tag + IDS_BYTES, &bytes, fault);
}

CoreStatus
archive_ids_open(const ArchiveShape *shape, ArchiveBytes bytes,
				 const ArchiveIds **result, ArchiveFault *fault)
{
	Host *host = shape_reader(shape)->streams.host;
	ArchiveIds *ids = host->allocate(host, sizeof(ArchiveIds));
	CoreStatus status;

	if (ids == NULL)
		return CORE_NO_MEMORY;
	status = shape_open_beside(shape, &ids->streams, ARCHIVE_IDS, bytes, fault);
	if (status == CORE_OK)
		status = get_list(&ids->streams,
						  IDS_TRACES,
						  &ids->traces,
						  shape->trace_count,
						  IDS_TRACE_BYTES,
						  fault);
	if (status == CORE_OK)
		status = get_list(&ids->streams,
						  IDS_SPANS,
						  &ids->spans,
						  shape->span_count,
						  IDS_SPAN_BYTES,
						  fault);
	*result = ids;
	return status;
}

static Slice
id_of(const IdList *list, uint32_t i, char *room)
{
	if (list->ids != NULL)
		return list->ids[i];
	bytes_to_hex((const char *) list->bytes + (size_t) i * list->width,
				 list->width,
				 room);
	return (Slice){room, list->width * 2};
}

Slice
archive_trace_id(const ArchiveIds *ids, uint32_t trace,
				 char room[ARCHIVE_ID_ROOM])
{
	return id_of(&ids->traces, trace, room);
}

Slice
archive_span_id(const ArchiveIds *ids, uint32_t span,
				char room[ARCHIVE_ID_ROOM])
{
	return id_of(&ids->spans, span, room);
}

uint32_t
archive_shape_find(const ArchiveShape *shape, const ArchiveIds *ids,
				   Slice trace_id)
{
	const IdList *list = &ids->traces;
	uint8_t wanted[IDS_TRACE_BYTES];

	if (list->ids == NULL && !hex_id_read(trace_id, wanted, IDS_TRACE_BYTES))
		return SPAN_TREE_NONE;
	for (uint32_t i = 0; i < shape->trace_count; i++)
	{
		if (list->ids != NULL
				? slice_equal(list->ids[i], trace_id)
				: memcmp(list->bytes + (size_t) i * IDS_TRACE_BYTES,
						 wanted,
						 IDS_TRACE_BYTES) == 0)
			return i;
	}
	return SPAN_TREE_NONE;
}
