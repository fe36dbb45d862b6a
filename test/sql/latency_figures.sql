-- What figures are made of: sampling weights, negative durations, equal ones,
-- namespaces and environments, time zones, bounds, and who may fold.
\set VERBOSITY terse
SET timezone = 'UTC';
SET extra_float_digits = -3;
\pset null -
TRUNCATE distributed_trace_log, distributed_trace_latency;
CREATE FUNCTION pg_temp.add(service text, start_time timestamptz, ms numeric, times integer DEFAULT 1, tags jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
	INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms, tags)
	SELECT gen_random_uuid(), n, service, 'o', start_time, ms, tags FROM generate_series(1, times) n
$$;
CREATE FUNCTION pg_temp.sampled(threshold text, more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('otel', jsonb_build_object('trace_state', 'ot=th:' || threshold)) || more
$$;
CREATE FUNCTION pg_temp.differences() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM trace_rollup_check('-infinity', 'infinity') $$;

--
-- Sampling: ten failures of 1000 ms that stand for one each, ten of 10 ms for 16
--
SELECT pg_temp.add('shop', '2021-01-01 10:00', 1000, 10, pg_temp.sampled('0', '{"error": true}'));
SELECT pg_temp.add('shop', '2021-01-01 10:00', 10, 10, pg_temp.sampled('f'));
SELECT pg_temp.add('shop', '2021-01-02 10:00', 10, 10);
CREATE FUNCTION pg_temp.weighted(from_time timestamptz, to_time timestamptz) RETURNS TABLE (n bigint, adjusted float8, errors numeric, weighted_errors numeric, mean numeric, weighted_mean numeric, p90 numeric, weighted_p90 numeric, apdex numeric, weighted_apdex numeric) LANGUAGE sql AS $$
	SELECT s.span_count, s.adjusted_count, round(s.error_ratio::numeric, 3), round(s.weighted_error_ratio::numeric, 3), round(s.mean_ms::numeric, 1), round(s.weighted_mean_ms::numeric, 1), round(s.quantile_ms[1]::numeric), round(s.weighted_quantile_ms[1]::numeric),
	       round(a.apdex::numeric, 3), round(a.weighted_apdex::numeric, 3)
	FROM trace_service_latency(from_time, to_time, '{0.9}') s JOIN trace_apdex(from_time, to_time, 500) a USING (service_name)
$$;
SELECT * FROM pg_temp.weighted('2021-01-01', '2021-01-02');
SELECT * FROM pg_temp.weighted('2021-01-01 10:00:00', '2021-01-01 10:00:30');
CALL trace_rollup_compact();
SELECT * FROM pg_temp.weighted('2021-01-01', '2021-01-02');
SELECT level, weight_class, adjusted_count, latency_count(sketch) AS n FROM distributed_trace_latency WHERE bucket_start < '2021-01-02' ORDER BY 1, 2;
SELECT lower_ms < 11 AS is_short, span_count, adjusted_count FROM trace_latency_histogram('2021-01-01', '2021-01-02') ORDER BY 1;
SELECT round(effect_size::numeric, 3) AS effect, round(weighted_effect_size::numeric, 3) AS weighted, weighted_base_error_ratio < 0.06 AS errors, weighted_base_ms < base_ms AS shorter FROM trace_latency_compare('2021-01-01', '2021-01-02', '2021-01-02', '2021-01-03');
SELECT m, round(s.value::numeric, 3) AS value FROM unnest('{weighted_p50_ms,weighted_p95_ms,weighted_p99_ms,weighted_mean_ms,weighted_error_ratio,error_ratio}'::text[]) m, trace_grafana_series('2021-01-01 10:00', '2021-01-01 10:01', '1 min', m) s;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms, tags) VALUES ('ranked', '1', 'shop', 'o', '2021-01-01 10:30', 500, '{}');
SELECT baseline_count, rank, round(weighted_rank::numeric, 3) AS weighted FROM trace_latency_rank('ranked', '1');
SELECT span_count, adjusted_count, error_ratio, round(weighted_error_ratio::numeric, 3) AS weighted, duration_mean_ms, round(weighted_mean_ms::numeric, 1) AS weighted, round(weighted_p50_ms::numeric) AS p50 FROM trace_service_red WHERE bucket_start < '2021-01-01 10:30' AND span_count > 1;
SELECT bucket_seconds, operation, round(weighted_error_ratio::numeric, 3) AS weighted FROM trace_operation_red_hourly WHERE bucket_start < '2021-01-02' AND error_count > 0;
-- weights that are no whole numbers, and one beside which others are nothing
SELECT round(latency_mean(s)::numeric, 6) AS mean, latency_min(s) AS min, latency_max(s) AS max, round(latency_rank(s, 20)::numeric, 6) AS rank
FROM (SELECT latency_weighted(ARRAY[latency_sketch_agg(10), latency_sketch_agg(30), NULL], ARRAY[1.5, 0.5, NULL]) AS s) v;
SELECT latency_count(s), latency_mean(s), latency_min(s) FROM (SELECT latency_weighted(ARRAY[latency_sketch_agg(10), latency_sketch_agg(30)], ARRAY[72057594037927936, 3]) AS s) v;
SELECT latency_weighted(ARRAY[s, s], ARRAY[1, 2])::text = (s + s + s)::text AS whole, latency_weighted('{}', '{}'), latency_weighted(ARRAY[NULL, NULL]::latency_sketch[], '{1,1}') FROM (SELECT latency_sketch_agg(n) AS s FROM generate_series(1, 100) n) t;
SELECT latency_weighted(ARRAY[latency_sketch_agg(1)], ARRAY[]::float8[]);
SELECT latency_weighted(ARRAY[latency_sketch_agg(1)], ARRAY[0.0]);
SELECT latency_weighted(ARRAY[latency_sketch_agg(1)], ARRAY['NaN'::float8]);
SELECT latency_weighted(ARRAY[latency_sketch_agg(1), latency_sketch_agg(1, 0.05)], ARRAY[1, 1]);
SELECT w, trace_weight_class(w) FROM unnest(ARRAY[1, 1.0624, 1.0625, 2, 3, 31, 32, 33, 72057594037927936, 0, 'NaN']::float8[]) w;
-- what is taken out leaves nothing behind
TRUNCATE distributed_trace_log, distributed_trace_latency;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms, tags) VALUES
 ('a', '1', 'shop', 'buy', '2021-01-01 10:00:01', 5, '{}'), ('b', '1', 'shop', 'buy', '2021-01-01 10:00:02', 5, pg_temp.sampled('fffffffffffff8'));
