/*
 * Keeping the rollup of latencies: see latency_delta.h.
 *
 * The spans of a statement are counted in memory, a sketch for each minute,
 * service (with its namespace and environment), operation, kind, outcome and
 * class of weights, and become as many new rows.  Nothing
 * is ever looked up or changed, so that writers never wait for one another;
 * adding the rows up is the readers' task, and made cheap by
 * trace_rollup_compact().  A sketch cannot be negative: what is taken out has
 * rows of its own, with the sign -1.
 *
 * The rows are written with the rights of the table's owner, as the server
 * writes what a foreign key demands: whoever may record spans needs no right
 * on the rollup, and could not forge it.
 */
#include "postgres.h"

#include "compat.h"
#include "core/sketch/sketch.h"
#include "core/wire/sampling.h"
#include "latency/latency_delta.h"
#include "server/batch_relation.h"
#include "server/numeric_reader.h"
#include "server/server_host.h"
#include "store/own_keys.h"
#include "store/service_scope.h"
#include "store/tag_readers.h"

#include <limits.h>

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

/* Deltas of one statement that lie in memory. */
#define MANY_BYTES ((Size) 8 * 1024 * 1024)

/* Columns of a delta. */
enum
{
	COLUMN_LEVEL,
	COLUMN_BUCKET,
	COLUMN_SERVICE,
	COLUMN_OPERATION,
	COLUMN_KIND,
	COLUMN_IS_ENTRY,
	COLUMN_IS_ROOT,
	COLUMN_IS_ERROR,
	COLUMN_SIGN,
	COLUMN_ADJUSTED,
	COLUMN_SKETCH,
	COLUMN_NAMESPACE,
	COLUMN_ENVIRONMENT,
	COLUMN_WEIGHT_CLASS,
	COLUMN_NEGATIVE,
	COLUMN_FIRST,
	COLUMN_LAST,
	COLUMN_COUNT,
};

/* What spans are counted by. */
typedef struct DeltaKey
{
	TimestampTz minute;
	const char *names; /* those below, one after the other */
	uint32 service_length;
	uint32 operation_length;
	uint32 namespace_length; /* 0: none */
	uint32 environment_length;
	SpanKind kind;
	int16 weight_class;
	bool is_root;
	bool is_error;
	int8 sign;
} DeltaKey;

typedef struct Delta
{
	DeltaKey key;
	double adjusted_count;
	int64 negative_count;
	TimestampTz first;
	TimestampTz last;
	OpenSketch *sketch;
	uint32 hash;
	char status;
} Delta;

static uint32
names_length(const DeltaKey *key)
{
	return key->service_length + key->operation_length + key->namespace_length +
		   key->environment_length;
}

static uint32
hash_key(const DeltaKey *key)
{
	uint32 names =
		hash_bytes((const unsigned char *) key->names, names_length(key));
	uint32 flags = (uint32) key->weight_class << 8 | key->kind << 4 |
				   key->is_root << 3 | key->is_error << 2 | (key->sign > 0);

	return hash_combine(
		names,
		murmurhash32((uint32) (key->minute / USECS_PER_MINUTE) * 31 + flags));
}

static bool
same_key(const DeltaKey *a, const DeltaKey *b)
{
	return a->minute == b->minute && a->service_length == b->service_length &&
		   a->operation_length == b->operation_length &&
		   a->namespace_length == b->namespace_length &&
		   a->environment_length == b->environment_length &&
		   a->kind == b->kind && a->weight_class == b->weight_class &&
		   a->is_root == b->is_root && a->is_error == b->is_error &&
		   a->sign == b->sign &&
		   memcmp(a->names, b->names, names_length(a)) == 0;
}

#define SH_PREFIX delta_table
#define SH_ELEMENT_TYPE Delta
#define SH_KEY_TYPE DeltaKey
#define SH_KEY key
#define SH_HASH_KEY(table, key) hash_key(&(key))
#define SH_EQUAL(table, a, b) same_key(&(a), &(b))
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct LatencyDeltas
{
	Oid schema;
	MemoryContext context; /* what the table holds, forgotten with it */
	delta_table_hash *table;
	StringInfoData names; /* of the span at hand */
};

static SavedQuery append_query = {
	.text = "INSERT INTO %s.distributed_trace_latency (level, bucket_start, "
			"service_name, operation, kind, is_entry, is_root, is_error, sign, "
			"adjusted_count, sketch, service_namespace, "
			"deployment_environment, weight_class, negative_count, "
			"first_start_time, last_start_time) "
			"SELECT level, bucket_start, service_name, operation, kind, "
			"is_entry, is_root, is_error, sign, adjusted_count, sketch, "
			"service_namespace, deployment_environment, weight_class, "
			"negative_count, first_start_time, last_start_time "
			"FROM trace_batch",
};

