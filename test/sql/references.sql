-- What OpenTracing said in ways of its own, through the formats that carry it:
-- references that nobody waits for, and logs of errors.

TRUNCATE distributed_trace_log, distributed_trace_resource;
SET datestyle = ISO;
SET timezone = 'UTC';

-- a trace of Jaeger with these members in its second span
CREATE FUNCTION pg_temp.jaeger(trace_id text, members text) RETURNS text LANGUAGE sql AS $$
    SELECT format('{"traceID": "%1$s", "processes": {"p": {"serviceName": "web"}, "q": {"serviceName": "mail"}}, "spans": [
        {"traceID": "%1$s", "spanID": "00000000000000a1", "operationName": "order", "startTime": 1700000000000000, "duration": 100000, "processID": "p"},
        {"traceID": "%1$s", "spanID": "00000000000000b1", "operationName": "send", "startTime": 1700000000010000, "duration": 500000, "processID": "q", %2$s}]}',
        trace_id, members) $$;
-- what comes in, what is kept, and what goes out
CREATE FUNCTION pg_temp.references(trace_id text, members text,
    OUT recorded text, OUT parent text, OUT links jsonb, OUT is_async boolean, OUT jaeger jsonb) LANGUAGE plpgsql AS $$
BEGIN
    SELECT concat_ws(' ', i.accepted, i.rejected, i.message) INTO recorded FROM trace_ingest_jaeger(pg_temp.jaeger($1, $2)) i;
    SELECT l.parent_span_id, l.tags #> '{otel,links}', trace_is_async(l.trace_id, l.parent_span_id, l.tags),
           jsonb_path_query_first(trace_export_jaeger(l.trace_id)::jsonb, '$.data.spans[*] ? (@.spanID == "00000000000000b1").references')
        INTO parent, links, is_async, jaeger
        FROM distributed_trace_log l WHERE l.trace_id = $1 AND l.span_id = '00000000000000b1';
END $$;
CREATE TEMP TABLE cases (trace_id text, members text);
INSERT INTO cases VALUES
    ('000000000000000000000000000000c1', '"references": [{"refType": "CHILD_OF", "traceID": "000000000000000000000000000000c1", "spanID": "00000000000000a1"}]'),
    ('000000000000000000000000000000c2', '"references": [{"refType": "FOLLOWS_FROM", "traceID": "000000000000000000000000000000c2", "spanID": "00000000000000a1"}]'),
    -- the old member means CHILD_OF unless the reference says otherwise
    ('000000000000000000000000000000c3', '"parentSpanID": "00000000000000a1"'),
    ('000000000000000000000000000000c4', '"parentSpanID": "00000000000000a1", "references": [{"refType": "FOLLOWS_FROM", "traceID": "000000000000000000000000000000c4", "spanID": "00000000000000a1"}]'),
    ('000000000000000000000000000000c5', '"parentSpanID": "00000000000000a1", "references": [{"refType": "FOLLOWS_FROM", "traceID": "000000000000000000000000000000c5", "spanID": "00000000000000d1"}]'),
    ('000000000000000000000000000000c6', '"parentSpanID": "00000000000000d1", "references": [{"refType": "CHILD_OF", "traceID": "000000000000000000000000000000c6", "spanID": "00000000000000a1"}]'),
    -- to other traces
    ('000000000000000000000000000000c7', '"references": [{"refType": "FOLLOWS_FROM", "traceID": "0000000000000000000000000000ffff", "spanID": "00000000000000a1"}]'),
    ('000000000000000000000000000000c8', '"references": [{"refType": "FOLLOWS_FROM", "traceID": "0000000000000000000000000000ffff", "spanID": "00000000000000a1"}, {"refType": "CHILD_OF", "traceID": "000000000000000000000000000000c8", "spanID": "00000000000000a1"}]'),
    -- several
    ('000000000000000000000000000000c9', '"references": [{"refType": "FOLLOWS_FROM", "traceID": "000000000000000000000000000000c9", "spanID": "00000000000000a1"}, {"refType": "FOLLOWS_FROM", "traceID": "000000000000000000000000000000c9", "spanID": "00000000000000d1"}, {"refType": "CHILD_OF", "traceID": "0000000000000000000000000000ffff", "spanID": "00000000000000e1"}]'),
    -- as other writers of JSON spell types
    ('000000000000000000000000000000ca', '"references": [{"refType": "follows_from", "spanID": "00000000000000A1"}]'),
    ('000000000000000000000000000000cb', '"references": [{"refType": 1, "spanID": "00000000000000a1"}]'),
    ('000000000000000000000000000000cc', '"references": [{"spanID": "00000000000000a1"}]'),
    ('000000000000000000000000000000cd', '"references": [{"refType": "SIBLING_OF", "spanID": "00000000000000a1"}]');
\x on
SELECT right(c.trace_id, 2) AS trace, c.members, r.* FROM cases c, pg_temp.references(c.trace_id, c.members) r ORDER BY 1;
\x off

-- what went out comes in again, by either format, and says the same
CREATE TEMP TABLE exported AS
    SELECT trace_id, trace_export_jaeger(trace_id) AS jaeger, trace_export_otlp(trace_id) AS otlp
    FROM (SELECT DISTINCT trace_id FROM distributed_trace_log) t;
