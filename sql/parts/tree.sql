/* The value span_tree, the aggregate that builds it, and its traversal. */

CREATE TYPE span_tree;

CREATE FUNCTION span_tree_in(cstring) RETURNS span_tree
    LANGUAGE C STABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_span_tree_in';
COMMENT ON FUNCTION span_tree_in(cstring) IS 'Reads a span_tree from its JSON text form.';

CREATE FUNCTION span_tree_out(span_tree) RETURNS cstring
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_span_tree_out';
COMMENT ON FUNCTION span_tree_out(span_tree) IS 'Writes a span_tree as JSON text.';

CREATE FUNCTION span_tree_recv(internal) RETURNS span_tree
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_span_tree_recv';
COMMENT ON FUNCTION span_tree_recv(internal) IS 'Reads a span_tree from its binary form.';

CREATE FUNCTION span_tree_send(span_tree) RETURNS bytea
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_span_tree_send';
COMMENT ON FUNCTION span_tree_send(span_tree) IS 'Writes a span_tree in its binary form.';

CREATE TYPE span_tree (
    INPUT = span_tree_in,
    OUTPUT = span_tree_out,
    RECEIVE = span_tree_recv,
    SEND = span_tree_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = double,
    STORAGE = extended
);
COMMENT ON TYPE span_tree IS 'The shape of one trace: its spans as a tree, without their attributes.';

CREATE TYPE trace_tree_row AS (
    ordinal           integer,
    depth             integer,
    span_id           text,
    parent_span_id    text,
    service_name      text,
    operation         text,
    start_time        timestamptz,
    end_time          timestamptz,
    duration_ms       double precision,
    self_ms           double precision,
    child_count       integer,
    descendant_count  integer,
    is_root           boolean,
    is_orphan         boolean,
    is_error          boolean,
    on_critical_path  boolean
);
COMMENT ON TYPE trace_tree_row IS 'A span in its place in the tree of its trace.';
COMMENT ON COLUMN trace_tree_row.ordinal IS 'Position in the whole trace, in depth-first order, from 1; the descendants of a span are the next descendant_count ones.';
COMMENT ON COLUMN trace_tree_row.depth IS 'Steps below the root of the trace; 0 for a root.';
COMMENT ON COLUMN trace_tree_row.span_id IS 'The span.';
COMMENT ON COLUMN trace_tree_row.parent_span_id IS 'Its parent as it was recorded; NULL for a root.';
COMMENT ON COLUMN trace_tree_row.service_name IS 'The service that did the work.';
COMMENT ON COLUMN trace_tree_row.operation IS 'What the service did.';
COMMENT ON COLUMN trace_tree_row.start_time IS 'When it started.';
COMMENT ON COLUMN trace_tree_row.end_time IS 'When it ended; NULL if it has not.';
COMMENT ON COLUMN trace_tree_row.duration_ms IS 'Duration in milliseconds; NULL while unfinished.';
COMMENT ON COLUMN trace_tree_row.self_ms IS 'Milliseconds in which none of its children ran; NULL while unfinished.';
COMMENT ON COLUMN trace_tree_row.child_count IS 'Number of its children.';
COMMENT ON COLUMN trace_tree_row.descendant_count IS 'Number of spans below it.';
COMMENT ON COLUMN trace_tree_row.is_root IS 'Whether it was recorded without a parent.';
COMMENT ON COLUMN trace_tree_row.is_orphan IS 'Whether its parent was never recorded.';
COMMENT ON COLUMN trace_tree_row.is_error IS 'Whether it failed.';
COMMENT ON COLUMN trace_tree_row.on_critical_path IS 'Whether the end of the trace waited for it, see trace_critical_path(); always of the whole trace.';

CREATE FUNCTION span_tree_agg_add(
    state span_tree, trace_id text, span_id text, parent_span_id text, service_name text, operation text,
    start_time timestamptz, end_time timestamptz, duration_ms numeric, kind text, is_error boolean)
    RETURNS span_tree
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_span_tree_agg_add';
COMMENT ON FUNCTION span_tree_agg_add(span_tree, text, text, text, text, text, timestamptz, timestamptz, numeric, text, boolean)
    IS 'Transition function of span_tree_agg over columns.';

CREATE FUNCTION span_tree_agg_add(
    state span_tree, trace_id text, span_id text, parent_span_id text, service_name text, operation text,
    start_time timestamptz, end_time timestamptz, duration_ms numeric, kind text, is_error boolean, is_async boolean)
    RETURNS span_tree
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_span_tree_agg_add';
COMMENT ON FUNCTION span_tree_agg_add(span_tree, text, text, text, text, text, timestamptz, timestamptz, numeric, text, boolean, boolean)
    IS 'Transition function of span_tree_agg over columns, with asynchronous spans.';

