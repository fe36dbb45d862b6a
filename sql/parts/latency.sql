/* Questions about latency: answered from the rollup where a window has whole
   minutes, hours and days, and from the spans at its ragged edges. */

CREATE FUNCTION trace_latency_spans(spans text) RETURNS text
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_trace_latency_spans';
COMMENT ON FUNCTION trace_latency_spans(text) IS 'Checks a word that chooses spans: entry (also for NULL), root, client or all.';

CREATE FUNCTION trace_latency_group(group_by text) RETURNS text
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_trace_latency_group';
COMMENT ON FUNCTION trace_latency_group(text) IS 'Checks a word that groups spans: operation (also for NULL) or service.';

CREATE FUNCTION trace_latency_buckets(from_time timestamptz, to_time timestamptz, bucket interval)
    RETURNS TABLE (
        bucket_start timestamptz,
        from_time timestamptz,
        to_time timestamptz)
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 100
    AS 'MODULE_PATHNAME', 'dt_trace_latency_buckets';
COMMENT ON FUNCTION trace_latency_buckets(timestamptz, timestamptz, interval) IS 'A window cut into buckets, which begin at multiples of their width since 2000-01-01 (UTC), each with the part of the window in it.';

CREATE FUNCTION trace_latency_cover(from_time timestamptz, to_time timestamptz) RETURNS timestamptz[]
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_trace_latency_cover';
COMMENT ON FUNCTION trace_latency_cover(timestamptz, timestamptz) IS 'How a window is made up, as from and to of its eight parts, which may be empty: part of a minute at its start, all whole minutes, those before the first whole hour, whole hours before the first whole day, whole days, whole hours and then whole minutes after them, and part of a minute at its end. Hours and days are those of UTC.';

CREATE FUNCTION latency_compare(base latency_sketch, other latency_sketch,
    OUT ks_distance double precision, OUT effect_size double precision, OUT p_value double precision)
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100
    AS 'MODULE_PATHNAME', 'dt_latency_compare';
COMMENT ON FUNCTION latency_compare(latency_sketch, latency_sketch) IS 'Two-sample test of Kolmogorov and Smirnov over the bins of two sketches: the greatest distance of their distributions, Cliff''s delta (probability that a value of other is greater than one of base, minus that it is less: -1 to 1) and the p-value. NULL if one has no values.';

