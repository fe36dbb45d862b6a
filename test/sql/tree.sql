-- The tree of a trace: what the builder makes of whatever was recorded, and
-- the functions that walk it.
\set VERBOSITY terse
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
\pset null -

-- Spans in brief: times are milliseconds after 2026-01-01, or NULL.
CREATE TABLE pg_temp.spans (
	trace text, span text, parent text, from_ms float8, to_ms float8,
	duration numeric, operation text DEFAULT 'op', is_error boolean);

CREATE FUNCTION pg_temp.moment(ms float8) RETURNS timestamptz LANGUAGE sql STABLE AS
	$$SELECT timestamptz '2026-01-01 00:00:00Z' + ms * interval '1 ms'$$;

CREATE FUNCTION pg_temp.tree_of(trace text) RETURNS span_tree LANGUAGE sql AS $$
	SELECT span_tree_agg(s.trace, span, parent, 'service', operation, pg_temp.moment(from_ms), pg_temp.moment(to_ms), duration, NULL, is_error)
	FROM pg_temp.spans s WHERE s.trace = $1
$$;

-- the columns that tell where a span lies
CREATE FUNCTION pg_temp.places(tree span_tree, OUT n integer, OUT span text, OUT parent text, OUT ms float8, OUT self float8,
                               OUT children integer, OUT below integer, OUT marks text)
RETURNS SETOF record LANGUAGE sql AS $$
	SELECT ordinal, repeat('. ', depth) || span_id, parent_span_id, duration_ms, self_ms, child_count, descendant_count,
	       concat_ws(' ', CASE WHEN is_root THEN 'root' END, CASE WHEN is_orphan THEN 'orphan' END, CASE WHEN is_error THEN 'error' END)
	FROM trace_tree(tree)
$$;

-- what became of a command: 'ok', or its error
CREATE FUNCTION pg_temp.outcome(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE command;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' / ', SQLSTATE || ': ' || SQLERRM, nullif(hint, ''));
END $$;

--
-- Shapes
--

-- an ordinary trace: children that overlap, and one that outlives its parent
INSERT INTO pg_temp.spans VALUES
	('plain', 'a', NULL, 0, 100), ('plain', 'b', 'a', 10, 40), ('plain', 'c', 'a', 30, 60), ('plain', 'd', 'c', 35, 55), ('plain', 'e', 'a', 80, 120);
UPDATE pg_temp.spans SET is_error = true WHERE trace = 'plain' AND span = 'd';
SELECT * FROM pg_temp.places(pg_temp.tree_of('plain'));
-- the other columns
SELECT span_id, service_name, operation, start_time, end_time FROM trace_tree(pg_temp.tree_of('plain')) WHERE depth < 2;

-- orphans keep what is below them, beside a root that starts later
INSERT INTO pg_temp.spans VALUES
	('orphans', 'child', 'lost', 0, 10), ('orphans', 'grandchild', 'child', 2, 4), ('orphans', 'root', NULL, 5, 20), ('orphans', 'late', 'lost', 9, 12);
SELECT * FROM pg_temp.places(pg_temp.tree_of('orphans'));

-- several roots, in order of start, then id; every way to say "no parent"
INSERT INTO pg_temp.spans VALUES
	('roots', 'z', NULL, 0, 1), ('roots', 'b', '', 1, 2), ('roots', 'a', '0000000000000000', 1, 2), ('roots', 'y', 'y', 0, 1), ('roots', 'below a', 'a', 0, 1),
	('roots', '0', NULL, 3, 4), ('roots', 'not below 0', '0', 3, 4);
SELECT * FROM pg_temp.places(pg_temp.tree_of('roots'));

-- no root at all
INSERT INTO pg_temp.spans VALUES ('no root', 'b', 'lost', 1, 2), ('no root', 'a', 'lost', 1, 2), ('no root', 'c', 'a', 1, 2);
SELECT * FROM pg_temp.places(pg_temp.tree_of('no root'));

-- cycles are cut above their earliest span; what hangs off them stays
INSERT INTO pg_temp.spans VALUES
	('cycle of 2', 'a', 'b', 1, 2), ('cycle of 2', 'b', 'a', 0, 3),
	('cycle of 3', 'a', 'c', 2, 3), ('cycle of 3', 'b', 'a', 1, 5), ('cycle of 3', 'c', 'b', 3, 4), ('cycle of 3', 'tail', 'a', 0, 9), ('cycle of 3', 'tip', 'tail', 0, 9),
	('cycle, tie', 'b', 'c', 1, 2), ('cycle, tie', 'c', 'a', 1, 2), ('cycle, tie', 'a', 'b', 1, 2),
	('two cycles', 'a', 'b', 0, 1), ('two cycles', 'b', 'a', 1, 2), ('two cycles', 'c', 'd', 1, 1), ('two cycles', 'd', 'c', 0, 1), ('two cycles', 'root', NULL, 5, 6);
