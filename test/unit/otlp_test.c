/*
 * Decoding OTLP: src/core/wire/otlp.c.  The captures of test/data/otlp are what a
 * real SDK sent, with what it said that it sent in manifest.tsv.
 */
#include "otlp_totals.h"
#include "unit.h"
#include "wire.h"

#define DATA "../data/otlp/"

#define TRACE_ID "0123456789abcdef"
#define SPAN_ID "12345678"

static UnitHost host;

static CoreStatus
validate(Slice request, size_t *position)
{
	const char *fault;

	return otlp_validate(&host.host, request, position, &fault);
}

static bool
is_valid(Slice request)
{
	size_t position;

	return validate(request, &position) == CORE_OK;
}

#define IS(slice, literal) slice_equal(slice, SLICE_LITERAL(literal))

/* A request with one resource, one scope and this span; frees the span. */
static Wire
request_of_span(Wire *span)
{
	Wire scope = {0};
	Wire resource = {0};
	Wire request = {0};

	wire_message(&scope, 2, span);
	wire_message(&resource, 2, &scope);
	wire_message(&request, 1, &resource);
	return request;
}

/* key = string, as a KeyValue in field `number`. */
static void
put_attribute(Wire *to, uint32_t number, const char *key, const char *string)
{
	Wire value = {0};
	Wire attribute = {0};

	wire_string(&value, 1, string);
	wire_string(&attribute, 1, key);
	wire_message(&attribute, 2, &value);
	wire_message(to, number, &attribute);
}

/* The attributes as "a=1 b=2 ", for strings alone. */
static const char *
describe(OtlpItems items)
{
	static char text[1024];
	OtlpAttribute attribute;
	Slice item;

	text[0] = '\0';
	while (otlp_next(&items, &item))
	{
		otlp_read_attribute(item, &attribute);
		snprintf(text + strlen(text),
				 sizeof(text) - strlen(text),
				 "%.*s=%.*s ",
				 (int) attribute.key.length,
				 attribute.key.data,
				 (int) attribute.value.bytes.length,
				 attribute.value.bytes.data);
	}
	return text;
}

/*
 * Captures
 */

typedef struct ManifestRow
{
	char file[64];
	char encoding[16];
	long spans;
	long events;
	long links;
} ManifestRow;

static void
check_capture(const ManifestRow *row)
{
	char path[256];
	size_t length;
	char *data;
	/* the gRPC prefix: a flag and four bytes of length */
	size_t skip = strncmp(row->file, "grpc/", 5) == 0 ? 5 : 0;
	OtlpTotals totals;
	Slice request;

	snprintf(path, sizeof(path), DATA "%s", row->file);
	data = unit_read_file(path, &length);
	if (!CHECK(data != NULL && length > skip, "%s can be read", path))
		return;
	request = (Slice){data + skip, (uint32_t) (length - skip)};
	totals = otlp_totals(request);
	CHECK(is_valid(request) && totals.spans == row->spans &&
			  totals.events == row->events && totals.links == row->links &&
			  totals.faulty_spans == 0 && totals.too_deep == 0,
		  "%s: %ld spans, %ld events, %ld links",
		  row->file,
		  totals.spans,
		  totals.events,
		  totals.links);
	free(data);
}

static void
test_captures(void)
{
	size_t length;
	char *manifest = unit_read_file(DATA "manifest.tsv", &length);
	int checked = 0;

	if (!CHECK(manifest != NULL, "the manifest can be read"))
		return;
	for (char *line = strtok(manifest, "\n"); line != NULL;
		 line = strtok(NULL, "\n"))
	{
		ManifestRow row;

		if (sscanf(line,
				   "%63s %*s %*s %15s %*s %*s %ld %*s %ld %ld",
				   row.file,
				   row.encoding,
				   &row.spans,
				   &row.events,
				   &row.links) != 5 ||
			strncmp(row.file, "json/", 5) == 0 ||
			strcmp(row.encoding, "gzip") == 0)
			continue;
		check_capture(&row);
		checked++;
	}
	CHECK(checked > 40, "%d captures", checked);
	free(manifest);
}

