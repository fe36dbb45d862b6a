-- trace_lint: what is wrong with a trace.
SET timezone = 'UTC';
SET datestyle = 'ISO';
BEGIN;

CREATE FUNCTION pg_temp.at(ms float8) RETURNS timestamptz LANGUAGE sql
    RETURN '2026-11-22 10:00:00+00'::timestamptz + ms * interval '1 ms';

INSERT INTO distributed_trace_log
    (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms)
VALUES
    -- nothing is wrong with this one
    ('sound', 'a', NULL, 'web', 'GET /', pg_temp.at(0), pg_temp.at(90), 90),
    ('sound', 'b', 'a', 'db', 'SELECT', pg_temp.at(0), pg_temp.at(90), NULL),
    -- and all of this with the other
    ('broken', 'root', NULL, 'web', 'GET /', pg_temp.at(10), pg_temp.at(90), NULL),
    ('broken', 'root2', NULL, 'web', 'GET /', pg_temp.at(20), pg_temp.at(80), NULL),
    ('broken', 'early', 'root', 'web', 'early', pg_temp.at(9), pg_temp.at(90), NULL),
    ('broken', 'late', 'root', 'web', 'late', pg_temp.at(50), pg_temp.at(90.25), NULL),
    ('broken', 'skew1', 'root', 'db', 'SELECT', pg_temp.at(5), pg_temp.at(15), NULL),
    ('broken', 'skew2', 'root', 'db', 'SELECT', pg_temp.at(6), pg_temp.at(16), NULL),
    ('broken', 'skew3', 'root', 'db', 'SELECT', pg_temp.at(8), pg_temp.at(18), NULL),
    ('broken', 'cycle1', 'cycle2', 'web', 'a', pg_temp.at(30), pg_temp.at(40), NULL),
    ('broken', 'cycle2', 'cycle1', 'web', 'b', pg_temp.at(31), pg_temp.at(39), NULL),
    ('broken', 'self', 'self', 'web', 'c', pg_temp.at(41), pg_temp.at(42), NULL),
    ('broken', 'orphan', 'gone', 'web', 'd', pg_temp.at(43), pg_temp.at(44), NULL),
    ('broken', 'backward', 'root', 'web', 'e', pg_temp.at(60), pg_temp.at(55), NULL),
    ('broken', 'short', 'root', 'web', 'f', pg_temp.at(60), pg_temp.at(70), 12.5),
    ('broken', 'open', 'root', '', '', pg_temp.at(61), NULL, NULL);

SELECT * FROM trace_lint('sound');
SELECT * FROM trace_lint('broken');

-- the value and the trace id give the same
SELECT count(*) AS only_of_id FROM (SELECT * FROM trace_lint('broken') EXCEPT ALL SELECT * FROM trace_lint(trace_get('broken'))) d;

-- only what no table of ours can hold: a duplicated id, a missing start
SELECT l.* FROM (
    SELECT span_tree_agg('t', id, parent, 'web', 'o', started, pg_temp.at(10), NULL, NULL, NULL) AS tree
        FROM (VALUES ('a', NULL, pg_temp.at(0)), ('b', 'a', pg_temp.at(1)), ('b', 'a', pg_temp.at(1)),
                     ('b', 'a', pg_temp.at(2)), ('c', 'a', NULL)) s (id, parent, started)) t,
    trace_lint(t.tree) l;

-- a trace without a root
SELECT l.* FROM (
    SELECT span_tree_agg('t', id, 'gone', 'web', 'o', pg_temp.at(0), pg_temp.at(10), NULL, NULL, NULL) AS tree
        FROM (VALUES ('a'), ('b')) s (id)) t,
    trace_lint(t.tree) l;

-- a message may be consumed when its producer has ended, a request not
SELECT kinds, l.problem, l.span_id FROM
    (VALUES ('producer, consumer'), ('client, server')) k (kinds),
    LATERAL (SELECT span_tree_agg('t', id, parent, id, 'o', started, started + '2 ms', NULL,
                                  split_part(kinds, ', ', number), NULL) AS tree
        FROM (VALUES (1, 'a', NULL, pg_temp.at(0)), (2, 'b', 'a', pg_temp.at(5))) s (number, id, parent, started)) t,
    trace_lint(t.tree) l;

-- no trace, no rows
SELECT count(*) FROM trace_lint('unknown');
SELECT count(*) FROM trace_lint(NULL::text);

ROLLBACK;
