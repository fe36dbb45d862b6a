/*
 * Repairing text: src/core/wire/utf8.c against a reference written from the
 * Unicode standard's tables, at every length and alignment.
 */
#include "unit.h"

#include "core/wire/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd"

static uint64_t seed = 20261122;

static uint32_t
next_random(void)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t) (seed >> 33);
}

static bool
in(uint8_t byte, int low, int high)
{
	return byte >= low && byte <= high;
}

/*
 * Table 3-7 of the Unicode standard, "well-formed UTF-8 byte sequences", row
 * by row: how many bytes of s fit a row, and how many the row wants.
 */
static size_t
fitting_bytes(const uint8_t *s, size_t n, size_t *wanted)
{
	static const uint8_t rows[][5] = {
		{2, 0xc2, 0xdf, 0x80, 0xbf},
		{3, 0xe0, 0xe0, 0xa0, 0xbf},
		{3, 0xe1, 0xec, 0x80, 0xbf},
		{3, 0xed, 0xed, 0x80, 0x9f},
		{3, 0xee, 0xef, 0x80, 0xbf},
		{4, 0xf0, 0xf0, 0x90, 0xbf},
		{4, 0xf1, 0xf3, 0x80, 0xbf},
		{4, 0xf4, 0xf4, 0x80, 0x8f},
	};

	*wanted = 1;
	if (in(s[0], 0x01, 0x7f))
		return 1;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
	{
		size_t fit = 1;

		if (!in(s[0], rows[r][1], rows[r][2]))
			continue;
		*wanted = rows[r][0];
		if (n > 1 && in(s[1], rows[r][3], rows[r][4]))
			for (fit = 2; fit < *wanted && fit < n && in(s[fit], 0x80, 0xbf);)
				fit++;
		return fit;
	}
	return 0;
}

static size_t
reference_clean(const char *from, size_t length, char *to, size_t *valid)
{
	size_t used = 0;
	bool all_valid = true;

	*valid = 0;
	for (size_t i = 0; i < length;)
	{
		size_t wanted;
		size_t fit =
			fitting_bytes((const uint8_t *) from + i, length - i, &wanted);

		if (fit == wanted)
			memcpy(to + used, from + i, fit);
		else
			memcpy(to + used, REPLACEMENT, 3);
		used += fit == wanted ? fit : 3;
		all_valid = all_valid && fit == wanted;
		if (all_valid)
			*valid += fit;
		i += fit == 0 ? 1 : fit;
	}
	return used;
}

/* In a block of exactly this size, so that reading beyond it is noticed. */
static bool
agrees_with_reference(const char *text, size_t length)
{
	char *exact = malloc(length);
	char *cleaned = malloc(UTF8_CLEAN_SIZE(length));
	char *expected = malloc(3 * length + 1);
	size_t expected_valid;
	size_t expected_length;
	bool agrees;

	memcpy(exact, text, length);
	expected_length = reference_clean(text, length, expected, &expected_valid);
	agrees = utf8_valid_length(exact, length) == expected_valid &&
			 utf8_clean(exact, length, cleaned) == expected_length &&
			 memcmp(cleaned, expected, expected_length) == 0 &&
			 utf8_valid_length(cleaned, expected_length) == expected_length;
	free(exact);
	free(cleaned);
	free(expected);
	return agrees;
}

static void
check_clean(const char *from, size_t length, const char *expected,
			const char *name)
{
	char to[256];
	size_t got = utf8_clean(from, length, to);

	CHECK(
		got == strlen(expected) && memcmp(to, expected, got) == 0, "%s", name);
}

#define CLEAN(literal, expected, name)                                         \
	check_clean(literal, sizeof(literal) - 1, expected, name)

static void
test_known_cases(void)
{
	CLEAN("", "", "nothing");
	CLEAN("plain", "plain", "ASCII stays");
	CLEAN("抹茶 é 🍵", "抹茶 é 🍵", "two, three and four bytes stay");
	CLEAN("a\0b", "a" REPLACEMENT "b", "NUL is replaced");
	CLEAN("\0\0", REPLACEMENT REPLACEMENT, "each NUL by itself");
	CLEAN("\xc0\x80", REPLACEMENT REPLACEMENT, "overlong NUL");
	CLEAN("\xc1\xbf", REPLACEMENT REPLACEMENT, "overlong, two bytes");
	CLEAN("\xe0\x9f\xbf",
		  REPLACEMENT REPLACEMENT REPLACEMENT,
		  "overlong, three bytes");
	CLEAN("\xf0\x8f\xbf\xbf",
		  REPLACEMENT REPLACEMENT REPLACEMENT REPLACEMENT,
		  "overlong, four bytes");
	CLEAN("\xed\xa0\x80",
		  REPLACEMENT REPLACEMENT REPLACEMENT,
		  "a surrogate in three bytes");
	CLEAN("\xed\x9f\xbf\xee\x80\x80",
		  "\xed\x9f\xbf\xee\x80\x80",
		  "the neighbours of the surrogates stay");
	CLEAN("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf", "U+10FFFF stays");
	CLEAN("\xf4\x90\x80\x80",
		  REPLACEMENT REPLACEMENT REPLACEMENT REPLACEMENT,
		  "beyond U+10FFFF");
	CLEAN("\xff\xfe", REPLACEMENT REPLACEMENT, "bytes that never occur");
	CLEAN("x\xf0\x9f\x8d",
		  "x" REPLACEMENT,
		  "a character cut off is one replacement");
	CLEAN("\xe6\x8a"
		  "a",
		  REPLACEMENT "a",
		  "what follows a cut one stays");
	CLEAN("\x80", REPLACEMENT, "a continuation alone");
}

