/* Views for BI tools: plain types, units in the names, no NaN and no infinity.

   They read the tables with the rights of their owner, so that SELECT on a view
   is all that its reader needs.  So they use no function that reads a table,
   since those run with the reader's rights.

   Views that show some of the spans are barriers: no function of the reader's
   gets to see the others.  A barrier hides the order of the log's index from
   a query that wants the newest rows, unless the view has that order itself. */

CREATE FUNCTION trace_resource_id(tags jsonb) RETURNS bigint
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_trace_resource_id';
COMMENT ON FUNCTION trace_resource_id(jsonb) IS 'The resource that recorded a span, a resource_id of distributed_trace_resource; NULL if the span names none.';

CREATE VIEW trace_spans AS
    SELECT l.trace_id::text AS trace_id,
           l.span_id::text AS span_id,
           l.parent_span_id::text AS parent_span_id,
           l.service_name,
           r.attributes ->> 'service.namespace' AS service_namespace,
           coalesce(r.attributes ->> 'deployment.environment.name', r.attributes ->> 'deployment.environment') AS deployment_environment,
           l.operation,
           trace_span_kind(l.tags) AS kind,
           l.start_time,
           CASE WHEN isfinite(l.end_time) THEN l.end_time END AS end_time,
           nullif(l.duration_ms, 'NaN')::double precision AS duration_ms,
           l.parent_span_id IS NULL AS is_root,
           l.parent_span_id IS NULL OR trace_span_kind(l.tags) IS NULL OR trace_span_kind(l.tags) IN ('server', 'consumer') AS is_entry,
           coalesce(trace_is_error(l.tags), false) AS is_error,
           coalesce(trace_is_error(l.tags), false)::integer AS error_count,
           coalesce(trace_adjusted_count(l.tags), 1) AS adjusted_count,
           l.tags #>> '{otel,status_message}' AS status_message,
           coalesce(l.tags ->> 'http.request.method', l.tags ->> 'http.method') AS http_method,
           l.tags ->> 'http.route' AS http_route,
           trace_http_status_code(l.tags) AS http_status_code,
           coalesce(l.tags ->> 'db.system.name', l.tags ->> 'db.system') AS db_system,
           l.tags ->> 'rpc.system' AS rpc_system,
           l.tags ->> 'messaging.system' AS messaging_system,
           l.tags ->> 'peer.service' AS peer_service,
           trace_user_id(l.tags) AS user_id,
           -- nothing can be taken off a scalar
           (CASE WHEN jsonb_typeof(l.tags) = 'object' THEN l.tags - 'otel' ELSE l.tags END)::text AS attributes_json
    FROM distributed_trace_log l
         LEFT JOIN distributed_trace_resource r ON r.resource_id = trace_resource_id(l.tags)
    WHERE isfinite(l.start_time);

CREATE FUNCTION trace_attributes(tags jsonb, resource_attributes jsonb)
    RETURNS TABLE (
        attribute_scope text,
        attribute_key text,
        value_text text,
        value_number double precision,
        value_type text)
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 10
    AS 'MODULE_PATHNAME', 'dt_trace_attributes';
COMMENT ON FUNCTION trace_attributes(jsonb, jsonb) IS 'The attributes of a span and of its resource, as in the view trace_span_attributes.';

CREATE VIEW trace_span_attributes AS
    SELECT l.trace_id::text AS trace_id,
           l.span_id::text AS span_id,
           l.service_name,
           l.start_time,
           a.attribute_scope,
           a.attribute_key,
           a.value_text,
           a.value_number,
           a.value_type
    FROM distributed_trace_log l
         LEFT JOIN distributed_trace_resource r ON r.resource_id = trace_resource_id(l.tags),
         trace_attributes(l.tags, r.attributes) a
    WHERE isfinite(l.start_time);

CREATE VIEW trace_span_events WITH (security_barrier) AS
    SELECT l.trace_id::text AS trace_id,
           l.span_id::text AS span_id,
           l.service_name,
           l.operation,
           l.start_time,
           CASE WHEN isfinite(e.event_time) THEN e.event_time END AS event_time,
           e.event_name,
           x.exception_type,
           x.exception_message,
           e.attributes::text AS attributes_json
    FROM distributed_trace_log l, trace_events(l.logs) e, trace_exception(e.event_name, e.attributes) x
    WHERE isfinite(l.start_time)
    ORDER BY l.start_time DESC;

