-- Readers over ids, tags and logs.

SET datestyle = ISO;
SET timezone = 'UTC';

SELECT id, trace_id_normalize(id) FROM unnest(ARRAY[
    '5af7183fb1d4cf5f', '5AF7183FB1D4CF5F', '0AF7651916CD43DD8448EB211C80319C',
    '0af7651916cd43dd8448eb211c80319c', '', 'trace_abc123', 'abc', '5af7183fb1d4cf5g',
    '5af7183fb1d4cf5', '5af7183fb1d4cf5f0', ' 5af7183fb1d4cf5f']) id;

SELECT tags, trace_span_kind(tags) AS kind FROM unnest(ARRAY[
    '{}', '{"otel": {"kind": "server"}}', '{"otel": {"kind": 9}}', '{"otel": {"kind": ""}}',
    '{"span.kind": "CLIENT"}', '{"span.kind": "Broker"}', '{"span.kind": ""}', '{"span.kind": 1}',
    '{"otel": {"kind": "internal"}, "span.kind": "client"}', '{"otel": {}, "span.kind": "consumer"}',
    '{"otel": "server"}', '[]', '["span.kind"]', '"span.kind"', 'null']::jsonb[]) tags;

SELECT tags, trace_is_error(tags) AS is_error FROM unnest(ARRAY[
    '{}', '{"otel": {"status": "error"}}', '{"otel": {"status": "ok"}, "error": true}',
    '{"otel": {"status": "unset"}, "error": true}', '{"otel": {"kind": "client"}, "error": "timeout"}',
    '{"error": true}', '{"error": false}', '{"error": "true"}', '{"error": "false"}', '{"error": "FALSE"}',
    '{"error": ""}', '{"error": 0}', '{"error": 0.0}', '{"error": -1}', '{"error": null}',
    '{"error": {}}', '{"error": []}', '{"otel": {"status": 2}}', '[]', '"error"', 'null']::jsonb[]) tags;

SELECT tags, trace_user_id(tags) AS user_id FROM unnest(ARRAY[
    '{"user.id": "u-17", "enduser.id": "other"}', '{"user.id": 17}', '{"user.id": 17.50}',
    '{"user.id": "", "enduser.id": "e-1"}', '{"user.id": null, "enduser.pseudo.id": "p-1"}',
    '{"user.id": {"id": 1}, "enduser.id": true, "enduser.pseudo.id": "p-2"}', '{}', '[]']::jsonb[]) tags;

-- NULL in, NULL out; and all of them can be indexed
SELECT trace_id_normalize(NULL), trace_span_kind(NULL), trace_is_error(NULL), trace_user_id(NULL);
CREATE TEMP TABLE readers (tags jsonb);
CREATE INDEX ON readers (trace_user_id(tags), trace_span_kind(tags)) WHERE trace_is_error(tags);

-- events as the recording functions write them: nanoseconds are cut off
SELECT * FROM trace_events('[
    {"time": "2026-11-22T10:00:00.123456789Z", "name": "retry", "attributes": {"attempt": 2}},
    {"time": "2026-11-22T10:00:00.999999999Z", "name": "", "dropped_attributes_count": 3},
    {"name": "no time"},
    {}]');
-- times of other writers; what is no time is none
SELECT event_time, event_name FROM trace_events('[
    {"time": "2026-11-22 10:00:00", "name": "blank and no zone"},
    {"time": "2026-11-22t10:00:00z", "name": "small letters"},
    {"time": "2026-11-22T10:00:00.5+05:30", "name": "east"},
    {"time": "2026-11-22T10:00:00-08", "name": "west"},
    {"time": "2024-02-29T23:59:60Z", "name": "leap day and second"},
    {"time": "2023-02-29T00:00:00Z", "name": "no leap year"},
    {"time": "2026-11-22T10:00:00.123456789", "name": "fraction without zone"},
    {"time": "2026-11-22T10:00:00.123456789999Z", "name": "more than nanoseconds"},
    {"time": "2026-11-22T10:00:00X", "name": "no zone"},
    {"time": "2026-11-22T24:00:00Z", "name": "no hour"},
    {"time": "2026-13-01T00:00:00Z", "name": "no month"},
    {"time": "soon", "name": "no time"},
    {"time": 1790000000, "name": "number"},
    {"time": "2554-07-21T23:34:33.709551615Z", "name": "end of OTLP"}]');
-- elements in another form
SELECT * FROM trace_events('[{"level": "info", "msg": "by hand"}, "text", 17, null, true, [1, 2], {"name": 5}, {"attributes": 3}]');
-- plain text
SELECT * FROM trace_events(E'first line\r\n\n  second line  \n\t\nlast');
SELECT * FROM trace_events('{"time": "2026-11-22T10:00:00Z", "name": "no array"}');
SELECT count(*) FROM trace_events('');
SELECT count(*) FROM trace_events(NULL);
SELECT count(*) FROM trace_events(E' \n\t\r\n');
SELECT count(*) FROM trace_events('[]');
-- what looks like JSON but is none, or none that PostgreSQL can hold, is text
SELECT event_name FROM trace_events('[{"name": "cut off');
SELECT event_name FROM trace_events('[1e999999999]');
SELECT event_name FROM trace_events('[] []');
SELECT count(*), max(length(event_name)) FROM trace_events(repeat('[', 1000000));
SELECT count(*), max(length(event_name)) FROM trace_events(repeat('[', 100) || repeat(']', 100));
SELECT count(*), max(length(event_name)) FROM trace_events('[' || repeat('9', 200000) || ']');
SELECT event_name, attributes FROM trace_events('[{"name": "NUL \u0000, half \ud83d, other half \ude00, whole \ud83d\ude00, \\u0000 \"[[\"", "attributes": {"k\u0000": "v"}}]');
