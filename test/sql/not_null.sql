-- The owner of a table may drop its NOT NULL constraints.  Whatever lies in a
-- column then, nothing may read it as if it were not null: every function and
-- view either copes or says so: 23502, or 22004 where it was an argument.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS distributed_trace;

CREATE TABLE calls (call text PRIMARY KEY);
-- every function of the extension that can be called with these arguments
INSERT INTO calls
SELECT DISTINCT format(CASE WHEN p.prokind = 'p' THEN 'CALL %s(%s)' WHEN p.proretset THEN 'SELECT count(x::text) FROM %s(%s) x' ELSE 'SELECT length(%s(%s)::text)' END, p.oid::regproc, a.list)
FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid AND d.classid = 'pg_proc'::regclass
     JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass AND e.extname = 'distributed_trace',
     LATERAL (SELECT string_agg(CASE
                        WHEN t::regtype = 'span_tree'::regtype THEN $$trace_get('t')$$
                        WHEN n = 'span_id' OR n IN ('a', 'b') THEN quote_literal('c')
                        WHEN t::regtype = 'text'::regtype AND n = 'trace_id' THEN quote_literal('t')
                        WHEN t::regtype = 'text'::regtype AND n IN ('spans', 'service_name', 'operation') THEN quote_literal('all')
                        WHEN t::regtype = 'text'::regtype THEN quote_literal('s')
                        WHEN t::regtype = 'timestamptz'::regtype AND n ~ 'from' THEN quote_literal('2026-01-01 00:00+00')
                        WHEN t::regtype = 'timestamptz'::regtype THEN quote_literal('2026-01-01 04:00+00')
                        WHEN t::regtype = 'interval'::regtype THEN quote_literal('1 hour')
                        WHEN t::regtype = 'float8'::regtype THEN '0.5::float8'
                        WHEN t::regtype = 'integer'::regtype THEN '1'
                        WHEN t::regtype = 'float8[]'::regtype THEN quote_literal('{0.5}')
                        END, ', ' ORDER BY k) AS list,
                     count(*) AS given, coalesce(bool_and(t::regtype::text = ANY ('{span_tree,text,timestamp with time zone,interval,double precision,integer,double precision[]}')), true) AS can
              FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY x (t, k)
                   LEFT JOIN unnest(p.proargnames) WITH ORDINALITY y (n, l) ON l = k
              WHERE k <= p.pronargs - p.pronargdefaults) a
WHERE p.prokind <> 'a' AND a.can AND p.prorettype NOT IN ('trigger'::regtype, 'cstring'::regtype, 'internal'::regtype)
      AND p.proname !~ '^(trace_create_roles|trace_ingest|trace_span_start|trace_rollup_compact|trace_receiver_reset_stats|trace_forget_spans|span_tree_|latency_sketch)';
INSERT INTO calls
SELECT format('SELECT count(x::text) FROM %s x', c.oid::regclass)
FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
     JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass AND e.extname = 'distributed_trace'
WHERE c.relkind = 'v';
-- what records, and aggregates
INSERT INTO calls VALUES
	('SELECT trace_span_finish(''00-5b8efff798038103d269b633813fc60c-00000000000000aa-01'')'),
	($$SELECT rejected FROM trace_ingest_zipkin('[{"traceId": "5b8efff798038103d269b633813fc60c", "id": "00000000000000aa", "timestamp": 1767225600000000, "duration": 7, "name": "again", "localEndpoint": {"serviceName": "s"}}]')$$),
	($$SELECT rejected FROM trace_ingest_jaeger('{"traceID": "5b8efff798038103d269b633813fc60c", "processes": {"p": {"serviceName": "s", "tags": []}}, "spans": [{"spanID": "00000000000000aa", "operationName": "again", "startTime": 1767225600000000, "duration": 7, "processID": "p"}]}')$$),
	('SELECT count(*) FROM (SELECT span_tree_agg(l) AS t FROM distributed_trace_log l GROUP BY trace_id) s, trace_tree(s.t)'),
	('SELECT count(*) FROM (SELECT span_tree_agg(trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, NULL, NULL) AS t FROM distributed_trace_log l GROUP BY trace_id) s, trace_tree(s.t)'),
	('UPDATE distributed_trace_log SET duration_ms = 1'),
	('UPDATE distributed_trace_log SET end_time = end_time + interval ''1 s'''),
	('SELECT trace_forget_spans(''t'')'), ('SELECT trace_forget_spans(''t'', ''c'')'),
	('CALL trace_rollup_compact(''0'')');

