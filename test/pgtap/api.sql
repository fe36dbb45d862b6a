-- The contract of the SQL interface: what every function takes and gives, what
-- the tables hold, and who may use them.  A difference here is a change that
-- users notice: it belongs in the change log, and in an upgrade script.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS distributed_trace;
SET intervalstyle = postgres;
SELECT no_plan();

--
-- Functions
--

CREATE TABLE pg_temp.contract (signature text, result text, traits text);
INSERT INTO pg_temp.contract VALUES
	('span_tree_agg(span distributed_trace_log)', 'span_tree', 'aggregate immutable parallel safe'),
	('span_tree_agg(trace_id text, span_id text, parent_span_id text, service_name text, operation text, start_time timestamp with time zone, end_time timestamp with time zone, duration_ms numeric, kind text, is_error boolean)', 'span_tree', 'aggregate immutable parallel safe'),
	('span_tree_agg(trace_id text, span_id text, parent_span_id text, service_name text, operation text, start_time timestamp with time zone, end_time timestamp with time zone, duration_ms numeric, kind text, is_error boolean, is_async boolean)', 'span_tree', 'aggregate immutable parallel safe'),
	('span_tree_agg_add(state span_tree, trace_id text, span_id text, parent_span_id text, service_name text, operation text, start_time timestamp with time zone, end_time timestamp with time zone, duration_ms numeric, kind text, is_error boolean)', 'span_tree', 'immutable parallel safe'),
	('span_tree_agg_add(state span_tree, trace_id text, span_id text, parent_span_id text, service_name text, operation text, start_time timestamp with time zone, end_time timestamp with time zone, duration_ms numeric, kind text, is_error boolean, is_async boolean)', 'span_tree', 'immutable parallel safe'),
	('span_tree_agg_add_row(state span_tree, span distributed_trace_log)', 'span_tree', 'immutable parallel safe'),
	('span_tree_agg_combine(state span_tree, other span_tree)', 'span_tree', 'immutable strict parallel safe'),
	('span_tree_agg_final(state span_tree)', 'span_tree', 'immutable parallel safe'),
	('span_tree_in(cstring)', 'span_tree', 'stable strict parallel safe'),
	('span_tree_out(span_tree)', 'cstring', 'immutable strict parallel safe'),
	('span_tree_recv(internal)', 'span_tree', 'immutable strict parallel safe'),
	('span_tree_send(span_tree)', 'bytea', 'immutable strict parallel safe'),
	('trace_ancestors(trace_id text, span_id text, max_distance integer DEFAULT NULL::integer)', 'SETOF trace_tree_row', 'stable parallel safe'),
	('trace_ancestors(tree span_tree, span_id text, max_distance integer DEFAULT NULL::integer)', 'SETOF trace_tree_row', 'immutable parallel safe'),
	('trace_attach_users(user_table regclass, id_column name)', 'regclass', 'volatile strict parallel unsafe'),
	('trace_common_ancestor(trace_id text, span_id text, other_span_id text)', 'text', 'stable parallel safe'),
	('trace_common_ancestor(tree span_tree, span_id text, other_span_id text)', 'text', 'immutable parallel safe'),
	('trace_critical_path(trace_id text, root_span_id text DEFAULT NULL::text, overlap_tolerance double precision DEFAULT 0.01, max_overlap interval DEFAULT ''00:00:00.001''::interval, overflow text DEFAULT ''clip''::text, roots text DEFAULT ''auto''::text, skew text DEFAULT ''none''::text, messaging text DEFAULT ''keep''::text)', 'TABLE(seq integer, span_id text, parent_span_id text, service_name text, operation text, depth integer, section_start timestamp with time zone, section_end timestamp with time zone, exclusive_ms double precision, share double precision, root_span_id text)', 'stable parallel safe'),
	('trace_critical_path(tree span_tree, root_span_id text DEFAULT NULL::text, overlap_tolerance double precision DEFAULT 0.01, max_overlap interval DEFAULT ''00:00:00.001''::interval, overflow text DEFAULT ''clip''::text, roots text DEFAULT ''auto''::text, skew text DEFAULT ''none''::text, messaging text DEFAULT ''keep''::text)', 'TABLE(seq integer, span_id text, parent_span_id text, service_name text, operation text, depth integer, section_start timestamp with time zone, section_end timestamp with time zone, exclusive_ms double precision, share double precision, root_span_id text)', 'immutable parallel safe'),
	('trace_critical_path_diff(base_from timestamp with time zone, base_to timestamp with time zone, other_from timestamp with time zone, other_to timestamp with time zone, root_service text DEFAULT NULL::text, root_operation text DEFAULT NULL::text, group_by text DEFAULT ''operation''::text, percentile_from double precision DEFAULT 0, percentile_to double precision DEFAULT 100, max_depth integer DEFAULT 64, slower_ratio double precision DEFAULT 1.2)', 'TABLE(key text, change text, base_avg_ms double precision, other_avg_ms double precision, difference_ms double precision, base_share double precision, other_share double precision, base_p95_ms double precision, other_p95_ms double precision, base_exemplar_trace_id text, other_exemplar_trace_id text)', 'stable parallel safe'),
	('trace_critical_path_diff(from_time timestamp with time zone, to_time timestamp with time zone)', 'TABLE(key text, change text, base_avg_ms double precision, other_avg_ms double precision, difference_ms double precision, base_share double precision, other_share double precision, base_p95_ms double precision, other_p95_ms double precision, base_exemplar_trace_id text, other_exemplar_trace_id text)', 'stable parallel safe'),
	('trace_critical_path_diff(period interval)', 'TABLE(key text, change text, base_avg_ms double precision, other_avg_ms double precision, difference_ms double precision, base_share double precision, other_share double precision, base_p95_ms double precision, other_p95_ms double precision, base_exemplar_trace_id text, other_exemplar_trace_id text)', 'stable parallel safe'),
	('trace_critical_path_folded(period interval)', 'TABLE(stack text, exclusive_us bigint)', 'stable parallel safe'),
	('trace_critical_path_profile(period interval)', 'TABLE(key text, service_name text, operation text, depth integer, traces_with bigint, sections bigint, exclusive_total_ms double precision, exclusive_avg_ms double precision, share double precision, p50_ms double precision, p95_ms double precision, p99_ms double precision, max_ms double precision, inclusive_avg_ms double precision, exemplar_trace_id text, exemplar_span_id text)', 'stable parallel safe'),
	('trace_trees(period interval)', 'TABLE(trace_id text, tree span_tree)', 'stable parallel safe'),
	('trace_what_if_profile(period interval, service_name text)', 'TABLE(traces bigint, traces_with bigint, traces_switched bigint, old_avg_ms double precision, new_avg_ms double precision, saved_avg_ms double precision, old_p50_ms double precision, new_p50_ms double precision, old_p95_ms double precision, new_p95_ms double precision, old_p99_ms double precision, new_p99_ms double precision)', 'stable parallel safe'),
	('trace_critical_path_duration(trace_id text, root_span_id text DEFAULT NULL::text, overlap_tolerance double precision DEFAULT 0.01, max_overlap interval DEFAULT ''00:00:00.001''::interval, overflow text DEFAULT ''clip''::text, roots text DEFAULT ''auto''::text, skew text DEFAULT ''none''::text, messaging text DEFAULT ''keep''::text)', 'double precision', 'stable parallel safe'),
	('trace_critical_path_duration(tree span_tree, root_span_id text DEFAULT NULL::text, overlap_tolerance double precision DEFAULT 0.01, max_overlap interval DEFAULT ''00:00:00.001''::interval, overflow text DEFAULT ''clip''::text, roots text DEFAULT ''auto''::text, skew text DEFAULT ''none''::text, messaging text DEFAULT ''keep''::text)', 'double precision', 'immutable parallel safe'),
	('trace_critical_path_folded(from_time timestamp with time zone, to_time timestamp with time zone, root_service text DEFAULT NULL::text, root_operation text DEFAULT NULL::text, percentile_from double precision DEFAULT 0, percentile_to double precision DEFAULT 100, max_depth integer DEFAULT 64)', 'TABLE(stack text, exclusive_us bigint)', 'stable parallel safe'),
	('trace_critical_path_groups(trace_id text, group_by text DEFAULT ''operation''::text, max_depth integer DEFAULT 64, root_span_id text DEFAULT NULL::text, overlap_tolerance double precision DEFAULT 0.01, max_overlap interval DEFAULT ''00:00:00.001''::interval, overflow text DEFAULT ''clip''::text, roots text DEFAULT ''auto''::text, skew text DEFAULT ''none''::text, messaging text DEFAULT ''keep''::text)', 'TABLE(trace_id text, root_service_name text, root_operation text, trace_start timestamp with time zone, trace_ms double precision, key text, service_name text, operation text, depth integer, sections integer, exclusive_ms double precision, inclusive_ms double precision, span_id text)', 'stable parallel safe'),
	('trace_critical_path_groups(tree span_tree, group_by text DEFAULT ''operation''::text, max_depth integer DEFAULT 64, root_span_id text DEFAULT NULL::text, overlap_tolerance double precision DEFAULT 0.01, max_overlap interval DEFAULT ''00:00:00.001''::interval, overflow text DEFAULT ''clip''::text, roots text DEFAULT ''auto''::text, skew text DEFAULT ''none''::text, messaging text DEFAULT ''keep''::text)', 'TABLE(trace_id text, root_service_name text, root_operation text, trace_start timestamp with time zone, trace_ms double precision, key text, service_name text, operation text, depth integer, sections integer, exclusive_ms double precision, inclusive_ms double precision, span_id text)', 'immutable parallel safe'),
	('trace_critical_path_operations(trace_id text, root_span_id text DEFAULT NULL::text, overlap_tolerance double precision DEFAULT 0.01, max_overlap interval DEFAULT ''00:00:00.001''::interval, overflow text DEFAULT ''clip''::text, roots text DEFAULT ''auto''::text, skew text DEFAULT ''none''::text, messaging text DEFAULT ''keep''::text)', 'TABLE(service_name text, operation text, exclusive_ms double precision, share double precision, spans bigint, sections bigint)', 'stable parallel safe'),
	('trace_critical_path_operations(tree span_tree, root_span_id text DEFAULT NULL::text, overlap_tolerance double precision DEFAULT 0.01, max_overlap interval DEFAULT ''00:00:00.001''::interval, overflow text DEFAULT ''clip''::text, roots text DEFAULT ''auto''::text, skew text DEFAULT ''none''::text, messaging text DEFAULT ''keep''::text)', 'TABLE(service_name text, operation text, exclusive_ms double precision, share double precision, spans bigint, sections bigint)', 'immutable parallel safe'),
	('trace_critical_path_profile(from_time timestamp with time zone, to_time timestamp with time zone, root_service text DEFAULT NULL::text, root_operation text DEFAULT NULL::text, group_by text DEFAULT ''operation''::text, percentile_from double precision DEFAULT 0, percentile_to double precision DEFAULT 100, max_depth integer DEFAULT 64)', 'TABLE(key text, service_name text, operation text, depth integer, traces_with bigint, sections bigint, exclusive_total_ms double precision, exclusive_avg_ms double precision, share double precision, p50_ms double precision, p95_ms double precision, p99_ms double precision, max_ms double precision, inclusive_avg_ms double precision, exemplar_trace_id text, exemplar_span_id text)', 'stable parallel safe'),
	('trace_critical_path_services(trace_id text, root_span_id text DEFAULT NULL::text, overlap_tolerance double precision DEFAULT 0.01, max_overlap interval DEFAULT ''00:00:00.001''::interval, overflow text DEFAULT ''clip''::text, roots text DEFAULT ''auto''::text, skew text DEFAULT ''none''::text, messaging text DEFAULT ''keep''::text)', 'TABLE(service_name text, exclusive_ms double precision, share double precision, spans bigint, sections bigint)', 'stable parallel safe'),
	('trace_critical_path_services(tree span_tree, root_span_id text DEFAULT NULL::text, overlap_tolerance double precision DEFAULT 0.01, max_overlap interval DEFAULT ''00:00:00.001''::interval, overflow text DEFAULT ''clip''::text, roots text DEFAULT ''auto''::text, skew text DEFAULT ''none''::text, messaging text DEFAULT ''keep''::text)', 'TABLE(service_name text, exclusive_ms double precision, share double precision, spans bigint, sections bigint)', 'immutable parallel safe'),
	('trace_critical_path_slack(trace_id text, root_span_id text DEFAULT NULL::text, overlap_tolerance double precision DEFAULT 0.01, max_overlap interval DEFAULT ''00:00:00.001''::interval, overflow text DEFAULT ''clip''::text, roots text DEFAULT ''auto''::text, skew text DEFAULT ''none''::text, messaging text DEFAULT ''keep''::text)', 'TABLE(span_id text, parent_span_id text, service_name text, operation text, on_critical_path boolean, slack_ms double precision, drag_ms double precision)', 'stable parallel safe'),
	('trace_critical_path_slack(tree span_tree, root_span_id text DEFAULT NULL::text, overlap_tolerance double precision DEFAULT 0.01, max_overlap interval DEFAULT ''00:00:00.001''::interval, overflow text DEFAULT ''clip''::text, roots text DEFAULT ''auto''::text, skew text DEFAULT ''none''::text, messaging text DEFAULT ''keep''::text)', 'TABLE(span_id text, parent_span_id text, service_name text, operation text, on_critical_path boolean, slack_ms double precision, drag_ms double precision)', 'immutable parallel safe'),
	('trace_critical_path_spans(trace_id text, root_span_id text DEFAULT NULL::text, overlap_tolerance double precision DEFAULT 0.01, max_overlap interval DEFAULT ''00:00:00.001''::interval, overflow text DEFAULT ''clip''::text, roots text DEFAULT ''auto''::text, skew text DEFAULT ''none''::text, messaging text DEFAULT ''keep''::text)', 'TABLE(span_id text, parent_span_id text, service_name text, operation text, sections integer, first_start timestamp with time zone, last_end timestamp with time zone, exclusive_ms double precision, inclusive_ms double precision, span_duration_ms double precision, self_ms double precision, share double precision, clipped_ms double precision, root_span_id text)', 'stable parallel safe'),
	('trace_critical_path_spans(tree span_tree, root_span_id text DEFAULT NULL::text, overlap_tolerance double precision DEFAULT 0.01, max_overlap interval DEFAULT ''00:00:00.001''::interval, overflow text DEFAULT ''clip''::text, roots text DEFAULT ''auto''::text, skew text DEFAULT ''none''::text, messaging text DEFAULT ''keep''::text)', 'TABLE(span_id text, parent_span_id text, service_name text, operation text, sections integer, first_start timestamp with time zone, last_end timestamp with time zone, exclusive_ms double precision, inclusive_ms double precision, span_duration_ms double precision, self_ms double precision, share double precision, clipped_ms double precision, root_span_id text)', 'immutable parallel safe'),
	('trace_critical_path_summary(trace_id text, root_span_id text DEFAULT NULL::text, overlap_tolerance double precision DEFAULT 0.01, max_overlap interval DEFAULT ''00:00:00.001''::interval, overflow text DEFAULT ''clip''::text, roots text DEFAULT ''auto''::text, skew text DEFAULT ''none''::text, messaging text DEFAULT ''keep''::text)', 'TABLE(root_span_id text, total_ms double precision, spans bigint, on_path_spans bigint, sections bigint, roots bigint, orphans bigint, unreachable bigint, duplicates bigint, clipped bigint, dropped bigint, overflow_children bigint, bad_times bigint, mode text)', 'stable parallel safe'),
	('trace_critical_path_summary(tree span_tree, root_span_id text DEFAULT NULL::text, overlap_tolerance double precision DEFAULT 0.01, max_overlap interval DEFAULT ''00:00:00.001''::interval, overflow text DEFAULT ''clip''::text, roots text DEFAULT ''auto''::text, skew text DEFAULT ''none''::text, messaging text DEFAULT ''keep''::text)', 'TABLE(root_span_id text, total_ms double precision, spans bigint, on_path_spans bigint, sections bigint, roots bigint, orphans bigint, unreachable bigint, duplicates bigint, clipped bigint, dropped bigint, overflow_children bigint, bad_times bigint, mode text)', 'immutable parallel safe'),
	('trace_descendants(trace_id text, span_id text, max_distance integer DEFAULT NULL::integer)', 'SETOF trace_tree_row', 'stable parallel safe'),
	('trace_descendants(tree span_tree, span_id text, max_distance integer DEFAULT NULL::integer)', 'SETOF trace_tree_row', 'immutable parallel safe'),
	('trace_events(logs text, OUT event_time timestamp with time zone, OUT event_name text, OUT attributes jsonb)', 'SETOF record', 'immutable strict parallel safe'),
	('trace_export_jaeger(trace_id text)', 'text', 'stable strict parallel safe'),
	('trace_export_otlp(trace_id text)', 'text', 'stable strict parallel safe'),
	('trace_get(trace_id text)', 'span_tree', 'stable strict parallel safe'),
	('trace_help(about text DEFAULT NULL::text)', 'TABLE(topic text, name text, arguments text, gives text)', 'stable parallel safe'),
	('trace_id_find(typed text)', 'text', 'stable strict parallel safe'),
	('trace_id_normalize(trace_id text)', 'text', 'immutable strict parallel safe'),
	('trace_ingest_jaeger(request text, OUT accepted bigint, OUT duplicates bigint, OUT rejected bigint, OUT message text)', 'record', 'volatile strict parallel unsafe'),
	('trace_ingest_otlp(request bytea, OUT accepted bigint, OUT duplicates bigint, OUT rejected bigint, OUT message text)', 'record', 'volatile strict parallel unsafe'),
	('trace_ingest_otlp(request text, OUT accepted bigint, OUT duplicates bigint, OUT rejected bigint, OUT message text)', 'record', 'volatile strict parallel unsafe'),
	('trace_ingest_zipkin(request text, OUT accepted bigint, OUT duplicates bigint, OUT rejected bigint, OUT message text)', 'record', 'volatile strict parallel unsafe'),
	('trace_exception(event_name text, attributes jsonb, OUT exception_type text, OUT exception_message text, OUT exception_stacktrace text)', 'record', 'immutable parallel safe'),
	('trace_http_status_code(tags jsonb)', 'integer', 'immutable strict parallel safe'),
	('trace_is_async(trace_id text, parent_span_id text, tags jsonb)', 'boolean', 'immutable strict parallel safe'),
	('trace_is_error(tags jsonb)', 'boolean', 'immutable strict parallel safe'),
	('trace_leaves(trace_id text)', 'SETOF trace_tree_row', 'stable parallel safe'),
	('trace_leaves(tree span_tree)', 'SETOF trace_tree_row', 'immutable parallel safe'),
	('trace_lint(trace_id text)', 'TABLE(problem text, span_id text, service_name text, operation text, detail text)', 'stable strict parallel safe'),
	('trace_lint(tree span_tree)', 'TABLE(problem text, span_id text, service_name text, operation text, detail text)', 'immutable strict parallel safe'),
	('trace_log_before_write()', 'trigger', 'volatile parallel unsafe'),
	('trace_parallelism(trace_id text, root_span_id text DEFAULT NULL::text, overlap_tolerance double precision DEFAULT 0.01, max_overlap interval DEFAULT ''00:00:00.001''::interval, overflow text DEFAULT ''clip''::text, roots text DEFAULT ''auto''::text, skew text DEFAULT ''none''::text, messaging text DEFAULT ''keep''::text)', 'TABLE(work_ms double precision, wall_ms double precision, parallelism double precision, max_parallelism bigint)', 'stable parallel safe'),
	('trace_parallelism(tree span_tree, root_span_id text DEFAULT NULL::text, overlap_tolerance double precision DEFAULT 0.01, max_overlap interval DEFAULT ''00:00:00.001''::interval, overflow text DEFAULT ''clip''::text, roots text DEFAULT ''auto''::text, skew text DEFAULT ''none''::text, messaging text DEFAULT ''keep''::text)', 'TABLE(work_ms double precision, wall_ms double precision, parallelism double precision, max_parallelism bigint)', 'immutable parallel safe'),
	('trace_path(trace_id text, from_span_id text, to_span_id text)', 'SETOF trace_tree_row', 'stable parallel safe'),
	('trace_path(tree span_tree, from_span_id text, to_span_id text)', 'SETOF trace_tree_row', 'immutable parallel safe'),
	('trace_roots(trace_id text)', 'SETOF trace_tree_row', 'stable parallel safe'),
	('trace_roots(tree span_tree)', 'SETOF trace_tree_row', 'immutable parallel safe'),
	('trace_say_unknown(service_name text)', 'boolean', 'stable parallel safe'),
	('trace_siblings(trace_id text, span_id text)', 'SETOF trace_tree_row', 'stable parallel safe'),
	('trace_siblings(tree span_tree, span_id text)', 'SETOF trace_tree_row', 'immutable parallel safe'),
	('trace_slowest_traces(from_time timestamp with time zone, to_time timestamp with time zone, trace_count integer DEFAULT 100)', 'TABLE(trace_id text, root_service_name text, root_operation text, start_time timestamp with time zone, root_duration_ms double precision, duration_ms double precision, critical_ms double precision, span_count bigint, error_count bigint, service_count bigint)', 'stable strict parallel safe'),
	('trace_slowest_traces(period interval)', 'TABLE(trace_id text, root_service_name text, root_operation text, start_time timestamp with time zone, root_duration_ms double precision, duration_ms double precision, critical_ms double precision, span_count bigint, error_count bigint, service_count bigint)', 'stable strict parallel safe'),
	('trace_span_finish(traceparent text, status text DEFAULT NULL::text, status_message text DEFAULT NULL::text, tags jsonb DEFAULT NULL::jsonb)', 'double precision', 'volatile parallel unsafe'),
	('trace_span_kind(tags jsonb)', 'text', 'immutable strict parallel safe'),
	('trace_span_start(operation text, service_name text DEFAULT NULL::text, traceparent text DEFAULT NULL::text, kind text DEFAULT ''internal''::text, tags jsonb DEFAULT ''{}''::jsonb)', 'text', 'volatile parallel unsafe'),
	('trace_summary(trace_id text)', 'TABLE(trace_id text, root_service_name text, root_operation text, start_time timestamp with time zone, end_time timestamp with time zone, wall_ms double precision, critical_ms double precision, span_count bigint, error_count bigint, service_count bigint, orphan_count bigint, root_count bigint, max_depth integer, max_concurrency integer, is_complete boolean)', 'stable strict parallel safe'),
	('trace_summary(tree span_tree)', 'TABLE(trace_id text, root_service_name text, root_operation text, start_time timestamp with time zone, end_time timestamp with time zone, wall_ms double precision, critical_ms double precision, span_count bigint, error_count bigint, service_count bigint, orphan_count bigint, root_count bigint, max_depth integer, max_concurrency integer, is_complete boolean)', 'immutable strict parallel safe'),
	('trace_tree(trace_id text, root_span_id text DEFAULT NULL::text, max_depth integer DEFAULT NULL::integer)', 'SETOF trace_tree_row', 'stable parallel safe'),
	('trace_tree(tree span_tree, root_span_id text DEFAULT NULL::text, max_depth integer DEFAULT NULL::integer)', 'SETOF trace_tree_row', 'immutable parallel safe'),
	('trace_trees(from_time timestamp with time zone, to_time timestamp with time zone, with_tags boolean DEFAULT true)', 'TABLE(trace_id text, tree span_tree)', 'stable parallel safe'),
	('trace_attributes(tags jsonb, resource_attributes jsonb)', 'TABLE(attribute_scope text, attribute_key text, value_text text, value_number double precision, value_type text)', 'immutable parallel safe'),
	('trace_resource_id(tags jsonb)', 'bigint', 'immutable strict parallel safe'),
	('trace_adjusted_count(tags jsonb)', 'double precision', 'immutable strict parallel safe'),
	('trace_service_namespace(tags jsonb)', 'text', 'stable strict parallel safe'),
	('trace_deployment_environment(tags jsonb)', 'text', 'stable strict parallel safe'),
	('trace_user_id(tags jsonb)', 'text', 'immutable strict parallel safe'),
	('trace_waterfall(trace_id text, width integer DEFAULT 100, show_ids boolean DEFAULT false)', 'SETOF text', 'stable strict parallel restricted'),
	('trace_waterfall_text(trace_id text, width integer DEFAULT 100, show_ids boolean DEFAULT false)', 'text', 'stable strict parallel restricted'),
	('trace_waterfall(tree span_tree, width integer DEFAULT 100, show_ids boolean DEFAULT false)', 'SETOF text', 'stable strict parallel restricted'),
	('trace_waterfall_text(tree span_tree, width integer DEFAULT 100, show_ids boolean DEFAULT false)', 'text', 'stable strict parallel restricted'),
	('trace_what_if(trace_id text, service_name text, operation text DEFAULT NULL::text, factor double precision DEFAULT 0.5, root_span_id text DEFAULT NULL::text, overlap_tolerance double precision DEFAULT 0.01, max_overlap interval DEFAULT ''00:00:00.001''::interval, overflow text DEFAULT ''clip''::text, roots text DEFAULT ''auto''::text, skew text DEFAULT ''none''::text, messaging text DEFAULT ''keep''::text)', 'TABLE(old_ms double precision, new_ms double precision, saved_ms double precision, upper_bound_ms double precision, path_switched boolean, matched_spans bigint)', 'stable parallel safe'),
	('trace_what_if(tree span_tree, service_name text, operation text DEFAULT NULL::text, factor double precision DEFAULT 0.5, root_span_id text DEFAULT NULL::text, overlap_tolerance double precision DEFAULT 0.01, max_overlap interval DEFAULT ''00:00:00.001''::interval, overflow text DEFAULT ''clip''::text, roots text DEFAULT ''auto''::text, skew text DEFAULT ''none''::text, messaging text DEFAULT ''keep''::text)', 'TABLE(old_ms double precision, new_ms double precision, saved_ms double precision, upper_bound_ms double precision, path_switched boolean, matched_spans bigint)', 'immutable parallel safe'),
	('trace_what_if_profile(from_time timestamp with time zone, to_time timestamp with time zone, service_name text, operation text DEFAULT NULL::text, factor double precision DEFAULT 0.5, root_service text DEFAULT NULL::text, root_operation text DEFAULT NULL::text)', 'TABLE(traces bigint, traces_with bigint, traces_switched bigint, old_avg_ms double precision, new_avg_ms double precision, saved_avg_ms double precision, old_p50_ms double precision, new_p50_ms double precision, old_p95_ms double precision, new_p95_ms double precision, old_p99_ms double precision, new_p99_ms double precision)', 'stable parallel safe');

