/*
 * The aggregates latency_sketch_agg, of durations, and latency_merge, of
 * sketches.
 *
 * Their state is an open sketch, a plain varlena that grows in place with room
 * to spare, so that the server copies it only when it is full.  It is never
 * "internal": a distributed server can then compute it in parts.  A state that
 * has travelled as text, or begins as a stored sketch, is packed, and is opened
 * for more.
 */
#include "postgres.h"

#include "compat.h"
#include "latency/duration.h"
#include "latency/sketch_value.h"
#include "server/server_host.h"

PG_FUNCTION_INFO_V1(dt_latency_sketch_agg_add_numeric);
PG_FUNCTION_INFO_V1(dt_latency_sketch_agg_add_float8);
PG_FUNCTION_INFO_V1(dt_latency_sketch_agg_add_interval);
PG_FUNCTION_INFO_V1(dt_latency_sketch_agg_combine);
PG_FUNCTION_INFO_V1(dt_latency_sketch_agg_final);

static void
require_aggregate(FunctionCallInfo fcinfo)
{
	if (!AggCheckCallContext(fcinfo, NULL))
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("function was called in a non-aggregate context"));
}

/* The state, opened; NULL before the first value. */
static OpenSketch *
open_state(FunctionCallInfo fcinfo)
{
	const Sketch *sketch;

	if (PG_ARGISNULL(0))
		return NULL;
	sketch = sketch_argument(fcinfo, 0);
	if (sketch->form == SKETCH_PACKED)
		return open_sketch(sketch);
	return (OpenSketch *) sketch;
}

/* The state for the server, which looks at its size if it is another one. */
static Datum
state_datum(FunctionCallInfo fcinfo, OpenSketch *state)
{
	if (PG_ARGISNULL(0) || (Pointer) state != PG_GETARG_POINTER(0))
		SET_VARSIZE(state, sketch_open_size(state));
	return PointerGetDatum(state);
}

static uint32
alpha_argument(FunctionCallInfo fcinfo, int argno)
{
	if (PG_NARGS() <= argno)
		return SKETCH_DEFAULT_ALPHA;
	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("alpha must not be null"));
	return alpha_from_float8(PG_GETARG_FLOAT8(argno));
}

/* The state with one more value; argument 2, if there is one, is alpha. */
static Datum
add_value(FunctionCallInfo fcinfo, Wide value)
{
	uint32 alpha = alpha_argument(fcinfo, 2);
	OpenSketch *state = open_state(fcinfo);

	if (state == NULL)
		state = sketch_create(server_host(), alpha);
	if (state->head.alpha != alpha)
		check_sketch_status(SKETCH_ALPHA_DIFFERS);
	check_sketch_status(sketch_add(server_host(), &state, value, 1));
	return state_datum(fcinfo, state);
}

/* NULL is no value. */
static Datum
keep_state(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/*
 * latency_sketch_agg_add(state latency_sketch, duration_ms numeric [, alpha
 *     float8]) -> latency_sketch
 *
 * Durations in ms; NULL is no value.
 */
Datum
dt_latency_sketch_agg_add_numeric(PG_FUNCTION_ARGS)
{
	require_aggregate(fcinfo);
	if (PG_ARGISNULL(1))
		return keep_state(fcinfo);
	return add_value(fcinfo, duration_from_numeric(PG_GETARG_DATUM(1)));
}

/*
 * latency_sketch_agg_add(state latency_sketch, duration_ms float8 [, alpha
 *     float8]) -> latency_sketch
 *
 * Durations in ms; NULL is no value.
 */
Datum
dt_latency_sketch_agg_add_float8(PG_FUNCTION_ARGS)
{
	require_aggregate(fcinfo);
	if (PG_ARGISNULL(1))
		return keep_state(fcinfo);
	return add_value(fcinfo, duration_from_float8(PG_GETARG_FLOAT8(1)));
}

/*
 * latency_sketch_agg_add(state latency_sketch, duration interval [, alpha
 *     float8]) -> latency_sketch
 *
 * NULL is no value.
 */
Datum
dt_latency_sketch_agg_add_interval(PG_FUNCTION_ARGS)
{
	require_aggregate(fcinfo);
	if (PG_ARGISNULL(1))
		return keep_state(fcinfo);
	return add_value(fcinfo, duration_from_interval(PG_GETARG_DATUM(1)));
}

/*
 * latency_sketch_agg_combine(state, other latency_sketch) -> latency_sketch
 *
 * STRICT: the server takes the first state, or sketch, as it is.  An error if
 * they differ in alpha.
 */
Datum
dt_latency_sketch_agg_combine(PG_FUNCTION_ARGS)
{
	const Sketch *other = sketch_argument(fcinfo, 1);
	OpenSketch *state;

	require_aggregate(fcinfo);
	state = open_state(fcinfo);
	check_sketch_status(sketch_merge(server_host(), &state, other));
	return state_datum(fcinfo, state);
}

/*
 * latency_sketch_agg_final(state latency_sketch) -> latency_sketch
 *
 * Packs; the state stays as it is, other rows may follow.  One sketch alone,
 * or one that has travelled, is packed.
 */
Datum
dt_latency_sketch_agg_final(PG_FUNCTION_ARGS)
{
	const Sketch *state;

	require_aggregate(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = sketch_argument(fcinfo, 0);
	if (state->form == SKETCH_PACKED)
		PG_RETURN_POINTER(state);
	return packed_datum(state);
}
