/*
 * Scalars of OTLP's JSON encoding in protobuf: see otlp_json_value.h.
 *
 * What real SDKs and Google's JSON mapping allow is taken: 64-bit integers as
 * strings or numbers, integers written 1.0 or 1e3, doubles as strings, base64
 * of either alphabet, ids in base64, names of enums in short.  An integer
 * beyond 64 bits in an attribute, which JavaScript sends, becomes a double.
 */
#include "postgres.h"

#include "formats/otlp/otlp_json_value.h"

#include "core/wire/encoding.h"

#include "utils/float.h"

#include <ctype.h>
#include <math.h>

/* A varint of any 64 bits, and a length of up to 2^35. */
#define NUMBER_BYTES 10
#define LENGTH_BYTES 5

/* A field number that no message has. */
#define BLANK_FIELD 1001

/* AnyValue.double_value */
#define DOUBLE_VALUE_FIELD 4

/* exponents beyond are as good as this one */
#define EXPONENT_MAX 100000

/*
 * The wire
 */

static void
put_varint(char *to, uint64 value, int bytes)
{
	for (int i = 0; i < bytes - 1; i++, value >>= 7)
		to[i] = (char) (value | 0x80);
	to[bytes - 1] = (char) value;
}

/* Keys are not padded: one byte up to number 15, two above. */
static void
put_key(StringInfo output, int number, ProtobufWire wire)
{
	uint32 key = PROTOBUF_KEY(number, wire);
	int bytes = key < 0x80 ? 1 : 2;
	char written[2];

	put_varint(written, key, bytes);
	appendBinaryStringInfo(output, written, bytes);
}

static void
put_number(StringInfo output, int number, uint64 value)
{
	char written[NUMBER_BYTES];

	put_key(output, number, PROTOBUF_VARINT);
	put_varint(written, value, NUMBER_BYTES);
	appendBinaryStringInfo(output, written, NUMBER_BYTES);
}

static void
put_fixed(StringInfo output, int number, ProtobufWire wire, uint64 value)
{
	int bytes = wire == PROTOBUF_FIXED64 ? 8 : 4;

	put_key(output, number, wire);
	for (int i = 0; i < bytes; i++)
		appendStringInfoChar(output, (char) (value >> (8 * i)));
}

int
open_message(StringInfo output, int number)
{
	put_key(output, number, PROTOBUF_BYTES);
	enlargeStringInfo(output, LENGTH_BYTES);
	output->len += LENGTH_BYTES;
	return output->len;
}

void
close_message(StringInfo output, int opened)
{
	put_varint(output->data + opened - LENGTH_BYTES,
			   output->len - opened,
			   LENGTH_BYTES);
}

void
put_bytes(StringInfo output, int number, const char *data, int length)
{
	int opened = open_message(output, number);

	appendBinaryStringInfo(output, data, length);
	close_message(output, opened);
}

void
blank_fields(char *start, int size)
{
	int length_bytes = Min(size - 2, LENGTH_BYTES);

	Assert(size >= MIN_FIELD_SIZE);
	put_varint(start, PROTOBUF_KEY(BLANK_FIELD, PROTOBUF_BYTES), 2);
	put_varint(start + 2, size - 2 - length_bytes, length_bytes);
}

/*
 * Numbers
 */

typedef enum IntegerResult
{
	IS_INTEGER,
	IS_FRACTION,
	IS_TOO_LARGE,
	IS_NO_NUMBER,
} IntegerResult;

typedef struct Decimal
{
	bool negative;
	const char *digits;
	int digit_count; /* with the point, if there is one among them */
	int exponent;	 /* counted from behind the last digit */
} Decimal;

/* Takes a number apart, written as JSON writes it; false if it is none. */
static bool
read_decimal(const char *token, Decimal *decimal)
{
	const char *at = token;
	const char *point = NULL;
	char *end;

	decimal->negative = *at == '-';
	if (decimal->negative)
		at++;
	decimal->digits = at;
	for (; isdigit((unsigned char) *at) || (*at == '.' && point == NULL); at++)
	{
		if (*at == '.')
			point = at;
	}
	decimal->digit_count = at - decimal->digits;
	decimal->exponent = point == NULL ? 0 : -(int) (at - point - 1);
	if (decimal->digit_count == 0 || at[-1] == '.' || decimal->digits == point)
		return false;
	if (*at == 'e' || *at == 'E')
	{
		long exponent = strtol(at + 1, &end, 10);

		if (end == at + 1 || isspace((unsigned char) at[1]))
			return false;
		exponent = Max(Min(exponent, EXPONENT_MAX), -EXPONENT_MAX);
		decimal->exponent += (int) exponent;
		at = end;
	}
	return *at == '\0';
}

