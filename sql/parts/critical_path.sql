/* The critical path: of one trace, and over many. */

CREATE FUNCTION trace_critical_path(tree span_tree,
    root_span_id text DEFAULT NULL, overlap_tolerance double precision DEFAULT 0.01,
    max_overlap interval DEFAULT '1 ms', overflow text DEFAULT 'clip', roots text DEFAULT 'auto',
    skew text DEFAULT 'none', messaging text DEFAULT 'keep')
    RETURNS TABLE (
        seq integer,
        span_id text,
        parent_span_id text,
        service_name text,
        operation text,
        depth integer,
        section_start timestamptz,
        section_end timestamptz,
        exclusive_ms double precision,
        share double precision,
        root_span_id text)
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 50
    AS 'MODULE_PATHNAME', 'dt_trace_critical_path';
COMMENT ON FUNCTION trace_critical_path(span_tree, text, double precision, interval, text, text, text, text)
    IS 'The critical path of a tree: the sections of time from the start of the root to its end, numbered from 0, each with the span that the end was waiting for.';

CREATE FUNCTION trace_critical_path(trace_id text,
    root_span_id text DEFAULT NULL, overlap_tolerance double precision DEFAULT 0.01,
    max_overlap interval DEFAULT '1 ms', overflow text DEFAULT 'clip', roots text DEFAULT 'auto',
    skew text DEFAULT 'none', messaging text DEFAULT 'keep')
    RETURNS TABLE (
        seq integer,
        span_id text,
        parent_span_id text,
        service_name text,
        operation text,
        depth integer,
        section_start timestamptz,
        section_end timestamptz,
        exclusive_ms double precision,
        share double precision,
        root_span_id text)
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 50
    AS 'MODULE_PATHNAME', 'dt_trace_critical_path';
COMMENT ON FUNCTION trace_critical_path(text, text, double precision, interval, text, text, text, text)
    IS 'The critical path of a trace: the sections of time from the start of the root to its end, numbered from 0, each with the span that the end was waiting for.';

CREATE FUNCTION trace_critical_path_duration(tree span_tree,
    root_span_id text DEFAULT NULL, overlap_tolerance double precision DEFAULT 0.01,
    max_overlap interval DEFAULT '1 ms', overflow text DEFAULT 'clip', roots text DEFAULT 'auto',
    skew text DEFAULT 'none', messaging text DEFAULT 'keep')
    RETURNS double precision
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100
    AS 'MODULE_PATHNAME', 'dt_trace_critical_path_duration';
COMMENT ON FUNCTION trace_critical_path_duration(span_tree, text, double precision, interval, text, text, text, text)
    IS 'Length in milliseconds of the critical path of a tree; NULL if there is no such trace.';

CREATE FUNCTION trace_critical_path_duration(trace_id text,
    root_span_id text DEFAULT NULL, overlap_tolerance double precision DEFAULT 0.01,
    max_overlap interval DEFAULT '1 ms', overflow text DEFAULT 'clip', roots text DEFAULT 'auto',
    skew text DEFAULT 'none', messaging text DEFAULT 'keep')
    RETURNS double precision
    LANGUAGE C STABLE PARALLEL SAFE COST 1000
    AS 'MODULE_PATHNAME', 'dt_trace_critical_path_duration';
COMMENT ON FUNCTION trace_critical_path_duration(text, text, double precision, interval, text, text, text, text)
    IS 'Length in milliseconds of the critical path of a trace; NULL if there is no such trace.';

CREATE FUNCTION trace_critical_path_spans(tree span_tree,
    root_span_id text DEFAULT NULL, overlap_tolerance double precision DEFAULT 0.01,
    max_overlap interval DEFAULT '1 ms', overflow text DEFAULT 'clip', roots text DEFAULT 'auto',
    skew text DEFAULT 'none', messaging text DEFAULT 'keep')
    RETURNS TABLE (
        span_id text,
        parent_span_id text,
        service_name text,
        operation text,
        sections integer,
        first_start timestamptz,
        last_end timestamptz,
        exclusive_ms double precision,
        inclusive_ms double precision,
        span_duration_ms double precision,
        self_ms double precision,
        share double precision,
        clipped_ms double precision,
        root_span_id text)
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 20
    AS 'MODULE_PATHNAME', 'dt_trace_critical_path_spans';
COMMENT ON FUNCTION trace_critical_path_spans(span_tree, text, double precision, interval, text, text, text, text)
    IS 'The spans on the critical path of a tree, in the order of the tree: their sections added up (exclusive), with those of the spans below them (inclusive), and what the ends of their parents cut off (clipped).';

