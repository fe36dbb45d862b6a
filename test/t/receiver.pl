# Automatic recording as a whole: clients send spans to the receiver while all
# kinds of things go wrong, and every span that one of them was told is stored
# is in the table, exactly once.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ReceiverTest qw(require_receiver);
use Test::More;
use Time::HiRes qw(sleep time);

my $helpers = "$ENV{SOURCE_DIR}/test/receiver";
require_receiver();

my $dir = PostgreSQL::Test::Utils::tempdir();
my $host = '127.0.0.1';
my $http = PostgreSQL::Test::Cluster::get_free_port();
my $grpc = PostgreSQL::Test::Cluster::get_free_port();
my $began = time;

# every protocol and encoding
my @clients = map { my $protocol = $_; map { [ $protocol, $_ ] } 'plain', 'gzip' } 'http/protobuf', 'http/json', 'grpc';
my @few = ([ 'http/protobuf', 'gzip' ], [ 'http/json', 'plain' ], [ 'grpc', 'plain' ], [ 'grpc', 'gzip' ]);

sub progress
{
	note(sprintf('%5.1f s: %s', time - $began, join '', @_));
}

# settings of a node whose receiver is on
sub receiver_conf
{
	my ($http_port, $grpc_port) = @_;

	return "shared_preload_libraries = 'distributed_trace'\n"
		. "distributed_trace.receiver = on\n"
		. "distributed_trace.receiver_listen_addresses = '$host'\n"
		. "distributed_trace.receiver_http_port = $http_port\n"
		. "distributed_trace.receiver_grpc_port = $grpc_port\n";
}

my $node = PostgreSQL::Test::Cluster->new('receiver');
# small segments of WAL, so that a limit on the size of files spares them
$node->init(allows_streaming => 1, extra => [ '-E', 'UTF8', '--no-locale', '--wal-segsize=1' ]);
$node->append_conf('postgresql.conf', receiver_conf($http, $grpc) . "restart_after_crash = on\nmax_wal_size = 256MB\nmin_wal_size = 16MB\n");
$node->start;

sub one_value
{
	return $node->safe_psql('postgres', shift);
}