SELECT * FROM pg_temp.places(pg_temp.tree_of('cycle of 2'));
SELECT * FROM pg_temp.places(pg_temp.tree_of('cycle of 3'));
SELECT * FROM pg_temp.places(pg_temp.tree_of('cycle, tie'));
SELECT * FROM pg_temp.places(pg_temp.tree_of('two cycles'));
-- of any length: one root, and each span below the one before
SELECT length, count(*) AS spans, count(*) FILTER (WHERE depth = 0) AS tops, min(span_id) FILTER (WHERE depth = 0) AS top, max(depth) AS deepest,
       bool_and(depth = ordinal - 1) AS is_chain, bool_or(is_root OR is_orphan) AS is_root_or_orphan
FROM unnest(ARRAY[2, 4, 7, 100, 1000, 30000]) length,
     LATERAL (SELECT span_tree_agg('t', 's' || i, 's' || (i + 1) % length, 's', 'o', pg_temp.moment((i + length / 2) % length), pg_temp.moment(i + length), NULL, NULL, NULL) AS tree
              FROM generate_series(0, length - 1) i) s,
     trace_tree(s.tree)
GROUP BY length ORDER BY length;

-- of spans that share an id the longest owns the children, then the earliest,
-- then the first by name; the copies stay below their own parents
INSERT INTO pg_temp.spans (trace, span, parent, from_ms, to_ms, operation) VALUES
	('copies', 'root', NULL, 0, 100, 'op'), ('copies', 'other', 'root', 50, 60, 'op'), ('copies', 'leaf', 'twice', 12, 13, 'op'),
	('copies', 'twice', 'root', 10, 20, 'short'), ('copies', 'twice', 'other', 55, 70, 'long'),
	('equal copies', 'twice', NULL, 10, 20, 'second'), ('equal copies', 'twice', NULL, 10, 20, 'first'), ('equal copies', 'twice', NULL, 11, 21, 'later'),
	('equal copies', 'leaf', 'twice', 12, 13, 'op'),
	('copied word for word', 'a', NULL, 0, 2, 'op'), ('copied word for word', 'a', NULL, 0, 2, 'op'), ('copied word for word', 'b', 'a', 0, 1, 'op'), ('copied word for word', 'b', 'a', 0, 1, 'op'),
	('copy below itself', 'a', NULL, 0, 9, 'op'), ('copy below itself', 'a', 'b', 2, 3, 'op'), ('copy below itself', 'b', 'a', 1, 4, 'op'),
	('copy names itself', 'a', NULL, 0, 9, 'op'), ('copy names itself', 'a', 'a', 2, 3, 'op'),
	('owner before its copy', 'a', NULL, 0, 5, 'a short'), ('owner before its copy', 'a', NULL, 0, 9, 'z long'),
	('copy without start', 'a', NULL, NULL, 9, 'no start'), ('copy without start', 'a', NULL, 5, NULL, 'started'), ('copy without start', 'b', 'a', 6, 7, 'op'),
	('unfinished copy', 'a', NULL, 0, NULL, 'started'), ('unfinished copy', 'a', NULL, 0, 9, 'finished'), ('unfinished copy', 'b', 'a', 1, 2, 'op');
SELECT p.*, t.operation FROM pg_temp.tree_of('copies') tree, pg_temp.places(tree) p, trace_tree(tree) t WHERE p.n = t.ordinal ORDER BY n;
SELECT p.*, t.operation FROM pg_temp.tree_of('equal copies') tree, pg_temp.places(tree) p, trace_tree(tree) t WHERE p.n = t.ordinal ORDER BY n;
SELECT * FROM pg_temp.places(pg_temp.tree_of('copied word for word'));
SELECT * FROM pg_temp.places(pg_temp.tree_of('copy below itself'));
SELECT * FROM pg_temp.places(pg_temp.tree_of('copy names itself'));
SELECT p.*, t.operation FROM pg_temp.tree_of('unfinished copy') tree, pg_temp.places(tree) p, trace_tree(tree) t WHERE p.n = t.ordinal ORDER BY n;
SELECT p.*, t.operation FROM pg_temp.tree_of('owner before its copy') tree, pg_temp.places(tree) p, trace_tree(tree) t WHERE p.n = t.ordinal ORDER BY n;
SELECT p.*, t.operation FROM pg_temp.tree_of('copy without start') tree, pg_temp.places(tree) p, trace_tree(tree) t WHERE p.n = t.ordinal ORDER BY n;
-- a name that several share means the owner
SELECT ordinal, operation FROM trace_tree(pg_temp.tree_of('copies'), 'twice');
SELECT span_id, operation FROM trace_siblings(pg_temp.tree_of('equal copies'), 'twice');

