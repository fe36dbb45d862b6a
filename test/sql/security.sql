-- Who may do what: functions work with the caller's rights on the tables and
-- no more, row level security holds inside them, and neither a hostile
-- search_path nor the extension's schema changes what they do.
\set VERBOSITY terse
SET timezone = 'UTC';
SET client_min_messages = warning;
\pset null -

-- what became of a command: its result, or its error
CREATE FUNCTION pg_temp.outcome(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE command INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END $$;
-- an OTLP request: a span of the shop and one of the bank below it
CREATE FUNCTION pg_temp.request(span_name text DEFAULT 'buy', more text DEFAULT '') RETURNS text LANGUAGE sql AS $_$
	SELECT format($$
		{"resourceSpans": [
		{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}, "scopeSpans": [{"spans": [
			{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "%s", "kind": 2, "startTimeUnixNano": "1767225600000000000", "endTimeUnixNano": "1767225601000000000"}%s]}]},
		{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "bank"}}]}, "scopeSpans": [{"spans": [
			{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b175", "parentSpanId": "eee19b7ec3c1b174", "name": "pay", "kind": 2, "startTimeUnixNano": "1767225600250000000", "endTimeUnixNano": "1767225600500000000",
			 "status": {"code": 2}, "attributes": [{"key": "user.id", "value": {"stringValue": "42"}}], "events": [{"timeUnixNano": "1767225600300000000", "name": "retry"}]}]}]}]}$$, span_name, more)
$_$;
\set trace '\'5b8efff798038103d269b633813fc60c\''

CREATE ROLE regress_trace_reader;
CREATE ROLE regress_trace_writer;
CREATE ROLE regress_trace_merger;
CREATE ROLE regress_trace_nobody;

--
-- Rights
--

BEGIN;
GRANT SELECT ON distributed_trace_log, distributed_trace_resource TO regress_trace_reader;
GRANT SELECT, INSERT ON distributed_trace_log, distributed_trace_resource TO regress_trace_writer;
GRANT SELECT, INSERT, UPDATE ON distributed_trace_log TO regress_trace_merger;
GRANT SELECT, INSERT ON distributed_trace_resource TO regress_trace_merger;

-- recording takes SELECT and INSERT
SET ROLE regress_trace_writer;
SELECT * FROM trace_ingest_otlp(pg_temp.request());
-- a resend writes nothing, and needs no more
SELECT * FROM trace_ingest_otlp(pg_temp.request());
SELECT pg_temp.outcome($$INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, end_time) VALUES ('by hand', '1', 's', 'o', '2026-01-01', '2026-01-02') RETURNING duration_ms$$);
SELECT pg_temp.outcome($$SELECT trace_ingest_zipkin('[{"traceId": "00000000000000aa", "id": "00000000000000ab", "name": "z", "timestamp": 1767225600000000, "duration": 1000, "localEndpoint": {"serviceName": "zipkin"}}]')$$);
SELECT pg_temp.outcome($$SELECT trace_ingest_jaeger('{"data": [{"traceID": "00000000000000ba", "spans": [{"traceID": "00000000000000ba", "spanID": "00000000000000bb", "operationName": "j", "startTime": 1767225600000000, "duration": 1000, "processID": "p1"}], "processes": {"p1": {"serviceName": "jaeger"}}}]}')$$);
SELECT trace_span_start('a step', 'database') IS NOT NULL AS started \gset
SELECT :'started' AS started;
-- a change takes UPDATE
SELECT pg_temp.outcome('SELECT trace_ingest_otlp(pg_temp.request(''sell''))');
SELECT pg_temp.outcome('SELECT trace_span_finish(trace_span_start(''a step'', ''database'')) IS NOT NULL');
SET ROLE regress_trace_merger;
SELECT pg_temp.outcome('SELECT trace_ingest_otlp(pg_temp.request(''sell''))');
SELECT pg_temp.outcome('SELECT trace_span_finish(trace_span_start(''a step'', ''database'')) IS NOT NULL');
-- the tables' own numbers are nobody's right
SELECT pg_temp.outcome('SELECT nextval(''distributed_trace_log_id_seq'') > 0');