CREATE TABLE pg_temp.functions AS
SELECT p.oid, proname || '(' || pg_get_function_arguments(p.oid) || ')' AS signature, pg_get_function_result(p.oid) AS result,
       concat_ws(' ', CASE prokind WHEN 'a' THEN 'aggregate' END, CASE provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
                 CASE WHEN proisstrict THEN 'strict' END, 'parallel ' || CASE proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END) AS traits,
       proname, prosecdef, proacl, proleakproof, prosrc, prolang, procost, prorows, proretset, obj_description(p.oid, 'pg_proc') AS comment
FROM pg_depend d JOIN pg_proc p ON p.oid = objid
WHERE classid = 'pg_proc'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e'
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'distributed_trace');

SELECT is(f.result || ', ' || f.traits, c.result || ', ' || c.traits, split_part(c.signature, ' DEFAULT', 1)) FROM pg_temp.contract c LEFT JOIN pg_temp.functions f USING (signature) ORDER BY signature COLLATE "C";
-- sketch.sql, latency.sql, map.sql and receiver.sql hold the contracts of these
CREATE TEMP VIEW other_functions AS SELECT * FROM pg_temp.functions WHERE proname ~ '^latency_|^trace_.*(latency|rollup|apdex|forget|dependenc|service_paths|service_impact|grafana|receiver)|^trace_log_after_write$|^trace_weight_class$|^trace_create_roles$';
SELECT is_empty($$SELECT signature FROM pg_temp.functions EXCEPT SELECT signature FROM other_functions EXCEPT SELECT signature FROM pg_temp.contract$$, 'there are no other functions');
SELECT is_empty($$SELECT signature FROM pg_temp.functions WHERE comment IS NULL OR comment = ''$$, 'every function has a comment');
SELECT is_empty($$SELECT signature FROM pg_temp.functions WHERE proacl IS NOT NULL AND proname !~ '^trace_receiver'$$, 'PUBLIC may execute every function');
SELECT is_empty($$SELECT signature FROM pg_temp.functions WHERE prosecdef OR proleakproof$$, 'every function works with the rights of its caller');
SELECT is_empty($$SELECT signature FROM pg_temp.functions WHERE proname !~ '^(trace|span|latency|distributed_trace)_'$$, 'every name says whose it is');
SELECT is_empty($$SELECT signature FROM pg_temp.functions JOIN pg_language l ON l.oid = prolang WHERE lanname = 'c' AND prosrc !~ '^dt_'$$, 'every C function is named dt_...');
SELECT is_empty($$SELECT signature FROM pg_temp.functions WHERE proretset AND prorows = 1000$$, 'every set says how many rows to expect');
SELECT is_empty($$SELECT signature FROM pg_temp.functions f JOIN pg_proc p USING (oid) JOIN pg_language l ON l.oid = f.prolang WHERE lanname NOT IN ('c', 'internal', 'sql')
	AND NOT (lanname = 'plpgsql' AND EXISTS (SELECT FROM unnest(proconfig) s WHERE s ~ '^search_path=.*, pg_temp$'))$$, 'functions are in C or in SQL, or in PL/pgSQL with a path of their own');
