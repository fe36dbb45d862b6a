/*
 * Spans of Zipkin's first format as spans of its second: see zipkin_v1.h.
 *
 * In the first format a span has no kind, no service and no remote endpoint.
 * They follow from its annotations, each of which may name the endpoint that
 * recorded it:
 *
 *	cs, cr       client sent and received: a CLIENT from the one to the other
 *	sr, ss       server received and sent: a SERVER
 *	ms, ws       message sent, wire send: a PRODUCER
 *	wr, mr       wire receive, message received: a CONSUMER
 *	sa, ca, ma   binary annotations that are true: the endpoint is the remote
 *	             one of the client, of the server, of either end of a message
 *
 * This is how Zipkin's own server reads it.  What is said of the span itself,
 * its timestamp and duration, belongs to the side that comes first above.  A
 * server's side is shared if the client's is told of as well, or if the span
 * has no timestamp of its own, which only those that began it wrote.  Other
 * annotations, and tags, belong to the side of the same service, else to the
 * first; and so do those that say again, with another time, what has been said.
 */
#include "postgres.h"

#include "formats/zipkin/zipkin_v1.h"

#include "compat.h"
#include "core/tree/span.h"
#include "server/json_reader.h"
#include "store/tag_builder.h"

#include "utils/builtins.h"

typedef enum Moment
{
	MOMENT_START,
	MOMENT_END,
} Moment;

enum
{
	SIDE_CLIENT,
	SIDE_SERVER,
	SIDE_PRODUCER,
	SIDE_CONSUMER,
	SIDE_LOCAL, /* a span without any of the above */
	SIDE_COUNT,
};

static const char *const side_kinds[SIDE_LOCAL] = {
	"CLIENT", "SERVER", "PRODUCER", "CONSUMER"};

/* Annotations that make a side. */
static const struct
{
	const char *value;
	int side;
	Moment moment;
} core_annotations[] = {
	{"cs", SIDE_CLIENT, MOMENT_START},
	{"cr", SIDE_CLIENT, MOMENT_END},
	{"sr", SIDE_SERVER, MOMENT_START},
	{"ss", SIDE_SERVER, MOMENT_END},
	{"ms", SIDE_PRODUCER, MOMENT_START},
	{"ws", SIDE_PRODUCER, MOMENT_END},
	{"wr", SIDE_CONSUMER, MOMENT_START},
	{"mr", SIDE_CONSUMER, MOMENT_END},
};

/* Binary annotations that name the other end, and whose. */
static const struct
{
	const char *key;
	int sides[2];
} addresses[] = {
	{"sa", {SIDE_CLIENT, SIDE_CLIENT}},
	{"ca", {SIDE_SERVER, SIDE_SERVER}},
	{"ma", {SIDE_PRODUCER, SIDE_CONSUMER}},
};

typedef struct Side
{
	bool is_there;
	JsonbContainer *endpoint; /* NULL if none was named */
	JsonbContainer *remote;
	bool has[2]; /* by Moment */
	int64 times[2];
	JsonbParseState *annotations;
	JsonbParseState *tags;
} Side;

/* The number of a core annotation; -1 if it is none. */
static int
find_core(JsonbContainer *annotation)
{
	JsonbValue value;

	if (!json_member(annotation, "value", &value))
		return -1;
	for (size_t i = 0; i < lengthof(core_annotations); i++)
	{
		if (json_is_string(&value, core_annotations[i].value))
			return i;
	}
	return -1;
}

bool
is_zipkin_v1(JsonbContainer *span)
{
	JsonbContainer *annotations = json_array_member(span, "annotations");
	JsonbIterator *array;
	JsonbValue element;

	if (json_has_member(span, "kind") ||
		json_has_member(span, "localEndpoint") ||
		json_has_member(span, "remoteEndpoint") ||
		json_has_member(span, "tags"))
		return false;
	if (json_array_member(span, "binaryAnnotations") != NULL)
		return true;
	if (annotations == NULL)
		return false;
	array = JsonbIteratorInit(annotations);
	while (json_next_element(&array, &element))
	{
		JsonbContainer *annotation = json_as_object(&element);

		if (find_core(annotation) >= 0 ||
			json_has_member(annotation, "endpoint"))
			return true;
	}
	return false;
}

static bool
read_time(JsonbContainer *object, const char *member, int64 *time)
{
	JsonbValue value;

	return json_member(object, member, &value) &&
		   json_as_truncated_int64(&value, time) && *time > 0;
}

