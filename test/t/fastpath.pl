# Functions called by the fast-path message, which gives them no expression to
# learn the types of their arguments from.
use strict;
use warnings;

use IO::Socket::UNIX;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('fastpath');
$node->init;
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION distributed_trace;
	INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time) VALUES
		('t', 'a', NULL, 's', 'o', '2026-01-01 10:00', '2026-01-01 10:01'),
		('t', 'b', 'a', 's', 'o', '2026-01-01 10:00', '2026-01-01 10:00:30')});

my $socket = IO::Socket::UNIX->new(Peer => $node->host . '/.s.PGSQL.' . $node->port) or die "cannot connect: $!";

sub receive
{
	my ($bytes, $length) = ('', shift);

	while (length $bytes < $length)
	{
		my $got = sysread $socket, $bytes, $length - length $bytes, length $bytes;
		return unless $got;
	}
	return $bytes;
}

# Messages up to the next that the server is ready, as "type content"
sub messages
{
	my @messages;

	while (defined(my $head = receive(5)))
	{
		my ($type, $length) = unpack 'a N', $head;

		push @messages, $type . ' ' . (receive($length - 4) // '');
		last if $type eq 'Z';
	}
	return @messages;
}

# The result of a function of text arguments, in binary; undef after an error
sub call
{
	my ($signature, @arguments) = @_;
	my $oid = $node->safe_psql('postgres', "SELECT '$signature'::regprocedure::oid");
	my $body = pack 'N n n n', $oid, 1, 1, scalar @arguments;

	$body .= pack 'N/a*', $_ for @arguments;
	$body .= pack 'n', 1;
	syswrite $socket, pack 'a N a*', 'F', 4 + length $body, $body;
	my ($result) = grep { /^V/ } messages();
	return defined $result ? substr($result, 6) : undef;
}

my $user = $node->safe_psql('postgres', 'SELECT current_user');
my $startup = pack 'N a*', 196608, "user\0$user\0database\0postgres\0\0";
syswrite $socket, pack 'N a*', 4 + length $startup, $startup;
ok((grep { /^Z/ } messages()), 'connected');

my $function = 'trace_common_ancestor(text, text, text)';
is(call($function, 't', 'a', 'b'), 'a', 'a trace id is one');
is(call($function, 't', 'b', 'b'), 'b', 'and the next call too');
for my $bytes ("\1\1\1\1" . 'A' x 100, 'A' x 1000, "\1" x 24)
{
	call($function, $bytes, 'A', 'A');
	is(call($function, 't', 'a', 'b'), 'a', 'text that could be a span_tree is a trace id');
}
close $socket;
is($node->safe_psql('postgres', 'SELECT 1'), '1', 'the server is alive');
$node->stop;
done_testing();
