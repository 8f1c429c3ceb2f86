"""Finding the very event that does not fit, once a stretch between two checkpoints is known to be wrong."""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from adapters.proof.chain import MARK_BYTES, Checkpoint, StoredRow, digest

SLACK = 200  # so many events may have been put in or taken out before a stretch

Kind = Literal[
    "altered",
    "missing",
    "inserted",
    "reordered",
    "checkpoint altered",
    "checkpoint removed",
    "not as given out",
    "misnumbered",
    "unreadable",
    "claim",
    "open effect",
    "key",
]


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """Something that does not fit, from `position` on where it has one; `detail` is a sentence."""

    position: int | None
    kind: Kind
    detail: str
    stream: str | None = None
    version: int | None = None


class Locator:
    """Compares the events of a stretch one by one with the marks of its checkpoint.

    `shift` is by how many places what follows has been moved, and is carried on from one stretch to the next.
    """

    def __init__(self) -> None:
        self.shift = 0

    def breaks(self, checkpoint: Checkpoint, rows: Mapping[int, StoredRow]) -> Iterator[Break]:
        """Every event that is not where or what it was; `rows` by position reach a little beyond the stretch."""
        for position in range(checkpoint.previous + 1, checkpoint.position + 1):
            yield from self._at(position, checkpoint, rows)

    def _at(self, position: int, checkpoint: Checkpoint, rows: Mapping[int, StoredRow]) -> Iterator[Break]:
        def fits(row: StoredRow | None, place: int) -> bool:
            return row is not None and _as_at(row, place) == checkpoint.mark(place)

        here, after = rows.get(position + self.shift), rows.get(position + self.shift + 1)
        if fits(here, position):
            return
        if here is None:
            yield Break(position=position, kind="missing", detail=f"There is no event at {position}.")
        elif fits(after, position) and not fits(here, position + 1):
            self.shift += 1
            yield _of(here, "inserted", "This event was put in, and what follows was moved down.")
        elif position < checkpoint.position and fits(here, position + 1) and not fits(after, position):
            self.shift -= 1
            detail = f"The event that was at {position} is gone, and what follows was moved up."
            yield Break(position=position, kind="missing", detail=detail)
        elif place := next((place for place in _places(checkpoint) if fits(here, place)), None):
            yield _of(here, "reordered", f"This event was at {place}.")
        else:
            yield _of(here, "altered", "Its stream, version, name or data are not what they were.")


def _places(checkpoint: Checkpoint) -> range:
    return range(checkpoint.previous + 1, checkpoint.position + 1)


def _as_at(row: StoredRow, position: int) -> bytes:
    return digest((position, *row[1:]))[:MARK_BYTES]


def _of(row: StoredRow, kind: Kind, detail: str) -> Break:
    position, stream, version, *_ = row
    return Break(
        position=position,
        kind=kind,
        detail=detail,
        stream=stream.decode(errors="replace"),
        version=version if isinstance(version, int) else None,
    )