/* Notes a core annotation. */
static void
note_core(Side *sides, JsonbContainer *annotation, int number)
{
	Side *side = &sides[core_annotations[number].side];
	Moment moment = core_annotations[number].moment;
	JsonbContainer *endpoint = json_object_member(annotation, "endpoint");
	int64 time;

	side->is_there = true;
	if (side->endpoint == NULL)
		side->endpoint = endpoint;
	if (side->has[moment] || !read_time(annotation, "timestamp", &time))
		return;
	side->has[moment] = true;
	side->times[moment] = time;
}

/* The first side that the span tells of; a local span if none. */
static Side *
first_side(Side *sides)
{
	for (int i = 0; i < SIDE_LOCAL; i++)
	{
		if (sides[i].is_there)
			return &sides[i];
	}
	sides[SIDE_LOCAL].is_there = true;
	return &sides[SIDE_LOCAL];
}

static bool
same_service(JsonbContainer *a, JsonbContainer *b)
{
	JsonbValue a_name;
	JsonbValue b_name;

	return json_member(a, "serviceName", &a_name) &&
		   json_member(b, "serviceName", &b_name) && a_name.type == jbvString &&
		   b_name.type == jbvString &&
		   a_name.val.string.len == b_name.val.string.len &&
		   pg_strncasecmp(a_name.val.string.val,
						  b_name.val.string.val,
						  a_name.val.string.len) == 0;
}

/* The side that an annotation with this endpoint belongs to. */
static Side *
side_of(Side *sides, JsonbContainer *endpoint)
{
	Side *first = first_side(sides);

	for (int i = 0; i < SIDE_COUNT; i++)
	{
		if (sides[i].is_there && same_service(sides[i].endpoint, endpoint))
			return &sides[i];
	}
	if (first->endpoint == NULL)
		first->endpoint = endpoint;
	return first;
}

/* Adds an annotation that makes no side. */
static void
add_annotation(Side *sides, JsonbValue *annotation)
{
	Side *side = side_of(
		sides, json_object_member(json_as_object(annotation), "endpoint"));

	if (side->annotations == NULL)
		pushJsonbValue(&side->annotations, WJB_BEGIN_ARRAY, NULL);
	pushJsonbValue(&side->annotations, WJB_ELEM, annotation);
}

/* Whether a core annotation, by its number, is of another moment than the one
 * that its side has: of several servers that answered, say. */
static bool
is_another(const Side *sides, JsonbContainer *annotation, int core)
{
	const Side *side = &sides[core_annotations[core].side];
	Moment moment = core_annotations[core].moment;
	int64 time;

	return read_time(annotation, "timestamp", &time) &&
		   time != side->times[moment];
}

static void
read_annotations(Side *sides, JsonbContainer *span)
{
	JsonbContainer *annotations = json_array_member(span, "annotations");
	JsonbIterator *array;
	JsonbValue element;

	if (annotations == NULL)
		return;
	array = JsonbIteratorInit(annotations);
	while (json_next_element(&array, &element))
	{
		int core = find_core(json_as_object(&element));

		if (core >= 0)
			note_core(sides, json_as_object(&element), core);
	}
	array = JsonbIteratorInit(annotations);
	while (json_next_element(&array, &element))
	{
		JsonbContainer *annotation = json_as_object(&element);
		int core = find_core(annotation);

		if (annotation != NULL &&
			(core < 0 || is_another(sides, annotation, core)))
			add_annotation(sides, &element);
	}
}

/* Takes the endpoint of a true sa, ca or ma for the other end's. */
static bool
take_address(Side *sides, const JsonbValue *name, const JsonbValue *value,
			 JsonbContainer *endpoint)
{
	if (endpoint == NULL || !((value->type == jbvBool && value->val.boolean) ||
							  json_is_string(value, "true")))
		return false;
	for (size_t i = 0; i < lengthof(addresses); i++)
	{
		Side *side = first_side(sides);

		if (!json_is_string(name, addresses[i].key))
			continue;
		for (int end = 0; end < 2; end++)
		{
			if (sides[addresses[i].sides[end]].is_there)
				side = &sides[addresses[i].sides[end]];
		}
		side->remote = endpoint;
		return true;
	}
	return false;
}