static bool
times_ten_plus(uint64 *sum, int digit)
{
	return !__builtin_mul_overflow(*sum, (uint64) 10, sum) &&
		   !__builtin_add_overflow(*sum, (uint64) digit, sum);
}

/* An integer, however it is written, exactly. */
static IntegerResult
read_integer(const char *token, bool *negative, uint64 *magnitude)
{
	Decimal decimal;
	int zeros = 0; /* seen, and not yet known to be followed by more */

	*negative = false;
	*magnitude = 0;
	if (!read_decimal(token, &decimal))
		return IS_NO_NUMBER;
	*negative = decimal.negative;
	for (int i = 0; i < decimal.digit_count; i++)
	{
		char digit = decimal.digits[i];

		if (digit == '.')
			continue;
		zeros++;
		if (digit == '0')
			continue;
		for (; zeros > 1 && *magnitude > 0; zeros--)
		{
			if (!times_ten_plus(magnitude, 0))
				return IS_TOO_LARGE;
		}
		if (!times_ten_plus(magnitude, digit - '0'))
			return IS_TOO_LARGE;
		zeros = 0;
	}
	if (*magnitude == 0)
		return IS_INTEGER;
	zeros += decimal.exponent;
	if (zeros < 0)
		return IS_FRACTION;
	for (; zeros > 0; zeros--)
	{
		if (!times_ten_plus(magnitude, 0))
			return IS_TOO_LARGE;
	}
	return IS_INTEGER;
}

/* A finite number; false if it is none. */
static bool
read_finite(const char *token, double *number)
{
	Decimal decimal;

	if (!read_decimal(token, &decimal))
		return false;
	*number = strtod(token, NULL);
	return isfinite(*number);
}

static void
put_double(StringInfo output, int number, double value)
{
	uint64 bits;

	memcpy(&bits, &value, sizeof(bits));
	put_fixed(output, number, PROTOBUF_FIXED64, bits);
}

/* Up to `limit`, in the wire type of the field. */
static bool
put_unsigned(StringInfo output, int number, ProtobufWire wire,
			 const char *token, uint64 limit)
{
	bool negative;
	uint64 magnitude;

	if (read_integer(token, &negative, &magnitude) != IS_INTEGER ||
		magnitude > limit || (negative && magnitude > 0))
		return false;
	if (wire == PROTOBUF_VARINT)
		put_number(output, number, magnitude);
	else
		put_fixed(output, number, wire, magnitude);
	return true;
}

/* An attribute's integer. */
static bool
put_int64(StringInfo output, int number, const char *token)
{
	bool negative;
	uint64 magnitude;
	IntegerResult result = read_integer(token, &negative, &magnitude);
	uint64 limit = (uint64) PG_INT64_MAX + (negative ? 1 : 0);
	double rounded;

	if (result == IS_INTEGER && magnitude <= limit)
	{
		put_number(output, number, negative ? -magnitude : magnitude);
		return true;
	}
	if (result == IS_FRACTION || !read_finite(token, &rounded))
		return false;
	put_double(output, DOUBLE_VALUE_FIELD, rounded);
	return true;
}

static bool
put_any_double(StringInfo output, int number, const char *token)
{
	double value;

	if (strcmp(token, "NaN") == 0)
		value = get_float8_nan();
	else if (strcmp(token, "Infinity") == 0)
		value = get_float8_infinity();
	else if (strcmp(token, "-Infinity") == 0)
		value = -get_float8_infinity();
	else if (!read_finite(token, &value))
		return false;
	put_double(output, number, value);
	return true;
}

/* OTLP wants the number of an enum; its name is understood as well, in any
 * case and without what all names of the enum begin with. */
static bool
put_enum(StringInfo output, int number, const char *token, const char *prefix,
		 const char *const *names, int name_count)
{
	const char *name = token;
	bool negative;
	uint64 magnitude;

	if (pg_strncasecmp(token, prefix, strlen(prefix)) == 0)
		name += strlen(prefix);
	for (int i = 0; i < name_count; i++)
	{
		if (pg_strcasecmp(name, names[i]) == 0)
		{
			put_number(output, number, i);
			return true;
		}
	}
	if (read_integer(token, &negative, &magnitude) != IS_INTEGER ||
		magnitude > PG_INT32_MAX)
		return false;
	put_number(output, number, negative ? -magnitude : magnitude);
	return true;
}

