/*
 * Reading the shape column: traces, templates, and the times of spans.
 */
#include "shape.h"

#include "bitpack.h"
#include "hex_id.h"
#include "node_fields.h"

static CoreStatus
get_traces(ShapeReader *reader, Host *host, ArchiveFault *fault)
{
	uint32_t count = reader->shape.trace_count;
	uint32_t *first =
		archive_allocate(host, (size_t) count + 1, sizeof(uint32_t));
	int64_t *starts = archive_allocate(host, count, sizeof(int64_t));
	uint32_t spans = 0;
	int64_t start = 0;
	ByteReader bytes;
	CoreStatus status =
		stream_get(&reader->streams, SHAPE_TRACES, &bytes, fault);

	if (status != CORE_OK)
		return status;
	if (first == NULL || starts == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < count; i++)
	{
		uint32_t here = reader_count(&bytes, reader->shape.span_count - spans);

		bytes.failed |= here == 0;
		first[i] = spans;
		spans += here;
	}
	first[count] = spans;
	bytes.failed |= spans != reader->shape.span_count;
	for (uint32_t i = 0; i < count; i++)
	{
		start = wrapped_sum(start, reader_signed(&bytes));
		starts[i] = start;
	}
	reader->shape.first = first;
	reader->trace_starts = starts;
	return stream_done(&reader->streams, SHAPE_TRACES, &bytes, fault);
}

static Slice *
get_names(ShapeReader *reader, Host *host, ByteReader *bytes)
{
	uint32_t count = reader_count(bytes, reader_left(bytes));
	Slice *names = archive_allocate(host, count, sizeof(Slice));

	reader->shape.name_count = count;
	if (names == NULL)
		return NULL;
	for (uint32_t i = 0; i < count; i++)
		names[i].length = reader_count(bytes, reader_left(bytes));
	for (uint32_t i = 0; i < count; i++)
		names[i].data = (const char *) reader_bytes(bytes, names[i].length);
	return names;
}

/* The number of a name, as the difference from the last. */
static uint32_t
get_name(ByteReader *bytes, int64_t *last, uint32_t count)
{
	*last = wrapped_sum(*last, reader_signed(bytes));
	if (*last < 0 || *last >= count)
		bytes->failed = true;
	return bytes->failed ? 0 : (uint32_t) *last;
}

static void
get_form(ByteReader *bytes, ArchiveTemplate *template)
{
	uint8_t form = reader_byte(bytes);

	template->kind = form &FORM_KIND;
	template->is_error = (form & FORM_ERROR) != 0;
	template->is_async = (form & FORM_ASYNC) != 0;
	template->tags_form = form >> FORM_TAGS_SHIFT;
	if (template->kind >= SPAN_KIND_COUNT ||
		template->tags_form > ARCHIVE_TAGS_OTHER)
		bytes->failed = true;
}

static void
get_template_fields(const ShapeReader *reader, ByteReader *bytes,
					ArchiveTemplate *templates, const Slice *names)
{
	uint32_t count = reader->shape.template_count;
	uint32_t name_count = reader->shape.name_count;
	int64_t last = 0;

	for (uint32_t i = 0; i < count; i++)
		templates[i].service_number = get_name(bytes, &last, name_count);
	last = 0;
	for (uint32_t i = 0; i < count; i++)
		templates[i].operation_number = get_name(bytes, &last, name_count);
	for (uint32_t i = 0; i < count; i++)
		get_form(bytes, &templates[i]);
	for (uint32_t i = 0; i < count && !bytes->failed; i++)
	{
		templates[i].service_name = names[templates[i].service_number];
		templates[i].operation = names[templates[i].operation_number];
	}
}

static CoreStatus
get_templates(ShapeReader *reader, Host *host, ArchiveFault *fault)
{
	ByteReader bytes;
	ArchiveTemplate *templates;
	Slice *names;
	CoreStatus status =
		stream_get(&reader->streams, SHAPE_TEMPLATES, &bytes, fault);

	if (status != CORE_OK)
		return status;
	names = get_names(reader, host, &bytes);
	reader->shape.template_count = reader_count(&bytes, reader_left(&bytes));
	templates = archive_allocate(
		host, reader->shape.template_count, sizeof(ArchiveTemplate));
	if (names == NULL || templates == NULL)
		return CORE_NO_MEMORY;
	get_template_fields(reader, &bytes, templates, names);
	reader->shape.templates = templates;
	return stream_done(&reader->streams, SHAPE_TEMPLATES, &bytes, fault);
}

