# Sessions that record the same spans at once, by the formats and by functions,
# shared ids and their children among them: they take rows in one order, so
# that none waits for one that waits for it, and what is counted is what is there.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('together');
$node->init(extra => [ '-E', 'UTF8', '--no-locale' ]);
$node->append_conf('postgresql.conf', "deadlock_timeout = '100ms'");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION distributed_trace');

# spans of 8 traces of 40, in any order, with services that are new as well
my $zipkin = q{\set n random(1, 40)
SELECT accepted FROM trace_ingest_zipkin((SELECT json_agg(json_build_object('traceId', lpad((:n + k % 8)::text, 32, '0'), 'id', lpad((1 + k % 30)::text, 16, '0'),
	'parentId', CASE WHEN k % 30 > 0 THEN lpad((k % 30)::text, 16, '0') END, 'name', 'o', 'kind', CASE WHEN random() < 0.5 THEN 'CLIENT' ELSE 'SERVER' END,
	'timestamp', 1925000000000000 + k, 'duration', 7, 'tags', json_build_object('k' || (random() * 5)::int, 'v'),
	'localEndpoint', json_build_object('serviceName', 's' || (k % 3)::text)) ORDER BY random())::text FROM generate_series(1, 100) k));
};
my $jaeger = q{\set n random(1, 40)
SELECT accepted FROM trace_ingest_jaeger((SELECT json_build_object('data', json_agg(json_build_object('traceID', lpad((:n + t)::text, 32, '0'), 'spans', (SELECT json_agg(json_build_object(
	'spanID', lpad((1 + k % 30)::text, 16, '0'), 'operationName', 'o', 'startTime', 1925000000000000 + k, 'duration', 7,
	'tags', json_build_array(json_build_object('key', 'span.kind', 'value', CASE WHEN random() < 0.5 THEN 'client' ELSE 'server' END)),
	'process', json_build_object('serviceName', 's' || (k % 3)::text, 'tags', json_build_array(json_build_object('key', 'pid', 'value', (random() * 20)::int))))
	ORDER BY random()) FROM generate_series(1, 12) k)) ORDER BY random()))::text FROM generate_series(0, 7) t));
SELECT trace_span_finish(trace_span_start('work', 's1'));
};
$node->pgbench('--no-vacuum --client=6 --jobs=2 --time=6', 0, [qr/number of failed transactions: 0/], [qr/^$/],
	'none deadlocks', { '001_zipkin' => $zipkin, '002_jaeger' => $jaeger });
unlike(slurp_file($node->logfile), qr/deadlock/, 'nor did one before it was tried again');
is($node->safe_psql('postgres', q{SELECT count(*) FROM trace_rollup_check('-infinity', 'infinity')}), '0', 'the rollup agrees with the log');
is($node->safe_psql('postgres', q{SELECT count(*) FROM (SELECT trace_id, coalesce(tags #>> '{otel,reported,span_id}', span_id), service_name, trace_span_kind(tags) FROM distributed_trace_log GROUP BY 1, 2, 3, 4 HAVING count(*) > 1) x}),
	'0', 'no span is there twice');
$node->stop;
done_testing;
