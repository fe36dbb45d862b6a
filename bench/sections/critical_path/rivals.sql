/*
 * What a user would write instead of trace_critical_path(): the same walk in
 * PL/pgSQL, and in SQL.
 *
 * They follow the default rules to the microsecond, the allowance for siblings
 * that overlap among them, for traces that are in order: one root, each id
 * once, no cycle, every span ended.  On others they differ: they know no
 * virtual root over orphans and no rule about who owns the children of a
 * doubled id.
 */

-- The trace in arrays, read once; a stack in arrays too.
CREATE FUNCTION bench.critical_path_plpgsql(wanted text)
RETURNS TABLE (span_id varchar, service_name text, operation text,
               section_start timestamptz, section_end timestamptz)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    ids varchar[];          -- of all spans, those of one parent together, by end
    services text[];
    operations text[];
    starts timestamptz[];
    ends timestamptz[];
    firsts int[];           -- where each span's children are
    lasts int[];

    span int;               -- the span being walked: its interval, cut to its parent's,
    lo timestamptz;
    hi timestamptz;
    until timestamptz;      -- up to where it counts, down to where it is walked,
    walked timestamptz;
    next_child int;         -- and the child to look at next
    stack int := 0;         -- the same of the spans above it
    spans int[] := '{}';
    los timestamptz[] := '{}';
    his timestamptz[] := '{}';
    untils timestamptz[] := '{}';
    walkeds timestamptz[] := '{}';
    next_children int[] := '{}';

    allowance interval;
    child int;
    child_lo timestamptz;
    child_hi timestamptz;
BEGIN
    WITH numbered AS MATERIALIZED (
        SELECT l.span_id, l.parent_span_id, l.service_name, l.operation,
               l.start_time, l.end_time,
               row_number() OVER (ORDER BY l.parent_span_id, l.end_time, l.start_time DESC,
                                           l.span_id DESC)::int AS n
        FROM distributed_trace_log l WHERE l.trace_id = wanted),
    family AS (
        SELECT parent_span_id, min(n) AS first, max(n) AS last FROM numbered GROUP BY 1)
    SELECT array_agg(s.span_id), array_agg(s.service_name), array_agg(s.operation),
           array_agg(s.start_time), array_agg(s.end_time), array_agg(s.first), array_agg(s.last),
           (array_agg(n ORDER BY s.start_time, s.end_time DESC, s.span_id)
               FILTER (WHERE s.parent_span_id IS NULL))[1]
    INTO ids, services, operations, starts, ends, firsts, lasts, span
    FROM (SELECT s.*, f.first, f.last
          FROM numbered s LEFT JOIN family f ON f.parent_span_id = s.span_id
          ORDER BY n) s;

    lo := starts[span];
    hi := ends[span];
    until := hi;
    walked := hi;
    next_child := lasts[span];
    WHILE span IS NOT NULL LOOP
        -- the next child that had ended when the one before it began
        IF next_child >= firsts[span] THEN
            allowance := least(floor(extract(epoch FROM hi - lo) * 10000) * interval '1 us',
                               '1 ms');
        END IF;
        child := NULL;
        WHILE next_child >= firsts[span] LOOP
            child := next_child;
            next_child := next_child - 1;
            IF ends[child] >= hi THEN
                -- of those that last to the end, the first to begin
                WHILE next_child >= firsts[span] AND ends[next_child] >= hi LOOP
                    IF (starts[next_child], ids[next_child]) < (starts[child], ids[child]) THEN
                        child := next_child;
                    END IF;
                    next_child := next_child - 1;
                END LOOP;
            END IF;
            child_lo := greatest(starts[child], lo);
            child_hi := least(ends[child], hi);
            EXIT WHEN child_lo < walked AND child_lo < child_hi
                AND least(child_hi, until) - walked <= allowance;
            child := NULL;
        END LOOP;

        span_id := ids[span];
        service_name := services[span];
        operation := operations[span];
        section_start := CASE WHEN child IS NULL THEN lo ELSE least(child_hi, walked) END;
        section_end := walked;
        IF section_start < section_end THEN
            RETURN NEXT;
        END IF;

        IF child IS NOT NULL THEN
            stack := stack + 1;
            spans[stack] := span;
            los[stack] := lo;
            his[stack] := hi;
            untils[stack] := until;
            walkeds[stack] := child_lo;
            next_children[stack] := next_child;
            span := child;
            lo := child_lo;
            hi := child_hi;
            until := section_start;
            walked := section_start;
            next_child := lasts[span];
        ELSE
            span := spans[stack];   -- NULL below the bottom
            lo := los[stack];
            hi := his[stack];
            until := untils[stack];
            walked := walkeds[stack];
            next_child := next_children[stack];
            stack := stack - 1;
        END IF;
    END LOOP;
