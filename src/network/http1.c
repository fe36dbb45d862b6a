/*
 * Reading HTTP/1.1 requests: see http1.h.
 */
#include "network/http1.h"

#define MAX_CHUNK_LINE 256
#define MAX_TRAILER 8192
#define MAX_SIZE_DIGITS 8

#define BAD_REQUEST 400
#define URI_TOO_LONG 414
#define FIELDS_TOO_LARGE 431
#define NOT_IMPLEMENTED 501
#define VERSION_NOT_SUPPORTED 505

static bool
is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		   (c >= '0' && c <= '9') ||
		   (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_token(Slice text)
{
	for (uint32_t i = 0; i < text.length; i++)
	{
		if (!is_token_char(text.data[i]))
			return false;
	}
	return text.length > 0;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c + 32) : c;
}

static bool
equals(Slice text, const char *word)
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

/* Visible characters, spaces, tabs, and bytes above ASCII. */
static bool
is_field_value(Slice value)
{
	for (uint32_t i = 0; i < value.length; i++)
	{
		unsigned char c = (unsigned char) value.data[i];

		if (c != '\t' && (c < ' ' || c == 127))
			return false;
	}
	return true;
}

static bool
read_length(Slice value, uint64_t *length)
{
	*length = 0;
	if (value.length == 0 || value.length > 18)
		return false;
	for (uint32_t i = 0; i < value.length; i++)
	{
		if (value.data[i] < '0' || value.data[i] > '9')
			return false;
		*length = *length * 10 + (uint64_t) (value.data[i] - '0');
	}
	return true;
}

/* Sets a header that may come once. */
static bool
set_once(Slice *field, Slice value)
{
	if (field->data != NULL)
		return false;
	*field = value;
	return true;
}

/* "Connection" is a list; nothing but close and keep-alive concerns us. */
static void
read_connection(Http1Head *head, Slice value)
{
	while (value.length > 0)
	{
		const char *comma = memchr(value.data, ',', value.length);
		Slice option = value;

		if (comma == NULL)
			value.length = 0;
		else
		{
			option.length = (uint32_t) (comma - value.data);
			value = (Slice){comma + 1, value.length - option.length - 1};
		}
		if (equals(trim(option), "close"))
			head->is_kept_alive = false;
	}
}

static int
read_field(Http1Head *head, Slice name, Slice value)
{
	if (equals(name, "content-length"))
	{
		if (head->has_length || !read_length(value, &head->length))
			return BAD_REQUEST;
		head->has_length = true;
	}
	else if (equals(name, "transfer-encoding"))
	{
		if (head->is_chunked)
			return BAD_REQUEST;
		if (!equals(value, "chunked"))
			return NOT_IMPLEMENTED;
		head->is_chunked = true;
	}
	else if (equals(name, "host"))
		return set_once(&head->host, value) ? 0 : BAD_REQUEST;
	else if (equals(name, "content-type"))
		return set_once(&head->content_type, value) ? 0 : BAD_REQUEST;
	else if (equals(name, "content-encoding"))
		return set_once(&head->content_encoding, value) ? 0 : BAD_REQUEST;
	else if (equals(name, "authorization"))
		return set_once(&head->authorization, value) ? 0 : BAD_REQUEST;
	else if (equals(name, "origin"))
		head->has_origin = true;
	else if (equals(name, "connection"))
		read_connection(head, value);
	else if (equals(name, "expect"))
	{
		if (!equals(value, "100-continue"))
			return 417;
		head->expects_continue = true;
	}
	return 0;
}

/* A line "Name: value" without its end. */
static int
read_field_line(Http1Head *head, Slice line)
{
	const char *colon = memchr(line.data, ':', line.length);
	Slice name;
	Slice value;

	if (colon == NULL)
		return BAD_REQUEST;
	name = (Slice){line.data, (uint32_t) (colon - line.data)};
	value = trim((Slice){colon + 1, line.length - name.length - 1});
	if (!is_token(name) || !is_field_value(value))
		return BAD_REQUEST;
	return read_field(head, name, value);
}

