/*
 * Finding and reading sealed traces: see archive.h.
 *
 * A trace is looked for partition by partition, the newest first, by an index
 * on hashes: through the parent a hundred partitions would be locked and
 * planned for each look-up.
 */
#include "postgres.h"

#include "compat.h"
#include "core/archive/crc32c.h"
#include "server/query.h"
#include "server/server_host.h"
#include "store/archive.h"
#include "store/archive_row.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/timestamp.h"

#define ARCHIVE_TABLE "distributed_trace_archive"

/* The columns of every query of blocks, in its order. */
enum
{
	COLUMN_PARTITION,
	COLUMN_DAY,
	COLUMN_NUMBER,
	COLUMN_GONE,
	COLUMN_SHAPE,
	COLUMN_IDS,
	COLUMN_TAGS,
};

#define BLOCK_COLUMNS "a.tableoid, a.day, a.block, a.gone, a.shape, a.ids, "

/*
 * Rights
 */

/* Who reads the archive's tables in truth, until leave_owner. */
typedef struct Caller
{
	Oid user;
	int context;
} Caller;

static Oid
find_table(Oid schema, const char *name)
{
	return get_relname_relid(name, schema);
}

/* As the server's own checks of foreign keys do. */
static Caller
become_owner(Oid table)
{
	Caller caller;
	Relation relation = table_open(table, AccessShareLock);

	GetUserIdAndSecContext(&caller.user, &caller.context);
	SetUserIdAndSecContext(relation->rd_rel->relowner,
						   caller.context | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_NOFORCE_RLS);
	table_close(relation, NoLock);
	return caller;
}

static void
leave_owner(Caller caller)
{
	SetUserIdAndSecContext(caller.user, caller.context);
}

static bool
has_partitions(Oid table)
{
	Relation relation = table_open(table, AccessShareLock);
	bool has_some = RelationGetPartitionDesc(relation, true)->nparts > 0;

	table_close(relation, NoLock);
	return has_some;
}

bool
archive_is_readable(Oid schema)
{
	Oid table = find_table(schema, ARCHIVE_TABLE);
	Oid log = find_table(schema, "distributed_trace_log");
	AclResult right;

	if (!OidIsValid(table) || !OidIsValid(log) || !has_partitions(table) ||
		check_enable_rls(log, InvalidOid, true) == RLS_ENABLED)
		return false;
	right = pg_class_aclcheck(table, GetUserId(), ACL_SELECT);
	if (right != ACLCHECK_OK)
		aclcheck_error(right, OBJECT_TABLE, ARCHIVE_TABLE);
	return true;
}

/*
 * How far traces are sealed
 */

typedef struct SealState
{
	bool is_known;
	TimestampTz sealed_until;
	int64 longest_trace; /* us */
} SealState;

static SealState seal_state;

/* Whoever seals says so by an invalidation of the archive's table. */
static void
forget_state(Datum arg, Oid relation)
{
	(void) arg;
	(void) relation;
	seal_state.is_known = false;
}

static SavedQuery state_query = {
	.text = "SELECT s.sealed_until, (pg_catalog.date_part('epoch', "
			"s.longest_trace) OPERATOR(pg_catalog.*) 1000000)::bigint "
			"FROM %s.distributed_trace_archive_state s",
};

