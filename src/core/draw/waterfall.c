/*
 * Drawing a trace as lines of text.
 *
 * A row is "label duration bar|", with the span's id before the duration where
 * that is asked for.  The label holds the tree's guides, marks
 * and the span's name, and takes what the longest label needs, up to half of
 * the line.  Where the guides of a deep tree would take more than half of the
 * label, they are folded into the number of the depth.
 *
 * A cell of a bar is a column of the time axis.  A bar begins and ends where
 * its times round to, so bars that follow one another do not overlap; a cell
 * is full if at least half of the span's time in it is the span's own (or, if
 * sections are given, on the critical path).  What is shorter than a column
 * has one cell, in the column in which it starts.
 *
 * Times become positions on the axis by integer arithmetic alone: a time since
 * the trace's start, times the number of columns; one column is then as long
 * as the whole trace.  Of times too long for that the low bits are dropped.
 */
#include "core/draw/waterfall.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/tree/summary.h"

#define MIN_LABEL 20
#define MIN_DURATION 8 /* the heading's width */
#define MAX_ID 16	   /* of OpenTelemetry's ids; longer ones are cut */
#define MIN_ID 7	   /* the heading's width */
#define GUIDE_COLUMNS 3

#define MAX_LEVELS (WATERFALL_MAX_WIDTH / GUIDE_COLUMNS)

typedef enum Cell
{
	CELL_EMPTY,
	CELL_FULL,
	CELL_PART,
	CELL_NARROW,
	CELL_BEFORE,
	CELL_AFTER,
	CELL_UNFINISHED,
} Cell;

#define CELL_COUNT (CELL_UNFINISHED + 1)

typedef struct Glyphs
{
	const char *cells[CELL_COUNT];
	const char *child;
	const char *last_child;
	const char *through;
	const char *ellipsis;
} Glyphs;

static const Glyphs unicode_glyphs = {
	{" ", "█", "░", "▏", "‹", "›", "~"},
	"├─ ",
	"└─ ",
	"│  ",
	"…",
};

static const Glyphs ascii_glyphs = {
	{" ", "#", "-", "|", "<", ">", "~"},
	"|- ",
	"`- ",
	"|  ",
	"...",
};

#define ERROR_MARK "! "
#define ORPHAN_MARK "? "
#define CYCLE_MARK "@ "
#define COPY_MARK "= "

/* What a picture shows, and its legend therefore explains: beside these its
 * cells, each 1 << Cell. */
enum
{
	SHOWN_FOLDED = 1 << CELL_COUNT,
	SHOWN_ERROR = 2 << CELL_COUNT,
	SHOWN_ORPHAN = 4 << CELL_COUNT,
	SHOWN_CYCLE = 8 << CELL_COUNT,
	SHOWN_COPY = 16 << CELL_COUNT,
};

typedef struct Waterfall
{
	Host *host;
	const SpanTree *tree;
	const SpanNode *nodes;
	WaterfallPainter *painter;
	const Glyphs *glyphs;
	TraceSummary summary;
	Line line;
	Line item;	  /* what put_item puts into line next */
	Line scratch; /* what is only measured */
	int label_columns;
	int id_columns; /* the blank before it included; 0: no ids */
	int duration_columns;
	int bar_columns;
	uint32_t fold_depth; /* guides are drawn up to this depth */
	bool *is_followed;	 /* by depth: the branch goes on below this row */
	uint64_t axis;		 /* length of the trace, low bits dropped */
	int dropped_bits;
	uint64_t *solid;		 /* by column: the part of the bar that is full */
	Cell *cells;			 /* by column: what is drawn */
	uint32_t *first_section; /* span_count + 1 members: where in sections */
	uint32_t *sections;		 /* numbers of sections, grouped by span */
	uint32_t shown;
} Waterfall;

static void
put_line(Waterfall *w)
{
	w->painter->put_line(w->painter, line_slice(&w->line));
	line_clear(&w->line);
}

/*
 * Items that fill lines, three spaces apart.
 */

static void
begin_item(Waterfall *w)
{
	line_clear(&w->item);
	line_open_field(&w->item, w->painter->width);
}