/* Whether a text begins with this, in any case. */
static bool
begins_with(Slice text, const char *word)
{
	size_t length = strlen(word);

	return text.length >= length &&
		   equals((Slice){text.data, (uint32_t) length}, word);
}

/*
 * "/path", or the whole URL, which RFC 9112 wants to be accepted.  One with a
 * user in it is none of ours.
 */
static bool
read_target(Http1Head *head, Slice target)
{
	const char *slash;

	for (uint32_t i = 0; i < target.length; i++)
	{
		if (target.data[i] <= ' ' || target.data[i] == 127)
			return false;
	}
	head->path = target;
	if (target.length > 0 && *target.data == '/')
		return true;
	if (begins_with(target, "http://"))
		target = (Slice){target.data + 7, target.length - 7};
	else if (begins_with(target, "https://"))
		target = (Slice){target.data + 8, target.length - 8};
	else
		return false;
	head->authority = target;
	for (uint32_t i = 0; i < target.length; i++)
	{
		if (target.data[i] == '@')
			return false;
		if (target.data[i] == '/' || target.data[i] == '?')
		{
			head->authority.length = i;
			break;
		}
	}
	slash = target.data + head->authority.length;
	head->path = (Slice){slash, target.length - head->authority.length};
	return head->authority.length > 0;
}

/* "METHOD /path?query HTTP/1.1" */
static int
read_request_line(Http1Head *head, Slice line)
{
	const char *space = memchr(line.data, ' ', line.length);
	Slice target;
	Slice version;

	if (space == NULL)
		return BAD_REQUEST;
	head->method = (Slice){line.data, (uint32_t) (space - line.data)};
	target = (Slice){space + 1, line.length - head->method.length - 1};
	space = memchr(target.data, ' ', target.length);
	if (space == NULL)
		return BAD_REQUEST;
	version = (Slice){space + 1,
					  target.length - (uint32_t) (space - target.data) - 1};
	target.length = (uint32_t) (space - target.data);
	if (!is_token(head->method) || !read_target(head, target) ||
		version.length != 8 || memcmp(version.data, "HTTP/", 5) != 0)
		return BAD_REQUEST;
	head->is_version_10 = memcmp(version.data, "HTTP/1.0", 8) == 0;
	head->is_kept_alive = !head->is_version_10;
	if (!head->is_version_10 && memcmp(version.data, "HTTP/1.1", 8) != 0)
		return VERSION_NOT_SUPPORTED;
	return 0;
}

/* What is wrong with the head as a whole. */
static int
check_head(Http1Head *head)
{
	if (head->is_chunked && (head->has_length || head->is_version_10))
		return BAD_REQUEST;
	if (head->host.data == NULL && !head->is_version_10)
		return BAD_REQUEST;
	if (head->authority.data != NULL)
		head->host = head->authority;
	return 0;
}

/* The next line that ends in CR LF; false if it does not, or not yet. */
static bool
next_line(const char **at, const char *end, Slice *line, bool *is_bad)
{
	const char *feed = memchr(*at, '\n', (size_t) (end - *at));

	if (feed == NULL)
		return false;
	if (feed == *at || feed[-1] != '\r' ||
		memchr(*at, '\r', (size_t) (feed - 1 - *at)) != NULL)
	{
		*is_bad = true;
		return false;
	}
	*line = (Slice){*at, (uint32_t) (feed - 1 - *at)};
	*at = feed + 1;
	return true;
}

static Http1Result
fail(int *status, int code)
{
	*status = code;
	return HTTP1_BAD;
}

/* Reads lines up to the empty one. */
static Http1Result
read_lines(const char *data, size_t length, Http1Head *head, size_t *used,
		   int *status)
{
	const char *at = data;
	const char *end = data + length;
	int fields = 0;
	bool is_bad = false;
	bool has_request_line = false;
	Slice line;

	while (next_line(&at, end, &line, &is_bad))
	{
		int code;

		if (!has_request_line && line.length == 0 && at == data + 2)
			continue;
		if (has_request_line && line.length == 0)
		{
			*used = (size_t) (at - data);
			code = check_head(head);
			return code == 0 ? HTTP1_DONE : fail(status, code);
		}
		if (!has_request_line && line.length > HTTP1_MAX_REQUEST_LINE)
			return fail(status, URI_TOO_LONG);
		if (has_request_line && ++fields > HTTP1_MAX_FIELDS)
			return fail(status, FIELDS_TOO_LARGE);
		code = has_request_line ? read_field_line(head, line)
								: read_request_line(head, line);
		if (code != 0)
			return fail(status, code);
		has_request_line = true;
	}
	if (is_bad)
		return fail(status, BAD_REQUEST);
	return HTTP1_MORE;
}

