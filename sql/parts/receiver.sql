/* Automatic recording: how the receiver is doing, and the roles that suit it. */

CREATE FUNCTION trace_receiver_status()
    RETURNS TABLE (
        state text,
        worker_pid integer,
        worker_start_time timestamptz,
        http_request_count bigint,
        grpc_request_count bigint,
        recorded_count bigint,
        malformed_count bigint,
        busy_count bigint,
        unauthorized_count bigint,
        too_large_count bigint,
        too_slow_count bigint,
        other_refused_count bigint,
        spans_accepted bigint,
        spans_duplicate bigint,
        spans_rejected bigint,
        last_rejection text,
        body_bytes bigint,
        connection_count bigint,
        open_connections bigint,
        turned_away_count bigint,
        pending_requests bigint,
        commit_count bigint,
        commit_p50_ms double precision,
        commit_p95_ms double precision,
        commit_p99_ms double precision,
        program_restart_count bigint,
        last_error text,
        last_error_time timestamptz,
        stats_reset_time timestamptz)
    LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 1
    AS 'MODULE_PATHNAME', 'dt_trace_receiver_status';
COMMENT ON FUNCTION trace_receiver_status() IS 'The row of trace_receiver_stats; none if the extension is not preloaded.';

CREATE FUNCTION trace_receiver_reset_stats() RETURNS void
    LANGUAGE C VOLATILE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'dt_trace_receiver_reset_stats';

CREATE FUNCTION trace_receiver_refused()
    RETURNS TABLE (
        last_time timestamptz,
        first_time timestamptz,
        protocol text,
        reason text,
        last_peer text,
        refused_count bigint)
    LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 10
    AS 'MODULE_PATHNAME', 'dt_trace_receiver_refused';
REVOKE EXECUTE ON FUNCTION trace_receiver_refused() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION trace_receiver_refused() TO pg_monitor;
COMMENT ON FUNCTION trace_receiver_refused() IS 'The rows of trace_receiver_refusals; none if the extension is not preloaded.';

CREATE VIEW trace_receiver_refusals AS SELECT * FROM trace_receiver_refused() ORDER BY last_time DESC;
GRANT SELECT ON trace_receiver_refusals TO pg_monitor;
COMMENT ON VIEW trace_receiver_refusals IS 'What the receiver refused, the last first: a row for each protocol and reason, since the server started or its counts were reset.';
COMMENT ON COLUMN trace_receiver_refusals.last_time IS 'When this happened last, to the second.';
COMMENT ON COLUMN trace_receiver_refusals.first_time IS 'When it happened first.';
COMMENT ON COLUMN trace_receiver_refusals.protocol IS 'HTTP (HTTP/1.1), HTTP/2 (OTLP/HTTP over it), gRPC, TLS, or any: it was not known yet.';
COMMENT ON COLUMN trace_receiver_refusals.reason IS 'Why, as the client was told if it could be; of TLS in OpenSSL''s words.';
COMMENT ON COLUMN trace_receiver_refusals.last_peer IS 'The address of the last client that this happened to.';
COMMENT ON COLUMN trace_receiver_refusals.refused_count IS 'How often.';

REVOKE EXECUTE ON FUNCTION trace_receiver_reset_stats() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION trace_receiver_status() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION trace_receiver_status() TO pg_monitor;
COMMENT ON FUNCTION trace_receiver_reset_stats() IS 'Begins the counts of trace_receiver_stats and trace_receiver_refusals anew.';

