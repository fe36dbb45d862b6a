-- Recording Zipkin's and Jaeger's JSON.

TRUNCATE distributed_trace_log, distributed_trace_resource;
SET datestyle = ISO;
SET timezone = 'UTC';
SET intervalstyle = postgres;
\getenv abs_srcdir PG_ABS_SRCDIR
\set zipkin_file :abs_srcdir '/data/zipkin/shop.json'
\set jaeger_file :abs_srcdir '/data/jaeger/shop.json'

CREATE VIEW rows AS
    SELECT trace_id, span_id, parent_span_id AS parent, service_name AS service, operation, start_time,
           end_time - start_time AS duration, duration_ms, tags - 'otel' AS tags, tags->'otel' #- '{resource}' AS otel, logs
        FROM distributed_trace_log ORDER BY trace_id, start_time, span_id COLLATE "C";

--
-- Zipkin
--

SELECT * FROM trace_ingest_zipkin(pg_read_file(:'zipkin_file'));
\x on
SELECT * FROM rows;
\x off
-- the same again writes nothing
SELECT * FROM trace_ingest_zipkin(pg_read_file(:'zipkin_file'));
-- the trace is found by the id it came with, and hangs together
SELECT depth, span_id, service_name, operation, is_error FROM trace_tree('5af7183fb1d4cf5f');

-- an array of traces; the order of reports does not matter
TRUNCATE distributed_trace_log;
SELECT i.* FROM (SELECT jsonb_build_array(jsonb_agg(span ORDER BY n DESC)) AS document
    FROM jsonb_array_elements(pg_read_file(:'zipkin_file')::jsonb) WITH ORDINALITY AS d(span, n)) d, trace_ingest_zipkin(document::text) i;
SELECT depth, span_id, service_name, operation, is_error FROM trace_tree('5af7183fb1d4cf5f');

-- every span in a call of its own: what the row itself says is enough for the shared half,
-- not for a part of it that does not say whose it is, nor for a child of the server's
TRUNCATE distributed_trace_log;
SELECT sum(accepted), sum(duplicates), sum(rejected), string_agg(message, '; ')
    FROM jsonb_array_elements(pg_read_file(:'zipkin_file')::jsonb) span, trace_ingest_zipkin(jsonb_build_array(span)::text);
SELECT depth, span_id, service_name, operation, is_error FROM trace_tree('5af7183fb1d4cf5f');

-- a shared id: both kinds without "shared", one service on both sides
TRUNCATE distributed_trace_log;
SELECT * FROM trace_ingest_zipkin('[
  {"traceId": "aa", "id": "1", "kind": "CLIENT", "timestamp": 1790000000000010, "duration": 90, "localEndpoint": {"serviceName": "s", "ipv4": "10.0.0.1"}},
  {"traceId": "aa", "id": "1", "kind": "SERVER", "timestamp": 1790000000000020, "duration": 70, "localEndpoint": {"serviceName": "s", "ipv4": "10.0.0.2"}},
  {"traceId": "aa", "id": "2", "parentId": "1", "timestamp": 1790000000000030, "duration": 1, "name": "by address, the server''s", "localEndpoint": {"serviceName": "s", "ipv4": "10.0.0.2"}},
  {"traceId": "aa", "id": "3", "parentId": "1", "timestamp": 1790000000000030, "duration": 1, "name": "by address, the client''s", "localEndpoint": {"serviceName": "s", "ipv4": "10.0.0.1"}},
  {"traceId": "aa", "id": "4", "parentId": "1", "timestamp": 1790000000000030, "duration": 1, "name": "uncertain", "localEndpoint": {"serviceName": "s"}},
  {"traceId": "aa", "id": "5", "parentId": "1", "timestamp": 1790000000000030, "duration": 1, "name": "somebody else''s", "localEndpoint": {"serviceName": "t"}},
  {"traceId": "aa", "id": "6", "parentId": "1", "timestamp": 1790000000000030, "duration": 1, "name": "nobody''s"},
  {"traceId": "aa", "id": "1", "tags": {"part": "of the client, for all we know"}, "localEndpoint": {"serviceName": "s", "ipv4": "10.0.0.2"}},
  {"traceId": "ab", "id": "1", "kind": "CLIENT", "timestamp": 1790000000000010, "localEndpoint": {"serviceName": "s", "ipv4": "10.0.0.1"}},
  {"traceId": "ab", "id": "1", "kind": "SERVER", "timestamp": 1790000000000020, "localEndpoint": {"serviceName": "s", "ipv4": "10.0.0.1"}},
  {"traceId": "ab", "id": "2", "parentId": "1", "timestamp": 1790000000000030, "name": "uncertain", "localEndpoint": {"serviceName": "s", "ipv4": "10.0.0.1"}}]');
