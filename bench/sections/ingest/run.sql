/*
 * All ways of recording the same spans, in turn.  A transaction holds about
 * 40 000 spans (78 requests of 512), or 512 where the item says so.
 */
SET synchronous_commit = on;

INSERT INTO bench.item (section, item, base, goal, goal_unit) VALUES
    ('ingest', 'COPY text', NULL, NULL, NULL),
    ('ingest', 'trace_ingest_otlp(bytea)', 'COPY text', '>= 1x', 'spans/s'),
    ('ingest', 'trace_ingest_otlp(bytea), as a collector mixes', 'COPY text', NULL, NULL),
    ('ingest', 'trace_ingest_otlp(text)', 'COPY text', NULL, NULL),
    ('ingest', 'COPY to a staging table, INSERT ... ON CONFLICT', 'COPY text', NULL, NULL),
    ('ingest', 'INSERT ... SELECT from OTLP JSON as jsonb', 'COPY text', NULL, NULL),
    ('ingest', 'COPY text, 512 rows a commit', NULL, NULL, NULL),
    ('ingest', 'trace_ingest_otlp(bytea), 512 spans a commit',
     'COPY text, 512 rows a commit', NULL, NULL),
    ('ingest', 'COPY text, without the rollup', 'COPY text', '>= 0.87x', 'CPU us/span'),
    ('ingest', 'trace_ingest_otlp(bytea), without the rollup',
     'trace_ingest_otlp(bytea)', '>= 0.87x', 'CPU us/span'),
    ('ingest', 'trace_ingest_otlp(bytea), mixed, 512, without the rollup',
     'trace_ingest_otlp(bytea), mixed, 512 spans a commit', '>= 0.87x', 'CPU us/span'),
    ('ingest', 'trace_ingest_otlp(bytea), mixed, 512 spans a commit', NULL, NULL, NULL),
    ('ingest', 'sent again: COPY to staging, ON CONFLICT DO NOTHING', NULL, NULL, NULL),
    ('ingest', 'sent again: trace_ingest_otlp(bytea)',
     'sent again: COPY to staging, ON CONFLICT DO NOTHING', NULL, NULL);

-- What COPY loads is what the function stores.
DO $$
DECLARE
    call text;
BEGIN
    FOREACH call IN ARRAY bench.request_calls('request', 1000000) LOOP
        EXECUTE call;
    END LOOP;
END $$;
CREATE TABLE bench.expected AS SELECT count(*) AS span_count FROM distributed_trace_log;

CREATE UNLOGGED TABLE bench.staging AS
    SELECT trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time,
           duration_ms, tags, logs
    FROM distributed_trace_log WITH NO DATA;

CREATE TABLE bench.statements (item text, is_empty boolean, statements text[]);
INSERT INTO bench.statements VALUES
('trace_ingest_otlp(bytea)', true, bench.request_calls('request', 78)),
('trace_ingest_otlp(bytea), as a collector mixes', true,
 bench.request_calls('request_mixed', 78)),
('trace_ingest_otlp(text)', true, bench.request_calls('request_json', 78)),
('trace_ingest_otlp(bytea), 512 spans a commit', true, bench.request_calls('request', 1)),
('sent again: trace_ingest_otlp(bytea)', false, bench.request_calls('request', 78)),
('COPY text', true, bench.copy_calls(:'data', 'rows', 78 * 512, $$
    COPY distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation,
        start_time, end_time, duration_ms, tags, logs) FROM %L $$)),
('COPY text, 512 rows a commit', true, bench.copy_calls(:'data', 'few', 512, $$
    COPY distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation,
        start_time, end_time, duration_ms, tags, logs) FROM %L $$));

INSERT INTO bench.statements VALUES
('trace_ingest_otlp(bytea), mixed, 512 spans a commit', true, bench.request_calls('request_mixed', 1));

-- The rollup's part in the time: without the trigger that keeps it.
INSERT INTO bench.statements
SELECT o.item, true,
       'ALTER TABLE distributed_trace_log DISABLE TRIGGER trace_log_after_insert'::text || s.statements
       || 'ALTER TABLE distributed_trace_log ENABLE TRIGGER trace_log_after_insert'::text
