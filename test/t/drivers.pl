# What BI tools use reads every view as psql does: JDBC, ODBC, and SQLAlchemy
# with psycopg2, as a user who may SELECT from the views and nothing else.
# Every value is compared, the types and the comments.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'drivers are tested with one version of the server' if $ENV{WITHOUT_CLIENTS};

my $helpers = "$ENV{SOURCE_DIR}/test/t/drivers";
my $node = PostgreSQL::Test::Cluster->new('drivers');
$node->init(extra => [ '-E', 'UTF8', '--no-locale' ]);

# TCP, which JDBC needs, for that user alone
my $host = '127.0.0.1';
my $password = join '', map { sprintf '%02x', int rand 256 } 1 .. 16;
$node->append_conf('postgresql.conf', "listen_addresses = '$host'");
unlink $node->data_dir . '/pg_hba.conf';
$node->append_conf('pg_hba.conf', "local all all trust\nhost postgres analyst $host/32 scram-sha-256\n");
$node->start;

$node->safe_psql('postgres', "SET password_encryption = 'scram-sha-256'; CREATE ROLE analyst LOGIN PASSWORD '$password'; ALTER ROLE analyst SET timezone = 'UTC'");
$node->safe_psql('postgres', q{
	CREATE EXTENSION distributed_trace;
	INSERT INTO distributed_trace_resource (resource_id, digest, attributes) VALUES (1, 'd', '{"host.name": "höst", "cpus": 4}');
	INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, tags, logs) VALUES
		('t1', 'a', NULL, '日本語', E'😀 \t\n\x01"'';\\\\ مرحبا', '2026-01-01 10:00:00.000001', '2026-01-01 10:00:01', NULL,
		 '{"otel": {"kind": "server", "resource": 1}, "user.id": "Ünï", "http.response.status_code": 500, "error": true}',
		 '[{"time": "2026-01-01T10:00:00.123456Z", "name": "ex", "attributes": {"exception.type": "E", "exception.message": "ça"}}]'),
		('t1', 'b', 'a', 'shop', 'call', '2026-01-01 10:00:00.1', '2026-01-01 10:00:00.9', NULL, '{"span.kind": "client", "otel": {"links": [{"trace_id": "x", "span_id": "y"}]}}', E'\nline\n'),
		('t1', 'c', 'a', 'shop', 'unfinished', '2026-01-01 10:00:00.1', NULL, NULL, NULL, NULL),
		('t1', 'd', 'a', '', '', '2026-01-01 10:00:00.1', 'infinity', NULL, '{"huge": 1e400, "tiny": 1e-400, "big": 1.7976931348623157e299, "third": 0.333333333333333333, "long": 9007199254740993, "minus": -0.0, "null": null}', NULL),
		('t1', 'e', 'a', 'shop', 'NaN', '2026-01-01 10:00:00.1', NULL, 'NaN', '[]', NULL),
		('t2', 'a', NULL, 'shop', 'first', '0001-01-02', '0001-01-02', 9999999999999.999, '{}', NULL),
		('t3', 'a', NULL, 'shop', 'last', '9999-12-30 23:59:59.999999', NULL, 0.001, '{}', NULL),
		('t4', 'a', NULL, 'shop', 'now', now() - interval '1 min', now(), NULL, '{}', NULL),
		('t5', 'a', NULL, 'shop', 'long', '2026-01-02', '2026-01-02', 0, jsonb_build_object('long', repeat('é', 20000)), NULL)});

my %column;
push @{ $column{ $_->[0] } }, [ @$_[ 1 .. 3 ] ] for map { [ split /\t/ ] } split /\n/, $node->safe_psql('postgres', q{
	SELECT concat_ws(E'\t', relname, attname, format_type(atttypid, NULL), 't' || encode(convert_to(col_description(c.oid, attnum), 'UTF8'), 'hex'))
	FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0
	WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace AND relname NOT IN ('trace_counted_spans', 'trace_receiver_stats', 'trace_receiver_refusals') ORDER BY relname, attnum});
