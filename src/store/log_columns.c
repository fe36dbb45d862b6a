/*
 * What the triggers of distributed_trace_log check before they touch a row: see
 * log_columns.h.
 */
#include "postgres.h"

#include "compat.h"
#include "server/query.h"
#include "store/log_columns.h"

#include "catalog/pg_inherits.h"
#include "executor/spi.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* Whether a table is the log, or holds some of its rows by inheritance. */
static bool
is_log(Oid table, Oid log)
{
	return table == log ||
		   (OidIsValid(log) &&
			list_member_oid(find_all_inheritors(log, NoLock, NULL), table));
}

void
check_log_trigger(FunctionCallInfo fcinfo)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!is_log(
			RelationGetRelid(trigger->tg_relation),
			get_relname_relid("distributed_trace_log", calling_schema(fcinfo))))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("function must be called by a trigger of "
					   "distributed_trace_log"));
}

int
log_column(TupleDesc desc, const char *name, Oid type, Oid other_type)
{
	int number = SPI_fnumber(desc, name);
	Oid found;

	if (number <= 0)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_COLUMN),
				errmsg("column \"%s\" does not exist", name));
	found = TupleDescAttr(desc, number - 1)->atttypid;
	if (found != type && found != other_type)
		ereport(ERROR,
				errcode(ERRCODE_DATATYPE_MISMATCH),
				errmsg("column \"%s\" of distributed_trace_log is not of its "
					   "type any more",
					   name));
	return number;
}
