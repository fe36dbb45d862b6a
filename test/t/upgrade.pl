# ALTER EXTENSION UPDATE: a database of 0.1.0 with spans, a rollup folded in
# part, roles, and views, indexes and rights of its owner's afterwards has the
# objects of a new installation, and every view and function answers what it did.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('upgrade');
$node->init(extra => [ '-E', 'UTF8', '--no-locale' ]);
$node->start;

# The schema's name is nothing that may be written without quotes.
my $settings = q{SET search_path = "the traces", public;};

my @requests = sort glob("$ENV{SOURCE_DIR}/test/data/otlp/json/*");
splice(@requests, 4);

my $spans = join(";\n", map { "SELECT trace_ingest_otlp(pg_read_file('$_'))" } @requests) . q{;
	INSERT INTO distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, duration_ms, tags)
	SELECT 't' || n / 10, n, nullif(n / 10 * 10, n)::text, 's' || n % 3, 'o' || n % 2, '2021-01-01'::timestamptz + n * interval '7 s', n, jsonb_build_object('error', n % 5 = 0, 'user.id', n % 4)
	FROM generate_series(1, 200) n;
	CALL trace_rollup_compact();
	UPDATE distributed_trace_log SET duration_ms = duration_ms + 1 WHERE length(span_id) = 2;
	INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time) VALUES ('open', '1', 's', 'o', '2021-01-02')};

# What an owner may have built on the extension.
my $house = q{
	CALL trace_create_roles();
	CREATE TABLE people (id integer, name text);
	INSERT INTO people VALUES (1, 'Ada'), (2, 'Grace');
	SELECT trace_attach_users('people', 'id');
	CREATE VIEW my_log AS SELECT * FROM distributed_trace_log;
	CREATE VIEW my_spans AS SELECT * FROM trace_spans WHERE is_error;
	CREATE VIEW my_tree AS SELECT r.* FROM my_log l, trace_tree(l.trace_id) r;
	CREATE VIEW my_latency AS SELECT * FROM trace_service_latency('2021-01-01', '2021-01-03');
	CREATE VIEW my_time AS SELECT service_name, sum(critical_ms) FROM trace_critical_times GROUP BY 1;
	CREATE MATERIALIZED VIEW my_traces AS SELECT * FROM trace_traces;
	CREATE TABLE my_trees AS SELECT trace_id, span_tree_agg(l ORDER BY span_id) AS tree FROM distributed_trace_log l GROUP BY trace_id;
	CREATE INDEX my_index ON distributed_trace_log (operation) WHERE trace_is_error(tags);
	CREATE INDEX my_tags ON distributed_trace_log USING gin (tags jsonb_path_ops);
	CREATE FUNCTION my_errors(t text) RETURNS bigint LANGUAGE SQL STABLE BEGIN ATOMIC SELECT count(*) FROM trace_errors WHERE trace_id = t; END;
	CREATE FUNCTION my_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
	CREATE TRIGGER my_trigger BEFORE INSERT ON distributed_trace_log FOR EACH ROW EXECUTE FUNCTION my_trigger();
	GRANT SELECT ON my_spans, trace_spans, distributed_trace_latency TO regress_upgrade WITH GRANT OPTION;
	GRANT SELECT (trace_id, span_id) ON distributed_trace_log TO regress_upgrade;
	REVOKE EXECUTE ON FUNCTION trace_grafana_trace(text), trace_rollup_rebuild(timestamptz, timestamptz) FROM PUBLIC;
	REVOKE EXECUTE ON PROCEDURE trace_rollup_compact(interval) FROM PUBLIC};

