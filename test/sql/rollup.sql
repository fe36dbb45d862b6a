-- The rollup distributed_trace_latency: what each statement that writes spans
-- adds to it and takes out, folding, rebuilding, checking, forgetting.
\set VERBOSITY terse
SET timezone = 'UTC';
\pset null -

-- other tests leave latencies of spans that they deleted
TRUNCATE distributed_trace_log, distributed_trace_latency;

CREATE VIEW pg_temp.rollup AS
SELECT level, bucket_start, service_name AS service, operation, kind,
       concat_ws(' ', CASE WHEN is_entry THEN 'entry' END, CASE WHEN is_root THEN 'root' END, CASE WHEN is_error THEN 'error' END) AS traits,
       sign, latency_count(sketch) AS n, latency_sum(sketch) AS sum_ms
FROM distributed_trace_latency
ORDER BY level COLLATE "C", bucket_start, service_name, operation, kind NULLS FIRST, is_entry, is_root, is_error, sign;
CREATE FUNCTION pg_temp.add_span(span text, service text, kind text, start_time timestamptz, ms numeric, more jsonb DEFAULT '{}', parent text DEFAULT 'p') RETURNS void LANGUAGE sql AS $$
	INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, tags)
	VALUES ('t', span, parent, service, 'work', start_time, start_time, ms, jsonb_build_object('span.kind', kind) || more)
$$;
CREATE FUNCTION pg_temp.differences() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM trace_rollup_check('-infinity', 'infinity') $$;

--
-- What spans are counted by
--

SELECT pg_temp.add_span('1', 'shop', 'server', '2021-01-01 00:00:00', 1);
SELECT pg_temp.add_span('2', 'shop', 'SERVER', '2021-01-01 00:00:59.999999', 2);
SELECT pg_temp.add_span('3', 'shop', 'server', '2021-01-01 00:01:00', 3, '{"error": true}');
SELECT pg_temp.add_span('4', 'shop', 'client', '2021-01-01 00:01:00', 4, '{"otel": {"status": "error"}}');
SELECT pg_temp.add_span('5', 'shop', 'client', '2021-01-01 00:01:00', 5, parent => NULL);
SELECT pg_temp.add_span('6', 'shop', 'consumer', '2021-01-01 00:01:00', 6);
SELECT pg_temp.add_span('7', 'shop', 'strange', '2021-01-01 00:01:00', 7);
SELECT pg_temp.add_span('8', 'shop', NULL, '2021-01-01 00:01:00', 8);
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, duration_ms)
VALUES ('t', '9', 'p', 'shop', 'work', '1969-12-31 23:59:59.5', 9);
SELECT * FROM pg_temp.rollup;
SELECT pg_temp.differences();

-- one row for each minute, service, operation, kind and outcome of a statement
TRUNCATE distributed_trace_log, distributed_trace_latency;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms)
SELECT 'many', n, 's' || n % 2, 'o', '2021-01-01'::timestamptz + n * interval '1 s', n FROM generate_series(1, 100) n;
SELECT * FROM pg_temp.rollup;
-- names that only run together alike, empty and long ones
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms)
VALUES ('names', '1', 'ab', 'c', '2021-01-02', 1), ('names', '2', 'a', 'bc', '2021-01-02', 1), ('names', '3', '', 'abc', '2021-01-02', 1),
       ('names', '4', repeat('x', 3000), repeat('y', 3000), '2021-01-02', 1);
SELECT left(service, 3) AS service, left(operation, 3) AS operation, length(service) + length(operation) AS length, n FROM pg_temp.rollup WHERE bucket_start = '2021-01-02';

-- what is not finished, no number or at no time counts as nothing
TRUNCATE distributed_trace_log, distributed_trace_latency;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, end_time, duration_ms)
VALUES ('t', '1', 's', 'o', '2021-01-01', NULL, NULL), ('t', '2', 's', 'o', '2021-01-01', '2021-01-01', 'NaN'),
       ('t', '3', 's', 'o', 'infinity', NULL, 1), ('t', '4', 's', 'o', '-infinity', NULL, 1);
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms) SELECT 't', '5', 's', 'o', '2021-01-01', 1 WHERE false;
SELECT * FROM pg_temp.rollup;
SELECT pg_temp.differences();
-- the ends of what a duration and a time can be
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms)
VALUES ('t', '6', 's', 'o', '2021-01-01', 9999999999999.999), ('t', '7', 's', 'o', '2021-01-01', -9999999999999.999), ('t', '8', 's', 'o', '2021-01-01', 0);
SELECT n, sum_ms FROM pg_temp.rollup;
SELECT pg_temp.differences();

