/*
 * Tables and procedures of the ingest section.  The requests lie in tables
 * and COPY reads server-side files, so that neither side pays for the network
 * and all work is the backend's own.
 */
CREATE EXTENSION distributed_trace;

CREATE TABLE bench.request (ordinal bigint GENERATED ALWAYS AS IDENTITY, body bytea NOT NULL);
CREATE TABLE bench.request_mixed (LIKE bench.request INCLUDING ALL);
CREATE TABLE bench.request_json (ordinal bigint GENERATED ALWAYS AS IDENTITY, body text NOT NULL);
ALTER TABLE bench.request ALTER body SET STORAGE EXTERNAL;
ALTER TABLE bench.request_mixed ALTER body SET STORAGE EXTERNAL;
ALTER TABLE bench.request_json ALTER body SET STORAGE EXTERNAL;

SELECT format('COPY bench.%I (body) FROM %L WITH (FORMAT binary)', name, :'data' || '/' || name)
FROM unnest(ARRAY['request', 'request_mixed', 'request_json']) name \gexec
VACUUM ANALYZE bench.request, bench.request_mixed, bench.request_json;

-- Statements that call a function on every request, so many requests each.
CREATE FUNCTION bench.request_calls(source text, step bigint) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
    requests bigint;
    calls text[];
BEGIN
    EXECUTE format('SELECT max(ordinal) FROM bench.%I', source) INTO requests;
    SELECT array_agg(format(
        'SELECT count(*) FROM bench.%I r, trace_ingest_otlp(r.body) WHERE ordinal BETWEEN %s AND %s',
        source, first, first + step - 1) ORDER BY first)
    INTO calls
    FROM generate_series(1, requests, step) first;
    RETURN calls;
END $$;

-- The rows stored now as files of COPY text, so many rows each.
CREATE FUNCTION bench.copy_calls(directory text, name text, step bigint, template text)
RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
    lowest bigint;
    file text;
    calls text[] := '{}';
    columns text := 'trace_id, span_id, parent_span_id, service_name, operation, '
        'start_time, end_time, duration_ms, tags, logs';
BEGIN
    CREATE TEMP TABLE numbered AS
        SELECT id, (row_number() OVER (ORDER BY id) - 1) / step AS batch FROM distributed_trace_log;
    FOR lowest IN SELECT DISTINCT batch FROM numbered ORDER BY batch LOOP
        file := format('%s/%s.%s', directory, name, lowest);
        EXECUTE format('COPY (SELECT %s FROM distributed_trace_log JOIN numbered USING (id) '
            'WHERE batch = %s ORDER BY id) TO %L', columns, lowest, file);
        calls := calls || format(template, file);
    END LOOP;
    DROP TABLE numbered;
    RETURN calls;
END $$;

-- Every statement in a transaction of its own, timed together.
CREATE PROCEDURE bench.run_statements(item_name text, statements text[], is_empty boolean)
LANGUAGE plpgsql AS $$
DECLARE
    spans bigint;
    started timestamptz;
    cpu float8;
    statement text;
BEGIN
    IF is_empty THEN
        TRUNCATE distributed_trace_log, distributed_trace_resource, distributed_trace_latency;
    END IF;
    COMMIT;
    CHECKPOINT;
    started := clock_timestamp();
    cpu := bench.cpu_us();
    FOREACH statement IN ARRAY statements LOOP
        EXECUTE statement;
        COMMIT;
    END LOOP;
    cpu := bench.cpu_us() - cpu;
    started := to_timestamp(0) + (clock_timestamp() - started);
    SELECT count(*) INTO spans FROM distributed_trace_log;
    IF spans <> (SELECT span_count FROM bench.expected) THEN
        RAISE EXCEPTION '%: % spans are stored', item_name, spans;
    END IF;
    INSERT INTO bench.sample VALUES
        ('ingest', item_name, spans, 'spans/s', spans / extract(epoch FROM started)),
        ('ingest', item_name, spans, 'CPU us/span', cpu / spans);
END $$;
