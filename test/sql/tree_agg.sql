-- span_tree_agg: the tree of the spans of one trace, from columns or rows of
-- any table, in one process or several.
\set VERBOSITY terse
SET timezone = 'UTC';
\pset null -

CREATE FUNCTION pg_temp.outcome(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE command;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' / ', SQLSTATE || ': ' || SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;

-- a table like the log, of 3 large traces and 5000 small ones
CREATE TABLE tree_agg_spans (LIKE distributed_trace_log INCLUDING DEFAULTS);
INSERT INTO tree_agg_spans
SELECT i, trace, 'span ' || i, CASE WHEN n > 0 THEN 'span ' || i - step * (n - n / 2) END, 'service ' || i % 5, 'operation ' || i % 11,
       timestamptz '2026-01-01' + i * interval '1 ms', CASE WHEN i % 13 > 0 THEN timestamptz '2026-01-01' + (i + i % 7) * interval '1 ms' END,
       CASE WHEN i % 3 = 0 THEN i % 7 + 0.5 END,
       CASE WHEN i % 2 = 0 THEN format('{"otel": {"kind": "%s", "status": "%s"}}', (ARRAY['client', 'server'])[i % 4 / 2 + 1], (ARRAY['ok', 'error'])[i % 6 / 4 + 1])::jsonb END
FROM (SELECT i, 'large ' || i % 3 AS trace, i / 3 AS n, 3 AS step FROM generate_series(0, 29999) i
      UNION ALL SELECT i, 'small ' || i / 4, i % 4, 1 FROM generate_series(30000, 49999) i) s;
-- as the log's trigger does
UPDATE tree_agg_spans SET duration_ms = extract(epoch FROM end_time - start_time) * 1000 WHERE duration_ms IS NULL;
ANALYZE tree_agg_spans;
CREATE VIEW tree_agg_by_columns AS
SELECT trace_id, span_tree_agg(trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, trace_span_kind(tags), trace_is_error(tags)) AS tree
FROM tree_agg_spans GROUP BY trace_id;

-- no rows, NULL rows, and what must not be NULL
SELECT span_tree_agg(l) IS NULL AS no_rows FROM distributed_trace_log l WHERE false;
SELECT span_tree_agg('t', 's', NULL, 's', 'o', now(), NULL, NULL, NULL, NULL) IS NULL AS no_rows WHERE false;
SELECT span_tree_agg(l) IS NULL AS null_rows FROM generate_series(1, 3) LEFT JOIN distributed_trace_log l ON false;
SELECT pg_temp.outcome($$SELECT span_tree_agg(NULL, 's', NULL, 's', 'o', now(), NULL, NULL, NULL, NULL)$$);
SELECT pg_temp.outcome($$SELECT span_tree_agg('t', NULL, NULL, 's', 'o', now(), NULL, NULL, NULL, NULL)$$);
SELECT pg_temp.outcome($$SELECT span_tree_agg(ROW(1, 't', NULL, NULL, 's', 'o', now(), NULL, NULL, NULL, NULL, now(), now())::distributed_trace_log)$$);
SELECT pg_temp.outcome($$SELECT span_tree_agg(ROW(1, NULL, 's', NULL, 's', 'o', now(), NULL, NULL, NULL, NULL, now(), now())::distributed_trace_log)$$);
-- a row that lacks everything else
SELECT span_tree_agg(ROW(NULL, 't', 's', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::distributed_trace_log);

-- one trace at a time
SELECT pg_temp.outcome('SELECT span_tree_agg(trace_id, span_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL) FROM tree_agg_spans WHERE id < 2');
SELECT pg_temp.outcome($$SELECT span_tree_agg(t, 's', NULL, 's', 'o', now(), NULL, NULL, NULL, NULL) FROM unnest(ARRAY['a', 'b']) t$$);
SELECT pg_temp.outcome($$SELECT span_tree_agg(t, 's', NULL, 's', 'o', now(), NULL, NULL, NULL, NULL) FROM unnest(ARRAY['', 'b']) t$$);

-- both forms say the same, and so does the log
BEGIN;
INSERT INTO distributed_trace_log SELECT * FROM tree_agg_spans WHERE trace_id IN ('large 1', 'small 8000', 'small 8001');
SELECT trace_id, span_tree_send(span_tree_agg(l)) = span_tree_send((SELECT tree FROM tree_agg_by_columns c WHERE c.trace_id = l.trace_id)) AS forms_agree,
       span_tree_send(span_tree_agg(l)) = span_tree_send(trace_get(trace_id)) AS log_agrees, (SELECT count(*) FROM trace_tree(span_tree_agg(l))) AS spans
FROM distributed_trace_log l WHERE trace_id IN ('large 1', 'small 8000', 'small 8001') GROUP BY trace_id ORDER BY trace_id;
-- rows of an outer join that found nothing are passed over
SELECT x, span_tree_agg(l) IS NULL AS is_null, (SELECT count(*) FROM trace_tree(span_tree_agg(l))) AS spans
FROM (VALUES ('small 8000'), ('no such trace')) v (x) LEFT JOIN distributed_trace_log l ON trace_id = x GROUP BY x ORDER BY x;
SELECT (SELECT count(*) FROM trace_tree(span_tree_agg(l ORDER BY x))) AS spans FROM (VALUES ('a'), ('small 8000'), ('z')) v (x) LEFT JOIN distributed_trace_log l ON trace_id = x;
-- rows of a table with further columns, and with fewer than there once were
ALTER TABLE distributed_trace_log ADD COLUMN gone text, ADD COLUMN mine text;
ALTER TABLE distributed_trace_log DROP COLUMN gone;
SELECT trace_id, span_tree_send(span_tree_agg(l)) = span_tree_send(trace_get(trace_id)) AS agrees
FROM distributed_trace_log l WHERE trace_id IN ('large 1', 'small 8000', 'small 8001') GROUP BY trace_id ORDER BY trace_id;
-- the form in which an analysis takes many traces
SELECT trace_id, count(*), count(*) FILTER (WHERE p.is_error) AS errors
FROM (SELECT trace_id, span_tree_agg(l) AS t FROM distributed_trace_log l WHERE trace_id IN ('large 1', 'small 8000') GROUP BY trace_id) s, trace_tree(s.t) p GROUP BY trace_id ORDER BY trace_id;
ROLLBACK;

-- every way to compute groups gives the same
CREATE FUNCTION pg_temp.digest(OUT traces bigint, OUT digest text) LANGUAGE sql AS
	$$SELECT count(*), md5(string_agg(md5(span_tree_send(tree)), ' ' ORDER BY trace_id)) FROM tree_agg_by_columns$$;
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
SELECT * FROM pg_temp.nodes('SELECT * FROM tree_agg_by_columns');
CREATE TABLE pg_temp.expected AS SELECT * FROM pg_temp.digest();
SELECT traces FROM pg_temp.expected;
-- the groups do not fit and are spilled
SET work_mem = '64kB';
SELECT pg_temp.digest() = expected AS same FROM pg_temp.expected;
-- sorted
RESET enable_sort;
SET enable_hashagg = off;
SELECT * FROM pg_temp.nodes('SELECT * FROM tree_agg_by_columns');
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
SELECT * FROM pg_temp.nodes('SELECT * FROM tree_agg_by_columns');
SELECT pg_temp.digest() = expected AS same FROM pg_temp.expected;
RESET enable_sort;
SET enable_hashagg = off;
SELECT * FROM pg_temp.nodes('SELECT * FROM tree_agg_by_columns');
SELECT pg_temp.digest() = expected AS same FROM pg_temp.expected;
RESET enable_hashagg;
-- one trace, no groups; and the row form
\set one_trace 'SELECT span_tree_agg(trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, trace_span_kind(tags), trace_is_error(tags)) AS tree FROM tree_agg_spans WHERE trace_id = \'large 2\''
SELECT * FROM pg_temp.nodes(:'one_trace');
SELECT span_tree_send(p.tree) = span_tree_send(v.tree) AS same FROM (:one_trace) p, tree_agg_by_columns v WHERE v.trace_id = 'large 2';
BEGIN;
INSERT INTO distributed_trace_log SELECT * FROM tree_agg_spans;
ANALYZE distributed_trace_log;
SELECT * FROM pg_temp.nodes('SELECT trace_id, span_tree_agg(l) FROM distributed_trace_log l WHERE trace_id ~ ''^(large|small) '' GROUP BY trace_id');
SELECT (count(*), md5(string_agg(md5(span_tree_send(tree)), ' ' ORDER BY trace_id)))::text = expected::text AS same
FROM (SELECT trace_id, span_tree_agg(l) AS tree FROM distributed_trace_log l WHERE trace_id ~ '^(large|small) ' GROUP BY trace_id) s, pg_temp.expected GROUP BY expected;
ROLLBACK;
-- no rows, and workers without rows of the group
SELECT span_tree_agg(trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, NULL, NULL) IS NULL AS no_rows FROM tree_agg_spans WHERE operation = 'none';
SELECT (SELECT count(*) FROM trace_tree(tree)) AS spans
FROM (SELECT span_tree_agg(trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, NULL, NULL) AS tree FROM tree_agg_spans WHERE span_id = 'span 7') s;
-- two traces meet in a worker, or not before the end
SELECT split_part(pg_temp.outcome('SELECT span_tree_agg(trace_id, span_id, NULL, NULL, NULL, start_time, NULL, NULL, NULL, NULL) FROM tree_agg_spans WHERE span_id IN (''span 5'', ''span 49999'')'), ' / ', 1) AS outcome;
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET parallel_leader_participation;

-- FILTER, DISTINCT, ORDER BY
CREATE TABLE pg_temp.few AS SELECT trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time FROM tree_agg_spans WHERE id IN (30000, 30001, 30002, 30003);
INSERT INTO pg_temp.few SELECT * FROM pg_temp.few;
SELECT (SELECT count(*) FROM trace_tree(filtered)) AS filtered, (SELECT count(*) FROM trace_tree(every)) AS every, (SELECT count(*) FROM trace_tree(no_copies)) AS no_copies,
       every::text = ordered::text AS order_is_nothing, nothing IS NULL AS nothing
FROM (SELECT span_tree_agg(trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, NULL, NULL, NULL) FILTER (WHERE span_id > 'span 30001') AS filtered,
             span_tree_agg(trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, NULL, NULL, NULL) AS every,
             span_tree_agg(DISTINCT trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, NULL::numeric, NULL::text, NULL::boolean) AS no_copies,
             span_tree_agg(trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, NULL, NULL, NULL ORDER BY span_id DESC) AS ordered,
             span_tree_agg(trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, NULL, NULL, NULL) FILTER (WHERE false) AS nothing
      FROM pg_temp.few) s;
-- over windows: one that grows, one that moves, and one behind
SELECT span_id, (SELECT string_agg(span_id, ', ') FROM trace_tree(growing)) AS growing, (SELECT string_agg(span_id, ', ') FROM trace_tree(moving)) AS moving,
       (SELECT string_agg(span_id, ', ') FROM trace_tree(before)) AS before
FROM (SELECT span_id, span_tree_agg(trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, NULL, NULL, NULL) OVER (ORDER BY span_id) AS growing,
             span_tree_agg(trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, NULL, NULL, NULL) OVER (ORDER BY span_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS moving,
             span_tree_agg(trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, NULL, NULL, NULL) OVER (ORDER BY span_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
      FROM (SELECT DISTINCT * FROM pg_temp.few) f) w ORDER BY span_id;

-- in tables: compressed, out of line, in arrays and rows
CREATE TABLE tree_agg_trees (trace_id text, tree span_tree, list span_tree[]);
INSERT INTO tree_agg_trees SELECT trace_id, tree FROM tree_agg_by_columns;
UPDATE tree_agg_trees SET list = ARRAY[tree, NULL, tree] WHERE trace_id IN ('large 1', 'small 8000');
SELECT count(*), count(*) FILTER (WHERE span_tree_send(t.tree) = span_tree_send(v.tree) AND t.tree::text = v.tree::text) AS same
FROM tree_agg_trees t JOIN tree_agg_by_columns v USING (trace_id);
SELECT trace_id, pg_column_size(tree) < (SELECT sum(pg_column_size(s)) FROM tree_agg_spans s WHERE s.trace_id = t.trace_id) AS smaller_than_rows,
       (SELECT sum(child_count) FROM trace_tree(tree)) AS children, (SELECT sum(child_count) FROM trace_tree(list[3])) AS children_in_list, list[2] IS NULL AS is_null
FROM tree_agg_trees t WHERE list IS NOT NULL ORDER BY trace_id;
SELECT (SELECT count(*) FROM trace_tree((r).tree)) FROM (SELECT t AS r FROM tree_agg_trees t WHERE trace_id = 'small 8000') s;
ALTER TABLE tree_agg_trees ALTER tree SET STORAGE external;
UPDATE tree_agg_trees SET tree = tree::text::span_tree;
SELECT count(*) FILTER (WHERE span_tree_send(t.tree) = span_tree_send(v.tree)) AS same FROM tree_agg_trees t JOIN tree_agg_by_columns v USING (trace_id);

-- states that travelled are put together in any order, and one alone is the tree
CREATE AGGREGATE pg_temp.together(span_tree) (SFUNC = span_tree_agg_combine, STYPE = span_tree, FINALFUNC = span_tree_agg_final);
SELECT parts, bool_and(same) AS same
FROM (SELECT parts, trace_id, span_tree_send(pg_temp.together(part)) = span_tree_send((SELECT tree FROM tree_agg_trees t WHERE t.trace_id = p.trace_id)) AS same
      FROM (SELECT parts, trace_id, id % parts AS n, span_tree_agg(trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, trace_span_kind(tags), trace_is_error(tags)) AS part
            FROM tree_agg_spans, unnest(ARRAY[1, 2, 7]) parts WHERE trace_id IN ('large 1', 'small 8000') GROUP BY 1, 2, 3) p
      GROUP BY parts, trace_id) s GROUP BY parts ORDER BY parts;
SELECT split_part(pg_temp.outcome('SELECT pg_temp.together(tree) FROM tree_agg_trees'), ' / ', 1) AS outcome;
SELECT pg_temp.together(tree)::text FROM (VALUES (span_tree '{"trace_id": "t", "spans": []}'), ('{"trace_id": "t", "spans": [{"span_id": "a"}]}'), ('{"trace_id": "t", "spans": []}')) v (tree);

-- the parts of the aggregate are not for calling
SELECT pg_temp.outcome($$SELECT span_tree_agg_add(NULL, 't', 's', NULL, 's', 'o', NULL, NULL, NULL, NULL, NULL)$$);
SELECT pg_temp.outcome($$SELECT span_tree_agg_add_row(NULL, NULL)$$);
SELECT pg_temp.outcome($$SELECT span_tree_agg_combine(tree, tree) FROM tree_agg_trees LIMIT 1$$);
SELECT pg_temp.outcome($$SELECT span_tree_agg_final(tree) FROM tree_agg_trees LIMIT 1$$);

DROP TABLE tree_agg_trees;
DROP VIEW tree_agg_by_columns;
DROP TABLE tree_agg_spans;
