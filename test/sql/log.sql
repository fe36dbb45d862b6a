-- distributed_trace_log: rows as the design document writes them, what the
-- trigger fills in, and what the table refuses.
\set VERBOSITY terse
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

-- what became of a command: 'ok', or its error
CREATE FUNCTION pg_temp.outcome(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END $$;

BEGIN;

-- as written for the design document: named columns
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, tags, logs)
VALUES ('trace_abc123', 'span_001', NULL, 'OrderService', 'processOrder', '2023-10-01 11:00:00', '2023-10-01 11:05:00', 300000.000, '{"user_id": 42, "status": "success"}', 'Order processed');
-- all 13 in order, text literals
INSERT INTO distributed_trace_log
VALUES ('7', 'trace_abc123', 'span_002', 'span_001', 'PaymentService', 'charge', '2023-10-01 11:01:00', '2023-10-01 11:01:01.5', '1500.000', '{"amount": "12.50"}', 'charged', '2023-10-01 12:00:00', '2023-10-01 12:30:00');
-- NULL where MySQL fills in: AUTO_INCREMENT and the two TIMESTAMPs
INSERT INTO distributed_trace_log
VALUES (NULL, 'trace_abc123', 'span_003', 'span_001', 'StockService', 'reserve', '2023-10-01 11:02:00', NULL, NULL, NULL, NULL, NULL, NULL);
-- several rows of one statement, and the word DEFAULT
INSERT INTO distributed_trace_log
VALUES (NULL, 'trace_abc123', 'span_004', 'span_001', 'MailService', 'send', '2023-10-01 11:03:00', '2023-10-01 11:03:00.001', NULL, '{}', '', NULL, NULL),
       (8, 'trace_abc123', 'span_005', 'span_001', 'MailService', 'send', '2023-10-01 11:03:01', '2023-10-01 11:03:01', NULL, '[]', '', NULL, '2023-10-01 12:30:00'),
       (DEFAULT, 'trace_abc123', 'span_006', 'span_001', 'MailService', 'send', '2023-10-01 11:03:02', NULL, NULL, 'null', '', DEFAULT, DEFAULT);
COPY distributed_trace_log FROM stdin;
\N	trace_abc123	span_007	span_001	MailService	send	2023-10-01 11:03:03	2023-10-01 11:03:04	\N	{"a": 1}	\N	\N	\N
\.
SELECT span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, tags, logs
FROM distributed_trace_log WHERE trace_id = 'trace_abc123' ORDER BY span_id;
-- own numbers stay, automatic ones lie above the range of an INT
SELECT span_id, CASE WHEN id > 2147483647 THEN 'automatic' ELSE id::text END AS id,
       CASE created_at WHEN now() THEN 'now' ELSE created_at::text END AS created_at,
       CASE updated_at WHEN now() THEN 'now' ELSE updated_at::text END AS updated_at
FROM distributed_trace_log WHERE trace_id = 'trace_abc123' ORDER BY span_id;
SELECT count(DISTINCT id) = count(*) AS all_differ FROM distributed_trace_log WHERE trace_id = 'trace_abc123';

-- the row trigger does not run for a row that needs nothing
CREATE FUNCTION pg_temp.trigger_calls(command text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) ' || command LOOP
		IF line ~ '^Trigger trace_log_before' THEN
			RETURN NEXT line;
		END IF;
	END LOOP;
END $$;
SELECT * FROM pg_temp.trigger_calls($$INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, end_time, duration_ms)
	VALUES ('calls', '1', 's', 'o', '2023-10-01', '2023-10-02', 1), ('calls', '2', 's', 'o', '2023-10-01', NULL, NULL)$$);
SELECT * FROM pg_temp.trigger_calls($$INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, end_time, duration_ms)
	VALUES ('calls', '3', 's', 'o', '2023-10-01', '2023-10-02', NULL), ('calls', '4', 's', 'o', '2023-10-01', NULL, NULL)$$);
SELECT * FROM pg_temp.trigger_calls($$UPDATE distributed_trace_log SET logs = 'x', updated_at = clock_timestamp() WHERE trace_id = 'calls'$$);
SELECT * FROM pg_temp.trigger_calls($$UPDATE distributed_trace_log SET logs = 'y' WHERE trace_id = 'calls' AND span_id = '1'$$);

