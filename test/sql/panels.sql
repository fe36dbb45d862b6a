-- What dashboards and BI tools ask most, as a stock server runs it: how much of
-- the log is read for it, and that what it costs is known to the planner.
SET timezone = 'UTC';
SET extra_float_digits = -3;

TRUNCATE distributed_trace_log, distributed_trace_latency;
-- 1000 traces of 20 spans each, one a second; every tenth goes on after its root, which another ten do not have
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, duration_ms, tags)
SELECT 'trace-' || t, s::text, CASE WHEN s > 1 THEN (s / 2)::text WHEN t % 100 = 5 THEN 'lost' END, 'service-' || s % 5, 'operation ' || s,
       date_trunc('hour', now()) - interval '1 hour' + t * interval '1 s' + s * interval '1 ms',
       CASE WHEN s = 20 AND t % 10 = 0 THEN 5000 ELSE 100 + t % 7 - s END,
       jsonb_build_object('span.kind', CASE s % 2 WHEN 0 THEN 'client' ELSE 'server' END, 'error', s = 3 AND t % 50 = 0, 'padding', repeat('as long as real ones ', 20))
FROM generate_series(1, 1000) t, generate_series(1, 20) s;
ANALYZE distributed_trace_log;

-- a trace has one duration, whoever tells it
SELECT count(*) AS traces, count(*) FILTER (WHERE w.duration_ms <> t.duration_ms) AS different, count(*) FILTER (WHERE w.root_duration_ms < w.duration_ms) AS root_is_shorter
FROM trace_slowest w JOIN trace_traces t USING (trace_id);
SELECT w.root_duration_ms, w.duration_ms, s.wall_ms FROM trace_slowest w, trace_summary(w.trace_id) s WHERE s.wall_ms > 1000 ORDER BY w.trace_id LIMIT 1;
-- the function shows what the view does, of another window
SELECT count(*) AS rows FROM (TABLE trace_slowest EXCEPT SELECT * FROM trace_slowest_traces(now() - interval '24 hours', now() + interval '1 us')) x;
SELECT count(*), min(root_duration_ms), max(root_duration_ms) FROM trace_slowest_traces(date_trunc('hour', now()) - interval '1 hour', date_trunc('hour', now()) - interval '50 min', 20);
SELECT (SELECT count(*) FROM trace_slowest_traces('1 day')) AS a_day, (SELECT count(*) FROM trace_slowest_traces('1 us')) AS an_instant;
SELECT * FROM trace_slowest_traces('2000-01-01', '2000-01-02', -1);

-- as many trees as span_tree_agg makes, and the same ones
SELECT count(*), bool_and(a.tree::text = b.tree::text) AS is_same
FROM trace_trees(date_trunc('hour', now()) - interval '55 min', date_trunc('hour', now()) - interval '54 min') a
     JOIN (SELECT trace_id, span_tree_agg(l) AS tree FROM distributed_trace_log l GROUP BY trace_id) b USING (trace_id);
SELECT count(*), bool_and(a.tree::text = b.tree::text) AS is_same, bool_or(n.is_error) AS has_error
FROM trace_trees(date_trunc('hour', now()) - interval '55 min', date_trunc('hour', now()) - interval '54 min', false) a
     JOIN (SELECT trace_id, span_tree_agg(trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, NULL, NULL) AS tree
           FROM distributed_trace_log l GROUP BY trace_id) b USING (trace_id),
     LATERAL (SELECT bool_or(is_error) AS is_error FROM trace_tree(a.tree)) n;
-- a trace that reaches into the window is there whole
SELECT t.trace_id, s.span_count FROM trace_trees(date_trunc('hour', now()) - interval '1 hour' + interval '7.010 s', date_trunc('hour', now()) - interval '1 hour' + interval '7.011 s') t, trace_summary(t.tree) s;
SELECT count(*) FROM trace_trees(NULL, now());
SELECT count(*) FROM trace_trees('infinity', '-infinity');

-- rows of the log that a query reads, as a share of all
CREATE FUNCTION pg_temp.share_read(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ' || query INTO plan;
	RETURN (
		SELECT sum((node ->> 'Actual Loops')::numeric * ((node ->> 'Actual Rows')::numeric + coalesce((node ->> 'Rows Removed by Filter')::numeric, 0) + coalesce((node ->> 'Rows Removed by Index Recheck')::numeric, 0)))
		FROM jsonb_path_query(plan, 'strict $.** ? (@.type() == "object" && @."Relation Name" == "distributed_trace_log" && @."Node Type" != "Bitmap Index Scan")') node)
		/ (SELECT count(*) FROM distributed_trace_log);
END $$;
-- the first of something: no more than they need
SELECT query, pg_temp.share_read(query) < 0.05 AS is_little
FROM (VALUES ('SELECT * FROM trace_spans ORDER BY start_time DESC LIMIT 50'),
             ('SELECT * FROM trace_span_attributes ORDER BY start_time DESC LIMIT 50'),
             ('SELECT * FROM trace_traces ORDER BY start_time DESC LIMIT 5'),
             ('SELECT * FROM trace_traces WHERE start_time < now() - interval ''50 min'' ORDER BY start_time DESC LIMIT 5'),
             ('SELECT * FROM trace_critical_times ORDER BY start_time DESC LIMIT 5')) q (query);
SELECT query, pg_temp.share_read(query) < 0.15 AS is_little
FROM (VALUES ('SELECT * FROM trace_slowest LIMIT 20'),
             ('SELECT * FROM trace_slowest ORDER BY root_duration_ms DESC LIMIT 20')) q (query);

-- what a function is said to cost lets no plan be compiled for it
CREATE FUNCTION pg_temp.cost(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
	RETURN plan #>> '{0,Plan,Total Cost}';
END $$;
SELECT query, pg_temp.cost(query) < current_setting('jit_above_cost')::numeric AS is_cheap
FROM (VALUES ('SELECT * FROM trace_trees(now() - interval ''1 hour'', now())'),
             ('SELECT * FROM trace_slowest_traces(now() - interval ''1 hour'', now())'),
             ('SELECT * FROM trace_service_dependencies(now() - interval ''1 hour'', now())'),
             ('SELECT * FROM trace_dependency_diff(now() - interval ''2 hours'', now() - interval ''1 hour'', now() - interval ''1 hour'', now())'),
             ('SELECT * FROM trace_dependency_paths(now() - interval ''1 hour'', now())'),
             ('SELECT * FROM trace_dependency_cycles(now() - interval ''1 hour'', now())'),
             ('SELECT * FROM trace_service_impact(now() - interval ''1 hour'', now(), ''service-1'')'),
             ('SELECT * FROM trace_critical_path_profile(now() - interval ''1 hour'', now())'),
             ('SELECT * FROM trace_grafana_nodes(now() - interval ''1 hour'', now())'),
             ('SELECT * FROM trace_grafana_edges(now() - interval ''1 hour'', now())')) q (query);

TRUNCATE distributed_trace_log, distributed_trace_latency;
