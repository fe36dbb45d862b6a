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
        adjusted_error_count double precision,
        weighted_error_ratio double precision,
        client_p50_ms double precision,
        client_p95_ms double precision,
        client_p99_ms double precision,
        server_p50_ms double precision,
        server_p95_ms double precision,
        server_p99_ms double precision,
        network_mean_ms double precision,
        exemplar_trace_id text,
        exemplar_span_id text,
        caller_namespace text,
        caller_environment text,
        callee_namespace text,
        callee_environment text,
        weighted_client_p50_ms double precision,
        weighted_client_p95_ms double precision,
        weighted_client_p99_ms double precision,
        weighted_server_p50_ms double precision,
        weighted_server_p95_ms double precision,
        weighted_server_p99_ms double precision,
        weighted_network_mean_ms double precision)
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
        adjusted_error_count double precision,
        weighted_error_ratio double precision,
        client_p50_ms double precision,
        client_p95_ms double precision,
        client_p99_ms double precision,
        server_p50_ms double precision,
        server_p95_ms double precision,
        server_p99_ms double precision,
        network_mean_ms double precision,
        exemplar_trace_id text,
        exemplar_span_id text,
        caller_namespace text,
        caller_environment text,
        callee_namespace text,
        callee_environment text,
        weighted_client_p50_ms double precision,
        weighted_client_p95_ms double precision,
        weighted_client_p99_ms double precision,
        weighted_server_p50_ms double precision,
        weighted_server_p95_ms double precision,
        weighted_server_p99_ms double precision,
        weighted_network_mean_ms double precision)
    LANGUAGE SQL STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 200
    BEGIN ATOMIC
        SELECT e.*
        FROM trace_dependency_edges(from_time, to_time, level, include_virtual, include_links) e
        ORDER BY e.call_count DESC, e.caller_service COLLATE "C", e.caller_operation COLLATE "C",
                 e.callee_service COLLATE "C", e.callee_operation COLLATE "C", e.connection_type COLLATE "C", e.is_virtual,
                 e.caller_namespace COLLATE "C", e.caller_environment COLLATE "C",
                 e.callee_namespace COLLATE "C", e.callee_environment COLLATE "C";
    END;
COMMENT ON FUNCTION trace_service_dependencies(timestamptz, timestamptz, text, boolean, boolean) IS 'Who calls whom, most calls first, services told apart by name, namespace and environment: spans that start in a window and whose parent, wherever it lies, belongs to another service, or is a client or producer span above a server or consumer span of the same one. With include_virtual, also calls of uninstrumented peers (databases, queues, ...) by client or producer spans with no call below, each once however many spans it was made of; with include_links, also links to spans of other services, unless a parent makes the same call. level is service or operation. Percentiles within 1 %, of the calling (client) and the called (server) span; network_mean_ms is their mean difference; the columns weighted_... count each call as often as it stands for others (adjusted_count), the others once; what lies below a client span is looked for up to 10 s outside the window; the exemplar is the slowest call.';

