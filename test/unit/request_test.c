/*
 * Heads of requests: what they say, and which are taken.
 */
#include "network/request.h"
#include "unit.h"

static Slice
text(const char *text)
{
	return (Slice){text, (uint32_t) strlen(text)};
}

static void
test_words(void)
{
	CHECK(request_method(text("POST")) == METHOD_POST &&
			  request_method(text("GET")) == METHOD_GET &&
			  request_method(text("HEAD")) == METHOD_HEAD &&
			  request_method(text("post")) == METHOD_OTHER,
		  "methods have their letters");
	CHECK(request_path(text("/v1/traces?x")) == PATH_TRACES &&
			  request_path(text("/v1/traces/v1/traces")) == PATH_TRACES_TWICE &&
			  request_path(text("/healthz")) == PATH_HEALTH &&
			  request_path(text("/healthz/live")) == PATH_LIVE &&
			  request_path(text("/v1/tracesx")) == PATH_OTHER &&
			  request_path(text("")) == PATH_OTHER,
		  "paths");
	CHECK(request_type((Slice){NULL, 0}) == TYPE_NONE &&
			  request_type(text("")) == TYPE_OTHER,
		  "no type, and an empty one");
	CHECK(request_type(text("Application/JSON ; charset=utf-8")) == TYPE_JSON &&
			  request_type(text("application/x-protobuf")) == TYPE_PROTOBUF &&
			  request_type(text("application/jso")) == TYPE_OTHER,
		  "types, in any case and with parameters");
	CHECK(request_type(text("application/grpc")) == TYPE_GRPC &&
			  request_type(text("application/grpc+proto; x=y")) == TYPE_GRPC &&
			  request_type(text("application/grpc+json")) == TYPE_OTHER_GRPC &&
			  request_type(text("application/grpc-web+proto")) == TYPE_OTHER &&
			  request_type(text("application/grpcx")) == TYPE_OTHER,
		  "types of gRPC");
}

static void
test_hosts(void)
{
	static const char *const local[] = {
		"",
		"localhost",
		"LocalHost:4318",
		"localhost.",
		"a.localhost",
		"a.localhost.:1",
		"127.0.0.1",
		"10.255.0.1:80",
		"[::1]",
		"[fe80::1]:4318",
		"[::ffff:1.2.3.4]",
		"db.internal",
		"DB.internal:4318",
		"other",
		"db-1",
		"x:4318",
	};
	static const char *const foreign[] = {
		"evil.example",
		"localhost.evil.example",
		"not.localhost.x",
		"dotted.",
		".localhost.x",
		"127.0.0.1.evil.example",
		"127.0.0.1x",
		"127.0.0",
		"1.2.3.4.5",
		"256.1.1.1",
		"1..2.3",
		"0x7f.0.0.1",
		"1234.1.1.1",
		"localhost:x",
		"localhost:123456",
		"[::1",
		"[::1]x",
		"[g::1]",
		"[]",
		"db.interna",
		"b.internal",
		"d\xc3\xb6",
		",",
		" ",
	};
	Slice names = text("localhost, db.internal,other");

	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		CHECK(is_local_host(text(local[i]), names), "local: '%s'", local[i]);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		CHECK(!is_local_host(text(foreign[i]), names), "not: '%s'", foreign[i]);
	CHECK(!is_local_host(text("db.internal"), text("")), "no names");
}

static int
status_of(RequestHead head)
{
	const Refusal *refusal = judge_request(&head);

	return refusal == NULL ? 200 : refusal->status;
}

static void
test_judgement(void)
{
	RequestHead good = {.method = METHOD_POST,
						.path = PATH_TRACES,
						.type = TYPE_JSON,
						.is_authorized = true};
	RequestHead health = {.method = METHOD_HEAD, .path = PATH_LIVE};
	RequestHead bad;

	CHECK(status_of(good) == 200, "a good one");
	CHECK(status_of(health) == 200 && asks_for_health(&health),
		  "health needs neither token nor type");
	health.is_foreign = true;
	CHECK(status_of(health) == 403, "but a good host");
#define WITH(member, value) (bad = good, bad.member = (value), status_of(bad))
	CHECK(WITH(is_foreign, true) == 403, "a host that is not ours");
	CHECK(WITH(has_origin, true) == 403, "a browser");
	CHECK(WITH(path, PATH_OTHER) == 404, "another path");
	CHECK(WITH(path, PATH_TRACES_TWICE) == 404, "the path twice");
	CHECK(WITH(path, PATH_EXPORT) == 415, "gRPC's path");
	CHECK(WITH(path, PATH_HEALTH) == 405, "POST of health");
	CHECK(WITH(method, METHOD_GET) == 405, "GET of traces");
	CHECK(WITH(is_authorized, false) == 401, "no token");
	CHECK(WITH(type, TYPE_NONE) == 415 && WITH(type, TYPE_GRPC) == 415,
		  "another type");
	CHECK(WITH(coding, CODING_UNKNOWN) == 415, "another coding");
}

int
main(void)
{
	test_words();
	test_hosts();
	test_judgement();
	return unit_done();
}
