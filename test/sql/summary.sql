-- trace_summary: a trace in one row.
SET timezone = 'UTC';
SET datestyle = 'ISO';
BEGIN;

CREATE FUNCTION pg_temp.at(ms float8) RETURNS timestamptz LANGUAGE sql
    RETURN '2026-11-22 10:00:00+00'::timestamptz + ms * interval '1 ms';

INSERT INTO distributed_trace_log
    (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, tags)
VALUES
    ('shop', 'a', NULL, 'frontend', 'GET /checkout', pg_temp.at(0), pg_temp.at(412), '{"otel": {"status": "error"}}'),
    ('shop', 'b', 'a', 'checkout', 'POST /cart', pg_temp.at(5), pg_temp.at(385), NULL),
    ('shop', 'c', 'b', 'postgres', 'SELECT cart_items', pg_temp.at(7), pg_temp.at(49), NULL),
    ('shop', 'd', 'b', 'payment', 'Charge', pg_temp.at(60), pg_temp.at(361), '{"error": true}'),
    ('shop', 'e', 'd', 'postgres', 'INSERT payment', pg_temp.at(85), pg_temp.at(325), NULL),
    ('shop', 'f', 'a', 'frontend', 'render', pg_temp.at(385), pg_temp.at(412.5), NULL),
    ('lost', 'b', 'a', 'checkout', 'POST /cart', pg_temp.at(5), pg_temp.at(385), NULL),
    ('lost', 'c', 'b', 'postgres', 'SELECT', pg_temp.at(7), NULL, NULL);

\x on
SELECT * FROM trace_summary('shop');
SELECT * FROM trace_summary('lost');
\x off

-- the value and the trace id give the same
SELECT trace_summary(trace_get('shop')) = trace_summary('shop') AS same;

-- many traces at once
SELECT s.trace_id, s.span_count, s.wall_ms, s.is_complete
    FROM (SELECT span_tree_agg(l) AS tree FROM distributed_trace_log l GROUP BY trace_id) t,
         trace_summary(t.tree) s
    ORDER BY s.trace_id COLLATE "C";

-- no trace, no row
SELECT count(*) FROM trace_summary('unknown');
SELECT count(*) FROM trace_summary(NULL::text);
SELECT count(*) FROM trace_summary(NULL::span_tree);

ROLLBACK;
