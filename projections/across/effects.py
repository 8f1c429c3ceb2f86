"""Every effect: what was asked of whom, how often it was tried, and what became of it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Integer, String, func, select

from domain.ledger import Event
from domain.shared.effect import Effect
from domain.shared.erasure import ERASED
from projections.home import Home
from projections.view import Moment, Row, RowView

PENDING, WAITING, DONE, DEAD = "pending", "waiting", "done", "dead"


class Effects(RowView, name="effects"):
    """`state` is pending (never tried), waiting (to be tried again), done, dead (given up), or erased.

    An erased one was given up because its person is forgotten: nobody need ring it again.
    """

    version = 3
    key_column = "effect_id"
    forgets = False  # what was asked of vendors stays true
    folds = (
        Effect.Requested,
        Effect.AttemptFailed,
        Effect.PutOff,
        Effect.Done,
        Effect.GivenUp,
        Effect.Reported,
        Effect.RungAgain,
    )
    indexed = ("subject", "state", "requested_at")

    @staticmethod
    def columns() -> list[Column[Any]]:
        return [
            Column("effect_id", String(36), primary_key=True),
            Column("subject", String(36), nullable=False),
            Column("channel", String(40), nullable=False),
            Column("kind", String(60), nullable=False),
            Column("state", String(10), nullable=False),
            Column("attempts", Integer, nullable=False),
            Column("cause", String),
            Column("correlation", String),
            Column("reason", String),
            Column("proof", String),
            Column("report", String),
            Column("requested_at", Moment, nullable=False),
            Column("due_at", Moment),
            Column("settled_at", Moment),
        ]

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        match event:
            case Effect.Requested(subject=subject, channel=channel, kind=kind, at=at):
                return {
                    "effect_id": str(event.stream),
                    "subject": str(subject),
                    "channel": channel,
                    "kind": kind,
                    "state": PENDING,
                    "attempts": 0,
                    "cause": event.cause,
                    "correlation": event.correlation,
                    "reason": None,
                    "proof": None,
                    "report": None,
                    "requested_at": at,
                    "due_at": event.due_at or at,
                    "settled_at": None,
                }
            case Effect.AttemptFailed(attempt=attempt, reason=reason, retry_at=retry_at) if row:
                return row | {"state": WAITING, "attempts": attempt, "reason": reason, "due_at": retry_at}
            case Effect.PutOff(reason=reason, until=until) if row:
                return row | {"state": WAITING, "reason": reason, "due_at": until}
            case Effect.Done(proof=proof, at=at) if row:
                return row | {"state": DONE, "proof": proof, "reason": None, "due_at": None, "settled_at": at}
            case Effect.GivenUp(reason=reason, at=at) if row:
                return row | {
                    "state": ERASED if reason == ERASED else DEAD,
                    "reason": reason,
                    "due_at": None,
                    "settled_at": at,
                }
            case Effect.Reported(outcome=outcome, reason=reason) if row:
                return row | {"report": f"{outcome} ({reason})" if reason else outcome}
            case Effect.RungAgain(at=at) if row:
                return row | {"state": PENDING, "attempts": 0, "reason": None, "due_at": at, "settled_at": None}
        return row


EFFECTS = Effects()


def list_effects(
    home: Home, *, state: str | None = None, subject: str | None = None, limit: int = 100
) -> Sequence[Row]:
    """Newest first, of one state or one subject."""
    effects = Effects.live
    query = select(effects).order_by(effects.c.requested_at.desc(), effects.c.effect_id).limit(limit)
    if state is not None:
        query = query.where(effects.c.state == state)
    if subject is not None:
        query = query.where(effects.c.subject == subject)
    return home.rows(query)


def count_by_state(home: Home) -> dict[str, int]:
    """How many effects there are of each state."""
    rows = home.rows(select(Effects.live.c.state, func.count().label("number")).group_by(Effects.live.c.state))
    return {row["state"]: row["number"] for row in rows}
