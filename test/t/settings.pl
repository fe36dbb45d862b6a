# docs/settings.md lists every setting, with its default and when a change of it
# takes effect.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('settings');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'distributed_trace'\n");
$node->start;

my %word = (postmaster => 'restart', sighup => 'reload', superuser => 'superuser', user => 'anybody');
my %documented = map { /^\| `(\w+)` \| ([^|]*?) \| (\w+) \|/ ? ($1 => "$2, $3") : () } split /\n/, slurp_file("$ENV{SOURCE_DIR}/docs/settings.md");
my %there;
for (split /\n/, $node->safe_psql('postgres', q{SELECT name, current_setting(name), context FROM pg_settings WHERE name LIKE 'distributed\_trace.%'}))
{
	my ($name, $value, $context) = split /\|/;

	$name =~ s/^distributed_trace\.//;
	$there{$name} = "$value, $word{$context}";
}
cmp_ok(scalar keys %there, '>', 15, 'there are settings');
is_deeply(\%documented, \%there, 'all of them are documented, with default and effect');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_settings WHERE name LIKE 'distributed\_trace.%' AND coalesce(short_desc, '') = ''}), 0, 'and say what they are for');
$node->stop;
done_testing();
