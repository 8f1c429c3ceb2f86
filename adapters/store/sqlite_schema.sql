-- The tables of the log. Everything here may be run again at any time.
CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    data TEXT NOT NULL,
    UNIQUE (stream, version)
);
CREATE TABLE IF NOT EXISTS claims (key TEXT PRIMARY KEY, owner TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS keys (subject TEXT PRIMARY KEY, wrapped BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS open_effects (
    effect TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    subject TEXT NOT NULL,
    channel TEXT NOT NULL,
    kind TEXT NOT NULL,
    due_at TEXT NOT NULL,
    taken_by TEXT,
    taken_until TEXT,
    since TEXT,
    urgent INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS open_effects_lane ON open_effects (subject, channel, position);
CREATE INDEX IF NOT EXISTS open_effects_position ON open_effects (position);
CREATE INDEX IF NOT EXISTS open_effects_channel ON open_effects (channel, due_at);
CREATE INDEX IF NOT EXISTS open_effects_urgent ON open_effects (channel) WHERE urgent;
