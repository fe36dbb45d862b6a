/* Recording spans from other formats than OTLP. */

CREATE FUNCTION trace_ingest_zipkin(
    request text,
    OUT accepted bigint,
    OUT duplicates bigint,
    OUT rejected bigint,
    OUT message text)
    RETURNS record
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10000
    AS 'MODULE_PATHNAME', 'dt_trace_ingest_zipkin';
COMMENT ON FUNCTION trace_ingest_zipkin(text) IS 'Records Zipkin JSON, of its second format or its first: an array of spans, or several such documents. Returns how many were accepted, were already there, and were rejected, and why. The server''s half of an id that client and server share becomes the span "<id>:server", child of the client''s.';

CREATE FUNCTION trace_ingest_jaeger(
    request text,
    OUT accepted bigint,
    OUT duplicates bigint,
    OUT rejected bigint,
    OUT message text)
    RETURNS record
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10000
    AS 'MODULE_PATHNAME', 'dt_trace_ingest_jaeger';
COMMENT ON FUNCTION trace_ingest_jaeger(text) IS 'Records traces in the JSON of Jaeger''s UI and API: a trace, an array of traces, an object with traces in "data", or several such documents. Returns how many spans were accepted, were already there, and were rejected, and why.';