CREATE FUNCTION trace_critical_path_spans(trace_id text,
    root_span_id text DEFAULT NULL, overlap_tolerance double precision DEFAULT 0.01,
    max_overlap interval DEFAULT '1 ms', overflow text DEFAULT 'clip', roots text DEFAULT 'auto',
    skew text DEFAULT 'none', messaging text DEFAULT 'keep')
    RETURNS TABLE (
        span_id text,
        parent_span_id text,
        service_name text,
        operation text,
        sections integer,
        first_start timestamptz,
        last_end timestamptz,
        exclusive_ms double precision,
        inclusive_ms double precision,
        span_duration_ms double precision,
        self_ms double precision,
        share double precision,
        clipped_ms double precision,
        root_span_id text)
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 20
    AS 'MODULE_PATHNAME', 'dt_trace_critical_path_spans';
COMMENT ON FUNCTION trace_critical_path_spans(text, text, double precision, interval, text, text, text, text)
    IS 'The spans on the critical path of a trace, in the order of the tree: their sections added up (exclusive), with those of the spans below them (inclusive), and what the ends of their parents cut off (clipped).';

CREATE FUNCTION trace_critical_path_slack(tree span_tree,
    root_span_id text DEFAULT NULL, overlap_tolerance double precision DEFAULT 0.01,
    max_overlap interval DEFAULT '1 ms', overflow text DEFAULT 'clip', roots text DEFAULT 'auto',
    skew text DEFAULT 'none', messaging text DEFAULT 'keep')
    RETURNS TABLE (
        span_id text,
        parent_span_id text,
        service_name text,
        operation text,
        on_critical_path boolean,
        slack_ms double precision,
        drag_ms double precision)
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 100
    AS 'MODULE_PATHNAME', 'dt_trace_critical_path_slack';
COMMENT ON FUNCTION trace_critical_path_slack(span_tree, text, double precision, interval, text, text, text, text)
    IS 'For every span of a tree: how much longer it may take before anything waits for it (slack), and how much sooner the trace would end without it (drag); NULL for a span that takes no part.';

CREATE FUNCTION trace_critical_path_slack(trace_id text,
    root_span_id text DEFAULT NULL, overlap_tolerance double precision DEFAULT 0.01,
    max_overlap interval DEFAULT '1 ms', overflow text DEFAULT 'clip', roots text DEFAULT 'auto',
    skew text DEFAULT 'none', messaging text DEFAULT 'keep')
    RETURNS TABLE (
        span_id text,
        parent_span_id text,
        service_name text,
        operation text,
        on_critical_path boolean,
        slack_ms double precision,
        drag_ms double precision)
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 100
    AS 'MODULE_PATHNAME', 'dt_trace_critical_path_slack';
COMMENT ON FUNCTION trace_critical_path_slack(text, text, double precision, interval, text, text, text, text)
    IS 'For every span of a trace: how much longer it may take before anything waits for it (slack), and how much sooner the trace would end without it (drag); NULL for a span that takes no part.';

CREATE FUNCTION trace_critical_path_summary(tree span_tree,
    root_span_id text DEFAULT NULL, overlap_tolerance double precision DEFAULT 0.01,
    max_overlap interval DEFAULT '1 ms', overflow text DEFAULT 'clip', roots text DEFAULT 'auto',
    skew text DEFAULT 'none', messaging text DEFAULT 'keep')
    RETURNS TABLE (
        root_span_id text,
        total_ms double precision,
        spans bigint,
        on_path_spans bigint,
        sections bigint,
        roots bigint,
        orphans bigint,
        unreachable bigint,
        duplicates bigint,
        clipped bigint,
        dropped bigint,
        overflow_children bigint,
        bad_times bigint,
        mode text)
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 1
    AS 'MODULE_PATHNAME', 'dt_trace_critical_path_summary';
COMMENT ON FUNCTION trace_critical_path_summary(span_tree, text, double precision, interval, text, text, text, text)
    IS 'The critical path of a tree in one row, with counts of what is broken in the trace: the way to learn whether to trust the path.';

CREATE FUNCTION trace_critical_path_summary(trace_id text,
    root_span_id text DEFAULT NULL, overlap_tolerance double precision DEFAULT 0.01,
    max_overlap interval DEFAULT '1 ms', overflow text DEFAULT 'clip', roots text DEFAULT 'auto',
    skew text DEFAULT 'none', messaging text DEFAULT 'keep')
    RETURNS TABLE (
        root_span_id text,
        total_ms double precision,
        spans bigint,
        on_path_spans bigint,
        sections bigint,
        roots bigint,
        orphans bigint,
        unreachable bigint,
        duplicates bigint,
        clipped bigint,
        dropped bigint,
        overflow_children bigint,
        bad_times bigint,
        mode text)
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 1
    AS 'MODULE_PATHNAME', 'dt_trace_critical_path_summary';