/* Every beginning of a real request is either malformed at a place within it
 * or, cut between two of its fields, a request. */
static void
test_truncation(void)
{
	size_t length;
	char *data = unit_read_file(DATA "proto/040.bin", &length);
	long valid = 0;
	bool holds = data != NULL;

	for (size_t cut = 0; holds && cut < length; cut++)
	{
		char *exact = malloc(cut);
		Slice request = {exact, (uint32_t) cut};
		size_t position = 0;

		memcpy(exact, data, cut);
		if (validate(request, &position) == CORE_OK)
			valid++;
		else
			holds = position <= cut;
		(void) otlp_totals(request);
		free(exact);
	}
	CHECK(holds && valid == 1,
		  "a capture cut off at each of its %zu bytes is "
		  "malformed, but for the empty one",
		  length);
	free(data);
}

/* Nothing that is said here is remembered: it is for the sanitizers. */
static void
test_damage(void)
{
	size_t length;
	char *data = unit_read_file(DATA "proto/040.bin", &length);
	long malformed = 0;
	bool holds = data != NULL;

	for (size_t place = 0; holds && place < length; place++)
	{
		static const char damage[] = "\x00\x01\x7f\x80\xff";

		for (size_t i = 0; i < sizeof(damage) - 1; i++)
		{
			char before = data[place];
			Slice request = {data, (uint32_t) length};
			size_t position = 0;

			data[place] = damage[i];
			malformed += validate(request, &position) != CORE_OK;
			holds = holds && position <= length;
			(void) otlp_totals(request);
			data[place] = before;
		}
	}
	CHECK(holds && malformed > 1000,
		  "a capture damaged at each byte is read "
		  "without harm");
	free(data);
}

/*
 * Fields
 */

static Wire
full_span(void)
{
	Wire span = {0};
	Wire status = {0};
	Wire event = {0};
	Wire link = {0};

	wire_bytes(&span, 1, TRACE_ID, 16);
	wire_bytes(&span, 2, SPAN_ID, 8);
	wire_string(&span, 3, "a=b");
	wire_bytes(&span, 4, "parent-1", 8);
	wire_string(&span, 5, "name");
	wire_number(&span, 6, 3);
	wire_fixed64(&span, 7, UINT64_C(1795371412912000001));
	wire_fixed64(&span, 8, UINT64_MAX);
	put_attribute(&span, 9, "k", "v");
	wire_number(&span, 10, 4294967295);
	wire_fixed64(&event, 1, 77);
	wire_string(&event, 2, "happened");
	put_attribute(&event, 3, "e", "w");
	wire_number(&event, 4, 5);
	wire_message(&span, 11, &event);
	wire_number(&span, 12, 12);
	wire_bytes(&link, 1, "fedcba9876543210", 16);
	wire_bytes(&link, 2, "87654321", 8);
	wire_string(&link, 3, "c=d");
	put_attribute(&link, 4, "l", "x");
	wire_number(&link, 5, 6);
	wire_fixed32(&link, 6, 0x301);
	wire_message(&span, 13, &link);
	wire_number(&span, 14, 14);
	wire_string(&status, 2, "went wrong");
	wire_number(&status, 3, 2);
	wire_message(&span, 15, &status);
	wire_fixed32(&span, 16, 0x101);
	return span;
}

static void
test_event_and_link(const OtlpSpan *span)
{
	OtlpItems events = span->events;
	OtlpItems links = span->links;
	OtlpEvent event;
	OtlpLink link;
	Slice item = {"", 0};

	CHECK(events.count == 1 && otlp_next(&events, &item), "one event");
	otlp_read_event(item, &event);
	CHECK(event.time == 77 && IS(event.name, "happened") &&
			  event.dropped_attributes_count == 5 &&
			  strcmp(describe(event.attributes), "e=w ") == 0,
		  "every field of an event");
	CHECK(!otlp_next(&events, &item), "no other event");
	CHECK(links.count == 1 && otlp_next(&links, &item), "one link");
	otlp_read_link(item, &link);
	CHECK(IS(link.trace_id, "fedcba9876543210") &&
			  IS(link.span_id, "87654321") && IS(link.trace_state, "c=d") &&
			  link.dropped_attributes_count == 6 && link.flags == 0x301 &&
			  strcmp(describe(link.attributes), "l=x ") == 0,
		  "every field of a link");
}