SELECT is_empty($$SELECT signature FROM pg_temp.functions f JOIN pg_proc p USING (oid) JOIN pg_language l ON l.oid = f.prolang WHERE lanname = 'sql' AND prosqlbody IS NULL$$, 'functions in SQL are bound when they are created');

-- the aggregates can be computed in parts: a real type is their state
SELECT results_eq(
	$$SELECT aggtranstype::regtype::text, aggcombinefn::text, aggfinalfn::text, aggfinalmodify::text FROM pg_aggregate WHERE aggfnoid IN (SELECT oid FROM pg_temp.functions WHERE proname = 'span_tree_agg') ORDER BY aggfnoid::regprocedure::text COLLATE "C"$$,
	$$VALUES ('span_tree', 'span_tree_agg_combine', 'span_tree_agg_final', 'r'), ('span_tree', 'span_tree_agg_combine', 'span_tree_agg_final', 'r'), ('span_tree', 'span_tree_agg_combine', 'span_tree_agg_final', 'r')$$, 'span_tree_agg has a mergeable state');

--
-- Types
--

SELECT results_eq(
	$$SELECT typlen::integer, typalign::text, typstorage::text, typinput::text, typoutput::text, typreceive::text, typsend::text FROM pg_type WHERE oid = 'span_tree'::regtype$$,
	$$VALUES (-1, 'd', 'x', 'span_tree_in', 'span_tree_out', 'span_tree_recv', 'span_tree_send')$$, 'type span_tree');
