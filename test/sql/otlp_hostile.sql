-- OTLP that is nested too deeply, gzipped, cut off or damaged.
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
-- Depth
--
-- an attribute so many levels deep, of arrays
CREATE FUNCTION pb_nested(depth int) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE v bytea := '\x1801';
BEGIN
	FOR i IN 2 .. depth LOOP v := pb(5, pb(1, v)); END LOOP;
	RETURN pb(1, 'deep') || pb(2, v);
END $$;
CREATE FUNCTION json_nested(depth int) RETURNS text LANGUAGE sql AS $$
	SELECT request_with('"attributes":[{"key":"deep","value":' || repeat('{"arrayValue":{"values":[', depth - 1)
		|| '{"intValue":1}' || repeat(']}}', depth - 1) || '}]') $$;
CREATE FUNCTION json_nested_list(depth int) RETURNS text LANGUAGE sql AS $$
	SELECT request_with('"attributes":[{"key":"deep","value":' || repeat('{"kvlistValue":{"values":[{"key":"k","value":', depth - 1)
		|| '{"bytesValue":"AA"}' || repeat('}]}}', depth - 1) || '}]') $$;
DELETE FROM distributed_trace_log;
SELECT depth, try_otlp(pb_request(pb(9, pb_nested(depth)))) AS protobuf, try_otlp(json_nested(depth)) AS json
FROM (VALUES (2), (64), (65), (150)) AS v (depth);
SELECT depth, try_otlp(json_nested_list(depth)) AS json FROM (VALUES (64), (65), (100)) AS v (depth);
SELECT tags -> 'deep' = (repeat('[', 63) || '1' || repeat(']', 63))::jsonb AS kept FROM distributed_trace_log WHERE span_id = '00000000000000dd';
SELECT length(pb_nested(10000)) AS bytes, try_otlp(pb_request(pb(9, pb_nested(10000))));
SELECT depth, try_otlp(pb_request(pb(11, pb(3, pb_nested(depth))))) AS event, try_otlp(pb_request(pb(13, pb(4, pb_nested(depth))))) AS link
FROM (VALUES (64), (65)) AS v (depth);
SELECT depth, try_otlp(pb(1, pb(1, pb(1, pb_nested(depth))) || substring(pb_request('') FROM 3))) AS resource,
	try_otlp(pb(1, pb(2, pb(1, pb(3, pb_nested(depth))) || substring(pb_request('') FROM 5)))) AS scope
FROM (VALUES (64), (65)) AS v (depth);
-- the reserved key, which is looked into only for otel.exact
SELECT depth, try_otlp(replace(json_nested(depth), '"deep"', '"otel"')) FROM (VALUES (64), (65)) AS v (depth);

-- protobuf alone: merged parts, ids, a field that only the JSON transcoder may set
DELETE FROM distributed_trace_log;
SELECT try_otlp(pb_request(pb(9, pb(1, 'merged') || pb(2, '\x2a040a021801') || pb(2, '\x2a040a021802')) || '\xc23e027878'));
SELECT tags #- '{otel,resource}' AS tags FROM distributed_trace_log;
SELECT try_otlp(pb(1, pb(2, pb(2, pb(1, trace) || pb(2, span) || pb(4, parent)))))
FROM (VALUES ('\x01'::bytea, '\x02'::bytea, ''::bytea), ('', '\x0102030405060708', ''), ('\x00000000000000000000000000000000', '', ''),
	('\x5b8efff798038103d269b633813fc60c', '\x', ''), ('\x5b8efff798038103d269b633813fc60c', '\x0000000000000000', ''),
	('\x5b8efff798038103d269b633813fc60c', '\x00000000000000ee', '\x01'), ('\x5b8efff798038103d269b633813fc60c', repeat('a', 20)::bytea, '')) AS v (trace, span, parent);
-- invalid UTF-8 costs the bytes that are invalid and nothing more
DELETE FROM distributed_trace_log;
SELECT try_otlp(pb_request(pb(5, '\x61ff62c0806300e68aed a080'::bytea) || pb(9, pb(1, '\x6bff') || pb(2, pb(1, '\x76e28200'))) || pb(3, '\x00') || pb(15, pb(2, '\xfe'))));
SELECT operation, tags #- '{otel,resource}' AS tags FROM distributed_trace_log;