static void
test_against_reference(void)
{
	static const char palette[] = "a\0\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc2\xdf"
								  "\xe0\xe1\xed\xef\xf0\xf1\xf4\xf5\xff";
	bool agrees = true;
	char text[64];

	for (int round = 0; round < 300000 && agrees; round++)
	{
		size_t length = next_random() % 40;

		for (size_t i = 0; i < length; i++)
		{
			bool is_plain = next_random() % 4 != 0;

			text[i] = is_plain && round % 2 == 0
						  ? 'x'
						  : palette[next_random() % (sizeof(palette) - 1)];
		}
		agrees = agrees_with_reference(text, length);
	}
	CHECK(agrees,
		  "random text agrees with the standard's table (state %" PRIu64 ")",
		  seed);

	agrees = true;
	for (size_t length = 1; length < 40; length++)
	{
		for (size_t place = 0; place < length; place++)
		{
			for (size_t i = 0; i + 1 < sizeof(palette); i++)
			{
				memset(text, 'x', length);
				text[place] = palette[i];
				agrees = agrees && agrees_with_reference(text, length);
			}
		}
	}
	CHECK(agrees, "one odd byte is found at every place of every length");
}

static void
check_escapes(const char *json, const char *cleaned, const char *expanded)
{
	char copy[256];
	size_t length = strlen(json);

	memcpy(copy, json, length);
	json_escapes_clean(copy, length);
	CHECK(strlen(cleaned) == length && memcmp(copy, cleaned, length) == 0,
		  "escapes of %s cleaned",
		  json);
	length = json_escapes_expand(copy, length);
	CHECK(strlen(expanded) == length && memcmp(copy, expanded, length) == 0,
		  "escapes of %s expanded",
		  json);
}

static void
test_escapes(void)
{
	check_escapes("\"a\\nb\"", "\"a\\nb\"", "\"a\\nb\"");
	check_escapes("x\\u0000y", "x\\ufffdy", "x" REPLACEMENT "y");
	check_escapes("\\\\u0000", "\\\\u0000", "\\\\u0000");
	check_escapes("\\\\\\u0000", "\\\\\\ufffd", "\\\\" REPLACEMENT);
	check_escapes("x\\ud800y", "x\\ufffdy", "x" REPLACEMENT "y");
	check_escapes("\\uDC00", "\\ufffd", REPLACEMENT);
	check_escapes("\\ud83c\\udf75", "\\ud83c\\udf75", "🍵");
	check_escapes("\\uD83C\\uDF75", "\\uD83C\\uDF75", "🍵");
	check_escapes(
		"\\ud83c\\ud83c\\udf75", "\\ufffd\\ud83c\\udf75", REPLACEMENT "🍵");
	check_escapes("\\udf75\\ud83c", "\\ufffd\\ufffd", REPLACEMENT REPLACEMENT);
	check_escapes("\\ud83c\\u0000", "\\ufffd\\ufffd", REPLACEMENT REPLACEMENT);
	check_escapes("\\ud83c\\n", "\\ufffd\\n", REPLACEMENT "\\n");
	check_escapes("\\u0041\\u007f", "\\u0041\\u007f", "\\u0041\\u007f");
	check_escapes("\\u0080\\u07ff\\u0800\\uffff",
				  "\\u0080\\u07ff\\u0800\\uffff",
				  "\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf");
	check_escapes("\\ud800\\udc00\\udbff\\udfff",
				  "\\ud800\\udc00\\udbff\\udfff",
				  "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
	check_escapes("\\u00e", "\\u00e", "\\u00e");
	check_escapes("\\ud83c\\udf7", "\\ufffd\\udf7", REPLACEMENT "\\udf7");
	check_escapes("\\u00g0 \\", "\\u00g0 \\", "\\u00g0 \\");
	check_escapes("", "", "");
}

static void
test_random_escapes(void)
{
	static const char *const parts[] = {"\\",
										"\\\\",
										"\\u0000",
										"\\ud800",
										"\\udc00",
										"\\u00e9",
										"\\u",
										"d8",
										"x"};
	bool holds = true;

	for (int round = 0; round < 100000; round++)
	{
		char *json = malloc(64);
		size_t length = 0;
		size_t expanded;

		for (int i = next_random() % 8; i > 0; i--)
		{
			const char *part = parts[next_random() % 9];

			memcpy(json + length, part, strlen(part));
			length += strlen(part);
		}
		json = realloc(json, length + 1);
		json_escapes_clean(json, length);
		holds = holds && json_escapes_clean(json, length) == 0;
		expanded = json_escapes_expand(json, length);
		holds = holds && expanded <= length &&
				utf8_valid_length(json, expanded) == expanded;
		free(json);
	}
	CHECK(holds, "random escapes come out clean and valid");
}

int
main(void)
{
	test_known_cases();
	test_against_reference();
	test_escapes();
	test_random_escapes();
	return unit_done();
}
