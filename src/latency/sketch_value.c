/*
 * Sketches between the core and SQL: see sketch_value.h.
 */
#include "postgres.h"

#include "compat.h"
#include "latency/sketch_value.h"
#include "server/server_host.h"

#include <math.h>

static void
refuse_different_alphas(void)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("latency sketches of different accuracies cannot be mixed"),
			errhint("Build all of them with the same alpha; latency_alpha() "
					"tells a sketch's."));
}

void
check_sketch_status(SketchStatus status)
{
	switch (status)
	{
		case SKETCH_OK:
			return;
		case SKETCH_NO_MEMORY:
			ereport(
				ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
			break;
		case SKETCH_TOO_MANY:
			ereport(
				ERROR,
				errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				errmsg("latency_sketch has too many values"),
				errdetail("It can count %lld.", (long long) SKETCH_MAX_COUNT));
			break;
		case SKETCH_ALPHA_DIFFERS:
			refuse_different_alphas();
			break;
		case SKETCH_NOT_CONTAINED:
			ereport(ERROR,
					errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("latency_sketch to be subtracted is not part of the "
						   "other one"),
					errhint("Only values that were added can be taken out."));
			break;
		case SKETCH_INCONSISTENT:
			ereport(ERROR,
					errcode(ERRCODE_DATA_CORRUPTED),
					errmsg("latency_sketch is malformed"));
			break;
	}
}

uint32
alpha_from_float8(float8 alpha)
{
	float8 millionths = rint(alpha * SKETCH_ALPHA_UNIT);

	/* false for NaN too */
	if (!(millionths >= SKETCH_MIN_ALPHA && millionths <= SKETCH_MAX_ALPHA &&
		  fabs(millionths - alpha * SKETCH_ALPHA_UNIT) < 1e-6))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("alpha must be between 0.0001 and 0.25, and a multiple "
					   "of 0.000001"));
	return (uint32) millionths;
}

const Sketch *
sketch_argument(FunctionCallInfo fcinfo, int argno)
{
	return (const Sketch *) PG_DETOAST_DATUM(PG_GETARG_DATUM(argno));
}

OpenSketch *
open_sketch(const Sketch *sketch)
{
	OpenSketch *open = sketch_open(server_host(), sketch);

	if (open == NULL)
		check_sketch_status(SKETCH_NO_MEMORY);
	return open;
}

Datum
packed_datum(const Sketch *sketch)
{
	size_t size;
	Sketch *packed = sketch_pack(server_host(), sketch, &size);

	if (packed == NULL)
		check_sketch_status(SKETCH_NO_MEMORY);
	SET_VARSIZE(packed, size);
	return PointerGetDatum(packed);
}

Datum
weighted_datum(const WeightedPart *parts, size_t count)
{
	OpenSketch *weighted;

	check_sketch_status(sketch_weigh(
		server_host(), parts[0].sketch->alpha, parts, count, &weighted));
	return packed_datum(&weighted->head);
}
