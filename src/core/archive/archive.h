/*
 * The archive of sealed traces: blocks of whole traces as compressed columns.
 *
 * A block holds some traces, about 2 000 spans, and is three byte strings that
 * are stored and read apart:
 *
 * shape	what the traces look like: templates, and for each span its template,
 *			depth, start, end and nanoseconds.  Bits, not compressed, so that
 *			one trace is read without the others.
 * ids		trace ids and span ids, as bytes where they are hex.
 * tags		attributes and events, a column for each key and type, each
 *			compressed alone; and the rows' own numbers and times.
 *
 * A *template* is what spans of one place in a program have in common:
 * service, operation, kind, whether they failed, their keys with the types of
 * the values, and values said to be constant.  A span names it by one number.
 * Spans lie in the pre-order of their SpanTree, so their depth gives their
 * parents.  A value of an attribute needs no place of its own: its column
 * holds the values of those spans whose template has the key, template by
 * template.
 *
 * Writing: archive_writer_create; archive_writer_add a trace at a time, its
 * built SpanTree and its rows; archive_writer_finish.
 *
 * Reading, from the cheapest:
 *
 * archive_shape_open		traces and templates
 *	 archive_shape_find		a trace's number, by its id (needs the ids)
 *	 archive_shape_spans	times, template and parent of each span of some
 *							traces, with no tree
 *	 archive_shape_tree		one trace as a built SpanTree, the one that
 *							span_tree_build makes of its rows
 * archive_ids_open			trace ids and span ids
 * archive_tags_open		the keys there are
 *	 archive_attribute_open	all values of one key, others not decoded
 *	 archive_rows_open		whole rows of some traces, all that was written
 *
 * What is kept of a trace beside the blocks is summarize_trace() of its tree;
 * what is kept of a block is in ArchiveBlock.
 *
 * Nothing that is read is trusted.  Each column begins with a magic number,
 * its version and a checksum of what describes its streams; each stream has a
 * checksum of its own, looked at before it is used; ids and tags name the
 * checksum of the shape they belong to.  Whatever is wrong is CORE_MALFORMED,
 * and an ArchiveFault says which column and at which byte.  Bytes are put
 * together by shifting, so a block is the same on every machine.
 *
 * Memory is the host's, and stays until its arena goes: what is read points
 * into that and into the columns that were given.  The host is polled, but not
 * while one stream is compressed, unpacked or checked.
 */
#ifndef CORE_ARCHIVE_H
#define CORE_ARCHIVE_H

#include "core/tree/span_tree.h"

#define ARCHIVE_VERSION 1

/* the most that one block may hold; a writer that is given more says
 * CORE_TOO_LARGE */
#define ARCHIVE_MAX_SIZE ((size_t) 512 << 20) /* bytes, before compression */
#define ARCHIVE_MAX_SPANS ((uint32_t) 1 << 24)
#define ARCHIVE_MAX_ITEMS ((uint32_t) 1 << 24) /* attributes of all spans */

/* The infinite times of a row, as PostgreSQL has them.  To a tree they are
 * unknown. */
#define ARCHIVE_MINUS_INFINITY INT64_MIN
#define ARCHIVE_INFINITY INT64_MAX

/*
 * A row as it is stored.
 */

typedef enum ArchiveType
{
	ARCHIVE_STRING,	 /* text */
	ARCHIVE_INTEGER, /* integer */
	ARCHIVE_NUMBER,	 /* any other number: text, as it was written */
	ARCHIVE_BOOLEAN, /* integer, 0 or 1 */
	ARCHIVE_NULL,
	ARCHIVE_NESTED, /* an array or object: text, its JSON */
} ArchiveType;

#define ARCHIVE_TYPE_COUNT (ARCHIVE_NESTED + 1)

/* One member of a span's tags, or of the object that is reserved in them. */
typedef struct ArchiveItem
{
	Slice key;
	uint8_t type; /* ArchiveType */
	bool is_reserved;
	/* Writing: the value follows from the code that made the span, as its
	 * scope does, so it belongs into the template.  It never changes what is
	 * read, only how small the block is. */
	bool is_constant;
	Slice text;
	int64_t integer;
} ArchiveItem;

