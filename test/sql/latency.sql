-- Questions about latency: figures of services, operations and windows,
-- histograms, apdex, ranks and comparisons.
\set VERBOSITY terse
SET timezone = 'UTC';
SET extra_float_digits = -3;
\pset null -

-- other tests leave latencies of spans that they deleted
TRUNCATE distributed_trace_log, distributed_trace_latency;

INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, duration_ms, tags)
SELECT 't' || n, 'in', 'p', 'shop', CASE WHEN n % 2 = 0 THEN 'buy' ELSE 'look' END, '2021-01-01 10:00:00'::timestamptz + n * interval '30 s', n,
       jsonb_build_object('span.kind', 'server', 'error', n % 10 = 0)
FROM generate_series(1, 100) n
UNION ALL
SELECT 't' || n, 'out', 'in', 'shop', 'call', '2021-01-01 10:00:00'::timestamptz + n * interval '30 s', n / 2, '{"span.kind": "client"}'
FROM generate_series(1, 100) n
UNION ALL
SELECT 't' || n, 'root', NULL, 'web', 'page', '2021-01-01 10:00:00'::timestamptz + n * interval '30 s', 2 * n, '{"span.kind": "internal"}'
FROM generate_series(1, 100) n;

-- whole minutes are read from the rollup alone, parts of one from the log, each
-- table once however many buckets there are
CREATE FUNCTION pg_temp.tables_read(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	before jsonb;
BEGIN
	SELECT jsonb_object_agg(relname, seq_scan + idx_scan) INTO before FROM pg_stat_xact_user_tables;
	EXECUTE query;
	RETURN (SELECT string_agg(relname || ' ' || n, ', ' ORDER BY relname)
	        FROM (SELECT relname, seq_scan + idx_scan - (before ->> relname)::bigint AS n FROM pg_stat_xact_user_tables) t
	        WHERE n > 0 AND relname ~ '^distributed_trace');
END $$;
SELECT pg_temp.tables_read($$SELECT * FROM trace_service_latency('2021-01-01 10:00', '2021-01-02 12:34')$$);
SELECT pg_temp.tables_read($$SELECT * FROM trace_operation_latency('2021-01-01 10:00', '2021-01-02 12:34:56')$$);
SELECT pg_temp.tables_read($$SELECT * FROM trace_service_latency('2021-01-01 10:00:01', '2021-01-01 10:00:59')$$);
SELECT pg_temp.tables_read($$SELECT * FROM trace_service_latency_series('2021-01-01 10:00', '2021-01-01 12:00', '1 min')$$);
SELECT pg_temp.tables_read($$SELECT * FROM trace_grafana_heatmap('2021-01-01 10:00', '2021-01-01 10:20', '10 s')$$);
-- any window and bucket, as counted from the log
CREATE FUNCTION pg_temp.same(from_time timestamptz, to_time timestamptz, width interval) RETURNS boolean LANGUAGE sql AS $$
	SELECT NOT EXISTS (
		SELECT * FROM (SELECT bucket_start, service_name, operation, kind, span_count, error_count, latency_count(sketch) AS n, latency_sum(sketch) AS sum, latency_min(sketch) AS least, latency_max(sketch) AS most
		               FROM trace_latency_figures(from_time, to_time, width, 'UTC', 'all', 'kind')) f
		FULL JOIN (SELECT b.bucket_start, c.service_name, c.operation, c.kind, count(*) AS span_count, count(*) FILTER (WHERE c.is_error) AS error_count, sum(c.duration_ms)::float8 AS sum, min(c.duration_ms)::float8 AS least, max(c.duration_ms)::float8 AS most
		           FROM trace_latency_buckets(from_time, to_time, width) b JOIN trace_counted_spans c ON c.start_time >= b.from_time AND c.start_time < b.to_time
		           WHERE c.duration_ms IS NOT NULL GROUP BY 1, 2, 3, 4) c USING (bucket_start, service_name, operation, kind)
		WHERE (coalesce(f.span_count, 0), coalesce(f.error_count, 0), f.n, f.sum, f.least, f.most) IS DISTINCT FROM (coalesce(c.span_count, 0), coalesce(c.error_count, 0), nullif(c.span_count, 0), c.sum, c.least, c.most))
$$;
CREATE TEMP TABLE windows AS
SELECT '2021-01-01 09:00'::timestamptz + (n * 7919 % 7200) * interval '1 s' AS from_time, '2021-01-01 10:10'::timestamptz + (n * 104729 % 90000) * interval '1 s' AS to_time,
       (ARRAY['7 s', '30 s', '1 min', '90 s', '5 min', '1 h', '90 min', '1 day', '36 h']::interval[])[n % 9 + 1] AS width
FROM generate_series(1, 9) n;
SELECT bool_and(pg_temp.same(from_time, to_time, width)) FROM windows;
CALL trace_rollup_compact('-1 day');
SELECT bool_and(pg_temp.same(from_time, to_time, width)) FROM windows;
SELECT bool_and(pg_temp.same('2021-01-01', '2021-01-03', width)) FROM unnest('{1 min,1 h,1 day}'::interval[]) width;

-- services and operations, by kind of span
SELECT * FROM trace_service_latency('2021-01-01', '2021-01-02');
SELECT * FROM trace_service_latency('2021-01-01', '2021-01-02', spans => 'root');
SELECT * FROM trace_service_latency('2021-01-01', '2021-01-02', '{}', 'client');
SELECT * FROM trace_service_latency('2021-01-01', '2021-01-02', '{0,1,NULL}', 'all');
SELECT * FROM trace_service_latency('2021-01-01', '2021-01-02', NULL, NULL);
SELECT service_name, operation, span_count, error_count, error_ratio, mean_ms FROM trace_operation_latency('2021-01-01', '2021-01-02');
-- half open, by the start of a span
SELECT span_count FROM trace_service_latency('2021-01-01 10:00:30', '2021-01-01 10:01:30', spans => 'root');
SELECT span_count FROM trace_service_latency('2021-01-01 10:00:30', '2021-01-01 10:01:30.000001', spans => 'root');
SELECT span_count FROM trace_service_latency('2021-01-01 10:00:30.000001', '2021-01-01 10:01:30', spans => 'root');
SELECT span_count FROM trace_service_latency('-infinity', 'infinity', spans => 'root');
SELECT count(*) FROM trace_service_latency('2021-01-01 10:01:30', '2021-01-01 10:00:30');
SELECT count(*) FROM trace_service_latency(NULL, '2021-01-02');
-- what is no window, word or quantile
SELECT * FROM trace_service_latency('2021-01-01', '2021-01-02', spans => 'server');
SELECT * FROM trace_service_latency('2022-01-01', '2022-01-02', spans => '');
SELECT * FROM trace_service_latency('2021-01-01', '2021-01-02', '{1.5}');

-- series
SELECT * FROM trace_latency_buckets('2021-01-01 10:00:20', '2021-01-01 10:02', '1 min');
SELECT * FROM trace_latency_buckets('1999-12-31 23:30', '2000-01-01', '1 h');
SELECT bucket_start, span_count, mean_ms FROM trace_service_latency_series('2021-01-01 10:00:40', '2021-01-01 10:50', '20 min', spans => 'root');
SELECT bucket_start, operation, span_count, error_count FROM trace_operation_latency_series('2021-01-01 09:00', '2021-01-01 12:00', '1 hour');
SELECT sum(span_count) FROM trace_service_latency_series('2021-01-01', '2021-01-02', '7.5 s', spans => 'all');
SELECT * FROM trace_service_latency_series('-infinity', '2021-01-01', '1 h');
SELECT * FROM trace_service_latency_series('2021-01-01', '2021-01-02', '1 month');
SELECT * FROM trace_service_latency_series('2021-01-01', '2021-01-02', '0');
SELECT * FROM trace_service_latency_series('2021-01-01', '2021-01-02', '-1 h');
SELECT count(*) FROM trace_service_latency_series('2021-01-02', '2021-01-01', '1 h');

-- histogram
SELECT sum(span_count), min(lower_ms), max(upper_ms), bool_and(upper_ms <= greatest(lower_ms * 1.0203, lower_ms + 0.000001)) AS narrow FROM trace_latency_histogram('2021-01-01', '2021-01-02', 'shop');
SELECT sum(span_count) FROM trace_latency_histogram('2021-01-01', '2021-01-02', operation => 'buy');
SELECT sum(span_count) FROM trace_latency_histogram('2021-01-01', '2021-01-02', spans => 'all');
SELECT count(*) FROM trace_latency_histogram('2021-01-01', '2021-01-02', 'nobody');

-- apdex: 1 to 20 ms satisfy, to 80 ms are tolerated, and every tenth failed
SELECT * FROM trace_apdex('2021-01-01', '2021-01-02', 20.3);
SELECT * FROM trace_apdex('2021-01-01', '2021-01-02');
SELECT * FROM trace_apdex('2021-01-01', '2021-01-02', 20.3, 'root');
SELECT count(*) FROM trace_apdex('2021-01-02', '2021-01-03');
-- nothing but failures
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms, tags) VALUES ('e', '1', 'broken', 'o', '2021-01-05', 1, '{"error": true}');
SELECT * FROM trace_apdex('2021-01-05', '2021-01-06');