-- durations: zero, negative, unfinished, measured otherwise, and what is known only in part
INSERT INTO pg_temp.spans (trace, span, parent, from_ms, to_ms, duration) VALUES
	('durations', 'root', NULL, 0, 100, NULL),
	('durations', '1 zero', 'root', 5, 5, NULL),
	('durations', '2 negative', 'root', 30, 10, NULL),
	('durations', '2a below negative', '2 negative', 25, 35, NULL),
	('durations', '3 unfinished', 'root', 40, NULL, NULL),
	('durations', '3a below unfinished', '3 unfinished', 45, 50, NULL),
	('durations', '3b below, unfinished', '3 unfinished', 60, NULL, NULL),
	('durations', '4 measured', 'root', 70, 80, 12.345),
	('durations', '5 measured, no end', 'root', 85, NULL, 5),
	('durations', '5a below', '5 measured, no end', 86, 87, NULL),
	('durations', '6 no start', 'root', NULL, 99, NULL),
	('durations', '7 nothing known', 'root', NULL, NULL, NULL);
SELECT * FROM pg_temp.places(pg_temp.tree_of('durations'));
-- a root that is not finished
INSERT INTO pg_temp.spans (trace, span, parent, from_ms, to_ms) VALUES
	('running', 'root', NULL, 0, NULL), ('running', 'a', 'root', 1, 5), ('running', 'b', 'root', 6, NULL);
SELECT * FROM pg_temp.places(pg_temp.tree_of('running'));
-- infinite and extreme times
SELECT span_id, start_time, end_time, duration_ms, self_ms FROM trace_tree((
	SELECT span_tree_agg('t', span, CASE WHEN span <> 'a' THEN 'a' END, 's', 'o', from_time, to_time, NULL, NULL, NULL)
	FROM (VALUES ('a', timestamptz '4713-01-01 00:00:00Z BC', timestamptz '294276-12-31 23:59:59.999999Z'), ('b', '-infinity', '2026-01-01'),
	             ('c', '2026-01-01', 'infinity'), ('d', '294276-12-31 23:59:59.999999Z', '4713-01-01 00:00:00Z BC')) v (span, from_time, to_time)));

--
-- Walking
--

