/*
 * Options of the critical path: see path_argument.h.
 */
#include "postgres.h"

#include "compat.h"
#include "trace/path_argument.h"
#include "trace/tree_argument.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

/* In the order of the arguments. */
enum
{
	OPTION_ROOT,
	OPTION_TOLERANCE,
	OPTION_MAX_OVERLAP,
	OPTION_OVERFLOW,
	OPTION_ROOTS,
	OPTION_SKEW,
	OPTION_MESSAGING,
};

/* The words of an option, each at the place of its value. */
typedef struct Choice
{
	const char *option;
	const char *words[3];
} Choice;

static const Choice overflow_choice = {"overflow", {"clip", "drop"}};
static const Choice roots_choice = {"roots", {"auto", "virtual", "all"}};
static const Choice skew_choice = {"skew", {"none", "shift"}};
static const Choice messaging_choice = {"messaging", {"keep", "prune"}};

static char *
list_words(const Choice *choice)
{
	char *list =
		psprintf("\"%s\" or \"%s\"", choice->words[0], choice->words[1]);

	if (choice->words[2] != NULL)
		list = psprintf("\"%s\", \"%s\" or \"%s\"",
						choice->words[0],
						choice->words[1],
						choice->words[2]);
	return list;
}

static int
choice_argument(FunctionCallInfo fcinfo, int argno, const Choice *choice)
{
	char *word;

	if (PG_ARGISNULL(argno))
		return 0;
	word = text_to_cstring(PG_GETARG_TEXT_PP(argno));
	for (int i = 0; i < (int) lengthof(choice->words); i++)
	{
		if (choice->words[i] != NULL && strcmp(word, choice->words[i]) == 0)
			return i;
	}
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("invalid value for \"%s\": \"%s\"", choice->option, word),
			errhint("Use %s.", list_words(choice)));
}

static double
tolerance_argument(FunctionCallInfo fcinfo, int argno)
{
	double tolerance;

	if (PG_ARGISNULL(argno))
		return CRITICAL_PATH_DEFAULTS.overlap_tolerance;
	tolerance = PG_GETARG_FLOAT8(argno);
	if (!(tolerance >= 0 && tolerance <= 1))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("overlap_tolerance must be between 0 and 1"),
				errhint("It is a share of the parent's duration: 0.01 is "
						"1 %%."));
	return tolerance;
}

static int64
max_overlap_argument(FunctionCallInfo fcinfo, int argno)
{
	Interval *interval;

	if (PG_ARGISNULL(argno))
		return CRITICAL_PATH_DEFAULTS.max_overlap;
	interval = PG_GETARG_INTERVAL_P(argno);
	if (interval->month != 0 || interval->day != 0 || interval->time < 0 ||
		interval->time >= USECS_PER_DAY)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("max_overlap must be a length of time from 0 to less "
					   "than a day"));
	return interval->time;
}

bool
path_argument(FunctionCallInfo fcinfo, int first_option, CriticalPath *path)
{
	CriticalPathOptions options = {
		.root = SPAN_TREE_NONE,
		.overlap_tolerance =
			tolerance_argument(fcinfo, first_option + OPTION_TOLERANCE),
		.max_overlap =
			max_overlap_argument(fcinfo, first_option + OPTION_MAX_OVERLAP),
		.overflow = choice_argument(
			fcinfo, first_option + OPTION_OVERFLOW, &overflow_choice),
		.roots =
			choice_argument(fcinfo, first_option + OPTION_ROOTS, &roots_choice),
		.skew =
			choice_argument(fcinfo, first_option + OPTION_SKEW, &skew_choice),
		.messaging = choice_argument(
			fcinfo, first_option + OPTION_MESSAGING, &messaging_choice),
	};
	const SpanTree *tree = tree_argument(fcinfo);

	if (tree == NULL)
		return false;
	if (!PG_ARGISNULL(first_option + OPTION_ROOT))
		options.root = span_argument(fcinfo, first_option + OPTION_ROOT, tree);
	check_core_status(critical_path_find(server_host(), tree, &options, path));
	return true;
}

bool *
spans_on_path(const CriticalPath *path)
{
	bool *on_path = palloc_extended(path->tree->span_count,
									MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (uint32 i = 0; i < path->section_count; i++)
	{
		if (path->sections[i].span != SPAN_TREE_NONE)
			on_path[path->sections[i].span] = true;
	}
	return on_path;
}
