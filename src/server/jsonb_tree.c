/*
 * JsonbValue trees: see jsonb_tree.h.
 */
#include "postgres.h"

#include "server/jsonb_tree.h"
#include "server/text_encoding.h"

#include "core/wire/encoding.h"

#include "common/shortest_dec.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

/* up to here moving pairs about is cheaper than qsort's calls */
#define INSERTION_SORT_MAX 32

/* digits of 1.7e308, a sign, a point, one more digit and a NUL */
#define PLAIN_DOUBLE_SIZE 320

void
start_object(JsonbValue *object, uint32 room)
{
	object->type = jbvObject;
	object->val.object.nPairs = 0;
	object->val.object.pairs = palloc((Size) room * sizeof(JsonbPair));
}

void
start_small_object(JsonbValue *object, JsonbPair *room)
{
	object->type = jbvObject;
	object->val.object.nPairs = 0;
	object->val.object.pairs = room;
}

void
keep_object(JsonbValue *object)
{
	Size size = object->val.object.nPairs * sizeof(JsonbPair);

	object->val.object.pairs =
		memcpy(palloc(size), object->val.object.pairs, size);
}

JsonbValue *
add_slot(JsonbValue *object, JsonbValue key)
{
	uint32 order = object->val.object.nPairs++;
	JsonbPair *pair = &object->val.object.pairs[order];

	pair->key = key;
	pair->order = order;
	return &pair->value;
}

JsonbValue *
add_named(JsonbValue *object, const char *key)
{
	JsonbValue name;

	set_literal(&name, key);
	return add_slot(object, name);
}

static inline int
compare_keys(const JsonbValue *a, const JsonbValue *b)
{
	if (a->val.string.len != b->val.string.len)
		return a->val.string.len - b->val.string.len;
	return memcmp(a->val.string.val, b->val.string.val, a->val.string.len);
}

static int
compare_pairs(const void *a, const void *b)
{
	const JsonbPair *x = a;
	const JsonbPair *y = b;
	int order = compare_keys(&x->key, &y->key);

	return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

static void
insertion_sort(JsonbPair *pairs, int count)
{
	for (int i = 1; i < count; i++)
	{
		int place = i;
		JsonbPair pair;

		while (place > 0 &&
			   compare_keys(&pairs[place - 1].key, &pairs[i].key) > 0)
			place--;
		if (place == i)
			continue;
		pair = pairs[i];
		memmove(
			&pairs[place + 1], &pairs[place], (i - place) * sizeof(JsonbPair));
		pairs[place] = pair;
	}
}

void
sort_members(JsonbValue *object)
{
	JsonbPair *pairs = object->val.object.pairs;
	int count = object->val.object.nPairs;
	int kept = 0;

	if (count <= INSERTION_SORT_MAX)
		insertion_sort(pairs, count);
	else
		qsort(pairs, count, sizeof(JsonbPair), compare_pairs);
	for (int i = 0; i < count; i++)
	{
		if (i + 1 < count &&
			compare_keys(&pairs[i].key, &pairs[i + 1].key) == 0)
			continue;
		if (kept != i)
			pairs[kept] = pairs[i];
		kept++;
	}
	object->val.object.nPairs = kept;
}

JsonbValue *
insert_named(JsonbValue *object, const char *key)
{
	int place = object->val.object.nPairs;
	JsonbPair *pairs = object->val.object.pairs;
	JsonbValue name;

	set_literal(&name, key);
	while (place > 0 && compare_keys(&pairs[place - 1].key, &name) > 0)
		place--;
	memmove(&pairs[place + 1],
			&pairs[place],
			(object->val.object.nPairs - place) * sizeof(JsonbPair));
	pairs[place].key = name;
	object->val.object.nPairs++;
	return &pairs[place].value;
}

void
start_array(JsonbValue *array, uint32 room)
{
	array->type = jbvArray;
	array->val.array.nElems = 0;
	array->val.array.rawScalar = false;
	array->val.array.elems = palloc((Size) room * sizeof(JsonbValue));
}

JsonbValue *
add_element(JsonbValue *array)
{
	return &array->val.array.elems[array->val.array.nElems++];
}

static void
set_string(JsonbValue *value, const char *string, size_t length)
{
	value->type = jbvString;
	value->val.string.val = unconstify(char *, string);
	value->val.string.len = length;
}

void
set_text(JsonbValue *value, Slice string)
{
	Slice text = text_from_utf8(string);

	set_string(value, text.data, text.length);
}

void
set_literal(JsonbValue *value, const char *string)
{
	set_string(value, string, strlen(string));
}

void
set_hex(JsonbValue *value, Slice bytes)
{
	char *digits = palloc(2 * (Size) bytes.length);

	bytes_to_hex(bytes.data, bytes.length, digits);
	set_string(value, digits, 2 * (Size) bytes.length);
}

void
set_base64(JsonbValue *value, Slice bytes)
{
	Size size = BASE64_SIZE((Size) bytes.length);
	char *digits = palloc(size);

	bytes_to_base64(bytes.data, bytes.length, digits);
	set_string(value, digits, size);
}

void
set_bool(JsonbValue *value, bool boolean)
{
	value->type = jbvBool;
	value->val.boolean = boolean;
}

static void
set_numeric(JsonbValue *value, Numeric number)
{
	value->type = jbvNumeric;
	value->val.numeric = number;
}

void
set_integer(JsonbValue *value, int64 number)
{
	set_numeric(value, int64_to_numeric(number));
}

/* m * 10^zeros with its digits written out, and ".0" behind them. */
static Numeric
numeric_from_digits(int64 m, int zeros)
{
	char digits[PLAIN_DOUBLE_SIZE];
	int length = snprintf(digits, sizeof(digits), INT64_FORMAT, m);

	memset(digits + length, '0', zeros);
	strcpy(digits + length + zeros, ".0");
	return DatumGetNumeric(DirectFunctionCall3(numeric_in,
											   CStringGetDatum(digits),
											   ObjectIdGetDatum(InvalidOid),
											   Int32GetDatum(-1)));
}

/*
 * The shortest decimal digits that tell the number from all others, taken
 * apart into m * 10^-scale; a text never comes into it unless m is too large.
 */
void
set_double(JsonbValue *value, double number)
{
	char digits[DOUBLE_SHORTEST_DECIMAL_LEN];
	const char *at = digits;
	bool behind_point = false;
	int64 m = 0;
	int scale = 0;

	double_to_shortest_decimal_buf(number, digits);
	for (; *at != '\0' && *at != 'e'; at++)
	{
		if (*at == '.')
			behind_point = true;
		else if (*at != '-')
		{
			m = m * 10 + (*at - '0');
			scale += behind_point;
		}
	}
	if (*at == 'e')
		scale -= atoi(at + 1);
	if (digits[0] == '-')
		m = -m;
	if (scale > 0)
		set_numeric(value, int64_div_fast_to_numeric(m, scale));
	else if (scale == 0 && m > -PG_INT64_MAX / 10 && m < PG_INT64_MAX / 10)
		set_numeric(value, int64_div_fast_to_numeric(m * 10, 1));
	else
		set_numeric(value, numeric_from_digits(m, -scale));
}
