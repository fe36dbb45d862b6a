/*
 * Entry of the module.
 */
#include "postgres.h"

#include "fmgr.h"
#include "latency/latency_delta.h"
#include "miscadmin.h"
#include "store/service_scope.h"
#include "utils/guc.h"
#include "worker/refusals.h"
#include "worker/settings.h"
#include "worker/stats.h"
#include "worker/worker.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

/* Automatic recording exists only where the server loads the module at its
 * start. */
void
_PG_init(void)
{
	define_latency_settings();
	define_service_scope_settings();
	if (!process_shared_preload_libraries_in_progress)
		return;
	define_receiver_settings();
	MarkGUCPrefixReserved("distributed_trace");
	receiver_stats_request();
	receiver_refusals_request();
	if (receiver_is_on)
		register_receiver_worker();
}
