"""Evidence: the events of a subject with all that ties them to signed checkpoints, to be checked without the ledger."""

from collections.abc import Sequence
from hashlib import sha256
from itertools import groupby

import msgspec

from adapters.proof.chain import START, Checkpoint, Seal, Segment, StoredRow
from adapters.proof.keeper import BrokenChain
from adapters.proof.tables import Snapshot

FORM = "daybook evidence 1"


class EvidentEvent(msgspec.Struct, frozen=True):
    """An event exactly as it is stored; what is sealed in it stays sealed."""

    position: int
    stream: str
    version: int
    name: str
    data: str


class Signed(msgspec.Struct, frozen=True):
    """A checkpoint; `marks` is the SHA-256 of its marks. All bytes are in hex."""

    position: int
    previous: int
    hash: str
    at: str
    marks: str
    seal: str


class Stretch(msgspec.Struct, frozen=True):
    """A piece of the chain: how it stood after a position, and what came up to the checkpoint.

    `digests` has an entry for every event, None for those that are in the evidence themselves.
    """

    after: int
    hash: str
    digests: Sequence[str | None]
    checkpoint: Signed


class Evidence(msgspec.Struct, frozen=True):
    """What the file holds."""

    form: str
    subject: str
    public_key: str
    events: Sequence[EvidentEvent]
    stretches: Sequence[Stretch]


class NothingHere(LookupError):
    """The log has no event of this stream."""


def evidence_of(snapshot: Snapshot, seal: Seal, streams: Sequence[str]) -> Evidence:
    """The evidence on the first of these streams, with the events of the others beside its own.

    Every event must lie before a checkpoint. Raises `NothingHere`, or `BrokenChain` where the log does not lead there.
    """
    rows = sorted(row for stream in streams for row in snapshot.events_of(stream))
    if not rows:
        raise NothingHere("Nothing in the ledger has this id.")
    stretches = [
        _stretch(snapshot, seal, checkpoint, [row[0] for row in there])
        for checkpoint, there in groupby(rows, lambda row: _covering(snapshot, row[0]))
    ]
    return Evidence(FORM, streams[0], seal.public_key, [_readable(row) for row in rows], stretches)


def _covering(snapshot: Snapshot, position: int) -> Checkpoint:
    checkpoint = snapshot.checkpoint_behind(position - 1)
    if checkpoint is None:
        raise BrokenChain(f"No checkpoint covers the event at {position}.")
    return checkpoint


def _stretch(snapshot: Snapshot, seal: Seal, checkpoint: Checkpoint, ours: Sequence[int]) -> Stretch:
    """From just before the first event of ours up to the checkpoint."""
    before = snapshot.checkpoint_upto(checkpoint.previous) if checkpoint.previous else None
    link = before.hash if before else START
    rows = [row for page in snapshot.events(checkpoint.previous, checkpoint.position) for row in page]
    first = ours[0] - checkpoint.previous - 1
    begun = Segment.of(link, rows[:first])
    ended = Segment.of(begun.end, rows[first:])
    if ended.end != checkpoint.hash or not seal.fits(checkpoint):
        raise BrokenChain(f"The events up to {checkpoint.position} do not lead to the checkpoint there.")
    digests = [None if row[0] in ours else one.hex() for row, one in zip(rows[first:], ended.digests, strict=True)]
    return Stretch(ours[0] - 1, begun.end.hex(), digests, _signed(checkpoint))


def _signed(checkpoint: Checkpoint) -> Signed:
    return Signed(
        position=checkpoint.position,
        previous=checkpoint.previous,
        hash=checkpoint.hash.hex(),
        at=checkpoint.at,
        marks=sha256(checkpoint.marks).hexdigest(),
        seal=checkpoint.seal.hex(),
    )


def _readable(row: StoredRow) -> EvidentEvent:
    position, stream, version, name, data = row
    return EvidentEvent(position, stream.decode(), version, name.decode(), data.decode())