SELECT trace_forget_spans('b');
SELECT span_count, adjusted_count FROM trace_service_latency('2021-01-01', '2021-01-02');
SELECT span_count, adjusted_count FROM trace_service_red;
CALL trace_rollup_compact();
SELECT span_count, adjusted_count FROM trace_service_latency('2021-01-01', '2021-01-02');
SELECT pg_temp.differences();
UPDATE distributed_trace_latency SET adjusted_count = 2 WHERE level = 'minute';
SELECT level, rollup_adjusted_count, expected_adjusted_count FROM trace_rollup_check('-infinity', 'infinity');
-- as many weights as one likes make a bounded number of rows
TRUNCATE distributed_trace_log, distributed_trace_latency;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms, tags)
SELECT 't', n, 's', 'o', '2021-01-01', 1, pg_temp.sampled(lpad(to_hex(n * 7919 % 65536), 4, '0')) FROM generate_series(1, 5000) n;
SELECT count(*) < 250 AS is_bounded FROM distributed_trace_latency;
SELECT abs(r.adjusted_count - (SELECT sum(trace_adjusted_count(tags)) FROM distributed_trace_log)) < 1e-3 AS is_exact FROM trace_service_latency('2021-01-01', '2021-01-02') r;
SELECT pg_temp.differences();

