-- Merging records of one span, and what the log does not take.
\set VERBOSITY terse
SET client_min_messages = warning;
SET timezone = 'UTC';
TRUNCATE distributed_trace_log, distributed_trace_resource;

-- a request with one span: members of the span, and its resource's service
CREATE FUNCTION pg_temp.request(members text, service text DEFAULT 's') RETURNS text LANGUAGE sql AS $$
	SELECT '{"resourceSpans": [{"resource": {"attributes": [' || coalesce('{"key": "service.name", "value": {"stringValue": "' || service || '"}}', '')
		|| ']}, "scopeSpans": [{"spans": [{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "00000000000000aa",
		"startTimeUnixNano": "1767225600000000000", ' || members || '}]}]}]}' $$;
CREATE VIEW pg_temp.merged AS SELECT operation, service_name, (tags - 'otel') || (tags -> 'otel') - 'resource' AS tags FROM distributed_trace_log;

-- exact forms are merged attribute by attribute
SELECT accepted FROM trace_ingest_otlp(pg_temp.request('"attributes": [{"key": "x", "value": {"bytesValue": "AAE="}}, {"key": "y", "value": {"doubleValue": "NaN"}}, {"key": "otel", "value": {"intValue": "7"}}]'));
SELECT accepted FROM trace_ingest_otlp(pg_temp.request('"attributes": [{"key": "x", "value": {"stringValue": "plain"}}]'));
SELECT tags FROM pg_temp.merged;
SELECT accepted FROM trace_ingest_otlp(pg_temp.request('"attributes": [{"key": "z", "value": {"bytesValue": "AAI="}}]'));
SELECT tags FROM pg_temp.merged;
SELECT a FROM trace_export_otlp('5b8efff798038103d269b633813fc60c') e, jsonb_path_query(e::jsonb, '$.resourceSpans[*].scopeSpans[*].spans[*].attributes[*]') a ORDER BY a ->> 'key';
SELECT accepted FROM trace_ingest_otlp(pg_temp.request('"attributes": [{"key": "y", "value": {"intValue": "1"}}, {"key": "z", "value": {"intValue": "1"}}, {"key": "otel", "value": {"boolValue": true}}]'));
SELECT tags FROM pg_temp.merged;

-- nor kind nor resource are lost to a record that does not know them; a later
-- status brings its own message or none
TRUNCATE distributed_trace_log;
SELECT accepted FROM trace_ingest_otlp(pg_temp.request('"name": "n", "kind": 2, "status": {"code": 2, "message": "failed"}', 'shop'));
SELECT accepted, duplicates FROM trace_ingest_otlp(pg_temp.request('"kind": 0', NULL));
SELECT operation, service_name, shown, (SELECT attributes FROM distributed_trace_resource r WHERE r.resource_id = (l.tags -> 'otel' -> 'resource')::bigint)
FROM distributed_trace_log l, LATERAL (SELECT l.tags #- '{otel,resource}') t (shown);
SELECT accepted FROM trace_ingest_otlp(pg_temp.request('"status": {"code": 1}', 'shop'));
SELECT tags -> 'otel' ->> 'status' AS status, tags -> 'otel' ->> 'status_message' AS message FROM distributed_trace_log;

-- nanoseconds follow their times, also when only one record has "otel", and
-- what is none is 0
TRUNCATE distributed_trace_log;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, tags)
VALUES ('1', '1', 's', 'o', '2026-09-21 14:13:20.000009+00', '{"otel": {"start_ns": 1e20, "end_ns": "x"}}'),
	('1', '2', 's', 'o', '2026-09-21 14:13:20.000009+00', '{"otel": {"start_ns": 7, "end_ns": 5}}'),
	('1', '3', 's', 'o', '2026-09-21 14:13:20.000009+00', '{"otel": "none"}');
SELECT accepted, rejected, message FROM trace_ingest_zipkin('[{"traceId": "1", "id": "1", "timestamp": 1790000000000009, "duration": 1, "tags": {"a": "1"}},
	{"traceId": "1", "id": "2", "timestamp": 1790000000000008, "duration": 1, "tags": {"a": "1"}}, {"traceId": "1", "id": "3", "timestamp": 1790000000000008, "tags": {"a": "1"}}]');
SELECT span_id, tags FROM distributed_trace_log ORDER BY span_id;

