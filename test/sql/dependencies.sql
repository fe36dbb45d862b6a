-- The service map: who calls whom, over which ways, and what changed.
\set VERBOSITY terse
SET timezone = 'UTC';
SET extra_float_digits = -3;
\pset null -
TRUNCATE distributed_trace_log, distributed_trace_latency;

CREATE FUNCTION pg_temp.add(trace text, span text, parent text, service text, operation text, kind text, from_s numeric, ms numeric, more jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
	INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, tags)
	VALUES (trace, span, parent, service, operation, '2021-01-01 10:00'::timestamptz + from_s * interval '1 s',
	        '2021-01-01 10:00'::timestamptz + from_s * interval '1 s' + ms * interval '1 ms', ms, jsonb_build_object('span.kind', kind) || more)
$$;
CREATE FUNCTION pg_temp.edges(from_time text DEFAULT '2021-01-01', to_time text DEFAULT '2021-01-02', level text DEFAULT 'service', include_virtual boolean DEFAULT true, include_links boolean DEFAULT true)
RETURNS TABLE (edge text, type text, traits text, calls bigint, adjusted float8, errors bigint, client numeric, server numeric, network numeric, exemplar text) LANGUAGE sql AS $$
	SELECT concat_ws(' ', caller_service, caller_operation, '>', callee_service, callee_operation), connection_type,
	       concat_ws(' ', CASE WHEN is_async THEN 'async' END, CASE WHEN is_virtual THEN 'virtual' END), call_count, adjusted_count, error_count,
	       round(client_p50_ms::numeric), round(server_p50_ms::numeric), round(network_mean_ms::numeric, 3), exemplar_trace_id || '/' || exemplar_span_id
	FROM trace_service_dependencies($1::timestamptz, $2::timestamptz, $3, $4, $5)
$$;

-- a shop: a page that calls cart twice, over client spans, and cart a database
\o /dev/null
SELECT pg_temp.add('t', '1', NULL, 'web', 'page', 'server', 0, 1000);
SELECT pg_temp.add('t', '2', '1', 'web', 'GET', 'client', 0.1, 200);
SELECT pg_temp.add('t', '3', '2', 'cart', 'read', 'server', 0.15, 100);
SELECT pg_temp.add('t', '4', '3', 'cart', 'SELECT', 'client', 0.16, 50, '{"db.system": "postgresql", "db.name": "shop"}');
SELECT pg_temp.add('t', '5', '1', 'web', 'GET', 'client', 0.5, 300, '{"error": true}');
SELECT pg_temp.add('t', '6', '5', 'cart', 'write', 'server', 0.55, 260);
-- work in between is no call, and its service calls without a client span
SELECT pg_temp.add('t', '7', '6', 'cart', 'check', 'internal', 0.56, 200);
SELECT pg_temp.add('t', '8', '7', 'stock', 'reserve', NULL, 0.57, 100, '{"error": true}');
-- a service that calls itself; below a span of another kind it does not
SELECT pg_temp.add('t', '9', '8', 'stock', 'call', 'client', 0.58, 50);
SELECT pg_temp.add('t', '10', '9', 'stock', 'lock', 'server', 0.59, 30);
SELECT pg_temp.add('t', '11', '10', 'stock', 'inner', 'server', 0.59, 10);
\o
SELECT * FROM pg_temp.edges();
SELECT edge, calls FROM pg_temp.edges(level => 'operation');
SELECT edge, calls FROM pg_temp.edges(include_virtual => false);

