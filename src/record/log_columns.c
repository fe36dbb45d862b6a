/*
 * What the triggers of distributed_trace_log check before they touch a row: see
 * log_columns.h.
 */
#include "postgres.h"

#include "compat.h"
#include "query.h"
#include "record/log_columns.h"

#include "executor/spi.h"
#include "utils/lsyscache.h"

void
check_log_trigger(FunctionCallInfo fcinfo)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (RelationGetRelid(trigger->tg_relation) !=
		get_relname_relid("distributed_trace_log", calling_schema(fcinfo)))
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