-- rank: among spans of its operation and kind in the hour before
SELECT service_name, operation, duration_ms, baseline_count, rank, times_median FROM trace_latency_rank('t100', 'root');
SELECT service_name, operation, duration_ms, baseline_count FROM trace_latency_rank('t100', 'in', '5 min');
SELECT service_name, duration_ms, baseline_count, rank, median_ms FROM trace_latency_rank('t1', 'root');
SELECT abs(rank - 0.5) < 0.02 AS middle FROM trace_latency_rank('t50', 'root', '1 day') WHERE false
UNION ALL SELECT abs(r.rank - 1) < 0.001 FROM trace_latency_rank('t50', 'root', '1 day') r;
SELECT count(*) FROM trace_latency_rank('t100', 'nobody');
SELECT count(*) FROM trace_latency_rank('nobody', 'root');

-- comparing: three operations, one of them slower, one new, one gone
TRUNCATE distributed_trace_log, distributed_trace_latency;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms)
SELECT 'b' || n, operation, 's', operation, '2021-01-01 10:00:00'::timestamptz + n * interval '1 s', ms
FROM generate_series(1, 1000) n, LATERAL (VALUES ('same', n * 0.777), ('slower', n * 0.777), ('gone', 1)) o (operation, ms)
UNION ALL
SELECT 'o' || n, operation, 's', operation, '2021-01-01 11:00:00'::timestamptz + n * interval '1 s', ms
FROM generate_series(1, 1000) n, LATERAL (VALUES ('same', (1001 - n) * 0.777), ('slower', n * 0.777 * 1.5), ('new', 1)) o (operation, ms);
SELECT operation, base_count, other_count, round(ratio::numeric, 2) AS ratio, round(effect_size::numeric, 2) AS effect, round(ks_distance::numeric, 2) AS distance,
       p_value < 1e-9 AS is_significant, round(p_value::numeric, 3) AS p, round(adjusted_p_value::numeric, 3) AS adjusted
