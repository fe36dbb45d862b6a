-- OTLP in databases of other encodings than UTF8.
\set VERBOSITY terse
\getenv abs_srcdir PG_ABS_SRCDIR
\set made :abs_srcdir '/data/otlp_made/'
SET client_min_messages = warning;
SELECT current_database() AS home \gset

CREATE DATABASE trace_latin1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C';
\c trace_latin1
SET client_min_messages = warning;
CREATE EXTENSION distributed_trace;
SET client_encoding = 'UTF8';
-- what the encoding lacks stays as an escape, in keys, values and names alike; an escape counts as its character
SELECT * FROM trace_ingest_otlp('{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"caf\u00e9 \u62b9\u8336"}}]},"scopeSpans":[{"spans":[{
	"traceId":"5b8efff798038103d269b633813fc60c","spanId":"00000000000000aa","name":"na\u00efve é \ud83c\udf75 \u0000",
	"attributes":[{"key":"cl\u00e9 \u62b9","value":{"stringValue":"\u00fcü\u62b9\ud800 \u0041\\u00e9\n"}}]}]}]}]}'::text);
SELECT service_name, operation, tags - 'otel' AS tags FROM distributed_trace_log;
SELECT * FROM trace_ingest_otlp(pg_read_binary_file(:'made' || 'every_field.bin'));
SELECT * FROM trace_ingest_otlp(pg_read_file(:'made' || 'every_field.json'));
SELECT key, value FROM distributed_trace_log, jsonb_each(tags) WHERE span_id = 'eee19b7ec3c1b174' AND key ~ '^string';
\c :home

CREATE DATABASE trace_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C';
\c trace_ascii
SET client_min_messages = warning;
CREATE EXTENSION distributed_trace;
SET client_encoding = 'SQL_ASCII';
-- bytes are bytes here, but for NUL
SELECT * FROM trace_ingest_otlp(pg_read_binary_file(:'made' || 'every_field.bin'));
SELECT * FROM trace_ingest_otlp(pg_read_file(:'made' || 'every_field.json'));
SELECT key, value FROM distributed_trace_log, jsonb_each(tags) WHERE span_id = 'eee19b7ec3c1b174' AND key ~ '^string';
\c :home

DROP DATABASE trace_latin1;
DROP DATABASE trace_ascii;