-- messages: producer and consumer, a queue that nobody is known to read, a link
TRUNCATE distributed_trace_log, distributed_trace_latency;
\o /dev/null
SELECT pg_temp.add('m', '1', NULL, 'orders', 'send', 'producer', 0, 10, '{"messaging.system": "kafka", "messaging.destination.name": "mail"}');
SELECT pg_temp.add('m', '2', '1', 'mailer', 'receive', 'consumer', 3600, 20);
SELECT pg_temp.add('m', '3', NULL, 'orders', 'send', 'producer', 1, 10, '{"messaging.system": "kafka", "messaging.destination.name": "log"}');
SELECT pg_temp.add('b', '4', NULL, 'batch', 'work', 'internal', 7200, 20, '{"otel": {"kind": "internal", "links": [{"trace_id": "m", "span_id": "1"}, {"trace_id": "m", "span_id": "3"}, {"trace_id": "b", "span_id": "4"}, {"trace_id": "x", "span_id": "1"}, {"trace_id": 1}, 7]}}');
\o
SELECT * FROM pg_temp.edges();
SELECT edge, type FROM pg_temp.edges(include_links => false);
-- a call belongs to the window in which the called span started, wherever its parent is
SELECT edge, type, calls, exemplar FROM pg_temp.edges('2021-01-01 10:30', '2021-01-01 11:30');
SELECT edge, type, calls FROM pg_temp.edges('2021-01-01 11:30', '2021-01-01 12:30');
-- the queue is not virtual to this window either: below it a span started later
SELECT edge, type, calls FROM pg_temp.edges('2021-01-01 10:00', '2021-01-01 10:30');
SELECT edge FROM pg_temp.edges('2021-01-01 10:00:00.000001', '2021-01-01 11:00');
SELECT count(*) FROM pg_temp.edges('2021-01-01 12:00', '2021-01-01 10:00');
SELECT count(*) FROM pg_temp.edges('-infinity', 'infinity');

-- whom a client calls, by what it says
TRUNCATE distributed_trace_log, distributed_trace_latency;
DO $$
DECLARE
	v record;
BEGIN
	FOR v IN SELECT * FROM (VALUES (1, 'client', '{"peer.service": "billing", "db.system": "mysql"}'), (2, 'client', '{"db.system.name": "redis"}'),
	             (3, 'client', '{"server.address": "api.example.org"}'), (4, 'client', '{"net.peer.name": "old.example.org"}'),
	             (5, 'client', '{"db.system": ""}'), (6, 'client', '{"db.system": 7, "peer.service": null}'), (7, 'internal', '{"peer.service": "no call"}'),
	             (8, 'server', '{"peer.service": "the caller"}'), (9, 'producer', '{"messaging.system": "sqs"}'), (10, 'client', '{}')) x (n, kind, more) LOOP
		PERFORM pg_temp.add('p', v.n::text, NULL, 's', 'o', v.kind, v.n, 1, v.more::jsonb);
	END LOOP;
END $$;
SELECT edge, type, traits, calls FROM pg_temp.edges();

-- what traces get wrong: orphans, spans that are their own parent, cycles, no duration, no tags
TRUNCATE distributed_trace_log, distributed_trace_latency;
\o /dev/null
SELECT pg_temp.add('w', '1', 'gone', 'a', 'o', 'server', 0, 1);
SELECT pg_temp.add('w', '2', '2', 'b', 'o', 'server', 0, 1);
SELECT pg_temp.add('w', '3', '4', 'c', 'o', 'server', 0, 1);
SELECT pg_temp.add('w', '4', '3', 'd', 'o', 'server', 0, 1);
SELECT pg_temp.add('w', '5', '', 'e', 'o', 'server', 0, 1);
\o
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time) VALUES ('w', '6', '1', 'f', 'o', '2021-01-01 10:00');
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, duration_ms) VALUES ('w', '7', '1', 'f', 'o', '2021-01-01 10:00', 'NaN'), ('w', '8', '1', 'f', 'o', '2021-01-01 10:00', -5), ('w', '9', '1', 'f', 'o', '-infinity', 5);
SELECT * FROM pg_temp.edges();
SELECT sum(calls) FROM pg_temp.edges('-infinity', 'infinity');

-- names that lie compressed, or outside the table
TRUNCATE distributed_trace_log, distributed_trace_latency;
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, duration_ms)
SELECT 'l', '1', NULL, repeat('long ', 1000), 'o', '2021-01-01'::timestamptz, 1
UNION ALL SELECT 'l', '2', '1', 's', string_agg(md5(n::text), ''), '2021-01-01', 1 FROM generate_series(1, 300) n;
SELECT caller_service = repeat('long ', 1000) AS caller, callee_operation = (SELECT operation FROM distributed_trace_log WHERE span_id = '2') AS callee
FROM trace_service_dependencies('-infinity', 'infinity', 'operation');

-- sampled calls
TRUNCATE distributed_trace_log, distributed_trace_latency;
\o /dev/null
SELECT pg_temp.add('s', '1', NULL, 'a', 'o', 'server', 0, 1, '{"otel": {"kind": "server", "trace_state": "ot=th:8"}}');
SELECT pg_temp.add('s', '2', '1', 'b', 'o', 'server', 0, 1, '{"otel": {"kind": "server", "trace_state": "ot=th:c"}}');
SELECT pg_temp.add('s', '3', '1', 'b', 'o', 'server', 0, 1);
\o
SELECT edge, calls, adjusted FROM pg_temp.edges();

