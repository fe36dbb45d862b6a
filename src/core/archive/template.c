/*
 * Templates of a block that is written: see template.h.
 *
 * Each span's service, operation, keys and constants are looked up by number,
 * and the record of these numbers is then looked up itself.  Spans of one place
 * in a program are alike, so most are only compared with the last that had the
 * same cheap fingerprint.
 */
#include "template.h"

#include "bytes.h"

/* What a row points to stays, so it is not copied. */
static uint32_t
add(Templates *templates, Numbering *numbering, Slice string)
{
	uint32_t number = dictionary_add(&numbering->strings, string);

	if (number == DICTIONARY_FULL)
		templates->status = CORE_NO_MEMORY;
	return number;
}

static uint32_t
add_copy(Templates *templates, Dictionary *strings, Slice string)
{
	uint32_t number = dictionary_add_copy(strings, string);

	if (number == DICTIONARY_FULL)
		templates->status = CORE_NO_MEMORY;
	return number;
}

static bool
reserve_scratch(Templates *templates, size_t count)
{
	if (count > templates->scratch_room)
	{
		templates->scratch_room = (uint32_t) count * 2;
		templates->scratch = templates->host->allocate(
			templates->host, templates->scratch_room * sizeof(uint32_t));
	}
	if (templates->scratch == NULL)
		templates->status = CORE_NO_MEMORY;
	return templates->status == CORE_OK;
}

static Slice
numbers_slice(const uint32_t *numbers, size_t count)
{
	return (Slice){(const char *) numbers,
				   (uint32_t) (count * sizeof(uint32_t))};
}

/*
 * Keys
 */

static uint8_t
item_form(const ArchiveItem *item)
{
	return (uint8_t) (item->type | item->is_reserved << 3 |
					  item_is_constant(item) << 4);
}

static bool
same_key(const ArchiveItem *a, const ArchiveItem *b)
{
	return item_form(a) == item_form(b) && slice_equal(a->key, b->key);
}

/* Adds the end of a string, where strings differ most, to a fingerprint. */
static uint64_t
add_to_fingerprint(uint64_t hash, Slice string, uint8_t form)
{
	uint32_t length = string.length < 8 ? string.length : 8;
	uint64_t word = 0;

	if (length > 0)
		memcpy(&word, string.data + string.length - length, length);
	word ^= (uint64_t) form << 56 ^ (uint64_t) string.length << 48;
	hash = (hash ^ word) * UINT64_C(0x9fb21c651e98df25);
	return hash ^ hash >> 31;
}

static uint64_t
fingerprint(const ArchiveRow *row)
{
	uint64_t hash = row->item_count;

	for (uint32_t i = 0; i < row->item_count; i++)
		hash = add_to_fingerprint(
			hash, row->items[i].key, item_form(&row->items[i]));
	return hash;
}

static uint64_t
fingerprint_names(const ArchiveRow *row, uint64_t hash)
{
	hash = add_to_fingerprint(hash, row->service_name, template_form(row));
	return add_to_fingerprint(hash, row->operation, 0);
}

static bool
same_keys(const ArchiveRow *a, const ArchiveRow *b)
{
	if (a->item_count != b->item_count)
		return false;
	for (uint32_t i = 0; i < a->item_count; i++)
	{
		if (!same_key(&a->items[i], &b->items[i]))
			return false;
	}
	return true;
}

static uint32_t
add_key(Templates *templates, Bytes *scratch, const ArchiveItem *item)
{
	scratch->used = 0;
	bytes_put_byte(scratch, item_form(item));
	bytes_put(scratch, item->key.data, item->key.length);
	if (scratch->status != CORE_OK)
	{
		templates->status = scratch->status;
		return DICTIONARY_FULL;
	}
	return add_copy(templates, &templates->keys.strings, bytes_slice(scratch));
}

