/*
 * A trace's tree out of the shape and the ids, without building it again.
 *
 * The nodes lie in the block in the tree's own order, so each is written at
 * once.  The strings are put into the pool in the order in which the builder
 * puts them: a span's id; the id of its parent, unless that has its own
 * already; service and operation where they are new.  Then, as the builder
 * does, ends reach up from the last node to the first.
 */
#include "ids.h"
#include "node_fields.h"

/* what a template tells of its spans */
#define TEMPLATE_FLAGS (SPAN_IS_ERROR | SPAN_IS_ASYNC)

typedef struct TreeWriter
{
	const ArchiveShape *shape;
	const ArchiveIds *ids;
	const ArchiveSpans *spans;
	SpanTree *tree;
	SpanNode *nodes;
	size_t used;
	uint32_t *names; /* where each name lies in the pool; 0: nowhere yet */
	uint32_t odd;
} TreeWriter;

/* An upper bound: every name of the block's templates, once. */
static size_t
largest_size(const TreeWriter *writer, size_t body)
{
	const ArchiveSpans *spans = writer->spans;
	size_t size = body + (size_t) spans->count *
							 (sizeof(SpanNode) + 2 * sizeof(uint32_t));
	char room[ARCHIVE_ID_ROOM];

	for (uint32_t i = 0; i < spans->count; i++)
		size += archive_span_id(writer->ids, spans->first + i, room).length;
	for (uint32_t i = 0; i < spans->odd_count; i++)
		size += spans->odds[i].parent_span_id.length;
	for (uint32_t i = 0; i < spans->count; i++)
	{
		uint32_t number = spans->templates[i];
		const ArchiveTemplate *template = &writer->shape->templates[number];

		/* 1: counted */
		if (writer->names[template->service_number]++ == 0)
			size += sizeof(uint32_t) + template->service_name.length;
		if (writer->names[template->operation_number]++ == 0)
			size += sizeof(uint32_t) + template->operation.length;
	}
	return size;
}

static uint32_t
add_string(TreeWriter *writer, Slice string)
{
	uint32_t offset = (uint32_t) writer->used;
	char *at = (char *) writer->tree + offset;

	memcpy(at, &string.length, sizeof(uint32_t));
	if (string.length > 0)
		memcpy(at + sizeof(uint32_t), string.data, string.length);
	writer->used += sizeof(uint32_t) + string.length;
	return offset;
}

static uint32_t
add_name(TreeWriter *writer, uint32_t number, Slice name)
{
	if (writer->names[number] == 0)
		writer->names[number] = add_string(writer, name);
	return writer->names[number];
}

static uint32_t
add_parent_id(TreeWriter *writer, const SpanNode *node, const ArchiveOdd *odd)
{
	if (node->parent != SPAN_TREE_NONE)
		return writer->nodes[node->parent].span_id;
	if (odd == NULL || !(odd->has & ODD_PARENT))
		return SPAN_TREE_NONE;
	return add_string(writer, odd->parent_span_id);
}

/* The row, as far as a node follows from it. */
static ArchiveRow
row_of(const ArchiveSpan *span, Slice id, const ArchiveOdd *odd)
{
	return (ArchiveRow){
		.span_id = id,
		.parent_span_id = odd != NULL && (odd->has & ODD_PARENT)
							  ? odd->parent_span_id
							  : (Slice){NULL, 0},
		.start_time = span->start_time,
		.end_time = span->end_time,
		.has_end = span->has_end,
		.duration_form = span->duration_form,
		.duration = span->duration,
		.is_error = span->template->is_error,
		.is_async = span->template->is_async,
	};
}

static void
set_fields(SpanNode *node, const ArchiveSpan *span, Slice id,
		   const ArchiveOdd *odd)
{
	ArchiveRow row = row_of(span, id, odd);
	NodeFields fields =
		node_fields_expected(&row, node->parent == SPAN_TREE_NONE);

	if (odd != NULL && (odd->has & ODD_NODE))
		fields = (NodeFields){
			odd->node_flags | (fields.flags & TEMPLATE_FLAGS),
			odd->node_end,
			odd->node_duration,
		};
	node->flags = fields.flags;
	node->end_time = fields.end_time;
	node->duration = fields.duration;
	node->start_time =
		fields.flags & SPAN_HAS_START ? span->start_time : INT64_MIN;
}

static void
write_node(TreeWriter *writer, uint32_t i, const ArchiveSpan *span)
{
	const ArchiveSpans *spans = writer->spans;
	const ArchiveTemplate *template = span->template;
	const ArchiveOdd *odd = shape_odd(
		spans->odds, spans->odd_count, &writer->odd, spans->first + i);
	SpanNode *node = &writer->nodes[i];
	char room[ARCHIVE_ID_ROOM];
	Slice id = archive_span_id(writer->ids, spans->first + i, room);

	*node = (SpanNode){
		.parent = span->parent == SPAN_TREE_NONE ? SPAN_TREE_NONE
												 : span->parent - spans->first,
		.depth = spans->depths[i],
		.kind = template->kind,
	};
	set_fields(node, span, id, odd);
	node->span_id = add_string(writer, id);
	node->parent_span_id = add_parent_id(writer, node, odd);
	node->service_name =
		add_name(writer, template->service_number, template->service_name);
	node->operation =
		add_name(writer, template->operation_number, template->operation);
	writer->tree->root_count += node->parent == SPAN_TREE_NONE;
}

