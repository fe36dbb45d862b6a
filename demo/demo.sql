-- The demo, run by demo.sh: records the sample row of the table's design and
-- real OTLP requests, then reads one trace back.  :otlp is their directory.
\pset pager off
\pset footer off
\set ON_ERROR_STOP on

\echo
\echo '1. A span as an application writes it: a plain INSERT'
\echo
\set ECHO queries
INSERT INTO distributed_trace_log
    (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time)
VALUES ('trace_abc123', 'span_001', NULL, 'OrderService', 'processOrder',
        '2023-10-01 11:00:00', '2023-10-01 11:05:00');
\pset format unaligned
\pset tuples_only on
SELECT trace_waterfall('trace_abc123');
\pset format aligned
\pset tuples_only off
\set ECHO none

\echo
\echo '2. What OpenTelemetry SDKs send: OTLP requests, protobuf (gzipped) and JSON'
\echo
\set ECHO queries
SELECT file, r.*
FROM pg_ls_dir(:'otlp') AS file, trace_ingest_otlp(pg_read_binary_file(:'otlp' || file)) AS r
WHERE file LIKE '%.bin.gz' ORDER BY file;
SELECT file, r.*
FROM pg_ls_dir(:'otlp') AS file, trace_ingest_otlp(pg_read_file(:'otlp' || file)) AS r
WHERE file LIKE '%.json' ORDER BY file;
\set ECHO none

\echo '3. What is there: the traces that cross most services'
\echo
\set ECHO queries
SELECT trace_id, count(*) AS spans, count(DISTINCT service_name) AS services,
    count(*) FILTER (WHERE trace_is_error(tags)) AS errors
FROM distributed_trace_log GROUP BY trace_id
ORDER BY services DESC, spans DESC, trace_id LIMIT 5;
\set ECHO none
SELECT trace_id FROM distributed_trace_log GROUP BY trace_id
ORDER BY count(DISTINCT service_name) DESC, count(*) DESC, trace_id LIMIT 1 \gset

\echo '4. The first of them, as a waterfall'
\echo
\set ECHO queries
\pset format unaligned
\pset tuples_only on
SELECT trace_waterfall(:'trace_id');
\pset format aligned
\pset tuples_only off
\set ECHO none

\echo
\echo '5. As a tree that can be queried'
\echo
\set ECHO queries
SELECT repeat('  ', depth) || operation AS span, service_name, duration_ms, self_ms, is_error
FROM trace_tree(:'trace_id') ORDER BY ordinal;
\set ECHO none

\echo '6. In one row'
\echo
\set ECHO queries
\x on
SELECT * FROM trace_summary(:'trace_id');
\x off
\set ECHO none

\echo '7. What is wrong with the recording of this trace, and of all traces'
\echo
\set ECHO queries
SELECT * FROM trace_lint(:'trace_id');
SELECT problem, count(*) AS spans, count(DISTINCT trace_id) AS traces
FROM (SELECT DISTINCT trace_id FROM distributed_trace_log) AS t, trace_lint(trace_id)
GROUP BY problem ORDER BY spans DESC;
\set ECHO none

\echo '8. What its end was waiting for: the critical path, section by section and by service'
\echo
\set ECHO queries
SELECT seq, service_name, operation, section_start::time, exclusive_ms, round(share::numeric, 3) AS share
FROM trace_critical_path(:'trace_id');
SELECT * FROM trace_critical_path_services(:'trace_id');
\set ECHO none
SELECT service_name AS slowest FROM trace_critical_path_services(:'trace_id') LIMIT 1 \gset

\echo '9. If the service that holds it up most were twice as fast'
\echo
\set ECHO queries
SELECT * FROM trace_what_if(:'trace_id', :'slowest', factor => 0.5);
\set ECHO none

\echo '10. The same for all traces: where the time of checkouts goes'
\echo
\set ECHO queries
SELECT key, traces_with AS traces, round(exclusive_avg_ms::numeric, 1) AS avg_ms,
    round(share::numeric, 3) AS share, p50_ms, p95_ms, max_ms, left(exemplar_trace_id, 8) AS exemplar
FROM trace_critical_path_profile('-infinity', 'infinity', root_operation => 'POST /checkout') LIMIT 8;
\set ECHO none

\echo '11. Percentiles by service: from the spans, and from the rollup that recording has kept'
\echo
\set ECHO queries
SELECT service_name, latency_count(s) AS spans, latency_quantile(s, 0.5)::numeric(12,3) AS p50_ms,
    latency_quantile(s, 0.95)::numeric(12,3) AS p95_ms, latency_quantile(s, 0.99)::numeric(12,3) AS p99_ms
FROM (SELECT service_name, latency_sketch_agg(duration_ms) AS s FROM distributed_trace_log GROUP BY 1) t ORDER BY 1;
SELECT service_name, span_count AS spans, quantile_ms[1]::numeric(12,3) AS p50_ms,
    quantile_ms[2]::numeric(12,3) AS p95_ms, quantile_ms[3]::numeric(12,3) AS p99_ms
FROM trace_service_latency('-infinity', 'infinity', spans => 'all');
\set ECHO none

\echo '12. As callers see a service: of the spans by which requests enter it alone'
\echo
\set ECHO queries
SELECT service_name, span_count AS requests, error_count AS errors, mean_ms::numeric(12,3), max_ms,
    quantile_ms[1]::numeric(12,3) AS p50_ms, quantile_ms[2]::numeric(12,3) AS p95_ms, quantile_ms[3]::numeric(12,3) AS p99_ms
FROM trace_service_latency('-infinity', 'infinity');
\set ECHO none

\echo '13. Who calls whom'
\echo
\set ECHO queries
SELECT caller_service, callee_service, connection_type AS type, call_count AS calls, error_count AS errors,
    client_p95_ms::numeric(12,1) AS client_p95_ms, server_p95_ms::numeric(12,1) AS server_p95_ms, network_mean_ms::numeric(12,1)
FROM trace_service_dependencies('-infinity', 'infinity');
\set ECHO none