SELECT trace_id, span_id, parent, operation, tags->'part' AS part FROM rows;

-- several servers under one id; a server whose client is not in the document
TRUNCATE distributed_trace_log;
SELECT * FROM trace_ingest_zipkin('[
  {"traceId": "bb", "id": "1", "kind": "SERVER", "shared": true, "timestamp": 1790000000000020, "localEndpoint": {"serviceName": "s", "ipv4": "10.0.0.3", "port": 80}},
  {"traceId": "bb", "id": "1", "kind": "SERVER", "shared": true, "timestamp": 1790000000000030, "localEndpoint": {"serviceName": "s", "ipv4": "10.0.0.2", "port": 80}},
  {"traceId": "bb", "id": "1", "kind": "SERVER", "shared": true, "localEndpoint": {"serviceName": "s", "ipv6": "2001:db8::1"}},
  {"traceId": "bb", "id": "1", "kind": "CLIENT", "timestamp": 1790000000000010, "localEndpoint": {"serviceName": "c"}},
  {"traceId": "bb", "id": "2", "parentId": "1", "timestamp": 1790000000000040, "localEndpoint": {"serviceName": "s", "ipv4": "10.0.0.2", "port": 80}},
  {"traceId": "bb", "id": "3", "parentId": "1", "timestamp": 1790000000000040, "localEndpoint": {"serviceName": "s"}},
  {"traceId": "cc", "id": "1", "kind": "SERVER", "shared": true, "timestamp": 1790000000000005, "localEndpoint": {"serviceName": "s"}},
  {"traceId": "cc", "id": "2", "parentId": "1", "timestamp": 1790000000000006, "localEndpoint": {"serviceName": "s"}}]');
SELECT trace_id, span_id, parent, start_time FROM rows;

-- parts of a span: the earliest start, the later value, the annotations of all; a time that is missing
TRUNCATE distributed_trace_log;
SELECT * FROM trace_ingest_zipkin('[
  {"traceId": "dd", "id": "1", "name": "first", "timestamp": 1790000000000100, "tags": {"a": "1", "b": "1"}, "annotations": [{"timestamp": 1790000000000110, "value": "x"}]},
  {"traceId": "dd", "id": "1", "name": "second", "duration": 50, "tags": {"b": "2"}, "annotations": [{"timestamp": 1790000000000120, "value": "y"}, {"timestamp": 1790000000000121}, "z"]},
  {"traceId": "dd", "id": "1", "timestamp": 1790000000000090, "duration": 70, "localEndpoint": {"serviceName": "s"}},
  {"traceId": "dd", "id": "2", "annotations": [{"value": "no time"}]},
  {"traceId": "dd", "id": "3", "kind": "CLIENT", "timestamp": 0, "duration": 7},
  {"traceId": "dd", "id": "3", "kind": "SERVER", "timestamp": 1790000000000005}]');
SELECT span_id, service, operation, start_time, duration, tags, logs FROM rows;