TRUNCATE distributed_trace_log, distributed_trace_resource;
SELECT sum(i.accepted) AS accepted, sum(i.rejected) AS rejected FROM exported, trace_ingest_jaeger(jaeger) i;
SELECT bool_and(trace_export_jaeger(trace_id) = jaeger) AS jaeger, bool_and(trace_export_otlp(trace_id) = otlp) AS otlp FROM exported WHERE trace_id NOT LIKE '%cd';
TRUNCATE distributed_trace_log, distributed_trace_resource;
SELECT sum(i.accepted) AS accepted, sum(i.rejected) AS rejected FROM exported, trace_ingest_otlp(otlp) i;
SELECT bool_and(trace_export_jaeger(trace_id)::jsonb #> '{data,0,spans,1,references}' = jaeger::jsonb #> '{data,0,spans,1,references}') AS jaeger,
       bool_and(trace_export_otlp(trace_id) = otlp) AS otlp FROM exported;

-- nobody waits for what follows: the path, the map and lint know it
SELECT right(trace_id, 2) AS trace, p.span_id, p.exclusive_ms FROM exported, trace_critical_path(trace_id) p ORDER BY 1, p.seq;
SELECT right(t.trace_id, 2) AS trace, p.exclusive_ms FROM trace_trees('2023-01-01', '2024-01-01', with_tags => false) t, trace_critical_path(t.tree) p
    WHERE p.span_id = '00000000000000b1' ORDER BY 1;
SELECT caller_service, callee_service, connection_type, is_async, call_count FROM trace_service_dependencies('2023-01-01', '2024-01-01') ORDER BY 3;
SELECT l.problem, string_agg(right(trace_id, 2), ' ' ORDER BY trace_id) FROM exported, trace_lint(trace_id) l GROUP BY 1 ORDER BY 1;
-- a path may begin at such a span
SELECT span_id, exclusive_ms FROM trace_critical_path('000000000000000000000000000000c2', '00000000000000b1');
-- the value keeps it, as text and binary, and columns can say it
SELECT t::text::span_tree::text = t::text AS text, (t::text)::jsonb #> '{spans,1,is_async}' AS is_async FROM trace_get('000000000000000000000000000000c2') t;
SELECT p.span_id, p.exclusive_ms
FROM (SELECT span_tree_agg('t', id, parent, 's', 'o', '2026-01-01', '2026-01-01'::timestamptz + took, NULL, NULL, NULL, is_async) AS t
      FROM (VALUES ('a', NULL, interval '10 ms', NULL), ('b', 'a', interval '8 ms', true), ('c', 'a', interval '5 ms', false)) v (id, parent, took, is_async)) s,
     trace_critical_path(s.t) p;

--
-- Logs of errors
--

SELECT v.event_name, v.attributes, x.* FROM (VALUES
    ('exception', '{"exception.type": "E", "exception.message": "m", "exception.stacktrace": "s"}'::jsonb),
    ('whatever', '{"exception.message": "m"}'),
    ('error', '{"error.kind": "E", "message": "m", "stack": "s"}'),
    ('error', '{"error.object": {"code": 7}, "error.kind": ""}'),
    ('Error', '{"error": "m"}'),
    (NULL, '{"event": "error", "message": "m"}'),
    ('log', '{"error.object": "o", "message": "m"}'),
    ('error', '{"message": "m", "exception.message": "better"}'),
    ('error', NULL),
    ('log', '{"message": "no error", "stack": "s"}'),
    ('log', '[1]'),
    (NULL, NULL)) v (event_name, attributes), trace_exception(v.event_name, v.attributes) x;
SELECT i.accepted FROM trace_ingest_jaeger(pg_temp.jaeger('000000000000000000000000000000e1', '"tags": [{"key": "error", "type": "bool", "value": true}],
    "logs": [{"timestamp": 1700000000011000, "fields": [{"key": "event", "type": "string", "value": "retry"}, {"key": "message", "type": "string", "value": "first"}]},
             {"timestamp": 1700000000012000, "fields": [{"key": "event", "type": "string", "value": "error"}, {"key": "error.kind", "type": "string", "value": "IOException"},
              {"key": "error.object", "type": "string", "value": "java.io.IOException: disk"}, {"key": "message", "type": "string", "value": "disk"}, {"key": "stack", "type": "string", "value": "at x"}]}]')) i;
SELECT status_message, exception_type, exception_message FROM trace_errors WHERE trace_id = '000000000000000000000000000000e1';
SELECT event_name, exception_type, exception_message FROM trace_span_events WHERE trace_id = '000000000000000000000000000000e1' ORDER BY event_time;

-- a row that cannot be is an error, not a crash
ALTER TABLE distributed_trace_resource ALTER attributes DROP NOT NULL;
UPDATE distributed_trace_resource SET attributes = NULL;
CREATE FUNCTION pg_temp.refused(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE query;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    RETURN sqlstate || ' ' || sqlerrm;
END $$;
SELECT f, pg_temp.refused(format('SELECT %s(''000000000000000000000000000000e1'')', f)) FROM unnest(ARRAY['trace_export_otlp', 'trace_export_jaeger']) f;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['service_name', 'operation', 'start_time'] LOOP
        BEGIN
            EXECUTE format('ALTER TABLE distributed_trace_log DISABLE TRIGGER USER');
            EXECUTE format('ALTER TABLE distributed_trace_log ALTER %I DROP NOT NULL', name);
            EXECUTE format('UPDATE distributed_trace_log SET %I = NULL', name);
            RAISE NOTICE 'OTLP: %', pg_temp.refused('SELECT trace_export_otlp(''000000000000000000000000000000e1'')');
            RAISE NOTICE 'Jaeger: %', pg_temp.refused('SELECT trace_export_jaeger(''000000000000000000000000000000e1'')');
            RAISE SQLSTATE 'ZZZZZ';
        EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
            NULL;
        END;
    END LOOP;
END $$;
TRUNCATE distributed_trace_log, distributed_trace_resource;
ALTER TABLE distributed_trace_resource ALTER attributes SET NOT NULL;
