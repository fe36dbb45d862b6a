/*
 * The critical path as a filter, for critical_path_model.py: traces in, one
 * line a fact out.
 *
 * Input, fields parted by tabs; \N is "not recorded", in a time as in an id:
 *
 *	T tolerance max_overlap overflow roots skew messaging root
 *	  factor service operation
 *	S span_id parent service operation start end duration kind    a span
 *	E                                                    end of the trace
 *
 * The options are the numbers of the enums of critical_path.h; root, service
 * and operation may be \N.
 */
#include "core/path/critical_path.h"
#include "span_list.h"

#define MAX_FIELDS 16

typedef struct Request
{
	CriticalPathOptions options;
	WhatIf what_if;
	Slice root;
} Request;

static int
split(char *line, char **fields)
{
	int count = 0;

	line[strcspn(line, "\n")] = '\0';
	for (char *at = line; at != NULL && count < MAX_FIELDS; count++)
		fields[count] = strsep(&at, "\t");
	return count;
}

static Slice
read_text(SpanList *list, const char *field)
{
	if (strcmp(field, "\\N") == 0)
		return (Slice){NULL, 0};
	return span_list_text(list, "%s", field);
}

static int64_t
read_time(const char *field, uint8_t *flags, uint8_t flag)
{
	if (strcmp(field, "\\N") == 0)
		return 0;
	*flags |= flag;
	return strtoll(field, NULL, 10);
}

static void
read_request(SpanList *list, char **fields, Request *request)
{
	request->options = (CriticalPathOptions){
		.root = SPAN_TREE_NONE,
		.overlap_tolerance = strtod(fields[1], NULL),
		.max_overlap = strtoll(fields[2], NULL, 10),
		.overflow = (PathOverflow) atoi(fields[3]),
		.roots = (PathRoots) atoi(fields[4]),
		.skew = (PathSkew) atoi(fields[5]),
		.messaging = (PathMessaging) atoi(fields[6]),
	};
	request->root = read_text(list, fields[7]);
	request->what_if = (WhatIf){
		.factor = strtod(fields[8], NULL),
		.service_name = read_text(list, fields[9]),
		.operation = read_text(list, fields[10]),
		.span = SPAN_TREE_NONE,
	};
}

static void
read_span(SpanList *list, char **fields)
{
	Span span = {0};

	span.span_id = read_text(list, fields[1]);
	span.parent_span_id = read_text(list, fields[2]);
	span.service_name = read_text(list, fields[3]);
	span.operation = read_text(list, fields[4]);
	span.start_time = read_time(fields[5], &span.flags, SPAN_HAS_START);
	span.end_time = read_time(fields[6], &span.flags, SPAN_HAS_END);
	span.duration = read_time(fields[7], &span.flags, SPAN_HAS_DURATION);
	span.kind = (uint8_t) atoi(fields[8]);
	span_list_add(list, &span);
}

static void
print_text(const SpanTree *tree, uint32_t offset)
{
	Slice text = span_tree_string(tree, offset);

	printf("\t%.*s", (int) text.length, text.length > 0 ? text.data : "");
}

/* id, service and operation, which tell spans apart. */
static void
print_span(const SpanTree *tree, uint32_t span)
{
	const SpanNode *node = &span_tree_nodes(tree)[span];

	if (span == SPAN_TREE_NONE)
	{
		printf("\t\\N\t\\N\t\\N");
		return;
	}
	print_text(tree, node->span_id);
	print_text(tree, node->service_name);
	print_text(tree, node->operation);
}

static void
print_sections(const CriticalPath *path)
{
	const SpanNode *nodes = span_tree_nodes(path->tree);

	for (uint32_t i = 0; i < path->section_count; i++)
	{
		const PathSection *section = &path->sections[i];

		printf("section");
		print_span(path->tree, section->span);
		if (section->root == SPAN_TREE_NONE)
			printf("\t\\N");
		else
			print_text(path->tree, nodes[section->root].span_id);
		printf("\t%" PRId64 "\t%" PRId64 "\n", section->start, section->end);
	}
}

