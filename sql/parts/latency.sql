/* Questions about latency: answered from the rollup where a window has whole
   minutes, hours and days, and from the spans at its ragged edges.  All of them
   ask trace_latency_figures(), in C, which reads both once. */

CREATE FUNCTION trace_latency_group(group_by text) RETURNS text
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_trace_latency_group';
COMMENT ON FUNCTION trace_latency_group(text) IS 'Checks a word that groups spans: operation (also for NULL) or service.';

CREATE FUNCTION trace_latency_buckets(
    from_time timestamptz, to_time timestamptz, bucket interval, time_zone text DEFAULT 'UTC')
    RETURNS TABLE (
        bucket_start timestamptz,
        from_time timestamptz,
        to_time timestamptz)
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 100
    AS 'MODULE_PATHNAME', 'dt_trace_latency_buckets';
COMMENT ON FUNCTION trace_latency_buckets(timestamptz, timestamptz, interval, text) IS 'A window cut into buckets, 100 000 at most, each with the part of the window in it. A width in days goes from midnight to midnight of the time zone; another begins at multiples of it since 2000-01-01 there.';

CREATE FUNCTION latency_compare(base latency_sketch, other latency_sketch,
    OUT ks_distance double precision, OUT effect_size double precision, OUT p_value double precision)
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100
    AS 'MODULE_PATHNAME', 'dt_latency_compare';
COMMENT ON FUNCTION latency_compare(latency_sketch, latency_sketch) IS 'Two-sample test of Kolmogorov and Smirnov over the bins of two sketches: the greatest distance of their distributions, Cliff''s delta (probability that a value of other is greater than one of base, minus that it is less: -1 to 1) and the p-value. NULL if one has no values.';

CREATE FUNCTION trace_latency_figures(
    from_time timestamptz, to_time timestamptz,
    bucket interval DEFAULT NULL, time_zone text DEFAULT 'UTC', spans text DEFAULT 'entry', group_by text DEFAULT 'service',
    service_name text DEFAULT NULL, operation text DEFAULT NULL,
    service_namespace text DEFAULT NULL, deployment_environment text DEFAULT NULL)
    RETURNS TABLE (
        bucket_start timestamptz,
        service_name text,
        service_namespace text,
        deployment_environment text,
        operation text,
        kind text,
        span_count bigint,
        error_count bigint,
        negative_count bigint,
        adjusted_count double precision,
        adjusted_error_count double precision,
        sketch latency_sketch,
        good_sketch latency_sketch,
        weighted_sketch latency_sketch,
        weighted_good_sketch latency_sketch)
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 500
    AS 'MODULE_PATHNAME', 'dt_trace_latency_figures';
COMMENT ON FUNCTION trace_latency_figures(timestamptz, timestamptz, interval, text, text, text, text, text, text, text) IS 'The spans that start in a window, counted by service, operation, kind (each with what is before it) or all together, and by buckets if there is a width: how many, and the sketches of their durations, of those that did not fail, and of both weighted by how many spans each stands for. A group has a row for each bucket, with NULL sketches where it has no spans. Of the entry, root, client or all spans, and of one service, operation, namespace or environment unless that is NULL.';

CREATE FUNCTION trace_service_latency(
    from_time timestamptz, to_time timestamptz,
    quantiles double precision[] DEFAULT '{0.5,0.95,0.99}', spans text DEFAULT 'entry')
    RETURNS TABLE (
        service_name text,
        span_count bigint,
        adjusted_count double precision,
        error_count bigint,
        error_ratio double precision,
        mean_ms double precision,
        min_ms double precision,
        max_ms double precision,
        quantile_ms double precision[],
        service_namespace text,
        deployment_environment text,
        negative_count bigint,
        weighted_error_ratio double precision,
        weighted_mean_ms double precision,
        weighted_quantile_ms double precision[])
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 50
    BEGIN ATOMIC
        SELECT f.service_name, f.span_count, f.adjusted_count, f.error_count,
               f.error_count::double precision / nullif(f.span_count, 0),
               latency_mean(f.sketch), latency_min(f.sketch), latency_max(f.sketch),
               latency_quantile(f.sketch, trace_service_latency.quantiles),
               f.service_namespace, f.deployment_environment, f.negative_count,
               f.adjusted_error_count / nullif(f.adjusted_count, 0),
               latency_mean(f.weighted_sketch), latency_quantile(f.weighted_sketch, trace_service_latency.quantiles)
        FROM trace_latency_figures(from_time, to_time, NULL, 'UTC', trace_service_latency.spans, 'service') f
        ORDER BY f.service_name, f.service_namespace NULLS FIRST, f.deployment_environment NULLS FIRST;
    END;