/* Marks a key as seen in this keyset; false if it was before. */
static bool
mark_key(Templates *templates, uint32_t key, uint32_t mark)
{
	if (key >= templates->seen_room)
	{
		uint32_t room = key * 2 + 64;
		uint32_t *larger =
			templates->host->allocate(templates->host, room * sizeof(uint32_t));

		if (larger == NULL)
		{
			templates->status = CORE_NO_MEMORY;
			return true;
		}
		memset(larger, 0, room * sizeof(uint32_t));
		if (templates->seen_room > 0)
			memcpy(larger,
				   templates->seen,
				   templates->seen_room * sizeof(uint32_t));
		templates->seen = larger;
		templates->seen_room = room;
	}
	if (templates->seen[key] == mark)
		return false;
	templates->seen[key] = mark;
	return true;
}

static uint32_t
add_keyset(Templates *templates, const ArchiveRow *row, uint32_t mark)
{
	Bytes scratch = {.host = templates->host};

	if (!reserve_scratch(templates, (size_t) row->item_count + 1))
		return DICTIONARY_FULL;
	for (uint32_t i = 0; i < row->item_count; i++)
	{
		uint32_t key = add_key(templates, &scratch, &row->items[i]);

		if (templates->status != CORE_OK)
			return DICTIONARY_FULL;
		if (!mark_key(templates, key, mark))
		{
			templates->status = CORE_MALFORMED;
			return DICTIONARY_FULL;
		}
		templates->scratch[i] = key;
	}
	return add_copy(templates,
					&templates->keysets.strings,
					numbers_slice(templates->scratch, row->item_count));
}

static uint32_t
find_keyset(Templates *templates, const ArchiveRow *row, uint64_t fingerprint,
			uint32_t mark)
{
	CachedRow *cached = &templates->keyset_cache[fingerprint % TEMPLATE_CACHE];

	if (cached->row == NULL || !same_keys(cached->row, row))
		*cached = (CachedRow){row, add_keyset(templates, row, mark)};
	return cached->number;
}

/*
 * Records
 */

static uint32_t
add_constant(Templates *templates, const ArchiveItem *item)
{
	char integer[8];

	if (!type_is_integer(item->type))
		return add(templates, &templates->constants, item->text);
	store_u64((uint8_t *) integer, zigzag(item->integer));
	return add_copy(
		templates, &templates->constants.strings, (Slice){integer, 8});
}

static uint32_t
add_record(Templates *templates, const ArchiveRow *row, uint64_t fingerprint,
		   uint32_t mark)
{
	uint32_t keyset = find_keyset(templates, row, fingerprint, mark);
	uint32_t count = RECORD_CONSTANTS;
	uint32_t *record;

	if (templates->status != CORE_OK ||
		!reserve_scratch(templates,
						 (size_t) row->item_count + RECORD_CONSTANTS))
		return DICTIONARY_FULL;
	record = templates->scratch;
	record[RECORD_SERVICE] =
		add(templates, &templates->names, row->service_name);
	record[RECORD_OPERATION] =
		add(templates, &templates->names, row->operation);
	record[RECORD_FORM] = template_form(row);
	record[RECORD_KEYSET] = keyset;
	for (uint32_t i = 0; i < row->item_count; i++)
	{
		if (item_is_constant(&row->items[i]))
			record[count++] = add_constant(templates, &row->items[i]);
	}
	if (templates->status != CORE_OK)
		return DICTIONARY_FULL;
	return add_copy(
		templates, &templates->records, numbers_slice(record, count));
}

static bool
same_constants(const ArchiveRow *a, const ArchiveRow *b)
{
	for (uint32_t i = 0; i < a->item_count; i++)
	{
		const ArchiveItem *x = &a->items[i];
		const ArchiveItem *y = &b->items[i];

		if (item_is_constant(x) &&
			(type_is_integer(x->type) ? x->integer != y->integer
									  : !slice_equal(x->text, y->text)))
			return false;
	}
	return true;
}