SELECT results_eq(
	$$SELECT attname::text COLLATE "default", format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'trace_tree_row'::regclass AND attnum > 0 ORDER BY attnum$$,
	$$VALUES ('ordinal', 'integer'), ('depth', 'integer'), ('span_id', 'text'), ('parent_span_id', 'text'), ('service_name', 'text'), ('operation', 'text'),
	         ('start_time', 'timestamp with time zone'), ('end_time', 'timestamp with time zone'), ('duration_ms', 'double precision'), ('self_ms', 'double precision'),
	         ('child_count', 'integer'), ('descendant_count', 'integer'), ('is_root', 'boolean'), ('is_orphan', 'boolean'), ('is_error', 'boolean'), ('on_critical_path', 'boolean')$$, 'columns of trace_tree_row');
-- drivers and BI tools take these, and mangle others
SELECT is_empty($$
	SELECT signature, t.type FROM pg_temp.functions f JOIN pg_proc p USING (oid), unnest(p.proargtypes) WITH ORDINALITY a (arg, n), LATERAL (SELECT format_type(u.type, NULL) AS type FROM unnest(p.proallargtypes, p.proargmodes) u (type, mode) WHERE mode IN ('t', 'o')) t
	WHERE p.proretset AND t.type NOT IN ('text', 'integer', 'bigint', 'double precision', 'boolean', 'timestamp with time zone', 'span_tree', 'jsonb', 'latency_sketch') AND NOT (f.proname ~ '_latency(_series)?$' AND t.type = 'double precision[]')$$, 'sets have columns of plain types');
