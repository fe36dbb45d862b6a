/*
 * Finding a trace by what somebody typed: see trace_lookup.h.
 *
 * Nothing here is on the way of an id that is stored as it was given: callers
 * look for that first.  Each step is one look-up in the index of the log on
 * (trace_id, span_id), a further one for every id that begins alike.
 */
#include "postgres.h"

#include "compat.h"
#include "server/query.h"
#include "store/spelled_ids.h"
#include "store/trace_ids.h"
#include "store/trace_lookup.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(dt_trace_id_find);

/* so many ids that begin alike are named */
#define MAX_CANDIDATES 5

/* a statement may be about many traces */
#define MAX_NOTICES 3

/* what nearest ids have in common with what was typed, at least */
#define MIN_ALIKE 4

static SavedQuery exists_query = {
	.text = "SELECT trace_id FROM %s.distributed_trace_log "
			"WHERE trace_id OPERATOR(pg_catalog.=) $1 LIMIT 1",
	.arg_count = 1,
	.arg_types = {TEXTOID},
};

/* the first id after $1 and before $2 */
static SavedQuery next_query = {
	.text = "SELECT trace_id FROM %s.distributed_trace_log "
			"WHERE trace_id OPERATOR(pg_catalog.>) $1 "
			"AND trace_id OPERATOR(pg_catalog.<) $2 "
			"ORDER BY trace_id LIMIT 1",
	.arg_count = 2,
	.arg_types = {TEXTOID, TEXTOID},
};

/* the last id before $1 */
static SavedQuery previous_query = {
	.text = "SELECT trace_id FROM %s.distributed_trace_log "
			"WHERE trace_id OPERATOR(pg_catalog.<) $1 "
			"ORDER BY trace_id DESC LIMIT 1",
	.arg_count = 1,
	.arg_types = {TEXTOID},
};

typedef struct Candidates
{
	text *ids[MAX_CANDIDATES + 1];
	int count;
} Candidates;

bool
may_give_notice(void)
{
	static TimestampTz statement;
	static int given;

	if (statement != GetCurrentStatementStartTimestamp())
	{
		statement = GetCurrentStatementStartTimestamp();
		given = 0;
	}
	return given++ < MAX_NOTICES;
}

/* The id that a query gives, in the memory context of the caller. */
static text *
query_id(SavedQuery *query, Oid schema, text *first, text *second)
{
	Datum args[2] = {PointerGetDatum(first), PointerGetDatum(second)};
	MemoryContext caller = CurrentMemoryContext;
	text *id = NULL;

	SPI_connect();
	if (query_run(query, schema, args, true, NULL) > 0)
	{
		bool is_null;
		Datum value = SPI_getbinval(
			SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);

		if (!is_null)
		{
			MemoryContext own = MemoryContextSwitchTo(caller);

			id = DatumGetTextPCopy(value);
			MemoryContextSwitchTo(own);
		}
	}
	SPI_finish();
	return id;
}

static text *
concatenate(const char *before, text *middle, const char *after)
{
	return cstring_to_text(
		psprintf("%s%s%s", before, text_to_cstring(middle), after));
}

/* Adds the ids that begin with a prefix, in their order. */
static void
add_candidates(Candidates *found, Oid schema, text *prefix)
{
	/* '~' comes after all that ids are made of */
	text *end = concatenate("", prefix, "~");
	text *id = prefix;

	while (found->count <= MAX_CANDIDATES &&
		   (id = query_id(&next_query, schema, id, end)) != NULL)
		found->ids[found->count++] = id;
}

/* Quoted and as long as a message bears. */
static char *
shown_id(text *id)
{
	const char *bytes = VARDATA_ANY(id);
	int length = VARSIZE_ANY_EXHDR(id);
	int shown = pg_mbcliplen(bytes, length, ID_MAX_LENGTH);

	return psprintf("\"%.*s%s\"", shown, bytes, shown < length ? "..." : "");
}

static char *
list_ids(const Candidates *found)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < found->count && i < MAX_CANDIDATES; i++)
		appendStringInfo(
			&list, "%s%s", i > 0 ? ", " : "", shown_id(found->ids[i]));
	if (found->count > MAX_CANDIDATES)
		appendStringInfoString(&list, ", ...");
	return list.data;
}

