/* The archive: sealed traces, as blocks of compressed columns. */

CREATE SEQUENCE distributed_trace_archive_block_seq;

-- Indexes and keys are the partitions' own: on a parent that is a member of an
-- extension they could not be restored.
CREATE TABLE distributed_trace_archive (
    day              date NOT NULL,
    block            bigint NOT NULL DEFAULT nextval('distributed_trace_archive_block_seq'),
    bucket           integer NOT NULL DEFAULT 0,
    min_start        timestamptz NOT NULL,
    max_start        timestamptz NOT NULL,
    max_end          timestamptz NOT NULL,
    trace_count      integer NOT NULL,
    span_count       integer NOT NULL,
    error_count      integer NOT NULL,
    max_duration_us  bigint NOT NULL,
    max_trace_us     bigint NOT NULL,
    trace_hashes     integer[] NOT NULL,
    gone             integer[],
    kept             bytea NOT NULL,
    shape            bytea NOT NULL,
    ids              bytea NOT NULL,
    tags             bytea NOT NULL
) PARTITION BY RANGE (day);

DO $$ BEGIN
    EXECUTE 'ALTER TABLE distributed_trace_archive
        ALTER trace_hashes SET STORAGE MAIN,
        ALTER kept SET STORAGE MAIN,
        ALTER shape SET STORAGE EXTERNAL,
        ALTER ids SET STORAGE EXTERNAL,
        ALTER tags SET STORAGE EXTERNAL';
END $$;

CREATE TABLE distributed_trace_archive_state (
    is_only        boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    sealed_until   timestamptz NOT NULL DEFAULT '-infinity',
    longest_trace  interval NOT NULL DEFAULT '0'
);
INSERT INTO distributed_trace_archive_state DEFAULT VALUES;

SELECT pg_catalog.pg_extension_config_dump('distributed_trace_archive', '');
SELECT pg_catalog.pg_extension_config_dump('distributed_trace_archive_block_seq', '');
SELECT pg_catalog.pg_extension_config_dump('distributed_trace_archive_state', 'WHERE sealed_until > ''-infinity''');

COMMENT ON SEQUENCE distributed_trace_archive_block_seq IS 'Numbers of the blocks of distributed_trace_archive.';
COMMENT ON TABLE distributed_trace_archive IS 'Sealed traces: one row a block of whole traces, about two thousand spans, in compressed columns. A partition holds the traces that started on one day or in one week (UTC). Written by trace_seal() alone; read by all functions and views together with distributed_trace_log.';
COMMENT ON COLUMN distributed_trace_archive.day IS 'The day (UTC) on which the traces started.';
COMMENT ON COLUMN distributed_trace_archive.block IS 'Number of the block.';
COMMENT ON COLUMN distributed_trace_archive.bucket IS 'Which part of a cluster the traces belong to; 0 on one server.';
COMMENT ON COLUMN distributed_trace_archive.min_start IS 'The earliest start of its spans.';
COMMENT ON COLUMN distributed_trace_archive.max_start IS 'The latest start of its spans.';
COMMENT ON COLUMN distributed_trace_archive.max_end IS 'The latest end of its spans.';
COMMENT ON COLUMN distributed_trace_archive.trace_count IS 'How many traces it was written with.';
COMMENT ON COLUMN distributed_trace_archive.span_count IS 'How many spans it was written with.';
COMMENT ON COLUMN distributed_trace_archive.error_count IS 'How many of these failed.';
COMMENT ON COLUMN distributed_trace_archive.max_duration_us IS 'The longest duration of a span, in microseconds.';
COMMENT ON COLUMN distributed_trace_archive.max_trace_us IS 'The longest duration of a trace, in microseconds.';
COMMENT ON COLUMN distributed_trace_archive.trace_hashes IS 'CRC-32C of each trace id, by which a trace is found.';
COMMENT ON COLUMN distributed_trace_archive.gone IS 'Traces, by their place in the block from 1, that were taken out again: back into the log because a span changed, or for good.';
COMMENT ON COLUMN distributed_trace_archive.kept IS 'What lists of traces show of each.';
COMMENT ON COLUMN distributed_trace_archive.shape IS 'Times, names and the tree of all spans.';
COMMENT ON COLUMN distributed_trace_archive.ids IS 'Trace and span ids.';
COMMENT ON COLUMN distributed_trace_archive.tags IS 'Attributes, events, and the rows'' own numbers and times.';
COMMENT ON TABLE distributed_trace_archive_state IS 'How far traces have been sealed: one row.';
COMMENT ON COLUMN distributed_trace_archive_state.is_only IS 'True: there is one row.';
COMMENT ON COLUMN distributed_trace_archive_state.sealed_until IS 'The latest start of a span that was sealed.';
COMMENT ON COLUMN distributed_trace_archive_state.longest_trace IS 'The longest time between the first and the last start of a trace that was sealed.';

CREATE PROCEDURE trace_seal(older_than interval DEFAULT '10 minutes', max_traces bigint DEFAULT NULL, incomplete_after interval DEFAULT '1 hour')
    LANGUAGE C
    AS 'MODULE_PATHNAME', 'dt_trace_seal';
COMMENT ON PROCEDURE trace_seal(interval, bigint, interval) IS 'Moves traces from distributed_trace_log into the archive, the oldest first: those of which no span was written for older_than, and which have a root and no unfinished span or were not written to for incomplete_after; at most so many. Commits block by block where it may, can be stopped at any time and goes on the next time.';