END $$;

/*
 * A row is a span, walked down to some instant, and the child that had ended by
 * then; it leads to two rows, that child and the rest of the span.  One form
 * reads the trace once and searches it for every row; the other asks the table
 * each time, which takes an index by parent.
 */
SELECT format($query$
CREATE FUNCTION bench.%1$I(wanted text)
RETURNS TABLE (span_id varchar, service_name text, operation text,
               section_start timestamptz, section_end timestamptz)
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE spans AS MATERIALIZED (
        SELECT span_id, parent_span_id, service_name, operation, start_time, end_time
        FROM distributed_trace_log WHERE trace_id = wanted),
    step AS (
        (SELECT NULL::varchar COLLATE "C" AS span_id, NULL COLLATE "C" AS service_name,
                NULL COLLATE "C" AS operation, NULL::timestamptz AS lo,
                NULL::timestamptz AS hi, NULL::timestamptz AS until, NULL::timestamptz AS walked,
                span_id AS child_id, service_name AS child_service, operation AS child_operation,
                start_time AS child_lo, end_time AS child_hi, end_time AS child_until
         FROM %2$s r WHERE parent_span_id IS NULL
         ORDER BY start_time, end_time DESC, span_id LIMIT 1)
        UNION ALL
        SELECT s.*, c.*
        FROM step
            CROSS JOIN LATERAL (VALUES
                (child_id, child_service, child_operation, child_lo, child_hi,
                 child_until, child_until),
                (step.span_id, step.service_name, step.operation, lo, hi, until, child_lo))
                s (span_id, service_name, operation, lo, hi, until, walked)
            LEFT JOIN LATERAL (
                SELECT c.span_id, c.service_name, c.operation, greatest(c.start_time, s.lo),
                       least(c.end_time, s.hi), least(c.end_time, s.hi, s.walked)
                FROM %2$s c
                WHERE c.parent_span_id = s.span_id
                    AND greatest(c.start_time, s.lo) < least(c.end_time, s.hi)
                    AND greatest(c.start_time, s.lo) < s.walked
                    AND least(c.end_time, s.until) - s.walked <= least(
                        floor(extract(epoch FROM s.hi - s.lo) * 10000) * interval '1 us', '1 ms')
                ORDER BY least(c.end_time, s.hi) DESC, c.start_time, c.span_id
                LIMIT 1) c ON true
        WHERE child_id IS NOT NULL)
    SELECT span_id, service_name, operation, coalesce(child_until, lo), walked
    FROM step WHERE coalesce(child_until, lo) < walked
$$ $query$, name, source)
FROM (VALUES
    ('critical_path_sql', 'spans'),
    ('critical_path_sql_by_index',
     '(SELECT * FROM distributed_trace_log WHERE trace_id = wanted)')) form (name, source)
\gexec

-- A fast wrong answer is worth nothing: raises unless a rival's sections of all
-- these traces are ours.
CREATE PROCEDURE bench.compare_critical_path(rival text, traces text)
LANGUAGE plpgsql AS $$
DECLARE
    trace text;
    sections CONSTANT text :=
        'SELECT array_agg(ROW(span_id, section_start, section_end)::text ORDER BY section_start)
         FROM %s(%L)';
    expected text[];
    found text[];
BEGIN
    FOR trace IN EXECUTE traces LOOP
        EXECUTE format(sections, 'trace_critical_path', trace) INTO expected;
        EXECUTE format(sections, rival, trace) INTO found;
        IF found IS DISTINCT FROM expected THEN
            RAISE EXCEPTION 'trace %: %() and trace_critical_path() differ', trace, rival;
        END IF;
    END LOOP;
END $$;