FROM (VALUES ('COPY text', 'COPY text, without the rollup'),
             ('trace_ingest_otlp(bytea)', 'trace_ingest_otlp(bytea), without the rollup'),
             ('trace_ingest_otlp(bytea), mixed, 512 spans a commit',
              'trace_ingest_otlp(bytea), mixed, 512, without the rollup')) o (base, item)
    JOIN bench.statements s ON s.item = o.base;

-- two statements a batch, hence a procedure
CREATE PROCEDURE bench.copy_and_insert(file text)
LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE bench.staging;
    EXECUTE format('COPY bench.staging FROM %L', file);
    INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name,
        operation, start_time, end_time, duration_ms, tags, logs)
    SELECT * FROM bench.staging
    ON CONFLICT DO NOTHING;
END $$;

INSERT INTO bench.statements
SELECT item, is_empty,
       (SELECT array_agg(format('CALL bench.copy_and_insert(%L)', :'data' || '/rows.' || batch))
        FROM generate_series(0, (SELECT (span_count - 1) / (78 * 512) FROM bench.expected)) batch)
FROM (VALUES ('COPY to a staging table, INSERT ... ON CONFLICT', true),
             ('sent again: COPY to staging, ON CONFLICT DO NOTHING', false)) i (item, is_empty);

-- Without the resources, which would need a table and a join more.
INSERT INTO bench.statements
SELECT 'INSERT ... SELECT from OTLP JSON as jsonb', true, array_agg(format($$
    INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name,
        operation, start_time, end_time, duration_ms, tags, logs)
    SELECT s ->> 'traceId', s ->> 'spanId', s ->> 'parentSpanId', service.name, s ->> 'name',
           timestamptz 'epoch' + (s ->> 'startTimeUnixNano')::bigint / 1000 * interval '1 microsecond',
           timestamptz 'epoch' + (s ->> 'endTimeUnixNano')::bigint / 1000 * interval '1 microsecond',
           ((s ->> 'endTimeUnixNano')::bigint - (s ->> 'startTimeUnixNano')::bigint) / 1000000.0,
           (SELECT jsonb_object_agg(a ->> 'key',
                       coalesce(a -> 'value' -> 'stringValue',
                                to_jsonb((a -> 'value' ->> 'intValue')::bigint),
                                a -> 'value' -> 'doubleValue',
                                a -> 'value' -> 'boolValue'))
            FROM jsonb_array_elements(s -> 'attributes') a)
           || jsonb_build_object('otel', jsonb_strip_nulls(jsonb_build_object(
                  'kind', s -> 'kind', 'status', s -> 'status', 'flags', s -> 'flags',
                  'scope', ss -> 'scope',
                  'start_ns', (s ->> 'startTimeUnixNano')::bigint %% 1000,
                  'end_ns', (s ->> 'endTimeUnixNano')::bigint %% 1000))),
           s ->> 'events'
    FROM bench.request_json r
        CROSS JOIN LATERAL jsonb_array_elements(r.body::jsonb -> 'resourceSpans') rs
        CROSS JOIN LATERAL (
            SELECT a -> 'value' ->> 'stringValue' AS name
            FROM jsonb_array_elements(rs -> 'resource' -> 'attributes') a
            WHERE a ->> 'key' = 'service.name'
            OFFSET 0) service
        CROSS JOIN LATERAL jsonb_array_elements(rs -> 'scopeSpans') ss
        CROSS JOIN LATERAL jsonb_array_elements(ss -> 'spans') s
    WHERE r.ordinal BETWEEN %s AND %s
    ON CONFLICT DO NOTHING $$, first, first + 77) ORDER BY first)
FROM generate_series(1, (SELECT max(ordinal) FROM bench.request_json), 78) first;

-- The two that send again follow one that has stored the rows.
CREATE PROCEDURE bench.run_ingest()
LANGUAGE plpgsql AS $$
DECLARE
    s record;
BEGIN
    FOR run IN 0 .. (SELECT runs FROM bench.setting) LOOP
        FOR s IN
            SELECT t.* FROM bench.statements t
                JOIN bench.item i ON i.section = 'ingest' AND i.item = t.item
            ORDER BY i.position
        LOOP
            CALL bench.run_statements(s.item, s.statements, s.is_empty);
            IF run = 0 THEN
                DELETE FROM bench.sample WHERE section = 'ingest';
            END IF;
        END LOOP;
    END LOOP;
END $$;

CALL bench.run_ingest();