--
-- Negative durations count as 0, wherever they are counted
--
TRUNCATE distributed_trace_log, distributed_trace_latency;
SELECT pg_temp.add('shop', '2021-01-01 10:00:10', 100, 10);
SELECT pg_temp.add('shop', '2021-01-01 10:00:10', -86400000);
SELECT span_count, negative_count, round(mean_ms::numeric, 3) AS mean, min_ms, max_ms, weighted_mean_ms = mean_ms AS alike FROM trace_service_latency('2021-01-01', '2021-01-02');
SELECT span_count, negative_count, round(mean_ms::numeric, 3) AS mean, min_ms FROM trace_service_latency('2021-01-01 10:00:05', '2021-01-01 10:00:15');
SELECT span_count, negative_count, min_ms FROM trace_operation_latency_series('2021-01-01 10:00', '2021-01-01 10:02', '1 min');
SELECT satisfied_count FROM trace_apdex('2021-01-01', '2021-01-02', 0);
SELECT min(lower_ms) FROM trace_latency_histogram('2021-01-01', '2021-01-02');
CALL trace_rollup_compact();
SELECT negative_count, min_ms FROM trace_service_latency('2021-01-01', '2021-01-02');
SELECT pg_temp.differences(), trace_rollup_rebuild('2021-01-01', '2021-01-02'), pg_temp.differences();
SELECT negative_count, first_start_time, last_start_time FROM distributed_trace_latency WHERE level = 'day';
UPDATE distributed_trace_log SET duration_ms = 5 WHERE duration_ms < 0;
SELECT span_count, negative_count, min_ms, pg_temp.differences() FROM trace_service_latency('2021-01-01', '2021-01-02');
UPDATE distributed_trace_latency SET negative_count = 7 WHERE level = 'day';
SELECT level, rollup_negative_count, expected_negative_count FROM trace_rollup_check('-infinity', 'infinity');

--
-- Equal durations are on one side of any threshold
--
SELECT latency_rank(s, 20) AS rank, latency_rank(s, 19) AS below, latency_rank(s, 21) AS above
FROM (SELECT latency_sketch_agg(ms) AS s FROM (SELECT 20 AS ms FROM generate_series(1, 998) UNION ALL SELECT unnest(ARRAY[10, 30])) v) t;
-- at any duration the rank is that of one at most 2 % away
SELECT count(*) FROM (SELECT latency_sketch_agg(ms) AS s, array_agg(ms) AS list FROM (SELECT round((1.5 ^ (n % 20))::numeric, 3) AS ms FROM generate_series(1, 500) n) v) t, (SELECT round((1.013 ^ n)::numeric, 3) AS x FROM generate_series(1, 600) n UNION SELECT round((1.5 ^ n)::numeric, 3) FROM generate_series(0, 20) n) x
WHERE NOT EXISTS (SELECT FROM unnest(list || x) y (d) WHERE d BETWEEN x * 0.98 AND x * 1.0205 AND abs(latency_rank(s, x::float8) - (SELECT count(*) FROM unnest(list) z (ms) WHERE ms <= d) / 500.0) < 1e-9);
TRUNCATE distributed_trace_log, distributed_trace_latency;
SELECT pg_temp.add('shop', '2021-01-01 10:00', 500, 998), pg_temp.add('shop', '2021-01-01 10:00', 10), pg_temp.add('shop', '2021-01-01 10:00', 3000);
SELECT satisfied_count, tolerating_count, frustrated_count FROM trace_apdex('2021-01-01', '2021-01-02', 500);
SELECT satisfied_count, tolerating_count, frustrated_count FROM trace_apdex('2021-01-01', '2021-01-02', NULL);
SELECT satisfied_count, tolerating_count, frustrated_count FROM trace_apdex('2021-01-01', '2021-01-02', 125);
SELECT * FROM trace_apdex('2021-01-01', '2021-01-02', -1);
SELECT * FROM trace_apdex('2021-01-01', '2021-01-02', 'NaN');
SELECT metric, value FROM trace_grafana_heatmap('2021-01-01 10:00', '2021-01-01 10:01', '1 min') WHERE value > 0;
-- what is alike differs by nothing
SELECT c.* FROM (SELECT latency_sketch_agg((n * 7919 % 1000) ^ 1.7 / 3) AS s FROM generate_series(1, 997) n) t, latency_compare(s, s) c;
SELECT c.ks_distance, c.effect_size FROM (SELECT latency_sketch_agg((n * 7919 % 1000) ^ 1.7 / 3) AS s FROM generate_series(1, 997) n) t, latency_compare(s, s + s + s) c;
-- the nearest double of what a duration can be at most
SET extra_float_digits = 1;
SELECT latency_max(s), latency_min(s), latency_quantile(s, 1), latency_max(s) = 9999999999999.999::float8 AS nearest FROM (SELECT latency_sketch_agg(9999999999999.999) AS s) t;
SELECT count(*) FROM (SELECT ms, latency_sketch_agg(ms) AS s FROM (SELECT n * 0.001 + 123456789012 AS ms FROM generate_series(1, 999) n) v GROUP BY ms) t WHERE latency_max(s) <> ms::float8;
SET extra_float_digits = -3;

