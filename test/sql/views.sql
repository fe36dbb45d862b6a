-- The views for BI tools: what they say of a few traces, and that what a tool
-- asks of many reads by index or from the rollup.
SET timezone = 'UTC';
SET extra_float_digits = -3;
\pset null -

TRUNCATE distributed_trace_log, distributed_trace_latency;

INSERT INTO distributed_trace_resource (resource_id, digest, attributes) VALUES (1000001, 'views', '{"host.name": "höst", "cpus": 4, "otel": {"schema_url": "u"}}');
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, tags, logs) VALUES
	('t1', 'a', NULL, 'web', 'GET /buy', '2026-01-01 10:00:00', '2026-01-01 10:00:01',
	 '{"otel": {"kind": "server", "resource": 1000001}, "user.id": 7, "http.request.method": "GET", "http.route": "/buy", "http.response.status_code": 200}', NULL),
	('t1', 'b', 'a', 'web', 'POST', '2026-01-01 10:00:00.1', '2026-01-01 10:00:00.9', '{"span.kind": "client", "peer.service": "shop"}', NULL),
	('t1', 'c', 'b', 'shop', 'buy', '2026-01-01 10:00:00.2', '2026-01-01 10:00:00.8',
	 '{"span.kind": "server", "error": true, "rpc.system": "grpc", "user.id": "ada", "otel": {"status_message": "sold out", "trace_state": "ot=th:8", "links": [{"trace_id": "t2", "span_id": "a", "attributes": {"why": "again"}}, 1]}}',
	 '[{"time": "2026-01-01T10:00:00.5Z", "name": "exception", "attributes": {"exception.type": "SoldOut", "exception.message": "none left"}}]'),
	('t1', 'd', 'c', 'shop', 'SELECT', '2026-01-01 10:00:00.3', '2026-01-01 10:00:00.7', '{"span.kind": "client", "db.system": "postgresql", "rows": 3, "ratio": 0.5, "tiny": 1e-400, "huge": 1e400}', E'slow\nvery slow'),
	('t1', 'e', 'c', 'shop', 'send', '2026-01-01 10:00:00.7', '2026-01-01 10:00:00.75', '{"span.kind": "producer", "messaging.system": "kafka"}', NULL),
	('t1', 'f', 'e', 'mail', 'receive', '2026-01-01 10:00:02', '2026-01-01 10:00:03', '{"span.kind": "consumer", "messaging.system": "kafka"}', NULL),
	('t2', 'a', NULL, 'web', 'GET /', '2026-01-01 10:01:30', '2026-01-01 10:01:30.002', NULL, NULL),
	('t2', 'b', 'a', 'web', 'unfinished', '2026-01-01 10:01:31', NULL, '"scalar"', NULL),
	('t3', 'a', 'lost', 'shop', 'buy', '2026-01-01 11:00:00', '2026-01-01 11:00:00.5', '[1]', NULL);

SELECT trace_id, span_id, parent_span_id, service_name, operation, kind, start_time, end_time, duration_ms, is_root, is_entry, is_error, error_count, adjusted_count FROM trace_spans ORDER BY trace_id, span_id;
SELECT trace_id, span_id, status_message, http_method, http_route, http_status_code, db_system, rpc_system, messaging_system, peer_service, user_id FROM trace_spans ORDER BY trace_id, span_id;
SELECT trace_id, span_id, attributes_json FROM trace_spans WHERE span_id = 'a' ORDER BY trace_id;
SELECT span_id, service_name, start_time, attribute_scope, attribute_key, left(value_text, 12) AS value_text, value_number, value_type FROM trace_span_attributes WHERE trace_id = 't1' AND span_id IN ('a', 'd') ORDER BY span_id, attribute_scope DESC, attribute_key COLLATE "C";
SELECT * FROM trace_span_events ORDER BY trace_id, span_id, event_name;
SELECT * FROM trace_span_links;
SELECT * FROM trace_traces ORDER BY trace_id;
SELECT * FROM trace_critical_times ORDER BY trace_id, critical_ms DESC;
SELECT * FROM trace_errors;
SELECT * FROM trace_user_spans ORDER BY span_id;
SELECT * FROM trace_service_calls ORDER BY trace_id, span_id;

