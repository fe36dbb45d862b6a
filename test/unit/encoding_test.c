/*
 * Hex and base64: src/core/wire/encoding.c.
 */
#include "unit.h"

#include "core/wire/encoding.h"

static void
check_hex(const char *digits, bool valid, const char *bytes, size_t length)
{
	char to[64];

	CHECK(hex_to_bytes(digits, strlen(digits), to) == valid &&
			  (!valid || memcmp(to, bytes, length) == 0),
		  "hex \"%s\"",
		  digits);
}

static void
test_hex(void)
{
	char to[16];

	check_hex("", true, "", 0);
	check_hex("00ff7F", true, "\0\xff\x7f", 3);
	check_hex("AbCdEf", true, "\xab\xcd\xef", 3);
	check_hex("abc", false, NULL, 0);
	check_hex("0g", false, NULL, 0);
	check_hex("g0", false, NULL, 0);
	check_hex("0 ", false, NULL, 0);
	check_hex("@`/:", false, NULL, 0);
	CHECK(!hex_to_bytes("abcd", 3, to), "an odd number of digits");
	bytes_to_hex("\0\x1f\xf0", 3, to);
	CHECK(memcmp(to, "001ff0", 6) == 0, "bytes to hex");
}

static void
check_base64(const char *text, bool valid, const char *bytes, size_t length)
{
	char to[64];
	size_t decoded = 99;

	CHECK(base64_to_bytes(text, strlen(text), to, &decoded) == valid &&
			  (!valid || (decoded == length && memcmp(to, bytes, length) == 0)),
		  "base64 \"%s\"",
		  text);
}

static void
test_base64(void)
{
	check_base64("", true, "", 0);
	check_base64("Zg==", true, "f", 1);
	check_base64("Zg", true, "f", 1);
	check_base64("Zm8=", true, "fo", 2);
	check_base64("Zm8", true, "fo", 2);
	check_base64("Zm9v", true, "foo", 3);
	check_base64("Zm9vYmFy", true, "foobar", 6);
	check_base64("+/+/", true, "\xfb\xff\xbf", 3);
	check_base64("-_-_", true, "\xfb\xff\xbf", 3);
	check_base64("Z", false, NULL, 0);
	check_base64("Zg=", false, NULL, 0);
	check_base64("Z===", false, NULL, 0);
	check_base64("Zm=v", false, NULL, 0);
	check_base64("====", false, NULL, 0);
	check_base64("Zm9 ", false, NULL, 0);
}

static void
test_round_trip(void)
{
	bool holds = true;

	for (size_t length = 0; length <= 300; length++)
	{
		char *bytes = malloc(length + 1);
		char *text = malloc(BASE64_SIZE(length) + 1);
		char *back = malloc(length + 3);
		size_t decoded;

		for (size_t i = 0; i < length; i++)
			bytes[i] = (char) (i * 37 + length);
		bytes_to_base64(bytes, length, text);
		holds = holds &&
				base64_to_bytes(text, BASE64_SIZE(length), back, &decoded) &&
				decoded == length && memcmp(back, bytes, length) == 0;
		free(bytes);
		free(text);
		free(back);
	}
	CHECK(holds, "base64 of every length comes back");
}

int
main(void)
{
	test_hex();
	test_base64();
	test_round_trip();
	return unit_done();
}