static void
test_every_field(void)
{
	Wire wire = full_span();
	OtlpSpan span;

	otlp_read_span(wire_slice(&wire), &span);
	CHECK(IS(span.trace_id, TRACE_ID) && IS(span.span_id, SPAN_ID) &&
			  IS(span.parent_span_id, "parent-1") &&
			  IS(span.trace_state, "a=b") && IS(span.name, "name"),
		  "ids and strings of a span");
	CHECK(span.kind == 3 && span.flags == 0x101 &&
			  span.start_time == UINT64_C(1795371412912000001) &&
			  span.end_time == UINT64_MAX,
		  "kind, flags and times of a span");
	CHECK(span.dropped_attributes_count == UINT32_MAX &&
			  span.dropped_events_count == 12 && span.dropped_links_count == 14,
		  "dropped counts of a span");
	CHECK(span.status_code == 2 && IS(span.status_message, "went wrong"),
		  "status of a span");
	CHECK(span.attributes.count == 1 &&
			  strcmp(describe(span.attributes), "k=v ") == 0,
		  "attributes of a span");
	CHECK(otlp_span_fault(&span) == NULL && span.size == wire.length,
		  "a span without fault");
	test_event_and_link(&span);
	wire_free(&wire);

	otlp_read_span((Slice){"", 0}, &span);
	CHECK(span.start_time == 0 && span.kind == 0 && span.name.length == 0 &&
			  span.attributes.count == 0 && span.events.count == 0 &&
			  span.links.count == 0 && span.status_code == 0 &&
			  span.rejection.data == NULL,
		  "an empty span has the defaults");
}

static void
test_resource_and_scope(void)
{
	Wire resource_spans = {0};
	Wire resource = {0};
	Wire ref = {0};
	Wire scope_spans = {0};
	Wire scope = {0};
	OtlpResourceSpans resource_read;
	OtlpScopeSpans scope_read;
	OtlpEntityRef ref_read;
	Slice item;

	wire_string(&ref, 1, "url");
	wire_string(&ref, 2, "service");
	wire_string(&ref, 3, "id one");
	wire_string(&ref, 3, "id two");
	wire_string(&ref, 4, "described");
	put_attribute(&resource, 1, "a", "1");
	wire_number(&resource, 2, 3);
	wire_message(&resource, 3, &ref);
	wire_string(&scope, 1, "scope");
	wire_string(&scope, 2, "1.0");
	put_attribute(&scope, 3, "s", "2");
	wire_number(&scope, 4, 4);
	wire_message(&scope_spans, 1, &scope);
	wire_string(&scope_spans, 3, "scope url");
	wire_message(&resource_spans, 1, &resource);
	wire_message(&resource_spans, 2, &scope_spans);
	wire_string(&resource_spans, 3, "resource url");

	otlp_read_resource_spans(wire_slice(&resource_spans), &resource_read);
	CHECK(strcmp(describe(resource_read.attributes), "a=1 ") == 0 &&
			  resource_read.dropped_attributes_count == 3 &&
			  IS(resource_read.schema_url, "resource url") &&
			  resource_read.resource.data != NULL &&
			  otlp_count(resource_read.scope_spans) == 1,
		  "every field of a resource");
	CHECK(otlp_next(&resource_read.entity_refs, &item), "an entity");
	otlp_read_entity_ref(item, &ref_read);
	CHECK(IS(ref_read.schema_url, "url") && IS(ref_read.type, "service") &&
			  otlp_count(ref_read.id_keys) == 2 &&
			  otlp_count(ref_read.description_keys) == 1,
		  "every field of an entity");
	(void) otlp_next(&resource_read.scope_spans, &item);
	otlp_read_scope_spans(item, &scope_read);
	CHECK(IS(scope_read.name, "scope") && IS(scope_read.version, "1.0") &&
			  strcmp(describe(scope_read.attributes), "s=2 ") == 0 &&
			  scope_read.dropped_attributes_count == 4 &&
			  IS(scope_read.schema_url, "scope url"),
		  "every field of a scope");
	wire_free(&resource_spans);
}

