/*
 * Normal forms of ids.
 *
 * One trace may be reported with a 32-digit id by one service and with its
 * right half by another whose library knows 64 bits only, in either case of
 * letters.  Ids that are no hex of those lengths are somebody's own and stay
 * as they are.
 */
#include "postgres.h"

#include "compat.h"
#include "store/trace_ids.h"

#include "fmgr.h"

PG_FUNCTION_INFO_V1(dt_trace_id_normalize);

bool
is_hex(const char *digits, int length)
{
	for (int i = 0; i < length; i++)
	{
		if (!isxdigit((unsigned char) digits[i]))
			return false;
	}
	return length > 0;
}

bool
is_all_zero(const char *digits, int length)
{
	for (int i = 0; i < length; i++)
	{
		if (digits[i] != '0')
			return false;
	}
	return true;
}

static bool
has_capitals(const char *digits, int length)
{
	for (int i = 0; i < length; i++)
	{
		if (digits[i] >= 'A' && digits[i] <= 'F')
			return true;
	}
	return false;
}

/* The digits in lower case, with zeros before them up to `width`. */
static text *
pad_and_lower(const char *digits, int length, int width)
{
	text *result = palloc(VARHDRSZ + width);
	char *to = VARDATA(result);

	SET_VARSIZE(result, VARHDRSZ + width);
	memset(to, '0', width - length);
	to += width - length;
	for (int i = 0; i < length; i++)
		to[i] = pg_ascii_tolower((unsigned char) digits[i]);
	return result;
}

static bool
has_digits(const char *digits, int length, int wanted)
{
	return length == wanted && is_hex(digits, length);
}

text *
normalize_trace_id(text *id)
{
	const char *digits = VARDATA_ANY(id);
	int length = VARSIZE_ANY_EXHDR(id);

	if (has_digits(digits, length, TRACE_ID_DIGITS / 2) ||
		(has_digits(digits, length, TRACE_ID_DIGITS) &&
		 has_capitals(digits, length)))
		return pad_and_lower(digits, length, TRACE_ID_DIGITS);
	return id;
}

text *
pad_trace_id(text *digits)
{
	return pad_and_lower(
		VARDATA_ANY(digits), VARSIZE_ANY_EXHDR(digits), TRACE_ID_DIGITS);
}

text *
normalize_span_id(text *id)
{
	const char *digits = VARDATA_ANY(id);
	int length = VARSIZE_ANY_EXHDR(id);

	if (has_digits(digits, length, SPAN_ID_DIGITS) &&
		has_capitals(digits, length))
		return pad_and_lower(digits, length, SPAN_ID_DIGITS);
	return id;
}

/*
 * trace_id_normalize(trace_id text) -> text
 */
Datum
dt_trace_id_normalize(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(normalize_trace_id(PG_GETARG_TEXT_PP(0)));
}
