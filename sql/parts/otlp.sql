-- Recording spans that come as OTLP

CREATE FUNCTION trace_ingest_otlp(request bytea,
	OUT accepted bigint, OUT duplicates bigint, OUT rejected bigint, OUT message text)
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10000
AS 'MODULE_PATHNAME', 'dt_trace_ingest_otlp_protobuf';

COMMENT ON FUNCTION trace_ingest_otlp(bytea) IS
'Records the spans of an OTLP trace request (ExportTraceServiceRequest in protobuf, gzip recognised); gives how many spans are new or changed, already there, and refused, and why';

CREATE FUNCTION trace_ingest_otlp(request text,
	OUT accepted bigint, OUT duplicates bigint, OUT rejected bigint, OUT message text)
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10000
AS 'MODULE_PATHNAME', 'dt_trace_ingest_otlp_json';

COMMENT ON FUNCTION trace_ingest_otlp(text) IS
'Records the spans of an OTLP trace request in JSON, or of several one after another; gives how many spans are new or changed, already there, and refused, and why';
