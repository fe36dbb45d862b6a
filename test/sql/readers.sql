-- Values that views read from tags, however they were recorded, and names that would break lines.

TRUNCATE distributed_trace_log, distributed_trace_resource;
SET timezone = 'UTC';

-- status codes
SELECT left(t::text, 70) AS tags, trace_http_status_code(t) FROM unnest(ARRAY[
    '{"http.response.status_code": 503}', '{"http.response.status_code": 503.0}', '{"http.response.status_code": 5.03e2}', '{"http.response.status_code": "503"}',
    '{"http.response.status_code": "503.0"}', '{"http.response.status_code": " 503 "}', '{"http.status_code": 404}', '{"http.status_code": "404"}',
    '{"http.response.status_code": 200, "http.status_code": 404}', '{"http.response.status_code": "none", "http.status_code": 404}',
    '{"http.response.status_code": 503.5}', '{"http.response.status_code": 99}', '{"http.response.status_code": 1000}', '{"http.response.status_code": -503}', '{"http.response.status_code": ""}',
    '{"http.response.status_code": "0x1F7"}', '{"http.response.status_code": "NaN"}', '{"http.response.status_code": "503 Unavailable"}', '{"http.response.status_code": true}',
    '{"http.response.status_code": [503]}', '{"http.response.status_code": null}', '{"http.response.status_code": 1e400}', '{}', '[503]', '503']::jsonb[]) t;
-- as the formats bring them
SELECT i.accepted FROM trace_ingest_otlp('{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "000000000000000000000000000000a1", "spanId": "00000000000000a1", "name": "double", "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000001000000",
    "attributes": [{"key": "http.response.status_code", "value": {"doubleValue": 503}}]}, {"traceId": "000000000000000000000000000000a1", "spanId": "00000000000000a2", "name": "string", "startTimeUnixNano": "1700000000000000000",
    "attributes": [{"key": "http.status_code", "value": {"stringValue": "503"}}]}]}]}]}'::text) i;
SELECT operation, http_status_code FROM trace_spans ORDER BY 1;

-- names that end lines or control: each key of a path is one line, and different names are different keys
TRUNCATE distributed_trace_log, distributed_trace_resource;
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time)
    SELECT 't', lpad(n::text, 2, '0'), CASE WHEN n > 1 THEN lpad((n - 1)::text, 2, '0') END, 'a' || c || 'b', 'x' || c || 'y', '2026-01-01'::timestamptz + n * interval '1 ms', '2026-01-01'::timestamptz + interval '1 s' - n * interval '1 ms'
    FROM unnest(ARRAY[E'\n', E'\r', E'\r\n', E'\t', E'\x01', E'\x1b[31m', E'\x7f', U&'\0080', U&'\0085', U&'\009F', U&'\00A0', U&'\2028', U&'\2029', ';', ': ', '%', '%0A', 'é', '€']) WITH ORDINALITY c (c, n);
SELECT step FROM (SELECT stack FROM trace_critical_path_folded('2025-01-01', '2027-01-01') ORDER BY length(stack) DESC LIMIT 1) s,
    unnest(string_to_array(stack, ';')) step;
SELECT count(*) AS stacks, count(DISTINCT stack) AS different FROM trace_critical_path_folded('2025-01-01', '2027-01-01');
SELECT count(*) AS keys, count(DISTINCT key) AS different, bool_or(key ~ U&'[\0001-\001F\007F-\009F\2028\2029]') AS has_controls
    FROM trace_critical_path_profile('2025-01-01', '2027-01-01', group_by => 'operation');
-- nor does a waterfall have more lines than spans and its head
SELECT bool_or(line ~ U&'[\0001-\001F\007F-\009F\2028\2029]') AS has_controls FROM trace_waterfall('t') line;
TRUNCATE distributed_trace_log;
