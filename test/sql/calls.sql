-- One call is one call on the service map, however many spans its own side made
-- of it, and however the two ends of a message are tied together.
SET timezone = 'UTC';
TRUNCATE distributed_trace_log, distributed_trace_latency;

CREATE FUNCTION pg_temp.add(trace text, span text, parent text, service text, kind text, more jsonb DEFAULT '{}', from_s numeric DEFAULT 0) RETURNS void LANGUAGE sql AS $$
	INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, tags)
	VALUES (trace, span, parent, service, 'o', '2021-01-01 10:00'::timestamptz + from_s * interval '1 s', '2021-01-01 10:00'::timestamptz + (from_s + 1) * interval '1 s',
	        jsonb_build_object('span.kind', kind) || more)
$$;
CREATE FUNCTION pg_temp.links(VARIADIC targets text[]) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('otel', jsonb_build_object('links', jsonb_agg(jsonb_build_object('trace_id', split_part(t, '/', 1), 'span_id', split_part(t, '/', 2))))) FROM unnest(targets) t
$$;
CREATE FUNCTION pg_temp.edges(from_time text DEFAULT '2021-01-01', to_time text DEFAULT '2021-01-02') RETURNS TABLE (edge text, type text, is_virtual boolean, calls bigint) LANGUAGE sql AS $$
	SELECT caller_service || ' > ' || callee_service, connection_type, is_virtual, call_count FROM trace_service_dependencies(from_time::timestamptz, to_time::timestamptz)
$$;

-- how a client was made below it: each of these is one call of a database or a host
\o /dev/null
SELECT pg_temp.add('1', 'a', NULL, 'internal', 'client', '{"db.system": "postgresql", "db.name": "shop"}'), pg_temp.add('1', 'b', 'a', 'internal', 'internal', '{"net.peer.ip": "10.0.0.1"}'), pg_temp.add('1', 'c', 'b', 'internal', 'internal');
SELECT pg_temp.add('2', 'a', NULL, 'tcp', 'client', '{"db.system": "postgresql", "db.name": "shop"}'), pg_temp.add('2', 'b', 'a', 'tcp', 'internal'), pg_temp.add('2', 'c', 'b', 'tcp', 'client', '{"net.peer.ip": "10.0.0.1"}');
SELECT pg_temp.add('3', 'a', NULL, 'http', 'client', '{"server.address": "api.example.org"}'), pg_temp.add('3', 'b', 'a', 'http', 'client', '{"server.address": "10.0.0.2"}'), pg_temp.add('3', 'c', 'a', 'http', 'client', '{"server.address": "dns.example.org"}');
SELECT pg_temp.add('4', 'a', NULL, 'unnamed', 'client'), pg_temp.add('4', 'b', 'a', 'unnamed', 'client', '{"db.system": "redis"}');
SELECT pg_temp.add('5', 'a', NULL, 'by name', 'client', '{"net.peer.ip": "10.0.0.3"}'), pg_temp.add('5', 'b', 'a', 'by name', 'client', '{"db.system": "redis"}'), pg_temp.add('5', 'c', 'b', 'by name', 'client', '{"net.peer.ip": "10.0.0.3"}');
SELECT pg_temp.add('6', 'a', NULL, 'mapper', 'client', '{"db.system": "mysql"}'), pg_temp.add('6', 'b', 'a', 'mapper', 'client', '{"db.system": "mysql", "db.name": "shop"}'), pg_temp.add('6', 'c', 'b', 'mapper', 'client', '{"network.peer.address": "::1"}');
SELECT pg_temp.add('7', 'a', NULL, 'peer', 'client', '{"peer.service": "users", "db.system": "mysql"}'), pg_temp.add('7', 'b', 'a', 'peer', 'client', '{"db.system": "mysql", "db.name": "shop"}');
-- and two that are two
SELECT pg_temp.add('8', 'a', NULL, 'two', 'client', '{"db.system": "redis"}'), pg_temp.add('8', 'b', 'a', 'two', 'internal'), pg_temp.add('8', 'c', 'b', 'two', 'client', '{"db.system": "mysql"}');
-- a chain ends where the service was called itself
SELECT pg_temp.add('9', 'a', NULL, 'self', 'client', '{"server.address": "self.example.org"}'), pg_temp.add('9', 'b', 'a', 'self', 'server'), pg_temp.add('9', 'c', 'b', 'self', 'client', '{"server.address": "10.0.0.9"}');
\o
SELECT * FROM pg_temp.edges() ORDER BY edge COLLATE "C";

