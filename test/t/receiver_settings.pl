# Settings that the receiver cannot work with, and clocks that it cannot trust:
# what works goes on, and the server says what is wrong, with the setting's name.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ReceiverTest;
use Test::More;
use Time::HiRes qw(sleep time);

require_receiver();
my $dir = PostgreSQL::Test::Utils::tempdir();
my $other = PostgreSQL::Test::Cluster::get_free_port();

# the wall clock, as many seconds off as a file says
sub build_clock
{
	open(my $out, '>', "$dir/clock.c") or die $!;
	print $out <<'C';
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	FILE *file = fopen(getenv("CLOCK_FILE"), "r");
	long off = 0;
	(void) tz;
	if (file != NULL) { if (fscanf(file, "%ld", &off) != 1) off = 0; fclose(file); }
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec + off;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}
C
	close $out;
	return system("cc -shared -fPIC -include time.h -o $dir/clock.so $dir/clock.c 2>$dir/clock.log") == 0;
}

sub set_clock
{
	open(my $out, '>', "$dir/clock.new") or die $!;
	print $out shift;
	close $out;
	rename "$dir/clock.new", "$dir/clock";
	return;
}

my ($node, $port) = new_receiver('settings');
my $has_clock = build_clock();
set_clock(0);
{
	local $ENV{LD_PRELOAD} = $has_clock ? "$dir/clock.so" : $ENV{LD_PRELOAD};
	local $ENV{CLOCK_FILE} = "$dir/clock";
	$node->start;
}
$node->safe_psql('postgres', 'CREATE EXTENSION distributed_trace');
wait_for_state($node, 'listening', 'it listens');
like(send_spans($port, 's', 'a'), qr/^200/, 'and records');

sub set
{
	my ($name, $value) = @_;
	$node->safe_psql('postgres', "ALTER SYSTEM SET distributed_trace.receiver_$name = '$value'");
	return;
}

sub reset_setting
{
	my $name = shift;
	$node->safe_psql('postgres', "ALTER SYSTEM RESET distributed_trace.receiver_$name");
	return;
}

# goes_on NAME ERROR SETTINGS: with these settings it works as before, and says why
sub goes_on
{
	my ($name, $error, @settings) = @_;
	my @names;

	while (my ($setting, $value) = splice(@settings, 0, 2))
	{
		set($setting, $value);
		push @names, $setting;
	}
	$node->reload;
	wait_until($node, "SELECT state = 'listening' AND last_error ~ '$error' AND last_error ~ 'goes on with the settings that it had' FROM trace_receiver_stats", "$name: it is told, and works");
	like(send_spans($port, 's', 'a'), qr/^200/, "$name: spans are recorded");
	reset_setting($_) for @names;
	$node->reload;
	return;
}

#
# Reloads
#
my $data = $node->data_dir;
goes_on('a token file that is not there', "could not read .*$data/no_token.*receiver_token_file.*No such file", token_file => 'no_token');
goes_on('a certificate that is not there', "could not read .*$data/no.crt.*receiver_tls_cert_file.*No such file", tls_cert_file => 'no.crt', tls_key_file => 'no.key');
goes_on('a certificate that is none', 'PG_VERSION', tls_cert_file => 'PG_VERSION', tls_key_file => 'PG_VERSION');
goes_on('a certificate without its key', 'both certificate and key', tls_cert_file => 'PG_VERSION');
goes_on('all addresses without a token', 'need a token', listen_addresses => '*');
goes_on('one port for both', "http_port and distributed_trace.receiver_grpc_port are both $port", grpc_port => $port);
{
	require IO::Socket::INET;
	my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
	goes_on('a port that is taken', 'Address already in use', http_port => $taken->sockport);
}
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/\(null\)/, 'nothing is told without words');

