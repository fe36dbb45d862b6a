/*
 * The service map of all spans: trace_service_dependencies() beside the
 * self-join that a user would write, counting alone, and with what the
 * function gives besides (errors, percentiles of both sides, time between
 * them).  The sizes are spans.  What both define is checked to be equal first.
 */
DO $$
DECLARE
    different bigint;
BEGIN
    WITH ours AS (
        SELECT caller_service, callee_service, sum(call_count)::bigint AS calls
        FROM trace_service_dependencies('-infinity', 'infinity', include_virtual => false, include_links => false)
        WHERE caller_service <> callee_service
        GROUP BY 1, 2
    ), theirs AS (
        SELECT p.service_name, c.service_name, count(*)
        FROM distributed_trace_log c
            JOIN distributed_trace_log p ON p.trace_id = c.trace_id AND p.span_id = c.parent_span_id
        WHERE p.service_name <> c.service_name
        GROUP BY 1, 2
    )
    SELECT count(*) INTO different
    FROM ((SELECT * FROM ours EXCEPT SELECT * FROM theirs) UNION ALL (SELECT * FROM theirs EXCEPT SELECT * FROM ours)) x;
    IF different > 0 THEN
        RAISE EXCEPTION '% edges differ from the self-join', different;
    END IF;
END $$;

INSERT INTO bench.item (section, item, base, goal, goal_unit) VALUES
    ('dependencies', 'self-join with errors and percentiles', NULL, NULL, NULL),
    ('dependencies', 'self-join that counts', 'self-join with errors and percentiles', NULL, NULL),
    ('dependencies', 'trace_service_dependencies', 'self-join with errors and percentiles', '<= 0.2x', 'us/span'),
    ('dependencies', 'trace_service_dependencies, by operation', 'self-join with errors and percentiles', NULL, NULL),
    ('dependencies', 'trace_service_dependencies, in slices', 'self-join with errors and percentiles', NULL, NULL);

CREATE FUNCTION pg_temp.add_query(name text, query text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO bench.query (section, subject, item, size, query, unit, spans)
    SELECT 'dependencies', 'all', name, count(*), query, 'us/span', count(*) FROM distributed_trace_log
$$;
SELECT pg_temp.add_query('self-join that counts', $$
    SELECT p.service_name, c.service_name, count(*)
    FROM distributed_trace_log c
        JOIN distributed_trace_log p ON p.trace_id = c.trace_id AND p.span_id = c.parent_span_id
    WHERE p.service_name <> c.service_name
    GROUP BY 1, 2 $$) \g /dev/null
SELECT pg_temp.add_query('self-join with errors and percentiles', $$
    SELECT p.service_name, c.service_name, count(*),
           count(*) FILTER (WHERE trace_is_error(c.tags) OR trace_span_kind(p.tags) = 'client' AND trace_is_error(p.tags)),
           percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY c.duration_ms),
           percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY p.duration_ms),
           avg(p.duration_ms - c.duration_ms)
    FROM distributed_trace_log c
        JOIN distributed_trace_log p ON p.trace_id = c.trace_id AND p.span_id = c.parent_span_id
    WHERE p.service_name <> c.service_name
    GROUP BY 1, 2 $$) \g /dev/null
SELECT pg_temp.add_query('trace_service_dependencies',
    $$SELECT * FROM trace_service_dependencies('-infinity', 'infinity')$$) \g /dev/null
SELECT pg_temp.add_query('trace_service_dependencies, by operation',
    $$SELECT * FROM trace_service_dependencies('-infinity', 'infinity', 'operation')$$) \g /dev/null

-- what the rivals do, not what is made of their plans
SET jit = off;
SET work_mem = '64MB';
SET max_parallel_workers_per_gather = 0;
SET maintenance_work_mem = '2GB';
CALL bench.run_queries('dependencies');

-- as with the default of maintenance_work_mem
DELETE FROM bench.query WHERE section = 'dependencies';
SELECT pg_temp.add_query('trace_service_dependencies, in slices',
    $$SELECT * FROM trace_service_dependencies('-infinity', 'infinity')$$) \g /dev/null
SET maintenance_work_mem = '64MB';
CALL bench.run_queries('dependencies');
RESET maintenance_work_mem;