CREATE FUNCTION trace_latency_sketches(from_time timestamptz, to_time timestamptz, spans text DEFAULT 'entry')
    RETURNS TABLE (
        service_name text,
        operation text,
        kind text,
        is_entry boolean,
        is_root boolean,
        is_error boolean,
        sign integer,
        adjusted_count double precision,
        sketch latency_sketch)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 2000
    BEGIN ATOMIC
        -- all conditions stand in each part, where one that is false while planning removes the scan
        SELECT l.service_name, l.operation, l.kind, l.is_entry, l.is_root, l.is_error, l.sign::integer AS sign, l.sign * l.adjusted_count, l.sketch
        FROM distributed_trace_latency l
        WHERE l.level = 'day'
          AND l.bucket_start >= (trace_latency_cover(from_time, to_time))[9] AND l.bucket_start < (trace_latency_cover(from_time, to_time))[10]
          AND (trace_latency_cover(from_time, to_time))[9] < (trace_latency_cover(from_time, to_time))[10]
          AND CASE trace_latency_spans(spans)
                  WHEN 'entry' THEN l.is_entry
                  WHEN 'root' THEN l.is_root
                  WHEN 'client' THEN l.kind IS NOT DISTINCT FROM 'client'
                  ELSE true
              END
        UNION ALL
        SELECT l.service_name, l.operation, l.kind, l.is_entry, l.is_root, l.is_error, l.sign, l.sign * l.adjusted_count, l.sketch
        FROM distributed_trace_latency l
        WHERE l.level = 'hour'
          AND l.bucket_start >= (trace_latency_cover(from_time, to_time))[7] AND l.bucket_start < (trace_latency_cover(from_time, to_time))[8]
          AND (trace_latency_cover(from_time, to_time))[7] < (trace_latency_cover(from_time, to_time))[8]
          AND CASE trace_latency_spans(spans)
                  WHEN 'entry' THEN l.is_entry
                  WHEN 'root' THEN l.is_root
                  WHEN 'client' THEN l.kind IS NOT DISTINCT FROM 'client'
                  ELSE true
              END
        UNION ALL
        SELECT l.service_name, l.operation, l.kind, l.is_entry, l.is_root, l.is_error, l.sign, l.sign * l.adjusted_count, l.sketch
        FROM distributed_trace_latency l
        WHERE l.level = 'hour'
          AND l.bucket_start >= (trace_latency_cover(from_time, to_time))[11] AND l.bucket_start < (trace_latency_cover(from_time, to_time))[12]
          AND (trace_latency_cover(from_time, to_time))[11] < (trace_latency_cover(from_time, to_time))[12]
          AND CASE trace_latency_spans(spans)
                  WHEN 'entry' THEN l.is_entry
                  WHEN 'root' THEN l.is_root
                  WHEN 'client' THEN l.kind IS NOT DISTINCT FROM 'client'
                  ELSE true
              END
        UNION ALL
        SELECT l.service_name, l.operation, l.kind, l.is_entry, l.is_root, l.is_error, l.sign, l.sign * l.adjusted_count, l.sketch
        FROM distributed_trace_latency l
        WHERE l.level = 'minute'
          AND l.bucket_start >= (trace_latency_cover(from_time, to_time))[5] AND l.bucket_start < (trace_latency_cover(from_time, to_time))[6]
          AND (trace_latency_cover(from_time, to_time))[5] < (trace_latency_cover(from_time, to_time))[6]
          AND CASE trace_latency_spans(spans)
                  WHEN 'entry' THEN l.is_entry
                  WHEN 'root' THEN l.is_root
                  WHEN 'client' THEN l.kind IS NOT DISTINCT FROM 'client'
                  ELSE true
              END
        UNION ALL
        SELECT l.service_name, l.operation, l.kind, l.is_entry, l.is_root, l.is_error, l.sign, l.sign * l.adjusted_count, l.sketch
        FROM distributed_trace_latency l
        WHERE l.level = 'minute'
          AND l.bucket_start >= (trace_latency_cover(from_time, to_time))[13] AND l.bucket_start < (trace_latency_cover(from_time, to_time))[14]
          AND (trace_latency_cover(from_time, to_time))[13] < (trace_latency_cover(from_time, to_time))[14]
          AND CASE trace_latency_spans(spans)
                  WHEN 'entry' THEN l.is_entry
                  WHEN 'root' THEN l.is_root
                  WHEN 'client' THEN l.kind IS NOT DISTINCT FROM 'client'
                  ELSE true
              END
        UNION ALL
        SELECT l.service_name, l.operation, l.kind, l.is_entry, l.is_root, l.is_error, l.sign, l.sign * l.adjusted_count, l.sketch
        FROM distributed_trace_latency l
        WHERE l.level = 'new'
          AND l.bucket_start >= (trace_latency_cover(from_time, to_time))[3] AND l.bucket_start < (trace_latency_cover(from_time, to_time))[4]
          AND (trace_latency_cover(from_time, to_time))[3] < (trace_latency_cover(from_time, to_time))[4]
          AND CASE trace_latency_spans(spans)
                  WHEN 'entry' THEN l.is_entry
                  WHEN 'root' THEN l.is_root
                  WHEN 'client' THEN l.kind IS NOT DISTINCT FROM 'client'
                  ELSE true
              END
        UNION ALL
        -- the ragged edges
        SELECT s.service_name, s.operation, s.kind, s.is_entry, s.is_root, s.is_error, 1, sum(s.adjusted_count), latency_sketch_agg(s.duration_ms)
        FROM trace_counted_spans s
        WHERE s.start_time >= (trace_latency_cover(from_time, to_time))[1] AND s.start_time < (trace_latency_cover(from_time, to_time))[2]
          AND (trace_latency_cover(from_time, to_time))[1] < (trace_latency_cover(from_time, to_time))[2]
          AND CASE trace_latency_spans(spans)
                  WHEN 'entry' THEN s.is_entry
                  WHEN 'root' THEN s.is_root
                  WHEN 'client' THEN s.kind IS NOT DISTINCT FROM 'client'
                  ELSE true
              END
          AND s.duration_ms IS NOT NULL
        GROUP BY 1, 2, 3, 4, 5, 6
        UNION ALL
        SELECT s.service_name, s.operation, s.kind, s.is_entry, s.is_root, s.is_error, 1, sum(s.adjusted_count), latency_sketch_agg(s.duration_ms)
        FROM trace_counted_spans s
        WHERE s.start_time >= (trace_latency_cover(from_time, to_time))[15] AND s.start_time < (trace_latency_cover(from_time, to_time))[16]
          AND (trace_latency_cover(from_time, to_time))[15] < (trace_latency_cover(from_time, to_time))[16]
          AND CASE trace_latency_spans(spans)
                  WHEN 'entry' THEN s.is_entry
                  WHEN 'root' THEN s.is_root
                  WHEN 'client' THEN s.kind IS NOT DISTINCT FROM 'client'
                  ELSE true
              END
          AND s.duration_ms IS NOT NULL
        GROUP BY 1, 2, 3, 4, 5, 6;
    END;
