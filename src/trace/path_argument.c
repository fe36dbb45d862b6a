/*
 * Options of the critical path: see path_argument.h.
 */
#include "postgres.h"

#include "compat.h"
#include "server/argument.h"
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
static const WordArgument overflow_words = {.name = "overflow",
											.words = {"clip", "drop"}};
static const WordArgument roots_words = {.name = "roots",
										 .words = {"auto", "virtual", "all"}};
static const WordArgument skew_words = {.name = "skew",
										.words = {"none", "shift"}};
static const WordArgument messaging_words = {.name = "messaging",
											 .words = {"keep", "prune"}};

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
		.overflow = word_argument(
			fcinfo, first_option + OPTION_OVERFLOW, &overflow_words),
		.roots =
			word_argument(fcinfo, first_option + OPTION_ROOTS, &roots_words),
		.skew = word_argument(fcinfo, first_option + OPTION_SKEW, &skew_words),
		.messaging = word_argument(
			fcinfo, first_option + OPTION_MESSAGING, &messaging_words),
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