SELECT bag_eq(
	$$SELECT objid::regtype::text FROM pg_depend JOIN pg_type t ON t.oid = objid AND typcategory <> 'A' AND NOT EXISTS (SELECT FROM pg_class r WHERE r.oid = typrelid AND relkind <> 'c') WHERE classid = 'pg_type'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'distributed_trace')$$,
	$$VALUES ('span_tree'), ('trace_tree_row'), ('latency_sketch')$$, 'there are no other types');

--
-- Tables
--

CREATE FUNCTION pg_temp.columns(name text) RETURNS TABLE (name text, type text, collation_name text, not_null boolean, value text) LANGUAGE sql AS $$
	SELECT attname::text, format_type(atttypid, atttypmod), collname::text, attnotnull, coalesce(nullif('identity ' || attidentity::text, 'identity '), pg_get_expr(adbin, adrelid))
	FROM pg_attribute a LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum LEFT JOIN pg_collation c ON c.oid = attcollation
	WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
$$;
SELECT results_eq(
	$$SELECT * FROM pg_temp.columns('distributed_trace_log')$$,
	$$VALUES ('id', 'bigint', NULL, true, 'identity d'),
	         ('trace_id', 'character varying(100)', 'C', true, NULL),
	         ('span_id', 'character varying(100)', 'C', true, NULL),
	         ('parent_span_id', 'character varying(100)', 'C', false, NULL),
	         ('service_name', 'text', 'C', true, NULL),
	         ('operation', 'text', 'C', true, NULL),
	         ('start_time', 'timestamp with time zone', NULL, true, NULL),
	         ('end_time', 'timestamp with time zone', NULL, false, NULL),
	         ('duration_ms', 'numeric(16,3)', NULL, false, NULL),
	         ('tags', 'jsonb', NULL, false, NULL),
	         ('logs', 'text', 'default', false, NULL),
	         ('created_at', 'timestamp with time zone', NULL, true, 'now()'),
	         ('updated_at', 'timestamp with time zone', NULL, true, 'now()')$$, 'columns of distributed_trace_log');
