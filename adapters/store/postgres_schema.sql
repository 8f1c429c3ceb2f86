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
-- with its owner's rights, so that nobody else needs any to write. Each part is a list of its own, NULL when empty: to
-- look for one inside a larger json value is to read all of its text.
CREATE OR REPLACE FUNCTION daybook_log.append(
    events json, keys json, frees json, takes json, opens json, postpones json, closes json, destroyed json
) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    locked boolean := pg_try_advisory_xact_lock(7301001);
    base bigint;
    last bigint;
    taken bigint;
    lost record;
BEGIN
    -- Who queues for the lock is given it asleep, and until it has woken nobody appends; who looks again a millisecond
    -- later mostly finds it free. After five looks one queues, so that nobody waits for ever.
    FOR look IN 1..5 LOOP
        EXIT WHEN locked;
        PERFORM pg_sleep(0.001);
        locked := pg_try_advisory_xact_lock(7301001);
    END LOOP;
    IF NOT locked THEN
        PERFORM pg_advisory_xact_lock(7301001);
    END IF;
    SELECT position INTO base FROM daybook_log.events ORDER BY position DESC LIMIT 1;
    base := coalesce(base, 0);

    INSERT INTO daybook_log.events
    SELECT base + nth, stream, version, name, data
    FROM ROWS FROM (json_to_recordset(events) AS (stream uuid, version integer, name text, data json))
    WITH ORDINALITY AS happened (stream, version, name, data, nth);
    GET DIAGNOSTICS last = ROW_COUNT;
    last := base + last;

    IF keys IS NOT NULL THEN
        INSERT INTO daybook_log.keys
        SELECT (made ->> 'subject')::uuid, decode(made ->> 'wrapped', 'base64') FROM json_array_elements(keys) AS made;
    END IF;

    IF destroyed IS NOT NULL THEN
        INSERT INTO daybook_log.keys
        SELECT DISTINCT gone::uuid, NULL::bytea FROM json_array_elements_text(destroyed) AS gone
        ON CONFLICT (subject) DO UPDATE SET wrapped = NULL;
    END IF;

    IF frees IS NOT NULL THEN
        DELETE FROM daybook_log.claims
        USING json_array_elements(frees) AS freed
        WHERE key = freed ->> 'key' AND owner = (freed ->> 'owner')::uuid;
    END IF;

    IF takes IS NOT NULL THEN
        INSERT INTO daybook_log.claims
        SELECT key, owner FROM json_to_recordset(takes) AS wanted (key text, owner uuid)
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS taken = ROW_COUNT;
        IF taken < json_array_length(takes) THEN -- by somebody else, or by the same owner before
            SELECT claims.key, claims.owner INTO lost
            FROM json_to_recordset(takes) AS wanted (key text, owner uuid)
            JOIN daybook_log.claims ON claims.key = wanted.key
            WHERE claims.owner <> wanted.owner LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION USING ERRCODE = 'DBK01', MESSAGE = 'claim taken',
                    DETAIL = lost.owner || ' ' || lost.key;
            END IF;
        END IF;
    END IF;

    IF opens IS NOT NULL THEN
        INSERT INTO daybook_log.open_effects (effect, position, subject, channel, kind, due_at, since, urgent)
        SELECT effect, base + nth, subject, channel, kind, due_at, since, urgent
        FROM json_to_recordset(opens) AS opened (
            nth bigint, effect uuid, subject uuid, channel text, kind text,
            due_at timestamptz, since timestamptz, urgent boolean);
        PERFORM pg_notify('daybook_work', '');
    END IF;

    IF postpones IS NOT NULL THEN
        UPDATE daybook_log.open_effects
        SET due_at = (work ->> 'due_at')::timestamptz, since = (work ->> 'since')::timestamptz, urgent = false,
            taken_by = NULL, taken_until = NULL
        FROM json_array_elements(postpones) AS work
        WHERE effect = (work ->> 'effect')::uuid;
    END IF;

    IF closes IS NOT NULL THEN
        DELETE FROM daybook_log.open_effects
        USING json_array_elements_text(closes) AS closed
        WHERE effect = closed::uuid;
    END IF;

    PERFORM pg_notify('daybook_log', last::text);
    RETURN last;
END
$$;
REVOKE EXECUTE ON FUNCTION daybook_log.append(json, json, json, json, json, json, json, json) FROM PUBLIC;

-- The function of version 1 took one document. Whoever might call it may call its successor.
DO $$
DECLARE
    grantee name;
BEGIN
    FOR grantee IN
        SELECT rolname FROM pg_proc, aclexplode(proacl) AS granted JOIN pg_roles ON pg_roles.oid = granted.grantee
        WHERE pg_proc.oid = to_regprocedure('daybook_log.append(json)') AND rolname <> CURRENT_USER
    LOOP
        EXECUTE format(
            'GRANT EXECUTE ON FUNCTION daybook_log.append(json, json, json, json, json, json, json, json) TO %I', grantee);
    END LOOP;
END
$$;
DROP FUNCTION IF EXISTS daybook_log.append(json);