-- reading takes SELECT
CREATE FUNCTION pg_temp.read_all(trace text) RETURNS TABLE (what text, result text) LANGUAGE sql AS $$
	VALUES ('trace_get', pg_temp.outcome(format('SELECT count(*) FROM trace_tree(trace_get(%L))', trace))),
	       ('trace_tree', pg_temp.outcome(format('SELECT string_agg(operation, '', '') FROM trace_tree(%L)', trace))),
	       ('trace_ancestors', pg_temp.outcome(format('SELECT string_agg(operation, '', '') FROM trace_ancestors(%L, ''eee19b7ec3c1b175'')', trace))),
	       ('trace_descendants', pg_temp.outcome(format('SELECT string_agg(operation, '', '') FROM trace_descendants(%L, ''eee19b7ec3c1b174'')', trace))),
	       ('trace_siblings', pg_temp.outcome(format('SELECT count(*) FROM trace_siblings(%L, ''eee19b7ec3c1b174'')', trace))),
	       ('trace_leaves', pg_temp.outcome(format('SELECT string_agg(operation, '', '') FROM trace_leaves(%L)', trace))),
	       ('trace_roots', pg_temp.outcome(format('SELECT string_agg(operation, '', '') FROM trace_roots(%L)', trace))),
	       ('trace_path', pg_temp.outcome(format('SELECT count(*) FROM trace_path(%L, ''eee19b7ec3c1b174'', ''eee19b7ec3c1b174'')', trace))),
	       ('trace_common_ancestor', pg_temp.outcome(format('SELECT trace_common_ancestor(%L, ''eee19b7ec3c1b174'', ''eee19b7ec3c1b175'')', trace))),
	       ('span_tree_agg, rows', pg_temp.outcome(format('SELECT count(*) FROM (SELECT span_tree_agg(l) AS tree FROM distributed_trace_log l WHERE trace_id = %L) s, trace_tree(tree)', trace))),
	       ('span_tree_agg, columns', pg_temp.outcome(format('SELECT count(*) FROM (SELECT span_tree_agg(trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, trace_span_kind(tags), trace_is_error(tags)) AS tree FROM distributed_trace_log l WHERE trace_id = %L) s, trace_tree(tree)', trace))),
	       ('trace_summary', pg_temp.outcome(format('SELECT span_count || '' spans, '' || error_count || '' errors'' FROM trace_summary(%L)', trace))),
	       ('trace_lint', pg_temp.outcome(format('SELECT count(*) FROM trace_lint(%L) WHERE problem = ''orphan''', trace))),
	       ('trace_waterfall', pg_temp.outcome(format('SELECT count(*) > 2 FROM trace_waterfall(%L)', trace))),
	       ('trace_export_otlp', pg_temp.outcome(format('SELECT sum(jsonb_array_length(s -> ''spans'')) || '' spans of '' || string_agg(r #>> ''{resource,attributes,0,value,stringValue}'', '', '') FROM jsonb_array_elements(trace_export_otlp(%L)::jsonb -> ''resourceSpans'') r, jsonb_array_elements(r -> ''scopeSpans'') s', trace))),
	       ('trace_export_jaeger', pg_temp.outcome(format('SELECT jsonb_array_length(trace_export_jaeger(%L)::jsonb #> ''{data,0,spans}'') || '' spans''', trace))),
	       ('trace_critical_path', pg_temp.outcome(format('SELECT string_agg(operation, '', '' ORDER BY seq) FROM trace_critical_path(%L)', trace))),
	       ('trace_critical_path_services', pg_temp.outcome(format('SELECT string_agg(service_name, '', '' ORDER BY service_name) FROM trace_critical_path_services(%L)', trace))),
	       ('trace_critical_path_profile', pg_temp.outcome('SELECT string_agg(key, '', '' ORDER BY key) FROM trace_critical_path_profile(''2026-01-01 00:00Z'', ''2026-01-02 00:00Z'') WHERE key ~ ''shop|bank''')),
	       ('trace_events', pg_temp.outcome(format('SELECT string_agg(event_name, '', '') FROM distributed_trace_log, trace_events(logs) WHERE trace_id = %L', trace))),
	       ('trace_user_id', pg_temp.outcome(format('SELECT string_agg(trace_user_id(tags), '', '') FROM distributed_trace_log WHERE trace_id = %L', trace)))