SELECT results_eq(
	$$SELECT * FROM pg_temp.columns('distributed_trace_resource')$$,
	$$VALUES ('resource_id', 'bigint', NULL::text, true, 'identity d'), ('digest', 'bytea', NULL, true, NULL), ('attributes', 'jsonb', NULL, true, NULL)$$, 'columns of distributed_trace_resource');
SELECT bag_eq(
	$$SELECT replace(pg_get_indexdef(indexrelid), current_schema || '.', ''), indisprimary, indisunique FROM pg_index WHERE indrelid::regclass::text ~ '^distributed_trace_'$$,
	$$VALUES ('CREATE UNIQUE INDEX distributed_trace_log_pkey ON distributed_trace_log USING btree (id)', true, true),
	         ('CREATE UNIQUE INDEX distributed_trace_log_trace_id_span_id_key ON distributed_trace_log USING btree (trace_id, span_id)', false, true),
	         ('CREATE INDEX distributed_trace_log_service_start_idx ON distributed_trace_log USING btree (service_name, start_time)', false, false),
	         ('CREATE INDEX distributed_trace_log_start_idx ON distributed_trace_log USING btree (start_time)', false, false),
	         ('CREATE INDEX distributed_trace_log_root_start_idx ON distributed_trace_log USING btree (start_time) WHERE (parent_span_id IS NULL)', false, false),
	         ('CREATE UNIQUE INDEX distributed_trace_resource_pkey ON distributed_trace_resource USING btree (resource_id)', true, true),
	         ('CREATE UNIQUE INDEX distributed_trace_resource_digest_key ON distributed_trace_resource USING btree (digest)', false, true),
	         ('CREATE INDEX distributed_trace_latency_bucket_idx ON distributed_trace_latency USING btree (level, bucket_start)', false, false),
	         ('CREATE UNIQUE INDEX distributed_trace_latency_pkey ON distributed_trace_latency USING btree (id)', true, true)$$, 'indexes');
