-- The contract of latency: the rollup's table, view, triggers and setting, and
-- every function about it.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS distributed_trace;
SELECT * FROM no_plan();

CREATE TABLE pg_temp.contract (signature text, result text, traits text);
INSERT INTO pg_temp.contract VALUES
	('latency_compare(base latency_sketch, other latency_sketch, OUT ks_distance double precision, OUT effect_size double precision, OUT p_value double precision)', 'record', 'immutable parallel safe'),
	('trace_apdex(from_time timestamp with time zone, to_time timestamp with time zone, threshold_ms double precision DEFAULT 500, spans text DEFAULT ''entry''::text)', 'TABLE(service_name text, span_count bigint, satisfied_count bigint, tolerating_count bigint, frustrated_count bigint, apdex double precision)', 'stable parallel safe'),
	('trace_forget_spans(trace_id text)', 'bigint', 'volatile strict parallel unsafe'),
	('trace_forget_spans(trace_id text, span_id text)', 'bigint', 'volatile strict parallel unsafe'),
	('trace_latency_buckets(from_time timestamp with time zone, to_time timestamp with time zone, bucket interval)', 'TABLE(bucket_start timestamp with time zone, from_time timestamp with time zone, to_time timestamp with time zone)', 'immutable strict parallel safe'),
	('trace_latency_compare(base_from timestamp with time zone, base_to timestamp with time zone, other_from timestamp with time zone, other_to timestamp with time zone, group_by text DEFAULT ''operation''::text, quantile double precision DEFAULT 0.95, spans text DEFAULT ''entry''::text)', 'TABLE(service_name text, operation text, base_count bigint, other_count bigint, base_ms double precision, other_ms double precision, ratio double precision, base_error_ratio double precision, other_error_ratio double precision, effect_size double precision, ks_distance double precision, p_value double precision, adjusted_p_value double precision)', 'stable parallel safe'),
	('trace_latency_cover(from_time timestamp with time zone, to_time timestamp with time zone)', 'timestamp with time zone[]', 'immutable strict parallel safe'),
	('trace_latency_contains(added latency_sketch, removed latency_sketch)', 'boolean', 'immutable parallel safe'),
	('trace_latency_group(group_by text)', 'text', 'immutable parallel safe'),
	('trace_latency_histogram(from_time timestamp with time zone, to_time timestamp with time zone, service_name text DEFAULT NULL::text, operation text DEFAULT NULL::text, spans text DEFAULT ''entry''::text)', 'TABLE(lower_ms double precision, upper_ms double precision, span_count bigint)', 'stable parallel safe'),
	('trace_latency_is_same(a latency_sketch, b latency_sketch)', 'boolean', 'immutable parallel safe'),
	('trace_latency_rank(trace_id text, span_id text, baseline interval DEFAULT ''01:00:00''::interval)', 'TABLE(service_name text, operation text, duration_ms double precision, baseline_count bigint, rank double precision, median_ms double precision, p95_ms double precision, p99_ms double precision, times_median double precision)', 'stable parallel safe'),
	('trace_latency_sketches(from_time timestamp with time zone, to_time timestamp with time zone, spans text DEFAULT ''entry''::text)', 'TABLE(service_name text, operation text, kind text, is_entry boolean, is_root boolean, is_error boolean, sign integer, adjusted_count double precision, sketch latency_sketch)', 'stable parallel safe'),
	('trace_latency_spans(spans text)', 'text', 'immutable parallel safe'),
	('trace_latency_total(added latency_sketch, removed latency_sketch)', 'latency_sketch', 'immutable parallel safe'),
	('trace_log_after_write()', 'trigger', 'volatile parallel unsafe'),
	('trace_operation_latency(from_time timestamp with time zone, to_time timestamp with time zone, quantiles double precision[] DEFAULT ''{0.5,0.95,0.99}''::double precision[], spans text DEFAULT ''entry''::text)', 'TABLE(service_name text, operation text, span_count bigint, adjusted_count double precision, error_count bigint, error_ratio double precision, mean_ms double precision, min_ms double precision, max_ms double precision, quantile_ms double precision[])', 'stable parallel safe'),
	('trace_operation_latency_series(from_time timestamp with time zone, to_time timestamp with time zone, bucket interval, quantiles double precision[] DEFAULT ''{0.5,0.95,0.99}''::double precision[], spans text DEFAULT ''entry''::text)', 'TABLE(bucket_start timestamp with time zone, service_name text, operation text, span_count bigint, adjusted_count double precision, error_count bigint, error_ratio double precision, mean_ms double precision, min_ms double precision, max_ms double precision, quantile_ms double precision[])', 'stable parallel safe'),
	('trace_rollup_check(from_time timestamp with time zone, to_time timestamp with time zone)', 'TABLE(level text, bucket_start timestamp with time zone, service_name text, operation text, kind text, is_entry boolean, is_root boolean, is_error boolean, rollup_count bigint, expected_count bigint, rollup_sum_ms double precision, expected_sum_ms double precision)', 'stable parallel safe'),
	('trace_rollup_compact(IN older_than interval DEFAULT ''00:01:00''::interval)', '', 'procedure volatile parallel unsafe'),
	('trace_rollup_lock()', 'void', 'volatile parallel unsafe'),
	('trace_rollup_rebuild(from_time timestamp with time zone, to_time timestamp with time zone)', 'bigint', 'volatile parallel unsafe'),
	('trace_service_latency(from_time timestamp with time zone, to_time timestamp with time zone, quantiles double precision[] DEFAULT ''{0.5,0.95,0.99}''::double precision[], spans text DEFAULT ''entry''::text)', 'TABLE(service_name text, span_count bigint, adjusted_count double precision, error_count bigint, error_ratio double precision, mean_ms double precision, min_ms double precision, max_ms double precision, quantile_ms double precision[])', 'stable parallel safe'),
	('trace_service_latency_series(from_time timestamp with time zone, to_time timestamp with time zone, bucket interval, quantiles double precision[] DEFAULT ''{0.5,0.95,0.99}''::double precision[], spans text DEFAULT ''entry''::text)', 'TABLE(bucket_start timestamp with time zone, service_name text, span_count bigint, adjusted_count double precision, error_count bigint, error_ratio double precision, mean_ms double precision, min_ms double precision, max_ms double precision, quantile_ms double precision[])', 'stable parallel safe');