static void
put_item(Waterfall *w)
{
	Line *line = &w->line;

	if (line->columns > 0 &&
		line->columns + 3 + w->item.columns > w->painter->width)
		put_line(w);
	if (line->columns > 0)
	{
		line_open_field(line, line->columns + 3);
		line_pad(line);
	}
	line_append(line, &w->item);
}

static void
put_text_item(Waterfall *w, const char *text)
{
	begin_item(w);
	line_put(&w->item, text);
	put_item(w);
}

static void
put_count_item(Waterfall *w, uint32_t count, const char *one, const char *many)
{
	char text[40];

	snprintf(
		text, sizeof(text), "%" PRIu32 " %s", count, count == 1 ? one : many);
	put_text_item(w, text);
}

static void
put_problem_item(Waterfall *w, uint32_t count, const char *one,
				 const char *many)
{
	if (count > 0)
		put_count_item(w, count, one, many);
}

/* The columns of a name, as far as they matter: up to `most`, else one more. */
static int
name_columns(Waterfall *w, Slice name, int most)
{
	line_clear(&w->scratch);
	line_open_field(&w->scratch, most);
	line_put_name(&w->scratch, name);
	return w->scratch.is_cut ? most + 1 : w->scratch.columns;
}

/*
 * Puts "service: operation" up to a column.  If both are too long together the
 * service gives way first, down to two thirds of the room, so that something
 * of the operation is always seen.
 */
static void
put_name(Waterfall *w, Line *line, const SpanNode *node, int column)
{
	Slice service = span_tree_string(w->tree, node->service_name);
	Slice operation = span_tree_string(w->tree, node->operation);
	int room = column - line->columns - 2 > 0 ? column - line->columns - 2 : 0;
	int left = room - name_columns(w, operation, room);
	int wanted = name_columns(w, service, room);

	if (left < room * 2 / 3)
		left = room * 2 / 3;
	line_open_field(line, line->columns + (wanted < left ? wanted : left));
	line_put_name(line, service);
	line_open_field(line, column);
	line_put(line, ": ");
	line_put_name(line, operation);
}

static int64_t
trace_length(const Waterfall *w)
{
	return time_difference(w->summary.end_time, w->summary.start_time);
}

static void
draw_title(Waterfall *w)
{
	begin_item(w);
	line_put(&w->item, "Trace ");
	line_put_name(&w->item, span_tree_trace_id(w->tree));
	put_item(w);
	begin_item(w);
	put_name(w, &w->item, &w->nodes[w->summary.root], w->painter->width);
	put_item(w);
	put_line(w);
}

static void
draw_figures(Waterfall *w)
{
	const TraceSummary *s = &w->summary;
	char text[WATERFALL_TIME_SIZE];

	if (s->has_times)
	{
		begin_item(w);
		line_put(&w->item, "Start ");
		w->painter->format_time(w->painter, s->start_time, text);
		line_put(&w->item, text);
		put_item(w);
		begin_item(w);
		line_put(&w->item, "Duration ");
		duration_text(text, trace_length(w), w->painter->screen.ascii);
		line_put(&w->item, text);
		put_item(w);
	}
	put_count_item(w, s->span_count, "span", "spans");
	put_count_item(w, s->service_count, "service", "services");
	put_count_item(w, s->max_depth + 1, "level", "levels");
	put_problem_item(w, s->error_count, "error", "errors");
	put_problem_item(w, s->orphan_count, "orphan", "orphans");
	if (s->root_count > 1)
		put_count_item(w, s->root_count, "root", "roots");
	put_line(w);
}

/*
 * Labels.
 */

static bool
has_next_sibling(const Waterfall *w, uint32_t i)
{
	uint32_t next = i + w->nodes[i].descendants + 1;

	return next < w->tree->span_count &&
		   w->nodes[next].parent == w->nodes[i].parent;
}

