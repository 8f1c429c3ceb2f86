"""A log in memory, for tests of the domain: it refuses what the real ones refuse."""

from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

from domain.consequences import Close, Free, Open, Take
from domain.ledger import Conflict, Entry, Event, Taken


class MemoryLog:
    """Keeps appends as they came, so that a test can see what was recorded together."""

    def __init__(self) -> None:
        self.appends: list[list[Entry]] = []
        self.claims: dict[str, UUID] = {}
        self.open: dict[UUID, Open] = {}
        self.destroyed: set[UUID] = set()

    @property
    def events(self) -> list[Event]:
        """Every event, in order."""
        return [entry.event for entries in self.appends for entry in entries]

    def append(self, entries: Sequence[Entry]) -> int:
        known = {(event.stream, event.version) for event in self.events}
        claims = dict(self.claims)
        for entry in entries:
            if (entry.event.stream, entry.event.version) in known:
                raise Conflict
            for claim in entry.event.claims():
                self._claim(claims, claim)
        self.claims = claims
        if entries:
            self.appends.append(list(entries))
        for entry in entries:
            self.destroyed.update(entry.event.destroys())
            match entry.event.work():
                case Open() as work:
                    self.open[work.effect] = work
                case Close(effect):
                    self.open.pop(effect, None)
        return len(self.events)

    @staticmethod
    def _claim(claims: dict[str, UUID], claim: Take | Free) -> None:
        owner = claims.get(claim.key)
        if isinstance(claim, Free):
            if owner == claim.owner:
                del claims[claim.key]
        elif owner not in (None, claim.owner):
            raise Taken(claim.key, claims[claim.key])
        else:
            claims[claim.key] = claim.owner

    def events_of(self, stream: UUID, *, upto: int | None = None) -> list[Event]:
        return [event for event in self.events if event.stream == stream and (upto is None or event.version <= upto)]

    def owner(self, key: str) -> UUID | None:
        return self.claims.get(key)

    def owners(self, keys: Sequence[str]) -> dict[str, UUID]:
        return {key: self.claims[key] for key in keys if key in self.claims}

    def open_effects_of(self, subject: UUID) -> list[UUID]:
        return [work.effect for work in self.open.values() if work.subject == subject]

    def blind(self, value: str) -> str:
        return sha256(value.encode()).hexdigest()[:32]