CREATE FUNCTION span_tree_agg_add_row(state span_tree, span distributed_trace_log) RETURNS span_tree
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_span_tree_agg_add_row';
COMMENT ON FUNCTION span_tree_agg_add_row(span_tree, distributed_trace_log)
    IS 'Transition function of span_tree_agg over rows.';

CREATE FUNCTION span_tree_agg_combine(state span_tree, other span_tree) RETURNS span_tree
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_span_tree_agg_combine';
COMMENT ON FUNCTION span_tree_agg_combine(span_tree, span_tree) IS 'Combine function of span_tree_agg.';

CREATE FUNCTION span_tree_agg_final(state span_tree) RETURNS span_tree
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_span_tree_agg_final';
COMMENT ON FUNCTION span_tree_agg_final(span_tree) IS 'Final function of span_tree_agg.';

CREATE AGGREGATE span_tree_agg(
    trace_id text, span_id text, parent_span_id text, service_name text, operation text,
    start_time timestamptz, end_time timestamptz, duration_ms numeric, kind text, is_error boolean) (
    SFUNC = span_tree_agg_add,
    STYPE = span_tree,
    SSPACE = 4096,
    COMBINEFUNC = span_tree_agg_combine,
    FINALFUNC = span_tree_agg_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE span_tree_agg(text, text, text, text, text, timestamptz, timestamptz, numeric, text, boolean)
    IS 'The tree of the spans of one trace, from columns of any table.';

CREATE AGGREGATE span_tree_agg(
    trace_id text, span_id text, parent_span_id text, service_name text, operation text,
    start_time timestamptz, end_time timestamptz, duration_ms numeric, kind text, is_error boolean, is_async boolean) (
    SFUNC = span_tree_agg_add,
    STYPE = span_tree,
    SSPACE = 4096,
    COMBINEFUNC = span_tree_agg_combine,
    FINALFUNC = span_tree_agg_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE span_tree_agg(text, text, text, text, text, timestamptz, timestamptz, numeric, text, boolean, boolean)
    IS 'The tree of the spans of one trace, from columns of any table that also say which spans nobody waits for.';

CREATE AGGREGATE span_tree_agg(span distributed_trace_log) (
    SFUNC = span_tree_agg_add_row,
    STYPE = span_tree,
    SSPACE = 4096,
    COMBINEFUNC = span_tree_agg_combine,
    FINALFUNC = span_tree_agg_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE span_tree_agg(distributed_trace_log)
    IS 'The tree of the spans of one trace, from rows of distributed_trace_log.';

CREATE FUNCTION trace_get(trace_id text) RETURNS span_tree
    LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000
    AS 'MODULE_PATHNAME', 'dt_trace_get';
COMMENT ON FUNCTION trace_get(text) IS 'The tree of a trace of the log; NULL if it has no spans.';

CREATE FUNCTION trace_tree(tree span_tree, root_span_id text DEFAULT NULL, max_depth integer DEFAULT NULL)
    RETURNS SETOF trace_tree_row
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 100
    AS 'MODULE_PATHNAME', 'dt_trace_tree';
COMMENT ON FUNCTION trace_tree(span_tree, text, integer)
    IS 'The spans of a tree in depth-first order; of the part below root_span_id, and no more than max_depth steps down, where given.';

CREATE FUNCTION trace_tree(trace_id text, root_span_id text DEFAULT NULL, max_depth integer DEFAULT NULL)
    RETURNS SETOF trace_tree_row
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 100
    AS 'MODULE_PATHNAME', 'dt_trace_tree';
COMMENT ON FUNCTION trace_tree(text, text, integer)
    IS 'The spans of a trace in depth-first order; of the part below root_span_id, and no more than max_depth steps down, where given.';

CREATE FUNCTION trace_ancestors(tree span_tree, span_id text, max_distance integer DEFAULT NULL)
    RETURNS SETOF trace_tree_row
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 10
    AS 'MODULE_PATHNAME', 'dt_trace_ancestors';
COMMENT ON FUNCTION trace_ancestors(span_tree, text, integer)
    IS 'The spans of a tree above a span, from the root down; at most max_distance steps up where given.';

CREATE FUNCTION trace_ancestors(trace_id text, span_id text, max_distance integer DEFAULT NULL)
    RETURNS SETOF trace_tree_row
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10
    AS 'MODULE_PATHNAME', 'dt_trace_ancestors';
COMMENT ON FUNCTION trace_ancestors(text, text, integer)
    IS 'The spans of a trace above a span, from the root down; at most max_distance steps up where given.';

CREATE FUNCTION trace_descendants(tree span_tree, span_id text, max_distance integer DEFAULT NULL)
    RETURNS SETOF trace_tree_row
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 100
    AS 'MODULE_PATHNAME', 'dt_trace_descendants';
COMMENT ON FUNCTION trace_descendants(span_tree, text, integer)
    IS 'The spans of a tree below a span; at most max_distance steps down where given.';

CREATE FUNCTION trace_descendants(trace_id text, span_id text, max_distance integer DEFAULT NULL)
    RETURNS SETOF trace_tree_row
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 100
    AS 'MODULE_PATHNAME', 'dt_trace_descendants';
COMMENT ON FUNCTION trace_descendants(text, text, integer)
    IS 'The spans of a trace below a span; at most max_distance steps down where given.';

CREATE FUNCTION trace_siblings(tree span_tree, span_id text)
    RETURNS SETOF trace_tree_row
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 10
    AS 'MODULE_PATHNAME', 'dt_trace_siblings';
COMMENT ON FUNCTION trace_siblings(span_tree, text)
    IS 'The other spans of a tree with the same parent; for a root, the other roots.';

CREATE FUNCTION trace_siblings(trace_id text, span_id text)
    RETURNS SETOF trace_tree_row
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10
    AS 'MODULE_PATHNAME', 'dt_trace_siblings';
COMMENT ON FUNCTION trace_siblings(text, text)
    IS 'The other spans of a trace with the same parent; for a root, the other roots.';

CREATE FUNCTION trace_leaves(tree span_tree)
    RETURNS SETOF trace_tree_row
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 100
    AS 'MODULE_PATHNAME', 'dt_trace_leaves';
COMMENT ON FUNCTION trace_leaves(span_tree)
    IS 'The spans of a tree that have no children.';

CREATE FUNCTION trace_leaves(trace_id text)
    RETURNS SETOF trace_tree_row
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 100
    AS 'MODULE_PATHNAME', 'dt_trace_leaves';
COMMENT ON FUNCTION trace_leaves(text)
    IS 'The spans of a trace that have no children.';

CREATE FUNCTION trace_roots(tree span_tree)
    RETURNS SETOF trace_tree_row
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 1
    AS 'MODULE_PATHNAME', 'dt_trace_roots';
COMMENT ON FUNCTION trace_roots(span_tree)
    IS 'The spans of a tree that nothing lies above: true roots, orphans and where cycles were cut.';

CREATE FUNCTION trace_roots(trace_id text)
    RETURNS SETOF trace_tree_row
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 1
    AS 'MODULE_PATHNAME', 'dt_trace_roots';
COMMENT ON FUNCTION trace_roots(text)
    IS 'The spans of a trace that nothing lies above: true roots, orphans and where cycles were cut.';

CREATE FUNCTION trace_path(tree span_tree, from_span_id text, to_span_id text)
    RETURNS SETOF trace_tree_row
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 10
    AS 'MODULE_PATHNAME', 'dt_trace_path';
COMMENT ON FUNCTION trace_path(span_tree, text, text)
    IS 'The spans of a tree on the way from one span to another, over their common ancestor, in that order; none if there is no way.';

CREATE FUNCTION trace_path(trace_id text, from_span_id text, to_span_id text)
    RETURNS SETOF trace_tree_row
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10
    AS 'MODULE_PATHNAME', 'dt_trace_path';
COMMENT ON FUNCTION trace_path(text, text, text)
    IS 'The spans of a trace on the way from one span to another, over their common ancestor, in that order; none if there is no way.';

CREATE FUNCTION trace_common_ancestor(tree span_tree, span_id text, other_span_id text) RETURNS text
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100
    AS 'MODULE_PATHNAME', 'dt_trace_common_ancestor';
COMMENT ON FUNCTION trace_common_ancestor(span_tree, text, text)
    IS 'The lowest span of a tree that two spans lie below, or are; NULL if there is none.';

CREATE FUNCTION trace_common_ancestor(trace_id text, span_id text, other_span_id text) RETURNS text
    LANGUAGE C STABLE PARALLEL SAFE COST 1000
    AS 'MODULE_PATHNAME', 'dt_trace_common_ancestor';
COMMENT ON FUNCTION trace_common_ancestor(text, text, text)
    IS 'The lowest span of a trace that two spans lie below, or are; NULL if there is none.';