CREATE FUNCTION trace_dependency_diff(
    base_from timestamptz, base_to timestamptz, other_from timestamptz, other_to timestamptz,
    level text DEFAULT 'service', slower_ratio double precision DEFAULT 1.2)
    RETURNS TABLE (
        caller_service text,
        caller_operation text,
        callee_service text,
        callee_operation text,
        connection_type text,
        is_virtual boolean,
        change text,
        base_call_count bigint,
        other_call_count bigint,
        base_p95_ms double precision,
        other_p95_ms double precision,
        p95_ratio double precision,
        base_error_ratio double precision,
        other_error_ratio double precision,
        exemplar_trace_id text,
        caller_namespace text,
        caller_environment text,
        callee_namespace text,
        callee_environment text,
        weighted_base_p95_ms double precision,
        weighted_other_p95_ms double precision,
        weighted_base_error_ratio double precision,
        weighted_other_error_ratio double precision)
    LANGUAGE SQL STABLE STRICT PARALLEL SAFE ROWS 200
    BEGIN ATOMIC
        WITH base AS MATERIALIZED (
            SELECT e.*, coalesce(e.server_p95_ms, e.client_p95_ms) AS p95_ms,
                   coalesce(e.weighted_server_p95_ms, e.weighted_client_p95_ms) AS weighted_p95_ms
            FROM trace_dependency_edges(base_from, base_to, level, true, true) e
        ), other AS MATERIALIZED (
            SELECT e.*, coalesce(e.server_p95_ms, e.client_p95_ms) AS p95_ms,
                   coalesce(e.weighted_server_p95_ms, e.weighted_client_p95_ms) AS weighted_p95_ms
            FROM trace_dependency_edges(other_from, other_to, level, true, true) e
        ), joined AS (
            SELECT coalesce(o.caller_service, b.caller_service) AS caller_service,
                   coalesce(o.caller_operation, b.caller_operation) AS caller_operation,
                   coalesce(o.callee_service, b.callee_service) AS callee_service,
                   coalesce(o.callee_operation, b.callee_operation) AS callee_operation,
                   coalesce(o.connection_type, b.connection_type) AS connection_type,
                   coalesce(o.is_virtual, b.is_virtual) AS is_virtual,
                   coalesce(b.call_count, 0) AS base_calls, coalesce(o.call_count, 0) AS other_calls,
                   b.p95_ms AS base_p95_ms, o.p95_ms AS other_p95_ms,
                   o.p95_ms / nullif(b.p95_ms, 0) AS p95_ratio,
                   b.error_ratio AS base_error_ratio, o.error_ratio AS other_error_ratio,
                   b.weighted_p95_ms AS weighted_base_p95_ms, o.weighted_p95_ms AS weighted_other_p95_ms,
                   b.weighted_error_ratio AS weighted_base_error_ratio, o.weighted_error_ratio AS weighted_other_error_ratio,
                   coalesce(o.exemplar_trace_id, b.exemplar_trace_id) AS exemplar_trace_id,
                   coalesce(o.caller_namespace, b.caller_namespace) AS caller_namespace,
                   coalesce(o.caller_environment, b.caller_environment) AS caller_environment,
                   coalesce(o.callee_namespace, b.callee_namespace) AS callee_namespace,
                   coalesce(o.callee_environment, b.callee_environment) AS callee_environment,
                   -- both windows taken together: what the two-proportion test expects
                   (coalesce(b.error_count, 0) + coalesce(o.error_count, 0))::double precision
                       / (coalesce(b.call_count, 0) + coalesce(o.call_count, 0)) AS error_ratio
            FROM base b FULL JOIN other o
                ON o.caller_service = b.caller_service AND o.callee_service = b.callee_service
                AND o.connection_type = b.connection_type AND o.is_virtual = b.is_virtual
                AND coalesce(o.caller_operation, '') = coalesce(b.caller_operation, '')
                AND coalesce(o.callee_operation, '') = coalesce(b.callee_operation, '')
                AND coalesce(o.caller_namespace, '') = coalesce(b.caller_namespace, '')
                AND coalesce(o.caller_environment, '') = coalesce(b.caller_environment, '')
                AND coalesce(o.callee_namespace, '') = coalesce(b.callee_namespace, '')
                AND coalesce(o.callee_environment, '') = coalesce(b.callee_environment, '')
        )
        SELECT j.caller_service, j.caller_operation, j.callee_service, j.callee_operation, j.connection_type, j.is_virtual,
               CASE WHEN j.base_calls = 0 THEN 'new'
                    WHEN j.other_calls = 0 THEN 'gone'
                    WHEN j.other_error_ratio - j.base_error_ratio
                         > 2.5758 * sqrt(j.error_ratio * (1 - j.error_ratio) * (1.0 / j.base_calls + 1.0 / j.other_calls))
                    THEN 'more errors'
                    WHEN j.p95_ratio >= slower_ratio THEN 'slower'
               END,
               j.base_calls, j.other_calls, j.base_p95_ms, j.other_p95_ms, j.p95_ratio,
               j.base_error_ratio, j.other_error_ratio, j.exemplar_trace_id,
               j.caller_namespace, j.caller_environment, j.callee_namespace, j.callee_environment,
               j.weighted_base_p95_ms, j.weighted_other_p95_ms, j.weighted_base_error_ratio, j.weighted_other_error_ratio
        FROM joined j
        ORDER BY 7 NULLS LAST, j.p95_ratio DESC NULLS LAST, j.caller_service COLLATE "C", j.callee_service COLLATE "C",
                 j.caller_operation COLLATE "C", j.callee_operation COLLATE "C",
                 j.caller_namespace COLLATE "C", j.caller_environment COLLATE "C", j.callee_namespace COLLATE "C", j.callee_environment COLLATE "C";
    END;
