"""How we connect to PostgreSQL: pools, and how long we wait for what."""

from collections.abc import Mapping
from typing import Any

import msgspec


class DatabaseOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Connections per process and seconds; SQLite has no use for them."""

    pool: int = 10
    views_pool: int = 10
    connect_seconds: int = 5
    statement_seconds: int = 30
    long_statement_seconds: int = 3600
    lock_seconds: int = 5
    keepalive_seconds: int = 10

    def connecting(self) -> Mapping[str, Any]:
        """What libpq is told: a server that has vanished is found out within about twice `keepalive_seconds`."""
        return {
            "connect_timeout": self.connect_seconds,
            "keepalives": 1,
            "keepalives_idle": self.keepalive_seconds,
            "keepalives_interval": max(1, self.keepalive_seconds // 3),
            "keepalives_count": 3,
            "tcp_user_timeout": 2_000 * self.keepalive_seconds,
        }

    def session(self, *, long: bool = False) -> Mapping[str, str]:
        """What the server is told of a session; `long` is for reading or writing a whole view or log."""
        patience = self.long_statement_seconds if long else self.statement_seconds
        wait = self.long_statement_seconds if long else self.lock_seconds
        return {"timezone": "UTC", "statement_timeout": f"{patience}s", "lock_timeout": f"{wait}s"}


def as_options(session: Mapping[str, str]) -> str:
    """These settings as libpq's `options`."""
    return " ".join(f"-c {name}={value}" for name, value in session.items())