-- a call that was recorded has no peer beside it, at whatever depth it was made
TRUNCATE distributed_trace_log, distributed_trace_latency;
\o /dev/null
SELECT pg_temp.add('1', 'a', NULL, 'web', 'server'), pg_temp.add('1', 'b', 'a', 'web', 'client', '{"server.address": "shop"}'), pg_temp.add('1', 'c', 'b', 'web', 'internal'), pg_temp.add('1', 'd', 'c', 'web', 'client', '{"net.peer.ip": "10.0.0.1"}'),
       pg_temp.add('1', 'e', 'b', 'shop', 'server');
SELECT pg_temp.add('2', 'a', NULL, 'web', 'client', '{"peer.service": "shop"}'), pg_temp.add('2', 'b', 'a', 'web', 'internal'), pg_temp.add('2', 'c', 'b', 'web', 'client', '{"server.address": "shop"}'), pg_temp.add('2', 'd', 'c', 'shop', 'server');
SELECT pg_temp.add('3', 'a', NULL, 'web', 'client'), pg_temp.add('3', 'b', 'a', 'web', 'client', '{"net.peer.ip": "10.0.0.1"}'), pg_temp.add('3', 'c', 'a', 'shop', 'server');
\o
SELECT * FROM pg_temp.edges();

-- messages: parent and link, two links, a span that receives and one that processes, a batch
TRUNCATE distributed_trace_log, distributed_trace_latency;
\o /dev/null
SELECT pg_temp.add('p', n::text, NULL, 'orders', 'producer', '{"messaging.system": "kafka", "messaging.destination.name": "mail"}'), pg_temp.add('p', n || ' made', n::text, 'orders', 'internal') FROM generate_series(1, 10) n;
SELECT pg_temp.add('p', 'c1', '1', 'both', 'consumer', pg_temp.links('p/1'));
SELECT pg_temp.add('c2', '1', NULL, 'twice', 'consumer', pg_temp.links('p/2', 'p/2'));
SELECT pg_temp.add('p', 'c3', '3', 'receives and processes', 'consumer'), pg_temp.add('p', 'c3b', 'c3', 'receives and processes', 'consumer', pg_temp.links('p/3'));
SELECT pg_temp.add('c4', '1', NULL, 'links twice', 'consumer', pg_temp.links('p/4')), pg_temp.add('c4', '2', '1', 'links twice', 'consumer', pg_temp.links('p/4'));
SELECT pg_temp.add('c5', '1', NULL, 'batch', 'consumer', pg_temp.links('p/5', 'p/6', 'p/5'));
SELECT pg_temp.add('c6', '1', NULL, 'polls', 'client', pg_temp.links('p/7') || '{"messaging.system": "kafka"}');
SELECT pg_temp.add('c7', '1', NULL, 'group', 'consumer', pg_temp.links('p/8')), pg_temp.add('c8', '1', NULL, 'group', 'consumer', pg_temp.links('p/8'));
SELECT pg_temp.add('p', 'c10', '10', 'mailer', 'consumer'), pg_temp.add('c10', '1', NULL, 'mailer', 'consumer', pg_temp.links('p/10')), pg_temp.add('c11', '1', NULL, 'mailer', 'internal', pg_temp.links('p/10'));
\o
-- nobody is known to take the ninth
SELECT * FROM pg_temp.edges() ORDER BY edge COLLATE "C";

-- what lies below a call in another window
TRUNCATE distributed_trace_log, distributed_trace_latency;
\o /dev/null
SELECT pg_temp.add('1', 'a', NULL, 'web', 'client', '{"server.address": "shop"}', 0), pg_temp.add('1', 'b', 'a', 'web', 'internal', '{}', 2), pg_temp.add('1', 'c', 'b', 'shop', 'server', '{}', 3);
SELECT pg_temp.add('2', 'a', NULL, 'web', 'client', '{"server.address": "host"}', 0), pg_temp.add('2', 'b', 'a', 'web', 'internal', '{}', 2), pg_temp.add('2', 'c', 'b', 'web', 'client', '{"net.peer.ip": "10.0.0.1"}', 3);
\o
SELECT * FROM pg_temp.edges('2021-01-01 10:00', '2021-01-01 10:00:01');
SELECT * FROM pg_temp.edges('2021-01-01 10:00:03', '2021-01-01 10:00:04');

