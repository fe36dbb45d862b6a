/*
 * Entry of the module.
 */
#include "postgres.h"

#include "fmgr.h"
#include "record/latency_delta.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	define_latency_settings();
}