--
-- Changes
--

TRUNCATE distributed_trace_log, distributed_trace_latency;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time) VALUES ('t', '1', 's', 'o', '2021-01-01 00:00:10');
-- finished
UPDATE distributed_trace_log SET end_time = '2021-01-01 00:00:11';
SELECT * FROM pg_temp.rollup;
-- changed in what does not count: no row
UPDATE distributed_trace_log SET logs = 'x', tags = '{"a": 1}';
UPDATE distributed_trace_log SET tags = '{"a": 1, "error": false}', updated_at = '2021-01-01';
UPDATE distributed_trace_log SET start_time = start_time WHERE false;
SELECT count(*) FROM pg_temp.rollup;
-- in what counts: taken out and added
UPDATE distributed_trace_log SET duration_ms = 5;
UPDATE distributed_trace_log SET start_time = start_time - interval '11 s';
UPDATE distributed_trace_log SET tags = '{"error": true}';
UPDATE distributed_trace_log SET service_name = 'r', operation = 'p';
UPDATE distributed_trace_log SET parent_span_id = 'p', tags = '{"span.kind": "internal"}';
UPDATE distributed_trace_log SET span_id = '2', id = 9;
SELECT * FROM pg_temp.rollup;
SELECT pg_temp.differences();
-- not finished after all
UPDATE distributed_trace_log SET end_time = NULL, duration_ms = NULL;
SELECT pg_temp.differences();
SELECT service_name, span_count FROM trace_service_latency('2020-12-31', '2021-01-02', spans => 'all');

-- ON CONFLICT: both kinds of triggers
TRUNCATE distributed_trace_log, distributed_trace_latency;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms) VALUES ('t', '1', 's', 'o', '2021-01-01', 1), ('t', '2', 's', 'o', '2021-01-01', 2);
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms) VALUES ('t', '2', 's', 'o', '2021-01-01', 20), ('t', '3', 's', 'o', '2021-01-01', 30)
ON CONFLICT (trace_id, span_id) DO UPDATE SET duration_ms = excluded.duration_ms;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms) VALUES ('t', '3', 's', 'o', '2021-01-01', 300), ('t', '4', 's', 'o', '2021-01-01', 400)
ON CONFLICT DO NOTHING;
SELECT sign, n, sum_ms FROM pg_temp.rollup;
SELECT pg_temp.differences();
-- COPY
COPY distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms) FROM stdin;
t	5	s	o	2021-01-01	5
t	6	s	o	2021-01-01	6
\.
SELECT pg_temp.differences();
-- more than lies in memory: deltas are written on the way
SET work_mem = '64kB';
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms, tags)
SELECT 'big', n, 's', 'o' || n % 20000, '2021-01-03', n % 7, jsonb_build_object('x', repeat('x', 20)) FROM generate_series(1, 40000) n;
UPDATE distributed_trace_log SET duration_ms = duration_ms + 1 WHERE trace_id = 'big' AND length(span_id) < 5;
RESET work_mem;
SELECT sign, count(*) > 1 AS several, sum(n) FROM pg_temp.rollup WHERE bucket_start = '2021-01-03' GROUP BY 1 ORDER BY 1;
SELECT pg_temp.differences();
DELETE FROM distributed_trace_log WHERE trace_id = 'big';
SELECT trace_rollup_rebuild('2021-01-03', '2021-01-04');

-- rolled back, wholly and in part
BEGIN;
SELECT pg_temp.add_span('7', 's', 'server', '2021-01-01', 7);
SAVEPOINT a;
SELECT pg_temp.add_span('8', 's', 'server', '2021-01-01', 8);
SELECT pg_temp.differences();
ROLLBACK TO a;
SELECT pg_temp.add_span('7', 's', 'server', '2021-01-01', 7);
ROLLBACK TO a;
COMMIT;
SELECT pg_temp.differences();
BEGIN;
UPDATE distributed_trace_log SET duration_ms = 100;
ROLLBACK;
SELECT pg_temp.differences();

