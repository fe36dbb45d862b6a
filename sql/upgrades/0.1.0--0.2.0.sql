/* From 0.1.0 to 0.2.0: CONTRIBUTING.md, "Changing SQL objects", has the rules. */

-- new parts

-- new objects of old parts

-- changed objects
-- replace parts/rollup.sql: trace_rollup_compact trace_rollup_rebuild trace_rollup_check
-- replace parts/grafana.sql: trace_grafana_trace
-- replace parts/help.sql: trace_help

-- with weighted figures: result columns cannot be added otherwise
DROP FUNCTION trace_grafana_nodes(timestamptz, timestamptz), trace_grafana_edges(timestamptz, timestamptz);
DROP FUNCTION trace_dependency_diff(interval), trace_dependency_diff(timestamptz, timestamptz), trace_service_dependencies(interval);
DROP FUNCTION trace_dependency_diff(timestamptz, timestamptz, timestamptz, timestamptz, text, double precision),
              trace_service_dependencies(timestamptz, timestamptz, text, boolean, boolean);
DROP FUNCTION trace_dependency_edges(timestamptz, timestamptz, text, boolean, boolean);
-- include parts/dependencies.sql: trace_dependency_edges trace_service_dependencies trace_dependency_diff
-- include parts/grafana.sql: trace_grafana_nodes trace_grafana_edges
