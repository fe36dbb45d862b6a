-- Writing traces as OTLP and as Jaeger's JSON.

TRUNCATE distributed_trace_log, distributed_trace_resource;
SET datestyle = ISO;
SET timezone = 'UTC';
\pset format unaligned
\getenv abs_srcdir PG_ABS_SRCDIR
\set data :abs_srcdir '/data/otlp'
\set every_field :abs_srcdir '/data/export/every_field.json'
\set zipkin_file :abs_srcdir '/data/zipkin/shop.json'
\set jaeger_file :abs_srcdir '/data/jaeger/shop.json'

CREATE FUNCTION pg_temp.export_all(form text) RETURNS TABLE (trace_id text, document text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT trace_id::text, trace_export_%s(trace_id) FROM (SELECT DISTINCT trace_id FROM distributed_trace_log) t', form);
END $$;

--
-- Every capture: recorded, exported, recorded again and exported again
--

SELECT count(*) > 0 AS some, sum(i.rejected) AS rejected
    FROM pg_ls_dir(:'data' || '/proto') file, trace_ingest_otlp(pg_read_binary_file(:'data' || '/proto/' || file)) i WHERE file LIKE '%.bin%';
SELECT count(*) > 0 AS some, sum(i.rejected) AS rejected
    FROM pg_ls_dir(:'data' || '/grpc') file, trace_ingest_otlp(substring(pg_read_binary_file(:'data' || '/grpc/' || file) from 6)) i WHERE file LIKE '%.bin';
SELECT count(*) > 0 AS some, sum(i.rejected) AS rejected
    FROM pg_ls_dir(:'data' || '/json') file, trace_ingest_otlp(pg_read_file(:'data' || '/json/' || file)) i WHERE file LIKE '%.json';
CREATE TEMP TABLE first_rows AS SELECT * FROM distributed_trace_log;
CREATE TEMP TABLE first_export AS SELECT * FROM pg_temp.export_all('otlp');
CREATE TEMP TABLE jaeger_export AS SELECT * FROM pg_temp.export_all('jaeger');
TRUNCATE distributed_trace_log, distributed_trace_resource RESTART IDENTITY;
-- the other way round, so that resources get other numbers
SELECT sum(i.rejected) AS rejected, sum(i.duplicates) AS duplicates
    FROM (SELECT * FROM first_export ORDER BY trace_id DESC) e, trace_ingest_otlp(e.document) i;
SELECT count(*) > 0 AS some, count(*) FILTER (WHERE a.document IS DISTINCT FROM b.document) AS differing
    FROM first_export a FULL JOIN pg_temp.export_all('otlp') b USING (trace_id);
SELECT count(*) > 0 AS some, count(*) FILTER (WHERE
        (a.parent_span_id, a.service_name, a.operation, a.start_time, a.end_time, a.duration_ms, a.tags #- '{otel,resource}', a.logs) IS DISTINCT FROM
        (b.parent_span_id, b.service_name, b.operation, b.start_time, b.end_time, b.duration_ms, b.tags #- '{otel,resource}', b.logs)) AS differing
    FROM first_rows a FULL JOIN distributed_trace_log b USING (trace_id, span_id);

-- Jaeger keeps the spans; what it has no place for is gone
TRUNCATE distributed_trace_log, distributed_trace_resource;
SELECT sum(i.rejected) AS rejected, sum(i.duplicates) AS duplicates FROM jaeger_export e, trace_ingest_jaeger(e.document) i;
SELECT count(*) > 0 AS some, count(*) FILTER (WHERE
        (a.parent_span_id, a.service_name, a.operation, a.start_time, a.end_time, a.duration_ms, trace_span_kind(a.tags), trace_is_error(a.tags), a.tags->'otel'->'trace_state') IS DISTINCT FROM
        (b.parent_span_id, b.service_name, b.operation, b.start_time, b.end_time, b.duration_ms, trace_span_kind(b.tags), trace_is_error(b.tags), b.tags->'otel'->'trace_state')) AS differing
    FROM first_rows a FULL JOIN distributed_trace_log b USING (trace_id, span_id);
SELECT count(*) > 0 AS some, count(*) FILTER (WHERE a.value IS DISTINCT FROM b.tags->a.key) AS differing
    FROM (SELECT trace_id, span_id, key, value FROM first_rows, jsonb_each(tags) WHERE key <> 'otel' AND jsonb_typeof(value) IN ('string', 'number', 'boolean')) a
    JOIN distributed_trace_log b USING (trace_id, span_id);

--
-- Every field, in a form that can be read
--

TRUNCATE distributed_trace_log, distributed_trace_resource;
SELECT * FROM trace_ingest_otlp(pg_read_file(:'every_field'));
SELECT trace_export_otlp('0af7651916cd43dd8448eb211c80319c') AS exported \gset
SELECT regexp_replace(:'exported', '[{]"(traceId|key|timeUnixNano)"', E'\n\\&', 'g');
-- no attribute is lost, and none is new
WITH old AS (SELECT jsonb_path_query(pg_read_file(:'every_field')::jsonb, 'strict $.**.attributes[*]') AS attribute),
     new AS (SELECT jsonb_path_query(:'exported'::jsonb, 'strict $.**.attributes[*]') AS attribute)
SELECT 'lost' AS what, * FROM (TABLE old EXCEPT TABLE new) l UNION ALL SELECT 'new', * FROM (TABLE new EXCEPT TABLE old) n;
SELECT regexp_replace(trace_export_jaeger('0af7651916cd43dd8448eb211c80319c'), '[{]"(traceID|key|timestamp)"', E'\n\\&', 'g');
-- an attribute "error" is told from the tag that only says the status
SELECT trace_export_jaeger('0af7651916cd43dd8448eb211c80319c') AS jaeger \gset
TRUNCATE distributed_trace_log;
SELECT * FROM trace_ingest_jaeger(:'jaeger');
SELECT operation, start_time, duration_ms, tags - 'otel' AS tags, tags->'otel' #- '{resource}' AS otel, logs FROM distributed_trace_log ORDER BY start_time, span_id COLLATE "C";

--
-- Rows that did not come by OTLP
--

TRUNCATE distributed_trace_log, distributed_trace_resource;
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, tags, logs) VALUES
    ('trace_abc123', 'span_1', NULL, 'OrderService', 'processOrder', '2023-10-01 11:00:00+00', '2023-10-01 11:05:00+00', NULL, '{"user.id": "u1", "error": true, "span.kind": "server"}', E'order received\n\norder paid'),
    ('trace_abc123', 'span_2', 'span_1', 'StockService', 'reserve', '2023-10-01 11:01:00+00', NULL, NULL, NULL, '[{"level": "info"}]'),
    ('trace_abc123', '00F067AA0BA902B7', 'span_1', 'StockService', 'reserve', '1960-01-01 00:00:00+00', 'infinity', NULL, '{"n": 1, "x": 0.5, "far": 1e400, "list": [{"a": null}], "otel": "by hand"}', '[17]'),
    ('trace_abc123', '0000000000000000', '', 'StockService', 'late', '3000-01-01 00:00:00+00', '-infinity', NULL, '[1]', ''),
    ('trace_abc123', 'bad', '', 'StockService', 'bad', '-infinity', '2023-10-01 11:05:00+00', 1,
     '{"otel": {"kind": true, "status": [], "scope": 1, "links": [1, {}, {"trace_id": "x", "span_id": "y"}], "resource": "none", "flags": "x", "start_ns": 5000, "exact": {"a": 1, "b": {"intValue": "7"}}}}', '[');
SELECT regexp_replace(trace_export_otlp('trace_abc123'), '[{]"traceId"', E'\n\\&', 'g');
SELECT regexp_replace(trace_export_jaeger('trace_abc123'), '[{]"traceID"|"tags"|"processes"', E'\n\\&', 'g');
-- and back: the second export equals the first, but for what nobody would write
DELETE FROM distributed_trace_log WHERE span_id = 'bad';
SELECT trace_export_otlp('trace_abc123') AS exported, substr(md5('trace_abc123'), 1, 32) AS derived \gset
SELECT trace_export_jaeger('trace_abc123') AS jaeger \gset
TRUNCATE distributed_trace_log;
SELECT * FROM trace_ingest_otlp(:'exported'::text);
SELECT trace_export_otlp(:'derived') = :'exported' AS same;
-- Jaeger cannot hold an id of zeros; tags that say kind and status become members
TRUNCATE distributed_trace_log;
SELECT * FROM trace_ingest_jaeger(:'jaeger');
SELECT span_id, parent_span_id, service_name, operation, start_time, end_time, tags #- '{otel,resource}' AS tags, logs FROM distributed_trace_log ORDER BY span_id COLLATE "C";
SELECT trace_export_jaeger('trace_abc123') AS jaeger \gset
TRUNCATE distributed_trace_log;
SELECT accepted, rejected FROM trace_ingest_jaeger(:'jaeger');
SELECT trace_export_jaeger('trace_abc123') = :'jaeger' AS same;

-- spans of Zipkin and Jaeger too
TRUNCATE distributed_trace_log, distributed_trace_resource;
SELECT accepted FROM trace_ingest_zipkin(pg_read_file(:'zipkin_file'));
SELECT trace_export_jaeger('5AF7183FB1D4CF5F') AS jaeger \gset
SELECT trace_export_otlp('00000000000000005af7183fb1d4cf5f') AS exported \gset
SELECT s->>'spanId' AS span_id, s->>'parentSpanId' AS parent, jsonb_path_query_first(s, '$.attributes[*] ? (@.key == "distributed_trace.span_id").value.stringValue') AS was
    FROM jsonb_path_query(:'exported'::jsonb, '$.resourceSpans[*].scopeSpans[*].spans[*]') s ORDER BY 1;
TRUNCATE distributed_trace_log;
SELECT accepted, rejected FROM trace_ingest_jaeger(:'jaeger');
SELECT trace_export_jaeger('5af7183fb1d4cf5f') = :'jaeger' AS same;
TRUNCATE distributed_trace_log;
SELECT accepted FROM trace_ingest_jaeger(pg_read_file(:'jaeger_file'));
SELECT trace_export_jaeger('5af7183fb1d4cf5f') AS jaeger \gset
SELECT trace_export_otlp('5af7183fb1d4cf5f') AS exported \gset
TRUNCATE distributed_trace_log;
SELECT accepted FROM trace_ingest_jaeger(:'jaeger');
SELECT trace_export_jaeger('5af7183fb1d4cf5f') = :'jaeger' AS same_jaeger, trace_export_otlp('5af7183fb1d4cf5f') = :'exported' AS same_otlp;

-- an id is looked for as it is given, and then in its normal form
TRUNCATE distributed_trace_log, distributed_trace_resource;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time) VALUES
    ('5AF7183FB1D4CF5F', 'a', 's', 'as given', '2026-01-01'),
    ('00000000000000005af7183fb1d4cf5f', 'a', 's', 'normal', '2026-01-01');
SELECT trace_export_jaeger('5AF7183FB1D4CF5F') ~ 'as given' AS as_given, trace_export_jaeger('5af7183fb1d4cf5f') ~ 'normal' AS normal;
SELECT trace_export_otlp('unknown') IS NULL AS otlp, trace_export_jaeger('unknown') IS NULL AS jaeger, trace_export_otlp(NULL) IS NULL AS nothing;


--
-- Whatever is written can be recorded again
--

CREATE FUNCTION pg_temp.spans(document text) RETURNS SETOF jsonb LANGUAGE sql AS $$
    SELECT s FROM jsonb_path_query(document::jsonb, '$.resourceSpans[*].scopeSpans[*].spans[*]') s ORDER BY s->>'name' COLLATE "C" $$;

-- links lead to the trace and the span as they are written, whatever their ids
TRUNCATE distributed_trace_log, distributed_trace_resource;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, tags) VALUES
    ('abc', 'def', 's', 'odd digits', '2026-01-01', NULL),
    ('order 7', 'step 1', 's', 'no digits', '2026-01-01', NULL),
    ('linking', 'a', 's', 'links', '2026-01-01', '{"otel": {"links": [{"trace_id": "abc", "span_id": "def"}, {"trace_id": "order 7", "span_id": "step 1"}, {"trace_id": "", "span_id": ""},
        {"trace_id": "0A0B", "span_id": "0C"}, {"trace_id": "0AF7651916CD43DD8448EB211C80319C", "span_id": "00F067AA0BA902B7"}, {"trace_id": "00000000000000000000000000000000", "span_id": "0000000000000000"}]}}');
