"""One inbound message of a vendor: stored before it is judged, judged once, and able to be judged again."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID, uuid5

import msgspec

from domain.ledger import Aggregate, Conflict, Event, Ledger
from domain.sealed import Sealed
from domain.shared.erasure import Forgettable, Forgotten

NAMESPACE = UUID("1f6a1b3e-54f0-5d4b-8f0e-7f9f6a1f8c55")


class Receipt(Forgettable, name="receipt"):
    """What arrived, byte for byte, and the verdict on it. `about` is the order or lead that it concerns."""

    class Arrived(Event, frozen=True):
        """`headers` without secrets; `digest` is the SHA-256 of the body."""

        source: str
        vendor_id: str
        digest: str
        body: Sealed[bytes]
        headers: dict[str, str] = msgspec.field(default_factory=dict)

    class RepeatedDifferently(Event, frozen=True):
        """The same vendor id came with another body: nothing is done, staff see it."""

        digest: str

    class ActedOn(Event, frozen=True):
        """`events` are the references of what it led to."""

        events: tuple[str, ...]
        about: UUID | None = None

    class Ignored(Event, frozen=True):
        reason: str
        about: UUID | None = None

    class Refused(Event, frozen=True):
        reason: str
        about: UUID | None = None

    class PutOff(Event, frozen=True):
        """Judged again when `waiting_for` is known."""

        waiting_for: str
        about: UUID | None = None

    class RunAgain(Event, frozen=True):
        """Staff asked for another judgement."""

    class Erased(Forgotten, frozen=True):
        """Nobody can read the message any more, since the person it concerns is forgotten."""

    source = ""
    vendor_id = ""
    digest = ""
    body: Sealed[bytes]
    content_type = ""
    arrived_at: datetime
    verdict: str | None = None
    reason: str | None = None

    @property
    def judged(self) -> bool:
        """A verdict stands (waiting is not a verdict)."""
        return self.verdict in ("acted_on", "ignored", "refused")

    def arrive(self, *, source: str, vendor_id: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Keep the message exactly as it came."""
        self.happened(
            self.Arrived(
                source=source,
                vendor_id=vendor_id,
                digest=sha256(body).hexdigest(),
                body=Sealed(body),
                headers=dict(headers),
            )
        )

    def repeated(self, body: bytes) -> None:
        """The vendor sent it again; a different body is noted once per body."""
        digest = sha256(body).hexdigest()
        if digest != self.digest and digest not in self._other_digests:
            self.happened(self.RepeatedDifferently(digest=digest))

    def acted_on(self, *events: Event, about: UUID | None = None) -> None:
        if not self.judged:
            self.happened(self.ActedOn(events=tuple(event.reference for event in events), about=about))

    def ignore(self, reason: str, *, about: UUID | None = None) -> None:
        if not self.judged:
            self.happened(self.Ignored(reason=reason, about=about))

    def refuse(self, reason: str, *, about: UUID | None = None) -> None:
        if not self.judged:
            self.happened(self.Refused(reason=reason, about=about))

    def put_off(self, waiting_for: str, *, about: UUID | None = None) -> None:
        if not self.judged and self.reason != waiting_for:
            self.happened(self.PutOff(waiting_for=waiting_for, about=about))

    def run_again(self) -> None:
        """Open the question again; what was acted on stays acted on."""
        if self.verdict in ("ignored", "refused"):
            self.happened(self.RunAgain())

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self._other_digests: set[str] = set()

    def apply(self, event: Event) -> None:
        match event:
            case Receipt.Arrived(source=source, vendor_id=vendor_id, digest=digest, body=body, headers=headers):
                self.content_type, self.arrived_at = headers.get("Content-Type", ""), event.at
                self.source, self.vendor_id, self.digest, self.body = source, vendor_id, digest, body
            case Receipt.RepeatedDifferently(digest=digest):
                self._other_digests.add(digest)
            case Receipt.ActedOn():
                self.verdict, self.reason = "acted_on", None
            case Receipt.Ignored(reason=reason):
                self.verdict, self.reason = "ignored", reason
            case Receipt.Refused(reason=reason):
                self.verdict, self.reason = "refused", reason
            case Receipt.PutOff(waiting_for=waiting_for):
                self.verdict, self.reason = "waiting", waiting_for
            case Receipt.RunAgain():
                self.verdict, self.reason = None, None


class Verdict(msgspec.Struct, frozen=True):
    """What a judge found, the aggregates it changed, and what the vendor is told beside it."""

    word: Literal["acted_on", "ignored", "refused", "waiting"]
    reason: str | None = None
    changed: tuple[Aggregate, ...] = ()
    told: Mapping[str, Any] = msgspec.field(default_factory=dict)


def receipt_id(source: str, vendor_id: str) -> UUID:
    """The id of the receipt for this message of this vendor."""
    return uuid5(NAMESPACE, f"{source}:{vendor_id}")


def receive(
    ledger: Ledger,
    *,
    source: str,
    vendor_id: str,
    body: bytes,
    headers: Mapping[str, str],
    named_by_content: bool = False,
) -> tuple[Receipt, bool]:
    """Store a message before anybody judges it; False when this vendor id had already arrived.

    `named_by_content` when the id is a digest of what is said: another body then only lays the same out differently.
    """
    receipt = Receipt(receipt_id(source, vendor_id))
    receipt.arrive(source=source, vendor_id=vendor_id, body=body, headers=headers)
    try:
        ledger.record(receipt)
    except Conflict:
        known = ledger.load(Receipt, receipt.id, even_erased=True)
        if not known.erased and not named_by_content:
            known.repeated(body)
            ledger.record(known)
        return known, False
    return receipt, True
