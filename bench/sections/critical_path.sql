/*
 * The critical path, of one trace and of a window.
 *
 * One trace: trace_critical_path() beside the fetch of its spans, which nothing
 * can do without, and beside the same walk in PL/pgSQL and SQL.  Sizes are
 * spans.  SQL without an index by parent takes time by the square of the spans
 * and is left out above 1000.  As in tree.sql, the trace is in the server's
 * memory but in no processor cache, or was just looked at.
 *
 * A window: trace_critical_path_profile() over the whole table, us a span.  The
 * rivals go trace by trace over a sample, and add up the sections by operation,
 * without percentiles and exemplars.  Then what memory a process takes.
 */
\ir critical_path/rivals.sql

CREATE TABLE bench.trace AS
SELECT trace_id, count(*) AS spans, min(start_time) FILTER (WHERE parent_span_id IS NULL) AS began
FROM distributed_trace_log GROUP BY trace_id;

CREATE VIEW bench.probe AS
SELECT * FROM bench.trace WHERE trace_id LIKE 'aaaa%';

-- without the probes: one large trace would be half of it
CREATE TABLE bench.sampled AS
SELECT * FROM bench.trace WHERE trace_id NOT LIKE 'aaaa%' ORDER BY md5(trace_id) LIMIT 1000;

-- when a quarter of all traces had begun
CREATE TABLE bench.quarter AS
SELECT percentile_disc(0.25) WITHIN GROUP (ORDER BY began) AS ended FROM bench.trace;
ANALYZE bench.trace, bench.sampled;

-- what the rivals do, not what is made of their plans
SET jit = off;
SET work_mem = '64MB';
SET max_parallel_workers_per_gather = 0;

-- One trace.

CREATE TEMP TABLE form (item text, sections text[], most_spans bigint, query text);
INSERT INTO form VALUES
('fetch of 8 columns by index',
 '{"critical path","critical path, looked at again","critical path, with an index by parent"}', NULL, $$
    SELECT trace_id, span_id, parent_span_id, service_name, operation,
           start_time, end_time, duration_ms
    FROM distributed_trace_log WHERE trace_id = %L $$),
('trace_critical_path(trace_id)',
 '{"critical path","critical path, looked at again"}', NULL, $$
    SELECT * FROM trace_critical_path(%L) $$),
('PL/pgSQL over arrays',
 '{"critical path","critical path, looked at again"}', NULL, $$
    SELECT * FROM bench.critical_path_plpgsql(%L) ORDER BY section_start $$),
('WITH RECURSIVE and LATERAL over a materialized CTE',
 '{"critical path","critical path, looked at again"}', 1000, $$
    SELECT * FROM bench.critical_path_sql(%L) ORDER BY section_start $$),
('WITH RECURSIVE and LATERAL over the table',
 '{"critical path, with an index by parent"}', NULL, $$
    SELECT * FROM bench.critical_path_sql_by_index(%L) ORDER BY section_start $$);

INSERT INTO bench.item (section, item, base, goal, goal_unit)
SELECT section, item, nullif('fetch of 8 columns by index', item),
       CASE WHEN item LIKE 'trace_%' THEN '<= 1.5x' END, CASE WHEN item LIKE 'trace_%' THEN 'ms' END
FROM form, unnest(sections) section;

INSERT INTO bench.query (section, subject, item, size, query)
SELECT section, trace_id, item, spans, format(query, trace_id)
FROM form, unnest(sections) section, bench.probe
WHERE spans <= most_spans OR most_spans IS NULL;

CALL bench.compare_critical_path('bench.critical_path_plpgsql',
    'SELECT trace_id FROM bench.probe UNION ALL SELECT trace_id FROM bench.sampled');
CALL bench.compare_critical_path('bench.critical_path_sql',
    'SELECT trace_id FROM bench.probe WHERE spans <= 1000 UNION ALL SELECT trace_id FROM bench.sampled');

-- 64 MB of something else
CREATE TABLE bench.other (body bytea);
ALTER TABLE bench.other ALTER body SET STORAGE PLAIN;
INSERT INTO bench.other
SELECT decode(repeat(md5(n::text), 240), 'hex') FROM generate_series(1, 16384) n;
VACUUM ANALYZE bench.other;

CALL bench.run_queries('critical path', 'SELECT sum(bit_count(body)) FROM bench.other');
CALL bench.run_queries('critical path, looked at again');

CREATE INDEX by_parent ON distributed_trace_log (trace_id, parent_span_id);
CALL bench.compare_critical_path('bench.critical_path_sql_by_index', 'SELECT trace_id FROM bench.probe');
CALL bench.run_queries('critical path, with an index by parent',
                       'SELECT sum(bit_count(body)) FROM bench.other');
DROP INDEX by_parent;
DROP TABLE bench.other;

-- A window.

CREATE TABLE bench.window_query (
    item    text,
    base    text,
    goal    text,
    spans   bigint,
    query   text
);
INSERT INTO bench.window_query
SELECT item, nullif('trace_critical_path_profile', item), goal,
       (SELECT count(*) FROM distributed_trace_log), query
