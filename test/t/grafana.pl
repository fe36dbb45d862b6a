# The dashboards of grafana/: every query of every panel and variable runs on
# real traces and on none, and what it gives has the names, types and order
# that the panel's source asks for, since no Grafana runs here.  The extension
# has a schema of its own, and the queries run as the role of docs/roles.md.
use strict;
use warnings;
use JSON::PP;
use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $source = $ENV{SOURCE_DIR};
my $node = PostgreSQL::Test::Cluster->new('grafana');
$node->init(extra => [ '-E', 'UTF8', '--no-locale' ]);
$node->start;
$node->safe_psql('postgres', "CREATE DATABASE $_") for qw(traces nothing);
for my $database (qw(traces nothing))
{
	$node->safe_psql($database, "CREATE SCHEMA tracing; CREATE EXTENSION distributed_trace SCHEMA tracing;
		CALL tracing.trace_create_roles(); ALTER ROLE CURRENT_USER IN DATABASE $database SET search_path = public, tracing");
}
$node->safe_psql('postgres', q{CREATE ROLE grafana LOGIN IN ROLE trace_reader;
	ALTER ROLE grafana SET default_transaction_read_only = on; CREATE ROLE watcher LOGIN IN ROLE pg_monitor});
for my $role (qw(grafana watcher))
{
	$node->safe_psql($_, "ALTER ROLE $role IN DATABASE $_ SET search_path = \"\$user\", public, tracing") for qw(traces nothing);
}
for my $file (glob "$source/demo/otlp/*.bin.gz")
{
	my $request = encode_base64(slurp_file($file), '');
	$node->safe_psql('traces', "SELECT trace_ingest_otlp(decode('$request', 'base64'))");
}

my $trace_id = '7d6d9bd382245a7aa5cd18b53a99883a';
my %window = (from => '2026-11-22T18:16:00Z', to => '2026-11-22T18:17:00Z');
my %variable = (service => 'orders', trace_id => $trace_id, operation => '');

# expand SQL: macros and variables as Grafana replaces them
sub expand
{
	my $sql = shift;

	$sql =~ s/\$__timeFilter\((\w+)\)/$1 BETWEEN '$window{from}' AND '$window{to}'/g;
	$sql =~ s/\$__timeFrom\(\)/'$window{from}'/g;
	$sql =~ s/\$__timeTo\(\)/'$window{to}'/g;
	$sql =~ s/\$__interval\b/10s/g;
	$sql =~ s/\$\{(\w+):sqlstring\}/"'$variable{$1}'"/ge;
	return $sql;
}

# columns DATABASE SQL: [name, type] of each column of its result
sub columns
{
	my ($database, $sql) = @_;

	return map { [ split /\|/ ] } split /\n/, $node->safe_psql($database, "CREATE TEMP VIEW v AS $sql; SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'v'::regclass AND attnum > 0 ORDER BY attnum");
}

sub names { join ' ', map { $_->[0] } @_ }

# rows SQL: the result as a list of hashes
sub rows
{
	my $json = $node->safe_psql('traces', "SELECT coalesce(json_agg(r), '[]') FROM ($_[0]) r");
	utf8::encode($json) if utf8::is_utf8($json);
	return @{ decode_json($json) };
}

my %check = (
	timeseries => \&check_series,
	heatmap => \&check_heatmap,
	traces => \&check_traces,
	flamegraph => \&check_flame_graph,
	nodeGraph => sub { },
	table => sub { },
	bargauge => sub { },
);

sub check_series
{
	my ($title, $sql) = @_;
	my @columns = columns('traces', $sql);
	my @rows = rows($sql);

	is(names(@columns), 'time metric value', "$title: one text column names the line");
	is(join(' ', map { $_->[1] } @columns), 'timestamp with time zone text double precision', "$title: types");
	is(join(' ', map { $_->{time} } @rows), join(' ', sort map { $_->{time} } @rows), "$title: in order of time");
}

sub check_heatmap
{
	my ($title, $sql) = @_;
	my @rows = rows($sql);
	my %cells;

	is(names(columns('traces', $sql)), 'time metric value', "$title: three columns");
	$cells{ $_->{time} }{ $_->{metric} } = $_->{value} for @rows;
	is(scalar(grep { keys %$_ != 16 } values %cells), 0, "$title: every bound at every time");
	is(scalar(grep { $_->{metric} !~ /^(\d+|\+Inf)$/ } @rows), 0, "$title: bounds are numbers as text");
	cmp_ok(scalar(grep { $_->{value} > 0 } @rows), '>', 3, "$title: spans are counted");
}

sub check_traces
{
	my ($title, $sql) = @_;
	my %type = map { @$_ } columns('traces', $sql);
	my @rows = rows($sql);
	my %expected = (
		traceID => 'text', spanID => 'text', parentSpanID => 'text', operationName => 'text', serviceName => 'text',
		serviceTags => 'jsonb', startTime => 'double precision', duration => 'double precision', logs => 'jsonb', references => 'jsonb',
		tags => 'jsonb', kind => 'text', statusCode => 'integer', statusMessage => 'text', instrumentationLibraryName => 'text',
		instrumentationLibraryVersion => 'text', traceState => 'text', warnings => 'jsonb');
	my @arrays = qw(serviceTags logs references tags);

	is_deeply(\%type, \%expected, "$title: names and types");
	is(scalar @rows, 15, "$title: all spans");
	is($rows[0]{parentSpanID}, undef, "$title: the root first");
	is(scalar(grep { my $r = $_; grep { ref $r->{$_} ne 'ARRAY' } @arrays } @rows), 0, "$title: arrays");
	is(scalar(grep { my $r = $_; grep { !exists $_->{key} || !exists $_->{value} } @{ $r->{tags} }, @{ $r->{serviceTags} } } @rows), 0, "$title: keys and values");
	is(scalar(grep { $_->{startTime} < 1.7e12 || $_->{startTime} > 1.9e12 } @rows), 0, "$title: milliseconds since 1970");
	cmp_ok(scalar(grep { $_->{timestamp} != int $_->{timestamp} } map { @{ $_->{logs} } } @rows), '>', 0, "$title: with microseconds");
	my ($failed) = grep { $_->{operationName} eq 'fraud check' } @rows;
	is($failed->{statusCode}, 2, "$title: a failed span");
	is(scalar(grep { $_->{key} eq 'error' && $_->{value} } @{ $failed->{tags} }), 1, "$title: has the tag error");
	is($failed->{logs}[0]{name}, 'exception', "$title: and its exception");
	cmp_ok($failed->{logs}[0]{timestamp}, '>', 1.7e12, "$title: in milliseconds");
	is(join(' ', sort keys %{ $failed->{logs}[0] }), 'fields name timestamp', "$title: with fields");
}

sub check_flame_graph
{
	my ($title, $sql) = @_;
	my @columns = columns('traces', $sql);
	my @rows = rows($sql);
	my $fits = 1;

	is(names(@columns), 'level value self label', "$title: names");
	is($rows[0]{level}, 0, "$title: the root first");
	is(scalar(grep { $_->{level} == 0 } @rows), 1, "$title: one root");
	for my $i (0 .. $#rows)
	{
		my $sum = $rows[$i]{self};
		for (my $j = $i + 1; $j <= $#rows && $rows[$j]{level} > $rows[$i]{level}; $j++)
		{
			$sum += $rows[$j]{value} if $rows[$j]{level} == $rows[$i]{level} + 1;
		}
		$fits &&= abs($sum - $rows[$i]{value}) < 1e-6;
		$fits &&= $i == 0 || $rows[$i]{level} <= $rows[ $i - 1 ]{level} + 1;
	}
	ok($fits, "$title: a value is self and the children's");
}

# the two queries of a node graph belong together
sub check_node_graph
{
	my ($title, %sql) = @_;
	my @nodes = rows($sql{nodes});
	my @edges = rows($sql{edges});
	my %known = map { $_->{id} => 1 } @nodes;
	my %ids;

	is(scalar(grep { !$known{ $_->{source} } || !$known{ $_->{target} } } @edges), 0, "$title: every edge is between nodes");
	is(scalar(grep { abs($_->{arc__ok} + $_->{arc__errors} - 1) > 1e-9 } @nodes), 0, "$title: arcs add up to 1");
	$ids{ $_->{id} }++ for @edges;
	is(scalar(grep { $_ > 1 } values %ids), 0, "$title: ids of edges differ");
	cmp_ok(scalar @edges, '>', 5, "$title: edges");
	like(names(columns('traces', $sql{nodes})), qr/^id title subtitle mainstat secondarystat arc__ok arc__errors/, "$title: columns of nodes");
	like(names(columns('traces', $sql{edges})), qr/^id source target mainstat secondarystat thickness strokedasharray color/, "$title: columns of edges");
}

# With All chosen, Grafana puts a variable's allValue as it is, if it has one
# that is not empty; otherwise a list of all values.
sub is_whole_for_all
{
	my ($title, $sql, $variables) = @_;

	for my $name (grep { $variables->{$_}{includeAll} } sort keys %$variables)
	{
		my $all = $variables->{$name}{allValue} || "'a','b'";

		next if $sql !~ s/\$\{$name:sqlstring\}/$all/g;
		is($node->psql('traces', expand($sql)), 0, "$title: all of $name");
	}
}

# A trace or a service in a table or graph leads to its dashboard, and no table
# grows without end.
sub check_links
{
	my ($title, $panel, @columns) = @_;
	my %leads;

	for my $override (@{ $panel->{fieldConfig}{overrides} })
	{
		my ($links) = grep { $_->{id} eq 'links' } @{ $override->{properties} };
		my $name = $override->{matcher}{options};

		next if !$links;
		$name =~ s{^/|/$}{}g if $override->{matcher}{id} eq 'byRegexp';
		$leads{$_} = $links->{value}[0]{url} for grep { $override->{matcher}{id} eq 'byRegexp' ? /$name/ : $_ eq $name } @columns;
	}
	for my $column (@columns)
	{
		my $to = $column =~ /trace_id$|^detail__exemplar$/ ? 'dt-trace\?var-trace_id=' : $column =~ /(^|_)service(_name)?$/ || $column eq 'title' ? 'dt-service\?var-service=' : next;
		like($leads{$column} // '', qr{^/d/$to\$\{__(value|data)\.[a-z.]+\}&\$\{datasource:queryparam\}&\$\{__url_time_range\}$}, "$title: $column leads on");
	}
}

my (%uids, $queries);
for my $file (sort glob "$source/grafana/*.json")
{
	my ($name) = $file =~ m{([^/]+)\.json$};
	my $dashboard = eval { decode_json(slurp_file($file)) };

	ok($dashboard, "$name: is JSON") or next;
	ok(!$uids{ $dashboard->{uid} }++, "$name: its uid is its own");
	my %variables = map { $_->{name} => $_ } @{ $dashboard->{templating}{list} };
	for my $variable (grep { $_->{type} eq 'query' } values %variables)
	{
		cmp_ok(scalar(rows($variable->{query})), '>=', 5, "$name: variable $variable->{name}");
	}
	is($variables{datasource}{regex}, '/trace/i', "$name: not any data source will do");
	is($variables{datasource}{current}{value}, 'distributed_trace', "$name: but the one of this name");
	for my $panel (@{ $dashboard->{panels} })
	{
		my $title = "$name, $panel->{title}";
		my %sql;

		ok($check{ $panel->{type} }, "$title: a known panel") or next;
		for my $target (@{ $panel->{targets} })
		{
			my $sql = $sql{ $target->{refId} } = expand($target->{rawSql});
			my ($status, $out, $err) = $node->psql('traces', "SELECT count(*) FROM ($sql) r", extra_params => ['-U', 'grafana']);

			$queries++;
			is($err, '', "$title: runs");
			is($node->psql('nothing', $sql, extra_params => ['-U', 'grafana']), 0, "$title: runs where there is nothing");
			unlike($sql, qr/\$/, "$title: no variable is left");
			my @used = $target->{rawSql} =~ /\$\{(\w+):/g;
			is(scalar(grep { !$variables{$_} } @used), 0, "$title: its variables are there");
			$check{ $panel->{type} }->($title, $sql);
			check_links($title, $panel, map { $_->[0] } columns('traces', $sql)) if $panel->{type} =~ /^(table|nodeGraph)$/;
			like($sql, qr/ LIMIT \d+$|\btrace_summary\(|\btrace_slowest_traces\(.*, 50\)$/, "$title: not without end") if $panel->{type} eq 'table';
			is_whole_for_all($title, $target->{rawSql}, \%variables);
			is($panel->{interval}, '1m', "$title: buckets that the rollup has") if $target->{rawSql} =~ /__interval/;
		}
		check_node_graph($title, %sql) if $panel->{type} eq 'nodeGraph';
	}
}
is(join(' ', sort keys %uids), 'dt-critical-path dt-overview dt-service dt-service-map dt-trace', 'the dashboards');
cmp_ok($queries, '>', 20, 'their queries');

# what else the recipe of docs/roles.md promises
sub as
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = $node->psql('traces', $sql, extra_params => ['-U', $role]);
	return $status == 0 ? $out : $err;
}

my $relations = q{FROM pg_depend d JOIN pg_class c ON c.oid = d.objid WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_extension'::regclass
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'distributed_trace') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')};
for my $relation (split /\n/, $node->safe_psql('traces', "SELECT c.relname $relations"))
{
	unlike(as('grafana', "SELECT count(*) FROM (SELECT * FROM $relation LIMIT 1) r"), qr/ERROR/, "the reader reads $relation");
	like(as('grafana', "SET default_transaction_read_only = off; DELETE FROM $relation"), qr/permission denied|cannot delete/, "and does not change $relation");
}
like(as('grafana', "CALL trace_rollup_compact()"), qr/ERROR/, 'nor does it fold');
unlike(as('watcher', 'SELECT * FROM trace_receiver_stats'), qr/ERROR/, 'pg_monitor reads how the receiver is doing');
like(as('watcher', 'SELECT * FROM trace_spans'), qr/permission denied/, 'and no spans');
like(as('trace_recorder', "SELECT trace_span_start('work') IS NOT NULL"), qr/^t$/m, 'the recorder records from wherever it looks');
like(as('trace_recorder', "SELECT accepted FROM trace_ingest_zipkin('[{\"traceId\": \"463ac35c9f6413ad\", \"id\": \"a2fb4a1d1a96d312\", \"name\": \"get\", \"timestamp\": 1700000000000000}]')"), qr/^1$/m, 'and takes requests');
like(as('trace_recorder', 'SELECT * FROM trace_spans'), qr/permission denied/, 'but reads no view');

# a role that was told where to look keeps that
$node->safe_psql('nothing', 'ALTER ROLE trace_recorder IN DATABASE nothing SET search_path = tracing; CALL tracing.trace_create_roles()');
is($node->safe_psql('nothing', q{SHOW search_path}, extra_params => ['-U', 'trace_recorder']), 'tracing', 'a search_path of its own is kept');
$node->stop;
done_testing();
