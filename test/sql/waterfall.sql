-- trace_waterfall: a trace as lines of text.
-- The pictures below are those of a database in UTF8.
SELECT getdatabaseencoding() <> 'UTF8' AS skip_test \gset
\if :skip_test
\quit
\endif
SET client_encoding = 'UTF8';
SET timezone = 'UTC';
SET datestyle = 'ISO';

CREATE FUNCTION pg_temp.at(ms float8) RETURNS timestamptz LANGUAGE sql
    RETURN '2026-11-22 10:00:00+00'::timestamptz + ms * interval '1 ms';

BEGIN;
INSERT INTO distributed_trace_log
    (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, tags)
VALUES
    ('shop', 'a', NULL, 'frontend', 'GET /checkout', pg_temp.at(0), pg_temp.at(412), '{"otel": {"status": "error"}}'),
    ('shop', 'b', 'a', 'checkout', 'POST /cart/checkout', pg_temp.at(5), pg_temp.at(385), NULL),
    ('shop', 'c', 'b', 'postgres', 'SELECT cart_items', pg_temp.at(7), pg_temp.at(49), NULL),
    ('shop', 'd', 'b', 'payment', 'Charge', pg_temp.at(60), pg_temp.at(361), '{"error": true}'),
    ('shop', 'e', 'd', 'postgres', 'INSERT payment', pg_temp.at(85), pg_temp.at(325), NULL),
    ('shop', 'f', 'a', 'frontend', 'render', pg_temp.at(397), pg_temp.at(412), NULL),
    ('names', 'a', NULL, '受注サービス', '注文を確認する処理と在庫の引き当て', pg_temp.at(0), pg_temp.at(1), NULL),
    ('names', 'b', 'a', 'خدمة', 'عملية الدفع', pg_temp.at(0.1), pg_temp.at(0.9), NULL),
    ('names', 'c', 'a', '🚀', 'launch 👍 and land', pg_temp.at(0.2), pg_temp.at(0.8), NULL),
    ('names', 'd', 'a', E'cafe\u0301', E'cre\u0300me bru\u0302le\u0301e', pg_temp.at(0.3), pg_temp.at(0.7), NULL),
    ('names', 'e', 'a', 'evil', E'\u001b[31mred\u0007\n\u0085\u202etxet\u2066\u200f\u061c|', pg_temp.at(0.4), pg_temp.at(0.6), NULL),
    ('names', 'f', 'a', 'żółć', 'Ünïcödé', pg_temp.at(0.5), pg_temp.at(0.5), NULL),
    ('broken', 'a', NULL, 'web', 'root', pg_temp.at(24), pg_temp.at(64), NULL),
    ('broken', 'b', 'a', 'web', 'early', pg_temp.at(20), pg_temp.at(42), NULL),
    ('broken', 'c', 'a', 'web', 'late', pg_temp.at(53), pg_temp.at(80), NULL),
    ('broken', 'd', 'a', 'web', 'open', pg_temp.at(36), NULL, NULL),
    ('broken', 'e', 'd', 'web', 'inner', pg_temp.at(40), pg_temp.at(44), NULL),
    ('broken', 'f', 'gone', 'web', 'orphan', pg_temp.at(0), pg_temp.at(25), NULL),
    ('broken', 'g', 'h', 'web', 'cycle', pg_temp.at(70), pg_temp.at(80), NULL),
    ('broken', 'h', 'g', 'web', 'cycle', pg_temp.at(72), pg_temp.at(78), NULL);

SELECT trace_waterfall('shop');
SELECT trace_waterfall('shop', 60);
SELECT trace_waterfall('broken', 80);

-- psql's border shows that every line has its width
SELECT trace_waterfall('names', 80);

-- the value and the trace id give the same
SELECT count(*) AS only_of_id
    FROM (SELECT trace_waterfall('shop') EXCEPT ALL SELECT trace_waterfall(trace_get('shop'))) d;

-- no trace, no lines
SELECT count(*) FROM trace_waterfall('unknown');
SELECT count(*) FROM trace_waterfall(NULL::text);
SELECT count(*) FROM trace_waterfall('shop', NULL);

-- deeper than guides can show
WITH RECURSIVE spans AS (
    SELECT 1 AS n, NULL AS parent
    UNION ALL
    SELECT n + 1, 's' || n FROM spans WHERE n < 12)
SELECT w.* FROM (
    SELECT span_tree_agg('deep', 's' || n, parent, 'service', 'operation', pg_temp.at(n), pg_temp.at(50 - n), NULL, NULL, NULL) AS tree
        FROM spans) t,
    trace_waterfall(t.tree, 60) w;

-- every line of a big trace is there, none of them wider than it may be
SELECT count(*), min(length(line)), max(length(line)) FROM (
    SELECT w.line FROM (
        SELECT span_tree_agg('big', 's' || n, 's' || n / 3, 'service ' || n % 7, 'operation ' || n % 100,
                             pg_temp.at(n), pg_temp.at(n + 10000), NULL, NULL, NULL) AS tree
            FROM generate_series(1, 25000) n) t,
        trace_waterfall(t.tree, 120) AS w (line)) l
    WHERE line LIKE '%|';

-- widths
SELECT trace_waterfall('shop', 59);
ROLLBACK;
SELECT trace_waterfall('shop', 10001);

-- a client that cannot show boxes gets ASCII, and '?' for what it lacks
BEGIN;
INSERT INTO distributed_trace_log
    (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time)
VALUES
    ('names', 'a', NULL, 'cafe', 'creme', pg_temp.at(0), pg_temp.at(1)),
    ('names', 'b', 'a', '受注', '注文 Ω', pg_temp.at(0), pg_temp.at(0.00075));
SET LOCAL client_encoding = 'LATIN1';
SELECT trace_waterfall('names', 60);
ROLLBACK;

-- a server that cannot store them
SELECT current_database() AS regression \gset
CREATE DATABASE waterfall_latin1 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0;
\c waterfall_latin1
SET client_min_messages = 'error';
CREATE EXTENSION distributed_trace;
SET client_encoding = 'UTF8';
SET timezone = 'UTC';
SET datestyle = 'ISO';
INSERT INTO distributed_trace_log
    (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time)
VALUES
    ('names', 'a', NULL, 'café', 'crème' || chr(155) || '[31m', '2026-11-22 10:00:00', '2026-11-22 10:00:01'),
    ('names', 'b', 'a', 'über', 'größe', '2026-11-22 10:00:00', '2026-11-22 10:00:00.25');
SELECT trace_waterfall('names', 60);
\c :regression
DROP DATABASE waterfall_latin1;
CREATE DATABASE waterfall_sql_ascii ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0;
\c waterfall_sql_ascii
SET client_min_messages = 'error';
CREATE EXTENSION distributed_trace;
SET timezone = 'UTC';
SET datestyle = 'ISO';
INSERT INTO distributed_trace_log
    (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time)
VALUES ('names', 'a', NULL, E'caf\351', 'x', '2026-11-22 10:00:00', '2026-11-22 10:00:01'),
    ('names', 'b', 'a', 'é', 'x', '2026-11-22 10:00:00', '2026-11-22 10:00:01');
SELECT trace_waterfall('names', 60);
\c :regression
DROP DATABASE waterfall_sql_ascii;