FROM trace_latency_compare('2021-01-01 10:00', '2021-01-01 11:00', '2021-01-01 11:00', '2021-01-01 12:00');
SELECT service_name, operation, base_count, other_count, round(effect_size::numeric, 2) AS effect FROM trace_latency_compare('2021-01-01 10:00', '2021-01-01 11:00', '2021-01-01 11:00', '2021-01-01 12:00', 'service', 0.5);
SELECT * FROM trace_latency_compare('2021-01-01 10:00', '2021-01-01 11:00', '2021-01-01 11:00', '2021-01-01 12:00', 'kind');
SELECT count(*) FROM trace_latency_compare('2020-01-01', '2020-01-02', '2020-01-02', '2020-01-03');
-- the adjustment is Benjamini's and Hochberg's: p * rows / rank, and no less than that of a smaller p
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms)
SELECT 'm' || w || n, operation::text, 'many', operation::text, '2021-01-02 10:00:00'::timestamptz + w * interval '1 h', n + w * operation * n * 0.03
FROM generate_series(1, 100) n, generate_series(0, 1) w, generate_series(1, 12) operation;
SET jit = off; -- of this query, not of what it calls
WITH c AS MATERIALIZED (
	SELECT operation, p_value, adjusted_p_value FROM trace_latency_compare('2021-01-02 10:00', '2021-01-02 11:00', '2021-01-02 11:00', '2021-01-02 12:00')
), checked AS (
	SELECT c.*, (SELECT least(1, min(w.p_value * 12 / (SELECT count(*) FROM c v WHERE v.p_value <= w.p_value))) FROM c w WHERE w.p_value >= c.p_value) AS expected
	FROM c
)
SELECT count(*), count(*) FILTER (WHERE abs(adjusted_p_value - expected) < 1e-12) AS as_expected, count(DISTINCT p_value) > 5 AS differ,
       count(*) FILTER (WHERE adjusted_p_value > p_value) > 5 AS adjusted
FROM checked;
RESET jit;

-- the test itself: Kolmogorov's distribution has known points, and Cliff's delta known cases
SELECT shift, round(ks_distance::numeric, 4) AS distance, round(effect_size::numeric, 4) AS effect, round(p_value::numeric, 4) AS p
FROM (SELECT shift, latency_sketch_agg((1.05 ^ n)::numeric) AS a, latency_sketch_agg((1.05 ^ (n + shift))::numeric) AS b
      FROM generate_series(1, 100) n, (VALUES (0), (10), (20), (100), (-100)) s (shift) GROUP BY shift) t, latency_compare(a, b)
ORDER BY shift;
SELECT c.* FROM (SELECT latency_sketch_agg(1.0) AS s, latency_sketch_agg(1.0, 0.05) AS other) x, latency_compare(NULL, s) c;
SELECT c.* FROM (SELECT latency_sketch_agg(1.0) AS s, latency_sketch_agg(1.0, 0.05) AS other) x, latency_compare(s, other) c;

TRUNCATE distributed_trace_log, distributed_trace_latency;
