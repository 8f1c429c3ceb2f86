"""Heartbeats: every process notes in the views' home that it lives, and the one that follows how it gets on."""

import logging
import os
import socket
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Boolean, Column, ColumnElement, Integer, MetaData, String, Table, and_, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from adapters.store.log import SqlLog
from domain.ledger import Unavailable
from projections.home import Home
from projections.view import Moment, View

BEAT_SECONDS = 2.0
DEAD_AFTER = timedelta(seconds=10)  # without a beat
STUCK_AFTER = timedelta(seconds=10)  # with events to fold and none folded
FORGOTTEN_AFTER = timedelta(days=1)
PROCESSES = Table(
    "processes",
    MetaData(),
    Column("host", String, primary_key=True),
    Column("pid", Integer, primary_key=True, autoincrement=False),
    Column("role", String, nullable=False),
    Column("since", Moment, nullable=False),
    Column("beat_at", Moment, nullable=False),
    Column("leading", Boolean, nullable=False),
    Column("still_since", Moment),
)

log = logging.getLogger("daybook.heartbeats")


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """A process as it last noted itself; `still_since` while it leads and the slowest view does not move on."""

    role: str
    host: str
    pid: int
    since: datetime
    beat_at: datetime
    leading: bool
    still_since: datetime | None

    def alive(self, now: datetime) -> bool:
        """Whether it has been heard of lately."""
        return now - self.beat_at < DEAD_AFTER

    def state(self, now: datetime) -> str:
        """One word: dead, stuck, leading or alive."""
        if not self.alive(now):
            return "dead"
        return "stuck" if self.stuck(now) else "leading" if self.leading else "alive"

    def stuck(self, now: datetime) -> bool:
        """Whether there has been something to fold for a while and nothing was folded."""
        return self.still_since is not None and now - self.still_since >= STUCK_AFTER


class Heart:
    """Beats for one process. `leading` says whether it keeps the views up just now."""

    def __init__(
        self,
        role: str,
        home: Home,
        *,
        source: SqlLog,
        views: Sequence[View],
        now: Callable[[], datetime],
        leading: Callable[[], bool],
    ) -> None:
        self._role, self._home, self._log, self._views, self._now = role, home, source, views, now
        self._leading, self._since = leading, now()
        self._slowest: int | None = None
        self._still_since: datetime | None = None

    def run(self, wait: Callable[[float], bool]) -> None:
        """Beat until `wait(seconds)` returns True, and then take the note away."""
        while not wait(BEAT_SECONDS):
            self.try_to_beat()
        try:
            with self._home.engine.begin() as connection:
                connection.execute(delete(PROCESSES).where(self._mine()))
        except SQLAlchemyError:
            log.debug("the note of this process stays behind")

    def try_to_beat(self) -> None:
        """Beat if the databases answer; otherwise it will be missed, which is what it is for."""
        try:
            self.beat()
        except (SQLAlchemyError, Unavailable) as error:
            log.debug("no beat: %s", type(error).__name__)

    def beat(self) -> None:
        """Note that this process lives; the notes of those who have not for a day are dropped."""
        now, leading = self._now(), self._leading()
        self._look_after(now) if leading else self._rest()
        with self._home.engine.begin() as connection:
            PROCESSES.create(connection, checkfirst=True)
            connection.execute(delete(PROCESSES).where(PROCESSES.c.beat_at < now - FORGOTTEN_AFTER))
            connection.execute(delete(PROCESSES).where(self._mine()))
            connection.execute(
                insert(PROCESSES).values(
                    role=self._role,
                    host=socket.gethostname(),
                    pid=os.getpid(),
                    since=self._since,
                    beat_at=now,
                    leading=leading,
                    still_since=self._still_since,
                )
            )

    @staticmethod
    def _mine() -> ColumnElement[bool]:
        return and_(PROCESSES.c.host == socket.gethostname(), PROCESSES.c.pid == os.getpid())

    def _rest(self) -> None:
        self._slowest = self._still_since = None

    def _look_after(self, now: datetime) -> None:
        """See whether the slowest view has moved on since the last beat, or has nothing to move on to."""
        last = self._log.last_position()
        states = self._home.states()
        slowest = min((states[view.name]["position"] for view in self._views if view.name in states), default=0)
        if slowest >= last or slowest != self._slowest:
            self._still_since = None
        elif self._still_since is None:
            self._still_since = now
        self._slowest = slowest


def processes(home: Home) -> list[Process]:
    """Every process that has noted itself within a day, the newest beat first."""
    try:
        return [Process(**row) for row in home.rows(select(PROCESSES).order_by(PROCESSES.c.beat_at.desc()))]
    except SQLAlchemyError:  # nobody has made the table yet, or somebody has dropped it
        return []