/*
 * The rules of protobuf
 */

static void
test_last_scalar_wins(void)
{
	Wire wire = full_span();
	OtlpSpan span;

	wire_string(&wire, 5, "renamed");
	wire_number(&wire, 6, 1);
	wire_fixed64(&wire, 7, 5);
	wire_fixed32(&wire, 16, 2);
	otlp_read_span(wire_slice(&wire), &span);
	CHECK(IS(span.name, "renamed") && span.kind == 1 && span.start_time == 5 &&
			  span.flags == 2,
		  "of several scalars the last one counts");
	wire_string(&wire, 5, "");
	otlp_read_span(wire_slice(&wire), &span);
	CHECK(span.name.length == 0, "even if it is empty");
	wire_free(&wire);
}

static void
test_unknown_fields(void)
{
	Wire wire = full_span();
	OtlpSpan span;

	wire_string(&wire, 100, "from the future");
	wire_number(&wire, 17, 1);
	wire_fixed64(&wire, 18, 1);
	/* known numbers, in wire types that are not theirs */
	wire_number(&wire, 1, 1);
	wire_string(&wire, 6, "kind");
	wire_number(&wire, 7, 1);
	wire_fixed64(&wire, 9, 1);
	wire_number(&wire, 11, 1);
	otlp_read_span(wire_slice(&wire), &span);
	CHECK(IS(span.trace_id, TRACE_ID) && span.kind == 3 &&
			  span.start_time == UINT64_C(1795371412912000001) &&
			  span.attributes.count == 1 && span.events.count == 1,
		  "unknown fields and known ones of another type are skipped");
	wire_free(&wire);
}

static void
test_order_of_fields(void)
{
	Wire wire = {0};
	OtlpSpan span;

	put_attribute(&wire, 9, "a", "1");
	wire_string(&wire, 5, "name");
	put_attribute(&wire, 9, "b", "2");
	wire_string(&wire, 11, "");
	put_attribute(&wire, 9, "c", "3");
	wire_bytes(&wire, 2, SPAN_ID, 8);
	wire_bytes(&wire, 1, TRACE_ID, 16);
	wire_string(&wire, 11, "");
	otlp_read_span(wire_slice(&wire), &span);
	CHECK(strcmp(describe(span.attributes), "a=1 b=2 c=3 ") == 0 &&
			  span.attributes.count == 3 && span.events.count == 2 &&
			  otlp_count(span.events) == 2 && IS(span.trace_id, TRACE_ID),
		  "repeated fields may lie among others");
	wire_free(&wire);
}

static void
test_merged_resource(void)
{
	Wire resource_spans = {0};
	Wire part = {0};
	Wire scope_spans = {0};
	OtlpResourceSpans resource;
	OtlpScopeSpans scope;
	Slice item;

	wire_string(&part, 1, "first name");
	wire_string(&part, 2, "1.0");
	put_attribute(&part, 3, "s", "1");
	wire_string(&scope_spans, 2, "");
	wire_message(&scope_spans, 1, &part);
	wire_string(&part, 1, "second name");
	put_attribute(&part, 3, "s", "2");
	wire_message(&scope_spans, 1, &part);

	wire_message(&resource_spans, 2, &scope_spans);
	put_attribute(&part, 1, "a", "1");
	wire_number(&part, 2, 1);
	wire_message(&resource_spans, 1, &part);
	put_attribute(&part, 1, "b", "2");
	put_attribute(&part, 1, "c", "3");
	wire_message(&resource_spans, 1, &part);

	otlp_read_resource_spans(wire_slice(&resource_spans), &resource);
	CHECK(strcmp(describe(resource.attributes), "a=1 b=2 c=3 ") == 0 &&
			  resource.dropped_attributes_count == 1,
		  "parts of a resource are merged, behind the spans too");
	CHECK(resource.resource.data == NULL, "and have no bytes of their own");
	(void) otlp_next(&resource.scope_spans, &item);
	otlp_read_scope_spans(item, &scope);
	CHECK(IS(scope.name, "second name") && IS(scope.version, "1.0") &&
			  strcmp(describe(scope.attributes), "s=1 s=2 ") == 0 &&
			  otlp_count(scope.spans) == 1,
		  "parts of a scope are merged");
	wire_free(&resource_spans);
}

