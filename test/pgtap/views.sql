-- The contract of the views for BI tools: their columns, what they never show,
-- and that SELECT on a view is all that its reader needs.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS distributed_trace;
SET timezone = 'UTC';
SELECT * FROM no_plan();

CREATE TABLE pg_temp.contract (view text, columns text);
INSERT INTO pg_temp.contract VALUES
	('trace_critical_times', 'trace_id text, start_time timestamp with time zone, service_name text, critical_ms double precision, critical_share double precision, span_count bigint'),
	('trace_errors', 'trace_id text, span_id text, service_name text, operation text, kind text, start_time timestamp with time zone, duration_ms double precision, status_message text, exception_type text, exception_message text'),
	('trace_latency_histograms', 'bucket_start timestamp with time zone, service_name text, le_ms double precision, le_label text, span_count bigint, cumulative_count bigint, service_namespace text, deployment_environment text'),
	('trace_operation_red', 'bucket_start timestamp with time zone, bucket_seconds integer, service_name text, operation text, kind text, span_count bigint, adjusted_count double precision, error_count bigint, error_ratio double precision, spans_per_second double precision, duration_mean_ms double precision, duration_p50_ms double precision, duration_p90_ms double precision, duration_p95_ms double precision, duration_p99_ms double precision, duration_max_ms double precision, service_namespace text, deployment_environment text, negative_count bigint, weighted_error_ratio double precision, weighted_mean_ms double precision, weighted_p50_ms double precision, weighted_p95_ms double precision, weighted_p99_ms double precision'),
	('trace_operation_red_hourly', 'bucket_start timestamp with time zone, bucket_seconds integer, service_name text, operation text, kind text, span_count bigint, adjusted_count double precision, error_count bigint, error_ratio double precision, spans_per_second double precision, duration_mean_ms double precision, duration_p50_ms double precision, duration_p90_ms double precision, duration_p95_ms double precision, duration_p99_ms double precision, duration_max_ms double precision, service_namespace text, deployment_environment text, negative_count bigint, weighted_error_ratio double precision, weighted_mean_ms double precision, weighted_p50_ms double precision, weighted_p95_ms double precision, weighted_p99_ms double precision'),
	('trace_operations', 'service_name text, operation text, kind text, first_seen_time timestamp with time zone, last_seen_time timestamp with time zone, span_count bigint, error_count bigint, service_namespace text, deployment_environment text'),
	('trace_service_calls', 'trace_id text, span_id text, start_time timestamp with time zone, caller_service text, caller_operation text, callee_service text, callee_operation text, connection_type text, client_ms double precision, server_ms double precision, is_error boolean, error_count integer, adjusted_count double precision'),
	('trace_service_red', 'bucket_start timestamp with time zone, bucket_seconds integer, service_name text, span_count bigint, adjusted_count double precision, error_count bigint, error_ratio double precision, spans_per_second double precision, duration_mean_ms double precision, duration_p50_ms double precision, duration_p90_ms double precision, duration_p95_ms double precision, duration_p99_ms double precision, duration_max_ms double precision, service_namespace text, deployment_environment text, negative_count bigint, weighted_error_ratio double precision, weighted_mean_ms double precision, weighted_p50_ms double precision, weighted_p95_ms double precision, weighted_p99_ms double precision'),
	('trace_service_red_hourly', 'bucket_start timestamp with time zone, bucket_seconds integer, service_name text, span_count bigint, adjusted_count double precision, error_count bigint, error_ratio double precision, spans_per_second double precision, duration_mean_ms double precision, duration_p50_ms double precision, duration_p90_ms double precision, duration_p95_ms double precision, duration_p99_ms double precision, duration_max_ms double precision, service_namespace text, deployment_environment text, negative_count bigint, weighted_error_ratio double precision, weighted_mean_ms double precision, weighted_p50_ms double precision, weighted_p95_ms double precision, weighted_p99_ms double precision'),
	('trace_services', 'service_name text, first_seen_time timestamp with time zone, last_seen_time timestamp with time zone, operation_count bigint, span_count bigint, error_count bigint, service_namespace text, deployment_environment text'),
	('trace_slowest', 'trace_id text, root_service_name text, root_operation text, start_time timestamp with time zone, root_duration_ms double precision, duration_ms double precision, critical_ms double precision, span_count bigint, error_count bigint, service_count bigint'),
	('trace_span_attributes', 'trace_id text, span_id text, service_name text, start_time timestamp with time zone, attribute_scope text, attribute_key text, value_text text, value_number double precision, value_type text'),
	('trace_span_events', 'trace_id text, span_id text, service_name text, operation text, start_time timestamp with time zone, event_time timestamp with time zone, event_name text, exception_type text, exception_message text, attributes_json text'),
	('trace_span_links', 'trace_id text, span_id text, service_name text, operation text, start_time timestamp with time zone, linked_trace_id text, linked_span_id text, attributes_json text'),
	('trace_spans', 'trace_id text, span_id text, parent_span_id text, service_name text, service_namespace text, deployment_environment text, operation text, kind text, start_time timestamp with time zone, end_time timestamp with time zone, duration_ms double precision, is_root boolean, is_entry boolean, is_error boolean, error_count integer, adjusted_count double precision, status_message text, http_method text, http_route text, http_status_code integer, db_system text, rpc_system text, messaging_system text, peer_service text, user_id text, attributes_json text'),
	('trace_traces', 'trace_id text, root_service_name text, root_operation text, start_time timestamp with time zone, end_time timestamp with time zone, duration_ms double precision, critical_ms double precision, span_count bigint, error_count bigint, is_error boolean, service_count bigint, root_count bigint, orphan_count bigint, max_depth integer, max_concurrency integer, is_complete boolean'),
	('trace_user_spans', 'user_id text, trace_id text, span_id text, service_name text, operation text, start_time timestamp with time zone, duration_ms double precision, is_error boolean, error_count integer');

