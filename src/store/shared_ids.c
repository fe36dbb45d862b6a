/*
 * Spans that share an id: one rule for all formats.
 *
 * Records under one id are of one span unless they contradict one another: in
 * their kinds, in their services, or in that both are finished, have another
 * operation and no moment in common.  What was not reported contradicts
 * nothing.
 *
 * Of several spans one keeps the id: that of a CLIENT or PRODUCER if the others
 * are a SERVER's or CONSUMER's, else the first that came.  The server's half
 * becomes "<id>:server", its child, as Zipkin means it.  Any other becomes
 * "<id>:<kind>@<hash of its service>" and stays below its own parent.  These ids follow
 * from what the span is, so that a resend finds it; what was reported is in its
 * tags (see reported.h).
 *
 * A child of a shared id belongs to the server's half if its service is the
 * server's and not the client's, and it is no SERVER or CONSUMER itself.
 * Whichever comes first, server, client or child, the log has the same in the
 * end.
 */
#include "postgres.h"

#include "compat.h"
#include "server/batch_relation.h"
#include "server/query.h"
#include "server/values.h"
#include "store/otel_member.h"
#include "store/placement.h"
#include "store/reported.h"
#include "store/shared_ids.h"
#include "store/span_merge.h"
#include "store/tag_readers.h"
#include "store/trace_ids.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#define SERVER_SUFFIX_LENGTH (sizeof(SERVER_SUFFIX) - 1)

/* different spans of one id that one request may have */
#define SPANS_PER_ID 32

enum
{
	COLUMN_POSITION,
	COLUMN_TRACE,
	COLUMN_SPAN,
	COLUMN_PARENT,
	COLUMN_SERVICE,
	COLUMN_COUNT,
};

static const BatchColumn batch_columns[COLUMN_COUNT] = {
	[COLUMN_POSITION] = {"position", INT4OID, -1},
	[COLUMN_TRACE] = {"trace_id", VARCHAROID, 100 + VARHDRSZ},
	[COLUMN_SPAN] = {"span_id", TEXTOID, -1},
	[COLUMN_PARENT] = {"parent_span_id", VARCHAROID, 100 + VARHDRSZ},
	[COLUMN_SERVICE] = {"service_name", TEXTOID, -1},
};

/* of b.parent_span_id, whose server's half is b.span_id: b.service_name is not
 * that of the client's half */
#define IS_NOT_THE_CLIENTS                                                     \
	"AND NOT EXISTS (SELECT FROM %s.distributed_trace_log c "                  \
	"WHERE c.trace_id OPERATOR(pg_catalog.=) b.trace_id "                      \
	"AND c.span_id OPERATOR(pg_catalog.=) b.parent_span_id "                   \
	"AND c.service_name OPERATOR(pg_catalog.=) b.service_name)"

static SavedQuery halves_query = {
	.text =
		"SELECT b.position FROM trace_batch b "
		"JOIN %s.distributed_trace_log l "
		"ON l.trace_id OPERATOR(pg_catalog.=) b.trace_id "
		"AND l.span_id OPERATOR(pg_catalog.=) b.span_id "
		"AND l.service_name OPERATOR(pg_catalog.=) b.service_name "
		"WHERE (l.tags OPERATOR(pg_catalog.#>) " OTEL_PATH(
			OTEL_REPORTED "," OTEL_SPAN_ID) ") "
											"IS NOT NULL " IS_NOT_THE_CLIENTS,
};

