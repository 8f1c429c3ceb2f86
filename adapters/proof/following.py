"""What should follow from the events: claims and open effects, folded anew and compared with the tables; keys."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

import msgspec

from adapters.proof.chain import StoredRow
from adapters.proof.keys import key_breaks
from adapters.proof.locating import Break, Kind
from adapters.proof.tables import Snapshot
from adapters.store.keys import Keyring
from adapters.store.mapper import Mapper, event_names
from domain.consequences import Close, Open, Take
from domain.ledger import Event

MOST = 20  # of each kind
MOST_AT_HAND = 50_000  # claims and effects, before they are put down in the file
SCRATCH = """
PRAGMA journal_mode = OFF;
PRAGMA cache_size = -32768;
CREATE TABLE claims (key TEXT, owner TEXT, position INTEGER, PRIMARY KEY (key, owner)) WITHOUT ROWID;
CREATE TABLE effects (effect TEXT PRIMARY KEY, position INTEGER, subject TEXT, channel TEXT, kind TEXT) WITHOUT ROWID;
CREATE TABLE found_claims (key TEXT, owner TEXT, PRIMARY KEY (key, owner)) WITHOUT ROWID;
CREATE TABLE found_effects (effect TEXT PRIMARY KEY, position INTEGER, subject TEXT, channel TEXT, kind TEXT)
WITHOUT ROWID;
"""
TAKEN_ROW = "INSERT OR IGNORE INTO claims VALUES (?, ?, ?)"
FREED_ROW = "DELETE FROM claims WHERE key = ? AND owner = ?"
OPENED_ROW = "INSERT OR REPLACE INTO effects VALUES (?, ?, ?, ?, ?)"
CLOSED_ROW = "DELETE FROM effects WHERE effect = ?"
LOST_CLAIMS = f"""SELECT key, owner, position FROM claims
WHERE (key, owner) NOT IN (SELECT key, owner FROM found_claims) ORDER BY position LIMIT {MOST}"""
FOUND_CLAIMS = f"""SELECT key, owner, NULL FROM found_claims
WHERE (key, owner) NOT IN (SELECT key, owner FROM claims) ORDER BY key LIMIT {MOST}"""
LOST_EFFECTS = f"""SELECT * FROM (SELECT * FROM effects EXCEPT SELECT * FROM found_effects)
ORDER BY position LIMIT {MOST}"""
FOUND_EFFECTS = f"""SELECT * FROM (SELECT * FROM found_effects EXCEPT SELECT * FROM effects)
ORDER BY position LIMIT {MOST}"""


class Reader(msgspec.Struct, frozen=True):
    """How the events of one stored name are read, and what they may tell of."""

    decode: Callable[[bytes], Event]
    claims: bool
    work: bool


class Following:
    """Folds claims and open effects out of the stored events, in a file of its own that goes away with it.

    A pair of key and owner is claimed when the last word on it was to take it, in whatever batches it was recorded.
    What was told last is kept at hand, with ids as numbers, since these cost a tenth of their text.
    """

    def __init__(self, mapper: Mapper, keyring: Keyring, *, at_hand: int = MOST_AT_HAND) -> None:
        self._mapper, self._keyring, self._at_hand = mapper, keyring, at_hand
        self._readers: dict[bytes, Reader | None] = {name.encode(): None for name in mapper.names}
        for event_class in event_names(mapper).values():
            claims, work = event_class.claims is not Event.claims, event_class.work is not Event.work
            for name in mapper.readable_as([event_class]) if claims or work else ():
                self._readers[name.encode()] = Reader(mapper.closed_reader(name), claims, work)
        self._unreadable: list[Break] = []
        self._claims: dict[tuple[str, int], int | None] = {}
        self._opened: dict[int, tuple[int, Open]] = {}
        self._closed: set[int] = set()
        self._scratch = sqlite3.connect("", isolation_level=None)  # in memory as long as it is small
        self._scratch.executescript(SCRATCH)
        self._scratch.execute("BEGIN")

    def close(self) -> None:
        """Remove what it has noted."""
        self._scratch.close()

    def feed(self, rows: Iterable[StoredRow]) -> None:
        """The next events, in order."""
        for row in rows:
            try:
                reader = self._readers[row[3]]
                if reader is None:
                    continue
                event = reader.decode(row[4])
            except (msgspec.MsgspecError, ValueError, LookupError, TypeError):  # an upcaster may not know it either
                self._cannot_read(row)
                continue
            if reader.claims:
                self._fold_claims(row, event)
            if reader.work:
                self._fold_work(row, event)
        if len(self._claims) + len(self._opened) + len(self._closed) >= self._at_hand:
            self._put_down()

    def _cannot_read(self, row: StoredRow) -> None:
        if len(self._unreadable) < MOST:
            detail = "No event of this product is stored like that."
            stream = row[1].decode(errors="replace")
            self._unreadable.append(Break(position=row[0], kind="unreadable", detail=detail, stream=stream))

    def _fold_claims(self, row: StoredRow, event: Event) -> None:
        for claim in event.claims():
            pair = claim.key, claim.owner.int
            if not isinstance(claim, Take):
                self._claims[pair] = None
            elif self._claims.get(pair) is None:
                self._claims[pair] = row[0]

    def _fold_work(self, row: StoredRow, event: Event) -> None:
        """What is opened and closed again soon never reaches the file."""
        work = event.work()
        if isinstance(work, Open):
            self._opened[work.effect.int] = row[0], work
        elif isinstance(work, Close) and self._opened.pop(work.effect.int, None) is None:
            self._closed.add(work.effect.int)

    def _put_down(self) -> None:
        run = self._scratch.executemany
        claims = [(key, str(UUID(int=owner)), position) for (key, owner), position in self._claims.items()]
        run(FREED_ROW, [(key, owner) for key, owner, position in claims if position is None])
        run(TAKEN_ROW, [claim for claim in claims if claim[2] is not None])
        run(CLOSED_ROW, [(str(UUID(int=effect)),) for effect in self._closed])
        run(
            OPENED_ROW,
            [
                (str(work.effect), position, str(work.subject), work.channel, work.kind)
                for position, work in self._opened.values()
            ],
        )
        self._claims.clear()
        self._opened.clear()
        self._closed.clear()

    def breaks(self, snapshot: Snapshot) -> Iterator[Break]:
        """What the tables say and the events do not, and the other way round."""
        self._put_down()
        run = self._scratch.executemany
        for claims in snapshot.claims():
            run("INSERT OR IGNORE INTO found_claims VALUES (?, ?)", claims)
        for effects in snapshot.open_effects():
            run("INSERT OR IGNORE INTO found_effects VALUES (?, ?, ?, ?, ?)", effects)
        yield from self._unreadable
        yield from self._claim_breaks(LOST_CLAIMS, "An event takes a claim ({}) that is not in the table.")
        yield from self._claim_breaks(FOUND_CLAIMS, "A claim ({}) is in the table that no event takes.")
        yield from self._effect_breaks(LOST_EFFECTS, "An event opens an effect ({}) that is not so in the table.")
        yield from self._effect_breaks(FOUND_EFFECTS, "An open effect ({}) is in the table that no event opens so.")
        for stream, lowest, highest, count in snapshot.misnumbered(most=MOST):
            detail = f"Its {count} events are numbered from {lowest} to {highest}."
            yield Break(position=_first(snapshot, stream), kind="misnumbered", detail=detail, stream=stream)

        yield from key_breaks(snapshot, self._mapper, self._keyring, most=MOST)

    def _claim_breaks(self, sql: str, detail: str) -> Iterator[Break]:
        for key, owner, position in self._rows(sql):
            said = detail.format(key.partition(":")[0])  # what follows may be about a person
            yield _break("claim", position, said, owner)

    def _effect_breaks(self, sql: str, detail: str) -> Iterator[Break]:
        for _, position, subject, channel, kind in self._rows(sql):
            yield _break("open effect", position, detail.format(f"{channel} {kind}"), subject)

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._scratch.execute(sql).fetchall()


def _break(kind: Kind, position: int | None, detail: str, stream: str) -> Break:
    return Break(position=position, kind=kind, detail=detail, stream=stream)


def _first(snapshot: Snapshot, stream: str) -> int:
    rows = snapshot.events_of(stream)
    return next((row[0] for nth, row in enumerate(rows, start=1) if row[2] != nth), rows[0][0])
