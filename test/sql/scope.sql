-- Namespace and environment of services, which the resource of a span holds.
\pset null -
SET timezone = 'UTC';
BEGIN;
INSERT INTO distributed_trace_resource (resource_id, digest, attributes) VALUES
    (-1, '1', '{"service.namespace": "shop", "deployment.environment.name": "live", "deployment.environment": "old"}'),
    (-2, '2', '{"service.namespace": "", "deployment.environment": "test"}'), (-3, '3', '{}'), (-4, '4', '[]'), (-5, '5', '"service.namespace"');
CREATE FUNCTION pg_temp.of(resource jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('otel', jsonb_build_object('resource', resource)) $$;
SELECT r, trace_service_namespace(pg_temp.of(r)), trace_deployment_environment(pg_temp.of(r))
FROM unnest(ARRAY['-1', '-2', '-3', '-4', '-5', '-6', '-1.5', '1e30', '"-1"', 'null', '{}']::jsonb[]) r;
SELECT trace_service_namespace(t), trace_deployment_environment(t)
FROM unnest(ARRAY['{}', '[]', '{"service.namespace": "x", "resource": -1}', NULL, '{"otel": -1}']::jsonb[]) t;
-- one that comes later is found, one that was rolled back is not
SAVEPOINT a;
INSERT INTO distributed_trace_resource (resource_id, digest, attributes) VALUES (-6, '6', '{"service.namespace": "undone"}');
SELECT trace_service_namespace(pg_temp.of('-6'));
ROLLBACK TO a;
SELECT trace_service_namespace(pg_temp.of('-6'));
SELECT trace_service_namespace(pg_temp.of('-1'));
-- the switch
SET distributed_trace.service_dimensions = 'namespace';
SELECT trace_service_namespace(pg_temp.of('-1')), trace_deployment_environment(pg_temp.of('-1'));
SET distributed_trace.service_dimensions = 'environment';
SELECT trace_service_namespace(pg_temp.of('-1')), trace_deployment_environment(pg_temp.of('-1'));
SET distributed_trace.service_dimensions = 'none';
SELECT trace_service_namespace(pg_temp.of('-1')), trace_deployment_environment(pg_temp.of('-1'));
RESET distributed_trace.service_dimensions;
-- what one role has read, another may not see
CREATE ROLE regress_trace_scope;
SET LOCAL ROLE regress_trace_scope;
SELECT trace_service_namespace(pg_temp.of('-1'));
ROLLBACK;
SELECT trace_service_namespace('{"otel": {"resource": -1}}');
INSERT INTO distributed_trace_resource (resource_id, digest, attributes) VALUES (-6, '6', '{"service.namespace": "later"}');
SELECT trace_service_namespace('{"otel": {"resource": -6}}');
DELETE FROM distributed_trace_resource WHERE resource_id < 0;
