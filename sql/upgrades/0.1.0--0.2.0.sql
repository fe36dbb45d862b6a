/* From 0.1.0 to 0.2.0: CONTRIBUTING.md, "Changing SQL objects", has the rules. */

-- new parts

-- new objects of old parts

-- changed objects
-- replace parts/rollup.sql: trace_rollup_compact trace_rollup_rebuild trace_rollup_check
-- replace parts/grafana.sql: trace_grafana_trace
-- replace parts/help.sql: trace_help
