/*
 * Reading a window: see window.h.
 *
 * However many buckets there are, the rollup is read once, by all ranges of its
 * levels together, and the log once for each part of a minute at the ends of
 * buckets: for most windows two, at its own ends.  Where there would be too
 * many (buckets of 90 seconds, say), it is read once from the first to the
 * last.
 */
#include "postgres.h"

#include "compat.h"
#include "core/wire/sampling.h"
#include "latency/cover.h"
#include "latency/sketch_value.h"
#include "latency/window.h"
#include "server/numeric_reader.h"
#include "server/query.h"
#include "server/server_host.h"
#include "store/tag_readers.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* The log is read range by range up to so many. */
#define MAX_SPAN_RANGES 64

/* Rows between two resets of what was made of them. */
#define ROWS_IN_MEMORY 256

enum
{
	ROLLUP_BUCKET,
	ROLLUP_SERVICE,
	ROLLUP_OPERATION,
	ROLLUP_KIND,
	ROLLUP_IS_ENTRY,
	ROLLUP_IS_ROOT,
	ROLLUP_IS_ERROR,
	ROLLUP_SIGN,
	ROLLUP_ADJUSTED,
	ROLLUP_SKETCH,
	ROLLUP_WEIGHT_CLASS,
	ROLLUP_NEGATIVE,
	ROLLUP_REQUIRED, /* those before must not be NULL, but for the kind */
	ROLLUP_NAMESPACE = ROLLUP_REQUIRED,
	ROLLUP_ENVIRONMENT,
};

static SavedQuery rollup_query = {
	.text = "SELECT l.bucket_start, l.service_name, l.operation, l.kind, "
			"l.is_entry, l.is_root, l.is_error, l.sign, l.adjusted_count, "
			"l.sketch, l.weight_class, l.negative_count, l.service_namespace, "
			"l.deployment_environment "
			"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), "
			"pg_catalog.unnest($3)) r (level, from_time, to_time) "
			"JOIN %s.distributed_trace_latency l "
			"ON l.level OPERATOR(pg_catalog.=) r.level "
			"AND l.bucket_start OPERATOR(pg_catalog.>=) r.from_time "
			"AND l.bucket_start OPERATOR(pg_catalog.<) r.to_time",
	.arg_count = 3,
	.arg_types = {TEXTARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID},
	.reads_in_bulk = true,
};

enum
{
	SPAN_START,
	SPAN_SERVICE,
	SPAN_OPERATION,
	SPAN_IS_ROOT,
	SPAN_TAGS,
	SPAN_DURATION,
};

static SavedQuery spans_query = {
	.text = "SELECT start_time, service_name, operation, parent_span_id IS "
			"NULL, tags, duration_ms FROM %s.distributed_trace_log "
			"WHERE start_time OPERATOR(pg_catalog.>=) $1 "
			"AND start_time OPERATOR(pg_catalog.<) $2 "
			"AND duration_ms IS NOT NULL",
	.arg_count = 2,
	.arg_types = {TIMESTAMPTZOID, TIMESTAMPTZOID},
	.reads_in_bulk = true,
};

static uint32
hash_slice(uint32 hash, Slice slice)
{
	return hash_combine(
		hash,
		slice.length == 0
			? 0
			: hash_bytes((const unsigned char *) slice.data, slice.length));
}

static uint32
hash_entry(int bucket, const WindowNames *names)
{
	uint32 hash = murmurhash32((uint32) bucket);

	hash = hash_slice(hash, names->service_name);
	hash = hash_slice(hash, names->scope.service_namespace);
	hash = hash_slice(hash, names->scope.environment);
	hash = hash_slice(hash, names->operation);
	return hash_slice(hash, names->kind);
}

/* Without data before an empty one. */
static int
compare_names(const WindowNames *a, const WindowNames *b)
{
	const Slice pairs[][2] = {
		{a->service_name, b->service_name},
		{a->scope.service_namespace, b->scope.service_namespace},
		{a->scope.environment, b->scope.environment},
		{a->operation, b->operation},
		{a->kind, b->kind},
	};

	for (size_t i = 0; i < lengthof(pairs); i++)
	{
		int order = slice_compare(pairs[i][0], pairs[i][1]);

		if (order == 0)
			order = (pairs[i][0].data != NULL) - (pairs[i][1].data != NULL);
		if (order != 0)
			return order;
	}
	return 0;
}

