/* The rollup of latencies: sketches per minute, hour and day, which outlive the spans. */

CREATE TABLE distributed_trace_latency (
    level         text COLLATE "C" NOT NULL CHECK (level IN ('new', 'minute', 'hour', 'day')),
    bucket_start  timestamptz NOT NULL,
    service_name  text COLLATE "C" NOT NULL,
    operation     text COLLATE "C" NOT NULL,
    kind          text COLLATE "C",
    is_entry      boolean NOT NULL,
    is_root       boolean NOT NULL,
    is_error      boolean NOT NULL,
    sign          smallint NOT NULL DEFAULT 1 CHECK (sign IN (-1, 1)),
    adjusted_count double precision NOT NULL,
    sketch        latency_sketch NOT NULL
);

CREATE INDEX distributed_trace_latency_bucket_idx ON distributed_trace_latency (level, bucket_start);

SELECT pg_catalog.pg_extension_config_dump('distributed_trace_latency', '');

COMMENT ON TABLE distributed_trace_latency IS 'Latencies of finished spans, as sketches. A minute, hour or day may have several rows: all of one level add up, those with sign -1 are taken off. The sum of the rows "minute" of an hour is that of its rows "hour", and so for days; rows "new" are still to be added to all three.';
COMMENT ON COLUMN distributed_trace_latency.level IS 'How much time the row stands for: minute, hour or day; new is a minute that trace_rollup_compact() has not taken up.';
COMMENT ON COLUMN distributed_trace_latency.bucket_start IS 'When that time begins, in UTC: spans that start from then on are counted.';
COMMENT ON COLUMN distributed_trace_latency.service_name IS 'The service that did the work.';
COMMENT ON COLUMN distributed_trace_latency.operation IS 'What the service did.';
COMMENT ON COLUMN distributed_trace_latency.kind IS 'Kind of the spans (server, client, internal, producer, consumer or unspecified); NULL if none was recorded.';
COMMENT ON COLUMN distributed_trace_latency.is_entry IS 'Whether a request enters its service by them: kind server or consumer, no parent, or no kind recorded.';
COMMENT ON COLUMN distributed_trace_latency.is_root IS 'Whether they have no parent.';
COMMENT ON COLUMN distributed_trace_latency.is_error IS 'Whether they failed; see trace_is_error().';
COMMENT ON COLUMN distributed_trace_latency.sign IS '1 for spans that are added, -1 for spans that are taken out again.';
COMMENT ON COLUMN distributed_trace_latency.adjusted_count IS 'How many spans they stand for, if they were sampled; see trace_adjusted_count().';
COMMENT ON COLUMN distributed_trace_latency.sketch IS 'Their durations.';
COMMENT ON INDEX distributed_trace_latency_bucket_idx IS 'Buckets of a level in a window of time.';

CREATE FUNCTION trace_log_after_write() RETURNS trigger
    LANGUAGE C
    AS 'MODULE_PATHNAME', 'dt_trace_log_after_write';
COMMENT ON FUNCTION trace_log_after_write() IS 'Trigger of distributed_trace_log: counts what a statement wrote in distributed_trace_latency, unless distributed_trace.rollup is off.';

CREATE TRIGGER trace_log_after_insert
    AFTER INSERT ON distributed_trace_log
    REFERENCING NEW TABLE AS new_spans
    FOR EACH STATEMENT EXECUTE FUNCTION trace_log_after_write();

CREATE TRIGGER trace_log_after_update
    AFTER UPDATE ON distributed_trace_log
    REFERENCING OLD TABLE AS old_spans NEW TABLE AS new_spans
    FOR EACH STATEMENT EXECUTE FUNCTION trace_log_after_write();

-- without a WHERE of its own: so a condition that is false from the start leaves no scan of it in a plan
CREATE VIEW trace_counted_spans WITH (security_invoker = true) AS
    SELECT date_bin('1 minute', l.start_time, '2000-01-01 00:00:00+00') AS bucket_start,
           l.service_name,
           l.operation,
           CASE WHEN trace_span_kind(l.tags) IN ('server', 'client', 'internal', 'producer', 'consumer')
                THEN trace_span_kind(l.tags)
                WHEN trace_span_kind(l.tags) IS NOT NULL THEN 'unspecified'
           END COLLATE "C" AS kind,
           (l.parent_span_id IS NULL OR trace_span_kind(l.tags) IS NULL
            OR trace_span_kind(l.tags) IN ('server', 'consumer')) AS is_entry,
           l.parent_span_id IS NULL AS is_root,
           coalesce(trace_is_error(l.tags), false) AS is_error,
           l.trace_id,
           l.span_id,
           l.start_time,
           coalesce(trace_adjusted_count(l.tags), 1) AS adjusted_count,
           CASE WHEN l.duration_ms <> 'NaN' AND isfinite(l.start_time) THEN l.duration_ms END AS duration_ms
    FROM distributed_trace_log l;
