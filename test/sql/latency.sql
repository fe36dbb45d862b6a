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

-- the parts of a window
CREATE FUNCTION pg_temp.parts(from_time timestamptz, to_time timestamptz) RETURNS TABLE (part text, starts timestamptz, ends timestamptz) LANGUAGE sql AS $$
	SELECT p, c[2 * n - 1], c[2 * n] FROM trace_latency_cover(from_time, to_time) c, unnest('{raw,minutes in all,minutes,hours,days,hours,minutes,raw}'::text[]) WITH ORDINALITY u (p, n)
	WHERE c[2 * n - 1] < c[2 * n]
$$;
SELECT * FROM pg_temp.parts('2021-01-01 22:58:30', '2021-01-03 01:02:10');
SELECT * FROM pg_temp.parts('2021-01-01', '2021-01-02');
SELECT * FROM pg_temp.parts('2021-01-01 10:00:10', '2021-01-01 10:00:20');
SELECT * FROM pg_temp.parts('2021-01-01 10:00:10', '2021-01-01 10:01:20');
SELECT * FROM pg_temp.parts('2021-01-01 10:59:10', '2021-01-01 11:01:20');
SELECT * FROM pg_temp.parts('1969-12-31 22:59:30', '1969-12-31 23:59:59.999999');
SELECT * FROM pg_temp.parts('-infinity', 'infinity');
SELECT * FROM pg_temp.parts('2021-01-02', '2021-01-01');
SELECT trace_latency_cover(NULL, '2021-01-01');

-- whole minutes are read from the rollup alone, parts of one from the log
CREATE FUNCTION pg_temp.tables_read(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		plan := plan || line || E'\n';
	END LOOP;
	RETURN (SELECT string_agg(DISTINCT m[1], ', ' ORDER BY m[1]) FROM regexp_matches(plan, ' on (distributed_trace_\w+) ', 'g') m);
END $$;
SELECT pg_temp.tables_read($$SELECT * FROM trace_service_latency('2021-01-01 10:00', '2021-01-02 12:34')$$);
SELECT pg_temp.tables_read($$SELECT * FROM trace_operation_latency('2021-01-01 10:00', '2021-01-02 12:34:56')$$);
SELECT pg_temp.tables_read($$SELECT * FROM trace_service_latency('2021-01-01 10:00:01', '2021-01-01 10:00:59')$$);

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
WITH c AS MATERIALIZED (
	SELECT operation, p_value, adjusted_p_value FROM trace_latency_compare('2021-01-02 10:00', '2021-01-02 11:00', '2021-01-02 11:00', '2021-01-02 12:00')
), checked AS (
	SELECT c.*, (SELECT least(1, min(w.p_value * 12 / (SELECT count(*) FROM c v WHERE v.p_value <= w.p_value))) FROM c w WHERE w.p_value >= c.p_value) AS expected
	FROM c
)
SELECT count(*), count(*) FILTER (WHERE abs(adjusted_p_value - expected) < 1e-12) AS as_expected, count(DISTINCT p_value) > 5 AS differ,
       count(*) FILTER (WHERE adjusted_p_value > p_value) > 5 AS adjusted
FROM checked;

-- the test itself: Kolmogorov's distribution has known points, and Cliff's delta known cases
SELECT shift, round(ks_distance::numeric, 4) AS distance, round(effect_size::numeric, 4) AS effect, round(p_value::numeric, 4) AS p
FROM (SELECT shift, latency_sketch_agg((1.05 ^ n)::numeric) AS a, latency_sketch_agg((1.05 ^ (n + shift))::numeric) AS b
      FROM generate_series(1, 100) n, (VALUES (0), (10), (20), (100), (-100)) s (shift) GROUP BY shift) t, latency_compare(a, b)
ORDER BY shift;
SELECT c.* FROM (SELECT latency_sketch_agg(1.0) AS s, latency_sketch_agg(1.0, 0.05) AS other) x, latency_compare(NULL, s) c;
SELECT c.* FROM (SELECT latency_sketch_agg(1.0) AS s, latency_sketch_agg(1.0, 0.05) AS other) x, latency_compare(s, other) c;

TRUNCATE distributed_trace_log, distributed_trace_latency;
