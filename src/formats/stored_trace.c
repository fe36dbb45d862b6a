/*
 * Reading a trace back, for exports: see stored_trace.h.
 *
 * The rows are copied, since an export groups and orders all spans of a trace
 * before it writes the first.
 */
#include "postgres.h"

#include "compat.h"
#include "formats/otlp/any_value.h"
#include "formats/stored_trace.h"
#include "server/json_reader.h"
#include "server/query.h"
#include "store/otel_member.h"
#include "store/reader.h"
#include "store/reported.h"
#include "store/span_times.h"
#include "store/trace_lookup.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

static SavedQuery resource_query = {
	.text = "SELECT attributes FROM %s.distributed_trace_resource "
			"WHERE resource_id OPERATOR(pg_catalog.=) $1",
	.arg_count = 1,
	.arg_types = {INT8OID},
};

/* Of the length that the exports' own comparisons want, not packed. */
static text *
copy_text(text *value)
{
	return value == NULL ? NULL : DatumGetTextPCopy(PointerGetDatum(value));
}

/* What was reported of a span goes out again, not what stands for it here. */
static void
restore_reported(StoredSpan *span)
{
	Reported reported = read_reported(span->tags);

	if (reported.has_start)
		span->has_start =
			unix_to_timestamp(reported.start_us, &span->start_time);
	if (reported.has_end)
		span->has_end = unix_to_timestamp(reported.end_us, &span->end_time);
}

/* What is read while a trace grows. */
typedef struct TraceReader
{
	SpanReader reader;
	MemoryContext context; /* of the trace */
	StoredTrace *trace;
	int room;
} TraceReader;

static void
keep_span(const SpanRow *row, StoredSpan *span)
{
	*span = (StoredSpan){
		.trace_id = copy_text(row->trace_id),
		.span_id = copy_text(row->span_id),
		.parent_span_id = copy_text(row->parent_span_id),
		.service_name = copy_text(row->service_name),
		.operation = copy_text(row->operation),
		.logs = copy_text(row->logs),
		.start_time = row->start_time,
		.has_start = !TIMESTAMP_NOT_FINITE(row->start_time),
	};
	if (span->parent_span_id != NULL &&
		VARSIZE(span->parent_span_id) == VARHDRSZ)
		span->parent_span_id = NULL;
	if (row->is_finished)
		span->end_time = row->end_time;
	span->has_end = row->is_finished && !TIMESTAMP_NOT_FINITE(row->end_time);
	if (row->tags == NULL)
		return;
	span->tags = DatumGetJsonbPCopy(PointerGetDatum(row->tags));
	span->otel = json_object_member(&span->tags->root, OTEL);
	span->exact = json_object_member(span->otel, OTEL_EXACT);
	restore_reported(span);
}

static void
take_span(SpanReader *self, const SpanRow *row)
{
	TraceReader *reader = (TraceReader *) self;
	StoredTrace *trace = reader->trace;
	MemoryContext caller = MemoryContextSwitchTo(reader->context);

	CHECK_FOR_INTERRUPTS();
	if (trace->count == reader->room)
	{
		if (reader->room > INT_MAX / 2)
			ereport(ERROR,
					errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					errmsg("trace has too many spans"));
		reader->room *= 2;
		trace->spans =
			repalloc_huge(trace->spans, reader->room * sizeof(StoredSpan));
	}
	keep_span(row, &trace->spans[trace->count++]);
	MemoryContextSwitchTo(caller);
}

static Jsonb *
read_resource(Oid schema, int64 id)
{
	Datum args[1] = {Int64GetDatum(id)};
	MemoryContext caller = CurrentMemoryContext;
	Jsonb *attributes = NULL;

	SPI_connect();
	if (query_run(&resource_query, schema, args, true, NULL) > 0)
	{
		bool isnull;
		Datum value = SPI_getbinval(
			SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);

		require_value(isnull, "attributes");
		MemoryContextSwitchTo(caller);
		attributes = DatumGetJsonbPCopy(value);
	}
	SPI_finish();
	return attributes;
}

