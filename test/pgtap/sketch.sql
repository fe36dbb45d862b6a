-- The contract of latency_sketch: its type, aggregates, functions, operators
-- and errors.  A difference here is a change that users notice.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS distributed_trace;
SELECT no_plan();

--
-- The type
--

SELECT results_eq(
	$$SELECT typlen::integer, typalign::text, typstorage::text, typinput::text, typoutput::text, typreceive::text, typsend::text FROM pg_type WHERE oid = 'latency_sketch'::regtype$$,
	$$VALUES (-1, 'd', 'x', 'latency_sketch_in', 'latency_sketch_out', 'latency_sketch_recv', 'latency_sketch_send')$$, 'type latency_sketch');
SELECT isnt(obj_description('latency_sketch'::regtype, 'pg_type'), NULL, 'it has a comment');

--
-- Functions
--

CREATE TABLE pg_temp.contract (name text, arguments text, result text);
INSERT INTO pg_temp.contract VALUES
	('latency_merge', 'a latency_sketch, b latency_sketch', 'latency_sketch'),
	('latency_subtract', 'a latency_sketch, b latency_sketch', 'latency_sketch'),
	('latency_quantile', 'sketch latency_sketch, q double precision', 'double precision'),
	('latency_quantile', 'sketch latency_sketch, q double precision[]', 'double precision[]'),
	('latency_weighted', 'sketches latency_sketch[], weights double precision[]', 'latency_sketch'),
	('latency_rank', 'sketch latency_sketch, ms double precision', 'double precision'),
	('latency_alpha', 'sketch latency_sketch', 'double precision'),
	('latency_count', 'sketch latency_sketch', 'bigint'),
	('latency_sum', 'sketch latency_sketch', 'double precision'),
	('latency_mean', 'sketch latency_sketch', 'double precision'),
	('latency_min', 'sketch latency_sketch', 'double precision'),
	('latency_max', 'sketch latency_sketch', 'double precision'),
	('latency_min_is_exact', 'sketch latency_sketch', 'boolean'),
	('latency_max_is_exact', 'sketch latency_sketch', 'boolean'),
	('latency_histogram', 'sketch latency_sketch', 'TABLE(lower_ms double precision, upper_ms double precision, count bigint)');
CREATE TABLE pg_temp.functions AS
SELECT p.oid, proname AS name, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result, prokind AS kind, provolatile AS volatility, proisstrict AS is_strict, proparallel AS parallel
FROM pg_depend JOIN pg_proc p ON p.oid = objid
WHERE classid = 'pg_proc'::regclass AND refclassid = 'pg_extension'::regclass AND deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'distributed_trace')
  AND proname IN ('latency_sketch_agg', 'latency_sketch_agg_add', 'latency_sketch_agg_combine', 'latency_sketch_agg_final', 'latency_sketch_in', 'latency_sketch_out', 'latency_sketch_recv', 'latency_sketch_send',
                  'latency_merge', 'latency_subtract', 'latency_weighted', 'latency_quantile', 'latency_rank', 'latency_alpha', 'latency_count', 'latency_sum', 'latency_mean', 'latency_min', 'latency_max', 'latency_min_is_exact', 'latency_max_is_exact', 'latency_histogram');
SELECT is(f.result, c.result, format('%s(%s)', c.name, c.arguments)) FROM pg_temp.contract c LEFT JOIN pg_temp.functions f USING (name, arguments) ORDER BY c.name COLLATE "C", c.arguments COLLATE "C";
SELECT is_empty($$SELECT name FROM pg_temp.functions JOIN pg_temp.contract USING (name, arguments) WHERE volatility <> 'i' OR NOT is_strict OR parallel <> 's'$$, 'they are immutable, strict and parallel safe');
SELECT is_empty($$SELECT name FROM pg_temp.functions WHERE volatility <> 'i' OR parallel <> 's'$$, 'all others are immutable and parallel safe');
SELECT is_empty($$SELECT name FROM pg_temp.functions WHERE coalesce(obj_description(oid, 'pg_proc'), '') = ''$$, 'each has a comment');

--
-- Aggregates
--