--
-- Services of one name
--
TRUNCATE distributed_trace_log, distributed_trace_latency;
INSERT INTO distributed_trace_resource (resource_id, digest, attributes) VALUES
    (-11, '11', '{"service.namespace": "a", "deployment.environment.name": "live"}'), (-12, '12', '{"service.namespace": "b", "deployment.environment": "live"}'), (-13, '13', '{"deployment.environment": "test"}');
SELECT pg_temp.add('api', '2021-01-01 10:00:10', 10, 2, '{"otel": {"resource": -11}}'), pg_temp.add('api', '2021-01-01 10:00:10', 20, 3, '{"otel": {"resource": -12}}'),
       pg_temp.add('api', '2021-01-01 10:00:10', 30, 4, '{"otel": {"resource": -13}}'), pg_temp.add('api', '2021-01-01 10:00:10', 40, 5), pg_temp.add('web', '2021-01-01 10:00:10', 50, 1, '{"otel": {"resource": -11}}');
CREATE FUNCTION pg_temp.scopes(from_time timestamptz, to_time timestamptz) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws('/', service_name, coalesce(service_namespace, '-'), coalesce(deployment_environment, '-')) || ' ' || span_count || ' of ' || mean_ms, ', ' ORDER BY service_name, mean_ms) FROM trace_service_latency(from_time, to_time)
$$;
SELECT pg_temp.scopes('2021-01-01', '2021-01-02');
SELECT pg_temp.scopes('2021-01-01 10:00:05', '2021-01-01 10:00:15');
CALL trace_rollup_compact();
SELECT pg_temp.scopes('2021-01-01', '2021-01-02'), pg_temp.differences();
SELECT service_name, service_namespace, deployment_environment, span_count, operation_count FROM trace_services ORDER BY 1, 2, 3;
SELECT metric, value FROM trace_grafana_series('2021-01-01 10:00', '2021-01-01 10:01', '1 min', 'mean_ms');
SELECT sum(span_count) FROM trace_latency_histogram('2021-01-01', '2021-01-02', 'api', service_namespace => 'a');
SELECT sum(span_count) FROM trace_latency_histogram('2021-01-01', '2021-01-02', deployment_environment => 'live');
SELECT service_namespace, span_count FROM trace_apdex('2021-01-01', '2021-01-02') WHERE deployment_environment = 'live' AND service_name = 'api';
SELECT r.baseline_count FROM distributed_trace_log l, trace_latency_rank(trace_id, span_id) r WHERE l.duration_ms = 20 LIMIT 1;
-- taken out where it was counted
UPDATE distributed_trace_log SET tags = '{"otel": {"resource": -12}}' WHERE duration_ms = 10 AND span_id = '1';
SELECT pg_temp.scopes('2021-01-01', '2021-01-02'), pg_temp.differences();
-- the switch
SET distributed_trace.service_dimensions = 'environment';
SELECT pg_temp.scopes('2021-01-01', '2021-01-02');
SET distributed_trace.service_dimensions = 'none';
SELECT pg_temp.scopes('2021-01-01', '2021-01-02'), pg_temp.scopes('2021-01-01 10:00:05', '2021-01-01 10:00:15');
SELECT trace_rollup_rebuild('2021-01-01', '2021-01-02');
SELECT count(*) FROM distributed_trace_latency WHERE level = 'minute';
RESET distributed_trace.service_dimensions;
DELETE FROM distributed_trace_resource WHERE resource_id < 0;

