# The binary form of span_tree: what the server wrote comes back as it was, and
# what it did not write is read or refused with an error, whatever it is.
#
# A form is mutated, wrapped as a COPY file of one row, and read by \copy; one
# psql reads them all.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('hostile');
$node->init(extra => [ '-E', 'UTF8', '--no-locale' ]);
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION distributed_trace;
	CREATE TABLE spans AS
	SELECT i, 'span ' || i AS span, CASE i WHEN 1 THEN NULL WHEN 2 THEN '' ELSE 'span ' || i / 2 END AS parent,
	       repeat('é', i % 5) AS service, repeat('o', i * i % 300) AS operation,
	       CASE WHEN i & 1 = 0 THEN timestamptz '2026-01-01' + i * interval '1 us' END AS from_time,
	       CASE WHEN i & 2 = 0 THEN timestamptz '2026-01-02' - i * interval '1 us' END AS to_time,
	       CASE WHEN i & 4 = 0 THEN (i - 30) * 1.001 END AS duration_ms,
	       (ARRAY['unspecified', 'internal', 'server', 'client', 'producer', 'consumer', NULL])[i % 7 + 1] AS kind, i & 8 = 0 AS is_error
	FROM generate_series(1, 200) i;
	INSERT INTO spans VALUES
		(201, E'"\\\\\t\n\x01\x7f', 'span 7', '日本語 عربى', '😀', '4713-01-01 BC', '294276-12-31 23:59:59.999999', 9999999999999.999, 'server', true),
		(202, '', '"', '', '', NULL, NULL, -9999999999999.999, NULL, NULL);
	CREATE TABLE trees (name text, tree span_tree);
	INSERT INTO trees SELECT n::text, span_tree_agg('trace ' || n, span, parent, service, operation, from_time, to_time, duration_ms, kind, is_error)
	FROM spans, unnest(ARRAY[1, 2, 7, 50, 202]) n WHERE i % n = 0 GROUP BY n;
	INSERT INTO trees VALUES ('none', '{"trace_id": "t", "spans": []}'), ('null', NULL);
	CREATE TABLE read (LIKE trees);
});
my $dir = PostgreSQL::Test::Utils::tempdir();

# there and back
$node->safe_psql('postgres', "\\copy trees TO '$dir/trees' (FORMAT binary)\n\\copy read FROM '$dir/trees' (FORMAT binary)");
is($node->safe_psql('postgres', q{
	SELECT count(*), count(*) FILTER (WHERE r.tree::text = t.tree::text AND span_tree_send(r.tree) = span_tree_send(t.tree)
	                                    AND (SELECT array_agg(x) FROM trace_tree(r.tree) x) IS NOT DISTINCT FROM (SELECT array_agg(x) FROM trace_tree(t.tree) x))
	FROM read r JOIN trees t USING (name)}), '7|6', 'trees come back from their binary form as they were');

my @forms;

# add FORM: to be read later; returns its number
sub add
{
	push @forms, $_[0];
	return $#forms;
}