SELECT bag_eq(
	$$SELECT format('%s(%s)', name, arguments), result, aggtranstype::regtype::text, aggcombinefn::text, aggfinalfn::text, aggfinalmodify::text, aggserialfn = 0 FROM pg_temp.functions JOIN pg_aggregate ON aggfnoid = oid$$,
	$$SELECT signature, 'latency_sketch' AS result, 'latency_sketch' AS state, 'latency_sketch_agg_combine' AS combine, 'latency_sketch_agg_final' AS final, 'r' AS modifies, true AS is_not_internal
	  FROM unnest(ARRAY['latency_sketch_agg(duration_ms numeric)', 'latency_sketch_agg(duration_ms numeric, alpha double precision)', 'latency_sketch_agg(duration_ms double precision)',
	                    'latency_sketch_agg(duration_ms double precision, alpha double precision)', 'latency_sketch_agg(duration interval)', 'latency_sketch_agg(duration interval, alpha double precision)',
	                    'latency_merge(sketch latency_sketch)']) signature$$, 'aggregates can be computed in parts: the sketch is their state');
SELECT is(pg_typeof(latency_sketch_agg(x)), 'latency_sketch'::regtype, 'a whole number is a duration too') FROM generate_series(1, 2) x;

--
-- Operators
--

SELECT bag_eq(
	$$SELECT oprname::text, oprleft::regtype::text, oprright::regtype::text, oprresult::regtype::text, proname::text, oprcom <> 0 FROM pg_operator JOIN pg_proc p ON p.oid = oprcode WHERE 'latency_sketch'::regtype IN (oprleft, oprright)$$,
	$$VALUES ('+', 'latency_sketch', 'latency_sketch', 'latency_sketch', 'latency_merge', true), ('-', 'latency_sketch', 'latency_sketch', 'latency_sketch', 'latency_subtract', false)$$, 'operators');
SELECT is_empty($$SELECT oprname FROM pg_operator WHERE oprleft = 'latency_sketch'::regtype AND coalesce(obj_description(oid, 'pg_operator'), '') = ''$$, 'each has a comment');

--
-- Errors
--

SELECT throws_ok($$SELECT latency_sketch_agg('NaN'::numeric)$$, '22003', NULL, 'NaN is no duration');
SELECT throws_ok($$SELECT latency_sketch_agg('infinity'::float8)$$, '22003', NULL, 'nor is infinity');
SELECT throws_ok($$SELECT latency_sketch_agg(1.5, 0.3)$$, '22023', NULL, 'an accuracy that no sketch has');
SELECT throws_ok($$SELECT latency_sketch_agg(1.5, NULL)$$, '22004', NULL, 'and none');
SELECT throws_ok($$SELECT latency_sketch_agg(1.5, 0.01) + latency_sketch_agg(1.5, 0.02)$$, '22023', NULL, 'different accuracies do not mix');
SELECT throws_ok($$SELECT latency_merge(s) FROM unnest(ARRAY['{"alpha": 0.01, "bins": []}', '{"alpha": 0.02, "bins": []}']::latency_sketch[]) s$$, '22023', NULL, 'not even without values');
SELECT throws_ok($$SELECT latency_sketch_agg(1.5) - latency_sketch_agg(2.5)$$, '22023', NULL, 'what is not there cannot be taken out');
SELECT throws_ok($$SELECT latency_quantile(latency_sketch_agg(1.5), 1.5)$$, '22003', NULL, 'a quantile is between 0 and 1');
SELECT throws_ok($$SELECT '{"bins": 1}'::latency_sketch$$, '22P02', NULL, 'text that is no sketch');

--
-- Rights
--

CREATE ROLE sketch_test_nobody;
SELECT ok(has_type_privilege('sketch_test_nobody', 'latency_sketch', 'USAGE'), 'anybody may use latency_sketch');
SELECT is_empty($$SELECT name FROM pg_temp.functions WHERE NOT has_function_privilege('sketch_test_nobody', oid, 'EXECUTE')$$, 'and call all of its functions');

SELECT * FROM finish();
ROLLBACK;