-- tags that are no strings, or named like our own; NUL and halves of surrogate pairs
TRUNCATE distributed_trace_log;
SELECT * FROM trace_ingest_zipkin('[
  {"traceId": "ee", "id": "1", "timestamp": 1790000000000001, "duration": 0, "name": "a\u0000b\ud800c\udc00d\ud83d\ude00", "tags":
    {"n": 1.50, "t": true, "o": {"k": [1]}, "z": null, "otel": "mine", "s\u0000": "\\u0000", "peer.service": "tag"},
   "remoteEndpoint": {"serviceName": "endpoint"}, "parentId": "0000000000000000"}]');
SELECT span_id, parent, operation, duration, tags, otel FROM rows;

-- one bad span is rejected alone
TRUNCATE distributed_trace_log;
SELECT accepted, duplicates, rejected, replace(message, '; ', E'\n') AS message FROM trace_ingest_zipkin('[
  {"traceId": "ff", "id": "1", "timestamp": 1790000000000001},
  {"traceId": "ff", "timestamp": 1790000000000001},
  {"traceId": "ff", "id": "xyz", "timestamp": 1790000000000001},
  {"traceId": "ff", "id": "00000000000000001", "timestamp": 1790000000000001},
  {"traceId": "ff", "id": "0000000000000000", "timestamp": 1790000000000001},
  {"traceId": 17, "id": "2", "timestamp": 1790000000000001}]');
SELECT accepted, duplicates, rejected, replace(message, '; ', E'\n') AS message FROM trace_ingest_zipkin('[
  {"traceId": "ff", "id": "1", "timestamp": 1790000000000001},
  {"traceId": "ff", "id": "3", "parentId": "up", "timestamp": 1790000000000001},
  {"traceId": "ff", "id": "4"},
  {"traceId": "ff", "id": "5", "timestamp": "soon"},
  {"traceId": "ff", "id": "6", "timestamp": -1},
  {"traceId": "ff", "id": "7", "timestamp": 9223372036854775807}]');
SELECT accepted, duplicates, rejected, replace(message, '; ', E'\n') AS message FROM trace_ingest_zipkin('[
  {"traceId": "ff", "id": "8", "timestamp": 1790000000000001, "duration": -1},
  {"traceId": "ff", "id": "9", "timestamp": 1790000000000001, "duration": 9223372036854775807},
  {"traceId": "ff", "id": "a", "timestamp": 1e300},
  17, null]');
SELECT rejected, message FROM trace_ingest_zipkin(format('[{"traceId": "ff", "id": "b", "timestamp": 1790000000000001, "localEndpoint": {"serviceName": "%s"}}]', repeat('s', 2049)));
SELECT span_id FROM rows;

-- documents that are none
SELECT * FROM trace_ingest_zipkin('[]');
SELECT * FROM trace_ingest_zipkin(NULL);
SELECT * FROM trace_ingest_zipkin('{}');
SELECT * FROM trace_ingest_zipkin('17');
SELECT * FROM trace_ingest_zipkin('');
SELECT * FROM trace_ingest_zipkin('[{"traceId": "ff", "id": "1", "timestamp": 1790000000000001}, {"traceId":]');
\set VERBOSITY terse
SELECT * FROM trace_ingest_zipkin(repeat('[', 1000000));
\set VERBOSITY default

-- cut off at every byte: an error, and no other harm
CREATE FUNCTION pg_temp.cut_off(statement text, document text) RETURNS TABLE (state text, documents bigint) LANGUAGE plpgsql AS $$
DECLARE
    counts jsonb = '{}';
BEGIN
    FOR n IN 0..length(document) LOOP
        BEGIN
            EXECUTE statement USING left(document, n);
            state = 'done';
        EXCEPTION WHEN invalid_text_representation THEN
            state = 'malformed';
        END;
        counts = counts || jsonb_build_object(state, coalesce((counts->>state)::bigint, 0) + 1);
    END LOOP;
    RETURN QUERY SELECT key, value::bigint FROM jsonb_each_text(counts);