# until QUERY gives a row that is true; the server may be away meanwhile
sub wait_until
{
	my ($query, $name, $server) = @_;
	my $end = time + 20;
	my $found = '';

	while (time < $end)
	{
		my ($status, $out) = ($server // $node)->psql('postgres', $query);
		$found = $out // '';
		return pass($name) if defined $status && $status == 0 && $found eq 't';
		sleep 0.1;
	}
	return fail("$name (found '$found')");
}

sub wait_for_state
{
	my ($state, $name, $server) = @_;
	return wait_until("SELECT state = '$state' FROM trace_receiver_stats", $name, $server);
}

# the receiver program that the worker started: its only child
sub program_pid
{
	my $worker = one_value('SELECT worker_pid FROM trace_receiver_stats');

	for my $file (glob '/proc/[0-9]*/stat')
	{
		open(my $stat, '<', $file) or next;
		return $1 if (<$stat> // '') =~ /^(\d+) \(.*\) \S $worker /;
	}
	die 'the worker has no child';
}

# request PORT METHOD PATH HEADERS BODY: status and body of the answer
sub request
{
	my ($port, $method, $path, $headers, $body) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'python3', '-c', q{
import http.client, sys
port, method, path, headers = sys.argv[1:5]
c = http.client.HTTPConnection('127.0.0.1', int(port), timeout=15)
try:
    c.request(method, path, sys.stdin.buffer.read(), dict(h.split('=', 1) for h in headers.split('&') if h))
    a = c.getresponse()
    print(a.status, a.read().decode(errors='replace').strip())
except OSError as e:
    print('error', e)
}, $port, $method, $path, $headers // '' ], '<', \($body // ''), '>', \$out, '2>', \$err, IPC::Run::timeout(20));
	$out =~ s/\n\z//;
	return $out;
}

sub health
{
	return (split / /, request(shift // $http, 'GET', '/healthz'))[0];
}

sub wait_for_health
{
	my ($status, $name) = @_;
	my $end = time + 10;
	my $found;

	while (time < $end)
	{
		$found = health();
		return pass($name) if $found eq $status;
		sleep 0.2;
	}
	return fail("$name (found $found)");
}

# One span, of this number, by hand.
sub send_span
{
	my ($number, $headers, $port) = @_;
	my $id = sprintf '%016x', $number;
	return (split / /, request($port // $http, 'POST', '/v1/traces', 'Content-Type=application/json' . ($headers // ''),
		qq({"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"${id}${id}","spanId":"$id","name":"op $id","startTimeUnixNano":"1790000000000000000","endTimeUnixNano":"1790000000001000000"}]}]}]})))[0];
}

# The clients of a load, in the background.
my $loads = 0;
sub start_load
{
	my ($seconds, $clients, %options) = @_;
	my @load;

	for my $client (@$clients)
	{
		my ($protocol, $encoding) = @$client;
		my $file = "$dir/spans" . ++$loads;
		my @command = $options{sdk} ? ('node', "$options{sdk}/client.js") : ('python3', "$helpers/load_client.py");
		my $one = { name => "$protocol $encoding", file => $file, out => '' };

		push @command, $protocol, $encoding, ($protocol eq 'grpc' ? $options{grpc} // $grpc : $options{http} // $http), $file, $seconds;
		push @command, $options{token} if defined $options{token};
		$one->{run} = IPC::Run::start(\@command, '<', \undef, '>&', \$one->{out}, IPC::Run::timeout($seconds + 45));
		push @load, $one;
	}
	return \@load;
}

# finish NAME LOAD OPTIONS: waits for the clients and compares what they were
# told with what is there.  may_lose: clients for which it is all right that
# something was not acknowledged; at_least: spans that must have been.
my @acknowledged;
sub finish
{
	my ($name, $load, %options) = @_;
	my ($acknowledged, $lost, $refused, $retries) = (0, 0, 0, 0);
	my $ended_well = 1;

	for my $one (@$load)
	{
		my $ok = eval { IPC::Run::finish($one->{run}) };
		$one->{run}->kill_kill(grace => 1) if $@;
		if (!$ok || $one->{out} !~ /^acknowledged (\d+) lost (\d+) refused (\d+) retries (\d+)$/m)
		{
			$ended_well = 0;
			diag("$name, $one->{name}: $@ " . substr($one->{out}, -1500));
			next;
		}
		my ($one_lost, $one_refused) = ($2, $3);
		($acknowledged, $refused, $retries) = ($acknowledged + $1, $refused + $3, $retries + $4);
		if ($options{may_lose} && $one->{name} =~ $options{may_lose})
		{
			progress("$name, $one->{name}: $one_lost not acknowledged, as may be");
			$one_lost = 0;
		}
		$lost += $one_lost;
		diag("$name, $one->{name}: " . substr($one->{out}, 0, 500)) if $one_lost > 0 || $one_refused > 0;
		push @acknowledged, $one->{file};
	}
	ok($ended_well, "$name: the clients end in order");
	progress("$name: $acknowledged spans acknowledged, $lost lost, $refused refused, $retries retries");
	is($refused, 0, "$name: nothing is refused for good");
	is($lost, 0, "$name: nothing is lost that is sent again");
	cmp_ok($acknowledged, '>', $options{at_least} // 500, "$name: spans were acknowledged");
	is(compare(map { $_->{file} } @$load), "$acknowledged|$acknowledged|0|0|0", "$name: what was acknowledged is there, exactly once");
	return $retries;
}

# Acknowledged spans; different ones; missing ones; wrong ones; spans there are
# more than once.
sub compare
{
	return one_value("CREATE TEMP TABLE acknowledged (span_id text);" . join('', map { "COPY acknowledged FROM '$_';" } @_) . q{
		SELECT count(*), count(DISTINCT a.span_id), count(*) FILTER (WHERE l.span_id IS NULL), count(*) FILTER (WHERE l.operation <> 'op ' || l.span_id),
		       (SELECT count(*) - count(DISTINCT span_id) FROM distributed_trace_log)
		FROM acknowledged a LEFT JOIN distributed_trace_log l ON l.span_id = a.span_id});
}

#
# A missing extension
#
wait_for_health(503, 'no extension: not healthy');
is((split / /, request($http, 'GET', '/healthz/live'))[0], '200', 'no extension: but alive');
is(one_value(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'distributed_trace receiver'}), '1', 'the worker can be seen');
is(one_value('CREATE EXTENSION distributed_trace; SELECT count(*) FROM distributed_trace_log'), '0', 'the extension is created');
wait_for_health(200, 'healthy as soon as the extension is there');
wait_for_state('listening', 'its state is "listening"');

#
# In calm
#
finish('calm', start_load(4, [ @clients, @clients ]), at_least => 2000);
# the program tells its counts once a second
wait_until('SELECT recorded_count = http_request_count + grpc_request_count AND pending_requests = 0 FROM trace_receiver_stats', 'every request is counted, and was recorded');
is(one_value(q{SELECT state, http_request_count > 50, grpc_request_count > 20, malformed_count, busy_count, unauthorized_count,
		spans_accepted = (SELECT count(*) FROM distributed_trace_log), spans_duplicate, spans_rejected, commit_count BETWEEN 1 AND recorded_count, commit_p50_ms > 0,
		commit_p50_ms <= commit_p95_ms, commit_p95_ms <= commit_p99_ms, program_restart_count, pending_requests, connection_count >= 12, body_bytes > spans_accepted,
		worker_start_time BETWEEN now() - interval '5 min' AND now(), worker_pid = (SELECT pid FROM pg_stat_activity WHERE backend_type = 'distributed_trace receiver')
	FROM trace_receiver_stats}), 'listening|t|t|0|0|0|t|0|0|t|t|t|t|0|0|t|t|t|t', 'the counts are right');
cmp_ok(one_value('SELECT count(DISTINCT created_at) FROM distributed_trace_log'), '>', 10, 'spans carry the time that they were recorded');
one_value('SELECT trace_receiver_reset_stats()');
wait_until('SELECT recorded_count = 0 AND http_request_count = 0 AND spans_accepted = 0 AND commit_count = 0 FROM trace_receiver_stats', 'counts begin anew');
is(send_span(1), '200', 'a span by hand');
is(send_span(1), '200', 'and again');
wait_until(q{SELECT recorded_count = 2 AND http_request_count = 2 AND spans_accepted = 1 AND spans_duplicate = 1 FROM trace_receiver_stats}, 'the second is a duplicate');

#
# A malformed request harms nobody
#
my $load = start_load(3, \@few);
for my $i (1 .. 10)
{
	my ($type, $body) = $i % 2 ? ('application/json', '{"resourceSpans": [{"scopeSpans": 7}]}') : ('application/x-protobuf', "\xff\xff\xff");
	is((split / /, request($http, 'POST', '/v1/traces', "Content-Type=$type", $body))[0], '400', "malformed request $i is told so") if $i < 3 || $i > 8;
	sleep 0.1;
}
is(finish('malformed requests between', $load), 0, 'malformed requests between: nobody else had to send again');
wait_until('SELECT malformed_count >= 4 FROM trace_receiver_stats', 'they are counted');

# nor do very many of them
$load = start_load(4, \@few);
my $spammer = IPC::Run::start([ 'python3', '-c', q{
import http.client, sys, threading, time
end = time.time() + 4
def spam():
    c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]), timeout=15)
    while time.time() < end:
        c.request('POST', '/v1/traces', b'\xff\xff\xff', {'Content-Type': 'application/x-protobuf'})
        c.getresponse().read()
threads = [threading.Thread(target=spam) for i in range(16)]
[t.start() for t in threads]
[t.join() for t in threads]
}, $http ], '<', \undef, '>', \my $no_output, '2>', \my $spam_errors, IPC::Run::timeout(60));
is(finish('malformed requests all the time', $load), 0, 'malformed requests all the time: nobody else had to send again');
IPC::Run::finish($spammer);
is($spam_errors, '', 'they are all answered');

# the largest request: a field that nobody knows
sub varint { my $n = shift; my $s = ''; for (; $n > 127; $n >>= 7) { $s .= chr($n & 127 | 128); } return $s . chr($n); }
my $unknown = 64 * 1024 * 1024 - 5;
is((split / /, request($http, 'POST', '/v1/traces', 'Content-Type=application/x-protobuf', "\x7a" . varint($unknown) . "\0" x $unknown))[0], '200', 'a request of 64 MB');
is((split / /, request($http, 'POST', '/v1/traces', 'Content-Type=application/x-protobuf', "\x7a" . varint($unknown) . "\0" x ($unknown + 1)))[0], '413', 'and one byte more');
is(send_span(6), '200', 'what comes behind them is recorded');

#
# Crashes
#
$load = start_load(6, \@clients);
my $told;
for (1 .. 2)
{
	sleep 1.5;
	$told = one_value('SELECT http_request_count + grpc_request_count FROM trace_receiver_stats');
	kill 'KILL', program_pid();
	wait_until('SELECT program_restart_count >= ' . $_ . ' FROM trace_receiver_stats', "kill -9 of the program, $_: it is started again");
}
cmp_ok(finish('kill -9 of the program', $load), '>', 0, 'kill -9 of the program: the clients felt it');
wait_until("SELECT http_request_count + grpc_request_count > $told AND open_connections = 0 AND pending_requests = 0 FROM trace_receiver_stats",
	'kill -9 of the program: what it had told is still counted, but for what was open');

$load = start_load(5, \@clients);
sleep 1.5;
my $worker = one_value('SELECT worker_pid FROM trace_receiver_stats');
kill 'KILL', $worker;
wait_until("SELECT worker_pid <> $worker AND state = 'listening' FROM trace_receiver_stats", 'kill -9 of the worker: the server restarts, and it listens');
cmp_ok(finish('kill -9 of the worker', $load), '>', 0, 'kill -9 of the worker: the clients felt it');

$worker = one_value('SELECT worker_pid FROM trace_receiver_stats');
one_value("SELECT pg_terminate_backend($worker)");
wait_until("SELECT worker_pid <> $worker AND state = 'listening' FROM trace_receiver_stats", 'pg_terminate_backend of the worker: it is started again');

# nobody is there to wait for, and the server stops all the same
$node->safe_psql('postgres', q{ALTER SYSTEM SET synchronous_standby_names = 'nobody'});
$node->reload;
$load = start_load(2, [ [ 'http/protobuf', 'plain' ] ]);
wait_until(q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'distributed_trace receiver' AND wait_event = 'SyncRep'}, 'a standby that is away: the worker waits for it');
my $stop_began = time;
$node->stop('fast');
cmp_ok(time - $stop_began, '<', 20, 'a standby that is away: the server stops all the same');
PostgreSQL::Test::Utils::append_to_file($node->data_dir . '/postgresql.auto.conf', "synchronous_standby_names = ''\n");
$node->start;
finish('a standby that is away', $load, at_least => 10);

$load = start_load(6, \@clients);
sleep 1.5;
$node->stop('immediate');
sleep 0.5;
$node->start;
cmp_ok(finish('immediate stop', $load), '>', 0, 'immediate stop: the clients felt it');

$load = start_load(6, \@clients);
sleep 1.5;
$node->restart;
finish('orderly restart', $load);

#
# A lock
#
$load = start_load(7, \@clients);
sleep 1;
my $lock = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', 'BEGIN; LOCK TABLE distributed_trace_log IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(5); COMMIT' ], '<', \undef, '>', \my $ignored, '2>', \my $ignored2, IPC::Run::timeout(30));
sleep 0.5;
wait_for_health(503, 'lock: not healthy');
wait_for_state('blocked', 'lock: its state is "blocked"');
IPC::Run::finish($lock);
is(finish('lock for 5 s', $load), 0, 'lock for 5 s: the clients were made to wait, and none had to send again');
wait_for_health(200, 'lock: healthy again');
is(one_value("SELECT last_error LIKE '%lock timeout%' FROM trace_receiver_stats"), 't', 'lock: the reason is told');

# nobody sends anything, and the state is known all the same
$lock = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', 'BEGIN; LOCK TABLE distributed_trace_log IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(7); COMMIT' ], '<', \undef, '>', \$ignored, '2>', \$ignored2, IPC::Run::timeout(30));
wait_for_health(503, 'lock while nothing comes: not healthy');
wait_for_state('blocked', 'lock while nothing comes: its state is "blocked"');
IPC::Run::finish($lock);
wait_for_health(200, 'lock while nothing comes: healthy again');

#
# A disk that is full: the worker's files may not grow beyond what they are
#
SKIP:
{
	my $size = one_value(q{SELECT greatest(pg_relation_size('distributed_trace_log'), 2 * 1024 * 1024)});
	my $pid = one_value('SELECT worker_pid FROM trace_receiver_stats');

	if (system("prlimit --pid $pid --fsize=$size:unlimited 2>/dev/null") != 0)
	{
		fail('full disk: there is prlimit') if $ENV{CI};
		skip 'full disk: no prlimit to limit the size of files with', 1;
	}
	one_value(q{SELECT trace_receiver_reset_stats()});
	$load = start_load(6, \@clients);
	wait_for_state('blocked', 'full disk: its state becomes "blocked"');
	wait_for_health(503, 'full disk: not healthy');
	sleep 2;
	is(one_value(q{SELECT last_error ~ 'could not (extend|write)' FROM trace_receiver_stats}), 't', 'full disk: the reason is told');
	is(system("prlimit --pid $pid --fsize=unlimited"), 0, 'full disk: room is made');
	finish('full disk', $load);
	wait_for_health(200, 'full disk: healthy again');
	is(one_value('SELECT worker_pid FROM trace_receiver_stats'), $pid, 'full disk: the worker lives through it');
}

#
# Another port
#
my $new_http = PostgreSQL::Test::Cluster::get_free_port();
my $before = start_load(2, [ [ 'http/protobuf', 'plain' ] ]);
$load = start_load(5, [ [ 'http/json', 'gzip' ], [ 'http/protobuf', 'plain' ], [ 'grpc', 'plain' ] ], http => $new_http);
sleep 2.5;
finish('before the port changes', $before, at_least => 100);
$node->append_conf('postgresql.conf', "distributed_trace.receiver_http_port = $new_http\n");
$node->reload;
cmp_ok(finish('another port', $load, at_least => 100), '>', 0, 'another port: the clients waited for it');
like(request($http, 'GET', '/healthz'), qr/^error .*refused/, 'another port: the old one is closed');
$http = $new_http;
is(health(), '200', 'another port: the new one is open');
is(compare(@acknowledged) =~ s/^(\d+)\|\1\|/same|/r, 'same|0|0|0', 'all that was acknowledged so far is there, exactly once');

#
# A real SDK
#
SKIP:
{
	my $sdk = "$dir/sdk";
	my ($out, $version) = ('', '');

	skip 'SDKs are tested with one version of the server', 1 if $ENV{WITHOUT_CLIENTS};
	if (!eval { IPC::Run::run([ 'node', '--version' ], '>', \$version, '2>', \my $ignored_, IPC::Run::timeout(10)) })
	{
		diag('SKIPPED: no node, so the OpenTelemetry SDK was not tested');
		skip 'the OpenTelemetry SDK: no node', 1;
	}
	mkdir $sdk;
	system('cp', "$helpers/sdk/$_", $sdk) for 'package.json', 'package-lock.json', 'client.js';
	if (!eval { IPC::Run::run([ 'npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries=1', '--cache', "$dir/npm" ], '<', \undef, '>&', \$out, init => sub { chdir $sdk }, IPC::Run::timeout(60)) })
	{
		diag('SKIPPED: npm could not install the OpenTelemetry SDK, so it was not tested: ' . substr($out, 0, 300));
		skip 'the OpenTelemetry SDK: npm could not install it', 1;
	}
	progress('the SDK is installed');
	# its gRPC exporter sends nothing again
	finish('SDK, calm', start_load(2, \@clients, sdk => $sdk), at_least => 1000);
	$load = start_load(5, \@clients, sdk => $sdk);
	sleep 1.5;
	kill 'KILL', program_pid();
	sleep 1.5;
	$node->restart;
	finish('SDK, kill -9 and restart', $load, may_lose => qr/^grpc/);
	wait_for_state('listening', 'SDK: it listens again');
}

#
# The extension goes and comes back
#
$load = start_load(6, \@few);
sleep 1.5;
one_value('DROP EXTENSION distributed_trace');
sleep 1;
is(health(), '503', 'DROP EXTENSION: not healthy');
# what was acknowledged from here on has to be there
my %skip_bytes = map { $_->{file} => -s $_->{file} } @$load;
one_value('CREATE EXTENSION distributed_trace');
{
	my ($acknowledged, $lost) = (0, 0);
	for my $one (@$load)
	{
		IPC::Run::finish($one->{run});
		$lost += $1 if $one->{out} =~ /lost (\d+) refused/;
		open(my $in, '<', $one->{file}) or die;
		seek($in, $skip_bytes{ $one->{file} }, 0);
		open(my $file, '>', "$one->{file}.after") or die;
		while (<$in>) { print $file $_; $acknowledged++; }
		close $file;
	}
	cmp_ok($acknowledged, '>', 500, 'DROP and CREATE EXTENSION: spans were acknowledged after it');
	is($lost, 0, 'DROP and CREATE EXTENSION: and none was lost');
	is(compare(map { "$_->{file}.after" } @$load), "$acknowledged|$acknowledged|0|0|0", 'DROP and CREATE EXTENSION: those are there, exactly once');
}

one_value('DROP EXTENSION distributed_trace');
wait_for_health(503, 'DROP EXTENSION while nothing comes: not healthy');
one_value('CREATE EXTENSION distributed_trace');
wait_for_health(200, 'CREATE EXTENSION while nothing comes: healthy');

#
# A role that may only record
#
one_value('CALL trace_create_roles()');
$node->append_conf('postgresql.conf', "distributed_trace.receiver_role = 'trace_recorder'\n");
$node->restart;
wait_for_state('listening', 'trace_recorder: it listens');
is(one_value(q{SELECT usename FROM pg_stat_activity WHERE backend_type = 'distributed_trace receiver'}), 'trace_recorder', 'trace_recorder: the worker is that role');
finish('trace_recorder', start_load(2, \@few), at_least => 100);
is(one_value(q{SET ROLE trace_reader; SELECT count(*) > 100 FROM distributed_trace_log}), 't', 'trace_reader may read');
isnt($node->psql('postgres', "SET ROLE trace_$_->[0]; $_->[1]"), 0, "trace_$_->[0] may not $_->[1]")
	for [ reader => 'DELETE FROM distributed_trace_log' ], [ reader => 'SELECT trace_receiver_reset_stats()' ], [ recorder => 'DELETE FROM distributed_trace_log' ], [ recorder => 'TRUNCATE distributed_trace_log' ];
is(one_value(q{SET ROLE pg_monitor; SELECT state FROM trace_receiver_stats}), 'listening', 'pg_monitor may see how it goes');

#
# A token
#
my $token_file = $node->data_dir . '/token';
PostgreSQL::Test::Utils::append_to_file($token_file, "secret one\n");
$node->append_conf('postgresql.conf', "distributed_trace.receiver_token_file = '$token_file'\n");
$node->reload;
wait_until(q{SELECT true FROM trace_receiver_stats WHERE state = 'listening' AND pg_sleep(0.5) IS NOT NULL}, 'token: it listens');
is(send_span(2), '401', 'token: none is not enough');
is(send_span(2, '&Authorization=Bearer secret'), '401', 'token: nor is another');
is(send_span(2, '&Authorization=Bearer secret one'), '200', 'token: the right one is');
finish('token', start_load(1, \@few, token => 'secret one'), at_least => 40);
wait_until('SELECT unauthorized_count = 2 FROM trace_receiver_stats', 'token: refusals are counted');
unlink $token_file;
PostgreSQL::Test::Utils::append_to_file($token_file, "another\n");
$node->reload;
sleep 1;
is(send_span(3, '&Authorization=Bearer secret one'), '401', 'token: a reload reads the file again');
is(send_span(3, '&Authorization=Bearer another'), '200', 'token: the new one is right');
unlink $token_file;
$node->reload;
wait_until(q{SELECT last_error ~ 'could not read.*goes on' FROM trace_receiver_stats}, 'token: a file that is missing at a reload is told');
is(send_span(4, '&Authorization=Bearer another'), '200', 'token: and what works goes on');
$node->restart;
wait_until(q{SELECT state = 'failed' AND last_error ~ 'could not read' FROM trace_receiver_stats}, 'token: nothing is taken if the file is missing at the start, and the reason is told');
like(send_span(4), qr/^error/, 'token: and nothing listens');
PostgreSQL::Test::Utils::append_to_file($token_file, "another\n");
wait_for_state('listening', 'token: it listens once the file is there');

#
# A standby takes nothing until it is promoted
#
my $standby_http = PostgreSQL::Test::Cluster::get_free_port();
my $standby = PostgreSQL::Test::Cluster->new('standby');
$node->backup('base');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "distributed_trace.receiver_http_port = $standby_http\ndistributed_trace.receiver_grpc_port = 0\ndistributed_trace.receiver_token_file = ''\n");
$standby->start;
is($standby->safe_psql('postgres', 'SELECT state FROM trace_receiver_stats'), 'off', 'standby: its state is "off"');
like(send_span(5, '', $standby_http), qr/^error/, 'standby: nothing listens');
$standby->promote;
wait_for_state('listening', 'standby: it listens once promoted', $standby);
is(send_span(5, '', $standby_http), '200', 'standby: and records');
is($standby->safe_psql('postgres', "SELECT count(*) FROM distributed_trace_log WHERE span_id = '0000000000000005'"), '1', 'standby: it is there');
$standby->stop;

#
# Off, and not preloaded
#
$node->append_conf('postgresql.conf', "distributed_trace.receiver = off\n");
$node->restart;
is(one_value(q{SELECT (SELECT state FROM trace_receiver_stats), (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'distributed_trace receiver')}), 'off|0', 'turned off: no worker');
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->restart;
is(one_value(q{SELECT (SELECT count(*) FROM trace_receiver_stats), (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'distributed_trace receiver')}), '0|0', 'not preloaded: no worker, no row');
like(($node->psql('postgres', 'SELECT trace_receiver_reset_stats()'))[2], qr/ERROR: .*not preloaded/, 'not preloaded: there is nothing to reset');
is(one_value(q{SELECT accepted FROM trace_ingest_otlp('{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"00000000000000000000000000000009","spanId":"0000000000000009","name":"by SQL","startTimeUnixNano":"1"}]}]}]}'::text)}), '1', 'not preloaded: the SQL functions work');
$node->stop;
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/PANIC|TRAP|is no frame/, 'nothing worse than that was logged');
progress('done');
done_testing();