static void
test_merged_status(void)
{
	Wire wire = {0};
	Wire status = {0};
	OtlpSpan span;

	wire_string(&status, 2, "message");
	wire_number(&status, 3, 1);
	wire_message(&wire, 15, &status);
	wire_number(&status, 3, 2);
	wire_message(&wire, 15, &status);
	otlp_read_span(wire_slice(&wire), &span);
	CHECK(span.status_code == 2 && IS(span.status_message, "message"),
		  "parts of a status are merged");
	wire_free(&wire);
}

/*
 * Values
 */

/* An ArrayValue of integers from `from` up to before `to`. */
static void
put_array(Wire *any_value, int from, int to)
{
	Wire array = {0};
	Wire element = {0};

	for (int i = from; i < to; i++)
	{
		wire_number(&element, 3, (uint64_t) i);
		wire_message(&array, 1, &element);
	}
	wire_message(any_value, 5, &array);
}

/* The elements of an array of integers, and what lies deeper, as text. */
static const char *
describe_value(const OtlpValue *value)
{
	static char text[1024];
	OtlpAttribute member;
	OtlpWalk walk;
	OtlpStep step;

	text[0] = '\0';
	otlp_walk_start(&walk, value);
	while ((step = otlp_walk_next(&walk, &member)) < OTLP_WALK_DONE)
	{
		size_t used = strlen(text);

		if (step == OTLP_WALK_SCALAR)
			snprintf(text + used,
					 sizeof(text) - used,
					 "%.*s%" PRId64 " ",
					 (int) member.key.length,
					 member.key.data == NULL ? "" : member.key.data,
					 member.value.integer);
		else
			strcat(text, step == OTLP_WALK_OPEN ? "( " : ") ");
	}
	return text;
}

static void
check_value(Wire *attribute, OtlpValueType type, const char *expected,
			const char *name)
{
	OtlpAttribute read;
	size_t position;
	Wire span = {0};
	Wire request;

	wire_bytes(&span, 9, attribute->data, attribute->length);
	request = request_of_span(&span);
	otlp_read_attribute(wire_slice(attribute), &read);
	CHECK(validate(wire_slice(&request), &position) == CORE_OK &&
			  read.value.type == type &&
			  (expected == NULL ||
			   strcmp(describe_value(&read.value), expected) == 0),
		  "%s",
		  name);
	wire_free(&request);
	wire_free(attribute);
}

static void
test_merged_values(void)
{
	Wire attribute = {0};
	Wire value = {0};

	put_array(&value, 1, 3);
	put_array(&value, 3, 5);
	wire_message(&attribute, 2, &value);
	check_value(&attribute,
				OTLP_VALUE_ARRAY,
				"1 2 3 4 ",
				"parts of an array are merged");

	put_array(&value, 1, 3);
	wire_message(&attribute, 2, &value);
	wire_string(&attribute, 1, "key");
	put_array(&value, 3, 4);
	wire_number(&value, 99, 1);
	put_array(&value, 4, 5);
	wire_message(&attribute, 2, &value);
	check_value(&attribute,
				OTLP_VALUE_ARRAY,
				"1 2 3 4 ",
				"parts of a value are merged, and of the array in them");

	put_array(&value, 1, 3);
	wire_string(&value, 1, "text");
	put_array(&value, 3, 5);
	wire_message(&attribute, 2, &value);
	check_value(&attribute,
				OTLP_VALUE_ARRAY,
				"3 4 ",
				"another member of the oneof ends a merge");

	put_array(&value, 1, 3);
	wire_message(&attribute, 2, &value);
	wire_number(&value, 3, 5);
	wire_message(&attribute, 2, &value);
	put_array(&value, 7, 8);
	wire_message(&attribute, 2, &value);
	check_value(&attribute,
				OTLP_VALUE_ARRAY,
				"7 ",
				"in another part of the value as well");

	put_array(&value, 1, 3);
	wire_number(&value, 2, 1);
	wire_message(&attribute, 2, &value);
	check_value(
		&attribute, OTLP_VALUE_BOOL, NULL, "of a oneof the last member counts");

	put_array(&value, 1, 3);
	wire_message(&attribute, 2, &value);
	wire_string(&attribute, 2, "");
	check_value(
		&attribute, OTLP_VALUE_ARRAY, "1 2 ", "an empty part changes nothing");
}

