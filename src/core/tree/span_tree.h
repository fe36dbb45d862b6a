/*
 * One trace as one flat value.
 *
 * A SpanTree has two forms, told apart by `form`:
 *
 * open   spans in the order they came, packed one after another; it grows at
 *        its end, in place.  The state of the aggregate.
 * built  the tree: one SpanNode a span in depth-first pre-order, so that "is
 *        X below Y" is a comparison of positions and every traversal a scan,
 *        then the pool of strings that the nodes point into.
 *
 * A value has no pointers: it may be copied, stored and moved.  It must lie
 * at an address divisible by 8.  What comes from outside is never taken as
 * such a value; its spans are read one by one and built anew.
 *
 * How the builder settles what real traces get wrong:
 *
 * - a parent that was never recorded: the span is an orphan and an extra root;
 * - a parent id that is NULL, empty, all zeros or the span's own: a true root;
 * - several spans of one id: the longest, then the earliest, then the first by
 *   service and operation owns the children; the copies stay as leaves below
 *   their own parent and are marked;
 * - a cycle of parents is cut above its earliest span (then smallest id),
 *   which becomes an extra root; every span of the cycle is marked;
 * - roots and siblings are ordered by start, then span id, an owner before its
 *   copies, then by what else tells them apart: the order in which the spans
 *   came never shows;
 * - an unfinished span reaches to the latest time seen in its subtree, and a
 *   span that ends before it starts is kept as it is but reaches to its start.
 *
 * There is no recursion and no limit on depth; the time is O(n log n).
 */
#ifndef CORE_SPAN_TREE_H
#define CORE_SPAN_TREE_H

#include "core/base/host.h"
#include "core/tree/span.h"

#define SPAN_TREE_VERSION 1

/* the largest value, a little below the server's limit of 1 GB */
#define SPAN_TREE_MAX_SIZE ((size_t) 0x3ff00000)

/* no node, no string */
#define SPAN_TREE_NONE UINT32_MAX

enum SpanTreeForm
{
	SPAN_TREE_OPEN,
	SPAN_TREE_BUILT,
};

typedef struct SpanTree
{
	int32_t length_word; /* the server's; the core never touches it */
	uint8_t version;
	uint8_t form;
	uint16_t reserved;
	uint32_t span_count;
	uint32_t root_count;   /* built */
	uint32_t used;		   /* bytes of this value in use, the header included */
	uint32_t trace_length; /* of the trace id, which follows this header */
} SpanTree;

/* What the builder found out about a span; the low bits are those of Span. */
enum
{
	NODE_IS_ROOT = 1 << 5,		  /* no parent is recorded: a true root */
	NODE_IS_ORPHAN = 1 << 6,	  /* its parent was never recorded */
	NODE_IN_CYCLE = 1 << 7,		  /* its parents lead back to it */
	NODE_IS_COPY = 1 << 8,		  /* shares its id with the owner */
	NODE_IS_SELF_PARENT = 1 << 9, /* named itself as its parent */
	NODE_HAS_COPY = 1 << 10,	  /* the owner of an id that has copies */
};

typedef struct SpanNode
{
	int64_t start_time;
	int64_t end_time; /* as recorded: see SPAN_HAS_END */
	int64_t duration; /* as recorded: see SPAN_HAS_DURATION */
	int64_t reach;	  /* where it ends in every analysis; >= start_time */
	uint32_t span_id; /* strings: offsets for span_tree_string */
	uint32_t parent_span_id; /* SPAN_TREE_NONE if it has none */
	uint32_t service_name;	 /* equal names have equal offsets */
	uint32_t operation;
	uint32_t parent;	  /* position of the parent, or SPAN_TREE_NONE */
	uint32_t descendants; /* the next descendants nodes are below this one */
	uint32_t depth;		  /* 0 for a root, of whatever sort */
	uint16_t flags;		  /* SPAN_* and NODE_* */
	uint8_t kind;		  /* SpanKind */
	uint8_t reserved;
} SpanNode;

/*
 * Open form.
 *
 * A span whose start is unknown (SPAN_HAS_START unset) is kept; its start_time
 * and its reach are then INT64_MIN, so it sorts first and covers nothing.
 */

/* Bytes an empty open tree for this trace id and one such span would need. */
extern size_t span_tree_open_size(Slice trace_id, const Span *span);

/* Makes the `size` zeroed bytes at `tree` an empty open tree. */
extern void span_tree_open(SpanTree *tree, Slice trace_id);

/* Bytes that adding this span takes. */
extern size_t span_tree_span_size(const Span *span);

/* Adds a span at the end.  The caller has seen to used + span_tree_span_size
 * bytes of room. */
extern void span_tree_add(SpanTree *tree, const Span *span);

/* Reads the spans of a tree of either form, in the order they lie there. */
typedef struct SpanCursor
{
	const SpanTree *tree;
	uint32_t position; /* spans read so far */
	size_t offset;
} SpanCursor;

extern SpanCursor span_tree_spans(const SpanTree *tree);

/* The next span, its slices pointing into the tree; false at the end. */
extern bool span_cursor_next(SpanCursor *cursor, Span *span);

/*
 * Built form.
 */

/* Builds the tree of the spans of an open one.  The result, result->used bytes
 * long, is an allocation of its own that may have room behind it. */
extern CoreStatus span_tree_build(Host *host, const SpanTree *open,
								  SpanTree **result);

static inline Slice
span_tree_trace_id(const SpanTree *tree)
{
	return (Slice){(const char *) (tree + 1), tree->trace_length};
}

/* Where what follows the trace id begins: a multiple of 8. */
static inline size_t
span_tree_body(const SpanTree *tree)
{
	return sizeof(SpanTree) + (((size_t) tree->trace_length + 7) & ~(size_t) 7);
}

static inline const SpanNode *
span_tree_nodes(const SpanTree *tree)
{
	return (const SpanNode *) ((const char *) tree + span_tree_body(tree));
}

/* The string at an offset that a node holds; data NULL for SPAN_TREE_NONE. */
static inline Slice
span_tree_string(const SpanTree *tree, uint32_t offset)
{
	const char *at = (const char *) tree + offset;
	uint32_t length;

	if (offset == SPAN_TREE_NONE)
		return (Slice){NULL, 0};
	memcpy(&length, at, sizeof(length));
	return (Slice){at + sizeof(length), length};
}

/* Position of the span of this id (of the owner, where copies share it), or
 * SPAN_TREE_NONE. */
extern uint32_t span_tree_find(const SpanTree *tree, Slice span_id);

/* A span's recorded duration in us, else its end minus its start, which may be
 * negative; false if it is unfinished. */
extern bool span_node_duration(const SpanNode *node, int64_t *duration);

/*
 * For every node, in us: its duration minus the union of its children's
 * intervals, each clipped to its own; 0 for an unfinished span's negative or
 * missing length.  self and child_count have span_count members.
 */
extern CoreStatus span_tree_self_times(Host *host, const SpanTree *tree,
									   int64_t *self, uint32_t *child_count);

#endif
