"""The sandbox vendors' own database: outside the ledger, as a real vendor's would be."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS mails (
    id TEXT PRIMARY KEY, key TEXT UNIQUE NOT NULL, sent_at TEXT NOT NULL, message BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY AUTOINCREMENT, module TEXT NOT NULL, fields TEXT NOT NULL,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS attachments (
    id INTEGER PRIMARY KEY AUTOINCREMENT, record INTEGER NOT NULL, name TEXT NOT NULL,
    media_type TEXT NOT NULL, content BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS checkouts (
    id TEXT PRIMARY KEY, key TEXT UNIQUE NOT NULL, wanted TEXT NOT NULL, opened_at TEXT NOT NULL,
    state TEXT NOT NULL, refunded_cents INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS checkout_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, checkout TEXT NOT NULL, type TEXT NOT NULL, body BLOB NOT NULL,
    delivered INTEGER NOT NULL
);
"""


class SandboxStore:
    """One SQLite file shared by the stand-ins of every process on this machine."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA secure_delete = ON")
        self._connection.executescript(SCHEMA)
        self._one_at_a_time = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing, one at a time."""
        with self._one_at_a_time:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise

    def query(self, sql: str, *parameters: object) -> list[tuple[object, ...]]:
        """Rows of a query."""
        with self._one_at_a_time:
            return self._connection.execute(sql, parameters).fetchall()

    def scrub(self) -> None:
        """Rewrite the file, so that nothing of what was deleted lingers in it; somebody busy with it puts that off."""
        with self._one_at_a_time, suppress(sqlite3.OperationalError):
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file."""
        with self._one_at_a_time:
            self._connection.close()