# A function that makes one text of what a query gives, or of its error; and
# what is asked: by the columns they have now, views and the functions that
# want nothing, a trace, or a window of time.
my $questions = q{
	CREATE FUNCTION answer(query text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		result text;
	BEGIN
		EXECUTE format('SELECT count(*) || '' rows '' || coalesce(md5(string_agg(r::text, E''\n'' ORDER BY r::text COLLATE "C")), '''') FROM (%s) r', query) INTO result;
		RETURN result;
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLERRM;
	END $$;
	CREATE TABLE question AS
	WITH member AS (
		SELECT classid, objid FROM pg_depend
		WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
			AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'distributed_trace')),
	kin AS (
		SELECT p.oid, p.proname, p.pronargs - p.pronargdefaults AS wanted, p.proargtypes AS types, p.proargnames AS names, p.proretset,
		       coalesce((SELECT string_agg(quote_ident(name), ', ' ORDER BY place) FROM unnest(p.proargnames, p.proargmodes::text[]) WITH ORDINALITY a (name, mode, place) WHERE mode = 't'), '*') AS columns
		FROM pg_proc p JOIN member ON classid = 'pg_proc'::regclass AND objid = p.oid
		WHERE prokind = 'f' AND provolatile <> 'v' AND proname !~ '^(trace_help|trace_receiver)')
	SELECT format('SELECT %s FROM %s', string_agg(quote_ident(attname), ', ' ORDER BY attnum), attrelid::regclass) AS query
	FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
	WHERE relkind IN ('v', 'm', 'r') AND attnum > 0 AND relnamespace = '"the traces"'::regnamespace
		AND attname NOT IN ('created_at', 'updated_at') AND relname !~ '^(trace_receiver|question)'
	GROUP BY attrelid
	UNION ALL
	SELECT format('SELECT %s FROM %I(%L)', columns, proname, trace_id)
	FROM kin, (SELECT DISTINCT trace_id FROM distributed_trace_log WHERE trace_id IN ('t3', 'open') OR length(trace_id) = 32) t
	WHERE wanted = 1 AND types[0] = 'text'::regtype AND names[1] = 'trace_id'
	UNION ALL
	SELECT format('SELECT m.trace_id, r FROM my_trees m, %I(tree) r', proname)
	FROM kin WHERE wanted = 1 AND types[0] = 'span_tree'::regtype
	UNION ALL
	SELECT format('SELECT %s FROM %I(%L, %L)', columns, proname, from_time, to_time)
	FROM kin, (VALUES ('2021-01-01', '2021-01-03'), ('2000-01-01', '2100-01-01')) w (from_time, to_time)
	WHERE wanted = 2 AND types[0] = 'timestamptz'::regtype AND types[1] = 'timestamptz'::regtype
	UNION ALL
	SELECT format('SELECT l.trace_id, l.span_id, %I(tags) FROM distributed_trace_log l', proname)
	FROM kin WHERE wanted = 1 AND types[0] = 'jsonb'::regtype};

my $answers = q{SELECT query, answer(query) FROM question ORDER BY query COLLATE "C"};

sub create
{
	my ($database, $version) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, qq{CREATE SCHEMA "the traces"; CREATE EXTENSION distributed_trace SCHEMA "the traces" $version});
	$node->safe_psql($database, "$settings $_") for ($spans, $house);
}

# The first lines that differ between two texts.
sub is_same
{
	my ($got, $expected, $name) = @_;
	my %is_expected = map { $_ => 1 } split(/\n/, $expected);
	my %is_got = map { $_ => 1 } split(/\n/, $got);
	my @lines = ((map { "+ $_" } grep { !$is_expected{$_} } split(/\n/, $got)), (map { "- $_" } grep { !$is_got{$_} } split(/\n/, $expected)));

	ok($got eq $expected, $name) or diag(join("\n", splice(@lines, 0, 40)));
}

sub catalog
{
	my ($database) = @_;
	my $out;

	IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', "$ENV{SOURCE_DIR}/test/catalog.sql" ], '>', \$out);
	return $out;
}

$node->safe_psql('postgres', 'CREATE ROLE regress_upgrade');
create('updated', "VERSION '0.1.0'");
create('fresh', '');
my $fresh = catalog('fresh');
cmp_ok(scalar(my @lines = split(/\n/, $fresh)), '>', 5000, 'the catalog is compared line by line');

$node->safe_psql('updated', "$settings $questions");
my $before = $node->safe_psql('updated', "$settings $answers");
my $asked = () = $before =~ /\|\d+ rows/g;
cmp_ok($asked, '>', 250, "$asked questions have an answer before");

$node->safe_psql('updated', 'ALTER EXTENSION distributed_trace UPDATE');
$node->safe_psql('updated', "$settings CALL trace_create_roles()");
is_same(catalog('updated'), $fresh, 'the objects are those of a new installation');
is_same($node->safe_psql('updated', "$settings $answers"), $before, 'every view and function answers what it did');

$node->safe_psql('fresh', "$settings $questions");
my $there = $node->safe_psql('updated', "$settings SELECT query FROM question ORDER BY query COLLATE \"C\"");
is_same($node->safe_psql('fresh', "$settings $answers") =~ s/\|.*//gr, $node->safe_psql('fresh', "$settings SELECT query FROM question ORDER BY query COLLATE \"C\""), 'a new installation is asked too');
$node->safe_psql('fresh', "$settings DROP TABLE question; CREATE TABLE question (query text); INSERT INTO question VALUES " . join(', ', map { "(\$q\$$_\$q\$)" } split(/\n/, $there)));
is_same($node->safe_psql('fresh', "$settings $answers"), $before, 'and answers the same');

# what comes later
is($node->safe_psql('updated', "$settings SELECT sum(accepted), sum(duplicates) > 0, sum(rejected) FROM unnest(ARRAY[" . join(', ', map { "'$_'" } @requests) . "]) f, trace_ingest_otlp(pg_read_file(f))"),
	'0|t|0', 'what was recorded is known');
is($node->safe_psql('updated', $settings . q{
	INSERT INTO distributed_trace_log (trace_id, span_id, service_name, operation, start_time, duration_ms) VALUES ('late', '1', 's', 'o', '2021-01-01 00:00:05', 3);
	CALL trace_rollup_compact();
	SELECT count(*) FROM trace_rollup_check('2000-01-01', '2100-01-01');
	SELECT trace_rollup_rebuild('2000-01-01', '2100-01-01') = count(*) FROM distributed_trace_log WHERE duration_ms IS NOT NULL;
	SELECT count(*) FROM my_spans WHERE trace_id ~ '^t'}), "0\nt\n40", 'and what is new is counted');

$node->stop;
done_testing();