COMMENT ON FUNCTION trace_service_latency(timestamptz, timestamptz, double precision[], text) IS 'Latency of each service (of a namespace and environment) over the spans that start in a window: how many, how many they stand for, how many failed, mean, least and greatest duration, and these quantiles within 1 %; of its entry, root, client or all spans. A span that was sampled stands for several: the columns weighted_... count it as often (adjusted_count), the others once. Negative durations count as 0; negative_count says how many.';

CREATE FUNCTION trace_service_latency(period interval)
    RETURNS TABLE (
        service_name text,
        span_count bigint,
        adjusted_count double precision,
        error_count bigint,
        error_ratio double precision,
        mean_ms double precision,
        min_ms double precision,
        max_ms double precision,
        quantile_ms double precision[],
        service_namespace text,
        deployment_environment text,
        negative_count bigint,
        weighted_error_ratio double precision,
        weighted_mean_ms double precision,
        weighted_quantile_ms double precision[])
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 50
    BEGIN ATOMIC
        SELECT * FROM trace_service_latency(now() - trace_service_latency.period, now());
    END;
COMMENT ON FUNCTION trace_service_latency(interval) IS 'trace_service_latency() of the time from a period ago until now.';

CREATE FUNCTION trace_operation_latency(
    from_time timestamptz, to_time timestamptz,
    quantiles double precision[] DEFAULT '{0.5,0.95,0.99}', spans text DEFAULT 'entry')
    RETURNS TABLE (
        service_name text,
        operation text,
        span_count bigint,
        adjusted_count double precision,
        error_count bigint,
        error_ratio double precision,
        mean_ms double precision,
        min_ms double precision,
        max_ms double precision,
        quantile_ms double precision[],
        service_namespace text,
        deployment_environment text,
        negative_count bigint,
        weighted_error_ratio double precision,
        weighted_mean_ms double precision,
        weighted_quantile_ms double precision[])
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 200
    BEGIN ATOMIC
        SELECT f.service_name, f.operation, f.span_count, f.adjusted_count, f.error_count,
               f.error_count::double precision / nullif(f.span_count, 0),
               latency_mean(f.sketch), latency_min(f.sketch), latency_max(f.sketch),
               latency_quantile(f.sketch, trace_operation_latency.quantiles),
               f.service_namespace, f.deployment_environment, f.negative_count,
               f.adjusted_error_count / nullif(f.adjusted_count, 0),
               latency_mean(f.weighted_sketch), latency_quantile(f.weighted_sketch, trace_operation_latency.quantiles)
        FROM trace_latency_figures(from_time, to_time, NULL, 'UTC', trace_operation_latency.spans, 'operation') f
        ORDER BY f.service_name, f.operation, f.service_namespace NULLS FIRST, f.deployment_environment NULLS FIRST;
    END;
COMMENT ON FUNCTION trace_operation_latency(timestamptz, timestamptz, double precision[], text) IS 'Latency of each operation of each service over the spans that start in a window; see trace_service_latency().';

CREATE FUNCTION trace_operation_latency(period interval)
    RETURNS TABLE (
        service_name text,
        operation text,
        span_count bigint,
        adjusted_count double precision,
        error_count bigint,
        error_ratio double precision,
        mean_ms double precision,
        min_ms double precision,
        max_ms double precision,
        quantile_ms double precision[],
        service_namespace text,
        deployment_environment text,
        negative_count bigint,
        weighted_error_ratio double precision,
        weighted_mean_ms double precision,
        weighted_quantile_ms double precision[])
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 200
    BEGIN ATOMIC
        SELECT * FROM trace_operation_latency(now() - trace_operation_latency.period, now());
    END;