static void
write_nodes(TreeWriter *writer, Host *host)
{
	ArchiveSpan span;
	uint32_t position = 0;
	uint32_t odd = 0;

	while (archive_spans_next(
		writer->shape, writer->spans, &position, &odd, &span))
	{
		host_poll(host, position);
		write_node(writer, position - 1, &span);
	}
}

static bool
is_finished(const SpanNode *node)
{
	return (node->flags & SPAN_HAS_END) || ((node->flags & SPAN_HAS_START) &&
											(node->flags & SPAN_HAS_DURATION));
}

static int64_t
own_reach(const SpanNode *node)
{
	int64_t end = node->start_time;

	if (node->flags & SPAN_HAS_END)
		end = node->end_time;
	else if (is_finished(node))
		end = time_sum(node->start_time, node->duration);
	return end > node->start_time ? end : node->start_time;
}

static bool
reach_up(TreeWriter *writer, Host *host)
{
	SpanNode *nodes = writer->nodes;
	uint32_t count = writer->spans->count;
	int64_t *latest = archive_allocate(host, count, sizeof(int64_t));

	if (latest == NULL)
		return false;
	for (uint32_t i = 0; i < count; i++)
		latest[i] = own_reach(&nodes[i]);
	for (uint32_t i = count; i-- > 0;)
	{
		SpanNode *node = &nodes[i];

		host_poll(host, i);
		node->reach = is_finished(node) ? own_reach(node) : latest[i];
		if (!(node->flags & SPAN_HAS_START))
			node->reach = node->start_time;
		if (node->parent == SPAN_TREE_NONE)
			continue;
		nodes[node->parent].descendants += node->descendants + 1;
		if (latest[i] > latest[node->parent])
			latest[node->parent] = latest[i];
	}
	return true;
}

/* So that the next tree finds all names new. */
static void
forget_names(TreeWriter *writer)
{
	const ArchiveSpans *spans = writer->spans;

	for (uint32_t i = 0; i < spans->count; i++)
	{
		uint32_t number = spans->templates[i];
		const ArchiveTemplate *template = &writer->shape->templates[number];

		writer->names[template->service_number] = 0;
		writer->names[template->operation_number] = 0;
	}
}

static bool
find_names(TreeWriter *writer, Host *host)
{
	ShapeReader *reader = shape_reader(writer->shape);
	size_t count = writer->shape->name_count;

	if (reader->names == NULL)
	{
		reader->names = archive_allocate(host, count, sizeof(uint32_t));
		if (reader->names == NULL)
			return false;
		memset(reader->names, 0, count * sizeof(uint32_t));
	}
	writer->names = reader->names;
	return true;
}

static CoreStatus
start_tree(TreeWriter *writer, Host *host, Slice trace_id)
{
	size_t body =
		sizeof(SpanTree) + (((size_t) trace_id.length + 7) & ~(size_t) 7);
	size_t size;

	if (!find_names(writer, host))
		return CORE_NO_MEMORY;
	size = largest_size(writer, body);
	forget_names(writer);
	if (size > SPAN_TREE_MAX_SIZE)
		return CORE_TOO_LARGE;
	writer->tree = host->allocate(host, size);
	if (writer->tree == NULL)
		return CORE_NO_MEMORY;
	memset(writer->tree, 0, body);
	span_tree_open(writer->tree, trace_id);
	writer->tree->form = SPAN_TREE_BUILT;
	writer->tree->span_count = writer->spans->count;
	writer->nodes = (SpanNode *) ((char *) writer->tree + body);
	writer->used = body + (size_t) writer->spans->count * sizeof(SpanNode);
	return CORE_OK;
}

static ArchiveSpans
spans_of_trace(const ArchiveShape *shape, const ArchiveSpans *spans,
			   uint32_t trace)
{
	uint32_t first = shape->first[trace];
	uint32_t end = shape->first[trace + 1];
	uint32_t skipped = first - spans->first;
	uint32_t odd = shape_first_odd(spans->odds, spans->odd_count, first);

	return (ArchiveSpans){
		.first = first,
		.count = end - first,
		.templates = spans->templates + skipped,
		.parents = spans->parents + skipped,
		.depths = spans->depths + skipped,
		.starts = spans->starts + skipped,
		.ends = spans->ends + skipped,
		.odds = spans->odds + odd,
		.odd_count = shape_first_odd(spans->odds, spans->odd_count, end) - odd,
	};
}

CoreStatus
archive_spans_tree(const ArchiveShape *shape, const ArchiveIds *ids,
				   const ArchiveSpans *all, uint32_t trace, SpanTree **tree)
{
	Host *host = shape_reader(shape)->streams.host;
	ArchiveSpans spans = spans_of_trace(shape, all, trace);
	TreeWriter writer = {.shape = shape, .ids = ids, .spans = &spans};
	char room[ARCHIVE_ID_ROOM];
	CoreStatus status =
		start_tree(&writer, host, archive_trace_id(ids, trace, room));

	if (status != CORE_OK)
		return status;
	write_nodes(&writer, host);
	forget_names(&writer);
	if (!reach_up(&writer, host))
		return CORE_NO_MEMORY;
	writer.tree->used = (uint32_t) writer.used;
	*tree = writer.tree;
	return CORE_OK;
}

CoreStatus
archive_shape_tree(const ArchiveShape *shape, const ArchiveIds *ids,
				   uint32_t trace, SpanTree **tree, ArchiveFault *fault)
{
	ArchiveSpans spans;
	CoreStatus status =
		archive_shape_spans(shape, trace, trace + 1, &spans, fault);

	if (status != CORE_OK)
		return status;
	return archive_spans_tree(shape, ids, &spans, trace, tree);
}
