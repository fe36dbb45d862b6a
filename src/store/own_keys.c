/*
 * Keeping sequences ahead of their tables: see own_keys.h.
 *
 * A sequence falls behind where rows came with numbers of their own: by an
 * INSERT that names them, or by logical replication, which copies rows and not
 * sequences, once its subscriber is written to.  Then sound spans would meet a
 * number that is taken, and whoever sends them could do nothing about it.
 *
 * So before each batch the end of the primary key's index is compared with the
 * sequence: one descent of a B-tree whose pages are in memory anyway.  The
 * index also shows rows of transactions that are not yet over.  Partitioned
 * tables have no such index and are left alone.
 */
#include "postgres.h"

#include "compat.h"
#include "store/own_keys.h"

#include "access/genam.h"
#include "access/itup.h"
#include "access/relscan.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* Somebody's number so large that the sequence cannot go on behind it. */
#define LARGEST_KEY (PG_INT64_MAX / 2)

#define KEY_COLUMN 1

static char notice[512];
static bool has_notice;

static bool
has_key_first(Relation index)
{
	return index->rd_rel->relkind == RELKIND_INDEX &&
		   index->rd_rel->relam == BTREE_AM_OID &&
		   index->rd_index->indisprimary && index->rd_index->indisvalid &&
		   index->rd_index->indkey.values[0] == KEY_COLUMN &&
		   TupleDescAttr(RelationGetDescr(index), 0)->atttypid == INT8OID &&
		   (index->rd_indoption[0] & INDOPTION_DESC) == 0;
}

/* The last number of an index, whether its row is visible or not. */
static bool
last_in_index(Relation table, Relation index, int64 *key)
{
	IndexScanDesc scan = compat_index_beginscan(table, index, SnapshotAny);
	bool isnull = true;
	Datum value = (Datum) 0;

	scan->xs_want_itup = true;
	index_rescan(scan, NULL, 0, NULL, 0);
	if (index_getnext_tid(scan, BackwardScanDirection) != NULL)
		value = index_getattr(scan->xs_itup, 1, scan->xs_itupdesc, &isnull);
	if (!isnull)
		*key = DatumGetInt64(value);
	index_endscan(scan);
	return !isnull;
}

/* The largest number in the table; false if that is not known. */
static bool
largest_key(Relation table, int64 *key)
{
	Oid primary = compat_primary_key(table);
	Relation index;
	bool found;

	if (!OidIsValid(primary))
		return false;
	index = index_open(primary, AccessShareLock);
	found = has_key_first(index) && last_in_index(table, index, key);
	index_close(index, AccessShareLock);
	return found;
}

/* Whether the next number of the sequence may be taken. */
static bool
is_behind(Oid sequence, int64 largest)
{
	LOCAL_FCINFO(call, 1);
	FmgrInfo function;
	int64 last;

	fmgr_info(F_PG_SEQUENCE_LAST_VALUE, &function);
	InitFunctionCallInfoData(*call, &function, 1, InvalidOid, NULL, NULL);
	call->args[0].value = ObjectIdGetDatum(sequence);
	call->args[0].isnull = false;
	last = DatumGetInt64(FunctionCallInvoke(call));
	return call->isnull || last < largest;
}

static void
tell(Relation table, Oid sequence, int64 largest)
{
	char *name = get_rel_name(sequence);

	snprintf(
		notice,
		sizeof(notice),
		"sequence \"%s\" was behind table \"%s\" and was set to " INT64_FORMAT,
		name,
		RelationGetRelationName(table),
		largest);
	has_notice = true;
	ereport(LOG,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("%s", notice),
			errdetail("Rows came with numbers of their own: by INSERT, or by "
					  "logical replication, which does not copy sequences."));
}

/* One session at a time, or one would set it back behind another's. */
static void
advance(Relation table, Oid sequence)
{
	int64 largest;

	LockDatabaseObject(RelationRelationId, sequence, 0, ExclusiveLock);
	if (largest_key(table, &largest) && largest <= LARGEST_KEY &&
		is_behind(sequence, largest))
	{
		(void) DirectFunctionCall2(
			setval_oid, ObjectIdGetDatum(sequence), Int64GetDatum(largest));
		tell(table, sequence, largest);
	}
	UnlockDatabaseObject(RelationRelationId, sequence, 0, ExclusiveLock);
}

static void
catch_up(Relation table)
{
	Oid sequence = compat_identity_sequence_if_any(table, KEY_COLUMN);
	int64 largest;
	Oid user;
	int security;

	if (!OidIsValid(sequence) || !largest_key(table, &largest) ||
		largest > LARGEST_KEY)
		return;
	/* a failure leaves both to the end of the (sub)transaction, which sets
	 * them back */
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(table->rd_rel->relowner,
						   security | SECURITY_LOCAL_USERID_CHANGE);
	if (is_behind(sequence, largest))
		advance(table, sequence);
	SetUserIdAndSecContext(user, security);
}

void
own_keys_catch_up(Oid schema, const char *name)
{
	Oid oid = get_relname_relid(name, schema);
	Relation table;

	if (!OidIsValid(oid) || get_rel_relkind(oid) != RELKIND_RELATION)
		return;
	table = table_open(oid, RowExclusiveLock);
	catch_up(table);
	table_close(table, NoLock);
}

const char *
own_keys_take_notice(void)
{
	if (!has_notice)
		return NULL;
	has_notice = false;
	return notice;
}