COMMENT ON FUNCTION trace_operation_latency(interval) IS 'trace_operation_latency() of the time from a period ago until now.';

CREATE FUNCTION trace_service_latency_series(
    from_time timestamptz, to_time timestamptz, bucket interval,
    quantiles double precision[] DEFAULT '{0.5,0.95,0.99}', spans text DEFAULT 'entry', time_zone text DEFAULT 'UTC')
    RETURNS TABLE (
        bucket_start timestamptz,
        service_name text,
        span_count bigint,
        adjusted_count double precision,
        error_count bigint,
        error_ratio double precision,
        mean_ms double precision,
        min_ms double precision,
        max_ms double precision,
        quantile_ms double precision[],
        service_namespace text,
        deployment_environment text,
        negative_count bigint,
        weighted_error_ratio double precision,
        weighted_mean_ms double precision,
        weighted_quantile_ms double precision[])
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 2000
    BEGIN ATOMIC
        SELECT f.bucket_start, f.service_name, f.span_count, f.adjusted_count, f.error_count,
               f.error_count::double precision / nullif(f.span_count, 0),
               latency_mean(f.sketch), latency_min(f.sketch), latency_max(f.sketch),
               latency_quantile(f.sketch, trace_service_latency_series.quantiles),
               f.service_namespace, f.deployment_environment, f.negative_count,
               f.adjusted_error_count / nullif(f.adjusted_count, 0),
               latency_mean(f.weighted_sketch), latency_quantile(f.weighted_sketch, trace_service_latency_series.quantiles)
        FROM trace_latency_figures(from_time, to_time, trace_service_latency_series.bucket, trace_service_latency_series.time_zone, trace_service_latency_series.spans, 'service') f
        ORDER BY f.bucket_start, f.service_name, f.service_namespace NULLS FIRST, f.deployment_environment NULLS FIRST;
    END;
COMMENT ON FUNCTION trace_service_latency_series(timestamptz, timestamptz, interval, double precision[], text, text) IS 'trace_service_latency() for each bucket of a window; see trace_latency_buckets(). A service that has spans in the window has a row in each of them, with NULL where it has none there.';

CREATE FUNCTION trace_service_latency_series(period interval, bucket interval)
    RETURNS TABLE (
        bucket_start timestamptz,
        service_name text,
        span_count bigint,
        adjusted_count double precision,
        error_count bigint,
        error_ratio double precision,
        mean_ms double precision,
        min_ms double precision,
        max_ms double precision,
        quantile_ms double precision[],
        service_namespace text,
        deployment_environment text,
        negative_count bigint,
        weighted_error_ratio double precision,
        weighted_mean_ms double precision,
        weighted_quantile_ms double precision[])
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 2000
    BEGIN ATOMIC
        SELECT * FROM trace_service_latency_series(now() - trace_service_latency_series.period, now(), trace_service_latency_series.bucket);
    END;
COMMENT ON FUNCTION trace_service_latency_series(interval, interval) IS 'trace_service_latency_series() of the time from a period ago until now.';

CREATE FUNCTION trace_operation_latency_series(
    from_time timestamptz, to_time timestamptz, bucket interval,
    quantiles double precision[] DEFAULT '{0.5,0.95,0.99}', spans text DEFAULT 'entry', time_zone text DEFAULT 'UTC')
    RETURNS TABLE (
        bucket_start timestamptz,
        service_name text,
        operation text,
        span_count bigint,
        adjusted_count double precision,
        error_count bigint,
        error_ratio double precision,
        mean_ms double precision,
        min_ms double precision,
        max_ms double precision,
        quantile_ms double precision[],
        service_namespace text,
        deployment_environment text,
        negative_count bigint,
        weighted_error_ratio double precision,
        weighted_mean_ms double precision,
        weighted_quantile_ms double precision[])
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 2000
    BEGIN ATOMIC
        SELECT f.bucket_start, f.service_name, f.operation, f.span_count, f.adjusted_count, f.error_count,
               f.error_count::double precision / nullif(f.span_count, 0),
               latency_mean(f.sketch), latency_min(f.sketch), latency_max(f.sketch),
               latency_quantile(f.sketch, trace_operation_latency_series.quantiles),
               f.service_namespace, f.deployment_environment, f.negative_count,
               f.adjusted_error_count / nullif(f.adjusted_count, 0),
               latency_mean(f.weighted_sketch), latency_quantile(f.weighted_sketch, trace_operation_latency_series.quantiles)
        FROM trace_latency_figures(from_time, to_time, trace_operation_latency_series.bucket, trace_operation_latency_series.time_zone, trace_operation_latency_series.spans, 'operation') f
        ORDER BY f.bucket_start, f.service_name, f.operation, f.service_namespace NULLS FIRST, f.deployment_environment NULLS FIRST;
    END;
