"""The composition root: settings in, the whole product out."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, inspect

from adapters.breaker import Limits
from adapters.effects import EffectRunner, Performer
from adapters.figures import Figures, places_of
from adapters.files import FileStore
from adapters.forgetting import Forgetting
from adapters.heartbeats import Process, processes
from adapters.judges import Judges
from adapters.lookups import orders_of_person
from adapters.mail import MailRenderer
from adapters.metrics import observed_rebuild, start_at_zero
from adapters.proof.chain import PURPOSE, Seal
from adapters.proof.keeper import Keeper
from adapters.proof.tables import open_tables
from adapters.queue import RedisDoorbell
from adapters.resend_events import verify_resend
from adapters.settings import Settings
from adapters.store.engine import postgres_engine, sqlite_engine
from adapters.store.log import SqlLog
from adapters.store.postgres import PostgresLog
from adapters.store.sqlite import SQLiteLog
from adapters.stripe import verify_stripe
from adapters.threads import Threads
from adapters.vendor_copies import VendorCopies
from adapters.vendors import Vendors
from adapters.watching import Watcher
from domain.consequences import Open
from domain.documents import call_policy, policy
from domain.documents.call_lead import CallLead
from domain.documents.call_performers import CallPerformers
from domain.documents.deletions import Deletions
from domain.documents.letters import company
from domain.documents.match_performers import MatchPerformers
from domain.documents.order import Order
from domain.documents.performers import Performers
from domain.documents.price_list import PriceList
from domain.ledger import Aggregate, Ledger, Policy
from domain.shared import inbox
from domain.shared.effect import Effect, NotYet, effect_id
from domain.shared.export import Export
from domain.shared.inbox import Inbox
from domain.shared.letter import Letter
from domain.shared.receipt import Receipt
from projections.across.audit_trail import AUDIT_TRAIL
from projections.across.effects import EFFECTS
from projections.across.receipts import RECEIPTS, waiting_for
from projections.documents.attribution_report import ATTRIBUTION_REPORT
from projections.documents.call_leads import CALL_LEADS
from projections.documents.match_queue import MATCH_QUEUE
from projections.documents.orders import ORDER_DESK
from projections.documents.payment_queue import PAYMENT_QUEUE
from projections.documents.stage_queue import STAGE_QUEUE
from projections.documents.tracking_page import TRACKING_PAGE
from projections.fill import Progress
from projections.follow import Follower
from projections.home import POSITIONS, Home
from projections.rebuild import Rebuild, Rebuilt
from projections.view import View

AGGREGATES: tuple[type[Aggregate], ...] = (Order, CallLead, PriceList, Effect, Receipt, Export)
POLICIES: Mapping[type[Aggregate], Policy] = {
    Order: policy.effects,
    CallLead: call_policy.effects,
    Receipt: inbox.effects,
}
VIEWS: tuple[View, ...] = (
    ORDER_DESK,
    TRACKING_PAGE,
    CALL_LEADS,
    MATCH_QUEUE,
    ATTRIBUTION_REPORT,
    PAYMENT_QUEUE,
    STAGE_QUEUE,
    EFFECTS,
    AUDIT_TRAIL,
    RECEIPTS,
)

CATCH_UP_SECONDS = 1.0


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


class Services:
    """Everything the web and the commands work with, wired once from the settings.

    With `install` the schema and the views are made; without, what is not there or not ours raises `WrongSchema`.
    It starts nothing: `adapters.processes` says what runs in which process.
    """

    def __init__(self, settings: Settings, *, now: Callable[[], datetime] = utc_now, install: bool = True) -> None:
        self.settings, self.office, self.now = settings, settings.office, now
        self.log: SqlLog = _open_log(settings)
        self.home = Home(_open_views(settings))
        self._patient_home = Home(_open_views(settings, long=True))
        tables = open_tables(settings.database_url, settings.database)
        self.keeper = Keeper(tables, lambda: Seal(self.log.keyring.derive(PURPOSE)), now=now)
        try:
            self._prepare(install=install)
        except BaseException:
            self.log.close()
            self.home.engine.dispose()
            raise
        self.views: Sequence[View] = VIEWS
        self.files = FileStore(settings.file_store_url)
        self.ledger = Ledger(self.log, policies=POLICIES, on_recorded=self._recorded)
        self.follower = Follower(self.log, self.home, VIEWS, now=now)
        self.vendors = Vendors(settings, now=now)
        self.sandbox, self.payments = self.vendors.sandbox, self.vendors.payments
        self._judges = Judges(settings=settings, ledger=self.ledger, home=self.home, catch_up=self._catch_up, now=now)
        lease = timedelta(seconds=settings.effect_lease_seconds)
        limits = Limits(channel_workers=settings.channel_workers, breaker_after=settings.effect_breaker_after)
        self.runner = EffectRunner(self.ledger, self.log, self._performers(), now=now, lease=lease, limits=limits)
        self.forgetting = Forgetting(self.ledger, self.home, VIEWS, catch_up=self._catch_up)
        self.doorbell = RedisDoorbell(settings.redis_url, self.runner) if settings.redis_url else None
        start_at_zero(kinds=self.runner.kinds, sources=self._judges.by_source)
        self.figures = Figures(
            log=self.log,
            home=self.home,
            views=VIEWS,
            now=now,
            places=places_of(settings),
            breakers=lambda: self.runner.breakers,
        )
        self.threads = Threads()
        self._watcher: Watcher | None = None
        self._ends: list[Callable[[], None]] = []

    def _prepare(self, *, install: bool) -> None:
        if install:
            self.log.install()
            self.keeper.tables.install()
            self.home.install(VIEWS)
        else:
            self.log.check()

    def _performers(self) -> Mapping[tuple[str, str], Performer]:
        mails = MailRenderer(sender=self.office.mail_from, company=company(self.office))

        def render(letter: Letter, effect: Effect) -> str:
            return mails.render(letter, at=effect.requested.at)

        documents = Performers(
            ledger=self.ledger,
            crm=self.vendors.crm,
            mailer=self.vendors.mailer,
            files=self.files,
            office=self.office,
            render=render,
        )
        calls = CallPerformers(ledger=self.ledger, crm=self.vendors.crm, office=self.office)
        matches = MatchPerformers(ledger=self.ledger, find_orders=self._find_orders, office=self.office)
        return {
            **documents.by_kind,
            **calls.by_kind,
            **matches.by_kind,
            **self._deletions().by_kind,
            **Inbox(self.ledger, self._judges.by_source, now=self.now, concerns=self._judges.concerns).by_kind,
        }

    def _deletions(self) -> Deletions:
        return Deletions(
            ledger=self.ledger,
            crm=self.vendors.crm,
            mailer=self.vendors.mailer,
            payments=self.payments,
            office=self.office,
            uses=VendorCopies(self.ledger, self.home, catch_up=self._catch_up),
        )

    def verify_resend(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
        """Raises `BadSignature` unless Resend signed these bytes with one of our secrets."""
        verify_resend(self.settings.resend_webhook_secrets, headers, body, now=now)

    def _find_orders(self, hashes: Iterable[str]) -> Sequence[UUID]:
        """The orders with any of these digests; raises `NotYet`."""
        self._catch_up(ORDER_DESK)
        return orders_of_person(self.home, hashes)

    def judge_waiting(self, what: str) -> None:
        """What messages were waiting for has happened: judge them now; those missed are judged by schedule."""
        with suppress(NotYet):
            self._catch_up(RECEIPTS)
        for row in waiting_for(self.home, what):
            self.runner.run_at_once(effect_id(row["receipt_id"], kind="judge"))

    def _catch_up(self, view: View) -> None:
        """Bring a view to the newest event before a decision leans on it; raises `NotYet`."""
        if self._watcher is None and not self.threads.running.get("follower"):  # nobody follows in this process
            self.follower.catch_up()
        if not self.reached(view, timeout=CATCH_UP_SECONDS):
            raise NotYet(f"waits for {view.name}", until=self.now() + timedelta(seconds=CATCH_UP_SECONDS))

    def reached(self, view: View, *, timeout: float) -> bool:
        """Wait until a view has come to the newest event, whoever moves it; False when it has not in time (seconds)."""
        return (self._watcher or self.follower).wait(view, self.log.last_position(), timeout=timeout)

    def watch(self, listen: Callable[[Callable[[str], None]], Callable[[], None]]) -> Callable[[], None]:
        """From now on another process follows, and `listen` brings its news; returns how to stop."""
        self._watcher = Watcher(self.home, self.views)
        return self._watcher.start(listen)

    def positions(self) -> dict[str, int | None]:
        """How far each view is; None where nobody has made it yet."""
        states = self.home.states() if inspect(self.home.engine).has_table(POSITIONS.name) else {}
        return {view.name: states[view.name]["position"] if view.name in states else None for view in self.views}

    def processes(self) -> Sequence[Process]:
        """Every process of this ledger that has given a sign of life within a day."""
        return processes(self.home)

    def verify_stripe(self, header: str, body: bytes, *, now: datetime) -> None:
        """Raises `BadSignature` unless Stripe signed these bytes with one of our secrets."""
        verify_stripe(self.settings.stripe_webhook_secrets, header, body, now=now)

    def _recorded(self, position: int, opened: Sequence[Open]) -> None:
        self.follower.wake()
        if opened and self.doorbell is not None:
            self.doorbell.ring([work.effect for work in opened])
        elif opened:
            self.runner.wake()

    def reveal(self, token: str, held: Any) -> Any:
        """Open the sealed value that a view row carries; `held` is its type. Raises `Erased`."""
        return self.log.mapper.opened(token, held)

    def rebuild(
        self, view: View, progress: Progress = lambda events: None, *, workers: int = 1, fresh: bool = False
    ) -> Rebuilt:
        """Rebuild one view beside its live table and swap; several `workers` are processes, on PostgreSQL only."""
        with observed_rebuild(view.name) as observe:

            def both(events: int) -> None:
                observe(events)
                progress(events)

            rebuilt = self.rebuild_of(view, both, workers=workers, fresh=fresh).run()
            observe(rebuilt.events)
        return rebuilt

    def rebuild_of(self, view: View, progress: Progress, *, workers: int = 1, fresh: bool = False) -> Rebuild:
        """A rebuild that has not begun, to be run, looked at, approved or discarded."""
        return Rebuild(
            self.log,
            self._patient_home,
            view,
            now=self.now,
            progress=progress,
            workers=workers,
            connect=partial(_open_both, self.settings),
            fresh=fresh,
        )

    @property
    def patient_home(self) -> Home:
        """The views' home for statements that take long."""
        return self._patient_home

    def rebuild_stale(self) -> None:
        """Rebuild the views whose fold has changed since their rows were written."""
        for view in self.views:
            with observed_rebuild(view.name) as progress:
                rebuilt = Rebuild(self.log, self._patient_home, view, now=self.now, progress=progress).run_if_stale()
                progress(rebuilt.events if rebuilt else 0)

    @property
    def running(self) -> dict[str, bool]:
        """Which of the threads started here are alive."""
        return self.threads.running

    def on_stop(self, end: Callable[[], None]) -> None:
        """Do this when the services stop."""
        self._ends.append(end)

    def stop(self, *, timeout: float = 10) -> bool:
        """Finish what is in hand (up to `timeout` seconds), hand back the rest, and close everything.

        False when a thread did not end: it may be waiting for a vendor, and ends with the process.
        """
        until = time.monotonic() + timeout
        self.threads.stopping.set()
        self.follower.wake()
        self.runner.wake()
        for end in self._ends:
            end()
        ended = self.doorbell is None or self.doorbell.stop(timeout=timeout)
        ended = self.threads.join(until=until) and ended
        if not ended:
            self.runner.hand_back()
        self.log.close()
        self.home.engine.dispose()
        self._patient_home.engine.dispose()
        self.vendors.close()
        return ended


def _open_log(settings: Settings) -> SqlLog:
    log: SqlLog
    if settings.database_url.startswith("sqlite:///"):
        path = Path(settings.database_url.removeprefix("sqlite:///"))
        log = SQLiteLog(path, AGGREGATES, settings.master_key)
    else:
        log = PostgresLog(settings.database_url, AGGREGATES, settings.master_key, options=settings.database)
    if settings.master_key_second is not None:
        log.keyring.also_open_with(settings.master_key_second)
    return log


def _open_views(settings: Settings, *, long: bool = False) -> Engine:
    if settings.database_url.startswith("sqlite:///"):
        path = Path(settings.database_url.removeprefix("sqlite:///"))
        return sqlite_engine(path.with_name(f"{path.stem}.views{path.suffix}"))
    return postgres_engine(settings.database_url, settings.database, long=long)


def _open_both(settings: Settings) -> tuple[SqlLog, Home]:
    """What a worker of a rebuild needs."""
    log = _open_log(settings)
    log.check()
    return log, Home(_open_views(settings, long=True))