-- merged durations that numeric(16,3) cannot hold, and times that are infinite
TRUNCATE distributed_trace_log;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, end_time)
VALUES ('1', '1', 's', 'o', '1600-01-01', NULL), ('1', '2', 's', 'o', '-infinity', NULL),
	('1', '3', 's', 'o', '2000-01-01', 'infinity'), ('1', '4', 's', 'o', '4000-01-01 BC', NULL);
SELECT accepted, duplicates, rejected, message FROM trace_ingest_zipkin((SELECT json_agg(json_build_object('traceId', '1', 'id', id::text, 'timestamp', 1767225600000000, 'duration', 9, 'name', 'n')) FROM generate_series(1, 4) id)::text);
SELECT span_id, operation, start_time, end_time, duration_ms FROM distributed_trace_log ORDER BY span_id;

-- ids and names that the columns cannot hold, whatever they were made from
TRUNCATE distributed_trace_log;
SELECT accepted, rejected, message FROM trace_ingest_zipkin(format('[{"traceId": "1", "id": "1", "kind": "CLIENT", "timestamp": 1790000000000001},
	{"traceId": "1", "id": "1", "kind": "SERVER", "timestamp": 1790000000000002, "localEndpoint": {"serviceName": "a", "ipv4": "10.0.0.1"}},
	{"traceId": "1", "id": "1", "kind": "SERVER", "timestamp": 1790000000000003, "localEndpoint": {"serviceName": "b", "ipv4": "%s", "port": 80}},
	{"traceId": "1", "id": "1", "kind": "SERVER", "timestamp": 1790000000000004, "localEndpoint": {"serviceName": "c", "ipv6": "%s", "port": 80}}]', repeat('x', 46), repeat('1', 45)));
SELECT span_id, service_name FROM distributed_trace_log ORDER BY span_id;
DO $$ BEGIN PERFORM trace_span_start('o', repeat('s', 2049)); EXCEPTION WHEN object_not_in_prerequisite_state THEN
	RAISE WARNING '%', regexp_replace(SQLERRM, '[0-9a-f]{16}', '<id>'); END $$;

-- many records of one span in one request: quick, and each tag is there
TRUNCATE distributed_trace_log;
SET statement_timeout = '60s';
SELECT * FROM trace_ingest_zipkin((SELECT json_agg(json_build_object('traceId', 'aa', 'id', '1', 'timestamp', 1790000000001000 + n % 3, 'duration', n,
	'tags', json_build_object('k' || n, 'v', 'last', n::text))) FROM generate_series(1, 30000) n)::text);
SELECT (SELECT count(*) FROM jsonb_object_keys(tags)) AS tags, tags ->> 'last' AS last, start_time, end_time, duration_ms FROM distributed_trace_log;
RESET statement_timeout;
-- more tags than a row may gather: the records that do not fit are rejected
TRUNCATE distributed_trace_log;
SELECT accepted, duplicates, rejected, left(message, 60) AS message FROM trace_ingest_zipkin((SELECT json_agg(json_build_object('traceId', 'aa', 'id', '1', 'timestamp', 1,
	'tags', json_build_object('k' || n, repeat('v', 3000000)))) FROM generate_series(1, 6) n)::text);
SELECT (SELECT count(*) FROM jsonb_object_keys(tags)) AS tags FROM distributed_trace_log;

-- what a trigger keeps out is no duplicate
TRUNCATE distributed_trace_log;
CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN new.operation <> 'bad' THEN new END; END $$;
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON distributed_trace_log FOR EACH ROW EXECUTE FUNCTION pg_temp.refuse();
SELECT * FROM trace_ingest_zipkin('[{"traceId": "1", "id": "1", "timestamp": 1790000000000001, "name": "good"}, {"traceId": "1", "id": "2", "timestamp": 1790000000000001, "name": "bad"}, {"traceId": "1", "id": "2", "timestamp": 1790000000000001, "name": "bad"}]');
SELECT * FROM trace_ingest_zipkin('[{"traceId": "1", "id": "1", "timestamp": 1790000000000001, "name": "bad"}]');
SELECT span_id, operation FROM distributed_trace_log;
DROP TRIGGER refuse ON distributed_trace_log;

-- numbers that numeric cannot hold spoil a value or a span, not the document
TRUNCATE distributed_trace_log;
SELECT * FROM trace_ingest_zipkin('[{"traceId": "1", "id": "1", "timestamp": 1790000000000001, "tags": {"big": 1e200000, "small": -1.5E-200000, "text": "1e200000"}}, {"traceId": "1", "id": "2", "timestamp": 1e200000}]');
SELECT * FROM trace_ingest_jaeger('{"spans": [{"traceID": "1", "spanID": "3", "startTime": 1790000000000001, "tags": [{"key": "big", "type": "float64", "value": 1e200000}]}, {"traceID": "1", "spanID": "4", "startTime": 1e200000}]}');
SELECT span_id, tags FROM distributed_trace_log ORDER BY span_id;
SELECT * FROM trace_ingest_zipkin('[{"traceId": "1", "id": "1", "timestamp": 1e200000x}]');

-- limits of one span and of one request
TRUNCATE distributed_trace_log, distributed_trace_resource;
SELECT accepted, rejected, message FROM trace_ingest_otlp(pg_temp.request('"attributes": [' || repeat('{},', 500000) || '{}]'));
SELECT accepted, rejected, message FROM trace_ingest_otlp(pg_temp.request('"links": [' || repeat('{},', 500000) || '{}]'));
SELECT accepted, rejected, message FROM trace_ingest_otlp(pg_temp.request('"events": [' || repeat('{},', 500000) || '{}]'));
SELECT accepted, rejected, message FROM trace_ingest_otlp(pg_temp.request('"attributes": [{"key": "k", "value": {"arrayValue": {"values": [' || repeat('{},', 500000) || '{}]}}}]'));
SELECT trace_ingest_otlp(convert_to(repeat(' ', 64 * 1024 * 1024 + 1), 'SQL_ASCII'));
SELECT trace_ingest_otlp(repeat(' ', 64 * 1024 * 1024 + 1));

-- kinds that nobody knows
SELECT accepted FROM trace_ingest_otlp(pg_temp.request('"kind": 2147483647, "status": {"code": 2147483647}'));
SELECT tags #- '{otel,resource}' AS tags FROM distributed_trace_log;
SELECT accepted FROM trace_ingest_otlp(pg_temp.request('"kind": -2147483648'));
SELECT tags #- '{otel,resource}' AS tags FROM distributed_trace_log;

-- a resource without spans costs nothing and leaves nothing
TRUNCATE distributed_trace_log, distributed_trace_resource;
SELECT * FROM trace_ingest_otlp('{"resourceSpans": [{"resource": {"attributes": [{"key": "a", "value": {"intValue": 1}}]}, "scopeSpans": [{"scope": {"name": "s"}}, {"spans": []}]}]}'::text);
SELECT count(*) FROM distributed_trace_resource;

-- a resource that is there but hidden is an error, not a wait without end
SELECT accepted FROM trace_ingest_otlp(pg_temp.request('"name": "n"', 'hidden'));
CREATE ROLE trace_merge_test;
GRANT SELECT, INSERT ON distributed_trace_log, distributed_trace_resource TO trace_merge_test;
ALTER TABLE distributed_trace_resource ENABLE ROW LEVEL SECURITY;
CREATE POLICY write ON distributed_trace_resource FOR INSERT WITH CHECK (true);
SELECT resource_id AS hidden_id FROM distributed_trace_resource \gset
CREATE POLICY read ON distributed_trace_resource FOR SELECT USING (resource_id <> :hidden_id);
SELECT pg_temp.request('"name": "n"', 'hidden') AS hidden, replace(pg_temp.request('"name": "n"', 'seen'), '00aa', '00bb') AS seen \gset
SET ROLE trace_merge_test;
SET statement_timeout = '20s';
\set VERBOSITY default
SELECT accepted FROM trace_ingest_otlp(:'hidden');
SELECT accepted, rejected FROM trace_ingest_otlp(:'seen');
\set VERBOSITY terse
RESET statement_timeout;
RESET ROLE;
DROP POLICY write ON distributed_trace_resource;
DROP POLICY read ON distributed_trace_resource;
ALTER TABLE distributed_trace_resource DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON distributed_trace_log, distributed_trace_resource FROM trace_merge_test;
DROP ROLE trace_merge_test;
DROP VIEW pg_temp.merged;
TRUNCATE distributed_trace_log, distributed_trace_resource;
