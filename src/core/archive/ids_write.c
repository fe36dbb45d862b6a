/*
 * Writing the ids column: see ids.h.
 */
#include "ids.h"

#include "hex_id.h"

typedef struct IdList
{
	StreamWriter *writer;
	uint32_t usual; /* bytes */
	uint64_t *forms;
	uint32_t count;
	Bytes bytes;
	Bytes texts;
} IdList;

static bool
start_list(IdList *list, StreamWriter *writer, uint32_t count, uint32_t usual)
{
	*list = (IdList){
		.writer = writer,
		.usual = usual,
		.forms = archive_allocate(writer->host, count, sizeof(uint64_t)),
		.bytes.host = writer->host,
		.texts.host = writer->host,
	};
	return list->forms != NULL;
}

static void
add_id(IdList *list, Slice id)
{
	uint8_t bytes[16];
	uint32_t length = list->usual;
	uint64_t form = ID_USUAL;

	host_poll(list->writer->host, list->count);
	if (!hex_id_read(id, bytes, length))
	{
		length = 24 - length;
		form = hex_id_read(id, bytes, length) ? ID_UNUSUAL : ID_TEXT;
	}
	list->forms[list->count++] = form;
	if (form == ID_TEXT)
		bytes_put_slice(&list->texts, id);
	else
		bytes_put(&list->bytes, bytes, length);
}

static void
put_list(const IdList *list, uint32_t tag)
{
	stream_put_numbers(list->writer, tag + IDS_FORMS, list->forms, list->count);
	stream_put_bits(list->writer, tag + IDS_BYTES, &list->bytes);
	stream_put_text(list->writer, tag + IDS_TEXTS, &list->texts);
}

CoreStatus
ids_write(const Source *source, uint32_t link, Bytes *out)
{
	StreamWriter writer;
	IdList traces;
	IdList spans;
	uint32_t checksum;

	stream_writer_init(&writer, source->host, source->codecs, source->codec);
	if (!start_list(&traces, &writer, source->trace_count, IDS_TRACE_BYTES) ||
		!start_list(&spans, &writer, source->span_count, IDS_SPAN_BYTES))
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < source->trace_count; i++)
		add_id(&traces, span_tree_trace_id(source->trees[i]));
	for (uint32_t i = 0; i < source->span_count; i++)
		add_id(&spans, source->rows[i]->span_id);
	put_list(&traces, IDS_TRACES);
	put_list(&spans, IDS_SPANS);
	return stream_finish(&writer,
						 ARCHIVE_IDS,
						 source->span_count,
						 source->trace_count,
						 link,
						 out,
						 &checksum);
}