COMMENT ON FUNCTION trace_latency_sketches(timestamptz, timestamptz, text) IS 'Sketches that add up (those with sign -1 taken off) to the durations of the spans that start in a window: of the entry, root, client or all spans. Taken from the rollup, and from the spans themselves for the parts of a minute at both ends.';

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
        quantile_ms double precision[])
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 50
    BEGIN ATOMIC
        SELECT t.service_name, latency_count(t.total), t.adjusted_count, t.errors,
               t.errors::double precision / latency_count(t.total),
               latency_mean(t.total), latency_min(t.total), latency_max(t.total),
               latency_quantile(t.total, quantiles)
        FROM (SELECT s.service_name,
                     trace_latency_total(latency_merge(s.sketch) FILTER (WHERE s.sign = 1),
                                         latency_merge(s.sketch) FILTER (WHERE s.sign = -1)) AS total,
                     sum(s.adjusted_count) AS adjusted_count,
                     coalesce(latency_count(trace_latency_total(latency_merge(s.sketch) FILTER (WHERE s.sign = 1 AND s.is_error),
                                                               latency_merge(s.sketch) FILTER (WHERE s.sign = -1 AND s.is_error))), 0) AS errors
              FROM trace_latency_sketches(from_time, to_time, trace_service_latency.spans) s
              GROUP BY s.service_name
              OFFSET 0) t
        WHERE latency_count(t.total) > 0
        ORDER BY t.service_name;
    END;
COMMENT ON FUNCTION trace_service_latency(timestamptz, timestamptz, double precision[], text) IS 'Latency of each service over the spans that start in a window: how many, how many they stand for if they were sampled (adjusted_count), how many failed, mean, least and greatest duration, and these quantiles within 1 %; of its entry, root, client or all spans.';

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
        quantile_ms double precision[])
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 200
    BEGIN ATOMIC
        SELECT t.service_name, t.operation, latency_count(t.total), t.adjusted_count, t.errors,
               t.errors::double precision / latency_count(t.total),
               latency_mean(t.total), latency_min(t.total), latency_max(t.total),
               latency_quantile(t.total, quantiles)
        FROM (SELECT s.service_name, s.operation,
                     trace_latency_total(latency_merge(s.sketch) FILTER (WHERE s.sign = 1),
                                         latency_merge(s.sketch) FILTER (WHERE s.sign = -1)) AS total,
                     sum(s.adjusted_count) AS adjusted_count,
                     coalesce(latency_count(trace_latency_total(latency_merge(s.sketch) FILTER (WHERE s.sign = 1 AND s.is_error),
                                                               latency_merge(s.sketch) FILTER (WHERE s.sign = -1 AND s.is_error))), 0) AS errors
              FROM trace_latency_sketches(from_time, to_time, trace_operation_latency.spans) s
              GROUP BY s.service_name, s.operation
              OFFSET 0) t
        WHERE latency_count(t.total) > 0
        ORDER BY t.service_name, t.operation;
    END;
COMMENT ON FUNCTION trace_operation_latency(timestamptz, timestamptz, double precision[], text) IS 'Latency of each operation of each service over the spans that start in a window; see trace_service_latency().';

CREATE FUNCTION trace_service_latency_series(
    from_time timestamptz, to_time timestamptz, bucket interval,
    quantiles double precision[] DEFAULT '{0.5,0.95,0.99}', spans text DEFAULT 'entry')
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
        quantile_ms double precision[])
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 2000
    BEGIN ATOMIC
        SELECT b.bucket_start, s.*
        FROM trace_latency_buckets(from_time, to_time, trace_service_latency_series.bucket) b,
             trace_service_latency(b.from_time, b.to_time, trace_service_latency_series.quantiles,
                                   trace_service_latency_series.spans) s
        ORDER BY b.bucket_start, s.service_name;
    END;
COMMENT ON FUNCTION trace_service_latency_series(timestamptz, timestamptz, interval, double precision[], text) IS 'trace_service_latency() for each bucket of a window; buckets begin at multiples of their width since 2000-01-01 (UTC). A service without spans in a bucket has no row there.';