typedef enum ArchiveTags
{
	ARCHIVE_TAGS_NULL,
	ARCHIVE_TAGS_OBJECT,
	ARCHIVE_TAGS_OTHER, /* no object: one item, nested, with an empty key */
} ArchiveTags;

typedef enum ArchiveDuration
{
	ARCHIVE_DURATION_NONE, /* NULL */
	ARCHIVE_DURATION_US,   /* a number of microseconds */
	ARCHIVE_DURATION_TEXT, /* what is no such number, as text */
} ArchiveDuration;

typedef struct ArchiveRow
{
	int64_t id;
	Slice span_id;
	Slice parent_span_id; /* data NULL: none */
	Slice service_name;
	Slice operation;
	int64_t start_time;
	int64_t end_time; /* 0 if there is none */
	bool has_end;
	bool is_error;		   /* as in the tree */
	bool is_async;		   /* as in the tree */
	uint8_t kind;		   /* SpanKind, as in the tree */
	uint8_t duration_form; /* ArchiveDuration */
	int64_t duration;
	Slice duration_text;
	uint16_t start_ns; /* what the times have beyond the microsecond, where */
	uint16_t end_ns;   /* that is a number of 1 to 999; else 0 */
	uint8_t tags_form; /* ArchiveTags */
	uint32_t item_count;
	const ArchiveItem *items; /* read back in this order; no key twice */
	Slice logs;				  /* data NULL: none */
	int64_t created_at;
	int64_t updated_at;
} ArchiveRow;

/*
 * What may be wrong with a block.
 */

typedef enum ArchiveColumn
{
	ARCHIVE_SHAPE,
	ARCHIVE_IDS,
	ARCHIVE_TAGS,
} ArchiveColumn;

typedef enum ArchiveReason
{
	ARCHIVE_SOUND,
	ARCHIVE_NO_COLUMN,	   /* it does not begin as such a column does */
	ARCHIVE_OTHER_VERSION, /* it was written by a newer version */
	ARCHIVE_WRONG_LENGTH,  /* bytes are missing, or there are too many */
	ARCHIVE_DAMAGED,	   /* a checksum does not fit */
	ARCHIVE_OTHER_BLOCK,   /* the column belongs to another block's shape */
	ARCHIVE_CONTRADICTION, /* it says what no writer writes */
	ARCHIVE_TOO_MANY,	   /* it says that there is more than a block holds */
} ArchiveReason;

/* Set where a function that takes one returns CORE_MALFORMED. */
typedef struct ArchiveFault
{
	uint8_t column;	 /* ArchiveColumn */
	uint8_t reason;	 /* ArchiveReason */
	size_t position; /* in bytes: of the stream, or what describes it */
} ArchiveFault;

/* "shape", "ids", "tags" */
extern const char *archive_column_name(ArchiveColumn column);

/* The reason in words that go on from "column ... of the block". */
extern const char *archive_reason_text(ArchiveReason reason);

/*
 * Writing.
 */

typedef enum ArchiveCodec
{
	ARCHIVE_ZSTD, /* smaller */
	ARCHIVE_LZ4,  /* reads faster */
} ArchiveCodec;

/* The states of the compressors.  They take up to 2 MB of the host's memory
 * when first used, and are used again for any number of blocks, one at a
 * time; NULL if there is no memory. */
typedef struct ArchiveCodecs ArchiveCodecs;

extern ArchiveCodecs *archive_codecs_create(Host *host);

typedef struct ArchiveBlock
{
	const uint8_t *columns[3]; /* by ArchiveColumn */
	size_t lengths[3];
	uint32_t trace_count;
	uint32_t span_count;
	uint32_t error_count;
	int64_t min_start; /* of the spans that have a start; else 0 */
	int64_t max_start;
	int64_t max_end;	  /* the latest reach */
	int64_t max_duration; /* us, of the finished spans; else 0 */
} ArchiveBlock;