CREATE TABLE pg_temp.columns AS
SELECT v.oid AS view_oid, v.relname::text COLLATE "default" AS view, a.attnum, a.attname::text COLLATE "default" AS name,
       format_type(a.atttypid, a.atttypmod) AS type, col_description(v.oid, a.attnum) AS comment
FROM pg_depend d
     JOIN pg_class v ON v.oid = d.objid AND v.relkind = 'v' AND v.relname NOT IN ('trace_counted_spans', 'trace_receiver_stats', 'trace_receiver_refusals')
     JOIN pg_attribute a ON a.attrelid = v.oid AND a.attnum > 0
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'distributed_trace');

--
-- Columns, comments, rights
--

SELECT is(string_agg(name || ' ' || type, ', ' ORDER BY attnum), min(c.columns), 'columns of ' || view)
FROM pg_temp.contract c LEFT JOIN pg_temp.columns USING (view) GROUP BY view ORDER BY view;
SELECT is_empty($$SELECT DISTINCT view FROM pg_temp.columns EXCEPT SELECT view FROM pg_temp.contract$$, 'there are no other views');
-- drivers and BI tools take these, and mangle others
SELECT is_empty($$SELECT view, name, type FROM pg_temp.columns WHERE type NOT IN ('text', 'integer', 'bigint', 'double precision', 'boolean', 'timestamp with time zone')$$, 'plain types');
SELECT is_empty($$SELECT view, name, type FROM pg_temp.columns
	WHERE (type = 'boolean') <> (name ~ '^is_') OR (type = 'timestamp with time zone') <> (name ~ '_time$|^bucket_start$') OR name ~ '_(ms|share|ratio|per_second)$' AND type <> 'double precision'$$, 'names tell types and units');
SELECT is_empty($$SELECT view, name FROM pg_temp.columns WHERE coalesce(comment, '') = ''$$, 'every column has a comment');
SELECT is_empty($$SELECT DISTINCT view FROM pg_temp.columns WHERE coalesce(obj_description(view_oid, 'pg_class'), '') = ''$$, 'every view has a comment');
SELECT is_empty($$SELECT name FROM pg_temp.columns GROUP BY name HAVING count(DISTINCT comment) > 1 OR count(DISTINCT replace(type, 'bigint', 'integer')) > 1$$, 'a column of a name is the same in all views');

