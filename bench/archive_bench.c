/*
 * archive_bench FILE SPANS CODEC [RUNS]: the block codec of src/core/archive,
 * alone.
 *
 * FILE is COPY text as the generator writes it (--copy); SPANS the size of a
 * block; CODEC zstd or lz4.  The rows are put into traces and the traces, by
 * their start, into blocks, which are written and read RUNS times.  Prints
 * lines "what <tab> value <tab> unit", of which times are the best of the
 * runs; reading everything also checks that it is what was written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/archive/archive.h"

#define COLUMNS 10
#define BATCH 512 /* rows that came in one transaction */

/* What was allocated since a mark goes when the mark is gone back to. */
typedef struct Arena
{
	Host host;
	char *memory;
	size_t used;
	size_t size;
} Arena;

static void *
allocate(Host *host, size_t size)
{
	Arena *arena = (Arena *) host;
	size_t used = (arena->used + 15) & ~(size_t) 15;

	if (size > arena->size - used)
	{
		fprintf(stderr, "archive_bench: out of memory\n");
		exit(1);
	}
	arena->used = used + size;
	return arena->memory + used;
}

static void
poll(Host *host)
{
	(void) host;
}

static Arena
arena_create(size_t size)
{
	Arena arena = {
		{allocate, poll, UINT64_C(0x9e3779b97f4a7c15)}, malloc(size), 0, size};

	if (arena.memory == NULL)
		exit(1);
	return arena;
}

static void
require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "archive_bench: %s\n", what);
	exit(1);
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void
report(const char *what, double value, const char *unit)
{
	printf("%s\t%.3f\t%s\n", what, value, unit);
}

/*
 * Reading the file
 */

static char *
load_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	char *data;

	require(file != NULL && fseek(file, 0, SEEK_END) == 0, "no such file");
	*size = (size_t) ftell(file);
	rewind(file);
	data = malloc(*size + 1);
	require(data != NULL && fread(data, 1, *size, file) == *size,
			"cannot read the file");
	data[*size] = '\0';
	fclose(file);
	return data;
}

/* Undoes COPY's escapes in place: backslashes before backslashes alone. */
static Slice
unescape(char *from, char *end)
{
	char *to = from;
	char *start = from;

	for (; from < end; from++)
	{
		if (*from == '\\')
			from++;
		*to++ = *from;
	}
	return (Slice){start, (uint32_t) (to - start)};
}

static const char *
skip_json(const char *at)
{
	int depth = 0;
	bool in_string = false;

	for (;; at++)
	{
		if (in_string)
		{
			if (*at == '\\')
				at++;
			else if (*at == '"')
				in_string = false;
			continue;
		}
		if (*at == '"')
			in_string = true;
		else if (*at == '{' || *at == '[')
			depth++;
		else if (*at == ',' && depth == 0)
			return at;
		else if ((*at == '}' || *at == ']') && depth-- == 0)
			return at;
	}
}

static void
set_value(ArchiveItem *item, const char *at, const char *end)
{
	item->text = (Slice){at, (uint32_t) (end - at)};
	item->integer = 0;
	switch (*at)
	{
		case '"':
			item->type = ARCHIVE_STRING;
			item->text = (Slice){at + 1, (uint32_t) (end - at - 2)};
			break;
		case '{':
		case '[':
			item->type = ARCHIVE_NESTED;
			break;
		case 't':
		case 'f':
			item->type = ARCHIVE_BOOLEAN;
			item->integer = *at == 't';
			break;
		default:
			item->type = ARCHIVE_NUMBER;
			if (memchr(at, '.', (size_t) (end - at)) != NULL)
				break;
			item->type = ARCHIVE_INTEGER;
			item->integer = strtoll(at, NULL, 10);
			break;
	}
}

/* What the store keeps apart of the member "otel"; false for another key. */
static bool
take_known(ArchiveRow *row, ArchiveItem *item)
{
	if (slice_equal(item->key, SLICE_LITERAL("start_ns")))
		row->start_ns = (uint16_t) item->integer;
	else if (slice_equal(item->key, SLICE_LITERAL("end_ns")))
		row->end_ns = (uint16_t) item->integer;
	else
	{
		if (slice_equal(item->key, SLICE_LITERAL("kind")))
			row->kind = (uint8_t) span_kind_from_name(item->text);
		else if (slice_equal(item->key, SLICE_LITERAL("status")))
			row->is_error = slice_equal(item->text, SLICE_LITERAL("error"));
		item->is_constant = slice_equal(item->key, SLICE_LITERAL("kind")) ||
							slice_equal(item->key, SLICE_LITERAL("status")) ||
							slice_equal(item->key, SLICE_LITERAL("scope")) ||
							slice_equal(item->key, SLICE_LITERAL("flags"));
		return false;
	}
	return true;
}