static void
test_scalar_values(void)
{
	Wire attribute = {0};
	Wire value = {0};
	OtlpAttribute read;

	wire_number(&value, 3, (uint64_t) INT64_MIN);
	wire_message(&attribute, 2, &value);
	otlp_read_attribute(wire_slice(&attribute), &read);
	CHECK(read.value.type == OTLP_VALUE_INT &&
			  read.value.integer == INT64_MIN && read.key.length == 0,
		  "the smallest integer, without a key");
	wire_free(&attribute);

	wire_fixed64(&value, 4, UINT64_C(0xc004000000000000));
	wire_message(&attribute, 2, &value);
	otlp_read_attribute(wire_slice(&attribute), &read);
	CHECK(read.value.type == OTLP_VALUE_DOUBLE && read.value.number == -2.5,
		  "a double");
	wire_free(&attribute);

	wire_bytes(&value, 7, "\0\xff", 2);
	wire_message(&attribute, 2, &value);
	otlp_read_attribute(wire_slice(&attribute), &read);
	CHECK(read.value.type == OTLP_VALUE_BYTES && read.value.bytes.length == 2,
		  "bytes");
	wire_free(&attribute);

	wire_string(&value, 8, "index into nothing");
	wire_message(&attribute, 2, &value);
	check_value(&attribute, OTLP_VALUE_EMPTY, NULL, "an unknown kind of value");
	wire_string(&attribute, 1, "key");
	check_value(&attribute, OTLP_VALUE_EMPTY, NULL, "no value");
	wire_string(&value, 1, "");
	wire_message(&attribute, 2, &value);
	check_value(
		&attribute, OTLP_VALUE_STRING, NULL, "an empty string is a value");
	wire_bytes(&value, 5, "", 0);
	wire_message(&attribute, 2, &value);
	check_value(&attribute, OTLP_VALUE_ARRAY, "", "an empty array");
}

static void
test_nested_values(void)
{
	Wire attribute = {0};
	Wire value = {0};
	Wire list = {0};
	Wire member = {0};
	Wire inner = {0};

	put_array(&inner, 1, 3);
	wire_string(&member, 1, "a");
	wire_message(&member, 2, &inner);
	wire_message(&list, 1, &member);
	wire_number(&inner, 3, 9);
	wire_string(&member, 1, "b");
	wire_message(&member, 2, &inner);
	wire_message(&list, 1, &member);
	wire_bytes(&inner, 6, "", 0);
	wire_message(&member, 2, &inner);
	wire_message(&list, 1, &member);
	wire_message(&value, 6, &list);
	wire_message(&attribute, 2, &value);
	check_value(&attribute,
				OTLP_VALUE_KVLIST,
				"( 1 2 ) b9 ( ) ",
				"a list with arrays and an empty list in it");
}

/* A KeyValue whose value is an array in an array, so many levels deep, with
 * an integer in the innermost. */
static Wire
nested_attribute(int depth)
{
	Wire attribute = {0};
	Wire value = {0};
	Wire array = {0};

	wire_number(&value, 3, 1);
	for (int i = 1; i < depth; i++)
	{
		wire_message(&array, 1, &value);
		wire_message(&value, 5, &array);
	}
	wire_message(&attribute, 2, &value);
	return attribute;
}