SELECT bag_eq(
	$$SELECT conrelid::regclass::text, contype::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid::regclass::text ~ '^distributed_trace_' AND contype NOT IN ('n', 'c')$$,
	$$VALUES ('distributed_trace_log', 'p', 'PRIMARY KEY (id)'), ('distributed_trace_log', 'u', 'UNIQUE (trace_id, span_id)'),
	         ('distributed_trace_latency', 'p', 'PRIMARY KEY (id)'), ('distributed_trace_resource', 'p', 'PRIMARY KEY (resource_id)'), ('distributed_trace_resource', 'u', 'UNIQUE (digest)')$$, 'constraints');
SELECT triggers_are('distributed_trace_log', ARRAY['trace_log_before_insert', 'trace_log_before_update', 'trace_log_after_insert', 'trace_log_after_update']);
SELECT trigger_is('distributed_trace_log', 'trace_log_before_insert', 'trace_log_before_write');
SELECT trigger_is('distributed_trace_log', 'trace_log_before_update', 'trace_log_before_write');
SELECT trigger_is('distributed_trace_log', 'trace_log_after_insert', 'trace_log_after_write');
SELECT trigger_is('distributed_trace_log', 'trace_log_after_update', 'trace_log_after_write');
SELECT triggers_are('distributed_trace_resource', ARRAY[]::name[]);
SELECT results_eq(
	$$SELECT seqrelid::regclass::text, seqtypid::regtype::text, seqstart FROM pg_sequence WHERE seqrelid::regclass::text ~ '^distributed_trace_' ORDER BY 1$$,
	$$VALUES ('distributed_trace_latency_id_seq', 'bigint', 1), ('distributed_trace_log_id_seq', 'bigint', 2147483648), ('distributed_trace_resource_resource_id_seq', 'bigint', 1)$$, 'numbers of the log start above the range of an INT');