-- shows nothing that its reader may not read in the log
GRANT SELECT ON trace_counted_spans TO PUBLIC;

COMMENT ON VIEW trace_counted_spans IS 'Spans with what distributed_trace_latency counts them by; it counts those whose duration_ms is not NULL here.';
COMMENT ON COLUMN trace_counted_spans.bucket_start IS 'The minute in which the span started, in UTC.';
COMMENT ON COLUMN trace_counted_spans.service_name IS 'The service that did the work.';
COMMENT ON COLUMN trace_counted_spans.operation IS 'What the service did.';
COMMENT ON COLUMN trace_counted_spans.kind IS 'Kind of the span (server, client, internal, producer, consumer or unspecified); NULL if none was recorded.';
COMMENT ON COLUMN trace_counted_spans.is_entry IS 'Whether a request enters its service by it: kind server or consumer, no parent, or no kind recorded.';
COMMENT ON COLUMN trace_counted_spans.is_root IS 'Whether it has no parent.';
COMMENT ON COLUMN trace_counted_spans.is_error IS 'Whether it failed; see trace_is_error().';
COMMENT ON COLUMN trace_counted_spans.trace_id IS 'The trace the span belongs to.';
COMMENT ON COLUMN trace_counted_spans.span_id IS 'The span.';
COMMENT ON COLUMN trace_counted_spans.start_time IS 'When the span started.';
COMMENT ON COLUMN trace_counted_spans.adjusted_count IS 'How many spans it stands for, if it was sampled; see trace_adjusted_count().';
COMMENT ON COLUMN trace_counted_spans.duration_ms IS 'Its duration in milliseconds; NULL if it counts as nothing: it is not finished, or its duration or start is no finite number.';

CREATE FUNCTION trace_latency_total(added latency_sketch, removed latency_sketch) RETURNS latency_sketch
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10
    AS 'MODULE_PATHNAME', 'dt_trace_latency_total';
COMMENT ON FUNCTION trace_latency_total(latency_sketch, latency_sketch) IS 'The sketch of what is left of the rows with sign 1 after those with sign -1 (NULL: none) are taken off.';

CREATE FUNCTION trace_latency_is_same(a latency_sketch, b latency_sketch) RETURNS boolean
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10
    AS 'MODULE_PATHNAME', 'dt_trace_latency_is_same';
COMMENT ON FUNCTION trace_latency_is_same(latency_sketch, latency_sketch) IS 'Whether two sketches have the same bins, count and sum; NULL is one of no values.';

CREATE FUNCTION trace_rollup_lock() RETURNS void
    LANGUAGE SQL VOLATILE PARALLEL UNSAFE
    BEGIN ATOMIC
        -- "dt" and the table, as an advisory lock of this database
        SELECT pg_advisory_xact_lock(25716::bigint << 32 | 'distributed_trace_latency'::regclass::oid::bigint);
    END;
COMMENT ON FUNCTION trace_rollup_lock() IS 'Waits until no other transaction folds or rebuilds the rollup, and keeps them waiting until this one ends. Writers of spans never wait for it.';

