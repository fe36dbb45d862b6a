# What is recorded outlives a dump and a restore, a restart and a crash: every
# row, resource, number of an identity column and stored span_tree.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('dump');
$node->init(extra => [ '-E', 'UTF8', '--no-locale' ]);
$node->start;

# Everything a database holds that must come back, as one text.
my $everything = q{
	SELECT 'log', count(*)::text, md5(string_agg(l::text, E'\n' ORDER BY id)) FROM distributed_trace_log l
	UNION ALL SELECT 'resource', count(*)::text, md5(string_agg(r::text, E'\n' ORDER BY resource_id)) FROM distributed_trace_resource r
	UNION ALL SELECT 'tree', count(*)::text, md5(string_agg(encode(span_tree_send(tree), 'hex') || tree::text, E'\n' ORDER BY trace_id)) FROM trees
	UNION ALL SELECT 'walk', count(*)::text, md5(string_agg(r::text, E'\n' ORDER BY t.trace_id, ordinal)) FROM trees t, trace_tree(t.trace_id) r
	UNION ALL SELECT 'export', count(*)::text, md5(string_agg(trace_export_otlp(trace_id), E'\n' ORDER BY trace_id)) FROM trees
	UNION ALL SELECT 'users', count(*)::text, md5(string_agg(u::text, E'\n' ORDER BY span_id)) FROM trace_user_activity u
	UNION ALL SELECT 'log sequence', last_value::text, is_called::text FROM distributed_trace_log_id_seq
	UNION ALL SELECT 'resource sequence', last_value::text, is_called::text FROM distributed_trace_resource_resource_id_seq
	UNION ALL SELECT 'comments and rights', count(*)::text, md5(string_agg(concat(c.relname, relacl, a.attname, attacl, col_description(c.oid, attnum)), E'\n' ORDER BY c.relname, attnum))
	          FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0 WHERE relname ~ '^distributed_trace|^trees|^trace_user' AND relkind IN ('r', 'v')
	ORDER BY 1};

my @requests = sort glob("$ENV{SOURCE_DIR}/test/data/otlp/json/*");
splice(@requests, 4);
cmp_ok(scalar(@requests), '>', 1, 'there are requests to record');

# ingest DATABASE SETTINGS: the requests; says what became of their spans
sub ingest
{
	my ($database, $settings) = @_;
	return $node->safe_psql($database, "$settings SELECT sum(accepted), sum(duplicates) > 0, sum(rejected) FROM unnest(ARRAY["
		. join(', ', map { "'$_'" } @requests) . "]) file, trace_ingest_otlp(pg_read_file(file))");
}

# fill DATABASE SCHEMA: the extension in this schema, and rows of every kind
sub fill
{
	my ($database, $schema) = @_;
	my $settings = "SET search_path = $schema, public;";

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, "CREATE SCHEMA IF NOT EXISTS $schema; CREATE EXTENSION distributed_trace SCHEMA $schema");
	ingest($database, $settings);
	$node->safe_psql($database, "$settings" . q{
		INSERT INTO distributed_trace_log VALUES
			(1, 'trace_abc123', 'span_001', NULL, 'OrderService', 'processOrder', '2023-10-01 11:00:00', '2023-10-01 11:05:00', 300000.000, '{"user.id": 42}', 'Order processed', '2023-10-01 11:05:00', '2023-10-01 11:06:00'),
			(NULL, 'trace_abc123', 'span_002', 'span_001', E'quote'' "tab\t"newline\n\\\\', '日本語 😀', '2023-10-01 11:00:00', NULL, NULL, '{"a": "\n"}', E'\x01', NULL, NULL),
			(NULL, 'trace_abc123', 'span_003', 'span_001', 's', 'o', '-infinity', 'infinity', NULL, NULL, NULL, NULL, NULL),
			(NULL, 'trace_abc123', 'span_004', 'span_001', 's', 'measured', '2023-10-01', '2023-10-02', 1, NULL, NULL, NULL, NULL);
		-- and a gap in the numbers
		DELETE FROM distributed_trace_log WHERE id = (SELECT max(id) FROM distributed_trace_log WHERE trace_id <> 'trace_abc123');
		CREATE TABLE trees AS SELECT trace_id, span_tree_agg(l) AS tree FROM distributed_trace_log l GROUP BY trace_id;
		CREATE TABLE people (id integer, name text);
		INSERT INTO people VALUES (42, 'Ada');
		SELECT trace_attach_users('people', 'id');
		CREATE ROLE regress_dump_reader;
		GRANT SELECT ON distributed_trace_log, distributed_trace_resource TO regress_dump_reader;
	});
	return $settings;
}