SELECT bucket_start, bucket_seconds AS s, service_name, span_count, adjusted_count, error_count, error_ratio, spans_per_second, duration_mean_ms, round(duration_p50_ms::numeric) AS p50, round(duration_p99_ms::numeric) AS p99, duration_max_ms
FROM trace_service_red ORDER BY bucket_start, service_name;
SELECT bucket_start, bucket_seconds AS s, service_name, span_count, adjusted_count, error_count, error_ratio, spans_per_second * 3600 AS an_hour, duration_mean_ms, duration_max_ms FROM trace_service_red_hourly ORDER BY bucket_start, service_name;
SELECT bucket_start, service_name, operation, kind, span_count, adjusted_count, error_count, error_ratio, duration_mean_ms, duration_max_ms FROM trace_operation_red ORDER BY bucket_start, service_name, operation;
SELECT bucket_start, service_name, operation, kind, span_count, adjusted_count, error_count, error_ratio, duration_mean_ms, duration_max_ms FROM trace_operation_red_hourly ORDER BY bucket_start, service_name, operation;
SELECT * FROM trace_latency_histograms ORDER BY bucket_start, service_name, le_ms;
SELECT * FROM trace_services ORDER BY service_name;
SELECT * FROM trace_operations ORDER BY service_name, operation;

-- rates of buckets that the window cuts off
SELECT "time", metric, value * 10 AS in_10_s, value * 40 AS in_40_s, value * 60 AS in_60_s
FROM trace_grafana_series('2026-01-01 09:59:50', '2026-01-01 10:01:40', '1 min', 'spans_per_second', NULL, 'all');

-- the same when it is folded
CREATE TEMP VIEW figures AS
	SELECT 'minute' AS what, md5(string_agg(v::text, ' ' ORDER BY v::text COLLATE "C")) FROM trace_service_red v
	UNION ALL SELECT 'hour', md5(string_agg(v::text, ' ' ORDER BY v::text COLLATE "C")) FROM trace_service_red_hourly v
	UNION ALL SELECT 'operation', md5(string_agg(v::text, ' ' ORDER BY v::text COLLATE "C")) FROM trace_operation_red v
	UNION ALL SELECT 'operation, hour', md5(string_agg(v::text, ' ' ORDER BY v::text COLLATE "C")) FROM trace_operation_red_hourly v
	UNION ALL SELECT 'histogram', md5(string_agg(v::text, ' ' ORDER BY v::text COLLATE "C")) FROM trace_latency_histograms v;
CREATE TEMP TABLE before AS SELECT * FROM figures;
CALL trace_rollup_compact('0');
SELECT count(*) AS folded FROM distributed_trace_latency WHERE level <> 'new';
SELECT what FROM before EXCEPT SELECT what FROM (SELECT * FROM before INTERSECT SELECT * FROM figures) same;
SELECT service_name, first_seen_time, last_seen_time, operation_count, span_count, error_count FROM trace_services ORDER BY service_name;
-- a span that was taken out is not counted
SELECT trace_forget_spans('t3');
SELECT bucket_start, service_name, span_count FROM trace_service_red_hourly ORDER BY 1, 2;
SELECT service_name, span_count FROM trace_services ORDER BY 1;

-- the slowest are those of the last day
SELECT count(*) FROM trace_slowest;
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, duration_ms, tags)
SELECT 'r' || n, '1', NULL, 'web', 'page', now() - interval '1 h' + n * interval '1 s', n::numeric, CASE n WHEN 120 THEN '{"error": true}'::jsonb END FROM generate_series(1, 120) n
UNION ALL SELECT 'r120', '2', '1', 'shop', 'buy', now() - interval '58 min', 60, NULL
UNION ALL SELECT 'old', '1', NULL, 'web', 'page', now() - interval '25 h', 1000, NULL
UNION ALL SELECT 'unmeasured', '1', NULL, 'web', 'page', now() - interval '1 h', 'NaN', NULL;
SELECT count(*), min(duration_ms), max(duration_ms) FROM trace_slowest;
SELECT trace_id, root_service_name, root_operation, duration_ms, critical_ms, span_count, error_count, service_count FROM trace_slowest LIMIT 2;

--
-- How they read
--

TRUNCATE distributed_trace_log, distributed_trace_latency;
-- 2000 traces of ten spans each in 3 hours and 20 minutes
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, duration_ms, tags, logs)
SELECT 'trace-' || t, s::text, CASE WHEN s > 1 THEN (s / 2)::text END, 'service-' || s % 5, 'operation ' || s,
       '2026-01-01 10:00'::timestamptz + t * interval '6 s' + s * interval '1 ms', 100 - s,
       jsonb_build_object('span.kind', CASE s % 2 WHEN 0 THEN 'client' ELSE 'server' END, 'error', t % 50 = 0, 'user.id', t % 100,
                          'padding', repeat('as long as real ones ', 20),
                          'otel', jsonb_build_object('resource', 1000001, 'links', '[{"trace_id": "x"}]'::jsonb)),
       'an event'
