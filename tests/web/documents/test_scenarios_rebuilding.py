"""A year of everything that can happen, and every view made anew from the log (scenario 62)."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import inspect

from adapters.wiring import Services
from domain.documents.commands import give_tracking_id
from domain.documents.match_commands import match_by_hand, undo_match
from domain.documents.payments import accept_payment
from domain.documents.tracking_id import draw
from projections.documents.match_queue import list_match_queue
from projections.documents.orders import list_orders
from projections.view import Row
from tests.web.documents.bodies import LEAST
from tests.web.documents.hooks import Vendors
from tests.web.documents.phoning import call
from tests.web.site import PDF, asked, get, post_files, settle
from tests.wishes import acts
from tests.world import Clock, sandbox

MONTH = 30 * 24 * 3600


class Year:
    """Twelve months of customers who do not know each other, told apart by `number`."""

    def __init__(self, vendors: Vendors) -> None:
        self.vendors, self.services, self.clock = vendors, vendors.services, vendors.clock
        self.client = vendors.app.test_client()
        self.number = 0

    def person(self) -> dict[str, str]:
        """Somebody new."""
        self.number += 1
        return {"email": f"customer{self.number}@example.com", "phone": f"+1 202 555 {self.number:04}"}

    def place(self, kind: str, **changes: Any) -> UUID:
        if "appointment_date" in LEAST[kind]:
            changes["appointment_date"] = f"{self.clock.now():%Y-%m-}28"
        return self.vendors.place(kind, **self.person() | changes)

    def by_staff(self, act: Callable[..., object], **told: Any) -> None:
        with acts(self.clock.now(), by="operator:ann", via="console"):
            act(self.services.ledger, **told)

    def month(self) -> None:
        """Forms, payments, stages and calls of one month."""
        for kind in LEAST:
            self.place(kind, attribution={"source": "google", "campaign": f"month {self.number}"})
        more: dict[str, Any] = {**self.person()}
        post_files(self.client, "translation", ("scan.pdf", PDF), **more)
        self.money()
        self.stages()
        self.calls()
        settle(self.services)
        self.clock.move(MONTH)
        settle(self.services)

    def money(self) -> None:
        """Paid and given back in part, paid wrongly and accepted, paid by a bank that fails, and never paid."""
        paid, wrong, bank, late = (self.place("fbi") for _ in range(4))
        self.vendors.payments.refund(self.vendors.pay(paid), 5500)
        session = self.vendors.open_checkout(wrong)
        self.vendors.tell_session(session, id=f"evt_{wrong}", but={"amount_total": 20000})
        if self.number % 2:
            self.by_staff(accept_payment, order_id=wrong, session_id=session, reason="The bank took its fee.")
        session = self.vendors.open_checkout(bank)
        self.vendors.payments.pay_by_bank(session)
        self.vendors.payments.bank_fails(session)
        self.vendors.payments.expire(self.vendors.open_checkout(late))
        settle(self.services)

    def stages(self) -> None:
        """A stage, a jump, a correction, an unknown one, a record begun in the CRM, a quote that may be followed."""
        order_id, quote = self.place("embassy"), self.place("quote")
        settle(self.services)
        for stage in ("Request Under Review", "Out for Delivery", "Waiting for Bob"):
            self.vendors.move(order_id, stage)
        self.vendors.move(order_id, "Notarization Complete", correction=True, Urgency="high")
        record = self.vendors.crm.create("Apostille_Services", {"Last_Name": "Roe"})
        self.vendors.zoho("create", module="Apostille_Services", id=record, name="Mary Roe", **self.person())
        self.by_staff(give_tracking_id, order_id=quote, draw_tracking_id=lambda: draw(self.bytes))

    def bytes(self, size: int) -> bytes:
        """Never the same twice."""
        self.number += 1
        return self.number.to_bytes(size, "big")

    def calls(self) -> None:
        """One that a form takes up, one parted again, one only suggested, one joined by staff, and spam."""
        for what in ("taken", "parted", "suggested", "joined", "spam"):
            person = self.person()
            lead = call(self.client, lead_id=self.number, caller_number=person["phone"], at=self.clock.now())
            self.clock.move(60)
            order_id = self.vendors.place("marriage" if what in ("suggested", "joined") else "fbi", **person)
            settle(self.services)
            if what == "parted":
                self.by_staff(undo_match, call_id=lead, reason="a namesake")
            elif what == "joined":
                self.by_staff(match_by_hand, call_id=lead, order_id=order_id, reason="said so")


def test_scenario_62_a_year_of_everything_is_rebuilt_alike_and_nothing_is_sent(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    year = Year(Vendors(client.application, services, clock))
    for _ in range(12):
        year.month()
    orders = list_orders(services.home, limit=10_000)
    assert {row["payment"] for row in orders} == {"none", "mismatched", "paid", "part_refunded"}
    assert len(list_match_queue(services.home)) == 12
    before, sent = rows(services), outside(services)
    assert all(before.values())
    pages = [get(client, f"/tracking/{row['tracking_id']}/").data for row in orders if row["tracking_id"]]
    position, requested = services.log.last_position(), len(asked(services))

    with services.home.engine.begin() as connection:
        for table in inspect(connection).get_table_names():
            services.home.drop(connection, table)
    services.home.install(services.views)
    for view in services.views:
        services.rebuild(view)

    for name, found in rows(services).items():
        assert found == before[name], name
    assert [get(client, f"/tracking/{row['tracking_id']}/").data for row in orders if row["tracking_id"]] == pages
    services.runner.run_due()
    assert outside(services) == sent
    assert (services.log.last_position(), len(asked(services))) == (position, requested)


def rows(services: Services) -> dict[str, list[Row]]:
    """Every row of every view, in the order of their keys."""
    return {
        view.name: services.home.rows(view.live.select().order_by(*view.live.primary_key)) for view in services.views
    }


def outside(services: Services) -> tuple[int, list[object], list[object]]:
    """What the vendors hold: mails, records with their times, and checkouts."""
    vendors = sandbox(services)
    return len(vendors.mailer.mails()), list(vendors.crm.records()), list(vendors.payments.checkouts())