CREATE VIEW trace_span_links WITH (security_barrier) AS
    SELECT l.trace_id::text AS trace_id,
           l.span_id::text AS span_id,
           l.service_name,
           l.operation,
           l.start_time,
           k.link ->> 'trace_id' AS linked_trace_id,
           k.link ->> 'span_id' AS linked_span_id,
           (k.link -> 'attributes')::text AS attributes_json
    FROM distributed_trace_log l,
         jsonb_array_elements(CASE WHEN jsonb_typeof(l.tags #> '{otel,links}') = 'array' THEN l.tags #> '{otel,links}' END) k (link)
    WHERE isfinite(l.start_time) AND jsonb_typeof(k.link) = 'object'
    ORDER BY l.start_time DESC;

-- one row for the first span of each trace, so that a condition on start_time is one on the log's;
-- OFFSET keeps the questions for an earlier one looks at its own trace, never joins with the whole log,
-- and nearly all spans are ruled out by their parent alone
CREATE VIEW trace_traces AS
    SELECT f.trace_id::text AS trace_id,
           s.root_service_name,
           s.root_operation,
           f.start_time,
           CASE WHEN isfinite(s.end_time) THEN s.end_time END AS end_time,
           s.wall_ms AS duration_ms,
           s.critical_ms,
           s.span_count,
           s.error_count,
           s.error_count > 0 AS is_error,
           s.service_count,
           s.root_count,
           s.orphan_count,
           s.max_depth,
           s.max_concurrency,
           s.is_complete
    FROM distributed_trace_log f,
         LATERAL (SELECT span_tree_agg(l) AS tree FROM distributed_trace_log l WHERE l.trace_id = f.trace_id) t,
         LATERAL trace_summary(t.tree) s
    WHERE isfinite(f.start_time)
      AND NOT EXISTS (SELECT FROM distributed_trace_log p
                      WHERE p.trace_id = f.trace_id AND p.span_id = f.parent_span_id AND isfinite(p.start_time)
                        AND (p.start_time, p.span_id) < (f.start_time, f.span_id)
                      OFFSET 0)
      AND NOT EXISTS (SELECT FROM distributed_trace_log e
                      WHERE e.trace_id = f.trace_id AND isfinite(e.start_time)
                        AND (e.start_time, e.span_id) < (f.start_time, f.span_id)
                      OFFSET 0);

CREATE VIEW trace_critical_times AS
    SELECT f.trace_id::text AS trace_id,
           f.start_time,
           p.service_name,
           p.exclusive_ms AS critical_ms,
           p.share AS critical_share,
           p.spans AS span_count
    FROM distributed_trace_log f,
         LATERAL (SELECT span_tree_agg(l) AS tree FROM distributed_trace_log l WHERE l.trace_id = f.trace_id) t,
         LATERAL trace_critical_path_services(t.tree) p
    WHERE isfinite(f.start_time)
      AND NOT EXISTS (SELECT FROM distributed_trace_log p
                      WHERE p.trace_id = f.trace_id AND p.span_id = f.parent_span_id AND isfinite(p.start_time)
                        AND (p.start_time, p.span_id) < (f.start_time, f.span_id)
                      OFFSET 0)
      AND NOT EXISTS (SELECT FROM distributed_trace_log e
                      WHERE e.trace_id = f.trace_id AND isfinite(e.start_time)
                        AND (e.start_time, e.span_id) < (f.start_time, f.span_id)
                      OFFSET 0);

-- the order of the roots is that of the view, so that a LIMIT on it leaves the other traces unread
CREATE VIEW trace_slowest AS
    SELECT r.trace_id,
           r.service_name AS root_service_name,
           r.operation AS root_operation,
           r.start_time,
           r.root_duration_ms,
           s.wall_ms AS duration_ms,
           s.critical_ms,
           s.span_count,
           s.error_count,
           s.service_count
    FROM (SELECT l.trace_id::text AS trace_id, l.service_name, l.operation, l.start_time,
                 l.duration_ms::double precision AS root_duration_ms
          FROM distributed_trace_log l
          WHERE l.parent_span_id IS NULL AND l.duration_ms <> 'NaN'
            AND l.start_time >= now() - interval '24 hours' AND l.start_time <= now()
          ORDER BY root_duration_ms DESC, l.trace_id
          LIMIT 100) r,
         LATERAL (SELECT span_tree_agg(l) AS tree FROM distributed_trace_log l WHERE l.trace_id = r.trace_id) t,
         LATERAL trace_summary(t.tree) s
    ORDER BY r.root_duration_ms DESC, r.trace_id;

CREATE FUNCTION trace_slowest_traces(from_time timestamptz, to_time timestamptz, trace_count integer DEFAULT 100)
    RETURNS TABLE (
        trace_id text,
        root_service_name text,
        root_operation text,
        start_time timestamptz,
        root_duration_ms double precision,
        duration_ms double precision,
        critical_ms double precision,
        span_count bigint,
        error_count bigint,
        service_count bigint)
    LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 100
    AS 'MODULE_PATHNAME', 'dt_trace_slowest_traces';
COMMENT ON FUNCTION trace_slowest_traces(timestamptz, timestamptz, integer) IS 'The traces whose root starts in a window and took longest, as in the view trace_slowest: at most trace_count of them, the one with the longest root first.';

CREATE FUNCTION trace_slowest_traces(period interval)
    RETURNS TABLE (
        trace_id text,
        root_service_name text,
        root_operation text,
        start_time timestamptz,
        root_duration_ms double precision,
        duration_ms double precision,
        critical_ms double precision,
        span_count bigint,
        error_count bigint,
        service_count bigint)
    LANGUAGE SQL STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 100
    BEGIN ATOMIC
        SELECT s.* FROM trace_slowest_traces(now() - period, now()) s;
    END;
COMMENT ON FUNCTION trace_slowest_traces(interval) IS 'trace_slowest_traces() of the time before now.';

CREATE VIEW trace_errors WITH (security_barrier) AS
    SELECT l.trace_id::text AS trace_id,
           l.span_id::text AS span_id,
           l.service_name,
           l.operation,
           trace_span_kind(l.tags) AS kind,
           l.start_time,
           nullif(l.duration_ms, 'NaN')::double precision AS duration_ms,
           coalesce(l.tags #>> '{otel,status_message}', x.exception_message) AS status_message,
           x.exception_type,
           x.exception_message
    FROM distributed_trace_log l
         LEFT JOIN LATERAL (SELECT y.exception_type, y.exception_message
                            FROM trace_events(l.logs) e, trace_exception(e.event_name, e.attributes) y
                            WHERE y.exception_type IS NOT NULL OR y.exception_message IS NOT NULL
                            LIMIT 1) x ON true
    WHERE trace_is_error(l.tags) AND isfinite(l.start_time)
    ORDER BY l.start_time DESC;

CREATE VIEW trace_user_spans WITH (security_barrier) AS
    SELECT trace_user_id(l.tags) AS user_id,
           l.trace_id::text AS trace_id,
           l.span_id::text AS span_id,
           l.service_name,
           l.operation,
           l.start_time,
           nullif(l.duration_ms, 'NaN')::double precision AS duration_ms,
           coalesce(trace_is_error(l.tags), false) AS is_error,
           coalesce(trace_is_error(l.tags), false)::integer AS error_count
    FROM distributed_trace_log l
    WHERE trace_user_id(l.tags) IS NOT NULL AND isfinite(l.start_time)
    ORDER BY l.start_time DESC;

CREATE VIEW trace_service_calls WITH (security_barrier) AS
    SELECT c.trace_id::text AS trace_id,
           c.span_id::text AS span_id,
           c.start_time,
           p.service_name AS caller_service,
           p.operation AS caller_operation,
           c.service_name AS callee_service,
           c.operation AS callee_operation,
           CASE WHEN trace_span_kind(p.tags) = 'producer' OR trace_span_kind(c.tags) = 'consumer'
                THEN 'messaging' ELSE 'request' END AS connection_type,
           CASE WHEN trace_span_kind(p.tags) IN ('client', 'producer')
                THEN nullif(p.duration_ms, 'NaN')::double precision END AS client_ms,
           nullif(c.duration_ms, 'NaN')::double precision AS server_ms,
           coalesce(trace_is_error(c.tags), false)
               OR trace_span_kind(p.tags) IN ('client', 'producer') AND coalesce(trace_is_error(p.tags), false) AS is_error,
           (coalesce(trace_is_error(c.tags), false)
               OR trace_span_kind(p.tags) IN ('client', 'producer') AND coalesce(trace_is_error(p.tags), false))::integer AS error_count,
           coalesce(trace_adjusted_count(c.tags), 1) AS adjusted_count
    FROM distributed_trace_log c,
         -- by OFFSET one parent for each span: a join by two columns is taken for one that finds next to nothing
         LATERAL (SELECT l.service_name, l.operation, l.tags, l.duration_ms FROM distributed_trace_log l
                  WHERE l.trace_id = c.trace_id AND l.span_id = c.parent_span_id
                  OFFSET 0) p
    WHERE isfinite(c.start_time)
      AND (p.service_name <> c.service_name
           OR trace_span_kind(p.tags) IN ('client', 'producer') AND trace_span_kind(c.tags) IN ('server', 'consumer'))
    ORDER BY c.start_time DESC;

/* From the rollup.  What is not yet folded is added to each level. */

CREATE VIEW trace_service_red AS
    SELECT t.bucket_start, 60 AS bucket_seconds, t.service_name,
           latency_count(t.total) AS span_count, t.adjusted_count, t.error_count,
           t.error_count::double precision / latency_count(t.total) AS error_ratio,
           t.adjusted_count / 60 AS spans_per_second,
           latency_mean(t.total) AS duration_mean_ms,
           latency_quantile(t.total, 0.5) AS duration_p50_ms,
           latency_quantile(t.total, 0.9) AS duration_p90_ms,
           latency_quantile(t.total, 0.95) AS duration_p95_ms,
           latency_quantile(t.total, 0.99) AS duration_p99_ms,
           latency_max(t.total) AS duration_max_ms,
           t.service_namespace, t.deployment_environment, t.negative_count,
           t.adjusted_error_count / t.adjusted_count AS weighted_error_ratio,
           latency_mean(w.total) AS weighted_mean_ms,
           latency_quantile(w.total, 0.5) AS weighted_p50_ms,
           latency_quantile(w.total, 0.95) AS weighted_p95_ms,
           latency_quantile(w.total, 0.99) AS weighted_p99_ms
    FROM (SELECT c.bucket_start, c.service_name, c.service_namespace, c.deployment_environment,
                 sum(c.adjusted_count) AS adjusted_count,
                 coalesce(sum(c.adjusted_count) FILTER (WHERE c.is_error), 0) AS adjusted_error_count,
                 coalesce(sum(latency_count(c.total)) FILTER (WHERE c.is_error), 0)::bigint AS error_count,
                 sum(c.negative_count)::bigint AS negative_count,
                 latency_merge(c.total) AS total,
                 array_agg(c.total) AS totals, array_agg(coalesce(c.adjusted_count / latency_count(c.total), 1)) AS weights
          FROM (SELECT l.bucket_start, l.service_name, l.service_namespace, l.deployment_environment,
                       l.is_error, sum(l.sign * l.adjusted_count) AS adjusted_count, sum(l.sign * l.negative_count) AS negative_count,
                       trace_latency_total(latency_merge(l.sketch) FILTER (WHERE l.sign = 1),
                                           latency_merge(l.sketch) FILTER (WHERE l.sign = -1)) AS total
                FROM distributed_trace_latency l
                WHERE l.level IN ('minute', 'new') AND l.is_entry
                GROUP BY l.bucket_start, l.service_name, l.service_namespace, l.deployment_environment, l.weight_class, l.is_error) c
          WHERE latency_count(c.total) > 0
          GROUP BY c.bucket_start, c.service_name, c.service_namespace, c.deployment_environment) t,
         LATERAL (SELECT CASE WHEN t.adjusted_count = latency_count(t.total) THEN t.total
                              ELSE latency_weighted(t.totals, t.weights) END AS total) w;

CREATE VIEW trace_service_red_hourly AS
    SELECT t.bucket_start, 3600 AS bucket_seconds, t.service_name,
           latency_count(t.total) AS span_count, t.adjusted_count, t.error_count,
           t.error_count::double precision / latency_count(t.total) AS error_ratio,
           t.adjusted_count / 3600 AS spans_per_second,
           latency_mean(t.total) AS duration_mean_ms,
           latency_quantile(t.total, 0.5) AS duration_p50_ms,
           latency_quantile(t.total, 0.9) AS duration_p90_ms,
           latency_quantile(t.total, 0.95) AS duration_p95_ms,
           latency_quantile(t.total, 0.99) AS duration_p99_ms,
           latency_max(t.total) AS duration_max_ms,
           t.service_namespace, t.deployment_environment, t.negative_count,
           t.adjusted_error_count / t.adjusted_count AS weighted_error_ratio,
           latency_mean(w.total) AS weighted_mean_ms,
           latency_quantile(w.total, 0.5) AS weighted_p50_ms,
           latency_quantile(w.total, 0.95) AS weighted_p95_ms,
           latency_quantile(w.total, 0.99) AS weighted_p99_ms
    FROM (SELECT c.bucket_start, c.service_name, c.service_namespace, c.deployment_environment,
                 sum(c.adjusted_count) AS adjusted_count,
                 coalesce(sum(c.adjusted_count) FILTER (WHERE c.is_error), 0) AS adjusted_error_count,
                 coalesce(sum(latency_count(c.total)) FILTER (WHERE c.is_error), 0)::bigint AS error_count,
                 sum(c.negative_count)::bigint AS negative_count,
                 latency_merge(c.total) AS total,
                 array_agg(c.total) AS totals, array_agg(coalesce(c.adjusted_count / latency_count(c.total), 1)) AS weights
          FROM (SELECT l.bucket_start, l.service_name, l.service_namespace, l.deployment_environment,
                       l.is_error, sum(l.sign * l.adjusted_count) AS adjusted_count, sum(l.sign * l.negative_count) AS negative_count,
                       trace_latency_total(latency_merge(l.sketch) FILTER (WHERE l.sign = 1),
                                           latency_merge(l.sketch) FILTER (WHERE l.sign = -1)) AS total
                FROM (SELECT h.bucket_start, h.service_name, h.service_namespace, h.deployment_environment, h.weight_class, h.is_error, h.sign, h.adjusted_count, h.negative_count, h.sketch
                      FROM distributed_trace_latency h
                      WHERE h.level = 'hour' AND h.is_entry
                      UNION ALL
                      SELECT date_bin('1 hour', n.bucket_start, '2000-01-01 00:00:00+00'),
                             n.service_name, n.service_namespace, n.deployment_environment, n.weight_class, n.is_error, n.sign, n.adjusted_count, n.negative_count, n.sketch
                      FROM distributed_trace_latency n
                      WHERE n.level = 'new' AND n.is_entry) l
                GROUP BY l.bucket_start, l.service_name, l.service_namespace, l.deployment_environment, l.weight_class, l.is_error) c
          WHERE latency_count(c.total) > 0
          GROUP BY c.bucket_start, c.service_name, c.service_namespace, c.deployment_environment) t,
         LATERAL (SELECT CASE WHEN t.adjusted_count = latency_count(t.total) THEN t.total
                              ELSE latency_weighted(t.totals, t.weights) END AS total) w;

CREATE VIEW trace_operation_red AS
    SELECT t.bucket_start, 60 AS bucket_seconds, t.service_name, t.operation, t.kind,
           latency_count(t.total) AS span_count, t.adjusted_count, t.error_count,
           t.error_count::double precision / latency_count(t.total) AS error_ratio,
           t.adjusted_count / 60 AS spans_per_second,
           latency_mean(t.total) AS duration_mean_ms,
           latency_quantile(t.total, 0.5) AS duration_p50_ms,
           latency_quantile(t.total, 0.9) AS duration_p90_ms,
           latency_quantile(t.total, 0.95) AS duration_p95_ms,
           latency_quantile(t.total, 0.99) AS duration_p99_ms,
           latency_max(t.total) AS duration_max_ms,
           t.service_namespace, t.deployment_environment, t.negative_count,
           t.adjusted_error_count / t.adjusted_count AS weighted_error_ratio,
           latency_mean(w.total) AS weighted_mean_ms,
           latency_quantile(w.total, 0.5) AS weighted_p50_ms,
           latency_quantile(w.total, 0.95) AS weighted_p95_ms,
           latency_quantile(w.total, 0.99) AS weighted_p99_ms
    FROM (SELECT c.bucket_start, c.service_name, c.operation, c.kind, c.service_namespace, c.deployment_environment,
                 sum(c.adjusted_count) AS adjusted_count,
                 coalesce(sum(c.adjusted_count) FILTER (WHERE c.is_error), 0) AS adjusted_error_count,
                 coalesce(sum(latency_count(c.total)) FILTER (WHERE c.is_error), 0)::bigint AS error_count,
                 sum(c.negative_count)::bigint AS negative_count,
                 latency_merge(c.total) AS total,
                 array_agg(c.total) AS totals, array_agg(coalesce(c.adjusted_count / latency_count(c.total), 1)) AS weights
          FROM (SELECT l.bucket_start, l.service_name, l.operation, l.kind, l.service_namespace, l.deployment_environment,
                       l.is_error, sum(l.sign * l.adjusted_count) AS adjusted_count, sum(l.sign * l.negative_count) AS negative_count,
                       trace_latency_total(latency_merge(l.sketch) FILTER (WHERE l.sign = 1),
                                           latency_merge(l.sketch) FILTER (WHERE l.sign = -1)) AS total
                FROM distributed_trace_latency l
                WHERE l.level IN ('minute', 'new')
                GROUP BY l.bucket_start, l.service_name, l.operation, l.kind, l.service_namespace, l.deployment_environment, l.weight_class, l.is_error) c
          WHERE latency_count(c.total) > 0
          GROUP BY c.bucket_start, c.service_name, c.operation, c.kind, c.service_namespace, c.deployment_environment) t,
         LATERAL (SELECT CASE WHEN t.adjusted_count = latency_count(t.total) THEN t.total
                              ELSE latency_weighted(t.totals, t.weights) END AS total) w;

CREATE VIEW trace_operation_red_hourly AS
    SELECT t.bucket_start, 3600 AS bucket_seconds, t.service_name, t.operation, t.kind,
           latency_count(t.total) AS span_count, t.adjusted_count, t.error_count,
           t.error_count::double precision / latency_count(t.total) AS error_ratio,
           t.adjusted_count / 3600 AS spans_per_second,
           latency_mean(t.total) AS duration_mean_ms,
           latency_quantile(t.total, 0.5) AS duration_p50_ms,
           latency_quantile(t.total, 0.9) AS duration_p90_ms,
           latency_quantile(t.total, 0.95) AS duration_p95_ms,
           latency_quantile(t.total, 0.99) AS duration_p99_ms,
           latency_max(t.total) AS duration_max_ms,
           t.service_namespace, t.deployment_environment, t.negative_count,
           t.adjusted_error_count / t.adjusted_count AS weighted_error_ratio,
           latency_mean(w.total) AS weighted_mean_ms,
           latency_quantile(w.total, 0.5) AS weighted_p50_ms,
           latency_quantile(w.total, 0.95) AS weighted_p95_ms,
           latency_quantile(w.total, 0.99) AS weighted_p99_ms
    FROM (SELECT c.bucket_start, c.service_name, c.operation, c.kind, c.service_namespace, c.deployment_environment,
                 sum(c.adjusted_count) AS adjusted_count,
                 coalesce(sum(c.adjusted_count) FILTER (WHERE c.is_error), 0) AS adjusted_error_count,
                 coalesce(sum(latency_count(c.total)) FILTER (WHERE c.is_error), 0)::bigint AS error_count,
                 sum(c.negative_count)::bigint AS negative_count,
                 latency_merge(c.total) AS total,
                 array_agg(c.total) AS totals, array_agg(coalesce(c.adjusted_count / latency_count(c.total), 1)) AS weights
          FROM (SELECT l.bucket_start, l.service_name, l.operation, l.kind, l.service_namespace, l.deployment_environment,
                       l.is_error, sum(l.sign * l.adjusted_count) AS adjusted_count, sum(l.sign * l.negative_count) AS negative_count,
                       trace_latency_total(latency_merge(l.sketch) FILTER (WHERE l.sign = 1),
                                           latency_merge(l.sketch) FILTER (WHERE l.sign = -1)) AS total
                FROM (SELECT h.bucket_start, h.service_name, h.operation, h.kind, h.service_namespace, h.deployment_environment, h.weight_class, h.is_error, h.sign, h.adjusted_count, h.negative_count, h.sketch
                      FROM distributed_trace_latency h
                      WHERE h.level = 'hour'
                      UNION ALL
                      SELECT date_bin('1 hour', n.bucket_start, '2000-01-01 00:00:00+00'),
                             n.service_name, n.operation, n.kind, n.service_namespace, n.deployment_environment, n.weight_class, n.is_error, n.sign, n.adjusted_count, n.negative_count, n.sketch
                      FROM distributed_trace_latency n
                      WHERE n.level = 'new') l
                GROUP BY l.bucket_start, l.service_name, l.operation, l.kind, l.service_namespace, l.deployment_environment, l.weight_class, l.is_error) c
          WHERE latency_count(c.total) > 0
          GROUP BY c.bucket_start, c.service_name, c.operation, c.kind, c.service_namespace, c.deployment_environment) t,
         LATERAL (SELECT CASE WHEN t.adjusted_count = latency_count(t.total) THEN t.total
                              ELSE latency_weighted(t.totals, t.weights) END AS total) w;

CREATE VIEW trace_latency_histograms AS
    SELECT b.bucket_start, b.service_name, b.le_ms, coalesce(b.le_ms::text, '+Inf') AS le_label,
           sum(b.span_count)::bigint AS span_count,
           sum(sum(b.span_count)) OVER (PARTITION BY b.bucket_start, b.service_name, b.service_namespace, b.deployment_environment ORDER BY b.le_ms NULLS LAST)::bigint AS cumulative_count,
           b.service_namespace, b.deployment_environment
    FROM (SELECT t.bucket_start, t.service_name, t.service_namespace, t.deployment_environment, h.count AS span_count,
                 -- the first bound that the bin does not exceed; the bin itself is narrower than 2 %
                 (ARRAY[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000]::double precision[])
                     [width_bucket(h.lower_ms, ARRAY[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000]::double precision[]) + 1] AS le_ms
          FROM (SELECT l.bucket_start, l.service_name, l.service_namespace, l.deployment_environment,
                       trace_latency_total(latency_merge(l.sketch) FILTER (WHERE l.sign = 1),
                                           latency_merge(l.sketch) FILTER (WHERE l.sign = -1)) AS total
                FROM distributed_trace_latency l
                WHERE l.level IN ('minute', 'new') AND l.is_entry
                GROUP BY l.bucket_start, l.service_name, l.service_namespace, l.deployment_environment) t,
               latency_histogram(t.total) h) b
    GROUP BY b.bucket_start, b.service_name, b.service_namespace, b.deployment_environment, b.le_ms;

CREATE VIEW trace_services AS
    SELECT l.service_name,
           coalesce(min(l.first_start_time) FILTER (WHERE l.sign = 1), min(l.bucket_start)) AS first_seen_time,
           coalesce(max(l.last_start_time) FILTER (WHERE l.sign = 1), max(l.bucket_start)) AS last_seen_time,
           count(DISTINCT l.operation) AS operation_count,
           sum(l.sign * latency_count(l.sketch))::bigint AS span_count,
           coalesce(sum(l.sign * latency_count(l.sketch)) FILTER (WHERE l.is_error), 0)::bigint AS error_count,
           l.service_namespace, l.deployment_environment
    FROM distributed_trace_latency l
    WHERE l.level IN ('day', 'new')
    GROUP BY l.service_name, l.service_namespace, l.deployment_environment
    HAVING sum(l.sign * latency_count(l.sketch)) > 0;

CREATE VIEW trace_operations AS
    SELECT l.service_name,
           l.operation,
           l.kind,
           coalesce(min(l.first_start_time) FILTER (WHERE l.sign = 1), min(l.bucket_start)) AS first_seen_time,
           coalesce(max(l.last_start_time) FILTER (WHERE l.sign = 1), max(l.bucket_start)) AS last_seen_time,
           sum(l.sign * latency_count(l.sketch))::bigint AS span_count,
           coalesce(sum(l.sign * latency_count(l.sketch)) FILTER (WHERE l.is_error), 0)::bigint AS error_count,
           l.service_namespace, l.deployment_environment
    FROM distributed_trace_latency l
    WHERE l.level IN ('day', 'new')
    GROUP BY l.service_name, l.operation, l.kind, l.service_namespace, l.deployment_environment
    HAVING sum(l.sign * latency_count(l.sketch)) > 0;

COMMENT ON VIEW trace_spans IS 'One row a span, its most used attributes as columns.';
COMMENT ON VIEW trace_span_attributes IS 'One row an attribute of a span, or of the resource it came from.';
COMMENT ON VIEW trace_span_events IS 'One row an event of a span: logs, exceptions.';
COMMENT ON VIEW trace_span_links IS 'One row a link from a span to a span of another trace.';
COMMENT ON VIEW trace_traces IS 'One row a trace. Filter by start_time: each trace is read whole.';
COMMENT ON VIEW trace_critical_times IS 'One row for each trace and service on its critical path: what the end of the trace was waiting for. Filter by start_time: each trace is read whole.';
COMMENT ON VIEW trace_slowest IS 'The 100 traces of the last 24 hours whose root took longest, the one with the longest root first.';
COMMENT ON VIEW trace_errors IS 'One row a failed span, with its first exception.';
COMMENT ON VIEW trace_user_spans IS 'One row a span that names a user (user.id, enduser.id, enduser.pseudo.id).';
COMMENT ON VIEW trace_service_calls IS 'One row a call of one service by another (or by itself, over a client and a server span): who called whom. Count and add up at will.';
COMMENT ON VIEW trace_service_red IS 'Rate, errors and duration of each service, by minute, over its entry spans; percentiles within 1 %. Do not average percentiles: see trace_service_latency() for other windows.';
COMMENT ON VIEW trace_service_red_hourly IS 'Rate, errors and duration of each service, by hour (UTC), over its entry spans; percentiles within 1 %.';
COMMENT ON VIEW trace_operation_red IS 'Rate, errors and duration of each operation, by minute and kind; percentiles within 1 %.';
COMMENT ON VIEW trace_operation_red_hourly IS 'Rate, errors and duration of each operation, by hour (UTC) and kind; percentiles within 1 %.';
COMMENT ON VIEW trace_latency_histograms IS 'How many entry spans of each service took how long, by minute, in buckets with fixed bounds, which may be added up; a span at most 2 % longer than a bound may count as up to it.';
COMMENT ON VIEW trace_services IS 'One row a service; several of one name if they differ in namespace or environment.';
COMMENT ON VIEW trace_operations IS 'One row an operation of a service, for each kind.';

-- a column of a name means the same in all views
DO $comments$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT a.attrelid::regclass AS relation, a.attname, m.meaning
        FROM pg_attribute a
             JOIN pg_class v ON v.oid = a.attrelid
             LEFT JOIN (VALUES
                 ('adjusted_count', 'How many spans it stands for, if it was sampled.'),
                 ('attribute_key', 'Name of the attribute.'),
                 ('attribute_scope', 'Whose attribute it is: span or resource.'),
                 ('attributes_json', 'All attributes as JSON text.'),
                 ('bucket_seconds', 'Length of the bucket in seconds.'),
                 ('bucket_start', 'When the bucket begins (UTC); spans are counted where they start.'),
                 ('callee_operation', 'Operation that was called.'),
                 ('callee_service', 'Service that was called.'),
                 ('caller_operation', 'Operation that called.'),
                 ('caller_service', 'Service that called.'),
                 ('client_ms', 'Duration as the caller measured it, in milliseconds; NULL if it did not.'),
                 ('connection_type', 'request, or messaging if a producer or consumer took part.'),
                 ('critical_ms', 'Milliseconds of the critical path: all of it, or the part of the service.'),
                 ('critical_share', 'Share of the critical path, 0 to 1.'),
                 ('cumulative_count', 'Number of spans that took at most le_ms.'),
                 ('db_system', 'Database product (db.system.name or db.system).'),
                 ('deployment_environment', 'Environment it was recorded in (deployment.environment.name or deployment.environment of the resource).'),
                 ('duration_max_ms', 'Longest duration in milliseconds.'),
                 ('duration_mean_ms', 'Mean duration in milliseconds.'),
                 ('duration_ms', 'Duration in milliseconds; of a trace, from its first start to its last end or, while it has not ended, the last time seen in it. Of a span NULL if it has not ended.'),
                 ('duration_p50_ms', 'Median duration in milliseconds; not to be averaged.'),
                 ('duration_p90_ms', '90th percentile of the duration in milliseconds; not to be averaged.'),
                 ('duration_p95_ms', '95th percentile of the duration in milliseconds; not to be averaged.'),
                 ('duration_p99_ms', '99th percentile of the duration in milliseconds; not to be averaged.'),
                 ('end_time', 'When it ended; NULL while it has not.'),
                 ('error_count', 'Number of failed spans: of a single span 1 or 0.'),
                 ('error_ratio', 'Failed spans / all spans, 0 to 1.'),
                 ('event_name', 'Name or text of the event.'),
                 ('event_time', 'When it happened; NULL if that is not known.'),
                 ('exception_message', 'Message of the exception.'),
                 ('exception_type', 'Type of the exception.'),
                 ('first_seen_time', 'When its first span started; of those that were recorded, if some were taken out since.'),
                 ('http_method', 'HTTP method.'),
                 ('http_route', 'HTTP route, with placeholders.'),
                 ('http_status_code', 'HTTP status code of the response.'),
                 ('is_complete', 'Whether nothing of the trace is missing: one root, no orphans, all finished.'),
                 ('is_entry', 'Whether a request enters its service by it: kind server or consumer, no parent, or no kind recorded.'),
                 ('is_error', 'Whether it failed; of a trace, whether a span of it did.'),
                 ('is_root', 'Whether it has no parent.'),
                 ('kind', 'Kind of the span: server, client, internal, producer, consumer or unspecified; NULL if none was recorded.'),
                 ('last_seen_time', 'When its last span started, likewise.'),
                 ('negative_count', 'How many of the spans have a negative duration, which counts as 0.'),
                 ('service_namespace', 'Namespace of the service; NULL if it has none.'),
                 ('deployment_environment', 'Environment of the service; NULL if it has none.'),
                 ('weighted_error_ratio', 'Failed / all of the spans that these stand for, 0 to 1.'),
                 ('weighted_mean_ms', 'Mean duration of the spans that these stand for, in milliseconds.'),
                 ('weighted_p50_ms', 'Median of the spans that these stand for, in milliseconds.'),
                 ('weighted_p95_ms', '95th percentile of the spans that these stand for, in milliseconds.'),
                 ('weighted_p99_ms', '99th percentile of the spans that these stand for, in milliseconds.'),
                 ('le_label', 'Upper bound as text, +Inf for none.'),
                 ('le_ms', 'Upper bound in milliseconds; NULL for none.'),
                 ('linked_span_id', 'Span that the link leads to.'),
                 ('linked_trace_id', 'Trace that the link leads to.'),
                 ('max_concurrency', 'Most spans that ran at one instant.'),
                 ('max_depth', 'Depth of the deepest span; 0 for the root.'),
                 ('messaging_system', 'Messaging product (messaging.system).'),
                 ('operation', 'What the service did: the name of the span.'),
                 ('operation_count', 'Number of its operations.'),
                 ('orphan_count', 'Number of spans whose parent was never recorded.'),
                 ('parent_span_id', 'The span that caused this one; NULL for a root.'),
                 ('peer_service', 'Service that was called, as the caller named it (peer.service).'),
                 ('root_count', 'Number of roots, orphans among them.'),
                 ('root_duration_ms', 'Duration of the root span in milliseconds.'),
                 ('root_operation', 'Operation of the root.'),
                 ('root_service_name', 'Service of the root.'),
                 ('rpc_system', 'RPC system (rpc.system).'),
                 ('server_ms', 'Duration of the called span, in milliseconds; NULL if it has not ended.'),
                 ('service_count', 'Number of services.'),
                 ('service_name', 'Service that did the work; NULL for time that belongs to none.'),
                 ('service_namespace', 'Namespace of the service (service.namespace of the resource).'),
                 ('span_count', 'Number of spans.'),
                 ('span_id', 'The span, unique within its trace.'),
                 ('spans_per_second', 'Adjusted count a second.'),
                 ('start_time', 'When it started: the span, or the first of the trace.'),
                 ('status_message', 'What went wrong, in words.'),
                 ('trace_id', 'The trace.'),
                 ('user_id', 'The person behind the request.'),
                 ('value_number', 'Value, if it is a number.'),
                 ('value_text', 'Value as text.'),
                 ('value_type', 'JSON type of the value: string, number, boolean, array, object or null.'))
                 m (attname, meaning) ON m.attname = a.attname
        WHERE v.oid = ANY (ARRAY['trace_spans', 'trace_span_attributes', 'trace_span_events', 'trace_span_links', 'trace_traces',
                                 'trace_critical_times', 'trace_slowest', 'trace_errors', 'trace_user_spans', 'trace_service_calls',
                                 'trace_service_red', 'trace_service_red_hourly', 'trace_operation_red', 'trace_operation_red_hourly',
                                 'trace_latency_histograms', 'trace_services', 'trace_operations']::regclass[])
          AND a.attnum > 0
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', c.relation, c.attname, c.meaning);
    END LOOP;
END $comments$;
