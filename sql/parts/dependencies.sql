/* The service map: who calls whom. */

CREATE FUNCTION trace_dependency_edges(
    from_time timestamptz, to_time timestamptz, level text, include_virtual boolean, include_links boolean)
    RETURNS TABLE (
        caller_service text,
        caller_operation text,
        callee_service text,
        callee_operation text,
        connection_type text,
        is_async boolean,
        is_virtual boolean,
        call_count bigint,
        adjusted_count double precision,
        error_count bigint,
        error_ratio double precision,
        client_p50_ms double precision,
        client_p95_ms double precision,
        client_p99_ms double precision,
        server_p50_ms double precision,
        server_p95_ms double precision,
        server_p99_ms double precision,
        network_mean_ms double precision,
        exemplar_trace_id text,
        exemplar_span_id text)
    LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 200
    AS 'MODULE_PATHNAME', 'dt_trace_service_dependencies';
COMMENT ON FUNCTION trace_dependency_edges(timestamptz, timestamptz, text, boolean, boolean) IS 'The rows of trace_service_dependencies(), in no order.';

CREATE FUNCTION trace_service_dependencies(
    from_time timestamptz, to_time timestamptz, level text DEFAULT 'service',
    include_virtual boolean DEFAULT true, include_links boolean DEFAULT true)
    RETURNS TABLE (
        caller_service text,
        caller_operation text,
        callee_service text,
        callee_operation text,
        connection_type text,
        is_async boolean,
        is_virtual boolean,
        call_count bigint,
        adjusted_count double precision,
        error_count bigint,
        error_ratio double precision,
        client_p50_ms double precision,
        client_p95_ms double precision,
        client_p99_ms double precision,
        server_p50_ms double precision,
        server_p95_ms double precision,
        server_p99_ms double precision,
        network_mean_ms double precision,
        exemplar_trace_id text,
        exemplar_span_id text)
    LANGUAGE SQL STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 200
    BEGIN ATOMIC
        SELECT e.*
        FROM trace_dependency_edges(from_time, to_time, level, include_virtual, include_links) e
        ORDER BY e.call_count DESC, e.caller_service COLLATE "C", e.caller_operation COLLATE "C",
                 e.callee_service COLLATE "C", e.callee_operation COLLATE "C", e.connection_type COLLATE "C", e.is_virtual;
    END;
COMMENT ON FUNCTION trace_service_dependencies(timestamptz, timestamptz, text, boolean, boolean) IS 'Who calls whom, most calls first: spans that start in a window and whose parent, wherever it lies, belongs to another service, or is a client or producer span above a server or consumer span of the same one. With include_virtual, also calls of uninstrumented peers (databases, queues, ...) by client or producer spans with nothing below; with include_links, also links to spans of other services. level is service or operation. Percentiles within 1 %, of the calling (client) and the called (server) span; network_mean_ms is their mean difference; the exemplar is the slowest call.';
