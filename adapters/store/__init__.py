"""Where the log lives: events, claims, keys and open effects, on SQLite and on PostgreSQL alike."""