COMMENT ON FUNCTION trace_critical_path_summary(text, text, double precision, interval, text, text, text, text)
    IS 'The critical path of a trace in one row, with counts of what is broken in the trace: the way to learn whether to trust the path.';

CREATE FUNCTION trace_parallelism(tree span_tree,
    root_span_id text DEFAULT NULL, overlap_tolerance double precision DEFAULT 0.01,
    max_overlap interval DEFAULT '1 ms', overflow text DEFAULT 'clip', roots text DEFAULT 'auto',
    skew text DEFAULT 'none', messaging text DEFAULT 'keep')
    RETURNS TABLE (
        work_ms double precision,
        wall_ms double precision,
        parallelism double precision,
        max_parallelism bigint)
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 1
    AS 'MODULE_PATHNAME', 'dt_trace_parallelism';
COMMENT ON FUNCTION trace_parallelism(span_tree, text, double precision, interval, text, text, text, text)
    IS 'How much of a tree went on at the same time: the time in which spans worked themselves added up, the length of the root, their quotient, and the most spans at work at one instant.';

CREATE FUNCTION trace_parallelism(trace_id text,
    root_span_id text DEFAULT NULL, overlap_tolerance double precision DEFAULT 0.01,
    max_overlap interval DEFAULT '1 ms', overflow text DEFAULT 'clip', roots text DEFAULT 'auto',
    skew text DEFAULT 'none', messaging text DEFAULT 'keep')
    RETURNS TABLE (
        work_ms double precision,
        wall_ms double precision,
        parallelism double precision,
        max_parallelism bigint)
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 1
    AS 'MODULE_PATHNAME', 'dt_trace_parallelism';
COMMENT ON FUNCTION trace_parallelism(text, text, double precision, interval, text, text, text, text)
    IS 'How much of a trace went on at the same time: the time in which spans worked themselves added up, the length of the root, their quotient, and the most spans at work at one instant.';

CREATE FUNCTION trace_what_if(tree span_tree, service_name text, operation text DEFAULT NULL, factor double precision DEFAULT 0.5,
    root_span_id text DEFAULT NULL, overlap_tolerance double precision DEFAULT 0.01,
    max_overlap interval DEFAULT '1 ms', overflow text DEFAULT 'clip', roots text DEFAULT 'auto',
    skew text DEFAULT 'none', messaging text DEFAULT 'keep')
    RETURNS TABLE (
        old_ms double precision,
        new_ms double precision,
        saved_ms double precision,
        upper_bound_ms double precision,
        path_switched boolean,
        matched_spans bigint)
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 1
    AS 'MODULE_PATHNAME', 'dt_trace_what_if';
COMMENT ON FUNCTION trace_what_if(span_tree, text, text, double precision, text, double precision, interval, text, text, text, text)
    IS 'How long a tree would take if the own time of the spans of a service (and operation; NULL is any) were multiplied by a factor: the whole trace is timed anew.';

CREATE FUNCTION trace_what_if(trace_id text, service_name text, operation text DEFAULT NULL, factor double precision DEFAULT 0.5,
    root_span_id text DEFAULT NULL, overlap_tolerance double precision DEFAULT 0.01,
    max_overlap interval DEFAULT '1 ms', overflow text DEFAULT 'clip', roots text DEFAULT 'auto',
    skew text DEFAULT 'none', messaging text DEFAULT 'keep')
    RETURNS TABLE (
        old_ms double precision,
        new_ms double precision,
        saved_ms double precision,
        upper_bound_ms double precision,
        path_switched boolean,
        matched_spans bigint)
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 1
    AS 'MODULE_PATHNAME', 'dt_trace_what_if';
COMMENT ON FUNCTION trace_what_if(text, text, text, double precision, text, double precision, interval, text, text, text, text)
    IS 'How long a trace would take if the own time of the spans of a service (and operation; NULL is any) were multiplied by a factor: the whole trace is timed anew.';

CREATE FUNCTION trace_critical_path_groups(tree span_tree, group_by text DEFAULT 'operation', max_depth integer DEFAULT 64,
    root_span_id text DEFAULT NULL, overlap_tolerance double precision DEFAULT 0.01,
    max_overlap interval DEFAULT '1 ms', overflow text DEFAULT 'clip', roots text DEFAULT 'auto',
    skew text DEFAULT 'none', messaging text DEFAULT 'keep')
    RETURNS TABLE (
        trace_id text,
        root_service_name text,
        root_operation text,
        trace_start timestamptz,
        trace_ms double precision,
        key text,
        service_name text,
        operation text,
        depth integer,
        sections integer,
        exclusive_ms double precision,
        inclusive_ms double precision,
        span_id text)
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 20
    AS 'MODULE_PATHNAME', 'dt_trace_critical_path_groups';
