/* Readers over the columns of a span: ids, tags and logs. */

CREATE FUNCTION trace_id_normalize(trace_id text) RETURNS text
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_trace_id_normalize';
COMMENT ON FUNCTION trace_id_normalize(text) IS 'The form in which the recording functions store a trace id: hex of 16 or 32 digits in lower case and padded with zeros to 32 digits, anything else as it is.';

CREATE FUNCTION trace_id_find(typed text) RETURNS text
    LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100
    AS 'MODULE_PATHNAME', 'dt_trace_id_find';
COMMENT ON FUNCTION trace_id_find(text) IS 'The stored id of the trace that is meant: the id itself, else its normal form, the id in a traceparent, UUID or URL, or the only one that begins with the 8 or more hex digits given; an error if several do, NULL and a notice if none does. Functions that take a trace id find it so by themselves.';

CREATE FUNCTION trace_span_kind(tags jsonb) RETURNS text
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_trace_span_kind';
COMMENT ON FUNCTION trace_span_kind(jsonb) IS 'Kind of a span (server, client, internal, producer, consumer or unspecified), from what OpenTelemetry recorded or the tag "span.kind" in lower case; NULL if none was recorded.';

CREATE FUNCTION trace_is_error(tags jsonb) RETURNS boolean
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_trace_is_error';
COMMENT ON FUNCTION trace_is_error(jsonb) IS 'Whether a span failed: by its OpenTelemetry status if that is ok or error, else by the tag "error", which is not a failure if it is false, 0, null or missing.';

CREATE FUNCTION trace_is_async(trace_id text, parent_span_id text, tags jsonb) RETURNS boolean
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_trace_is_async';
COMMENT ON FUNCTION trace_is_async(text, text, jsonb) IS 'Whether a span is known to be asynchronous: a link to its own parent (or to the id that the parent shares with its client) has the attribute opentracing.ref_type = follows_from. Nobody waits for it, and the critical path leaves it out with all below it.';

CREATE FUNCTION trace_http_status_code(tags jsonb) RETURNS integer
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_trace_http_status_code';
COMMENT ON FUNCTION trace_http_status_code(jsonb) IS 'HTTP status code of the response (http.response.status_code, else http.status_code), whether it was recorded as 503, 503.0 or "503"; NULL if there is none from 100 to 999.';

CREATE FUNCTION trace_adjusted_count(tags jsonb) RETURNS double precision
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_trace_adjusted_count';
COMMENT ON FUNCTION trace_adjusted_count(jsonb) IS 'How many spans a sampled one stands for: the adjusted count of the rejection threshold (ot=th:...) in its W3C tracestate; 1 if there is none.';

CREATE FUNCTION trace_service_namespace(tags jsonb) RETURNS text
    LANGUAGE C STABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_trace_service_namespace';
COMMENT ON FUNCTION trace_service_namespace(jsonb) IS 'Namespace of the service that recorded a span: "service.namespace" of its resource, which tells services of one name apart; NULL if there is none, or distributed_trace.service_dimensions leaves it out.';

CREATE FUNCTION trace_deployment_environment(tags jsonb) RETURNS text
    LANGUAGE C STABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_trace_deployment_environment';
COMMENT ON FUNCTION trace_deployment_environment(jsonb) IS 'Environment a span was recorded in: "deployment.environment.name" of its resource, else "deployment.environment"; NULL if there is neither, or distributed_trace.service_dimensions leaves it out.';

CREATE FUNCTION trace_user_id(tags jsonb) RETURNS text
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_trace_user_id';
COMMENT ON FUNCTION trace_user_id(jsonb) IS 'The person behind a span: the first of the tags "user.id", "enduser.id" and "enduser.pseudo.id" that is a string (not an empty one) or a number; NULL if there is none.';

CREATE FUNCTION trace_events(logs text, OUT event_time timestamptz, OUT event_name text, OUT attributes jsonb)
    RETURNS SETOF record
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 3 COST 100
    AS 'MODULE_PATHNAME', 'dt_trace_events';
COMMENT ON FUNCTION trace_events(text) IS 'The events of a span, one row an event: of a JSON array as the recording functions write it (nanoseconds are cut off, a time without zone is UTC), and of any other text one for each line that is not blank, with the line as its name.';

CREATE FUNCTION trace_exception(event_name text, attributes jsonb,
    OUT exception_type text, OUT exception_message text, OUT exception_stacktrace text)
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_trace_exception';
COMMENT ON FUNCTION trace_exception(text, jsonb) IS 'The exception that an event of trace_events() reports: OpenTelemetry''s attributes exception.type, exception.message and exception.stacktrace; in a log of an error as OpenTracing writes it (event = error, or error.kind or error.object is there) also error.kind, message or error.object, and stack. NULL for what there is none of.';