CREATE FUNCTION trace_operation_latency_series(
    from_time timestamptz, to_time timestamptz, bucket interval,
    quantiles double precision[] DEFAULT '{0.5,0.95,0.99}', spans text DEFAULT 'entry')
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
        quantile_ms double precision[])
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 2000
    BEGIN ATOMIC
        SELECT b.bucket_start, s.*
        FROM trace_latency_buckets(from_time, to_time, trace_operation_latency_series.bucket) b,
             trace_operation_latency(b.from_time, b.to_time, trace_operation_latency_series.quantiles,
                                     trace_operation_latency_series.spans) s
        ORDER BY b.bucket_start, s.service_name, s.operation;
    END;
COMMENT ON FUNCTION trace_operation_latency_series(timestamptz, timestamptz, interval, double precision[], text) IS 'trace_operation_latency() for each bucket of a window; buckets begin at multiples of their width since 2000-01-01 (UTC). An operation without spans in a bucket has no row there.';

CREATE FUNCTION trace_latency_histogram(
    from_time timestamptz, to_time timestamptz,
    service_name text DEFAULT NULL, operation text DEFAULT NULL, spans text DEFAULT 'entry')
    RETURNS TABLE (
        lower_ms double precision,
        upper_ms double precision,
        span_count bigint)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 200
    BEGIN ATOMIC
        SELECT h.lower_ms, h.upper_ms, h.count
        FROM (SELECT trace_latency_total(latency_merge(s.sketch) FILTER (WHERE s.sign = 1),
                                         latency_merge(s.sketch) FILTER (WHERE s.sign = -1)) AS total
              FROM trace_latency_sketches(from_time, to_time, trace_latency_histogram.spans) s
              WHERE (trace_latency_histogram.service_name IS NULL OR s.service_name = trace_latency_histogram.service_name)
                AND (trace_latency_histogram.operation IS NULL OR s.operation = trace_latency_histogram.operation)) t,
             latency_histogram(t.total) h
        ORDER BY h.lower_ms;
    END;
COMMENT ON FUNCTION trace_latency_histogram(timestamptz, timestamptz, text, text, text) IS 'How many spans that start in a window lasted how long: the bins of their sketch that are not empty; of one service or operation, or of all (NULL).';

CREATE FUNCTION trace_apdex(
    from_time timestamptz, to_time timestamptz,
    threshold_ms double precision DEFAULT 500, spans text DEFAULT 'entry')
    RETURNS TABLE (
        service_name text,
        span_count bigint,
        satisfied_count bigint,
        tolerating_count bigint,
        frustrated_count bigint,
        apdex double precision)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 50
    BEGIN ATOMIC
        SELECT c.service_name, c.spans, c.satisfied, c.bearable - c.satisfied, c.spans - c.bearable,
               (c.satisfied + c.bearable) / 2.0::double precision / c.spans
        FROM (SELECT t.service_name, t.spans,
                     coalesce(round(latency_rank(t.good, threshold_ms) * latency_count(t.good)), 0)::bigint AS satisfied,
                     coalesce(round(latency_rank(t.good, 4 * threshold_ms) * latency_count(t.good)), 0)::bigint AS bearable
              FROM (SELECT s.service_name,
                           trace_latency_total(latency_merge(s.sketch) FILTER (WHERE s.sign = 1 AND NOT s.is_error),
                                               latency_merge(s.sketch) FILTER (WHERE s.sign = -1 AND NOT s.is_error)) AS good,
                           latency_count(trace_latency_total(latency_merge(s.sketch) FILTER (WHERE s.sign = 1),
                                                             latency_merge(s.sketch) FILTER (WHERE s.sign = -1))) AS spans
                    FROM trace_latency_sketches(from_time, to_time, trace_apdex.spans) s
                    GROUP BY s.service_name
                    OFFSET 0) t
              WHERE t.spans > 0
              OFFSET 0) c
        ORDER BY c.service_name;
    END;