static SavedQuery children_query = {
	.text = "UPDATE %s.distributed_trace_log l SET parent_span_id = b.span_id, "
			"updated_at = pg_catalog.now() FROM trace_batch b "
			"WHERE l.trace_id OPERATOR(pg_catalog.=) b.trace_id "
			"AND l.parent_span_id OPERATOR(pg_catalog.=) b.parent_span_id "
			"AND l.service_name OPERATOR(pg_catalog.=) b.service_name "
			"AND l.span_id OPERATOR(pg_catalog.<>) b.span_id "
			"AND coalesce(l.tags OPERATOR(pg_catalog.#>>) " OTEL_PATH(
				OTEL_KIND) ", '') "
						   "OPERATOR(pg_catalog.<>) ALL ('{server,consumer}') "
						   "AND (l.tags OPERATOR(pg_catalog.#>) " OTEL_PATH(
							   OTEL_REPORTED
							   "," OTEL_SPAN_ID) ") "
												 "IS NULL " IS_NOT_THE_CLIENTS,
};

/*
 * Which span a record is of
 */

static SpanKind
kind_of(const SpanRow *row)
{
	bool is_error;

	return row->tags == NULL ? SPAN_KIND_ABSENT
							 : tags_read(row->tags, &is_error);
}

static bool
is_known_kind(SpanKind kind)
{
	return kind != SPAN_KIND_ABSENT && kind != SPAN_KIND_UNSPECIFIED;
}

static bool
is_server_side(SpanKind kind)
{
	return kind == SPAN_KIND_SERVER || kind == SPAN_KIND_CONSUMER;
}

static bool
is_client_side(SpanKind kind)
{
	return kind == SPAN_KIND_CLIENT || kind == SPAN_KIND_PRODUCER;
}

static bool
names_differ(text *a, text *b)
{
	return is_known_name(a) && is_known_name(b) && compare_texts(a, b) != 0;
}

static bool
knows_start(const SpanRow *row)
{
	return is_time_of_day(row->start_time) && !row->start_is_placed;
}

static bool
is_apart(const SpanRow *a, const SpanRow *b)
{
	return a->is_finished && b->is_finished && knows_start(a) &&
		   knows_start(b) && names_differ(a->operation, b->operation) &&
		   (Max(a->start_time, a->end_time) < b->start_time ||
			Max(b->start_time, b->end_time) < a->start_time);
}

static bool
is_of_another(const SpanRow *a, const SpanRow *b)
{
	SpanKind a_kind = kind_of(a);
	SpanKind b_kind = kind_of(b);

	return (a_kind != b_kind && is_known_kind(a_kind) &&
			is_known_kind(b_kind)) ||
		   names_differ(a->service_name, b->service_name);
}

bool
is_same_span(const SpanRow *a, const SpanRow *b)
{
	return !is_of_another(a, b) && !is_apart(a, b);
}

bool
takes_over_id(const SpanRow *row, const SpanRow *owner)
{
	return is_client_side(kind_of(row)) && is_server_side(kind_of(owner));
}

/*
 * Ids
 */

/* FNV-1a: what is stored must not depend on the server's own hash. */
static uint32
hash_text(uint32 hash, const text *value)
{
	const char *bytes = VARDATA(value);
	int length = VARSIZE(value) - VARHDRSZ;

	for (int i = 0; i < length; i++)
		hash = (hash ^ (unsigned char) bytes[i]) * 16777619;
	return hash;
}

static text *
with_suffix(const text *id, const char *suffix)
{
	Size length = VARSIZE(id) - VARHDRSZ;
	Size added = strlen(suffix);
	text *result = palloc(VARHDRSZ + length + added);

	SET_VARSIZE(result, VARHDRSZ + length + added);
	memcpy(VARDATA(result), VARDATA(id), length);
	memcpy(VARDATA(result) + length, suffix, added);
	return result;
}

static text *
twin_id(const text *id, const SpanRow *span, bool by_operation)
{
	const char *kind = span_kind_name(kind_of(span));
	uint32 hash = hash_text(2166136261U, span->service_name);

	if (by_operation)
		hash = hash_text(hash, span->operation);
	return with_suffix(
		id, psprintf(":%s@%08x", kind == NULL ? "span" : kind, hash));
}

/* A record that does not say its kind is the server's if it is another
 * service's than the client's. */
