/* What Grafana's panels take: their exact names, types and order of rows. */

CREATE FUNCTION trace_grafana_trace(trace_id text)
    RETURNS TABLE (
        "traceID" text,
        "spanID" text,
        "parentSpanID" text,
        "operationName" text,
        "serviceName" text,
        "serviceTags" jsonb,
        "startTime" double precision,
        duration double precision,
        logs jsonb,
        "references" jsonb,
        tags jsonb,
        kind text,
        "statusCode" integer,
        "statusMessage" text,
        "instrumentationLibraryName" text,
        "instrumentationLibraryVersion" text,
        "traceState" text,
        warnings jsonb)
    LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100
    -- bound to our tables, whatever the caller's path
    SET search_path FROM CURRENT
    AS $$
    #variable_conflict use_column
    BEGIN
        RETURN QUERY
        WITH spans AS (
            SELECT l.*
            FROM distributed_trace_log l
            WHERE l.trace_id = (SELECT trace_id_find(trace_grafana_trace.trace_id))
              AND isfinite(l.start_time)
        ), problems AS (
            SELECT p.span_id, jsonb_agg(concat_ws(': ', p.problem, p.detail) ORDER BY p.problem, p.detail) AS warnings
            FROM trace_lint(trace_grafana_trace.trace_id) p
            GROUP BY p.span_id
        )
        SELECT s.trace_id::text, s.span_id::text, s.parent_span_id::text, s.operation, s.service_name,
               coalesce((SELECT jsonb_agg(jsonb_build_object('key', a.key, 'value', a.value) ORDER BY a.key)
                         FROM distributed_trace_resource r, jsonb_each(CASE WHEN jsonb_typeof(r.attributes) = 'object' THEN r.attributes - 'otel' END) a
                         WHERE r.resource_id = trace_resource_id(s.tags)), '[]'),
               extract(epoch FROM s.start_time)::double precision * 1000,
               coalesce(nullif(s.duration_ms, 'NaN')::double precision, 0),
               coalesce((SELECT jsonb_agg(jsonb_build_object(
                                    'timestamp', extract(epoch FROM coalesce(e.event_time, s.start_time))::double precision * 1000,
                                    'name', e.event_name,
                                    'fields', coalesce((SELECT jsonb_agg(jsonb_build_object('key', f.key, 'value', f.value) ORDER BY f.key)
                                                        FROM jsonb_each(e.attributes) f), '[]')))
                         FROM trace_events(s.logs) e
                         WHERE e.event_time IS NULL OR isfinite(e.event_time)), '[]'),
               coalesce((SELECT jsonb_agg(jsonb_build_object('traceID', k ->> 'trace_id', 'spanID', k ->> 'span_id', 'tags', '[]'::jsonb))
                         FROM jsonb_array_elements(CASE WHEN jsonb_typeof(s.tags #> '{otel,links}') = 'array' THEN s.tags #> '{otel,links}' END) k
                         WHERE jsonb_typeof(k) = 'object'), '[]'),
               coalesce((SELECT jsonb_agg(jsonb_build_object('key', a.key, 'value', a.value) ORDER BY a.key)
                         FROM jsonb_each(CASE WHEN jsonb_typeof(s.tags) = 'object' THEN s.tags - '{otel,error}'::text[] END) a), '[]')
                   || CASE WHEN trace_is_error(s.tags) THEN '[{"key": "error", "value": true}]'::jsonb ELSE '[]' END,
               trace_span_kind(s.tags),
               CASE WHEN trace_is_error(s.tags) THEN 2 WHEN s.tags #>> '{otel,status}' = 'ok' THEN 1 ELSE 0 END,
               s.tags #>> '{otel,status_message}',
               s.tags #>> '{otel,scope,name}',
               s.tags #>> '{otel,scope,version}',
               s.tags #>> '{otel,trace_state}',
               p.warnings
        FROM spans s LEFT JOIN problems p ON p.span_id = s.span_id
        ORDER BY s.start_time, s.parent_span_id IS NOT NULL, s.span_id;
    END $$;
COMMENT ON FUNCTION trace_grafana_trace(text) IS 'A trace for Grafana''s Traces panel (format: table), one row a span; startTime and duration in milliseconds, what is wrong with a span as its warnings.';

CREATE FUNCTION trace_grafana_rate(adjusted_count double precision, from_time timestamptz, to_time timestamptz) RETURNS double precision
    LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC
        -- three places, or as many as three digits take
        SELECT CASE WHEN r.rate > 0 THEN round(r.rate::numeric, greatest(3, 2 - floor(log(r.rate))::integer))::double precision ELSE r.rate END
        FROM (SELECT adjusted_count / nullif(CASE WHEN isfinite(from_time) AND isfinite(to_time)
                                                  THEN greatest(extract(epoch FROM to_time) - extract(epoch FROM from_time), 0) END, 0)::double precision AS rate) r;
    END;
COMMENT ON FUNCTION trace_grafana_rate(double precision, timestamptz, timestamptz) IS 'How many a second that are in a window, rounded to what a person reads; NULL for a window without end or length.';

CREATE FUNCTION trace_grafana_service(service_name text, service_namespace text, deployment_environment text, has_namespaces boolean, has_environments boolean)
    RETURNS text
    LANGUAGE SQL IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT service_name
               || CASE WHEN has_namespaces THEN ' in ' || coalesce(service_namespace, '(no namespace)') ELSE '' END
               || CASE WHEN has_environments THEN ' (' || coalesce(deployment_environment, 'no environment') || ')' ELSE '' END;
    END;
COMMENT ON FUNCTION trace_grafana_service(text, text, text, boolean, boolean) IS 'What a service is called on the map: by its name, and by namespace and environment where there are several of that name.';

CREATE FUNCTION trace_grafana_nodes(from_time timestamptz, to_time timestamptz)
    RETURNS TABLE (
        id text,
        title text,
        subtitle text,
        mainstat double precision,
        secondarystat double precision,
        arc__ok double precision,
        arc__errors double precision,
        detail__spans bigint,
        detail__errors bigint,
        isinstrumented boolean,
        detail__weighted_p95_ms double precision,
        detail__weighted_error_ratio double precision)
    LANGUAGE SQL STABLE STRICT PARALLEL SAFE ROWS 50
    BEGIN ATOMIC
        WITH edges AS MATERIALIZED (
            SELECT e.* FROM trace_dependency_edges(from_time, to_time, 'service', true, true) e
        ), latency AS MATERIALIZED (
            SELECT l.* FROM trace_service_latency(from_time, to_time, '{0.95}') l
        ), incoming AS (
            SELECT e.callee_service AS name, e.callee_namespace AS namespace, e.callee_environment AS environment,
                   sum(e.call_count) AS calls, sum(e.adjusted_count) AS adjusted_calls, sum(e.error_count) AS errors,
                   sum(e.adjusted_error_count) AS adjusted_errors, max(e.client_p95_ms) AS p95_ms, max(e.weighted_client_p95_ms) AS weighted_p95_ms,
                   bool_and(e.is_virtual) AS is_virtual, min(e.connection_type) AS connection_type
            FROM edges e GROUP BY 1, 2, 3
        ), services AS (
            SELECT e.caller_service AS name, e.caller_namespace AS namespace, e.caller_environment AS environment FROM edges e
            UNION SELECT i.name, i.namespace, i.environment FROM incoming i
        ), known AS (
            SELECT s.name,
                   min(coalesce(s.namespace, '')) < max(coalesce(s.namespace, '')) AS has_namespaces,
                   min(coalesce(s.environment, '')) < max(coalesce(s.environment, '')) AS has_environments
            FROM services s GROUP BY s.name
        ), nodes AS (
            SELECT s.*, k.has_namespaces, k.has_environments FROM services s JOIN known k ON k.name = s.name
            UNION ALL
            -- what nobody calls and what calls nobody: trace_grafana_edges() does not know it, so it changes the name of no other
            SELECT l.service_name, l.service_namespace, l.deployment_environment,
                   k.name IS NOT NULL
                       OR min(coalesce(l.service_namespace, '')) OVER service < max(coalesce(l.service_namespace, '')) OVER service,
                   k.name IS NOT NULL
                       OR min(coalesce(l.deployment_environment, '')) OVER service < max(coalesce(l.deployment_environment, '')) OVER service
            FROM latency l LEFT JOIN known k ON k.name = l.service_name
            WHERE NOT EXISTS (SELECT FROM services s WHERE s.name = l.service_name
                                  AND coalesce(s.namespace, '') = coalesce(l.service_namespace, '')
                                  AND coalesce(s.environment, '') = coalesce(l.deployment_environment, ''))
            WINDOW service AS (PARTITION BY l.service_name)
        )
        SELECT trace_grafana_service(n.name, n.namespace, n.environment, n.has_namespaces, n.has_environments), n.name,
               CASE WHEN s.service_name IS NULL AND i.is_virtual THEN i.connection_type ELSE coalesce(nullif(concat_ws(', ', n.namespace, n.environment), ''), 'service') END,
               round(coalesce(s.quantile_ms[1], i.p95_ms)::numeric, 3)::double precision,
               trace_grafana_rate(coalesce(s.adjusted_count, i.adjusted_calls), from_time, to_time),
               1 - coalesce(s.error_ratio, i.errors::double precision / i.calls, 0),
               coalesce(s.error_ratio, i.errors::double precision / i.calls, 0),
               coalesce(s.span_count, i.calls)::bigint,
               coalesce(s.error_count, i.errors)::bigint,
               s.service_name IS NOT NULL OR NOT coalesce(i.is_virtual, false),
               round(coalesce(s.weighted_quantile_ms[1], i.weighted_p95_ms)::numeric, 3)::double precision,
               coalesce(s.weighted_error_ratio, i.adjusted_errors / i.adjusted_calls)
        FROM nodes n
             LEFT JOIN latency s ON s.service_name = n.name AND coalesce(s.service_namespace, '') = coalesce(n.namespace, '')
                                AND coalesce(s.deployment_environment, '') = coalesce(n.environment, '')
             LEFT JOIN incoming i ON i.name = n.name AND coalesce(i.namespace, '') = coalesce(n.namespace, '')
                                AND coalesce(i.environment, '') = coalesce(n.environment, '')
        ORDER BY n.name COLLATE "C", n.namespace COLLATE "C", n.environment COLLATE "C";
    END;
COMMENT ON FUNCTION trace_grafana_nodes(timestamptz, timestamptz) IS 'Services for Grafana''s node graph panel (query "nodes", format: table): p95 in ms as the main figure, requests a second as the second, the shares of good and failed requests as the circle.';

CREATE FUNCTION trace_grafana_edges(from_time timestamptz, to_time timestamptz)
    RETURNS TABLE (
        id text,
        source text,
        target text,
        mainstat double precision,
        secondarystat double precision,
        thickness double precision,
        strokedasharray text,
        color text,
        detail__type text,
        detail__calls bigint,
        detail__errors bigint,
        detail__weighted_error_ratio double precision,
        detail__network_ms double precision,
        detail__exemplar text,
        detail__weighted_p95_ms double precision)
    LANGUAGE SQL STABLE STRICT PARALLEL SAFE ROWS 100
    BEGIN ATOMIC
        WITH edges AS MATERIALIZED (
            SELECT d.* FROM trace_dependency_edges(from_time, to_time, 'service', true, true) d
        ), several AS (
            SELECT s.name,
                   min(coalesce(s.namespace, '')) < max(coalesce(s.namespace, '')) AS namespaces,
                   min(coalesce(s.environment, '')) < max(coalesce(s.environment, '')) AS environments
            FROM (SELECT d.caller_service AS name, d.caller_namespace AS namespace, d.caller_environment AS environment FROM edges d
                  UNION SELECT d.callee_service, d.callee_namespace, d.callee_environment FROM edges d) s
            GROUP BY s.name
        ), named AS (
            SELECT trace_grafana_service(d.caller_service, d.caller_namespace, d.caller_environment, a.namespaces, a.environments) AS caller,
                   trace_grafana_service(d.callee_service, d.callee_namespace, d.callee_environment, b.namespaces, b.environments) AS callee,
                   d.*
            FROM edges d JOIN several a ON a.name = d.caller_service JOIN several b ON b.name = d.callee_service
        )
        SELECT concat_ws('--', quote_ident(e.caller), quote_ident(e.callee), e.connection_type, CASE WHEN e.is_virtual THEN 'virtual' END),
               e.caller, e.callee,
               round(coalesce(e.server_p95_ms, e.client_p95_ms)::numeric, 3)::double precision,
               trace_grafana_rate(e.adjusted_count, from_time, to_time),
               1 + 4 * e.call_count / max(e.call_count) OVER ()::double precision,
               CASE WHEN e.is_async THEN '4 4' END,
               CASE WHEN e.error_ratio >= 0.05 THEN 'red' WHEN e.error_count > 0 THEN 'orange' ELSE 'gray' END,
               e.connection_type, e.call_count, e.error_count, e.weighted_error_ratio, round(e.network_mean_ms::numeric, 3)::double precision, e.exemplar_trace_id,
               round(coalesce(e.weighted_server_p95_ms, e.weighted_client_p95_ms)::numeric, 3)::double precision
        FROM named e
        ORDER BY e.call_count DESC, e.caller COLLATE "C", e.callee COLLATE "C", e.connection_type COLLATE "C";
    END;
COMMENT ON FUNCTION trace_grafana_edges(timestamptz, timestamptz) IS 'Calls for Grafana''s node graph panel (query "edges", format: table): p95 in ms as the main figure, calls a second as the second; broken lines are asynchronous, colours tell errors.';

CREATE FUNCTION trace_grafana_measure(measure text) RETURNS text
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_trace_grafana_measure';
COMMENT ON FUNCTION trace_grafana_measure(text) IS 'Checks a word that chooses what a series shows: p95_ms (also for NULL), p50_ms, p99_ms, mean_ms, max_ms, error_ratio or spans_per_second; all but max_ms and spans_per_second also with weighted_ before it.';

CREATE FUNCTION trace_grafana_series(
    from_time timestamptz, to_time timestamptz, bucket interval, measure text DEFAULT 'p95_ms',
    service_name text DEFAULT NULL, spans text DEFAULT 'entry', time_zone text DEFAULT 'UTC')
    RETURNS TABLE (
        "time" timestamptz,
        metric text,
        value double precision)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 2000
    BEGIN ATOMIC
        SELECT f.bucket_start,
               -- namespace and environment are named where a service has several
               f.service_name
               || CASE WHEN min(coalesce(f.service_namespace, '')) OVER service < max(coalesce(f.service_namespace, '')) OVER service
                       THEN ' in ' || coalesce(f.service_namespace, '(no namespace)') ELSE '' END
               || CASE WHEN min(coalesce(f.deployment_environment, '')) OVER service < max(coalesce(f.deployment_environment, '')) OVER service
                       THEN ' (' || coalesce(f.deployment_environment, 'no environment') || ')' ELSE '' END,
               CASE trace_grafana_measure(trace_grafana_series.measure)
                   WHEN 'p50_ms' THEN latency_quantile(f.sketch, 0.5)
                   WHEN 'p95_ms' THEN latency_quantile(f.sketch, 0.95)
                   WHEN 'p99_ms' THEN latency_quantile(f.sketch, 0.99)
                   WHEN 'mean_ms' THEN latency_mean(f.sketch)
                   WHEN 'max_ms' THEN latency_max(f.sketch)
                   WHEN 'error_ratio' THEN f.error_count::double precision / nullif(f.span_count, 0)
                   WHEN 'weighted_p50_ms' THEN latency_quantile(f.weighted_sketch, 0.5)
                   WHEN 'weighted_p95_ms' THEN latency_quantile(f.weighted_sketch, 0.95)
                   WHEN 'weighted_p99_ms' THEN latency_quantile(f.weighted_sketch, 0.99)
                   WHEN 'weighted_mean_ms' THEN latency_mean(f.weighted_sketch)
                   WHEN 'weighted_error_ratio' THEN f.adjusted_error_count / nullif(f.adjusted_count, 0)
                   -- the first and last bucket are cut off at the window
                   ELSE f.adjusted_count
                        / extract(epoch FROM least(to_time, lead(f.bucket_start, 1, 'infinity') OVER series) - greatest(from_time, f.bucket_start))::double precision
               END
        FROM trace_latency_figures(from_time, to_time, trace_grafana_series.bucket, trace_grafana_series.time_zone,
                                   trace_grafana_series.spans, 'service', trace_grafana_series.service_name) f
        WINDOW service AS (PARTITION BY f.service_name),
               series AS (PARTITION BY f.service_name, f.service_namespace, f.deployment_environment ORDER BY f.bucket_start)
        ORDER BY f.bucket_start, 2;
    END;
COMMENT ON FUNCTION trace_grafana_series(timestamptz, timestamptz, interval, text, text, text, text) IS 'A line for each service (named with its namespace and environment where it has several) in Grafana''s time series panel (format: time series): p50_ms, p95_ms, p99_ms, mean_ms, max_ms, error_ratio or spans_per_second for each bucket, or weighted_p95_ms and so on of the spans that sampled ones stand for; NULL, or 0 spans, where there is none.';

CREATE FUNCTION trace_grafana_heatmap(
    from_time timestamptz, to_time timestamptz, bucket interval, service_name text DEFAULT NULL, spans text DEFAULT 'entry',
    time_zone text DEFAULT 'UTC')
    RETURNS TABLE (
        "time" timestamptz,
        metric text,
        value bigint)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 2000
    BEGIN ATOMIC
        SELECT c.bucket_start, coalesce(c.le_ms::text, '+Inf'),
               (c.up_to - lag(c.up_to, 1, 0::bigint) OVER (PARTITION BY c.bucket_start ORDER BY c.place))
        FROM (SELECT f.bucket_start, e.le_ms, e.place,
                     CASE WHEN f.span_count = 0 THEN 0
                          WHEN e.le_ms IS NULL THEN f.span_count
                          ELSE round(latency_rank(f.sketch, e.le_ms) * f.span_count)::bigint END AS up_to
              FROM trace_latency_figures(from_time, to_time, trace_grafana_heatmap.bucket, trace_grafana_heatmap.time_zone,
                                         trace_grafana_heatmap.spans, 'all', trace_grafana_heatmap.service_name) f
                   CROSS JOIN unnest(ARRAY[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000, NULL]::double precision[])
                       WITH ORDINALITY e (le_ms, place)) c
        ORDER BY c.bucket_start, c.place;
    END;
COMMENT ON FUNCTION trace_grafana_heatmap(timestamptz, timestamptz, interval, text, text, text) IS 'How many spans took how long, for Grafana''s heatmap panel (format: time series; rows to columns; cell bound: upper): a count for each bucket and upper bound in milliseconds, those of none too. A span at most 2 % longer than a bound may count as up to it.';

CREATE FUNCTION trace_grafana_flame_graph(trace_id text)
    RETURNS TABLE (
        level integer,
        value double precision,
        self double precision,
        label text)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 100
    BEGIN ATOMIC
        WITH spans AS MATERIALIZED (
            SELECT t.ordinal, t.depth, t.descendant_count, t.service_name || ': ' || t.operation AS label, t.self_ms,
                   sum(t.self_ms) OVER (ORDER BY t.ordinal) AS total_ms,
                   -- several roots get one above them
                   (count(*) FILTER (WHERE t.depth = 0) OVER () > 1)::integer AS shift
            FROM trace_tree(trace_grafana_flame_graph.trace_id) t
        )
        SELECT r.level, r.value, r.self, r.label
        FROM (SELECT 0 AS ordinal, 0 AS level, max(s.total_ms) AS value, 0::double precision AS self, 'trace' AS label
              FROM spans s HAVING max(s.shift) = 1
              UNION ALL
              SELECT s.ordinal, s.depth + s.shift,
                     -- its own time and that of all below, which lie behind it
                     greatest(e.total_ms - s.total_ms + s.self_ms, s.self_ms), s.self_ms, s.label
              FROM spans s JOIN spans e ON e.ordinal = s.ordinal + s.descendant_count) r
        ORDER BY r.ordinal;
    END;
COMMENT ON FUNCTION trace_grafana_flame_graph(text) IS 'A trace for Grafana''s flame graph panel (format: table; unit: ms): self time of each span, and of it with all below, in depth-first order. Widths are time spent, not time passed: what ran side by side adds up.';