/* The members of an object, added to the items. */
static const char *
read_object(ArchiveRow *row, ArchiveItem *items, const char *at, bool reserved)
{
	while (*++at != '}')
	{
		ArchiveItem item = {.is_reserved = reserved};
		const char *key = at + 1;
		const char *value = strchr(key, '"') + 2;

		item.key = (Slice){key, (uint32_t) (value - 2 - key)};
		at = skip_json(value);
		set_value(&item, value, at);
		if (!reserved && slice_equal(item.key, SLICE_LITERAL("otel")))
			read_object(row, items, value, true);
		else if (!reserved || !take_known(row, &item))
			items[row->item_count++] = item;
		if (*at == '}')
			break;
	}
	return at;
}

static int64_t
days_before(int year, int month, int day)
{
	static const int before[] = {
		0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	int leaps = (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;

	return (int64_t) year * 365 + leaps + before[month - 1] + day - 1 +
		   (month > 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

/* Microseconds of "2026-01-05 12:00:00.021729+00" since 2000. */
static int64_t
read_time(const char *text)
{
	int year, month, day, hour, minute, second, us;

	require(sscanf(text,
				   "%d-%d-%d %d:%d:%d.%d",
				   &year,
				   &month,
				   &day,
				   &hour,
				   &minute,
				   &second,
				   &us) == 7,
			"not a time");
	return ((days_before(year, month, day) - days_before(2000, 1, 1)) * 86400 +
			hour * 3600 + minute * 60 + second) *
			   1000000 +
		   us;
}

typedef struct Row
{
	Slice trace_id;
	ArchiveRow row;
} Row;

static void
read_row(Host *host, char *line, Row *to, size_t number)
{
	static ArchiveItem items[256];
	ArchiveItem *kept;
	Slice columns[COLUMNS];
	ArchiveRow *row = &to->row;
	double ms;

	for (int i = 0; i < COLUMNS; i++)
	{
		char *end = line + strcspn(line, "\t");

		columns[i] = strncmp(line, "\\N", 2) == 0 ? (Slice){NULL, 0}
												  : unescape(line, end);
		*end = '\0';
		line = end + 1;
	}
	*row = (ArchiveRow){
		.id = (int64_t) number + (INT64_C(1) << 31),
		.span_id = columns[1],
		.parent_span_id = columns[2],
		.service_name = columns[3],
		.operation = columns[4],
		.start_time = read_time(columns[5].data),
		.end_time = read_time(columns[6].data),
		.has_end = true,
		.duration_form = ARCHIVE_DURATION_US,
		.tags_form = ARCHIVE_TAGS_OBJECT,
		.logs = columns[9],
	};
	to->trace_id = columns[0];
	ms = strtod(columns[7].data, NULL);
	row->duration = (int64_t) (ms * 1000 + (ms < 0 ? -0.5 : 0.5));
	row->created_at = row->end_time - (int64_t) (number % BATCH);
	read_object(row, items, columns[8].data, false);
	kept = host->allocate(host, row->item_count * sizeof(ArchiveItem));
	memcpy(kept, items, row->item_count * sizeof(ArchiveItem));
	row->items = kept;
}

static Row *
read_rows(Host *host, const char *path, size_t *count)
{
	size_t size;
	char *data = load_file(path, &size);
	size_t lines = 0;
	Row *rows;
	int64_t created = 0;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	rows = host->allocate(host, lines * sizeof(Row));
	*count = 0;
	for (char *line = data; *line != '\0';)
	{
		char *end = strchr(line, '\n');
		ArchiveRow *row = &rows[*count].row;

		*end = '\0';
		read_row(host, line, &rows[*count], *count);
		created = *count % BATCH == 0 ? row->created_at : created;
		row->created_at = row->updated_at = created;
		(*count)++;
		line = end + 1;
	}
	return rows;
}

/*
 * Traces
 */

typedef struct Trace
{
	ArchiveRow *rows;
	const ArchiveRow **by_id; /* the same, by the ids of their spans */
	uint32_t count;
	SpanTree *tree;
} Trace;

static int
compare_rows(const void *a, const void *b)
{
	return slice_compare(((const Row *) a)->trace_id,
						 ((const Row *) b)->trace_id);
}

static int
compare_ids(const void *a, const void *b)
{
	return slice_compare((*(const ArchiveRow *const *) a)->span_id,
						 (*(const ArchiveRow *const *) b)->span_id);
}

static int
compare_traces(const void *a, const void *b)
{
	int64_t x = span_tree_nodes(((const Trace *) a)->tree)->start_time;
	int64_t y = span_tree_nodes(((const Trace *) b)->tree)->start_time;

	return (x > y) - (x < y);
}

static Span
span_of(const ArchiveRow *row)
{
	return (Span){
		.span_id = row->span_id,
		.parent_span_id = row->parent_span_id,
		.service_name = row->service_name,
		.operation = row->operation,
		.start_time = row->start_time,
		.end_time = row->end_time,
		.duration = row->duration,
		.kind = row->kind,
		.flags = (uint8_t) (SPAN_HAS_START | SPAN_HAS_END | SPAN_HAS_DURATION |
							(row->is_error ? SPAN_IS_ERROR : 0)),
	};
}

static SpanTree *
build(Host *host, const Row *rows, uint32_t count)
{
	size_t size = span_tree_open_size(rows->trace_id, &(Span){0});
	SpanTree *open;
	SpanTree *built;

	for (uint32_t i = 0; i < count; i++)
	{
		Span span = span_of(&rows[i].row);

		size += span_tree_span_size(&span);
	}
	open = host->allocate(host, size);
	memset(open, 0, size);
	span_tree_open(open, rows->trace_id);
	for (uint32_t i = 0; i < count; i++)
	{
		Span span = span_of(&rows[i].row);

		span_tree_add(open, &span);
	}
	require(span_tree_build(host, open, &built) == CORE_OK, "no tree");
	return built;
}

static Trace *
make_traces(Arena *arena, Row *rows, size_t count, size_t *trace_count)
{
	Host *host = &arena->host;
	Trace *traces = host->allocate(host, count * sizeof(Trace));

	qsort(rows, count, sizeof(Row), compare_rows);
	*trace_count = 0;
	for (size_t i = 0; i < count;)
	{
		Trace *trace = &traces[(*trace_count)++];
		size_t end = i;

		while (end < count && slice_equal(rows[end].trace_id, rows[i].trace_id))
			end++;
		trace->count = (uint32_t) (end - i);
		trace->rows = host->allocate(host, trace->count * sizeof(ArchiveRow));
		trace->tree = build(host, rows + i, trace->count);
		trace->by_id =
			host->allocate(host, trace->count * sizeof(ArchiveRow *));
		for (size_t k = i; k < end; k++)
		{
			trace->rows[k - i] = rows[k].row;
			trace->by_id[k - i] = &trace->rows[k - i];
		}
		qsort(trace->by_id, trace->count, sizeof(ArchiveRow *), compare_ids);
		i = end;
	}
	qsort(traces, *trace_count, sizeof(Trace), compare_traces);
	return traces;
}

/*
 * What is measured
 */

typedef struct Bench
{
	Trace *traces;
	size_t trace_count;
	size_t span_count;
	uint32_t target;
	ArchiveCodec codec;
	ArchiveBlock *blocks;
	size_t *first; /* trace of each block */
	size_t block_count;
	ArchiveCodecs *codecs;
	Arena *scratch;
	uint64_t sum; /* so that nothing is optimized away */
} Bench;

static ArchiveBytes
column_of(const ArchiveBlock *block, ArchiveColumn column)
{
	return (ArchiveBytes){block->columns[column], block->lengths[column]};
}

/* Writes all blocks; keeps them in `keep` if that is given. */
static double
write_blocks(Bench *bench, Host *keep)
{
	double total = 0;
	size_t blocks = 0;

	for (size_t i = 0; i < bench->trace_count; blocks++)
	{
		Host *host = &bench->scratch->host;
		double start = seconds();
		ArchiveWriter *writer =
			archive_writer_create(host, bench->codecs, bench->codec);
		ArchiveBlock block;

		bench->first[blocks] = i;
		while (i < bench->trace_count &&
			   archive_writer_spans(writer) < bench->target)
		{
			require(archive_writer_add(writer,
									   bench->traces[i].tree,
									   bench->traces[i].rows) == CORE_OK,
					"trace not taken");
			i++;
		}
		require(archive_writer_finish(writer, &block) == CORE_OK, "no block");
		total += seconds() - start;
		for (int c = 0; c < 3 && keep != NULL; c++)
		{
			uint8_t *copy = keep->allocate(keep, block.lengths[c]);

			memcpy(copy, block.columns[c], block.lengths[c]);
			block.columns[c] = copy;
		}
		bench->blocks[blocks] = block;
		bench->scratch->used = 0;
	}
	bench->block_count = blocks;
	bench->first[blocks] = bench->trace_count;
	return total;
}

typedef void (*Reading)(Bench *bench, size_t block, const ArchiveShape *shape);

static double
read_blocks(Bench *bench, Reading reading)
{
	double start = seconds();

	for (size_t i = 0; i < bench->block_count; i++)
	{
		const ArchiveShape *shape;
		ArchiveFault fault;

		require(archive_shape_open(&bench->scratch->host,
								   bench->codecs,
								   column_of(&bench->blocks[i], ARCHIVE_SHAPE),
								   &shape,
								   &fault) == CORE_OK,
				"no shape");
		reading(bench, i, shape);
		bench->scratch->used = 0;
	}
	return seconds() - start;
}

static void
scan_shape(Bench *bench, size_t block, const ArchiveShape *shape)
{
	ArchiveSpans spans;
	ArchiveFault fault;

	(void) block;
	require(archive_shape_spans(shape, 0, shape->trace_count, &spans, &fault) ==
				CORE_OK,
			"no spans");
	bench->sum += (uint64_t) spans.starts[spans.count - 1];
}

static void
scan_durations(Bench *bench, size_t block, const ArchiveShape *shape)
{
	ArchiveSpans spans;
	ArchiveSpan span;
	ArchiveFault fault;
	uint32_t position = 0;
	uint32_t odd = 0;

	(void) block;
	require(archive_shape_spans(shape, 0, shape->trace_count, &spans, &fault) ==
				CORE_OK,
			"no spans");
	while (archive_spans_next(shape, &spans, &position, &odd, &span))
		bench->sum += (uint64_t) span.duration;
}

static const ArchiveIds *
open_ids(Bench *bench, size_t block, const ArchiveShape *shape)
{
	const ArchiveIds *ids;
	ArchiveFault fault;

	require(archive_ids_open(shape,
							 column_of(&bench->blocks[block], ARCHIVE_IDS),
							 &ids,
							 &fault) == CORE_OK,
			"no ids");
	return ids;
}

static void
build_trees(Bench *bench, size_t block, const ArchiveShape *shape)
{
	const ArchiveIds *ids = open_ids(bench, block, shape);
	ArchiveSpans spans;
	ArchiveFault fault;

	require(archive_shape_spans(shape, 0, shape->trace_count, &spans, &fault) ==
				CORE_OK,
			"no spans");
	for (uint32_t t = 0; t < shape->trace_count; t++)
	{
		const SpanTree *ours = bench->traces[bench->first[block] + t].tree;
		SpanTree *tree;

		require(archive_spans_tree(shape, ids, &spans, t, &tree) == CORE_OK,
				"no tree");
		require(tree->used == ours->used && memcmp(tree, ours, tree->used) == 0,
				"another tree");
	}
}

static ArchiveTagsReader *
open_tags(Bench *bench, size_t block, const ArchiveShape *shape)
{
	ArchiveTagsReader *tags;
	ArchiveFault fault;

	require(archive_tags_open(shape,
							  column_of(&bench->blocks[block], ARCHIVE_TAGS),
							  &tags,
							  &fault) == CORE_OK,
			"no tags");
	return tags;
}

static void
find_user(Bench *bench, size_t block, const ArchiveShape *shape)
{
	ArchiveTagsReader *tags = open_tags(bench, block, shape);
	ArchiveItem wanted = {.type = ARCHIVE_STRING,
						  .text = SLICE_LITERAL("u-151954")};
	uint32_t count;
	const ArchiveKey *keys = archive_tags_keys(tags, &count);

	for (uint32_t i = 0; i < count; i++)
	{
		ArchiveAttribute *attribute;
		ArchiveFault fault;
		uint32_t *spans;

		if (!slice_equal(keys[i].key, SLICE_LITERAL("user.id")))
			continue;
		require(archive_attribute_open(tags, i, &attribute, &fault) == CORE_OK,
				"no attribute");
		spans = bench->scratch->host.allocate(&bench->scratch->host,
											  keys[i].count * sizeof(uint32_t));
		bench->sum += archive_attribute_find(attribute, &wanted, spans);
	}
}

static bool
same_items(const ArchiveRow *a, const ArchiveRow *b)
{
	if (a->item_count != b->item_count)
		return false;
	for (uint32_t i = 0; i < a->item_count; i++)
	{
		const ArchiveItem *x = &a->items[i];
		const ArchiveItem *y = &b->items[i];

		if (x->type != y->type || x->is_reserved != y->is_reserved ||
			!slice_equal(x->key, y->key))
			return false;
		if (x->type == ARCHIVE_INTEGER || x->type == ARCHIVE_BOOLEAN
				? x->integer != y->integer
				: !slice_equal(x->text, y->text))
			return false;
	}
	return true;
}

static bool
same_row(const ArchiveRow *a, const ArchiveRow *b)
{
	return a->id == b->id && slice_equal(a->span_id, b->span_id) &&
		   (a->parent_span_id.data == NULL) ==
			   (b->parent_span_id.data == NULL) &&
		   slice_equal(a->parent_span_id, b->parent_span_id) &&
		   slice_equal(a->service_name, b->service_name) &&
		   slice_equal(a->operation, b->operation) &&
		   a->start_time == b->start_time && a->end_time == b->end_time &&
		   a->duration == b->duration && a->start_ns == b->start_ns &&
		   a->end_ns == b->end_ns &&
		   (a->logs.data == NULL) == (b->logs.data == NULL) &&
		   slice_equal(a->logs, b->logs) && a->created_at == b->created_at &&
		   a->updated_at == b->updated_at && same_items(a, b);
}

static const ArchiveRow *
find_row(const Trace *trace, Slice span_id)
{
	const ArchiveRow wanted = {.span_id = span_id};
	const ArchiveRow *key = &wanted;
	const ArchiveRow **found = bsearch(
		&key, trace->by_id, trace->count, sizeof(ArchiveRow *), compare_ids);

	return found == NULL ? NULL : *found;
}

static void
read_rows_of(Bench *bench, size_t block, const ArchiveShape *shape,
			 uint32_t from, uint32_t to, bool check)
{
	ArchiveTagsReader *tags = open_tags(bench, block, shape);
	const ArchiveIds *ids = open_ids(bench, block, shape);
	ArchiveRows *rows;
	ArchiveRow row;
	ArchiveFault fault;
	uint32_t trace;
	bool more;

	require(archive_rows_open(tags, ids, from, to, &rows, &fault) == CORE_OK,
			"no rows");
	while (archive_rows_next(rows, &trace, &row, &more, &fault) == CORE_OK &&
		   more)
	{
		const ArchiveRow *ours;

		bench->sum += (uint64_t) row.id;
		if (!check)
			continue;
		ours =
			find_row(&bench->traces[bench->first[block] + trace], row.span_id);
		require(ours != NULL && same_row(&row, ours), "another row");
	}
	require(!more, "a row is missing");
}

static void
read_all_rows(Bench *bench, size_t block, const ArchiveShape *shape)
{
	read_rows_of(bench, block, shape, 0, shape->trace_count, false);
}

static void
check_all_rows(Bench *bench, size_t block, const ArchiveShape *shape)
{
	read_rows_of(bench, block, shape, 0, shape->trace_count, true);
}

/* The trace in the middle of the block. */
static void
read_one_tree(Bench *bench, size_t block, const ArchiveShape *shape)
{
	const ArchiveIds *ids = open_ids(bench, block, shape);
	uint32_t t = shape->trace_count / 2;
	char room[ARCHIVE_ID_ROOM];
	SpanTree *tree;
	ArchiveFault fault;

	t = archive_shape_find(shape, ids, archive_trace_id(ids, t, room));
	require(archive_shape_tree(shape, ids, t, &tree, &fault) == CORE_OK,
			"no tree");
	bench->sum += tree->used;
}

static void
read_one_trace(Bench *bench, size_t block, const ArchiveShape *shape)
{
	uint32_t t = shape->trace_count / 2;

	read_rows_of(bench, block, shape, t, t + 1, false);
}

static void
open_only(Bench *bench, size_t block, const ArchiveShape *shape)
{
	(void) block;
	bench->sum += shape->template_count;
}

static void
measure(Bench *bench, const char *what, Reading reading, int runs, double per,
		const char *unit)
{
	double best = 1e9;

	for (int i = 0; i < runs; i++)
	{
		double time = read_blocks(bench, reading);

		best = time < best ? time : best;
	}
	report(what, best * 1e6 / per, unit);
}

static void
report_sizes(const Bench *bench)
{
	static const char *const names[] = {"shape", "ids", "tags"};
	double all = 0;
	double spans = (double) bench->span_count;

	for (int c = 0; c < 3; c++)
	{
		double total = 0;

		for (size_t i = 0; i < bench->block_count; i++)
			total += (double) bench->blocks[i].lengths[c];
		report(names[c], total / spans, "bytes/span");
		all += total;
	}
	report("block", all / spans, "bytes/span");
}

/* A trace of 1000 spans lies in a block of its own or beside others. */
static void
report_large_traces(Bench *bench, int runs)
{
	for (size_t i = 0; i < bench->block_count; i++)
	{
		const ArchiveShape *shape;
		ArchiveFault fault;
		double best = 1e9;
		uint32_t chosen = UINT32_MAX;
		SpanTree *tree;

		for (size_t t = bench->first[i]; t < bench->first[i + 1]; t++)
		{
			if (bench->traces[t].count >= 900 && bench->traces[t].count <= 1100)
				chosen = (uint32_t) (t - bench->first[i]);
		}
		for (int run = 0; run < runs * 5 && chosen != UINT32_MAX; run++)
		{
			double start = seconds();

			require(
				archive_shape_open(&bench->scratch->host,
								   bench->codecs,
								   column_of(&bench->blocks[i], ARCHIVE_SHAPE),
								   &shape,
								   &fault) == CORE_OK &&
					archive_shape_tree(shape,
									   open_ids(bench, i, shape),
									   chosen,
									   &tree,
									   &fault) == CORE_OK,
				"no tree");
			best = seconds() - start < best ? seconds() - start : best;
			bench->scratch->used = 0;
		}
		if (chosen == UINT32_MAX)
			continue;
		report("tree of 1000 spans", best * 1e6, "us");
		return;
	}
}

int
main(int argc, char **argv)
{
	Arena memory = arena_create((size_t) 12 << 30);
	Arena scratch = arena_create((size_t) 1 << 30);
	Arena codecs = arena_create((size_t) 16 << 20);
	Bench bench = {.scratch = &scratch};
	int runs = argc > 4 ? atoi(argv[4]) : 3;
	double best = 1e9;
	double spans;
	double blocks;
	Row *rows;

	require(argc >= 4, "archive_bench FILE SPANS zstd|lz4 [RUNS]");
	rows = read_rows(&memory.host, argv[1], &bench.span_count);
	bench.traces =
		make_traces(&memory, rows, bench.span_count, &bench.trace_count);
	bench.target = (uint32_t) atoi(argv[2]);
	bench.codec = strcmp(argv[3], "lz4") == 0 ? ARCHIVE_LZ4 : ARCHIVE_ZSTD;
	bench.codecs = archive_codecs_create(&codecs.host);
	bench.blocks = memory.host.allocate(
		&memory.host, bench.trace_count * sizeof(ArchiveBlock));
	bench.first = memory.host.allocate(
		&memory.host, (bench.trace_count + 1) * sizeof(size_t));
	for (int i = 0; i < runs; i++)
	{
		double time = write_blocks(&bench, NULL);

		best = time < best ? time : best;
	}
	write_blocks(&bench, &memory.host);
	spans = (double) bench.span_count;
	blocks = (double) bench.block_count;
	report("spans", spans, "");
	report("traces", (double) bench.trace_count, "");
	report("blocks", blocks, "");
	report_sizes(&bench);
	report("write", best * 1e6 / spans, "us/span");
	read_blocks(&bench, check_all_rows);
	measure(&bench, "open shape", open_only, runs, blocks, "us/block");
	measure(&bench, "all shapes", scan_shape, runs, spans, "us/span");
	measure(&bench, "all durations", scan_durations, runs, spans, "us/span");
	measure(&bench, "all trees, compared", build_trees, runs, spans, "us/span");
	measure(&bench, "one attribute", find_user, runs, spans, "us/span");
	measure(&bench, "all rows", read_all_rows, runs, spans, "us/span");
	measure(&bench, "one tree by id", read_one_tree, runs, blocks, "us");
	measure(&bench, "one trace's rows", read_one_trace, runs, blocks, "us");
	report_large_traces(&bench, runs);
	return bench.sum == 42;
}