CREATE ROLE views_test_nobody;
SELECT is_empty($$SELECT view, p FROM (SELECT DISTINCT view, view_oid FROM pg_temp.columns) v, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p
	WHERE has_table_privilege('views_test_nobody', view_oid, p)$$, 'no view is for everybody');
SELECT is_empty($$SELECT relname, reloptions FROM pg_class WHERE oid IN (SELECT view_oid FROM pg_temp.columns) AND reloptions <> '{security_barrier=true}'$$, 'they read with the rights of their owner');
SELECT bag_eq($$SELECT relname::text FROM pg_class WHERE oid IN (SELECT view_oid FROM pg_temp.columns) AND reloptions IS NOT NULL$$,
	$$VALUES ('trace_errors'), ('trace_user_spans'), ('trace_span_events'), ('trace_span_links'), ('trace_service_calls')$$, 'those that show some of the spans are barriers');

--
-- Without spans, and with spans of every kind
--

-- for each view, how many rows somebody reads, or why not
CREATE FUNCTION pg_temp.read_all(views text[]) RETURNS TABLE (view text, row_count bigint, message text) LANGUAGE plpgsql AS $$
BEGIN
	FOREACH view IN ARRAY views LOOP
		BEGIN
			row_count := NULL;
			message := NULL;
			-- t::text, so that every column is computed
			EXECUTE format('SELECT count(t::text) FROM %I t', view) INTO row_count;
		EXCEPTION WHEN OTHERS THEN
			message := sqlerrm;
		END;
		RETURN NEXT;
	END LOOP;
END $$;
CREATE FUNCTION pg_temp.views() RETURNS text[] LANGUAGE sql AS 'SELECT array_agg(view ORDER BY view) FROM pg_temp.contract';

TRUNCATE distributed_trace_log, distributed_trace_latency;
SELECT is_empty($$SELECT * FROM pg_temp.read_all(pg_temp.views()) WHERE row_count IS DISTINCT FROM 0$$, 'without spans all views are empty');

SELECT is(accepted, 2::bigint, 'two spans of a request are recorded') FROM trace_ingest_otlp($json${"resourceSpans": [{
	"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}, {"key": "host.name", "value": {"stringValue": "höst 😀"}}]},
	"scopeSpans": [{"spans": [{
		"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "00f067aa0ba902b7", "name": "GET /", "kind": 2,
		"startTimeUnixNano": "1767225600000000000", "endTimeUnixNano": "1767225600250000000", "status": {"code": 2, "message": "no"},
		"attributes": [{"key": "user.id", "value": {"stringValue": "ada"}}, {"key": "http.response.status_code", "value": {"intValue": "500"}}],
		"events": [{"timeUnixNano": "1767225600100000000", "name": "exception", "attributes": [{"key": "exception.type", "value": {"stringValue": "Oops"}}]}],
		"links": [{"traceId": "0af7651916cd43dd8448eb211c80319d", "spanId": "00f067aa0ba902b8"}]}, {
		"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "00f067aa0ba902b9", "parentSpanId": "00f067aa0ba902b7", "name": "call", "kind": 3,
		"startTimeUnixNano": "1767225600010000000", "endTimeUnixNano": "1767225600200000000"}]}]}]}$json$::text);
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, tags, logs) VALUES
	('now', '1', NULL, '日本語', E'😀\n\x01', now() - interval '1 h', now(), NULL, NULL, NULL),
	('now', '2', '1', 's', 'unfinished', now() - interval '1 h', NULL, NULL, '{"error": true}', ''),
	('x', '1', '0', 's', '', '-infinity', 'infinity', NULL, '{"user.id": 1}', E'some\ntext'),
	('x', '2', '1', 's', 'o', 'infinity', NULL, NULL, '{}', '[]'),
	('x', '3', '1', 's', 'o', '2026-01-01', 'infinity', NULL, '{"a": 1e400, "b": -0.0, "c": 1e-400, "d": null, "e": [1], "f": {}, "g": -1e400, "user.id": ""}', '[{"time": "infinity", "name": "x"}, {"time": "-infinity", "name": "y"}, 1, null]'),
	('x', '4', '1', 's', 'o', '2026-01-01', '-infinity', NULL, '{"span.kind": 7, "http.status_code": "9999999999", "error": {}}', '{'),
	('x', '5', '1', 's', 'o', '2026-01-01', NULL, 'NaN', '{"otel": {"links": [1, null, {"trace_id": 5}, []], "resource": 99999999999999999999, "trace_state": "ot=th:ffffffffffffff"}}', '[{"time": "2026", "name": {}, "attributes": {"exception.type": null}}]'),
	('x', '6', '1', 's', 'o', '2026-01-01', NULL, 'NaN', '[1, "otel"]', NULL),
	('x', '7', '1', 's', 'o', '2026-01-01', NULL, -5, '"otel"', NULL),
	('x', '8', '1', 's', 'o', '2026-01-01', '2025-01-01', NULL, '1', NULL),
	('x', '9', '1', 's', 'o', '2026-01-01', '2026-01-01', 9999999999999.999, 'null', NULL),
	('x', '10', NULL, 's', 'o', '4713-01-01 BC', '294276-12-31 23:59:59.999999', 1, '{"otel": {"links": {}, "resource": "x", "status_message": {}}, "error": true}', NULL),
	('x', '11', '11', 's', 'o', '2026-01-01', NULL, 0, '{"otel": null, "enduser.id": 1e400}', NULL);
