-- Recording OTLP: real requests, and one document in both encodings.
\set VERBOSITY terse
\getenv abs_srcdir PG_ABS_SRCDIR
\set data :abs_srcdir '/data/otlp/'
\set made :abs_srcdir '/data/otlp_made/'
\set helpers :made 'helpers.psql'
SET client_min_messages = warning;
SET timezone = 'UTC';
\i :helpers
TRUNCATE distributed_trace_log, distributed_trace_resource;

--
-- Every capture holds what the SDK said that it sent
--
CREATE TEMP TABLE manifest AS
SELECT c[1] AS file, c[2] AS run, c[7]::int AS spans, c[8]::int AS traces,
	c[9]::int AS events, c[10]::int AS links, c[11] AS service
FROM (SELECT string_to_array(line, E'\t') AS c
	  FROM string_to_table(pg_read_file(:'data' || 'manifest.tsv'), E'\n') AS line
	  WHERE line <> '' AND line NOT LIKE 'file%') AS lines;

CREATE TEMP TABLE ingested AS
SELECT m.*, i.*
FROM manifest m,
	LATERAL (SELECT pg_read_binary_file(:'data' || m.file) AS bytes) f,
	LATERAL trace_ingest_otlp(CASE WHEN m.run LIKE 'grpc%' THEN substring(f.bytes FROM 6) ELSE f.bytes END) i
WHERE m.run NOT LIKE 'json%'
UNION ALL
SELECT m.*, i.*
FROM manifest m, trace_ingest_otlp(pg_read_file(:'data' || m.file)) i
WHERE m.run LIKE 'json%';

SELECT run, count(*) AS files, sum(accepted) = sum(spans) AS all_accepted,
	sum(duplicates) AS duplicates, sum(rejected) AS rejected, count(message) AS messages
FROM ingested GROUP BY run ORDER BY run;
SELECT file, spans, accepted FROM ingested WHERE accepted <> spans;
SELECT (SELECT sum(spans) FROM manifest) = count(*) AS spans,
	(SELECT sum(events) FROM manifest) = sum(jsonb_array_length(logs::jsonb)) AS events,
	(SELECT sum(links) FROM manifest) = sum(jsonb_array_length(tags -> 'otel' -> 'links')) AS links,
	(SELECT array_agg(DISTINCT service ORDER BY service) FROM manifest)
		= array_agg(DISTINCT service_name::text ORDER BY service_name::text) AS services
FROM distributed_trace_log;
SELECT count(*) AS resources, bool_and(attributes ? 'service.name') AS named FROM distributed_trace_resource;
SELECT count(*) AS spans_without_resource FROM distributed_trace_log l
WHERE NOT EXISTS (SELECT FROM distributed_trace_resource r
	WHERE r.resource_id = (l.tags -> 'otel' ->> 'resource')::bigint
	AND r.attributes ->> 'service.name' = l.service_name);

-- all of it again: nothing is written
SELECT sum(i.accepted) AS accepted, sum(i.duplicates) = sum(m.spans) AS all_duplicates
FROM manifest m,
	LATERAL (SELECT pg_read_binary_file(:'data' || m.file) AS bytes) f,
	LATERAL trace_ingest_otlp(CASE WHEN m.run LIKE 'grpc%' THEN substring(f.bytes FROM 6) ELSE f.bytes END) i
WHERE m.run NOT LIKE 'json%';
-- a span that the SDK made awkward on purpose
SELECT operation, jsonb_pretty(tags #- '{otel,resource}') AS tags
FROM distributed_trace_log
WHERE tags ? 'edge.nan' OR operation LIKE '%' || U&'\FFFD' || '%'
ORDER BY operation, span_id LIMIT 3;

--
-- One document in both encodings
--
TRUNCATE distributed_trace_log, distributed_trace_resource;
SELECT try_otlp(pg_read_binary_file(:'made' || 'every_field.bin'));
SELECT try_otlp(pg_read_file(:'made' || 'every_field.json')) AS "resent as JSON";
CREATE TEMP TABLE from_protobuf AS
SELECT trace_id, span_id, parent_span_id, service_name, operation, start_time,
	end_time, duration_ms, tags, logs FROM distributed_trace_log;
TRUNCATE distributed_trace_log;
SELECT try_otlp(pg_read_file(:'made' || 'every_field.json'));
CREATE TEMP TABLE from_json AS
SELECT trace_id, span_id, parent_span_id, service_name, operation, start_time,
	end_time, duration_ms, tags, logs FROM distributed_trace_log;
SELECT count(*) AS different FROM (
	(TABLE from_protobuf EXCEPT ALL TABLE from_json)
	UNION ALL (TABLE from_json EXCEPT ALL TABLE from_protobuf)) AS rows;

SELECT trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, logs
FROM from_json WHERE span_id = 'eee19b7ec3c1b174' \gx
SELECT key, CASE WHEN length(value::text) > 60 THEN left(value::text, 20) || '... ' || length(value::text) ELSE value::text END AS value
FROM from_json, jsonb_each(tags) WHERE span_id = 'eee19b7ec3c1b174' AND key <> 'otel';
SELECT jsonb_pretty(tags -> 'otel' #- '{resource}') AS otel FROM from_json WHERE span_id = 'eee19b7ec3c1b174';
SELECT span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, logs, tags #- '{otel,resource}' AS tags
FROM from_json WHERE span_id <> 'eee19b7ec3c1b174' ORDER BY start_time, span_id;
SELECT jsonb_pretty(attributes) AS resource FROM distributed_trace_resource ORDER BY length(attributes::text);
-- a double stays one: the shortest digits that are read back as the same
SELECT key, (value #>> '{}')::float8 AS number
FROM from_json, jsonb_each(tags) WHERE key ~ '^double' AND jsonb_typeof(value) = 'number' ORDER BY 1;

-- resources that follow one another, equal or not; the empty one is one too
TRUNCATE distributed_trace_log, distributed_trace_resource;
SELECT try_otlp('{"resourceSpans":[' || string_agg(format('{"resource":{"attributes":[%s]},"schemaUrl":"%s","scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"00000000000000%s"}]}]}',
	CASE WHEN service <> '' THEN format('{"key":"service.name","value":{"stringValue":"%s"}}', service) END, url, n), ',' ORDER BY n) || ']}')
FROM (VALUES (10, 'a', ''), (11, 'a', ''), (12, 'b', ''), (13, 'b', 'u'), (14, 'b', 'v'), (15, 'a', 'v'), (16, '', 'v'), (17, '', 'v'), (18, 'b', '')) AS v (n, service, url);
SELECT span_id, service_name, r.attributes
FROM distributed_trace_log l JOIN distributed_trace_resource r ON r.resource_id = (l.tags -> 'otel' ->> 'resource')::bigint ORDER BY span_id;
SELECT count(*) AS resources FROM distributed_trace_resource;

TRUNCATE distributed_trace_log, distributed_trace_resource;
DROP FUNCTION try_otlp(bytea), try_otlp(text), request_with, pb, pb_request;
