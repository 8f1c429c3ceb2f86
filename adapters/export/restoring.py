"""Events out of their columns again, whether those come from the ledger or from Parquet files."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import pyarrow as pa

from domain.ledger import Aggregate, Event
from domain.sealed import Sealed

# How the envelope's fields are named among the columns; the other columns are told from `data`.
ENVELOPE_COLUMNS = {
    "stream": "stream",
    "version": "version",
    "at": "recorded_at",
    "happened_at": "happened_at",
    "by": "actor",
    "via": "via",
    "cause": "cause",
    "correlation": "correlation",
}
NEEDED = ("position", "event", "data", *ENVELOPE_COLUMNS.values())


class OutOfSight(LookupError):
    """A fold has asked for personal data."""

    def __init__(self) -> None:
        super().__init__("Personal data is not handed to projections of this kind.")


def classes_of(aggregates: Iterable[type[Aggregate]]) -> Mapping[str, type[Event]]:
    """Every event class by the name that the columns give it."""
    return {event.stored_name: event for aggregate in aggregates for event in aggregate.events}


def events_from(batches: Iterable[pa.RecordBatch], classes: Mapping[str, type[Event]]) -> Iterator[tuple[int, Event]]:
    """Position and event of every row whose class is among these; sealed fields refuse to be opened."""
    for batch in batches:
        columns = [batch.column(name).to_pylist() for name in NEEDED]
        for position, name, data, *envelope in zip(*columns, strict=True):
            if (event_class := classes.get(name)) is not None:
                fields = msgspec.json.decode(data) | dict(zip(ENVELOPE_COLUMNS, envelope, strict=True))
                yield position, msgspec.convert(fields, event_class, dec_hook=_sealed)


def _sealed(annotation: Any, value: Any) -> Any:
    if getattr(annotation, "__origin__", annotation) is not Sealed:
        raise TypeError(f"An event cannot carry a {annotation}.")
    return Sealed[Any].closed("", _out_of_sight)


def _out_of_sight() -> Any:
    raise OutOfSight
