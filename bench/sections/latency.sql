/*
 * p50, p95 and p99 from the raw spans: latency_sketch_agg beside avg(), which
 * reads the same column and keeps two numbers, beside percentile_cont, which
 * is exact, and beside tdigest, where that extension can be installed (Debian:
 * postgresql-15-tdigest).  The sizes are numbers of groups.
 *
 * Then how far off the estimates are from percentile_disc over all services
 * and these quantiles, what a group's state takes while it is computed, and
 * what a stored sketch takes.
 */
-- what the rivals do, not what is made of their plans
SET jit = off;
SET work_mem = '2GB';

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'tdigest') THEN
        CREATE EXTENSION IF NOT EXISTS tdigest;
    END IF;
END $$;

CREATE TEMP TABLE form (item text, call text, goal text);
INSERT INTO form VALUES
    ('count(duration_ms)', 'count(duration_ms)', NULL),
    ('avg(duration_ms)', 'avg(duration_ms)', NULL),
    ('latency_sketch_agg, 3 quantiles',
     'latency_quantile(latency_sketch_agg(duration_ms), ARRAY[0.5, 0.95, 0.99])', '<= 1.1x'),
    ('tdigest, 3 quantiles',
     'tdigest_percentile(duration_ms::float8, 100, ARRAY[0.5, 0.95, 0.99])', NULL),
    ('percentile_cont, 3 quantiles',
     'percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY duration_ms)', NULL);
DELETE FROM form
WHERE item LIKE 'tdigest%' AND NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'tdigest');

-- the goal is for services; many groups are there to show that states stay small
CREATE TEMP TABLE grouping (section text, key text, groups bigint, has_goal boolean);
INSERT INTO grouping VALUES
    ('latency by service', 'service_name',
     (SELECT count(DISTINCT service_name) FROM distributed_trace_log), true),
    ('latency by service, parallel', 'service_name',
     (SELECT count(DISTINCT service_name) FROM distributed_trace_log), true),
    ('latency of few and many groups', 'hashtext(span_id) & 3', 4, false),
    ('latency of few and many groups', 'hashtext(span_id) & 131071', 131072, false);

INSERT INTO bench.item (section, item, base, goal, goal_unit)
SELECT section, item, nullif('avg(duration_ms)', item), goal, CASE WHEN goal IS NOT NULL THEN 'ms' END
FROM (SELECT section, item, CASE WHEN has_goal THEN goal END AS goal,
             row_number() OVER (PARTITION BY section, item) AS n
      FROM form, grouping) s
WHERE n = 1
ORDER BY section, item <> 'count(duration_ms)', item;

INSERT INTO bench.query
SELECT section, key, item, groups,
       format('SELECT %s, %s FROM distributed_trace_log GROUP BY 1', key, call)
FROM form, grouping;

SET max_parallel_workers_per_gather = 0;
CALL bench.run_queries('latency by service');
CALL bench.run_queries('latency of few and many groups');

SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
DO $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) SELECT service_name, latency_sketch_agg(duration_ms)
             FROM distributed_trace_log GROUP BY 1' INTO plan;
    IF plan::text NOT LIKE '%"Partial Mode": "Partial"%' THEN
        RAISE EXCEPTION 'not computed in parallel: %', plan;
    END IF;
END $$;
CALL bench.run_queries('latency by service, parallel');
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
SET max_parallel_workers_per_gather = 0;

-- Errors, in per cent of the exact quantile
INSERT INTO bench.item (section, item, goal, goal_unit)
SELECT 'latency, errors', item, '<= 1', '% at most'
FROM form WHERE item ~ 'sketch|tdigest';

CREATE TEMP TABLE exact AS
SELECT service_name,
       percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY duration_ms)::float8[] AS quantiles
FROM distributed_trace_log GROUP BY 1;
DO $$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT item, call FROM form WHERE item ~ 'sketch|tdigest' LOOP
        EXECUTE format(
            'WITH estimate AS (SELECT service_name, %s AS quantiles FROM distributed_trace_log GROUP BY 1),
                  error AS (SELECT 100 * abs(e.quantiles[n] - x.quantiles[n]) / x.quantiles[n] AS value
                            FROM estimate e JOIN exact x USING (service_name), generate_series(1, 3) n)
             INSERT INTO bench.sample
             SELECT ''latency, errors'', %L, (SELECT count(*) FROM exact), ''%% at most'', max(value) FROM error
             UNION ALL
             SELECT ''latency, errors'', %2$L, (SELECT count(*) FROM exact), ''%% on average'', avg(value) FROM error',
            f.call, f.item);
    END LOOP;
END $$;

-- Memory and storage
INSERT INTO bench.item (section, item, goal, goal_unit) VALUES
    ('latency, memory', 'hash table of latency_sketch_agg, a group', '<= 64', 'kB'),
    ('latency, memory', 'stored sketch', NULL, NULL);

