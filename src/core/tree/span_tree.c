/*
 * Reading a SpanTree of either form, and filling an open one.
 */
#include "core/tree/open_span.h"

size_t
span_tree_span_size(const Span *span)
{
	return align8(sizeof(OpenSpan) + (size_t) span->span_id.length +
				  span->parent_span_id.length + span->service_name.length +
				  span->operation.length);
}

size_t
span_tree_open_size(Slice trace_id, const Span *span)
{
	return sizeof(SpanTree) + align8(trace_id.length) +
		   span_tree_span_size(span);
}

void
span_tree_open(SpanTree *tree, Slice trace_id)
{
	tree->version = SPAN_TREE_VERSION;
	tree->form = SPAN_TREE_OPEN;
	tree->trace_length = trace_id.length;
	if (trace_id.length > 0)
		memcpy(tree + 1, trace_id.data, trace_id.length);
	tree->used = (uint32_t) span_tree_body(tree);
}

static char *
put_string(char *to, Slice string)
{
	if (string.length > 0)
		memcpy(to, string.data, string.length);
	return to + string.length;
}

void
span_tree_add(SpanTree *tree, const Span *span)
{
	OpenSpan *entry = (OpenSpan *) ((char *) tree + tree->used);
	char *end = (char *) entry + span_tree_span_size(span);
	char *at = (char *) (entry + 1);
	bool has_parent = span->parent_span_id.data != NULL;
	bool has_start = (span->flags & SPAN_HAS_START) != 0;

	*entry = (OpenSpan){
		.start_time = has_start ? span->start_time : INT64_MIN,
		.end_time = span->end_time,
		.duration = span->duration,
		.span_id_length = span->span_id.length,
		.parent_length =
			has_parent ? span->parent_span_id.length : SPAN_TREE_NONE,
		.service_length = span->service_name.length,
		.operation_length = span->operation.length,
		.kind = span->kind,
		.flags = span->flags,
	};
	at = put_string(at, span->span_id);
	at = put_string(at, span->parent_span_id);
	at = put_string(at, span->service_name);
	at = put_string(at, span->operation);
	memset(at, 0, (size_t) (end - at));
	tree->used = (uint32_t) (end - (char *) tree);
	tree->span_count++;
}

SpanCursor
span_tree_spans(const SpanTree *tree)
{
	return (SpanCursor){tree, 0, span_tree_body(tree)};
}

static void
read_open_span(SpanCursor *cursor, Span *span)
{
	const OpenSpan *entry = open_span_at(cursor->tree, cursor->offset);

	span->start_time = entry->start_time;
	span->end_time = entry->end_time;
	span->duration = entry->duration;
	span->kind = entry->kind;
	span->flags = entry->flags;
	span->span_id = open_span_id(entry);
	span->parent_span_id = open_span_parent(entry);
	span->service_name = open_span_service(entry);
	span->operation = open_span_operation(entry);
	cursor->offset += open_span_size(entry);
}

static void
read_node(const SpanTree *tree, const SpanNode *node, Span *span)
{
	span->start_time = node->start_time;
	span->end_time = node->end_time;
	span->duration = node->duration;
	span->kind = node->kind;
	span->flags = node->flags & SPAN_FLAGS;
	span->span_id = span_tree_string(tree, node->span_id);
	span->parent_span_id = span_tree_string(tree, node->parent_span_id);
	span->service_name = span_tree_string(tree, node->service_name);
	span->operation = span_tree_string(tree, node->operation);
}

bool
span_cursor_next(SpanCursor *cursor, Span *span)
{
	const SpanTree *tree = cursor->tree;

	if (cursor->position == tree->span_count)
		return false;
	if (tree->form == SPAN_TREE_OPEN)
		read_open_span(cursor, span);
	else
		read_node(tree, &span_tree_nodes(tree)[cursor->position], span);
	cursor->position++;
	return true;
}

uint32_t
span_tree_find(const SpanTree *tree, Slice span_id)
{
	const SpanNode *nodes = span_tree_nodes(tree);

	for (uint32_t i = 0; i < tree->span_count; i++)
	{
		if (!(nodes[i].flags & NODE_IS_COPY) &&
			slice_equal(span_tree_string(tree, nodes[i].span_id), span_id))
			return i;
	}
	return SPAN_TREE_NONE;
}

bool
span_node_duration(const SpanNode *node, int64_t *duration)
{
	if (node->flags & SPAN_HAS_DURATION)
		*duration = node->duration;
	else if ((node->flags & SPAN_HAS_START) && (node->flags & SPAN_HAS_END))
		*duration = time_difference(node->end_time, node->start_time);
	else
		return false;
	return true;
}

/*
 * Children lie behind their parent in the order of their starts, so one
 * forward pass is enough: covered[p] is how far the children of p seen so far
 * reach, and only what a child adds beyond that is taken off its parent.
 */
CoreStatus
span_tree_self_times(Host *host, const SpanTree *tree, int64_t *self,
					 uint32_t *child_count)
{
	const SpanNode *nodes = span_tree_nodes(tree);
	int64_t *covered = host->allocate(host, tree->span_count * sizeof(int64_t));

	if (covered == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < tree->span_count; i++)
	{
		const SpanNode *node = &nodes[i];
		uint32_t parent = node->parent;
		int64_t from;
		int64_t to;

		host_poll(host, i);
		covered[i] = node->start_time;
		self[i] = time_difference(node->reach, node->start_time);
		child_count[i] = 0;
		if (parent == SPAN_TREE_NONE)
			continue;
		child_count[parent]++;
		from = node->start_time > covered[parent] ? node->start_time
												  : covered[parent];
		to = node->reach < nodes[parent].reach ? node->reach
											   : nodes[parent].reach;
		if (to <= from)
			continue;
		self[parent] -= time_difference(to, from);
		covered[parent] = to;
	}
	return CORE_OK;
}
