-- trace_help: nothing public is missing, each in one line.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS distributed_trace;
SELECT plan(13);

CREATE TABLE pg_temp.help AS SELECT * FROM trace_help();
CREATE TABLE pg_temp.members AS
SELECT coalesce(p.proname, c.relname)::text AS name, obj_description(d.objid, d.classid::regclass::name) AS comment, p.prorettype
FROM pg_depend d LEFT JOIN pg_proc p ON classid = 'pg_proc'::regclass AND p.oid = objid
     LEFT JOIN pg_class c ON classid = 'pg_class'::regclass AND c.oid = objid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e' AND coalesce(p.proname, c.relname) IS NOT NULL
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'distributed_trace');

SELECT is_empty($$SELECT name FROM pg_temp.members EXCEPT SELECT name FROM pg_temp.help EXCEPT
	SELECT name FROM pg_temp.members WHERE prorettype = 'trigger'::regtype EXCEPT
	SELECT unnest(ARRAY['span_tree_in', 'span_tree_out', 'span_tree_recv', 'span_tree_send', 'trace_latency_span', 'trace_latency_threshold', 'trace_weight_class', 'span_tree_agg_add', 'span_tree_agg_add_row',
		'span_tree_agg_combine', 'span_tree_agg_final', 'latency_sketch_in', 'latency_sketch_out', 'latency_sketch_recv', 'latency_sketch_send',
		'latency_sketch_agg_add', 'latency_sketch_agg_combine', 'latency_sketch_agg_final', 'trace_latency_buckets', 'trace_latency_contains',
		'trace_latency_group', 'trace_latency_is_same',
		'trace_latency_total', 'trace_grafana_measure', 'trace_rollup_lock', 'trace_say_unknown', 'trace_dependency_edges', 'trace_service_paths', 'trace_receiver_status', 'trace_receiver_refused'])$$,
	'all is listed but what types, aggregates and functions are made of');
SELECT is_empty('SELECT name FROM pg_temp.help GROUP BY name HAVING count(*) > 1', 'once each');
SELECT is_empty($$SELECT name FROM pg_temp.help WHERE topic IS NULL OR arguments IS NULL OR coalesce(gives, '') = ''$$, 'with a topic, arguments and a text');
SELECT is_empty($$SELECT name FROM pg_temp.help WHERE gives ~ '\n' OR length(gives) > 180 OR gives ~ '[:;.({, ]$'$$, 'which is short, and does not break off');
SELECT set_has('SELECT DISTINCT topic FROM pg_temp.help', $$VALUES ('recording'), ('one trace'), ('critical path'), ('latency'), ('service map'), ('views'), ('tables'), ('one span'), ('grafana'), ('sketches'), ('upkeep')$$, 'by topic');
SELECT is(arguments, '(t [, width, show_ids])', 'arguments: optional ones in brackets, t for both overloads') FROM pg_temp.help WHERE name = 'trace_waterfall';
SELECT is(arguments, '(t, service_name [, operation, factor, options])', 'the options of the critical path in one word') FROM pg_temp.help WHERE name = 'trace_what_if';
SELECT is(arguments, '(t)', 'no brackets for nothing') FROM pg_temp.help WHERE name = 'trace_lint';
SELECT is(arguments, 'CALL ([recorder, reader])', 'how a procedure is called') FROM pg_temp.help WHERE name = 'trace_create_roles';
SELECT is(arguments, 'view', 'a view') FROM pg_temp.help WHERE name = 'trace_slowest';
SELECT results_eq($$SELECT name FROM trace_help('WATERFALL')$$, $$VALUES ('trace_waterfall'), ('trace_waterfall_text')$$, 'by a word, whatever its case');
SELECT set_eq($$SELECT DISTINCT topic FROM trace_help('service map') WHERE name ~ 'dependenc'$$, ARRAY['service map'], 'by topic name');
SELECT is_empty($$SELECT * FROM trace_help('100%')$$, 'a word is no pattern');
SELECT * FROM finish();
ROLLBACK;
