/* Spans of code that runs in the database. */

CREATE FUNCTION trace_span_start(
    operation text,
    service_name text DEFAULT NULL,
    traceparent text DEFAULT NULL,
    kind text DEFAULT 'internal',
    tags jsonb DEFAULT '{}')
    RETURNS text
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000
    AS 'MODULE_PATHNAME', 'dt_trace_span_start';
COMMENT ON FUNCTION trace_span_start(text, text, text, text, jsonb) IS 'Records a span that starts now, in this transaction, and returns its W3C traceparent, to be handed to trace_span_finish and to what is called. With a traceparent it is a child of that span, and is not recorded if that is not sampled; what is no valid traceparent is ignored and a new trace begins. The service is application_name, or else the database, unless it is given.';

CREATE FUNCTION trace_span_finish(
    traceparent text,
    status text DEFAULT NULL,
    status_message text DEFAULT NULL,
    tags jsonb DEFAULT NULL)
    RETURNS double precision
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000
    AS 'MODULE_PATHNAME', 'dt_trace_span_finish';
COMMENT ON FUNCTION trace_span_finish(text, text, text, jsonb) IS 'Records that a span started by trace_span_start ends now, with status ok, error or none, and adds tags to it. Returns its duration in milliseconds; NULL if it is not sampled.';