static bool rollup_is_on = true;

void
define_latency_settings(void)
{
	DefineCustomBoolVariable(
		"distributed_trace.rollup",
		"Whether statements that write spans keep distributed_trace_latency.",
		"What is written meanwhile is counted by trace_rollup_rebuild().",
		&rollup_is_on,
		true,
		PGC_SUSET,
		0,
		NULL,
		NULL,
		NULL);
}

/*
 * A dump holds the rollup beside the spans: spans that were deleted since are
 * in it too, so it cannot be made anew.  So while a dump is restored the spans
 * must not be counted again, in whatever order the tables come, or at once.
 * A session that restores is known by what pg_dump and pg_restore set at its
 * start, and nobody else has all three so; nor could any writer but the log's
 * owner hide spans from the rollup that way.
 */
static bool
is_restoring(Oid log_owner)
{
	return !check_function_bodies && !row_security &&
		   namespace_search_path[0] == '\0' &&
		   has_privs_of_role(GetUserId(), log_owner);
}

bool
latency_rollup_is_kept(Oid log_owner)
{
	return rollup_is_on && !is_restoring(log_owner);
}

LatencyDeltas *
latency_deltas_create(Oid schema)
{
	LatencyDeltas *deltas = palloc0(sizeof(LatencyDeltas));

	deltas->schema = schema;
	initStringInfo(&deltas->names);
	deltas->context = AllocSetContextCreate(CurrentMemoryContext,
											"distributed_trace latency deltas",
											ALLOCSET_DEFAULT_SIZES);
	deltas->table = delta_table_create(deltas->context, 64, NULL);
	return deltas;
}

/* Minutes are those of UTC, and so are hours and days. */
static TimestampTz
minute_of(TimestampTz time)
{
	TimestampTz second = time % USECS_PER_MINUTE;

	return time - second - (second < 0 ? USECS_PER_MINUTE : 0);
}

static uint32
put_name(LatencyDeltas *deltas, const char *data, uint32 length)
{
	appendBinaryStringInfo(&deltas->names, data, length);
	return length;
}

static double
span_adjusted_count(const CountedSpan *span)
{
	return span->tags == NULL ? 1 : tags_adjusted_count(span->tags);
}

/* The key of a span that stands for so many; its names lie in deltas->names. */
static DeltaKey
key_of(LatencyDeltas *deltas, const CountedSpan *span, double weight, int sign)
{
	DeltaKey key = {
		.minute = minute_of(span->start_time),
		.kind = SPAN_KIND_ABSENT,
		.weight_class = sampling_weight_class(weight),
		.is_root = span->is_root,
		.sign = sign,
	};
	ServiceScope scope =
		tags_service_scope(span->tags, deltas->schema, SCOPE_OF_OWNER);

	if (span->tags != NULL)
		key.kind = tags_read(span->tags, &key.is_error);
	resetStringInfo(&deltas->names);
	key.service_length = put_name(deltas,
								  VARDATA_ANY(span->service_name),
								  VARSIZE_ANY_EXHDR(span->service_name));
	key.operation_length = put_name(deltas,
									VARDATA_ANY(span->operation),
									VARSIZE_ANY_EXHDR(span->operation));
	key.namespace_length = put_name(
		deltas, scope.service_namespace.data, scope.service_namespace.length);
	key.environment_length =
		put_name(deltas, scope.environment.data, scope.environment.length);
	key.names = deltas->names.data;
	return key;
}

/* Fills in a new entry of the table, whose key still has another's names. */
static void
begin_delta(LatencyDeltas *deltas, Delta *delta)
{
	Size length = names_length(&delta->key);
	char *names = palloc(length + 1);

	memcpy(names, deltas->names.data, length);
	delta->key.names = names;
	delta->adjusted_count = 0;
	delta->negative_count = 0;
	delta->first = DT_NOEND;
	delta->last = DT_NOBEGIN;
	delta->sketch = sketch_create(server_host(), SKETCH_DEFAULT_ALPHA);
}

static void
add_duration(Delta *delta, Wide duration)
{
	OpenSketch *before = delta->sketch;

	if (sketch_add(server_host(), &delta->sketch, duration, 1) != SKETCH_OK)
		elog(ERROR, "could not count a duration");
	if (delta->sketch != before)
		pfree(before);
}