/* The only trace whose id begins so; NULL if there is none. */
static text *
find_by_beginning(Oid schema, text *typed, text *digits)
{
	Candidates found = {0};
	int length = VARSIZE_ANY_EXHDR(digits);

	if (length >= TRACE_ID_DIGITS)
		return NULL;
	add_candidates(&found, schema, digits);
	/* ids of 16 digits are stored behind as many zeros */
	if (length < TRACE_ID_DIGITS / 2 &&
		!is_all_zero(VARDATA_ANY(digits), length))
		add_candidates(
			&found, schema, concatenate("0000000000000000", digits, ""));
	/* what was inserted by hand may have capitals */
	if ((int) VARSIZE_ANY_EXHDR(typed) == length &&
		memcmp(VARDATA_ANY(typed), VARDATA_ANY(digits), length) != 0)
		add_candidates(&found, schema, typed);
	if (found.count > 1)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("several traces begin with %s", shown_id(typed)),
				errdetail("They are %s.", list_ids(&found)),
				errhint("Give more digits of the one that is meant."));
	return found.count == 1 ? found.ids[0] : NULL;
}

static int
count_alike(text *a, text *b)
{
	int length = Min((int) VARSIZE_ANY_EXHDR(a), (int) VARSIZE_ANY_EXHDR(b));
	int alike = 0;

	while (alike < length && VARDATA_ANY(a)[alike] == VARDATA_ANY(b)[alike])
		alike++;
	return alike;
}

/* The ids beside the place where this one would be, if they begin alike. */
static void
say_not_found(Oid schema, text *typed, text *meant)
{
	Candidates near = {0};
	text *neighbours[2];

	if (!may_give_notice())
		return;
	neighbours[0] = query_id(&previous_query, schema, meant, NULL);
	neighbours[1] =
		query_id(&next_query, schema, meant, concatenate("", meant, "~"));
	if (neighbours[1] == NULL)
	{
		text *stem = cstring_to_text_with_len(
			VARDATA_ANY(meant),
			pg_mbcliplen(
				VARDATA_ANY(meant), VARSIZE_ANY_EXHDR(meant), MIN_ALIKE));

		neighbours[1] =
			query_id(&next_query, schema, meant, concatenate("", stem, "~"));
	}
	for (int i = 0; i < 2; i++)
	{
		if (neighbours[i] != NULL &&
			count_alike(neighbours[i], meant) >= MIN_ALIKE)
			near.ids[near.count++] = neighbours[i];
	}
	ereport(NOTICE,
			errmsg("there is no trace %s", shown_id(typed)),
			near.count > 0 ? errhint("The nearest: %s.", list_ids(&near)) : 0,
			near.count == 0
				? errhint("Ids are found whole or by their first %d "
						  "digits or more.",
						  SPELLED_MIN_DIGITS)
				: 0);
}

static text *
stored_id(Oid schema, text *id)
{
	return query_id(&exists_query, schema, id, NULL);
}

text *
find_trace_id(Oid schema, text *typed)
{
	SpelledIds spelled = read_spelled_ids(typed);
	text *normal = normalize_trace_id(typed);
	text *digits = spelled.trace_id;
	text *found = NULL;

	if (normal != typed)
		found = stored_id(schema, normal);
	if (found == NULL && digits != NULL)
		found = stored_id(schema, digits);
	/* some leave out the zeros in front */
	if (found == NULL && digits != NULL)
		found = stored_id(schema, pad_trace_id(digits));
	if (found == NULL && digits != NULL)
		found = find_by_beginning(schema, typed, digits);
	if (found == NULL)
		say_not_found(schema, typed, digits != NULL ? digits : typed);
	return found;
}

/*
 * trace_id_find(typed text) -> text: the stored id of the trace that is meant;
 * NULL if there is none.
 */
Datum
dt_trace_id_find(PG_FUNCTION_ARGS)
{
	Oid schema = calling_schema(fcinfo);
	text *typed = PG_GETARG_TEXT_PP(0);
	text *found = stored_id(schema, typed);

	if (found == NULL)
		found = find_trace_id(schema, typed);
	if (found == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(found);
}