-- duration_ms on INSERT
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, end_time, duration_ms) VALUES
	('insert', 'difference', 's', 'o', '2023-10-01 11:00:00', '2023-10-01 11:00:00.123456', NULL),
	('insert', 'measured', 's', 'o', '2023-10-01 11:00:00', '2023-10-01 11:00:01', 999.999),
	('insert', 'measured, long', 's', 'o', '2023-10-01 11:00:00', NULL, 9999999999999.999),
	('insert', 'measured, unfinished', 's', 'o', '2023-10-01 11:00:00', NULL, 5),
	('insert', 'negative', 's', 'o', '2023-10-01 11:00:01', '2023-10-01 11:00:00', NULL),
	('insert', 'unfinished', 's', 'o', '2023-10-01 11:00:00', NULL, NULL),
	('insert', 'zero', 's', 'o', '2023-10-01 11:00:00', '2023-10-01 11:00:00', NULL),
	('insert', 'longer than DECIMAL(10,3)', 's', 'o', '2023-10-01', '2023-12-01', NULL),
	('insert', 'infinite', 's', 'o', '2023-10-01', 'infinity', NULL),
	('insert', 'longest', 's', 'o', '2000-01-01', timestamptz '2000-01-01' + interval '9999999999.999999 seconds', NULL);
SELECT span_id, duration_ms FROM distributed_trace_log WHERE trace_id = 'insert' ORDER BY span_id;
SELECT pg_temp.outcome($$INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, end_time)
	VALUES ('x', 'x', 's', 'o', '2000-01-01', timestamptz '2000-01-01' + interval '10000000000 seconds')$$);
SELECT pg_temp.outcome($$INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, end_time)
	VALUES ('x', 'x', 's', 'o', '4713-01-01 BC', '294276-12-31')$$);
SELECT pg_temp.outcome($$INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms)
	VALUES ('x', 'x', 's', 'o', '2000-01-01', 10000000000000)$$);

-- duration_ms on UPDATE: a difference follows the times, a measured one stays
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, end_time, duration_ms, updated_at)
SELECT 'update', span_id, 's', 'o', '2023-10-01 11:00:00', end_time, duration_ms, '2023-10-01'
FROM (VALUES ('end moves', timestamptz '2023-10-01 11:00:01', NULL::numeric), ('start moves', '2023-10-01 11:00:01', NULL),
             ('measured', '2023-10-01 11:00:01', 999), ('finishes', NULL, NULL), ('finishes measured', NULL, NULL),
             ('set with times', '2023-10-01 11:00:01', NULL), ('set to NULL', '2023-10-01 11:00:01', 999),
             ('no longer finished', '2023-10-01 11:00:01', NULL), ('else changes', '2023-10-01 11:00:01', NULL),
             ('nothing changes', '2023-10-01 11:00:01', NULL), ('written again', '2023-10-01 11:00:01', NULL),
             ('own updated_at', '2023-10-01 11:00:01', NULL), ('updated_at NULL', '2023-10-01 11:00:01', NULL),
             ('own updated_at, end moves', '2023-10-01 11:00:01', NULL), ('own updated_at, start moves', '2023-10-01 11:00:01', NULL),
             ('out of range', '2023-10-01 11:00:01', NULL)) v (span_id, end_time, duration_ms);
UPDATE distributed_trace_log SET end_time = '2023-10-01 11:00:02' WHERE trace_id = 'update' AND span_id IN ('end moves', 'measured', 'finishes');
UPDATE distributed_trace_log SET start_time = '2023-10-01 11:00:00.5' WHERE trace_id = 'update' AND span_id = 'start moves';
UPDATE distributed_trace_log SET end_time = '2023-10-01 11:00:02', duration_ms = 77 WHERE trace_id = 'update' AND span_id IN ('finishes measured', 'set with times');
UPDATE distributed_trace_log SET duration_ms = NULL WHERE trace_id = 'update' AND span_id = 'set to NULL';
UPDATE distributed_trace_log SET end_time = NULL WHERE trace_id = 'update' AND span_id = 'no longer finished';
UPDATE distributed_trace_log SET tags = '{"a": 1}' WHERE trace_id = 'update' AND span_id = 'else changes';
UPDATE distributed_trace_log SET operation = operation WHERE trace_id = 'update' AND span_id = 'nothing changes';
UPDATE distributed_trace_log SET (service_name, end_time, duration_ms) = ('s', '2023-10-01 11:00:01', 1000) WHERE trace_id = 'update' AND span_id = 'written again';
UPDATE distributed_trace_log SET logs = 'x', updated_at = '2024-01-01' WHERE trace_id = 'update' AND span_id = 'own updated_at';
UPDATE distributed_trace_log SET end_time = '2023-10-01 11:00:02', updated_at = '2024-01-01' WHERE trace_id = 'update' AND span_id = 'own updated_at, end moves';
UPDATE distributed_trace_log SET start_time = '2023-10-01 10:00:00', updated_at = '2024-01-01' WHERE trace_id = 'update' AND span_id = 'own updated_at, start moves';
UPDATE distributed_trace_log SET logs = 'x', updated_at = NULL WHERE trace_id = 'update' AND span_id = 'updated_at NULL';
SELECT pg_temp.outcome($$UPDATE distributed_trace_log SET end_time = '20000-01-01' WHERE trace_id = 'update' AND span_id = 'out of range'$$);
SELECT span_id, duration_ms, CASE updated_at WHEN now() THEN 'now' ELSE updated_at::date::text END AS updated_at, created_at = now() AS created_now
FROM distributed_trace_log WHERE trace_id = 'update' ORDER BY span_id;

