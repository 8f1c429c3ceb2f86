-- The log's own schema. Everything here may be run again at any time.
CREATE SCHEMA IF NOT EXISTS daybook_log;

CREATE TABLE IF NOT EXISTS daybook_log.events (
    position bigint PRIMARY KEY,
    stream uuid NOT NULL,
    version integer NOT NULL,
    name text NOT NULL,
    data json NOT NULL,
    CONSTRAINT events_stream_version UNIQUE (stream, version)
);
CREATE TABLE IF NOT EXISTS daybook_log.claims (key text PRIMARY KEY, owner uuid NOT NULL);
CREATE TABLE IF NOT EXISTS daybook_log.keys (subject uuid PRIMARY KEY, wrapped bytea);
CREATE TABLE IF NOT EXISTS daybook_log.open_effects (
    effect uuid PRIMARY KEY,
    position bigint NOT NULL,
    subject uuid NOT NULL,
    channel text NOT NULL,
    kind text NOT NULL,
    due_at timestamptz NOT NULL,
    taken_by text,
    taken_until timestamptz
);
CREATE INDEX IF NOT EXISTS open_effects_lane ON daybook_log.open_effects (subject, channel, position);
CREATE INDEX IF NOT EXISTS open_effects_due ON daybook_log.open_effects (due_at);

-- One append, one round trip. The lock is held until the commit is visible, so positions appear in order and without
-- gaps, and a reader that follows them misses nothing. A lost claim ends the transaction with SQLSTATE DBK01.
CREATE OR REPLACE FUNCTION daybook_log.append(batch json) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    base bigint;
    appended bigint;
    lost record;
BEGIN
    PERFORM pg_advisory_xact_lock(7301001);
    SELECT coalesce(max(position), 0) INTO base FROM daybook_log.events;

    INSERT INTO daybook_log.events
    SELECT base + nth, (event ->> 'stream')::uuid, (event ->> 'version')::integer, event ->> 'name', event -> 'data'
    FROM json_array_elements(batch -> 'events') WITH ORDINALITY AS listed (event, nth);
    GET DIAGNOSTICS appended = ROW_COUNT;

    IF json_array_length(batch -> 'keys') > 0 THEN
        INSERT INTO daybook_log.keys
        SELECT (key ->> 'subject')::uuid, decode(key ->> 'wrapped', 'base64')
        FROM json_array_elements(batch -> 'keys') AS listed (key);
    END IF;

    IF json_array_length(batch -> 'destroyed') > 0 THEN
        INSERT INTO daybook_log.keys
        SELECT DISTINCT destroyed::uuid, NULL::bytea FROM json_array_elements_text(batch -> 'destroyed') AS listed (destroyed)
        ON CONFLICT (subject) DO UPDATE SET wrapped = NULL;
    END IF;

    IF json_array_length(batch -> 'frees') > 0 THEN
        DELETE FROM daybook_log.claims
        USING json_array_elements(batch -> 'frees') AS listed (claim)
        WHERE key = claim ->> 'key' AND owner = (claim ->> 'owner')::uuid;
    END IF;

    IF json_array_length(batch -> 'takes') > 0 THEN
        INSERT INTO daybook_log.claims
        SELECT claim ->> 'key', (claim ->> 'owner')::uuid FROM json_array_elements(batch -> 'takes') AS listed (claim)
        ON CONFLICT DO NOTHING;
        SELECT claims.key, claims.owner INTO lost
        FROM json_array_elements(batch -> 'takes') AS listed (claim)
        JOIN daybook_log.claims ON claims.key = claim ->> 'key'
        WHERE claims.owner <> (claim ->> 'owner')::uuid LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'DBK01', MESSAGE = 'claim taken', DETAIL = lost.owner || ' ' || lost.key;
        END IF;
    END IF;

    IF json_array_length(batch -> 'opens') > 0 THEN
        INSERT INTO daybook_log.open_effects
        SELECT (work ->> 'effect')::uuid, base + (work ->> 'nth')::bigint, (work ->> 'subject')::uuid,
            work ->> 'channel', work ->> 'kind', (work ->> 'due_at')::timestamptz
        FROM json_array_elements(batch -> 'opens') AS listed (work);
    END IF;

    IF json_array_length(batch -> 'postpones') > 0 THEN
        UPDATE daybook_log.open_effects
        SET due_at = (work ->> 'due_at')::timestamptz, taken_by = NULL, taken_until = NULL
        FROM json_array_elements(batch -> 'postpones') AS listed (work)
        WHERE effect = (work ->> 'effect')::uuid;
    END IF;

    IF json_array_length(batch -> 'closes') > 0 THEN
        DELETE FROM daybook_log.open_effects
        USING json_array_elements_text(batch -> 'closes') AS listed (closed)
        WHERE effect = closed::uuid;
    END IF;

    PERFORM pg_notify('daybook_log', (base + appended)::text);
    RETURN base + appended;
END
$$;