static long
too_deep(int depth, bool *valid)
{
	Wire attribute = nested_attribute(depth);
	Wire span = {0};
	Wire request;
	OtlpTotals totals;

	wire_message(&span, 9, &attribute);
	request = request_of_span(&span);
	*valid = is_valid(wire_slice(&request));
	totals = otlp_totals(wire_slice(&request));
	wire_free(&request);
	return totals.too_deep;
}

static void
test_depth(void)
{
	bool valid;

	CHECK(too_deep(OTLP_MAX_DEPTH, &valid) == 0 && valid,
		  "a value %d levels deep",
		  OTLP_MAX_DEPTH);
	CHECK(too_deep(OTLP_MAX_DEPTH + 1, &valid) == 1 && valid,
		  "one more is too deep, in a request that is well-formed");
	CHECK(too_deep(10000, &valid) == 1 && valid,
		  "ten thousand levels are just too deep");
}

/* At the greatest depth that is read, everything has been validated. */
static void
test_validation_reaches_all_depths(void)
{
	Wire value = {0};
	Wire list = {0};
	Wire member = {0};
	Wire span = {0};
	Wire event = {0};
	Wire request;

	wire_raw(&value, "\x1b", 1); /* a group */
	for (int i = 1; i < OTLP_MAX_DEPTH; i++)
	{
		wire_message(&member, 2, &value);
		wire_message(&list, 1, &member);
		wire_message(&value, 6, &list);
	}
	wire_message(&member, 2, &value);
	wire_message(&event, 3, &member);
	wire_message(&span, 11, &event);
	request = request_of_span(&span);
	CHECK(!is_valid(wire_slice(&request)),
		  "a fault in the deepest value that is read is found");
	wire_free(&request);
}

/*
 * Malformed requests
 */

static void
test_position(void)
{
	Wire span = {0};
	Wire request;
	size_t position = 0;
	const char *fault = NULL;

	wire_string(&span, 5, "name");
	wire_raw(&span, "\x4a\x05x", 3); /* an attribute of five bytes */
	request = request_of_span(&span);
	CHECK(otlp_validate(&host.host, wire_slice(&request), &position, &fault) ==
				  CORE_MALFORMED &&
			  position == request.length - 2,
		  "the position of a fault is that in the request");
	CHECK(fault != NULL &&
			  strcmp(fault, "length beyond the end of message") == 0,
		  "with its reason");
	wire_free(&request);
}

static void
check_fault_in(uint32_t number, const char *name)
{
	Wire span = full_span();
	Wire request;

	wire_string(&span, number, "\x00\x00");
	wire_key(&span, number, 2);
	wire_raw(&span, "\x02\x00\x00", 3);
	request = request_of_span(&span);
	CHECK(
		!is_valid(wire_slice(&request)), "field number 0 in %s is found", name);
	wire_free(&request);
}

static void
test_faults_everywhere(void)
{
	check_fault_in(9, "an attribute");
	check_fault_in(11, "an event");
	check_fault_in(13, "a link");
	check_fault_in(15, "a status");
	CHECK(is_valid((Slice){"", 0}), "an empty request is a request");
	CHECK(!is_valid(SLICE_LITERAL("\x0a\xff\xff\xff\xff\x0f")),
		  "4 GB announced");
	CHECK(!is_valid(SLICE_LITERAL("{\"resourceSpans\":[]}")),
		  "JSON is no protobuf");
}

/*
 * Spans that cannot be stored
 */

static void
check_span_fault(const char *trace_id, size_t trace_length, const char *span_id,
				 size_t span_length, size_t parent_length, const char *expected)
{
	Wire wire = {0};
	OtlpSpan span;
	const char *fault;

	wire_bytes(&wire, 1, trace_id, trace_length);
	wire_bytes(&wire, 2, span_id, span_length);
	wire_bytes(&wire, 4, "12345678901234567", parent_length);
	otlp_read_span(wire_slice(&wire), &span);
	fault = otlp_span_fault(&span);
	CHECK(expected == NULL ? fault == NULL
						   : fault != NULL && strcmp(fault, expected) == 0,
		  "%s",
		  expected == NULL ? "no fault" : expected);
	wire_free(&wire);
}