# Reads the forms and returns, for each, "read" or the error's SQLSTATE.
sub read_forms
{
	my $script = "\\set VERBOSITY sqlstate\n";
	for my $i (0 .. $#forms)
	{
		open my $file, '>:raw', "$dir/$i" or die "could not write: $!";
		print $file "PGCOPY\n\377\r\n\0", pack('NNnN/a*N/a*n', 0, 0, 2, $i, $forms[$i], 0xffff);
		close $file;
		$script .= "\\warn form $i\n\\copy read FROM '$dir/$i' (FORMAT binary)\n";
	}
	my ($status, $out, $err) = $node->psql('postgres', "TRUNCATE read;\n$script", on_error_stop => 0, timeout => 300);
	my @results;
	$results[$1] = $2 // 'read' while $err =~ /^form (\d+)\n(?:.*ERROR:  (\w+)(?:\n|\z))?/mg;
	return @results;
}

# the parts of a form
sub text { return pack('N/a*', $_[0]) }
sub span { my ($flags, $kind, @rest) = @_; return pack('CC', $flags, $kind) . join('', @rest) }
sub tree { my ($count, @spans) = @_; return pack('C', 1) . text('t') . pack('N', $count) . join('', @spans) }
my $null = pack('N', 0xffffffff);
my @names = (text('id'), $null, text('service'), text('operation'));
my $start = pack('q>', 1000);
my @expected;

sub expect
{
	my ($form, $result, $name) = @_;
	$expected[add($form)] = [$result, $name];
}

expect(tree(1, span(0, 0, @names)), 'read', 'a span of names alone');
expect(tree(2, span(7, 6, $start, $start, $start, @names), span(15, 3, $start, $start, $start, text('b'), text('id'), text(''), text(''))), 'read', 'two spans');
expect(tree(0), 'read', 'no spans');
expect('', '08P01', 'nothing');
expect(pack('C', $_) . substr(tree(0), 1), '22P03', "version $_") for 0, 2, 255;
expect(pack('C', 1) . $null . pack('N', 0), '22P03', 'no trace id');
expect(pack('CN', 1, 0x7fffffff), '08P01', 'a trace id of 2 GB announced');
expect(pack('CN', 1, 0xfffffffe), '22P03', 'a trace id of negative length');
expect(tree(0xffffffff), '08P01', '4 G spans announced');
expect(tree(0x7fffffff, span(0, 0, @names)), '08P01', '2 G spans announced, one there');
expect(tree(0, span(0, 0, @names)), '22P03', 'more spans than announced');
expect(tree(1, span(0, 0, @names)) . 'x', '22P03', 'something behind the end');
expect(tree(1, span($_, 0, @names)), '22P03', "flags $_") for 32, 128, 240;
expect(tree(1, span(0, $_, @names)), '22P03', "kind $_") for 7, 255;
for my $time ('-9223372036854775808', '9223372036854775807', '-211813488000000001', '9223371331200000000')
{
	expect(tree(1, span($_, 0, pack('q>', $time), @names)), '22P03', "time $time, flag $_") for 1, 2;
}
expect(tree(1, span(1, 0, pack('q>', $_), @names)), 'read', "time $_") for '-211813488000000000', '9223371331199999999';
expect(tree(1, span(4, 0, pack('q>', $_), @names)), '22P03', "duration $_") for '-9223372036854775808', '10000000000000000', '-10000000000000000';
expect(tree(1, span(4, 0, pack('q>', $_), @names)), 'read', "duration $_") for '9999999999999999', '-9999999999999999';
for my $n (0, 2, 3)
{
	my @rest = @names;
	$rest[$n] = $null;
	expect(tree(1, span(0, 0, @rest)), '22P03', "string $n is missing");
}
for my $n (0 .. 3)
{
	my @rest = @names;
	for my $bad ("\xff", "\xc3", "\xed\xa0\x80", "\xc0\x80", "a\0b", "\xf5\x80\x80\x80")
	{
		$rest[$n] = text($bad);
		expect(tree(1, span(0, 0, @rest)), '22021', "string $n is " . unpack('H*', $bad));
	}
	$rest[$n] = pack('N', 0xfffffffe);
	expect(tree(1, span(0, 0, @rest)), '22P03', "string $n has a negative length");
	$rest[$n] = pack('N', 0x7fffffff);
	expect(tree(1, span(0, 0, @rest)), '08P01', "string $n has 2 GB announced");
}
expect(pack('C', 1) . text("\xff") . pack('N', 0), '22021', 'a trace id that is no text');

# cut off and changed everywhere
my $form = pack('H*', $node->safe_psql('postgres', q{SELECT encode(span_tree_send(tree), 'hex') FROM trees WHERE name = '50'}));
my $first_cut = @forms;
add(substr($form, 0, $_)) for 0 .. length($form) - 1;
my $first_change = @forms;
for my $at (0 .. length($form) - 1)
{
	my $byte = ord(substr($form, $at, 1));
	for my $new (0, 0x7f, 0x80, 0xff, $byte ^ 1, $byte + 1 & 0xff)
	{
		my $changed = $form;
		substr($changed, $at, 1) = chr($new);
		add($changed) if $new != $byte;
	}
}

my @results = read_forms();
is(scalar(grep { defined } @results), scalar(@forms), 'every form has a result');
is($results[$_] // 'none', $expected[$_][0], $expected[$_][1]) for 0 .. $#expected;
my @cut = @results[ $first_cut .. $first_change - 1 ];
is(scalar(grep { $_ !~ /^(08P01|22P03)$/ } @cut), 0, 'cut off at any byte it is refused (' . @cut . ' forms)');
my @changed = @results[ $first_change .. $#results ];
my %seen;
$seen{$_}++ for @changed;
is(join(' ', grep { !/^(read|08P01|22P03|22021)$/ } sort keys %seen), '', 'changed anywhere it is read or refused (' . @changed . ' forms)');
note("$_: $seen{$_}") for sort keys %seen;
cmp_ok($seen{read}, '>', 0, 'some changes are read');

# what was read is as good as any other value
my $read = grep { $_ eq 'read' } @results;
is($node->safe_psql('postgres', q{
	SELECT count(*), count(*) FILTER (WHERE span_tree_send(tree::text::span_tree) = span_tree_send(tree)),
	       count(*) FILTER (WHERE (SELECT count(*) FROM trace_tree(tree)) = jsonb_array_length(tree::text::jsonb -> 'spans')) FROM read}),
	"$read|$read|$read", 'whatever was read can be written, read again and walked');

unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC/, 'the server went on all the time');
$node->stop;
done_testing();