/* In pre-order, what a row leaves in is_followed holds for all rows below. */
static void
put_guides(Waterfall *w, uint32_t i)
{
	uint32_t depth = w->nodes[i].depth;
	bool is_followed = has_next_sibling(w, i);
	char text[16];

	if (depth == 0)
		return;
	if (depth > w->fold_depth)
	{
		snprintf(text, sizeof(text), "%" PRIu32 " ", depth);
		line_put(&w->line, w->glyphs->ellipsis);
		line_put(&w->line, text);
		w->shown |= SHOWN_FOLDED;
	}
	else
	{
		for (uint32_t level = 1; level < depth; level++)
			line_put(&w->line,
					 w->is_followed[level] ? w->glyphs->through : "   ");
		w->is_followed[depth] = is_followed;
	}
	line_put(&w->line, is_followed ? w->glyphs->child : w->glyphs->last_child);
}

static void
put_mark(Waterfall *w, bool applies, const char *mark, uint32_t shown)
{
	if (!applies)
		return;
	line_put(&w->line, mark);
	w->shown |= shown;
}

static void
put_label(Waterfall *w, uint32_t i, int columns)
{
	const SpanNode *node = &w->nodes[i];

	line_open_field(&w->line, columns);
	put_guides(w, i);
	put_mark(w, node->flags & NODE_IS_ORPHAN, ORPHAN_MARK, SHOWN_ORPHAN);
	put_mark(w, node->flags & NODE_IN_CYCLE, CYCLE_MARK, SHOWN_CYCLE);
	put_mark(w, node->flags & NODE_IS_COPY, COPY_MARK, SHOWN_COPY);
	put_mark(w, node->flags & SPAN_IS_ERROR, ERROR_MARK, SHOWN_ERROR);
	put_name(w, &w->line, node, columns);
}

static bool
is_unfinished(const SpanNode *node)
{
	return !(node->flags & (SPAN_HAS_END | SPAN_HAS_DURATION));
}

/* An unfinished span has lasted at least as long as it reaches. */
static void
format_span_duration(const Waterfall *w, const SpanNode *node,
					 char text[DURATION_SIZE + 1])
{
	int64_t duration;

	if (span_node_duration(node, &duration))
		duration_text(text, duration, w->painter->screen.ascii);
	else if (node->flags & SPAN_HAS_START)
	{
		*text++ = '~';
		duration_text(text,
					  time_difference(node->reach, node->start_time),
					  w->painter->screen.ascii);
	}
	else
		strcpy(text, "-");
}

/* The columns of the longest id, and a blank. */
static int
choose_id_columns(Waterfall *w)
{
	int longest = MIN_ID;

	if (!w->painter->shows_ids)
		return 0;
	for (uint32_t i = 0; i < w->tree->span_count && longest < MAX_ID; i++)
	{
		int columns = name_columns(
			w, span_tree_string(w->tree, w->nodes[i].span_id), MAX_ID);

		host_poll(w->host, i);
		if (columns > longest)
			longest = columns < MAX_ID ? columns : MAX_ID;
	}
	return longest + 1;
}

/*
 * Shares the width out.  Where the labels fold depends on the most a label may
 * have, not on what they turn out to need: that again depends on the fold.
 */
static void
choose_layout(Waterfall *w)
{
	int width = w->painter->width;
	int longest = 0;
	int most;

	w->duration_columns = MIN_DURATION;
	for (uint32_t i = 0; i < w->tree->span_count; i++)
	{
		char text[DURATION_SIZE + 1];
		int columns;

		host_poll(w->host, i);
		format_span_duration(w, &w->nodes[i], text);
		columns = text_columns(text);
		if (columns > w->duration_columns)
			w->duration_columns = columns;
	}
	w->id_columns = choose_id_columns(w);
	/* beside the label and the bar: two spaces and the border */
	most = (width - w->id_columns - w->duration_columns - 3) / 2;
	/* the other half is for marks and names */
	w->fold_depth = (uint32_t) (most / 2 / GUIDE_COLUMNS);
	for (uint32_t i = 0; i < w->tree->span_count && longest < most; i++)
	{
		host_poll(w->host, i);
		line_clear(&w->line);
		put_label(w, i, most);
		if (w->line.columns > longest)
			longest = w->line.columns;
	}
	line_clear(&w->line);
	w->label_columns = longest < MIN_LABEL ? MIN_LABEL : longest;
	w->bar_columns =
		width - w->label_columns - w->id_columns - w->duration_columns - 3;
}