COMMENT ON FUNCTION trace_critical_path_groups(span_tree, text, integer, text, double precision, interval, text, text, text, text)
    IS 'The critical path of a tree added up by service, operation or call_path, for adding up over many traces. The first row, whose key is NULL, is the trace itself; span_id is the span with the most exclusive time.';

CREATE FUNCTION trace_critical_path_groups(trace_id text, group_by text DEFAULT 'operation', max_depth integer DEFAULT 64,
    root_span_id text DEFAULT NULL, overlap_tolerance double precision DEFAULT 0.01,
    max_overlap interval DEFAULT '1 ms', overflow text DEFAULT 'clip', roots text DEFAULT 'auto',
    skew text DEFAULT 'none', messaging text DEFAULT 'keep')
    RETURNS TABLE (
        trace_id text,
        root_service_name text,
        root_operation text,
        trace_start timestamptz,
        trace_ms double precision,
        key text,
        service_name text,
        operation text,
        depth integer,
        sections integer,
        exclusive_ms double precision,
        inclusive_ms double precision,
        span_id text)
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 20
    AS 'MODULE_PATHNAME', 'dt_trace_critical_path_groups';
COMMENT ON FUNCTION trace_critical_path_groups(text, text, integer, text, double precision, interval, text, text, text, text)
    IS 'The critical path of a trace added up by service, operation or call_path, for adding up over many traces. The first row, whose key is NULL, is the trace itself; span_id is the span with the most exclusive time.';

CREATE FUNCTION trace_critical_path_services(tree span_tree,
    root_span_id text DEFAULT NULL, overlap_tolerance double precision DEFAULT 0.01,
    max_overlap interval DEFAULT '1 ms', overflow text DEFAULT 'clip', roots text DEFAULT 'auto',
    skew text DEFAULT 'none', messaging text DEFAULT 'keep')
    RETURNS TABLE (
        service_name text,
        exclusive_ms double precision,
        share double precision,
        spans bigint,
        sections bigint)
    LANGUAGE SQL IMMUTABLE PARALLEL SAFE ROWS 10
    BEGIN ATOMIC
        SELECT p.service_name, (sum(round((p.exclusive_ms * 1000)::numeric)) / 1000)::double precision, sum(p.share), count(*), sum(p.sections)
        FROM trace_critical_path_spans(tree, root_span_id, overlap_tolerance, max_overlap, overflow, roots, skew, messaging) p
        GROUP BY p.service_name
        ORDER BY sum(p.exclusive_ms) DESC, p.service_name;
    END;
COMMENT ON FUNCTION trace_critical_path_services(span_tree, text, double precision, interval, text, text, text, text)
    IS 'The critical path of a tree by service, the largest part first; a NULL name is the virtual root.';

CREATE FUNCTION trace_critical_path_services(trace_id text,
    root_span_id text DEFAULT NULL, overlap_tolerance double precision DEFAULT 0.01,
    max_overlap interval DEFAULT '1 ms', overflow text DEFAULT 'clip', roots text DEFAULT 'auto',
    skew text DEFAULT 'none', messaging text DEFAULT 'keep')
    RETURNS TABLE (
        service_name text,
        exclusive_ms double precision,
        share double precision,
        spans bigint,
        sections bigint)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 10
    BEGIN ATOMIC
        SELECT p.service_name, (sum(round((p.exclusive_ms * 1000)::numeric)) / 1000)::double precision, sum(p.share), count(*), sum(p.sections)
        FROM trace_critical_path_spans(trace_id, root_span_id, overlap_tolerance, max_overlap, overflow, roots, skew, messaging) p
        GROUP BY p.service_name
        ORDER BY sum(p.exclusive_ms) DESC, p.service_name;
    END;
COMMENT ON FUNCTION trace_critical_path_services(text, text, double precision, interval, text, text, text, text)
    IS 'The critical path of a trace by service, the largest part first; a NULL name is the virtual root.';

