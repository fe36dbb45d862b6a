/*
 * Spans gathered one by one, to be shuffled and built into a tree; and a small
 * generator of random numbers whose seed a failing test can print.
 */
#ifndef SPAN_LIST_H
#define SPAN_LIST_H

#include "core/tree/span_tree.h"
#include "unit.h"

typedef struct SpanList
{
	Span *spans;
	size_t count;
	size_t room;
	UnitHost texts; /* what the spans' slices point into, if it is the list's */
} SpanList;

static inline void
span_list_init(SpanList *list)
{
	memset(list, 0, sizeof(*list));
	unit_host_init(&list->texts);
}

static inline void
span_list_add(SpanList *list, const Span *span)
{
	if (list->count == list->room)
	{
		list->room = list->room * 2 + 64;
		list->spans = realloc(list->spans, list->room * sizeof(Span));
	}
	list->spans[list->count++] = *span;
}

static inline void
span_list_clear(SpanList *list)
{
	list->count = 0;
	unit_host_release(&list->texts);
}

static inline void
span_list_free(SpanList *list)
{
	span_list_clear(list);
	free(list->spans);
	list->spans = NULL;
	list->room = 0;
}

/* A copy of a text that lives as long as the list's spans. */
__attribute__((format(printf, 2, 3))) static inline Slice
span_list_text(SpanList *list, const char *format, ...)
{
	char text[256];
	va_list arguments;
	uint32_t length;
	char *copy;

	va_start(arguments, format);
	length = (uint32_t) vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	copy = unit_allocate(&list->texts.host, length + 1);
	memcpy(copy, text, length + 1);
	return (Slice){copy, length};
}

/* The open form, in the host's memory. */
static inline SpanTree *
span_list_open(UnitHost *unit, const SpanList *list)
{
	Slice trace_id = SLICE_LITERAL("0af7651916cd43dd8448eb211c80319c");
	size_t size = span_tree_open_size(trace_id, &(Span){0});
	SpanTree *open;

	for (size_t i = 0; i < list->count; i++)
		size += span_tree_span_size(&list->spans[i]);
	open = unit_allocate(&unit->host, size);
	memset(open, 0, size);
	span_tree_open(open, trace_id);
	for (size_t i = 0; i < list->count; i++)
		span_tree_add(open, &list->spans[i]);
	return open;
}

static inline SpanTree *
span_list_build(UnitHost *unit, const SpanList *list)
{
	SpanTree *built = NULL;

	if (span_tree_build(&unit->host, span_list_open(unit, list), &built) !=
		CORE_OK)
		abort();
	return built;
}

/* A field of span_list_parse: "-" or nothing is "not recorded". */
static inline bool
span_field_time(const char *field, int64_t *time)
{
	if (field == NULL || strcmp(field, "-") == 0)
		return false;
	*time = strtoll(field, NULL, 10);
	return true;
}

/*
 * Adds spans written as "id parent start end service kind", one after another
 * with semicolons between; what is missing at the end is left open, the service
 * then "s".  The operation is the id.
 */
static inline void
span_list_parse(SpanList *list, const char *text)
{
	char *copy = strdup(text);
	char *rest = copy;

	for (char *entry; (entry = strsep(&rest, ";")) != NULL;)
	{
		char *fields[6] = {NULL};
		Span span = {0};
		char *field;

		for (int i = 0; i < 6 && (field = strsep(&entry, " ")) != NULL;)
		{
			if (*field != '\0')
				fields[i++] = field;
		}
		if (fields[0] == NULL)
			continue;
		span.span_id = span_list_text(list, "%s", fields[0]);
		if (fields[1] != NULL && strcmp(fields[1], "-") != 0)
			span.parent_span_id = span_list_text(list, "%s", fields[1]);
		span.service_name =
			span_list_text(list, "%s", fields[4] != NULL ? fields[4] : "s");
		span.operation = span.span_id;
		if (span_field_time(fields[2], &span.start_time))
			span.flags |= SPAN_HAS_START;
		if (span_field_time(fields[3], &span.end_time))
			span.flags |= SPAN_HAS_END;
		span.kind = (uint8_t) (fields[5] != NULL
								   ? span_kind_from_name(
										 span_list_text(list, "%s", fields[5]))
								   : SPAN_KIND_ABSENT);
		span_list_add(list, &span);
	}
	free(copy);
}

/* xorshift64*: below `bound`. */
static inline uint64_t
random_below(uint64_t *state, uint64_t bound)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return ((*state * UINT64_C(0x2545f4914f6cdd1d)) >> 11) % bound;
}

static inline uint64_t
random_seeded(uint64_t seed)
{
	uint64_t state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);

	for (int i = 0; i < 4; i++)
		random_below(&state, 2);
	return state;
}

static inline void
span_list_shuffle(SpanList *list, uint64_t *state)
{
	for (size_t i = list->count; i > 1; i--)
	{
		size_t j = random_below(state, i);
		Span kept = list->spans[i - 1];

		list->spans[i - 1] = list->spans[j];
		list->spans[j] = kept;
	}
}

#endif