COMMENT ON FUNCTION trace_apdex(timestamptz, timestamptz, double precision, text) IS 'Apdex of each service over a window: spans up to the threshold satisfy, up to four times it are tolerated, longer and failed ones frustrate; (satisfied + tolerating / 2) / all. Which side of a threshold a duration is on is known within 2 % of it.';

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
        times_median double precision)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 1
    BEGIN ATOMIC
        SELECT x.service_name, x.operation, x.duration_ms, coalesce(latency_count(t.total), 0),
               latency_rank(t.total, x.duration_ms), latency_quantile(t.total, 0.5),
               latency_quantile(t.total, 0.95), latency_quantile(t.total, 0.99),
               x.duration_ms / nullif(latency_quantile(t.total, 0.5), 0)
        FROM (SELECT c.service_name, c.operation, c.kind, c.start_time, c.duration_ms::double precision AS duration_ms
              FROM trace_counted_spans c
              WHERE c.trace_id = (SELECT trace_id_find(trace_latency_rank.trace_id))
                AND c.span_id = trace_latency_rank.span_id
                AND c.duration_ms IS NOT NULL
              OFFSET 0) x,
             LATERAL (SELECT trace_latency_total(latency_merge(s.sketch) FILTER (WHERE s.sign = 1),
                                                 latency_merge(s.sketch) FILTER (WHERE s.sign = -1)) AS total
                      FROM trace_latency_sketches(x.start_time - trace_latency_rank.baseline, x.start_time, 'all') s
                      WHERE s.service_name = x.service_name AND s.operation = x.operation
                        AND s.kind IS NOT DISTINCT FROM x.kind) t;
    END;
COMMENT ON FUNCTION trace_latency_rank(text, text, interval) IS 'Where a finished span sits among those of its service, operation and kind that started in the time before it: the share that lasted no longer (rank), their median, p95 and p99, and how many medians it lasted. No row for a span that is unknown or not finished.';

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
        adjusted_p_value double precision)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 200
    BEGIN ATOMIC
        WITH sketches AS (
            SELECT false AS is_other, s.* FROM trace_latency_sketches(base_from, base_to, trace_latency_compare.spans) s
            UNION ALL
            SELECT true, s.* FROM trace_latency_sketches(other_from, other_to, trace_latency_compare.spans) s
        ), sides AS (
            SELECT s.service_name,
                   CASE trace_latency_group(group_by) WHEN 'operation' THEN s.operation END AS operation,
                   trace_latency_total(latency_merge(s.sketch) FILTER (WHERE NOT s.is_other AND s.sign = 1),
                                       latency_merge(s.sketch) FILTER (WHERE NOT s.is_other AND s.sign = -1)) AS base,
                   trace_latency_total(latency_merge(s.sketch) FILTER (WHERE s.is_other AND s.sign = 1),
                                       latency_merge(s.sketch) FILTER (WHERE s.is_other AND s.sign = -1)) AS other,
                   sum(s.sign * latency_count(s.sketch)) FILTER (WHERE NOT s.is_other AND s.is_error) AS base_errors,
                   sum(s.sign * latency_count(s.sketch)) FILTER (WHERE s.is_other AND s.is_error) AS other_errors
            FROM sketches s
            GROUP BY 1, 2
        ), compared AS (
            SELECT t.service_name, t.operation,
                   coalesce(latency_count(t.base), 0) AS base_count, coalesce(latency_count(t.other), 0) AS other_count,
                   latency_quantile(t.base, trace_latency_compare.quantile) AS base_ms,
                   latency_quantile(t.other, trace_latency_compare.quantile) AS other_ms,
                   coalesce(t.base_errors, 0)::double precision / nullif(latency_count(t.base), 0) AS base_error_ratio,
                   coalesce(t.other_errors, 0)::double precision / nullif(latency_count(t.other), 0) AS other_error_ratio,
                   c.*
            FROM sides t, latency_compare(t.base, t.other) c
        ), ranked AS (
            SELECT c.*,
                   c.p_value * count(c.p_value) OVER () / nullif(count(c.p_value) OVER (ORDER BY c.p_value), 0) AS scaled
            FROM compared c
            WHERE c.base_count > 0 OR c.other_count > 0
        )
        SELECT r.service_name, r.operation, r.base_count, r.other_count, r.base_ms, r.other_ms,
               r.other_ms / nullif(r.base_ms, 0), r.base_error_ratio, r.other_error_ratio,
               r.effect_size, r.ks_distance, r.p_value,
               CASE WHEN r.p_value IS NOT NULL
                    THEN least(1, min(r.scaled) OVER (ORDER BY r.p_value DESC NULLS FIRST)) END
        FROM ranked r
        ORDER BY r.effect_size DESC NULLS LAST, r.service_name, r.operation;
    END;
COMMENT ON FUNCTION trace_latency_compare(timestamptz, timestamptz, timestamptz, timestamptz, text, double precision, text) IS 'What became slower or faster between two windows, the slower first: a quantile in both and its ratio, error ratios, Cliff''s delta as effect size (-1 to 1, above 0: slower), and the two-sample test of Kolmogorov and Smirnov with its p-value, as it is and adjusted for the number of rows after Benjamini and Hochberg. NULL where a window has no spans. group_by is operation or service.';
