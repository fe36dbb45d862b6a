-- Documents as others write them: older formats, other spellings, several
-- documents in one text, and those in which there is nothing to be found.

TRUNCATE distributed_trace_log, distributed_trace_resource;
SET datestyle = ISO;
SET timezone = 'UTC';
CREATE VIEW rows AS
    SELECT span_id, parent_span_id AS parent, service_name AS service, operation, start_time, duration_ms,
           tags - 'otel' AS tags, tags->'otel' #- '{resource}' AS otel, logs
        FROM distributed_trace_log ORDER BY trace_id, start_time, span_id;

--
-- Zipkin's first format
--

-- both sides in one span, with tags of either and an annotation
SELECT * FROM trace_ingest_zipkin('[{"traceId": "1", "id": "A", "name": "get", "debug": true, "annotations": [
    {"timestamp": 1700000000000000, "value": "cs", "endpoint": {"serviceName": "web", "ipv4": "10.0.0.1", "port": 80}},
    {"timestamp": 1700000000001000, "value": "sr", "endpoint": {"serviceName": "api", "ipv4": "10.0.0.2"}},
    {"timestamp": 1700000000002000, "value": "cache miss", "endpoint": {"serviceName": "api", "ipv4": "10.0.0.2"}},
    {"timestamp": 1700000000004000, "value": "ss", "endpoint": {"serviceName": "api", "ipv4": "10.0.0.2"}},
    {"timestamp": 1700000000005000, "value": "cr", "endpoint": {"serviceName": "web", "ipv4": "10.0.0.1"}}],
  "binaryAnnotations": [
    {"key": "http.path", "value": "/a", "endpoint": {"serviceName": "web"}},
    {"key": "http.status_code", "value": 500, "type": "I16", "endpoint": {"serviceName": "api"}},
    {"key": "error", "value": "broken", "endpoint": {"serviceName": "api"}},
    {"key": "sa", "value": true, "endpoint": {"serviceName": "api", "ipv4": "10.0.0.2", "port": 9000}},
    {"key": "ca", "value": true, "endpoint": {"serviceName": "web", "ipv4": "10.0.0.1"}}]}]');
\x on
SELECT * FROM rows;
\x off
TRUNCATE distributed_trace_log;
-- the sides one by one: a client with its own times and a database that is not instrumented; a server that joined a
-- span and one that began it; ends of messages; work without a side; times that are missing or the wrong way round
SELECT * FROM trace_ingest_zipkin('[
  {"traceId": "2", "id": "a", "name": "query", "timestamp": 1700000000000000, "duration": 9000,
   "annotations": [{"timestamp": 1700000000000500, "value": "cs", "endpoint": {"serviceName": "web"}}, {"timestamp": 1700000000001500, "value": "cr", "endpoint": {"serviceName": "web"}}],
   "binaryAnnotations": [{"key": "sa", "value": "true", "type": "BOOL", "endpoint": {"serviceName": "mysql", "ipv4": "10.0.0.9", "port": 3306}}, {"key": "sql", "value": "SELECT"}]},
  {"traceId": "2", "id": "b", "parentId": "a", "name": "joined", "annotations": [
   {"timestamp": 1700000000001000, "value": "sr", "endpoint": {"serviceName": "api"}}, {"timestamp": 1700000000003000, "value": "ss", "endpoint": {"serviceName": "api"}}]},
  {"traceId": "2", "id": "c", "name": "began", "timestamp": 1700000000001000, "annotations": [
   {"timestamp": 1700000000001000, "value": "sr", "endpoint": {"serviceName": "api"}}, {"timestamp": 1700000000003000, "value": "ss", "endpoint": {"serviceName": "api"}}]},
  {"traceId": "2", "id": "d", "name": "send", "annotations": [{"timestamp": 1700000000004000, "value": "ms", "endpoint": {"serviceName": "web"}}, {"timestamp": 1700000000004100, "value": "ws", "endpoint": {"serviceName": "web"}}],
   "binaryAnnotations": [{"key": "ma", "value": true, "endpoint": {"serviceName": "kafka"}}]},
  {"traceId": "2", "id": "e", "name": "receive", "annotations": [{"timestamp": 1700000000005000, "value": "mr", "endpoint": {"serviceName": "mail"}}]},
  {"traceId": "2", "id": "f", "name": "local", "timestamp": 1700000000006000, "duration": 1000, "binaryAnnotations": [{"key": "lc", "value": "worker", "endpoint": {"serviceName": "web"}}]},
  {"traceId": "2", "id": "10", "name": "unfinished", "annotations": [{"timestamp": 1700000000007000, "value": "cs", "endpoint": {"serviceName": "web"}}]},
  {"traceId": "2", "id": "11", "name": "backwards", "annotations": [{"timestamp": 1700000000009000, "value": "cs", "endpoint": {"serviceName": "web"}}, {"timestamp": 1700000000008000, "value": "cr", "endpoint": {"serviceName": "web"}}]},
  {"traceId": "2", "id": "12", "name": "plain", "annotations": [{"timestamp": 1700000000009500, "value": "hello", "endpoint": {"serviceName": "web"}}]},
  {"traceId": "2", "id": "13", "name": "no time", "binaryAnnotations": []},
  {"traceId": "2", "name": "no id", "binaryAnnotations": []}]');