-- the recording functions: new spans, a resend, halves that merge
CREATE FUNCTION pg_temp.request(span text, end_ns text) RETURNS text LANGUAGE sql AS $_$
	SELECT format('{"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "otlp"}}]}, "scopeSpans": [{"spans": [
		{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "%s", "name": "n", "kind": 2, "startTimeUnixNano": "1609459200000000000"%s}]}]}]}', span, end_ns)
$_$;
SELECT accepted, duplicates FROM trace_ingest_otlp(pg_temp.request('eee19b7ec3c1b174', ', "endTimeUnixNano": "1609459201000000000"'));
SELECT accepted, duplicates FROM trace_ingest_otlp(pg_temp.request('eee19b7ec3c1b174', ', "endTimeUnixNano": "1609459201000000000"'));
SELECT accepted, duplicates FROM trace_ingest_otlp(pg_temp.request('eee19b7ec3c1b175', ''));
SELECT sign, n, sum_ms, traits FROM pg_temp.rollup WHERE service = 'otlp';
SELECT accepted, duplicates FROM trace_ingest_otlp(pg_temp.request('eee19b7ec3c1b175', ', "endTimeUnixNano": "1609459203000000000"'));
SELECT accepted, duplicates FROM trace_ingest_otlp(pg_temp.request('eee19b7ec3c1b174', ', "endTimeUnixNano": "1609459202000000000"'));
SELECT sign, n, sum_ms, traits FROM pg_temp.rollup WHERE service = 'otlp';
SELECT trace_span_finish(trace_span_start('a step', 'database')) IS NOT NULL AS finished;
SELECT n FROM pg_temp.rollup WHERE service = 'database';
SELECT pg_temp.differences();

--
-- Folding
--

CREATE TEMP TABLE figures AS SELECT * FROM trace_operation_latency('-infinity', 'infinity', spans => 'all');
CALL trace_rollup_compact('1000 years');
SELECT DISTINCT level FROM distributed_trace_latency;
CALL trace_rollup_compact('-1 day');
SELECT * FROM pg_temp.rollup WHERE service <> 'database';
SELECT pg_temp.differences();
-- min and max of what had corrections are bounds, the rest is the same
SELECT count(*) FROM (SELECT service_name, operation, span_count, error_count, mean_ms FROM figures EXCEPT
                      SELECT service_name, operation, span_count, error_count, mean_ms FROM trace_operation_latency('-infinity', 'infinity', spans => 'all')) x;
-- once more, with what came since: still one row each
SELECT pg_temp.add_span('20', 's', 'server', '2021-01-01 00:00:20', 20);
SELECT pg_temp.add_span('21', 's', 'server', '2021-01-01 00:01:20', 21);
SELECT pg_temp.add_span('22', 's', 'server', '2021-01-01 23:59:59', 22);
UPDATE distributed_trace_log SET duration_ms = 19 WHERE span_id = '20';
CALL trace_rollup_compact('-1 day');
CALL trace_rollup_compact('-1 day');
SELECT level, bucket_start, n, sum_ms FROM pg_temp.rollup WHERE service = 's' AND kind = 'server';
SELECT count(*) FROM (SELECT 1 FROM distributed_trace_latency GROUP BY level, bucket_start, service_name, operation, kind, is_entry, is_root, is_error HAVING count(*) > 1) x;
SELECT pg_temp.differences();
-- only minutes that ended so long ago
SELECT pg_temp.add_span('30', 'recent', 'server', now(), 30);
SELECT pg_temp.add_span('31', 'recent', 'server', now() - interval '5 min', 30);
CALL trace_rollup_compact();
SELECT level, n FROM pg_temp.rollup WHERE service = 'recent';
CALL trace_rollup_compact('10 min');
SELECT level, n FROM pg_temp.rollup WHERE service = 'recent';
-- what is taken out wholly has no row
SELECT trace_forget_spans('t', '30'), trace_forget_spans('t', '31');
CALL trace_rollup_compact('-1 day');
SELECT level, n FROM pg_temp.rollup WHERE service = 'recent';

--
-- Deleting and forgetting
--