COMMENT ON FUNCTION trace_dependency_diff(timestamptz, timestamptz, timestamptz, timestamptz, text, double precision) IS 'What changed between two windows in who calls whom: new, gone, more errors (a one-sided two-proportion z-test at 0.5 %), slower (p95 of the called span, or of the calling one of a virtual service, at least slower_ratio times as long); NULL for what stayed.';

CREATE FUNCTION trace_service_paths(tree span_tree, service_name text DEFAULT NULL, max_hops integer DEFAULT 8)
    RETURNS TABLE (
        trace_id text,
        path text,
        hops integer,
        is_cycle boolean,
        call_count bigint,
        error_count bigint,
        first_span_id text)
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 20
    AS 'MODULE_PATHNAME', 'dt_trace_service_paths';
COMMENT ON FUNCTION trace_service_paths(span_tree, text, integer) IS 'The ways a trace took from service to service ("a > b > c"), each cut to its last max_hops steps, and again, with is_cycle, the part between a service and where it is reached once more; only those through a service, if one is named.';

CREATE FUNCTION trace_dependency_paths(
    from_time timestamptz, to_time timestamptz, service_name text DEFAULT NULL, max_hops integer DEFAULT 8)
    RETURNS TABLE (
        path text,
        hops integer,
        trace_count bigint,
        share double precision,
        call_count bigint,
        error_count bigint,
        exemplar_trace_id text)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 200
    BEGIN ATOMIC
        WITH steps AS (
            SELECT p.*
            FROM trace_trees(from_time, to_time) t, trace_service_paths(t.tree, trace_dependency_paths.service_name, trace_dependency_paths.max_hops) p
            WHERE NOT p.is_cycle
        ), total AS (
            SELECT count(DISTINCT s.trace_id) AS traces FROM steps s
        )
        SELECT s.path, s.hops, count(DISTINCT s.trace_id), count(DISTINCT s.trace_id)::double precision / max(total.traces),
               sum(s.call_count)::bigint, sum(s.error_count)::bigint, min(s.trace_id)
        FROM steps s, total
        GROUP BY s.path, s.hops
        ORDER BY 3 DESC, s.path COLLATE "C";
    END;
COMMENT ON FUNCTION trace_dependency_paths(timestamptz, timestamptz, text, integer) IS 'The ways from service to service in traces with a span that starts in a window, the most frequent first: how many traces took each and which share of all those counted here, how many spans entered its last service that way, and how many of these failed. Only ways through a service, if one is named; each is cut to its last max_hops steps.';

CREATE FUNCTION trace_dependency_cycles(from_time timestamptz, to_time timestamptz, max_hops integer DEFAULT 8)
    RETURNS TABLE (
        path text,
        hops integer,
        trace_count bigint,
        call_count bigint,
        exemplar_trace_id text,
        exemplar_span_id text)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 20
    BEGIN ATOMIC
        SELECT p.path, p.hops, count(DISTINCT p.trace_id), sum(p.call_count)::bigint,
               min(p.trace_id), (array_agg(p.first_span_id ORDER BY p.trace_id, p.first_span_id))[1]
        FROM trace_trees(from_time, to_time) t, trace_service_paths(t.tree, NULL, trace_dependency_cycles.max_hops) p
        WHERE p.is_cycle
        GROUP BY p.path, p.hops
        ORDER BY 3 DESC, p.path COLLATE "C";
    END;
