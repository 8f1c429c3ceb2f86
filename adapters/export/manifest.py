"""What an export says of itself: how far it goes, and which files belong to it."""

from datetime import datetime
from pathlib import Path

import msgspec

FORMAT = 1
NAME = "manifest.json"
ANEW = "`daybook export --anew` writes everything again."


class NotAnExport(Exception):
    """A folder that cannot be gone on with; says what to do instead."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A file of events: those from position `first` to `last` that were recorded in its month."""

    file: str
    first: int
    last: int
    rows: int
    bytes: int
    sha256: str


class ViewFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file with all rows of a view as they were at `position`."""

    file: str
    view: str
    version: int
    position: int
    rows: int
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`ledger` tells one ledger from another, `newest` is the SHA-256 of the event at `position` as it is stored.

    `shapes` are the versions of the event classes that `data` was written with.
    """

    format: int = FORMAT
    ledger: str
    personal_data: bool
    since: datetime | None
    until: datetime | None
    position: int = 0
    newest: str | None = None
    events: int = 0
    taken_at: datetime
    shapes: dict[str, int]
    parts: tuple[Part, ...] = ()
    views: tuple[ViewFile, ...] = ()


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder, None where there is none; raises `NotAnExport` for one that nobody can read."""
    file = folder / NAME
    if not file.exists():
        return None
    try:
        manifest = msgspec.json.decode(file.read_bytes(), type=Manifest)
    except msgspec.MsgspecError:
        raise NotAnExport(f"{file} is not the manifest of an export.") from None
    if manifest.format != FORMAT:
        raise NotAnExport(f"{folder} was written by another version of Daybook; export into an empty folder.")
    return manifest
