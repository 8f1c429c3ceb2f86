"""The composition root: settings in, the whole product out."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from adapters.effects import EffectRunner, Performer
from adapters.files import FileStore
from adapters.housekeeping import keep_house
from adapters.mail import MailRenderer
from adapters.queue import RedisDoorbell
from adapters.sandbox.crm import SandboxCrm
from adapters.sandbox.mail import SandboxMailer
from adapters.sandbox.store import SandboxStore
from adapters.settings import Settings
from adapters.store.engine import postgres_engine, sqlite_engine
from adapters.store.log import SqlLog
from adapters.store.postgres import PostgresLog
from adapters.store.sqlite import SQLiteLog
from domain.documents import policy
from domain.documents.letters import company
from domain.documents.order import Order
from domain.documents.performers import Performers
from domain.documents.price_list import PriceList
from domain.ledger import Aggregate, Ledger, Open, Policy
from domain.shared.effect import Effect
from domain.shared.letter import Letter
from domain.shared.receipt import Receipt
from projections.across.audit_trail import AUDIT_TRAIL
from projections.across.effects import EFFECTS
from projections.documents.orders import ORDER_DESK
from projections.documents.tracking_page import TRACKING_PAGE
from projections.follow import Follower
from projections.home import Home
from projections.rebuild import Rebuild, Rebuilt
from projections.view import View

log = logging.getLogger("daybook")

AGGREGATES: tuple[type[Aggregate], ...] = (Order, PriceList, Effect, Receipt)
POLICIES: Mapping[type[Aggregate], Policy] = {Order: policy.effects}
VIEWS: tuple[View, ...] = (ORDER_DESK, TRACKING_PAGE, EFFECTS, AUDIT_TRAIL)


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


class Sandbox:
    """The stand-in vendors, for the pages that show what they were sent."""

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        self.store = SandboxStore(path)
        self.mailer = SandboxMailer(self.store, now=now)
        self.crm = SandboxCrm(self.store, now=now)


class Services:
    """Everything the web and the commands work with, wired once from the settings."""

    def __init__(self, settings: Settings, *, now: Callable[[], datetime] = utc_now) -> None:
        self.settings, self.office, self.now = settings, settings.office, now
        self.log: SqlLog = _open_log(settings)
        self.log.install()
        self.home = Home(_open_views(settings))
        self.home.install(VIEWS)
        self.views: Sequence[View] = VIEWS
        self.files = FileStore(settings.file_store_url)
        self.ledger = Ledger(self.log, policies=POLICIES, on_recorded=self._recorded)
        self.follower = Follower(self.log, self.home, VIEWS, now=now)
        self.sandbox = Sandbox(settings.sandbox_path, now)
        lease = timedelta(seconds=settings.effect_lease_seconds)
        self.runner = EffectRunner(self.ledger, self.log, self._performers(), now=now, lease=lease)
        self.doorbell = RedisDoorbell(settings.redis_url, self.runner) if settings.redis_url else None
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def _performers(self) -> Mapping[tuple[str, str], Performer]:
        mails = MailRenderer(sender=self.office.mail_from, company=company(self.office))

        def render(letter: Letter, effect: Effect) -> str:
            return mails.render(letter, at=effect.requested.at)

        return Performers(
            ledger=self.ledger,
            crm=self.sandbox.crm,
            mailer=self.sandbox.mailer,
            files=self.files,
            office=self.office,
            render=render,
        ).by_kind

    def _recorded(self, position: int, opened: Sequence[Open]) -> None:
        self.follower.wake()
        if opened and self.doorbell is not None:
            self.doorbell.ring([work.effect for work in opened])
        elif opened:
            self.runner.wake()

    def reveal(self, token: str, held: Any) -> Any:
        """Open the sealed value that a view row carries; `held` is its type. Raises `Erased`."""
        return self.log.mapper.opened(token, held)

    def rebuild(self, view: View, progress: Callable[[int], None] = lambda events: None) -> Rebuilt:
        """Rebuild one view beside its live table and swap."""
        return Rebuild(self.log, self.home, view, now=self.now, progress=progress).run()

    def rebuild_stale(self) -> None:
        """Rebuild the views whose fold has changed since their rows were written."""
        for view in self.views:
            Rebuild(self.log, self.home, view, now=self.now).run_if_stale()

    def start(self) -> None:
        """Follow the log and carry out effects in threads of this process.

        Raises `AlreadyServed` when another process does so on the same SQLite file.
        """
        if isinstance(self.log, SQLiteLog):
            self.log.serve_alone()
            self.log.expire_leases()  # whoever held work before is gone
        self.rebuild_stale()
        self._spawn("follower", lambda: self.follower.run(self._stopping.is_set))
        threads = self.settings.effect_workers
        self._spawn("runner", lambda: self.runner.run(self._stopping.is_set, threads=threads))
        self._spawn("housekeeper", lambda: keep_house(self.files, self.ledger, now=self.now, wait=self._stopping.wait))
        if self.doorbell is not None:
            self.doorbell.start(threads=threads)

    def _spawn(self, name: str, work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                work()
            except Exception:  # readiness says so, and the log says why
                log.exception("the %s has ended", name)

        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    @property
    def running(self) -> dict[str, bool]:
        """Which of the threads started here are alive."""
        return {thread.name: thread.is_alive() for thread in self._threads}

    def stop(self, *, timeout: float = 10) -> None:
        """Finish what is in hand (up to `timeout` seconds) and close everything."""
        self._stopping.set()
        self.follower.wake()
        self.runner.wake()
        if self.doorbell is not None:
            self.doorbell.stop()
        for thread in self._threads:
            thread.join(timeout)
        self.log.close()
        self.home.engine.dispose()
        self.sandbox.store.close()


def _open_log(settings: Settings) -> SqlLog:
    if settings.database_url.startswith("sqlite:///"):
        path = Path(settings.database_url.removeprefix("sqlite:///"))
        return SQLiteLog(path, AGGREGATES, settings.master_key)
    return PostgresLog(settings.database_url, AGGREGATES, settings.master_key)


def _open_views(settings: Settings) -> Engine:
    if settings.database_url.startswith("sqlite:///"):
        path = Path(settings.database_url.removeprefix("sqlite:///"))
        return sqlite_engine(path.with_name(f"{path.stem}.views{path.suffix}"))
    return postgres_engine(settings.database_url)
