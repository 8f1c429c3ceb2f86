"""What an auditor needs of a log, read once from its first event to its last."""

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from adapters.wiring import Services
from domain.documents.call_lead import CallLead
from domain.documents.catalogue import KINDS
from domain.documents.order import Order
from domain.ledger import Event
from domain.shared.effect import Effect
from domain.shared.receipt import Receipt

NEEDED: tuple[type[Event], ...] = (
    Order.Placed,
    Order.Paid,
    Order.Refunded,
    Order.StageReached,
    Order.StageCorrected,
    Order.EnteredInCrm,
    Order.AttributionEnteredInCrm,
    CallLead.EnteredInCrm,
    CallLead.AttributionEnteredInCrm,
    CallLead.TwoRecordsFound,
    Receipt.Arrived,
    Receipt.ActedOn,
    Receipt.Ignored,
    Receipt.Refused,
    Effect.Requested,
    Effect.AttemptFailed,
    Effect.Done,
    Effect.GivenUp,
)


class Extract:
    """The facts of a log, without what is large in it. `placed` counts request digests, `arrived` receipts."""

    def __init__(self, services: Services) -> None:
        self.counts: Counter[str] = Counter()
        self.kinds: dict[UUID, str] = {}
        self.files: Counter[UUID] = Counter()
        self.placed: Counter[str] = Counter()
        self.paid: list[tuple[UUID, str]] = []
        self.refunded: list[UUID] = []
        self.stages: list[tuple[UUID, str]] = []
        self.arrived: Counter[UUID] = Counter()
        self.verdicts: dict[UUID, str] = {}
        self.requested: dict[UUID, tuple[str, str]] = {}
        self.done: Counter[UUID] = Counter()
        self.proofs: dict[UUID, str] = {}
        self.given_up: Counter[str] = Counter()
        self.entered: set[tuple[str, str]] = set()
        self.attributed: set[str] = set()
        names = services.log.readable_as(NEEDED)
        for _, name, data in services.log.scan(upto=services.log.last_position(), names=names):
            event = services.log.decode(name, data)
            self.counts[name] += 1
            self._order(event)
            self._message(event)
            self._effect(event)

    @property
    def services(self) -> set[str]:
        """The services that orders were placed for."""
        return {KINDS[kind].service for kind in self.kinds.values()}

    def mails_wanted(self) -> Iterator[tuple[UUID, tuple[str, ...]]]:
        """Each order the office works on, and the kinds of mail it must have led to."""
        paid = {order for order, _ in self.paid}
        for order, kind in self.kinds.items():
            if kind == "quote":
                yield order, ("staff_notice",)
            elif not KINDS[kind].paid:
                yield order, ("staff_notice", "welcome")
            elif order in paid:
                yield order, ("staff_notice", "welcome", "payment_confirmation")

    def _order(self, event: Event) -> None:
        match event:
            case Order.Placed(kind=kind, request=request, files=files):
                self.kinds[event.stream] = kind
                self.placed[request or ""] += 1
                self.files[event.stream] = len(files)
            case Order.Paid(session_id=session):
                self.paid.append((event.stream, session))
            case Order.Refunded():
                self.refunded.append(event.stream)
            case Order.StageReached(stage=stage) | Order.StageCorrected(stage=stage):
                self.stages.append((event.stream, stage))
            case (
                Order.EnteredInCrm(module=module, record_id=record_id)
                | CallLead.EnteredInCrm(module=module, record_id=record_id)
                | CallLead.TwoRecordsFound(module=module, calls=record_id)
            ):
                self.entered.add((module, record_id))
            case (
                Order.AttributionEnteredInCrm(record_id=record_id)
                | CallLead.AttributionEnteredInCrm(record_id=record_id)
            ):
                self.attributed.add(record_id)

    def _message(self, event: Event) -> None:
        match event:
            case Receipt.Arrived():
                self.arrived[event.stream] += 1
            case Receipt.ActedOn():
                self.verdicts[event.stream] = "acted_on"
            case Receipt.Ignored():
                self.verdicts[event.stream] = "ignored"
            case Receipt.Refused():
                self.verdicts[event.stream] = "refused"

    def _effect(self, event: Event) -> None:
        match event:
            case Effect.Requested(channel=channel, kind=kind):
                self.requested[event.stream] = (channel, kind)
            case Effect.Done(proof=proof):
                self.done[event.stream] += 1
                self.proofs[event.stream] = proof
            case Effect.GivenUp(reason=reason):
                channel, kind = self.requested[event.stream]
                self.given_up[f"{channel} {kind}: {reason}"] += 1