CREATE TABLE pg_temp.functions AS
SELECT p.oid, proname || '(' || pg_get_function_arguments(p.oid) || ')' AS signature, coalesce(pg_get_function_result(p.oid), '') AS result,
       concat_ws(' ', CASE prokind WHEN 'p' THEN 'procedure' END, CASE provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
                 CASE WHEN proisstrict THEN 'strict' END, 'parallel ' || CASE proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END) AS traits,
       prosecdef, proacl, obj_description(p.oid, 'pg_proc') AS comment
FROM pg_depend d JOIN pg_proc p ON p.oid = objid
WHERE classid = 'pg_proc'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e'
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'distributed_trace')
  AND proname ~ '^trace_.*(latency|rollup|apdex|forget)|^latency_compare$|trace_log_after_write';

SELECT is(f.result || ', ' || f.traits, c.result || ', ' || c.traits, split_part(c.signature, ' DEFAULT', 1)) FROM pg_temp.contract c LEFT JOIN pg_temp.functions f USING (signature) ORDER BY signature COLLATE "C";
SELECT is_empty($$SELECT signature FROM pg_temp.functions EXCEPT SELECT signature FROM pg_temp.contract$$, 'there are no other functions');
SELECT is_empty($$SELECT signature FROM pg_temp.functions WHERE comment IS NULL$$, 'every function has a comment');
SELECT is_empty($$SELECT signature FROM pg_temp.functions WHERE prosecdef OR proacl IS NOT NULL$$, 'functions run with the caller''s rights');

-- the table
SELECT columns_are('distributed_trace_latency', ARRAY['id', 'level', 'bucket_start', 'service_name', 'operation', 'kind', 'is_entry', 'is_root', 'is_error', 'sign', 'adjusted_count', 'sketch']);
SELECT results_eq($$SELECT (attname::text || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' not null' ELSE '' END || CASE collname WHEN 'C' THEN ' C' ELSE '' END) COLLATE "default"
	FROM pg_attribute LEFT JOIN pg_collation c ON c.oid = attcollation WHERE attrelid = 'distributed_trace_latency'::regclass AND attnum > 0 ORDER BY attnum$$,
	ARRAY['id bigint not null', 'level text not null C', 'bucket_start timestamp with time zone not null', 'service_name text not null C', 'operation text not null C', 'kind text C',
	      'is_entry boolean not null', 'is_root boolean not null', 'is_error boolean not null', 'sign smallint not null', 'adjusted_count double precision not null', 'sketch latency_sketch not null'], 'its columns');
SELECT is_empty($$SELECT attrelid::regclass, attname FROM pg_attribute WHERE attrelid IN ('distributed_trace_latency'::regclass, 'trace_counted_spans'::regclass) AND attnum > 0 AND col_description(attrelid, attnum) IS NULL$$, 'every column has a comment');
SELECT isnt(obj_description(oid), NULL, relname::text || ' has a comment') FROM pg_class WHERE relname IN ('distributed_trace_latency', 'trace_counted_spans', 'distributed_trace_latency_bucket_idx') ORDER BY 1;
SELECT throws_ok($$INSERT INTO distributed_trace_latency SELECT 1, 'week', now(), 's', 'o', NULL, true, true, true, 1, 1, latency_sketch_agg(1.0)$$, '23514', NULL, 'no other levels');
SELECT throws_ok($$INSERT INTO distributed_trace_latency SELECT 1, 'new', now(), 's', 'o', NULL, true, true, true, 0, 1, latency_sketch_agg(1.0)$$, '23514', NULL, 'no other signs');
SELECT ok('distributed_trace_latency'::regclass = ANY (extconfig), 'pg_dump dumps its rows') FROM pg_extension WHERE extname = 'distributed_trace';
SELECT is(relacl, NULL, 'nobody may read it but its owner') FROM pg_class WHERE oid = 'distributed_trace_latency'::regclass;

-- view, setting
SELECT ok('security_invoker=true' = ANY (reloptions), 'the view shows what its reader may read') FROM pg_class WHERE oid = 'trace_counted_spans'::regclass;
SELECT results_eq($$SELECT setting, context, vartype FROM pg_settings WHERE name = 'distributed_trace.rollup'$$, $$VALUES ('on', 'superuser', 'bool')$$, 'the setting');

SELECT * FROM finish();
ROLLBACK;
