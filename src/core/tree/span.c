/*
 * Names of span kinds.
 */
#include "core/tree/span.h"

static const char *const kind_names[SPAN_KIND_COUNT] = {
	NULL,
	"unspecified",
	"internal",
	"server",
	"client",
	"producer",
	"consumer",
};

const char *
span_kind_name(SpanKind kind)
{
	return kind < SPAN_KIND_COUNT ? kind_names[kind] : NULL;
}

static bool
equals_ignoring_case(Slice name, const char *lower)
{
	for (uint32_t i = 0; i < name.length; i++)
	{
		char c = name.data[i];

		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		if (c != lower[i]) /* also where lower has ended */
			return false;
	}
	return lower[name.length] == '\0';
}

SpanKind
span_kind_from_name(Slice name)
{
	for (int kind = SPAN_KIND_UNSPECIFIED; kind < SPAN_KIND_COUNT; kind++)
	{
		if (equals_ignoring_case(name, kind_names[kind]))
			return (SpanKind) kind;
	}
	return SPAN_KIND_ABSENT;
}
