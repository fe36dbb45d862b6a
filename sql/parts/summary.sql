/* One trace for a person: what is in it, what is wrong with it, how it looks. */

CREATE FUNCTION trace_summary(tree span_tree)
    RETURNS TABLE (
        trace_id text,
        root_service_name text,
        root_operation text,
        start_time timestamptz,
        end_time timestamptz,
        wall_ms double precision,
        critical_ms double precision,
        span_count bigint,
        error_count bigint,
        service_count bigint,
        orphan_count bigint,
        root_count bigint,
        max_depth integer,
        max_concurrency integer,
        is_complete boolean)
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 1
    AS 'MODULE_PATHNAME', 'dt_trace_summary';
COMMENT ON FUNCTION trace_summary(span_tree)
    IS 'A tree in one row: its root, first start, last end and their distance in milliseconds, length of the critical path, counts, depth of the deepest span (0 for the root), most spans running at one instant, and whether nothing of it is missing.';

CREATE FUNCTION trace_summary(trace_id text)
    RETURNS TABLE (
        trace_id text,
        root_service_name text,
        root_operation text,
        start_time timestamptz,
        end_time timestamptz,
        wall_ms double precision,
        critical_ms double precision,
        span_count bigint,
        error_count bigint,
        service_count bigint,
        orphan_count bigint,
        root_count bigint,
        max_depth integer,
        max_concurrency integer,
        is_complete boolean)
    LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 1
    AS 'MODULE_PATHNAME', 'dt_trace_summary';
COMMENT ON FUNCTION trace_summary(text)
    IS 'A trace in one row: its root, first start, last end and their distance in milliseconds, length of the critical path, counts, depth of the deepest span (0 for the root), most spans running at one instant, and whether nothing of it is missing.';

CREATE FUNCTION trace_lint(tree span_tree)
    RETURNS TABLE (
        problem text,
        span_id text,
        service_name text,
        operation text,
        detail text)
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 10
    AS 'MODULE_PATHNAME', 'dt_trace_lint';
COMMENT ON FUNCTION trace_lint(span_tree)
    IS 'What is wrong with a tree, one row a problem, in the order of the tree: child_before_parent, child_outlives_parent, clock_skew, cycle, duplicate_id, duration_mismatch, empty_operation, empty_service, missing_start, multiple_roots, negative_duration, no_root, orphan, self_parent, unfinished.';

CREATE FUNCTION trace_lint(trace_id text)
    RETURNS TABLE (
        problem text,
        span_id text,
        service_name text,
        operation text,
        detail text)
    LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 10
    AS 'MODULE_PATHNAME', 'dt_trace_lint';
COMMENT ON FUNCTION trace_lint(text)
    IS 'What is wrong with a trace, one row a problem, in the order of its tree: child_before_parent, child_outlives_parent, clock_skew, cycle, duplicate_id, duration_mismatch, empty_operation, empty_service, missing_start, multiple_roots, negative_duration, no_root, orphan, self_parent, unfinished.';

CREATE FUNCTION trace_waterfall(tree span_tree, width integer DEFAULT 100, show_ids boolean DEFAULT false) RETURNS SETOF text
    LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000 ROWS 100
    AS 'MODULE_PATHNAME', 'dt_trace_waterfall';
COMMENT ON FUNCTION trace_waterfall(span_tree, integer, boolean)
    IS 'A tree as lines of text, at most width columns wide (60 to 10000): each span with its duration and a bar on the time axis, and its id if wanted. Drawn in ASCII unless server and client both use UTF8.';

CREATE FUNCTION trace_waterfall(trace_id text, width integer DEFAULT 100, show_ids boolean DEFAULT false) RETURNS SETOF text
    LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 2000 ROWS 100
    AS 'MODULE_PATHNAME', 'dt_trace_waterfall';
COMMENT ON FUNCTION trace_waterfall(text, integer, boolean)
    IS 'A trace as lines of text, at most width columns wide (60 to 10000): each span with its duration and a bar on the time axis, and its id if wanted. Below them stands what went wrong, as far as it was recorded. Drawn in ASCII unless server and client both use UTF8.';

CREATE FUNCTION trace_waterfall_text(tree span_tree, width integer DEFAULT 100, show_ids boolean DEFAULT false) RETURNS text
    LANGUAGE SQL STABLE STRICT PARALLEL RESTRICTED
    BEGIN ATOMIC
        SELECT string_agg(w.line, E'\n' ORDER BY w.place)
        FROM trace_waterfall(tree, width, show_ids) WITH ORDINALITY AS w (line, place);
    END;
COMMENT ON FUNCTION trace_waterfall_text(span_tree, integer, boolean)
    IS 'A tree as trace_waterfall() draws it, in one text of many lines; NULL if there is none. For a select list, where a set would be a row for every line.';

CREATE FUNCTION trace_waterfall_text(trace_id text, width integer DEFAULT 100, show_ids boolean DEFAULT false) RETURNS text
    LANGUAGE SQL STABLE STRICT PARALLEL RESTRICTED
    BEGIN ATOMIC
        SELECT string_agg(w.line, E'\n' ORDER BY w.place)
        FROM trace_waterfall(trace_id, width, show_ids) WITH ORDINALITY AS w (line, place);
    END;
COMMENT ON FUNCTION trace_waterfall_text(text, integer, boolean)
    IS 'A trace as trace_waterfall() draws it, in one text of many lines; NULL if there is none. For a select list, where a set would be a row for every line.';
