/*
 * Writing a block: traces are gathered, their rows put in the order of their
 * trees, and the three columns written at the end.
 */
#include "core/base/slice_hash.h"
#include "ids.h"
#include "node_fields.h"
#include "tags.h"

struct ArchiveWriter
{
	Host *host;
	Source source;
	uint32_t trace_room;
	uint32_t span_room;
	size_t size;
	size_t items;
};

ArchiveWriter *
archive_writer_create(Host *host, ArchiveCodecs *codecs, ArchiveCodec codec)
{
	ArchiveWriter *writer = host->allocate(host, sizeof(ArchiveWriter));

	if (writer != NULL)
		*writer = (ArchiveWriter){
			.host = host,
			.source = {.host = host, .codecs = codecs, .codec = codec},
		};
	return writer;
}

/*
 * Rows and nodes
 */

static bool
same_id(Slice a, Slice b)
{
	return (a.data == NULL) == (b.data == NULL) && slice_equal(a, b);
}

static bool
same_start(const SpanNode *node, const ArchiveRow *row)
{
	bool is_finite = row->start_time != ARCHIVE_INFINITY &&
					 row->start_time != ARCHIVE_MINUS_INFINITY;

	if (!(node->flags & SPAN_HAS_START))
		return !is_finite;
	return is_finite && node->start_time == row->start_time;
}

static bool
is_row_of(const SpanTree *tree, const SpanNode *node, const ArchiveRow *row)
{
	return slice_equal(span_tree_string(tree, node->span_id), row->span_id) &&
		   same_start(node, row) &&
		   same_id(span_tree_string(tree, node->parent_span_id),
				   row->parent_span_id) &&
		   slice_equal(span_tree_string(tree, node->service_name),
					   row->service_name) &&
		   slice_equal(span_tree_string(tree, node->operation),
					   row->operation) &&
		   node->kind == row->kind &&
		   ((node->flags & SPAN_IS_ERROR) != 0) == row->is_error &&
		   ((node->flags & SPAN_IS_ASYNC) != 0) == row->is_async;
}

/* How closely a node's times must be those of a row: a tree may have left out
 * what the server cannot show, and copies of one span differ in times alone. */
enum
{
	TIMES_EXACT,
	TIMES_LEFT_OUT, /* a duration may lack its flag, not its value */
	TIMES_LOOSE,	/* whatever lacks its flag may be anything */
};

static bool
has_times_of(const SpanNode *node, const ArchiveRow *row, int closeness)
{
	const int finished = SPAN_HAS_END | SPAN_HAS_DURATION;
	NodeFields fields = node_fields_expected(row, false);

	if ((node->flags & SPAN_HAS_END) && node->end_time != fields.end_time)
		return false;
	if (((node->flags & SPAN_HAS_DURATION) || closeness == TIMES_LEFT_OUT) &&
		node->duration != fields.duration)
		return false;
	if (closeness == TIMES_EXACT)
		return ((node->flags ^ fields.flags) & finished) == 0;
	return (node->flags & finished & ~fields.flags) == 0;
}

/* Nodes by the id and the start of their span, in lists; a node that has found its row is
 * taken out. */
typedef struct NodeTable
{
	const SpanTree *tree;
	uint32_t *heads;
	uint32_t *next;
	uint32_t mask;
	uint64_t seed;
} NodeTable;

/* Also by the start, for the sake of ids that many spans share; a start that no
 * tree knows is the one that its node has. */
static uint32_t *
head_of(const NodeTable *table, Slice id, int64_t start)
{
	uint64_t seed = table->seed ^ (uint64_t) start;

	if (start == ARCHIVE_INFINITY)
		seed = table->seed ^ (uint64_t) ARCHIVE_MINUS_INFINITY;
	return &table->heads[(uint32_t) slice_hash(id, seed) & table->mask];
}

static bool
fill_table(NodeTable *table, Host *host, const SpanTree *tree)
{
	const SpanNode *nodes = span_tree_nodes(tree);
	size_t size = 16;

	while (size < tree->span_count)
		size *= 2;
	*table = (NodeTable){
		.tree = tree,
		.heads = archive_allocate(host, size, sizeof(uint32_t)),
		.next = archive_allocate(host, tree->span_count, sizeof(uint32_t)),
		.mask = (uint32_t) (size - 1),
		.seed = host->hash_seed,
	};
	if (table->heads == NULL || table->next == NULL)
		return false;
	memset(table->heads, 0xff, size * sizeof(uint32_t));
	for (uint32_t i = tree->span_count; i-- > 0;)
	{
		uint32_t *head = head_of(table,
								 span_tree_string(tree, nodes[i].span_id),
								 nodes[i].start_time);

		table->next[i] = *head;
		*head = i;
	}
	return true;
}

