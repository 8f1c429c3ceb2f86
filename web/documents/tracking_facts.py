"""What the tracking page says: the row of an order, and the stages of its service."""

from datetime import UTC, datetime

import msgspec

from domain.documents.catalogue import KINDS
from domain.documents.stages import stages_of
from projections.documents.tracking_page import CHECKING, PENDING
from projections.view import Row

AWAITING = "awaiting_payment"
AWAITING_MESSAGES = {
    None: "Your order is waiting for its payment.",
    PENDING: "Your payment is being processed.",
    CHECKING: "Your payment is being checked.",
}
TRANSLATED = "translated"  # a step nobody wanted is shown once the CRM reports it


class Step(msgspec.Struct, frozen=True):
    """A stage of the service; `state` is done, current or upcoming."""

    code: str
    label: str
    emoji: str
    message: str
    state: str
    reached_at: datetime | None


class PageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the page says, in the names of its JSON; times are UTC without fractions, and `name` is the redacted one."""

    tid: str
    service: str
    service_label: str
    name: str
    current_stage: str
    stage_label: str
    emoji: str
    message: str
    step: int | None
    steps: int
    shipping: str | None
    translation_r: bool
    timeline: list[Step]
    created_at: datetime
    updated_at: datetime


def page_facts(row: Row, *, name: str) -> PageFacts:
    """What the page says of this row."""
    kind = KINDS[row["kind"]]
    reached = dict(row["reached"])
    stages = stages_of(kind.service, translated=row["translation_r"] or TRANSLATED in reached)
    codes = [stage.code for stage in stages]
    step = codes.index(row["stage"]) + 1 if row["stage"] in codes else None
    current = stages[step - 1] if step else None
    return PageFacts(
        tid=row["tracking_id"],
        service=kind.service,
        service_label=kind.long_label,
        name=name,
        current_stage=row["stage"] or AWAITING,
        stage_label=current.label if current else "Awaiting Payment",
        emoji=current.emoji if current else "",
        message=current.message if current else AWAITING_MESSAGES[row["payment"]],
        step=step,
        steps=len(stages),
        shipping=row["shipping"],
        translation_r=row["translation_r"],
        timeline=[
            Step(
                stage.code,
                stage.label,
                stage.emoji,
                stage.message,
                _state(number, step),
                _whole(datetime.fromisoformat(reached[stage.code])) if stage.code in reached else None,
            )
            for number, stage in enumerate(stages, start=1)
        ],
        created_at=_whole(row["created_at"]),
        updated_at=_whole(row["updated_at"]),
    )


def _state(number: int, step: int | None) -> str:
    if step is None or number > step:
        return "upcoming"
    return "current" if number == step else "done"


def _whole(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