--
-- gzip
--
\set gz :data 'proto/057.bin.gz'
SELECT pg_read_binary_file(:'gz') AS whole \gset gz_
TRUNCATE distributed_trace_log, distributed_trace_resource;
SELECT try_otlp(:'gz_whole'::bytea) AS whole;
-- two members, each with half of a field that is unknown
SELECT try_otlp(decode('H4sIAAAAAAACA6tiBgA50gANAgAAAA==', 'base64') || decode('H4sIAAAAAAACA0tMSgYAwkEkNQMAAAA=', 'base64')) AS members;
SELECT try_otlp(substring(:'gz_whole'::bytea FOR n)) FROM (VALUES (2), (10), (100), (7000), (7170)) AS v (n);
SELECT try_otlp(:'gz_whole'::bytea || '\x00') AS junk, try_otlp(:'gz_whole'::bytea || '\x1f8b') AS half_a_member;
SELECT try_otlp(set_byte(:'gz_whole'::bytea, 7165, get_byte(:'gz_whole'::bytea, 7165) # 1)) AS checksum,
	try_otlp(set_byte(:'gz_whole'::bytea, 2, 7)) AS method, try_otlp(set_byte(:'gz_whole'::bytea, 500, get_byte(:'gz_whole'::bytea, 500) # 255)) AS damaged;
-- a megabyte of zeros in each member: 64 of them are a malformed request, 65 are too much
SELECT members, try_otlp((SELECT string_agg(decode('H4sIAAAAAAACA+3BMQEAAADCoPVPbQhfoA' || repeat('A', 1354) || 'PgMc6jinAAAQAA==', 'base64'), '' ORDER BY n) FROM generate_series(1, members) n))
FROM (VALUES (1), (64), (65)) AS v (members);

--
-- Cut off or damaged anywhere, a request is an error and never worse
--
-- what each request gives, undone again
CREATE FUNCTION outcomes(requests anyarray) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE i int;
BEGIN
	FOR i IN 1 .. cardinality(requests) LOOP
		BEGIN
			RAISE EXCEPTION USING ERRCODE = 'UNDO0', MESSAGE =
				(SELECT format('%s accepted, %s rejected', r.accepted, r.rejected) FROM trace_ingest_otlp(requests[i]) r);
		EXCEPTION
			WHEN SQLSTATE 'UNDO0' THEN RETURN NEXT SQLERRM;
			WHEN OTHERS THEN RETURN NEXT SQLSTATE;
		END;
	END LOOP;
END $$;
TRUNCATE distributed_trace_log, distributed_trace_resource;
SELECT o AS outcome, count(*)
FROM (SELECT pg_read_binary_file(:'made' || 'every_field.bin') AS r) f,
	outcomes(ARRAY(SELECT substring(r FOR n) FROM generate_series(0, length(r) - 1) n)) o GROUP BY o ORDER BY o;
SELECT o AS outcome, count(*)
FROM (SELECT pg_read_file(:'made' || 'every_field.json') AS r) f,
	outcomes(ARRAY(SELECT substring(r FOR n) FROM generate_series(0, length(r) - 2, 23) n)) o GROUP BY o ORDER BY o;
-- each byte in turn another one: errors, rejections, or spans that say something else
SELECT DISTINCT CASE WHEN o ~ 'accepted' THEN 'some spans' ELSE o END AS outcome
FROM (SELECT pg_read_binary_file(:'made' || 'every_field.bin') AS r) f,
	outcomes(ARRAY(SELECT set_byte(r, n, (n * 7919 + 13) % 256) FROM generate_series(0, length(r) - 1, 2) n)) o ORDER BY 1;
SELECT DISTINCT CASE WHEN o ~ 'accepted' THEN 'some spans' ELSE o END AS outcome
FROM (SELECT pg_read_file(:'made' || 'every_field.json') AS r) f,
	outcomes(ARRAY(SELECT overlay(r PLACING substr('{}[]":,0ux\-e.', n % 14 + 1, 1) FROM n) FROM generate_series(1, length(r), 23) n)) o ORDER BY 1;
DROP FUNCTION pb_nested, json_nested, json_nested_list, outcomes;
TRUNCATE distributed_trace_log, distributed_trace_resource;
DROP FUNCTION try_otlp(bytea), try_otlp(text), request_with, pb, pb_request;