static void
read_state(Oid schema)
{
	static bool is_registered;
	Caller caller;

	if (!is_registered)
		CacheRegisterRelcacheCallback(forget_state, (Datum) 0);
	is_registered = true;
	/* before it is read: what is sealed meanwhile invalidates it again */
	seal_state = (SealState){.is_known = true, .sealed_until = DT_NOBEGIN};
	caller = become_owner(find_table(schema, ARCHIVE_TABLE));
	SPI_connect();
	if (query_run(&state_query, schema, NULL, true, NULL) > 0)
	{
		bool is_null;

		seal_state.sealed_until = DatumGetTimestampTz(SPI_getbinval(
			SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
		seal_state.longest_trace = DatumGetInt64(SPI_getbinval(
			SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &is_null));
	}
	SPI_finish();
	leave_owner(caller);
}

TimestampTz
archive_sealed_until(Oid schema)
{
	if (!OidIsValid(find_table(schema, ARCHIVE_TABLE)))
		return DT_NOBEGIN;
	if (!seal_state.is_known)
		read_state(schema);
	return seal_state.sealed_until;
}

static int64
longest_trace(Oid schema)
{
	(void) archive_sealed_until(schema);
	return seal_state.longest_trace;
}

/*
 * Blocks
 */

/* Takes the rows of a query of blocks, each in memory of its own. */
typedef struct BlockReceiver
{
	DestReceiver receiver;
	MemoryContext context;
	void (*take)(struct BlockReceiver *self, OpenBlock *block);
} BlockReceiver;

static ArchiveBytes
get_bytes(TupleTableSlot *slot, int column)
{
	struct varlena *value;

	if (slot->tts_isnull[column])
		return (ArchiveBytes){NULL, 0};
	value = PG_DETOAST_DATUM_PACKED(slot->tts_values[column]);
	return (ArchiveBytes){(uint8 *) VARDATA_ANY(value),
						  VARSIZE_ANY_EXHDR(value)};
}

static void
get_gone(TupleTableSlot *slot, OpenBlock *block)
{
	ArrayType *gone;

	if (slot->tts_isnull[COLUMN_GONE])
		return;
	gone = DatumGetArrayTypeP(slot->tts_values[COLUMN_GONE]);
	block->gone = (int32 *) ARR_DATA_PTR(gone);
	block->gone_count = ArrayGetNItems(ARR_NDIM(gone), ARR_DIMS(gone));
}

static bool
receive_block(TupleTableSlot *slot, DestReceiver *self)
{
	BlockReceiver *receiver = (BlockReceiver *) self;
	MemoryContext caller = MemoryContextSwitchTo(receiver->context);
	OpenBlock block = {0};

	slot_getallattrs(slot);
	require_value(slot->tts_isnull[COLUMN_SHAPE], "shape");
	require_value(slot->tts_isnull[COLUMN_IDS], "ids");
	block.partition =
		get_rel_name(DatumGetObjectId(slot->tts_values[COLUMN_PARTITION]));
	block.day = DatumGetDateADT(slot->tts_values[COLUMN_DAY]);
	block.number = DatumGetInt64(slot->tts_values[COLUMN_NUMBER]);
	get_gone(slot, &block);
	block.columns[ARCHIVE_SHAPE] = get_bytes(slot, COLUMN_SHAPE);
	block.columns[ARCHIVE_IDS] = get_bytes(slot, COLUMN_IDS);
	block.columns[ARCHIVE_TAGS] = get_bytes(slot, COLUMN_TAGS);
	receiver->take(receiver, &block);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(receiver->context);
	return true;
}

static void
run_block_query(SavedQuery *query, Oid schema, const Datum *args,
				BlockReceiver *receiver)
{
	Caller caller = become_owner(find_table(schema, ARCHIVE_TABLE));

	SPI_connect();
	receiver->receiver = query_receiver(receive_block);
	receiver->context = AllocSetContextCreate(CurrentMemoryContext,
											  "distributed_trace block",
											  ALLOCSET_DEFAULT_SIZES);
	query_run(query, schema, args, true, &receiver->receiver);
	SPI_finish();
	leave_owner(caller);
}

/*
 * Partitions
 */

typedef struct Partition
{
	Oid table;
	DateADT from;
	DateADT to;
} Partition;

/* The partitions, the newest first; one that is being dropped is not waited
 * for longer than its lock. */
static List *
list_partitions(Oid schema)
{
	Relation parent =
		table_open(find_table(schema, ARCHIVE_TABLE), AccessShareLock);
	PartitionDesc desc = RelationGetPartitionDesc(parent, true);
	PartitionBoundInfo bounds = desc->boundinfo;
	List *partitions = NIL;

	for (int i = desc->nparts == 0 ? 0 : bounds->ndatums - 1; i > 0; i--)
	{
		Partition *partition;

		if (bounds->indexes[i] < 0)
			continue;
		partition = palloc(sizeof(Partition));
		partition->table = desc->oids[bounds->indexes[i]];
		partition->from = DatumGetDateADT(bounds->datums[i - 1][0]);
		partition->to = DatumGetDateADT(bounds->datums[i][0]);
		partitions = lappend(partitions, partition);
	}
	table_close(parent, NoLock);
	return partitions;
}

/* The queries of one partition, by its name: planned once a session. */
typedef struct PartitionQueries
{
	Oid table; /* the key */
	NameData name;
	SavedQuery find[2]; /* without and with tags */
} PartitionQueries;

static const char find_text[] =
	"SELECT " BLOCK_COLUMNS "%s FROM %%s.%s a "
	"WHERE a.trace_hashes OPERATOR(pg_catalog.@>) ARRAY[$1]";

static PartitionQueries *
queries_of(Oid table)
{
	static HTAB *all;
	PartitionQueries *queries;
	const char *name = get_rel_name(table);
	MemoryContext caller;
	bool found;

	if (all == NULL)
	{
		HASHCTL control = {.keysize = sizeof(Oid),
						   .entrysize = sizeof(PartitionQueries)};

		all = hash_create("distributed_trace partitions",
						  64,
						  &control,
						  HASH_ELEM | HASH_BLOBS);
	}
	queries = hash_search(all, &table, HASH_ENTER, &found);
	if (found && strcmp(NameStr(queries->name), name) == 0)
		return queries;
	memset(queries->find, 0, sizeof(queries->find));
	caller = MemoryContextSwitchTo(TopMemoryContext);
	for (int i = 0; i < 2; i++)
		queries->find[i] = (SavedQuery){
			.text = psprintf(
				find_text, i == 0 ? "NULL" : "a.tags", quote_identifier(name)),
			.arg_count = 1,
			.arg_types = {INT4OID},
			.reads_in_bulk = true,
		};
	MemoryContextSwitchTo(caller);
	namestrcpy(&queries->name, name);
	return queries;
}

/*
 * One trace
 */

typedef struct TraceFinder
{
	BlockReceiver blocks;
	Slice trace_id;
	BlockTaker take;
	void *state;
	bool is_found;
} TraceFinder;

static void
find_in_block(BlockReceiver *self, OpenBlock *block)
{
	TraceFinder *finder = (TraceFinder *) self;
	uint32 trace;

	block_open_ids(block);
	trace = archive_shape_find(block->shape, block->ids, finder->trace_id);
	if (trace == SPAN_TREE_NONE || block_is_gone(block, trace))
		return;
	finder->is_found = true;
	finder->take(block, trace, finder->state);
}

void
archive_find_trace(Oid schema, Slice trace_id, bool with_tags, BlockTaker take,
				   void *state)
{
	uint32 hash = crc32c(0, (const uint8 *) trace_id.data, trace_id.length);
	Datum args[1] = {Int32GetDatum((int32) hash)};
	TraceFinder finder = {
		.blocks = {.take = find_in_block},
		.trace_id = trace_id,
		.take = take,
		.state = state,
	};
	List *partitions = list_partitions(schema);
	ListCell *cell;

	foreach (cell, partitions)
	{
		Partition *partition = lfirst(cell);
		Relation relation =
			try_relation_open(partition->table, AccessShareLock);

		CHECK_FOR_INTERRUPTS();
		if (relation == NULL)
			continue;
		relation_close(relation, NoLock);
		run_block_query(&queries_of(partition->table)->find[with_tags],
						schema,
						args,
						&finder.blocks);
		if (finder.is_found)
			break;
	}
}

/*
 * Rows
 */

typedef struct RowTaker
{
	SpanReader *reader;
	bool is_window; /* else all rows are taken */
	TimestampTz from_time;
	TimestampTz to_time;
	MemoryContext context; /* of one row */
	uint64 count;
} RowTaker;

static void
take_row(RowTaker *taker, const OpenBlock *block, uint32 trace,
		 const ArchiveRow *row)
{
	MemoryContext caller;
	char room[ARCHIVE_ID_ROOM];
	Slice trace_id;
	SpanRow span;

	if (taker->is_window && (row->start_time < taker->from_time ||
							 row->start_time >= taker->to_time))
		return;
	caller = MemoryContextSwitchTo(taker->context);
	trace_id = archive_trace_id(block->ids, trace, room);
	span = archive_row_to_span(row, trace_id, taker->reader->columns);
	taker->reader->take(taker->reader, &span);
	taker->count++;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(taker->context);
}

/* Hands on the rows of the traces [from, to) of a block that are not gone. */
static void
take_rows(RowTaker *taker, OpenBlock *block, uint32 from, uint32 to)
{
	ArchiveRows *rows;
	ArchiveRow row;
	ArchiveFault fault;
	uint32 trace;
	bool more;

	block_open_tags(block);
	block_check(
		block,
		archive_rows_open(block->tags, block->ids, from, to, &rows, &fault),
		&fault);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		block_check(block,
					archive_rows_next(rows, &trace, &row, &more, &fault),
					&fault);
		if (!more)
			break;
		if (!block_is_gone(block, trace))
			take_row(taker, block, trace, &row);
	}
}

static MemoryContext
row_context(void)
{
	return AllocSetContextCreate(CurrentMemoryContext,
								 "distributed_trace archived row",
								 ALLOCSET_DEFAULT_SIZES);
}

static void
take_trace_rows(OpenBlock *block, uint32 trace, void *state)
{
	take_rows(state, block, trace, trace + 1);
}

uint64
archive_read_trace(SpanReader *reader, Slice trace_id)
{
	RowTaker taker = {
		.reader = reader,
		.context = row_context(),
	};

	archive_find_trace(reader->schema, trace_id, true, take_trace_rows, &taker);
	MemoryContextDelete(taker.context);
	return taker.count;
}

/*
 * A window
 */

/* the day of a block is that of its traces' starts */
#define IN_WINDOW                                                              \
	" FROM %s." ARCHIVE_TABLE " a "                                            \
	"WHERE a.min_start OPERATOR(pg_catalog.<) $2 "                             \
	"AND a.max_start OPERATOR(pg_catalog.>=) $1 "                              \
	"AND a.day OPERATOR(pg_catalog.>=) $3 "                                    \
	"AND a.day OPERATOR(pg_catalog.<=) $4"

static SavedQuery window_query = {
	.text = "SELECT " BLOCK_COLUMNS "a.tags" IN_WINDOW,
	.arg_count = 4,
	.arg_types = {TIMESTAMPTZOID, TIMESTAMPTZOID, DATEOID, DATEOID},
	.reads_in_bulk = true,
};

typedef struct WindowReceiver
{
	BlockReceiver blocks;
	RowTaker rows;
} WindowReceiver;

static void
take_block_rows(BlockReceiver *self, OpenBlock *block)
{
	WindowReceiver *receiver = (WindowReceiver *) self;

	block_open_shape(block);
	take_rows(&receiver->rows, block, 0, block->shape->trace_count);
}

/* The day in UTC of a time, plus some microseconds. */
static Datum
day_of(TimestampTz time, int64 more)
{
	int64 moved;

	if (TIMESTAMP_NOT_FINITE(time) || pg_add_s64_overflow(time, more, &moved) ||
		!IS_VALID_TIMESTAMP(moved))
		return time < 0 ? DateADTGetDatum(DATEVAL_NOBEGIN)
						: DateADTGetDatum(DATEVAL_NOEND);
	return DirectFunctionCall1(timestamp_date, TimestampGetDatum(moved));
}

uint64
archive_read_window(SpanReader *reader, TimestampTz from_time,
					TimestampTz to_time)
{
	Datum args[4] = {
		TimestampTzGetDatum(from_time),
		TimestampTzGetDatum(to_time),
		day_of(from_time, -longest_trace(reader->schema)),
		day_of(to_time, 0),
	};
	WindowReceiver receiver = {
		.blocks = {.take = take_block_rows},
		.rows = {.reader = reader,
				 .is_window = true,
				 .from_time = from_time,
				 .to_time = to_time,
				 .context = row_context()},
	};

	run_block_query(&window_query, reader->schema, args, &receiver.blocks);
	MemoryContextDelete(receiver.rows.context);
	return receiver.rows.count;
}

/*
 * A tree
 */

typedef struct TreeTaker
{
	MemoryContext context;
	SpanTree *tree;
} TreeTaker;

static void
take_tree(OpenBlock *block, uint32 trace, void *state)
{
	TreeTaker *taker = state;
	ArchiveFault fault;
	SpanTree *tree;
	MemoryContext caller;

	block_check(
		block,
		archive_shape_tree(block->shape, block->ids, trace, &tree, &fault),
		&fault);
	caller = MemoryContextSwitchTo(taker->context);
	taker->tree = palloc(tree->used);
	memcpy(taker->tree, tree, tree->used);
	SET_VARSIZE(taker->tree, tree->used);
	MemoryContextSwitchTo(caller);
}

SpanTree *
archive_read_tree(Oid schema, Slice trace_id)
{
	TreeTaker taker = {.context = CurrentMemoryContext};

	archive_find_trace(schema, trace_id, false, take_tree, &taker);
	return taker.tree;
}