-- many spans: as the self-join has it, cut into slices of time or not, at any edges
TRUNCATE distributed_trace_log, distributed_trace_latency;
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, tags)
SELECT 'trace ' || n / 12, n, CASE WHEN n % 12 > 0 THEN n - 1 - n % 3 % (n % 12) END, 's' || n * 7 % 11 % 5, 'o' || n % 3,
       '2021-01-01'::timestamptz + n / 12 * interval '10 ms' + n % 12 * interval '3 ms', '2021-01-01'::timestamptz + n / 12 * interval '10 ms' + 100 * interval '1 ms',
       n % 97, jsonb_build_object('span.kind', (ARRAY['server', 'client', 'internal', 'producer', 'consumer'])[n % 5 + 1], 'error', n % 13 = 0)
FROM generate_series(1, 60000) n;
ANALYZE distributed_trace_log;
CREATE FUNCTION pg_temp.joined(from_time timestamptz, to_time timestamptz) RETURNS TABLE (caller text, callee text, calls bigint, errors bigint) LANGUAGE sql AS $$
	SELECT p.service_name, c.service_name, count(*),
	       count(*) FILTER (WHERE trace_is_error(c.tags) OR trace_span_kind(p.tags) IN ('client', 'producer') AND trace_is_error(p.tags))
	FROM distributed_trace_log c JOIN distributed_trace_log p ON p.trace_id = c.trace_id AND p.span_id = c.parent_span_id
	WHERE c.start_time >= from_time AND c.start_time < to_time
	  AND (p.service_name <> c.service_name OR trace_span_kind(p.tags) IN ('client', 'producer') AND trace_span_kind(c.tags) IN ('server', 'consumer'))
	GROUP BY 1, 2
$$;
CREATE FUNCTION pg_temp.differences(from_time timestamptz, to_time timestamptz) RETURNS bigint LANGUAGE sql AS $$
	WITH ours AS (SELECT caller_service, callee_service, sum(call_count)::bigint, sum(error_count)::bigint FROM trace_service_dependencies(from_time, to_time) WHERE NOT is_virtual GROUP BY 1, 2)
	SELECT count(*) FROM ((SELECT * FROM ours EXCEPT ALL SELECT * FROM pg_temp.joined(from_time, to_time)) UNION ALL (SELECT * FROM pg_temp.joined(from_time, to_time) EXCEPT ALL SELECT * FROM ours)) x
$$;
SELECT pg_temp.differences('-infinity', 'infinity'), (SELECT sum(calls) > 10000 FROM pg_temp.joined('-infinity', 'infinity')) AS are_many;
CREATE TABLE pg_temp.whole AS SELECT * FROM pg_temp.edges(level => 'operation');
SET maintenance_work_mem = '1MB';
SELECT pg_temp.differences('-infinity', 'infinity');
SELECT count(*) FROM (SELECT edge, type, traits, calls, adjusted, errors, client, server, network FROM pg_temp.whole EXCEPT SELECT edge, type, traits, calls, adjusted, errors, client, server, network FROM pg_temp.edges(level => 'operation')) x;
-- so many at one instant that no slice can be made
UPDATE distributed_trace_log SET start_time = '2021-01-01' WHERE length(span_id) = 4;
SELECT pg_temp.differences('-infinity', 'infinity'), pg_temp.differences('-infinity', '2021-01-01 00:00:00.000001');
-- the ends of time
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time) VALUES ('ends', '1', 's0', 'o', '4713-01-01 BC'), ('ends', '2', 's0', 'o', '294276-12-31');
SELECT pg_temp.differences('-infinity', 'infinity');
RESET maintenance_work_mem;
SELECT sum(pg_temp.differences('2021-01-01'::timestamptz + n * interval '7.131 s', '2021-01-01'::timestamptz + (n + 2) * interval '7.131 s')) FROM generate_series(-1, 8) n;
-- windows that follow one another make up the whole
SELECT count(*) FROM (
	(SELECT caller_service, callee_service, connection_type, sum(call_count) FROM generate_series(0, 9) n, trace_service_dependencies('2021-01-01'::timestamptz + n * interval '6 s', '2021-01-01'::timestamptz + (n + 1) * interval '6 s') GROUP BY 1, 2, 3)
	EXCEPT SELECT caller_service, callee_service, connection_type, sum(call_count) FROM trace_service_dependencies('2021-01-01', '2021-01-01 00:01') GROUP BY 1, 2, 3) x;

