-- A start that no clock can have shown: 0, absent, counted from a clock's own
-- beginning, in other units.  The span is kept at a time that is known, its
-- tags say what was reported, and it moves no figure.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS distributed_trace;
SET timezone = 'UTC';
TRUNCATE distributed_trace_log, distributed_trace_latency;

-- by OTLP: a root of 100 ms from 2031 and these members of a child
CREATE FUNCTION otlp(trace text, child text) RETURNS text LANGUAGE sql AS $$
SELECT format('{"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "s"}}]}, "scopeSpans": [{"spans": [
	{"traceId": "%1$s", "spanId": "00000000000000a1", "name": "root", "startTimeUnixNano": "1925000000000000000", "endTimeUnixNano": "1925000000100000000"},
	{"traceId": "%1$s", "spanId": "00000000000000a2", "parentSpanId": "00000000000000a1", "name": "child"%2$s}]}]}]}', lpad(trace, 32, '0'), child)
$$;
CREATE TABLE cases (trace text, document text, format text);
INSERT INTO cases VALUES
	('01', otlp('01', ', "endTimeUnixNano": "1925000000050000000"'), 'otlp'),
	('02', otlp('02', ', "startTimeUnixNano": "0", "endTimeUnixNano": "1925000000050000000"'), 'otlp'),
	('03', otlp('03', ''), 'otlp'),
	-- 12 s and 12.05 s after the machine was started; with nanoseconds
	('04', otlp('04', ', "startTimeUnixNano": "12000000007", "endTimeUnixNano": "12050000008"'), 'otlp'),
	-- milliseconds, and microseconds, for nanoseconds
	('05', otlp('05', ', "startTimeUnixNano": "1925000000010", "endTimeUnixNano": "1925000000050"'), 'otlp'),
	('06', otlp('06', ', "startTimeUnixNano": "1925000000010000", "endTimeUnixNano": "1925000000050000"'), 'otlp'),
	('07', '{"traceID": "00000000000000000000000000000007", "processes": {"p": {"serviceName": "s"}}, "spans": [
		{"spanID": "a1", "operationName": "root", "startTime": 1925000000000000, "duration": 100000, "processID": "p"},
		{"spanID": "a2", "operationName": "child", "parentSpanID": "a1", "startTime": 0, "duration": 50000, "processID": "p"},
		{"spanID": "a3", "operationName": "child", "parentSpanID": "a1", "duration": 50000, "processID": "p"},
		{"spanID": "a4", "operationName": "child", "parentSpanID": "a1", "startTime": 1925000000010, "duration": 50, "processID": "p"},
		{"spanID": "a5", "operationName": "child", "parentSpanID": "a2", "startTime": -5, "duration": 50, "processID": "p"},
		{"spanID": "a6", "operationName": "child", "parentSpanID": "a1", "startTime": 1925000000010000000, "duration": 50000000, "processID": "p"},
		{"spanID": "a7", "operationName": "child", "parentSpanID": "a1", "startTime": 9223372036854775807, "duration": 50, "processID": "p"}]}', 'jaeger'),
	('08', '[{"traceId": "00000000000000000000000000000008", "id": "a1", "name": "root", "timestamp": 1925000000000000, "duration": 100000, "localEndpoint": {"serviceName": "s"}},
		{"traceId": "00000000000000000000000000000008", "id": "a2", "parentId": "a1", "name": "child", "timestamp": 0, "duration": 50000, "localEndpoint": {"serviceName": "s"}},
		{"traceId": "00000000000000000000000000000008", "id": "a3", "parentId": "a1", "name": "child", "duration": 50000, "localEndpoint": {"serviceName": "s"}},
		{"traceId": "00000000000000000000000000000008", "id": "a4", "parentId": "a1", "name": "child", "localEndpoint": {"serviceName": "s"}},
		{"traceId": "00000000000000000000000000000008", "id": "a5", "parentId": "a1", "name": "child", "timestamp": 1925000000010, "duration": 50, "localEndpoint": {"serviceName": "s"}},
		{"traceId": "00000000000000000000000000000008", "id": "a6", "parentId": "a1", "name": "child", "timestamp": -5, "duration": 50, "localEndpoint": {"serviceName": "s"}},
		{"traceId": "00000000000000000000000000000008", "id": "a7", "parentId": "a1", "name": "child", "timestamp": 1925000000010000000, "duration": 50000000, "localEndpoint": {"serviceName": "s"}}]', 'zipkin'),
	-- the root itself
	('09', '[{"traceId": "00000000000000000000000000000009", "id": "a1", "name": "root", "timestamp": 7, "duration": 100000, "localEndpoint": {"serviceName": "s"}},
		{"traceId": "00000000000000000000000000000009", "id": "a2", "parentId": "a1", "name": "child", "timestamp": 1925000000000000, "duration": 100000, "localEndpoint": {"serviceName": "s"}}]', 'zipkin');