-- deleted spans stay in the rollup
DELETE FROM distributed_trace_log WHERE trace_id = 't' AND span_id IN ('1', '2');
SELECT level, service_name, is_root, rollup_count, expected_count, rollup_sum_ms, expected_sum_ms FROM trace_rollup_check('-infinity', 'infinity');
-- forgotten ones do not
SELECT span_count, error_count FROM trace_service_latency('2021-01-01', '2021-01-02', spans => 'all') WHERE service_name = 's';
SELECT trace_forget_spans('t', '3'), trace_forget_spans('t', 'nobody'), trace_forget_spans('nobody');
SELECT span_count, error_count FROM trace_service_latency('2021-01-01', '2021-01-02', spans => 'all') WHERE service_name = 's';
SELECT trace_forget_spans('5B8EFFF798038103D269B633813FC60C');
SELECT count(*) FROM trace_service_latency('-infinity', 'infinity', spans => 'all') WHERE service_name = 'otlp';
-- unfinished ones too
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms) VALUES ('open', '1', 's', 'o', '2021-01-01', NULL), ('open', '2', 's', 'o', '2021-01-01', 'NaN');
SELECT trace_forget_spans('open');

--
-- Rebuilding, and the switch
--

SELECT trace_rollup_rebuild('2021-01-01', '2021-01-02') > 0 AS counted;
SELECT pg_temp.differences();
-- whatever is wrong with it
UPDATE distributed_trace_latency SET sketch = sketch + sketch WHERE level = 'minute' AND service_name = 's' AND bucket_start = '2021-01-01';
SELECT level, bucket_start, service_name, kind, rollup_count, expected_count FROM trace_rollup_check('2021-01-01 00:00:30', '2021-01-01 00:00:31');
DELETE FROM distributed_trace_latency WHERE level = 'hour';
INSERT INTO distributed_trace_latency (level, bucket_start, service_name, operation, kind, is_entry, is_root, is_error, sign, adjusted_count, sketch)
SELECT 'new', bucket_start, 'ghost', operation, kind, is_entry, is_root, is_error, -1, adjusted_count, sketch FROM distributed_trace_latency WHERE level = 'minute';
SELECT * FROM trace_service_latency('2021-01-01', '2021-01-02', spans => 'all');
SELECT trace_rollup_rebuild('2021-01-01 00:00:30', '2021-01-01 00:00:31') > 0 AS counted;
SELECT level, bucket_start, service_name, kind, rollup_count, expected_count FROM trace_rollup_check('2021-01-01', '2021-01-02');
SELECT trace_rollup_rebuild('-infinity', 'infinity') > 0 AS counted;
SELECT pg_temp.differences();
SELECT trace_rollup_rebuild('2021-01-02', '2021-01-01'), trace_rollup_rebuild('2021-01-01', '2021-01-01'), trace_rollup_rebuild(NULL, '2021-01-01');

SET distributed_trace.rollup = off;
SELECT pg_temp.add_span('40', 's', 'server', '2021-01-01 00:00:40', 40);
RESET distributed_trace.rollup;
SELECT level, bucket_start, service_name, kind, rollup_count, expected_count FROM trace_rollup_check('2021-01-01', '2021-01-02');
SELECT trace_rollup_rebuild('2021-01-01 00:00', '2021-01-01 00:01') > 0 AS counted;
SELECT pg_temp.differences();

-- a dump brings the rollup: what a restore sets keeps spans from being counted again
SELECT set_config('search_path', '', false);
SET check_function_bodies = false;
SET row_security = off;
COPY public.distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms) FROM stdin;
t	50	restored	o	2021-01-01	5
\.
RESET row_security;
COPY public.distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms) FROM stdin;
t	51	restored	o	2021-01-01	6
\.
RESET search_path;
RESET check_function_bodies;
SELECT n, sum_ms FROM pg_temp.rollup WHERE service = 'restored';
SELECT trace_forget_spans('t', '51');
DELETE FROM distributed_trace_log WHERE span_id = '50';

--
-- Rights
--

CREATE ROLE regress_trace_writer;
GRANT SELECT, INSERT, UPDATE ON distributed_trace_log TO regress_trace_writer;
SET ROLE regress_trace_writer;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms) VALUES ('w', '1', 'writer', 'o', '2021-01-01', 1);
UPDATE distributed_trace_log SET duration_ms = 2 WHERE trace_id = 'w';
INSERT INTO distributed_trace_latency (level, bucket_start, service_name, operation, kind, is_entry, is_root, is_error, sign, adjusted_count, sketch)
SELECT level, bucket_start, service_name, operation, kind, is_entry, is_root, is_error, sign, adjusted_count, sketch FROM distributed_trace_latency;
SELECT * FROM trace_service_latency('2021-01-01', '2021-01-02');
CALL trace_rollup_compact();
SET distributed_trace.rollup = off;
RESET ROLE;
SELECT sign, n, sum_ms FROM pg_temp.rollup WHERE service = 'writer';
-- readers need SELECT on both
GRANT SELECT ON distributed_trace_latency TO regress_trace_writer;
SET ROLE regress_trace_writer;
SELECT service_name, span_count, mean_ms FROM trace_service_latency('2021-01-01', '2021-01-02') WHERE service_name = 'writer';
SELECT current_user;
RESET ROLE;
DROP OWNED BY regress_trace_writer;
DROP ROLE regress_trace_writer;

