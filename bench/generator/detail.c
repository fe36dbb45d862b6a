/*
 * Attributes by the names of OpenTelemetry's semantic conventions, about
 * eight of them and 300 bytes of JSON a span.  One span in a hundred fails;
 * failed ones, and about seven others in a hundred, have an event.
 */
#include "detail.h"

#include <stdarg.h>
#include <stdio.h>

#define FLAGS_SAMPLED 0x101 /* sampled; the parent is known to be local */
#define FLAGS_REMOTE 0x301	/* sampled; the parent is known to be remote */

static Attribute *
add(AttributeList *list, const char *key, ValueType type)
{
	Attribute *item = &list->items[list->count++];

	item->key = key;
	item->type = type;
	return item;
}

static void
add_constant(AttributeList *list, const char *key, const char *text)
{
	add(list, key, VALUE_TEXT)->text = text;
}

static void
add_integer(AttributeList *list, const char *key, int64_t value)
{
	add(list, key, VALUE_INTEGER)->integer = value;
}

static void __attribute__((format(printf, 3, 4)))
add_text(AttributeList *list, const char *key, const char *format, ...)
{
	char *text = list->text + list->text_used;
	size_t room = sizeof(list->text) - list->text_used;
	va_list arguments;

	va_start(arguments, format);
	list->text_used += (size_t) vsnprintf(text, room, format, arguments) + 1;
	va_end(arguments);
	add(list, key, VALUE_TEXT)->text = text;
}

static void
add_thread(AttributeList *list, Random *random)
{
	uint32_t thread = random_below(random, 64);

	add_integer(list, "thread.id", 20 + thread);
	add_text(list, "thread.name", "http-nio-8080-exec-%u", thread);
}

static const char *
method_of(const Operation *operation)
{
	return operation->variant == 0 ? "GET" : "POST";
}

static int
draw_status_code(Random *random, int failed)
{
	if (failed)
		return 500 + (int) random_below(random, 4);
	if (random_below(random, 20) == 0)
		return 404;
	return random_below(random, 8) == 0 ? 201 : 200;
}

static void
describe_server(AttributeList *list, Random *random, const Operation *operation,
				int failed)
{
	const Service *service = &services[operation->service];
	uint32_t number = random_below(random, 2000000);

	add_constant(list, "http.request.method", method_of(operation));
	if (operation->variant == 0)
	{
		add_text(list, "http.route", "/api/v1/%ss/{id}", service->noun);
		add_text(list, "url.path", "/api/v1/%ss/%u", service->noun, number);
	}
	else
	{
		add_text(list, "http.route", "/api/v1/%ss", service->noun);
		add_text(list, "url.path", "/api/v1/%ss", service->noun);
	}
	add_text(list, "server.address", "%s.shop.svc", service->name);
	add_integer(
		list, "http.response.status_code", draw_status_code(random, failed));
	add_text(list, "user.id", "u-%06u", random_below(random, 200000));
	add_text(list,
			 "client.address",
			 "10.%u.%u.%u",
			 random_below(random, 16),
			 random_below(random, 256),
			 random_below(random, 256));
	add_constant(list,
				 "user_agent.original",
				 random_below(random, 3) == 0
					 ? "okhttp/4.12.0"
					 : "Mozilla/5.0 (X11; Linux x86_64; rv:145.0)");
	add_integer(list, "thread.id", 20 + random_below(random, 64));
}

static void
describe_client(AttributeList *list, Random *random, const Operation *operation,
				int failed)
{
	const Service *target = &services[catalogue_target(random)];
	uint32_t number = random_below(random, 2000000);

	add_constant(list, "http.request.method", method_of(operation));
	add_text(list,
			 "url.full",
			 "http://%s.shop.svc:8080/api/v1/%ss/%u?locale=en-GB",
			 target->name,
			 target->noun,
			 number);
	add_text(list, "server.address", "%s.shop.svc", target->name);
	add_integer(list, "server.port", 8080);
	add_integer(
		list, "http.response.status_code", draw_status_code(random, failed));
	add_text(list,
			 "network.peer.address",
			 "10.%u.%u.%u",
			 random_below(random, 16),
			 random_below(random, 256),
			 random_below(random, 256));
	add_thread(list, random);
}