END $$;
SELECT state, documents > 100 AS many FROM pg_temp.cut_off('SELECT trace_ingest_zipkin($1)', trim(E'\n ' from pg_read_file(:'zipkin_file')));

--
-- Jaeger
--

TRUNCATE distributed_trace_log, distributed_trace_resource;
SELECT * FROM trace_ingest_jaeger(pg_read_file(:'jaeger_file'));
\x on
SELECT * FROM rows;
\x off
SELECT l.service_name, r.attributes FROM distributed_trace_log l
    LEFT JOIN distributed_trace_resource r ON r.resource_id = (l.tags->'otel'->>'resource')::bigint ORDER BY l.start_time;
SELECT count(*) FROM distributed_trace_resource;
SELECT * FROM trace_ingest_jaeger(pg_read_file(:'jaeger_file'));

-- one trace alone, and an array of traces
SELECT * FROM trace_ingest_jaeger((pg_read_file(:'jaeger_file')::jsonb->'data'->0)::text);
SELECT * FROM trace_ingest_jaeger((pg_read_file(:'jaeger_file')::jsonb->'data')::text);

-- one bad span is rejected alone; ids that are no hex stay as they are
TRUNCATE distributed_trace_log;
SELECT accepted, duplicates, rejected, replace(message, '; ', E'\n') AS message FROM trace_ingest_jaeger('{"traceID": "trace_abc123", "processes": {"p": {"serviceName": "s"}}, "spans": [
  {"spanID": "span-1", "startTime": 1790000000000001, "duration": 1, "processID": "p"},
  {"spanID": "", "startTime": 1790000000000001},
  {"spanID": "3"},
  {"spanID": "4", "startTime": "soon"},
  {"spanID": "5", "startTime": 1790000000000001, "duration": "long"},
  {"spanID": "6", "startTime": 1790000000000001, "references": [{"refType": "CHILD_OF"}]}]}');
SELECT accepted, duplicates, rejected, replace(message, '; ', E'\n') AS message FROM trace_ingest_jaeger(format('[{"spans": [{"spanID": "7", "startTime": 1790000000000001}, 17,
  {"traceID": "t", "spanID": "%s", "startTime": 1790000000000001}, {"traceID": "t", "spanID": "%s", "startTime": 1790000000000001}]}, 17]', repeat('x', 101), repeat('y', 100)));
SELECT trace_id, length(span_id), service, operation, duration FROM rows;

-- documents that are none
SELECT * FROM trace_ingest_jaeger('[]');
SELECT * FROM trace_ingest_jaeger('{"data": []}');
SELECT * FROM trace_ingest_jaeger(NULL);
SELECT * FROM trace_ingest_jaeger('{}');
SELECT * FROM trace_ingest_jaeger('"data"');
SELECT * FROM trace_ingest_jaeger('{"data": [');
SELECT state, documents > 100 AS many FROM pg_temp.cut_off('SELECT trace_ingest_jaeger($1)', trim(E'\n ' from pg_read_file(:'jaeger_file')));

DROP VIEW rows;
TRUNCATE distributed_trace_log, distributed_trace_resource;

-- other encodings: what the database's lacks stays as an escape
SELECT current_database() AS home \gset
SET client_min_messages = warning;
CREATE DATABASE trace_latin1_import TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C';
\c trace_latin1_import
SET client_encoding = 'UTF8';
CREATE EXTENSION distributed_trace;
SELECT * FROM trace_ingest_zipkin('[{"traceId": "aa", "id": "1", "timestamp": 1790000000000001, "name": "caf\u00e9 \u62b9 \ud83c\udf75 \u0000 \ud800.", "tags": {"\u00e9": "\\u00e9"}}]');
SELECT operation, tags FROM distributed_trace_log;
SELECT event_name FROM trace_events('["caf\u00e9 \u62b9"]');
\c :home
DROP DATABASE trace_latin1_import;
