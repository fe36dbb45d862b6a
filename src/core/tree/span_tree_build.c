/*
 * Building the tree of a trace from its spans in any order.
 *
 * The stages, each a function below: read the spans; hash their ids and let
 * one span own each id; find every span's parent; cut cycles; gather the
 * children of each parent and sort them; walk the tree in pre-order; write
 * nodes and strings; let the ends of children reach up.  Until the walk, spans
 * are named by their number in the order they came; "all" is the pseudo parent
 * of the roots, number span_count.
 *
 * Limits: SPAN_TREE_MAX_SIZE for the result, which also bounds span_count.
 */
#include "core/base/hash_index.h"
#include "core/base/slice_hash.h"
#include "core/base/sort.h"
#include "core/tree/open_span.h"

typedef struct Builder
{
	Host *host;
	uint32_t count;
	const OpenSpan **spans;
	uint16_t *marks;	   /* NODE_* so far */
	uint32_t *parents;	   /* the span above, or count for a root */
	HashIndex owners;	   /* of ids, by the spans that own them */
	uint32_t *first_child; /* count + 2 members: where in children */
	uint32_t *children;	   /* spans grouped by parent, then sorted */
	uint32_t *order;	   /* pre-order position -> span */
	uint32_t *positions;   /* span -> pre-order position */
} Builder;

static void *
allocate(Builder *b, size_t members, size_t size)
{
	return b->host->allocate(b->host, (members > 0 ? members : 1) * size);
}

static CoreStatus
read_spans(Builder *b, const SpanTree *from)
{
	size_t offset = span_tree_body(from);

	b->count = from->span_count;
	b->spans = allocate(b, b->count, sizeof(OpenSpan *));
	b->marks = allocate(b, b->count, sizeof(uint16_t));
	b->parents = allocate(b, b->count, sizeof(uint32_t));
	b->children = allocate(b, b->count, sizeof(uint32_t));
	b->first_child = allocate(b, (size_t) b->count + 2, sizeof(uint32_t));
	b->order = allocate(b, b->count, sizeof(uint32_t));
	b->positions = allocate(b, b->count, sizeof(uint32_t));
	if (b->spans == NULL || b->marks == NULL || b->parents == NULL ||
		b->children == NULL || b->first_child == NULL || b->order == NULL ||
		b->positions == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < b->count; i++)
	{
		host_poll(b->host, i);
		b->spans[i] = open_span_at(from, offset);
		offset += open_span_size(b->spans[i]);
		b->marks[i] = 0;
	}
	return CORE_OK;
}

/* How long a span says it lasted; unfinished and backward ones, and those
 * without a start, count as 0. */
static int64_t
own_length(const OpenSpan *span)
{
	int64_t length = 0;

	if (!(span->flags & SPAN_HAS_START))
		return 0;
	if (span->flags & SPAN_HAS_END)
		length = time_difference(span->end_time, span->start_time);
	else if (span->flags & SPAN_HAS_DURATION)
		length = span->duration;
	return length > 0 ? length : 0;
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

/* Tells apart spans that agree in what matters, so that the order in which
 * they came never does; 0 only for spans equal in every field. */
static int
compare_leftovers(const OpenSpan *a, const OpenSpan *b)
{
	int order = slice_compare(open_span_service(a), open_span_service(b));

	if (order == 0)
		order = slice_compare(open_span_operation(a), open_span_operation(b));
	if (order == 0)
		order = slice_compare(open_span_parent(a), open_span_parent(b));
	if (order == 0)
		order = COMPARE(open_span_parent(a).data != NULL,
						open_span_parent(b).data != NULL);
	if (order == 0)
		order = COMPARE(a->kind, b->kind);
	if (order == 0)
		order = COMPARE(a->flags, b->flags);
	if (order == 0 && (a->flags & SPAN_HAS_END))
		order = COMPARE(a->end_time, b->end_time);
	if (order == 0 && (a->flags & SPAN_HAS_DURATION))
		order = COMPARE(a->duration, b->duration);
	return order;
}

/* Whether a, rather than b of the same id, owns the children.  One without a
 * start never does if it can be helped: analyses leave it out. */
static bool
owns_before(const OpenSpan *a, const OpenSpan *b)
{
	int64_t length_a = own_length(a);
	int64_t length_b = own_length(b);

	if ((a->flags ^ b->flags) & SPAN_HAS_START)
		return a->flags & SPAN_HAS_START;
	if (length_a != length_b)
		return length_a > length_b;
	if (a->start_time != b->start_time)
		return a->start_time < b->start_time;
	return compare_leftovers(a, b) < 0;
}

static bool
has_id(const void *builder, uint32_t span, const void *id)
{
	const Builder *b = builder;

	return slice_equal(open_span_id(b->spans[span]), *(const Slice *) id);
}

/* The number of the span that owns this id; HASH_INDEX_NONE if nobody does. */
static HashSlot *
find_owner(const Builder *b, Slice span_id, uint64_t hash)
{
	return hash_index_find(&b->owners, hash, has_id, b, &span_id);
}

static CoreStatus
choose_owners(Builder *b)
{
	if (!hash_index_reserve(&b->owners, b->host, b->count))
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < b->count; i++)
	{
		Slice id = open_span_id(b->spans[i]);
		uint64_t hash = slice_hash(id, b->host->hash_seed);
		HashSlot *owner = find_owner(b, id, hash);
		uint32_t loser = i;

		host_poll(b->host, i);
		if (owner->number == HASH_INDEX_NONE)
		{
			hash_index_set(owner, hash, i);
			continue;
		}
		if (owns_before(b->spans[i], b->spans[owner->number]))
		{
			loser = owner->number;
			owner->number = i;
		}
		b->marks[loser] = NODE_IS_COPY;
		b->marks[owner->number] = NODE_HAS_COPY;
	}
	return CORE_OK;
}

