-- What fuzz_input.pl runs in the server: changes by chance, and the readers.

CREATE TABLE seeds (reader text, document text);
CREATE TABLE tokens (id integer GENERATED ALWAYS AS IDENTITY (MINVALUE 0), token text);
INSERT INTO tokens (token) VALUES
    (''), ('null'), ('true'), ('{}'), ('[]'), ('""'), ('"x"'), ('[{}]'), ('{"a": 1}'), ('{"otel": {"exact": {"a": 1}}}'),
    ('0'), ('-1'), ('-0'), ('0.5'), ('1e5'), ('1e400'), ('1e200000'), ('1e-400'), ('2147483647'), ('2147483648'), ('-2147483648'), ('4294967296'),
    ('9223372036854775807'), ('9223372036854775808'), ('-9223372036854775808'), ('18446744073709551615'), ('99999999999999999999999'),
    ('"0"'), ('"-1"'), ('"9223372036854775807"'), ('"18446744073709551615"'), ('"NaN"'), ('"Infinity"'), ('"-0"'), ('"1e309"'), ('NaN'), ('Infinity'),
    ('"\u0000"'), ('"\ud800"'), ('"\udc00\ud800"'), ('"\ud83d\ude00"'), ('"\uffff"'), ('"\x"'), ('"\"'), ('"é😀"'), (E'"\x01"'),
    ('"otel"'), ('"error"'), ('"FOLLOWS_FROM"'), ('"follows_from"'), ('"cs"'), ('"sr"'), ('"ss"'), ('"cr"'), ('"mr"'), ('"sa"'), (E'\n'), (E'\n[]\n'), (E'\n{}\n'), ('"AAAAAAAAAAAAAAAAAAAAAg=="'), ('"\u20ac"'), ('"\\u20ac"'), ('"span.kind"'), ('"service.name"'), ('"event"'), ('"00f067aa0ba902b7"'), ('"00F067AA0BA902B7"'), ('"0000000000000000"'), ('"0af7651916cd43dd8448eb211c80319c"'),
    ('"abc"'), ('"AA=="'), ('"infinity"'), ('"-infinity"'), ('"294276-12-31 23:59:59.999999+00"'), ('"4713-01-01 00:00:00+00 BC"'), ('"2026-13-01"'), ('"now"'),
    ('['), (']'), ('{'), ('}'), (','), (':'), ('"'), ('\'), (' '), (repeat('[', 100)), (repeat('{"a":', 100)), (repeat('[', 30000)), (repeat('[', 40) || repeat(']', 40)),
    ('{"arrayValue": {"values": [{}]}}'), ('{"kvlistValue": {"values": [{"key": "k", "value": {"bytesValue": "AA=="}}]}}'), ('{"doubleValue": "NaN"}'),
    ('"' || repeat('x', 101) || '"'), ('"' || repeat('é', 3000) || '"');

-- a whole number below n
CREATE FUNCTION below(n integer) RETURNS integer LANGUAGE sql AS 'SELECT floor(random() * n)::integer';

-- one change to a text, by chance: of a JSON value or of letters
CREATE FUNCTION change(document text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    length integer := length(document);
    at integer := 1 + below(length + 1);
    size integer := 1 + below(CASE below(3) WHEN 0 THEN 3 WHEN 1 THEN 30 ELSE length + 1 END);
    piece text;
BEGIN
    SELECT token INTO piece FROM tokens WHERE id = below((SELECT count(*) FROM tokens)::integer);
    RETURN CASE (ARRAY[0, 1, 2, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5])[1 + below(14)]
        WHEN 0 THEN overlay(document PLACING coalesce(piece, '') FROM at FOR below(3))
        WHEN 1 THEN overlay(document PLACING '' FROM at FOR size)
        WHEN 2 THEN overlay(document PLACING substr(document, 1 + below(length), size) FROM at FOR 0)
        WHEN 3 THEN overlay(document PLACING chr(1 + below(CASE below(2) WHEN 0 THEN 127 ELSE 55000 END)) FROM at FOR 1)
        WHEN 4 THEN regexp_replace(document, ':\s*-?\d[\d.]*', ': ' || (SELECT token FROM tokens WHERE token ~ '^-?\d' ORDER BY random() LIMIT 1), 1, 1 + below(1 + length / 200))
        ELSE regexp_replace(document, '"([^"\\]|\\.)*"(?!\s*:)|-?\d[\d.]*|true|false|null', replace(coalesce(piece, '0'), '\', '\\'), 1, 1 + below(1 + length / 20))
    END;
END $$;

-- the same for bytes
CREATE FUNCTION change(form bytea) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    length integer := length(form);
    at integer := below(greatest(length, 1));
    size integer := 1 + below(CASE below(2) WHEN 0 THEN 8 ELSE length + 1 END);
BEGIN
    IF length = 0 THEN
        RETURN '\x01';
    END IF;
    RETURN CASE below(6)
        WHEN 0 THEN overlay(form PLACING '' FROM at + 1 FOR size)
        WHEN 1 THEN overlay(form PLACING substr(form, 1 + below(length), size) FROM at + 1 FOR 0)
        WHEN 2 THEN overlay(form PLACING int4send((ARRAY[0, -1, -2, 1, 2147483647, 65535, 1000000])[1 + below(7)]) FROM at + 1 FOR 4)
        WHEN 3 THEN substr(form, 1, at)
        ELSE set_byte(form, at, CASE below(2) WHEN 0 THEN below(256) ELSE get_byte(form, at) # (1 << below(8)) END)
    END;
END $$;

-- exports of what was recorded; those as OTLP are accepted again
CREATE FUNCTION export_all() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    documents text[];
    result record;
BEGIN
    -- longer than any duration can be, which merging halves may leave
    DELETE FROM distributed_trace_log WHERE abs(extract(epoch FROM end_time) - extract(epoch FROM start_time)) >= 1e10;
    PERFORM length(trace_export_jaeger(trace_id)), count(e) FROM (SELECT DISTINCT trace_id FROM distributed_trace_log) t, trace_tree(trace_id) e GROUP BY trace_id;
    SELECT array_agg(trace_export_otlp(trace_id)) INTO documents FROM (SELECT DISTINCT trace_id FROM distributed_trace_log) t;
    DELETE FROM distributed_trace_log;
    SELECT sum(i.rejected) AS rejected, string_agg(i.message, '; ') AS message INTO result FROM unnest(documents) d, trace_ingest_otlp(d) i;
    IF result.rejected > 0 THEN
        RAISE 'an export is not accepted: %', result.message USING ERRCODE = 'DT001';
    END IF;
END $$;

-- one reader and one input; a function, since the server's CALL in a loop grows
CREATE FUNCTION read_input(reader text, document text, form bytea, file text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    value span_tree;
    rows bigint;
BEGIN
    CASE reader
        WHEN 'otlp' THEN PERFORM trace_ingest_otlp(document);
        WHEN 'zipkin' THEN PERFORM trace_ingest_zipkin(document);
        WHEN 'jaeger' THEN PERFORM trace_ingest_jaeger(document);
        WHEN 'text' THEN value := document::span_tree;
        ELSE
            TRUNCATE trees;
            EXECUTE format('COPY (SELECT %L::bytea) TO %L (FORMAT binary)', form, file);
            EXECUTE format('COPY trees FROM %L (FORMAT binary)', file);
            SELECT tree INTO value FROM trees;
    END CASE;
    IF value IS NOT NULL THEN
        SELECT count(*) INTO rows FROM trace_tree(value);
        PERFORM trace_summary(value), count(c), count(w) FROM trace_critical_path(value) c, trace_waterfall(value) w;
        IF rows <> jsonb_array_length(value::text::jsonb -> 'spans') OR span_tree_send(value::text::span_tree) <> span_tree_send(value) THEN
            RAISE 'a value is not what it says it is' USING ERRCODE = 'DT002';
        END IF;
    END IF;
END $$;

CREATE FUNCTION megabytes() RETURNS integer LANGUAGE sql AS
    $$SELECT substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\s*(\d+)')::integer / 1024$$;

CREATE TABLE results (outcome text PRIMARY KEY, inputs bigint, example text);
CREATE TABLE memory (grown integer);

-- inputs until the time is over
CREATE PROCEDURE fuzz(reader text, file text, seconds integer, seed integer) LANGUAGE plpgsql AS $$
DECLARE
    finish timestamptz := clock_timestamp() + seconds * interval '1 s';
    warm timestamptz := clock_timestamp() + seconds * interval '0.3 s';
    documents text[] := ARRAY(SELECT s.document FROM seeds s WHERE s.reader = fuzz.reader ORDER BY 1);
    document text;
    form bytea;
    outcome text;
    before integer;
    done integer := 0;
BEGIN
    PERFORM setseed(seed / 100000.0);
    CREATE TEMP TABLE trees (tree span_tree);
    WHILE clock_timestamp() < finish LOOP
        document := documents[1 + below(cardinality(documents))];
        IF reader = 'binary' THEN
            form := span_tree_send(document::span_tree);
            FOR i IN 0 .. below(4) LOOP form := change(form); END LOOP;
            document := encode(form, 'base64');
        ELSE
            FOR i IN 0 .. below(3) LOOP document := change(document); END LOOP;
        END IF;
        DELETE FROM distributed_trace_log;
        BEGIN
            PERFORM read_input(reader, document, form, file);
            outcome := 'read';
            IF reader IN ('otlp', 'zipkin', 'jaeger') THEN
                PERFORM export_all();
            END IF;
        EXCEPTION WHEN OTHERS THEN
            outcome := SQLSTATE;
            document := SQLERRM || E'\n' || document;
        END;
        INSERT INTO results AS r VALUES (outcome, 1, left(document, 5000)) ON CONFLICT ON CONSTRAINT results_pkey DO UPDATE SET inputs = r.inputs + 1;
        done := done + 1;
        IF done % 50 = 0 THEN
            DELETE FROM distributed_trace_resource;
            COMMIT;
        END IF;
        IF before IS NULL AND clock_timestamp() > warm THEN
            before := megabytes();
        END IF;
    END LOOP;
    INSERT INTO memory VALUES (megabytes() - before);
END $$;
