-- The critical path in SQL: of one trace, and over many.
\set VERBOSITY terse
\getenv abs_srcdir PG_ABS_SRCDIR
\set data :abs_srcdir '/data/critical_path/'
SET client_min_messages = warning;
SET timezone = 'UTC';
SET extra_float_digits = 0;

--
-- Every case, section by section; an empty path is expected as one with the number -1
--
CREATE TEMP TABLE path_case (c text[]);
INSERT INTO path_case
SELECT string_to_array(line, E'\t')
FROM unnest(ARRAY['cases.tsv', 'random_cases.tsv']) AS file,
	string_to_table(pg_read_file(:'data' || file), E'\n') AS line
WHERE line <> '' AND line NOT LIKE E'case\t%';

CREATE TEMP TABLE path_tree AS
SELECT c[1] AS name,
	span_tree_agg(c[1], c[2], c[3], c[5], c[6],
		'epoch'::timestamptz + c[7]::bigint * interval '1 microsecond',
		'epoch'::timestamptz + (c[7]::bigint + c[8]::bigint) * interval '1 microsecond',
		c[8]::numeric / 1000, c[9], false) AS tree
FROM path_case GROUP BY c[1];

CREATE TEMP TABLE expected AS
SELECT c[1] AS name, c[2] AS mode, c[3] AS root, nullif(c[4], '')::int AS seq, c[5] AS span_id,
	nullif(c[8], '')::bigint AS start_us, nullif(c[9], '')::bigint AS end_us
FROM (SELECT string_to_array(line, E'\t') AS c
	  FROM string_to_table(pg_read_file(:'data' || 'expected.tsv'), E'\n') AS line
	  WHERE line <> '' AND line NOT LIKE E'case\t%') AS lines
UNION ALL
SELECT c[1], c[2], NULL::text, c[3]::int, c[4], c[5]::bigint, c[6]::bigint
FROM (SELECT string_to_array(line, E'\t') AS c
	  FROM string_to_table(pg_read_file(:'data' || 'random_expected.tsv'), E'\n') AS line
	  WHERE line <> '' AND line NOT LIKE E'case\t%') AS lines;

CREATE TEMP TABLE found AS
SELECT t.name, m.mode, p.seq, coalesce(p.span_id, '') AS span_id,
	(extract(epoch FROM p.section_start) * 1000000)::bigint AS start_us,
	(extract(epoch FROM p.section_end) * 1000000)::bigint AS end_us
FROM path_tree t
	CROSS JOIN (VALUES ('default', 0.01, 'clip'), ('exact', 0, 'clip'), ('overflow_drop', 0.01, 'drop')) AS m (mode, tolerance, overflow)
	-- the case's root, where it is not the one that would be chosen
	CROSS JOIN LATERAL (SELECT max(e.root) AS root FROM expected e WHERE e.name = t.name AND e.root <> '') AS r,
	trace_critical_path(t.tree, root_span_id => r.root, overlap_tolerance => m.tolerance, overflow => m.overflow) p
WHERE EXISTS (SELECT FROM expected e WHERE e.name = t.name AND e.mode = m.mode);

SELECT mode, count(DISTINCT name) AS cases, count(*) AS sections FROM expected GROUP BY mode ORDER BY mode;
SELECT * FROM (TABLE found EXCEPT SELECT name, mode, seq, span_id, start_us, end_us FROM expected) AS too_many ORDER BY 1, 2, 3 LIMIT 5;
SELECT * FROM (SELECT name, mode, seq, span_id, start_us, end_us FROM expected WHERE seq >= 0 EXCEPT TABLE found) AS too_few ORDER BY 1, 2, 3 LIMIT 5;
-- without a root that is asked for, too
SELECT t.name FROM path_tree t
WHERE (SELECT array_agg((p.span_id, p.section_start, p.section_end) ORDER BY p.seq) FROM trace_critical_path(t.tree) p)
	IS DISTINCT FROM
	(SELECT array_agg((p.span_id, p.section_start, p.section_end) ORDER BY p.seq)
	 FROM trace_critical_path(t.tree, root_span_id => (SELECT nullif(max(e.root), '') FROM expected e WHERE e.name = t.name)) p)
