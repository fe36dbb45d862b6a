-- All formats in databases of other encodings than UTF8: one rule for text, both ways.
SET client_min_messages = warning;
SELECT current_database() AS home \gset

-- the same in JSON of each format, as escapes: é is in LATIN1; the euro, a pair, NUL and half a pair are not; text
-- that looks like an escape
\set text 'caf\\u00e9 \\u20ac \\ud83c\\udf75 \\u0000 \\ud800 C:\\\\u20ac \\u005cu00e9 \\\\\\\\ \\n'
CREATE TEMP TABLE setup (document text);
INSERT INTO setup VALUES (format('
CREATE TABLE documents (format text, document text);
INSERT INTO documents VALUES
    (''otlp'', %1$L), (''jaeger'', %2$L), (''zipkin'', %3$L);
CREATE VIEW rows AS SELECT left(trace_id, 2) AS format, service_name, operation, tags - ''otel'' AS tags, e.event_name FROM distributed_trace_log LEFT JOIN trace_events(logs) e ON true ORDER BY 1;',
    format('{"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "%1$s"}}]}, "scopeSpans": [{"spans": [{
        "traceId": "01000000000000000000000000000000", "spanId": "00000000000000aa", "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000001000000", "name": "%1$s",
        "attributes": [{"key": "%1$s", "value": {"stringValue": "%1$s"}}, {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "%1$s"}]}}}], "events": [{"timeUnixNano": "1700000000000000000", "name": "%1$s"}]}]}]}]}', :'text'),
    format('{"traceID": "02000000000000000000000000000000", "processes": {"p": {"serviceName": "%1$s"}}, "spans": [{"spanID": "00000000000000aa", "operationName": "%1$s", "startTime": 1700000000000000, "duration": 1000, "processID": "p",
        "tags": [{"key": "%1$s", "type": "string", "value": "%1$s"}], "logs": [{"timestamp": 1700000000000000, "fields": [{"key": "event", "type": "string", "value": "%1$s"}]}]}]}', :'text'),
    format('[{"traceId": "03000000000000000000000000000000", "id": "00000000000000aa", "name": "%1$s", "timestamp": 1700000000000000, "duration": 1000, "localEndpoint": {"serviceName": "%1$s"},
        "tags": {"%1$s": "%1$s"}, "annotations": [{"timestamp": 1700000000000000, "value": "%1$s"}]}]', :'text')));
SELECT document AS setup FROM setup \gset

-- what every encoding is asked
\set record 'SELECT d.format, i.* FROM documents d, LATERAL (SELECT * FROM trace_ingest_otlp(CASE d.format WHEN ''otlp'' THEN document END) UNION ALL SELECT * FROM trace_ingest_jaeger(CASE d.format WHEN ''jaeger'' THEN document END) UNION ALL SELECT * FROM trace_ingest_zipkin(CASE d.format WHEN ''zipkin'' THEN document END)) i WHERE i.accepted IS NOT NULL ORDER BY 1;'

CREATE DATABASE trace_utf8 TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
\c trace_utf8
SET client_min_messages = warning;
CREATE EXTENSION distributed_trace;
SET timezone = 'UTC';
:setup
:record
\x on
SELECT * FROM rows;
\x off
-- what the other encodings have to give back
SELECT count(DISTINCT service_name) AS names, min(service_name) = min(operation) AS equal FROM rows;
SELECT trace_export_otlp('01000000000000000000000000000000')::jsonb AS otlp, trace_export_jaeger('01000000000000000000000000000000')::jsonb AS jaeger,
       encode(convert_to(trace_export_otlp('03000000000000000000000000000000'), 'UTF8'), 'base64') AS zipkin \gset utf8_

CREATE DATABASE trace_latin1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C';
\c trace_latin1
SET client_min_messages = warning;
CREATE EXTENSION distributed_trace;
SET timezone = 'UTC';
SET client_encoding = 'UTF8';
:setup
:record
\x on
SELECT * FROM rows;
\x off
-- exports have the characters again: recorded here once more they write nothing, and are those of a database of UTF8 but for their order
SELECT i.* FROM trace_ingest_otlp(trace_export_otlp('01000000000000000000000000000000')) i;
SELECT trace_export_otlp('01000000000000000000000000000000') AS otlp, trace_export_jaeger('01000000000000000000000000000000') AS jaeger, trace_export_otlp('03000000000000000000000000000000') AS zipkin \gset latin1_
-- rows by hand are exported as they are, and read as they look
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, logs) VALUES
    ('hand', 'a', 's', E'\\u00e9 \\u20ac \\x \\u20a \\ud800 \\u005cu20ac \\', '2026-01-01', E'[{"name": "\\u20ac \\\\u20ac \\u00e9 \\u0000"}]');
SELECT strpos(trace_export_jaeger('hand'), E'"operationName":"\\\\u00e9 \\u20ac \\\\x \\\\u20a \\\\ud800 \\\\u20ac \\\\"') > 0 AS characters, e.event_name
    FROM distributed_trace_log, trace_events(logs) e WHERE trace_id = 'hand';

CREATE DATABASE trace_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C';
\c trace_ascii
SET client_min_messages = warning;
CREATE EXTENSION distributed_trace;
SET timezone = 'UTC';
SET client_encoding = 'SQL_ASCII';
:setup
:record
\x on
SELECT * FROM rows;
\x off
SELECT trace_export_otlp('01000000000000000000000000000000') AS otlp, trace_export_jaeger('01000000000000000000000000000000') AS jaeger, trace_export_otlp('03000000000000000000000000000000') AS zipkin \gset ascii_

\c trace_utf8
SELECT (:'latin1_otlp')::jsonb = (:'utf8_otlp')::jsonb AS latin1_otlp, (:'latin1_jaeger')::jsonb = (:'utf8_jaeger')::jsonb AS latin1_jaeger,
       (:'latin1_zipkin')::jsonb = convert_from(decode(:'utf8_zipkin', 'base64'), 'UTF8')::jsonb AS latin1_zipkin,
       (:'ascii_otlp')::jsonb = (:'utf8_otlp')::jsonb AS ascii_otlp, (:'ascii_jaeger')::jsonb = (:'utf8_jaeger')::jsonb AS ascii_jaeger,
       (:'ascii_zipkin')::jsonb = convert_from(decode(:'utf8_zipkin', 'base64'), 'UTF8')::jsonb AS ascii_zipkin;
\c :home
DROP DATABASE trace_utf8;
DROP DATABASE trace_latin1;
DROP DATABASE trace_ascii;
