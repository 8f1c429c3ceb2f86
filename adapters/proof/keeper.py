"""The keeper of the chain: checkpoints every thousand events, and every hour in which something was new."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property

from adapters.proof.chain import START, Checkpoint, Seal, Segment, StoredRow, marks_of
from adapters.proof.tables import Snapshot, Tables
from adapters.store.sqlite import stamp

EVERY_EVENTS = 1_000
AT_LEAST_EVERY = timedelta(hours=1)
LOOK_SECONDS = 5.0

log = logging.getLogger("daybook.chain")


class BrokenChain(Exception):
    """The chain cannot go on from here: what it stands on has been changed."""

    def __init__(self, sentence: str) -> None:
        super().__init__(f"{sentence} `daybook verify` says more.")


class Keeper:
    """Extends the chain behind the appends, which never wait for it; any number of keepers make one chain."""

    def __init__(
        self, tables: Tables, seal: Callable[[], Seal], *, now: Callable[[], datetime], every: int = EVERY_EVENTS
    ) -> None:
        """`every` is after how many events a checkpoint is due, whatever the hour."""
        self.tables, self._seal, self._now, self._every = tables, seal, now, every

    @cached_property
    def seal(self) -> Seal:
        """What checkpoints are signed with."""
        return self._seal()

    def run(self, wait: Callable[[float], bool]) -> None:
        """Extend whenever something is due, until `wait(seconds)` returns True."""
        while not wait(LOOK_SECONDS):
            try:
                self.extend(until=lambda: wait(0))
            except BrokenChain as error:
                log.error("%s", error)
            except Exception as error:  # the database, perhaps; what is not covered yet will be
                log.warning("the chain waits: %s", type(error).__name__)

    def extend(self, *, all: bool = False, until: Callable[[], bool] = lambda: False) -> int:
        """Add every checkpoint that is due, with `all` up to the newest event, and return how many.

        Raises `BrokenChain`.
        """
        added, refused = 0, 0  # the latter by the table: another keeper has been faster
        while not until():
            with self.tables.snapshot() as snapshot:
                checkpoint = self._next(snapshot, all=all)
            if checkpoint is None:
                break
            if self.tables.add(checkpoint):
                added += 1
                # Wherever logs are kept, nobody who can only write the tables can take this back.
                log.info("checkpoint at %d: %s", checkpoint.position, checkpoint.hash.hex())
            elif refused == checkpoint.position:
                raise BrokenChain(f"Something is in the way of the checkpoint at {refused}.")
            else:
                refused = checkpoint.position
        return added

    def _next(self, snapshot: Snapshot, *, all: bool) -> Checkpoint | None:
        last, newest = snapshot.checkpoint_upto(2**62), snapshot.last_position()
        if last is not None and not self.seal.fits(last):
            raise BrokenChain(f"The checkpoint at {last.position} is not as we signed it.")
        begin, link = (last.position, last.hash) if last else (0, START)
        if newest < begin:
            raise BrokenChain(f"The log ends at {newest}, before its checkpoint at {begin}.")
        end = min(begin + self._every, newest)
        if end == begin or not (all or end - begin == self._every or last is None or self._long_ago(last.at)):
            return None
        segment = Segment.of(link, _whole(snapshot, begin, end))
        return self.seal.sealed(
            Checkpoint(
                position=end, previous=begin, hash=segment.end, at=stamp(self._now()), marks=marks_of(segment.digests)
            )
        )

    def _long_ago(self, at: str) -> bool:
        """Also when the clock has been set back: nobody should have to wait for it."""
        passed = self._now() - datetime.fromisoformat(at)
        return passed >= AT_LEAST_EVERY or passed < timedelta()


def _whole(snapshot: Snapshot, after: int, upto: int) -> list[StoredRow]:
    rows = [row for page in snapshot.events(after, upto) for row in page]
    if [row[0] for row in rows] != list(range(after + 1, upto + 1)):
        raise BrokenChain(f"Events are missing between {after} and {upto}.")
    return rows