/* Where the duration of a row ends. */
static int
duration_end(const Waterfall *w)
{
	return w->label_columns + w->id_columns + 1 + w->duration_columns;
}

/* Leaves the line at the end of the column of ids. */
static void
put_id(Waterfall *w, Slice id)
{
	if (w->id_columns == 0)
		return;
	line_open_field(&w->line, w->label_columns + w->id_columns);
	line_put(&w->line, " ");
	line_put_name(&w->line, id);
	line_pad(&w->line);
}

/* Puts a text so that it ends at a column. */
static void
put_right_aligned(Line *line, const char *text, int column)
{
	line_open_field(line, column - text_columns(text));
	line_pad(line);
	line_open_field(line, column);
	line_put(line, text);
}

/*
 * The ruler.
 */

/* Where quarter, half, ... `mark` of `marks` lies. */
static int
ruler_column(const Waterfall *w, int mark, int marks)
{
	return (int) ((int64_t) w->bar_columns * mark / marks);
}

/* The time there, as "|103ms". */
static void
format_ruler_mark(const Waterfall *w, int mark, int marks,
				  char text[DURATION_SIZE + 1])
{
	char duration[DURATION_SIZE] = "0";
	char *to = text;

	if (mark > 0)
		duration_part_text(
			duration, trace_length(w), mark, marks, w->painter->screen.ascii);
	*to++ = '|';
	for (const char *from = duration; *from != '\0'; from++)
	{
		if (*from != ' ')
			*to++ = *from;
	}
	*to = '\0';
}

/* Whether so many marks leave each of them room. */
static bool
ruler_fits(const Waterfall *w, int marks)
{
	char text[DURATION_SIZE + 1];

	for (int mark = 0; mark < marks; mark++)
	{
		format_ruler_mark(w, mark, marks, text);
		if (text_columns(text) >
			ruler_column(w, mark + 1, marks) - ruler_column(w, mark, marks))
			return false;
	}
	return true;
}

static void
draw_ruler(Waterfall *w)
{
	int bar = duration_end(w) + 1;
	int marks = trace_length(w) > 0 ? 4 : 1;
	char text[DURATION_SIZE + 1];

	while (marks > 1 && !ruler_fits(w, marks))
		marks /= 2;
	line_open_field(&w->line, w->label_columns);
	line_put(&w->line, "Service: operation");
	line_pad(&w->line);
	put_id(w, SLICE_LITERAL("Span id"));
	put_right_aligned(&w->line, "Duration", bar - 1);
	line_open_field(&w->line, bar);
	line_pad(&w->line);
	for (int mark = 0; mark < marks; mark++)
	{
		line_open_field(&w->line, bar + ruler_column(w, mark + 1, marks));
		format_ruler_mark(w, mark, marks, text);
		line_put(&w->line, text);
		line_pad(&w->line);
	}
	line_open_field(&w->line, w->painter->width);
	line_put(&w->line, "|");
	put_line(w);
}

/*
 * Bars.  A position is a place on the axis; a column is w->axis long.
 */

static void
choose_axis(Waterfall *w)
{
	uint64_t columns = (uint64_t) w->bar_columns;

	w->axis = (uint64_t) w->summary.end_time - (uint64_t) w->summary.start_time;
	if (w->axis == 0)
		w->axis = 1;
	/* twice the whole axis is the largest number below */
	while (w->axis > UINT64_MAX / (2 * columns))
	{
		w->axis >>= 1;
		w->dropped_bits++;
	}
}

static uint64_t
position_of(const Waterfall *w, int64_t time)
{
	uint64_t passed = (uint64_t) time - (uint64_t) w->summary.start_time;

	return (passed >> w->dropped_bits) * (uint64_t) w->bar_columns;
}

/* How much of the stretch between two positions lies in a column. */
static uint64_t
part_in_column(const Waterfall *w, int column, uint64_t from, uint64_t to)
{
	uint64_t left = (uint64_t) column * w->axis;
	uint64_t right = left + w->axis;

	if (from > left)
		left = from;
	if (to < right)
		right = to;
	return right > left ? right - left : 0;
}

