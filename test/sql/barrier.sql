-- A role that may read a view of some spans sees no others, whatever functions it
-- has; and the newest rows still come from the end of an index.
SET timezone = 'UTC';
TRUNCATE distributed_trace_log, distributed_trace_latency;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms, tags, logs)
SELECT 't' || n, '1', 'secret', 'o', '2021-01-01'::timestamptz + n * interval '1 s', 1, jsonb_build_object('padding', repeat('x', 300)), NULL FROM generate_series(1, 20000) n;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms, tags, logs)
SELECT 't' || n, '1', 'shown', 'o', '2021-01-01'::timestamptz + n * interval '1 s', 1,
       '{"error": true, "user.id": "u", "otel": {"links": [{"trace_id": "t1", "span_id": "1"}]}}', 'an event' FROM generate_series(20001, 20100) n;
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, duration_ms) VALUES ('t20100', '2', '1', 'shown too', 'o', '2021-01-02', 1);
ANALYZE distributed_trace_log;

CREATE ROLE barrier_reader;
CREATE SCHEMA barrier_schema AUTHORIZATION barrier_reader;
GRANT SELECT ON trace_errors, trace_user_spans, trace_span_events, trace_span_links, trace_service_calls TO barrier_reader;
SET ROLE barrier_reader;
-- so cheap that the planner would ask it first
CREATE FUNCTION barrier_schema.peep(name text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN
	IF name = 'secret' THEN
		RAISE NOTICE 'seen: %', name;
	END IF;
	RETURN true;
END $$;
SELECT count(*) FROM trace_errors WHERE barrier_schema.peep(service_name);
SELECT count(*) FROM trace_user_spans WHERE barrier_schema.peep(service_name);
SELECT count(*) FROM trace_span_events WHERE barrier_schema.peep(service_name);
SELECT count(*) FROM trace_span_links WHERE barrier_schema.peep(service_name);
SELECT count(*) FROM trace_service_calls WHERE barrier_schema.peep(callee_service) AND barrier_schema.peep(caller_service);
RESET ROLE;

CREATE FUNCTION pg_temp.index_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
	RETURN (SELECT string_agg(DISTINCT concat_ws(' ', node ->> 'Index Name', nullif(node ->> 'Scan Direction', 'Forward')), ', ' ORDER BY concat_ws(' ', node ->> 'Index Name', nullif(node ->> 'Scan Direction', 'Forward')))
	        FROM jsonb_path_query(plan, 'strict $.** ? (@.type() == "object" && @."Relation Name" == "distributed_trace_log")') node);
END $$;
SELECT view, pg_temp.index_of(format('SELECT * FROM %I WHERE start_time >= ''2021-01-01 05:30'' ORDER BY start_time DESC LIMIT 10', view)) AS newest, pg_temp.index_of(format('SELECT * FROM %I WHERE trace_id = ''t7''', view)) ~ 'trace_id_span_id_key' AS a_trace
FROM unnest('{trace_errors,trace_user_spans,trace_span_events,trace_span_links,trace_service_calls}'::text[]) view;

DROP OWNED BY barrier_reader;
DROP ROLE barrier_reader;
TRUNCATE distributed_trace_log, distributed_trace_latency;
