# Crashes under load: of the program, of the worker, of the whole server.  What a
# client was told is stored is there afterwards, exactly once, and what is derived
# from it agrees.
#
# KILL_ROUNDS says how many (3): each is a crash of the next kind, a second or two
# after the last.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ReceiverTest;
use Test::More;
use Time::HiRes qw(sleep time);

require_receiver();
my $rounds = $ENV{KILL_ROUNDS} || 3;
my $dir = PostgreSQL::Test::Utils::tempdir();
my ($node, $port) = new_receiver('kill', "restart_after_crash = on\nmax_wal_size = 256MB\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION distributed_trace');
wait_for_state($node, 'listening', 'it listens');

sub worker_pid
{
	return $node->safe_psql('postgres', 'SELECT worker_pid FROM trace_receiver_stats');
}

sub program_pid
{
	my $worker = worker_pid();

	for my $file (glob '/proc/[0-9]*/stat')
	{
		open(my $stat, '<', $file) or next;
		return $1 if (<$stat> // '') =~ /^(\d+) \(.*\) \S $worker /;
	}
	return undef;
}

my @kinds = (
	[ 'the program', sub { my $pid = program_pid(); kill 'KILL', $pid if $pid } ],
	[ 'the worker', sub { kill 'KILL', worker_pid() } ],
	[ 'the server', sub { $node->stop('immediate'); $node->start } ]);

# clients for five rounds at a time: a file of what they were told for each
my ($round, $loads, @files) = (0, 0);
my ($acknowledged, $refused, $lost, $failed) = (0, 0, 0, 0);
while ($round < $rounds)
{
	my $here = $rounds - $round < 5 ? $rounds - $round : 5;
	my $seconds = 3 * $here + 1;
	my @clients = map {
		my ($protocol, $encoding) = @$_;
		my $one = { file => "$dir/spans" . ++$loads, out => '' };
		$one->{run} = IPC::Run::start([ 'python3', "$ENV{SOURCE_DIR}/test/receiver/load_client.py", $protocol, $encoding, $port, $one->{file}, $seconds ],
			'<', \undef, '>&', \$one->{out}, IPC::Run::timeout($seconds + 60));
		$one;
	} ([ 'http/protobuf', 'plain' ], [ 'http/protobuf', 'gzip' ], [ 'http/json', 'plain' ], [ 'http/json', 'gzip' ]);

	for (1 .. $here)
	{
		my ($name, $crash) = @{ $kinds[ $round++ % @kinds ] };
		sleep 0.5 + rand 1;
		eval { $crash->(); 1 } or note("round $round: $@");
		note("round $round: $name");
		my $end = time + 20;
		sleep 0.1 while time < $end && (($node->psql('postgres', q{SELECT state FROM trace_receiver_stats}))[1] // '') ne 'listening';
	}
	for my $one (@clients)
	{
		IPC::Run::finish($one->{run});
		if ($one->{out} =~ /^acknowledged (\d+) lost (\d+) refused (\d+) retries (\d+)$/m)
		{
			$acknowledged += $1;
			$lost += $2;
			$refused += $3;
		}
		else
		{
			$failed++;
			diag($one->{out});
		}
		push @files, $one->{file};
	}
}
note("$rounds rounds: $acknowledged spans acknowledged");
is($failed, 0, 'the clients end in order');
is($refused, 0, 'nothing is refused');
is($lost, 0, 'nothing is lost that is sent again');
cmp_ok($acknowledged, '>', 100 * $rounds, 'spans were acknowledged');
is( $node->safe_psql('postgres', 'CREATE TEMP TABLE acknowledged (span_id text);' . join('', map { "COPY acknowledged FROM '$_';" } @files) . q{
	SELECT count(*), count(DISTINCT a.span_id), count(*) FILTER (WHERE l.span_id IS NULL), count(*) FILTER (WHERE l.operation <> 'op ' || l.span_id),
	       (SELECT count(*) - count(DISTINCT span_id) FROM distributed_trace_log)
	FROM acknowledged a LEFT JOIN distributed_trace_log l ON l.span_id = a.span_id}),
	"$acknowledged|$acknowledged|0|0|0", 'what was acknowledged is there, exactly once');
is($node->safe_psql('postgres', q{SELECT count(*) FROM trace_rollup_check('2000-01-01', '2100-01-01')}), '0', 'the rollup agrees with the log');
$node->safe_psql('postgres', q{CALL trace_rollup_compact('0')});
is($node->safe_psql('postgres', q{SELECT count(*) FROM trace_rollup_check('2000-01-01', '2100-01-01')}), '0', 'and does so once it is folded');
SKIP:
{
	skip 'amcheck is not installed', 1 if $node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'}) eq '0';
	is( $node->safe_psql('postgres', q{CREATE EXTENSION amcheck;
		SELECT count(bt_index_check(i.indexrelid, true)) > 0 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
		WHERE i.indrelid::regclass::text LIKE 'distributed_trace_%' AND a.amname = 'btree'}), 't', 'the indexes hold what the tables hold');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_class c, verify_heapam(c.oid) WHERE c.relname LIKE 'distributed_trace_%' AND c.relkind = 'r'}), '0', 'the tables are whole');
}
$node->stop;
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/PANIC|TRAP|is no frame/, 'nothing worse than that was logged');
done_testing();