/* The node of a row, which is taken out; SPAN_TREE_NONE if there is none. */
static uint32_t
take_node(NodeTable *table, const ArchiveRow *row, int closeness, Host *host)
{
	const SpanNode *nodes = span_tree_nodes(table->tree);
	uint32_t *link = head_of(table, row->span_id, row->start_time);

	for (uint32_t steps = 1; *link != SPAN_TREE_NONE; steps++)
	{
		uint32_t i = *link;

		host_poll(host, steps);
		if (is_row_of(table->tree, &nodes[i], row) &&
			has_times_of(&nodes[i], row, closeness))
		{
			*link = table->next[i];
			return i;
		}
		link = &table->next[i];
	}
	return SPAN_TREE_NONE;
}

static bool
is_in_order(const SpanTree *tree, const ArchiveRow *rows, Host *host)
{
	const SpanNode *nodes = span_tree_nodes(tree);

	for (uint32_t i = 0; i < tree->span_count; i++)
	{
		host_poll(host, i);
		if (!is_row_of(tree, &nodes[i], &rows[i]) ||
			!has_times_of(&nodes[i], &rows[i], TIMES_LOOSE))
			return false;
	}
	return true;
}

/* Gives the rows that have none yet the nodes that are close enough; how many
 * are left without. */
static uint32_t
match_rows(NodeTable *table, Host *host, const ArchiveRow *rows,
		   const ArchiveRow **ordered, bool *has_node, int closeness)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < table->tree->span_count; i++)
	{
		uint32_t node;

		host_poll(host, i);
		if (has_node[i])
			continue;
		node = take_node(table, &rows[i], closeness, host);
		if (node == SPAN_TREE_NONE)
		{
			left++;
			continue;
		}
		has_node[i] = true;
		ordered[node] = &rows[i];
	}
	return left;
}

static CoreStatus
order_rows(Host *host, const SpanTree *tree, const ArchiveRow *rows,
		   const ArchiveRow **ordered)
{
	uint32_t left = tree->span_count;
	bool *has_node;
	NodeTable table;

	if (is_in_order(tree, rows, host))
	{
		for (uint32_t i = 0; i < tree->span_count; i++)
			ordered[i] = &rows[i];
		return CORE_OK;
	}
	has_node = archive_allocate(host, tree->span_count, sizeof(bool));
	if (has_node == NULL || !fill_table(&table, host, tree))
		return CORE_NO_MEMORY;
	memset(has_node, 0, tree->span_count * sizeof(bool));
	for (int closeness = TIMES_EXACT; closeness <= TIMES_LOOSE && left > 0;
		 closeness++)
		left = match_rows(&table, host, rows, ordered, has_node, closeness);
	return left == 0 ? CORE_OK : CORE_MALFORMED;
}

/*
 * Adding a trace
 */

static bool
is_valid(const ArchiveRow *row)
{
	if (row->kind >= SPAN_KIND_COUNT || row->tags_form > ARCHIVE_TAGS_OTHER ||
		row->duration_form > ARCHIVE_DURATION_TEXT)
		return false;
	for (uint32_t i = 0; i < row->item_count; i++)
	{
		if (row->items[i].type >= ARCHIVE_TYPE_COUNT)
			return false;
	}
	return true;
}

static size_t
size_of(const ArchiveRow *row)
{
	size_t size = 128 + (size_t) row->span_id.length +
				  row->parent_span_id.length + row->duration_text.length +
				  row->logs.length + row->service_name.length +
				  row->operation.length;

	for (uint32_t i = 0; i < row->item_count; i++)
		size +=
			16 + (size_t) row->items[i].key.length + row->items[i].text.length;
	return size;
}

/* Checks the rows, and that they fit beside what is there; changes nothing
 * but the totals. */
static CoreStatus
count_rows(ArchiveWriter *writer, const ArchiveRow *rows, uint32_t count)
{
	size_t size = writer->size;
	size_t items = writer->items;

	for (uint32_t i = 0; i < count; i++)
	{
		host_poll(writer->host, i);
		if (!is_valid(&rows[i]))
			return CORE_MALFORMED;
		size += size_of(&rows[i]);
		items += rows[i].item_count;
		/* the rest is for what a block needs to describe itself */
		if (size > ARCHIVE_MAX_SIZE - ARCHIVE_MAX_SIZE / 16 ||
			items > ARCHIVE_MAX_ITEMS)
			return CORE_TOO_LARGE;
	}
	if (count > ARCHIVE_MAX_SPANS - writer->source.span_count)
		return CORE_TOO_LARGE;
	writer->size = size;
	writer->items = items;
	return CORE_OK;
}