static bool
same_record(const ArchiveRow *a, const ArchiveRow *b)
{
	return template_form(a) == template_form(b) &&
		   slice_equal(a->service_name, b->service_name) &&
		   slice_equal(a->operation, b->operation) && same_keys(a, b) &&
		   same_constants(a, b);
}

static uint32_t
find_record(Templates *templates, const ArchiveRow *row, uint32_t mark)
{
	uint64_t keys = fingerprint(row);
	uint64_t all = fingerprint_names(row, keys);
	CachedRow *cached = &templates->record_cache[all % TEMPLATE_CACHE];

	if (cached->row == NULL || !same_record(cached->row, row))
		*cached = (CachedRow){row, add_record(templates, row, keys, mark)};
	return cached->number;
}

static const uint32_t *
record_at(const Templates *templates, uint32_t record)
{
	return (const uint32_t *) (const void *) templates->records.strings[record]
		.data;
}

static int
compare_records(const Templates *templates, uint32_t a, uint32_t b)
{
	const Slice *names = templates->names.strings.strings;
	const uint32_t *x = record_at(templates, a);
	const uint32_t *y = record_at(templates, b);
	int order =
		x[RECORD_SERVICE] == y[RECORD_SERVICE]
			? 0
			: slice_compare(names[x[RECORD_SERVICE]], names[y[RECORD_SERVICE]]);

	if (order == 0 && x[RECORD_OPERATION] != y[RECORD_OPERATION])
		order = slice_compare(names[x[RECORD_OPERATION]],
							  names[y[RECORD_OPERATION]]);
	if (order == 0)
		order = (x[RECORD_KEYSET] > y[RECORD_KEYSET]) -
				(x[RECORD_KEYSET] < y[RECORD_KEYSET]);
	if (order == 0)
		order = (x[RECORD_FORM] > y[RECORD_FORM]) -
				(x[RECORD_FORM] < y[RECORD_FORM]);
	return order != 0 ? order : (a > b) - (a < b);
}

/* Merges the sorted [left, middle) and [middle, right) of `from` into `to`. */
static void
merge(const Templates *templates, const uint32_t *from, uint32_t *to,
	  size_t left, size_t middle, size_t right)
{
	size_t a = left;
	size_t b = middle;

	for (size_t i = left; i < right; i++)
	{
		if (b == right ||
			(a < middle && compare_records(templates, from[a], from[b]) < 0))
			to[i] = from[a++];
		else
			to[i] = from[b++];
	}
}

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool
sort_records(Templates *templates)
{
	size_t count = templates->count;
	Host *host = templates->host;
	uint32_t *from = host->allocate(host, (count + 1) * sizeof(uint32_t));
	uint32_t *to = host->allocate(host, (count + 1) * sizeof(uint32_t));

	if (from == NULL || to == NULL)
		return false;
	for (uint32_t i = 0; i < count; i++)
		from[i] = i;
	for (size_t width = 1; width < count; width *= 2)
	{
		uint32_t *swapped = from;

		for (size_t left = 0; left < count; left += 2 * width)
		{
			host_poll(host, left);
			merge(templates,
				  from,
				  to,
				  left,
				  smaller(left + width, count),
				  smaller(left + 2 * width, count));
		}
		from = to;
		to = swapped;
	}
	templates->order = from;
	return true;
}

/*
 * Numbers as they are written
 */

static bool
start_numbering(Host *host, Numbering *numbering)
{
	size_t size = (numbering->strings.count + 1) * sizeof(uint32_t);

	numbering->written = host->allocate(host, size);
	numbering->order = host->allocate(host, size);
	if (numbering->written == NULL || numbering->order == NULL)
		return false;
	memset(numbering->written, 0xff, size);
	return true;
}

static bool
number_now(Numbering *numbering, uint32_t item)
{
	if (numbering->written[item] != DICTIONARY_FULL)
		return false;
	numbering->order[numbering->count] = item;
	numbering->written[item] = numbering->count++;
	return true;
}

