-- The log's own schema. Everything here may be run again at any time.
CREATE SCHEMA IF NOT EXISTS daybook_log;

CREATE TABLE IF NOT EXISTS daybook_log.schema_version (version integer NOT NULL);

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
    taken_until timestamptz,
    since timestamptz,
    urgent boolean NOT NULL DEFAULT false
);
CREATE INDEX IF NOT EXISTS open_effects_lane ON daybook_log.open_effects (subject, channel, position);
CREATE INDEX IF NOT EXISTS open_effects_position ON daybook_log.open_effects (position);
CREATE INDEX IF NOT EXISTS open_effects_channel ON daybook_log.open_effects (channel, due_at);
CREATE INDEX IF NOT EXISTS open_effects_urgent ON daybook_log.open_effects (channel) WHERE urgent;

-- One append, one round trip. The lock is held until the commit is visible, so positions appear in order and without
-- gaps, and a reader that follows them misses nothing. A lost claim ends the transaction with SQLSTATE DBK01. It runs
-- with its owner's rights, so that nobody else needs any to write.
CREATE OR REPLACE FUNCTION daybook_log.append(batch json) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    base bigint;
    appended bigint;
    taken bigint;
    listed record;
    lost record;
BEGIN
    -- Every look into a json value reads all of its text, so it is taken apart once, and before anybody has to wait.
    SELECT * INTO listed FROM json_to_record(batch)
    AS parts (events json, keys json, frees json, takes json, opens json, postpones json, closes json, destroyed json);
    PERFORM pg_advisory_xact_lock(7301001);
    SELECT coalesce(max(position), 0) INTO base FROM daybook_log.events;

    INSERT INTO daybook_log.events
    SELECT base + nth, stream, version, name, data
    FROM ROWS FROM (json_to_recordset(listed.events) AS (stream uuid, version integer, name text, data json))
    WITH ORDINALITY AS events (stream, version, name, data, nth);
    GET DIAGNOSTICS appended = ROW_COUNT;

    IF json_array_length(listed.keys) > 0 THEN
        INSERT INTO daybook_log.keys
        SELECT (key ->> 'subject')::uuid, decode(key ->> 'wrapped', 'base64')
        FROM json_array_elements(listed.keys) AS keys (key);
    END IF;

    IF json_array_length(listed.destroyed) > 0 THEN
        INSERT INTO daybook_log.keys
        SELECT DISTINCT subject::uuid, NULL::bytea FROM json_array_elements_text(listed.destroyed) AS destroyed (subject)
        ON CONFLICT (subject) DO UPDATE SET wrapped = NULL;
    END IF;

    IF json_array_length(listed.frees) > 0 THEN
        DELETE FROM daybook_log.claims
        USING json_array_elements(listed.frees) AS frees (claim)
        WHERE key = claim ->> 'key' AND owner = (claim ->> 'owner')::uuid;
    END IF;

    IF json_array_length(listed.takes) > 0 THEN
        INSERT INTO daybook_log.claims
        SELECT key, owner FROM json_to_recordset(listed.takes) AS takes (key text, owner uuid)
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS taken = ROW_COUNT;
        IF taken < json_array_length(listed.takes) THEN -- by somebody else, or by the same owner before
            SELECT claims.key, claims.owner INTO lost
            FROM json_to_recordset(listed.takes) AS takes (key text, owner uuid)
            JOIN daybook_log.claims ON claims.key = takes.key
            WHERE claims.owner <> takes.owner LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION USING ERRCODE = 'DBK01', MESSAGE = 'claim taken',
                    DETAIL = lost.owner || ' ' || lost.key;
            END IF;
        END IF;
    END IF;

    IF json_array_length(listed.opens) > 0 THEN
        INSERT INTO daybook_log.open_effects (effect, position, subject, channel, kind, due_at, since, urgent)
        SELECT effect, base + nth, subject, channel, kind, due_at, since, urgent
        FROM json_to_recordset(listed.opens) AS opens (
            nth bigint, effect uuid, subject uuid, channel text, kind text,
            due_at timestamptz, since timestamptz, urgent boolean);
        PERFORM pg_notify('daybook_work', '');
    END IF;

    IF json_array_length(listed.postpones) > 0 THEN
        UPDATE daybook_log.open_effects
        SET due_at = (work ->> 'due_at')::timestamptz, since = (work ->> 'since')::timestamptz, urgent = false,
            taken_by = NULL, taken_until = NULL
        FROM json_array_elements(listed.postpones) AS postpones (work)
        WHERE effect = (work ->> 'effect')::uuid;
    END IF;

    IF json_array_length(listed.closes) > 0 THEN
        DELETE FROM daybook_log.open_effects
        USING json_array_elements_text(listed.closes) AS closes (closed)
        WHERE effect = closed::uuid;
    END IF;

    PERFORM pg_notify('daybook_log', (base + appended)::text);
    RETURN base + appended;
END
$$;
REVOKE EXECUTE ON FUNCTION daybook_log.append(json) FROM PUBLIC;