static bool
is_called_by(const SpanRow *span, const SpanRow *owner)
{
	SpanKind kind = kind_of(span);

	if (is_server_side(kind))
		return !is_server_side(kind_of(owner));
	return !is_known_kind(kind) && is_client_side(kind_of(owner)) &&
		   names_differ(span->service_name, owner->service_name);
}

/* A half that does not know when it began stands where its caller does. */
static void
place_below(SpanRow *row, const SpanRow *caller)
{
	if (!row->start_is_placed || (row->is_finished && !row->end_is_placed) ||
		!knows_start(caller))
		return;
	row->start_time = caller->start_time;
	if (row->is_finished)
		row->end_time = row->start_time;
}

void
give_own_id(SpanRow *row, const SpanRow *span, const SpanRow *owner,
			MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	Reported reported = read_reported(row->tags);
	bool is_first = reported.span_id == NULL;

	if (is_first)
	{
		reported.span_id = row->span_id;
		reported.parent_span_id = row->parent_span_id;
	}
	if (is_first && is_called_by(span, owner))
	{
		row->parent_span_id = row->span_id;
		row->span_id = with_suffix(row->span_id, SERVER_SUFFIX);
		place_below(row, owner);
	}
	else
		row->span_id =
			twin_id(reported.span_id, span, !is_of_another(span, owner));
	row->tags = write_reported(row->tags, &reported);
	MemoryContextSwitchTo(caller);
}

bool
is_server_half(const SpanRow *row)
{
	int length = VARSIZE(row->span_id) - VARHDRSZ;

	return length > (int) SERVER_SUFFIX_LENGTH &&
		   memcmp(VARDATA(row->span_id) + length - SERVER_SUFFIX_LENGTH,
				  SERVER_SUFFIX,
				  SERVER_SUFFIX_LENGTH) == 0 &&
		   row->parent_span_id != NULL && is_known_name(row->service_name) &&
		   read_reported(row->tags).span_id != NULL;
}

/*
 * Rows of one request
 */

/* Spans of one id, each by what its records say together. */
typedef struct SpanList
{
	SpanRow spans[SPANS_PER_ID];
	int count;
} SpanList;

/* The span that a row is of; itself if there is no room to know more. */
static SpanRow *
find_span(SpanList *list, SpanRow *row)
{
	for (int i = 0; i < list->count; i++)
	{
		SpanRow *span = &list->spans[i];

		if (!is_same_span(span, row))
			continue;
		/* what one record does not say another one may */
		if (!is_known_name(span->service_name))
			span->service_name = row->service_name;
		if (!is_known_kind(kind_of(span)) && is_known_kind(kind_of(row)))
			span->tags = row->tags;
		return span;
	}
	if (list->count == SPANS_PER_ID)
		return row;
	list->spans[list->count] = *row;
	return &list->spans[list->count++];
}

/* The span that keeps the id. */
static const SpanRow *
choose_owner(const SpanList *list)
{
	for (int i = 1; i < list->count; i++)
	{
		if (takes_over_id(&list->spans[i], &list->spans[0]))
			return &list->spans[i];
	}
	return &list->spans[0];
}

bool
separate_spans(SpanRow **rows, int count, MemoryContext context)
{
	SpanList list;
	const SpanRow **span_of;
	const SpanRow *owner;

	list.count = 0;
	span_of = MemoryContextAllocHuge(context, count * sizeof(SpanRow *));
	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		span_of[i] = find_span(&list, rows[i]);
	}
	owner = choose_owner(&list);
	for (int i = 0; i < count && list.count > 1; i++)
	{
		if (span_of[i] != owner)
			give_own_id(rows[i], span_of[i], owner, context);
	}
	pfree(span_of);
	return list.count > 1;
}

/*
 * Children
 */