Http1Result
http1_read_head(const char *data, size_t length, Http1Head *head, size_t *used,
				int *status)
{
	size_t seen = length < HTTP1_MAX_HEAD ? length : HTTP1_MAX_HEAD;
	Http1Result result;

	*head = (Http1Head){0};
	result = read_lines(data, seen, head, used, status);
	if (result == HTTP1_MORE && length >= HTTP1_MAX_HEAD)
		return fail(status, FIELDS_TOO_LARGE);
	return result;
}

enum
{
	CHUNK_SIZE, /* a line with the size of a chunk comes next */
	CHUNK_DATA,
	CHUNK_END, /* the line end behind a chunk */
	CHUNK_TRAILER,
};

/* "SIZE[;extension]" */
static bool
read_chunk_size(Slice line, uint64_t *size)
{
	uint32_t digits = 0;

	*size = 0;
	for (; digits < line.length; digits++)
	{
		char c = lower(line.data[digits]);

		if (c >= '0' && c <= '9')
			*size = *size << 4 | (uint64_t) (c - '0');
		else if (c >= 'a' && c <= 'f')
			*size = *size << 4 | (uint64_t) (c - 'a' + 10);
		else
			break;
		if (digits == MAX_SIZE_DIGITS)
			return false;
	}
	return digits > 0 && (digits == line.length || line.data[digits] == ';') &&
		   is_field_value(line);
}

/* One step that needs a whole line. */
static Http1Result
read_chunk_line(Http1Chunks *chunks, Slice line, int *status)
{
	/* as if it had come byte by byte */
	if (line.length >= MAX_CHUNK_LINE)
		return fail(status, BAD_REQUEST);
	switch (chunks->state)
	{
		case CHUNK_SIZE:
			if (!read_chunk_size(line, &chunks->left))
				return fail(status, BAD_REQUEST);
			chunks->state = chunks->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
			return HTTP1_MORE;
		case CHUNK_END:
			if (line.length > 0)
				return fail(status, BAD_REQUEST);
			chunks->state = CHUNK_SIZE;
			return HTTP1_MORE;
		default:
			/* trailers are allowed and mean nothing to us */
			chunks->trailer += line.length;
			if (chunks->trailer > MAX_TRAILER || !is_field_value(line))
				return fail(status, FIELDS_TOO_LARGE);
			return line.length == 0 ? HTTP1_DONE : HTTP1_MORE;
	}
}

Http1Result
http1_read_chunks(Http1Chunks *chunks, const char *data, size_t length,
				  Slice *part, size_t *used, int *status)
{
	const char *at = data;
	const char *end = data + length;
	bool is_bad = false;
	Slice line;

	*part = (Slice){NULL, 0};
	*used = 0;
	for (;;)
	{
		Http1Result result;

		if (chunks->state == CHUNK_DATA)
		{
			size_t here = (size_t) (end - at);

			if (here > chunks->left)
				here = (size_t) chunks->left;
			*part = (Slice){at, (uint32_t) here};
			chunks->left -= here;
			if (chunks->left == 0)
				chunks->state = CHUNK_END;
			*used = (size_t) (at - data) + here;
			return HTTP1_MORE;
		}
		if (!next_line(&at, end, &line, &is_bad))
			break;
		result = read_chunk_line(chunks, line, status);
		*used = (size_t) (at - data);
		if (result != HTTP1_MORE)
			return result;
	}
	if (is_bad || (size_t) (end - at) > MAX_CHUNK_LINE)
		return fail(status, BAD_REQUEST);
	return HTTP1_MORE;
}