/* An empty id, and one of zeros alone, names no span. */
static bool
names_a_span(Slice id)
{
	for (uint32_t i = 0; i < id.length; i++)
	{
		if (id.data[i] != '0')
			return true;
	}
	return false;
}

static uint32_t
find_parent(const Builder *b, Slice id)
{
	return find_owner(b, id, slice_hash(id, b->host->hash_seed))->number;
}

static void
find_parents(Builder *b)
{
	for (uint32_t i = 0; i < b->count; i++)
	{
		const OpenSpan *span = b->spans[i];
		uint32_t parent;

		host_poll(b->host, i);
		b->parents[i] = b->count;
		if (!names_a_span(open_span_parent(span)))
		{
			b->marks[i] |= NODE_IS_ROOT;
			continue;
		}
		if (slice_equal(open_span_parent(span), open_span_id(span)))
		{
			b->marks[i] |= NODE_IS_ROOT | NODE_IS_SELF_PARENT;
			continue;
		}
		parent = find_parent(b, open_span_parent(span));
		if (parent == HASH_INDEX_NONE)
			b->marks[i] |= NODE_IS_ORPHAN;
		else
			b->parents[i] = parent;
	}
}

static bool
starts_before(const OpenSpan *a, const OpenSpan *b)
{
	if (a->start_time != b->start_time)
		return a->start_time < b->start_time;
	return slice_compare(open_span_id(a), open_span_id(b)) < 0;
}

/* Marks the cycle that `start` lies on and cuts it above its earliest span. */
static void
cut_cycle(Builder *b, uint32_t start)
{
	uint32_t earliest = start;
	uint32_t i = start;

	do
	{
		b->marks[i] |= NODE_IN_CYCLE;
		if (starts_before(b->spans[i], b->spans[earliest]))
			earliest = i;
		i = b->parents[i];
	} while (i != start);
	b->parents[earliest] = b->count;
}

/*
 * Climbs from every span until ground known from an earlier climb.  `seen`
 * holds which climb met a span first (its number plus one); meeting the own
 * climb again is a cycle.
 */
static void
cut_cycles(Builder *b)
{
	uint32_t *seen = b->positions; /* not needed for its own purpose yet */

	memset(seen, 0, (size_t) b->count * sizeof(uint32_t));
	for (uint32_t climb = 0; climb < b->count; climb++)
	{
		uint32_t i = climb;

		host_poll(b->host, climb);
		while (i != b->count && seen[i] == 0)
		{
			seen[i] = climb + 1;
			i = b->parents[i];
		}
		if (i != b->count && seen[i] == climb + 1)
			cut_cycle(b, i);
	}
}

/* Counting sort of the spans by parent; "all" is parent number count. */
static void
gather_children(Builder *b)
{
	uint32_t *first = b->first_child;

	memset(first, 0, ((size_t) b->count + 2) * sizeof(uint32_t));
	for (uint32_t i = 0; i < b->count; i++)
		first[b->parents[i]]++;
	for (uint32_t i = 1; i < b->count + 2; i++)
		first[i] += first[i - 1];
	/* first[p] is now where p's children end; filling moves it to their start */
	for (uint32_t i = b->count; i-- > 0;)
		b->children[--first[b->parents[i]]] = i;
}

/* A sibling to be sorted, with what mostly decides: the spans themselves lie
 * all over the memory. */
typedef struct SortKey
{
	int64_t start_time;
	uint32_t span;
} SortKey;

