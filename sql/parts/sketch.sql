/* The value latency_sketch, the aggregates that build it, and what it is asked. */

CREATE TYPE latency_sketch;

CREATE FUNCTION latency_sketch_in(cstring) RETURNS latency_sketch
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_latency_sketch_in';
COMMENT ON FUNCTION latency_sketch_in(cstring) IS 'Reads a latency_sketch from its JSON text form.';

CREATE FUNCTION latency_sketch_out(latency_sketch) RETURNS cstring
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_latency_sketch_out';
COMMENT ON FUNCTION latency_sketch_out(latency_sketch) IS 'Writes a latency_sketch as JSON text.';

CREATE FUNCTION latency_sketch_recv(internal) RETURNS latency_sketch
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_latency_sketch_recv';
COMMENT ON FUNCTION latency_sketch_recv(internal) IS 'Reads a latency_sketch from its binary form.';

CREATE FUNCTION latency_sketch_send(latency_sketch) RETURNS bytea
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_latency_sketch_send';
COMMENT ON FUNCTION latency_sketch_send(latency_sketch) IS 'Writes a latency_sketch in its binary form; equal sketches give equal bytes.';

CREATE TYPE latency_sketch (
    INPUT = latency_sketch_in,
    OUTPUT = latency_sketch_out,
    RECEIVE = latency_sketch_recv,
    SEND = latency_sketch_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = double,
    STORAGE = extended
);
COMMENT ON TYPE latency_sketch IS 'The distribution of many durations: quantiles within a relative error alpha, count, sum, least and greatest exactly.';

/* Aggregates over durations */

CREATE FUNCTION latency_sketch_agg_add(state latency_sketch, duration_ms numeric) RETURNS latency_sketch
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_latency_sketch_agg_add_numeric';
COMMENT ON FUNCTION latency_sketch_agg_add(latency_sketch, numeric) IS 'Transition function of latency_sketch_agg.';

CREATE FUNCTION latency_sketch_agg_add(state latency_sketch, duration_ms numeric, alpha double precision) RETURNS latency_sketch
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_latency_sketch_agg_add_numeric';
COMMENT ON FUNCTION latency_sketch_agg_add(latency_sketch, numeric, double precision) IS 'Transition function of latency_sketch_agg.';

CREATE FUNCTION latency_sketch_agg_add(state latency_sketch, duration_ms double precision) RETURNS latency_sketch
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_latency_sketch_agg_add_float8';
COMMENT ON FUNCTION latency_sketch_agg_add(latency_sketch, double precision) IS 'Transition function of latency_sketch_agg.';

CREATE FUNCTION latency_sketch_agg_add(state latency_sketch, duration_ms double precision, alpha double precision) RETURNS latency_sketch
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_latency_sketch_agg_add_float8';
COMMENT ON FUNCTION latency_sketch_agg_add(latency_sketch, double precision, double precision) IS 'Transition function of latency_sketch_agg.';

CREATE FUNCTION latency_sketch_agg_add(state latency_sketch, duration interval) RETURNS latency_sketch
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_latency_sketch_agg_add_interval';
COMMENT ON FUNCTION latency_sketch_agg_add(latency_sketch, interval) IS 'Transition function of latency_sketch_agg.';

CREATE FUNCTION latency_sketch_agg_add(state latency_sketch, duration interval, alpha double precision) RETURNS latency_sketch
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_latency_sketch_agg_add_interval';
COMMENT ON FUNCTION latency_sketch_agg_add(latency_sketch, interval, double precision) IS 'Transition function of latency_sketch_agg.';

CREATE FUNCTION latency_sketch_agg_combine(state latency_sketch, other latency_sketch) RETURNS latency_sketch
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_latency_sketch_agg_combine';
COMMENT ON FUNCTION latency_sketch_agg_combine(latency_sketch, latency_sketch) IS 'Combine function of the aggregates of latency_sketch.';

CREATE FUNCTION latency_sketch_agg_final(state latency_sketch) RETURNS latency_sketch
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_latency_sketch_agg_final';
COMMENT ON FUNCTION latency_sketch_agg_final(latency_sketch) IS 'Final function of the aggregates of latency_sketch.';