static void
print_spans(UnitHost *unit, const CriticalPath *path)
{
	PathSpan *spans;
	uint32_t count;

	if (critical_path_spans(&unit->host, path, &spans, &count) != CORE_OK)
		abort();
	for (uint32_t i = 0; i < count; i++)
	{
		printf("span");
		print_span(path->tree, spans[i].span);
		printf("\t%" PRIu32 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64
			   "\t%" PRId64 "\n",
			   spans[i].sections,
			   spans[i].first_start,
			   spans[i].last_end,
			   spans[i].exclusive,
			   spans[i].inclusive,
			   spans[i].clipped);
	}
}

static void
print_slack(UnitHost *unit, const CriticalPath *path)
{
	uint32_t count = path->tree->span_count;
	int64_t *slack = unit_allocate(&unit->host, count * sizeof(int64_t));
	int64_t *drag = unit_allocate(&unit->host, count * sizeof(int64_t));

	if (critical_path_slack(&unit->host, path, slack, drag) != CORE_OK)
		abort();
	for (uint32_t i = 0; i < count; i++)
	{
		printf("slack");
		print_span(path->tree, i);
		printf("\t%" PRId64 "\t%" PRId64 "\n", slack[i], drag[i]);
	}
}

static void
print_counts(const CriticalPath *path)
{
	const CriticalPathCounts *c = &path->counts;

	printf("counts\t%" PRId64 "\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u\n",
		   c->total,
		   c->spans,
		   c->on_path_spans,
		   c->roots,
		   c->orphans,
		   c->unreachable,
		   c->pruned,
		   c->duplicates,
		   c->clipped,
		   c->dropped,
		   c->overflow_children,
		   c->bad_times);
}

static void
print_totals(UnitHost *unit, const CriticalPath *path, const WhatIf *what_if)
{
	WhatIfResult result;
	Parallelism parallelism;

	if (critical_path_what_if(&unit->host, path, what_if, &result) != CORE_OK ||
		critical_path_parallelism(&unit->host, path, &parallelism) != CORE_OK)
		abort();
	printf("what_if\t%.3f\t%.3f\t%.3f\t%.3f\t%d\t%u\n",
		   result.old_total,
		   result.new_total,
		   result.saved,
		   result.upper_bound,
		   result.path_switched,
		   result.matched);
	printf("parallelism\t%" PRId64 "\t%" PRId64 "\t%u\n",
		   parallelism.work,
		   parallelism.wall,
		   parallelism.max);
}

static void
answer(const SpanList *list, Request *request)
{
	UnitHost unit;
	SpanTree *tree;
	CriticalPath path;

	unit_host_init(&unit);
	tree = span_list_build(&unit, list);
	if (request->root.data != NULL)
		request->options.root = span_tree_find(tree, request->root);
	if (critical_path_find(&unit.host, tree, &request->options, &path) !=
		CORE_OK)
		abort();
	print_sections(&path);
	print_spans(&unit, &path);
	print_slack(&unit, &path);
	print_counts(&path);
	print_totals(&unit, &path, &request->what_if);
	printf("end\n");
	unit_host_release(&unit);
}

int
main(void)
{
	char *line = NULL;
	size_t room = 0;
	SpanList list;
	Request request = {0};

	span_list_init(&list);
	while (getline(&line, &room, stdin) > 0)
	{
		char *fields[MAX_FIELDS];
		int count = split(line, fields);

		if (fields[0][0] == 'T' && count == 11)
			read_request(&list, fields, &request);
		else if (fields[0][0] == 'S' && count == 9)
			read_span(&list, fields);
		else if (fields[0][0] == 'E')
		{
			answer(&list, &request);
			span_list_clear(&list);
		}
		else
			abort();
	}
	span_list_free(&list);
	free(line);
	return 0;
}