SELECT span_id, parent, service, operation, start_time, duration_ms, otel->>'kind' AS kind, tags, logs FROM rows;
TRUNCATE distributed_trace_log;
-- a timestamp of 0 is none
SELECT * FROM trace_ingest_zipkin('[
  {"traceId": "2", "id": "a", "timestamp": 0, "duration": 0, "annotations": [{"timestamp": 1700000000000500, "value": "cs", "endpoint": {"serviceName": "web"}}, {"timestamp": 1700000000001500, "value": "cr", "endpoint": {"serviceName": "web"}}]},
  {"traceId": "2", "id": "a", "timestamp": 0, "duration": 0, "annotations": [{"timestamp": 1700000000000600, "value": "sr", "endpoint": {"serviceName": "api"}}, {"timestamp": 1700000000001400, "value": "ss", "endpoint": {"serviceName": "api"}}]},
  {"traceId": "2", "id": "b", "timestamp": 1700000000000000, "duration": 0, "binaryAnnotations": []}]');
SELECT span_id, parent, service, start_time, duration_ms, otel->>'kind' AS kind, tags FROM rows;
TRUNCATE distributed_trace_log;
-- what is said again is an event
SELECT * FROM trace_ingest_zipkin('[{"traceId": "2", "id": "a", "annotations": [{"timestamp": 1700000000000500, "value": "cs", "endpoint": {"serviceName": "web"}}, {"timestamp": 1700000000000600, "value": "sr", "endpoint": {"serviceName": "api"}},
  {"timestamp": 1700000000000600, "value": "sr", "endpoint": {"serviceName": "api"}}, {"timestamp": 1700000000000700, "value": "sr", "endpoint": {"serviceName": "api 2"}}, {"timestamp": 1700000000000900, "value": "sr", "endpoint": {"serviceName": "api"}}, {"value": "cr"}]}]');
SELECT span_id, service, start_time, duration_ms, logs FROM rows;
TRUNCATE distributed_trace_log;
-- both formats in one document; what would be lost is said
SELECT * FROM trace_ingest_zipkin('[
  {"traceId": "3", "id": "a", "kind": "CLIENT", "name": "v2", "timestamp": 1700000000000000, "localEndpoint": {"serviceName": "web"}, "binaryAnnotations": [{"key": "x", "value": "y"}]},
  {"traceId": "3", "id": "b", "name": "v1", "annotations": [{"timestamp": 1700000000001000, "value": "sr", "endpoint": {"serviceName": "api"}}]}]');
SELECT * FROM trace_ingest_zipkin('[{"traceId": "3", "id": "c", "kind": "SIDEWAYS", "timestamp": 1700000000000000}, {"traceId": "3", "id": "d", "kind": "server", "timestamp": 1700000000000000}, {}]');

--
-- OTLP in other spellings
--

