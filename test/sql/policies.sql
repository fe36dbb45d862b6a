-- Row level security refuses some spans of a request: these are rejected, the
-- others recorded, and tables that inherit from the log are counted if they
-- have its triggers.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS distributed_trace;
TRUNCATE distributed_trace_log, distributed_trace_latency;
CREATE FUNCTION spans(VARIADIC services text[]) RETURNS text LANGUAGE sql AS $$
SELECT json_agg(json_build_object('traceId', lpad('1', 32, '0'), 'id', lpad(n::text, 16, '0'), 'name', 'o', 'timestamp', 1925000000000000, 'duration', 7, 'localEndpoint', json_build_object('serviceName', service)) ORDER BY n)::text
FROM unnest(services) WITH ORDINALITY u (service, n)
$$;
CREATE ROLE policies_recorder;
GRANT SELECT, INSERT, UPDATE ON distributed_trace_log TO policies_recorder;
ALTER TABLE distributed_trace_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY ours ON distributed_trace_log TO policies_recorder USING (service_name LIKE 'our%') WITH CHECK (service_name LIKE 'our%');
CREATE POLICY no_merging_of_b ON distributed_trace_log AS RESTRICTIVE FOR UPDATE TO policies_recorder USING (true) WITH CHECK (service_name <> 'our b');

SET ROLE policies_recorder;
SELECT * FROM trace_ingest_zipkin(spans('our a', 'theirs', 'our b', 'theirs', 'theirs', 'our c'));
SELECT * FROM trace_ingest_zipkin(spans('our a', 'theirs', 'our b', 'theirs', 'theirs', 'our c'));
SELECT accepted, duplicates, rejected FROM trace_ingest_zipkin(spans(VARIADIC (SELECT array_agg(CASE WHEN n % 5 = 0 THEN 'theirs' ELSE 'our ' || n END ORDER BY n) FROM generate_series(1, 500) n)));
-- what is there and differs
SELECT * FROM trace_ingest_zipkin(replace(spans('our a', 'theirs', 'our b'), '"o"', '"other"'));
SELECT * FROM trace_ingest_zipkin(spans('theirs'));
DO $$ BEGIN PERFORM trace_span_start('o', 'theirs'); EXCEPTION WHEN object_not_in_prerequisite_state THEN
	RAISE WARNING '%', regexp_replace(SQLERRM, '[0-9a-f]{16}', '<id>'); END $$;
SELECT trace_span_start('o', 'ours') IS NOT NULL AS started;
RESET ROLE;
SELECT count(*), count(*) FILTER (WHERE service_name = 'theirs') AS theirs FROM distributed_trace_log;
-- no right at all is one error
REVOKE INSERT ON distributed_trace_log FROM policies_recorder;
SET ROLE policies_recorder;
SELECT * FROM trace_ingest_zipkin(spans('our a', 'theirs'));
RESET ROLE;
ALTER TABLE distributed_trace_log DISABLE ROW LEVEL SECURITY;
DROP POLICY ours ON distributed_trace_log;
DROP POLICY no_merging_of_b ON distributed_trace_log;
REVOKE ALL ON distributed_trace_log FROM policies_recorder;
DROP ROLE policies_recorder;

-- what inherits is read; the check says that it is not counted
TRUNCATE distributed_trace_log, distributed_trace_latency;
CREATE TABLE log_of_old () INHERITS (distributed_trace_log);
CREATE FUNCTION old(span text) RETURNS void LANGUAGE sql AS $$
INSERT INTO log_of_old (id, trace_id, span_id, service_name, operation, start_time, end_time, duration_ms)
VALUES (1, 'old', span, 's', 'o', '2031-01-01', '2031-01-01 00:00:01', 1000)
$$;
SELECT old('1');
SELECT service_name, operation FROM trace_tree('old');
SELECT rollup_count, expected_count FROM trace_rollup_check('2031-01-01', '2031-01-02') WHERE level = 'minute';
CREATE TRIGGER trace_log_after_insert AFTER INSERT ON log_of_old REFERENCING NEW TABLE AS new_spans FOR EACH STATEMENT EXECUTE FUNCTION trace_log_after_write();
CREATE TRIGGER trace_log_after_update AFTER UPDATE ON log_of_old REFERENCING OLD TABLE AS old_spans NEW TABLE AS new_spans FOR EACH STATEMENT EXECUTE FUNCTION trace_log_after_write();
SELECT trace_rollup_rebuild('2031-01-01', '2031-01-02') AS spans;
SELECT old('2');
UPDATE log_of_old SET duration_ms = 2000 WHERE span_id = '1';
UPDATE distributed_trace_log SET duration_ms = 3000 WHERE span_id = '2';
SELECT count(*) FROM trace_rollup_check('2031-01-01', '2031-01-02');
SELECT span_count, min_ms, max_ms FROM trace_service_latency('2031-01-01', '2031-01-02');
-- no other table has them
CREATE TABLE no_log (LIKE distributed_trace_log);
CREATE TRIGGER trace_log_after_insert AFTER INSERT ON no_log REFERENCING NEW TABLE AS new_spans FOR EACH STATEMENT EXECUTE FUNCTION trace_log_after_write();
INSERT INTO no_log SELECT * FROM distributed_trace_log LIMIT 1;
DROP TABLE log_of_old, no_log;
DROP FUNCTION old, spans;
TRUNCATE distributed_trace_log, distributed_trace_latency;