COMMENT ON FUNCTION trace_operation_latency_series(timestamptz, timestamptz, interval, double precision[], text, text) IS 'trace_operation_latency() for each bucket of a window; see trace_latency_buckets(). An operation that has spans in the window has a row in each of them, with NULL where it has none there.';

CREATE FUNCTION trace_operation_latency_series(period interval, bucket interval)
    RETURNS TABLE (
        bucket_start timestamptz,
        service_name text,
        operation text,
        span_count bigint,
        adjusted_count double precision,
        error_count bigint,
        error_ratio double precision,
        mean_ms double precision,
        min_ms double precision,
        max_ms double precision,
        quantile_ms double precision[],
        service_namespace text,
        deployment_environment text,
        negative_count bigint,
        weighted_error_ratio double precision,
        weighted_mean_ms double precision,
        weighted_quantile_ms double precision[])
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 2000
    BEGIN ATOMIC
        SELECT * FROM trace_operation_latency_series(now() - trace_operation_latency_series.period, now(), trace_operation_latency_series.bucket);
    END;
COMMENT ON FUNCTION trace_operation_latency_series(interval, interval) IS 'trace_operation_latency_series() of the time from a period ago until now.';

CREATE FUNCTION trace_latency_histogram(
    from_time timestamptz, to_time timestamptz,
    service_name text DEFAULT NULL, operation text DEFAULT NULL, spans text DEFAULT 'entry',
    service_namespace text DEFAULT NULL, deployment_environment text DEFAULT NULL)
    RETURNS TABLE (
        lower_ms double precision,
        upper_ms double precision,
        span_count bigint,
        adjusted_count double precision)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 200
    BEGIN ATOMIC
        SELECT h.lower_ms, h.upper_ms, h.count,
               -- weighted counts are whole numbers, or to scale
               w.count * f.adjusted_count / latency_count(f.weighted_sketch)
        FROM trace_latency_figures(from_time, to_time, NULL, 'UTC', trace_latency_histogram.spans, 'all',
                                   trace_latency_histogram.service_name, trace_latency_histogram.operation,
                                   trace_latency_histogram.service_namespace, trace_latency_histogram.deployment_environment) f
             CROSS JOIN LATERAL latency_histogram(f.sketch) h
             JOIN LATERAL latency_histogram(f.weighted_sketch) w ON w.lower_ms = h.lower_ms AND w.upper_ms = h.upper_ms
        ORDER BY h.lower_ms;
    END;
COMMENT ON FUNCTION trace_latency_histogram(timestamptz, timestamptz, text, text, text, text, text) IS 'How many spans that start in a window lasted how long, and for how many they stand: the bins of their sketch that are not empty; of one service, operation, namespace or environment, or of all (NULL).';

CREATE FUNCTION trace_latency_histogram(period interval)
    RETURNS TABLE (
        lower_ms double precision,
        upper_ms double precision,
        span_count bigint,
        adjusted_count double precision)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 200
    BEGIN ATOMIC
        SELECT * FROM trace_latency_histogram(now() - period, now());
    END;
COMMENT ON FUNCTION trace_latency_histogram(interval) IS 'trace_latency_histogram() of the time from a period ago until now.';

CREATE FUNCTION trace_latency_threshold(threshold_ms double precision) RETURNS double precision
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_trace_latency_threshold';
COMMENT ON FUNCTION trace_latency_threshold(double precision) IS 'Checks a threshold in milliseconds: 500 for NULL, an error for one below 0 or NaN.';