SELECT trace_export_otlp('linking') AS exported \gset
WITH written AS (SELECT s FROM unnest(ARRAY['abc', 'order 7']) id, pg_temp.spans(trace_export_otlp(id)) s)
SELECT l.ordinality, l.value->>'traceId' AS trace_id, l.value->>'spanId' AS span_id, s->>'name' AS leads_to
    FROM pg_temp.spans(:'exported') x, jsonb_array_elements(x->'links') WITH ORDINALITY l LEFT JOIN written ON s->'traceId' = l.value->'traceId' AND s->'spanId' = l.value->'spanId' ORDER BY 1;
TRUNCATE distributed_trace_log;
SELECT * FROM trace_ingest_otlp(:'exported'::text);
SELECT trace_export_otlp(trace_id) = :'exported' AS same FROM distributed_trace_log;

-- kind, status and exact values that no recording function writes
TRUNCATE distributed_trace_log, distributed_trace_resource;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, tags)
    SELECT 't', i, 's', to_char(i, 'FM00'), '2026-01-01', tags::jsonb FROM unnest(ARRAY[
        '{"span.kind": "server", "otel": {"kind": 2147483648, "status": 2147483648}}', '{"otel": {"kind": -2147483649, "status": -1e30}}', '{"otel": {"kind": 2147483647, "status": -2147483647}}',
        '{"otel": {"kind": 1.5, "status": "7"}}',
        '{"a": 1, "otel": {"exact": {"a": 7}}}', '{"a": 1, "otel": {"exact": {"a": {"bytesValue": "?"}}}}', '{"a": 1, "otel": {"exact": {"a": {"bytesValue": "AA==", "intValue": "1"}}}}',
        '{"a": 1, "otel": {"exact": {"a": {"otherValue": 1}}}}', '{"a": 1, "otel": {"exact": {"a": {"doubleValue": "x"}}}}', '{"a": 1, "otel": {"exact": {"a": {"doubleValue": 1e999}}}}',
        '{"a": 1, "otel": {"exact": {"a": {"intValue": "9223372036854775808"}}}}', '{"a": 1, "otel": {"exact": {"a": {"stringValue": 1}}}}', '{"a": 1, "otel": {"exact": {"a": {"boolValue": "true"}}}}',
        '{"a": 1, "otel": {"exact": {"a": {"arrayValue": []}}}}', '{"a": 1, "otel": {"exact": {"a": {"arrayValue": {"values": [{}, {"stringValue": null}]}}}}}',
        '{"a": 1, "otel": {"exact": {"a": {"kvlistValue": {"values": [{"key": 1, "value": {}}]}}}}}', '{"a": 1, "otel": {"exact": {"a": {"kvlistValue": {"values": [{"key": "k"}]}}}}}', '{"otel": {"exact": {"a": [1]}}}',
        '{"a": "NaN", "b": 1, "otel": {"exact": {"a": {"doubleValue": "NaN"}, "b": {"arrayValue": {"values": [{}, {"kvlistValue": {"values": [{"key": "k", "value": {"bytesValue": "AA=="}}]}}, {"doubleValue": "-0"}, {"doubleValue": 1.5}, {"boolValue": true}, {"intValue": "1"}, {"stringValue": ""}]}}}}}',
        format('{"a": 1, "otel": {"exact": {"a": %s{}%s}}}', repeat('{"arrayValue": {"values": [', 63), repeat(']}}', 63)),
        format('{"a": 1, "otel": {"exact": {"a": %s{}%s}}}', repeat('{"arrayValue": {"values": [', 64), repeat(']}}', 64)),
        format('{"a": %s1%s}', repeat('[', 63), repeat(']', 63)), format('{"a": %s1%s}', repeat('[{"k": ', 40), repeat('}]', 40))]) WITH ORDINALITY u (tags, i);