static void
fill_solid(Waterfall *w, int64_t start_time, int64_t end_time)
{
	uint64_t from = position_of(w, start_time);
	uint64_t to = position_of(w, end_time);

	for (int column = (int) (from / w->axis); (uint64_t) column * w->axis < to;
		 column++)
		w->solid[column] += part_in_column(w, column, from, to);
}

/* The gaps between the children, which lie in the order of their starts. */
static void
fill_own_time(Waterfall *w, uint32_t i)
{
	const SpanNode *node = &w->nodes[i];
	uint32_t end = i + node->descendants + 1;
	int64_t from = node->start_time;
	uint32_t step = 0;

	for (uint32_t c = i + 1; c < end; c += w->nodes[c].descendants + 1)
	{
		const SpanNode *child = &w->nodes[c];

		host_poll(w->host, ++step);
		/* one without a start reaches nowhere */
		if (child->reach <= from)
			continue;
		if (child->start_time > from)
			fill_solid(w,
					   from,
					   child->start_time < node->reach ? child->start_time
													   : node->reach);
		from = child->reach;
		if (from >= node->reach)
			return;
	}
	fill_solid(w, from, node->reach);
}

static void
fill_sections(Waterfall *w, uint32_t i)
{
	const SpanNode *node = &w->nodes[i];

	for (uint32_t s = w->first_section[i]; s < w->first_section[i + 1]; s++)
	{
		const PathSection *section = &w->painter->sections[w->sections[s]];
		int64_t from = section->start > node->start_time ? section->start
														 : node->start_time;
		int64_t to = section->end < node->reach ? section->end : node->reach;

		if (from < to)
			fill_solid(w, from, to);
	}
}

/* What is shorter than a column: on the path it counts as a full cell. */
static int
paint_narrow(Waterfall *w, uint64_t from, uint64_t to)
{
	uint64_t solid = 0;
	int column = (int) (from / w->axis);

	if (column >= w->bar_columns)
		column = w->bar_columns - 1;
	for (int i = column; i < w->bar_columns && i < column + 2; i++)
		solid += w->solid[i];
	if (w->painter->sections != NULL && to > from && solid * 2 >= to - from)
		w->cells[column] = CELL_FULL;
	else
		w->cells[column] = CELL_NARROW;
	return column;
}

/* Marks the ends of a bar that leave the parent's time or have no end; of a
 * bar of one cell its end counts. */
static void
paint_ends(Waterfall *w, const SpanNode *node, int first, int last)
{
	const SpanNode *parent = node;

	if (node->parent != SPAN_TREE_NONE &&
		(w->nodes[node->parent].flags & SPAN_HAS_START))
		parent = &w->nodes[node->parent];
	if (node->start_time < parent->start_time)
		w->cells[first] = CELL_BEFORE;
	if (is_unfinished(node))
		w->cells[last] = CELL_UNFINISHED;
	else if (node->reach > parent->reach)
		w->cells[last] = CELL_AFTER;
}

static void
paint_bar(Waterfall *w, uint32_t i)
{
	const SpanNode *node = &w->nodes[i];
	uint64_t from = position_of(w, node->start_time);
	uint64_t to = position_of(w, node->reach);
	int first = (int) ((from + w->axis / 2) / w->axis);
	int last = (int) ((to + w->axis / 2) / w->axis) - 1;

	memset(w->solid, 0, (size_t) w->bar_columns * sizeof(uint64_t));
	if (w->painter->sections != NULL)
		fill_sections(w, i);
	else
		fill_own_time(w, i);
	if (to - from < w->axis)
		first = last = paint_narrow(w, from, to);
	else
	{
		for (int column = first; column <= last; column++)
		{
			bool is_full =
				w->solid[column] * 2 >= part_in_column(w, column, from, to);

			w->cells[column] = is_full ? CELL_FULL : CELL_PART;
		}
	}
	paint_ends(w, node, first, last);
}

static void
put_bar(Waterfall *w, uint32_t i)
{
	for (int column = 0; column < w->bar_columns; column++)
		w->cells[column] = CELL_EMPTY;
	paint_bar(w, i);
	for (int column = 0; column < w->bar_columns; column++)
	{
		line_put(&w->line, w->glyphs->cells[w->cells[column]]);
		w->shown |= 1u << w->cells[column];
	}
}