CREATE PROCEDURE trace_rollup_compact(older_than interval DEFAULT '1 minute')
    LANGUAGE SQL
    BEGIN ATOMIC
        SELECT trace_rollup_lock();
        WITH taken AS (
            DELETE FROM distributed_trace_latency l
            WHERE l.level = 'new' AND l.bucket_start < date_bin('1 minute', now() - older_than, '2000-01-01 00:00:00+00')
            RETURNING l.*
        ), minutes AS MATERIALIZED (
            SELECT 'minute' AS level, t.bucket_start,
                   t.service_name, t.operation, t.kind, t.is_entry, t.is_root, t.is_error,
                   sum(t.sign * t.adjusted_count) AS adjusted_count,
                   latency_merge(t.sketch) FILTER (WHERE t.sign = 1) AS added,
                   latency_merge(t.sketch) FILTER (WHERE t.sign = -1) AS removed
            FROM taken t
            GROUP BY 2, 3, 4, 5, 6, 7, 8
        ), hours AS MATERIALIZED (
            SELECT 'hour' AS level, date_bin('1 hour', m.bucket_start, '2000-01-01 00:00:00+00') AS bucket_start,
                   m.service_name, m.operation, m.kind, m.is_entry, m.is_root, m.is_error,
                   sum(m.adjusted_count) AS adjusted_count,
                   latency_merge(m.added) AS added, latency_merge(m.removed) AS removed
            FROM minutes m
            GROUP BY 2, 3, 4, 5, 6, 7, 8
        ), fresh AS MATERIALIZED (
            SELECT * FROM minutes
            UNION ALL
            SELECT * FROM hours
            UNION ALL
            SELECT 'day', date_bin('1 day', h.bucket_start, '2000-01-01 00:00:00+00'),
                   h.service_name, h.operation, h.kind, h.is_entry, h.is_root, h.is_error,
                   sum(h.adjusted_count), latency_merge(h.added), latency_merge(h.removed)
            FROM hours h
            GROUP BY 2, 3, 4, 5, 6, 7, 8
        ), folded AS (
            DELETE FROM distributed_trace_latency l
            USING fresh f
            WHERE l.level = f.level AND l.bucket_start = f.bucket_start
              AND l.service_name = f.service_name AND l.operation = f.operation
              AND l.kind IS NOT DISTINCT FROM f.kind AND l.is_entry = f.is_entry
              AND l.is_root = f.is_root AND l.is_error = f.is_error
            RETURNING l.*
        ), summed AS (
            SELECT s.level, s.bucket_start, s.service_name, s.operation, s.kind, s.is_entry, s.is_root, s.is_error,
                   sum(s.adjusted_count) AS adjusted_count,
                   trace_latency_total(latency_merge(s.added), latency_merge(s.removed)) AS sketch
            FROM (SELECT * FROM fresh
                  UNION ALL
                  SELECT o.level, o.bucket_start, o.service_name, o.operation, o.kind, o.is_entry, o.is_root, o.is_error, o.sign * o.adjusted_count,
                         CASE WHEN o.sign = 1 THEN o.sketch END, CASE WHEN o.sign = -1 THEN o.sketch END
                  FROM folded o) s
            GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
        )
        INSERT INTO distributed_trace_latency
            (level, bucket_start, service_name, operation, kind, is_entry, is_root, is_error, sign, adjusted_count, sketch)
        SELECT s.level, s.bucket_start, s.service_name, s.operation, s.kind, s.is_entry, s.is_root, s.is_error,
               1, s.adjusted_count, s.sketch
        FROM summed s
        WHERE latency_count(s.sketch) > 0
        ORDER BY s.level, s.bucket_start, s.service_name, s.operation;
    END;
COMMENT ON PROCEDURE trace_rollup_compact(interval) IS 'Folds the new rows of distributed_trace_latency, of minutes that ended so long ago, into one row a minute, hour and day for each service, operation, kind and outcome. Figures do not change by it and are right while it runs; writers do not wait for it.';