-- errors of sampled calls
TRUNCATE distributed_trace_log, distributed_trace_latency;
\o /dev/null
SELECT pg_temp.add('1', n::text, NULL, 'web', 'client', jsonb_build_object('db.system', 'redis', 'error', n = 1, 'otel', jsonb_build_object('trace_state', CASE n WHEN 1 THEN 'ot=th:0' ELSE 'ot=th:f' END))) FROM generate_series(1, 2) n;
\o
SELECT call_count, adjusted_count, error_count, error_ratio, adjusted_error_count, round(weighted_error_ratio::numeric, 4) AS weighted_error_ratio FROM trace_service_dependencies('2021-01-01', '2021-01-02');

-- latencies of sampled calls: those of 'th:f' stand for 16 each
TRUNCATE distributed_trace_log, distributed_trace_latency;
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, duration_ms, tags)
SELECT '1', n || k.kind, k.parent, k.service, 'o', '2021-01-01 10:00', (CASE WHEN n > 5 THEN 10 ELSE 1000 END) * k.times,
       jsonb_build_object('span.kind', k.kind, 'otel', jsonb_build_object('trace_state', CASE WHEN n > 5 THEN 'ot=th:f' ELSE 'ot=th:0' END))
FROM generate_series(1, 20) n, LATERAL (VALUES ('client', NULL, 'web', 1.5), ('server', n || 'client', 'shop', 1)) k (kind, parent, service, times);
SELECT call_count, adjusted_count, client_p50_ms::numeric(6,1), client_p95_ms::numeric(6,1), server_p50_ms::numeric(6,1), network_mean_ms::numeric(6,1)
FROM trace_service_dependencies('2021-01-01', '2021-01-02');
SELECT weighted_client_p50_ms::numeric(6,1), weighted_client_p95_ms::numeric(6,1), weighted_client_p99_ms::numeric(6,1), weighted_server_p50_ms::numeric(6,1), weighted_server_p95_ms::numeric(6,1),
       weighted_server_p99_ms::numeric(6,1), weighted_network_mean_ms::numeric(6,2)
FROM trace_service_dependencies('2021-01-01', '2021-01-02');
SELECT id, round(detail__weighted_p95_ms) AS weighted_p95_ms FROM trace_grafana_edges('2021-01-01', '2021-01-02');
SELECT id, round(mainstat) AS p95_ms, round(detail__weighted_p95_ms) AS weighted_p95_ms, arc__errors, detail__weighted_error_ratio FROM trace_grafana_nodes('2021-01-01', '2021-01-02');
SELECT round(base_p95_ms) AS base_p95_ms, round(weighted_base_p95_ms) AS weighted_base_p95_ms, weighted_other_p95_ms, weighted_base_error_ratio, weighted_other_error_ratio FROM trace_dependency_diff('2021-01-01', '2021-01-02', '2021-01-02', '2021-01-03');

-- a service of two environments and a namespace is two services, unless the setting says that it is one
TRUNCATE distributed_trace_log, distributed_trace_latency;
INSERT INTO distributed_trace_resource (resource_id, digest, attributes) VALUES
	(1, 'calls 1', '{"service.namespace": "shop", "deployment.environment.name": "prod"}'), (2, 'calls 2', '{"service.namespace": "shop", "deployment.environment": "test"}'), (3, 'calls 3', '{"host.name": "h"}');
\o /dev/null
SELECT pg_temp.add('1', r || 'a', NULL, 'web', 'client', jsonb_build_object('otel', jsonb_build_object('resource', r))), pg_temp.add('1', r || 'b', r || 'a', 'cart', 'server', '{"otel": {"resource": 3}}'),
       pg_temp.add('1', r || 'c', r || 'a', 'web', 'internal', jsonb_build_object('otel', jsonb_build_object('resource', 3 - r))) FROM generate_series(1, 2) r;
