/*
 * Heads of requests: see request.h.
 */
#include "network/request.h"

#define TRACES "/v1/traces"

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c + 32) : c;
}

static bool
is_word(Slice text, const char *word)
{
	size_t length = strlen(word);

	if (text.length != length)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		if (lower(text.data[i]) != word[i])
			return false;
	}
	return true;
}

static bool
is_text(Slice text, const char *word)
{
	return slice_equal(text, (Slice){word, (uint32_t) strlen(word)});
}

/* What stands before the first of these characters. */
static Slice
before(Slice text, char stop)
{
	const char *end =
		text.length == 0 ? NULL : memchr(text.data, stop, text.length);

	if (end != NULL)
		text.length = (uint32_t) (end - text.data);
	return text;
}

static Slice
trim(Slice text)
{
	while (text.length > 0 && (*text.data == ' ' || *text.data == '\t'))
		text = (Slice){text.data + 1, text.length - 1};
	while (text.length > 0 && (text.data[text.length - 1] == ' ' ||
							   text.data[text.length - 1] == '\t'))
		text.length--;
	return text;
}

RequestMethod
request_method(Slice method)
{
	if (is_text(method, "POST"))
		return METHOD_POST;
	if (is_text(method, "GET"))
		return METHOD_GET;
	return is_text(method, "HEAD") ? METHOD_HEAD : METHOD_OTHER;
}

RequestPath
request_path(Slice path)
{
	static const struct
	{
		const char *text;
		RequestPath path;
	} paths[] = {
		{TRACES, PATH_TRACES},
		{TRACES TRACES, PATH_TRACES_TWICE},
		{"/opentelemetry.proto.collector.trace.v1.TraceService/Export",
		 PATH_EXPORT},
		{"/healthz", PATH_HEALTH},
		{"/healthz/live", PATH_LIVE},
	};

	path = before(path, '?');
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
	{
		if (is_text(path, paths[i].text))
			return paths[i].path;
	}
	return PATH_OTHER;
}

RequestType
request_type(Slice content_type)
{
	Slice type = trim(before(content_type, ';'));

	if (content_type.data == NULL)
		return TYPE_NONE;
	if (is_word(type, "application/x-protobuf"))
		return TYPE_PROTOBUF;
	if (is_word(type, "application/json"))
		return TYPE_JSON;
	if (is_word(type, "application/grpc") ||
		is_word(type, "application/grpc+proto"))
		return TYPE_GRPC;
	/* but application/grpc-web is another protocol */
	return is_word(before(type, '+'), "application/grpc") ? TYPE_OTHER_GRPC
														  : TYPE_OTHER;
}

/* Four numbers of up to 255. */
static bool
is_ipv4(Slice host)
{
	unsigned value = 0;
	int digits = 0;
	int dots = 0;

	for (uint32_t i = 0; i < host.length; i++)
	{
		char c = host.data[i];

		if (c >= '0' && c <= '9' && digits < 3)
		{
			value = value * 10 + (unsigned) (c - '0');
			digits++;
		}
		else if (c == '.' && digits > 0 && dots < 3)
		{
			dots++;
			digits = 0;
			value = 0;
		}
		else
			return false;
		if (value > 255)
			return false;
	}
	return dots == 3 && digits > 0;
}

static bool
is_port(Slice port)
{
	for (uint32_t i = 0; i < port.length; i++)
	{
		if (port.data[i] < '0' || port.data[i] > '9')
			return false;
	}
	return port.length <= 5;
}

/* "[address]", which no name can be. */
static bool
is_ipv6(Slice host)
{
	if (host.length < 4 || host.data[0] != '[')
		return false;
	for (uint32_t i = 1; i < host.length; i++)
	{
		char c = lower(host.data[i]);

		if (c == ']')
			return i + 1 == host.length ||
				   (host.data[i + 1] == ':' &&
					is_port((Slice){host.data + i + 2, host.length - i - 2}));
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == ':' ||
			  c == '.'))
			return false;
	}
	return false;
}

