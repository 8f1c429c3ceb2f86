"""The composition root: settings in, the whole product out."""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from adapters.call_repair import keep_calls
from adapters.crm_lookups import CrmLookups
from adapters.effects import EffectRunner, Performer
from adapters.files import FileStore
from adapters.forgetting import Forgetting
from adapters.housekeeping import keep_house
from adapters.lookups import orders_of_person
from adapters.mail import MailRenderer
from adapters.mail_reports import judge_mail_report, mail_concern
from adapters.queue import RedisDoorbell
from adapters.resend_events import verify_resend
from adapters.settings import Settings
from adapters.store.engine import postgres_engine, sqlite_engine
from adapters.store.log import SqlLog
from adapters.store.postgres import PostgresLog
from adapters.store.sqlite import SQLiteLog
from adapters.stripe import verify_stripe
from adapters.vendors import Vendors
from domain.consequences import Open
from domain.documents import call_policy, policy, tracking_id
from domain.documents.call_lead import CallLead
from domain.documents.call_performers import CallPerformers
from domain.documents.calls import NOT_USED_YET, judge_call
from domain.documents.calls import SOURCE as CALLS
from domain.documents.concerns import concerns
from domain.documents.crm_messages import judge_create, judge_update
from domain.documents.landing import DEFAULT_PATTERNS, Site
from domain.documents.letters import company
from domain.documents.match_performers import MatchPerformers
from domain.documents.order import Order
from domain.documents.payments import judge_payment
from domain.documents.performers import Performers
from domain.documents.price_list import PriceList
from domain.ledger import Aggregate, Ledger, Policy
from domain.shared import inbox
from domain.shared.effect import Effect, NotYet, effect_id
from domain.shared.inbox import Concern, Inbox, Judge
from domain.shared.letter import Letter
from domain.shared.payments import read_stripe_event
from domain.shared.receipt import Receipt, Verdict
from projections.across.audit_trail import AUDIT_TRAIL
from projections.across.effects import EFFECTS
from projections.across.receipts import RECEIPTS, ignored_about, waiting_for
from projections.documents.attribution_report import ATTRIBUTION_REPORT
from projections.documents.call_leads import CALL_LEADS
from projections.documents.match_queue import MATCH_QUEUE
from projections.documents.orders import ORDER_DESK
from projections.documents.payment_queue import PAYMENT_QUEUE
from projections.documents.stage_queue import STAGE_QUEUE
from projections.documents.tracking_page import TRACKING_PAGE
from projections.follow import Follower
from projections.home import Home
from projections.rebuild import Rebuild, Rebuilt
from projections.view import View

log = logging.getLogger("daybook")

AGGREGATES: tuple[type[Aggregate], ...] = (Order, CallLead, PriceList, Effect, Receipt)
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
        self.vendors = Vendors(settings, now=now)
        self.sandbox, self.payments = self.vendors.sandbox, self.vendors.payments
        self._crm_lookups = CrmLookups(self.ledger, self.home, catch_up=self._catch_up)
        lease = timedelta(seconds=settings.effect_lease_seconds)
        self.runner = EffectRunner(self.ledger, self.log, self._performers(), now=now, lease=lease)
        self.forgetting = Forgetting(self.ledger, self.home, VIEWS, catch_up=self._catch_up)
        self.doorbell = RedisDoorbell(settings.redis_url, self.runner) if settings.redis_url else None
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

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
            **Inbox(self.ledger, self._judges(), now=self.now, concerns=self._concerns()).by_kind,
        }

    def _judges(self) -> Mapping[str, Judge]:
        """Who judges the messages of each source."""
        return {
            "stripe": self._judge_stripe,
            "resend": lambda receipt: judge_mail_report(self.ledger, receipt),
            "whatconverts": self._judge_call,
            "zoho_create": self._judge_zoho_create,
            "zoho_update": lambda receipt: judge_update(self.ledger, receipt, office=self.office),
        }

    def _concerns(self) -> Mapping[str, Concern]:
        """Whom the messages of each source are about."""
        call_of_record = self._crm_lookups.call_of_record
        documents = concerns(self.ledger, office=self.office, call_of_record=call_of_record)
        return {**documents, "resend": lambda receipt: mail_concern(self.ledger, receipt)}

    def _judge_stripe(self, receipt: Receipt) -> Verdict:
        try:
            event = read_stripe_event(receipt.body.open())
        except ValueError:
            return Verdict("refused", "unreadable")
        return judge_payment(self.ledger, event, livemode=self.settings.stripe_livemode)

    def _judge_zoho_create(self, receipt: Receipt) -> Verdict:
        return judge_create(
            self.ledger,
            receipt,
            office=self.office,
            draw_tracking_id=lambda: tracking_id.draw(os.urandom),
            entry_under_way=self._crm_lookups.entry_under_way,
            call_of_record=self._crm_lookups.call_of_record,
        )

    def verify_resend(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
        """Raises `BadSignature` unless Resend signed these bytes with one of our secrets."""
        verify_resend(self.settings.resend_webhook_secrets, headers, body, now=now)

    def _judge_call(self, receipt: Receipt) -> Verdict:
        patterns = {**DEFAULT_PATTERNS, **self.settings.service_patterns}
        return judge_call(
            self.ledger,
            receipt,
            site=Site(patterns=patterns, hosts=frozenset(self.settings.site_hosts)),
            window_days=self.office.match_window_days,
            now=self.now(),
            earlier=self._ignored_about,
        )

    def _ignored_about(self, call: str) -> Sequence[Receipt]:
        """The messages about a call that were ignored though they may still count; raises `NotYet`."""
        self._catch_up(RECEIPTS)
        rows = ignored_about(self.home, call, source=CALLS, reasons=NOT_USED_YET)
        found = (self.ledger.load(Receipt, UUID(row["receipt_id"]), even_erased=True) for row in rows)
        return [receipt for receipt in found if not receipt.erased]

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
        if not self._threads:  # nobody follows in this process
            self.follower.catch_up()
        if not self.follower.wait(view, self.log.last_position(), timeout=CATCH_UP_SECONDS):
            raise NotYet(f"waits for {view.name}", until=self.now() + timedelta(seconds=CATCH_UP_SECONDS))

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
        if (calls := self.vendors.calls) is not None:
            self._spawn("calls", lambda: keep_calls(calls, self.ledger, now=self.now, wait=self._stopping.wait))
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
        self.vendors.close()


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
