-- The view that joins spans to the application's own table of users.

SET client_min_messages = warning;
\set VERBOSITY default
\set SHOW_CONTEXT never
TRUNCATE distributed_trace_log;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, end_time, tags) VALUES
    ('t', 'a', 'shop', 'buy', '2026-01-01', '2026-01-01 00:00:01', '{"user.id": 7}'),
    ('t', 'b', 'shop', 'sell', '2026-01-01', '2026-01-01 00:00:02', '{"enduser.id": "8", "error": true}'),
    ('t', 'c', 'shop', 'look', '2026-01-01', NULL, NULL);
CREATE TABLE regress_people (id integer, name text);
INSERT INTO regress_people VALUES (7, 'Ada'), (8, 'Grace'), (9, 'Edsger');

SELECT trace_attach_users('regress_people', 'id');
SELECT span_id, operation, duration_ms, is_error, user_id, user_name FROM trace_user_activity ORDER BY span_id;

--
-- Again: the query is another, the view is the same
--

CREATE ROLE regress_trace_people;
GRANT SELECT ON trace_user_activity TO regress_trace_people;
CREATE VIEW regress_on_top AS SELECT user_name FROM trace_user_activity;
ALTER TABLE regress_people ADD joined date;
SELECT 'trace_user_activity'::regclass::oid AS before \gset
SELECT trace_attach_users('regress_people', 'id')::oid = :before AS same;
SELECT has_table_privilege('regress_trace_people', 'trace_user_activity', 'SELECT') AS granted, count(*) FROM regress_on_top;
SELECT attname FROM pg_attribute WHERE attrelid = 'trace_user_activity'::regclass AND attnum > 7 ORDER BY attnum;
SELECT reloptions, obj_description(oid, 'pg_class') AS comment FROM pg_class WHERE oid = 'trace_user_activity'::regclass;
DROP VIEW regress_on_top;

-- columns that do not fit are an error, and leave the view as it was
CREATE TABLE regress_others (id text, name text);
CREATE TABLE regress_fewer (id integer);
SELECT trace_attach_users('regress_others', 'id');
SELECT trace_attach_users('regress_fewer', 'id');
SELECT trace_attach_users('regress_people', 'name');
\set VERBOSITY sqlstate
SELECT trace_attach_users('regress_fewer', 'id');
SELECT user_joined FROM trace_user_activity WHERE user_id = 7;
SELECT has_table_privilege('regress_trace_people', 'trace_user_activity', 'SELECT') AS granted;
DROP VIEW trace_user_activity;
SELECT trace_attach_users('regress_fewer', 'id');

-- the extension needs the view to be gone first
DROP EXTENSION distributed_trace;

--
-- What is not the function's own stays as it is
--

\set VERBOSITY default
DROP VIEW trace_user_activity;
CREATE VIEW trace_user_activity AS SELECT 1 AS mine;
SELECT trace_attach_users('regress_people', 'id');
COMMENT ON VIEW trace_user_activity IS 'Spans that name a user, and more.';
\set VERBOSITY sqlstate
SELECT trace_attach_users('regress_people', 'id');
SELECT * FROM trace_user_activity;
DROP VIEW trace_user_activity;
CREATE TABLE trace_user_activity (mine integer);
COMMENT ON TABLE trace_user_activity IS 'Spans that name a user, with what the table of users says of them.';
SELECT trace_attach_users('regress_people', 'id');
DROP TABLE trace_user_activity;
SELECT trace_attach_users('regress_people', 'id');
-- nor does the view join itself
\set VERBOSITY default
SELECT trace_attach_users('trace_user_activity', 'user_id');
\set VERBOSITY sqlstate
SELECT count(*) FROM trace_user_activity;
DROP VIEW trace_user_activity;
-- and it is its owner's
SELECT trace_attach_users('regress_people', 'id');
GRANT SELECT ON regress_people TO regress_trace_people;
GRANT CREATE ON SCHEMA public TO regress_trace_people;
SET ROLE regress_trace_people;
SELECT trace_attach_users('regress_people', 'id');
RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM regress_trace_people;
DROP VIEW trace_user_activity;

--
-- Names of columns
--

-- another column called id, and names that come out as the same
CREATE TABLE regress_names (uid text, id integer, id_2 integer, "ID" integer, " x""y" integer, gone integer);
ALTER TABLE regress_names DROP gone;
SELECT trace_attach_users('regress_names', 'uid');
SELECT attname FROM pg_attribute WHERE attrelid = 'trace_user_activity'::regclass AND attnum > 7 ORDER BY attnum;
DROP VIEW trace_user_activity;
DROP TABLE regress_names;
-- names that do not fit, of one byte a letter and of more
SELECT format('CREATE TABLE regress_names (id integer, %I integer, %I integer, %I integer, %I integer)',
              repeat('x', 62), repeat('x', 63), repeat('é', 30) || 'x', repeat('é', 31)) AS command \gset
:command;
SELECT trace_attach_users('regress_names', 'id');
SELECT attname, octet_length(attname) FROM pg_attribute WHERE attrelid = 'trace_user_activity'::regclass AND attnum > 8 ORDER BY attnum;
DROP VIEW trace_user_activity;
DROP TABLE regress_names;

--
-- What can be attached
--

\set VERBOSITY default
CREATE TABLE regress_parts (id integer) PARTITION BY LIST (id);
CREATE VIEW regress_view AS SELECT 7 AS id;
CREATE MATERIALIZED VIEW regress_matview AS SELECT 7::numeric AS id;
CREATE SEQUENCE regress_sequence;
CREATE TYPE regress_type AS (id integer);
CREATE INDEX regress_index ON regress_people (id);
SELECT trace_attach_users('regress_parts', 'id');
DROP VIEW trace_user_activity;
SELECT trace_attach_users('regress_view', 'id');
SELECT count(*) FROM trace_user_activity;
DROP VIEW trace_user_activity;
SELECT trace_attach_users('regress_matview', 'id');
SELECT count(*) FROM trace_user_activity;
SELECT trace_attach_users('regress_sequence', 'last_value');
SELECT trace_attach_users('regress_type', 'id');
SELECT trace_attach_users('regress_index', 'id');
SELECT trace_attach_users(0, 'id');
SELECT trace_attach_users('regress_people', 'nobody');
SELECT trace_attach_users('regress_people', 'ctid');
SELECT trace_attach_users(NULL, 'id') IS NULL AS nothing;
\set VERBOSITY sqlstate
SELECT trace_attach_users('regress_sequence', 'last_value');
SELECT trace_attach_users(0, 'id');

DROP TABLE regress_people, regress_parts, regress_others, regress_fewer CASCADE;
DROP MATERIALIZED VIEW regress_matview CASCADE;
DROP VIEW regress_view;
DROP SEQUENCE regress_sequence;
DROP TYPE regress_type;
DROP ROLE regress_trace_people;
TRUNCATE distributed_trace_log;
