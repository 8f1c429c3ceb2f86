"""Figures that live in databases and pools: read when somebody asks, and never in anybody's way."""

import logging
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import monotonic
from typing import Any

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, QueuePool, Select, func, select, text

from adapters.breaker import BreakerState
from adapters.heartbeats import processes
from adapters.settings import Settings
from adapters.store.log import SqlLog
from projections.across.effects import DEAD, Effects
from projections.home import PARKED, POSITIONS, Home
from projections.view import View

CONTENT_TYPE = CONTENT_TYPE_LATEST
PATIENCE_SECONDS = 2.0  # whoever scrapes gives up after ten
STATEMENT_MS = 1_000

log = logging.getLogger("daybook.figures")

Answer = list[Metric] | None


class _Dated(msgspec.Struct):
    at: datetime


class Figures(Collector):
    """Everything `/metrics` shows. `places` are folders whose free space matters, by a word for each.

    The databases are asked in a thread of its own: when they do not answer within two seconds, the scrape says
    `daybook_up 0` and leaves their figures out.
    """

    def __init__(
        self,
        *,
        log: SqlLog,
        home: Home,
        views: Iterable[View],
        now: Callable[[], datetime],
        places: Mapping[str, Path] | None = None,
        breakers: Callable[[], Mapping[str, BreakerState]] = dict,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._log, self._home, self._now = log, home, now
        self._views = [view.name for view in views]
        self._places, self._breakers, self._patience = places or {}, breakers, patience
        self._asking = Lock()
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def text(self) -> bytes:
        """All figures of this process in Prometheus' text format, of which `CONTENT_TYPE` is the type."""
        return generate_latest(REGISTRY) + generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        """Nothing: to be registered is no reason to ask the databases."""
        return []

    def collect(self) -> Iterator[Metric]:
        yield from self._of_this_process()
        found = self._asked()
        yield GaugeMetricFamily("daybook_up", "1 when the databases answered this scrape.", value=found is not None)
        yield from found or ()

    def _of_this_process(self) -> Iterator[Metric]:
        used = {"log": self._log.connections()}
        if isinstance(pool := self._home.engine.pool, QueuePool):
            used["views"] = {"in_use": pool.checkedout(), "idle": pool.checkedin()}
        yield _gauge("daybook_database_connections", "Connections of this process.", ("pool", "state"), _flat(used))
        free = {name: _free_bytes(path) for name, path in self._places.items()}
        yield _gauge("daybook_disk_free_bytes", "Free space where we write files.", ("place",), free)
        resting = {channel: float(breaker.state != "closed") for channel, breaker in self._breakers().items()}
        yield _gauge("daybook_breaker_open", "1 while this process lets a silent vendor rest.", ("channel",), resting)

    def _asked(self) -> Answer:
        """What the databases say; None when they have not said it in time."""
        deadline = monotonic() + self._patience
        if not self._asking.acquire(timeout=self._patience):  # somebody is waiting for them already
            return None
        answers: SimpleQueue[Answer] = SimpleQueue()
        try:
            Thread(target=self._ask, args=(answers,), name="figures", daemon=True).start()
        except RuntimeError:  # the machine has no thread left
            self._asking.release()
            return None
        with suppress(Empty):
            return answers.get(timeout=max(0.0, deadline - monotonic()))
        return None

    def _ask(self, answers: "SimpleQueue[Answer]") -> None:
        found: Answer = None
        try:
            found = [*self._of_the_views(), *self._of_the_effects(), *self._of_the_processes()]
        except Exception as error:  # whatever is wrong with them: the scrape says that they are not up
            log.warning("the databases give no figures: %s", type(error).__name__)
        finally:
            self._asking.release()
            answers.put(found)

    def _of_the_views(self) -> Iterator[Metric]:
        with self._home.engine.connect().execution_options(writes=False) as connection:
            if self._home.engine.dialect.name == "postgresql":
                connection.execute(text(f"SET LOCAL statement_timeout = {STATEMENT_MS}"))
            positions = _pairs(connection, select(POSITIONS.c.view, POSITIONS.c.position))
            parked = _pairs(connection, select(PARKED.c.view, func.count()).group_by(PARKED.c.view))
            rows = Effects.live
            dead = select(rows.c.channel, func.count()).where(rows.c.state == DEAD).group_by(rows.c.channel)
            given_up = _pairs(connection, dead)
        ours = {view: positions[view] for view in self._views if view in positions}
        yield from self._of_the_log(ours)
        parked = {view: parked.get(view, 0) for view in ours}
        yield _gauge("daybook_view_parked_events", "Events that a view could not fold.", ("view",), parked)
        yield _gauge("daybook_effects_dead", "Effects given up and not rung again.", ("channel",), given_up)

    def _of_the_log(self, positions: Mapping[str, int]) -> Iterator[Metric]:
        last = self._log.last_position()
        yield GaugeMetricFamily("daybook_log_position", "The position of the newest event.", value=last)
        events = {view: max(0, last - position) for view, position in positions.items()}
        yield _gauge("daybook_view_lag_events", "Events a view has not folded yet.", ("view",), events)
        ages = {position: self._age_behind(position) for position in set(positions.values()) if position < last}
        seconds = {view: ages.get(position, 0.0) for view, position in positions.items()}
        help_text = "The age of the oldest event a view has not folded yet, 0 when there is none."
        yield _gauge("daybook_view_lag_seconds", help_text, ("view",), seconds)

    def _age_behind(self, position: int) -> float:
        """The age in seconds of the event behind a position; of one that cannot be read only the date is wanted."""
        [(_, _, data)] = self._log.read(position, 1)
        return self._age(msgspec.json.decode(data, type=_Dated).at)

    def _age(self, moment: datetime) -> float:
        return max(0.0, (self._now() - moment).total_seconds())

    def _of_the_effects(self) -> Iterator[Metric]:
        work = self._log.open_by_channel()
        counts = {channel: count for channel, (count, _) in work.items()}
        yield _gauge("daybook_effects_open", "Effects not settled yet.", ("channel",), counts)
        ages = {channel: self._age(oldest) for channel, (_, oldest) in work.items()}
        help_text = "For how long the oldest open effect has been due, 0 when none is."
        yield _gauge("daybook_effects_oldest_due_seconds", help_text, ("channel",), ages)

    def _of_the_processes(self) -> Iterator[Metric]:
        noted, now = processes(self._home), self._now()
        alive = Counter(process.role for process in noted if process.alive(now))
        yield _gauge("daybook_processes", "Processes heard of within ten seconds.", ("role",), alive)
        help_text = "How long ago whoever keeps the views up was last heard of."
        newest = GaugeMetricFamily("daybook_follower_beat_age_seconds", help_text)
        if beats := [self._age(process.beat_at) for process in noted if process.leading]:
            newest.add_metric((), min(beats))
        yield newest


def _gauge(name: str, help_text: str, labels: tuple[str, ...], values: Mapping[Any, float]) -> Metric:
    """A gauge by its labels' values: one word, or a tuple of as many as there are labels."""
    family = GaugeMetricFamily(name, help_text, labels=labels)
    for key, value in values.items():
        family.add_metric((key,) if isinstance(key, str) else key, value)
    return family


def _flat(used: Mapping[str, Mapping[str, int]]) -> dict[tuple[str, str], int]:
    return {(pool, state): number for pool, states in used.items() for state, number in states.items()}


def _pairs(connection: Connection, query: Select[Any]) -> dict[str, int]:
    return {str(name): int(number) for name, number in connection.execute(query)}


def _free_bytes(path: Path) -> float:
    """Of the folder, or of the one it will be made in; NaN when not even that can be asked."""
    try:
        return float(shutil.disk_usage(next(there for there in (path, *path.parents) if there.exists())).free)
    except (OSError, StopIteration):
        return float("nan")


def places_of(settings: Settings) -> dict[str, Path]:
    """The folders that these settings write to on this machine."""
    places: dict[str, Path] = {}
    if settings.database_url.startswith("sqlite:///"):
        places["log"] = Path(settings.database_url.removeprefix("sqlite:///")).absolute().parent
    if "://" not in settings.file_store_url:
        places["files"] = Path(settings.file_store_url).absolute()
    return places