bool
window_same_names(const WindowEntry *a, const WindowEntry *b)
{
	return compare_names(&a->names, &b->names) == 0;
}

typedef struct EntrySlot
{
	WindowEntry *entry;
	uint32 hash;
	char status;
} EntrySlot;

typedef struct Window
{
	const WindowQuestion *question;
	struct entry_table_hash *table;
	MemoryContext context; /* of the entries */
	MemoryContext row;	   /* of what is made of a row */
	int rows_in_memory;
	const CoverRanges *span_ranges; /* NULL: all that is read counts */
} Window;

#define SH_PREFIX entry_table
#define SH_ELEMENT_TYPE EntrySlot
#define SH_KEY_TYPE WindowEntry *
#define SH_KEY entry
#define SH_HASH_KEY(table, key) ((key)->hash)
#define SH_EQUAL(table, a, b)                                                  \
	((a)->bucket == (b)->bucket && window_same_names(a, b))
#define SH_STORE_HASH
#define SH_GET_HASH(table, slot) (slot)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static Slice
keep_slice(Slice slice)
{
	char *copy;

	if (slice.data == NULL)
		return slice;
	copy = palloc(slice.length + 1);
	memcpy(copy, slice.data, slice.length);
	slice.data = copy;
	return slice;
}

/* The entry of a bucket and names; the names are copied if it is new. */
static WindowEntry *
find_entry(Window *window, int bucket, const WindowNames *names)
{
	WindowEntry key = {
		.bucket = bucket, .names = *names, .hash = hash_entry(bucket, names)};
	bool found;
	EntrySlot *slot = entry_table_insert(window->table, &key, &found);
	WindowEntry *entry;

	if (found)
		return slot->entry;
	entry = palloc0(sizeof(WindowEntry));
	*entry = key;
	entry->names.service_name = keep_slice(names->service_name);
	entry->names.scope.service_namespace =
		keep_slice(names->scope.service_namespace);
	entry->names.scope.environment = keep_slice(names->scope.environment);
	entry->names.operation = keep_slice(names->operation);
	entry->names.kind = keep_slice(names->kind);
	slot->entry = entry;
	return entry;
}

static WindowPart *
find_part(WindowEntry *entry, bool is_error, int16 weight_class)
{
	WindowPart *parts = entry->parts;
	int count = entry->part_count;

	for (int i = 0; i < count; i++)
	{
		if (parts[i].is_error == is_error &&
			parts[i].weight_class == weight_class)
			return &parts[i];
	}
	/* room for a power of two of them */
	if (count == 0)
		parts = palloc(sizeof(WindowPart));
	else if ((count & (count - 1)) == 0)
		parts = repalloc(parts, sizeof(WindowPart) * count * 2);
	parts[count] =
		(WindowPart){.is_error = is_error, .weight_class = weight_class};
	entry->parts = parts;
	entry->part_count++;
	return &parts[count];
}

/* What is asked of a span, or of spans that are alike. */
typedef struct CountedTraits
{
	WindowNames names; /* all of them */
	bool is_entry;
	bool is_root;
	bool is_error;
} CountedTraits;

static bool
is_wanted_name(Slice wanted, Slice name)
{
	return wanted.data == NULL ||
		   (name.data != NULL && slice_equal(wanted, name));
}

static bool
is_wanted(const WindowQuestion *question, const CountedTraits *traits)
{
	bool is_of_kind =
		question->spans == WINDOW_ALL ||
		(question->spans == WINDOW_ENTRY && traits->is_entry) ||
		(question->spans == WINDOW_ROOT && traits->is_root) ||
		(question->spans == WINDOW_CLIENT &&
		 slice_equal(traits->names.kind, SLICE_LITERAL("client")));

	return is_of_kind &&
		   is_wanted_name(question->service_name, traits->names.service_name) &&
		   is_wanted_name(question->operation, traits->names.operation) &&
		   is_wanted_name(question->scope.service_namespace,
						  traits->names.scope.service_namespace) &&
		   is_wanted_name(question->scope.environment,
						  traits->names.scope.environment);
}