/*
 * Odds
 */

static void
get_duration(ByteReader *bytes, ArchiveOdd *odd)
{
	odd->duration_form = reader_byte(bytes);
	if (odd->duration_form == ARCHIVE_DURATION_US)
		odd->duration = reader_signed(bytes);
	else if (odd->duration_form == ARCHIVE_DURATION_TEXT)
		odd->text = reader_slice(bytes);
	else if (odd->duration_form != ARCHIVE_DURATION_NONE)
		bytes->failed = true;
}

static bool
get_parent(Host *host, ByteReader *bytes, ArchiveOdd *odd)
{
	const uint8_t *id;
	char *digits;

	switch (reader_byte(bytes))
	{
		case 0:
			odd->parent_span_id = reader_slice(bytes);
			return true;
		case 1:
			id = reader_bytes(bytes, 8);
			digits = archive_allocate(host, 16, 1);
			if (id != NULL && digits != NULL)
				bytes_to_hex((const char *) id, 8, digits);
			odd->parent_span_id = (Slice){digits, 16};
			return digits != NULL;
		default:
			bytes->failed = true;
			return true;
	}
}

static bool
get_odd(Host *host, ByteReader *bytes, ArchiveOdd *odd)
{
	odd->has = reader_byte(bytes);
	if (odd->has == 0 ||
		odd->has > (ODD_NO_END | ODD_DURATION | ODD_PARENT | ODD_NODE))
		bytes->failed = true;
	if (odd->has & ODD_DURATION)
		get_duration(bytes, odd);
	if ((odd->has & ODD_PARENT) && !get_parent(host, bytes, odd))
		return false;
	if (odd->has & ODD_NODE)
	{
		odd->node_flags =
			node_flags_unpack((uint16_t) reader_count(bytes, UINT16_MAX));
		odd->node_end = reader_signed(bytes);
		odd->node_duration = reader_signed(bytes);
	}
	return true;
}

static uint32_t
count_room(const ShapeReader *reader, const ByteReader *bytes)
{
	size_t most = reader_left(bytes) / 2; /* an odd takes two bytes at least */

	return most < reader->shape.span_count ? (uint32_t) most
										   : reader->shape.span_count;
}

static CoreStatus
get_odds(ShapeReader *reader, Host *host, ArchiveFault *fault)
{
	ByteReader bytes;
	ArchiveOdd *odds;
	uint32_t room;
	uint32_t span = 0;
	CoreStatus status = stream_get(&reader->streams, SHAPE_ODDS, &bytes, fault);

	if (status != CORE_OK)
		return status;
	room = count_room(reader, &bytes);
	odds = archive_allocate(host, room, sizeof(ArchiveOdd));
	if (odds == NULL)
		return CORE_NO_MEMORY;
	while (reader_left(&bytes) > 0 && !bytes.failed)
	{
		uint32_t i = reader->odd_count;
		uint32_t step =
			reader_count(&bytes, reader->shape.span_count - 1 - span);

		host_poll(host, i);
		if (i == room || (i > 0 && step == 0))
			break;
		span += step;
		odds[i] = (ArchiveOdd){.span = span};
		if (!get_odd(host, &bytes, &odds[i]))
			return CORE_NO_MEMORY;
		reader->odd_count++;
	}
	reader->odds = odds;
	return stream_done(&reader->streams, SHAPE_ODDS, &bytes, fault);
}

CoreStatus
archive_shape_open(Host *host, ArchiveCodecs *codecs, ArchiveBytes bytes,
				   const ArchiveShape **shape, ArchiveFault *fault)
{
	ShapeReader *reader = host->allocate(host, sizeof(ShapeReader));
	CoreStatus status;

	if (reader == NULL)
		return CORE_NO_MEMORY;
	*reader = (ShapeReader){0};
	status = stream_open(
		&reader->streams, host, codecs, ARCHIVE_SHAPE, bytes, fault);
	if (status != CORE_OK)
		return status;
	reader->shape.span_count = reader->streams.spans;
	reader->shape.trace_count = reader->streams.traces;
	if (reader->shape.trace_count == 0)
		return stream_contradiction(&reader->streams, SHAPE_TRACES, fault);
	status = get_traces(reader, host, fault);
	if (status == CORE_OK)
		status = get_templates(reader, host, fault);
	if (status == CORE_OK)
		status = get_odds(reader, host, fault);
	*shape = &reader->shape;
	return status;
}

