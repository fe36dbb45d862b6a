-- What a person types: ids cut short or pasted with something around them, and
-- names that nothing has.
SET timezone = 'UTC';
BEGIN;
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time)
SELECT trace_id, span_id, parent, service, operation, '2026-01-01 10:00', '2026-01-01 10:00:01'
FROM unnest(ARRAY['7d6d9bd382245a7aa5cd18b53a99883a', '7d6d9bd38224000000000000000000aa', '0000000000000000463ac35c9f6413ad',
                  '550e8400-e29b-41d4-a716-446655440000', 'CAFEBABE12345678CAFEBABE12345678', 'order-4711']) trace_id,
     (VALUES ('569da933c25c8636', NULL, 'gateway', 'POST /checkout'), ('bd9b0201d855135d', '569da933c25c8636', 'payment', 'fraud check'),
             ('bd9b0201d8551300', '569da933c25c8636', 'payment', 'charge')) s (span_id, parent, service, operation);

-- as stored, in another form, within something, cut
SELECT typed, trace_id_find(typed) AS found
FROM (VALUES ('7d6d9bd382245a7aa5cd18b53a99883a'), ('7D6D9BD382245A7AA5CD18B53A99883A'), (E' 7d6d9bd382245a7aa5cd18b53a99883a\n'),
             ('"7d6d9bd382245a7aa5cd18b53a99883a",'), ('0x7d6d9bd382245a7aa5cd18b53a99883a'),
             ('00-7d6d9bd382245a7aa5cd18b53a99883a-569da933c25c8636-01'), ('traceparent: 00-7d6d9bd382245a7aa5cd18b53a99883a-569da933c25c8636-01'),
             ('00-7d6d9bd382245a'), ('7d6d9bd3-8224-5a7a-a5cd-18b53a99883a'), ('{7D6D9BD3-8224-5A7A-A5CD-18B53A99883A}'), ('7d6d9bd3-8224-5a'),
             ('b3: 7d6d9bd382245a7aa5cd18b53a99883a-569da933c25c8636-1'), ('7d6d9bd382245a7aa5cd18b53a99883a:569da933c25c8636:0:1'),
             ('Root=1-7d6d9bd3-82245a7aa5cd18b53a99883a;Sampled=1'), ('https://jaeger.example.com/trace/7d6d9bd382245a7aa5cd18b53a99883a?uiFind=x'),
             ('7d6d9bd382245'), ('463ac35c9f6413ad'), ('463AC35C9F6413AD'), ('463ac35c'),
             ('550e8400-e29b-41d4-a716-446655440000'), ('550e8400'), ('CAFEBABE12345678CAFEBABE12345678'), ('CAFEBABE1'), ('order-4711')) t (typed);

-- which of them?
SELECT trace_id_find('7d6d9bd3');
ROLLBACK;

-- what is not there is said, with what comes near; and not without end
BEGIN;
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time)
SELECT '7d6d9bd382245a7aa5cd18b53a99883a', span_id, parent, service, operation, '2026-01-01 10:00', '2026-01-01 10:00:01'
FROM (VALUES ('569da933c25c8636', NULL, 'gateway', 'POST /checkout'), ('bd9b0201d855135d', '569da933c25c8636', 'payment', 'fraud check'),
             ('bd9b0201d8551300', '569da933c25c8636', 'payment', 'charge')) s (span_id, parent, service, operation);
SELECT trace_id_find('7d6d9bd382245a7aa5cd18b53a998800');
SELECT trace_id_find('7d6d9'), trace_id_find(''), trace_id_find(NULL);
SELECT count(trace_id_find('abcdef0123456789' || n)) FROM generate_series(1, 100) n;
SELECT trace_id_find(repeat('x', 1000) || '''; DROP TABLE t');

-- every function that takes the id of a trace
SELECT count(*) FROM trace_tree('7d6d9bd3');
SELECT span_count FROM trace_summary('7d6d9bd3');
SELECT count(*) > 1 FROM trace_waterfall('7d6d9bd3');
SELECT count(*) > 0 FROM trace_critical_path('7d6d9bd3');
SELECT trace_export_otlp('7d6d9bd3') = trace_export_otlp('7d6d9bd382245a7aa5cd18b53a99883a');
SELECT trace_export_jaeger('7d6d9bd3') = trace_export_jaeger('7d6d9bd382245a7aa5cd18b53a99883a');
SELECT count(*) FROM trace_grafana_trace('7d6d9bd3');
SELECT count(*) FROM trace_grafana_flame_graph('7d6d9bd3');
SELECT service_name FROM trace_latency_rank('7d6d9bd3', 'bd9b0201d855135d');
-- but what deletes wants the id itself
SELECT trace_forget_spans('7d6d9bd3');

-- spans
SELECT operation FROM trace_ancestors('7d6d9bd3', 'BD9B0201D855135D');
SELECT operation FROM trace_ancestors('7d6d9bd3', '00-7d6d9bd382245a7aa5cd18b53a99883a-bd9b0201d855135d-01');
SELECT operation FROM trace_ancestors('7d6d9bd3', 'bd9b0201d85513');
ROLLBACK;
BEGIN;
INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time)
SELECT 't', span_id, parent, service, operation, '2026-01-01 10:00', '2026-01-01 10:00:01'
FROM (VALUES ('569da933c25c8636', NULL, 'gateway', 'POST /checkout'), ('bd9b0201d855135d', '569da933c25c8636', 'payment', 'fraud check'),
             ('c0', '569da933c25c8636', 'payment', 'charge')) s (span_id, parent, service, operation);
SELECT operation FROM trace_ancestors('t', 'bd9b0201');
SELECT operation FROM trace_ancestors('t', '00-7d6d9bd382245a7aa5cd18b53a99883a-bd9b0201d855135d-01');

-- names of services and operations
SELECT matched_spans FROM trace_what_if('t', 'payment');
SELECT matched_spans FROM trace_what_if('t', 'Payments');
SELECT matched_spans FROM trace_what_if('t', 'payment', 'Fraud');
SELECT matched_spans FROM trace_what_if('t', 'nobody', 'Fraud');
SELECT matched_spans FROM trace_what_if('t', NULL, 'checkout');
-- of many trees each without it: no word
SELECT matched_spans FROM trace_what_if(trace_get('t'), 'Payments');
SELECT operation FROM trace_ancestors('t', 'bd9b0');
ROLLBACK;
