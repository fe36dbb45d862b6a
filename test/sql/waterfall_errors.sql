-- trace_waterfall: what went wrong, the ids of spans, and one text of many lines.
SELECT getdatabaseencoding() <> 'UTF8' AS skip_test \gset
\if :skip_test
\quit
\endif
SET client_encoding = 'UTF8';
SET timezone = 'UTC';
SET datestyle = 'ISO';
\pset format unaligned
\pset tuples_only
BEGIN;
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, tags, logs)
SELECT 'shop', id, parent, service, operation, timestamptz '2026-01-01 10:00+0' + first * interval '1 ms', timestamptz '2026-01-01 10:00+0' + last * interval '1 ms', tags::jsonb, logs
FROM (VALUES ('569da933c25c8636', NULL, 'gateway', 'POST /checkout', 0, 100, '{"otel": {"status": "error", "status_message": "upstream failed"}}', NULL),
             ('b1', '569da933c25c8636', 'payment', 'charge', 10, 90, '{"otel": {"status": "error", "status_message": "not this"}}',
              '[{"time": "2026-01-01T10:00:00Z", "name": "x"}, {"name": "exception", "attributes": {"exception.type": "Declined", "exception.message": "カードが拒否されました: the card is declined by its bank\nat line 1"}}]'),
             ('b2', 'b1', 'payment', 'POST', 20, 30, '{"error": true, "http.response.status_code": 502}', NULL),
             ('b3', 'b1', 'payment', 'GET', 30, 40, E'{"error": "it \\u001b[31mis red\\u202e"}', NULL),
             ('b4', 'b1', 'payment', 'silent', 50, 60, '{"error": true}', NULL),
             ('b6', 'b1', 'payment', 'as OpenTracing tells it', 60, 70, '{"error": true}',
              '[{"time": "2026-01-01T10:00:00Z", "name": "error", "attributes": {"event": "error", "error.kind": "TimeoutError", "message": "no answer in 10 ms"}}]'),
             ('b5', 'b1', 'payment', 'an id longer than any of OpenTelemetry', 60, 70, NULL, NULL),
             ('an id of somebody''s own, 漢字', 'b1', 'payment', 'fine', 80, 90, NULL, NULL),
             ('n1', 'b1', 'payment', 'ends before it starts', 80, 20, NULL, NULL)) s (id, parent, service, operation, first, last, tags, logs);

SELECT trace_waterfall('shop');
SELECT trace_waterfall('shop', 60);
SELECT trace_waterfall('shop', 130, show_ids => true);
SELECT trace_waterfall('shop', 60, true);
SELECT trace_waterfall_text('shop', 60, true) = string_agg(line, E'\n') FROM trace_waterfall('shop', 60, true) line;
-- one row for one trace, wherever it is called
SELECT count(*) FROM (SELECT trace_waterfall_text(t) FROM unnest(ARRAY['shop', 'shop']) t LIMIT 1) r;
-- a value knows no messages
SELECT trace_waterfall_text(trace_get('shop'), 60) = trace_waterfall_text('shop', 60), trace_waterfall_text(trace_get('shop'), 60) LIKE '%upstream%';
SET client_min_messages = warning;
SELECT trace_waterfall_text('unknown') IS NULL;

-- whatever the tags call it; what says nothing is passed over
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, end_time, tags, logs)
SELECT 'said', n, 's', n::text, '2026-01-01', '2026-01-01 00:00:01', tags::jsonb, logs
FROM (VALUES (1, '{"error": true, "http.status_code": 503.0}', E'a line\nof text'), (2, '{"error": 1, "otel": {"status_message": ""}}', '[{"name": "error"}, {"attributes": {"error.kind": "", "error.object": {"code": 7}}}]'),
             (3, '{"error": "true", "error.type": "timeout", "error.message": null}', '[]'), (4, '{"error": "true", "http.response.status_code": "none"}', '[{"attributes": 1}]')) v (n, tags, logs);
SELECT line FROM trace_waterfall('said', 60) line WHERE line LIKE '!%' AND line NOT LIKE '%|';

-- no more than 20 of them
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, end_time, tags)
SELECT 'many', n, 's', 'o', '2026-01-01', '2026-01-01 00:00:01', '{"error": "yes"}' FROM generate_series(1, 25) n;
SELECT count(*) FILTER (WHERE line LIKE '! s: o %yes'), max(line) FILTER (WHERE line LIKE '%more') FROM trace_waterfall('many') line;

-- no line is wider than it may be
SELECT width, max(length(line)) <= width AS fits
FROM unnest(ARRAY[60, 61, 80, 200]) width, trace_waterfall('many', width, true) line GROUP BY width ORDER BY width;
ROLLBACK;

-- with the rights of the caller: nothing of what policies hide
BEGIN;
CREATE ROLE trace_waterfall_reader;
GRANT SELECT ON distributed_trace_log TO trace_waterfall_reader;
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, tags)
VALUES ('r', 'a', NULL, 'seen', 'o', '2026-01-01', '2026-01-01 00:00:01', '{"error": "visible"}'),
       ('r', 'b', 'a', 'hidden', 'o', '2026-01-01', '2026-01-01 00:00:01', '{"error": "secret"}');
ALTER TABLE distributed_trace_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON distributed_trace_log FOR SELECT TO trace_waterfall_reader USING (service_name = 'seen');
SET ROLE trace_waterfall_reader;
SELECT trace_waterfall('r', 60);
RESET ROLE;
ROLLBACK;