CREATE VIEW pg_temp.plain AS SELECT pg_temp.tree_of('plain') AS tree;
SELECT depth, span_id FROM pg_temp.plain, trace_tree(tree, 'c');
SELECT depth, span_id FROM pg_temp.plain, trace_tree(tree, 'a', 1);
SELECT depth, span_id FROM pg_temp.plain, trace_tree(tree, 'c', 0);
SELECT depth, span_id FROM pg_temp.plain, trace_tree(tree, NULL, 0);
SELECT depth, span_id FROM pg_temp.plain, trace_tree(tree, max_depth => 1);
SELECT count(*) FROM pg_temp.plain, trace_tree(tree, 'c', 2147483647);
SELECT depth, span_id FROM pg_temp.plain, trace_ancestors(tree, 'd');
SELECT depth, span_id FROM pg_temp.plain, trace_ancestors(tree, 'd', 1);
SELECT depth, span_id FROM pg_temp.plain, trace_ancestors(tree, 'd', 0);
SELECT count(*) FROM pg_temp.plain, trace_ancestors(tree, 'a');
SELECT depth, span_id FROM pg_temp.plain, trace_descendants(tree, 'a');
SELECT depth, span_id FROM pg_temp.plain, trace_descendants(tree, 'a', 1);
SELECT count(*) FROM pg_temp.plain, trace_descendants(tree, 'a', 0);
SELECT count(*) FROM pg_temp.plain, trace_descendants(tree, 'e');
SELECT span_id FROM pg_temp.plain, trace_siblings(tree, 'c');
SELECT count(*) FROM pg_temp.plain, trace_siblings(tree, 'd');
SELECT span_id FROM trace_siblings(pg_temp.tree_of('orphans'), 'late');
SELECT span_id FROM pg_temp.plain, trace_leaves(tree);
SELECT span_id FROM trace_leaves(pg_temp.tree_of('cycle of 3'));
SELECT span_id FROM pg_temp.plain, trace_roots(tree);
SELECT span_id, is_root, is_orphan FROM trace_roots(pg_temp.tree_of('two cycles'));
SELECT span_id, is_root, is_orphan FROM trace_roots(pg_temp.tree_of('orphans'));
-- pairs, either way round
SELECT x, y, trace_common_ancestor(tree, x, y), (SELECT string_agg(span_id, ' ') FROM trace_path(tree, x, y)) AS path
FROM pg_temp.plain, unnest(ARRAY['a', 'b', 'c', 'd', 'd', 'd', 'e'], ARRAY['a', 'c', 'd', 'a', 'b', 'c', 'd']) u (x, y);
-- spans that nothing joins
SELECT trace_common_ancestor(tree, 'grandchild', 'root'), (SELECT count(*) FROM trace_path(tree, 'grandchild', 'root')) FROM pg_temp.tree_of('orphans') tree;
SELECT trace_common_ancestor(tree, 'root', 'late'), (SELECT count(*) FROM trace_path(tree, 'root', 'late')) FROM pg_temp.tree_of('orphans') tree;
-- in the select list
SELECT (trace_roots(tree)).span_id, trace_leaves(tree) IS NOT NULL AS leaf FROM pg_temp.plain;

