"""What the tracking page says: the row of an order, and the stages of its service."""

from datetime import UTC, datetime
from typing import Any

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


def page_facts(row: Row, *, name: str) -> dict[str, Any]:
    """What the page says, in the names of its JSON; `name` is the redacted one."""
    kind = KINDS[row["kind"]]
    reached = dict(row["reached"])
    stages = stages_of(kind.service, translated=row["translation_r"] or TRANSLATED in reached)
    codes = [stage.code for stage in stages]
    step = codes.index(row["stage"]) + 1 if row["stage"] in codes else None
    current = stages[step - 1] if step else None
    return {
        "tid": row["tracking_id"],
        "service": kind.service,
        "service_label": kind.long_label,
        "name": name,
        "current_stage": row["stage"] or AWAITING,
        "stage_label": current.label if current else "Awaiting Payment",
        "emoji": current.emoji if current else "",
        "message": current.message if current else AWAITING_MESSAGES[row["payment"]],
        "step": step,
        "steps": len(stages),
        "shipping": row["shipping"],
        "translation_r": row["translation_r"],
        "timeline": [
            {
                "code": stage.code,
                "label": stage.label,
                "emoji": stage.emoji,
                "message": stage.message,
                "state": _state(number, step),
                "reached_at": datetime.fromisoformat(reached[stage.code]) if stage.code in reached else None,
            }
            for number, stage in enumerate(stages, start=1)
        ],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def _state(number: int, step: int | None) -> str:
    if step is None or number > step:
        return "upcoming"
    return "current" if number == step else "done"


def with_texts(facts: dict[str, Any]) -> dict[str, Any]:
    """Times as text, UTC without fractions."""
    timeline = [{**step, "reached_at": _text(step["reached_at"])} for step in facts["timeline"]]
    times = {name: _text(facts[name]) for name in ("created_at", "updated_at")}
    return {**facts, "timeline": timeline, **times}


def _text(moment: datetime | None) -> str | None:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else None