typedef struct ArchiveWriter ArchiveWriter;

/* NULL if there is no memory. */
extern ArchiveWriter *archive_writer_create(Host *host, ArchiveCodecs *codecs,
											ArchiveCodec codec);

/*
 * Adds a trace: its built tree and its rows, one for each span of the tree, in
 * any order.  Neither they nor what they point to may change or go before the
 * block is finished.  CORE_MALFORMED: the rows are not those of the tree, or
 * break a rule stated above.  CORE_TOO_LARGE: the trace would not fit; the
 * block can be finished without it.
 */
extern CoreStatus archive_writer_add(ArchiveWriter *writer,
									 const SpanTree *tree,
									 const ArchiveRow *rows);

/* Spans and bytes that were added. */
extern uint32_t archive_writer_spans(const ArchiveWriter *writer);
extern size_t archive_writer_size(const ArchiveWriter *writer);

/* Writes the block; the writer is then used up. */
extern CoreStatus archive_writer_finish(ArchiveWriter *writer,
										ArchiveBlock *block);

/*
 * Reading.  `bytes` are a column as it was written; they must stay.
 */

typedef struct ArchiveBytes
{
	const uint8_t *data;
	size_t length;
} ArchiveBytes;

typedef struct ArchiveTemplate
{
	Slice service_name;
	Slice operation;
	uint32_t service_number;   /* equal names have equal numbers, below */
	uint32_t operation_number; /* ArchiveShape.name_count */
	uint8_t kind;			   /* SpanKind */
	bool is_error;
	bool is_async;
	uint8_t tags_form; /* ArchiveTags */
} ArchiveTemplate;

typedef struct ArchiveShape
{
	uint32_t trace_count;
	uint32_t span_count;
	uint32_t template_count;
	uint32_t name_count;
	const uint32_t *first; /* of each trace the first span; then span_count */
	const ArchiveTemplate *templates;
} ArchiveShape;

extern CoreStatus archive_shape_open(Host *host, ArchiveCodecs *codecs,
									 ArchiveBytes bytes,
									 const ArchiveShape **shape,
									 ArchiveFault *fault);

/* A span that is not as most are. */
typedef struct ArchiveOdd
{
	uint32_t span; /* in the block */
	uint8_t has;   /* ODD_* */
	uint8_t duration_form;
	int64_t duration;
	Slice text;			  /* of the duration */
	Slice parent_span_id; /* of a root */
	uint16_t node_flags;  /* of the tree's node, if ODD_NODE */
	int64_t node_end;
	int64_t node_duration;
} ArchiveOdd;

enum
{
	ODD_NO_END = 1 << 0,
	ODD_DURATION = 1 << 1, /* it is not the end minus the start */
	ODD_PARENT = 1 << 2,   /* it is a root in the tree, but names a parent */
	ODD_NODE = 1 << 3,	   /* its node's flags do not follow from the row */
};

/* The spans [first, first + count) of a block, each array from `first` on. */
typedef struct ArchiveSpans
{
	uint32_t first;
	uint32_t count;
	const uint32_t *templates;
	const uint32_t *parents; /* positions in the block, or SPAN_TREE_NONE */
	const uint32_t *depths;
	const int64_t *starts;
	const int64_t *ends; /* the start if there is none */
	uint32_t odd_count;	 /* in the order of the spans */
	const ArchiveOdd *odds;
} ArchiveSpans;

/* The spans of the traces [from, to), of 0 to trace_count. */
extern CoreStatus archive_shape_spans(const ArchiveShape *shape, uint32_t from,
									  uint32_t to, ArchiveSpans *spans,
									  ArchiveFault *fault);

/* One span, its odds counted in. */
typedef struct ArchiveSpan
{
	const ArchiveTemplate *template;
	uint32_t parent;	/* position in the block, or SPAN_TREE_NONE */
	bool has_parent_id; /* also where that was never recorded */
	bool has_end;
	uint8_t duration_form;
	int64_t start_time;
	int64_t end_time;
	int64_t duration;
} ArchiveSpan;