CREATE FUNCTION trace_apdex(
    from_time timestamptz, to_time timestamptz,
    threshold_ms double precision DEFAULT 500, spans text DEFAULT 'entry')
    RETURNS TABLE (
        service_name text,
        span_count bigint,
        satisfied_count bigint,
        tolerating_count bigint,
        frustrated_count bigint,
        apdex double precision,
        service_namespace text,
        deployment_environment text,
        weighted_apdex double precision)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 50
    BEGIN ATOMIC
        SELECT c.service_name, c.span_count, c.satisfied, c.bearable - c.satisfied, c.span_count - c.bearable,
               (c.satisfied + c.bearable) / 2.0::double precision / c.span_count,
               c.service_namespace, c.deployment_environment,
               (c.weighted_satisfied + c.weighted_bearable) / 2 * c.good_share
        FROM (SELECT f.service_name, f.service_namespace, f.deployment_environment, f.span_count,
                     coalesce(round(latency_rank(f.good_sketch, t.ms) * latency_count(f.good_sketch)), 0)::bigint AS satisfied,
                     coalesce(round(latency_rank(f.good_sketch, 4 * t.ms) * latency_count(f.good_sketch)), 0)::bigint AS bearable,
                     coalesce(latency_rank(f.weighted_good_sketch, t.ms), 0) AS weighted_satisfied,
                     coalesce(latency_rank(f.weighted_good_sketch, 4 * t.ms), 0) AS weighted_bearable,
                     (f.adjusted_count - f.adjusted_error_count) / f.adjusted_count AS good_share
              FROM trace_latency_figures(from_time, to_time, NULL, 'UTC', trace_apdex.spans) f,
                   trace_latency_threshold(trace_apdex.threshold_ms) t (ms)) c
        ORDER BY c.service_name, c.service_namespace NULLS FIRST, c.deployment_environment NULLS FIRST;
    END;
COMMENT ON FUNCTION trace_apdex(timestamptz, timestamptz, double precision, text) IS 'Apdex of each service over a window: spans up to the threshold (500 ms) satisfy, up to four times it are tolerated, longer and failed ones frustrate; (satisfied + tolerating / 2) / all, and the same of all spans that they stand for (weighted_apdex). Durations at most 2 % above a threshold may count as up to it, equal ones all alike.';

CREATE FUNCTION trace_apdex(period interval)
    RETURNS TABLE (
        service_name text,
        span_count bigint,
        satisfied_count bigint,
        tolerating_count bigint,
        frustrated_count bigint,
        apdex double precision,
        service_namespace text,
        deployment_environment text,
        weighted_apdex double precision)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 50
    BEGIN ATOMIC
        SELECT * FROM trace_apdex(now() - period, now());
    END;
COMMENT ON FUNCTION trace_apdex(interval) IS 'trace_apdex() of the time from a period ago until now.';

CREATE FUNCTION trace_latency_span(trace_id text, span_id text)
    RETURNS TABLE (
        service_name text,
        service_namespace text,
        deployment_environment text,
        operation text,
        kind text,
        start_time timestamptz,
        duration_ms double precision)
    LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100 ROWS 1
    AS 'MODULE_PATHNAME', 'dt_trace_latency_span';
COMMENT ON FUNCTION trace_latency_span(text, text) IS 'What a finished span is counted by, and as what duration; no row for one that is unknown or counts as nothing.';

CREATE FUNCTION trace_latency_rank(trace_id text, span_id text, baseline interval DEFAULT '1 hour')
    RETURNS TABLE (
        service_name text,
        operation text,
        duration_ms double precision,
        baseline_count bigint,
        rank double precision,
        median_ms double precision,
        p95_ms double precision,
        p99_ms double precision,
        times_median double precision,
        service_namespace text,
        deployment_environment text,
        weighted_rank double precision)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 1
    BEGIN ATOMIC
        SELECT x.service_name, x.operation, x.duration_ms, coalesce(f.span_count, 0),
               latency_rank(f.sketch, x.duration_ms), latency_quantile(f.sketch, 0.5),
               latency_quantile(f.sketch, 0.95), latency_quantile(f.sketch, 0.99),
               x.duration_ms / nullif(latency_quantile(f.sketch, 0.5), 0),
               x.service_namespace, x.deployment_environment, latency_rank(f.weighted_sketch, x.duration_ms)
        FROM trace_latency_span(trace_latency_rank.trace_id, trace_latency_rank.span_id) x
             LEFT JOIN LATERAL trace_latency_figures(x.start_time - trace_latency_rank.baseline, x.start_time, NULL, 'UTC', 'all', 'kind',
                                                     x.service_name, x.operation) f
                 ON f.kind IS NOT DISTINCT FROM x.kind
                AND f.service_namespace IS NOT DISTINCT FROM x.service_namespace
                AND f.deployment_environment IS NOT DISTINCT FROM x.deployment_environment;
    END;
