/*
 * Arguments of SQL functions: see argument.h.
 */
#include "postgres.h"

#include "compat.h"
#include "server/argument.h"
#include "server/values.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

/* Use "a", "b" or "c". */
static char *
list_words(const WordArgument *argument)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < ARGUMENT_MAX_WORDS && argument->words[i] != NULL; i++)
	{
		bool is_last =
			i + 1 == ARGUMENT_MAX_WORDS || argument->words[i + 1] == NULL;

		if (i > 0)
			appendStringInfoString(&list, is_last ? " or " : ", ");
		appendStringInfo(&list, "\"%s\"", argument->words[i]);
	}
	return psprintf("Use %s.", list.data);
}

int
word_argument(FunctionCallInfo fcinfo, int argno, const WordArgument *argument)
{
	char *word;

	if (PG_ARGISNULL(argno))
		return argument->absent;
	word = text_to_cstring(PG_GETARG_TEXT_PP(argno));
	for (int i = 0; i < ARGUMENT_MAX_WORDS && argument->words[i] != NULL; i++)
	{
		if (strcmp(word, argument->words[i]) == 0)
			return i;
	}
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("invalid value for \"%s\": \"%s\"", argument->name, word),
			errhint("%s",
					argument->hint == NULL ? list_words(argument)
										   : argument->hint));
}

Slice
slice_argument(FunctionCallInfo fcinfo, int argno)
{
	return datum_slice(PG_GETARG_DATUM(argno), PG_ARGISNULL(argno));
}