TRUNCATE distributed_trace_log, distributed_trace_resource;
\set span '"traceId": "5b8efff798038103d269b633813fc60c", "name": "o", "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000001000000"'
-- all names as protobuf has them
SELECT * FROM trace_ingest_otlp('{"resource_spans": [{"resource": {"attributes": [{"key": "service.name", "value": {"string_value": "snake"}}], "dropped_attributes_count": 1},
  "schema_url": "r", "scope_spans": [{"scope": {"name": "s"}, "schema_url": "s", "spans": [{"trace_id": "5b8efff798038103d269b633813fc60c", "span_id": "00000000000000a1",
  "parent_span_id": "00000000000000a0", "trace_state": "a=1", "name": "o", "kind": 2, "start_time_unix_nano": "1700000000000000001", "end_time_unix_nano": 1700000000001000000,
  "attributes": [{"key": "a", "value": {"array_value": {"values": [{"int_value": "1"}, {"double_value": 1}, {"bool_value": true}, {"bytes_value": "AA=="}, {"kvlist_value": {"values": [{"key": "k", "value": {}}]}}]}}}],
  "dropped_attributes_count": 2, "events": [{"time_unix_nano": "1700000000000500000", "name": "e", "dropped_attributes_count": 3}], "dropped_events_count": 4,
  "links": [{"trace_id": "5b8efff798038103d269b633813fc60c", "span_id": "00000000000000a9", "trace_state": "b=2", "dropped_attributes_count": 5}], "dropped_links_count": 6,
  "status": {"code": 2, "message": "m"}}]}]}]}'::text);
SELECT trace_export_otlp('5b8efff798038103d269b633813fc60c');
TRUNCATE distributed_trace_log, distributed_trace_resource;
-- of both spellings of a name the last counts
SELECT * FROM trace_ingest_otlp(('{"resourceSpans": [{"scopeSpans": [{"spans": [{' || :'span' || ', "spanId": "00000000000000a1", "trace_id": "00000000000000000000000000000002", "name": "a", "name": "b"}]}]}]}')::text);
-- but lists with spans below them all count: senders on their way to a newer name write both
SELECT * FROM trace_ingest_otlp(('{"resourceSpans": [{"scopeSpans": [{"spans": [{' || :'span' || ', "spanId": "00000000000000b1"}]}], "instrumentationLibrarySpans": [{"spans": [{' || :'span' || ', "spanId": "00000000000000b2"}], "spans": []}]}],
  "batches": [{"scope_spans": [{"spans": [{' || :'span' || ', "spanId": "00000000000000b3"}], "spans": [{' || :'span' || ', "spanId": "00000000000000b4"}]}]}], "resource_spans": null}')::text);
-- names of enums in any case and in short; ids in base64, padded or not; Tempo's and older names
SELECT * FROM trace_ingest_otlp(('{"batches": [{"instrumentationLibrarySpans": [{"instrumentationLibrary": {"name": "old"}, "spans": [
  {"traceId": "AAAAAAAAAAAAAAAAAAAAAg==", "spanId": "AAAAAAAAAKI=", "parentSpanId": "AAAAAAAAAKE", "name": "base64", "startTimeUnixNano": 1700000000000000000, "kind": "SPAN_KIND_SERVER", "status": {"code": "STATUS_CODE_OK"}},
  {"traceId": "AAAAAAAAAAAAAAAAAAAAAg", "spanId": "AAAAAAAAAKM", "name": "short", "startTimeUnixNano": 1.7e18, "kind": "client", "status": {"code": "Error"}},
  {"traceId": "00000000000000000000000000000002", "spanId": "00000000000000a4", "name": "digits", "startTimeUnixNano": "1700000000000000000", "kind": "5", "status": {"code": "2"}},
  {"traceId": "00000000000000000000000000000002", "spanId": "00000000000000a5", "name": "wrong", "startTimeUnixNano": "1700000000000000000", "kind": "SPAN_KIND_"},
  {"traceId": "AAAAAAAAAAAAAAAAAAA=", "spanId": "00000000000000a6", "name": "wrong", "startTimeUnixNano": "1700000000000000000"}]}]}]}')::text);
SELECT span_id, parent, operation, start_time, otel FROM rows;

--
-- Several documents
--