static void
describe_database(AttributeList *list, Random *random,
				  const Operation *operation)
{
	const char *noun = services[operation->service].noun;

	add_constant(list, "db.system.name", "postgresql");
	add_constant(list, "db.namespace", "shop");
	add_text(list, "db.collection.name", "%ss", noun);
	if (operation->variant == 0)
		add_text(list,
				 "db.query.text",
				 "SELECT id, name, state, \"updatedAt\" FROM shop.%ss\n"
				 "WHERE owner_id = $1 AND state <> $2 ORDER BY id LIMIT 50",
				 noun);
	else
		add_text(list,
				 "db.query.text",
				 "UPDATE shop.%ss SET state = $1, version = version + 1 "
				 "WHERE id = $2 AND version = $3",
				 noun);
	add_text(list, "server.address", "pg-%u.db.svc", random_below(random, 6));
	add_integer(list, "server.port", 5432);
	add_integer(list,
				"db.response.returned_rows",
				random_below(random, operation->variant == 0 ? 50 : 2));
	add_integer(list, "thread.id", 20 + random_below(random, 64));
}

static void
describe_internal(AttributeList *list, Random *random,
				  const Operation *operation)
{
	const char *noun = services[operation->service].noun;
	Attribute *item;

	add_text(list, "code.function.name", "com.example.shop.%s.apply", noun);
	add_text(list, "code.file.path", "src/main/java/shop/%s/Apply.java", noun);
	add_integer(list, "code.line.number", 20 + random_below(random, 400));
	add_integer(list, "app.item.count", random_below(random, 30));
	item = add(list, "app.amount", VALUE_REAL);
	item->real = random_below(random, 100000) / 100.0;
	item = add(list, "app.cache.hit", VALUE_BOOLEAN);
	item->integer = random_below(random, 2);
	add_text(list, "user.id", "u-%06u", random_below(random, 200000));
	add_thread(list, random);
}

static void
describe_message(AttributeList *list, Random *random,
				 const Operation *operation)
{
	const char *noun = services[operation->service].noun;
	int sends = operation->shape == SHAPE_PRODUCER;

	add_constant(list, "messaging.system", "kafka");
	add_text(list, "messaging.destination.name", "shop.%s.events", noun);
	add_constant(list, "messaging.operation.type", sends ? "send" : "process");
	add_integer(
		list, "messaging.kafka.offset", (int64_t) (random_next(random) >> 38));
	add_text(list,
			 "messaging.destination.partition.id",
			 "%u",
			 random_below(random, 24));
	add_integer(
		list, "messaging.message.body.size", 200 + random_below(random, 4000));
	if (!sends)
		add_text(list, "messaging.consumer.group.name", "%s-workers", noun);
	add_text(list, "messaging.client.id", "c-%u", random_below(random, 24));
	add_thread(list, random);
}

static void
describe_attributes(AttributeList *list, Random *random,
					const Operation *operation, int failed)
{
	list->count = 0;
	list->text_used = 0;
	switch ((Shape) operation->shape)
	{
		case SHAPE_SERVER:
			describe_server(list, random, operation, failed);
			break;
		case SHAPE_INTERNAL:
			describe_internal(list, random, operation);
			break;
		case SHAPE_CLIENT:
			describe_client(list, random, operation, failed);
			break;
		case SHAPE_DATABASE:
			describe_database(list, random, operation);
			break;
		case SHAPE_PRODUCER:
		case SHAPE_CONSUMER:
			describe_message(list, random, operation);
			break;
	}
	if (failed)
		add_constant(list, "error.type", "java.net.SocketTimeoutException");
}

