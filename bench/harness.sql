/*
 * What every section of the benchmark uses: where samples go, how queries are
 * timed, how the table is printed.  Loaded into each database of the private
 * server; :runs says how often everything is measured.
 */

CREATE SCHEMA bench;

CREATE TABLE bench.setting (runs int NOT NULL);
INSERT INTO bench.setting VALUES (:runs);

/*
 * The rows of the printed table.  base is the item of the same section, unit
 * and size that the ratio is taken to; goal is '<= 1.5x' for a ratio or
 * '>= 700000' for the figure itself, and holds for one unit.
 */
CREATE TABLE bench.item (
    position  int GENERATED ALWAYS AS IDENTITY,
    section   text NOT NULL,
    item      text NOT NULL,
    base      text,
    goal      text,
    goal_unit text,
    PRIMARY KEY (section, item)
);

CREATE TABLE bench.sample (
    section text NOT NULL,
    item    text NOT NULL,
    size    bigint NOT NULL,
    unit    text NOT NULL,
    value   float8 NOT NULL
);

/*
 * Queries to be timed against one another: items do the same work on one
 * subject, and sizes with several subjects are reported as one.  unit is ms, or us/span, then spans says how many
 * spans the query works on.
 */
CREATE TABLE bench.query (
    section text NOT NULL,
    subject text NOT NULL,
    item    text NOT NULL,
    size    bigint NOT NULL,
    query   text NOT NULL,
    unit    text NOT NULL DEFAULT 'ms',
    spans   bigint NOT NULL DEFAULT 1
);

-- A query's time in the executor, in ms: no planning, no network, no output.
CREATE FUNCTION bench.execution_ms(query text) RETURNS float8
LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, SUMMARY, FORMAT JSON) ' || query INTO plan;
    RETURN plan -> 0 ->> 'Execution Time';
END $$;

-- Time this backend has spent on a processor so far, in us.
CREATE FUNCTION bench.cpu_us() RETURNS float8
LANGUAGE sql VOLATILE AS $$
    SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::float8 / 1000
$$;

/*
 * Runs a section's queries, once to warm up and then as often as is asked for,
 * in a new order each time, so that a change in the machine's load meets all
 * of them.
 *
 * Everything lies in shared buffers, but what was read last is in the
 * processor's caches too.  Either all queries meet those caches full of other
 * data, read by the query `disturb`, or, without one, each short query is run
 * twice and the second time counts.
 */
CREATE PROCEDURE bench.run_queries(section_name text, disturb text DEFAULT NULL)
LANGUAGE plpgsql AS $$
DECLARE
    q bench.query;
    ms float8;
BEGIN
    FOR run IN 0 .. (SELECT runs FROM bench.setting) LOOP
        FOR q IN
            SELECT query.*
            FROM bench.query JOIN bench.item USING (section, item)
            WHERE section = section_name
            ORDER BY hashtext(concat(subject, item, size, run))
        LOOP
            IF disturb IS NOT NULL THEN
                PERFORM bench.execution_ms(disturb);
            END IF;
            ms := bench.execution_ms(q.query);
            CONTINUE WHEN run = 0;
            IF disturb IS NULL AND ms < 100 THEN
                ms := bench.execution_ms(q.query);
            END IF;
            INSERT INTO bench.sample VALUES
                (q.section, q.item, q.size, q.unit,
                 CASE q.unit WHEN 'us/span' THEN ms * 1000 / q.spans ELSE ms END);
        END LOOP;
        COMMIT;
    END LOOP;
END $$;

CREATE VIEW bench.median AS
SELECT section, item, size, unit,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY value) AS median,
       min(value) AS low, max(value) AS high, count(*) AS samples
FROM bench.sample
GROUP BY section, item, size, unit;

-- Three digits, or whole numbers where they have more.
CREATE FUNCTION bench.figure(value float8) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN value = 0 THEN '0'
                WHEN abs(value) >= 100 THEN round(value)::text
                ELSE round(value::numeric, 2 - floor(log(abs(value)))::int)::text END
$$;

CREATE FUNCTION bench.is_met(goal text, value float8, ratio float8) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE split_part(goal, ' ', 1)
               WHEN '<=' THEN reached <= bound
               ELSE reached >= bound END
    FROM (SELECT CASE WHEN goal LIKE '%x' THEN ratio ELSE value END AS reached,
                 rtrim(split_part(goal, ' ', 2), 'x')::float8 AS bound) figures
$$;

CREATE VIEW bench.report AS
SELECT m.section, i.position, m.item, m.size, m.unit,
       bench.figure(m.median) AS median,
       bench.figure(m.low) AS low, bench.figure(m.high) AS high, m.samples,
       bench.figure(m.median / b.median) AS ratio,
       CASE WHEN i.goal_unit = m.unit THEN i.goal END AS goal,
       CASE WHEN i.goal_unit = m.unit THEN
           CASE WHEN bench.is_met(i.goal, m.median, m.median / b.median)
                THEN 'yes' ELSE 'NO' END END AS met
FROM bench.median m
    JOIN bench.item i USING (section, item)
    LEFT JOIN bench.median b
        ON b.section = m.section AND b.item = i.base AND b.size = m.size AND b.unit = m.unit;