CREATE VIEW trace_receiver_stats AS SELECT * FROM trace_receiver_status();
GRANT SELECT ON trace_receiver_stats TO pg_monitor;
COMMENT ON VIEW trace_receiver_stats IS 'What the receiver has done since the server started or its counts were reset; no row if the extension is not preloaded.';
COMMENT ON COLUMN trace_receiver_stats.state IS 'off; starting; listening; blocked: requests cannot be recorded at the moment; failed: the program could not start or the worker could not connect to its database, which is tried again.';
COMMENT ON COLUMN trace_receiver_stats.worker_pid IS 'Process of the background worker.';
COMMENT ON COLUMN trace_receiver_stats.worker_start_time IS 'When it started.';
COMMENT ON COLUMN trace_receiver_stats.http_request_count IS 'Whole requests that came by OTLP/HTTP.';
COMMENT ON COLUMN trace_receiver_stats.grpc_request_count IS 'Whole calls that came by OTLP/gRPC.';
COMMENT ON COLUMN trace_receiver_stats.recorded_count IS 'Requests that were recorded and committed.';
COMMENT ON COLUMN trace_receiver_stats.malformed_count IS 'Requests that can never be recorded (HTTP 400, gRPC INVALID_ARGUMENT or INTERNAL).';
COMMENT ON COLUMN trace_receiver_stats.busy_count IS 'Requests that could not be recorded in time (HTTP 503, gRPC UNAVAILABLE).';
COMMENT ON COLUMN trace_receiver_stats.unauthorized_count IS 'Requests without the right token.';
COMMENT ON COLUMN trace_receiver_stats.too_large_count IS 'Requests over a limit of size.';
COMMENT ON COLUMN trace_receiver_stats.too_slow_count IS 'Requests that did not come in time.';
COMMENT ON COLUMN trace_receiver_stats.other_refused_count IS 'Requests refused for other reasons: path, method, type, a browser.';
COMMENT ON COLUMN trace_receiver_stats.spans_accepted IS 'Spans that are new or changed what was there.';
COMMENT ON COLUMN trace_receiver_stats.spans_duplicate IS 'Spans that were there already.';
COMMENT ON COLUMN trace_receiver_stats.spans_rejected IS 'Spans that cannot be stored.';
COMMENT ON COLUMN trace_receiver_stats.last_rejection IS 'Why the last of them cannot.';
COMMENT ON COLUMN trace_receiver_stats.body_bytes IS 'Bytes of request bodies, as they came.';
COMMENT ON COLUMN trace_receiver_stats.connection_count IS 'Connections that were taken.';
COMMENT ON COLUMN trace_receiver_stats.open_connections IS 'Connections that are open.';
COMMENT ON COLUMN trace_receiver_stats.turned_away_count IS 'Connections that were closed because there were too many: those that gave way, and those that found no place.';
COMMENT ON COLUMN trace_receiver_stats.pending_requests IS 'Requests that wait for their answer.';
COMMENT ON COLUMN trace_receiver_stats.commit_count IS 'How often requests were recorded and made durable, one or several together.';
COMMENT ON COLUMN trace_receiver_stats.commit_p50_ms IS 'Median time that this took, decoding included, in milliseconds, within 1 %.';
COMMENT ON COLUMN trace_receiver_stats.commit_p95_ms IS '95th percentile of that.';
COMMENT ON COLUMN trace_receiver_stats.commit_p99_ms IS '99th percentile of that.';
COMMENT ON COLUMN trace_receiver_stats.program_restart_count IS 'How often the receiver program ended and was started again.';
COMMENT ON COLUMN trace_receiver_stats.last_error IS 'What went wrong last.';
COMMENT ON COLUMN trace_receiver_stats.last_error_time IS 'And when.';
COMMENT ON COLUMN trace_receiver_stats.stats_reset_time IS 'Since when is counted.';

CREATE PROCEDURE trace_create_roles(recorder name DEFAULT 'trace_recorder', reader name DEFAULT 'trace_reader')
    LANGUAGE C
    AS 'MODULE_PATHNAME', 'dt_trace_create_roles';
COMMENT ON PROCEDURE trace_create_roles(name, name) IS 'Makes two roles, unless they are there, and gives them their rights: one that may record (for distributed_trace.receiver_role, or for applications) and one that may read every table and view and change nothing, both with USAGE on the schema of the extension, which pg_monitor gets too. The reader cannot log in: grant it to those who shall read.';