static void
read_binary_annotations(Side *sides, JsonbContainer *span)
{
	JsonbContainer *annotations = json_array_member(span, "binaryAnnotations");
	JsonbIterator *array;
	JsonbValue element;

	if (annotations == NULL)
		return;
	array = JsonbIteratorInit(annotations);
	while (json_next_element(&array, &element))
	{
		JsonbContainer *annotation = json_as_object(&element);
		JsonbContainer *endpoint = json_object_member(annotation, "endpoint");
		JsonbValue name;
		JsonbValue value;

		if (!json_member(annotation, "key", &name) || name.type != jbvString ||
			!json_member(annotation, "value", &value))
			continue;
		if (!take_address(sides, &name, &value, endpoint))
			add_member(&side_of(sides, endpoint)->tags, name, value);
	}
}

static void
copy_members(JsonbParseState **object, JsonbContainer *span)
{
	static const char *const names[] = {
		"traceId", "id", "parentId", "name", "debug"};
	JsonbValue value;

	for (size_t i = 0; i < lengthof(names); i++)
	{
		if (json_member(span, names[i], &value))
			add_member(object, json_key(names[i]), value);
	}
}

static void
add_object(JsonbParseState **object, const char *name,
		   JsonbContainer *container)
{
	JsonbValue value = {.type = jbvBinary};

	if (container == NULL)
		return;
	value.val.binary.data = container;
	value.val.binary.len = 0;
	add_member(object, json_key(name), value);
}

/* The span's own timestamp or duration; 0 is the same as none. */
static bool
own_time(JsonbContainer *span, const char *member, JsonbValue *value)
{
	int64 time;

	return json_member(span, member, value) &&
		   !(json_as_truncated_int64(value, &time) && time == 0);
}

/* Timestamp and duration: the span's own, where it has both or the side none,
 * else the side's. */
static void
add_times(JsonbParseState **object, JsonbContainer *span, const Side *side,
		  bool is_first)
{
	JsonbValue timestamp;
	JsonbValue duration;
	bool has_timestamp = is_first && own_time(span, "timestamp", &timestamp);
	bool has_duration = is_first && own_time(span, "duration", &duration);
	int from = side->has[MOMENT_START] ? MOMENT_START : MOMENT_END;

	if (side->has[from] && !(has_timestamp && has_duration))
	{
		if (!has_timestamp)
			timestamp = json_int64(side->times[from]);
		has_timestamp = true;
		if (!has_duration && side->has[MOMENT_START] && side->has[MOMENT_END] &&
			side->times[MOMENT_END] >= side->times[MOMENT_START])
		{
			duration =
				json_int64(side->times[MOMENT_END] - side->times[MOMENT_START]);
			has_duration = true;
		}
	}
	if (has_timestamp)
		add_member(object, json_key("timestamp"), timestamp);
	if (has_duration || (is_first && json_member(span, "duration", &duration)))
		add_member(object, json_key("duration"), duration);
}

static JsonbValue
build_side(JsonbContainer *span, Side *sides, int number, bool is_first)
{
	Side *side = &sides[number];
	JsonbParseState *object = NULL;
	JsonbValue timestamp;

	copy_members(&object, span);
	if (number != SIDE_LOCAL)
		add_member(&object, json_key("kind"), json_key(side_kinds[number]));
	if ((number == SIDE_SERVER || number == SIDE_CONSUMER) &&
		(!is_first ||
		 (number == SIDE_SERVER && !own_time(span, "timestamp", &timestamp))))
		add_member(&object, json_key("shared"), json_bool(true));
	add_times(&object, span, side, is_first);
	add_object(&object, "localEndpoint", side->endpoint);
	add_object(&object, "remoteEndpoint", side->remote);
	if (side->annotations != NULL)
		add_member(&object,
				   json_key("annotations"),
				   json_nested(JsonbValueToJsonb(pushJsonbValue(
					   &side->annotations, WJB_END_ARRAY, NULL))));
	if (side->tags != NULL)
		add_member(
			&object, json_key("tags"), json_nested(finish_object(&side->tags)));
	return json_nested(finish_object(&object));
}

Jsonb *
zipkin_v1_as_v2(JsonbContainer *span)
{
	Side sides[SIDE_COUNT] = {0};
	JsonbParseState *array = NULL;
	Side *first;

	read_annotations(sides, span);
	read_binary_annotations(sides, span);
	first = first_side(sides);
	pushJsonbValue(&array, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < SIDE_COUNT; i++)
	{
		JsonbValue side;

		if (!sides[i].is_there)
			continue;
		side = build_side(span, sides, i, &sides[i] == first);
		pushJsonbValue(&array, WJB_ELEM, &side);
	}
	return JsonbValueToJsonb(pushJsonbValue(&array, WJB_END_ARRAY, NULL));
}