static bool
comes_after(const void *left, const void *right, const void *builder)
{
	const SortKey *x = left;
	const SortKey *y = right;
	const Builder *b = builder;
	const OpenSpan *a = b->spans[x->span];
	const OpenSpan *c = b->spans[y->span];
	int order;

	if (x->start_time != y->start_time)
		return x->start_time > y->start_time;
	order = slice_compare(open_span_id(a), open_span_id(c));
	if (order == 0)
		order = (b->marks[x->span] & NODE_IS_COPY) -
				(b->marks[y->span] & NODE_IS_COPY);
	if (order == 0)
		order = compare_leftovers(a, c);
	return order > 0;
}

static void
sort_siblings(const Builder *b, uint32_t *list, SortKey *keys, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		keys[i] = (SortKey){b->spans[list[i]]->start_time, list[i]};
	sort_items(b->host, keys, keys + n, n, sizeof(SortKey), comes_after, b);
	for (uint32_t i = 0; i < n; i++)
		list[i] = keys[i].span;
}

static CoreStatus
sort_children(Builder *b)
{
	uint32_t largest = 0;
	SortKey *keys;

	for (uint32_t parent = 0; parent <= b->count; parent++)
	{
		uint32_t n = b->first_child[parent + 1] - b->first_child[parent];

		largest = n > largest ? n : largest;
	}
	keys = allocate(b, 2 * (size_t) largest, sizeof(SortKey));
	if (keys == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t parent = 0; parent <= b->count; parent++)
	{
		uint32_t first = b->first_child[parent];
		uint32_t n = b->first_child[parent + 1] - first;

		host_poll(b->host, parent);
		if (n > 1)
			sort_siblings(b, b->children + first, keys, n);
	}
	return CORE_OK;
}

/*
 * Pre-order without a stack of its own: the spans still to be visited lie in
 * `order` itself, from its far end down, the next one lowest.
 */
static void
walk_in_preorder(Builder *b)
{
	uint32_t top = b->count; /* order[top..] are waiting */
	uint32_t done = 0;
	uint32_t parent = b->count;

	for (;;)
	{
		for (uint32_t i = b->first_child[parent + 1];
			 i-- > b->first_child[parent];)
			b->order[--top] = b->children[i];
		if (top == b->count)
			break;
		host_poll(b->host, done);
		parent = b->order[top++];
		b->positions[parent] = done;
		b->order[done++] = parent;
	}
}

/* The pool of strings, growing behind the nodes. */
typedef struct Pool
{
	char *base; /* of the SpanTree */
	size_t used;
	HashIndex index; /* of interned names, by their offsets */
	uint32_t names;
} Pool;

static uint32_t
pool_add(Pool *pool, Slice string)
{
	uint32_t offset = (uint32_t) pool->used;

	memcpy(pool->base + offset, &string.length, sizeof(uint32_t));
	if (string.length > 0)
		memcpy(
			pool->base + offset + sizeof(uint32_t), string.data, string.length);
	pool->used += sizeof(uint32_t) + string.length;
	return offset;
}

static bool
is_name(const void *base, uint32_t offset, const void *name)
{
	return slice_equal(span_tree_string(base, offset), *(const Slice *) name);
}

/* The offset of a name, stored once; SPAN_TREE_NONE when memory is short. */
static uint32_t
pool_intern(Builder *b, Pool *pool, Slice name)
{
	uint64_t hash = slice_hash(name, b->host->hash_seed);
	HashSlot *slot;

	if (!hash_index_reserve(&pool->index, b->host, pool->names + 1))
		return SPAN_TREE_NONE;
	slot = hash_index_find(&pool->index, hash, is_name, pool->base, &name);
	if (slot->number == HASH_INDEX_NONE)
	{
		hash_index_set(slot, hash, pool_add(pool, name));
		pool->names++;
	}
	return slot->number;
}

/* A parent that was recorded lends its own string: it lies before its child,
 * but for the one edge at which a cycle was cut. */
static uint32_t
write_parent_id(Builder *b, Pool *pool, const SpanNode *nodes, uint32_t span)
{
	Slice id = open_span_parent(b->spans[span]);

	if (id.data == NULL)
		return SPAN_TREE_NONE;
	if (b->parents[span] != b->count)
		return nodes[b->positions[b->parents[span]]].span_id;
	return pool_add(pool, id);
}