CoreStatus
shape_open_beside(const ArchiveShape *shape, StreamReader *reader,
				  ArchiveColumn column, ArchiveBytes bytes, ArchiveFault *fault)
{
	const StreamReader *own = &shape_reader(shape)->streams;
	CoreStatus status =
		stream_open(reader, own->host, own->codecs, column, bytes, fault);

	if (status != CORE_OK)
		return status;
	if (reader->link == own->checksum && reader->spans == own->spans &&
		reader->traces == own->traces)
		return CORE_OK;
	*fault = (ArchiveFault){(uint8_t) column, ARCHIVE_OTHER_BLOCK, 16};
	return CORE_MALFORMED;
}

CoreStatus
shape_numbers(const ArchiveShape *shape, uint32_t tag, uint32_t first,
			  uint32_t end, uint64_t *values, ArchiveFault *fault)
{
	StreamReader *streams = &shape_reader(shape)->streams;
	ByteReader bytes;
	CoreStatus status = stream_get(streams, tag, &bytes, fault);

	if (status != CORE_OK)
		return status;
	if (!bitpack_get(&bytes, shape->span_count, first, end, values))
		return stream_contradiction(streams, tag, fault);
	return CORE_OK;
}

/*
 * Spans
 */

/* The arrays of ArchiveSpans while they are filled. */
typedef struct Filling
{
	uint32_t *templates;
	uint32_t *parents;
	uint32_t *depths;
	int64_t *starts; /* as differences first */
	int64_t *ends;
	uint64_t *scratch;
	uint32_t *last; /* of each depth the last span */
} Filling;

static bool
allocate_spans(Host *host, Filling *filling, size_t count)
{
	filling->templates = archive_allocate(host, count, sizeof(uint32_t));
	filling->parents = archive_allocate(host, count, sizeof(uint32_t));
	filling->depths = archive_allocate(host, count, sizeof(uint32_t));
	filling->starts = archive_allocate(host, count, sizeof(int64_t));
	filling->ends = archive_allocate(host, count, sizeof(int64_t));
	filling->scratch = archive_allocate(host, count, sizeof(uint64_t));
	filling->last = archive_allocate(host, count, sizeof(uint32_t));
	return filling->templates != NULL && filling->parents != NULL &&
		   filling->depths != NULL && filling->starts != NULL &&
		   filling->ends != NULL && filling->scratch != NULL &&
		   filling->last != NULL;
}

/* Numbers that must be less than `limit`. */
static CoreStatus
get_small_numbers(const ArchiveShape *shape, uint32_t tag,
				  const ArchiveSpans *spans, uint64_t limit, Filling *filling,
				  uint32_t *to, ArchiveFault *fault)
{
	uint64_t *values = filling->scratch;
	uint64_t largest = 0;
	CoreStatus status = shape_numbers(
		shape, tag, spans->first, spans->first + spans->count, values, fault);

	if (status != CORE_OK)
		return status;
	for (uint32_t i = 0; i < spans->count; i++)
	{
		largest = values[i] > largest ? values[i] : largest;
		to[i] = (uint32_t) values[i];
	}
	if (spans->count > 0 && largest >= limit)
		return stream_contradiction(&shape_reader(shape)->streams, tag, fault);
	return CORE_OK;
}

static CoreStatus
get_numbers(const ArchiveShape *shape, const ArchiveSpans *spans,
			Filling *filling, ArchiveFault *fault)
{
	uint32_t end = spans->first + spans->count;
	CoreStatus status = get_small_numbers(shape,
										  SHAPE_SPAN_TEMPLATES,
										  spans,
										  shape->template_count,
										  filling,
										  filling->templates,
										  fault);

	if (status == CORE_OK)
		status = get_small_numbers(shape,
								   SHAPE_DEPTHS,
								   spans,
								   shape->span_count,
								   filling,
								   filling->depths,
								   fault);
	if (status == CORE_OK)
		status = shape_numbers(shape,
							   SHAPE_STARTS,
							   spans->first,
							   end,
							   (uint64_t *) filling->starts,
							   fault);
	if (status == CORE_OK)
		status = shape_numbers(shape,
							   SHAPE_LENGTHS,
							   spans->first,
							   end,
							   (uint64_t *) filling->ends,
							   fault);
	return status;
}