static void
count_span(LatencyDeltas *deltas, const CountedSpan *span, int sign)
{
	MemoryContext caller;
	DeltaKey key;
	Delta *delta;
	Wide duration;
	double weight;
	bool found;

	if (span->duration_ms == NULL || TIMESTAMP_NOT_FINITE(span->start_time) ||
		!numeric_ms_to_ns(span->duration_ms, &duration))
		return;
	weight = span_adjusted_count(span);
	key = key_of(deltas, span, weight, sign);
	caller = MemoryContextSwitchTo(deltas->context);
	delta = delta_table_insert(deltas->table, key, &found);
	if (!found)
		begin_delta(deltas, delta);
	delta->adjusted_count += weight;
	delta->first = Min(delta->first, span->start_time);
	delta->last = Max(delta->last, span->start_time);
	if (duration.high < 0)
	{
		delta->negative_count++;
		duration = WIDE_ZERO;
	}
	add_duration(delta, duration);
	MemoryContextSwitchTo(caller);
}

static bool
same_value(const void *a, const void *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return VARSIZE_ANY(a) == VARSIZE_ANY(b) &&
		   memcmp(a, b, VARSIZE_ANY(a)) == 0;
}

static bool
is_counted_alike(const CountedSpan *a, const CountedSpan *b)
{
	bool a_is_error = false;
	bool b_is_error = false;
	SpanKind a_kind = SPAN_KIND_ABSENT;
	SpanKind b_kind = SPAN_KIND_ABSENT;

	if (!same_value(a->duration_ms, b->duration_ms) ||
		!same_value(a->service_name, b->service_name) ||
		!same_value(a->operation, b->operation) ||
		a->start_time != b->start_time || a->is_root != b->is_root)
		return false;
	if (a->tags != NULL)
		a_kind = tags_read(a->tags, &a_is_error);
	if (b->tags != NULL)
		b_kind = tags_read(b->tags, &b_is_error);
	return a_kind == b_kind && a_is_error == b_is_error &&
		   span_adjusted_count(a) == span_adjusted_count(b) &&
		   tags_same_scope(a->tags, b->tags);
}

void
latency_deltas_change(LatencyDeltas *deltas, const CountedSpan *before,
					  const CountedSpan *after)
{
	if (before->duration_ms != NULL && is_counted_alike(before, after))
		return;
	count_span(deltas, before, -1);
	count_span(deltas, after, 1);
}

bool
latency_deltas_are_many(const LatencyDeltas *deltas)
{
	return MemoryContextMemAllocated(deltas->context, true) >= MANY_BYTES;
}

static Datum
packed_sketch(const OpenSketch *open)
{
	size_t size;
	Sketch *packed = sketch_pack(server_host(), &open->head, &size);

	SET_VARSIZE(packed, size);
	return PointerGetDatum(packed);
}

static bool
is_entry(const DeltaKey *key)
{
	return key->is_root || key->kind == SPAN_KIND_ABSENT ||
		   key->kind == SPAN_KIND_SERVER || key->kind == SPAN_KIND_CONSUMER;
}

/* One of the names of a key, NULL if it has no length. */
static void
put_optional(Datum *values, bool *nulls, int column, const char *name,
			 uint32 length)
{
	nulls[column] = length == 0;
	if (length > 0)
		values[column] =
			PointerGetDatum(cstring_to_text_with_len(name, length));
}

static void
put_delta(Tuplestorestate *store, TupleDesc desc, const Delta *delta)
{
	const DeltaKey *key = &delta->key;
	const char *operation = key->names + key->service_length;
	const char *namespace = operation + key->operation_length;
	const char *kind = span_kind_name(key->kind);
	Datum values[COLUMN_COUNT];
	bool nulls[COLUMN_COUNT] = {false};

	values[COLUMN_LEVEL] = CStringGetTextDatum("new");
	values[COLUMN_BUCKET] = TimestampTzGetDatum(key->minute);
	values[COLUMN_SERVICE] = PointerGetDatum(
		cstring_to_text_with_len(key->names, key->service_length));
	values[COLUMN_OPERATION] = PointerGetDatum(
		cstring_to_text_with_len(operation, key->operation_length));
	nulls[COLUMN_KIND] = kind == NULL;
	values[COLUMN_KIND] = kind == NULL ? (Datum) 0 : CStringGetTextDatum(kind);
	values[COLUMN_IS_ENTRY] = BoolGetDatum(is_entry(key));
	values[COLUMN_IS_ROOT] = BoolGetDatum(key->is_root);
	values[COLUMN_IS_ERROR] = BoolGetDatum(key->is_error);
	values[COLUMN_SIGN] = Int16GetDatum(key->sign);
	values[COLUMN_ADJUSTED] = Float8GetDatum(delta->adjusted_count);
	values[COLUMN_SKETCH] = packed_sketch(delta->sketch);
	put_optional(
		values, nulls, COLUMN_NAMESPACE, namespace, key->namespace_length);
	put_optional(values,
				 nulls,
				 COLUMN_ENVIRONMENT,
				 namespace + key->namespace_length,
				 key->environment_length);
	values[COLUMN_WEIGHT_CLASS] = Int16GetDatum(key->weight_class);
	values[COLUMN_NEGATIVE] = Int64GetDatum(delta->negative_count);
	values[COLUMN_FIRST] = TimestampTzGetDatum(delta->first);
	values[COLUMN_LAST] = TimestampTzGetDatum(delta->last);
	tuplestore_putvalues(store, desc, values, nulls);
}

