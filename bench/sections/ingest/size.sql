/*
 * Bytes a span, in tables that grew in order of arrival: the last run of the
 * ingest section left them.
 */
INSERT INTO bench.item (section, item, goal, goal_unit) VALUES
    ('size', 'table', NULL, NULL),
    ('size', 'resources, with their indexes', NULL, NULL),
    ('size', 'rollup of latencies, not yet folded', NULL, NULL);
INSERT INTO bench.item (section, item)
SELECT 'size', 'index ' || c.relname
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = 'distributed_trace_log'::regclass
ORDER BY c.relname;
INSERT INTO bench.item (section, item, goal, goal_unit) VALUES
    ('size', 'all together', '<= 800', 'B/span'),
    ('size', 'all together, if tags held the attributes alone', NULL, NULL);

-- What a table would take that drops the rest: kind, status, scope, resource,
-- flags and nanoseconds.
CREATE TABLE bench.plain (LIKE distributed_trace_log INCLUDING ALL);
INSERT INTO bench.plain
SELECT id, trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time,
       duration_ms, tags - 'otel', logs, created_at, updated_at
FROM distributed_trace_log ORDER BY id;

CREATE TEMP TABLE measured AS
SELECT 'table' AS item, pg_table_size('distributed_trace_log') AS bytes
UNION ALL
SELECT 'resources, with their indexes', pg_total_relation_size('distributed_trace_resource')
UNION ALL
SELECT 'rollup of latencies, not yet folded', pg_total_relation_size('distributed_trace_latency')
UNION ALL
SELECT 'index ' || c.relname, pg_relation_size(c.oid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = 'distributed_trace_log'::regclass;

INSERT INTO bench.sample
SELECT 'size', item, span_count, 'B/span', bytes::float8 / span_count
FROM measured, bench.expected
UNION ALL
SELECT 'size', 'all together', span_count, 'B/span', sum(bytes)::float8 / span_count
FROM measured, bench.expected GROUP BY span_count
UNION ALL
SELECT 'size', 'all together, if tags held the attributes alone', span_count, 'B/span',
       pg_total_relation_size('bench.plain')::float8 / span_count
FROM bench.expected;