ORDER BY 1;

--
-- One trace, by its id: a fetches from b, then from c, while d runs on
--
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, tags)
SELECT 'shop', v.*
FROM (VALUES
	('a', NULL, 'web', 'GET /', timestamptz '2026-01-01 00:00:00.000', timestamptz '2026-01-01 00:00:00.100', '{"otel": {"kind": "server"}}'::jsonb),
	('b', 'a', 'stock', 'check', '2026-01-01 00:00:00.010', '2026-01-01 00:00:00.040', '{"otel": {"kind": "client"}}'),
	('c', 'a', 'payment', 'charge', '2026-01-01 00:00:00.045', '2026-01-01 00:00:00.095', NULL),
	('d', 'a', 'mail', 'send', '2026-01-01 00:00:00.050', '2026-01-01 00:00:00.070', NULL)) AS v;
SELECT * FROM trace_critical_path('shop');
SELECT trace_critical_path_duration('shop'), trace_critical_path_duration(trace_get('shop')), trace_critical_path_duration('none') IS NULL AS none;
SELECT * FROM trace_critical_path_spans('shop');
SELECT * FROM trace_critical_path_services('shop');
SELECT * FROM trace_critical_path_operations(trace_get('shop'));
SELECT * FROM trace_critical_path_summary('shop') \gx
SELECT * FROM trace_critical_path_slack('shop');
SELECT * FROM trace_what_if('shop', 'payment', factor => 0);
SELECT * FROM trace_what_if('shop', 'mail', 'send', 0);
SELECT * FROM trace_what_if('shop', NULL, NULL, 2);
SELECT * FROM trace_parallelism('shop');
SELECT key, service_name, operation, depth, sections, exclusive_ms, inclusive_ms, span_id
FROM trace_critical_path_groups('shop', 'call_path');
SELECT key, exclusive_ms, inclusive_ms FROM trace_critical_path_groups('shop', 'call_path', max_depth => 1);
SELECT key, exclusive_ms FROM trace_critical_path_groups('shop', 'service');
SELECT span_id, on_critical_path FROM trace_tree('shop');
SELECT critical_ms FROM trace_summary('shop');
-- part of it
SELECT span_id, exclusive_ms, share FROM trace_critical_path('shop', root_span_id => 'c');
-- no such trace
SELECT count(*) FROM trace_critical_path('none');
SELECT count(*) FROM trace_critical_path_summary('none');
SELECT count(*) FROM trace_what_if('none', 'web');
SELECT count(*) FROM trace_parallelism(NULL::text);

--
-- What cannot be meant is refused
--
SELECT * FROM trace_critical_path('shop', root_span_id => 'z');
SELECT * FROM trace_critical_path('shop', overlap_tolerance => -0.1);
SELECT * FROM trace_critical_path('shop', overlap_tolerance => 'NaN');
SELECT * FROM trace_critical_path('shop', max_overlap => '-1 ms');
SELECT * FROM trace_critical_path('shop', max_overlap => '1 month');
SELECT * FROM trace_critical_path('shop', max_overlap => '25 hours');
\set VERBOSITY default
SELECT * FROM trace_critical_path('shop', overflow => 'cut');
SELECT * FROM trace_critical_path('shop', skew => 'all');
\set VERBOSITY terse
SELECT * FROM trace_critical_path('shop', roots => 'first');
SELECT * FROM trace_critical_path('shop', messaging => '');
SELECT * FROM trace_what_if('shop', 'web', NULL, -1);
SELECT * FROM trace_what_if('shop', 'web', NULL, 'NaN');
SELECT * FROM trace_what_if('shop', 'web', NULL, NULL);
SELECT * FROM trace_critical_path_groups('shop', 'host');
SELECT * FROM trace_critical_path_groups('shop', max_depth => 0);

--
-- Several roots, none, and messages
--
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, tags)
SELECT 'roots', v.*
FROM (VALUES
	('a', NULL, 'web', 'first', timestamptz '2026-01-01 00:01:00.000', timestamptz '2026-01-01 00:01:00.010', NULL::jsonb),
	('b', NULL, 'web', 'second', '2026-01-01 00:01:00.020', '2026-01-01 00:01:00.050', NULL),
	('o', 'lost', 'web', 'orphan', '2026-01-01 00:01:00.060', '2026-01-01 00:01:00.070', NULL)) AS v;
