-- The contract of the service map and of what Grafana reads: every function
-- about them.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS distributed_trace;
SELECT no_plan();

CREATE TABLE pg_temp.contract (name text, arguments text, result text, traits text);
INSERT INTO pg_temp.contract VALUES
	('trace_grafana_service', 'service_name text, service_namespace text, deployment_environment text, has_namespaces boolean, has_environments boolean', 'text', 'immutable parallel safe'),
	('trace_grafana_rate', 'adjusted_count double precision, from_time timestamp with time zone, to_time timestamp with time zone', 'double precision', 'immutable strict parallel safe'),
	('trace_dependency_diff', 'from_time timestamp with time zone, to_time timestamp with time zone',
	 'TABLE(caller_service text, caller_operation text, callee_service text, callee_operation text, connection_type text, is_virtual boolean, change text, base_call_count bigint, other_call_count bigint, base_p95_ms double precision, other_p95_ms double precision, p95_ratio double precision, base_error_ratio double precision, other_error_ratio double precision, exemplar_trace_id text, caller_namespace text, caller_environment text, callee_namespace text, callee_environment text, weighted_base_p95_ms double precision, weighted_other_p95_ms double precision, weighted_base_error_ratio double precision, weighted_other_error_ratio double precision)', 'stable strict parallel safe'),
	('trace_service_impact', 'period interval, service_name text',
	 'TABLE(root_service text, root_operation text, trace_count bigint, affected_trace_count bigint, affected_share double precision, critical_ms double precision, critical_share double precision, error_trace_count bigint, propagated_error_count bigint)', 'stable strict parallel safe'),
	('trace_dependency_diff', 'period interval',
	 'TABLE(caller_service text, caller_operation text, callee_service text, callee_operation text, connection_type text, is_virtual boolean, change text, base_call_count bigint, other_call_count bigint, base_p95_ms double precision, other_p95_ms double precision, p95_ratio double precision, base_error_ratio double precision, other_error_ratio double precision, exemplar_trace_id text, caller_namespace text, caller_environment text, callee_namespace text, callee_environment text, weighted_base_p95_ms double precision, weighted_other_p95_ms double precision, weighted_base_error_ratio double precision, weighted_other_error_ratio double precision)', 'stable strict parallel safe'),
	('trace_dependency_cycles', 'period interval',
	 'TABLE(path text, hops integer, trace_count bigint, call_count bigint, exemplar_trace_id text, exemplar_span_id text)', 'stable strict parallel safe'),
	('trace_dependency_paths', 'period interval',
	 'TABLE(path text, hops integer, trace_count bigint, share double precision, call_count bigint, error_count bigint, exemplar_trace_id text)', 'stable strict parallel safe'),
	('trace_service_dependencies', 'period interval',
	 'TABLE(caller_service text, caller_operation text, callee_service text, callee_operation text, connection_type text, is_async boolean, is_virtual boolean, call_count bigint, adjusted_count double precision, error_count bigint, error_ratio double precision, adjusted_error_count double precision, weighted_error_ratio double precision, client_p50_ms double precision, client_p95_ms double precision, client_p99_ms double precision, server_p50_ms double precision, server_p95_ms double precision, server_p99_ms double precision, network_mean_ms double precision, exemplar_trace_id text, exemplar_span_id text, caller_namespace text, caller_environment text, callee_namespace text, callee_environment text, weighted_client_p50_ms double precision, weighted_client_p95_ms double precision, weighted_client_p99_ms double precision, weighted_server_p50_ms double precision, weighted_server_p95_ms double precision, weighted_server_p99_ms double precision, weighted_network_mean_ms double precision)', 'stable strict parallel safe'),
	('trace_dependency_cycles', 'from_time timestamp with time zone, to_time timestamp with time zone, max_hops integer DEFAULT 8',
	 'TABLE(path text, hops integer, trace_count bigint, call_count bigint, exemplar_trace_id text, exemplar_span_id text)', 'stable parallel safe'),
	('trace_dependency_diff', 'base_from timestamp with time zone, base_to timestamp with time zone, other_from timestamp with time zone, other_to timestamp with time zone, level text DEFAULT ''service''::text, slower_ratio double precision DEFAULT 1.2',
	 'TABLE(caller_service text, caller_operation text, callee_service text, callee_operation text, connection_type text, is_virtual boolean, change text, base_call_count bigint, other_call_count bigint, base_p95_ms double precision, other_p95_ms double precision, p95_ratio double precision, base_error_ratio double precision, other_error_ratio double precision, exemplar_trace_id text, caller_namespace text, caller_environment text, callee_namespace text, callee_environment text, weighted_base_p95_ms double precision, weighted_other_p95_ms double precision, weighted_base_error_ratio double precision, weighted_other_error_ratio double precision)', 'stable strict parallel safe'),
	('trace_dependency_edges', 'from_time timestamp with time zone, to_time timestamp with time zone, level text, include_virtual boolean, include_links boolean',
	 'TABLE(caller_service text, caller_operation text, callee_service text, callee_operation text, connection_type text, is_async boolean, is_virtual boolean, call_count bigint, adjusted_count double precision, error_count bigint, error_ratio double precision, adjusted_error_count double precision, weighted_error_ratio double precision, client_p50_ms double precision, client_p95_ms double precision, client_p99_ms double precision, server_p50_ms double precision, server_p95_ms double precision, server_p99_ms double precision, network_mean_ms double precision, exemplar_trace_id text, exemplar_span_id text, caller_namespace text, caller_environment text, callee_namespace text, callee_environment text, weighted_client_p50_ms double precision, weighted_client_p95_ms double precision, weighted_client_p99_ms double precision, weighted_server_p50_ms double precision, weighted_server_p95_ms double precision, weighted_server_p99_ms double precision, weighted_network_mean_ms double precision)', 'stable strict parallel safe'),
	('trace_dependency_paths', 'from_time timestamp with time zone, to_time timestamp with time zone, service_name text DEFAULT NULL::text, max_hops integer DEFAULT 8',
	 'TABLE(path text, hops integer, trace_count bigint, share double precision, call_count bigint, error_count bigint, exemplar_trace_id text)', 'stable parallel safe'),
	('trace_grafana_edges', 'from_time timestamp with time zone, to_time timestamp with time zone',
	 'TABLE(id text, source text, target text, mainstat double precision, secondarystat double precision, thickness double precision, strokedasharray text, color text, detail__type text, detail__calls bigint, detail__errors bigint, detail__weighted_error_ratio double precision, detail__network_ms double precision, detail__exemplar text, detail__weighted_p95_ms double precision)', 'stable strict parallel safe'),
	('trace_grafana_flame_graph', 'trace_id text', 'TABLE(level integer, value double precision, self double precision, label text)', 'stable parallel safe'),
	('trace_grafana_heatmap', 'from_time timestamp with time zone, to_time timestamp with time zone, bucket interval, service_name text DEFAULT NULL::text, spans text DEFAULT ''entry''::text, time_zone text DEFAULT ''UTC''::text',
	 'TABLE("time" timestamp with time zone, metric text, value bigint)', 'stable parallel safe'),
	('trace_grafana_measure', 'measure text', 'text', 'immutable parallel safe'),
	('trace_grafana_nodes', 'from_time timestamp with time zone, to_time timestamp with time zone',
	 'TABLE(id text, title text, subtitle text, mainstat double precision, secondarystat double precision, arc__ok double precision, arc__errors double precision, detail__spans bigint, detail__errors bigint, isinstrumented boolean, detail__weighted_p95_ms double precision, detail__weighted_error_ratio double precision)', 'stable strict parallel safe'),
	('trace_grafana_series', 'from_time timestamp with time zone, to_time timestamp with time zone, bucket interval, measure text DEFAULT ''p95_ms''::text, service_name text DEFAULT NULL::text, spans text DEFAULT ''entry''::text, time_zone text DEFAULT ''UTC''::text',
	 'TABLE("time" timestamp with time zone, metric text, value double precision)', 'stable parallel safe'),
	('trace_grafana_trace', 'trace_id text',
	 'TABLE("traceID" text, "spanID" text, "parentSpanID" text, "operationName" text, "serviceName" text, "serviceTags" jsonb, "startTime" double precision, duration double precision, logs jsonb, "references" jsonb, tags jsonb, kind text, "statusCode" integer, "statusMessage" text, "instrumentationLibraryName" text, "instrumentationLibraryVersion" text, "traceState" text, warnings jsonb)', 'stable parallel safe'),
	('trace_service_dependencies', 'from_time timestamp with time zone, to_time timestamp with time zone, level text DEFAULT ''service''::text, include_virtual boolean DEFAULT true, include_links boolean DEFAULT true',
	 'TABLE(caller_service text, caller_operation text, callee_service text, callee_operation text, connection_type text, is_async boolean, is_virtual boolean, call_count bigint, adjusted_count double precision, error_count bigint, error_ratio double precision, adjusted_error_count double precision, weighted_error_ratio double precision, client_p50_ms double precision, client_p95_ms double precision, client_p99_ms double precision, server_p50_ms double precision, server_p95_ms double precision, server_p99_ms double precision, network_mean_ms double precision, exemplar_trace_id text, exemplar_span_id text, caller_namespace text, caller_environment text, callee_namespace text, callee_environment text, weighted_client_p50_ms double precision, weighted_client_p95_ms double precision, weighted_client_p99_ms double precision, weighted_server_p50_ms double precision, weighted_server_p95_ms double precision, weighted_server_p99_ms double precision, weighted_network_mean_ms double precision)', 'stable strict parallel safe'),
	('trace_service_impact', 'from_time timestamp with time zone, to_time timestamp with time zone, service_name text',
	 'TABLE(root_service text, root_operation text, trace_count bigint, affected_trace_count bigint, affected_share double precision, critical_ms double precision, critical_share double precision, error_trace_count bigint, propagated_error_count bigint)', 'stable strict parallel safe'),
	('trace_service_paths', 'tree span_tree, service_name text DEFAULT NULL::text, max_hops integer DEFAULT 8',
	 'TABLE(trace_id text, path text, hops integer, is_cycle boolean, call_count bigint, error_count bigint, first_span_id text)', 'immutable parallel safe');

