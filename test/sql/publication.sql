-- Folding the rollup deletes rows: a publication of all tables must not stop it.
SET client_min_messages = error;
CREATE PUBLICATION trace_all_tables FOR ALL TABLES;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, end_time)
SELECT 'published', n, 'published', 'o', '2026-01-01', '2026-01-01 00:00:01' FROM generate_series(1, 3) n;
CALL trace_rollup_compact('0 s');
SELECT level, latency_count(sketch) FROM distributed_trace_latency WHERE service_name = 'published' ORDER BY level;
UPDATE distributed_trace_log SET end_time = NULL, duration_ms = NULL WHERE trace_id = 'published';
DELETE FROM distributed_trace_log WHERE trace_id = 'published';
CALL trace_rollup_compact('0 s');
SELECT count(*) FROM distributed_trace_latency WHERE service_name = 'published';
DROP PUBLICATION trace_all_tables;