-- the trigger function elsewhere
CREATE TABLE pg_temp.other (a integer);
CREATE TRIGGER other AFTER INSERT ON pg_temp.other REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION trace_log_after_write();
INSERT INTO pg_temp.other VALUES (1);
DROP TRIGGER other ON pg_temp.other;
CREATE TRIGGER other AFTER INSERT ON pg_temp.other FOR EACH STATEMENT EXECUTE FUNCTION trace_log_after_write();
INSERT INTO pg_temp.other VALUES (1);
SELECT trace_log_after_write();

--
-- Anything in any order
--

TRUNCATE distributed_trace_log, distributed_trace_latency;
SELECT setseed(0.4);
DO $$
DECLARE
	step integer;
	ops text[] := ARRAY['insert', 'update', 'upsert', 'forget', 'fold', 'rebuild', 'abort'];
	op text;
	wrong bigint;
BEGIN
	FOR step IN 1..150 LOOP
		op := ops[1 + floor(random() * 7)];
		BEGIN
			IF op IN ('insert', 'upsert', 'abort') THEN
				INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, duration_ms, tags)
				SELECT 'r' || floor(random() * 300), '1', CASE WHEN random() < 0.5 THEN 'p' END, 's' || floor(random() * 3), 'o' || floor(random() * 2),
				       '2021-01-01'::timestamptz + random() * interval '3 days', CASE WHEN random() < 0.9 THEN round((exp(random() * 10))::numeric, 3) END,
				       CASE WHEN random() < 0.8 THEN jsonb_build_object('span.kind', (ARRAY['server', 'client', 'internal'])[1 + floor(random() * 3)], 'error', random() < 0.1) END
				FROM generate_series(1, 20)
				ON CONFLICT DO NOTHING;
			END IF;
			IF op IN ('update', 'upsert', 'abort') THEN
				UPDATE distributed_trace_log SET duration_ms = round((exp(random() * 10))::numeric, 3), start_time = start_time + (random() - 0.5) * interval '2 min'
				WHERE random() < 0.1;
			ELSIF op = 'forget' THEN
				PERFORM trace_forget_spans(trace_id) FROM (SELECT trace_id FROM distributed_trace_log ORDER BY random() LIMIT 3) x;
			ELSIF op = 'fold' THEN
				CALL trace_rollup_compact(now() - ('2021-01-01'::timestamptz + random() * interval '3 days'));
			ELSIF op = 'rebuild' THEN
				PERFORM trace_rollup_rebuild('2021-01-01'::timestamptz + random() * interval '36 h', '2021-01-02'::timestamptz + random() * interval '2 days');
			END IF;
			IF op = 'abort' THEN
				RAISE EXCEPTION 'no';
			END IF;
		EXCEPTION WHEN raise_exception THEN
			NULL;
		END;
		SELECT count(*) INTO wrong FROM trace_rollup_check('-infinity', 'infinity');
		IF wrong > 0 THEN
			RAISE EXCEPTION 'step %: % wrong after %', step, wrong, op;
		END IF;
	END LOOP;
END $$;
SELECT level, count(*) > 10 AS many, sum(sign * latency_count(sketch)) > 100 AS counted FROM distributed_trace_latency GROUP BY 1 ORDER BY 1;
CREATE TEMP TABLE windows AS
SELECT n, CASE WHEN n % 7 = 0 THEN date_trunc('day', f) WHEN n % 7 = 1 THEN date_trunc('hour', f) WHEN n % 7 = 2 THEN date_trunc('minute', f) ELSE f END AS from_time,
       CASE WHEN n % 5 = 0 THEN date_trunc('day', t) WHEN n % 5 = 1 THEN date_trunc('hour', t) WHEN n % 5 = 2 THEN date_trunc('minute', t) ELSE t END AS to_time