/* Gives every span its resource, each read once. */
static void
read_resources(Oid schema, StoredTrace *trace)
{
	HASHCTL control = {.keysize = sizeof(int64),
					   .entrysize = sizeof(StoredResource),
					   .hcxt = CurrentMemoryContext};
	HTAB *resources = hash_create("distributed_trace resources",
								  64,
								  &control,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	for (int i = 0; i < trace->count; i++)
	{
		JsonbValue value;
		int64 id;
		bool found;
		StoredResource *resource;

		if (!json_member(trace->spans[i].otel, OTEL_RESOURCE, &value) ||
			!json_as_int64(&value, &id))
			continue;
		resource = hash_search(resources, &id, HASH_ENTER, &found);
		if (!found)
		{
			resource->rendered = NULL;
			resource->rendered_for = NULL;
			resource->attributes = read_resource(schema, id);
		}
		if (resource->attributes != NULL)
			trace->spans[i].resource = resource;
	}
}

int
stored_nanoseconds(const StoredSpan *span, const char *member)
{
	JsonbValue value;
	int64 nanoseconds;

	if (!json_member(span->otel, member, &value) ||
		!json_as_int64(&value, &nanoseconds) || nanoseconds < 0 ||
		nanoseconds > 999)
		return 0;
	return nanoseconds;
}

static int
compare_span_ids(const StoredSpan *a, const StoredSpan *b)
{
	int a_length = VARSIZE(a->span_id) - VARHDRSZ;
	int b_length = VARSIZE(b->span_id) - VARHDRSZ;
	int order = memcmp(
		VARDATA(a->span_id), VARDATA(b->span_id), Min(a_length, b_length));

	return order != 0 ? order : a_length - b_length;
}

static int
compare_spans(const void *a, const void *b)
{
	const StoredSpan *x = a;
	const StoredSpan *y = b;
	int order =
		(x->start_time > y->start_time) - (x->start_time < y->start_time);

	CHECK_FOR_INTERRUPTS();
	if (order == 0)
		order = stored_nanoseconds(x, OTEL_START_NS) -
				stored_nanoseconds(y, OTEL_START_NS);
	return order != 0 ? order : compare_span_ids(x, y);
}

static int
compare_stored_ids(const void *a, const void *b)
{
	return compare_span_ids(*(StoredSpan *const *) a, *(StoredSpan *const *) b);
}

/* The id that a span was reported under instead of this one. */
static text *
reported_id(StoredSpan **moved, int count, text *span_id)
{
	StoredSpan key = {.span_id = span_id};
	StoredSpan *wanted = &key;
	StoredSpan **found =
		span_id == NULL
			? NULL
			: bsearch(
				  &wanted, moved, count, sizeof(*moved), compare_stored_ids);

	return found == NULL ? span_id : read_reported((*found)->tags).span_id;
}

/* Gives spans that share an id that id again, and their children. */
static void
restore_ids(StoredTrace *trace)
{
	StoredSpan **moved = MemoryContextAllocHuge(
		CurrentMemoryContext, trace->count * sizeof(StoredSpan *));
	int count = 0;

	for (int i = 0; i < trace->count; i++)
	{
		if (read_reported(trace->spans[i].tags).span_id != NULL)
			moved[count++] = &trace->spans[i];
	}
	if (count == 0)
		return;
	qsort(moved, count, sizeof(*moved), compare_stored_ids);
	for (int i = 0; i < trace->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		trace->spans[i].parent_span_id =
			reported_id(moved, count, trace->spans[i].parent_span_id);
	}
	for (int i = 0; i < count; i++)
	{
		Reported reported = read_reported(moved[i]->tags);

		moved[i]->span_id = reported.span_id;
		moved[i]->parent_span_id = reported.parent_span_id;
	}
}

StoredTrace *
read_stored_trace(Oid schema, text *trace_id)
{
	StoredTrace *trace = palloc0(sizeof(StoredTrace));
	TraceReader reader = {
		.reader = {.schema = schema,
				   .columns = READ_TAGS | READ_LOGS,
				   .take = take_span},
		.context = CurrentMemoryContext,
		.trace = trace,
		.room = 64,
	};

	trace->spans = palloc(reader.room * sizeof(StoredSpan));
	if (read_meant_trace(&reader.reader, trace_id) == 0)
		return NULL;
	read_resources(schema, trace);
	restore_ids(trace);
	qsort(trace->spans, trace->count, sizeof(StoredSpan), compare_spans);
	return trace;
}

/* A member whose key is a value of jsonb, which may lack the NUL. */
static bool
find_member(JsonbContainer *object, const JsonbValue *key, JsonbValue *value)
{
	return object != NULL &&
		   getKeyJsonValueFromContainer(
			   object, key->val.string.val, key->val.string.len, value) != NULL;
}

/* The exact value of a key; NULL if there is none that can be understood. */
static const JsonbValue *
find_exact(JsonbContainer *exact, const JsonbValue *key, JsonbValue *value)
{
	return find_member(exact, key, value) && is_any_value(value) ? value : NULL;
}

/* Members of "exact" that are nowhere else. */
static void
each_exact_attribute(JsonbContainer *attributes, JsonbContainer *exact,
					 bool has_otel, AttributeWriter writer, void *state)
{
	JsonbIterator *members = JsonbIteratorInit(exact);
	JsonbValue key;
	JsonbValue plain;
	JsonbValue value;

	while (json_next_member(&members, &key, &value))
	{
		if (is_any_value(&value) && ((has_otel && json_is_string(&key, OTEL)) ||
									 !find_member(attributes, &key, &plain)))
		{
			plain.type = jbvNull;
			writer(state, &key, &plain, &value);
		}
	}
}

void
each_attribute(JsonbContainer *attributes, JsonbContainer *exact, bool has_otel,
			   AttributeWriter writer, void *state)
{
	JsonbIterator *members;
	JsonbValue key;
	JsonbValue value;
	JsonbValue other;

	if (attributes != NULL && !JsonContainerIsObject(attributes))
		attributes = NULL;
	if (attributes != NULL)
	{
		members = JsonbIteratorInit(attributes);
		while (json_next_member(&members, &key, &value))
		{
			if (!has_otel || !json_is_string(&key, OTEL))
				writer(state, &key, &value, find_exact(exact, &key, &other));
		}
	}
	if (exact != NULL)
		each_exact_attribute(attributes, exact, has_otel, writer, state);
	key = json_key(OTEL);
	if (has_otel && find_member(attributes, &key, &value) &&
		json_as_object(&value) == NULL)
		writer(state, &key, &value, NULL);
}
