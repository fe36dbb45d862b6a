# What tests of the receiver share: a server whose receiver is on, and requests.
package ReceiverTest;

use strict;
use warnings;
use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(require_receiver new_receiver run_python send_spans wait_until wait_for_state);

my $helpers = "$ENV{SOURCE_DIR}/test/receiver";

# Where continuous integration runs, a program that was not built is a failure.
sub require_receiver
{
	return if -x "$ENV{SOURCE_DIR}/distributed_trace_receiver";
	plan(skip_all => 'the receiver program was not built') unless $ENV{CI};
	fail('the receiver program was built');
	done_testing();
	exit;
}

# A node, with these further settings; and its port for HTTP.
sub new_receiver
{
	my ($name, $conf) = @_;
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(extra => [ '-E', 'UTF8', '--no-locale' ]);
	$node->append_conf('postgresql.conf',
			"shared_preload_libraries = 'distributed_trace'\ndistributed_trace.receiver = on\n"
		  . "distributed_trace.receiver_listen_addresses = '127.0.0.1'\n"
		  . "distributed_trace.receiver_http_port = $port\ndistributed_trace.receiver_grpc_port = 0\n"
		  . ($conf // ''));
	return ($node, $port);
}

# run_python SECONDS SCRIPT ARGUMENTS: its output
sub run_python
{
	my ($seconds, $script, @arguments) = @_;
	my $out = '';

	IPC::Run::run([ 'python3', "$helpers/$script", @arguments ], '<', \undef, '>&', \$out, IPC::Run::timeout($seconds));
	return $out;
}

# send_spans PORT SERVICE NAMES: one request, a span for each name; status and
# body of the answer
sub send_spans
{
	my ($port, $service, @names) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'python3', '-c', q{
import http.client, json, os, sys
port, service, names = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
c = http.client.HTTPConnection('127.0.0.1', port, timeout=15)
try:
    c.request('POST', '/v1/traces', json.dumps({"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
        "scopeSpans": [{"spans": [{"traceId": os.urandom(16).hex(), "spanId": os.urandom(8).hex(), "name": name,
            "startTimeUnixNano": "1764325000000000000", "endTimeUnixNano": "1764325000100000000"} for name in names]}]}]}), {'Content-Type': 'application/json'})
    a = c.getresponse()
    print(a.status, a.read().decode(errors='replace').strip())
except OSError as e:
    print('error', e)
}, $port, $service, @names ], '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(20));
	$out =~ s/\n\z//;
	return $out;
}

# until QUERY gives a row that is true; the server may be away meanwhile
sub wait_until
{
	my ($node, $query, $name) = @_;
	my $end = time + 20;
	my $found = '';

	while (time < $end)
	{
		my ($status, $out) = $node->psql('postgres', $query);
		$found = $out // '';
		return pass($name) if defined $status && $status == 0 && $found eq 't';
		sleep 0.1;
	}
	return fail("$name (found '$found')");
}

sub wait_for_state
{
	my ($node, $state, $name) = @_;
	return wait_until($node, "SELECT state = '$state' FROM trace_receiver_stats", $name);
}

1;