SELECT seq, span_id, exclusive_ms, root_span_id FROM trace_critical_path('roots');
SELECT seq, span_id, exclusive_ms, share, root_span_id FROM trace_critical_path('roots', roots => 'all');
SELECT seq, span_id, exclusive_ms, root_span_id FROM trace_critical_path('roots', roots => 'virtual');
SELECT key, exclusive_ms FROM trace_critical_path_groups('roots', 'call_path', roots => 'virtual');
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, tags)
SELECT 'queue', v.*
FROM (VALUES
	('a', NULL, 'web', 'publish', timestamptz '2026-01-01 00:02:00.000', timestamptz '2026-01-01 00:02:00.010', '{"otel": {"kind": "producer"}}'::jsonb),
	('b', 'a', 'worker', 'consume', '2026-01-01 00:02:00.005', '2026-01-01 00:02:00.050', '{"otel": {"kind": "consumer"}}')) AS v;
SELECT span_id, exclusive_ms FROM trace_critical_path('queue');
SELECT span_id, exclusive_ms FROM trace_critical_path('queue', messaging => 'prune');

-- one span of a group more on the path than another, one cut off, one outside
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time)
SELECT 'counts', v.*
FROM (VALUES
	('a', NULL, 'web', 'GET /', timestamptz '2026-01-01 00:03:00.000', timestamptz '2026-01-01 00:03:00.100'),
	('b', 'a', 'db', 'SELECT', '2026-01-01 00:03:00.010', '2026-01-01 00:03:00.020'),
	('c', 'a', 'db', 'SELECT', '2026-01-01 00:03:00.030', '2026-01-01 00:03:00.070'),
	('d', 'a', 'db', 'SELECT', '2026-01-01 00:03:00.075', '2026-01-01 00:03:00.080'),
	('e', 'a', 'mail', 'late', '2026-01-01 00:03:00.095', '2026-01-01 00:03:00.200'),
	('f', 'a', 'mail', 'early', '2026-01-01 00:02:59.990', '2026-01-01 00:03:00.005'),
	('g', 'e', 'mail', 'later', '2026-01-01 00:03:00.300', '2026-01-01 00:03:00.400')) AS v;
SELECT key, exclusive_ms, span_id FROM trace_critical_path_groups('counts') WHERE key LIKE 'db%';
SELECT clipped, dropped, overflow_children FROM trace_critical_path_summary('counts');
SELECT mode FROM trace_critical_path_summary('counts', overlap_tolerance => 0)
UNION ALL SELECT mode FROM trace_critical_path_summary('counts', overlap_tolerance => 0.5)
UNION ALL SELECT mode FROM trace_critical_path_summary('counts', overflow => 'drop');
-- as long as times can be apart
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, end_time, duration_ms)
VALUES ('long', 'a', 'web', 'wait', '4713-01-01 BC', '294270-01-01', 1), ('longer', 'a', 'web', 'wait', '294276-12-01', NULL, 9999999999);
SELECT exclusive_ms > 0, share FROM trace_critical_path('long');
SELECT exclusive_ms > 0 FROM trace_critical_path_services('long');
SELECT count(*), min(exclusive_total_ms) > 0 FROM trace_critical_path_profile('-infinity', 'infinity');
SELECT end_time FROM trace_summary('longer');

--
-- Over many traces
--
TRUNCATE distributed_trace_log;
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time)
SELECT 't' || n, s.span_id, s.parent, s.service, s.operation,
	timestamptz '2026-01-01' + n * interval '1 minute' + s.start_ms * interval '1 ms',
	timestamptz '2026-01-01' + n * interval '1 minute' + s.end_ms * interval '1 ms'