SELECT bag_eq(
	$$SELECT unnest(extconfig)::regclass::text FROM pg_extension WHERE extname = 'distributed_trace'$$,
	$$VALUES ('distributed_trace_log'), ('distributed_trace_log_id_seq'), ('distributed_trace_resource'), ('distributed_trace_resource_resource_id_seq'), ('distributed_trace_latency'), ('distributed_trace_latency_id_seq')$$, 'pg_dump writes what users store');
SELECT is_empty(
	$$SELECT attrelid::regclass, attname FROM pg_attribute WHERE attrelid IN ('distributed_trace_log'::regclass, 'distributed_trace_resource'::regclass, 'trace_tree_row'::regclass)
	  AND attnum > 0 AND coalesce(col_description(attrelid, attnum), '') = ''$$, 'every column has a comment');
SELECT is_empty(
	$$SELECT r::regclass FROM unnest(ARRAY['distributed_trace_log', 'distributed_trace_resource', 'distributed_trace_log_service_start_idx', 'distributed_trace_log_start_idx']) r WHERE obj_description(r::regclass, 'pg_class') IS NULL$$, 'tables and indexes have comments');
SELECT isnt(obj_description('span_tree'::regtype, 'pg_type'), NULL, 'span_tree has a comment');
SELECT isnt(obj_description('trace_tree_row'::regtype, 'pg_type'), NULL, 'trace_tree_row has a comment');

--
-- Rights
--

CREATE ROLE api_test_nobody;
SELECT is_empty($$SELECT signature FROM pg_temp.functions WHERE NOT has_function_privilege('api_test_nobody', oid, 'EXECUTE') AND proname !~ '^trace_receiver'$$, 'anybody may execute every function');
SELECT is_empty($$
	SELECT t, p FROM unnest(ARRAY['distributed_trace_log', 'distributed_trace_resource', 'distributed_trace_latency']) t, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p
	WHERE has_table_privilege('api_test_nobody', t, p) OR has_any_column_privilege('api_test_nobody', t, 'SELECT')$$, 'the tables are their owner''s alone');
SELECT is_empty($$SELECT s FROM unnest(ARRAY['distributed_trace_log_id_seq', 'distributed_trace_resource_resource_id_seq']) s WHERE has_sequence_privilege('api_test_nobody', s, 'USAGE, SELECT, UPDATE')$$, 'so are their numbers');
SELECT ok(has_type_privilege('api_test_nobody', 'span_tree', 'USAGE'), 'anybody may use span_tree');
SELECT ok(NOT extrelocatable, 'the extension stays in its schema') FROM pg_extension WHERE extname = 'distributed_trace';

SELECT * FROM finish();
ROLLBACK;
