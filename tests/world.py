"""A whole small Daybook for a test: its own database and vendors, a clock that stands still, vendors that can fail."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import structlog
from sqlalchemy import select

from adapters import logs
from adapters.effects import EffectRunner, Performer
from adapters.mail import MailRenderer
from adapters.settings import Settings, read_settings
from adapters.vendors import Sandbox
from adapters.wiring import Services
from domain.documents.commands import Request, place_order
from domain.documents.files import StoredFile, draw_token, folder_key
from domain.documents.letters import company
from domain.documents.office import Office
from domain.documents.order import Order
from domain.documents.performers import Performers
from domain.ledger import ENVELOPE, Event, Ledger
from domain.shared.effect import Effect
from projections.across.audit_trail import AuditTrail
from projections.across.effects import list_effects
from projections.home import Home
from projections.view import Row
from tests.flaky import FlakyCrm, FlakyMailer
from tests.wishes import NOW, acts, demo_prices, tracking_ids, wish


class Clock:
    """Stands still until it is moved."""

    def __init__(self, start: datetime = NOW) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def move(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


class World:
    """`services` as the product wires them, and a runner of our own whose vendors can be made to fail."""

    def __init__(self, services: Services, clock: Clock) -> None:
        self.services, self.clock = services, clock
        self.ledger, self.sandbox = services.ledger, sandbox(services)
        self.mailbox = self.sandbox.mailer
        self.crm, self.mailer = FlakyCrm(self.sandbox.crm), FlakyMailer(self.sandbox.mailer)
        self.runner = self.new_runner()
        self._draw = tracking_ids()

    def performers(self, ledger: Ledger | None = None) -> dict[tuple[str, str], Performer]:
        """The product's own performers, at the flaky vendors."""
        services, mails = (
            self.services,
            MailRenderer(sender=self.services.office.mail_from, company=company(self.services.office)),
        )
        flaky = Performers(
            ledger=ledger or self.ledger,
            crm=self.crm,
            mailer=self.mailer,
            files=services.files,
            office=services.office,
            render=lambda letter, effect: mails.render(letter, at=effect.requested.at),
        ).by_kind
        return {**services._performers(), **flaky}

    def new_runner(
        self, performers: Mapping[tuple[str, str], Performer] | None = None, ledger: Ledger | None = None
    ) -> EffectRunner:
        """Another runner at the same log, as in another process."""
        services = self.services
        return EffectRunner(
            ledger or services.ledger, services.log, performers or self.performers(), now=self.clock.now
        )

    def place(
        self,
        kind: str,
        *,
        files: Mapping[str, bytes] | None = None,
        request: Request | None = None,
        id: UUID | None = None,
        **changes: Any,
    ) -> Order:
        """Place an order as the form does; `files` are contents by name."""
        stored = tuple(self.store(name, content) for name, content in (files or {}).items())
        wanted = wish(kind, files=stored, file_names=tuple(files or ()), **changes)
        with acts(self.clock.now()):
            order, _ = place_order(
                self.ledger, id=id or uuid4(), wish=wanted, draw_tracking_id=self._draw, request=request
            )
        return order

    def store(self, name: str, content: bytes) -> StoredFile:
        """Keep a file as the form does, before its order is recorded."""
        token = draw_token(os.urandom)
        self.services.files.save(token, name, BytesIO(content))
        return StoredFile(
            file_id=str(uuid4()),
            media_type="application/pdf",
            size=len(content),
            sha256=sha256(content).hexdigest(),
            key=folder_key(token),
        )

    def happened(self, id: UUID) -> list[tuple[str, dict[str, Any]]]:
        """Name and own fields of every event of a stream."""
        return [told(event) for event in self.services.log.events_of(id)]

    def run_effects(self) -> int:
        """Carry out what is due and bring the views up; returns how many attempts were made."""
        attempts = self.runner.run_due()
        self.services.follower.catch_up()
        return attempts

    def effects(self, subject: UUID) -> dict[str, Effect]:
        """The subject's effects by kind (the files' by kind and number), in the order they were asked for."""
        self.services.follower.catch_up()
        found: dict[str, Effect] = {}
        for row in effect_rows(self.services.home, subject):
            name = row["kind"] if row["kind"] not in found else f"{row['kind']} {len(found)}"
            found[name] = self.ledger.load(Effect, UUID(row["effect_id"]))
        return found

    def subjects(self) -> list[str]:
        """The subject of every mail that was sent, in order."""
        return [str(mail.message["Subject"]) for mail in self.mailbox.mails()]

    def modules(self) -> list[str]:
        """The module of every record in the CRM, in order."""
        return [record.module for record in self.sandbox.crm.records()]


def sandbox(services: Services) -> Sandbox:
    """The stand-in vendors of these services."""
    assert services.sandbox is not None
    return services.sandbox


def renderer(office: Office) -> MailRenderer:
    """What turns this office's letters into mails."""
    return MailRenderer(sender=office.mail_from, company=company(office))


def effect_rows(home: Home, subject: UUID) -> Sequence[Row]:
    """The subject's rows of the effects view, in the order they were asked for."""
    trail = AuditTrail.live
    asked = select(trail.c.stream).where(trail.c.subject == str(subject), trail.c.event == "effect.Requested")
    order = [row["stream"] for row in home.rows(asked.order_by(trail.c.position))]
    return sorted(list_effects(home, subject=str(subject)), key=lambda row: order.index(row["effect_id"]))


def told(event: Event) -> tuple[str, dict[str, Any]]:
    """An event's name and own fields, the envelope left out."""
    own = {name: value for name, value in msgspec.structs.asdict(event).items() if name not in ENVELOPE}
    return type(event).__name__, own


def settings_for(database_url: str, folder: Path, **more: str) -> Settings:
    """Settings of a test: everything in this folder, beside the database."""
    return read_settings(
        {
            "DAYBOOK_ENV": "test",
            "DAYBOOK_DATABASE_URL": database_url,
            "DAYBOOK_FILE_STORE_URL": str(folder / "media"),
            "DAYBOOK_SANDBOX_PATH": str(folder / "sandbox.sqlite"),
            **{f"DAYBOOK_{name}": value for name, value in more.items()},
        }
    )


@contextmanager
def all_logs() -> Iterator[StringIO]:
    """Everything that the product would write to its log, at the finest level."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    written = StringIO()
    logs.configure(level="debug", stream=written)
    root.setLevel(logging.DEBUG)
    try:
        yield written
    finally:
        root.handlers = handlers
        root.setLevel(level)
        logging.getLogger(logs.OURS).setLevel(logging.NOTSET)
        structlog.reset_defaults()


@contextmanager
def open_world(database_url: str, folder: Path, **more: str) -> Iterator[World]:
    """A world on this database, with the demo prices if it was empty."""
    clock = Clock()
    services = Services(settings_for(database_url, folder, **more), now=clock.now)
    try:
        if services.log.last_position() == 0:
            demo_prices(services.ledger)
        yield World(services, clock)
    finally:
        services.stop()
