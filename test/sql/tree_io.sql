-- span_tree as text and in binary: lossless both ways, and nothing from
-- outside is trusted.  (Mutated binary forms: see test/t/hostile_binary.pl.)
\set VERBOSITY terse
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
\pset null -

-- what a text becomes: the tree as it is written again, or an error
CREATE FUNCTION pg_temp.read(input text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	RETURN input::span_tree::text;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	-- the words of the server's own errors differ between its versions
	RETURN CASE WHEN SQLERRM LIKE '%span_tree%' THEN concat_ws(' / ', SQLSTATE || ': ' || SQLERRM, nullif(detail, '')) ELSE SQLSTATE END;
END $$;

-- the form
SELECT span_tree_agg('t1', 's1', NULL, 'shop', 'GET /', '2026-01-01 00:00:00Z', '2026-01-01 00:00:01.5Z', 1500, 'server', true);
SELECT span_tree_agg('t1', 's1', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- a span with every field, and without each of them
CREATE TABLE pg_temp.spans AS
SELECT i, 'span ' || i AS span, CASE i WHEN 1 THEN NULL WHEN 2 THEN '' WHEN 3 THEN 'span 3' ELSE 'span 1' END::text AS parent,
       CASE WHEN i % 9 > 0 THEN 'service ' || i % 3 ELSE '' END AS service, CASE WHEN i % 7 > 0 THEN 'operation ' || i % 4 ELSE '' END AS operation,
       CASE WHEN i & 1 = 0 THEN timestamptz '2026-01-01' + i * interval '1 microsecond' END AS from_time,
       CASE WHEN i & 2 = 0 THEN timestamptz '2026-01-02' - i * interval '1 microsecond' END AS to_time,
       CASE WHEN i & 4 = 0 THEN (i - 30) * 1.001 END AS duration_ms,
       (ARRAY['unspecified', 'internal', 'server', 'client', 'producer', 'consumer', NULL])[i % 7 + 1] AS kind,
       i & 8 = 0 AS is_error
FROM generate_series(1, 127) i;
INSERT INTO pg_temp.spans VALUES
	(1001, E'quote " backslash \\ slash /', NULL, E'tab \t newline \n return \r', E'\x01\x1f\x7f', '2026-01-01', '2026-01-02', 1, 'server', false),
	(1002, '日本語', E'quote " backslash \\ slash /', 'é e' || U&'\0301', '😀 عربى', '2026-01-01', '2026-01-02', 1, 'server', false),
	(1003, repeat('long ', 2000), '日本語', repeat('s', 200), repeat('o', 127), '4713-01-01 BC', '294276-12-31 23:59:59.999999', 9999999999999.999, 'server', false),
	(1004, '', '{"span_id": "x"}', '</script>', '%s %n', '0044-03-15 12:00:00.000001 BC', '1999-12-31 23:59:59.999999', -9999999999999.999, 'server', false),
	(1005, 'no times', '日本語', 's', 'o', '-infinity', 'infinity', 'NaN', 'no such kind', NULL);
CREATE TABLE pg_temp.trees AS
SELECT span_tree_agg('trace "\', span, parent, service, operation, from_time, to_time, duration_ms, kind, is_error) AS tree FROM pg_temp.spans;

SELECT count(*), count(DISTINCT r.span_id) FROM pg_temp.trees, trace_tree(tree) r;

-- text and back: the same text, binary form and rows
CREATE TABLE pg_temp.rows AS SELECT tree, (SELECT array_agg(r) FROM trace_tree(tree) r) AS rows FROM pg_temp.trees;
SELECT tree::text::span_tree::text = tree::text AS same_text, span_tree_send(tree::text::span_tree) = span_tree_send(tree) AS same_binary,
       (SELECT array_agg(r) FROM trace_tree(tree::text::span_tree) r) = rows AS same_rows
FROM pg_temp.rows;
-- nothing is written that is not as it was given
SELECT span, parent, service, operation, from_time, to_time, is_error FROM pg_temp.spans WHERE i < 1005
EXCEPT SELECT span_id, parent_span_id, service_name, operation, start_time, end_time, is_error FROM pg_temp.trees, trace_tree(tree::text::span_tree);
SELECT s ->> 'span_id' AS span_id, s ->> 'parent_span_id' AS parent, s ->> 'kind' AS kind, s ? 'start_time' AS start, s ? 'end_time' AS end, s ->> 'duration_ms' AS ms, s ->> 'is_error' AS error
FROM pg_temp.trees, jsonb_array_elements(tree::text::jsonb -> 'spans') s WHERE s ->> 'span_id' IN ('span 1', 'span 2', 'span 3', 'span 16', 'span 112', 'span 127', 'no times');
-- the server reads the text as JSON that says the same
SELECT count(*) FROM pg_temp.trees, jsonb_array_elements(tree::text::jsonb -> 'spans') j
JOIN pg_temp.spans ON span = j ->> 'span_id' AND parent IS NOT DISTINCT FROM j ->> 'parent_span_id' AND service = j ->> 'service_name' AND operation = j ->> 'operation';
SELECT count(*) FROM pg_temp.trees, jsonb_array_elements(tree::text::jsonb -> 'spans') j
JOIN pg_temp.spans ON span = j ->> 'span_id' AND kind = j ->> 'kind' AND duration_ms = (j ->> 'duration_ms')::numeric AND is_error = (j ? 'is_error');
SELECT count(*) FROM pg_temp.spans WHERE kind <> 'no such kind' AND duration_ms IS NOT NULL AND is_error IS NOT NULL;
-- the extremes
SELECT left(span_id, 10) AS span_id, length(span_id), start_time, end_time, duration_ms FROM pg_temp.trees, trace_tree(tree::text::span_tree) WHERE span_id IN (repeat('long ', 2000), '', 'no times') ORDER BY start_time;
-- settings change neither form
CREATE TABLE pg_temp.before AS SELECT tree::text AS txt, span_tree_send(tree) AS bin FROM pg_temp.trees;
SET timezone = 'Asia/Kathmandu';
SET datestyle = 'SQL, DMY';
SET extra_float_digits = -10;
SELECT tree::text = txt AS same_text, span_tree_send(tree) = bin AS same_binary, span_tree_send(txt::span_tree) = bin AS same_read FROM pg_temp.trees, pg_temp.before;
RESET extra_float_digits;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

-- what else is read: any order, other members, times as timestamptz reads them
SELECT pg_temp.read($$ {"spans": [{"operation": "o", "kind": "SERVER", "span_id": "b", "start_time": "2026-01-01 01:00:00+01", "parent_span_id": "a"},
                                  {"span_id": "a"}], "trace_id": "after the spans"} $$);
SELECT pg_temp.read($${"spans": [], "trace_id": "t"}$$);
SELECT pg_temp.read($${"spans": []}$$);
SELECT pg_temp.read($${"version": 1, "version_note": 9, "other": {"spans": [{"span_id": "no"}], "trace_id": "no"}, "list": [1, ["spans"], {"trace_id": "no"}],
	"trace_id": "t", "spans": [{"span_id": "a", "tags": {"span_id": "no", "operation": ["no"]}, "links": [{"span_id": "no"}], "service_name": "s", "start_time": null}]}$$);
SELECT pg_temp.read($${"trace_id": "t", "spans": [{"span_id": "a", "span_id": "b", "operation": "first", "operation": "last"}]}$$);
SELECT pg_temp.read($${"trace_id": "t", "spans": [{"span_id": "\ud83d\ude00 \u00e9 \"\\\/\b\f\n\r\t"}]}$$);
SELECT pg_temp.read($${"trace_id": "t", "spans": [{"span_id": "a", "is_error": false, "kind": "no such kind", "duration_ms": 1.0005, "end_time": "infinity"}]}$$);
-- rows of the log, as the server writes them in JSON
BEGIN;
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, tags) VALUES
	('rows', 'a', NULL, 's', 'o', '2026-01-01', '2026-01-02', '{"span_id": "no"}'), ('rows', 'b', 'a', 's', 'o', '2026-01-01', NULL, NULL);
SELECT (SELECT json_build_object('trace_id', 'rows', 'spans', json_agg(l)) FROM distributed_trace_log l WHERE trace_id = 'rows')::text::span_tree::text = trace_get('rows')::text AS same;
ROLLBACK;

-- what is refused
SELECT input, pg_temp.read(input) FROM unnest(ARRAY[
	'', ' ', 'x', '1', 'true', 'null', '"text"', '[]', '[{"spans": []}]', '{', '{}', '{"trace_id": "t"}',
	'{"spans"}', '{"spans": 1}', '{"spans": "[]"}', '{"spans": null}', '{"spans": {}}', '{"spans": {"spans": []}}', '{"spans": [}', '{"spans": []', '{"spans": []}}', '{"spans": []} x',
	'{"spans": [1]}', '{"spans": ["a"]}', '{"spans": [null]}', '{"spans": [[]]}', '{"spans": [["a"]]}', '{"spans": [[{"span_id": "a"}]]}', '{"spans": [{}]}',
	'{"spans": [{"span_id": null}]}', '{"spans": [{"span_id": ["a"]}]}', '{"spans": [{"span_id": {"a": "b"}}]}', '{"spans": [{"span_id": "a"}, {}]}', '{"spans": [{"spans": [{"span_id": "a"}]}]}',
	'{"version": 2, "spans": []}', '{"version": "x", "spans": []}', '{"version": 0, "spans": []}',
	'{"spans": [{"span_id": "a", "start_time": "when"}]}', '{"spans": [{"span_id": "a", "end_time": 5}]}', '{"spans": [{"span_id": "a", "end_time": "999999-01-01"}]}',
	'{"spans": [{"span_id": "a", "duration_ms": "long"}]}', '{"spans": [{"span_id": "a", "duration_ms": 1e13}]}', '{"spans": [{"span_id": "a", "duration_ms": 1e999999999}]}',
	'{"spans": [{"span_id": "\u0000"}]}', '{"spans": [{"span_id": "\ud800"}]}', '{"spans": [{"span_id": "\udc00\ud800"}]}', '{"spans": [{"span_id": "\x"}]}', E'{"spans": [{"span_id": "\n"}]}']) input;
-- cut off anywhere
SELECT count(*) AS lengths, count(*) FILTER (WHERE pg_temp.read(left(text, n)) LIKE '22P02%') AS refused
FROM (SELECT '{"version": 1, "trace_id": "t", "spans": [{"span_id": "a\u00e9", "start_time": "2026-01-01", "duration_ms": 1.5, "is_error": true}, {"span_id": "b"}]}'::text AS text) t, generate_series(0, length(text) - 1) n;
-- one character changed anywhere: read or refused
SELECT count(*) > 2000 AS enough, count(*) FILTER (WHERE pg_temp.read(overlay(text PLACING c FROM n FOR 1)) IS NULL) AS neither
FROM (SELECT span_tree_agg('t', span, parent, service, operation, from_time, to_time, duration_ms, kind, is_error)::text AS text FROM pg_temp.spans WHERE i IN (1, 2, 16, 1001)) t,
     generate_series(1, length(text)) n, unnest(ARRAY['"', '{', ']', '\', '0', ',']) c;
-- deeply nested, and a million of something
SELECT pg_temp.read(repeat('[', 1000000));
SELECT pg_temp.read('{"spans": ' || repeat('[', 1000000));
SELECT pg_temp.read(repeat('{"spans": ', 1000000));
SELECT pg_temp.read('{"spans": [], "x": ' || repeat('[', 1000000));
SELECT pg_temp.read('{"spans": [{"span_id": "a", "x": ' || repeat('{"x": ', 1000000));
SELECT length(pg_temp.read('{"spans": [' || repeat('{"span_id": "a"},', 100000) || '{"span_id": "a"}]}'));
SELECT length(pg_temp.read('{"spans": [{"span_id": "' || repeat('a', 10000000) || '"}]}'));