COMMENT ON FUNCTION trace_dependency_cycles(timestamptz, timestamptz, integer) IS 'Services that are called again below themselves, with other services in between, within max_hops steps ("a > b > a"), in traces with a span that starts in a window.';

CREATE FUNCTION trace_service_impact(from_time timestamptz, to_time timestamptz, service_name text)
    RETURNS TABLE (
        root_service text,
        root_operation text,
        trace_count bigint,
        affected_trace_count bigint,
        affected_share double precision,
        critical_ms double precision,
        critical_share double precision,
        error_trace_count bigint,
        propagated_error_count bigint)
    LANGUAGE SQL STABLE STRICT PARALLEL SAFE ROWS 100
    BEGIN ATOMIC
        SELECT r.root_service, r.root_operation, count(*), count(*) FILTER (WHERE r.is_affected),
               (count(*) FILTER (WHERE r.is_affected))::double precision / count(*),
               coalesce(avg(r.critical_ms) FILTER (WHERE r.is_affected), 0),
               coalesce(sum(r.critical_ms) / nullif(sum(r.trace_ms) FILTER (WHERE r.is_affected), 0), 0),
               count(*) FILTER (WHERE r.has_failed), count(*) FILTER (WHERE r.has_failed AND r.root_failed)
        FROM (SELECT g.root_service_name AS root_service, g.root_operation, s.is_affected, s.has_failed, s.root_failed, g.trace_ms,
                     coalesce(c.exclusive_ms, 0) AS critical_ms
              FROM trace_trees(from_time, to_time) t,
                   LATERAL (SELECT bool_or(n.service_name = trace_service_impact.service_name) AS is_affected,
                                   bool_or(n.service_name = trace_service_impact.service_name AND n.is_error) AS has_failed,
                                   bool_or(n.is_root AND n.is_error) AS root_failed
                            FROM trace_tree(t.tree) n) s,
                   trace_critical_path_groups(t.tree, 'service') g
                   LEFT JOIN LATERAL (SELECT e.exclusive_ms FROM trace_critical_path_groups(t.tree, 'service') e
                                      WHERE e.service_name = trace_service_impact.service_name) c ON true
              WHERE g.key IS NULL) r
        GROUP BY r.root_service, r.root_operation
        HAVING bool_or(r.is_affected)
        ORDER BY 4 DESC, r.root_service COLLATE "C", r.root_operation COLLATE "C";
    END;
COMMENT ON FUNCTION trace_service_impact(timestamptz, timestamptz, text) IS 'What a service means to requests, by their root: how many there were in a window, how many reached the service, how much of their critical path lay in it (mean ms of these, and share of their time), in how many a span of it failed, and in how many of those the root failed too.';

/* The same for the time until now.  Each takes a period and no more than it
 * must: with a second optional argument, calls of the forms above with literals
 * would be ambiguous. */

CREATE FUNCTION trace_service_dependencies(period interval)
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
        adjusted_error_count double precision,
        weighted_error_ratio double precision,
        client_p50_ms double precision,
        client_p95_ms double precision,
        client_p99_ms double precision,
        server_p50_ms double precision,
        server_p95_ms double precision,
        server_p99_ms double precision,
        network_mean_ms double precision,
        exemplar_trace_id text,
        exemplar_span_id text,
        caller_namespace text,
        caller_environment text,
        callee_namespace text,
        callee_environment text,
        weighted_client_p50_ms double precision,
        weighted_client_p95_ms double precision,
        weighted_client_p99_ms double precision,
        weighted_server_p50_ms double precision,
        weighted_server_p95_ms double precision,
        weighted_server_p99_ms double precision,
        weighted_network_mean_ms double precision)
    LANGUAGE SQL STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 200
    BEGIN ATOMIC
        SELECT e.* FROM trace_service_dependencies(now() - period, now()) e;
    END;
COMMENT ON FUNCTION trace_service_dependencies(interval) IS 'trace_service_dependencies() of the time from a period ago until now.';