CREATE FUNCTION trace_rollup_rebuild(from_time timestamptz, to_time timestamptz) RETURNS bigint
    LANGUAGE SQL VOLATILE PARALLEL UNSAFE
    BEGIN ATOMIC
        SELECT trace_rollup_lock();
        WITH edges AS MATERIALIZED (
            SELECT date_bin('1 minute', from_time, '2000-01-01 00:00:00+00') AS minute,
                   date_bin('1 minute', to_time + '59.999999 s', '2000-01-01 00:00:00+00') AS minute_end,
                   date_bin('1 hour', from_time, '2000-01-01 00:00:00+00') AS hour,
                   date_bin('1 day', from_time, '2000-01-01 00:00:00+00') AS day
            WHERE from_time < to_time
        ), gone AS (
            DELETE FROM distributed_trace_latency l
            USING edges e
            WHERE l.bucket_start < e.minute_end
              AND l.bucket_start >= CASE l.level WHEN 'hour' THEN e.hour WHEN 'day' THEN e.day ELSE e.minute END
        ), counted AS MATERIALIZED (
            SELECT c.bucket_start, c.service_name, c.operation, c.kind, c.is_entry, c.is_root, c.is_error,
                   sum(c.adjusted_count) AS adjusted_count, latency_sketch_agg(c.duration_ms) AS sketch
            FROM trace_counted_spans c, edges e
            WHERE c.start_time >= e.minute AND c.start_time < e.minute_end AND c.duration_ms IS NOT NULL
            GROUP BY 1, 2, 3, 4, 5, 6, 7
        ), minutes AS MATERIALIZED (
            SELECT true AS is_counted, c.* FROM counted c
            UNION ALL
            -- what the hours and days at both ends have besides
            SELECT false, l.bucket_start, l.service_name, l.operation, l.kind, l.is_entry, l.is_root, l.is_error,
                   l.adjusted_count, l.sketch
            FROM distributed_trace_latency l, edges e
            WHERE l.level = 'minute' AND l.bucket_start >= e.day AND l.bucket_start < date_bin('1 day', e.minute_end + '23:59:59.999999', '2000-01-01 00:00:00+00')
              AND NOT (l.bucket_start >= e.minute AND l.bucket_start < e.minute_end)
        ), rebuilt AS (
            SELECT 'minute' AS level, m.bucket_start, m.service_name, m.operation, m.kind, m.is_entry, m.is_root, m.is_error,
                   m.adjusted_count, m.sketch
            FROM minutes m
            WHERE m.is_counted
            UNION ALL
            SELECT 'hour', date_bin('1 hour', m.bucket_start, '2000-01-01 00:00:00+00'),
                   m.service_name, m.operation, m.kind, m.is_entry, m.is_root, m.is_error,
                   sum(m.adjusted_count), latency_merge(m.sketch)
            FROM minutes m, edges e
            WHERE m.bucket_start >= e.hour
              AND m.bucket_start < date_bin('1 hour', e.minute_end + '59:59.999999', '2000-01-01 00:00:00+00')
            GROUP BY 2, 3, 4, 5, 6, 7, 8
            UNION ALL
            SELECT 'day', date_bin('1 day', m.bucket_start, '2000-01-01 00:00:00+00'),
                   m.service_name, m.operation, m.kind, m.is_entry, m.is_root, m.is_error,
                   sum(m.adjusted_count), latency_merge(m.sketch)
            FROM minutes m
            GROUP BY 2, 3, 4, 5, 6, 7, 8
        ), written AS (
            INSERT INTO distributed_trace_latency
                (level, bucket_start, service_name, operation, kind, is_entry, is_root, is_error, sign, adjusted_count, sketch)
            SELECT r.level, r.bucket_start, r.service_name, r.operation, r.kind, r.is_entry, r.is_root, r.is_error, 1,
                   r.adjusted_count, r.sketch
            FROM rebuilt r
            ORDER BY 1, 2, 3, 4
        )
        SELECT coalesce(sum(latency_count(c.sketch)), 0)::bigint FROM counted c;
    END;
COMMENT ON FUNCTION trace_rollup_rebuild(timestamptz, timestamptz) IS 'Counts the spans that the log has now for the minutes that a window touches, in place of what the rollup had for them; gives how many spans. Do not use it where spans were deleted that the rollup shall remember.';