static SpanRow *
find_row(SpanRow **rows, int count, const text *trace_id, const text *span_id)
{
	int low = 0;
	int high = count;

	while (low < high)
	{
		int middle = low + (high - low) / 2;
		int order = compare_texts(trace_id, rows[middle]->trace_id);

		if (order == 0)
			order = compare_texts(span_id, rows[middle]->span_id);
		if (order == 0)
			return rows[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static bool
has_same_service(const SpanRow *a, const SpanRow *b)
{
	return compare_texts(a->service_name, b->service_name) == 0;
}

/* Whether a row may belong to the server's half of its parent's id. */
static bool
may_be_servers(SpanRow **rows, int count, const SpanRow *row)
{
	const SpanRow *parent;

	if (row->parent_span_id == NULL || !is_known_name(row->service_name))
		return false;
	parent = find_row(rows, count, row->trace_id, row->parent_span_id);
	if (parent != NULL && has_same_service(parent, row))
		return false;
	return !is_server_side(kind_of(row)) &&
		   read_reported(row->tags).span_id == NULL;
}

static void
put_below(Tuplestorestate *store, TupleDesc desc, int position,
		  const SpanRow *row, text *span_id, text *parent_id)
{
	Datum values[COLUMN_COUNT] = {
		Int32GetDatum(position),
		PointerGetDatum(row->trace_id),
		PointerGetDatum(span_id),
		PointerGetDatum(parent_id),
		PointerGetDatum(row->service_name),
	};
	bool nulls[COLUMN_COUNT] = {false};

	tuplestore_putvalues(store, desc, values, nulls);
}

/* The id of the server's half of a row's parent, in the current context. */
static text *
half_of_parent(const SpanRow *row)
{
	return with_suffix(row->parent_span_id, SERVER_SUFFIX);
}

/* Below halves that are in the log. */
static void
attach_below_log(SpanRow **rows, Oid schema, TupleDesc desc,
				 Tuplestorestate *store, int asked, MemoryContext context)
{
	uint64 found =
		query_run_on_batch(&halves_query, schema, desc, store, asked);
	MemoryContext caller = MemoryContextSwitchTo(context);

	for (uint64 i = 0; i < found; i++)
	{
		bool isnull;
		SpanRow *row = rows[DatumGetInt32(SPI_getbinval(
			SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull))];

		row->parent_span_id = half_of_parent(row);
	}
	MemoryContextSwitchTo(caller);
	SPI_freetuptable(SPI_tuptable);
}

void
attach_children(SpanRow **rows, int count, Oid schema, MemoryContext context)
{
	TupleDesc desc = batch_descriptor(batch_columns, COLUMN_COUNT);
	Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);
	int asked = 0;

	for (int i = 0; i < count; i++)
	{
		SpanRow *row = rows[i];
		MemoryContext caller;
		text *half_id;
		const SpanRow *half;

		CHECK_FOR_INTERRUPTS();
		if (!may_be_servers(rows, count, row))
			continue;
		caller = MemoryContextSwitchTo(context);
		half_id = half_of_parent(row);
		MemoryContextSwitchTo(caller);
		half = find_row(rows, count, row->trace_id, half_id);
		if (half == NULL)
		{
			put_below(store, desc, i, row, half_id, row->parent_span_id);
			asked++;
		}
		else if (half != row && has_same_service(half, row))
		{
			row->parent_span_id = half_id;
			continue;
		}
		pfree(half_id);
	}
	if (asked > 0)
		attach_below_log(rows, schema, desc, store, asked, context);
	else
		tuplestore_end(store);
}

void
attach_stored_children(SpanRow **halves, int count, Oid schema)
{
	TupleDesc desc = batch_descriptor(batch_columns, COLUMN_COUNT);
	Tuplestorestate *store;

	if (count == 0)
		return;
	store = tuplestore_begin_heap(false, false, work_mem);
	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		put_below(store,
				  desc,
				  i,
				  halves[i],
				  halves[i]->span_id,
				  halves[i]->parent_span_id);
	}
	(void) query_run_on_batch(&children_query, schema, desc, store, count);
}
