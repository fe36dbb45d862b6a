# The rollup of latencies through a dump and a restore, where it must neither be
# lost nor counted twice, and under eight writers, corrections, rollbacks and
# folding at once.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('rollup');
$node->init(extra => [ '-E', 'UTF8', '--no-locale' ]);
$node->start;

# what the rollup says, and how many of its minutes the log bears out
my $figures = q{
	SELECT service_name, operation, span_count, error_count, mean_ms, min_ms, max_ms, quantile_ms FROM trace_operation_latency('-infinity', 'infinity', spans => 'all');
	SELECT level, count(*), sum(sign * latency_count(sketch)) FROM distributed_trace_latency GROUP BY 1 ORDER BY 1;
	SELECT level, service_name, rollup_count, expected_count FROM trace_rollup_check('-infinity', 'infinity')};

# fill DATABASE SCHEMA: rows of every level, corrections, and spans that only
# the rollup remembers
sub fill
{
	my ($database, $schema) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, "CREATE SCHEMA IF NOT EXISTS $schema; CREATE EXTENSION distributed_trace SCHEMA $schema");
	$node->safe_psql($database, "SET search_path = $schema;" . q{
		INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms, tags)
		SELECT 't' || n, n, 's' || n % 3, 'o', '2021-01-01'::timestamptz + n * interval '7 min', n, jsonb_build_object('error', n % 5 = 0) FROM generate_series(1, 1000) n;
		CALL trace_rollup_compact();
		UPDATE distributed_trace_log SET duration_ms = duration_ms + 1 WHERE length(span_id) = 2;
		DELETE FROM distributed_trace_log WHERE span_id IN ('1', '2', '3')});
}

my $dir = PostgreSQL::Test::Utils::tempdir();

# check_restore NAME SCHEMA BEFORE COMMAND...: restores into a new database
my $copies = 0;
sub check_restore
{
	my ($name, $schema, $before, @command) = @_;
	my $copy = 'copy_' . ++$copies;

	$node->safe_psql('postgres', "CREATE DATABASE $copy");
	$node->command_ok([ map { $_ eq 'DATABASE' ? $node->connstr($copy) : $_ } @command ], "$name: restores");
	is($node->safe_psql($copy, "SET search_path = $schema; $figures"), $before, "$name: the figures are the same");
	$node->safe_psql($copy, "SET search_path = $schema; INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms) VALUES ('new', '1', 'new', 'o', '2021-01-01', 1)");
	is($node->safe_psql($copy, "SET search_path = $schema; SELECT span_count FROM trace_service_latency('2021-01-01', '2021-01-02') WHERE service_name = 'new'"), '1', "$name: new spans are counted");
}

for my $schema ('public', 'tracing')
{
	fill($schema, $schema);
	my $before = $node->safe_psql($schema, "SET search_path = $schema; $figures");

	like($before, qr/^minute\|s1\|\d+\|\d+$/m, "$schema: spans are remembered that were deleted");
	$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/$schema.dump", '-d', $node->connstr($schema) ], "$schema: pg_dump -Fc");
	$node->command_ok([ 'pg_dump', '-f', "$dir/$schema.sql", '-d', $node->connstr($schema) ], "$schema: pg_dump");
	$node->command_ok([ 'pg_dump', '--inserts', '-f', "$dir/$schema.inserts.sql", '-d', $node->connstr($schema) ], "$schema: pg_dump --inserts");
	check_restore("$schema, custom format", $schema, $before, 'pg_restore', '--exit-on-error', '-d', 'DATABASE', "$dir/$schema.dump");
	check_restore("$schema, two jobs", $schema, $before, 'pg_restore', '--exit-on-error', '-j', '2', '-d', 'DATABASE', "$dir/$schema.dump");
	check_restore("$schema, plain format", $schema, $before, 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'DATABASE', '-f', "$dir/$schema.sql");
	check_restore("$schema, inserts", $schema, $before, 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'DATABASE', '-f', "$dir/$schema.inserts.sql");
}

# Writers, and a folder, in one database
$node->safe_psql('postgres', 'CREATE DATABASE busy');
$node->safe_psql('busy', 'CREATE EXTENSION distributed_trace');
my %scripts = (
	add => q{
		\set n random(1, 400)
		\set ms random(1, 100000)
		INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms)
		SELECT 't', n, 's' || n % 3, 'o', '2021-01-01'::timestamptz + n * interval '10 s', :ms / 10.0 FROM generate_series(:n, :n + 20) n
		ON CONFLICT (trace_id, span_id) DO UPDATE SET duration_ms = excluded.duration_ms;
	},
	change => q{
		\set n random(1, 400)
		BEGIN;
		UPDATE distributed_trace_log SET duration_ms = duration_ms / 2, operation = 'p' WHERE span_id = :n::text;
		SAVEPOINT a;
		INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms) VALUES ('x', gen_random_uuid(), 's1', 'o', '2021-01-01', 1);
		ROLLBACK TO a;
		END;
		BEGIN;
		INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms) VALUES ('y', gen_random_uuid(), 's1', 'o', '2021-01-01', 1);
		ROLLBACK;
	},
	forget => q{
		\set n random(1, 400)
		SELECT trace_forget_spans('t', :n::text);
	},
	fold => "CALL trace_rollup_compact();\n",
);
my @files;
for my $name (sort keys %scripts)
{
	my $weight = { add => 6, change => 6, forget => 2, fold => 1 }->{$name};

	PostgreSQL::Test::Utils::append_to_file("$dir/$name.pgbench", $scripts{$name});
	push @files, '-f', "$dir/$name.pgbench\@$weight";
}
$node->command_ok([ 'pgbench', '-n', '-c', '8', '-j', '1', '-t', '100', '--random-seed', '42', '--max-tries', '10', @files, 'busy' ],
	'eight writers and folders');
is($node->safe_psql('busy', q{SELECT * FROM trace_rollup_check('-infinity', 'infinity')}), '', 'the rollup agrees with the log');
is($node->safe_psql('busy', q{SELECT count(*) > 100 FROM distributed_trace_log}), 't', 'there are spans');
$node->safe_psql('busy', "CALL trace_rollup_compact('-1 day')");
is($node->safe_psql('busy', q{SELECT * FROM trace_rollup_check('-infinity', 'infinity')}), '', 'and after folding');
is($node->safe_psql('busy', q{
	SELECT count(*) FROM (SELECT service_name, span_count FROM trace_service_latency('-infinity', 'infinity', spans => 'all')
	EXCEPT SELECT service_name, count(*) FROM trace_counted_spans WHERE duration_ms IS NOT NULL GROUP BY 1) x}), '0', 'and so do the figures');
$node->stop;
done_testing();
