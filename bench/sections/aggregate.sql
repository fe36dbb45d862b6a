/*
 * All spans of the table gathered into trees, in one process: span_tree_agg
 * in its two forms beside count(*), which only reads, and array_agg, which
 * only gathers the same columns.  The sizes are numbers of groups.
 *
 * Measured with the groups in a hash table (where every group's state is
 * alive at once) and in order (where one is), for 3 groups, for the traces as
 * they are, and for one tree a trace and service.
 */
-- what the rivals do, not what is made of their plans
SET jit = off;
SET max_parallel_workers_per_gather = 0;
SET work_mem = '2GB';

INSERT INTO bench.item (section, item, base)
SELECT 'aggregate, ' || how, item, nullif('array_agg of the same columns', item)
FROM unnest(ARRAY['hashed', 'in order']) how,
     unnest(ARRAY['count(*)', 'array_agg of the same columns',
                  'span_tree_agg of columns', 'span_tree_agg of rows']) item;

-- whole traces under three ids
CREATE UNLOGGED TABLE bench.large AS
SELECT 'large-' || abs(hashtext(trace_id) % 3) AS trace_id, span_id, parent_span_id,
       service_name, operation, start_time, end_time, duration_ms, tags
FROM distributed_trace_log;
VACUUM ANALYZE bench.large;

CREATE TEMP TABLE form (item text, call text);
INSERT INTO form VALUES
    ('count(*)', 'count(*)'),
    ('array_agg of the same columns',
     'array_agg(ROW(span_id, parent_span_id, service_name, operation, start_time, end_time,
                    duration_ms, trace_span_kind(tags), trace_is_error(tags)))'),
    ('span_tree_agg of columns',
     'span_tree_agg(trace_id, span_id, parent_span_id, service_name, operation, start_time,
                    end_time, duration_ms, trace_span_kind(tags), trace_is_error(tags))'),
    ('span_tree_agg of rows', 'span_tree_agg(l)');

CREATE TEMP TABLE grouping (source text, keys text, groups bigint);
INSERT INTO grouping VALUES
    ('bench.large', 'trace_id',
     (SELECT count(DISTINCT trace_id) FROM bench.large)),
    ('distributed_trace_log', 'trace_id',
     (SELECT count(DISTINCT trace_id) FROM distributed_trace_log)),
    ('distributed_trace_log', 'trace_id, service_name',
     (SELECT count(*) FROM (SELECT DISTINCT trace_id, service_name FROM distributed_trace_log) d));

INSERT INTO bench.query
SELECT 'aggregate, ' || how, keys, item, groups,
       format('SELECT %s FROM %s l GROUP BY %s', call, source, keys),
       'us/span', (SELECT count(*) FROM distributed_trace_log)
FROM form, grouping, unnest(ARRAY['hashed', 'in order']) how
WHERE NOT (item = 'span_tree_agg of rows' AND source = 'bench.large');

SET enable_sort = off;
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
CALL bench.run_queries('aggregate, hashed');
RESET enable_sort;
RESET enable_indexscan;
RESET enable_indexonlyscan;

SET enable_hashagg = off;
CALL bench.run_queries('aggregate, in order');

DROP TABLE bench.large;
