/*
 * Reading HTTP/1.1: a head of each kind that is taken, and of each that two
 * readers could understand differently.
 */
#include "network/http1.h"
#include "unit.h"

#define LINE "POST /v1/traces HTTP/1.1\r\n"
#define HOST "Host: h\r\n"

static bool
is_text(Slice slice, const char *text)
{
	return slice.length == strlen(text) &&
		   memcmp(slice.data, text, slice.length) == 0;
}

static int
status_of(const char *text, Http1Head *head)
{
	size_t used = 0;
	int status = 0;

	switch (http1_read_head(text, strlen(text), head, &used, &status))
	{
		case HTTP1_DONE:
			return used == strlen(text) ? 200 : -1;
		case HTTP1_MORE:
			return 100;
		default:
			return status;
	}
}

static void
test_head_fields(void)
{
	Http1Head head;

	CHECK(status_of("\r\nPOST /v1/traces?a=b HTTP/1.1\r\nhOST:h\r\n"
					"Content-Type:  application/json; charset=utf-8\t\r\n"
					"Content-Encoding: gzip\r\nContent-Length: 0012\r\n"
					"Authorization: Bearer x\r\nOrigin: o\r\n"
					"Expect: 100-Continue\r\nX-Other: \xc3\xa9\r\n"
					"Connection: a, Close\r\n\r\n",
					&head) == 200,
		  "a head with all that matters");
	CHECK(is_text(head.path, "/v1/traces?a=b"), "the path");
	CHECK(is_text(head.content_type, "application/json; charset=utf-8"),
		  "a value is without the space around it");
	CHECK(head.has_length && head.length == 12, "the length");
	CHECK(head.has_origin && head.expects_continue && !head.is_chunked,
		  "origin, expectation, no chunks");
	CHECK(!head.is_kept_alive, "the connection is closed");
	CHECK(status_of(LINE HOST "\r\n", &head) == 200 && head.is_kept_alive,
		  "1.1 is kept alive");
	CHECK(status_of("GET / HTTP/1.0\r\n\r\n", &head) == 200 &&
			  !head.is_kept_alive && head.is_version_10,
		  "1.0 is not, and needs no host");
}

