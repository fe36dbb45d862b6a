-- A trigger on the log that moves the schema and records again: the plan that
-- the outer call runs is not freed under it.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS distributed_trace CASCADE;
CREATE SCHEMA tracing_a;
CREATE EXTENSION distributed_trace SCHEMA tracing_a;

CREATE FUNCTION record(span text, name text) RETURNS bigint LANGUAGE plpgsql AS $_$
DECLARE
	schema name := (SELECT n.nspname FROM pg_namespace n JOIN pg_extension e ON e.extnamespace = n.oid WHERE extname = 'distributed_trace');
	accepted bigint;
BEGIN
	EXECUTE format('SELECT accepted FROM %I.trace_ingest_zipkin($1)', schema) INTO accepted
	USING format('[{"traceId": "1", "id": "%s", "name": "%s", "timestamp": 1767225600000000, "duration": 7}]', span, name);
	RETURN accepted;
END $_$;
CREATE FUNCTION move_and_record() RETURNS trigger LANGUAGE plpgsql AS $_$
BEGIN
	IF NEW.operation LIKE 'outer%' THEN
		EXECUTE format('ALTER SCHEMA %I RENAME TO %I', TG_TABLE_SCHEMA, CASE TG_TABLE_SCHEMA WHEN 'tracing_a' THEN 'tracing_b' ELSE 'tracing_a' END);
		PERFORM record(ltrim(NEW.span_id, $$0$$) || TG_ARGV[0], 'inner');
		PERFORM record(ltrim(NEW.span_id, $$0$$) || TG_ARGV[0], 'inner again');
	END IF;
	RETURN NULL;
END $_$;
CREATE TRIGGER move_and_record AFTER INSERT ON tracing_a.distributed_trace_log FOR EACH ROW EXECUTE FUNCTION move_and_record('a');
CREATE TRIGGER move_and_record_again AFTER UPDATE ON tracing_a.distributed_trace_log FOR EACH ROW EXECUTE FUNCTION move_and_record('b');
SELECT record('1', 'outer'), record('2', 'outer');
SELECT record('1', 'outer, later'), record('2', 'outer, later');
SELECT record('3', 'outer'), record('3', 'outer, later');
SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'distributed_trace';
SELECT span_id, operation FROM tracing_a.distributed_trace_log ORDER BY 1;

-- a call that fails on the way leaves plans that can be used, and freed
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $_$
BEGIN
	ALTER SCHEMA tracing_a RENAME TO tracing_b;
	PERFORM record('99', 'inner');
	RAISE 'no';
END $_$;
CREATE TRIGGER fail AFTER INSERT ON tracing_a.distributed_trace_log FOR EACH ROW WHEN (NEW.operation = 'fail') EXECUTE FUNCTION fail();
SELECT record('4', 'fail');
SELECT record('4', 'plain');
SELECT operation FROM tracing_a.trace_tree('1') WHERE span_id LIKE '%4';

DROP EXTENSION distributed_trace CASCADE;
DROP SCHEMA tracing_a CASCADE;
DROP FUNCTION record, move_and_record, fail;
CREATE EXTENSION distributed_trace;