/* `array`, of count members, with room for more. */
static void *
with_room(Host *host, const void *array, size_t count, size_t room, size_t size)
{
	void *larger = archive_allocate(host, room, size);

	if (larger != NULL && count > 0)
		memcpy(larger, array, count * size);
	return larger;
}

static bool
reserve(ArchiveWriter *writer, uint32_t spans)
{
	Source *source = &writer->source;

	if (source->trace_count == writer->trace_room)
	{
		size_t room = (size_t) writer->trace_room * 2 + 64;

		source->trees = with_room(writer->host,
								  source->trees,
								  source->trace_count,
								  room,
								  sizeof(SpanTree *));
		source->first = with_room(writer->host,
								  source->first,
								  source->trace_count,
								  room + 1,
								  sizeof(uint32_t));
		writer->trace_room = (uint32_t) room;
	}
	if (spans > writer->span_room - source->span_count)
	{
		size_t room = (size_t) writer->span_room * 2 + spans;

		source->rows = with_room(writer->host,
								 source->rows,
								 source->span_count,
								 room,
								 sizeof(ArchiveRow *));
		writer->span_room = (uint32_t) room;
	}
	return source->trees != NULL && source->first != NULL &&
		   source->rows != NULL;
}

CoreStatus
archive_writer_add(ArchiveWriter *writer, const SpanTree *tree,
				   const ArchiveRow *rows)
{
	Source *source = &writer->source;
	size_t size = writer->size;
	size_t items = writer->items;
	CoreStatus status;

	if (tree->form != SPAN_TREE_BUILT || tree->span_count == 0)
		return CORE_MALFORMED;
	status = count_rows(writer, rows, tree->span_count);
	if (status != CORE_OK)
		return status;
	if (!reserve(writer, tree->span_count))
		return CORE_NO_MEMORY;
	status =
		order_rows(writer->host, tree, rows, source->rows + source->span_count);
	if (status != CORE_OK)
	{
		writer->size = size;
		writer->items = items;
		return status;
	}
	source->trees[source->trace_count] = tree;
	source->first[source->trace_count] = source->span_count;
	source->trace_count++;
	source->span_count += tree->span_count;
	source->first[source->trace_count] = source->span_count;
	return CORE_OK;
}

uint32_t
archive_writer_spans(const ArchiveWriter *writer)
{
	return writer->source.span_count;
}

size_t
archive_writer_size(const ArchiveWriter *writer)
{
	return writer->size;
}

/*
 * Finishing
 */

static void
summarize_node(ArchiveBlock *block, const SpanNode *node, bool *has_start)
{
	int64_t duration;

	block->error_count += (node->flags & SPAN_IS_ERROR) != 0;
	if (span_node_duration(node, &duration) && duration > block->max_duration)
		block->max_duration = duration;
	if (!(node->flags & SPAN_HAS_START))
		return;
	if (!*has_start || node->start_time < block->min_start)
		block->min_start = node->start_time;
	if (!*has_start || node->start_time > block->max_start)
		block->max_start = node->start_time;
	if (!*has_start || node->reach > block->max_end)
		block->max_end = node->reach;
	*has_start = true;
}

static void
summarize(const Source *source, ArchiveBlock *block)
{
	bool has_start = false;

	*block = (ArchiveBlock){
		.trace_count = source->trace_count,
		.span_count = source->span_count,
	};
	for (uint32_t t = 0; t < source->trace_count; t++)
	{
		const SpanNode *nodes = span_tree_nodes(source->trees[t]);

		for (uint32_t i = 0; i < source->trees[t]->span_count; i++)
			summarize_node(block, &nodes[i], &has_start);
	}
}

CoreStatus
archive_writer_finish(ArchiveWriter *writer, ArchiveBlock *block)
{
	Source *source = &writer->source;
	Bytes columns[3];
	uint32_t link;
	CoreStatus status;

	if (source->trace_count == 0)
		return CORE_MALFORMED;
	status = templates_find(
		&source->templates, writer->host, source->rows, source->span_count);
	if (status == CORE_OK)
		status = shape_write(source, &columns[ARCHIVE_SHAPE], &link);
	if (status == CORE_OK)
		status = ids_write(source, link, &columns[ARCHIVE_IDS]);
	if (status == CORE_OK)
		status = tags_write(source, link, &columns[ARCHIVE_TAGS]);
	if (status != CORE_OK)
		return status;
	summarize(source, block);
	for (int i = 0; i < 3; i++)
	{
		block->columns[i] = columns[i].data;
		block->lengths[i] = columns[i].used;
	}
	return CORE_OK;
}