CREATE FUNCTION trace_rollup_check(from_time timestamptz, to_time timestamptz)
    RETURNS TABLE (
        level text,
        bucket_start timestamptz,
        service_name text,
        operation text,
        kind text,
        is_entry boolean,
        is_root boolean,
        is_error boolean,
        rollup_count bigint,
        expected_count bigint,
        rollup_sum_ms double precision,
        expected_sum_ms double precision)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 10
    BEGIN ATOMIC
        WITH edges AS MATERIALIZED (
            SELECT date_bin('1 minute', from_time, '2000-01-01 00:00:00+00') AS minute,
                   date_bin('1 minute', to_time + '59.999999 s', '2000-01-01 00:00:00+00') AS minute_end,
                   date_bin('1 hour', from_time, '2000-01-01 00:00:00+00') AS hour,
                   date_bin('1 hour', to_time + '59:59.999999', '2000-01-01 00:00:00+00') AS hour_end,
                   date_bin('1 day', from_time, '2000-01-01 00:00:00+00') AS day,
                   date_bin('1 day', to_time + '23:59:59.999999', '2000-01-01 00:00:00+00') AS day_end
            WHERE from_time < to_time
        ), sides AS (
            -- taken off one side is added to the other: a sketch cannot be negative
            SELECT CASE WHEN l.level = 'new' THEN 'minute' ELSE l.level END AS level, l.bucket_start,
                   l.service_name, l.operation, l.kind, l.is_entry, l.is_root, l.is_error, l.sign = 1 AS is_rollup, l.sketch
            FROM distributed_trace_latency l, edges e
            WHERE l.bucket_start >= CASE l.level WHEN 'hour' THEN e.hour WHEN 'day' THEN e.day ELSE e.minute END
              AND l.bucket_start < CASE l.level WHEN 'hour' THEN e.hour_end WHEN 'day' THEN e.day_end ELSE e.minute_end END
            UNION ALL
            SELECT 'minute', c.bucket_start, c.service_name, c.operation, c.kind, c.is_entry, c.is_root, c.is_error,
                   false, latency_sketch_agg(c.duration_ms)
            FROM trace_counted_spans c, edges e
            WHERE c.start_time >= e.minute AND c.start_time < e.minute_end AND c.duration_ms IS NOT NULL
            GROUP BY 2, 3, 4, 5, 6, 7, 8
            UNION ALL
            SELECT s.level, date_bin(s.span, l.bucket_start, '2000-01-01 00:00:00+00'),
                   l.service_name, l.operation, l.kind, l.is_entry, l.is_root, l.is_error, l.sign = -1, l.sketch
            FROM distributed_trace_latency l, edges e, (VALUES ('hour', '1 hour'::interval), ('day', '1 day')) s (level, span)
            WHERE l.level = 'minute'
              AND l.bucket_start >= CASE s.level WHEN 'hour' THEN e.hour ELSE e.day END
              AND l.bucket_start < CASE s.level WHEN 'hour' THEN e.hour_end ELSE e.day_end END
        ), compared AS (
            SELECT s.level, s.bucket_start, s.service_name, s.operation, s.kind, s.is_entry, s.is_root, s.is_error,
                   latency_merge(s.sketch) FILTER (WHERE s.is_rollup) AS rollup,
                   latency_merge(s.sketch) FILTER (WHERE NOT s.is_rollup) AS expected
            FROM sides s
            GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
        )
        SELECT c.level, c.bucket_start, c.service_name, c.operation, c.kind, c.is_entry, c.is_root, c.is_error,
               coalesce(latency_count(c.rollup), 0), coalesce(latency_count(c.expected), 0),
               coalesce(latency_sum(c.rollup), 0), coalesce(latency_sum(c.expected), 0)
        FROM compared c
        WHERE NOT trace_latency_is_same(c.rollup, c.expected)
        ORDER BY 1, 2, 3, 4, 5, 6, 7, 8;
    END;
COMMENT ON FUNCTION trace_rollup_check(timestamptz, timestamptz) IS 'Where the rollup differs: its minutes from the spans in the log (what was taken out again counts on both sides), its hours and days from its minutes; for all buckets that a window touches. No rows if all agrees. Minutes whose spans were deleted differ.';

CREATE FUNCTION trace_forget_spans(trace_id text, span_id text DEFAULT NULL) RETURNS bigint
    LANGUAGE SQL VOLATILE PARALLEL UNSAFE
    BEGIN ATOMIC
        -- a span that is not finished counts as nothing: the trigger takes it out
        UPDATE distributed_trace_log l
        SET end_time = NULL, duration_ms = NULL
        WHERE l.trace_id = coalesce((SELECT g.trace_id FROM distributed_trace_log g
                                     WHERE g.trace_id = trace_forget_spans.trace_id LIMIT 1),
                                    trace_id_normalize(trace_forget_spans.trace_id))
          AND (trace_forget_spans.span_id IS NULL OR l.span_id = trace_forget_spans.span_id);
        -- not what came in between, which is still counted
        WITH gone AS (
            DELETE FROM distributed_trace_log l
            WHERE l.trace_id = coalesce((SELECT g.trace_id FROM distributed_trace_log g
                                         WHERE g.trace_id = trace_forget_spans.trace_id LIMIT 1),
                                        trace_id_normalize(trace_forget_spans.trace_id))
              AND (trace_forget_spans.span_id IS NULL OR l.span_id = trace_forget_spans.span_id)
              AND l.duration_ms IS NULL
            RETURNING 1
        )
        SELECT count(*) FROM gone;
    END;
COMMENT ON FUNCTION trace_forget_spans(text, text) IS 'Deletes the spans of a trace, or one of them, that should not have been recorded, and takes them out of the rollup; gives how many there were. (A plain DELETE leaves the rollup as it is.)';