static Tuplestorestate *
store_deltas(LatencyDeltas *deltas, TupleDesc desc)
{
	Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "distributed_trace latency "
												  "row",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	delta_table_iterator iterator;
	Delta *delta;

	delta_table_start_iterate(deltas->table, &iterator);
	while ((delta = delta_table_iterate(deltas->table, &iterator)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		put_delta(store, desc, delta);
		MemoryContextReset(scratch);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	return store;
}

/* The columns of append_query, and whose table the rollup is. */
static TupleDesc
describe_deltas(Oid schema, Oid *owner)
{
	Oid table = get_relname_relid("distributed_trace_latency", schema);
	BatchColumn columns[COLUMN_COUNT] = {
		[COLUMN_LEVEL] = {"level", TEXTOID, -1},
		[COLUMN_BUCKET] = {"bucket_start", TIMESTAMPTZOID, -1},
		[COLUMN_SERVICE] = {"service_name", TEXTOID, -1},
		[COLUMN_OPERATION] = {"operation", TEXTOID, -1},
		[COLUMN_KIND] = {"kind", TEXTOID, -1},
		[COLUMN_IS_ENTRY] = {"is_entry", BOOLOID, -1},
		[COLUMN_IS_ROOT] = {"is_root", BOOLOID, -1},
		[COLUMN_IS_ERROR] = {"is_error", BOOLOID, -1},
		[COLUMN_SIGN] = {"sign", INT2OID, -1},
		[COLUMN_ADJUSTED] = {"adjusted_count", FLOAT8OID, -1},
		[COLUMN_SKETCH] = {"sketch", InvalidOid, -1},
		[COLUMN_NAMESPACE] = {"service_namespace", TEXTOID, -1},
		[COLUMN_ENVIRONMENT] = {"deployment_environment", TEXTOID, -1},
		[COLUMN_WEIGHT_CLASS] = {"weight_class", INT2OID, -1},
		[COLUMN_NEGATIVE] = {"negative_count", INT8OID, -1},
		[COLUMN_FIRST] = {"first_start_time", TIMESTAMPTZOID, -1},
		[COLUMN_LAST] = {"last_start_time", TIMESTAMPTZOID, -1},
	};
	Relation rollup;

	if (!OidIsValid(table))
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("relation \"%s\" does not exist",
					   qualified_name(schema, "distributed_trace_latency")));
	rollup = table_open(table, RowExclusiveLock);
	*owner = rollup->rd_rel->relowner;
	columns[COLUMN_SKETCH].type =
		get_atttype(table, get_attnum(table, "sketch"));
	table_close(rollup, NoLock);
	return batch_descriptor(columns, COLUMN_COUNT);
}

/* A failure leaves both user and security context to the end of the
 * (sub)transaction, which sets them back. */
static void
append_as(Oid owner, Oid schema, TupleDesc desc, Tuplestorestate *store,
		  double count)
{
	Oid user;
	int security;

	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(
		owner, security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	(void) query_run_on_batch(&append_query, schema, desc, store, count);
	SetUserIdAndSecContext(user, security);
}

void
latency_deltas_write(LatencyDeltas *deltas)
{
	Oid owner;
	TupleDesc desc;

	if (deltas->table->members == 0)
		return;
	SPI_connect();
	own_keys_catch_up(deltas->schema, "distributed_trace_latency");
	desc = describe_deltas(deltas->schema, &owner);
	append_as(owner,
			  deltas->schema,
			  desc,
			  store_deltas(deltas, desc),
			  deltas->table->members);
	SPI_finish();
	MemoryContextReset(deltas->context);
	deltas->table = delta_table_create(deltas->context, 64, NULL);
}