FROM (SELECT n, f, f + CASE n % 4 WHEN 0 THEN random() * interval '3 days' WHEN 1 THEN random() * interval '3 h' WHEN 2 THEN random() * interval '3 min' ELSE random() * interval '2 s' END AS t
      FROM (SELECT n, '2020-12-31 12:00'::timestamptz + random() * interval '4 days' AS f FROM generate_series(1, 300) n) a) b;
CREATE FUNCTION pg_temp.wrong_windows() RETURNS TABLE (n integer, service text, span_count bigint, expected bigint, quantile_ms float8[], expected_ms numeric[]) LANGUAGE sql AS $$
	SELECT w.n, coalesce(r.service_name, s.service_name), r.span_count, s.span_count, r.quantile_ms, s.quantile_ms
	FROM (SELECT w.n, l.* FROM windows w, trace_service_latency(w.from_time, w.to_time, '{0,0.1,0.5,0.95,1}', (ARRAY['entry', 'root', 'client', 'all'])[1 + w.n % 4]) l) r
	FULL JOIN (SELECT w.n, c.service_name, count(*) AS span_count, count(*) FILTER (WHERE c.is_error) AS errors, avg(c.duration_ms) AS mean,
	                  percentile_disc('{0,0.1,0.5,0.95,1}'::float8[]) WITHIN GROUP (ORDER BY c.duration_ms) AS quantile_ms
	           FROM windows w JOIN trace_counted_spans c ON c.start_time >= w.from_time AND c.start_time < w.to_time
	                AND CASE w.n % 4 WHEN 0 THEN c.is_entry WHEN 1 THEN c.is_root WHEN 2 THEN c.kind IS NOT DISTINCT FROM 'client' ELSE true END
	           WHERE c.duration_ms IS NOT NULL
	           GROUP BY 1, 2) s ON s.n = r.n AND s.service_name = r.service_name
	JOIN windows w ON w.n = coalesce(r.n, s.n)
	WHERE r.span_count IS DISTINCT FROM s.span_count OR r.error_count IS DISTINCT FROM s.errors OR abs(r.mean_ms - s.mean) > 1e-9 * s.mean
	   OR EXISTS (SELECT FROM unnest(r.quantile_ms, s.quantile_ms) q (got, expected) WHERE abs(q.got - q.expected::float8) > 0.01 * q.expected::float8)
$$;
SELECT count(DISTINCT n) > 100 AS filled FROM windows w, trace_service_latency(w.from_time, w.to_time, spans => 'all');
SELECT * FROM pg_temp.wrong_windows();
CALL trace_rollup_compact('-1 day');
SELECT * FROM pg_temp.wrong_windows();
SELECT pg_temp.differences();

TRUNCATE distributed_trace_log, distributed_trace_latency;
DELETE FROM distributed_trace_resource;

--
-- Sampled spans count for as many as they stand for
--

TRUNCATE distributed_trace_log, distributed_trace_latency;
CREATE FUNCTION pg_temp.figures() RETURNS TABLE (span_count bigint, adjusted_count float8) LANGUAGE sql AS $$
	SELECT span_count, adjusted_count FROM trace_service_latency('2021-01-01', '2021-01-02') $$;
-- 1 of 2, 1 of 4, 1 of 1, no threshold, what is none
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms, tags)
SELECT 't', n, 's', 'o', '2021-01-01'::timestamptz + n * interval '20 s', 1, jsonb_build_object('otel', jsonb_build_object('trace_state', state))
FROM unnest(ARRAY['ot=th:8', 'x=1, ot=rv:abcdef01234567;th:c ,y=2', 'ot=th:0', 'ot=p:8', 'th:8', 'ot=th:', 'ot=th:xyz', 'ot=th:000000000000008', 'ot=th:C']) WITH ORDINALITY x (state, n);
SELECT span_id, trace_adjusted_count(tags) FROM distributed_trace_log ORDER BY 1;
SELECT * FROM pg_temp.figures();
SELECT adjusted_count FROM trace_service_latency('2021-01-01 00:00:10', '2021-01-01 00:00:50');
UPDATE distributed_trace_log SET tags = '{"otel": {"trace_state": "ot=th:e"}}' WHERE span_id = '1';
SELECT sum(sign * adjusted_count) FROM distributed_trace_latency;
SELECT * FROM pg_temp.figures();
CALL trace_rollup_compact('-1 day');
SELECT level, sum(adjusted_count) FROM distributed_trace_latency GROUP BY 1 ORDER BY 1;
UPDATE distributed_trace_log SET duration_ms = 2 WHERE span_id = '1';
CALL trace_rollup_compact('-1 day');
SELECT level, sum(adjusted_count) FROM distributed_trace_latency GROUP BY 1 ORDER BY 1;
DELETE FROM distributed_trace_log WHERE span_id = '2';
SELECT trace_rollup_rebuild('2021-01-01', '2021-01-02');
SELECT level, sum(adjusted_count) FROM distributed_trace_latency GROUP BY 1 ORDER BY 1;
SELECT * FROM pg_temp.figures();

