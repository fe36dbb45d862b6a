# Documents and values that nobody would write, made by chance from sound ones:
# each is read, or refused with an error of its kind, and the server goes on in
# the memory it had.
#
#     FUZZ_SECONDS=20 FUZZ_SEED=...    seconds for each reader, and where to start
#
# All of it happens in the server, one session for each reader, in a database of
# its own; the seed says what it did.  What was recorded is also exported, and
# whatever trace_export_otlp writes must be accepted again.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{FUZZ_SECONDS} || 20;
my $seed = $ENV{FUZZ_SEED} // time % 100000;
diag("FUZZ_SEED=$seed, $seconds s for each reader") if $ENV{FUZZ_SEED};
note("FUZZ_SEED=$seed, $seconds s for each reader");

# What input may be refused with: malformed text, binary or JSON, characters
# that are none, numbers and times out of range, too much or too deep.
my $refusals = '^(22P02|22P03|22P05|2203.|22021|22003|22007|22008|22009|22023|54000|54001|08P01)$';

# megabytes by which a session may grow, once it has seen everything
my $growth = 32;

my $node = PostgreSQL::Test::Cluster->new('fuzz');
$node->init(extra => [ '-E', 'UTF8', '--no-locale' ]);
$node->append_conf('postgresql.conf', "fsync = off\nshared_buffers = 8MB\nsynchronous_commit = off\nautovacuum = off\nlog_min_messages = fatal\nlog_min_error_statement = fatal\nmax_stack_depth = '2MB'");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION distributed_trace');
$node->command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', "$ENV{SOURCE_DIR}/test/t/fuzz_input.sql" ], 'the readers are there');

# the seeds
my %seeds = (
	otlp => [ "$ENV{SOURCE_DIR}/test/data/otlp_made/snake_case.jsonl", "$ENV{SOURCE_DIR}/test/data/export/every_field.json", "$ENV{SOURCE_DIR}/test/data/otlp_made/every_field.json" ],
	zipkin => [ "$ENV{SOURCE_DIR}/test/data/zipkin/shop.json", "$ENV{SOURCE_DIR}/test/data/zipkin/first_format.json" ],
	jaeger => ["$ENV{SOURCE_DIR}/test/data/jaeger/shop.json"]);
for my $reader (sort keys %seeds)
{
	$node->safe_psql('postgres', "INSERT INTO seeds VALUES ('$reader', pg_read_file('$_'))") for @{ $seeds{$reader} };
}
$node->safe_psql('postgres', q{
	CREATE TEMP TABLE recorded AS SELECT i.* FROM seeds, trace_ingest_otlp(document) i WHERE reader = 'otlp';
	INSERT INTO seeds SELECT reader, string_agg(document, E'\n') FROM seeds GROUP BY reader;
	INSERT INTO seeds SELECT 'jaeger', trace_export_jaeger(trace_id) FROM (SELECT DISTINCT trace_id FROM distributed_trace_log) t;
	INSERT INTO seeds SELECT r, trace_get(trace_id)::text FROM (SELECT DISTINCT trace_id FROM distributed_trace_log) t, unnest(ARRAY['text', 'binary']) r;
	INSERT INTO seeds SELECT r, '{"trace_id": "t", "spans": [{"span_id": "a", "service_name": "s", "operation": "o", "start_time": "2026-01-01", "duration_ms": 1.5, "kind": "server", "is_error": true},
		{"span_id": "b", "parent_span_id": "a", "start_time": "2026-01-01 00:00:00.0001+01", "end_time": "2026-01-02", "service_name": "é", "operation": ""}, {"span_id": "b", "parent_span_id": "b", "start_time": "infinity"}]}'
		FROM unnest(ARRAY['text', 'binary']) r;
	TRUNCATE distributed_trace_log, distributed_trace_resource;
});

# the readers, two at a time
my @readers = qw(otlp zipkin jaeger text binary);
my $dir = PostgreSQL::Test::Utils::tempdir();

# start READER: returns its process and what that will print
sub start
{
	my ($reader) = @_;
	my $output = '';

	$node->safe_psql('template1', qq{CREATE DATABASE "$reader" TEMPLATE postgres});
	my @command = ('psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($reader),
		'-c', "CALL fuzz('$reader', '$dir/$reader', $seconds, $seed)");
	return [ $reader, IPC::Run::start(\@command, '<', \'', '>&', \$output), \$output ];
}

# check READER: what became of its inputs
sub check
{
	my ($reader) = @_;

	note($node->safe_psql($reader, "SELECT '$reader: ' || string_agg(outcome || ' ' || inputs, ', ' ORDER BY inputs DESC) FROM results"));
	is($node->safe_psql($reader, "SELECT outcome || ': ' || example FROM results WHERE outcome <> 'read' AND outcome !~ '$refusals' ORDER BY 1"),
		'', "$reader: what is refused is refused for a reason");
	is($node->safe_psql($reader, q{SELECT sum(inputs) FILTER (WHERE outcome = 'read') > 20, sum(inputs) FILTER (WHERE outcome <> 'read') > 20 FROM results}),
		't|t', "$reader: some is read, and some is not");
	my $grown = $node->safe_psql($reader, 'SELECT grown FROM memory');
	note("$reader: grown by $grown MB");
	cmp_ok($grown eq '' ? 'inf' : $grown, '<', $growth, "$reader: the session does not grow");
}

while (my @pair = splice(@readers, 0, 2))
{
	for my $run (map { start($_) } @pair)
	{
		my ($reader, $process, $output) = @$run;
		ok($process->finish, "$reader: the session lives to its end") or diag($$output);
		check($reader);
	}
}

is($node->safe_psql('postgres', 'SELECT 1'), '1', 'the server is alive');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC/, 'no process of it ended otherwise');
$node->stop;
done_testing();
