-- One id, several spans: whatever the format and whichever comes first, in one
-- request or in several, each is kept, and a resend changes nothing.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS distributed_trace;
SET timezone = 'UTC';
TRUNCATE distributed_trace_log, distributed_trace_latency;

-- a span as JSON of each format: id, parent, kind, service, name, start and length in ms
CREATE TYPE span AS (id int, parent int, kind text, service text, name text, start int, ms int);
CREATE FUNCTION document(format text, VARIADIC spans span[]) RETURNS text LANGUAGE sql AS $$
SELECT CASE format
	WHEN 'otlp' THEN (SELECT json_build_object('resourceSpans', json_agg(json_build_object(
		'resource', json_build_object('attributes', json_build_array(json_build_object('key', 'service.name', 'value', json_build_object('stringValue', service)))),
		'scopeSpans', json_build_array(json_build_object('spans', json_build_array(json_strip_nulls(json_build_object(
			'traceId', lpad('1', 32, '0'), 'spanId', lpad(id::text, 16, '0'), 'parentSpanId', lpad(parent::text, 16, '0'), 'name', name,
			'kind', array_position('{internal,server,client,producer,consumer}', kind),
			'startTimeUnixNano', (1925000000000 + start)::text || '000000', 'endTimeUnixNano', (1925000000000 + start + ms)::text || '000000')))))) ORDER BY n))::text
		FROM unnest(spans) WITH ORDINALITY u (id, parent, kind, service, name, start, ms, n))
	WHEN 'jaeger' THEN (SELECT json_build_object('spans', json_agg(json_strip_nulls(json_build_object(
			'traceID', lpad('1', 32, '0'), 'spanID', lpad(id::text, 16, '0'), 'parentSpanID', lpad(parent::text, 16, '0'), 'operationName', name,
			'tags', json_build_array(json_build_object('key', 'span.kind', 'type', 'string', 'value', kind)), 'process', json_build_object('serviceName', service),
			'startTime', (1925000000000 + start) * 1000, 'duration', ms * 1000)) ORDER BY n))::text
		FROM unnest(spans) WITH ORDINALITY u (id, parent, kind, service, name, start, ms, n))
	ELSE (SELECT json_agg(json_strip_nulls(json_build_object(
			'traceId', lpad('1', 32, '0'), 'id', lpad(id::text, 16, '0'), 'parentId', lpad(parent::text, 16, '0'), 'name', name,
			'kind', upper(nullif(kind, 'internal')), 'localEndpoint', json_build_object('serviceName', service),
			'timestamp', (1925000000000 + start) * 1000, 'duration', ms * 1000)) ORDER BY n)::text
		FROM unnest(spans) WITH ORDINALITY u (id, parent, kind, service, name, start, ms, n))
	END $$;
