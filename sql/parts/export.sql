/* Writing traces in the formats of others. */

CREATE FUNCTION trace_export_otlp(trace_id text) RETURNS text
    LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10000
    AS 'MODULE_PATHNAME', 'dt_trace_export_otlp';
COMMENT ON FUNCTION trace_export_otlp(text) IS 'A trace as one OTLP request in JSON, with all that OTLP brought in, always in the same order; NULL for an unknown trace. Ids that OTLP cannot hold are replaced by hex derived from them and kept in the attributes distributed_trace.trace_id and distributed_trace.span_id.';

CREATE FUNCTION trace_export_jaeger(trace_id text) RETURNS text
    LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10000
    AS 'MODULE_PATHNAME', 'dt_trace_export_jaeger';
COMMENT ON FUNCTION trace_export_jaeger(text) IS 'A trace in the JSON of Jaeger''s UI and API, {"data": [trace]}, always in the same order; NULL for an unknown trace.';
