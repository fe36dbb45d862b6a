/* What there is, a line each, as the catalogs and the comments tell it. */

CREATE FUNCTION trace_help(about text DEFAULT NULL)
    RETURNS TABLE (
        topic text,
        name text,
        arguments text,
        gives text)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 50
    BEGIN ATOMIC
        WITH members AS (
            SELECT d.classid, d.objid
            FROM pg_extension e JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
            WHERE e.extname = 'distributed_trace' AND d.deptype = 'e'
        ), functions AS (
            -- of overloads the one by trace id, else the one with most arguments
            SELECT DISTINCT ON (p.proname)
                   p.oid, p.proname::text AS name, p.prokind = 'p' AS is_procedure,
                   p.pronargs::integer AS arguments, p.pronargs - p.pronargdefaults AS needed, p.proargnames AS names,
                   bool_or(p.proargnames[1] = 'tree') OVER (PARTITION BY p.proname) AS takes_tree
            FROM members m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
            -- but not what types, aggregates, triggers and other functions are made of
            WHERE p.prorettype <> 'trigger'::regtype AND p.proname !~ '^trace_(latency_(span|threshold)|weight_class)$'
              AND p.proname !~ '_(in|out|recv|send)$|_agg_'
              AND p.proname !~ '^trace_(latency_(buckets|contains|group|is_same|total)|grafana_measure|rollup_lock|say_unknown|dependency_edges|service_paths|receiver_(status|refused))$'
            ORDER BY p.proname, (p.proargnames[1] = 'trace_id') DESC NULLS LAST, p.pronargs DESC, p.oid
        ), objects AS (
            SELECT f.name,
                   -- "(t, width [, options])"; the options of the critical path are the same everywhere
                   CASE WHEN f.is_procedure THEN 'CALL ' ELSE '' END
                   || regexp_replace(
                          concat('(', array_to_string(n.names[1:f.needed], ', '),
                                 CASE WHEN f.needed < f.arguments
                                      THEN concat(CASE WHEN f.needed > 0 THEN ' [, ' ELSE '[' END,
                                                  array_to_string(n.names[f.needed + 1:f.arguments], ', '), ']') END, ')'),
                          'root_span_id, overlap_tolerance, .*messaging', 'options') AS arguments,
                   obj_description(f.oid, 'pg_proc') AS comment
            FROM functions f,
                 LATERAL (SELECT CASE WHEN f.takes_tree THEN array_prepend('t', f.names[2:]) ELSE f.names END AS names) n
            UNION ALL
            SELECT c.relname::text, CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END, obj_description(c.oid, 'pg_class')
            FROM members m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
            WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
        ), sorted AS (
            SELECT CASE WHEN o.name ~ '^trace_(ingest|span_start|span_finish|receiver)' THEN 'recording'
                        WHEN o.arguments = 'view' THEN 'views'
                        WHEN o.arguments = 'table' THEN 'tables'
                        WHEN o.arguments IN ('(tags)', '(logs)', '(tags, resource_attributes)') OR o.name = 'trace_exception' THEN 'one span'
                        WHEN o.name ~ '^trace_grafana_' THEN 'grafana'
                        WHEN o.name ~ '^latency_' THEN 'sketches'
                        WHEN o.name ~ '^trace_(rollup_|forget_|create_|attach_|help)' THEN 'upkeep'
                        WHEN o.name ~ 'dependenc|service_impact' THEN 'service map'
                        WHEN o.name ~ 'latency|apdex|slowest' THEN 'latency'
                        WHEN o.name ~ 'critical_path|what_if|parallelism|trace_trees' THEN 'critical path'
                        ELSE 'one trace' END AS topic,
                   o.*
            FROM objects o
        )
        SELECT s.topic, s.name, s.arguments,
               -- what stands before the details
               regexp_replace(regexp_replace(s.comment, '^(.{12,}?)([:;.] .*|\.)$', '\1'), '[, ]*[({][^)}]*$', '')
        FROM sorted s
        WHERE about IS NULL OR strpos(lower(concat_ws(' ', s.topic, s.name, s.comment)), lower(about)) > 0
        ORDER BY array_position(ARRAY['recording', 'one trace', 'critical path', 'latency', 'service map', 'views', 'tables',
                                      'one span', 'grafana', 'sketches', 'upkeep'], s.topic), s.name COLLATE "C";
    END;
COMMENT ON FUNCTION trace_help(text) IS 'What there is to call and to read, one line each: by topic or by any word of its name or comment; all of it without an argument. t is a trace id or a span_tree. \df+ tells the rest.';
