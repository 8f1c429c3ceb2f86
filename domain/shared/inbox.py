"""Messages from vendors, from arrival to verdict: stored first, judged at once, judged again when need be."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from domain.ledger import Event, Ledger, acting
from domain.shared.effect import Effect, NotYet, Outcome
from domain.shared.receipt import Receipt, Verdict

CHANNEL = "inbox"
BY_ITSELF_AFTER = timedelta(seconds=5)  # whoever received it judges it at once; this is for when that process died
WAITS_FOR = timedelta(hours=24)
LOOKS_AGAIN_AFTER = timedelta(minutes=1)

Judge = Callable[[Receipt], Verdict]


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
    """Carries out the judging. `judges` by source."""

    def __init__(self, ledger: Ledger, judges: Mapping[str, Judge], *, now: Callable[[], datetime]) -> None:
        self._ledger, self._judges, self._now = ledger, judges, now

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
        with acting(by=told_by, via=told_by, at=self._now(), cause=because.cause, correlation=because.correlation):
            verdict = self._judges[receipt.source](receipt)
        happened = [event for aggregate in verdict.changed for event in aggregate.pending]
        match verdict.word:
            case "acted_on":
                receipt.acted_on(*happened)
            case "ignored":
                receipt.ignore(verdict.reason or "")
            case "refused":
                receipt.refuse(verdict.reason or "")
            case "waiting":
                self._put_off(receipt, verdict, arrived=effect.requested.at)
        return Outcome(verdict.word, (*verdict.changed, receipt))

    def _put_off(self, receipt: Receipt, verdict: Verdict, *, arrived: datetime) -> None:
        now, waiting_for = self._now(), verdict.reason or ""
        if now >= arrived + WAITS_FOR:
            receipt.refuse(NEVER_SEEN.get(waiting_for.partition(":")[0], "waited_in_vain"))
            return
        receipt.put_off(waiting_for)
        raise NotYet(waiting_for, until=now + LOOKS_AGAIN_AFTER, learnt=(receipt,))


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