-- the ways from service to service
TRUNCATE distributed_trace_log, distributed_trace_latency;
\o /dev/null
SELECT pg_temp.add('w' || t, '1', NULL, 'web', 'page', 'server', t, 100),
       pg_temp.add('w' || t, '2', '1', 'web', 'inner', 'internal', t, 90),
       pg_temp.add('w' || t, '3', '2', 'cart', 'read', 'server', t, 50, jsonb_build_object('error', t = 1)),
       pg_temp.add('w' || t, '4', '3', 'stock', 'read', 'server', t, 40),
       pg_temp.add('w' || t, '5', '3', 'stock', 'read', 'server', t, 30),
       pg_temp.add('w' || t, '6', '4', 'web', 'callback', 'server', t, 20)
FROM generate_series(1, 3) t;
SELECT pg_temp.add('other', '1', NULL, 'web', 'page', 'server', 9, 100), pg_temp.add('other', '2', '1', 'mail', 'send', 'server', 9, 100);
\o
SELECT path, hops, trace_count, round(share::numeric, 3) AS share, call_count, error_count, exemplar_trace_id FROM trace_dependency_paths('2021-01-01', '2021-01-02');
SELECT path, trace_count, share FROM trace_dependency_paths('2021-01-01', '2021-01-02', 'cart', 2);
SELECT count(*) FROM trace_dependency_paths('2021-01-01', '2021-01-02', 'nobody');
SELECT * FROM trace_dependency_cycles('2021-01-01', '2021-01-02');
SELECT count(*) FROM trace_dependency_cycles('2021-01-01', '2021-01-02', 2);
-- a chain of 100000 spans, two services in turn
SELECT count(*), count(*) FILTER (WHERE is_cycle), max(hops), max(length(path)) FROM trace_service_paths(
	(SELECT span_tree_agg('deep', n::text, (n - 1)::text, (ARRAY['a', 'b'])[n % 2 + 1], 'o', '2021-01-01'::timestamptz, '2021-01-02'::timestamptz, NULL, NULL, NULL) FROM generate_series(1, 100000) n), max_hops => 5);

-- what a service means
SELECT * FROM trace_service_impact('2021-01-01', '2021-01-02', 'cart');
SELECT root_service, affected_trace_count FROM trace_service_impact('2021-01-01', '2021-01-02', 'mail');
SELECT count(*) FROM trace_service_impact('2021-01-01', '2021-01-02', 'nobody');

-- what changed: 200 calls an hour each
TRUNCATE distributed_trace_log, distributed_trace_latency;
DO $$
BEGIN
	FOR h IN 0 .. 1 LOOP
		FOR n IN 1 .. 200 LOOP
			PERFORM pg_temp.add('d' || h || '-' || n, 'r', NULL, 'web', 'page', 'server', h * 3600 + n, 100);
			PERFORM pg_temp.add('d' || h || '-' || n, 'same', 'r', 'same', 'o', 'server', h * 3600 + n, 10 + n % 7, jsonb_build_object('error', n % 20 = 0));
			PERFORM pg_temp.add('d' || h || '-' || n, 'slow', 'r', 'slow', 'o', 'server', h * 3600 + n, (10 + n % 7) * (1 + h));
			PERFORM pg_temp.add('d' || h || '-' || n, 'bad', 'r', 'bad', 'o', 'server', h * 3600 + n, 10, jsonb_build_object('error', n % 20 < 1 + 4 * h));
			PERFORM pg_temp.add('d' || h || '-' || n, 'x', 'r', CASE WHEN h = 0 THEN 'old' ELSE 'new' END, 'o', 'server', h * 3600 + n, 10);
		END LOOP;
	END LOOP;
END $$;
SELECT callee_service, change, base_call_count, other_call_count, round(p95_ratio::numeric, 1) AS ratio, base_error_ratio, other_error_ratio
FROM trace_dependency_diff('2021-01-01 10:00', '2021-01-01 11:00', '2021-01-01 11:00', '2021-01-01 12:00');
SELECT callee_service, callee_operation, change FROM trace_dependency_diff('2021-01-01 10:00', '2021-01-01 11:00', '2021-01-01 11:00', '2021-01-01 12:00', 'operation', 3) WHERE change IS NOT NULL;

TRUNCATE distributed_trace_log, distributed_trace_latency;
