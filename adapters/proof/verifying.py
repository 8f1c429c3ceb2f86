"""Verifying the log: everything is computed again, and whatever does not fit is named."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing

import msgspec

from adapters.proof.chain import START, Checkpoint, Seal, Segment, StoredRow
from adapters.proof.following import Following
from adapters.proof.locating import SLACK, Break, Kind, Locator
from adapters.proof.tables import FIRST_OF_ALL, Snapshot, Walk

MOST_BREAKS = 100


class Head(msgspec.Struct, frozen=True):
    """A checkpoint in two values, to be kept where nobody can write who can write the ledger."""

    position: int
    hash: str


class Report(msgspec.Struct, kw_only=True):
    """What was found. `checked` events, of which `uncovered` lie behind the last checkpoint; none are named twice.

    `breaks` are in order of position, the first hundred of them; `head` is the last checkpoint that holds.
    """

    last_position: int
    checked: int = 0
    checkpoints: int = 0
    uncovered: int = 0
    seconds: float = 0.0
    head: Head | None = None
    breaks: list[Break] = []

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.breaks


class Verification:
    """One pass over a snapshot. Without `following` only the chain is looked at."""

    def __init__(
        self,
        snapshot: Snapshot,
        seal: Seal,
        following: Following | None = None,
        *,
        progress: Callable[[int], None] = lambda events: None,
    ) -> None:
        self._snapshot, self._seal, self._following, self._progress = snapshot, seal, following, progress
        self._report = Report(last_position=snapshot.last_position())
        self._locator = Locator()

    def run(self, *, start: int = 0, given_out: Mapping[int, str] | None = None, read_upto: int = 0) -> Report:
        """Check everything behind the last good checkpoint at or before `start`.

        `given_out` are positions and hashes (hex) of checkpoints that somebody has kept elsewhere; `read_upto` is a
        position that some view has already read.
        """
        begun, held = time.monotonic(), dict(given_out or {})
        report, good = self._report, self._begin(start)
        self._before_the_first(good)
        with closing(self._snapshot.walk(good.position, report.last_position)) as pages:
            self._events = Walk(pages)
            self._through(good, held, start=start, read_upto=read_upto)
        report.breaks = sorted(report.breaks, key=_by_position)[:MOST_BREAKS]
        report.seconds = time.monotonic() - begun
        return report

    def _through(self, good: Checkpoint, held: dict[int, str], *, start: int, read_upto: int) -> None:
        """From one checkpoint to the next, then what lies behind the last, then what follows from all of it."""
        report = self._report
        for checkpoint in self._good_ones(good):
            self._stretch(good, checkpoint)
            if held.get(checkpoint.position) == checkpoint.hash.hex():
                del held[checkpoint.position]
            report.head = Head(checkpoint.position, checkpoint.hash.hex())
            good = checkpoint
            if len(report.breaks) >= MOST_BREAKS:
                break
        else:
            self._rest(good)
            self._ends(good, read_upto)
            self._missed(position for position in held if position > start)
            if self._following is not None and start == 0:
                report.breaks += self._following.breaks(self._snapshot)

    def _begin(self, start: int) -> Checkpoint:
        at = start
        while at > 0 and (found := self._snapshot.checkpoint_upto(at)) is not None:
            if self._seal.fits(found):
                return found
            at = found.position - 1
        return Checkpoint(position=0, previous=0, hash=START, at="", marks=b"")

    def _before_the_first(self, good: Checkpoint) -> None:
        if good.position == 0:
            for page in self._snapshot.events(FIRST_OF_ALL, 0):
                for position, stream, *_ in page:
                    self._note(position, "inserted", "Positions begin with 1.", stream)

    def _good_ones(self, good: Checkpoint) -> Iterator[Checkpoint]:
        """Every checkpoint that bears our seal; what is wrong with them and between them is noted."""
        altered = set[int]()
        previous, at = good.position, good.position
        while (checkpoint := self._snapshot.checkpoint_behind(at)) is not None:
            at = checkpoint.position
            self._report.checkpoints += 1
            if not self._seal.fits(checkpoint):
                altered.add(at)
                self._note(at, "checkpoint altered", "This checkpoint is not as we signed it.")
                continue
            if checkpoint.previous != previous and checkpoint.previous not in altered:
                detail = f"The checkpoint at {at} says that there was one here."
                self._note(checkpoint.previous, "checkpoint removed", detail)
            yield checkpoint
            previous = at

    def _stretch(self, good: Checkpoint, checkpoint: Checkpoint) -> None:
        """Fold the events between two checkpoints, and look closer when they do not lead from one to the other."""
        link, expected, whole = good.hash, good.position + 1, True
        for page in self._events.upto(checkpoint.position):
            link = Segment.of(link, page).end
            whole = whole and page[0][0] == expected and page[-1][0] == expected + len(page) - 1
            expected = page[-1][0] + 1
            self._seen(page)
        if whole and link == checkpoint.hash:
            return
        rows = {
            row[0]: row
            for page in self._snapshot.events(checkpoint.previous - SLACK, checkpoint.position + SLACK)
            for row in page
        }
        found = list(self._locator.breaks(checkpoint, rows))
        if not found and not self._locator.shift:
            detail = f"One of the events up to {checkpoint.previous} is not what it was."
            self._note(good.position + 1, "altered", detail)
        self._report.breaks += found

    def _rest(self, good: Checkpoint) -> None:
        """What no good checkpoint covers can only be counted, and seen to be without gaps."""
        expected = good.position + 1
        for page in self._events.upto(self._report.last_position):
            self._report.uncovered += len(page)
            for position, *_ in page:
                if position != expected:
                    self._note(expected, "missing", f"There is no event from {expected} to {position - 1}.")
                expected = position + 1
            self._seen(page)

    def _ends(self, good: Checkpoint, read_upto: int) -> None:
        last = max(self._report.last_position, good.position)
        if read_upto > last:
            self._note(last + 1, "missing", f"A view has read up to {read_upto}, and the log ends at {last}.")

    def _missed(self, given_out: Iterable[int]) -> None:
        for position in given_out:
            self._note(position, "not as given out", "A checkpoint that was given out is not there.")

    def _seen(self, page: list[StoredRow]) -> None:
        if self._following is not None:
            self._following.feed(page)
        self._report.checked += len(page)
        self._progress(self._report.checked)

    def _note(self, position: int, kind: Kind, detail: str, stream: bytes | None = None) -> None:
        told = stream.decode(errors="replace") if stream else None
        self._report.breaks.append(Break(position=position, kind=kind, detail=detail, stream=told))


def _by_position(one: Break) -> tuple[bool, int]:
    return one.position is None, one.position or 0