/* A target that is a whole URL. */
static void
test_targets(void)
{
	static const struct
	{
		const char *target;
		const char *host; /* NULL: it is refused */
		const char *path;
	} cases[] = {
		{"/v1/traces", "h", "/v1/traces"},
		{"//h/x", "h", "//h/x"},
		{"http://a/v1/traces", "a", "/v1/traces"},
		{"HTTPS://a:80/x?y", "a:80", "/x?y"},
		{"http://a", "a", ""},
		{"http://a?x/y", "a", "?x/y"},
		{"http://[::1]:4/", "[::1]:4", "/"},
		{"http://a/@", "a", "/@"},
		{"http:///x", NULL, NULL},
		{"http://", NULL, NULL},
		{"http://u@a/", NULL, NULL},
		{"http:/a/", NULL, NULL},
		{"ftp://a/", NULL, NULL},
		{"*", NULL, NULL},
		{"a:443", NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char text[200];
		Http1Head head;
		int status;

		snprintf(text,
				 sizeof(text),
				 "GET %s HTTP/1.1\r\n" HOST "\r\n",
				 cases[i].target);
		status = status_of(text, &head);
		CHECK(cases[i].host == NULL
				  ? status == 400
				  : status == 200 && is_text(head.host, cases[i].host) &&
						is_text(head.path, cases[i].path),
			  "the target %s",
			  cases[i].target);
	}
	{
		Http1Head head;

		CHECK(status_of("GET http://a/ HTTP/1.1\r\n\r\n", &head) == 400,
			  "1.1 needs the header in any case");
	}
}

static void
test_refused_heads(void)
{
	static const struct
	{
		const char *text;
		int status;
		const char *name;
	} cases[] = {
		{LINE HOST, 100, "no empty line yet"},
		{"POST", 100, "no line yet"},
		{LINE "\r\n", 400, "no host"},
		{LINE HOST HOST "\r\n", 400, "two hosts"},
		{LINE "Host: h\n\r\n", 400, "a bare line feed"},
		{LINE "Host: h\rX: y\r\n\r\n", 400, "a bare carriage return"},
		{LINE HOST " folded\r\n\r\n", 400, "a folded header"},
		{LINE "Host : h\r\n\r\n", 400, "space before the colon"},
		{LINE HOST ": v\r\n\r\n", 400, "no name"},
		{LINE HOST "A: b\x01\r\n\r\n", 400, "a control character"},
		{LINE HOST "A: b\x7f\r\n\r\n", 400, "a delete character"},
		{LINE HOST "no colon\r\n\r\n", 400, "no colon"},
		{LINE HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
		 400,
		 "two lengths"},
		{LINE HOST "Content-Length: 1, 1\r\n\r\n", 400, "a list of lengths"},
		{LINE HOST "Content-Length: +1\r\n\r\n", 400, "a length with a sign"},
		{LINE HOST "Content-Length: \r\n\r\n", 400, "an empty length"},
		{LINE HOST "Content-Length: 1234567890123456789\r\n\r\n",
		 400,
		 "a length of 19 digits"},
		{LINE HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		 400,
		 "a length and chunks"},
		{LINE HOST
		 "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
		 400,
		 "chunked twice"},
		{LINE HOST "Transfer-Encoding: gzip, chunked\r\n\r\n",
		 501,
		 "another transfer coding"},
		{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
		 400,
		 "chunks in 1.0"},
		{LINE HOST "Content-Type: a\r\nContent-Type: a\r\n\r\n",
		 400,
		 "two types"},
		{LINE HOST "Content-Encoding: a\r\nContent-Encoding: a\r\n\r\n",
		 400,
		 "two codings"},
		{LINE HOST "Authorization: a\r\nAuthorization: a\r\n\r\n",
		 400,
		 "two authorizations"},
		{LINE HOST "Expect: more\r\n\r\n", 417, "another expectation"},
		{"\r\n\r\n" LINE HOST "\r\n", 400, "two empty lines before"},
		{"POST  / HTTP/1.1\r\n" HOST "\r\n", 400, "two spaces"},
		{"POST / HTTP/1.1 \r\n" HOST "\r\n", 400, "a space behind"},
		{"POST /\r\n" HOST "\r\n", 400, "no version"},
		{"POST h HTTP/1.1\r\n" HOST "\r\n", 400, "no path"},
		{"P(ST / HTTP/1.1\r\n" HOST "\r\n", 400, "a method that is no token"},
		{"POST / HTTP/1.2\r\n" HOST "\r\n", 505, "another version"},
		{"POST / http/1.1\r\n" HOST "\r\n", 400, "a version in small letters"},
		{"\x16\x03\x01 TLS\r\n", 400, "TLS"},
		{"PRI * HTTP/2.0\r\n\r\n", 400, "HTTP/2"},
	};
	Http1Head head;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK(status_of(cases[i].text, &head) == cases[i].status,
			  "%s: %d",
			  cases[i].name,
			  cases[i].status);
}

/* A head made of a beginning and one letter so many times, and an end. */
static int
status_of_long(const char *begin, size_t count, const char *end)
{
	char *text = malloc(strlen(begin) + count + strlen(end) + 1);
	Http1Head head;
	int status;

	strcpy(text, begin);
	memset(text + strlen(begin), 'a', count);
	strcpy(text + strlen(begin) + count, end);
	status = status_of(text, &head);
	free(text);
	return status;
}

static void
test_limits(void)
{
	char many[HTTP1_MAX_FIELDS * 8 + 200] = LINE HOST;
	Http1Head head;

	CHECK(status_of_long("GET /",
						 HTTP1_MAX_REQUEST_LINE - 14,
						 " HTTP/1.1\r\n" HOST "\r\n") == 200,
		  "a request line of the largest size");
	CHECK(status_of_long("GET /",
						 HTTP1_MAX_REQUEST_LINE - 13,
						 " HTTP/1.1\r\n" HOST "\r\n") == 414,
		  "and one more");
	CHECK(status_of_long(LINE HOST "A: ", HTTP1_MAX_HEAD, "") == 431,
		  "a head without end");
	for (int i = 1; i < HTTP1_MAX_FIELDS; i++)
		strcat(many, "A: b\r\n");
	strcat(many, "\r\n");
	CHECK(status_of(many, &head) == 200, "as many fields as may be");
	many[strlen(many) - 2] = '\0';
	strcat(many, "A: b\r\n\r\n");
	CHECK(status_of(many, &head) == 431, "and one more");
}

/* What a chunked body is: its content, "more" or the status. */
static const char *
content_of(const char *text)
{
	static char content[1000];
	Http1Chunks chunks = {0};
	const char *at = text;
	size_t length = 0;
	int status = 0;

	for (;;)
	{
		Slice part;
		size_t used;
		Http1Result result =
			http1_read_chunks(&chunks, at, strlen(at), &part, &used, &status);

		if (part.length > 0)
			memcpy(content + length, part.data, part.length);
		length += part.length;
		content[length] = '\0';
		at += used;
		if (result == HTTP1_BAD)
			return status == 431 ? "431" : "400";
		if (result == HTTP1_DONE)
			return *at == '\0' ? content : "not all";
		if (used == 0)
			return "more";
	}
}

static void
test_chunks(void)
{
	static const char *const cases[][2] = {
		{"0\r\n\r\n", ""},
		{"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", "abcde"},
		{"0000000A\r\n0123456789\r\n0\r\nA: b\r\nC: d\r\n\r\n", "0123456789"},
		{"", "more"},
		{"3\r\nab", "more"},
		{"3\r\nabc\r\n0\r\n", "more"},
		{"000000003\r\nabc\r\n0\r\n\r\n", "400"},
		{"3\nabc\r\n0\r\n\r\n", "400"},
		{"3 \r\nabc\r\n0\r\n\r\n", "400"},
		{"0x3\r\nabc\r\n0\r\n\r\n", "400"},
		{"-3\r\nabc\r\n0\r\n\r\n", "400"},
		{"\r\nabc\r\n0\r\n\r\n", "400"},
		{";\r\nabc\r\n0\r\n\r\n", "400"},
		{"3\r\nabcd\r\n0\r\n\r\n", "400"},
		{"3;\x01\r\nabc\r\n0\r\n\r\n", "400"},
		{"0\r\nA: \x01\r\n\r\n", "431"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK(strcmp(content_of(cases[i][0]), cases[i][1]) == 0,
			  "chunks %zu: %s",
			  i,
			  cases[i][1]);
}

static void
test_chunk_limits(void)
{
	char line[400];
	char trailers[11000] = "0\r\n";

	memset(line, 'a', sizeof(line));
	memcpy(line, "1;", 2);
	strcpy(line + 255, "\r\nx\r\n0\r\n\r\n");
	CHECK(strcmp(content_of(line), "x") == 0, "a long extension");
	memset(line + 255, 'a', 10);
	strcpy(line + 256, "\r\nx\r\n0\r\n\r\n");
	CHECK(strcmp(content_of(line), "400") == 0, "a longer one");
	memset(line, 'a', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	CHECK(strcmp(content_of(line), "400") == 0, "a line without end");
	while (strlen(trailers) < 10900)
		strcat(trailers, "Name: value\r\n");
	strcat(trailers, "\r\n");
	CHECK(strcmp(content_of(trailers), "431") == 0, "too many trailers");
}

int
main(void)
{
	test_head_fields();
	test_targets();
	test_refused_heads();
	test_limits();
	test_chunks();
	test_chunk_limits();
	return unit_done();
}