CREATE FUNCTION record(format text, document text, OUT accepted bigint, OUT duplicates bigint, OUT rejected bigint, OUT message text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT * FROM trace_ingest_%s($1::text)', format) INTO accepted, duplicates, rejected, message USING document;
END $$;
SELECT c.trace, r.*, again.duplicates AS again FROM cases c, record(c.format, c.document) r, record(c.format, c.document) again ORDER BY 1;
SELECT ltrim(trace_id, '0') AS trace, right(span_id, 2) AS span, start_time, end_time - start_time AS length, duration_ms, tags #> '{otel,reported}' AS reported
FROM distributed_trace_log ORDER BY trace_id, span_id;
-- nothing moved
SELECT c.trace, s.start_time, s.wall_ms, s.critical_ms, s.span_count, (SELECT string_agg(problem || ' ' || right(span_id, 2), ', ') FROM trace_lint(lpad(c.trace, 32, '0'))) AS lint
FROM cases c, trace_summary(lpad(c.trace, 32, '0')) s ORDER BY 1;
SELECT trace_waterfall(lpad('07', 32, '0'), 60);
SELECT min(start_time), max(start_time), min(duration_ms), max(duration_ms), count(*) FROM trace_traces WHERE start_time > '2031-01-01';
SELECT service_name, span_count, min_ms, max_ms FROM trace_service_latency('-infinity', 'infinity', spans => 'all');
SELECT count(*) FROM trace_rollup_check('-infinity', 'infinity');
SELECT trace_rollup_rebuild('-infinity', 'infinity') AS spans;
SELECT service_name, first_seen_time FROM trace_services;
-- they go out as they came
SELECT j.span ->> 'startTimeUnixNano' AS start, j.span ->> 'endTimeUnixNano' AS "end"
FROM jsonb_path_query(trace_export_otlp(lpad('04', 32, '0'))::jsonb, '$.resourceSpans[*].scopeSpans[*].spans[*]') j (span) ORDER BY 1;
SELECT j.span ->> 'spanID' AS span, j.span ->> 'startTime' AS start, j.span ->> 'duration' AS duration
FROM jsonb_path_query(trace_export_jaeger(lpad('07', 32, '0'))::jsonb, '$.data[*].spans[*]') j (span) ORDER BY 1;
SELECT count(*) FILTER (WHERE j.span ->> 'endTimeUnixNano' <> '0') AS finished, count(*)
FROM jsonb_path_query(trace_export_otlp(lpad('08', 32, '0'))::jsonb, '$.resourceSpans[*].scopeSpans[*].spans[*]') j (span);
-- and in again
CREATE TABLE exported AS SELECT trace_export_otlp(lpad(trace, 32, '0')) AS document, trace FROM cases;
SELECT e.trace, r.* FROM exported e, trace_ingest_otlp(e.document::text) r WHERE e.trace < '07' ORDER BY 1;

-- a trace whose only span says nothing is found by when it came
SELECT accepted, rejected FROM trace_ingest_zipkin('[{"traceId": "00000000000000000000000000000010", "id": "1", "name": "lost", "duration": 9}]');
SELECT start_time BETWEEN now() - interval '1 min' AND now() + interval '1 min' AS here, end_time - start_time AS length, duration_ms
FROM distributed_trace_log WHERE trace_id = lpad('10', 32, '0');
-- a parent that is in the log
SELECT accepted FROM trace_ingest_zipkin('[{"traceId": "00000000000000000000000000000001", "id": "00000000000000a3", "parentId": "00000000000000a1", "name": "later child"}]');
SELECT start_time FROM distributed_trace_log WHERE span_id = '00000000000000a3' AND trace_id = lpad('01', 32, '0');
-- but not one that does not know itself
SELECT accepted FROM trace_ingest_zipkin('[{"traceId": "00000000000000000000000000000010", "id": "2", "parentId": "1", "name": "lost child"}]');

-- what is known wins, whichever comes first, and half of it is no loss
CREATE FUNCTION at(id text, started bigint, ended bigint) RETURNS text LANGUAGE sql AS $$
SELECT format('{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "%s", "spanId": "00000000000000bb", "name": "n", "startTimeUnixNano": "%s", "endTimeUnixNano": "%s"}]}]}]}', lpad('20', 32, '0'), started, ended)
$$;
CREATE FUNCTION twice(VARIADIC times bigint[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	DELETE FROM distributed_trace_log WHERE trace_id = lpad('20', 32, '0');
	PERFORM trace_ingest_otlp(at('20', times[1], times[2]));
	PERFORM trace_ingest_otlp(at('20', times[3], times[4]));
	SELECT concat_ws(' | ', start_time, end_time, duration_ms, tags #- '{otel,resource}') INTO result FROM distributed_trace_log WHERE trace_id = lpad('20', 32, '0');
	RETURN result;
END $$;
SELECT twice(1925000000000000001, 0, 0, 1925000000000007002) AS begun_then_ended,
	twice(0, 1925000000000007002, 1925000000000000001, 0) AS ended_then_begun,
	twice(7001, 9002, 1925000000000000003, 1925000000000007004) AS monotonic_then_known,
	twice(1925000000000000003, 1925000000000007004, 7001, 9002) AS known_then_monotonic,
	twice(0, 1925000000000007002, 7001, 0) AS both_unknown \gx

-- hand-written rows are the user's own, and no function minds
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time)
VALUES ('old', '1', NULL, 's', 'o', '1969-07-20 20:17:40+00', '1969-07-20 20:17:41+00'), ('old', '2', '1', 's', 'o', '1970-01-01', NULL);
SELECT start_time, wall_ms FROM trace_summary('old');

-- a snapshot of the start that comes after the finished span changes nothing
CREATE FUNCTION snapshot(name text, ended bigint, tag text, status int) RETURNS text LANGUAGE sql AS $$
SELECT format('{"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "s"}}]}, "scopeSpans": [{"spans": [{"traceId": "%s", "spanId": "00000000000000cc", "kind": 2, "name": "%s",
	"startTimeUnixNano": "1925000000000000001", "endTimeUnixNano": "%s", "attributes": [{"key": "%s", "value": {"stringValue": "x"}}, {"key": "route", "value": {"stringValue": "%s"}}], "status": {"code": %s}}]}]}]}',
	lpad('30', 32, '0'), name, ended, tag, name, status)