CREATE FUNCTION trace_critical_path_operations(tree span_tree,
    root_span_id text DEFAULT NULL, overlap_tolerance double precision DEFAULT 0.01,
    max_overlap interval DEFAULT '1 ms', overflow text DEFAULT 'clip', roots text DEFAULT 'auto',
    skew text DEFAULT 'none', messaging text DEFAULT 'keep')
    RETURNS TABLE (
        service_name text,
        operation text,
        exclusive_ms double precision,
        share double precision,
        spans bigint,
        sections bigint)
    LANGUAGE SQL IMMUTABLE PARALLEL SAFE ROWS 10
    BEGIN ATOMIC
        SELECT p.service_name, p.operation, (sum(round((p.exclusive_ms * 1000)::numeric)) / 1000)::double precision, sum(p.share), count(*), sum(p.sections)
        FROM trace_critical_path_spans(tree, root_span_id, overlap_tolerance, max_overlap, overflow, roots, skew, messaging) p
        GROUP BY p.service_name, p.operation
        ORDER BY sum(p.exclusive_ms) DESC, p.service_name, p.operation;
    END;
COMMENT ON FUNCTION trace_critical_path_operations(span_tree, text, double precision, interval, text, text, text, text)
    IS 'The critical path of a tree by service and operation, the largest part first; NULL names are the virtual root.';

CREATE FUNCTION trace_critical_path_operations(trace_id text,
    root_span_id text DEFAULT NULL, overlap_tolerance double precision DEFAULT 0.01,
    max_overlap interval DEFAULT '1 ms', overflow text DEFAULT 'clip', roots text DEFAULT 'auto',
    skew text DEFAULT 'none', messaging text DEFAULT 'keep')
    RETURNS TABLE (
        service_name text,
        operation text,
        exclusive_ms double precision,
        share double precision,
        spans bigint,
        sections bigint)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 10
    BEGIN ATOMIC
        SELECT p.service_name, p.operation, (sum(round((p.exclusive_ms * 1000)::numeric)) / 1000)::double precision, sum(p.share), count(*), sum(p.sections)
        FROM trace_critical_path_spans(trace_id, root_span_id, overlap_tolerance, max_overlap, overflow, roots, skew, messaging) p
        GROUP BY p.service_name, p.operation
        ORDER BY sum(p.exclusive_ms) DESC, p.service_name, p.operation;
    END;
COMMENT ON FUNCTION trace_critical_path_operations(text, text, double precision, interval, text, text, text, text)
    IS 'The critical path of a trace by service and operation, the largest part first; NULL names are the virtual root.';

/* Over many traces.  Nothing here a user could not write: span_tree_agg over
 * some spans, grouped by trace, a function of each tree, and an ordinary
 * GROUP BY. */

CREATE FUNCTION trace_trees(from_time timestamptz, to_time timestamptz, with_tags boolean DEFAULT true)
    RETURNS TABLE (
        trace_id text,
        tree span_tree)
    LANGUAGE C STABLE PARALLEL SAFE COST 1000000 ROWS 500
    AS 'MODULE_PATHNAME', 'dt_trace_trees';
COMMENT ON FUNCTION trace_trees(timestamptz, timestamptz, boolean)
    IS 'The trees of all traces with a span that starts in a window, each whole; without tags they know no kinds and no errors, and cost less.';

CREATE FUNCTION trace_say_unknown(service_name text) RETURNS boolean
    LANGUAGE C STABLE PARALLEL SAFE COST 1000
    AS 'MODULE_PATHNAME', 'dt_trace_say_unknown';
COMMENT ON FUNCTION trace_say_unknown(text)
    IS 'For functions of a window that found nothing of a service: true, and a notice with the nearest names if the log has none of that name.';

