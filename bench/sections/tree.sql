/*
 * One trace read as a tree: trace_tree() beside the fetch that nothing can do
 * without, and beside what a user would write in SQL.  Sizes are spans.
 *
 * The recursive queries give the spans in the order of trace_tree(): depth
 * first, siblings by start and id.  The trace's id stands in both arms, which
 * lets the planner hash the trace once a level; joining on trace_id instead
 * is far slower without one more index.  The form over a CTE reads the table once.
 *
 * 'tree' is a trace that is in the server's memory but was not just looked at;
 * in 'tree, looked at again' it is in the processor's caches as well.
 */

CREATE TEMP TABLE form_item (item text, base text, goal text, goal_unit text);
INSERT INTO form_item VALUES
    ('fetch of 8 columns by index', NULL, NULL, NULL),
    ('the same, kind and error read from tags', 'fetch of 8 columns by index', NULL, NULL),
    ('trace_tree(trace_id)', 'fetch of 8 columns by index', '<= 1.5x', 'ms'),
    ('WITH RECURSIVE ordered by path', 'fetch of 8 columns by index', NULL, NULL),
    ('as above, over a materialized CTE', 'fetch of 8 columns by index', NULL, NULL),
    ('as above, with SEARCH and CYCLE', 'fetch of 8 columns by index', NULL, NULL);
INSERT INTO bench.item (section, item, base, goal, goal_unit)
SELECT section, form_item.* FROM unnest(ARRAY['tree', 'tree, looked at again']) section, form_item;

CREATE TEMP TABLE probe AS
SELECT trace_id, count(*) AS spans FROM distributed_trace_log
WHERE trace_id LIKE 'aaaa%' GROUP BY trace_id;

CREATE TEMP TABLE form (item text, query text);
INSERT INTO form VALUES
('fetch of 8 columns by index', $$
    SELECT trace_id, span_id, parent_span_id, service_name, operation,
           start_time, end_time, duration_ms
    FROM distributed_trace_log WHERE trace_id = %1$L $$),
('the same, kind and error read from tags', $$
    SELECT trace_id, span_id, parent_span_id, service_name, operation,
           start_time, end_time, duration_ms, trace_span_kind(tags), trace_is_error(tags)
    FROM distributed_trace_log WHERE trace_id = %1$L $$),
('trace_tree(trace_id)', $$
    SELECT * FROM trace_tree(%1$L) $$),
('WITH RECURSIVE ordered by path', $$
    WITH RECURSIVE tree AS (
        SELECT span_id, parent_span_id, service_name, operation, start_time,
               end_time, duration_ms, 0 AS depth, ARRAY[(start_time, span_id)] AS path
        FROM distributed_trace_log
        WHERE trace_id = %1$L AND parent_span_id IS NULL
        UNION ALL
        SELECT c.span_id, c.parent_span_id, c.service_name, c.operation, c.start_time,
               c.end_time, c.duration_ms, p.depth + 1, p.path || (c.start_time, c.span_id)
        FROM tree p
            JOIN distributed_trace_log c
                ON c.trace_id = %1$L AND c.parent_span_id = p.span_id)
    SELECT * FROM tree ORDER BY path $$),
('as above, over a materialized CTE', $$
    WITH RECURSIVE spans AS MATERIALIZED (
        SELECT span_id, parent_span_id, service_name, operation, start_time,
               end_time, duration_ms
        FROM distributed_trace_log WHERE trace_id = %1$L),
    tree AS (
        SELECT s.*, 0 AS depth, ARRAY[(start_time, span_id)] AS path
        FROM spans s WHERE parent_span_id IS NULL
        UNION ALL
        SELECT c.*, p.depth + 1, p.path || (c.start_time, c.span_id)
        FROM tree p JOIN spans c ON c.parent_span_id = p.span_id)
    SELECT * FROM tree ORDER BY path $$),
('as above, with SEARCH and CYCLE', $$
    WITH RECURSIVE tree AS (
        SELECT span_id, parent_span_id, service_name, operation, start_time,
               end_time, duration_ms, 0 AS depth
        FROM distributed_trace_log
        WHERE trace_id = %1$L AND parent_span_id IS NULL
        UNION ALL
        SELECT c.span_id, c.parent_span_id, c.service_name, c.operation, c.start_time,
               c.end_time, c.duration_ms, p.depth + 1
        FROM tree p
            JOIN distributed_trace_log c
                ON c.trace_id = %1$L AND c.parent_span_id = p.span_id)
    SEARCH DEPTH FIRST BY start_time, span_id SET path
    CYCLE span_id SET is_cycle USING trail
    SELECT * FROM tree ORDER BY path $$);

-- A fast wrong answer is worth nothing: all forms agree on the order.
DO $$
DECLARE
    trace text;
    ids text[];
    expected text[];
    f form;
BEGIN
    FOR trace IN SELECT trace_id FROM probe LOOP
        SELECT array_agg(span_id ORDER BY ordinal) INTO expected FROM trace_tree(trace);
        FOR f IN SELECT * FROM form WHERE query LIKE '%RECURSIVE%' LOOP
            EXECUTE format('SELECT array_agg(span_id) FROM (' || f.query || ') t', trace) INTO ids;
            IF ids IS DISTINCT FROM expected THEN
                RAISE EXCEPTION 'trace %: % and trace_tree() differ', trace, f.item;
            END IF;
        END LOOP;
    END LOOP;
END $$;

INSERT INTO bench.query (section, subject, item, size, query)
SELECT section, trace_id, item, spans, format(query, trace_id)
FROM unnest(ARRAY['tree', 'tree, looked at again']) section, probe, form;

-- 64 MB of something else
CREATE TABLE bench.other (body bytea);
ALTER TABLE bench.other ALTER body SET STORAGE PLAIN;
INSERT INTO bench.other
SELECT decode(repeat(md5(n::text), 240), 'hex') FROM generate_series(1, 16384) n;
VACUUM ANALYZE bench.other;

-- what the rivals do, not what is made of their plans
SET jit = off;
SET work_mem = '64MB';
SET max_parallel_workers_per_gather = 0;
CALL bench.run_queries('tree', 'SELECT sum(bit_count(body)) FROM bench.other');
CALL bench.run_queries('tree, looked at again');

DROP TABLE bench.other;
