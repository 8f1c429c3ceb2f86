"""Whether the keys are what the events leave of them: none destroyed, none gone, none put back unsaid, each opening."""

from collections.abc import Iterable, Iterator
from typing import get_origin
from uuid import UUID

import msgspec

from adapters.proof.locating import Break
from adapters.proof.tables import PAGE_ROWS, Snapshot
from adapters.store.keys import Keyring, NotOurs, WrappedKey
from adapters.store.mapper import Mapper, event_names
from domain.ledger import NOBODY, Event
from domain.sealed import Sealed


def key_breaks(snapshot: Snapshot, mapper: Mapper, keyring: Keyring, *, most: int) -> Iterator[Break]:
    """At most so many of each kind. A subject's key is used by its first event, and destroyed by one of its own."""
    classes = list(event_names(mapper).values())
    sealing = mapper.readable_as(one for one in classes if _always_seals(one))
    destroying = mapper.readable_as(one for one in classes if one.destroys is not Event.destroys)
    stream, subject = (f"CAST({column} AS {snapshot.text})" for column in ("stream", "subject"))
    joined = f"SELECT position, {stream} FROM events {{}} JOIN keys ON subject = stream WHERE name IN ({{}}) AND"
    gone = joined.format("LEFT", _marks(sealing))
    yield from _found(
        snapshot.query(f"{gone} version = 1 AND subject IS NULL ORDER BY position LIMIT {most}", *sealing),
        "What this event has sealed has no key any more.",
    )
    back = joined.format("", _marks(destroying))
    yield from _found(
        snapshot.query(f"{back} wrapped IS NOT NULL ORDER BY position LIMIT {most}", *destroying),
        "This event destroys a key that is there.",
    )
    unsaid = f"""SELECT NULL, {subject} FROM keys WHERE wrapped IS NULL AND NOT EXISTS
    (SELECT 1 FROM events WHERE stream = subject AND name IN ({_marks(destroying)})) ORDER BY subject LIMIT {most}"""
    yield from _found(snapshot.query(unsaid, *destroying), "Its key is destroyed, and no event says so.")
    yield from _found(_unopened(snapshot, keyring, most=most), "Its key does not open with the master key.")


def _always_seals(event_class: type[Event]) -> bool:
    return any(get_origin(field.type) is Sealed for field in msgspec.structs.fields(event_class))


def _marks(names: list[str]) -> str:
    return ", ".join("?" * len(names)) or "NULL"


def _found(rows: Iterable[tuple[int | None, str]], detail: str) -> Iterator[Break]:
    for position, stream in rows:
        yield Break(position=position, kind="key", detail=detail, stream=stream)


def _unopened(snapshot: Snapshot, keyring: Keyring, *, most: int) -> list[tuple[None, str]]:
    found: list[tuple[None, str]] = []
    sql = f"""SELECT CAST(subject AS {snapshot.text}), wrapped FROM keys WHERE subject {{}} ? AND wrapped IS NOT NULL
    ORDER BY subject LIMIT {PAGE_ROWS}"""
    rows = snapshot.query(sql.format(">="), str(NOBODY))
    while rows and len(found) < most:
        found += [(None, subject) for subject, wrapped in rows if not _opens(keyring, subject, wrapped)]
        rows = snapshot.query(sql.format(">"), rows[-1][0])
    return found[:most]


def _opens(keyring: Keyring, subject: str, wrapped: object) -> bool:
    try:
        keyring.unwrap(WrappedKey(UUID(subject), wrapped if isinstance(wrapped, bytes) else b""))
    except (NotOurs, ValueError):  # the latter for what has not the size of a key
        return False
    return True
