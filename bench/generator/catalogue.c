/*
 * Services and operations.  Every service has two server operations, one or
 * two internal ones, a client, two database operations and one end of a
 * queue: the odd services consume, the even ones produce.
 */
#include "catalogue.h"

#include <stdio.h>

static const Language languages[] = {
	{"java",
	 "1.55.0",
	 1,
	 {"io.opentelemetry.tomcat-10.0",
	  "io.opentelemetry.apache-httpclient-5.2",
	  "io.opentelemetry.jdbc",
	  "io.opentelemetry.kafka-clients-2.6",
	  "com.example.shop"},
	 "2.21.0-alpha"},
	{"go",
	 "1.38.0",
	 1,
	 {"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp",
	  "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp",
	  "github.com/exaring/otelpgx",
	  "github.com/twmb/franz-go/plugin/kotel",
	  "example.com/shop"},
	 "0.63.0"},
	{"nodejs",
	 "2.2.0",
	 1000,
	 {"@opentelemetry/instrumentation-http",
	  "@opentelemetry/instrumentation-undici",
	  "@opentelemetry/instrumentation-pg",
	  "@opentelemetry/instrumentation-kafkajs",
	  "shop"},
	 "0.207.0"},
	{"python",
	 "1.38.0",
	 1,
	 {"opentelemetry.instrumentation.fastapi",
	  "opentelemetry.instrumentation.httpx",
	  "opentelemetry.instrumentation.psycopg",
	  "opentelemetry.instrumentation.confluent_kafka",
	  "shop.core"},
	 "0.59b0"},
	{"dotnet",
	 "1.14.0",
	 100,
	 {"Microsoft.AspNetCore",
	  "System.Net.Http",
	  "Npgsql",
	  "Confluent.Kafka",
	  "Shop.Core"},
	 "9.0.4"},
};

#define LANGUAGE_COUNT (sizeof(languages) / sizeof(languages[0]))

static const char *const names[SERVICE_COUNT][2] = {
	{"frontend", "page"},
	{"api-gateway", "route"},
	{"cart-service", "cart"},
	{"catalog-service", "product"},
	{"auth-service", "login"},
	{"user-service", "user"},
	{"checkout-service", "checkout"},
	{"order-service", "order"},
	{"payment-service", "payment"},
	{"inventory-service", "stock"},
	{"pricing-service", "price"},
	{"search-service", "query"},
	{"recommendation-service", "suggestion"},
	{"shipping-service", "shipment"},
	{"promotion-service", "promotion"},
	{"session-service", "session"},
	{"currency-service", "currency"},
	{"tax-service", "tax"},
	{"review-service", "review"},
	{"rating-service", "rating"},
	{"media-service", "image"},
	{"notification-service", "notice"},
	{"email-service", "email"},
	{"sms-service", "sms"},
	{"fraud-service", "assessment"},
	{"billing-service", "bill"},
	{"invoice-service", "invoice"},
	{"ledger-service", "entry"},
	{"address-service", "address"},
	{"geo-service", "place"},
	{"warehouse-service", "bin"},
	{"supplier-service", "supplier"},
	{"loyalty-service", "reward"},
	{"coupon-service", "coupon"},
	{"audit-service", "event"},
	{"token-service", "token"},
	{"analytics-service", "metric"},
	{"report-service", "report"},
	{"experiment-service", "variant"},
	{"redis-proxy", "key"},
};

Service services[SERVICE_COUNT];
Operation operations[OPERATION_COUNT];

/* The eight shapes of a service's operations, with their variants. */
static const uint8_t layout[8][2] = {
	{SHAPE_SERVER, 0},
	{SHAPE_SERVER, 1},
	{SHAPE_INTERNAL, 0},
	{SHAPE_CLIENT, 0},
	{SHAPE_DATABASE, 0},
	{SHAPE_DATABASE, 1},
	{SHAPE_PRODUCER, 0},
	{SHAPE_INTERNAL, 1},
};

static void
name_operation(Operation *operation, const char *noun)
{
	static const char *const formats[][2] = {
		{"GET /api/v1/%ss/{id}", "POST /api/v1/%ss"},
		{"%s.validate", "%s.render"},
		{"GET", "POST"},
		{"SELECT shop.%ss", "UPDATE shop.%ss"},
		{"send %s.events", "send %s.audit"},
		{"process %s.events", "process %s.audit"},
	};

	snprintf(operation->name,
			 sizeof(operation->name),
			 formats[operation->shape][operation->variant],
			 noun);
}

void
catalogue_build(void)
{
	int count = 0;

	for (int s = 0; s < SERVICE_COUNT; s++)
	{
		services[s].name = names[s][0];
		services[s].noun = names[s][1];
		services[s].language = &languages[(size_t) s % LANGUAGE_COUNT];
		services[s].first_operation = (uint16_t) count;
		/* 20 services of 8 operations and 20 of 7 make 300 */
		services[s].operation_count = s % 2 == 0 ? 8 : 7;
		for (int i = 0; i < services[s].operation_count; i++, count++)
		{
			Operation *operation = &operations[count];

			operation->service = (uint8_t) s;
			operation->shape = layout[i][0];
			operation->variant = layout[i][1];
			if (operation->shape == SHAPE_PRODUCER && s % 2 == 1)
				operation->shape = SHAPE_CONSUMER;
			name_operation(operation, names[s][1]);
		}
	}
}

/* Every shape but a queue's other end is found in at most a few tries. */
uint16_t
catalogue_operation(Random *random, int service, Shape shape)
{
	const Service *s = &services[service];

	for (;;)
	{
		uint32_t i =
			s->first_operation + random_below(random, s->operation_count);

		if (operations[i].shape == (uint8_t) shape)
			return (uint16_t) i;
	}
}

/* Zipf's law with exponent 1: service k is called with weight 1 / k. */
int
catalogue_target(Random *random)
{
	static double cumulated[SERVICE_COUNT];
	double wanted;
	int target = 1;

	if (cumulated[1] == 0)
		for (int i = 1; i < SERVICE_COUNT; i++)
			cumulated[i] = cumulated[i - 1] + 1.0 / i;
	wanted = random_share(random) * cumulated[SERVICE_COUNT - 1];
	while (target < SERVICE_COUNT - 1 && cumulated[target] < wanted)
		target++;
	return target;
}

int
catalogue_scope(Shape shape)
{
	static const int scopes[] = {0, 4, 1, 2, 3, 3};

	return scopes[shape];
}