/* "localhost", a name below it, each perhaps with a dot behind. */
static bool
is_localhost(Slice name)
{
	static const char suffix[] = ".localhost";
	const uint32_t length = sizeof(suffix) - 1;

	if (name.length > 0 && name.data[name.length - 1] == '.')
		name.length--;
	if (is_word(name, "localhost"))
		return true;
	return name.length > length &&
		   is_word((Slice){name.data + name.length - length, length}, suffix);
}

/* A name without a dot, which the local network or machine gives a meaning and
 * nobody on the internet can own. */
static bool
is_dotless(Slice name)
{
	for (uint32_t i = 0; i < name.length; i++)
	{
		char c = lower(name.data[i]);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
			  c == '_'))
			return false;
	}
	return name.length > 0;
}

/* Whether a list, parted by commas and spaces, has the name. */
static bool
has_name(Slice names, Slice name)
{
	while (names.length > 0)
	{
		Slice one = before(before(names, ','), ' ');
		uint32_t i = 0;

		while (i < one.length && one.length == name.length &&
			   lower(one.data[i]) == lower(name.data[i]))
			i++;
		if (one.length > 0 && one.length == name.length && i == one.length)
			return true;
		if (one.length == names.length)
			break;
		names =
			(Slice){names.data + one.length + 1, names.length - one.length - 1};
	}
	return false;
}

bool
is_local_host(Slice host, Slice names)
{
	Slice name = before(host, ':');

	if (host.length == 0 || is_ipv6(host))
		return true;
	if (name.length < host.length &&
		!is_port((Slice){host.data + name.length + 1,
						 host.length - name.length - 1}))
		return false;
	return is_ipv4(name) || is_localhost(name) || is_dotless(name) ||
		   has_name(names, name);
}

bool
asks_for_health(const RequestHead *head)
{
	return (head->method == METHOD_GET || head->method == METHOD_HEAD) &&
		   (head->path == PATH_HEALTH || head->path == PATH_LIVE);
}

const char *
allowed_methods(RequestPath path)
{
	return path == PATH_HEALTH || path == PATH_LIVE ? "GET, HEAD" : "POST";
}

static const Refusal foreign_host = {
	403,
	"without a token the host must be localhost, an address or a name "
	"without a dot"};
static const Refusal browser = {403, "requests of browsers are not taken"};
static const Refusal path_twice = {
	404,
	"the path /v1/traces is there twice: an endpoint for all signals is "
	"without it"};
static const Refusal grpc_over_http = {
	415, "calls of gRPC need content-type application/grpc and HTTP/2"};
static const Refusal other_path = {
	404, "only /v1/traces is there: traces, no metrics, no logs"};
static const Refusal other_method = {405, "requests are POSTed"};
static const Refusal health_method = {405,
									  "health is asked for by GET or HEAD"};
static const Refusal unauthorized = {401,
									 "the bearer token is missing or wrong"};
static const Refusal other_type = {
	415, "Content-Type must be application/x-protobuf or application/json"};
static const Refusal other_coding = {
	415, "Content-Encoding must be " CODING_NAMES " or identity"};

const Refusal *
judge_request(const RequestHead *head)
{
	if (head->is_foreign)
		return &foreign_host;
	if (head->has_origin)
		return &browser;
	if (head->path == PATH_TRACES_TWICE)
		return &path_twice;
	if (head->path == PATH_EXPORT)
		return &grpc_over_http;
	if (head->path == PATH_OTHER)
		return &other_path;
	if (head->path != PATH_TRACES)
		return asks_for_health(head) ? NULL : &health_method;
	if (head->method != METHOD_POST)
		return &other_method;
	if (!head->is_authorized)
		return &unauthorized;
	if (head->type != TYPE_PROTOBUF && head->type != TYPE_JSON)
		return &other_type;
	return head->coding == CODING_UNKNOWN ? &other_coding : NULL;
}