# check_copy NAME COPY SETTINGS BEFORE: a restored database against what it was
sub check_copy
{
	my ($name, $copy, $settings, $before) = @_;

	is($node->safe_psql($copy, "$settings $everything"), $before, "$name: all is there");
	is(ingest($copy, $settings), '1|t|0', "$name: what was recorded is known, but for the span deleted since");
	is($node->safe_psql($copy, "$settings" . q{
		INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, end_time) VALUES ('new', 'new', 's', 'o', '2026-01-01', '2026-01-02');
		SELECT id > (SELECT max(id) FROM distributed_trace_log WHERE trace_id <> 'new'), duration_ms FROM distributed_trace_log WHERE trace_id = 'new'}),
		't|86400000.000', "$name: numbers go on, and the trigger works");
	is($node->safe_psql($copy, "$settings SELECT count(*), count(*) FILTER (WHERE deptype = 'e') FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'distributed_trace')"),
		$node->safe_psql('public', "$settings SELECT count(*), count(*) FILTER (WHERE deptype = 'e') FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'distributed_trace')"),
		"$name: the tables are the extension's");
}

my $dir = PostgreSQL::Test::Utils::tempdir();
for my $schema ('public', 'tracing')
{
	my $settings = fill($schema, $schema);
	my $before = $node->safe_psql($schema, "$settings $everything");

	like($before, qr/^log\|\d{2,}\|/m, "$schema: there is something to dump");
	like($before, qr/^resource\|[1-9]\d*\|/m, "$schema: there are resources to dump");
	$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/$schema.dump", '-d', $node->connstr($schema) ], "$schema: pg_dump -Fc");
	$node->safe_psql('postgres', "CREATE DATABASE ${schema}_custom");
	$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr("${schema}_custom"), "$dir/$schema.dump" ], "$schema: pg_restore");
	check_copy("$schema, custom format", "${schema}_custom", $settings, $before);

	$node->command_ok([ 'pg_dump', '-f', "$dir/$schema.sql", '-d', $node->connstr($schema) ], "$schema: pg_dump");
	$node->safe_psql('postgres', "CREATE DATABASE ${schema}_plain");
	$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr("${schema}_plain"), '-f', "$dir/$schema.sql" ], "$schema: psql");
	check_copy("$schema, plain format", "${schema}_plain", $settings, $before);
	$node->safe_psql($schema, "$settings DROP OWNED BY regress_dump_reader");
	$node->safe_psql("${schema}_$_", "$settings DROP OWNED BY regress_dump_reader") for 'custom', 'plain';
	$node->safe_psql('postgres', 'DROP ROLE regress_dump_reader');

	$before = $node->safe_psql($schema, "$settings $everything");
	$node->restart;
	is($node->safe_psql($schema, "$settings $everything"), $before, "$schema: all is there after a restart");
	$node->stop('immediate');
	$node->start;
	# a sequence may skip the numbers that it had logged ahead
	my $after = $node->safe_psql($schema, "$settings $everything");
	s/^(\w+ sequence)\|.*$/$1/mg for $before, $after;
	is($after, $before, "$schema: all is there after a crash");
}
$node->stop;
done_testing();