static void
draw_row(Waterfall *w, uint32_t i)
{
	const SpanNode *node = &w->nodes[i];
	Line *line = &w->line;
	char text[DURATION_SIZE + 1];

	put_label(w, i, w->label_columns);
	line_pad(line);
	put_id(w, span_tree_string(w->tree, node->span_id));
	format_span_duration(w, node, text);
	put_right_aligned(line, text, duration_end(w));
	line_open_field(line, w->painter->width - 1);
	line_put(line, " ");
	if (node->flags & SPAN_HAS_START)
		put_bar(w, i);
	else
		line_put(line, "(no start)");
	line_pad(line);
	line_open_field(line, w->painter->width);
	line_put(line, "|");
	put_line(w);
}

/* What went wrong, below the rows: each span's name as in its row, and behind
 * it the message as far as the line goes. */
static void
draw_errors(Waterfall *w)
{
	const WaterfallPainter *painter = w->painter;
	char text[40];

	for (uint32_t i = 0; i < painter->error_count; i++)
	{
		const SpanNode *node = &w->nodes[painter->errors[i].span];

		line_open_field(&w->line, w->label_columns);
		put_mark(w, true, ERROR_MARK, SHOWN_ERROR);
		put_name(w, &w->line, node, w->label_columns);
		line_pad(&w->line);
		put_id(w, span_tree_string(w->tree, node->span_id));
		line_open_field(&w->line, painter->width);
		line_put(&w->line, " ");
		line_put_name(&w->line, painter->errors[i].message);
		put_line(w);
	}
	if (painter->further_error_count > 0)
	{
		snprintf(text,
				 sizeof(text),
				 ERROR_MARK "%" PRIu32 " more",
				 painter->further_error_count);
		put_text_item(w, text);
		put_line(w);
	}
}

/*
 * The legend.
 */

static void
explain(Waterfall *w, uint32_t shown, const char *glyph, const char *meaning)
{
	if (!(w->shown & shown))
		return;
	begin_item(w);
	line_put(&w->item, glyph);
	line_put(&w->item, meaning);
	put_item(w);
}

/* "postgres 282 ms (68%)"; the virtual root has no name. */
static void
begin_service_item(Waterfall *w, const PathGroup *group, int64_t total)
{
	Slice name = span_tree_string(w->tree, group->service_name);
	char duration[DURATION_SIZE];
	char text[DURATION_SIZE + 16];

	duration_text(duration, group->exclusive, w->painter->screen.ascii);
	snprintf(text,
			 sizeof(text),
			 " %s (%.0f%%)",
			 duration,
			 100.0 * (double) group->exclusive / (double) total);
	begin_item(w);
	line_open_field(&w->item, w->painter->width / 3);
	line_put_name(&w->item, name.data != NULL ? name : SLICE_LITERAL("(none)"));
	line_open_field(&w->item, w->painter->width);
	line_put(&w->item, text);
}

/* Who the trace was waiting for: as many services as one line takes, room for
 * the ellipsis kept. */
static void
draw_path(Waterfall *w)
{
	uint32_t count = w->painter->service_count;
	int64_t total = 0;
	uint32_t shown;
	char duration[DURATION_SIZE];
	char text[DURATION_SIZE + 16];

	for (uint32_t i = 0; i < count; i++)
		total = time_sum(total, w->painter->services[i].exclusive);
	if (total == 0)
		return;
	duration_text(duration, total, w->painter->screen.ascii);
	snprintf(text, sizeof(text), "Critical path %s:", duration);
	put_text_item(w, text);
	for (shown = 0; shown < count; shown++)
	{
		begin_service_item(w, &w->painter->services[shown], total);
		if (w->line.columns + w->item.columns + 9 > w->painter->width)
			break;
		put_item(w);
	}
	if (shown < count)
		put_text_item(w, w->glyphs->ellipsis);
	put_line(w);
}

static void
explain_cell(Waterfall *w, Cell cell, const char *meaning)
{
	explain(w, 1u << cell, w->glyphs->cells[cell], meaning);
}