CREATE FUNCTION trace_critical_path_profile(
    from_time timestamptz, to_time timestamptz, root_service text DEFAULT NULL, root_operation text DEFAULT NULL,
    group_by text DEFAULT 'operation', percentile_from double precision DEFAULT 0,
    percentile_to double precision DEFAULT 100, max_depth integer DEFAULT 64)
    RETURNS TABLE (
        key text,
        service_name text,
        operation text,
        depth integer,
        traces_with bigint,
        sections bigint,
        exclusive_total_ms double precision,
        exclusive_avg_ms double precision,
        share double precision,
        p50_ms double precision,
        p95_ms double precision,
        p99_ms double precision,
        max_ms double precision,
        inclusive_avg_ms double precision,
        exemplar_trace_id text,
        exemplar_span_id text)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 100
    BEGIN ATOMIC
        WITH grouped AS (
            SELECT g.*
            FROM trace_trees(from_time, to_time, with_tags => false) t,
                 trace_critical_path_groups(t.tree, trace_critical_path_profile.group_by,
                                            trace_critical_path_profile.max_depth) g
            WHERE g.trace_start >= from_time AND g.trace_start < to_time
              AND (root_service IS NULL OR g.root_service_name = root_service)
              AND (trace_critical_path_profile.root_operation IS NULL
                   OR g.root_operation = trace_critical_path_profile.root_operation)
        ), band AS (
            SELECT g.* FROM grouped g
            WHERE coalesce(percentile_from, 0) <= 0 AND coalesce(percentile_to, 100) >= 100
            UNION ALL
            SELECT r.trace_id, r.root_service_name, r.root_operation, r.trace_start, r.trace_ms, r.key,
                   r.service_name, r.operation, r.depth, r.sections, r.exclusive_ms, r.inclusive_ms, r.span_id
            FROM (SELECT g.*,
                         count(*) FILTER (WHERE g.key IS NULL) OVER (ORDER BY g.trace_ms, g.trace_id) AS place,
                         count(*) FILTER (WHERE g.key IS NULL) OVER () AS traces
                  FROM grouped g) r
            WHERE NOT (coalesce(percentile_from, 0) <= 0 AND coalesce(percentile_to, 100) >= 100)
              AND r.place > round(r.traces * coalesce(percentile_from, 0) / 100)
              AND r.place <= round(r.traces * coalesce(percentile_to, 100) / 100)
        ), keys AS (
            SELECT b.key, b.service_name, b.operation, b.depth,
                   count(*) AS traces_with,
                   sum(b.sections) AS sections,
                   (sum(round((b.exclusive_ms * 1000)::numeric)) / 1000)::double precision AS exclusive_total_ms,
                   (sum(round((b.inclusive_ms * 1000)::numeric)) / 1000)::double precision AS inclusive_total_ms,
                   percentile_disc(ARRAY[0.5, 0.95, 0.99, 1]) WITHIN GROUP (ORDER BY b.exclusive_ms) AS quantiles,
                   max(ARRAY[lpad(round((b.exclusive_ms * 1000)::numeric)::text, 20, '0'), b.trace_id, b.span_id] COLLATE "C")
                       AS exemplar
            FROM band b
            GROUP BY b.key, b.service_name, b.operation, b.depth
        ), totals AS (
            SELECT k.*,
                   sum(k.traces_with) FILTER (WHERE k.key IS NULL) OVER () AS traces,
                   sum(k.inclusive_total_ms) FILTER (WHERE k.key IS NULL) OVER () AS latency_ms
            FROM keys k
        )
        SELECT t.key, t.service_name, t.operation, t.depth, t.traces_with, t.sections, t.exclusive_total_ms,
               t.exclusive_total_ms / t.traces::double precision,
               t.exclusive_total_ms / nullif(t.latency_ms, 0),
               t.quantiles[1], t.quantiles[2], t.quantiles[3], t.quantiles[4],
               t.inclusive_total_ms / t.traces::double precision,
               t.exemplar[2], t.exemplar[3]
        -- a row of nothing if there are none, which is told and left out
        FROM totals t RIGHT JOIN (SELECT 1) one ON t.key IS NOT NULL
        WHERE CASE WHEN t.key IS NULL
                   THEN NOT trace_say_unknown(trace_critical_path_profile.root_service)
                   ELSE true END
        ORDER BY t.exclusive_total_ms DESC, t.key;
    END;
COMMENT ON FUNCTION trace_critical_path_profile(timestamptz, timestamptz, text, text, text, double precision, double precision, integer)
    IS 'The critical paths of all traces whose root starts in a window, added up by service, operation or call_path; of those between two percentiles of duration where given (below 0 and above 100 count as 0 and 100, NULL as not given). Averages are over all these traces, percentiles over those that have the key on their path.';