/* The names that the group has. */
static WindowNames
group_names(const WindowQuestion *question, const WindowNames *all)
{
	WindowNames names = {0};

	if (question->group >= GROUP_SERVICE)
	{
		names.service_name = all->service_name;
		names.scope = all->scope;
	}
	if (question->group >= GROUP_OPERATION)
		names.operation = all->operation;
	if (question->group >= GROUP_KIND)
		names.kind = all->kind;
	return names;
}

/* The part that such spans, which start at that time, are counted in. */
static WindowPart *
part_of(Window *window, TimestampTz start, const CountedTraits *traits,
		int16 weight_class)
{
	WindowNames names = group_names(window->question, &traits->names);
	int bucket = bucket_of(&window->question->buckets, start);

	return find_part(
		find_entry(window, bucket, &names), traits->is_error, weight_class);
}

static Slice
text_slice(Datum value, bool isnull)
{
	text *string;

	if (isnull)
		return (Slice){NULL, 0};
	string = DatumGetTextPP(value);
	return (Slice){VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string)};
}

/* Begins with a row: what is made of it lies in memory of the row. */
static MemoryContext
begin_row(Window *window)
{
	if (window->rows_in_memory++ == ROWS_IN_MEMORY)
	{
		MemoryContextReset(window->row);
		window->rows_in_memory = 0;
	}
	return MemoryContextSwitchTo(window->row);
}

static void
merge_into(OpenSketch **sketch, const Sketch *other)
{
	OpenSketch *before = *sketch;

	if (before == NULL)
		*sketch = open_sketch(other);
	else
		check_sketch_status(sketch_merge(server_host(), sketch, other));
	if (before != NULL && *sketch != before)
		pfree(before);
}

/* Receives rows into a window. */
typedef struct WindowReceiver
{
	DestReceiver receiver;
	Window *window;
} WindowReceiver;

static void
require_rollup_row(TupleTableSlot *slot)
{
	for (int i = 0; i < ROLLUP_REQUIRED; i++)
	{
		if (i != ROLLUP_KIND)
			require_value(
				slot->tts_isnull[i],
				NameStr(TupleDescAttr(slot->tts_tupleDescriptor, i)->attname));
	}
}

static bool
receive_rollup(TupleTableSlot *slot, DestReceiver *self)
{
	Window *window = ((WindowReceiver *) self)->window;
	Datum *values = slot->tts_values;
	bool *nulls = slot->tts_isnull;
	CountedTraits traits;
	int sign;
	MemoryContext caller;

	slot_getallattrs(slot);
	require_rollup_row(slot);
	caller = begin_row(window);
	traits = (CountedTraits){
		.names = {.service_name = text_slice(values[ROLLUP_SERVICE], false),
				  .operation = text_slice(values[ROLLUP_OPERATION], false),
				  .kind = text_slice(values[ROLLUP_KIND], nulls[ROLLUP_KIND])},
		.is_entry = DatumGetBool(values[ROLLUP_IS_ENTRY]),
		.is_root = DatumGetBool(values[ROLLUP_IS_ROOT]),
		.is_error = DatumGetBool(values[ROLLUP_IS_ERROR]),
	};
	traits.names.scope = service_scope_shown((ServiceScope){
		text_slice(values[ROLLUP_NAMESPACE], nulls[ROLLUP_NAMESPACE]),
		text_slice(values[ROLLUP_ENVIRONMENT], nulls[ROLLUP_ENVIRONMENT])});
	if (is_wanted(window->question, &traits))
	{
		const Sketch *sketch =
			(const Sketch *) PG_DETOAST_DATUM(values[ROLLUP_SKETCH]);
		WindowPart *part;

		(void) MemoryContextSwitchTo(window->context);
		sign = DatumGetInt16(values[ROLLUP_SIGN]);
		part = part_of(window,
					   DatumGetTimestampTz(values[ROLLUP_BUCKET]),
					   &traits,
					   DatumGetInt16(values[ROLLUP_WEIGHT_CLASS]));
		part->adjusted_count += sign * DatumGetFloat8(values[ROLLUP_ADJUSTED]);
		part->negative_count += sign * DatumGetInt64(values[ROLLUP_NEGATIVE]);
		merge_into(sign > 0 ? &part->added : &part->removed, sketch);
	}
	MemoryContextSwitchTo(caller);
	return true;
}