CREATE AGGREGATE latency_sketch_agg(duration_ms numeric) (
    SFUNC = latency_sketch_agg_add, STYPE = latency_sketch, SSPACE = 1024,
    COMBINEFUNC = latency_sketch_agg_combine, FINALFUNC = latency_sketch_agg_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE latency_sketch_agg(numeric)
    IS 'The sketch of durations in milliseconds, with quantiles within 1 %; NULL is passed over.';

CREATE AGGREGATE latency_sketch_agg(duration_ms numeric, alpha double precision) (
    SFUNC = latency_sketch_agg_add, STYPE = latency_sketch, SSPACE = 1024,
    COMBINEFUNC = latency_sketch_agg_combine, FINALFUNC = latency_sketch_agg_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE latency_sketch_agg(numeric, double precision)
    IS 'The sketch of durations in milliseconds, with quantiles within a relative error alpha (0.0001 to 0.25).';

CREATE AGGREGATE latency_sketch_agg(duration_ms double precision) (
    SFUNC = latency_sketch_agg_add, STYPE = latency_sketch, SSPACE = 1024,
    COMBINEFUNC = latency_sketch_agg_combine, FINALFUNC = latency_sketch_agg_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE latency_sketch_agg(double precision)
    IS 'The sketch of durations in milliseconds, each rounded to the nanosecond, with quantiles within 1 %; NULL is passed over.';

CREATE AGGREGATE latency_sketch_agg(duration_ms double precision, alpha double precision) (
    SFUNC = latency_sketch_agg_add, STYPE = latency_sketch, SSPACE = 1024,
    COMBINEFUNC = latency_sketch_agg_combine, FINALFUNC = latency_sketch_agg_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE latency_sketch_agg(double precision, double precision)
    IS 'The sketch of durations in milliseconds, each rounded to the nanosecond, with quantiles within a relative error alpha (0.0001 to 0.25).';

CREATE AGGREGATE latency_sketch_agg(duration interval) (
    SFUNC = latency_sketch_agg_add, STYPE = latency_sketch, SSPACE = 1024,
    COMBINEFUNC = latency_sketch_agg_combine, FINALFUNC = latency_sketch_agg_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE latency_sketch_agg(interval)
    IS 'The sketch of durations (a month counts as 30 days), with quantiles within 1 %; NULL is passed over.';

CREATE AGGREGATE latency_sketch_agg(duration interval, alpha double precision) (
    SFUNC = latency_sketch_agg_add, STYPE = latency_sketch, SSPACE = 1024,
    COMBINEFUNC = latency_sketch_agg_combine, FINALFUNC = latency_sketch_agg_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE latency_sketch_agg(interval, double precision)
    IS 'The sketch of durations (a month counts as 30 days), with quantiles within a relative error alpha (0.0001 to 0.25).';

/* Putting together and taking out */

CREATE AGGREGATE latency_merge(sketch latency_sketch) (
    SFUNC = latency_sketch_agg_combine, STYPE = latency_sketch, SSPACE = 8192,
    COMBINEFUNC = latency_sketch_agg_combine, FINALFUNC = latency_sketch_agg_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE latency_merge(latency_sketch)
    IS 'The sketch of all values of many sketches, the same in any order; NULL is passed over, and another alpha is an error.';

CREATE FUNCTION latency_merge(a latency_sketch, b latency_sketch) RETURNS latency_sketch
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
    AS 'MODULE_PATHNAME', 'dt_latency_merge';
COMMENT ON FUNCTION latency_merge(latency_sketch, latency_sketch)
    IS 'The sketch of the values of both; another alpha is an error.';

CREATE FUNCTION latency_subtract(a latency_sketch, b latency_sketch) RETURNS latency_sketch
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
    AS 'MODULE_PATHNAME', 'dt_latency_subtract';
COMMENT ON FUNCTION latency_subtract(latency_sketch, latency_sketch)
    IS 'Takes the values of b, which were merged into a, out again. Bins, count and sum are as before; the least or greatest value becomes a bound if it may have been taken out, see latency_min_is_exact().';

CREATE FUNCTION latency_weighted(sketches latency_sketch[], weights double precision[]) RETURNS latency_sketch
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
    AS 'MODULE_PATHNAME', 'dt_latency_weighted';
COMMENT ON FUNCTION latency_weighted(latency_sketch[], double precision[])
    IS 'The sketch of values that count several times each: those of every sketch as often as its weight says, see trace_adjusted_count(). Quantiles, ranks, shares and the mean are those of the weighted values; count and sum too if the weights are whole numbers, else they are scaled by one factor. NULL sketches are passed over.';

CREATE OPERATOR + (LEFTARG = latency_sketch, RIGHTARG = latency_sketch, FUNCTION = latency_merge, COMMUTATOR = +);
COMMENT ON OPERATOR + (latency_sketch, latency_sketch) IS 'The sketch of the values of both.';

CREATE OPERATOR - (LEFTARG = latency_sketch, RIGHTARG = latency_sketch, FUNCTION = latency_subtract);
COMMENT ON OPERATOR - (latency_sketch, latency_sketch) IS 'The left sketch without the values of the right one, which were merged into it.';

/* Reading */

CREATE FUNCTION latency_quantile(sketch latency_sketch, q double precision) RETURNS double precision
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
    AS 'MODULE_PATHNAME', 'dt_latency_quantile';
COMMENT ON FUNCTION latency_quantile(latency_sketch, double precision)
    IS 'The quantile q (0 to 1) in milliseconds, within alpha of percentile_disc(q); NULL if there are no values.';

CREATE FUNCTION latency_quantile(sketch latency_sketch, q double precision[]) RETURNS double precision[]
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20
    AS 'MODULE_PATHNAME', 'dt_latency_quantile_array';
COMMENT ON FUNCTION latency_quantile(latency_sketch, double precision[])
    IS 'Several quantiles (0 to 1) in milliseconds, in an array of the same shape; NULL if there are no values.';

CREATE FUNCTION latency_rank(sketch latency_sketch, ms double precision) RETURNS double precision
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
    AS 'MODULE_PATHNAME', 'dt_latency_rank';
COMMENT ON FUNCTION latency_rank(latency_sketch, double precision)
    IS 'The share (0 to 1) of the values that do not exceed this many milliseconds. It is exactly that of some duration as long or at most 2 alpha longer, so that equal values are never taken apart; NULL if there are no values.';

CREATE FUNCTION latency_alpha(sketch latency_sketch) RETURNS double precision
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_latency_alpha';
COMMENT ON FUNCTION latency_alpha(latency_sketch) IS 'The relative error that its quantiles have at most.';

CREATE FUNCTION latency_count(sketch latency_sketch) RETURNS bigint
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_latency_count';
COMMENT ON FUNCTION latency_count(latency_sketch) IS 'How many values there are.';

CREATE FUNCTION latency_sum(sketch latency_sketch) RETURNS double precision
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_latency_sum';
COMMENT ON FUNCTION latency_sum(latency_sketch) IS 'The sum of the values in milliseconds; 0 if there are none.';

CREATE FUNCTION latency_mean(sketch latency_sketch) RETURNS double precision
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_latency_mean';
COMMENT ON FUNCTION latency_mean(latency_sketch) IS 'The arithmetic mean of the values in milliseconds; NULL if there are none.';

CREATE FUNCTION latency_min(sketch latency_sketch) RETURNS double precision
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_latency_min';
COMMENT ON FUNCTION latency_min(latency_sketch)
    IS 'The least value in milliseconds, or a lower bound of it, see latency_min_is_exact(); NULL if there are no values.';

CREATE FUNCTION latency_max(sketch latency_sketch) RETURNS double precision
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_latency_max';
COMMENT ON FUNCTION latency_max(latency_sketch)
    IS 'The greatest value in milliseconds, or an upper bound of it, see latency_max_is_exact(); NULL if there are no values.';

CREATE FUNCTION latency_min_is_exact(sketch latency_sketch) RETURNS boolean
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_latency_min_is_exact';
COMMENT ON FUNCTION latency_min_is_exact(latency_sketch)
    IS 'Whether latency_min() is the least value itself; false once values as small were taken out.';

CREATE FUNCTION latency_max_is_exact(sketch latency_sketch) RETURNS boolean
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'dt_latency_max_is_exact';
COMMENT ON FUNCTION latency_max_is_exact(latency_sketch)
    IS 'Whether latency_max() is the greatest value itself; false once values as great were taken out.';

CREATE FUNCTION latency_histogram(sketch latency_sketch)
    RETURNS TABLE (lower_ms double precision, upper_ms double precision, count bigint)
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10 ROWS 200
    AS 'MODULE_PATHNAME', 'dt_latency_histogram';
COMMENT ON FUNCTION latency_histogram(latency_sketch)
    IS 'The bins that have values, in order: from lower_ms up to, but not including, upper_ms, and how many values lie there.';