TRUNCATE distributed_trace_log, distributed_trace_latency;

-- the trigger belongs to the log: elsewhere it would count what is not there
CREATE TABLE pg_temp.look_alike (LIKE distributed_trace_log);
CREATE TRIGGER forge AFTER INSERT ON look_alike REFERENCING NEW TABLE AS new_spans FOR EACH STATEMENT EXECUTE FUNCTION trace_log_after_write();
INSERT INTO look_alike (id, trace_id, span_id, service_name, operation, start_time, duration_ms, created_at, updated_at) VALUES (1, 't', '1', 'forged', 'o', '2021-01-01', 1, now(), now());
CREATE TABLE pg_temp.other_types (service_name bigint, operation text, start_time timestamptz, parent_span_id text, tags jsonb, duration_ms bigint, id bigint, end_time timestamptz, created_at timestamptz, updated_at timestamptz);
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON other_types FOR EACH ROW EXECUTE FUNCTION trace_log_before_write();
INSERT INTO other_types VALUES (4096, 'o', '2021-01-01', NULL, NULL, 4096, 1, now(), now(), now());

-- what was never counted cannot be taken out, and harms nothing else
SET distributed_trace.rollup = off;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms, tags) VALUES ('u', '0', 's', 'o', '2021-01-01', 7, '{"error": true}');
RESET distributed_trace.rollup;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms) SELECT 'u', n, 's', 'o', '2021-01-01', n FROM generate_series(1, 3) n;
UPDATE distributed_trace_log SET duration_ms = 100 WHERE span_id = '1';
SELECT trace_forget_spans('u', '0');
SELECT span_count, error_count, error_ratio, max_ms FROM trace_service_latency('2021-01-01', '2021-01-02');
SELECT span_count, satisfied_count, tolerating_count, frustrated_count FROM trace_apdex('2021-01-01', '2021-01-02');
CALL trace_rollup_compact('-1 day');
SELECT level, sign, is_error, sum(latency_count(sketch)) FROM distributed_trace_latency GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT trace_rollup_rebuild('2021-01-01', '2021-01-02'), pg_temp.differences();

-- the settings of a restore hide spans only for whom the log belongs to
CREATE ROLE rollup_test_writer;
GRANT INSERT, SELECT, UPDATE ON distributed_trace_log TO rollup_test_writer;
SET ROLE rollup_test_writer;
SET check_function_bodies = off;
SET row_security = off;
SET search_path = '';
INSERT INTO public.distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms) VALUES ('hidden', '1', 'hidden', 'o', '2021-01-01', 1);
RESET ALL;
RESET ROLE;
SET timezone = 'UTC';
SELECT service, n FROM pg_temp.rollup WHERE service = 'hidden';
DROP OWNED BY rollup_test_writer;
DROP ROLE rollup_test_writer;

-- folding reads the buckets that it changes, not the whole rollup
INSERT INTO distributed_trace_latency (level, bucket_start, service_name, operation, kind, is_entry, is_root, is_error, sign, adjusted_count, sketch)
SELECT 'minute', '2022-01-01'::timestamptz + n * interval '1 min', 's', 'o', NULL, true, true, false, 1, 1, latency_sketch_agg(1.0) FROM generate_series(1, 20000) n GROUP BY n;
ANALYZE distributed_trace_latency;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms) VALUES ('v', '1', 's', 'o', '2022-01-05', 1);
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT pg_stat_reset() \g /dev/null
CALL trace_rollup_compact('-1 day');
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT idx_tup_fetch + seq_tup_read < 1000 AS few FROM pg_stat_user_tables WHERE relname = 'distributed_trace_latency';

TRUNCATE distributed_trace_log, distributed_trace_latency;