SELECT is_empty($$SELECT * FROM pg_temp.read_all(pg_temp.views()) WHERE coalesce(row_count, 0) = 0$$, 'with spans none is empty, and none fails');

-- who may SELECT from a view and nothing else
CREATE ROLE views_test_reader;
DO $$
BEGIN
	EXECUTE 'GRANT SELECT ON ' || array_to_string(pg_temp.views(), ', ') || ' TO views_test_reader';
END $$;
CREATE TEMP TABLE mine AS SELECT * FROM pg_temp.read_all(pg_temp.views());
CREATE TEMP TABLE readers (LIKE mine);
GRANT INSERT ON readers TO views_test_reader;
SELECT pg_temp.views() AS views \gset
SET ROLE views_test_reader;
INSERT INTO readers SELECT * FROM pg_temp.read_all(:'views');
RESET ROLE;
SELECT bag_eq('SELECT * FROM readers', 'SELECT * FROM mine', 'who may SELECT from the views reads what their owner does');
SELECT is_empty($$SELECT t FROM unnest(ARRAY['distributed_trace_log', 'distributed_trace_resource', 'distributed_trace_latency']) t WHERE has_any_column_privilege('views_test_reader', t, 'SELECT')$$, 'and nothing else');

-- drivers turn them into errors or into other numbers
CREATE FUNCTION pg_temp.not_finite() RETURNS TABLE (view text, name text, example text) LANGUAGE plpgsql AS $$
DECLARE
	type text;
BEGIN
	FOR view, name, type IN SELECT c.view, c.name, c.type FROM pg_temp.columns c WHERE c.type IN ('double precision', 'timestamp with time zone') ORDER BY c.view, c.attnum LOOP
		FOR example IN EXECUTE format('SELECT %I::text FROM %I WHERE %1$I::text IN (''NaN'', ''Infinity'', ''-Infinity'', ''infinity'', ''-infinity'', ''-0'')', name, view) LOOP
			RETURN NEXT;
		END LOOP;
	END LOOP;
END $$;
SELECT is_empty('SELECT * FROM pg_temp.not_finite()', 'no NaN, no infinity');
-- the test above sees what it looks for
INSERT INTO pg_temp.columns VALUES ('pg_class'::regclass, 'bad', 1, 'a', 'double precision'), ('pg_class'::regclass, 'bad', 2, 'b', 'timestamp with time zone');
CREATE TEMP VIEW bad AS SELECT 'NaN'::double precision AS a, '-infinity'::timestamptz AS b;
SELECT is(count(*), 2::bigint, 'NaN and infinity would be found') FROM pg_temp.not_finite();

SELECT * FROM finish();
ROLLBACK;