\o
SELECT caller_service, caller_namespace, caller_environment, callee_service, callee_namespace, callee_environment, call_count FROM trace_service_dependencies('2021-01-01', '2021-01-02');
SELECT source, target, detail__calls FROM trace_grafana_edges('2021-01-01', '2021-01-02');
SELECT id, title, subtitle FROM trace_grafana_nodes('2021-01-01', '2021-01-02');
-- each has its own latency, and so has one that nobody calls, which changes no name that the edges know
\o /dev/null
SELECT pg_temp.add(s, r || '.' || n, NULL, s, CASE s WHEN 'idle' THEN 'consumer' ELSE 'server' END, jsonb_build_object('otel', jsonb_build_object('resource', r), 'error', r = 2))
FROM generate_series(1, 3) r, generate_series(1, 3) n, unnest(ARRAY['web', 'cart', 'idle']) s WHERE n <= r ORDER BY s, r, n;
\o
SELECT id, subtitle, mainstat, arc__errors, detail__spans, detail__errors, isinstrumented FROM trace_grafana_nodes('2021-01-01', '2021-01-02');
SELECT count(*) AS ends_without_node FROM trace_grafana_edges('2021-01-01', '2021-01-02') e
WHERE NOT EXISTS (SELECT FROM trace_grafana_nodes('2021-01-01', '2021-01-02') n WHERE n.id = e.source) OR NOT EXISTS (SELECT FROM trace_grafana_nodes('2021-01-01', '2021-01-02') n WHERE n.id = e.target);
SET distributed_trace.service_dimensions = 'none';
SELECT * FROM pg_temp.edges();
SELECT id, title, subtitle FROM trace_grafana_nodes('2021-01-01', '2021-01-02');
RESET distributed_trace.service_dimensions;
DELETE FROM distributed_trace_resource WHERE resource_id IN (1, 2, 3);

-- chains of 10000 spans: internal ones, clients with and without a name, all with a leaf below
TRUNCATE distributed_trace_log, distributed_trace_latency;
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, tags)
SELECT c.trace, n.n::text, nullif(n.n - 1, 0)::text, c.trace, 'o', '2021-01-01 10:00', c.tags
FROM (VALUES ('deep', '{"span.kind": "internal"}'::jsonb), ('deep client', '{"span.kind": "client"}'), ('deep host', '{"span.kind": "client", "server.address": "host"}')) c (trace, tags), generate_series(1, 10000) n (n);
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, tags)
SELECT DISTINCT trace_id, 'leaf ' || n, (n * 1000)::text, trace_id, 'o', '2021-01-01 10:00'::timestamptz, '{"span.kind": "client", "db.system": "redis"}'::jsonb FROM distributed_trace_log, generate_series(1, 10) n;
SELECT * FROM pg_temp.edges() ORDER BY edge COLLATE "C";
-- a cycle of clients
TRUNCATE distributed_trace_log, distributed_trace_latency;
\o /dev/null
SELECT pg_temp.add('1', 'a', 'b', 'web', 'client', '{"db.system": "redis"}'), pg_temp.add('1', 'b', 'a', 'web', 'client', '{"db.system": "mysql"}'), pg_temp.add('1', 'c', 'b', 'web', 'client', '{"server.address": "host"}');
\o
SELECT * FROM pg_temp.edges() ORDER BY edge COLLATE "C";

-- a period until now, and the same time yesterday
TRUNCATE distributed_trace_log, distributed_trace_latency;
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, tags)
SELECT 't' || d, s::text, CASE WHEN s > 1 THEN (s - 1)::text END, 's' || s % 2, 'o', t.time, t.time + interval '1 ms', '{"span.kind": "server"}'
FROM generate_series(0, 1) d, generate_series(1, 3 - d) s, LATERAL (SELECT now() - d * interval '1 day' - interval '1 min' AS time) t;
SELECT caller_service, callee_service, call_count FROM trace_service_dependencies('1 hour') ORDER BY caller_service;
SELECT path, trace_count FROM trace_dependency_paths('1 hour');
SELECT path, trace_count FROM trace_dependency_cycles('1 hour');
SELECT root_service, affected_trace_count FROM trace_service_impact('1 hour', 's0');
SELECT caller_service, callee_service, change FROM trace_dependency_diff('1 hour') ORDER BY caller_service;
SELECT caller_service, callee_service, change FROM trace_dependency_diff(now() - interval '1 hour', now()) ORDER BY caller_service;

-- rare calls have a rate
SELECT trace_grafana_rate(1, '2021-01-01', '2021-01-02') AS one_a_day, trace_grafana_rate(0, '2021-01-01', '2021-01-02') AS none, trace_grafana_rate(12345, '2021-01-01', '2021-01-01 00:01') AS many,
       trace_grafana_rate(1, '2021-01-01', '2021-01-01') AS no_time, trace_grafana_rate(1, '2021-01-02', '2021-01-01') AS backwards, trace_grafana_rate(1, '-infinity', 'infinity') AS endless;
SELECT source, secondarystat > 0 AS has_rate FROM trace_grafana_edges(now() - interval '10 days', now()) ORDER BY source;
SELECT id, secondarystat > 0 AS has_rate FROM trace_grafana_nodes(now() - interval '10 days', now()) ORDER BY id;

TRUNCATE distributed_trace_log, distributed_trace_latency;
