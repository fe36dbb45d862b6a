/*
 * Hex and base64: see encoding.h.
 */
#include "core/wire/encoding.h"

static const char HEX[] = "0123456789abcdef";
static const char BASE64[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
bytes_to_hex(const char *from, size_t length, char *to)
{
	for (size_t i = 0; i < length; i++)
	{
		uint8_t byte = (uint8_t) from[i];

		*to++ = HEX[byte >> 4];
		*to++ = HEX[byte & 15];
	}
}

int
hex_digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
hex_to_bytes(const char *from, size_t length, char *to)
{
	if (length % 2 != 0)
		return false;
	for (size_t i = 0; i < length; i += 2)
	{
		int high = hex_digit_value(from[i]);
		int low = hex_digit_value(from[i + 1]);

		if (high < 0 || low < 0)
			return false;
		*to++ = (char) (high << 4 | low);
	}
	return true;
}

void
bytes_to_base64(const char *from, size_t length, char *to)
{
	for (size_t i = 0; i < length; i += 3)
	{
		size_t have = length - i < 3 ? length - i : 3;
		uint32_t bits = (uint32_t) (uint8_t) from[i] << 16;

		if (have > 1)
			bits |= (uint32_t) (uint8_t) from[i + 1] << 8;
		if (have > 2)
			bits |= (uint8_t) from[i + 2];
		*to++ = BASE64[bits >> 18];
		*to++ = BASE64[bits >> 12 & 63];
		*to++ = have > 1 ? BASE64[bits >> 6 & 63] : '=';
		*to++ = have > 2 ? BASE64[bits & 63] : '=';
	}
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return -1;
}

bool
base64_to_bytes(const char *from, size_t length, char *to, size_t *decoded)
{
	char *at = to;
	uint32_t bits = 0;
	int have = 0; /* bits that are not written yet */

	/* padding has its place only at the end of a multiple of four */
	if (length % 4 == 0)
	{
		for (int i = 0; i < 2 && length > 0 && from[length - 1] == '='; i++)
			length--;
	}
	if (length % 4 == 1)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		int value = base64_value(from[i]);

		if (value < 0)
			return false;
		bits = (bits << 6 | (uint32_t) value) & 0xffffff;
		have += 6;
		if (have >= 8)
		{
			have -= 8;
			*at++ = (char) (bits >> have);
		}
	}
	*decoded = (size_t) (at - to);
	return true;
}