SELECT trace_export_otlp('t') AS exported \gset
SELECT s->>'name' AS n, s->'kind' AS kind, s->'status' AS status, s->'attributes' AS attributes
    FROM (SELECT jsonb_set(s, '{attributes}', (SELECT coalesce(jsonb_agg(a), '[]') FROM jsonb_array_elements(s->'attributes') a WHERE NOT a->>'key' ~ 'distributed_trace')) FROM pg_temp.spans(:'exported') s) x (s) WHERE s->>'name' < '20';
SELECT s->>'name' AS n, regexp_count(s::text, 'arrayValue|kvlistValue') AS nested, jsonb_path_query_first(s, 'strict $.**.stringValue ? (@ starts with "[" || @ starts with "{")') AS rest FROM pg_temp.spans(:'exported') s WHERE s->>'name' >= '20';
TRUNCATE distributed_trace_log;
SELECT * FROM trace_ingest_otlp(:'exported'::text);
SELECT trace_export_otlp(trace_id) = :'exported' AS same FROM distributed_trace_log LIMIT 1;
-- Jaeger takes no such values either
TRUNCATE distributed_trace_log;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, tags) VALUES
    ('t', 'a', 's', 'o', '2026-01-01', '{"a": 1, "b": 2, "otel": {"exact": {"a": {"bytesValue": {"x": 1}}, "b": {"doubleValue": []}, "c": 5}}}');
SELECT jsonb_path_query_array(trace_export_jaeger('t')::jsonb, '$.data[0].spans[0].tags');

-- ids that differ in the case of letters alone are told apart by an attribute
TRUNCATE distributed_trace_log;
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time) VALUES
    ('0AF7651916CD43DD8448EB211C80319C', '00F067AA0BA902B7', NULL, 's', 'capitals', '2026-01-01'),
    ('0AF7651916CD43DD8448EB211C80319C', '00f067aa0ba902b7', '00F067AA0BA902B7', 's', 'small letters', '2026-01-01'),
    ('5AF7183FB1D4CF5F', '00f067aa0ba902b7', NULL, 's', '64 bits', '2026-01-01');
SELECT s->>'name' AS name, s->>'traceId' AS trace_id, s->>'spanId' AS span_id, s->'attributes' AS attributes
    FROM unnest(ARRAY['0AF7651916CD43DD8448EB211C80319C', '5AF7183FB1D4CF5F']) id, pg_temp.spans(trace_export_otlp(id)) s ORDER BY 1;

TRUNCATE distributed_trace_log, distributed_trace_resource;