FROM generate_series(1, 20) AS n,
	LATERAL (VALUES ('a', NULL, 'web', CASE WHEN n > 15 THEN 'POST /' ELSE 'GET /' END, 0, 100 + n),
					('b', 'a', 'db', 'SELECT', 10, 60 + n),
					('c', 'a', 'cache; cold', 'get', 60 + n, 80 + n)) AS s (span_id, parent, service, operation, start_ms, end_ms)
WHERE s.span_id <> 'c' OR n % 4 = 0;
ANALYZE distributed_trace_log;

SELECT * FROM trace_critical_path_profile('2026-01-01', '2026-01-02', group_by => 'service') \gx
-- all averages add up to the mean duration of the roots, and all shares to 1
SELECT g AS group_by, round(sum(p.exclusive_avg_ms)::numeric, 6) AS mean_ms, round(sum(p.share)::numeric, 6) AS share, count(*)
FROM unnest(ARRAY['service', 'operation', 'call_path']) AS g, trace_critical_path_profile('2026-01-01', '2026-01-02', group_by => g) p
GROUP BY g ORDER BY g;
-- a window, a root, a band of latencies
SELECT key, traces_with, exclusive_avg_ms FROM trace_critical_path_profile('2026-01-01 00:03', '2026-01-01 00:05');
SELECT key, traces_with FROM trace_critical_path_profile('2026-01-01', '2026-01-02', root_service => 'web', root_operation => 'POST /');
SELECT max(traces_with) AS traces, min(p50_ms) FROM trace_critical_path_profile('2026-01-01', '2026-01-02', percentile_from => 50, percentile_to => 90) WHERE service_name = 'web';
SELECT band, traces_with FROM unnest(ARRAY[0, 33, 50, 100]) AS band,
	trace_critical_path_profile('2026-01-01', '2026-01-02', percentile_to => band) WHERE operation = 'SELECT';
SELECT count(*) FROM trace_critical_path_profile('2026-01-01', '2026-01-02', percentile_from => 50, percentile_to => 50);
SELECT count(*) FROM trace_critical_path_profile('2027-01-01', '2027-01-02');
SELECT * FROM trace_critical_path_folded('2026-01-01', '2026-01-02');
SELECT key, base_avg_ms, other_avg_ms, difference_ms
FROM trace_critical_path_diff('2026-01-01 00:01', '2026-01-01 00:04', '2026-01-01 00:16', '2026-01-01 00:20', group_by => 'service');
SELECT * FROM trace_what_if_profile('2026-01-01', '2026-01-02', 'db', factor => 0) \gx
SELECT count(*) = 4 AND bool_and(difference_ms = 0) AS nothing_differs FROM trace_critical_path_diff('2026-01-01', '2026-01-02', '2026-01-01', '2026-01-02');
SELECT count(DISTINCT key) FROM trace_critical_path_profile('2026-01-01', '2026-01-02', percentile_from => NULL, percentile_to => NULL);
-- a trace belongs to the window of its root, and is whole
SELECT key, exclusive_total_ms FROM trace_critical_path_profile('2026-01-01 00:01', '2026-01-01 00:01:00.05', group_by => 'service');
SELECT count(*) FROM trace_critical_path_profile('2026-01-01 00:01:00.005', '2026-01-01 00:01:00.05');
SELECT trace_id, trace_critical_path_duration(tree) FROM trace_trees('2026-01-01 00:01:00.005', '2026-01-01 00:01:00.05');

-- the same by hand, and workers share the work
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF)
SELECT g.key, sum(g.exclusive_ms)
FROM (SELECT span_tree_agg(l) AS tree FROM distributed_trace_log l GROUP BY trace_id) s,
	trace_critical_path_groups(s.tree, 'service') g
WHERE g.key IS NOT NULL
GROUP BY g.key;
SELECT g.key, sum(g.exclusive_ms)
FROM (SELECT span_tree_agg(l) AS tree FROM distributed_trace_log l GROUP BY trace_id) s,
	trace_critical_path_groups(s.tree, 'service') g
WHERE g.key IS NOT NULL
GROUP BY g.key ORDER BY g.key;
SELECT key, exclusive_total_ms FROM trace_critical_path_profile('2026-01-01', '2026-01-02', group_by => 'service') ORDER BY key;
TRUNCATE distributed_trace_log;