SET enable_sort = off;
CREATE FUNCTION pg_temp.hash_kb(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ' || query INTO plan;
    RETURN plan -> 0 -> 'Plan' ->> 'Peak Memory Usage';
END $$;
INSERT INTO bench.sample
SELECT 'latency, memory', 'hash table of latency_sketch_agg, a group', groups, 'kB',
       pg_temp.hash_kb(format('SELECT %s, latency_sketch_agg(duration_ms)
                               FROM distributed_trace_log GROUP BY 1', key)) / groups
FROM (SELECT DISTINCT key, groups FROM grouping WHERE groups > 4) g;
INSERT INTO bench.sample
SELECT 'latency, memory', 'stored sketch', (SELECT groups FROM grouping WHERE key = 'service_name' LIMIT 1),
       'bytes', avg(pg_column_size(sketch))
FROM (SELECT latency_sketch_agg(duration_ms) AS sketch FROM distributed_trace_log GROUP BY service_name) s;
INSERT INTO bench.sample
SELECT 'latency, memory', 'stored sketch', 131072, 'bytes', avg(pg_column_size(sketch))
FROM (SELECT latency_sketch_agg(duration_ms) AS sketch
      FROM distributed_trace_log GROUP BY hashtext(span_id) & 131071) s;
RESET enable_sort;

/*
 * The rollup, over the whole of the table: as the writers left it, after
 * folding, and for a window with ragged ends, whose first and last part of a
 * minute are read from the spans.  Then percentile_cont over the same spans.
 */
INSERT INTO bench.item (section, item, base, goal, goal_unit) VALUES
    ('latency by service, from the rollup', 'percentile_cont, 3 quantiles', NULL, NULL, NULL),
    ('latency by service, from the rollup', 'trace_service_latency, not yet folded',
     'percentile_cont, 3 quantiles', NULL, NULL),
    ('latency by service, from the rollup', 'trace_service_latency',
     'percentile_cont, 3 quantiles', '<= 0.002x', 'ms'),
    ('latency by service, from the rollup', 'trace_service_latency, ragged ends',
     'percentile_cont, 3 quantiles', NULL, NULL);

CREATE FUNCTION pg_temp.add_queries(items text[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO bench.query
    SELECT 'latency by service, from the rollup', item, item, (SELECT count(*) FROM distributed_trace_log),
           CASE item
               WHEN 'percentile_cont, 3 quantiles' THEN
                   'SELECT service_name, percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY duration_ms)
                    FROM distributed_trace_log GROUP BY 1'
               WHEN 'trace_service_latency, ragged ends' THEN
                   format('SELECT * FROM trace_service_latency(%L, %L, spans => ''all'')',
                          min(start_time), max(start_time))
               ELSE
                   format('SELECT * FROM trace_service_latency(%L, %L, spans => ''all'')',
                          date_trunc('day', min(start_time)), date_trunc('day', max(start_time)) + interval '1 day')
           END
    FROM unnest(items) item, distributed_trace_log
    GROUP BY item
$$;
SELECT pg_temp.add_queries('{"trace_service_latency, not yet folded"}');
CALL bench.run_queries('latency by service, from the rollup');
DELETE FROM bench.query WHERE item = 'trace_service_latency, not yet folded';
CALL trace_rollup_compact('-1 day');
VACUUM ANALYZE distributed_trace_latency;
SELECT pg_temp.add_queries('{"percentile_cont, 3 quantiles", trace_service_latency, "trace_service_latency, ragged ends"}');
CALL bench.run_queries('latency by service, from the rollup');

-- within the guarantee of percentile_disc
DO $$
DECLARE
    worst float8;
BEGIN
    SELECT max(abs(l.quantile_ms[n] - x.quantiles[n]) / x.quantiles[n]) INTO STRICT worst
    FROM trace_service_latency('-infinity', 'infinity', spans => 'all') l
        JOIN exact x USING (service_name), generate_series(1, 3) n;
    IF worst IS NULL OR worst > 0.01 THEN
        RAISE EXCEPTION 'the rollup is % off', worst;
    END IF;
END $$;

/*
 * What dashboards ask, as a stock server runs it: the first 20 minutes by the
 * minute from a ragged start, and all of it by the hour, from the folded rollup.
 */
SET jit = on;
SET work_mem = '4MB';
INSERT INTO bench.item (section, item, base, goal, goal_unit)
SELECT 'latency panels, default settings', item, NULL, '<= 100', 'ms'
FROM unnest(ARRAY['trace_grafana_series, 20 minutes', 'trace_grafana_series, all by hours', 'trace_grafana_heatmap, 20 minutes',
                  'trace_operation_latency, 20 minutes', 'trace_apdex, all', 'trace_latency_histogram, all', 'trace_latency_compare, 10 minutes']) item;
INSERT INTO bench.query (section, subject, item, size, query)
SELECT 'latency panels, default settings', item, item, (SELECT count(*) FROM distributed_trace_log),
       format(query, w.start, w.start + interval '20 min', w.day, w.day_end, w.start + interval '10 min')
FROM (SELECT min(start_time) + interval '7 s' AS start, date_trunc('day', min(start_time)) AS day, date_trunc('day', max(start_time)) + interval '1 day' AS day_end
      FROM distributed_trace_log) w,
     (VALUES ('trace_grafana_series, 20 minutes', 'SELECT * FROM trace_grafana_series(%1$L, %2$L, ''1 min'', ''p95_ms'')'),
             ('trace_grafana_series, all by hours', 'SELECT * FROM trace_grafana_series(%3$L, %4$L, ''1 hour'', ''p95_ms'')'),
             ('trace_grafana_heatmap, 20 minutes', 'SELECT * FROM trace_grafana_heatmap(%1$L, %2$L, ''1 min'')'),
             ('trace_operation_latency, 20 minutes', 'SELECT * FROM trace_operation_latency(%1$L, %2$L)'),
             ('trace_apdex, all', 'SELECT * FROM trace_apdex(%3$L, %4$L)'),
             ('trace_latency_histogram, all', 'SELECT * FROM trace_latency_histogram(%3$L, %4$L)'),
             ('trace_latency_compare, 10 minutes', 'SELECT * FROM trace_latency_compare(%1$L, %5$L, %5$L, %2$L)')) q (item, query);
CALL bench.run_queries('latency panels, default settings');
RESET jit;
RESET work_mem;
