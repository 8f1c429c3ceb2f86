"""How events, states and changes are shown: personal data only when it is asked for."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import click
import msgspec

from adapters.store.keys import NotOurs
from domain.ledger import Event
from domain.sealed import Erased, Sealed
from domain.shared.effect import Effect
from domain.shared.receipt import Receipt
from domain.shared.travel import Change, Hidden
from scripts.console import moment_text

SEALED, ERASED = {"sealed": True}, {"erased": True}
LONGEST_VALUE = 160

reveal_option = click.option("--reveal", is_flag=True, help="Open sealed personal data.")


class ShownChange(msgspec.Struct, frozen=True, rename={"now": "is"}):
    """One field's change, ready to be printed."""

    field: str
    was: Any
    now: Any


class EventLine(msgspec.Struct, frozen=True, kw_only=True):
    """One event as it is named beside something else; `about` is the effect's work or the message's sender."""

    event: str
    stream: str
    version: int
    about: str | None
    at: datetime
    happened_at: datetime | None
    by: str
    via: str
    cause: str | None
    correlation: str


def event_line(event: Event) -> EventLine:
    """An event in one line."""
    return EventLine(
        event=event.stored_name,
        stream=str(event.stream),
        version=event.version,
        about=about(event),
        at=event.at,
        happened_at=event.happened_at,
        by=event.by,
        via=event.via,
        cause=event.cause,
        correlation=event.correlation,
    )


def about(event: Event) -> str | None:
    """What an effect is to do, or whose message a receipt is."""
    match event:
        case Effect.Requested(channel=channel, kind=kind):
            return f"{channel} {kind}"
        case Receipt.Arrived(source=source, vendor_id=vendor_id):
            return f"{source} {vendor_id}"
    return None


def shown(value: Any, *, reveal: bool) -> Any:
    """A value ready to be printed; what is sealed is opened only to `reveal` it."""
    match value:
        case Hidden(sealed=sealed) | (Sealed() as sealed):
            return _opened(sealed, reveal=reveal)
        case dict():
            return {name: shown(held, reveal=reveal) for name, held in value.items()}
        case list():
            return [shown(held, reveal=reveal) for held in value]
        case bytes():
            return value.decode(errors="replace")
        case datetime():
            return value
    return msgspec.to_builtins(value)


def _opened(sealed: Sealed[Any], *, reveal: bool) -> Any:
    """What was erased is told from what is only sealed by trying, whether it is to be shown or not."""
    try:
        value = sealed.open()
    except Erased:
        return ERASED
    except (NotOurs, msgspec.MsgspecError):
        if reveal:
            raise
        return SEALED
    if not reveal:
        return SEALED
    return value.decode(errors="replace") if isinstance(value, bytes) else msgspec.to_builtins(value)


def shown_changes(changes: Iterable[Change], *, reveal: bool) -> list[ShownChange]:
    """Changes ready to be printed."""
    return [
        ShownChange(change.field, shown(change.was, reveal=reveal), shown(change.now, reveal=reveal))
        for change in changes
    ]


def short(value: Any) -> str:
    """A value on one line: `(sealed)`, or at most 160 characters of it."""
    if value in (SEALED, ERASED):
        return f"({next(iter(value))})"
    match value:
        case None:
            return "nothing"
        case str():
            text = value
        case datetime():
            text = moment_text(value)
        case _:
            text = msgspec.json.encode(value).decode()
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def short_reference(reference: str | None) -> str:
    """`documents.order.Placed/<id>/1` as `Placed 1`."""
    name, _, rest = (reference or "").partition("/")
    return f"{name.rpartition('.')[2]} {rest.rpartition('/')[2]}".strip()