CREATE FUNCTION trace_dependency_paths(period interval)
    RETURNS TABLE (
        path text,
        hops integer,
        trace_count bigint,
        share double precision,
        call_count bigint,
        error_count bigint,
        exemplar_trace_id text)
    LANGUAGE SQL STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 200
    BEGIN ATOMIC
        SELECT e.* FROM trace_dependency_paths(now() - period, now()) e;
    END;
COMMENT ON FUNCTION trace_dependency_paths(interval) IS 'trace_dependency_paths() of the time from a period ago until now.';

CREATE FUNCTION trace_dependency_cycles(period interval)
    RETURNS TABLE (
        path text,
        hops integer,
        trace_count bigint,
        call_count bigint,
        exemplar_trace_id text,
        exemplar_span_id text)
    LANGUAGE SQL STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 20
    BEGIN ATOMIC
        SELECT e.* FROM trace_dependency_cycles(now() - period, now()) e;
    END;
COMMENT ON FUNCTION trace_dependency_cycles(interval) IS 'trace_dependency_cycles() of the time from a period ago until now.';

CREATE FUNCTION trace_service_impact(period interval, service_name text)
    RETURNS TABLE (
        root_service text,
        root_operation text,
        trace_count bigint,
        affected_trace_count bigint,
        affected_share double precision,
        critical_ms double precision,
        critical_share double precision,
        error_trace_count bigint,
        propagated_error_count bigint)
    LANGUAGE SQL STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 100
    BEGIN ATOMIC
        SELECT e.* FROM trace_service_impact(now() - period, now(), trace_service_impact.service_name) e;
    END;
COMMENT ON FUNCTION trace_service_impact(interval, text) IS 'trace_service_impact() of the time from a period ago until now.';

CREATE FUNCTION trace_dependency_diff(from_time timestamptz, to_time timestamptz)
    RETURNS TABLE (
        caller_service text,
        caller_operation text,
        callee_service text,
        callee_operation text,
        connection_type text,
        is_virtual boolean,
        change text,
        base_call_count bigint,
        other_call_count bigint,
        base_p95_ms double precision,
        other_p95_ms double precision,
        p95_ratio double precision,
        base_error_ratio double precision,
        other_error_ratio double precision,
        exemplar_trace_id text,
        caller_namespace text,
        caller_environment text,
        callee_namespace text,
        callee_environment text,
        weighted_base_p95_ms double precision,
        weighted_other_p95_ms double precision,
        weighted_base_error_ratio double precision,
        weighted_other_error_ratio double precision)
    LANGUAGE SQL STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 200
    BEGIN ATOMIC
        SELECT e.* FROM trace_dependency_diff(from_time - interval '1 day', to_time - interval '1 day', from_time, to_time) e;
    END;
COMMENT ON FUNCTION trace_dependency_diff(timestamptz, timestamptz) IS 'trace_dependency_diff() of a window and the same time of the day before, which is the base.';

CREATE FUNCTION trace_dependency_diff(period interval)
    RETURNS TABLE (
        caller_service text,
        caller_operation text,
        callee_service text,
        callee_operation text,
        connection_type text,
        is_virtual boolean,
        change text,
        base_call_count bigint,
        other_call_count bigint,
        base_p95_ms double precision,
        other_p95_ms double precision,
        p95_ratio double precision,
        base_error_ratio double precision,
        other_error_ratio double precision,
        exemplar_trace_id text,
        caller_namespace text,
        caller_environment text,
        callee_namespace text,
        callee_environment text,
        weighted_base_p95_ms double precision,
        weighted_other_p95_ms double precision,
        weighted_base_error_ratio double precision,
        weighted_other_error_ratio double precision)
    LANGUAGE SQL STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 200
    BEGIN ATOMIC
        SELECT e.* FROM trace_dependency_diff(now() - period, now()) e;
    END;
COMMENT ON FUNCTION trace_dependency_diff(interval) IS 'trace_dependency_diff() of the time from a period ago until now and the same time yesterday, which is the base.';