# the worker alone has other settings: the program stays.  First the last of the
# reloads above has to come to its end.
my $restarts = -1;
for (my $seen = -2; $seen ne $restarts;)
{
	$seen = $restarts;
	sleep 1;
	$restarts = $node->safe_psql('postgres', 'SELECT program_restart_count FROM trace_receiver_stats');
}
set('commit_requests', '32');
$node->reload;
sleep 0.5;
is($node->safe_psql('postgres', 'SELECT program_restart_count FROM trace_receiver_stats'), $restarts, 'a reload that does not concern the program leaves it alone');

# a token that others can read is warned of; a relative path is one from the data directory
PostgreSQL::Test::Utils::append_to_file("$data/token", "secret\n");
chmod 0644, "$data/token";
set('token_file', 'token');
$node->reload;
my $end = time + 10;
sleep 0.1 while time < $end && send_spans($port, 's', 'a') !~ /^401/;
like(send_spans($port, 's', 'a'), qr/^401/, 'a relative path of a token file');
like(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/WARNING: .*token file "\Q$data\E\/token" is accessible by other users/, 'a token that others may read');
reset_setting('token_file');
$node->reload;
wait_until($node, q{SELECT state = 'listening' FROM trace_receiver_stats}, 'without a token again');

#
# The wall clock is set back an hour
#
SKIP:
{
	fail('clock: it could be built') if $ENV{CI} && !$has_clock;
	skip 'clock: it could not be built', 4 unless $has_clock;
	set_clock(-3600);
	cmp_ok($node->safe_psql('postgres', 'SELECT extract(epoch FROM clock_timestamp())'), '<', time - 3000, 'clock: it was set back');
	$end = time + 5;
	sleep 0.1 while time < $end && send_spans($port, 's', 'a') !~ /^200/;
	like(send_spans($port, 's', 'a'), qr/^200/, 'clock: spans are recorded');
	# what waits is tried again: a program that ended, a table that is locked
	$node->safe_psql('postgres', 'BEGIN; LOCK TABLE distributed_trace_log; SELECT pg_sleep(1.5); COMMIT');
	set_clock(-7200);
	like(send_spans($port, 's', 'a'), qr/^200/, 'clock: and after a lock');
	my $worker = $node->safe_psql('postgres', 'SELECT worker_pid FROM trace_receiver_stats');
	kill 'KILL', (split ' ', `pgrep -P $worker`)[0] // 0;
	sleep 0.3;
	set_clock(-10800);
	wait_for_state($node, 'listening', 'clock: the program is started again');
}

#
# Where it records, and as whom
#
my $log = -s $node->logfile;
set('role', 'nobody_of_this_name');
$node->restart;
wait_until($node, q{SELECT state = 'failed' AND last_error ~ 'role "nobody_of_this_name"' FROM trace_receiver_stats}, 'a wrong role: it is told');
like(substr(PostgreSQL::Test::Utils::slurp_file($node->logfile), $log), qr/FATAL: .*nobody_of_this_name.*\n.*HINT: .*distributed_trace\.receiver_role/, 'a wrong role: so is the setting');
sleep 6;
cmp_ok(scalar(() = substr(PostgreSQL::Test::Utils::slurp_file($node->logfile), $log) =~ /FATAL/g), '<=', 2, 'a wrong role: it is not tried all the time');
is($node->safe_psql('postgres', 'SELECT state FROM trace_receiver_stats'), 'failed', 'a wrong role: it is still so');
reset_setting('role');
set('database', 'no_database');
$node->restart;
wait_until($node, q{SELECT state = 'failed' AND last_error ~ 'database "no_database"' FROM trace_receiver_stats}, 'a wrong database: it is told');
reset_setting('database');
$node->restart;
wait_for_state($node, 'listening', 'it listens again');
like(send_spans($port, 's', 'a'), qr/^200/, 'and records');
$node->stop;
my $all = PostgreSQL::Test::Utils::slurp_file($node->logfile);
is(scalar(() = $all =~ /has ended; it is started again/g), $has_clock ? 1 : 0, 'shutdowns are no news of the program');
unlike($all, qr/PANIC|TRAP|is no frame/, 'nothing worse than that was logged');
done_testing();