-- the trigger's function belongs on this table
CREATE TABLE pg_temp.other (start_time timestamptz, end_time timestamptz);
CREATE TRIGGER t BEFORE INSERT ON pg_temp.other FOR EACH ROW EXECUTE FUNCTION trace_log_before_write();
SELECT pg_temp.outcome('INSERT INTO pg_temp.other VALUES (now(), now())');
SELECT pg_temp.outcome('CREATE TRIGGER t2 AFTER INSERT ON pg_temp.other FOR EACH ROW EXECUTE FUNCTION trace_log_before_write(); ALTER TABLE pg_temp.other DISABLE TRIGGER t; INSERT INTO pg_temp.other VALUES (now(), now())');
SELECT pg_temp.outcome('CREATE TRIGGER t3 BEFORE INSERT ON pg_temp.other EXECUTE FUNCTION trace_log_before_write(); ALTER TABLE pg_temp.other DISABLE TRIGGER t; INSERT INTO pg_temp.other VALUES (now(), now())');
SELECT pg_temp.outcome('SELECT trace_log_before_write()');

-- tags are JSON, names and ids are text
SELECT pg_temp.outcome($$INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, tags) VALUES ('x', 'x', 's', 'o', now(), 'status=success')$$);
SELECT pg_temp.outcome($$INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, tags) VALUES ('x', 'x', 's', 'o', now(), '')$$);
SELECT pg_temp.outcome($$INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, tags) VALUES ('x', 'x', 's', 'o', now(), '{"a": }')$$);
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time)
VALUES (repeat('t', 100), repeat('s', 100), repeat('名', 1000), repeat('o', 10000), '2023-10-01');
SELECT char_length(service_name), char_length(operation) FROM distributed_trace_log WHERE trace_id = repeat('t', 100);

-- constraints
SELECT field, pg_temp.outcome(format('INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, %I) VALUES (%L, %L, %L, %L, %L, %s)',
	'logs', CASE WHEN field <> 'trace_id' THEN 't' END, CASE WHEN field <> 'span_id' THEN 's' END,
	CASE WHEN field <> 'service_name' THEN 'v' END, CASE WHEN field <> 'operation' THEN 'o' END,
	CASE WHEN field <> 'start_time' THEN '2023-10-01' END, 'NULL'))
FROM unnest(ARRAY['trace_id', 'span_id', 'service_name', 'operation', 'start_time']) field;
SELECT pg_temp.outcome($$INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time) VALUES (repeat('t', 101), 's', 's', 'o', now())$$);
SELECT pg_temp.outcome($$INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time) VALUES ('t', repeat('s', 101), 's', 'o', now())$$);
SELECT pg_temp.outcome($$INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time) VALUES ('t', 's', repeat('p', 101), 's', 'o', now())$$);
SELECT pg_temp.outcome($$INSERT INTO distributed_trace_log (id, trace_id, span_id, service_name, operation, start_time) VALUES (7, 't', 's', 's', 'o', now())$$);
SELECT pg_temp.outcome($$INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time) VALUES ('trace_abc123', 'span_001', 's', 'o', now())$$);
-- the same span id in another trace is another span
SELECT pg_temp.outcome($$INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time) VALUES ('trace_abc124', 'span_001', 's', 'o', now())$$);

-- identifiers compare byte by byte, and join with columns of the default collation
CREATE TABLE pg_temp.orders (number integer, trace_id text, span_id varchar(50) COLLATE "default");
INSERT INTO pg_temp.orders VALUES (1, 'trace_abc123', 'span_001'), (2, 'trace_abc123', 'span_002'), (3, 'trace_zzz', 'span_001');
SELECT o.number, l.service_name FROM pg_temp.orders o JOIN distributed_trace_log l USING (trace_id, span_id) ORDER BY 1;
SELECT o.number, l.service_name FROM distributed_trace_log l JOIN pg_temp.orders o ON l.trace_id = o.trace_id AND o.span_id = l.span_id ORDER BY l.trace_id, o.trace_id, 1;
SELECT count(*) FROM distributed_trace_log WHERE (trace_id, span_id) IN (SELECT trace_id, span_id FROM pg_temp.orders);
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time)
SELECT 'order', s, s, s, '2023-10-01' FROM unnest(ARRAY['a', 'B', 'A', 'b', 'é', '_', 'aB']) s;
SELECT string_agg(span_id, ' ' ORDER BY span_id) AS span_ids, string_agg(service_name, ' ' ORDER BY service_name) AS services,
       string_agg(operation, ' ' ORDER BY operation) AS operations FROM distributed_trace_log WHERE trace_id = 'order';

ROLLBACK;
