/*
 * Fuzzes building a tree, and all of the critical path, with any spans, times
 * at the ends of their range among them.  Whatever the spans, the sections of a
 * root lie one behind the other and cover it.
 */
#include "core/path/critical_path.h"
#include "span_list.h"

#define SPAN_BYTES 8

/* What one byte of time stands for. */
static int64_t
read_time(uint8_t byte)
{
	if (byte >= 252)
		return INT64_MAX - (255 - byte);
	if (byte >= 248)
		return INT64_MIN + (byte - 248);
	return byte < 200 ? byte : (int64_t) (byte - 220) * 1000000;
}

static Slice
read_id(SpanList *list, uint8_t byte)
{
	if (byte == 255)
		return (Slice){NULL, 0};
	return span_list_text(list, "%d", byte & 63);
}

static void
read_span(SpanList *list, const uint8_t *data)
{
	Span span = {
		.span_id = span_list_text(list, "%d", data[0] & 63),
		.parent_span_id = read_id(list, data[1]),
		.service_name = span_list_text(list, "%c", 'a' + (data[2] & 3)),
		.operation = span_list_text(list, "%c", 'a' + (data[2] >> 6)),
		.start_time = read_time(data[3]),
		.end_time = read_time(data[4]),
		.duration = read_time(data[5]),
		.kind = data[6] % SPAN_KIND_COUNT,
		.flags = data[7] & (SPAN_HAS_START | SPAN_HAS_END | SPAN_HAS_DURATION |
							SPAN_IS_ERROR),
	};

	span_list_add(list, &span);
}

static CriticalPathOptions
read_options(const uint8_t *data)
{
	CriticalPathOptions options = CRITICAL_PATH_DEFAULTS;

	options.overlap_tolerance = (double) (data[0] & 15) / 8;
	options.max_overlap = data[1] == 255 ? INT64_MAX : data[1] * 4;
	options.overflow = (PathOverflow) (data[2] & 1);
	options.skew = (PathSkew) (data[2] >> 1 & 1);
	options.messaging = (PathMessaging) (data[2] >> 2 & 1);
	options.roots = (PathRoots) ((data[2] >> 3) % 3);
	return options;
}

static void
check_sections(const CriticalPath *path)
{
	uint32_t i = 0;

	for (uint32_t r = 0; r < path->root_count; r++)
	{
		uint32_t root = path->roots[r];
		PathWindow window =
			path->windows[root == SPAN_TREE_NONE ? path->tree->span_count
												 : root];

		for (; i < path->section_count && path->sections[i].root == root; i++)
		{
			if (path->sections[i].start != window.start ||
				path->sections[i].end <= window.start)
				abort();
			window.start = path->sections[i].end;
		}
		if (window.start != window.end)
			abort();
	}
	if (i != path->section_count)
		abort();
}

static void
run(UnitHost *unit, const SpanTree *tree, const CriticalPathOptions *options)
{
	int64_t *slack = unit_allocate(&unit->host, tree->span_count * 8);
	int64_t *drag = unit_allocate(&unit->host, tree->span_count * 8);
	uint32_t *child_count = unit_allocate(&unit->host, tree->span_count * 4);
	WhatIf what_if = {.span = SPAN_TREE_NONE, .factor = 0.5};
	WhatIfResult result;
	Parallelism parallelism;
	CriticalPath path;
	PathSpan *spans;
	uint32_t count;
	Host *host = &unit->host;

	what_if.service_name = SLICE_LITERAL("a");
	if (span_tree_self_times(host, tree, slack, child_count) != CORE_OK ||
		critical_path_find(host, tree, options, &path) != CORE_OK ||
		critical_path_spans(host, &path, &spans, &count) != CORE_OK ||
		critical_path_slack(host, &path, slack, drag) != CORE_OK ||
		critical_path_what_if(host, &path, &what_if, &result) != CORE_OK ||
		critical_path_parallelism(host, &path, &parallelism) != CORE_OK)
		abort();
	check_sections(&path);
}

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CriticalPathOptions options;
	SpanList list;
	UnitHost unit;
	SpanTree *tree;

	if (size < 4)
		return 0;
	options = read_options(data);
	span_list_init(&list);
	unit_host_init(&unit);
	for (size_t at = 4; at + SPAN_BYTES <= size; at += SPAN_BYTES)
		read_span(&list, data + at);
	tree = span_list_build(&unit, &list);
	if (data[3] < tree->span_count)
		options.root = data[3];
	run(&unit, tree, &options);
	unit_host_release(&unit);
	span_list_free(&list);
	return 0;
}