CREATE FUNCTION record(format text, VARIADIC spans span[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE format('SELECT concat_ws('' '', accepted, duplicates, rejected, message) FROM trace_ingest_%s($1::text)', format) INTO result USING document(format, VARIADIC spans);
	RETURN result;
END $$;
-- what the log has then, in one line, without leading zeros
CREATE FUNCTION stored() RETURNS text LANGUAGE sql AS $$
SELECT string_agg(regexp_replace(concat_ws(' ', span_id || ' <', coalesce(parent_span_id, '-'), service_name, operation, round(duration_ms)), '\m0+(?=[1-9])', '', 'g'), ', ' ORDER BY span_id)
FROM distributed_trace_log
$$;
-- records in this order, each in a request of its own or all in one, three times
CREATE FUNCTION outcome(format text, at_once boolean, VARIADIC spans span[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	results text[] := '{}';
	before text;
	s span;
BEGIN
	DELETE FROM distributed_trace_log;
	DELETE FROM distributed_trace_latency;
	FOR i IN 1 .. 3 LOOP
		IF at_once THEN
			results := results || record(format, VARIADIC spans);
		ELSE
			FOREACH s IN ARRAY spans LOOP results := results || record(format, s); END LOOP;
		END IF;
		IF i = 1 THEN before := stored(); END IF;
	END LOOP;
	IF before <> stored() THEN RETURN 'changed by a resend: ' || before || ' -> ' || stored(); END IF;
	IF EXISTS (SELECT FROM trace_rollup_check('-infinity', 'infinity')) THEN RETURN 'the rollup differs'; END IF;
	RETURN stored() || ' (' || array_to_string(results, '; ') || ')';
END $$;
CREATE TABLE spans (name text PRIMARY KEY, s span);
INSERT INTO spans VALUES
	('root', '(1,,server,web,page,0,100)'),
	('client', '(2,1,client,web,get,10,80)'),
	('server', '(2,1,server,api,serve,20,60)'),
	('child', '(3,2,internal,api,query,30,20)'),
	('mine', '(4,2,internal,web,retry,30,20)'),
	('next', '(5,2,server,db,select,30,20)');
-- all orders of client, server and child, in one request and in three
CREATE TABLE orders AS
SELECT row_number() OVER () AS n, ARRAY[a.s, b.s, c.s] AS list, concat_ws(' ', a.name, b.name, c.name) AS names
FROM spans a, spans b, spans c WHERE a.name IN ('client', 'server', 'child') AND b.name IN ('client', 'server', 'child') AND c.name IN ('client', 'server', 'child')
	AND a.name <> b.name AND b.name <> c.name AND a.name <> c.name;
SELECT f.format, o.at_once, split_part(x.outcome, ' (', 1) AS stored, count(*) AS orders
FROM orders, (VALUES ('otlp'), ('jaeger'), ('zipkin')) f (format), (VALUES (true), (false)) o (at_once), outcome(f.format, o.at_once, VARIADIC list) AS x (outcome)
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
-- what the calls say
SELECT outcome('otlp', true, (SELECT s FROM spans WHERE name = 'client'), (SELECT s FROM spans WHERE name = 'server'), (SELECT s FROM spans WHERE name = 'child'));
SELECT outcome('otlp', false, (SELECT s FROM spans WHERE name = 'server'), (SELECT s FROM spans WHERE name = 'child'), (SELECT s FROM spans WHERE name = 'client'));
-- children: the client's own, and a call of another service
SELECT outcome('otlp', false, VARIADIC (SELECT array_agg(s ORDER BY name DESC) FROM spans));
SELECT caller_service, callee_service, count(*) FROM trace_service_calls GROUP BY 1, 2 ORDER BY 1, 2;
SELECT depth, right(span_id, 8) AS span, service_name, operation, self_ms FROM trace_tree(lpad('1', 32, '0'));
-- out as it came in, and in again: nothing new
SELECT j.span ->> 'spanId' AS id, j.span ->> 'parentSpanId' AS parent, j.span ->> 'name' AS name
FROM jsonb_path_query(trace_export_otlp(lpad('1', 32, '0'))::jsonb, '$.resourceSpans[*].scopeSpans[*].spans[*]') j (span) ORDER BY 3;
SELECT ltrim(j.span ->> 'spanID', '0') AS id, ltrim(j.span #>> '{references,0,spanID}', '0') AS parent, j.span ->> 'operationName' AS name
FROM jsonb_path_query(trace_export_jaeger(lpad('1', 32, '0'))::jsonb, '$.data[*].spans[*]') j (span) ORDER BY 3;
SELECT r.accepted, r.duplicates FROM trace_ingest_otlp(trace_export_otlp(lpad('1', 32, '0'))::text) r;

-- no resend: another kind, another service, another time; a resend: one that says less
SELECT outcome('otlp', o, '(1,,internal,web,a,0,9)', '(1,,client,web,b,0,9)') FROM unnest('{t,f}'::bool[]) o;
SELECT outcome('otlp', o, '(1,,server,web,a,0,9)', '(1,,server,api,b,0,9)') FROM unnest('{t,f}'::bool[]) o;
SELECT outcome('otlp', o, '(1,,server,web,a,0,9)', '(1,,server,web,b,50000,9)') FROM unnest('{t,f}'::bool[]) o;
SELECT outcome('otlp', o, '(1,,client,web,a,0,9)', '(1,,server,api,b,1,7)', '(1,,server,db,c,2,5)', '(1,,internal,api,d,3,3)') FROM unnest('{t,f}'::bool[]) o;
SELECT outcome('otlp', o, '(1,,server,web,a,0,9)', '(1,,,,b,0,9)') FROM unnest('{t,f}'::bool[]) o;
SELECT outcome('otlp', o, '(1,,server,web,a,0,9)', '(1,,server,web,b,5,9)') FROM unnest('{t,f}'::bool[]) o;
SELECT outcome('otlp', o, '(1,,client,web,a,0,9)', '(1,,,api,b,1,7)') FROM unnest('{t,f}'::bool[]) o;
-- many spans of one id, and an id that has no room for more
SELECT regexp_replace(outcome, '.*\(', '') FROM outcome('otlp', true, VARIADIC (SELECT array_agg((1, NULL, 'server', 'service ' || n, 'o', 0, 9)::span) FROM generate_series(1, 100) n));
SELECT count(*), count(DISTINCT span_id) FROM distributed_trace_log;
SELECT accepted, rejected, message FROM trace_ingest_jaeger(format('{"traceID": "1", "spans": [
	{"spanID": "%1$s", "startTime": 1925000000000000, "tags": [{"key": "span.kind", "value": "client"}], "process": {"serviceName": "a"}},
	{"spanID": "%1$s", "startTime": 1925000000000000, "tags": [{"key": "span.kind", "value": "server"}], "process": {"serviceName": "b"}}]}', repeat('x', 97)));

-- a half that does not know when it began stands where its caller does, and what follows from a shared id from the half it is below
CREATE TABLE documents (name text, document text);
INSERT INTO documents VALUES
	('client', '{"traceID": "1", "spans": [{"spanID": "1", "operationName": "get", "startTime": 1925000000000000, "duration": 90000, "process": {"serviceName": "web"}, "tags": [{"key": "span.kind", "value": "client"}]}]}'),
	('server', '{"traceID": "1", "spans": [{"spanID": "1", "operationName": "serve", "startTime": 0, "duration": 50000, "process": {"serviceName": "api"}, "tags": [{"key": "span.kind", "value": "server"}]}]}'),
	('async', '{"traceID": "1", "spans": [{"spanID": "2", "operationName": "later", "startTime": 1925000000020000, "duration": 500000, "process": {"serviceName": "api"}, "references": [{"refType": "FOLLOWS_FROM", "traceID": "1", "spanID": "1"}]}]}');
CREATE FUNCTION outcome_of(VARIADIC names text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE wanted text;
BEGIN
	DELETE FROM distributed_trace_log;
	FOREACH wanted IN ARRAY names || names LOOP
		PERFORM trace_ingest_jaeger(document) FROM documents WHERE name = wanted;
	END LOOP;
	RETURN (SELECT string_agg(concat_ws(' ', span_id || ' <', coalesce(parent_span_id, '-'), service_name, operation, start_time - '2031-01-01 02:13:20+00', duration_ms), ', ' ORDER BY span_id) FROM distributed_trace_log);
END $$;
SELECT outcome_of('client', 'server', 'async');
SELECT outcome_of('server', 'client', 'async');
SELECT outcome_of('async', 'server', 'client');
SELECT span_id, trace_is_async(trace_id, parent_span_id, tags) FROM distributed_trace_log WHERE parent_span_id IS NOT NULL ORDER BY 1;
SELECT span_id, on_critical_path FROM trace_tree('1');
SELECT caller_service, callee_service, connection_type, call_count FROM trace_service_dependencies('2031-01-01', '2031-01-02', include_links => true);
SELECT j.span #> '{references}' AS refs FROM jsonb_path_query(trace_export_jaeger('1')::jsonb, '$.data[*].spans[*]') j (span) WHERE j.span ->> 'spanID' = '2';

DROP TABLE documents;
DROP FUNCTION outcome, outcome_of, stored, record, document;
DROP TABLE orders, spans;
DROP TYPE span;
TRUNCATE distributed_trace_log, distributed_trace_latency;
RESET timezone;