TRUNCATE distributed_trace_log, distributed_trace_resource;
SELECT * FROM trace_ingest_otlp((E'\n' || '{"resourceSpans": [{"scopeSpans": [{"spans": [{' || :'span' || E', "spanId": "00000000000000a1"}]}]}]}\r\n\r\n' ||
    '{"resource_spans": [{"scope_spans": [{"spans": [{' || :'span' || ', "spanId": "00000000000000a2"}, {' || :'span' || ', "spanId": "x}{"}]}]}]} {}')::text);
SELECT * FROM trace_ingest_zipkin(E'[{"traceId": "1", "id": "a", "timestamp": 1700000000000000, "name": "]["}]\n[]\n{"traceId": "1", "id": "b", "timestamp": 1700000000000000, "name": "\\"}"}\n');
SELECT * FROM trace_ingest_jaeger('{"traceID": "c1", "processes": {"p": {"serviceName": "one"}}, "spans": [{"spanID": "a", "operationName": "}", "startTime": 1700000000000000, "duration": 1, "processID": "p"}]}
    {"data": [{"traceID": "c2", "processes": {"p": {"serviceName": "two"}}, "spans": [{"spanID": "a", "operationName": "o", "startTime": 1700000000000000, "duration": 1, "processID": "p"}]}]}
    {"traceID": "c3", "spanID": "a", "operationName": "single", "startTime": 1700000000000000, "duration": 1, "process": {"serviceName": "three", "tag": {"host@name": "h"}},
     "tag": {"http@status_code": 200, "span@kind": "server", "otel@status_code": "Ok", "error": false}, "tags": [{"key": "a", "type": "int64", "value": "1"}]}');
SELECT service, operation, tags, otel FROM rows;
SELECT attributes FROM distributed_trace_resource ORDER BY attributes->>'service.name';
-- byte order marks, as files of Windows have them
SELECT i.* FROM unnest(ARRAY[E'\uFEFF{}', E'\uFEFF{}\r\n\r\n\uFEFF{"resourceLogs": []}', E' \uFEFF {}']) d, trace_ingest_otlp(d) i;
SELECT * FROM trace_ingest_zipkin(E'\uFEFF[]\r\n');
SELECT * FROM trace_ingest_jaeger(E'\uFEFF{"data": []}');
-- a fault is found where it is, and stores nothing
SELECT trace_ingest_otlp(('{"resourceSpans": []}' || E'\n{"resourceSpans": [}')::text);
SELECT trace_ingest_otlp('{"resourceSpans": []}, {}'::text);
SELECT trace_ingest_otlp('{"resourceSpans": []}}'::text);
SELECT trace_ingest_otlp('{}{"a'::text);
SELECT trace_ingest_otlp(E' \n'::text);
SELECT trace_ingest_zipkin(E'[]\n[{]');
SELECT trace_ingest_zipkin('');
SELECT trace_ingest_zipkin('[] {}');
SELECT trace_ingest_jaeger('{"data": []} 1');

--
-- Nothing that is known
--

SELECT d AS document, i.* FROM unnest(ARRAY['{}', '{"resourceSpans": []}', '{"resourceSpans": [{"scopeSpans": [{"spans": []}]}]}', '{"resourceLogs": []}', '{"resourceSpans": [{"logs": 1}]}', '{"resourceSpans": [{"scopeSpans": [{"sp\u00e4ns": []}]}]}',
    '{"trace": {"resourceSpans": []}}', '{"a": 1} {"b": 2}', '[]']) d, LATERAL (SELECT * FROM trace_ingest_otlp(CASE WHEN d <> '[]' THEN d END)) i;
SELECT d AS document, i.* FROM unnest(ARRAY['\x', '\x0a00', '\x1200', '\xfa0100']::bytea[]) d, trace_ingest_otlp(d) i;
SELECT d AS document, i.* FROM unnest(ARRAY['[]', '[{}]', '{"data": []}', '{"data": [{}]}', '[{"trace": 1}]', '{"spans": []}', '[7]']) d, trace_ingest_jaeger(d) i;
SELECT d AS document, i.* FROM unnest(ARRAY['[]', '[[]]', '[{}]', '[7]', '[[{"a": 1}]]']) d, trace_ingest_zipkin(d) i;

DROP VIEW rows;
TRUNCATE distributed_trace_log, distributed_trace_resource;