static const char *const KINDS[] = {
	"UNSPECIFIED",
	"INTERNAL",
	"SERVER",
	"CLIENT",
	"PRODUCER",
	"CONSUMER",
};

static const char *const STATUS_CODES[] = {
	"UNSET",
	"OK",
	"ERROR",
};

/*
 * Strings
 */

static bool
put_hex(StringInfo output, int number, const char *token)
{
	int length = strlen(token);
	char *bytes = palloc(length / 2 + 1);
	bool is_hex = hex_to_bytes(token, length, bytes);

	if (is_hex)
		put_bytes(output, number, bytes, length / 2);
	pfree(bytes);
	return is_hex;
}

static bool
put_base64(StringInfo output, int number, const char *token)
{
	size_t length = strlen(token);
	char *bytes = palloc(length / 4 * 3 + 3);
	size_t decoded;
	bool is_base64 = base64_to_bytes(token, length, bytes, &decoded);

	if (is_base64)
		put_bytes(output, number, bytes, decoded);
	pfree(bytes);
	return is_base64;
}

/* An id: hex, or base64 of as many bytes as ids have, which is how protobuf's
 * own mapping to JSON writes them. */
static bool
put_id(StringInfo output, int number, const char *token)
{
	size_t length = strcspn(token, "=");
	bool may_be_base64 = length == 11 || length == 22; /* of 8, of 16 */

	return put_hex(output, number, token) ||
		   (may_be_base64 && put_base64(output, number, token));
}

static bool
put_string_value(StringInfo output, const OtlpFieldInfo *field, int number,
				 const char *token)
{
	if (field->type == OTLP_ID)
		return put_id(output, number, token);
	if (field->type == OTLP_BYTES)
		return put_base64(output, number, token);
	put_bytes(output, number, token, strlen(token));
	return true;
}

static bool
put_numeric_value(StringInfo output, const OtlpFieldInfo *field, int number,
				  const char *token)
{
	switch (field->type)
	{
		case OTLP_INT64:
			return put_int64(output, number, token);
		case OTLP_DOUBLE:
			return put_any_double(output, number, token);
		case OTLP_UINT32:
			return put_unsigned(
				output, number, PROTOBUF_VARINT, token, PG_UINT32_MAX);
		case OTLP_FIXED32:
			return put_unsigned(
				output, number, PROTOBUF_FIXED32, token, PG_UINT32_MAX);
		case OTLP_FIXED64:
			return put_unsigned(
				output, number, PROTOBUF_FIXED64, token, PG_UINT64_MAX);
		case OTLP_KIND:
			return put_enum(
				output, number, token, "SPAN_KIND_", KINDS, lengthof(KINDS));
		default:
			return put_enum(output,
							number,
							token,
							"STATUS_CODE_",
							STATUS_CODES,
							lengthof(STATUS_CODES));
	}
}

const char *
put_scalar(StringInfo output, const OtlpFieldInfo *field, int number,
		   const char *token, JsonTokenType type)
{
	bool is_boolean = type == JSON_TOKEN_TRUE || type == JSON_TOKEN_FALSE;
	bool fits;

	switch (field->type)
	{
		case OTLP_SUBMESSAGE:
			fits = false;
			break;
		case OTLP_BOOL:
			fits = is_boolean;
			if (fits)
				put_number(output, number, type == JSON_TOKEN_TRUE);
			break;
		case OTLP_STRING:
		case OTLP_BYTES:
		case OTLP_ID:
			fits = type == JSON_TOKEN_STRING &&
				   put_string_value(output, field, number, token);
			break;
		default:
			fits =
				!is_boolean && put_numeric_value(output, field, number, token);
			break;
	}
	return fits ? NULL : expected_value(field, true);
}

const char *
expected_value(const OtlpFieldInfo *field, bool element)
{
	static const char *const words[] = {
		[OTLP_STRING] = "a string",
		[OTLP_BYTES] = "a base64 string",
		[OTLP_ID] = "a string of hexadecimal digits",
		[OTLP_BOOL] = "a boolean",
		[OTLP_INT64] = "an integer",
		[OTLP_DOUBLE] = "a number",
		[OTLP_UINT32] = "an unsigned 32-bit integer",
		[OTLP_FIXED32] = "an unsigned 32-bit integer",
		[OTLP_FIXED64] = "an unsigned 64-bit integer",
		[OTLP_KIND] = "a span kind",
		[OTLP_STATUS_CODE] = "a status code",
		[OTLP_SUBMESSAGE] = "an object",
	};

	if (field->repeated && !element)
		return "an array";
	return words[field->type];
}
