-- latency_sketch: its aggregates, what it is asked, merging and subtracting,
-- and both of its forms outside, hostile ones included.
\set VERBOSITY terse
SET timezone = 'UTC';
\pset null -

CREATE FUNCTION pg_temp.outcome(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	detail text;
	hint text;
BEGIN
	EXECUTE command INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	-- the words of the server's own errors differ between its versions
	RETURN CASE WHEN SQLERRM ~ 'latency|alpha|duration|quantile|context' THEN concat_ws(' / ', SQLSTATE || ': ' || SQLERRM, nullif(detail, ''), nullif(hint, '')) ELSE SQLSTATE END;
END $$;
CREATE FUNCTION pg_temp.ms(value float8) RETURNS numeric LANGUAGE sql AS $$SELECT round(value::numeric, 6)$$;

-- the form
SELECT latency_sketch_agg(ms) FROM (VALUES (0.001), (0.002), (0.003)) v (ms);
SELECT latency_sketch_agg(ms, 0.25) FROM (VALUES (-1500.0), (0), (NULL), (1500), (1500)) v (ms);

-- no rows, only NULLs, no alpha
SELECT latency_sketch_agg(1.5::numeric) IS NULL AS numeric, latency_sketch_agg(1.5::float8, 0.01) IS NULL AS float8, latency_sketch_agg(interval '1 s') IS NULL AS interval, latency_merge(NULL::latency_sketch) IS NULL AS merge WHERE false;
SELECT latency_sketch_agg(NULL::numeric) IS NULL AS numeric, latency_sketch_agg(NULL::float8) IS NULL AS float8, latency_sketch_agg(NULL::interval, 0.01) IS NULL AS interval, latency_merge(NULL::latency_sketch) IS NULL AS merge FROM generate_series(1, 3);
SELECT latency_quantile(NULL, 0.5) IS NULL AS sketch, latency_quantile(latency_sketch_agg(1), NULL::float8) IS NULL AS q, latency_count(NULL) IS NULL AS count, (SELECT count(*) FROM latency_histogram(NULL)) AS bins, latency_merge(latency_sketch_agg(1), NULL) IS NULL AS merge;
SELECT alpha, pg_temp.outcome(format('SELECT latency_alpha(latency_sketch_agg(1.5, %L::float8))', alpha)) AS outcome
FROM unnest(ARRAY[0.01, 0.0001, 0.25, 0.001234, 0.00009, 0.250001, 0.0123456, 0, -0.01, 'NaN', 'infinity', NULL]::float8[]) alpha;
SELECT pg_temp.outcome('SELECT latency_sketch_agg(ms, ms * 0.01) FROM generate_series(1, 2) ms');

-- how durations are read: as a numeric is rounded to the nanosecond, half away from zero
CREATE TABLE pg_temp.numbers AS
SELECT sign * digits * 10::numeric ^ -scale AS ms
FROM unnest(ARRAY[1, -1]) sign, unnest(ARRAY[1, 5, 49999999, 50000000, 99994999, 99995000, 99999999, 100000000, 123456789, 1234567890123456, 10000, 100010001]) digits, generate_series(-3, 12) scale;
INSERT INTO pg_temp.numbers VALUES (0), (0.000000), (0.0000005), (0.00000049999999), (-0.0000005), (9999999999999.999), (-9999999999999.999), (12.0000010000000000000000000000000000000000000000000000000000001), (1e-300), (7.25::numeric(1000, 800)), (-7.25::numeric(1000, 800)), (-1e-16000);
DELETE FROM pg_temp.numbers WHERE abs(round(ms, 6)) >= 1e13;
SELECT count(*), count(*) FILTER (WHERE (sketch::text::jsonb -> 'sum_ns')::numeric = round(ms * 1000000)) AS numeric,
       count(*) FILTER (WHERE abs((from_float8::text::jsonb -> 'sum_ns')::numeric - round(ms * 1000000)) <= greatest(abs(ms) * 1e-9, CASE WHEN mod(abs(ms) * 10000000, 10) = 5 THEN 1 ELSE 0 END)) AS float8
FROM (SELECT ms, latency_sketch_agg(ms) AS sketch, latency_sketch_agg((CASE WHEN abs(ms) > 1e-300 THEN ms ELSE 0 END)::float8) AS from_float8 FROM (SELECT DISTINCT ms FROM pg_temp.numbers) d GROUP BY ms) s;
SELECT pg_temp.outcome('SELECT latency_sketch_agg(9999999999999.9999994)::text::jsonb -> ''max_ns''');
-- stored: short, compressed and out of line
CREATE TABLE pg_temp.stored (ms numeric, padding text);
ALTER TABLE pg_temp.stored ALTER ms SET STORAGE external;
INSERT INTO pg_temp.stored SELECT ms, repeat('x', 1900) FROM pg_temp.numbers;
INSERT INTO pg_temp.stored VALUES (42 + 1e-9000, repeat('x', 1900)), (42.000001 - 1e-9000, repeat('x', 1900));
SELECT (latency_sketch_agg(ms)::text::jsonb -> 'sum_ns')::numeric = sum(round(ms * 1000000)) AS same, max(pg_column_size(ms)) > 2000 AS is_toasted FROM pg_temp.stored;
-- an interval's months count as 30 days
SELECT d, (latency_sketch_agg(d)::text::jsonb -> 'sum_ns')::numeric = (extract(epoch FROM d - date_trunc('month', d)) + extract(month FROM d) * 2592000 + extract(year FROM d) * 31104000) * 1000000000 AS same
FROM unnest(ARRAY['1 us', '-1 us', '1.5 s', '1 day', '1 mon', '-1 mon 30 days', '10 years 3 mons -4 days 00:00:00.000001']::interval[]) d GROUP BY d ORDER BY d;
SELECT pg_temp.outcome('SELECT pg_temp.ms(latency_max(latency_sketch_agg(interval ''115740 days 17:46:39.999999'')))');
-- what is refused
SELECT value, pg_temp.outcome(format('SELECT latency_sketch_agg(%L::numeric)', value)) AS numeric, pg_temp.outcome(format('SELECT latency_sketch_agg(%L::float8)', value)) AS float8
FROM unnest(ARRAY['NaN', 'infinity', '-infinity', '10000000000000', '-10000000000000', '18446744073710', '9999999999999.9999999', '1e300']) value;
SELECT pg_temp.outcome('SELECT latency_sketch_agg(1e16000)'), pg_temp.outcome('SELECT latency_sketch_agg(interval ''115740 days 17:46:40'')'), pg_temp.outcome('SELECT latency_sketch_agg(interval ''-178000000 years'')');
SELECT pg_temp.outcome('SELECT latency_sketch_agg(ms) FILTER (WHERE ms <> ''NaN'') IS NOT NULL FROM (VALUES (1.5), (''NaN'')) v (ms)');

-- the guarantee, against the exact quantile
CREATE TABLE pg_temp.samples AS
SELECT shape, n, (CASE shape WHEN 'log-normal' THEN exp(3 + 1.5 * sqrt(-2 * ln(u)) * cos(2 * pi() * v)) WHEN 'heavy tail' THEN 0.01 / u ^ 2.5 WHEN 'bimodal' THEN CASE WHEN v < 0.5 THEN 2 + u / 10 ELSE 7000 + 900 * u END
                WHEN 'constant' THEN 123.456 WHEN 'signed' THEN (u - 0.5) * exp(20 * v) WHEN 'all sizes' THEN exp(25 * u - 10) END)::numeric(16, 3) AS ms
FROM (SELECT n, (n * 7919 % 20011 + 0.5) / 20011 AS u, (n * 104729 % 20023 + 0.5) / 20023 AS v FROM generate_series(1, 20000) n) r, unnest(ARRAY['log-normal', 'heavy tail', 'bimodal', 'constant', 'signed', 'all sizes']) shape;
ALTER TABLE pg_temp.samples ADD PRIMARY KEY (shape, n);
CREATE TABLE pg_temp.quantiles AS SELECT array_agg(q ORDER BY q) AS q FROM (SELECT n / 1000.0::float8 AS q FROM generate_series(0, 1000) n) s;
SELECT shape, alpha, bool_and(abs(ours - exact) <= alpha * abs(exact)) AS holds, max(abs(ours - exact) / nullif(abs(exact), 0)) > 0 AS is_approximate
FROM (SELECT shape, alpha, unnest(latency_quantile(latency_sketch_agg(ms, alpha), (SELECT q FROM pg_temp.quantiles))) AS ours, unnest(percentile_disc((SELECT q FROM pg_temp.quantiles)) WITHIN GROUP (ORDER BY ms))::float8 AS exact
      FROM pg_temp.samples, unnest(ARRAY[0.001, 0.01, 0.05]::float8[]) alpha GROUP BY shape, alpha) s
GROUP BY shape, alpha ORDER BY shape, alpha;
-- one, two, three values
SELECT n, bool_and(abs(ours - exact) <= 0.01 * exact) AS holds
FROM (SELECT n, unnest(latency_quantile(latency_sketch_agg(i * i * 1.7), (SELECT q FROM pg_temp.quantiles))) AS ours, unnest(percentile_disc((SELECT q FROM pg_temp.quantiles)) WITHIN GROUP (ORDER BY i * i * 1.7))::float8 AS exact
      FROM generate_series(1, 7) n, generate_series(1, n) i GROUP BY n) s GROUP BY n ORDER BY n;
-- from 1 us to 10 years, each value in a bin of its own size
SELECT count(*), bool_and(abs(latency_quantile(sketch, q) - percentile) <= 0.01 * percentile) AS holds
FROM (SELECT 0.001 * 1.05 ^ n AS percentile, (n + 0.5) / 689 AS q FROM generate_series(0, 688) n) p, (SELECT latency_sketch_agg(0.001 * 1.05 ^ n) AS sketch FROM generate_series(0, 688) n) s;

-- what it is asked
CREATE TABLE pg_temp.sketches (name text, sketch latency_sketch);
INSERT INTO pg_temp.sketches
SELECT 'five', latency_sketch_agg(ms) FROM unnest(ARRAY[0.5, 1, 20, 20, 3000]) ms
UNION ALL SELECT 'one', latency_sketch_agg(12.345)
UNION ALL SELECT 'signed', latency_sketch_agg(ms) FROM unnest(ARRAY[-20, -3, 0, 3]) ms
UNION ALL SELECT 'none', latency_sketch_agg(1) - latency_sketch_agg(1);
SELECT name, latency_alpha(sketch) AS alpha, latency_count(sketch) AS count, pg_temp.ms(latency_sum(sketch)) AS sum, pg_temp.ms(latency_mean(sketch)) AS mean, pg_temp.ms(latency_min(sketch)) AS min, pg_temp.ms(latency_max(sketch)) AS max,
       latency_min_is_exact(sketch) AS min_exact, latency_max_is_exact(sketch) AS max_exact, pg_temp.ms(latency_quantile(sketch, 0.5)) AS median, latency_rank(sketch, 5) AS rank FROM pg_temp.sketches;
SELECT name, (SELECT array_agg(pg_temp.ms(q)) FROM unnest(latency_quantile(sketch, ARRAY[1, 0.5, NULL, 0])) q) AS quantiles, array_dims(latency_quantile(sketch, '[2:3][5:6]={{0.1,0.2},{0.3,NULL}}'::float8[])) AS dims, latency_quantile(sketch, ARRAY[]::float8[]) AS nothing FROM pg_temp.sketches;
SELECT q, pg_temp.outcome(format('SELECT latency_quantile(sketch, %L::float8) FROM pg_temp.sketches WHERE name = ''one''', q)) AS one, pg_temp.outcome(format('SELECT latency_quantile(sketch, ARRAY[0.5, %L]::float8[]) FROM pg_temp.sketches WHERE name = ''one''', q)) AS list
FROM unnest(ARRAY[0, 1, -0.001, 1.001, 'NaN', 'infinity']::float8[]) q;
SELECT name, latency_rank(sketch, '-infinity') AS lowest, latency_rank(sketch, -20.0000005) AS below, latency_rank(sketch, -20) AS first, latency_rank(sketch, 0.49) AS nearly, latency_rank(sketch, 0.5) AS half, latency_rank(sketch, 100) AS hundred, latency_rank(sketch, 2999.999) AS nearly_last, latency_rank(sketch, 3000) AS last, latency_rank(sketch, 'infinity') AS highest FROM pg_temp.sketches;
SELECT pg_temp.outcome('SELECT latency_rank(sketch, ''NaN'') FROM pg_temp.sketches WHERE name = ''one''');
-- the extremes, which are known, are counted on their side
SELECT latency_rank(s, 20) AS first, latency_rank(s, 19.999999) AS before, latency_rank(s, 20.05) AS between, latency_rank(s, 20.1) AS last FROM (SELECT latency_sketch_agg(ms) AS s FROM unnest(ARRAY[20, 20.1]) ms) k;
-- a rank lies between the true ones of durations (1 + alpha) / (1 - alpha) away, and grows
SELECT shape, bool_and(rank BETWEEN nearer AND farther) AS holds, bool_and(rank >= before) AS grows
FROM (SELECT shape, x, rank, lag(rank, 1, 0.0::float8) OVER (PARTITION BY shape ORDER BY x) AS before,
             (SELECT count(*) FILTER (WHERE ms < x / 1.0203) / 2000.0 FROM pg_temp.samples m WHERE n <= 2000 AND m.shape = s.shape) AS nearer, (SELECT count(*) FILTER (WHERE ms <= x * 1.0203) / 2000.0 FROM pg_temp.samples m WHERE n <= 2000 AND m.shape = s.shape) AS farther
      FROM (SELECT shape, x, latency_rank(sketch, x) AS rank FROM (SELECT shape, latency_sketch_agg(ms) AS sketch FROM pg_temp.samples WHERE n <= 2000 GROUP BY shape) k, (SELECT 0.001 * 1.3 ^ n::float8 AS x FROM generate_series(0, 60) n) v) s) r
GROUP BY shape ORDER BY shape;
SELECT name, pg_temp.ms(lower_ms) AS lower_ms, pg_temp.ms(upper_ms) AS upper_ms, count FROM pg_temp.sketches, latency_histogram(sketch);
SELECT shape, sum(h.count) AS values, bool_and(h.count = (SELECT count(*) FROM pg_temp.samples s WHERE s.shape = k.shape AND s.n <= 500 AND s.ms >= lower_ms - 1e-9 AND s.ms < upper_ms - 1e-9)) AS right_counts, bool_and(upper_ms - lower_ms <= 0.0000011 + 0.0203 * least(abs(lower_ms), abs(upper_ms))) AS narrow
FROM (SELECT shape, latency_sketch_agg(ms) AS sketch FROM pg_temp.samples WHERE n <= 500 GROUP BY shape) k, LATERAL latency_histogram(sketch) h GROUP BY shape ORDER BY shape;

-- merging and taking out
SELECT (a.sketch + b.sketch)::text = (b.sketch + a.sketch)::text AS either_way, (a.sketch + b.sketch)::text = latency_merge(a.sketch, b.sketch)::text AS operator, (a.sketch + b.sketch)::text = (SELECT latency_merge(s)::text FROM unnest(ARRAY[b.sketch, NULL, a.sketch]) s) AS aggregate,
       latency_count(a.sketch + b.sketch) AS count, (a.sketch + none.sketch)::text = a.sketch::text AS with_none
FROM pg_temp.sketches a, pg_temp.sketches b, pg_temp.sketches none WHERE (a.name, b.name, none.name) = ('five', 'signed', 'none');
SELECT name, j -> 'count' AS count, j -> 'sum_ns' AS sum, j -> 'bins' = original -> 'bins' AS same_bins, j -> 'min_ns' AS min_ns, j -> 'min_is_bound' AS min_is_bound, j -> 'max_ns' AS max_ns, j -> 'max_is_bound' AS max_is_bound
FROM (SELECT b.name, (a.sketch + b.sketch - b.sketch)::text::jsonb AS j, a.sketch::text::jsonb AS original FROM pg_temp.sketches a, pg_temp.sketches b WHERE a.name = 'five') s;
SELECT latency_min_is_exact(s) AS min_exact, latency_max_is_exact(s) AS max_exact, latency_min(s) <= 1.5 AS min_holds, latency_max(s) >= 40 AS max_holds, abs(latency_quantile(s, 1) - 40) <= 0.4 AS quantile_holds
FROM (SELECT latency_sketch_agg(ms) - latency_sketch_agg(ms) FILTER (WHERE ms = 50) AS s FROM unnest(ARRAY[1.5, 2, 40, 50]) ms) k;
SELECT pg_temp.outcome('SELECT a.sketch - b.sketch FROM pg_temp.sketches a, pg_temp.sketches b WHERE (a.name, b.name) = (''one'', ''five'')');
SELECT pg_temp.outcome('SELECT latency_sketch_agg(1.00001) - latency_sketch_agg(1.00002)');
SELECT op, pg_temp.outcome(format('SELECT latency_sketch_agg(1, 0.01) %s latency_sketch_agg(1, 0.010001)', op)) AS outcome FROM unnest(ARRAY['+', '-']) op;
SELECT pg_temp.outcome('SELECT latency_merge(s) FROM (SELECT latency_sketch_agg(1.5, alpha) AS s FROM unnest(ARRAY[0.01, 0.02]) alpha GROUP BY alpha) k');
SELECT pg_temp.outcome(format('SELECT %L::latency_sketch + %1$L', '{"alpha": 0.01, "count": 9223372036854775807, "sum_ns": 0, "min_ns": 0, "max_ns": 0, "bins": [[0, 9223372036854775807]]}'));

-- every way to compute groups gives the same bytes
CREATE TABLE sketch_rows AS SELECT n % 3 AS few, n / 4 AS many, shape, ms FROM pg_temp.samples;
ANALYZE sketch_rows;
CREATE VIEW sketch_few AS SELECT few AS key, latency_sketch_agg(ms) AS sketch FROM sketch_rows GROUP BY few;
CREATE VIEW sketch_many AS SELECT many AS key, latency_sketch_agg(ms) AS sketch FROM sketch_rows GROUP BY many;
CREATE FUNCTION pg_temp.digest(OUT groups bigint, OUT digest text) LANGUAGE sql AS
	$$SELECT count(*), md5(string_agg(md5(latency_sketch_send(sketch)), ' ' ORDER BY key)) FROM (SELECT key, sketch FROM sketch_few UNION ALL SELECT 10 + key, sketch FROM sketch_many) s$$;
-- what EXPLAIN says about the aggregate, without its figures
CREATE FUNCTION pg_temp.nodes(command text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || command LOOP
		IF line ~ 'Aggregate' THEN
			RETURN NEXT regexp_replace(line, '^[ >-]*', '');
		END IF;
	END LOOP;
END $$;
SET max_parallel_workers_per_gather = 0;
SET enable_sort = off;
SET work_mem = '256MB';
SELECT * FROM pg_temp.nodes('SELECT * FROM sketch_many');
CREATE TABLE pg_temp.expected AS SELECT * FROM pg_temp.digest();
SELECT groups FROM pg_temp.expected;
-- the groups do not fit and are spilled
SET work_mem = '64kB';
SELECT pg_temp.digest() = expected AS same FROM pg_temp.expected;
-- sorted
RESET enable_sort;
SET enable_hashagg = off;
SELECT * FROM pg_temp.nodes('SELECT * FROM sketch_many');
SELECT pg_temp.digest() = expected AS same FROM pg_temp.expected;
RESET enable_hashagg;
RESET work_mem;
-- by several processes
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SET enable_sort = off;
SELECT * FROM pg_temp.nodes('SELECT * FROM sketch_few');
SELECT * FROM pg_temp.nodes('SELECT * FROM sketch_many');
SELECT pg_temp.digest() = expected AS same FROM pg_temp.expected;
RESET enable_sort;
SET enable_hashagg = off;
SELECT * FROM pg_temp.nodes('SELECT * FROM sketch_many');
SELECT pg_temp.digest() = expected AS same FROM pg_temp.expected;
RESET enable_hashagg;
-- no groups; float8, interval and alpha; no rows; workers without values
SELECT * FROM pg_temp.nodes('SELECT latency_sketch_agg(ms) FROM sketch_rows');
SELECT latency_sketch_agg(ms)::text = (SELECT latency_merge(sketch)::text FROM sketch_many) AS merged, latency_sketch_agg(ms)::text = latency_sketch_agg(ms::float8)::text AS float8, latency_sketch_agg(ms)::text = latency_sketch_agg(ms * interval '1 ms')::text AS interval FROM sketch_rows;
SELECT * FROM pg_temp.nodes('SELECT latency_sketch_agg(ms, 0.05) FROM sketch_rows');
SELECT latency_alpha(latency_sketch_agg(ms, 0.05)) AS alpha, latency_count(latency_sketch_agg(ms, 0.05)) AS count FROM sketch_rows;
SELECT latency_sketch_agg(ms) IS NULL AS no_rows FROM sketch_rows WHERE many < 0;
SELECT latency_sketch_agg(NULLIF(ms, ms)) IS NULL AS only_nulls FROM sketch_rows;
SELECT latency_count(latency_sketch_agg(ms)) AS count FROM sketch_rows WHERE many = 7;
-- sketches in a table, merged by several processes
CREATE TABLE sketch_stored AS SELECT key, sketch, ARRAY[sketch, NULL] AS list FROM sketch_many UNION ALL SELECT NULL, NULL, NULL FROM generate_series(1, 100);
INSERT INTO sketch_stored SELECT -1, latency_sketch_agg(ms, 0.0001), NULL FROM sketch_rows WHERE shape = 'all sizes';
ANALYZE sketch_stored;
SELECT * FROM pg_temp.nodes('SELECT latency_merge(sketch) FROM sketch_stored WHERE key >= 0');
SELECT latency_merge(sketch)::text = (SELECT latency_sketch_agg(ms)::text FROM sketch_rows) AS same, latency_merge(list[1])::text = (SELECT latency_sketch_agg(ms)::text FROM sketch_rows) AS same_in_arrays FROM sketch_stored WHERE key >= 0;
SELECT pg_column_size(sketch) > 2000 AS is_toasted, latency_count(sketch) AS count, (SELECT latency_merge(s)::text = sketch::text FROM (SELECT sketch AS s) one) AS same_alone, latency_count((SELECT latency_merge(s) FROM unnest(ARRAY[sketch, sketch]) s)) AS twice FROM sketch_stored WHERE key = -1;
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET parallel_leader_participation;

-- FILTER, DISTINCT, ORDER BY, windows
SELECT latency_count(latency_sketch_agg(ms) FILTER (WHERE ms > 2)) AS filtered, latency_count(latency_sketch_agg(DISTINCT ms)) AS no_copies, latency_sketch_agg(ms ORDER BY ms DESC)::text = latency_sketch_agg(ms)::text AS order_is_nothing, latency_sketch_agg(ms) FILTER (WHERE false) IS NULL AS nothing FROM unnest(ARRAY[1.0, 2, 3, 3]) ms;
SELECT n, latency_count(growing) AS growing, latency_sum(growing) AS growing_sum, latency_count(moving) AS moving, latency_sum(moving) AS moving_sum
FROM (SELECT n, latency_sketch_agg(n) OVER (ORDER BY n) AS growing, latency_sketch_agg(n) OVER (ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS moving FROM generate_series(1, 4) n) w ORDER BY n;

-- small: a rollup holds millions of them
SELECT n, max(pg_column_size(sketch)) <= 30 + 6 * n AS is_small FROM (SELECT most AS n, latency_sketch_agg(ms) AS sketch FROM pg_temp.samples, unnest(ARRAY[1, 2, 5, 10, 25]) most WHERE n <= most GROUP BY most, shape) k GROUP BY n ORDER BY n;
SELECT shape, pg_column_size(latency_sketch_agg(ms)) < 8192 AS is_small FROM pg_temp.samples GROUP BY shape ORDER BY shape;

-- text and binary, there and back
SELECT count(*), count(*) FILTER (WHERE sketch::text::latency_sketch::text = sketch::text AND latency_sketch_send(sketch::text::latency_sketch) = latency_sketch_send(sketch)) AS same FROM (SELECT sketch FROM sketch_stored WHERE sketch IS NOT NULL UNION ALL SELECT sketch FROM pg_temp.sketches UNION ALL SELECT sketch - sketch FROM sketch_few UNION ALL SELECT a.sketch + b.sketch - b.sketch FROM pg_temp.sketches a, pg_temp.sketches b) s;
SELECT bool_and((j ->> 'count')::bigint = (SELECT sum((b ->> 1)::bigint) FROM jsonb_array_elements(j -> 'bins') b)) AS counts_agree FROM (SELECT sketch::text::jsonb AS j FROM sketch_few) s;
CREATE TABLE pg_temp.before AS SELECT sketch::text AS txt, latency_quantile(sketch, 0.5) AS q FROM pg_temp.sketches WHERE name = 'five';
SET extra_float_digits = -10;
SELECT sketch::text = txt AS same_text, latency_quantile(txt::latency_sketch, 0.5) = q AS same_value FROM pg_temp.sketches, pg_temp.before WHERE name = 'five';
RESET extra_float_digits;

-- what else is read as text: any order, other members, less than all
SELECT pg_temp.outcome(format('SELECT %L::latency_sketch', form)) AS outcome FROM unnest(ARRAY[
	' {"bins": [[498, 1]], "other": [1, {"bins": [3]}], "min_ns": 1000, "max_ns": 1000, "sum_ns": 1000, "alpha": 1e-2} ',
	'{"alpha": 0.01, "bins": []}',
	'{"version": 1, "alpha": 0.01, "sum_ns": 1000, "min_ns": 994, "max_ns": 1003, "min_is_bound": true, "max_is_bound": true, "bins": [[498, 1]]}']) form;
-- and what is not
SELECT form, pg_temp.outcome(format('SELECT %L::latency_sketch', form)) AS outcome FROM unnest(ARRAY[
	'', '1', '[]', 'null', '{}', '{"alpha": 0.01}', '{"bins": []}', '{"version": 2, "alpha": 0.01, "bins": []}', '{"alpha": "0.01", "bins": []}', '{"alpha": 0.01, "bins": {}}', '{"alpha": 0.01, "bins": 1}', '{"alpha": 1, "bins": []}', '{"alpha": 0.01, "bins": [], "min_is_bound": 1}',
	'{"alpha": 0.01, "bins": [1]}', '{"alpha": 0.01, "bins": [{}]}', '{"alpha": 0.01, "bins": [[0]]}', '{"alpha": 0.01, "bins": [[0, 1, 1]]}', '{"alpha": 0.01, "bins": [[0, [1]]]}', '{"alpha": 0.01, "bins": [[0, {}]]}', '{"alpha": 0.01, "bins": [[0, "1"]]}', '{"alpha": 0.01, "bins": [[0, null]]}',
	'{"alpha": 0.01, "bins": [[0, 0]]}', '{"alpha": 0.01, "bins": [[0, -1]]}', '{"alpha": 0.01, "bins": [[0, 1.5]]}', '{"alpha": 0.01, "bins": [[0, 9223372036854775808]]}', '{"alpha": 0.01, "bins": [[2147483648, 1]]}', '{"alpha": 0.01, "bins": [[0.5, 1]]}',
	'{"alpha": 0.01, "count": 2, "bins": [[0, 1]]}', '{"alpha": 0.01, "sum_ns": 1, "bins": [[0, 1]]}', '{"alpha": 0.01, "sum_ns": 1.5, "bins": [[0, 1]]}', '{"alpha": 0.01, "sum_ns": 170141183460469231731687303715884105728, "bins": [[0, 1]]}', '{"alpha": 0.01, "min_ns": 1, "bins": [[0, 1]]}', '{"alpha": 0.01, "bins": [[0, 1], [0, 1]]}', '{"alpha": 0.01, "bins": [[3201, 1]]}']) form;
-- cut off and changed everywhere it is read or refused, and what is read is as good as any
CREATE FUNCTION pg_temp.again(form text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	sketch latency_sketch;
BEGIN
	sketch := form;
	RETURN CASE WHEN latency_sketch_send(sketch::text::latency_sketch) = latency_sketch_send(sketch) AND (latency_count(sketch) = 0 OR latency_quantile(sketch, 0.5) BETWEEN latency_min(sketch) AND latency_max(sketch)) THEN 'read' ELSE 'wrong' END;
EXCEPTION WHEN OTHERS THEN
	RETURN CASE WHEN SQLSTATE IN ('22P02', '22023', '22003') THEN 'refused' ELSE SQLSTATE || ': ' || SQLERRM END;
END $$;
SELECT DISTINCT pg_temp.again(left(txt, n)) AS cut_off FROM pg_temp.before, generate_series(0, length(txt) - 1) n;
SELECT DISTINCT pg_temp.again(overlay(txt PLACING c FROM n FOR 1)) AS changed FROM pg_temp.before, generate_series(1, length(txt)) n, unnest(ARRAY['"', '{', ']', '\', '0', ',', '9', '-', ' ']) c ORDER BY 1;
SELECT left(pg_temp.again(repeat('[', 1000000)), 5) AS deep, left(pg_temp.again('{"alpha": 0.01, "bins": ' || repeat('[', 1000000)), 7) AS deep_bins, left(pg_temp.again('{"x": ' || repeat('{"x": ', 1000000)), 5) AS deep_other, pg_temp.again('{"alpha": 0.01, "bins": [' || repeat('[1, 1],', 100000) || '[1, 1]]}') AS many_bins;

-- COPY in binary: there and back
CREATE TABLE pg_temp.received (sketch latency_sketch);
-- reads one value's bytes as COPY does
CREATE FUNCTION pg_temp.receive(form bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	file bytea := '\x5047434f50590aff0d0a00'::bytea || '\x00000000000000000001' || int4send(length(form)) || form || '\xffff';
	octal text;
	again text;
BEGIN
	SELECT string_agg(format('\%s%s%s', byte >> 6, byte >> 3 & 7, byte & 7), '' ORDER BY at) INTO octal FROM (SELECT at, get_byte(file, at) AS byte FROM generate_series(0, length(file) - 1) at) b;
	DELETE FROM pg_temp.received;
	EXECUTE format('COPY pg_temp.received FROM PROGRAM %L (FORMAT binary)', 'printf ''' || octal || '''');
	SELECT pg_temp.again(sketch::text) INTO again FROM pg_temp.received;
	RETURN CASE WHEN again <> 'read' THEN 'wrong' WHEN (SELECT latency_sketch_send(sketch) FROM pg_temp.received) = form THEN 'same' ELSE 'read' END;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SELECT name, pg_temp.receive(latency_sketch_send(sketch)) AS outcome FROM pg_temp.sketches;
-- the parts of a form: version, flags, alpha, sum, minimum, maximum (128 bits each), bins of index and count
CREATE FUNCTION pg_temp.form(version int, flags int, alpha int, sum bigint, min bigint, max bigint, count bigint, bins text) RETURNS bytea LANGUAGE sql AS $$
	SELECT substr(int2send(version::smallint), 2) || substr(int2send(flags::smallint), 2) || int4send(alpha) || int8send(-(sum < 0)::int) || int8send(sum) || int8send(-(min < 0)::int) || int8send(min) || int8send(-(max < 0)::int) || int8send(max) || substr(int8send(count), 5) || decode(bins, 'hex')
$$;
SELECT name, pg_temp.receive(form) AS outcome FROM (VALUES
	('nothing', ''::bytea),
	('one value', pg_temp.form(1, 0, 10000, 1000, 1000, 1000, 1, '000001f20000000000000001')),
	('no values', pg_temp.form(1, 0, 10000, 0, 0, 0, 0, '')),
	('version 0', pg_temp.form(0, 0, 10000, 0, 0, 0, 0, '')),
	('version 2', pg_temp.form(2, 0, 10000, 0, 0, 0, 0, '')),
	('bounds', pg_temp.form(1, 3, 10000, 1000, 994, 1003, 1, '000001f20000000000000001')),
	('a bound inside of the bin', pg_temp.form(1, 3, 10000, 1000, 995, 1003, 1, '000001f20000000000000001')),
	('an unknown flag', pg_temp.form(1, 4, 10000, 1000, 1000, 1000, 1, '000001f20000000000000001')),
	('alpha 0', pg_temp.form(1, 0, 0, 0, 0, 0, 0, '')),
	('alpha 1', pg_temp.form(1, 0, 1000000, 0, 0, 0, 0, '')),
	('alpha below 0', pg_temp.form(1, 0, -1, 0, 0, 0, 0, '')),
	('4 G bins announced', pg_temp.form(1, 0, 10000, 0, 0, 0, 4294967295, '')),
	('200 M bins announced, one there', pg_temp.form(1, 0, 10000, 1000, 1000, 1000, 200000000, '000001f20000000000000001')),
	('more bins than announced', pg_temp.form(1, 0, 10000, 1000, 1000, 1000, 1, '000001f20000000000000001000001f30000000000000001')),
	('something behind the end', pg_temp.form(1, 0, 10000, 0, 0, 0, 0, '00')),
	('a sum of no values', pg_temp.form(1, 0, 10000, 1, 0, 0, 0, '')),
	('a count of 0', pg_temp.form(1, 0, 10000, 1000, 1000, 1000, 1, '000001f20000000000000000')),
	('a negative count', pg_temp.form(1, 0, 10000, 1000, 1000, 1000, 1, '000001f2ffffffffffffffff')),
	('the least index', pg_temp.form(1, 0, 10000, 1000, 1000, 1000, 1, '800000000000000000000001')),
	('the greatest index', pg_temp.form(1, 0, 10000, 1000, 1000, 1000, 1, '7fffffff0000000000000001')),
	('bins in the wrong order', pg_temp.form(1, 0, 10000, 2000, 1000, 1000, 2, '000001f20000000000000001000001f10000000000000001')),
	('a minimum in no bin', pg_temp.form(1, 0, 10000, 1000, 900, 1000, 1, '000001f20000000000000001')),
	('a maximum of 2^64 more', substr(pg_temp.form(1, 0, 10000, 1000, 1000, 1000, 0, ''), 1, 38) || int8send(1) || int8send(1000) || '\x00000001000001f20000000000000001')) v (name, form);
CREATE TABLE pg_temp.sent AS SELECT latency_sketch_send(sketch) AS form FROM pg_temp.sketches WHERE name = 'five';
SELECT DISTINCT pg_temp.receive(substr(form, 1, n)) AS cut_off FROM pg_temp.sent, generate_series(0, length(form) - 1) n ORDER BY 1;
SELECT DISTINCT pg_temp.receive(set_byte(form, n, change # get_byte(form, n))) AS changed FROM pg_temp.sent, generate_series(0, length(form) - 1) n, unnest(ARRAY[1, 128, 255]) change ORDER BY 1;

-- the parts of the aggregates are not for calling
SELECT pg_temp.outcome('SELECT latency_sketch_agg_add(NULL, 1.5::numeric)'), pg_temp.outcome('SELECT latency_sketch_agg_add(NULL, 1.5::float8)'), pg_temp.outcome('SELECT latency_sketch_agg_add(NULL, interval ''1 s'')');
SELECT pg_temp.outcome('SELECT latency_sketch_agg_combine(sketch, sketch) FROM pg_temp.sketches LIMIT 1'), pg_temp.outcome('SELECT latency_sketch_agg_final(sketch) FROM pg_temp.sketches LIMIT 1');

DROP TABLE sketch_stored;
DROP VIEW sketch_few, sketch_many;
DROP TABLE sketch_rows;