CREATE FUNCTION trace_critical_path_diff(
    base_from timestamptz, base_to timestamptz, other_from timestamptz, other_to timestamptz,
    root_service text DEFAULT NULL, root_operation text DEFAULT NULL, group_by text DEFAULT 'operation',
    percentile_from double precision DEFAULT 0, percentile_to double precision DEFAULT 100,
    max_depth integer DEFAULT 64, slower_ratio double precision DEFAULT 1.2)
    RETURNS TABLE (
        key text,
        change text,
        base_avg_ms double precision,
        other_avg_ms double precision,
        difference_ms double precision,
        base_share double precision,
        other_share double precision,
        base_p95_ms double precision,
        other_p95_ms double precision,
        base_exemplar_trace_id text,
        other_exemplar_trace_id text)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 100
    BEGIN ATOMIC
        SELECT coalesce(b.key, o.key),
               CASE WHEN b.key IS NULL THEN 'new'
                    WHEN o.key IS NULL THEN 'gone'
                    WHEN o.exclusive_avg_ms > b.exclusive_avg_ms AND o.exclusive_avg_ms >= b.exclusive_avg_ms * slower_ratio THEN 'slower'
                    WHEN o.exclusive_avg_ms < b.exclusive_avg_ms AND o.exclusive_avg_ms * slower_ratio <= b.exclusive_avg_ms THEN 'faster'
                    ELSE 'same' END,
               coalesce(b.exclusive_avg_ms, 0), coalesce(o.exclusive_avg_ms, 0),
               coalesce(o.exclusive_avg_ms, 0) - coalesce(b.exclusive_avg_ms, 0),
               b.share, o.share, b.p95_ms, o.p95_ms, b.exemplar_trace_id, o.exemplar_trace_id
        FROM trace_critical_path_profile(base_from, base_to, root_service, root_operation, group_by,
                                         percentile_from, percentile_to, max_depth) b
        FULL JOIN trace_critical_path_profile(other_from, other_to, root_service, root_operation, group_by,
                                              percentile_from, percentile_to, max_depth) o
            ON (b.key, coalesce(b.service_name, ''), coalesce(b.operation, ''), b.depth)
                = (o.key, coalesce(o.service_name, ''), coalesce(o.operation, ''), o.depth)
        ORDER BY abs(coalesce(o.exclusive_avg_ms, 0) - coalesce(b.exclusive_avg_ms, 0)) DESC, coalesce(b.key, o.key);
    END;
COMMENT ON FUNCTION trace_critical_path_diff(timestamptz, timestamptz, timestamptz, timestamptz, text, text, text, double precision, double precision, integer, double precision)
    IS 'The critical path profiles of two windows side by side, the largest difference of averages first, and in one word what became of each: new, gone, slower or faster (its average by slower_ratio or more), same.';

CREATE FUNCTION trace_critical_path_folded(
    from_time timestamptz, to_time timestamptz, root_service text DEFAULT NULL, root_operation text DEFAULT NULL,
    percentile_from double precision DEFAULT 0, percentile_to double precision DEFAULT 100,
    max_depth integer DEFAULT 64)
    RETURNS TABLE (
        stack text,
        exclusive_us bigint)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 100
    BEGIN ATOMIC
        SELECT p.key, round(p.exclusive_total_ms * 1000)::bigint
        FROM trace_critical_path_profile(from_time, to_time, root_service, root_operation, 'call_path',
                                         percentile_from, percentile_to, max_depth) p
        ORDER BY p.key;
    END;
COMMENT ON FUNCTION trace_critical_path_folded(timestamptz, timestamptz, text, text, double precision, double precision, integer)
    IS 'The critical paths of a window as folded stacks for flame graphs: call path, its steps separated by semicolons, always one line, and its exclusive time in microseconds.';

CREATE FUNCTION trace_what_if_profile(
    from_time timestamptz, to_time timestamptz, service_name text, operation text DEFAULT NULL,
    factor double precision DEFAULT 0.5, root_service text DEFAULT NULL, root_operation text DEFAULT NULL)
    RETURNS TABLE (
        traces bigint,
        traces_with bigint,
        traces_switched bigint,
        old_avg_ms double precision,
        new_avg_ms double precision,
        saved_avg_ms double precision,
        old_p50_ms double precision,
        new_p50_ms double precision,
        old_p95_ms double precision,
        new_p95_ms double precision,
        old_p99_ms double precision,
        new_p99_ms double precision)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 1
    BEGIN ATOMIC
        SELECT count(*),
               CASE WHEN count(*) FILTER (WHERE q.matched_spans > 0) = 0
                         AND trace_say_unknown(trace_what_if_profile.service_name) THEN 0
                    ELSE count(*) FILTER (WHERE q.matched_spans > 0) END,
               count(*) FILTER (WHERE q.path_switched),
               avg(q.old_ms), avg(q.new_ms), avg(q.saved_ms),
               percentile_disc(0.5) WITHIN GROUP (ORDER BY q.old_ms),
               percentile_disc(0.5) WITHIN GROUP (ORDER BY q.new_ms),
               percentile_disc(0.95) WITHIN GROUP (ORDER BY q.old_ms),
               percentile_disc(0.95) WITHIN GROUP (ORDER BY q.new_ms),
               percentile_disc(0.99) WITHIN GROUP (ORDER BY q.old_ms),
               percentile_disc(0.99) WITHIN GROUP (ORDER BY q.new_ms)
        FROM trace_trees(from_time, to_time, with_tags => false) t,
             trace_critical_path_groups(t.tree, 'service') g,
             trace_what_if(t.tree, trace_what_if_profile.service_name, trace_what_if_profile.operation, factor) q
        WHERE g.key IS NULL AND g.trace_start >= from_time AND g.trace_start < to_time
          AND (root_service IS NULL OR g.root_service_name = root_service)
          AND (trace_what_if_profile.root_operation IS NULL
               OR g.root_operation = trace_what_if_profile.root_operation);
    END;