/* Goes through `spans`, from *position 0 onand from *odd 0 on; false at the end. */
extern bool archive_spans_next(const ArchiveShape *shape,
							   const ArchiveSpans *spans, uint32_t *position,
							   uint32_t *odd, ArchiveSpan *span);

typedef struct ArchiveIds ArchiveIds;

extern CoreStatus archive_ids_open(const ArchiveShape *shape,
								   ArchiveBytes bytes, const ArchiveIds **ids,
								   ArchiveFault *fault);

/* room for an id that was kept as bytes */
#define ARCHIVE_ID_ROOM 32

/* An id, which may be written into `room`. */
extern Slice archive_trace_id(const ArchiveIds *ids, uint32_t trace,
							  char room[ARCHIVE_ID_ROOM]);
extern Slice archive_span_id(const ArchiveIds *ids, uint32_t span,
							 char room[ARCHIVE_ID_ROOM]);

/* The number of a trace, or SPAN_TREE_NONE. */
extern uint32_t archive_shape_find(const ArchiveShape *shape,
								   const ArchiveIds *ids, Slice trace_id);

/* The tree of a trace, out of spans that hold it and were read for more than
 * one. */
extern CoreStatus archive_spans_tree(const ArchiveShape *shape,
									 const ArchiveIds *ids,
									 const ArchiveSpans *spans, uint32_t trace,
									 SpanTree **tree);

/* The tree of a trace. */
extern CoreStatus archive_shape_tree(const ArchiveShape *shape,
									 const ArchiveIds *ids, uint32_t trace,
									 SpanTree **tree, ArchiveFault *fault);

typedef struct ArchiveTagsReader ArchiveTagsReader;

extern CoreStatus archive_tags_open(const ArchiveShape *shape,
									ArchiveBytes bytes,
									ArchiveTagsReader **tags,
									ArchiveFault *fault);

/* A key with a type, and how many spans have it. */
typedef struct ArchiveKey
{
	Slice key;
	uint8_t type;
	bool is_reserved;
	bool is_constant;
	uint32_t count;
} ArchiveKey;

/* The block's keys; an attribute is named by its number among them.  One key
 * may be there several times, by type and by whether it is constant. */
extern const ArchiveKey *archive_tags_keys(const ArchiveTagsReader *tags,
										   uint32_t *count);

/* All values of one key. */
typedef struct ArchiveAttribute ArchiveAttribute;

extern CoreStatus archive_attribute_open(ArchiveTagsReader *tags, uint32_t key,
										 ArchiveAttribute **attribute,
										 ArchiveFault *fault);

/* Value number `i` of ArchiveKey.count; *span is its span in the block.  A text
 * stays until the next call for this attribute. */
extern ArchiveItem archive_attribute_value(const ArchiveAttribute *attribute,
										   uint32_t i, uint32_t *span);

/* Writes the spans whose value is this text, or this integer for the types that
 * are one, to `spans`, which has room for ArchiveKey.count; returns how many. */
extern uint32_t archive_attribute_find(const ArchiveAttribute *attribute,
									   const ArchiveItem *wanted,
									   uint32_t *spans);

/* Whole rows, in the order of the block. */
typedef struct ArchiveRows ArchiveRows;

/* The rows of the traces [from, to). */
extern CoreStatus archive_rows_open(ArchiveTagsReader *tags,
									const ArchiveIds *ids, uint32_t from,
									uint32_t to, ArchiveRows **rows,
									ArchiveFault *fault);

/*
 * The next row; *more is false at the end.  Items, ids and logs of a row stay
 * until the next call, everything else as long as the arena.
 */
extern CoreStatus archive_rows_next(ArchiveRows *rows, uint32_t *trace,
									ArchiveRow *row, bool *more,
									ArchiveFault *fault);

#endif