static void
test_span_faults(void)
{
	static const char zeros[16];

	check_span_fault(TRACE_ID, 16, SPAN_ID, 8, 0, NULL);
	check_span_fault(TRACE_ID, 16, SPAN_ID, 8, 8, NULL);
	check_span_fault("", 0, SPAN_ID, 8, 0, "trace id is missing");
	check_span_fault(
		TRACE_ID, 15, SPAN_ID, 8, 0, "trace id is not 16 bytes long");
	check_span_fault(
		TRACE_ID "x", 17, SPAN_ID, 8, 0, "trace id is not 16 bytes long");
	check_span_fault(zeros, 16, SPAN_ID, 8, 0, "trace id is all zeros");
	check_span_fault(TRACE_ID, 16, "", 0, 0, "span id is missing");
	check_span_fault(
		TRACE_ID, 16, SPAN_ID, 7, 0, "span id is not 8 bytes long");
	check_span_fault(
		TRACE_ID, 16, SPAN_ID "9", 9, 0, "span id is not 8 bytes long");
	check_span_fault(TRACE_ID, 16, zeros, 8, 0, "span id is all zeros");
	check_span_fault(
		TRACE_ID, 16, SPAN_ID, 8, 7, "parent span id is not 8 bytes long");
	check_span_fault(
		TRACE_ID, 16, SPAN_ID, 8, 17, "parent span id is not 8 bytes long");
	CHECK(!otlp_has_parent((Slice){NULL, 0}) &&
			  !otlp_has_parent((Slice){zeros, 8}) &&
			  otlp_has_parent(SLICE_LITERAL("\0\0\0\0\0\0\0\1")),
		  "a parent id of zeros is none");
}

static void
test_rejection(void)
{
	Wire wire = full_span();
	OtlpSpan span;

	wire_string(&wire, OTLP_REJECTION_FIELD, "because");
	otlp_read_span(wire_slice(&wire), &span);
	CHECK(IS(span.rejection, "because"), "what the transcoder found is read");
	wire_free(&wire);
}

/*
 * Hostile requests: reading them must take time in proportion to their size.
 */

static void
test_many_parts(void)
{
	enum
	{
		PARTS = 300000
	};
	Wire resource_spans = {0};
	Wire span = {0};
	Wire attribute = {0};
	Wire request = {0};
	OtlpTotals totals;

	for (int i = 0; i < PARTS; i++)
	{
		wire_bytes(&resource_spans, 1, "", 0);
		wire_bytes(&span, 15, "", 0);
		/* a part of a value, with a part of an array of one empty value */
		wire_bytes(&attribute, 2, "\x2a\x02\x0a\x00", 4);
		wire_bytes(&span, 9, "", 0);
		wire_bytes(&span, 11, "", 0);
	}
	wire_message(&span, 9, &attribute);
	request = request_of_span(&span);
	wire_message(&request, 1, &resource_spans);
	CHECK(is_valid(wire_slice(&request)), "many parts are well-formed");
	host.polls = 0;
	totals = otlp_totals(wire_slice(&request));
	CHECK(totals.attributes == PARTS + 1 && totals.values == 2 * PARTS + 1 &&
			  totals.events == PARTS,
		  "%d parts of everything",
		  PARTS);
	(void) is_valid(wire_slice(&request));
	CHECK(host.polls > 100, "validation lets itself be cancelled");
	wire_free(&request);
}

int
main(void)
{
	unit_host_init(&host);
	test_captures();
	test_truncation();
	test_damage();
	test_every_field();
	test_resource_and_scope();
	test_last_scalar_wins();
	test_unknown_fields();
	test_order_of_fields();
	test_merged_resource();
	test_merged_status();
	test_scalar_values();
	test_merged_values();
	test_nested_values();
	test_depth();
	test_validation_reaches_all_depths();
	test_position();
	test_faults_everywhere();
	test_span_faults();
	test_rejection();
	test_many_parts();
	unit_host_release(&host);
	return unit_done();
}
