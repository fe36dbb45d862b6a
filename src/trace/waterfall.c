/*
 * trace_waterfall: core/draw/waterfall for the client at hand.
 *
 * Glyphs beyond ASCII are drawn only where server and client both use UTF8;
 * any other client would get an error for the first of them.  Names are
 * measured by the server's own tables, as psql does when it aligns columns.  A
 * character that the client's encoding lacks is shown as '?', for a picture
 * with a hole tells more than an error.
 *
 * Limits: in a database of SQL_ASCII nobody knows what a byte beyond ASCII
 * means, and each is shown as '?'.
 */
#include "postgres.h"

#include "compat.h"
#include "core/draw/waterfall.h"
#include "server/query.h"
#include "server/row.h"
#include "trace/tree_argument.h"
#include "trace/waterfall_errors.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(dt_trace_waterfall);

/* longest character of any encoding, with a NUL */
#define CHARACTER_SIZE (MAX_CONVERSION_GROWTH * 4 + 1)

typedef struct ServerPainter
{
	WaterfallPainter painter;
	Row row;
	int encoding;
	int client_encoding;
	Oid conversion; /* to the client's encoding; InvalidOid: none needed */
} ServerPainter;

/* 0x80-0x9f are control characters in these encodings, letters in others. */
static bool
is_iso_encoding(int encoding)
{
	return (encoding >= PG_LATIN1 && encoding <= PG_LATIN10) ||
		   (encoding >= PG_ISO_8859_5 && encoding <= PG_ISO_8859_8);
}

static bool
client_knows(const ServerPainter *p, const char *at, int length)
{
	unsigned char converted[CHARACTER_SIZE];

	if (!OidIsValid(p->conversion))
		return true;
	return pg_do_encoding_conversion_buf(p->conversion,
										 p->encoding,
										 p->client_encoding,
										 (unsigned char *) at,
										 length,
										 converted,
										 sizeof(converted),
										 true) == length;
}

static int
measure_character(Screen *screen, const char *at, uint32_t left,
				  uint32_t *bytes)
{
	/* a screen is the first member of its painter, which is so here */
	ServerPainter *p = (ServerPainter *) screen;
	int length = pg_encoding_mblen(p->encoding, at);
	unsigned char first = (unsigned char) *at;

	*bytes = 1;
	if (length > (int64) left)
		return -1;
	*bytes = length;
	if (first >= 0x80 && first < 0xa0 && is_iso_encoding(p->encoding))
		return -1;
	if (first >= 0x80 && p->encoding == PG_SQL_ASCII)
		return -1;
	if (!client_knows(p, at, length))
		return -1;
	return pg_encoding_dsplen(p->encoding, at);
}

static void
format_start(WaterfallPainter *painter, int64_t time,
			 char text[WATERFALL_TIME_SIZE])
{
	(void) painter;
	strlcpy(text,
			DatumGetCString(DirectFunctionCall1(timestamptz_out,
												TimestampTzGetDatum(time))),
			WATERFALL_TIME_SIZE);
}

static void
put_row(WaterfallPainter *painter, Slice line)
{
	ServerPainter *p = (ServerPainter *) painter;

	row_put_slice(&p->row, line);
	row_emit(&p->row);
}

static void
set_up_encodings(ServerPainter *p)
{
	Screen *screen = &p->painter.screen;

	p->encoding = GetDatabaseEncoding();
	p->client_encoding = pg_get_client_encoding();
	screen->utf8 = p->encoding == PG_UTF8;
	screen->ascii = !screen->utf8 || p->client_encoding != PG_UTF8;
	screen->measure = measure_character;
	if (p->encoding != p->client_encoding && p->encoding != PG_SQL_ASCII &&
		p->client_encoding != PG_SQL_ASCII)
		p->conversion =
			FindDefaultConversionProc(p->encoding, p->client_encoding);
}

static int
width_argument(FunctionCallInfo fcinfo)
{
	int width = PG_GETARG_INT32(1);

	if (width < WATERFALL_MIN_WIDTH)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("width of a waterfall must be at least %d",
					   WATERFALL_MIN_WIDTH),
				errhint("Labels and bars need at least %d columns together.",
						WATERFALL_MIN_WIDTH));
	if (width > WATERFALL_MAX_WIDTH)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("width of a waterfall must be at most %d",
					   WATERFALL_MAX_WIDTH));
	return width;
}

static int
compare_groups(const void *a, const void *b, void *tree)
{
	const PathGroup *x = a;
	const PathGroup *y = b;

	if (x->exclusive != y->exclusive)
		return x->exclusive > y->exclusive ? -1 : 1;
	return slice_compare(span_tree_string(tree, x->service_name),
						 span_tree_string(tree, y->service_name));
}

/* The critical path, by its default definition. */
static void
set_up_path(ServerPainter *p, const SpanTree *tree)
{
	WaterfallPainter *painter = &p->painter;
	CriticalPath path;
	PathGroup *services;

	check_core_status(critical_path_find(
		server_host(), tree, &CRITICAL_PATH_DEFAULTS, &path));
	check_core_status(critical_path_groups(server_host(),
										   &path,
										   PATH_GROUP_SERVICE,
										   1,
										   &services,
										   &painter->service_count));
	qsort_arg(services,
			  painter->service_count,
			  sizeof(PathGroup),
			  compare_groups,
			  unconstify(SpanTree *, tree));
	painter->services = services;
	painter->sections = path.sections;
	painter->section_count = path.section_count;
}

/* trace_waterfall(tree span_tree | trace_id text, width integer, show_ids
 * boolean) -> setof text */
Datum
dt_trace_waterfall(PG_FUNCTION_ARGS)
{
	ServerPainter p = {
		.painter = {.width = width_argument(fcinfo),
					.shows_ids = PG_GETARG_BOOL(2),
					.format_time = format_start,
					.put_line = put_row},
	};
	const SpanTree *tree = tree_argument(fcinfo);

	row_begin(&p.row, fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (tree == NULL)
		return (Datum) 0;
	set_up_encodings(&p);
	set_up_path(&p, tree);
	if (takes_trace_id(fcinfo))
		set_up_errors(&p.painter, calling_schema(fcinfo), tree);
	check_core_status(waterfall_draw(server_host(), tree, &p.painter));
	return (Datum) 0;
}