/* What the tags of a span say about it. */
static void
read_traits(CountedTraits *traits, Jsonb *tags, Oid schema)
{
	SpanKind kind = SPAN_KIND_ABSENT;
	const char *name;

	if (tags != NULL)
		kind = tags_read(tags, &traits->is_error);
	name = span_kind_name(kind);
	if (name != NULL)
		traits->names.kind = (Slice){name, strlen(name)};
	traits->is_entry = traits->is_root || kind == SPAN_KIND_ABSENT ||
					   kind == SPAN_KIND_SERVER || kind == SPAN_KIND_CONSUMER;
	traits->names.scope = tags_service_scope(tags, schema, SCOPE_OF_CALLER);
}

static void
count_duration(WindowPart *part, Wide duration, double weight)
{
	OpenSketch *before;

	part->adjusted_count += weight;
	if (duration.high < 0)
	{
		part->negative_count++;
		duration = WIDE_ZERO;
	}
	if (part->added == NULL)
		part->added = sketch_create(server_host(), SKETCH_DEFAULT_ALPHA);
	before = part->added;
	check_sketch_status(sketch_add(server_host(), &part->added, duration, 1));
	if (part->added != before)
		pfree(before);
}

static void
count_span(Window *window, TupleTableSlot *slot, TimestampTz start)
{
	Datum *values = slot->tts_values;
	CountedTraits traits = {
		.names = {.service_name = text_slice(values[SPAN_SERVICE], false),
				  .operation = text_slice(values[SPAN_OPERATION], false)},
		.is_root = DatumGetBool(values[SPAN_IS_ROOT]),
	};
	Jsonb *tags =
		slot->tts_isnull[SPAN_TAGS] ? NULL : DatumGetJsonbP(values[SPAN_TAGS]);
	double weight = tags == NULL ? 1 : tags_adjusted_count(tags);
	Wide duration;

	if (TIMESTAMP_NOT_FINITE(start) ||
		!numeric_ms_to_ns(
			(Numeric) PG_DETOAST_DATUM_PACKED(values[SPAN_DURATION]),
			&duration))
		return;
	read_traits(&traits, tags, window->question->schema);
	if (!is_wanted(window->question, &traits))
		return;
	(void) MemoryContextSwitchTo(window->context);
	count_duration(
		part_of(window, start, &traits, sampling_weight_class(weight)),
		duration,
		weight);
}

static bool
receive_span(TupleTableSlot *slot, DestReceiver *self)
{
	Window *window = ((WindowReceiver *) self)->window;
	TimestampTz start;
	MemoryContext caller;

	slot_getallattrs(slot);
	for (int i = SPAN_START; i <= SPAN_OPERATION; i++)
		require_value(
			slot->tts_isnull[i],
			NameStr(TupleDescAttr(slot->tts_tupleDescriptor, i)->attname));
	start = DatumGetTimestampTz(slot->tts_values[SPAN_START]);
	if (window->span_ranges != NULL &&
		!cover_includes(window->span_ranges, start))
		return true;
	caller = begin_row(window);
	count_span(window, slot, start);
	MemoryContextSwitchTo(caller);
	return true;
}