static CoreStatus
write_nodes(Builder *b, SpanTree *tree, Pool *pool)
{
	SpanNode *nodes = (SpanNode *) ((char *) tree + span_tree_body(tree));

	for (uint32_t i = 0; i < b->count; i++)
	{
		uint32_t number = b->order[i];
		const OpenSpan *span = b->spans[number];
		bool is_root = b->parents[number] == b->count;
		uint32_t parent =
			is_root ? SPAN_TREE_NONE : b->positions[b->parents[number]];

		host_poll(b->host, i);
		nodes[i] = (SpanNode){
			.start_time = span->start_time,
			.end_time = span->end_time,
			.duration = span->duration,
			.span_id = pool_add(pool, open_span_id(span)),
			.parent_span_id = write_parent_id(b, pool, nodes, number),
			.service_name = pool_intern(b, pool, open_span_service(span)),
			.operation = pool_intern(b, pool, open_span_operation(span)),
			.parent = parent,
			.depth = is_root ? 0 : nodes[parent].depth + 1,
			.flags = (uint16_t) (span->flags | b->marks[number]),
			.kind = span->kind,
		};
		if (nodes[i].service_name == SPAN_TREE_NONE ||
			nodes[i].operation == SPAN_TREE_NONE)
			return CORE_NO_MEMORY;
		tree->root_count += is_root;
	}
	return CORE_OK;
}

/* Where a node ends by what it says itself; its start if it says nothing. */
static int64_t
own_reach(const SpanNode *node)
{
	int64_t end = node->start_time;

	if (node->flags & SPAN_HAS_END)
		end = node->end_time;
	else if ((node->flags & SPAN_HAS_START) &&
			 (node->flags & SPAN_HAS_DURATION))
		end = time_sum(node->start_time, node->duration);
	return end > node->start_time ? end : node->start_time;
}

/*
 * From the last node to the first: every subtree is finished before its top.
 * `latest` is the latest time seen in a subtree, its unfinished tops included.
 */
static CoreStatus
reach_up(Builder *b, SpanTree *tree)
{
	SpanNode *nodes = (SpanNode *) ((char *) tree + span_tree_body(tree));
	int64_t *latest = allocate(b, b->count, sizeof(int64_t));

	if (latest == NULL)
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < b->count; i++)
		latest[i] = own_reach(&nodes[i]);
	for (uint32_t i = b->count; i-- > 0;)
	{
		SpanNode *node = &nodes[i];
		bool finished =
			(node->flags & SPAN_HAS_END) || ((node->flags & SPAN_HAS_START) &&
											 (node->flags & SPAN_HAS_DURATION));

		host_poll(b->host, i);
		node->reach = finished ? own_reach(node) : latest[i];
		if (!(node->flags & SPAN_HAS_START))
			node->reach = node->start_time;
		if (node->parent == SPAN_TREE_NONE)
			continue;
		nodes[node->parent].descendants += node->descendants + 1;
		if (latest[i] > latest[node->parent])
			latest[node->parent] = latest[i];
	}
	return CORE_OK;
}

/* An upper bound of the result: no name interned, no parent id shared. */
static size_t
largest_size(const Builder *b, size_t body)
{
	size_t size = body + (size_t) b->count * sizeof(SpanNode);

	for (uint32_t i = 0; i < b->count; i++)
	{
		const OpenSpan *span = b->spans[i];

		size += 4 * sizeof(uint32_t) + (size_t) open_span_id(span).length +
				open_span_service(span).length +
				open_span_operation(span).length;
		if (b->parents[i] == b->count)
			size += open_span_parent(span).length;
	}
	return size;
}

static CoreStatus
write_tree(Builder *b, const SpanTree *from, SpanTree **result)
{
	size_t size = largest_size(b, span_tree_body(from));
	SpanTree *tree;
	Pool pool = {0};
	CoreStatus status;

	if (size > SPAN_TREE_MAX_SIZE)
		return CORE_TOO_LARGE;
	tree = b->host->allocate(b->host, size);
	if (tree == NULL)
		return CORE_NO_MEMORY;
	memset(tree, 0, span_tree_body(from));
	span_tree_open(tree, span_tree_trace_id(from));
	tree->form = SPAN_TREE_BUILT;
	tree->span_count = b->count;
	pool.base = (char *) tree;
	pool.used = span_tree_body(tree) + (size_t) b->count * sizeof(SpanNode);
	status = write_nodes(b, tree, &pool);
	if (status == CORE_OK)
		status = reach_up(b, tree);
	tree->used = (uint32_t) pool.used;
	*result = tree;
	return status;
}

CoreStatus
span_tree_build(Host *host, const SpanTree *from, SpanTree **result)
{
	Builder b = {.host = host};
	CoreStatus status = read_spans(&b, from);

	if (status == CORE_OK)
		status = choose_owners(&b);
	if (status != CORE_OK)
		return status;
	find_parents(&b);
	cut_cycles(&b);
	gather_children(&b);
	status = sort_children(&b);
	if (status != CORE_OK)
		return status;
	walk_in_preorder(&b);
	return write_tree(&b, from, result);
}
