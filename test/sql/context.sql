-- Spans of code that runs in the database.

TRUNCATE distributed_trace_log, distributed_trace_resource;
SET datestyle = ISO;
SET timezone = 'UTC';
SET application_name = 'context test';

-- a trace of two spans
SELECT trace_span_start('import', tags => '{"rows": 10, "otel": {"scope": {"name": "plpgsql"}}}') AS outer_span \gset
SELECT trace_span_start('parse', 'parser', :'outer_span', 'CLIENT') AS inner_span \gset
SELECT :'outer_span' ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-01$' AS well_formed,
       left(:'outer_span', 35) = left(:'inner_span', 35) AS same_trace,
       :'outer_span' <> :'inner_span' AS other_span;
SELECT operation, service_name, parent_span_id = substr(:'outer_span', 37, 16) AS is_child,
       end_time IS NULL AS unfinished, abs(extract(epoch FROM clock_timestamp() - start_time)) < 60 AS now, tags
    FROM distributed_trace_log ORDER BY id;
SELECT trace_span_finish(:'inner_span', 'error', 'no such file', '{"line": 3}') >= 0 AS finished;
SELECT trace_span_finish(:'outer_span', 'OK') >= 0 AS finished;
SELECT operation, service_name, duration_ms >= 0 AS has_duration, end_time >= start_time AS in_order, tags,
       parent_span_id IS NOT NULL AS is_child, trace_is_error(tags), trace_span_kind(tags)
    FROM distributed_trace_log ORDER BY id;

-- the duration that is returned is the one that is recorded, and includes the time in between
SELECT trace_span_start('sleep') AS span \gset
SELECT pg_sleep(0.02);
SELECT trace_span_finish(:'span') AS ms \gset
SELECT :ms BETWEEN 20 AND 60000 AS plausible, duration_ms = :ms::numeric(16,3) AS same, tags->'otel'
    FROM distributed_trace_log WHERE operation = 'sleep';

-- without an application name the database's is taken
SET application_name = '';
SELECT trace_span_start('unnamed') IS NOT NULL;
SELECT service_name = current_database() AS is_database FROM distributed_trace_log WHERE operation = 'unnamed';

-- an unsampled trace is passed on but not recorded
TRUNCATE distributed_trace_log;
SELECT trace_span_start('quiet', traceparent => '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00') AS span \gset
SELECT :'span' ~ '^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00$' AS passed_on,
       trace_span_finish(:'span') IS NULL AS nothing, count(*) AS rows FROM distributed_trace_log;

-- flags that are defined are kept; a later version is read as far as it is known
SELECT left(span, 36) AS trace, right(span, 3) AS flags FROM (VALUES
    (trace_span_start('x', traceparent => '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03')),
    (trace_span_start('x', traceparent => 'cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what the future holds')),
    (trace_span_start('x', traceparent => 'cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-09'))) AS s(span);

-- what is no traceparent starts a new trace, as if there were none, and cannot be finished
CREATE FUNCTION pg_temp.try_traceparent(traceparent text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    span text := trace_span_start('x', traceparent => traceparent);
    parent text := (SELECT parent_span_id FROM distributed_trace_log WHERE trace_id = substr(span, 4, 32) AND span_id = substr(span, 37, 16));
BEGIN
    BEGIN
        PERFORM trace_span_finish(traceparent);
    EXCEPTION WHEN no_data_found THEN
        RETURN concat_ws(' ', 'child of', parent, right(span, 3));
    WHEN invalid_parameter_value THEN
        RETURN CASE WHEN span ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-01$' AND traceparent !~* substr(span, 4, 32) AND parent IS NULL THEN 'new trace' END;
    END;
END $$;
SELECT t AS traceparent, pg_temp.try_traceparent(t) FROM unnest(ARRAY[
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    '', '00', 'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01',
    '00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more',
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1',
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g',
    '00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01',
    '00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01',
    'cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.more',
    '0x-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01a',
    ' 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    '01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', '01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-', repeat('é', 55)]) t;

-- errors
SELECT trace_span_start(NULL);
SELECT trace_span_start('x', kind => 'sideways');
SELECT trace_span_start('x', tags => '[]');
SELECT trace_span_finish('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
SELECT trace_span_finish('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'perhaps');
SELECT trace_span_finish('nonsense');
\echo :LAST_ERROR_SQLSTATE
SELECT trace_span_finish(NULL) IS NULL AS nothing;

-- a span of a transaction that is rolled back is gone
TRUNCATE distributed_trace_log;
BEGIN;
SELECT trace_span_start('undone') IS NOT NULL AS started;
ROLLBACK;
SELECT count(*) FROM distributed_trace_log;

-- ids do not repeat
SELECT count(DISTINCT span) FROM (SELECT trace_span_start('many') AS span FROM generate_series(1, 100)) s;
TRUNCATE distributed_trace_log;