COMMENT ON FUNCTION trace_what_if_profile(timestamptz, timestamptz, text, text, double precision, text, text)
    IS 'trace_what_if over all traces whose root starts in a window: mean and percentiles of their durations as they were and as they would be.';

/* The same for the time until now.  Each takes a period and no more than it
 * must: with a second optional argument, calls of the forms above with literals
 * would be ambiguous. */

CREATE FUNCTION trace_trees(period interval)
    RETURNS TABLE (
        trace_id text,
        tree span_tree)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 10000
    BEGIN ATOMIC
        SELECT * FROM trace_trees(now() - period, now());
    END;
COMMENT ON FUNCTION trace_trees(interval)
    IS 'trace_trees() of the time from a period ago until now.';

CREATE FUNCTION trace_critical_path_profile(period interval)
    RETURNS TABLE (
        key text,
        service_name text,
        operation text,
        depth integer,
        traces_with bigint,
        sections bigint,
        exclusive_total_ms double precision,
        exclusive_avg_ms double precision,
        share double precision,
        p50_ms double precision,
        p95_ms double precision,
        p99_ms double precision,
        max_ms double precision,
        inclusive_avg_ms double precision,
        exemplar_trace_id text,
        exemplar_span_id text)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 100
    BEGIN ATOMIC
        SELECT * FROM trace_critical_path_profile(now() - period, now());
    END;
COMMENT ON FUNCTION trace_critical_path_profile(interval)
    IS 'trace_critical_path_profile() of the time from a period ago until now.';

CREATE FUNCTION trace_critical_path_folded(period interval)
    RETURNS TABLE (
        stack text,
        exclusive_us bigint)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 100
    BEGIN ATOMIC
        SELECT * FROM trace_critical_path_folded(now() - period, now());
    END;
COMMENT ON FUNCTION trace_critical_path_folded(interval)
    IS 'trace_critical_path_folded() of the time from a period ago until now.';

CREATE FUNCTION trace_what_if_profile(period interval, service_name text)
    RETURNS TABLE (
        traces bigint,
        traces_with bigint,
        traces_switched bigint,
        old_avg_ms double precision,
        new_avg_ms double precision,
        saved_avg_ms double precision,
        old_p50_ms double precision,
        new_p50_ms double precision,
        old_p95_ms double precision,
        new_p95_ms double precision,
        old_p99_ms double precision,
        new_p99_ms double precision)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 1
    BEGIN ATOMIC
        SELECT * FROM trace_what_if_profile(now() - period, now(), trace_what_if_profile.service_name);
    END;
COMMENT ON FUNCTION trace_what_if_profile(interval, text)
    IS 'trace_what_if_profile() of the time from a period ago until now.';

CREATE FUNCTION trace_critical_path_diff(from_time timestamptz, to_time timestamptz)
    RETURNS TABLE (
        key text,
        change text,
        base_avg_ms double precision,
        other_avg_ms double precision,
        difference_ms double precision,
        base_share double precision,
        other_share double precision,
        base_p95_ms double precision,
        other_p95_ms double precision,
        base_exemplar_trace_id text,
        other_exemplar_trace_id text)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 100
    BEGIN ATOMIC
        SELECT * FROM trace_critical_path_diff(from_time - interval '1 day', to_time - interval '1 day', from_time, to_time);
    END;
COMMENT ON FUNCTION trace_critical_path_diff(timestamptz, timestamptz)
    IS 'trace_critical_path_diff() of a window and the same time of the day before, which is the base.';

CREATE FUNCTION trace_critical_path_diff(period interval)
    RETURNS TABLE (
        key text,
        change text,
        base_avg_ms double precision,
        other_avg_ms double precision,
        difference_ms double precision,
        base_share double precision,
        other_share double precision,
        base_p95_ms double precision,
        other_p95_ms double precision,
        base_exemplar_trace_id text,
        other_exemplar_trace_id text)
    LANGUAGE SQL STABLE PARALLEL SAFE ROWS 100
    BEGIN ATOMIC
        SELECT * FROM trace_critical_path_diff(now() - period, now());
    END;
COMMENT ON FUNCTION trace_critical_path_diff(interval)
    IS 'trace_critical_path_diff() of the time from a period ago until now and the same time yesterday, which is the base.';