static void
draw_legend(Waterfall *w)
{
	bool has_path = w->painter->sections != NULL;
	char text[DURATION_SIZE];

	explain_cell(
		w, CELL_FULL, has_path ? " on the critical path" : " working itself");
	explain_cell(
		w, CELL_PART, has_path ? " not on it" : " waiting on children");
	explain_cell(w, CELL_NARROW, " shorter than a column");
	explain_cell(w, CELL_BEFORE, " starts before its parent");
	explain_cell(w, CELL_AFTER, " ends after its parent");
	explain_cell(w, CELL_UNFINISHED, " unfinished");
	explain(w, SHOWN_ERROR, ERROR_MARK, "error");
	explain(w, SHOWN_ORPHAN, ORPHAN_MARK, "its parent was not recorded");
	explain(w, SHOWN_CYCLE, CYCLE_MARK, "its parents form a cycle");
	explain(w, SHOWN_COPY, COPY_MARK, "repeats the id of another span");
	explain(
		w, SHOWN_FOLDED, w->glyphs->ellipsis, "N at depth N, guides left out");
	if (trace_length(w) > 0)
	{
		begin_item(w);
		line_put(&w->item, "each column = ");
		duration_part_text(
			text, trace_length(w), 1, w->bar_columns, w->painter->screen.ascii);
		line_put(&w->item, text);
		put_item(w);
	}
	if (w->line.columns > 0)
		put_line(w);
}

/* Groups the sections by their span: a counting sort. */
static bool
group_sections(Waterfall *w)
{
	const WaterfallPainter *painter = w->painter;
	uint32_t count = w->tree->span_count;
	uint32_t *first;

	if (painter->sections == NULL)
		return true;
	first = w->host->allocate(w->host, (count + 1) * sizeof(uint32_t));
	w->sections = w->host->allocate(
		w->host, (painter->section_count + 1) * sizeof(uint32_t));
	if (first == NULL || w->sections == NULL)
		return false;
	w->first_section = first;
	memset(first, 0, (count + 1) * sizeof(uint32_t));
	for (size_t s = 0; s < painter->section_count; s++)
	{
		if (painter->sections[s].span < count)
			first[painter->sections[s].span]++;
	}
	for (uint32_t i = 1; i <= count; i++)
		first[i] += first[i - 1];
	/* first[i] is now where i's sections end; filling moves it to their start */
	for (size_t s = painter->section_count; s-- > 0;)
	{
		if (painter->sections[s].span < count)
			w->sections[--first[painter->sections[s].span]] = (uint32_t) s;
	}
	return true;
}

static bool
allocate_all(Waterfall *w)
{
	Host *host = w->host;
	size_t width = (size_t) w->painter->width;
	Screen *screen = &w->painter->screen;

	w->is_followed = host->allocate(host, MAX_LEVELS * sizeof(bool));
	w->solid = host->allocate(host, width * sizeof(uint64_t));
	w->cells = host->allocate(host, width * sizeof(Cell));
	return w->is_followed != NULL && w->solid != NULL && w->cells != NULL &&
		   line_create(&w->line, host, screen, w->painter->width) &&
		   line_create(&w->item, host, screen, w->painter->width) &&
		   line_create(&w->scratch, host, screen, w->painter->width) &&
		   group_sections(w);
}

CoreStatus
waterfall_draw(Host *host, const SpanTree *tree, WaterfallPainter *painter)
{
	Waterfall w = {
		.host = host,
		.tree = tree,
		.nodes = span_tree_nodes(tree),
		.painter = painter,
		.glyphs = painter->screen.ascii ? &ascii_glyphs : &unicode_glyphs,
	};
	CoreStatus status = summarize_trace(host, tree, &w.summary);

	if (status != CORE_OK || tree->span_count == 0)
		return status;
	if (!allocate_all(&w))
		return CORE_NO_MEMORY;
	choose_layout(&w);
	choose_axis(&w);
	draw_title(&w);
	draw_figures(&w);
	draw_path(&w);
	draw_ruler(&w);
	for (uint32_t i = 0; i < tree->span_count; i++)
	{
		host_poll(host, i);
		draw_row(&w, i);
	}
	draw_errors(&w);
	draw_legend(&w);
	return CORE_OK;
}