static void
describe_event(Detail *detail, Random *random)
{
	AttributeList *list = &detail->event;
	int64_t length = detail->span->end - detail->span->start;

	list->count = 0;
	list->text_used = 0;
	detail->event_name = NULL;
	if (detail->error == NULL && random_below(random, 100) >= 7)
		return;
	detail->event_time = detail->span->start +
						 (int64_t) (random_share(random) * (double) length);
	if (detail->error != NULL)
	{
		detail->event_name = "exception";
		add_constant(list, "exception.type", "java.net.SocketTimeoutException");
		add_constant(list, "exception.message", detail->error);
		add_text(list,
				 "exception.stacktrace",
				 "java.net.SocketTimeoutException: %s\n"
				 "\tat java.base/sun.nio.ch.NioSocketImpl.timedRead(%u)\n"
				 "\tat com.example.shop.Client.call(Client.java:%u)",
				 detail->error,
				 280 + random_below(random, 4),
				 40 + random_below(random, 100));
		return;
	}
	detail->event_name = "cache.miss";
	add_text(list,
			 "cache.key",
			 "%s:%u",
			 services[operations[detail->span->operation].service].noun,
			 random_below(random, 2000000));
	add_integer(list, "cache.ttl_s", 60 * (1 + random_below(random, 30)));
	add_constant(list, "cache.tier", "redis-session-eu-west-1");
}

void
detail_describe(const Traffic *traffic, const TraceSpan *span, Detail *detail)
{
	static const int kinds[] = {2, 1, 3, 3, 4, 5};
	const Operation *operation = &operations[span->operation];
	const Language *language = services[operation->service].language;
	Random random = {mix(traffic->seed + span->ordinal, span->trace)};
	int failed = random_below(&random, 100) == 0;

	detail->span = span;
	traffic_trace_id(traffic, span->trace, detail->trace_id);
	traffic_span_id(traffic, span->trace, span->ordinal, detail->span_id);
	detail->has_parent = span->parent != NO_PARENT;
	if (detail->has_parent)
		traffic_span_id(
			traffic, span->trace, span->parent, detail->parent_span_id);
	detail->name = operation->name;
	detail->service_name = services[operation->service].name;
	detail->kind = kinds[operation->shape];
	detail->instance = traffic_instance(traffic, span);
	detail->scope_name = language->scopes[catalogue_scope(operation->shape)];
	detail->scope_version = language->scope_version;
	detail->flags = span->is_remote_child ? FLAGS_REMOTE : FLAGS_SAMPLED;
	detail->error = failed ? "Read timed out after 2000 ms" : NULL;
	describe_attributes(&detail->attributes, &random, operation, failed);
	describe_event(detail, &random);
}

void
detail_resource(int instance, AttributeList *list)
{
	const Service *service = &services[instance / INSTANCES_PER_SERVICE];
	uint32_t pod = (uint32_t) (mix(17, (uint64_t) instance) >> 40);

	list->count = 0;
	list->text_used = 0;
	add_constant(list, "service.name", service->name);
	add_constant(list, "service.namespace", "shop");
	add_text(list, "service.version", "2.%u.%u", pod % 40, pod % 7);
	add_text(list, "service.instance.id", "%s-%06x-0", service->name, pod);
	add_constant(list, "deployment.environment.name", "production");
	add_text(list, "host.name", "ip-10-0-%u-%u", pod % 16, pod % 251);
	add_constant(list, "os.type", "linux");
	add_integer(list, "process.pid", 1 + pod % 30000);
	add_text(list, "k8s.pod.name", "%s-%06x", service->name, pod);
	add_constant(list, "k8s.namespace.name", "shop");
	add_constant(list, "telemetry.sdk.name", "opentelemetry");
	add_constant(list, "telemetry.sdk.language", service->language->name);
	add_constant(list, "telemetry.sdk.version", service->language->sdk_version);
}
