/*
 * trace_slowest_traces: the traces whose roots took longest.
 *
 * Roots are found by their index, and only those that are shown have their
 * traces read.
 */
#include "postgres.h"

#include "server/query_rows.h"

#include "catalog/pg_type.h"

PG_FUNCTION_INFO_V1(dt_trace_slowest_traces);

static SavedQuery slowest_query = {
	.text =
		"SELECT r.trace_id, r.service_name, r.operation, r.start_time, "
		"r.root_ms, s.wall_ms, s.critical_ms, s.span_count, s.error_count, "
		"s.service_count "
		"FROM (SELECT l.trace_id::pg_catalog.text AS trace_id, "
		"l.service_name::pg_catalog.text AS service_name, "
		"l.operation::pg_catalog.text AS operation, l.start_time, "
		"l.duration_ms::pg_catalog.float8 AS root_ms "
		"FROM %s.distributed_trace_log l "
		"WHERE l.parent_span_id IS NULL "
		"AND l.duration_ms OPERATOR(pg_catalog.<>) 'NaN'::pg_catalog.numeric "
		"AND l.start_time OPERATOR(pg_catalog.>=) $1 "
		"AND l.start_time OPERATOR(pg_catalog.<) $2 "
		"AND pg_catalog.isfinite(l.start_time) "
		"ORDER BY l.duration_ms DESC, l.trace_id LIMIT $3) r, "
		"LATERAL (SELECT %s.span_tree_agg(l) AS tree "
		"FROM %s.distributed_trace_log l "
		"WHERE l.trace_id OPERATOR(pg_catalog.=) r.trace_id) t, "
		"LATERAL %s.trace_summary(t.tree) s "
		"ORDER BY r.root_ms DESC, r.trace_id",
	.arg_count = 3,
	.arg_types = {TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID},
};

/*
 * trace_slowest_traces(from_time timestamptz, to_time timestamptz,
 *				 trace_count integer)
 *
 * One row a trace, the one with the longest root first.
 */
Datum
dt_trace_slowest_traces(PG_FUNCTION_ARGS)
{
	Datum args[3] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};
	int32 count = PG_GETARG_INT32(2);

	if (count < 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("invalid value for \"%s\": %d", "trace_count", count),
				errhint("Use a number from 0 on."));
	args[2] = Int64GetDatum(count);
	return query_return_rows(fcinfo, &slowest_query, args);
}
