#!/usr/bin/env bash
#
# What dashboards and BI tools ask, each view and function and every query of
# grafana/, as a reader of the documented role runs it, with the extension in a
# schema of its own and the server as PostgreSQL's defaults have it.  The spans
# of the database bench, the probes left out, lie over a day here.
set -euo pipefail

here=$(dirname "$0")/panels

createdb panels
psql -d panels -v runs="$BENCH_RUNS" -f "$BENCH_DIR/harness.sql"
psql -d panels -o /dev/null <<'END'
CREATE SCHEMA tracing;
CREATE EXTENSION distributed_trace SCHEMA tracing;
CALL tracing.trace_create_roles();
CREATE ROLE reader LOGIN IN ROLE trace_reader;
ALTER DATABASE panels SET search_path = "$user", public, tracing;
END
psql -d bench <<'END' | psql -d panels -c 'COPY distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, tags, logs) FROM STDIN'
COPY (
    WITH root AS (
        SELECT trace_id, start_time,
               extract(epoch FROM start_time - min(start_time) OVER ()) / extract(epoch FROM max(start_time) OVER () - min(start_time) OVER ()) AS place
        FROM distributed_trace_log WHERE parent_span_id IS NULL AND trace_id NOT LIKE 'aaaa%'
    )
    SELECT l.trace_id, l.span_id, l.parent_span_id, l.service_name, l.operation, l.start_time + r.move, l.end_time + r.move, l.duration_ms, l.tags, l.logs
    FROM (SELECT trace_id, now() - interval '1 day' + place * interval '1 day' - start_time AS move FROM root) r JOIN distributed_trace_log l USING (trace_id)
    ORDER BY l.start_time + r.move
) TO STDOUT
END
psql -d panels -c 'CALL trace_rollup_compact()' -c 'VACUUM ANALYZE distributed_trace_log, distributed_trace_latency'
psql -d panels -v tree="$BENCH_TREE" -f "$here/run.sql"

for table in "item (section, item, base, goal, goal_unit)" sample; do
	psql -d panels -c "COPY bench.$table TO STDOUT" |
		psql -d bench -c "COPY bench.$table FROM STDIN"
done