COMMENT ON FUNCTION trace_latency_rank(text, text, interval) IS 'Where a finished span sits among those of its service (of its namespace and environment), operation and kind that started in the time before it: the share that lasted no longer (rank), their median, p95 and p99, and how many medians it lasted; weighted_rank counts each as often as it stands for others. No row for a span that is unknown or not finished.';

CREATE FUNCTION trace_latency_compare(
    base_from timestamptz, base_to timestamptz, other_from timestamptz, other_to timestamptz,
    group_by text DEFAULT 'operation', quantile double precision DEFAULT 0.95, spans text DEFAULT 'entry')
    RETURNS TABLE (
        service_name text,
        operation text,
        base_count bigint,
        other_count bigint,
        base_ms double precision,
        other_ms double precision,
        ratio double precision,
        base_error_ratio double precision,
        other_error_ratio double precision,
        effect_size double precision,
        ks_distance double precision,
        p_value double precision,
        adjusted_p_value double precision,
        change text,
        service_namespace text,
        deployment_environment text,
        weighted_base_ms double precision,
        weighted_other_ms double precision,
        weighted_base_error_ratio double precision,
        weighted_other_error_ratio double precision,
        weighted_effect_size double precision)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 200
    BEGIN ATOMIC
        WITH compared AS (
            SELECT coalesce(b.service_name, o.service_name) AS service_name, coalesce(b.operation, o.operation) AS operation,
                   coalesce(b.service_namespace, o.service_namespace) AS service_namespace,
                   coalesce(b.deployment_environment, o.deployment_environment) AS deployment_environment,
                   coalesce(b.span_count, 0) AS base_count, coalesce(o.span_count, 0) AS other_count,
                   latency_quantile(b.sketch, trace_latency_compare.quantile) AS base_ms,
                   latency_quantile(o.sketch, trace_latency_compare.quantile) AS other_ms,
                   b.error_count::double precision / nullif(b.span_count, 0) AS base_error_ratio,
                   o.error_count::double precision / nullif(o.span_count, 0) AS other_error_ratio,
                   latency_quantile(b.weighted_sketch, trace_latency_compare.quantile) AS weighted_base_ms,
                   latency_quantile(o.weighted_sketch, trace_latency_compare.quantile) AS weighted_other_ms,
                   b.adjusted_error_count / nullif(b.adjusted_count, 0) AS weighted_base_error_ratio,
                   o.adjusted_error_count / nullif(o.adjusted_count, 0) AS weighted_other_error_ratio,
                   c.ks_distance, c.effect_size, c.p_value, w.effect_size AS weighted_effect_size
            FROM trace_latency_figures(base_from, base_to, NULL, 'UTC', trace_latency_compare.spans, trace_latency_group(group_by)) b
                 FULL JOIN trace_latency_figures(other_from, other_to, NULL, 'UTC', trace_latency_compare.spans, trace_latency_group(group_by)) o
                     -- each may be NULL on both sides
                     ON (b.service_name, coalesce(b.operation, ''), coalesce(b.service_namespace, ''), coalesce(b.deployment_environment, ''))
                      = (o.service_name, coalesce(o.operation, ''), coalesce(o.service_namespace, ''), coalesce(o.deployment_environment, ''))
                 CROSS JOIN LATERAL latency_compare(b.sketch, o.sketch) c
                 CROSS JOIN LATERAL latency_compare(b.weighted_sketch, o.weighted_sketch) w
        ), ranked AS (
            SELECT c.*,
                   c.p_value * count(c.p_value) OVER () / nullif(count(c.p_value) OVER (ORDER BY c.p_value), 0) AS scaled
            FROM compared c
        ), adjusted AS (
            SELECT r.*,
                   CASE WHEN r.p_value IS NOT NULL
                        THEN least(1, min(r.scaled) OVER (ORDER BY r.p_value DESC NULLS FIRST)) END AS adjusted_p_value
            FROM ranked r
        )
        SELECT a.service_name, a.operation, a.base_count, a.other_count, a.base_ms, a.other_ms,
               a.other_ms / nullif(a.base_ms, 0), a.base_error_ratio, a.other_error_ratio,
               a.effect_size, a.ks_distance, a.p_value, a.adjusted_p_value,
               CASE WHEN a.base_count = 0 THEN 'new'
                    WHEN a.other_count = 0 THEN 'gone'
                    WHEN a.adjusted_p_value < 0.05 AND a.effect_size > 0 AND a.other_ms > a.base_ms * 1.05 THEN 'slower'
                    WHEN a.adjusted_p_value < 0.05 AND a.effect_size < 0 AND a.other_ms * 1.05 < a.base_ms THEN 'faster'
                    ELSE 'same'
               END,
               a.service_namespace, a.deployment_environment, a.weighted_base_ms, a.weighted_other_ms,
               a.weighted_base_error_ratio, a.weighted_other_error_ratio, a.weighted_effect_size
        FROM adjusted a
        ORDER BY a.effect_size DESC NULLS LAST, a.service_name, a.operation,
                 a.service_namespace NULLS FIRST, a.deployment_environment NULLS FIRST;
    END;