FROM (VALUES
('trace_critical_path_profile', '<= 1.5', $$
    SELECT * FROM trace_critical_path_profile('-infinity', 'infinity') $$),
('..., by call path', NULL, $$
    SELECT * FROM trace_critical_path_profile('-infinity', 'infinity', group_by => 'call_path') $$),
('the trees alone', NULL, $$
    SELECT * FROM trace_trees('-infinity', 'infinity') $$),
('count(*), which only reads', NULL, $$
    SELECT count(*) FROM distributed_trace_log WHERE start_time >= '-infinity' $$))
    whole (item, goal, query);

INSERT INTO bench.window_query
SELECT 'the first quarter of the traces', 'trace_critical_path_profile',
       NULL, sum(spans),
       format($$ SELECT * FROM trace_critical_path_profile('-infinity', %L) $$, ended)
FROM bench.quarter, bench.trace WHERE began < ended GROUP BY ended;

INSERT INTO bench.window_query
SELECT 'trace by trace: ' || item, 'trace_critical_path_profile', NULL,
       (SELECT sum(spans) FROM bench.sampled),
       format($$
    SELECT p.service_name, p.operation, count(*), sum(section_end - section_start)
    FROM bench.sampled s, %s(s.trace_id) p GROUP BY 1, 2 $$, function)
FROM (VALUES
    ('trace_critical_path', 'trace_critical_path'),
    ('PL/pgSQL over arrays', 'bench.critical_path_plpgsql'),
    ('WITH RECURSIVE and LATERAL', 'bench.critical_path_sql')) rival (item, function);

INSERT INTO bench.item (section, item, base, goal, goal_unit)
SELECT 'critical path of a window', item, base, goal, CASE WHEN goal IS NOT NULL THEN 'us/span' END
FROM bench.window_query;

-- As bench.run_queries(), for figures of whole and part of the table.
CREATE PROCEDURE bench.run_window() LANGUAGE plpgsql AS $$
DECLARE
    q bench.window_query;
    all_spans bigint := (SELECT count(*) FROM distributed_trace_log);
    ms float8;
BEGIN
    FOR run IN 0 .. (SELECT runs FROM bench.setting) LOOP
        FOR q IN SELECT * FROM bench.window_query ORDER BY hashtext(concat(item, run)) LOOP
            ms := bench.execution_ms(q.query);
            CONTINUE WHEN run = 0;
            INSERT INTO bench.sample VALUES
                ('critical path of a window', q.item, all_spans, 'us/span', ms * 1000 / q.spans);
        END LOOP;
        COMMIT;
    END LOOP;
END $$;
CALL bench.run_window();

DROP TABLE bench.window_query;

-- Memory of one process that builds one trace after another, with the server's
-- default of work_mem: for the largest traces with those that began between
-- them, for the whole table, and for what began before the largest.

INSERT INTO bench.item (section, item, base, goal, goal_unit) VALUES
    ('critical path of a window, memory', 'around the largest traces', NULL, NULL, NULL),
    ('critical path of a window, memory', 'the whole table', 'around the largest traces', '<= 1.5x', 'MB'),
    ('critical path of a window, memory', 'before the largest traces', 'around the largest traces',
     NULL, NULL);

-- What of a line of /proc/self/status belongs to this process alone, in MB.
CREATE FUNCTION bench.own_mb(line text) RETURNS float8 LANGUAGE sql VOLATILE AS $$
    SELECT sum(CASE WHEN field LIKE line || ':%' THEN kb ELSE -kb END) / 1024
    FROM (SELECT field, substring(field FROM '[0-9]+')::float8 AS kb
          FROM regexp_split_to_table(pg_read_file('/proc/self/status'), '\n') field) s
    WHERE field LIKE line || ':%' OR field LIKE 'RssShmem:%' OR field LIKE 'RssFile:%'
$$;

/*
 * The peak of a process's own memory.  Whatever the query will read of the
 * shared buffers is touched before, since they count as memory of the process
 * too, from when it first touches them.  For a process that did nothing else.
 */
CREATE PROCEDURE bench.measure_memory(what text, from_time timestamptz, to_time timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
    before float8;
BEGIN
    PERFORM set_config('max_parallel_workers_per_gather', '0', false),
            set_config('work_mem', '4MB', false);
    PERFORM set_config('enable_seqscan', 'off', false);
    PERFORM count(*) FROM (SELECT FROM distributed_trace_log WHERE trace_id > ''
                           ORDER BY trace_id OFFSET 0) t;
    PERFORM set_config('enable_seqscan', 'on', false);
    PERFORM count(tags) FROM distributed_trace_log;
    before := bench.own_mb('VmRSS');
    PERFORM set_config('enable_hashagg', 'off', false);
    PERFORM count(p) FROM trace_critical_path_profile(from_time, to_time) p;
    INSERT INTO bench.sample
    SELECT 'critical path of a window, memory', what, count(*), 'MB', bench.own_mb('VmHWM') - before
    FROM distributed_trace_log;
END $$;

SELECT min(began) AS from_time, max(began) + interval '1 us' AS to_time
FROM bench.trace WHERE spans = (SELECT max(spans) FROM bench.trace) \gset

-- each in a process of its own; a plan that takes this long is a fault
\connect
SET statement_timeout = '2min';
CALL bench.measure_memory('around the largest traces', :'from_time', :'to_time');
\connect
SET statement_timeout = '2min';
CALL bench.measure_memory('the whole table', '-infinity', 'infinity');
\connect
SET statement_timeout = '2min';
CALL bench.measure_memory('before the largest traces', '-infinity', :'from_time');