$$;
SET ROLE regress_trace_reader;
SELECT * FROM pg_temp.read_all(:trace);
-- and no more than that
SELECT pg_temp.outcome('SELECT trace_ingest_otlp(pg_temp.request(''x''))');
SELECT pg_temp.outcome($$SELECT trace_ingest_zipkin('[{"traceId": "00000000000000aa", "id": "00000000000000af", "timestamp": 1767225600000000, "duration": 1000}]')$$);
SELECT pg_temp.outcome('SELECT trace_span_start(''a step'', ''database'')');
-- without rights functions of values alone work
SET ROLE regress_trace_nobody;
SELECT * FROM pg_temp.read_all(:trace);
SELECT pg_temp.outcome('SELECT trace_ingest_otlp(pg_temp.request())');
SELECT pg_temp.outcome($$SELECT span_id FROM trace_tree('{"trace_id": "t", "spans": [{"span_id": "a"}]}'::span_tree)$$);
SELECT trace_id_normalize('ABCDEF0123456789'), trace_span_kind('{"otel": {"kind": "server"}}'), trace_is_error('{"error": true}'), trace_user_id('{"user.id": "7"}');
RESET ROLE;

--
-- Row level security: each role sees the service that it is for
--

ALTER TABLE distributed_trace_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_service ON distributed_trace_log TO regress_trace_reader USING (service_name = 'shop');
CREATE POLICY one_service_to_write ON distributed_trace_log TO regress_trace_writer, regress_trace_merger USING (service_name = 'bank') WITH CHECK (service_name = 'bank');
-- the session has read the trace without a policy before, and does again
SELECT operation FROM trace_tree(:trace);
SET ROLE regress_trace_reader;
SELECT * FROM pg_temp.read_all(:trace);
RESET ROLE;
SELECT operation FROM trace_tree(:trace);
SET ROLE regress_trace_writer;
SELECT operation FROM trace_tree(:trace);
SET ROLE regress_trace_nobody;
SELECT pg_temp.outcome('SELECT count(*) FROM trace_tree(''x'')');
-- what is hidden is not changed, and not shown either
SET ROLE regress_trace_merger;
SELECT pg_temp.outcome('SELECT trace_ingest_otlp(pg_temp.request(''stolen''))');
SELECT pg_temp.outcome($$SELECT trace_ingest_otlp('{"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "bank"}}]}, "scopeSpans": [{"spans": [
	{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "stolen", "startTimeUnixNano": "1767225600000000000", "endTimeUnixNano": "1767225601000000000"},
	{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b176", "name": "own", "startTimeUnixNano": "1767225600000000000", "endTimeUnixNano": "1767225601000000000"}]}]}]}')$$);
RESET ROLE;
SELECT service_name, operation FROM trace_tree(:trace) ORDER BY span_id;
ROLLBACK;

--
-- A hostile search_path: before pg_catalog, a schema with everything that the
-- extension's queries could be made to mean
--

CREATE SCHEMA evil;
CREATE FUNCTION evil.evil() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'the evil schema was used'; END$$;
DO $$
DECLARE
	l text;
	r text;
	op text;
BEGIN
	FOR l, r IN SELECT * FROM (VALUES ('text', 'text'), ('varchar', 'varchar'), ('varchar', 'text'), ('text', 'varchar'), ('bytea', 'bytea'), ('bigint', 'bigint'), ('integer', 'integer'), ('bigint', 'integer'),
	                                  ('timestamptz', 'timestamptz'), ('numeric', 'numeric'), ('double precision', 'double precision'), ('jsonb', 'text'), ('jsonb', 'jsonb'), ('boolean', 'boolean'), ('oid', 'oid')) v LOOP
		EXECUTE format('CREATE FUNCTION evil.f(%1$s, %2$s) RETURNS boolean LANGUAGE sql AS ''SELECT evil.evil()''', l, r);
		FOREACH op IN ARRAY ARRAY['=', '<>', '<', '>', '<=', '>=', '||', '->', '->>', '+', '-'] LOOP
			EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.f)', op, l, r);
		END LOOP;
	END LOOP;
	FOREACH l IN ARRAY ARRAY['now()', 'clock_timestamp()', 'nextval(regclass)', 'sha256(bytea)', 'trace_is_error(jsonb)', 'trace_span_kind(jsonb)', 'trace_user_id(jsonb)', 'trace_get(text)', 'trace_tree(text, text, integer)',
	                         'resource_id_of(jsonb)', 'text(varchar)', 'lower(text)', 'round(numeric)', 'length(text)', 'to_jsonb(text)'] LOOP
		EXECUTE format('CREATE FUNCTION evil.%s RETURNS boolean LANGUAGE sql AS ''SELECT evil.evil()''', l);
	END LOOP;
	CREATE TABLE evil.distributed_trace_log (LIKE distributed_trace_log);
	INSERT INTO evil.distributed_trace_log VALUES (1, '5b8efff798038103d269b633813fc60c', 'evil', NULL, 'evil', 'evil', now(), now(), 1, NULL, NULL, now(), now());
	CREATE TABLE evil.distributed_trace_resource (LIKE distributed_trace_resource);
	CREATE TABLE evil.trace_batch AS SELECT 0 AS position, l.* FROM evil.distributed_trace_log l;
	CREATE TEMP TABLE distributed_trace_resource (LIKE distributed_trace_resource);
	CREATE TEMP TABLE trace_batch AS SELECT * FROM evil.trace_batch;
	CREATE TEMP TABLE distributed_trace_log AS SELECT * FROM evil.distributed_trace_log;
	FOREACH l IN ARRAY ARRAY['text', 'jsonb', 'timestamptz', 'bytea', 'numeric', 'float8'] LOOP
		EXECUTE format('CREATE DOMAIN evil.%1$s AS pg_catalog.%1$s CHECK (evil.evil())', l);
	END LOOP;
END $$;

-- The same steps without and with it; the commands use no operator themselves.
CREATE TABLE pg_temp.steps (n serial, command text);
INSERT INTO pg_temp.steps (command) SELECT format('SELECT pg_catalog.json_agg(r) FROM public.%s r', call) FROM unnest(ARRAY[
	format('trace_ingest_otlp(%L::pg_catalog.text)', pg_temp.request()), format('trace_ingest_otlp(%L::pg_catalog.text)', pg_temp.request()), format('trace_ingest_otlp(%L::pg_catalog.text)', pg_temp.request('sell')),
	format('trace_ingest_otlp(%L::pg_catalog.bytea)', '\x0a020a00'),
	'trace_ingest_zipkin(''[{"traceId": "aa", "id": "ab", "name": "z", "timestamp": 1767225600000000, "duration": 1000, "localEndpoint": {"serviceName": "zipkin"}, "tags": {"error": ""}}]'')',
	'trace_ingest_jaeger(''{"data": [{"traceID": "00000000000000ba", "spans": [{"traceID": "00000000000000ba", "spanID": "00000000000000bb", "operationName": "j", "startTime": 1767225600000000, "duration": 1000, "processID": "p1"}], "processes": {"p1": {"serviceName": "jaeger", "tags": [{"key": "k", "type": "string", "value": "v"}]}}}]}'')',
	'trace_export_jaeger(''00000000000000ba'')', 'trace_events(''[{"time": "2026-01-01T00:00:00Z", "name": "e"}]'')', 'trace_user_id(''{"user.id": "7"}'')', 'trace_span_kind(''{"span.kind": "SERVER"}'')']) call;
INSERT INTO pg_temp.steps (command)
SELECT format('SELECT pg_catalog.json_agg(r) FROM public.%s(%L) r', name, '5b8efff798038103d269b633813fc60c')
FROM unnest(ARRAY['trace_get', 'trace_tree', 'trace_leaves', 'trace_roots', 'trace_summary', 'trace_lint', 'trace_waterfall', 'trace_export_otlp', 'trace_export_jaeger', 'trace_critical_path',
	'trace_critical_path_duration', 'trace_critical_path_spans', 'trace_critical_path_slack', 'trace_critical_path_summary', 'trace_critical_path_services', 'trace_critical_path_operations', 'trace_critical_path_groups']) name;
INSERT INTO pg_temp.steps (command)
SELECT format('SELECT pg_catalog.json_agg(r) FROM public.%s(%L, ''eee19b7ec3c1b175'') r', name, '5b8efff798038103d269b633813fc60c') FROM unnest(ARRAY['trace_tree', 'trace_ancestors', 'trace_descendants', 'trace_siblings']) name;
INSERT INTO pg_temp.steps (command)
SELECT format('SELECT pg_catalog.json_agg(r) FROM public.%s(''2026-01-01 00:00Z'', ''2026-01-02 00:00Z''%s) r', name, more)
FROM (VALUES ('trace_critical_path_profile', ''), ('trace_critical_path_folded', ''), ('trace_what_if_profile', ', ''shop''')) v (name, more);
INSERT INTO pg_temp.steps (command) VALUES
	('SELECT pg_catalog.count(t.tree) FROM public.trace_trees(''2026-01-01 00:00Z'', ''2026-01-02 00:00Z'') t'),
	('SELECT pg_catalog.json_agg(r) FROM public.trace_what_if(''5b8efff798038103d269b633813fc60c'', ''shop'') r'),
	('SELECT pg_catalog.json_agg(r) FROM public.trace_path(''5b8efff798038103d269b633813fc60c'', ''eee19b7ec3c1b175'', ''eee19b7ec3c1b174'') r'),
	('SELECT public.trace_common_ancestor(''5b8efff798038103d269b633813fc60c'', ''eee19b7ec3c1b175'', ''eee19b7ec3c1b174'')'),
	('SELECT public.span_tree_agg(l) FROM public.distributed_trace_log l JOIN pg_catalog.unnest(ARRAY[''5b8efff798038103d269b633813fc60c'']) t (id) ON l.trace_id OPERATOR(pg_catalog.=) t.id'),
	('SELECT pg_catalog.json_agg(r) FROM public.trace_tree((''{"trace_id": "t", "spans": [{"span_id": "a", "start_time": "2026-01-01 00:00Z", "duration_ms": 1.5}]}'')::public.span_tree) r'),
	('SELECT public.trace_id_normalize(''ABCDEF0123456789'')'),
	('SELECT public.trace_attach_users(''public.regress_people'', ''id'')'), ('SELECT pg_catalog.json_agg(r) FROM public.trace_user_activity r'),
	('INSERT INTO public.distributed_trace_log (trace_id, span_id, service_name, operation, start_time, end_time) VALUES (''by hand'', ''a'', ''s'', ''o'', ''2026-01-01'', ''2026-01-02'') RETURNING duration_ms'),
	('UPDATE public.distributed_trace_log SET end_time = ''2026-01-03'' WHERE span_id OPERATOR(pg_catalog.=) ''a'' RETURNING duration_ms'),
	('SELECT pg_catalog.float8ge(public.trace_span_finish(public.trace_span_start(''step'', ''service'', ''00-5b8efff798038103d269b633813fc60d-eee19b7ec3c1b174-01''), ''ok''), 0)'),
	('SELECT pg_catalog.json_agg(r.operation) FROM public.trace_tree(''5b8efff798038103d269b633813fc60d'') r');
CREATE TABLE public.regress_people (id integer, name text);
INSERT INTO public.regress_people VALUES (42, 'Ada');
CREATE PROCEDURE pg_temp.take_steps(INOUT results pg_catalog.text[]) LANGUAGE plpgsql AS $$
DECLARE
	step pg_catalog.record;
	result pg_catalog.text;
BEGIN
	FOR step IN SELECT * FROM pg_temp.steps ORDER BY n LOOP
		BEGIN
			EXECUTE step.command INTO result;
		EXCEPTION WHEN OTHERS THEN
			result := pg_catalog.concat(SQLSTATE, ': ', SQLERRM);
		END;
		results := pg_catalog.array_append(results, result);
	END LOOP;
END $$;
DELETE FROM public.distributed_trace_log;
TRUNCATE public.distributed_trace_resource RESTART IDENTITY;
CALL pg_temp.take_steps('{}') \gset without_
DELETE FROM public.distributed_trace_log;
TRUNCATE public.distributed_trace_resource RESTART IDENTITY;
SET search_path = evil, pg_catalog, public;
-- it is hostile indeed
SELECT 'a' = 'b';
SELECT now();
SELECT service_name FROM distributed_trace_log;
CALL pg_temp.take_steps('{}') \gset hostile_
RESET search_path;
-- nothing differs, and nothing failed
SELECT n, a AS without, b AS hostile FROM unnest(:'without_results'::pg_catalog.text[], :'hostile_results'::pg_catalog.text[]) WITH ORDINALITY u (a, b, n)
WHERE a IS DISTINCT FROM b OR a ~ '^[0-9A-Z]{5}: ' ORDER BY n;
-- what had nothing to say: lint, the descendants and siblings of the leaf
SELECT command FROM unnest(:'without_results'::pg_catalog.text[]) WITH ORDINALITY u (a, i) JOIN pg_temp.steps ON n = i WHERE a IS NULL ORDER BY n;
SELECT count(*) AS steps, max(n) FROM pg_temp.steps;
SELECT user_id, user_name, operation, is_error FROM trace_user_activity;
DROP TABLE public.regress_people CASCADE;
SELECT (SELECT count(*) FROM evil.distributed_trace_log) AS evil_log, (SELECT count(*) FROM evil.distributed_trace_resource) AS evil_resources,
       (SELECT count(*) FROM pg_temp.distributed_trace_log) AS temp_log, (SELECT count(*) FROM public.distributed_trace_log) AS log, (SELECT count(*) FROM public.distributed_trace_resource) AS resources;
DROP TABLE pg_temp.distributed_trace_log, pg_temp.trace_batch, pg_temp.distributed_trace_resource;
DROP SCHEMA evil CASCADE;
DELETE FROM distributed_trace_log;
DELETE FROM distributed_trace_resource;

--
-- The extension in a schema that the search_path does not name; dropped and
-- created again in one session
--

SELECT accepted FROM trace_ingest_otlp(pg_temp.request());
DROP EXTENSION distributed_trace;
CREATE EXTENSION distributed_trace;
SELECT * FROM trace_ingest_otlp(pg_temp.request());
SELECT operation FROM trace_tree(:trace);
DROP EXTENSION distributed_trace;
CREATE SCHEMA "Tracing %s ""quoted""";
CREATE EXTENSION distributed_trace SCHEMA "Tracing %s ""quoted""";
SET search_path = public;
SELECT * FROM "Tracing %s ""quoted""".trace_ingest_otlp(pg_temp.request());
SELECT * FROM "Tracing %s ""quoted""".trace_ingest_otlp(pg_temp.request('sell'));
SELECT operation FROM "Tracing %s ""quoted""".trace_tree(:trace);
SELECT operation FROM "Tracing %s ""quoted""".trace_ancestors(:trace, 'eee19b7ec3c1b175');
SELECT span_count FROM "Tracing %s ""quoted""".trace_summary(:trace);
SELECT count(*) > 2 AS drawn FROM "Tracing %s ""quoted""".trace_waterfall(:trace);
SELECT length("Tracing %s ""quoted""".trace_export_otlp(:trace)) > 500 AS exported, length("Tracing %s ""quoted""".trace_export_jaeger(:trace)) > 500 AS exported;
SELECT "Tracing %s ""quoted""".trace_span_finish("Tracing %s ""quoted""".trace_span_start('a', 'b')) >= 0 AS finished;
SELECT count(*) FROM (SELECT "Tracing %s ""quoted""".span_tree_agg(l) AS t FROM "Tracing %s ""quoted""".distributed_trace_log l WHERE trace_id = :trace) s, "Tracing %s ""quoted""".trace_tree(t);
SELECT relname, nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relname LIKE '%distributed_trace%' ORDER BY 1;
RESET search_path;
DROP EXTENSION distributed_trace;
DROP SCHEMA "Tracing %s ""quoted""";
-- nothing is left behind
SELECT (SELECT count(*) FROM pg_proc WHERE prosrc LIKE 'dt\_%') AS functions, (SELECT count(*) FROM pg_class WHERE relname LIKE '%distributed\_trace%') AS relations,
       (SELECT count(*) FROM pg_type WHERE typname ~ 'span_tree|trace_tree') AS types;
CREATE EXTENSION distributed_trace;
SELECT count(*) FROM trace_tree(:trace);
SELECT * FROM trace_ingest_otlp(pg_temp.request());
SELECT operation FROM trace_tree(:trace);
DELETE FROM distributed_trace_log;
DELETE FROM distributed_trace_resource;

--
-- The schema gets another name, or the extension another schema, in a session
-- that has used it
--

CREATE FUNCTION pg_temp.use_all(schema name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	results text[];
	command text;
	result text;
BEGIN
	FOREACH command IN ARRAY ARRAY[
		format('SELECT accepted FROM %1$I.trace_ingest_otlp(%2$L::text)', schema, pg_temp.request()),
		-- again, and another operation: found equal, and merged
		format('SELECT duplicates FROM %1$I.trace_ingest_otlp(%2$L::text)', schema, pg_temp.request()),
		format('SELECT accepted FROM %1$I.trace_ingest_otlp(%2$L::text)', schema, pg_temp.request('sell')),
		format('SELECT accepted FROM %1$I.trace_ingest_zipkin(''[{"traceId": "aa", "id": "ab", "name": "z", "timestamp": 1767225600000000, "localEndpoint": {"serviceName": "zipkin"}}]'')', schema),
		format('SELECT %1$I.trace_span_finish(%1$I.trace_span_start(''a'', ''b'')) >= 0', schema),
		format('SELECT string_agg(operation, '', '') FROM %1$I.trace_tree(%2$L)', schema, '5b8efff798038103d269b633813fc60c'),
		format('SELECT count(*) FROM %1$I.trace_trees(''2000-01-01'', ''2100-01-01'')', schema),
		format('SELECT count(*) > 0 FROM %1$I.trace_critical_path_profile(''2000-01-01'', ''2100-01-01'')', schema),
		format('SELECT length(%1$I.trace_export_otlp(%2$L)) > 500', schema, '5b8efff798038103d269b633813fc60c'),
		format('SELECT length(%1$I.trace_export_jaeger(%2$L)) > 500', schema, '5b8efff798038103d269b633813fc60c'),
		format('SELECT count(*) FROM %1$I.distributed_trace_log', schema),
		format('SELECT count(*) FROM %1$I.distributed_trace_resource', schema),
		format('DELETE FROM %1$I.distributed_trace_log RETURNING duration_ms IS NOT NULL', schema),
		format('DELETE FROM %1$I.distributed_trace_resource RETURNING true', schema)] LOOP
		BEGIN
			EXECUTE command INTO result;
		EXCEPTION WHEN OTHERS THEN
			result := SQLSTATE || ' ' || SQLERRM;
		END;
		results := array_append(results, result);
	END LOOP;
	RETURN array_to_string(results, ' | ', '-');
END $$;
SELECT pg_temp.use_all('public');
DROP EXTENSION distributed_trace;
CREATE SCHEMA regress_first;
CREATE EXTENSION distributed_trace SCHEMA regress_first;
SELECT pg_temp.use_all('regress_first');
ALTER SCHEMA regress_first RENAME TO regress_second;
SELECT pg_temp.use_all('regress_second');
-- there is another of the old name now
CREATE SCHEMA regress_first;
CREATE TABLE regress_first.distributed_trace_log (LIKE regress_second.distributed_trace_log);
SELECT pg_temp.use_all('regress_second');
SELECT count(*) FROM regress_first.distributed_trace_log;
-- back again, in one transaction, and undone
DROP SCHEMA regress_first CASCADE;
BEGIN;
ALTER SCHEMA regress_second RENAME TO regress_first;
SELECT pg_temp.use_all('regress_first');
ROLLBACK;
SELECT pg_temp.use_all('regress_second');
-- and out of the schema, into one of an old name
DROP EXTENSION distributed_trace;
ALTER SCHEMA regress_second RENAME TO regress_first;
CREATE EXTENSION distributed_trace SCHEMA regress_first;
SELECT pg_temp.use_all('regress_first');
DROP EXTENSION distributed_trace;
DROP SCHEMA regress_first;
CREATE EXTENSION distributed_trace;
SELECT pg_temp.use_all('public');

DROP ROLE regress_trace_reader, regress_trace_writer, regress_trace_merger, regress_trace_nobody;