/* The ranges of all levels of the rollup, as the arguments of its query. */
static void
range_arguments(const Cover *cover, Datum args[3])
{
	static const char *const words[] = {"day", "hour", "minute", "new"};
	int count = 0;
	int at = 0;
	Datum *levels;
	Datum *from;
	Datum *to;

	for (int i = 0; i <= COVER_NEW; i++)
		count += cover->levels[i].count;
	levels = palloc(sizeof(Datum) * (count + 1));
	from = palloc(sizeof(Datum) * (count + 1));
	to = palloc(sizeof(Datum) * (count + 1));
	for (int level = 0; level <= COVER_NEW; level++)
	{
		for (int i = 0; i < cover->levels[level].count; i++, at++)
		{
			levels[at] = CStringGetTextDatum(words[level]);
			from[at] = TimestampTzGetDatum(cover->levels[level].list[i].from);
			to[at] = TimestampTzGetDatum(cover->levels[level].list[i].to);
		}
	}
	args[0] = PointerGetDatum(
		construct_array(levels, count, TEXTOID, -1, false, TYPALIGN_INT));
	args[1] = PointerGetDatum(construct_array(
		from, count, TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	args[2] = PointerGetDatum(construct_array(
		to, count, TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static void
read_rollup(Window *window, const Cover *cover)
{
	WindowReceiver receiver = {query_receiver(receive_rollup), window};
	Datum args[3];

	range_arguments(cover, args);
	(void) query_run(&rollup_query,
					 window->question->schema,
					 args,
					 true,
					 &receiver.receiver);
}

static void
read_range(Window *window, TimestampTz from, TimestampTz to)
{
	WindowReceiver receiver = {query_receiver(receive_span), window};
	Datum args[2] = {TimestampTzGetDatum(from), TimestampTzGetDatum(to)};

	(void) query_run(
		&spans_query, window->question->schema, args, true, &receiver.receiver);
}

static void
read_spans(Window *window, const CoverRanges *ranges)
{
	if (ranges->count > MAX_SPAN_RANGES)
	{
		window->span_ranges = ranges;
		read_range(
			window, ranges->list[0].from, ranges->list[ranges->count - 1].to);
		return;
	}
	for (int i = 0; i < ranges->count; i++)
		read_range(window, ranges->list[i].from, ranges->list[i].to);
}

/* A warning alone: one such span must not keep others from being read. */
static void
warn_of_uncounted_spans(void)
{
	ereport(WARNING,
			errcode(ERRCODE_DATA_CORRUPTED),
			errmsg("distributed_trace_latency takes out spans that it does not "
				   "count"),
			errdetail("They are not taken out."),
			errhint("Spans may have been recorded while "
					"distributed_trace.rollup was off: count them with "
					"trace_rollup_rebuild()."));
}

/* Takes out what is removed; false if that was not in it. */
static bool
settle_part(WindowPart *part)
{
	OpenSketch *rest;

	if (part->removed == NULL)
		return true;
	if (part->added == NULL)
		return false;
	/* subtracting may leave its work half done */
	rest = open_sketch(&part->added->head);
	if (sketch_subtract(rest, &part->removed->head) != SKETCH_OK)
		return false;
	part->added = rest;
	return true;
}

static bool
settle_entry(WindowEntry *entry)
{
	bool is_right = true;
	int kept = 0;

	for (int i = 0; i < entry->part_count; i++)
	{
		WindowPart *part = &entry->parts[i];

		is_right &= settle_part(part);
		part->removed = NULL;
		if (part->added == NULL || part->added->count == 0)
			continue;
		part->negative_count = Max(part->negative_count, 0);
		/* a span stands for itself at least */
		part->adjusted_count =
			Max(part->adjusted_count, (double) part->added->count);
		entry->parts[kept++] = *part;
	}
	entry->part_count = kept;
	return is_right;
}

static int
compare_entries(const void *a, const void *b)
{
	const WindowEntry *x = *(WindowEntry *const *) a;
	const WindowEntry *y = *(WindowEntry *const *) b;
	int order = compare_names(&x->names, &y->names);

	return order != 0 ? order
					  : (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

static WindowEntry **
list_entries(Window *window, int *count)
{
	WindowEntry **entries = MemoryContextAllocHuge(
		CurrentMemoryContext,
		sizeof(WindowEntry *) * ((Size) window->table->members + 1));
	entry_table_iterator iterator;
	EntrySlot *slot;
	bool is_right = true;

	*count = 0;
	entry_table_start_iterate(window->table, &iterator);
	while ((slot = entry_table_iterate(window->table, &iterator)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		is_right &= settle_entry(slot->entry);
		if (slot->entry->part_count > 0)
			entries[(*count)++] = slot->entry;
	}
	if (!is_right)
		warn_of_uncounted_spans();
	qsort(entries, *count, sizeof(WindowEntry *), compare_entries);
	return entries;
}

WindowEntry **
window_read(const WindowQuestion *question, int *count)
{
	Cover cover = cover_buckets(&question->buckets);
	Window window = {
		.question = question,
		.context = CurrentMemoryContext,
		.row = AllocSetContextCreate(CurrentMemoryContext,
									 "distributed_trace window row",
									 ALLOCSET_DEFAULT_SIZES),
	};
	WindowEntry **entries;

	window.table = entry_table_create(CurrentMemoryContext, 64, NULL);
	read_rollup(&window, &cover);
	read_spans(&window, &cover.levels[COVER_SPANS]);
	entries = list_entries(&window, count);
	MemoryContextDelete(window.row);
	return entries;
}
