"""From one master key to another: every data key is wrapped anew, and no event is touched."""

from collections.abc import Callable, Iterator
from uuid import UUID

import msgspec

from adapters.store.key_table import AlreadyAtWork, KeyTable, Pair
from adapters.store.keys import KEY_BYTES, Keyring, NotOurs, WrappedKey
from domain.ledger import NOBODY

KEYS_AT_ONCE = 500


class AnotherUnderWay(Exception):
    """The ledger is on its way to another master key than the one that is wanted now."""

    def __init__(self) -> None:
        super().__init__("A rotation to another key has begun and not ended: end it first, with that key.")


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did. `late` are keys that somebody made under the other master key while it ran, `foreign` those that
    open with neither; while there are any the rotation has not `ended`."""

    keys: int
    rewrapped: int
    late: int
    foreign: int

    @property
    def ended(self) -> bool:
        """Whether the new master key opens everything."""
        return not (self.late or self.foreign)


class Rotation:
    """Re-wraps the keys of `table` under `new`. Safe to repeat after it was ended at any moment.

    Until it has ended the look-up key, without which no process starts, is wrapped under both master keys: so only
    processes that have both can start. `progress` is told how many keys have been looked at.
    """

    def __init__(
        self,
        table: KeyTable,
        *,
        new: bytes,
        other: bytes | None,
        progress: Callable[[int], None] = lambda keys: None,
        at_once: int = KEYS_AT_ONCE,
    ) -> None:
        def nothing(subject: UUID) -> None: ...

        self._table, self._progress, self._at_once = table, progress, at_once
        self._new, self._any = Keyring(new, nothing), Keyring(new, nothing)
        self._others = None if other is None else Keyring(other, nothing)
        if other is not None:
            self._any.also_open_with(other)

    def run(self) -> Rotated:
        """Raises `NotOurs` when the keys do not fit the ledger, `AnotherUnderWay`, and `AlreadyAtWork`."""
        self._table.lock()
        self._begin()
        self._progress(0)
        keys, rewrapped, foreign = self._pass()
        _, late, _ = self._pass(quiet=True)
        rotated = Rotated(keys=keys, rewrapped=rewrapped + late, late=late, foreign=foreign)
        if rotated.ended:
            self._end()
            self._table.wipe()
        return rotated

    def _begin(self) -> None:
        """Wrap the look-up key under both; not where it is already, or where an earlier run has ended."""
        was = row = self._nobodys()
        outer = self._new.peel(NOBODY, row.wrapped or b"")
        if outer is not None:  # begun or ended before
            self._any.unwrap(row)
            return
        if self._others is None or (inner := self._others.peel(NOBODY, row.wrapped or b"")) is None:
            raise NotOurs("The master key does not fit this ledger.")
        if len(inner) > KEY_BYTES:
            if self._new.peel(NOBODY, inner) is None:
                raise AnotherUnderWay
            row = self._others.wrap(NOBODY, self._any.unwrap(row))  # on the way back to where it came from
        self._replace_nobodys(was, self._new.wrap(NOBODY, row.wrapped or b""))

    def _end(self) -> None:
        was = self._nobodys()
        self._replace_nobodys(was, self._new.wrap(NOBODY, self._any.unwrap(was)))

    def _nobodys(self) -> WrappedKey:
        row = self._table.nobodys()
        if row is None:
            raise NotOurs("The ledger has no look-up key.")
        return row

    def _replace_nobodys(self, was: WrappedKey, becomes: WrappedKey) -> None:
        if not self._table.replace([(was, becomes)], wait=True):  # another product's rotation, which knows no lock
            raise AlreadyAtWork

    def _pass(self, *, quiet: bool = False) -> tuple[int, int, int]:
        """Go through all keys once: how many there are, were re-wrapped, and open with none of ours."""
        seen = rewrapped = foreign = 0
        for page in self._pages():
            pairs: list[Pair] = []
            for row in page:
                if self._new.peel(row.subject, row.wrapped or b"") is not None:
                    continue
                try:
                    pairs.append((row, self._new.wrap(row.subject, self._any.unwrap(row))))
                except NotOurs:
                    foreign += 1
            rewrapped += self._replace(pairs)
            seen += len(page)
            if not quiet:
                self._progress(seen)
        return seen, rewrapped, foreign

    def _replace(self, pairs: list[Pair]) -> int:
        """How many were replaced; those whose key was destroyed meanwhile are not."""
        done = self._table.replace(pairs) if pairs else set()
        held = [pair for pair in pairs if pair[0].subject not in done]
        return len(done) + sum(len(self._table.replace([pair], wait=True)) for pair in held)

    def _pages(self) -> Iterator[list[WrappedKey]]:
        after = NOBODY
        while page := self._table.page(after, self._at_once):
            yield page
            after = page[-1].subject