my @views = sort keys %column;
cmp_ok(scalar(@views), '>', 15, 'there are views');
$node->safe_psql('postgres', 'GRANT SELECT ON ' . join(', ', @views) . ' TO analyst');

# how to write a value so that two of them are equal only if all of it is
my %form = (
	'text' => q{'t' || encode(convert_to(%s, 'UTF8'), 'hex')},
	'integer' => '%s::text',
	'bigint' => '%s::text',
	'double precision' => q{'f' || encode(float8send(%s), 'hex')},
	'boolean' => q{%s::text},
	'timestamp with time zone' => q{'m' || (extract(epoch FROM %s) * 1000000)::bigint},
);
my %rows;
for my $view (@views)
{
	my $values = join ', ', map { sprintf "coalesce($form{$_->[1]}, '-')", $_->[0] } @{ $column{$view} };
	$rows{$view} = [ sort split /\n/, $node->safe_psql('postgres', "SELECT concat_ws(',', $values) FROM $view") ];
	cmp_ok(scalar @{ $rows{$view} }, '>', 0, "$view has rows");
}

# what each driver calls the types
my %types = (
	JDBC => { 'text' => 'VARCHAR', 'integer' => 'INTEGER', 'bigint' => 'BIGINT', 'double precision' => 'DOUBLE', 'boolean' => 'BIT', 'timestamp with time zone' => 'TIMESTAMP' },
	ODBC => { 'text' => 'text', 'integer' => 'int4', 'bigint' => 'int8', 'double precision' => 'float8', 'boolean' => 'bool', 'timestamp with time zone' => 'timestamptz' },
	SQLAlchemy => { 'text' => 'TEXT', 'integer' => 'INTEGER', 'bigint' => 'BIGINT', 'double precision' => 'DOUBLE_PRECISION', 'boolean' => 'BOOLEAN', 'timestamp with time zone' => 'TIMESTAMP WITH TIME ZONE' },
);

# check_driver DRIVER COMMAND...: what it printed about each view
sub check_driver
{
	my ($driver, @command) = @_;
	my (%view, %columns, %arrived);

	local $ENV{PGUSER} = 'analyst';
	local $ENV{PGPASSWORD} = $password;
	my ($output, $errors) = run_command([ @command, @views ]);
	is($errors, '', "$driver: no errors");
	for (split /\n/, $output)
	{
		my ($what, $view, @fields) = split /\t/;
		$view =~ s/\\_/_/g;
		$view{$view} = $fields[0] if $what eq 'view';
		push @{ $columns{$view} }, join ' ', @fields if $what eq 'column';
		push @{ $arrived{$view} }, $fields[0] if $what eq 'row';
	}
	is(join(' ', sort keys %view), join(' ', @views), "$driver: finds the views");
	for my $view (@views)
	{
		# ODBC's driver gives no comments
		is(join("\n", @{ $columns{$view} || [] }),
			join("\n", map { join ' ', $_->[0], $types{$driver}{ $_->[1] }, $driver eq 'ODBC' ? '-' : $_->[2] } @{ $column{$view} }), "$driver: $view: columns, types, comments");
		like($view{$view} // '', $driver eq 'ODBC' ? qr/^-$/ : qr/^t[0-9a-f]{10,}$/, "$driver: $view: comment");
		is(join("\n", sort @{ $arrived{$view} || [] }), join("\n", @{ $rows{$view} }), "$driver: $view: every value of every row");
	}
}

my $port = $node->port;
check_driver('JDBC', 'java', '-cp', '/usr/share/java/postgresql.jar', "$helpers/DriverTest.java", "jdbc:postgresql://$host:$port/postgres");
check_driver('ODBC', '/usr/bin/python3', "$helpers/drivers.py", 'odbc', $host, $port, 'postgres');
check_driver('SQLAlchemy', '/usr/bin/python3', "$helpers/drivers.py", 'sqlalchemy', $host, $port, 'postgres');
$node->stop;
done_testing();