$$;
SELECT accepted FROM trace_ingest_otlp(snapshot('GET /orders/{id}', 1925000000000007002, 'at_end', 2));
SELECT accepted, duplicates FROM trace_ingest_otlp(snapshot('GET', 0, 'at_end', 0));
SELECT accepted, duplicates FROM trace_ingest_otlp(snapshot('GET', 0, 'at_start', 0));
SELECT operation, duration_ms, tags #- '{otel,resource}' AS tags FROM distributed_trace_log WHERE trace_id = lpad('30', 32, '0');
-- in one request, too
SELECT accepted, duplicates FROM trace_ingest_zipkin('[{"traceId": "00000000000000000000000000000031", "id": "1", "name": "whole", "timestamp": 1925000000000000, "duration": 9, "tags": {"k": "end"}},
	{"traceId": "00000000000000000000000000000031", "id": "1", "name": "begun", "timestamp": 1925000000000000, "tags": {"k": "start", "l": "start"}}]');
SELECT operation, duration_ms, tags FROM distributed_trace_log WHERE trace_id = lpad('31', 32, '0');
-- a duration that was measured stays
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, end_time, duration_ms)
VALUES (lpad('32', 32, '0'), '0000000000000001', 's', 'o', '2031-01-01', '2031-01-01 00:00:01', 999.5);
SELECT accepted FROM trace_ingest_zipkin('[{"traceId": "00000000000000000000000000000032", "id": "0000000000000001", "name": "begun", "timestamp": 1925000000000000, "tags": {"k": "start"}}]');
SELECT operation, duration_ms, tags FROM distributed_trace_log WHERE trace_id = lpad('32', 32, '0');

DROP FUNCTION otlp, record, at, twice, snapshot;
DROP TABLE cases, exported;
TRUNCATE distributed_trace_log, distributed_trace_latency;
RESET timezone;
