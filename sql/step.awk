# Builds an upgrade script from its source in sql/upgrades/, so that what is
# new or changed stands once, in sql/parts/:
#
#     awk -f sql/step.awk sql/upgrades/FROM--TO.sql
#
# Copies its input, but for lines that begin so and name files below sql/:
#
#     -- include parts/archive.sql           the whole part
#     -- include parts/latency.sql: A B      new objects of a part by name, with
#                                            their comments and privileges
#     -- replace parts/rollup.sql: A B       changed functions and views, as CREATE
#                                            OR REPLACE, with their comments;
#                                            privileges stay as they were granted
#
# A statement of a part begins in the first column and goes on until the next.

function fail(message)
{
	print FILENAME ":" FNR ": " message >"/dev/stderr"
	failed = 1
	exit 1
}

# Whether a statement of a part makes or describes the object, or grants it.
function is_about(statement, name,    kind)
{
	kind = "(FUNCTION|PROCEDURE|AGGREGATE|VIEW|TABLE|TYPE|INDEX|UNIQUE INDEX|TRIGGER|OPERATOR|SEQUENCE)"
	if (statement ~ "^CREATE (OR REPLACE )?" kind " " name "[^A-Za-z0-9_]")
		return "create"
	if (statement ~ "^COMMENT ON (" kind "|COLUMN) " name "[^A-Za-z0-9_]")
		return "comment"
	if (statement ~ "^(GRANT|REVOKE)[^;]*[ ,]" name "[^A-Za-z0-9_]" ||
		statement ~ "^SELECT pg_catalog.pg_extension_config_dump\\('" name "[^A-Za-z0-9]")
		return "other"
	return ""
}

function put_statement(statement, is_replaced,    name, what)
{
	for (name in wanted) {
		what = is_about(statement, name)
		if (what == "" || (is_replaced && what == "other"))
			continue
		if (what == "create")
			found[name] = 1
		if (is_replaced && what == "create" && statement !~ /^CREATE (FUNCTION|PROCEDURE|VIEW) /)
			fail("only functions, procedures and views can be replaced: " name)
		if (is_replaced)
			sub(/^CREATE /, "CREATE OR REPLACE ", statement)
		sub(/\n+$/, "\n", statement)
		printf "%s", statement
		return
	}
}

function put_objects(file, is_replaced,    line, statement, status)
{
	statement = ""
	while ((status = (getline line <file)) > 0) {
		if (line ~ /^(CREATE|COMMENT|GRANT|REVOKE|SELECT|DO|ALTER|INSERT|UPDATE|DELETE) /) {
			put_statement(statement, is_replaced)
			statement = ""
		}
		# what stands before the next statement is about that one
		if (line !~ /^(--|\/\*)/)
			statement = statement line "\n"
	}
	if (status < 0)
		fail("there is no " file)
	put_statement(statement, is_replaced)
	close(file)
}

function put_file(file,    line, status)
{
	while ((status = (getline line <file)) > 0)
		print line
	if (status < 0)
		fail("there is no " file)
	close(file)
}

/^-- (include|replace) parts\// {
	file = $3
	is_partial = sub(/:$/, "", file)
	if ($2 == "replace" && !is_partial)
		fail("which objects of " file "?")
	if (!is_partial) {
		put_file("sql/" file)
		next
	}
	split("", wanted)
	split("", found)
	for (i = 4; i <= NF; i++)
		wanted[$i] = 1
	put_objects("sql/" file, $2 == "replace")
	for (name in wanted)
		if (!(name in found))
			fail(file " does not create " name)
	next
}

{ print }

END { exit failed }
