-- Forgetting spans: a NULL is no wish to forget all of a trace.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS distributed_trace;
INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, end_time)
SELECT t, s::text, 's', 'o', '2031-01-01', '2031-01-01 00:00:01'
FROM unnest('{forget,0000000000000000463ac35c9f6413ad,463AC35C9F6413AD}'::text[]) t, generate_series(1, 3) s;

SELECT trace_forget_spans('forget', NULL);
SELECT trace_forget_spans(NULL), trace_forget_spans(NULL, '1'), trace_forget_spans(NULL, NULL);
SELECT trace_forget_spans('forget', (SELECT span_id FROM distributed_trace_log WHERE span_id = 'nobody'));
SELECT count(*) FROM distributed_trace_log WHERE start_time = '2031-01-01';
SELECT trace_forget_spans('forget', '1'), trace_forget_spans('forget', '1'), trace_forget_spans('forget'), trace_forget_spans('forget');
-- the id as given, and only where there is none its normal form
SELECT trace_forget_spans('463AC35C9F6413AD');
SELECT trace_forget_spans('463AC35C9F6413AD', '2'), trace_forget_spans('463AC35C9F6413AD');
SELECT count(*) FROM distributed_trace_log WHERE start_time = '2031-01-01';
SELECT count(*) FROM trace_rollup_check('2031-01-01', '2031-01-02');
SELECT span_count FROM trace_service_latency('2031-01-01', '2031-01-02');
DELETE FROM distributed_trace_latency WHERE bucket_start = '2031-01-01';
