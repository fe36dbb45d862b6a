-- The contract of automatic recording in SQL; the receiver itself is tested by
-- test/t/receiver.pl.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS distributed_trace;
SELECT no_plan();

SELECT results_eq(
	$$SELECT p.oid::regprocedure::text, prokind::text, provolatile::text, proparallel::text FROM pg_depend d JOIN pg_proc p ON p.oid = objid
	  WHERE classid = 'pg_proc'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e' AND proname ~ '^trace_(receiver|create_roles)' ORDER BY 1$$,
	$$VALUES ('trace_create_roles(name,name)', 'p', 'v', 'u'), ('trace_receiver_refused()', 'f', 'v', 'r'), ('trace_receiver_reset_stats()', 'f', 'v', 'r'), ('trace_receiver_status()', 'f', 'v', 'r')$$, 'functions');
SELECT is(string_agg(attname::text || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum),
	'state text, worker_pid integer, worker_start_time timestamp with time zone, http_request_count bigint, grpc_request_count bigint, recorded_count bigint, malformed_count bigint, busy_count bigint, unauthorized_count bigint, too_large_count bigint, too_slow_count bigint, other_refused_count bigint, spans_accepted bigint, spans_duplicate bigint, spans_rejected bigint, last_rejection text, body_bytes bigint, connection_count bigint, open_connections bigint, turned_away_count bigint, pending_requests bigint, commit_count bigint, commit_p50_ms double precision, commit_p95_ms double precision, commit_p99_ms double precision, program_restart_count bigint, last_error text, last_error_time timestamp with time zone, stats_reset_time timestamp with time zone',
	'columns of trace_receiver_stats') FROM pg_attribute WHERE attrelid = 'trace_receiver_stats'::regclass AND attnum > 0;
SELECT is(string_agg(attname::text || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum),
	'last_time timestamp with time zone, first_time timestamp with time zone, protocol text, reason text, last_peer text, refused_count bigint',
	'columns of trace_receiver_refusals') FROM pg_attribute WHERE attrelid = 'trace_receiver_refusals'::regclass AND attnum > 0;
SELECT is_empty($$SELECT attname FROM pg_attribute WHERE attrelid IN ('trace_receiver_stats'::regclass, 'trace_receiver_refusals'::regclass) AND attnum > 0 AND col_description(attrelid, attnum) IS NULL$$, 'all commented');

-- not preloaded
SELECT is_empty('SELECT * FROM trace_receiver_stats', 'no row where the extension is not preloaded');
SELECT is_empty('SELECT * FROM trace_receiver_refusals', 'nor refusals');
SELECT throws_ok('SELECT trace_receiver_reset_stats()', '55000', NULL, 'nothing to reset');
SELECT is_empty($$SELECT name FROM pg_settings WHERE name ~ '^distributed_trace.receiver'$$, 'no settings');

-- rights
SELECT ok(has_table_privilege('pg_monitor', 'trace_receiver_stats', 'SELECT') AND has_function_privilege('pg_monitor', 'trace_receiver_status()', 'EXECUTE')
	AND has_table_privilege('pg_monitor', 'trace_receiver_refusals', 'SELECT') AND has_function_privilege('pg_monitor', 'trace_receiver_refused()', 'EXECUTE'), 'pg_monitor may look');
CREATE ROLE receiver_test_nobody;
SELECT ok(NOT has_table_privilege('receiver_test_nobody', 'trace_receiver_stats', 'SELECT') AND NOT has_table_privilege('receiver_test_nobody', 'trace_receiver_refusals', 'SELECT') AND NOT has_function_privilege('receiver_test_nobody', 'trace_receiver_reset_stats()', 'EXECUTE'), 'others may not');

-- roles
SELECT lives_ok('CALL trace_create_roles(''test recorder'', ''test"reader'')', 'makes roles');
SELECT lives_ok('CALL trace_create_roles(''test recorder'', ''test"reader'')', 'as often as one likes');
SELECT throws_ok('CALL trace_create_roles(NULL)', '22004', NULL, 'roles have names');
SELECT ok(rolcanlogin AND NOT rolsuper, 'the recorder can log in') FROM pg_roles WHERE rolname = 'test recorder';
SELECT ok(NOT rolcanlogin, 'the reader cannot') FROM pg_roles WHERE rolname = 'test"reader';
SET LOCAL ROLE "test recorder";
SELECT lives_ok($$SELECT * FROM trace_ingest_zipkin('[{"traceId": "463ac35c9f6413ad", "id": "a2fb4a1d1a96d312", "timestamp": 1700000000000000, "duration": 4000, "localEndpoint": {"serviceName": "shop"}}]')$$, 'the recorder records');
SELECT lives_ok($$SELECT * FROM trace_ingest_zipkin('[{"traceId": "463ac35c9f6413ad", "id": "a2fb4a1d1a96d312", "timestamp": 1700000000000000, "tags": {"more": "1"}}]')$$, 'and merges');
SELECT is(accepted, 1::bigint, 'with a resource') FROM trace_ingest_otlp('{"resourceSpans": [{"resource": {"attributes": [{"key": "recorded.by", "value": {"stringValue": "the recorder"}}]}, "scopeSpans": [{"spans": [{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "00000000000000aa", "startTimeUnixNano": "1700000000000000000"}]}]}]}'::text);
SELECT ok(trace_span_finish(trace_span_start('work')) >= 0, 'starts spans and finishes them');
SELECT is(sum(accepted), 2::numeric, 'both halves of an id, and their children') FROM unnest('{client,server}'::text[]) side,
	LATERAL trace_ingest_zipkin(format('[{"traceId": "463ac35c9f6413ae", "id": "00000000000000aa", "kind": "%s", "timestamp": 1700000000000000, "localEndpoint": {"serviceName": "%s"}}]', upper(side), side));
SELECT throws_ok('DELETE FROM distributed_trace_log', '42501', NULL, 'but deletes nothing');
SELECT throws_ok($$UPDATE distributed_trace_log SET span_id = 'x'$$, '42501', NULL, 'changes no id');
SELECT throws_ok('UPDATE distributed_trace_log SET created_at = now()', '42501', NULL, 'nor when a span came');
SELECT throws_ok('SELECT id FROM distributed_trace_log', '42501', NULL, 'reads of spans what merging takes');
SELECT throws_ok('SELECT attributes FROM distributed_trace_resource', '42501', NULL, 'of resources their digests');
SELECT throws_ok('SELECT * FROM trace_spans', '42501', NULL, 'no view');
SELECT throws_ok('SELECT * FROM distributed_trace_latency', '42501', NULL, 'nor reads more than it has to');
SET LOCAL ROLE "test""reader";
SELECT is(count(*), 1::bigint, 'the reader reads') FROM trace_spans WHERE trace_id = '0000000000000000463ac35c9f6413ad';
SELECT is(count(*), 1::bigint, 'functions too') FROM trace_service_latency('2023-11-14 22:13', '2023-11-14 22:14');
SELECT throws_ok($$INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time) VALUES ('t', '1', 's', 'o', now())$$, '42501', NULL, 'and changes nothing');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