-- what a call came to, undone: ok, or its SQLSTATE
CREATE FUNCTION outcome(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE state text;
BEGIN
	BEGIN
		EXECUTE call;
		RAISE SQLSTATE 'UNDO0';
	EXCEPTION WHEN OTHERS THEN state := SQLSTATE;
	END;
	RETURN CASE state WHEN 'UNDO0' THEN 'ok' ELSE state END;
END $$;

-- a trace of two services, and a row that trace_span_finish finds
CREATE FUNCTION fill() RETURNS void LANGUAGE sql AS $$
	INSERT INTO distributed_trace_resource (resource_id, digest, attributes)
	SELECT 1000, sha256('{"service.name": "s"}'), '{"service.name": "s"}';
	INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, tags)
	SELECT t, s, p, n, 'o', '2026-01-01 01:00+00', '2026-01-01 01:00:01+00', '{"otel": {"resource": 1000, "kind": "server"}}'
	FROM (VALUES ('t', 'p', NULL, 'web'), ('t', 'c', 'p', 's'), ('5b8efff798038103d269b633813fc60c', '00000000000000aa', NULL, 's')) v (t, s, p, n);
$$;
SELECT fill();
-- with sound rows nothing fails but calls with arguments that make no sense
SELECT outcome(call), count(*) > 0 AS some FROM calls GROUP BY 1 ORDER BY 1;

-- the trigger refuses a new row that counting could not read
BEGIN;
ALTER TABLE distributed_trace_log ALTER operation DROP NOT NULL;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, start_time, end_time) VALUES ('n', 'n', 's', now(), now());
ROLLBACK;
BEGIN;
ALTER TABLE distributed_trace_log ALTER service_name DROP NOT NULL;
UPDATE distributed_trace_log SET service_name = NULL;
ROLLBACK;
BEGIN;
ALTER TABLE distributed_trace_log ALTER start_time DROP NOT NULL;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation) VALUES ('n', 'n', 's', 'o');
ROLLBACK;
-- a row that came in past it can be repaired
BEGIN;
ALTER TABLE distributed_trace_log ALTER operation DROP NOT NULL;
SET LOCAL session_replication_role = replica;
UPDATE distributed_trace_log SET operation = NULL WHERE span_id = 'c';
SET LOCAL session_replication_role = origin;
UPDATE distributed_trace_log SET operation = 'repaired' WHERE operation IS NULL;
SELECT operation FROM trace_tree('t');
ROLLBACK;

-- each column in turn: whether any call says that there is a null, and what
-- else is said that was not before
CREATE TABLE before AS SELECT call, outcome(call) FROM calls;
CREATE FUNCTION outcomes(relation regclass, attribute name, OUT says_so boolean, OUT other text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('ALTER TABLE %s ALTER %I DROP NOT NULL', relation, attribute);
	SET LOCAL session_replication_role = replica;
	EXECUTE format('UPDATE %s SET %I = NULL', relation, attribute);
	SET LOCAL session_replication_role = origin;
	SELECT bool_or(a.outcome IN ('23502', '22004')), string_agg(DISTINCT a.outcome || ' ' || call, '; ') FILTER (WHERE a.outcome NOT IN ('23502', '22004', 'ok', b.outcome))
	INTO says_so, other
	FROM before b CROSS JOIN LATERAL (SELECT outcome(b.call)) a;
	RAISE SQLSTATE 'UNDO0';
EXCEPTION WHEN SQLSTATE 'UNDO0' THEN NULL;
END $$;
SELECT attrelid::regclass AS relation, attname, o.*
FROM pg_attribute, outcomes(attrelid, attname) o
WHERE attrelid IN ('distributed_trace_log'::regclass, 'distributed_trace_resource'::regclass, 'distributed_trace_latency'::regclass) AND attnum > 0 AND attnotnull
      AND attidentity = '' -- what the extension's own sequence keeps
      AND (attrelid <> 'distributed_trace_latency'::regclass OR o.other IS NOT NULL)
ORDER BY attrelid::regclass::text, attnum;

DROP FUNCTION outcomes, outcome, fill;
DROP TABLE calls, before;
DELETE FROM distributed_trace_log;
DELETE FROM distributed_trace_latency;
DELETE FROM distributed_trace_resource;
