"""The sandbox payment provider: checkouts that are paid with a button, told to us in really signed webhooks."""

import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from adapters.sandbox.checkouts import (
    State,
    StoredCheckout,
    charge_object,
    event_body,
    made_up_id,
    session_object,
)
from adapters.sandbox.store import SandboxStore
from domain.shared.errors import Declined, NotFound, Refused, Unreachable
from domain.shared.payments import Checkout, OpenedCheckout, stripe_signature

COLUMNS = "id, wanted, opened_at, state, refunded_cents"

Deliver = Callable[[bytes, str], None]


class NotPossible(Refused):
    """The checkout is not in a state for this."""

    code = "not_possible"
    sentence = "The checkout is not in a state for this."


class SandboxPayments:
    """Answers the `Payments` port, and plays the customer and the bank.

    `deliver(body, signature_header)` posts an event to our own webhook and raises `Unreachable` when that does not
    answer with a 2xx; what could not be delivered is kept for `deliver_again`. `base_url` is where our pages are.
    """

    def __init__(
        self,
        store: SandboxStore,
        *,
        webhook_secret: str,
        deliver: Deliver,
        now: Callable[[], datetime],
        base_url: str,
    ) -> None:
        self._store, self._secret, self._deliver, self._now = store, webhook_secret, deliver, now
        self._base = base_url.rstrip("/")

    def open_checkout(self, wanted: Checkout, *, key: str) -> OpenedCheckout:
        session_id, terms = made_up_id("cs_test", key), msgspec.json.encode(wanted).decode()
        with self._store.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO checkouts VALUES (?, ?, ?, ?, 'open', 0)",
                (session_id, key, terms, self._now().isoformat()),
            )
        if (known := self.checkout(session_id)).wanted != wanted:
            raise Declined("400 idempotency_error")
        return OpenedCheckout(session_id, self._url(session_id), known.wanted.expires_at)

    def redact(self, reference: str) -> str:
        with self._store.transaction() as connection:
            about = "json_extract(wanted, '$.reference') = ?"
            rows = connection.execute(f"SELECT {COLUMNS} FROM checkouts WHERE {about}", (reference,)).fetchall()
            known = [_checkout(row) for row in rows]
            for one in known:
                wanted = msgspec.structs.replace(one.wanted, customer_email="")
                terms = msgspec.json.encode(wanted).decode()
                connection.execute("UPDATE checkouts SET wanted = ? WHERE id = ?", (terms, one.id))
                connection.execute("DELETE FROM checkout_events WHERE checkout = ?", (one.id,))
        self._store.scrub()
        return f"{len(known)} redacted"

    def checkouts(self) -> list[StoredCheckout]:
        """Every checkout, newest first."""
        rows = self._store.query(f"SELECT {COLUMNS} FROM checkouts ORDER BY opened_at DESC, rowid DESC")
        return [_checkout(row) for row in rows]

    def checkout(self, session_id: str) -> StoredCheckout:
        """One checkout; raises `NotFound`."""
        return _found(self._store.query(f"SELECT {COLUMNS} FROM checkouts WHERE id = ?", session_id))

    def undelivered(self, session_id: str) -> list[str]:
        """The types of the events that our webhook has not taken yet, in order."""
        return [type for _, type, _ in self._waiting(session_id)]

    def pay(self, session_id: str) -> None:
        """The customer pays by card."""
        self._move(session_id, "open", "paid", "checkout.session.completed")

    def pay_by_bank(self, session_id: str) -> None:
        """The customer starts a bank payment, whose end is not known for days."""
        self._move(session_id, "open", "processing", "checkout.session.completed")

    def bank_succeeds(self, session_id: str) -> None:
        """The bank's money arrives."""
        self._move(session_id, "processing", "paid", "checkout.session.async_payment_succeeded")

    def bank_fails(self, session_id: str) -> None:
        """The bank refuses."""
        self._move(session_id, "processing", "bank_failed", "checkout.session.async_payment_failed")

    def expire(self, session_id: str) -> None:
        """The customer lets the time run out."""
        self._move(session_id, "open", "expired", "checkout.session.expired")

    def refund(self, session_id: str, cents: int) -> None:
        """Give back a part or all of what is left; raises `NotPossible` when that is less than `cents`."""
        with self._store.transaction() as connection:
            known = _load(connection, session_id)
            if not 0 < cents <= known.refundable_cents:
                raise NotPossible("There is not that much to give back.")
            now = msgspec.structs.replace(known, refunded_cents=known.refunded_cents + cents)
            self._keep(connection, now, "charge.refunded", charge_object(now))
        self.deliver_again(session_id)

    def deliver_again(self, session_id: str) -> None:
        """Post what our webhook has not taken yet, oldest first, until it fails again."""
        for id, _, body in self._waiting(session_id):
            signed_at = str(int(self._now().timestamp()))
            try:
                self._deliver(body, f"t={signed_at},v1={stripe_signature(self._secret, signed_at, body)}")
            except Unreachable:
                return
            with self._store.transaction() as connection:
                connection.execute("UPDATE checkout_events SET delivered = 1 WHERE id = ?", (id,))

    def _move(self, session_id: str, before: State, after: State, type: str) -> None:
        with self._store.transaction() as connection:
            known = _load(connection, session_id)
            late = known.wanted.expires_at <= self._now() and before == "open" and after != "expired"
            if known.state != before or late:
                raise NotPossible
            now = msgspec.structs.replace(known, state=after)
            self._keep(connection, now, type, session_object(now, url=self._url(session_id)))
        self.deliver_again(session_id)

    def _keep(self, connection: sqlite3.Connection, now: StoredCheckout, type: str, about: dict[str, Any]) -> None:
        """The change and the event about it; posted only after the commit, for the webhook may come back to us."""
        connection.execute(
            "UPDATE checkouts SET state = ?, refunded_cents = ? WHERE id = ?", (now.state, now.refunded_cents, now.id)
        )
        body = event_body(about, type=type, number=now.refunded_cents, created=self._now())
        connection.execute(
            "INSERT INTO checkout_events (checkout, type, body, delivered) VALUES (?, ?, ?, 0)", (now.id, type, body)
        )

    def _waiting(self, session_id: str) -> list[tuple[int, str, bytes]]:
        rows = self._store.query(
            "SELECT id, type, body FROM checkout_events WHERE checkout = ? AND NOT delivered ORDER BY id", session_id
        )
        return [msgspec.convert(row, tuple[int, str, bytes]) for row in rows]

    def _url(self, session_id: str) -> str:
        return f"{self._base}/sandbox/checkout/{session_id}/"


def _load(connection: sqlite3.Connection, session_id: str) -> StoredCheckout:
    return _found(connection.execute(f"SELECT {COLUMNS} FROM checkouts WHERE id = ?", (session_id,)).fetchall())


def _found(rows: list[tuple[object, ...]]) -> StoredCheckout:
    if not rows:
        raise NotFound
    return _checkout(rows[0])


def _checkout(row: tuple[object, ...]) -> StoredCheckout:
    id, wanted, opened_at, state, refunded_cents = row
    return msgspec.convert(
        {
            "id": id,
            "wanted": msgspec.json.decode(str(wanted)),
            "opened_at": opened_at,
            "state": state,
            "refunded_cents": refunded_cents,
        },
        StoredCheckout,
    )