static void
number_record(Templates *templates, uint32_t record)
{
	const uint32_t *numbers = record_at(templates, record);
	size_t count = templates->records.strings[record].length / sizeof(uint32_t);
	uint32_t key_count;
	const uint32_t *keys =
		template_keyset(templates, numbers[RECORD_KEYSET], &key_count);

	number_now(&templates->names, numbers[RECORD_SERVICE]);
	number_now(&templates->names, numbers[RECORD_OPERATION]);
	if (number_now(&templates->keysets, numbers[RECORD_KEYSET]))
	{
		for (uint32_t i = 0; i < key_count; i++)
			number_now(&templates->keys, keys[i]);
	}
	for (size_t i = RECORD_CONSTANTS; i < count; i++)
		number_now(&templates->constants, numbers[i]);
}

static bool
number_all(Templates *templates)
{
	Host *host = templates->host;

	if (!sort_records(templates) || !start_numbering(host, &templates->names) ||
		!start_numbering(host, &templates->keys) ||
		!start_numbering(host, &templates->keysets) ||
		!start_numbering(host, &templates->constants))
		return false;
	for (uint32_t i = 0; i < templates->count; i++)
		number_record(templates, templates->order[i]);
	return true;
}

/* of_span holds records; makes them templates. */
static bool
number_spans(Templates *templates, uint32_t count)
{
	Host *host = templates->host;
	uint32_t *ranks = host->allocate(
		host, ((size_t) templates->count + 1) * sizeof(uint32_t));

	if (ranks == NULL)
		return false;
	for (uint32_t i = 0; i < templates->count; i++)
		ranks[templates->order[i]] = i;
	for (uint32_t i = 0; i < count; i++)
		templates->of_span[i] = ranks[templates->of_span[i]];
	return true;
}

static bool
init(Templates *templates, Host *host, uint32_t count)
{
	*templates = (Templates){.host = host};
	dictionary_init(&templates->names.strings, host, UINT32_MAX);
	dictionary_init(&templates->keys.strings, host, UINT32_MAX);
	dictionary_init(&templates->keysets.strings, host, UINT32_MAX);
	dictionary_init(&templates->constants.strings, host, UINT32_MAX);
	dictionary_init(&templates->records, host, UINT32_MAX);
	templates->of_span =
		host->allocate(host, ((size_t) count + 1) * sizeof(uint32_t));
	templates->keyset_cache =
		host->allocate(host, 2 * TEMPLATE_CACHE * sizeof(CachedRow));
	if (templates->of_span == NULL || templates->keyset_cache == NULL)
		return false;
	templates->record_cache = templates->keyset_cache + TEMPLATE_CACHE;
	memset(templates->keyset_cache, 0, 2 * TEMPLATE_CACHE * sizeof(CachedRow));
	return true;
}

CoreStatus
templates_find(Templates *templates, Host *host, const ArchiveRow **rows,
			   uint32_t count)
{
	if (!init(templates, host, count))
		return CORE_NO_MEMORY;
	for (uint32_t i = 0; i < count; i++)
	{
		host_poll(host, i);
		templates->of_span[i] = find_record(templates, rows[i], i + 1);
		templates->items += rows[i]->item_count;
		if (templates->status != CORE_OK)
			return templates->status;
	}
	templates->count = templates->records.count;
	if (!number_all(templates) || !number_spans(templates, count))
		return CORE_NO_MEMORY;
	return CORE_OK;
}

const uint32_t *
template_record(const Templates *templates, uint32_t number)
{
	return record_at(templates, templates->order[number]);
}

const uint32_t *
template_keyset(const Templates *templates, uint32_t keyset, uint32_t *count)
{
	Slice numbers = templates->keysets.strings.strings[keyset];

	*count = numbers.length / (uint32_t) sizeof(uint32_t);
	return (const uint32_t *) (const void *) numbers.data;
}