FROM generate_series(1, 2000) t, generate_series(1, 10) s;
CALL trace_rollup_compact('0');
ANALYZE distributed_trace_log, distributed_trace_resource, distributed_trace_latency;

-- how a query reads log and rollup: by a condition on what an index is asked
CREATE FUNCTION pg_temp.scans(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
	RETURN (
		SELECT string_agg(DISTINCT substr(node ->> 'Relation Name', 19) || coalesce(' by ' || c.columns, ' whole'), ', ')
		FROM jsonb_path_query(plan, 'strict $.** ? (@.type() == "object" && @."Relation Name" like_regex "_log$|_latency$")') node,
		     LATERAL (SELECT string_agg(DISTINCT m[1], ' and ') AS columns
		              FROM regexp_matches(coalesce(node ->> 'Index Cond', node ->> 'Recheck Cond'), '\m(start_time|bucket_start|trace_id|level)\)?(?:::text)? (?:=|<|>)', 'g') m) c);
END $$;
-- how many rows of the log a query reads, as a share of all
CREATE FUNCTION pg_temp.share_read(query text) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ' || query INTO plan;
	RETURN (
		SELECT sum((node ->> 'Actual Loops')::numeric * ((node ->> 'Actual Rows')::numeric + coalesce((node ->> 'Rows Removed by Filter')::numeric, 0) + coalesce((node ->> 'Rows Removed by Index Recheck')::numeric, 0)))
		FROM jsonb_path_query(plan, 'strict $.** ? (@.type() == "object" && @."Relation Name" == "distributed_trace_log")') node)
		/ (SELECT count(*) FROM distributed_trace_log);
END $$;
CREATE TEMP TABLE views (ordinal serial, view text, time_column text, group_column text);
INSERT INTO views (view, time_column, group_column) VALUES
	('trace_spans', 'start_time', 'service_name'),
	('trace_span_attributes', 'start_time', 'attribute_key'),
	('trace_span_events', 'start_time', 'event_name'),
	('trace_span_links', 'start_time', 'linked_trace_id'),
	('trace_traces', 'start_time', 'root_service_name'),
	('trace_critical_times', 'start_time', 'service_name'),
	('trace_errors', 'start_time', 'service_name'),
	('trace_user_spans', 'start_time', 'user_id'),
	('trace_service_calls', 'start_time', 'caller_service'),
	('trace_service_red', 'bucket_start', 'service_name'),
	('trace_service_red_hourly', 'bucket_start', 'service_name'),
	('trace_operation_red', 'bucket_start', 'operation'),
	('trace_operation_red_hourly', 'bucket_start', 'operation'),
	('trace_latency_histograms', 'bucket_start', 'le_label');

-- a recent minute, a GROUP BY over ten
SELECT view, pg_temp.scans(format('SELECT * FROM %I WHERE %I >= ''2026-01-01 13:10'' AND %2$I < ''2026-01-01 13:11''', view, time_column)) AS a_minute FROM views ORDER BY ordinal;
SELECT view, pg_temp.scans(format('SELECT %I, count(*) FROM %I WHERE %I BETWEEN ''2026-01-01 13:10'' AND ''2026-01-01 13:20'' GROUP BY 1', group_column, view, time_column)) AS grouped FROM views ORDER BY ordinal;
-- that is little of the log
SELECT view, share FROM views, LATERAL (SELECT pg_temp.share_read(format('SELECT * FROM %I WHERE %I >= ''2026-01-01 13:10'' AND %2$I < ''2026-01-01 13:11''', view, time_column)) AS share) s WHERE share > 0.2;
-- a tool's look at the first rows stops when it has them; the rollup is small
SELECT view, share <= 0.5 AS is_part, CASE WHEN share IS NULL THEN pg_temp.scans(format('SELECT * FROM %I LIMIT 1000', view)) !~ '\mlog ' END AS is_rollup
FROM (SELECT ordinal, view FROM views UNION ALL VALUES (98, 'trace_services'), (99, 'trace_operations')) v, LATERAL pg_temp.share_read(format('SELECT * FROM %I LIMIT 100', view)) share
ORDER BY ordinal;
-- a trace
SELECT view, pg_temp.scans(format('SELECT * FROM %I WHERE trace_id = ''trace-7''', view)) AS a_trace FROM views WHERE time_column = 'start_time' ORDER BY ordinal;
-- the last day
SELECT pg_temp.scans('SELECT * FROM trace_slowest LIMIT 1000') AS a_day;

TRUNCATE distributed_trace_log, distributed_trace_latency;
DELETE FROM distributed_trace_resource WHERE resource_id = 1000001;