--
-- Buckets
--
SELECT bucket_start, to_time - from_time AS length FROM trace_latency_buckets('2021-03-27 12:00', '2021-03-29 12:00', '1 day', 'Europe/Berlin');
SELECT bucket_start, to_time - from_time AS length FROM trace_latency_buckets('2021-10-30 22:00', '2021-11-01 23:00', '1 day', 'Europe/Berlin');
SELECT bucket_start FROM trace_latency_buckets('2021-03-27 12:00', '2021-04-10 12:00', '7 days', 'America/New_York');
SELECT bucket_start FROM trace_latency_buckets('2021-01-01 00:00', '2021-01-01 02:00', '1 h', 'Asia/Kolkata');
-- midnight does not exist there on that day
SELECT bucket_start, to_time - from_time AS length FROM trace_latency_buckets('2018-11-03 12:00', '2018-11-05 12:00', '1 day', 'America/Sao_Paulo');
SELECT * FROM trace_latency_buckets('2021-01-01', '2021-01-02', '1 day', 'Nowhere/Land');
SELECT bucket_start, span_count FROM trace_service_latency_series('2020-12-30 23:00', '2021-01-02 23:00', '1 day', time_zone => 'Europe/Berlin') WHERE service_name = 'web';
SELECT pg_temp.add('late', '2021-01-01 23:30', 1);
SELECT bucket_start, span_count, quantile_ms FROM trace_service_latency_series('2020-12-31 23:00', '2021-01-02 23:00', '1 day', '{0.5}', time_zone => 'Europe/Berlin') WHERE service_name = 'late';
-- a bound
SELECT count(*) FROM trace_latency_buckets('2021-01-01', '2021-01-02', '0.864 s');
\set VERBOSITY default
SELECT count(*) FROM trace_latency_buckets('epoch', '2021-01-01', '1 us');
SELECT count(*) FROM trace_service_latency_series('4713-01-01 BC', '294276-01-01', '1 us');
\set VERBOSITY terse
SELECT count(*) FROM trace_grafana_series('epoch', '2021-01-01', '1 s');
SELECT count(*) FROM trace_grafana_heatmap('epoch', '2021-01-01', '1 s');
SELECT count(*) FROM trace_latency_buckets('4713-01-01 BC', '294276-01-01', '20000 days');
SELECT count(*) FROM trace_latency_buckets('4713-01-01 BC', '294276-01-01', '5000000 h');

--
-- Folding
--
TRUNCATE distributed_trace_log, distributed_trace_latency;
SELECT pg_temp.add('future', '2200-01-01', 1), pg_temp.add('future', '2200-01-01', 1), pg_temp.add('now', now(), 1);
CALL trace_rollup_compact();
CALL trace_rollup_compact();
SELECT service_name, level, latency_count(sketch) AS n FROM distributed_trace_latency ORDER BY 1, 2;
SELECT pg_temp.differences();
-- who may read, or nothing, can keep nobody from folding
CREATE ROLE regress_rollup_reader;
GRANT SELECT ON distributed_trace_latency, distributed_trace_log TO regress_rollup_reader;
SET ROLE regress_rollup_reader;
SELECT trace_rollup_lock();
CALL trace_rollup_compact();
BEGIN;
LOCK TABLE distributed_trace_latency IN SHARE UPDATE EXCLUSIVE MODE;
ROLLBACK;
RESET ROLE;
DROP OWNED BY regress_rollup_reader;
DROP ROLE regress_rollup_reader;

--
-- The last hour, and the same time yesterday
--
TRUNCATE distributed_trace_log, distributed_trace_latency;
SELECT pg_temp.add('hour', now() - interval '20 min', 10, 50), pg_temp.add('old', now() - interval '3 h', 10, 50),
       pg_temp.add('hour', now() - interval '1 day 20 min', 5, 50), pg_temp.add('gone', now() - interval '1 day 20 min', 5, 50), pg_temp.add('new', now() - interval '20 min', 5, 50);
SELECT service_name, span_count FROM trace_service_latency('1 hour');
SELECT service_name, span_count FROM trace_service_latency(interval '4 hours');
SELECT service_name, operation, span_count FROM trace_operation_latency('1 hour');
SELECT service_name, sum(span_count) FROM trace_service_latency_series('1 hour', '10 min') GROUP BY 1 ORDER BY 1;
SELECT service_name, sum(span_count) FROM trace_operation_latency_series('1 hour', '10 min') GROUP BY 1 ORDER BY 1;
SELECT sum(span_count), sum(adjusted_count) FROM trace_latency_histogram('1 hour');
SELECT service_name, apdex FROM trace_apdex('1 hour');
SELECT service_name, change, ratio::numeric(9,1) FROM trace_latency_compare('1 hour') ORDER BY 1;
SELECT service_name, operation, change FROM trace_latency_compare(now() - interval '1 h', now()) ORDER BY 1;
TRUNCATE distributed_trace_log, distributed_trace_latency;
