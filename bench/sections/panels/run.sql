/*
 * The queries of queries.sql and of the dashboards, as a reader runs them on a
 * stock server: in the order of the list, once to warm up.  Goals are those of
 * a panel, and of the newest and slowest traces.
 */
CREATE TABLE bench.panel (
    position int GENERATED ALWAYS AS IDENTITY,
    kind     text NOT NULL,
    item     text NOT NULL,
    query    text NOT NULL
);
\ir queries.sql

-- the dashboards, with what Grafana would put for its macros
INSERT INTO bench.panel (kind, item, query)
SELECT 'dashboard', concat(name, ': ', panel ->> 'title', CASE WHEN target ->> 'refId' <> 'A' THEN ', ' || (target ->> 'refId') END), target ->> 'rawSql'
FROM unnest('{overview,service,trace,critical-path,service-map}'::text[]) name,
     LATERAL (SELECT pg_read_file(:'tree' || '/grafana/' || name || '.json')::jsonb AS dashboard) file,
     jsonb_path_query(dashboard, '$.panels[*]') panel, jsonb_path_query(panel, '$.targets[*]') target;

SELECT max(start_time) + interval '1 us' AS to_time FROM distributed_trace_log \gset
SELECT trace_id, span_id, root_span_id, service
FROM (SELECT trace_id, max(span_id) AS span_id, max(span_id) FILTER (WHERE parent_span_id IS NULL) AS root_span_id, mode() WITHIN GROUP (ORDER BY service_name) AS service
      FROM distributed_trace_log WHERE start_time > :'to_time'::timestamptz - interval '1 hour'
      GROUP BY trace_id HAVING count(*) BETWEEN 45 AND 70 AND min(start_time) > :'to_time'::timestamptz - interval '59 min') t
ORDER BY trace_id LIMIT 1 \gset
CREATE TABLE bench.macro (name text, value text);
INSERT INTO bench.macro VALUES
    ('{from}', format('%L::timestamptz', :'to_time'::timestamptz - interval '1 hour')),
    ('{half}', format('%L::timestamptz', :'to_time'::timestamptz - interval '30 min')),
    ('{day}', format('%L::timestamptz', :'to_time'::timestamptz - interval '1 day')),
    ('{to}', format('%L::timestamptz', :'to_time')),
    ('{trace}', quote_literal(:'trace_id')), ('{span}', quote_literal(:'span_id')), ('{root_span}', quote_literal(:'root_span_id')),
    ('{service}', quote_literal(:'service')),
    ('$__timeFrom()', format('%L', :'to_time'::timestamptz - interval '1 hour')),
    ('$__timeTo()', format('%L', :'to_time')),
    ('$__timeFilter(start_time)', format('start_time BETWEEN %L AND %L', :'to_time'::timestamptz - interval '1 hour', :'to_time')),
    ('$__interval', '1m'), ('${trace_id:sqlstring}', quote_literal(:'trace_id')), ('${operation:sqlstring}', ''''''),
    -- all services where that may be chosen
    ('nullif(${service:sqlstring}, '''')', 'NULL'), ('${service:sqlstring}', quote_literal(:'service'));
DO $$
DECLARE
    macro bench.macro;
BEGIN
    FOR macro IN SELECT * FROM bench.macro LOOP
        UPDATE bench.panel SET query = replace(query, macro.name, macro.value);
    END LOOP;
END $$;

-- nothing that a reader may ask is left out
DO $$
DECLARE
    missing text;
BEGIN
    SELECT string_agg(DISTINCT o.name, ', ') INTO missing
    FROM (SELECT p.proname::text AS name
          FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
          WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass
            AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'distributed_trace')
            AND p.provolatile = 's' AND p.prokind = 'f' AND p.proargnames && '{trace_id,from_time,base_from}'
          UNION
          SELECT c.relname::text FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
          WHERE d.classid = 'pg_class'::regclass AND c.relkind = 'v' AND c.relname NOT IN ('trace_receiver_stats', 'trace_receiver_refusals', 'trace_counted_spans')
            AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'distributed_trace')) o
    WHERE NOT EXISTS (SELECT FROM bench.panel WHERE query ~ ('\m' || o.name || '\M'))
      -- what others are made of, and upkeep
      AND o.name NOT IN ('trace_latency_figures', 'trace_latency_span', 'trace_dependency_edges', 'trace_rollup_check');
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'no query asks %', missing;
    END IF;
END $$;

INSERT INTO bench.item (section, item, goal, goal_unit)
SELECT 'panels, ' || kind, item, goal, CASE WHEN goal IS NOT NULL THEN 'ms' END
FROM bench.panel,
     LATERAL (SELECT CASE WHEN item ~ '^trace_(traces: newest|slowest.*: 20)' THEN '<= 50'
                          WHEN kind IN ('dashboard', 'grafana', 'latency', 'map') THEN '<= 100' END AS goal) g
ORDER BY position;

-- Planning and executing, in ms.
CREATE FUNCTION bench.panel_ms(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, SUMMARY, FORMAT JSON) ' || query INTO plan;
    RETURN (plan -> 0 ->> 'Planning Time')::float8 + (plan -> 0 ->> 'Execution Time')::float8;
END $$;
GRANT USAGE ON SCHEMA bench TO reader;
GRANT SELECT ON bench.panel, bench.setting TO reader;
GRANT INSERT ON bench.sample TO reader;

\connect - reader
DO $$
DECLARE
    panel bench.panel;
    spans bigint := (SELECT count(*) FROM distributed_trace_log);
    ms float8;
BEGIN
    FOR panel IN SELECT * FROM bench.panel ORDER BY position LOOP
        FOR run IN 0 .. (SELECT runs FROM bench.setting) LOOP
            ms := bench.panel_ms(panel.query);
            CONTINUE WHEN run = 0;
            INSERT INTO bench.sample VALUES ('panels, ' || panel.kind, panel.item, spans, 'ms', ms);
        END LOOP;
    END LOOP;
END $$;
