"""What should follow from the events: the claims and the open effects, folded anew and compared with the tables."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from adapters.proof.chain import StoredRow
from adapters.proof.locating import Break, Kind
from adapters.proof.tables import Snapshot
from adapters.store.mapper import Mapper, UnknownEvent, event_names
from domain.consequences import Close, Open, Take
from domain.ledger import Event

MOST = 20  # of each kind
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


class Following:
    """Folds claims and open effects out of the stored events, in a file of its own that goes away with it.

    A pair of key and owner is claimed when the last word on it was to take it, in whatever batches it was recorded.
    """

    def __init__(self, mapper: Mapper) -> None:
        self._mapper = mapper
        classes = event_names(mapper).values()
        told = [one for one in classes if one.claims is not Event.claims or one.work is not Event.work]
        self._telling = {name.encode() for name in mapper.readable_as(told)}
        self._known = {name.encode() for name in mapper.names}
        self._unreadable: list[Break] = []
        self._scratch = sqlite3.connect("", isolation_level=None)  # in memory as long as it is small
        self._scratch.executescript(SCRATCH)
        self._scratch.execute("BEGIN")

    def close(self) -> None:
        """Remove what it has noted."""
        self._scratch.close()

    def feed(self, rows: Iterable[StoredRow]) -> None:
        """The next events, in order."""
        claims: dict[tuple[str, str], int | None] = {}
        work: dict[str, tuple[int, str, str, str] | None] = {}
        for row in rows:
            if row[3] in self._telling:
                if (event := self._event(row)) is not None:
                    self._fold(event, row[0], claims, work)
            elif row[3] not in self._known:
                self._cannot_read(row)
        run = self._scratch.executemany
        run(FREED_ROW, [pair for pair, position in claims.items() if position is None])
        run(TAKEN_ROW, [(*pair, position) for pair, position in claims.items() if position is not None])
        run(CLOSED_ROW, [(effect,) for effect, opened in work.items() if opened is None])
        run(OPENED_ROW, [(effect, *opened) for effect, opened in work.items() if opened is not None])

    def _event(self, row: StoredRow) -> Event | None:
        try:
            return self._mapper.decode(row[3].decode(), row[4])
        except (UnknownEvent, msgspec.MsgspecError, ValueError, LookupError, TypeError):
            self._cannot_read(row)
            return None

    def _cannot_read(self, row: StoredRow) -> None:
        if len(self._unreadable) < MOST:
            detail = "No event of this product is stored like that."
            stream = row[1].decode(errors="replace")
            self._unreadable.append(Break(position=row[0], kind="unreadable", detail=detail, stream=stream))

    @staticmethod
    def _fold(
        event: Event,
        position: int,
        claims: dict[tuple[str, str], int | None],
        work: dict[str, tuple[int, str, str, str] | None],
    ) -> None:
        for claim in event.claims():
            pair = claim.key, str(claim.owner)
            if not isinstance(claim, Take):
                claims[pair] = None
            elif claims.get(pair) is None:
                claims[pair] = position
        match event.work():
            case Open(effect=effect, subject=subject, channel=channel, kind=kind):
                work[str(effect)] = position, str(subject), channel, kind
            case Close(effect=effect):
                work[str(effect)] = None

    def breaks(self, snapshot: Snapshot) -> Iterator[Break]:
        """What the tables say and the events do not, and the other way round."""
        run = self._scratch.executemany
        for claims in snapshot.claims():
            run("INSERT OR IGNORE INTO found_claims VALUES (?, ?)", claims)
        for effects in snapshot.open_effects():
            run("INSERT OR IGNORE INTO found_effects VALUES (?, ?, ?, ?, ?)", effects)
        yield from self._unreadable
        yield from self._claims(LOST_CLAIMS, "An event takes a claim ({}) that is not in the table.")
        yield from self._claims(FOUND_CLAIMS, "A claim ({}) is in the table that no event takes.")
        yield from self._effects(LOST_EFFECTS, "An event opens an effect ({}) that is not so in the table.")
        yield from self._effects(FOUND_EFFECTS, "An open effect ({}) is in the table that no event opens so.")
        for stream, lowest, highest, count in snapshot.misnumbered(most=MOST):
            detail = f"Its {count} events are numbered from {lowest} to {highest}."
            yield Break(position=_first(snapshot, stream), kind="misnumbered", detail=detail, stream=stream)

    def _claims(self, sql: str, detail: str) -> Iterator[Break]:
        for key, owner, position in self._rows(sql):
            said = detail.format(key.partition(":")[0])  # what follows may be about a person
            yield _break("claim", position, said, owner)

    def _effects(self, sql: str, detail: str) -> Iterator[Break]:
        for _, position, subject, channel, kind in self._rows(sql):
            yield _break("open effect", position, detail.format(f"{channel} {kind}"), subject)

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._scratch.execute(sql).fetchall()


def _break(kind: Kind, position: int | None, detail: str, stream: str) -> Break:
    return Break(position=position, kind=kind, detail=detail, stream=stream)


def _first(snapshot: Snapshot, stream: str) -> int:
    rows = snapshot.events_of(stream)
    return next((row[0] for nth, row in enumerate(rows, start=1) if row[2] != nth), rows[0][0])
