-- OTLP's JSON encoding: what clients write, what is rejected, what is an error.
\set VERBOSITY terse
\getenv abs_srcdir PG_ABS_SRCDIR
\set data :abs_srcdir '/data/otlp/'
\set made :abs_srcdir '/data/otlp_made/'
\set helpers :made 'helpers.psql'
SET client_min_messages = warning;
SET timezone = 'UTC';
\i :helpers
TRUNCATE distributed_trace_log, distributed_trace_resource;

--
-- JSON as clients really write it
--
CREATE FUNCTION attribute_tags(value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	DELETE FROM distributed_trace_log;
	result := try_otlp(request_with('"attributes":[{"key":"a","value":' || value || '}]'));
	RETURN coalesce((SELECT (tags #- '{otel,resource}' #- '{otel,kind}')::text FROM distributed_trace_log), result);
END $$;
SELECT value, attribute_tags(value) FROM (VALUES
	('{}'), ('null'), ('{"stringValue":null}'), ('{"stringValue":""}'), ('{"stringValue":"x\u0000y"}'), ('{"stringValue":"x\ud800y"}'),
	('{"stringValue":"\\u0000 \\\u0000"}'), ('{"stringValue":"\ud83c\udf75"}'), ('{"stringValue":"\u00e9"}'), ('{"stringValue":5}'),
	('{"boolValue":true}'), ('{"boolValue":"true"}'), ('{"boolValue":1}'),
	('{"intValue":"5"}'), ('{"intValue":5}'), ('{"intValue":-0}'), ('{"intValue":1.0}'), ('{"intValue":1e3}'), ('{"intValue":"1200e-2"}'), ('{"intValue":1.5}'), ('{"intValue":"x"}'),
	('{"intValue":" 5"}'), ('{"intValue":"1e 5"}'), ('{"intValue":"5 "}'), ('{"intValue":""}'), ('{"intValue":true}'),
	('{"intValue":"9223372036854775807"}'), ('{"intValue":-9223372036854775808}'), ('{"intValue":9223372036854775808}'), ('{"intValue":9223372036854776000}'),
	('{"intValue":1e+21}'), ('{"intValue":1e+300}'), ('{"intValue":1e+400}'), ('{"intValue":"0x10"}'),
	('{"doubleValue":1}'), ('{"doubleValue":1.50}'), ('{"doubleValue":"-2.5e3"}'), ('{"doubleValue":"NaN"}'), ('{"doubleValue":"Infinity"}'), ('{"doubleValue":"-Infinity"}'),
	('{"doubleValue":null}'), ('{"doubleValue":"inf"}'), ('{"doubleValue":"0x1p3"}'), ('{"doubleValue":1e999}'), ('{"doubleValue":-0.0}'), ('{"doubleValue":1e-320}'),
	('{"bytesValue":"AP8="}'), ('{"bytesValue":"AP8"}'), ('{"bytesValue":"-_-_"}'), ('{"bytesValue":"+/+/"}'), ('{"bytesValue":"A"}'), ('{"bytesValue":"?"}'), ('{"bytesValue":5}'),
	('{"arrayValue":{}}'), ('{"arrayValue":{"values":[]}}'), ('{"arrayValue":{"values":[{"intValue":1},null,{}]}}'), ('{"arrayValue":[]}'), ('{"arrayValue":{"values":{}}}'), ('{"arrayValue":{"values":[5]}}'),
	('{"kvlistValue":{"values":[{"key":"k","value":{"intValue":"1"}},{"key":"k","value":{"intValue":"2"}}]}}'), ('{"kvlistValue":{"values":[{"value":{"boolValue":false}}]}}'),
	('{"stringValue":"a","intValue":1}'), ('{"stringValue":"a","stringValue":"b"}'), ('{"intValue":1,"intValue":null}'),
	('{"arrayValue":{"values":[{"intValue":1}]},"arrayValue":{"values":[{"intValue":2}]}}'), ('{"arrayValue":{"values":[{"intValue":1}],"values":[{"intValue":2}]}}'),
	('{"unknownValue":[{"deep":[[]]}],"intValue":1}'), ('{"int_value":1}'), ('[]'), ('"text"'), ('5')
) AS v (value);

CREATE FUNCTION span_of(members text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	DELETE FROM distributed_trace_log;
	result := try_otlp(request_with(members));
	RETURN coalesce((SELECT to_jsonb(l)::text FROM (
		SELECT trace_id, span_id, parent_span_id, operation, CASE WHEN tags #> '{otel,reported}' IS NULL THEN start_time END AS start_time, end_time, duration_ms, tags #- '{otel,resource}' AS tags, logs
		FROM distributed_trace_log) l), result);
END $$;
SELECT members, span_of(members) FROM (VALUES
	(NULL), ('"name":"n","kind":3,"flags":1'), ('"kind":"SPAN_KIND_CONSUMER","status":{"code":"STATUS_CODE_OK"}'), ('"kind":"3"'), ('"kind":-1'), ('"kind":"NONE"'), ('"kind":4294967296'),
	('"spanId":"00000000000000BB"'), ('"traceid":"x","spanID":5,"new":[1,{"a":[]}]'),
	('"parentSpanId":""'), ('"parentSpanId":null'), ('"parentSpanId":"0000000000000000"'), ('"parentSpanId":"00000000000000Cc"'),
	('"startTimeUnixNano":1795371412912345678,"endTimeUnixNano":1795371412912346678'), ('"startTimeUnixNano":1e18'), ('"startTimeUnixNano":"1000000000000000000.0"'),
	('"startTimeUnixNano":0'), ('"startTimeUnixNano":null'), ('"startTimeUnixNano":"999"'), ('"startTimeUnixNano":"8446744073709551616","endTimeUnixNano":"18446744073709551615"'), ('"endTimeUnixNano":"1"'),
	('"name":"first","name":"second"'), ('"name":"first","name":null'), ('"attributes":[{"key":"a"}],"attributes":[{"key":"b"}]'), ('"attributes":[{"key":"a"}],"attributes":null'),
	('"attributes":[{"key":"a","value":{"intValue":1}},{"key":"b"},{"key":"a","value":{"boolValue":true}}]'),
	('"status":{"code":2},"status":{"message":"m"}'), ('"status":{}'), ('"status":null,"events":null,"links":[],"droppedLinksCount":0,"traceState":""'),
	('"events":[{"timeUnixNano":"1","name":"e"},{}],"droppedEventsCount":"7"'), ('"links":[{"traceId":"ab","spanId":""}]')
) AS v (members);

--
-- A span that cannot be stored is rejected alone
--
SELECT members, regexp_replace(try_otlp(regexp_replace(request_with('"name":"good","endTimeUnixNano":"1795371412912345679"'), '"spans":\[', '"spans":[{'
	'"traceId":"5b8efff798038103d269b633813fc60c","spanId":"00000000000000bd","startTimeUnixNano":"1",' || members || '},')), '^1 accepted, 0 duplicates|^0 accepted, 1 duplicates', 'one stored') AS result
FROM (VALUES
	('"traceId":""'), ('"traceId":null'), ('"traceId":"00000000000000000000000000000000"'), ('"traceId":"5b8efff798038103d269b633813fc60"'), ('"traceId":"5b8efff798038103d269b633813fc6"'),
	('"traceId":"5b8efff798038103d269b633813fc60x"'), ('"traceId":5'), ('"traceId":"W47/95gDgQPSabYzgT/GDA=="'),
	('"spanId":""'), ('"spanId":"0000000000000000"'), ('"spanId":"00"'), ('"spanId":"zz"'), ('"spanId":{}'), ('"spanId":["00000000000000bd"]'),
	('"parentSpanId":"00"'), ('"parentSpanId":"x"'),
	('"startTimeUnixNano":-1'), ('"startTimeUnixNano":"-1"'), ('"startTimeUnixNano":"now"'), ('"startTimeUnixNano":1.5'), ('"startTimeUnixNano":18446744073709551616'), ('"startTimeUnixNano":1e30'), ('"startTimeUnixNano":true'), ('"startTimeUnixNano":{}'),
	('"endTimeUnixNano":"18446744073709551615"'), ('"startTimeUnixNano":"18446744073709551615","endTimeUnixNano":"1"'),
	('"name":5'), ('"name":{"first":"x"}'), ('"name":["x"]'), ('"kind":1.5'), ('"kind":true'), ('"flags":4294967296'), ('"flags":-1'),
	('"droppedAttributesCount":-1'), ('"attributes":{}'), ('"attributes":[5]'), ('"attributes":[null]'), ('"attributes":[[]]'), ('"attributes":"x"'), ('"attributes":[{"key":5}]'),
	('"events":[{"timeUnixNano":-1}]'), ('"links":[{"traceId":"g"}]'), ('"links":{}'), ('"status":5'), ('"status":{"code":"BAD"}'), ('"status":[]'),
	('"attributes":[{"key":"a","value":{"boolValue":"first fault"}}],"name":5')
) AS v (members);
-- not even objects; the resource's or the scope's fault is that of all its spans
SELECT try_otlp('{"resourceSpans":[{"scopeSpans":[{"spans":[5,null,[{"spanId":"x"}],"x",{}]}]}]}');
SELECT try_otlp(replace(request_with('"name":"good"'), '"scopeSpans"', members || ',"scopeSpans"')) AS result
FROM (VALUES ('"resource":5'), ('"resource":{"attributes":5}'), ('"schemaUrl":5'), ('"resource":{"attributes":[{"key":"a","value":{"bytesValue":"?"}}]}'),
	('"resource":{"entityRefs":[{"idKeys":[5]}]}'), ('"resource":{"droppedAttributesCount":"x"}')) AS v (members);
SELECT try_otlp(replace(request_with('"name":"good"'), '"spans"', members || ',"spans"')) AS result
FROM (VALUES ('"scope":5'), ('"scope":{"name":5}'), ('"schemaUrl":{}'), ('"scope":{"attributes":[{"key":"a","value":5}]}')) AS v (members);
-- the first few are named, the others counted
SELECT try_otlp('{"resourceSpans":[{"scopeSpans":[{"spans":[' || string_agg(format('{"traceId":"00","spanId":"00000000000000%s"}', n), ',') || ']}]}]}')
FROM generate_series(10, 20) n;
-- what is too large
SELECT try_otlp(request_with(format('"attributes":[{"key":"a","value":{"stringValue":"%s"}}]', repeat('x', 8 * 1024 * 1024))));
SELECT try_otlp(replace(request_with('"name":"good"'), '"scopeSpans"', format('"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"%s"}}]},"scopeSpans"', repeat('s', n))))
FROM (VALUES (2048), (2049), (9000000)) AS v (n);
SELECT try_otlp(replace(request_with('"name":"good"'), '"spans"', format('"scope":{"name":"%s"},"spans"', repeat('s', n))))
FROM (VALUES (60000), (70000)) AS v (n);

--
-- Documents that are no requests
--
SELECT left(document, 40) AS document, try_otlp(document) FROM (VALUES
	('{}'), ('{"resourceSpans":[]}'), ('{"resourceSpans":null}'), ('{"resourceSpans":[{}]}'), ('{"resourceSpans":[{"scopeSpans":[{}]}]}'), ('{"other":1}'), (' { } '),
	(''), ('null'), ('[]'), ('5'), ('"x"'), ('{'), ('{"resourceSpans":['), ('{"resourceSpans":}'), ('{"resourceSpans":[],}'), ('{"resourceSpans":[]} x'), ('{"resourceSpans" 5}'), ('{''resourceSpans'':[]}'),
	('{"resourceSpans":5}'), ('{"resourceSpans":{}}'), ('{"resourceSpans":[5]}'), ('{"resourceSpans":[null]}'), ('{"resourceSpans":[{"scopeSpans":{}}]}'), ('{"resourceSpans":[{"scopeSpans":[[]]}]}'),
	('{"resourceSpans":[{"scopeSpans":[{"spans":{}}]}]}'), ('{"resourceSpans":[{"scopeSpans":[{"spans":"x"}]}]}'), (E'{"é":"é",x'),
	(repeat('[', 1000000)), ('{"x":' || repeat('[', 1000000)), ('{"x":' || repeat('{"x":', 600)), ('{"x":' || repeat('[', 510) || repeat(']', 510) || '}'), ('{"x":' || repeat('[', 511) || repeat(']', 511) || '}')
) AS v (document);
-- where exactly depends on the version of the server
SELECT document, left(try_otlp(document), 44) FROM (VALUES ('{"x":"\u00zz"}'), ('{"x":"\q"}'), (E'{"x":"\n"}')) AS v (document);
SELECT request, try_otlp(request) FROM (VALUES
	(''::bytea), ('\x00'), ('\x0a'), ('\x0a05'), ('\x0affffffff0f'), ('\x0affffffffffffffffff01'), ('\x0b0c'), ('\x08ffffffffffffffffffff01'), ('\x07'), ('\x0a021205'), ('{"resourceSpans":[]}'), ('\x0a00'), ('\x7a0361626370ff01')
) AS v (request);
SELECT trace_ingest_otlp(NULL::bytea), trace_ingest_otlp(NULL::text);
\set VERBOSITY default
SELECT trace_ingest_otlp('\x0a05'::bytea);
SELECT trace_ingest_otlp('{"resourceSpans":}'::text);
\set VERBOSITY terse

DROP FUNCTION attribute_tags, span_of;
TRUNCATE distributed_trace_log, distributed_trace_resource;
DROP FUNCTION try_otlp(bytea), try_otlp(text), request_with, pb, pb_request;