/* Differences become times, depths parents; false if a depth cannot be. */
static bool
fill_trace(Filling *filling, int64_t trace_start, uint32_t from, uint32_t to,
		   uint32_t first)
{
	uint32_t deepest = 0; /* that the next span may have */

	for (uint32_t i = from; i < to; i++)
	{
		uint32_t depth = filling->depths[i];
		int64_t base = trace_start;

		if (depth > deepest)
			return false;
		filling->parents[i] = SPAN_TREE_NONE;
		if (depth > 0)
		{
			uint32_t parent = filling->last[depth - 1];

			filling->parents[i] = first + parent;
			base = filling->starts[parent];
		}
		filling->last[depth] = i;
		deepest = depth + 1;
		filling->starts[i] = wrapped_sum(base, filling->starts[i]);
		filling->ends[i] = wrapped_sum(filling->starts[i], filling->ends[i]);
	}
	return true;
}

uint32_t
shape_first_odd(const ArchiveOdd *odds, uint32_t count, uint32_t span)
{
	uint32_t low = 0;
	uint32_t high = count;

	while (low < high)
	{
		uint32_t middle = low + (high - low) / 2;

		if (odds[middle].span < span)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

CoreStatus
archive_shape_spans(const ArchiveShape *shape, uint32_t from, uint32_t to,
					ArchiveSpans *spans, ArchiveFault *fault)
{
	const ShapeReader *reader = shape_reader(shape);
	Host *host = reader->streams.host;
	uint32_t first = shape->first[from];
	uint32_t end = shape->first[to];
	uint32_t odd = shape_first_odd(reader->odds, reader->odd_count, first);
	Filling filling;
	CoreStatus status;

	if (!allocate_spans(host, &filling, end - first))
		return CORE_NO_MEMORY;
	*spans = (ArchiveSpans){.first = first, .count = end - first};
	status = get_numbers(shape, spans, &filling, fault);
	if (status != CORE_OK)
		return status;
	for (uint32_t t = from; t < to; t++)
	{
		host_poll(host, t);
		if (!fill_trace(&filling,
						reader->trace_starts[t],
						shape->first[t] - first,
						shape->first[t + 1] - first,
						first))
			return stream_contradiction(&reader->streams, SHAPE_DEPTHS, fault);
	}
	spans->templates = filling.templates;
	spans->parents = filling.parents;
	spans->depths = filling.depths;
	spans->starts = filling.starts;
	spans->ends = filling.ends;
	spans->odds = reader->odds + odd;
	spans->odd_count =
		shape_first_odd(reader->odds, reader->odd_count, end) - odd;
	return CORE_OK;
}

const ArchiveOdd *
shape_odd(const ArchiveOdd *odds, uint32_t count, uint32_t *odd, uint32_t span)
{
	while (*odd < count && odds[*odd].span < span)
		(*odd)++;
	return *odd < count && odds[*odd].span == span ? &odds[*odd] : NULL;
}

static void
apply_odd(ArchiveSpan *span, const ArchiveOdd *odd, int64_t length)
{
	if (odd->has & ODD_PARENT)
		span->has_parent_id = true;
	if (odd->has & ODD_NO_END)
	{
		span->has_end = false;
		span->end_time = 0;
		span->duration_form = ARCHIVE_DURATION_NONE;
		span->duration = 0;
	}
	if (odd->has & ODD_DURATION)
	{
		span->duration_form = odd->duration_form;
		span->duration = odd->duration_form == ARCHIVE_DURATION_US
							 ? wrapped_sum(odd->duration, length)
							 : 0;
	}
}

bool
archive_spans_next(const ArchiveShape *shape, const ArchiveSpans *spans,
				   uint32_t *position, uint32_t *odd, ArchiveSpan *span)
{
	uint32_t i = *position;
	int64_t length;
	const ArchiveOdd *said;

	if (i == spans->count)
		return false;
	(*position)++;
	length = wrapped_difference(spans->ends[i], spans->starts[i]);
	*span = (ArchiveSpan){
		.template = &shape->templates[spans->templates[i]],
		.parent = spans->parents[i],
		.has_parent_id = spans->parents[i] != SPAN_TREE_NONE,
		.has_end = true,
		.duration_form = ARCHIVE_DURATION_US,
		.start_time = spans->starts[i],
		.end_time = spans->ends[i],
		.duration = length,
	};
	said = shape_odd(spans->odds, spans->odd_count, odd, spans->first + i);
	if (said != NULL)
		apply_odd(span, said, length);
	return true;
}