CREATE TABLE pg_temp.functions AS
SELECT proname::text AS name, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result,
       concat_ws(' ', CASE provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
                 CASE WHEN proisstrict THEN 'strict' END, 'parallel ' || CASE proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END) AS traits
FROM pg_depend d JOIN pg_proc p ON p.oid = objid
WHERE classid = 'pg_proc'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e'
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'distributed_trace')
  AND proname ~ '^trace_.*(dependenc|service_paths|service_impact|grafana)';

SELECT is(f.result || ', ' || f.traits, c.result || ', ' || c.traits, c.name) FROM pg_temp.contract c LEFT JOIN pg_temp.functions f USING (name, arguments) ORDER BY c.name COLLATE "C";
SELECT is_empty($$SELECT name, arguments FROM pg_temp.functions EXCEPT SELECT name, arguments FROM pg_temp.contract$$, 'there are no other functions');

SELECT throws_ok($$SELECT trace_grafana_measure('p42')$$, '22023', NULL, 'no other measures');
SELECT throws_ok($$SELECT * FROM trace_service_dependencies('2021-01-01', '2021-01-02', 'span')$$, '22023', NULL, 'no other levels');
SELECT throws_ok($$SELECT * FROM trace_dependency_paths('-infinity', 'infinity', max_hops => 0), trace_service_paths(NULL::span_tree, max_hops => 0)$$, '22023', NULL, 'a path has a hop at least');
SELECT throws_ok($$SELECT * FROM trace_service_paths(NULL::span_tree, max_hops => 65)$$, '22023', NULL, 'and 64 at most');

SELECT * FROM finish();
ROLLBACK;