-- what is not there
SELECT pg_temp.outcome('SELECT * FROM pg_temp.plain, trace_tree(tree, ''nowhere'')');
SELECT pg_temp.outcome('SELECT * FROM pg_temp.plain, trace_ancestors(tree, ''nowhere'')');
SELECT pg_temp.outcome('SELECT * FROM pg_temp.plain, trace_descendants(tree, ''nowhere'')');
SELECT pg_temp.outcome('SELECT * FROM pg_temp.plain, trace_siblings(tree, '''')');
SELECT pg_temp.outcome('SELECT * FROM pg_temp.plain, trace_path(tree, ''a'', ''nowhere'')');
SELECT pg_temp.outcome('SELECT * FROM pg_temp.plain, trace_path(tree, ''nowhere'', ''a'')');
SELECT pg_temp.outcome('SELECT trace_common_ancestor(tree, ''a'', ''nowhere'') FROM pg_temp.plain');
SELECT pg_temp.outcome('SELECT trace_common_ancestor(tree, ''A'', ''a'') FROM pg_temp.plain');
-- distances are not negative
SELECT pg_temp.outcome('SELECT * FROM pg_temp.plain, trace_tree(tree, NULL, -1)');
SELECT pg_temp.outcome('SELECT * FROM pg_temp.plain, trace_ancestors(tree, ''d'', -1)');
SELECT pg_temp.outcome('SELECT * FROM pg_temp.plain, trace_descendants(tree, ''a'', -2147483648)');
-- NULL: no tree, no span, no limit
SELECT (SELECT count(*) FROM trace_tree(NULL::span_tree)) AS tree, (SELECT count(*) FROM trace_ancestors(NULL::span_tree, 'a')) AS ancestors,
       (SELECT count(*) FROM trace_descendants(NULL::span_tree, 'a')) AS descendants, (SELECT count(*) FROM trace_siblings(NULL::span_tree, 'a')) AS siblings,
       (SELECT count(*) FROM trace_leaves(NULL::span_tree)) AS leaves, (SELECT count(*) FROM trace_roots(NULL::span_tree)) AS roots,
       (SELECT count(*) FROM trace_path(NULL::span_tree, 'a', 'a')) AS path, trace_common_ancestor(NULL::span_tree, 'a', 'a');
SELECT (SELECT count(*) FROM trace_tree(tree, NULL, NULL)) AS tree, (SELECT count(*) FROM trace_ancestors(tree, NULL)) AS ancestors, (SELECT count(*) FROM trace_ancestors(tree, 'd', NULL)) AS all_ancestors,
       (SELECT count(*) FROM trace_descendants(tree, NULL)) AS descendants, (SELECT count(*) FROM trace_siblings(tree, NULL)) AS siblings,
       (SELECT count(*) FROM trace_path(tree, 'a', NULL)) AS path, (SELECT count(*) FROM trace_path(tree, NULL, 'a')) AS path,
       trace_common_ancestor(tree, 'a', NULL), trace_common_ancestor(tree, NULL, 'a') FROM pg_temp.plain;
-- a tree of no spans
SELECT (SELECT count(*) FROM trace_tree(tree)), (SELECT count(*) FROM trace_leaves(tree)), (SELECT count(*) FROM trace_roots(tree)) FROM (VALUES (span_tree '{"trace_id": "t", "spans": []}')) v (tree);
SELECT pg_temp.outcome($$SELECT trace_common_ancestor(span_tree '{"trace_id": "t", "spans": []}', 'a', 'a')$$);

--
-- The same of a trace of the log
--

BEGIN;
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, tags)
SELECT 'of the log', span, parent, 'service', operation, pg_temp.moment(from_ms), pg_temp.moment(to_ms), duration, CASE WHEN is_error THEN '{"error": true}'::jsonb END
FROM pg_temp.spans WHERE trace = 'plain';
SELECT * FROM trace_tree('of the log') EXCEPT SELECT t.* FROM pg_temp.plain, trace_tree(tree) t;
SELECT * FROM trace_tree('of the log', 'c', 0);
SELECT span_id FROM trace_ancestors('of the log', 'd', 1);
SELECT span_id FROM trace_descendants('of the log', 'a', 1);
SELECT span_id FROM trace_siblings('of the log', 'b');
SELECT span_id FROM trace_leaves('of the log');
SELECT span_id FROM trace_roots('of the log');
SELECT span_id FROM trace_path('of the log', 'd', 'b');
SELECT trace_common_ancestor('of the log', 'd', 'b');
SELECT count(*) FROM trace_tree(trace_get('of the log'));
-- ids of other string types
SELECT count(*) FROM trace_tree('of the log'::varchar), trace_roots('of the log'::name);
-- a function's own snapshot: rows of this command are not seen yet
WITH w AS (INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time) VALUES ('of the log', 'new', 's', 'o', now()) RETURNING 1)
SELECT (SELECT count(*) FROM w) AS inserted, (SELECT count(*) FROM trace_tree('of the log')) AS seen;
SELECT count(*) FROM trace_tree('of the log');

-- an unknown trace
SELECT trace_get('no such trace') IS NULL AS is_null, trace_get(NULL) IS NULL AS null_is_null, trace_common_ancestor('no such trace', 'a', 'b');
SELECT (SELECT count(*) FROM trace_tree('no such trace')) AS tree, (SELECT count(*) FROM trace_tree('no such trace', 'a')) AS part, (SELECT count(*) FROM trace_ancestors('no such trace', 'a')) AS ancestors,
       (SELECT count(*) FROM trace_descendants('no such trace', 'a')) AS descendants, (SELECT count(*) FROM trace_siblings('no such trace', 'a')) AS siblings,
       (SELECT count(*) FROM trace_leaves('no such trace')) AS leaves, (SELECT count(*) FROM trace_roots('no such trace')) AS roots, (SELECT count(*) FROM trace_path('no such trace', 'a', 'b')) AS path,
       (SELECT count(*) FROM trace_tree(NULL::text)) AS null_tree;
SELECT pg_temp.outcome($$SELECT * FROM trace_tree('of the log', 'nowhere')$$);
SELECT pg_temp.outcome($$SELECT * FROM trace_ancestors('of the log', 'nowhere')$$);

-- an id is looked up as it is given, and only then in its normal form
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time) VALUES
	('ABCDEF0123456789', 'as inserted', 's', 'o', now()), ('0000000000000000abcdef0123456789', 'normal', 's', 'o', now()),
	('0000000000000000abcdef01234567aa', 'normal only', 's', 'o', now());
SELECT id, (SELECT string_agg(span_id, ' ') FROM trace_tree(id)) AS found
FROM unnest(ARRAY['ABCDEF0123456789', 'abcdef0123456789', '0000000000000000ABCDEF0123456789', 'ABCDEF01234567AA', '0000000000000000abcdef01234567aa', 'bcdef01234567aa']) id;
ROLLBACK;

--
-- Whatever the order of the rows
--

-- 1000 spans of 20 ids whose parents, times and names are drawn at random, with
-- many ties
CREATE TABLE pg_temp.mess AS
SELECT i, 's' || h % 20 AS span, CASE WHEN h2 % 30 > 0 THEN 's' || h2 % 22 END AS parent, 'v' || h3 % 2 AS service, 'o' || h4 % 2 AS operation,
       CASE WHEN h5 % 20 > 0 THEN h5 % 2 END AS from_ms, CASE WHEN h6 % 8 > 0 THEN h6 % 3 END AS to_ms, CASE WHEN h7 % 3 > 0 THEN h7 % 7 END AS duration,
       (ARRAY['client', 'server', NULL])[h8 % 3 + 1] AS kind, h8 % 2 = 0 AS is_error
FROM generate_series(1, 1000) i,
     LATERAL (SELECT n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8]
              FROM (SELECT array_agg(('x' || substr(md5('d' || i || ' ' || k), 1, 7))::bit(28)::integer ORDER BY k) AS n FROM generate_series(1, 8) k) a) h (h, h2, h3, h4, h5, h6, h7, h8);
CREATE FUNCTION pg_temp.mess_tree(seed text) RETURNS span_tree LANGUAGE sql AS $$
	SELECT span_tree_agg('t', span, parent, service, operation, pg_temp.moment(from_ms), pg_temp.moment(to_ms), duration, kind, is_error ORDER BY md5(seed || i)) FROM pg_temp.mess
$$;
SELECT count(*) AS orders, count(DISTINCT pg_temp.mess_tree(k::text)::text) AS texts, count(DISTINCT span_tree_send(pg_temp.mess_tree(k::text))) AS binaries,
       count(DISTINCT (SELECT md5(string_agg(r::text, ' ' ORDER BY ordinal)) FROM trace_tree(pg_temp.mess_tree(k::text)) r)) AS trees
FROM generate_series(1, 20) k;
-- nothing is lost, and the columns agree with one another
CREATE TABLE pg_temp.mess_rows AS SELECT * FROM trace_tree(pg_temp.mess_tree(''));
SELECT count(*), count(*) FILTER (WHERE is_root AND parent_span_id IS NULL) AS roots, count(*) FILTER (WHERE is_orphan) AS orphans,
       count(*) FILTER (WHERE depth = 0 AND NOT is_root AND NOT is_orphan) AS cycles,
       bool_and(is_root) FILTER (WHERE parent_span_id IS NULL OR parent_span_id = span_id) AS no_parent_is_root,
       bool_and(is_orphan = (parent_span_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM pg_temp.mess m WHERE m.span = parent_span_id))) AS orphans_agree
FROM pg_temp.mess_rows;
SELECT count(*) FILTER (WHERE child_count <> (SELECT count(*) FROM pg_temp.mess_rows c WHERE c.depth = p.depth + 1 AND c.ordinal > p.ordinal AND c.ordinal <= p.ordinal + p.descendant_count)) AS wrong_child_counts,
       count(*) FILTER (WHERE descendant_count <> coalesce((SELECT min(n.ordinal) FROM pg_temp.mess_rows n WHERE n.ordinal > p.ordinal AND n.depth <= p.depth), 1001) - p.ordinal - 1) AS wrong_descendant_counts,
       count(*) FILTER (WHERE depth > 0 AND parent_span_id <> (SELECT span_id FROM pg_temp.mess_rows a WHERE a.ordinal < p.ordinal AND a.depth = p.depth - 1 ORDER BY ordinal DESC LIMIT 1)) AS wrong_parents
FROM pg_temp.mess_rows p;
SELECT span, parent, service, operation, pg_temp.moment(from_ms), pg_temp.moment(to_ms), is_error FROM pg_temp.mess
EXCEPT ALL SELECT span_id, parent_span_id, service_name, operation, start_time, end_time, is_error FROM pg_temp.mess_rows;

-- self time against every millisecond looked at by itself
CREATE TABLE pg_temp.self_times AS
SELECT t AS trace, 's' || i AS span, CASE WHEN i > 1 THEN 's' || 1 + ('x' || substr(md5(t || ' p ' || i), 1, 7))::bit(28)::integer % (i - 1) END AS parent,
       ('x' || substr(md5(t || ' a ' || i), 1, 7))::bit(28)::integer % 60 AS from_ms, ('x' || substr(md5(t || ' b ' || i), 1, 7))::bit(28)::integer % 60 AS to_ms
FROM generate_series(1, 40) t, generate_series(1, 12) i;
SELECT count(*), count(*) FILTER (WHERE self_ms <> (
           SELECT count(*) FROM generate_series(s.from_ms, s.to_ms - 1) ms
           WHERE NOT EXISTS (SELECT 1 FROM pg_temp.self_times c WHERE c.trace = s.trace AND c.parent = s.span AND c.from_ms <= ms AND c.to_ms > ms))) AS wrong
FROM pg_temp.self_times s
JOIN (SELECT trace, r.* FROM (SELECT trace, span_tree_agg(trace::text, span, parent, 's', 'o', pg_temp.moment(from_ms), pg_temp.moment(to_ms), NULL, NULL, NULL) AS tree
                              FROM pg_temp.self_times GROUP BY trace) t, trace_tree(tree) r) r ON r.trace = s.trace AND r.span_id = s.span;

--
-- Large ones.  The little stack would not carry a recursion over the depth.
--

SET max_stack_depth = '100kB';
-- rows out of order: of a chain, of siblings, and bushy
CREATE FUNCTION pg_temp.chain(n integer) RETURNS span_tree LANGUAGE sql AS $$
	SELECT span_tree_agg('chain', i::text, CASE WHEN i > 1 THEN (i - 1)::text END, 's', 'o', pg_temp.moment(i), pg_temp.moment(2 * n - i), NULL, NULL, NULL)
	FROM (SELECT i FROM generate_series(1, n) i ORDER BY hashint4(i)) i
$$;
CREATE FUNCTION pg_temp.siblings(n integer) RETURNS span_tree LANGUAGE sql AS $$
	SELECT span_tree_agg('siblings', 's' || i, CASE WHEN i > 0 THEN 's0' END, 's', 'o', pg_temp.moment(i), pg_temp.moment(i + 1), NULL, NULL, NULL)
	FROM (SELECT i FROM generate_series(0, n) i ORDER BY hashint4(i)) i
$$;
CREATE FUNCTION pg_temp.bush(n integer) RETURNS span_tree LANGUAGE sql AS $$
	SELECT span_tree_agg('bush', i::text, CASE WHEN i > 1 THEN (i / 10 + 1)::text END, 's', 'o', pg_temp.moment(i), pg_temp.moment(i + 1), NULL, NULL, NULL)
	FROM (SELECT i FROM generate_series(1, n) i ORDER BY i % 7) i
$$;

CREATE TEMP TABLE large (name text, tree span_tree);
ALTER TABLE large ALTER tree SET STORAGE external;
INSERT INTO large VALUES ('chain', pg_temp.chain(100000)), ('siblings', pg_temp.siblings(100000));
SELECT count(*), max(depth) AS deepest, sum(descendant_count) AS below, bool_and(depth = ordinal - 1 AND span_id = ordinal::text) AS in_order,
       sum(child_count) AS children, min(self_ms), max(self_ms), count(*) FILTER (WHERE is_root) AS roots
FROM large, trace_tree(tree) WHERE name = 'chain';
SELECT (SELECT count(*) FROM trace_ancestors(tree, '100000')) AS ancestors, (SELECT min(depth) FROM trace_ancestors(tree, '100000', 10)) AS tenth_up,
       (SELECT count(*) FROM trace_descendants(tree, '1')) AS descendants, (SELECT max(depth) FROM trace_descendants(tree, '50000', 10)) AS tenth_down,
       (SELECT string_agg(span_id, ' ') FROM trace_leaves(tree)) AS leaves, (SELECT count(*) FROM trace_path(tree, '100000', '1')) AS path,
       trace_common_ancestor(tree, '100000', '50000')
FROM large WHERE name = 'chain';
SELECT count(*), max(depth) AS deepest, bool_and(span_id = 's' || ordinal - 1) AS in_order, sum(self_ms), max(child_count)
FROM large, trace_tree(tree) WHERE name = 'siblings';
SELECT (SELECT count(*) FROM trace_siblings(tree, 's7')) AS siblings, (SELECT count(*) FROM trace_leaves(tree)) AS leaves, (SELECT count(*) FROM trace_descendants(tree, 's0', 1)) AS children,
       trace_common_ancestor(tree, 's100000', 's1')
FROM large WHERE name = 'siblings';
-- a cycle of 100 000, cut once
SELECT count(*), max(depth), count(*) FILTER (WHERE depth = 0) AS tops
FROM (SELECT span_tree_agg('cycle', i::text, ((i + 1) % 100000)::text, 's', 'o', pg_temp.moment(i), pg_temp.moment(i), NULL, NULL, NULL) AS tree FROM generate_series(0, 99999) i) s, trace_tree(tree);
-- 100 000 spans of one id
SELECT count(*), max(child_count), count(*) FILTER (WHERE descendant_count > 0) AS owners, max(ordinal) FILTER (WHERE descendant_count > 0) AS owner
FROM (SELECT span_tree_agg('copies', CASE WHEN i < 99999 THEN 'same' ELSE 'child' END, CASE WHEN i = 99999 THEN 'same' END, 's', 'o', pg_temp.moment(i), pg_temp.moment(2 * i), NULL, NULL, NULL) AS tree FROM generate_series(0, 99999) i) s, trace_tree(tree);

-- a million, in any order
INSERT INTO large VALUES ('bush', pg_temp.bush(1000000));
SELECT count(*), max(depth) AS deepest, max(child_count), sum(child_count) AS children, max(descendant_count) FROM large, trace_tree(tree) WHERE name = 'bush';
SELECT count(*) AS ancestors, trace_common_ancestor(tree, '1000000', '999999') FROM large, trace_ancestors(tree, '1000000') WHERE name = 'bush' GROUP BY 2;

-- a build and a walk stop soon after they are told to: again and again until
-- that happens, how long did they go on?
CREATE AGGREGATE pg_temp.rebuild(span_tree) (SFUNC = span_tree_agg_combine, STYPE = span_tree, FINALFUNC = span_tree_agg_final);
CREATE FUNCTION pg_temp.run(command text, times integer, OUT state text, OUT ms float8) LANGUAGE plpgsql AS $$
DECLARE
	began timestamptz := clock_timestamp();
BEGIN
	state := 'done';
	BEGIN
		FOR i IN 1..times LOOP
			EXECUTE command;
		END LOOP;
	EXCEPTION WHEN query_canceled THEN
		state := SQLSTATE;
	END;
	ms := 1000 * extract(epoch FROM clock_timestamp() - began);
END $$;
CREATE TABLE pg_temp.runs (timeout float8, state text, ms float8);
CREATE TABLE pg_temp.commands (name text, command text);
INSERT INTO pg_temp.commands VALUES
	('build', $$SELECT pg_temp.rebuild(tree) IS NULL FROM (SELECT span_tree '{"trace_id": "bush", "spans": []}' AS tree UNION ALL SELECT tree FROM large WHERE name = 'bush') t$$),
	('walk', $$SELECT count(*) FROM large, trace_tree(tree) WHERE name = 'bush'$$);
SELECT ms AS whole, round(ms * 0.5) AS first, round(ms * 0.7) AS second, round(ms * 0.9) AS third FROM pg_temp.commands, pg_temp.run(command, 1) WHERE name = 'build' \gset
SET statement_timeout = :first;
INSERT INTO pg_temp.runs SELECT :first, r.* FROM pg_temp.commands, pg_temp.run(command, 100) r WHERE name = 'build';
SET statement_timeout = :second;
INSERT INTO pg_temp.runs SELECT :second, r.* FROM pg_temp.commands, pg_temp.run(command, 100) r WHERE name = 'build';
SET statement_timeout = :third;
INSERT INTO pg_temp.runs SELECT :third, r.* FROM pg_temp.commands, pg_temp.run(command, 100) r WHERE name = 'build';
RESET statement_timeout;
SELECT DISTINCT state FROM pg_temp.runs;
SELECT min(ms - timeout) < 0.3 * :whole AS soon FROM pg_temp.runs;
TRUNCATE pg_temp.runs;
SELECT ms AS whole, round(ms * 0.5) AS first, round(ms * 0.7) AS second, round(ms * 0.9) AS third FROM pg_temp.commands, pg_temp.run(command, 1) WHERE name = 'walk' \gset
SET statement_timeout = :first;
INSERT INTO pg_temp.runs SELECT :first, r.* FROM pg_temp.commands, pg_temp.run(command, 100) r WHERE name = 'walk';
SET statement_timeout = :second;
INSERT INTO pg_temp.runs SELECT :second, r.* FROM pg_temp.commands, pg_temp.run(command, 100) r WHERE name = 'walk';
SET statement_timeout = :third;
INSERT INTO pg_temp.runs SELECT :third, r.* FROM pg_temp.commands, pg_temp.run(command, 100) r WHERE name = 'walk';
RESET statement_timeout;
SELECT DISTINCT state FROM pg_temp.runs;
SELECT min(ms - timeout) < 0.3 * :whole AS soon FROM pg_temp.runs;
TRUNCATE pg_temp.runs;
DROP TABLE large;
