/*
 * Reading durations: see duration.h.
 */
#include "postgres.h"

#include "compat.h"
#include "core/sketch/sketch.h"
#include "latency/duration.h"
#include "server/numeric_reader.h"

#include <math.h>

#include "common/int.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#define MAX_MS UINT64CONST(10000000000000)
#define NS_PER_US 1000
#define US_PER_MS 1000

pg_noreturn static void
refuse_duration(void)
{
	ereport(ERROR,
			errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			errmsg("duration out of range"),
			errdetail("A latency_sketch takes durations below 10000000000000 "
					  "ms, and neither NaN nor infinity."),
			errhint("Leave other values out, with FILTER (WHERE ...)."));
}

Wide
duration_from_numeric(Datum ms)
{
	struct varlena *stored = (struct varlena *) DatumGetPointer(ms);
	Wide ns;

	if (VARATT_IS_EXTERNAL(stored) || VARATT_IS_COMPRESSED(stored))
		stored = PG_DETOAST_DATUM_PACKED(ms);
	if (!numeric_ms_to_ns((Numeric) stored, &ns))
		refuse_duration();
	return ns;
}

Wide
duration_from_float8(float8 ms)
{
	float8 ns = rint(fabs(ms) * NS_PER_MS);

	/* false for NaN too */
	if (!(ns < (float8) SKETCH_MAX_VALUE))
		refuse_duration();
	return wide_from_magnitude((uint64) ns, ms < 0);
}

Wide
duration_clamped(float8 ms)
{
	if (fabs(ms) * NS_PER_MS >= (float8) SKETCH_MAX_VALUE)
		return wide_from_magnitude(SKETCH_MAX_VALUE, ms < 0);
	return duration_from_float8(ms);
}

Wide
duration_from_interval(Datum duration)
{
	Interval *interval = DatumGetIntervalP(duration);
	int64 days = (int64) interval->month * DAYS_PER_MONTH + interval->day;
	Wide most = wide_from_int64((int64) MAX_MS * US_PER_MS);
	Wide us =
		wide_add(wide_multiply(wide_from_int64(days), (uint64) USECS_PER_DAY),
				 wide_from_int64(interval->time));

	if (wide_compare(us, wide_negate(most)) <= 0 || wide_compare(us, most) >= 0)
		refuse_duration();
	return wide_multiply(us, NS_PER_US);
}

/* Below 2^53 ns the division alone rounds, and beyond the whole milliseconds
 * and their fraction are doubles by themselves; a sum may be longer than both.
 */
double
duration_ms(Wide ns)
{
	double nearest = wide_to_double(ns);
	uint64 magnitude;
	double ms;

	if (fabs(nearest) < 9e15 || fabs(nearest) > (double) SKETCH_MAX_VALUE)
		return nearest / NS_PER_MS;
	magnitude = wide_magnitude(ns);
	ms = (double) (magnitude / 1000000) + (double) (magnitude % 1000000) / 1e6;
	return ns.high < 0 ? -ms : ms;
}
