-- The functions of a window over the time until now, and against yesterday.
BEGIN;
CREATE FUNCTION pg_temp.ago(minutes float8) RETURNS timestamptz LANGUAGE sql STABLE
    RETURN now() - minutes * interval '1 minute';
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time)
SELECT day || '-' || span_id, span_id, parent, service, 'o', pg_temp.ago(30) - day * interval '1 day' + first * interval '1 ms', pg_temp.ago(30) - day * interval '1 day' + last * interval '1 ms'
FROM (VALUES (0, 'a', NULL, 'web', 0, 100), (0, 'b', 'a', 'slower', 10, 40), (0, 'c', 'a', 'faster', 40, 50), (0, 'd', 'a', 'same', 50, 61), (0, 'e', 'a', 'new', 70, 80),
             (1, 'a', NULL, 'web', 0, 100), (1, 'b', 'a', 'slower', 10, 30), (1, 'c', 'a', 'faster', 30, 50), (1, 'd', 'a', 'same', 50, 60), (1, 'e', 'a', 'gone', 70, 80),
             (2, 'a', NULL, 'long ago', 0, 100)) s (day, span_id, parent, service, first, last);
UPDATE distributed_trace_log SET trace_id = left(trace_id, 1);

-- the hour until now, and no more
SELECT trace_id FROM trace_trees('1 hour');
SELECT key, traces_with, round(exclusive_avg_ms) AS avg_ms FROM trace_critical_path_profile('1 hour') ORDER BY key;
SELECT * FROM trace_critical_path_folded('1 hour');
SELECT traces, round(saved_avg_ms) AS saved FROM trace_what_if_profile('1 hour', 'slower');
SELECT count(*) FROM trace_trees('10 minutes');
SELECT count(*) FROM trace_trees(NULL::interval);
SELECT count(*) FROM trace_trees('36 hours');

-- against the same time yesterday, with what became of each in a word
SELECT key, change, round(base_avg_ms) AS base, round(other_avg_ms) AS other FROM trace_critical_path_diff('1 hour') ORDER BY key;
SELECT count(*) FROM (SELECT * FROM trace_critical_path_diff('1 hour') EXCEPT SELECT * FROM trace_critical_path_diff(pg_temp.ago(60), now())) d;
SELECT count(*) FROM (SELECT * FROM trace_critical_path_diff('1 hour')
                      EXCEPT SELECT * FROM trace_critical_path_diff(pg_temp.ago(60) - interval '1 day', now() - interval '1 day', pg_temp.ago(60), now())) d;
SELECT key, change FROM trace_critical_path_diff(pg_temp.ago(60) - interval '1 day', now() - interval '1 day', pg_temp.ago(60), now(), slower_ratio => 1.01) WHERE key ~ 'same' ;
SELECT key, change FROM trace_critical_path_diff(pg_temp.ago(60) - interval '1 day', now() - interval '1 day', pg_temp.ago(60), now(), slower_ratio => 10) WHERE key ~ 'slower' ;
SELECT DISTINCT change FROM trace_critical_path_diff(pg_temp.ago(60), now(), pg_temp.ago(60), now(), slower_ratio => 1);

-- a service that nobody has; not then, or not as a root, shows itself
SELECT traces_with FROM trace_what_if_profile('1 hour', 'Slow');
SELECT traces_with FROM trace_what_if_profile('2000-01-01', '2000-01-02', 'slower', 'o');
SELECT count(*) FROM trace_critical_path_profile(pg_temp.ago(60), now(), 'webb');
SELECT count(*) FROM trace_critical_path_profile(pg_temp.ago(60), now(), 'web', 'p');
SELECT count(*) FROM trace_critical_path_profile(pg_temp.ago(60), now(), 'web', 'o');
SELECT count(*) FROM trace_critical_path_profile('2000-01-01', '2000-01-02');

-- literals still mean the form that takes two times
SELECT count(*) FROM trace_trees('2000-01-01', '2000-01-02');
SELECT count(*) FROM trace_trees('2000-01-01', '2000-01-02', false);
SELECT count(*) FROM trace_critical_path_profile('2000-01-01', '2000-01-02', 'web', 'o');
SELECT count(*) FROM trace_critical_path_folded('2000-01-01', '2000-01-02');
SELECT traces FROM trace_what_if_profile('2000-01-01', '2000-01-02', 'web');
SELECT count(*) FROM trace_critical_path_diff('2000-01-01', '2000-01-02');
SELECT count(*) FROM trace_critical_path_diff('2000-01-01', '2000-01-02', '2000-01-02', '2000-01-03', 'web');
ROLLBACK;