COMMENT ON FUNCTION trace_latency_compare(timestamptz, timestamptz, timestamptz, timestamptz, text, double precision, text) IS 'What became slower or faster between two windows, the slower first: a quantile in both and its ratio, error ratios, Cliff''s delta as effect size (-1 to 1, above 0: slower), the two-sample test of Kolmogorov and Smirnov with its p-value, as it is and adjusted for the number of rows after Benjamini and Hochberg, and in one word what became of it (change): new, gone, slower or faster (by the test, the effect, and the quantile by more than 5 %), same. NULL where a window has no spans. group_by is operation or service.';

CREATE FUNCTION trace_latency_compare(from_time timestamptz, to_time timestamptz)
    RETURNS TABLE (
        service_name text,
        operation text,
        base_count bigint,
        other_count bigint,
        base_ms double precision,
        other_ms double precision,
        ratio double precision,
        base_error_ratio double precision,
        other_error_ratio double precision,
        effect_size double precision,
        ks_distance double precision,
        p_value double precision,
        adjusted_p_value double precision,
        change text,
        service_namespace text,
        deployment_environment text,
        weighted_base_ms double precision,
        weighted_other_ms double precision,
        weighted_base_error_ratio double precision,
        weighted_other_error_ratio double precision,
        weighted_effect_size double precision)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 200
    BEGIN ATOMIC
        SELECT * FROM trace_latency_compare(from_time - interval '1 day', to_time - interval '1 day', from_time, to_time);
    END;
COMMENT ON FUNCTION trace_latency_compare(timestamptz, timestamptz) IS 'trace_latency_compare() of a window and the same time of the day before, which is the base.';

CREATE FUNCTION trace_latency_compare(period interval)
    RETURNS TABLE (
        service_name text,
        operation text,
        base_count bigint,
        other_count bigint,
        base_ms double precision,
        other_ms double precision,
        ratio double precision,
        base_error_ratio double precision,
        other_error_ratio double precision,
        effect_size double precision,
        ks_distance double precision,
        p_value double precision,
        adjusted_p_value double precision,
        change text,
        service_namespace text,
        deployment_environment text,
        weighted_base_ms double precision,
        weighted_other_ms double precision,
        weighted_base_error_ratio double precision,
        weighted_other_error_ratio double precision,
        weighted_effect_size double precision)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 200
    BEGIN ATOMIC
        SELECT * FROM trace_latency_compare(now() - period, now());
    END;
COMMENT ON FUNCTION trace_latency_compare(interval) IS 'trace_latency_compare() of the time from a period ago until now and the same time yesterday.';
