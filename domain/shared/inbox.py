"""Messages from vendors, from arrival to verdict: stored first, judged at once, judged again when need be."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from domain.ledger import Event, Ledger, acting
from domain.sealed import Erased
from domain.shared.effect import Effect, NotYet, Outcome
from domain.shared.erasure import ERASED
from domain.shared.receipt import Receipt, Verdict

CHANNEL = "inbox"
BY_ITSELF_AFTER = timedelta(seconds=5)  # whoever received it judges it at once; this is for when that process died
WAITS_FOR = timedelta(hours=24)
LOOKS_AGAIN_AFTER = timedelta(minutes=1)

Judge = Callable[[Receipt], Verdict]
Concern = Callable[[Receipt], UUID | None]
"""The order or lead that a message is about, where it can be told before it is judged; raises `Erased`."""


def effects(event: Event, receipt: Receipt) -> Iterator[Effect]:
    """A message that has arrived, or is to be run again, wants a verdict."""
    match event:
        case Receipt.Arrived(at=at):
            yield Effect.request(event, channel=CHANNEL, kind="judge", due_at=at + BY_ITSELF_AFTER)
        case Receipt.RunAgain(at=at):
            yield Effect.request(
                event, channel=CHANNEL, kind="judge", key=str(event.version), due_at=at + BY_ITSELF_AFTER
            )


class Inbox:
    """Carries out the judging. `judges` and `concerns` by source."""

    def __init__(
        self,
        ledger: Ledger,
        judges: Mapping[str, Judge],
        *,
        now: Callable[[], datetime],
        concerns: Mapping[str, Concern] = MappingProxyType({}),
    ) -> None:
        self._ledger, self._judges, self._concerns, self._now = ledger, judges, concerns, now

    @property
    def by_kind(self) -> Mapping[tuple[str, str], Callable[[Effect], Outcome]]:
        """(channel, kind) to what carries it out."""
        return {(CHANNEL, "judge"): self.judge}

    def judge(self, effect: Effect) -> Outcome:
        """Give a receipt its verdict; what it changes is recorded together with it."""
        receipt = self._ledger.load(Receipt, effect.subject)
        if receipt.judged:
            return Outcome(str(receipt.verdict))
        told_by = receipt.source.partition("_")[0]
        because = effect.requested
        act = acting(by=told_by, via=told_by, at=self._now(), cause=because.cause, correlation=because.correlation)
        try:
            with act:
                about, verdict = self._about(receipt), self._judges[receipt.source](receipt)
        except Erased:
            return _forget(receipt)
        if verdict.changed:
            about = verdict.changed[-1].subject
        happened = [event for aggregate in verdict.changed for event in aggregate.pending]
        match verdict.word:
            case "acted_on":
                receipt.acted_on(*happened, about=about)
            case "ignored":
                receipt.ignore(verdict.reason or "", about=about)
            case "refused":
                receipt.refuse(verdict.reason or "", about=about)
            case "waiting":
                self._put_off(receipt, verdict, about, arrived=effect.requested.at)
        return Outcome(verdict.word, (*verdict.changed, receipt))

    def _about(self, receipt: Receipt) -> UUID | None:
        concern = self._concerns.get(receipt.source)
        return concern(receipt) if concern else None

    def _put_off(self, receipt: Receipt, verdict: Verdict, about: UUID | None, *, arrived: datetime) -> None:
        now, waiting_for = self._now(), verdict.reason or ""
        if now >= arrived + WAITS_FOR:
            receipt.refuse(NEVER_SEEN.get(waiting_for.partition(":")[0], "waited_in_vain"), about=about)
            return
        receipt.put_off(waiting_for, about=about)
        raise NotYet(waiting_for, until=now + LOOKS_AGAIN_AFTER, learnt=(receipt,))


def _forget(receipt: Receipt) -> Outcome:
    """A message about a person who has been forgotten: nothing comes of it, and nobody can read it again."""
    receipt.ignore(ERASED)
    receipt.erase(reason=ERASED)
    return Outcome(ERASED, (receipt,))


NEVER_SEEN = {"paid": "payment_never_seen"}


def told(receipt: Receipt, **more: Any) -> dict[str, Any]:
    """What a vendor is answered: the verdict by name, its cause, and the receipt's id."""
    waiting = receipt.verdict in (None, "waiting")
    return {
        "status": "waiting" if waiting else receipt.verdict,
        "cause": None if waiting else receipt.reason,
        "receipt_id": str(receipt.id),
        **more,
    }
