"""Events as columns, batch by batch."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec
import pyarrow as pa

from adapters.export.hiding import Hiding
from domain.ledger import Event

BATCH_EVENTS = 10_000
MOMENT = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("stream", pa.string(), nullable=False),
        pa.field("subject", pa.string(), nullable=False),
        pa.field("aggregate", pa.string(), nullable=False),
        pa.field("version", pa.int64(), nullable=False),
        pa.field("event", pa.string(), nullable=False),
        pa.field("recorded_at", MOMENT, nullable=False),
        pa.field("happened_at", MOMENT),
        pa.field("actor", pa.string(), nullable=False),
        pa.field("via", pa.string(), nullable=False),
        pa.field("cause", pa.string()),
        pa.field("correlation", pa.string(), nullable=False),
        pa.field("kind", pa.string()),
        pa.field("source", pa.string()),
        pa.field("medium", pa.string()),
        pa.field("campaign", pa.string()),
        pa.field("stage", pa.string()),
        pa.field("amount_cents", pa.int64()),
        pa.field("currency", pa.string()),
        pa.field("data", pa.string(), nullable=False),
        pa.field("month", pa.string(), nullable=False),
    ]
)
"""`subject` is the order or lead that an effect or a message is about, else the stream. `data` is JSON of the event's
own fields; those from `kind` to `currency` stand beside it too, so that a question about them need not read it."""
ORIGIN = ("source", "medium", "campaign")
PLAIN = ("kind", "stage", "amount_cents", "currency")


class Unreadable(Exception):
    """An event of the log that no class of today can read."""

    def __init__(self, position: int, error: Exception) -> None:
        super().__init__(
            f"The event at position {position} cannot be read ({type(error).__name__}); `daybook views` tells more."
        )


class Source(Protocol):
    """The log, as far as it is needed here."""

    def last_position(self) -> int: ...

    def readable_as(self, event_classes: Iterable[type[Event]]) -> Sequence[str]: ...

    def decode(self, name: str, data: bytes | str) -> Event: ...

    def scan(
        self, *, upto: int, names: Sequence[str] | None = None, after: int = 0
    ) -> Iterator[tuple[int, str, bytes | str]]: ...


class Span(msgspec.Struct, frozen=True):
    """The time that is wanted, by when events were recorded; `until` itself is left out."""

    since: datetime | None = None
    until: datetime | None = None

    def __contains__(self, moment: datetime) -> bool:
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)


def event_batches(
    source: Source,
    hiding: Hiding,
    *,
    after: int = 0,
    upto: int,
    span: Span = Span(),  # noqa: B008 - frozen
    names: Sequence[str] | None = None,
    size: int = BATCH_EVENTS,
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The events behind a position as batches, each with the position of the last event read. Raises `Unreadable`."""
    rows: list[tuple[Any, ...]] = []
    position = after
    for position, name, data in source.scan(after=after, upto=upto, names=names):
        try:
            event = source.decode(name, data)
        except Exception as error:
            raise Unreadable(position, error) from None
        if event.at in span:
            rows.append(_row(position, event, hiding))
        if len(rows) == size:
            yield position, _batch(rows)
            rows = []
    if rows:
        yield position, _batch(rows)


def _batch(rows: Sequence[tuple[Any, ...]]) -> pa.RecordBatch:
    columns = [pa.array(values, field.type) for values, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _row(position: int, event: Event, hiding: Hiding) -> tuple[Any, ...]:
    own = hiding.event(event)
    came = next((held for name in ("attribution", "details") if isinstance(held := own.get(name), dict)), {})
    plain = {name: _if_plain(name, own.get(name)) for name in PLAIN}
    stored = type(event).stored_name
    return (
        position,
        str(event.stream),
        _subject(event),
        stored.rpartition(".")[0],
        event.version,
        stored,
        event.at,
        event.happened_at,
        event.by,
        event.via,
        event.cause,
        event.correlation,
        plain["kind"],
        *(came.get(name) for name in ORIGIN),
        plain["stage"],
        plain["amount_cents"],
        plain["currency"],
        msgspec.json.encode(own).decode(),
        f"{event.at:%Y-%m}",
    )


def _subject(event: Event) -> str:
    named = (getattr(event, name, None) for name in ("subject", "about"))
    return str(next((id for id in named if isinstance(id, UUID)), event.stream))


def _if_plain(name: str, value: Any) -> Any:
    return value if isinstance(value, int if name.endswith("_cents") else str) else None
